/*
 * libxl_devicemodel_process.c: the process of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libxl_devicemodel_process.h"

#include "libxl_devicemodel_limits.h"
#include "libxl_devicemodel_privilege.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virpidfile.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_process");

/* How long the processes are given to end by themselves, and then to be gone
 * once they were killed; both for all device models of a domain together. */
#define LIBXL_DEVICE_MODEL_TERM_MS (5 * 1000)
#define LIBXL_DEVICE_MODEL_KILL_MS (10 * 1000)

/* Of the command line of a primary, which has a few kilobytes. */
#define LIBXL_DEVICE_MODEL_CMDLINE_MAX (256 * 1024)

/* Of /proc/PID/status, which has two. */
#define LIBXL_DEVICE_MODEL_STATUS_MAX (64 * 1024)

/* P_PIDFD of Linux 5.4, which a libc may not know (glibc does since 2.36) */
#define LIBXL_DEVICE_MODEL_P_PIDFD 3

/* Of all device models: the kernel tells how a process ended to the first who asks,
 * and others may ask at the same time.  Held for no system call that waits, and no
 * other lock is taken inside. */
static virMutex libxlDeviceModelEndMutex = VIR_MUTEX_INITIALIZER;

VIR_ENUM_IMPL(libxlDeviceModelState,
              LIBXL_DEVICE_MODEL_STATE_LAST,
              "starting",
              "running",
              "failed",
              "ending",
              "ended",
);

static virClass *libxlDeviceModelClass;
static void libxlDeviceModelDispose(void *obj);


static int
libxlDeviceModelOnceInit(void)
{
    if (!VIR_CLASS_NEW(libxlDeviceModel, virClassForObjectLockable()))
        return -1;

    return 0;
}

VIR_ONCE_GLOBAL_INIT(libxlDeviceModel);


/**
 * libxlDeviceModelTimeLeft:
 * @deadline: in terms of g_get_monotonic_time
 *
 * Returns how many milliseconds are left until then.
 */
unsigned long long
libxlDeviceModelTimeLeft(gint64 deadline)
{
    gint64 left = deadline - g_get_monotonic_time();

    return left > 0 ? left / 1000 : 0;
}


/* Returns 0, or -1 with errno where there is no process with that pid. */
static int
libxlDeviceModelProcessOpen(libxlDeviceModelProcess *process,
                            pid_t pid)
{
    int pidfd = syscall(SYS_pidfd_open, pid, 0);

    if (pidfd < 0)
        return -1;

    process->pid = pid;
    process->pidfd = pidfd;
    process->end = LIBXL_DEVICE_MODEL_END_NONE;
    process->status = 0;
    process->ranOut = false;
    return 0;
}


static void
libxlDeviceModelProcessClose(libxlDeviceModelProcess *process)
{
    VIR_FORCE_CLOSE(process->pidfd);
    process->pid = -1;
}


/**
 * libxlDeviceModelProcessWait:
 * @process: a process, or none
 * @deadline: in terms of g_get_monotonic_time; one that has passed only asks
 *
 * Returns whether the process has ended by then, or was none.
 */
bool
libxlDeviceModelProcessWait(const libxlDeviceModelProcess *process,
                            gint64 deadline)
{
    struct pollfd pfd = { .fd = process->pidfd, .events = POLLIN };
    int rc;

    if (process->pidfd < 0)
        return true;

    while ((rc = poll(&pfd, 1, libxlDeviceModelTimeLeft(deadline))) < 0 &&
           errno == EINTR) {
    }

    return rc != 0;
}


/* Returns 0, or -1 with errno, ESRCH where the process has ended or was none. */
static int
libxlDeviceModelProcessSignal(const libxlDeviceModelProcess *process,
                              int sig)
{
    if (libxlDeviceModelProcessWait(process, 0)) {
        errno = ESRCH;
        return -1;
    }

    return syscall(SYS_pidfd_send_signal, process->pidfd, sig, NULL, 0);
}


/* See how a process ended that has, and leave no zombie of it.  That of another
 * daemon is init's to reap, and its pid may be that of another child by now, which a
 * pidfd tells from it.  Is called with libxlDeviceModelEndMutex. */
static void
libxlDeviceModelProcessReap(libxlDeviceModelProcess *process,
                            const char *cgroup)
{
    siginfo_t info = { 0 };
    int rc;

    if (process->end != LIBXL_DEVICE_MODEL_END_NONE || process->pidfd < 0 ||
        !libxlDeviceModelProcessWait(process, 0))
        return;

    while ((rc = waitid(LIBXL_DEVICE_MODEL_P_PIDFD, process->pidfd, &info,
                        WEXITED | WNOHANG)) < 0 &&
           errno == EINTR) {
    }

    if (rc < 0) {
        process->end = LIBXL_DEVICE_MODEL_END_UNKNOWN;
        return;
    }

    /* a tracer is told first, and until it has gone nobody else is */
    if (info.si_pid == 0)
        return;

    process->end = info.si_code == CLD_EXITED ? LIBXL_DEVICE_MODEL_END_EXITED
                                              : LIBXL_DEVICE_MODEL_END_KILLED;
    process->status = info.si_status;
    process->ranOut = process->end == LIBXL_DEVICE_MODEL_END_KILLED &&
        process->status == SIGKILL && libxlDeviceModelCgroupRanOut(cgroup);
}


/**
 * libxlDeviceModelNewEmpty:
 *
 * Returns a device model of which nothing is known, with one reference, which is the
 * caller's, or NULL with an error.
 */
libxlDeviceModel *
libxlDeviceModelNewEmpty(void)
{
    libxlDeviceModel *dm = NULL;

    if (libxlDeviceModelInitialize() < 0 ||
        !(dm = virObjectLockableNew(libxlDeviceModelClass)))
        return NULL;

    dm->process.pid = -1;
    dm->process.pidfd = -1;
    dm->watch = -1;
    return dm;
}


/**
 * libxlDeviceModelNew:
 * @stateDir: the driver's
 * @domid: id of the domain
 * @id: id of the device model
 * @name: its name
 *
 * Returns a device model that is starting, with one reference, which is the
 * caller's, or NULL with an error.
 */
libxlDeviceModel *
libxlDeviceModelNew(const char *stateDir,
                    unsigned int domid,
                    unsigned int id,
                    const char *name)
{
    libxlDeviceModel *dm = libxlDeviceModelNewEmpty();

    if (!dm)
        return NULL;

    dm->domid = domid;
    dm->id = id;
    dm->name = g_strdup(name);
    /* ids, not names: the path of a socket has to be short */
    dm->pidfile = g_strdup_printf("%s/devicemodel/%u-%u.pid", stateDir, domid, id);
    dm->socket = g_strdup_printf("%s/devicemodel/%u-%u.qmp", stateDir, domid, id);
    dm->registers = g_strdup_printf("%s/devicemodel/%u-%u.regs", stateDir, domid, id);
    dm->cgroup = libxlDeviceModelCgroupName(domid, id, name);

    return dm;
}


static void
libxlDeviceModelDispose(void *obj)
{
    libxlDeviceModel *dm = obj;

    VIR_WITH_MUTEX_LOCK_GUARD(&libxlDeviceModelEndMutex) {
        libxlDeviceModelProcessReap(&dm->process, dm->cgroup);
        libxlDeviceModelProcessClose(&dm->process);
    }
    g_free(dm->name);
    g_free(dm->pidfile);
    g_free(dm->socket);
    g_free(dm->registers);
    g_free(dm->cgroup);
    g_free(dm->taps);
}


/* Returns the command line of the process, of which nothing is left once it has ended;
 * NULL with an error where that is not known. */
static char **
libxlDeviceModelProcessGetArgs(const libxlDeviceModelProcess *process)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/cmdline", (long long)process->pid);
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) args = NULL;
    const char *arg;
    int len = virFileReadAllQuiet(path, LIBXL_DEVICE_MODEL_CMDLINE_MAX, &text);

    if (len < 0 && len != -ENOENT && len != -ESRCH) {
        virReportSystemError(-len, _("cannot read '%1$s'"), path);
        return NULL;
    }

    args = g_ptr_array_new();
    for (arg = text; len > 0 && arg < text + len; arg += strlen(arg) + 1)
        g_ptr_array_add(args, g_strdup(arg));
    g_ptr_array_add(args, NULL);

    return (char **)g_ptr_array_free(g_steal_pointer(&args), FALSE);
}


/* Returns whether the process is the emulator of a domain, as libxl starts it, which it
 * is not any more once it has ended; -1 with an error where that is not known. */
static int
libxlDeviceModelProcessServes(const libxlDeviceModelProcess *process,
                              unsigned int domid)
{
    g_autofree char *id = g_strdup_printf("%u", domid);
    g_auto(GStrv) args = libxlDeviceModelProcessGetArgs(process);
    size_t i;

    if (!args)
        return -1;

    for (i = 0; args[i]; i++) {
        if (STREQ(args[i], "-xen-domid"))
            return STREQ_NULLABLE(args[i + 1], id);
    }

    return 0;
}


/* Whether the process runs as this daemon does, as all that libxl starts for it. */
static bool
libxlDeviceModelProcessIsOwn(const libxlDeviceModelProcess *process)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/status", (long long)process->pid);
    g_autofree char *uids = g_strdup_printf("\nUid:\t%1$u\t%1$u\t%1$u\t%1$u\n",
                                            (unsigned int)geteuid());
    g_autofree char *text = NULL;

    return virFileReadAllQuiet(path, LIBXL_DEVICE_MODEL_STATUS_MAX, &text) >= 0 &&
        strstr(text, uids);
}


/* Files in /proc have the name of the pid, which is that of the same process from the
 * opening of the pidfd on for as long as the process lives. */
static int
libxlDeviceModelProcessReadEmulator(const libxlDeviceModelProcess *process,
                                    unsigned int domid,
                                    char **emulator)
{
    g_autofree char *id = g_strdup_printf("%u", domid);
    g_auto(GStrv) args = libxlDeviceModelProcessGetArgs(process);

    if (!args)
        return -1;

    if (!args[0] || !g_path_is_absolute(args[0]) ||
        STRNEQ_NULLABLE(args[1], "-xen-domid") || STRNEQ_NULLABLE(args[2], id) ||
        !libxlDeviceModelProcessIsOwn(process) ||
        libxlDeviceModelProcessWait(process, 0))
        return 0;

    *emulator = g_strdup(args[0]);
    return 1;
}


/**
 * libxlDeviceModelProcessGetEmulator:
 * @pid: of the process that libxl has started as a primary
 * @domid: id of the domain, whose guest has not run yet
 * @emulator: set to the path of its emulator, to be freed
 *
 * libxl tells nobody which emulator it takes where it is given none, but executes it with
 * its path in front and "-xen-domid" next to that (libxl__build_device_model_args_new in
 * Xen's tools/libs/light/libxl_dm.c).  Where a shell is in front, a script has not
 * executed the emulator in its own place, and is none for a secondary either.
 *
 * A process can write what it likes there, and root is going to execute the file that it
 * names.  So it is asked only while it is trusted as any emulator is until its machine is
 * built: libxl has executed a file of its own choice, and the guest, which has not run, has
 * said nothing to it.  That of a guest that runs must not be asked.  What else could have
 * taken the process over by then, the header of an image, say, would have nothing to gain:
 * the process has the rights of the daemon, which is made sure of, as it keeps all others
 * from being taken for it by a pid that was given again.
 *
 * Returns 1; 0 where the process has ended, is not that of the domain, or does not tell;
 * -1 with an error where it cannot be asked.
 */
int
libxlDeviceModelProcessGetEmulator(pid_t pid,
                                   unsigned int domid,
                                   char **emulator)
{
    libxlDeviceModelProcess process;
    int ret;

    if (libxlDeviceModelProcessOpen(&process, pid) < 0) {
        if (errno == ESRCH)
            return 0;

        virReportSystemError(errno, _("cannot open process %1$lld"), (long long)pid);
        return -1;
    }

    ret = libxlDeviceModelProcessReadEmulator(&process, domid, emulator);
    libxlDeviceModelProcessClose(&process);
    return ret;
}


/**
 * libxlDeviceModelNewPrimary:
 * @stateDir: the driver's
 * @domid: id of the domain
 * @name: of the device model
 * @pid: of the process that libxl has started
 *
 * The pid may be another's by now: the process is known by its command line, which is
 * looked at after the pidfd was opened.
 *
 * Returns the primary, which is running as far as the driver goes, with one reference,
 * which is the caller's; it has no process if that has ended.  NULL with an error where
 * that is not known.
 */
libxlDeviceModel *
libxlDeviceModelNewPrimary(const char *stateDir,
                           unsigned int domid,
                           const char *name,
                           pid_t pid)
{
    g_autoptr(libxlDeviceModel) dm = libxlDeviceModelNew(stateDir, domid, 0, name);
    int serves;

    if (!dm)
        return NULL;

    dm->state = LIBXL_DEVICE_MODEL_STATE_RUNNING;
    if (libxlDeviceModelProcessOpen(&dm->process, pid) < 0) {
        if (errno == ESRCH)
            return g_steal_pointer(&dm);

        virReportSystemError(errno, _("device model '%1$s': cannot watch process %2$lld"),
                             name, (long long)pid);
        return NULL;
    }

    if ((serves = libxlDeviceModelProcessServes(&dm->process, domid)) < 0)
        return NULL;

    if (serves == 0)
        libxlDeviceModelProcessClose(&dm->process);

    return g_steal_pointer(&dm);
}


/**
 * libxlDeviceModelSetState:
 * @dm: device model
 * @state: its state from now on
 *
 * A guest is not held for one that ends: what it has in Xen goes with the domain, and the next
 * one with this id may have a server of the same number.
 *
 * Waits until nobody frees the guest of the device model, which may take 200 ms.
 */
void
libxlDeviceModelSetState(libxlDeviceModel *dm,
                         libxlDeviceModelState state)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    dm->state = state;
    if (state == LIBXL_DEVICE_MODEL_STATE_ENDING)
        dm->held = LIBXL_DEVICE_MODEL_HELD_NO;
}


/**
 * libxlDeviceModelGetState:
 * @dm: device model
 *
 * Waits as libxlDeviceModelSetState does.  Returns its state.
 */
libxlDeviceModelState
libxlDeviceModelGetState(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    return dm->state;
}


/**
 * libxlDeviceModelHasServer:
 * @dm: device model
 *
 * Waits as libxlDeviceModelSetState does.  Returns whether its ioreq server is its own:
 * it runs, or the guest is held for it.
 */
bool
libxlDeviceModelHasServer(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    return dm->state == LIBXL_DEVICE_MODEL_STATE_RUNNING ||
        dm->held != LIBXL_DEVICE_MODEL_HELD_NO;
}


/**
 * libxlDeviceModelListFindRunning:
 * @dms: device models
 * @ndms: their number
 * @domid: id of a domain
 * @id: id of one of its device models
 *
 * What an earlier end left may have the same ids, but does not run.
 *
 * Returns the one that is running, whose reference stays the list's, or NULL.
 */
libxlDeviceModel *
libxlDeviceModelListFindRunning(libxlDeviceModel **dms,
                                size_t ndms,
                                unsigned int domid,
                                unsigned int id)
{
    size_t i;

    for (i = 0; i < ndms; i++) {
        if (dms[i]->domid == domid && dms[i]->id == id &&
            libxlDeviceModelGetState(dms[i]) == LIBXL_DEVICE_MODEL_STATE_RUNNING)
            return dms[i];
    }

    return NULL;
}


/**
 * libxlDeviceModelIdentify:
 * @dm: device model that this process is about to become
 *
 * Runs in the process that becomes the emulator: make the pid file, and lock it
 * for as long as the process lives.  The file of an earlier process is replaced,
 * so that nobody else has a lock on it.  A process loses its locks on a file as
 * soon as it closes the file once (fcntl(2)), so nothing opens it afterwards, and
 * the descriptor stays open over the execution.
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelIdentify(const libxlDeviceModel *dm)
{
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
    int fd;
    int rc;

    if ((rc = virPidFileDeletePath(dm->pidfile)) < 0 ||
        (rc = virPidFileWritePath(dm->pidfile, getpid())) < 0) {
        virReportSystemError(-rc, _("cannot write pid file '%1$s'"), dm->pidfile);
        return -1;
    }

    if ((fd = open(dm->pidfile, O_RDONLY | O_NOCTTY)) < 0 ||
        fcntl(fd, F_SETLK, &lock) < 0) {
        virReportSystemError(errno, _("cannot lock pid file '%1$s'"), dm->pidfile);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelOpen:
 * @dm: device model without a process
 * @pid: child of this process that nobody has reaped, which keeps its pid its own
 *
 * Know the child as the process of the device model.
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelOpen(libxlDeviceModel *dm,
                     pid_t pid)
{
    if (libxlDeviceModelProcessOpen(&dm->process, pid) == 0)
        return 0;

    virReportSystemError(errno,
                         _("cannot open process %1$lld"), (long long)pid);
    return -1;
}


/* Sets @pid to that of the process that holds the lock on the pid file, or to 0.  Returns 0, or
 * -1 with errno where that is not known. */
static int
libxlDeviceModelPidFileOwner(const libxlDeviceModel *dm,
                             pid_t *pid)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
    VIR_AUTOCLOSE fd = open(dm->pidfile, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    *pid = 0;
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -1;

    if (fcntl(fd, F_GETLK, &lock) < 0)
        return -1;

    if (lock.l_type != F_UNLCK)
        *pid = lock.l_pid;

    return 0;
}


/* Returns as libxlDeviceModelReopen does, but with errno. */
static int
libxlDeviceModelProcessFind(libxlDeviceModelProcess *process,
                            const libxlDeviceModel *dm)
{
    pid_t pid;
    pid_t owner;
    int rc;

    if (libxlDeviceModelPidFileOwner(dm, &pid) < 0)
        return -1;

    if (pid <= 0)
        return 0;

    if (libxlDeviceModelProcessOpen(process, pid) < 0)
        return errno == ESRCH ? 0 : -1;

    if ((rc = libxlDeviceModelPidFileOwner(dm, &owner)) == 0 && owner == pid)
        return 1;

    libxlDeviceModelProcessClose(process);
    return rc;
}


/**
 * libxlDeviceModelReopen:
 * @dm: device model that has its names, from a status file
 *
 * Find the process again.  It is known by the lock that it holds on its pid
 * file since before it was executed; the lock is looked at after the pidfd was
 * opened, so that the pidfd cannot be that of a stranger with a recycled pid.
 * Who holds the lock is asked of the kernel, which tells it of any lock to who
 * would write: a file can outlive its process, and then has a stranger's pid.
 *
 * Returns 1 where there is such a process still, 0 where there is none, or -1 with an error
 * where that is not known, as where the daemon has no file left: it is taken for alive until
 * this is called again.
 */
int
libxlDeviceModelReopen(libxlDeviceModel *dm)
{
    libxlDeviceModelProcess process;
    int found = libxlDeviceModelProcessFind(&process, dm);

    dm->unknown = found < 0;
    if (found < 0)
        virReportSystemError(errno,
                             _("cannot find out whether the process of device model '%1$s' lives"),
                             dm->name);

    if (found > 0) {
        libxlDeviceModelProcessClose(&dm->process);
        dm->process = process;
    }

    return found;
}


/**
 * libxlDeviceModelIsAlive:
 * @dm: device model
 *
 * Returns whether there is a process, or may be one that is not found yet.  Never waits.
 */
bool
libxlDeviceModelIsAlive(const libxlDeviceModel *dm)
{
    return dm->unknown || !libxlDeviceModelProcessWait(&dm->process, 0);
}


/**
 * libxlDeviceModelKillHung:
 * @dm: device model that hangs
 * @seconds: for how long it did
 *
 * Kill its process, and remember why for libxlDeviceModelDescribeEnd.  Neither waits nor
 * needs a lock.
 *
 * Returns whether the signal was sent; sets errno where it was not, ESRCH if the process
 * has ended.
 */
bool
libxlDeviceModelKillHung(libxlDeviceModel *dm,
                         unsigned int seconds)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&libxlDeviceModelEndMutex);

    if (libxlDeviceModelProcessSignal(&dm->process, SIGKILL) < 0)
        return false;

    dm->hung = seconds;
    return true;
}


/**
 * libxlDeviceModelDescribeEnd:
 * @dm: device model whose process has ended
 *
 * Say how the process ended, and reap it, if nobody has yet.  May be called any number
 * of times, by any thread, whatever locks it has, while it has a reference; also once
 * libxlDeviceModelEndAll has been called.  Never waits.
 *
 * Returns words for an administrator, none of them the process's, to be freed by the
 * caller; NULL where the process lives.
 */
char *
libxlDeviceModelDescribeEnd(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&libxlDeviceModelEndMutex);
    libxlDeviceModelProcess *process = &dm->process;

    if (libxlDeviceModelIsAlive(dm))
        return NULL;

    libxlDeviceModelProcessReap(process, dm->cgroup);

    if (dm->hung > 0)
        return g_strdup_printf(_("hung for %1$u s"), dm->hung);

    switch (process->end) {
    case LIBXL_DEVICE_MODEL_END_NONE:
        if (process->pidfd >= 0)
            break;
        return g_strdup(_("ended while no daemon was running"));

    case LIBXL_DEVICE_MODEL_END_EXITED:
        return g_strdup_printf(_("exited with status %1$d"), process->status);

    case LIBXL_DEVICE_MODEL_END_KILLED:
        if (process->ranOut)
            return g_strdup(_("killed by the host for want of memory"));
        return g_strdup_printf(_("killed by signal %1$d (%2$s)"), process->status,
                               g_strsignal(process->status));

    case LIBXL_DEVICE_MODEL_END_UNKNOWN:
        break;
    }

    return g_strdup(_("ended, nobody knows why"));
}


static void
libxlDeviceModelSignalAll(libxlDeviceModel **dms,
                          size_t ndms,
                          int sig)
{
    size_t i;

    for (i = 0; i < ndms; i++) {
        if (libxlDeviceModelProcessSignal(&dms[i]->process, sig) < 0 && errno != ESRCH)
            VIR_WARN("cannot send signal %d to device model '%s' with pid %lld: %s",
                     sig, dms[i]->name, (long long)dms[i]->process.pid,
                     g_strerror(errno));
    }
}


static void
libxlDeviceModelWaitAll(libxlDeviceModel **dms,
                        size_t ndms,
                        gint64 deadline)
{
    size_t i;

    for (i = 0; i < ndms; i++)
        libxlDeviceModelProcessWait(&dms[i]->process, deadline);
}


/* A zombie has the uid, too, until it is reaped, which its tracer may have put off.  A
 * program that is executed around the emulator is root's: the cgroup has what is left of
 * it.  The cgroup is removed once there is nothing in it.
 *
 * Returns whether there was anything to kill, or -1 with an error. */
static int
libxlDeviceModelKillOnce(libxlDeviceModel *dm)
{
    int grouped;
    int owned;

    VIR_WITH_MUTEX_LOCK_GUARD(&libxlDeviceModelEndMutex) {
        libxlDeviceModelProcessReap(&dm->process, dm->cgroup);
    }

    grouped = libxlDeviceModelCgroupEnd(dm->cgroup);
    owned = libxlDeviceModelPrivilegeSignal(dm->uid, SIGKILL);
    if (grouped < 0 || owned < 0)
        return -1;

    return grouped || owned;
}


/**
 * libxlDeviceModelKillAll:
 * @dm: device model whose process has ended
 * @deadline: in terms of g_get_monotonic_time
 *
 * Kill whatever else runs under its uid or in its cgroup, and wait until it is gone: an
 * intruder may have left processes, or made the first of them untraceable by giving the
 * lock of the pid file up.  An error that is set stays.  No domain may be locked.
 *
 * Returns whether nothing is left.
 */
bool
libxlDeviceModelKillAll(libxlDeviceModel *dm,
                        gint64 deadline)
{
    virErrorPtr save_err;
    int rc;

    /* one that was never started */
    if (dm->uid == 0)
        return true;

    virErrorPreserveLast(&save_err);
    while ((rc = libxlDeviceModelKillOnce(dm)) > 0 &&
           libxlDeviceModelTimeLeft(deadline) > 0)
        g_usleep(10 * 1000);
    virErrorRestore(&save_err);

    return rc == 0;
}


/* Returns whether the file is gone. */
static bool
libxlDeviceModelRemoveFile(const libxlDeviceModel *dm,
                           const char *path)
{
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return true;

    VIR_ERROR(_("cannot remove file '%1$s' of device model '%2$s': %3$s"),
              path, dm->name, g_strerror(errno));
    return false;
}


/* Returns whether nothing runs for the device model any more. */
static bool
libxlDeviceModelReap(libxlDeviceModel *dm,
                     gint64 deadline)
{
    if (libxlDeviceModelIsAlive(dm))
        return false;

    if (!libxlDeviceModelKillAll(dm, deadline))
        return false;

    VIR_WITH_MUTEX_LOCK_GUARD(&libxlDeviceModelEndMutex) {
        libxlDeviceModelProcessReap(&dm->process, dm->cgroup);
        libxlDeviceModelProcessClose(&dm->process);
    }

    dm->uid = 0;
    libxlDeviceModelSetState(dm, LIBXL_DEVICE_MODEL_STATE_ENDED);
    return true;
}


/* One that is not found is ended by its uid and in its cgroup. */
static void
libxlDeviceModelReopenLast(libxlDeviceModel *dm)
{
    virErrorPtr save_err;

    virErrorPreserveLast(&save_err);
    if (libxlDeviceModelReopen(dm) < 0) {
        VIR_WARN("%s", virGetLastErrorMessage());
        virResetLastError();
    }
    dm->unknown = false;
    virErrorRestore(&save_err);
}


/**
 * libxlDeviceModelEndAll:
 * @dms: device models, in any state
 * @ndms: their number
 *
 * End the processes of all device models together, first by SIGTERM, which lets
 * QEMU give its ioreq server back to Xen, then by SIGKILL with whatever else runs
 * under their uids or in their cgroups.  What fails is logged, the rest goes on; an error
 * that is set stays.  No domain may be locked.  May be called again.
 */
void
libxlDeviceModelEndAll(libxlDeviceModel **dms,
                       size_t ndms)
{
    gint64 deadline;
    size_t i;

    for (i = 0; i < ndms; i++) {
        libxlDeviceModelSetState(dms[i], LIBXL_DEVICE_MODEL_STATE_ENDING);
        if (dms[i]->process.pidfd < 0)
            libxlDeviceModelReopenLast(dms[i]);
    }

    libxlDeviceModelSignalAll(dms, ndms, SIGTERM);
    libxlDeviceModelWaitAll(dms, ndms,
                            g_get_monotonic_time() + LIBXL_DEVICE_MODEL_TERM_MS * 1000);
    libxlDeviceModelSignalAll(dms, ndms, SIGKILL);
    deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_KILL_MS * 1000;
    libxlDeviceModelWaitAll(dms, ndms, deadline);

    for (i = 0; i < ndms; i++) {
        if (!libxlDeviceModelReap(dms[i], deadline))
            VIR_ERROR(_("device model '%1$s' with pid %2$lld of domain %3$u did not end when it was killed"),
                      dms[i]->name, (long long)dms[i]->process.pid, dms[i]->domid);
    }
}


/* A domain that is reset starts another process under the same uid, once its device
 * models have ended: from then on nothing is killed here.  Returns as
 * libxlDeviceModelKillOnce does, 0 for one that is not failed any more. */
static int
libxlDeviceModelSignalRest(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    if (dm->state != LIBXL_DEVICE_MODEL_STATE_FAILED || dm->uid == 0)
        return 0;

    return libxlDeviceModelKillOnce(dm);
}


/**
 * libxlDeviceModelKillRest:
 * @dm: device model that has failed
 *
 * Kill whatever else runs under its uid or in its cgroup, and wait until it is gone, for a
 * while; whoever ends the device model meanwhile does the same.  No domain may be locked.
 *
 * Returns whether nothing runs any more; an error may be set where something does.
 */
bool
libxlDeviceModelKillRest(libxlDeviceModel *dm)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_KILL_MS * 1000;
    int rc;

    while ((rc = libxlDeviceModelSignalRest(dm)) > 0 &&
           libxlDeviceModelTimeLeft(deadline) > 0)
        g_usleep(10 * 1000);

    return rc == 0;
}


/**
 * libxlDeviceModelHasEnded:
 * @dm: device model
 *
 * Returns whether libxlDeviceModelEndAll has found nothing that runs for it any
 * more.
 */
bool
libxlDeviceModelHasEnded(libxlDeviceModel *dm)
{
    return libxlDeviceModelGetState(dm) == LIBXL_DEVICE_MODEL_STATE_ENDED;
}


/**
 * libxlDeviceModelRemoveFiles:
 * @dm: device model that has ended
 *
 * Remove its socket, what it has remembered, and the pid file, by which a process that
 * still ran would be known.  What fails is logged.
 *
 * Returns whether all are gone.
 */
bool
libxlDeviceModelRemoveFiles(const libxlDeviceModel *dm)
{
    bool gone = libxlDeviceModelRemoveFile(dm, dm->socket);

    if (dm->registers)
        gone = libxlDeviceModelRemoveFile(dm, dm->registers) && gone;

    return libxlDeviceModelRemoveFile(dm, dm->pidfile) && gone;
}
