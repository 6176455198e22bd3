/*
 * libxldevicemodelstarttest.c: what the secondaries of a domain are given when it
 * starts
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stands in for virtlogd, and for what touches the host before it.  No process is
 * started: each start ends where one would be, with an error.
 */

#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "libxl/libxl_devicemodel.h"
#include "libxl/libxl_devicemodel_net.h"
#include "libxl/libxl_devicemodel_start.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestxenstore.h"
#include "logging/log_manager.h"
#include "viralloc.h"
#include "virfile.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DOMID 7
#define TEST_SLOT 0x1f

static libxlDriverPrivate *driver;
static char *testDir; /* the driver's folders */

/* virtlogd, and what it was asked for. */
static struct {
    size_t nbusy; /* how often it has yet to say that a log is in use */
    int refused; /* errno with which it refuses a log otherwise, or 0 */
    size_t nasked;
    char *asked; /* what for, the last time */
    int pipe[2]; /* the log that it opened; the first end is its own */
} testLog;

/* How often there is time left. */
static size_t testPatience;


virLogManager *
virLogManagerNew(bool privileged G_GNUC_UNUSED)
{
    return g_malloc0(1);
}


void
virLogManagerFree(virLogManager *mgr)
{
    g_free(mgr);
}


int
virLogManagerDomainOpenLogFile(virLogManager *mgr G_GNUC_UNUSED,
                               const char *driverName,
                               const unsigned char *domuuid G_GNUC_UNUSED,
                               const char *domname,
                               const char *path,
                               unsigned int flags,
                               ino_t *inode,
                               off_t *offset)
{
    testLog.nasked++;
    g_free(testLog.asked);
    testLog.asked = g_strdup_printf("%s %s %s %u", driverName, domname, path, flags);

    if (testLog.nbusy > 0) {
        testLog.nbusy--;
        virReportSystemError(EBUSY, "%s", "no log");
        return -1;
    }

    if (testLog.refused) {
        virReportSystemError(testLog.refused, "%s", "no log");
        return -1;
    }

    *inode = *offset = 0;
    return fcntl(testLog.pipe[1], F_DUPFD_CLOEXEC, 0);
}


unsigned long long
libxlDeviceModelTimeLeft(gint64 deadline G_GNUC_UNUSED)
{
    return testPatience > 0 ? testPatience-- : 0;
}


int
libxlDeviceModelPrivilegePrepare(libxlDeviceModelPrivilege *privilege G_GNUC_UNUSED,
                                 const char *emulator G_GNUC_UNUSED)
{
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


/* The process would write to virtlogd's pipe, and to nothing else. */
int
libxlDeviceModelSpawn(libxlDeviceModelStarting *starting)
{
    struct stat log;
    struct stat end;

    if (fstat(domainLogContextGetWriteFD(starting->log), &log) == 0 &&
        fstat(testLog.pipe[1], &end) == 0 &&
        log.st_dev == end.st_dev && log.st_ino == end.st_ino)
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "would be started");
    else
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "has another log");

    return -1;
}


struct testLogData {
    size_t nbusy;
    int refused;
    size_t patience;
    const char *error;
    size_t nasked;
};


/* What the guest is freed of, should the secondary end, is known from the start on. */
static int
testCheckInterrupts(const virDomainObj *vm)
{
    const libxlDomainObjPrivate *priv = vm->privateData;

    if (priv->ndevicemodels == 1 && priv->devicemodels[0]->slots == 1U << TEST_SLOT &&
        priv->devicemodels[0]->irqs == 0)
        return 0;

    VIR_TEST_VERBOSE("slot %d is not that of the one of %zu secondaries",
                     TEST_SLOT, priv->ndevicemodels);
    return -1;
}


static int
testLogRun(const void *opaque)
{
    const struct testLogData *data = opaque;
    g_autofree char *asked = g_strdup_printf("libxl guest %s/guest-dm-lan.log 0", testDir);
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    libxl_domain_config d_config = { 0 };
    int rc;
    int ret = 0;

    vm->def = libxlDeviceModelTestParseGolden(driver->xmlopt, "nic-e1000");
    vm->def->id = TEST_DOMID;
    testLog.nbusy = data->nbusy;
    testLog.refused = data->refused;
    testLog.nasked = 0;
    g_clear_pointer(&testLog.asked, g_free);
    testPatience = data->patience;
    testStoreReset();

    rc = libxlDeviceModelsStart(driver, vm, &d_config);
    if (libxlDeviceModelTestOutcome(rc, testDir, data->error) < 0 ||
        virTestCompareToString(asked, NULLSTR_EMPTY(testLog.asked)) < 0)
        ret = -1;

    if (testLog.nasked != data->nasked) {
        VIR_TEST_VERBOSE("virtlogd was asked %zu times, expected %zu", testLog.nasked, data->nasked);
        ret = -1;
    }

    if (testCheckInterrupts(vm) < 0)
        ret = -1;

    virDomainObjEndAPI(&vm);
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


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testXLInitDriver()) ||
        !(testDir = g_dir_make_tmp("devicemodel-XXXXXX", NULL)) ||
        virPipe(testLog.pipe) < 0)
        return EXIT_FAILURE;

    g_free(driver->config->stateDir);
    g_free(driver->config->logDir);
    driver->config->stateDir = g_strdup(testDir);
    driver->config->logDir = g_strdup(testDir);

    if (testLogs() < 0)
        ret = -1;

    VIR_FORCE_CLOSE(testLog.pipe[0]);
    VIR_FORCE_CLOSE(testLog.pipe[1]);
    g_free(testLog.asked);
    unlink("libxl-driver.log");
    testXLFreeDriver(driver);
    virFileDeleteTree(testDir);
    g_free(testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
