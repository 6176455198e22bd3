/*
 * libxldevicemodelscopetest.c: the scope library, seen from the emulator
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Runs a small program in place of the emulator, with the scope library
 * preloaded and stand-ins for Xen's libraries behind it.  A test is a transcript:
 * lines without indentation are the calls, indented ones what must come of them.
 */

#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "testutils.h"
#include "vircommand.h"

#include "libxl/libxl_devicemodel_dma.h"
#include "libxl/libxl_devicemodel_registers.h"
#include "libxl/libxl_devicemodel_scope_claims.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

/* Where the build puts the two, unless it says otherwise. */
#ifndef TEST_SCOPE_LIBRARY
# define TEST_SCOPE_LIBRARY abs_builddir "/libvirt-devicemodel-scope.so"
#endif
#ifndef TEST_SCOPE_HELPER
# define TEST_SCOPE_HELPER abs_builddir "/libxldevicemodelscopehelper"
#endif

struct testTranscript {
    const char *scope; /* what the driver hands over, but for the socket */
    const char *shell; /* a wrapper around the emulator, or NULL */
    const char *transcript;
    const char *log; /* expected on stderr, %d being the socket; NULL when nothing is */
};

#define REGISTERS_NAME abs_builddir "/libxldevicemodelscopetest.regs"

struct testMalformed {
    const char *scope; /* %d is the socket */
    const char *error; /* how the report must begin */
    bool silent; /* no report can reach the driver */
};


static char *
testTranscriptCalls(const char *transcript)
{
    g_auto(GStrv) lines = g_strsplit(transcript, "\n", 0);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    for (i = 0; lines[i]; i++) {
        if (*lines[i] && !STRPREFIX(lines[i], "  "))
            virBufferAsprintf(&buf, "%s\n", lines[i]);
    }

    return virBufferContentAndReset(&buf);
}


static virCommand *
testCommandNew(const char *shell,
               const char *scope,
               int driver,
               int library)
{
    virCommand *cmd;

    if (shell)
        cmd = virCommandNewArgList("/bin/sh", "-c", shell, TEST_SCOPE_HELPER, NULL);
    else
        cmd = virCommandNew(TEST_SCOPE_HELPER);

    virCommandAddArgFormat(cmd, "%d", driver);
    virCommandAddArgFormat(cmd, "%d", library);
    virCommandAddEnvPair(cmd, "LC_ALL", "C");
    virCommandAddEnvPair(cmd, "LD_PRELOAD", TEST_SCOPE_LIBRARY);
    if (scope)
        virCommandAddEnvPair(cmd, "LIBVIRT_DEVICEMODEL_SCOPE", scope);
    virCommandPassFD(cmd, library, VIR_COMMAND_PASS_FD_CLOSE_PARENT);

    return cmd;
}


/* Returns the version that the kernel has, or a number below 1. */
static long
testLandlockVersion(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}


/* Take out what the library says on a kernel that cannot do all of it. */
static void
testDropLandlock(char *log)
{
    char *line = strstr(log, "devicemodel-scope: the emulator can write files");
    char *end = line ? strchr(line, '\n') : NULL;

    if (end && testLandlockVersion() < 1)
        memmove(line, end + 1, strlen(end + 1) + 1);
}


static int
testSocketpair(int *fds)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        fprintf(stderr, "socketpair: %s\n", g_strerror(errno));
        return -1;
    }

    return 0;
}


/* Put the number of the socket in the place of each %d. */
static char *
testFillSocket(const char *str,
               int fd)
{
    g_autofree char *number = g_strdup_printf("%d", fd);
    g_autoptr(GString) filled = g_string_new(str);

    g_string_replace(filled, "%d", number, 0);
    return g_strdup(filled->str);
}


static int
testTranscriptRun(const void *opaque)
{
    const struct testTranscript *data = opaque;
    g_autoptr(virCommand) cmd = NULL;
    g_autofree char *scope = NULL;
    g_autofree char *calls = testTranscriptCalls(data->transcript);
    g_autofree char *log = NULL;
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    int fds[2];

    if (testSocketpair(fds) < 0)
        return -1;

    if (data->scope)
        scope = g_strdup_printf("%s;fd=%d", data->scope, fds[1]);
    log = testFillSocket(data->log ? data->log : "", fds[1]);

    cmd = testCommandNew(data->shell, scope, fds[0], fds[1]);
    virCommandPassFD(cmd, fds[0], VIR_COMMAND_PASS_FD_CLOSE_PARENT);
    virCommandSetInputBuffer(cmd, calls);
    virCommandSetOutputBuffer(cmd, &out);
    virCommandSetErrorBuffer(cmd, &err);

    if (virCommandRun(cmd, NULL) < 0)
        return -1;

    testDropLandlock(err);
    if (virTestCompareToString(data->transcript, out) < 0 ||
        virTestCompareToString(log, err) < 0)
        return -1;

    return 0;
}


/* A process with malformed claims ends before it does anything, with an error
 * for the log and, when the socket is known, the same for the driver. */
static int
testMalformedRun(const void *opaque)
{
    const struct testMalformed *data = opaque;
    g_autoptr(virCommand) cmd = NULL;
    g_autofree char *scope = NULL;
    g_autofree char *expect = NULL;
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    VIR_AUTOCLOSE driver = -1;
    char report[1024] = "";
    int status = 0;
    int fds[2];

    if (testSocketpair(fds) < 0)
        return -1;

    driver = fds[0];
    scope = testFillSocket(data->scope, fds[1]);

    cmd = testCommandNew(NULL, scope, fds[0], fds[1]);
    virCommandSetOutputBuffer(cmd, &out);
    virCommandSetErrorBuffer(cmd, &err);

    if (virCommandRun(cmd, &status) < 0)
        return -1;

    if (status != EXIT_FAILURE || virTestCompareToString("", out) < 0) {
        VIR_TEST_VERBOSE("'%s' was accepted", scope);
        return -1;
    }

    expect = g_strdup_printf("devicemodel-scope: LIBVIRT_DEVICEMODEL_SCOPE: %s", data->error);
    if (!STRPREFIX(err, expect))
        return virTestCompareToString(expect, err);

    if (recv(driver, report, sizeof(report) - 1, MSG_DONTWAIT) < 0)
        report[0] = '\0';

    g_free(expect);
    expect = data->silent ? g_strdup("") : g_strdup_printf("error scope %s", data->error);
    if (!STRPREFIX(report, expect) || (data->silent && *report) ||
        (!data->silent && strchr(report, '\n') != report + strlen(report) - 1))
        return virTestCompareToString(expect, report);

    return 0;
}


/* What is remembered in a file that the driver has handed over, a line for each
 * register that was written. */
static char *
testRegisters(const libxlDeviceModelRegisters *registers)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;
    size_t j;

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_SLOTS; i++) {
        for (j = 0; j < LIBXL_DEVICE_MODEL_REGISTERS_CONFIG; j++) {
            if (registers->config[i][j])
                virBufferAsprintf(&buf, "slot %zu %#zx: %#x\n", i, 4 * j,
                                  libxlDeviceModelRegisterGet(registers->config[i][j]));
        }
    }

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_UARTS; i++) {
        for (j = 0; j < LIBXL_DEVICE_MODEL_UART_LAST; j++) {
            if (registers->uarts[i][j])
                virBufferAsprintf(&buf, "uart %zu %zu: %#x\n", i, j,
                                  libxlDeviceModelRegisterGet(registers->uarts[i][j]));
        }
    }

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS; i++) {
        for (j = 0; j < LIBXL_DEVICE_MODEL_IDE_LAST; j++) {
            if (registers->channels[i][j])
                virBufferAsprintf(&buf, "channel %zu %zu: %#x\n", i, j,
                                  libxlDeviceModelRegisterGet(registers->channels[i][j]));
        }
    }

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_VCPUS; i++) {
        if (registers->noted[i])
            virBufferAsprintf(&buf, "vcpu %zu\n", i);
    }

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_SLOTS; i++) {
        if (registers->dma[i].kind)
            virBufferAsprintf(&buf, "guarded slot %" PRIu64 ": %#" PRIx64 ", on %#" PRIx64 "\n",
                              registers->dma[i].slot, registers->dma[i].reset.written,
                              registers->dma[i].reset.on);
    }

    return virBufferContentAndReset(&buf);
}


struct testMemory {
    const char *name;
    const char *scope; /* but for socket and file */
    const char *shell;
    const char *transcript;
    const char *registers; /* in the end */
    size_t length; /* of the file, 0 for what it should be */
    uint64_t version; /* 0 likewise */
    const char *log;
    bool refuses; /* the first IDE channel, commands */
    bool guarded; /* the NIC in slot 6 is */
};


/* A file that is open in the library's process under the number that is returned. */
static int
testMemoryOpen(const struct testMemory *test,
               const char *path)
{
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 2);
    size_t length = test->length ? test->length : sizeof(*registers);

    registers->version = test->version ? test->version : LIBXL_DEVICE_MODEL_REGISTERS_VERSION;
    registers->channels[0][LIBXL_DEVICE_MODEL_IDE_REFUSES] = test->refuses;
    if (test->guarded)
        libxlDeviceModelDMAGuard(registers, LIBXL_DEVICE_MODEL_DMA_E1000, 6);
    if (!g_file_set_contents(path, (char *)registers, length, NULL))
        return -1;

    return open(path, O_RDWR | O_CLOEXEC);
}


static int
testMemoryRun(const void *opaque)
{
    const struct testMemory *test = opaque;
    g_autoptr(virCommand) cmd = NULL;
    g_autofree char *calls = NULL;
    g_autofree char *expect = NULL;
    g_autofree char *scope = NULL;
    g_autofree char *log = NULL;
    g_autofree char *out = NULL;
    g_autofree char *err = NULL;
    g_autofree char *kept = NULL;
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    int file = testMemoryOpen(test, REGISTERS_NAME);
    VIR_AUTOCLOSE look = open(REGISTERS_NAME, O_RDONLY | O_CLOEXEC);
    int fds[2];

    if (file < 0 || look < 0 || testSocketpair(fds) < 0)
        return -1;

    scope = g_strdup_printf("%s;fd=%d;registers=%d", test->scope, fds[1], file);
    log = testFillSocket(test->log ? test->log : "", file);
    expect = testFillSocket(test->transcript, file);
    calls = testTranscriptCalls(expect);
    cmd = testCommandNew(test->shell, scope, fds[0], fds[1]);
    virCommandPassFD(cmd, fds[0], VIR_COMMAND_PASS_FD_CLOSE_PARENT);
    virCommandPassFD(cmd, file, VIR_COMMAND_PASS_FD_CLOSE_PARENT);
    virCommandSetInputBuffer(cmd, calls);
    virCommandSetOutputBuffer(cmd, &out);
    virCommandSetErrorBuffer(cmd, &err);

    if (virCommandRun(cmd, NULL) < 0)
        return -1;

    testDropLandlock(err);
    if (virTestCompareToString(expect, out) < 0 ||
        virTestCompareToString(log, err) < 0)
        return -1;

    if (saferead(look, registers, sizeof(*registers)) < 0)
        return -1;

    kept = testRegisters(registers);
    return virTestCompareToString(test->registers, NULLSTR_EMPTY(kept));
}


static int
testClaimsSane(const libxlDeviceModelScopeClaims *claims)
{
    size_t i;
    size_t j;

    if (claims->domid < 1 || claims->domid > 32751 ||
        claims->id < 1 || claims->id > 7 || claims->fd < 3 || claims->nclaims < 1)
        return -1;

    for (i = 0; i < LIBXL_DEVICE_MODEL_SCOPE_SPACE_LAST; i++) {
        for (j = 0; j < claims->ranges[i].nitems; j++) {
            if (claims->ranges[i].items[j].first > claims->ranges[i].items[j].last)
                return -1;
        }
    }

    return 0;
}


/* Every string that differs from a good one in one byte is either understood,
 * within the limits, or refused with an explanation. */
static int
testMutations(const void *opaque)
{
    const char *good = opaque;
    size_t len = strlen(good);
    size_t naccepted = 0;
    size_t nrefused = 0;
    size_t i;
    unsigned int c;

    for (i = 0; i < len; i++) {
        for (c = 0; c < 256; c++) {
            g_autofree char *str = g_strdup(good);
            libxlDeviceModelScopeClaims claims;
            char error[256] = "";
            int rc = 0;

            str[i] = c;
            if (libxlDeviceModelScopeClaimsParse(str, &claims, error, sizeof(error))) {
                naccepted++;
                rc = testClaimsSane(&claims);
            } else {
                nrefused++;
                if (!*error)
                    rc = -1;
            }
            libxlDeviceModelScopeClaimsClear(&claims);

            if (rc < 0) {
                VIR_TEST_VERBOSE("'%s' (byte %zu is %u)", str, i, c);
                return -1;
            }
        }
    }

    return naccepted >= len && nrefused > naccepted ? 0 : -1;
}


/* Nothing is taken for a BAR before the board is known in full, and never when
 * there was no memory for one of its ranges. */
static int
testBoard(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelScopeClaims claims = { .pci = { [0x30] = true }, .npci = 1 };
    static const struct {
        libxlDeviceModelScopeBoard board;
        libxlDeviceModelScopeVerdict verdict;
    } cases[] = {
        { { .sealed = false, .incomplete = false }, LIBXL_DEVICE_MODEL_SCOPE_BOARD },
        { { .sealed = true, .incomplete = false }, LIBXL_DEVICE_MODEL_SCOPE_BAR },
        { { .sealed = false, .incomplete = true }, LIBXL_DEVICE_MODEL_SCOPE_BOARD },
        { { .sealed = true, .incomplete = true }, LIBXL_DEVICE_MODEL_SCOPE_BOARD },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        if (libxlDeviceModelScopeDecideRange(&claims, &cases[i].board,
                                             LIBXL_DEVICE_MODEL_SCOPE_SPACE_PIO,
                                             0xc000, 0xc0ff) != cases[i].verdict) {
            VIR_TEST_VERBOSE("case %zu", i);
            return -1;
        }
    }

    return 0;
}


#define LAN "domid=5;id=1;pci=0x30"
#define IDE "domid=5;id=2;pci=0x9,0x30;pio=0x1f0-0x1f7,0x3f6-0x3f6;irq=14,15"
#define COM "domid=5;id=3;pio=0x3f8-0x3ff;irq=4"

/* QEMU's start: the server, enabled before the board, then some of the board. */
#define START \
    "open\n" \
    "  xen open\n" \
    "create 5\n" \
    "  xen create 5 2\n" \
    "  = 3\n" \
    "state 1\n" \
    "  xen state 5 3 1\n" \
    "map mmio fec00000 fec00fff\n" \
    "  xen state 5 3 0\n" \
    "map mmio fed00000 fed003ff\n" \
    "map pio 70 71\n" \
    "map pio 3f2 3f5\n"
#define RUN \
    "state 1\n" \
    "  xen state 5 3 1\n"

static const struct {
    const char *name;
    struct testTranscript data;
} transcripts[] = {
    { "reports", { LAN, NULL,
      START
      "reports\n"
      "  report scope 1 domid=5 id=1 claims=1\n"
      "  report ioreq-server 3\n", NULL } },
    { "reports once", { IDE, NULL,
      "reports\n"
      "open\n"
      "  xen open\n"
      "open\n"
      "  xen open\n"
      "reports\n"
      "  report scope 1 domid=5 id=2 claims=6\n", NULL } },
    { "open fails", { LAN, NULL,
      "fail 2\n"
      "open\n"
      "  xen open\n"
      "  = No such file or directory\n"
      "reports\n"
      "  report scope 1 domid=5 id=1 claims=1\n", NULL } },
    { "no ioreq server", { LAN, NULL,
      "open\n"
      "  xen open\n"
      "fail 28\n"
      "create 5\n"
      "  xen create 5 2\n"
      "  = No space left on device\n"
      "reports\n"
      "  report scope 1 domid=5 id=1 claims=1\n"
      "  report error ioreq-server 28 No space left on device\n", NULL } },
    { "other domain", { LAN, NULL,
      "open\n"
      "  xen open\n"
      "create 6\n"
      "  = Operation not permitted\n"
      "reports\n"
      "  report scope 1 domid=5 id=1 claims=1\n"
      "  report error ioreq-server 1 Operation not permitted\n",
      "devicemodel-scope: domain 6 is not served, only domain 5 is\n" } },

    { "environment", { LAN, NULL,
      "env\n"
      "  LD_PRELOAD set, LIBVIRT_DEVICEMODEL_SCOPE set, socket inherited\n"
      "open\n"
      "  xen open\n"
      "env\n"
      "  LD_PRELOAD unset, LIBVIRT_DEVICEMODEL_SCOPE unset, socket closed on exec\n", NULL } },
    { "no new privileges", { LAN, NULL,
      "privs\n"
      "  = 1\n", NULL } },
    { "no new privileges in a wrapper", { LAN, "true; exec \"$0\" \"$@\"",
      "privs\n"
      "  = 1\n", NULL } },
    { "no filter while it starts", { LAN, NULL,
      "socket\n", NULL } },
    { "a filter once it is restricted", { LAN, NULL,
      "restrict 5\n"
      "  toolcore restrict 5\n"
      "socket\n"
      "  = Operation not permitted\n", NULL } },
    { "no filter where nothing is restricted", { LAN, NULL,
      "restrict 13\n"
      "  toolcore restrict 13\n"
      "  = Bad file descriptor\n"
      "socket\n", NULL } },
    { "no filter without claims", { NULL, NULL,
      "restrict 5\n"
      "  toolcore restrict 5\n"
      "socket\n", NULL } },
    { "the driver is heard through the filter", { LAN, NULL,
      START
      "restrict 5\n"
      "  toolcore restrict 5\n"
      "say seal\n"
      "map mmio f0000000 f0000fff\n"
      "  xen map 5 3 mmio 0xf0000000-0xf0000fff\n", NULL } },
    { "files are written without claims", { NULL, NULL,
      "write-file /proc/self/comm\n", NULL } },
    { "without claims", { NULL, NULL,
      "open\n"
      "  = Operation not permitted\n"
      "map pio 3f8 3ff\n"
      "pcimap 0 0 6 0\n"
      "write device-model/5/state running\n"
      "  store write device-model/5/state running\n"
      "reports\n",
      "devicemodel-scope: LIBVIRT_DEVICEMODEL_SCOPE is not set, no access to Xen\n" } },
    { "no socket", { LAN, NULL,
      "lose\n"
      "open\n"
      "  = Bad file descriptor\n"
      "env\n"
      "  LD_PRELOAD set, LIBVIRT_DEVICEMODEL_SCOPE set, socket inherited\n",
      "devicemodel-scope: file descriptor %d is no stream socket, no access to Xen\n" } },
    { "wrapper that executes", { LAN, "true; exec \"$0\" \"$@\"",
      START
      "reports\n"
      "  report scope 1 domid=5 id=1 claims=1\n"
      "  report ioreq-server 3\n", NULL } },
    { "wrapper that waits", { LAN, "\"$0\" \"$@\"; exit $?",
      START
      "reports\n"
      "  report scope 1 domid=5 id=1 claims=1\n"
      "  report ioreq-server 3\n", NULL } },
    { "wrapper that drops the library", { LAN, "unset LD_PRELOAD; exec \"$0\" \"$@\"",
      "open\n"
      "  xen open\n"
      "create 5\n"
      "  xen create 5 2\n"
      "  = 3\n"
      "map pio 70 71\n"
      "  xen map 5 3 pio 0x70-0x71\n"
      "reports\n", NULL } },
    { "wrapper that drops the claims", { LAN, "unset LIBVIRT_DEVICEMODEL_SCOPE; exec \"$0\" \"$@\"",
      "open\n"
      "  = Operation not permitted\n"
      "reports\n",
      "devicemodel-scope: LIBVIRT_DEVICEMODEL_SCOPE is not set, no access to Xen\n" } },

    { "board is dropped", { LAN, NULL,
      START
      "map mmio a0000 bffff\n"
      "map pio 3f8 3ff\n"
      "map pio c000 c0ff\n"
      "map mmio 100000000 1ffffffff\n"
      "map mmio 0 ffffffffffffffff\n", NULL } },
    { "claims pass at any time", { IDE, NULL,
      START
      "map pio 1f0 1f7\n"
      "  xen map 5 3 pio 0x1f0-0x1f7\n"
      RUN
      "map pio 3f6 3f6\n"
      "  xen map 5 3 pio 0x3f6-0x3f6\n"
      "unmap pio 1f0 1f7\n"
      "  xen unmap 5 3 pio 0x1f0-0x1f7\n"
      "map pio 1f0 1f7\n"
      "  xen map 5 3 pio 0x1f0-0x1f7\n", NULL } },
    { "a part of a claim passes", { IDE, NULL,
      START
      "map pio 1f0 1f3\n"
      "  xen map 5 3 pio 0x1f0-0x1f3\n"
      "map pio 1f7 1f7\n"
      "  xen map 5 3 pio 0x1f7-0x1f7\n", NULL } },
    { "more than a claim is dropped", { IDE, NULL,
      START
      "map pio 1f0 1f8\n"
      "map pio 1ef 1f7\n"
      "map pio 3f6 3f7\n"
      RUN
      "map pio 1f0 1f8\n"
      "map pio 3f6 3f7\n", NULL } },
    { "a port is no memory", { IDE, NULL,
      START
      "map mmio 1f0 1f7\n"
      RUN
      "map mmio 1f0 1f7\n", NULL } },
    { "claimed memory", { "domid=5;id=1;mmio=0xa0000-0xbffff", NULL,
      START
      "map mmio a0000 affff\n"
      "  xen map 5 3 mmio 0xa0000-0xaffff\n"
      "map mmio b0000 c0000\n"
      "map pio a000 bfff\n", NULL } },
    { "the whole address space", { "domid=5;id=1;mmio=0-0xffffffffffffffff", NULL,
      "open\n"
      "  xen open\n"
      "map mmio 0 ffffffffffffffff\n"
      "  xen map 5 3 mmio 0x0-0xffffffffffffffff\n"
      "map pio 0 ffff\n", NULL } },

    { "BARs go anywhere", { LAN, NULL,
      START
      RUN
      "map pio c000 c0ff\n"
      "  xen map 5 3 pio 0xc000-0xc0ff\n"
      "map pio 1000 103f\n"
      "  xen map 5 3 pio 0x1000-0x103f\n"
      "map mmio f2000000 f201ffff\n"
      "  xen map 5 3 mmio 0xf2000000-0xf201ffff\n"
      "map mmio 80000000 8001ffff\n"
      "  xen map 5 3 mmio 0x80000000-0x8001ffff\n"
      "map mmio 3fc0000000 3fc001ffff\n"
      "  xen map 5 3 mmio 0x3fc0000000-0x3fc001ffff\n"
      "map mmio ffffffffffff0000 ffffffffffffffff\n"
      "  xen map 5 3 mmio 0xffffffffffff0000-0xffffffffffffffff\n", NULL } },
    { "BARs move", { LAN, NULL,
      START
      RUN
      "map pio c000 c0ff\n"
      "  xen map 5 3 pio 0xc000-0xc0ff\n"
      "unmap pio c000 c0ff\n"
      "  xen unmap 5 3 pio 0xc000-0xc0ff\n"
      "map pio c100 c1ff\n"
      "  xen map 5 3 pio 0xc100-0xc1ff\n"
      "unmap pio c000 c0ff\n", NULL } },
    { "BARs before the run", { LAN, NULL,
      START
      "map pio c000 c0ff\n"
      "say seal\n"
      "map pio c100 c1ff\n"
      "  xen map 5 3 pio 0xc100-0xc1ff\n"
      "map mmio 3fc0000000 3fc001ffff\n"
      "  xen map 5 3 mmio 0x3fc0000000-0x3fc001ffff\n"
      "map pio c000 c0ff\n"
      RUN
      "map pio c200 c2ff\n"
      "  xen map 5 3 pio 0xc200-0xc2ff\n", NULL } },
    { "no BARs without a function", { COM, NULL,
      START
      "map pio 3f8 3ff\n"
      "  xen map 5 3 pio 0x3f8-0x3ff\n"
      RUN
      "map pio c000 c0ff\n"
      "map mmio f2000000 f201ffff\n", NULL } },
    { "the board comes again", { LAN, NULL,
      START
      "unmap mmio fec00000 fec00fff\n"
      RUN
      "map mmio fec00000 fec00fff\n"
      "map mmio fec00800 fec008ff\n"
      "map mmio febff000 fec00000\n"
      "map mmio fec00fff fec01fff\n"
      "map mmio fe000000 feffffff\n"
      "map pio 71 71\n"
      "map pio 72 73\n"
      "  xen map 5 3 pio 0x72-0x73\n"
      "map mmio febff000 febfffff\n"
      "  xen map 5 3 mmio 0xfebff000-0xfebfffff\n", NULL } },
    { "a range that ends before it begins", { LAN, NULL,
      START
      RUN
      "map pio c0ff c000\n"
      "map mmio f2000000 f1ffffff\n", NULL } },

    { "the first enabling does not seal", { LAN, NULL,
      "open\n"
      "  xen open\n"
      RUN
      RUN
      "map pio 70 71\n"
      "  xen state 5 3 0\n"
      "map pio c000 c0ff\n", NULL } },
    { "nobody waits for an emulator that does not run", { LAN, NULL,
      "open\n"
      "  xen open\n"
      RUN
      "pcimap 0 0 6 0\n"
      "  xen state 5 3 0\n"
      "  xen pcimap 5 3 0:0:6.0\n"
      "map pio 70 71\n"
      RUN
      "map pio c000 c0ff\n"
      "  xen map 5 3 pio 0xc000-0xc0ff\n", NULL } },
    { "an enabling that stays", { LAN, NULL,
      "open\n"
      "  xen open\n"
      RUN
      "fail 1\n"
      "map pio 70 71\n"
      "  xen state 5 3 0\n"
      "map pio 3f2 3f5\n",
      "devicemodel-scope: the guest may wait until the emulator runs: Operation not permitted\n" } },
    { "a stop does not seal", { LAN, NULL,
      START
      "state 0\n"
      "  xen state 5 3 0\n"
      "map pio c000 c0ff\n", NULL } },
    { "a failed enabling does not seal", { LAN, NULL,
      START
      "fail 3\n"
      "state 1\n"
      "  xen state 5 3 1\n"
      "  = No such process\n"
      "map pio c000 c0ff\n", NULL } },
    { "a stop does not unseal", { LAN, NULL,
      START
      RUN
      "state 0\n"
      "  xen state 5 3 0\n"
      "map pio c000 c0ff\n"
      "  xen map 5 3 pio 0xc000-0xc0ff\n", NULL } },
    { "the word comes in pieces", { LAN, NULL,
      START
      "mumble se\n"
      "map pio c000 c0ff\n"
      "mumble al\n"
      "map pio c100 c1ff\n"
      "say\n"
      "map pio c200 c2ff\n"
      "  xen map 5 3 pio 0xc200-0xc2ff\n", NULL } },
    { "other words do not seal", { LAN, NULL,
      START
      "say sealed\n"
      "say sealsealsealsealsealseal\n"
      "map pio c000 c0ff\n"
      "say seal\n"
      "map pio c100 c1ff\n"
      "  xen map 5 3 pio 0xc100-0xc1ff\n",
      "devicemodel-scope: 'sealed' from the driver is unknown, accepted: seal\n"
      "devicemodel-scope: 'sealsealsealsea' from the driver is unknown, accepted: seal\n" } },
    { "the driver is gone", { LAN, NULL,
      "open\n"
      "  xen open\n"
      "gone\n"
      "create 5\n"
      "  xen create 5 2\n"
      "  = 3\n"
      "map pio 70 71\n"
      "map pio 3f2 3f5\n"
      RUN
      "map pio c000 c0ff\n"
      "  xen map 5 3 pio 0xc000-0xc0ff\n"
      "map pio 70 71\n", NULL } },
    { "the driver's last word", { LAN, NULL,
      START
      "say seal\n"
      "gone\n"
      "map pio c000 c0ff\n"
      "  xen map 5 3 pio 0xc000-0xc0ff\n", NULL } },
    { "the driver was gone before", { LAN, NULL,
      "gone\n"
      START
      RUN
      "map pio c000 c0ff\n"
      "  xen map 5 3 pio 0xc000-0xc0ff\n", NULL } },
    { "the driver does not listen", { LAN, NULL,
      "fill\n"
      START, NULL } },

    { "unmap what was mapped", { LAN, NULL,
      START
      RUN
      "map mmio f2000000 f201ffff\n"
      "  xen map 5 3 mmio 0xf2000000-0xf201ffff\n"
      "unmap pio f2000000 f201ffff\n"
      "unmap mmio f2000000 f200ffff\n"
      "unmap mmio f2000000 f201ffff\n"
      "  xen unmap 5 3 mmio 0xf2000000-0xf201ffff\n"
      "unmap mmio f2000000 f201ffff\n", NULL } },
    { "a map that Xen refuses", { LAN, NULL,
      START
      RUN
      "fail 22\n"
      "map mmio f2000000 f201ffff\n"
      "  xen map 5 3 mmio 0xf2000000-0xf201ffff\n"
      "  = Invalid argument\n"
      "unmap mmio f2000000 f201ffff\n"
      "map pio c000 c0ff\n"
      "  xen map 5 3 pio 0xc000-0xc0ff\n"
      "map pio c000 c0ff\n"
      "  xen map 5 3 pio 0xc000-0xc0ff\n"
      "  = File exists\n"
      "fail 22\n"
      "unmap pio c000 c0ff\n"
      "  xen unmap 5 3 pio 0xc000-0xc0ff\n"
      "  = Invalid argument\n"
      "unmap pio c000 c0ff\n"
      "  xen unmap 5 3 pio 0xc000-0xc0ff\n"
      "unmap pio c000 c0ff\n", NULL } },
    { "threads", { LAN, NULL,
      START
      RUN
      "threads\n"
      "  = 400\n", NULL } },

    { "PCI functions", { IDE, NULL,
      START
      "pcimap 0 0 0 0\n"
      "pcimap 0 0 1 0\n"
      "pcimap 0 0 1 1\n"
      "  xen pcimap 5 3 0:0:1.1\n"
      "pcimap 0 0 2 0\n"
      "pcimap 0 0 6 0\n"
      "  xen pcimap 5 3 0:0:6.0\n"
      "pcimap 0 0 6 1\n"
      "pcimap 0 1 6 0\n"
      "pcimap 1 0 6 0\n"
      "pcimap 0 0 32 0\n"
      "pcimap 0 0 38 0\n"
      "pcimap 0 0 5 8\n"
      "pciunmap 0 0 2 0\n"
      "pciunmap 0 0 6 0\n"
      "  xen pciunmap 5 3 0:0:6.0\n"
      "fail 22\n"
      "pcimap 0 0 6 0\n"
      "  xen pcimap 5 3 0:0:6.0\n"
      "  = Invalid argument\n", NULL } },
    { "interrupts", { IDE, NULL,
      START
      "intx 0 0 6 0\n"
      "  xen intx 5 0:0:6 0 1\n"
      "intx 0 0 1 1\n"
      "  xen intx 5 0:0:1 1 1\n"
      "intx 0 0 2 0\n"
      "intx 0 1 6 0\n"
      "intx 1 0 6 0\n"
      "intx 0 0 38 0\n"
      "irq 14 1\n"
      "  xen irq 5 14 1\n"
      "irq 15 0\n"
      "  xen irq 5 15 0\n"
      "irq 0 1\n"
      "irq 1 1\n"
      "irq 4 1\n"
      "irq 8 1\n"
      "irq 9 1\n"
      "irq 16 1\n"
      "irq 30 1\n"
      "msi 0xfee0000 0x41\n"
      "  xen msi 5 0xfee0000 0x41\n", NULL } },
    { "the primary's business", { LAN, NULL,
      START
      "route 0 10\n"
      "memtype 0 0xc0 0x40\n"
      "shutdown 0\n"
      "shutdown 1\n",
      "devicemodel-scope: shutdown of domain 5 for reason 0: dropped\n"
      "devicemodel-scope: shutdown of domain 5 for reason 1: dropped\n" } },

    { "backends are invisible", { LAN, NULL,
      "directory backend/qdisk/5\n"
      "  = No such file or directory\n"
      "directory backend\n"
      "  = No such file or directory\n"
      "directory /local/domain/0/backend/qdisk/5\n"
      "  = No such file or directory\n"
      "directory /local/domain/7/backend/qdisk/5\n"
      "  = No such file or directory\n"
      "directory //local/domain//0/backend/\n"
      "  = No such file or directory\n"
      "read backend/vkbd/5/0/state\n"
      "  = No such file or directory\n"
      "write backend/vkbd/5/0/state 6\n"
      "  = Permission denied\n"
      "mkdir backend/vkbd/5/0\n"
      "  = Permission denied\n"
      "rm backend/vkbd/5/0\n"
      "  = Permission denied\n"
      "permissions backend/vkbd/5/0\n"
      "  = Permission denied\n"
      "watch backend/qdisk/5 token\n"
      "watch /local/domain/0/backend/console/5 token\n"
      "unwatch backend/qdisk/5 token\n"
      "directory backends\n"
      "  store directory backends\n"
      "directory /local/domain/5/device/vbd\n"
      "  store directory /local/domain/5/device/vbd\n", NULL } },
    { "the device model's folder", { "domid=5;id=2;pci=0x30", NULL,
      "write device-model/5/state running\n"
      "  store write /local/domain/0/dms/5/2/state running\n"
      "mkdir device-model/5/backends/qdisk\n"
      "  store mkdir /local/domain/0/dms/5/2/backends/qdisk\n"
      "permissions device-model/5/backends/qdisk\n"
      "  store permissions /local/domain/0/dms/5/2/backends/qdisk 1\n"
      "directory /local/domain/0/device-model/5/physmap\n"
      "  store directory /local/domain/0/dms/5/2/physmap\n"
      "read /local/domain/0/device-model/5/physmap/0/size\n"
      "  store read /local/domain/0/dms/5/2/physmap/0/size\n"
      "rm device-model/5\n"
      "  store rm /local/domain/0/dms/5/2\n"
      "watch device-model/5/command token\n"
      "  store watch /local/domain/0/dms/5/2/command token\n"
      "unwatch device-model/5/command token\n"
      "  store unwatch /local/domain/0/dms/5/2/command token\n"
      "write /local/domain/0/dms/5/2/state running\n"
      "  store write /local/domain/0/dms/5/2/state running\n", NULL } },
    { "other device models' folders", { "domid=5;id=2;pci=0x30", NULL,
      "write device-model/6/state running\n"
      "  = Permission denied\n"
      "write device-model/50/state running\n"
      "  = Permission denied\n"
      "write device-model/05/state running\n"
      "  = Permission denied\n"
      "read device-model/6/state\n"
      "  = Permission denied\n"
      "directory /local/domain/0/device-model/6\n"
      "  = Permission denied\n"
      "directory /local/domain/7/device-model/5\n"
      "  = Permission denied\n"
      "directory device-model\n"
      "  = Permission denied\n"
      "watch device-model/6/state token\n"
      "  = Permission denied\n"
      "unwatch device-model/6/state token\n"
      "  = Permission denied\n"
      "write /local/domain/0/dms/5/1/state running\n"
      "  = Permission denied\n"
      "write /local/domain/0/dms/5/20/state running\n"
      "  = Permission denied\n"
      "write /local/domain/0/dms/6/2/state running\n"
      "  = Permission denied\n", NULL } },
    { "the rest of the store", { LAN, NULL,
      "read domid\n"
      "  store read domid\n"
      "read /local/domain/5/vm\n"
      "  store read /local/domain/5/vm\n"
      "watch @releaseDomain token\n"
      "  store watch @releaseDomain token\n"
      "directory /local/domain\n"
      "  store directory /local/domain\n"
      "directory /\n"
      "  store directory /\n"
      "write /local/domain/5/console/tty /dev/pts/1\n"
      "  = Permission denied\n"
      "mkdir /local/domain/5/device/vbd\n"
      "  = Permission denied\n"
      "rm /local/domain\n"
      "  = Permission denied\n"
      "rm /\n"
      "  = Permission denied\n"
      "write domid 1\n"
      "  = Permission denied\n"
      "permissions /vm/1\n"
      "  = Permission denied\n"
      "read\n"
      "  = Permission denied\n", NULL } },

    { "log", { COM ";debug=1", NULL,
      START
      "map pio 3f8 3ff\n"
      "  xen map 5 3 pio 0x3f8-0x3ff\n"
      "pcimap 0 0 1 1\n"
      "say seal\n"
      "map pio c000 c0ff\n"
      "unmap pio 3f8 3ff\n"
      "  xen unmap 5 3 pio 0x3f8-0x3ff\n"
      "unmap pio 70 71\n"
      "irq 4 1\n"
      "  xen irq 5 4 1\n"
      "irq 8 1\n"
      "intx 0 0 6 0\n"
      "route 0 10\n"
      "memtype 0 0xc0 0x40\n"
      "watch backend/qdisk/5 token\n"
      "write device-model/5/state running\n"
      "  store write /local/domain/0/dms/5/3/state running\n"
      "read domid\n"
      "  store read domid\n"
      "rm domid\n"
      "  = Permission denied\n",
      "devicemodel-scope: map mmio 0xfec00000-0xfec00fff: dropped (board)\n"
      "devicemodel-scope: map mmio 0xfed00000-0xfed003ff: dropped (board)\n"
      "devicemodel-scope: map pio 0x70-0x71: dropped (board)\n"
      "devicemodel-scope: map pio 0x3f2-0x3f5: dropped (board)\n"
      "devicemodel-scope: map pio 0x3f8-0x3ff: claimed\n"
      "devicemodel-scope: map pci 0000:00:01.1: dropped (board)\n"
      "devicemodel-scope: sealed (driver)\n"
      "devicemodel-scope: map pio 0xc000-0xc0ff: dropped (unclaimed)\n"
      "devicemodel-scope: unmap pio 0x3f8-0x3ff: passed on\n"
      "devicemodel-scope: unmap pio 0x70-0x71: dropped (never mapped)\n"
      "devicemodel-scope: irq 8 level 1: dropped (board)\n"
      "devicemodel-scope: intx 0000:00:06 pin 0 level 1: dropped (board)\n"
      "devicemodel-scope: route pci link 0 to irq 10: dropped (board)\n"
      "devicemodel-scope: memory type 0 for 64 pages from 0xc0: dropped (board)\n"
      "devicemodel-scope: xs_watch 'backend/qdisk/5': hidden (backend)\n"
      "devicemodel-scope: xs_write 'device-model/5/state': redirected to /local/domain/0/dms/5/3/state\n"
      "devicemodel-scope: xs_read 'domid': passed on\n"
      "devicemodel-scope: xs_rm 'domid': refused\n" } },
    /* one that libc opens is written to from another place */
    { "files that were handed over", { LAN ";file=20,21", NULL,
      "hold 20\n"
      "content 20\n"
      "  'old data' at 8\n"
      "fopen /dev/fd/20 wb new\n"
      "content 20\n"
      "  'new' at 3\n"
      "fopen /dev/fd/20 w n\n"
      "content 20\n"
      "  'n' at 1\n"
      "hold 21\n"
      "fopen64 /dev/fd/21 wb other\n"
      "content 21\n"
      "  'other' at 5\n"
      "content 20\n"
      "  'n' at 1\n", NULL } },
    { "files that cannot be written to", { LAN ";file=20", NULL,
      "fopen /dev/fd/20 wb x\n"
      "  = Bad file descriptor\n", NULL } },
    { "other files", { LAN ";file=20", NULL,
      "hold 20\n"
      "fopen /dev/fd/20 rb\n"
      "content 20\n"
      "  'old data' at 8\n"
      "fopen /dev/fd/20 ab x\n"
      "content 20\n"
      "  'old datax' at 8\n"
      "fopen64 /dev/fd//20 wb x\n"
      "content 20\n"
      "  'x' at 8\n"
      "hold 22\n"
      "fopen /dev/fd/22 wb x\n"
      "content 22\n"
      "  'x' at 8\n"
      "fopen /dev/fd/ wb x\n"
      "  = Is a directory\n"
      "fopen /nonexistent/20 wb x\n"
      "  = No such file or directory\n"
      "fopen64 /nonexistent/20 wb x\n"
      "  = No such file or directory\n", NULL } },
    { "pipes that are truncated", { LAN, NULL,
      "ftruncate pipe 0\n"
      "ftruncate64 pipe 0\n"
      "ftruncate pipe 1\n"
      "  = Invalid argument\n"
      "ftruncate64 pipe 1\n"
      "  = Invalid argument\n", NULL } },
    { "files that are truncated", { LAN, NULL,
      "hold 20\n"
      "ftruncate 20 3\n"
      "content 20\n"
      "  'old' at 8\n"
      "ftruncate64 20 0\n"
      "content 20\n"
      "  '' at 8\n", NULL } },
    { "pipes without claims", { NULL, NULL,
      "ftruncate pipe 0\n"
      "  = Invalid argument\n", NULL } },
    { "files without claims", { NULL, NULL,
      "hold 20\n"
      "fopen /dev/fd/20 wb new\n"
      "content 20\n"
      "  'new' at 8\n", NULL } },
    { "log of BARs", { LAN ";debug=1", NULL,
      "open\n"
      "  xen open\n"
      "map pio 70 71\n"
      RUN
      "map pio c000 c0ff\n"
      "  xen map 5 3 pio 0xc000-0xc0ff\n"
      "pcimap 0 0 6 0\n"
      "  xen pcimap 5 3 0:0:6.0\n",
      "devicemodel-scope: map pio 0x70-0x71: dropped (board)\n"
      "devicemodel-scope: sealed (run)\n"
      "devicemodel-scope: map pio 0xc000-0xc0ff: BAR\n"
      "devicemodel-scope: map pci 0000:00:06.0: claimed\n" } },
};

/* Good but for what the test is about. */
#define GOOD "domid=5;id=1;pci=0x30;fd=%d"

/* A wrapper makes both, because an emulator cannot. */
#define FILE_NAME "libxldevicemodelscopetest.file"
#define FOLDER_NAME "libxldevicemodelscopetest.folder"
#define WRAPPER ">" FILE_NAME "; mkdir " FOLDER_NAME "; exec \"$0\" \"$@\""
#define DENIED "  = Permission denied\n"

/* On a kernel that has Landlock. */
static const struct {
    const char *name;
    long version; /* of Landlock, that is needed */
    struct testTranscript data;
} written[] = {
    { "files are read only", 1, { LAN, WRAPPER,
      "read-file " FILE_NAME "\n"
      "write-file " FILE_NAME "\n" DENIED
      "write-file /proc/self/comm\n" DENIED
      "write-file /dev/null\n"
      "make-terminal\n", NULL } },
    { "files are not truncated", 3, { LAN, WRAPPER,
      "truncate " FILE_NAME "\n" DENIED, NULL } },
    { "files are not made", 1, { LAN, NULL,
      "make - " FILE_NAME "\n" DENIED
      "make d " FILE_NAME "\n" DENIED
      "make l " FILE_NAME "\n" DENIED
      "make b " FILE_NAME "\n" DENIED
      "make c " FILE_NAME "\n" DENIED
      "make p " FILE_NAME "\n" DENIED
      "make s " FILE_NAME "\n" DENIED, NULL } },
    { "files are not removed", 1, { LAN, WRAPPER,
      "remove-file " FILE_NAME "\n" DENIED
      "remove-folder " FOLDER_NAME "\n" DENIED, NULL } },
    { "a wrapper writes files", 1, { LAN, "true >/proc/self/comm; exec \"$0\" \"$@\"",
      "write-file /proc/self/comm\n" DENIED, NULL } },
};

static const struct testMalformed malformed[] = {
    { "", "'' is unknown", true },
    { ";", "'' is unknown", true },
    { "domid", "'domid' is unknown", true },
    { "fd=%d", "'domid' is missing, accepted: a domain id, 1 to 32751", false },
    { "id=1;pci=0x30;fd=%d", "'domid' is missing", false },
    { "domid=5;pci=0x30;fd=%d", "'id' is missing", false },
    { "domid=5;id=1;pci=0x30", "'fd' is missing", true },
    { "domid=5;id=1;fd=%d", "nothing is claimed", false },
    { "domid=5;id=1;debug=1;fd=%d", "nothing is claimed", false },
    { GOOD ";", "'' is unknown", false },
    { ";" GOOD, "'' is unknown", false },
    { GOOD ";;debug=1", "'' is unknown", false },
    { GOOD ";pic=0x30", "'pic=0x30' is unknown", false },
    { GOOD ";PCI=0x30", "'PCI=0x30' is unknown", false },
    { GOOD "; debug=1", "' debug=1' is unknown", false },
    { GOOD ";=1", "'=1' is unknown", false },
    { GOOD ";debug", "'debug' is unknown", false },
    { GOOD ";debug=1;debug=1", "'debug' is given twice", false },
    { GOOD ";pci=0x31", "'pci' is given twice", false },
    { "domid=0;id=1;pci=0x30;fd=%d", "'domid=0' is malformed", false },
    { "domid=32752;id=1;pci=0x30;fd=%d", "'domid=32752' is malformed, accepted: a domain id, 1 to 32751", false },
    { "domid=-5;id=1;pci=0x30;fd=%d", "'domid=-5' is malformed", false },
    { "domid= 5;id=1;pci=0x30;fd=%d", "'domid= 5' is malformed", false },
    { "domid=5x;id=1;pci=0x30;fd=%d", "'domid=5x' is malformed", false },
    { "domid=;id=1;pci=0x30;fd=%d", "'domid=' is malformed", false },
    { "domid=5,6;id=1;pci=0x30;fd=%d", "'domid=5,6' is malformed", false },
    { "domid=5;id=0;pci=0x30;fd=%d", "'id=0' is malformed", false },
    { "domid=5;id=8;pci=0x30;fd=%d", "'id=8' is malformed, accepted: a secondary's id, 1 to 7", false },
    { "domid=5;id=01;pci=0x30;fd=%d", "'id=01' is malformed", false },
    { "domid=5;id=1;pci=;fd=%d", "'pci=' is malformed", false },
    { "domid=5;id=1;pci=0x100;fd=%d", "'pci=0x100' is malformed, accepted: PCI functions as slot * 8 + function, 0 to 255, comma-separated", false },
    { "domid=5;id=1;pci=0x30,;fd=%d", "'pci=0x30,' is malformed", false },
    { "domid=5;id=1;pci=,0x30;fd=%d", "'pci=,0x30' is malformed", false },
    { "domid=5;id=1;pci=0x30-0x37;fd=%d", "'pci=0x30-0x37' is malformed", false },
    { "domid=5;id=1;pci=06.0;fd=%d", "'pci=06.0' is malformed", false },
    { "domid=5;id=1;pci=0x;fd=%d", "'pci=0x' is malformed", false },
    { "domid=5;id=1;pci=3g;fd=%d", "'pci=3g' is malformed", false },
    { "domid=5;id=1;pci=ff;fd=%d", "'pci=ff' is malformed", false },
    { "domid=5;id=1;pio=0x3f8;fd=%d", "'pio=0x3f8' is malformed", false },
    { "domid=5;id=1;pio=0x3ff-0x3f8;fd=%d", "'pio=0x3ff-0x3f8' is malformed", false },
    { "domid=5;id=1;pio=0x3f8-;fd=%d", "'pio=0x3f8-' is malformed", false },
    { "domid=5;id=1;pio=-0x3ff;fd=%d", "'pio=-0x3ff' is malformed", false },
    { "domid=5;id=1;pio=0-0x10000;fd=%d", "'pio=0-0x10000' is malformed, accepted: port ranges FIRST-LAST up to 0xffff, comma-separated", false },
    { "domid=5;id=1;pio=0-1-2;fd=%d", "'pio=0-1-2' is malformed", false },
    { "domid=5;id=1;mmio=0-0x10000000000000000;fd=%d", "'mmio=0-0x10000000000000000' is malformed", false },
    { "domid=5;id=1;mmio=0-18446744073709551616;fd=%d", "'mmio=0-18446744073709551616' is malformed", false },
    { "domid=5;id=1;irq=16;fd=%d", "'irq=16' is malformed, accepted: ISA interrupt lines, 0 to 15, comma-separated", false },
    { "domid=5;id=1;irq=4,,5;fd=%d", "'irq=4,,5' is malformed", false },
    { GOOD ";debug=2", "'debug=2' is malformed", false },
    { GOOD ";debug=on", "'debug=on' is malformed", false },
    { GOOD ";file=2", "'file=2' is malformed", false },
    { GOOD ";registers=2", "'registers=2' is malformed", false },
    { GOOD ";registers=20,21", "'registers=20,21' is malformed", false },
    { GOOD ";registers=20;registers=21", "'registers' is given twice", false },
    { GOOD ";file=20,,21", "'file=20,,21' is malformed", false },
    { GOOD ";file=3,4,5,6,7,8,9,10,11", "'file=3,4,5,6,7,8,9,10,11' is malformed, accepted: up to 8 file descriptors, at least 3, comma-separated", false },
    { "domid=5;id=1;file=20;fd=%d", "nothing is claimed", false },
    { GOOD ";x\ny=1", "'x", false },
    { "domid=5;id=1;pci=0x30;fd=", "'fd=' is malformed", true },
    { "domid=5;id=1;pci=0x30;fd=2", "'fd=2' is malformed, accepted: a file descriptor, at least 3", true },
    { "domid=5;id=1;pci=0x30;fd=-1", "'fd=-1' is malformed", true },
    { "domid=5;id=1;pci=0x30;fd=99999999999", "'fd=99999999999' is malformed", true },
    { "domid=5;id=1;pci=0x30;fd=%d;fd=%d", "'fd' is given twice", false },
};


#define OPENED \
    "open\n" \
    "  xen open\n"
#define MAPPED \
    OPENED \
    "requests\n" \
    "  memory resource 5 0 3 0 2\n" \
    "bind 107\n" \
    "  evtchn bind 5 107\n" \
    "  = 7\n" \
    "bind 108\n" \
    "  evtchn bind 5 108\n" \
    "  = 8\n" \
    "bind 120\n" \
    "  evtchn bind 5 120\n" \
    "  = 20\n"
#define SERVED(vcpu, port) \
    "look " port "\n" \
    "  evtchn pending " port "\n" \
    "  evtchn unmask " port "\n" \
    "served " vcpu "\n" \
    "notify " port "\n" \
    "  evtchn notify " port "\n"

#define NO_FILE \
    "devicemodel-scope: file descriptor %d is no file for registers, no access to Xen\n"

static const struct testMemory memories[] = {
    { "writes of two vCPUs", LAN, NULL,
      MAPPED
      "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7")
      "wait 1 0x4 2 0x7 0x30\n" SERVED("1", "8"),
      "slot 6 0x4: 0x7\n"
      "slot 6 0x10: 0xf2000000\n", 0, 0, NULL, false, false },
    { "only what is claimed", LAN, NULL,
      MAPPED
      "wait 0 0x10 4 0xf2000000 0x31\n" SERVED("0", "7")
      "wait 0 0x10 4 0xf2000000 0x38\n" SERVED("0", "7")
      "wait 0 0x10 4 0xf2000000 0x130\n" SERVED("0", "7"),
      "", 0, 0, NULL, false, false },
    { "ports", COM, NULL,
      MAPPED
      "wait 0 0x3f9 1 0x7\n" SERVED("0", "7"),
      "uart 0 0: 0x7\n", 0, 0, NULL, false, false },
    { "a port that is not served", COM, NULL,
      MAPPED
      "wait 1 0x3f9 1 0x7\n"
      "look 8\n"
      "  evtchn pending 8\n"
      "  evtchn unmask 8\n",
      "uart 0 0: 0x7\n"
      "vcpu 1\n", 0, 0, NULL, false, false },
    { "a command that is refused, and one after a reset", IDE, NULL,
      MAPPED
      "wait 0 0x1f3 1 0x41\n" SERVED("0", "7")
      "wait 0 0x1f7 1 0xca\n" SERVED("0", "7")
      "asks 0\n"
      "wait 0 0x3f6 1 0x4\n" SERVED("0", "7")
      "wait 0 0x1f7 1 0xca\n" SERVED("0", "7")
      "asks 0\n"
      "  = 202\n",
      "channel 0 6: 0xca\n"
      "channel 0 7: 0x4\n", 0, 0, NULL, true, false },
    { "a NIC that is told nothing, and then where its ring is", LAN, NULL,
      MAPPED
      "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7")
      "store 0 0xf2000400 4 0xfa 1\n" SERVED("0", "7")
      "shows 0\n"
      "  memory, 1 times 4 bytes, 0xf8\n"
      "store 1 0xf2000400 4 0xfa 4\n" SERVED("1", "8")
      "shows 1\n"
      "  memory, 0 times 4 bytes, 0xfa\n"
      "store 0 0xf2003800 4 0x1000 1\n" SERVED("0", "7")
      "store 0 0xf2003804 4 0 1\n" SERVED("0", "7")
      "store 0 0xf2003808 4 0x1000 1\n" SERVED("0", "7")
      "store 0 0xf2000400 4 0xfa 1\n" SERVED("0", "7")
      "shows 0\n"
      "  memory, 1 times 4 bytes, 0xfa\n",
      "slot 6 0x10: 0xf2000000\n"
      "guarded slot 6: 0xf, on 0x1\n", 0, 0, NULL, false, true },
    { "a NIC that is not placed", COM, NULL,
      MAPPED
      "wait 0 0x3f9 1 0x7\n" SERVED("0", "7")
      "store 0 0xf2000400 4 0xfa 1\n" SERVED("0", "7")
      "shows 0\n"
      "  memory, 1 times 4 bytes, 0xfa\n",
      "uart 0 0: 0x7\n"
      "guarded slot 6: 0, on 0\n", 0, 0, NULL, false, true },
    { "a write counts before it is served", LAN, NULL,
      MAPPED
      "wait 0 0x10 4 0xf2000000 0x30\n"
      "look 7\n"
      "  evtchn pending 7\n"
      "  evtchn unmask 7\n",
      "slot 6 0x10: 0xf2000000\n", 0, 0, NULL, false, false },
    { "one that nobody looked at does not", LAN, NULL,
      MAPPED
      "wait 0 0x10 4 0xf2000000 0x30\n"
      "wait 1 0x14 4 0xf3000000 0x30\n"
      "look 8\n"
      "  evtchn pending 8\n"
      "  evtchn unmask 8\n"
      "look 20\n"
      "  evtchn pending 20\n"
      "  evtchn unmask 20\n",
      "slot 6 0x14: 0xf3000000\n", 0, 0, NULL, false, false },
    { "a vCPU that is faster than its event", LAN, NULL,
      MAPPED
      "wait 0 0x10 4 0xf2000000 0x30\n"
      "look 7\n"
      "  evtchn pending 7\n"
      "  evtchn unmask 7\n"
      "served 0\n"
      "wait 0 0x14 4 0xf3000000 0x30\n"
      "notify 7\n"
      "  evtchn notify 7\n",
      "slot 6 0x10: 0xf2000000\n", 0, 0, NULL, false, false },
    { "an event that comes before its request", LAN, NULL,
      MAPPED
      "look 7\n"
      "  evtchn pending 7\n"
      "  evtchn unmask 7\n"
      "  = Resource temporarily unavailable\n"
      "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7"),
      "slot 6 0x10: 0xf2000000\n", 0, 0, NULL, false, false },
    { "an event that comes twice", LAN, NULL,
      MAPPED
      "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7")
      "wait 0 0x10 4 0xf3000000 0x30\n"
      "taken 0\n"
      "look 7\n"
      "  evtchn pending 7\n"
      "  evtchn unmask 7\n"
      "  = Resource temporarily unavailable\n",
      "slot 6 0x10: 0xf2000000\n", 0, 0, NULL, false, false },
    { "the page alone", LAN, NULL,
      OPENED
      "requests 0 5 1\n"
      "  memory resource 5 0 3 1 1\n"
      "bind 107\n"
      "  evtchn bind 5 107\n"
      "  = 7\n"
      "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7"),
      "slot 6 0x10: 0xf2000000\n", 0, 0, NULL, false, false },
    { "another resource", LAN, NULL,
      OPENED
      "requests 1\n"
      "  memory resource 5 1 3 0 2\n"
      "bind 107\n"
      "  evtchn bind 5 107\n"
      "  = 7\n"
      "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7"),
      "", 0, 0, NULL, false, false },
    { "another domain", LAN, NULL,
      OPENED
      "requests 0 6\n"
      "  memory resource 6 0 3 0 2\n"
      "bind 107\n"
      "  evtchn bind 5 107\n"
      "  = 7\n"
      "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7"),
      "", 0, 0, NULL, false, false },
    { "other pages", LAN, NULL,
      OPENED
      "requests\n"
      "  memory resource 5 0 3 0 2\n"
      "requests 0 5 2\n"
      "  memory resource 5 0 3 2 1\n"
      "bind 107\n"
      "  evtchn bind 5 107\n"
      "  = 7\n"
      "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7"),
      "slot 6 0x10: 0xf2000000\n", 0, 0, NULL, false, false },
    { "nothing can be mapped", LAN, NULL,
      OPENED
      "requests 0 13\n"
      "  memory resource 13 0 3 0 2\n"
      "  = Operation not supported\n"
      "bind 107\n"
      "  evtchn bind 5 107\n"
      "  = 7\n"
      "bind 7\n"
      "  evtchn bind 5 7\n"
      "  = Invalid argument\n"
      "look 7\n"
      "  evtchn pending 7\n"
      "  evtchn unmask 7\n"
      "notify 7\n"
      "  evtchn notify 7\n",
      "", 0, 0, NULL, false, false },
    { "the file is not left open", LAN, NULL,
      OPENED
      "content %d\n"
      "  = Bad file descriptor\n", "", 0, 0, NULL, false, false },
    { "through a wrapper", LAN, "true; exec \"$0\" \"$@\"",
      MAPPED
      "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7"),
      "slot 6 0x10: 0xf2000000\n", 0, 0, NULL, false, false },
    { "restricted", LAN, NULL,
      MAPPED
      "restrict 5\n"
      "  toolcore restrict 5\n"
      "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7"),
      "slot 6 0x10: 0xf2000000\n", 0, 0, NULL, false, false },
    { "a short file", LAN, NULL,
      "open\n"
      "  = Invalid argument\n"
      "open\n"
      "  = Bad file descriptor\n", "",
      sizeof(libxlDeviceModelRegisters) - 1, 0,
      NO_FILE NO_FILE, false, false },
    { "a long file", LAN, NULL,
      "open\n"
      "  = Invalid argument\n"
      "open\n"
      "  = Bad file descriptor\n", "",
      sizeof(libxlDeviceModelRegisters) + 1, 0,
      NO_FILE NO_FILE, false, false },
    { "a file of another version", LAN, NULL,
      "open\n"
      "  = Invalid argument\n"
      "open\n"
      "  = Bad file descriptor\n", "",
      0, LIBXL_DEVICE_MODEL_REGISTERS_VERSION + 1,
      NO_FILE NO_FILE, false, false },
};


/* Without a file nothing is remembered, and everything is passed on. */
static const struct testTranscript forgetful = {
    LAN, NULL,
    MAPPED
    "wait 0 0x10 4 0xf2000000 0x30\n" SERVED("0", "7"), NULL
};


static int
mymain(void)
{
    int ret = 0;
    size_t i;

    /* An emulator that ends early doesn't read all calls. */
    signal(SIGPIPE, SIG_IGN);

    for (i = 0; i < G_N_ELEMENTS(transcripts); i++) {
        if (virTestRun(transcripts[i].name, testTranscriptRun, &transcripts[i].data) < 0)
            ret = -1;
    }

    for (i = 0; i < G_N_ELEMENTS(written); i++) {
        if (testLandlockVersion() < written[i].version)
            continue;
        if (virTestRun(written[i].name, testTranscriptRun, &written[i].data) < 0)
            ret = -1;
        unlink(FILE_NAME);
        rmdir(FOLDER_NAME);
    }

    for (i = 0; i < G_N_ELEMENTS(memories); i++) {
        g_autofree char *name = g_strdup_printf("memory: %s", memories[i].name);

        if (virTestRun(name, testMemoryRun, &memories[i]) < 0)
            ret = -1;
    }
    unlink(REGISTERS_NAME);

    for (i = 0; i < G_N_ELEMENTS(malformed); i++) {
        g_autofree char *name = g_strdup_printf("malformed '%s'", malformed[i].scope);

        if (virTestRun(name, testMalformedRun, &malformed[i]) < 0)
            ret = -1;
    }

    if (virTestRun("mutations", testMutations,
                   "domid=5;id=1;pci=0x30,0x09;pio=0x3f8-0x3ff,0x1f0-0x1f7;mmio=0xa0000-0xbffff;irq=4,14;fd=7;debug=1;file=20,21;registers=22") < 0)
        ret = -1;
    if (virTestRun("memory: no file", testTranscriptRun, &forgetful) < 0)
        ret = -1;
    if (virTestRun("board", testBoard, NULL) < 0)
        ret = -1;

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
