/*
 * libxl_devicemodel_watch.c: notices that a device model has ended by itself
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_watch.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_domain.h"
#include "libxl_devicemodel_failure.h"
#include "libxl_devicemodel_hang.h"
#include "libxl_devicemodel_release.h"
#include "libxl_devicemodel_xenstore.h"
#include "libxl_domain.h"
#include "virerror.h"
#include "virevent.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_watch");

/* After what time it is tried again to create a thread. */
#define LIBXL_DEVICE_MODEL_THREAD_MS 1000

/* After what time a process is looked for again that could not be. */
#define LIBXL_DEVICE_MODEL_FIND_MS 1000

/* For how long a daemon that ends waits for its threads. */
#define LIBXL_DEVICE_MODEL_LEAVE_MS (2 * 1000)

/* Threads that were created here and have not ended.  Atomic. */
static int libxlDeviceModelThreads;

/* A device model that is watched, or has ended.  There is no reference to the domain
 * object, which has the device model in its turn: a domain that is gone is not found. */
typedef struct _libxlDeviceModelWatched libxlDeviceModelWatched;
typedef void (*libxlDeviceModelHandler)(libxlDeviceModelWatched *watched);
struct _libxlDeviceModelWatched {
    libxlDriverPrivate *driver;
    unsigned char uuid[VIR_UUID_BUFLEN]; /* of the domain */
    libxlDeviceModel *dm; /* a reference */
    bool freed; /* the guest, of the device model */
    libxlDeviceModelHandler handler; /* of the thread that has it */
};


static libxlDeviceModelWatched *
libxlDeviceModelWatchedNew(libxlDriverPrivate *driver,
                           const unsigned char *uuid,
                           libxlDeviceModel *dm)
{
    libxlDeviceModelWatched *watched = g_new0(libxlDeviceModelWatched, 1);

    watched->driver = driver;
    memcpy(watched->uuid, uuid, VIR_UUID_BUFLEN);
    watched->dm = virObjectRef(dm);

    return watched;
}


/* The event loop frees what it was given, at a time of its own. */
static libxlDeviceModelWatched *
libxlDeviceModelWatchedCopy(const libxlDeviceModelWatched *watched)
{
    libxlDeviceModelWatched *copy = libxlDeviceModelWatchedNew(watched->driver, watched->uuid,
                                                               watched->dm);

    copy->freed = watched->freed;
    copy->handler = watched->handler;
    return copy;
}


static void
libxlDeviceModelWatchedFree(libxlDeviceModelWatched *watched)
{
    virObjectUnref(watched->dm);
    g_free(watched);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelWatched, libxlDeviceModelWatchedFree);


static void
libxlDeviceModelHandleHeld(libxlDeviceModelWatched *watched)
{
    libxlDeviceModelLimitHold(watched->dm);
}


static void
libxlDeviceModelsLetAllGo(libxlDriverPrivate *driver,
                          bool last)
{
    if (driver->domains)
        virDomainObjListForEach(driver->domains, false, libxlDeviceModelsLetGo, &last);
}


/**
 * libxlDeviceModelsLeave:
 * @driver: the driver, which is about to be freed; clients are gone, and no event loop runs
 *
 * Free each guest that is held, which nobody would do before the next daemon starts, and wait
 * for the threads that use the driver, for some seconds.  A restart that is not over by then
 * fails.  No domain may be locked.
 *
 * Returns 0 where none of them is left, or -1: the driver must stay then.
 */
int
libxlDeviceModelsLeave(libxlDriverPrivate *driver)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_LEAVE_MS * 1000;

    libxlDeviceModelsSetLeaving(true);
    libxlDeviceModelsLetAllGo(driver, false);

    while (g_atomic_int_get(&libxlDeviceModelThreads) > 0) {
        if (libxlDeviceModelTimeLeft(deadline) == 0) {
            libxlDeviceModelsLetAllGo(driver, true);
            return -1;
        }
        g_usleep(10 * 1000);
    }

    /* a driver may be started again */
    libxlDeviceModelsSetLeaving(false);
    return 0;
}


/* What is left to do once the guest is free.  Waits. */
static void
libxlDeviceModelReport(libxlDeviceModelWatched *watched)
{
    libxlDeviceModel *dm = watched->dm;
    g_autofree char *reason = NULL;
    virDomainObj *vm;

    if (!libxlDeviceModelKillRest(dm))
        VIR_ERROR(_("device model '%1$s' of domain %2$u has ended, but not all that runs under its user id"),
                  dm->name, dm->domid);

    reason = libxlDeviceModelDescribeEnd(dm);
    if (libxlDeviceModelsAreLeaving())
        return;

    if ((vm = virDomainObjListFindByUUID(watched->driver->domains, watched->uuid))) {
        if (dm->id != 0 && libxlDeviceModelIsFailed(vm, dm))
            libxlDeviceModelReleaseOthers(vm, dm);
        libxlDeviceModelFail(watched->driver, vm, dm, reason);
        libxlDeviceModelWatchSuccessors(watched->driver, vm);
    }

    virDomainObjEndAPI(&vm);
}


static void
libxlDeviceModelHandle(void *opaque)
{
    g_autoptr(libxlDeviceModelWatched) watched = opaque;

    if (!libxlDeviceModelsAreLeaving())
        watched->handler(watched);
    g_atomic_int_add(&libxlDeviceModelThreads, -1);
}


/* Returns 0, or -1 with an error, which is in the log then, too. */
static int
libxlDeviceModelHandOver(libxlDeviceModelWatched **watched,
                         libxlDeviceModelHandler handler)
{
    const libxlDeviceModel *dm = (*watched)->dm;
    g_autofree char *name = g_strdup_printf("dm-end-%u-%u", dm->domid, dm->id);
    virThread thread;

    (*watched)->handler = handler;
    g_atomic_int_inc(&libxlDeviceModelThreads);
    if (virThreadCreateFull(&thread, false, libxlDeviceModelHandle, name, false,
                            *watched) < 0) {
        g_atomic_int_add(&libxlDeviceModelThreads, -1);
        virReportSystemError(errno,
                             _("device model '%1$s' of domain %2$u needs a thread, and none can be created"),
                             dm->name, dm->domid);
        return -1;
    }

    *watched = NULL;
    return 0;
}


static void
libxlDeviceModelHandOverAgain(int timer,
                              void *opaque)
{
    g_autoptr(libxlDeviceModelWatched) watched = libxlDeviceModelWatchedCopy(opaque);

    if (libxlDeviceModelHandOver(&watched, watched->handler) == 0)
        virEventRemoveTimeout(timer);
}


/* After that has failed.  Returns 0, or -1 and leaves the error. */
static int
libxlDeviceModelHandOverLater(libxlDeviceModelWatched **watched)
{
    if (virEventAddTimeout(LIBXL_DEVICE_MODEL_THREAD_MS, libxlDeviceModelHandOverAgain, *watched,
                           (virFreeCallback)libxlDeviceModelWatchedFree) < 0)
        return -1;

    *watched = NULL;
    virResetLastError();
    return 0;
}


/* At once, or as soon as there is a thread. */
static int
libxlDeviceModelHandOverSoon(libxlDeviceModelWatched **watched,
                             libxlDeviceModelHandler handler)
{
    if (libxlDeviceModelHandOver(watched, handler) == 0)
        return 0;

    return libxlDeviceModelHandOverLater(watched);
}


static bool
libxlDeviceModelWatchHeld(void *opaque)
{
    g_autoptr(libxlDeviceModelWatched) watched = libxlDeviceModelWatchedCopy(opaque);

    if (libxlDeviceModelHandOver(&watched, libxlDeviceModelHandleHeld) == 0)
        return true;

    virResetLastError();
    return false;
}


/* The guest may be free already.  Why the process was killed can be read for a moment only
 * (libxlDeviceModelCgroupRanOut). */
static void
libxlDeviceModelHandleEnd(libxlDeviceModelWatched *watched)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_RELEASE_MS * 1000;
    bool limits;

    g_free(libxlDeviceModelDescribeEnd(watched->dm));
    if (!watched->freed &&
        libxlDeviceModelHold(watched->dm, libxlDeviceModelWatchHeld, watched)) {
        libxlDeviceModelReport(watched);
        return;
    }

    while (!watched->freed &&
           !libxlDeviceModelRelease(watched->dm, libxlDeviceModelTimeLeft(deadline) == 0,
                                    &watched->freed))
        g_usleep(100 * 1000);

    if (!watched->freed)
        return;

    /* to report it may take longer than a guest should wait */
    limits = libxlDeviceModelIsHeld(watched->dm) && !libxlDeviceModelWatchHeld(watched);
    libxlDeviceModelReport(watched);
    if (limits)
        libxlDeviceModelLimitHold(watched->dm);
}


/* Whether it may still be looked for: who ends the domain takes it out of the list. */
static bool
libxlDeviceModelIsToBeFound(virDomainObj *vm,
                            const libxlDeviceModel *dm)
{
    libxlDomainObjPrivate *priv = vm->privateData;

    return !libxlDeviceModelsAreLeaving() && vm->def->id == dm->domid &&
        libxlDeviceModelListFindRunning(priv->devicemodels, priv->ndevicemodels,
                                        dm->domid, dm->id) == dm;
}


/* Returns whether that is to be tried again. */
static bool
libxlDeviceModelFindOnce(libxlDeviceModelWatched *watched)
{
    virDomainObj *vm = virDomainObjListFindByUUID(watched->driver->domains, watched->uuid);
    bool again = false;

    if (vm && libxlDeviceModelIsToBeFound(vm, watched->dm)) {
        if (libxlDeviceModelReopen(watched->dm) < 0)
            again = true;
        else
            libxlDeviceModelTryWatch(watched->driver, vm->def, watched->dm);
    }

    virResetLastError();
    virDomainObjEndAPI(&vm);
    return again;
}


static void
libxlDeviceModelHandleUnknown(libxlDeviceModelWatched *watched)
{
    while (libxlDeviceModelFindOnce(watched))
        g_usleep(LIBXL_DEVICE_MODEL_FIND_MS * 1000);
}


/* Everybody was told of the failure, by an earlier daemon or while the guest was suspended. */
static void
libxlDeviceModelHandlePending(libxlDeviceModelWatched *watched)
{
    virDomainObj *vm = virDomainObjListFindByUUID(watched->driver->domains, watched->uuid);

    if (vm) {
        libxlDeviceModelFinish(watched->driver, vm, watched->dm);
        libxlDeviceModelWatchSuccessors(watched->driver, vm);
    }

    virDomainObjEndAPI(&vm);
}


/* Called by the event loop, which must not wait, except where there is no other way to
 * have the guest go on. */
static void
libxlDeviceModelWatchEvent(int watch,
                           int fd G_GNUC_UNUSED,
                           int events G_GNUC_UNUSED,
                           void *opaque)
{
    g_autoptr(libxlDeviceModelWatched) watched = libxlDeviceModelWatchedCopy(opaque);

    virEventRemoveHandle(watch);
    libxlDeviceModelHangUnwatch(watched->dm);

    if (libxlDeviceModelHandOver(&watched, libxlDeviceModelHandleEnd) == 0)
        return;

    ignore_value(libxlDeviceModelRelease(watched->dm, false, &watched->freed));
    ignore_value(libxlDeviceModelHandOverLater(&watched));
}


/* The primary is not looked at: its QMP is libxl's. */
static void
libxlDeviceModelWatchHang(const virDomainDef *def,
                          libxlDeviceModel *dm)
{
    const virDomainDeviceModelDef *dmdef = libxlDeviceModelGetDef(def, dm);

    if (dmdef && dm->id != 0)
        libxlDeviceModelHangWatch(dm, virDomainDefGetVcpusMax(def),
                                  virDomainDeviceModelDefGetFailureLimit(dmdef));
}


/* An earlier daemon could not free the guest, nor could this one when it started. */
static int
libxlDeviceModelLimitSoon(const libxlDeviceModelWatched *watched)
{
    g_autoptr(libxlDeviceModelWatched) copy = libxlDeviceModelWatchedCopy(watched);

    return libxlDeviceModelHandOverSoon(&copy, libxlDeviceModelHandleHeld);
}


/**
 * libxlDeviceModelWatch:
 * @driver: the driver
 * @def: live definition of a domain, which is locked
 * @dm: one of its device models, which is running, or has failed
 *
 * Have the event loop wait for the end of its process, and look whether a secondary
 * hangs, until libxlDeviceModelUnwatch.  If it has ended already, the guest is freed of it
 * at once.  If it could not be looked for, that is tried again until it can.  Of one that an
 * earlier daemon found failed, what that daemon did not come to is done.  A thread that cannot
 * be created for any of that is created later.
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelWatch(libxlDriverPrivate *driver,
                      const virDomainDef *def,
                      libxlDeviceModel *dm)
{
    g_autoptr(libxlDeviceModelWatched) watched =
        libxlDeviceModelWatchedNew(driver, def->uuid, dm);

    if (libxlDeviceModelIsHeld(dm) && libxlDeviceModelLimitSoon(watched) < 0)
        return -1;

    if (dm->pending)
        return libxlDeviceModelHandOverSoon(&watched, libxlDeviceModelHandlePending);

    if (dm->unknown)
        return libxlDeviceModelHandOverSoon(&watched, libxlDeviceModelHandleUnknown);

    if (!libxlDeviceModelIsAlive(dm)) {
        if (libxlDeviceModelRelease(dm, false, &watched->freed) && !watched->freed)
            return 0;
        return libxlDeviceModelHandOverSoon(&watched, libxlDeviceModelHandleEnd);
    }

    dm->watch = virEventAddHandle(dm->process.pidfd, VIR_EVENT_HANDLE_READABLE,
                                  libxlDeviceModelWatchEvent, watched,
                                  (virFreeCallback)libxlDeviceModelWatchedFree);
    if (dm->watch < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s': cannot be told of its end"),
                       dm->name);
        return -1;
    }

    watched = NULL;
    libxlDeviceModelWatchHang(def, dm);
    return 0;
}


/**
 * libxlDeviceModelTryWatch:
 * @driver: the driver
 * @def: live definition of a domain, which is locked
 * @dm: one of its device models
 *
 * As libxlDeviceModelWatch, for a guest that goes on all the same.  What fails is in the log.
 */
void
libxlDeviceModelTryWatch(libxlDriverPrivate *driver,
                         const virDomainDef *def,
                         libxlDeviceModel *dm)
{
    if (libxlDeviceModelWatch(driver, def, dm) == 0)
        return;

    VIR_ERROR(_("domain '%1$s': %2$s"), def->name, virGetLastErrorMessage());
    virResetLastError();
}


/**
 * libxlDeviceModelWatchSuccessors:
 * @driver: the driver
 * @vm: domain, locked
 *
 * Watch those that took the place of others (libxl_devicemodel_restart.h).  What fails is in
 * the log.
 */
void
libxlDeviceModelWatchSuccessors(libxlDriverPrivate *driver,
                                virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++) {
        libxlDeviceModel *dm = priv->devicemodels[i];

        if (!dm->successor)
            continue;

        dm->successor = false;
        libxlDeviceModelTryWatch(driver, vm->def, dm);
    }
}


/* The guest may be held for it still, and who limits that is there. */
static void
libxlDeviceModelFinishSoon(libxlDriverPrivate *driver,
                           const virDomainDef *def,
                           libxlDeviceModel *dm)
{
    g_autoptr(libxlDeviceModelWatched) watched =
        libxlDeviceModelWatchedNew(driver, def->uuid, dm);

    if (libxlDeviceModelHandOverSoon(&watched, libxlDeviceModelHandlePending) == 0)
        return;

    VIR_ERROR(_("domain '%1$s': %2$s"), def->name, virGetLastErrorMessage());
    virResetLastError();
}


/**
 * libxlDeviceModelsFinishLeft:
 * @driver: the driver
 * @vm: domain whose guest goes on, in a job of type modify, or in a daemon that starts
 *
 * Have threads do what was due, and could not be done, while the guest was suspended.  They wait
 * for the job.  What fails is in the log.
 */
void
libxlDeviceModelsFinishLeft(libxlDriverPrivate *driver,
                            virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++) {
        libxlDeviceModel *dm = priv->devicemodels[i];

        if (!dm->left)
            continue;

        dm->left = false;
        libxlDeviceModelFinishSoon(driver, vm->def, dm);
    }
}


/**
 * libxlDeviceModelWatchPrimary:
 * @driver: the driver
 * @vm: domain with device models, which runs and is locked
 *
 * Find the process of the primary, and watch it.  A domain whose primary is not found is
 * left alone, with a warning.
 */
void
libxlDeviceModelWatchPrimary(libxlDriverPrivate *driver,
                             virDomainObj *vm)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    const virDomainDeviceModelDef *dmdef = virDomainDeviceModelGetPrimary(vm->def);
    libxlDomainObjPrivate *priv = vm->privateData;
    pid_t pid;
    int rc;

    libxlDeviceModelForget(&priv->devicemodelsPrimary);

    if ((rc = libxlDeviceModelXenstoreGetPrimary(vm->def->id, &pid)) == 0) {
        VIR_WARN("domain '%s' has no primary that can be watched", vm->def->name);
        return;
    }

    if (rc > 0)
        priv->devicemodelsPrimary = libxlDeviceModelNewPrimary(cfg->stateDir, vm->def->id,
                                                               dmdef->name, pid);

    if (!priv->devicemodelsPrimary ||
        libxlDeviceModelWatch(driver, vm->def, priv->devicemodelsPrimary) < 0) {
        VIR_WARN("the primary of domain '%s' is not watched: %s",
                 vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}


/**
 * libxlDeviceModelUnwatch:
 * @dm: device model
 *
 * Have the event loop not wait for the end of its process any more, nor look at it, if it
 * does.  Its domain is locked, or nobody else has it.
 */
void
libxlDeviceModelUnwatch(libxlDeviceModel *dm)
{
    libxlDeviceModelHangUnwatch(dm);
    if (dm->watch >= 0)
        virEventRemoveHandle(dm->watch);
    dm->watch = -1;
}


/**
 * libxlDeviceModelForget:
 * @dm: device model, or NULL; becomes NULL
 *
 * Do not watch it any more, and give up the reference.  The process is left alone.
 */
void
libxlDeviceModelForget(libxlDeviceModel **dm)
{
    if (*dm)
        libxlDeviceModelUnwatch(*dm);
    virObjectUnref(g_steal_pointer(dm));
}


/**
 * libxlDeviceModelListFree:
 * @dms: device models
 * @ndms: their number
 *
 * Free the list, and forget what is in it.  Processes are left alone.
 */
void
libxlDeviceModelListFree(libxlDeviceModel **dms,
                         size_t ndms)
{
    size_t i;

    for (i = 0; i < ndms; i++)
        libxlDeviceModelForget(&dms[i]);
    g_free(dms);
}
