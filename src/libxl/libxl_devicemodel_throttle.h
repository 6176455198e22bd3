/*
 * libxl_devicemodel_throttle.h: how often a secondary is restarted
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What made a process end may well end the next one, as soon as the guest goes on.  So
 * restarts begin a second apart at least, and a secondary that has ended too often in
 * too short a time stays away until somebody says otherwise.  A process that ends while
 * it starts counts as well.
 *
 * All times are those of g_get_monotonic_time, which all daemons have in common from one
 * start of the host to the next; no status file lives longer.
 *
 * Nothing here waits or knows a domain.
 */

#pragma once

#include "internal.h"

/* So many ends in so much time are too many. */
#define LIBXL_DEVICE_MODEL_THROTTLE_ENDS 5
#define LIBXL_DEVICE_MODEL_THROTTLE_TIME (10 * 60 * G_USEC_PER_SEC)

/* The least time from one restart to the next. */
#define LIBXL_DEVICE_MODEL_THROTTLE_PAUSE (1 * G_USEC_PER_SEC)

typedef struct _libxlDeviceModelThrottle libxlDeviceModelThrottle;
struct _libxlDeviceModelThrottle {
    long long ends[LIBXL_DEVICE_MODEL_THROTTLE_ENDS]; /* when its process ended, the latest first;
                                                      0: there were no more */
    long long restarted; /* when it was last, 0 for never */
};

void
libxlDeviceModelThrottleNoteEnd(libxlDeviceModelThrottle *throttle,
                                gint64 now);

gint64
libxlDeviceModelThrottleGetNext(const libxlDeviceModelThrottle *throttle);
