/*
 * libxldevicemodeltestconfig.h: the configuration of a secondary as text
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl/libxl_devicemodel_conf.h"
#include "virjson.h"

virJSONValue *
libxlDeviceModelTestConfigToJSON(const libxlDeviceModelConfig *config);
