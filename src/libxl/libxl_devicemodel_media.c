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
#include "libxl_devicemodel_qmp.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_media");

/* How long a guest that has locked its drive is given to unlock it, and how much
 * of the time for a change is kept to undo it. */
#define LIBXL_DEVICE_MODEL_TRAY_MS (5 * 1000)
#define LIBXL_DEVICE_MODEL_UNDO_MS (5 * 1000)
#define LIBXL_DEVICE_MODEL_TRAY_POLL_US (200 * 1000)

/* A drive, while its medium is changed. */
typedef struct _libxlDeviceModelMediaDrive libxlDeviceModelMediaDrive;
struct _libxlDeviceModelMediaDrive {
    libxlDeviceModelMonitor *mon; /* belongs to the caller */
    const libxlDeviceModelDisk *disk; /* likewise */
    char *alias;
    char *previous; /* what is in it, as far as we have put it there */
    char *next; /* what is to be in it */
    gint64 deadline;
};


static void
libxlDeviceModelMediaDriveClear(libxlDeviceModelMediaDrive *drive)
{
    g_free(drive->alias);
    g_free(drive->previous);
    g_free(drive->next);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(libxlDeviceModelMediaDrive, libxlDeviceModelMediaDriveClear);


/* A guest that uses its drive has locked it, and is asked to give it free.  One
 * that does not loses the medium all the same, as it would with libxl. */
static int
libxlDeviceModelMediaRemove(const libxlDeviceModelMediaDrive *drive)
{
    gint64 patience = MIN(g_get_monotonic_time() + LIBXL_DEVICE_MODEL_TRAY_MS * 1000LL,
                          drive->deadline);

    if (libxlDeviceModelQMPOpenTray(drive->mon, drive->alias, false, drive->deadline) < 0)
        return -1;

    while (libxlDeviceModelQMPRemoveMedium(drive->mon, drive->alias, drive->deadline) < 0) {
        if (virGetLastErrorCode() != VIR_ERR_OPERATION_FAILED)
            return -1;

        virResetLastError();
        if (g_get_monotonic_time() >= patience) {
            VIR_WARN("the guest keeps drive '%s' locked: opening it by force", drive->alias);
            if (libxlDeviceModelQMPOpenTray(drive->mon, drive->alias, true,
                                            drive->deadline) < 0)
                return -1;
            return libxlDeviceModelQMPRemoveMedium(drive->mon, drive->alias, drive->deadline);
        }
        g_usleep(LIBXL_DEVICE_MODEL_TRAY_POLL_US);
    }

    return 0;
}


/* Find out what is in the drive.  What is not of our making is left alone. */
static int
libxlDeviceModelMediaQuery(libxlDeviceModelMediaDrive *drive)
{
    g_autofree char *nodename = NULL;

    if (libxlDeviceModelQMPQueryMedium(drive->mon, drive->alias, &nodename,
                                       drive->deadline) < 0)
        return -1;

    if (libxlDeviceModelAliasIsImage(nodename, drive->disk))
        drive->previous = g_steal_pointer(&nodename);

    return 0;
}


static void
libxlDeviceModelMediaForgetFDs(const libxlDeviceModelMediaDrive *drive,
                               const unsigned int *fdsets,
                               size_t nfdsets)
{
    size_t i;

    for (i = 0; i < nfdsets; i++) {
        if (libxlDeviceModelQMPRemoveFD(drive->mon, fdsets[i], drive->deadline) < 0) {
            VIR_WARN("cannot close set %u of file descriptors: %s",
                     fdsets[i], virGetLastErrorMessage());
            return;
        }
    }
}


static int
libxlDeviceModelMediaAddNode(libxlDeviceModelMediaDrive *drive,
                             const libxlDeviceModelImages *images)
{
    g_autofree char *nodename = libxlDeviceModelAliasMedium(drive->disk,
                                                            images->images[0].fdset);
    g_autoptr(virJSONValue) args = libxlDeviceModelDiskBlockdev(drive->disk, images,
                                                                nodename);

    if (!args ||
        libxlDeviceModelQMPAddNode(drive->mon, &args, drive->deadline) < 0)
        return -1;

    drive->next = g_steal_pointer(&nodename);
    return 0;
}


/* Make the new medium known to QEMU.  After an error the sets that are left are
 * closed with the connection. */
static int
libxlDeviceModelMediaAdd(libxlDeviceModelMediaDrive *drive,
                         libxlDeviceModelImages *images)
{
    g_autofree unsigned int *fdsets = g_new0(unsigned int, images->nimages);
    virErrorPtr save_err;
    size_t i;
    int rc = 0;

    for (i = 0; i < images->nimages; i++) {
        if ((rc = libxlDeviceModelQMPAddFD(drive->mon, images->images[i].fd, &fdsets[i],
                                           drive->deadline)) < 0)
            break;
        images->images[i].fdset = fdsets[i];
    }

    if (rc == 0)
        rc = libxlDeviceModelMediaAddNode(drive, images);

    virErrorPreserveLast(&save_err);
    libxlDeviceModelMediaForgetFDs(drive, fdsets, i);
    virErrorRestore(&save_err);

    return rc;
}


/* That it cannot be done is logged, and is no error. */
static void
libxlDeviceModelMediaDelete(const libxlDeviceModelMediaDrive *drive,
                            const char *nodename)
{
    virErrorPtr save_err;

    virErrorPreserveLast(&save_err);
    if (nodename &&
        libxlDeviceModelQMPDeleteNode(drive->mon, nodename, drive->deadline) < 0)
        VIR_WARN("cannot close '%s': %s", nodename, virGetLastErrorMessage());
    virErrorRestore(&save_err);
}


/* A guest can close its drive at any time, an empty one too, and QEMU inserts into
 * an open one only. */
static int
libxlDeviceModelMediaInsert(const libxlDeviceModelMediaDrive *drive,
                            const char *nodename)
{
    if (libxlDeviceModelQMPInsertMedium(drive->mon, drive->alias, nodename,
                                        drive->deadline) == 0)
        return 0;

    if (virGetLastErrorCode() != VIR_ERR_OPERATION_FAILED)
        return -1;

    virResetLastError();
    if (libxlDeviceModelQMPOpenTray(drive->mon, drive->alias, true, drive->deadline) < 0)
        return -1;

    return libxlDeviceModelQMPInsertMedium(drive->mon, drive->alias, nodename,
                                           drive->deadline);
}


/* That it cannot be done is logged, and is no error: the guest can close the tray, too. */
static void
libxlDeviceModelMediaCloseTray(const libxlDeviceModelMediaDrive *drive)
{
    virErrorPtr save_err;

    virErrorPreserveLast(&save_err);
    if (libxlDeviceModelQMPCloseTray(drive->mon, drive->alias, drive->deadline) < 0)
        VIR_WARN("cannot close drive '%s': %s", drive->alias, virGetLastErrorMessage());
    virErrorRestore(&save_err);
}


static void
libxlDeviceModelMediaPutBack(const libxlDeviceModelMediaDrive *drive)
{
    virErrorPtr save_err;

    virErrorPreserveLast(&save_err);
    if (libxlDeviceModelMediaInsert(drive, drive->previous) < 0)
        VIR_WARN("cannot put '%s' back into drive '%s': %s",
                 drive->previous, drive->alias, virGetLastErrorMessage());
    virErrorRestore(&save_err);
}


/* Returns 0 with the new medium, or nothing, in the drive; or -1 with the drive
 * as it was before, as far as the device model plays along.  It is given until
 * @deadline for what is left to do then. */
static int
libxlDeviceModelMediaExchange(libxlDeviceModelMediaDrive *drive,
                              gint64 deadline)
{
    bool removed = libxlDeviceModelMediaRemove(drive) == 0;
    bool changed = removed &&
        (!drive->next || libxlDeviceModelMediaInsert(drive, drive->next) == 0);

    drive->deadline = deadline;

    if (removed && !changed && drive->previous)
        libxlDeviceModelMediaPutBack(drive);

    libxlDeviceModelMediaCloseTray(drive);
    libxlDeviceModelMediaDelete(drive, changed ? drive->previous : drive->next);

    return changed ? 0 : -1;
}


/**
 * libxlDeviceModelMediaChange:
 * @mon: ready monitor of the device model
 * @disk: a cdrom drive
 * @images: the open images of the new medium, none to leave the drive empty;
 *          they stay with the caller
 * @deadline: for all of it together
 *
 * Replace what is in a drive.  The old medium stays where it is unless QEMU takes
 * the new one.  Waits; no domain may be locked.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelMediaChange(libxlDeviceModelMonitor *mon,
                            const libxlDeviceModelDisk *disk,
                            libxlDeviceModelImages *images,
                            gint64 deadline)
{
    g_auto(libxlDeviceModelMediaDrive) drive = {
        .mon = mon,
        .disk = disk,
        .alias = libxlDeviceModelAliasDrive(disk),
        .deadline = deadline - LIBXL_DEVICE_MODEL_UNDO_MS * 1000LL,
    };

    if (libxlDeviceModelMediaQuery(&drive) < 0 ||
        (images->nimages > 0 && libxlDeviceModelMediaAdd(&drive, images) < 0))
        return -1;

    if (libxlDeviceModelMediaExchange(&drive, deadline) < 0)
        return -1;

    /* what could not be done without harm is logged */
    virResetLastError();
    return 0;
}
