/*
 * libxl_devicemodel_start.h: a secondary is started
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is needed for a start only is in a libxlDeviceModelStarting, which goes
 * when the device model serves its devices or has failed to.  Its functions come
 * in this order:
 *
 *  libxlDeviceModelOpenFiles  opens what the devices need of the host, but for
 *                             the taps (libxlDeviceModelNetConnect)
 *  libxlDeviceModelSpawn      starts the process
 *  libxlDeviceModelAwait      waits until it serves its devices; the caller, who can
 *                             lock the domain, then says that it is running
 *
 * The states are those of libxl_devicemodel_process.h.  Wherever a start fails,
 * libxlDeviceModelEndAll and libxlDeviceModelRemoveFiles undo it.
 *
 * Nothing here knows a domain object.  All three wait and must not be called
 * with a domain locked.
 */

#pragma once

#include "domain_logcontext.h"
#include "libxl_devicemodel_fds.h"
#include "libxl_devicemodel_limits.h"
#include "libxl_devicemodel_monitor.h"
#include "libxl_devicemodel_privilege.h"
#include "libxl_devicemodel_process.h"
#include "libxl_devicemodel_registers.h"
#include "libxl_devicemodel_saved.h"

/* A secondary while it starts. */
typedef struct _libxlDeviceModelStarting libxlDeviceModelStarting;

/* What is done where the process takes the place of another.  All return -1 with an error where
 * the start has failed with that. */
typedef struct _libxlDeviceModelSuccession libxlDeviceModelSuccession;
struct _libxlDeviceModelSuccession {
    /* Just before the process is started: makes the file in which it remembers registers, with
     * what the guest has written so far.  Returns it, open; the caller closes it. */
    int (*remember)(libxlDeviceModelStarting *starting,
                    libxlDeviceModel *predecessor);
    /* Just before the process serves its devices: decides what it is told first (replay), and
     * until when it has to have been told all: brings @deadline forward where the guest does
     * not wait for so long.  Returns 0. */
    int (*begin)(libxlDeviceModelStarting *starting,
                 libxlDeviceModel *predecessor,
                 gint64 *deadline);
    /* As soon as it serves them.  Returns 0. */
    int (*end)(const libxlDeviceModelStarting *starting,
               libxlDeviceModel *predecessor,
               libxlDeviceModelMonitor *mon,
               gint64 deadline);
};

struct _libxlDeviceModelStarting {
    libxlDeviceModel *dm; /* a reference */
    virDomainDeviceModelDef *dmdef; /* belongs to the domain */
    libxlDeviceModelConfig *config;
    libxlDeviceModelPrivilege *privilege; /* what it becomes */
    libxlDeviceModelLimits limits; /* what it may take */
    libxlDeviceModelFDs *fds; /* what its devices need opened */
    domainLogContext *log; /* gets the command line and all output */
    libxlDeviceModelRegisters *before; /* what the guest has written, where it takes the place of
                                          another; or NULL */
    char **replay; /* what it is told of that before it serves its devices, or NULL */
    const libxlDeviceModelSuccession *succession; /* or NULL */
    libxlDeviceModel *predecessor; /* belongs to the domain */
    const libxlDeviceModelSaved *saved; /* the state that it goes on with, or NULL; the caller's */
    bool swaps; /* the guest of that is held for it */
    int scopefd; /* to the scope library, until it has sealed the scope */
    char *ttys[LIBXL_DEVICE_MODEL_SERIAL_MAX]; /* of the serial ports that are
                                                  pseudo terminals, at last */
};

libxlDeviceModelStarting *
libxlDeviceModelStartingNew(libxlDeviceModel *dm,
                            virDomainDeviceModelDef *dmdef,
                            libxlDeviceModelConfig *config,
                            libxlDeviceModelPrivilege *privilege,
                            const libxlDeviceModelLimitsConf *limits);

void
libxlDeviceModelStartingFree(libxlDeviceModelStarting *starting);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelStarting, libxlDeviceModelStartingFree);

int
libxlDeviceModelOpenFiles(libxlDeviceModelStarting *starting,
                          const virDomainDef *def,
                          gint64 deadline);

int
libxlDeviceModelSpawn(libxlDeviceModelStarting *starting);

int
libxlDeviceModelAwait(libxlDeviceModelStarting *starting,
                      gint64 deadline);
