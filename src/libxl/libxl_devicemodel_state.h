/*
 * libxl_devicemodel_state.h: the state of secondaries leaves their processes, and comes into others
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The steps over QMP of who saves, restores or migrates a domain (libxl_devicemodel_save.h):
 *
 *  libxlDeviceModelStatesAsk       before anything is touched: whether each of them answers,
 *                                  emulates, and has nothing that cannot be saved
 *  libxlDeviceModelStatesLog       while the guest runs: Xen is told of each page that they dirty
 *  libxlDeviceModelStatesSave      once the guest is suspended: they are stopped, and send their
 *                                  state
 *  libxlDeviceModelStatesContinue  where the guest goes on after all
 *  libxlDeviceModelStateLoad       into a process that was started with -incoming defer, once it
 *                                  was found to have no privilege and its scope is sealed
 *
 * All but the last are done with several secondaries at a time, each in a thread, and wait for
 * all of them, until the deadline at the most; where several fail, the first in the list
 * is whose error is reported.  Only libxlDeviceModelStatesSave fails where the daemon is short of
 * threads or pipes; the others do with the caller's thread then.  No domain may be locked, and the caller has a reference to each
 * secondary.
 *
 * What a secondary sends is taken for hostile: a pipe has it, from which no more is taken than
 * LIBXL_DEVICE_MODEL_SAVED_STATE_MAX, and whose other end waits, until the deadline, where
 * nothing is taken.  So it cannot fill the memory or the disks of the host, and cannot change
 * what it has sent.
 */

#pragma once

#include "libxl_devicemodel_monitor.h"
#include "libxl_devicemodel_process.h"
#include "libxl_devicemodel_saved.h"

int
libxlDeviceModelStatesAsk(libxlDeviceModel **dms,
                          libxlDeviceModelsSaved *saved,
                          gint64 deadline);

int
libxlDeviceModelStatesLog(libxlDeviceModel **dms,
                          size_t ndms,
                          bool enable,
                          gint64 deadline);

int
libxlDeviceModelStatesSave(libxlDeviceModel **dms,
                           libxlDeviceModelsSaved *saved,
                           bool live,
                           gint64 deadline);

int
libxlDeviceModelStatesContinue(libxlDeviceModel **dms,
                               size_t ndms,
                               gint64 deadline);

int
libxlDeviceModelStateLoad(libxlDeviceModelMonitor *mon,
                          const libxlDeviceModelSaved *saved,
                          gint64 deadline);
