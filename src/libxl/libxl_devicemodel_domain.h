/*
 * libxl_devicemodel_domain.h: what is known of a domain with device models
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Xen gives ids again; a uuid tells the domains with one id from each other.  What asks
 * Xen may be called with the domain locked, and without: the caller keeps the
 * definition from changing.
 */

#pragma once

#include "libxl_conf.h"
#include "libxl_devicemodel_process.h"

bool
libxlDeviceModelsDomainIsSame(const virDomainDef *def,
                              const libxl_dominfo *info);

bool
libxlDeviceModelsDomainLives(libxlDriverConfig *cfg,
                             const virDomainDef *def);

void
libxlDeviceModelsDomainReportEnded(const virDomainDef *def);

int
libxlDeviceModelsDomainCrash(const virDomainDef *def);

bool
libxlDeviceModelIsFailed(virDomainObj *vm,
                         libxlDeviceModel *dm);

virDomainDeviceModelDef *
libxlDeviceModelGetDef(const virDomainDef *def,
                       const libxlDeviceModel *dm);
