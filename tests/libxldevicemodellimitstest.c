/*
 * libxldevicemodellimitstest.c: what a secondary takes of the host is limited
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stands in for the kernel's cgroups, with folders and files, and for systemd.  What is
 * written to a file stays there, and what the kernel would do then, the cases do.
 */

#include <config.h>

#include <dlfcn.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_limits.h"
#include "libxldevicemodeltestutils.h"
#include "virerror.h"
#include "virfile.h"
#include "virsystemd.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_NAME "xen-7-1-lan"
#define TEST_FOLDER "machine/" TEST_NAME ".libvirt-xen"
#define TEST_SCOPE "machine.slice/machine-xen\\x2d7\\x2d1\\x2dlan.scope"
#define TEST_PID 4711

static char *testDir; /* has the folders of the kernel, and its files in /proc */
static char *testRoot; /* of the cgroups */

/* What the kernel has in each folder: a name, and what is in it at first. */
typedef struct _testFile testFile;
struct _testFile {
    const char *name;
    const char *content;
};

static const testFile testUnified[] = {
    { "cgroup.controllers", "cpu io memory\n" },
    { "cgroup.subtree_control", "" },
    { "cgroup.procs", "" },
    { "cgroup.events", "populated 0\nfrozen 0\n" },
    { "cgroup.kill", "" },
    { "cpu.max", "max 100000\n" },
    { "cpu.weight", "100\n" },
    { "io.weight", "default 100\n" },
    { "memory.max", "max\n" },
    { "memory.swap.max", "max\n" },
    { "memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\noom_group_kill 0\n" },
    { NULL, NULL }
};

/* The kernel can do without any but the first of them. */
static const testFile testPoor[] = {
    { "cgroup.controllers", "io pids\n" },
    { "cgroup.subtree_control", "" },
    { "cgroup.procs", "" },
    { NULL, NULL }
};

static const testFile testLegacy[] = {
    { "tasks", "" },
    { "cgroup.procs", "" },
    { "cpu.cfs_quota_us", "-1\n" },
    { "cpu.cfs_period_us", "100000\n" },
    { "cpu.shares", "1024\n" },
    { "blkio.weight", "500\n" },
    { "memory.limit_in_bytes", "9223372036854771712\n" },
    { "memory.memsw.limit_in_bytes", "9223372036854771712\n" },
    { "memory.use_hierarchy", "1\n" },
    { "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n" },
    { NULL, NULL }
};

static const testFile *testFiles;

/* What is said of the next machine. */
static int testSystemd;
static const char *testKnown; /* the error of who knows the name still */
static unsigned int testNKnown; /* so often */
static unsigned int testTerminated;
static char *testLeft; /* folder of a cgroup from which its processes go at the next sleep */
static unsigned int testTasks;


static void
testWrite(const char *folder,
          const char *name,
          const char *content)
{
    g_autofree char *path = g_strdup_printf("%s/%s", folder, name);

    if (virFileWriteStr(path, content, 0600) < 0)
        abort();
}


static char *
testRead(const char *folder,
         const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/%s/%s", testRoot, folder, name);
    char *content = NULL;

    if (virFileReadAllQuiet(path, 4096, &content) < 0)
        return NULL;

    return g_strchomp(content);
}


static bool
testIsCgroup(const char *path)
{
    return testRoot && STRPREFIX(path, testRoot);
}


static void
testFill(const char *path)
{
    size_t i;

    for (i = 0; testFiles[i].name; i++)
        testWrite(path, testFiles[i].name, testFiles[i].content);
}


int
mkdir(const char *path,
      mode_t mode)
{
    int (*real)(const char *path, mode_t mode) = dlsym(RTLD_NEXT, "mkdir");
    int rc = real(path, mode);

    if (rc == 0 && testFiles && testIsCgroup(path))
        testFill(path);

    return rc;
}


int
rmdir(const char *path)
{
    int (*real)(const char *path) = dlsym(RTLD_NEXT, "rmdir");
    size_t i;

    for (i = 0; testFiles && testIsCgroup(path) && testFiles[i].name; i++) {
        g_autofree char *file = g_strdup_printf("%s/%s", path, testFiles[i].name);

        unlink(file);
    }

    return real(path);
}


FILE *
fopen(const char *path,
      const char *mode)
{
    FILE *(*real)(const char *path, const char *mode) = dlsym(RTLD_NEXT, "fopen");
    g_autofree char *other = NULL;

    if (testDir && STRPREFIX(path, "/proc/"))
        other = g_strdup_printf("%s/%s", testDir, strrchr(path, '/') + 1);

    return real(other ? other : path, mode);
}


int
virSystemdCreateMachine(const char *name G_GNUC_UNUSED,
                        const char *drivername G_GNUC_UNUSED,
                        const unsigned char *uuid G_GNUC_UNUSED,
                        const char *rootdir G_GNUC_UNUSED,
                        pid_t pidleader G_GNUC_UNUSED,
                        bool iscontainer G_GNUC_UNUSED,
                        size_t nnicindexes G_GNUC_UNUSED,
                        int *nicindexes G_GNUC_UNUSED,
                        const char *partition G_GNUC_UNUSED,
                        unsigned int maxthreads)
{
    g_autofree char *scope = g_strdup_printf("%s/%s", testRoot, TEST_SCOPE);

    testTasks = maxthreads;
    if (testNKnown > 0) {
        testNKnown--;
        virRaiseErrorFull(__FILE__, __FUNCTION__, __LINE__, VIR_FROM_THIS, VIR_ERR_DBUS_SERVICE,
                          VIR_ERR_ERROR, testKnown, NULL, NULL, 0, 0, "%s", "it exists");
        return -1;
    }

    if (testSystemd == 0) {
        if (g_mkdir_with_parents(scope, 0700) < 0)
            abort();
        testWrite(testDir, "cgroup", "0::/" TEST_SCOPE "\n");
    } else if (testSystemd == -1) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "no such machine");
    }

    return testSystemd;
}


int
virSystemdTerminateMachine(const char *name)
{
    if (STREQ(name, TEST_NAME))
        testTerminated++;
    return 0;
}


void
g_usleep(gulong us)
{
    void (*real)(gulong us) = dlsym(RTLD_NEXT, "g_usleep");

    real(us);
    if (testLeft)
        testWrite(testLeft, "cgroup.events", "populated 0\nfrozen 0\n");
    g_clear_pointer(&testLeft, g_free);
}


char *
virSystemdGetMachineUnitByPID(pid_t pid G_GNUC_UNUSED)
{
    return g_strdup("machine-xen.scope");
}


/* A host, with the files that it has in each cgroup. */
static void
testHost(const testFile *files)
{
    static const char *controllers[] = { "cpu,cpuacct", "memory", "blkio" };
    g_auto(virBuffer) mounts = VIR_BUFFER_INITIALIZER;
    g_autofree char *text = NULL;
    size_t i;

    testFiles = NULL;
    if (testRoot)
        virFileDeleteTree(testRoot);
    g_free(testRoot);
    testRoot = g_strdup_printf("%s/cgroup.%p", testDir, files);
    testFiles = files;
    testSystemd = -2;
    testTasks = testNKnown = testTerminated = 0;

    if (files == testLegacy) {
        for (i = 0; i < G_N_ELEMENTS(controllers); i++) {
            g_autofree char *path = g_strdup_printf("%s/%s", testRoot, controllers[i]);

            if (g_mkdir_with_parents(path, 0700) < 0)
                abort();
            virBufferAsprintf(&mounts, "cgroup %s cgroup rw,%s 0 0\n", path, controllers[i]);
        }
        testWrite(testDir, "cgroup", "3:cpu,cpuacct:/\n2:memory:/\n1:blkio:/\n");
    } else {
        if (files && mkdir(testRoot, 0700) < 0)
            abort();
        virBufferAsprintf(&mounts, files ? "cgroup2 %s cgroup2 rw 0 0\n" : "none %s tmpfs rw 0 0\n",
                          testRoot);
        testWrite(testDir, "cgroup", "0::/\n");
    }

    text = virBufferContentAndReset(&mounts);
    testWrite(testDir, "mounts", text);
    testWrite(testDir, "cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
}


static int
testExpect(const char *folder,
           const char *name,
           const char *expected)
{
    g_autofree char *content = testRead(folder, name);

    if (STREQ_NULLABLE(content, expected))
        return 0;

    VIR_TEST_VERBOSE("'%s' in %s/%s, expected '%s'",
                     NULLSTR(content), folder, name, NULLSTR(expected));
    return -1;
}


struct testConfData {
    const char *text;
    const char *error;
    libxlDeviceModelLimitsConf limits;
};


static int
testConf(const void *opaque)
{
    const struct testConfData *data = opaque;
    libxlDeviceModelLimitsConf limits = { 0 };
    g_autoptr(virConf) conf = virConfReadString(data->text, 0);

    if (!conf ||
        libxlDeviceModelTestOutcome(libxlDeviceModelLimitsLoadConf(conf, &limits), testDir,
                                    data->error) < 0)
        return -1;

    if (!data->error && memcmp(&limits, &data->limits, sizeof(limits)) != 0) {
        VIR_TEST_VERBOSE("memory %u, processors %u, weights %u and %u",
                         limits.memory, limits.cpuLimit, limits.cpuWeight, limits.ioWeight);
        return -1;
    }

    return 0;
}


struct testInitData {
    libxlDeviceModelLimitsConf conf;
    size_t ndisks;
    libxlDeviceModelLimits limits;
};


static int
testInit(const void *opaque)
{
    const struct testInitData *data = opaque;
    libxlDeviceModelLimits limits;

    memset(&limits, 0, sizeof(limits));
    libxlDeviceModelLimitsInit(&limits, &data->conf, data->ndisks, 129);

    if (limits.memory == data->limits.memory && limits.cpuQuota == data->limits.cpuQuota &&
        limits.cpuWeight == data->limits.cpuWeight && limits.ioWeight == data->limits.ioWeight &&
        limits.processes == 129)
        return 0;

    VIR_TEST_VERBOSE("memory %llu, quota %lld, weights %u and %u, processes %u",
                     limits.memory, limits.cpuQuota, limits.cpuWeight, limits.ioWeight,
                     limits.processes);
    return -1;
}


/* Two names that a machine may not have become one, and are told apart by the ids. */
static int
testName(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *name = libxlDeviceModelCgroupName(7, 1, "lan");
    g_autofree char *odd = libxlDeviceModelCgroupName(7, 2, "_l.-a_n.");
    g_autofree char *none = libxlDeviceModelCgroupName(32751, 7, "__");

    if (STREQ(name, TEST_NAME) && STREQ(odd, "xen-7-2-l.an") && STREQ(none, "xen-32751-7"))
        return 0;

    VIR_TEST_VERBOSE("'%s', '%s', '%s'", name, odd, none);
    return -1;
}


static const libxlDeviceModelLimits testLimits = {
    .memory = 384 * 1024,
    .cpuQuota = 150000,
    .cpuWeight = 50,
    .ioWeight = 20,
    .processes = 129,
};


static int
testApply(const libxlDeviceModelLimits *limits)
{
    if (libxlDeviceModelLimitsApply(limits, TEST_NAME, TEST_PID) == 0)
        return 0;

    VIR_TEST_VERBOSE("%s", virGetLastErrorMessage());
    return -1;
}


static int
testUnifiedApply(const void *opaque G_GNUC_UNUSED)
{
    testHost(testUnified);

    if (testApply(&testLimits) < 0 ||
        testExpect(TEST_FOLDER, "cgroup.procs", "4711") < 0 ||
        testExpect(TEST_FOLDER, "memory.max", "402653184") < 0 ||
        testExpect(TEST_FOLDER, "memory.swap.max", "0") < 0 ||
        testExpect(TEST_FOLDER, "cpu.max", "150000") < 0 ||
        testExpect(TEST_FOLDER, "cpu.weight", "50") < 0 ||
        testExpect(TEST_FOLDER, "io.weight", "default 20") < 0)
        return -1;

    return 0;
}


static int
testLegacyApply(const void *opaque G_GNUC_UNUSED)
{
    testHost(testLegacy);

    if (testApply(&testLimits) < 0 ||
        testExpect("memory/" TEST_FOLDER, "tasks", "4711") < 0 ||
        testExpect("memory/" TEST_FOLDER, "memory.limit_in_bytes", "402653184") < 0 ||
        testExpect("memory/" TEST_FOLDER, "memory.memsw.limit_in_bytes", "402653184") < 0 ||
        testExpect("cpu,cpuacct/" TEST_FOLDER, "tasks", "4711") < 0 ||
        testExpect("cpu,cpuacct/" TEST_FOLDER, "cpu.cfs_quota_us", "150000") < 0 ||
        testExpect("cpu,cpuacct/" TEST_FOLDER, "cpu.shares", "512") < 0 ||
        testExpect("blkio/" TEST_FOLDER, "tasks", "4711") < 0 ||
        testExpect("blkio/" TEST_FOLDER, "blkio.weight", "20") < 0)
        return -1;

    return 0;
}


/* What an administrator wants no limit of stays as the kernel has it. */
static int
testUnlimited(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelLimits limits = { .processes = 129 };

    testHost(testUnified);

    if (testApply(&limits) < 0 ||
        testExpect(TEST_FOLDER, "cgroup.procs", "4711") < 0 ||
        testExpect(TEST_FOLDER, "memory.max", "max") < 0 ||
        testExpect(TEST_FOLDER, "memory.swap.max", "max") < 0 ||
        testExpect(TEST_FOLDER, "cpu.max", "max 100000") < 0 ||
        testExpect(TEST_FOLDER, "cpu.weight", "100") < 0 ||
        testExpect(TEST_FOLDER, "io.weight", "default 100") < 0)
        return -1;

    return 0;
}


/* systemd may set what the scope has to what it believes: what libvirt makes in it is its
 * own. */
static int
testScope(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelLimits limits = { .memory = 384 * 1024, .cpuQuota = 200000, .processes = 129 };

    testHost(testUnified);
    testSystemd = 0;

    if (testApply(&limits) < 0 ||
        testExpect(TEST_SCOPE "/libvirt", "cgroup.procs", "4711") < 0 ||
        testExpect(TEST_SCOPE "/libvirt", "memory.max", "402653184") < 0 ||
        testExpect(TEST_SCOPE "/libvirt", "cpu.max", "200000") < 0 ||
        testExpect(TEST_SCOPE, "memory.max", "max") < 0 ||
        testExpect(TEST_FOLDER, "cgroup.procs", NULL) < 0)
        return -1;

    if (testTasks != 129) {
        VIR_TEST_VERBOSE("%u tasks", testTasks);
        return -1;
    }

    if (libxlDeviceModelCgroupEnd(TEST_NAME) != 0)
        return -1;

    return testExpect(TEST_SCOPE, "cgroup.procs", NULL);
}


/* systemd and machined forget a name some time after what has had it, or do not. */
static int
testScopeKnown(const void *opaque)
{
    libxlDeviceModelLimits limits = { .memory = 384 * 1024, .processes = 129 };
    int rc;

    testHost(testUnified);
    testSystemd = 0;
    testKnown = opaque;
    testNKnown = 3;
    if (testApply(&limits) < 0 || testTerminated != 3 ||
        testExpect(TEST_SCOPE "/libvirt", "memory.max", "402653184") < 0)
        return -1;

    testHost(testUnified);
    testSystemd = 0;
    testNKnown = UINT_MAX;
    rc = libxlDeviceModelLimitsApply(&testLimits, TEST_NAME, TEST_PID);
    testNKnown = 0;
    return libxlDeviceModelTestOutcome(rc, testDir, "it exists");
}


/* Another error of theirs is told at once. */
static int
testScopeUnknown(const void *opaque G_GNUC_UNUSED)
{
    int rc;

    testHost(testUnified);
    testSystemd = 0;
    testKnown = "org.freedesktop.DBus.Error.AccessDenied";
    testNKnown = 1;
    rc = libxlDeviceModelLimitsApply(&testLimits, TEST_NAME, TEST_PID);
    if (testTerminated > 0)
        return -1;
    return libxlDeviceModelTestOutcome(rc, testDir, "it exists");
}


/* What an earlier process has left is not in the cgroup of the next. */
static int
testLeftProcess(const void *opaque)
{
    bool ends = GPOINTER_TO_INT(opaque);
    g_autofree char *folder = NULL;
    int rc;

    testHost(testUnified);
    if (testApply(&testLimits) < 0)
        return -1;

    folder = g_strdup_printf("%s/" TEST_FOLDER, testRoot);
    testWrite(folder, "cgroup.events", "populated 1\nfrozen 0\n");
    testLeft = ends ? g_strdup(folder) : NULL;
    rc = libxlDeviceModelLimitsApply(&testLimits, TEST_NAME, TEST_PID);
    return libxlDeviceModelTestOutcome(rc, NULL, ends ? NULL :
                                       "operation failed: what an earlier process has left in cgroup '" TEST_NAME "' does not end");
}


static int
testScopeRefused(const void *opaque G_GNUC_UNUSED)
{
    testHost(testUnified);
    testSystemd = -1;

    return libxlDeviceModelTestOutcome(libxlDeviceModelLimitsApply(&testLimits, TEST_NAME, TEST_PID),
                                       testDir, "operation failed: no such machine");
}


/* A host without cgroups, or with few controllers, has the secondaries start all the
 * same. */
static int
testPoorHosts(const void *opaque G_GNUC_UNUSED)
{
    testHost(NULL);
    if (testApply(&testLimits) < 0 ||
        libxlDeviceModelCgroupRanOut(TEST_NAME) ||
        libxlDeviceModelCgroupEnd(TEST_NAME) != 0)
        return -1;

    testHost(testPoor);
    if (testApply(&testLimits) < 0 ||
        testExpect(TEST_FOLDER, "cgroup.procs", "4711") < 0 ||
        libxlDeviceModelCgroupRanOut(TEST_NAME) ||
        libxlDeviceModelCgroupEnd(TEST_NAME) != 0)
        return -1;

    return testExpect(TEST_FOLDER, "cgroup.procs", NULL);
}


/* What the host has must work: here libvirt knows that it would not. */
static int
testLimitRefused(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelLimits limits = testLimits;

    limits.cpuWeight = 10001;
    testHost(testUnified);

    return libxlDeviceModelTestOutcome(libxlDeviceModelLimitsApply(&limits, TEST_NAME, TEST_PID),
                                       testDir,
                                       "invalid argument: shares '10001' must be in range [1, 10000]");
}


/* The kernel says that there are processes, and is told to kill them; once there are
 * none, the folder goes. */
static int
testUnifiedEnd(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *folder = NULL;

    testHost(testUnified);
    if (libxlDeviceModelCgroupEnd(TEST_NAME) != 0 ||
        testApply(&testLimits) < 0)
        return -1;

    folder = g_strdup_printf("%s/" TEST_FOLDER, testRoot);
    testWrite(folder, "cgroup.events", "populated 1\nfrozen 0\n");
    if (libxlDeviceModelCgroupEnd(TEST_NAME) != 1 ||
        testExpect(TEST_FOLDER, "cgroup.kill", "1") < 0)
        return -1;

    testWrite(folder, "cgroup.events", "populated 0\nfrozen 0\n");
    if (libxlDeviceModelCgroupEnd(TEST_NAME) != 0 ||
        testExpect(TEST_FOLDER, "cgroup.procs", NULL) < 0)
        return -1;

    return libxlDeviceModelCgroupEnd(TEST_NAME);
}


/* As many calls as it takes, each with one file more that can be opened, until one says that
 * there are processes: none of those before takes that for nothing. */
static int
testFileless(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *folder = NULL;
    struct rlimit all;
    struct rlimit limit;
    int rc = -1;

    testHost(testUnified);
    if (testApply(&testLimits) < 0 || getrlimit(RLIMIT_NOFILE, &all) < 0)
        return -1;

    folder = g_strdup_printf("%s/" TEST_FOLDER, testRoot);
    testWrite(folder, "cgroup.events", "populated 1\nfrozen 0\n");

    for (limit = all, limit.rlim_cur = 0; rc < 0 && limit.rlim_cur < 64; limit.rlim_cur++) {
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            return -1;
        rc = libxlDeviceModelCgroupEnd(TEST_NAME);
        if (rc < 0 && virGetLastErrorCode() == VIR_ERR_OK)
            break;
        virResetLastError();
    }

    if (setrlimit(RLIMIT_NOFILE, &all) < 0)
        return -1;

    VIR_TEST_DEBUG("%d with %llu files", rc, (unsigned long long)limit.rlim_cur);
    return rc == 1 && limit.rlim_cur > 4 ? testExpect(TEST_FOLDER, "cgroup.kill", "1") : -1;
}


/* What the kernel does not say is not taken for nothing. */
static int
testUnreadable(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = NULL;
    g_autofree char *expected = NULL;
    int rc;

    testHost(testUnified);
    if (testApply(&testLimits) < 0)
        return -1;

    path = g_strdup_printf("%s/" TEST_FOLDER "/cgroup.events", testRoot);
    expected = g_strdup_printf("cannot read file '%s': Is a directory", path);
    testFiles = NULL;
    if (unlink(path) < 0 || mkdir(path, 0700) < 0)
        return -1;

    rc = libxlDeviceModelCgroupEnd(TEST_NAME);
    testFiles = testUnified;
    return libxlDeviceModelTestOutcome(rc, NULL, expected);
}


/* None starts without limits, for the host seems to have none. */
static int
testFilelessApply(const void *opaque G_GNUC_UNUSED)
{
    struct rlimit all;
    struct rlimit limit;
    int rc;

    testHost(testUnified);
    if (getrlimit(RLIMIT_NOFILE, &all) < 0)
        return -1;

    limit = all;
    limit.rlim_cur = 0;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -1;
    rc = libxlDeviceModelLimitsApply(&testLimits, TEST_NAME, TEST_PID);
    if (setrlimit(RLIMIT_NOFILE, &all) < 0)
        return -1;

    return libxlDeviceModelTestOutcome(rc, testDir,
                                       "cannot open file '/proc/mounts': Too many open files");
}


/* A kernel that cannot kill all at once has a list of them. */
static int
testLegacyEnd(const void *opaque G_GNUC_UNUSED)
{
    static const char *controllers[] = { "cpu,cpuacct", "memory", "blkio" };
    pid_t pid = fork();
    int status = 0;
    size_t i;
    int rc;

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (true)
            pause();
    }

    testHost(testLegacy);
    if (libxlDeviceModelLimitsApply(&testLimits, TEST_NAME, pid) < 0)
        return -1;

    rc = libxlDeviceModelCgroupEnd(TEST_NAME);
    if (rc != 1)
        kill(pid, SIGTERM);
    if (waitpid(pid, &status, 0) != pid || rc != 1 ||
        !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        VIR_TEST_VERBOSE("%d, and status %d", rc, status);
        return -1;
    }

    for (i = 0; i < G_N_ELEMENTS(controllers); i++) {
        g_autofree char *folder = g_strdup_printf("%s/%s/" TEST_FOLDER, testRoot, controllers[i]);

        testWrite(folder, "tasks", "");
    }

    if (libxlDeviceModelCgroupEnd(TEST_NAME) != 0)
        return -1;

    for (i = 0; i < G_N_ELEMENTS(controllers); i++) {
        g_autofree char *folder = g_strdup_printf("%s/" TEST_FOLDER, controllers[i]);

        if (testExpect(folder, "tasks", NULL) < 0)
            return -1;
    }

    return 0;
}


/* What is left of an earlier one is not what the next is in, or reads. */
static int
testLeftover(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelLimits limits = { .processes = 129 };
    g_autofree char *folder = NULL;

    testHost(testUnified);
    if (testApply(&testLimits) < 0)
        return -1;

    folder = g_strdup_printf("%s/" TEST_FOLDER, testRoot);
    testWrite(folder, "memory.events", "low 0\noom 1\noom_kill 1\n");
    if (testApply(&limits) < 0 ||
        testExpect(TEST_FOLDER, "memory.max", "max") < 0)
        return -1;

    return libxlDeviceModelCgroupRanOut(TEST_NAME) ? -1 : 0;
}


static int
testRanOut(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *folder = NULL;
    g_autofree char *legacy = NULL;

    testHost(testUnified);
    if (testApply(&testLimits) < 0 || libxlDeviceModelCgroupRanOut(TEST_NAME))
        return -1;

    folder = g_strdup_printf("%s/" TEST_FOLDER, testRoot);
    testWrite(folder, "memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 10\n");
    if (!libxlDeviceModelCgroupRanOut(TEST_NAME) ||
        libxlDeviceModelCgroupRanOut("xen-7-2-wan"))
        return -1;

    testHost(testLegacy);
    if (testApply(&testLimits) < 0 || libxlDeviceModelCgroupRanOut(TEST_NAME))
        return -1;

    legacy = g_strdup_printf("%s/memory/" TEST_FOLDER, testRoot);
    testWrite(legacy, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    return libxlDeviceModelCgroupRanOut(TEST_NAME) ? 0 : -1;
}


static int
mymain(void)
{
    g_autofree char *template = g_strdup_printf("%s/libxldevicemodellimitsXXXXXX", abs_builddir);
    int ret = 0;

    if (!(testDir = g_mkdtemp(template)))
        return EXIT_FAILURE;

#define DO_TEST(name, func, data) \
    do { \
        if (virTestRun(name, func, data) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST_CONF(conf, err, ...) \
    do { \
        const struct testConfData data = { conf, err, { __VA_ARGS__ } }; \
        DO_TEST("libxl.conf: " conf, testConf, &data); \
    } while (0)

#define UNLIMITED LIBXL_DEVICE_MODEL_UNLIMITED
#define OR_NONE ", or 0 for no limit"
#define REFUSED "unsupported configuration: "

    DO_TEST_CONF("", NULL, 0, 0, 0, 0);
    DO_TEST_CONF("device_model_memory_limit = 512\n", NULL, 512, 0, 0, 0);
    DO_TEST_CONF("device_model_memory_limit = 64\n", NULL, 64, 0, 0, 0);
    DO_TEST_CONF("device_model_memory_limit = 1048576\n", NULL, 1048576, 0, 0, 0);
    DO_TEST_CONF("device_model_memory_limit = 0\n", NULL, UNLIMITED, 0, 0, 0);
    DO_TEST_CONF("device_model_memory_limit = 63\n",
                 REFUSED "device_model_memory_limit = 63, expected a number from 64 to 1048576" OR_NONE, 0);
    DO_TEST_CONF("device_model_memory_limit = 1048577\n",
                 REFUSED "device_model_memory_limit = 1048577, expected a number from 64 to 1048576" OR_NONE, 0);
    DO_TEST_CONF("device_model_memory_limit = 4294967295\n",
                 REFUSED "device_model_memory_limit = 4294967295, expected a number from 64 to 1048576" OR_NONE, 0);
    DO_TEST_CONF("device_model_memory_limit = \"512\"\n",
                 "internal error: memory conf: expected an unsigned integer for 'device_model_memory_limit' parameter", 0);
    DO_TEST_CONF("device_model_cpu_limit = 10\n", NULL, 0, 10, 0, 0);
    DO_TEST_CONF("device_model_cpu_limit = 0\n", NULL, 0, UNLIMITED, 0, 0);
    DO_TEST_CONF("device_model_cpu_limit = 9\n",
                 REFUSED "device_model_cpu_limit = 9, expected a number from 10 to 100000" OR_NONE, 0);
    DO_TEST_CONF("device_model_cpu_weight = 10000\n", NULL, 0, 0, 10000, 0);
    DO_TEST_CONF("device_model_cpu_weight = 0\n",
                 REFUSED "device_model_cpu_weight = 0, expected a number from 1 to 10000", 0);
    DO_TEST_CONF("device_model_io_weight = 10\n", NULL, 0, 0, 0, 10);
    DO_TEST_CONF("device_model_io_weight = 1001\n",
                 REFUSED "device_model_io_weight = 1001, expected a number from 10 to 1000", 0);

#define DO_TEST_INIT(name, conf, disks, memory, quota, cpu, io) \
    do { \
        const struct testInitData data = { conf, disks, { memory, quota, cpu, io, 129 } }; \
        DO_TEST("limits: " name, testInit, &data); \
    } while (0)

#define CONF(...) ((libxlDeviceModelLimitsConf) { __VA_ARGS__ })

    DO_TEST_INIT("libvirt's choice", CONF(0), 0, 262144, 200000, 0, 0);
    DO_TEST_INIT("with disks", CONF(0), 4, 786432, 200000, 0, 0);
    DO_TEST_INIT("an administrator's", CONF(100, 50, 7, 300), 4, 102400, 50000, 7, 300);
    DO_TEST_INIT("the largest", CONF(1048576, 100000, 0, 0), 0, 1073741824, 100000000, 0, 0);
    DO_TEST_INIT("none", CONF(UNLIMITED, UNLIMITED, 0, 0), 4, 0, 0, 0, 0);

    DO_TEST("names", testName, NULL);
    DO_TEST("version 2", testUnifiedApply, NULL);
    DO_TEST("version 1", testLegacyApply, NULL);
    DO_TEST("no limits", testUnlimited, NULL);
    DO_TEST("a scope of systemd", testScope, NULL);
    DO_TEST("systemd refuses", testScopeRefused, NULL);
    DO_TEST("machined knows the name still", testScopeKnown, "org.freedesktop.machine1.MachineExists");
    DO_TEST("systemd knows the name still", testScopeKnown, "org.freedesktop.systemd1.UnitExists");
    DO_TEST("machined refuses", testScopeUnknown, NULL);
    DO_TEST("an earlier process ends late", testLeftProcess, GINT_TO_POINTER(true));
    DO_TEST("an earlier process does not end", testLeftProcess, GINT_TO_POINTER(false));
    DO_TEST("hosts that have little", testPoorHosts, NULL);
    DO_TEST("a limit is refused", testLimitRefused, NULL);
    DO_TEST("end, version 2", testUnifiedEnd, NULL);
    DO_TEST("end, version 1", testLegacyEnd, NULL);
    DO_TEST("end of what cannot be read", testUnreadable, NULL);
    DO_TEST("end with no file left", testFileless, NULL);
    DO_TEST("no file left to limit with", testFilelessApply, NULL);
    DO_TEST("a leftover", testLeftover, NULL);
    DO_TEST("want of memory", testRanOut, NULL);

    testFiles = NULL;
    virFileDeleteTree(testDir);
    g_free(testRoot);
    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
