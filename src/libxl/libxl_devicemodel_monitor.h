/*
 * libxl_devicemodel_monitor.h: QMP client of a secondary device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A monitor is one connection to the QMP socket of one QEMU (QEMU
 * docs/interop/qmp-spec.rst). It carries out one command after the other, each
 * with a deadline, and it is always in one of these states:
 *
 *   NEW     connected; the greeting has not been read. Only the handshake may
 *           follow, and whatever goes wrong in it leads to FAILED.
 *   READY   commands can be carried out. An error reply and a timeout leave
 *           the monitor READY: a reply that comes too late is skipped.
 *   GONE    the device model closed the connection. Whether it exited is for
 *           the caller to find out from its process.
 *   FAILED  the device model sent what no QMP server sends, or took only a part
 *           of a command: nothing on this connection can be trusted any more.
 *   CLOSED  closed by this side.
 *
 * GONE, FAILED and CLOSED are final; what is asked of the monitor afterwards
 * fails with an error that says why. The remedy is a new connection; QEMU
 * serves one at a time.
 *
 * Locking: a monitor knows no domain object, and nobody may call it with a
 * domain locked, since handshake and commands wait for as long as their
 * timeout. The caller keeps the monitor alive while it is used, and its own job
 * keeps commands apart: a second command waits, beyond its own timeout, for the
 * end of the first. libxlDeviceModelMonitorProcessEvents never waits and may be
 * called from the event loop at any time, with a command under way or not.
 *
 * Everything that comes from the device model is taken for hostile: lines are
 * limited in length, and what errors quote of them is cut and escaped.
 */

#pragma once

#include "internal.h"
#include "virjson.h"

/* The longest line accepted from a device model, in bytes, without its LF. */
#define LIBXL_DEVICE_MODEL_MONITOR_LINE_MAX (1024 * 1024)

typedef struct _libxlDeviceModelMonitor libxlDeviceModelMonitor;

/**
 * libxlDeviceModelMonitorEventCallback:
 * @mon: the monitor; no function of it may be called from here
 * @event: name of the event
 * @data: its data, NULL when it has none; valid during the call only
 * @opaque: what was given with the callback
 *
 * Called in whichever thread read the event: one that carries out a command,
 * or the one that calls libxlDeviceModelMonitorProcessEvents; never in two at
 * a time. It must not wait.
 */
typedef void
(*libxlDeviceModelMonitorEventCallback)(libxlDeviceModelMonitor *mon,
                                        const char *event,
                                        virJSONValue *data,
                                        void *opaque);

libxlDeviceModelMonitor *
libxlDeviceModelMonitorNew(const char *name,
                           int *fd)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2);

libxlDeviceModelMonitor *
libxlDeviceModelMonitorConnect(const char *name,
                               const char *path)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2);

int
libxlDeviceModelMonitorHandshake(libxlDeviceModelMonitor *mon,
                                 unsigned long long timeoutMs)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelMonitorCommand(libxlDeviceModelMonitor *mon,
                               const char *command,
                               virJSONValue **arguments,
                               virJSONValue **reply,
                               unsigned long long timeoutMs)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelMonitorAddFD(libxlDeviceModelMonitor *mon,
                             int fd,
                             unsigned int *fdset,
                             unsigned long long timeoutMs)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(3) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelMonitorQueryPTY(libxlDeviceModelMonitor *mon,
                                const char *label,
                                char **path,
                                unsigned long long timeoutMs)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3)
    G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelMonitorSetLink(libxlDeviceModelMonitor *mon,
                               size_t idx,
                               bool up,
                               unsigned long long timeoutMs)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelMonitorQueryStatus(libxlDeviceModelMonitor *mon,
                                   bool *running,
                                   char **status,
                                   unsigned long long timeoutMs)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelMonitorCont(libxlDeviceModelMonitor *mon,
                            unsigned long long timeoutMs)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelMonitorQuit(libxlDeviceModelMonitor *mon,
                            unsigned long long timeoutMs)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

void
libxlDeviceModelMonitorSetEventCallback(libxlDeviceModelMonitor *mon,
                                        libxlDeviceModelMonitorEventCallback cb,
                                        void *opaque)
    ATTRIBUTE_NONNULL(1);

int
libxlDeviceModelMonitorProcessEvents(libxlDeviceModelMonitor *mon)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelMonitorGetFD(libxlDeviceModelMonitor *mon)
    ATTRIBUTE_NONNULL(1);

bool
libxlDeviceModelMonitorIsGone(libxlDeviceModelMonitor *mon)
    ATTRIBUTE_NONNULL(1);

void
libxlDeviceModelMonitorClose(libxlDeviceModelMonitor *mon);

void
libxlDeviceModelMonitorFree(libxlDeviceModelMonitor *mon);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelMonitor, libxlDeviceModelMonitorFree);
