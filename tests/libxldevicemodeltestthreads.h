/*
 * libxldevicemodeltestthreads.h: joins the threads that the driver makes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What links it makes its threads joinable, those, too, that the driver lets go of:
 * nothing else tells for certain that such a thread uses the driver no more.
 */

#pragma once

#include "internal.h"

/* Asked whether a thread cannot be created; NULL: each can.  Set before there are others. */
extern bool (*testThreadsRefuse)(void);

void
testThreadsJoin(void);
