/*
 * libxl_devicemodel_media.c: the media in the drives of a running secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The driver opens the new medium and hands it over; QEMU is told over its monitor
 * to put it into the drive in place of the old one.
 */

#include <config.h>

#include "libxl_devicemodel_media.h"

#include "libxl_devicemodel_alias.h"
#include "libxl_devicemodel_command.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_media");

/* How long one command to QEMU's block layer may take, and how long a guest
 * that has locked its drive is given to unlock it. */
#define LIBXL_DEVICE_MODEL_BLOCK_MS (10 * 1000)
#define LIBXL_DEVICE_MODEL_TRAY_MS (5 * 1000)
#define LIBXL_DEVICE_MODEL_TRAY_POLL_US (200 * 1000)


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
        return libxlDeviceModelAliasIsImage(nodename, disk) ? g_strdup(nodename) : NULL;
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


/* Make the new medium known to QEMU.  Returns the name, or NULL with an error and
 * the sets left to be closed with the connection. */
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
        nodename = libxlDeviceModelAliasMedium(disk, fdsets[0]);
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
 * libxlDeviceModelMediaChange:
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
libxlDeviceModelMediaChange(libxlDeviceModelMonitor *mon,
                            const libxlDeviceModelDisk *disk,
                            libxlDeviceModelImages *images)
{
    g_autofree char *device = libxlDeviceModelAliasDrive(disk);
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
