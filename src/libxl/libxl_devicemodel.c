/*
 * libxl_devicemodel.c: the device models of a domain, as the driver sees them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Data flows one way: definition, placement, configuration, command line,
 * process.  This file is the sequence; each step is in a file of its own.
 */

#include <config.h>

#include "libxl_devicemodel.h"

#include "domain_devicemodel.h"
#include "libxl_api_wrapper.h"
#include "libxl_devicemodel_net.h"
#include "libxl_devicemodel_xenstore.h"
#include "libxl_domain.h"
#include "viralloc.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virnetdev.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel");

/* All secondaries of a domain together; libxl gives its primary as long
 * (LIBXL_DEVICE_MODEL_START_TIMEOUT in Xen
 * tools/libs/light/libxl_internal.h). */
#define LIBXL_DEVICE_MODEL_START_MS (60 * 1000)


/**
 * libxlDeviceModelOwnsNet:
 * @def: domain definition
 * @net: one of its interfaces
 *
 * Returns whether a secondary emulates @net, so that libxl never hears of it.
 */
bool
libxlDeviceModelOwnsNet(const virDomainDef *def,
                        const virDomainNetDef *net)
{
    return virDomainDeviceModelFindByNet(def, net) !=
           virDomainDeviceModelGetPrimary(def);
}


/**
 * libxlDeviceModelsCheckSave:
 * @def: definition of a running domain
 *
 * Returns 0, or -1 with VIR_ERR_OPERATION_UNSUPPORTED where the domain has
 * secondaries: libxl saves the state of the primary only.
 */
int
libxlDeviceModelsCheckSave(const virDomainDef *def)
{
    if (def->ndevicemodels < 2)
        return 0;

    virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                   _("domain '%1$s' has %2$zu device models: only a domain with one can be saved or migrated"),
                   def->name, def->ndevicemodels);
    return -1;
}


/**
 * libxlDeviceModelsCheckDetach:
 * @def: definition, running or not
 * @dev: device that is about to be detached from it
 *
 * A guest hears of a removed device from the primary's chipset only, and a
 * device model must not be left with a reference to nothing.
 *
 * Returns 0, or -1 with VIR_ERR_OPERATION_UNSUPPORTED that names the device
 * model and the interface.
 */
int
libxlDeviceModelsCheckDetach(const virDomainDef *def,
                             const virDomainDeviceDef *dev)
{
    size_t i;
    size_t j;

    if (dev->type != VIR_DOMAIN_DEVICE_NET)
        return 0;

    for (i = 0; i < def->ndevicemodels; i++) {
        const virDomainDeviceModelDef *dm = def->devicemodels[i];

        for (j = 0; j < dm->ninterfaces; j++) {
            virDomainNetDef *net = virDomainDeviceModelFindNet(def, &dm->interfaces[j]);
            char macstr[VIR_MAC_STRING_BUFLEN];

            if (!net || virMacAddrCmp(&net->mac, &dev->data.net->mac) != 0)
                continue;

            virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                           _("interface '%1$s' is assigned to device model '%2$s' and cannot be detached"),
                           virMacAddrFormat(&net->mac, macstr), dm->name);
            return -1;
        }
    }

    return 0;
}


static int
libxlDeviceModelsCheckRuntime(const virDomainDef *def,
                              const libxlDeviceModelPlacement *placement)
{
    size_t i;

    for (i = 0; i < placement->nsecondaries; i++) {
        const libxlDeviceModelPlaced *placed = &placement->secondaries[i];
        virDomainDeviceModelCapability cap;

        if (placed->ide)
            cap = VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE;
        else if (placed->serial)
            cap = VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL;
        else if (placed->audio)
            cap = VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO;
        else
            continue;

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': a secondary cannot run capability '%2$s' yet, expected interfaces only"),
                       def->devicemodels[placed->idx]->name,
                       virDomainDeviceModelCapabilityTypeToString(cap));
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelsPrepare:
 * @def: definition of a domain that is about to start
 *
 * Refuse early what cannot start, before anything of the host is touched.  A
 * definition that was read from disk has not been validated, so all rules are
 * checked again.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelsPrepare(const virDomainDef *def)
{
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;

    if (def->ndevicemodels == 0)
        return 0;

    if (libxlDeviceModelDefValidate(def) < 0 ||
        libxlDeviceModelDefValidateHost(def) < 0)
        return -1;

    if (!(placement = libxlDeviceModelPlacementNew(def)))
        return -1;

    return libxlDeviceModelsCheckRuntime(def, placement);
}


/* Whether the domain is there, and neither ended nor in a soft reset. */
static bool
libxlDeviceModelsDomainLives(libxlDriverConfig *cfg,
                             unsigned int domid)
{
    libxl_dominfo info;
    bool lives;

    libxl_dominfo_init(&info);
    lives = libxl_domain_info(cfg->ctx, &info, domid) == 0 &&
        !info.shutdown && !info.dying;
    libxl_dominfo_dispose(&info);

    return lives;
}


/* A secondary while it starts. */
typedef struct _libxlDeviceModelStarting libxlDeviceModelStarting;
struct _libxlDeviceModelStarting {
    libxlDeviceModel *dm; /* belongs to the domain */
    virDomainDeviceModelDef *def; /* belongs to the domain */
    libxlDeviceModelConfig *config;
    domainLogContext *log;
};


static void
libxlDeviceModelStartingClear(libxlDeviceModelStarting *starting)
{
    libxlDeviceModelConfigFree(starting->config);
    g_clear_object(&starting->log);
}


static int
libxlDeviceModelRecordOne(libxlDriverConfig *cfg,
                          virDomainObj *vm,
                          const libxlDeviceModelPlaced *placed,
                          const libxl_domain_config *d_config,
                          libxlDeviceModelStarting *starting)
{
    libxlDomainObjPrivate *priv = vm->privateData;

    starting->def = vm->def->devicemodels[placed->idx];
    starting->config = libxlDeviceModelConfigNew(vm->def, placed, d_config,
                                                 vm->def->id);
    if (!starting->config)
        return -1;

    starting->dm = libxlDeviceModelNew(cfg->stateDir, vm->def->id, placed->id,
                                       starting->config->name);
    VIR_APPEND_ELEMENT_COPY(priv->devicemodels, priv->ndevicemodels, starting->dm);

    return 0;
}


static int
libxlDeviceModelSpawnOne(libxlDriverConfig *cfg,
                         virDomainObj *vm,
                         libxlDeviceModelStarting *starting)
{
    g_autofree char *logname = NULL;
    g_autofree int *taps = NULL;
    size_t ntaps;
    size_t i;
    int ret = -1;

    logname = g_strdup_printf("%s-dm-%s", vm->def->name, starting->config->name);
    if (!(starting->log = domainLogContextNew(false, cfg->logDir, "libxl", vm,
                                              true, logname))) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), starting->config->name);
        return -1;
    }

    ntaps = starting->config->nnics;
    taps = g_new0(int, ntaps);
    for (i = 0; i < ntaps; i++)
        taps[i] = -1;

    if (libxlDeviceModelNetConnect(vm->def, starting->config, taps) == 0)
        ret = libxlDeviceModelSpawn(starting->dm, starting->config, taps,
                                    starting->log);

    for (i = 0; i < ntaps; i++)
        VIR_FORCE_CLOSE(taps[i]);

    return ret;
}


/* A domain that somebody ended meanwhile must not be taken for a running one:
 * the news of its death may have been lost, since it waits for the job half as
 * long as a start may take (VIR_JOB_WAIT_TIME in conf/virdomainjob.c). */
static int
libxlDeviceModelsCheckDomain(libxlDriverConfig *cfg,
                             const virDomainDef *def)
{
    if (libxlDeviceModelsDomainLives(cfg, def->id))
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("domain '%1$s' ended while its device models started"),
                   def->name);
    return -1;
}


static int
libxlDeviceModelsAwait(virDomainObj *vm,
                       libxlDeviceModelStarting *starting,
                       size_t nstarting)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_START_MS * 1000LL;
    size_t i;
    int ret = 0;

    virObjectUnlock(vm);
    for (i = 0; i < nstarting && ret == 0; i++)
        ret = libxlDeviceModelAwait(starting[i].dm, starting[i].config,
                                    starting[i].log, deadline);
    virObjectLock(vm);

    for (i = 0; i < nstarting && ret == 0; i++) {
        starting[i].def->state = VIR_DOMAIN_DEVICE_MODEL_STATE_RUNNING;
        ret = libxlDeviceModelXenstoreAdd(starting[i].dm);
    }

    return ret;
}


/* The device models are recorded before the first process is started, so that
 * whatever happens next is undone, by a daemon that takes over if need be.  The
 * processes are started before the first of them is waited for, so that they
 * build their machines side by side: their claims do not overlap, which makes
 * the order in which Xen sees them indifferent. */
static int
libxlDeviceModelsSpawn(libxlDriverPrivate *driver,
                       virDomainObj *vm,
                       const libxlDeviceModelPlacement *placement,
                       const libxl_domain_config *d_config,
                       libxlDeviceModelStarting *starting)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    size_t i;

    for (i = 0; i < placement->nsecondaries; i++) {
        if (libxlDeviceModelRecordOne(cfg, vm, &placement->secondaries[i],
                                      d_config, &starting[i]) < 0)
            return -1;
    }

    if (virDomainObjSave(vm, driver->xmlopt, cfg->stateDir) < 0)
        return -1;

    for (i = 0; i < placement->nsecondaries; i++) {
        if (libxlDeviceModelSpawnOne(cfg, vm, &starting[i]) < 0)
            return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelsStart:
 * @driver: the driver
 * @vm: domain that libxl has created and left paused
 * @d_config: its configuration, as libxl has completed it
 *
 * Start the secondaries of a domain and wait until all of them serve their
 * devices.  The live definition gets the state of the device models and the
 * addresses of the placed devices.  Unlocks @vm while it waits.
 *
 * Returns 0, or -1 with an error that names the device model; what was started
 * is then left for libxlDeviceModelsStop.
 */
int
libxlDeviceModelsStart(libxlDriverPrivate *driver,
                       virDomainObj *vm,
                       const libxl_domain_config *d_config)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    g_autofree libxlDeviceModelStarting *starting = NULL;
    size_t i;
    int ret = -1;

    if (vm->def->ndevicemodels == 0)
        return 0;

    /* by now it is known of what kind a network's interface is */
    if (libxlDeviceModelDefValidate(vm->def) < 0)
        return -1;

    if (!(placement = libxlDeviceModelPlacementNew(vm->def)))
        return -1;

    libxlDeviceModelPlacementApply(placement, vm->def);
    starting = g_new0(libxlDeviceModelStarting, placement->nsecondaries);

    if (libxlDeviceModelsSpawn(driver, vm, placement, d_config, starting) == 0 &&
        libxlDeviceModelsAwait(vm, starting, placement->nsecondaries) == 0 &&
        libxlDeviceModelsCheckDomain(cfg, vm->def) == 0)
        ret = virDomainObjSave(vm, driver->xmlopt, cfg->stateDir);

    for (i = 0; i < placement->nsecondaries; i++)
        libxlDeviceModelStartingClear(&starting[i]);

    return ret;
}


/**
 * libxlDeviceModelsStop:
 * @driver: the driver
 * @vm: domain that is about to be destroyed, or is gone
 *
 * End all secondaries of the domain and remove what they left.  Comes before
 * libxl destroys the domain, since a process that maps the memory of a domain
 * keeps it from vanishing.  May be called again; device models that could not
 * be removed stay recorded for that as long as the domain object lives.  An
 * error that is set stays.  Unlocks @vm while it waits.
 */
void
libxlDeviceModelsStop(libxlDriverPrivate *driver,
                      virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    g_autofree libxlDeviceModel **dms = g_steal_pointer(&priv->devicemodels);
    g_autofree unsigned int *domids = NULL;
    size_t ntotal = priv->ndevicemodels;
    size_t ndms = ntotal;
    size_t i;
    virErrorPtr save_err;

    priv->ndevicemodels = 0;
    if (ndms == 0)
        return;

    virErrorPreserveLast(&save_err);

    /* those that an earlier call left over are of an earlier domain */
    domids = g_new0(unsigned int, ntotal);
    for (i = 0; i < ntotal; i++)
        domids[i] = dms[i]->domid;

    virObjectUnlock(vm);
    /* what a device model gives back, the primary would answer for */
    if (libxlDeviceModelsDomainLives(cfg, domids[ntotal - 1]))
        libxlDomainPauseWrapper(cfg->ctx, domids[ntotal - 1]);
    ndms = libxlDeviceModelStopAll(dms, ndms);
    virObjectLock(vm);

    libxlDeviceModelNetDisconnect(vm->def);
    for (i = 0; i < ntotal; i++) {
        if (i > 0 && domids[i] == domids[i - 1])
            continue;
        if (libxlDeviceModelXenstoreRemove(domids[i]) < 0)
            VIR_ERROR(_("domain '%1$s': %2$s"), vm->def->name, virGetLastErrorMessage());
    }

    if (ndms > 0) {
        priv->devicemodels = g_steal_pointer(&dms);
        priv->ndevicemodels = ndms;
    }

    virErrorRestore(&save_err);
}


static void
libxlDeviceModelsForgetState(virDomainDef *def,
                             unsigned int id)
{
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++) {
        if (def->devicemodels[i]->id == id)
            def->devicemodels[i]->state = VIR_DOMAIN_DEVICE_MODEL_STATE_NONE;
    }
}


/**
 * libxlDeviceModelsReconnect:
 * @vm: domain that was running when an earlier daemon ended
 * @dying: whether Xen is about to release the domain
 *
 * Find the processes of the secondaries that the status file knows, and keep
 * the names of their taps from being given away.  Never waits.
 *
 * Returns 0, or -1 without an error where the domain has to be cleaned up: Xen
 * cannot release a domain whose memory secondaries map, and nobody hears of the
 * death of one that is not released.
 */
int
libxlDeviceModelsReconnect(virDomainObj *vm,
                           bool dying)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++) {
        libxlDeviceModel *dm = priv->devicemodels[i];

        if (libxlDeviceModelReopen(dm) < 0) {
            VIR_WARN("device model '%s' of domain '%s' ended while no daemon was running",
                     dm->name, vm->def->name);
            libxlDeviceModelsForgetState(vm->def, dm->id);
        }
    }

    for (i = 0; i < vm->def->nnets; i++) {
        virDomainNetDef *net = vm->def->nets[i];

        if (net->ifname && libxlDeviceModelOwnsNet(vm->def, net))
            virNetDevReserveName(net->ifname);
    }

    return dying && priv->ndevicemodels > 0 ? -1 : 0;
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
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++) {
        const libxlDeviceModel *dm = priv->devicemodels[i];
        g_auto(virBuffer) attrBuf = VIR_BUFFER_INITIALIZER;

        virBufferAsprintf(&attrBuf, " domid='%u' id='%u'", dm->domid, dm->id);
        virBufferEscapeString(&attrBuf, " name='%s'", dm->name);
        virBufferAsprintf(&attrBuf, " ioservid='%u'", dm->ioservid);
        virBufferEscapeString(&attrBuf, " pidfile='%s'", dm->pidfile);
        virBufferEscapeString(&attrBuf, " socket='%s'", dm->socket);
        virXMLFormatElement(&childBuf, "devicemodel", &attrBuf, NULL);
    }

    virXMLFormatElement(buf, "devicemodels", NULL, &childBuf);
}


static libxlDeviceModel *
libxlDeviceModelParseStatus(xmlNodePtr node)
{
    g_autoptr(libxlDeviceModel) dm = libxlDeviceModelNew("", 0, 0, NULL);

    if (virXMLPropUInt(node, "domid", 10, VIR_XML_PROP_REQUIRED, &dm->domid) < 0 ||
        virXMLPropUInt(node, "id", 10, VIR_XML_PROP_REQUIRED, &dm->id) < 0 ||
        virXMLPropUInt(node, "ioservid", 10, VIR_XML_PROP_REQUIRED, &dm->ioservid) < 0)
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

    if ((n = virXPathNodeSet("./devicemodels/devicemodel", ctxt, &nodes)) < 0)
        return -1;

    for (i = 0; i < n; i++) {
        libxlDeviceModel *dm = libxlDeviceModelParseStatus(nodes[i]);

        if (!dm)
            return -1;

        VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
    }

    return 0;
}
