/*
 * libxl_devicemodel_qmp.h: the QMP commands that secondaries are given
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One function for each command, over a monitor that is READY: what QEMU calls it,
 * what it takes and what can be trusted of its reply.  All wait until the deadline,
 * in terms of g_get_monotonic_time, and no domain may be locked.
 */

#pragma once

#include "libxl_devicemodel_monitor.h"

int
libxlDeviceModelQMPAddFD(libxlDeviceModelMonitor *mon,
                         int fd,
                         unsigned int *fdset,
                         gint64 deadline);

int
libxlDeviceModelQMPQueryPTY(libxlDeviceModelMonitor *mon,
                            const char *label,
                            char **path,
                            gint64 deadline);

int
libxlDeviceModelQMPSetLink(libxlDeviceModelMonitor *mon,
                           const char *name,
                           bool up,
                           gint64 deadline);

int
libxlDeviceModelQMPQueryStatus(libxlDeviceModelMonitor *mon,
                               bool *running,
                               char **status,
                               gint64 deadline);

int
libxlDeviceModelQMPCont(libxlDeviceModelMonitor *mon,
                        gint64 deadline);

int
libxlDeviceModelQMPRemoveFD(libxlDeviceModelMonitor *mon,
                            unsigned int fdset,
                            gint64 deadline);

int
libxlDeviceModelQMPQueryMedium(libxlDeviceModelMonitor *mon,
                               const char *drive,
                               char **node,
                               gint64 deadline);

int
libxlDeviceModelQMPAddNode(libxlDeviceModelMonitor *mon,
                           virJSONValue **node,
                           gint64 deadline);

int
libxlDeviceModelQMPDeleteNode(libxlDeviceModelMonitor *mon,
                              const char *node,
                              gint64 deadline);

int
libxlDeviceModelQMPOpenTray(libxlDeviceModelMonitor *mon,
                            const char *drive,
                            bool force,
                            gint64 deadline);

int
libxlDeviceModelQMPCloseTray(libxlDeviceModelMonitor *mon,
                             const char *drive,
                             gint64 deadline);

int
libxlDeviceModelQMPInsertMedium(libxlDeviceModelMonitor *mon,
                                const char *drive,
                                const char *node,
                                gint64 deadline);

int
libxlDeviceModelQMPRemoveMedium(libxlDeviceModelMonitor *mon,
                                const char *drive,
                                gint64 deadline);

int
libxlDeviceModelQMPHumanCommands(libxlDeviceModelMonitor *mon,
                                 char **commands,
                                 gint64 deadline);

int
libxlDeviceModelQMPQueryVersion(libxlDeviceModelMonitor *mon,
                                unsigned int version[3],
                                gint64 deadline);

int
libxlDeviceModelQMPQueryMachine(libxlDeviceModelMonitor *mon,
                                char **machine,
                                gint64 deadline);

int
libxlDeviceModelQMPCheckBlockers(libxlDeviceModelMonitor *mon,
                                 gint64 deadline);

int
libxlDeviceModelQMPSetDirtyLog(libxlDeviceModelMonitor *mon,
                               bool enable,
                               gint64 deadline);

int
libxlDeviceModelQMPStop(libxlDeviceModelMonitor *mon,
                        gint64 deadline);

int
libxlDeviceModelQMPSaveState(libxlDeviceModelMonitor *mon,
                             unsigned int fdset,
                             bool live,
                             gint64 deadline);

int
libxlDeviceModelQMPIncoming(libxlDeviceModelMonitor *mon,
                            int fd,
                            gint64 deadline);
