/*
 * libxl_devicemodel_net.h: the taps of a secondary's NICs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl_devicemodel_conf.h"
#include "libxl_devicemodel_process.h"

int
libxlDeviceModelNetCheck(const virDomainDef *def);

int
libxlDeviceModelNetConnect(virDomainDef *def,
                           libxlDeviceModel *dm,
                           const libxlDeviceModelConfig *config,
                           int *taps);

void
libxlDeviceModelNetDisconnect(virDomainDef *def,
                              const libxlDeviceModel *dm);

bool
libxlDeviceModelNetDelete(const libxlDeviceModel *dm);
