/*
 * libxl_devicemodel_update.h: changes to the devices of running secondaries, and
 * questions about them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "libxl_conf.h"

int
libxlDeviceModelsChangeMedia(virDomainObj *vm,
                             virDomainDiskDef *disk);

bool
libxlDeviceModelsOwnDevice(const virDomainDef *def,
                           const virDomainDeviceDef *dev);

int
libxlDeviceModelsUpdateDevice(libxlDriverPrivate *driver,
                              virDomainObj *vm,
                              const virDomainDeviceDef *dev);

int
libxlDeviceModelsGetBlockInfo(virDomainObj *vm,
                              const char *path,
                              virDomainBlockInfoPtr info);
