/*
 * libxl_devicemodel_process.c: the process of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "libxl_devicemodel_process.h"

#include "configmake.h"
#include "libxl_devicemodel_alias.h"
#include "libxl_devicemodel_command.h"
#include "libxl_devicemodel_monitor.h"
#include "libxl_devicemodel_privilege.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virstring.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_process");

/* How long the processes are given to end by themselves, and then to be gone
 * once they were killed; both for all device models of a domain together. */
#define LIBXL_DEVICE_MODEL_TERM_MS (5 * 1000)
#define LIBXL_DEVICE_MODEL_KILL_MS (10 * 1000)

/* How much of a log is quoted when a device model exits while it starts. */
#define LIBXL_DEVICE_MODEL_LOG_MAX 1024


libxlDeviceModel *
libxlDeviceModelNew(const char *stateDir,
                    unsigned int domid,
                    unsigned int id,
                    const char *name)
{
    libxlDeviceModel *dm = g_new0(libxlDeviceModel, 1);

    dm->domid = domid;
    dm->id = id;
    dm->name = g_strdup(name);
    /* ids, not names: the path of a socket has to be short */
    dm->pidfile = g_strdup_printf("%s/devicemodel/%u-%u.pid", stateDir, domid, id);
    dm->socket = g_strdup_printf("%s/devicemodel/%u-%u.qmp", stateDir, domid, id);
    dm->pid = -1;
    dm->pidfd = -1;
    dm->scopefd = -1;

    return dm;
}


void
libxlDeviceModelFree(libxlDeviceModel *dm)
{
    size_t i;

    if (!dm)
        return;

    for (i = 0; i < G_N_ELEMENTS(dm->ttys); i++)
        g_free(dm->ttys[i]);

    VIR_FORCE_CLOSE(dm->pidfd);
    VIR_FORCE_CLOSE(dm->scopefd);
    g_free(dm->name);
    g_free(dm->pidfile);
    g_free(dm->socket);
    g_free(dm);
}


/* Forgets the device models; their processes are left alone. */
void
libxlDeviceModelListFree(libxlDeviceModel **dms,
                         size_t ndms)
{
    size_t i;

    for (i = 0; i < ndms; i++)
        libxlDeviceModelFree(dms[i]);
    g_free(dms);
}


/* Returns the pid of the process that holds the lock on the pid file, 0 if
 * there is none. */
static pid_t
libxlDeviceModelPidFileOwner(const libxlDeviceModel *dm)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
    VIR_AUTOCLOSE fd = open(dm->pidfile, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return 0;

    return lock.l_pid;
}


/**
 * libxlDeviceModelReopen:
 * @dm: device model that has its names, from a status file
 *
 * Find the process again.  It is known by the lock that it holds on its pid
 * file since before it was executed; the lock is looked at after the pidfd was
 * opened, so that the pidfd cannot be that of a stranger with a recycled pid.
 * Who holds the lock is asked of the kernel: the process has the file open and
 * can write whatever pid it likes into it.
 *
 * Returns 0, or -1 without an error where there is no such process any more.
 */
int
libxlDeviceModelReopen(libxlDeviceModel *dm)
{
    pid_t pid = libxlDeviceModelPidFileOwner(dm);
    VIR_AUTOCLOSE pidfd = -1;

    if (pid <= 0)
        return -1;

    pidfd = syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0 || libxlDeviceModelPidFileOwner(dm) != pid)
        return -1;

    VIR_FORCE_CLOSE(dm->pidfd);
    dm->pid = pid;
    dm->pidfd = pidfd;
    pidfd = -1;
    return 0;
}


/**
 * libxlDeviceModelIsAlive:
 * @dm: device model
 *
 * Returns whether there is a process.  Never waits.
 */
bool
libxlDeviceModelIsAlive(const libxlDeviceModel *dm)
{
    struct pollfd pfd = { .fd = dm->pidfd, .events = POLLIN };

    return dm->pidfd >= 0 && poll(&pfd, 1, 0) == 0;
}


/* The socket listens before the process starts, so that connecting to it never
 * races with the process. */
static int
libxlDeviceModelOpenSocket(const libxlDeviceModel *dm)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd;

    if (virStrcpyStatic(addr.sun_path, dm->socket) < 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': path '%2$s' of its monitor socket is longer than %3$zu bytes"),
                       dm->name, dm->socket, sizeof(addr.sun_path) - 1);
        return -1;
    }

    if (unlink(dm->socket) < 0 && errno != ENOENT) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot remove stale socket '%2$s'"),
                             dm->name, dm->socket);
        return -1;
    }

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        chmod(dm->socket, 0600) < 0 ||
        listen(fd, 1) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot listen on monitor socket '%2$s'"),
                             dm->name, dm->socket);
        VIR_FORCE_CLOSE(fd);
        return -1;
    }

    return fd;
}


static int
libxlDeviceModelOpenScope(libxlDeviceModel *dm,
                          int *theirs)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot create a socket for the scope library"),
                             dm->name);
        return -1;
    }

    dm->scopefd = fds[0];
    *theirs = fds[1];
    return 0;
}


static char *
libxlDeviceModelScopeLibrary(void)
{
    return virFileFindResource("libvirt-devicemodel-scope.so",
                               abs_top_builddir "/../..",
                               LIBDIR "/libvirt");
}


/* Report that the process ended, with what it said of it. */
static void
libxlDeviceModelReportExited(const libxlDeviceModel *dm,
                             domainLogContext *log)
{
    g_autofree char *tail = NULL;

    if (domainLogContextReadFiltered(log, &tail, LIBXL_DEVICE_MODEL_LOG_MAX) < 0 ||
        virStringIsEmpty(tail)) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s' exited while it started"),
                       dm->name);
        return;
    }

    virReportError(VIR_ERR_INTERNAL_ERROR,
                   _("device model '%1$s' exited while it started: %2$s"),
                   dm->name, tail);
}


static int
libxlDeviceModelExecute(const libxlDeviceModel *dm,
                        virCommand *cmd,
                        domainLogContext *log)
{
    g_autofree char *cmdline = virCommandToString(cmd, false);
    int logfd = domainLogContextGetWriteFD(log);

    if (!cmdline || domainLogContextWrite(log, "%s\n", cmdline) < 0)
        return -1;

    /* from here on a reader of the log sees what the process says */
    domainLogContextMarkPosition(log);

    virCommandSetOutputFD(cmd, &logfd);
    virCommandSetErrorFD(cmd, &logfd);
    virCommandSetPidFile(cmd, dm->pidfile);
    virCommandSetUmask(cmd, 0077);
    virCommandDaemonize(cmd);

    return virCommandRun(cmd, NULL);
}


static int
libxlDeviceModelRun(libxlDeviceModel *dm,
                    virCommand *cmd,
                    domainLogContext *log)
{
    if (libxlDeviceModelExecute(dm, cmd, log) < 0) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), dm->name);
        return -1;
    }

    if (libxlDeviceModelReopen(dm) < 0) {
        libxlDeviceModelReportExited(dm, log);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelSpawn:
 * @dm: new device model
 * @config: its configuration
 * @privilege: what it becomes, prepared
 * @fds: what its devices need opened; taken, and set to -1
 * @log: its log, to which the command line and all output go
 *
 * Start the process.  It is not waited for.
 *
 * Returns 0, or -1 with an error that names the device model; whatever was
 * started is then left for libxlDeviceModelStopAll.
 */
int
libxlDeviceModelSpawn(libxlDeviceModel *dm,
                      const libxlDeviceModelConfig *config,
                      const libxlDeviceModelPrivilege *privilege,
                      libxlDeviceModelFDs *fds,
                      domainLogContext *log)
{
    g_autofree char *library = libxlDeviceModelScopeLibrary();
    g_autofree char *folder = g_path_get_dirname(dm->socket);
    g_autoptr(virCommand) cmd = NULL;

    if (!virFileExists(library)) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s': scope library '%2$s' does not exist"),
                       dm->name, library);
        return -1;
    }

    if (g_mkdir_with_parents(folder, 0700) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot create folder '%2$s'"),
                             dm->name, folder);
        return -1;
    }

    if ((fds->monitor = libxlDeviceModelOpenSocket(dm)) < 0 ||
        libxlDeviceModelOpenScope(dm, &fds->scope) < 0)
        return -1;

    /* brings the priority of this file's messages up to date */
    VIR_DEBUG("starting device model '%s' of domain %u", dm->name, dm->domid);

    if (!(cmd = libxlDeviceModelCommandNew(config, fds, library,
                                           virLogSelf.priority <= VIR_LOG_DEBUG)))
        return -1;

    libxlDeviceModelPrivilegeApply(privilege, cmd);
    return libxlDeviceModelRun(dm, cmd, log);
}


static unsigned long long
libxlDeviceModelTimeLeft(gint64 deadline)
{
    gint64 left = deadline - g_get_monotonic_time();

    return left > 0 ? left / 1000 : 0;
}


/* Say why a device model did not become ready.  The error that is set is the
 * monitor's view; that the process ended explains it. */
static void
libxlDeviceModelExplain(const libxlDeviceModel *dm,
                        domainLogContext *log)
{
    struct pollfd pfd = { .fd = dm->pidfd, .events = POLLIN };

    /* a process that closed its socket may take a moment to end */
    if (virGetLastErrorCode() != VIR_ERR_OPERATION_TIMEOUT &&
        poll(&pfd, 1, 1000) > 0)
        libxlDeviceModelReportExited(dm, log);
}


/* QEMU greets from a thread of its own, but replies to commands only once the
 * machine is built.  The library reports while it is, so after a reply a report
 * that is not there never comes. */
static int
libxlDeviceModelCheckScope(libxlDeviceModel *dm,
                           const char *emulator)
{
    char report[1024];
    ssize_t len = recv(dm->scopefd, report, sizeof(report) - 1, MSG_DONTWAIT);
    const char *line;

    report[len > 0 ? len : 0] = '\0';

    if (!STRPREFIX(report, "scope 1 ")) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s' runs without the scope library: emulator '%2$s', or a security policy for it, drops LD_PRELOAD"),
                       dm->name, emulator);
        return -1;
    }

    if (!(line = strstr(report, "\nioreq-server ")) ||
        virStrToLong_ui(line + strlen("\nioreq-server "), (char **)&line, 10,
                        &dm->ioservid) < 0 ||
        *line != '\n') {
        g_strchomp(report);
        line = strrchr(report, '\n');
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s' got no ioreq server from Xen: '%2$s'"),
                       dm->name, line ? line + 1 : report);
        return -1;
    }

    return 0;
}


/* Tell the scope library that the board is complete: what is registered from
 * now on are the BARs of the claimed PCI functions. */
static int
libxlDeviceModelSeal(libxlDeviceModel *dm)
{
    static const char seal[] = "seal\n";

    if (send(dm->scopefd, seal, strlen(seal), MSG_NOSIGNAL) != strlen(seal)) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot seal its scope"),
                             dm->name);
        return -1;
    }

    VIR_FORCE_CLOSE(dm->scopefd);
    return 0;
}


static int
libxlDeviceModelCheckRunning(const libxlDeviceModel *dm,
                             libxlDeviceModelMonitor *mon,
                             gint64 deadline)
{
    g_autofree char *status = NULL;
    bool running = false;

    if (libxlDeviceModelMonitorQueryStatus(mon, &running, &status,
                                           libxlDeviceModelTimeLeft(deadline)) < 0)
        return -1;

    if (!running) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s' is in state '%2$s', expected 'running'"),
                       dm->name, status);
        return -1;
    }

    return 0;
}


static int
libxlDeviceModelSetLinks(const libxlDeviceModelConfig *config,
                         libxlDeviceModelMonitor *mon,
                         gint64 deadline)
{
    size_t i;

    for (i = 0; i < config->nnics; i++) {
        g_autofree char *id = libxlDeviceModelAliasNIC(config->nics[i].idx);

        if (config->nics[i].down &&
            libxlDeviceModelMonitorSetLink(mon, id, false,
                                           libxlDeviceModelTimeLeft(deadline)) < 0)
            return -1;
    }

    return 0;
}


static int
libxlDeviceModelFindTTYs(libxlDeviceModel *dm,
                         const libxlDeviceModelConfig *config,
                         libxlDeviceModelMonitor *mon,
                         gint64 deadline)
{
    size_t i;

    for (i = 0; i < config->nserials; i++) {
        g_autofree char *label = libxlDeviceModelAliasTerminal(config->serials[i].idx);

        if (config->serials[i].type == VIR_DOMAIN_CHR_TYPE_PTY &&
            libxlDeviceModelMonitorQueryPTY(mon, label, &dm->ttys[config->serials[i].idx],
                                            libxlDeviceModelTimeLeft(deadline)) < 0)
            return -1;
    }

    return 0;
}


static int
libxlDeviceModelCheckPrivilege(const libxlDeviceModel *dm,
                               const libxlDeviceModelPrivilege *privilege)
{
    g_autofree char *proc = g_strdup_printf("/proc/%lld", (long long)dm->pid);

    return libxlDeviceModelPrivilegeCheck(privilege, dm->name, proc);
}


/**
 * libxlDeviceModelAwait:
 * @dm: spawned device model
 * @config: its configuration
 * @privilege: what it was to become
 * @log: its log
 * @deadline: in terms of g_get_monotonic_time
 *
 * Wait until the device model is ready, make sure that the scope library is in
 * the process, that Xen gave it an ioreq server (QEMU only warns when Xen
 * refuses one, xen_hvm_init_pc in hw/i386/xen/xen-hvm.c) and that it has no
 * privilege left, and let it serve its devices.  No domain may be locked.
 *
 * Returns 0, or -1 with an error that names the device model and tells one that
 * exited (VIR_ERR_INTERNAL_ERROR) from one that is late
 * (VIR_ERR_OPERATION_TIMEOUT).
 */
int
libxlDeviceModelAwait(libxlDeviceModel *dm,
                      const libxlDeviceModelConfig *config,
                      const libxlDeviceModelPrivilege *privilege,
                      domainLogContext *log,
                      gint64 deadline)
{
    g_autoptr(libxlDeviceModelMonitor) mon = NULL;

    if (!(mon = libxlDeviceModelMonitorConnect(dm->name, dm->socket)) ||
        libxlDeviceModelMonitorHandshake(mon, libxlDeviceModelTimeLeft(deadline)) < 0) {
        libxlDeviceModelExplain(dm, log);
        return -1;
    }

    if (libxlDeviceModelCheckScope(dm, config->emulator) < 0 ||
        libxlDeviceModelCheckPrivilege(dm, privilege) < 0 ||
        libxlDeviceModelSeal(dm) < 0)
        return -1;

    if (libxlDeviceModelSetLinks(config, mon, deadline) < 0 ||
        libxlDeviceModelMonitorCont(mon, libxlDeviceModelTimeLeft(deadline)) < 0 ||
        libxlDeviceModelCheckRunning(dm, mon, deadline) < 0 ||
        libxlDeviceModelFindTTYs(dm, config, mon, deadline) < 0) {
        libxlDeviceModelExplain(dm, log);
        return -1;
    }

    return 0;
}


static void
libxlDeviceModelSignalAll(libxlDeviceModel **dms,
                          size_t ndms,
                          int sig)
{
    size_t i;

    for (i = 0; i < ndms; i++) {
        if (!libxlDeviceModelIsAlive(dms[i]))
            continue;

        if (syscall(SYS_pidfd_send_signal, dms[i]->pidfd, sig, NULL, 0) < 0 &&
            errno != ESRCH)
            VIR_WARN("cannot send signal %d to device model '%s' with pid %lld: %s",
                     sig, dms[i]->name, (long long)dms[i]->pid,
                     g_strerror(errno));
    }
}


static void
libxlDeviceModelWaitAll(libxlDeviceModel **dms,
                        size_t ndms,
                        gint64 deadline)
{
    size_t i;

    for (i = 0; i < ndms; i++) {
        struct pollfd pfd = { .fd = dms[i]->pidfd, .events = POLLIN };

        if (dms[i]->pidfd < 0)
            continue;

        while (poll(&pfd, 1, libxlDeviceModelTimeLeft(deadline)) < 0 &&
               errno == EINTR) {
        }
    }
}


/* An intruder may have left processes, or made the first of them untraceable by
 * giving the lock of the pid file up.  Returns whether none is left. */
static bool
libxlDeviceModelKillAll(const libxlDeviceModel *dm,
                        gint64 deadline)
{
    virErrorPtr save_err;
    int rc;

    /* one that was never started */
    if (dm->uid == 0)
        return true;

    virErrorPreserveLast(&save_err);
    while ((rc = libxlDeviceModelPrivilegeSignal(dm->uid, dm->id, SIGKILL)) > 0 &&
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


/* Returns whether nothing is left of the device model. */
static bool
libxlDeviceModelRemove(libxlDeviceModel *dm,
                       gint64 deadline)
{
    bool gone;

    if (libxlDeviceModelIsAlive(dm) || !libxlDeviceModelKillAll(dm, deadline)) {
        VIR_ERROR(_("device model '%1$s' with pid %2$lld of domain %3$u did not end when it was killed"),
                  dm->name, (long long)dm->pid, dm->domid);
        return false;
    }

    VIR_FORCE_CLOSE(dm->pidfd);
    VIR_FORCE_CLOSE(dm->scopefd);
    dm->pid = -1;

    gone = libxlDeviceModelRemoveFile(dm, dm->socket);
    return libxlDeviceModelRemoveFile(dm, dm->pidfile) && gone;
}


/**
 * libxlDeviceModelStopAll:
 * @dms: device models, in any state
 * @ndms: their number
 *
 * End the processes of all device models together, first by SIGTERM, which lets
 * QEMU give its ioreq server back to Xen, then by SIGKILL with whatever else runs
 * under their uids, and remove their files.  What fails is logged, the rest goes on; an error that is set stays.
 * No domain may be locked.  May be called again for what is left.
 *
 * Returns how many are left; these are moved to the front of @dms.  All others
 * are freed.
 */
size_t
libxlDeviceModelStopAll(libxlDeviceModel **dms,
                        size_t ndms)
{
    gint64 deadline;
    size_t left = 0;
    size_t i;

    for (i = 0; i < ndms; i++) {
        if (dms[i]->pidfd < 0)
            ignore_value(libxlDeviceModelReopen(dms[i]));
    }

    libxlDeviceModelSignalAll(dms, ndms, SIGTERM);
    libxlDeviceModelWaitAll(dms, ndms,
                            g_get_monotonic_time() + LIBXL_DEVICE_MODEL_TERM_MS * 1000);
    libxlDeviceModelSignalAll(dms, ndms, SIGKILL);
    deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_KILL_MS * 1000;
    libxlDeviceModelWaitAll(dms, ndms, deadline);

    for (i = 0; i < ndms; i++) {
        if (libxlDeviceModelRemove(dms[i], deadline))
            libxlDeviceModelFree(dms[i]);
        else
            dms[left++] = dms[i];
    }

    return left;
}
