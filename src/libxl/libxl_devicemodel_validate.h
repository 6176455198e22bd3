/*
 * libxl_devicemodel_validate.h: the rules that Xen sets for device models
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"

int
libxlDeviceModelsValidate(const virDomainDef *def);

int
libxlDeviceModelsValidateHost(const virDomainDef *def);

int
libxlDeviceModelValidateNet(const virDomainDeviceModelDef *dmdef,
                            const virDomainNetDef *net);

int
libxlDeviceModelValidateDisk(const virDomainDeviceModelDef *dmdef,
                             const virDomainDiskDef *disk);
