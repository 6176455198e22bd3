/*
 * libxl_devicemodel_status.c: the secondaries in the status file of a domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_status.h"

#include "libxl_domain.h"
#include "viralloc.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL


/**
 * libxlDeviceModelsFormatStatus:
 * @buf: status XML of the domain
 * @vm: the domain
 *
 * Write down what a later daemon needs to find the secondaries.
 */
void
libxlDeviceModelsFormatStatus(virBuffer *buf,
                              virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    g_auto(virBuffer) domainBuf = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++) {
        const libxlDeviceModel *dm = priv->devicemodels[i];
        g_auto(virBuffer) attrBuf = VIR_BUFFER_INITIALIZER;
        g_auto(virBuffer) tapBuf = VIR_BUFFER_INIT_CHILD(&childBuf);
        size_t j;

        virBufferAsprintf(&attrBuf, " domid='%u' id='%u' uid='%u' state='%s'",
                          dm->domid, dm->id, dm->uid,
                          libxlDeviceModelStateTypeToString(dm->state));
        virBufferEscapeString(&attrBuf, " name='%s'", dm->name);
        virBufferAsprintf(&attrBuf, " ioservid='%u'", dm->ioservid);
        virBufferEscapeString(&attrBuf, " pidfile='%s'", dm->pidfile);
        virBufferEscapeString(&attrBuf, " socket='%s'", dm->socket);
        for (j = 0; j < dm->ntaps; j++)
            virBufferAsprintf(&tapBuf, "<tap ifindex='%u'/>\n", dm->taps[j]);
        virXMLFormatElement(&childBuf, "devicemodel", &attrBuf, &tapBuf);
    }

    if (priv->devicemodelsComplete)
        virBufferAddLit(&domainBuf, " complete='yes'");

    virXMLFormatElement(buf, "devicemodels", &domainBuf, &childBuf);
}


static int
libxlDeviceModelParseTaps(xmlNodePtr node,
                          libxlDeviceModel *dm)
{
    g_autoptr(GPtrArray) nodes = virXMLNodeGetSubelementList(node, "tap");
    size_t i;

    for (i = 0; i < nodes->len; i++) {
        unsigned int ifindex;

        if (virXMLPropUInt(g_ptr_array_index(nodes, i), "ifindex", 10,
                           VIR_XML_PROP_REQUIRED | VIR_XML_PROP_NONZERO, &ifindex) < 0)
            return -1;

        VIR_APPEND_ELEMENT(dm->taps, dm->ntaps, ifindex);
    }

    return 0;
}


/* A daemon that did not write states yet kept a uid for as long as anything ran, and
 * what was not complete is ended whatever it was. */
static libxlDeviceModelState
libxlDeviceModelDeduceState(const libxlDeviceModel *dm,
                            bool complete)
{
    if (dm->uid == 0)
        return LIBXL_DEVICE_MODEL_STATE_ENDED;

    return complete ? LIBXL_DEVICE_MODEL_STATE_RUNNING : LIBXL_DEVICE_MODEL_STATE_ENDING;
}


static int
libxlDeviceModelParseState(xmlNodePtr node,
                           libxlDeviceModel *dm,
                           bool complete)
{
    int rc = virXMLPropEnum(node, "state", libxlDeviceModelStateTypeFromString,
                            VIR_XML_PROP_NONE, &dm->state);

    if (rc == 0)
        dm->state = libxlDeviceModelDeduceState(dm, complete);

    return rc;
}


static libxlDeviceModel *
libxlDeviceModelParseStatus(xmlNodePtr node,
                            bool complete)
{
    g_autoptr(libxlDeviceModel) dm = libxlDeviceModelNew("", 0, 0, NULL);

    if (!dm)
        return NULL;

    if (virXMLPropUInt(node, "domid", 10, VIR_XML_PROP_REQUIRED, &dm->domid) < 0 ||
        virXMLPropUInt(node, "id", 10, VIR_XML_PROP_REQUIRED, &dm->id) < 0 ||
        virXMLPropUInt(node, "uid", 10, VIR_XML_PROP_REQUIRED, &dm->uid) < 0 ||
        virXMLPropUInt(node, "ioservid", 10, VIR_XML_PROP_REQUIRED, &dm->ioservid) < 0 ||
        libxlDeviceModelParseState(node, dm, complete) < 0 ||
        libxlDeviceModelParseTaps(node, dm) < 0)
        return NULL;

    g_free(dm->pidfile);
    g_free(dm->socket);
    dm->name = virXMLPropStringRequired(node, "name");
    dm->pidfile = virXMLPropStringRequired(node, "pidfile");
    dm->socket = virXMLPropStringRequired(node, "socket");
    if (!dm->name || !dm->pidfile || !dm->socket)
        return NULL;

    return g_steal_pointer(&dm);
}


/**
 * libxlDeviceModelsParseStatus:
 * @ctxt: at the status XML of the domain
 * @vm: the domain, which gets its device models
 *
 * Touches neither files nor processes; libxlDeviceModelsReconnect does.
 *
 * Returns 0, or -1 with VIR_ERR_XML_ERROR.
 */
int
libxlDeviceModelsParseStatus(xmlXPathContextPtr ctxt,
                             virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    g_autofree xmlNodePtr *nodes = NULL;
    int n;
    size_t i;

    priv->devicemodelsComplete =
        virXPathBoolean("boolean(./devicemodels[@complete='yes'])", ctxt) > 0;

    if ((n = virXPathNodeSet("./devicemodels/devicemodel", ctxt, &nodes)) < 0)
        return -1;

    for (i = 0; i < n; i++) {
        libxlDeviceModel *dm = libxlDeviceModelParseStatus(nodes[i],
                                                           priv->devicemodelsComplete);

        if (!dm)
            return -1;

        VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
    }

    return 0;
}
