/*
 * libxl_devicemodel_lock.h: keeps others out of the images of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * QEMUs keep out of each other's images by read locks on single bytes of the
 * file (raw_apply_lock_bytes in QEMU block/file-posix.c): there is a byte for each
 * thing that one does with an image, and another for each thing that one does not
 * bear others to do meanwhile.  Such a lock belongs to the open file, wherever it
 * is handed to, and goes with it.
 *
 * The driver takes the locks of a secondary, before it hands the file over.  So it
 * can say which image of which disk is in use; and a secondary needs no call that
 * locks, with which one that was taken over could keep other guests from an image
 * that it may only read.
 *
 * The driver keeps none of these files open.  Where a secondary is to give an image away
 * and stay, or take it back, its open file is had from its process, by whichever daemon
 * there is then.
 */

#pragma once

#include <stdbool.h>

#include "libxl_devicemodel_process.h"

int
libxlDeviceModelLockImage(int fd,
                          bool writes,
                          bool shared);

int
libxlDeviceModelLockRunning(const libxlDeviceModelProcess *process,
                            const char *path,
                            bool writes,
                            bool shared);

int
libxlDeviceModelUnlockRunning(const libxlDeviceModelProcess *process,
                              const char *path,
                              bool writes);
