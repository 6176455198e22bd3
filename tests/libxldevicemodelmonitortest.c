/*
 * libxldevicemodelmonitortest.c: the QMP client of device models
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each case is a script for a device model, played by a thread at the other
 * end of the socket, and the calls made on the monitor with their outcome.
 * Where a timeout is the outcome, the device model never answers; everywhere
 * else the timeout is too long to matter.
 */

#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_monitor.h"
#include "libxl/libxl_devicemodel_qmp.h"
#include "libxldevicemodeltestutils.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define SHORT 50
#define LONG 20000

/* makes the longest line of a reply */
#define LINE_FILL_MAX (LIBXL_DEVICE_MODEL_MONITOR_LINE_MAX - \
                       (sizeof("{\"return\": \"\", \"id\": 2}\r") - 1))

/* makes the longest line of an event */
#define LONGEST_EVENT "{\"event\": \"@\"}\r\n"
#define EVENT_FILL_MAX (LIBXL_DEVICE_MODEL_MONITOR_LINE_MAX - \
                        (sizeof("{\"event\": \"\"}\r") - 1))

typedef enum {
    PEER_END = 0,
    PEER_SEND, /* text, in one piece */
    PEER_SEND_BYTES, /* text, each byte when the one before has been read */
    PEER_SEND_NUL, /* a zero byte */
    PEER_FLOOD, /* text, again and again, until the monitor is closed */
    PEER_EXPECT, /* reads a line, which must be text */
    PEER_EXPECT_FD, /* likewise, with the test's file coming along */
    PEER_INPUT, /* waits for something to read, and leaves it there */
    PEER_PAUSE, /* n milliseconds */
    PEER_SIGNALS, /* interrupts the monitor's thread, n times */
    PEER_IGNORE, /* reads nothing until the monitor is closed */
    PEER_CLOSE,
} testPeerAction;

/* An '@' in a text stands for 'x', n times. */
typedef struct {
    testPeerAction action;
    const char *text;
    size_t n;
} testPeerStep;

typedef enum {
    CALL_END = 0,
    CALL_HANDSHAKE,
    CALL_COMMAND,
    CALL_STATUS, /* the reply is "running status" */
    CALL_ADD_FD, /* the test's file; the reply is the number */
    CALL_PTY, /* of the label in command; the reply is the path */
    CALL_LINK, /* of the NIC in command, up if there are arguments */
    CALL_HUMAN, /* command, several with "|" between them */
    CALL_VERSION, /* the reply is "major minor micro" */
    CALL_MACHINE, /* the reply is its name */
    CALL_BLOCKERS,
    CALL_CONT,
    CALL_AWAIT_HANGUP, /* not a call: waits until the device model has closed the connection */
} testCallType;

typedef struct {
    testCallType type;
    unsigned long long timeout;
    const char *command;
    const char *arguments;
    const char *reply;
    const char *error;
    int code;
    size_t n; /* what '@' stands for in arguments and reply */
} testCall;

typedef struct {
    const char *name;
    testPeerStep peer[20];
    testCall calls[12];
    bool listens; /* the device model listens and the monitor connects */
} testCase;

typedef struct {
    virThread thread;
    bool joined;
    const testPeerStep *steps;
    int listener;
    int fd;
    int passed; /* file descriptor that came with the last input, or -1 */
    GString *in;
    char *failure;
} testPeer;

static pthread_t testThread;

/* the file that goes to device models */
static int testFile = -1;


static char *
testExpand(const char *text,
           size_t n)
{
    const char *at = strchr(text, '@');
    g_autofree char *fill = NULL;

    if (!at)
        return g_strdup(text);

    fill = g_strnfill(n, 'x');
    return g_strdup_printf("%.*s%s%s", (int)(at - text), text, fill, at + 1);
}


/* Returns false when the monitor has been closed. */
static bool
testPeerSend(testPeer *peer,
             const char *data,
             size_t len)
{
    while (len > 0) {
        ssize_t got = send(peer->fd, data, len, MSG_NOSIGNAL);

        if (got < 0)
            return false;
        data += got;
        len -= got;
    }

    return true;
}


static void
testPeerDrain(testPeer *peer)
{
    int unread = 1;

    while (ioctl(peer->fd, TIOCOUTQ, &unread) == 0 && unread > 0)
        g_usleep(20);
}


static void
testPeerSendBytes(testPeer *peer,
                  const char *text)
{
    for (; *text; text++) {
        if (!testPeerSend(peer, text, 1))
            return;
        testPeerDrain(peer);
    }
}


static void
testPeerExpect(testPeer *peer,
               const char *text)
{
    char *end;

    while (!(end = strchr(peer->in->str, '\n'))) {
        if (!libxlDeviceModelTestReceive(peer->fd, peer->in, &peer->passed)) {
            peer->failure = g_strdup_printf("no more input, expected '%s'", text);
            return;
        }
    }

    *end = '\0';
    if (STRNEQ(peer->in->str, text))
        peer->failure = g_strdup_printf("got '%s', expected '%s'", peer->in->str, text);

    g_string_erase(peer->in, 0, end - peer->in->str + 1);
}


/* A file comes with the commands that say so, and with no others. */
static void
testPeerExpectFD(testPeer *peer,
                 bool expected)
{
    struct stat passed;
    struct stat file;
    bool same = peer->passed >= 0 &&
        fstat(peer->passed, &passed) == 0 && fstat(testFile, &file) == 0 &&
        passed.st_dev == file.st_dev && passed.st_ino == file.st_ino;

    if (!peer->failure && (expected ? !same : peer->passed >= 0))
        peer->failure = g_strdup_printf("the file was %spassed", expected ? "not " : "");

    VIR_FORCE_CLOSE(peer->passed);
}


static void
testPeerPoll(int fd,
             short events)
{
    struct pollfd pfd = { .fd = fd, .events = events };

    while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
        ;
}


static void
testPeerStepRun(testPeer *peer,
                const testPeerStep *step)
{
    g_autofree char *text = testExpand(NULLSTR_EMPTY(step->text), step->n);
    size_t i;

    switch (step->action) {
    case PEER_SEND:
        ignore_value(testPeerSend(peer, text, strlen(text)));
        break;
    case PEER_SEND_BYTES:
        testPeerSendBytes(peer, text);
        break;
    case PEER_SEND_NUL:
        ignore_value(testPeerSend(peer, "", 1));
        break;
    case PEER_FLOOD:
        while (testPeerSend(peer, text, strlen(text)))
            ;
        break;
    case PEER_EXPECT:
    case PEER_EXPECT_FD:
        testPeerExpect(peer, text);
        testPeerExpectFD(peer, step->action == PEER_EXPECT_FD);
        break;
    case PEER_INPUT:
        testPeerPoll(peer->fd, POLLIN);
        break;
    case PEER_PAUSE:
        g_usleep(step->n * 1000);
        break;
    case PEER_SIGNALS:
        for (i = 0; i < step->n; i++) {
            pthread_kill(testThread, SIGUSR1);
            g_usleep(1000);
        }
        break;
    case PEER_IGNORE:
        testPeerPoll(peer->fd, 0);
        break;
    case PEER_CLOSE:
        VIR_FORCE_CLOSE(peer->fd);
        break;
    case PEER_END:
        break;
    }
}


static void
testPeerRun(void *opaque)
{
    testPeer *peer = opaque;
    const testPeerStep *step;
    bool ignores = false;

    if (peer->listener >= 0)
        peer->fd = accept(peer->listener, NULL, NULL);

    for (step = peer->steps; step->action != PEER_END; step++) {
        testPeerStepRun(peer, step);

        if (peer->failure)
            break;
        if (step->action == PEER_IGNORE)
            ignores = true;
    }

    /* A device model at the end of its script is silent, but there. */
    if (peer->fd >= 0 && !ignores) {
        while (libxlDeviceModelTestReceive(peer->fd, peer->in, &peer->passed))
            ;

        if (!peer->failure && peer->in->len > 0)
            peer->failure = g_strdup_printf("unexpected input '%s'", peer->in->str);
    }

    VIR_FORCE_CLOSE(peer->passed);
    VIR_FORCE_CLOSE(peer->fd);
}


static int
testPeerStart(testPeer *peer,
              const testPeerStep *steps,
              int listener,
              int fd)
{
    peer->steps = steps;
    peer->listener = listener;
    peer->fd = fd;
    peer->passed = -1;
    peer->in = g_string_new(NULL);

    return virThreadCreate(&peer->thread, true, testPeerRun, peer);
}


static void
testPeerJoin(testPeer *peer)
{
    if (!peer->joined)
        virThreadJoin(&peer->thread);
    peer->joined = true;
}


static int
testPeerFinish(testPeer *peer)
{
    int ret = 0;

    testPeerJoin(peer);

    if (peer->failure) {
        VIR_TEST_VERBOSE("device model: %s", peer->failure);
        ret = -1;
    }

    g_string_free(peer->in, true);
    g_free(peer->failure);
    return ret;
}


static int
testListen(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    VIR_AUTOCLOSE fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int ret;

    if (fd < 0 ||
        virStrcpyStatic(addr.sun_path, path) < 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        listen(fd, 1) < 0)
        return -1;

    ret = fd;
    fd = -1;
    return ret;
}


static libxlDeviceModelMonitor *
testConnect(testPeer *peer,
            const testPeerStep *steps,
            bool listens)
{
    g_autofree char *dir = NULL;
    g_autofree char *path = NULL;
    libxlDeviceModelMonitor *mon = NULL;
    int fds[2] = { -1, -1 };

    if (!listens) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
            testPeerStart(peer, steps, -1, fds[1]) < 0)
            return NULL;

        mon = libxlDeviceModelMonitorNew("lan", &fds[0]);
        if (fds[0] != -1) {
            VIR_TEST_VERBOSE("the socket was not taken over");
            g_clear_pointer(&mon, libxlDeviceModelMonitorFree);
        }
        return mon;
    }

    if (!(dir = g_dir_make_tmp("monitor-XXXXXX", NULL)))
        return NULL;

    path = g_strdup_printf("%s/qmp", dir);
    if ((fds[1] = testListen(path)) >= 0 &&
        testPeerStart(peer, steps, fds[1], -1) == 0)
        mon = libxlDeviceModelMonitorConnect("lan", path);

    unlink(path);
    rmdir(dir);
    return mon;
}


static gint64
testCallDeadline(const testCall *call)
{
    return g_get_monotonic_time() + call->timeout * 1000;
}


static int
testCallCommand(libxlDeviceModelMonitor *mon,
                const testCall *call,
                char **reply)
{
    g_autoptr(virJSONValue) arguments = NULL;
    g_autoptr(virJSONValue) value = NULL;
    int rc;

    if (call->arguments) {
        g_autofree char *text = testExpand(call->arguments, call->n);

        if (!(arguments = virJSONValueFromString(text)))
            return -1;
    }

    rc = libxlDeviceModelMonitorCommand(mon, call->command, &arguments,
                                        call->reply ? &value : NULL,
                                        testCallDeadline(call));

    if (arguments) {
        VIR_TEST_VERBOSE("the arguments were not taken over");
        abort();
    }

    if (value)
        *reply = virJSONValueToString(value, false);

    return rc;
}


static int
testCallStatus(libxlDeviceModelMonitor *mon,
               const testCall *call,
               char **reply)
{
    g_autofree char *status = NULL;
    bool running = false;

    if (libxlDeviceModelQMPQueryStatus(mon, &running, &status, testCallDeadline(call)) < 0)
        return -1;

    *reply = g_strdup_printf("%s %s", running ? "running" : "not-running", status);
    return 0;
}


static int
testCallAddFD(libxlDeviceModelMonitor *mon,
              const testCall *call,
              char **reply)
{
    unsigned int fdset = 0;

    if (libxlDeviceModelQMPAddFD(mon, testFile, &fdset, testCallDeadline(call)) < 0)
        return -1;

    *reply = g_strdup_printf("%u", fdset);
    return 0;
}


static int
testCallVersion(libxlDeviceModelMonitor *mon,
                const testCall *call,
                char **reply)
{
    unsigned int version[3];

    if (libxlDeviceModelQMPQueryVersion(mon, version, testCallDeadline(call)) < 0)
        return -1;

    *reply = g_strdup_printf("%u %u %u", version[0], version[1], version[2]);
    return 0;
}


static int
testCallMake(libxlDeviceModelMonitor *mon,
             testPeer *peer,
             const testCall *call,
             char **reply)
{
    g_auto(GStrv) commands = NULL;

    switch (call->type) {
    case CALL_HANDSHAKE:
        return libxlDeviceModelMonitorHandshake(mon, testCallDeadline(call));
    case CALL_COMMAND:
        return testCallCommand(mon, call, reply);
    case CALL_STATUS:
        return testCallStatus(mon, call, reply);
    case CALL_ADD_FD:
        return testCallAddFD(mon, call, reply);
    case CALL_PTY:
        return libxlDeviceModelQMPQueryPTY(mon, call->command, reply, testCallDeadline(call));
    case CALL_LINK:
        return libxlDeviceModelQMPSetLink(mon, call->command, !!call->arguments, testCallDeadline(call));
    case CALL_HUMAN:
        commands = g_strsplit(call->command, "|", 0);
        return libxlDeviceModelQMPHumanCommands(mon, commands, testCallDeadline(call));
    case CALL_VERSION:
        return testCallVersion(mon, call, reply);
    case CALL_MACHINE:
        return libxlDeviceModelQMPQueryMachine(mon, reply, testCallDeadline(call));
    case CALL_BLOCKERS:
        return libxlDeviceModelQMPCheckBlockers(mon, testCallDeadline(call));
    case CALL_CONT:
        return libxlDeviceModelQMPCont(mon, testCallDeadline(call));
    case CALL_AWAIT_HANGUP:
        testPeerJoin(peer);
        return 0;
    case CALL_END:
        break;
    }

    return -1;
}


static int
testCallRun(libxlDeviceModelMonitor *mon,
            testPeer *peer,
            const testCall *call)
{
    g_autofree char *reply = NULL;
    g_autofree char *expected = call->reply ? testExpand(call->reply, call->n) : NULL;
    int rc;

    virResetLastError();
    rc = testCallMake(mon, peer, call, &reply);

    if (rc != (call->error ? -1 : 0) ||
        virGetLastErrorCode() != call->code) {
        VIR_TEST_VERBOSE("call returned %d with error %d '%s', expected error %d '%s'",
                         rc, virGetLastErrorCode(), virGetLastErrorMessage(),
                         call->code, NULLSTR_EMPTY(call->error));
        return -1;
    }

    if (call->error &&
        libxlDeviceModelTestCompareError(NULL, call->error) < 0)
        return -1;

    return virTestCompareToString(NULLSTR_EMPTY(expected), NULLSTR_EMPTY(reply));
}


static int
testCalls(libxlDeviceModelMonitor *mon,
          testPeer *peer,
          const testCase *test)
{
    const testCall *call;

    for (call = test->calls; call->type != CALL_END; call++) {
        if (testCallRun(mon, peer, call) < 0) {
            VIR_TEST_VERBOSE("call %zd", call - test->calls + 1);
            return -1;
        }
    }

    return 0;
}


static int
testMonitor(const void *opaque)
{
    const testCase *test = opaque;
    testPeer peer = { 0 };
    libxlDeviceModelMonitor *mon = testConnect(&peer, test->peer, test->listens);
    int ret = -1;

    if (!mon) {
        if (peer.in) {
            shutdown(peer.listener, SHUT_RDWR);
            testPeerFinish(&peer);
        }
        return -1;
    }

    ret = testCalls(mon, &peer, test);

    libxlDeviceModelMonitorFree(mon);
    if (testPeerFinish(&peer) < 0)
        ret = -1;
    VIR_FORCE_CLOSE(peer.listener);
    return ret;
}


#define GREETING \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 2, \"minor\": 2, \"major\": 7}, " \
    "\"package\": \"Debian\"}, \"capabilities\": [\"oob\"]}}\r\n"
#define EXPECT_CAPABILITIES "{\"execute\":\"qmp_capabilities\",\"id\":1}"
#define EVENT(name) \
    "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"" name "\"}\r\n"
#define RETURN(id) "{\"return\": {}, \"id\": " id "}\r\n"

/* the first steps of a device model that does all right, and the first call */
#define PEER_GREETS \
    { PEER_SEND, .text = GREETING }, \
    { PEER_EXPECT, .text = EXPECT_CAPABILITIES }, \
    { PEER_SEND, .text = RETURN("1") }
#define PEER_BIG_EVENT \
    { PEER_SEND, "{\"event\": \"BIG\", \"data\": {\"@\": 1}}\r\n", .n = 60000 }
#define PEER_GETS(command, id) \
    { PEER_EXPECT, .text = "{\"execute\":\"" command "\",\"id\":" id "}" }
#define PEER_GETS_HUMAN(line, id) \
    { PEER_EXPECT, .text = "{\"execute\":\"human-monitor-command\"," \
                           "\"arguments\":{\"command-line\":\"" line "\"},\"id\":" id "}" }

#define HANDSHAKE { .type = CALL_HANDSHAKE, .timeout = LONG }
#define COMMAND(text, expect) \
    { .type = CALL_COMMAND, .timeout = LONG, .command = text, .reply = expect }

#define TIMED_OUT(text) \
    .error = "Timed out during operation: device model 'lan': monitor" text, \
    .code = VIR_ERR_OPERATION_TIMEOUT
#define INTERNAL(text) \
    .error = "internal error: device model 'lan': monitor" text, \
    .code = VIR_ERR_INTERNAL_ERROR
#define REFUSED(text) \
    .error = "operation failed: device model 'lan': monitor" text, \
    .code = VIR_ERR_OPERATION_FAILED

#define BAD_GREETING(text) \
    { .type = CALL_HANDSHAKE, .timeout = LONG, INTERNAL(" greeting: " text) }, \
    { .type = CALL_CONT, .timeout = LONG, \
      INTERNAL(" command 'cont': unusable after an earlier error: " text) }

static const testCase handshakeCases[] = {
    {
        .name = "handshake",
        .peer = { PEER_GREETS },
        .calls = { HANDSHAKE },
    },
    {
        .name = "socket path",
        .peer = { PEER_GREETS, PEER_GETS("cont", "2"), { PEER_SEND, RETURN("2") } },
        .calls = { HANDSHAKE, { .type = CALL_CONT, .timeout = LONG } },
        .listens = true,
    },
    {
        .name = "late greeting",
        .peer = { { PEER_PAUSE, .n = 100 }, PEER_GREETS },
        .calls = { HANDSHAKE },
    },
    {
        .name = "no greeting",
        .peer = { { PEER_END } },
        .calls = {
            { .type = CALL_HANDSHAKE, .timeout = SHORT,
              TIMED_OUT(" greeting: no answer within N ms") },
            { .type = CALL_HANDSHAKE, .timeout = LONG,
              INTERNAL(": unusable after an earlier error: the handshake did not succeed") },
        },
    },
    {
        .name = "no time for the greeting",
        .peer = { { PEER_END } },
        .calls = {
            { .type = CALL_HANDSHAKE, .timeout = 0,
              TIMED_OUT(" greeting: no answer within N ms") },
        },
    },
    {
        .name = "half a greeting",
        .peer = { { PEER_SEND, "{\"QMP\": {}}" } },
        .calls = {
            { .type = CALL_HANDSHAKE, .timeout = SHORT,
              TIMED_OUT(" greeting: no answer within N ms") },
        },
    },
    {
        .name = "no reply to the capabilities",
        .peer = { { PEER_SEND, GREETING }, { PEER_EXPECT, EXPECT_CAPABILITIES } },
        .calls = {
            { .type = CALL_HANDSHAKE, .timeout = SHORT,
              TIMED_OUT(" command 'qmp_capabilities': no answer within N ms") },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': unusable after an earlier error: the handshake did not succeed") },
        },
    },
    {
        .name = "capabilities refused",
        .peer = {
            { PEER_SEND, GREETING },
            { PEER_EXPECT, EXPECT_CAPABILITIES },
            { PEER_SEND, "{\"id\": 1, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"No\"}}\r\n" },
        },
        .calls = {
            { .type = CALL_HANDSHAKE, .timeout = LONG,
              REFUSED(" command 'qmp_capabilities': CommandNotFound: No") },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': unusable after an earlier error: the handshake did not succeed") },
        },
    },
    {
        .name = "closed before the greeting",
        .peer = { { PEER_CLOSE } },
        .calls = {
            { .type = CALL_HANDSHAKE, .timeout = LONG,
              INTERNAL(" greeting: closed its monitor connection") },
            { .type = CALL_HANDSHAKE, .timeout = LONG,
              INTERNAL(": closed its monitor connection") },
        },
    },
    {
        .name = "closed in the middle of the greeting",
        .peer = { { PEER_SEND, "{\"QMP\": {\"ver" }, { PEER_CLOSE } },
        .calls = {
            { .type = CALL_HANDSHAKE, .timeout = LONG,
              INTERNAL(" greeting: closed its monitor connection") },
        },
    },
    {
        .name = "closed instead of a reply to the capabilities",
        .peer = { { PEER_SEND, GREETING }, { PEER_INPUT }, { PEER_CLOSE } },
        .calls = {
            { .type = CALL_HANDSHAKE, .timeout = LONG,
              INTERNAL(" command 'qmp_capabilities': closed its monitor connection") },
        },
    },
    {
        .name = "greeting is not JSON",
        .peer = { { PEER_SEND, "SSH-2.0-\x01\xff\"q\"\r\n" } },
        .calls = {
            BAD_GREETING("sent a line that is not JSON: 'SSH-2.0-\\001\\377\"q\"'"),
        },
    },
    {
        .name = "greeting is empty",
        .peer = { { PEER_SEND, "\n" } },
        .calls = { BAD_GREETING("sent a line that is not JSON: ''") },
    },
    {
        .name = "greeting is not an object",
        .peer = { { PEER_SEND, "[\"QMP\"]\r\n" } },
        .calls = { BAD_GREETING("sent JSON that is not an object: '[\"QMP\"]'") },
    },
    {
        .name = "greeting without QMP",
        .peer = { { PEER_SEND, "{\"return\": {}, \"id\": 1}\r\n" } },
        .calls = {
            BAD_GREETING("sent a greeting without 'QMP': '{\"return\": {}, \"id\": 1}'"),
        },
    },
    {
        .name = "greeting with a QMP that is not an object",
        .peer = { { PEER_SEND, "{\"QMP\": true}\r\n" } },
        .calls = { BAD_GREETING("sent a greeting without 'QMP': '{\"QMP\": true}'") },
    },
    {
        .name = "second handshake",
        .peer = { PEER_GREETS, PEER_GETS("cont", "2"), { PEER_SEND, RETURN("2") } },
        .calls = {
            HANDSHAKE,
            { .type = CALL_HANDSHAKE, .timeout = LONG,
              INTERNAL(": the handshake has been done already") },
            { .type = CALL_CONT, .timeout = LONG },
        },
    },
    {
        .name = "command without a handshake",
        .peer = { PEER_GREETS },
        .calls = {
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': the handshake has not been done") },
            HANDSHAKE,
        },
    },
};

static const testCase commandCases[] = {
    {
        .name = "commands",
        .peer = {
            PEER_GREETS,
            { PEER_EXPECT, "{\"execute\":\"device_add\",\"arguments\":"
                           "{\"driver\":\"e1000\",\"addr\":16,\"on\":true,\"d\":[1.5,null,\"\\u0001\\\"/\xc3\xa9\"]},"
                           "\"id\":2}" },
            { PEER_SEND, RETURN("2") },
            PEER_GETS("query-name", "3"),
            { PEER_SEND, "{\"id\": 3, \"return\": [{\"name\": \"guest\"}, 7]}\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_COMMAND, .timeout = LONG, .command = "device_add",
              .arguments = "{\"driver\": \"e1000\", \"addr\": 16, \"on\": true, \"d\": [1.5, null, \"\\u0001\\\"/\xc3\xa9\"]}",
              .reply = "{}" },
            COMMAND("query-name", "[{\"name\":\"guest\"},7]"),
        },
    },
    {
        .name = "reply not asked for",
        .peer = { PEER_GREETS, PEER_GETS("stop", "2"), { PEER_SEND, RETURN("2") } },
        .calls = { HANDSHAKE, COMMAND("stop", NULL) },
    },
    {
        .name = "query-status",
        .peer = {
            PEER_GREETS,
            PEER_GETS("query-status", "2"),
            { PEER_SEND, "{\"return\": {\"status\": \"running\", \"singlestep\": false, \"running\": true}, \"id\": 2}\r\n" },
            PEER_GETS("query-status", "3"),
            { PEER_SEND, "{\"return\": {\"status\": \"inmigrate\", \"running\": false}, \"id\": 3}\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_STATUS, .timeout = LONG, .reply = "running running" },
            { .type = CALL_STATUS, .timeout = LONG, .reply = "not-running inmigrate" },
        },
    },
    {
        .name = "query-status without a status",
        .peer = {
            PEER_GREETS,
            PEER_GETS("query-status", "2"),
            { PEER_SEND, "{\"return\": {\"running\": true}, \"id\": 2}\r\n" },
            PEER_GETS("query-status", "3"),
            { PEER_SEND, "{\"return\": {\"status\": \"running\"}, \"id\": 3}\r\n" },
            PEER_GETS("query-status", "4"),
            { PEER_SEND, "{\"return\": 1, \"id\": 4}\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_STATUS, .timeout = LONG,
              INTERNAL(" command 'query-status': sent a reply without 'running' or 'status'") },
            { .type = CALL_STATUS, .timeout = LONG,
              INTERNAL(" command 'query-status': sent a reply without 'running' or 'status'") },
            { .type = CALL_STATUS, .timeout = LONG,
              INTERNAL(" command 'query-status': sent a reply without 'running' or 'status'") },
        },
    },
    {
        .name = "set_link",
        .peer = {
            PEER_GREETS,
            { PEER_EXPECT, "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"net12\",\"up\":false},\"id\":2}" },
            { PEER_SEND, RETURN("2") },
            { PEER_EXPECT, "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"net0\",\"up\":true},\"id\":3}" },
            { PEER_SEND, "{\"id\": 3, \"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"Device 'net0' not found\"}}\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_LINK, .timeout = LONG, .command = "net12" },
            { .type = CALL_LINK, .timeout = LONG, .command = "net0", .arguments = "up",
              REFUSED(" command 'set_link': DeviceNotFound: Device 'net0' not found") },
        },
    },
    {
        .name = "human-monitor-command",
        .peer = {
            PEER_GREETS,
            PEER_GETS_HUMAN("o/w 0xcf8 0x80003010", "2"),
            { PEER_SEND, "{\"return\": \"\", \"id\": 2}\r\n" },
            PEER_GETS_HUMAN("p", "3"),
            { PEER_SEND, "{\"return\": \"unknown command: 'p'\\r\\n\", \"id\": 3}\r\n" },
            PEER_GETS_HUMAN("q", "4"),
            { PEER_SEND, RETURN("4") },
            PEER_GETS_HUMAN("r", "5"),
            { PEER_SEND, "{\"id\": 5, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"No\"}}\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_HUMAN, .timeout = LONG, .command = "o/w 0xcf8 0x80003010" },
            { .type = CALL_HUMAN, .timeout = LONG, .command = "p",
              REFUSED(" command 'p': said 'unknown command: 'p'\\r\\n', expected nothing") },
            { .type = CALL_HUMAN, .timeout = LONG, .command = "q",
              REFUSED(" command 'q': said '', expected nothing") },
            { .type = CALL_HUMAN, .timeout = LONG, .command = "r",
              REFUSED(" command 'human-monitor-command': CommandNotFound: No") },
        },
    },
    {
        .name = "several at once",
        .peer = {
            PEER_GREETS,
            PEER_GETS_HUMAN("p", "2"),
            PEER_GETS_HUMAN("q", "3"),
            PEER_GETS_HUMAN("r", "4"),
            { PEER_SEND, "{\"return\": \"\", \"id\": 2}\r\n" },
            { PEER_SEND, "{\"return\": \"\", \"id\": 3}\r\n{\"return\": \"\", \"id\": 4}\r\n" },
            PEER_GETS("cont", "5"),
            { PEER_SEND, RETURN("5") },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_HUMAN, .timeout = LONG, .command = "p|q|r" },
            { .type = CALL_HUMAN, .timeout = LONG, .command = "" },
            COMMAND("cont", "{}"),
        },
    },
    {
        .name = "one of several refused",
        .peer = {
            PEER_GREETS,
            PEER_GETS_HUMAN("p", "2"),
            PEER_GETS_HUMAN("q", "3"),
            PEER_GETS_HUMAN("r", "4"),
            { PEER_SEND, "{\"return\": \"\", \"id\": 2}\r\n" },
            { PEER_SEND, "{\"id\": 3, \"error\": {\"class\": \"GenericError\", \"desc\": \"No\"}}\r\n" },
            { PEER_SEND, "{\"return\": \"\", \"id\": 4}\r\n" },
            PEER_GETS_HUMAN("s", "5"),
            PEER_GETS_HUMAN("t", "6"),
            { PEER_SEND, "{\"return\": \"\", \"id\": 5}\r\n" },
            { PEER_SEND, "{\"return\": \"what\", \"id\": 6}\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_HUMAN, .timeout = LONG, .command = "p|q|r",
              REFUSED(" command 'human-monitor-command': GenericError: No") },
            { .type = CALL_HUMAN, .timeout = LONG, .command = "s|t",
              REFUSED(" command 't': said 'what', expected nothing") },
        },
    },
    {
        .name = "several answered in another order",
        .peer = {
            PEER_GREETS,
            PEER_GETS_HUMAN("p", "2"),
            PEER_GETS_HUMAN("q", "3"),
            { PEER_SEND, "{\"return\": \"\", \"id\": 3}\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_HUMAN, .timeout = LONG, .command = "p|q",
              INTERNAL(" command 'human-monitor-command': sent a reply with a wrong id, 2 was expected: '{\"return\": \"\", \"id\": 3}'") },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': unusable after an earlier error: sent a reply with a wrong id, 2 was expected: '{\"return\": \"\", \"id\": 3}'") },
        },
    },
    {
        .name = "several answered in part",
        .peer = {
            PEER_GREETS,
            PEER_GETS_HUMAN("p", "2"),
            PEER_GETS_HUMAN("q", "3"),
            { PEER_SEND, "{\"return\": \"\", \"id\": 2}\r\n" },
            PEER_GETS("cont", "4"),
            { PEER_SEND, "{\"return\": \"\", \"id\": 3}\r\n" RETURN("4") },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_HUMAN, .timeout = SHORT, .command = "p|q",
              TIMED_OUT(" command 'human-monitor-command': no answer within N ms") },
            COMMAND("cont", "{}"),
        },
    },
    {
        .name = "query-version",
        .peer = {
            PEER_GREETS,
            PEER_GETS("query-version", "2"),
            { PEER_SEND, "{\"return\": {\"qemu\": {\"micro\": 3, \"minor\": 0, \"major\": 10}, \"package\": \"\"}, \"id\": 2}\r\n" },
            PEER_GETS("query-version", "3"),
            { PEER_SEND, "{\"return\": {\"qemu\": {\"micro\": 3, \"minor\": -1, \"major\": 10}}, \"id\": 3}\r\n" },
            PEER_GETS("query-version", "4"),
            { PEER_SEND, RETURN("4") },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_VERSION, .timeout = LONG, .reply = "10 0 3" },
            { .type = CALL_VERSION, .timeout = LONG,
              INTERNAL(" command 'query-version': sent a reply without a version") },
            { .type = CALL_VERSION, .timeout = LONG,
              INTERNAL(" command 'query-version': sent a reply without a version") },
        },
    },
    {
        .name = "machine",
        .peer = {
            PEER_GREETS,
            { PEER_EXPECT, "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/machine\",\"property\":\"type\"},\"id\":2}" },
            { PEER_SEND, "{\"return\": \"xenfv-3.1-machine\", \"id\": 2}\r\n" },
            { PEER_EXPECT, "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/machine\",\"property\":\"type\"},\"id\":3}" },
            { PEER_SEND, RETURN("3") },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_MACHINE, .timeout = LONG, .reply = "xenfv-3.1-machine" },
            { .type = CALL_MACHINE, .timeout = LONG,
              INTERNAL(" command 'qom-get': sent no machine") },
        },
    },
    {
        .name = "query-migrate",
        .peer = {
            PEER_GREETS,
            PEER_GETS("query-migrate", "2"),
            { PEER_SEND, RETURN("2") },
            PEER_GETS("query-migrate", "3"),
            { PEER_SEND, "{\"return\": {\"blocked-reasons\": [\"a\\nb\", \"c\"]}, \"id\": 3}\r\n" },
            PEER_GETS("query-migrate", "4"),
            { PEER_SEND, "{\"return\": {\"blocked-reasons\": []}, \"id\": 4}\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_BLOCKERS, .timeout = LONG },
            { .type = CALL_BLOCKERS, .timeout = LONG,
              .code = VIR_ERR_OPERATION_FAILED,
              .error = "operation failed: device model 'lan' cannot be saved: 'a\\nb'" },
            { .type = CALL_BLOCKERS, .timeout = LONG,
              .code = VIR_ERR_OPERATION_FAILED,
              .error = "operation failed: device model 'lan' cannot be saved: ''" },
        },
    },
    {
        .name = "error reply",
        .peer = {
            PEER_GREETS,
            PEER_GETS("cont", "2"),
            { PEER_SEND, "{\"id\": 2, \"error\": {\"class\": \"GenericError\", \"desc\": \"Bad\\nthing '@'\"}}\r\n", .n = 3 },
            PEER_GETS("cont", "3"),
            { PEER_SEND, RETURN("3") },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_CONT, .timeout = LONG,
              REFUSED(" command 'cont': GenericError: Bad\\nthing 'xxx'") },
            { .type = CALL_CONT, .timeout = LONG },
        },
    },
    {
        .name = "single bytes",
        .peer = {
            { PEER_SEND_BYTES, GREETING },
            { PEER_EXPECT, EXPECT_CAPABILITIES },
            { PEER_SEND_BYTES, RETURN("1") },
            PEER_GETS("query-name", "2"),
            { PEER_SEND_BYTES, EVENT("STOP") "{\"return\": \"r\", \"id\": 2}\r\n" },
        },
        .calls = { HANDSHAKE, COMMAND("query-name", "\"r\"") },
    },
    {
        .name = "interrupted",
        .peer = {
            { PEER_SIGNALS, .n = 20 },
            PEER_GREETS,
            PEER_GETS("cont", "2"),
            { PEER_SIGNALS, .n = 20 },
            { PEER_SEND, RETURN("2") },
        },
        .calls = { HANDSHAKE, { .type = CALL_CONT, .timeout = LONG } },
    },
    {
        .name = "huge reply",
        .peer = {
            PEER_GREETS,
            PEER_GETS("query-name", "2"),
            { PEER_SEND, "{\"return\": \"@\", \"id\": 2}\r\n", .n = 50000 },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_COMMAND, .timeout = LONG, .command = "query-name",
              .reply = "\"@\"", .n = 50000 },
        },
    },
    {
        .name = "longest reply",
        .peer = {
            PEER_GREETS,
            PEER_GETS("query-name", "2"),
            { PEER_SEND, "{\"return\": \"@\", \"id\": 2}\r\n", .n = LINE_FILL_MAX },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_COMMAND, .timeout = LONG, .command = "query-name",
              .reply = "\"@\"", .n = LINE_FILL_MAX },
        },
    },
    {
        .name = "huge command",
        .peer = {
            PEER_GREETS,
            { PEER_INPUT },
            { PEER_PAUSE, .n = 20 },
            { PEER_EXPECT, "{\"execute\":\"human\",\"arguments\":{\"line\":\"@\"},\"id\":2}",
              .n = 2000000 },
            { PEER_SEND, RETURN("2") },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_COMMAND, .timeout = LONG, .command = "human",
              .arguments = "{\"line\": \"@\"}", .reply = "{}", .n = 2000000 },
        },
    },
    {
        .name = "huge command to a device model that must write first",
        .peer = {
            PEER_GREETS,
            { PEER_INPUT },
            PEER_BIG_EVENT, PEER_BIG_EVENT, PEER_BIG_EVENT,
            PEER_BIG_EVENT, PEER_BIG_EVENT, PEER_BIG_EVENT,
            { PEER_EXPECT, "{\"execute\":\"human\",\"arguments\":{\"line\":\"@\"},\"id\":2}",
              .n = 2000000 },
            { PEER_SEND, RETURN("2") },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_COMMAND, .timeout = LONG, .command = "human",
              .arguments = "{\"line\": \"@\"}", .reply = "{}", .n = 2000000 },
        },
    },
    {
        .name = "huge command not read",
        .peer = { PEER_GREETS, { PEER_IGNORE } },
        .calls = {
            HANDSHAKE,
            { .type = CALL_COMMAND, .timeout = SHORT, .command = "human",
              .arguments = "{\"line\": \"@\"}", .n = 4000000,
              TIMED_OUT(" command 'human': no answer within N ms") },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': unusable after an earlier error: monitor command 'human' was sent in part only") },
        },
    },
    {
        .name = "timeout and late replies",
        .peer = {
            PEER_GREETS,
            PEER_GETS("stop", "2"),
            PEER_GETS("query-a", "3"),
            PEER_GETS("query-b", "4"),
            { PEER_SEND, RETURN("2")
                         "{\"error\": {\"class\": \"c\", \"desc\": \"d\"}, \"id\": 3}\r\n"
                         "{\"return\": \"b\", \"id\": 4}\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_COMMAND, .timeout = SHORT, .command = "stop",
              TIMED_OUT(" command 'stop': no answer within N ms") },
            { .type = CALL_COMMAND, .timeout = SHORT, .command = "query-a",
              TIMED_OUT(" command 'query-a': no answer within N ms") },
            COMMAND("query-b", "\"b\""),
        },
    },
    {
        .name = "late reply while no command is under way",
        .peer = {
            PEER_GREETS,
            PEER_GETS("stop", "2"),
            { PEER_SEND, RETURN("2") EVENT("STOP") },
            PEER_GETS("query-b", "3"),
            { PEER_SEND, "{\"return\": \"b\", \"id\": 3}\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_COMMAND, .timeout = 0, .command = "stop",
              TIMED_OUT(" command 'stop': no answer within N ms") },
            COMMAND("query-b", "\"b\""),
        },
    },
    {
        .name = "endless events and no reply",
        .peer = { PEER_GREETS, PEER_GETS("cont", "2"), { PEER_FLOOD, EVENT("RTC_CHANGE") } },
        .calls = {
            HANDSHAKE,
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': sent more than 524288 bytes and no answer") },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': unusable after an earlier error: "
                       "sent more than 524288 bytes and no answer") },
        },
    },
    {
        .name = "many long events before a reply, twice",
        .peer = {
            PEER_GREETS,
            PEER_GETS("cont", "2"),
            { PEER_SEND, LONGEST_EVENT, .n = EVENT_FILL_MAX },
            { PEER_SEND, LONGEST_EVENT, .n = EVENT_FILL_MAX },
            { PEER_SEND, LONGEST_EVENT, .n = EVENT_FILL_MAX },
            { PEER_SEND, LONGEST_EVENT, .n = EVENT_FILL_MAX },
            { PEER_SEND, LONGEST_EVENT, .n = EVENT_FILL_MAX },
            { PEER_SEND, RETURN("2") },
            PEER_GETS("cont", "3"),
            { PEER_SEND, LONGEST_EVENT, .n = EVENT_FILL_MAX },
            { PEER_SEND, LONGEST_EVENT, .n = EVENT_FILL_MAX },
            { PEER_SEND, LONGEST_EVENT, .n = EVENT_FILL_MAX },
            { PEER_SEND, LONGEST_EVENT, .n = EVENT_FILL_MAX },
            { PEER_SEND, RETURN("3") },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_CONT, .timeout = LONG },
            { .type = CALL_CONT, .timeout = LONG },
        },
    },
};

#define ADD_FD_GETS(id) \
    { PEER_EXPECT_FD, .text = "{\"execute\":\"add-fd\",\"id\":" id "}" }
#define ADD_FD(expect) { .type = CALL_ADD_FD, .timeout = LONG, .reply = expect }
#define BAD_ADD_FD \
    { .type = CALL_ADD_FD, .timeout = LONG, \
      INTERNAL(" command 'add-fd': sent a reply without 'fdset-id'") }
#define FDSET(value, id) \
    { PEER_SEND, .text = "{\"return\": " value ", \"id\": " id "}\r\n" }

static const testCase fileCases[] = {
    {
        .name = "add-fd",
        .peer = {
            PEER_GREETS,
            ADD_FD_GETS("2"),
            FDSET("{\"fdset-id\": 0, \"fd\": 12}", "2"),
            PEER_GETS("cont", "3"),
            { PEER_SEND, RETURN("3") },
            ADD_FD_GETS("4"),
            FDSET("{\"fdset-id\": 2147483647}", "4"),
        },
        .calls = {
            HANDSHAKE,
            ADD_FD("0"),
            { .type = CALL_CONT, .timeout = LONG },
            ADD_FD("2147483647"),
        },
    },
    {
        .name = "add-fd over a socket path",
        .peer = { PEER_GREETS, ADD_FD_GETS("2"), FDSET("{\"fdset-id\": 7}", "2") },
        .calls = { HANDSHAKE, ADD_FD("7") },
        .listens = true,
    },
    {
        .name = "add-fd refused",
        .peer = {
            PEER_GREETS,
            ADD_FD_GETS("2"),
            { PEER_SEND, "{\"id\": 2, \"error\": {\"class\": \"GenericError\", \"desc\": \"No file descriptor supplied via SCM_RIGHTS\"}}\r\n" },
            PEER_GETS("cont", "3"),
            { PEER_SEND, RETURN("3") },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_ADD_FD, .timeout = LONG,
              REFUSED(" command 'add-fd': GenericError: No file descriptor supplied via SCM_RIGHTS") },
            { .type = CALL_CONT, .timeout = LONG },
        },
    },
    {
        .name = "add-fd without a number",
        .peer = {
            PEER_GREETS,
            ADD_FD_GETS("2"), FDSET("{\"fd\": 12}", "2"),
            ADD_FD_GETS("3"), FDSET("{\"fdset-id\": \"one\"}", "3"),
            ADD_FD_GETS("4"), FDSET("{\"fdset-id\": -1}", "4"),
            ADD_FD_GETS("5"), FDSET("{\"fdset-id\": 2147483648}", "5"),
            ADD_FD_GETS("6"), FDSET("[1]", "6"),
        },
        .calls = { HANDSHAKE, BAD_ADD_FD, BAD_ADD_FD, BAD_ADD_FD, BAD_ADD_FD, BAD_ADD_FD },
    },
    {
        .name = "add-fd not answered, then a command",
        .peer = {
            PEER_GREETS,
            ADD_FD_GETS("2"),
            PEER_GETS("cont", "3"),
            { PEER_SEND, RETURN("2") RETURN("3") },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_ADD_FD, .timeout = SHORT,
              TIMED_OUT(" command 'add-fd': no answer within N ms") },
            { .type = CALL_CONT, .timeout = LONG },
        },
    },
    {
        .name = "add-fd to one that has closed its connection",
        .peer = { PEER_GREETS, { PEER_CLOSE } },
        .calls = {
            HANDSHAKE,
            { .type = CALL_AWAIT_HANGUP },
            { .type = CALL_ADD_FD, .timeout = LONG,
              INTERNAL(" command 'add-fd': closed its monitor connection") },
        },
    },
};

#define PTY_GETS(id, value) \
    PEER_GETS("query-chardev", id), \
    { PEER_SEND, .text = "{\"return\": " value ", \"id\": " id "}\r\n" }
#define PTY(expect) \
    { .type = CALL_PTY, .timeout = LONG, .command = "charserial0", .reply = expect }
#define NO_PTY \
    { .type = CALL_PTY, .timeout = LONG, .command = "charserial0", \
      INTERNAL(" command 'query-chardev': sent no path of a terminal for 'charserial0'") }
#define CHARDEV(filename) "[{\"label\": \"charserial0\", \"filename\": \"" filename "\"}]"

static const testCase terminalCases[] = {
    {
        .name = "terminal",
        .peer = {
            PEER_GREETS,
            PTY_GETS("2", "[{\"frontend-open\": true, \"label\": \"monitor\", \"filename\": \"pty:/dev/pts/1\"}, "
                          "{\"frontend-open\": true, \"label\": \"charserial0\", \"filename\": \"pty:/dev/pts/23\"}, "
                          "{\"label\": \"charserial00\", \"filename\": \"pty:/dev/pts/4\"}]"),
            PTY_GETS("3", CHARDEV("pty:/dev/pts/0")),
        },
        .calls = { HANDSHAKE, PTY("/dev/pts/23"), PTY("/dev/pts/0") },
    },
    {
        .name = "terminal with another path",
        .peer = {
            PEER_GREETS,
            PTY_GETS("2", CHARDEV("pty:/dev/sda")),
            PTY_GETS("3", CHARDEV("pty:/dev/pts/")),
            PTY_GETS("4", CHARDEV("pty:/dev/pts/../sda")),
            PTY_GETS("5", CHARDEV("pty:/dev/pts/1/../../sda")),
        },
        .calls = { HANDSHAKE, NO_PTY, NO_PTY, NO_PTY, NO_PTY },
    },
    {
        .name = "terminal with another number",
        .peer = {
            PEER_GREETS,
            PTY_GETS("2", CHARDEV("pty:/dev/pts/-1")),
            PTY_GETS("3", CHARDEV("pty:/dev/pts/ 1")),
            PTY_GETS("4", CHARDEV("pty:/dev/pts/1 ")),
            PTY_GETS("5", CHARDEV("pty:/dev/pts/0x1")),
            PTY_GETS("6", CHARDEV("pty:/dev/pts/99999999999999999999")),
        },
        .calls = { HANDSHAKE, NO_PTY, NO_PTY, NO_PTY, NO_PTY, NO_PTY },
    },
    {
        .name = "no terminal",
        .peer = {
            PEER_GREETS,
            PTY_GETS("2", CHARDEV("/dev/pts/1")),
            PTY_GETS("3", CHARDEV("unix:/dev/pts/1")),
            PTY_GETS("4", "[{\"label\": \"charserial1\", \"filename\": \"pty:/dev/pts/1\"}]"),
            PTY_GETS("5", "[]"),
        },
        .calls = { HANDSHAKE, NO_PTY, NO_PTY, NO_PTY, NO_PTY },
    },
    {
        .name = "no list of character devices",
        .peer = {
            PEER_GREETS,
            PTY_GETS("2", "{\"label\": \"charserial0\", \"filename\": \"pty:/dev/pts/1\"}"),
            PTY_GETS("3", "[null, 1, \"charserial0\", [\"charserial0\"], {\"filename\": \"pty:/dev/pts/1\"}]"),
            PTY_GETS("4", "[{\"label\": [\"charserial0\"], \"filename\": \"pty:/dev/pts/1\"}]"),
            PTY_GETS("5", "[{\"label\": \"charserial0\", \"filename\": [\"pty:/dev/pts/1\"]}]"),
            PTY_GETS("6", "[{\"label\": \"charserial0\"}]"),
        },
        .calls = { HANDSHAKE, NO_PTY, NO_PTY, NO_PTY, NO_PTY, NO_PTY },
    },
    {
        .name = "query-chardev refused",
        .peer = {
            PEER_GREETS,
            PEER_GETS("query-chardev", "2"),
            { PEER_SEND, "{\"id\": 2, \"error\": {\"class\": \"GenericError\", \"desc\": \"No\"}}\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_PTY, .timeout = LONG, .command = "charserial0",
              REFUSED(" command 'query-chardev': GenericError: No") },
        },
    },
};

static const testCase goneCases[] = {
    {
        .name = "closed before the command",
        .peer = { PEER_GREETS, { PEER_SEND, EVENT("SHUTDOWN") }, { PEER_CLOSE } },
        .calls = {
            HANDSHAKE,
            { .type = CALL_AWAIT_HANGUP },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': closed its monitor connection") },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': closed its monitor connection") },
        },
    },
    {
        .name = "closed after the command",
        .peer = { PEER_GREETS, PEER_GETS("cont", "2"), { PEER_CLOSE } },
        .calls = {
            HANDSHAKE,
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': closed its monitor connection") },
        },
    },
    {
        .name = "closed with the command unread",
        .peer = { PEER_GREETS, { PEER_INPUT }, { PEER_CLOSE } },
        .calls = {
            HANDSHAKE,
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': closed its monitor connection") },
        },
    },
    {
        .name = "closed in the middle of the reply",
        .peer = {
            PEER_GREETS,
            PEER_GETS("cont", "2"),
            { PEER_SEND, "{\"return\": {}, \"id\": 2}" },
            { PEER_CLOSE },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': closed its monitor connection") },
        },
    },
    {
        .name = "closed after the reply",
        .peer = {
            PEER_GREETS,
            PEER_GETS("query-name", "2"),
            { PEER_SEND, "{\"return\": \"r\", \"id\": 2}\r\n" },
            { PEER_CLOSE },
        },
        .calls = {
            HANDSHAKE,
            COMMAND("query-name", "\"r\""),
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': closed its monitor connection") },
        },
    },
    {
        .name = "closed in the middle of a huge command",
        .peer = { PEER_GREETS, { PEER_INPUT }, { PEER_CLOSE } },
        .calls = {
            HANDSHAKE,
            { .type = CALL_COMMAND, .timeout = LONG, .command = "human",
              .arguments = "{\"line\": \"@\"}", .n = 4000000,
              INTERNAL(" command 'human': closed its monitor connection") },
        },
    },
};

static const testCase eventCases[] = {
    {
        .name = "events around replies",
        .peer = {
            { PEER_SEND, GREETING },
            { PEER_EXPECT, EXPECT_CAPABILITIES },
            { PEER_SEND, EVENT("A") RETURN("1") EVENT("B") },
            PEER_GETS("stop", "2"),
            { PEER_SEND, EVENT("C") },
            { PEER_SEND, EVENT("D") RETURN("2") EVENT("E") },
            PEER_GETS("cont", "3"),
            { PEER_SEND, "{\"event\": \"F\", \"data\": {\"id\": 3, \"return\": [1]}}\n" RETURN("3") },
        },
        .calls = { HANDSHAKE, COMMAND("stop", "{}"), COMMAND("cont", "{}") },
    },
    {
        .name = "event between two commands, and in two pieces",
        .peer = {
            PEER_GREETS,
            PEER_GETS("stop", "2"),
            { PEER_SEND, RETURN("2") EVENT("A") "{\"event\": " },
            PEER_GETS("cont", "3"),
            { PEER_SEND, "\"B\"}\r\n" RETURN("3") },
        },
        .calls = { HANDSHAKE, COMMAND("stop", "{}"), COMMAND("cont", "{}") },
    },
    {
        .name = "second reply",
        .peer = { PEER_GREETS, PEER_GETS("cont", "2"),
                  { PEER_SEND, RETURN("2") RETURN("2") } },
        .calls = {
            HANDSHAKE,
            { .type = CALL_CONT, .timeout = LONG },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': sent a reply with a wrong id, 3 was expected: '{\"return\": {}, \"id\": 2}'") },
        },
    },
    {
        .name = "reply to the next command, too",
        .peer = { PEER_GREETS, PEER_GETS("stop", "2"),
                  { PEER_SEND, RETURN("2") RETURN("3") } },
        .calls = {
            HANDSHAKE,
            COMMAND("stop", "{}"),
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': sent a reply to a command that it had not got: '{\"return\": {}, \"id\": 3}'") },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': unusable after an earlier error: sent a reply to a command that it had not got: '{\"return\": {}, \"id\": 3}'") },
        },
    },
    {
        .name = "reply to a command that came in part only",
        .peer = {
            PEER_GREETS,
            { PEER_INPUT },
            { PEER_SEND, RETURN("2") },
            { PEER_IGNORE },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_COMMAND, .timeout = LONG, .command = "human",
              .arguments = "{\"line\": \"@\"}", .n = 4000000,
              INTERNAL(" command 'human': sent a reply to a command that it had not got: '{\"return\": {}, \"id\": 2}'") },
        },
    },
    {
        .name = "error reply followed by garbage",
        .peer = {
            PEER_GREETS,
            PEER_GETS("cont", "2"),
            { PEER_SEND, "{\"id\": 2, \"error\": {\"class\": \"GenericError\", \"desc\": \"No\"}}\r\n{\r\n" },
        },
        .calls = {
            HANDSHAKE,
            { .type = CALL_CONT, .timeout = LONG, REFUSED(" command 'cont': GenericError: No") },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': sent a line that is not JSON: '{'") },
            { .type = CALL_CONT, .timeout = LONG,
              INTERNAL(" command 'cont': unusable after an earlier error: sent a line that is not JSON: '{'") },
        },
    },
};


/* What a device model sends in reply to 'cont', and what is said of it: then,
 * and again at the next command. */
typedef struct {
    const char *name;
    testPeerStep steps[2];
    const char *error;
    size_t n;
} testBadReply;

static const testBadReply badReplies[] = {
    {
        .name = "reply is not JSON",
        .steps = { { PEER_SEND, "{\"return\": {}, \"id\": 2\r\n" } },
        .error = "sent a line that is not JSON: '{\"return\": {}, \"id\": 2'",
    },
    {
        .name = "reply followed by more on the same line",
        .steps = { { PEER_SEND, "{\"return\": {}, \"id\": 2} {}\r\n" } },
        .error = "sent a line that is not JSON: '{\"return\": {}, \"id\": 2} {}'",
    },
    {
        .name = "reply is not UTF-8",
        .steps = { { PEER_SEND, "{\"return\": \"\xff\", \"id\": 2}\r\n" } },
        .error = "sent a line that is not JSON: '{\"return\": \"\\377\", \"id\": 2}'",
    },
    {
        .name = "reply is an array",
        .steps = { { PEER_SEND, "[{\"return\": {}, \"id\": 2}]\r\n" } },
        .error = "sent JSON that is not an object: '[{\"return\": {}, \"id\": 2}]'",
    },
    {
        .name = "reply is a string",
        .steps = { { PEER_SEND, "\"return\"\r\n" } },
        .error = "sent JSON that is not an object: '\"return\"'",
    },
    {
        .name = "reply without return or error",
        .steps = { { PEER_SEND, "{\"id\": 2}\r\n" } },
        .error = "sent neither an event nor a reply: '{\"id\": 2}'",
    },
    {
        .name = "reply with return and error",
        .steps = { { PEER_SEND, "{\"return\": {}, \"error\": {}, \"id\": 2}\r\n" } },
        .error = "sent neither an event nor a reply: '{\"return\": {}, \"error\": {}, \"id\": 2}'",
    },
    {
        .name = "event whose name is not a string",
        .steps = { { PEER_SEND, "{\"event\": 1}\r\n" } },
        .error = "sent neither an event nor a reply: '{\"event\": 1}'",
    },
    {
        .name = "second greeting",
        .steps = { { PEER_SEND, "{\"QMP\": {}}\r\n" } },
        .error = "sent neither an event nor a reply: '{\"QMP\": {}}'",
    },
    {
        .name = "error reply that is not an object",
        .steps = { { PEER_SEND, "{\"error\": \"e\", \"id\": 2}\r\n" } },
        .error = "sent an error reply without 'class' or 'desc'",
    },
    {
        .name = "error reply without class",
        .steps = { { PEER_SEND, "{\"error\": {\"desc\": \"d\"}, \"id\": 2}\r\n" } },
        .error = "sent an error reply without 'class' or 'desc'",
    },
    {
        .name = "error reply without desc",
        .steps = { { PEER_SEND, "{\"error\": {\"class\": \"c\"}, \"id\": 2}\r\n" } },
        .error = "sent an error reply without 'class' or 'desc'",
    },
    {
        .name = "reply with an id answered before",
        .steps = { { PEER_SEND, RETURN("1") } },
        .error = "sent a reply with a wrong id, 2 was expected: '{\"return\": {}, \"id\": 1}'",
    },
    {
        .name = "reply with an id not given yet",
        .steps = { { PEER_SEND, RETURN("3") } },
        .error = "sent a reply with a wrong id, 2 was expected: '{\"return\": {}, \"id\": 3}'",
    },
    {
        .name = "reply with a string for an id",
        .steps = { { PEER_SEND, RETURN("\"2\"") } },
        .error = "sent a reply with a wrong id, 2 was expected: '{\"return\": {}, \"id\": \"2\"}'",
    },
    {
        .name = "error reply without an id",
        .steps = { { PEER_SEND, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}\r\n" } },
        .error = "sent a reply with a wrong id, 2 was expected: "
                 "'{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}'",
    },
    {
        .name = "NUL byte",
        .steps = { { PEER_SEND, "{\"return\": {}, \"id\": 2}" }, { PEER_SEND_NUL } },
        .error = "sent a NUL byte",
    },
    {
        .name = "line one byte too long",
        .steps = { { PEER_SEND, "{\"return\": \"@\", \"id\": 2}\r\n", LINE_FILL_MAX + 1 } },
        .error = "sent a line longer than 65536 bytes",
    },
    {
        .name = "line that takes long to take apart",
        .steps = { { PEER_SEND, "{\"return\": {@}, \"id\": 2}\r\n", 1024 * 1024 - 100 } },
        .error = "sent a line longer than 65536 bytes",
    },
    {
        .name = "line without an end",
        .steps = { { PEER_FLOOD, "@", 5000 } },
        .error = "sent a line longer than 65536 bytes",
    },
    {
        .name = "long quotation",
        .steps = { { PEER_SEND, "@\r\n", 201 } },
        .error = "sent a line that is not JSON: '@...'",
        .n = 200,
    },
    {
        .name = "longest quotation",
        .steps = { { PEER_SEND, "@\r\n", 199 } },
        .error = "sent a line that is not JSON: '@'",
        .n = 199,
    },
};


static int
testMonitorBadReply(const void *opaque)
{
    const testBadReply *bad = opaque;
    g_autofree char *detail = testExpand(bad->error, bad->n);
    g_autofree char *error =
        g_strdup_printf("internal error: device model 'lan': monitor command 'cont': %s",
                        detail);
    g_autofree char *again =
        g_strdup_printf("internal error: device model 'lan': monitor command 'stop': "
                        "unusable after an earlier error: %s", detail);
    const testCase test = {
        .name = bad->name,
        .peer = { PEER_GREETS, PEER_GETS("cont", "2"), bad->steps[0], bad->steps[1] },
        .calls = {
            HANDSHAKE,
            { .type = CALL_CONT, .timeout = LONG,
              .error = error, .code = VIR_ERR_INTERNAL_ERROR },
            { .type = CALL_COMMAND, .timeout = LONG, .command = "stop",
              .error = again, .code = VIR_ERR_INTERNAL_ERROR },
        },
    };

    return testMonitor(&test);
}


static int
testConnectFails(const char *path,
                 int code,
                 const char *expected)
{
    g_autoptr(libxlDeviceModelMonitor) mon = NULL;

    virResetLastError();
    if ((mon = libxlDeviceModelMonitorConnect("lan", path)) ||
        virGetLastErrorCode() != code)
        return -1;

    return virTestCompareToString(expected, virGetLastErrorMessage());
}


static int
testMonitorConnect(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *dir = g_dir_make_tmp("monitor-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/qmp", NULLSTR(dir));
    g_autofree char *longPath = g_strnfill(108, 'p');
    g_autofree char *absent =
        g_strdup_printf("device model 'lan': cannot connect to monitor socket '%s': "
                        "No such file or directory", path);
    g_autofree char *refused =
        g_strdup_printf("device model 'lan': cannot connect to monitor socket '%s': "
                        "Connection refused", path);
    g_autofree char *tooLong =
        g_strdup_printf("internal error: device model 'lan': monitor socket path '%s' "
                        "is longer than 107 bytes", longPath);
    VIR_AUTOCLOSE listener = -1;
    int ret = -1;

    if (!dir || testConnectFails(path, VIR_ERR_SYSTEM_ERROR, absent) < 0)
        goto cleanup;

    /* the socket of a device model that died */
    if ((listener = testListen(path)) < 0)
        goto cleanup;
    VIR_FORCE_CLOSE(listener);

    if (testConnectFails(path, VIR_ERR_SYSTEM_ERROR, refused) < 0 ||
        testConnectFails(longPath, VIR_ERR_INTERNAL_ERROR, tooLong) < 0)
        goto cleanup;

    ret = 0;

 cleanup:
    unlink(path);
    if (dir)
        rmdir(dir);
    return ret;
}


/* What the daemon executes has no way to the device model.  The socket gets the
 * lowest number that is free; nobody has to accept the connection. */
static int
testMonitorInherited(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *dir = g_dir_make_tmp("monitor-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/qmp", NULLSTR(dir));
    g_autoptr(libxlDeviceModelMonitor) mon = NULL;
    VIR_AUTOCLOSE listener = -1;
    int flags = -1;
    int lowest;

    if (!dir)
        return -1;

    if ((listener = testListen(path)) >= 0 &&
        (lowest = dup(listener)) >= 0) {
        close(lowest);
        if ((mon = libxlDeviceModelMonitorConnect("lan", path)))
            flags = fcntl(lowest, F_GETFD);
    }

    unlink(path);
    rmdir(dir);
    return flags == FD_CLOEXEC ? 0 : -1;
}


static const testCase eventLogCase = {
    .name = "event whose name would clear a terminal",
    .peer = { { PEER_SEND, GREETING },
              { PEER_EXPECT, EXPECT_CAPABILITIES },
              { PEER_SEND, EVENT("\\u001b[2J") RETURN("1") } },
    .calls = { HANDSHAKE },
};

/* Who reads debug messages on a terminal has what a device model said escaped, too. */
static int
testMonitorEventLog(const void *opaque)
{
    g_autofree char *log = NULL;
    int rc;

    if (virLogSetFilters("1:libxl.libxl_devicemodel_monitor") < 0)
        return -1;

    g_free(virTestLogContentAndReset());
    rc = testMonitor(opaque);
    log = virTestLogContentAndReset();
    if (virLogSetFilters("") < 0 || rc < 0)
        return -1;

    if (!log || !strstr(log, "event '\\033[2J'") || strchr(log, '\033')) {
        VIR_TEST_VERBOSE("no event, or not as it should be");
        return -1;
    }

    return 0;
}


static void
testSignal(int signum G_GNUC_UNUSED)
{
}


static int
testRunCases(const char *what,
             const testCase *cases,
             size_t ncases)
{
    int ret = 0;
    size_t i;

    for (i = 0; i < ncases; i++) {
        g_autofree char *title = g_strdup_printf("%s: %s", what, cases[i].name);

        if (virTestRun(title, testMonitor, &cases[i]) < 0)
            ret = -1;
    }

    return ret;
}


static int
mymain(void)
{
    struct sigaction action = { .sa_handler = testSignal };
    int ret = 0;
    size_t i;

    /* no SA_RESTART, so that calls are interrupted, and a SIGPIPE kills */
    testThread = pthread_self();
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_DFL);

    if ((testFile = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)) < 0)
        return EXIT_FAILURE;

#define RUN_CASES(what, cases) \
    if (testRunCases(what, cases, G_N_ELEMENTS(cases)) < 0) \
        ret = -1;

    RUN_CASES("handshake", handshakeCases);
    RUN_CASES("command", commandCases);
    RUN_CASES("file", fileCases);
    RUN_CASES("terminal", terminalCases);
    RUN_CASES("gone", goneCases);
    RUN_CASES("event", eventCases);

    for (i = 0; i < G_N_ELEMENTS(badReplies); i++) {
        g_autofree char *title = g_strdup_printf("garbage: %s", badReplies[i].name);

        if (virTestRun(title, testMonitorBadReply, &badReplies[i]) < 0)
            ret = -1;
    }

    if (virTestRun("event: log", testMonitorEventLog, &eventLogCase) < 0)
        ret = -1;
    if (virTestRun("connect: errors", testMonitorConnect, NULL) < 0)
        ret = -1;
    if (virTestRun("connect: not inherited", testMonitorInherited, NULL) < 0)
        ret = -1;

    VIR_FORCE_CLOSE(testFile);
    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
