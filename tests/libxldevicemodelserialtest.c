/*
 * libxldevicemodelserialtest.c: the back-ends of a secondary's serial ports
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files and sockets are made in a folder of the test's own, and on the loopback
 * address.
 */

#include <config.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_serial.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestvirtlogd.h"
#include "virfile.h"
#include "virstring.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_NONE

static char *testDir;
static bool testAgain; /* the domain runs */
static gint64 testDeadline = G_MAXINT64; /* of who opens */
static bool testInherited; /* a socket was made that a program could have been given */

/* libxl may execute a program at any time, in another thread. */
int
socket(int domain,
       int type,
       int protocol)
{
    if (!(type & SOCK_CLOEXEC))
        testInherited = true;

    return syscall(SYS_socket, domain, type, protocol);
}


static int
testOpen(virDomainChrDef *def,
         int *fd)
{
    virDomainDef domain = { .name = (char *)"guest", .uuid = { 5 } };

    virResetLastError();
    *fd = -2;
    testInherited = false;
    return libxlDeviceModelSerialOpen(&domain, "com", def, testAgain, testDeadline, fd);
}


/* A port that must be opened.  Returns the file descriptor, or -1. */
static int
testOpenWell(virDomainChrDef *def)
{
    int fd;

    if (testOpen(def, &fd) < 0) {
        VIR_TEST_VERBOSE("error '%s'", virGetLastErrorMessage());
        return -1;
    }

    if (testInherited || !(fcntl(fd, F_GETFD) & FD_CLOEXEC)) {
        VIR_TEST_VERBOSE("%d is none that was always closed on execution", fd);
        VIR_FORCE_CLOSE(fd);
    }

    return fd;
}


/* A port that must be refused, with what the error says of it. */
static int
testOpenBadly(virDomainChrDef *def,
              int code,
              const char *error)
{
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    int fd;

    if (testOpen(def, &fd) != -1 || fd != -1 || virGetLastErrorCode() != code) {
        VIR_TEST_VERBOSE("opened as %d, error %d '%s'", fd, virGetLastErrorCode(),
                         virGetLastErrorMessage());
        return -1;
    }

    if (libxlDeviceModelTestCheckOpenFiles(files) < 0)
        return -1;

    return libxlDeviceModelTestCompareError(testDir, error);
}


static virDomainChrDef *
testPortNew(virDomainChrType type)
{
    virDomainChrDef *def = virDomainChrDefNew(NULL);

    def->deviceType = VIR_DOMAIN_CHR_DEVICE_TYPE_SERIAL;
    def->target.port = 1;
    def->source->type = type;
    return def;
}


static virDomainChrDef *
testFileNew(const char *name,
            virTristateSwitch append)
{
    virDomainChrDef *def = testPortNew(VIR_DOMAIN_CHR_TYPE_FILE);

    def->source->data.file.path = libxlDeviceModelTestPath(testDir, name);
    def->source->data.file.append = append;
    return def;
}


/* A file of which something is known already, and what is in it in the end. */
typedef struct {
    const char *name;
    virTristateSwitch append;
    const char *before;
    mode_t mode;
    const char *after;
    bool again; /* the domain runs */
} testFile;

static const testFile fileCases[] = {
    { "created", VIR_TRISTATE_SWITCH_ABSENT, NULL, 0600, "boot", false },
    { "emptied", VIR_TRISTATE_SWITCH_ABSENT, "earlier ", 0640, "boot", false },
    { "emptied, not appended", VIR_TRISTATE_SWITCH_OFF, "earlier ", 0640, "boot", false },
    { "gone on with", VIR_TRISTATE_SWITCH_OFF, "earlier ", 0640, "earlier boot", true },
};


static int
testFileRun(const void *opaque)
{
    const testFile *test = opaque;
    g_autofree char *path = libxlDeviceModelTestPath(testDir, test->name);
    g_autofree char *content = NULL;
    g_autoptr(virDomainChrDef) def = testFileNew(test->name, test->append);
    VIR_AUTOCLOSE fd = -1;
    struct stat sb;
    int flags;

    if (test->before &&
        (!g_file_set_contents(path, test->before, -1, NULL) || chmod(path, 0640) < 0))
        return -1;

    testAgain = test->again;
    fd = testOpenWell(def);
    testAgain = false;
    if (fd < 0)
        return -1;

    flags = fcntl(fd, F_GETFL);
    if ((flags & O_ACCMODE) != O_WRONLY || !(flags & O_APPEND)) {
        VIR_TEST_VERBOSE("the flags are 0%o", flags);
        return -1;
    }

    if (safewrite(fd, "boot", 4) != 4 ||
        fstat(fd, &sb) < 0 ||
        virFileReadAll(path, 100, &content) < 0)
        return -1;

    if ((sb.st_mode & 07777) != test->mode) {
        VIR_TEST_VERBOSE("the mode is 0%o", sb.st_mode);
        return -1;
    }

    libxlDeviceModelSerialRemove(def);
    if (!virFileExists(path)) {
        VIR_TEST_VERBOSE("the file was removed");
        return -1;
    }

    return virTestCompareToString(test->after, content);
}


/* A file that is appended to: whether it is there, and what virtlogd says. */
typedef struct {
    const char *name;
    bool there;
    bool again; /* the domain runs */
    size_t nbusy; /* so often it is another's */
    int refused; /* errno */
    const char *error;
} testAppended;

static const testAppended appendedCases[] = {
    { "that is there", .there = true },
    { "that is not there", .there = false },
    { "after a restart", .there = true, .again = true },
    { "that a process that has ended had", .there = true, .nbusy = 2 },
    { "that is refused", .there = true, .refused = EACCES,
      .error = "device model 'com': serial port '1': no log: Permission denied" },
};


/* The secondary has no file, with which it could do more than append. */
static int
testAppendedRun(const void *opaque)
{
    const testAppended *test = opaque;
    g_autofree char *path = libxlDeviceModelTestPath(testDir, test->name);
    g_autofree char *asked = g_strdup_printf("libxl 5 guest %s 0", path);
    g_autoptr(virDomainChrDef) def = testFileNew(test->name, VIR_TRISTATE_SWITCH_ON);
    VIR_AUTOCLOSE fd = -1;
    char said[5] = "";

    if (test->there && !g_file_set_contents(path, "earlier ", -1, NULL))
        return -1;

    testLog.nasked = 0;
    testLog.nbusy = test->nbusy;
    testLog.refused = test->refused;
    if (test->error)
        return testOpenBadly(def, VIR_ERR_SYSTEM_ERROR, test->error);

    testAgain = test->again;
    fd = testOpenWell(def);
    testAgain = false;
    if (fd < 0 || virTestCompareToString(asked, NULLSTR(testLog.asked)) < 0)
        return -1;

    if (testLog.nasked != test->nbusy + 1) {
        VIR_TEST_VERBOSE("virtlogd was asked %zu times", testLog.nasked);
        return -1;
    }

    if (safewrite(fd, "boot", 4) != 4 || saferead(testLog.pipe[0], said, 4) != 4)
        return -1;

    return virTestCompareToString("boot", said);
}


/* One that stays another's is not waited for without end. */
static int
testAppendedBusy(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainChrDef) def = testFileNew("busy", VIR_TRISTATE_SWITCH_ON);
    int ret;

    testLog.nbusy = SIZE_MAX;
    testLog.refused = 0;
    testDeadline = g_get_monotonic_time() + 200 * 1000;
    ret = testOpenBadly(def, VIR_ERR_SYSTEM_ERROR,
                        "device model 'com': serial port '1': no log: Device or resource busy");
    testDeadline = G_MAXINT64;
    testLog.nbusy = 0;
    return ret;
}


static int
testFileErrors(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainChrDef) missing = testFileNew("missing/log", VIR_TRISTATE_SWITCH_OFF);
    g_autoptr(virDomainChrDef) folder = testFileNew("folder", VIR_TRISTATE_SWITCH_ON);
    g_autoptr(virDomainChrDef) fifo = testFileNew("fifo", VIR_TRISTATE_SWITCH_ON);

    if (mkdir(folder->source->data.file.path, 0700) < 0 ||
        mkfifo(fifo->source->data.file.path, 0600) < 0)
        return -1;

    if (testOpenBadly(missing, VIR_ERR_SYSTEM_ERROR,
                      "device model 'com': serial port '1': cannot open file 'DIR/missing/log': No such file or directory") < 0 ||
        testOpenBadly(folder, VIR_ERR_SYSTEM_ERROR,
                      "device model 'com': serial port '1': cannot open file 'DIR/folder': Is a directory") < 0)
        return -1;

    /* nobody reads from it, and nobody is waited for, not by virtlogd either */
    return testOpenBadly(fifo, VIR_ERR_SYSTEM_ERROR,
                         "device model 'com': serial port '1': cannot open file 'DIR/fifo': No such device or address");
}


/* Ports of which the device model makes the back-end itself. */
static int
testNothing(const void *opaque G_GNUC_UNUSED)
{
    static const virDomainChrType types[] = {
        VIR_DOMAIN_CHR_TYPE_PTY, VIR_DOMAIN_CHR_TYPE_NULL,
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autoptr(virDomainChrDef) def = testPortNew(types[i]);
        int fd;

        if (testOpen(def, &fd) < 0 || fd != -1) {
            VIR_TEST_VERBOSE("type '%s' was opened as %d",
                             virDomainChrTypeToString(types[i]), fd);
            return -1;
        }
        libxlDeviceModelSerialRemove(def);
    }

    return 0;
}


static virDomainChrDef *
testUNIXNew(const char *name,
            bool listening)
{
    virDomainChrDef *def = testPortNew(VIR_DOMAIN_CHR_TYPE_UNIX);

    def->source->data.nix.path = libxlDeviceModelTestPath(testDir, name);
    def->source->data.nix.listen = listening;
    return def;
}


/* What is written at one end comes out at the other. */
static int
testTalk(int from,
         int to)
{
    char byte = 0;

    if (safewrite(from, "x", 1) != 1 || saferead(to, &byte, 1) != 1 || byte != 'x') {
        VIR_TEST_VERBOSE("%d and %d are not connected", from, to);
        return -1;
    }

    return 0;
}


static int
testSetBlocking(int fd)
{
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}


/* Connect one port to what another listens on. */
static int
testConnectPorts(int listener,
                 virDomainChrDef *client)
{
    VIR_AUTOCLOSE guest = -1;
    VIR_AUTOCLOSE fd = -1;

    if ((fd = testOpenWell(client)) < 0 ||
        testSetBlocking(listener) < 0 ||
        testSetBlocking(fd) < 0 ||
        (guest = accept(listener, NULL, NULL)) < 0)
        return -1;

    return testTalk(guest, fd) < 0 || testTalk(fd, guest) < 0 ? -1 : 0;
}


static int
testUNIX(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainChrDef) server = testUNIXNew("com", true);
    g_autoptr(virDomainChrDef) client = testUNIXNew("com", false);
    const char *path = server->source->data.nix.path;
    VIR_AUTOCLOSE fd = testOpenWell(server);
    struct stat sb;

    if (fd < 0)
        return -1;

    if (lstat(path, &sb) < 0 || !S_ISSOCK(sb.st_mode) || (sb.st_mode & 0777) != 0600) {
        VIR_TEST_VERBOSE("'%s' is no socket of mode 0600", path);
        return -1;
    }

    if (testConnectPorts(fd, client) < 0)
        return -1;

    /* the one that did not make it leaves it alone */
    libxlDeviceModelSerialRemove(client);
    if (!virFileExists(path)) {
        VIR_TEST_VERBOSE("the socket of another was removed");
        return -1;
    }

    libxlDeviceModelSerialRemove(server);
    libxlDeviceModelSerialRemove(server);
    if (virFileExists(path)) {
        VIR_TEST_VERBOSE("the socket is still there");
        return -1;
    }

    return 0;
}


/* A socket that nobody listens on any more is replaced, once it has been refused
 * to a client; a file that is none stays. */
static int
testUNIXStale(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainChrDef) server = testUNIXNew("stale", true);
    g_autoptr(virDomainChrDef) client = testUNIXNew("stale", false);
    g_autoptr(virDomainChrDef) file = testUNIXNew("precious", true);
    VIR_AUTOCLOSE fd = testOpenWell(server);

    VIR_FORCE_CLOSE(fd);
    if (testOpenBadly(client, VIR_ERR_SYSTEM_ERROR,
                      "device model 'com': serial port '1': cannot connect to socket 'DIR/stale': Connection refused") < 0)
        return -1;

    if ((fd = testOpenWell(server)) < 0 ||
        testConnectPorts(fd, client) < 0)
        return -1;
    libxlDeviceModelSerialRemove(server);

    if (!g_file_set_contents(file->source->data.nix.path, "data", -1, NULL) ||
        testOpenBadly(file, VIR_ERR_SYSTEM_ERROR,
                      "device model 'com': serial port '1': cannot listen on socket 'DIR/precious': Address already in use") < 0)
        return -1;

    libxlDeviceModelSerialRemove(file);
    if (!virFileExists(file->source->data.nix.path)) {
        VIR_TEST_VERBOSE("a file that is no socket was removed");
        return -1;
    }

    return 0;
}


static int
testUNIXErrors(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *fill = g_strnfill(sizeof(((struct sockaddr_un *)NULL)->sun_path), 'x');
    g_autofree char *error = NULL;
    g_autoptr(virDomainChrDef) missing = testUNIXNew("missing/com", true);
    g_autoptr(virDomainChrDef) nobody = testUNIXNew("nobody", false);
    g_autoptr(virDomainChrDef) overlong = testUNIXNew(fill, true);

    if (testOpenBadly(missing, VIR_ERR_SYSTEM_ERROR,
                      "device model 'com': serial port '1': cannot listen on socket 'DIR/missing/com': No such file or directory") < 0 ||
        testOpenBadly(nobody, VIR_ERR_SYSTEM_ERROR,
                      "device model 'com': serial port '1': cannot connect to socket 'DIR/nobody': No such file or directory") < 0)
        return -1;

    error = g_strdup_printf("device model 'com': serial port '1': unsupported configuration: path 'DIR/%s' of a socket is longer than 107 bytes", fill);
    return testOpenBadly(overlong, VIR_ERR_CONFIG_UNSUPPORTED, error);
}


/* A server that does not accept is not waited for. */
static int
testUNIXBusy(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainChrDef) server = testUNIXNew("busy", true);
    g_autoptr(virDomainChrDef) client = testUNIXNew("busy", false);
    VIR_AUTOCLOSE listener = testOpenWell(server);
    VIR_AUTOCLOSE first = testOpenWell(client);
    VIR_AUTOCLOSE second = testOpenWell(client);

    if (listener < 0 || first < 0 || second < 0)
        return -1;

    return testOpenBadly(client, VIR_ERR_SYSTEM_ERROR,
                         "device model 'com': serial port '1': cannot connect to socket 'DIR/busy': Resource temporarily unavailable");
}


static virDomainChrDef *
testTCPNew(unsigned int port,
           bool listening)
{
    virDomainChrDef *def = testPortNew(VIR_DOMAIN_CHR_TYPE_TCP);

    def->source->data.tcp.host = g_strdup("127.0.0.1");
    def->source->data.tcp.service = g_strdup_printf("%u", port);
    def->source->data.tcp.listen = listening;
    return def;
}


static unsigned int
testTCPPort(int fd)
{
    struct sockaddr_in addr = { 0 };
    socklen_t len = sizeof(addr);

    if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0 ||
        addr.sin_addr.s_addr != htonl(INADDR_LOOPBACK))
        return 0;

    return ntohs(addr.sin_port);
}


static int
testTCP(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainChrDef) server = testTCPNew(0, true);
    g_autoptr(virDomainChrDef) client = NULL;
    VIR_AUTOCLOSE fd = testOpenWell(server);
    unsigned int port;

    if (fd < 0 || (port = testTCPPort(fd)) == 0)
        return -1;

    client = testTCPNew(port, false);
    if (testConnectPorts(fd, client) < 0)
        return -1;

    libxlDeviceModelSerialRemove(server);
    return 0;
}


/* One port is somebody's who does not listen: it can be had by nobody else. */
static int
testTCPErrors(const void *opaque G_GNUC_UNUSED)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    VIR_AUTOCLOSE fd = socket(AF_INET, SOCK_STREAM, 0);
    g_autoptr(virDomainChrDef) server = NULL;
    g_autoptr(virDomainChrDef) client = NULL;
    g_autofree char *refused = NULL;
    unsigned int port;

    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        (port = testTCPPort(fd)) == 0)
        return -1;

    server = testTCPNew(port, true);
    client = testTCPNew(port, false);
    refused = g_strdup_printf("device model 'com': serial port '1': unable to connect to server at '127.0.0.1:%u': Connection refused", port);

    if (testOpenBadly(client, VIR_ERR_SYSTEM_ERROR, refused) < 0)
        return -1;

    return testOpenBadly(server, VIR_ERR_SYSTEM_ERROR,
                         "device model 'com': serial port '1': Unable to bind to port: Address already in use");
}


/* A host that does not answer is not waited for: its queue is full, and the kernel drops
 * what comes. */
static int
testTCPSilent(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainChrDef) server = testTCPNew(0, true);
    g_autoptr(virDomainChrDef) client = NULL;
    g_autofree char *silent = NULL;
    VIR_AUTOCLOSE fd = testOpenWell(server);
    VIR_AUTOCLOSE first = -1;
    VIR_AUTOCLOSE second = -1;
    gint64 begin = g_get_monotonic_time();
    gint64 patient;
    unsigned int port;
    int rc;

    if (fd < 0 || (port = testTCPPort(fd)) == 0)
        return -1;

    client = testTCPNew(port, false);
    first = testOpenWell(client);
    second = testOpenWell(client);
    if (first < 0 || second < 0)
        return -1;

    silent = g_strdup_printf("device model 'com': serial port '1': unable to connect to server at '127.0.0.1:%u': Connection timed out", port);
    if (testOpenBadly(client, VIR_ERR_SYSTEM_ERROR, silent) < 0)
        return -1;

    /* for who has no time left, it takes none */
    patient = g_get_monotonic_time();
    testDeadline = patient;
    rc = testOpenBadly(client, VIR_ERR_SYSTEM_ERROR, silent);
    testDeadline = G_MAXINT64;
    return rc == 0 && (g_get_monotonic_time() - patient) * 2 < patient - begin ? 0 : -1;
}


static int
testTCPNames(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainChrDef) client = testTCPNew(1, false);

    g_free(client->source->data.tcp.service);
    client->source->data.tcp.service = g_strdup("no-such-service");
    return testOpenBadly(client, VIR_ERR_SYSTEM_ERROR,
                         "device model 'com': serial port '1': Unable to resolve address '127.0.0.1' service 'no-such-service': Servname not supported for ai_socktype");
}


/* Runs a test, which must close what it opens. */
static int
testClosing(const void *opaque)
{
    int (*const *run)(const void *) = opaque;
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    int ret = (*run)(NULL);

    if (libxlDeviceModelTestCheckOpenFiles(files) < 0)
        ret = -1;

    return ret;
}


/* What is said of an open file, and whether it is the master of terminal 5. */
static const struct {
    const char *info;
    const char *path;
    bool master;
} terminalCases[] = {
    { "pos:\t0\nflags:\t02\nmnt_id:\t20\ntty-index:\t5\n", "/dev/pts/5", true },
    { "pos:\t0\nflags:\t02\nmnt_id:\t20\ntty-index:\t55\n", "/dev/pts/5", false },
    { "pos:\t0\nflags:\t02\nmnt_id:\t20\ntty-index:\t5\n", "/dev/pts/55", false },
    { "pos:\t0\nflags:\t02\nmnt_id:\t20\ntty-index:\t5\n", "/dev/tty5", false },
    { "pos:\t0\nflags:\t02\nmnt_id:\t20\ntty-index:\t5\n", "/dev/pts/../tty5", false },
    { "pos:\t0\nflags:\t02\nmnt_id:\t20\n", "/dev/pts/5", false },
    { "", "/dev/pts/5", false },
};


static int
testTerminals(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *proc = libxlDeviceModelTestPath(testDir, "proc");
    g_autofree char *folder = libxlDeviceModelTestPath(proc, "fdinfo");
    g_autofree char *file = libxlDeviceModelTestPath(folder, "3");
    size_t i;
    int ret = 0;

    if (libxlDeviceModelSerialHasTerminal(proc, "/dev/pts/5") ||
        g_mkdir_with_parents(folder, 0700) < 0)
        return -1;

    for (i = 0; i < G_N_ELEMENTS(terminalCases); i++) {
        if (virFileWriteStr(file, terminalCases[i].info, 0600) < 0)
            return -1;

        if (libxlDeviceModelSerialHasTerminal(proc, terminalCases[i].path) !=
            terminalCases[i].master) {
            VIR_TEST_VERBOSE("'%s' in '%s', expected %d", terminalCases[i].path,
                             terminalCases[i].info, terminalCases[i].master);
            ret = -1;
        }
    }

    return ret;
}


/* As the kernel says it: the terminal is the process's until it is closed, and
 * who has the other end only has not the terminal. */
static int
testTerminal(const void *opaque G_GNUC_UNUSED)
{
    VIR_AUTOCLOSE master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    g_autofree char *path = NULL;
    VIR_AUTOCLOSE slave = -1;

    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        return -1;

    path = g_strdup(ptsname(master));
    if ((slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 ||
        !libxlDeviceModelSerialHasTerminal("/proc/self", path))
        return -1;

    VIR_FORCE_CLOSE(master);
    return libxlDeviceModelSerialHasTerminal("/proc/self", path) ? -1 : 0;
}


static int
mymain(void)
{
    static const struct {
        const char *name;
        int (*run)(const void *);
    } tests[] = {
        { "file: appended to that stays another's", testAppendedBusy },
        { "file: errors", testFileErrors },
        { "pty and null", testNothing },
        { "terminals", testTerminals },
        { "terminal of this process", testTerminal },
        { "unix", testUNIX },
        { "unix: what is there already", testUNIXStale },
        { "unix: errors", testUNIXErrors },
        { "unix: busy server", testUNIXBusy },
        { "tcp", testTCP },
        { "tcp: errors", testTCPErrors },
        { "tcp: names", testTCPNames },
        { "tcp: silent", testTCPSilent },
    };
    g_autofree char *dir = NULL;
    size_t i;
    int ret = 0;

    if (!(dir = g_dir_make_tmp("com-XXXXXX", NULL)) || testLogInit() < 0)
        return EXIT_FAILURE;
    testDir = dir;
    umask(0);

    for (i = 0; i < G_N_ELEMENTS(fileCases); i++) {
        g_autofree char *title = g_strdup_printf("file: %s", fileCases[i].name);

        if (virTestRun(title, testFileRun, &fileCases[i]) < 0)
            ret = -1;
    }

    for (i = 0; i < G_N_ELEMENTS(appendedCases); i++) {
        g_autofree char *title = g_strdup_printf("file: appended to %s", appendedCases[i].name);

        if (virTestRun(title, testAppendedRun, &appendedCases[i]) < 0)
            ret = -1;
    }

    for (i = 0; i < G_N_ELEMENTS(tests); i++) {
        if (virTestRun(tests[i].name, testClosing, &tests[i].run) < 0)
            ret = -1;
    }

    testLogFree();
    if (virFileDeleteTree(testDir) < 0)
        ret = -1;

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
