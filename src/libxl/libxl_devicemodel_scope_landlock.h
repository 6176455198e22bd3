/*
 * libxl_devicemodel_scope_landlock.h: an emulator that starts writes no files
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

int
libxlDeviceModelScopeForbidWriting(void);
