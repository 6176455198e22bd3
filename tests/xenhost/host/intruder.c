/*
 * intruder.c: what somebody could do who has taken over a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   intruder PID DOMID IOSERVID OTHER-PID... -- PATH...
 *
 * Becomes what the process PID, a secondary of domain DOMID with the given ioreq
 * server, has become: same namespaces, root, limits, user and group, no
 * capability, and PID's own handles of Xen.  Then it tries what must not be
 * possible (to signal or trace the other processes, to open or connect to the
 * paths, to reach the host's network, to reach other domains) and, so that a
 * trial that cannot succeed is not taken for a promise, the same from outside or
 * on its own domain where that is possible.
 *
 * Prints "NAME: ERROR" or "NAME: done" for each trial, and "end".  Trials that
 * have to succeed begin with "control".
 */

#define _GNU_SOURCE
#define __XEN_TOOLS__ 1

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/hvm/dm_op.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>

#define FILES_MAX 16

static pid_t victim; /* the process that is imitated */
static domid_t domid; /* its domain */
static ioservid_t ioservid; /* its ioreq server */

static struct sockaddr_in tcp = { .sin_family = AF_INET };
static struct sockaddr_un abstract = { .sun_family = AF_UNIX, .sun_path = "\0intruder" };


/* Prints the outcome of a trial. */
static void __attribute__((format(printf, 2, 3)))
tell(bool done,
     const char *fmt,
     ...)
{
    int saved = errno;
    va_list ap;

    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);

    printf(": %s\n", done ? "done" : strerrorname_np(saved));
    fflush(stdout);
}


static void __attribute__((noreturn))
die(const char *what)
{
    perror(what);
    exit(1);
}


static int
openProc(const char *name,
         int flags)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int) victim, name);
    if ((fd = open(path, flags | O_CLOEXEC)) < 0)
        die(path);

    return fd;
}


/* Takes copies of the victim's files that lead to @target. */
static size_t
stealFiles(const char *target,
           int *files)
{
    int dirfd = openProc("fd", O_RDONLY | O_DIRECTORY);
    int pidfd = syscall(SYS_pidfd_open, victim, 0);
    DIR *dir = fdopendir(dirfd);
    struct dirent *entry;
    char link[PATH_MAX];
    size_t n = 0;

    if (pidfd < 0 || !dir)
        die("pidfd_open");

    while (n < FILES_MAX && (entry = readdir(dir))) {
        ssize_t len = readlinkat(dirfd, entry->d_name, link, sizeof(link) - 1);

        if (len <= 0)
            continue;

        link[len] = '\0';
        if (strcmp(link, target) != 0)
            continue;

        if ((files[n++] = syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0)) < 0)
            die("pidfd_getfd");
    }

    closedir(dir);
    close(pidfd);
    return n;
}


/* A server in the host's network, by port and by abstract name. */
static void
serve(void)
{
    socklen_t len = sizeof(tcp);
    int fds[2] = { socket(AF_INET, SOCK_STREAM, 0), socket(AF_UNIX, SOCK_STREAM, 0) };

    tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fds[0], (struct sockaddr *) &tcp, sizeof(tcp)) < 0 ||
        listen(fds[0], 8) < 0 ||
        getsockname(fds[0], (struct sockaddr *) &tcp, &len) < 0 ||
        bind(fds[1], (struct sockaddr *) &abstract, sizeof(abstract)) < 0 ||
        listen(fds[1], 8) < 0)
        die("listen");
}


static bool
tryConnect(const void *addr,
           socklen_t len,
           int family,
           int type)
{
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    bool done = fd >= 0 && connect(fd, addr, len) == 0;
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
    return done;
}


static void
tryNetwork(const char *prefix)
{
    tell(tryConnect(&tcp, sizeof(tcp), AF_INET, SOCK_STREAM), "%stcp", prefix);
    tell(tryConnect(&abstract, sizeof(abstract), AF_UNIX, SOCK_STREAM),
         "%sabstract socket", prefix);
}


static void
copyLimit(int resource)
{
    struct rlimit limit;

    if (prlimit(victim, resource, NULL, &limit) < 0 ||
        setrlimit(resource, &limit) < 0)
        die("prlimit");
}


static void
getIDs(uid_t *uid,
       gid_t *gid)
{
    FILE *status = fdopen(openProc("status", O_RDONLY), "r");
    char line[256];

    while (fgets(line, sizeof(line), status)) {
        sscanf(line, "Uid: %u", uid);
        sscanf(line, "Gid: %u", gid);
    }
    fclose(status);
}


/* From here on this process is one like the victim. */
static void
become(void)
{
    int net = openProc("ns/net", O_RDONLY);
    int ipc = openProc("ns/ipc", O_RDONLY);
    int root = openProc("root", O_PATH);
    uid_t uid = 0;
    gid_t gid = 0;
    int cap;

    getIDs(&uid, &gid);

    if (setns(net, CLONE_NEWNET) < 0 || setns(ipc, CLONE_NEWIPC) < 0 ||
        fchdir(root) < 0 || chroot(".") < 0 || chdir("/") < 0)
        die("namespaces and root");

    copyLimit(RLIMIT_NPROC);
    copyLimit(RLIMIT_NOFILE);
    copyLimit(RLIMIT_CORE);
    close(net);
    close(ipc);
    close(root);

    for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setgroups(1, &gid) < 0 ||
        setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        die("credentials");

    tell(uid > 0 && gid > 0, "control become %u", uid);
}


static void
tryPrivilege(void)
{
    tell(setuid(0) == 0, "setuid");
    tell(setgid(0) == 0, "setgid");
    tell(chroot(".") == 0, "chroot");
    tell(mount("none", "/", "tmpfs", 0, NULL) == 0, "mount");
    tell(unshare(CLONE_NEWUSER) == 0, "user namespace");
    tell(unshare(CLONE_NEWNS) == 0, "mount namespace");
    tell(socket(AF_PACKET, SOCK_RAW, 0) >= 0, "raw socket");
    tell(mknod("/null", S_IFCHR | 0666, makedev(1, 3)) == 0, "mknod");
    tell(open("/file", O_CREAT | O_WRONLY, 0600) >= 0, "create a file");
    tell(mkdir("/folder", 0700) == 0, "create a folder");
}


static void
tryOthers(char **pids)
{
    for (; *pids; pids++) {
        pid_t pid = atoi(*pids);

        tell(kill(pid, 0) == 0, "signal %d", (int) pid);
        tell(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0, "trace %d", (int) pid);
    }
}


static void
tryPaths(char **paths)
{
    for (; *paths; paths++) {
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        char up[PATH_MAX];

        snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", *paths);
        snprintf(up, sizeof(up), "../../../../..%s", *paths);
        tell(open(*paths, O_RDONLY) >= 0, "open %s", *paths);
        tell(open(up, O_RDONLY) >= 0, "open %s", up);
        tell(tryConnect(&addr, sizeof(addr), AF_UNIX, SOCK_STREAM), "connect %s", *paths);
    }
}


static bool
tryDmOp(int fd,
        domid_t dom)
{
    struct xen_dm_op op = { .op = XEN_DMOP_get_ioreq_server_info };
    privcmd_dm_op_buf_t buf = { &op, sizeof(op) };
    privcmd_dm_op_t arg = { dom, 1, &buf };

    op.u.get_ioreq_server_info.id = ioservid;
    op.u.get_ioreq_server_info.flags = XEN_DMOP_no_gfns;
    return ioctl(fd, IOCTL_PRIVCMD_DM_OP, &arg) == 0;
}


static bool
tryMap(int fd,
       domid_t dom)
{
    void *addr = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    xen_pfn_t gfn = 1;
    int err = 0;
    privcmd_mmapbatch_v2_t arg = { 1, dom, (uintptr_t) addr, &gfn, &err };

    if (addr == MAP_FAILED || ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH_V2, &arg) < 0)
        return false;

    errno = -err;
    return err == 0;
}


static bool
tryHypercall(int fd)
{
    privcmd_hypercall_t arg = { __HYPERVISOR_xen_version, { 0 /* XENVER_version */ } };

    return ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &arg) >= 0;
}


static void
tryPrivcmd(int fd,
           size_t i,
           domid_t other)
{
    domid_t restriction = other;

    tell(tryDmOp(fd, domid), "control privcmd %zu own dm_op", i);
    tell(tryMap(fd, domid), "control privcmd %zu own page", i);

    tell(tryHypercall(fd), "privcmd %zu hypercall", i);
    tell(tryDmOp(fd, other), "privcmd %zu dm_op of domain %u", i, other);
    tell(tryMap(fd, other), "privcmd %zu page of domain %u", i, other);
    tell(tryMap(fd, 0), "privcmd %zu page of domain 0", i);
    tell(tryMap(fd, DOMID_SELF), "privcmd %zu page of its own domain", i);
    tell(ioctl(fd, IOCTL_PRIVCMD_RESTRICT, &restriction) == 0,
         "privcmd %zu restriction to domain %u", i, other);
}


/* The port is none, so what is allowed is refused, too, but by Xen: with another
 * error. */
static void
tryEvtchn(int fd,
          size_t i,
          domid_t other)
{
    struct ioctl_evtchn_bind_interdomain own = { domid, UINT_MAX };
    struct ioctl_evtchn_bind_interdomain interdomain = { other, UINT_MAX };
    struct ioctl_evtchn_bind_unbound_port unbound = { other };
    struct ioctl_evtchn_bind_virq virq = { VIRQ_DOM_EXC };

    tell(ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &own) < 0 && errno != EACCES,
         "control evtchn %zu own domain", i);
    tell(ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &interdomain) >= 0 || errno != EACCES,
         "evtchn %zu domain %u", i, other);
    tell(ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound) >= 0,
         "evtchn %zu port for domain %u", i, other);
    tell(ioctl(fd, IOCTL_EVTCHN_BIND_VIRQ, &virq) >= 0, "evtchn %zu virq", i);
}


static void
tryLimits(void)
{
    size_t files;
    size_t processes;
    int fd = dup(0);

    for (files = 0; files < 4096 && fd >= 0; files++)
        fd = dup(0);
    tell(fd >= 0, "more than %zu files", files / 100 * 100);
    closefrom(3);

    for (processes = 0; processes < 4096; processes++) {
        pid_t pid = fork();

        if (pid < 0)
            break;
        if (pid == 0) {
            pause();
            _exit(0);
        }
    }
    tell(processes == 4096, "more than %zu processes", processes / 100 * 100);
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(NULL) > 0)
        ;
}


/* One that stays when the secondary is told to end. */
static void
stay(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        setsid();
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        closefrom(0);
        for (;;)
            pause();
    }

    tell(pid > 0, "control stay");
}


int
main(int argc,
     char **argv)
{
    int privcmds[FILES_MAX];
    int evtchns[FILES_MAX];
    size_t nprivcmds;
    size_t nevtchns;
    size_t i;
    char **paths = argv + 4;

    if (argc < 5)
        return 2;

    victim = atoi(argv[1]);
    domid = atoi(argv[2]);
    ioservid = atoi(argv[3]);
    while (*paths && strcmp(*paths, "--") != 0)
        paths++;
    if (!*paths)
        return 2;
    *paths++ = NULL;

    setpgid(0, 0);
    serve();
    tryNetwork("control ");
    nprivcmds = stealFiles("/dev/xen/privcmd", privcmds);
    nevtchns = stealFiles("/dev/xen/evtchn", evtchns);
    tell(nprivcmds > 0 && nevtchns > 0, "control handles of Xen");

    become();
    tryPrivilege();
    tryNetwork("");
    tryOthers(argv + 4);
    tryPaths(paths);
    for (i = 0; i < nprivcmds; i++)
        tryPrivcmd(privcmds[i], i, domid + 1);
    for (i = 0; i < nevtchns; i++)
        tryEvtchn(evtchns[i], i, 0);
    tryLimits();
    stay();

    puts("end");
    return 0;
}
