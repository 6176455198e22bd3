/*
 * libxl_devicemodel_process.h: the process of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * States of a libxlDeviceModel
 *
 *  new       it has an identity, no process and no files
 *  spawned   the process was started; it registers its devices with Xen, but
 *            does not serve them yet
 *  running   the process was found to be in its scope and serves its devices
 *  stopped   no process and no files; the same as new
 *
 * libxlDeviceModelSpawn leads from new to spawned, libxlDeviceModelAwait from
 * there to running, libxlDeviceModelStopAll from any state to stopped.  A
 * device model that is made from the status of an earlier daemon with
 * libxlDeviceModelReopen is running or, where the process is gone, stopped.
 *
 * Nothing here knows a domain object.  libxlDeviceModelAwait and
 * libxlDeviceModelStopAll wait and must not be called with a domain locked;
 * that no two threads use one device model is ensured by the domain's job.
 */

#pragma once

#include <sys/types.h>

#include "domain_logcontext.h"
#include "libxl_devicemodel_fds.h"
#include "libxl_devicemodel_privilege.h"

typedef struct _libxlDeviceModel libxlDeviceModel;
struct _libxlDeviceModel {
    unsigned int domid;
    unsigned int id;
    uid_t uid; /* of its process; 0 before it has one */
    char *name;
    char *pidfile;
    char *socket; /* of its QMP server */

    pid_t pid; /* -1 without a process */
    int pidfd; /* the process itself, whatever becomes of its pid */
    int scopefd; /* to the scope library, until the device model runs */
    unsigned int ioservid; /* of its ioreq server, once it runs */
    char *ttys[LIBXL_DEVICE_MODEL_SERIAL_MAX]; /* of its serial ports that are
                                                  pseudo terminals, likewise */
};

libxlDeviceModel *libxlDeviceModelNew(const char *stateDir,
                                      unsigned int domid,
                                      unsigned int id,
                                      const char *name);

void libxlDeviceModelFree(libxlDeviceModel *dm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModel, libxlDeviceModelFree);

void libxlDeviceModelListFree(libxlDeviceModel **dms,
                              size_t ndms);

int libxlDeviceModelSpawn(libxlDeviceModel *dm,
                          const libxlDeviceModelConfig *config,
                          const libxlDeviceModelPrivilege *privilege,
                          libxlDeviceModelFDs *fds,
                          domainLogContext *log);

int libxlDeviceModelAwait(libxlDeviceModel *dm,
                          const libxlDeviceModelConfig *config,
                          const libxlDeviceModelPrivilege *privilege,
                          domainLogContext *log,
                          gint64 deadline);

int libxlDeviceModelReopen(libxlDeviceModel *dm);

bool libxlDeviceModelIsAlive(const libxlDeviceModel *dm);

size_t libxlDeviceModelStopAll(libxlDeviceModel **dms,
                               size_t ndms);
