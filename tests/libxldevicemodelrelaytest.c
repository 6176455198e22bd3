/*
 * libxldevicemodelrelaytest.c: between libxl and the primary while a domain is saved
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A thread plays the primary, which listens on a socket and answers each line; the test plays
 * libxl, which connects to the path of that socket.
 */

#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_relay.h"
#include "libxldevicemodeltestutils.h"
#include "virfile.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define TEST_GREETING "{\"QMP\": {}}\r\n"
#define TEST_STOP "{\"execute\": \"stop\", \"id\": 5}"
#define TEST_LOG "{\"execute\": \"xen-set-global-dirty-log\", \"arguments\": {\"enable\": true}, \"id\": 6}"

/* Longer than anything takes that has to come. */
#define TEST_PATIENCE_MS (30 * 1000)

typedef struct {
    char *dir;
    char *path;
    int listener;
    virThread thread;
    bool silent; /* reads nothing */
    bool floods; /* sends all the time, instead of answers */

    virMutex lock;
    GString *log; /* what has come, a line each, and " +file" for each with the test's file */
    unsigned int nconnections;

    /* the handler's */
    GString *steps; /* with how much the primary had been told by then */
    const char *failure; /* of the handler, or NULL */
} testPrimary;

static int testFile = -1; /* that libxl hands over */

/* What the relay is told when it takes a connection, and how often. */
static int testAcceptError;
static int testAcceptFails; /* atomic */


int
accept4(int fd,
        struct sockaddr *addr,
        socklen_t *len,
        int flags)
{
    if (g_atomic_int_get(&testAcceptFails) > 0) {
        g_atomic_int_add(&testAcceptFails, -1);
        errno = testAcceptError;
        return -1;
    }

    return syscall(SYS_accept4, fd, addr, len, flags);
}


/* Decisions */

struct testDecideData {
    const char *line;
    libxlDeviceModelRelayStep step;
};

static int
testDecide(const void *opaque)
{
    const struct testDecideData *data = opaque;
    libxlDeviceModelRelayStep step = libxlDeviceModelRelayDecide(data->line);

    if (step == data->step && virGetLastErrorCode() == VIR_ERR_OK)
        return 0;

    VIR_TEST_VERBOSE("step %d, expected %d", step, data->step);
    return -1;
}


static int
testDecisions(void)
{
    int ret = 0;

#define DO_TEST(text, what) \
    do { \
        static const struct testDecideData data = { text, LIBXL_DEVICE_MODEL_RELAY_ ## what }; \
        if (virTestRun("Decide " text, testDecide, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST(TEST_STOP, STOP);
    DO_TEST("{\"id\":5,\"arguments\":{},\"execute\":\"stop\"}\r", STOP);
    DO_TEST(TEST_LOG, LOG);
    DO_TEST("{\"execute\": \"xen-set-global-dirty-log\", \"arguments\": {\"enable\": false}}", UNLOG);
    DO_TEST("{\"execute\": \"xen-set-global-dirty-log\", \"arguments\": {\"enable\": 1}}", PASS);
    DO_TEST("{\"execute\": \"xen-set-global-dirty-log\"}", PASS);
    DO_TEST("{\"execute\": \"xen-save-devices-state\", \"arguments\": {\"live\": false}}", PASS);
    DO_TEST("{\"execute\": \"cont\"}", PASS);
    DO_TEST("{\"execute\": \"device_add\", \"arguments\": {\"execute\": \"stop\"}}", PASS);
    DO_TEST("{\"execute\": [\"stop\"]}", PASS);
    DO_TEST("{\"exec-oob\": \"stop\"}", PASS);
    DO_TEST("\"stop\"", PASS);
    DO_TEST("stop", PASS);
    DO_TEST("", PASS);

#undef DO_TEST

    return ret;
}


struct testRefusalData {
    const char *line;
    const char *reason;
    const char *answer;
};

static int
testRefusal(const void *opaque)
{
    const struct testRefusalData *data = opaque;
    g_autofree char *answer = libxlDeviceModelRelayRefusal(data->line, data->reason);

    return virTestCompareToString(data->answer, answer);
}


static int
testRefusals(void)
{
    int ret = 0;

#define DO_TEST(name, ...) \
    do { \
        static const struct testRefusalData data = { __VA_ARGS__ }; \
        if (virTestRun("Refuse " name, testRefusal, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("a number", TEST_STOP, "disk 'a\"b'",
            "{\"error\":{\"class\":\"GenericError\",\"desc\":\"disk 'a\\\"b'\"},\"id\":5}\r\n");
    DO_TEST("an object", "{\"execute\": \"stop\", \"id\": {\"a\": 1}}", "no",
            "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"id\":{\"a\":1}}\r\n");
    DO_TEST("nothing", "{\"execute\": \"stop\"}", "no",
            "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}}\r\n");

#undef DO_TEST

    return ret;
}


/* The primary */

static void
testPrimaryNote(testPrimary *primary,
                const char *line,
                int file)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&primary->lock);
    struct stat here;
    struct stat there;

    g_string_append(primary->log, line);
    if (file >= 0 && fstat(file, &here) == 0 && fstat(testFile, &there) == 0 &&
        here.st_ino == there.st_ino && here.st_dev == there.st_dev)
        g_string_append(primary->log, " +file");
    g_string_append(primary->log, "\n");
}


static void
testPrimarySend(int fd,
                const char *text)
{
    ignore_value(send(fd, text, strlen(text), MSG_NOSIGNAL));
}


/* Returns false where the connection has ended. */
static bool
testPrimaryLines(testPrimary *primary,
                 int fd,
                 GString *in,
                 int *file)
{
    char *end;

    while ((end = strchr(in->str, '\n'))) {
        *end = '\0';
        testPrimaryNote(primary, in->str, *file);
        VIR_FORCE_CLOSE(*file);
        if (strstr(in->str, "bye"))
            return false;
        testPrimarySend(fd, "{\"event\": \"STOP\"}\r\n{\"return\": {}}\r\n");
        g_string_erase(in, 0, end - in->str + 1);
    }

    return true;
}


static void
testPrimaryServe(testPrimary *primary,
                 int fd)
{
    g_autoptr(GString) in = g_string_new(NULL);
    int file = -1;

    if (primary->silent) {
        struct pollfd pfd = { .fd = fd };

        ignore_value(poll(&pfd, 1, TEST_PATIENCE_MS));
        return;
    }

    testPrimarySend(fd, TEST_GREETING);
    while (primary->floods && send(fd, TEST_GREETING, strlen(TEST_GREETING), MSG_NOSIGNAL) > 0)
        ;

    while (libxlDeviceModelTestReceive(fd, in, &file) &&
           testPrimaryLines(primary, fd, in, &file))
        ;
    VIR_FORCE_CLOSE(file);
}


static void
testPrimaryRun(void *opaque)
{
    testPrimary *primary = opaque;
    int fd;

    while ((fd = accept(primary->listener, NULL, NULL)) >= 0) {
        VIR_WITH_MUTEX_LOCK_GUARD(&primary->lock) {
            primary->nconnections++;
        }
        testPrimaryServe(primary, fd);
        VIR_FORCE_CLOSE(fd);
    }
}


static int
testListen(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || virStrcpyStatic(addr.sun_path, path) < 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0)
        abort();

    return fd;
}


static void
testPrimaryStart(testPrimary *primary)
{
    if (!(primary->dir = g_dir_make_tmp("relay-XXXXXX", NULL)) ||
        virMutexInit(&primary->lock) < 0)
        abort();

    primary->path = g_strdup_printf("%s/qmp", primary->dir);
    primary->log = g_string_new(NULL);
    primary->steps = g_string_new(NULL);
    primary->listener = testListen(primary->path);
    if (virThreadCreate(&primary->thread, true, testPrimaryRun, primary) < 0)
        abort();
}


static void
testPrimaryEnd(testPrimary *primary)
{
    shutdown(primary->listener, SHUT_RDWR);
    virThreadJoin(&primary->thread);
    VIR_FORCE_CLOSE(primary->listener);
    virFileDeleteTree(primary->dir);
    virMutexDestroy(&primary->lock);
    g_string_free(primary->log, true);
    g_string_free(primary->steps, true);
    g_free(primary->path);
    g_free(primary->dir);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(testPrimary, testPrimaryEnd);


static int
testHandle(libxlDeviceModelRelayStep step,
           void *opaque)
{
    testPrimary *primary = opaque;
    VIR_LOCK_GUARD lock = virLockGuardLock(&primary->lock);

    g_string_append_printf(primary->steps, "%d after %zu ", step, primary->log->len);
    if (!primary->failure)
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED, "%s", primary->failure);
    return -1;
}


/* libxl */

static int
testClientConnect(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = TEST_PATIENCE_MS / 1000 };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || virStrcpyStatic(addr.sun_path, path) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
        abort();

    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        VIR_FORCE_CLOSE(fd);

    return fd;
}


/* Returns a line, without its end, or NULL at the end of the connection. */
static char *
testClientReceive(int fd)
{
    g_autoptr(GString) line = g_string_new(NULL);
    char byte;

    while (recv(fd, &byte, 1, 0) == 1) {
        if (byte == '\n')
            return g_strdup(line->str);
        g_string_append_c(line, byte);
    }

    return NULL;
}


static int
testClientExpect(int fd,
                 const char *expected)
{
    g_autofree char *line = testClientReceive(fd);

    return virTestCompareToString(expected, line ? line : "the end");
}


static void
testClientSendFile(int fd,
                   const char *data,
                   size_t len,
                   int file)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                          .msg_controllen = sizeof(control.space) };

    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), &file, sizeof(int));

    if (sendmsg(fd, &msg, 0) != (ssize_t)len)
        abort();
}


/* As libxl does: the file comes with the first byte, alone. */
static void
testClientSend(int fd,
               const char *line,
               bool file)
{
    g_autofree char *text = g_strdup_printf("%s\r\n", line);
    size_t done = 0;

    if (file) {
        testClientSendFile(fd, text, 1, testFile);
        done = 1;
    }
    if (safewrite(fd, text + done, strlen(text) - done) < 0)
        abort();
}


/* A connection of libxl's, with one command and its answer. */
static int
testClientCommand(const char *path,
                  const char *line,
                  bool file,
                  const char *answer)
{
    VIR_AUTOCLOSE fd = testClientConnect(path);

    if (fd < 0 || testClientExpect(fd, "{\"QMP\": {}}\r") < 0)
        return -1;

    testClientSend(fd, line, file);
    if (!answer)
        return testClientExpect(fd, "{\"event\": \"STOP\"}\r") < 0 ||
               testClientExpect(fd, "{\"return\": {}}\r") < 0 ? -1 : 0;

    return testClientExpect(fd, answer);
}


/* An operation of libxl's over a relay: connections with one command each. */
struct testRelayData {
    const char *lines[3];
    const char *answer; /* to the last one, where it is not the primary's */
    bool file; /* comes with the last one */
    const char *failure;
    const char *log;
    const char *steps;
    bool stopped;
};

static int
testRelay(const void *opaque)
{
    const struct testRelayData *data = opaque;
    g_auto(testPrimary) primary = { .failure = data->failure };
    g_autofree char *expected = NULL;
    libxlDeviceModelRelay *relay;
    bool stopped = !data->stopped;
    size_t i;
    int rc = 0;

    testPrimaryStart(&primary);
    if (!(relay = libxlDeviceModelRelayNew(primary.path, testHandle, &primary)))
        return -1;

    for (i = 0; i < G_N_ELEMENTS(data->lines) && data->lines[i] && rc == 0; i++) {
        bool last = i + 1 == G_N_ELEMENTS(data->lines) || !data->lines[i + 1];

        rc = testClientCommand(primary.path, data->lines[i], last && data->file,
                               last ? data->answer : NULL);
    }

    if (data->failure)
        expected = g_strdup_printf("operation failed: %s", data->failure);
    if (libxlDeviceModelTestOutcome(libxlDeviceModelRelayEnd(relay, &stopped), NULL,
                                    expected) < 0)
        return -1;

    if (rc < 0 || stopped != data->stopped) {
        VIR_TEST_VERBOSE("stopped is %d", stopped);
        return -1;
    }

    /* the primary has its place again */
    if (testClientCommand(primary.path, "{}", false, NULL) < 0)
        return -1;

    return virTestCompareToString(data->log, primary.log->str) < 0 ||
           virTestCompareToString(data->steps, primary.steps->str) < 0 ? -1 : 0;
}


static int
testRelays(void)
{
    int ret = 0;

#define DO_TEST(name, ...) \
    do { \
        static const struct testRelayData data = { __VA_ARGS__ }; \
        if (virTestRun("Relay " name, testRelay, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("nothing", .log = "{}\r\n", .steps = "");
    DO_TEST("what concerns nobody", .lines = { "{\"execute\": \"query-block\"}" },
            .log = "{\"execute\": \"query-block\"}\r\n{}\r\n", .steps = "");
    DO_TEST("what is no JSON", .lines = { "hello" }, .log = "hello\r\n{}\r\n", .steps = "");
    DO_TEST("a file", .lines = { "{\"execute\": \"add-fd\"}" }, .file = true,
            .log = "{\"execute\": \"add-fd\"}\r +file\n{}\r\n", .steps = "");
    DO_TEST("all that libxl says", .lines = { TEST_LOG, TEST_STOP, "{\"execute\": \"x\"}" },
            .log = TEST_LOG "\r\n" TEST_STOP "\r\n{\"execute\": \"x\"}\r\n{}\r\n",
            .steps = "1 after 0 3 after 81 ", .stopped = true);
    DO_TEST("a stop that fails", .lines = { TEST_STOP }, .failure = "disk is full",
            .answer = "{\"error\":{\"class\":\"GenericError\",\"desc\":\"operation failed: disk is full\"},\"id\":5}\r",
            .log = "{}\r\n", .steps = "3 after 0 ");
    DO_TEST("a log that fails", .lines = { TEST_LOG }, .failure = "lan has ended",
            .answer = "{\"error\":{\"class\":\"GenericError\",\"desc\":\"operation failed: lan has ended\"},\"id\":6}\r",
            .log = "{}\r\n", .steps = "1 after 0 ");

#undef DO_TEST

    return ret;
}


/* A primary, or a libxl, that does not behave.  The relay goes on, and ends in time. */
struct testOddData {
    bool silent;
    bool floods;
    const char *line; /* that libxl sends, again and again */
    size_t nlines;
    bool ends; /* the connection, by the relay */
};

static int
testOdd(const void *opaque)
{
    const struct testOddData *data = opaque;
    g_auto(testPrimary) primary = { .silent = data->silent, .floods = data->floods };
    VIR_AUTOCLOSE client = -1;
    libxlDeviceModelRelay *relay;
    gint64 begin;
    bool stopped;
    size_t i;
    char byte;
    ssize_t rc;

    testPrimaryStart(&primary);
    if (!(relay = libxlDeviceModelRelayNew(primary.path, testHandle, &primary)) ||
        (client = testClientConnect(primary.path)) < 0)
        return -1;

    for (i = 0; i < data->nlines; i++)
        ignore_value(send(client, data->line, strlen(data->line),
                          MSG_NOSIGNAL | (data->ends ? 0 : MSG_DONTWAIT)));

    if (data->ends) {
        while ((rc = recv(client, &byte, 1, 0)) > 0)
            ;
        if (rc < 0 && errno != ECONNRESET) {
            VIR_TEST_VERBOSE("the connection was not ended");
            return -1;
        }
    } else {
        g_usleep(100 * 1000);
    }

    begin = g_get_monotonic_time();
    if (libxlDeviceModelRelayEnd(relay, &stopped) < 0 || stopped)
        return -1;

    if (g_get_monotonic_time() - begin > 5 * G_USEC_PER_SEC) {
        VIR_TEST_VERBOSE("the relay took too long to end");
        return -1;
    }

    return 0;
}


static int
testOdds(void)
{
    static const struct testOddData silent = { .silent = true, .line = "{}\r\n", .nlines = 100000 };
    static const struct testOddData floods = { .floods = true };
    static const struct testOddData endless = {
        .line = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", .nlines = 3000,
        .ends = true,
    };
    static const struct testOddData ends = { .line = "bye\n", .nlines = 1, .ends = true };
    int ret = 0;

    if (virTestRun("Primary that does not read", testOdd, &silent) < 0 ||
        virTestRun("Primary that does not stop to send", testOdd, &floods) < 0 ||
        virTestRun("Line without an end", testOdd, &endless) < 0 ||
        virTestRun("Primary that ends", testOdd, &ends) < 0)
        ret = -1;

    return ret;
}


static bool
testHasAside(const testPrimary *primary)
{
    g_autofree char *aside = g_strdup_printf("%s.libvirt", primary->path);

    return virFileExists(aside);
}


/* A daemon that was killed: its socket is there, and nobody listens. */
static int
testKilled(const void *opaque G_GNUC_UNUSED)
{
    g_auto(testPrimary) primary = { 0 };
    pid_t child;
    int status;

    testPrimaryStart(&primary);
    if ((child = fork()) == 0)
        _exit(libxlDeviceModelRelayNew(primary.path, testHandle, &primary) ? 0 : 1);

    if (child < 0 || waitpid(child, &status, 0) != child || status != 0 ||
        !testHasAside(&primary) || testClientConnect(primary.path) >= 0)
        return -1;

    if (libxlDeviceModelRelayPutBack(primary.path) < 0 || testHasAside(&primary))
        return -1;

    return testClientCommand(primary.path, "{}", false, NULL);
}


/* One that was killed before it came to exchange the sockets. */
static int
testKilledEarly(const void *opaque G_GNUC_UNUSED)
{
    g_auto(testPrimary) primary = { 0 };
    g_autofree char *aside = NULL;
    int fd;

    testPrimaryStart(&primary);
    aside = g_strdup_printf("%s.libvirt", primary.path);
    fd = testListen(aside);
    VIR_FORCE_CLOSE(fd);

    if (libxlDeviceModelRelayPutBack(primary.path) < 0 || testHasAside(&primary) ||
        libxlDeviceModelRelayPutBack(primary.path) < 0)
        return -1;

    return testClientCommand(primary.path, "{}", false, NULL);
}


/* What an earlier daemon left is no obstacle. */
static int
testAgain(const void *opaque G_GNUC_UNUSED)
{
    g_auto(testPrimary) primary = { 0 };
    libxlDeviceModelRelay *relay;
    pid_t child;
    int status;
    bool stopped;
    int rc;

    testPrimaryStart(&primary);
    if ((child = fork()) == 0)
        _exit(libxlDeviceModelRelayNew(primary.path, testHandle, &primary) ? 0 : 1);

    if (child < 0 || waitpid(child, &status, 0) != child || status != 0 ||
        !(relay = libxlDeviceModelRelayNew(primary.path, testHandle, &primary)))
        return -1;

    rc = testClientCommand(primary.path, TEST_STOP, false, NULL);
    if (libxlDeviceModelRelayEnd(relay, &stopped) < 0 || !stopped || testHasAside(&primary))
        return -1;

    return rc;
}


/* libxl does not wait for a connection that cannot be taken: it is not taken later either, when
 * it could be. */
static int
testFull(const void *opaque G_GNUC_UNUSED)
{
    g_auto(testPrimary) primary = { 0 };
    g_autoptr(GHashTable) before = NULL;
    libxlDeviceModelRelay *relay;
    bool stopped;
    int rc;

    testPrimaryStart(&primary);
    before = libxlDeviceModelTestOpenFiles();
    testAcceptError = EMFILE;
    g_atomic_int_set(&testAcceptFails, 1);
    if (!(relay = libxlDeviceModelRelayNew(primary.path, testHandle, &primary)))
        return -1;

    rc = testClientCommand(primary.path, "{}", false, NULL);
    if (libxlDeviceModelTestOutcome(libxlDeviceModelRelayEnd(relay, &stopped), primary.dir,
                                    "cannot take a connection to socket 'DIR/qmp': "
                                    "Too many open files") < 0 ||
        rc == 0 || stopped || libxlDeviceModelTestCheckOpenFiles(before) < 0)
        return -1;

    return testClientCommand(primary.path, "{}", false, NULL);
}


/* What is over by the next look. */
static int
testPassing(const void *opaque)
{
    g_auto(testPrimary) primary = { 0 };
    libxlDeviceModelRelay *relay;
    bool stopped;
    int rc;

    testPrimaryStart(&primary);
    testAcceptError = *(const int *)opaque;
    g_atomic_int_set(&testAcceptFails, 1);
    if (!(relay = libxlDeviceModelRelayNew(primary.path, testHandle, &primary)))
        return -1;

    rc = testClientCommand(primary.path, TEST_STOP, false, NULL);
    return libxlDeviceModelRelayEnd(relay, &stopped) < 0 || !stopped ? -1 : rc;
}


/* Somebody removed the socket that is in the primary's place: the primary's is not lost. */
static int
testRemoved(const void *opaque G_GNUC_UNUSED)
{
    g_auto(testPrimary) primary = { 0 };
    libxlDeviceModelRelay *relay;
    bool stopped;

    testPrimaryStart(&primary);
    if (!(relay = libxlDeviceModelRelayNew(primary.path, testHandle, &primary)) ||
        unlink(primary.path) < 0 ||
        libxlDeviceModelRelayEnd(relay, &stopped) < 0 || testHasAside(&primary))
        return -1;

    return testClientCommand(primary.path, "{}", false, NULL);
}


/* libxl removes the socket of a domain that it destroys, and may use its name again. */
static int
testDestroyed(const void *opaque G_GNUC_UNUSED)
{
    g_auto(testPrimary) primary = { 0 };
    libxlDeviceModelRelay *relay;
    bool stopped;

    testPrimaryStart(&primary);
    if (!(relay = libxlDeviceModelRelayNew(primary.path, testHandle, &primary)) ||
        unlink(primary.path) < 0 || shutdown(primary.listener, SHUT_RDWR) < 0 ||
        libxlDeviceModelRelayEnd(relay, &stopped) < 0)
        return -1;

    return virFileExists(primary.path) || testHasAside(&primary) ? -1 : 0;
}


/* A domain whose primary has no socket. */
static int
testNone(const void *opaque G_GNUC_UNUSED)
{
    g_auto(testPrimary) primary = { 0 };
    g_autofree char *path = NULL;
    libxlDeviceModelRelay *relay;

    testPrimaryStart(&primary);
    path = g_strdup_printf("%s/other", primary.dir);
    relay = libxlDeviceModelRelayNew(path, testHandle, &primary);
    if (libxlDeviceModelTestOutcome(relay ? 0 : -1, primary.dir,
                                    "cannot take the place of socket 'DIR/other': "
                                    "No such file or directory") < 0)
        return -1;

    g_free(g_steal_pointer(&path));
    path = g_strdup_printf("%s/other.libvirt", primary.dir);
    return virFileExists(path) ? -1 : 0;
}


/* Only root may talk to the primary. */
static int
testMode(const void *opaque G_GNUC_UNUSED)
{
    g_auto(testPrimary) primary = { 0 };
    libxlDeviceModelRelay *relay;
    struct stat sb;
    bool stopped;
    int rc;

    testPrimaryStart(&primary);
    if (!(relay = libxlDeviceModelRelayNew(primary.path, testHandle, &primary)))
        return -1;

    rc = stat(primary.path, &sb);
    if (libxlDeviceModelRelayEnd(relay, &stopped) < 0)
        return -1;

    return rc == 0 && (sb.st_mode & 0777) == 0600 ? 0 : -1;
}


static int
testPath(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = libxlDeviceModelRelayGetPath(7);

    return virTestCompareToString("/var/run/xen/qmp-libxl-7", path);
}


/* A file that came with a command that was refused does not come with the next one. */
static int
testRefusedFile(const void *opaque G_GNUC_UNUSED)
{
    g_auto(testPrimary) primary = { .failure = "no" };
    VIR_AUTOCLOSE fd = -1;
    libxlDeviceModelRelay *relay;
    bool stopped;
    int rc;

    testPrimaryStart(&primary);
    if (!(relay = libxlDeviceModelRelayNew(primary.path, testHandle, &primary)) ||
        (fd = testClientConnect(primary.path)) < 0 ||
        testClientExpect(fd, "{\"QMP\": {}}\r") < 0)
        return -1;

    testClientSend(fd, TEST_STOP, true);
    g_free(testClientReceive(fd));
    testClientSend(fd, "{\"execute\": \"cont\"}", false);
    rc = testClientExpect(fd, "{\"event\": \"STOP\"}\r");

    ignore_value(libxlDeviceModelRelayEnd(relay, &stopped));
    virResetLastError();
    return rc < 0 ? -1 : virTestCompareToString("{\"execute\": \"cont\"}\r\n", primary.log->str);
}


/* Nothing stays open, be it a file that libxl handed over with a command that was refused. */
static int
testOpenFiles(const void *opaque)
{
    g_autoptr(GHashTable) before = libxlDeviceModelTestOpenFiles();

    if (testRelay(opaque) < 0)
        return -1;

    return libxlDeviceModelTestCheckOpenFiles(before);
}


static int
mymain(void)
{
    static const struct testRelayData refused = {
        .lines = { TEST_STOP }, .file = true, .failure = "no",
        .answer = "{\"error\":{\"class\":\"GenericError\",\"desc\":\"operation failed: no\"},\"id\":5}\r",
        .log = "{}\r\n", .steps = "3 after 0 ",
    };
    static const int again = EAGAIN;
    static const int interrupted = EINTR;
    static const int aborted = ECONNABORTED;
    int ret = 0;

    if ((testFile = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)) < 0)
        return EXIT_FAILURE;

    if (testDecisions() < 0 || testRefusals() < 0)
        ret = -1;
    if (testRelays() < 0)
        ret = -1;
    if (testOdds() < 0)
        ret = -1;

    if (virTestRun("Killed", testKilled, NULL) < 0 ||
        virTestRun("Killed early", testKilledEarly, NULL) < 0 ||
        virTestRun("Again", testAgain, NULL) < 0 ||
        virTestRun("Full", testFull, NULL) < 0 ||
        virTestRun("Passing 1", testPassing, &again) < 0 ||
        virTestRun("Passing 2", testPassing, &interrupted) < 0 ||
        virTestRun("Passing 3", testPassing, &aborted) < 0 ||
        virTestRun("Removed", testRemoved, NULL) < 0 ||
        virTestRun("Destroyed", testDestroyed, NULL) < 0 ||
        virTestRun("No socket", testNone, NULL) < 0 ||
        virTestRun("Mode", testMode, NULL) < 0 ||
        virTestRun("Path", testPath, NULL) < 0 ||
        virTestRun("File of a refused command", testRefusedFile, NULL) < 0 ||
        virTestRun("Open files", testOpenFiles, &refused) < 0)
        ret = -1;

    VIR_FORCE_CLOSE(testFile);
    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
