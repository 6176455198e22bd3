/*
 * libxldevicemodelactivitytest.c: what the kernel says of the process of a device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The folders of processes are made up, but for one, which is this process's own.
 */

#include <config.h>

#include <sys/syscall.h>
#include <unistd.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_activity.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_NONE

/* As the kernel writes it, with the times of the children behind our own. */
#define STAT(name, state, user, system) \
    "4711 (" name ") " state " 1 4711 4711 0 -1 4194560 2500 0 11 0 " user " " system \
    " 300 400 20 0 4 0 812345 900000 2200 18446744073709551615 1 1 0\n"
#define IDLE STAT("qemu-system-i38", "S", "100", "50")
#define FUTEX "202 0x7f00 0x80 0x2 0x0 0x0 0x0 0x7f7eb8720000 0x7f7eb88992ad\n"

struct testThread {
    const char *stat; /* or NULL for one that has ended */
    const char *call;
};

struct testActivityData {
    const char *stat;
    struct testThread threads[4];
    bool noThreads;
    const char *expected;
};


static void
testWrite(const char *folder,
          const char *name,
          const char *text)
{
    g_autofree char *path = g_strdup_printf("%s/%s", folder, name);

    if (text && !g_file_set_contents(path, text, -1, NULL))
        abort();
}


static void
testMakeFolder(const char *folder,
               const struct testActivityData *data)
{
    size_t i;

    testWrite(folder, "stat", data->stat);

    for (i = 0; i < G_N_ELEMENTS(data->threads) && !data->noThreads; i++) {
        g_autofree char *thread = g_strdup_printf("%s/task/%zu", folder, 4711 + i);

        if (g_mkdir_with_parents(thread, 0700) < 0)
            abort();

        testWrite(thread, "stat", data->threads[i].stat);
        testWrite(thread, "syscall", data->threads[i].call);
    }
}


static int
testActivity(const void *opaque)
{
    const struct testActivityData *data = opaque;
    g_autofree char *folder = g_dir_make_tmp("activity-XXXXXX", NULL);
    g_autofree char *actual = NULL;
    libxlDeviceModelActivity activity;
    int read;
    int threads;

    if (!folder)
        return -1;

    memset(&activity, 0xff, sizeof(activity));
    testMakeFolder(folder, data);
    read = libxlDeviceModelActivityRead(folder, &activity);
    threads = libxlDeviceModelActivityReadThreads(folder, &activity);
    virFileDeleteTree(folder);

    actual = g_strdup_printf("%d %d %c %llu %d %d", read, threads,
                             activity.state ? activity.state : '-',
                             activity.used, activity.waits, activity.runs);
    return virTestCompareToString(data->expected, actual);
}


/* Whoever reads this runs, and in a call of another kind. */
static int
testOwn(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelActivity activity;
    libxlDeviceModelActivity later;
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

    if (libxlDeviceModelActivityRead("/proc/self", &activity) < 0)
        return -1;

    do {
        if (libxlDeviceModelActivityRead("/proc/self", &later) < 0 ||
            libxlDeviceModelActivityReadThreads("/proc/self", &later) < 0)
            return -1;
    } while (later.used == activity.used && g_get_monotonic_time() < end);

    if (later.state == 'R' && later.runs && !later.waits && later.used > activity.used &&
        later.used < 3600 * 1000 * 1000ULL)
        return 0;

    VIR_TEST_VERBOSE("state %c, runs %d, waits %d, %llu us after %llu us",
                     later.state, later.runs, later.waits, later.used, activity.used);
    return -1;
}


static int
mymain(void)
{
    g_autofree char *pread = g_strdup_printf("%d 0xb 0x7f00 0x1000 0x0 0x0 0x0 0x0 0x0\n", SYS_pread64);
    g_autofree char *fdatasync = g_strdup_printf("%d 0xb 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n", SYS_fdatasync);
    g_autofree char *read = g_strdup_printf("%d 0xb 0x7f00 0x1000 0x0 0x0 0x0 0x0 0x0\n", SYS_read);
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        const struct testActivityData data = { __VA_ARGS__ }; \
        if (virTestRun(title, testActivity, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("idle", .stat = IDLE, .threads = { { IDLE, FUTEX }, { IDLE, FUTEX } },
            .expected = "0 0 S 1500000 0 0");
    DO_TEST("stopped", .stat = STAT("q", "T", "1", "0"), .threads = { { STAT("q", "T", "1", "0"), "running\n" } },
            .expected = "0 0 T 10000 0 0");
    DO_TEST("traced", .stat = STAT("q", "t", "1", "0"), .expected = "0 0 t 10000 0 0");
    DO_TEST("a name like the rest of the line", .stat = STAT("a) T 1 (\n)", "S", "2", "0"),
            .expected = "0 0 S 20000 0 0");
    DO_TEST("times of more than 32 bits", .stat = STAT("q", "S", "5000000000", "1"),
            .expected = "0 0 S 50000000010000 0 0");
    DO_TEST("a thread that runs", .stat = IDLE,
            .threads = { { IDLE, FUTEX }, { STAT("worker", "R", "0", "0"), "running\n" } },
            .expected = "0 0 S 1500000 0 1");
    DO_TEST("a thread that runs, and another that does not", .stat = IDLE,
            .threads = { { STAT("worker", "R", "0", "0"), "running\n" }, { IDLE, FUTEX } },
            .expected = "0 0 S 1500000 0 1");
    DO_TEST("a thread that runs in a call for an image", .stat = IDLE,
            .threads = { { STAT("worker", "R", "0", "0"), pread } },
            .expected = "0 0 S 1500000 0 1");
    DO_TEST("a thread that waits for a disk", .stat = IDLE,
            .threads = { { IDLE, FUTEX }, { IDLE, FUTEX }, { STAT("worker", "D", "0", "0"), read } },
            .expected = "0 0 S 1500000 1 0");
    DO_TEST("a thread that reads an image", .stat = IDLE,
            .threads = { { IDLE, FUTEX }, { IDLE, pread } },
            .expected = "0 0 S 1500000 1 0");
    DO_TEST("a thread that writes an image back", .stat = IDLE,
            .threads = { { IDLE, fdatasync } }, .expected = "0 0 S 1500000 1 0");
    DO_TEST("a thread that reads a pipe", .stat = IDLE, .threads = { { IDLE, read } },
            .expected = "0 0 S 1500000 0 0");
    DO_TEST("a thread in no call", .stat = IDLE, .threads = { { IDLE, "-1 0x7ffc92b70118 0x7f7eb88992ad\n" } },
            .expected = "0 0 S 1500000 0 0");
    DO_TEST("calls that may not be seen", .stat = IDLE,
            .threads = { { IDLE, NULL }, { STAT("worker", "D", "0", "0"), NULL } },
            .expected = "0 0 S 1500000 1 0");
    DO_TEST("a thread that has ended", .stat = IDLE, .threads = { { NULL, pread }, { IDLE, FUTEX } },
            .expected = "0 0 S 1500000 0 0");
    DO_TEST("a process that has ended", .noThreads = true, .expected = "-1 -1 - 0 0 0");
    DO_TEST("a line that is none", .stat = "4711 (qemu) S 1 4711\n", .expected = "-1 0 S 0 0 0");
    DO_TEST("a line without a name", .stat = "4711\n", .expected = "-1 0 - 0 0 0");

#undef DO_TEST

    if (virTestRun("own process", testOwn, NULL) < 0)
        ret = -1;

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
