/*
 * libxl_devicemodel_activity.c: what the kernel says of the process of a device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libxl_devicemodel_activity.h"

#include "virfile.h"

/* Both files have one line, which numbers make long. */
#define LIBXL_DEVICE_MODEL_ACTIVITY_LINE_MAX 4096

/* QEMU has a thread for each vCPU, 128 at most, 64 for the images, and a few others. */
#define LIBXL_DEVICE_MODEL_ACTIVITY_THREADS_MAX 256


/* Returns 0, or -1 where there is no such file. */
static int
libxlDeviceModelActivityReadLine(const char *folder,
                                 const char *name,
                                 char **line)
{
    g_autofree char *path = g_strdup_printf("%s/%s", folder, name);

    return virFileReadAllQuiet(path, LIBXL_DEVICE_MODEL_ACTIVITY_LINE_MAX, line) < 0 ? -1 : 0;
}


/* The name of a thread comes before the rest, in parentheses, and may have any
 * characters: the last parenthesis is the end of it.  The times are the 14th and 15th
 * field. */
static int
libxlDeviceModelActivityReadStat(const char *folder,
                                 char *state,
                                 unsigned long long *used)
{
    g_autofree char *line = NULL;
    unsigned long long user;
    unsigned long long system;
    const char *rest;

    if (libxlDeviceModelActivityReadLine(folder, "stat", &line) < 0 ||
        !(rest = strrchr(line, ')')) ||
        sscanf(rest + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu",
               state, &user, &system) != 3)
        return -1;

    *used = (user + system) * G_USEC_PER_SEC / sysconf(_SC_CLK_TCK);
    return 0;
}


/* Whether a thread that sleeps is in a call for a file on some storage.  The number comes
 * first; a thread that is in none has a word there, or -1.  The kernel lets nobody read it
 * while the process executes another program, for as long as the files of the old one take
 * to be closed: one that waits for that must not be asked. */
static bool
libxlDeviceModelActivityWaitsForFile(const char *folder)
{
    const long calls[] = {
        SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_preadv2, SYS_pwritev2,
        SYS_fsync, SYS_fdatasync, SYS_fallocate, SYS_copy_file_range,
    };
    g_autofree char *line = NULL;
    long call;
    size_t i;

    if (libxlDeviceModelActivityReadLine(folder, "syscall", &line) < 0 ||
        sscanf(line, "%ld ", &call) != 1)
        return false;

    for (i = 0; i < G_N_ELEMENTS(calls); i++) {
        if (call == calls[i])
            return true;
    }

    return false;
}


/**
 * libxlDeviceModelActivityRead:
 * @folder: of the process, in /proc
 * @activity: filled with its state and processor time; the rest is false
 *
 * Returns 0, or -1 where there is no such process.
 */
int
libxlDeviceModelActivityRead(const char *folder,
                             libxlDeviceModelActivity *activity)
{
    memset(activity, 0, sizeof(*activity));
    return libxlDeviceModelActivityReadStat(folder, &activity->state, &activity->used);
}


/**
 * libxlDeviceModelActivityReadThreads:
 * @folder: of the process, in /proc
 * @activity: what its threads do is added
 *
 * Costs two files for each thread.  A thread that ends meanwhile does nothing.
 *
 * Returns 0, or -1 where the threads cannot be listed.
 */
int
libxlDeviceModelActivityReadThreads(const char *folder,
                                    libxlDeviceModelActivity *activity)
{
    g_autofree char *tasks = g_strdup_printf("%s/task", folder);
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;
    size_t i;

    if (virDirOpenQuiet(&dir, tasks) < 0)
        return -1;

    for (i = 0; i < LIBXL_DEVICE_MODEL_ACTIVITY_THREADS_MAX && !activity->waits &&
         virDirRead(dir, &entry, NULL) > 0; i++) {
        g_autofree char *thread = g_strdup_printf("%s/%s", tasks, entry->d_name);
        unsigned long long used;
        char state;

        if (libxlDeviceModelActivityReadStat(thread, &state, &used) < 0)
            continue;

        activity->runs = activity->runs || state == 'R';
        activity->waits = state == 'D' ||
            (state == 'S' && libxlDeviceModelActivityWaitsForFile(thread));
    }

    return 0;
}
