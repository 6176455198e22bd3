/*
 * fakexentoolcore.c: a stand-in for libxentoolcore
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Prints the call that reaches it.  There are no handles of domain 13, which
 * cannot be restricted therefore.
 */

#include <errno.h>
#include <stdio.h>

#include <xentoolcore.h>


int
xentoolcore_restrict_all(domid_t domid)
{
    printf("  toolcore restrict %u\n", domid);

    if (domid != 13)
        return 0;

    errno = EBADF;
    return -1;
}
