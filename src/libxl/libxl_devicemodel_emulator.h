/*
 * libxl_devicemodel_emulator.h: what an emulator's file is, and its build offers
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "internal.h"

typedef struct _libxlDeviceModelEmulator libxlDeviceModelEmulator;
struct _libxlDeviceModelEmulator {
    bool sandbox; /* -sandbox, which filters system calls */
    bool runWithChroot; /* -run-with chroot=, in the place of -chroot */
    bool runWithUser; /* -run-with user=, in the place of -runas */
    unsigned int version[2]; /* of QEMU: major, minor; 0 where it is not told */
};

void
libxlDeviceModelEmulatorBlameScript(const char *path);

int
libxlDeviceModelEmulatorProbe(const char *path,
                              const char *name,
                              libxlDeviceModelEmulator *emulator);

void
libxlDeviceModelEmulatorParseHelp(const char *help,
                                  libxlDeviceModelEmulator *emulator);
