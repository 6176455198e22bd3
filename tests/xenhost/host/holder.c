/*
 * holder.c: what the kernel lets somebody do with a file who has it open
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What was opened to be read only must not be written to, whichever call is
 * used, and the other way round.  Nobody may open a file anew with more rights,
 * change what it is for others, be told of what others do with it, or send
 * signals by it.  Which requests of ioctl(2) a file takes is told, not judged:
 * that depends on its driver.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/blktrace_api.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <scsi/sg.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "holder.h"
#include "intruder.h"

#define PAGE 4096

/* Requests that are not made: the first lets QEMU wait where it must not, since
 * the secondary goes on with the same open files, and the second loses events of
 * its guest, which is then hung. */
#define SKIPPED_NONBLOCK FIONBIO
#define SKIPPED_EVTCHN_RESET 0x4505

static char *zeroes; /* a page, and behind it one that nobody may touch */
static int bytes = -1; /* a file of the same */


/**
 * holderPrepare:
 *
 * Has to come first.
 */
void
holderPrepare(void)
{
    zeroes = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (zeroes == MAP_FAILED || mprotect(zeroes + PAGE, PAGE, PROT_NONE) < 0 ||
        (bytes = memfd_create("bytes", 0)) < 0 || write(bytes, zeroes, PAGE) != PAGE)
        die("room");
}


/* Returns whether a page of the file can be mapped for @first and then be made to
 * be for @then. */
static bool
tryMapping(int fd,
           int first,
           int then)
{
    void *addr = mmap(NULL, PAGE, first, MAP_SHARED, fd, 0);
    bool done = addr != MAP_FAILED && mprotect(addr, PAGE, then) == 0;
    int saved = errno;

    if (addr != MAP_FAILED)
        munmap(addr, PAGE);
    errno = saved;
    return done;
}


/* Every way to write to a file. */
static void
tryWriting(int fd,
           const char *what)
{
    struct iovec byte = { zeroes, 1 };
    loff_t zero = 0;
    int fds[2];

    if (pipe(fds) < 0 || write(fds[1], zeroes, 2) != 2)
        die("pipe");

    tell(write(fd, zeroes, 1) == 1, "write to %s", what);
    tell(pwritev2(fd, &byte, 1, -1, 0) == 1, "write a vector to %s", what);
    tell(sendfile(fd, bytes, &(off_t) { 0 }, 1) == 1, "send to %s", what);
    tell(copy_file_range(bytes, &zero, fd, NULL, 1, 0) == 1, "copy to %s", what);
    tell(splice(fds[0], NULL, fd, NULL, 1, SPLICE_F_NONBLOCK) == 1, "splice to %s", what);
    tell(tryMapping(fd, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE), "write by a map to %s", what);
    tell(tryMapping(fd, PROT_READ, PROT_READ | PROT_WRITE), "make a map writable of %s", what);
    tell(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE) == 0, "hole in %s", what);
    tell(fallocate(fd, 0, 0, 2 * PAGE) == 0, "room in %s", what);
    tell(ftruncate(fd, 1) == 0, "shorten %s", what);

    close(fds[0]);
    close(fds[1]);
}


/* Every way to read a file. */
static void
tryReading(int fd,
           const char *what)
{
    struct iovec byte = { zeroes, 1 };
    int fds[2];

    if (pipe(fds) < 0)
        die("pipe");

    tell(read(fd, zeroes, 1) == 1, "read %s", what);
    tell(readv(fd, &byte, 1) == 1, "read a vector of %s", what);
    tell(sendfile(bytes, fd, NULL, 1) == 1, "send from %s", what);
    tell(copy_file_range(fd, NULL, bytes, NULL, 1, 0) == 1, "copy from %s", what);
    tell(splice(fd, NULL, fds[1], NULL, 1, SPLICE_F_NONBLOCK) == 1, "splice from %s", what);
    tell(tryMapping(fd, PROT_READ, PROT_READ), "map %s", what);

    close(fds[0]);
    close(fds[1]);
}


/* Bytes that stay where they are, too. */
static void
tryTeeing(int from,
          int to,
          const char *what)
{
    tell(tee(from, to, 1, SPLICE_F_NONBLOCK) == 1, "tee %s", what);
}


static void
tryPipe(int fd,
        const char *what,
        int access)
{
    int fds[2];

    tell(fcntl(fd, F_GETPIPE_SZ) > 0, "control size of %s", what);
    tell(fcntl(fd, F_SETPIPE_SZ, MIB) >= MIB, "control 1 MiB in %s", what);
    tell(fcntl(fd, F_SETPIPE_SZ, 64 * MIB) >= 0, "64 MiB in %s", what);

    if (pipe(fds) < 0 || write(fds[1], zeroes, 1) != 1)
        die("pipe");
    if (access == O_WRONLY)
        tryTeeing(fd, fds[1], what);
    else
        tryTeeing(fds[0], fd, what);
    close(fds[0]);
    close(fds[1]);
}


/* Whatever it is that is told to other users of the host. */
static bool
tryWatching(int fd)
{
    int group = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC, O_RDONLY);
    bool done = group >= 0 && fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN, fd, NULL) == 0;
    int saved = errno;

    if (group >= 0)
        close(group);
    errno = saved;
    return done;
}


/* Of a file that belongs to somebody else. */
static void
tryAttributes(int fd,
              const char *what,
              const struct stat *sb)
{
    int flags = 0;

    tell(fchmod(fd, 0666) == 0, "mode of %s", what);
    tell(fchown(fd, getuid(), getgid()) == 0, "owner of %s", what);

    if (!S_ISREG(sb->st_mode) && !S_ISBLK(sb->st_mode))
        return;

    tell(ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0, "flags of %s", what);
    tell(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NOATIME) == 0, "time of access of %s", what);
    tell(fcntl(fd, F_SETLEASE, F_RDLCK) == 0, "lease of %s", what);
    /* what anybody may write to or read has no secret */
    if (!(sb->st_mode & S_IWOTH)) {
        tell(futimens(fd, NULL) == 0, "times of %s", what);
        tell(fsetxattr(fd, "user.intruder", "x", 1, 0) == 0, "attribute of %s", what);
    }
    if (!(sb->st_mode & S_IROTH))
        tell(tryWatching(fd), "watch %s", what);
}


/* A signal is sent with the rights of who named the receiver: it arrives where the
 * receiver's own program says so. */
static void
trySignal(int fd,
          const char *what,
          pid_t other)
{
    int flags = fcntl(fd, F_GETFL);
    int owner = fcntl(fd, F_GETOWN);

    errno = EPERM;
    tell(owner != 0, "a receiver of signals that somebody else named for %s", what);

    /* a secondary can name none; who has what it has handed on can */
    if (fcntl(fd, F_SETOWN, other) < 0 && errno == EPERM)
        return;

    if (fcntl(fd, F_SETOWN, other) < 0 || fcntl(fd, F_SETSIG, SIGUSR1) < 0 ||
        fcntl(fd, F_SETFL, flags | O_ASYNC) < 0)
        die("receiver of signals");
    usleep(1000);
    fcntl(fd, F_SETFL, flags);
    fcntl(fd, F_SETSIG, 0);
    fcntl(fd, F_SETOWN, 0);
}


/* What has consequences for others, who use the same device. */
static void
tryBlockDevice(int fd,
               const char *what)
{
    static const struct {
        unsigned long number;
        const char *name;
    } requests[] = {
        { BLKFLSBUF, "BLKFLSBUF" },
        { BLKRRPART, "BLKRRPART" },
        { BLKROSET, "BLKROSET" },
        { BLKRASET, "BLKRASET" },
        { BLKFRASET, "BLKFRASET" },
        { BLKBSZSET, "BLKBSZSET" },
    };
    uint64_t size = 0;
    size_t i;

    tell(ioctl(fd, BLKGETSIZE64, &size) == 0, "control size of %s", what);
    for (i = 0; i < sizeof(requests) / sizeof(*requests); i++)
        tell(ioctl(fd, requests[i].number, zeroes) == 0, "%s of %s", requests[i].name, what);
}


/**
 * holderTryDisk:
 * @fd: a block device
 * @what: its name
 *
 * Tries the requests for which the kernel wants no more than the open device.
 */
void
holderTryDisk(int fd,
              const char *what)
{
    struct blk_user_trace_setup trace = { .buf_size = PAGE, .buf_nr = 2 };

    tell(ioctl(fd, BLKTRACESETUP, &trace) == 0, "trace %s", what);
    tell(ioctl(fd, BLKTRACETEARDOWN) == 0, "end the trace of %s", what);
    tell(ioctl(fd, SG_IO, zeroes) == 0, "SG_IO of %s", what);
    tell(ioctl(fd, LOOP_SET_CAPACITY) == 0, "LOOP_SET_CAPACITY of %s", what);
    tell(ioctl(fd, LOOP_CLR_FD) == 0, "LOOP_CLR_FD of %s", what);
}


/**
 * holderTryOpening:
 * @fd: a file
 * @what: its name
 *
 * Opens the file anew by each name that it may have.
 */
void
holderTryOpening(int fd,
                 const char *what)
{
    struct {
        struct file_handle handle;
        unsigned char room[MAX_HANDLE_SZ];
    } at = { .handle.handle_bytes = MAX_HANDLE_SZ };
    char path[64];
    int mount;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    tell(open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) >= 0, "open to read %s", what);
    tell(open(path, O_RDWR | O_NONBLOCK | O_NOCTTY) >= 0, "open to read and write %s", what);
    tell(inotify_add_watch(inotify_init(), path, IN_OPEN) >= 0, "watch by a name %s", what);
    tell(linkat(fd, "", AT_FDCWD, "/intruder", AT_EMPTY_PATH) == 0, "a name for %s", what);

    /* the kernel asks for the right before it looks at the handle */
    if (name_to_handle_at(fd, "", &at.handle, &mount, AT_EMPTY_PATH) < 0)
        at.handle.handle_bytes = 8;
    tell(open_by_handle_at(fd, &at.handle, O_RDWR) >= 0, "open by a handle %s", what);
}


/**
 * holderTry:
 * @fd: a file that somebody else has opened
 * @what: its name
 * @other: a process that is to be sent no signal
 *
 * Tries what the file is not for.  Leaves it as it was, unless a trial succeeds.
 */
void
holderTry(int fd,
          const char *what,
          pid_t other)
{
    int access = fcntl(fd, F_GETFL) & O_ACCMODE;
    struct stat sb;

    if (fstat(fd, &sb) < 0)
        die(what);

    if (access == O_RDONLY)
        tryWriting(fd, what);
    if (access == O_WRONLY)
        tryReading(fd, what);
    if (S_ISFIFO(sb.st_mode))
        tryPipe(fd, what, access);
    if (S_ISBLK(sb.st_mode))
        tryBlockDevice(fd, what);
    if (S_ISREG(sb.st_mode) && access != O_WRONLY)
        tell(tryMapping(fd, PROT_READ, PROT_READ), "control map %s", what);
    if (sb.st_uid != getuid())
        tryAttributes(fd, what, &sb);
    trySignal(fd, what, other);
}


/**
 * holderTryOwn:
 *
 * The same with files that allow it.
 */
void
holderTryOwn(void)
{
    int fd = memfd_create("own", 0);
    int fds[2];

    if (pipe(fds) < 0 || write(fd, zeroes, PAGE) != PAGE || lseek(fd, 0, SEEK_SET) < 0 ||
        lseek(bytes, 0, SEEK_SET) < 0)
        die("own files");

    tryReading(fd, "memory");
    tryWriting(fd, "memory");
    tell(fcntl(fds[1], F_SETPIPE_SZ, MIB) >= MIB, "1 MiB in pipe");
    tell(fchmod(fd, 0600) == 0, "mode of memory");
    tell(fcntl(fd, F_SETFL, O_NOATIME) == 0, "time of access of memory");
    tell(futimens(fd, NULL) == 0, "times of memory");
    tell(tryWatching(fd), "watch memory");
    close(fds[0]);
    close(fds[1]);
    close(fd);
}


/**
 * holderSend:
 * @socket: a Unix socket
 * @fd: a file
 * @what: its name, which is told with it
 *
 * Returns 0, or -1 with errno set.
 */
int
holderSend(int socket,
           int fd,
           const char *what)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                              .cmsg_len = CMSG_LEN(sizeof(int)) } };
    struct iovec text = { (char *) what, strlen(what) + 1 };
    struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control,
                              .msg_controllen = sizeof(control) };

    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) > 0 ? 0 : -1;
}


/**
 * holderReceive:
 * @socket: a Unix socket that keeps messages apart
 * @what: where the file's name is put
 * @len: how much room that has
 *
 * Returns a file, or -1 at the end.
 */
int
holderReceive(int socket,
              char *what,
              size_t len)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec text = { what, len };
    struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control,
                              .msg_controllen = sizeof(control) };
    int fd = -1;

    if (recvmsg(socket, &message, 0) > 0 && message.msg_controllen >= CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));

    return fd;
}


/**
 * holderTryPassing:
 * @fd: a file
 * @what: its name
 * @socket: a Unix socket with somebody at the other end
 */
void
holderTryPassing(int fd,
                 const char *what,
                 int socket)
{
    tell(holderSend(socket, fd, what) == 0, "control hand on %s", what);
}


static void
tryRequest(int fd,
           unsigned long number)
{
    if (number == SKIPPED_NONBLOCK || number == SKIPPED_EVTCHN_RESET)
        return;

    if (ioctl(fd, number, zeroes) >= 0) {
        printf(" 0x%lx", number);
        memset(zeroes, 0, PAGE);
    }
}


/* All numbers of the types that are those of files which a secondary may have: of any file,
 * disks, SCSI, file systems, loop devices, terminals and taps, sockets and wireless ones, and
 * Xen's drivers. Of every other type the first 32, as all take minutes on an emulated
 * machine. */
static void
tryNumbers(int fd)
{
    static const char types[] = "\x00\x01\x12\x22\x45\x4c\x50\x53\x54\x58\x66\x89\x8b";
    unsigned int type;
    unsigned int number;

    for (type = 0; type <= 0xff; type++) {
        unsigned int n = memchr(types, (int) type, sizeof(types) - 1) ? 0x100 : 0x20;

        for (number = 0; number < n; number++)
            tryRequest(fd, type << 8 | number);
    }
}


/**
 * holderTryRequests:
 * @fd: a file
 * @what: its name
 *
 * Tells of each ioctl(2) that succeeds: of those that have no direction and no size
 * of an argument in their number, and of those of Xen's drivers, which have a size.
 */
void
holderTryRequests(int fd,
                  const char *what)
{
    unsigned long number;
    unsigned long size;

    memset(zeroes, 0, PAGE);
    printf("%srequests of %s:", prefix, what);
    tryNumbers(fd);
    for (size = 1; size <= 64; size++) {
        for (number = 0; number < 32; number++) {
            tryRequest(fd, _IOC(_IOC_NONE, 'P', number, size));
            tryRequest(fd, _IOC(_IOC_NONE, 'E', number, size));
        }
    }
    printf("\n");
    fflush(stdout);
}
