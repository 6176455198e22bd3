/*
 * libxl_devicemodel.c: the device models of a domain, as the driver sees them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Data flows one way: definition, placement, configuration, command line,
 * process.  This file is the sequence; each step is in a file of its own.
 */

#include <config.h>

#include <fcntl.h>

#include "libxl_devicemodel.h"

#include "domain_devicemodel.h"
#include "libxl_api_wrapper.h"
#include "libxl_devicemodel_disk.h"
#include "libxl_devicemodel_domain.h"
#include "libxl_devicemodel_failure.h"
#include "libxl_devicemodel_net.h"
#include "libxl_devicemodel_release.h"
#include "libxl_devicemodel_serial.h"
#include "libxl_devicemodel_spawn.h"
#include "libxl_devicemodel_status.h"
#include "libxl_devicemodel_watch.h"
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
 * libxlDeviceModelsRemember:
 * @driver: the driver
 * @vm: domain that is about to start
 *
 * Put what an earlier end of the domain left on its list again, for
 * libxlDeviceModelsStop.  It is in the status file still.  A daemon that started
 * since has tried to remove it, too, but then forgot the domain, which does not
 * run.
 */
void
libxlDeviceModelsRemember(libxlDriverPrivate *driver,
                          virDomainObj *vm)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    libxlDomainObjPrivate *priv = vm->privateData;
    g_autofree char *path = g_strdup_printf("%s/%s.xml", cfg->stateDir, vm->def->name);
    g_autoptr(xmlDoc) xml = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;

    if (priv->ndevicemodels > 0 || !virFileExists(path))
        return;

    if (!(xml = virXMLParseFileCtxt(path, &ctxt)) ||
        libxlDeviceModelsParseStatus(ctxt, vm) < 0) {
        VIR_WARN("cannot read what an earlier end of domain '%s' left: %s",
                 vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }

    priv->devicemodelsComplete = false;
    priv->devicemodelsSaving = false;
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
    if (def->ndevicemodels == 0)
        return 0;

    if (libxlDeviceModelsValidate(def) < 0 ||
        libxlDeviceModelsValidateHost(def) < 0)
        return -1;

    return 0;
}


/**
 * libxlDeviceModelsCheckImages:
 * @vm: domain that is about to be created, "starting"
 *
 * Refuse images that no secondary could be given, before libxl creates the domain and
 * starts its primary.  Whatever brings an image, such as a hook script, has done so
 * by now.  Unlocks @vm while it waits for the file system; the domain keeps its
 * definition.
 *
 * Returns 0, or -1 with an error that names the device model, the disk and the
 * image.
 */
int
libxlDeviceModelsCheckImages(virDomainObj *vm)
{
    const virDomainDef *def = vm->def;
    const virDomainDeviceModelDef *dmdef =
        virDomainDeviceModelFindByCapability(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE);
    size_t i;
    int ret = 0;

    if (!dmdef)
        return 0;

    virObjectUnlock(vm);
    for (i = 0; i < def->ndisks && ret == 0; i++) {
        if (libxlDeviceModelOwnsDisk(def, def->disks[i]))
            ret = libxlDeviceModelDiskCheck(dmdef->name, def->disks[i]);
    }
    virObjectLock(vm);

    return ret;
}


static int
libxlDeviceModelPrepareOne(libxlDriverConfig *cfg,
                           virDomainObj *vm,
                           const libxlDeviceModelPlaced *placed,
                           const libxlDeviceModelsSaved *saved,
                           GPtrArray *startings)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModelStarting *starting = libxlDeviceModelPrepareStart(cfg, vm, placed);
    libxlDeviceModel *dm;
    size_t i;

    if (!starting)
        return -1;

    for (i = 0; saved && i < saved->ndms; i++) {
        if (STREQ(saved->dms[i].name, starting->dm->name))
            starting->saved = &saved->dms[i];
    }

    g_ptr_array_add(startings, starting);
    dm = virObjectRef(starting->dm);
    VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
    return 0;
}


/* A domain that somebody ended meanwhile must not be taken for a running one:
 * the news of its death may have been lost, since it waits for the job half as
 * long as a start may take (VIR_JOB_WAIT_TIME in conf/virdomainjob.c). */
static int
libxlDeviceModelsCheckDomain(libxlDriverConfig *cfg,
                             const virDomainDef *def)
{
    if (libxlDeviceModelsDomainLives(cfg, def))
        return 0;

    libxlDeviceModelsDomainReportEnded(def);
    return -1;
}


/* One that has ended while the others were waited for is watched as any, but the guest
 * does not start without it. */
static int
libxlDeviceModelsCheckAlive(GPtrArray *startings)
{
    size_t i;

    for (i = 0; i < startings->len; i++) {
        const libxlDeviceModelStarting *starting = g_ptr_array_index(startings, i);
        g_autofree char *end = libxlDeviceModelDescribeEnd(starting->dm);

        if (end) {
            virReportError(VIR_ERR_INTERNAL_ERROR,
                           _("device model '%1$s' exited while it started: %2$s"),
                           starting->dm->name, end);
            return -1;
        }
    }

    return 0;
}


static int
libxlDeviceModelsAwait(libxlDriverPrivate *driver,
                       virDomainObj *vm,
                       GPtrArray *startings,
                       gint64 deadline)
{
    size_t i;
    int ret = 0;

    virObjectUnlock(vm);
    for (i = 0; i < startings->len && ret == 0; i++)
        ret = libxlDeviceModelAwait(g_ptr_array_index(startings, i), deadline);
    virObjectLock(vm);

    for (i = 0; i < startings->len && ret == 0; i++) {
        const libxlDeviceModelStarting *starting = g_ptr_array_index(startings, i);

        ret = libxlDeviceModelCheckOwner(vm, starting->dm);
    }

    for (i = 0; i < startings->len && ret == 0; i++) {
        libxlDeviceModelStarting *starting = g_ptr_array_index(startings, i);

        libxlDeviceModelSetState(starting->dm, LIBXL_DEVICE_MODEL_STATE_RUNNING);
        starting->dmdef->state = VIR_DOMAIN_DEVICE_MODEL_STATE_RUNNING;
        libxlDeviceModelShowTTYs(vm->def, starting);
        if ((ret = libxlDeviceModelXenstoreAdd(starting->dm)) == 0)
            ret = libxlDeviceModelWatch(driver, vm->def, starting->dm);
    }

    return ret;
}


/* A device model gets its uid once it is known that nobody else has it: whatever
 * runs under the uid of a device model is killed with it. */
static int
libxlDeviceModelsDeprivilege(virDomainObj *vm,
                             GPtrArray *startings)
{
    size_t i;
    int ret = 0;

    virObjectUnlock(vm);
    for (i = 0; i < startings->len && ret == 0; i++) {
        libxlDeviceModelStarting *starting = g_ptr_array_index(startings, i);

        ret = libxlDeviceModelPrivilegePrepare(starting->privilege,
                                               starting->config->emulator);
    }
    virObjectLock(vm);

    for (i = 0; i < startings->len && ret == 0; i++) {
        libxlDeviceModelStarting *starting = g_ptr_array_index(startings, i);

        starting->dm->uid = starting->privilege->uid;
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
                       const libxlDeviceModelsSaved *saved,
                       GPtrArray *startings,
                       gint64 deadline)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    if (placement->nsecondaries > 0 &&
        libxlDeviceModelMachineInit(&priv->devicemodelsMachine, vm->def, d_config) < 0)
        return -1;

    for (i = 0; i < placement->nsecondaries; i++) {
        if (libxlDeviceModelPrepareOne(cfg, vm, &placement->secondaries[i], saved,
                                       startings) < 0)
            return -1;
    }

    if (libxlDeviceModelsDeprivilege(vm, startings) < 0 ||
        libxlDeviceModelsRecord(driver, vm) < 0)
        return -1;

    for (i = 0; i < startings->len; i++) {
        if (libxlDeviceModelSpawnOne(cfg, vm, g_ptr_array_index(startings, i), deadline) < 0)
            return -1;
    }

    return 0;
}


/* libxl takes it where there is no other (libxl__domain_build_info_setdefault in Xen's
 * tools/libs/light/libxl_create.c), which nobody knows before. */
static int
libxlDeviceModelsCheckVersion(const virDomainDef *def,
                              const libxl_domain_config *d_config)
{
    if (d_config->b_info.device_model_version != LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL)
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("device model '%1$s': libxl has taken qemu-xen-traditional, expected a QEMU of Xen's upstream kind as <emulator> in <devices>, or as device_model_override"),
                   virDomainDeviceModelGetPrimary(def)->name);
    return -1;
}


/* Returns the first secondary of which it is not known what it is to run, or NULL. */
static const virDomainDeviceModelDef *
libxlDeviceModelsFindWithoutEmulator(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++) {
        const virDomainDeviceModelDef *dmdef = def->devicemodels[i];

        if (dmdef != virDomainDeviceModelGetPrimary(def) &&
            !libxlDeviceModelSecondaryEmulator(def, dmdef))
            return dmdef;
    }

    return NULL;
}


/* What libxl has taken for the primary becomes the emulator of the domain, in the live
 * definition, which shows it and has it as long as the guest runs: it is never asked for
 * again, be it that the guest is reset or a secondary restarted. */
static int
libxlDeviceModelsFindEmulator(virDomainDef *def)
{
    const virDomainDeviceModelDef *dmdef = libxlDeviceModelsFindWithoutEmulator(def);
    pid_t pid;
    int rc;

    if (!dmdef)
        return 0;

    if ((rc = libxlDeviceModelXenstoreGetPrimary(def->id, &pid)) > 0)
        rc = libxlDeviceModelProcessGetEmulator(pid, def->id, &def->emulator);

    if (rc < 0)
        return -1;

    if (rc == 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' has no emulator, and the one that libxl has started for '%2$s' is not known: expected <emulator> in <devices>, or device_model_override"),
                       dmdef->name, virDomainDeviceModelGetPrimary(def)->name);
        return -1;
    }

    return libxlDeviceModelsValidateHost(def);
}


/**
 * libxlDeviceModelsStart:
 * @driver: the driver
 * @vm: domain that libxl has created and left paused
 * @d_config: its configuration, as libxl has completed it
 * @restoreFD: what libxl has restored it from, of which the rest is read, or -1
 * @restoreVersion: of that
 *
 * Start the secondaries of a domain and wait until all of them serve their
 * devices, with the state that they had where the domain is restored.  The live
 * definition gets the state of the device models, the addresses of the placed
 * devices, and the emulator that libxl takes where it has none.  What an earlier end
 * of the domain could not remove is tried again first, also where the domain has no
 * device model any more.  Unlocks @vm while it waits.
 *
 * The status file has to say that they are complete before the caller does what there
 * is no way back from: the next daemon destroys a domain that is not, and its image may
 * be gone, or its guest have run.
 *
 * Returns 0, or -1 with an error that names the device model, and what was started is
 * left for libxlDeviceModelsStop.
 */
int
libxlDeviceModelsStart(libxlDriverPrivate *driver,
                       virDomainObj *vm,
                       const libxl_domain_config *d_config,
                       int restoreFD,
                       uint32_t restoreVersion)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    libxlDomainObjPrivate *priv = vm->privateData;
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    g_autoptr(GPtrArray) startings = NULL;
    gint64 deadline;

    libxlDeviceModelsStop(driver, vm);

    if (libxlDeviceModelsReadState(vm, restoreFD, restoreVersion, &saved) < 0)
        return -1;

    if (vm->def->ndevicemodels == 0)
        return 0;

    /* by now it is known of what kind a network's interface is */
    if (libxlDeviceModelsValidate(vm->def) < 0)
        return -1;

    if (libxlDeviceModelsCheckVersion(vm->def, d_config) < 0 ||
        libxlDeviceModelsFindEmulator(vm->def) < 0)
        return -1;

    if (!(placement = libxlDeviceModelPlacementNew(vm->def)))
        return -1;

    libxlDeviceModelPlacementApply(placement, vm->def);
    deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_START_MS * 1000LL;
    startings = g_ptr_array_new_with_free_func((GDestroyNotify)libxlDeviceModelStartingFree);

    if (libxlDeviceModelsSpawn(driver, vm, placement, d_config, saved, startings, deadline) < 0 ||
        libxlDeviceModelsAwait(driver, vm, startings, deadline) < 0 ||
        libxlDeviceModelsCheckAlive(startings) < 0 ||
        libxlDeviceModelsCheckDomain(cfg, vm->def) < 0)
        return -1;

    libxlDeviceModelWatchPrimary(driver, vm);
    priv->devicemodelsComplete = startings->len > 0;
    return libxlDeviceModelsRecord(driver, vm);
}


/* From here on the end of a device model is what is wanted. */
static void
libxlDeviceModelsUnwatch(virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    libxlDeviceModelForget(&priv->devicemodelsPrimary);

    for (i = 0; i < priv->ndevicemodels; i++) {
        libxlDeviceModelUnwatch(priv->devicemodels[i]);
        libxlDeviceModelSetState(priv->devicemodels[i], LIBXL_DEVICE_MODEL_STATE_ENDING);
    }
}


/* A daemon that takes over while the secondaries end must not take the domain
 * for one that runs. */
static void
libxlDeviceModelsRecordEnd(libxlDriverPrivate *driver,
                           virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;

    if (!priv->devicemodelsComplete)
        return;

    priv->devicemodelsComplete = false;
    priv->devicemodelsSaving = false;
    if (libxlDeviceModelsRecord(driver, vm) < 0)
        VIR_WARN("cannot record that domain '%s' ends: %s",
                 vm->def->name, virGetLastErrorMessage());
}


/* Undo libxlDeviceModelOpenFiles, as far as it made something. */
static void
libxlDeviceModelCleanUpCapability(virDomainDef *def,
                                  virDomainDeviceModelCapability cap)
{
    size_t i;

    switch (cap) {
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL:
        for (i = 0; i < def->nserials; i++)
            libxlDeviceModelSerialRemove(def->serials[i]);
        break;

    /* their files are the user's, and stay */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST:
        break;
    }
}


static void
libxlDeviceModelCleanUpCapabilities(virDomainDef *def,
                                    const libxlDeviceModel *dm)
{
    virDomainDeviceModelCapability cap;

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        const virDomainDeviceModelDef *dmdef = virDomainDeviceModelFindByCapability(def, cap);

        if (dmdef && dmdef->id == dm->id)
            libxlDeviceModelCleanUpCapability(def, cap);
    }
}


/* Remove what a device model has left.  One that an earlier domain left over has
 * nothing to do with the definition.  What xenstore says of it goes last, so that who looks
 * there finds it for as long as anything of it may be left.  Returns whether nothing is left. */
static bool
libxlDeviceModelCleanUp(virDomainDef *def,
                        libxlDeviceModel *dm)
{
    bool clean = libxlDeviceModelHasEnded(dm) && libxlDeviceModelRemoveFiles(dm);

    if (dm->domid == def->id) {
        libxlDeviceModelNetDisconnect(def, dm);
        libxlDeviceModelCleanUpCapabilities(def, dm);
    }

    if (!libxlDeviceModelNetDelete(dm))
        clean = false;

    if (libxlDeviceModelXenstoreRemove(dm) < 0) {
        VIR_ERROR(_("domain '%1$s': %2$s"), def->name, virGetLastErrorMessage());
        clean = false;
    }

    return clean;
}


/* What a device model gives back, the primary would answer for.  The domain is
 * not locked, and its job keeps the definition from changing. */
static void
libxlDeviceModelsPause(libxlDriverConfig *cfg,
                       const virDomainDef *def,
                       libxlDeviceModel **dms,
                       size_t ndms)
{
    size_t i;

    for (i = 0; i < ndms; i++) {
        if (dms[i]->domid == def->id) {
            if (libxlDeviceModelsDomainLives(cfg, def))
                libxlDomainPauseWrapper(cfg->ctx, def->id);
            return;
        }
    }
}


/**
 * libxlDeviceModelsStop:
 * @driver: the driver
 * @vm: domain that is about to be destroyed, or is gone
 *
 * End all secondaries of the domain and remove what they left.  Comes before
 * libxl destroys the domain, since a process that maps the memory of a domain
 * keeps it from vanishing.  What fails is logged, the rest goes on; what could
 * not be removed stays recorded and is tried again when this is called again,
 * at the next start of the domain, and by the next daemon.  An error that is set
 * stays.  Unlocks @vm while it waits.
 */
void
libxlDeviceModelsStop(libxlDriverPrivate *driver,
                      virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    g_autofree libxlDeviceModel **dms = NULL;
    size_t ndms = priv->ndevicemodels;
    size_t i;
    virErrorPtr save_err;

    libxlDeviceModelsUnwatch(vm);
    if (ndms == 0)
        return;

    virErrorPreserveLast(&save_err);
    libxlDeviceModelsRecordEnd(driver, vm);

    dms = g_steal_pointer(&priv->devicemodels);
    priv->ndevicemodels = 0;

    virObjectUnlock(vm);
    libxlDeviceModelsPutSocketBack(vm->def);
    libxlDeviceModelsPause(cfg, vm->def, dms, ndms);
    libxlDeviceModelEndAll(dms, ndms);
    virObjectLock(vm);

    for (i = 0; i < ndms; i++) {
        if (libxlDeviceModelCleanUp(vm->def, dms[i]))
            virObjectUnref(dms[i]);
        else
            VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dms[i]);
    }

    virErrorRestore(&save_err);
}


/* Returns whether the process of the secondary has the other end of the terminal. */
static bool
libxlDeviceModelHasTerminal(const libxlDeviceModel *dm,
                            const char *path)
{
    g_autofree char *proc = g_strdup_printf("/proc/%lld", (long long)dm->process.pid);

    return libxlDeviceModelSerialHasTerminal(proc, path) &&
        libxlDeviceModelIsAlive(dm);
}


/**
 * libxlDeviceModelsCheckConsole:
 * @vm: the domain, active
 * @chr: one of its consoles or serial ports, a pseudo terminal
 * @fd: set to the terminal, opened, or left alone where no secondary has the port
 *
 * A secondary that ends, has ended, or was taken over, need not have the terminal
 * that the definition names any more, and the next who logs in to the host gets its
 * number.  While @fd is open that number is not given away, so whoever opens
 * the path until then opens the terminal of the secondary.  Asks without a job, as
 * who opens a console has none.
 *
 * Returns 0, or -1 with VIR_ERR_OPERATION_FAILED or VIR_ERR_SYSTEM_ERROR.
 */
int
libxlDeviceModelsCheckConsole(virDomainObj *vm,
                              const virDomainChrDef *chr,
                              int *fd)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    const virDomainDeviceModelDef *dmdef =
        virDomainDeviceModelFindByCapability(vm->def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL);
    const char *path = chr->source->data.file.path;
    const libxlDeviceModel *dm;

    if (!libxlDeviceModelOwnsSerial(vm->def, chr))
        return 0;

    if (!path) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s' has no terminal"), dmdef->name);
        return -1;
    }

    if ((*fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot open terminal '%2$s'"),
                             dmdef->name, path);
        return -1;
    }

    /* there is none while the secondaries end */
    dm = libxlDeviceModelListFindRunning(priv->devicemodels, priv->ndevicemodels,
                                         vm->def->id, dmdef->id);
    if (dm && libxlDeviceModelHasTerminal(dm, path))
        return 0;

    VIR_FORCE_CLOSE(*fd);
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' has no terminal '%2$s' any more"),
                   dmdef->name, path);
    return -1;
}


/* Whether Xen's domain is the one that an earlier daemon left incomplete.  While
 * libxl creates a domain its id is not known, and it is paused. */
static bool
libxlDeviceModelsIsIncomplete(const virDomainDef *def,
                              const libxl_dominfo *info)
{
    if (!libxlDeviceModelsDomainIsSame(def, info))
        return false;

    return def->id == -1 ? info->paused : info->domid == def->id;
}


/* Whether the domain was being restored from its managed save image, and the guest has not run:
 * nothing is lost with the domain, as that image is there. */
static bool
libxlDeviceModelsIsRestoring(libxlDriverPrivate *driver,
                             virDomainObj *vm)
{
    g_autofree char *path = libxlDomainManagedSavePath(driver, vm);
    int reason;

    return virDomainObjGetState(vm, &reason) == VIR_DOMAIN_PAUSED &&
        reason == VIR_DOMAIN_PAUSED_STARTING_UP && virFileExists(path);
}


/**
 * libxlDeviceModelsEndIncomplete:
 * @driver: the driver
 * @vm: domain of which an earlier daemon left a status file
 *
 * If that daemon ended while it started the domain or its secondaries, or while
 * it ended them, the domain is destroyed: nobody knows how far it came.  So is one that was
 * being restored and can be once more.  Waits, and unlocks @vm meanwhile; nobody else has it yet.
 *
 * Returns whether what is left has to be cleaned up.  A domain that was complete
 * goes on, and one that cannot be looked for, or destroyed, stays to be destroyed by hand.
 */
bool
libxlDeviceModelsEndIncomplete(libxlDriverPrivate *driver,
                               virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    libxl_dominfo *infos;
    int ninfos = 0;
    bool ended = true;
    size_t i;

    if (vm->def->ndevicemodels < 2 ||
        (priv->devicemodelsComplete && !libxlDeviceModelsIsRestoring(driver, vm)))
        return false;

    if (!(infos = libxl_list_domain(cfg->ctx, &ninfos))) {
        VIR_WARN("cannot look whether domain '%s' is incomplete, which is left alone", vm->def->name);
        return false;
    }

    for (i = 0; i < ninfos; i++) {
        if (infos[i].dying || !libxlDeviceModelsIsIncomplete(vm->def, &infos[i]))
            continue;

        /* its guest has run, with another image */
        if (priv->devicemodelsComplete && !infos[i].paused) {
            ended = false;
            break;
        }

        VIR_WARN("domain '%s' with id %u was being started or ended when an earlier daemon ended, destroying it",
                 vm->def->name, infos[i].domid);
        vm->def->id = infos[i].domid;
        if (libxlDomainDestroyInternal(driver, vm) < 0) {
            VIR_ERROR(_("cannot destroy domain '%1$s' with id %2$d, which is incomplete"),
                      vm->def->name, vm->def->id);
            ended = false;
        }
        break;
    }

    libxl_dominfo_list_free(infos, ninfos);
    return ended;
}


/* One that cannot be looked for is looked for again by who watches it. */
static void
libxlDeviceModelTryReopen(const virDomainDef *def,
                          libxlDeviceModel *dm)
{
    if (libxlDeviceModelReopen(dm) >= 0)
        return;

    VIR_WARN("domain '%s': %s", def->name, virGetLastErrorMessage());
    virResetLastError();
}


/**
 * libxlDeviceModelsFreeGuest:
 * @vm: domain of which an earlier daemon left a status file
 * @opaque: the driver
 *
 * Free the guest of secondaries that have ended while no daemon was running, or that it was held
 * for when the earlier daemon ended, before the daemon reconnects to the first of its domains,
 * which may take long.  For virDomainObjListForEach.
 *
 * Returns 0.
 */
int
libxlDeviceModelsFreeGuest(virDomainObj *vm,
                           void *opaque)
{
    libxlDriverPrivate *driver = opaque;
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    if (!priv->devicemodelsComplete || !libxlDeviceModelsDomainLives(cfg, vm->def))
        return 0;

    for (i = 0; i < priv->ndevicemodels; i++) {
        libxlDeviceModel *dm = priv->devicemodels[i];
        const virDomainDeviceModelDef *dmdef = libxlDeviceModelGetDef(vm->def, dm);

        if (dm->domid != vm->def->id)
            continue;

        if (libxlDeviceModelGetState(dm) == LIBXL_DEVICE_MODEL_STATE_RUNNING) {
            libxlDeviceModelTryReopen(vm->def, dm);
            libxlDeviceModelFreeGuest(dm);
        }

        libxlDeviceModelFreeHeld(vm, dm, dmdef &&
                                 dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_RESTARTING);
    }

    return 0;
}


/* Of what an earlier end could not remove there is nothing to find: its process is
 * looked for when it is tried again, and its ids may be another's by now. */
static void
libxlDeviceModelReconnect(libxlDriverPrivate *driver,
                          virDomainObj *vm,
                          libxlDeviceModel *dm)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    libxlDeviceModelState state = libxlDeviceModelGetState(dm);

    if (dm->domid != vm->def->id ||
        (state != LIBXL_DEVICE_MODEL_STATE_RUNNING && state != LIBXL_DEVICE_MODEL_STATE_FAILED))
        return;

    dm->holdTime = libxlDeviceModelHoldChoose(cfg->deviceModelHoldTime);

    /* the earlier daemon may have ended between the two */
    if (state == LIBXL_DEVICE_MODEL_STATE_FAILED && !libxlDeviceModelWasTold(vm->def, dm))
        libxlDeviceModelSetState(dm, LIBXL_DEVICE_MODEL_STATE_RUNNING);

    if (libxlDeviceModelGetState(dm) == LIBXL_DEVICE_MODEL_STATE_RUNNING)
        libxlDeviceModelTryReopen(vm->def, dm);

    libxlDeviceModelTryWatch(driver, vm->def, dm);
}


/**
 * libxlDeviceModelsReconnect:
 * @driver: the driver
 * @vm: domain that was running when an earlier daemon ended
 * @dying: whether Xen is about to release the domain
 *
 * Find the processes of the device models, those of the secondaries through what the
 * status file knows, and watch them.  Of a secondary that has ended the guest is freed at
 * once, and it is held for the others as the configuration of this daemon says.  Keep the
 * names of taps from being given away.
 *
 * Returns whether the domain has to be cleaned up: Xen cannot release a domain
 * whose memory secondaries map, and nobody hears of the death of one that is not
 * released.
 */
bool
libxlDeviceModelsReconnect(libxlDriverPrivate *driver,
                           virDomainObj *vm,
                           bool dying)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    for (i = 0; i < priv->ndevicemodels && !dying; i++)
        libxlDeviceModelReconnect(driver, vm, priv->devicemodels[i]);

    if (vm->def->ndevicemodels > 0 && !dying)
        libxlDeviceModelWatchPrimary(driver, vm);

    for (i = 0; i < vm->def->nnets; i++) {
        virDomainNetDef *net = vm->def->nets[i];

        if (net->ifname && libxlDeviceModelOwnsNet(vm->def, net))
            virNetDevReserveName(net->ifname);
    }

    if (!dying)
        libxlDeviceModelsRecoverSave(driver, vm);

    return dying && priv->ndevicemodels > 0;
}
