/*
 * virnetdevtaptest.c: taps that are made and deleted, and macvtaps that are opened
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stands in for the kernel's drivers of taps and macvtaps.
 */

#include <config.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "testutils.h"
#include "virfile.h"
#include "virnetdev.h"
#include "virnetdevmacvlan.h"
#include "virnetdevtap.h"

#define VIR_FROM_THIS VIR_FROM_NONE

/* What the tap is opened from. */
#define TEST_TUN "/dev/null"
/* What the macvtap of the interface 7 is. */
#define TEST_MACVTAP "/dev/tap7"

static struct {
    size_t nset; /* taps that were made, or found or opened */
    size_t ninherited; /* those that a program would have inherited by then */
} testKernel;


int
open(const char *path,
     int flags,
     ...)
{
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);

    if (STRNEQ(path, TEST_MACVTAP))
        return next(path, flags, mode);

    testKernel.nset++;
    if (!(flags & O_CLOEXEC))
        testKernel.ninherited++;

    return next("/dev/null", flags);
}


int
virNetDevGetIndex(const char *ifname G_GNUC_UNUSED,
                  int *ifindex)
{
    *ifindex = 7;
    return 0;
}


int
ioctl(int fd,
      unsigned long request,
      ...)
{
    int (*next)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
    va_list ap;
    void *arg;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);

    if (request == TUNSETPERSIST)
        return 0;

    if (request != TUNSETIFF)
        return next(fd, request, arg);

    testKernel.nset++;
    if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
        testKernel.ninherited++;

    return 0;
}


static int
testCheck(size_t nset)
{
    if (testKernel.nset == nset && testKernel.ninherited == 0)
        return 0;

    VIR_TEST_VERBOSE("%zu taps, expected %zu; a program inherits %zu",
                     testKernel.nset, nset, testKernel.ninherited);
    return -1;
}


/* A program that another thread executes inherits no tap, not even one that has
 * only just been opened. */
static int
testCreate(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *name = g_strdup("lan0");
    int taps[2] = { -1, -1 };
    int ret = -1;

    memset(&testKernel, 0, sizeof(testKernel));
    if (virNetDevTapCreate(&name, TEST_TUN, taps, G_N_ELEMENTS(taps),
                           VIR_NETDEV_TAP_CREATE_ALLOW_EXISTING) == 0)
        ret = testCheck(G_N_ELEMENTS(taps));

    VIR_FORCE_CLOSE(taps[0]);
    VIR_FORCE_CLOSE(taps[1]);
    return ret;
}


static int
testDelete(const void *opaque G_GNUC_UNUSED)
{
    memset(&testKernel, 0, sizeof(testKernel));
    if (virNetDevTapDelete("lan0", TEST_TUN) < 0)
        return -1;

    return testCheck(1);
}


static int
testMacvtap(const void *opaque G_GNUC_UNUSED)
{
    int taps[2] = { -1, -1 };
    int ret = -1;

    memset(&testKernel, 0, sizeof(testKernel));
    if (virNetDevMacVLanTapOpen("lan0", taps, G_N_ELEMENTS(taps)) == 0)
        ret = testCheck(G_N_ELEMENTS(taps));

    VIR_FORCE_CLOSE(taps[0]);
    VIR_FORCE_CLOSE(taps[1]);
    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (virTestRun("create", testCreate, NULL) < 0)
        ret = -1;
    if (virTestRun("delete", testDelete, NULL) < 0)
        ret = -1;
    if (virTestRun("open a macvtap", testMacvtap, NULL) < 0)
        ret = -1;

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
