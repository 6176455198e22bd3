/*
 * intruder.c: what somebody could do who has taken over a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   intruder PID DOMID IOSERVID OTHER-PID... -- PATH...
 *
 * Takes over the process PID, a secondary of domain DOMID with the given ioreq
 * server, as a bug in it would be taken over: with the help of ptrace(2) the
 * process forks, and the child executes this program from memory with all files
 * open that the secondary has.  So the kernel judges the secondary itself, with
 * its filters, limits, namespaces, root, user and group.  There, what must not be
 * possible is tried: with every file, whatever its holder might do with it; to
 * signal or trace the other processes, to open or connect to the paths, to reach
 * the host's network, to reach other domains.
 *
 * So that a trial that cannot succeed is not taken for a promise, the same is
 * tried from outside, or on the secondary's own domain.  What takes a file is
 * tried with files of this program's own, in a process that has the secondary's
 * user, namespaces and root, but no filter.
 *
 * What a secondary hands on is tried by a process that has the secondary's user,
 * namespaces and root, but no filter.
 *
 * Prints "NAME: ERROR" or "NAME: done" for each trial, "requests of FILE: NUMBER..."
 * with the ioctls that a file takes, and "end".  Trials that have to succeed begin
 * with "control".
 */

#define _GNU_SOURCE
#define __XEN_TOOLS__ 1

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
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

#include "holder.h"
#include "intruder.h"
#include "takeover.h"

#define FILES_MAX 128

static domid_t domid; /* of the secondary */
static ioservid_t ioservid; /* its ioreq server */
static pid_t outside; /* the process that serves, and gets no signal */

static struct sockaddr_in tcp = { .sin_family = AF_INET };
static struct sockaddr_un abstract = { .sun_family = AF_UNIX, .sun_path = "\0intruder" };
static struct sockaddr_un taken = { .sun_family = AF_UNIX, .sun_path = "\0taken" };

static volatile sig_atomic_t signalled;

const char *prefix = "";


void
tell(bool done,
     const char *fmt,
     ...)
{
    int saved = errno;
    va_list ap;

    printf("%s", prefix);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);

    printf(": %s\n", done ? "done" : strerrorname_np(saved));
    fflush(stdout);
}


void
die(const char *what)
{
    perror(what);
    exit(1);
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
tryNetwork(void)
{
    tell(tryConnect(&tcp, sizeof(tcp), AF_INET, SOCK_STREAM), "tcp");
    tell(tryConnect(&abstract, sizeof(abstract), AF_UNIX, SOCK_STREAM), "abstract socket");
}


/* What a socket that was handed over could become. */
static bool
tryTurn(int fd)
{
    struct sockaddr none = { .sa_family = AF_UNSPEC };

    return connect(fd, &none, sizeof(none)) == 0 &&
           connect(fd, (struct sockaddr *) &tcp, sizeof(tcp)) == 0;
}


/* The same without connect(): one that does not listen any more, for which the
 * other end need not be asked first. */
static bool
tryTurnBySending(int fd)
{
    return shutdown(fd, SHUT_RD) == 0 &&
           sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *) &tcp, sizeof(tcp)) == 1;
}


static bool
tryTakeName(int fd)
{
    return bind(fd, (struct sockaddr *) &taken, sizeof(taken)) == 0;
}


static bool
tryInterfaces(int fd)
{
    struct ifreq requests[16];
    struct ifconf conf = { .ifc_len = sizeof(requests), .ifc_req = requests };

    return ioctl(fd, SIOCGIFCONF, &conf) == 0;
}


static void
trySocket(int fd,
          const char *what)
{
    struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof(addr);

    tell(getsockname(fd, (struct sockaddr *) &addr, &len) == 0, "control name of %s", what);
    tell(tryInterfaces(fd), "interfaces of the network of %s", what);

    if (addr.ss_family == AF_UNIX)
        tell(tryTakeName(fd), "another name for %s", what);

    tell(listen(fd, 1) == 0, "listen on %s", what);

    if (addr.ss_family == AF_INET || addr.ss_family == AF_INET6)
        tell(tryTurn(fd), "connection of %s", what);
}


static void
tryTap(int fd,
       const char *what)
{
    struct ifreq name = { 0 };
    struct ifreq mac = { .ifr_hwaddr = { ARPHRD_ETHER, { 2, 0, 0, 0, 0, 1 } } };
    int carrier = 0;

    tell(ioctl(fd, TUNGETIFF, &name) == 0, "control name of %s", what);
    tell(ioctl(fd, TUNSETOFFLOAD, 0) == 0, "control offloads of %s", what);
    tell(ioctl(fd, SIOCSIFHWADDR, &mac) == 0, "MAC of %s", what);
    tell(ioctl(fd, TUNSETCARRIER, &carrier) == 0, "carrier of %s", what);
    tell(ioctl(fd, TUNSETPERSIST, 1) == 0, "persistence of %s", what);
    tell(ioctl(fd, TUNSETOWNER, getuid()) == 0, "owner of %s", what);
    tell(ioctl(fd, TUNSETGROUP, getgid()) == 0, "group of %s", what);
}


/* Space on a file system of the host, or what others wrote. */
static void
tryFile(int fd,
        const char *what)
{
    static char buf[MIB];

    tell(write(fd, buf, MIB) == MIB, "1 MiB in %s", what);
    tell(fallocate(fd, 0, 0, 2 * MIB) == 0, "space of %s", what);
    tell(fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && pwrite(fd, "x", 1, 0) == 1,
         "first byte of %s", what);
    tell(ftruncate(fd, 0) == 0, "end of %s", what);
}


/* What others lock, too: the bytes are those that QEMUs lock (block/file-posix.c). */
static void
tryLock(int fd,
        const char *what)
{
    struct flock bytes = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 200, .l_len = 8 };
    struct flock open_bytes = bytes;

    tell(fcntl(fd, F_SETLK, &bytes) == 0, "lock on %s", what);
    tell(fcntl(fd, F_OFD_SETLK, &open_bytes) == 0, "lock that goes with %s", what);
    tell(flock(fd, LOCK_SH | LOCK_NB) == 0, "lock on all of %s", what);
}


static void
tryTerminal(int fd,
            const char *what)
{
    int discipline = 0;

    tell(isatty(fd), "control terminal %s", what);
    tell(ioctl(fd, TIOCSETD, &discipline) == 0, "discipline of %s", what);
}


static void
onSignal(int sig)
{
    (void) sig;
    signalled = 1;
}


/* Input on a pipe is a signal to whom the pipe names. */
static bool
trySignalByFile(pid_t pid)
{
    bool done;
    int fds[2];

    if (pipe(fds) < 0)
        die("pipe");

    done = fcntl(fds[0], F_SETOWN, pid) == 0 &&
           fcntl(fds[0], F_SETSIG, SIGUSR1) == 0 &&
           fcntl(fds[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0 &&
           write(fds[1], "x", 1) == 1;

    close(fds[0]);
    close(fds[1]);
    return done;
}


/* Returns a child that lives until the other end of a pipe is closed, as nobody may signal it;
 * -1 for none. */
static pid_t
forkUntilClosed(const int *fds)
{
    pid_t pid = fork();
    char byte;

    if (pid == 0) {
        close(fds[1]);
        while (read(fds[0], &byte, 1) < 0)
            ;
        _exit(0);
    }

    return pid;
}


/* The file of another process: here one that is its own, after it has become another
 * user. */
static void
tryGetFile(void)
{
    int fds[2];
    pid_t pid;

    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (pipe(fds) < 0)
        die("pipe");

    pid = forkUntilClosed(fds);
    tell(syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), 0, 0) >= 0, "file of a child");
    tell(kill(pid, 0) == 0, "signal a child");
    close(fds[0]);
    close(fds[1]);
    waitpid(pid, NULL, 0);
}


/* What takes no file. */
static void
tryNew(void)
{
    struct io_uring_params params = { 0 };

    int fds[2];

    tell(socket(AF_UNIX, SOCK_DGRAM, 0) >= 0, "socket");
    tell(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0, "pair of sockets");
    tell(syscall(SYS_io_uring_setup, 1, &params) >= 0, "io_uring");
    tell(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1) >= 0, "keys");
}


static void
getIDs(pid_t pid,
       uid_t *uid,
       gid_t *gid)
{
    char path[64];
    char line[256];
    FILE *status;

    snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
    if (!(status = fopen(path, "r")))
        die(path);

    while (fgets(line, sizeof(line), status)) {
        sscanf(line, "Uid: %u", uid);
        sscanf(line, "Gid: %u", gid);
    }
    fclose(status);
}


/* From here on this process is like @pid, but for the filter. */
static void
become(pid_t pid)
{
    int pidfd = syscall(SYS_pidfd_open, pid, 0);
    char path[64];
    uid_t uid = 0;
    gid_t gid = 0;
    int cap;

    getIDs(pid, &uid, &gid);
    snprintf(path, sizeof(path), "/proc/%d/root", (int) pid);
    if (setns(pidfd, CLONE_NEWNET | CLONE_NEWIPC) < 0 || chdir(path) < 0 || chroot(".") < 0)
        die("namespaces and root");

    for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setgroups(1, &gid) < 0 ||
        setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        die("credentials");
}


/* That the trials with files can succeed: with files of the same kinds, which were
 * opened in the network and the file system of the host. */
static void
tryOwnFiles(pid_t victim)
{
    struct ifreq name = { .ifr_name = "intruder", .ifr_flags = IFF_TAP | IFF_NO_PI };
    int listening[2] = { socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0) };
    int unnamed = socket(AF_UNIX, SOCK_STREAM, 0);
    int tap = open("/dev/net/tun", O_RDWR);
    int file = open("/run/intruder", O_RDWR | O_CREAT | O_APPEND, 0600);
    int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    int nameless = open("/", O_RDWR | O_TMPFILE, 0600);

    unlink("/run/intruder");
    if (ioctl(tap, TUNSETIFF, &name) < 0 || listen(listening[1], 1) < 0)
        die("own files");

    prefix = "control own ";
    holderTryOpening(nameless, "file");
    unlink("/intruder");
    signal(SIGUSR1, onSignal);
    become(victim);
    holderTryOwn();
    tryGetFile();
    trySocket(listening[0], "listener");
    tell(tryTurnBySending(listening[1]), "connection by sending");
    trySocket(unnamed, "unnamed socket");
    tryTap(tap, "tap");
    tell(ioctl(tap, TUNSETPERSIST, 0) == 0, "end of the tap");
    tryFile(file, "file");
    tryLock(file, "file");
    tryTerminal(terminal, "terminal");
    tell(trySignalByFile(getpid()) && signalled, "signal by a file");
    tryNew();
}


/* Returns the socket by which the secondary can hand something on, or -1: the one
 * that is connected to a service with a path. */
static int
findService(char **files)
{
    struct sockaddr_un addr;

    for (; *files; files++) {
        socklen_t len = sizeof(addr);

        memset(&addr, 0, sizeof(addr));
        if (getpeername(atoi(*files), (struct sockaddr *) &addr, &len) == 0 &&
            addr.sun_family == AF_UNIX && addr.sun_path[0] == '/')
            return atoi(*files);
    }

    return -1;
}


/* Returns whether requests for two files come to the same driver: the same device, file
 * system, or family of sockets that listen or do not. */
static bool
isSameKind(int one,
           int other)
{
    int options[] = { SO_DOMAIN, SO_ACCEPTCONN };
    struct stat sbs[2];
    size_t i;

    if (fstat(one, &sbs[0]) < 0 || fstat(other, &sbs[1]) < 0 ||
        (sbs[0].st_mode & S_IFMT) != (sbs[1].st_mode & S_IFMT))
        return false;

    if (S_ISCHR(sbs[0].st_mode) || S_ISBLK(sbs[0].st_mode))
        return sbs[0].st_rdev == sbs[1].st_rdev;

    for (i = 0; S_ISSOCK(sbs[0].st_mode) && i < 2; i++) {
        int values[2] = { 0 };
        socklen_t len = sizeof(int);

        getsockopt(one, SOL_SOCKET, options[i], &values[0], &len);
        getsockopt(other, SOL_SOCKET, options[i], &values[1], &len);
        if (values[0] != values[1])
            return false;
    }

    return sbs[0].st_dev == sbs[1].st_dev;
}


/* Of files of one kind the first.  What every process can make or open is left out. */
static void
tryRequests(char **files)
{
    size_t i;
    size_t n;

    for (i = 0; files[i]; i++) {
        if (strstr(files[i], "=anon_inode:") || strstr(files[i], "=/memfd:") ||
            strstr(files[i], "=/dev/null") || strstr(files[i], "=/dev/zero"))
            continue;

        for (n = 0; n < i && !isSameKind(atoi(files[n]), atoi(files[i])); n++)
            ;
        if (n == i)
            holderTryRequests(atoi(files[i]), files[i]);
    }
}


/* Each file of the secondary, as NUMBER=TARGET. */
static void
tryFiles(char **files)
{
    int service = findService(files);

    for (; *files; files++) {
        const char *target = strchr(*files, '=') + 1;
        int fd = atoi(*files);

        tryLock(fd, *files);
        holderTry(fd, *files, outside);
        holderTryOpening(fd, *files);
        holderTryPassing(fd, *files, service);
        if (strncmp(target, "socket:", 7) == 0) {
            trySocket(fd, *files);
            tell(tryTurnBySending(fd), "connection by sending of %s", *files);
        } else if (strcmp(target, "/dev/net/tun") == 0) {
            tryTap(fd, *files);
        } else if (strcmp(target, "/dev/ptmx") == 0) {
            tryTerminal(fd, *files);
        } else if (strncmp(target, "/dev/loop", 9) == 0) {
            holderTryDisk(fd, *files);
        } else if (strncmp(target, "/run/", 5) == 0 || strncmp(target, "/var/log/", 9) == 0) {
            tryFile(fd, *files);
        }
    }
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


/* The parent of a secondary is the daemon, which would have zombies to wait for. */
static void
tryParent(void)
{
    long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);

    tell(pid > 0, "child of the parent");
}


static void
tryOthers(char **pids)
{
    for (; *pids; pids++) {
        pid_t pid = atoi(*pids);

        tell(kill(pid, 0) == 0, "signal %d", (int) pid);
        tell(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0, "trace %d", (int) pid);
        tell(syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), 0, 0) >= 0,
             "file of %d", (int) pid);
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


/* The secondary's handles of Xen. */
static void
tryXen(char **files)
{
    size_t nprivcmds = 0;
    size_t nevtchns = 0;

    for (; *files; files++) {
        if (strstr(*files, "=/dev/xen/privcmd"))
            tryPrivcmd(atoi(*files), nprivcmds++, domid + 1);
        else if (strstr(*files, "=/dev/xen/evtchn"))
            tryEvtchn(atoi(*files), nevtchns++, 0);
    }

    tell(nprivcmds > 0 && nevtchns > 0, "control handles of Xen");
}


/* Everything that @victim has open is handed on, to @socket. */
static void
handOn(pid_t victim,
       int socket)
{
    int pidfd = syscall(SYS_pidfd_open, victim, 0);
    struct dirent *entry;
    char path[64];
    char what[PATH_MAX];
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int) victim);
    if (!(dir = opendir(path)))
        die(path);

    while ((entry = readdir(dir))) {
        int len = snprintf(what, sizeof(what), "%s=", entry->d_name);
        ssize_t rest = readlinkat(dirfd(dir), entry->d_name, what + len, sizeof(what) - len - 1);
        int fd;

        if (rest <= 0)
            continue;

        fd = syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);
        what[len + rest] = '\0';
        if (fd < 0 || holderSend(socket, fd, what) < 0)
            die(what);
        close(fd);
    }

    closedir(dir);
}


/* Tries what comes from @socket, under the numbers that it has here. */
static void
tryHandedOn(int socket)
{
    char *files[FILES_MAX + 1] = { NULL };
    char what[PATH_MAX];
    size_t n;
    int fd;

    for (n = 0; n < FILES_MAX && (fd = holderReceive(socket, what, sizeof(what))) >= 0; n++) {
        if (asprintf(&files[n], "%d%s", fd, strchr(what, '=')) < 0)
            die("memory");
        holderTry(fd, files[n], outside);
        holderTryOpening(fd, files[n]);
    }

    tell(n > 0 && n < FILES_MAX, "control number of files");
    tryXen(files);
}


/* To somebody of the same user who has no filter. */
static void
tryHandingOn(pid_t victim)
{
    pid_t pid;
    int status = -1;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
        die("sockets");

    if ((pid = fork()) == 0) {
        close(fds[0]);
        prefix = "handed on: ";
        become(victim);
        tryHandedOn(fds[1]);
        exit(0);
    }

    close(fds[1]);
    handOn(victim, fds[0]);
    close(fds[0]);
    tell(waitpid(pid, &status, 0) == pid && status == 0, "control handing on");
}


static void
tryLimits(void)
{
    size_t files;
    size_t processes;
    int fd = dup(0);
    int fds[2];

    for (files = 0; files < 4096 && fd >= 0; files++)
        fd = dup(0);
    tell(fd >= 0, "more than %zu files", files / 100 * 100);
    closefrom(3);

    if (pipe(fds) < 0)
        die("pipe");

    for (processes = 0; processes < 4096 && forkUntilClosed(fds) > 0; processes++)
        ;
    tell(processes == 4096, "more than %zu processes", processes / 100 * 100);
    close(fds[0]);
    close(fds[1]);
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


/* Cuts the list at the next "--"; returns what follows it. */
static char **
cut(char **args)
{
    while (*args && strcmp(*args, "--") != 0)
        args++;
    if (!*args)
        exit(2);

    *args = NULL;
    return args + 1;
}


/* inside PORT DOMID IOSERVID OUTSIDE OTHER-PID... -- PATH... -- FILE... */
static int
runInside(char **args)
{
    char **paths = cut(args + 5);
    char **files = cut(paths);

    tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tcp.sin_port = htons(atoi(args[1]));
    domid = atoi(args[2]);
    ioservid = atoi(args[3]);
    outside = atoi(args[4]);

    setpgid(0, 0);
    holderPrepare();
    tell(getuid() > 0, "control become %u", getuid());
    tryPrivilege();
    tryParent();
    tryNetwork();
    tryNew();
    tryOthers(args + 5);
    tryPaths(paths);
    tryXen(files);
    trySignalByFile(outside);
    tryFiles(files);
    tryRequests(files);
    tryLimits();
    stay();
    return 0;
}


static void
controls(pid_t victim)
{
    pid_t pid;
    int status = -1;

    prefix = "control ";
    tryNetwork();
    prefix = "";

    if ((pid = fork()) == 0) {
        prefix = "control ";
        tryParent();
        prefix = "";
        tryOwnFiles(victim);
        exit(0);
    }

    tell(waitpid(pid, &status, 0) == pid && status == 0, "control trials");
}


/* PID DOMID IOSERVID OTHER-PID... -- PATH... */
static int
runOutside(char **args)
{
    char *inside[64] = { (char *) "intruder", (char *) "inside" };
    char port[16];
    char self[16];
    char buf[4096];
    ssize_t len;
    size_t n;
    int output;

    signal(SIGUSR1, onSignal);
    domid = atoi(args[1]);
    ioservid = atoi(args[2]);
    outside = getpid();
    holderPrepare();
    serve();
    controls(atoi(args[0]));
    tryHandingOn(atoi(args[0]));

    snprintf(port, sizeof(port), "%u", ntohs(tcp.sin_port));
    snprintf(self, sizeof(self), "%d", (int) getpid());
    inside[2] = port;
    inside[3] = args[1];
    inside[4] = args[2];
    inside[5] = self;
    for (n = 0; args[n + 3] && n < 50; n++)
        inside[6 + n] = args[n + 3];

    output = takeOver(atoi(args[0]), inside);
    while ((len = read(output, buf, sizeof(buf))) > 0)
        fwrite(buf, len, 1, stdout);

    errno = EPERM;
    tell(signalled, "signal by a file");
    puts("end");
    return 0;
}


int
main(int argc,
     char **argv)
{
    if (argc < 6)
        return 2;

    setbuf(stdout, NULL);
    return strcmp(argv[1], "inside") == 0 ? runInside(argv + 1) : runOutside(argv + 1);
}
