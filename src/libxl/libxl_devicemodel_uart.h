/*
 * libxl_devicemodel_uart.h: which UART of a PC each serial port of a domain is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The number of a serial port, the port of its <target>, says which one it is: 0 is
 * COM1.  Its ports and its interrupt follow from that, and it has no other address.
 * Serial ports are in the order of their numbers, so that the first console, aliases and
 * libxl's list, which go by their order, say the same.  Where a domain was started by a
 * daemon that went by the order only, they are renumbered once its status file is read.
 *
 * Reads and changes definitions only.
 */

#pragma once

#include "domain_conf.h"

/* The interrupts of a PC's UARTs (QEMU hw/char/serial-isa.c). */
#define LIBXL_DEVICE_MODEL_UART_IRQS { 4, 3, 4, 3 }

void
libxlDeviceModelUARTsAssign(virDomainDef *def,
                            unsigned int parseFlags);

void
libxlDeviceModelUARTsAssignByOrder(virDomainDef *def);

int
libxlDeviceModelUARTsValidate(const virDomainDef *def);
