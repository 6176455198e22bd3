/*
 * libxl_devicemodel_failure.c: what follows from the end of a device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_failure.h"

#include "domain_devicemodel.h"
#include "domain_event.h"
#include "libxl_api_wrapper.h"
#include "libxl_devicemodel_domain.h"
#include "libxl_devicemodel_release.h"
#include "libxl_devicemodel_restart.h"
#include "libxl_devicemodel_serial.h"
#include "libxl_devicemodel_status.h"
#include "libxl_devicemodel_xenstore.h"
#include "libxl_domain.h"
#include "libxl_migration.h"
#include "virerror.h"
#include "virhook.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_failure");

/* For how long others have the job before a restart that has failed is tried again. */
#define LIBXL_DEVICE_MODEL_AGAIN_MS 100

/* How often others are let first that the guest is not held for yet. */
#define LIBXL_DEVICE_MODEL_YIELDS_SOON 2

/* What is remembered from one try to restart a device model to the next. */
typedef struct _libxlDeviceModelTries libxlDeviceModelTries;
struct _libxlDeviceModelTries {
    bool restarts; /* an earlier daemon has begun to */
    unsigned int nyields; /* so often were others let first */
};


static void
libxlDeviceModelForgetTerminals(virDomainDef *def,
                                const libxlDeviceModel *dm)
{
    const virDomainDeviceModelDef *dmdef =
        virDomainDeviceModelFindByCapability(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL);
    size_t i;

    if (!dmdef || dmdef->id != dm->id)
        return;

    for (i = 0; i < def->nserials; i++)
        libxlDeviceModelSerialForget(def->serials[i]);
}


static virDomainEventIOErrorAction
libxlDeviceModelEventAction(const virDomainDeviceModelDef *dmdef)
{
    return virDomainDeviceModelDefGetFailureAction(dmdef) ==
        VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE ?
        VIR_DOMAIN_EVENT_IO_ERROR_PAUSE : VIR_DOMAIN_EVENT_IO_ERROR_NONE;
}


static void
libxlDeviceModelWarnUnrecorded(const virDomainDef *def,
                               const virDomainDeviceModelDef *dmdef)
{
    VIR_WARN("cannot record that device model '%s' of domain '%s' failed: %s",
             dmdef->name, def->name, virGetLastErrorMessage());
    virResetLastError();
}


/* Clients may know the older of the two events only. */
static void
libxlDeviceModelSendEvents(libxlDriverPrivate *driver,
                           virDomainObj *vm,
                           const virDomainDeviceModelDef *dmdef)
{
    virDomainEventIOErrorAction action = libxlDeviceModelEventAction(dmdef);

    virObjectEventStateQueue(driver->domainEventState,
                             virDomainEventIOErrorNewFromObj(vm, "", dmdef->name, action));
    virObjectEventStateQueue(driver->domainEventState,
                             virDomainEventIOErrorReasonNewFromObj(vm, "", dmdef->name,
                                                                   action, "message"));
}


/* What the script returns changes nothing: the device model is gone.  It may take as long as
 * it wants, so that @vm is unlocked meanwhile, and its definition may be another after it. */
static void
libxlDeviceModelCallHook(libxlDriverPrivate *driver,
                         virDomainObj *vm,
                         const libxlDeviceModel *dm)
{
    g_autofree char *name = g_strdup(vm->def->name);
    g_autofree char *xml = NULL;
    int rc = -1;

    if (!virHookPresent(VIR_HOOK_DRIVER_LIBXL))
        return;

    if ((xml = virDomainDefFormat(vm->def, driver->xmlopt, 0))) {
        virObjectUnlock(vm);
        rc = virHookCall(VIR_HOOK_DRIVER_LIBXL, name, VIR_HOOK_LIBXL_OP_DEVICE_MODEL_FAILED,
                         VIR_HOOK_SUBOP_END, dm->name, xml, NULL);
        virObjectLock(vm);
    }

    if (rc < 0) {
        VIR_WARN("the hook script was not told that device model '%s' of domain '%s' failed: %s",
                 dm->name, name, virGetLastErrorMessage());
        virResetLastError();
    }
}


/* Unlocks @vm while the hook script runs. */
static void
libxlDeviceModelTell(libxlDriverPrivate *driver,
                     virDomainObj *vm,
                     virDomainDeviceModelDef *dmdef,
                     libxlDeviceModel *dm,
                     const char *reason)
{
    dm->pending = virDomainDeviceModelDefGetFailureAction(dmdef) !=
        VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE;
    virDomainDeviceModelDefSetFailed(dmdef, g_get_real_time() / G_USEC_PER_SEC, reason);
    libxlDeviceModelThrottleNoteEnd(&dm->throttle, g_get_monotonic_time());

    VIR_ERROR(_("device model '%1$s' of domain '%2$s' failed: %3$s"),
              dmdef->name, vm->def->name, reason);

    if (libxlDeviceModelsWriteStatus(driver, vm) < 0)
        libxlDeviceModelWarnUnrecorded(vm->def, dmdef);

    if (dm->id != 0 && libxlDeviceModelXenstoreSetState(dm, "failed") < 0)
        libxlDeviceModelWarnUnrecorded(vm->def, dmdef);

    libxlDeviceModelSendEvents(driver, vm, dmdef);
    libxlDeviceModelCallHook(driver, vm, dm);
}


/* The domain may have been paused meanwhile by somebody who resumes it. */
static void
libxlDeviceModelFailurePauseDomain(libxlDriverPrivate *driver,
                                   virDomainObj *vm)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);

    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)
        return;

    if (libxlDomainPauseWrapper(cfg->ctx, vm->def->id) != 0) {
        VIR_ERROR(_("cannot pause domain '%1$s', a device model of which failed"),
                  vm->def->name);
        return;
    }

    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR);
    virObjectEventStateQueue(driver->domainEventState,
                             virDomainEventLifecycleNewFromObj(vm, VIR_DOMAIN_EVENT_SUSPENDED,
                                                               VIR_DOMAIN_EVENT_SUSPENDED_IOERROR));
}


static void
libxlDeviceModelFailureDestroyDomain(libxlDriverPrivate *driver,
                                     virDomainObj *vm)
{
    virObjectEvent *event;

    if (libxlDomainDestroyInternal(driver, vm) < 0) {
        VIR_ERROR(_("cannot destroy domain '%1$s', a device model of which failed"),
                  vm->def->name);
        return;
    }

    virDomainObjSetState(vm, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_FAILED);
    event = virDomainEventLifecycleNewFromObj(vm, VIR_DOMAIN_EVENT_STOPPED,
                                              VIR_DOMAIN_EVENT_STOPPED_FAILED);
    libxlDomainCleanup(driver, vm);
    if (!vm->persistent)
        virDomainObjListRemove(driver->domains, vm);
    virObjectEventStateQueue(driver->domainEventState, event);
}


/* Returns whether it is to be tried again, with another job. */
static bool
libxlDeviceModelAct(libxlDriverPrivate *driver,
                    virDomainObj *vm,
                    libxlDeviceModel *dm,
                    virDomainDeviceModelFailureAction action)
{
    switch (action) {
    case VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART:
        /* a daemon that takes over does it again, unless it is done */
        dm->pending = true;
        return libxlDeviceModelRestart(driver, vm, dm);

    case VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE:
        libxlDeviceModelFailurePauseDomain(driver, vm);
        if (libxlDeviceModelsWriteStatus(driver, vm) < 0)
            VIR_WARN("cannot record that domain '%s' was paused: %s",
                     vm->def->name, virGetLastErrorMessage());
        break;

    case VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DESTROY:
        libxlDeviceModelFailureDestroyDomain(driver, vm);
        break;

    case VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DEFAULT:
    case VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE:
    case VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_LAST:
        break;
    }

    return false;
}


/**
 * libxlDeviceModelWasTold:
 * @def: live definition of a domain
 * @dm: one of its device models, which has failed
 *
 * Returns whether everybody was told of that: an earlier daemon may not have come to it.
 */
bool
libxlDeviceModelWasTold(const virDomainDef *def,
                        const libxlDeviceModel *dm)
{
    const virDomainDeviceModelDef *dmdef = libxlDeviceModelGetDef(def, dm);

    return !dmdef || dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED ||
        dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_RESTARTING;
}


/* A restart that an earlier daemon has begun is gone on with, whatever the definition wants: an
 * administrator has said so, and nobody else ends the process that may have been started.
 * @tries remembers that. */
static virDomainDeviceModelFailureAction
libxlDeviceModelChooseAction(const virDomainDeviceModelDef *dmdef,
                             libxlDeviceModelTries *tries)
{
    virDomainDeviceModelFailureAction action = virDomainDeviceModelDefGetFailureAction(dmdef);

    tries->restarts = tries->restarts || dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_RESTARTING;
    return tries->restarts ? VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART : action;
}


/* A restart takes the job for seconds.  One that a vCPU waits for, or will in a moment, would
 * come too late behind that of another. */
static bool
libxlDeviceModelYields(virDomainObj *vm,
                       libxlDeviceModel *dm,
                       virDomainDeviceModelFailureAction action,
                       libxlDeviceModelTries *tries)
{
    if (action != VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART)
        return false;

    if (libxlDeviceModelComesFirst(vm, dm) &&
        (tries->nyields >= LIBXL_DEVICE_MODEL_YIELDS_SOON || !libxlDeviceModelMayComeSecond(vm, dm)))
        return false;

    /* for as long as a guest is held */
    return tries->nyields++ < dm->holdTime * 1000 / LIBXL_DEVICE_MODEL_AGAIN_MS;
}


/* Returns as libxlDeviceModelAct does. */
static bool
libxlDeviceModelFinishOnce(libxlDriverPrivate *driver,
                           virDomainObj *vm,
                           libxlDeviceModel *dm,
                           libxlDeviceModelTries *tries)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    const virDomainDeviceModelDef *dmdef;
    virDomainDeviceModelFailureAction action;
    bool again = false;

    if (!dm->pending || !libxlDomainEndBeginJob(vm, dm->domid))
        return false;

    /* one that has crashed may be preserved, and one that is suspended may go on */
    dm->left = !libxlDeviceModelsDomainLives(cfg, vm->def);
    if (!libxlDeviceModelsAreLeaving() && libxlDeviceModelIsFailed(vm, dm) && dm->pending &&
        !dm->left && (dmdef = libxlDeviceModelGetDef(vm->def, dm))) {
        action = libxlDeviceModelChooseAction(dmdef, tries);
        if (!(again = libxlDeviceModelYields(vm, dm, action, tries))) {
            dm->pending = false;
            again = libxlDeviceModelAct(driver, vm, dm, action);
        }
    }

    virDomainObjEndJob(vm);
    return again;
}


/* Others have the job meanwhile, and may be in more of a hurry afterwards. */
static void
libxlDeviceModelFinishPause(virDomainObj *vm,
                            const libxlDeviceModel *dm,
                            libxlDeviceModelTries *tries,
                            gint64 least)
{
    const virDomainDeviceModelDef *dmdef = libxlDeviceModelGetDef(vm->def, dm);
    gint64 left = 0;

    if (dm->pending && dmdef && !libxlDeviceModelsAreLeaving() &&
        libxlDeviceModelChooseAction(dmdef, tries) == VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART)
        left = libxlDeviceModelThrottleGetNext(&dm->throttle) - g_get_monotonic_time();

    left = CLAMP(left, least, LIBXL_DEVICE_MODEL_THROTTLE_PAUSE);
    if (left == 0)
        return;

    virObjectUnlock(vm);
    g_usleep(left);
    virObjectLock(vm);
}


/**
 * libxlDeviceModelFinish:
 * @driver: the driver
 * @vm: a domain
 * @dm: device model that has failed, and was told
 *
 * Do what its definition wants, once, whatever daemon told, or go on with a restart that has
 * begun.  Called with the domain locked and no job; waits for one, however long somebody else
 * has it, and unlocks it between two tries, so that somebody else can.  One that the guest is
 * not held for waits for those that it is held for, and a moment for those that it may be held
 * for soon.  What it has restarted
 * is to be watched (libxlDeviceModelWatchSuccessors) before the domain is unlocked.
 */
void
libxlDeviceModelFinish(libxlDriverPrivate *driver,
                       virDomainObj *vm,
                       libxlDeviceModel *dm)
{
    libxlDeviceModelTries tries = { 0 };

    libxlDeviceModelFinishPause(vm, dm, &tries, 0);
    while (libxlDeviceModelFinishOnce(driver, vm, dm, &tries))
        libxlDeviceModelFinishPause(vm, dm, &tries, LIBXL_DEVICE_MODEL_AGAIN_MS * 1000);
}


/* Whether the end of the primary is what ends the domain.  A toolstack that ends the domain
 * ends its primary, too, and one that has crashed may be preserved. */
static bool
libxlDeviceModelPrimaryIsMissed(libxlDriverPrivate *driver,
                                virDomainObj *vm)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    pid_t pid;
    int rc = libxlDeviceModelXenstoreGetPrimary(vm->def->id, &pid);

    if (rc < 0) {
        VIR_WARN("domain '%s': %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }

    return rc != 0 && libxlDeviceModelsDomainLives(cfg, vm->def);
}


/* The state of a device model that has failed cannot be sent, and nothing is restarted before
 * the migration has ended.  Where the guest is suspended, that of all was sent, or is not. */
static void
libxlDeviceModelAbortMigration(libxlDriverPrivate *driver,
                               virDomainObj *vm,
                               const libxlDeviceModel *dm,
                               const char *reason)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);

    if (!libxlDeviceModelsDomainLives(cfg, vm->def))
        return;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' of domain '%2$s' failed: %3$s"),
                   dm->name, vm->def->name, reason);
    ignore_value(libxlDomainMigrationSrcAbort(vm));
    virResetLastError();
}


/**
 * libxlDeviceModelFail:
 * @driver: the driver
 * @vm: a domain
 * @dm: device model that has failed
 * @reason: how it ended, in words of ours
 *
 * Tell everybody, and do what the definition of the device model wants.  A migration that is
 * under way is aborted first.  The domain may have ended meanwhile: nothing is done then.  Called
 * with the domain locked and no job, unlocks it while the hook script runs, and waits for a job
 * where something is to be done.
 * What it has restarted is to be watched as after libxlDeviceModelFinish.
 */
void
libxlDeviceModelFail(libxlDriverPrivate *driver,
                     virDomainObj *vm,
                     libxlDeviceModel *dm,
                     const char *reason)
{
    virDomainDeviceModelDef *dmdef;

    if (!libxlDeviceModelIsFailed(vm, dm) ||
        !(dmdef = libxlDeviceModelGetDef(vm->def, dm)))
        return;

    if (dm->id == 0 && !libxlDeviceModelPrimaryIsMissed(driver, vm))
        return;

    libxlDeviceModelAbortMigration(driver, vm, dm, reason);
    libxlDeviceModelForgetTerminals(vm->def, dm);
    libxlDeviceModelTell(driver, vm, dmdef, dm, reason);

    if (dm->id != 0)
        libxlDeviceModelFinish(driver, vm, dm);
    else if (libxlDeviceModelIsFailed(vm, dm) &&
             libxlDeviceModelPrimaryIsMissed(driver, vm) &&
             libxlDeviceModelsDomainCrash(vm->def) < 0)
        VIR_ERROR("%s", virGetLastErrorMessage());
}


/**
 * libxlDeviceModelsGetMessages:
 * @def: live definition of a domain
 * @messages: a text is added for each device model that has failed
 * @flags: of virDomainGetMessages
 */
void
libxlDeviceModelsGetMessages(const virDomainDef *def,
                             GPtrArray *messages,
                             unsigned int flags)
{
    size_t i;

    if (flags && !(flags & VIR_DOMAIN_MESSAGE_IOERRORS))
        return;

    for (i = 0; i < def->ndevicemodels; i++) {
        const virDomainDeviceModelDef *dmdef = def->devicemodels[i];

        if (dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED)
            g_ptr_array_add(messages,
                            g_strdup_printf(_("device model '%1$s' failed: %2$s"),
                                            dmdef->name, dmdef->failure.reason));
    }
}
