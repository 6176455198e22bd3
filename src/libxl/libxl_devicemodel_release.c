/*
 * libxl_devicemodel_release.c: frees the guest of device models that have ended
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From the bottom up: one server, a guest that is held, a guest that is freed, what else
 * there may be of a device model in Xen, all of a domain.
 */

#include <config.h>

#include <signal.h>

#include "libxl_devicemodel_release.h"

#include "libxl_devicemodel_ioreq.h"
#include "libxl_devicemodel_privilege.h"
#include "libxl_devicemodel_registers_file.h"
#include "libxl_domain.h"
#include "virerror.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_release");

/* For how long a guest is held, in seconds.  Of one second nothing is left for the start of
 * another process, and one that has not started in a minute has failed before
 * (LIBXL_DEVICE_MODEL_RESTART_MS). */
#define LIBXL_DEVICE_MODEL_HOLD_TIME 3
#define LIBXL_DEVICE_MODEL_HOLD_TIME_MIN 2
#define LIBXL_DEVICE_MODEL_HOLD_TIME_MAX 60

/* What of that is left for the end of a new process that has not been told all by then, and
 * for how long another is told at least. */
#define LIBXL_DEVICE_MODEL_HOLD_KILL_MS 250
#define LIBXL_DEVICE_MODEL_HOLD_TELL_MS 1000

/* The ioreq servers of a domain, which one thread at a time takes away or makes: to free a guest
 * takes one for a moment, which another thread could take for that of a device model that has
 * ended.  A secondary that was taken over can draw that out, for its own guest only.  Locked
 * before a device model. */
typedef struct _libxlDeviceModelServers libxlDeviceModelServers;
struct _libxlDeviceModelServers {
    unsigned int domid;
    virMutex lock;
    unsigned int users; /* who has it locked, or waits for that */
};

/* All that have users, and what makes them so, which is locked for no time and last of all. */
static GSList *libxlDeviceModelServersList;
static virMutex libxlDeviceModelServersMutex = VIR_MUTEX_INITIALIZER;

/* Whether the driver is about to go.  Atomic. */
static int libxlDeviceModelLeaving;


/* The mutex of the list is locked. */
static libxlDeviceModelServers *
libxlDeviceModelServersFind(unsigned int domid)
{
    libxlDeviceModelServers *servers;
    GSList *next;

    for (next = libxlDeviceModelServersList; next; next = next->next) {
        servers = next->data;
        if (servers->domid == domid)
            return servers;
    }

    servers = g_new0(libxlDeviceModelServers, 1);
    *servers = (libxlDeviceModelServers){ .domid = domid, .lock = VIR_MUTEX_INITIALIZER };
    libxlDeviceModelServersList = g_slist_prepend(libxlDeviceModelServersList, servers);
    return servers;
}


static libxlDeviceModelServers *
libxlDeviceModelServersLock(unsigned int domid)
{
    libxlDeviceModelServers *servers = NULL;

    VIR_WITH_MUTEX_LOCK_GUARD(&libxlDeviceModelServersMutex) {
        servers = libxlDeviceModelServersFind(domid);
        servers->users++;
    }

    virMutexLock(&servers->lock);
    return servers;
}


static void
libxlDeviceModelServersUnlock(libxlDeviceModelServers *servers)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&libxlDeviceModelServersMutex);

    virMutexUnlock(&servers->lock);
    if (--servers->users > 0)
        return;

    libxlDeviceModelServersList = g_slist_remove(libxlDeviceModelServersList, servers);
    virMutexDestroy(&servers->lock);
    g_free(servers);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelServers, libxlDeviceModelServersUnlock);

/* Until the end of the block.  As VIR_LOCK_GUARD. */
#define LIBXL_DEVICE_MODEL_SERVERS_GUARD \
    g_autoptr(libxlDeviceModelServers) G_GNUC_UNUSED


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
 * libxlDeviceModelHoldLoadConf:
 * @conf: the driver's configuration file
 * @seconds: set to what is given in it, LIBXL_DEVICE_MODEL_HOLD_NEVER for 0; or left alone
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED, or VIR_ERR_INTERNAL_ERROR where it is no
 * number.
 */
int
libxlDeviceModelHoldLoadConf(virConf *conf,
                             unsigned int *seconds)
{
    const char *key = "device_model_hold_time";
    unsigned int value;
    int rc = virConfGetValueUInt(conf, key, &value);

    if (rc <= 0)
        return rc;

    if (value != 0 && (value < LIBXL_DEVICE_MODEL_HOLD_TIME_MIN ||
                       value > LIBXL_DEVICE_MODEL_HOLD_TIME_MAX)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("%1$s = %2$u, expected a number of seconds from %3$u to %4$u, or 0 for a guest that never waits"),
                       key, value, LIBXL_DEVICE_MODEL_HOLD_TIME_MIN,
                       LIBXL_DEVICE_MODEL_HOLD_TIME_MAX);
        return -1;
    }

    *seconds = value == 0 ? LIBXL_DEVICE_MODEL_HOLD_NEVER : value;
    return 0;
}


/**
 * libxlDeviceModelHoldChoose:
 * @seconds: what the driver's configuration has, 0 for libvirt's choice
 *
 * Returns for how many seconds a guest is held, 0 for not at all.
 */
unsigned int
libxlDeviceModelHoldChoose(unsigned int seconds)
{
    if (seconds == LIBXL_DEVICE_MODEL_HOLD_NEVER)
        return 0;

    return seconds == 0 ? LIBXL_DEVICE_MODEL_HOLD_TIME : seconds;
}


/**
 * libxlDeviceModelsSetLeaving:
 * @leaving: whether the daemon ends
 */
void
libxlDeviceModelsSetLeaving(bool leaving)
{
    g_atomic_int_set(&libxlDeviceModelLeaving, leaving);
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


/**
 * libxlDeviceModelHold:
 * @dm: device model whose process has ended
 * @limit: makes sure that libxlDeviceModelLimitHold is called, and returns whether it did; is
 *         called with @dm locked
 * @opaque: for @limit
 *
 * Leave the guest waiting for another process, where that can be, for the hold time of @dm from
 * now on at most.  Returns whether it is held.
 */
bool
libxlDeviceModelHold(libxlDeviceModel *dm,
                     bool (*limit)(void *opaque),
                     void *opaque)
{
    libxlDeviceModelIoreqResult result = { 0 };
    libxlDeviceModelIoreq ioreq = {
        .domid = dm->domid, .ioservid = dm->ioservid, .slots = dm->slots, .irqs = dm->irqs,
    };
    gint64 until = g_get_monotonic_time() + dm->holdTime * G_USEC_PER_SEC;
    LIBXL_DEVICE_MODEL_SERVERS_GUARD servers = libxlDeviceModelServersLock(dm->domid);
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    if (!dm->holds || dm->holdTime == 0 ||
        dm->state != LIBXL_DEVICE_MODEL_STATE_RUNNING || libxlDeviceModelsAreLeaving())
        return false;

    libxlDeviceModelKillOthers(dm);
    if (libxlDeviceModelIoreqHold(&ioreq, &result) < 0)
        return false;

    dm->heldUntil = until;
    if (!limit(opaque))
        return false;

    dm->held = LIBXL_DEVICE_MODEL_HELD_YES;
    dm->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    return true;
}


/**
 * libxlDeviceModelBeginSwap:
 * @dm: device model that has failed
 * @deadline: brought forward, so that the guest is free when its time is over, if the process
 *            that has not been told all by then is killed at once
 *
 * A guest that is held stays so until libxlDeviceModelReleaseHeld, however long that takes,
 * if there is enough of its time left, and nobody has tried to free it.  To be called before
 * another process serves the devices: what the guest writes must not go to both.
 *
 * Returns whether the guest is held.
 */
bool
libxlDeviceModelBeginSwap(libxlDeviceModel *dm,
                          gint64 *deadline)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);
    gint64 last = dm->heldUntil - LIBXL_DEVICE_MODEL_HOLD_KILL_MS * 1000;

    if (dm->held != LIBXL_DEVICE_MODEL_HELD_YES ||
        dm->state != LIBXL_DEVICE_MODEL_STATE_FAILED ||
        libxlDeviceModelTimeLeft(last) < LIBXL_DEVICE_MODEL_HOLD_TELL_MS)
        return false;

    *deadline = MIN(*deadline, last);
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
    LIBXL_DEVICE_MODEL_SERVERS_GUARD servers = libxlDeviceModelServersLock(dm->domid);
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


/* The lock of the device model and that of the servers are held.  That it fails is told once. */
static bool
libxlDeviceModelReleaseHeldServer(libxlDeviceModel *dm)
{
    libxlDeviceModelIoreqResult result = { 0 };
    libxlDeviceModelIoreq ioreq = { .domid = dm->domid, .ioservid = dm->ioservid };
    bool told = dm->held == LIBXL_DEVICE_MODEL_HELD_CUT;
    bool freed;

    if (dm->held == LIBXL_DEVICE_MODEL_HELD_RAISED) {
        ioreq.slots = dm->slots;
        ioreq.irqs = dm->irqs;
        told = true;
    }

    ioreq.copied = dm->held == LIBXL_DEVICE_MODEL_HELD_SWAPPED;
    if (!ioreq.copied)
        libxlDeviceModelNoteReady(dm, &ioreq);
    freed = libxlDeviceModelIoreqRelease(&ioreq, &result) == 0;
    if (freed || !told)
        libxlDeviceModelLogRelease(dm, &result, freed);

    return freed;
}


static bool
libxlDeviceModelReleaseHeldLocked(libxlDeviceModel *dm)
{
    if (dm->state == LIBXL_DEVICE_MODEL_STATE_FAILED && !libxlDeviceModelReleaseHeldServer(dm)) {
        if (dm->held != LIBXL_DEVICE_MODEL_HELD_RAISED)
            dm->held = LIBXL_DEVICE_MODEL_HELD_CUT;
        return false;
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
    LIBXL_DEVICE_MODEL_SERVERS_GUARD servers = libxlDeviceModelServersLock(dm->domid);
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    return dm->held == LIBXL_DEVICE_MODEL_HELD_NO || libxlDeviceModelReleaseHeldLocked(dm);
}


/* One that is being replaced is left alone.  A guest that could not be freed of one waits for
 * nothing any more. */
static bool
libxlDeviceModelIsLate(const libxlDeviceModel *dm)
{
    if (dm->held == LIBXL_DEVICE_MODEL_HELD_YES)
        return libxlDeviceModelTimeLeft(dm->heldUntil) == 0;

    return dm->held != LIBXL_DEVICE_MODEL_HELD_NO &&
        dm->held != LIBXL_DEVICE_MODEL_HELD_SWAPPED;
}


/* Others that work on the guest's servers are not kept from it while there is time. */
static bool
libxlDeviceModelReleaseLate(libxlDeviceModel *dm)
{
    LIBXL_DEVICE_MODEL_SERVERS_GUARD servers = NULL;

    VIR_WITH_OBJECT_LOCK_GUARD(dm) {
        if (!libxlDeviceModelIsLate(dm))
            return false;
    }

    servers = libxlDeviceModelServersLock(dm->domid);

    VIR_WITH_OBJECT_LOCK_GUARD(dm) {
        /* that may have begun just now */
        return libxlDeviceModelIsLate(dm) && libxlDeviceModelReleaseHeldLocked(dm);
    }

    return false;
}


/**
 * libxlDeviceModelIsHeld:
 * @dm: device model
 *
 * Returns whether it has failed, and the guest is not free of it yet.
 */
bool
libxlDeviceModelIsHeld(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    return dm->held != LIBXL_DEVICE_MODEL_HELD_NO &&
        dm->state == LIBXL_DEVICE_MODEL_STATE_FAILED;
}


static bool
libxlDeviceModelsHaveOne(virDomainObj *vm,
                         bool (*isOne)(libxlDeviceModel *dm))
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++) {
        if (isOne(priv->devicemodels[i]))
            return true;
    }

    return false;
}


/* One whose process has ended, and that the guest is about to be held for, counts, too. */
static bool
libxlDeviceModelIsWaitedFor(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    if (dm->state == LIBXL_DEVICE_MODEL_STATE_RUNNING)
        return dm->holds && !libxlDeviceModelIsAlive(dm);

    return dm->state == LIBXL_DEVICE_MODEL_STATE_FAILED &&
        dm->held == LIBXL_DEVICE_MODEL_HELD_YES;
}


/**
 * libxlDeviceModelComesFirst:
 * @vm: the domain, locked
 * @dm: one of its device models, which has failed
 *
 * Returns whether the guest is held for none of the others, or for this one as well: whoever
 * restarts another lets it first.
 */
bool
libxlDeviceModelComesFirst(virDomainObj *vm,
                           libxlDeviceModel *dm)
{
    return libxlDeviceModelIsWaitedFor(dm) ||
           !libxlDeviceModelsHaveOne(vm, libxlDeviceModelIsWaitedFor);
}


/* One that the guest would be held for, if it ended now. */
static bool
libxlDeviceModelMayBeWaitedFor(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    return dm->holds && dm->state == LIBXL_DEVICE_MODEL_STATE_RUNNING;
}


/**
 * libxlDeviceModelMayComeSecond:
 * @vm: the domain, locked
 * @dm: one of its device models, which has failed
 *
 * What ends several of them ends one after the other: a process with disks takes longer to end
 * than one without.
 *
 * Returns whether the guest may soon be held for another, and is not held for this one.
 */
bool
libxlDeviceModelMayComeSecond(virDomainObj *vm,
                              libxlDeviceModel *dm)
{
    return !libxlDeviceModelIsWaitedFor(dm) &&
           libxlDeviceModelsHaveOne(vm, libxlDeviceModelMayBeWaitedFor);
}


/**
 * libxlDeviceModelLimitHold:
 * @dm: device model whose guest is held, or is about to be
 *
 * See to it that the guest is freed in time, whatever who restarts the device model waits for.
 * Where that fails, it is tried again without end, though not as often after a while.  Returns
 * when it is free, or when the daemon ends.
 */
void
libxlDeviceModelLimitHold(libxlDeviceModel *dm)
{
    gint64 last = dm->heldUntil + LIBXL_DEVICE_MODEL_RELEASE_MS * 1000;
    bool seldom = false;

    while (libxlDeviceModelIsHeld(dm) && !(seldom && libxlDeviceModelsAreLeaving())) {
        if (libxlDeviceModelReleaseLate(dm))
            break;

        seldom = libxlDeviceModelTimeLeft(last) == 0;
        g_usleep(seldom ? G_USEC_PER_SEC : 10 * 1000);
    }
}


/**
 * libxlDeviceModelRelease:
 * @dm: device model whose process has ended
 * @last: whether it is the last try
 * @freed: set where the guest was freed, or it was the last try, and there is more to do
 *
 * Free the guest.  Where somebody ends the device model, nothing is done.  One that the guest
 * could not be freed of is still running, as far as its state goes, unless it is tried for the
 * last time: then the guest is taken for one that is held (libxlDeviceModelIsHeld), which
 * libxlDeviceModelLimitHold goes on to free.
 *
 * Returns whether it need not be tried again.
 */
bool
libxlDeviceModelRelease(libxlDeviceModel *dm,
                        bool last,
                        bool *freed)
{
    LIBXL_DEVICE_MODEL_SERVERS_GUARD servers = libxlDeviceModelServersLock(dm->domid);
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    if (dm->state != LIBXL_DEVICE_MODEL_STATE_RUNNING)
        return true;

    if (!libxlDeviceModelReleaseServer(dm)) {
        if (!last)
            return false;
        dm->held = LIBXL_DEVICE_MODEL_HELD_RAISED;
    }

    dm->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    *freed = true;
    return true;
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


/* One that starts has a server that it has not reported yet. */
static bool
libxlDeviceModelIsRestarting(libxlDeviceModel *dm)
{
    return dm->restarting;
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
    LIBXL_DEVICE_MODEL_SERVERS_GUARD servers = libxlDeviceModelServersLock(dm->domid);
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModelIoreqResult result = { 0 };
    unsigned int keep = 0;
    size_t i;

    if (libxlDeviceModelsHaveOne(vm, libxlDeviceModelIsRestarting))
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
    LIBXL_DEVICE_MODEL_SERVERS_GUARD servers = libxlDeviceModelServersLock(dm->domid);
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
 * the guest of another, is not seen.
 */
bool
libxlDeviceModelCheckServer(const libxlDeviceModel *dm)
{
    LIBXL_DEVICE_MODEL_SERVERS_GUARD servers = libxlDeviceModelServersLock(dm->domid);
    libxlDeviceModelIoreqResult result = { 0 };
    libxlDeviceModelIoreq ioreq = { .domid = dm->domid, .ioservid = dm->ioservid };

    return libxlDeviceModelIoreqCheckServer(&ioreq, &result) == 1;
}


static void
libxlDeviceModelWake(const libxlDeviceModel *dm)
{
    LIBXL_DEVICE_MODEL_SERVERS_GUARD servers = libxlDeviceModelServersLock(dm->domid);
    libxlDeviceModelIoreqResult result = { 0 };

    if (libxlDeviceModelIoreqWake(dm->domid, &result) < 0)
        libxlDeviceModelLogRelease(dm, &result, false);
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
    libxlDeviceModelReleaseOthers(vm, dm);
    libxlDeviceModelLowerInterrupts(dm);
    libxlDeviceModelWake(dm);
}


/* After what was started in its place was killed, so that the guest comes to no process that was
 * not told all when it is freed of this one. */
static void
libxlDeviceModelForsakeStarted(virDomainObj *vm,
                               libxlDeviceModel *dm)
{
    dm->restarting = false;
    libxlDeviceModelReleaseStarted(vm, dm);
    libxlDeviceModelAbandonSwap(dm);
}


/**
 * libxlDeviceModelFreeHeld:
 * @vm: a domain that lives, locked
 * @dm: one of its device models, as an earlier daemon has left it
 * @restarting: whether that was starting another process in its place
 *
 * Free the guest of one that has failed, and that it is held for.  The process that was started
 * in its place may serve the guest already, and not know yet what the guest wrote last, which
 * nobody would tell it any more: it is killed before.
 */
void
libxlDeviceModelFreeHeld(virDomainObj *vm,
                         libxlDeviceModel *dm,
                         bool restarting)
{
    bool killed = false;

    VIR_WITH_OBJECT_LOCK_GUARD(dm) {
        killed = dm->state == LIBXL_DEVICE_MODEL_STATE_FAILED &&
            (restarting || dm->held != LIBXL_DEVICE_MODEL_HELD_NO);
        if (killed)
            libxlDeviceModelKillOthers(dm);
    }

    if (killed)
        libxlDeviceModelForsakeStarted(vm, dm);
    ignore_value(libxlDeviceModelReleaseHeld(dm));
}


/* What serves the guest, or is about to, and was not told all, nobody would tell: it is killed
 * first.  One that the guest is not held for is left the time to come to that. */
static void
libxlDeviceModelLetGo(virDomainObj *vm,
                      libxlDeviceModel *dm,
                      bool last)
{
    bool killed = false;

    VIR_WITH_OBJECT_LOCK_GUARD(dm) {
        killed = dm->held == LIBXL_DEVICE_MODEL_HELD_SWAPPED || (last && dm->restarting);
        if (killed)
            libxlDeviceModelKillOthers(dm);
    }

    if (killed)
        libxlDeviceModelForsakeStarted(vm, dm);

    /* the thread that would have, of one that has just ended, may have found that we leave */
    libxlDeviceModelFreeGuest(dm);
    ignore_value(libxlDeviceModelReleaseHeld(dm));
}


/**
 * libxlDeviceModelsLetGo:
 * @vm: a domain, not locked
 * @opaque: whether the daemon ends now, a bool
 *
 * Free the guest of each device model that it is held for, as the daemon ends: nobody would
 * before the next one starts.  If that is now, what was started in the place of another ends,
 * too.  For virDomainObjListForEach.
 *
 * Returns 0.
 */
int
libxlDeviceModelsLetGo(virDomainObj *vm,
                       void *opaque)
{
    const bool *last = opaque;
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++)
        libxlDeviceModelLetGo(vm, priv->devicemodels[i], *last);

    return 0;
}
