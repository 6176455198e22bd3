/*
 * libxldevicemodeltestsecondaries.c: stands in for secondaries that live
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What links it needs no privilege for secondaries, has none that ends, and none that is watched.
 */

#include <config.h>

#include "libxl/libxl_devicemodel_privilege.h"
#include "libxl/libxl_devicemodel_process.h"
#include "libxl/libxl_devicemodel_watch.h"


int
libxlDeviceModelPrivilegePrepare(libxlDeviceModelPrivilege *privilege G_GNUC_UNUSED,
                                 const char *emulator G_GNUC_UNUSED)
{
    return 0;
}


char *
libxlDeviceModelDescribeEnd(libxlDeviceModel *dm G_GNUC_UNUSED)
{
    return NULL;
}


bool
libxlDeviceModelIsAlive(const libxlDeviceModel *dm G_GNUC_UNUSED)
{
    return true;
}


int
libxlDeviceModelWatch(libxlDriverPrivate *drv G_GNUC_UNUSED,
                      const virDomainDef *def G_GNUC_UNUSED,
                      libxlDeviceModel *dm G_GNUC_UNUSED)
{
    return 0;
}


void
libxlDeviceModelWatchPrimary(libxlDriverPrivate *drv G_GNUC_UNUSED,
                             virDomainObj *vm G_GNUC_UNUSED)
{
}
