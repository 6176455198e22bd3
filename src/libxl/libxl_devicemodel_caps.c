/*
 * libxl_devicemodel_caps.c: what the driver says of device models to clients
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_caps.h"

#include "domain_devicemodel.h"


/**
 * libxlDeviceModelFillDomainCaps:
 * @domCaps: domain capabilities whose machine and architecture are set
 *
 * Say in @domCaps which device models such a domain may have, so that a client
 * can ask before it writes XML.  This agrees with what
 * libxlDeviceModelsValidate() accepts: HVM domains may have them, no others.
 */
void
libxlDeviceModelFillDomainCaps(virDomainCaps *domCaps)
{
    virDomainCapsDeviceModel *devicemodel = &domCaps->devicemodel;

    if (STRNEQ_NULLABLE(domCaps->machine, "xenfv") || !ARCH_IS_X86(domCaps->arch)) {
        devicemodel->supported = VIR_TRISTATE_BOOL_NO;
        return;
    }

    devicemodel->supported = VIR_TRISTATE_BOOL_YES;
    devicemodel->max = VIR_DOMAIN_DEVICE_MODEL_MAX;
    devicemodel->capabilities = (1U << VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST) - 1;
    devicemodel->failureActions = 1U << VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART |
                                  1U << VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE |
                                  1U << VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE |
                                  1U << VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DESTROY;
}
