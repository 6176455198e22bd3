/*
 * takeover.h: lets another process execute this program
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

int takeOver(pid_t victim,
             char **args);
