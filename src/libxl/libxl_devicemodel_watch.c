/*
 * libxl_devicemodel_watch.c: notices that a device model has ended by itself
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <signal.h>

#include "libxl_devicemodel_watch.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_failure.h"
#include "libxl_devicemodel_hang.h"
#include "libxl_devicemodel_ioreq.h"
#include "libxl_devicemodel_privilege.h"
#include "libxl_devicemodel_registers_file.h"
#include "libxl_devicemodel_xenstore.h"
#include "libxl_domain.h"
#include "virerror.h"
#include "virevent.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_watch");

/* For how long it is tried to free a guest, where that fails. */
#define LIBXL_DEVICE_MODEL_RELEASE_MS (10 * 1000)

/* For how long a guest is held, in milliseconds. */
#define LIBXL_DEVICE_MODEL_HOLD_MS (3 * 1000)

/* After what time it is tried again to create a thread. */
#define LIBXL_DEVICE_MODEL_THREAD_MS 1000

/* For how long a daemon that ends waits for its threads. */
#define LIBXL_DEVICE_MODEL_LEAVE_MS (2 * 1000)

/* Of all domains: to free a guest takes an ioreq server for a moment, which another thread
 * could take for that of a device model that has ended.  Locked before a device model. */
static virMutex libxlDeviceModelServersMutex = VIR_MUTEX_INITIALIZER;

/* Threads that were created here and have not ended, and whether the driver is about to go:
 * none of them begins with it any more then.  Both atomic. */
static int libxlDeviceModelThreads;
static int libxlDeviceModelLeaving;

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
libxlDeviceModelLogRelease(const libxlDeviceModel *dm,
                           const libxlDeviceModelIoreqResult *result,
                           bool freed)
{
    if (!freed) {
        VIR_ERROR(_("device model '%1$s' of domain %2$u has ended, and the guest may wait for it: %3$s: %4$s"),
                  dm->name, dm->domid, NULLSTR(result->failed), g_strerror(result->err));
        return;
    }

    if (result->failed)
        VIR_WARN("device model '%s' of domain %u has ended, the guest was freed of it in spite of: %s: %s",
                 dm->name, dm->domid, result->failed, g_strerror(result->err));

    VIR_INFO("device model '%s' of domain %u has ended, the guest was freed of it after %lld us: answered=%u untaken=%u woken=%d gone=%d",
             dm->name, dm->domid, result->us, result->answered, result->untaken,
             result->woken, result->gone);
}


/* What the guest takes for written is what a process would be told that takes its place. */
static void
libxlDeviceModelNoteReady(const libxlDeviceModel *dm,
                          libxlDeviceModelIoreq *ioreq)
{
    libxlDeviceModelIoreqResult result = { 0 };
    g_autofree ioreq_t *ready = g_new0(ioreq_t, LIBXL_DEVICE_MODEL_READY_MAX);
    libxlDeviceModelWrite write;
    unsigned int nready;
    unsigned int i;

    if (!dm->registers ||
        libxlDeviceModelIoreqCopyReady(ioreq, ready, LIBXL_DEVICE_MODEL_READY_MAX, &nready,
                                       &result) < 0)
        return;

    ioreq->copied = true;
    for (i = 0; i < nready; i++) {
        if (libxlDeviceModelWriteInit(&write, &ready[i]) &&
            libxlDeviceModelRegistersAmend(dm->registers, ready[i].vp_eport, &write) < 0) {
            VIR_WARN("device model '%s': %s", dm->name, virGetLastErrorMessage());
            virResetLastError();
        }
    }
}


/* Whatever else runs under its uid could go on with the ioreq server. */
static void
libxlDeviceModelKillOthers(const libxlDeviceModel *dm)
{
    if (dm->uid != 0 && libxlDeviceModelPrivilegeSignal(dm->uid, SIGKILL) < 0)
        virResetLastError();
}


/* Others are killed before, but not waited for.  The primary's server stays as it is: its
 * domain ends. */
static bool
libxlDeviceModelReleaseServer(const libxlDeviceModel *dm)
{
    libxlDeviceModelIoreqResult result = { 0 };
    libxlDeviceModelIoreq ioreq = {
        .domid = dm->domid,
        .ioservid = dm->ioservid,
        .slots = dm->slots,
        .irqs = dm->irqs,
    };
    bool freed;

    if (dm->id == 0)
        return true;

    libxlDeviceModelKillOthers(dm);
    libxlDeviceModelNoteReady(dm, &ioreq);
    freed = libxlDeviceModelIoreqRelease(&ioreq, &result) == 0;
    libxlDeviceModelLogRelease(dm, &result, freed);

    return freed;
}


/**
 * libxlDeviceModelBeginSwap:
 * @dm: device model that has failed
 *
 * A guest that is held stays so until libxlDeviceModelReleaseHeld, however long that takes,
 * if its time is not over yet, and nobody has tried to free it.  To be called before another
 * process serves the devices: what the guest writes must not go to both.
 *
 * Returns whether the guest is held.
 */
bool
libxlDeviceModelBeginSwap(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    if (dm->held != LIBXL_DEVICE_MODEL_HELD_YES ||
        dm->state != LIBXL_DEVICE_MODEL_STATE_FAILED)
        return false;

    dm->held = LIBXL_DEVICE_MODEL_HELD_SWAPPED;
    return true;
}


/**
 * libxlDeviceModelCopyHeld:
 * @dm: device model, after libxlDeviceModelBeginSwap; another process serves its devices
 * @ready: filled with the requests that it has not begun with, as by
 *         libxlDeviceModelIoreqCopyReady
 * @max: how many there is room for
 * @nready: set to their number
 *
 * Have the guest come to the other process only, from now on.  Who waits, waits until
 * libxlDeviceModelReleaseHeld.
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelCopyHeld(libxlDeviceModel *dm,
                         ioreq_t *ready,
                         unsigned int max,
                         unsigned int *nready)
{
    VIR_LOCK_GUARD servers = virLockGuardLock(&libxlDeviceModelServersMutex);
    libxlDeviceModelIoreqResult result = { 0 };
    libxlDeviceModelIoreq ioreq = { .domid = dm->domid, .ioservid = dm->ioservid };

    if (libxlDeviceModelIoreqCopyReady(&ioreq, ready, max, nready, &result) == 0)
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s': what the guest waits for cannot be read: %2$s: %3$s"),
                   dm->name, NULLSTR(result.failed), g_strerror(result.err));
    return -1;
}


/**
 * libxlDeviceModelAbandonSwap:
 * @dm: device model, after libxlDeviceModelBeginSwap
 *
 * The other process has ended, so that what the guest waits for is what a further one is
 * told.
 */
void
libxlDeviceModelAbandonSwap(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    if (dm->held == LIBXL_DEVICE_MODEL_HELD_SWAPPED)
        dm->held = LIBXL_DEVICE_MODEL_HELD_YES;
}


/* With its lock and that of all servers held. */
static bool
libxlDeviceModelReleaseHeldLocked(libxlDeviceModel *dm)
{
    libxlDeviceModelIoreqResult result = { 0 };
    libxlDeviceModelIoreq ioreq = { .domid = dm->domid, .ioservid = dm->ioservid };
    bool freed;

    if (dm->state == LIBXL_DEVICE_MODEL_STATE_FAILED) {
        ioreq.copied = dm->held == LIBXL_DEVICE_MODEL_HELD_SWAPPED;
        if (!ioreq.copied)
            libxlDeviceModelNoteReady(dm, &ioreq);
        freed = libxlDeviceModelIoreqRelease(&ioreq, &result) == 0;
        libxlDeviceModelLogRelease(dm, &result, freed);
        if (!freed) {
            dm->held = LIBXL_DEVICE_MODEL_HELD_CUT;
            return false;
        }
    }

    dm->held = LIBXL_DEVICE_MODEL_HELD_NO;
    return true;
}


/**
 * libxlDeviceModelReleaseHeld:
 * @dm: device model
 *
 * Free the guest of one that has failed, and for which it is held.  Its interrupts were
 * lowered before, and may be another process's now.  One that is being replaced has gone
 * through libxlDeviceModelCopyHeld.
 *
 * Returns whether that has not to be tried again.
 */
bool
libxlDeviceModelReleaseHeld(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD servers = virLockGuardLock(&libxlDeviceModelServersMutex);
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    return dm->held == LIBXL_DEVICE_MODEL_HELD_NO || libxlDeviceModelReleaseHeldLocked(dm);
}


/* Not while it is being replaced, which may have begun just now. */
static bool
libxlDeviceModelReleaseLate(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD servers = virLockGuardLock(&libxlDeviceModelServersMutex);
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    return (dm->held == LIBXL_DEVICE_MODEL_HELD_YES || dm->held == LIBXL_DEVICE_MODEL_HELD_CUT) &&
        libxlDeviceModelReleaseHeldLocked(dm);
}


static bool
libxlDeviceModelIsHeld(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    return dm->held != LIBXL_DEVICE_MODEL_HELD_NO &&
        dm->state == LIBXL_DEVICE_MODEL_STATE_FAILED;
}


/* Sees that the guest is freed in time, whatever who restarts the device model waits for. */
static void
libxlDeviceModelLimitHold(libxlDeviceModelWatched *watched)
{
    libxlDeviceModel *dm = watched->dm;
    gint64 last = dm->heldUntil + LIBXL_DEVICE_MODEL_RELEASE_MS * 1000;

    while (libxlDeviceModelIsHeld(dm) && libxlDeviceModelTimeLeft(last) > 0) {
        if (libxlDeviceModelTimeLeft(dm->heldUntil) == 0 &&
            libxlDeviceModelReleaseLate(dm))
            break;
        g_usleep(10 * 1000);
    }
}


/* Where somebody ends the device model, nothing is done.  One that the guest could not be
 * freed of is still running, as far as its state goes, unless it is tried for the last time.
 *
 * Returns whether it need not be tried again; @freed is set where there is more to do. */
static bool
libxlDeviceModelRelease(libxlDeviceModel *dm,
                        bool last,
                        bool *freed)
{
    VIR_LOCK_GUARD servers = virLockGuardLock(&libxlDeviceModelServersMutex);
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    if (dm->state != LIBXL_DEVICE_MODEL_STATE_RUNNING)
        return true;

    if (!libxlDeviceModelReleaseServer(dm) && !last)
        return false;

    dm->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    *freed = true;
    return true;
}


/* One that starts has a server that it has not reported yet. */
static bool
libxlDeviceModelsAreRestarting(const libxlDomainObjPrivate *priv)
{
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++) {
        if (priv->devicemodels[i]->restarting)
            return true;
    }

    return false;
}


/**
 * libxlDeviceModelReleaseOthers:
 * @vm: the domain, locked
 * @dm: one of its device models, which has ended
 *
 * Free the guest of each ioreq server that none of its device models has: an emulator that
 * was taken over may have had others than the one that it has reported.  Does nothing while
 * a device model is restarted: who restarts it calls this again, when that is over.
 */
void
libxlDeviceModelReleaseOthers(virDomainObj *vm,
                              const libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD servers = virLockGuardLock(&libxlDeviceModelServersMutex);
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModelIoreqResult result = { 0 };
    unsigned int keep = 0;
    size_t i;

    if (libxlDeviceModelsAreRestarting(priv))
        return;

    for (i = 0; i < priv->ndevicemodels; i++) {
        libxlDeviceModel *other = priv->devicemodels[i];

        if (other->domid == dm->domid && other->ioservid < VIR_DOMAIN_DEVICE_MODEL_MAX &&
            libxlDeviceModelHasServer(other))
            keep |= 1U << other->ioservid;
    }

    if (libxlDeviceModelIoreqReleaseOthers(dm->domid, keep, &result) < 0)
        VIR_ERROR(_("device model '%1$s' of domain %2$u has ended, and may have left other ioreq servers: %3$s: %4$s"),
                  dm->name, dm->domid, NULLSTR(result.failed), g_strerror(result.err));
}


/**
 * libxlDeviceModelLowerInterrupts:
 * @dm: device model that has failed, with no process that runs for it
 *
 * Lower what a process has raised whose start has failed.
 */
void
libxlDeviceModelLowerInterrupts(const libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD servers = virLockGuardLock(&libxlDeviceModelServersMutex);
    libxlDeviceModelIoreqResult result = { 0 };
    libxlDeviceModelIoreq ioreq = {
        .domid = dm->domid, .slots = dm->slots, .irqs = dm->irqs,
    };

    if (libxlDeviceModelIoreqLowerInterrupts(&ioreq, &result) < 0)
        libxlDeviceModelLogRelease(dm, &result, false);
}


/**
 * libxlDeviceModelCheckServer:
 * @dm: device model that has started
 *
 * Returns whether Xen has its ioreq server.  One that is there for a moment only, to free
 * another guest, is not seen.
 */
bool
libxlDeviceModelCheckServer(const libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD servers = virLockGuardLock(&libxlDeviceModelServersMutex);
    libxlDeviceModelIoreqResult result = { 0 };
    libxlDeviceModelIoreq ioreq = { .domid = dm->domid, .ioservid = dm->ioservid };

    return libxlDeviceModelIoreqCheckServer(&ioreq, &result) == 1;
}


/**
 * libxlDeviceModelReleaseStarted:
 * @vm: the domain, locked
 * @dm: one of its device models, in whose place another process was started, and has ended
 *
 * Free the guest of whatever ioreq server that process had, and of its interrupts.  It may
 * have given the server back while a vCPU waited, so that all are woken.
 */
void
libxlDeviceModelReleaseStarted(virDomainObj *vm,
                               const libxlDeviceModel *dm)
{
    libxlDeviceModelIoreqResult result = { 0 };

    libxlDeviceModelReleaseOthers(vm, dm);
    libxlDeviceModelLowerInterrupts(dm);

    VIR_WITH_MUTEX_LOCK_GUARD(&libxlDeviceModelServersMutex) {
        if (libxlDeviceModelIoreqWake(dm->domid, &result) < 0)
            libxlDeviceModelLogRelease(dm, &result, false);
    }
}


/**
 * libxlDeviceModelsAreLeaving:
 *
 * Returns whether the daemon ends, so that the driver must not be used any more by who has no
 * call of a client to answer.  The next daemon does what is left.
 */
bool
libxlDeviceModelsAreLeaving(void)
{
    return g_atomic_int_get(&libxlDeviceModelLeaving);
}


/* What is about to serve the guest was not told all, and nobody would tell it: it is killed
 * first. */
static void
libxlDeviceModelLetGo(virDomainObj *vm,
                      libxlDeviceModel *dm)
{
    bool swapped = false;

    VIR_WITH_OBJECT_LOCK_GUARD(dm) {
        swapped = dm->held == LIBXL_DEVICE_MODEL_HELD_SWAPPED;
        if (swapped)
            libxlDeviceModelKillOthers(dm);
    }

    if (swapped) {
        dm->restarting = false;
        libxlDeviceModelReleaseStarted(vm, dm);
        libxlDeviceModelAbandonSwap(dm);
    }

    /* the thread that would have, of one that has just ended, may have found that we leave */
    libxlDeviceModelFreeGuest(dm);
    ignore_value(libxlDeviceModelReleaseHeld(dm));
}


static int
libxlDeviceModelsLetGo(virDomainObj *vm,
                       void *opaque G_GNUC_UNUSED)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++)
        libxlDeviceModelLetGo(vm, priv->devicemodels[i]);

    return 0;
}


/**
 * libxlDeviceModelsLeave:
 * @driver: the driver, which is about to be freed; clients are gone, and no event loop runs
 *
 * Free each guest that is held, which nobody would do before the next daemon starts, and wait
 * for the threads that use the driver, for some seconds.  No domain may be locked.
 *
 * Returns 0 where none of them is left, or -1: the driver must stay then.
 */
int
libxlDeviceModelsLeave(libxlDriverPrivate *driver)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_LEAVE_MS * 1000;

    g_atomic_int_set(&libxlDeviceModelLeaving, true);
    if (driver->domains)
        virDomainObjListForEach(driver->domains, false, libxlDeviceModelsLetGo, NULL);

    while (g_atomic_int_get(&libxlDeviceModelThreads) > 0) {
        if (libxlDeviceModelTimeLeft(deadline) == 0)
            return -1;
        g_usleep(10 * 1000);
    }

    /* a driver may be started again */
    g_atomic_int_set(&libxlDeviceModelLeaving, false);
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
                             _("device model '%1$s' of domain %2$u has ended, and no thread can be created to report that"),
                             dm->name, dm->domid);
        return -1;
    }

    *watched = NULL;
    return 0;
}


/* Leaves the guest waiting for another process, where that can be, and makes an end to it.
 * Returns whether it is held. */
static bool
libxlDeviceModelHold(libxlDeviceModelWatched *watched)
{
    libxlDeviceModel *dm = watched->dm;
    g_autoptr(libxlDeviceModelWatched) limit = libxlDeviceModelWatchedCopy(watched);
    libxlDeviceModelIoreqResult result = { 0 };
    libxlDeviceModelIoreq ioreq = {
        .domid = dm->domid, .ioservid = dm->ioservid, .slots = dm->slots, .irqs = dm->irqs,
    };
    VIR_LOCK_GUARD servers = virLockGuardLock(&libxlDeviceModelServersMutex);
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    if (!dm->holds || dm->state != LIBXL_DEVICE_MODEL_STATE_RUNNING ||
        libxlDeviceModelsAreLeaving())
        return false;

    libxlDeviceModelKillOthers(dm);
    if (libxlDeviceModelIoreqHold(&ioreq, &result) < 0)
        return false;

    dm->heldUntil = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_HOLD_MS * 1000;
    if (libxlDeviceModelHandOver(&limit, libxlDeviceModelLimitHold) < 0) {
        virResetLastError();
        return false;
    }

    dm->held = LIBXL_DEVICE_MODEL_HELD_YES;
    dm->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    return true;
}


/* The guest may be free already.  Why the process was killed can be read for a moment only
 * (libxlDeviceModelCgroupRanOut). */
static void
libxlDeviceModelHandleEnd(libxlDeviceModelWatched *watched)
{
    g_autofree char *end = libxlDeviceModelDescribeEnd(watched->dm);
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_RELEASE_MS * 1000;

    if (!watched->freed && libxlDeviceModelHold(watched)) {
        libxlDeviceModelReport(watched);
        return;
    }

    while (!watched->freed &&
           !libxlDeviceModelRelease(watched->dm, libxlDeviceModelTimeLeft(deadline) == 0,
                                    &watched->freed))
        g_usleep(100 * 1000);

    if (watched->freed)
        libxlDeviceModelReport(watched);
}


/* An earlier daemon has told of the failure. */
static void
libxlDeviceModelHandlePending(libxlDeviceModelWatched *watched)
{
    virDomainObj *vm = virDomainObjListFindByUUID(watched->driver->domains, watched->uuid);

    if (vm)
        libxlDeviceModelFinish(watched->driver, vm, watched->dm);

    virDomainObjEndAPI(&vm);
}


static void
libxlDeviceModelWatchAgain(int timer,
                           void *opaque)
{
    g_autoptr(libxlDeviceModelWatched) watched = libxlDeviceModelWatchedCopy(opaque);

    if (libxlDeviceModelHandOver(&watched, libxlDeviceModelHandleEnd) == 0)
        virEventRemoveTimeout(timer);
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
    if (virEventAddTimeout(LIBXL_DEVICE_MODEL_THREAD_MS, libxlDeviceModelWatchAgain, watched,
                           (virFreeCallback)libxlDeviceModelWatchedFree) >= 0)
        watched = NULL;
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


/**
 * libxlDeviceModelWatch:
 * @driver: the driver
 * @def: live definition of a domain, which is locked
 * @dm: one of its device models, which is running, or has failed
 *
 * Have the event loop wait for the end of its process, and look whether a secondary
 * hangs, until libxlDeviceModelUnwatch.  If it has ended already, the guest is freed of it
 * at once.  Of one that an earlier daemon found failed, what that daemon did not come to
 * is done.
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

    if (dm->pending)
        return libxlDeviceModelHandOver(&watched, libxlDeviceModelHandlePending);

    if (!libxlDeviceModelIsAlive(dm)) {
        if (libxlDeviceModelRelease(dm, false, &watched->freed) && !watched->freed)
            return 0;
        return libxlDeviceModelHandOver(&watched, libxlDeviceModelHandleEnd);
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
 * libxlDeviceModelFreeGuest:
 * @dm: device model that was running, in a domain that lives
 *
 * If its process has ended, free the guest of it, once, and do nothing else: who watches
 * the device model afterwards does the rest.
 */
void
libxlDeviceModelFreeGuest(libxlDeviceModel *dm)
{
    bool freed = false;

    if (!libxlDeviceModelIsAlive(dm))
        ignore_value(libxlDeviceModelRelease(dm, false, &freed));
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
