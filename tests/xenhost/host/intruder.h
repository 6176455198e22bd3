/*
 * intruder.h: what the parts of the intruder share, and how they tell what came of a trial
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdbool.h>

#define MIB (1024 * 1024)

extern const char *prefix; /* of what is told */

/* Prints the outcome of a trial: the name, and "done" or the name of errno. */
void __attribute__((format(printf, 2, 3)))
tell(bool done,
     const char *fmt,
     ...);

/* Ends the process, as no trial can be made without @what, with the text of errno. */
void __attribute__((noreturn))
die(const char *what);
