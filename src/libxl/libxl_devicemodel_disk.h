/*
 * libxl_devicemodel_disk.h: the images of a secondary's disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl_devicemodel_fds.h"
#include "libxl_devicemodel_process.h"

int
libxlDeviceModelDiskOpen(const char *name,
                         const virDomainDiskDef *def,
                         libxlDeviceModelImages *images);

int
libxlDeviceModelDiskCheck(const char *name,
                          const virDomainDiskDef *def);

int
libxlDeviceModelDiskGetInfo(const virStorageSource *src,
                            const char *dst,
                            virDomainBlockInfoPtr info);

void
libxlDeviceModelDiskUnlock(const libxlDeviceModel *dm,
                           const virDomainDiskDef *def);

int
libxlDeviceModelDiskRelock(const libxlDeviceModel *dm,
                           const virDomainDiskDef *def,
                           gint64 deadline);
