/*
 * libxl_devicemodel_domain.h: what Xen knows of a domain with device models
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Xen gives ids again; a uuid tells the domains with one id from each other.  All of
 * it may be called with the domain locked, and without: the caller keeps the
 * definition from changing.
 */

#pragma once

#include "libxl_conf.h"

bool libxlDeviceModelsDomainIsSame(const virDomainDef *def,
                                   const libxl_dominfo *info);

bool libxlDeviceModelsDomainLives(libxlDriverConfig *cfg,
                                  const virDomainDef *def);

void libxlDeviceModelsDomainReportEnded(const virDomainDef *def);

int libxlDeviceModelsDomainCrash(const virDomainDef *def);
