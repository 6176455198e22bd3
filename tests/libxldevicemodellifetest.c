/*
 * libxldevicemodellifetest.c: what a daemon does for domains that another left
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stands in for the calls of libxl that look at domains, pause and destroy them,
 * and writes down which of them came in what order, with what the status file
 * said of the device models at that time.
 */

#include <config.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel.h"
#include "libxl/libxl_devicemodel_ioreq.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestdriver.h"
#include "libxldevicemodeltestthreads.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestxenstore.h"
#include "virdomainobjlist.h"
#include "viralloc.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DOMID 7

static libxlDriverPrivate *driver;
static char *testDir; /* the driver's folder for status files */

/* A domain of Xen. */
struct testXenDomain {
    unsigned int domid; /* 0: there is none */
    bool stranger; /* has another uuid */
    bool paused;
    bool dying;
};

static struct {
    virDomainDef *def;
    const struct testXenDomain *domains;
    size_t ndomains;
    bool fails; /* to destroy a domain */
    bool unknown; /* what domains there are */
    virBuffer calls;
} testXen;


static void
testXenInfo(const struct testXenDomain *domain,
            libxl_dominfo *info)
{
    libxl_dominfo_init(info);
    memcpy(libxl_uuid_bytearray(&info->uuid), testXen.def->uuid, VIR_UUID_BUFLEN);
    if (domain->stranger)
        libxl_uuid_bytearray(&info->uuid)[0] ^= 1;
    info->domid = domain->domid;
    info->paused = domain->paused;
    info->dying = domain->dying;
}


libxl_dominfo *
libxl_list_domain(libxl_ctx *ctx G_GNUC_UNUSED,
                  int *nb_domain_out)
{
    libxl_dominfo *infos;
    size_t i;

    if (testXen.unknown)
        return NULL;

    infos = calloc(testXen.ndomains + 1, sizeof(*infos));
    for (i = 0; i < testXen.ndomains; i++)
        testXenInfo(&testXen.domains[i], &infos[i]);

    *nb_domain_out = testXen.ndomains;
    return infos;
}


int
libxl_domain_info(libxl_ctx *ctx G_GNUC_UNUSED,
                  libxl_dominfo *info,
                  uint32_t domid)
{
    size_t i;

    for (i = 0; i < testXen.ndomains; i++) {
        if (testXen.domains[i].domid == domid) {
            testXenInfo(&testXen.domains[i], info);
            return 0;
        }
    }

    return ERROR_DOMAIN_NOTFOUND;
}


static void
testXenCall(const char *call,
            uint32_t domid)
{
    g_autofree char *path = g_strdup_printf("%s/%s.xml", testDir, testXen.def->name);
    g_autofree char *status = NULL;
    const char *state = "no status";

    if (virFileExists(path) && virFileReadAll(path, 1024 * 1024, &status) >= 0)
        state = strstr(status, "<devicemodels complete='yes'>") ? "complete" :
            strstr(status, " state='running'") ? "incomplete" : "ending";

    virBufferAsprintf(&testXen.calls, "%s %u: %s\n", call, domid, state);
}


int
libxl_domain_pause(libxl_ctx *ctx G_GNUC_UNUSED,
                   uint32_t domid,
                   const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testXenCall("pause", domid);
    return 0;
}


int
libxl_domain_destroy(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testXenCall("destroy", domid);
    return testXen.fails ? ERROR_FAIL : 0;
}


int
libxlDeviceModelIoreqRelease(const libxlDeviceModelIoreq *ioreq,
                             libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    testXenCall("free", ioreq->domid);
    return 0;
}


struct testLifeData {
    int id; /* in the status file */
    bool single; /* without secondaries */
    bool leftover; /* of an earlier domain, after what it has itself */
    bool reset; /* since its secondary was left over */
    bool complete;
    struct testXenDomain domains[2];
    bool fails;
    bool unknown;
    bool cleanup; /* what is left has to be cleaned up */
    const char *calls;
};


/* Returns the domain locked, as the driver has it. */
static virDomainObj *
testVMNew(const struct testLifeData *data)
{
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    libxlDomainObjPrivate *priv = vm->privateData;

    vm->def = libxlDeviceModelTestParseGolden(driver->xmlopt, "nic-e1000");
    vm->def->id = data->id;
    if (data->single)
        vm->def->ndevicemodels = 1;
    priv->devicemodelsComplete = data->complete;

    testXen.def = vm->def;
    testXen.unknown = data->unknown;
    testXen.domains = data->domains;
    testXen.ndomains = 0;
    while (testXen.ndomains < G_N_ELEMENTS(data->domains) &&
           data->domains[testXen.ndomains].domid != 0)
        testXen.ndomains++;
    testXen.fails = data->fails;
    virBufferFreeAndReset(&testXen.calls);
    testStoreReset();

    return vm;
}


static void
testVMFree(virDomainObj *vm,
           const struct testLifeData *data)
{
    g_autofree char *path = g_strdup_printf("%s/%s.xml", testDir, vm->def->name);

    /* the parser made two */
    if (data->single)
        vm->def->ndevicemodels = 2;

    unlink(path);
    virDomainObjEndAPI(&vm);
}


static int
testCheckCalls(const char *expected)
{
    return virTestCompareToString(NULLSTR_EMPTY(expected),
                                  NULLSTR_EMPTY(virBufferCurrentContent(&testXen.calls)));
}


static int
testEndIncomplete(const void *opaque)
{
    const struct testLifeData *data = opaque;
    virDomainObj *vm = testVMNew(data);
    bool cleanup = libxlDeviceModelsEndIncomplete(driver, vm);
    int ret = testCheckCalls(data->calls);

    if (cleanup != data->cleanup) {
        VIR_TEST_VERBOSE("returned %d, expected %d", cleanup, data->cleanup);
        ret = -1;
    }

    testVMFree(vm, data);
    return ret;
}


/* The status file says that the domain ends before anything is done. */
static int
testStop(const void *opaque)
{
    const struct testLifeData *data = opaque;
    virDomainObj *vm = testVMNew(data);
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");
    int ret = -1;

    dm->state = LIBXL_DEVICE_MODEL_STATE_RUNNING;
    VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
    if (data->leftover) {
        dm = libxlDeviceModelNew(testDir, TEST_DOMID - 1, 1, "lan");
        VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
    }

    if (libxlDeviceModelsRecord(driver, vm) == 0) {
        libxlDeviceModelsStop(driver, vm);
        ret = testCheckCalls(data->calls);
    }

    if (priv->ndevicemodels != 0 || priv->devicemodelsComplete) {
        VIR_TEST_VERBOSE("%zu device models are recorded, complete %d",
                         priv->ndevicemodels, priv->devicemodelsComplete);
        ret = -1;
    }

    testVMFree(vm, data);
    return ret;
}


/* Returns whether it did fail in the first minute of all, or did not. */
static bool
testHasFailed(const virDomainDeviceModelDef *dmdef,
              bool expected)
{
    const virDomainDeviceModelFailure *failure = &dmdef->failure;

    if (!expected)
        return failure->count == 0 && failure->last == 0 && !failure->reason;

    return dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED &&
        failure->count == 1 && failure->last == 60 &&
        STREQ_NULLABLE(failure->reason, "exited with status 1");
}


/* What is written is read again by the next daemon, for a domain that libxl is
 * about to create, too. */
static int
testReload(const void *opaque)
{
    const struct testLifeData *data = opaque;
    virDomainObjList *doms = virDomainObjListNew();
    virDomainObj *vm = testVMNew(data);
    libxlDomainObjPrivate *priv = vm->privateData;
    virDomainObj *found = NULL;
    int ret = -1;

    if (data->id != -1) {
        libxlDeviceModel *dm = libxlDeviceModelNew(testDir, data->id, 1, "lan");

        dm->pending = data->complete;
        VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
    }

    if (data->complete)
        virDomainDeviceModelDefSetFailed(vm->def->devicemodels[1], 60, "exited with status 1");

    priv->devicemodelsMachine.memory = 256;
    priv->devicemodelsMachine.vcpus = 4;

    if (libxlDeviceModelsRecord(driver, vm) == 0 &&
        virDomainObjListLoadAllConfigs(doms, testDir, NULL, true, driver->xmlopt,
                                       NULL, NULL) == 0 &&
        (found = virDomainObjListFindByUUID(doms, vm->def->uuid))) {
        libxlDomainObjPrivate *again = found->privateData;

        if (found->def->id == data->id && found->def->ndevicemodels == 2 &&
            again->ndevicemodels == priv->ndevicemodels &&
            testHasFailed(found->def->devicemodels[1], data->complete) &&
            (data->id == -1 || again->devicemodels[0]->pending == data->complete) &&
            again->devicemodelsMachine.memory == (priv->ndevicemodels > 0 ? 256 : 0) &&
            again->devicemodelsMachine.vcpus == (priv->ndevicemodels > 0 ? 4 : 0) &&
            again->devicemodelsComplete == data->complete)
            ret = 0;
    }

    virDomainObjEndAPI(&found);
    virObjectUnref(doms);
    testVMFree(vm, data);
    return ret;
}


/* What could not be removed is known again at the next start, whatever the daemons
 * between forgot. */
static int
testRemember(const void *opaque)
{
    const struct testLifeData *data = opaque;
    virDomainObj *vm = testVMNew(data);
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID - 1, 1, "lan");
    size_t expected = data->leftover ? 1 : 0;
    int ret = 0;

    if (data->leftover) {
        VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
        priv->devicemodelsSaving = true;
        if (libxlDeviceModelsRecord(driver, vm) < 0)
            abort();
        libxlDeviceModelListFree(g_steal_pointer(&priv->devicemodels), priv->ndevicemodels);
        priv->ndevicemodels = 0;
        priv->devicemodelsSaving = false;
    } else {
        virObjectUnref(dm);
    }

    libxlDeviceModelsRemember(driver, vm);
    /* those on the list are not read a second time */
    libxlDeviceModelsRemember(driver, vm);

    if (priv->ndevicemodels != expected ||
        priv->devicemodelsComplete || priv->devicemodelsSaving ||
        (expected && priv->devicemodels[0]->domid != TEST_DOMID - 1)) {
        VIR_TEST_VERBOSE("%zu device models are remembered, expected %zu",
                         priv->ndevicemodels, expected);
        ret = -1;
    }

    testVMFree(vm, data);
    return ret;
}


/* What could not be removed is tried again at the next start, though the domain has no
 * device model by then. */
static int
testStartWithout(const void *opaque)
{
    const struct testLifeData *data = opaque;
    virDomainObj *vm = testVMNew(data);
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID - 1, 1, "lan");
    size_t ndevicemodels = vm->def->ndevicemodels;
    libxl_domain_config config;
    int rc;

    VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
    libxl_domain_config_init(&config);
    vm->def->ndevicemodels = 0;
    rc = libxlDeviceModelsStart(driver, vm, &config, -1, LIBXL_SAVE_VERSION);
    vm->def->ndevicemodels = ndevicemodels;
    libxl_domain_config_dispose(&config);

    if (rc < 0 || priv->ndevicemodels != 0) {
        VIR_TEST_VERBOSE("returned %d, %zu device models are left", rc, priv->ndevicemodels);
        rc = -1;
    }

    testVMFree(vm, data);
    return rc;
}


/* A device model that an earlier domain left has the id of one that runs.  The thread
 * that tells of the end of one finds no domain. */
static int
testReconnectLeftover(const void *opaque)
{
    const struct testLifeData *data = opaque;
    virDomainObj *vm = testVMNew(data);
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModelState before =
        data->reset ? LIBXL_DEVICE_MODEL_STATE_ENDED : LIBXL_DEVICE_MODEL_STATE_RUNNING;
    libxlDeviceModelState expected = data->calls ? LIBXL_DEVICE_MODEL_STATE_FAILED : before;
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir,
                                               TEST_DOMID - (data->leftover ? 1 : 0), 1, "lan");
    int ret = 0;

    dm->state = before;
    VIR_APPEND_ELEMENT_COPY(priv->devicemodels, priv->ndevicemodels, dm);

    if (libxlDeviceModelsReconnect(driver, vm, false) ||
        testCheckCalls(data->calls) < 0 ||
        libxlDeviceModelGetState(dm) != expected) {
        VIR_TEST_VERBOSE("the state is %d, expected %d", dm->state, expected);
        ret = -1;
    }

    testThreadsJoin();
    testVMFree(vm, data);
    return ret;
}


/* A domain that dies is cleaned up if it has secondaries, and no other. */
static int
testReconnectDying(const void *opaque G_GNUC_UNUSED)
{
    static const struct testLifeData data = { .id = TEST_DOMID };
    virDomainObj *vm = testVMNew(&data);
    libxlDomainObjPrivate *priv = vm->privateData;
    bool without = libxlDeviceModelsReconnect(driver, vm, true);
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");
    bool with;
    bool alive;

    VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
    with = libxlDeviceModelsReconnect(driver, vm, true);
    alive = libxlDeviceModelsReconnect(driver, vm, false);

    testVMFree(vm, &data);

    if (!without && with && !alive)
        return 0;

    VIR_TEST_VERBOSE("cleaned up without secondaries %d, with %d, where it lives %d",
                     without, with, alive);
    return -1;
}


/* A domain without secondaries is written by the driver, where it always was. */
static int
testRecordSingle(const void *opaque G_GNUC_UNUSED)
{
    static const struct testLifeData data = { .id = TEST_DOMID, .single = true };
    virDomainObj *vm = testVMNew(&data);
    g_autofree char *path = g_strdup_printf("%s/%s.xml", testDir, vm->def->name);
    int ret = libxlDeviceModelsRecord(driver, vm);

    if (virFileExists(path)) {
        VIR_TEST_VERBOSE("status file '%s' was written", path);
        ret = -1;
    }

    testVMFree(vm, &data);
    return ret;
}


/* A domain whose serial port is a secondary's, with the terminal @path. */
static virDomainObj *
testConsoleVM(const char *path,
              libxlDeviceModel *dm)
{
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    libxlDomainObjPrivate *priv = vm->privateData;

    vm->def = libxlDeviceModelTestParseGolden(driver->xmlopt, "serial-one");
    if (vm->def->serials[0]->source->type != VIR_DOMAIN_CHR_TYPE_PTY)
        abort();

    vm->def->id = TEST_DOMID;
    vm->def->devicemodels[1]->id = 1;
    vm->def->serials[0]->source->data.file.path = g_strdup(path);
    testXen.def = vm->def;
    VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
    return vm;
}


static int
testCheckConsole(virDomainObj *vm,
                 bool open)
{
    VIR_AUTOCLOSE fd = -1;
    int rc = libxlDeviceModelsCheckConsole(vm, vm->def->serials[0], &fd);

    if ((rc == 0) == open && (fd >= 0) == open)
        return 0;

    VIR_TEST_VERBOSE("returned %d with %d, expected %s", rc, fd, open ? "a terminal" : "an error");
    return -1;
}


/* Nobody gets a terminal that the secondary does not have, whoever has it. */
static int
testConsole(const void *opaque G_GNUC_UNUSED)
{
    VIR_AUTOCLOSE master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID, 1, "lan");
    libxlDomainObjPrivate *priv;
    virDomainObj *vm = NULL;
    int ret = -1;

    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        return -1;

    dm->state = LIBXL_DEVICE_MODEL_STATE_RUNNING;
    dm->process.pid = getpid();
    dm->process.pidfd = syscall(SYS_pidfd_open, dm->process.pid, 0);
    vm = testConsoleVM(ptsname(master), dm);
    priv = vm->privateData;
    dm = priv->devicemodels[0];

    if (testCheckConsole(vm, true) < 0)
        goto cleanup;

    /* it may not have it for much longer */
    dm->state = LIBXL_DEVICE_MODEL_STATE_ENDING;
    if (testCheckConsole(vm, false) < 0)
        goto cleanup;
    dm->state = LIBXL_DEVICE_MODEL_STATE_RUNNING;

    /* another has it now */
    dm->process.pid = 1;
    if (testCheckConsole(vm, false) < 0)
        goto cleanup;

    /* it has ended */
    VIR_FORCE_CLOSE(dm->process.pidfd);
    dm->process.pid = -1;
    if (testCheckConsole(vm, false) < 0)
        goto cleanup;

    /* and its terminal was forgotten */
    g_clear_pointer(&vm->def->serials[0]->source->data.file.path, g_free);
    if (testCheckConsole(vm, false) < 0 ||
        virTestCompareToString("operation failed: device model 'lan' has no terminal",
                               virGetLastErrorMessage()) < 0)
        goto cleanup;

    /* it ends, and is on no list until it has */
    vm->def->serials[0]->source->data.file.path = g_strdup(ptsname(master));
    priv->ndevicemodels = 0;
    if (testCheckConsole(vm, false) < 0)
        goto cleanup;
    priv->ndevicemodels = 1;
    g_clear_pointer(&vm->def->serials[0]->source->data.file.path, g_free);

    /* so is a start with the same definition */
    vm->def->serials[0]->source->data.file.path = g_strdup("/dev/pts/0");
    libxlDeviceModelsStop(driver, vm);
    if (!vm->def->serials[0]->source->data.file.path)
        ret = 0;

 cleanup:
    virDomainObjEndAPI(&vm);
    return ret;
}


static int
testIncompletes(void)
{
    int ret = 0;

#define DO_TEST_FULL(title, func, ...) \
    do { \
        static const struct testLifeData data = { __VA_ARGS__ }; \
        if (virTestRun(title, func, &data) < 0) \
            ret = -1; \
    } while (0)
#define DO_TEST(title, ...) DO_TEST_FULL("incomplete: " title, testEndIncomplete, __VA_ARGS__)

    DO_TEST("was complete", .id = TEST_DOMID, .complete = true,
            .domains = { { .domid = TEST_DOMID } });
    DO_TEST("without secondaries", .id = TEST_DOMID, .single = true,
            .domains = { { .domid = TEST_DOMID } });
    DO_TEST("runs", .id = TEST_DOMID, .domains = { { .domid = 6, .stranger = true },
                                                   { .domid = TEST_DOMID } },
            .cleanup = true, .calls = "destroy 7: no status\n");
    DO_TEST("is gone", .id = TEST_DOMID, .cleanup = true);
    DO_TEST("is dying", .id = TEST_DOMID, .cleanup = true,
            .domains = { { .domid = TEST_DOMID, .dying = true } });
    DO_TEST("has a successor", .id = TEST_DOMID, .cleanup = true,
            .domains = { { .domid = 8, .paused = true } });
    DO_TEST("the id is another's", .id = TEST_DOMID, .cleanup = true,
            .domains = { { .domid = TEST_DOMID, .stranger = true, .paused = true } });
    DO_TEST("cannot be looked for", .id = TEST_DOMID, .unknown = true,
            .domains = { { .domid = TEST_DOMID } });
    DO_TEST("cannot be destroyed", .id = TEST_DOMID, .fails = true,
            .domains = { { .domid = TEST_DOMID } }, .calls = "destroy 7: no status\n");

    DO_TEST("being created", .id = -1, .cleanup = true,
            .domains = { { .domid = 6, .stranger = true, .paused = true },
                         { .domid = 9, .paused = true } },
            .calls = "destroy 9: no status\n");
    DO_TEST("not created yet", .id = -1, .cleanup = true,
            .domains = { { .domid = 6, .stranger = true, .paused = true } });
    DO_TEST("started by somebody else", .id = -1, .cleanup = true, .domains = { { .domid = 9 } });

#undef DO_TEST

    DO_TEST_FULL("stop a running domain", testStop, .id = TEST_DOMID, .complete = true,
                 .domains = { { .domid = TEST_DOMID } }, .calls = "pause 7: ending\n");
    DO_TEST_FULL("stop a running domain with a leftover", testStop, .id = TEST_DOMID,
                 .complete = true, .leftover = true,
                 .domains = { { .domid = TEST_DOMID } }, .calls = "pause 7: ending\n");
    DO_TEST_FULL("stop a domain that is gone", testStop, .id = TEST_DOMID, .complete = true);
    DO_TEST_FULL("stop when the id is another's", testStop, .id = TEST_DOMID, .complete = true,
                 .domains = { { .domid = TEST_DOMID, .stranger = true } });
    DO_TEST_FULL("stop when a successor runs", testStop, .id = 8, .complete = true,
                 .domains = { { .domid = 8 } });

    DO_TEST_FULL("reload a domain that is being created", testReload, .id = -1);
    DO_TEST_FULL("reload a domain that starts", testReload, .id = TEST_DOMID);
    DO_TEST_FULL("reload a domain that runs", testReload, .id = TEST_DOMID, .complete = true);
    DO_TEST_FULL("remember what an earlier end left", testRemember, .id = -1,
                 .complete = true, .leftover = true);
    DO_TEST_FULL("remember nothing", testRemember, .id = -1);
    DO_TEST_FULL("start without device models what left one", testStartWithout,
                 .id = TEST_DOMID);
    DO_TEST_FULL("reconnect to a secondary that is gone", testReconnectLeftover,
                 .id = TEST_DOMID, .calls = "free 7: no status\n");
    DO_TEST_FULL("reconnect with a leftover", testReconnectLeftover, .id = TEST_DOMID,
                 .leftover = true);
    DO_TEST_FULL("reconnect with a leftover of before a reset", testReconnectLeftover,
                 .id = TEST_DOMID, .reset = true);

#undef DO_TEST_FULL

    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testDriverNew(&testDir)))
        return EXIT_FAILURE;

    if (testIncompletes() < 0)
        ret = -1;
    if (virTestRun("reconnect to a domain that dies", testReconnectDying, NULL) < 0)
        ret = -1;
    if (virTestRun("console", testConsole, NULL) < 0)
        ret = -1;
    if (virTestRun("record a domain without secondaries", testRecordSingle, NULL) < 0)
        ret = -1;

    virBufferFreeAndReset(&testXen.calls);
    testDriverFree(driver, testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
