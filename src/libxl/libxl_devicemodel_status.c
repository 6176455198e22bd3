/*
 * libxl_devicemodel_status.c: the secondaries in the status file of a domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_status.h"

#include "libxl_devicemodel_claims.h"
#include "libxl_devicemodel_uart.h"
#include "libxl_domain.h"
#include "viralloc.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

/* A PC's physical addresses have 52 bits at most.  Xen gives an HVM domain 128 vCPUs
 * (HVM_MAX_VCPUS in xen/hvm/hvm_info_table.h), one to come may give it more. */
#define LIBXL_DEVICE_MODEL_MEMORY_MAX (1ULL << (52 - 20)) /* MiB */
#define LIBXL_DEVICE_MODEL_VCPUS_MAX 8192


static void
libxlDeviceModelFormatMachine(virBuffer *buf,
                              const libxlDeviceModelMachine *machine)
{
    if (machine->memory > 0)
        virBufferAsprintf(buf, "<machine memory='%llu' vcpus='%u'/>\n",
                          machine->memory, machine->vcpus);
}


static void
libxlDeviceModelFormatThrottle(virBuffer *attrBuf,
                               virBuffer *childBuf,
                               const libxlDeviceModelThrottle *throttle)
{
    size_t i;

    if (throttle->restarted != 0)
        virBufferAsprintf(attrBuf, " restarted='%lld'", throttle->restarted);

    for (i = 0; i < G_N_ELEMENTS(throttle->ends) && throttle->ends[i] != 0; i++)
        virBufferAsprintf(childBuf, "<end at='%lld'/>\n", throttle->ends[i]);
}


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

    if (priv->ndevicemodels > 0)
        libxlDeviceModelFormatMachine(&childBuf, &priv->devicemodelsMachine);

    for (i = 0; i < priv->ndevicemodels; i++) {
        libxlDeviceModel *dm = priv->devicemodels[i];
        g_auto(virBuffer) attrBuf = VIR_BUFFER_INITIALIZER;
        g_auto(virBuffer) tapBuf = VIR_BUFFER_INIT_CHILD(&childBuf);
        size_t j;

        virBufferAsprintf(&attrBuf, " domid='%u' id='%u' uid='%u' state='%s'",
                          dm->domid, dm->id, dm->uid,
                          libxlDeviceModelStateTypeToString(libxlDeviceModelGetState(dm)));
        if (dm->pending)
            virBufferAddLit(&attrBuf, " pending='yes'");
        if (dm->saves)
            virBufferAddLit(&attrBuf, " saves='yes'");
        if (dm->holds)
            virBufferAddLit(&attrBuf, " holds='yes'");
        if (dm->held != LIBXL_DEVICE_MODEL_HELD_NO)
            virBufferAddLit(&attrBuf, " held='yes'");
        virBufferEscapeString(&attrBuf, " name='%s'", dm->name);
        virBufferAsprintf(&attrBuf, " ioservid='%u' slots='0x%x' irqs='0x%x'",
                          dm->ioservid, dm->slots, dm->irqs);
        virBufferEscapeString(&attrBuf, " pidfile='%s'", dm->pidfile);
        virBufferEscapeString(&attrBuf, " socket='%s'", dm->socket);
        virBufferEscapeString(&attrBuf, " registers='%s'", dm->registers);
        libxlDeviceModelFormatThrottle(&attrBuf, &tapBuf, &dm->throttle);
        for (j = 0; j < dm->ntaps; j++)
            virBufferAsprintf(&tapBuf, "<tap ifindex='%u'/>\n", dm->taps[j]);
        virXMLFormatElement(&childBuf, "devicemodel", &attrBuf, &tapBuf);
    }

    if (vm->def->ndevicemodels > 0)
        virBufferAddLit(&domainBuf, " uarts='numbered'");
    if (priv->devicemodelsComplete)
        virBufferAddLit(&domainBuf, " complete='yes'");
    if (priv->devicemodelsSaving)
        virBufferAddLit(&domainBuf, " saving='yes'");

    virXMLFormatElement(buf, "devicemodels", &domainBuf, &childBuf);
}


static int
libxlDeviceModelCheckLimit(xmlNodePtr node,
                           const char *name,
                           unsigned long long value,
                           unsigned long long max)
{
    if (value <= max)
        return 0;

    virReportError(VIR_ERR_XML_ERROR,
                   _("Invalid value for attribute '%1$s' in element '%2$s': '%3$llu'. Expected at most %4$llu"),
                   name, node->name, value, max);
    return -1;
}


/* A file of a daemon that did not write it leaves it unknown. */
static int
libxlDeviceModelParseMachine(xmlXPathContextPtr ctxt,
                             libxlDeviceModelMachine *machine)
{
    xmlNodePtr node = virXPathNode("./devicemodels/machine", ctxt);
    virXMLPropFlags flags = VIR_XML_PROP_REQUIRED | VIR_XML_PROP_NONZERO;

    if (!node)
        return 0;

    if (virXMLPropULongLong(node, "memory", 10, flags, &machine->memory) < 0 ||
        virXMLPropUInt(node, "vcpus", 10, flags, &machine->vcpus) < 0 ||
        libxlDeviceModelCheckLimit(node, "memory", machine->memory,
                                   LIBXL_DEVICE_MODEL_MEMORY_MAX) < 0 ||
        libxlDeviceModelCheckLimit(node, "vcpus", machine->vcpus,
                                   LIBXL_DEVICE_MODEL_VCPUS_MAX) < 0)
        return -1;

    return 0;
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


/* A secondary that has never failed has none of these elements. */
static int
libxlDeviceModelParseThrottle(xmlNodePtr node,
                              libxlDeviceModelThrottle *throttle)
{
    g_autoptr(GPtrArray) nodes = virXMLNodeGetSubelementList(node, "end");
    size_t i;

    if (virXMLPropLongLong(node, "restarted", 10, VIR_XML_PROP_NONNEGATIVE,
                           &throttle->restarted, 0) < 0)
        return -1;

    for (i = 0; i < nodes->len && i < G_N_ELEMENTS(throttle->ends); i++) {
        if (virXMLPropLongLong(g_ptr_array_index(nodes, i), "at", 10,
                               VIR_XML_PROP_REQUIRED | VIR_XML_PROP_NONNEGATIVE,
                               &throttle->ends[i], 0) < 0)
            return -1;
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
    virTristateBool pending = VIR_TRISTATE_BOOL_ABSENT;
    virTristateBool saves = VIR_TRISTATE_BOOL_ABSENT;
    virTristateBool holds = VIR_TRISTATE_BOOL_ABSENT;
    virTristateBool held = VIR_TRISTATE_BOOL_ABSENT;
    int rc = virXMLPropEnum(node, "state", libxlDeviceModelStateTypeFromString,
                            VIR_XML_PROP_NONE, &dm->state);

    if (rc == 0)
        dm->state = libxlDeviceModelDeduceState(dm, complete);

    if (rc < 0 ||
        virXMLPropTristateBool(node, "pending", VIR_XML_PROP_NONE, &pending) < 0 ||
        virXMLPropTristateBool(node, "saves", VIR_XML_PROP_NONE, &saves) < 0 ||
        virXMLPropTristateBool(node, "holds", VIR_XML_PROP_NONE, &holds) < 0 ||
        virXMLPropTristateBool(node, "held", VIR_XML_PROP_NONE, &held) < 0)
        return -1;

    dm->pending = pending == VIR_TRISTATE_BOOL_YES;
    dm->saves = saves == VIR_TRISTATE_BOOL_YES;
    dm->holds = holds == VIR_TRISTATE_BOOL_YES;
    dm->held = held == VIR_TRISTATE_BOOL_YES ? LIBXL_DEVICE_MODEL_HELD_YES
                                             : LIBXL_DEVICE_MODEL_HELD_NO;
    return 0;
}


/* A daemon that did not write them yet freed no guest either. */
static int
libxlDeviceModelParseInterrupts(xmlNodePtr node,
                                libxlDeviceModel *dm)
{
    if (virXMLPropUInt(node, "slots", 16, VIR_XML_PROP_NONE, &dm->slots) < 0 ||
        virXMLPropUInt(node, "irqs", 16, VIR_XML_PROP_NONE, &dm->irqs) < 0 ||
        libxlDeviceModelCheckLimit(node, "irqs", dm->irqs,
                                   LIBXL_DEVICE_MODEL_IRQS_ALL) < 0)
        return -1;

    return 0;
}


static libxlDeviceModel *
libxlDeviceModelParseStatus(xmlNodePtr node,
                            bool complete)
{
    g_autoptr(libxlDeviceModel) dm = libxlDeviceModelNewEmpty();

    if (!dm)
        return NULL;

    if (virXMLPropUInt(node, "domid", 10, VIR_XML_PROP_REQUIRED, &dm->domid) < 0 ||
        virXMLPropUInt(node, "id", 10, VIR_XML_PROP_REQUIRED, &dm->id) < 0 ||
        virXMLPropUInt(node, "uid", 10, VIR_XML_PROP_REQUIRED, &dm->uid) < 0 ||
        virXMLPropUInt(node, "ioservid", 10, VIR_XML_PROP_REQUIRED, &dm->ioservid) < 0 ||
        libxlDeviceModelParseInterrupts(node, dm) < 0 ||
        libxlDeviceModelParseState(node, dm, complete) < 0 ||
        libxlDeviceModelParseThrottle(node, &dm->throttle) < 0 ||
        libxlDeviceModelParseTaps(node, dm) < 0)
        return NULL;

    dm->name = virXMLPropStringRequired(node, "name");
    dm->pidfile = virXMLPropStringRequired(node, "pidfile");
    dm->socket = virXMLPropStringRequired(node, "socket");
    dm->registers = virXMLPropString(node, "registers");
    if (!dm->name || !dm->pidfile || !dm->socket)
        return NULL;

    dm->cgroup = libxlDeviceModelCgroupName(dm->domid, dm->id, dm->name);
    return g_steal_pointer(&dm);
}


/**
 * libxlDeviceModelsParseStatus:
 * @ctxt: at the status XML of the domain
 * @vm: the domain, which gets its device models and what they are told alike, and whose
 *      definition gets the numbers that its serial ports have for the guest
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
    priv->devicemodelsSaving =
        virXPathBoolean("boolean(./devicemodels[@saving='yes'])", ctxt) > 0;

    /* the guest's serial ports stay what they are; one that is about to start has none yet */
    if (virDomainObjIsActive(vm) &&
        virXPathBoolean("boolean(./devicemodels[@uarts='numbered'])", ctxt) <= 0)
        libxlDeviceModelUARTsAssignByOrder(vm->def);

    if (libxlDeviceModelParseMachine(ctxt, &priv->devicemodelsMachine) < 0 ||
        (n = virXPathNodeSet("./devicemodels/devicemodel", ctxt, &nodes)) < 0)
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


/**
 * libxlDeviceModelsWriteStatus:
 * @driver: the driver
 * @vm: domain that starts, runs or ends
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelsWriteStatus(libxlDriverPrivate *driver,
                             virDomainObj *vm)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);

    return virDomainObjSave(vm, driver->xmlopt, cfg->stateDir);
}


/**
 * libxlDeviceModelsRecord:
 * @driver: the driver
 * @vm: domain that starts, runs or ends
 *
 * Write the status file of a domain with secondaries, from which a later daemon
 * learns of the domain, of its device models, and whether they are complete.
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelsRecord(libxlDriverPrivate *driver,
                        virDomainObj *vm)
{
    return vm->def->ndevicemodels < 2 ? 0 : libxlDeviceModelsWriteStatus(driver, vm);
}
