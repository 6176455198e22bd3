/*
 * libxl_devicemodel_hang.c: finds secondaries that hang, and ends them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_hang.h"

#include "libxl_devicemodel_qmp.h"
#include "virerror.h"
#include "virevent.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_hang");

#define LIBXL_DEVICE_MODEL_HANG_LOOK_MS 1000

/* A look that comes this long after the one before saw nothing of what was between. */
#define LIBXL_DEVICE_MODEL_HANG_LATE_US (3 * LIBXL_DEVICE_MODEL_HANG_LOOK_MS * 1000)

/* Of the time between two looks: one that had less of a processor, and has work to do,
 * was kept from it. */
#define LIBXL_DEVICE_MODEL_HANG_SHARE 10

/* A change that begins with no answer is over by then. */
#define LIBXL_DEVICE_MODEL_HANG_CHANGE_US (LIBXL_DEVICE_MODEL_UPDATE_MS * (gint64)1000)

/* A question ends with the process, so this is no limit that anything waits for. */
#define LIBXL_DEVICE_MODEL_HANG_QUESTION_US (24 * 60 * 60 * (gint64)G_USEC_PER_SEC)

/* A secondary that is looked at. */
typedef struct _libxlDeviceModelHangWatched libxlDeviceModelHangWatched;
struct _libxlDeviceModelHangWatched {
    libxlDeviceModel *dm; /* a reference */
    char *folder; /* of its process, in /proc */
    unsigned int vcpus;
    libxlDeviceModelIoreqPending pending;
    libxlDeviceModelHang hang;
    int answers; /* of the device model, at the last look */
    bool asking; /* a thread waits for the answer */
    bool unasked; /* since the last look */
};

/* All that are looked at, the timer that has it done while there are any, and the
 * connection to Xen that they share. */
static struct {
    virMutex lock;
    GPtrArray *watched;
    int timer;
    libxlDeviceModelIoreqViewer *viewer; /* or NULL */
    bool blind; /* it was told that there is none */
} libxlDeviceModelHangs = { .lock = VIR_MUTEX_INITIALIZER };


/* A guest that reads the same register for a while looks as if it waited: that is no
 * matter of the first second. */
static bool
libxlDeviceModelHangIsSilent(const libxlDeviceModelHang *hang,
                             gint64 when)
{
    return when - hang->well >= hang->limit / 3;
}


/* Whether something that is no fault of its own explains that it serves nobody. */
static bool
libxlDeviceModelHangIsExcused(const libxlDeviceModelHang *hang,
                              const libxlDeviceModelHangLook *look)
{
    const libxlDeviceModelActivity *activity = &look->activity;
    gint64 time = look->when - hang->last;
    gint64 used = activity->used - hang->used;

    return activity->state == 't' || activity->waits ||
           (activity->runs && used < time / LIBXL_DEVICE_MODEL_HANG_SHARE);
}


/* One that has used the processor since it was seen stopped is let go now and then, as
 * programs do that limit what others use. */
static bool
libxlDeviceModelHangIsStopped(const libxlDeviceModelHang *hang,
                              const libxlDeviceModelHangLook *look)
{
    return look->activity.state == 'T' &&
           (!hang->stopped || look->activity.used == hang->used);
}


/* Returns whether a request is pending that was so at the last look, or the process is
 * stopped, with nothing that says that the device model is well. */
static bool
libxlDeviceModelHangIsSuspect(libxlDeviceModelHang *hang,
                              const libxlDeviceModelHangLook *look)
{
    if (look->when - hang->last > LIBXL_DEVICE_MODEL_HANG_LATE_US) {
        hang->well = look->when;
        return false;
    }

    if (libxlDeviceModelHangIsStopped(hang, look))
        return true;

    if (look->request == LIBXL_DEVICE_MODEL_IOREQ_LOOK_OTHER) {
        /* it has come since then */
        hang->well = hang->last;
        return false;
    }

    if (look->request == LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE || look->answered ||
        libxlDeviceModelHangIsExcused(hang, look)) {
        hang->well = look->when;
        return false;
    }

    return true;
}


/* The answer to a question is to have half of the limit at least.  A change is one, too:
 * whoever begins one after the other must not keep the guest waiting. */
static libxlDeviceModelHangVerdict
libxlDeviceModelHangJudgeSilence(libxlDeviceModelHang *hang,
                                 const libxlDeviceModelHangLook *look)
{
    gint64 silence = look->when - hang->well;

    if (look->changes) {
        hang->asked = 0;
        return silence >= hang->limit + LIBXL_DEVICE_MODEL_HANG_CHANGE_US ?
            LIBXL_DEVICE_MODEL_HANG_YES : LIBXL_DEVICE_MODEL_HANG_NO;
    }

    if (!libxlDeviceModelHangIsSilent(hang, look->when))
        return LIBXL_DEVICE_MODEL_HANG_NO;

    if (hang->asked == 0 || look->unasked) {
        hang->asked = look->when;
        return LIBXL_DEVICE_MODEL_HANG_ASK;
    }

    if (silence >= hang->limit &&
        look->when - hang->asked >= hang->limit / 2)
        return LIBXL_DEVICE_MODEL_HANG_YES;

    return LIBXL_DEVICE_MODEL_HANG_NO;
}


/**
 * libxlDeviceModelHangJudge:
 * @hang: what is known of a device model; at first its limit, and @well and @last, which
 *        are the time
 * @look: what was seen of it
 *
 * Decide as the header says, and remember the look.
 *
 * Returns whether it hangs, or is to be asked.
 */
libxlDeviceModelHangVerdict
libxlDeviceModelHangJudge(libxlDeviceModelHang *hang,
                          const libxlDeviceModelHangLook *look)
{
    libxlDeviceModelHangVerdict verdict = LIBXL_DEVICE_MODEL_HANG_NO;

    if (!libxlDeviceModelHangIsSuspect(hang, look))
        hang->asked = 0;
    else if (!libxlDeviceModelHangIsStopped(hang, look))
        verdict = libxlDeviceModelHangJudgeSilence(hang, look);
    else if (look->when - hang->well >= hang->limit)
        verdict = LIBXL_DEVICE_MODEL_HANG_YES;

    hang->last = look->when;
    hang->used = look->activity.used;
    hang->stopped = look->activity.state == 'T';
    return verdict;
}


static void
libxlDeviceModelHangWatchedFree(libxlDeviceModelHangWatched *watched)
{
    virObjectUnref(watched->dm);
    g_free(watched->folder);
    g_free(watched);
}


/* The caller holds the lock. */
static libxlDeviceModelHangWatched *
libxlDeviceModelHangFind(const libxlDeviceModel *dm)
{
    size_t i;

    for (i = 0; libxlDeviceModelHangs.watched && i < libxlDeviceModelHangs.watched->len; i++) {
        libxlDeviceModelHangWatched *watched =
            g_ptr_array_index(libxlDeviceModelHangs.watched, i);

        if (watched->dm == dm)
            return watched;
    }

    return NULL;
}


/* Returns whether the question could not be put, for a reason that is not the device
 * model's: no silence is what fails here. */
static bool
libxlDeviceModelHangPut(libxlDeviceModel *dm,
                        bool *answered)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_HANG_QUESTION_US;
    g_autoptr(libxlDeviceModelMonitor) mon = NULL;

    if (!(mon = libxlDeviceModelMonitorConnect(dm->name, dm->socket)))
        return !virLastErrorIsSystemErrno(ECONNREFUSED) && !virLastErrorIsSystemErrno(EAGAIN);

    *answered = libxlDeviceModelMonitorHandshake(mon, deadline) == 0 &&
                libxlDeviceModelQMPQueryStatus(mon, NULL, NULL, deadline) == 0;
    return false;
}


/* The device model may not be looked at any more by then. */
static void
libxlDeviceModelHangAsk(void *opaque)
{
    g_autoptr(libxlDeviceModel) dm = opaque;
    libxlDeviceModelHangWatched *watched;
    bool answered = false;
    bool unasked = libxlDeviceModelHangPut(dm, &answered);

    if (!answered)
        VIR_DEBUG("device model '%s' of domain %u does not say that it is well: %s",
                  dm->name, dm->domid, virGetLastErrorMessage());

    if (answered)
        g_atomic_int_inc(&dm->answers);

    VIR_WITH_MUTEX_LOCK_GUARD(&libxlDeviceModelHangs.lock) {
        if ((watched = libxlDeviceModelHangFind(dm))) {
            watched->asking = false;
            watched->unasked = unasked;
        }
    }
}


/* An answer to an earlier question says as much as one to the next. */
static void
libxlDeviceModelHangStartToAsk(libxlDeviceModelHangWatched *watched)
{
    g_autofree char *name = NULL;
    virThread thread;

    if (watched->asking)
        return;

    watched->asking = true;
    name = g_strdup_printf("dm-ask-%u-%u", watched->dm->domid, watched->dm->id);
    virObjectRef(watched->dm);
    if (virThreadCreateFull(&thread, false, libxlDeviceModelHangAsk, name, false,
                            watched->dm) < 0) {
        virObjectUnref(watched->dm);
        watched->asking = false;
        watched->unasked = true;
    }
}


/* What the threads do takes many files, and is of interest only where it decides.
 *
 * Returns whether the process was seen.  The daemon may have no file left for that. */
static bool
libxlDeviceModelHangSee(libxlDeviceModelHangWatched *watched,
                        libxlDeviceModelHangLook *look)
{
    libxlDeviceModel *dm = watched->dm;
    const libxlDeviceModelIoreq ioreq = { .domid = dm->domid, .ioservid = dm->ioservid };
    int answers = g_atomic_int_get(&dm->answers);

    if (libxlDeviceModelActivityRead(watched->folder, &look->activity) < 0)
        return false;

    look->when = g_get_monotonic_time();
    look->changes = g_atomic_int_get(&dm->changes) > 0;
    look->answered = answers != watched->answers;
    look->unasked = watched->unasked;
    watched->answers = answers;
    watched->unasked = false;

    if (libxlDeviceModelHangs.viewer)
        look->request = libxlDeviceModelIoreqLook(libxlDeviceModelHangs.viewer, &ioreq,
                                                  watched->vcpus, &watched->pending);

    if (look->request == LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME &&
        libxlDeviceModelHangIsSilent(&watched->hang, look->when))
        libxlDeviceModelActivityReadThreads(watched->folder, &look->activity);

    return true;
}


static void
libxlDeviceModelHangEnd(libxlDeviceModelHangWatched *watched,
                        const libxlDeviceModelHangLook *look)
{
    libxlDeviceModel *dm = watched->dm;
    unsigned int seconds = (look->when - watched->hang.well) / G_USEC_PER_SEC;

    VIR_WARN("device model '%s' of domain %u is killed: for %u s it %s",
             dm->name, dm->domid, seconds,
             look->activity.state == 'T' ? "was stopped" : "served neither guest nor QMP");

    if (!libxlDeviceModelKillHung(dm, seconds))
        VIR_WARN("device model '%s' of domain %u cannot be killed: %s",
                 dm->name, dm->domid, g_strerror(errno));
}


/* The pid may be another's once the process has ended, which is asked last.
 *
 * Returns whether it is to be looked at again. */
static bool
libxlDeviceModelHangLookAt(libxlDeviceModelHangWatched *watched)
{
    libxlDeviceModelHangLook look = { 0 };
    bool seen = libxlDeviceModelHangSee(watched, &look);

    if (!libxlDeviceModelIsAlive(watched->dm))
        return false;

    if (!seen)
        return true;

    switch (libxlDeviceModelHangJudge(&watched->hang, &look)) {
    case LIBXL_DEVICE_MODEL_HANG_YES:
        libxlDeviceModelHangEnd(watched, &look);
        return false;

    case LIBXL_DEVICE_MODEL_HANG_ASK:
        libxlDeviceModelHangStartToAsk(watched);
        break;

    case LIBXL_DEVICE_MODEL_HANG_NO:
        break;
    }

    return true;
}


/* Nobody looks once there is nobody to be looked at.  The caller holds the lock. */
static void
libxlDeviceModelHangRemove(libxlDeviceModelHangWatched *watched)
{
    g_ptr_array_remove_fast(libxlDeviceModelHangs.watched, watched);
    if (libxlDeviceModelHangs.watched->len > 0)
        return;

    if (libxlDeviceModelHangs.timer >= 0)
        virEventRemoveTimeout(libxlDeviceModelHangs.timer);
    g_clear_pointer(&libxlDeviceModelHangs.watched, g_ptr_array_unref);
    g_clear_pointer(&libxlDeviceModelHangs.viewer, libxlDeviceModelIoreqViewerFree);
}


/* Without a connection to Xen one that is stopped is found all the same.  Called with
 * the lock held. */
static void
libxlDeviceModelHangOpenViewer(void)
{
    if (libxlDeviceModelHangs.viewer)
        return;

    if (!(libxlDeviceModelHangs.viewer = libxlDeviceModelIoreqViewerNew()) &&
        !libxlDeviceModelHangs.blind)
        VIR_WARN("cannot see requests of guests: %s", g_strerror(errno));

    libxlDeviceModelHangs.blind = !libxlDeviceModelHangs.viewer;
}


static void
libxlDeviceModelHangTimer(int timer G_GNUC_UNUSED,
                          void *opaque G_GNUC_UNUSED)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&libxlDeviceModelHangs.lock);
    size_t i = libxlDeviceModelHangs.watched ? libxlDeviceModelHangs.watched->len : 0;

    if (i > 0)
        libxlDeviceModelHangOpenViewer();

    /* the last one takes the list with it */
    while (libxlDeviceModelHangs.watched && i-- > 0) {
        libxlDeviceModelHangWatched *watched =
            g_ptr_array_index(libxlDeviceModelHangs.watched, i);

        if (!libxlDeviceModelHangLookAt(watched))
            libxlDeviceModelHangRemove(watched);
    }
}


/* The first one has the timer started.  The caller holds the lock. */
static void
libxlDeviceModelHangBegin(void)
{
    libxlDeviceModelHangs.timer = virEventAddTimeout(LIBXL_DEVICE_MODEL_HANG_LOOK_MS,
                                                     libxlDeviceModelHangTimer, NULL, NULL);
    if (libxlDeviceModelHangs.timer < 0)
        VIR_WARN("nobody looks for device models that hang: there is no timer");

    libxlDeviceModelHangs.watched =
        g_ptr_array_new_with_free_func((GDestroyNotify)libxlDeviceModelHangWatchedFree);
}


/**
 * libxlDeviceModelHangWatch:
 * @dm: secondary that runs, and is not looked at; its domain is locked
 * @vcpus: how many its domain has at most
 * @limit: after how many seconds it hangs; 0 for never
 *
 * Have the event loop look at it, until libxlDeviceModelHangUnwatch, or its end.
 */
void
libxlDeviceModelHangWatch(libxlDeviceModel *dm,
                          unsigned int vcpus,
                          unsigned int limit)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&libxlDeviceModelHangs.lock);
    libxlDeviceModelHangWatched *watched;
    gint64 now = g_get_monotonic_time();

    if (limit == 0)
        return;

    if (!libxlDeviceModelHangs.watched)
        libxlDeviceModelHangBegin();

    watched = g_new0(libxlDeviceModelHangWatched, 1);
    watched->dm = virObjectRef(dm);
    watched->folder = g_strdup_printf("/proc/%lld", (long long)dm->process.pid);
    watched->vcpus = vcpus;
    watched->answers = g_atomic_int_get(&dm->answers);
    watched->hang.limit = limit * (gint64)G_USEC_PER_SEC;
    watched->hang.well = watched->hang.last = now;
    g_ptr_array_add(libxlDeviceModelHangs.watched, watched);
}


/**
 * libxlDeviceModelHangIsWatched:
 * @dm: device model
 *
 * Returns whether it is looked at: one that is not may be silent for as long as it likes.
 */
bool
libxlDeviceModelHangIsWatched(const libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&libxlDeviceModelHangs.lock);

    return libxlDeviceModelHangFind(dm) != NULL;
}


/**
 * libxlDeviceModelHangUnwatch:
 * @dm: device model
 *
 * Have it not looked at any more, if it is.  No look is under way when this returns, and
 * nothing is killed.
 */
void
libxlDeviceModelHangUnwatch(const libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&libxlDeviceModelHangs.lock);
    libxlDeviceModelHangWatched *watched = libxlDeviceModelHangFind(dm);

    if (watched)
        libxlDeviceModelHangRemove(watched);
}
