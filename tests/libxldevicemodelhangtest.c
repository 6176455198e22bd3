/*
 * libxldevicemodelhangtest.c: secondaries that hang are found, and no others
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is decided is a table: looks, one a second, and what each leads to.  What is done
 * is seen with real processes, which a real event loop looks at, all of them at the same
 * time; the requests of their guests, their threads and their QMP are stand-ins.  Meanwhile
 * Xen cannot be asked at first, and no file can be opened for a while.
 */

#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __SANITIZE_THREAD__
# include <sanitizer/common_interface_defs.h>
#endif

#include "testutils.h"
#include "libxl/libxl_devicemodel_hang.h"
#include "libxl/libxl_devicemodel_qmp.h"
#include "libxldevicemodeltestloop.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

/* Long enough for three looks of each, on a slow machine. */
#define TEST_WAIT_US (4 * G_USEC_PER_SEC)
#define TEST_PATIENCE_US (30 * G_USEC_PER_SEC)

/* Long enough for one look without a file at least. */
#define TEST_NO_FILES_US (1500 * 1000)

/* The seconds of the limit, and what is seen: see testLook.  Of each look the table has
 * whether the device model is to be asked (?) or hangs (!). */
struct testJudgeData {
    unsigned int limit;
    const char *looks;
    const char *verdicts;
};


static void
testLook(char seen,
         libxlDeviceModelHangLook *look)
{
    look->when += G_USEC_PER_SEC;
    look->request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME;
    look->activity = (libxlDeviceModelActivity){ .state = 'S', .used = look->activity.used };
    look->changes = look->answered = look->unasked = false;

    switch (seen) {
    case 'n': /* no request */
        look->request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE;
        break;
    case 'o': /* another; all that follow are of the same */
        look->request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_OTHER;
        break;
    case 's':
        break;
    case 'D':
        look->activity.waits = true;
        break;
    case 'R': /* has no processor */
        look->activity.runs = true;
        look->activity.used += G_USEC_PER_SEC / 10 - 1;
        break;
    case 'S': /* spins, on a processor that others have most of the time */
        look->activity.runs = true;
        look->activity.used += G_USEC_PER_SEC / 10;
        break;
    case 'T': /* stopped, and no request */
        look->request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE;
        look->activity.state = 'T';
        break;
    case 'O': /* stopped, and another request */
        look->request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_OTHER;
        look->activity.state = 'T';
        break;
    case 'W': /* stopped, and was let go meanwhile */
        look->request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE;
        look->activity.state = 'T';
        look->activity.used += G_USEC_PER_SEC / 100;
        break;
    case 't':
        look->activity.state = 't';
        break;
    case 'a':
        look->answered = true;
        break;
    case 'u':
        look->unasked = true;
        break;
    case 'c':
        look->changes = true;
        break;
    case 'C': /* which it has answered */
        look->changes = look->answered = true;
        break;
    case 'L': /* late */
        look->when += 3 * G_USEC_PER_SEC;
        break;
    default:
        abort();
    }
}


static int
testJudge(const void *opaque)
{
    const struct testJudgeData *data = opaque;
    g_autofree char *verdicts = g_strdup(data->looks);
    libxlDeviceModelHangLook look = { .when = 7, .activity.used = 5000 };
    libxlDeviceModelHang hang = {
        .limit = data->limit * (gint64)G_USEC_PER_SEC, .well = 7, .last = 7, .used = 5000,
    };
    size_t i;

    for (i = 0; data->looks[i]; i++) {
        testLook(data->looks[i], &look);
        verdicts[i] = ".?!"[libxlDeviceModelHangJudge(&hang, &look)];
    }

    return virTestCompareToString(data->verdicts, verdicts);
}


static int
testJudges(void)
{
    int ret = 0;

#define DO_TEST(title, seconds, seen, expected) \
    do { \
        static const struct testJudgeData data = { seconds, seen, expected }; \
        if (virTestRun(title, testJudge, &data) < 0) \
            ret = -1; \
    } while (0)

    /* it is well */
    DO_TEST("idle", 10,                          "nnnnnnnnnnnnnnnnnnnnnnnn", "........................");
    DO_TEST("requests that come and go", 10,     "onooooooooonoooooooooooo", "........................");
    DO_TEST("a request of nine seconds", 10,     "nossssssssnossss",         "....?.........?.");
    DO_TEST("it answers", 10,                    "nosssassssasss",           "....?....?....");
    DO_TEST("a disk of twenty seconds", 10,      "noDDDDDDDDDDDDDDDDDDDDno", "........................");
    DO_TEST("a disk, now and then", 10,          "nosssssDsssssssssDsssssn", "....?......?.........?..");
    DO_TEST("no processor", 10,                  "noRRRRRRRRRRRRRRRRRRRRRR", "........................");
    DO_TEST("a debugger", 10,                    "notttttttttttttttttttttt", "........................");
    DO_TEST("stopped for a moment", 10,          "nTTTTTTTTTnTTTTTTTTTnTTT", "........................");
    DO_TEST("let go now and then", 10,           "nTWWWWWWWWWWWWWWWWTTTTTTT", ".........................");
    DO_TEST("changes that it answers", 10,       "nosccccccccccccccccccccCcccccccccccccccccccC", "............................................");
    DO_TEST("a look that comes late", 10,        "nosssssssLsss",            "....?........");
    DO_TEST("a look that comes late to one that is stopped", 10, "nTTTTTTTLTTT", "............");
    DO_TEST("questions that cannot be put", 10,  "nosssuuuuuuuuuuu",         "....????????????");

    /* it hangs */
    DO_TEST("silent", 10,                        "nosssssssss",              "....?.....!");
    DO_TEST("silent from the first look on", 10, "osssssssss",               "...?.....!");
    DO_TEST("silent, for a longer limit", 14,    "nosssssssssssss",          ".....?........!");
    DO_TEST("silent, for the shortest limit", 3, "nosss",                    "..?.!");
    DO_TEST("it spins", 10,                      "noSSSSSSSSS",              "....?.....!");
    DO_TEST("stopped", 10,                       "nTTTTTTTTTT",              "..........!");
    DO_TEST("stopped, and the guest comes", 10,  "nTTTTOssTTT",              "......?...!");
    DO_TEST("stopped, then silent", 10,          "nTTTTTTTTssssss",          ".........?....!");
    DO_TEST("silent after a disk", 10,           "noDDDDDDDDDDssssssssss",   "...............?.....!");
    DO_TEST("silent after its answer", 10,       "nosssassssssssss",         "....?....?.....!");
    DO_TEST("silent after a change", 10,         "nosssccccccccccccccssssss", "....?..............?....!");
    DO_TEST("silent, change after change", 10,   "nosccccccccccccccccccccccccccccc", "..............................!!");
    DO_TEST("stopped while it works", 10,        "nWTTTTTTTTT",             "..........!");
    DO_TEST("stopped again while it works", 10,  "nTnWTTTTTTTTT",           "............!");
    DO_TEST("stopped again at once", 10,         "nTWTTTTTTTTTT",           "............!");
    DO_TEST("silent once it could be asked", 10, "nosssuuuuuuusssss",        "....????????....!");
    DO_TEST("silent after a late look", 10,      "nosssssssLssssssssss",     "....?........?.....!");

#undef DO_TEST

    return ret;
}


/* A device model, what stands in for its guest and its QMP, and what becomes of it. */
typedef struct _testModel testModel;
struct _testModel {
    const char *name;
    unsigned int limit;
    bool stopped;
    libxlDeviceModelIoreqLookResult request;
    int err; /* of a connection */
    bool answers;
    bool once; /* it answers */
    bool changes;
    bool unwatched;
    bool ended;

    bool killed; /* expected, as are the next two */
    bool asked;
    bool searched; /* its threads are looked at */

    libxlDeviceModel *dm;
    pid_t pid;
    int nasked; /* atomic, as are the next two */
    int nlooked;
    int nsearched;
};

static testModel testModels[] = {
    { .name = "stopped", .limit = 1, .stopped = true, .killed = true },
    { .name = "stopped, without a limit", .stopped = true },
    { .name = "stopped, and not looked at any more", .limit = 1, .stopped = true, .unwatched = true },
    { .name = "stopped, before its limit", .limit = 3600, .stopped = true },
    { .name = "idle", .limit = 1 },
    { .name = "silent", .limit = 1, .request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME,
      .killed = true, .asked = true, .searched = true },
    { .name = "deaf", .limit = 1, .request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME,
      .err = ECONNREFUSED, .killed = true, .asked = true, .searched = true },
    { .name = "deaf, with others that wait", .limit = 1,
      .request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME, .err = EAGAIN, .killed = true, .asked = true,
      .searched = true },
    { .name = "no file left for a connection", .limit = 1,
      .request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME, .err = EMFILE, .asked = true, .searched = true },
    { .name = "it answers", .limit = 1, .request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME,
      .answers = true, .asked = true, .searched = true },
    { .name = "it answers once", .limit = 1, .request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME,
      .answers = true, .once = true, .killed = true, .asked = true, .searched = true },
    { .name = "a change", .limit = 10, .request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME,
      .changes = true, .searched = true },
    { .name = "silent, for less than a third of its limit", .limit = 3600,
      .request = LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME },
    { .name = "ended", .limit = 1, .ended = true },
};

static int testViewers; /* how often one was asked for */


static testModel *
testFind(const char *name)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(testModels); i++) {
        if (STREQ(testModels[i].name, name))
            return &testModels[i];
    }

    abort();
}


libxlDeviceModelIoreqViewer *
libxlDeviceModelIoreqViewerNew(void)
{
    if (testViewers++ == 0) {
        errno = EMFILE;
        return NULL;
    }

    return (libxlDeviceModelIoreqViewer *)testModels;
}


void
libxlDeviceModelIoreqViewerFree(libxlDeviceModelIoreqViewer *viewer G_GNUC_UNUSED)
{
}


libxlDeviceModelIoreqLookResult
libxlDeviceModelIoreqLook(const libxlDeviceModelIoreqViewer *viewer,
                          const libxlDeviceModelIoreq *ioreq,
                          unsigned int vcpus,
                          libxlDeviceModelIoreqPending *pending)
{
    testModel *model = &testModels[ioreq->ioservid];

    if (viewer != (libxlDeviceModelIoreqViewer *)testModels || vcpus != 3 ||
        ioreq->domid != 7 || pending->vcpu++ != (unsigned int)g_atomic_int_add(&model->nlooked, 1))
        abort();

    return model->request;
}


int
libxlDeviceModelActivityReadThreads(const char *folder,
                                    libxlDeviceModelActivity *activity G_GNUC_UNUSED)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(testModels); i++) {
        g_autofree char *path = g_strdup_printf("/proc/%lld", (long long)testModels[i].pid);

        if (STREQ(folder, path))
            g_atomic_int_inc(&testModels[i].nsearched);
    }

    return 0;
}


/* A device model that never answers has no thread here that waits for it. */
libxlDeviceModelMonitor *
libxlDeviceModelMonitorConnect(const char *name,
                               const char *path G_GNUC_UNUSED)
{
    testModel *model = testFind(name);

    g_atomic_int_inc(&model->nasked);
    if (model->err == 0)
        return (libxlDeviceModelMonitor *)model;

    virReportSystemError(model->err, "%s", "stand-in");
    return NULL;
}


int
libxlDeviceModelMonitorHandshake(libxlDeviceModelMonitor *mon G_GNUC_UNUSED,
                                 gint64 deadline G_GNUC_UNUSED)
{
    return 0;
}


int
libxlDeviceModelQMPQueryStatus(libxlDeviceModelMonitor *mon,
                               bool *running G_GNUC_UNUSED,
                               char **status G_GNUC_UNUSED,
                               gint64 deadline G_GNUC_UNUSED)
{
    testModel *model = (testModel *)mon;

    return model->answers && !(model->once && g_atomic_int_get(&model->nasked) > 1) ? 0 : -1;
}


void
libxlDeviceModelMonitorFree(libxlDeviceModelMonitor *mon G_GNUC_UNUSED)
{
}


static void
testBegin(testModel *model,
          unsigned int number)
{
    if ((model->pid = fork()) < 0)
        abort();

    if (model->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (true)
            pause();
    }

    if (!(model->dm = libxlDeviceModelNew("/nonexistent", 7, number, model->name)) ||
        libxlDeviceModelOpen(model->dm, model->pid) < 0)
        abort();

    model->dm->ioservid = number;
    model->dm->state = LIBXL_DEVICE_MODEL_STATE_RUNNING;
    model->dm->changes = model->changes;
    libxlDeviceModelHangWatch(model->dm, 3, model->limit);
    if (libxlDeviceModelHangIsWatched(model->dm) != (model->limit > 0))
        abort();

    if (model->stopped)
        kill(model->pid, SIGSTOP);
    if (model->unwatched)
        libxlDeviceModelHangUnwatch(model->dm);
    if (model->ended)
        kill(model->pid, SIGKILL);
}


/* ThreadSanitizer reads the names of functions when it needs one for the first time, and
 * never if it cannot open a file then; what it is to suppress it knows by name only. */
static void
testReadSymbols(void)
{
#ifdef __SANITIZE_THREAD__
    char name[256];

    __sanitizer_symbolize_pc(__builtin_return_address(0), "%f", name, sizeof(name));
#endif
}


/* No file can be opened for a while. */
static void
testTakeFiles(void)
{
    int unused = open("/dev/null", O_RDONLY);
    struct rlimit limit;
    struct rlimit none;

    if (unused < 0 || close(unused) < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
        abort();

    none = limit;
    none.rlim_cur = unused;
    if (setrlimit(RLIMIT_NOFILE, &none) < 0)
        abort();

    g_usleep(TEST_NO_FILES_US);

    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        abort();
}


/* Waits for those that are to be killed. */
static void
testAwait(void)
{
    gint64 patience = g_get_monotonic_time() + TEST_PATIENCE_US;
    size_t i;

    g_usleep(TEST_WAIT_US);
    for (i = 0; i < G_N_ELEMENTS(testModels); i++) {
        if (testModels[i].killed)
            libxlDeviceModelProcessWait(&testModels[i].dm->process, patience);
    }
}


/* The list has a reference to those that are looked at still. */
static int
testCheckReference(const testModel *model)
{
    const GObject *object = (const GObject *)model->dm;
    bool watched = model->limit > 0 && !model->unwatched && !model->killed && !model->ended;
    gint64 patience = g_get_monotonic_time() + TEST_PATIENCE_US;

    while ((int)g_atomic_int_get(&object->ref_count) != (watched ? 2 : 1) &&
           g_get_monotonic_time() < patience)
        g_usleep(1000);

    if ((int)g_atomic_int_get(&object->ref_count) == (watched ? 2 : 1))
        return 0;

    VIR_TEST_VERBOSE("it has %d references", object->ref_count);
    return -1;
}


static int
testModelEnd(const void *opaque)
{
    testModel *model = (testModel *)opaque;
    g_autofree char *end = libxlDeviceModelDescribeEnd(model->dm);
    bool looked = g_atomic_int_get(&model->nlooked) > 0;
    int ret = 0;

    if (model->killed ? !end || !STRPREFIX(end, "hung for ") :
        model->ended ? STRNEQ_NULLABLE(end, "killed by signal 9 (Killed)") : !!end) {
        VIR_TEST_VERBOSE("it %s", end ? end : "lives");
        ret = -1;
    }

    if ((g_atomic_int_get(&model->nasked) > 0) != model->asked ||
        (!model->ended && looked != (model->limit > 0 && !model->unwatched))) {
        VIR_TEST_VERBOSE("it was asked %d times, and looked at %d times", model->nasked, model->nlooked);
        ret = -1;
    }

    if ((g_atomic_int_get(&model->nsearched) > 0) != model->searched) {
        VIR_TEST_VERBOSE("its threads were looked at %d times", model->nsearched);
        ret = -1;
    }

    if (testCheckReference(model) < 0)
        ret = -1;

    libxlDeviceModelHangUnwatch(model->dm);
    kill(model->pid, SIGKILL);
    libxlDeviceModelProcessWait(&model->dm->process, g_get_monotonic_time() + TEST_PATIENCE_US);
    virObjectUnref(model->dm);
    return ret;
}


/* One that has ended before it could be killed did not hang. */
static int
testKillLate(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModel) dm = libxlDeviceModelNew("/nonexistent", 7, 1, "late");
    g_autofree char *end = NULL;
    pid_t pid = fork();

    if (pid == 0)
        _exit(3);

    if (pid < 0 || !dm || libxlDeviceModelOpen(dm, pid) < 0 ||
        !libxlDeviceModelProcessWait(&dm->process, g_get_monotonic_time() + TEST_PATIENCE_US))
        return -1;

    if (libxlDeviceModelKillHung(dm, 10) || errno != ESRCH)
        return -1;

    end = libxlDeviceModelDescribeEnd(dm);
    return virTestCompareToString("exited with status 3", NULLSTR(end));
}


static int
testModelsEnd(void)
{
    int ret = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(testModels); i++)
        testBegin(&testModels[i], i);
    testTakeFiles();
    testAwait();

    for (i = 0; i < G_N_ELEMENTS(testModels); i++) {
        if (virTestRun(testModels[i].name, testModelEnd, &testModels[i]) < 0)
            ret = -1;
    }

    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (testJudges() < 0)
        ret = -1;
    if (virTestRun("killed late", testKillLate, NULL) < 0)
        ret = -1;

    testReadSymbols();
    if (testLoopStart() < 0)
        return EXIT_FAILURE;
    if (testModelsEnd() < 0)
        ret = -1;
    testLoopStop();

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
