/*
 * libxl_devicemodel_scope_protocol.h: what driver and scope library say to each other
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The driver says what a secondary claims in an environment variable, a list of
 * KEY=VALUE with ';' between them.  One of the keys is the number of a socket, on
 * which both write lines.  docs/internals.rst has the whole of it.
 *
 * Only libc is used, because the library is loaded into an emulator that knows
 * nothing of libvirt.
 */

#pragma once

/* Xen gives a domain 8 ioreq servers (MAX_NR_IOREQ_SERVERS, Xen
 * xen/include/xen/sched.h), so there are ids below this one.  0 is the primary. */
#define LIBXL_DEVICE_MODEL_IDS 8U

/* Xen's DOMID_FIRST_RESERVED (xen/include/public/xen.h).  0 is no guest. */
#define LIBXL_DEVICE_MODEL_DOMIDS 0x7ff0U

#define LIBXL_DEVICE_MODEL_SCOPE_ENV "LIBVIRT_DEVICEMODEL_SCOPE"

/* The keys: who the secondary is, what it was handed, what it claims. */
#define LIBXL_DEVICE_MODEL_SCOPE_DOMID "domid"
#define LIBXL_DEVICE_MODEL_SCOPE_ID "id"
#define LIBXL_DEVICE_MODEL_SCOPE_FD "fd"
#define LIBXL_DEVICE_MODEL_SCOPE_FILE "file"
#define LIBXL_DEVICE_MODEL_SCOPE_REGISTERS "registers"
#define LIBXL_DEVICE_MODEL_SCOPE_DEBUG "debug"
#define LIBXL_DEVICE_MODEL_SCOPE_PCI "pci"
#define LIBXL_DEVICE_MODEL_SCOPE_PIO "pio"
#define LIBXL_DEVICE_MODEL_SCOPE_MMIO "mmio"
#define LIBXL_DEVICE_MODEL_SCOPE_IRQ "irq"

/* How the library's lines begin: the version is the one of the whole protocol. */
#define LIBXL_DEVICE_MODEL_SCOPE_HELLO "scope 1 "
#define LIBXL_DEVICE_MODEL_SCOPE_IOREQ_SERVER "ioreq-server "
#define LIBXL_DEVICE_MODEL_SCOPE_ERROR "error "

/* The driver's line. */
#define LIBXL_DEVICE_MODEL_SCOPE_SEAL "seal"

#define LIBXL_DEVICE_MODEL_SCOPE_NPCI 256 /* functions of PCI bus 0 */
#define LIBXL_DEVICE_MODEL_SCOPE_NIRQ 16 /* ISA interrupt lines */
#define LIBXL_DEVICE_MODEL_SCOPE_NFILE 8 /* more than any device needs */
