/*
 * libxl_devicemodel_privilege.h: a secondary runs without privilege
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Theory of operation
 *
 * A secondary needs privilege only while it starts, to open Xen's devices and
 * the socket of xenstored.  Whatever else it uses is handed to it open.  What it
 * starts with is taken away in these steps:
 *
 *  before it is executed   supplementary groups; network and IPC namespace of
 *                          the host; io_uring; all capabilities but those that
 *                          the third step takes; limits on files, processes and
 *                          core dumps (libxlDeviceModelPrivilegeConfine)
 *  when it is loaded       the gaining of privilege by executing a program
 *                          (no_new_privs, by the scope library: earlier, a
 *                          security module could not leave the daemon's
 *                          confinement for that of the emulator), and the
 *                          writing of files
 *  when its machine is     what its Xen handles do to other domains (QEMU, by
 *  built                   -xen-domid-restrict); what the sockets and taps do
 *                          that it was handed (libxlDeviceModelSeccompSeal, by
 *                          the scope library); the file system; user, group and
 *                          the last capabilities (QEMU, by -chroot and -runas)
 *  before it serves        the driver reads from /proc whether all that is so
 *                          (libxlDeviceModelPrivilegeCheck)
 *
 * Each secondary has a uid, and a gid of the same number, that nobody else has.
 * By it the driver ends all that a secondary may have become
 * (libxlDeviceModelPrivilegeSignal).
 *
 * Nothing here knows a domain object.  libxlDeviceModelPrivilegePrepare and
 * libxlDeviceModelPrivilegeSignal take a while and must not be called with a
 * domain locked.
 */

#pragma once

#include <sys/types.h>

#include "libxl_devicemodel_emulator.h"
#include "vircommand.h"
#include "virconf.h"

/* What a secondary becomes. */
typedef struct _libxlDeviceModelPrivilege libxlDeviceModelPrivilege;
struct _libxlDeviceModelPrivilege {
    char *name; /* of the device model */
    uid_t uid; /* and gid */
    char *root; /* an empty folder */
    unsigned int processes; /* that the uid may have, threads included */
    libxlDeviceModelEmulator emulator; /* known once prepared */
};

int
libxlDeviceModelPrivilegeLoadConf(virConf *conf,
                                  unsigned int *uidBase);

libxlDeviceModelPrivilege *
libxlDeviceModelPrivilegeNew(const char *stateDir,
                             unsigned int uidBase,
                             unsigned int domid,
                             unsigned int id,
                             const char *name,
                             unsigned int vcpus);

void
libxlDeviceModelPrivilegeFree(libxlDeviceModelPrivilege *privilege);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelPrivilege, libxlDeviceModelPrivilegeFree);

int
libxlDeviceModelPrivilegePrepare(libxlDeviceModelPrivilege *privilege,
                                 const char *path);

int
libxlDeviceModelPrivilegeConfine(uid_t uid);

void
libxlDeviceModelPrivilegeApply(const libxlDeviceModelPrivilege *privilege,
                               virCommand *cmd);

int
libxlDeviceModelPrivilegeCheck(const libxlDeviceModelPrivilege *privilege,
                               const char *proc);

int
libxlDeviceModelPrivilegeSignal(uid_t uid,
                                int sig);
