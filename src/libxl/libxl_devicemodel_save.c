/*
 * libxl_devicemodel_save.c: a domain with secondaries is saved and restored
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "libxl_devicemodel_save.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_conf.h"
#include "libxl_devicemodel_disk.h"
#include "libxl_devicemodel_relay.h"
#include "libxl_devicemodel_state.h"
#include "libxl_devicemodel_status.h"
#include "libxl_domain.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_save");

/* For how long all are asked before.  One that drains a slow disk is silent for as long. */
#define LIBXL_DEVICE_MODELS_ASK_MS (20 * 1000)

/* libxl waits for the primary's answer to this for 10 s (switch_qemu_xen_logdirty in Xen's
 * tools/libs/light/libxl_dom_save.c). */
#define LIBXL_DEVICE_MODELS_LOG_MS (8 * 1000)

/* What is written to disks is waited for.  libxl gives the guest as long to suspend itself. */
#define LIBXL_DEVICE_MODELS_SAVE_MS (60 * 1000)

/* Those that have gone on make nobody wait.  With what the other host may take to give their images
 * back it is less than others wait for the job (VIR_JOB_WAIT_TIME in
 * conf/virdomainjob.c). */
#define LIBXL_DEVICE_MODELS_CONTINUE_MS (20 * 1000)
#define LIBXL_DEVICE_MODELS_RELOCK_MS (8 * 1000)

/* The secondaries of a domain, in the order of its definition. */
struct _libxlDeviceModelsSaving {
    libxlDeviceModelsSaved *saved; /* what is known of them */
    libxlDeviceModel **dms; /* references, of which there are as many */
    size_t ndms;
    const virDomainDef *def; /* of the domain, which keeps it meanwhile */
    bool live; /* their images become another host's */
    bool stopping; /* some may be stopped */
};


/**
 * libxlDeviceModelsSavingFree:
 * @saving: what libxlDeviceModelsCheckSave has set, or NULL
 */
void
libxlDeviceModelsSavingFree(libxlDeviceModelsSaving *saving)
{
    size_t i;

    if (!saving)
        return;

    for (i = 0; i < saving->ndms; i++)
        virObjectUnref(saving->dms[i]);

    libxlDeviceModelsSavedFree(saving->saved);
    g_free(saving->dms);
    g_free(saving);
}


/**
 * libxlDeviceModelsGetSaveVersion:
 * @def: definition of a domain
 *
 * Returns the version of an image of it: one that a libvirt without device models refuses where
 * there are secondaries.
 */
uint32_t
libxlDeviceModelsGetSaveVersion(const virDomainDef *def)
{
    return def->ndevicemodels < 2 ? LIBXL_SAVE_VERSION : LIBXL_DEVICE_MODEL_SAVE_VERSION;
}


/* Returns the secondary, whose reference stays the list's, or NULL with an error.  One that an
 * earlier libvirt has started answers as any other, and cannot send its state when the guest is
 * suspended: its scope library is of that time. */
static libxlDeviceModel *
libxlDeviceModelsFindSaved(virDomainObj *vm,
                           const virDomainDeviceModelDef *dmdef)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModel *dm =
        libxlDeviceModelListFindRunning(priv->devicemodels, priv->ndevicemodels,
                                        vm->def->id, dmdef->id);

    if (!dm || !libxlDeviceModelIsAlive(dm) ||
        dmdef->state != VIR_DOMAIN_DEVICE_MODEL_STATE_RUNNING) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("domain '%1$s' cannot be saved or migrated: device model '%2$s' does not run, expected all of them to"),
                       vm->def->name, dmdef->name);
        return NULL;
    }

    if (!dm->saves) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("domain '%1$s' cannot be saved or migrated: device model '%2$s' was started by an earlier libvirt, which could save none; start the domain anew"),
                       vm->def->name, dmdef->name);
        return NULL;
    }

    return dm;
}


/* Returns what is to be saved of a domain with secondaries, which the caller frees, or NULL with
 * an error. */
static libxlDeviceModelsSaving *
libxlDeviceModelsSavingNew(virDomainObj *vm)
{
    g_autoptr(libxlDeviceModelsSaving) saving = g_new0(libxlDeviceModelsSaving, 1);
    const virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(vm->def);
    size_t n = 0;
    size_t i;

    saving->saved = libxlDeviceModelsSavedNew(vm->def->uuid, vm->def->ndevicemodels - 1);
    saving->dms = g_new0(libxlDeviceModel *, saving->saved->ndms);

    for (i = 0; i < vm->def->ndevicemodels; i++) {
        const virDomainDeviceModelDef *dmdef = vm->def->devicemodels[i];
        libxlDeviceModel *dm;

        if (dmdef == primary)
            continue;

        if (!(dm = libxlDeviceModelsFindSaved(vm, dmdef)))
            return NULL;

        saving->dms[n++] = virObjectRef(dm);
        saving->ndms = n;
    }

    return g_steal_pointer(&saving);
}


/**
 * libxlDeviceModelsCheckSave:
 * @vm: running domain, in a job of type modify, which libxlDeviceModelsSuspend is called in
 * @saving: set to what that is given, which the caller frees, or to NULL for none
 *
 * Ask each secondary whether it can be saved, before anything is touched.  Nobody is asked again
 * when an image that was there is gone.  Unlocks @vm while it waits.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelsCheckSave(virDomainObj *vm,
                           libxlDeviceModelsSaving **saving)
{
    g_autoptr(libxlDeviceModelsSaving) asked = NULL;
    int rc;

    *saving = NULL;
    if (vm->def->ndevicemodels < 2)
        return 0;

    if (!(asked = libxlDeviceModelsSavingNew(vm)))
        return -1;

    virObjectUnlock(vm);
    rc = libxlDeviceModelStatesAsk(asked->dms, asked->saved,
                                   g_get_monotonic_time() +
                                   LIBXL_DEVICE_MODELS_ASK_MS * 1000LL);
    virObjectLock(vm);

    if (rc < 0)
        return -1;

    *saving = g_steal_pointer(&asked);
    return 0;
}


/**
 * libxlDeviceModelsAsk:
 * @vm: running domain, in a job of type modify
 * @saved: set to what is known of its secondaries, but for their state, which the caller frees;
 *         or to NULL where there are none
 *
 * libxlDeviceModelsCheckSave, where not only whether is asked, but who they are.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelsAsk(virDomainObj *vm,
                     libxlDeviceModelsSaved **saved)
{
    g_autoptr(libxlDeviceModelsSaving) saving = NULL;

    *saved = NULL;
    if (libxlDeviceModelsCheckSave(vm, &saving) < 0)
        return -1;

    if (saving)
        *saved = g_steal_pointer(&saving->saved);

    return 0;
}


static int
libxlDeviceModelsSavingLog(libxlDeviceModelsSaving *saving,
                           bool enable)
{
    return libxlDeviceModelStatesLog(saving->dms, saving->saved->ndms, enable,
                                     g_get_monotonic_time() +
                                     LIBXL_DEVICE_MODELS_LOG_MS * 1000LL);
}


/* What is logged when it was asked not to be costs a little time, and nothing else. */
static void
libxlDeviceModelsSavingUnlog(libxlDeviceModelsSaving *saving)
{
    if (libxlDeviceModelsSavingLog(saving, false) == 0)
        return;

    VIR_WARN("%s", virGetLastErrorMessage());
    virResetLastError();
}


/* Returns whose images are on the disks of a domain, or NULL. */
static libxlDeviceModel *
libxlDeviceModelsFindDisks(const virDomainDef *def,
                           libxlDeviceModel **dms,
                           size_t ndms)
{
    const virDomainDeviceModelDef *dmdef =
        virDomainDeviceModelFindByCapability(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE);

    return dmdef ? libxlDeviceModelListFindRunning(dms, ndms, def->id, dmdef->id) : NULL;
}


/* Let the host have the images that the domain comes to. */
static void
libxlDeviceModelsUnlockImages(libxlDeviceModelsSaving *saving)
{
    const virDomainDef *def = saving->def;
    libxlDeviceModel *dm = libxlDeviceModelsFindDisks(def, saving->dms, saving->ndms);
    size_t i;

    for (i = 0; dm && i < def->ndisks; i++) {
        if (libxlDeviceModelOwnsDisk(def, def->disks[i]))
            libxlDeviceModelDiskUnlock(dm, def->disks[i]);
    }
}


/* Where a migration has failed late, the other host is about to give the images back.  Returns 0,
 * or -1 with an error where it, or somebody else, has one still. */
static int
libxlDeviceModelsRelockImages(const virDomainDef *def,
                              libxlDeviceModel **dms,
                              size_t ndms)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODELS_RELOCK_MS * 1000LL;
    libxlDeviceModel *dm = libxlDeviceModelsFindDisks(def, dms, ndms);
    size_t i;

    for (i = 0; dm && i < def->ndisks; i++) {
        if (libxlDeviceModelOwnsDisk(def, def->disks[i]) &&
            libxlDeviceModelDiskRelock(dm, def->disks[i], deadline) < 0)
            return -1;
    }

    return 0;
}


/* All of them, then their images: the other host waits for the state that is sent after that. */
static int
libxlDeviceModelsSavingStop(libxlDeviceModelsSaving *saving)
{
    saving->stopping = true;
    if (libxlDeviceModelStatesSave(saving->dms, saving->saved, saving->live,
                                   g_get_monotonic_time() +
                                   LIBXL_DEVICE_MODELS_SAVE_MS * 1000LL) < 0)
        return -1;

    if (saving->live)
        libxlDeviceModelsUnlockImages(saving);

    return 0;
}


/* Called in the relay's thread. */
static int
libxlDeviceModelsSavingHandle(libxlDeviceModelRelayStep step,
                              void *opaque)
{
    libxlDeviceModelsSaving *saving = opaque;

    switch (step) {
    case LIBXL_DEVICE_MODEL_RELAY_LOG:
        return libxlDeviceModelsSavingLog(saving, true);

    case LIBXL_DEVICE_MODEL_RELAY_UNLOG:
        libxlDeviceModelsSavingUnlog(saving);
        return 0;

    case LIBXL_DEVICE_MODEL_RELAY_STOP:
        return libxlDeviceModelsSavingStop(saving);

    case LIBXL_DEVICE_MODEL_RELAY_PASS:
        break;
    }

    return 0;
}


/* libxl saves the domain, and the relay has the secondaries saved meanwhile.  Returns as libxl
 * does, or -1 with an error. */
static int
libxlDeviceModelsSavingRelay(libxlDeviceModelsSaving *saving,
                             libxl_ctx *ctx,
                             unsigned int domid,
                             int fd,
                             int flags)
{
    g_autofree char *path = libxlDeviceModelRelayGetPath(domid);
    libxlDeviceModelRelay *relay;
    bool stopped = false;
    int rc;

    if (!(relay = libxlDeviceModelRelayNew(path, libxlDeviceModelsSavingHandle, saving)))
        return -1;

    rc = libxl_domain_suspend(ctx, domid, fd, flags, NULL);
    if (libxlDeviceModelRelayEnd(relay, &stopped) < 0)
        return -1;

    if (rc == 0 && !stopped) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("libxl did not tell the primary of domain %1$u to stop: the state of its other device models is not known"),
                       domid);
        return -1;
    }

    return rc;
}


/* The domain is not locked.  Returns as libxlDeviceModelsSuspend does. */
static int
libxlDeviceModelsSavingPerform(libxlDeviceModelsSaving *saving,
                               libxl_ctx *ctx,
                               unsigned int domid,
                               int fd,
                               int flags)
{
    int rc;

    if ((rc = libxlDeviceModelsSavingRelay(saving, ctx, domid, fd, flags)) != 0)
        return rc;

    return libxlDeviceModelsSavedWrite(saving->saved, fd);
}


/* Who resumes the guest attempts it again. */
static void
libxlDeviceModelsTryResume(libxlDriverPrivate *driver,
                           virDomainObj *vm)
{
    if (libxlDeviceModelsResume(driver, vm) == 0)
        return;

    VIR_ERROR("%s", virGetLastErrorMessage());
    virResetLastError();
}


static void
libxlDeviceModelsRecordSaved(libxlDriverPrivate *driver,
                             virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;

    priv->devicemodelsSaving = false;
    if (libxlDeviceModelsRecord(driver, vm) < 0) {
        VIR_WARN("cannot record that domain '%s' goes on: %s",
                 vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}


static int
libxlDeviceModelsSuspendAll(libxlDriverPrivate *driver,
                            virDomainObj *vm,
                            libxlDeviceModelsSaving *saving,
                            int fd,
                            int flags)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    libxlDomainObjPrivate *priv = vm->privateData;
    virErrorPtr save_err;
    int rc;

    saving->def = vm->def;
    saving->live = priv->migrating;
    priv->devicemodelsSaving = true;
    if ((rc = libxlDeviceModelsRecord(driver, vm)) == 0) {
        virObjectUnlock(vm);
        rc = libxlDeviceModelsSavingPerform(saving, cfg->ctx, vm->def->id, fd, flags);
        virObjectLock(vm);
    }

    if (rc != 0) {
        virErrorPreserveLast(&save_err);
        if (saving->stopping)
            libxlDeviceModelsTryResume(driver, vm);
        else
            libxlDeviceModelsRecordSaved(driver, vm);
        virResetLastError();
        virErrorRestore(&save_err);
    }

    return rc;
}


/**
 * libxlDeviceModelsSuspend:
 * @driver: the driver
 * @vm: running domain, in a job of type modify
 * @saving: of libxlDeviceModelsCheckSave in the same job
 * @fd: where its state goes to
 * @flags: of libxl_domain_suspend
 *
 * Save the domain, or migrate it where libxlDomainMigrationSendBegin was called for it.  In the
 * place of libxl_domain_suspend, which is all that there is to it for a domain without
 * secondaries.  Unlocks @vm while it waits.
 *
 * Returns 0 with all of the state written, and the guest suspended.  Or anything else, with an
 * error where it is not libxl that has failed: the guest may be suspended, and its device models
 * run.
 */
int
libxlDeviceModelsSuspend(libxlDriverPrivate *driver,
                         virDomainObj *vm,
                         libxlDeviceModelsSaving *saving,
                         int fd,
                         int flags)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    int rc;

    virResetLastError();
    if (saving)
        return libxlDeviceModelsSuspendAll(driver, vm, saving, fd, flags);

    virObjectUnlock(vm);
    rc = libxl_domain_suspend(cfg->ctx, vm->def->id, fd, flags, NULL);
    virObjectLock(vm);

    return rc;
}


/* Returns references to those that run, whose number is set. */
static libxlDeviceModel **
libxlDeviceModelsGetRunning(virDomainObj *vm,
                            size_t *ndms)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModel **dms = g_new0(libxlDeviceModel *, priv->ndevicemodels);
    size_t i;

    *ndms = 0;
    for (i = 0; i < priv->ndevicemodels; i++) {
        libxlDeviceModel *dm = priv->devicemodels[i];

        if (dm->domid == vm->def->id &&
            libxlDeviceModelGetState(dm) == LIBXL_DEVICE_MODEL_STATE_RUNNING)
            dms[(*ndms)++] = virObjectRef(dm);
    }

    return dms;
}


/**
 * libxlDeviceModelsCheckResume:
 * @vm: domain that is suspended
 *
 * Refuse to have a guest go on whose secondaries were ended, since it was saved or migrated, or
 * somebody wanted it destroyed, and libxl could not destroy it.  Its image must stay.
 *
 * Returns 0, or -1 with VIR_ERR_OPERATION_INVALID.
 */
int
libxlDeviceModelsCheckResume(virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;

    if (vm->def->ndevicemodels < 2 || priv->devicemodelsComplete)
        return 0;

    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("domain '%1$s' cannot be resumed, as its device models have ended: destroy it; an image that it was saved to stays"),
                   vm->def->name);
    return -1;
}


/**
 * libxlDeviceModelsResume:
 * @driver: the driver
 * @vm: domain whose guest goes on, in a job of type modify, or in a daemon that starts
 *
 * Have the secondaries of a domain that was not saved, or not migrated, after all emulate again,
 * before libxl_domain_resume does the same to the primary.  Does nothing where they do, or where
 * there are none.  Where it was being migrated, their images are locked again before.  One that hangs
 * is killed, as the guest would wait for it for ever, and then treated as any that dies.  Unlocks
 * @vm while it waits.
 *
 * Returns 0, or -1 with an error where one cannot go on yet, or somebody else has its image: the
 * guest must not, either, and it is remembered that this is still to be done.
 */
int
libxlDeviceModelsResume(libxlDriverPrivate *driver,
                        virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    g_autofree libxlDeviceModel **dms = NULL;
    bool unlocked = priv->migrating;
    size_t ndms;
    size_t i;
    int rc = 0;

    if (!priv->devicemodelsSaving)
        return 0;

    dms = libxlDeviceModelsGetRunning(vm, &ndms);

    virObjectUnlock(vm);
    if (unlocked)
        rc = libxlDeviceModelsRelockImages(vm->def, dms, ndms);
    if (rc == 0)
        rc = libxlDeviceModelStatesContinue(dms, ndms,
                                            g_get_monotonic_time() +
                                            LIBXL_DEVICE_MODELS_CONTINUE_MS * 1000LL);
    virObjectLock(vm);

    for (i = 0; i < ndms; i++)
        virObjectUnref(dms[i]);

    if (rc == 0)
        libxlDeviceModelsRecordSaved(driver, vm);

    return rc;
}


/**
 * libxlDeviceModelsPutSocketBack:
 * @def: definition of a domain with secondaries, with its id, that no daemon saves any more
 *
 * A daemon that was killed while it saved the domain has left the primary's socket under another
 * name.  It gets its own, under which libxl removes it with the domain, or is removed where nobody
 * listens any more.  What fails is logged.
 */
void
libxlDeviceModelsPutSocketBack(const virDomainDef *def)
{
    g_autofree char *path = libxlDeviceModelRelayGetPath(def->id);

    if (libxlDeviceModelRelayPutBack(path) == 0)
        return;

    VIR_ERROR(_("domain '%1$s': %2$s"), def->name, virGetLastErrorMessage());
    virResetLastError();
}


/**
 * libxlDeviceModelsRecoverSave:
 * @driver: the driver
 * @vm: domain that was running when an earlier daemon ended, which nobody else has yet
 *
 * Undo what that has left of saving it, but that libxlDomainResumeAfterFailure has the
 * secondaries of a guest go on that it resumes.  What fails is logged.  Unlocks @vm while it
 * waits.
 */
void
libxlDeviceModelsRecoverSave(libxlDriverPrivate *driver,
                             virDomainObj *vm)
{
    if (vm->def->ndevicemodels < 2)
        return;

    libxlDeviceModelsPutSocketBack(vm->def);
    if (!libxlDomainIsSuspended(vm))
        libxlDeviceModelsTryResume(driver, vm);
}


/* An image with the state of secondaries has another version than one without. */
static int
libxlDeviceModelsCheckImageVersion(const virDomainDef *def,
                                   uint32_t version)
{
    bool saved = version == LIBXL_DEVICE_MODEL_SAVE_VERSION;

    if (saved == (def->ndevicemodels > 1))
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   saved ? _("the image of domain '%1$s' is of version %2$u, and its definition has no secondaries")
                         : _("the image of domain '%1$s' is of version %2$u, and its definition has secondaries, whose state it does not have"),
                   def->name, version);
    return -1;
}


/* The trailer follows the header, the definition, and what libxl has written. */
static int
libxlDeviceModelsCheckTrailer(const virDomainDef *def,
                              int fd,
                              off_t size)
{
    g_autoptr(libxlDeviceModelsSaved) saved = libxlDeviceModelsSavedFind(fd, size);
    off_t begin = lseek(fd, 0, SEEK_CUR);

    if (!saved || libxlDeviceModelsSavedCheck(saved, def) < 0)
        return -1;

    if (begin < 0 || saved->offset <= begin) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("the image of domain '%1$s' has nothing before the state of its device models"),
                       def->name);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelsCheckImage:
 * @def: the definition that is in an image
 * @version: of the image, whose header was read
 * @fd: the image, at the end of the definition, where it stays
 *
 * Refuse an image that is not complete, before anything of the host is touched.  One that is in
 * no regular file is found to be complete only when it is read.
 *
 * Returns 0, or -1 with an error that says what is wrong with it.
 */
int
libxlDeviceModelsCheckImage(const virDomainDef *def,
                            uint32_t version,
                            int fd)
{
    struct stat sb;

    if (libxlDeviceModelsCheckImageVersion(def, version) < 0)
        return -1;

    if (def->ndevicemodels < 2)
        return 0;

    if (fstat(fd, &sb) < 0) {
        virReportSystemError(errno, "%s", _("cannot read the state of the device models"));
        return -1;
    }

    return S_ISREG(sb.st_mode) ? libxlDeviceModelsCheckTrailer(def, fd, sb.st_size) : 0;
}


/**
 * libxlDeviceModelsReadState:
 * @vm: domain that libxl has restored, or created
 * @fd: what it was restored from, of which the rest is read; or -1
 * @version: of that
 * @saved: set to the state of its secondaries, which the caller frees, or to NULL for none
 *
 * Unlocks @vm while it waits.
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelsReadState(virDomainObj *vm,
                           int fd,
                           uint32_t version,
                           libxlDeviceModelsSaved **saved)
{
    g_autoptr(libxlDeviceModelsSaved) read = NULL;

    *saved = NULL;
    if (fd < 0)
        return 0;

    if (libxlDeviceModelsCheckImageVersion(vm->def, version) < 0)
        return -1;

    if (vm->def->ndevicemodels < 2)
        return 0;

    virObjectUnlock(vm);
    read = libxlDeviceModelsSavedRead(fd);
    virObjectLock(vm);

    if (!read || libxlDeviceModelsSavedCheck(read, vm->def) < 0)
        return -1;

    *saved = g_steal_pointer(&read);
    return 0;
}
