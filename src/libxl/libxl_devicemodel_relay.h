/*
 * libxl_devicemodel_relay.h: between libxl and the primary while a domain is saved
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libxl saves the state of one device model, the primary, and offers nobody a moment to save
 * that of others.  But it tells the primary what to do over QMP, whose socket it opens by its
 * path, and waits for each answer: to log the pages that it dirties, before the guest's memory
 * is sent for the first time; and, once the guest is suspended and before its memory is read
 * for the last time, to stop and save its state (libxl__domain_suspend_device_model in Xen's
 * tools/libs/light/libxl_dom_suspend.c).  A relay is a socket in the place of the primary's
 * for the time of such an operation.  All that comes to it is passed on, both ways, open files
 * too; but what has to be done with the secondaries is done before the primary is told.
 *
 * States
 *
 *  in place  from libxlDeviceModelRelayNew on: the primary's socket has another name, which
 *            is that of the relay with LIBXL_DEVICE_MODEL_RELAY_ASIDE at its end; both were
 *            exchanged in one step, so that there is a socket under the path at any time
 *  gone      from libxlDeviceModelRelayEnd on: the primary's socket is where it was.  A
 *            daemon that was killed leaves it where it is, and the next one puts it back with
 *            libxlDeviceModelRelayPutBack
 *
 * It has a thread of its own, in which the handler is called, and which ends when it is told
 * to, as soon as the handler has returned.  It waits for nobody else: who does not read what
 * it is sent is not sent any more.  One client is served at a time, as QEMU does.
 *
 * libxl, which is a part of the daemon, is trusted; the primary may have been taken over by
 * its guest.  What the primary sends is not looked at, and no more of it is kept than
 * LIBXL_DEVICE_MODEL_RELAY_MAX.
 *
 * What is to be done with a line is decided by libxlDeviceModelRelayDecide, which needs no
 * socket.
 */

#pragma once

#include "internal.h"

/* What the primary's socket is called meanwhile, after its name. */
#define LIBXL_DEVICE_MODEL_RELAY_ASIDE ".libvirt"

/* The longest line that libxl may send, and the most that is kept for who does not read. */
#define LIBXL_DEVICE_MODEL_RELAY_MAX (64 * 1024)

typedef enum {
    LIBXL_DEVICE_MODEL_RELAY_PASS = 0, /* nothing that concerns secondaries */
    LIBXL_DEVICE_MODEL_RELAY_LOG, /* which pages are dirtied is to be told to Xen */
    LIBXL_DEVICE_MODEL_RELAY_UNLOG, /* and not any more */
    LIBXL_DEVICE_MODEL_RELAY_STOP, /* the guest is suspended: no device is to change any more */
} libxlDeviceModelRelayStep;

/* Does with the secondaries what @step says, before the primary is told.  Returns 0, or -1
 * with an error, which is libxl's answer then: the operation fails. */
typedef int (*libxlDeviceModelRelayHandler)(libxlDeviceModelRelayStep step,
                                            void *opaque);

typedef struct _libxlDeviceModelRelay libxlDeviceModelRelay;

char *
libxlDeviceModelRelayGetPath(unsigned int domid);

libxlDeviceModelRelayStep
libxlDeviceModelRelayDecide(const char *line);

char *
libxlDeviceModelRelayRefusal(const char *line,
                             const char *reason);

libxlDeviceModelRelay *
libxlDeviceModelRelayNew(const char *path,
                         libxlDeviceModelRelayHandler handler,
                         void *opaque);

int
libxlDeviceModelRelayEnd(libxlDeviceModelRelay *relay,
                         bool *stopped);

int
libxlDeviceModelRelayPutBack(const char *path);
