/*
 * libxl_devicemodel_update.h: changes to the devices of running secondaries, and
 * questions about them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "libxl_conf.h"

/* How long a device model is talked with for one change.  One that runs answers
 * at once; whoever else wants the job, to end the domain, waits for it for 30 s
 * (VIR_JOB_WAIT_TIME in conf/virdomainjob.c). */
#define LIBXL_DEVICE_MODEL_UPDATE_MS (20 * 1000)

int libxlDeviceModelsChangeMedia(virDomainObj *vm,
                                 virDomainDiskDef *disk);

bool libxlDeviceModelsOwnDevice(const virDomainDef *def,
                                const virDomainDeviceDef *dev);

int libxlDeviceModelsUpdateDevice(libxlDriverPrivate *driver,
                                  virDomainObj *vm,
                                  const virDomainDeviceDef *dev);

int libxlDeviceModelsGetBlockInfo(virDomainObj *vm,
                                  const char *path,
                                  virDomainBlockInfoPtr info);
