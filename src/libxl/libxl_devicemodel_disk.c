/*
 * libxl_devicemodel_disk.c: the images of a secondary's disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libxl opens the images of the primary's disks.  Those of a secondary are
 * opened and locked here, each one of a chain, and handed over as file
 * descriptors: a secondary finds no image by name, and so none but its own.
 */

#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "libxl_devicemodel_disk.h"

#include "libxl_devicemodel_lock.h"
#include "libxl_devicemodel_quote.h"
#include "storage_source.h"
#include "viralloc.h"
#include "virbuffer.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_disk");

/* A chain that is longer is taken for one without end; libvirt's limit for
 * other drivers (virStorageSourceGetMetadataRecurse in
 * storage_file/storage_source.c). */
#define LIBXL_DEVICE_MODEL_CHAIN_MAX 200

/* How often it is attempted to lock an image that somebody else has. */
#define LIBXL_DEVICE_MODEL_RELOCK_US (100 * 1000)

/* Whose image it is, for errors. */
typedef struct _libxlDeviceModelImageUser libxlDeviceModelImageUser;
struct _libxlDeviceModelImageUser {
    const char *name; /* of the device model */
    const char *dst; /* the target of the disk */
};


/* Everything else would have us wait for whoever is at its other end, or has no
 * content to keep. */
static bool
libxlDeviceModelImageCanBe(const struct stat *sb)
{
    return S_ISREG(sb->st_mode) || S_ISBLK(sb->st_mode);
}


static int
libxlDeviceModelImageOpen(const virStorageSource *src,
                          const libxlDeviceModelImageUser *user,
                          bool readonly,
                          libxlDeviceModelImage *image)
{
    struct stat sb;

    image->format = src->format;
    image->fd = open(src->path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);

    if (image->fd < 0 || fstat(image->fd, &sb) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot open image '%2$s' of disk '%3$s'"),
                             user->name, src->path, user->dst);
        return -1;
    }

    if (!libxlDeviceModelImageCanBe(&sb)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': image '%2$s' of disk '%3$s' is neither a file nor a block device"),
                       user->name, src->path, user->dst);
        return -1;
    }

    image->block = S_ISBLK(sb.st_mode);
    return 0;
}


/* QEMU lets others write to an image only where all that it knows of it is its
 * content. */
static bool
libxlDeviceModelImageIsShared(const virStorageSource *src)
{
    return src->shared && src->format == VIR_STORAGE_FILE_RAW;
}


/* Returns -1. */
static int
libxlDeviceModelImageReportLock(const virStorageSource *src,
                                const libxlDeviceModelImageUser *user)
{
    if (errno == EAGAIN || errno == EACCES) {
        virReportError(VIR_ERR_RESOURCE_BUSY,
                       _("device model '%1$s': image '%2$s' of disk '%3$s' is in use by another process, expected one that nobody else writes to, and that nobody else uses if it is written to"),
                       user->name, src->path, user->dst);
    } else {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot lock image '%2$s' of disk '%3$s'"),
                             user->name, src->path, user->dst);
    }

    return -1;
}


static int
libxlDeviceModelImageLock(const virStorageSource *src,
                          const libxlDeviceModelImageUser *user,
                          bool readonly,
                          const libxlDeviceModelImage *image)
{
    if (libxlDeviceModelLockImage(image->fd, !readonly, libxlDeviceModelImageIsShared(src)) == 0)
        return 0;

    return libxlDeviceModelImageReportLock(src, user);
}


/* Returns what the image says of itself, or NULL with an error. */
static virStorageSource *
libxlDeviceModelImageRead(const virStorageSource *src,
                          const char *dst,
                          int fd)
{
    virStorageSource *meta;

    virResetLastError();
    meta = virStorageSourceGetMetadataFromFD(src->path, fd, src->format);

    /* for a header that ends early there is no message */
    if (!meta && virGetLastErrorCode() == VIR_ERR_OK) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("image '%1$s' of disk '%2$s' has no complete header, expected an image of the format '%3$s'"),
                       src->path, dst,
                       virStorageFileFormatTypeToString(src->format));
    }

    return meta;
}


static void
libxlDeviceModelImageReportUnnamed(const virStorageSource *src,
                                   const libxlDeviceModelImageUser *user,
                                   const char *backing)
{
    g_auto(virBuffer) path = VIR_BUFFER_INITIALIZER;
    g_autofree char *quote = libxlDeviceModelQuote(backing);

    virBufferEscapeShell(&path, src->path);
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("device model '%1$s': image '%2$s' of disk '%3$s' is based on '%4$s', expected a <backingStore> of the disk that names it, or an empty one to ignore it (qemu-img info --backing-chain %5$s shows what to write)"),
                   user->name, src->path, user->dst, quote,
                   virBufferCurrentContent(&path));
}


/* What an image says of itself opens no file: a device model that was taken over
 * may have written it.  So what it is based on has to be in the definition. */
static int
libxlDeviceModelImageFindNext(virStorageSource *src,
                              const libxlDeviceModelImageUser *user,
                              int fd,
                              virStorageSource **next)
{
    g_autoptr(virStorageSource) meta = libxlDeviceModelImageRead(src, user->dst, fd);

    if (!meta) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), user->name);
        return -1;
    }

    /* the bit makes QEMU open a data file (qcow2_do_open in QEMU
     * block/qcow2.c), whether its name is found here or not */
    if (meta->features &&
        virBitmapIsBitSet(meta->features, VIR_STORAGE_FILE_FEATURE_DATA_FILE)) {
        g_autofree char *quote = libxlDeviceModelQuote(NULLSTR_EMPTY(meta->dataFileRaw));

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': image '%2$s' of disk '%3$s' keeps its data in '%4$s', expected an image without a data file"),
                       user->name, src->path, user->dst, quote);
        return -1;
    }

    if (virStorageSourceIsBacking(src->backingStore)) {
        *next = virObjectRef(src->backingStore);
    } else if (!src->backingStore && meta->backingStoreRaw) {
        libxlDeviceModelImageReportUnnamed(src, user, meta->backingStoreRaw);
        return -1;
    }

    return 0;
}


/* Open the images of a disk, the first one @readonly or not, and keep others out of
 * them if they are to be used. */
static int
libxlDeviceModelChainOpen(const char *name,
                          const virDomainDiskDef *def,
                          bool readonly,
                          bool lock,
                          libxlDeviceModelImages *images)
{
    libxlDeviceModelImageUser user = { name, def->dst };
    g_autoptr(virStorageSource) src = NULL;

    if (virStorageSourceIsEmpty(def->src))
        return 0;

    src = virObjectRef(def->src);
    while (src) {
        libxlDeviceModelImage image = { .fd = -1 };
        g_autoptr(virStorageSource) next = NULL;
        int rc;

        if (images->nimages == LIBXL_DEVICE_MODEL_CHAIN_MAX) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("device model '%1$s': disk '%2$s' is a chain of more than %3$d images"),
                           name, def->dst, LIBXL_DEVICE_MODEL_CHAIN_MAX);
            return -1;
        }

        rc = libxlDeviceModelImageOpen(src, &user, readonly, &image);
        if (image.fd >= 0)
            VIR_APPEND_ELEMENT_COPY(images->images, images->nimages, image);

        if (rc < 0 ||
            (lock && libxlDeviceModelImageLock(src, &user, readonly, &image) < 0) ||
            libxlDeviceModelImageFindNext(src, &user, image.fd, &next) < 0)
            return -1;

        virObjectUnref(src);
        src = g_steal_pointer(&next);
        readonly = true;
    }

    return 0;
}


static bool
libxlDeviceModelDiskIsReadonly(const virDomainDiskDef *def)
{
    return def->src->readonly || def->device == VIR_DOMAIN_DISK_DEVICE_CDROM;
}


/**
 * libxlDeviceModelDiskOpen:
 * @name: of the device model
 * @def: one of its disks, valid
 * @images: filled with its open images; none for an empty drive
 *
 * The caller clears @images, after an error too.
 *
 * Returns 0, or -1 with an error that names the device model, the disk and the
 * image.
 */
int
libxlDeviceModelDiskOpen(const char *name,
                         const virDomainDiskDef *def,
                         libxlDeviceModelImages *images)
{
    return libxlDeviceModelChainOpen(name, def, libxlDeviceModelDiskIsReadonly(def), true, images);
}


/**
 * libxlDeviceModelDiskCheck:
 * @name: of the device model
 * @def: one of its disks, valid
 *
 * Look whether the images of a disk are there, and are what the definition says.
 * None is written to or locked: who has one now may be gone when the disk is opened.
 * Waits as long as the file system does; no domain may be locked.
 *
 * Returns 0, or -1 with the error that libxlDeviceModelDiskOpen would have.
 */
int
libxlDeviceModelDiskCheck(const char *name,
                          const virDomainDiskDef *def)
{
    g_auto(libxlDeviceModelImages) images = { 0 };

    return libxlDeviceModelChainOpen(name, def, true, false, &images);
}


/**
 * libxlDeviceModelDiskGetInfo:
 * @src: the image of a disk
 * @dst: the disk's target
 * @info: filled with the sizes of the image, as its header has them
 *
 * Waits as long as the file system does; no domain may be locked.
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelDiskGetInfo(const virStorageSource *src,
                            const char *dst,
                            virDomainBlockInfoPtr info)
{
    g_autoptr(virStorageSource) meta = NULL;
    VIR_AUTOCLOSE fd = -1;
    struct stat sb;
    off_t end = 0;

    if ((fd = open(src->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0 ||
        fstat(fd, &sb) < 0 ||
        (S_ISBLK(sb.st_mode) && (end = lseek(fd, 0, SEEK_END)) < 0)) {
        virReportSystemError(errno, _("cannot look at image '%1$s' of disk '%2$s'"),
                             src->path, dst);
        return -1;
    }

    if (!libxlDeviceModelImageCanBe(&sb)) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("image '%1$s' of disk '%2$s' is neither a file nor a block device"),
                       src->path, dst);
        return -1;
    }

    if (!(meta = libxlDeviceModelImageRead(src, dst, fd)))
        return -1;

    info->physical = S_ISBLK(sb.st_mode) ? end : sb.st_size;
    info->capacity = meta->capacity ? meta->capacity : info->physical;
    info->allocation = S_ISBLK(sb.st_mode) ? info->physical
                                           : (unsigned long long)sb.st_blocks * DEV_BSIZE;
    return 0;
}


/**
 * libxlDeviceModelDiskUnlock:
 * @dm: a secondary that is stopped, and has given its images away
 * @def: one of its disks
 *
 * Let another host have the images, on a file system whose locks are those of several.  One that
 * stays locked is refused there, if it is such a file system: what fails is logged.  Waits as long as
 * the file system does; no domain may be locked.
 */
void
libxlDeviceModelDiskUnlock(const libxlDeviceModel *dm,
                           const virDomainDiskDef *def)
{
    bool readonly = libxlDeviceModelDiskIsReadonly(def);
    const virStorageSource *src;

    for (src = def->src; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (src->path && libxlDeviceModelUnlockRunning(&dm->process, src->path, !readonly) < 0)
            VIR_WARN("device model '%s': image '%s' of disk '%s' stays locked: %s",
                     dm->name, src->path, def->dst, g_strerror(errno));
        readonly = true;
    }
}


/* That host lets nobody have the open file, or the process is not there or does not have it any
 * more: there is nothing that was unlocked, or nobody to lock it for. */
static bool
libxlDeviceModelImageIsOut(int err)
{
    return err == EPERM || err == ENOSYS || err == ESRCH || err == ENOENT;
}


/* Whoever has the image may be about to give it back.  Returns 0, or -1 with errno. */
static int
libxlDeviceModelImageRelock(const libxlDeviceModel *dm,
                            const virStorageSource *src,
                            bool readonly,
                            gint64 deadline)
{
    bool shared = libxlDeviceModelImageIsShared(src);

    while (libxlDeviceModelLockRunning(&dm->process, src->path, !readonly, shared) < 0) {
        if (errno != EAGAIN || g_get_monotonic_time() >= deadline)
            return -1;
        g_usleep(LIBXL_DEVICE_MODEL_RELOCK_US);
    }

    return 0;
}


/**
 * libxlDeviceModelDiskRelock:
 * @dm: a secondary that is about to go on
 * @def: one of its disks
 * @deadline: until when others may give back what they use, as of g_get_monotonic_time()
 *
 * Lock the images again, if they were unlocked.  Waits as long as the file system does, too; no
 * domain may be locked.
 *
 * Returns 0, or -1 with an error that names the device model, the disk and the image that somebody
 * else uses.
 */
int
libxlDeviceModelDiskRelock(const libxlDeviceModel *dm,
                           const virDomainDiskDef *def,
                           gint64 deadline)
{
    libxlDeviceModelImageUser user = { dm->name, def->dst };
    bool readonly = libxlDeviceModelDiskIsReadonly(def);
    const virStorageSource *src;

    for (src = def->src; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (src->path && libxlDeviceModelImageRelock(dm, src, readonly, deadline) < 0) {
            if (!libxlDeviceModelImageIsOut(errno))
                return libxlDeviceModelImageReportLock(src, &user);
            VIR_WARN("device model '%s': image '%s' of disk '%s' is not locked again: %s",
                     dm->name, src->path, def->dst, g_strerror(errno));
        }
        readonly = true;
    }

    return 0;
}
