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
                         gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(3) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPQueryPTY(libxlDeviceModelMonitor *mon,
                            const char *label,
                            char **path,
                            gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3)
    G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPSetLink(libxlDeviceModelMonitor *mon,
                           const char *name,
                           bool up,
                           gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPQueryStatus(libxlDeviceModelMonitor *mon,
                               bool *running,
                               char **status,
                               gint64 deadline)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPCont(libxlDeviceModelMonitor *mon,
                        gint64 deadline)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPRemoveFD(libxlDeviceModelMonitor *mon,
                            unsigned int fdset,
                            gint64 deadline)
    ATTRIBUTE_NONNULL(1) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPQueryMedium(libxlDeviceModelMonitor *mon,
                               const char *drive,
                               char **node,
                               gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPAddNode(libxlDeviceModelMonitor *mon,
                           virJSONValue **node,
                           gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPDeleteNode(libxlDeviceModelMonitor *mon,
                              const char *node,
                              gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPOpenTray(libxlDeviceModelMonitor *mon,
                            const char *drive,
                            bool force,
                            gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPCloseTray(libxlDeviceModelMonitor *mon,
                             const char *drive,
                             gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPInsertMedium(libxlDeviceModelMonitor *mon,
                                const char *drive,
                                const char *node,
                                gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) ATTRIBUTE_NONNULL(3) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPRemoveMedium(libxlDeviceModelMonitor *mon,
                                const char *drive,
                                gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;

int
libxlDeviceModelQMPHumanCommand(libxlDeviceModelMonitor *mon,
                                const char *command,
                                gint64 deadline)
    ATTRIBUTE_NONNULL(1) ATTRIBUTE_NONNULL(2) G_GNUC_WARN_UNUSED_RESULT;
