/*
 * libxl_devicemodel_media.h: the media in the drives of a running secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl_devicemodel_fds.h"
#include "libxl_devicemodel_monitor.h"

int
libxlDeviceModelMediaChange(libxlDeviceModelMonitor *mon,
                            const libxlDeviceModelDisk *disk,
                            libxlDeviceModelImages *images,
                            gint64 deadline);
