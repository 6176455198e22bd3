/*
 * libxldevicemodeltestloop.h: a thread that runs libvirt's event loop
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "internal.h"

int
testLoopStart(void);

void
testLoopStop(void);
