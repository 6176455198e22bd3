/*
 * libxl_devicemodel_lock.c: keeps others out of the images of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>

#include "libxl_devicemodel_lock.h"

#include "virlog.h"

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
