/*
 * libxldevicemodeltestloop.c: a thread that runs libvirt's event loop
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "internal.h"
#include "libxldevicemodeltestloop.h"
#include "virevent.h"

static GThread *testLoop;
static int testLoopEnds;


static gpointer
testLoopRun(gpointer opaque G_GNUC_UNUSED)
{
    while (!g_atomic_int_get(&testLoopEnds))
        virEventRunDefaultImpl();

    return NULL;
}


/* Has the loop look at whether it ends. */
static void
testLoopTick(int timer G_GNUC_UNUSED,
             void *opaque G_GNUC_UNUSED)
{
}


/**
 * testLoopStart:
 *
 * Registers the event loop, and runs it until testLoopStop, once in a program.
 *
 * Returns 0, or -1 with an error.
 */
int
testLoopStart(void)
{
    if (virEventRegisterDefaultImpl() < 0 ||
        virEventAddTimeout(10, testLoopTick, NULL, NULL) < 0)
        return -1;

    testLoop = g_thread_new("loop", testLoopRun, NULL);
    return 0;
}


/**
 * testLoopStop:
 *
 * Returns when the loop calls nothing any more.
 */
void
testLoopStop(void)
{
    g_atomic_int_set(&testLoopEnds, 1);
    g_thread_join(testLoop);
}
