/*
 * fakexenevtchn.c: a stand-in for libxenevtchn
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Prints the calls that reach it.  A port of the other end has the number 100 less.
 */

#include <errno.h>
#include <stdio.h>

#include <xenevtchn.h>

#include "fakexen.h"

#define FAKE_PORT 100

static unsigned int pending;


void
fakeXenEvtchnRaise(unsigned int port)
{
    pending = port;
}



xenevtchn_port_or_error_t
xenevtchn_bind_interdomain(xenevtchn_handle *xce __attribute__((unused)),
                           uint32_t domid,
                           evtchn_port_t remote_port)
{
    printf("  evtchn bind %u %u\n", domid, remote_port);

    if (remote_port >= FAKE_PORT)
        return remote_port - FAKE_PORT;

    errno = EINVAL;
    return -1;
}


xenevtchn_port_or_error_t
xenevtchn_pending(xenevtchn_handle *xce __attribute__((unused)))
{
    printf("  evtchn pending %u\n", pending);
    return pending;
}


int
xenevtchn_unmask(xenevtchn_handle *xce __attribute__((unused)),
                 evtchn_port_t port)
{
    printf("  evtchn unmask %u\n", port);
    return 0;
}


int
xenevtchn_notify(xenevtchn_handle *xce __attribute__((unused)),
                 evtchn_port_t port)
{
    printf("  evtchn notify %u\n", port);
    return 0;
}
