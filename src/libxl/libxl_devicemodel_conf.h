/*
 * libxl_devicemodel_conf.h: the configuration of each device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pure conversion, from a domain definition and its placement to what the
 * primary (a libxl_domain_config) and each secondary (a
 * libxlDeviceModelConfig) are told.  Nothing here touches the host.
 */

#pragma once

#include <libxl.h>

#include "libxl_devicemodel_placement.h"
#include "virjson.h"

/* An emulated NIC of a secondary. */
typedef struct _libxlDeviceModelNIC libxlDeviceModelNIC;
struct _libxlDeviceModelNIC {
    size_t idx; /* in the nets of the domain, and in QEMU's ids */
    const char *driver; /* QEMU's name of the device */
    virMacAddr mac;
    unsigned int slot;
};

/* What one secondary is told when it starts. */
typedef struct _libxlDeviceModelConfig libxlDeviceModelConfig;
struct _libxlDeviceModelConfig {
    unsigned int domid;
    unsigned int id;
    char *domname;
    char *name;
    char *emulator;
    unsigned long long memory; /* MiB, as libxl gives the primary */
    unsigned int vcpus;

    size_t nnics;
    libxlDeviceModelNIC *nics;
};

libxlDeviceModelConfig *
libxlDeviceModelConfigNew(const virDomainDef *def,
                          const libxlDeviceModelPlaced *placed,
                          const libxl_domain_config *d_config,
                          unsigned int domid);

void libxlDeviceModelConfigFree(libxlDeviceModelConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelConfig, libxlDeviceModelConfigFree);

char *libxlDeviceModelConfigScope(const libxlDeviceModelConfig *config);

virJSONValue *libxlDeviceModelConfigToJSON(const libxlDeviceModelConfig *config);

int libxlDeviceModelConfigPrimary(const virDomainDef *def,
                                  libxl_domain_config *d_config);

const char *libxlDeviceModelNICDriver(const char *model);

const char *libxlDeviceModelNICModels(void);
