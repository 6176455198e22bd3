/*
 * domain_capabilities_devicemodel.h: device models in domain capabilities
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "internal.h"
#include "virbuffer.h"
#include "virenum.h"

/* What a client may write in <devicemodel> elements. */
typedef struct _virDomainCapsDeviceModel virDomainCapsDeviceModel;
struct _virDomainCapsDeviceModel {
    virTristateBool supported; /* absent: the driver has nothing to say */
    unsigned int max; /* device models of a domain, the primary included */
    unsigned int capabilities; /* bits 1 << virDomainDeviceModelCapability */
    unsigned int failureActions; /* bits 1 << virDomainDeviceModelFailureAction */
};

void
virDomainCapsDeviceModelFormat(virBuffer *buf,
                               const virDomainCapsDeviceModel *devicemodel);
