/*
 * virnetsocketexectest.c: sockets that a program which is executed meanwhile does not
 * inherit
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stands in for the calls that make a socket, and looks whether it is closed on execution
 * from the begin on, as another thread may execute a program before more is done to it.
 */

#include <config.h>

#include <dlfcn.h>
#include <sys/socket.h>

#include "testutils.h"
#include "virfile.h"
#include "rpc/virnetsocket.h"

#define VIR_FROM_THIS VIR_FROM_RPC

static char *testDir;

static struct {
    size_t nmade;
    size_t ninherited; /* those that a program would have inherited by then */
} testKernel;


static void
testCount(int flags)
{
    testKernel.nmade++;
    if (!(flags & SOCK_CLOEXEC))
        testKernel.ninherited++;
}


int
socket(int domain,
       int type,
       int protocol)
{
    int (*next)(int, int, int) = dlsym(RTLD_NEXT, "socket");

    testCount(type);
    return next(domain, type, protocol);
}


int
accept(int fd,
       __SOCKADDR_ARG addr,
       socklen_t *len)
{
    int (*next)(int, struct sockaddr *, socklen_t *) = dlsym(RTLD_NEXT, "accept");

    testCount(0);
    return next(fd, addr.__sockaddr__, len);
}


int
accept4(int fd,
        __SOCKADDR_ARG addr,
        socklen_t *len,
        int flags)
{
    int (*next)(int, struct sockaddr *, socklen_t *, int) = dlsym(RTLD_NEXT, "accept4");

    testCount(flags);
    return next(fd, addr.__sockaddr__, len, flags);
}


/* One that listens, one that is connected, and one that is accepted. */
static int
testCheck(void)
{
    if (testKernel.nmade == 3 && testKernel.ninherited == 0)
        return 0;

    VIR_TEST_VERBOSE("%zu sockets, expected 3; a program inherits %zu",
                     testKernel.nmade, testKernel.ninherited);
    return -1;
}


static int
testUNIX(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = g_strdup_printf("%s/socket", testDir);
    g_autoptr(virNetSocket) listening = NULL;
    g_autoptr(virNetSocket) connected = NULL;
    g_autoptr(virNetSocket) accepted = NULL;

    memset(&testKernel, 0, sizeof(testKernel));
    if (virNetSocketNewListenUNIX(path, 0700, -1, -1, &listening) < 0 ||
        virNetSocketListen(listening, 1) < 0 ||
        virNetSocketNewConnectUNIX(path, NULL, &connected) < 0 ||
        virNetSocketAccept(listening, &accepted) < 0)
        return -1;

    return testCheck();
}


static int
testTCP(const void *opaque G_GNUC_UNUSED)
{
    virNetSocket **listening = NULL;
    size_t nlistening = 0;
    g_autofree char *port = NULL;
    g_autoptr(virNetSocket) connected = NULL;
    g_autoptr(virNetSocket) accepted = NULL;
    int ret = -1;
    size_t i;

    memset(&testKernel, 0, sizeof(testKernel));
    if (virNetSocketNewListenTCP("127.0.0.1", "0", AF_INET, &listening, &nlistening) < 0)
        return -1;

    port = g_strdup_printf("%d", virNetSocketGetPort(listening[0]));
    if (virNetSocketListen(listening[0], 1) == 0 &&
        virNetSocketNewConnectTCP("127.0.0.1", port, AF_INET, &connected) == 0 &&
        virNetSocketAccept(listening[0], &accepted) == 0)
        ret = testCheck();

    for (i = 0; i < nlistening; i++)
        virObjectUnref(listening[i]);
    g_free(listening);
    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (!(testDir = g_dir_make_tmp("socket-XXXXXX", NULL)))
        return EXIT_FAILURE;

    if (virTestRun("UNIX", testUNIX, NULL) < 0)
        ret = -1;
    if (virTestRun("TCP", testTCP, NULL) < 0)
        ret = -1;

    virFileDeleteTree(testDir);
    g_free(testDir);
    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
