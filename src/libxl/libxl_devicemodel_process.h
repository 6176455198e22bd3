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
 * What leads from new to running is in libxl_devicemodel_start.h.
 * libxlDeviceModelEndAll leads from any state to one without a process, and
 * libxlDeviceModelRemoveFiles from there to stopped.  A device model that is made
 * from the status of an earlier daemon with libxlDeviceModelReopen is running or,
 * where the process is gone, has ended.
 *
 * A process is known by the lock that it holds on its pid file.  It takes the
 * lock before the emulator is executed in it, with a descriptor that it cannot
 * write to, since the file is on a file system that the host must not be without.
 * An emulator that was taken over can give the lock up, and its process is then
 * taken for one that has ended: what it holds and may do is no more for that, and
 * it ends with its domain all the same, by its uid.
 *
 * A libxlDeviceModel is an object with references.  One is that of the list in the
 * domain's private data, which gives it up when nothing is left of the device
 * model; another belongs to whoever works on it with the domain unlocked, and keeps
 * the memory, nothing more.  The process is closed with the last one, and lives on:
 * who wants it to end calls libxlDeviceModelEndAll.
 *
 * Nothing here knows a domain object.  libxlDeviceModelEndAll waits and must not
 * be called with a domain locked; that no two threads use one device model is
 * ensured by the domain's job, which a reference does not stand in for.
 */

#pragma once

#include <sys/types.h>

#include "internal.h"
#include "virobject.h"

/* A process, whoever has its pid by now. */
typedef struct _libxlDeviceModelProcess libxlDeviceModelProcess;
struct _libxlDeviceModelProcess {
    pid_t pid; /* -1 for none */
    int pidfd; /* likewise */
};

typedef struct _libxlDeviceModel libxlDeviceModel;
struct _libxlDeviceModel {
    virObject parent;

    unsigned int domid;
    unsigned int id;
    uid_t uid; /* of whatever runs for it; 0 for nothing */
    char *name;
    char *pidfile;
    char *socket; /* of its QMP server */

    libxlDeviceModelProcess process;
    unsigned int ioservid; /* of its ioreq server, once it runs */
    size_t ntaps;
    unsigned int *taps; /* numbers of the host's interfaces that were made for it */
};

unsigned long long libxlDeviceModelTimeLeft(gint64 deadline);

bool libxlDeviceModelProcessWait(const libxlDeviceModelProcess *process,
                                 gint64 deadline);

libxlDeviceModel *libxlDeviceModelNew(const char *stateDir,
                                      unsigned int domid,
                                      unsigned int id,
                                      const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModel, virObjectUnref);

void libxlDeviceModelListFree(libxlDeviceModel **dms,
                              size_t ndms);

int libxlDeviceModelIdentify(const libxlDeviceModel *dm);

bool libxlDeviceModelReopen(libxlDeviceModel *dm);

bool libxlDeviceModelIsAlive(const libxlDeviceModel *dm);

void libxlDeviceModelEndAll(libxlDeviceModel **dms,
                            size_t ndms);

bool libxlDeviceModelHasEnded(const libxlDeviceModel *dm);

bool libxlDeviceModelRemoveFiles(const libxlDeviceModel *dm);
