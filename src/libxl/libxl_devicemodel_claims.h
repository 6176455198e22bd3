/*
 * libxl_devicemodel_claims.h: what a secondary may register with Xen
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl_devicemodel_conf.h"

char *libxlDeviceModelClaimsFormat(const libxlDeviceModelConfig *config);
