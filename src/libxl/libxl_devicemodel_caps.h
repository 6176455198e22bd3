/*
 * libxl_devicemodel_caps.h: what the driver says of device models to clients
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_capabilities.h"

void
libxlDeviceModelFillDomainCaps(virDomainCaps *domCaps);
