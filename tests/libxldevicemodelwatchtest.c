/*
 * libxldevicemodelwatchtest.c: what follows when a device model ends by itself
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The device models are real processes, whose ends a real event loop notices.  Stands in
 * for what is done in Xen then, for xenstore, and for the calls of libxl that look at the
 * domain, pause and destroy it; and writes down which of these came in what order, with
 * the events that clients get.
 */

#include <config.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xendevicemodel.h>

#include "testutils.h"
#include "conf/domain_event.h"
#include "libxl/libxl_devicemodel.h"
#include "libxl/libxl_devicemodel_failure.h"
#include "libxl/libxl_devicemodel_ioreq.h"
#include "libxl/libxl_devicemodel_registers_file.h"
#include "libxl/libxl_devicemodel_release.h"
#include "libxl/libxl_devicemodel_restart.h"
#include "libxl/libxl_devicemodel_status.h"
#include "libxl/libxl_devicemodel_watch.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestdriver.h"
#include "libxldevicemodeltestloop.h"
#include "libxldevicemodeltestthreads.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestxenstore.h"
#include "viralloc.h"
#include "virfile.h"
#include "virhook.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DOMID 7
#define TEST_UID 0x70000039
#define TEST_FILES 128
/* Longer than the tests wait for anything that has to come.  Once something has not come,
 * the tests fail anyway, and do not wait as long again: what comes late may be missed. */
#define TEST_PATIENCE_MS (10 * 1000)
#define TEST_IMPATIENCE_MS 500

#define TEST_DEVICES \
    "<emulator>/bin/true</emulator>" TEST_MAIN("<capability name='ui'/>") \
    TEST_LAN(TEST_REF(1)) "<devicemodel name='lines'><capability name='serial'/></devicemodel>" \
    TEST_NIC(1) "<serial type='pty'/>"

static libxlDriverPrivate *driver;
static char *testDir; /* the driver's folder for status files */
static unsigned int testPatience = TEST_PATIENCE_MS;

/* What comes to pass before the driver does what the definition wants: while it waits for
 * the job, or while the hook script runs. */
typedef enum {
    TEST_MEANWHILE_NOTHING = 0,
    TEST_MEANWHILE_PAUSED, /* by somebody */
    TEST_MEANWHILE_STOPPED, /* its secondaries; it may be started with the same id */
    TEST_MEANWHILE_ENDING, /* somebody ends its secondaries, and it lives yet */
    TEST_MEANWHILE_GONE,
    TEST_MEANWHILE_CRASHED, /* and it is preserved */
} testMeanwhile;

typedef enum {
    TEST_HOOK_NONE = 0,
    TEST_HOOK_WORKS,
    TEST_HOOK_FAILS,
} testHook;

/* What stands in writes it all down, in whatever thread. */
static struct {
    virMutex lock;
    GString *calls;
    const virDomainDef *def;
    bool gone; /* the domain, for libxl */
    bool replaced; /* likewise, by another with its id */
    bool shutdown; /* likewise */
    bool fails; /* to pause or to destroy it */
    bool writes; /* the guest, what nobody looks at */
    bool given; /* back by the process: its ioreq server */
    bool swaps; /* the restart */
    bool abandons; /* that, likewise */
    unsigned long usRestart; /* so long does it take */
    bool others; /* to be recorded: what else is freed */
    testHook hook;
    testMeanwhile meanwhile; /* while that runs */
    bool ranOut; /* what ends next was killed for want of memory, and its cgroup recorded */
    unsigned int nunfreed; /* how often it cannot be freed yet */
    int late; /* all time is over.  Atomic */
    int slow; /* it is freed, for as long as this is set.  Atomic */
    unsigned int hung; /* ioreq server for which the guest waits; 0 for none */
    unsigned int nrest; /* how often something runs under the uid yet */
    unsigned int nthreadless; /* how often no thread can be created yet */
    libxlDeviceModel *ending; /* what somebody ends when it is killed by its uid */
} testXen = { .lock = VIR_MUTEX_INITIALIZER };

/* The domain, with a reference, and its secondaries, with another each. */
static virDomainObj *testVM;
static libxlDeviceModel *testLan;
static libxlDeviceModel *testLines;


G_GNUC_PRINTF(1, 2) static void
testCall(const char *format,
         ...)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&testXen.lock);
    va_list args;

    va_start(args, format);
    g_string_append_vprintf(testXen.calls, format, args);
    va_end(args);
}


static char *
testCalls(void)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&testXen.lock);

    return g_strdup(testXen.calls->str);
}


unsigned long long
libxlDeviceModelTimeLeft(gint64 deadline)
{
    unsigned long long (*real)(gint64 deadline) = dlsym(RTLD_NEXT, "libxlDeviceModelTimeLeft");

    return g_atomic_int_get(&testXen.late) ? 0 : real(deadline);
}


static void
testFreeSlowly(void)
{
    size_t i;

    if (!g_atomic_int_get(&testXen.slow))
        return;

    for (i = 0; i < testPatience && g_atomic_int_get(&testXen.slow); i++)
        g_usleep(1000);
    testCall("freed\n");
}


int
libxlDeviceModelIoreqRelease(const libxlDeviceModelIoreq *ioreq,
                             libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    testCall("free %u %u 0x%x 0x%x\n", ioreq->domid, ioreq->ioservid, ioreq->slots, ioreq->irqs);
    if (ioreq->domid == TEST_DOMID)
        testFreeSlowly();
    if (testXen.nunfreed == 0)
        return 0;

    testXen.nunfreed--;
    result->failed = "destroy";
    result->err = EPERM;
    return -1;
}


/* The guest waits for one that hangs, as far as anybody can see. */
libxlDeviceModelIoreqViewer *
libxlDeviceModelIoreqViewerNew(void)
{
    return (libxlDeviceModelIoreqViewer *)&testXen;
}


void
libxlDeviceModelIoreqViewerFree(libxlDeviceModelIoreqViewer *viewer G_GNUC_UNUSED)
{
}


libxlDeviceModelIoreqLookResult
libxlDeviceModelIoreqLook(const libxlDeviceModelIoreqViewer *viewer G_GNUC_UNUSED,
                          const libxlDeviceModelIoreq *ioreq,
                          unsigned int vcpus,
                          libxlDeviceModelIoreqPending *pending G_GNUC_UNUSED)
{
    return ioreq->ioservid == testXen.hung && vcpus == 2 ? LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME
                                                         : LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE;
}


/* systemd removes the cgroup while the driver does something else. */
bool
libxlDeviceModelCgroupRanOut(const char *name)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&testXen.lock);

    return testXen.ranOut && testXen.calls->len == 0 && STREQ(name, "xen-7-1-lan");
}


int
libxlDeviceModelCgroupEnd(const char *name)
{
    if (testXen.ranOut)
        testCall("end %s\n", name);
    return 0;
}


int
libxlDeviceModelIoreqReleaseOthers(unsigned int domid,
                                   unsigned int keep,
                                   libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    if (testXen.others)
        testCall("free others %u 0x%x\n", domid, keep);
    return 0;
}


int
libxlDeviceModelIoreqLowerInterrupts(const libxlDeviceModelIoreq *ioreq,
                                     libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    testCall("lower %u 0x%x 0x%x\n", ioreq->domid, ioreq->slots, ioreq->irqs);
    return 0;
}


int
libxlDeviceModelIoreqWake(unsigned int domid,
                          libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    testCall("wake %u\n", domid);
    return 0;
}


int
libxlDeviceModelIoreqHold(const libxlDeviceModelIoreq *ioreq,
                          libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    testCall("hold %u %u 0x%x 0x%x\n", ioreq->domid, ioreq->ioservid, ioreq->slots, ioreq->irqs);
    return testXen.given ? -1 : 0;
}


/* One of them is to the first serial port. */
int
libxlDeviceModelIoreqCopyReady(const libxlDeviceModelIoreq *ioreq,
                               ioreq_t *ready,
                               unsigned int max G_GNUC_UNUSED,
                               unsigned int *nready,
                               libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    *nready = 0;
    if (!testXen.writes)
        return 0;

    testCall("copy %u %u\n", ioreq->domid, ioreq->ioservid);
    ready[0] = (ioreq_t){ .type = IOREQ_TYPE_PIO, .dir = IOREQ_READ, .addr = 0x3fd, .size = 1, .count = 1 };
    ready[1] = (ioreq_t){ .type = IOREQ_TYPE_PIO, .dir = IOREQ_WRITE, .addr = 0x3fc, .size = 1, .count = 1,
                          .data = 0x0b };
    *nready = 2;
    return 0;
}


/* It takes as long as the test wants, and has what it is told of watched. */
bool
libxlDeviceModelRestart(libxlDriverPrivate *drv G_GNUC_UNUSED,
                        virDomainObj *vm,
                        libxlDeviceModel *dm)
{
    bool swaps = false;
    gint64 deadline;

    testCall("restart %s, held %d\n", dm->name, dm->held);
    dm->restarting = true;
    virObjectUnlock(vm);
    if (testXen.swaps)
        swaps = libxlDeviceModelBeginSwap(dm, &deadline);
    g_usleep(testXen.usRestart);
    if (swaps)
        testCall("swap\n");
    if (testXen.abandons)
        libxlDeviceModelAbandonSwap(dm);
    else if (swaps)
        libxlDeviceModelReleaseHeld(dm);
    testCall("restarted\n");
    virObjectLock(vm);
    dm->restarting = false;
    dm->pending = false;
    dm->successor = true;
    return false;
}


int
libxlDeviceModelPrivilegeSignal(uid_t uid,
                                int sig)
{
    if (testXen.nrest == 0)
        return 0;

    testXen.nrest--;
    testCall("kill %u %d\n", uid, sig);
    /* whoever has the lock of the device model meanwhile does not exist */
    if (testXen.ending && testXen.nrest == 1)
        testXen.ending->state = LIBXL_DEVICE_MODEL_STATE_ENDING;
    return 1;
}


/* For the threads that the driver makes. */
static bool
testThreadRefuse(void)
{
    VIR_WITH_MUTEX_LOCK_GUARD(&testXen.lock) {
        if (testXen.nthreadless == 0)
            return false;

        testXen.nthreadless--;
    }

    testCall("no thread\n");
    return true;
}


int
libxl_domain_info(libxl_ctx *ctx G_GNUC_UNUSED,
                  libxl_dominfo *info,
                  uint32_t domid)
{
    if (testXen.gone || domid != TEST_DOMID)
        return ERROR_DOMAIN_NOTFOUND;

    libxl_dominfo_init(info);
    memcpy(libxl_uuid_bytearray(&info->uuid), testXen.def->uuid, VIR_UUID_BUFLEN);
    if (testXen.replaced)
        libxl_uuid_bytearray(&info->uuid)[0]++;
    info->domid = domid;
    info->shutdown = testXen.shutdown;
    return 0;
}


int
libxl_domain_pause(libxl_ctx *ctx G_GNUC_UNUSED,
                   uint32_t domid,
                   const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testCall("pause %u\n", domid);
    return testXen.fails ? ERROR_FAIL : 0;
}


int
libxl_domain_destroy(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testCall("destroy %u\n", domid);
    return testXen.fails ? ERROR_FAIL : 0;
}


xendevicemodel_handle *
xendevicemodel_open(struct xentoollog_logger *logger G_GNUC_UNUSED,
                    unsigned int flags G_GNUC_UNUSED)
{
    return (xendevicemodel_handle *)&testXen;
}


int
xendevicemodel_close(xendevicemodel_handle *h G_GNUC_UNUSED)
{
    return 0;
}


int
xendevicemodel_shutdown(xendevicemodel_handle *h G_GNUC_UNUSED,
                        domid_t domid,
                        unsigned int reason)
{
    testCall("shutdown %u %u\n", domid, reason);
    return 0;
}


virObjectEvent *
virDomainEventIOErrorNewFromObj(virDomainObj *vm G_GNUC_UNUSED,
                                const char *path,
                                const char *alias,
                                int action)
{
    testCall("event io-error '%s' %s %d\n", path, alias, action);
    return NULL;
}


virObjectEvent *
virDomainEventIOErrorReasonNewFromObj(virDomainObj *vm G_GNUC_UNUSED,
                                      const char *path,
                                      const char *alias,
                                      int action,
                                      const char *reason)
{
    testCall("event io-error-reason '%s' %s %d %s\n", path, alias, action, reason);
    return NULL;
}


virObjectEvent *
virDomainEventLifecycleNewFromObj(virDomainObj *vm G_GNUC_UNUSED,
                                  int type,
                                  int detail)
{
    testCall("event lifecycle %d %d\n", type, detail);
    return NULL;
}


int
virHookPresent(int driverType)
{
    return testXen.hook != TEST_HOOK_NONE && driverType == VIR_HOOK_DRIVER_LIBXL;
}


static void
testMeanwhileDo(testMeanwhile meanwhile)
{
    switch (meanwhile) {
    case TEST_MEANWHILE_NOTHING:
        break;

    case TEST_MEANWHILE_PAUSED:
        virDomainObjSetState(testVM, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
        break;

    case TEST_MEANWHILE_STOPPED:
    case TEST_MEANWHILE_ENDING:
        testXen.gone = meanwhile == TEST_MEANWHILE_STOPPED;
        libxlDeviceModelsStop(driver, testVM);
        break;

    case TEST_MEANWHILE_GONE:
        testVM->def->id = -1;
        break;

    case TEST_MEANWHILE_CRASHED:
        testXen.shutdown = true;
        break;
    }
}


/* Whether the domain is not locked, as by anybody who looks for a domain; it is then. */
static bool
testLockSoon(void)
{
    size_t i;

    for (i = 0; i < testPatience; i++) {
        if (pthread_mutex_trylock(&testVM->parent.lock.lock) == 0)
            return true;
        g_usleep(1000);
    }

    testPatience = TEST_IMPATIENCE_MS;
    return false;
}


int
virHookCall(int driverType G_GNUC_UNUSED,
            const char *id,
            int op,
            int subop,
            const char *extra,
            const char *input,
            char **output G_GNUC_UNUSED)
{
    testCall("hook %s %s %s, %s the failure\n", id,
             op == VIR_HOOK_LIBXL_OP_DEVICE_MODEL_FAILED && subop == VIR_HOOK_SUBOP_END ?
             "failed" : "another",
             extra, strstr(input, "state='failed'") ? "with" : "without");

    if (testLockSoon()) {
        testMeanwhileDo(testXen.meanwhile);
        virObjectUnlock(testVM);
    } else {
        testCall("the domain is locked\n");
    }

    if (testXen.hook == TEST_HOOK_WORKS)
        return 0;

    virReportError(VIR_ERR_HOOK_SCRIPT_FAILED, "%s", "the test's hook script");
    return -1;
}


/* Waits until the calls are those expected. */
static int
testAwaitCalls(const char *expected)
{
    g_autofree char *calls = testCalls();
    size_t i;

    for (i = 0; i < testPatience && STRNEQ(calls, expected); i++) {
        g_usleep(1000);
        g_free(calls);
        calls = testCalls();
    }

    if (virTestCompareToString(expected, calls) == 0)
        return 0;

    testPatience = TEST_IMPATIENCE_MS;
    return -1;
}


/* Waits until nothing but the test and the domain's list refers to a device model: the
 * event loop neither watches it nor looks at it, and the thread for its death has let go
 * of it.  Then for the end of all such threads. */
static int
testAwaitThread(const libxlDeviceModel *dm,
                int nrefs)
{
    const GObject *object = (const GObject *)dm;
    size_t i;

    if (!dm)
        return -1;

    for (i = 0; i < testPatience; i++) {
        if ((int)g_atomic_int_get(&object->ref_count) <= nrefs) {
            testThreadsJoin();
            return 0;
        }
        g_usleep(1000);
    }

    VIR_TEST_VERBOSE("device model '%s' has %d references", dm->name, object->ref_count);
    testPatience = TEST_IMPATIENCE_MS;
    return -1;
}


/* A process that waits to be killed, and does not outlive a test that fails: whoever runs
 * that would wait for what has its output.  Its command line may be that of the primary
 * of a domain. */
static pid_t
testFork(const char *domid)
{
    pid_t pid = fork();

    if (pid < 0)
        abort();

    if (pid > 0)
        return pid;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (domid)
        execl("/bin/sh", "sh", "-c", "kill -STOP $$", "-xen-domid", domid, NULL);

    while (true)
        pause();
}


static libxlDeviceModel *
testDeviceModelNew(unsigned int id,
                   const char *name)
{
    libxlDeviceModel *dm = testDeviceModelAdd(testVM, testDir, id, name, testFork(NULL));

    dm->slots = id << 4;
    dm->irqs = id << 8;
    return virObjectRef(dm);
}


/* A domain that runs, with two secondaries that are not watched yet.  It is locked. */
static void
testBegin(virDomainDeviceModelFailureAction action)
{
    virDomainDef *def = libxlDeviceModelTestParse(driver->xmlopt, NULL, TEST_DEVICES);
    libxlDomainObjPrivate *priv;
    size_t i;

    if (!def)
        abort();

    def->id = TEST_DOMID;
    for (i = 0; i < def->ndevicemodels; i++) {
        def->devicemodels[i]->id = i;
        def->devicemodels[i]->failure.action = action;
    }
    def->serials[0]->source->data.file.path = g_strdup("/dev/pts/0");

    testStoreReset();
    VIR_WITH_MUTEX_LOCK_GUARD(&testXen.lock) {
        g_string_truncate(testXen.calls, 0);
        testXen.ranOut = false;
    }
    testXen.def = def;
    testXen.gone = testXen.replaced = testXen.shutdown = false;
    testXen.fails = testXen.others = testXen.writes = testXen.given = testXen.swaps = false;
    testXen.abandons = false;
    g_atomic_int_set(&testXen.late, 0);
    testXen.hook = TEST_HOOK_NONE;
    testXen.meanwhile = TEST_MEANWHILE_NOTHING;
    testXen.usRestart = 0;
    testXen.nunfreed = testXen.nrest = testXen.nthreadless = testXen.hung = 0;
    testXen.ending = NULL;

    if (!(testVM = virDomainObjListAdd(driver->domains, &def, driver->xmlopt,
                                       VIR_DOMAIN_OBJ_LIST_ADD_LIVE, NULL)))
        abort();

    priv = testVM->privateData;
    priv->devicemodelsComplete = true;
    virDomainObjSetState(testVM, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    virInhibitorHold(driver->inhibitor);
    testLan = testDeviceModelNew(1, "lan");
    testLines = testDeviceModelNew(2, "lines");
}


static void
testDeviceModelEnd(libxlDeviceModel *dm)
{
    libxlDeviceModelUnwatch(dm);
    libxlDeviceModelSetState(dm, LIBXL_DEVICE_MODEL_STATE_ENDING);
    if (dm->process.pidfd >= 0)
        syscall(SYS_pidfd_send_signal, dm->process.pidfd, SIGKILL, NULL, 0);
    dm->uid = 0;
    libxlDeviceModelEndAll(&dm, 1);
    virObjectUnref(dm);
}


/* The domain is locked. */
static void
testEnd(void)
{
    g_autofree char *path = g_strdup_printf("%s/%s.xml", testDir, testVM->def->name);
    libxlDomainObjPrivate *priv = testVM->privateData;

    libxlDeviceModelForget(&priv->devicemodelsPrimary);
    testDeviceModelEnd(testLan);
    testDeviceModelEnd(testLines);
    unlink(path);
    if (!testVM->removing)
        virDomainObjListRemove(driver->domains, testVM);
    virDomainObjEndAPI(&testVM);
}


static void
testWatch(libxlDeviceModel *dm)
{
    if (libxlDeviceModelWatch(driver, testVM->def, dm) < 0)
        abort();
}


static void
testKill(const libxlDeviceModel *dm)
{
    if (syscall(SYS_pidfd_send_signal, dm->process.pidfd, SIGKILL, NULL, 0) < 0)
        abort();
}


/* Kills the process, and leaves of it what the daemon knows that starts afterwards. */
static void
testKillUnseen(libxlDeviceModel *dm)
{
    testKill(dm);
    if (waitpid(dm->process.pid, NULL, 0) != dm->process.pid)
        abort();

    VIR_FORCE_CLOSE(dm->process.pidfd);
    dm->process.pid = -1;
}


/* Gives the device model a process that the daemon has to find by the lock on its pid
 * file. */
static void
testForkUnseen(libxlDeviceModel *dm)
{
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
    g_autofree char *folder = g_path_get_dirname(dm->pidfile);
    pid_t pid;

    testKillUnseen(dm);
    if (g_mkdir_with_parents(folder, 0700) < 0 || virFileTouch(dm->pidfile, 0600) < 0 ||
        (pid = fork()) < 0)
        abort();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (fcntl(open(dm->pidfile, O_RDONLY), F_SETLK, &lock) < 0)
            abort();
        while (true)
            pause();
    }

    while (libxlDeviceModelReopen(dm) != 1) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            abort();
        g_usleep(1000);
    }

    VIR_FORCE_CLOSE(dm->process.pidfd);
    dm->process.pid = -1;
}


/* Lets go of the domain until the calls are those expected and the thread has ended. */
static int
testAwaitEnd(const libxlDeviceModel *dm,
             int nrefs,
             const char *expected)
{
    int ret = 0;

    virObjectUnlock(testVM);
    if (testAwaitCalls(expected) < 0 || testAwaitThread(dm, nrefs) < 0 ||
        testAwaitCalls(expected) < 0)
        ret = -1;
    virObjectLock(testVM);

    return ret;
}


/* Whether the status file has a text. */
static int
testCheckStatus(const char *text,
                bool has)
{
    g_autofree char *path = g_strdup_printf("%s/%s.xml", testDir, testVM->def->name);
    g_autofree char *status = NULL;

    if (virFileReadAllQuiet(path, 1024 * 1024, &status) < 0)
        status = g_strdup("");

    if (!!strstr(status, text) == has)
        return 0;

    VIR_TEST_VERBOSE("'%s' is %s the status file:\n%s", text, has ? "not in" : "in", status);
    return -1;
}


static int
testCheckState(unsigned int id,
               libxlDeviceModelState state,
               unsigned int count,
               const char *reason)
{
    const virDomainDeviceModelDef *dmdef = testVM->def->devicemodels[id];
    libxlDeviceModel *dm = id == 1 ? testLan : testLines;
    long long now = g_get_real_time() / G_USEC_PER_SEC;
    bool failed = count > 0;

    if (id != 0 && libxlDeviceModelGetState(dm) != state) {
        VIR_TEST_VERBOSE("device model '%s' is in state %d, expected %d", dm->name, dm->state, state);
        return -1;
    }

    if ((dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED) == failed &&
        dmdef->failure.count == count && STREQ_NULLABLE(dmdef->failure.reason, reason) &&
        (!failed || (dmdef->failure.last > now - 60 && dmdef->failure.last <= now)))
        return 0;

    VIR_TEST_VERBOSE("definition %u is in state %d, failed %u times, at %lld: %s", id, dmdef->state,
                     dmdef->failure.count, dmdef->failure.last, NULLSTR(dmdef->failure.reason));
    return -1;
}


static int
testCheckMessages(unsigned int flags,
                  const char *expected)
{
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *text = NULL;

    libxlDeviceModelsGetMessages(testVM->def, messages, flags);
    g_ptr_array_add(messages, NULL);
    text = g_strjoinv("\n", (char **)messages->pdata);
    return virTestCompareToString(expected, text);
}


static int
testCheckStore(const libxlDeviceModel *dm,
               const char *expected)
{
    g_autofree char *path = g_strdup_printf("/local/domain/0/dms/%u/%u/state", dm->domid, dm->id);

    return virTestCompareToString(NULLSTR(expected),
                                  NULLSTR((char *)g_hash_table_lookup(testStore.entries, path)));
}


#define FREE_LAN "free 7 1 0x10 0x100\n"
#define FREE_LINES "free 7 2 0x20 0x200\n"
#define HOLD_LINES "hold 7 2 0x20 0x200\n"
#define FREE_HELD "free 7 2 0x0 0x0\n"
#define EVENTS(name, action) \
    "event io-error '' " name " " action "\nevent io-error-reason '' " name " " action " message\n"
#define PAUSED "pause 7\nevent lifecycle 3 2\n"
#define KILLED "killed by signal 9 (Killed)"


/* The guest is free while another call has the domain locked, and its job; the rest is
 * told as soon as the lock is free. */
static int
testDeath(const void *opaque G_GNUC_UNUSED)
{
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testWatch(testLan);
    if (virDomainObjBeginJob(testVM, VIR_JOB_MODIFY) < 0)
        abort();

    testKill(testLan);
    if (testAwaitCalls(FREE_LAN) == 0 &&
        testAwaitEnd(testLan, 2, FREE_LAN EVENTS("lan", "0")) == 0 &&
        testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, KILLED) == 0 &&
        testCheckState(2, LIBXL_DEVICE_MODEL_STATE_RUNNING, 0, NULL) == 0 &&
        testCheckStatus("state='failed' name='lan'", true) == 0 &&
        testCheckStatus(KILLED, true) == 0 &&
        testCheckMessages(0, "device model 'lan' failed: " KILLED) == 0 &&
        testCheckMessages(VIR_DOMAIN_MESSAGE_IOERRORS, "device model 'lan' failed: " KILLED) == 0 &&
        testCheckMessages(VIR_DOMAIN_MESSAGE_TAINTING, "") == 0 &&
        testCheckStore(testLan, "failed") == 0 && testCheckStore(testLines, "running") == 0 &&
        STREQ_NULLABLE(testVM->def->serials[0]->source->data.file.path, "/dev/pts/0"))
        ret = 0;

    virDomainObjEndJob(testVM);
    testEnd();
    return ret;
}


/* One that hangs, stopped or silent, is killed, and told as any other.  A file that is no
 * socket refuses connections. */
static int
testHang(const void *opaque)
{
    bool stopped = GPOINTER_TO_INT(opaque);
    const char *reason;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    virDomainDefSetVcpusMax(testVM->def, 2, driver->xmlopt);
    g_free(testLan->socket);
    testLan->socket = g_strdup_printf("%s/socket", testDir);
    if (!g_file_set_contents(testLan->socket, "", 0, NULL))
        abort();
    testVM->def->devicemodels[1]->failure.limit = 1;
    testVM->def->devicemodels[2]->failure.limit = 0;
    if (stopped)
        syscall(SYS_pidfd_send_signal, testLan->process.pidfd, SIGSTOP, NULL, 0);
    else
        testXen.hung = testLan->ioservid;
    syscall(SYS_pidfd_send_signal, testLines->process.pidfd, SIGSTOP, NULL, 0);
    testWatch(testLines);
    testWatch(testLan);

    if (testAwaitEnd(testLan, 2, FREE_LAN EVENTS("lan", "0")) == 0) {
        reason = testVM->def->devicemodels[1]->failure.reason;
        if (!reason || !STRPREFIX(reason, "hung for ") ||
            strlen(reason) == strlen("hung for "))
            VIR_TEST_VERBOSE("the reason is '%s'", NULLSTR(reason));
        else if (testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, reason) == 0 &&
                 testCheckState(2, LIBXL_DEVICE_MODEL_STATE_RUNNING, 0, NULL) == 0)
            ret = 0;
    }

    testEnd();
    return ret;
}


/* What the guest takes for written is remembered. */
static int
testDeathWrites(const void *opaque G_GNUC_UNUSED)
{
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    g_autofree char *folder = NULL;
    VIR_AUTOCLOSE fd = -1;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testXen.writes = true;
    folder = g_path_get_dirname(testLines->registers);
    if (g_mkdir_with_parents(folder, 0700) < 0 ||
        (fd = libxlDeviceModelRegistersCreate(testLines->registers, NULL)) < 0)
        abort();

    testWatch(testLines);
    testKill(testLines);
    if (testAwaitEnd(testLines, 2, "copy 7 2\n" FREE_LINES EVENTS("lines", "0")) == 0 &&
        libxlDeviceModelRegistersRead(testLines->registers, registers) == 0 &&
        libxlDeviceModelRegisterGet(registers->uarts[0][LIBXL_DEVICE_MODEL_UART_MCR]) == 0x0b)
        ret = 0;

    testEnd();
    return ret;
}


/* Why it was killed is asked before all else, and its cgroup is removed with what else is
 * left of it, though the domain runs on. */
static int
testDeathRanOut(const void *opaque G_GNUC_UNUSED)
{
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    VIR_WITH_OBJECT_LOCK_GUARD(testLan) {
        testLan->uid = TEST_UID;
    }
    VIR_WITH_MUTEX_LOCK_GUARD(&testXen.lock) {
        testXen.ranOut = true;
    }
    testWatch(testLan);
    testKill(testLan);
    if (testAwaitEnd(testLan, 2, FREE_LAN "end xen-7-1-lan\n" EVENTS("lan", "0")) == 0 &&
        testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 1,
                       "killed by the host for want of memory") == 0)
        ret = 0;

    testEnd();
    return ret;
}


struct testConfData {
    const char *text;
    const char *error;
    unsigned int seconds; /* for which a guest is held then */
};


/* For how long a guest is held, by libxl.conf. */
static int
testConf(const void *opaque)
{
    const struct testConfData *data = opaque;
    g_autoptr(virConf) conf = virConfReadString(data->text, 0);
    unsigned int found = 0;

    if (!conf ||
        libxlDeviceModelTestOutcome(libxlDeviceModelHoldLoadConf(conf, &found), testDir,
                                    data->error) < 0)
        return -1;

    if (data->error || libxlDeviceModelHoldChoose(found) == data->seconds)
        return 0;

    VIR_TEST_VERBOSE("%u seconds, of %u", libxlDeviceModelHoldChoose(found), found);
    return -1;
}


struct testHoldData {
    bool given; /* back by the process: its ioreq server */
    bool swaps; /* the new process, in time */
    bool abandons; /* that, as it ends */
    bool stopped; /* the domain, while it is held */
    bool never; /* is a guest held */
    unsigned int seconds; /* or for so long, 0 for three */
    unsigned long usRestart;
    unsigned int nunfreed; /* how often the guest cannot be freed */
    const char *calls;
};


/* A guest that is held is free when the other process serves it, or the time is over,
 * whoever has the domain's lock and job; nobody frees that of a domain that ends. */
static int
testHold(const void *opaque)
{
    const struct testHoldData *data = opaque;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testXen.given = data->given;
    testXen.swaps = data->swaps;
    testXen.abandons = data->abandons;
    testXen.usRestart = data->usRestart;
    testXen.nunfreed = data->nunfreed;
    testLines->holds = true;
    if (data->never || data->seconds > 0)
        testLines->holdTime = data->seconds;
    testWatch(testLines);
    testKill(testLines);

    if (data->stopped) {
        if (testAwaitCalls(HOLD_LINES) < 0)
            abort();
        libxlDeviceModelsStop(driver, testVM);
    }

    if (testAwaitEnd(testLines, data->stopped ? 1 : 2, data->calls) == 0 &&
        testLines->held == LIBXL_DEVICE_MODEL_HELD_NO && !testLines->successor)
        ret = 0;

    testEnd();
    return ret;
}


/* A guest that was freed by half has lost what it asked for meanwhile, and is not gone on with
 * as one that waits. */
static int
testHeldCut(const void *opaque)
{
    bool swapped = GPOINTER_TO_INT(opaque);
    gint64 deadline;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testXen.nunfreed = 1;
    testLines->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    testLines->held = LIBXL_DEVICE_MODEL_HELD_YES;
    testLines->heldUntil = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    if (swapped && !libxlDeviceModelBeginSwap(testLines, &deadline))
        goto cleanup;

    if (!libxlDeviceModelReleaseHeld(testLines)) {
        libxlDeviceModelAbandonSwap(testLines);
        if (!libxlDeviceModelBeginSwap(testLines, &deadline) && libxlDeviceModelHasServer(testLines) &&
            libxlDeviceModelReleaseHeld(testLines) && testLines->held == LIBXL_DEVICE_MODEL_HELD_NO)
            ret = testAwaitCalls(FREE_HELD FREE_HELD);
    }

 cleanup:
    testEnd();
    return ret;
}


/* Who restarts one that the guest is not held for lets one first that it is held for. */
static int
testHeldFirst(const void *opaque G_GNUC_UNUSED)
{
    int told;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testLines->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    testLines->held = LIBXL_DEVICE_MODEL_HELD_YES;
    testWatch(testLan);
    testKill(testLan);

    virObjectUnlock(testVM);
    told = testAwaitCalls(FREE_LAN EVENTS("lan", "0"));
    g_usleep(300 * 1000);
    virObjectLock(testVM);
    if (told == 0 && testAwaitCalls(FREE_LAN EVENTS("lan", "0")) == 0 &&
        testVM->job->active == VIR_JOB_NONE && libxlDeviceModelReleaseHeld(testLines) &&
        testAwaitEnd(testLan, 2, FREE_LAN EVENTS("lan", "0") FREE_HELD
                                 "restart lan, held 0\nrestarted\n") == 0)
        ret = 0;

    testEnd();
    return ret;
}


/* So where that one ends just after it. */
static int
testHeldNext(const void *opaque G_GNUC_UNUSED)
{
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testXen.swaps = true;
    testLines->holds = true;
    testWatch(testLan);
    testWatch(testLines);
    testKill(testLan);

    virObjectUnlock(testVM);
    if (testAwaitCalls(FREE_LAN EVENTS("lan", "0")) == 0)
        ret = 0;
    testKill(testLines);
    if (testAwaitThread(testLines, 2) < 0)
        ret = -1;
    virObjectLock(testVM);
    if (testAwaitEnd(testLan, 2, FREE_LAN EVENTS("lan", "0") HOLD_LINES EVENTS("lines", "0")
                                 "restart lines, held 1\nswap\n" FREE_HELD "restarted\n"
                                 "restart lan, held 0\nrestarted\n") < 0)
        ret = -1;

    testEnd();
    return ret;
}


/* One that goes on is not waited for. */
static int
testHeldNever(const void *opaque G_GNUC_UNUSED)
{
    gint64 begin = g_get_monotonic_time();
    int ret;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testLines->holds = true;
    testWatch(testLan);
    testKill(testLan);
    ret = testAwaitEnd(testLan, 2, FREE_LAN EVENTS("lan", "0") "restart lan, held 0\nrestarted\n");
    if (g_get_monotonic_time() - begin >= 2500 * 1000) {
        VIR_TEST_VERBOSE("it was waited for");
        ret = -1;
    }

    testEnd();
    return ret;
}


/* Two of those do not wait for each other. */
static int
testHeldBoth(const void *opaque G_GNUC_UNUSED)
{
    int ret;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testXen.swaps = true;
    testLines->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    testLines->held = LIBXL_DEVICE_MODEL_HELD_YES;
    testLan->holds = true;
    testWatch(testLan);
    testKill(testLan);
    ret = testAwaitEnd(testLan, 2, "hold 7 1 0x10 0x100\n" EVENTS("lan", "0")
                                   "restart lan, held 1\nswap\nfree 7 1 0x0 0x0\nrestarted\n");

    testEnd();
    return ret;
}


/* One that has ended, and whose end nobody has looked at yet, may be held for soon; where that
 * does not come to pass, the others wait for no longer than the guest would be held. */
static int
testHeldSoon(const void *opaque)
{
    unsigned int seconds = GPOINTER_TO_UINT(opaque);
    gint64 begin;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testLines->holds = true;
    testKill(testLines);
    libxlDeviceModelProcessWait(&testLines->process,
                                g_get_monotonic_time() + 30 * G_USEC_PER_SEC);
    testLan->holdTime = seconds;
    testWatch(testLan);
    begin = g_get_monotonic_time();
    testKill(testLan);

    if (testAwaitEnd(testLan, 2, FREE_LAN EVENTS("lan", "0")
                                 "restart lan, held 0\nrestarted\n") == 0) {
        gint64 took = g_get_monotonic_time() - begin;

        if (took + G_USEC_PER_SEC >= seconds * G_USEC_PER_SEC &&
            took < (seconds + 2) * G_USEC_PER_SEC)
            ret = 0;
        else
            VIR_TEST_VERBOSE("it was waited for for %lld us", (long long)took);
    }

    testEnd();
    return ret;
}


struct testLeaveData {
    bool busy; /* the domain: another call has the job */
    bool swaps; /* the new process */
    const char *calls; /* once the daemon leaves */
    const char *after; /* and when the thread has ended */
};


/* A daemon that ends leaves no guest held, and its driver is not freed while a thread has it.
 * What has not begun is the next one's. */
static int
testLeave(const void *opaque)
{
    const struct testLeaveData *data = opaque;
    gint64 begin;
    int ret = -1;
    int rc;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testXen.swaps = data->swaps;
    testXen.usRestart = 4 * G_USEC_PER_SEC;
    testLines->holds = true;
    VIR_WITH_OBJECT_LOCK_GUARD(testLines) {
        testLines->uid = TEST_UID;
    }
    testWatch(testLines);
    if (data->busy && virDomainObjBeginJob(testVM, VIR_JOB_MODIFY) < 0)
        abort();

    testKill(testLines);
    virObjectUnlock(testVM);
    if (testAwaitCalls(data->busy ? HOLD_LINES EVENTS("lines", "0") :
                       HOLD_LINES EVENTS("lines", "0") "restart lines, held 1\n") < 0)
        goto cleanup;

    /* it is held, or swapped, and waits */
    g_usleep(100 * 1000);
    testXen.nrest = data->busy ? 0 : 1;
    testXen.others = true;
    begin = g_get_monotonic_time();
    rc = libxlDeviceModelsLeave(driver);
    if (testAwaitCalls(data->calls) < 0 || rc != -1 || !libxlDeviceModelsAreLeaving() ||
        g_get_monotonic_time() - begin > 3 * G_USEC_PER_SEC)
        goto cleanup;

    if (data->busy) {
        virObjectLock(testVM);
        virDomainObjEndJob(testVM);
        virObjectUnlock(testVM);
    }

    if (testAwaitThread(testLines, 2) == 0 && libxlDeviceModelsLeave(driver) == 0 &&
        !libxlDeviceModelsAreLeaving())
        ret = testAwaitCalls(data->after);

 cleanup:
    virObjectLock(testVM);
    testEnd();
    return ret;
}


/* One that has ended, and whose end no thread has taken up, is no guest's to wait for. */
static int
testLeaveUnseen(const void *opaque G_GNUC_UNUSED)
{
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testKill(testLan);
    libxlDeviceModelProcessWait(&testLan->process, g_get_monotonic_time() + 30 * G_USEC_PER_SEC);
    virObjectUnlock(testVM);
    if (libxlDeviceModelsLeave(driver) == 0)
        ret = testAwaitCalls(FREE_LAN);

    virObjectLock(testVM);
    testEnd();
    return ret;
}


/* While it is held the domain is not freed of its server as of one that nobody has, and
 * the status file says so. */
static int
testHeld(const void *opaque G_GNUC_UNUSED)
{
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testXen.others = true;
    testLan->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    testLan->held = LIBXL_DEVICE_MODEL_HELD_YES;
    testWatch(testLines);
    testKill(testLines);
    if (testAwaitEnd(testLines, 2, FREE_LINES "free others 7 0x2\n" EVENTS("lines", "0")
                                   "restart lines, held 0\nrestarted\n") < 0 ||
        testCheckStatus("state='failed' held='yes' name='lan'", true) < 0)
        goto cleanup;

    /* as of a daemon that starts */
    virObjectUnlock(testVM);
    virDomainObjListForEach(driver->domains, false, libxlDeviceModelsFreeGuest, driver);
    virObjectLock(testVM);
    if (testLan->held != LIBXL_DEVICE_MODEL_HELD_NO)
        goto cleanup;

    ret = testAwaitCalls(FREE_LINES "free others 7 0x2\n" EVENTS("lines", "0")
                         "restart lines, held 0\nrestarted\nfree others 7 0x2\n"
                         "lower 7 0x10 0x100\nwake 7\nfree 7 1 0x0 0x0\n");

 cleanup:
    testEnd();
    return ret;
}


struct testStartedData {
    libxlDeviceModelHeld held; /* the guest, for one that has failed */
    bool restarting; /* an earlier daemon was starting another in its place */
    const char *calls;
};


/* What an earlier daemon has started, and may not have told all, ends before the guest, which
 * may come to it, goes on. */
static int
testStarted(const void *opaque)
{
    const struct testStartedData *data = opaque;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART);
    testXen.others = true;
    testXen.nrest = 1;
    testLan->uid = TEST_UID;
    testLan->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    testLan->held = data->held;
    testVM->def->devicemodels[1]->state = data->restarting ? VIR_DOMAIN_DEVICE_MODEL_STATE_RESTARTING
                                                           : VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED;
    testForkUnseen(testLines);

    virObjectUnlock(testVM);
    virDomainObjListForEach(driver->domains, false, libxlDeviceModelsFreeGuest, driver);
    virObjectLock(testVM);
    if (testAwaitCalls(data->calls) == 0 && testLan->held == LIBXL_DEVICE_MODEL_HELD_NO &&
        testLan->state == LIBXL_DEVICE_MODEL_STATE_FAILED)
        ret = 0;

    testXen.nrest = 0;
    testEnd();
    return ret;
}


/* A terminal that the secondary had is another's soon. */
static int
testDeathTerminal(const void *opaque G_GNUC_UNUSED)
{
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testWatch(testLines);
    testKill(testLines);
    if (testAwaitEnd(testLines, 2, FREE_LINES EVENTS("lines", "0")) == 0 &&
        !testVM->def->serials[0]->source->data.file.path)
        ret = 0;

    testEnd();
    return ret;
}


/* It is tried again to free the guest; that a failure could not be recorded is no reason
 * to tell nobody. */
static int
testDeathNotFreed(const void *opaque G_GNUC_UNUSED)
{
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    VIR_WITH_OBJECT_LOCK_GUARD(testLan) {
        testXen.nunfreed = 2;
    }
    testStore.fails = "write";
    testWatch(testLan);
    testKill(testLan);
    if (testAwaitEnd(testLan, 2, FREE_LAN FREE_LAN FREE_LAN EVENTS("lan", "0")) == 0 &&
        testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, KILLED) == 0)
        ret = 0;

    testEnd();
    return ret;
}


/* How often a text is in another. */
static size_t
testCount(const char *text,
          const char *part)
{
    size_t n = 0;

    while ((text = strstr(text, part))) {
        text += strlen(part);
        n++;
    }

    return n;
}


/* Where it takes long until the guest can be freed, that is told, and it is tried on: by another
 * thread, or by the same where there is no other. */
static int
testDeathNotFreedSoon(const void *opaque)
{
    bool threadless = opaque;
    g_autofree char *calls = NULL;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testXen.others = true;
    testXen.nunfreed = 2;
    g_atomic_int_set(&testXen.late, 1);
    g_atomic_int_set(&testXen.slow, 1);
    testWatch(testLan);
    testKill(testLan);
    virObjectUnlock(testVM);
    if (testAwaitCalls(FREE_LAN) == 0) {
        VIR_WITH_MUTEX_LOCK_GUARD(&testXen.lock) {
            testXen.nthreadless = threadless ? 1 : 0;
        }
    }
    g_atomic_int_set(&testXen.slow, 0);
    if (testAwaitThread(testLan, 2) == 0)
        ret = 0;
    virObjectLock(testVM);

    calls = testCalls();
    if (testCount(calls, FREE_LAN) != 3 || testCount(calls, "no thread\n") != (threadless ? 1 : 0) ||
        testCount(calls, EVENTS("lan", "0")) != 1 || testCount(calls, "free others 7 0x6\n") != 1 ||
        testLan->held != LIBXL_DEVICE_MODEL_HELD_NO ||
        testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, KILLED) < 0) {
        VIR_TEST_VERBOSE("held %d, after\n%s", testLan->held, calls);
        ret = -1;
    }

    testEnd();
    return ret;
}


/* One that was held and could not be freed is tried on at once, whatever there is left of its
 * time. */
static int
testHeldNoMore(const void *opaque G_GNUC_UNUSED)
{
    gint64 begin = g_get_monotonic_time();
    int ret;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testLan->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    testLan->held = LIBXL_DEVICE_MODEL_HELD_CUT;
    testLan->heldUntil = begin + 5 * G_USEC_PER_SEC;
    libxlDeviceModelLimitHold(testLan);
    ret = testAwaitCalls("free 7 1 0x0 0x0\n");
    if (g_get_monotonic_time() - begin >= 4 * G_USEC_PER_SEC) {
        VIR_TEST_VERBOSE("it was held on");
        ret = -1;
    }

    testEnd();
    return ret;
}


struct testNeverData {
    bool stopped; /* the domain is */
    bool leaves; /* the daemon */
    size_t nfrees; /* so often is it tried to free the guest, at least */
};


/* That a guest that was held is free is tried as long as there is one, and a daemon. */
static int
testHeldLong(const void *opaque)
{
    const struct testNeverData *data = opaque;
    g_autofree char *calls = NULL;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testXen.nunfreed = data->stopped || data->leaves ? 5 : 1;
    testLan->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    testLan->held = LIBXL_DEVICE_MODEL_HELD_YES;
    testLan->heldUntil = g_get_monotonic_time() - 60 * G_USEC_PER_SEC;
    if (data->stopped)
        libxlDeviceModelSetState(testLan, LIBXL_DEVICE_MODEL_STATE_ENDING);
    libxlDeviceModelsSetLeaving(data->leaves);
    libxlDeviceModelLimitHold(testLan);
    libxlDeviceModelsSetLeaving(false);

    calls = testCalls();
    if (testCount(calls, "free 7 1 0x0 0x0\n") == data->nfrees)
        ret = 0;
    else
        VIR_TEST_VERBOSE("%s", calls);

    testXen.nunfreed = 0;
    testEnd();
    return ret;
}


/* One guest that takes long to be freed does not keep others waiting, but what is done in Xen
 * for one is done one after the other. */
static int
testDeathSlow(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModel) other = libxlDeviceModelNew(testDir, TEST_DOMID + 1, 1, "lan");
    bool freed = false;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    g_atomic_int_set(&testXen.slow, 1);
    testWatch(testLan);
    testWatch(testLines);
    testKill(testLan);
    if (testAwaitCalls(FREE_LAN) < 0)
        goto cleanup;

    other->state = LIBXL_DEVICE_MODEL_STATE_RUNNING;
    if (!libxlDeviceModelRelease(other, false, &freed) || !freed ||
        testAwaitCalls(FREE_LAN "free 8 0 0x0 0x0\n") < 0)
        goto cleanup;

    testKill(testLines);
    g_usleep(100 * 1000);
    g_atomic_int_set(&testXen.slow, 0);
    if (testAwaitCalls(FREE_LAN "free 8 0 0x0 0x0\nfreed\n" FREE_LINES) == 0)
        ret = 0;

 cleanup:
    g_atomic_int_set(&testXen.slow, 0);
    virObjectUnlock(testVM);
    if (testAwaitThread(testLan, 2) < 0 || (ret == 0 && testAwaitThread(testLines, 2) < 0))
        ret = -1;
    virObjectLock(testVM);
    testEnd();
    return ret;
}


/* What a process had in Xen beside what it has reported is not another's. */
static int
testDeathOthers(const void *opaque G_GNUC_UNUSED)
{
    int ret;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testXen.others = true;
    testWatch(testLan);
    testKill(testLan);
    ret = testAwaitEnd(testLan, 2, FREE_LAN "free others 7 0x4\n" EVENTS("lan", "0"));

    testEnd();
    return ret;
}


struct testDeathHookData {
    testHook hook;
    testMeanwhile meanwhile; /* while it runs */
    virDomainDeviceModelFailureAction action;
    const char *calls; /* after that */
};


/* The hook script is told, and decides nothing; the domain is not locked while it runs. */
static int
testDeathHook(const void *opaque)
{
    const struct testDeathHookData *data = opaque;
    bool pauses = data->action == VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE;
    g_autofree char *calls =
        g_strconcat(pauses ? FREE_LAN EVENTS("lan", "1") : FREE_LAN EVENTS("lan", "0"),
                    "hook guest failed lan, with the failure\n", data->calls, NULL);
    int nrefs = data->meanwhile == TEST_MEANWHILE_STOPPED ||
        data->meanwhile == TEST_MEANWHILE_ENDING ? 1 : 2;
    int ret;

    testBegin(data->action);
    testXen.hook = data->hook;
    testXen.meanwhile = data->meanwhile;
    testWatch(testLan);
    testKill(testLan);
    ret = testAwaitEnd(testLan, nrefs, calls);

    testEnd();
    return ret;
}


/* The second that ends is not lost while the first is told. */
static int
testDeathTwo(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *calls = NULL;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testWatch(testLan);
    testWatch(testLines);
    testKill(testLan);
    testKill(testLines);

    virObjectUnlock(testVM);
    if (testAwaitThread(testLan, 2) == 0 && testAwaitThread(testLines, 2) == 0)
        ret = 0;
    virObjectLock(testVM);

    calls = testCalls();
    if (!strstr(calls, FREE_LAN) || !strstr(calls, FREE_LINES) ||
        !strstr(calls, EVENTS("lan", "0")) || !strstr(calls, EVENTS("lines", "0")) ||
        testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, KILLED) < 0 ||
        testCheckState(2, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, KILLED) < 0 ||
        testCheckMessages(0, "device model 'lan' failed: " KILLED "\n"
                             "device model 'lines' failed: " KILLED) < 0)
        ret = -1;

    testEnd();
    return ret;
}


/* The guest is free of one that has ended before it is watched. */
static int
testDeathBefore(const void *opaque G_GNUC_UNUSED)
{
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testKill(testLines);
    if (!libxlDeviceModelProcessWait(&testLines->process,
                                     g_get_monotonic_time() + TEST_PATIENCE_MS * 1000LL))
        abort();

    testWatch(testLines);
    if (testAwaitCalls(FREE_LINES) == 0 &&
        testAwaitEnd(testLines, 2, FREE_LINES EVENTS("lines", "0")) == 0 &&
        testCheckState(2, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, KILLED) == 0)
        ret = 0;

    testEnd();
    return ret;
}


/* A daemon that starts frees the guest before it does anything else, and watches those
 * that live, whose guest is held as its own configuration says.  It leaves alone what an earlier daemon has done, or was doing. */
static int
testReconnect(const void *opaque G_GNUC_UNUSED)
{
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    driver->config->deviceModelHoldTime = 7;
    testKillUnseen(testLan);

    if (!libxlDeviceModelsReconnect(driver, testVM, false) &&
        testLan->holdTime == 7 && testLines->holdTime == 7 &&
        testAwaitCalls(FREE_LAN) == 0 &&
        testAwaitEnd(testLan, 2, FREE_LAN EVENTS("lan", "0")) == 0 &&
        testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, "ended while no daemon was running") == 0 &&
        !libxlDeviceModelsReconnect(driver, testVM, false) &&
        testAwaitEnd(testLan, 2, FREE_LAN EVENTS("lan", "0")) == 0)
        ret = 0;

    driver->config->deviceModelHoldTime = 0;
    testEnd();
    return ret;
}


struct testFreeGuestData {
    bool gone; /* the domain */
    bool replaced; /* likewise, by another with its id */
    bool incomplete; /* likewise */
    bool earlier; /* the device model, of a domain that had another id */
    bool lives; /* likewise */
    const char *freed;
    const char *told;
};


/* Before a daemon that starts reconnects to its domains, it frees the guests of all of
 * them, and tells nobody yet. */
static int
testFreeGuest(const void *opaque)
{
    const struct testFreeGuestData *data = opaque;
    bool told = STRNEQ(data->told, data->freed);
    libxlDomainObjPrivate *priv;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testXen.gone = data->gone;
    testXen.replaced = data->replaced;
    priv = testVM->privateData;
    priv->devicemodelsComplete = !data->incomplete;
    if (data->earlier)
        testLan->domid--;
    if (data->lives)
        testForkUnseen(testLan);
    else
        testKillUnseen(testLan);
    testForkUnseen(testLines);

    virObjectUnlock(testVM);
    virDomainObjListForEach(driver->domains, false, libxlDeviceModelsFreeGuest, driver);
    virObjectLock(testVM);

    if (testAwaitEnd(testLan, 2, data->freed) < 0 ||
        testCheckState(1, told ? LIBXL_DEVICE_MODEL_STATE_FAILED : LIBXL_DEVICE_MODEL_STATE_RUNNING,
                       0, NULL) < 0 ||
        testCheckState(2, LIBXL_DEVICE_MODEL_STATE_RUNNING, 0, NULL) < 0)
        goto cleanup;

    /* of the others there is nothing to reconnect to */
    if (told &&
        (libxlDeviceModelsReconnect(driver, testVM, false) ||
         testAwaitEnd(testLan, 2, data->told) < 0 ||
         libxlDeviceModelsReconnect(driver, testVM, false) ||
         testAwaitEnd(testLan, 2, data->told) < 0 ||
         testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, "ended while no daemon was running") < 0))
        goto cleanup;

    ret = 0;

 cleanup:
    testLan->domid = TEST_DOMID;
    testEnd();
    return ret;
}


/* Leaves the process no file that it could open, or gives them back.  One with fewer than it
 * has cannot wait for them (poll(2)). */
static void
testLimitFiles(bool none)
{
    static int fds[TEST_FILES];
    static size_t nfds;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        abort();

    limit.rlim_cur = none ? TEST_FILES : MIN(1024, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        abort();

    while (none && (fds[nfds] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        nfds++;
    while (!none && nfds > 0)
        VIR_FORCE_CLOSE(fds[--nfds]);
}


static bool
testIsWatched(const libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(testVM);

    return dm->watch >= 0;
}


/* A daemon that starts and has no file left to look for processes with does not take those for
 * ended that it does not find, nor when it ends, and finds them later. */
static int
testReconnectLater(const void *opaque)
{
    bool threadless = opaque;
    const char *calls = threadless ? "no thread\nno thread\n" : "";
    g_autofree char *ended = g_strconcat(calls, FREE_LAN EVENTS("lan", "0"), NULL);
    bool last = true;
    size_t i;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testForkUnseen(testLan);
    testForkUnseen(testLines);

    virObjectUnlock(testVM);
    testLimitFiles(true);
    virDomainObjListForEach(driver->domains, false, libxlDeviceModelsFreeGuest, driver);
    virObjectLock(testVM);
    VIR_WITH_MUTEX_LOCK_GUARD(&testXen.lock) {
        testXen.nthreadless = threadless ? 2 : 0;
    }
    libxlDeviceModelsReconnect(driver, testVM, false);
    virObjectUnlock(testVM);
    libxlDeviceModelsLetGo(testVM, &last);
    testLimitFiles(false);
    for (i = 0; i < testPatience && !(testIsWatched(testLan) && testIsWatched(testLines)); i++)
        g_usleep(1000);
    virObjectLock(testVM);

    if (testAwaitCalls(calls) < 0 || testLan->watch < 0 || testLines->watch < 0)
        goto cleanup;

    testKill(testLan);
    if (testAwaitEnd(testLan, 2, ended) == 0 &&
        testCheckState(2, LIBXL_DEVICE_MODEL_STATE_RUNNING, 0, NULL) == 0)
        ret = 0;

 cleanup:
    testEnd();
    return ret;
}


/* A domain that ends meanwhile is not waited for. */
static int
testReconnectNever(const void *opaque G_GNUC_UNUSED)
{
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testForkUnseen(testLan);
    testLimitFiles(true);
    libxlDeviceModelsReconnect(driver, testVM, false);
    testLimitFiles(false);
    libxlDeviceModelsStop(driver, testVM);
    if (testAwaitEnd(testLan, 1, "pause 7\n") == 0)
        ret = 0;

    testEnd();
    return ret;
}


/* The event loop frees the guest itself where there is no thread to do so, and has one do
 * the rest as soon as there is. */
static int
testThreadless(const void *opaque)
{
    bool unfreed = opaque;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    VIR_WITH_MUTEX_LOCK_GUARD(&testXen.lock) {
        testXen.nthreadless = 2;
    }
    VIR_WITH_OBJECT_LOCK_GUARD(testLan) {
        testXen.nunfreed = unfreed ? 1 : 0;
    }
    testWatch(testLan);
    testKill(testLan);

#define FREED "no thread\n" FREE_LAN "no thread\n"
    if (testAwaitEnd(testLan, 2, unfreed ? FREED FREE_LAN EVENTS("lan", "0")
                                         : FREED EVENTS("lan", "0")) == 0 &&
        testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, KILLED) == 0)
        ret = 0;
#undef FREED

    testEnd();
    return ret;
}


/* Nobody frees the guest of what is not to be watched, or not any more. */
static int
testUnwatched(const void *opaque)
{
    libxlDeviceModelState state = GPOINTER_TO_INT(opaque);
    int unwatched = 0;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    testWatch(testLan);
    if (state == LIBXL_DEVICE_MODEL_STATE_RUNNING) {
        libxlDeviceModelUnwatch(testLan);
        unwatched = testAwaitThread(testLan, 2);
    }
    libxlDeviceModelSetState(testLan, state);
    testKill(testLan);
    if (unwatched == 0 &&
        testAwaitEnd(testLan, 2, "") == 0 &&
        testCheckState(1, state, 0, NULL) == 0)
        ret = 0;

    testEnd();
    return ret;
}


/* What the end of a domain ends is no failure, nor what it takes out of the list while
 * the death waits to be told. */
static int
testStop(const void *opaque)
{
    bool dead = opaque;
    const char *calls = dead ? FREE_LAN "pause 7\n" : "pause 7\n";
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DESTROY);
    testWatch(testLan);
    testWatch(testLines);
    if (dead) {
        testKill(testLan);
        if (testAwaitCalls(FREE_LAN) < 0)
            abort();
    }

    libxlDeviceModelsStop(driver, testVM);
    if (testAwaitEnd(testLan, 1, calls) == 0 &&
        testAwaitEnd(testLines, 1, calls) == 0 &&
        testCheckState(1, LIBXL_DEVICE_MODEL_STATE_ENDED, 0, NULL) == 0 &&
        testCheckStatus("failed", false) == 0 &&
        testCheckStore(testLan, NULL) == 0)
        ret = 0;

    testEnd();
    return ret;
}


/* A domain that is gone when the death is to be told, or another by then. */
static int
testGone(const void *opaque)
{
    bool removed = opaque;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DESTROY);
    testWatch(testLan);
    testKill(testLan);
    if (testAwaitCalls(FREE_LAN) < 0)
        abort();

    if (removed)
        virDomainObjListRemove(driver->domains, testVM);
    else
        testVM->def->id++;

    if (testAwaitEnd(testLan, 2, FREE_LAN) == 0 &&
        testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 0, NULL) == 0)
        ret = 0;

    testEnd();
    return ret;
}


/* What else runs under the uid is killed before the guest is freed and again before the
 * death is told, but not once somebody else ends the device model: the uid may be
 * another's by then. */
static int
testRest(const void *opaque)
{
    bool ends = opaque;
    int ret = -1;

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    VIR_WITH_OBJECT_LOCK_GUARD(testLan) {
        testLan->uid = TEST_UID;
        testXen.nrest = 3;
        testXen.ending = ends ? testLan : NULL;
    }
    testWatch(testLan);
    testKill(testLan);

#define KILL "kill 1879048249 9\n"
    if (ends)
        ret = testAwaitEnd(testLan, 2, KILL FREE_LAN KILL);
    else
        ret = testAwaitEnd(testLan, 2, KILL FREE_LAN KILL KILL EVENTS("lan", "0"));
#undef KILL

    testEnd();
    return ret;
}


struct testActionData {
    virDomainDeviceModelFailureAction action;
    testMeanwhile meanwhile;
    bool persistent;
    bool fails;
    const char *told;
    const char *calls;
    virDomainState state;
    int reason;
};


static int
testCheckDomain(const struct testActionData *data)
{
    int reason;
    virDomainState state = virDomainObjGetState(testVM, &reason);
    bool removed = data->state == VIR_DOMAIN_SHUTOFF && !data->persistent;

    if (state == data->state && reason == data->reason && !!testVM->removing == removed)
        return 0;

    VIR_TEST_VERBOSE("the domain is in state %d for reason %d, removed %d",
                     state, reason, testVM->removing);
    return -1;
}


/* What the definition wants waits for the job; that all hear of it does not. */
static int
testAction(const void *opaque)
{
    const struct testActionData *data = opaque;
    int nrefs = data->meanwhile == TEST_MEANWHILE_STOPPED ||
        data->meanwhile == TEST_MEANWHILE_ENDING ||
        data->state == VIR_DOMAIN_SHUTOFF ? 1 : 2;
    int ret = -1;

    testBegin(data->action);
    testVM->persistent = data->persistent;
    testWatch(testLan);
    if (virDomainObjBeginJob(testVM, VIR_JOB_MODIFY) < 0)
        abort();

    testKill(testLan);
    virObjectUnlock(testVM);
    if (testAwaitCalls(data->told) < 0)
        abort();
    /* it waits for the job, or does without */
    g_usleep(50 * 1000);
    virObjectLock(testVM);
    if (testAwaitCalls(data->told) < 0)
        goto cleanup;

    testXen.fails = data->fails;
    testMeanwhileDo(data->meanwhile);
    virDomainObjEndJob(testVM);

    if (testAwaitEnd(testLan, nrefs, data->calls) == 0 &&
        testCheckDomain(data) == 0 &&
        testVM->job->active == VIR_JOB_NONE)
        ret = 0;

 cleanup:
    testVM->persistent = false;
    testEnd();
    return ret;
}


struct testEarlierData {
    bool told; /* the failure */
    bool pending; /* what is wanted then */
    bool restarts; /* that is a restart, or a pause */
    bool threadless; /* there is no thread for that at first */
    libxlDeviceModelHeld held; /* the guest, yet */
    const char *calls;
};


/* A daemon that ends before it has told, or while it waits for the job, leaves the next to
 * do it, and nobody does it twice. */
static int
testEarlier(const void *opaque)
{
    const struct testEarlierData *data = opaque;
    int ret;

    testBegin(data->restarts ? VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART :
              VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE);
    testKill(testLan);
    libxlDeviceModelProcessWait(&testLan->process, g_get_monotonic_time() + 30 * G_USEC_PER_SEC);
    testLan->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    testLan->pending = data->pending;
    testLan->held = data->held;
    testXen.nthreadless = data->threadless ? 1 : 0;
    if (data->told)
        virDomainDeviceModelDefSetFailed(testVM->def->devicemodels[1],
                                         g_get_real_time() / G_USEC_PER_SEC, KILLED);
    if (virDomainObjBeginJob(testVM, VIR_JOB_MODIFY) < 0 ||
        libxlDeviceModelsRecord(driver, testVM) < 0)
        abort();

    ret = testCheckStatus(" pending='yes'", data->pending);
    libxlDeviceModelsReconnect(driver, testVM, false);
    virDomainObjEndJob(testVM);
    if (testAwaitEnd(testLan, 2, data->calls) < 0 ||
        testCheckState(1, LIBXL_DEVICE_MODEL_STATE_FAILED, 1, KILLED) < 0 ||
        testCheckStatus(" pending='yes'", data->restarts) < 0 || testLan->successor ||
        testLan->held != LIBXL_DEVICE_MODEL_HELD_NO)
        ret = -1;

    testEnd();
    return ret;
}


struct testPrimaryData {
    bool noFolder; /* of the primary in xenstore */
    bool noPid;
    bool stranger; /* has the pid */
    bool shutdown; /* the domain */
    bool forgotten; /* the primary */
    bool late; /* it is forgotten, once it has ended */
    testHook hook;
    testMeanwhile meanwhile; /* while that runs */
    const char *fails; /* of the calls to xenstore, once the primary is watched */
    const char *calls;
    unsigned int count;
    const char *reason;
};


/* Waits until the end of a device model is seen, which cannot be told yet: the domain is
 * locked. */
static int
testAwaitFailed(libxlDeviceModel *dm)
{
    size_t i;

    for (i = 0; i < testPatience; i++) {
        if (libxlDeviceModelGetState(dm) == LIBXL_DEVICE_MODEL_STATE_FAILED)
            return 0;
        g_usleep(1000);
    }

    testPatience = TEST_IMPATIENCE_MS;
    return -1;
}


/* The primary is libxl's, and its end that of the domain, unless a toolstack ends it. */
static int
testPrimary(const void *opaque)
{
    const struct testPrimaryData *data = opaque;
    pid_t pid = testFork(data->stranger ? "8" : "7");
    libxlDomainObjPrivate *priv;
    g_autofree char *path = g_strdup_printf("/proc/%lld/cmdline", (long long)pid);
    g_autofree char *cmdline = NULL;
    g_autoptr(libxlDeviceModel) dm = NULL;
    int ret = -1;

    /* until it has its command line */
    while (virFileReadAllQuiet(path, 1024, &cmdline) < 3 || STRNEQ(cmdline, "sh"))
        g_clear_pointer(&cmdline, g_free);

    testBegin(VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE);
    priv = testVM->privateData;
    testXen.shutdown = data->shutdown;
    testXen.hook = data->hook;
    testXen.meanwhile = data->meanwhile;
    g_hash_table_insert(testStore.entries, g_strdup("/local/domain/0/device-model/7/state"),
                        g_strdup("running"));
    if (!data->noPid)
        g_hash_table_insert(testStore.entries, g_strdup("/local/domain/7/image/device-model-pid"),
                            g_strdup_printf("%lld", (long long)pid));

    libxlDeviceModelWatchPrimary(driver, testVM);
    testStore.fails = data->fails;
    if (data->noFolder)
        g_hash_table_remove(testStore.entries, "/local/domain/0/device-model/7/state");

    if (priv->devicemodelsPrimary)
        dm = virObjectRef(priv->devicemodelsPrimary);
    /* the third is that of who watches it: nobody looks at it */
    if (dm && g_atomic_int_get(&((const GObject *)dm)->ref_count) > 3)
        goto cleanup;
    if (data->forgotten && !data->late)
        libxlDeviceModelForget(&priv->devicemodelsPrimary);
    if (!data->stranger)
        kill(pid, SIGKILL);
    if (data->late && testAwaitFailed(dm) == 0)
        libxlDeviceModelForget(&priv->devicemodelsPrimary);

    if (data->noPid ? !dm : testAwaitEnd(dm, data->forgotten ? 1 : 2, data->calls) == 0)
        ret = testCheckState(0, LIBXL_DEVICE_MODEL_STATE_FAILED, data->count, data->reason);

  cleanup:
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    testEnd();
    return ret;
}


static int
testDeaths(void)
{
    int ret = 0;

#define DO_TEST(title, func, arg) \
    do { \
        if (virTestRun(title, func, GINT_TO_POINTER(arg)) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("death", testDeath, 0);
    DO_TEST("death while the guest writes", testDeathWrites, 0);
    DO_TEST("death while the guest is held for another", testHeld, 0);
    DO_TEST("held guest that is freed by half", testHeldCut, false);
    DO_TEST("held guest that is freed by half for another process", testHeldCut, true);
    DO_TEST("death for want of memory", testDeathRanOut, 0);
    DO_TEST("death of who had a terminal", testDeathTerminal, 0);
    DO_TEST("hang: stopped", testHang, true);
    DO_TEST("hang: silent", testHang, false);
    DO_TEST("death that the guest is not freed of", testDeathNotFreed, 0);
    DO_TEST("death that the guest is not freed of soon", testDeathNotFreedSoon, false);
    DO_TEST("death that the guest is not freed of soon, with no further thread", testDeathNotFreedSoon, true);
    DO_TEST("death that the guest is freed of slowly", testDeathSlow, 0);
    DO_TEST("death of one with other ioreq servers", testDeathOthers, 0);
    DO_TEST("two deaths", testDeathTwo, 0);
    DO_TEST("death before it is watched", testDeathBefore, 0);
    DO_TEST("death while no daemon ran", testReconnect, 0);
    DO_TEST("no file left to look for a process", testReconnectLater, false);
    DO_TEST("no file left to look for a process, and no thread", testReconnectLater, true);
    DO_TEST("no file left to look for a process, and the domain ends", testReconnectNever, 0);
    DO_TEST("death with no thread to tell of it", testThreadless, false);
    DO_TEST("death with no thread, and that the guest is not freed of", testThreadless, true);
    DO_TEST("unwatched", testUnwatched, LIBXL_DEVICE_MODEL_STATE_RUNNING);
    DO_TEST("death of one that is ended", testUnwatched, LIBXL_DEVICE_MODEL_STATE_ENDING);
    DO_TEST("death of one that has failed", testUnwatched, LIBXL_DEVICE_MODEL_STATE_FAILED);
    DO_TEST("stop", testStop, false);
    DO_TEST("stop after a death", testStop, true);
    DO_TEST("domain that is gone", testGone, true);
    DO_TEST("domain that is another", testGone, false);
    DO_TEST("what runs under the uid", testRest, false);
    DO_TEST("what runs under the uid once it is ended", testRest, true);

#undef DO_TEST

    return ret;
}


static int
testDeathHooks(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testDeathHookData data = { __VA_ARGS__ }; \
        if (virTestRun("death that a hook script " title, testDeathHook, &data) < 0) \
            ret = -1; \
    } while (0)
#define PAUSE .action = VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE
#define DESTROY .action = VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DESTROY
#define MEANWHILE(what) .hook = TEST_HOOK_WORKS, .meanwhile = TEST_MEANWHILE_ ## what

    DO_TEST("is told", PAUSE, .hook = TEST_HOOK_WORKS, .calls = PAUSED);
    DO_TEST("fails to be told", PAUSE, .hook = TEST_HOOK_FAILS, .calls = PAUSED);
    DO_TEST("is told while somebody pauses it", PAUSE, MEANWHILE(PAUSED), .calls = "");
    DO_TEST("is told while the domain is stopped", DESTROY, MEANWHILE(STOPPED), .calls = "");
    DO_TEST("is told while the domain is ended", DESTROY, MEANWHILE(ENDING), .calls = "pause 7\n");
    DO_TEST("is told while the domain goes", DESTROY, MEANWHILE(GONE), .calls = "");
    DO_TEST("is told while the domain crashes", DESTROY, MEANWHILE(CRASHED), .calls = "");

#undef MEANWHILE
#undef DESTROY
#undef PAUSE
#undef DO_TEST

    return ret;
}


static int
testActions(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testActionData data = { __VA_ARGS__ }; \
        if (virTestRun(title, testAction, &data) < 0) \
            ret = -1; \
    } while (0)
#define PAUSE .action = VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE, \
    .told = FREE_LAN EVENTS("lan", "1")
#define DESTROY .action = VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DESTROY, \
    .told = FREE_LAN EVENTS("lan", "0")
#define RUNS .state = VIR_DOMAIN_RUNNING, .reason = VIR_DOMAIN_RUNNING_BOOTED
#define DESTROYED .state = VIR_DOMAIN_SHUTOFF, .reason = VIR_DOMAIN_SHUTOFF_FAILED

    DO_TEST("ignore", .action = VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE,
            .told = FREE_LAN EVENTS("lan", "0"), .calls = FREE_LAN EVENTS("lan", "0"), RUNS);
    DO_TEST("pause", PAUSE,
            .calls = FREE_LAN EVENTS("lan", "1") PAUSED,
            .state = VIR_DOMAIN_PAUSED, .reason = VIR_DOMAIN_PAUSED_IOERROR);
    DO_TEST("pause fails", PAUSE, .fails = true,
            .calls = FREE_LAN EVENTS("lan", "1") "pause 7\n", RUNS);
    DO_TEST("pause a domain that somebody paused", PAUSE, .meanwhile = TEST_MEANWHILE_PAUSED,
            .calls = FREE_LAN EVENTS("lan", "1"),
            .state = VIR_DOMAIN_PAUSED, .reason = VIR_DOMAIN_PAUSED_USER);
    DO_TEST("pause a domain that was stopped", PAUSE, .meanwhile = TEST_MEANWHILE_STOPPED,
            .calls = FREE_LAN EVENTS("lan", "1"), RUNS);
    DO_TEST("pause a domain that is ended", PAUSE, .meanwhile = TEST_MEANWHILE_ENDING,
            .calls = FREE_LAN EVENTS("lan", "1") "pause 7\n", RUNS);
    DO_TEST("pause a domain that is gone", PAUSE, .meanwhile = TEST_MEANWHILE_GONE,
            .calls = FREE_LAN EVENTS("lan", "1"), RUNS);
    DO_TEST("pause a domain that has crashed", PAUSE, .meanwhile = TEST_MEANWHILE_CRASHED,
            .calls = FREE_LAN EVENTS("lan", "1"), RUNS);
    DO_TEST("destroy", DESTROY,
            .calls = FREE_LAN EVENTS("lan", "0") "pause 7\ndestroy 7\nevent lifecycle 5 5\n",
            DESTROYED);
    DO_TEST("destroy a domain that stays defined", DESTROY, .persistent = true,
            .calls = FREE_LAN EVENTS("lan", "0") "pause 7\ndestroy 7\nevent lifecycle 5 5\n",
            DESTROYED);
    DO_TEST("destroy a domain that was stopped", DESTROY, .meanwhile = TEST_MEANWHILE_STOPPED,
            .calls = FREE_LAN EVENTS("lan", "0"), RUNS);
    DO_TEST("destroy a domain that is ended", DESTROY, .meanwhile = TEST_MEANWHILE_ENDING,
            .calls = FREE_LAN EVENTS("lan", "0") "pause 7\n", RUNS);
    DO_TEST("destroy a domain that is gone", DESTROY, .meanwhile = TEST_MEANWHILE_GONE,
            .calls = FREE_LAN EVENTS("lan", "0"), RUNS);
    DO_TEST("destroy a domain that has crashed", DESTROY, .meanwhile = TEST_MEANWHILE_CRASHED,
            .calls = FREE_LAN EVENTS("lan", "0"), RUNS);

#undef DESTROYED
#undef RUNS
#undef DESTROY
#undef PAUSE
#undef DO_TEST

    return ret;
}


static int
testConfs(void)
{
    int ret = 0;

#define DO_TEST(conf, err, secs) \
    do { \
        static const struct testConfData data = { .text = conf, .error = err, .seconds = secs }; \
        if (virTestRun("libxl.conf: " conf, testConf, &data) < 0) \
            ret = -1; \
    } while (0)
#define REFUSED(value) \
    "unsupported configuration: device_model_hold_time = " value \
    ", expected a number of seconds from 2 to 60, or 0 for a guest that never waits"

    DO_TEST("", NULL, 3);
    DO_TEST("device_model_hold_time = 0\n", NULL, 0);
    DO_TEST("device_model_hold_time = 2\n", NULL, 2);
    DO_TEST("device_model_hold_time = 15\n", NULL, 15);
    DO_TEST("device_model_hold_time = 60\n", NULL, 60);
    DO_TEST("device_model_hold_time = 1\n", REFUSED("1"), 0);
    DO_TEST("device_model_hold_time = 61\n", REFUSED("61"), 0);
    DO_TEST("device_model_hold_time = 4294967295\n", REFUSED("4294967295"), 0);
    DO_TEST("device_model_hold_time = -1\n",
            "internal error: memory conf: expected an unsigned integer for 'device_model_hold_time' parameter", 0);
    DO_TEST("device_model_hold_time = \"3\"\n",
            "internal error: memory conf: expected an unsigned integer for 'device_model_hold_time' parameter", 0);

#undef REFUSED
#undef DO_TEST

    return ret;
}


static int
testHolds(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testHoldData data = { __VA_ARGS__ }; \
        if (virTestRun("hold: " title, testHold, &data) < 0) \
            ret = -1; \
    } while (0)
#define TOLD EVENTS("lines", "0")

    DO_TEST("another serves in time", .swaps = true, .usRestart = 100 * 1000,
            .calls = HOLD_LINES TOLD "restart lines, held 1\nswap\n" FREE_HELD "restarted\n");
    DO_TEST("another begins in time, and is late", .swaps = true, .usRestart = 3500 * 1000,
            .calls = HOLD_LINES TOLD "restart lines, held 1\nswap\n" FREE_HELD "restarted\n");
    DO_TEST("another comes too late", .seconds = 2, .usRestart = 2500 * 1000,
            .calls = HOLD_LINES TOLD "restart lines, held 1\n" FREE_HELD "restarted\n");
    DO_TEST("another comes before a longer time is over", .seconds = 5, .usRestart = 3500 * 1000,
            .calls = HOLD_LINES TOLD "restart lines, held 1\nrestarted\n" FREE_HELD);
    DO_TEST("a guest that does not wait", .never = true,
            .calls = FREE_LINES TOLD "restart lines, held 0\nrestarted\n");
    DO_TEST("another begins and ends", .swaps = true, .abandons = true, .usRestart = 100 * 1000,
            .calls = HOLD_LINES TOLD "restart lines, held 1\nswap\nrestarted\n" FREE_HELD);
    DO_TEST("no other serves", .seconds = 2, .calls = HOLD_LINES TOLD "restart lines, held 1\nrestarted\n" FREE_HELD);
    DO_TEST("no other serves, and the guest is not freed", .seconds = 2, .nunfreed = 2,
            .calls = HOLD_LINES TOLD "restart lines, held 1\nrestarted\n" FREE_HELD FREE_HELD FREE_HELD);
    DO_TEST("the server was given back", .given = true,
            .calls = HOLD_LINES FREE_LINES TOLD "restart lines, held 0\nrestarted\n");
    DO_TEST("the domain ends", .stopped = true, .calls = HOLD_LINES "pause 7\n");
    DO_TEST("the domain ends, whose guest is held for a minute", .stopped = true, .seconds = 60,
            .calls = HOLD_LINES "pause 7\n");
#undef TOLD
#undef DO_TEST
#define DO_TEST(title, ...) \
    do { \
        static const struct testNeverData data = { __VA_ARGS__ }; \
        if (virTestRun("hold: the guest is not freed " title, testHeldLong, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("soon", .nfrees = 2);
    DO_TEST("before the domain ends", .stopped = true, .nfrees = 0);
    DO_TEST("before the daemon ends", .leaves = true, .nfrees = 1);
    if (virTestRun("hold: the guest could not be freed", testHeldNoMore, NULL) < 0)
        ret = -1;
    if (virTestRun("hold: before those are restarted that are not held for", testHeldFirst, NULL) < 0)
        ret = -1;
    if (virTestRun("hold: before those are restarted that ended just before", testHeldNext, NULL) < 0)
        ret = -1;
    if (virTestRun("hold: one that goes on", testHeldNever, NULL) < 0)
        ret = -1;
    if (virTestRun("hold: two at once", testHeldBoth, NULL) < 0)
        ret = -1;
    if (virTestRun("hold: not looked at yet", testHeldSoon, GUINT_TO_POINTER(2)) < 0)
        ret = -1;
    if (virTestRun("hold: not looked at yet, where it is short", testHeldSoon, GUINT_TO_POINTER(0)) < 0)
        ret = -1;
    if (virTestRun("hold: not looked at yet, where it is long", testHeldSoon, GUINT_TO_POINTER(5)) < 0)
        ret = -1;

#undef DO_TEST

    return ret;
}


static int
testLeaves(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testLeaveData data = { __VA_ARGS__ }; \
        if (virTestRun("the daemon ends while " title, testLeave, &data) < 0) \
            ret = -1; \
    } while (0)
#define HELD HOLD_LINES EVENTS("lines", "0")
#define KILLED_NEW(keep) "kill 1879048249 9\nfree others 7 " keep "\nlower 7 0x20 0x200\nwake 7\n"
#define RESTARTED HELD "restart lines, held 1\n" FREE_HELD KILLED_NEW("0x2")
#define SWAPPED HELD "restart lines, held 1\n" KILLED_NEW("0x6") FREE_HELD

    DO_TEST("another call has the job", .busy = true, .calls = HELD FREE_HELD, .after = HELD FREE_HELD);
    DO_TEST("it restarts one", .calls = RESTARTED, .after = RESTARTED "restarted\n");
    DO_TEST("a new process begins to serve", .swaps = true, .calls = SWAPPED,
            .after = SWAPPED "swap\nrestarted\n");
    if (virTestRun("the daemon ends while nobody has seen an end", testLeaveUnseen, NULL) < 0)
        ret = -1;

#undef SWAPPED
#undef RESTARTED
#undef KILLED_NEW
#undef HELD
#undef DO_TEST

    return ret;
}


static int
testEarliers(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testEarlierData data = { __VA_ARGS__ }; \
        if (virTestRun("an earlier daemon " title, testEarlier, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("has done all", .told = true, .calls = "");
    DO_TEST("has not paused", .told = true, .pending = true, .calls = PAUSED);
    DO_TEST("has not restarted", .told = true, .pending = true, .restarts = true,
            .calls = "restart lan, held 0\nrestarted\n");
    DO_TEST("has not restarted, and there is no thread", .told = true, .pending = true, .restarts = true,
            .threadless = true, .calls = "no thread\nrestart lan, held 0\nrestarted\n");
    DO_TEST("has done all, but for a guest that cannot be freed", .told = true,
            .held = LIBXL_DEVICE_MODEL_HELD_CUT, .calls = "free 7 1 0x0 0x0\n");
    DO_TEST("has done all, but for a guest that cannot be freed, and there is no thread", .told = true,
            .threadless = true, .held = LIBXL_DEVICE_MODEL_HELD_CUT, .calls = "no thread\nfree 7 1 0x0 0x0\n");
    DO_TEST("has not told, and there is no thread", .threadless = true,
            .calls = FREE_LAN "no thread\n" EVENTS("lan", "1") PAUSED);
    DO_TEST("has not told", .calls = FREE_LAN EVENTS("lan", "1") PAUSED);

#undef DO_TEST

    return ret;
}


static int
testFreeGuests(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testFreeGuestData data = { __VA_ARGS__ }; \
        if (virTestRun("before all reconnect: " title, testFreeGuest, &data) < 0) \
            ret = -1; \
    } while (0)
#define NOTHING .freed = "", .told = ""

    DO_TEST("one that ended", .freed = FREE_LAN, .told = FREE_LAN FREE_LAN EVENTS("lan", "0"));
    DO_TEST("one that lives", .lives = true, NOTHING);
    DO_TEST("what an earlier domain left", .earlier = true, NOTHING);
    DO_TEST("domain that is gone", .gone = true, NOTHING);
    DO_TEST("domain that is another", .replaced = true, NOTHING);
    DO_TEST("incomplete domain", .incomplete = true, NOTHING);

#undef NOTHING
#undef DO_TEST

    return ret;
}


static int
testStarteds(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testStartedData data = { __VA_ARGS__ }; \
        if (virTestRun("before all reconnect: " title, testStarted, &data) < 0) \
            ret = -1; \
    } while (0)
#define KILLED_NEW(keep) "kill 1879048249 9\nfree others 7 " keep "\nlower 7 0x10 0x100\nwake 7\n"

    DO_TEST("one that was to be replaced", .held = LIBXL_DEVICE_MODEL_HELD_YES,
            .calls = KILLED_NEW("0x6") "free 7 1 0x0 0x0\n");
    DO_TEST("one that was about to be replaced", .held = LIBXL_DEVICE_MODEL_HELD_YES, .restarting = true,
            .calls = KILLED_NEW("0x6") "free 7 1 0x0 0x0\n");
    DO_TEST("one that was about to be replaced for a guest that was free", .restarting = true,
            .calls = KILLED_NEW("0x4"));
    DO_TEST("one that stays away", .calls = "");

#undef KILLED_NEW
#undef DO_TEST

    return ret;
}


static int
testPrimaries(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testPrimaryData data = { __VA_ARGS__ }; \
        if (virTestRun("primary: " title, testPrimary, &data) < 0) \
            ret = -1; \
    } while (0)
#define SHUTDOWN "shutdown 7 3\n"
#define HOOK "hook guest failed main, with the failure\n"

    DO_TEST("death", .calls = EVENTS("main", "0") SHUTDOWN, .count = 1, .reason = KILLED);
    DO_TEST("the pid is a stranger's", .stranger = true, .calls = EVENTS("main", "0") SHUTDOWN,
            .count = 1, .reason = "ended while no daemon was running");
    DO_TEST("xenstore cannot be asked", .fails = "open", .calls = EVENTS("main", "0") SHUTDOWN,
            .count = 1, .reason = KILLED);
    DO_TEST("xenstore refuses to tell", .fails = "read", .calls = EVENTS("main", "0") SHUTDOWN,
            .count = 1, .reason = KILLED);
    DO_TEST("the domain is shut down", .shutdown = true, .calls = "");
    DO_TEST("libxl ends it", .noFolder = true, .calls = "");
    DO_TEST("the driver ends it", .forgotten = true, .calls = "");
    DO_TEST("the driver ends it once it has ended", .forgotten = true, .late = true, .calls = "");
    DO_TEST("libxl knows none", .noPid = true);
    DO_TEST("a hook script is told", .hook = TEST_HOOK_WORKS,
            .calls = EVENTS("main", "0") HOOK SHUTDOWN, .count = 1, .reason = KILLED);
    DO_TEST("the domain goes while a hook script is told", .hook = TEST_HOOK_WORKS,
            .meanwhile = TEST_MEANWHILE_GONE, .calls = EVENTS("main", "0") HOOK,
            .count = 1, .reason = KILLED);
    DO_TEST("the domain is ended while a hook script is told", .hook = TEST_HOOK_WORKS,
            .meanwhile = TEST_MEANWHILE_ENDING, .calls = EVENTS("main", "0") HOOK "pause 7\n",
            .count = 1, .reason = KILLED);
    DO_TEST("the domain is shut down while a hook script is told", .hook = TEST_HOOK_WORKS,
            .meanwhile = TEST_MEANWHILE_CRASHED, .calls = EVENTS("main", "0") HOOK,
            .count = 1, .reason = KILLED);

#undef HOOK
#undef SHUTDOWN
#undef DO_TEST

    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testDriverNew(&testDir)) ||
        !(driver->inhibitor = virInhibitorNew(VIR_INHIBITOR_WHAT_NONE, "test", "test",
                                              VIR_INHIBITOR_MODE_DELAY, NULL, NULL)))
        return EXIT_FAILURE;

    testXen.calls = g_string_new(NULL);
    testThreadsRefuse = testThreadRefuse;
    if (testLoopStart() < 0)
        return EXIT_FAILURE;

    if (testDeaths() < 0)
        ret = -1;
    if (testDeathHooks() < 0)
        ret = -1;
    if (testActions() < 0)
        ret = -1;
    if (testConfs() < 0)
        ret = -1;
    if (testHolds() < 0)
        ret = -1;
    if (testLeaves() < 0)
        ret = -1;
    if (testEarliers() < 0)
        ret = -1;
    if (testFreeGuests() < 0)
        ret = -1;
    if (testStarteds() < 0)
        ret = -1;
    if (testPrimaries() < 0)
        ret = -1;

    testLoopStop();
    g_string_free(testXen.calls, true);
    testStoreReset();
    testDriverFree(driver, testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
