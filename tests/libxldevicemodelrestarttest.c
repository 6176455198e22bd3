/*
 * libxldevicemodelrestarttest.c: another process takes the place of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stands in for the host: Xen, taps, and the start of a process, which is one that waits to
 * be killed.  What is done to it is written down, in its order.
 */

#include <config.h>

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel.h"
#include "libxl/libxl_devicemodel_failure.h"
#include "libxl/libxl_devicemodel_ioreq.h"
#include "libxl/libxl_devicemodel_monitor.h"
#include "libxl/libxl_devicemodel_net.h"
#include "libxl/libxl_devicemodel_registers_file.h"
#include "libxl/libxl_devicemodel_release.h"
#include "libxl/libxl_devicemodel_replay.h"
#include "libxl/libxl_devicemodel_restart.h"
#include "libxl/libxl_devicemodel_spawn.h"
#include "libxl/libxl_devicemodel_status.h"
#include "libxl/libxl_devicemodel_update.h"
#include "libxl/libxl_devicemodel_watch.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestdriver.h"
#include "libxldevicemodeltestthreads.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestxenstore.h"
#include "viralloc.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DOMID 7
#define TEST_NIC_SLOT 0x1f
#define TEST_BAR 0xf3000000

#define TEST_DRIVE \
    "<disk type='block' device='disk'><driver name='qemu' type='raw'/>" \
    "<source dev='/dev/null'/><target dev='hda' bus='ide'/></disk>"
#define TEST_PORT "<serial type='null'/>"
#define TEST_DEVICES(capability, model, disk) \
    TEST_EMULATOR TEST_MAIN("<capability name='ui'/>") \
    TEST_LAN(capability TEST_REF(1)) "<devicemodel name='dmz'>" TEST_REF(2) "</devicemodel>" \
    TEST_NIC_MODEL(1, "<model type='" model "'/><link state='down'/>") TEST_NIC(2) disk

typedef struct _testRestartData testRestartData;
struct _testRestartData {
    const char *model; /* of the interface, NULL for e1000 */
    virDomainDeviceModelFailureAction action;
    bool drives; /* it has them, too */
    bool port; /* or a serial port, in the midst of whose set-up it has ended */
    unsigned int nlatched; /* its latch is open for so many looks, 0 for two */
    bool late; /* a command waits that the dead has not looked at */
    bool refuses; /* the guest may have lost a part of it */
    bool forgetful; /* there is no file with registers */
    bool foreign; /* it has something else */
    unsigned int nrest; /* so often does what runs under the uid not end */
    unsigned int nfileless; /* so often does the daemon have no file left then */
    bool kept; /* its tap cannot be deleted, the first time */
    bool gone; /* the domain, while the process starts */
    bool leaves; /* the daemon, likewise */
    unsigned int nfailing; /* so many processes fail to start */
    unsigned int ioservid; /* that the process reports, 0 for 5 */
    bool destroyed; /* this ioreq server is */
    unsigned int nends; /* so often had it ended in the last minute, 0 for once */
    bool again; /* it was restarted just before */
    bool unseen; /* it has ended while no daemon was running */
    unsigned int away; /* it has failed so many seconds ago */
    bool held; /* the guest waits */
    unsigned int msHeld; /* for so long yet; 0 for as long as can be */
    bool ends; /* that, while files are opened for the new process */
    bool cut; /* it was freed by half */
    bool silent; /* the new process, when it is told of that */
    bool stuck; /* likewise, when it is killed */
    bool manual; /* an administrator says so, or else it is what is pending */
    bool changes; /* and wants the cable plugged in */
    bool earlier; /* an earlier daemon was about to restart it */

    const char *calls;
    bool restarted;
    unsigned int nslept; /* so many seconds */
    const char *reason;
};

static libxlDriverPrivate *driver;
static char *testDir; /* the driver's folders */

static struct {
    const testRestartData *data;
    GString *calls;
    virDomainObj *vm;
    libxlDeviceModel *lan; /* the one that has failed, with a reference */
    unsigned int nfailing;
    unsigned int nrest;
    unsigned int nlatched;
    gint64 began; /* to end what runs under the uid */
    unsigned int nfileless;
    bool kept;
    bool gone;
    bool ends; /* the test */
    pid_t pid; /* of the last process */
    unsigned long slept; /* in microseconds */
} test;


static bool
testIsLocked(void)
{
    if (pthread_mutex_trylock(&test.vm->parent.lock.lock) != 0)
        return true;

    pthread_mutex_unlock(&test.vm->parent.lock.lock);
    return false;
}


/* To so many, or to all that there may be. */
static void
testLimitFiles(rlim_t files)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        abort();

    limit.rlim_cur = MIN(files, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        abort();
}


/* A guest that is held is to be free when its time is over. */
static void
testCheckTime(bool held,
              gint64 deadline)
{
    if (held && deadline > test.lan->heldUntil)
        g_string_append(test.calls, "LATE ");
}


/* The process is told for as long as that, or for five seconds. */
static void
testCheckTelling(gint64 deadline)
{
    bool held = test.lan->held == LIBXL_DEVICE_MODEL_HELD_SWAPPED;

    testCheckTime(held, deadline);
    if (held && deadline < test.lan->heldUntil - G_USEC_PER_SEC)
        g_string_append(test.calls, "EARLY ");
    if (!held && deadline > g_get_monotonic_time() + 5 * G_USEC_PER_SEC)
        g_string_append(test.calls, "LATE ");
}


bool
libxlDeviceModelProcessWait(const libxlDeviceModelProcess *process,
                            gint64 deadline)
{
    bool (*real)(const libxlDeviceModelProcess *process, gint64 deadline) =
        dlsym(RTLD_NEXT, "libxlDeviceModelProcessWait");

    testCheckTime(test.lan->held == LIBXL_DEVICE_MODEL_HELD_SWAPPED, deadline);
    return real(process, deadline);
}


/* Nobody waits with the domain locked. */
static void
testWaits(void)
{
    if (testIsLocked())
        g_string_append(test.calls, "LOCKED ");
}


/* The guest goes on with what it was at when it was freed. */
static void
testCloseLatch(void)
{
    const libxlDeviceModelWrite close = { .address = 0x3fb, .size = 1, .data = 3 };

    if (test.data->port && --test.nlatched == 0 &&
        libxlDeviceModelRegistersAmend(test.lan->registers, 0, &close) < 0)
        abort();
}


void
g_usleep(gulong us)
{
    testLimitFiles(1024);
    testWaits();
    test.slept += us;
    testCloseLatch();
    if (!testIsLocked() && test.vm->job->active == VIR_JOB_NONE)
        g_string_append(test.calls, "others have the job\n");
}


int
libxlDeviceModelIoreqReleaseOthers(unsigned int domid,
                                   unsigned int keep,
                                   libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    g_string_append_printf(test.calls, "free others %u 0x%x\n", domid, keep);
    return 0;
}


int
libxlDeviceModelIoreqWake(unsigned int domid,
                          libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    g_string_append_printf(test.calls, "wake %u\n", domid);
    return 0;
}


int
libxlDeviceModelIoreqRelease(const libxlDeviceModelIoreq *ioreq,
                             libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    g_string_append_printf(test.calls, "free %u %u 0x%x 0x%x\n", ioreq->domid, ioreq->ioservid,
                           ioreq->slots, ioreq->irqs);
    return 0;
}


int
libxlDeviceModelIoreqLowerInterrupts(const libxlDeviceModelIoreq *ioreq,
                                     libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    g_string_append_printf(test.calls, "lower %u 0x%x 0x%x\n", ioreq->domid, ioreq->slots,
                           ioreq->irqs);
    return 0;
}


int
libxlDeviceModelIoreqCheckServer(const libxlDeviceModelIoreq *ioreq,
                                 libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    if (ioreq->domid != TEST_DOMID || ioreq->ioservid != (test.data->ioservid ? test.data->ioservid : 5))
        g_string_append(test.calls, "OTHER ");
    return !test.data->destroyed;
}


/* The guest has read something, and written the command register of the NIC, and of a slot
 * that is another's. */
int
libxlDeviceModelIoreqCopyReady(const libxlDeviceModelIoreq *ioreq,
                               ioreq_t *ready,
                               unsigned int max G_GNUC_UNUSED,
                               unsigned int *nready,
                               libxlDeviceModelIoreqResult *result)
{
    const ioreq_t write = {
        .type = IOREQ_TYPE_PCI_CONFIG, .dir = IOREQ_WRITE, .size = 2, .count = 1, .data = 7,
    };

    memset(result, 0, sizeof(*result));
    g_string_append_printf(test.calls, "copy %u %u\n", ioreq->domid, ioreq->ioservid);
    ready[0] = ready[1] = ready[2] = write;
    ready[0].dir = IOREQ_READ;
    ready[1].addr = (uint64_t)TEST_NIC_SLOT << 35 | 4;
    ready[2].addr = (uint64_t)3 << 35 | 4;
    *nready = 3;

    if (test.data->late) {
        ready[3] = write;
        ready[3].type = IOREQ_TYPE_PIO;
        ready[3].addr = 0x1f7;
        ready[3].size = 1;
        ready[3].data = 0xca;
        *nready = 4;
    }

    return 0;
}


libxlDeviceModelMonitor *
libxlDeviceModelMonitorConnect(const char *name,
                               const char *path G_GNUC_UNUSED)
{
    testWaits();
    g_string_append_printf(test.calls, "connect %s\n", name);
    return g_malloc0(1);
}


void
libxlDeviceModelMonitorFree(libxlDeviceModelMonitor *mon)
{
    g_free(mon);
}


int
libxlDeviceModelMonitorHandshake(libxlDeviceModelMonitor *mon G_GNUC_UNUSED,
                                 gint64 deadline G_GNUC_UNUSED)
{
    return 0;
}


int
libxlDeviceModelQMPSetLink(libxlDeviceModelMonitor *mon G_GNUC_UNUSED,
                           const char *name,
                           bool up,
                           gint64 deadline G_GNUC_UNUSED)
{
    g_string_append_printf(test.calls, "link %s %d\n", name, up);
    return 0;
}


int
libxlDeviceModelQMPHumanCommands(libxlDeviceModelMonitor *mon G_GNUC_UNUSED,
                                 char **commands,
                                 gint64 deadline)
{
    g_autofree char *text = g_strjoinv("; ", commands);

    if (!commands[0])
        return 0;

    testCheckTelling(deadline);
    g_string_append_printf(test.calls, "tell: %s\n", text);
    if (!test.data->silent)
        return 0;

    /* the guest has waited for as long as it is held then */
    if (test.data->stuck)
        test.lan->heldUntil = g_get_monotonic_time();

    virReportError(VIR_ERR_OPERATION_TIMEOUT, "%s", "no answer");
    return -1;
}


bool
libxlDeviceModelKillRest(libxlDeviceModel *dm)
{
    testWaits();
    g_string_append_printf(test.calls, "kill rest of %s\n", dm->name);
    test.began = g_get_monotonic_time();
    poll(NULL, 0, 20);
    if (test.nfileless > 0) {
        test.nfileless--;
        testLimitFiles(0);
    }

    if (test.nrest == 0)
        return true;

    test.nrest--;
    return false;
}


int
libxlDeviceModelPrivilegeSignal(uid_t uid G_GNUC_UNUSED,
                                int sig)
{
    if (test.ends || test.pid <= 0)
        return 0;

    g_string_append_printf(test.calls, "signal %d\n", sig);
    if (!test.data->stuck)
        kill(test.pid, sig);
    return kill(test.pid, 0) == 0;
}


int
libxlDeviceModelPrivilegePrepare(libxlDeviceModelPrivilege *privilege G_GNUC_UNUSED,
                                 const char *emulator)
{
    testWaits();
    g_string_append_printf(test.calls, "prepare %s\n", emulator);
    return 0;
}


void
libxlDeviceModelNetDisconnect(virDomainDef *def G_GNUC_UNUSED,
                              const libxlDeviceModel *dm)
{
    g_string_append_printf(test.calls, "unplug%s\n", dm == test.lan ? "" : " new");
}


bool
libxlDeviceModelNetDelete(const libxlDeviceModel *dm)
{
    size_t i;

    for (i = 0; i < dm->ntaps; i++)
        g_string_append_printf(test.calls, "delete tap %u\n", dm->taps[i]);

    if (!test.kept || dm != test.lan)
        return true;

    test.kept = false;
    return false;
}


/* It has its uid, its files say so much; the terminal that it gets is another. */
int
libxlDeviceModelSpawnOne(libxlDriverConfig *cfg G_GNUC_UNUSED,
                         virDomainObj *vm,
                         libxlDeviceModelStarting *starting,
                         gint64 deadline)
{
    const virDomainDeviceModelDef *dmdef = vm->def->devicemodels[1];
    unsigned int tap = 40 + test.nfailing;
    libxlDeviceModelRegisters made;
    VIR_AUTOCLOSE fd = -1;

    if (!testIsLocked())
        g_string_append(test.calls, "UNLOCKED ");
    /* others wait for the job for 30 seconds */
    if (deadline > test.began + 20 * G_USEC_PER_SEC)
        g_string_append(test.calls, "LATE ");

    g_string_append_printf(test.calls, "spawn %s, %s, link %s, pending %d\n", starting->dm->name,
                           virDomainDeviceModelStateTypeToString(dmdef->state),
                           starting->config->nics[0].down ? "down" : "up", test.lan->pending);
    VIR_APPEND_ELEMENT(starting->dm->taps, starting->dm->ntaps, tap);

    if (test.data->ends)
        libxlDeviceModelReleaseHeld(test.lan);
    if ((fd = starting->succession->remember(starting, starting->predecessor)) < 0 ||
        pread(fd, &made, sizeof(made), 0) != sizeof(made))
        return -1;

    g_string_append_printf(test.calls, "guarded %d\n", made.dma[0].kind != LIBXL_DEVICE_MODEL_DMA_NONE);

    if ((test.pid = fork()) == 0) {
        /* whoever runs a test that fails waits for what has its output */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (true)
            pause();
    }

    return libxlDeviceModelOpen(starting->dm, test.pid);
}


/* Another secondary that ends meanwhile has not the new one's server destroyed. */
int
libxlDeviceModelAwait(libxlDeviceModelStarting *starting,
                      gint64 deadline)
{
    libxlDomainObjPrivate *priv = test.vm->privateData;
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    g_autofree char *replay = NULL;
    bool refuses;

    testWaits();
    libxlDeviceModelsSetLeaving(test.data->leaves);
    if (starting->succession->begin(starting, starting->predecessor, &deadline) < 0 ||
        libxlDeviceModelRegistersRead(starting->dm->registers, registers) < 0)
        return -1;
    testCheckTime(starting->swaps, deadline);

    replay = g_strjoinv("; ", starting->replay);
    refuses = registers->channels[0][LIBXL_DEVICE_MODEL_IDE_REFUSES] != 0;
    g_string_append_printf(test.calls, "await %s: %s%s\n", starting->dm->name, replay,
                           refuses ? "; drives refuse" : "");

    virObjectLock(test.vm);
    libxlDeviceModelReleaseOthers(test.vm, priv->devicemodels[1]);
    virObjectUnlock(test.vm);

    starting->dm->ioservid = test.data->ioservid > 0 ? test.data->ioservid : 5;
    test.gone = test.data->gone;
    if (deadline > g_get_monotonic_time() && test.nfailing == 0)
        return starting->succession->end(starting, starting->predecessor, NULL, deadline);

    if (test.nfailing > 0)
        test.nfailing--;
    virReportError(VIR_ERR_OPERATION_FAILED, "%s", "no answer");
    return -1;
}


int
libxl_domain_info(libxl_ctx *ctx G_GNUC_UNUSED,
                  libxl_dominfo *info,
                  uint32_t domid)
{
    if (test.gone)
        return ERROR_DOMAIN_NOTFOUND;

    libxl_dominfo_init(info);
    memcpy(libxl_uuid_bytearray(&info->uuid), test.vm->def->uuid, VIR_UUID_BUFLEN);
    info->domid = domid;
    return 0;
}


/* Where the guest has put the memory of its NIC, that it has used its drives, and has its port
 * open. */
static void
testRemember(const char *path,
             bool refuses)
{
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    g_autofree char *folder = g_path_get_dirname(path);
    libxlDeviceModelWrite write = {
        .config = true, .slot = TEST_NIC_SLOT, .address = 0x10, .size = 4, .data = TEST_BAR,
    };
    libxlDeviceModelWrite command = { .address = 0x1f7, .size = 1, .data = 0xc8 };
    static const libxlDeviceModelWrite port[] = {
        { .address = 0x3f9, .size = 1, .data = 5 }, { .address = 0x3fc, .size = 1, .data = 0xb },
        { .address = 0x3fb, .size = 1, .data = 0x83 },
    };
    size_t i;
    VIR_AUTOCLOSE fd = -1;

    libxlDeviceModelRegistersNote(registers, &write);
    libxlDeviceModelRegistersNote(registers, &command);
    for (i = 0; i < G_N_ELEMENTS(port); i++)
        libxlDeviceModelRegistersNote(registers, &port[i]);
    if (refuses)
        registers->channels[0][LIBXL_DEVICE_MODEL_IDE_REFUSES] = LIBXL_DEVICE_MODEL_REFUSES;
    if (g_mkdir_with_parents(folder, 0700) < 0 ||
        (fd = libxlDeviceModelRegistersCreate(path, registers)) < 0)
        abort();
}


/* A domain that runs, with a secondary that has failed, of which all know. */
static void
testBegin(const testRestartData *data)
{
    g_autofree char *devices = g_strdup_printf(TEST_DEVICES("%s", "%s", "%s"),
                                                data->drives ? "<capability name='ide'/>" :
                                                data->port ? "<capability name='serial'/>" : "",
                                                data->model ? data->model : "e1000",
                                                data->drives ? TEST_DRIVE :
                                                data->port ? TEST_PORT : "");
    virDomainDef *def = libxlDeviceModelTestParse(driver->xmlopt, NULL, devices);
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    libxlDomainObjPrivate *priv;
    unsigned int tap = 12;
    size_t i;

    if (!def || !(placement = libxlDeviceModelPlacementNew(def)))
        abort();

    libxlDeviceModelPlacementApply(placement, def);
    def->id = TEST_DOMID;
    def->devicemodels[1]->failure.action = data->action;

    testStoreReset();
    g_string_truncate(test.calls, 0);
    test.data = data;
    test.nfailing = data->nfailing;
    test.nrest = data->nrest;
    test.nlatched = data->nlatched > 0 ? data->nlatched : 2;
    test.nfileless = data->nfileless;
    test.kept = data->kept;
    test.gone = test.ends = false;
    test.slept = 0;
    test.pid = 0;

    if (!(test.vm = virDomainObjListAdd(driver->domains, &def, driver->xmlopt,
                                        VIR_DOMAIN_OBJ_LIST_ADD_LIVE, NULL)))
        abort();

    virDomainObjSetState(test.vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    priv = test.vm->privateData;
    priv->devicemodelsComplete = true;
    priv->devicemodelsMachine.memory = 256;
    priv->devicemodelsMachine.vcpus = 1;
    test.lan = virObjectRef(testDeviceModelAdd(test.vm, testDir, 1, "lan", 0));
    testDeviceModelAdd(test.vm, testDir, 2, "dmz", 0);

    VIR_APPEND_ELEMENT(test.lan->taps, test.lan->ntaps, tap);
    test.lan->slots = 1U << TEST_NIC_SLOT;
    test.lan->irqs = 1 << 4;
    test.lan->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    test.lan->pending = true;
    test.lan->held = data->held ? LIBXL_DEVICE_MODEL_HELD_YES : LIBXL_DEVICE_MODEL_HELD_NO;
    test.lan->heldUntil = g_get_monotonic_time() +
        (data->msHeld > 0 ? data->msHeld : 3000) * 1000LL;
    if (data->cut)
        test.lan->held = LIBXL_DEVICE_MODEL_HELD_CUT;
    virDomainDeviceModelDefSetFailed(test.vm->def->devicemodels[1],
                                     g_get_real_time() / G_USEC_PER_SEC - data->away, "killed");
    if (data->earlier)
        test.vm->def->devicemodels[1]->state = VIR_DOMAIN_DEVICE_MODEL_STATE_RESTARTING;
    for (i = 0; i < MAX(data->nends, 1); i++)
        libxlDeviceModelThrottleNoteEnd(&test.lan->throttle, g_get_monotonic_time());
    if (!data->unseen)
        test.lan->process.end = LIBXL_DEVICE_MODEL_END_KILLED;
    if (data->again)
        test.lan->throttle.restarted = g_get_monotonic_time();
    if (!data->forgetful)
        testRemember(test.lan->registers, data->refuses);
    if (data->foreign && truncate(test.lan->registers, 1) < 0)
        abort();
}


static void
testEnd(void)
{
    g_autofree char *path = g_strdup_printf("%s/%s.xml", testDir, test.vm->def->name);
    libxlDomainObjPrivate *priv = test.vm->privateData;

    test.ends = true;
    libxlDeviceModelsSetLeaving(false);
    libxlDeviceModelUnwatch(priv->devicemodels[0]);
    libxlDeviceModelEndAll(&priv->devicemodels[0], 1);
    unlink(test.lan->registers);
    unlink(path);
    virObjectUnref(test.lan);
    virDomainObjListRemove(driver->domains, test.vm);
    virDomainObjEndAPI(&test.vm);
}


/* Whether who asks sees the new process in place of the old one, or the old one. */
static int
testCheckDeviceModel(void)
{
    libxlDomainObjPrivate *priv = test.vm->privateData;
    libxlDeviceModel *dm = priv->devicemodels[0];
    libxlDeviceModelState state = test.data->restarted ? LIBXL_DEVICE_MODEL_STATE_RUNNING
                                                       : LIBXL_DEVICE_MODEL_STATE_FAILED;

    if (priv->ndevicemodels == 2 && (dm != test.lan) == test.data->restarted &&
        dm->state == state && dm->id == 1 && !dm->restarting &&
        (dm->watch >= 0) == test.data->restarted &&
        libxlDeviceModelIsAlive(dm) == test.data->restarted &&
        (!test.data->restarted ||
         (test.lan->state == LIBXL_DEVICE_MODEL_STATE_ENDED && dm->ntaps == 1 && dm->throttle.restarted > 0 && dm->throttle.ends[0] == test.lan->throttle.ends[0])))
        return 0;

    VIR_TEST_VERBOSE("device model %u is in state %d, with %zu taps, new %d, watched %d, alive %d",
                     dm->id, dm->state, dm->ntaps, dm != test.lan, dm->watch >= 0,
                     libxlDeviceModelIsAlive(dm));
    return -1;
}


static int
testCheckTold(void)
{
    const virDomainDeviceModelDef *dmdef = test.vm->def->devicemodels[1];
    g_autofree char *path = g_strdup_printf("%s/%s.xml", testDir, test.vm->def->name);
    g_autofree char *status = NULL;
    const char *expected = test.data->restarted ? "running" : "failed";
    const char *state = g_hash_table_lookup(testStore.entries, "/local/domain/0/dms/7/1/state");
    g_autofree char *live = NULL;

    if (virTestCompareToString(test.data->reason ? test.data->reason : "killed",
                               dmdef->failure.reason) < 0 ||
        virTestCompareToString(expected, virDomainDeviceModelStateTypeToString(dmdef->state)) < 0)
        return -1;

    /* the domain is not there any more, or nothing was done */
    if (test.data->gone || test.data->changes)
        return 0;

    /* the next daemon goes on with it */
    if (test.data->leaves)
        expected = "restarting";

    if (virTestCompareToString(expected, NULLSTR(state)) < 0 ||
        virFileReadAll(path, 1024 * 1024, &status) < 0)
        return -1;

    live = g_strdup_printf("<devicemodel name='lan' id='1' state='%s'>", expected);
    if (strstr(status, live) && !!strstr(status, "pending='yes'") == test.data->leaves)
        return 0;

    VIR_TEST_VERBOSE("the status file does not have %s, or what is pending:\n%s", live, status);
    return -1;
}


/* By an update that changes nothing, or not. */
static void
testByHand(void)
{
    g_autoptr(virDomainNetDef) net = virDomainNetDefNew(driver->xmlopt);
    virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_NET, .data.net = net };
    g_autofree char *expected = NULL;
    int rc;

    net->type = VIR_DOMAIN_NET_TYPE_BRIDGE;
    net->data.bridge.brname = g_strdup("xenbr0");
    net->model = test.vm->def->nets[0]->model;
    net->mac = test.vm->def->nets[0]->mac;
    net->linkstate = test.data->changes ? VIR_DOMAIN_NET_INTERFACE_LINK_STATE_UP
                                        : VIR_DOMAIN_NET_INTERFACE_LINK_STATE_DOWN;
    test.lan->pending = false;

    if (virDomainObjBeginJob(test.vm, VIR_JOB_MODIFY) < 0)
        abort();

    rc = libxlDeviceModelsUpdateDevice(driver, test.vm, &dev);
    virDomainObjEndJob(test.vm);

    expected = test.data->changes ?
        g_strdup("operation failed: device model 'lan' of domain 'guest' does not run any more") :
        g_strdup_printf("operation failed: device model 'lan' of domain 'guest' is not restarted: %s",
                        test.data->reason);
    if (libxlDeviceModelTestOutcome(rc, testDir, test.data->restarted ? NULL : expected) < 0)
        g_string_append(test.calls, "WRONG\n");
    virResetLastError();
}


static int
testRestart(const void *opaque)
{
    const testRestartData *data = opaque;
    int ret = -1;

    testBegin(data);
    if (data->manual) {
        testByHand();
    } else {
        libxlDeviceModelFinish(driver, test.vm, test.lan);
        /* as who has it finished does */
        libxlDeviceModelWatchSuccessors(driver, test.vm);
    }

    if (virTestCompareToString(data->calls, test.calls->str) < 0 ||
        test.lan->held != LIBXL_DEVICE_MODEL_HELD_NO ||
        testCheckDeviceModel() < 0 || testCheckTold() < 0)
        goto cleanup;

    if ((test.slept + G_USEC_PER_SEC / 2) / G_USEC_PER_SEC != data->nslept) {
        VIR_TEST_VERBOSE("slept %lu us, expected %u s", test.slept, data->nslept);
        goto cleanup;
    }

    if (test.vm->job->active == VIR_JOB_NONE && testIsLocked() && virGetLastErrorCode() == VIR_ERR_OK)
        ret = 0;

 cleanup:
    testEnd();
    return ret;
}


static int
testThrottle(const void *opaque G_GNUC_UNUSED)
{
    const long long minute = 60 * G_USEC_PER_SEC;
    libxlDeviceModelThrottle throttle = { 0 };
    size_t i;

    for (i = 1; i <= 4; i++) {
        libxlDeviceModelThrottleNoteEnd(&throttle, i * minute);
        if (libxlDeviceModelThrottleGetNext(&throttle) != 0)
            return -1;
    }

    /* the first is long past */
    libxlDeviceModelThrottleNoteEnd(&throttle, 11 * minute + 1);
    if (libxlDeviceModelThrottleGetNext(&throttle) != 0)
        return -1;

    throttle.restarted = 11 * minute;
    if (libxlDeviceModelThrottleGetNext(&throttle) != 11 * minute + G_USEC_PER_SEC)
        return -1;

    /* the second is not */
    libxlDeviceModelThrottleNoteEnd(&throttle, 12 * minute);
    return libxlDeviceModelThrottleGetNext(&throttle) == -1 ? 0 : -1;
}


typedef struct _testHoldsData testHoldsData;
struct _testHoldsData {
    const char *lan; /* what it has */
    const char *devices;
    size_t nothers; /* device models beside it and the primary */
    bool holds;
};


/* A guest is held for what it would have errors of, where there is a server for that. */
static int
testHolds(const void *opaque)
{
    const testHoldsData *data = opaque;
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    g_autoptr(libxlDeviceModelConfig) config = NULL;
    libxlDeviceModelMachine machine = { .memory = 256, .vcpus = 1 };
    size_t i;

    virBufferAsprintf(&buf, TEST_EMULATOR TEST_MAIN("") TEST_LAN("%s") "%s", data->lan, data->devices);
    for (i = 0; i < data->nothers; i++) {
        virBufferAsprintf(&buf, "<devicemodel name='dm%zu'><interface mac='00:16:3e:00:00:1%zu'/></devicemodel>"
                          "<interface type='bridge'><mac address='00:16:3e:00:00:1%zu'/>"
                          "<source bridge='xenbr0'/></interface>", i, i, i);
    }

    if (!(def = libxlDeviceModelTestParse(driver->xmlopt, NULL, virBufferCurrentContent(&buf))) ||
        !(placement = libxlDeviceModelPlacementNew(def)))
        return -1;

    config = libxlDeviceModelConfigNew(def, &placement->secondaries[0], &machine, TEST_DOMID);
    return libxlDeviceModelReplayHolds(def, def->devicemodels[1], config) == data->holds ? 0 : -1;
}


static int
testHoldsAll(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const testHoldsData data = { __VA_ARGS__ }; \
        if (virTestRun("holds for " title, testHolds, &data) < 0) \
            ret = -1; \
    } while (0)
#define PORT "<serial type='pty'/>"
#define DISK "<disk type='file' device='disk'><source file='/a'/><target dev='hda' bus='ide'/></disk>"
#define TABLES(cache) \
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'" cache "/>" \
    "<source file='/a'/><target dev='hda' bus='ide'/></disk>"

    DO_TEST("an interface", .lan = TEST_REF(1), .devices = TEST_NIC(1));
    DO_TEST("a serial port", .lan = "<capability name='serial'/>", .devices = PORT, .holds = true);
    DO_TEST("a disk", .lan = "<capability name='ide'/>", .devices = DISK, .holds = true);
    DO_TEST("a disk that is not restarted", .lan = "<capability name='ide'/><failure action='ignore'/>",
            .devices = DISK);
    DO_TEST("a disk beside what cannot be", .lan = "<capability name='ide'/>" TEST_REF(1),
            .devices = DISK TEST_NIC_MODEL(1, "<model type='virtio'/>"));
    DO_TEST("a disk with tables", .lan = "<capability name='ide'/>", .devices = TABLES(""));
    DO_TEST("a disk with tables that are written", .lan = "<capability name='ide'/>",
            .devices = TABLES(" cache='writethrough'"), .holds = true);
    DO_TEST("one of seven", .lan = "<capability name='serial'/>", .devices = PORT, .nothers = 5, .holds = true);
    DO_TEST("one of eight", .lan = "<capability name='serial'/>", .devices = PORT, .nothers = 6);

#undef TABLES
#undef DISK
#undef PORT
#undef DO_TEST

    return ret;
}


#define LOWER "lower 7 0x80000000 0x10\n"
#define CLEAR "kill rest of lan\nfree others 7 0x4\n" LOWER
#define CLEAR_HELD "kill rest of lan\nfree others 7 0x6\n" LOWER
#define SWAPS \
    "copy 7 1\ntell: o/w 0xcf8 0x8000f810; o/w 0xcfc 0xf3000000; o/w 0xcf8 0x8000f804; o/h 0xcfc 0x7\n"
#define AGAIN "others have the job\n" CLEAR
#define START(link) START_MORE(link, "")
#define START_MORE(link, more) \
    "prepare /bin/true\nspawn lan, restarting, link " link ", pending 1\nguarded 1\n" \
    "await lan: o/w 0xcf8 0x8000f810; o/w 0xcfc 0xf3000000" more "\n"
#define ABORT \
    "; o/b 0x3f6 0x2; o/b 0x1f6 0xa0; o/b 0x1f7 0x0; o/b 0x1f6 0xa0; o/b 0x3f6 0x0"
#define ABORT_REFUSE ABORT "; drives refuse"
#define LATCHED "; o/b 0x3fb 0x3; o/b 0x3fc 0xb; o/b 0x3fb 0x83"
#define INTERRUPT "tell: o/b 0x1f7 0x0\n"
#define UNPLUG "unplug\ndelete tap 12\n"
#define UNDO(tap) \
    KILL(tap) "free others 7 0x4\n" LOWER "wake 7\n"
#define UNDO_HELD(tap) \
    "signal 9\nfree others 7 0x6\n" LOWER "wake 7\ncopy 7 1\nfree 7 1 0x0 0x0\n" \
    "signal 9\nunplug new\ndelete tap " tap "\nfree others 7 0x4\n" LOWER "wake 7\n"
#define UNDO_FREED(tap) \
    "signal 9\nfree others 7 0x4\n" LOWER "wake 7\n" \
    "signal 9\nunplug new\ndelete tap " tap "\nfree others 7 0x4\n" LOWER "wake 7\n"
#define KILL(tap) "signal 9\nsignal 9\nunplug new\ndelete tap " tap "\n"


static int
testRestarts(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const testRestartData data = { __VA_ARGS__ }; \
        if (virTestRun("restart: " title, testRestart, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("by default", .restarted = true,
            .calls = CLEAR UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("by name", .action = VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART, .restarted = true,
            .calls = CLEAR UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("that an earlier daemon had begun", .earlier = true, .restarted = true,
            .calls = CLEAR UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("that an earlier daemon had begun by hand", .earlier = true, .nfailing = 1, .restarted = true,
            .action = VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE, .nslept = 1,
            .calls = CLEAR UNPLUG START("down") UNDO("41") AGAIN "unplug\n" START("down") "free others 7 0x24\n");
    DO_TEST("that an earlier daemon had begun by hand, and failed", .earlier = true, .nends = 4, .nfailing = 9,
            .action = VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE,
            .calls = CLEAR UNPLUG START("down") UNDO("49") AGAIN,
            .reason = "killed; not restarted: its process ended too often");
    DO_TEST("just after another", .again = true, .restarted = true, .nslept = 1,
            .calls = "others have the job\n" CLEAR UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("the fourth time", .nends = 4, .restarted = true,
            .calls = CLEAR UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("the fifth time", .nends = 5, .calls = CLEAR,
            .reason = "killed; not restarted: its process ended too often");
    DO_TEST("e1000e", .model = "e1000e", .restarted = true, .calls = CLEAR UNPLUG START("down") "free others 7 0x24\n",
            .reason = "killed; an interface is back when the guest closes and opens it");
    DO_TEST("late", .away = 6, .restarted = true, .calls = CLEAR UNPLUG START("down") "free others 7 0x24\n",
            .reason = "killed; an interface is back when the guest closes and opens it");
    DO_TEST("late, nobody knows how late", .unseen = true, .restarted = true,
            .calls = CLEAR UNPLUG START("down") "free others 7 0x24\n",
            .reason = "killed; an interface is back when the guest closes and opens it");
    DO_TEST("late, as it fails once", .away = 6, .nfailing = 1, .restarted = true, .nslept = 1,
            .calls = CLEAR UNPLUG START("down") UNDO("41")
                     AGAIN "unplug\n" START("down") "free others 7 0x24\n",
            .reason = "killed; an interface is back when the guest closes and opens it");
    DO_TEST("of drives that the guest may have lost", .drives = true, .restarted = true,
            .calls = CLEAR UNPLUG START_MORE("down", ABORT_REFUSE) INTERRUPT "free others 7 0x24\n");
    DO_TEST("of drives, of a guest that is held", .drives = true, .held = true, .restarted = true,
            .calls = CLEAR_HELD UNPLUG START_MORE("down", ABORT) SWAPS INTERRUPT
                     "free 7 1 0x0 0x0\nfree others 7 0x24\n");
    DO_TEST("of drives, of a guest that was freed by half", .drives = true, .cut = true, .restarted = true,
            .calls = CLEAR_HELD UNPLUG "prepare /bin/true\nspawn lan, restarting, link down, pending 1\nguarded 1\n"
                     "copy 7 1\nfree 7 1 0x0 0x0\n"
                     "await lan: o/w 0xcf8 0x8000f810; o/w 0xcfc 0xf3000000; o/w 0xcf8 0x8000f804; o/h 0xcfc 0x7"
                     ABORT_REFUSE "\n" INTERRUPT "free others 7 0x24\n");
    DO_TEST("of drives, with a command that waits", .drives = true, .held = true, .late = true, .restarted = true,
            .calls = CLEAR_HELD UNPLUG START_MORE("down", ABORT) SWAPS "tell: o/b 0x1f7 0xca\n"
                     "free 7 1 0x0 0x0\nfree others 7 0x24\n");
    DO_TEST("of drives, with a command that is refused", .drives = true, .held = true, .late = true,
            .refuses = true, .restarted = true,
            .calls = CLEAR_HELD UNPLUG START_MORE("down", ABORT_REFUSE) SWAPS "tell: o/b 0x1f7 0x0\n"
                     "free 7 1 0x0 0x0\nfree others 7 0x24\n");
    DO_TEST("of a serial port, of which the guest may have lost something", .port = true, .restarted = true,
            .calls = CLEAR UNPLUG START_MORE("down", "; o/b 0x3fb 0x3; o/b 0x3fc 0xb")
                     "tell: o/b 0x3f9 0x7\nfree others 7 0x24\n");
    DO_TEST("of a serial port, of a guest that is held", .port = true, .held = true, .restarted = true,
            .calls = CLEAR_HELD UNPLUG START_MORE("down", LATCHED) SWAPS
                     "free 7 1 0x0 0x0\ntell: o/b 0x3f9 0x5\nfree others 7 0x24\n");
    DO_TEST("of a serial port, whose latch stays open", .port = true, .held = true, .nlatched = 999,
            .restarted = true, .nslept = 1,
            .calls = CLEAR_HELD UNPLUG START_MORE("down", LATCHED) SWAPS "free 7 1 0x0 0x0\nfree others 7 0x24\n");
    DO_TEST("virtio", .model = "virtio", .calls = CLEAR,
            .reason = "killed; not restarted: the driver of a 'virtio' interface does not tell it again where its rings are");
    DO_TEST("registers unknown", .forgetful = true, .calls = CLEAR,
            .reason = "killed; not restarted: what the guest has written into its registers is not known");
    DO_TEST("what else runs goes on for a while", .nrest = 1, .restarted = true, .nslept = 1,
            .calls = "kill rest of lan\n" AGAIN UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("what else runs goes on", .nrest = 9, .nends = 4,
            .calls = "kill rest of lan\nothers have the job\nkill rest of lan\n",
            .reason = "killed; not restarted: what runs under its user id does not end");
    DO_TEST("no file left for a while", .nfileless = 1, .restarted = true, .nslept = 1,
            .calls = CLEAR AGAIN UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("registers of another version", .foreign = true, .calls = CLEAR,
            .reason = "killed; not restarted: what the guest has written into its registers is not known");
    DO_TEST("fails once", .nfailing = 1, .restarted = true, .nslept = 1,
            .calls = CLEAR UNPLUG START("down") UNDO("41")
                     AGAIN "unplug\n" START("down") "free others 7 0x24\n");
    DO_TEST("fails once, and does not end", .nfailing = 1, .stuck = true, .restarted = true,
            .calls = CLEAR UNPLUG START("down") UNDO_FREED("41")
                     AGAIN "unplug\n" START("down") "free others 7 0x24\n");
    DO_TEST("fails too often", .nends = 3, .nfailing = 9, .nslept = 1,
            .calls = CLEAR UNPLUG START("down") UNDO("49") AGAIN "unplug\n" START("down") UNDO("48") AGAIN,
            .reason = "killed; not restarted: its process ended too often");
    DO_TEST("a tap is left", .kept = true, .restarted = true, .nslept = 1,
            .calls = CLEAR UNPLUG "unplug new\nfree others 7 0x4\n" LOWER "wake 7\n"
                     AGAIN UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("the server is another's", .nends = 4, .ioservid = 2,
            .calls = CLEAR UNPLUG START("down") UNDO("40") AGAIN,
            .reason = "killed; not restarted: its process ended too often");
    DO_TEST("the server was destroyed in another's name", .nends = 4, .destroyed = true,
            .calls = CLEAR UNPLUG START("down") UNDO("40") AGAIN,
            .reason = "killed; not restarted: its process ended too often");
    DO_TEST("of a guest that is held", .held = true, .restarted = true,
            .calls = CLEAR_HELD UNPLUG START("down") SWAPS "free 7 1 0x0 0x0\nfree others 7 0x24\n");
    DO_TEST("of a guest that is held for long", .held = true, .msHeld = 15000, .restarted = true,
            .calls = CLEAR_HELD UNPLUG START("down") SWAPS "free 7 1 0x0 0x0\nfree others 7 0x24\n");
    DO_TEST("that is not told what it writes", .held = true, .silent = true, .restarted = true, .nslept = 1,
            .calls = CLEAR_HELD UNPLUG START("down") SWAPS UNDO_HELD("40")
                     AGAIN "unplug\n" START_MORE("down", "; o/w 0xcf8 0x8000f804; o/h 0xcfc 0x7")
                     "free others 7 0x24\n");
    DO_TEST("that is not told what it writes in time, the fourth time", .held = true, .silent = true,
            .nends = 4, .restarted = true, .nslept = 1,
            .calls = CLEAR_HELD UNPLUG START("down") SWAPS UNDO_HELD("40")
                     AGAIN "unplug\n" START_MORE("down", "; o/w 0xcf8 0x8000f804; o/h 0xcfc 0x7")
                     "free others 7 0x24\n");
    DO_TEST("that does not answer, of a guest that is free", .drives = true, .silent = true, .nends = 4,
            .calls = CLEAR UNPLUG START_MORE("down", ABORT_REFUSE) INTERRUPT UNDO("40") AGAIN,
            .reason = "killed; not restarted: its process ended too often");
    DO_TEST("that ends, of a guest that is held, the fourth time", .held = true, .nfailing = 1, .nends = 4,
            .calls = CLEAR_HELD UNPLUG START("down") UNDO_HELD("41") AGAIN,
            .reason = "killed; not restarted: its process ended too often");
    DO_TEST("of a guest that is held not much longer", .held = true, .msHeld = 1200, .restarted = true,
            .calls = CLEAR_HELD UNPLUG "prepare /bin/true\nspawn lan, restarting, link down, pending 1\nguarded 1\n"
                     "copy 7 1\nfree 7 1 0x0 0x0\n"
                     "await lan: o/w 0xcf8 0x8000f810; o/w 0xcfc 0xf3000000; o/w 0xcf8 0x8000f804; o/h 0xcfc 0x7\n"
                     "free others 7 0x24\n");
    DO_TEST("of a guest that is held until files are open", .held = true, .ends = true, .restarted = true,
            .calls = CLEAR_HELD UNPLUG "prepare /bin/true\nspawn lan, restarting, link down, pending 1\n"
                     "copy 7 1\nfree 7 1 0x0 0x0\nguarded 1\n"
                     "await lan: o/w 0xcf8 0x8000f810; o/w 0xcfc 0xf3000000; o/w 0xcf8 0x8000f804; o/h 0xcfc 0x7\n"
                     "free others 7 0x24\n");
    DO_TEST("that is not told what it writes, and does not end", .held = true, .silent = true, .stuck = true,
            .restarted = true, .nslept = 1,
            .calls = CLEAR_HELD UNPLUG START("down") SWAPS UNDO_HELD("40")
                     AGAIN "unplug\n" START_MORE("down", "; o/w 0xcf8 0x8000f804; o/h 0xcfc 0x7")
                     "free others 7 0x24\n");
    DO_TEST("of a guest that is held, refused", .held = true, .nends = 5,
            .calls = CLEAR_HELD "copy 7 1\nfree 7 1 0x0 0x0\n",
            .reason = "killed; not restarted: its process ended too often");
    DO_TEST("of a guest that is held, fails", .held = true, .nfailing = 1, .restarted = true, .nslept = 1,
            .calls = CLEAR_HELD UNPLUG START("down") UNDO_HELD("41")
                     AGAIN "unplug\n" START_MORE("down", "; o/w 0xcf8 0x8000f804; o/h 0xcfc 0x7")
                     "free others 7 0x24\n");
    DO_TEST("the server is that of who was held", .held = true, .nends = 4, .ioservid = 1, .destroyed = true,
            .calls = CLEAR_HELD UNPLUG START("down") SWAPS "free 7 1 0x0 0x0\n" UNDO_FREED("40") AGAIN,
            .reason = "killed; not restarted: its process ended too often");
    DO_TEST("by hand, at once", .manual = true, .restarted = true,
            .calls = CLEAR UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("by hand", .manual = true, .away = 60, .nends = 5, .restarted = true,
            .reason = "killed; an interface is back when the guest closes and opens it",
            .calls = CLEAR UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("by hand, ignored otherwise", .manual = true, .away = 60, .restarted = true,
            .reason = "killed; an interface is back when the guest closes and opens it",
            .action = VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE,
            .calls = CLEAR UNPLUG START("down") "free others 7 0x24\n");
    DO_TEST("by hand, refused", .manual = true, .model = "virtio", .calls = CLEAR,
            .reason = "killed; not restarted: the driver of a 'virtio' interface does not tell it again where its rings are");
    DO_TEST("by hand, fails", .manual = true, .nfailing = 9,
            .calls = CLEAR UNPLUG START("down") UNDO("49"),
            .reason = "killed; not restarted: its process failed to start");
    DO_TEST("by hand, with a change", .manual = true, .changes = true, .calls = "");
    DO_TEST("the daemon leaves", .leaves = true,
            .calls = CLEAR UNPLUG "prepare /bin/true\nspawn lan, restarting, link down, pending 1\nguarded 1\n"
                     UNDO("40") "others have the job\n");
    DO_TEST("the daemon leaves, of a guest that is held", .leaves = true, .held = true,
            .calls = CLEAR_HELD UNPLUG "prepare /bin/true\nspawn lan, restarting, link down, pending 1\nguarded 1\n"
                     UNDO_HELD("40") "others have the job\n");
    DO_TEST("the domain is gone", .gone = true, .nslept = 1,
            .calls = CLEAR UNPLUG START("down") UNDO("40") "others have the job\n");

#undef DO_TEST

    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (virEventRegisterDefaultImpl() < 0 || !(driver = testDriverNew(&testDir)))
        return EXIT_FAILURE;

    test.calls = g_string_new(NULL);

    if (virTestRun("throttle", testThrottle, NULL) < 0)
        ret = -1;
    if (testHoldsAll() < 0)
        ret = -1;
    if (testRestarts() < 0)
        ret = -1;

    g_string_free(test.calls, true);
    testStoreReset();
    testDriverFree(driver, testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
