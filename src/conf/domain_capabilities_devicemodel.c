/*
 * domain_capabilities_devicemodel.c: device models in domain capabilities
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "domain_capabilities_devicemodel.h"
#include "domain_devicemodel.h"
#include "virxml.h"


/* Formats the names of @values, bits 1 << a value of an enum with @nnames names. */
static void
virDomainCapsDeviceModelFormatEnum(virBuffer *buf,
                                   const char *name,
                                   unsigned int values,
                                   size_t nnames,
                                   const char *(*toString)(int value))
{
    size_t i;

    virBufferAsprintf(buf, "<enum name='%s'>\n", name);
    virBufferAdjustIndent(buf, 2);
    for (i = 0; i < nnames; i++) {
        if (values & (1U << i))
            virBufferAsprintf(buf, "<value>%s</value>\n", toString(i));
    }
    virBufferAdjustIndent(buf, -2);
    virBufferAddLit(buf, "</enum>\n");
}


/**
 * virDomainCapsDeviceModelFormat:
 * @buf: buffer that gets the XML
 * @devicemodel: what is supported
 *
 * Formats a <devicemodel> element that tells a client whether a domain may have
 * device models, how many, which capabilities they may have, and what can be done
 * when one fails.  Formats nothing for a driver that says neither that they are
 * supported nor that they aren't, as every driver did before there were any.
 */
void
virDomainCapsDeviceModelFormat(virBuffer *buf,
                               const virDomainCapsDeviceModel *devicemodel)
{
    g_auto(virBuffer) attrBuf = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);

    if (devicemodel->supported == VIR_TRISTATE_BOOL_ABSENT)
        return;

    virBufferAsprintf(&attrBuf, " supported='%s'",
                      virTristateBoolTypeToString(devicemodel->supported));

    if (devicemodel->supported == VIR_TRISTATE_BOOL_YES) {
        virBufferAsprintf(&attrBuf, " max='%u'", devicemodel->max);

        virDomainCapsDeviceModelFormatEnum(&childBuf, "capability", devicemodel->capabilities,
                                           VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST,
                                           virDomainDeviceModelCapabilityTypeToString);
        virDomainCapsDeviceModelFormatEnum(&childBuf, "failureAction", devicemodel->failureActions,
                                           VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_LAST,
                                           virDomainDeviceModelFailureActionTypeToString);
    }

    virXMLFormatElement(buf, "devicemodel", &attrBuf, &childBuf);
}
