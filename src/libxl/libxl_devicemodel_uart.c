/*
 * libxl_devicemodel_uart.c: which UART of a PC each serial port of a domain is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_uart.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_conf.h"
#include "libxl_devicemodel_registers.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

static const unsigned int libxlDeviceModelUARTPorts[] = LIBXL_DEVICE_MODEL_REGISTERS_UART_PORTS;
static const unsigned int libxlDeviceModelUARTIRQs[] = LIBXL_DEVICE_MODEL_UART_IRQS;

G_STATIC_ASSERT(G_N_ELEMENTS(libxlDeviceModelUARTPorts) == LIBXL_DEVICE_MODEL_SERIAL_MAX);
G_STATIC_ASSERT(G_N_ELEMENTS(libxlDeviceModelUARTIRQs) == LIBXL_DEVICE_MODEL_SERIAL_MAX);


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


/**
 * libxlDeviceModelUARTsValidate:
 * @def: domain definition with device models
 *
 * Check that each serial port can be the UART that its number says, whoever emulates
 * it: QEMU ignores a fifth one, and libxl what is said of addresses.
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
            libxlDeviceModelUARTValidateAddress(dmdef, def->serials[i]) < 0)
            return -1;
    }

    return 0;
}
