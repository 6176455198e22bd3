/*
 * libxl_devicemodel_dma.h: a device is given addresses before it uses the guest's memory
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A process that takes the place of a secondary has devices as after a reset: whatever says
 * where in the guest's memory they read and write is 0.  The guest's driver does not know that
 * yet, and may write no more than the bit that switches a device on: it has seen a link come
 * back, or writes back what it has read while nobody served, which is all ones.  The device
 * would take what is at the lowest addresses for its descriptors, and go where these point.
 *
 * So the driver of the host marks the devices of such a process in its file of registers
 * (libxlDeviceModelDMAGuard), and the scope library looks at what the guest writes into them
 * just before QEMU does (libxlDeviceModelDMAFilter).  A table for each kind of device says which
 * bits, together, make it use memory, and which registers say where.  As long as these were not
 * all written to this process, such a bit is taken out of a write; what remains of it is
 * served.  The guest's driver finds a device that does nothing, and resets it as it does with
 * any such.
 *
 * It does not matter which of these registers the process before had been given: a driver that
 * was in the midst of them has written some to either, and this one stays off.
 *
 * A write of which that cannot be said is dropped where it touches one of the registers: of
 * another size, across two of them, or of a string instruction, whose data is in the guest's
 * memory.  Drivers do none of this to these registers.
 *
 * It guards the guest against a benign process, which does with its devices what QEMU does.
 * One that was taken over can map the guest's memory as it likes, and can unmark its devices:
 * nothing is held against that here, and nobody but the process itself relies on the marks.  The
 * driver of the host never reads them, and writes all of them anew.
 *
 * Only libc and Xen's headers are used, see libxl_devicemodel_registers.h.
 */

#pragma once

#include "libxl_devicemodel_registers.h"

void
libxlDeviceModelDMAClear(libxlDeviceModelRegisters *registers);

void
libxlDeviceModelDMAGuard(libxlDeviceModelRegisters *registers,
                         libxlDeviceModelDMAKind kind,
                         unsigned int slot);

bool
libxlDeviceModelDMAFilter(libxlDeviceModelRegisters *registers,
                          ioreq_t *request);
