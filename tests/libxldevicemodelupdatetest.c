/*
 * libxldevicemodelupdatetest.c: changes to the devices of running secondaries
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The domain runs with two secondaries, one with two NICs and one with an IDE
 * drive.  Both are this process; what they are told is written down by a thread
 * that serves their monitors.
 */

#include <config.h>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "conf/domain_devicemodel.h"
#include "libxl/libxl_devicemodel_placement.h"
#include "libxl/libxl_devicemodel_update.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestutils.h"
#include "viralloc.h"
#include "virfile.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DOMID 7
#define TEST_MAC(n) "00:16:3e:00:00:0" #n

#define TEST_XML \
    "<domain type='xen'><name>guest</name><memory unit='MiB'>256</memory>" \
    "<os><type>hvm</type><loader>/usr/lib/xen/boot/hvmloader</loader></os>" \
    "<devices><emulator>/bin/true</emulator>" \
    "<devicemodel name='main'><capability name='ui'/></devicemodel>" \
    "<devicemodel name='lan'><interface mac='" TEST_MAC(2) "'/>" \
    "<interface mac='" TEST_MAC(3) "'/></devicemodel>" \
    "<devicemodel name='blk'><capability name='ide'/></devicemodel>" \
    "<disk type='block' device='disk'><source dev='/dev/null'/>" \
    "<target dev='xvdb' bus='xen'/></disk>" \
    "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>" \
    "<source file='/old.iso'/><target dev='hdc' bus='ide'/></disk>" \
    "<interface type='bridge'><mac address='" TEST_MAC(1) "'/><source bridge='br0'/></interface>" \
    "<interface type='bridge'><mac address='" TEST_MAC(2) "'/><source bridge='br0'/></interface>" \
    "<interface type='bridge'><mac address='" TEST_MAC(3) "'/><source bridge='br0'/></interface>" \
    "</devices></domain>"

/* what is in the drive when the device model starts */
#define TEST_MEDIUM "\"disk-1-0\""

static libxlDriverPrivate *driver;
static char *testDir;
static virDomainObj *testVM; /* that is changed */
static bool testVMWasLocked; /* while an image was read */


/* Stands in for libvirt's: a file system may let whoever reads an image wait. */
virStorageSource *
virStorageSourceGetMetadataFromFD(const char *path,
                                  int fd G_GNUC_UNUSED,
                                  int format)
{
    virStorageSource *meta = virStorageSourceNew();

    meta->path = g_strdup(path);
    meta->format = format;

    if (pthread_mutex_trylock(&testVM->parent.lock.lock) == 0)
        virObjectUnlock(testVM);
    else
        testVMWasLocked = true;

    return meta;
}


/* The monitors of all device models of the domain, one connection of which is
 * served. */
typedef struct {
    virThread thread;
    int listener;
    GString *said; /* to them: a line for each command, with its arguments */
    bool untold; /* that a change talks with one of them */
    bool answered; /* the first command of a connection */
} testServer;


/* How many changes talk with a device model, as far as the device models know. */
static int
testChanges(virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    int changes = 0;
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++)
        changes += g_atomic_int_get(&priv->devicemodels[i]->changes);

    return changes;
}


/* Likewise, how many of them were found to answer. */
static int
testAnswers(virDomainObj *vm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    int answers = 0;
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++)
        answers += g_atomic_int_get(&priv->devicemodels[i]->answers);

    return answers;
}


/* Returns what a command is answered with. */
static const char *
testServerResult(const char *command)
{
    if (STREQ_NULLABLE(command, "qom-get"))
        return TEST_MEDIUM;
    if (STREQ_NULLABLE(command, "add-fd"))
        return "{\"fdset-id\": 4, \"fd\": 20}";

    return "{}";
}


/* Returns the reply to a line, to be freed. */
static char *
testServerReply(testServer *server,
                const char *line)
{
    g_autoptr(virJSONValue) message = virJSONValueFromString(line);
    const char *command = virJSONValueObjectGetString(message, "execute");
    virJSONValue *arguments = virJSONValueObjectGet(message, "arguments");
    g_autofree char *text = arguments ? virJSONValueToString(arguments, false) : NULL;
    unsigned long long id = 0;

    ignore_value(virJSONValueObjectGetNumberUlong(message, "id", &id));
    if (testChanges(testVM) != 1)
        server->untold = true;
    if (STREQ_NULLABLE(command, "qmp_capabilities"))
        server->answered = true;
    else
        g_string_append_printf(server->said, "%s %s\n", command, NULLSTR_EMPTY(text));

    return g_strdup_printf("{\"return\": %s, \"id\": %llu}\r\n",
                           testServerResult(command), id);
}


static void
testServerServe(testServer *server,
                int fd)
{
    static const char greeting[] = "{\"QMP\": {}}\r\n";
    g_autoptr(GString) in = g_string_new(NULL);
    VIR_AUTOCLOSE passed = -1;
    char *end;

    if (send(fd, greeting, strlen(greeting), MSG_NOSIGNAL) < 0)
        return;

    while (libxlDeviceModelTestReceive(fd, in, &passed)) {
        while ((end = strchr(in->str, '\n'))) {
            g_autofree char *reply = NULL;

            *end = '\0';
            reply = testServerReply(server, in->str);
            g_string_erase(in, 0, end - in->str + 1);
            if (send(fd, reply, strlen(reply), MSG_NOSIGNAL) < 0)
                return;
        }
    }
}


static void
testServerRun(void *opaque)
{
    testServer *server = opaque;
    VIR_AUTOCLOSE fd = accept(server->listener, NULL, NULL);

    if (fd >= 0)
        testServerServe(server, fd);
}


static void
testServerStart(testServer *server,
                const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    server->said = g_string_new(NULL);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 ||
        virStrcpyStatic(addr.sun_path, path) < 0 ||
        /* libvirt's mock of libxl has a bind() that does nothing */
        syscall(SYS_bind, server->listener, &addr, sizeof(addr)) < 0 ||
        listen(server->listener, 1) < 0 ||
        virThreadCreate(&server->thread, true, testServerRun, server) < 0)
        abort();
}


/* Returns what the device models were told, to be freed. */
static char *
testServerStop(testServer *server,
               const char *path)
{
    shutdown(server->listener, SHUT_RDWR);
    virThreadJoin(&server->thread);
    VIR_FORCE_CLOSE(server->listener);
    unlink(path);

    return g_string_free(server->said, false);
}


/* Its process is the test's own. */
static void
testVMAddSecondary(virDomainObj *vm,
                   unsigned int id,
                   const char *name,
                   const char *path,
                   libxlDeviceModelState state)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModel *dm = libxlDeviceModelNew(testDir, TEST_DOMID, id, name);

    g_free(dm->socket);
    dm->socket = g_strdup(path);
    dm->state = state;
    dm->process.pid = getpid();
    if ((dm->process.pidfd = syscall(SYS_pidfd_open, getpid(), 0)) < 0)
        abort();

    ignore_value(VIR_INSERT_ELEMENT(priv->devicemodels, 0, priv->ndevicemodels, dm));
}


/* Returns the domain locked, as the driver has it. */
static virDomainObj *
testVMNew(const char *path)
{
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);

    if (!(vm->def = virDomainDefParseString(TEST_XML, driver->xmlopt, NULL,
                                            VIR_DOMAIN_DEF_PARSE_INACTIVE)) ||
        !(placement = libxlDeviceModelPlacementNew(vm->def))) {
        fprintf(stderr, "%s\n", virGetLastErrorMessage());
        abort();
    }

    vm->def->id = TEST_DOMID;
    libxlDeviceModelPlacementApply(placement, vm->def);
    testVMAddSecondary(vm, 1, "lan", path, LIBXL_DEVICE_MODEL_STATE_RUNNING);
    testVMAddSecondary(vm, 2, "blk", path, LIBXL_DEVICE_MODEL_STATE_RUNNING);

    testVM = vm;
    testVMWasLocked = false;
    return vm;
}


/* What happened to the domain since it was started. */
typedef enum {
    TEST_AS_IT_WAS,
    TEST_NIC_DETACHED, /* the primary's */
    TEST_DISK_ATTACHED, /* a PV disk, before the other */
    TEST_DISK_DETACHED, /* the PV disk */
    TEST_SECONDARIES_UNDEFINED, /* all device models, then it was started again */
    TEST_UNASSIGNED, /* all to the primary, likewise */
    TEST_DEVICES_UNDEFINED, /* the NICs and disks, likewise */
    TEST_STARTED_AGAIN, /* with another id */
    TEST_RESET, /* and what served before does not end */
    TEST_ENDING, /* as above, and what is to serve has not come yet */
    TEST_FAILED, /* the secondaries' processes have ended by themselves */
} testEvent;


/* Leaves @left device models in the definition. */
static void
testVMUndefine(virDomainObj *vm,
               size_t left)
{
    while (vm->def->ndevicemodels > left)
        virDomainDeviceModelDefFree(vm->def->devicemodels[--vm->def->ndevicemodels]);
}


static void
testVMLetHappen(virDomainObj *vm,
                testEvent event)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    virDomainDiskDef *disk;
    size_t i;

    switch (event) {
    case TEST_AS_IT_WAS:
        break;

    case TEST_NIC_DETACHED:
        virDomainNetDefFree(virDomainNetRemove(vm->def, 0));
        break;

    case TEST_DISK_ATTACHED:
        disk = virDomainDiskDefNew(NULL);
        disk->dst = g_strdup("xvda");
        disk->bus = VIR_DOMAIN_DISK_BUS_XEN;
        virDomainDiskInsert(vm->def, disk);
        break;

    case TEST_DISK_DETACHED:
        virDomainDiskDefFree(virDomainDiskRemove(vm->def, 0));
        break;

    case TEST_SECONDARIES_UNDEFINED:
        testVMUndefine(vm, 0);
        break;

    case TEST_UNASSIGNED:
        testVMUndefine(vm, 1);
        break;

    case TEST_DEVICES_UNDEFINED:
        while (vm->def->nnets > 0)
            virDomainNetDefFree(virDomainNetRemove(vm->def, 0));
        while (vm->def->ndisks > 0)
            virDomainDiskDefFree(virDomainDiskRemove(vm->def, 0));
        break;

    case TEST_STARTED_AGAIN:
        vm->def->id++;
        break;

    case TEST_ENDING:
        for (i = 0; i < priv->ndevicemodels; i++)
            priv->devicemodels[i]->state = LIBXL_DEVICE_MODEL_STATE_ENDING;
        break;

    case TEST_FAILED:
        for (i = 0; i < priv->ndevicemodels; i++)
            priv->devicemodels[i]->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
        for (i = 1; i < vm->def->ndevicemodels; i++)
            virDomainDeviceModelDefSetFailed(vm->def->devicemodels[i], 1, "ended");
        break;

    case TEST_RESET:
        testVMAddSecondary(vm, 1, "lan", "/nonexistent", LIBXL_DEVICE_MODEL_STATE_ENDING);
        testVMAddSecondary(vm, 2, "blk", "/nonexistent", LIBXL_DEVICE_MODEL_STATE_ENDING);
        break;
    }
}


typedef struct {
    testEvent event;
    const char *mac; /* of the NIC whose cable is plugged out */
    virDomainNetModelType model; /* that it is to have, where it had none */
    const char *bridge; /* that it is to be on, where that is not br0 */
    const char *medium; /* that is put into the drive, where there is no NIC */
    const char *error;
    int code;
    const char *said;
} testUpdate;


/* Of one that has failed. */
int
libxlDeviceModelRestartByHand(libxlDriverPrivate *drv G_GNUC_UNUSED,
                              virDomainObj *vm G_GNUC_UNUSED,
                              const virDomainDeviceModelDef *dmdef)
{
    virReportError(VIR_ERR_OPERATION_FAILED, "'%s' stays away", dmdef->name);
    return -1;
}


/* Which devices are updated here, of those that the definition has. */
static int
testOwnDevices(const void *opaque)
{
    bool failed = opaque;
    virDomainObj *vm = testVMNew("/nonexistent");
    virDomainChrDef serial = { .deviceType = VIR_DOMAIN_CHR_DEVICE_TYPE_SERIAL };
    virDomainDeviceDef port = { .type = VIR_DOMAIN_DEVICE_CHR, .data.chr = &serial };
    virDomainDeviceDef other = { .type = VIR_DOMAIN_DEVICE_INPUT };
    int ret = 0;
    size_t i;

    if (failed)
        virDomainDeviceModelDefSetFailed(vm->def->devicemodels[2], 1, "ended");

    for (i = 0; i < vm->def->nnets; i++) {
        virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_NET, .data.net = vm->def->nets[i] };

        if (libxlDeviceModelsOwnDevice(vm->def, &dev) != libxlDeviceModelOwnsNet(vm->def, vm->def->nets[i]))
            ret = -1;
    }

    for (i = 0; i < vm->def->ndisks; i++) {
        virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_DISK, .data.disk = vm->def->disks[i] };

        if (libxlDeviceModelsOwnDevice(vm->def, &dev) !=
            (failed && libxlDeviceModelOwnsDisk(vm->def, vm->def->disks[i])))
            ret = -1;
    }

    if (libxlDeviceModelsOwnDevice(vm->def, &port) || libxlDeviceModelsOwnDevice(vm->def, &other))
        ret = -1;

    virDomainObjEndAPI(&vm);
    return ret;
}


/* Whose secondary has failed: an update that changes nothing restarts that, another is
 * refused. */
static int
testFailedDisk(const void *opaque G_GNUC_UNUSED)
{
    virDomainObj *vm = testVMNew("/nonexistent");
    virDomainDiskDef *live = virDomainDiskByTarget(vm->def, "hdc");
    g_autoptr(virDomainDiskDef) disk = virDomainDiskDefNew(NULL);
    virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_DISK, .data.disk = disk };
    int ret = -1;

    testVMLetHappen(vm, TEST_FAILED);
    disk->dst = g_strdup("hdc");
    disk->device = live->device;
    virObjectUnref(disk->src);
    if (!(disk->src = virStorageSourceCopy(live->src, false)))
        abort();

    if (libxlDeviceModelsUpdateDevice(driver, vm, &dev) == 0 ||
        virTestCompareToString("operation failed: 'blk' stays away", virGetLastErrorMessage()) < 0)
        goto cleanup;

    g_free(disk->src->path);
    disk->src->path = g_strdup("/nonexistent/other.iso");
    virResetLastError();
    if (libxlDeviceModelsUpdateDevice(driver, vm, &dev) < 0)
        ret = virTestCompareToString("operation failed: device model 'blk' of domain 'guest' does not run any more",
                                     virGetLastErrorMessage());

 cleanup:
    virResetLastError();
    virDomainObjEndAPI(&vm);
    return ret;
}


static int
testUpdateNet(virDomainObj *vm,
              const testUpdate *test)
{
    g_autoptr(virDomainNetDef) net = virDomainNetDefNew(driver->xmlopt);
    virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_NET, .data.net = net };
    virDomainNetDef *live = NULL;
    int rc;

    net->type = VIR_DOMAIN_NET_TYPE_BRIDGE;
    net->data.bridge.brname = g_strdup(test->bridge ? test->bridge : "br0");
    net->model = test->model;
    net->linkstate = VIR_DOMAIN_NET_INTERFACE_LINK_STATE_DOWN;
    if (virMacAddrParse(test->mac, &net->mac) < 0)
        abort();

    rc = libxlDeviceModelsUpdateDevice(driver, vm, &dev);

    live = virDomainNetFindByName(vm->def, test->mac);
    if (live && (live->linkstate == VIR_DOMAIN_NET_INTERFACE_LINK_STATE_DOWN) != (rc == 0)) {
        VIR_TEST_VERBOSE("the live definition has link state %d", live->linkstate);
        return 1;
    }

    return rc;
}


static int
testUpdateMedium(virDomainObj *vm,
                 const testUpdate *test)
{
    virDomainDiskDef *disk = virDomainDiskDefNew(NULL);
    virDomainDiskDef *live;
    int rc;

    disk->dst = g_strdup("hdc");
    disk->bus = VIR_DOMAIN_DISK_BUS_IDE;
    disk->device = VIR_DOMAIN_DISK_DEVICE_CDROM;
    disk->src->type = VIR_STORAGE_TYPE_FILE;
    disk->src->format = VIR_STORAGE_FILE_RAW;
    disk->src->path = libxlDeviceModelTestPath(testDir, test->medium);

    if ((rc = libxlDeviceModelsChangeMedia(vm, disk)) < 0)
        virDomainDiskDefFree(disk);

    live = virDomainDiskByTarget(vm->def, "hdc");
    if (live && STREQ(live->src->path, "/old.iso") == (rc == 0)) {
        VIR_TEST_VERBOSE("the live definition has the medium '%s'", live->src->path);
        return 1;
    }

    return rc;
}


static int
testCheckUnlocked(void)
{
    if (!testVMWasLocked)
        return 0;

    VIR_TEST_VERBOSE("the domain was locked while an image was read");
    return -1;
}


static int
testUpdateRun(const void *opaque)
{
    const testUpdate *test = opaque;
    g_autofree char *path = libxlDeviceModelTestPath(testDir, "qmp");
    g_autofree char *said = NULL;
    testServer server = { 0 };
    virDomainObj *vm = testVMNew(path);
    int changes;
    int answers;
    int ret = -1;
    int rc;

    testServerStart(&server, path);
    testVMLetHappen(vm, test->event);
    virResetLastError();

    rc = test->mac ? testUpdateNet(vm, test) : testUpdateMedium(vm, test);

    said = testServerStop(&server, path);
    changes = testChanges(vm);
    answers = testAnswers(vm);
    virDomainObjEndAPI(&vm);

    if (server.untold || changes != 0) {
        VIR_TEST_VERBOSE("nobody is told of the change, or told of %d that are over", changes);
        return -1;
    }

    if (answers != server.answered) {
        VIR_TEST_VERBOSE("%d answers are known of, of %d", answers, server.answered);
        return -1;
    }

    if (rc != (test->error ? -1 : 0) || virGetLastErrorCode() != test->code) {
        VIR_TEST_VERBOSE("returned %d with error %d '%s'", rc,
                         virGetLastErrorCode(), virGetLastErrorMessage());
        return -1;
    }

    ret = test->error ? libxlDeviceModelTestCompareError(testDir, test->error)
                      : testCheckUnlocked();
    if (virTestCompareToString(NULLSTR_EMPTY(test->said), said) < 0)
        ret = -1;

    return ret;
}


typedef struct {
    testEvent event;
    const char *path; /* or target of the disk */
    const char *error;
    int code;
} testInfo;


/* The drive has the medium new.iso, of three bytes. */
static int
testInfoRun(const void *opaque)
{
    const testInfo *test = opaque;
    virDomainObj *vm = testVMNew("/nonexistent");
    virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, "hdc");
    virDomainBlockInfo info = { 0 };
    int rc;

    g_free(disk->src->path);
    disk->src->path = libxlDeviceModelTestPath(testDir, "new.iso");
    testVMLetHappen(vm, test->event);

    virResetLastError();
    rc = libxlDeviceModelsGetBlockInfo(vm, test->path, &info);
    virDomainObjEndAPI(&vm);

    if (rc != (test->error ? -1 : 0) || virGetLastErrorCode() != test->code ||
        info.physical != (test->error ? 0 : 3)) {
        VIR_TEST_VERBOSE("returned %d, %llu with error %d '%s'", rc, info.physical,
                         virGetLastErrorCode(), virGetLastErrorMessage());
        return -1;
    }

    return test->error ? libxlDeviceModelTestCompareError(testDir, test->error)
                       : testCheckUnlocked();
}


static int
testInfos(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const testInfo test = { __VA_ARGS__ }; \
        if (virTestRun("info: " title, testInfoRun, &test) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("secondary's disk", .path = "hdc");
    DO_TEST("primary's disk", .path = "xvdb",
            .error = "this function is not supported by the connection driver: libxlDeviceModelsGetBlockInfo",
            .code = VIR_ERR_NO_SUPPORT);
    DO_TEST("no disk", .event = TEST_DEVICES_UNDEFINED, .path = "hdc",
            .error = "invalid argument: domain 'guest' has no disk 'hdc' with an image, "
                     "expected the target or the source of one",
            .code = VIR_ERR_INVALID_ARG);
    DO_TEST("failed", .event = TEST_FAILED, .path = "hdc",
            .error = "operation failed: device model 'blk' of domain 'guest' does not run any more",
            .code = VIR_ERR_OPERATION_FAILED);

#undef DO_TEST

    return ret;
}


#define LINK(id) "set_link {\"name\":\"" id "\",\"up\":false}\n"
#define DRIVE "{\"id\":\"ide0-1-0\""
#define MEDIUM \
    "qom-get {\"path\":\"/machine/peripheral/ide0-1-0\",\"property\":\"drive\"}\n" \
    "add-fd \n" \
    "blockdev-add {\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"/dev/fdset/4\",\"locking\":\"off\"}," \
    "\"node-name\":\"disk-1-0-4\",\"read-only\":true," \
    "\"cache\":{\"direct\":false,\"no-flush\":false},\"discard\":\"ignore\"}\n" \
    "remove-fd {\"fdset-id\":4}\n" \
    "blockdev-open-tray " DRIVE ",\"force\":false}\n" \
    "blockdev-remove-medium " DRIVE "}\n" \
    "blockdev-insert-medium " DRIVE ",\"node-name\":\"disk-1-0-4\"}\n" \
    "blockdev-close-tray " DRIVE "}\n" \
    "blockdev-del {\"node-name\":\"disk-1-0\"}\n"

static int
testUpdates(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const testUpdate test = { __VA_ARGS__ }; \
        if (virTestRun(title, testUpdateRun, &test) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("link of the first NIC", .mac = TEST_MAC(2), .said = LINK("net-1f"));
    DO_TEST("link of the second NIC", .mac = TEST_MAC(3), .said = LINK("net-1e"));
    DO_TEST("link of the first NIC, another detached", .event = TEST_NIC_DETACHED,
            .mac = TEST_MAC(2), .said = LINK("net-1f"));
    DO_TEST("link of the second NIC, another detached", .event = TEST_NIC_DETACHED,
            .mac = TEST_MAC(3), .said = LINK("net-1e"));

    DO_TEST("medium", .medium = "new.iso", .said = MEDIUM);
    DO_TEST("medium, a disk attached", .event = TEST_DISK_ATTACHED,
            .medium = "new.iso", .said = MEDIUM);
    DO_TEST("medium, a disk detached", .event = TEST_DISK_DETACHED,
            .medium = "new.iso", .said = MEDIUM);
    DO_TEST("link, a secondary that does not end", .event = TEST_RESET,
            .mac = TEST_MAC(2), .said = LINK("net-1f"));
    DO_TEST("medium, a secondary that does not end", .event = TEST_RESET,
            .medium = "new.iso", .said = MEDIUM);

#define NOT_OWNED(device) "no secondary of domain 'guest' emulates '" device "' any more"
#define FAILED(message) \
    .error = "operation failed: " message, .code = VIR_ERR_OPERATION_FAILED

#define MORE_THAN_LINK \
    .mac = TEST_MAC(2), .code = VIR_ERR_OPERATION_UNSUPPORTED, \
    .error = "Operation not supported: device model 'lan': of interface '" TEST_MAC(2) \
             "' only the link state can be changed while it runs"

    DO_TEST("link and model", .model = VIR_DOMAIN_NET_MODEL_E1000, MORE_THAN_LINK);
    DO_TEST("link and bridge", .bridge = "br1", MORE_THAN_LINK);

#undef MORE_THAN_LINK

    /* what the driver has looked at before it had the job */
    DO_TEST("link, started again without device models",
            .event = TEST_SECONDARIES_UNDEFINED, .mac = TEST_MAC(2), FAILED(NOT_OWNED(TEST_MAC(2))));
    DO_TEST("medium, started again without device models",
            .event = TEST_SECONDARIES_UNDEFINED, .medium = "new.iso", FAILED(NOT_OWNED("hdc")));
    DO_TEST("link, started again without secondaries",
            .event = TEST_UNASSIGNED, .mac = TEST_MAC(2), FAILED(NOT_OWNED(TEST_MAC(2))));
    DO_TEST("medium, started again without secondaries",
            .event = TEST_UNASSIGNED, .medium = "new.iso", FAILED(NOT_OWNED("hdc")));
    DO_TEST("link of the primary", .mac = TEST_MAC(1), FAILED(NOT_OWNED(TEST_MAC(1))));
    DO_TEST("medium, started again without the drive",
            .event = TEST_DEVICES_UNDEFINED, .medium = "new.iso", FAILED(NOT_OWNED("hdc")));
    DO_TEST("link, started again without the NIC",
            .event = TEST_DEVICES_UNDEFINED, .mac = TEST_MAC(2),
            .error = "device not found: no device found at address '(<null>)' matching MAC address '"
                     TEST_MAC(2) "' and alias '(<null>)'",
            .code = VIR_ERR_DEVICE_MISSING);
    DO_TEST("link, started again", .event = TEST_STARTED_AGAIN, .mac = TEST_MAC(2),
            FAILED("device model 'lan' of domain 'guest' does not run any more"));
    DO_TEST("medium, started again", .event = TEST_STARTED_AGAIN, .medium = "new.iso",
            FAILED("device model 'blk' of domain 'guest' does not run any more"));
    DO_TEST("link, failed", .event = TEST_FAILED, .mac = TEST_MAC(2),
            FAILED("device model 'lan' of domain 'guest' does not run any more"));
    DO_TEST("link, not ended yet", .event = TEST_ENDING, .mac = TEST_MAC(2),
            FAILED("device model 'lan' of domain 'guest' does not run any more"));

#undef FAILED
#undef NOT_OWNED
#undef DO_TEST

    if (virTestRun("devices that are updated", testOwnDevices, GINT_TO_POINTER(false)) < 0 ||
        virTestRun("devices that are updated, failed", testOwnDevices, GINT_TO_POINTER(true)) < 0 ||
        virTestRun("drive of one that has failed", testFailedDisk, NULL) < 0)
        ret = -1;

    return ret;
}


static int
mymain(void)
{
    g_autofree char *medium = NULL;
    int ret = 0;

    if (!(driver = testXLInitDriver()) ||
        !(testDir = g_dir_make_tmp("devicemodel-XXXXXX", NULL)))
        return EXIT_FAILURE;

    medium = libxlDeviceModelTestPath(testDir, "new.iso");
    if (!g_file_set_contents(medium, "new", -1, NULL) || testUpdates() < 0 ||
        testInfos() < 0)
        ret = -1;

    unlink("libxl-driver.log");
    testXLFreeDriver(driver);
    virFileDeleteTree(testDir);
    g_free(testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
