/*
 * libxldriverlifetest.c: what the driver does when several things happen to a
 * domain at a time
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Calls the driver as a client does, and as libxl does when a domain has ended,
 * while another call has the domain's job or while libxl creates the domain.
 * The driver's functions are static, so its source is a part of this test.
 *
 * Stands in for the calls of libxl that create, find and destroy domains, set their
 * memory and count the host's processors, for what looks at the images of a secondary, for
 * the updates of its devices, which unlock the domain, and for the wait for a job, which is
 * short.
 */

#include <config.h>

#include "libxl/libxl_driver.c" /* NOLINT(bugprone-suspicious-include) */

#include "testutils.h"
#include "libxl/libxl_devicemodel_ioreq.h"
#include "libxldevicemodeltestdriver.h"
#include "libxldevicemodeltestthreads.h"
#include "libxldevicemodeltestutils.h"

#define TEST_UUID "c7a5fdb2-cdaf-9455-926a-d65c16db1809"
#define TEST_DRIVE \
    "<disk type='file' device='cdrom'>" \
    "  <target dev='hdc' bus='ide'/>" \
    "</disk>"
#define TEST_XML_WITH(comment, devices) \
    "<domain type='xen'>" \
    "  <name>guest</name>" \
    "  <uuid>" TEST_UUID "</uuid>" \
    "  <description>" comment "</description>" \
    "  <memory unit='MiB'>8</memory>" \
    "  <os><type>hvm</type></os>" \
    "  <devices>" devices "</devices>" \
    "</domain>"
#define TEST_XML(comment) TEST_XML_WITH(comment, TEST_DRIVE)
#define TEST_DISK_XML \
    "<disk type='file' device='cdrom'>" \
    "  <source file='/images/other.iso'/>" \
    "  <target dev='hdc' bus='ide'/>" \
    "</disk>"
#define TEST_DEVICE_MODELS \
    "<emulator>/bin/true</emulator>" \
    "<devicemodel name='main'/>" \
    "<devicemodel name='disk'><capability name='ide'/></devicemodel>"
#define TEST_NET_XML "<interface type='bridge'><source bridge='lan'/></interface>"

/* Longer than the tests wait for anything that has to come. */
#define TEST_PATIENCE_MS (30 * 1000)
/* More than this test has at a time. */
#define TEST_MAX_FDS 1024
/* What is waited for a job, and for what must not come. */
#define TEST_WAIT_MS 200
/* What the host has. */
#define TEST_MAX_CPUS 4

static libxlDriverPrivate *driver;
static char *testDir; /* the driver's folders */
static virConnectPtr testConn;

/* A call that a client makes, from the thread that it is made in. */
typedef int (*testCall)(void);

/* What stands for an event of a domain's life. */
typedef struct _testEvent testEvent;
struct _testEvent {
    int type;
    int detail;
};

static struct {
    testCall creating; /* while libxl creates a domain */
    testCall looking; /* while the images of a secondary are looked at */
    testCall updating; /* while a secondary has a device updated or other media, or libxl
                        * sets memory */
    int rc; /* of that call */
    bool fails; /* to create a domain */
    int info; /* what libxl returns for a domain that is to be reconnected to */
    bool replaced; /* that, by another domain with its id */
    bool retrieveFails; /* what was stored with a domain */
    bool hostdevsFail; /* to be marked as used by a domain */
    bool destroyFails;
    unsigned int domid; /* of the last one */
    bool created; /* whether libxl was told to create one */
    virDomainObj *watched; /* whose states are noted */
    virDomainState starting; /* its state once it has an id */
    virDomainState ending; /* and before it has none any more */
    GString *events; /* of its life, in the order in which they are sent */
    unsigned int ndestroyed;
    unsigned int nstopped; /* clean-ups: calls of the hook script */
    bool hookFails;
    virMutex lock;
    virCond freed;
    unsigned int nfreed; /* events */
    unsigned int nreleased; /* guests that were held */
} testXen = {
    .lock = VIR_MUTEX_INITIALIZER,
    .freed = { .cond = PTHREAD_COND_INITIALIZER },
};

static struct {
    unsigned int ninhibited;
    unsigned int nallowed;
} testInhibitor;


int
libxl_domain_create_new(libxl_ctx *ctx G_GNUC_UNUSED,
                        libxl_domain_config *d_config G_GNUC_UNUSED,
                        uint32_t *domid,
                        const libxl_asyncop_how *ao_how G_GNUC_UNUSED,
                        const libxl_asyncprogress_how *aop_console_how G_GNUC_UNUSED)
{
    testXen.created = true;
    if (testXen.creating)
        testXen.rc = testXen.creating();

    if (testXen.fails)
        return ERROR_FAIL;

    *domid = ++testXen.domid;
    return 0;
}


/* libxl's own asks xc_physinfo(), whose stand-in in libvirt's libxlmock fills in nothing. */
int
libxl_get_max_cpus(libxl_ctx *ctx G_GNUC_UNUSED)
{
    return TEST_MAX_CPUS;
}


int
libxl_set_memory_target(libxl_ctx *ctx G_GNUC_UNUSED,
                        uint32_t domid G_GNUC_UNUSED,
                        int64_t target_memkb G_GNUC_UNUSED,
                        int relative G_GNUC_UNUSED,
                        int enforce G_GNUC_UNUSED)
{
    testXen.rc = testXen.updating();
    return 0;
}


int
libxl_device_nic_add(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid G_GNUC_UNUSED,
                     libxl_device_nic *nic G_GNUC_UNUSED,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    return 0;
}


bool
libxlDeviceModelsOwnDevice(const virDomainDef *def G_GNUC_UNUSED,
                           const virDomainDeviceDef *dev G_GNUC_UNUSED)
{
    return testXen.updating;
}


int
libxlDeviceModelsUpdateDevice(libxlDriverPrivate *drv G_GNUC_UNUSED,
                              virDomainObj *vm,
                              const virDomainDeviceDef *dev G_GNUC_UNUSED)
{
    virObjectUnlock(vm);
    testXen.rc = testXen.updating();
    virObjectLock(vm);
    return 0;
}


bool
libxlDeviceModelOwnsDisk(const virDomainDef *def G_GNUC_UNUSED,
                         const virDomainDiskDef *disk G_GNUC_UNUSED)
{
    return testXen.updating || testXen.looking;
}


int
libxlDeviceModelDiskCheck(const char *name,
                          const virDomainDiskDef *def)
{
    testXen.rc = testXen.looking();
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s' of '%s'", def->dst, name);
    return -1;
}


int
libxlDeviceModelsChangeMedia(virDomainObj *vm,
                             virDomainDiskDef *disk)
{
    virObjectUnlock(vm);
    testXen.rc = testXen.updating();
    virObjectLock(vm);
    virDomainDiskDefFree(disk);
    return 0;
}


int
libxl_domain_info(libxl_ctx *ctx G_GNUC_UNUSED,
                  libxl_dominfo *info,
                  uint32_t domid)
{
    if (testXen.info != 0)
        return testXen.info;

    libxl_dominfo_init(info);
    if (virUUIDParse(TEST_UUID, libxl_uuid_bytearray(&info->uuid)) < 0)
        abort();
    if (testXen.replaced)
        libxl_uuid_bytearray(&info->uuid)[0]++;
    info->domid = domid;
    return 0;
}


int
libxl_domain_destroy(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid G_GNUC_UNUSED,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testXen.ndestroyed++;
    return testXen.destroyFails ? ERROR_FAIL : 0;
}


int
(libxl_domain_unpause)(libxl_ctx *ctx G_GNUC_UNUSED,
                       uint32_t domid G_GNUC_UNUSED,
                       const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    return 0;
}


int
libxl_retrieve_domain_configuration(libxl_ctx *ctx G_GNUC_UNUSED,
                                    uint32_t domid G_GNUC_UNUSED,
                                    libxl_domain_config *d_config G_GNUC_UNUSED,
                                    const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    return testXen.retrieveFails ? ERROR_FAIL : 0;
}


/* Comes while the domain is locked, by who starts it. */
int
libxl_evenable_domain_death(libxl_ctx *ctx G_GNUC_UNUSED,
                            uint32_t domid G_GNUC_UNUSED,
                            libxl_ev_user user G_GNUC_UNUSED,
                            libxl_evgen_domain_death **evgen_out)
{
    if (testXen.watched)
        testXen.starting = virDomainObjGetState(testXen.watched, NULL);

    *evgen_out = NULL;
    return 0;
}


void
libxl_event_free(libxl_ctx *ctx G_GNUC_UNUSED,
                 libxl_event *event)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&testXen.lock);

    g_free(event);
    testXen.nfreed++;
    virCondSignal(&testXen.freed);
}


int
libxlDeviceModelIoreqRelease(const libxlDeviceModelIoreq *ioreq G_GNUC_UNUSED,
                             libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));
    testXen.nreleased++;
    return 0;
}


int
libxl_userdata_retrieve(libxl_ctx *ctx G_GNUC_UNUSED,
                        uint32_t domid G_GNUC_UNUSED,
                        const char *userdata_userid G_GNUC_UNUSED,
                        uint8_t **data_r G_GNUC_UNUSED,
                        int *datalen_r G_GNUC_UNUSED)
{
    return testXen.retrieveFails ? ERROR_FAIL : 0;
}


int
virHostdevUpdateActiveDomainDevices(virHostdevManager *mgr G_GNUC_UNUSED,
                                    const char *drv_name G_GNUC_UNUSED,
                                    virDomainDef *def G_GNUC_UNUSED,
                                    unsigned int flags G_GNUC_UNUSED)
{
    return testXen.hostdevsFail ? -1 : 0;
}


int
libxlDomainHookRun(libxlDriverPrivate *drv G_GNUC_UNUSED,
                   virDomainDef *def G_GNUC_UNUSED,
                   unsigned int def_fmtflags G_GNUC_UNUSED,
                   int hookop,
                   int hooksubop G_GNUC_UNUSED,
                   char **output G_GNUC_UNUSED)
{
    if (hookop == VIR_HOOK_LIBXL_OP_STOPPED) {
        testXen.nstopped++;
        if (testXen.watched)
            testXen.ending = virDomainObjGetState(testXen.watched, NULL);
    }

    return testXen.hookFails ? -1 : 0;
}


virObjectEvent *
virDomainEventLifecycleNewFromObj(virDomainObj *vm G_GNUC_UNUSED,
                                  int type,
                                  int detail)
{
    testEvent *event = g_new0(testEvent, 1);

    event->type = type;
    event->detail = detail;
    return (virObjectEvent *)event;
}


/* An event that was not made above is of no interest. */
void
virObjectEventStateQueue(virObjectEventState *state G_GNUC_UNUSED,
                         virObjectEvent *event)
{
    g_autofree testEvent *sent = (testEvent *)event;

    if (sent && testXen.watched)
        g_string_append_printf(testXen.events, "%d/%d ", sent->type, sent->detail);
}


/* Until @end, in terms of g_get_real_time.  Returns 0, or what errno would be. */
static int
testCondWait(virCond *c,
             virMutex *m,
             gint64 end)
{
    struct timespec ts = { .tv_sec = end / G_USEC_PER_SEC,
                           .tv_nsec = (end % G_USEC_PER_SEC) * 1000 };

    return pthread_cond_timedwait(&c->cond, &m->lock, &ts);
}


int
virCondWaitUntil(virCond *c,
                 virMutex *m,
                 unsigned long long whenms G_GNUC_UNUSED)
{
    if ((errno = testCondWait(c, m, g_get_real_time() + TEST_WAIT_MS * 1000)) != 0)
        return -1;

    return 0;
}


static void
testInhibit(bool inhibited,
            void *opaque G_GNUC_UNUSED)
{
    if (inhibited)
        testInhibitor.ninhibited++;
    else
        testInhibitor.nallowed++;
}


/* Calls of a client. */

static int
testDefine(void)
{
    g_autoptr(virDomain) dom = virDomainDefineXML(testConn, TEST_XML("second"));

    return dom ? 0 : -1;
}


/* As where the disk is full. */
static int
testDefineUnsaved(void)
{
    char *dir = driver->config->configDir;
    int rc;

    driver->config->configDir = (char *)"/dev/null/none";
    rc = testDefine();
    driver->config->configDir = dir;
    return rc;
}


/* Reloads the definitions of all domains, of which this one has been written by hand. */
static int
testReload(void)
{
    g_autoptr(virDomainDef) def = virDomainDefParseString(TEST_XML("second"), driver->xmlopt,
                                                          NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE);

    if (virDomainDefSave(def, driver->xmlopt, driver->config->configDir) < 0)
        abort();

    return libxlStateReload();
}


/* A definition without the drive that the domain has. */
static int
testDefineWithout(const char *xml)
{
    g_autoptr(virDomain) dom = virDomainDefineXML(testConn, xml);

    return dom ? 0 : -1;
}


static int
testDefineSecondWithout(void)
{
    return testDefineWithout(TEST_XML_WITH("second", ""));
}


static int
testCreate(void)
{
    g_autoptr(virDomain) dom = virDomainCreateXML(testConn, TEST_XML("created"), 0);

    return dom ? 0 : -1;
}


/* Prepares to migrate the domain to this host, which is named @host. */
static int
testPrepareOn(const char *host)
{
    g_autoptr(virTypedParamList) list = virTypedParamListNew();
    virTypedParameterPtr params;
    size_t nparams;
    g_autofree char *uri = NULL;

    virTypedParamListAddString(list, TEST_XML("migrated"), VIR_MIGRATE_PARAM_DEST_XML);
    virTypedParamListAddString(list, host, VIR_MIGRATE_PARAM_URI);
    if (virTypedParamListFetch(list, &params, &nparams) < 0)
        abort();

    return libxlDomainMigratePrepare3Params(testConn, params, nparams, NULL, 0, NULL, NULL,
                                            &uri, VIR_MIGRATE_LIVE);
}


static int
testPrepare(void)
{
    return testPrepareOn("tcp://127.0.0.1");
}


/* As a call would that does not look whether a domain runs. */
static int
testReplace(void)
{
    g_autoptr(virDomainDef) def = virDomainDefParseString(TEST_XML("replaced"), driver->xmlopt,
                                                          NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE);
    virDomainObj *vm = virDomainObjListAdd(driver->domains, &def, driver->xmlopt,
                                           VIR_DOMAIN_OBJ_LIST_ADD_LIVE, NULL);

    virDomainObjEndAPI(&vm);
    return 0;
}


static int
testUndefine(void)
{
    g_autoptr(virDomain) dom = virDomainLookupByName(testConn, "guest");

    return virDomainUndefine(dom);
}


static int
testNothing(void)
{
    return 0;
}


static int
testUpdate(unsigned int flags)
{
    g_autoptr(virDomain) dom = virDomainLookupByName(testConn, "guest");

    return virDomainUpdateDeviceFlags(dom, TEST_DISK_XML, flags);
}


/* Puts a medium into the drive, which the persistent definition does not have yet. */
static int
testAttach(unsigned int flags)
{
    g_autoptr(virDomain) dom = virDomainLookupByName(testConn, "guest");

    if (testDefineWithout(TEST_XML_WITH("first", "")) < 0)
        abort();

    return virDomainAttachDeviceFlags(dom, TEST_DISK_XML, flags);
}


static int
testSetMemory(unsigned int flags)
{
    g_autoptr(virDomain) dom = virDomainLookupByName(testConn, "guest");

    return virDomainSetMemoryFlags(dom, 4096, flags);
}


/* The domain with a reference and locked, as the driver finds it; NULL if it is
 * not listed. */
static virDomainObj *
testFind(void)
{
    return virDomainObjListFindByName(driver->domains, "guest");
}


/* A defined domain, and nothing that an earlier test left. */
static void
testReset(bool start)
{
    virDomainObj *vm = testFind();
    g_autoptr(virDomain) dom = NULL;

    if (vm) {
        vm->def->id = -1;
        virDomainObjListRemove(driver->domains, vm);
        virDomainObjEndAPI(&vm);
    }

    testXen.creating = testXen.updating = testXen.looking = NULL;
    testXen.watched = NULL;
    testXen.rc = 0;
    testXen.info = ERROR_DOMAIN_NOTFOUND;
    testXen.fails = testXen.hookFails = false;
    testXen.replaced = testXen.retrieveFails = testXen.hostdevsFail = false;
    testXen.destroyFails = false;

    if (!(dom = virDomainDefineXML(testConn, TEST_XML("first"))) ||
        (start && virDomainCreate(dom) < 0))
        abort();

    testXen.ndestroyed = testXen.nstopped = testXen.nfreed = 0;
    testXen.created = false;
}


/* The same domain, found, and with its job. */
static virDomainObj *
testHoldJob(bool start)
{
    virDomainObj *vm;

    testReset(start);
    vm = testFind();
    if (virDomainObjBeginJob(vm, VIR_JOB_MODIFY) < 0)
        abort();

    return vm;
}


struct testStartData {
    testCall creating; /* comes while libxl creates the domain */
    int rc; /* what it returns */
    bool transient; /* the domain is created, and was not defined before */
    bool fails; /* to create the domain */
    const char *live; /* whether it runs, as what */
    const char *config; /* whether it is defined, as what */
};


static int
testCheckDef(const char *what,
             const virDomainDef *def,
             const char *expected)
{
    const char *found = def ? def->description : NULL;

    if (STREQ_NULLABLE(found, expected))
        return 0;

    VIR_TEST_VERBOSE("%s definition is '%s', expected '%s'",
                     what, NULLSTR(found), NULLSTR(expected));
    return -1;
}


static int
testStart(const void *opaque)
{
    const struct testStartData *data = opaque;
    g_autoptr(virDomain) dom = NULL;
    virDomainObj *vm = NULL;
    virDomainDef *live = NULL;
    virDomainDef *config = NULL;
    int ret = 0;

    testReset(false);
    if (data->transient)
        testUndefine();

    testXen.creating = data->creating;
    testXen.fails = data->fails;
    if (data->transient) {
        testCreate();
    } else {
        dom = virDomainLookupByName(testConn, "guest");
        virDomainCreate(dom);
    }

    if ((vm = testFind())) {
        if (virDomainObjIsActive(vm))
            live = vm->def;
        if (vm->persistent)
            config = vm->newDef ? vm->newDef : vm->def;
    }

    if (testXen.rc != data->rc) {
        VIR_TEST_VERBOSE("the call returned %d, expected %d", testXen.rc, data->rc);
        ret = -1;
    }

    if (testCheckDef("live", live, data->live) < 0 ||
        testCheckDef("persistent", config, data->config) < 0)
        ret = -1;

    if (!data->live && !data->config && vm) {
        VIR_TEST_VERBOSE("the domain is listed");
        ret = -1;
    }

    virDomainObjEndAPI(&vm);
    return ret;
}


/* An image that a secondary cannot be given is found before libxl creates the domain, which
 * others can define meanwhile, by the call @opaque. */
static int
testImage(const void *opaque)
{
    g_autoptr(virDomain) dom = NULL;
    virDomainObj *vm;
    int ret = -1;

    testReset(false);
    if (!(dom = virDomainDefineXML(testConn, TEST_XML_WITH("first", TEST_DEVICE_MODELS TEST_DRIVE))))
        return -1;

    testXen.looking = (testCall)opaque;
    if (libxlDeviceModelTestOutcome(virDomainCreate(dom), NULL,
                                    "unsupported configuration: disk 'hdc' of 'disk'") < 0)
        return -1;

    vm = testFind();
    if (testXen.rc != 0 || testXen.created || testXen.nstopped != 1)
        VIR_TEST_VERBOSE("the call returned %d, the domain was %screated and cleaned up %u times",
                         testXen.rc, testXen.created ? "" : "not ", testXen.nstopped);
    else if (testCheckDef("persistent", vm->def, "second") == 0 && !vm->newDef &&
             vm->job->active == VIR_JOB_NONE)
        ret = 0;

    virDomainObjEndAPI(&vm);
    return ret;
}


/* A domain that is defined stays as it was when a migration to this host cannot be prepared,
 * and one that is not is not listed. */
static int
testPrepareFails(const void *opaque)
{
    const bool *isDefined = opaque;
    virDomainObj *vm;
    int ret = -1;
    int rc;

    testReset(false);
    if (!*isDefined)
        testUndefine();

    rc = testPrepareOn("tcp:///");
    vm = testFind();
    if (libxlDeviceModelTestOutcome(rc, NULL, "invalid argument: missing host in migration URI: "
                                    "tcp:///") < 0)
        VIR_TEST_VERBOSE("the migration was prepared, or failed otherwise");
    else if (!vm == *isDefined)
        VIR_TEST_VERBOSE("the domain is %slisted", vm ? "" : "not ");
    else if (!vm || (testCheckDef("persistent", vm->def, "first") == 0 && !vm->newDef &&
                     vm->job->active == VIR_JOB_NONE))
        ret = 0;

    virDomainObjEndAPI(&vm);
    return ret;
}


/* Runs a call of a client while the domain's job is held, until it waits for it. */

static gpointer
testThread(gpointer opaque)
{
    testCall call = opaque;

    return GINT_TO_POINTER(call());
}


static GThread *
testThreadStart(virDomainObj *vm,
                gpointer call)
{
    GThread *thread = g_thread_new("client", testThread, call);
    size_t i;

    for (i = 0; i < TEST_PATIENCE_MS && vm->job->jobsQueued < 2; i++) {
        virObjectUnlock(vm);
        g_usleep(1000);
        virObjectLock(vm);
    }

    return thread;
}


/* A domain whose job another call keeps stays defined as it was. */
static int
testStartBusy(const void *opaque)
{
    testCall call = opaque;
    virDomainObj *vm;
    int ret = -1;
    int rc;

    vm = testHoldJob(false);

    virObjectUnlock(vm);
    rc = call();
    virObjectLock(vm);
    virDomainObjEndJob(vm);
    if (libxlDeviceModelTestOutcome(rc, NULL, "Timed out during operation: cannot acquire state change lock") < 0)
        VIR_TEST_VERBOSE("the domain was started, or failed otherwise");
    else if (testCheckDef("persistent", vm->def, "first") == 0 && !vm->newDef)
        ret = 0;

    virDomainObjEndAPI(&vm);
    return ret;
}


/* A domain that another call has started while it was waited for its job is not
 * started again, and stays. */
static int
testStartTwice(const void *opaque)
{
    virDomainObj *vm;
    GThread *thread;
    int ret = -1;

    vm = testHoldJob(false);

    thread = testThreadStart(vm, (gpointer)opaque);
    vm->def->id = ++testXen.domid;
    testXen.fails = true; /* libxl has one of that name */
    virDomainObjEndJob(vm);
    virObjectUnlock(vm);

    if (GPOINTER_TO_INT(g_thread_join(thread)) == 0)
        VIR_TEST_VERBOSE("the domain was started twice");
    else if (testXen.nstopped != 0 || !virDomainObjIsActive(vm) || vm->removing)
        VIR_TEST_VERBOSE("the domain that runs was cleaned up, or is not listed");
    else
        ret = 0;

    virObjectUnref(vm);
    return ret;
}


/* One that is defined while a call waits for its job keeps what that call wants to start. */
static int
testStartOther(const void *opaque)
{
    testCall call = opaque;
    virDomainObj *vm;
    GThread *thread;
    int ret = -1;

    vm = testHoldJob(false);

    thread = testThreadStart(vm, testCreate);
    virObjectUnlock(vm);
    if (call() < 0)
        abort();

    virObjectLock(vm);
    virDomainObjEndJob(vm);
    virObjectUnlock(vm);
    if (GPOINTER_TO_INT(g_thread_join(thread)) != 0)
        VIR_TEST_VERBOSE("the domain was not started: %s", virGetLastErrorMessage());
    else if (testCheckDef("live", vm->def, "created") == 0 &&
             testCheckDef("persistent", vm->newDef, "second") == 0 && vm->starting == 0)
        ret = 0;

    virObjectUnref(vm);
    return ret;
}


/* Nothing is lost where a definition cannot be saved. */
static int
testUnsaved(const void *opaque)
{
    const bool *runs = opaque;
    virDomainObj *vm;
    int ret = -1;
    int rc;

    testReset(*runs);
    rc = testDefineUnsaved();
    vm = testFind();
    if (rc == 0 || !vm)
        VIR_TEST_VERBOSE("define returned %d, the domain is %slisted", rc, vm ? "" : "not ");
    else if (testCheckDef("current", vm->def, "first") == 0 &&
             (!vm->newDef || testCheckDef("persistent", vm->newDef, "first") == 0) &&
             virDomainObjIsActive(vm) == *runs && vm->persistent)
        ret = 0;

    virDomainObjEndAPI(&vm);
    if (ret < 0)
        return -1;

    testReset(false);
    testUndefine();
    testDefineUnsaved();
    if (!(vm = testFind()))
        return 0;

    VIR_TEST_VERBOSE("a domain that never was is listed");
    virDomainObjEndAPI(&vm);
    return -1;
}


/* Whether all threads for the ends of domains have ended. */
static bool
testWaitFreed(unsigned int nfreed,
              int ms)
{
    gint64 end = g_get_real_time() + ms * 1000LL;

    VIR_WITH_MUTEX_LOCK_GUARD(&testXen.lock) {
        while (testXen.nfreed < nfreed) {
            if (testCondWait(&testXen.freed, &testXen.lock, end) != 0)
                return false;
        }
    }

    testThreadsJoin();
    return true;
}


static void
testSendEnd(libxl_event_type type,
            unsigned int domid,
            libxl_shutdown_reason reason)
{
    libxl_event *event = g_new0(libxl_event, 1);

    event->type = type;
    event->domid = domid;
    if (type == LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN)
        event->u.domain_shutdown.shutdown_reason = reason;
    libxlDomainEventHandler(driver, event);
}


struct testEndData {
    libxl_event_type type;
    int held; /* for how long another call has the job */
    int id; /* of the domain when that ends; 0: as before */
    bool active; /* whether it is active after that */
    unsigned int nstopped;
};


/* What the end of a domain leads to while another call has the domain's job. */
static int
testEnd(const void *opaque)
{
    const struct testEndData *data = opaque;
    virDomainObj *vm;
    int ret = 0;

    vm = testHoldJob(true);

    testSendEnd(data->type, vm->def->id, LIBXL_SHUTDOWN_REASON_POWEROFF);
    virObjectUnlock(vm);
    if (testWaitFreed(1, data->held)) {
        VIR_TEST_VERBOSE("the event was given up while another call had the job");
        ret = -1;
    }

    virObjectLock(vm);
    if (data->id != 0)
        vm->def->id = data->id;
    virDomainObjEndJob(vm);
    virObjectUnlock(vm);

    if (!testWaitFreed(1, TEST_PATIENCE_MS)) {
        VIR_TEST_VERBOSE("the event was not handled");
        ret = -1;
    }

    virObjectLock(vm);
    if (virDomainObjIsActive(vm) != data->active || testXen.nstopped != data->nstopped) {
        VIR_TEST_VERBOSE("the domain's id is %d, it was cleaned up %u times, expected %u",
                         vm->def->id, testXen.nstopped, data->nstopped);
        ret = -1;
    }

    virDomainObjEndAPI(&vm);
    return ret;
}


/* A domain that has ended twice, for whatever reason, is cleaned up once. */
static int
testEndTwice(const void *opaque G_GNUC_UNUSED)
{
    virDomainObj *vm;
    unsigned int domid;
    int ret = 0;

    testReset(true);
    vm = testFind();
    domid = vm->def->id;
    if (virDomainObjBeginJob(vm, VIR_JOB_MODIFY) < 0)
        abort();

    testSendEnd(LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN, domid, LIBXL_SHUTDOWN_REASON_POWEROFF);
    testSendEnd(LIBXL_EVENT_TYPE_DOMAIN_DEATH, domid, LIBXL_SHUTDOWN_REASON_POWEROFF);
    virDomainObjEndJob(vm);
    virObjectUnlock(vm);

    if (!testWaitFreed(2, TEST_PATIENCE_MS) || testXen.nstopped != 1) {
        VIR_TEST_VERBOSE("the domain was cleaned up %u times", testXen.nstopped);
        ret = -1;
    }

    virObjectUnref(vm);
    return ret;
}


struct testStateData {
    libxl_event_type type;
    libxl_shutdown_reason reason;
    virDomainLifecycleAction action;
    bool retrieveFails; /* what a soft reset needs */
    virDomainState ending; /* while it is cleaned up; 0 where it is not */
    virDomainState starting; /* from when it has another id; 0 where it is not started again */
    virDomainState state; /* in the end */
    int why;
    const char *events;
};


/* A domain is shut off when it has no id any more, unless it is preserved, and clients hear of
 * it before they hear of what comes next. */
static int
testState(const void *opaque)
{
    const struct testStateData *data = opaque;
    virDomainObj *vm;
    virDomainState state;
    int why;
    int ret = -1;

    testReset(true);
    vm = testFind();
    vm->def->onPoweroff = vm->def->onReboot = vm->def->onCrash = data->action;
    testXen.watched = vm;
    testXen.retrieveFails = data->retrieveFails;
    testXen.starting = testXen.ending = VIR_DOMAIN_NOSTATE;
    g_string_truncate(testXen.events, 0);
    testSendEnd(data->type, vm->def->id, data->reason);
    virObjectUnlock(vm);
    if (!testWaitFreed(1, TEST_PATIENCE_MS))
        abort();

    virObjectLock(vm);
    testXen.watched = NULL;
    state = virDomainObjGetState(vm, &why);
    if (testXen.ending != data->ending || testXen.starting != data->starting ||
        state != data->state || why != data->why)
        VIR_TEST_VERBOSE("ended in state %d, started in %d, is in %d because of %d",
                         testXen.ending, testXen.starting, state, why);
    else
        ret = virTestCompareToString(data->events, testXen.events->str);

    virDomainObjEndAPI(&vm);
    return ret;
}


/* Another call's changes to the persistent definition are not lost: the copy is
 * made, and written, in a job. */
static int
testUpdateInJob(const void *opaque G_GNUC_UNUSED)
{
    virDomainObj *vm;
    int ret = -1;

    vm = testHoldJob(false);
    virObjectUnlock(vm);

    if (testUpdate(VIR_DOMAIN_AFFECT_CONFIG) == 0)
        VIR_TEST_VERBOSE("a device was updated while another call had the job");
    else if (virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT)
        ret = 0;

    virObjectLock(vm);
    virDomainObjEndJob(vm);
    virObjectUnlock(vm);

    if (testUpdate(VIR_DOMAIN_AFFECT_CONFIG) < 0 || vm->job->active != VIR_JOB_NONE) {
        VIR_TEST_VERBOSE("a device was not updated, or the job not ended");
        ret = -1;
    }

    virObjectUnref(vm);
    return ret;
}


struct testUpdateData {
    int (*update)(unsigned int flags);
    const char *updated; /* what the persistent definition has then */
    testCall updating; /* comes while the live part is done */
    const char *config; /* whether it is defined, as what */
    const char *error;
};


/* Whether the domain's persistent definition is as expected, with what was updated, as in
 * its file; or there is none. */
static int
testCheckConfig(virDomainObj *vm,
                const struct testUpdateData *data)
{
    g_autofree char *path = g_strdup_printf("%s/guest.xml", driver->config->configDir);
    g_autofree char *file = NULL;
    g_autofree char *xml = NULL;
    virDomainDef *config = NULL;

    if (vm->persistent)
        config = vm->newDef ? vm->newDef : vm->def;

    if (testCheckDef("persistent", config, data->config) < 0)
        return -1;

    if (virFileReadAllQuiet(path, 1024 * 1024, &file) < 0)
        file = g_strdup("");
    xml = config ? virDomainDefFormat(config, driver->xmlopt, VIR_DOMAIN_DEF_FORMAT_INACTIVE)
                 : g_strdup("");

    if (config ? strstr(file, data->config) && strstr(file, data->updated) &&
                 strstr(xml, data->updated)
               : file[0] == '\0')
        return 0;

    VIR_TEST_VERBOSE("the persistent definition is '%s', its file '%s'", xml, file);
    return -1;
}


/* To define or undefine a domain takes no job, so that both come while the live part of
 * an update has the domain unlocked. */
static int
testUpdateMeanwhile(const void *opaque)
{
    const struct testUpdateData *data = opaque;
    virDomainObj *vm;
    int ret = 0;
    int rc;

    testReset(true);
    testXen.updating = data->updating;
    rc = data->update(VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG);

    vm = testFind();
    if (testXen.rc != 0 || testCheckConfig(vm, data) < 0 ||
        vm->job->active != VIR_JOB_NONE ||
        libxlDeviceModelTestOutcome(rc, NULL, data->error) < 0)
        ret = -1;

    virDomainObjEndAPI(&vm);
    return ret;
}


/* An interface without MAC address gets one, the same in both definitions. */
static int
testAttachNet(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomain) dom = NULL;
    virDomainObj *vm;
    int ret = -1;

    testReset(true);
    dom = virDomainLookupByName(testConn, "guest");
    if (virDomainAttachDeviceFlags(dom, TEST_NET_XML,
                                   VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG) < 0)
        return -1;

    vm = testFind();
    if (vm->def->nnets == 1 && vm->newDef->nnets == 1 &&
        virMacAddrCmp(&vm->def->nets[0]->mac, &vm->newDef->nets[0]->mac) == 0)
        ret = 0;
    else
        VIR_TEST_VERBOSE("the interfaces of both definitions differ");

    virDomainObjEndAPI(&vm);
    return ret;
}


/* The persistent definition may have fewer than the domain that runs. */
static int
testSetVcpus(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomain) dom = NULL;
    virDomainObj *vm;
    int ret = -1;
    int rc;

    testReset(true);
    vm = testFind();
    if (virDomainDefSetVcpusMax(vm->def, 2, driver->xmlopt) < 0)
        abort();
    virObjectUnlock(vm);

    dom = virDomainLookupByName(testConn, "guest");
    rc = virDomainSetVcpusFlags(dom, 2, VIR_DOMAIN_AFFECT_CONFIG);

    virObjectLock(vm);
    if (vm->job->active != VIR_JOB_NONE)
        VIR_TEST_VERBOSE("the job was not ended");
    else
        ret = libxlDeviceModelTestOutcome(rc, NULL, "unsupported configuration: maximum vCPU count "
                                          "must not be less than current vCPU count");

    virDomainObjEndAPI(&vm);
    return ret;
}


static void
testAddSerial(virDomainDef *def,
              virDomainChrType type,
              const char *alias)
{
    virDomainChrDef *chr = virDomainChrDefNew(driver->xmlopt);

    chr->deviceType = VIR_DOMAIN_CHR_DEVICE_TYPE_SERIAL;
    chr->source->type = type;
    chr->info.alias = g_strdup(alias);
    VIR_APPEND_ELEMENT(def->serials, def->nserials, chr);
}


struct testConsoleData {
    const char *alias; /* of the port that is looked for */
    const char *error;
};


/* A port without alias, as all are whose terminal libxl did not tell, is passed by
 * when another is looked for. */
static int
testConsole(const void *opaque)
{
    const struct testConsoleData *data = opaque;
    g_autoptr(virDomain) dom = NULL;
    virStreamPtr stream = virStreamNew(testConn, 0);
    virDomainObj *vm;
    int rc;

    testReset(true);
    vm = testFind();
    testAddSerial(vm->def, VIR_DOMAIN_CHR_TYPE_FILE, NULL);
    testAddSerial(vm->def, VIR_DOMAIN_CHR_TYPE_NULL, "serial1");
    virDomainObjEndAPI(&vm);

    dom = virDomainLookupByName(testConn, "guest");
    rc = virDomainOpenConsole(dom, data->alias, stream, 0);
    virObjectUnref(stream);
    return libxlDeviceModelTestOutcome(rc, NULL, data->error);
}


/* libxl closes nothing before it executes an emulator, which is not to write to the logs
 * of the driver and of other domains. */
static int
testLogs(const void *opaque G_GNUC_UNUSED)
{
    unsigned int nlogs = 0;
    unsigned int ninherited = 0;
    int fd;

    testReset(true);
    for (fd = 0; fd < TEST_MAX_FDS; fd++) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
        g_autofree char *path = g_file_read_link(link, NULL);

        if (path && virStringHasSuffix(path, ".log")) {
            nlogs++;
            if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
                ninherited++;
        }
    }

    /* the driver's and the domain's, and those of domains of other tests */
    if (nlogs >= 2 && ninherited == 0)
        return 0;

    VIR_TEST_VERBOSE("%u logs, a program inherits %u", nlogs, ninherited);
    return -1;
}


struct testReconnectData {
    int info;
    bool replaced;
    bool retrieveFails;
    bool hostdevsFail;
    bool hookFails;
    bool destroyFails;
    unsigned int ndestroyed;
    bool listed; /* as active, and was not cleaned up */
};


static int
testReconnectOne(const struct testReconnectData *data)
{
    virDomainObj *vm;
    int ret = 0;

    testReset(true);
    vm = testFind();
    vm->persistent = false;
    /* a daemon that starts has counted nothing, and writes no logs */
    virInhibitorRelease(driver->inhibitor);
    libxlLoggerCloseFile(driver->config->logger, vm->def->id);
    virDomainObjEndAPI(&vm);
    testXen.info = data->info;
    testXen.replaced = data->replaced;
    testXen.retrieveFails = data->retrieveFails;
    testXen.hostdevsFail = data->hostdevsFail;
    testXen.hookFails = data->hookFails;
    testXen.destroyFails = data->destroyFails;

    libxlReconnectDomains(driver);

    if (testXen.ndestroyed != data->ndestroyed) {
        VIR_TEST_VERBOSE("destroyed %u domains, expected %u",
                         testXen.ndestroyed, data->ndestroyed);
        ret = -1;
    }

    vm = testFind();
    if (!vm == data->listed) {
        VIR_TEST_VERBOSE("the domain is %slisted", vm ? "" : "not ");
        ret = -1;
    }

    if (vm && (!virDomainObjIsActive(vm) || testXen.nstopped > 0)) {
        VIR_TEST_VERBOSE("the domain was cleaned up %u times", testXen.nstopped);
        ret = -1;
    }

    virDomainObjEndAPI(&vm);
    return ret;
}


static int
testReconnect(const void *opaque)
{
    return testReconnectOne(opaque);
}


static void
testDestroy(void)
{
    g_autoptr(virDomain) dom = virDomainLookupByName(testConn, "guest");

    if (virDomainDestroy(dom) < 0)
        abort();
}


/* The daemon is kept from ending while a domain runs, whatever failed before. */
static int
testInhibited(const void *opaque)
{
    const struct testReconnectData *data = opaque;
    unsigned int ninhibited;
    size_t i;
    int ret = 0;

    if (data) {
        if (testReconnectOne(data) < 0)
            return -1;
    } else {
        g_autoptr(virDomain) dom = NULL;

        testReset(false);
        dom = virDomainLookupByName(testConn, "guest");
        testXen.fails = true;
        for (i = 0; i < 2; i++) {
            if (virDomainCreate(dom) == 0)
                return -1;
        }
    }

    if (testInhibitor.ninhibited != testInhibitor.nallowed) {
        VIR_TEST_VERBOSE("the daemon cannot end without domains");
        ret = -1;
    }

    ninhibited = testInhibitor.ninhibited;
    testReset(true);
    if (testInhibitor.ninhibited != ninhibited + 1 ||
        testInhibitor.nallowed != ninhibited) {
        VIR_TEST_VERBOSE("the daemon can end while a domain runs");
        ret = -1;
    }

    testDestroy();
    if (testInhibitor.nallowed != testInhibitor.ninhibited) {
        VIR_TEST_VERBOSE("the daemon cannot end after the domain");
        ret = -1;
    }

    return ret;
}


static int
testStarts(void)
{
    static const bool yes = true;
    static const bool no = false;
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testStartData data = { __VA_ARGS__ }; \
        if (virTestRun("while it is created, " title, testStart, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("nothing", .live = "first", .config = "first");
    DO_TEST("define", .creating = testDefine, .live = "first", .config = "second");
    DO_TEST("define, and fail", .creating = testDefine, .fails = true, .config = "second");
    DO_TEST("undefine", .creating = testUndefine, .live = "first");
    DO_TEST("undefine, and fail", .creating = testUndefine, .fails = true);
    DO_TEST("create", .creating = testCreate, .rc = -1, .live = "first", .config = "first");
    DO_TEST("create, and fail", .creating = testCreate, .rc = -1, .fails = true,
            .config = "first");
    DO_TEST("migrate", .creating = testPrepare, .rc = -1, .live = "first", .config = "first");
    DO_TEST("migrate, and fail", .creating = testPrepare, .rc = -1, .fails = true,
            .config = "first");
    DO_TEST("replace its definition", .creating = testReplace, .live = "first",
            .config = "replaced");
    DO_TEST("reload", .creating = testReload, .live = "first", .config = "second");
    DO_TEST("reload, and fail", .creating = testReload, .fails = true, .config = "second");
    DO_TEST("define, which cannot be saved", .creating = testDefineUnsaved, .rc = -1,
            .live = "first", .config = "first");
    DO_TEST("define a transient one, which cannot be saved", .creating = testDefineUnsaved,
            .rc = -1, .transient = true, .live = "created");
    DO_TEST("define a transient one", .creating = testDefine, .transient = true,
            .live = "created", .config = "second");
    DO_TEST("define a transient one, and fail", .creating = testDefine, .transient = true,
            .fails = true, .config = "second");

#undef DO_TEST

    if (virTestRun("an image cannot be had, define", testImage, testDefine) < 0)
        ret = -1;
    if (virTestRun("an image cannot be had, reload", testImage, testReload) < 0)
        ret = -1;
    if (virTestRun("define, which cannot be saved", testUnsaved, &no) < 0)
        ret = -1;
    if (virTestRun("define one that runs, which cannot be saved", testUnsaved, &yes) < 0)
        ret = -1;
    if (virTestRun("created while another call defines it", testStartOther, testDefine) < 0)
        ret = -1;
    if (virTestRun("created while another call reloads it", testStartOther, testReload) < 0)
        ret = -1;
    if (virTestRun("created while another call starts it", testStartTwice, testCreate) < 0)
        ret = -1;
    if (virTestRun("created while another call keeps it", testStartBusy, testCreate) < 0)
        ret = -1;
    if (virTestRun("migrated while another call keeps it", testStartBusy, testPrepare) < 0)
        ret = -1;
    if (virTestRun("migration to a defined domain cannot be prepared", testPrepareFails, &yes) < 0)
        ret = -1;
    if (virTestRun("migration to a new domain cannot be prepared", testPrepareFails, &no) < 0)
        ret = -1;
    if (virTestRun("migrated while another call starts it", testStartTwice, testPrepare) < 0)
        ret = -1;

    return ret;
}


static int
testEnds(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testEndData data = { __VA_ARGS__ }; \
        if (virTestRun(title, testEnd, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("shutdown during a job", .type = LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN,
            .held = TEST_WAIT_MS / 2, .nstopped = 1);
    DO_TEST("death during a job", .type = LIBXL_EVENT_TYPE_DOMAIN_DEATH,
            .held = TEST_WAIT_MS / 2, .nstopped = 1);
    DO_TEST("shutdown during a long job", .type = LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN,
            .held = TEST_WAIT_MS * 4, .nstopped = 1);
    DO_TEST("death during a long job", .type = LIBXL_EVENT_TYPE_DOMAIN_DEATH,
            .held = TEST_WAIT_MS * 4, .nstopped = 1);
    DO_TEST("shutdown of a domain that was started again",
            .type = LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN, .held = TEST_WAIT_MS / 2,
            .id = 1000, .active = true);
    DO_TEST("death of a domain that was started again",
            .type = LIBXL_EVENT_TYPE_DOMAIN_DEATH, .held = TEST_WAIT_MS / 2,
            .id = 1000, .active = true);
    DO_TEST("shutdown of a domain that was destroyed",
            .type = LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN, .held = TEST_WAIT_MS / 2, .id = -1);
    DO_TEST("death of a domain that was destroyed",
            .type = LIBXL_EVENT_TYPE_DOMAIN_DEATH, .held = TEST_WAIT_MS / 2, .id = -1);

#undef DO_TEST

    if (virTestRun("shutdown and death", testEndTwice, NULL) < 0)
        ret = -1;

#define DO_TEST(title, ...) \
    do { \
        static const struct testStateData data = { __VA_ARGS__ }; \
        if (virTestRun("state: " title, testState, &data) < 0) \
            ret = -1; \
    } while (0)
#define SHUTDOWN(cause, what) \
    .type = LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN, .reason = LIBXL_SHUTDOWN_REASON_ ## cause, \
    .action = VIR_DOMAIN_LIFECYCLE_ACTION_ ## what
#define ENDS(cause) \
    .ending = VIR_DOMAIN_SHUTDOWN, .state = VIR_DOMAIN_SHUTOFF, .why = VIR_DOMAIN_SHUTOFF_ ## cause
#define AGAIN \
    .ending = VIR_DOMAIN_SHUTDOWN, .starting = VIR_DOMAIN_PAUSED, \
    .state = VIR_DOMAIN_RUNNING, .why = VIR_DOMAIN_RUNNING_BOOTED

    DO_TEST("power off, destroy", SHUTDOWN(POWEROFF, DESTROY), ENDS(SHUTDOWN), .events = "5/0 ");
    DO_TEST("power off, restart", SHUTDOWN(POWEROFF, RESTART), AGAIN, .events = "5/0 2/0 ");
    DO_TEST("power off, preserve", SHUTDOWN(POWEROFF, PRESERVE), .state = VIR_DOMAIN_SHUTOFF,
            .why = VIR_DOMAIN_SHUTOFF_SHUTDOWN, .events = "5/0 ");
    DO_TEST("reboot, destroy", SHUTDOWN(REBOOT, DESTROY), ENDS(SHUTDOWN), .events = "5/0 ");
    DO_TEST("reboot, restart", SHUTDOWN(REBOOT, RESTART), AGAIN, .events = "5/0 2/0 ");
    DO_TEST("reboot, preserve", SHUTDOWN(REBOOT, PRESERVE), .state = VIR_DOMAIN_SHUTOFF,
            .why = VIR_DOMAIN_SHUTOFF_SHUTDOWN, .events = "5/0 ");
    DO_TEST("crash, destroy", SHUTDOWN(CRASH, DESTROY), ENDS(CRASHED), .events = "5/2 ");
    DO_TEST("crash, restart", SHUTDOWN(CRASH, RESTART), AGAIN, .events = "5/2 2/0 ");
    DO_TEST("crash, preserve", SHUTDOWN(CRASH, PRESERVE), .state = VIR_DOMAIN_SHUTOFF,
            .why = VIR_DOMAIN_SHUTOFF_CRASHED, .events = "5/2 ");
    DO_TEST("soft reset that fails", SHUTDOWN(SOFT_RESET, RESTART), .retrieveFails = true,
            .ending = VIR_DOMAIN_RUNNING, .state = VIR_DOMAIN_SHUTOFF,
            .why = VIR_DOMAIN_SHUTOFF_FAILED, .events = "");
    DO_TEST("death", .type = LIBXL_EVENT_TYPE_DOMAIN_DEATH, ENDS(DESTROYED), .events = "5/1 ");

#undef AGAIN
#undef ENDS
#undef SHUTDOWN
#undef DO_TEST

    return ret;
}


static int
testUpdates(void)
{
    int ret = 0;

    if (virTestRun("update a device during a job", testUpdateInJob, NULL) < 0)
        ret = -1;
    if (virTestRun("attach an interface", testAttachNet, NULL) < 0)
        ret = -1;
    if (virTestRun("set too many vcpus", testSetVcpus, NULL) < 0)
        ret = -1;

#define DO_TEST(title, ...) \
    do { \
        static const struct testUpdateData data = { __VA_ARGS__ }; \
        if (virTestRun("while " title, testUpdateMeanwhile, &data) < 0) \
            ret = -1; \
    } while (0)
#define DEVICE .update = testUpdate, .updated = "/images/other.iso"
#define ATTACH .update = testAttach, .updated = "/images/other.iso"
#define MEMORY .update = testSetMemory, .updated = "<currentMemory unit='KiB'>4096</currentMemory>"
#define NOT_PERSISTENT \
    "Requested operation is not valid: transient domains do not have any persistent config"

    DO_TEST("a device is updated, nothing", DEVICE, .updating = testNothing, .config = "first");
    DO_TEST("a device is updated, define", DEVICE, .updating = testDefine, .config = "second");
    DO_TEST("a device is updated, undefine", DEVICE, .updating = testUndefine,
            .error = NOT_PERSISTENT);
    DO_TEST("a device is attached, nothing", ATTACH, .updating = testNothing, .config = "first");
    DO_TEST("a device is attached, define", ATTACH, .updating = testDefineSecondWithout,
            .config = "second");
    DO_TEST("a device is attached, undefine", ATTACH, .updating = testUndefine,
            .error = NOT_PERSISTENT);
    DO_TEST("memory is set, nothing", MEMORY, .updating = testNothing, .config = "first");
    DO_TEST("memory is set, define", MEMORY, .updating = testDefine, .config = "second");
    DO_TEST("memory is set, undefine", MEMORY, .updating = testUndefine,
            .error = NOT_PERSISTENT);

#undef NOT_PERSISTENT
#undef MEMORY
#undef ATTACH
#undef DEVICE
#undef DO_TEST

    return ret;
}


static int
testConsoles(void)
{
    static const struct testConsoleData found =
        { "serial1", "internal error: character device serial1 is not using a PTY" };
    static const struct testConsoleData unknown =
        { "serial2", "internal error: cannot find character device serial2" };
    int ret = 0;

    if (virTestRun("console behind a port without alias", testConsole, &found) < 0)
        ret = -1;
    if (virTestRun("no such console", testConsole, &unknown) < 0)
        ret = -1;

    return ret;
}


static int
testReconnects(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testReconnectData data = { __VA_ARGS__ }; \
        if (virTestRun("reconnect" title, testReconnect, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("", .listed = true);
    DO_TEST(", refused by the hook script", .hookFails = true, .ndestroyed = 1);
    DO_TEST(", refused by the hook script, and destroying fails", .hookFails = true,
            .ndestroyed = 1, .destroyFails = true, .listed = true);
    DO_TEST(", devices of the host refused", .hostdevsFail = true, .ndestroyed = 1);
    DO_TEST(", devices of the host refused, and destroying fails", .hostdevsFail = true,
            .ndestroyed = 1, .destroyFails = true, .listed = true);
    DO_TEST(" without what was stored with the domain", .retrieveFails = true, .listed = true);
    DO_TEST(" without what was stored with another domain", .retrieveFails = true,
            .replaced = true);
    DO_TEST(" to a domain that is gone", .info = ERROR_DOMAIN_NOTFOUND);
    DO_TEST(" to a domain that cannot be", .info = ERROR_INVAL);
    DO_TEST(" to a domain that cannot be looked at", .info = ERROR_FAIL, .listed = true);

#undef DO_TEST

    return ret;
}


/* A daemon that ends leaves no guest waiting for a device model that it was to restart. */
static int
testCleanup(const void *opaque G_GNUC_UNUSED)
{
    libxlDriverPrivate *ending = g_new0(libxlDriverPrivate, 1);
    g_autoptr(virDomainDef) def = virDomainDefParseString(TEST_XML("first"), driver->xmlopt, NULL,
                                                          VIR_DOMAIN_DEF_PARSE_INACTIVE);
    g_autoptr(libxlDeviceModel) dm = libxlDeviceModelNew(testDir, 7, 1, "lan");
    libxlDomainObjPrivate *priv;
    virDomainObj *vm;
    int rc;

    if (!def || !dm || virMutexInit(&ending->lock) < 0 || !(ending->domains = virDomainObjListNew()) ||
        !(vm = virDomainObjListAdd(ending->domains, &def, driver->xmlopt, 0, NULL)))
        abort();

    g_clear_pointer(&dm->registers, g_free);
    dm->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    dm->held = LIBXL_DEVICE_MODEL_HELD_YES;
    priv = vm->privateData;
    virObjectRef(dm);
    VIR_APPEND_ELEMENT_COPY(priv->devicemodels, priv->ndevicemodels, dm);
    virDomainObjEndAPI(&vm);

    ending->lockFD = -1;
    ending->config = virObjectRef(driver->config);
    libxl_driver = ending;
    rc = libxlStateCleanup();
    if (rc == 0 && !libxl_driver && testXen.nreleased == 1 && dm->held == LIBXL_DEVICE_MODEL_HELD_NO) {
        libxl_driver = driver;
        return 0;
    }

    libxl_driver = driver;
    VIR_TEST_VERBOSE("returned %d, %u were released", rc, testXen.nreleased);
    return -1;
}


static int
testDriverInit(void)
{
    if (!(driver = testDriverNew(&testDir)) ||
        testDriverServe(driver, testDir, testInhibit) < 0)
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
    static const struct testReconnectData gone = { .info = ERROR_DOMAIN_NOTFOUND };
    int ret = 0;

    testXen.events = g_string_new(NULL);
    if (testDriverInit() < 0)
        return EXIT_FAILURE;

    /* first, while nothing else has counted */
    if (virTestRun("inhibit after failed starts", testInhibited, NULL) < 0)
        ret = -1;
    if (virTestRun("inhibit after a failed reconnect", testInhibited, &gone) < 0)
        ret = -1;

    if (testStarts() < 0)
        ret = -1;
    if (testEnds() < 0)
        ret = -1;
    if (testUpdates() < 0)
        ret = -1;
    if (testConsoles() < 0)
        ret = -1;
    if (virTestRun("logs while a domain runs", testLogs, NULL) < 0)
        ret = -1;
    if (testReconnects() < 0)
        ret = -1;
    if (virTestRun("the daemon ends while a guest is held", testCleanup, NULL) < 0)
        ret = -1;

    testReset(false);
    testUndefine();
    virConnectClose(testConn);
    g_string_free(testXen.events, TRUE);
    virObjectUnref(driver->hostdevMgr);
    virLockManagerPluginUnref(driver->lockManager);
    testDriverFree(driver, testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
