/*
 * libxl_devicemodel_disk.c: the images of a secondary's disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libxl opens the images of the primary's disks.  Those of a secondary are
 * opened here, each one of a chain, and handed over as file descriptors: a
 * secondary finds no image by name, and so none but its own.
 */

#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "libxl_devicemodel_disk.h"

#include "libxl_devicemodel_command.h"
#include "storage_source.h"
#include "viralloc.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_disk");

/* A chain that is longer is taken for one without end; libvirt's limit for
 * other drivers (virStorageSourceGetMetadataRecurse in
 * storage_file/storage_source.c). */
#define LIBXL_DEVICE_MODEL_CHAIN_MAX 200

/* How long one command to QEMU's block layer may take, and how long a guest
 * that has locked its drive is given to unlock it. */
#define LIBXL_DEVICE_MODEL_BLOCK_MS (10 * 1000)
#define LIBXL_DEVICE_MODEL_TRAY_MS (5 * 1000)
#define LIBXL_DEVICE_MODEL_TRAY_POLL_US (200 * 1000)


static bool
libxlDeviceModelDiskFormatIsKnown(virStorageFileFormat format)
{
    return format == VIR_STORAGE_FILE_RAW ||
           format == VIR_STORAGE_FILE_QCOW2 ||
           format == VIR_STORAGE_FILE_VPC ||
           format == VIR_STORAGE_FILE_VHD;
}


static int
libxlDeviceModelImageCheck(const virStorageSource *src,
                           const char *name,
                           const char *dst)
{
    virStorageType type = virStorageSourceGetActualType(src);

    if (type != VIR_STORAGE_TYPE_FILE && type != VIR_STORAGE_TYPE_BLOCK) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': image '%2$s' of disk '%3$s' is of type '%4$s', expected 'file' or 'block'"),
                       name, NULLSTR(src->path), dst,
                       virStorageTypeToString(type));
        return -1;
    }

    if (!libxlDeviceModelDiskFormatIsKnown(src->format)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': image '%2$s' of disk '%3$s' has the format '%4$s', expected one of 'raw', 'qcow2', 'vpc', 'vhd'"),
                       name, NULLSTR(src->path), dst,
                       NULLSTR(virStorageFileFormatTypeToString(src->format)));
        return -1;
    }

    return 0;
}


static int
libxlDeviceModelImageOpen(const virStorageSource *src,
                          const char *name,
                          const char *dst,
                          bool readonly,
                          libxlDeviceModelImage *image)
{
    struct stat sb;

    image->format = src->format;
    image->fd = open(src->path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);

    if (image->fd < 0 || fstat(image->fd, &sb) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot open image '%2$s' of disk '%3$s'"),
                             name, src->path, dst);
        return -1;
    }

    if (!S_ISREG(sb.st_mode) && !S_ISBLK(sb.st_mode)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': image '%2$s' of disk '%3$s' is neither a file nor a block device"),
                       name, src->path, dst);
        return -1;
    }

    image->block = S_ISBLK(sb.st_mode);
    return 0;
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


/* What an image says of itself opens no file: a device model that was taken over
 * may have written it.  So what it is based on has to be in the definition. */
static int
libxlDeviceModelImageFindNext(virStorageSource *src,
                              const char *name,
                              const char *dst,
                              int fd,
                              virStorageSource **next)
{
    g_autoptr(virStorageSource) meta = libxlDeviceModelImageRead(src, dst, fd);

    if (!meta) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), name);
        return -1;
    }

    /* the bit makes QEMU open a data file (qcow2_do_open in QEMU
     * block/qcow2.c), whether its name is found here or not */
    if (meta->features &&
        virBitmapIsBitSet(meta->features, VIR_STORAGE_FILE_FEATURE_DATA_FILE)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': image '%2$s' of disk '%3$s' keeps its data in '%4$s', expected an image without a data file"),
                       name, src->path, dst, NULLSTR_EMPTY(meta->dataFileRaw));
        return -1;
    }

    if (virStorageSourceIsBacking(src->backingStore)) {
        if (src->format != VIR_STORAGE_FILE_QCOW2) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("device model '%1$s': image '%2$s' of disk '%3$s' has a <backingStore> and the format '%4$s', expected the format 'qcow2' or no <backingStore>"),
                           name, src->path, dst,
                           virStorageFileFormatTypeToString(src->format));
            return -1;
        }
        *next = virObjectRef(src->backingStore);
        return 0;
    }

    if (!src->backingStore && meta->backingStoreRaw) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': image '%2$s' of disk '%3$s' is based on '%4$s', expected a <backingStore> of the disk that names it, or an empty one to ignore it"),
                       name, src->path, dst, meta->backingStoreRaw);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelDiskOpen:
 * @name: of the device model
 * @def: one of its disks
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
    bool readonly = def->src->readonly || def->device == VIR_DOMAIN_DISK_DEVICE_CDROM;
    g_autoptr(virStorageSource) src = NULL;

    if (virStorageSourceIsEmpty(def->src))
        return 0;

    src = virObjectRef(def->src);
    while (src) {
        libxlDeviceModelImage image = { .fd = -1 };
        g_autoptr(virStorageSource) next = NULL;
        int rc = -1;

        if (images->nimages == LIBXL_DEVICE_MODEL_CHAIN_MAX) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("device model '%1$s': disk '%2$s' is a chain of more than %3$d images"),
                           name, def->dst, LIBXL_DEVICE_MODEL_CHAIN_MAX);
            return -1;
        }

        if (libxlDeviceModelImageCheck(src, name, def->dst) == 0)
            rc = libxlDeviceModelImageOpen(src, name, def->dst, readonly, &image);
        if (image.fd >= 0)
            VIR_APPEND_ELEMENT_COPY(images->images, images->nimages, image);

        if (rc < 0 ||
            libxlDeviceModelImageFindNext(src, name, def->dst, image.fd, &next) < 0)
            return -1;

        virObjectUnref(src);
        src = g_steal_pointer(&next);
        readonly = true;
    }

    return 0;
}


static int
libxlDeviceModelBlockCommand(libxlDeviceModelMonitor *mon,
                             const char *command,
                             const char *device,
                             const char *nodename)
{
    g_autoptr(virJSONValue) args = NULL;

    if (virJSONValueObjectAdd(&args,
                              "S:id", device,
                              "S:node-name", nodename,
                              NULL) < 0)
        return -1;

    return libxlDeviceModelMonitorCommand(mon, command, &args, NULL,
                                          LIBXL_DEVICE_MODEL_BLOCK_MS);
}


static int
libxlDeviceModelTrayOpen(libxlDeviceModelMonitor *mon,
                         const char *device,
                         bool force)
{
    g_autoptr(virJSONValue) args = NULL;

    if (virJSONValueObjectAdd(&args,
                              "s:id", device,
                              "b:force", force,
                              NULL) < 0)
        return -1;

    return libxlDeviceModelMonitorCommand(mon, "blockdev-open-tray", &args, NULL,
                                          LIBXL_DEVICE_MODEL_BLOCK_MS);
}


/* A guest that uses its drive has locked it, and is asked to give it free.  One
 * that does not loses the medium all the same, as it would with libxl. */
static int
libxlDeviceModelMediumRemove(libxlDeviceModelMonitor *mon,
                             const char *device)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_TRAY_MS * 1000;

    if (libxlDeviceModelTrayOpen(mon, device, false) < 0)
        return -1;

    while (libxlDeviceModelBlockCommand(mon, "blockdev-remove-medium", device, NULL) < 0) {
        if (virGetLastErrorCode() != VIR_ERR_OPERATION_FAILED)
            return -1;

        virResetLastError();
        if (g_get_monotonic_time() >= deadline) {
            VIR_WARN("the guest keeps drive '%s' locked: opening it by force", device);
            if (libxlDeviceModelTrayOpen(mon, device, true) < 0)
                return -1;
            return libxlDeviceModelBlockCommand(mon, "blockdev-remove-medium",
                                                device, NULL);
        }
        g_usleep(LIBXL_DEVICE_MODEL_TRAY_POLL_US);
    }

    return 0;
}


/* Newer QEMUs give the whole path of a device, older ones its id. */
static bool
libxlDeviceModelDriveIs(virJSONValue *drive,
                        const char *device)
{
    const char *qdev = virJSONValueObjectGetString(drive, "qdev");
    const char *name = qdev ? strrchr(qdev, '/') : NULL;

    return STREQ_NULLABLE(name ? name + 1 : qdev, device);
}


/* Whether a block node is one that libxlDeviceModelCommandNew or
 * libxlDeviceModelMediumAdd has made for the disk. */
static bool
libxlDeviceModelNodeIsOf(const char *nodename,
                         const libxlDeviceModelDisk *disk)
{
    g_autofree char *prefix = g_strdup_printf("disk%zu", disk->idx);
    const char *number = nodename ? STRSKIP(nodename, prefix) : NULL;

    return number &&
           (!*number ||
            (*number == '-' && strspn(number + 1, "0123456789") == strlen(number + 1)));
}


/* Returns the name of what is in a drive, or NULL for nothing. */
static char *
libxlDeviceModelMediumName(virJSONValue *drives,
                           const libxlDeviceModelDisk *disk,
                           const char *device)
{
    size_t i;

    if (!virJSONValueIsArray(drives))
        return NULL;

    for (i = 0; i < virJSONValueArraySize(drives); i++) {
        virJSONValue *drive = virJSONValueArrayGet(drives, i);
        virJSONValue *inserted = virJSONValueObjectGetObject(drive, "inserted");
        const char *nodename;

        if (!inserted || !libxlDeviceModelDriveIs(drive, device))
            continue;

        nodename = virJSONValueObjectGetString(inserted, "node-name");
        return libxlDeviceModelNodeIsOf(nodename, disk) ? g_strdup(nodename) : NULL;
    }

    return NULL;
}


/* What uses a file of a set has a copy of it by then.  Newer QEMUs keep the set
 * open until they are told (monitor_fdset_cleanup in QEMU monitor/fds.c). */
static void
libxlDeviceModelMediumForgetFDs(libxlDeviceModelMonitor *mon,
                                const unsigned int *fdsets,
                                size_t nfdsets)
{
    size_t i;

    for (i = 0; i < nfdsets; i++) {
        g_autoptr(virJSONValue) args = NULL;

        if (virJSONValueObjectAdd(&args, "u:fdset-id", fdsets[i], NULL) < 0 ||
            libxlDeviceModelMonitorCommand(mon, "remove-fd", &args, NULL,
                                           LIBXL_DEVICE_MODEL_BLOCK_MS) < 0) {
            VIR_WARN("cannot close set %u of file descriptors: %s",
                     fdsets[i], virGetLastErrorMessage());
            return;
        }
    }
}


static int
libxlDeviceModelMediumAddNode(libxlDeviceModelMonitor *mon,
                              const libxlDeviceModelDisk *disk,
                              const libxlDeviceModelImages *images,
                              const char *nodename)
{
    g_autoptr(virJSONValue) args = libxlDeviceModelDiskBlockdev(disk, images, nodename);

    if (!args)
        return -1;

    return libxlDeviceModelMonitorCommand(mon, "blockdev-add", &args, NULL,
                                          LIBXL_DEVICE_MODEL_BLOCK_MS);
}


/* Make the new medium known to QEMU.  A set of file descriptors is there for as
 * long as something uses it, so that its number makes a name that no other has.
 * Returns the name, or NULL with an error and the sets left to be closed with the
 * connection. */
static char *
libxlDeviceModelMediumAdd(libxlDeviceModelMonitor *mon,
                          const libxlDeviceModelDisk *disk,
                          libxlDeviceModelImages *images)
{
    g_autofree unsigned int *fdsets = g_new0(unsigned int, images->nimages);
    g_autofree char *nodename = NULL;
    virErrorPtr save_err;
    size_t i;
    int rc = 0;

    for (i = 0; i < images->nimages; i++) {
        if ((rc = libxlDeviceModelMonitorAddFD(mon, images->images[i].fd, &fdsets[i],
                                               LIBXL_DEVICE_MODEL_BLOCK_MS)) < 0)
            break;
        images->images[i].fdset = fdsets[i];
    }

    if (rc == 0) {
        nodename = g_strdup_printf("disk%zu-%u", disk->idx, fdsets[0]);
        rc = libxlDeviceModelMediumAddNode(mon, disk, images, nodename);
    }

    virErrorPreserveLast(&save_err);
    libxlDeviceModelMediumForgetFDs(mon, fdsets, i);
    virErrorRestore(&save_err);

    return rc < 0 ? NULL : g_steal_pointer(&nodename);
}


static void
libxlDeviceModelMediumDelete(libxlDeviceModelMonitor *mon,
                             const char *nodename)
{
    if (nodename &&
        libxlDeviceModelBlockCommand(mon, "blockdev-del", NULL, nodename) < 0)
        VIR_WARN("cannot close '%s': %s", nodename, virGetLastErrorMessage());
}


/* A guest can close its drive at any time, an empty one too, and QEMU inserts into
 * an open one only. */
static int
libxlDeviceModelMediumInsert(libxlDeviceModelMonitor *mon,
                             const char *device,
                             const char *nodename)
{
    if (libxlDeviceModelBlockCommand(mon, "blockdev-insert-medium", device, nodename) == 0)
        return 0;

    if (virGetLastErrorCode() != VIR_ERR_OPERATION_FAILED)
        return -1;

    virResetLastError();
    if (libxlDeviceModelTrayOpen(mon, device, true) < 0)
        return -1;

    return libxlDeviceModelBlockCommand(mon, "blockdev-insert-medium", device, nodename);
}


static void
libxlDeviceModelTrayClose(libxlDeviceModelMonitor *mon,
                          const char *device)
{
    /* the guest can do it, too */
    if (libxlDeviceModelBlockCommand(mon, "blockdev-close-tray", device, NULL) < 0)
        VIR_WARN("cannot close drive '%s': %s", device, virGetLastErrorMessage());
}


/* Returns 0 with @previous out of the drive and @next, or nothing, in it; or -1
 * with the drive as it was before, as far as the device model plays along. */
static int
libxlDeviceModelMediumExchange(libxlDeviceModelMonitor *mon,
                               const char *device,
                               const char *previous,
                               const char *next)
{
    virErrorPtr save_err;
    int rc;

    rc = libxlDeviceModelMediumRemove(mon, device);
    if (rc == 0 && next &&
        (rc = libxlDeviceModelMediumInsert(mon, device, next)) < 0 && previous) {
        virErrorPreserveLast(&save_err);
        if (libxlDeviceModelMediumInsert(mon, device, previous) < 0)
            VIR_WARN("cannot put '%s' back into drive '%s': %s",
                     previous, device, virGetLastErrorMessage());
        virErrorRestore(&save_err);
    }

    virErrorPreserveLast(&save_err);
    libxlDeviceModelTrayClose(mon, device);
    virErrorRestore(&save_err);

    return rc;
}


/**
 * libxlDeviceModelDiskChangeMedia:
 * @mon: ready monitor of the device model
 * @disk: a cdrom drive
 * @images: the open images of the new medium, none to leave the drive empty;
 *          they stay with the caller
 *
 * Replace what is in a drive.  The old medium stays where it is unless QEMU takes
 * the new one.  Waits; no domain may be locked.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelDiskChangeMedia(libxlDeviceModelMonitor *mon,
                                const libxlDeviceModelDisk *disk,
                                libxlDeviceModelImages *images)
{
    g_autofree char *device = libxlDeviceModelDiskDevice(disk);
    g_autofree char *previous = NULL;
    g_autofree char *next = NULL;
    g_autoptr(virJSONValue) drives = NULL;
    virErrorPtr save_err;

    if (libxlDeviceModelMonitorCommand(mon, "query-block", NULL, &drives,
                                       LIBXL_DEVICE_MODEL_BLOCK_MS) < 0)
        return -1;

    previous = libxlDeviceModelMediumName(drives, disk, device);

    if (images->nimages > 0 &&
        !(next = libxlDeviceModelMediumAdd(mon, disk, images)))
        return -1;

    if (libxlDeviceModelMediumExchange(mon, device, previous, next) < 0) {
        virErrorPreserveLast(&save_err);
        libxlDeviceModelMediumDelete(mon, next);
        virErrorRestore(&save_err);
        return -1;
    }

    libxlDeviceModelMediumDelete(mon, previous);
    /* what could not be done without harm is logged */
    virResetLastError();
    return 0;
}


/**
 * libxlDeviceModelDiskGetInfo:
 * @disk: a disk with an image
 * @info: filled with the sizes of the image, as its header has them
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelDiskGetInfo(const virDomainDiskDef *disk,
                            virDomainBlockInfoPtr info)
{
    g_autoptr(virStorageSource) meta = NULL;
    VIR_AUTOCLOSE fd = -1;
    struct stat sb;
    off_t end;

    if ((fd = open(disk->src->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0 ||
        fstat(fd, &sb) < 0 ||
        (end = lseek(fd, 0, SEEK_END)) < 0) {
        virReportSystemError(errno, _("cannot look at image '%1$s' of disk '%2$s'"),
                             disk->src->path, disk->dst);
        return -1;
    }

    if (!(meta = libxlDeviceModelImageRead(disk->src, disk->dst, fd)))
        return -1;

    info->physical = end;
    info->capacity = meta->capacity ? meta->capacity : end;
    info->allocation = S_ISBLK(sb.st_mode) ? end : (unsigned long long)sb.st_blocks * DEV_BSIZE;
    return 0;
}
