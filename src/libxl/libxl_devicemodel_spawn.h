/*
 * libxl_devicemodel_spawn.h: a secondary is started, as far as its domain is needed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The steps of libxl_devicemodel_start.h that know the domain object, for those who start
 * all secondaries of a domain and for who starts one alone.  All are called with the domain
 * locked.
 */

#pragma once

#include "libxl_conf.h"
#include "libxl_devicemodel_placement.h"
#include "libxl_devicemodel_start.h"

libxlDeviceModelStarting *
libxlDeviceModelPrepareStart(libxlDriverConfig *cfg,
                             virDomainObj *vm,
                             const libxlDeviceModelPlaced *placed);

int
libxlDeviceModelSpawnOne(libxlDriverConfig *cfg,
                         virDomainObj *vm,
                         libxlDeviceModelStarting *starting,
                         gint64 deadline);

int
libxlDeviceModelCheckOwner(virDomainObj *vm,
                           const libxlDeviceModel *dm);

void
libxlDeviceModelShowTTYs(virDomainDef *def,
                         libxlDeviceModelStarting *starting);
