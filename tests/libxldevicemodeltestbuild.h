/*
 * libxldevicemodeltestbuild.h: a domain, as far as a start comes without a host
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl/libxl_conf.h"
#include "libxl/libxl_devicemodel_conf.h"

/* The domid that it would have. */
#define TEST_BUILD_DOMID 7

typedef struct _libxlDeviceModelTestBuild libxlDeviceModelTestBuild;
struct _libxlDeviceModelTestBuild {
    const virDomainDef *def;
    virPortAllocatorRange *ports;
    libxl_domain_config d_config;
    libxlDeviceModelPlacement *placement;
};

libxlDeviceModelTestBuild *
libxlDeviceModelTestBuildNew(libxlDriverPrivate *driver,
                             virDomainDef *def);

void
libxlDeviceModelTestBuildComplete(libxlDeviceModelTestBuild *build);

libxlDeviceModelConfig *
libxlDeviceModelTestBuildConfig(const libxlDeviceModelTestBuild *build,
                                size_t secondary);

void
libxlDeviceModelTestBuildFree(libxlDeviceModelTestBuild *build);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelTestBuild, libxlDeviceModelTestBuildFree);
