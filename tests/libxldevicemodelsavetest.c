/*
 * libxldevicemodelsavetest.c: domains with secondaries are saved and restored
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Calls the driver as a client does.  The driver's functions are static, so its source is a part
 * of this test.
 *
 * Stands in for libxl, which writes and reads a few bytes, and tells the primary to stop over its
 * socket; for the primary, in a thread; and for the processes of the secondaries and what is said
 * to them.  All that happens is noted in one log, in the order in which it happens.
 */

#include <config.h>

#include "libxl/libxl_driver.c" /* NOLINT(bugprone-suspicious-include) */

#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_disk.h"
#include "libxl/libxl_devicemodel_relay.h"
#include "libxl/libxl_devicemodel_spawn.h"
#include "libxl/libxl_devicemodel_state.h"
#include "libxldevicemodeltestdriver.h"
#include "libxldevicemodeltestprimary.h"
#include "libxldevicemodeltestthreads.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestxenstore.h"

#define TEST_UUID "c7a5fdb2-cdaf-9455-926a-d65c16db1809"
#define TEST_DRIVE \
    "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>" \
    "<serial type='null'/>"
#define TEST_XML(devices) \
    "<domain type='xen'>" \
    "  <name>guest</name>" \
    "  <uuid>" TEST_UUID "</uuid>" \
    "  <memory unit='MiB'>8</memory>" \
    "  <os><type>hvm</type></os>" \
    "  <devices><emulator>/bin/true</emulator>" devices TEST_DRIVE "</devices>" \
    "</domain>"
#define TEST_DISK "<devicemodel name='disk'><capability name='ide'/></devicemodel>"
#define TEST_COM "<devicemodel name='com'><capability name='serial'/></devicemodel>"
#define TEST_DEVICE_MODELS "<devicemodel name='main'/>" TEST_DISK TEST_COM

/* What libxl writes of a domain. */
#define TEST_STREAM "the state of a domain"

#define TEST_CREATED "create spawn disk spawn com serve disk serve com unpause "
#define TEST_ASKED "ask disk com "
#define TEST_RELAYED TEST_ASKED "suspend0 log disk com save disk com "

static libxlDriverPrivate *driver;
static char *testDir;
static virConnectPtr testConn;

static struct {
    GString *log;

    /* libxl */
    int suspends; /* what that returns */
    bool early; /* it fails before it has told anybody */
    bool mute; /* it tells the primary nothing */
    bool suspended; /* what it says of the domain */
    bool full; /* the disk: nothing gets there */
    bool paused; /* the domain, in a list of all */
    bool stays; /* a domain that is to be destroyed */
    unsigned int domid;
    int streamVersion;
    bool created;

    /* the secondaries */
    bool refuses; /* to be asked */
    bool fails; /* to be saved */
    bool ends; /* as soon as it is spawned */
    int waits; /* so often they do not go on */
} testXen;


/* Notes what there is no way back from, with an exclamation mark where the next daemon would
 * destroy the domain for it: the status file has secondaries, and does not call them complete. */
static void
testNoteFinal(const char *what)
{
    g_autofree char *path = g_strdup_printf("%s/guest.xml", driver->config->stateDir);
    g_autofree char *status = NULL;
    bool incomplete = virFileExists(path) && virFileReadAll(path, 1024 * 1024, &status) > 0 &&
        strstr(status, "ioservid=") && !strstr(status, "complete='yes'");

    g_string_append_printf(testXen.log, "%s%s ", what, incomplete ? "!" : "");
}


int
unlink(const char *path)
{
    int (*real)(const char *path) = dlsym(RTLD_NEXT, "unlink");
    int rc = real(path);

    if (rc == 0 && g_str_has_suffix(path, "/guest.save"))
        testNoteFinal("forget");
    return rc;
}


/* The primary */

static void
testNoteStop(void)
{
    g_string_append(testXen.log, "stop ");
}


char *
libxlDeviceModelRelayGetPath(unsigned int domid G_GNUC_UNUSED)
{
    return g_strdup(testPrimaryGetPath());
}


/* libxl */

int
libxl_domain_suspend(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid G_GNUC_UNUSED,
                     int fd,
                     int flags,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    g_string_append_printf(testXen.log, "suspend%d ", flags);
    if (testXen.early)
        return ERROR_FAIL;

    if (!testXen.mute &&
        (!testPrimaryTell("{\"execute\": \"xen-set-global-dirty-log\", \"arguments\": {\"enable\": true}}\r\n") ||
         !testPrimaryTell("{\"execute\": \"stop\"}\r\n")))
        return ERROR_FAIL;

    if (safewrite(fd, TEST_STREAM, strlen(TEST_STREAM)) < 0)
        abort();

    testXen.suspended = true;
    if (!testXen.mute)
        testPrimaryTell("{\"execute\": \"xen-set-global-dirty-log\", \"arguments\": {\"enable\": false}}\r\n");
    return testXen.suspends;
}


int
libxl_domain_resume(libxl_ctx *ctx G_GNUC_UNUSED,
                    uint32_t domid G_GNUC_UNUSED,
                    int suspend_cancel G_GNUC_UNUSED,
                    const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    g_string_append(testXen.log, "resume ");
    testXen.suspended = false;
    return 0;
}


/* Of an image, which is no status file. */
int
fdatasync(int fd G_GNUC_UNUSED)
{
    if (testXen.full && testXen.suspended) {
        errno = ENOSPC;
        return -1;
    }

    return 0;
}


static int
testCreate(libxl_domain_config *d_config,
           uint32_t *domid)
{
    testXen.created = true;
    testXen.suspended = false;
    d_config->b_info.video_memkb = 0;
    *domid = ++testXen.domid;
    return 0;
}


int
libxl_domain_create_new(libxl_ctx *ctx G_GNUC_UNUSED,
                        libxl_domain_config *d_config,
                        uint32_t *domid,
                        const libxl_asyncop_how *ao_how G_GNUC_UNUSED,
                        const libxl_asyncprogress_how *aop_console_how G_GNUC_UNUSED)
{
    g_string_append(testXen.log, "create ");
    return testCreate(d_config, domid);
}


/* Reads no byte more than it has written. */
int
(libxl_domain_create_restore)(libxl_ctx *ctx G_GNUC_UNUSED,
                              libxl_domain_config *d_config,
                              uint32_t *domid,
                              int restore_fd,
                              int send_back_fd G_GNUC_UNUSED,
                              const libxl_domain_restore_params *params,
                              const libxl_asyncop_how *ao_how G_GNUC_UNUSED,
                              const libxl_asyncprogress_how *aop_console_how G_GNUC_UNUSED)
{
    char stream[sizeof(TEST_STREAM)] = "";

    g_string_append(testXen.log, "restore ");
    testXen.streamVersion = params->stream_version;
    if (saferead(restore_fd, stream, strlen(TEST_STREAM)) < 0 || STRNEQ(stream, TEST_STREAM))
        return ERROR_FAIL;

    return testCreate(d_config, domid);
}


int
libxl_domain_info(libxl_ctx *ctx G_GNUC_UNUSED,
                  libxl_dominfo *info,
                  uint32_t domid)
{
    libxl_dominfo_init(info);
    if (virUUIDParse(TEST_UUID, libxl_uuid_bytearray(&info->uuid)) < 0)
        abort();
    info->domid = domid;
    info->shutdown = testXen.suspended;
    info->shutdown_reason = LIBXL_SHUTDOWN_REASON_SUSPEND;
    return 0;
}


libxl_dominfo *
libxl_list_domain(libxl_ctx *ctx G_GNUC_UNUSED,
                  int *ninfos)
{
    libxl_dominfo *infos = g_new0(libxl_dominfo, 1);

    libxl_domain_info(ctx, infos, testXen.domid);
    infos->paused = testXen.paused;
    *ninfos = 1;
    return infos;
}


int
libxl_domain_destroy(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid G_GNUC_UNUSED,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    g_string_append(testXen.log, "destroy ");
    return testXen.stays ? ERROR_FAIL : 0;
}


int
(libxl_domain_unpause)(libxl_ctx *ctx G_GNUC_UNUSED,
                       uint32_t domid G_GNUC_UNUSED,
                       const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testNoteFinal("unpause");
    return 0;
}


int
(libxl_domain_pause)(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid G_GNUC_UNUSED,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    return 0;
}


int
libxl_get_max_cpus(libxl_ctx *ctx G_GNUC_UNUSED)
{
    return 1;
}


int
libxl_evenable_domain_death(libxl_ctx *ctx G_GNUC_UNUSED,
                            uint32_t domid G_GNUC_UNUSED,
                            libxl_ev_user user G_GNUC_UNUSED,
                            libxl_evgen_domain_death **evgen_out)
{
    *evgen_out = NULL;
    return 0;
}


/* The secondaries */

static void
testNote(const char *what,
         libxlDeviceModel **dms,
         size_t ndms)
{
    size_t i;

    g_string_append_printf(testXen.log, "%s ", what);
    for (i = 0; i < ndms; i++)
        g_string_append_printf(testXen.log, "%s ", dms[i]->name);
}


int
libxlDeviceModelSpawnOne(libxlDriverConfig *cfg G_GNUC_UNUSED,
                         virDomainObj *vm G_GNUC_UNUSED,
                         libxlDeviceModelStarting *starting,
                         gint64 deadline G_GNUC_UNUSED)
{
    const libxlDeviceModelSaved *saved = starting->saved;

    g_string_append_printf(testXen.log, "spawn %s", starting->dm->name);
    if (saved)
        g_string_append_printf(testXen.log, "=%.*s", (int)saved->nstate, (char *)saved->state);
    g_string_append(testXen.log, " ");
    return 0;
}


int
libxlDeviceModelAwait(libxlDeviceModelStarting *starting,
                      gint64 deadline G_GNUC_UNUSED)
{
    if (testXen.ends) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "load of migration failed");
        return -1;
    }

    g_string_append_printf(testXen.log, "serve %s ", starting->dm->name);
    starting->dm->ioservid = starting->dm->id;
    return 0;
}


void
libxlDeviceModelEndAll(libxlDeviceModel **dms,
                       size_t ndms)
{
    size_t i;

    for (i = 0; i < ndms; i++)
        dms[i]->state = LIBXL_DEVICE_MODEL_STATE_ENDED;
    testNote("end", dms, ndms);
}


int
libxlDeviceModelStatesAsk(libxlDeviceModel **dms,
                          libxlDeviceModelsSaved *saved,
                          gint64 deadline G_GNUC_UNUSED)
{
    size_t i;

    testNote("ask", dms, saved->ndms);
    if (testXen.refuses) {
        virReportError(VIR_ERR_OPERATION_FAILED, "device model '%s' does not answer", dms[1]->name);
        return -1;
    }

    for (i = 0; i < saved->ndms; i++) {
        saved->dms[i].name = g_strdup(dms[i]->name);
        saved->dms[i].machine = g_strdup("xenfv-3.1-machine");
    }
    return 0;
}


int
libxlDeviceModelStatesLog(libxlDeviceModel **dms,
                          size_t ndms,
                          bool enable,
                          gint64 deadline G_GNUC_UNUSED)
{
    testNote(enable ? "log" : "unlog", dms, ndms);
    if (enable)
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED, "%s", "does not concern anybody");
    return -1;
}


int
libxlDeviceModelStatesSave(libxlDeviceModel **dms,
                           libxlDeviceModelsSaved *saved,
                           bool live,
                           gint64 deadline G_GNUC_UNUSED)
{
    size_t i;

    testNote(live ? "migrate" : "save", dms, saved->ndms);
    if (testXen.fails) {
        virReportError(VIR_ERR_OPERATION_FAILED, "device model '%s' has ended", dms[0]->name);
        return -1;
    }

    for (i = 0; i < saved->ndms; i++) {
        saved->dms[i].state = (uint8_t *)g_strdup_printf("of-%s", dms[i]->name);
        saved->dms[i].nstate = strlen((char *)saved->dms[i].state);
    }
    return 0;
}


/* A save gives nobody an image. */
void
libxlDeviceModelDiskUnlock(const libxlDeviceModel *dm,
                           const virDomainDiskDef *def G_GNUC_UNUSED)
{
    g_string_append_printf(testXen.log, "unlock %s ", dm->name);
}


int
libxlDeviceModelDiskRelock(const libxlDeviceModel *dm,
                           const virDomainDiskDef *def G_GNUC_UNUSED,
                           gint64 deadline G_GNUC_UNUSED)
{
    g_string_append_printf(testXen.log, "lock %s ", dm->name);
    return 0;
}


int
libxlDeviceModelStatesContinue(libxlDeviceModel **dms,
                               size_t ndms,
                               gint64 deadline G_GNUC_UNUSED)
{
    testNote("continue", dms, ndms);
    if (testXen.waits == 0)
        return 0;

    testXen.waits--;
    virReportError(VIR_ERR_OPERATION_TIMEOUT, "device model '%s' waits for a disk", dms[0]->name);
    return -1;
}


/* The driver */

static virDomainObj *
testFind(void)
{
    return virDomainObjListFindByName(driver->domains, "guest");
}


static void
testForget(void)
{
    virDomainObj *vm = testFind();
    libxlDomainObjPrivate *priv;

    if (!vm)
        return;

    priv = vm->privateData;
    libxlDeviceModelListFree(g_steal_pointer(&priv->devicemodels), priv->ndevicemodels);
    priv->ndevicemodels = 0;
    vm->def->id = -1;
    virDomainObjListRemove(driver->domains, vm);
    virDomainObjEndAPI(&vm);
}


/* A domain that runs, and nothing that an earlier test left. */
static virDomainPtr
testStart(const char *devices)
{
    g_autofree char *xml = g_strdup_printf(TEST_XML("%s"), devices);
    g_autoptr(virDomain) dom = NULL;

    testForget();
    testStoreReset();
    testXen.domid = 6;
    testXen.suspends = 0;
    testXen.early = testXen.mute = testXen.suspended = testXen.full = false;
    testXen.refuses = testXen.fails = testXen.ends = testXen.stays = false;
    testXen.waits = 0;
    if (!(dom = virDomainDefineXML(testConn, xml)) || virDomainCreate(dom) < 0)
        return NULL;

    return g_steal_pointer(&dom);
}


static char *
testPath(void)
{
    return g_strdup_printf("%s/image", testDir);
}


static int
testCheckLog(const char *expected)
{
    return virTestCompareToString(expected, testXen.log->str);
}


/* Whether the status file says that the domain is being saved. */
static bool
testIsRecorded(void)
{
    g_autofree char *path = g_strdup_printf("%s/guest.xml", driver->config->stateDir);
    g_autofree char *status = NULL;

    return virFileExists(path) && virFileReadAll(path, 1024 * 1024, &status) > 0 &&
        strstr(status, "saving='yes'");
}


struct testSaveData {
    const char *devices;
    int suspends;
    bool early;
    bool mute;
    bool refuses;
    bool fails;
    bool full;
    bool dead; /* one has failed before */
    bool old; /* an earlier libvirt has started one */
    const char *error;
    const char *log;
    uint32_t version; /* of the image, 0 for none */
};


static int
testSaveCheckImage(const char *path,
                   uint32_t version)
{
    g_autoptr(virDomainDef) def = NULL;
    libxlSavefileHeader hdr = { 0 };
    VIR_AUTOCLOSE fd = -1;

    if (version == 0) {
        VIR_AUTOCLOSE image = open(path, O_RDONLY | O_CLOEXEC);
        g_autofree char *content = NULL;

        if (virFileReadAll(path, 1024, &content) < 0 || STRNEQ(content, "earlier")) {
            VIR_TEST_VERBOSE("the image that was there is not there any more");
            return -1;
        }
        return 0;
    }

    if ((fd = libxlDomainSaveImageOpen(driver, path, &def, &hdr)) < 0)
        return -1;

    if (hdr.version == version)
        return 0;

    VIR_TEST_VERBOSE("the image is of version %u, expected %u", hdr.version, version);
    return -1;
}


static int
testSave(const void *opaque)
{
    const struct testSaveData *data = opaque;
    g_autoptr(virDomain) dom = testStart(data->devices);
    g_autofree char *path = testPath();
    virDomainObj *vm;
    bool active;
    int ret = 0;
    int rc;

    if (!dom || !g_file_set_contents(path, "earlier", -1, NULL))
        return -1;

    g_string_truncate(testXen.log, 0);
    testXen.suspends = data->suspends;
    testXen.early = data->early;
    testXen.mute = data->mute;
    testXen.refuses = data->refuses;
    testXen.fails = data->fails;
    testXen.full = data->full;
    if (data->dead) {
        vm = testFind();
        vm->def->devicemodels[2]->state = VIR_DOMAIN_DEVICE_MODEL_STATE_RESTARTING;
        virDomainObjEndAPI(&vm);
    }

    if (data->old) {
        vm = testFind();
        ((libxlDomainObjPrivate *)vm->privateData)->devicemodels[1]->saves = false;
        virDomainObjEndAPI(&vm);
    }

    rc = virDomainSave(dom, path);
    if (libxlDeviceModelTestOutcome(rc, testDir, data->error) < 0 ||
        testCheckLog(data->log) < 0)
        ret = -1;

    vm = testFind();
    active = virDomainObjIsActive(vm);
    if (active == (rc == 0) || vm->job->active != VIR_JOB_NONE ||
        !testPrimaryIsBack() || testIsRecorded()) {
        VIR_TEST_VERBOSE("the domain is %sactive, or something is left", active ? "" : "not ");
        ret = -1;
    }
    virDomainObjEndAPI(&vm);

    if ((rc == 0 || data->version == 0) && !data->early &&
        testSaveCheckImage(path, data->version) < 0)
        ret = -1;

    return ret;
}


static int
testSaves(void)
{
    int ret = 0;

#define DO_TEST(name, ...) \
    do { \
        static const struct testSaveData data = { __VA_ARGS__ }; \
        if (virTestRun("Save " name, testSave, &data) < 0) \
            ret = -1; \
    } while (0)
#define CONTINUED "continue disk com "
#define RESUMED CONTINUED "resume unpause "
#define LIBXL_FAILED "internal error: Failed to save domain '7' with libxenlight"

    DO_TEST("a domain without device models", .devices = "",
            .log = "suspend0 stop destroy ", .version = LIBXL_SAVE_VERSION);
    DO_TEST("a domain with one", .devices = "<devicemodel name='main'/>",
            .log = "suspend0 stop destroy ", .version = LIBXL_SAVE_VERSION);
    DO_TEST("a domain with three", .devices = TEST_DEVICE_MODELS,
            .log = TEST_RELAYED "stop unlog disk com end disk com destroy ",
            .version = LIBXL_DEVICE_MODEL_SAVE_VERSION);

    DO_TEST("where one does not answer", .devices = TEST_DEVICE_MODELS, .refuses = true,
            .error = "operation failed: device model 'com' does not answer", .log = TEST_ASKED);
    DO_TEST("where one is being restarted", .devices = TEST_DEVICE_MODELS, .dead = true,
            .error = "Requested operation is not valid: domain 'guest' cannot be saved or migrated: "
                     "device model 'com' does not run, expected all of them to",
            .log = "");
    DO_TEST("where an earlier libvirt has started one", .devices = TEST_DEVICE_MODELS, .old = true,
            .error = "Requested operation is not valid: domain 'guest' cannot be saved or migrated: "
                     "device model 'com' was started by an earlier libvirt, which could save none; "
                     "start the domain anew",
            .log = "");
    DO_TEST("where one ends", .devices = TEST_DEVICE_MODELS, .fails = true,
            .error = "operation failed: device model 'disk' has ended",
            .log = TEST_RELAYED CONTINUED, .version = 1);
    DO_TEST("where libxl fails at last", .devices = TEST_DEVICE_MODELS, .suspends = ERROR_FAIL,
            .error = LIBXL_FAILED, .log = TEST_RELAYED "stop unlog disk com " RESUMED, .version = 1);
    DO_TEST("to a disk that is full", .devices = TEST_DEVICE_MODELS, .full = true,
            .error = "Failed to write domain save file 'DIR/image': No space left on device",
            .log = TEST_RELAYED "stop unlog disk com " RESUMED, .version = 1);
    DO_TEST("where libxl fails at once", .devices = TEST_DEVICE_MODELS, .early = true,
            .error = LIBXL_FAILED, .log = TEST_ASKED "suspend0 ");
    DO_TEST("where libxl stops nobody", .devices = TEST_DEVICE_MODELS, .mute = true,
            .error = "operation failed: libxl did not tell the primary of domain 7 to stop: "
                     "the state of its other device models is not known",
            .log = TEST_ASKED "suspend0 resume unpause ", .version = 1);
    DO_TEST("where libxl fails without device models", .devices = "", .early = true,
            .error = LIBXL_FAILED, .log = "suspend0 ");

#undef LIBXL_FAILED
#undef RESUMED
#undef CONTINUED
#undef DO_TEST

    return ret;
}


/* A guest is not resumed before its secondaries go on.  That is attempted where the save ends,
 * and by whoever resumes the guest. */
static int
testSaveWaits(const void *opaque)
{
    const int *waits = opaque;
    g_autoptr(virDomain) dom = testStart(TEST_DEVICE_MODELS);
    g_autofree char *path = testPath();
    bool suspended = *waits > 1;
    virDomainObj *vm;
    int reason;
    int rc;

    if (!dom)
        return -1;

    testXen.suspends = ERROR_FAIL;
    testXen.waits = *waits;
    rc = virDomainSave(dom, path);
    if (libxlDeviceModelTestOutcome(rc, testDir, "internal error: Failed to save domain '7' "
                                    "with libxenlight") < 0)
        return -1;

    vm = testFind();
    if (suspended != (virDomainObjGetState(vm, &reason) == VIR_DOMAIN_PAUSED &&
                      reason == VIR_DOMAIN_PAUSED_SAVE) ||
        suspended != testIsRecorded() || suspended != testXen.suspended) {
        VIR_TEST_VERBOSE("the domain is in state %d", virDomainObjGetState(vm, NULL));
        virDomainObjEndAPI(&vm);
        return -1;
    }
    virDomainObjEndAPI(&vm);

    g_string_truncate(testXen.log, 0);
    if (!suspended)
        return 0;

    rc = virDomainResume(dom);
    if (*waits > 2)
        return libxlDeviceModelTestOutcome(rc, testDir, "Timed out during operation: "
                                           "device model 'disk' waits for a disk") < 0 ||
               testCheckLog("continue disk com ") < 0 ? -1 : 0;

    if (rc < 0 || testIsRecorded())
        return -1;

    return testCheckLog("continue disk com resume unpause ");
}


/* What becomes of an image before it is restored. */
struct testRestoreData {
    const char *devices;
    int cut; /* so many bytes of its end */
    off_t at; /* a byte of this offset, from the end where it is negative, is changed */
    bool managed;
    unsigned int flags;
    bool ends; /* a process with the state */
    const char *error;
    const char *log;
    bool untouched; /* it is refused before libxl creates anything */
};


static void
testRestoreAlter(const char *path,
                 const struct testRestoreData *data)
{
    VIR_AUTOCLOSE fd = open(path, O_RDWR | O_CLOEXEC);
    off_t size = lseek(fd, 0, SEEK_END);
    off_t at = data->at < 0 ? size + data->at : data->at;
    char byte;

    if (fd < 0 || (data->cut && ftruncate(fd, size - data->cut) < 0))
        abort();

    if (data->at != 0 &&
        (pread(fd, &byte, 1, at) != 1 || (byte++, pwrite(fd, &byte, 1, at) != 1)))
        abort();
}


static int
testRestoreCheck(const struct testRestoreData *data)
{
    virDomainObj *vm = testFind();
    bool active = vm && virDomainObjIsActive(vm);
    virDomainState expected = data->flags ? VIR_DOMAIN_PAUSED : VIR_DOMAIN_RUNNING;
    int ret = 0;

    if (active != !data->error || (active && virDomainObjGetState(vm, NULL) != expected)) {
        VIR_TEST_VERBOSE("the domain is %sactive, or in another state", active ? "" : "not ");
        ret = -1;
    }

    virDomainObjEndAPI(&vm);
    if (!data->error && testXen.streamVersion != LIBXL_SAVE_VERSION) {
        VIR_TEST_VERBOSE("libxl was told of version %d", testXen.streamVersion);
        ret = -1;
    }

    if (data->error && testXen.created == data->untouched) {
        VIR_TEST_VERBOSE("the domain was %screated", testXen.created ? "" : "not ");
        ret = -1;
    }

    return ret;
}


static int
testRestore(const void *opaque)
{
    const struct testRestoreData *data = opaque;
    g_autoptr(virDomain) dom = testStart(data->devices);
    g_autofree char *path = data->managed ? g_strdup_printf("%s/guest.save", driver->config->saveDir)
                                          : testPath();
    int rc = -1;

    if (!dom ||
        (data->managed ? virDomainManagedSave(dom, 0) : virDomainSave(dom, path)) < 0)
        return -1;

    testRestoreAlter(path, data);
    g_string_truncate(testXen.log, 0);
    testXen.created = false;
    testXen.ends = data->ends;

    if (data->managed)
        rc = virDomainCreateWithFlags(dom, data->flags);
    else
        rc = virDomainRestoreFlags(testConn, path, NULL, data->flags);

    if (libxlDeviceModelTestOutcome(rc, testDir, data->error) < 0 ||
        testCheckLog(data->log) < 0)
        return -1;

    if (data->error && !data->managed && !virFileExists(path)) {
        VIR_TEST_VERBOSE("the image is gone");
        return -1;
    }

    return testRestoreCheck(data);
}


static int
testRestores(void)
{
    int ret = 0;

#define DO_TEST(name, ...) \
    do { \
        static const struct testRestoreData data = { __VA_ARGS__ }; \
        if (virTestRun("Restore " name, testRestore, &data) < 0) \
            ret = -1; \
    } while (0)
#define REFUSED "operation failed: the state of the device models in the image cannot be used: "
#define RESTORED "restore spawn disk=of-disk spawn com=of-com serve disk serve com "

    DO_TEST("a domain without device models", .devices = "", .log = "restore unpause ");
    DO_TEST("a domain with three", .devices = TEST_DEVICE_MODELS, .log = RESTORED "unpause ");
    DO_TEST("it, paused", .devices = TEST_DEVICE_MODELS, .flags = VIR_DOMAIN_SAVE_PAUSED,
            .log = RESTORED);
    DO_TEST("what was saved by the driver", .devices = TEST_DEVICE_MODELS, .managed = true,
            .log = RESTORED "forget unpause ");
    DO_TEST("it, paused, by the driver", .devices = TEST_DEVICE_MODELS, .managed = true,
            .flags = VIR_DOMAIN_START_PAUSED, .log = RESTORED "forget ");

    DO_TEST("without its end", .devices = TEST_DEVICE_MODELS, .cut = 1, .log = "",
            .error = REFUSED "it is incomplete", .untouched = true);
    DO_TEST("with an altered state", .devices = TEST_DEVICE_MODELS, .at = -25, .log = "",
            .error = REFUSED "the checksum of device model 'com' is wrong", .untouched = true);
    DO_TEST("with an altered version", .devices = TEST_DEVICE_MODELS, .at = 16, .log = "",
            .error = "operation failed: image version is not supported (4 > 3)", .untouched = true);
    DO_TEST("without secondaries, with their version", .devices = "", .at = 16, .log = "",
            .error = "operation failed: the image of domain 'guest' is of version 3, "
                     "and its definition has no secondaries", .untouched = true);
    DO_TEST("with a state that is not loaded", .devices = TEST_DEVICE_MODELS, .ends = true,
            .error = "internal error: load of migration failed",
            .log = "restore spawn disk=of-disk spawn com=of-com end disk com destroy ");

#undef RESTORED
#undef REFUSED
#undef DO_TEST

    return ret;
}


/* An image of version 2 whose definition has secondaries would lose their state. */
static int
testRestoreWithout(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomain) dom = testStart(TEST_DEVICE_MODELS);
    g_autofree char *path = testPath();
    uint32_t version = LIBXL_SAVE_VERSION;
    VIR_AUTOCLOSE fd = -1;

    if (!dom || virDomainSave(dom, path) < 0 || (fd = open(path, O_RDWR | O_CLOEXEC)) < 0 ||
        pwrite(fd, &version, sizeof(version), 16) != sizeof(version))
        return -1;

    testXen.created = false;
    if (libxlDeviceModelTestOutcome(virDomainRestore(testConn, path), testDir,
                                    "operation failed: the image of domain 'guest' is of version 2, "
                                    "and its definition has secondaries, whose state it does not have") < 0)
        return -1;

    return testXen.created ? -1 : 0;
}


/* What is no definition that anybody has is not even read. */
static int
testRestoreLong(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomain) dom = testStart("");
    g_autofree char *path = testPath();
    uint32_t len = LIBXL_SAVE_XML_MAX + 1;
    VIR_AUTOCLOSE fd = -1;

    if (!dom || virDomainSave(dom, path) < 0 || (fd = open(path, O_RDWR | O_CLOEXEC)) < 0 ||
        pwrite(fd, &len, sizeof(len), 20) != sizeof(len))
        return -1;

    return libxlDeviceModelTestOutcome(virDomainRestore(testConn, path), testDir,
                                       "operation failed: invalid XML length: 16777217");
}


/* Over a connection, the state of the secondaries is found when libxl has restored the domain. */
static int
testRestorePipe(const void *opaque)
{
    const bool *complete = opaque;
    g_autoptr(virDomain) dom = testStart(TEST_DEVICE_MODELS);
    g_autoptr(libxlDeviceModelsSaving) saving = NULL;
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    virDomainObj *vm;
    int fds[2];
    int rc;

    if (!dom || virPipe(fds) < 0)
        return -1;

    vm = testFind();
    ((libxlDomainObjPrivate *)vm->privateData)->migrating = true;
    if (virDomainObjBeginJob(vm, VIR_JOB_MODIFY) < 0 ||
        libxlDeviceModelsCheckSave(vm, &saving) < 0 ||
        libxlDeviceModelsSuspend(driver, vm, saving, fds[1], LIBXL_SUSPEND_LIVE) != 0)
        return -1;

    if (*complete) {
        char stream[sizeof(TEST_STREAM)];

        VIR_FORCE_CLOSE(fds[1]);
        ignore_value(saferead(fds[0], stream, strlen(TEST_STREAM)));
    }

    VIR_FORCE_CLOSE(fds[1]);
    rc = libxlDeviceModelsReadState(vm, fds[0], LIBXL_DEVICE_MODEL_SAVE_VERSION, &saved);
    VIR_FORCE_CLOSE(fds[0]);
    virDomainObjEndJob(vm);
    virDomainObjEndAPI(&vm);

    if (*complete)
        return rc == 0 && saved->ndms == 2 && saved->offset == 0 && strstr(testXen.log->str, "migrate disk") ? 0 : -1;

    return libxlDeviceModelTestOutcome(rc, testDir, "operation failed: the state of the device models "
                                       "in the image cannot be used: something else is where it is expected to begin");
}


/* A guest that has suspended itself is left as it is where it cannot be saved; who wakes it up finds
 * its secondaries running, also where they could not go on at once. */
static int
testSaveSleeping(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomain) dom = testStart(TEST_DEVICE_MODELS);
    g_autofree char *path = testPath();
    virDomainObj *vm = testFind();

    if (!dom)
        return -1;

    virDomainObjSetState(vm, VIR_DOMAIN_PMSUSPENDED, 0);
    virDomainObjEndAPI(&vm);
    g_string_truncate(testXen.log, 0);
    testXen.full = testXen.suspended = true;
    if (libxlDeviceModelTestOutcome(virDomainSave(dom, path), testDir,
                                    "Failed to write domain save file 'DIR/image': "
                                    "No space left on device") < 0 ||
        testCheckLog(TEST_RELAYED "stop unlog disk com continue disk com ") < 0 || testIsRecorded())
        return -1;

    g_string_truncate(testXen.log, 0);
    vm = testFind();
    ((libxlDomainObjPrivate *)vm->privateData)->devicemodelsSaving = true;
    virDomainObjEndAPI(&vm);
    if (virDomainPMWakeup(dom, 0) < 0)
        return -1;

    return testCheckLog("continue disk com resume ");
}


/* A domain that was saved, and could not be destroyed, has lost its secondaries for good, and has
 * nothing but its image. */
static int
testResumeEnded(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomain) dom = testStart(TEST_DEVICE_MODELS);
    g_autofree char *path = g_strdup_printf("%s/guest.save", driver->config->saveDir);

    testXen.stays = true;
    if (!dom || virDomainManagedSave(dom, 0) == 0)
        return -1;

    g_string_truncate(testXen.log, 0);
    if (libxlDeviceModelTestOutcome(virDomainResume(dom), testDir,
                                    "Requested operation is not valid: domain 'guest' cannot be "
                                    "resumed, as its device models have ended: destroy it; an image "
                                    "that it was saved to stays") < 0 ||
        testCheckLog("") < 0)
        return -1;

    testXen.stays = false;
    if (!virFileExists(path) || virDomainDestroy(dom) < 0 || virDomainCreate(dom) < 0)
        return -1;

    return testCheckLog("destroy restore spawn disk=of-disk spawn com=of-com "
                        "serve disk serve com forget unpause ");
}


/* A daemon that was killed while it saved a domain. */
struct testRecoverData {
    bool saving;
    bool suspended; /* the domain, for all that is known */
    const char *log;
    bool recorded; /* still */
};

static int
testRecover(const void *opaque)
{
    const struct testRecoverData *data = opaque;
    g_autoptr(virDomain) dom = testStart(TEST_DEVICE_MODELS);
    g_autofree char *aside = g_strdup_printf("%s.libvirt", testPrimaryGetPath());
    libxlDomainObjPrivate *priv;
    virDomainObj *vm;
    int ret = 0;

    if (!dom || rename(testPrimaryGetPath(), aside) < 0 ||
        !g_file_set_contents(testPrimaryGetPath(), "", 0, NULL))
        return -1;

    g_string_truncate(testXen.log, 0);
    vm = testFind();
    if (data->suspended)
        virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SAVE);
    priv = vm->privateData;
    priv->devicemodelsSaving = data->saving;
    libxlDeviceModelsRecoverSave(driver, vm);

    if (testCheckLog(data->log) < 0 || priv->devicemodelsSaving != data->recorded ||
        !testPrimaryIsBack())
        ret = -1;

    /* who resumes the domain */
    g_string_truncate(testXen.log, 0);
    if (libxlDeviceModelsResume(driver, vm) < 0 ||
        libxlDeviceModelsResume(driver, vm) < 0)
        ret = -1;
    if (testCheckLog(data->recorded ? "continue disk com " : "") < 0 ||
        priv->devicemodelsSaving || testIsRecorded())
        ret = -1;

    virDomainObjEndAPI(&vm);
    return ret;
}


/* The domain of a daemon that was killed while it saved it, and that has ended since. */
static int
testRecoverEnded(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomain) dom = testStart(TEST_DEVICE_MODELS);
    g_autofree char *aside = g_strdup_printf("%s.libvirt", testPrimaryGetPath());
    virDomainObj *vm;

    if (!dom || rename(testPrimaryGetPath(), aside) < 0 ||
        !g_file_set_contents(testPrimaryGetPath(), "", 0, NULL))
        return -1;

    vm = testFind();
    libxlDeviceModelsStop(driver, vm);
    virDomainObjEndAPI(&vm);
    if (testPrimaryIsBack())
        return 0;

    ignore_value(rename(aside, testPrimaryGetPath()));
    return -1;
}


/* A daemon that was killed when all was restored, and a managed save image was still there: that
 * stays, whatever becomes of the domain. */
struct testRestoringData {
    virDomainPausedReason reason;
    bool gone; /* the image */
    bool runs;
    bool ends; /* the domain */
};

static int
testRestoring(const void *opaque)
{
    const struct testRestoringData *data = opaque;
    g_autoptr(virDomain) dom = testStart(TEST_DEVICE_MODELS);
    g_autofree char *path = g_strdup_printf("%s/guest.save", driver->config->saveDir);
    virDomainObj *vm;
    bool ends;
    int ret = 0;

    if (!dom || (!data->gone && !g_file_set_contents(path, LIBXL_SAVE_MAGIC, -1, NULL)))
        return -1;

    vm = testFind();
    virDomainObjSetState(vm, VIR_DOMAIN_PAUSED, data->reason);
    testXen.paused = !data->runs;
    g_string_truncate(testXen.log, 0);
    ends = libxlDeviceModelsEndIncomplete(driver, vm);
    if (!ends)
        libxlDeviceModelsRecoverSave(driver, vm);

    if (ends != data->ends || virFileExists(path) == data->gone ||
        testCheckLog(data->ends ? "end disk com destroy " : "") < 0) {
        VIR_TEST_VERBOSE("the domain %s, the image is %sthere", ends ? "ends" : "stays",
                         virFileExists(path) ? "" : "not ");
        ret = -1;
    }

    unlink(path);
    virDomainObjEndAPI(&vm);
    return ret;
}


static int
testDriverInit(void)
{
    if (!(driver = testDriverNew(&testDir)) ||
        testDriverServe(driver, testDir, NULL) < 0 ||
        g_mkdir_with_parents(driver->config->saveDir, 0700) < 0)
        return -1;

    libxl_driver = driver;

    if (!(testConn = virGetConnect()))
        return -1;

    testConn->driver = &libxlHypervisorDriver;
    testConn->privateData = driver;
    testConn->uri = virURIParse("xen:///system");
    return 0;
}


static int
mymain(void)
{
    static const bool yes = true;
    static const bool no = false;
    static const int waits[] = { 1, 2, 3 };
    static const struct testRestoringData restoring = {
        .reason = VIR_DOMAIN_PAUSED_STARTING_UP, .ends = true,
    };
    static const struct testRestoringData another = {
        .reason = VIR_DOMAIN_PAUSED_STARTING_UP, .runs = true,
    };
    static const struct testRestoringData restored = { .reason = VIR_DOMAIN_PAUSED_USER };
    static const struct testRestoringData gone = {
        .reason = VIR_DOMAIN_PAUSED_STARTING_UP, .gone = true,
    };
    static const struct testRecoverData early = { .log = "" };
    static const struct testRecoverData runs = { .saving = true, .log = "continue disk com " };
    static const struct testRecoverData suspended = {
        .saving = true, .suspended = true, .log = "", .recorded = true,
    };
    int ret = 0;
    size_t i;

    testXen.log = g_string_new(NULL);
    if (testDriverInit() < 0)
        return EXIT_FAILURE;
    testPrimaryStart(testDir, testNoteStop);

    if (testSaves() < 0)
        ret = -1;
    for (i = 0; i < G_N_ELEMENTS(waits); i++) {
        g_autofree char *name = g_strdup_printf("Save where they do not go on, %d", waits[i]);

        if (virTestRun(name, testSaveWaits, &waits[i]) < 0)
            ret = -1;
    }
    if (testRestores() < 0)
        ret = -1;
    if (virTestRun("Restore without the state of secondaries", testRestoreWithout, NULL) < 0)
        ret = -1;
    if (virTestRun("Restore with a definition that is too long", testRestoreLong, NULL) < 0)
        ret = -1;
    if (virTestRun("Restore over a connection", testRestorePipe, &yes) < 0 ||
        virTestRun("Restore over a connection out of step", testRestorePipe, &no) < 0)
        ret = -1;
    if (virTestRun("Save a domain that has suspended itself", testSaveSleeping, NULL) < 0)
        ret = -1;
    if (virTestRun("Resume a domain that was saved and not destroyed", testResumeEnded, NULL) < 0)
        ret = -1;
    if (virTestRun("Recover what was not recorded", testRecover, &early) < 0)
        ret = -1;
    if (virTestRun("Recover where the guest runs", testRecover, &runs) < 0)
        ret = -1;
    if (virTestRun("Recover where the guest is suspended", testRecover, &suspended) < 0)
        ret = -1;
    if (virTestRun("Recover what has ended", testRecoverEnded, NULL) < 0)
        ret = -1;
    if (virTestRun("Restoring still", testRestoring, &restoring) < 0 ||
        virTestRun("Restoring from another image", testRestoring, &another) < 0 ||
        virTestRun("Restored, and paused", testRestoring, &restored) < 0 ||
        virTestRun("Restored, and the image is gone", testRestoring, &gone) < 0)
        ret = -1;

    testForget();
    testPrimaryEnd();
    testThreadsJoin();
    virConnectClose(testConn);
    g_string_free(testXen.log, TRUE);
    virObjectUnref(driver->hostdevMgr);
    virLockManagerPluginUnref(driver->lockManager);
    testDriverFree(driver, testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
