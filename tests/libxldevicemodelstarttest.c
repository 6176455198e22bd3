/*
 * libxldevicemodelstarttest.c: what the secondaries of a domain are given when it
 * starts
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stands in for virtlogd, for what touches the host before it, and for the processes,
 * which report what a test says.  Where it says nothing, each start ends where a process
 * would be started, with an error.
 */

#include <config.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel.h"
#include "libxl/libxl_devicemodel_ioreq.h"
#include "libxl/libxl_devicemodel_net.h"
#include "libxl/libxl_devicemodel_start.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestdriver.h"
#include "libxldevicemodeltestthreads.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestvirtlogd.h"
#include "libxldevicemodeltestxenstore.h"
#include "viralloc.h"
#include "virfile.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DOMID 7
#define TEST_NIC_SLOT 0x1f
#define TEST_MEMORY 300 /* MiB; what an administrator gives secondaries */
#define TEST_HOLD_TIME 9 /* seconds; likewise */

static libxlDriverPrivate *driver;
static char *testDir; /* the driver's folders */

/* How often there is time left. */
static size_t testPatience;

/* What the next process is: its ioreq server, and whether it ends at once. */
typedef struct _testProcess testProcess;
struct _testProcess {
    const char *name;
    unsigned int ioservid;
    bool ends;
};

static const testProcess *testProcesses;
static char *testRun; /* the emulator that the last of them runs */
static const virDomainDef *testDef; /* what libxl knows */
static bool testStranger; /* no process runs as the driver */


uid_t
geteuid(void)
{
    uid_t (*real)(void) = dlsym(RTLD_NEXT, "geteuid");

    return testStranger ? real() + 1 : real();
}


/* Who only asks whether a process lives does not wait. */
unsigned long long
libxlDeviceModelTimeLeft(gint64 deadline)
{
    if (deadline == 0)
        return 0;

    return testPatience > 0 ? testPatience-- : 0;
}


int
libxlDeviceModelPrivilegePrepare(libxlDeviceModelPrivilege *privilege G_GNUC_UNUSED,
                                 const char *emulator)
{
    g_free(testRun);
    testRun = g_strdup(emulator);
    return 0;
}


int
libxlDeviceModelNetConnect(virDomainDef *def G_GNUC_UNUSED,
                           libxlDeviceModel *dm G_GNUC_UNUSED,
                           const libxlDeviceModelConfig *config G_GNUC_UNUSED,
                           int *taps G_GNUC_UNUSED)
{
    return 0;
}


/* The process would write to virtlogd's pipe, and to nothing else, and have the memory
 * that it may. */
int
libxlDeviceModelSpawn(libxlDeviceModelStarting *starting)
{
    struct stat log;
    struct stat end;

    if (testProcesses) {
        pid_t pid = fork();

        if (pid == 0) {
            /* whoever runs a test that fails waits for what has its output */
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            while (true)
                pause();
        }
        return libxlDeviceModelOpen(starting->dm, pid);
    }

    if (fstat(domainLogContextGetWriteFD(starting->log), &log) == 0 &&
        fstat(testLog.pipe[1], &end) == 0 &&
        log.st_dev == end.st_dev && log.st_ino == end.st_ino &&
        starting->limits.memory == TEST_MEMORY * 1024 &&
        starting->limits.processes == starting->privilege->processes)
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "would be started");
    else
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "has another log, or other limits");

    return -1;
}


static const testProcess *
testProcessFind(const char *name)
{
    size_t i = 0;

    while (STRNEQ(testProcesses[i].name, name))
        i++;

    return &testProcesses[i];
}


int
libxlDeviceModelAwait(libxlDeviceModelStarting *starting,
                      gint64 deadline G_GNUC_UNUSED)
{
    const testProcess *process = testProcessFind(starting->dm->name);

    starting->dm->ioservid = process->ioservid;
    if (process->ends) {
        syscall(SYS_pidfd_send_signal, starting->dm->process.pidfd, SIGKILL, NULL, 0);
        while (libxlDeviceModelIsAlive(starting->dm))
            g_usleep(1000);
    }

    return 0;
}


int
libxlDeviceModelIoreqRelease(const libxlDeviceModelIoreq *ioreq G_GNUC_UNUSED,
                             libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    return 0;
}


int
libxl_domain_info(libxl_ctx *ctx G_GNUC_UNUSED,
                  libxl_dominfo *info,
                  uint32_t domid)
{
    libxl_dominfo_init(info);
    memcpy(libxl_uuid_bytearray(&info->uuid), testDef->uuid, VIR_UUID_BUFLEN);
    info->domid = domid;
    return 0;
}


int
libxl_domain_pause(libxl_ctx *ctx G_GNUC_UNUSED,
                   uint32_t domid G_GNUC_UNUSED,
                   const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    return 0;
}


struct testLogData {
    size_t nbusy;
    int refused;
    size_t patience;
    const char *error;
    size_t nasked;
};


/* What the guest is freed of, should the secondary end, and when, is known from the start on. */
static int
testCheckRelease(const virDomainObj *vm)
{
    const libxlDomainObjPrivate *priv = vm->privateData;

    if (priv->ndevicemodels == 1 && priv->devicemodels[0]->slots == 1U << TEST_NIC_SLOT &&
        priv->devicemodels[0]->irqs == 0 && priv->devicemodels[0]->holdTime == TEST_HOLD_TIME)
        return 0;

    VIR_TEST_VERBOSE("slot %d is not that of the one of %zu secondaries, or it is not held for %d s",
                     TEST_NIC_SLOT, priv->ndevicemodels, TEST_HOLD_TIME);
    return -1;
}


static int
testLogRun(const void *opaque)
{
    const struct testLogData *data = opaque;
    g_autofree char *asked = NULL;
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    libxl_domain_config d_config = { 0 };
    int rc;
    int ret = 0;

    vm->def = libxlDeviceModelTestParseGolden(driver->xmlopt, "nic-e1000");
    vm->def->id = TEST_DOMID;
    asked = g_strdup_printf("libxl %u guest %s/guest-dm-lan.log 0", vm->def->uuid[0], testDir);
    testLog.nbusy = data->nbusy;
    testLog.refused = data->refused;
    testLog.nasked = 0;
    g_clear_pointer(&testLog.asked, g_free);
    testPatience = data->patience;
    testStoreReset();

    rc = libxlDeviceModelsStart(driver, vm, &d_config, -1, LIBXL_SAVE_VERSION);
    if (libxlDeviceModelTestOutcome(rc, testDir, data->error) < 0 ||
        virTestCompareToString(asked, NULLSTR_EMPTY(testLog.asked)) < 0)
        ret = -1;

    if (testLog.nasked != data->nasked) {
        VIR_TEST_VERBOSE("virtlogd was asked %zu times, expected %zu", testLog.nasked, data->nasked);
        ret = -1;
    }

    if (testCheckRelease(vm) < 0)
        ret = -1;

    virDomainObjEndAPI(&vm);
    return ret;
}


struct testReportData {
    testProcess processes[2];
    const char *error;
};


/* What the processes report decides of whether the domain starts. */
static int
testReport(const void *opaque)
{
    const struct testReportData *data = opaque;
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    libxl_domain_config d_config = { 0 };
    int ret;

    vm->def = libxlDeviceModelTestParse(driver->xmlopt, NULL, TEST_EMULATOR TEST_MAIN("")
                                        TEST_LAN(TEST_REF(1))
                                        "<devicemodel name='dmz'>" TEST_REF(2) "</devicemodel>"
                                        TEST_NIC(1) TEST_NIC(2));
    if (!vm->def)
        abort();

    vm->def->id = TEST_DOMID;
    testDef = vm->def;
    testProcesses = data->processes;
    testLog.nbusy = 0;
    testLog.refused = 0;
    testPatience = 1000;
    testStoreReset();

    ret = libxlDeviceModelTestOutcome(libxlDeviceModelsStart(driver, vm, &d_config, -1, LIBXL_SAVE_VERSION),
                                      testDir, data->error);

    libxlDeviceModelsStop(driver, vm);
    testProcesses = NULL;
    testThreadsJoin();

    virDomainObjEndAPI(&vm);
    return ret;
}


static int
testReports(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testReportData data = { __VA_ARGS__ }; \
        if (virTestRun("report " title, testReport, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("servers of their own", .processes = { { "lan", 1 }, { "dmz", 2 } });
    DO_TEST("the same server", .processes = { { "lan", 2 }, { "dmz", 2 } },
            .error = "operation failed: device model 'dmz' reports ioreq server 2, "
                     "which device model 'lan' has");
    DO_TEST("the server of the primary", .processes = { { "lan", 0 }, { "dmz", 2 } },
            .error = "operation failed: device model 'lan' reports ioreq server 0, "
                     "which device model 'main' has");
    DO_TEST("nothing after that", .processes = { { "lan", 1, true }, { "dmz", 2 } },
            .error = "internal error: device model 'lan' exited while it started: "
                     "killed by signal 9 (Killed)");

#undef DO_TEST

    return ret;
}


/* The process that libxl has started for the domain, and what follows from it. */
struct testEmulatorData {
    const char *devices;
    const char *path; /* with which it was executed; NULL: libxl knows none */
    const char *word; /* behind that, or NULL */
    const char *domid; /* whose primary it is; NULL: of TEST_DOMID */
    bool stranger; /* somebody else runs it */
    bool ended;
    libxl_device_model_version version;
    const char *run; /* what the secondary runs */
    const char *shown; /* the emulator of the domain in its live definition */
    const char *error;
};


/* Waits to be killed, in a program that lets it, which is executed when this returns. */
static pid_t
testPrimaryStart(const struct testEmulatorData *data,
                 const int *tap)
{
    const char *domid = data->domid ? data->domid : G_STRINGIFY(TEST_DOMID);
    g_autofree char *netdev = g_strdup_printf("tap,fd=%d", tap[0]);
    const char *args[] = { data->path, "-xen-domid", domid, "-netdev", netdev, NULL };
    const char *wrapped[] = { data->path, data->word, "-xen-domid", domid, "-netdev", netdev, NULL };
    int executed[2];
    char byte;
    pid_t pid;

    if (virPipe(executed) < 0 || (pid = fork()) < 0)
        abort();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (virSetInherit(tap[0], true) == 0)
            execv(TEST_PROGRAM, (char **)(data->word ? wrapped : args));
        _exit(EXIT_FAILURE);
    }

    VIR_FORCE_CLOSE(executed[1]);
    ignore_value(saferead(executed[0], &byte, 1));
    VIR_FORCE_CLOSE(executed[0]);

    g_hash_table_insert(testStore.entries, g_strdup("/local/domain/0/device-model/7/state"),
                        g_strdup("running"));
    g_hash_table_insert(testStore.entries, g_strdup("/local/domain/7/image/device-model-pid"),
                        g_strdup_printf("%lld", (long long)pid));
    return pid;
}


/* Secondaries without an emulator run that which libxl has started for the domain. */
static int
testEmulator(const void *opaque)
{
    const struct testEmulatorData *data = opaque;
    static const testProcess processes[] = { { "lan", 1, false } };
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    libxl_domain_config d_config = { .b_info.device_model_version = data->version };
    pid_t pid = 0;
    int tap[2];
    int ret;

    if (virPipe(tap) < 0 ||
        !(vm->def = libxlDeviceModelTestParse(driver->xmlopt, NULL, data->devices)))
        abort();

    vm->def->id = TEST_DOMID;
    testDef = vm->def;
    testProcesses = processes;
    testLog.nbusy = 0;
    testLog.refused = 0;
    testPatience = 1000;
    g_clear_pointer(&testRun, g_free);
    testStoreReset();
    if (data->path)
        pid = testPrimaryStart(data, tap);
    if (data->ended) {
        siginfo_t info;

        kill(pid, SIGKILL);
        if (waitid(P_PID, pid, &info, WEXITED | WNOWAIT) < 0)
            abort();
    }

    testStranger = data->stranger;
    ret = libxlDeviceModelTestOutcome(libxlDeviceModelsStart(driver, vm, &d_config, -1, LIBXL_SAVE_VERSION),
                                      testDir, data->error);
    testStranger = false;
    if (!data->error &&
        (virTestCompareToString(data->run, NULLSTR(testRun)) < 0 ||
         virTestCompareToString(NULLSTR(data->shown), NULLSTR(vm->def->emulator)) < 0))
        ret = -1;

    libxlDeviceModelsStop(driver, vm);
    testProcesses = NULL;
    testThreadsJoin();
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }

    VIR_FORCE_CLOSE(tap[0]);
    VIR_FORCE_CLOSE(tap[1]);
    virDomainObjEndAPI(&vm);
    return ret;
}


static int
testEmulators(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testEmulatorData data = { __VA_ARGS__ }; \
        if (virTestRun("emulator " title, testEmulator, &data) < 0) \
            ret = -1; \
    } while (0)
#define PAIR(main, lan) TEST_MAIN(main) TEST_LAN(lan TEST_REF(1)) TEST_NIC(1)
#define LIBXL "/bin/false"
#define UNKNOWN TEST_UNSUPPORTED "device model 'lan' has no emulator, and the one that " \
    "libxl has started for 'main' is not known: expected <emulator> in <devices>, " \
    "or device_model_override"

    DO_TEST("that libxl takes", .devices = PAIR("", ""), .path = LIBXL,
            .run = LIBXL, .shown = LIBXL);
    DO_TEST("of the domain", .devices = TEST_EMULATOR PAIR("", ""), .path = LIBXL,
            .run = "/bin/true", .shown = "/bin/true");
    DO_TEST("of the primary", .devices = PAIR(TEST_EMULATOR, ""), .path = LIBXL,
            .run = "/bin/true");
    DO_TEST("of the secondary", .devices = PAIR("", TEST_EMULATOR), .path = LIBXL,
            .run = "/bin/true");

    DO_TEST("of no process", .devices = PAIR("", ""), .error = UNKNOWN);
    DO_TEST("of another domain", .devices = PAIR("", ""), .path = LIBXL, .domid = "8",
            .error = UNKNOWN);
    DO_TEST("of another user", .devices = PAIR("", ""), .path = LIBXL, .stranger = true,
            .error = UNKNOWN);
    DO_TEST("that has ended", .devices = PAIR("", ""), .path = LIBXL, .ended = true,
            .error = UNKNOWN);
    DO_TEST("by a relative path", .devices = PAIR("", ""), .path = "qemu", .error = UNKNOWN);
    DO_TEST("that a shell runs", .devices = PAIR("", ""), .path = "/bin/sh", .word = LIBXL,
            .error = UNKNOWN);
    DO_TEST("that is gone", .devices = PAIR("", ""), .path = "/nonexistent/qemu",
            .error = TEST_UNSUPPORTED "device model 'lan': emulator '/nonexistent/qemu' "
                     "does not exist, expected the path of an executable file");
    DO_TEST("of an old kind", .devices = PAIR("", ""), .path = LIBXL,
            .version = LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL,
            .error = TEST_UNSUPPORTED "device model 'main': libxl has taken "
                     "qemu-xen-traditional, expected a QEMU of Xen's upstream kind as "
                     "<emulator> in <devices>, or as device_model_override");
    DO_TEST("of an old kind for the primary alone", .devices = PAIR("", TEST_EMULATOR),
            .path = LIBXL, .version = LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL,
            .error = TEST_UNSUPPORTED "device model 'main': libxl has taken "
                     "qemu-xen-traditional, expected a QEMU of Xen's upstream kind as "
                     "<emulator> in <devices>, or as device_model_override");

#undef UNKNOWN
#undef LIBXL
#undef PAIR
#undef DO_TEST

    return ret;
}


static int
testLogs(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testLogData data = { __VA_ARGS__ }; \
        if (virTestRun("log " title, testLogRun, &data) < 0) \
            ret = -1; \
    } while (0)
#define STARTED "operation failed: would be started"
#define REFUSED "device model 'lan': no log: "

    DO_TEST("is virtlogd's", .error = STARTED, .nasked = 1);
    DO_TEST("is in use for a while", .nbusy = 2, .patience = 9, .error = STARTED, .nasked = 3);
    DO_TEST("is in use for too long", .nbusy = 9, .patience = 2,
            .error = REFUSED "Device or resource busy", .nasked = 3);
    DO_TEST("is refused", .refused = EACCES, .patience = 9,
            .error = REFUSED "Permission denied", .nasked = 1);

#undef REFUSED
#undef STARTED
#undef DO_TEST

    return ret;
}


struct testImagesData {
    const char *devices;
    const char *error;
};


/* What is looked at before libxl creates a domain. */
static int
testImages(const void *opaque)
{
    const struct testImagesData *data = opaque;
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    int ret;

    vm->def = libxlDeviceModelTestParse(driver->xmlopt, NULL, data->devices);
    if (!vm->def)
        abort();

    ret = libxlDeviceModelTestOutcome(libxlDeviceModelsCheckImages(vm), NULL, data->error);

    virDomainObjEndAPI(&vm);
    return ret;
}


static int
testImagesOfAll(void)
{
    int ret = 0;

#define DO_TEST(title, expected, ...) \
    do { \
        static const struct testImagesData data = { __VA_ARGS__, expected }; \
        if (virTestRun("image " title, testImages, &data) < 0) \
            ret = -1; \
    } while (0)
#define DISK(target, bus) \
    "<disk type='file' device='disk'><source file='/nowhere/" target "'/>" \
    "<target dev='" target "' bus='" bus "'/></disk>"
#define IDE "<capability name='ide'/>"
#define SECONDARY \
    TEST_EMULATOR TEST_MAIN("") "<devicemodel name='disk'>" IDE "</devicemodel>" \
    "<disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>"

    DO_TEST("of a secondary's second disk",
            "device model 'disk': cannot open image '/nowhere/hdb' of disk 'hdb': "
            "No such file or directory",
            SECONDARY DISK("hdb", "ide"));
    DO_TEST("of a PV disk", NULL, SECONDARY DISK("xvda", "xen"));
    DO_TEST("of the primary's disk", NULL,
            TEST_EMULATOR TEST_MAIN(IDE) TEST_LAN(TEST_REF(1)) TEST_NIC(1) DISK("hda", "ide"));
    DO_TEST("of the only device model's disk", NULL, DISK("hda", "ide"));

#undef SECONDARY
#undef IDE
#undef DISK
#undef DO_TEST

    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (virEventRegisterDefaultImpl() < 0 || !(driver = testDriverNew(&testDir)) ||
        testLogInit() < 0)
        return EXIT_FAILURE;

    g_free(driver->config->logDir);
    driver->config->logDir = g_strdup(testDir);
    driver->config->deviceModelLimits.memory = TEST_MEMORY;
    driver->config->deviceModelHoldTime = TEST_HOLD_TIME;

    if (testLogs() < 0)
        ret = -1;
    if (testReports() < 0)
        ret = -1;
    if (testEmulators() < 0)
        ret = -1;
    if (testImagesOfAll() < 0)
        ret = -1;

    testLogFree();
    g_free(testRun);
    testDriverFree(driver, testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
