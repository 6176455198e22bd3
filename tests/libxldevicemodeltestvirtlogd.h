/*
 * libxldevicemodeltestvirtlogd.h: a stand-in for the connection to virtlogd
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What links it has no other virtlogd.  Each test says first how often a file is another's,
 * and whether it is refused; whoever is given one has an end of the pipe.
 */

#pragma once

#include "internal.h"

typedef struct _testLogState testLogState;
struct _testLogState {
    size_t nbusy; /* how often it has yet to say that a file is in use */
    int refused; /* errno with which it refuses a file otherwise, or 0 */
    size_t nasked;
    char *asked; /* what for, the last time, and of whom: driver, UUID's first byte, domain */
    int pipe[2]; /* the file that it opens; the first end is its own */
};

extern testLogState testLog;

int
testLogInit(void);

void
testLogFree(void);
