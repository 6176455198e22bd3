/*
 * libxl_devicemodel_seccomp.c: the system calls that a secondary is refused
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stddef.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libxl_devicemodel_seccomp.h"

#if defined(__x86_64__)
# define LIBXL_DEVICE_MODEL_SECCOMP_ARCH AUDIT_ARCH_X86_64
/* set in the numbers of x32, which has the same AUDIT_ARCH */
# define LIBXL_DEVICE_MODEL_SECCOMP_X32 0x40000000
#elif defined(__i386__)
# define LIBXL_DEVICE_MODEL_SECCOMP_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
# define LIBXL_DEVICE_MODEL_SECCOMP_ARCH AUDIT_ARCH_AARCH64
#endif

/* The same on every architecture that Xen runs on. */
#define LIBXL_DEVICE_MODEL_SECCOMP_PIDFD_SEND_SIGNAL 424
#define LIBXL_DEVICE_MODEL_SECCOMP_IO_URING_SETUP 425
#define LIBXL_DEVICE_MODEL_SECCOMP_IO_URING_ENTER 426
#define LIBXL_DEVICE_MODEL_SECCOMP_IO_URING_REGISTER 427
#define LIBXL_DEVICE_MODEL_SECCOMP_CLONE3 435
#define LIBXL_DEVICE_MODEL_SECCOMP_PIDFD_GETFD 438
#define LIBXL_DEVICE_MODEL_SECCOMP_FCHMODAT2 452

/* The kernel takes flags and requests as 32 bits: the low half of an argument,
 * which comes first where bytes are ordered as on x86 and ARM. */
#define LOAD(field) \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

#define ALLOW \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

#define REFUSE(error) \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

/* Refuse where what was loaded is @value. */
#define REFUSE_IF(value, error) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), \
    REFUSE(error)

#define ALLOW_IF(value) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), \
    ALLOW

/* Where the system call is @nr, look at its argument @arg by so many @checks, which refuse or
 * allow by two instructions each, and allow it otherwise.  What was loaded is a system call's
 * number before and, for others, afterwards. */
#define IN_CALL(nr, arg, checks, ...) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 2 * (checks) + 2), \
    LOAD(args[arg]), \
    __VA_ARGS__, \
    ALLOW

/* Refuse system call @nr where its first argument is not @value. */
#define REFUSE_UNLESS(nr, value) \
    IN_CALL(nr, 0, 1, \
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 1, 0), \
            REFUSE(EPERM))

/* Refuse system call @nr where its argument @arg has a bit of @flags. */
#define REFUSE_FLAGS(nr, arg, flags) \
    IN_CALL(nr, arg, 1, \
            BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (flags), 0, 1), \
            REFUSE(EPERM))

/* Refuse all of another ABI, whose numbers are others. */
#ifdef LIBXL_DEVICE_MODEL_SECCOMP_ARCH
# define REFUSE_OTHER_ARCH \
    LOAD(arch), \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LIBXL_DEVICE_MODEL_SECCOMP_ARCH, 1, 0), \
    REFUSE(EPERM),
#else
# define REFUSE_OTHER_ARCH
#endif
#ifdef LIBXL_DEVICE_MODEL_SECCOMP_X32
# define REFUSE_X32 \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, LIBXL_DEVICE_MODEL_SECCOMP_X32, 0, 1), \
    REFUSE(EPERM),
#else
# define REFUSE_X32
#endif

/* The first of a filter, which ends with a comma: the system call's number is loaded. */
#define BEGIN \
    REFUSE_OTHER_ARCH \
    LOAD(nr), \
    REFUSE_X32

/* The commands by which fcntl locks a file or is told of its use: F_SETLK and
 * F_SETLKW, the same with 64 bits on an architecture of 32, the locks that belong
 * to an open file, F_SETLEASE. */
#define LOCK_SET 6
#define LOCK_SET_WAIT 7
#define LOCK_SET64 13
#define LOCK_SET64_WAIT 14
#define LOCK_OFD_SET 37
#define LOCK_OFD_SET_WAIT 38
#define LOCK_LEASE 1024

/* Refuse system call @nr, which is a fcntl, where it locks. */
#define REFUSE_LOCKS(nr) \
    IN_CALL(nr, 1, 7, \
            REFUSE_IF(LOCK_SET, EPERM), \
            REFUSE_IF(LOCK_SET_WAIT, EPERM), \
            REFUSE_IF(LOCK_SET64, EPERM), \
            REFUSE_IF(LOCK_SET64_WAIT, EPERM), \
            REFUSE_IF(LOCK_OFD_SET, EPERM), \
            REFUSE_IF(LOCK_OFD_SET_WAIT, EPERM), \
            REFUSE_IF(LOCK_LEASE, EPERM))

/* The commands by which fcntl has the kernel signal somebody of what happens to a file:
 * F_SETOWN, F_SETSIG, F_SETOWN_EX. */
#define SIGNAL_SET_OWNER 8
#define SIGNAL_SET 10
#define SIGNAL_SET_OWNER_EX 15

/* Refuse system call @nr, which is a fcntl, where it has somebody signalled. */
#define REFUSE_SIGNALS(nr) \
    IN_CALL(nr, 1, 3, \
            REFUSE_IF(SIGNAL_SET_OWNER, EPERM), \
            REFUSE_IF(SIGNAL_SET, EPERM), \
            REFUSE_IF(SIGNAL_SET_OWNER_EX, EPERM))

/* The second byte of an ioctl's request names the kind of device. */
#define REQUEST_TERMINAL 'T' /* of taps, too, which begin at the next number */
#define REQUEST_TAP_FIRST 200 /* in the first byte */
#define REQUEST_SCSI 0x00 /* of file systems, too, which tell where a file is on a disk */
#define REQUEST_BLOCK 0x12
#define REQUEST_SG 0x22
#define REQUEST_LOOP 0x4c
#define REQUEST_NVME 0x4e
#define REQUEST_CDROM 0x53
#define REQUEST_RESERVATION 0x70
#define REQUEST_SOCKET 0x89
#define REQUEST_WIRELESS 0x8b
#define REQUEST_BTRFS 0x94

/* The first byte of a block device's requests that trace all of its disk:
 * BLKTRACESETUP and the three after it, BLKTRACESETUP2 */
#define REQUEST_TRACE_SETUP 115
#define REQUEST_TRACE_START 116
#define REQUEST_TRACE_STOP 117
#define REQUEST_TRACE_TEARDOWN 118
#define REQUEST_TRACE_SETUP2 142


#ifdef LIBXL_DEVICE_MODEL_SECCOMP_ARCH

static struct sock_filter libxlDeviceModelSeccompSealed[] = {
    BEGIN
    REFUSE_IF(SYS_socket, EPERM),
    REFUSE_IF(SYS_socketpair, EPERM),
    REFUSE_IF(SYS_connect, EPERM),
    REFUSE_IF(SYS_bind, EPERM),
    REFUSE_IF(SYS_listen, EPERM),
# ifdef SYS_socketcall
    REFUSE_IF(SYS_socketcall, EPERM),
# endif
    REFUSE_IF(LIBXL_DEVICE_MODEL_SECCOMP_IO_URING_SETUP, EPERM),
    REFUSE_IF(LIBXL_DEVICE_MODEL_SECCOMP_IO_URING_ENTER, EPERM),
    REFUSE_IF(LIBXL_DEVICE_MODEL_SECCOMP_IO_URING_REGISTER, EPERM),
    REFUSE_IF(SYS_ptrace, EPERM),
    REFUSE_IF(SYS_add_key, EPERM),
    REFUSE_IF(SYS_request_key, EPERM),
    REFUSE_IF(SYS_keyctl, EPERM),

    REFUSE_IF(LIBXL_DEVICE_MODEL_SECCOMP_CLONE3, ENOSYS),
    REFUSE_FLAGS(SYS_clone, 0, CLONE_PARENT),

    REFUSE_FLAGS(SYS_sendto, 3, MSG_FASTOPEN),
    REFUSE_FLAGS(SYS_sendmsg, 2, MSG_FASTOPEN),
    REFUSE_FLAGS(SYS_sendmmsg, 3, MSG_FASTOPEN),

    REFUSE_IF(SYS_flock, EPERM),
    REFUSE_LOCKS(SYS_fcntl),
# ifdef SYS_fcntl64
    REFUSE_LOCKS(SYS_fcntl64),
# endif

    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0),
    ALLOW,
    LOAD(args[1]),
    REFUSE_IF(TIOCSTI, EPERM),
    REFUSE_IF(TIOCLINUX, EPERM),
    REFUSE_IF(TIOCSETD, EPERM),
    ALLOW_IF(TUNGETFEATURES),
    ALLOW_IF(TUNGETIFF),
    ALLOW_IF(TUNSETOFFLOAD),
    ALLOW_IF(TUNGETSNDBUF),
    ALLOW_IF(TUNSETSNDBUF),
    ALLOW_IF(TUNGETVNETHDRSZ),
    ALLOW_IF(TUNSETVNETHDRSZ),
    ALLOW_IF(TUNGETVNETLE),
    ALLOW_IF(TUNSETVNETLE),
    ALLOW_IF(TUNGETVNETBE),
    ALLOW_IF(TUNSETVNETBE),

    BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 8),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
    REFUSE_IF(REQUEST_SCSI, EPERM),
    REFUSE_IF(REQUEST_SG, EPERM),
    REFUSE_IF(REQUEST_LOOP, EPERM),
    REFUSE_IF(REQUEST_NVME, EPERM),
    REFUSE_IF(REQUEST_CDROM, EPERM),
    REFUSE_IF(REQUEST_RESERVATION, EPERM),
    REFUSE_IF(REQUEST_SOCKET, EPERM),
    REFUSE_IF(REQUEST_WIRELESS, EPERM),
    REFUSE_IF(REQUEST_BTRFS, EPERM),

    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, REQUEST_BLOCK, 0, 13),
    LOAD(args[1]),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
    REFUSE_IF(REQUEST_TRACE_SETUP, EPERM),
    REFUSE_IF(REQUEST_TRACE_START, EPERM),
    REFUSE_IF(REQUEST_TRACE_STOP, EPERM),
    REFUSE_IF(REQUEST_TRACE_TEARDOWN, EPERM),
    REFUSE_IF(REQUEST_TRACE_SETUP2, EPERM),
    ALLOW,

    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, REQUEST_TERMINAL, 1, 0),
    ALLOW,
    LOAD(args[1]),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, REQUEST_TAP_FIRST, 0, 1),
    REFUSE(EPERM),
    ALLOW,
};

#endif


/* Takes no_new_privs or CAP_SYS_ADMIN. */
static long
libxlDeviceModelSeccompLoad(struct sock_filter *filter,
                            size_t len,
                            unsigned int flags)
{
    struct sock_fprog program = { .len = len / sizeof(*filter), .filter = filter };

    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}


/**
 * libxlDeviceModelSeccompConfine:
 * @uid: the user and group that the emulator becomes
 *
 * Let the calling thread, and what it executes, find no io_uring, do nothing to another
 * process, and become nobody else.  For the process that becomes the emulator, while it has
 * CAP_SYS_ADMIN: no_new_privs would be too early (libxl_devicemodel_privilege.h).
 *
 * Returns 0, or -1 with errno set.
 */
int
libxlDeviceModelSeccompConfine(uid_t uid)
{
    pid_t pid = getpid();
    struct sock_filter filter[] = {
        BEGIN
        /* as on a kernel that has no such thing */
        REFUSE_IF(LIBXL_DEVICE_MODEL_SECCOMP_IO_URING_SETUP, ENOSYS),

        /* abort() signals its own thread, and libc all threads to become another user */
        REFUSE_UNLESS(SYS_kill, pid),
        REFUSE_UNLESS(SYS_tgkill, pid),
        REFUSE_SIGNALS(SYS_fcntl),
#ifdef SYS_fcntl64
        REFUSE_SIGNALS(SYS_fcntl64),
#endif
        REFUSE_IF(SYS_tkill, EPERM),
        REFUSE_IF(SYS_rt_sigqueueinfo, EPERM),
        REFUSE_IF(SYS_rt_tgsigqueueinfo, EPERM),
        REFUSE_IF(LIBXL_DEVICE_MODEL_SECCOMP_PIDFD_SEND_SIGNAL, EPERM),
        REFUSE_IF(LIBXL_DEVICE_MODEL_SECCOMP_PIDFD_GETFD, EPERM),
        REFUSE_IF(SYS_ptrace, EPERM),
        REFUSE_IF(SYS_process_vm_readv, EPERM),
        REFUSE_IF(SYS_process_vm_writev, EPERM),
        REFUSE_UNLESS(SYS_prlimit64, 0),
        REFUSE_IF(SYS_setpriority, EPERM),
        REFUSE_IF(SYS_ioprio_set, EPERM),
        REFUSE_IF(SYS_sched_setparam, EPERM),
        REFUSE_IF(SYS_sched_setscheduler, EPERM),
        REFUSE_IF(SYS_sched_setattr, EPERM),
        REFUSE_IF(SYS_sched_setaffinity, EPERM),

        REFUSE_UNLESS(SYS_setuid, uid),
        REFUSE_UNLESS(SYS_setgid, uid),
        REFUSE_IF(SYS_setreuid, EPERM),
        REFUSE_IF(SYS_setregid, EPERM),
        REFUSE_IF(SYS_setresuid, EPERM),
        REFUSE_IF(SYS_setresgid, EPERM),
        REFUSE_IF(SYS_setfsuid, EPERM),
        REFUSE_IF(SYS_setfsgid, EPERM),
#ifdef SYS_setuid32
        REFUSE_UNLESS(SYS_setuid32, uid),
        REFUSE_UNLESS(SYS_setgid32, uid),
        REFUSE_IF(SYS_setreuid32, EPERM),
        REFUSE_IF(SYS_setregid32, EPERM),
        REFUSE_IF(SYS_setresuid32, EPERM),
        REFUSE_IF(SYS_setresgid32, EPERM),
        REFUSE_IF(SYS_setfsuid32, EPERM),
        REFUSE_IF(SYS_setfsgid32, EPERM),
#endif

#ifdef SYS_chmod
        REFUSE_IF(SYS_chmod, EPERM),
#endif
        REFUSE_IF(SYS_fchmod, EPERM),
        REFUSE_IF(SYS_fchmodat, EPERM),
        REFUSE_IF(LIBXL_DEVICE_MODEL_SECCOMP_FCHMODAT2, EPERM),
        REFUSE_IF(SYS_setxattr, EPERM),
        REFUSE_IF(SYS_lsetxattr, EPERM),
        REFUSE_IF(SYS_fsetxattr, EPERM),
        REFUSE_IF(SYS_add_key, EPERM),
        REFUSE_IF(SYS_request_key, EPERM),
        REFUSE_IF(SYS_keyctl, EPERM),

        IN_CALL(SYS_ioctl, 1, 2,
                REFUSE_IF(FIOSETOWN, EPERM),
                REFUSE_IF(SIOCSPGRP, EPERM)),
        ALLOW,
    };

    return libxlDeviceModelSeccompLoad(filter, sizeof(filter), 0);
}


/**
 * libxlDeviceModelSeccompSeal:
 *
 * Refuse the rest to all threads of the process, which has set no_new_privs.
 *
 * Returns 0, or -1 with errno set: ESRCH where a thread has a filter of its own
 * and cannot take this one, ENOSYS on an architecture without one.
 */
int
libxlDeviceModelSeccompSeal(void)
{
#ifdef LIBXL_DEVICE_MODEL_SECCOMP_ARCH
    long rc = libxlDeviceModelSeccompLoad(libxlDeviceModelSeccompSealed,
                                          sizeof(libxlDeviceModelSeccompSealed),
                                          SECCOMP_FILTER_FLAG_TSYNC);

    /* the id of the thread */
    if (rc > 0)
        errno = ESRCH;

    return rc == 0 ? 0 : -1;
#else
    errno = ENOSYS;
    return -1;
#endif
}
