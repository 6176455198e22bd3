/*
 * domain_capabilities_devicemodel.c: device models in domain capabilities
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "domain_capabilities_devicemodel.h"
#include "domain_devicemodel.h"
#include "virxml.h"


/**
 * virDomainCapsDeviceModelFormat:
 * @buf: buffer that gets the XML
 * @devicemodel: what is supported
 *
 * Formats a <devicemodel> element that tells a client whether a domain may have
 * device models, how many, and which capabilities they may have.  Formats
 * nothing for a driver that says neither that they are supported nor that they
 * aren't, as every driver did before there were any.
 */
void
virDomainCapsDeviceModelFormat(virBuffer *buf,
                               const virDomainCapsDeviceModel *devicemodel)
{
    g_auto(virBuffer) attrBuf = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);
    size_t i;

    if (devicemodel->supported == VIR_TRISTATE_BOOL_ABSENT)
        return;

    virBufferAsprintf(&attrBuf, " supported='%s'",
                      virTristateBoolTypeToString(devicemodel->supported));

    if (devicemodel->supported == VIR_TRISTATE_BOOL_YES) {
        virBufferAsprintf(&attrBuf, " max='%u'", devicemodel->max);

        virBufferAddLit(&childBuf, "<enum name='capability'>\n");
        virBufferAdjustIndent(&childBuf, 2);
        for (i = 0; i < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; i++) {
            if (devicemodel->capabilities & (1U << i)) {
                virBufferAsprintf(&childBuf, "<value>%s</value>\n",
                                  virDomainDeviceModelCapabilityTypeToString(i));
            }
        }
        virBufferAdjustIndent(&childBuf, -2);
        virBufferAddLit(&childBuf, "</enum>\n");
    }

    virXMLFormatElement(buf, "devicemodel", &attrBuf, &childBuf);
}
