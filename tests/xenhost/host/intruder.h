/*
 * intruder.h: how the parts of the intruder tell what came of a trial
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdbool.h>

extern const char *prefix; /* of what is told */

/* Prints the outcome of a trial: the name, and "done" or the name of errno. */
void __attribute__((format(printf, 2, 3)))
tell(bool done,
     const char *fmt,
     ...);
