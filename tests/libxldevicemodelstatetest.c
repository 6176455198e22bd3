/*
 * libxldevicemodelstatetest.c: the state of secondaries leaves their processes, and comes into others
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Threads play the secondaries: each listens on the socket of a device model and does what QEMU
 * does, but for one command, which it may refuse, not answer, or take as the last one.
 */

#include <config.h>

#include <dlfcn.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_hang.h"
#include "libxl/libxl_devicemodel_monitor.h"
#include "libxl/libxl_devicemodel_privilege.h"
#include "libxl/libxl_devicemodel_registers_file.h"
#include "libxl/libxl_devicemodel_state.h"
#include "libxldevicemodeltestutils.h"
#include "virfile.h"
#include "virthread.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define TEST_MAX 3
#define TEST_SHORT_MS 1000
#define TEST_LONG_MS (30 * 1000)
#define TEST_MACHINE "xenfv-3.1-machine"

/* How a secondary behaves. */
typedef enum {
    TEST_WELL = 0,
    TEST_REFUSES, /* the command */
    TEST_SILENT, /* about it */
    TEST_CLOSES, /* when it gets it */
    TEST_BLOCKED, /* has something that cannot be saved */
    TEST_STOPPED, /* from the beginning */
    TEST_ODD_MACHINE, /* names one that none can have */
    TEST_EMPTY, /* has no state */
    TEST_LARGE, /* has as much as it may */
    TEST_TOO_LARGE, /* a byte more */
    TEST_LATE, /* sends its state after its answer */
    TEST_LOADS_BADLY, /* is in another state then */
    TEST_NEVER_LOADS,
} testBehaviour;

typedef struct {
    testBehaviour behaviour;
    const char *command;
} testCharacter;

typedef struct {
    testCharacter character;
    libxlDeviceModel *dm;
    int listener;
    virThread thread;

    /* the thread's */
    bool stopped;
    bool incoming;
    int fd; /* handed over, or -1 */
    size_t nstate;
    GString *loaded;
    GString *log; /* of commands */
} testSecondary;

static struct {
    char *dir;
    testSecondary secondaries[TEST_MAX];
    libxlDeviceModel *dms[TEST_MAX];
    size_t n;
    unsigned int killed; /* uids, added up */
    unsigned int hung; /* how many were killed with that for a reason */

    /* what is known of each */
    bool ended;
    bool unwatched;
    bool hidden; /* nothing of the following can be read */
    libxlDeviceModelActivity activity;

    /* what the daemon cannot have */
    const char *thread; /* with that name */
    bool pipes;
    bool sockets;
} test;


int
socket(int domain,
       int type,
       int protocol)
{
    if (test.sockets) {
        errno = EMFILE;
        return -1;
    }

    return syscall(SYS_socket, domain, type, protocol);
}


int
virThreadCreateFull(virThread *thread,
                    bool joinable,
                    virThreadFunc func,
                    const char *name,
                    bool worker,
                    void *opaque)
{
    int (*next)(virThread *, bool, virThreadFunc, const char *, bool, void *) =
        dlsym(RTLD_NEXT, "virThreadCreateFull");

    if (STREQ_NULLABLE(name, test.thread)) {
        errno = EAGAIN;
        return -1;
    }

    return next(thread, joinable, func, name, worker, opaque);
}


int
virPipe(int fds[2])
{
    int (*next)(int *) = dlsym(RTLD_NEXT, "virPipe");

    if (test.pipes) {
        virReportSystemError(EMFILE, "%s", "Unable to create pipes");
        return -1;
    }

    return next(fds);
}


int
libxlDeviceModelPrivilegeSignal(uid_t uid,
                                int sig)
{
    test.killed += sig == SIGKILL ? uid : 1000;
    return 1;
}


bool
libxlDeviceModelKillHung(libxlDeviceModel *dm G_GNUC_UNUSED,
                         unsigned int seconds)
{
    test.hung += seconds > 0;
    return true;
}


bool
libxlDeviceModelIsAlive(const libxlDeviceModel *dm G_GNUC_UNUSED)
{
    return !test.ended;
}


bool
libxlDeviceModelHangIsWatched(const libxlDeviceModel *dm G_GNUC_UNUSED)
{
    return !test.unwatched;
}


int
libxlDeviceModelActivityRead(const char *folder G_GNUC_UNUSED,
                             libxlDeviceModelActivity *activity)
{
    memset(activity, 0, sizeof(*activity));
    activity->state = test.activity.state;
    return 0;
}


int
libxlDeviceModelActivityReadThreads(const char *folder G_GNUC_UNUSED,
                                    libxlDeviceModelActivity *activity)
{
    activity->waits = test.activity.waits;
    return test.hidden ? -1 : 0;
}


static bool
testIs(const testSecondary *secondary,
       testBehaviour behaviour,
       const char *command)
{
    return secondary->character.behaviour == behaviour &&
        (!command || STREQ(secondary->character.command, command));
}


static char
testStateByte(size_t i)
{
    return 'a' + i % 23;
}


/* The pipe takes it in pieces. */
static void
testSecondarySave(testSecondary *secondary)
{
    char data[1000];
    size_t i = 0;
    size_t n;

    while (i < secondary->nstate) {
        for (n = 0; n < sizeof(data) && i < secondary->nstate; n++)
            data[n] = testStateByte(i++);
        if (safewrite(secondary->fd, data, n) < 0)
            return;
    }
}


/* QEMU goes on with something else where there is no more for now. */
static void
testSecondaryLoad(testSecondary *secondary)
{
    char data[1000];
    ssize_t got;

    if (virSetNonBlock(secondary->fd) < 0)
        abort();

    while ((got = read(secondary->fd, data, sizeof(data))) > 0)
        g_string_append_len(secondary->loaded, data, got);
    if (got == 0)
        VIR_FORCE_CLOSE(secondary->fd);
}


static const char *
testSecondaryStatus(testSecondary *secondary)
{
    if (secondary->incoming && secondary->fd >= 0 && !testIs(secondary, TEST_NEVER_LOADS, NULL)) {
        testSecondaryLoad(secondary);
        return "{\"running\": false, \"status\": \"inmigrate\"}";
    }

    if (secondary->incoming && testIs(secondary, TEST_NEVER_LOADS, NULL))
        return "{\"running\": false, \"status\": \"inmigrate\"}";

    if (testIs(secondary, TEST_LOADS_BADLY, NULL))
        return "{\"running\": false, \"status\": \"internal-error\\u001b\"}";

    return secondary->stopped ? "{\"running\": false, \"status\": \"paused\"}"
                              : "{\"running\": true, \"status\": \"running\"}";
}


static const char *
testSecondaryAnswer(testSecondary *secondary,
                    const char *command)
{
    if (STREQ(command, "query-status"))
        return testSecondaryStatus(secondary);
    if (STREQ(command, "query-version"))
        return "{\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": \"\"}";
    if (STREQ(command, "qom-get"))
        return testIs(secondary, TEST_ODD_MACHINE, NULL) ? "\"a b\"" : "\"" TEST_MACHINE "\"";
    if (STREQ(command, "query-migrate"))
        return testIs(secondary, TEST_BLOCKED, NULL) ?
            "{\"blocked-reasons\": [\"virtio\\u001b is not ready\"]}" : "{}";
    if (STREQ(command, "add-fd"))
        return "{\"fdset-id\": 3, \"fd\": 9}";

    if (STREQ(command, "stop"))
        secondary->stopped = true;
    if (STREQ(command, "cont"))
        secondary->stopped = false;
    if (STREQ(command, "migrate-incoming"))
        secondary->incoming = secondary->stopped = true;
    if (STREQ(command, "xen-save-devices-state") && !testIs(secondary, TEST_LATE, NULL))
        testSecondarySave(secondary);

    return "{}";
}


/* Returns false at the end of the connection. */
static bool
testSecondaryCommand(testSecondary *secondary,
                     int fd,
                     const char *line)
{
    g_autoptr(virJSONValue) message = virJSONValueFromString(line);
    const char *command = virJSONValueObjectGetString(message, "execute");
    virJSONValue *arguments = virJSONValueObjectGetObject(message, "arguments");
    g_autofree char *text = arguments ? virJSONValueToString(arguments, false) : NULL;
    g_autofree char *answer = NULL;
    unsigned int id = 0;

    ignore_value(virJSONValueObjectGetNumberUint(message, "id", &id));
    if (STRNEQ(command, "qmp_capabilities") &&
        !(STREQ(command, "query-status") && secondary->incoming))
        g_string_append_printf(secondary->log, "%s%s ", command, NULLSTR_EMPTY(text));

    if (testIs(secondary, TEST_CLOSES, command))
        return false;
    if (testIs(secondary, TEST_SILENT, command))
        return true;

    if (testIs(secondary, TEST_REFUSES, command))
        answer = g_strdup_printf("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": %u}\r\n",
                                 id);
    else
        answer = g_strdup_printf("{\"return\": %s, \"id\": %u}\r\n",
                                 testSecondaryAnswer(secondary, command), id);

    ignore_value(send(fd, answer, strlen(answer), MSG_NOSIGNAL));
    return true;
}


static void
testSecondaryServe(testSecondary *secondary,
                   int fd)
{
    static const char greeting[] = "{\"QMP\": {}}\r\n";
    g_autoptr(GString) in = g_string_new(NULL);
    char *end;

    ignore_value(send(fd, greeting, strlen(greeting), MSG_NOSIGNAL));
    while (libxlDeviceModelTestReceive(fd, in, &secondary->fd)) {
        while ((end = strchr(in->str, '\n'))) {
            *end = '\0';
            if (!testSecondaryCommand(secondary, fd, in->str))
                return;
            g_string_erase(in, 0, end - in->str + 1);
        }
    }
}


static void
testSecondaryRun(void *opaque)
{
    testSecondary *secondary = opaque;
    int fd;

    while ((fd = accept(secondary->listener, NULL, NULL)) >= 0) {
        testSecondaryServe(secondary, fd);
        VIR_FORCE_CLOSE(fd);
    }
}


static size_t
testStateLength(testBehaviour behaviour,
                unsigned int id)
{
    if (behaviour == TEST_EMPTY)
        return 0;
    if (behaviour == TEST_LARGE)
        return LIBXL_DEVICE_MODEL_SAVED_STATE_MAX;
    if (behaviour == TEST_TOO_LARGE)
        return LIBXL_DEVICE_MODEL_SAVED_STATE_MAX + 1;
    return 200 * 1000 + id;
}


static void
testSecondaryStart(testSecondary *secondary,
                   const testCharacter *character,
                   unsigned int id)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    g_autofree char *name = g_strdup_printf("dm%u", id);
    g_autofree char *folder = NULL;

    secondary->character = *character;
    secondary->stopped = character->behaviour == TEST_STOPPED;
    secondary->incoming = false;
    secondary->fd = -1;
    secondary->nstate = testStateLength(character->behaviour, id);
    secondary->log = g_string_new(NULL);
    secondary->loaded = g_string_new(NULL);

    if (!(secondary->dm = libxlDeviceModelNew(test.dir, 7, id, name)))
        abort();

    secondary->dm->uid = id;
    folder = g_path_get_dirname(secondary->dm->socket);
    g_mkdir_with_parents(folder, 0700);
    if ((secondary->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
        virStrcpyStatic(addr.sun_path, secondary->dm->socket) < 0 ||
        bind(secondary->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        listen(secondary->listener, 1) < 0 ||
        virThreadCreate(&secondary->thread, true, testSecondaryRun, secondary) < 0)
        abort();
}


static void
testSecondaryEnd(testSecondary *secondary)
{
    shutdown(secondary->listener, SHUT_RDWR);
    virThreadJoin(&secondary->thread);
    VIR_FORCE_CLOSE(secondary->listener);
    VIR_FORCE_CLOSE(secondary->fd);
    unlink(secondary->dm->socket);
    if (secondary->dm->registers)
        unlink(secondary->dm->registers);
    virObjectUnref(secondary->dm);
    g_string_free(secondary->log, true);
    g_string_free(secondary->loaded, true);
}


static void
testStart(const testCharacter *characters,
          size_t n)
{
    size_t i;

    test.n = n;
    test.killed = 0;
    for (i = 0; i < n; i++) {
        testSecondaryStart(&test.secondaries[i], &characters[i], i + 1);
        test.dms[i] = test.secondaries[i].dm;
    }
}


static void
testEnd(void)
{
    size_t i;

    for (i = 0; i < test.n; i++)
        testSecondaryEnd(&test.secondaries[i]);
}


static gint64
testDeadline(bool patient)
{
    return g_get_monotonic_time() + (patient ? TEST_LONG_MS : TEST_SHORT_MS) * 1000LL;
}


static libxlDeviceModelsSaved *
testSavedNew(void)
{
    static const unsigned char uuid[VIR_UUID_BUFLEN];

    return libxlDeviceModelsSavedNew(uuid, test.n);
}


/* Which of the functions is called. */
typedef enum {
    TEST_ASK,
    TEST_LOG,
    TEST_UNLOG,
    TEST_SAVE,
    TEST_MIGRATE,
    TEST_CONTINUE,
} testWork;

struct testWorkData {
    testWork work;
    testCharacter characters[TEST_MAX];
    bool hangs; /* the deadline is short */
    const char *error;
    const char *log; /* what one is told */
    unsigned int killed;
};

static int
testWorkDo(testWork work,
           libxlDeviceModelsSaved *saved,
           gint64 deadline)
{
    switch (work) {
    case TEST_ASK:
        return libxlDeviceModelStatesAsk(test.dms, saved, deadline);
    case TEST_LOG:
    case TEST_UNLOG:
        return libxlDeviceModelStatesLog(test.dms, test.n, work == TEST_LOG, deadline);
    case TEST_SAVE:
    case TEST_MIGRATE:
        return libxlDeviceModelStatesSave(test.dms, saved, work == TEST_MIGRATE, deadline);
    case TEST_CONTINUE:
        return libxlDeviceModelStatesContinue(test.dms, test.n, deadline);
    }

    return -1;
}


static int
testWorkCheckSaved(const libxlDeviceModelsSaved *saved)
{
    size_t i;
    size_t j;

    for (i = 0; i < saved->ndms; i++) {
        const libxlDeviceModelSaved *dm = &saved->dms[i];

        if (dm->nstate != test.secondaries[i].nstate) {
            VIR_TEST_VERBOSE("device model %zu has a state of %zu bytes", i, dm->nstate);
            return -1;
        }

        for (j = 0; j < dm->nstate; j++) {
            if (dm->state[j] != testStateByte(j)) {
                VIR_TEST_VERBOSE("byte %zu of device model %zu is wrong", j, i);
                return -1;
            }
        }
    }

    return 0;
}


static int
testWorkCheckAsked(const libxlDeviceModelsSaved *saved)
{
    size_t i;

    for (i = 0; i < saved->ndms; i++) {
        const libxlDeviceModelSaved *dm = &saved->dms[i];

        if (STRNEQ(dm->name, test.dms[i]->name) || STRNEQ(dm->machine, TEST_MACHINE) ||
            dm->version[0] != 7 || dm->version[1] != 2 || dm->version[2] != 22)
            return -1;
    }

    return 0;
}


static int
testWorkCheck(const struct testWorkData *data,
              const libxlDeviceModelsSaved *saved)
{
    size_t i;

    for (i = 0; i < test.n; i++) {
        if (g_atomic_int_get(&test.dms[i]->changes) != 0) {
            VIR_TEST_VERBOSE("a change talks with device model %zu still", i);
            return -1;
        }
    }

    if (test.killed != data->killed) {
        VIR_TEST_VERBOSE("killed are %u, expected %u", test.killed, data->killed);
        return -1;
    }

    if (data->error)
        return 0;

    if (data->work == TEST_ASK)
        return testWorkCheckAsked(saved);

    return data->work == TEST_SAVE ? testWorkCheckSaved(saved) : 0;
}


static int
testWorkRun(const void *opaque)
{
    const struct testWorkData *data = opaque;
    g_autoptr(GHashTable) before = libxlDeviceModelTestOpenFiles();
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    int ret = -1;
    int rc;

    testStart(data->characters, TEST_MAX);
    saved = testSavedNew();
    rc = testWorkDo(data->work, saved, testDeadline(!data->hangs));

    if (libxlDeviceModelTestOutcome(rc, test.dir, data->error) == 0 &&
        testWorkCheck(data, saved) == 0)
        ret = 0;

    testEnd();
    return libxlDeviceModelTestCheckOpenFiles(before) < 0 ? -1 : ret;
}


/* What each of them is told, in which order. */
static int
testWorkLog(const void *opaque)
{
    const struct testWorkData *data = opaque;
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    g_autofree char *log = NULL;

    testStart(data->characters, 1);
    saved = testSavedNew();
    if (testWorkDo(data->work, saved, testDeadline(true)) < 0)
        return -1;

    log = g_strdup(test.secondaries[0].log->str);
    testEnd();
    return virTestCompareToString(data->log, log);
}


static int
testWorks(void)
{
    int ret = 0;

#define FAILED(name) "operation failed: device model '" name "'"
#define BROKEN(name) "internal error: device model '" name "'"
#define CLOSED ": closed its monitor connection"

#define DO_TEST(name, ...) \
    do { \
        static const struct testWorkData data = { __VA_ARGS__ }; \
        if (virTestRun(name, testWorkRun, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("Ask", .work = TEST_ASK);
    DO_TEST("Ask one that is stopped", .work = TEST_ASK, .characters = { { 0 }, { TEST_STOPPED, NULL } },
            .error = FAILED("dm2") " is in state 'paused', expected 'running'");
    DO_TEST("Ask one that is blocked", .work = TEST_ASK, .characters = { { 0 }, { TEST_BLOCKED, NULL } },
            .error = FAILED("dm2") " cannot be saved: 'virtio\\033 is not ready'");
    DO_TEST("Ask one that has ended", .work = TEST_ASK,
            .characters = { { 0 }, { 0 }, { TEST_CLOSES, "query-status" } },
            .error = BROKEN("dm3") ": monitor command 'query-status'" CLOSED);
    DO_TEST("Ask one with an odd machine", .work = TEST_ASK, .characters = { { TEST_ODD_MACHINE, NULL } },
            .error = FAILED("dm1") " names a machine that none can have");
    DO_TEST("The first error is told", .work = TEST_ASK,
            .characters = { { 0 }, { TEST_REFUSES, "query-migrate" }, { TEST_REFUSES, "query-status" } },
            .error = FAILED("dm2") ": monitor command 'query-migrate': GenericError: no");

    DO_TEST("Log", .work = TEST_LOG);
    DO_TEST("Log refused", .work = TEST_LOG,
            .characters = { { TEST_REFUSES, "xen-set-global-dirty-log" } },
            .error = FAILED("dm1") ": monitor command 'xen-set-global-dirty-log': GenericError: no");

    DO_TEST("Save", .work = TEST_SAVE);
    DO_TEST("Save where one does not stop", .work = TEST_SAVE,
            .characters = { { 0 }, { 0 }, { TEST_REFUSES, "stop" } },
            .error = FAILED("dm3") ": monitor command 'stop': GenericError: no");
    DO_TEST("Save where one is refused", .work = TEST_SAVE,
            .characters = { { 0 }, { TEST_REFUSES, "xen-save-devices-state" } },
            .error = FAILED("dm2") ": monitor command 'xen-save-devices-state': GenericError: no");
    DO_TEST("Save where one ends", .work = TEST_SAVE,
            .characters = { { TEST_CLOSES, "xen-save-devices-state" } },
            .error = BROKEN("dm1") ": monitor command 'xen-save-devices-state'" CLOSED);
    DO_TEST("Save where one has no state", .work = TEST_SAVE,
            .characters = { { 0 }, { TEST_EMPTY, NULL } },
            .error = FAILED("dm2") " sent no state, expected up to 16777216 bytes");
    DO_TEST("Save where one sends after its answer", .work = TEST_SAVE,
            .characters = { { 0 }, { TEST_LATE, NULL } },
            .error = FAILED("dm2") " sent no state, expected up to 16777216 bytes");
    DO_TEST("Save where one has as much as it may", .work = TEST_SAVE,
            .characters = { { 0 }, { TEST_LARGE, NULL } });
    DO_TEST("Save where one has more", .work = TEST_SAVE,
            .characters = { { 0 }, { TEST_TOO_LARGE, NULL } },
            .error = FAILED("dm2") " sent a state of more than 16777216 bytes");

    DO_TEST("Continue", .work = TEST_CONTINUE, .characters = { { TEST_STOPPED, NULL } });
    DO_TEST("Continue where one is refused", .work = TEST_CONTINUE,
            .characters = { { TEST_STOPPED, NULL }, { TEST_REFUSES, "cont" }, { TEST_STOPPED, NULL } },
            .killed = 2);
#undef DO_TEST

#define DO_TEST(name, ...) \
    do { \
        static const struct testWorkData data = { __VA_ARGS__ }; \
        if (virTestRun("Told: " name, testWorkLog, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("asked", .work = TEST_ASK,
            .log = "query-status query-migrate query-version "
                   "qom-get{\"path\":\"/machine\",\"property\":\"type\"} ");
    DO_TEST("to log", .work = TEST_LOG, .log = "xen-set-global-dirty-log{\"enable\":true} ");
    DO_TEST("not to log", .work = TEST_UNLOG, .log = "xen-set-global-dirty-log{\"enable\":false} ");
    DO_TEST("saved", .work = TEST_SAVE,
            .log = "stop add-fd xen-save-devices-state{\"filename\":\"/dev/fdset/3\",\"live\":false} "
                   "remove-fd{\"fdset-id\":3} ");
    DO_TEST("migrated", .work = TEST_MIGRATE,
            .log = "stop add-fd xen-save-devices-state{\"filename\":\"/dev/fdset/3\",\"live\":true} "
                   "remove-fd{\"fdset-id\":3} ");
    DO_TEST("to go on", .work = TEST_CONTINUE, .log = "cont ");

#undef DO_TEST

    return ret;
}


/* One that does not answer costs no more than the deadline, and the others are not told twice. */
static int
testSilent(const void *opaque)
{
    const struct testWorkData *data = opaque;
    gint64 begin = g_get_monotonic_time();
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    int rc;

    testStart(data->characters, TEST_MAX);
    saved = testSavedNew();
    rc = testWorkDo(data->work, saved, testDeadline(false));
    testEnd();

    if (rc == 0 || !strstr(virGetLastErrorMessage(), data->error) ||
        !strstr(virGetLastErrorMessage(), ": no answer within ")) {
        VIR_TEST_VERBOSE("returned %d with '%s'", rc, virGetLastErrorMessage());
        return -1;
    }

    virResetLastError();
    return g_get_monotonic_time() - begin < 10 * G_USEC_PER_SEC ? 0 : -1;
}


/* The daemon is short of threads, or of files: what needs them fails, and no more. */
struct testShortData {
    testWork work;
    testBehaviour behaviour;
    bool pipes;
    bool sockets;
    const char *error;
    bool stopped; /* those that are told to stop are, afterwards */
};

static int
testShort(const void *opaque)
{
    const struct testShortData *data = opaque;
    const testCharacter characters[TEST_MAX] = {
        { data->behaviour, NULL }, { data->behaviour, NULL }, { data->behaviour, NULL },
    };
    g_autoptr(GHashTable) before = libxlDeviceModelTestOpenFiles();
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    int ret = 0;
    size_t i;
    int rc;

    testStart(characters, TEST_MAX);
    saved = testSavedNew();
    test.thread = data->pipes ? NULL : "dm-state-7-2";
    test.pipes = data->pipes;
    test.sockets = data->sockets;
    rc = testWorkDo(data->work, saved, testDeadline(true));
    test.thread = NULL;
    test.pipes = test.sockets = false;

    for (i = 0; i < TEST_MAX; i++) {
        if (test.secondaries[i].stopped && !data->stopped) {
            VIR_TEST_VERBOSE("device model %zu is stopped", i);
            ret = -1;
        }
    }

    if (libxlDeviceModelTestOutcome(rc, test.dir, data->error) < 0 || test.killed != 0)
        ret = -1;

    testEnd();
    return libxlDeviceModelTestCheckOpenFiles(before) < 0 ? -1 : ret;
}


static int
testShorts(void)
{
    int ret = 0;

#define DO_TEST(name, ...) \
    do { \
        static const struct testShortData data = { __VA_ARGS__ }; \
        if (virTestRun("Short of " name, testShort, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("threads to ask", .work = TEST_ASK);
    DO_TEST("files to ask", .work = TEST_ASK, .pipes = true);
    DO_TEST("threads to go on", .work = TEST_CONTINUE, .behaviour = TEST_STOPPED);
    DO_TEST("files to go on", .work = TEST_CONTINUE, .behaviour = TEST_STOPPED, .pipes = true);
    DO_TEST("sockets to go on", .work = TEST_CONTINUE, .behaviour = TEST_STOPPED, .sockets = true,
            .stopped = true,
            .error = "device model 'dm1': cannot connect to monitor socket 'DIR/devicemodel/7-1.qmp': "
                     "Too many open files");
    DO_TEST("threads to save", .work = TEST_SAVE, .stopped = true,
            .error = "device model 'dm2': cannot create a thread: Resource temporarily unavailable");
    DO_TEST("files to save", .work = TEST_SAVE, .pipes = true,
            .error = "Unable to create pipes: Too many open files");

#undef DO_TEST

    return ret;
}


/* One that is silent when it is to go on, and why. */
struct testSilentData {
    bool ended;
    bool unwatched;
    bool hidden;
    const char *thread;
    libxlDeviceModelActivity activity;
    bool stays; /* stopped: it is to be told again */
    unsigned int killed;
};

static int
testContinue(const void *opaque)
{
    const struct testSilentData *data = opaque;
    static const testCharacter characters[TEST_MAX] = {
        { TEST_STOPPED, NULL }, { TEST_SILENT, "cont" }, { TEST_STOPPED, NULL },
    };
    int rc;

    testStart(characters, TEST_MAX);
    test.hung = 0;
    test.ended = data->ended;
    test.unwatched = data->unwatched;
    test.hidden = data->hidden;
    test.thread = data->thread;
    test.activity = data->activity;
    rc = libxlDeviceModelStatesContinue(test.dms, test.n, testDeadline(false));
    test.ended = test.unwatched = test.hidden = false;
    test.thread = NULL;
    memset(&test.activity, 0, sizeof(test.activity));
    testEnd();

    if ((rc < 0) == data->stays && test.killed == data->killed && test.hung == data->killed / 2 &&
        (virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT) == data->stays) {
        virResetLastError();
        return 0;
    }

    VIR_TEST_VERBOSE("returned %d with '%s', and killed %u",
                     rc, virGetLastErrorMessage(), test.killed);
    return -1;
}


static int
testContinues(void)
{
    int ret = 0;

#define DO_TEST(name, ...) \
    do { \
        static const struct testSilentData data = { __VA_ARGS__ }; \
        if (virTestRun("Continue one that " name, testContinue, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("hangs", .activity = { .state = 'S' }, .killed = 2);
    DO_TEST("hangs, and no other, where it has no thread", .thread = "dm-state-7-2",
            .activity = { .state = 'S' }, .killed = 2);
    DO_TEST("nothing is known of", .hidden = true, .stays = true);
    DO_TEST("has ended", .ended = true);
    DO_TEST("may hang", .unwatched = true, .stays = true);
    DO_TEST("waits for a disk", .activity = { .state = 'S', .waits = true }, .stays = true);
    DO_TEST("a debugger has", .activity = { .state = 't' }, .stays = true);

#undef DO_TEST

    return ret;
}


/* What is remembered comes along, and is no condition. */
static int
testRegisters(const void *opaque)
{
    const bool *there = opaque;
    static const testCharacter well;
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    g_autofree libxlDeviceModelRegisters *again = NULL;
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    int fd;
    int rc;

    registers->config[3][4] = 0xfedc;
    testStart(&well, 1);
    saved = testSavedNew();
    if (*there) {
        if ((fd = libxlDeviceModelRegistersCreate(test.dms[0]->registers, registers)) < 0)
            return -1;
        VIR_FORCE_CLOSE(fd);
    }

    rc = libxlDeviceModelStatesSave(test.dms, saved, false, testDeadline(true));
    testEnd();
    if (rc < 0 || (saved->dms[0].nregisters > 0) != *there)
        return -1;

    again = libxlDeviceModelRegistersParse(saved->dms[0].registers, saved->dms[0].nregisters);
    return *there ? (again && again->config[3][4] == 0xfedc ? 0 : -1) : (again ? -1 : 0);
}


/* Registers of another version, or length, are none. */
static int
testOtherRegisters(const void *opaque G_GNUC_UNUSED)
{
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);

    registers->version = LIBXL_DEVICE_MODEL_REGISTERS_VERSION;
    if (libxlDeviceModelRegistersParse((uint8_t *)registers, sizeof(*registers) - 1) ||
        libxlDeviceModelRegistersParse(NULL, 0))
        return -1;

    registers->version++;
    return libxlDeviceModelRegistersParse((uint8_t *)registers, sizeof(*registers)) ? -1 : 0;
}


struct testLoadData {
    testCharacter character;
    const char *machine; /* or NULL for the one that it has */
    unsigned int version[3]; /* likewise, 0 */
    size_t nstate; /* likewise, a few bytes */
    bool hangs;
    const char *error;
};

static int
testLoadConnected(const struct testLoadData *data,
                  size_t nstate)
{
    g_autofree uint8_t *state = g_new0(uint8_t, nstate);
    libxlDeviceModelSaved saved = {
        .name = test.dms[0]->name,
        .machine = (char *)(data->machine ? data->machine : TEST_MACHINE),
        .version = { 7, 2, 22 }, .nstate = nstate, .state = state,
    };
    g_autoptr(libxlDeviceModelMonitor) mon =
        libxlDeviceModelMonitorConnect(test.dms[0]->name, test.dms[0]->socket);
    size_t i;
    int rc;

    for (i = 0; i < nstate; i++)
        state[i] = testStateByte(i);
    if (data->version[0] > 0)
        memcpy(saved.version, data->version, sizeof(saved.version));

    if (!mon || libxlDeviceModelMonitorHandshake(mon, testDeadline(true)) < 0)
        return -1;

    rc = libxlDeviceModelStateLoad(mon, &saved, testDeadline(!data->hangs));
    return libxlDeviceModelTestOutcome(rc, test.dir, data->error);
}


static int
testLoad(const void *opaque)
{
    const struct testLoadData *data = opaque;
    g_autoptr(GHashTable) before = libxlDeviceModelTestOpenFiles();
    size_t nstate = data->nstate > 0 ? data->nstate : 10;
    const GString *loaded;
    size_t i;
    int ret;

    testStart(&data->character, 1);
    ret = testLoadConnected(data, nstate);
    loaded = test.secondaries[0].loaded;

    if (!data->error && loaded->len != nstate)
        ret = -1;
    for (i = 0; i < loaded->len && ret == 0; i++) {
        if (loaded->str[i] != testStateByte(i))
            ret = -1;
    }

    testEnd();
    return libxlDeviceModelTestCheckOpenFiles(before) < 0 ? -1 : ret;
}


static int
testLoads(void)
{
    int ret = 0;

#define DO_TEST(name, ...) \
    do { \
        static const struct testLoadData data = { __VA_ARGS__ }; \
        if (virTestRun("Load " name, testLoad, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("a little", .hangs = false);
    DO_TEST("what has no place in a pipe", .nstate = 300 * 1000);
    DO_TEST("of an earlier version", .version = { 6, 9, 99 });
    DO_TEST("of a later repair", .version = { 7, 2, 99 });
    DO_TEST("of a later minor version", .version = { 7, 3, 0 },
            .error = "unsupported configuration: the emulator of device model 'dm1' is QEMU 7.2, "
                     "and its state is of 7.3: expected that or a later one");
    DO_TEST("of a later major version", .version = { 8, 0, 0 },
            .error = "unsupported configuration: the emulator of device model 'dm1' is QEMU 7.2, "
                     "and its state is of 8.0: expected that or a later one");
    DO_TEST("of another machine", .machine = "xenfv-4.2-machine",
            .error = "unsupported configuration: the emulator of device model 'dm1' has machine "
                     "'xenfv-3.1-machine', and its state is of 'xenfv-4.2-machine'");
    DO_TEST("what is refused", .character = { TEST_REFUSES, "migrate-incoming" },
            .error = FAILED("dm1") ": monitor command 'migrate-incoming': GenericError: no");
    DO_TEST("what ends it", .character = { TEST_CLOSES, "query-status" },
            .error = BROKEN("dm1") ": monitor command 'query-status'" CLOSED);
    DO_TEST("what leaves it in another state", .character = { TEST_LOADS_BADLY, NULL },
            .error = FAILED("dm1") " is in state 'internal-error\\033', expected 'paused'");
    DO_TEST("what is never loaded", .character = { TEST_NEVER_LOADS, NULL }, .hangs = true,
            .nstate = 300 * 1000,
            .error = "Timed out during operation: device model 'dm1' has not loaded its state in time");

#undef DO_TEST

    return ret;
}


static int
mymain(void)
{
    static const struct testWorkData silent[] = {
        { .work = TEST_ASK, .characters = { { 0 }, { TEST_SILENT, "query-status" } },
          .error = "device model 'dm2'" },
        { .work = TEST_SAVE, .characters = { { 0 }, { 0 }, { TEST_SILENT, "stop" } },
          .error = "device model 'dm3'" },
        { .work = TEST_SAVE, .characters = { { TEST_SILENT, "xen-save-devices-state" } },
          .error = "device model 'dm1'" },
    };
    static const bool yes = true;
    static const bool no = false;
    size_t i;
    int ret = 0;

    /* as the daemon does */
    signal(SIGPIPE, SIG_IGN);

    if (!(test.dir = g_dir_make_tmp("state-XXXXXX", NULL)))
        return EXIT_FAILURE;

    if (testWorks() < 0 || testShorts() < 0 || testContinues() < 0 || testLoads() < 0)
        ret = -1;

    for (i = 0; i < G_N_ELEMENTS(silent); i++) {
        g_autofree char *name = g_strdup_printf("Silent %zu", i);

        if (virTestRun(name, testSilent, &silent[i]) < 0)
            ret = -1;
    }

    if (virTestRun("Registers", testRegisters, &yes) < 0 ||
        virTestRun("No registers", testRegisters, &no) < 0 ||
        virTestRun("Other registers", testOtherRegisters, NULL) < 0)
        ret = -1;

    virFileDeleteTree(test.dir);
    g_free(test.dir);
    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
