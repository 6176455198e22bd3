/*
 * libxl_devicemodel_fds.h: what a secondary finds open when it starts
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A secondary opens nothing of the host by name.  The driver opens what its
 * devices need and hands it over on the command line.
 */

#pragma once

#include "libxl_devicemodel_conf.h"
#include "storage_source_conf.h"

/* An open image file or block device of a disk. */
typedef struct _libxlDeviceModelImage libxlDeviceModelImage;
struct _libxlDeviceModelImage {
    int fd;
    unsigned int fdset; /* QEMU's number of it */
    bool block; /* a block device */
    virStorageFileFormat format;
};

/* The chain of images that a disk consists of, the one that the guest writes
 * to first, the ones that it is based on after it.  An empty drive has none. */
typedef struct _libxlDeviceModelImages libxlDeviceModelImages;
struct _libxlDeviceModelImages {
    size_t nimages;
    libxlDeviceModelImage *images;
};

/* The arrays are in the order of the devices in the configuration. */
typedef struct _libxlDeviceModelFDs libxlDeviceModelFDs;
struct _libxlDeviceModelFDs {
    int monitor; /* listening socket for QMP */
    int scope; /* connected socket to the driver, for the scope library */
    int registers; /* file for what the guest writes into them, for the scope library */
    size_t ntaps;
    int *taps;
    size_t ndisks;
    libxlDeviceModelImages *disks;
    size_t nserials;
    int *serials; /* -1 for a port that needs nothing opened */
    int sound; /* the file that is written what is played, or -1 */
};

libxlDeviceModelFDs *
libxlDeviceModelFDsNew(const libxlDeviceModelConfig *config);

void
libxlDeviceModelFDsFree(libxlDeviceModelFDs *fds);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelFDs, libxlDeviceModelFDsFree);

void
libxlDeviceModelImagesClear(libxlDeviceModelImages *images);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(libxlDeviceModelImages, libxlDeviceModelImagesClear);
