/*
 * libxl_devicemodel_alias.h: what a secondary's QEMU calls its devices
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the command line gives a name is addressed by it over the monitor, by a
 * later daemon if need be: so each name is made here, and only here.  All names
 * are the caller's to free.
 */

#pragma once

#include "libxl_devicemodel_conf.h"

char *libxlDeviceModelAliasNIC(size_t idx);

char *libxlDeviceModelAliasTap(size_t idx);

char *libxlDeviceModelAliasDrive(const libxlDeviceModelDisk *disk);

char *libxlDeviceModelAliasImage(const libxlDeviceModelDisk *disk);

char *libxlDeviceModelAliasMedium(const libxlDeviceModelDisk *disk,
                                  unsigned int fdset);

bool libxlDeviceModelAliasIsImage(const char *alias,
                                  const libxlDeviceModelDisk *disk);

char *libxlDeviceModelAliasSerial(size_t idx);

char *libxlDeviceModelAliasTerminal(size_t idx);
