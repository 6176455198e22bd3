/*
 * libxldevicemodeltestdriver.h: a driver with a folder, and domains with secondaries
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl/libxl_conf.h"
#include "libxl/libxl_devicemodel.h"
#include "virinhibitor.h"

libxlDriverPrivate *
testDriverNew(char **dir);

int
testDriverServe(libxlDriverPrivate *driver,
                const char *dir,
                virInhibitorAction action);

void
testDriverFree(libxlDriverPrivate *driver,
               char *dir);

libxlDeviceModel *
testDeviceModelAdd(virDomainObj *vm,
                   const char *dir,
                   unsigned int id,
                   const char *name,
                   pid_t pid);
