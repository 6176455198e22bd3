/*
 * libxl_devicemodel_xenstore.h: the xenstore entries of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl_devicemodel_process.h"

int
libxlDeviceModelXenstoreAdd(const libxlDeviceModel *dm);

int
libxlDeviceModelXenstoreSetState(const libxlDeviceModel *dm,
                                 const char *state);

int
libxlDeviceModelXenstoreRemove(const libxlDeviceModel *dm);

int
libxlDeviceModelXenstoreGetPrimary(unsigned int domid,
                                   pid_t *pid);
