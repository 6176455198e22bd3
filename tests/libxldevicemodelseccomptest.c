/*
 * libxldevicemodelseccomptest.c: the system calls that a secondary is refused
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kernel is asked, in a child that takes the filters.  Most calls are made
 * with arguments that no file has: one that passes fails with another error than
 * one that is refused.
 */

#include <config.h>

#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_seccomp.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_NONE

/* A kernel looks at 32 of its 64 bits. */
#define TEST_HIGH 0xffffffff00000000UL

#define TEST_IO_URING_SETUP 425
#define TEST_IO_URING_ENTER 426
#define TEST_IO_URING_REGISTER 427
#define TEST_CLONE3 435
#define TEST_PIDFD_SEND_SIGNAL 424
#define TEST_PIDFD_GETFD 438
#define TEST_FCHMODAT2 452

/* The user that an emulator becomes. */
#define TEST_UID 1879048209


/* A call with arguments that are no good. */
struct testCallData {
    long nr;
    unsigned long args[6];
    bool refused;
    bool own; /* the first argument is the process */
    bool root; /* the filter is that for the time in which the emulator is root */
};


/* Returns the exit status of a child that runs @func. */
static int
testInChild(int (*func)(const void *opaque),
            const void *opaque)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        _exit(func(opaque) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);

    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;

    return status == 0 ? 0 : -1;
}


static int
testConfine(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        libxlDeviceModelSeccompConfine(TEST_UID) < 0) {
        fprintf(stderr, "no filter: %s\n", g_strerror(errno));
        return -1;
    }

    return 0;
}


static int
testSeal(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        libxlDeviceModelSeccompSeal() < 0) {
        fprintf(stderr, "no filter: %s\n", g_strerror(errno));
        return -1;
    }

    return 0;
}


/* Returns the errno of the call, 0 for none. */
static int
testMake(const struct testCallData *data)
{
    const unsigned long *args = data->args;
    unsigned long first = data->own ? (unsigned long)getpid() : args[0];

    if (syscall(data->nr, first, args[1], args[2], args[3], args[4], args[5]) >= 0)
        return 0;

    return errno;
}


static int
testCallChild(const void *opaque)
{
    const struct testCallData *data = opaque;
    int before = testMake(data);
    int after;

    if ((data->root ? testConfine() : testSeal()) < 0)
        return -1;

    after = testMake(data);
    if (after == (data->refused ? EPERM : before))
        return 0;

    fprintf(stderr, "call %ld: errno %d before, %d after\n", data->nr, before, after);
    return -1;
}


static int
testCall(const void *opaque)
{
    return testInChild(testCallChild, opaque);
}


#define DO_TEST_FULL(title, isRoot, isOwn, number, isRefused, ...) \
    do { \
        static const struct testCallData data = { .nr = number, .args = { __VA_ARGS__ }, \
                                                  .refused = isRefused, .own = isOwn, .root = isRoot }; \
        if (virTestRun(title, testCall, &data) < 0) \
            ret = -1; \
    } while (0)
#define DO_TEST(title, ...) DO_TEST_FULL(title, false, false, __VA_ARGS__)

static int
testSockets(void)
{
    int ret = 0;

    DO_TEST("socket of IPv4", SYS_socket, true, AF_INET, SOCK_STREAM, 0);
    DO_TEST("socket by name", SYS_socket, true, AF_UNIX, SOCK_DGRAM, 0);
    DO_TEST("socket without a namespace", SYS_socket, true, 40 /* AF_VSOCK */, SOCK_STREAM, 0);
    DO_TEST("socketpair", SYS_socketpair, true, AF_UNIX, SOCK_STREAM, 0, 0);
    DO_TEST("connect", SYS_connect, true, -1, 0, 0);
    DO_TEST("bind", SYS_bind, true, -1, 0, 0);
    DO_TEST("listen", SYS_listen, true, -1, 1);
    DO_TEST("accept4", SYS_accept4, false, -1, 0, 0, 0);
    DO_TEST("shutdown", SYS_shutdown, false, -1, SHUT_RD);
    DO_TEST("recvmsg", SYS_recvmsg, false, -1, 0, 0);
    DO_TEST("setsockopt", SYS_setsockopt, false, -1, SOL_SOCKET, SO_KEEPALIVE, 0, 0);

    DO_TEST("sendto", SYS_sendto, false, -1, 0, 0, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
    DO_TEST("sendto that connects", SYS_sendto, true, -1, 0, 0, MSG_FASTOPEN, 0, 0);
    DO_TEST("sendto that connects, among other flags", SYS_sendto, true,
            -1, 0, 0, TEST_HIGH | MSG_FASTOPEN | MSG_NOSIGNAL, 0, 0);
    DO_TEST("sendmsg", SYS_sendmsg, false, -1, 0, MSG_NOSIGNAL);
    DO_TEST("sendmsg that connects", SYS_sendmsg, true, -1, 0, MSG_FASTOPEN);
    DO_TEST("sendmmsg", SYS_sendmmsg, false, -1, 0, 1, MSG_NOSIGNAL);
    DO_TEST("sendmmsg that connects", SYS_sendmmsg, true, -1, 0, 1, MSG_FASTOPEN);

    return ret;
}


static int
testRequests(void)
{
    int ret = 0;

#define DO_TEST_REQUEST(request, refused) \
    DO_TEST("ioctl " #request, SYS_ioctl, refused, -1, request)

    DO_TEST_REQUEST(TUNSETIFF, true);
    DO_TEST_REQUEST(TUNSETPERSIST, true);
    DO_TEST_REQUEST(TEST_HIGH | TUNSETPERSIST, true);
    DO_TEST_REQUEST(TUNSETOWNER, true);
    DO_TEST_REQUEST(TUNSETGROUP, true);
    DO_TEST_REQUEST(TUNSETLINK, true);
    DO_TEST_REQUEST(TUNATTACHFILTER, true);
    DO_TEST_REQUEST(TUNSETQUEUE, true);
    DO_TEST_REQUEST(TUNSETCARRIER, true);
    DO_TEST_REQUEST(TUNSETNOCSUM, true);
    DO_TEST_REQUEST(_IO('T', 255), true);
    DO_TEST_REQUEST(TUNGETFEATURES, false);
    DO_TEST_REQUEST(TUNGETIFF, false);
    DO_TEST_REQUEST(TUNSETOFFLOAD, false);
    DO_TEST_REQUEST(TUNSETSNDBUF, false);
    DO_TEST_REQUEST(TUNSETVNETHDRSZ, false);
    DO_TEST_REQUEST(TUNSETVNETLE, false);

    DO_TEST_REQUEST(SIOCSIFHWADDR, true);
    DO_TEST_REQUEST(SIOCGIFCONF, true);
    DO_TEST_REQUEST(SIOCGSKNS, true);
    DO_TEST_REQUEST(SIOCDEVPRIVATE, true);
    DO_TEST_REQUEST(0x8b1b /* SIOCGIWESSID */, true);
    DO_TEST_REQUEST(FIONBIO, false);

    DO_TEST_REQUEST(TIOCSTI, true);
    DO_TEST_REQUEST(TIOCLINUX, true);
    DO_TEST_REQUEST(TIOCSETD, true);
    DO_TEST_REQUEST(TCGETS, false);
    DO_TEST_REQUEST(TIOCSWINSZ, false);
    DO_TEST_REQUEST(_IO('T', 199), false);

    DO_TEST_REQUEST(1 /* SCSI_IOCTL_SEND_COMMAND */, true);
    DO_TEST_REQUEST(6 /* SCSI_IOCTL_STOP_UNIT */, true);
    DO_TEST_REQUEST(TEST_HIGH | 1, true);
    DO_TEST_REQUEST(0x2285 /* SG_IO */, true);
    DO_TEST_REQUEST(0x5309 /* CDROMEJECT */, true);
    DO_TEST_REQUEST(0x4c02 /* LOOP_SET_STATUS */, true);
    DO_TEST_REQUEST(_IOWR('N', 0x43, char[72]) /* NVME_IOCTL_IO_CMD */, true);
    DO_TEST_REQUEST(_IOW('p', 200, char[24]) /* IOC_PR_REGISTER */, true);
    DO_TEST_REQUEST(_IOW(0x94, 9, int) /* FICLONE */, true);
    DO_TEST_REQUEST(_IOR(0x12, 114, size_t) /* BLKGETSIZE64 */, false);
    DO_TEST_REQUEST(_IO(0x12, 114), false);
    DO_TEST_REQUEST(_IOWR(0x12, 115, char[72]) /* BLKTRACESETUP */, true);
    DO_TEST_REQUEST(TEST_HIGH | _IOWR(0x12, 115, char[64]) /* that of i386 */, true);
    DO_TEST_REQUEST(_IO(0x12, 116) /* BLKTRACESTART */, true);
    DO_TEST_REQUEST(_IO(0x12, 117) /* BLKTRACESTOP */, true);
    DO_TEST_REQUEST(_IO(0x12, 118) /* BLKTRACETEARDOWN */, true);
    DO_TEST_REQUEST(_IO(0x12, 119) /* BLKDISCARD */, false);
    DO_TEST_REQUEST(_IOWR(0x12, 142, char[72]) /* BLKTRACESETUP2 */, true);
    DO_TEST_REQUEST(_IO(0x13, 115), false);
    DO_TEST_REQUEST(_IOC(_IOC_NONE, 'P', 5, 16) /* IOCTL_PRIVCMD_DM_OP */, false);
    DO_TEST_REQUEST(_IOC(_IOC_NONE, 'E', 4, 4) /* IOCTL_EVTCHN_NOTIFY */, false);

#undef DO_TEST_REQUEST

    return ret;
}


static int
testLocks(void)
{
    int ret = 0;

#define DO_TEST_FCNTL(command, refused) \
    DO_TEST("fcntl " #command, SYS_fcntl, refused, -1, command, 0)

    DO_TEST("flock", SYS_flock, true, -1, LOCK_EX | LOCK_NB);
    DO_TEST_FCNTL(F_SETLK, true);
    DO_TEST_FCNTL(F_SETLKW, true);
    DO_TEST_FCNTL(TEST_HIGH | F_SETLK, true);
    DO_TEST_FCNTL(F_OFD_SETLK, true);
    DO_TEST_FCNTL(F_OFD_SETLKW, true);
    DO_TEST_FCNTL(F_SETLEASE, true);
    DO_TEST_FCNTL(F_GETLK, false);
    DO_TEST_FCNTL(F_GETFL, false);
    DO_TEST_FCNTL(F_SETFL, false);
    DO_TEST_FCNTL(F_SETFD, false);
    DO_TEST_FCNTL(F_DUPFD_CLOEXEC, false);

#undef DO_TEST_FCNTL

    return ret;
}


static int
testOthers(void)
{
    int ret = 0;

    DO_TEST("io_uring_setup", TEST_IO_URING_SETUP, true, 0, 0);
    DO_TEST("io_uring_enter", TEST_IO_URING_ENTER, true, -1, 0, 0, 0, 0, 0);
    DO_TEST("io_uring_register", TEST_IO_URING_REGISTER, true, -1, 0, 0, 0);
    DO_TEST("ptrace", SYS_ptrace, true, -1, 0, 0, 0, 0);
    DO_TEST("add_key", SYS_add_key, true, 0, 0, 0, 0, 0);
    DO_TEST("request_key", SYS_request_key, true, 0, 0, 0, 0);
    DO_TEST("keyctl", SYS_keyctl, true, -1, 0, 0, 0, 0);
    DO_TEST("read", SYS_read, false, -1, 0, 0);
    DO_TEST("ftruncate", SYS_ftruncate, false, -1, 0);
#ifdef __x86_64__
    DO_TEST("x32", 0x40000000 | SYS_getpid, true, 0);
#endif

    return ret;
}

#undef DO_TEST


#ifdef __x86_64__
/* The call of another ABI, by whose numbers it is getpid. */
static long
testMakeI386(void)
{
    long rc = 20;

    __asm__ volatile("int $0x80" : "+a" (rc) : : "memory");
    return rc;
}


static int
testI386Works(const void *opaque G_GNUC_UNUSED)
{
    return testMakeI386() == getpid() ? 0 : -1;
}


static int
testI386Child(const void *opaque G_GNUC_UNUSED)
{
    if (testSeal() < 0)
        return -1;

    return testMakeI386() == -EPERM ? 0 : -1;
}


static int
testI386(const void *opaque)
{
    /* a kernel that has no such ABI ends the child by a signal */
    if (testInChild(testI386Works, NULL) < 0)
        return EXIT_AM_SKIP;

    return testInChild(testI386Child, opaque);
}
#endif


/* The filter for the time before: io_uring is not there. */
static int
testRingsChild(const void *opaque G_GNUC_UNUSED)
{
    int fd = -1;

    if (testConfine() < 0)
        return -1;

    if (syscall(TEST_IO_URING_SETUP, 0, NULL) != -1 || errno != ENOSYS)
        return -1;

    if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
        return -1;

    close(fd);
    return 0;
}


static int
testRings(const void *opaque)
{
    return testInChild(testRingsChild, opaque);
}


#define REFUSED(title, number, ...) \
    DO_TEST_FULL("as root: " title, true, false, number, true, __VA_ARGS__)
#define ALLOWED(title, number, ...) \
    DO_TEST_FULL("as root: " title, true, false, number, false, __VA_ARGS__)
#define ALLOWED_OWN(title, number, ...) \
    DO_TEST_FULL("as root: " title, true, true, number, false, 0, __VA_ARGS__)

/* An emulator that is root still does nothing to others, and becomes nobody but its user. */
static int
testRoot(void)
{
    int ret = 0;

    REFUSED("signal another", SYS_kill, 1, 0);
    REFUSED("signal all", SYS_kill, -1, 0);
    ALLOWED_OWN("signal itself", SYS_kill, 0);
    REFUSED("signal another's thread", SYS_tgkill, 1, 1, 0);
    ALLOWED_OWN("signal no thread of its own", SYS_tgkill, 0, 0);
    REFUSED("signal any thread", SYS_tkill, 0, 0);
    REFUSED("signal by a file", SYS_fcntl, -1, 8, 0);
    REFUSED("signal by a file, another signal", SYS_fcntl, -1, 10, 0);
    REFUSED("signal a thread by a file", SYS_fcntl, -1, 15, 0);
    REFUSED("signal by a socket", SYS_ioctl, -1, FIOSETOWN, 0);
    REFUSED("signal a group by a socket", SYS_ioctl, -1, SIOCSPGRP, 0);
    ALLOWED("flags of a file", SYS_fcntl, -1, 4, 0);
    ALLOWED("requests to a file", SYS_ioctl, -1, SIOCGIFHWADDR, 0);
    REFUSED("queue a signal", SYS_rt_sigqueueinfo, 0, 0, 0);
    REFUSED("queue a signal for a thread", SYS_rt_tgsigqueueinfo, 0, 0, 0, 0);
    REFUSED("pidfd_send_signal", TEST_PIDFD_SEND_SIGNAL, -1, 0, 0, 0);
    REFUSED("pidfd_getfd", TEST_PIDFD_GETFD, -1, 0, 0);
    REFUSED("ptrace", SYS_ptrace, -1, 0, 0, 0);
    REFUSED("process_vm_readv", SYS_process_vm_readv, 0, 0, 0, 0, 0, 1);
    REFUSED("process_vm_writev", SYS_process_vm_writev, 0, 0, 0, 0, 0, 1);
    REFUSED("another's limits", SYS_prlimit64, 1, -1, 0, 0);
    ALLOWED("limits", SYS_prlimit64, 0, -1, 0, 0);
    REFUSED("setpriority", SYS_setpriority, -1, 0, 0);
    ALLOWED("getpriority", SYS_getpriority, -1, 0);
    REFUSED("ioprio_set", SYS_ioprio_set, -1, 0, 0);
    REFUSED("sched_setparam", SYS_sched_setparam, -1, 0);
    REFUSED("sched_setscheduler", SYS_sched_setscheduler, -1, 0, 0);
    REFUSED("sched_setattr", SYS_sched_setattr, 0, 0, 1);
    REFUSED("sched_setaffinity", SYS_sched_setaffinity, 0, 0, 0);

    REFUSED("become another user", SYS_setuid, TEST_UID + 1);
    REFUSED("become root", SYS_setuid, 0);
    ALLOWED("become its user", SYS_setuid, TEST_UID);
    REFUSED("become another group", SYS_setgid, TEST_UID + 1);
    ALLOWED("become its group", SYS_setgid, TEST_UID);
    REFUSED("setreuid", SYS_setreuid, -1, -1);
    REFUSED("setregid", SYS_setregid, -1, -1);
    REFUSED("setresuid", SYS_setresuid, -1, -1, -1);
    REFUSED("setresgid", SYS_setresgid, -1, -1, -1);
    REFUSED("setfsuid", SYS_setfsuid, -1);
    REFUSED("setfsgid", SYS_setfsgid, -1);

#ifdef SYS_chmod
    REFUSED("chmod", SYS_chmod, 0, 0);
#endif
    REFUSED("fchmod", SYS_fchmod, -1, 0);
    REFUSED("fchmodat", SYS_fchmodat, AT_FDCWD, 0, 0);
    REFUSED("fchmodat2", TEST_FCHMODAT2, AT_FDCWD, 0, 0, 0);
    REFUSED("setxattr", SYS_setxattr, 0, 0, 0, 0, 0);
    REFUSED("lsetxattr", SYS_lsetxattr, 0, 0, 0, 0, 0);
    REFUSED("fsetxattr", SYS_fsetxattr, -1, 0, 0, 0, 0);
    REFUSED("add_key", SYS_add_key, 0, 0, 0, 0, 0);
    REFUSED("request_key", SYS_request_key, 0, 0, 0, 0);
    REFUSED("keyctl", SYS_keyctl, -1, 0, 0, 0, 0);

    ALLOWED("connect", SYS_connect, -1, 0, 0);
    ALLOWED("setgroups", SYS_setgroups, -1, 0);
    ALLOWED("chroot", SYS_chroot, 0);

    return ret;
}

#undef REFUSED
#undef ALLOWED
#undef ALLOWED_OWN


/* Returns the errno of a clone(2) with the flag, 0 for none. */
static int
testClone(unsigned long flag)
{
    pid_t pid = syscall(SYS_clone, flag | SIGCHLD, NULL, NULL, NULL, NULL);

    if (pid == 0)
        _exit(EXIT_SUCCESS);

    return pid < 0 ? errno : 0;
}


/* Without the filter its child is the test's, which is its parent. */
static int
testParentUnsealed(const void *opaque G_GNUC_UNUSED)
{
    return testClone(CLONE_PARENT) == 0 ? 0 : -1;
}


static void *
testNothing(void *opaque)
{
    return opaque;
}


/* There are children of its own still, and threads. */
static int
testParentChild(const void *opaque G_GNUC_UNUSED)
{
    pthread_t thread;

    if (testSeal() < 0)
        return -1;

    if (testClone(CLONE_PARENT) != EPERM || testClone(0) != 0 || wait(NULL) < 0)
        return -1;

    if (syscall(TEST_CLONE3, NULL, 0) >= 0 || errno != ENOSYS)
        return -1;

    return pthread_create(&thread, NULL, testNothing, NULL) == 0 &&
           pthread_join(thread, NULL) == 0 ? 0 : -1;
}


/* Whoever started it gets no children that it does not know of. */
static int
testParent(const void *opaque)
{
    if (testInChild(testParentUnsealed, opaque) < 0 || wait(NULL) < 0)
        return -1;

    if (testInChild(testParentChild, opaque) < 0 || wait(NULL) >= 0)
        return -1;

    return 0;
}


static int testGate[2];


static void *
testThread(void *opaque)
{
    const struct sockaddr addr = { .sa_family = AF_UNSPEC };
    int *error = opaque;
    char byte;

    if (read(testGate[0], &byte, 1) == 1 &&
        connect(testGate[0], &addr, sizeof(addr)) < 0)
        *error = errno;

    return NULL;
}


/* A thread that was there before has the filter, too. */
static int
testThreadsChild(const void *opaque G_GNUC_UNUSED)
{
    pthread_t thread;
    int error = 0;

    if (pipe(testGate) < 0 ||
        pthread_create(&thread, NULL, testThread, &error) != 0 ||
        testSeal() < 0 ||
        write(testGate[1], "", 1) != 1 ||
        pthread_join(thread, NULL) != 0)
        return -1;

    return error == EPERM ? 0 : -1;
}


static int
testThreads(const void *opaque)
{
    return testInChild(testThreadsChild, opaque);
}


/* Returns a socket that listens on an address of the loopback interface. */
static int
testListen(struct sockaddr_in *addr)
{
    socklen_t len = sizeof(*addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(addr, 0, sizeof(*addr));
    addr->sin_family = AF_INET;
    addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 ||
        bind(fd, (struct sockaddr *)addr, sizeof(*addr)) < 0 ||
        listen(fd, 4) < 0 ||
        getsockname(fd, (struct sockaddr *)addr, &len) < 0) {
        VIR_FORCE_CLOSE(fd);
        return -1;
    }

    return fd;
}


/* Turns a socket that listens into one that is connected, in two ways. */
static bool
testTurn(int fd,
         const struct sockaddr_in *addr)
{
    struct sockaddr none = { .sa_family = AF_UNSPEC };

    return connect(fd, &none, sizeof(none)) == 0 &&
           connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0;
}


static bool
testTurnBySending(int fd,
                  const struct sockaddr_in *addr)
{
    return shutdown(fd, SHUT_RD) == 0 &&
           sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)addr, sizeof(*addr)) == 1;
}


/* What was handed over goes on listening and cannot become anything else. */
static int
testListenersChild(const void *opaque G_GNUC_UNUSED)
{
    struct sockaddr_in service = { 0 };
    struct sockaddr_in own = { 0 };
    int server = testListen(&service);
    int fds[] = { testListen(&own), testListen(&own), testListen(&own) };
    int client = socket(AF_INET, SOCK_STREAM, 0);
    int fd = -1;

    if (server < 0 || !testTurn(fds[0], &service) ||
        connect(client, (struct sockaddr *)&own, sizeof(own)) < 0)
        return -1;

    /* what the sysctl tcp_fastopen allows by default */
    if (!testTurnBySending(fds[1], &service) && errno != EOPNOTSUPP)
        return -1;

    if (testSeal() < 0)
        return -1;

    if ((fd = accept(fds[2], NULL, NULL)) < 0 || write(fd, "x", 1) != 1)
        return -1;

    return testTurn(fds[2], &service) || errno != EPERM ||
           testTurnBySending(fds[2], &service) || errno != EPERM ? -1 : 0;
}


static int
testListeners(const void *opaque)
{
    return testInChild(testListenersChild, opaque);
}


static int
mymain(void)
{
    int ret = 0;

    if (testRoot() < 0)
        ret = -1;
    if (testSockets() < 0)
        ret = -1;
    if (testRequests() < 0)
        ret = -1;
    if (testLocks() < 0)
        ret = -1;
    if (testOthers() < 0)
        ret = -1;
#ifdef __x86_64__
    if (virTestRun("i386", testI386, NULL) < 0)
        ret = -1;
#endif
    if (virTestRun("io_uring when the emulator starts", testRings, NULL) < 0)
        ret = -1;
    if (virTestRun("children of the parent", testParent, NULL) < 0)
        ret = -1;
    if (virTestRun("all threads", testThreads, NULL) < 0)
        ret = -1;
    if (virTestRun("sockets that listen", testListeners, NULL) < 0)
        ret = -1;

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
