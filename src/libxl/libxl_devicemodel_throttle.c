/*
 * libxl_devicemodel_throttle.c: how often a secondary is restarted
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_throttle.h"


/**
 * libxlDeviceModelThrottleNoteEnd:
 * @throttle: of a secondary
 * @now: when its process has ended, which is not before the last one did
 */
void
libxlDeviceModelThrottleNoteEnd(libxlDeviceModelThrottle *throttle,
                                gint64 now)
{
    memmove(&throttle->ends[1], &throttle->ends[0],
            sizeof(throttle->ends) - sizeof(throttle->ends[0]));
    throttle->ends[0] = now;
}


/**
 * libxlDeviceModelThrottleGetNext:
 * @throttle: of a secondary whose process has ended
 *
 * Returns when it may be restarted at the earliest, which may be over, or -1 where it
 * stays away.
 */
gint64
libxlDeviceModelThrottleGetNext(const libxlDeviceModelThrottle *throttle)
{
    gint64 oldest = throttle->ends[LIBXL_DEVICE_MODEL_THROTTLE_ENDS - 1];

    if (oldest != 0 && throttle->ends[0] - oldest <= LIBXL_DEVICE_MODEL_THROTTLE_TIME)
        return -1;

    return throttle->restarted == 0 ? 0 : throttle->restarted + LIBXL_DEVICE_MODEL_THROTTLE_PAUSE;
}
