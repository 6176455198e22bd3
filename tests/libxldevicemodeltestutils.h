/*
 * libxldevicemodeltestutils.h: what several tests of device models need
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include "internal.h"

char *
libxlDeviceModelTestPath(const char *dir,
                         const char *name);

int
libxlDeviceModelTestCompareError(const char *dir,
                                 const char *expected);

ssize_t
libxlDeviceModelTestCountFDs(void);

bool
libxlDeviceModelTestReceive(int fd,
                            GString *in,
                            int *passed);
