/*
 * libxl_devicemodel_command.h: the QEMU command line of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl_devicemodel_conf.h"
#include "vircommand.h"

/* What a secondary finds open when it starts; nothing is opened by name. */
typedef struct _libxlDeviceModelFDs libxlDeviceModelFDs;
struct _libxlDeviceModelFDs {
    int monitor; /* listening socket for QMP */
    int scope; /* connected socket to the driver, for the scope library */
    size_t ntaps;
    int *taps; /* one for each NIC of the configuration, in its order */
};

virCommand *libxlDeviceModelCommandNew(const libxlDeviceModelConfig *config,
                                       libxlDeviceModelFDs *fds,
                                       const char *scopeLibrary,
                                       bool debug);
