/*
 * libxldevicemodeltestxl.h: an xl.cfg from and to a definition
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl/libxl_conf.h"

virDomainDef *
libxlDeviceModelTestParseXL(libxlDriverPrivate *driver,
                            const char *cfg);

char *
libxlDeviceModelTestFormatXL(virDomainDef *def);
