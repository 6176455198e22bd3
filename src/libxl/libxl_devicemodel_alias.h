/*
 * libxl_devicemodel_alias.h: what a secondary's QEMU calls its devices
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the command line gives a name is addressed by it over the monitor, by a
 * later daemon if need be: so each name is made here, and only here.  A name says
 * where the guest finds the device, which stays as long as the domain runs; its
 * index in the live definition changes when another device is attached or
 * detached.  A name that a function returns is the caller's to free.
 */

#pragma once

#include "libxl_devicemodel_conf.h"

/* What a secondary has one of at most: the character device of its monitor, the sound
 * device that the guest sees, and the backend of that. */
#define LIBXL_DEVICE_MODEL_ALIAS_MONITOR "monitor"
#define LIBXL_DEVICE_MODEL_ALIAS_SOUND "sound0"
#define LIBXL_DEVICE_MODEL_ALIAS_AUDIO "audio0"

char *
libxlDeviceModelAliasNIC(unsigned int slot);

char *
libxlDeviceModelAliasTap(unsigned int slot);

char *
libxlDeviceModelAliasDrive(const libxlDeviceModelDisk *disk);

char *
libxlDeviceModelAliasImage(const libxlDeviceModelDisk *disk);

char *
libxlDeviceModelAliasMedium(const libxlDeviceModelDisk *disk,
                            unsigned int fdset);

bool
libxlDeviceModelAliasIsImage(const char *alias,
                             const libxlDeviceModelDisk *disk);

char *
libxlDeviceModelAliasSerial(size_t idx);

char *
libxlDeviceModelAliasTerminal(size_t idx);
