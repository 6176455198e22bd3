/*
 * libxldevicemodelprocesstest.c: the processes of secondaries
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The emulator is libxldevicemodelemulator.c, with the real scope library in
 * it; the name of the domain tells it how to behave.  Its tap is a socket of
 * the test, over which it is told to begin and says that it is ready, so that
 * no case depends on how fast either side is.
 *
 * The processes are children of the test, and so would be what they leave behind:
 * it sees that no process is left, not even a zombie.
 *
 * What takes privilege away is stood in for, since it takes root to do so: it
 * has a test of its own, libxldevicemodelprivilegetest.c.
 */

#include <config.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_registers_file.h"
#include "libxl/libxl_devicemodel_start.h"
#include "libxl/libxl_devicemodel_watch.h"
#include "libxldevicemodeltestutils.h"
#include "virfile.h"
#include "virpidfile.h"
#include "virstring.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define TEST_DOMID 7
#define TEST_SLOT 0x1f

/* the id of the ioreq server that fakexendevicemodel.c gives */
#define TEST_IOREQ_SERVER 3

/* longer than any case takes that does not end by it */
#define TEST_LONG_MS 30000
#define TEST_SHORT_MS 300

/* of the processes, if anybody asked for it */
#define TEST_UID 1879048192

/* What they may have; MiB. */
#define TEST_MEMORY 512
#define TEST_PROCESSES 129

static char *testDir; /* holds the driver's folder and the logs */

/* What the stand-ins were told, and are to say. */
static struct {
    int applied; /* may be set by several threads */
    char *refused; /* folder of the process that has kept privilege */
    size_t nsignals;
    size_t nprocesses; /* of the uid, of which each signal ends one */
    bool unsignalled;
    bool unconfined;
    bool unopened; /* no process can be opened */
    pid_t limited; /* the process that waited to be limited, as long as it was no emulator */
    bool unlimited; /* no process can be limited */
    size_t ngrouped; /* how often there is something in the cgroup yet */
    bool ungrouped; /* nothing in it can be killed */
    bool ranOut; /* it had too little memory */
    pid_t traced; /* the process that has the uid, until it is reaped */
    pid_t tracer; /* ends with the last of @nprocesses */
    pid_t group; /* of the processes that have the uid, and are killed in earnest */
    bool disturbed; /* one of them could write to the log while it was read */
} testStandIn;


/* Opens no process where it is not to; all else is the kernel's. */
long
syscall(long nr,
        ...)
{
    long (*real)(long nr, ...) = dlsym(RTLD_NEXT, "syscall");
    long args[6];
    va_list ap;
    size_t i;

    va_start(ap, nr);
    for (i = 0; i < G_N_ELEMENTS(args); i++)
        args[i] = va_arg(ap, long);
    va_end(ap);

    if (nr == SYS_pidfd_open && testStandIn.unopened) {
        errno = EMFILE;
        return -1;
    }

    return real(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}


int
domainLogContextReadFiltered(domainLogContext *ctxt,
                             char **msg,
                             size_t max)
{
    int (*real)(domainLogContext *ctxt, char **msg, size_t max) =
        dlsym(RTLD_NEXT, "domainLogContextReadFiltered");

    if (testStandIn.group > 0 && kill(-testStandIn.group, 0) == 0)
        testStandIn.disturbed = true;

    return real(ctxt, msg, max);
}


int
libxlDeviceModelPrivilegeConfine(uid_t uid G_GNUC_UNUSED)
{
    if (!testStandIn.unconfined)
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED, "%s", "cannot be confined");
    return -1;
}


void
libxlDeviceModelPrivilegeApply(const libxlDeviceModelPrivilege *privilege,
                               virCommand *cmd)
{
    g_atomic_int_set(&testStandIn.applied, privilege->uid == TEST_UID);
    virCommandAddArgList(cmd, "-runas", "nobody", NULL);
}


int
libxlDeviceModelPrivilegeCheck(const libxlDeviceModelPrivilege *privilege,
                               const char *proc)
{
    if (privilege->uid != TEST_UID || STRNEQ_NULLABLE(proc, testStandIn.refused))
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED, "device model '%s' has privilege", privilege->name);
    return -1;
}


/* Whether a process is a copy of the test still. */
static bool
testIsTest(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/exe", (long long)pid);
    struct stat sb;
    struct stat own;

    return stat(path, &sb) == 0 && stat("/proc/self/exe", &own) == 0 &&
        sb.st_dev == own.st_dev && sb.st_ino == own.st_ino;
}


int
libxlDeviceModelLimitsApply(const libxlDeviceModelLimits *limits,
                            const char *cgroup,
                            pid_t pid)
{
    if (testStandIn.unlimited) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "cannot be limited");
        return -1;
    }

    if (limits->memory == TEST_MEMORY * 1024 && limits->processes == TEST_PROCESSES &&
        STRPREFIX(cgroup, "xen-7-") && testIsTest(pid))
        g_atomic_int_set(&testStandIn.limited, pid);

    return 0;
}


bool
libxlDeviceModelCgroupRanOut(const char *name)
{
    return testStandIn.ranOut && STREQ(name, "xen-7-1-dm1");
}


int
libxlDeviceModelCgroupEnd(const char *name)
{
    if (!STRPREFIX(name, "xen-7-") || testStandIn.ungrouped) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "no such cgroup");
        return -1;
    }

    return testStandIn.ngrouped > 0 && testStandIn.ngrouped-- > 0;
}


/* Has a process follow another that says nothing of it to anybody.  Returns 0, or the errno
 * with which the kernel refuses that. */
static int
testTracerBegin(pid_t traced)
{
    int ends[2];
    int err = 0;

    if (virPipe(ends) < 0 || (testStandIn.tracer = fork()) < 0)
        abort();

    if (testStandIn.tracer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_SEIZE, traced, NULL, NULL) < 0)
            err = errno;
        ignore_value(safewrite(ends[1], &err, sizeof(err)));
        while (true)
            pause();
    }

    if (saferead(ends[0], &err, sizeof(err)) != sizeof(err))
        abort();

    VIR_FORCE_CLOSE(ends[0]);
    VIR_FORCE_CLOSE(ends[1]);
    return err;
}


static void
testTracerEnd(void)
{
    if (testStandIn.tracer <= 0)
        return;

    kill(testStandIn.tracer, SIGKILL);
    if (waitpid(testStandIn.tracer, NULL, 0) != testStandIn.tracer)
        abort();
    testStandIn.tracer = 0;
}


/* Returns whether there was any; waits for them as init does. */
static bool
testGroupKill(void)
{
    bool has = kill(-testStandIn.group, SIGKILL) == 0;

    while (waitpid(-testStandIn.group, NULL, WNOHANG) > 0)
        continue;

    return has;
}


int
libxlDeviceModelPrivilegeSignal(uid_t uid,
                                int sig)
{
    if (uid != TEST_UID || sig != SIGKILL || testStandIn.unsignalled) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "no such signal");
        return -1;
    }

    testStandIn.nsignals++;
    if (testStandIn.group > 0)
        return testGroupKill();

    if (testStandIn.traced > 0) {
        bool has = kill(testStandIn.traced, 0) == 0;

        if (testStandIn.nprocesses > 0 && --testStandIn.nprocesses == 0)
            testTracerEnd();
        return has;
    }

    return testStandIn.nprocesses > 0 && testStandIn.nprocesses-- > 0;
}


/* A device model with all that belongs to it. */
typedef struct _testProcess testProcess;
struct _testProcess {
    libxlDeviceModel *dm;
    libxlDeviceModel *known; /* the same; a reference of the test's own */
    libxlDeviceModelStarting *starting;
    pid_t pid; /* also once @dm is gone */
    int tap; /* the test's end */
};


static testProcess *
testProcessNew(const char *stateDir,
               unsigned int id,
               const char *mode,
               const char *emulator)
{
    testProcess *process = g_new0(testProcess, 1);
    libxlDeviceModelConfig *config = g_new0(libxlDeviceModelConfig, 1);
    libxlDeviceModelPrivilege *privilege = g_new0(libxlDeviceModelPrivilege, 1);
    libxlDeviceModelLimitsConf limits = { .memory = TEST_MEMORY };
    g_autofree char *logname = g_strdup_printf("log-%u", id);
    int fds[2];

    config->domid = TEST_DOMID;
    config->id = id;
    config->domname = g_strdup(mode);
    config->name = g_strdup_printf("dm%u", id);
    config->emulator = g_strdup(emulator ? emulator : TEST_EMULATOR);
    config->machine.memory = 256;
    config->machine.vcpus = 1;
    config->nnics = 1;
    config->nics = g_new0(libxlDeviceModelNIC, 1);
    config->nics[0].driver = "e1000";
    config->nics[0].slot = TEST_SLOT;
    config->nserials = 1;
    config->serials = g_new0(libxlDeviceModelSerial, 1);
    config->serials[0].type = VIR_DOMAIN_CHR_TYPE_PTY;
    config->serials[0].port = 1;

    privilege->name = g_strdup(config->name);
    privilege->uid = TEST_UID;
    privilege->processes = TEST_PROCESSES;

    process->pid = -1;
    process->dm = libxlDeviceModelNew(stateDir, TEST_DOMID, id, config->name);
    process->known = virObjectRef(process->dm);
    process->starting = libxlDeviceModelStartingNew(process->dm, NULL, config, privilege,
                                                    &limits);

    if (!(process->starting->log = domainLogContextNew(false, testDir, "libxl", NULL,
                                                       false, logname)) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        abort();

    process->tap = fds[0];
    process->starting->fds->taps[0] = fds[1];
    return process;
}


static void
testProcessFree(testProcess *process)
{
    if (!process)
        return;

    VIR_FORCE_CLOSE(process->tap);
    libxlDeviceModelStartingFree(process->starting);
    virObjectUnref(process->dm);
    virObjectUnref(process->known);
    g_free(process);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(testProcess, testProcessFree);


static int
testProcessSpawn(testProcess *process)
{
    int rc = libxlDeviceModelSpawn(process->starting);

    process->pid = process->dm->process.pid;
    return rc;
}


/* Lets the emulator begin and waits until it is ready, or gone; not where it was never
 * started. */
static void
testProcessBegin(testProcess *process)
{
    char byte = 'b';

    if (process->pid > 0 && send(process->tap, &byte, 1, MSG_NOSIGNAL) == 1)
        ignore_value(saferead(process->tap, &byte, 1));
}


static int
testProcessAwait(testProcess *process,
                 long long timeoutMs)
{
    return libxlDeviceModelAwait(process->starting,
                                 g_get_monotonic_time() + timeoutMs * 1000);
}


/* Checks that @rc goes with @expected, where '@' stands for 500 'x', and with
 * @code, and drops the error. */
static int
testOutcome(const char *what,
            int rc,
            const char *expected,
            int code)
{
    g_autofree char *fill = g_strnfill(500, 'x');
    g_autofree char *text = expected ? virStringReplace(expected, "@", fill) : NULL;
    int actual = virGetLastErrorCode();

    if (libxlDeviceModelTestOutcome(rc, testDir, text) < 0) {
        VIR_TEST_VERBOSE("came from '%s'", what);
        return -1;
    }

    if (expected && code != actual) {
        VIR_TEST_VERBOSE("%s failed with code %d, expected %d", what, actual, code);
        return -1;
    }

    return 0;
}


static int
testCheckFolder(void)
{
    g_autofree char *folder = g_strdup_printf("%s/devicemodel", testDir);
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;
    int ret = 0;

    if (virDirOpenIfExists(&dir, folder) <= 0)
        return 0;

    while (virDirRead(dir, &entry, folder) > 0) {
        VIR_TEST_VERBOSE("file '%s' was left", entry->d_name);
        ret = -1;
    }

    return ret;
}


/* A process that was never started has the pid -1, by which kill(2) means all
 * processes there are. */
static void
testKill(pid_t pid)
{
    if (pid > 0)
        kill(pid, SIGKILL);
}


/* Checks how the process has ended, or ends by itself, and that this can be asked for
 * again. */
static int
testProcessReap(const testProcess *process,
                const char *expected)
{
    libxlDeviceModel *dm = process->known;
    g_autofree char *actual = NULL;
    g_autofree char *again = NULL;

    if (process->pid == -1)
        return 0;

    if (!libxlDeviceModelProcessWait(&dm->process,
                                     g_get_monotonic_time() + TEST_LONG_MS * 1000)) {
        VIR_TEST_VERBOSE("process %d has not ended", (int)process->pid);
        return -1;
    }

    actual = libxlDeviceModelDescribeEnd(dm);
    again = libxlDeviceModelDescribeEnd(dm);
    if (virTestCompareToString(expected, actual) < 0 ||
        virTestCompareToString(expected, again) < 0)
        return -1;

    return 0;
}


/* Returns whether there is no child of the test any more, not even a zombie. */
static bool
testAllProcessesEnded(void)
{
    siginfo_t info = { 0 };

    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
        return true;

    VIR_TEST_VERBOSE("a process was left, or its zombie %d", (int)info.si_pid);
    return false;
}


/* Ends the device models and frees those of which nothing is left.  Returns how
 * many others there are, which are moved to the front. */
static size_t
testStopAll(libxlDeviceModel **dms,
            size_t ndms)
{
    size_t left = 0;
    size_t i;

    libxlDeviceModelEndAll(dms, ndms);

    for (i = 0; i < ndms; i++) {
        if (libxlDeviceModelHasEnded(dms[i]) && libxlDeviceModelRemoveFiles(dms[i]))
            virObjectUnref(dms[i]);
        else
            dms[left++] = dms[i];
    }

    return left;
}


/* Leaves of a process what a daemon that takes over has read. */
static void
testProcessForget(testProcess *process)
{
    virObjectUnref(process->dm);
    virObjectUnref(process->known);
    process->dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "dm1");
    process->known = virObjectRef(process->dm);
}


/* Ends the device models and checks that all goes. */
static int
testStop(testProcess **processes,
         size_t nprocesses)
{
    g_autofree libxlDeviceModel **dms = g_new0(libxlDeviceModel *, nprocesses);
    size_t left;
    size_t i;

    for (i = 0; i < nprocesses; i++)
        dms[i] = g_steal_pointer(&processes[i]->dm);

    if ((left = testStopAll(dms, nprocesses)) > 0) {
        VIR_TEST_VERBOSE("%zu of %zu device models were left", left, nprocesses);
        libxlDeviceModelListFree(g_steal_pointer(&dms), left);
        return -1;
    }

    return 0;
}


/* Ends a device model, checks that its process ends as expected and that nothing is
 * left, and frees it. */
static int
testProcessFinish(testProcess *process,
                  const char *expected)
{
    int ret = 0;

    if (testStop(&process, 1) < 0 || testProcessReap(process, expected) < 0 ||
        !testAllProcessesEnded() || testCheckFolder() < 0)
        ret = -1;

    testProcessFree(process);
    return ret;
}


static int
testCheckRunning(const testProcess *process)
{
    const libxlDeviceModel *dm = process->dm;
    const libxlDeviceModelStarting *starting = process->starting;

    if (!libxlDeviceModelIsAlive(dm) || dm->ioservid != TEST_IOREQ_SERVER ||
        starting->scopefd != -1 || starting->fds->taps[0] != -1) {
        VIR_TEST_VERBOSE("alive %d, ioreq server %u, scope socket %d, tap %d",
                         libxlDeviceModelIsAlive(dm), dm->ioservid,
                         starting->scopefd, starting->fds->taps[0]);
        return -1;
    }

    return 0;
}


/* A way to behave, and what the driver says of it. */
struct testStartData {
    const char *mode;
    const char *emulator; /* other than ours */
    const char *script; /* likewise: what a shell does in its place */
    bool privileged; /* it has kept a privilege */
    const char *stateDir; /* in the test's, other than the test's */
    long long timeout; /* ms; 0: long enough */
    const char *state; /* that it goes on with */
    const char *machine; /* of that */
    const char *spawnError;
    const char *error; /* of libxlDeviceModelAwait */
    int code;
    const char *status; /* how the process ends */
};


static int
testStartRun(testProcess *process,
             const struct testStartData *data)
{
    libxlDeviceModelSaved saved = {
        .name = process->dm->name, .machine = (char *)data->machine, .version = { 7, 2, 0 },
        .state = (uint8_t *)data->state, .nstate = data->state ? strlen(data->state) : 0,
    };
    int rc;

    if (data->state)
        process->starting->saved = &saved;
    rc = testProcessSpawn(process);

    if (testOutcome("spawn", rc, data->spawnError, data->code) < 0)
        return -1;
    if (rc < 0)
        return 0;

    testProcessBegin(process);
    if (data->privileged)
        testStandIn.refused = g_strdup_printf("/proc/%lld", (long long)process->pid);

    rc = testProcessAwait(process, data->timeout ? data->timeout : TEST_LONG_MS);
    g_clear_pointer(&testStandIn.refused, g_free);
    if (testOutcome("await", rc, data->error, data->code) < 0)
        return -1;

    return rc < 0 ? 0 : testCheckRunning(process);
}


static int
testStart(const void *opaque)
{
    const struct testStartData *data = opaque;
    g_autofree char *stateDir = g_strconcat(testDir, data->stateDir, NULL);
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    testProcess *process = testProcessNew(stateDir, 1, data->mode, data->emulator);
    int ret = testStartRun(process, data);

    if (testProcessFinish(process, data->status) < 0 ||
        libxlDeviceModelTestCheckOpenFiles(files) < 0)
        ret = -1;

    return ret;
}


/* What the guest has written is remembered on from what was saved with the state, unless that
 * is not known. */
static int
testRestored(const void *opaque)
{
    const bool *known = opaque;
    libxlDeviceModelRegisters registers = { .version = LIBXL_DEVICE_MODEL_REGISTERS_VERSION };
    g_autofree libxlDeviceModelRegisters *read = g_new0(libxlDeviceModelRegisters, 1);
    libxlDeviceModelSaved saved = {
        .machine = (char *)"xenfv-3.1-machine", .version = { 7, 2, 0 },
        .state = (uint8_t *)"QEVM", .nstate = 4,
        .registers = (uint8_t *)&registers, .nregisters = sizeof(registers) - (*known ? 0 : 8),
    };
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    int ret = 0;

    registers.config[TEST_SLOT][4] = 0xf0000000;
    registers.noted[0] = 1;
    saved.name = process->dm->name;
    process->starting->saved = &saved;
    process->dm->holds = true;

    if (testProcessSpawn(process) < 0)
        return -1;

    testProcessBegin(process);
    if (testProcessAwait(process, TEST_LONG_MS) < 0 || testCheckRunning(process) < 0)
        ret = -1;

    if (!!process->dm->registers != *known || process->dm->holds != *known) {
        VIR_TEST_VERBOSE("registers are in '%s'", NULLSTR(process->dm->registers));
        ret = -1;
    }

    if (*known && (libxlDeviceModelRegistersRead(process->dm->registers, read) < 0 ||
                   read->config[TEST_SLOT][4] != 0xf0000000 || read->noted[0] != 0))
        ret = -1;

    return testProcessFinish(process, "exited with status 0") < 0 ? -1 : ret;
}


/* A script around an emulator, which is told what it has to do where it may be to blame. */
static int
testStartScript(const void *opaque)
{
    struct testStartData data = *(const struct testStartData *)opaque;
    g_autofree char *text = g_strdup_printf("#!/bin/sh\n%s\n", data.script);
    g_autofree char *path = libxlDeviceModelTestPath(testDir, "script");

    if (virFileWriteStr(path, text, 0700) < 0)
        abort();

    data.emulator = path;
    return testStart(&data);
}


/* A process that ends leaves others, which are killed before its log is read: they
 * could write to it for as long as it is. */
static int
testStartForks(const void *opaque)
{
    const struct testStartData *data = opaque;
    testProcess *process = testProcessNew(testDir, 1, data->mode, data->emulator);
    int ret = -1;

    process->dm->uid = TEST_UID;
    testStandIn.disturbed = false;
    if (testProcessSpawn(process) == 0) {
        testStandIn.group = process->pid;
        testProcessBegin(process);
        ret = testOutcome("await", testProcessAwait(process, TEST_LONG_MS), data->error, data->code);
    }

    if (testStandIn.disturbed) {
        VIR_TEST_VERBOSE("%s", "another process could write to the log while it was read");
        ret = -1;
    }

    if (testProcessFinish(process, data->status) < 0)
        ret = -1;

    testStandIn.group = 0;
    return ret;
}


/* What an earlier daemon left is in nobody's way. */
static int
testLeftovers(const void *opaque)
{
    g_autofree char *folder = g_strdup_printf("%s/devicemodel", testDir);
    g_autofree char *pidfile = g_strdup_printf("%s/7-1.pid", folder);
    g_autofree char *socket = g_strdup_printf("%s/7-1.qmp", folder);
    g_autofree char *registers = g_strdup_printf("%s/7-1.regs", folder);

    if (g_mkdir_with_parents(folder, 0700) < 0 ||
        virFileWriteStr(pidfile, "1\n", 0600) < 0 ||
        virFileWriteStr(socket, "", 0600) < 0 ||
        virFileWriteStr(registers, "old", 0600) < 0)
        return -1;

    return testStart(opaque);
}


static char *
testReadLink(const char *proc,
             const char *name)
{
    g_autofree char *path = g_strconcat(proc, name, NULL);
    g_autofree char *target = g_file_read_link(path, NULL);

    return g_strdup(target ? target : "none");
}


static char *
testReadFile(const char *proc,
             const char *name)
{
    g_autofree char *path = g_strconcat(proc, name, NULL);
    char *text = NULL;

    return virFileReadAll(path, 8192, &text) < 0 ? g_strdup("none") : text;
}


/* Neither the socket nor the pid file is for others, nor what is remembered. */
static int
testPermissions(const void *opaque G_GNUC_UNUSED)
{
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    g_autofree char *folder = g_path_get_dirname(process->dm->socket);
    const char *paths[] = {
        folder, process->dm->socket, process->dm->pidfile, process->dm->registers,
    };
    g_autofree char *status = NULL;
    g_autofree char *text = NULL;
    struct stat sb;
    size_t i;
    int ret = testProcessSpawn(process);

    testProcessBegin(process);

    /* those that the emulator makes itself, too */
    status = g_strdup_printf("/proc/%lld/status", (long long)process->dm->process.pid);
    if (virFileReadAll(status, 8192, &text) < 0 || !strstr(text, "\nUmask:\t0077\n")) {
        VIR_TEST_VERBOSE("the emulator's files are for everybody: '%s'", NULLSTR(text));
        ret = -1;
    }

    for (i = 0; i < G_N_ELEMENTS(paths); i++) {
        if (stat(paths[i], &sb) < 0 || sb.st_mode & 0077) {
            VIR_TEST_VERBOSE("'%s' is missing or has mode %o", paths[i], sb.st_mode);
            ret = -1;
        }
    }

    return testProcessFinish(process, "exited with status 0") < 0 ? -1 : ret;
}


/* One that cannot be confined is never executed. */
static int
testUnconfined(const void *opaque)
{
    int ret;

    testStandIn.unconfined = true;
    ret = testStart(opaque);
    testStandIn.unconfined = false;
    return ret;
}


/* One that waits for its limits is no emulator yet. */
static int
testLimited(const void *opaque)
{
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    int ret;

    testStandIn.limited = 0;
    ret = testProcessSpawn(process);
    testProcessBegin(process);

    if (testStandIn.limited != process->pid || testIsTest(process->pid)) {
        VIR_TEST_VERBOSE("process %d was limited, expected %d", (int)testStandIn.limited,
                         (int)process->pid);
        ret = -1;
    }

    return testProcessFinish(process, opaque) < 0 ? -1 : ret;
}


/* One that cannot be limited is never executed, as the emulator would wait to begin, and
 * ends by itself. */
static int
testUnlimited(const void *opaque)
{
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    int ret;

    testStandIn.unlimited = true;
    ret = testOutcome("spawn", testProcessSpawn(process),
                      "device model 'dm1': operation failed: cannot be limited",
                      VIR_ERR_OPERATION_FAILED);
    testStandIn.unlimited = false;

    if (testProcessReap(process, opaque) < 0)
        ret = -1;

    return testProcessFinish(process, opaque) < 0 ? -1 : ret;
}


/* One that the daemon cannot keep an eye on is ended before it is executed. */
static int
testUnopened(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    g_autofree char *error = NULL;
    int ret = 0;
    int rc;

    testStandIn.unopened = true;
    rc = testProcessSpawn(process);
    testStandIn.unopened = false;

    error = g_strdup(virGetLastErrorMessage());
    virResetLastError();
    if (rc == 0 ||
        !g_regex_match_simple("^device model 'dm1': cannot open process \\d+: Too many open files$",
                              error, 0, 0)) {
        VIR_TEST_VERBOSE("returned %d with '%s'", rc, error);
        ret = -1;
    }

    if (process->pid != -1 || !testAllProcessesEnded() ||
        testProcessFinish(process, NULL) < 0 ||
        libxlDeviceModelTestCheckOpenFiles(files) < 0)
        ret = -1;

    return ret;
}


/* Returns how the process may use its descriptor, O_RDONLY and so on, or -1. */
static int
testAccessMode(pid_t pid,
               const char *fd)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/fdinfo/%s", (long long)pid, fd);
    g_autofree char *info = NULL;
    const char *flags;

    if (virFileReadAll(path, 4096, &info) < 0 || !(flags = strstr(info, "flags:")))
        return -1;

    return strtol(flags + strlen("flags:"), NULL, 8) & O_ACCMODE;
}


/* What the process has open of the driver's folder takes no space there: the
 * host cannot be without the file system on which it is. */
static int
testDescriptors(const void *opaque G_GNUC_UNUSED)
{
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    g_autofree char *folder = NULL;
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;
    size_t nfiles = 0;
    int ret = testProcessSpawn(process);

    testProcessBegin(process);
    folder = g_strdup_printf("/proc/%lld/fd", (long long)process->pid);
    dir = opendir(folder);

    while (dir && (entry = readdir(dir))) {
        g_autofree char *path = g_strdup_printf("%s/%s", folder, entry->d_name);
        g_autofree char *target = g_file_read_link(path, NULL);

        if (!target || !strstr(target, "/devicemodel/"))
            continue;

        nfiles++;
        if (STRNEQ(target, process->dm->pidfile) ||
            testAccessMode(process->pid, entry->d_name) != O_RDONLY) {
            VIR_TEST_VERBOSE("has '%s' open for writing", target);
            ret = -1;
        }
    }

    if (nfiles != 1) {
        VIR_TEST_VERBOSE("has %zu files of the driver open, expected 1", nfiles);
        ret = -1;
    }

    return testProcessFinish(process, "exited with status 0") < 0 ? -1 : ret;
}


/* It is a child of the daemon, and nothing else that the daemon is told or does
 * concerns it. */
static int
testSession(const void *opaque G_GNUC_UNUSED)
{
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    g_autofree char *proc = NULL;
    g_autofree char *status = NULL;
    g_autofree char *parent = g_strdup_printf("\nPPid:\t%lld\n", (long long)getpid());
    g_autofree char *folder = NULL;
    g_autofree char *input = NULL;
    int ret = testProcessSpawn(process);

    testProcessBegin(process);
    proc = g_strdup_printf("/proc/%lld/", (long long)process->pid);
    folder = testReadLink(proc, "cwd");
    input = testReadLink(proc, "fd/0");
    status = testReadFile(proc, "status");

    if (!strstr(status, parent) || getsid(process->pid) != process->pid ||
        STRNEQ(folder, "/") || STRNEQ(input, "/dev/null")) {
        VIR_TEST_VERBOSE("session %d, folder '%s', input '%s', '%s'",
                         (int)getsid(process->pid), folder, input, status);
        ret = -1;
    }

    return testProcessFinish(process, "exited with status 0") < 0 ? -1 : ret;
}


/* The log has the time and the command line, which the message of an exit leaves
 * out. */
static int
testLog(const void *opaque)
{
    const struct testStartData *data = opaque;
    g_autofree char *path = g_strdup_printf("%s/log-1.log", testDir);
    g_autofree char *log = NULL;

    if (testStart(data) < 0 || virTestLoadFile(path, &log) < 0)
        return -1;

    if (!g_regex_match_simple("^20\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}\\+0000: starting\n",
                              log, 0, 0) ||
        !strstr(log, TEST_EMULATOR " -xen-domid 7 -name guest=exits-with-message/dm1 ") ||
        !strstr(log, " LIBVIRT_DEVICEMODEL_SCOPE='domid=7;id=1;pci=0xf8;fd=") ||
        !strstr(log, " -runas nobody\n") ||
        !strstr(log, "\nemulator: gives up\n")) {
        VIR_TEST_VERBOSE("log is '%s'", log);
        return -1;
    }

    return 0;
}


/* One that does not end by itself keeps no other from being asked to. */
static int
testStopSeveral(const void *opaque G_GNUC_UNUSED)
{
    static const char *const modes[] = { "good", "stubborn", "good", "exits" };
    static const char *const statuses[] = { "exited with status 0", "killed by signal 9 (Killed)", "exited with status 0", "exited with status 1" };
    testProcess *processes[G_N_ELEMENTS(modes) + 1];
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    size_t n = G_N_ELEMENTS(modes);
    size_t i;
    int ret = 0;

    for (i = 0; i < n; i++) {
        processes[i] = testProcessNew(testDir, i + 1, modes[i], NULL);
        if (testProcessSpawn(processes[i]) < 0)
            ret = -1;
        testProcessBegin(processes[i]);
    }

    /* one that was never started */
    processes[n] = testProcessNew(testDir, n + 1, "good", NULL);

    virReportError(VIR_ERR_OPERATION_FAILED, "%s", "cause");
    if (testStop(processes, n + 1) < 0)
        ret = -1;
    if (testOutcome("stop", -1, "operation failed: cause", VIR_ERR_OPERATION_FAILED) < 0)
        ret = -1;

    for (i = 0; i < n + 1; i++) {
        if (testProcessReap(processes[i], i < n ? statuses[i] : NULL) < 0)
            ret = -1;
        testProcessFree(processes[i]);
    }

    if (!testAllProcessesEnded() || testCheckFolder() < 0 ||
        libxlDeviceModelTestCheckOpenFiles(files) < 0)
        ret = -1;

    return ret;
}


#define TEST_THREADS 4
#define TEST_ROUNDS 3

/* Starts and ends the device models of a domain; what is wrong is left behind. */
static void *
testThread(void *opaque)
{
    unsigned int id = GPOINTER_TO_UINT(opaque);
    bool good = true;
    size_t i;

    for (i = 0; i < TEST_ROUNDS && good; i++) {
        g_autoptr(testProcess) process = testProcessNew(testDir, id, "good", NULL);

        good = testProcessSpawn(process) == 0;
        testProcessBegin(process);
        good = good && testProcessAwait(process, TEST_LONG_MS) == 0 &&
            testCheckRunning(process) == 0;
        good = testStop(&process, 1) == 0 &&
            testProcessReap(process, "exited with status 0") == 0 && good;
    }

    return GINT_TO_POINTER(good);
}


/* Each domain is in a thread of its own. */
static int
testThreads(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    GThread *threads[TEST_THREADS];
    size_t i;
    int ret = 0;

    for (i = 0; i < TEST_THREADS; i++)
        threads[i] = g_thread_new("domain", testThread, GUINT_TO_POINTER(i + 1));

    for (i = 0; i < TEST_THREADS; i++) {
        if (!GPOINTER_TO_INT(g_thread_join(threads[i])))
            ret = -1;
    }

    if (!testAllProcessesEnded() || testCheckFolder() < 0 ||
        libxlDeviceModelTestCheckOpenFiles(files) < 0)
        ret = -1;

    return ret;
}


/* One that has kept a privilege is not let loose on the guest. */
static int
testPrivileged(const void *opaque G_GNUC_UNUSED)
{
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    int ret = -1;

    testStandIn.applied = false;
    if (testProcessSpawn(process) < 0)
        goto cleanup;

    testProcessBegin(process);
    testStandIn.refused = g_strdup_printf("/proc/%lld", (long long)process->pid);

    if (testOutcome("await", testProcessAwait(process, TEST_LONG_MS),
                    "operation failed: device model 'dm1' has privilege",
                    VIR_ERR_OPERATION_FAILED) == 0 &&
        testStandIn.applied && process->starting->scopefd != -1)
        ret = 0;

 cleanup:
    g_clear_pointer(&testStandIn.refused, g_free);
    return testProcessFinish(process, "exited with status 0") < 0 ? -1 : ret;
}


/* What else runs under the uid is ended, too, and is waited for. */
static int
testStopUID(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");

    dm->uid = TEST_UID;
    testStandIn.nsignals = 0;
    testStandIn.nprocesses = 2;

    if (testStopAll(&dm, 1) != 0)
        return -1;

    if (testStandIn.nsignals != 3) {
        VIR_TEST_VERBOSE("%zu signals, expected 3", testStandIn.nsignals);
        return -1;
    }

    return 0;
}


/* What is in its cgroup is ended, too, whoever's it is. */
static int
testStopCgroup(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");

    dm->uid = TEST_UID;
    testStandIn.nsignals = 0;
    testStandIn.nprocesses = 1;
    testStandIn.ngrouped = 3;

    if (testStopAll(&dm, 1) != 0)
        return -1;

    if (testStandIn.nsignals != 4 || testStandIn.ngrouped != 0) {
        VIR_TEST_VERBOSE("%zu signals, expected 4", testStandIn.nsignals);
        return -1;
    }

    return 0;
}


/* One whose processes cannot be ended is kept, and no error is lost or added.  What the
 * one way does not end, the other may: both are tried. */
static int
testStopUIDFails(const void *opaque)
{
    bool *fails = (bool *)opaque;
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");
    libxlDeviceModel *kept = dm;
    size_t left;

    dm->uid = TEST_UID;
    virReportError(VIR_ERR_OPERATION_FAILED, "%s", "cause");

    testStandIn.nsignals = 0;
    testStandIn.nprocesses = 1;
    testStandIn.ngrouped = 1;
    *fails = true;
    left = testStopAll(&dm, 1);
    *fails = false;

    if (fails == &testStandIn.unsignalled ? testStandIn.ngrouped != 0
                                          : testStandIn.nsignals != 1) {
        VIR_TEST_VERBOSE("only one way was tried");
        return -1;
    }
    testStandIn.nprocesses = testStandIn.ngrouped = 0;

    if (left != 1 || dm != kept || dm->state != LIBXL_DEVICE_MODEL_STATE_ENDING ||
        testOutcome("stop", -1, "operation failed: cause", VIR_ERR_OPERATION_FAILED) < 0)
        return -1;

    return testStopAll(&dm, 1) == 0 ? 0 : -1;
}


/* One whose process outlives all signals is kept, though nothing else runs for it.
 * The descriptor of that process is one that has no process, and is not readable
 * as long as the pipe is open. */
static int
testStopLives(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");
    int ends[2] = { -1, -1 };
    size_t left;

    if (virPipe(ends) < 0)
        return -1;

    dm->process.pid = getpid();
    dm->process.pidfd = ends[0];
    left = testStopAll(&dm, 1);

    VIR_FORCE_CLOSE(ends[1]);
    if (left != 1 || dm->state != LIBXL_DEVICE_MODEL_STATE_ENDING) {
        VIR_TEST_VERBOSE("%zu device models are left", left);
        return -1;
    }

    return testStopAll(&dm, 1) == 0 ? 0 : -1;
}


/* Who has a reference finds a device model that has ended, not one that is gone. */
static int
testReference(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    libxlDeviceModel *dm = virObjectRef(process->dm);
    int ret = testProcessSpawn(process);

    testProcessBegin(process);
    if (testProcessFinish(process, "exited with status 0") < 0)
        ret = -1;

    if (STRNEQ_NULLABLE(dm->name, "dm1") || libxlDeviceModelIsAlive(dm) ||
        !libxlDeviceModelHasEnded(dm)) {
        VIR_TEST_VERBOSE("device model '%s' is alive %d, has ended %d", NULLSTR(dm->name),
                         libxlDeviceModelIsAlive(dm), libxlDeviceModelHasEnded(dm));
        ret = -1;
    }

    virObjectUnref(dm);
    if (libxlDeviceModelTestCheckOpenFiles(files) < 0)
        ret = -1;
    return ret;
}


/* What could not be removed is removed by the next attempt. */
static int
testStopAgain(const void *opaque G_GNUC_UNUSED)
{
    g_autofree libxlDeviceModel **dms = g_new0(libxlDeviceModel *, 3);
    libxlDeviceModel *stuck = NULL;
    g_autofree char *path = NULL;
    size_t i;

    for (i = 0; i < 3; i++)
        dms[i] = libxlDeviceModelNew(testDir, TEST_DOMID, i + 1, "lan");

    stuck = dms[1];
    path = g_strdup(stuck->socket);
    if (g_mkdir_with_parents(path, 0700) < 0)
        return -1;

    if (testStopAll(dms, 3) != 1 || dms[0] != stuck ||
        testStopAll(dms, 1) != 1 || dms[0] != stuck)
        return -1;

    if (rmdir(path) < 0 || testStopAll(dms, 1) != 0)
        return -1;

    /* files in a folder that is none are gone */
    dms[0] = libxlDeviceModelNew("/dev/null", TEST_DOMID, 1, "lan");
    if (testStopAll(dms, 1) != 0)
        return -1;

    return testStopAll(NULL, 0) == 0 ? 0 : -1;
}


/* A later daemon finds the process, and can end it. */
static int
testReopen(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    int ret = -1;

    if (testProcessSpawn(process) < 0)
        goto cleanup;

    testProcessBegin(process);
    testProcessForget(process);

    if (libxlDeviceModelIsAlive(process->dm) ||
        libxlDeviceModelReopen(process->dm) != 1 ||
        libxlDeviceModelReopen(process->dm) != 1)
        goto cleanup;

    if (process->dm->process.pid == process->pid && libxlDeviceModelIsAlive(process->dm))
        ret = 0;

 cleanup:
    if (testProcessFinish(process, "exited with status 0") < 0 ||
        libxlDeviceModelTestCheckOpenFiles(files) < 0)
        ret = -1;

    return ret;
}


/* What the process writes into its pid file leads to no other process. */
static int
testReopenForged(const void *opaque G_GNUC_UNUSED)
{
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    int ret = -1;

    if (testProcessSpawn(process) < 0)
        goto cleanup;

    testProcessBegin(process);
    if (virFileWriteStr(process->dm->pidfile, "1\n", 0) < 0)
        goto cleanup;

    testProcessForget(process);

    if (libxlDeviceModelReopen(process->dm) == 1 && process->dm->process.pid == process->pid)
        ret = 0;
    else
        VIR_TEST_VERBOSE("found process %d, expected %d", (int)process->dm->process.pid,
                         (int)process->pid);

 cleanup:
    return testProcessFinish(process, "exited with status 0") < 0 ? -1 : ret;
}


/* One that gave the lock up is not found, and ended all the same. */
static int
testReopenUnlocked(const void *opaque G_GNUC_UNUSED)
{
    testProcess *process = testProcessNew(testDir, 1, "unlocked", NULL);
    int ret = -1;

    if (testProcessSpawn(process) < 0)
        goto cleanup;

    testProcessBegin(process);
    testProcessForget(process);
    process->dm->uid = TEST_UID;
    testStandIn.nsignals = 0;
    testStandIn.nprocesses = 1;

    if (libxlDeviceModelReopen(process->dm) == 0)
        ret = 0;

 cleanup:
    if (testStop(&process, 1) < 0 || testStandIn.nsignals != 2 || testCheckFolder() < 0)
        ret = -1;

    /* nobody knows it for a device model's any more */
    testKill(process->pid);
    if (waitpid(process->pid, NULL, 0) != process->pid)
        ret = -1;
    testProcessFree(process);
    return ret;
}


/* One that ended while no daemon was running leaves its files only. */
static int
testReopenEnded(const void *opaque G_GNUC_UNUSED)
{
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    int ret = -1;

    if (testProcessSpawn(process) < 0)
        goto cleanup;

    testProcessBegin(process);
    testKill(process->pid);
    if (testProcessReap(process, "killed by signal 9 (Killed)") < 0)
        goto cleanup;
    process->pid = -1;

    if (libxlDeviceModelIsAlive(process->dm))
        goto cleanup;

    testProcessForget(process);
    if (virFileExists(process->dm->pidfile) &&
        libxlDeviceModelReopen(process->dm) == 0 &&
        !libxlDeviceModelIsAlive(process->dm) &&
        virGetLastErrorCode() == VIR_ERR_OK)
        ret = 0;

 cleanup:
    return testProcessFinish(process, NULL) < 0 ? -1 : ret;
}


/* How it ends is known when it ends by itself, and before anything is cleaned up. */
static int
testEnd(const void *opaque)
{
    int sig = GPOINTER_TO_INT(opaque);
    g_autofree char *expected = g_strdup_printf("killed by signal %d (%s)", sig, g_strsignal(sig));
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    g_autofree char *early = NULL;
    int ret = testProcessSpawn(process);

    testProcessBegin(process);
    early = libxlDeviceModelDescribeEnd(process->dm);
    if (process->pid > 0)
        kill(process->pid, sig);

    if (early || testProcessReap(process, expected) < 0 || !testAllProcessesEnded()) {
        VIR_TEST_VERBOSE("lived, and '%s' was said of it", NULLSTR(early));
        ret = -1;
    }

    return testProcessFinish(process, expected) < 0 ? -1 : ret;
}


/* Only of what the kernel has killed by that signal it says that. */
static int
testEndRanOut(const void *opaque)
{
    int sig = GPOINTER_TO_INT(opaque);
    g_autofree char *other = g_strdup_printf("killed by signal %d (%s)", sig, g_strsignal(sig));
    const char *expected = sig == SIGKILL ? "killed by the host for want of memory" : other;
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    int ret = testProcessSpawn(process);

    testProcessBegin(process);
    testStandIn.ranOut = true;
    if (process->pid > 0)
        kill(process->pid, sig);
    if (testProcessReap(process, expected) < 0)
        ret = -1;

    /* it is remembered when the cgroup is gone */
    testStandIn.ranOut = false;
    return testProcessFinish(process, expected) < 0 ? -1 : ret;
}


/* Who ends the wait for a tracer that keeps the end of a process from the daemon. */
typedef enum {
    TEST_TRACED_ASK = 0, /* it has gone when somebody asks */
    TEST_TRACED_REST, /* it goes while what else runs under the uid is killed */
    TEST_TRACED_END, /* it goes while the device model is ended */
} testTraced;


/* Until the tracer of a process is told of its end nobody else is, and the process keeps
 * its uid. */
static int
testTracedWait(testProcess *process,
               testTraced traced)
{
    libxlDeviceModel *dm = process->known;
    g_autofree char *early = NULL;
    g_autofree char *end = NULL;

    testKill(process->pid);
    if (!libxlDeviceModelProcessWait(&dm->process, g_get_monotonic_time() + TEST_LONG_MS * 1000))
        return -1;

    early = libxlDeviceModelDescribeEnd(dm);
    if (virTestCompareToString("ended, nobody knows why", early) < 0 ||
        kill(process->pid, 0) < 0)
        return -1;

    testStandIn.nsignals = 0;
    testStandIn.nprocesses = 2;
    switch (traced) {
    case TEST_TRACED_ASK:
        testTracerEnd();
        break;

    case TEST_TRACED_REST:
        libxlDeviceModelSetState(dm, LIBXL_DEVICE_MODEL_STATE_FAILED);
        if (!libxlDeviceModelKillRest(dm) || testStandIn.nsignals != 3)
            return -1;
        break;

    case TEST_TRACED_END:
        libxlDeviceModelEndAll(&dm, 1);
        if (!libxlDeviceModelHasEnded(dm) || testStandIn.nsignals != 3)
            return -1;
        break;
    }

    end = libxlDeviceModelDescribeEnd(dm);
    if (virTestCompareToString("killed by signal 9 (Killed)", end) < 0 ||
        !testAllProcessesEnded())
        return -1;

    return 0;
}


static int
testEndTraced(const void *opaque)
{
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    int ret = testProcessSpawn(process);
    int err;

    testProcessBegin(process);
    if ((err = testTracerBegin(process->pid)) != 0) {
        VIR_TEST_VERBOSE("process %d cannot be traced: %s", (int)process->pid, g_strerror(err));
        /* where the kernel, or who confines the test, lets nobody trace */
        ret = ret == 0 && err == EPERM ? EXIT_AM_SKIP : -1;
    } else if (ret == 0) {
        process->known->uid = TEST_UID;
        testStandIn.traced = process->pid;
        ret = testTracedWait(process, GPOINTER_TO_INT(opaque));
    }

    testTracerEnd();
    testStandIn.traced = 0;
    testStandIn.nprocesses = 0;
    if (testProcessFinish(process, err == 0 ? "killed by signal 9 (Killed)"
                                            : "exited with status 0") < 0)
        ret = -1;

    return ret;
}


/* The last who refers to one that has ended leaves no zombie. */
static int
testEndForgotten(const void *opaque G_GNUC_UNUSED)
{
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    int ret = testProcessSpawn(process);

    testProcessBegin(process);
    testKill(process->pid);
    libxlDeviceModelProcessWait(&process->dm->process,
                                g_get_monotonic_time() + TEST_LONG_MS * 1000);
    unlink(process->dm->socket);
    unlink(process->dm->pidfile);
    unlink(process->dm->registers);
    testProcessFree(process);

    return testAllProcessesEnded() && testCheckFolder() == 0 ? ret : -1;
}


/* The daemon that started it is gone, and init has its children. */
static int
testProcessSpawnElsewhere(testProcess *process)
{
    pid_t pid;
    int status = -1;

    if (prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) < 0)
        return -1;

    if ((pid = fork()) == 0)
        _exit(testProcessSpawn(process) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);

    if (waitpid(pid, &status, 0) != pid || status != 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return -1;

    testProcessForget(process);
    if (libxlDeviceModelReopen(process->dm) != 1)
        return -1;

    process->pid = process->dm->process.pid;
    return 0;
}


/* How a process ended that an earlier daemon started is not guessed. */
static int
testEndElsewhere(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    testProcess *process = testProcessNew(testDir, 1, "good", NULL);
    g_autofree char *early = NULL;
    int ret = testProcessSpawnElsewhere(process);

    if (ret == 0) {
        testProcessBegin(process);
        early = libxlDeviceModelDescribeEnd(process->dm);
        testKill(process->pid);
        if (early || testProcessReap(process, "ended, nobody knows why") < 0)
            ret = -1;
    }

    if (testProcessFinish(process, "ended, nobody knows why") < 0 ||
        libxlDeviceModelTestCheckOpenFiles(files) < 0)
        ret = -1;

    return ret;
}


/* One that no daemon saw the end of. */
static int
testEndUnseen(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModel) dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");
    g_autofree char *end = libxlDeviceModelDescribeEnd(dm);

    return virTestCompareToString("ended while no daemon was running", end);
}


/* A process of somebody else, which waits to be killed, or for the end of the test. */
static pid_t
testStranger(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }

    return pid;
}


/* Whoever has the pid by now, or got it into the file, is left alone. */
static int
testReopenStranger(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");
    g_autofree char *folder = g_path_get_dirname(dm->pidfile);
    pid_t stranger = testStranger();
    g_autofree char *text = g_strdup_printf("%lld\n", (long long)stranger);
    int ret = -1;

    if (g_mkdir_with_parents(folder, 0700) == 0 &&
        virFileWriteStr(dm->pidfile, text, 0600) == 0 &&
        libxlDeviceModelReopen(dm) == 0 &&
        dm->process.pid == -1 && dm->process.pidfd == -1 && !libxlDeviceModelIsAlive(dm))
        ret = 0;

    if (testStopAll(&dm, 1) != 0 || testCheckFolder() < 0)
        ret = -1;

    if (waitpid(stranger, NULL, WNOHANG) != 0) {
        VIR_TEST_VERBOSE("the stranger was killed");
        return -1;
    }

    kill(stranger, SIGKILL);
    waitpid(stranger, NULL, 0);
    return ret;
}


static int
testReopenContent(const void *opaque)
{
    const char *content = opaque;
    g_autoptr(libxlDeviceModel) dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");
    g_autofree char *folder = g_path_get_dirname(dm->pidfile);
    int found;

    if (g_mkdir_with_parents(folder, 0700) < 0 ||
        (content && virFileWriteStr(dm->pidfile, content, 0600) < 0))
        return -1;

    found = libxlDeviceModelReopen(dm);
    if (content)
        unlink(dm->pidfile);

    return found == 0 && dm->process.pidfd == -1 ? 0 : -1;
}


/* One that cannot be looked for is taken for alive, until it is ended. */
static int
testReopenUnknown(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");
    g_autofree char *folder = g_path_get_dirname(dm->pidfile);
    g_autofree char *end = NULL;
    int ret = -1;

    /* it leads to itself */
    if (g_mkdir_with_parents(folder, 0700) < 0 || symlink(dm->pidfile, dm->pidfile) < 0)
        goto cleanup;

    if (libxlDeviceModelReopen(dm) == -1 && libxlDeviceModelIsAlive(dm) &&
        !(end = libxlDeviceModelDescribeEnd(dm)) &&
        libxlDeviceModelTestOutcome(-1, testDir, "cannot find out whether the process of device model 'lan' lives: "
                                                 "Too many levels of symbolic links") == 0)
        ret = 0;
    virResetLastError();

 cleanup:
    if (testStopAll(&dm, 1) != 0 || virGetLastErrorCode() != VIR_ERR_OK || testCheckFolder() < 0)
        ret = -1;
    return ret;
}


#define INTERNAL "internal error: device model 'dm1'"
#define FAILED "operation failed: device model 'dm1'"

#define DO_TEST_FULL(title, func, ...) \
    do { \
        static const struct testStartData data = { __VA_ARGS__ }; \
        if (virTestRun(title, func, &data) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST(title, ...) DO_TEST_FULL(title, testStart, __VA_ARGS__)

/* Those that end before they are asked to. */
static int
testEnding(void)
{
    int ret = 0;

#define EXITED_WITH(status) \
    INTERNAL " exited while it started: exited with status " #status
#define EXITED EXITED_WITH(1)

    DO_TEST("exits at once", .mode = "exits-at-once",
            .error = EXITED, .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1");
    DO_TEST("cannot be executed", .mode = "good", .emulator = "/etc/passwd",
            .error = EXITED_WITH(126) ": libvirt:  error : cannot execute binary /etc/passwd: Permission denied",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 126");
    DO_TEST_FULL("cannot be confined", testUnconfined, .mode = "good",
            .spawnError = EXITED_WITH(255) ": libvirt:  error : operation failed: cannot be confined",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 255");
    DO_TEST("is killed", .mode = "is-killed",
            .error = INTERNAL " exited while it started: killed by signal 9 (Killed)",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "killed by signal 9 (Killed)");
    DO_TEST("exits", .mode = "exits",
            .error = EXITED, .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1");
    DO_TEST_FULL("exits with a message", testLog, .mode = "exits-with-message",
            .error = EXITED ": emulator: no such machine\nemulator: gives up",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1");
    DO_TEST("exits with escape sequences", .mode = "exits-with-escapes",
            .error = EXITED ": emulator: \\033[2J\\007\\351\\tcaf\\303\\251",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1");
    DO_TEST("exits with more messages than fit", .mode = "floods",
            .error = EXITED ": @\nemulator: gives up",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1");
    DO_TEST_FULL("exits and leaves another", testStartForks, .mode = "forks-and-exits",
            .error = EXITED ": emulator: leaves another",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1");
    DO_TEST("closes the connection and exits later", .mode = "exits-on-connection",
            .error = EXITED ": emulator: took its time",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1");
    DO_TEST("exits after the handshake", .mode = "exits-on-cont",
            .error = EXITED ": emulator: device failed",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1");

#undef EXITED
#undef EXITED_WITH

    return ret;
}


/* Those that go on, but not as they should. */
static int
testMisbehaving(void)
{
    int ret = 0;

    DO_TEST("never greets", .mode = "silent", .timeout = TEST_SHORT_MS,
            .error = "Timed out during operation: device model 'dm1': "
                     "monitor greeting: no answer within N ms",
            .code = VIR_ERR_OPERATION_TIMEOUT, .status = "exited with status 0");
    DO_TEST("greets with garbage", .mode = "garbage",
            .error = INTERNAL ": monitor greeting: sent a line that is not JSON: 'SSH-2.0'",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 0");
    DO_TEST("closes the connection", .mode = "closes",
            .error = INTERNAL ": monitor command 'cont': closed its monitor connection",
            .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 0");
    DO_TEST("hangs when it is to run", .mode = "hangs-on-cont", .timeout = 5 * TEST_SHORT_MS,
            .error = "Timed out during operation: device model 'dm1': "
                     "monitor command 'cont': no answer within N ms",
            .code = VIR_ERR_OPERATION_TIMEOUT, .status = "exited with status 0");
    DO_TEST("refuses to run", .mode = "refuses-cont",
            .error = FAILED ": monitor command 'cont': GenericError: no",
            .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");
    DO_TEST("stays paused", .mode = "stays-paused",
            .error = FAILED " is in state 'paused', expected 'running'",
            .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");

    DO_TEST("names a terminal that is not its own", .mode = "names-other-terminal",
            .error = FAILED " named terminal '/dev/pts/1000000' for serial port '1', which it does not have",
            .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");
    DO_TEST("sends escape sequences as its state", .mode = "names-odd-state",
            .error = FAILED " is in state '\\033[2J\\302\\205', expected 'running'",
            .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");
    DO_TEST("sends escape sequences as the library", .mode = "forges",
            .error = FAILED " got no ioreq server from Xen: '\\033[2J\\351'",
            .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");

    DO_TEST("drops LD_PRELOAD", .mode = "unwrapped",
            .error = FAILED " runs without the scope library: emulator '" TEST_EMULATOR "', "
                     "or a security policy for it, drops LD_PRELOAD",
            .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");
    DO_TEST("is refused by Xen", .mode = "refused",
            .error = FAILED " got no ioreq server from Xen: "
                     "'error ioreq-server 28 No space left on device'",
            .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");
    DO_TEST("asks Xen for nothing", .mode = "unregistered",
            .error = FAILED " got no ioreq server from Xen: "
                     "'scope 1 domid=7 id=1 claims=1'",
            .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");

    return ret;
}


static int
testScripts(void)
{
    int ret = 0;

#define DO_TEST_SCRIPT(title, ...) DO_TEST_FULL("script " title, testStartScript, __VA_ARGS__)
#define EXEC "exec " TEST_EMULATOR " \"$@\""
#define EXITED INTERNAL " exited while it started: exited with status "
#define BLAMED ": 'DIR/script' is a script, expected one that passes on the environment, " \
    "the open files and all arguments, and executes the emulator in its own place (exec)"

    DO_TEST_SCRIPT("that passes all on", .mode = "good", .script = EXEC,
                   .status = "exited with status 0");

    DO_TEST_SCRIPT("that drops the environment", .mode = "good",
                   .script = "unset LD_PRELOAD\n" EXEC,
                   .error = FAILED " runs without the scope library: emulator 'DIR/script', "
                            "or a security policy for it, drops LD_PRELOAD" BLAMED,
                   .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");
    DO_TEST_SCRIPT("that drops the arguments", .mode = "good",
                   .script = "exec " TEST_EMULATOR " 2>&1",
                   .error = EXITED "1: emulator: the tap is closed" BLAMED,
                   .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1");
    DO_TEST_SCRIPT("that runs no emulator", .mode = "good", .script = "exit 3",
                   .error = EXITED "3" BLAMED,
                   .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 3");
    DO_TEST_SCRIPT("that leaves a privilege", .mode = "good",
                   .script = EXEC, .privileged = true, .error = FAILED " has privilege" BLAMED,
                   .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");

    /* the scope library has said by then that all was passed on */
    DO_TEST_SCRIPT("of an emulator that never greets", .mode = "silent", .script = EXEC,
                   .timeout = TEST_SHORT_MS,
                   .error = "Timed out during operation: device model 'dm1': "
                            "monitor greeting: no answer within N ms",
                   .code = VIR_ERR_OPERATION_TIMEOUT, .status = "exited with status 0");
    DO_TEST_SCRIPT("of an emulator that exits later", .mode = "exits-on-connection",
                   .script = EXEC, .error = EXITED "1: emulator: took its time",
                   .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1");
    DO_TEST_SCRIPT("of an emulator that Xen refuses", .mode = "refused", .script = EXEC,
                   .error = FAILED " got no ioreq server from Xen: "
                            "'error ioreq-server 28 No space left on device'",
                   .code = VIR_ERR_OPERATION_FAILED, .status = "exited with status 0");

#undef BLAMED
#undef EXITED
#undef EXEC
#undef DO_TEST_SCRIPT

    return ret;
}


/* What keeps the process from being started. */
static int
testHost(void)
{
    g_autofree char *proc = g_strdup_printf("%s/proc", testDir);
    int ret = 0;

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789" \
             "0123456789012345678901234567890123456789"

    if (symlink("/proc", proc) < 0)
        return -1;

    DO_TEST("folder cannot be created", .mode = "good", .stateDir = "/proc",
            .spawnError = "device model 'dm1': cannot create folder 'DIR/proc/devicemodel': "
                          "No such file or directory",
            .code = VIR_ERR_SYSTEM_ERROR);
    DO_TEST("path of the socket too long", .mode = "good", .stateDir = "/" LONG,
            .spawnError = "unsupported configuration: device model 'dm1': path 'DIR/" LONG
                          "/devicemodel/7-1.qmp' of its monitor socket is longer than 107 bytes",
            .code = VIR_ERR_CONFIG_UNSUPPORTED);

#undef LONG

    return ret;
}

#undef DO_TEST
#undef DO_TEST_FULL


static int
testStarts(void)
{
    static const struct testStartData good = { .mode = "good", .status = "exited with status 0" };
    static const struct testStartData wrapped = { .mode = "wrapped", .status = "exited with status 0" };
    static const struct testStartData restored = {
        .mode = "good", .state = "QEVM", .machine = "xenfv-3.1-machine",
        .status = "exited with status 0",
    };
    static const struct testStartData altered = {
        .mode = "good", .state = "QEVN", .machine = "xenfv-3.1-machine",
        .error = "internal error: device model 'dm1' exited while it started: "
                 "exited with status 1: emulator: load of migration failed",
        .code = VIR_ERR_INTERNAL_ERROR, .status = "exited with status 1",
    };
    static const struct testStartData foreign = {
        .mode = "good", .state = "QEVM", .machine = "xenfv-4.2-machine",
        .error = "unsupported configuration: the emulator of device model 'dm1' has machine "
                 "'xenfv-3.1-machine', and its state is of 'xenfv-4.2-machine'",
        .code = VIR_ERR_CONFIG_UNSUPPORTED, .status = "exited with status 0",
    };
    static const bool known = true;
    static const bool unknown = false;
    int ret = 0;

    if (virTestRun("runs", testStart, &good) < 0)
        ret = -1;
    if (virTestRun("runs in a wrapper", testStart, &wrapped) < 0)
        ret = -1;
    if (virTestRun("runs on with a state", testStart, &restored) < 0)
        ret = -1;
    if (virTestRun("is given an altered state", testStart, &altered) < 0)
        ret = -1;
    if (virTestRun("is given the state of another machine", testStart, &foreign) < 0)
        ret = -1;
    if (virTestRun("runs on with registers", testRestored, &known) < 0)
        ret = -1;
    if (virTestRun("runs on without registers", testRestored, &unknown) < 0)
        ret = -1;
    if (virTestRun("runs where another was left", testLeftovers, &good) < 0)
        ret = -1;
    if (virTestRun("permissions", testPermissions, NULL) < 0)
        ret = -1;
    if (virTestRun("has kept a privilege", testPrivileged, NULL) < 0)
        ret = -1;
    if (virTestRun("descriptors", testDescriptors, NULL) < 0)
        ret = -1;
    if (virTestRun("session", testSession, NULL) < 0)
        ret = -1;
    if (virTestRun("is limited", testLimited, "exited with status 0") < 0)
        ret = -1;
    if (virTestRun("cannot be limited", testUnlimited, "exited with status 0") < 0)
        ret = -1;
    if (virTestRun("cannot be opened", testUnopened, NULL) < 0)
        ret = -1;

    return ret;
}


static int
testLives(void)
{
    int ret = 0;

    if (virTestRun("stop several, one of them stubborn", testStopSeveral, NULL) < 0)
        ret = -1;
    if (virTestRun("start and stop in several threads", testThreads, NULL) < 0)
        ret = -1;
    if (virTestRun("stop one that somebody refers to", testReference, NULL) < 0)
        ret = -1;
    if (virTestRun("stop again", testStopAgain, NULL) < 0)
        ret = -1;
    if (virTestRun("stop all that runs under the uid", testStopUID, NULL) < 0)
        ret = -1;
    if (virTestRun("stop all that is in the cgroup", testStopCgroup, NULL) < 0)
        ret = -1;
    if (virTestRun("stop what cannot be signalled", testStopUIDFails,
                   &testStandIn.unsignalled) < 0)
        ret = -1;
    if (virTestRun("stop what is in a cgroup that cannot be ended", testStopUIDFails,
                   &testStandIn.ungrouped) < 0)
        ret = -1;
    if (virTestRun("stop what does not end", testStopLives, NULL) < 0)
        ret = -1;

    /* of those that end a crash, the one that no sanitizer catches */
    if (virTestRun("end by a crash", testEnd, GINT_TO_POINTER(SIGABRT)) < 0)
        ret = -1;
    if (virTestRun("end by a kill", testEnd, GINT_TO_POINTER(SIGKILL)) < 0)
        ret = -1;
    if (virTestRun("end for want of memory", testEndRanOut, GINT_TO_POINTER(SIGKILL)) < 0)
        ret = -1;
    if (virTestRun("end by a crash in spite of want of memory", testEndRanOut,
                   GINT_TO_POINTER(SIGABRT)) < 0)
        ret = -1;
    if (virTestRun("end of one that is traced", testEndTraced, GINT_TO_POINTER(TEST_TRACED_ASK)) < 0)
        ret = -1;
    if (virTestRun("end of one that is traced, and of the rest", testEndTraced,
                   GINT_TO_POINTER(TEST_TRACED_REST)) < 0)
        ret = -1;
    if (virTestRun("stop one that is traced", testEndTraced, GINT_TO_POINTER(TEST_TRACED_END)) < 0)
        ret = -1;
    if (virTestRun("end that nobody asks for", testEndForgotten, NULL) < 0)
        ret = -1;
    if (virTestRun("end of another daemon's child", testEndElsewhere, NULL) < 0)
        ret = -1;
    if (virTestRun("end that no daemon saw", testEndUnseen, NULL) < 0)
        ret = -1;

    if (virTestRun("reopen", testReopen, NULL) < 0)
        ret = -1;
    if (virTestRun("reopen one that ended", testReopenEnded, NULL) < 0)
        ret = -1;
    if (virTestRun("reopen: recycled pid", testReopenStranger, NULL) < 0)
        ret = -1;
    if (virTestRun("reopen: forged pid", testReopenForged, NULL) < 0)
        ret = -1;
    if (virTestRun("reopen: gave up its lock", testReopenUnlocked, NULL) < 0)
        ret = -1;
    if (virTestRun("reopen: unreadable pid file", testReopenUnknown, NULL) < 0)
        ret = -1;
    if (virTestRun("reopen: no pid file", testReopenContent, NULL) < 0)
        ret = -1;
    if (virTestRun("reopen: empty pid file", testReopenContent, "") < 0)
        ret = -1;
    if (virTestRun("reopen: no number", testReopenContent, "lan\n") < 0)
        ret = -1;
    if (virTestRun("reopen: negative pid", testReopenContent, "-1\n") < 0)
        ret = -1;

    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    /* orphans become children of the test */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ||
        !(testDir = g_dir_make_tmp("devicemodel-XXXXXX", NULL)))
        return EXIT_FAILURE;

    /* the scope library is that of the build */
    g_setenv("LIBVIRT_DIR_OVERRIDE", "1", TRUE);
    virFileActivateDirOverrideForLib();

    if (testStarts() < 0)
        ret = -1;
    if (testEnding() < 0)
        ret = -1;
    if (testMisbehaving() < 0)
        ret = -1;
    if (testScripts() < 0)
        ret = -1;
    if (testHost() < 0)
        ret = -1;
    if (testLives() < 0)
        ret = -1;

    virFileDeleteTree(testDir);
    g_free(testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
