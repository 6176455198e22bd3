/*
 * libxl_devicemodel_lock.c: keeps others out of the images of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libxl_devicemodel_lock.h"

#include "viralloc.h"
#include "virfile.h"
#include "virlog.h"
#include "virprocess.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_lock");

/* What is done with an image, as bits of BLK_PERM in QEMU
 * include/block/block-common.h. */
#define LIBXL_DEVICE_MODEL_LOCK_READ (1 << 0)
#define LIBXL_DEVICE_MODEL_LOCK_WRITE (1 << 1)
#define LIBXL_DEVICE_MODEL_LOCK_RESIZE (1 << 3)
#define LIBXL_DEVICE_MODEL_LOCK_BITS 4

/* Where the bytes for what is done begin, and those for what is not borne
 * (RAW_LOCK_PERM_BASE and RAW_LOCK_SHARED_BASE in QEMU block/file-posix.c). */
#define LIBXL_DEVICE_MODEL_LOCK_DONE 100
#define LIBXL_DEVICE_MODEL_LOCK_REFUSED 200


/* Returns 0, or -1 with errno. */
static int
libxlDeviceModelLockBytes(int fd,
                          unsigned int bits,
                          off_t base)
{
    size_t i;

    for (i = 0; i < LIBXL_DEVICE_MODEL_LOCK_BITS; i++) {
        struct flock lock = {
            .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = base + i, .l_len = 1,
        };

        if ((bits & (1 << i)) && fcntl(fd, F_OFD_SETLK, &lock) < 0)
            return -1;
    }

    return 0;
}


/* Returns 1 where others have one of the bytes, 0 where they have none, -1 with
 * errno set. */
static int
libxlDeviceModelLockIsTaken(int fd,
                            unsigned int bits,
                            off_t base)
{
    size_t i;

    for (i = 0; i < LIBXL_DEVICE_MODEL_LOCK_BITS; i++) {
        struct flock lock = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = base + i, .l_len = 1,
        };

        if (!(bits & (1 << i)))
            continue;

        if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
            return -1;
        if (lock.l_type != F_UNLCK)
            return 1;
    }

    return 0;
}


/**
 * libxlDeviceModelLockImage:
 * @fd: an open image
 * @writes: whether it is written to
 * @shared: whether others may write to it meanwhile
 *
 * Locks first and looks afterwards, as QEMU does: of two that come at once, both
 * may fail, but not both succeed.  A file system without locks has none, for QEMU
 * neither.  The locks go when the last copy of @fd is closed.
 *
 * Returns 0, or -1 with errno set, to EAGAIN where somebody else uses the image in
 * a way that does not go together with this one.
 */
int
libxlDeviceModelLockImage(int fd,
                          bool writes,
                          bool shared)
{
    unsigned int done = LIBXL_DEVICE_MODEL_LOCK_READ;
    unsigned int refused = 0;

    if (writes)
        done |= LIBXL_DEVICE_MODEL_LOCK_WRITE;
    if (writes && !shared)
        done |= LIBXL_DEVICE_MODEL_LOCK_RESIZE;
    if (!shared)
        refused = LIBXL_DEVICE_MODEL_LOCK_WRITE | LIBXL_DEVICE_MODEL_LOCK_RESIZE;

    if (libxlDeviceModelLockIsTaken(fd, done, LIBXL_DEVICE_MODEL_LOCK_REFUSED) < 0) {
        VIR_WARN("the file system of an image has no locks: %s", g_strerror(errno));
        return 0;
    }

    if (libxlDeviceModelLockBytes(fd, done, LIBXL_DEVICE_MODEL_LOCK_DONE) < 0 ||
        libxlDeviceModelLockBytes(fd, refused, LIBXL_DEVICE_MODEL_LOCK_REFUSED) < 0)
        return -1;

    if (libxlDeviceModelLockIsTaken(fd, done, LIBXL_DEVICE_MODEL_LOCK_REFUSED) != 0 ||
        libxlDeviceModelLockIsTaken(fd, refused, LIBXL_DEVICE_MODEL_LOCK_DONE) != 0) {
        errno = EAGAIN;
        return -1;
    }

    return 0;
}


/* Only the bytes that are locked above.  Returns 0, or -1 with errno. */
static int
libxlDeviceModelUnlockImage(int fd)
{
    const off_t bases[] = { LIBXL_DEVICE_MODEL_LOCK_DONE, LIBXL_DEVICE_MODEL_LOCK_REFUSED };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bases); i++) {
        struct flock lock = {
            .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = bases[i],
            .l_len = LIBXL_DEVICE_MODEL_LOCK_BITS,
        };

        if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
            return -1;
    }

    return 0;
}


/* What is wanted of the open image of a process. */
typedef struct _libxlDeviceModelLockTask libxlDeviceModelLockTask;
struct _libxlDeviceModelLockTask {
    int pidfd;
    struct stat sb; /* of the image */
    bool lock; /* or unlock */
    bool writes;
    bool shared;
    size_t nfds;
    int *fds; /* what the process had open */
};


/* Whether it is the image, and open in the way in which it was handed over: neither of which the
 * process can change of a file that is open. */
static bool
libxlDeviceModelLockIsImage(const libxlDeviceModelLockTask *task,
                            int fd)
{
    int flags = fcntl(fd, F_GETFL);
    struct stat sb;

    return flags >= 0 && !(flags & O_PATH) &&
        (flags & O_ACCMODE) == (task->writes ? O_RDWR : O_RDONLY) &&
        fstat(fd, &sb) == 0 &&
        sb.st_dev == task->sb.st_dev && sb.st_ino == task->sb.st_ino;
}


/* Returns 0, or -1 with errno.  What somebody else has is not kept from them. */
static int
libxlDeviceModelLockApply(const libxlDeviceModelLockTask *task,
                          int fd)
{
    int err;

    if (!task->lock)
        return libxlDeviceModelUnlockImage(fd);

    if (libxlDeviceModelLockImage(fd, task->writes, task->shared) == 0)
        return 0;

    err = errno;
    libxlDeviceModelUnlockImage(fd);
    errno = err;
    return -1;
}


/* Returns 0, or the error: ENOENT where the process does not have the image.  One of its files
 * that nobody may have need not be the image. */
static int
libxlDeviceModelLockChild(pid_t ppid G_GNUC_UNUSED,
                          void *opaque)
{
    const libxlDeviceModelLockTask *task = opaque;
    bool found = false;
    int err = ENOENT;
    size_t i;

    for (i = 0; i < task->nfds; i++) {
        int fd = syscall(SYS_pidfd_getfd, task->pidfd, task->fds[i], 0);
        int rc = 0;

        if (fd < 0) {
            if (errno != EBADF)
                err = errno;
            continue;
        }

        if (libxlDeviceModelLockIsImage(task, fd)) {
            found = true;
            rc = libxlDeviceModelLockApply(task, fd) < 0 ? errno : 0;
        }

        close(fd);
        if (rc > 0)
            return rc;
    }

    return found ? 0 : err;
}


/* The process may open and close others meanwhile: then it is its own image that is locked or
 * not.  Returns 0, or -1 with errno. */
static int
libxlDeviceModelLockFindFiles(const libxlDeviceModelProcess *process,
                              libxlDeviceModelLockTask *task)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/fd", (long long)process->pid);
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;

    if (virDirOpenQuiet(&dir, path) < 0)
        return -1;

    while (virDirRead(dir, &entry, NULL) > 0) {
        int fd;

        if (virStrToLong_i(entry->d_name, NULL, 10, &fd) == 0)
            VIR_APPEND_ELEMENT(task->fds, task->nfds, fd);
    }

    return 0;
}


/* It is another process that has what this one has open, for a moment: whoever was taken over
 * may exchange a file in the meantime for one that the daemon has locked, and a lock of that kind
 * is lost when any copy of its file is closed in the daemon (close(2), fcntl(2)). */
static int
libxlDeviceModelLockPerform(const libxlDeviceModelProcess *process,
                            const char *path,
                            libxlDeviceModelLockTask *task)
{
    int rc;

    if (process->pidfd < 0) {
        errno = ESRCH;
        return -1;
    }

    if (stat(path, &task->sb) < 0 || libxlDeviceModelLockFindFiles(process, task) < 0)
        return -1;

    task->pidfd = process->pidfd;
    rc = virProcessRunInFork(libxlDeviceModelLockChild, task);
    g_clear_pointer(&task->fds, g_free);

    if (rc < 0) {
        virResetLastError();
        rc = ECHILD;
    }

    errno = rc;
    return rc == 0 ? 0 : -1;
}


/**
 * libxlDeviceModelLockRunning:
 * @process: of a secondary, which was handed an image
 * @path: of that
 * @writes: as of libxlDeviceModelLockImage, then
 * @shared: likewise
 *
 * Lock the image again, after libxlDeviceModelUnlockRunning, or keep it locked.  Waits as long as the
 * file system does; no domain may be locked.
 *
 * Returns 0, or -1 with errno set: to EAGAIN where somebody else uses the image, to ENOENT where
 * the process does not have it any more, to ESRCH where there is no process, to EPERM where this host
 * lets nobody have what another process has open, by which it was not unlocked, either.
 */
int
libxlDeviceModelLockRunning(const libxlDeviceModelProcess *process,
                            const char *path,
                            bool writes,
                            bool shared)
{
    libxlDeviceModelLockTask task = { .lock = true, .writes = writes, .shared = shared };

    return libxlDeviceModelLockPerform(process, path, &task);
}


/**
 * libxlDeviceModelUnlockRunning:
 * @process: of a secondary that is stopped, and has written all that it had to
 * @path: of an image that it was handed
 * @writes: as of libxlDeviceModelLockImage, then
 *
 * Let others have the image.  Waits as long as the file system does; no domain may be locked.
 *
 * Returns 0, or -1 with errno set as libxlDeviceModelLockRunning does.
 */
int
libxlDeviceModelUnlockRunning(const libxlDeviceModelProcess *process,
                              const char *path,
                              bool writes)
{
    libxlDeviceModelLockTask task = { .writes = writes };

    return libxlDeviceModelLockPerform(process, path, &task);
}
