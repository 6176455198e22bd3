/*
 * libxl_devicemodel_claims.h: what a secondary may register with Xen
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl_devicemodel_conf.h"

/* A PC has so many ISA interrupts: bits 1 << interrupt. */
#define LIBXL_DEVICE_MODEL_IRQS_ALL 0xffffU

char *
libxlDeviceModelClaimsFormat(const libxlDeviceModelConfig *config);

void
libxlDeviceModelClaimsGetInterrupts(const libxlDeviceModelConfig *config,
                                    unsigned int *slots,
                                    unsigned int *irqs);
