/*
 * libxldevicemodelmigratetest.c: a domain is migrated, with secondaries and without
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Has the drivers of two hosts in one process, and migrates a domain from one to the other as
 * a client does: by libvirt's own functions for clients, or by the steps that these take, where
 * one of those is to be the last.  The driver's functions are static, so its source is a part
 * of this test.
 *
 * Stands in for libxl, which sends a few bytes and knows of the domain on each host whether it
 * is suspended and how often it is paused; for the primary on the source, in a thread; and for
 * the processes of the secondaries and what is said to them.  What happens on a host is noted
 * in its log, in the order in which it happens there.  Whatever fails, the guest runs on one host
 * afterwards, or nowhere, and never on both.
 */

#include <config.h>

#include "libxl/libxl_driver.c" /* NOLINT(bugprone-suspicious-include) */

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_emulator.h"
#include "libxl/libxl_devicemodel_failure.h"
#include "libxl/libxl_devicemodel_migrate.h"
#include "libxl/libxl_devicemodel_relay.h"
#include "libxl/libxl_devicemodel_restart.h"
#include "libxl/libxl_devicemodel_spawn.h"
#include "libxl/libxl_devicemodel_state.h"
#include "libxldevicemodeltestdriver.h"
#include "libxldevicemodeltestloop.h"
#include "libxldevicemodeltestprimary.h"
#include "libxldevicemodeltestthreads.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestxenstore.h"

#define TEST_UUID "c7a5fdb2-cdaf-9455-926a-d65c16db1809"
#define TEST_XML(devices) \
    "<domain type='xen'>" \
    "  <name>guest</name>" \
    "  <uuid>" TEST_UUID "</uuid>" \
    "  <memory unit='MiB'>8</memory>" \
    "  <os><type>hvm</type></os>" \
    "  <devices><emulator>/bin/true</emulator>" devices \
    "    <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>" \
    "    <serial type='null'/>" \
    "  </devices>" \
    "</domain>"
#define TEST_DISK "<devicemodel name='disk'><capability name='ide'/></devicemodel>"
#define TEST_COM "<devicemodel name='com'><capability name='serial'/></devicemodel>"
#define TEST_DEVICE_MODELS "<devicemodel name='main'/>" TEST_DISK TEST_COM

/* What libxl sends of a domain. */
#define TEST_STREAM "the state of a domain"
#define TEST_STREAM_LEN strlen(TEST_STREAM)

#define TEST_MAX_FILE (1024 * 1024)
#define TEST_PATIENCE_US (30 * G_USEC_PER_SEC)

/* For how long libxl sends to nobody. */
#define TEST_CUT_MS (5 * 1000)

typedef enum {
    TEST_SOURCE = 0,
    TEST_DESTINATION,

    TEST_HOSTS
} testHostName;

/* What the domain has as an id on the first host. */
#define TEST_DOMID 7

typedef struct _testHost testHost;
struct _testHost {
    libxlDriverPrivate *driver;
    char *dir;
    virHypervisorDriver calls;
    virConnectPtr conn;
    GString *log;

    /* the domain, for Xen */
    bool exists;
    bool suspended;
    int npaused;
};

static testHost testHosts[TEST_HOSTS];
static virMutex testLock = VIR_MUTEX_INITIALIZER;

/* What is to happen, and has happened. */
static struct {
    int suspends; /* what libxl returns, when it has sent all */
    bool early; /* it fails before it has told anybody */
    bool keeps; /* a child has what it sends to, and lives on */
    int kept;
    bool restoreFails;
    bool floods; /* the source sends more than there is room for */
    bool unpauseFails; /* on the destination */
    bool destroyFails; /* on the source */
    bool resumeFails;
    bool lost; /* the answer to the last step on the destination */
    unsigned int refuses; /* at which time a secondary does, to be asked */
    unsigned int nasked;
    bool fails; /* to be saved */
    bool ends; /* on the destination, with its state */
    bool old; /* the emulator there */
    bool untold; /* its version */
    int accepted; /* whether the destination has begun to receive, atomic */
    void (*copying)(void); /* comes while libxl sends, and the guest runs */
    void (*sending)(void); /* comes while libxl sends */
    bool hook; /* there is a script */
    bool imageUsed; /* somebody else has an image by now */
    char *status; /* the source's status file then */
    bool live; /* as secondaries are told that their images become another's */
    int streamVersion;
    unsigned int silence; /* for how many milliseconds the destination may be silent */
    bool twice; /* the guest ran on both hosts */
    unsigned int nfreed; /* events of libxl */
} testXen;


static void G_GNUC_PRINTF(2, 3)
testLog(testHost *host,
        const char *fmt,
        ...)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&testLock);
    va_list ap;

    va_start(ap, fmt);
    g_string_append_vprintf(host->log, fmt, ap);
    va_end(ap);
}


static testHost *
testHostOf(uint32_t domid)
{
    return &testHosts[domid - TEST_DOMID];
}


static bool
testRuns(const testHost *host)
{
    return host->exists && !host->suspended && host->npaused == 0;
}


static void
testCheckOnce(void)
{
    if (testRuns(&testHosts[TEST_SOURCE]) && testRuns(&testHosts[TEST_DESTINATION]))
        testXen.twice = true;
}


/* The primary */

static void
testNoteStop(void)
{
    testLog(&testHosts[TEST_SOURCE], "stop ");
}


char *
libxlDeviceModelRelayGetPath(unsigned int domid)
{
    const testHost *destination = &testHosts[TEST_DESTINATION];

    return domid == TEST_DOMID + TEST_DESTINATION ? g_strdup_printf("%s/qmp", destination->dir)
                                                  : g_strdup(testPrimaryGetPath());
}


/* libxl */

/* What fails before the destination has accepted the connection is not heard of there. */
static void
testAwaitAccepted(void)
{
    gint64 deadline = g_get_monotonic_time() + TEST_PATIENCE_US;

    while (!g_atomic_int_get(&testXen.accepted) && g_get_monotonic_time() < deadline)
        g_usleep(1000);
}


/* Sends until nobody takes it any more. */
static int
testFlood(testHost *host,
          int fd)
{
    struct timeval patience = { .tv_sec = TEST_PATIENCE_US / G_USEC_PER_SEC };
    char zeros[4096] = { 0 };

    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
        abort();

    while (safewrite(fd, zeros, sizeof(zeros)) >= 0);

    if (errno == EAGAIN)
        testLog(host, "stuck ");

    return ERROR_FAIL;
}


int
libxl_domain_suspend(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid,
                     int fd,
                     int flags,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testHost *host = testHostOf(domid);
    g_autofree char *path = g_strdup_printf("%s/guest.xml", host->driver->config->stateDir);
    socklen_t len = sizeof(testXen.silence);

    testLog(host, flags == LIBXL_SUSPEND_LIVE ? "suspend-live " : "suspend ");
    if (getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &testXen.silence, &len) < 0)
        testXen.silence = 0;
    g_clear_pointer(&testXen.status, g_free);
    if (virFileReadAllQuiet(path, TEST_MAX_FILE, &testXen.status) < 0)
        abort();

    if (testXen.keeps && (testXen.kept = dup(fd)) < 0)
        abort();

    if (testXen.early ||
        !testPrimaryTell("{\"execute\": \"xen-set-global-dirty-log\", \"arguments\": {\"enable\": true}}\r\n"))
        return testXen.suspends ? testXen.suspends : ERROR_FAIL;

    if (testXen.copying || testXen.fails)
        testAwaitAccepted();
    if (testXen.copying) {
        struct pollfd end = { .fd = fd };

        testXen.copying();
        if (poll(&end, 1, TEST_CUT_MS) > 0) {
            testLog(host, "cut ");
            return ERROR_FAIL;
        }
    }

    host->suspended = true;
    if (!testPrimaryTell("{\"execute\": \"stop\"}\r\n") ||
        safewrite(fd, TEST_STREAM, TEST_STREAM_LEN) < 0)
        return ERROR_FAIL;

    if (testXen.sending)
        testXen.sending();

    if (testXen.floods)
        return testFlood(host, fd);

    return testXen.suspends;
}


int
libxl_domain_resume(libxl_ctx *ctx G_GNUC_UNUSED,
                    uint32_t domid,
                    int suspend_cancel G_GNUC_UNUSED,
                    const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testHost *host = testHostOf(domid);

    testLog(host, "resume ");
    if (testXen.resumeFails || !host->suspended)
        return ERROR_FAIL;

    host->suspended = false;
    testCheckOnce();
    return 0;
}


static int
testCreate(testHost *host,
           libxl_domain_config *d_config,
           uint32_t *domid)
{
    host->exists = true;
    host->suspended = false;
    host->npaused = 1;
    d_config->b_info.video_memkb = 0;
    *domid = TEST_DOMID + (host - testHosts);
    return 0;
}


int
libxl_domain_create_new(libxl_ctx *ctx G_GNUC_UNUSED,
                        libxl_domain_config *d_config,
                        uint32_t *domid,
                        const libxl_asyncop_how *ao_how G_GNUC_UNUSED,
                        const libxl_asyncprogress_how *aop_console_how G_GNUC_UNUSED)
{
    return testCreate(&testHosts[TEST_SOURCE], d_config, domid);
}


/* Whoever fails earlier may be noticed by the source, or not. */
static void
testAwaitSent(void)
{
    gint64 end = g_get_real_time() + TEST_PATIENCE_US;
    bool sent = false;
    unsigned char uuid[VIR_UUID_BUFLEN];

    if (virUUIDParse(TEST_UUID, uuid) < 0)
        abort();

    while (!sent && g_get_real_time() < end) {
        virDomainObj *vm = virDomainObjListFindByUUID(testHosts[TEST_SOURCE].driver->domains, uuid);
        libxlDomainObjPrivate *priv = vm->privateData;

        sent = priv->migrationSent;
        virDomainObjEndAPI(&vm);
        g_usleep(1000);
    }
}


/* Reads no byte more than was sent. */
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
    testHost *host = &testHosts[TEST_DESTINATION];
    char stream[sizeof(TEST_STREAM)] = "";

    testXen.streamVersion = params->stream_version;
    g_atomic_int_set(&testXen.accepted, 1);
    if (saferead(restore_fd, stream, TEST_STREAM_LEN) < 0 || STRNEQ(stream, TEST_STREAM)) {
        testLog(host, "end-of-stream ");
        return ERROR_FAIL;
    }

    testLog(host, "restore ");
    if (!testXen.restoreFails)
        return testCreate(host, d_config, domid);

    if (!testXen.floods)
        testAwaitSent();
    return ERROR_FAIL;
}


int
libxl_domain_info(libxl_ctx *ctx G_GNUC_UNUSED,
                  libxl_dominfo *info,
                  uint32_t domid)
{
    testHost *host = testHostOf(domid);

    libxl_dominfo_init(info);
    if (!host->exists)
        return ERROR_DOMAIN_NOTFOUND;

    if (virUUIDParse(TEST_UUID, libxl_uuid_bytearray(&info->uuid)) < 0)
        abort();
    info->domid = domid;
    info->paused = host->npaused > 0;
    info->shutdown = host->suspended;
    info->shutdown_reason = host->suspended ? LIBXL_SHUTDOWN_REASON_SUSPEND
                                            : LIBXL_SHUTDOWN_REASON_UNKNOWN;
    return 0;
}


int
libxl_domain_destroy(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testHost *host = testHostOf(domid);

    testLog(host, "destroy ");
    if (testXen.destroyFails && host == &testHosts[TEST_SOURCE])
        return ERROR_FAIL;

    host->exists = false;
    return 0;
}


int
(libxl_domain_unpause)(libxl_ctx *ctx G_GNUC_UNUSED,
                       uint32_t domid,
                       const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testHost *host = testHostOf(domid);

    testLog(host, "unpause ");
    if (testXen.unpauseFails && host == &testHosts[TEST_DESTINATION])
        return ERROR_FAIL;

    host->npaused--;
    testCheckOnce();
    return 0;
}


int
(libxl_domain_pause)(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testHost *host = testHostOf(domid);

    testLog(host, "pause ");
    host->npaused++;
    return 0;
}


int
libxl_userdata_retrieve(libxl_ctx *ctx G_GNUC_UNUSED,
                        uint32_t domid G_GNUC_UNUSED,
                        const char *userdata_userid G_GNUC_UNUSED,
                        uint8_t **data_r G_GNUC_UNUSED,
                        int *datalen_r G_GNUC_UNUSED)
{
    return 0;
}


void
libxl_event_free(libxl_ctx *ctx G_GNUC_UNUSED,
                 libxl_event *event)
{
    g_free(event);
    g_atomic_int_inc((gint *)&testXen.nfreed);
}


int
virHostdevUpdateActiveDomainDevices(virHostdevManager *mgr G_GNUC_UNUSED,
                                    const char *drv_name G_GNUC_UNUSED,
                                    virDomainDef *def G_GNUC_UNUSED,
                                    unsigned int flags G_GNUC_UNUSED)
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
    g_autoptr(GString) text = g_string_new(what);
    size_t i;

    for (i = 0; i < ndms; i++)
        g_string_append_printf(text, " %s", dms[i]->name);
    if (ndms > 0)
        testLog(testHostOf(dms[0]->domid), "%s ", text->str);
}


int
libxlDeviceModelSpawnOne(libxlDriverConfig *cfg G_GNUC_UNUSED,
                         virDomainObj *vm G_GNUC_UNUSED,
                         libxlDeviceModelStarting *starting,
                         gint64 deadline G_GNUC_UNUSED)
{
    const libxlDeviceModelSaved *saved = starting->saved;

    if (saved)
        testLog(testHostOf(starting->dm->domid), "spawn %s=%.*s ", starting->dm->name,
                (int)saved->nstate, (char *)saved->state);
    return 0;
}


int
libxlDeviceModelAwait(libxlDeviceModelStarting *starting,
                      gint64 deadline G_GNUC_UNUSED)
{
    if (testXen.ends && starting->saved) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", "load of migration failed");
        return -1;
    }

    if (starting->saved)
        testLog(testHostOf(starting->dm->domid), "serve %s ", starting->dm->name);
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
    if (++testXen.nasked == testXen.refuses) {
        virReportError(VIR_ERR_OPERATION_FAILED, "device model '%s' does not answer", dms[1]->name);
        return -1;
    }

    for (i = 0; i < saved->ndms; i++) {
        saved->dms[i].name = g_strdup(dms[i]->name);
        saved->dms[i].machine = g_strdup("xenfv-3.1-machine");
        saved->dms[i].version[0] = 7;
        saved->dms[i].version[1] = 2;
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
    return 0;
}


int
libxlDeviceModelStatesSave(libxlDeviceModel **dms,
                           libxlDeviceModelsSaved *saved,
                           bool live,
                           gint64 deadline G_GNUC_UNUSED)
{
    size_t i;

    testXen.live = live;
    testNote("save", dms, saved->ndms);
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


void
libxlDeviceModelDiskUnlock(const libxlDeviceModel *dm,
                           const virDomainDiskDef *def)
{
    testLog(testHostOf(dm->domid), "unlock %s %s ", dm->name, def->dst);
}


int
libxlDeviceModelDiskRelock(const libxlDeviceModel *dm,
                           const virDomainDiskDef *def,
                           gint64 deadline G_GNUC_UNUSED)
{
    testLog(testHostOf(dm->domid), "lock %s %s ", dm->name, def->dst);
    if (!testXen.imageUsed)
        return 0;

    virReportError(VIR_ERR_RESOURCE_BUSY, "image of '%s' is in use", def->dst);
    return -1;
}


int
libxlDeviceModelStatesContinue(libxlDeviceModel **dms,
                               size_t ndms,
                               gint64 deadline G_GNUC_UNUSED)
{
    testNote("continue", dms, ndms);
    return 0;
}


bool
libxlDeviceModelRestart(libxlDriverPrivate *driver G_GNUC_UNUSED,
                        virDomainObj *vm G_GNUC_UNUSED,
                        libxlDeviceModel *dm)
{
    testNote("restart", &dm, 1);
    dm->pending = false;
    return false;
}


/* /bin/true tells nothing of itself. */
int
libxlDeviceModelEmulatorProbe(const char *path G_GNUC_UNUSED,
                              const char *name G_GNUC_UNUSED,
                              libxlDeviceModelEmulator *emulator)
{
    memset(emulator, 0, sizeof(*emulator));
    if (!testXen.untold) {
        emulator->version[0] = testXen.old ? 6 : 7;
        emulator->version[1] = 2;
    }
    return 0;
}


/* The client */

virConnectPtr
virConnectOpenAuth(const char *name G_GNUC_UNUSED,
                   virConnectAuthPtr auth G_GNUC_UNUSED,
                   unsigned int flags G_GNUC_UNUSED)
{
    return virObjectRef(testHosts[TEST_DESTINATION].conn);
}


/* As a client that does not get the answer. */
static virDomainPtr
testFinish(virConnectPtr dconn,
           virTypedParameterPtr params,
           int nparams,
           const char *cookiein,
           int cookieinlen,
           char **cookieout,
           int *cookieoutlen,
           unsigned int flags,
           int cancelled)
{
    virDomainPtr dom = libxlDomainMigrateFinish3Params(dconn, params, nparams, cookiein,
                                                       cookieinlen, cookieout, cookieoutlen,
                                                       flags, cancelled);

    if (testXen.lost) {
        g_clear_pointer(&dom, virObjectUnref);
        virReportErrorHelper(VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, __FILE__, __FUNCTION__,
                             __LINE__, "%s", "client socket is closed");
    }

    return dom;
}


/* There is nothing between that could end. */
static int
testSetKeepAlive(virConnectPtr conn G_GNUC_UNUSED,
                 int interval G_GNUC_UNUSED,
                 unsigned int count G_GNUC_UNUSED)
{
    return 0;
}


static void
testConnect(testHost *host)
{
    if (!(host->conn = virGetConnect()))
        abort();

    host->calls = libxlHypervisorDriver;
    host->calls.connectSetKeepAlive = testSetKeepAlive;
    host->calls.domainMigrateFinish3Params = testFinish;
    host->conn->driver = &host->calls;
    host->conn->privateData = host->driver;
    host->conn->uri = virURIParse("xen:///system");
}


static virDomainObj *
testFind(testHost *host,
         const char *name)
{
    return virDomainObjListFindByName(host->driver->domains, name);
}


static virDomainObj *
testFindByUUID(testHost *host)
{
    unsigned char uuid[VIR_UUID_BUFLEN];

    if (virUUIDParse(TEST_UUID, uuid) < 0)
        abort();

    return virDomainObjListFindByUUID(host->driver->domains, uuid);
}


static void
testForgetOn(testHost *host)
{
    virDomainObj *vm = testFindByUUID(host);
    libxlDomainObjPrivate *priv;
    g_autofree char *config = NULL;
    g_autofree char *status = g_strdup_printf("%s/guest.xml", host->driver->config->stateDir);

    unlink(status);
    g_string_truncate(host->log, 0);
    host->exists = host->suspended = false;
    if (!vm)
        return;

    config = virDomainConfigFile(host->driver->config->configDir, vm->def->name);
    unlink(config);
    priv = vm->privateData;
    libxlDeviceModelListFree(g_steal_pointer(&priv->devicemodels), priv->ndevicemodels);
    priv->ndevicemodels = 0;
    vm->starting = 0;
    vm->def->id = -1;
    virDomainObjListRemove(host->driver->domains, vm);
    virDomainObjEndAPI(&vm);
}


static void
testForget(void)
{
    testForgetOn(&testHosts[TEST_SOURCE]);
    testForgetOn(&testHosts[TEST_DESTINATION]);
    testStoreReset();
    if (testXen.keeps)
        VIR_FORCE_CLOSE(testXen.kept);
    g_free(testXen.status);
    memset(&testXen, 0, sizeof(testXen));
}


/* A domain that runs on the source, and nothing that an earlier test left. */
static virDomainPtr
testStart(const char *devices)
{
    g_autofree char *xml = g_strdup_printf(TEST_XML("%s"), devices);
    g_autoptr(virDomain) dom = NULL;

    testForget();
    if (!(dom = virDomainDefineXML(testHosts[TEST_SOURCE].conn, xml)) ||
        virDomainCreate(dom) < 0)
        return NULL;

    g_string_truncate(testHosts[TEST_SOURCE].log, 0);
    return g_steal_pointer(&dom);
}


/* The definition says which one it is. */
static char *
testDescribeDef(const virDomainDef *def)
{
    return g_strdup_printf("%s%s%s", STREQ(def->name, "guest") ? "" : " as ",
                           STREQ(def->name, "guest") ? "" : def->name,
                           def->description ? def->description : "");
}


/* What the driver says of the domain. */
static char *
testDescribe(testHost *host)
{
    virDomainObj *vm = testFindByUUID(host);
    g_autofree char *config = NULL;
    g_autofree char *def = NULL;
    libxlDomainObjPrivate *priv;
    virDomainState state;
    char *ret;
    int reason;

    if (!vm)
        return g_strdup("none");

    priv = vm->privateData;
    state = virDomainObjGetState(vm, &reason);
    config = virDomainConfigFile(host->driver->config->configDir, vm->def->name);
    def = testDescribeDef(vm->def);
    ret = g_strdup_printf("%s/%s%s%s%s%s",
                          virDomainStateTypeToString(state),
                          virDomainStateReasonToString(state, reason),
                          virDomainObjIsActive(vm) == (state == VIR_DOMAIN_SHUTOFF) ? " wrong" : "",
                          vm->persistent && virFileExists(config) ? " defined" :
                          vm->persistent || virFileExists(config) ? " half-defined" : "",
                          vm->job->active != VIR_JOB_NONE || priv->migrationDst ||
                          priv->migrationPort || vm->starting || priv->incoming ||
                          (priv->migrating && state != VIR_DOMAIN_PAUSED) ? " busy" : "",
                          def);
    virDomainObjEndAPI(&vm);
    return ret;
}


static const char *
testDescribeGuest(void)
{
    if (testXen.twice)
        return "both";
    if (testRuns(&testHosts[TEST_SOURCE]))
        return "source";
    if (testRuns(&testHosts[TEST_DESTINATION]))
        return "destination";
    return "nowhere";
}


typedef struct _testExpected testExpected;
struct _testExpected {
    const char *runs; /* where the guest does */
    const char *source; /* what the driver says there */
    const char *destination;
    const char *sent; /* the log of the source, unless NULL */
    const char *received; /* that of the destination */
    const char *error;
};


static int
testCheck(int rc,
          const testExpected *expected)
{
    g_autofree char *source = testDescribe(&testHosts[TEST_SOURCE]);
    g_autofree char *destination = testDescribe(&testHosts[TEST_DESTINATION]);
    int ret = libxlDeviceModelTestOutcome(rc, NULL, expected->error);

    if (virTestCompareToString(expected->runs, testDescribeGuest()) < 0 ||
        virTestCompareToString(expected->source, source) < 0 ||
        virTestCompareToString(expected->destination, destination) < 0)
        ret = -1;

    if (expected->sent &&
        virTestCompareToString(expected->sent, testHosts[TEST_SOURCE].log->str) < 0)
        ret = -1;

    if (expected->received &&
        virTestCompareToString(expected->received, testHosts[TEST_DESTINATION].log->str) < 0)
        ret = -1;

    if (!testPrimaryIsBack()) {
        VIR_TEST_VERBOSE("the primary's socket is not where it was");
        ret = -1;
    }

    return ret;
}


/* How it is migrated. */
typedef enum {
    TEST_DIRECT = 0,
    TEST_P2P = VIR_MIGRATE_PEER2PEER,
    TEST_TUNNEL = VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_TUNNELLED,
} testWay;


static int
testMigrate(virDomainPtr dom,
            unsigned int flags,
            const char *dname,
            const char *xml)
{
    g_autoptr(virTypedParamList) list = virTypedParamListNew();
    virTypedParameterPtr params;
    size_t nparams;

    if (!(flags & VIR_MIGRATE_TUNNELLED))
        virTypedParamListAddString(list, "tcp://127.0.0.1", VIR_MIGRATE_PARAM_URI);
    if (dname)
        virTypedParamListAddString(list, dname, VIR_MIGRATE_PARAM_DEST_NAME);
    if (xml)
        virTypedParamListAddString(list, xml, VIR_MIGRATE_PARAM_DEST_XML);
    if (virTypedParamListFetch(list, &params, &nparams) < 0)
        abort();

    if (flags & VIR_MIGRATE_PEER2PEER) {
        return virDomainMigrateToURI3(dom, "xen://far/system", params, nparams, flags);
    } else {
        g_autoptr(virDomain) ddom = virDomainMigrate3(dom, testHosts[TEST_DESTINATION].conn,
                                                      params, nparams, flags);

        return ddom ? 0 : -1;
    }
}


struct testMigrateData {
    const char *devices;
    testWay way;
    unsigned int flags;
    const char *dname;
    const char *xml; /* of the destination */
    bool paused; /* it is before */
    bool sleeps; /* it has suspended itself before */
    int suspends;
    bool early;
    bool keeps;
    bool restoreFails;
    bool floods;
    bool unpauseFails;
    bool destroyFails;
    bool resumeFails;
    bool lost;
    unsigned int refuses;
    bool fails;
    bool ends;
    bool old;
    bool untold;
    bool hook;
    bool imageUsed;
    bool unwritable; /* the destination's status file */
    testExpected expected;
};


static void
testSet(const struct testMigrateData *data)
{
    testXen.suspends = data->suspends;
    testXen.early = data->early;
    testXen.keeps = data->keeps;
    testXen.restoreFails = data->restoreFails;
    testXen.floods = data->floods;
    testXen.unpauseFails = data->unpauseFails;
    testXen.destroyFails = data->destroyFails;
    testXen.resumeFails = data->resumeFails;
    testXen.lost = data->lost;
    testXen.refuses = data->refuses;
    testXen.fails = data->fails;
    testXen.ends = data->ends;
    testXen.old = data->old;
    testXen.untold = data->untold;
    testXen.hook = data->hook;
    testXen.imageUsed = data->imageUsed;
}


/* Where a file cannot be made, as if the disk were full: root may write everywhere. */
static void
testSetWritable(bool writable)
{
    libxlDriverConfig *cfg = testHosts[TEST_DESTINATION].driver->config;
    static char *path;

    if (writable == !path)
        return;

    if (writable) {
        g_free(cfg->configDir);
        cfg->configDir = g_steal_pointer(&path);
    } else {
        path = cfg->configDir;
        cfg->configDir = g_strdup("/proc/none");
    }
}


/* As a guest does. */
static void
testSleep(void)
{
    virDomainObj *vm = testFind(&testHosts[TEST_SOURCE], "guest");

    virDomainObjSetState(vm, VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN);
    virDomainObjEndAPI(&vm);
    testHosts[TEST_SOURCE].suspended = true;
}


static int
testRun(const void *opaque)
{
    const struct testMigrateData *data = opaque;
    g_autoptr(virDomain) dom = testStart(data->devices ? data->devices : "");
    int ret;
    int rc;

    if (!dom || (data->paused && virDomainSuspend(dom) < 0))
        return -1;

    if (data->sleeps)
        testSleep();

    g_string_truncate(testHosts[TEST_SOURCE].log, 0);
    testSet(data);
    if (data->unwritable)
        testSetWritable(false);

    rc = testMigrate(dom, data->way | data->flags, data->dname, data->xml);
    testSetWritable(true);
    ret = testCheck(rc, &data->expected);

    if (rc == 0 && testXen.streamVersion != LIBXL_SAVE_VERSION) {
        VIR_TEST_VERBOSE("libxl was told of version %d", testXen.streamVersion);
        ret = -1;
    }

    if (testXen.status && data->way != TEST_TUNNEL && testXen.silence != 5 * 60 * 1000) {
        VIR_TEST_VERBOSE("the destination may be silent for %u ms", testXen.silence);
        ret = -1;
    }

    if (testXen.status && !strstr(testXen.status, "<migrating/>")) {
        VIR_TEST_VERBOSE("the status file is '%s'", testXen.status);
        ret = -1;
    }

    if (testXen.status && !data->paused && !data->sleeps &&
        !strstr(testXen.status, data->flags & VIR_MIGRATE_LIVE ? "state='running'"
                                                               : "state='paused' reason='migration'")) {
        VIR_TEST_VERBOSE("the status file is '%s'", testXen.status);
        ret = -1;
    }

    return ret;
}


#define TEST_RUNS "running/migrated"
#define TEST_GOES_ON "running/migration canceled defined"
#define TEST_STAYS "paused/migration defined"
#define TEST_NOT_SENT "internal error: Failed to send migration data to destination host"
#define TEST_NOT_RESTORED "internal error: libxenlight failed to restore domain 'guest'"
#define LIVE VIR_MIGRATE_LIVE

#define DO_TEST(title, ...) \
    do { \
        static const struct testMigrateData data = { __VA_ARGS__ }; \
        if (virTestRun("Migrate " title, testRun, &data) < 0) \
            ret = -1; \
    } while (0)


static int
testPlain(void)
{
    int ret = 0;

#define MIGRATED "destination", "shutoff/migrated defined", TEST_RUNS
#define DO_TEST_WAYS(title, ...) \
    do { \
        DO_TEST(title, .way = TEST_DIRECT, __VA_ARGS__); \
        DO_TEST(title " peer to peer", .way = TEST_P2P, __VA_ARGS__); \
        DO_TEST(title " through a tunnel", .way = TEST_TUNNEL, __VA_ARGS__); \
    } while (0)

    DO_TEST_WAYS("live", .flags = LIVE,
                 .expected = { MIGRATED, "suspend-live stop destroy ", "restore unpause " });
    DO_TEST_WAYS("suspended",
                 .expected = { MIGRATED, "suspend stop destroy ", "restore unpause " });
    DO_TEST_WAYS("what was paused", .flags = LIVE, .paused = true,
                 .expected = { "nowhere", "shutoff/migrated defined", "paused/user" });
    DO_TEST_WAYS("to be paused", .flags = LIVE | VIR_MIGRATE_PAUSED,
                 .expected = { "nowhere", "shutoff/migrated defined", "paused/user", NULL, "restore " });
    DO_TEST_WAYS("to be defined", .flags = LIVE | VIR_MIGRATE_PERSIST_DEST,
                 .expected = { "destination", "shutoff/migrated defined", TEST_RUNS " defined" });
    DO_TEST_WAYS("to be defined here only", .flags = LIVE | VIR_MIGRATE_UNDEFINE_SOURCE,
                 .expected = { "destination", "none", TEST_RUNS });
    DO_TEST_WAYS("under another name", .flags = LIVE, .dname = "there",
                 .expected = { "destination", "shutoff/migrated defined", TEST_RUNS " as there" });

    DO_TEST_WAYS("where libxl fails at once", .flags = LIVE, .early = true,
                 .expected = { "source", TEST_GOES_ON, "none", "suspend-live ", .error = TEST_NOT_SENT });
    DO_TEST_WAYS("where libxl fails at last", .flags = LIVE, .suspends = ERROR_FAIL,
                 .expected = { "source", TEST_GOES_ON, "none", "suspend-live stop pause resume unpause ",
                               .error = TEST_NOT_SENT });
    DO_TEST_WAYS("suspended, where libxl fails", .suspends = ERROR_FAIL,
                 .expected = { "source", TEST_GOES_ON, "none", "suspend stop pause resume unpause ",
                               .error = TEST_NOT_SENT });
    DO_TEST_WAYS("what was paused, where libxl fails", .flags = LIVE, .paused = true,
                 .suspends = ERROR_FAIL,
                 .expected = { "nowhere", "paused/user defined", "none", "suspend-live stop resume ",
                               .error = TEST_NOT_SENT });
    DO_TEST_WAYS("what has suspended itself, where libxl fails", .flags = LIVE, .sleeps = true,
                 .suspends = ERROR_FAIL,
                 .expected = { "nowhere", "pmsuspended/unknown defined", "none",
                               "suspend-live stop ", .error = TEST_NOT_SENT });
    DO_TEST_WAYS("where libxl cannot restore", .flags = LIVE, .restoreFails = true,
                 .expected = { "source", TEST_GOES_ON, "none", "suspend-live stop pause resume unpause ",
                               "restore ", TEST_NOT_RESTORED });
#define TEST_FLOOD .flags = LIVE, .restoreFails = true, .floods = true, \
    .expected = { "source", TEST_GOES_ON, "none", "suspend-live stop pause resume unpause ", \
                  "restore ", TEST_NOT_SENT }
    DO_TEST("where libxl cannot restore what is sent still", .way = TEST_DIRECT, TEST_FLOOD);
    DO_TEST("where libxl cannot restore what is sent still peer to peer", .way = TEST_P2P, TEST_FLOOD);
    DO_TEST_WAYS("what cannot be unpaused", .flags = LIVE | VIR_MIGRATE_PERSIST_DEST,
                 .unpauseFails = true,
                 .expected = { "source", TEST_GOES_ON, "none", "suspend-live stop pause resume unpause ",
                               "restore unpause destroy ", "operation failed: Failed to unpause domain" });
    DO_TEST_WAYS("what cannot be defined", .flags = LIVE | VIR_MIGRATE_PERSIST_DEST,
                 .unwritable = true,
                 .expected = { "source", TEST_GOES_ON, "none", "suspend-live stop pause resume unpause ",
                               "restore destroy ",
                               "cannot create config directory '/proc/none': No such file or directory" });
    DO_TEST_WAYS("what cannot be resumed", .flags = LIVE, .restoreFails = true,
                 .resumeFails = true,
                 .expected = { "nowhere", TEST_STAYS, "none", "suspend-live stop pause resume ",
                               "restore ", TEST_NOT_RESTORED });
    DO_TEST_WAYS("what cannot be destroyed", .flags = LIVE, .destroyFails = true,
                 .expected = { "destination", TEST_STAYS, TEST_RUNS });
#define TEST_LOST "operation failed: domain 'guest' stays suspended on this host, as nobody knows " \
        "whether it runs where it was migrated to: internal error: client socket is closed"
#define DO_TEST_LOST(title, ...) \
    do { \
        DO_TEST(title, .way = TEST_DIRECT, __VA_ARGS__, "internal error: client socket is closed" }); \
        DO_TEST(title " peer to peer", .way = TEST_P2P, __VA_ARGS__, TEST_LOST }); \
        DO_TEST(title " through a tunnel", .way = TEST_TUNNEL, __VA_ARGS__, TEST_LOST }); \
    } while (0)

    DO_TEST_LOST("where the answer is lost", .flags = LIVE, .lost = true,
                 .expected = { "destination", TEST_STAYS, TEST_RUNS, "suspend-live stop ",
                               "restore unpause ");
    DO_TEST("through a tunnel that a child has, too", .way = TEST_TUNNEL, .flags = LIVE, .keeps = true,
            .early = true,
            .expected = { "source", TEST_GOES_ON, "none", "suspend-live ", .error = TEST_NOT_SENT });
    DO_TEST("where the answer is lost that it has failed", .flags = LIVE, .lost = true,
            .unpauseFails = true,
            .expected = { "source", TEST_GOES_ON, "none", "suspend-live stop pause resume unpause ",
                          "restore unpause destroy ", "internal error: client socket is closed" });

    return ret;
}


static int
testSecondaries(void)
{
    int ret = 0;

#define ASKED "ask disk com "
#define SENT ASKED ASKED "suspend-live log disk com save disk com unlock disk hdc stop "
#define LOCKED "lock disk hdc "
#define CONTINUED LOCKED "continue disk com "
#define WENT_ON CONTINUED "pause resume unpause "
#define RESTORED "restore spawn disk=of-disk spawn com=of-com serve disk serve com "
#define THREE .devices = TEST_DEVICE_MODELS
#define LAN .devices = "<devicemodel name='main'/>" \
                       "<devicemodel name='lan'><interface mac='00:16:3e:00:00:01'/></devicemodel>" \
                       "<interface type='bridge'><mac address='00:16:3e:00:00:01'/>" \
                       "<source bridge='nowhere0'/><model type='e1000'/></interface>"

    DO_TEST_WAYS("secondaries", THREE, .flags = LIVE,
                 .expected = { MIGRATED, SENT "end disk com destroy ", RESTORED "unpause " });
    DO_TEST_WAYS("a primary", .devices = "<devicemodel name='main'/>", .flags = LIVE,
                 .expected = { MIGRATED, "suspend-live stop destroy ", "restore unpause " });
    DO_TEST_WAYS("one that does not answer", THREE, .flags = LIVE, .refuses = 1,
                 .expected = { "source", "running/booted defined", "none", ASKED, "",
                               "operation failed: device model 'com' does not answer" });
    DO_TEST_WAYS("one that does not answer any more", THREE, .flags = LIVE, .refuses = 2,
                 .expected = { "source", "running/booted defined", "none", ASKED ASKED,
                               .error = "operation failed: device model 'com' does not answer" });
    DO_TEST_WAYS("one that has ended", THREE, .flags = LIVE, .fails = true,
                 .expected = { "source", TEST_GOES_ON, "none",
                               ASKED ASKED "suspend-live log disk com save disk com " WENT_ON,
                               "end-of-stream ", "operation failed: device model 'disk' has ended" });
    DO_TEST_WAYS("secondaries, where libxl fails at last", THREE, .flags = LIVE,
                 .suspends = ERROR_FAIL,
                 .expected = { "source", TEST_GOES_ON, "none", SENT WENT_ON, .error = TEST_NOT_SENT });
    DO_TEST_WAYS("secondaries whose image another has by then", THREE, .flags = LIVE,
                 .suspends = ERROR_FAIL, .imageUsed = true,
                 .expected = { "nowhere", TEST_STAYS, "none", SENT LOCKED LOCKED,
                               .error = TEST_NOT_SENT });
    DO_TEST_WAYS("secondaries of what has suspended itself, where libxl fails", THREE, .flags = LIVE,
                 .sleeps = true, .suspends = ERROR_FAIL,
                 .expected = { "nowhere", "pmsuspended/unknown defined", "none", SENT CONTINUED,
                               .error = TEST_NOT_SENT });
    DO_TEST_WAYS("secondaries of what has suspended itself, where libxl cannot restore", THREE,
                 .flags = LIVE, .sleeps = true, .restoreFails = true,
                 .expected = { "nowhere", "pmsuspended/unknown defined", "none", SENT CONTINUED,
                               "restore ", .error = TEST_NOT_RESTORED });
    DO_TEST_WAYS("secondaries, where libxl cannot restore", THREE, .flags = LIVE,
                 .restoreFails = true,
                 .expected = { "source", TEST_GOES_ON, "none", NULL,
                               "restore ", .error = TEST_NOT_RESTORED });
    DO_TEST_WAYS("a state that is not loaded", THREE, .flags = LIVE, .ends = true,
                 .expected = { "source", TEST_GOES_ON, "none", SENT WENT_ON,
                               "restore spawn disk=of-disk spawn com=of-com pause end disk com destroy ",
                               "internal error: load of migration failed" });
    DO_TEST_WAYS("to an older emulator", THREE, .flags = LIVE, .old = true,
                 .expected = { "source", "running/booted defined", "none", ASKED, "",
                               "unsupported configuration: the emulator of device model 'disk' is QEMU 6.2, "
                               "and its state is of 7.2: expected that or a later one" });
    DO_TEST_WAYS("to an emulator that does not tell its version", THREE, .flags = LIVE, .untold = true,
                 .expected = { MIGRATED, SENT "end disk com destroy ", RESTORED "unpause " });
    DO_TEST_WAYS("to a host without the bridge", LAN, .flags = LIVE,
                 .expected = { "source", "running/booted defined", "none", "ask lan ", "",
                               "unsupported configuration: device model 'lan': bridge 'nowhere0' "
                               "does not exist on this host" });
    DO_TEST_WAYS("to a host where a script may make the bridge", LAN, .flags = LIVE, .hook = true,
                 .expected = { MIGRATED, "ask lan ask lan suspend-live log lan save lan stop end lan destroy ",
                               "restore spawn lan=of-lan serve lan unpause " });
    DO_TEST_WAYS("secondaries that cannot be unpaused", THREE, .flags = LIVE, .unpauseFails = true,
                 .expected = { "source", TEST_GOES_ON, "none", SENT WENT_ON,
                               RESTORED "unpause pause end disk com destroy ",
                               "operation failed: Failed to unpause domain" });
    DO_TEST_LOST("secondaries, where the answer is lost", THREE, .flags = LIVE, .lost = true,
                 .expected = { "destination", TEST_STAYS, TEST_RUNS, SENT, RESTORED "unpause ");

    return ret;
}


/* The steps that a client takes, one by one */

typedef enum {
    TEST_BEGIN,
    TEST_PREPARE,
    TEST_PERFORM,
    TEST_FINISH,
} testStep;

typedef struct _testSteps testSteps;
struct _testSteps {
    char *xml;
    char *cookie;
    int ncookie;
    char *uri;
    bool tells; /* the source is told of the answer to the prepare phase */
    char *answer;
    int nanswer;
};


static void
testStepsClear(testSteps *steps)
{
    g_free(steps->xml);
    g_free(steps->cookie);
    g_free(steps->uri);
    g_free(steps->answer);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(testSteps, testStepsClear);


static int
testTake(virDomainPtr dom,
         testStep step,
         testSteps *steps)
{
    virConnectPtr dconn = testHosts[TEST_DESTINATION].conn;
    g_autoptr(virTypedParamList) list = virTypedParamListNew();
    g_autoptr(virDomain) ddom = NULL;
    g_autofree char *uri = NULL;
    virTypedParameterPtr params;
    size_t nparams;
    int rc = -1;

    virResetLastError();
    virTypedParamListAddString(list, steps->uri ? steps->uri : "tcp://127.0.0.1",
                               VIR_MIGRATE_PARAM_URI);
    if (steps->xml)
        virTypedParamListAddString(list, steps->xml, VIR_MIGRATE_PARAM_DEST_XML);
    if (step == TEST_FINISH)
        virTypedParamListAddString(list, "guest", VIR_MIGRATE_PARAM_DEST_NAME);
    if (virTypedParamListFetch(list, &params, &nparams) < 0)
        abort();

    switch (step) {
    case TEST_BEGIN:
        steps->xml = libxlDomainMigrateBegin3Params(dom, NULL, 0, &steps->cookie, &steps->ncookie,
                                                    VIR_MIGRATE_LIVE);
        rc = steps->xml ? 0 : -1;
        break;

    case TEST_PREPARE:
        rc = libxlDomainMigratePrepare3Params(dconn, params, nparams, steps->cookie,
                                              steps->ncookie,
                                              steps->tells ? &steps->answer : NULL,
                                              steps->tells ? &steps->nanswer : NULL,
                                              &uri, VIR_MIGRATE_LIVE);
        g_free(steps->uri);
        steps->uri = g_steal_pointer(&uri);
        break;

    case TEST_PERFORM:
        rc = libxlDomainMigratePerform3Params(dom, NULL, params, nparams, steps->answer,
                                              steps->nanswer, NULL, NULL, VIR_MIGRATE_LIVE);
        break;

    case TEST_FINISH:
        ddom = libxlDomainMigrateFinish3Params(dconn, params, nparams, NULL, 0, NULL, NULL,
                                               VIR_MIGRATE_LIVE, false);
        rc = ddom ? 0 : -1;
        break;
    }

    return rc;
}


static int
testTakeUntil(virDomainPtr dom,
              testStep last,
              testSteps *steps)
{
    testStep step;

    for (step = TEST_BEGIN; step <= last; step++) {
        if (testTake(dom, step, steps) < 0)
            return -1;
    }

    return 0;
}


/* A client that is gone after a step. */
struct testGoneData {
    testStep last;
    bool tells;
    bool threadless; /* there is no thread at first */
    testExpected expected;
    testExpected resumed; /* by an administrator */
};


static void
testReconnect(testHost *host)
{
    virObjectUnref(host->conn);
    testConnect(host);
}


static bool
testRefuseOnce(void)
{
    testThreadsRefuse = NULL;
    return true;
}


/* Until the destination knows nothing of the domain. */
static void
testAwaitForgotten(void)
{
    gint64 end = g_get_real_time() + TEST_PATIENCE_US;
    virDomainObj *vm;

    while ((vm = testFindByUUID(&testHosts[TEST_DESTINATION])) && g_get_real_time() < end) {
        virDomainObjEndAPI(&vm);
        g_usleep(1000);
    }
    virDomainObjEndAPI(&vm);
}


static int
testGone(const void *opaque)
{
    const struct testGoneData *data = opaque;
    virDomainPtr dom = testStart("");
    g_autoptr(virDomain) again = NULL;
    g_auto(testSteps) steps = { .tells = data->tells };
    int rc;

    if (!dom || testTakeUntil(dom, data->last, &steps) < 0)
        return -1;

    virObjectUnref(dom);
    testReconnect(&testHosts[TEST_SOURCE]);
    if (data->threadless)
        testThreadsRefuse = testRefuseOnce;
    testReconnect(&testHosts[TEST_DESTINATION]);
    if (data->threadless)
        testAwaitForgotten();
    testThreadsJoin();
    virResetLastError();
    if (testCheck(0, &data->expected) < 0)
        return -1;

    if (!data->resumed.runs)
        return 0;

    /* neither is done to one that may run elsewhere */
    again = virDomainLookupByName(testHosts[TEST_SOURCE].conn, "guest");
    if (virDomainSave(again, "/nowhere") == 0 || testTake(again, TEST_BEGIN, &steps) == 0)
        return -1;

    virResetLastError();
    rc = virDomainResume(again);
    return testCheck(rc, &data->resumed);
}


/* What has not begun is not ended. */
static int
testOutOfStep(const void *opaque G_GNUC_UNUSED)
{
    static const testExpected source = {
        "source", "running/booted defined", "none", "", "",
        "Requested operation is not valid: domain 'guest' is not being migrated, or by another call",
    };
    static const testExpected destination = {
        "source", "running/booted defined", "shutoff/unknown defined", "", "",
        "operation failed: domain 'guest' is not being migrated to this host",
    };
    g_autoptr(virDomain) dom = testStart("");
    g_autoptr(virDomain) ddom = NULL;
    g_auto(testSteps) steps = { .uri = g_strdup("tcp://127.0.0.1:1") };
    int rc;

    if (!dom || testCheck(testTake(dom, TEST_PERFORM, &steps), &source) < 0)
        return -1;

    virResetLastError();
    rc = libxlDomainMigrateConfirm3Params(dom, NULL, 0, NULL, 0, VIR_MIGRATE_LIVE, false);
    if (testCheck(rc, &source) < 0 ||
        !(ddom = virDomainDefineXML(testHosts[TEST_DESTINATION].conn, TEST_XML(""))))
        return -1;

    return testCheck(testTake(dom, TEST_FINISH, &steps), &destination);
}


/* Until the destination has the domain, or cannot restore the one that is defined there, which
 * nobody tells before the last step. */
static void
testAwaitReceived(void)
{
    gint64 end = g_get_real_time() + TEST_PATIENCE_US;
    bool received = false;

    while (!received && g_get_real_time() < end) {
        virDomainObj *vm = testFind(&testHosts[TEST_DESTINATION], "guest");
        int reason;
        virDomainState state = virDomainObjGetState(vm, &reason);

        received = state == VIR_DOMAIN_RUNNING ||
                   (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_USER) ||
                   (testXen.restoreFails && !vm->newDef);
        virDomainObjEndAPI(&vm);
        g_usleep(1000);
    }
}


/* What does not run is not migrated, and has no status file afterwards. */
static int
testShutOff(const void *opaque)
{
    const testWay *way = opaque;
    static const testExpected expected = {
        "nowhere", "shutoff/destroyed defined", "none", "", "",
        "Requested operation is not valid: domain is not running",
    };
    g_autoptr(virDomain) dom = testStart("");
    g_autofree char *status = g_strdup_printf("%s/guest.xml",
                                              testHosts[TEST_SOURCE].driver->config->stateDir);
    int rc;

    if (!dom || virDomainDestroy(dom) < 0)
        return -1;

    g_string_truncate(testHosts[TEST_SOURCE].log, 0);
    rc = testMigrate(dom, *way | LIVE, NULL, NULL);
    if (testCheck(rc, &expected) < 0)
        return -1;

    if (virFileExists(status)) {
        VIR_TEST_VERBOSE("there is '%s'", status);
        return -1;
    }

    return 0;
}


/* A domain that could not be restored comes until the last step, and can be undefined. */
static int
testUndefineMeanwhile(const void *opaque G_GNUC_UNUSED)
{
    static const testExpected expected = {
        "nowhere", TEST_STAYS " busy", "none", NULL, "restore ",
        "internal error: libxenlight failed to restore domain 'guest'",
    };
    g_autoptr(virDomain) dom = testStart("");
    g_autoptr(virDomain) ddom = NULL;
    g_auto(testSteps) steps = { 0 };

    testXen.restoreFails = true;
    if (!dom ||
        !(ddom = virDomainDefineXML(testHosts[TEST_DESTINATION].conn, TEST_XML(""))) ||
        testTakeUntil(dom, TEST_PERFORM, &steps) < 0)
        return -1;

    testAwaitReceived();
    if (virDomainUndefine(ddom) < 0 ||
        testCheck(testTake(dom, TEST_FINISH, &steps), &expected) < 0)
        return -1;

    virResetLastError();
    return libxlDomainMigrateConfirm3Params(dom, NULL, 0, NULL, 0, VIR_MIGRATE_LIVE, true);
}


/* Only who has begun a migration takes the next step, and no other while one is taken. */

static virDomainPtr testSent;


static void
testConfirmMeanwhile(void)
{
    if (libxlDomainMigrateConfirm3Params(testSent, NULL, 0, NULL, 0, VIR_MIGRATE_LIVE, true) == 0)
        testLog(&testHosts[TEST_SOURCE], "confirmed ");

    virResetLastError();
}


static int
testOthersStep(const void *opaque)
{
    const testWay *way = opaque;
    static const testExpected other = {
        "source", "running/booted defined busy", "none", "", "",
        "Requested operation is not valid: domain 'guest' is not being migrated, or by another call",
    };
    static const testExpected meanwhile = {
        "destination", "shutoff/migrated defined", TEST_RUNS, "suspend-live stop destroy ", NULL, NULL,
    };
    g_autoptr(virDomain) dom = testStart("");
    g_autoptr(virConnect) conn = virGetConnect();
    g_autoptr(virDomain) same = NULL;
    g_auto(testSteps) steps = { 0 };
    int rc;

    if (!dom || testTake(dom, TEST_BEGIN, &steps) < 0)
        return -1;

    conn->driver = testHosts[TEST_SOURCE].conn->driver;
    conn->privateData = testHosts[TEST_SOURCE].driver;
    same = virGetDomain(conn, dom->name, dom->uuid, dom->id);
    rc = libxlDomainMigrateConfirm3Params(same, NULL, 0, NULL, 0, VIR_MIGRATE_LIVE, true);
    if (testCheck(rc, &other) < 0 ||
        libxlDomainMigrateConfirm3Params(dom, NULL, 0, NULL, 0, VIR_MIGRATE_LIVE, true) < 0)
        return -1;

    virResetLastError();
    g_string_truncate(testHosts[TEST_SOURCE].log, 0);
    testSent = dom;
    testXen.sending = testConfirmMeanwhile;
    rc = testMigrate(dom, *way | LIVE, NULL, NULL);
    return testCheck(rc, &meanwhile);
}


/* An administrator has run what was paused before its migration, and could not be resumed then. */
static int
testResumeLater(const void *opaque G_GNUC_UNUSED)
{
    static const testExpected stays = {
        "nowhere", TEST_STAYS, "none", "suspend-live stop resume ", "restore ", TEST_NOT_RESTORED,
    };
    static const testExpected resumed = {
        "source", TEST_GOES_ON, "none", "suspend-live stop resume resume unpause ", NULL, NULL,
    };
    g_autoptr(virDomain) dom = testStart("");
    int rc;

    if (!dom || virDomainSuspend(dom) < 0)
        return -1;

    g_string_truncate(testHosts[TEST_SOURCE].log, 0);
    testXen.restoreFails = testXen.resumeFails = true;
    rc = testMigrate(dom, VIR_MIGRATE_LIVE, NULL, NULL);
    if (testCheck(rc, &stays) < 0)
        return -1;

    virResetLastError();
    testXen.resumeFails = false;
    rc = virDomainResume(dom);
    return testCheck(rc, &resumed);
}


/* Keeps the event loop until the destination receives. */
static void
testKeepLoop(int timer,
             void *opaque)
{
    virEventRemoveTimeout(timer);
    g_atomic_int_set((gint *)opaque, 1);
    testAwaitAccepted();
}


/* The last step is taken before the destination has looked whether the source has connected. */
static int
testFast(const void *opaque G_GNUC_UNUSED)
{
    static const testExpected expected = {
        MIGRATED, "suspend-live stop destroy ", "restore unpause ", NULL,
    };
    g_autoptr(virDomain) dom = testStart("");
    g_auto(testSteps) steps = { 0 };
    gint kept = 0;

    if (!dom || testTakeUntil(dom, TEST_PREPARE, &steps) < 0 ||
        virEventAddTimeout(0, testKeepLoop, &kept, NULL) < 0)
        return -1;

    while (!g_atomic_int_get(&kept))
        g_usleep(1000);

    if (testTake(dom, TEST_PERFORM, &steps) < 0 ||
        testTake(dom, TEST_FINISH, &steps) < 0)
        return -1;

    return testCheck(libxlDomainMigrateConfirm3Params(dom, NULL, 0, NULL, 0, VIR_MIGRATE_LIVE,
                                                      false), &expected);
}


/* Whether nobody listens on a port of this host any more.  The event loop closes sockets when
 * it comes to that. */
static bool
testIsDeaf(unsigned int port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(port),
    };
    gint64 deadline = g_get_monotonic_time() + TEST_PATIENCE_US;

    while (g_get_monotonic_time() < deadline) {
        VIR_AUTOCLOSE fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
            return errno == ECONNREFUSED;
        g_usleep(1000);
    }

    return false;
}


/* Whoever connects first is the source, and nobody is once it is over. */
static int
testPort(const void *opaque G_GNUC_UNUSED)
{
    static const testExpected expected = {
        "source", "running/booted defined", "none", "", "",
        "operation failed: Migration failed. Domain is not running on destination host",
    };
    g_autoptr(virDomain) dom = testStart("");
    g_auto(testSteps) steps = { 0 };
    unsigned int port;
    int rc;

    if (!dom || testTakeUntil(dom, TEST_PREPARE, &steps) < 0 ||
        virStrToLong_ui(strrchr(steps.uri, ':') + 1, NULL, 10, &port) < 0)
        return -1;

    rc = testTake(dom, TEST_FINISH, &steps);
    if (libxlDomainMigrateConfirm3Params(dom, NULL, 0, NULL, 0, VIR_MIGRATE_LIVE, true) < 0 ||
        testCheck(rc, &expected) < 0)
        return -1;

    if (!testIsDeaf(port)) {
        VIR_TEST_VERBOSE("the host still listens");
        return -1;
    }

    return 0;
}


/* A domain that comes has its definition, though it has no id yet. */
static int
testDefineMeanwhile(const void *opaque G_GNUC_UNUSED)
{
    static const char *const other =
        "<domain type='xen'><name>guest</name><uuid>" TEST_UUID "</uuid>"
        "<description>other</description><memory unit='MiB'>8</memory>"
        "<os><type>hvm</type></os></domain>";
    static const testExpected expected = {
        "destination", "paused/migration defined busy", "running/migrated defined", NULL, NULL, NULL,
    };
    static const testExpected confirmed = {
        "destination", "shutoff/migrated defined", "running/migrated defined", NULL, NULL, NULL,
    };
    g_autoptr(virDomain) dom = testStart("");
    g_autoptr(virDomain) ddom = NULL;
    g_auto(testSteps) steps = { 0 };

    if (!dom || testTakeUntil(dom, TEST_PREPARE, &steps) < 0 ||
        !(ddom = virDomainDefineXML(testHosts[TEST_DESTINATION].conn, other)) ||
        testTake(dom, TEST_PERFORM, &steps) < 0 ||
        testCheck(testTake(dom, TEST_FINISH, &steps), &expected) < 0)
        return -1;

    return testCheck(libxlDomainMigrateConfirm3Params(dom, NULL, 0, NULL, 0, VIR_MIGRATE_LIVE,
                                                      false), &confirmed);
}


/* A daemon that was killed, and the next one */

struct testKilledData {
    testHostName host; /* whose daemon */
    testStep last; /* TEST_PREPARE: while libxl sends */
    testExpected expected;
};


static char *
testReadStatus(testHost *host)
{
    g_autofree char *path = g_strdup_printf("%s/guest.xml", host->driver->config->stateDir);
    char *status = NULL;

    if (virFileReadAllQuiet(path, TEST_MAX_FILE, &status) < 0)
        abort();

    return status;
}


/* The domain is as the status file says. */
static void
testTakeOver(testHost *host,
             const char *status)
{
    g_autofree char *path = g_strdup_printf("%s/guest.xml", host->driver->config->stateDir);
    virDomainObj *vm = testFind(host, "guest");

    libxlLoggerCloseFile(host->driver->config->logger, vm->def->id);
    virInhibitorRelease(host->driver->inhibitor);
    virDomainObjEndAPI(&vm);
    virObjectUnref(host->driver->domains);
    if (!(host->driver->domains = virDomainObjListNew()) ||
        virFileWriteStr(path, status, 0600) < 0 ||
        virDomainObjListLoadAllConfigs(host->driver->domains, host->driver->config->stateDir, NULL,
                                       true, host->driver->xmlopt, NULL, NULL) < 0 ||
        virDomainObjListLoadAllConfigs(host->driver->domains, host->driver->config->configDir,
                                       host->driver->config->autostartDir, false,
                                       host->driver->xmlopt, NULL, NULL) < 0)
        abort();

    g_string_truncate(host->log, 0);
    libxlReconnectDomains(host->driver);
}


static int
testKilled(const void *opaque)
{
    const struct testKilledData *data = opaque;
    testHost *host = &testHosts[data->host];
    g_autoptr(virDomain) dom = testStart("");
    g_autofree char *status = NULL;
    g_auto(testSteps) steps = { 0 };

    if (!dom)
        return -1;

    if (data->last == TEST_PREPARE) {
        testXen.suspends = ERROR_FAIL;
        testXen.resumeFails = true;
        if (testTakeUntil(dom, TEST_PREPARE, &steps) < 0 || testTake(dom, TEST_PERFORM, &steps) == 0)
            return -1;

        status = g_steal_pointer(&testXen.status);
        testXen.resumeFails = false;
        testHosts[TEST_SOURCE].npaused = 0;
        testReconnect(&testHosts[TEST_DESTINATION]);
        testThreadsJoin();
    } else {
        if (testTakeUntil(dom, data->last, &steps) < 0)
            return -1;

        testAwaitReceived();
        status = testReadStatus(host);
    }

    virResetLastError();
    testTakeOver(host, status);
    virResetLastError();
    return testCheck(0, &data->expected);
}


/* A guest that suspends when libxl has given up waiting for it goes on. */
static int
testLate(const void *opaque G_GNUC_UNUSED)
{
    static const testExpected early = {
        "source", TEST_GOES_ON, "none", "suspend-live ", NULL, TEST_NOT_SENT,
    };
    static const testExpected late = {
        "source", "running/save canceled defined", "none", "suspend-live pause resume unpause ", NULL, NULL,
    };
    g_autoptr(virDomain) dom = testStart("");
    libxl_event *event = g_new0(libxl_event, 1);
    gint64 end = g_get_real_time() + TEST_PATIENCE_US;
    int rc;

    if (!dom)
        return -1;

    testXen.early = true;
    testXen.suspends = ERROR_GUEST_TIMEDOUT;
    rc = testMigrate(dom, VIR_MIGRATE_LIVE, NULL, NULL);
    if (testCheck(rc, &early) < 0)
        return -1;

    virResetLastError();
    testHosts[TEST_SOURCE].suspended = true;
    event->type = LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN;
    event->domid = TEST_DOMID;
    event->u.domain_shutdown.shutdown_reason = LIBXL_SHUTDOWN_REASON_SUSPEND;
    libxlDomainEventHandler(testHosts[TEST_SOURCE].driver, event);
    while (g_atomic_int_get((gint *)&testXen.nfreed) == 0 && g_get_real_time() < end)
        g_usleep(1000);

    testThreadsJoin();
    return testCheck(0, &late);
}


static int
testSteppedMigrations(void)
{
    static const testWay direct = TEST_DIRECT;
    static const testWay p2p = TEST_P2P;
    int ret = 0;

#define DO_TEST_GONE(title, ...) \
    do { \
        static const struct testGoneData data = { __VA_ARGS__ }; \
        if (virTestRun("Client is gone " title, testGone, &data) < 0) \
            ret = -1; \
    } while (0)
#define DO_TEST_KILLED(title, ...) \
    do { \
        static const struct testKilledData data = { __VA_ARGS__ }; \
        if (virTestRun("Daemon is killed " title, testKilled, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST_GONE("when it has begun", .last = TEST_BEGIN,
                 .expected = { "source", "running/booted defined", "none", "", "" });
    DO_TEST_GONE("when the destination is prepared", .last = TEST_PREPARE,
                 .expected = { "source", "running/booted defined", "none", "", "" });
    DO_TEST_GONE("when the domain was sent", .last = TEST_PERFORM,
                 .expected = { "nowhere", TEST_STAYS, "none", "suspend-live stop ", NULL },
                 .resumed = { "source", TEST_GOES_ON, "none", "suspend-live stop pause resume unpause " });
    DO_TEST_GONE("when there is no thread", .last = TEST_PREPARE, .threadless = true,
                 .expected = { "source", "running/booted defined", "none", "", "" });
    DO_TEST_GONE("when the domain was sent, and the destination tells", .last = TEST_PERFORM,
                 .tells = true,
                 .expected = { "source", TEST_GOES_ON, "none", "suspend-live stop pause resume unpause ",
                               NULL });
    DO_TEST_GONE("when the domain runs, and the destination would tell", .last = TEST_FINISH,
                 .tells = true,
                 .expected = { "destination", TEST_STAYS, TEST_RUNS, "suspend-live stop ",
                               "restore unpause " });
    DO_TEST_GONE("when the domain runs", .last = TEST_FINISH,
                 .expected = { "destination", TEST_STAYS, TEST_RUNS, "suspend-live stop ",
                               "restore unpause " });

    DO_TEST_KILLED("on the source while it sends", .host = TEST_SOURCE, .last = TEST_PREPARE,
                   .expected = { "source", TEST_GOES_ON, "none", "pause resume unpause " });
    DO_TEST_KILLED("on the source when it has sent", .host = TEST_SOURCE, .last = TEST_PERFORM,
                   .expected = { "nowhere", TEST_STAYS, "paused/user busy", "" });
    DO_TEST_KILLED("on the source when the domain runs elsewhere", .host = TEST_SOURCE,
                   .last = TEST_FINISH,
                   .expected = { "destination", TEST_STAYS, TEST_RUNS, "" });
    DO_TEST_KILLED("on the destination when it has received", .host = TEST_DESTINATION,
                   .last = TEST_PERFORM,
                   .expected = { "nowhere", TEST_STAYS " busy", "none", NULL, "destroy " });
    DO_TEST_KILLED("on the destination when the domain runs", .host = TEST_DESTINATION,
                   .last = TEST_FINISH,
                   .expected = { "destination", TEST_STAYS " busy", "running/unknown", NULL, "" });

    if (virTestRun("Steps that were not begun", testOutOfStep, NULL) < 0)
        ret = -1;
    if (virTestRun("What is shut off", testShutOff, &direct) < 0)
        ret = -1;
    if (virTestRun("What is shut off peer to peer", testShutOff, &p2p) < 0)
        ret = -1;
    if (virTestRun("Undefined meanwhile", testUndefineMeanwhile, NULL) < 0)
        ret = -1;
    if (virTestRun("Steps of others", testOthersStep, &direct) < 0)
        ret = -1;
    if (virTestRun("Steps of others, peer to peer", testOthersStep, &p2p) < 0)
        ret = -1;
    if (virTestRun("Resume later", testResumeLater, NULL) < 0)
        ret = -1;
    if (virTestRun("Source that is fast", testFast, NULL) < 0)
        ret = -1;
    if (virTestRun("Source that does not connect", testPort, NULL) < 0)
        ret = -1;
    if (virTestRun("Definition that comes meanwhile", testDefineMeanwhile, NULL) < 0)
        ret = -1;
    if (virTestRun("Late suspension", testLate, NULL) < 0)
        ret = -1;

    return ret;
}


/* What ends a migration that is under way */

static void
testFail(void *opaque)
{
    virDomainObj *vm = testFind(&testHosts[TEST_SOURCE], "guest");
    libxlDomainObjPrivate *priv = vm->privateData;
    g_autoptr(libxlDeviceModel) dm = virObjectRef(priv->devicemodels[0]);

    virObjectLock(dm);
    dm->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    virObjectUnlock(dm);
    g_atomic_int_set((gint *)opaque, 1);

    libxlDeviceModelFail(testHosts[TEST_SOURCE].driver, vm, dm, "it was killed");
    virDomainObjEndAPI(&vm);
}


/* As the thread that has noticed it, which waits for the job. */
static void
testKillDisk(void)
{
    virThread thread;
    gint failed = 0;

    if (virThreadCreateFull(&thread, false, testFail, "fail", false, &failed) < 0)
        abort();

    /* the domain may be gone in a moment */
    while (!g_atomic_int_get(&failed))
        g_usleep(1000);
}


static void
testAbortJob(void)
{
    g_autoptr(virDomain) dom = virDomainLookupByName(testHosts[TEST_SOURCE].conn, "guest");

    if (virDomainAbortJob(dom) < 0)
        testLog(&testHosts[TEST_SOURCE], "not-aborted ");
}


struct testCutData {
    const char *devices;
    testWay way;
    unsigned int flags;
    void (*copying)(void);
    void (*sending)(void);
    testExpected expected;
};


static int
testCut(const void *opaque)
{
    const struct testCutData *data = opaque;
    g_autoptr(virDomain) dom = testStart(data->devices ? data->devices : "");
    int rc;

    if (!dom)
        return -1;

    testXen.copying = data->copying;
    testXen.sending = data->sending;
    rc = testMigrate(dom, data->way | data->flags, NULL, NULL);
    testThreadsJoin();
    return testCheck(rc, &data->expected);
}


/* Before it is sent, and when it was. */
static int
testAbortSteps(const void *opaque G_GNUC_UNUSED)
{
    static const testExpected none = {
        "source", "running/booted defined", "none", "", "",
        "Requested operation is not valid: domain 'guest' is not being migrated to another host, "
        "and no other job can be aborted",
    };
    static const testExpected aborted = {
        "source", "running/booted defined", "none", "", NULL,
        "operation aborted: the migration of domain 'guest' was aborted",
    };
    static const testExpected sent = {
        "nowhere", TEST_STAYS " busy", "paused/user busy", "suspend-live stop ", "restore ",
        "Requested operation is not valid: domain 'guest' was sent to another host, and may run "
        "there: its migration cannot be aborted",
    };
    g_autoptr(virDomain) dom = testStart("");
    g_auto(testSteps) steps = { 0 };
    g_auto(testSteps) again = { 0 };
    int rc;

    if (!dom || testCheck(virDomainAbortJob(dom), &none) < 0)
        return -1;

    virResetLastError();
    if (testTakeUntil(dom, TEST_PREPARE, &steps) < 0 || virDomainAbortJob(dom) < 0)
        return -1;

    rc = testTake(dom, TEST_PERFORM, &steps);
    testReconnect(&testHosts[TEST_DESTINATION]);
    testThreadsJoin();
    if (testCheck(rc, &aborted) < 0)
        return -1;

    virResetLastError();
    g_string_truncate(testHosts[TEST_DESTINATION].log, 0);
    if (testTakeUntil(dom, TEST_PERFORM, &again) < 0)
        return -1;

    testAwaitReceived();
    return testCheck(virDomainAbortJob(dom), &sent);
}


/* What could not be done while the guest was suspended. */
static int
testDue(const void *opaque G_GNUC_UNUSED)
{
    static const testExpected stays = {
        "nowhere", TEST_STAYS, "none", SENT, NULL, NULL,
    };
    static const testExpected resumed = {
        "source", TEST_GOES_ON, "none", SENT "continue com pause resume unpause restart disk ", NULL, NULL,
    };
    virDomainPtr dom = testStart(TEST_DEVICE_MODELS);
    g_autoptr(virDomain) again = NULL;
    g_auto(testSteps) steps = { 0 };
    int rc;

    if (!dom || testTakeUntil(dom, TEST_PERFORM, &steps) < 0)
        return -1;

    virObjectUnref(dom);
    testReconnect(&testHosts[TEST_SOURCE]);
    testReconnect(&testHosts[TEST_DESTINATION]);
    testThreadsJoin();
    testKillDisk();
    testThreadsJoin();
    virResetLastError();
    if (testCheck(0, &stays) < 0)
        return -1;

    again = virDomainLookupByName(testHosts[TEST_SOURCE].conn, "guest");
    rc = virDomainResume(again);
    testThreadsJoin();
    return testCheck(rc, &resumed);
}


static int
testDueAsleep(const void *opaque G_GNUC_UNUSED)
{
    static const testExpected woken = {
        "source", "running/wakeup defined", "none", "resume restart disk ", NULL, NULL,
    };
    g_autoptr(virDomain) dom = testStart(TEST_DEVICE_MODELS);
    int rc;

    if (!dom)
        return -1;

    testSleep();
    testKillDisk();
    testThreadsJoin();
    rc = virDomainPMWakeup(dom, 0);
    testThreadsJoin();
    return testCheck(rc, &woken);
}


static int
testCuts(void)
{
    int ret = 0;

#define DO_TEST_CUT(title, ...) \
    do { \
        static const struct testCutData data = { __VA_ARGS__ }; \
        if (virTestRun("Cut " title, testCut, &data) < 0) \
            ret = -1; \
    } while (0)
#define DO_TEST_CUTS(title, ...) \
    do { \
        DO_TEST_CUT(title, .way = TEST_DIRECT, .flags = LIVE, __VA_ARGS__); \
        DO_TEST_CUT(title " peer to peer", .way = TEST_P2P, .flags = LIVE, __VA_ARGS__); \
        DO_TEST_CUT(title " through a tunnel", .way = TEST_TUNNEL, .flags = LIVE, __VA_ARGS__); \
    } while (0)
#define CUT ASKED ASKED "suspend-live log disk com cut "

    DO_TEST_CUTS("by who aborts it", .copying = testAbortJob,
                 .expected = { "source", TEST_GOES_ON, "none", "suspend-live cut ", "end-of-stream ",
                               "operation aborted: the migration of domain 'guest' was aborted" });
    DO_TEST_CUTS("with secondaries, by who aborts it", THREE, .copying = testAbortJob,
                 .expected = { "source", TEST_GOES_ON, "none", CUT, "end-of-stream ",
                               "operation aborted: the migration of domain 'guest' was aborted" });
    DO_TEST_CUTS("by who aborts it when libxl has sent all", .sending = testAbortJob,
                 .expected = { "source", TEST_GOES_ON, "none", "suspend-live stop pause resume unpause ", NULL,
                               "operation aborted: the migration of domain 'guest' was aborted" });
    DO_TEST_CUTS("by a secondary that has failed", THREE, .copying = testKillDisk,
                 .expected = { "source", TEST_GOES_ON, "none", CUT "restart disk ", "end-of-stream ",
                               "operation failed: device model 'disk' of domain 'guest' failed: "
                               "it was killed" });
    DO_TEST_CUTS("not by a secondary that has failed when it was saved", THREE,
                 .sending = testKillDisk,
                 .expected = { MIGRATED, SENT "end disk com destroy ", RESTORED "unpause " });

    if (virTestRun("Abortion, step by step", testAbortSteps, NULL) < 0)
        ret = -1;
    if (virTestRun("Restart that is due when the guest goes on", testDue, NULL) < 0)
        ret = -1;
    if (virTestRun("Restart that is due when the guest wakes up", testDueAsleep, NULL) < 0)
        ret = -1;

    return ret;
}


/* The cookie */

static virDomainDef *
testParse(const char *devices)
{
    g_autofree char *xml = g_strdup_printf(TEST_XML("%s"), devices);

    return virDomainDefParseString(xml, testHosts[TEST_DESTINATION].driver->xmlopt, NULL,
                                   VIR_DOMAIN_DEF_PARSE_INACTIVE);
}


struct testCookieData {
    const char *devices; /* of the definition that comes with it */
    uint32_t version;
    const char *text; /* what it says of device models */
    const char *error;
};


static int
testCookie(const void *opaque)
{
    const struct testCookieData *data = opaque;
    g_autofree char *xml = g_strdup_printf("<libxl-migration>%s</libxl-migration>", data->text);
    g_autoptr(virDomainDef) def = testParse(data->devices ? data->devices : "");
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    int rc;

    if (!(doc = virXMLParseStringCtxt(xml, "cookie", &ctxt)))
        return -1;

    if ((rc = libxlDeviceModelsParseCookie(ctxt, data->version, &saved)) == 0)
        rc = libxlDeviceModelsCheckCookie(def, saved);

    return libxlDeviceModelTestOutcome(rc, NULL, data->error);
}


/* What is written is read, and a libvirt without device models refuses it by its version. */
static int
testCookieOfSource(const void *opaque)
{
    const bool *secondaries = opaque;
    static const char *const expected =
        "  <migration-stream-version>3</migration-stream-version>\n"
        "  <devicemodels>\n"
        "    <devicemodel name='disk' qemu='7.2.0' machine='xenfv-3.1-machine'/>\n"
        "    <devicemodel name='com' qemu='7.2.0' machine='xenfv-3.1-machine'/>\n"
        "  </devicemodels>\n"
        "</libxl-migration>\n";
    g_autoptr(virDomain) dom = testStart(*secondaries ? TEST_DEVICE_MODELS : "");
    g_auto(testSteps) steps = { 0 };
    int ret = -1;

    if (!dom || testTake(dom, TEST_BEGIN, &steps) < 0)
        return -1;

    if (strstr(steps.cookie, *secondaries ? expected :
               "  <migration-stream-version>2</migration-stream-version>\n</libxl-migration>\n"))
        ret = 0;
    else
        VIR_TEST_VERBOSE("the cookie is '%s'", steps.cookie);

    if (libxlDomainMigrateConfirm3Params(dom, NULL, 0, NULL, 0, VIR_MIGRATE_LIVE, true) < 0)
        ret = -1;

    return ret;
}


static int
testCookies(void)
{
    static const bool yes = true;
    static const bool no = false;
    int ret = 0;

#define COOKIE_OF(name, qemu, machine) \
    "<devicemodel name='" name "' qemu='" qemu "' machine='" machine "'/>"
#define COOKIE(content) "<devicemodels>" content "</devicemodels>"
#define COOKIE_DISK COOKIE_OF("disk", "7.2.0", "xenfv")
#define COOKIE_COM COOKIE_OF("com", "7.2.0", "xenfv")
#define UNUSABLE "operation failed: the migration cookie cannot be used: "
#define ELSEWHERE "Operation not supported: domain 'guest' " \
        "cannot be migrated to this host: the source "
#define DO_TEST_COOKIE(title, ...) \
    do { \
        static const struct testCookieData data = { __VA_ARGS__ }; \
        if (virTestRun("Cookie " title, testCookie, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST_COOKIE("without device models", .version = 2, .text = "");
    DO_TEST_COOKIE("with two", .devices = TEST_DEVICE_MODELS, .version = 3,
                   .text = COOKIE(COOKIE_DISK COOKIE_COM));
    DO_TEST_COOKIE("of a source that knows none", .devices = TEST_DEVICE_MODELS, .version = 2,
                   .text = "", .error = ELSEWHERE "does not send the state of its device model 'disk'");
    DO_TEST_COOKIE("with one too few", .devices = TEST_DEVICE_MODELS, .version = 3,
                   .text = COOKIE(COOKIE_DISK),
                   .error = ELSEWHERE "does not send the state of its device model 'com'");
    DO_TEST_COOKIE("with one too many", .version = 3, .text = COOKIE(COOKIE_DISK),
                   .error = ELSEWHERE "sends the state of device model 'disk', which its definition "
                   "does not have");
    DO_TEST_COOKIE("in another order", .devices = TEST_DEVICE_MODELS, .version = 3,
                   .text = COOKIE(COOKIE_COM COOKIE_DISK),
                   .error = ELSEWHERE "does not send the state of its device model 'disk'");
    DO_TEST_COOKIE("of the version of device models, without any", .version = 3, .text = COOKIE(""),
                   .error = UNUSABLE "the version of the stream is not that of what it says of device models");
    DO_TEST_COOKIE("with device models, of another version", .version = 2, .text = COOKIE(COOKIE_DISK),
                   .error = UNUSABLE "the version of the stream is not that of what it says of device models");
    DO_TEST_COOKIE("with too many", .version = 3,
                   .text = COOKIE(COOKIE_DISK COOKIE_DISK COOKIE_DISK COOKIE_DISK
                                  COOKIE_DISK COOKIE_DISK COOKIE_DISK COOKIE_DISK),
                   .error = UNUSABLE "it has more device models than a domain can have");
    DO_TEST_COOKIE("with a name", .version = 3, .text = COOKIE(COOKIE_OF("../a", "7.2.0", "xenfv")),
                   .error = UNUSABLE "a device model has a name that none can have");
    DO_TEST_COOKIE("without a name", .version = 3, .text = COOKIE("<devicemodel/>"),
                   .error = UNUSABLE "a device model has a name that none can have");
    DO_TEST_COOKIE("with a machine", .version = 3, .text = COOKIE(COOKIE_OF("disk", "7.2.0", "a b")),
                   .error = UNUSABLE "a device model has a machine that none can have");
    DO_TEST_COOKIE("with a version of two numbers", .version = 3,
                   .text = COOKIE(COOKIE_OF("disk", "7.2", "xenfv")),
                   .error = UNUSABLE "a device model has a version that no QEMU can have");
    DO_TEST_COOKIE("with a version and more", .version = 3,
                   .text = COOKIE(COOKIE_OF("disk", "7.2.0.1", "xenfv")),
                   .error = UNUSABLE "a device model has a version that no QEMU can have");
    DO_TEST_COOKIE("with a version with a sign", .version = 3,
                   .text = COOKIE(COOKIE_OF("disk", "7.+2.0", "xenfv")),
                   .error = UNUSABLE "a device model has a version that no QEMU can have");

    if (virTestRun("Cookie of a source with secondaries", testCookieOfSource, &yes) < 0)
        ret = -1;
    if (virTestRun("Cookie of a source without", testCookieOfSource, &no) < 0)
        ret = -1;

    return ret;
}


int
virHookPresent(int driverType)
{
    return testXen.hook && driverType == VIR_HOOK_DRIVER_LIBXL;
}


int
virHookCall(int driverType G_GNUC_UNUSED,
            const char *id G_GNUC_UNUSED,
            int op G_GNUC_UNUSED,
            int subop G_GNUC_UNUSED,
            const char *extra G_GNUC_UNUSED,
            const char *input G_GNUC_UNUSED,
            char **output G_GNUC_UNUSED)
{
    return 0;
}


/* The images of secondaries are another host's when they were sent, live or not, and not when they
 * were saved. */
static int
testImages(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomain) dom = testStart(TEST_DEVICE_MODELS);
    g_autofree char *path = g_strdup_printf("%s/image", testHosts[TEST_SOURCE].dir);
    bool saved;

    if (!dom || virDomainSave(dom, path) < 0)
        return -1;

    saved = testXen.live || strstr(testHosts[TEST_SOURCE].log->str, "unlock");
    virObjectUnref(dom);
    if (!(dom = testStart(TEST_DEVICE_MODELS)) || testMigrate(dom, 0, NULL, NULL) < 0)
        return -1;

    return !saved && testXen.live ? 0 : -1;
}


static int
testInitHost(testHost *host)
{
    host->log = g_string_new(NULL);
    if (!(host->driver = testDriverNew(&host->dir)) ||
        testDriverServe(host->driver, host->dir, NULL) < 0 ||
        g_mkdir_with_parents(host->driver->config->saveDir, 0700) < 0 ||
        !(host->driver->migrationPorts = virPortAllocatorRangeNew("migration",
                                                                  LIBXL_MIGRATION_PORT_MIN,
                                                                  LIBXL_MIGRATION_PORT_MAX)))
        return -1;

    testConnect(host);
    return 0;
}


static void
testFreeHost(testHost *host)
{
    virObjectUnref(host->conn);
    g_string_free(host->log, TRUE);
    virPortAllocatorRangeFree(host->driver->migrationPorts);
    virObjectUnref(host->driver->hostdevMgr);
    virLockManagerPluginUnref(host->driver->lockManager);
    testDriverFree(host->driver, host->dir);
}


static int
mymain(void)
{
    int ret = 0;

    /* as a daemon does */
    signal(SIGPIPE, SIG_IGN);

    if (testLoopStart() < 0 ||
        testInitHost(&testHosts[TEST_SOURCE]) < 0 ||
        testInitHost(&testHosts[TEST_DESTINATION]) < 0)
        return EXIT_FAILURE;

    libxl_driver = testHosts[TEST_SOURCE].driver;
    testPrimaryStart(testHosts[TEST_SOURCE].dir, testNoteStop);

    if (testPlain() < 0)
        ret = -1;
    if (testSteppedMigrations() < 0)
        ret = -1;
    if (testSecondaries() < 0)
        ret = -1;
    if (testCuts() < 0)
        ret = -1;
    if (testCookies() < 0)
        ret = -1;
    if (virTestRun("Images of secondaries", testImages, NULL) < 0)
        ret = -1;

    testForget();
    testPrimaryEnd();
    testThreadsJoin();
    testLoopStop();
    testFreeHost(&testHosts[TEST_SOURCE]);
    testFreeHost(&testHosts[TEST_DESTINATION]);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
