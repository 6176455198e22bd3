/*
 * fakexenforeignmemory.c: a stand-in for libxenforeignmemory
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Prints the call that reaches it.  Pages are of this process's own memory; there is
 * nothing to map of domain 13.
 */

#include <errno.h>
#include <stdio.h>

#include <xenforeignmemory.h>

#define FAKE_PAGE 4096
#define FAKE_PAGES 4

/* Those of one mapping follow each other, but not what is mapped apart. */
static char fakePages[2 * FAKE_PAGES * FAKE_PAGE] __attribute__((aligned(FAKE_PAGE)));


xenforeignmemory_resource_handle *
xenforeignmemory_map_resource(xenforeignmemory_handle *fmem __attribute__((unused)),
                              domid_t domid,
                              unsigned int type,
                              unsigned int id,
                              unsigned long frame,
                              unsigned long nr_frames,
                              void **paddr,
                              int prot __attribute__((unused)),
                              int flags __attribute__((unused)))
{
    printf("  memory resource %u %u %u %lu %lu\n", domid, type, id, frame, nr_frames);

    if (domid == 13 || frame + nr_frames > FAKE_PAGES) {
        errno = EOPNOTSUPP;
        return NULL;
    }

    *paddr = fakePages + 2 * frame * FAKE_PAGE;
    return (xenforeignmemory_resource_handle *)fakePages;
}
