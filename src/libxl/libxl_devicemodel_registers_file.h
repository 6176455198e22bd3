/*
 * libxl_devicemodel_registers_file.h: the file in which a secondary remembers registers
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The driver makes it, full length, and hands it over; the scope library maps it and
 * writes into it for as long as the process lives; a driver that wants to know, which
 * may be a later one, reads it once the process has ended.  It is on a file system that
 * the host must not be without, and takes its whole space when it is made.
 *
 * What is read may be anything that a process can write that was taken over.  It is a
 * copy, of the right length and version, or of the one before, which processes have that
 * were started before the daemon was exchanged, be it from the file or from an image of a
 * domain that was saved, and nothing else is known of it:
 * libxl_devicemodel_replay.h says what can be made of it.
 */

#pragma once

#include "internal.h"
#include "libxl_devicemodel_registers.h"

libxlDeviceModelRegisters *
libxlDeviceModelRegistersParse(const uint8_t *data,
                               size_t len);

int
libxlDeviceModelRegistersCreate(const char *path,
                                const libxlDeviceModelRegisters *before);

int
libxlDeviceModelRegistersWriteBack(const char *path,
                                   const libxlDeviceModelRegisters *registers);

int
libxlDeviceModelRegistersAmend(const char *path,
                               unsigned int vcpu,
                               const libxlDeviceModelWrite *write);

int
libxlDeviceModelRegistersRead(const char *path,
                              libxlDeviceModelRegisters *registers);
