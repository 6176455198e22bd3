/*
 * libxldevicemodeltestthreads.c: joins the threads that the driver makes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <dlfcn.h>

#include "internal.h"
#include "libxldevicemodeltestthreads.h"
#include "viralloc.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_NONE

bool (*testThreadsRefuse)(void);

/* Those that were let go of, and are not joined yet. */
static virMutex testThreadsLock = VIR_MUTEX_INITIALIZER;
static virThread *testThreads;
static size_t ntestThreads;


int
virThreadCreateFull(virThread *thread,
                    bool joinable,
                    virThreadFunc func,
                    const char *name,
                    bool worker,
                    void *opaque)
{
    int (*real)(virThread *thread, bool joinable, virThreadFunc func, const char *name,
                bool worker, void *opaque) = dlsym(RTLD_NEXT, "virThreadCreateFull");
    VIR_LOCK_GUARD lock = virLockGuardLock(&testThreadsLock);

    if (testThreadsRefuse && testThreadsRefuse()) {
        errno = EAGAIN;
        return -1;
    }

    if (real(thread, true, func, name, worker, opaque) < 0)
        return -1;

    if (!joinable)
        VIR_APPEND_ELEMENT_COPY(testThreads, ntestThreads, *thread);

    return 0;
}


/**
 * testThreadsJoin:
 *
 * Waits until all threads that were let go of have ended.  What they wait for must not
 * be the caller's: no lock, and no job.
 */
void
testThreadsJoin(void)
{
    g_autofree virThread *threads = NULL;
    size_t nthreads = 0;
    size_t i;

    VIR_WITH_MUTEX_LOCK_GUARD(&testThreadsLock) {
        threads = g_steal_pointer(&testThreads);
        nthreads = ntestThreads;
        ntestThreads = 0;
    }

    for (i = 0; i < nthreads; i++)
        virThreadJoin(&threads[i]);
}
