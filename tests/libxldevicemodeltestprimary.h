/*
 * libxldevicemodeltestprimary.h: stands in for the primary of a domain that is saved
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Listens on a socket as the primary does on its own, in a thread, and agrees to all that it is
 * told.  What links it can bind sockets, other than with libvirt's libxlmock alone.
 */

#pragma once

#include "internal.h"

void
testPrimaryStart(const char *folder,
                 void (*stopped)(void));

void
testPrimaryEnd(void);

const char *
testPrimaryGetPath(void);

bool
testPrimaryIsBack(void);

bool
testPrimaryTell(const char *line);
