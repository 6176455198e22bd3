/*
 * libxldriversavetest.c: what the driver does to save a domain, and to restore it, and
 * when that fails
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Calls the driver as a client does, as libxl does when Xen has suspended a domain, and as
 * a daemon does that takes over from one that was killed.  The driver's functions are
 * static, so its source is a part of this test.
 *
 * Stands in for libxl with one domain, of which is known whether Xen has suspended it and how
 * often it is paused; and for what syncs and removes files.  What is done is written down, a
 * word for each step, with an exclamation mark where the domain is locked meanwhile.
 */

#include <config.h>

#include <dlfcn.h>

#include "libxl/libxl_driver.c" /* NOLINT(bugprone-suspicious-include) */

#include "testutils.h"
#include "libxldevicemodeltestdriver.h"
#include "libxldevicemodeltestthreads.h"
#include "libxldevicemodeltestutils.h"

#define TEST_UUID "c7a5fdb2-cdaf-9455-926a-d65c16db1809"
#define TEST_XML \
    "<domain type='xen'>" \
    "  <name>guest</name>" \
    "  <uuid>" TEST_UUID "</uuid>" \
    "  <memory unit='MiB'>8</memory>" \
    "  <os><type>hvm</type></os>" \
    "</domain>"

#define TEST_PATIENCE_US (30 * G_USEC_PER_SEC)
#define TEST_MAX_FILE (1024 * 1024)
/* What is in an image behind what libvirt writes. */
#define TEST_STREAM "the stream"
#define TEST_COMPLETE "libvirt-xml\n"
#define TEST_PARTIAL "libvirt-part\n"

static libxlDriverPrivate *driver;
static char *testDir; /* the driver's folders */
static char *testImage; /* where a domain is saved to */
static char *testManagedImage;
static virConnectPtr testConn;

/* A call that a client makes. */
typedef int (*testCall)(void);

/* What stands for an event of a domain's life. */
typedef struct _testEvent testEvent;
struct _testEvent {
    int type;
    int detail;
};

static struct {
    virDomainObj *vm; /* which must not be locked */
    bool suspended; /* by Xen */
    int npaused; /* how often it is */
    int rc; /* what libxl returns for a suspension */
    bool suspends; /* as it is told to */
    testCall saving; /* comes while the domain is saved */
    int savingRc; /* what that returns */
    bool dying;
    bool resumeFails;
    bool unpauseFails;
    bool destroyFails;
    bool restoreFails;
    bool unlinkFails; /* for an image */
    unsigned int syncFails; /* the one of this number */
    unsigned int nsyncs;
    bool inherited; /* an image that is read or written, by what is executed */
    char *status; /* the status file while the domain is saved */
    char *image; /* and how its image begins */
    unsigned int narmed; /* waits for the end of a domain */
    GString *steps;
    GString *events; /* of the domain's life, in the order in which they are sent */
    unsigned int nfreed; /* events of libxl */
} testXen;


/* Writes a step down.  One that @waits does so with the domain not locked. */
static void
testStep(const char *word,
         bool waits)
{
    bool locked = false;

    if (waits && testXen.vm) {
        pthread_mutex_t *lock = &testXen.vm->parent.lock.lock;

        if (pthread_mutex_trylock(lock) == 0)
            pthread_mutex_unlock(lock);
        else
            locked = true;
    }

    g_string_append_printf(testXen.steps, "%s%s ", word, locked ? "!" : "");
}


int
libxl_get_max_cpus(libxl_ctx *ctx G_GNUC_UNUSED)
{
    return 4;
}


int
libxl_domain_create_new(libxl_ctx *ctx G_GNUC_UNUSED,
                        libxl_domain_config *d_config G_GNUC_UNUSED,
                        uint32_t *domid,
                        const libxl_asyncop_how *ao_how G_GNUC_UNUSED,
                        const libxl_asyncprogress_how *aop_console_how G_GNUC_UNUSED)
{
    testStep("create", false);
    testXen.npaused = 1;
    *domid = 7;
    return 0;
}


int
(libxl_domain_create_restore)(libxl_ctx *ctx G_GNUC_UNUSED,
                              libxl_domain_config *d_config G_GNUC_UNUSED,
                              uint32_t *domid,
                              int restore_fd,
                              int send_back_fd G_GNUC_UNUSED,
                              const libxl_domain_restore_params *params G_GNUC_UNUSED,
                              const libxl_asyncop_how *ao_how G_GNUC_UNUSED,
                              const libxl_asyncprogress_how *aop_console_how G_GNUC_UNUSED)
{
    char buf[sizeof(TEST_STREAM)] = "";

    if (read(restore_fd, buf, sizeof(buf) - 1) < 0 || STRNEQ(buf, TEST_STREAM))
        abort();

    testStep("restore", true);
    testXen.inherited |= !(fcntl(restore_fd, F_GETFD) & FD_CLOEXEC);
    if (testXen.restoreFails)
        return ERROR_FAIL;

    testXen.npaused = 1;
    *domid = 8;
    return 0;
}


/* Begins with what it has from whoever asks for it, as libxl does. */
int
libxl_domain_suspend(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid G_GNUC_UNUSED,
                     int fd,
                     int flags G_GNUC_UNUSED,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    g_autofree char *path = g_strdup_printf("%s/guest.xml", driver->config->stateDir);
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);

    testStep("suspend", true);
    testXen.inherited |= !(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    g_free(testXen.status);
    g_free(testXen.image);
    testXen.status = testXen.image = NULL;
    if (virFileReadAllQuiet(path, TEST_MAX_FILE, &testXen.status) < 0 ||
        (lseek(fd, 0, SEEK_CUR) > 0 && virFileReadAllQuiet(link, TEST_MAX_FILE, &testXen.image) < 0))
        abort();

    testXen.suspended |= testXen.suspends;
    if (safewrite(fd, TEST_STREAM, strlen(TEST_STREAM)) < 0)
        abort();

    if (testXen.saving)
        testXen.savingRc = testXen.saving();

    return testXen.rc;
}


int
libxl_domain_resume(libxl_ctx *ctx G_GNUC_UNUSED,
                    uint32_t domid G_GNUC_UNUSED,
                    int suspend_cancel,
                    const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testStep("resume", true);
    if (!suspend_cancel || !testXen.suspended || testXen.resumeFails)
        return ERROR_FAIL;

    testXen.suspended = false;
    return 0;
}


int
(libxl_domain_pause)(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid G_GNUC_UNUSED,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testStep("pause", false);
    testXen.npaused++;
    return 0;
}


/* A guest that runs is not to find its managed save image again. */
int
(libxl_domain_unpause)(libxl_ctx *ctx G_GNUC_UNUSED,
                       uint32_t domid G_GNUC_UNUSED,
                       const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testStep(virFileExists(testManagedImage) ? "unpause+image" : "unpause", false);
    if (testXen.unpauseFails)
        return ERROR_FAIL;

    testXen.npaused--;
    return 0;
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
    info->shutdown_reason = testXen.suspended ? LIBXL_SHUTDOWN_REASON_SUSPEND
                                              : LIBXL_SHUTDOWN_REASON_UNKNOWN;
    info->paused = testXen.npaused > 0;
    info->dying = testXen.dying;
    return 0;
}


int
libxl_domain_destroy(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid G_GNUC_UNUSED,
                     const libxl_asyncop_how *ao_how G_GNUC_UNUSED)
{
    testStep("destroy", true);
    return testXen.destroyFails ? ERROR_FAIL : 0;
}


/* A guest that runs could end before its end is waited for. */
int
libxl_evenable_domain_death(libxl_ctx *ctx G_GNUC_UNUSED,
                            uint32_t domid G_GNUC_UNUSED,
                            libxl_ev_user user G_GNUC_UNUSED,
                            libxl_evgen_domain_death **evgen_out)
{
    testStep(testXen.npaused > 0 ? "watch" : "watch-running", false);
    testXen.narmed++;
    *evgen_out = (libxl_evgen_domain_death *)&testXen;
    return 0;
}


void
libxl_evdisable_domain_death(libxl_ctx *ctx G_GNUC_UNUSED,
                             libxl_evgen_domain_death *evgen G_GNUC_UNUSED)
{
    testXen.narmed--;
}


void
libxl_event_free(libxl_ctx *ctx G_GNUC_UNUSED,
                 libxl_event *event)
{
    g_free(event);
    g_atomic_int_inc((gint *)&testXen.nfreed);
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


int
virHostdevUpdateActiveDomainDevices(virHostdevManager *mgr G_GNUC_UNUSED,
                                    const char *drv_name G_GNUC_UNUSED,
                                    virDomainDef *def G_GNUC_UNUSED,
                                    unsigned int flags G_GNUC_UNUSED)
{
    return 0;
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


void
virObjectEventStateQueue(virObjectEventState *state G_GNUC_UNUSED,
                         virObjectEvent *event)
{
    g_autofree testEvent *sent = (testEvent *)event;

    if (sent)
        g_string_append_printf(testXen.events, "%d/%d ", sent->type, sent->detail);
}


/* As a pipe does, which cannot be synced.  What else is written, a status file, is fine. */
static int
testSync(int fd,
         mode_t type,
         const char *word)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        abort();

    if (S_ISFIFO(st.st_mode)) {
        errno = EINVAL;
        return -1;
    }

    if ((st.st_mode & S_IFMT) != type)
        return 0;

    testStep(word, true);
    if (++testXen.nsyncs == testXen.syncFails) {
        errno = EIO;
        return -1;
    }

    return 0;
}


int
fdatasync(int fd)
{
    return testSync(fd, S_IFREG, "sync");
}


int
fsync(int fd)
{
    return testSync(fd, S_IFDIR, "sync-folder");
}


int
unlink(const char *path)
{
    int (*real)(const char *path) = dlsym(RTLD_NEXT, "unlink");

    if (testXen.unlinkFails && STREQ(path, testManagedImage)) {
        errno = EPERM;
        return -1;
    }

    return real(path);
}


/* The domain with a reference and locked, as the driver finds it; NULL if it is not
 * listed. */
static virDomainObj *
testFind(void)
{
    return virDomainObjListFindByName(driver->domains, "guest");
}


/* Forgets what was done, and what was to fail. */
static void
testForget(void)
{
    virDomainObj *vm = testXen.vm;
    GString *steps = testXen.steps;
    GString *events = testXen.events;

    g_free(testXen.status);
    g_free(testXen.image);
    memset(&testXen, 0, sizeof(testXen));
    testXen.vm = vm;
    testXen.suspends = true;
    testXen.steps = g_string_truncate(steps, 0);
    testXen.events = g_string_truncate(events, 0);
}


/* A defined domain, which runs if that is asked for, and nothing that an earlier test left. */
static virDomainPtr
testReset(bool start)
{
    virDomainObj *vm;
    virDomainPtr dom;

    testXen.vm = NULL;
    testXen.unlinkFails = false;
    if ((vm = testFind())) {
        vm->def->id = -1;
        virDomainObjListRemove(driver->domains, vm);
        virDomainObjEndAPI(&vm);
    }

    unlink(testImage);
    unlink(testManagedImage);
    testForget();
    if (!(dom = virDomainDefineXML(testConn, TEST_XML)) || (start && virDomainCreate(dom) < 0))
        abort();

    if ((testXen.vm = testFind())) {
        virObjectUnlock(testXen.vm);
        virObjectUnref(testXen.vm); /* the list has one */
    }

    g_string_truncate(testXen.steps, 0);
    g_string_truncate(testXen.events, 0);
    testXen.narmed = start ? 1 : 0;
    testXen.nsyncs = 0;
    return dom;
}


struct testExpected {
    virDomainState state;
    int why;
    const char *steps;
    const char *events;
    const char *error;
    const char *image; /* how it begins, if there is one */
};


/* How a file begins, as far as the header of an image tells what it is; NULL if it is not
 * there. */
static char *
testBegin(const char *path)
{
    g_autofree char *content = NULL;
    char *end;

    if (virFileReadAllQuiet(path, TEST_MAX_FILE, &content) < 0)
        return NULL;

    if ((end = strchr(content, '\n')))
        end[1] = '\0';
    return g_steal_pointer(&content);
}


static int
testCheck(int rc,
          const char *path,
          const struct testExpected *expected)
{
    g_autofree char *image = testBegin(path);
    virDomainObj *vm = NULL;
    virDomainState state;
    int why;
    int ret = 0;

    if (libxlDeviceModelTestOutcome(rc, testDir, expected->error) < 0 ||
        virTestCompareToString(expected->steps, testXen.steps->str) < 0 ||
        virTestCompareToString(expected->events, testXen.events->str) < 0)
        ret = -1;

    if (STRNEQ_NULLABLE(image, expected->image)) {
        VIR_TEST_VERBOSE("the image begins with '%s', expected '%s'",
                         NULLSTR(image), NULLSTR(expected->image));
        ret = -1;
    }

    if (!(vm = testFind()))
        return -1;

    state = virDomainObjGetState(vm, &why);
    if (state != expected->state || why != expected->why ||
        virDomainObjIsActive(vm) != (state != VIR_DOMAIN_SHUTOFF)) {
        VIR_TEST_VERBOSE("the domain with id %d is in state %d because of %d",
                         vm->def->id, state, why);
        ret = -1;
    }

    if (vm->job->active != VIR_JOB_NONE ||
        testXen.narmed != (virDomainObjIsActive(vm) && !testXen.destroyFails ? 1 : 0)) {
        VIR_TEST_VERBOSE("the domain is in a job, or its end is waited for %u times",
                         testXen.narmed);
        ret = -1;
    }

    virDomainObjEndAPI(&vm);
    return ret;
}


struct testSaveData {
    int rc; /* what libxl returns */
    bool awake; /* Xen does not suspend it */
    bool held; /* Xen has it paused already */
    bool managed;
    bool resumeFails;
    bool destroyFails;
    unsigned int syncFails;
    virDomainState before;
    struct testExpected expected;
};


static void
testSetFailures(const struct testSaveData *data)
{
    virDomainObj *vm = testFind();

    testXen.rc = data->rc;
    testXen.suspends = !data->awake;
    testXen.npaused = data->held ? 1 : 0;
    testXen.resumeFails = data->resumeFails;
    testXen.destroyFails = data->destroyFails;
    testXen.syncFails = data->syncFails;
    if (data->before)
        virDomainObjSetState(vm, data->before, 0);

    virDomainObjEndAPI(&vm);
}


/* What a save leads to, and whether the status file and the image have said meanwhile that
 * it was under way. */
static int
testSave(const void *opaque)
{
    const struct testSaveData *data = opaque;
    g_autoptr(virDomain) dom = testReset(true);
    int rc;

    testSetFailures(data);
    rc = data->managed ? virDomainManagedSave(dom, 0) : virDomainSave(dom, testImage);
    if (testCheck(rc, data->managed ? testManagedImage : testImage, &data->expected) < 0)
        return -1;

    if (!data->before && !strstr(testXen.status, "<domstatus state='paused' reason='save'")) {
        VIR_TEST_VERBOSE("the status file is '%s'", testXen.status);
        return -1;
    }

    if (!STRPREFIX(testXen.image, TEST_PARTIAL) || testXen.inherited) {
        VIR_TEST_VERBOSE("the image begins with '%s', and is %sinherited",
                         testXen.image, testXen.inherited ? "" : "not ");
        return -1;
    }

    return 0;
}


/* What stays suspended can be resumed, and nothing else can be done to it. */
static int
testResume(const void *opaque)
{
    const struct testSaveData *data = opaque;
    g_autoptr(virDomain) dom = testReset(true);
    g_autofree char *xml = NULL;
    const char *said = "Requested operation is not valid: domain 'guest' is suspended since an "
        "earlier save or migration; resume it before it is migrated";

    testSetFailures(data);
    testXen.suspends = true;
    if (virDomainManagedSave(dom, 0) == 0)
        return -1;

    testForget();
    testXen.suspended = !data->awake;
    testXen.npaused = 1;
    testXen.narmed = 1;
    if (virDomainSave(dom, testImage) == 0)
        return -1;

    xml = libxlDomainMigrateBegin3Params(dom, NULL, 0, NULL, NULL, VIR_MIGRATE_LIVE);
    if (libxlDeviceModelTestOutcome(xml ? 0 : -1, NULL, said) < 0)
        return -1;

    return testCheck(virDomainResume(dom), testManagedImage, &data->expected);
}


/* What cannot be removed keeps a domain from running, as its next start would find it. */
static int
testResumeBeside(const void *opaque G_GNUC_UNUSED)
{
    static const struct testExpected expected = {
        .state = VIR_DOMAIN_PAUSED, .why = VIR_DOMAIN_PAUSED_SAVE, .steps = "", .events = "",
        .error = "cannot remove image 'DIR/save/guest.save': Operation not permitted",
        .image = TEST_COMPLETE,
    };
    g_autoptr(virDomain) dom = testReset(true);

    testXen.destroyFails = true;
    if (virDomainManagedSave(dom, 0) == 0 || virDomainHasManagedSaveImage(dom, 0) != 1)
        return -1;

    testForget();
    testXen.suspended = testXen.unlinkFails = testXen.destroyFails = true;
    return testCheck(virDomainResume(dom), testManagedImage, &expected);
}


static void
testSendSuspended(void)
{
    libxl_event *event = g_new0(libxl_event, 1);
    virDomainObj *vm = testFind();
    gint64 end = g_get_real_time() + TEST_PATIENCE_US;

    testXen.suspended = true;
    event->type = LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN;
    event->domid = vm->def->id;
    event->u.domain_shutdown.shutdown_reason = LIBXL_SHUTDOWN_REASON_SUSPEND;
    virDomainObjEndAPI(&vm);
    libxlDomainEventHandler(driver, event);
    while (g_atomic_int_get((gint *)&testXen.nfreed) == 0 && g_get_real_time() < end)
        g_usleep(1000);

    testThreadsJoin();
}


struct testLateData {
    int rc; /* what libxl has returned for a save that has failed; 0: there was none */
    virDomainState before; /* when it suspends */
    struct testExpected expected;
};


/* A guest that suspends when libxl has given up waiting for it goes on, and one that somebody
 * else suspends does not. */
static int
testLate(const void *opaque)
{
    const struct testLateData *data = opaque;
    g_autoptr(virDomain) dom = testReset(true);
    virDomainObj *vm;

    testXen.rc = data->rc;
    testXen.suspends = false;
    if (data->rc != 0 && virDomainSave(dom, testImage) == 0)
        return -1;

    virResetLastError();
    testForget();
    testXen.narmed = 1;
    vm = testFind();
    if (data->before)
        virDomainObjSetState(vm, data->before, 0);
    virDomainObjEndAPI(&vm);
    testSendSuspended();
    if (testCheck(0, testImage, &data->expected) < 0)
        return -1;

    /* once */
    if (data->rc == ERROR_GUEST_TIMEDOUT) {
        g_string_truncate(testXen.steps, 0);
        testXen.nfreed = 0;
        testSendSuspended();
        return virTestCompareToString("", testXen.steps->str);
    }

    return 0;
}


/* Another daemon takes over, for which the domain is as its status file says. */
static void
testTakeOver(const char *status)
{
    g_autofree char *path = g_strdup_printf("%s/guest.xml", driver->config->stateDir);
    virDomainObj *vm = testFind();

    libxlLoggerCloseFile(driver->config->logger, vm->def->id);
    virInhibitorRelease(driver->inhibitor);
    virDomainObjEndAPI(&vm);
    testXen.vm = NULL;
    virObjectUnref(driver->domains);
    if (!(driver->domains = virDomainObjListNew()) ||
        virFileWriteStr(path, status, 0600) < 0 ||
        virDomainObjListLoadAllConfigs(driver->domains, driver->config->stateDir, NULL, true,
                                       driver->xmlopt, NULL, NULL) < 0 ||
        !(vm = testFind()))
        abort();

    testXen.vm = vm;
    vm->persistent = 1;
    virDomainObjEndAPI(&vm);
    g_string_truncate(testXen.steps, 0);
    g_string_truncate(testXen.events, 0);
    testXen.narmed = 0;
    libxlReconnectDomains(driver);
}


struct testKilledData {
    bool after; /* the save has failed, and the status file is from then */
    int rc; /* for what reason */
    bool awake; /* when the other one takes over */
    bool held; /* Xen has it paused then */
    bool dying; /* and is destroying it */
    bool resumeFails;
    const char *image; /* a managed save image then */
    struct testExpected expected;
};


static int
testKilled(const void *opaque)
{
    const struct testKilledData *data = opaque;
    g_autoptr(virDomain) dom = testReset(true);
    g_autofree char *status = NULL;
    g_autofree char *path = g_strdup_printf("%s/guest.xml", driver->config->stateDir);

    testXen.rc = data->rc;
    testXen.suspends = false;
    if (virDomainManagedSave(dom, 0) == 0)
        return -1;

    virResetLastError();
    if (!data->after)
        status = g_steal_pointer(&testXen.status);
    else if (virFileReadAllQuiet(path, TEST_MAX_FILE, &status) < 0)
        return -1;

    testForget();
    testXen.suspended = !data->awake;
    testXen.npaused = data->held ? 1 : 0;
    testXen.dying = data->dying;
    testXen.resumeFails = data->resumeFails;
    if (data->image && virFileWriteStr(testManagedImage, data->image, 0600) < 0)
        return -1;

    testTakeOver(status);
    return testCheck(0, testManagedImage, &data->expected);
}


/* A daemon may take over more than once before a guest suspends that was asked to. */
static int
testKilledLate(const void *opaque G_GNUC_UNUSED)
{
    static const struct testKilledData data = {
        .rc = ERROR_FAIL, .awake = true,
        .expected = { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_SAVE_CANCELED,
                      "watch-running ", "4/0 ", NULL, NULL },
    };

    if (testKilled(&data) < 0)
        return -1;

    testSendSuspended();
    return virTestCompareToString("watch-running pause resume watch unpause ",
                                  testXen.steps->str);
}


static int
testUndefine(void)
{
    g_autoptr(virDomain) dom = virDomainLookupByName(testConn, "guest");

    return virDomainUndefineFlags(dom, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE);
}


static int
testRemove(void)
{
    g_autoptr(virDomain) dom = virDomainLookupByName(testConn, "guest");

    return libxlDomainManagedSaveRemove(dom, 0);
}


/* The image that a domain is saved to is not taken away from it, and later it can be. */
static int
testSaveMeanwhile(const void *opaque)
{
    static const struct testExpected expected = {
        VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SAVED, "suspend sync sync sync-folder destroy ",
        "3/0 5/4 ", NULL, TEST_COMPLETE,
    };
    g_autoptr(virDomain) dom = testReset(true);

    testXen.saving = (testCall)opaque;
    if (virDomainManagedSave(dom, 0) < 0 || testXen.savingRc == 0) {
        VIR_TEST_VERBOSE("the call returned %d", testXen.savingRc);
        return -1;
    }

    if (libxlDeviceModelTestOutcome(-1, NULL, "Requested operation is not valid: domain 'guest' is "
                                    "being saved: its managed save image is kept") < 0 ||
        testCheck(0, testManagedImage, &expected) < 0)
        return -1;

    return testXen.saving();
}


/* An image that is no file: nothing can be changed in it later, and it stays. */
static int
testSavePipe(const void *opaque)
{
    const bool *fails = opaque;
    g_autoptr(virDomain) dom = testReset(true);
    char begin[sizeof(TEST_COMPLETE)] = "";
    VIR_AUTOCLOSE fd = -1;
    int ret = -1;
    int rc;

    testXen.rc = *fails ? ERROR_FAIL : 0;
    if (mkfifo(testImage, 0600) < 0 || (fd = open(testImage, O_RDONLY | O_NONBLOCK)) < 0)
        return -1;

    rc = virDomainSave(dom, testImage);
    if ((rc < 0) != *fails || read(fd, begin, sizeof(begin) - 1) < 0 || STRNEQ(begin, TEST_COMPLETE))
        VIR_TEST_VERBOSE("saved with %d: '%s'", rc, begin);
    else if (!virFileExists(testImage))
        VIR_TEST_VERBOSE("the pipe was removed");
    else
        ret = 0;

    virResetLastError();
    unlink(testImage);
    return ret;
}


/* An image that root cannot open, on a shared file system, comes from a child process of
 * another user, who can. */
static int
testOpenForked(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = g_strdup_printf("%s/forked", testDir);
    VIR_AUTOCLOSE fd = -1;

    if (geteuid() != 0 || chmod(testDir, 0777) < 0 ||
        (fd = virFileOpenAs(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600, 65534, 65534,
                            VIR_FILE_OPEN_FORK)) < 0)
        return EXIT_AM_SKIP;

    return fcntl(fd, F_GETFD) & FD_CLOEXEC ? 0 : -1;
}


/* Writes over the begin of an image, which is as long as that if it is empty. */
static void
testSetBegin(const char *path,
             const char *begin)
{
    VIR_AUTOCLOSE fd = open(path, O_WRONLY);

    if (fd < 0 || safewrite(fd, begin, strlen(begin)) < 0 ||
        (begin[0] == '\0' && ftruncate(fd, 10) < 0))
        abort();
}


struct testRestoreData {
    bool paused; /* it is started so */
    bool fails;
    bool unlinkFails;
    unsigned int syncFails;
    const char *begin; /* what the image begins with instead */
    struct testExpected expected;
};


/* A domain is saved, and starts from its managed save image. */
static int
testRestore(const void *opaque)
{
    const struct testRestoreData *data = opaque;
    g_autoptr(virDomain) dom = testReset(true);
    int rc;

    if (virDomainManagedSave(dom, 0) < 0)
        return -1;

    testForget();
    testXen.restoreFails = data->fails;
    testXen.unlinkFails = data->unlinkFails;
    testXen.syncFails = data->syncFails;
    if (data->begin)
        testSetBegin(testManagedImage, data->begin);

    rc = virDomainCreateWithFlags(dom, data->paused ? VIR_DOMAIN_START_PAUSED : 0);
    if (testCheck(rc, testManagedImage, &data->expected) < 0 || testXen.inherited)
        return -1;

    if (virDomainHasManagedSaveImage(dom, 0) != (data->expected.image ? 1 : 0)) {
        VIR_TEST_VERBOSE("has a managed save image: %d", virDomainHasManagedSaveImage(dom, 0));
        return -1;
    }

    if (!data->expected.image || data->unlinkFails)
        return 0;

    /* the second attempt, or without it */
    testForget();
    return virDomainManagedSaveRemove(dom, 0) < 0 || virDomainCreate(dom) < 0 ? -1 : 0;
}


/* An image at a place of the user's. */
static int
testRestorePartial(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomain) dom = testReset(true);

    if (virDomainSave(dom, testImage) < 0)
        return -1;

    testSetBegin(testImage, TEST_PARTIAL);

    return libxlDeviceModelTestOutcome(virDomainRestore(testConn, testImage), testDir,
                                       "operation failed: image 'DIR/image' is incomplete: the "
                                       "domain was not saved");
}


#define RUNS .state = VIR_DOMAIN_RUNNING, .why = VIR_DOMAIN_RUNNING_SAVE_CANCELED
#define SAVED .state = VIR_DOMAIN_SHUTOFF, .why = VIR_DOMAIN_SHUTOFF_SAVED
#define STAYS .state = VIR_DOMAIN_PAUSED, .why = VIR_DOMAIN_PAUSED_SAVE
#define RESUMED "pause resume watch unpause "
#define SYNCED "sync sync sync-folder "

static int
testSaves(void)
{
    static const bool yes = true;
    static const bool no = false;
    int ret = 0;

#define FAILED \
    .error = "internal error: Failed to save domain '7' with libxenlight"
#define NOT_WRITTEN \
    .error = "Failed to write domain save file 'DIR/image': Input/output error"
#define DO_TEST(title, ...) \
    do { \
        static const struct testSaveData data = { __VA_ARGS__ }; \
        if (virTestRun("save" title, testSave, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("", .expected = { SAVED, "suspend " SYNCED "destroy ", "3/0 5/4 ",
                              .image = TEST_COMPLETE });
    DO_TEST(", managed", .managed = true,
            .expected = { SAVED, "suspend " SYNCED "destroy ", "3/0 5/4 ",
                          .image = TEST_COMPLETE });
    DO_TEST(" fails after Xen has suspended the domain", .rc = ERROR_FAIL,
            .expected = { RUNS, "suspend " RESUMED, "3/0 4/0 ", FAILED });
    DO_TEST(" fails, managed", .rc = ERROR_FAIL, .managed = true,
            .expected = { RUNS, "suspend " RESUMED, "3/0 4/0 ", FAILED });
    DO_TEST(" fails before that", .rc = ERROR_FAIL, .awake = true,
            .expected = { RUNS, "suspend ", "3/0 4/0 ", FAILED });
    DO_TEST(" of a domain that is paused fails", .rc = ERROR_FAIL, .held = true,
            .expected = { RUNS, "suspend resume watch unpause ", "3/0 4/0 ", FAILED });
    DO_TEST(": the image cannot be written", .syncFails = 1,
            .expected = { RUNS, "suspend sync " RESUMED, "3/0 4/0 ", NOT_WRITTEN });
    DO_TEST(": the image cannot be completed", .syncFails = 2,
            .expected = { RUNS, "suspend sync sync " RESUMED, "3/0 4/0 ", NOT_WRITTEN });
    DO_TEST(": the folder cannot be written", .syncFails = 3,
            .expected = { RUNS, "suspend sync sync sync-folder " RESUMED, "3/0 4/0 ",
                          .error = "cannot sync folder 'DIR': Input/output error" });
    DO_TEST(" fails, and the domain cannot be resumed", .rc = ERROR_FAIL, .resumeFails = true,
            .expected = { STAYS, "suspend pause resume ", "3/0 ", FAILED });
    DO_TEST(": the domain cannot be destroyed", .destroyFails = true,
            .expected = { STAYS, "suspend " SYNCED "destroy ", "3/0 ",
                          .error = "internal error: Failed to destroy domain '7'",
                          .image = TEST_COMPLETE });
    DO_TEST(" of a domain that is suspended already fails", .rc = ERROR_FAIL,
            .before = VIR_DOMAIN_PMSUSPENDED,
            .expected = { VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN, "suspend ", "", FAILED });

#undef DO_TEST
#undef NOT_WRITTEN
#undef FAILED
#define DO_TEST(title, ...) \
    do { \
        static const struct testSaveData data = { __VA_ARGS__ }; \
        if (virTestRun("resume " title, testResume, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("what could not be", .rc = ERROR_FAIL, .resumeFails = true,
            .expected = { RUNS, "resume watch unpause ", "4/0 " });
    DO_TEST("what was, and is paused", .rc = ERROR_FAIL, .resumeFails = true, .awake = true,
            .expected = { RUNS, "unpause ", "4/0 " });

#undef DO_TEST

    if (virTestRun("resume beside an image", testResumeBeside, NULL) < 0)
        ret = -1;
    if (virTestRun("undefine while it is saved", testSaveMeanwhile, testUndefine) < 0)
        ret = -1;
    if (virTestRun("remove the image while it is saved", testSaveMeanwhile, testRemove) < 0)
        ret = -1;
    if (virTestRun("save into a pipe", testSavePipe, &no) < 0)
        ret = -1;
    if (virTestRun("save into a pipe fails", testSavePipe, &yes) < 0)
        ret = -1;
    if (virTestRun("an image that another user opens", testOpenForked, NULL) < 0)
        ret = -1;

    return ret;
}


static int
testTakeOvers(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testLateData data = { __VA_ARGS__ }; \
        if (virTestRun("suspended late: " title, testLate, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("after a save", .rc = ERROR_GUEST_TIMEDOUT,
            .expected = { RUNS, RESUMED, "3/0 4/0 " });
    DO_TEST("by somebody else", .rc = ERROR_FAIL, .expected = { RUNS, "", "" });
    DO_TEST("by somebody else, without a save",
            .expected = { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, "", "" });
    DO_TEST("as it was asked for", .rc = ERROR_GUEST_TIMEDOUT, .before = VIR_DOMAIN_PMSUSPENDED,
            .expected = { VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN, "", "" });

#undef DO_TEST
#define DO_TEST(title, ...) \
    do { \
        static const struct testKilledData data = { __VA_ARGS__ }; \
        if (virTestRun("take over " title, testKilled, &data) < 0) \
            ret = -1; \
    } while (0)
#define ANEW(steps) "watch-running " steps

    DO_TEST("from a save", .rc = ERROR_FAIL, .image = TEST_PARTIAL,
            .expected = { RUNS, ANEW("sync-folder " RESUMED), "4/0 " });
    DO_TEST("from a save that has an image", .rc = ERROR_FAIL, .image = TEST_COMPLETE,
            .expected = { RUNS, ANEW("sync-folder " RESUMED), "4/0 " });
    DO_TEST("from the end of a save", .rc = ERROR_FAIL, .dying = true, .image = TEST_COMPLETE,
            .expected = { STAYS, ANEW(""), "", NULL, TEST_COMPLETE });
    DO_TEST("from a resumption", .rc = ERROR_FAIL, .held = true,
            .expected = { RUNS, "watch resume watch unpause ", "4/0 " });
    DO_TEST("from the end of a resumption", .rc = ERROR_FAIL, .held = true, .awake = true,
            .expected = { RUNS, "watch unpause ", "4/0 " });
    DO_TEST("from a save, and the domain cannot be resumed", .rc = ERROR_FAIL,
            .resumeFails = true, .expected = { STAYS, ANEW("pause resume "), "" });
    DO_TEST("a domain that may suspend yet", .rc = ERROR_GUEST_TIMEDOUT, .after = true,
            .awake = true,
            .expected = { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNKNOWN, ANEW(""), "" });
    DO_TEST("a domain that has suspended late", .rc = ERROR_GUEST_TIMEDOUT, .after = true,
            .expected = { RUNS, ANEW(RESUMED), "4/0 " });
    DO_TEST("a domain that somebody else has suspended", .rc = ERROR_FAIL, .after = true,
            .expected = { VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN,
                          ANEW(""), "" });

#undef ANEW
#undef DO_TEST

    if (virTestRun("suspended late after a take-over", testKilledLate, NULL) < 0)
        ret = -1;

    return ret;
}


static int
testRestores(void)
{
    int ret = 0;

#define BOOTED(what) .state = VIR_DOMAIN_ ## what, .why = VIR_DOMAIN_ ## what ## _BOOTED
#define NOT_RESTORED "operation failed: cannot restore domain 'guest' from its managed save " \
        "image, which is kept until it is restored or removed (managedsave-remove): "
#define DO_TEST(title, ...) \
    do { \
        static const struct testRestoreData data = { __VA_ARGS__ }; \
        if (virTestRun("restore" title, testRestore, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("", .expected = { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
                              "restore watch sync-folder unpause ", "2/2 " });
    DO_TEST(", paused", .paused = true,
            .expected = { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER,
                          "restore watch sync-folder ", "2/2 " });
    DO_TEST(" fails", .fails = true,
            .expected = { SAVED, "restore ", "",
                          NOT_RESTORED "internal error: libxenlight failed to restore domain "
                          "'guest'", TEST_COMPLETE });
    DO_TEST(" from an image that cannot be removed", .unlinkFails = true,
            .expected = { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_FAILED,
                          "restore watch destroy ", "",
                          NOT_RESTORED "cannot remove image 'DIR/save/guest.save': Operation "
                          "not permitted", TEST_COMPLETE });
    DO_TEST(", and the folder cannot be written", .syncFails = 1,
            .expected = { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
                          "restore watch sync-folder unpause ", "2/2 " });
    DO_TEST(" from something else", .begin = "libvirt-else\n",
            .expected = { SAVED, "", "",
                          NOT_RESTORED "invalid argument: image magic is incorrect",
                          "libvirt-else\n" });
    DO_TEST(" from an incomplete image", .begin = TEST_PARTIAL,
            .expected = { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
                          "sync-folder! create watch unpause ", "2/0 " });
    DO_TEST(" from an image without header", .begin = "",
            .expected = { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
                          "sync-folder! create watch unpause ", "2/0 " });

#undef DO_TEST
#undef NOT_RESTORED
#undef BOOTED

    if (virTestRun("restore from an incomplete image of the user's", testRestorePartial, NULL) < 0)
        ret = -1;

    return ret;
}


static int
testDriverInit(void)
{
    if (!(driver = testDriverNew(&testDir)) ||
        testDriverServe(driver, testDir, NULL) < 0 ||
        g_mkdir_with_parents(driver->config->saveDir, 0700) < 0)
        return -1;

    testImage = g_strdup_printf("%s/image", testDir);
    testManagedImage = g_strdup_printf("%s/guest.save", driver->config->saveDir);
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
    int ret = 0;

    testXen.steps = g_string_new(NULL);
    testXen.events = g_string_new(NULL);
    if (testDriverInit() < 0)
        return EXIT_FAILURE;

    if (testSaves() < 0)
        ret = -1;
    if (testTakeOvers() < 0)
        ret = -1;
    if (testRestores() < 0)
        ret = -1;

    virObjectUnref(testReset(false));
    testUndefine();
    virConnectClose(testConn);
    g_string_free(testXen.steps, TRUE);
    g_string_free(testXen.events, TRUE);
    g_free(testImage);
    g_free(testManagedImage);
    virObjectUnref(driver->hostdevMgr);
    virLockManagerPluginUnref(driver->lockManager);
    testDriverFree(driver, testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
