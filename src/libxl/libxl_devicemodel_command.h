/*
 * libxl_devicemodel_command.h: the QEMU command line of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl_devicemodel_fds.h"
#include "vircommand.h"
#include "virjson.h"


virJSONValue *
libxlDeviceModelDiskBlockdev(const libxlDeviceModelDisk *disk,
                             const libxlDeviceModelImages *images,
                             const char *nodename);

virCommand *
libxlDeviceModelCommandNew(const libxlDeviceModelConfig *config,
                           libxlDeviceModelFDs *fds,
                           const char *scopeLibrary,
                           bool debug);
