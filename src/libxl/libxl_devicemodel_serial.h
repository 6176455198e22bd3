/*
 * libxl_devicemodel_serial.h: the back-ends of a secondary's serial ports
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"

int
libxlDeviceModelSerialOpen(const virDomainDef *def,
                           const char *name,
                           virDomainChrDef *chr,
                           bool again,
                           gint64 deadline,
                           int *fd);

bool
libxlDeviceModelSerialHasTerminal(const char *proc,
                                  const char *path);

void
libxlDeviceModelSerialForget(virDomainChrDef *def);

void
libxlDeviceModelSerialRemove(virDomainChrDef *def);
