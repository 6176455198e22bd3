/*
 * libxl_devicemodel_activity.h: what the kernel says of the process of a device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A process that serves nobody may have a reason that is not its own: it is stopped or
 * looked at by a debugger, the storage of an image is slow, its memory has to be read
 * back first, others have the processor.  All of that is in its folder in proc(5), and
 * reading it neither waits for the process nor costs it anything.
 *
 * That a thread waits for the host is told by either of
 *
 *  its state     uninterruptible sleep: a disk, a network file system, memory
 *  its call      one of those that only a file on some storage has, with an offset or
 *                to write it back.  A thread that waits for a file system in user space
 *                sleeps as for anything else
 *
 * QEMU's thread that serves the guest stands still while it waits for such a thread.
 *
 * The process may have been taken over: its names and numbers are its own choice, and it
 * may well have a thread that always seems to wait, or to run.
 */

#pragma once

#include "internal.h"

typedef struct _libxlDeviceModelActivity libxlDeviceModelActivity;
struct _libxlDeviceModelActivity {
    char state; /* of the first thread, as in proc(5): T is stopped, t is traced */
    unsigned long long used; /* processor time of all threads so far, in microseconds */

    /* of any thread */
    bool waits; /* for the host */
    bool runs; /* or would, if there were a processor for it */
};

int
libxlDeviceModelActivityRead(const char *folder,
                             libxlDeviceModelActivity *activity);

int
libxlDeviceModelActivityReadThreads(const char *folder,
                                    libxlDeviceModelActivity *activity);
