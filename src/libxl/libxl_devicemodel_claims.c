/*
 * libxl_devicemodel_claims.c: what a secondary may register with Xen
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Written here for the scope library, which reads it in
 * libxl_devicemodel_scope_claims.c, and told to whoever frees the guest of a
 * secondary that has ended.
 */

#include <config.h>

#include "libxl_devicemodel_claims.h"

#include "libxl_devicemodel_ioreq.h"
#include "libxl_devicemodel_registers.h"
#include "libxl_devicemodel_scope_protocol.h"
#include "libxl_devicemodel_uart.h"
#include "virbuffer.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

/* The library cannot know libvirt's, nor can who frees the guest. */
G_STATIC_ASSERT(VIR_DOMAIN_DEVICE_MODEL_MAX == LIBXL_DEVICE_MODEL_IDS);
G_STATIC_ASSERT(VIR_DOMAIN_DEVICE_MODEL_MAX == LIBXL_DEVICE_MODEL_IOREQ_SERVERS);

/* The claims of a secondary, a list of each kind, and the sources of the interrupts
 * among them. */
typedef struct _libxlDeviceModelClaims libxlDeviceModelClaims;
struct _libxlDeviceModelClaims {
    virBuffer pci;
    virBuffer pio;
    virBuffer irq;
    unsigned int slots; /* bits 1 << slot; those whose four pins are its own */
    unsigned int irqs; /* bits 1 << ISA interrupt */
};

#define LIBXL_DEVICE_MODEL_CLAIMS_INIT \
    { VIR_BUFFER_INITIALIZER, VIR_BUFFER_INITIALIZER, VIR_BUFFER_INITIALIZER, 0, 0 }


static const unsigned int libxlDeviceModelClaimsUARTPorts[] = LIBXL_DEVICE_MODEL_REGISTERS_UART_PORTS;
static const unsigned int libxlDeviceModelClaimsIDEPorts[] = LIBXL_DEVICE_MODEL_REGISTERS_IDE_PORTS;
static const unsigned int libxlDeviceModelClaimsIDEControls[] = LIBXL_DEVICE_MODEL_REGISTERS_IDE_CONTROLS;

static const unsigned int libxlDeviceModelClaimsUARTIRQs[] = LIBXL_DEVICE_MODEL_UART_IRQS;
/* The interrupts of a PC (QEMU hw/ide/piix.c). */
static const unsigned int libxlDeviceModelClaimsIDEIRQs[] = { 14, 15 };

G_STATIC_ASSERT(G_N_ELEMENTS(libxlDeviceModelClaimsUARTPorts) == LIBXL_DEVICE_MODEL_SERIAL_MAX);
G_STATIC_ASSERT(G_N_ELEMENTS(libxlDeviceModelClaimsUARTIRQs) == LIBXL_DEVICE_MODEL_SERIAL_MAX);
G_STATIC_ASSERT(G_N_ELEMENTS(libxlDeviceModelClaimsIDEIRQs) == LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS);


static void
libxlDeviceModelClaimSlot(libxlDeviceModelClaims *claims,
                          unsigned int slot)
{
    virBufferAsprintf(&claims->pci, "0x%02x,", slot << 3);
    claims->slots |= 1U << slot;
}


static void
libxlDeviceModelClaimPorts(libxlDeviceModelClaims *claims,
                           unsigned int first,
                           unsigned int count)
{
    virBufferAsprintf(&claims->pio, "0x%x-0x%x,", first, first + count - 1);
}


static void
libxlDeviceModelClaimIRQ(libxlDeviceModelClaims *claims,
                         unsigned int irq)
{
    virBufferAsprintf(&claims->irq, "%u,", irq);
    claims->irqs |= 1U << irq;
}


/* The slot of the controller is no source of interrupts of its own: its ports have
 * those of the ISA bus, and the pins of that slot are those of the primary's USB. */
static void
libxlDeviceModelClaimIDE(libxlDeviceModelClaims *claims)
{
    size_t i;

    virBufferAsprintf(&claims->pci, "0x%02x,", LIBXL_DEVICE_MODEL_REGISTERS_IDE_SLOT << 3 |
                      LIBXL_DEVICE_MODEL_REGISTERS_IDE_FUNCTION);

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS; i++) {
        libxlDeviceModelClaimPorts(claims, libxlDeviceModelClaimsIDEPorts[i],
                                   LIBXL_DEVICE_MODEL_REGISTERS_PORTS);
        libxlDeviceModelClaimPorts(claims, libxlDeviceModelClaimsIDEControls[i], 1);
        libxlDeviceModelClaimIRQ(claims, libxlDeviceModelClaimsIDEIRQs[i]);
    }
}


static void
libxlDeviceModelClaimSerials(libxlDeviceModelClaims *claims,
                             const libxlDeviceModelConfig *config)
{
    size_t i;

    for (i = 0; i < config->nserials; i++) {
        unsigned int port = config->serials[i].port;
        unsigned int irq = libxlDeviceModelClaimsUARTIRQs[port];

        libxlDeviceModelClaimPorts(claims, libxlDeviceModelClaimsUARTPorts[port],
                                   LIBXL_DEVICE_MODEL_REGISTERS_PORTS);
        /* two ports share one */
        if (!(claims->irqs & (1U << irq)))
            libxlDeviceModelClaimIRQ(claims, irq);
    }
}


static void
libxlDeviceModelClaimCapability(libxlDeviceModelClaims *claims,
                                const libxlDeviceModelConfig *config,
                                virDomainDeviceModelCapability cap)
{
    switch (cap) {
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE:
        libxlDeviceModelClaimIDE(claims);
        break;

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL:
        libxlDeviceModelClaimSerials(claims, config);
        break;

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO:
        libxlDeviceModelClaimSlot(claims, config->sound->slot);
        break;

    /* never a secondary's */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST:
        break;
    }
}


static void
libxlDeviceModelClaimAll(libxlDeviceModelClaims *claims,
                         const libxlDeviceModelConfig *config)
{
    virDomainDeviceModelCapability cap;
    size_t i;

    for (i = 0; i < config->nnics; i++)
        libxlDeviceModelClaimSlot(claims, config->nics[i].slot);

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        if (config->capabilities & (1U << cap))
            libxlDeviceModelClaimCapability(claims, config, cap);
    }
}


static void
libxlDeviceModelClaimsClear(libxlDeviceModelClaims *claims)
{
    virBufferFreeAndReset(&claims->pci);
    virBufferFreeAndReset(&claims->pio);
    virBufferFreeAndReset(&claims->irq);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(libxlDeviceModelClaims, libxlDeviceModelClaimsClear);


static void
libxlDeviceModelClaimsAdd(virBuffer *scope,
                          const char *key,
                          virBuffer *values)
{
    virBufferTrim(values, ",");
    if (virBufferUse(values) > 0)
        virBufferAsprintf(scope, ";%s=%s", key, virBufferCurrentContent(values));
}


/**
 * libxlDeviceModelClaimsFormat:
 * @config: configuration of a secondary
 *
 * Returns the claims of the secondary in the words of the scope library
 * (libxl_devicemodel_scope_protocol.h), to be freed by the caller.
 */
char *
libxlDeviceModelClaimsFormat(const libxlDeviceModelConfig *config)
{
    g_auto(virBuffer) scope = VIR_BUFFER_INITIALIZER;
    g_auto(libxlDeviceModelClaims) claims = LIBXL_DEVICE_MODEL_CLAIMS_INIT;

    libxlDeviceModelClaimAll(&claims, config);
    virBufferAsprintf(&scope,
                      LIBXL_DEVICE_MODEL_SCOPE_DOMID "=%u;" LIBXL_DEVICE_MODEL_SCOPE_ID "=%u",
                      config->domid, config->id);
    libxlDeviceModelClaimsAdd(&scope, LIBXL_DEVICE_MODEL_SCOPE_PCI, &claims.pci);
    libxlDeviceModelClaimsAdd(&scope, LIBXL_DEVICE_MODEL_SCOPE_PIO, &claims.pio);
    libxlDeviceModelClaimsAdd(&scope, LIBXL_DEVICE_MODEL_SCOPE_IRQ, &claims.irq);

    return virBufferContentAndReset(&scope);
}


/**
 * libxlDeviceModelClaimsGetInterrupts:
 * @config: configuration of a secondary
 * @slots: set to the PCI slots whose pins are the secondary's, as bits 1 << slot
 * @irqs: set to the ISA interrupts that it claims, as bits 1 << interrupt
 *
 * Tell which interrupt lines a secondary may hold up, so that they can be taken down
 * when it has ended.  Nobody else raises them.
 */
void
libxlDeviceModelClaimsGetInterrupts(const libxlDeviceModelConfig *config,
                                    unsigned int *slots,
                                    unsigned int *irqs)
{
    g_auto(libxlDeviceModelClaims) claims = LIBXL_DEVICE_MODEL_CLAIMS_INIT;

    libxlDeviceModelClaimAll(&claims, config);
    *slots = claims.slots;
    *irqs = claims.irqs;
}
