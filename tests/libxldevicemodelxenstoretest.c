/*
 * libxldevicemodelxenstoretest.c: what secondaries leave in xenstore, and what is read
 * there of the primary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The xenstore is that of libxldevicemodeltestxenstore.c, whose calls fail when
 * they are told to.  What could not be removed is seen by the driver's own list
 * of device models.
 */

#include <config.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "libxl/libxl_devicemodel.h"
#include "libxl/libxl_devicemodel_xenstore.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestxenstore.h"
#include "viralloc.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DMS "/local/domain/0/dms"

static libxlDriverPrivate *driver;


static libxlDeviceModel *
testDeviceModelNew(unsigned int domid,
                   unsigned int id)
{
    libxlDeviceModel *dm = libxlDeviceModelNew("/nonexistent", domid, id, "lan");

    dm->process.pid = 4711;
    dm->ioservid = 2;
    return dm;
}


#define TEST_ENTRIES(domid, id) \
    TEST_DMS "/" domid "/" id "/ioservid=2\n" \
    TEST_DMS "/" domid "/" id "/name=lan\n" \
    TEST_DMS "/" domid "/" id "/pid=4711\n" \
    TEST_DMS "/" domid "/" id "/state=running\n"

struct testStoreData {
    const char *fails;
    const char *path;
    unsigned int conflicts;
    const char *error;
    const char *left;
};

static int
testAdd(const void *opaque)
{
    const struct testStoreData *data = opaque;
    g_autoptr(libxlDeviceModel) dm = testDeviceModelNew(7, 1);

    testStoreReset();
    testStore.fails = data->fails;
    testStore.path = data->path;

    if (libxlDeviceModelTestOutcome(libxlDeviceModelXenstoreAdd(dm), NULL, data->error) < 0)
        return -1;

    return testStoreCheck(data->left);
}


static int
testRemove(const void *opaque)
{
    const struct testStoreData *data = opaque;
    g_autoptr(libxlDeviceModel) one = testDeviceModelNew(7, 1);
    g_autoptr(libxlDeviceModel) two = testDeviceModelNew(7, 2);

    testStoreReset();
    if (libxlDeviceModelXenstoreAdd(one) < 0 ||
        libxlDeviceModelXenstoreAdd(two) < 0)
        return -1;

    testStore.fails = data->fails;
    testStore.path = data->path;
    testStore.conflicts = data->conflicts;

    if (libxlDeviceModelTestOutcome(libxlDeviceModelXenstoreRemove(two), NULL, data->error) < 0)
        return -1;

    if (testStore.conflicts > 0) {
        VIR_TEST_VERBOSE("%u attempts were not made", testStore.conflicts);
        return -1;
    }

    return testStoreCheck(data->left);
}


/* What others have stays, a folder goes with the last that it has, and to remove
 * nothing is no error. */
static int
testRemoveAll(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModel) one = testDeviceModelNew(7, 1);
    g_autoptr(libxlDeviceModel) other = testDeviceModelNew(70, 1);

    testStoreReset();
    g_hash_table_insert(testStore.entries, g_strdup(TEST_DMS), g_strdup(""));
    g_hash_table_insert(testStore.entries, g_strdup(TEST_DMS "/7"), g_strdup(""));

    if (libxlDeviceModelXenstoreAdd(one) < 0 ||
        libxlDeviceModelXenstoreAdd(other) < 0 ||
        libxlDeviceModelXenstoreRemove(one) < 0 ||
        testStoreCheck(TEST_DMS "=\n" TEST_ENTRIES("70", "1")) < 0 ||
        libxlDeviceModelXenstoreRemove(one) < 0 ||
        testStoreCheck(TEST_DMS "=\n" TEST_ENTRIES("70", "1")) < 0 ||
        libxlDeviceModelXenstoreRemove(other) < 0)
        return -1;

    return testStoreCheck("");
}


#define TEST_PRIMARY_STATE "/local/domain/0/device-model/7/state"
#define TEST_PRIMARY_PID "/local/domain/7/image/device-model-pid"

struct testPrimaryData {
    const char *state; /* what libxl has written; NULL: nothing */
    const char *pid; /* likewise */
    const char *fails;
    const char *path;
    const char *error;
    int rc;
};

/* Not to be able to ask is not to hear that there is none. */
static int
testPrimary(const void *opaque)
{
    const struct testPrimaryData *data = opaque;
    g_autofree char *left = g_strdup_printf("%s%s%s%s%s%s",
                                            data->state ? TEST_PRIMARY_STATE "=" : "",
                                            NULLSTR_EMPTY(data->state), data->state ? "\n" : "",
                                            data->pid ? TEST_PRIMARY_PID "=" : "",
                                            NULLSTR_EMPTY(data->pid), data->pid ? "\n" : "");
    pid_t pid = -1;
    int rc;

    testStoreReset();
    testStore.fails = data->fails;
    testStore.path = data->path;
    if (data->state)
        g_hash_table_insert(testStore.entries, g_strdup(TEST_PRIMARY_STATE), g_strdup(data->state));
    if (data->pid)
        g_hash_table_insert(testStore.entries, g_strdup(TEST_PRIMARY_PID), g_strdup(data->pid));

    rc = libxlDeviceModelXenstoreGetPrimary(7, &pid);
    if (rc != data->rc || pid != (rc == 1 ? 4711 : -1)) {
        VIR_TEST_VERBOSE("returned %d, expected %d, with pid %d", rc, data->rc, (int)pid);
        virResetLastError();
        return -1;
    }

    if (libxlDeviceModelTestOutcome(rc < 0 ? -1 : 0, NULL, data->error) < 0)
        return -1;

    return testStoreCheck(left);
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
#define UNREADABLE .rc = -1, \
    .error = "cannot read of the primary of domain 7 in xenstore: Permission denied"

    DO_TEST("runs", .state = "running", .pid = "4711", .rc = 1);
    DO_TEST("is about to be ended", .pid = "4711");
    DO_TEST("no pid", .state = "running");
    DO_TEST("empty pid", .state = "running", .pid = "");
    DO_TEST("no number", .state = "running", .pid = "4711 lan");
    DO_TEST("pid of init", .state = "running", .pid = "1");
    DO_TEST("negative pid", .state = "running", .pid = "-4711");
    DO_TEST("no connection", .state = "running", .pid = "4711", .fails = "open", .rc = -1,
            .error = "cannot connect to xenstore: Permission denied");
    DO_TEST("state cannot be read", .state = "running", .pid = "4711", .fails = "read",
            .path = TEST_PRIMARY_STATE, UNREADABLE);
    DO_TEST("pid cannot be read", .state = "running", .pid = "4711", .fails = "read",
            .path = TEST_PRIMARY_PID, UNREADABLE);

#undef UNREADABLE
#undef DO_TEST

    return ret;
}


static int
testCheckList(virDomainObj *vm,
              size_t ndms)
{
    libxlDomainObjPrivate *priv = vm->privateData;

    if (priv->ndevicemodels == ndms)
        return 0;

    VIR_TEST_VERBOSE("%zu device models are recorded, expected %zu",
                     priv->ndevicemodels, ndms);
    return -1;
}


/* What could not be removed stays on the list, and goes with the next attempt. */
static int
testStopVM(virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    testStoreReset();
    vm->def = virDomainDefNew(driver->xmlopt);
    vm->def->name = g_strdup("guest");
    vm->def->virtType = VIR_DOMAIN_VIRT_XEN;

    for (i = 1; i <= 2; i++) {
        libxlDeviceModel *dm = testDeviceModelNew(7, i);

        if (libxlDeviceModelXenstoreAdd(dm) < 0)
            return -1;
        VIR_APPEND_ELEMENT(priv->devicemodels, priv->ndevicemodels, dm);
    }

    /* an error that is set is the cause of the stop, and stays */
    testStore.fails = "rm";
    virReportError(VIR_ERR_OPERATION_FAILED, "%s", "cause");
    testStore.path = TEST_DMS "/7/1";
    libxlDeviceModelsStop(driver, vm);
    if (libxlDeviceModelTestOutcome(-1, NULL, "operation failed: cause") < 0 ||
        testCheckList(vm, 1) < 0)
        return -1;

    libxlDeviceModelsStop(driver, vm);
    if (testCheckList(vm, 1) < 0 ||
        testStoreCheck(TEST_ENTRIES("7", "1")) < 0)
        return -1;

    testStore.fails = NULL;
    libxlDeviceModelsStop(driver, vm);
    if (testCheckList(vm, 0) < 0)
        return -1;

    return testStoreCheck("");
}


static int
testStopAgain(const void *opaque G_GNUC_UNUSED)
{
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    int ret = testStopVM(vm);

    virDomainObjEndAPI(&vm);
    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testXLInitDriver()))
        return EXIT_FAILURE;

#define DO_TEST(title, func, ...) \
    do { \
        static const struct testStoreData data = { __VA_ARGS__ }; \
        if (virTestRun(title, func, &data) < 0) \
            ret = -1; \
    } while (0)
#define DENIED ": Permission denied"

    DO_TEST("add", testAdd, .left = TEST_ENTRIES("7", "1"));
    DO_TEST("add: no connection", testAdd, .fails = "open", .left = "",
            .error = "cannot connect to xenstore" DENIED);
    DO_TEST("add: the first key", testAdd, .fails = "write", .left = "",
            .error = "device model 'lan': cannot write xenstore key '" TEST_DMS "/7/1/name'" DENIED);
    DO_TEST("add: the last key", testAdd, .fails = "write", .path = TEST_DMS "/7/1/state",
            .left = TEST_DMS "/7/1/ioservid=2\n" TEST_DMS "/7/1/name=lan\n" TEST_DMS "/7/1/pid=4711\n",
            .error = "device model 'lan': cannot write xenstore key '" TEST_DMS "/7/1/state'" DENIED);

    DO_TEST("remove", testRemove, .left = TEST_ENTRIES("7", "1"));
    DO_TEST("remove after conflicts", testRemove, .conflicts = 63, .left = TEST_ENTRIES("7", "1"));
    DO_TEST("remove: conflicts without end", testRemove, .conflicts = 64,
            .left = TEST_ENTRIES("7", "1") TEST_ENTRIES("7", "2"),
            .error = "device model 'lan': cannot remove xenstore folder '" TEST_DMS "/7/2'"
                     ": Resource temporarily unavailable");
    DO_TEST("remove: no connection", testRemove, .fails = "open",
            .left = TEST_ENTRIES("7", "1") TEST_ENTRIES("7", "2"),
            .error = "cannot connect to xenstore" DENIED);
    DO_TEST("remove: no transaction", testRemove, .fails = "start",
            .left = TEST_ENTRIES("7", "1") TEST_ENTRIES("7", "2"),
            .error = "device model 'lan': cannot remove xenstore folder '" TEST_DMS "/7/2'" DENIED);
    DO_TEST("remove: refused", testRemove, .fails = "rm",
            .left = TEST_ENTRIES("7", "1") TEST_ENTRIES("7", "2"),
            .error = "device model 'lan': cannot remove xenstore folder '" TEST_DMS "/7/2'" DENIED);
    DO_TEST("remove: not committed", testRemove, .fails = "end", .left = TEST_ENTRIES("7", "1"),
            .error = "device model 'lan': cannot remove xenstore folder '" TEST_DMS "/7/2'" DENIED);

#undef DENIED
#undef DO_TEST

    if (testPrimaries() < 0)
        ret = -1;
    if (virTestRun("remove all", testRemoveAll, NULL) < 0)
        ret = -1;
    if (virTestRun("what was left is removed by the next stop", testStopAgain, NULL) < 0)
        ret = -1;

    unlink("libxl-driver.log");
    testXLFreeDriver(driver);
    g_clear_pointer(&testStore.entries, g_hash_table_unref);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
