/*
 * libxl_devicemodel_state.c: the state of secondaries leaves their processes, and comes into others
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "libxl_devicemodel_state.h"

#include "libxl_devicemodel_hang.h"
#include "libxl_devicemodel_privilege.h"
#include "libxl_devicemodel_qmp.h"
#include "libxl_devicemodel_quote.h"
#include "libxl_devicemodel_registers_file.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virthread.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_state");

/* How much is taken from a pipe at once. */
#define LIBXL_DEVICE_MODEL_STATE_CHUNK (64 * 1024)

/* How often it is asked whether a state was loaded, which takes QEMU some milliseconds. */
#define LIBXL_DEVICE_MODEL_STATE_LOAD_MS 5

/* One of several secondaries that something is done with. */
typedef struct _libxlDeviceModelStateTask libxlDeviceModelStateTask;
struct _libxlDeviceModelStateTask {
    libxlDeviceModel *dm;
    libxlDeviceModelSaved *saved; /* gets what it says, or NULL */
    int (*work)(libxlDeviceModelStateTask *task,
                libxlDeviceModelMonitor *mon);
    bool flag; /* of the work */
    gint64 begin; /* of the work */
    gint64 deadline;
    gint64 total; /* how long all had until then */

    int from; /* its state, or -1 */
    int to; /* likewise, the end that it gets */
    GByteArray *state; /* what has come of that */
    bool excessive; /* more has come than may be */

    virThread thread;
    bool begun; /* that runs, or has to be joined */
    int done; /* a pipe, which gets a byte at the end, or -1 */
    virErrorPtr error;
};


static void
libxlDeviceModelStateTaskWork(libxlDeviceModelStateTask *task)
{
    g_autoptr(libxlDeviceModelMonitor) mon = NULL;

    task->begin = g_get_monotonic_time();
    g_atomic_int_inc(&task->dm->changes);
    if (!(mon = libxlDeviceModelMonitorConnect(task->dm->name, task->dm->socket)) ||
        libxlDeviceModelMonitorHandshake(mon, task->deadline) < 0 ||
        task->work(task, mon) < 0)
        virErrorPreserveLast(&task->error);
    else
        g_atomic_int_inc(&task->dm->answers);
    g_atomic_int_add(&task->dm->changes, -1);
}


static void
libxlDeviceModelStateTaskRun(void *opaque)
{
    libxlDeviceModelStateTask *task = opaque;

    libxlDeviceModelStateTaskWork(task);
    VIR_FORCE_CLOSE(task->to);
    if (task->done >= 0)
        ignore_value(safewrite(task->done, "", 1));
}


static libxlDeviceModelStateTask *
libxlDeviceModelStateTasksNew(libxlDeviceModel **dms,
                              size_t ndms,
                              libxlDeviceModelsSaved *saved,
                              gint64 deadline)
{
    libxlDeviceModelStateTask *tasks = g_new0(libxlDeviceModelStateTask, ndms);
    size_t i;

    for (i = 0; i < ndms; i++) {
        tasks[i].dm = dms[i];
        tasks[i].saved = saved ? &saved->dms[i] : NULL;
        tasks[i].total = deadline - g_get_monotonic_time();
        tasks[i].deadline = deadline;
        tasks[i].from = tasks[i].to = tasks[i].done = -1;
    }

    return tasks;
}


/* Restores the first error; the others are in the log only.  Returns 0 where there is none. */
static int
libxlDeviceModelStateTasksFree(libxlDeviceModelStateTask *tasks,
                               size_t ntasks)
{
    int ret = 0;
    size_t i;

    for (i = 0; i < ntasks; i++) {
        VIR_FORCE_CLOSE(tasks[i].from);
        VIR_FORCE_CLOSE(tasks[i].to);
        if (tasks[i].state)
            g_byte_array_unref(tasks[i].state);

        if (tasks[i].error && ret == 0) {
            virErrorRestore(&tasks[i].error);
            ret = -1;
        } else if (tasks[i].error) {
            VIR_WARN("%s", tasks[i].error->message);
            virFreeError(tasks[i].error);
        }
    }

    g_free(tasks);
    return ret;
}


/* More than may be is not kept, and its end waits or finds the pipe closed. */
static void
libxlDeviceModelStateTaskReceive(libxlDeviceModelStateTask *task)
{
    ssize_t got;

    do {
        size_t have = task->state->len;

        g_byte_array_set_size(task->state, have + LIBXL_DEVICE_MODEL_STATE_CHUNK);
        got = read(task->from, task->state->data + have, LIBXL_DEVICE_MODEL_STATE_CHUNK);
        g_byte_array_set_size(task->state, have + MAX(got, 0));
        task->excessive = task->state->len > LIBXL_DEVICE_MODEL_SAVED_STATE_MAX;
    } while (got > 0 && !task->excessive);

    if (task->excessive || got == 0)
        VIR_FORCE_CLOSE(task->from);
}


/* Take what comes until as many as have begun have @done what they had to. */
static void
libxlDeviceModelStateTasksReceive(libxlDeviceModelStateTask *tasks,
                                  size_t ntasks,
                                  size_t nbegun,
                                  int done)
{
    g_autofree struct pollfd *fds = g_new0(struct pollfd, ntasks + 1);
    size_t ndone = 0;
    char byte;
    size_t i;

    while (ndone < nbegun) {
        for (i = 0; i < ntasks; i++) {
            fds[i].fd = tasks[i].from;
            fds[i].events = POLLIN;
        }
        fds[ntasks].fd = done;
        fds[ntasks].events = POLLIN;

        /* each thread has a deadline */
        if (poll(fds, ntasks + 1, -1) < 0)
            continue;

        for (i = 0; i < ntasks; i++) {
            if (fds[i].revents)
                libxlDeviceModelStateTaskReceive(&tasks[i]);
        }

        if (fds[ntasks].revents && read(done, &byte, 1) == 1)
            ndone++;
    }

    /* what has come since it was looked at */
    for (i = 0; i < ntasks; i++) {
        if (tasks[i].from >= 0)
            libxlDeviceModelStateTaskReceive(&tasks[i]);
    }
}


/* Where there is no thread for it, the caller's does the work when the others have theirs, unless
 * that has to take the state meanwhile. */
static void
libxlDeviceModelStateTaskBegin(libxlDeviceModelStateTask *task)
{
    g_autofree char *name = g_strdup_printf("dm-state-%u-%u", task->dm->domid, task->dm->id);

    if (virThreadCreateFull(&task->thread, true, libxlDeviceModelStateTaskRun, name, false,
                            task) == 0) {
        task->begun = true;
    } else if (task->from >= 0) {
        virReportSystemError(errno, _("device model '%1$s': cannot create a thread"),
                             task->dm->name);
        virErrorPreserveLast(&task->error);
    }
}


/* Returns how many threads have begun. */
static size_t
libxlDeviceModelStateTasksBegin(libxlDeviceModelStateTask *tasks,
                                size_t ntasks,
                                int (*work)(libxlDeviceModelStateTask *task,
                                            libxlDeviceModelMonitor *mon))
{
    size_t nbegun = 0;
    size_t i;

    for (i = 0; i < ntasks; i++) {
        tasks[i].work = work;
        libxlDeviceModelStateTaskBegin(&tasks[i]);
        nbegun += tasks[i].begun;
    }

    return nbegun;
}


static void
libxlDeviceModelStateTasksJoin(libxlDeviceModelStateTask *tasks,
                               size_t ntasks)
{
    size_t i;

    for (i = 0; i < ntasks; i++) {
        if (tasks[i].begun)
            virThreadJoin(&tasks[i].thread);
    }
}


/* Do the work with all, each in a thread.  Of one that fails the error is with the task.  That
 * takes nothing which the daemon may be short of: secondaries that are not told to go on would
 * stay stopped. */
static void
libxlDeviceModelStateTasksRun(libxlDeviceModelStateTask *tasks,
                              size_t ntasks,
                              int (*work)(libxlDeviceModelStateTask *task,
                                          libxlDeviceModelMonitor *mon))
{
    size_t i;

    libxlDeviceModelStateTasksBegin(tasks, ntasks, work);

    for (i = 0; i < ntasks; i++) {
        if (!tasks[i].begun)
            libxlDeviceModelStateTaskWork(&tasks[i]);
    }
    virResetLastError();

    libxlDeviceModelStateTasksJoin(tasks, ntasks);
}


/* One that does not emulate has nothing to stop, and somebody has stopped it for a reason. */
static int
libxlDeviceModelStateCheckRunning(libxlDeviceModelStateTask *task,
                                  libxlDeviceModelMonitor *mon)
{
    g_autofree char *status = NULL;
    g_autofree char *quote = NULL;
    bool running = false;

    if (libxlDeviceModelQMPQueryStatus(mon, &running, &status, task->deadline) < 0)
        return -1;

    if (running)
        return 0;

    quote = libxlDeviceModelQuote(status);
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' is in state '%2$s', expected 'running'"),
                   task->dm->name, quote);
    return -1;
}


static int
libxlDeviceModelStateAsk(libxlDeviceModelStateTask *task,
                         libxlDeviceModelMonitor *mon)
{
    libxlDeviceModelSaved *saved = task->saved;

    if (libxlDeviceModelStateCheckRunning(task, mon) < 0 ||
        libxlDeviceModelQMPCheckBlockers(mon, task->deadline) < 0 ||
        libxlDeviceModelQMPQueryVersion(mon, saved->version, task->deadline) < 0 ||
        libxlDeviceModelQMPQueryMachine(mon, &saved->machine, task->deadline) < 0)
        return -1;

    if (libxlDeviceModelSavedMachineIsValid(saved->machine))
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' names a machine that none can have"), task->dm->name);
    return -1;
}


/**
 * libxlDeviceModelStatesAsk:
 * @dms: secondaries, @saved->ndms of them
 * @saved: gets name, version and machine of each
 * @deadline: for all
 *
 * Returns 0 where all can be saved, as far as that is known before, or -1 with an error that
 * names the device model.
 */
int
libxlDeviceModelStatesAsk(libxlDeviceModel **dms,
                          libxlDeviceModelsSaved *saved,
                          gint64 deadline)
{
    libxlDeviceModelStateTask *tasks = libxlDeviceModelStateTasksNew(dms, saved->ndms, saved,
                                                                     deadline);
    size_t i;

    for (i = 0; i < saved->ndms; i++)
        saved->dms[i].name = g_strdup(dms[i]->name);

    libxlDeviceModelStateTasksRun(tasks, saved->ndms, libxlDeviceModelStateAsk);
    return libxlDeviceModelStateTasksFree(tasks, saved->ndms);
}


static int
libxlDeviceModelStateLog(libxlDeviceModelStateTask *task,
                         libxlDeviceModelMonitor *mon)
{
    return libxlDeviceModelQMPSetDirtyLog(mon, task->flag, task->deadline);
}


/**
 * libxlDeviceModelStatesLog:
 * @dms: secondaries
 * @ndms: their number
 * @enable: whether Xen is to be told of the pages that they dirty
 * @deadline: for all
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelStatesLog(libxlDeviceModel **dms,
                          size_t ndms,
                          bool enable,
                          gint64 deadline)
{
    libxlDeviceModelStateTask *tasks = libxlDeviceModelStateTasksNew(dms, ndms, NULL, deadline);
    size_t i;

    for (i = 0; i < ndms; i++)
        tasks[i].flag = enable;

    libxlDeviceModelStateTasksRun(tasks, ndms, libxlDeviceModelStateLog);
    return libxlDeviceModelStateTasksFree(tasks, ndms);
}


/* QEMU 7.2 keeps a set open, though it was told to remove it, for as long as it is stopped
 * (monitor_fdset_cleanup in monitor/fds.c): the end of the state is not an end of the pipe. */
static int
libxlDeviceModelStateSave(libxlDeviceModelStateTask *task,
                          libxlDeviceModelMonitor *mon)
{
    unsigned int fdset;

    if (libxlDeviceModelQMPStop(mon, task->deadline) < 0 ||
        libxlDeviceModelQMPAddFD(mon, task->to, &fdset, task->deadline) < 0 ||
        libxlDeviceModelQMPSaveState(mon, fdset, task->flag, task->deadline) < 0 ||
        libxlDeviceModelQMPRemoveFD(mon, fdset, task->deadline) < 0)
        return -1;

    return 0;
}


static int
libxlDeviceModelStateCheck(libxlDeviceModelStateTask *task)
{
    if (!task->excessive && task->state->len > 0)
        return 0;

    virFreeError(task->error);
    virReportError(VIR_ERR_OPERATION_FAILED,
                   task->excessive ? _("device model '%1$s' sent a state of more than %2$d bytes")
                                   : _("device model '%1$s' sent no state, expected up to %2$d bytes"),
                   task->dm->name, LIBXL_DEVICE_MODEL_SAVED_STATE_MAX);
    virErrorPreserveLast(&task->error);
    return -1;
}


/* What it remembers is not changed by anybody now.  Without, it could not be restarted when its
 * domain was restored, but is none the less saved. */
static void
libxlDeviceModelStateTakeRegisters(libxlDeviceModelStateTask *task)
{
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);

    if (!task->dm->registers)
        return;

    if (libxlDeviceModelRegistersRead(task->dm->registers, registers) < 0) {
        VIR_WARN("device model '%s': what the guest has written into its registers is not saved: %s",
                 task->dm->name, virGetLastErrorMessage());
        virResetLastError();
        return;
    }

    g_free(task->saved->registers);
    task->saved->registers = (uint8_t *)g_steal_pointer(&registers);
    task->saved->nregisters = sizeof(*registers);
}


static void
libxlDeviceModelStateTake(libxlDeviceModelStateTask *task)
{
    if (task->error && !task->excessive)
        return;

    if (libxlDeviceModelStateCheck(task) < 0)
        return;

    g_free(task->saved->state);
    task->saved->nstate = task->state->len;
    task->saved->state = g_byte_array_free(g_steal_pointer(&task->state), FALSE);
    libxlDeviceModelStateTakeRegisters(task);
}


static int
libxlDeviceModelStateTasksOpen(libxlDeviceModelStateTask *tasks,
                               size_t ntasks)
{
    size_t i;

    for (i = 0; i < ntasks; i++) {
        int fds[2];

        if (virPipe(fds) < 0)
            return -1;

        tasks[i].from = fds[0];
        tasks[i].to = fds[1];
        tasks[i].state = g_byte_array_new();
        if (virSetNonBlock(fds[0]) < 0) {
            virReportSystemError(errno, "%s", _("Unable to set non-blocking mode"));
            return -1;
        }
    }

    return 0;
}


/* Each in a thread, while this one takes what they send. */
static int
libxlDeviceModelStateTasksSave(libxlDeviceModelStateTask *tasks,
                               size_t ntasks)
{
    size_t nbegun;
    int done[2];
    size_t i;

    if (libxlDeviceModelStateTasksOpen(tasks, ntasks) < 0 || virPipe(done) < 0)
        return -1;

    for (i = 0; i < ntasks; i++)
        tasks[i].done = done[1];

    nbegun = libxlDeviceModelStateTasksBegin(tasks, ntasks, libxlDeviceModelStateSave);
    libxlDeviceModelStateTasksReceive(tasks, ntasks, nbegun, done[0]);
    libxlDeviceModelStateTasksJoin(tasks, ntasks);

    VIR_FORCE_CLOSE(done[0]);
    VIR_FORCE_CLOSE(done[1]);
    return 0;
}


/**
 * libxlDeviceModelStatesSave:
 * @dms: secondaries of a guest that is suspended
 * @saved: gets state and registers of each; they were asked before
 * @live: whether another host has the images of their disks from then on
 * @deadline: for all
 *
 * Stop them.  They stay stopped, whatever fails.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelStatesSave(libxlDeviceModel **dms,
                           libxlDeviceModelsSaved *saved,
                           bool live,
                           gint64 deadline)
{
    libxlDeviceModelStateTask *tasks = libxlDeviceModelStateTasksNew(dms, saved->ndms, saved,
                                                                     deadline);
    size_t i;
    int rc;

    for (i = 0; i < saved->ndms; i++)
        tasks[i].flag = live;

    rc = libxlDeviceModelStateTasksSave(tasks, saved->ndms);
    for (i = 0; i < saved->ndms && rc == 0; i++)
        libxlDeviceModelStateTake(&tasks[i]);

    return libxlDeviceModelStateTasksFree(tasks, saved->ndms) < 0 ? -1 : rc;
}


static int
libxlDeviceModelStateContinue(libxlDeviceModelStateTask *task,
                              libxlDeviceModelMonitor *mon)
{
    return libxlDeviceModelQMPCont(mon, task->deadline);
}


/* Whether it was the daemon that could not even ask. */
static bool
libxlDeviceModelStateIsShort(const virError *error)
{
    return error->code == VIR_ERR_SYSTEM_ERROR &&
        (error->int1 == EMFILE || error->int1 == ENFILE || error->int1 == EAGAIN ||
         error->int1 == ENOMEM || error->int1 == ENOBUFS);
}


/* Whether it may be killed since it does not go on, by what libxl_devicemodel_hang.h says of
 * those that hang: not for a disk that is slow, nor while somebody looks at it. */
static bool
libxlDeviceModelStateIsToBlame(const libxlDeviceModelStateTask *task)
{
    g_autofree char *folder = g_strdup_printf("/proc/%lld", (long long)task->dm->process.pid);
    libxlDeviceModelActivity activity;

    if (libxlDeviceModelStateIsShort(task->error) || !libxlDeviceModelHangIsWatched(task->dm))
        return false;

    /* the time was over for others before this one was asked */
    if (task->deadline - task->begin < task->total / 2)
        return false;

    /* what cannot be seen is no reason */
    return libxlDeviceModelActivityRead(folder, &activity) == 0 &&
        libxlDeviceModelActivityReadThreads(folder, &activity) == 0 &&
        !activity.waits && activity.state != 't';
}


/* Returns whether it has got a signal. */
static bool
libxlDeviceModelStateKill(const libxlDeviceModelStateTask *task)
{
    libxlDeviceModel *dm = task->dm;
    gint64 silence = g_get_monotonic_time() - task->begin;
    bool killed = false;

    VIR_ERROR(_("device model '%1$s' is killed, since it does not go on"), dm->name);
    if (task->error->code == VIR_ERR_OPERATION_TIMEOUT)
        killed = libxlDeviceModelKillHung(dm, silence / G_USEC_PER_SEC + 1);

    return libxlDeviceModelPrivilegeSignal(dm->uid, SIGKILL) >= 0 || killed;
}


/* The guest would wait for one that is stopped for ever.  The error stays with one that may go on
 * later. */
static void
libxlDeviceModelStateEnd(libxlDeviceModelStateTask *task)
{
    bool alive = task->dm->uid != 0 && libxlDeviceModelIsAlive(task->dm);

    if (!task->error || (alive && !libxlDeviceModelStateIsToBlame(task)))
        return;

    VIR_WARN("%s", task->error->message);
    if (alive && !libxlDeviceModelStateKill(task))
        return;

    g_clear_pointer(&task->error, virFreeError);
}


/**
 * libxlDeviceModelStatesContinue:
 * @dms: secondaries, stopped or not
 * @ndms: their number
 * @deadline: for all
 *
 * Those that do not are killed, unless it is for something else that they wait, or nobody is to
 * kill them.
 *
 * Returns 0 when all of them emulate, or are about to end; or -1 with an error that names the
 * device model, where one is stopped still: that can be attempted again.
 */
int
libxlDeviceModelStatesContinue(libxlDeviceModel **dms,
                               size_t ndms,
                               gint64 deadline)
{
    libxlDeviceModelStateTask *tasks = libxlDeviceModelStateTasksNew(dms, ndms, NULL, deadline);
    size_t i;

    libxlDeviceModelStateTasksRun(tasks, ndms, libxlDeviceModelStateContinue);
    for (i = 0; i < ndms; i++)
        libxlDeviceModelStateEnd(&tasks[i]);

    return libxlDeviceModelStateTasksFree(tasks, ndms);
}


/* QEMU loads the states of the machine's earlier versions, and of earlier QEMUs of the same
 * machine.  What libxl starts is an alias, which another QEMU may have for another machine; and
 * on Xen the state does not name its machine (xen_init in QEMU accel/xen/xen-all.c). */
static int
libxlDeviceModelStateCheckOrigin(libxlDeviceModelMonitor *mon,
                                 const libxlDeviceModelSaved *saved,
                                 gint64 deadline)
{
    g_autofree char *machine = NULL;
    unsigned int version[3];

    if (libxlDeviceModelQMPQueryVersion(mon, version, deadline) < 0 ||
        libxlDeviceModelQMPQueryMachine(mon, &machine, deadline) < 0 ||
        libxlDeviceModelSavedCheckVersion(saved, version) < 0)
        return -1;

    if (STRNEQ(machine, saved->machine)) {
        g_autofree char *quote = libxlDeviceModelQuote(machine);

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("the emulator of device model '%1$s' has machine '%2$s', and its state is of '%3$s'"),
                       saved->name, quote, saved->machine);
        return -1;
    }

    return 0;
}


/* Write what @fd takes of @saved, and close it after the last of it.  Who does not read any more
 * has ended, which is seen where it is asked. */
static void
libxlDeviceModelStateSend(const libxlDeviceModelSaved *saved,
                          size_t *sent,
                          int *fd)
{
    ssize_t rc = 1;

    while (*fd >= 0 && *sent < saved->nstate && rc > 0) {
        if ((rc = write(*fd, saved->state + *sent, saved->nstate - *sent)) > 0)
            *sent += rc;
    }

    if (*sent == saved->nstate)
        VIR_FORCE_CLOSE(*fd);
}


/* Returns 1 where the state was loaded, 0 where it is being loaded, -1 with an error. */
static int
libxlDeviceModelStateIsLoaded(libxlDeviceModelMonitor *mon,
                              gint64 deadline)
{
    g_autofree char *status = NULL;
    g_autofree char *quote = NULL;

    if (libxlDeviceModelQMPQueryStatus(mon, NULL, &status, deadline) < 0)
        return -1;

    if (STREQ(status, "paused"))
        return 1;

    if (STREQ(status, "inmigrate"))
        return 0;

    quote = libxlDeviceModelQuote(status);
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' is in state '%2$s', expected 'paused'"),
                   libxlDeviceModelMonitorGetName(mon), quote);
    return -1;
}


static int
libxlDeviceModelStateAwaitLoaded(libxlDeviceModelMonitor *mon,
                                 const libxlDeviceModelSaved *saved,
                                 size_t sent,
                                 int *fd,
                                 gint64 deadline)
{
    const gint64 pause = LIBXL_DEVICE_MODEL_STATE_LOAD_MS * 1000;
    int rc;

    libxlDeviceModelStateSend(saved, &sent, fd);
    while ((rc = libxlDeviceModelStateIsLoaded(mon, deadline)) == 0 &&
           g_get_monotonic_time() + pause < deadline) {
        g_usleep(pause);
        libxlDeviceModelStateSend(saved, &sent, fd);
    }

    /* one that does not answer in time has not loaded it, either */
    if (rc == 0 || (rc < 0 && virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT)) {
        virReportError(VIR_ERR_OPERATION_TIMEOUT,
                       _("device model '%1$s' has not loaded its state in time"),
                       saved->name);
        return -1;
    }

    return rc < 0 ? -1 : 0;
}


/**
 * libxlDeviceModelStateLoad:
 * @mon: monitor of a device model that waits for its state
 * @saved: that
 * @deadline: for all of it
 *
 * Returns 0 when it is stopped as the one was that the state is of, or -1 with an error.
 */
int
libxlDeviceModelStateLoad(libxlDeviceModelMonitor *mon,
                          const libxlDeviceModelSaved *saved,
                          gint64 deadline)
{
    size_t sent = 0;
    int fds[2];
    int rc;

    if (libxlDeviceModelStateCheckOrigin(mon, saved, deadline) < 0 ||
        virPipe(fds) < 0)
        return -1;

    if ((rc = virSetNonBlock(fds[1])) < 0) {
        virReportSystemError(errno, "%s", _("Unable to set non-blocking mode"));
    } else {
        libxlDeviceModelStateSend(saved, &sent, &fds[1]);
        rc = libxlDeviceModelQMPIncoming(mon, fds[0], deadline);
    }

    VIR_FORCE_CLOSE(fds[0]);
    if (rc == 0)
        rc = libxlDeviceModelStateAwaitLoaded(mon, saved, sent, &fds[1], deadline);

    VIR_FORCE_CLOSE(fds[1]);
    return rc;
}
