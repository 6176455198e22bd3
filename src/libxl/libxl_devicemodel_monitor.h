/*
 * libxl_devicemodel_monitor.h: QMP client of a secondary device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A monitor is one connection to the QMP socket of one QEMU (QEMU
 * docs/interop/qmp-spec.rst).  It carries out one command after the other, or several of a
 * kind at once, with a deadline, and it is always in one of these states:
 *
 *   NEW     connected; the greeting has not been read.  Only the handshake may
 *           follow, and whatever goes wrong in it leads to FAILED.
 *   READY   commands can be carried out.  An error reply and a timeout leave
 *           the monitor READY: a reply that comes too late is skipped.
 *   GONE    the device model closed the connection.  Whether it exited is for
 *           the caller to find out from its process.
 *   FAILED  the device model sent what no QMP server sends, or took only a part
 *           of a command: nothing on this connection can be trusted any more.
 *
 * GONE and FAILED are final; what is asked of the monitor afterwards fails with
 * an error that says why.  The remedy is a new connection; QEMU serves one at
 * a time.  Events are skipped: a device model that dies is noticed by its
 * process.
 *
 * Locking: none.  A monitor belongs to the thread that made it, which uses it
 * inside the domain's job and without the domain's lock, since handshake and
 * commands wait until their deadline, in terms of g_get_monotonic_time.
 *
 * Everything that comes from the device model is taken for hostile: lines are
 * limited in length, and so is all that comes before an answer, as a call may be
 * given a long time; what errors quote of lines is cut and escaped.  No command
 * that is used here has a reply of more than a few KiB (that of query-block grows
 * with the square of the length of a chain of images, and is not used); to take a
 * line of the length that is accepted apart costs a fraction of a second.
 */

#pragma once

#include "internal.h"
#include "virjson.h"

/* The longest line accepted from a device model, in bytes, without its LF. */
#define LIBXL_DEVICE_MODEL_MONITOR_LINE_MAX (64 * 1024)

/* The most that is read of events and answers in one call, in bytes.  QEMU answers
 * before it has sent a hundredth of that. */
#define LIBXL_DEVICE_MODEL_MONITOR_CALL_MAX (8 * LIBXL_DEVICE_MODEL_MONITOR_LINE_MAX)

typedef struct _libxlDeviceModelMonitor libxlDeviceModelMonitor;

libxlDeviceModelMonitor *
libxlDeviceModelMonitorNew(const char *name,
                           int *fd);

libxlDeviceModelMonitor *
libxlDeviceModelMonitorConnect(const char *name,
                               const char *path);

int
libxlDeviceModelMonitorHandshake(libxlDeviceModelMonitor *mon,
                                 gint64 deadline);

int
libxlDeviceModelMonitorCommand(libxlDeviceModelMonitor *mon,
                               const char *command,
                               virJSONValue **arguments,
                               virJSONValue **reply,
                               gint64 deadline);

int
libxlDeviceModelMonitorCommands(libxlDeviceModelMonitor *mon,
                                const char *command,
                                virJSONValue **arguments,
                                virJSONValue **replies,
                                size_t n,
                                gint64 deadline);

int
libxlDeviceModelMonitorCommandFD(libxlDeviceModelMonitor *mon,
                                 const char *command,
                                 virJSONValue **arguments,
                                 int fd,
                                 virJSONValue **reply,
                                 gint64 deadline);

const char *
libxlDeviceModelMonitorGetName(const libxlDeviceModelMonitor *mon);

void
libxlDeviceModelMonitorFree(libxlDeviceModelMonitor *mon);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelMonitor, libxlDeviceModelMonitorFree);
