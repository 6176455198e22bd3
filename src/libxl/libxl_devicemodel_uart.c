/*
 * libxl_devicemodel_uart.c: which UART of a PC each serial port of a domain is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_uart.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_conf.h"
#include "libxl_devicemodel_placement.h"
#include "libxl_devicemodel_registers.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

static const unsigned int libxlDeviceModelUARTPorts[] = LIBXL_DEVICE_MODEL_REGISTERS_UART_PORTS;
static const unsigned int libxlDeviceModelUARTIRQs[] = LIBXL_DEVICE_MODEL_UART_IRQS;

G_STATIC_ASSERT(G_N_ELEMENTS(libxlDeviceModelUARTPorts) == LIBXL_DEVICE_MODEL_SERIAL_MAX);
G_STATIC_ASSERT(G_N_ELEMENTS(libxlDeviceModelUARTIRQs) == LIBXL_DEVICE_MODEL_SERIAL_MAX);


static bool
libxlDeviceModelUARTIsTaken(const virDomainDef *def,
                            int port)
{
    size_t i;

    for (i = 0; i < def->nserials; i++) {
        if (def->serials[i]->target.port == port)
            return true;
    }

    return false;
}


static int
libxlDeviceModelUARTCompare(const void *a,
                            const void *b,
                            void *opaque G_GNUC_UNUSED)
{
    const virDomainChrDef *const *first = a;
    const virDomainChrDef *const *second = b;

    return ((*first)->target.port > (*second)->target.port) -
           ((*first)->target.port < (*second)->target.port);
}


/**
 * libxlDeviceModelUARTsAssign:
 * @def: domain definition that is parsed
 * @parseFlags: with what it is
 *
 * In a domain with device models, give each serial port without a number the lowest that
 * is free, and put all in the order of their numbers.  That comes before libvirt makes the
 * first console from the first of them (virDomainDefAddConsoleCompat in
 * conf/domain_conf.c), and gives numbers itself (domain_postparse.c), which would not be
 * the lowest.  The definition in a status file stays: its domain runs.
 */
void
libxlDeviceModelUARTsAssign(virDomainDef *def,
                            unsigned int parseFlags)
{
    int port = 0;
    size_t i;

    if (def->ndevicemodels == 0 || (parseFlags & VIR_DOMAIN_DEF_PARSE_STATUS))
        return;

    for (i = 0; i < def->nserials; i++) {
        if (def->serials[i]->target.port != -1)
            continue;

        while (libxlDeviceModelUARTIsTaken(def, port))
            port++;
        def->serials[i]->target.port = port;
    }

    if (def->nserials > 0)
        g_qsort_with_data(def->serials, def->nserials, sizeof(*def->serials),
                          libxlDeviceModelUARTCompare, NULL);
}


/**
 * libxlDeviceModelUARTsAssignByOrder:
 * @def: live definition of a domain
 *
 * In a domain with device models, number the serial ports in their order, whatever numbers
 * they had: the daemon that started it went by that.
 */
void
libxlDeviceModelUARTsAssignByOrder(virDomainDef *def)
{
    size_t i;

    for (i = 0; def->ndevicemodels > 0 && i < def->nserials; i++)
        def->serials[i]->target.port = i;
}


/* What is 0 was not given. */
static int
libxlDeviceModelUARTValidateAddress(const virDomainDeviceModelDef *dmdef,
                                    const virDomainChrDef *serial)
{
    const virDomainDeviceISAAddress *addr = &serial->info.addr.isa;
    int port = serial->target.port;

    if (serial->info.type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_NONE)
        return 0;

    if (serial->info.type != VIR_DOMAIN_DEVICE_ADDRESS_TYPE_ISA) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': serial port '%2$d' has an address of type '%3$s', expected one of type 'isa' or none"),
                       dmdef->name, port,
                       virDomainDeviceAddressTypeToString(serial->info.type));
        return -1;
    }

    if ((addr->iobase != 0 && addr->iobase != libxlDeviceModelUARTPorts[port]) ||
        (addr->irq != 0 && addr->irq != libxlDeviceModelUARTIRQs[port])) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': serial port '%2$d' has an address with iobase '0x%3$x' and irq '0x%4$x', expected '0x%5$x' and '0x%6$x' or no address"),
                       dmdef->name, port, addr->iobase, addr->irq,
                       libxlDeviceModelUARTPorts[port], libxlDeviceModelUARTIRQs[port]);
        return -1;
    }

    return 0;
}


static int
libxlDeviceModelUARTValidateNumber(const virDomainDeviceModelDef *dmdef,
                                   const virDomainDef *def,
                                   size_t idx)
{
    int port = def->serials[idx]->target.port;
    size_t i;

    if (port < 0 || port >= LIBXL_DEVICE_MODEL_SERIAL_MAX) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': serial port '%2$d' is none of a PC's, expected one from '0' to '%3$d'"),
                       dmdef->name, port, LIBXL_DEVICE_MODEL_SERIAL_MAX - 1);
        return -1;
    }

    for (i = 0; i < idx; i++) {
        if (def->serials[i]->target.port == port) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("device model '%1$s': serial port '%2$d' is there twice, expected another port for one of them"),
                           dmdef->name, port);
            return -1;
        }
    }

    return 0;
}


/* libxl can be told of a gap by a "none", after which a QEMU before 8.2.2 goes on with the
 * same number (serial_parse in QEMU system/vl.c). */
static int
libxlDeviceModelUARTValidateGap(const virDomainDeviceModelDef *dmdef,
                                const virDomainDef *def,
                                size_t idx)
{
    if (libxlDeviceModelOwnsCapability(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL) ||
        def->serials[idx]->target.port == idx)
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("device model '%1$s': serial port '%2$d' without a serial port '%3$zu', expected no gap in the primary"),
                   dmdef->name, def->serials[idx]->target.port, idx);
    return -1;
}


/**
 * libxlDeviceModelUARTsValidate:
 * @def: domain definition with device models
 *
 * Check that each serial port can be the UART that its number says, whoever emulates
 * it: QEMU ignores a fifth one (pc_superio_init in QEMU hw/i386/pc.c), and libxl what is
 * said of addresses.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED that names the device model and
 * the port.
 */
int
libxlDeviceModelUARTsValidate(const virDomainDef *def)
{
    const virDomainDeviceModelDef *dmdef =
        virDomainDeviceModelFindByCapability(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL);
    size_t i;

    for (i = 0; i < def->nserials; i++) {
        if (libxlDeviceModelUARTValidateNumber(dmdef, def, i) < 0 ||
            libxlDeviceModelUARTValidateGap(dmdef, def, i) < 0 ||
            libxlDeviceModelUARTValidateAddress(dmdef, def->serials[i]) < 0)
            return -1;
    }

    return 0;
}
