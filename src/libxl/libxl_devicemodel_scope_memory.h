/*
 * libxl_devicemodel_scope_memory.h: remembers what the guest writes into registers
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

int
libxlDeviceModelScopeMemoryMap(int fd);
