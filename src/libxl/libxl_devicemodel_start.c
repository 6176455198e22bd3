/*
 * libxl_devicemodel_start.c: a secondary is started
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libxl_devicemodel_start.h"

#include "configmake.h"
#include "libxl_devicemodel_alias.h"
#include "libxl_devicemodel_command.h"
#include "libxl_devicemodel_disk.h"
#include "libxl_devicemodel_emulator.h"
#include "libxl_devicemodel_monitor.h"
#include "libxl_devicemodel_qmp.h"
#include "libxl_devicemodel_quote.h"
#include "libxl_devicemodel_registers_file.h"
#include "libxl_devicemodel_replay.h"
#include "libxl_devicemodel_scope_protocol.h"
#include "libxl_devicemodel_serial.h"
#include "libxl_devicemodel_state.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virstring.h"
#include "virtime.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_start");

/* How much of a log is quoted when a device model exits while it starts. */
#define LIBXL_DEVICE_MODEL_LOG_MAX 1024

/* A process that closed its monitor connection may take a moment to end, and so may what
 * it has left, once that is killed. */
#define LIBXL_DEVICE_MODEL_EXIT_MS 1000


/**
 * libxlDeviceModelStartingNew:
 * @dm: new device model
 * @dmdef: its definition, which has to outlive what is returned
 * @config: its configuration; taken
 * @privilege: what it becomes; taken
 * @limits: what an administrator says of what it may take
 *
 * Returns a start that has not begun, with nothing open and no log, to be freed
 * by the caller.
 */
libxlDeviceModelStarting *
libxlDeviceModelStartingNew(libxlDeviceModel *dm,
                            virDomainDeviceModelDef *dmdef,
                            libxlDeviceModelConfig *config,
                            libxlDeviceModelPrivilege *privilege,
                            const libxlDeviceModelLimitsConf *limits)
{
    libxlDeviceModelStarting *starting = g_new0(libxlDeviceModelStarting, 1);

    starting->dm = virObjectRef(dm);
    starting->dmdef = dmdef;
    starting->config = config;
    starting->privilege = privilege;
    libxlDeviceModelLimitsInit(&starting->limits, limits, config->ndisks,
                               privilege->processes);
    starting->fds = libxlDeviceModelFDsNew(config);
    starting->scopefd = -1;

    return starting;
}


void
libxlDeviceModelStartingFree(libxlDeviceModelStarting *starting)
{
    size_t i;

    if (!starting)
        return;

    for (i = 0; i < G_N_ELEMENTS(starting->ttys); i++)
        g_free(starting->ttys[i]);

    g_strfreev(starting->replay);
    g_free(starting->before);
    VIR_FORCE_CLOSE(starting->scopefd);
    g_clear_object(&starting->log);
    libxlDeviceModelFDsFree(starting->fds);
    libxlDeviceModelPrivilegeFree(starting->privilege);
    libxlDeviceModelConfigFree(starting->config);
    virObjectUnref(starting->dm);
    g_free(starting);
}


/* The file is written by the secondary, which opens it when the guest plays. */
static int
libxlDeviceModelSoundOpen(const virDomainDef *def,
                          const libxlDeviceModelConfig *config,
                          int *fd)
{
    virDomainAudioDef *audio = virDomainDefFindAudioByID(def, def->sounds[0]->audioId);

    if ((*fd = open(audio->backend.file.path,
                    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600)) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot open audio file '%2$s'"),
                             config->name, audio->backend.file.path);
        return -1;
    }

    return 0;
}


static int
libxlDeviceModelOpenDisks(libxlDeviceModelStarting *starting,
                          const virDomainDef *def)
{
    const libxlDeviceModelConfig *config = starting->config;
    size_t i;

    for (i = 0; i < config->ndisks; i++) {
        if (libxlDeviceModelDiskOpen(config->name, def->disks[config->disks[i].idx],
                                     &starting->fds->disks[i]) < 0)
            return -1;
    }

    return 0;
}


static int
libxlDeviceModelOpenSerials(libxlDeviceModelStarting *starting,
                            const virDomainDef *def,
                            gint64 deadline)
{
    const libxlDeviceModelConfig *config = starting->config;
    size_t i;

    for (i = 0; i < config->nserials; i++) {
        if (libxlDeviceModelSerialOpen(def, config->name,
                                       def->serials[config->serials[i].idx],
                                       starting->before, deadline,
                                       &starting->fds->serials[i]) < 0)
            return -1;
    }

    return 0;
}


static int
libxlDeviceModelOpenCapability(libxlDeviceModelStarting *starting,
                               const virDomainDef *def,
                               virDomainDeviceModelCapability cap,
                               gint64 deadline)
{
    switch (cap) {
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE:
        return libxlDeviceModelOpenDisks(starting, def);

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL:
        return libxlDeviceModelOpenSerials(starting, def, deadline);

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO:
        if (!starting->config->sound->file)
            return 0;
        return libxlDeviceModelSoundOpen(def, starting->config,
                                         &starting->fds->sound);

    /* never a secondary's */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST:
        break;
    }

    return 0;
}


/**
 * libxlDeviceModelOpenFiles:
 * @starting: device model that is about to be spawned
 * @def: definition of its domain
 * @deadline: for other hosts
 *
 * Open what the devices of the device model need of the host: everything but the
 * taps, which change the definition.  Takes as long as the host does: no domain
 * may be locked, and the domain's job keeps @def from changing.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelOpenFiles(libxlDeviceModelStarting *starting,
                          const virDomainDef *def,
                          gint64 deadline)
{
    virDomainDeviceModelCapability cap;

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        if ((starting->config->capabilities & (1U << cap)) &&
            libxlDeviceModelOpenCapability(starting, def, cap, deadline) < 0)
            return -1;
    }

    return 0;
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
libxlDeviceModelOpenScope(libxlDeviceModelStarting *starting)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot create a socket for the scope library"),
                             starting->dm->name);
        return -1;
    }

    starting->scopefd = fds[0];
    starting->fds->scope = fds[1];
    return 0;
}


/* Where it is not known what the guest has written before, or another version knew it, there is
 * no use in what it writes from now on. */
static void
libxlDeviceModelForgetRegisters(libxlDeviceModel *dm)
{
    VIR_WARN("device model '%s' is never restarted: what the guest has written into its registers is not known",
             dm->name);
    g_clear_pointer(&dm->registers, g_free);
    dm->holds = false;
}


static int
libxlDeviceModelOpenRegisters(libxlDeviceModelStarting *starting)
{
    g_autofree libxlDeviceModelRegisters *before = NULL;

    if (starting->saved &&
        !(before = libxlDeviceModelRegistersParse(starting->saved->registers,
                                                  starting->saved->nregisters))) {
        libxlDeviceModelForgetRegisters(starting->dm);
        return 0;
    }

    if (starting->succession)
        starting->fds->registers = starting->succession->remember(starting, starting->predecessor);
    else
        starting->fds->registers = libxlDeviceModelRegistersCreate(starting->dm->registers, before);

    if (starting->fds->registers < 0) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), starting->dm->name);
        return -1;
    }

    return 0;
}


static char *
libxlDeviceModelScopeLibrary(void)
{
    return virFileFindResource("libvirt-devicemodel-scope.so",
                               abs_top_builddir "/src/libxl",
                               LIBDIR "/libvirt");
}


/* Report how the process ended, with what it said of it.  The error that is set is
 * the view of who talked to it.  Returns false, and leaves the error alone, where the
 * process lives.  What an intruder has left of it could write to the log for as long as
 * that is read, and is killed before. */
static bool
libxlDeviceModelReportExited(const libxlDeviceModelStarting *starting)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_EXIT_MS * 1000;
    const char *name = starting->dm->name;
    g_autofree char *end = NULL;
    g_autofree char *tail = NULL;
    g_autofree char *quote = NULL;

    if (!libxlDeviceModelProcessWait(&starting->dm->process, deadline))
        return false;

    end = libxlDeviceModelDescribeEnd(starting->dm);
    deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_EXIT_MS * 1000;
    ignore_value(libxlDeviceModelKillAll(starting->dm, deadline));
    if (domainLogContextReadFiltered(starting->log, &tail, LIBXL_DEVICE_MODEL_LOG_MAX) < 0 ||
        virStringIsEmpty(tail)) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s' exited while it started: %2$s"),
                       name, end);
        return true;
    }

    quote = libxlDeviceModelQuoteLines(tail);
    virReportError(VIR_ERR_INTERNAL_ERROR,
                   _("device model '%1$s' exited while it started: %2$s: %3$s"),
                   name, end, quote);
    return true;
}


/* Runs in the process that becomes the emulator. */
static int
libxlDeviceModelPreExec(void *opaque)
{
    const libxlDeviceModel *dm = opaque;

    /* What a terminal of the daemon is told to interrupt is not the guest. */
    if (setsid() < 0) {
        virReportSystemError(errno, "%s", _("cannot become session leader"));
        return -1;
    }

    if (libxlDeviceModelIdentify(dm) < 0)
        return -1;

    return libxlDeviceModelPrivilegeConfine(dm->uid);
}


/* The process is known as soon as it is there, so that whatever fails from then on
 * ends it. */
static int
libxlDeviceModelExecute(const libxlDeviceModelStarting *starting,
                        virCommand *cmd)
{
    g_autofree char *cmdline = virCommandToString(cmd, false);
    g_autofree char *now = virTimeStringNow();
    int logfd = domainLogContextGetWriteFD(starting->log);
    pid_t pid;

    if (!cmdline || !now ||
        domainLogContextWrite(starting->log, "%s: starting\n%s\n", now, cmdline) < 0)
        return -1;

    /* from here on a reader of the log sees what the process says */
    domainLogContextMarkPosition(starting->log);

    virCommandSetOutputFD(cmd, &logfd);
    virCommandSetErrorFD(cmd, &logfd);
    virCommandSetPreExecHook(cmd, libxlDeviceModelPreExec, starting->dm);
    virCommandSetUmask(cmd, 0077);
    virCommandSetWorkingDirectory(cmd, "/");
    virCommandRequireHandshake(cmd);

    if (virCommandRunAsync(cmd, &pid) < 0)
        return -1;

    if (libxlDeviceModelOpen(starting->dm, pid) < 0) {
        virCommandAbort(cmd);
        return -1;
    }

    return 0;
}


/* Limits hold from the first instruction of the emulator on. */
static int
libxlDeviceModelLetExecute(const libxlDeviceModelStarting *starting,
                           virCommand *cmd)
{
    const libxlDeviceModel *dm = starting->dm;

    if (virCommandHandshakeWait(cmd) < 0 ||
        libxlDeviceModelLimitsApply(&starting->limits, dm->cgroup, dm->process.pid) < 0 ||
        virCommandHandshakeNotify(cmd) < 0)
        return -1;

    return 0;
}


static int
libxlDeviceModelRun(const libxlDeviceModelStarting *starting,
                    virCommand *cmd)
{
    if (libxlDeviceModelExecute(starting, cmd) < 0) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), starting->dm->name);
        return -1;
    }

    if (libxlDeviceModelLetExecute(starting, cmd) == 0)
        return 0;

    if (!libxlDeviceModelReportExited(starting))
        virLastErrorPrefixMessage(_("device model '%1$s'"), starting->dm->name);

    return -1;
}


/**
 * libxlDeviceModelSpawn:
 * @starting: new device model with its files, taps and log opened; the files and
 *            taps are taken
 *
 * Start the process, and wait until the emulator is executed in it.  No domain
 * may be locked.
 *
 * Returns 0, or -1 with an error that names the device model; whatever was
 * started is then left for libxlDeviceModelEndAll.
 */
int
libxlDeviceModelSpawn(libxlDeviceModelStarting *starting)
{
    const libxlDeviceModel *dm = starting->dm;
    g_autofree char *library = libxlDeviceModelScopeLibrary();
    g_autofree char *folder = g_path_get_dirname(dm->socket);
    g_autoptr(virCommand) cmd = NULL;

    starting->config->incoming = !!starting->saved;

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

    if ((starting->fds->monitor = libxlDeviceModelOpenSocket(dm)) < 0 ||
        libxlDeviceModelOpenScope(starting) < 0 ||
        libxlDeviceModelOpenRegisters(starting) < 0)
        return -1;

    /* brings the priority of this file's messages up to date */
    VIR_DEBUG("starting device model '%s' of domain %u", dm->name, dm->domid);

    if (!(cmd = libxlDeviceModelCommandNew(starting->config, starting->fds, library,
                                           virLogSelf.priority <= VIR_LOG_DEBUG)))
        return -1;

    libxlDeviceModelPrivilegeApply(starting->privilege, cmd);
    return libxlDeviceModelRun(starting, cmd);
}


/* Say why a device model did not become ready.  The error that is set is the
 * monitor's view; that the process ended explains it. */
static void
libxlDeviceModelExplain(const libxlDeviceModelStarting *starting)
{
    if (virGetLastErrorCode() != VIR_ERR_OPERATION_TIMEOUT)
        libxlDeviceModelReportExited(starting);
}


/* Likewise of one that has not even greeted.  A script has passed everything on where the
 * scope library has reported itself: that takes the environment, an open file, and the
 * arguments with which QEMU opens Xen. */
static void
libxlDeviceModelExplainSilence(const libxlDeviceModelStarting *starting)
{
    char report;

    libxlDeviceModelExplain(starting);
    if (recv(starting->scopefd, &report, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
        libxlDeviceModelEmulatorBlameScript(starting->config->emulator);
}


/* QEMU greets from a thread of its own, but replies to commands only once the
 * machine is built.  The library reports while it is, so after a reply a report
 * that is not there never comes. */
static int
libxlDeviceModelCheckScope(const libxlDeviceModelStarting *starting)
{
    libxlDeviceModel *dm = starting->dm;
    char report[1024];
    ssize_t len = recv(starting->scopefd, report, sizeof(report) - 1, MSG_DONTWAIT);
    const char *line;

    report[len > 0 ? len : 0] = '\0';

    if (!STRPREFIX(report, LIBXL_DEVICE_MODEL_SCOPE_HELLO)) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s' runs without the scope library: emulator '%2$s', or a security policy for it, drops LD_PRELOAD"),
                       dm->name, starting->config->emulator);
        libxlDeviceModelEmulatorBlameScript(starting->config->emulator);
        return -1;
    }

    if (!(line = strstr(report, "\n" LIBXL_DEVICE_MODEL_SCOPE_IOREQ_SERVER)) ||
        virStrToLong_ui(line + strlen("\n" LIBXL_DEVICE_MODEL_SCOPE_IOREQ_SERVER), (char **)&line, 10,
                        &dm->ioservid) < 0 ||
        *line != '\n') {
        g_autofree char *quote = NULL;

        g_strchomp(report);
        line = strrchr(report, '\n');
        quote = libxlDeviceModelQuote(line ? line + 1 : report);
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s' got no ioreq server from Xen: '%2$s'"),
                       dm->name, quote);
        return -1;
    }

    return 0;
}


/* A script that runs the emulator as its child has privilege, and one that drops arguments
 * leaves it to the emulator. */
static int
libxlDeviceModelCheckPrivilege(const libxlDeviceModelStarting *starting)
{
    g_autofree char *proc = g_strdup_printf("/proc/%lld",
                                            (long long)starting->dm->process.pid);

    if (libxlDeviceModelPrivilegeCheck(starting->privilege, proc) == 0)
        return 0;

    libxlDeviceModelEmulatorBlameScript(starting->config->emulator);
    return -1;
}


/* Tell the scope library that the board is complete: what is registered from
 * now on are the BARs of the claimed PCI functions. */
static int
libxlDeviceModelSeal(libxlDeviceModelStarting *starting)
{
    static const char seal[] = LIBXL_DEVICE_MODEL_SCOPE_SEAL "\n";

    if (send(starting->scopefd, seal, strlen(seal), MSG_NOSIGNAL) != strlen(seal)) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot seal its scope"),
                             starting->dm->name);
        return -1;
    }

    VIR_FORCE_CLOSE(starting->scopefd);
    return 0;
}


static int
libxlDeviceModelSetLinks(const libxlDeviceModelConfig *config,
                         libxlDeviceModelMonitor *mon,
                         gint64 deadline)
{
    size_t i;

    for (i = 0; i < config->nnics; i++) {
        g_autofree char *id = libxlDeviceModelAliasNIC(config->nics[i].slot);

        if (config->nics[i].down &&
            libxlDeviceModelQMPSetLink(mon, id, false, deadline) < 0)
            return -1;
    }

    return 0;
}


static int
libxlDeviceModelCheckRunning(const libxlDeviceModelStarting *starting,
                             libxlDeviceModelMonitor *mon,
                             gint64 deadline)
{
    g_autofree char *status = NULL;
    bool running = false;

    if (libxlDeviceModelQMPQueryStatus(mon, &running, &status, deadline) < 0)
        return -1;

    if (!running) {
        g_autofree char *quote = libxlDeviceModelQuote(status);

        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s' is in state '%2$s', expected 'running'"),
                       starting->dm->name, quote);
        return -1;
    }

    return 0;
}


/* Whose terminal is opened is made sure of again by who opens it. */
static int
libxlDeviceModelCheckTTY(const libxlDeviceModelStarting *starting,
                         const libxlDeviceModelSerial *serial)
{
    g_autofree char *proc = g_strdup_printf("/proc/%lld",
                                            (long long)starting->dm->process.pid);

    if (libxlDeviceModelSerialHasTerminal(proc, starting->ttys[serial->idx]))
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' named terminal '%2$s' for serial port '%3$u', which it does not have"),
                   starting->dm->name, starting->ttys[serial->idx], serial->port);
    return -1;
}


static int
libxlDeviceModelFindTTYs(libxlDeviceModelStarting *starting,
                         libxlDeviceModelMonitor *mon,
                         gint64 deadline)
{
    size_t i;

    for (i = 0; i < starting->config->nserials; i++) {
        const libxlDeviceModelSerial *serial = &starting->config->serials[i];
        g_autofree char *label = libxlDeviceModelAliasTerminal(serial->idx);

        if (serial->type != VIR_DOMAIN_CHR_TYPE_PTY)
            continue;

        if (libxlDeviceModelQMPQueryPTY(mon, label, &starting->ttys[serial->idx],
                                        deadline) < 0 ||
            libxlDeviceModelCheckTTY(starting, serial) < 0)
            return -1;
    }

    return 0;
}


/* Make sure of what is true before the guest sees the device model, and close
 * its scope. */
static int
libxlDeviceModelProve(libxlDeviceModelStarting *starting)
{
    if (libxlDeviceModelCheckScope(starting) < 0 ||
        libxlDeviceModelCheckPrivilege(starting) < 0 ||
        libxlDeviceModelSeal(starting) < 0)
        return -1;

    return 0;
}


static int
libxlDeviceModelSucceed(libxlDeviceModelStarting *starting,
                        libxlDeviceModelMonitor *mon,
                        gint64 deadline)
{
    if (starting->succession->begin(starting, starting->predecessor, &deadline) < 0 ||
        (starting->replay && libxlDeviceModelQMPHumanCommands(mon, starting->replay, deadline) < 0) ||
        libxlDeviceModelSetLinks(starting->config, mon, deadline) < 0 ||
        libxlDeviceModelQMPCont(mon, deadline) < 0 ||
        starting->succession->end(starting, starting->predecessor, mon, deadline) < 0)
        return -1;

    return 0;
}


static int
libxlDeviceModelBegin(libxlDeviceModelStarting *starting,
                      libxlDeviceModelMonitor *mon,
                      gint64 deadline)
{
    if (libxlDeviceModelSetLinks(starting->config, mon, deadline) < 0 ||
        libxlDeviceModelQMPCont(mon, deadline) < 0)
        return -1;

    return 0;
}


/* What its state does not have of a link is in the state of its device, which comes after. */
static int
libxlDeviceModelResume(libxlDeviceModelStarting *starting,
                       libxlDeviceModelMonitor *mon,
                       gint64 deadline)
{
    if (libxlDeviceModelSetLinks(starting->config, mon, deadline) < 0 ||
        libxlDeviceModelStateLoad(mon, starting->saved, deadline) < 0 ||
        libxlDeviceModelQMPCont(mon, deadline) < 0)
        return -1;

    return 0;
}


/* Let it serve its devices, in the way that it was started for. */
static int
libxlDeviceModelGo(libxlDeviceModelStarting *starting,
                   libxlDeviceModelMonitor *mon,
                   gint64 deadline)
{
    if (starting->succession)
        return libxlDeviceModelSucceed(starting, mon, deadline);

    if (starting->saved)
        return libxlDeviceModelResume(starting, mon, deadline);

    return libxlDeviceModelBegin(starting, mon, deadline);
}


static int
libxlDeviceModelServe(libxlDeviceModelStarting *starting,
                      libxlDeviceModelMonitor *mon,
                      gint64 deadline)
{
    if (libxlDeviceModelGo(starting, mon, deadline) < 0 ||
        libxlDeviceModelCheckRunning(starting, mon, deadline) < 0 ||
        libxlDeviceModelFindTTYs(starting, mon, deadline) < 0)
        return -1;

    return 0;
}


/**
 * libxlDeviceModelAwait:
 * @starting: spawned device model
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
libxlDeviceModelAwait(libxlDeviceModelStarting *starting,
                      gint64 deadline)
{
    g_autoptr(libxlDeviceModelMonitor) mon = NULL;

    if (!(mon = libxlDeviceModelMonitorConnect(starting->dm->name, starting->dm->socket)) ||
        libxlDeviceModelMonitorHandshake(mon, deadline) < 0) {
        libxlDeviceModelExplainSilence(starting);
        return -1;
    }

    if (libxlDeviceModelProve(starting) < 0)
        return -1;

    if (libxlDeviceModelServe(starting, mon, deadline) < 0) {
        libxlDeviceModelExplain(starting);
        return -1;
    }

    return 0;
}
