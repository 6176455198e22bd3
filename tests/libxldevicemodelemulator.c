/*
 * libxldevicemodelemulator.c: an emulator as the driver sees one
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Takes the command line of a secondary, registers itself with the stand-in
 * for libxendevicemodel, and serves QMP.  The name of its guest says how it
 * behaves.  Its tap belongs to the test: the emulator does nothing until it
 * reads a byte from it, and writes one when it is ready for the driver.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xendevicemodel.h>

#include "fakexen/fakexen.h"

#define EMULATOR_GREETING \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 2, \"minor\": 2, \"major\": 7}, " \
    "\"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n"

/* Where the guest would put a BAR. */
#define EMULATOR_BAR 0xf0000000

static struct {
    char mode[64];
    unsigned int domid;
    int monitor;
    int tap;
    int handed; /* the last file that came with a command */
    bool incoming; /* waits for a state */

    xendevicemodel_handle *dmod;
    ioservid_t ioservid;
} emulator = { .monitor = -1, .tap = -1, .handed = -1 };


static bool
emulatorIs(const char *mode)
{
    return strcmp(emulator.mode, mode) == 0;
}


/* stdio is bypassed, so that the log has these lines and no others; and so is
 * _exit, which writes what stdio has if there is a sanitizer. */
static void __attribute__((noreturn))
emulatorExit(const char *message)
{
    if (message)
        dprintf(STDERR_FILENO, "emulator: %s\n", message);

    syscall(SYS_exit_group, EXIT_FAILURE);
    __builtin_unreachable();
}


static void
emulatorTerminate(int sig __attribute__((unused)))
{
    _exit(EXIT_SUCCESS);
}


static int
emulatorFD(const char *arg)
{
    const char *fd = arg ? strstr(arg, "fd=") : NULL;

    return fd ? atoi(fd + strlen("fd=")) : -1;
}


static void
emulatorParse(char **argv)
{
    size_t i;

    for (i = 1; argv[i] && argv[i + 1]; i++) {
        if (strcmp(argv[i], "-name") == 0)
            sscanf(argv[i + 1], "guest=%63[^/]", emulator.mode);
        else if (strcmp(argv[i], "-xen-domid") == 0)
            emulator.domid = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "-chardev") == 0 && strstr(argv[i + 1], "fd="))
            emulator.monitor = emulatorFD(argv[i + 1]);
        else if (strcmp(argv[i], "-netdev") == 0)
            emulator.tap = emulatorFD(argv[i + 1]);
        else if (strcmp(argv[i], "-incoming") == 0 && strcmp(argv[i + 1], "defer") == 0)
            emulator.incoming = true;
    }
}


/* A wrapper becomes the emulator, once. */
static void
emulatorWrap(char **argv)
{
    if (getenv("EMULATOR_WRAPPED"))
        return;

    if (emulatorIs("unwrapped") || emulatorIs("forges"))
        unsetenv("LD_PRELOAD");
    else if (!emulatorIs("wrapped"))
        return;

    setenv("EMULATOR_WRAPPED", "yes", 1);
    execv("/proc/self/exe", argv);
    emulatorExit("cannot execute itself");
}


static void
emulatorFlood(void)
{
    char line[1001];

    memset(line, 'x', 1000);
    line[1000] = '\0';
    dprintf(STDERR_FILENO, "%s\n%.500s\n", line, line);
    emulatorExit("gives up");
}


/* Ends, but not what has its log open, too. */
static void
emulatorFork(void)
{
    int fd;

    if (fork() != 0)
        emulatorExit("leaves another");

    for (fd = STDERR_FILENO + 1; fd < 64; fd++)
        close(fd);

    /* so that nobody waits for a test that fails */
    alarm(60);
    for (;;)
        pause();
}


/* Gives up the lock on its pid file, as somebody who took it over could. */
static void
emulatorUnlock(void)
{
    char path[64];
    char target[256];
    ssize_t len;
    int fd;

    for (fd = STDERR_FILENO + 1; fd < 64; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        len = readlink(path, target, sizeof(target));
        if (len > 4 && memcmp(target + len - 4, ".pid", 4) == 0)
            close(fd);
    }
}


/* Says in the library's place what whoever reads it may not obey. */
static void
emulatorForge(void)
{
    dprintf(emulatorFD(getenv("LIBVIRT_DEVICEMODEL_SCOPE")),
            "scope 1 domid=7\n\033[2J\351\n");
}


/* As QEMU does: what Xen refuses is warned of at most. */
static void
emulatorRegister(void)
{
    if (!(emulator.dmod = xendevicemodel_open(NULL, 0)))
        emulatorExit("cannot open Xen");

    if (emulatorIs("refused"))
        fakeXenDeviceModelFail(ENOSPC);

    if (!emulatorIs("unregistered"))
        xendevicemodel_create_ioreq_server(emulator.dmod, emulator.domid, 2,
                                           &emulator.ioservid);
}


static void
emulatorMapBAR(void)
{
    xendevicemodel_map_io_range_to_ioreq_server(emulator.dmod, emulator.domid,
                                                emulator.ioservid, 1,
                                                EMULATOR_BAR, EMULATOR_BAR + 0xfff);
}


/* Runs as long as its BAR is mapped, which takes a sealed scope. */
static const char *
emulatorStatus(void)
{
    if (emulatorIs("names-odd-state"))
        return "{\"running\": false, \"status\": \"\\u001b[2J\\u0085\"}";

    if (emulator.incoming)
        return "{\"running\": false, \"status\": \"inmigrate\"}";

    if (emulator.handed >= 0 && fakeXenDeviceModelMapped() == 1)
        return "{\"running\": false, \"status\": \"paused\"}";

    if (emulatorIs("stays-paused"))
        return "{\"running\": false, \"status\": \"paused\"}";

    if (fakeXenDeviceModelMapped() != 1)
        return "{\"running\": false, \"status\": \"unsealed\"}";

    return "{\"running\": true, \"status\": \"running\"}";
}


/* The emulator has a terminal, and names another where it lies. */
static const char *
emulatorTerminal(void)
{
    static char reply[128];
    unsigned int pts = 0;
    int unlocked = 0;
    int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);

    if (fd < 0 || ioctl(fd, TIOCSPTLCK, &unlocked) < 0 || ioctl(fd, TIOCGPTN, &pts) < 0)
        emulatorExit("cannot open a terminal");

    if (emulatorIs("names-other-terminal"))
        pts = 1000000;

    snprintf(reply, sizeof(reply),
             "[{\"label\": \"charserial0\", \"filename\": \"pty:/dev/pts/%u\"}]", pts);
    return reply;
}


/* BARs are in a state.  Returns the reply. */
static const char *
emulatorLoad(void)
{
    char state[16] = "";

    if (!emulator.incoming || read(emulator.handed, state, sizeof(state) - 1) <= 0)
        return NULL;

    if (strcmp(state, "QEVM") != 0)
        emulatorExit("load of migration failed");

    emulator.incoming = false;
    emulatorMapBAR();
    return "{}";
}


static void
emulatorCommand(int fd,
                const char *line)
{
    const char *id = strstr(line, "\"id\":");
    const char *reply = "{}";

    if (strstr(line, "\"cont\"")) {
        if (emulatorIs("exits-on-cont"))
            emulatorExit("device failed");
        if (emulatorIs("hangs-on-cont"))
            return;
        if (emulatorIs("refuses-cont")) {
            dprintf(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": %d}\r\n",
                    atoi(id + strlen("\"id\":")));
            return;
        }
        if (emulator.incoming)
            emulatorExit("has no state yet");
        if (emulator.handed >= 0)
            emulator.handed = -1;
        else
            emulatorMapBAR();
    } else if (strstr(line, "\"migrate-incoming\"")) {
        if (!(reply = emulatorLoad()))
            emulatorExit("waits for no state");
    } else if (strstr(line, "\"query-version\"")) {
        reply = "{\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}}";
    } else if (strstr(line, "\"qom-get\"")) {
        reply = "\"xenfv-3.1-machine\"";
    } else if (strstr(line, "\"query-status\"")) {
        reply = emulatorStatus();
    } else if (strstr(line, "\"query-chardev\"")) {
        reply = emulatorTerminal();
    }

    dprintf(fd, "{\"return\": %s, \"id\": %d}\r\n", reply,
            atoi(id + strlen("\"id\":")));
}


/* Returns whether there was a byte; a file may come with it. */
static bool
emulatorReceive(int fd,
                char *byte)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = { .iov_base = byte, .iov_len = 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof(control),
    };
    struct cmsghdr *header;

    if (recvmsg(fd, &msg, 0) != 1)
        return false;

    if ((header = CMSG_FIRSTHDR(&msg)))
        memcpy(&emulator.handed, CMSG_DATA(header), sizeof(int));
    return true;
}


static void
emulatorServe(int fd)
{
    char line[1024];
    size_t len = 0;

    dprintf(fd, "%s", emulatorIs("garbage") ? "SSH-2.0\r\n" : EMULATOR_GREETING);

    while (len < sizeof(line) - 1 && emulatorReceive(fd, line + len)) {
        if (line[len++] != '\n')
            continue;

        line[len] = '\0';
        len = 0;
        emulatorCommand(fd, line);

        if (emulatorIs("closes"))
            break;
    }

    close(fd);
}


static void
emulatorListen(void)
{
    int fd;

    if (emulatorIs("silent"))
        return;

    while ((fd = accept(emulator.monitor, NULL, NULL)) >= 0) {
        if (emulatorIs("exits-on-connection")) {
            close(fd);
            usleep(100 * 1000);
            emulatorExit("took its time");
        }

        emulatorServe(fd);
    }
}


int
main(int argc __attribute__((unused)),
     char **argv)
{
    char byte = 0;

    emulatorParse(argv);

    if (emulatorIs("exits-at-once"))
        emulatorExit(NULL);

    emulatorWrap(argv);

    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, emulatorIs("stubborn") ? SIG_IGN : emulatorTerminate);

    if (read(emulator.tap, &byte, 1) != 1)
        emulatorExit("the tap is closed");

    if (emulatorIs("is-killed"))
        kill(getpid(), SIGKILL);
    if (emulatorIs("exits"))
        emulatorExit(NULL);
    if (emulatorIs("exits-with-message"))
        emulatorExit("no such machine\nemulator: gives up");
    if (emulatorIs("floods"))
        emulatorFlood();
    if (emulatorIs("forks-and-exits"))
        emulatorFork();

    if (emulatorIs("exits-with-escapes"))
        emulatorExit("\033[2J\007\351\tcaf\303\251");
    if (emulatorIs("unlocked"))
        emulatorUnlock();
    if (emulatorIs("forges"))
        emulatorForge();

    emulatorRegister();

    if (write(emulator.tap, &byte, 1) != 1)
        emulatorExit("the tap is closed");

    emulatorListen();

    for (;;)
        pause();
}
