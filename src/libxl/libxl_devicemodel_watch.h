/*
 * libxl_devicemodel_watch.h: notices that a device model has ended by itself
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A device model is watched from when it serves the domain until the domain is
 * about to end.  The event loop of the daemon waits for its process, and hands a
 * death over to a thread, which
 *
 *  frees    the guest of what a secondary has left in Xen (libxl_devicemodel_release.h):
 *           at once, with no job and with no domain locked.  Where that fails, it is tried
 *           again for some seconds, and by another thread after that
 *  kills    what else runs under the uid of a secondary, and waits for its end
 *  reports  the death: libxl_devicemodel_failure.h
 *
 * One that hangs does not end by itself: libxl_devicemodel_hang.h finds it, and ends it.
 *
 * Where the guest is held for another process, a second thread frees it when its time is
 * over, whatever the first is waiting for, and tries that for as long as the domain lives.
 *
 * The primary of a domain that ends is only forgotten, and not found any more.
 *
 * A daemon that ends frees the guests that are held before, and leaves the rest to the next.
 */

#pragma once

#include "libxl_conf.h"
#include "libxl_devicemodel_process.h"

int
libxlDeviceModelWatch(libxlDriverPrivate *driver,
                      const virDomainDef *def,
                      libxlDeviceModel *dm);

void
libxlDeviceModelTryWatch(libxlDriverPrivate *driver,
                         const virDomainDef *def,
                         libxlDeviceModel *dm);

void
libxlDeviceModelWatchSuccessors(libxlDriverPrivate *driver,
                                virDomainObj *vm);

void
libxlDeviceModelsFinishLeft(libxlDriverPrivate *driver,
                            virDomainObj *vm);

void
libxlDeviceModelWatchPrimary(libxlDriverPrivate *driver,
                             virDomainObj *vm);

void
libxlDeviceModelUnwatch(libxlDeviceModel *dm);

void
libxlDeviceModelForget(libxlDeviceModel **dm);

void
libxlDeviceModelListFree(libxlDeviceModel **dms,
                         size_t ndms);

int
libxlDeviceModelsLeave(libxlDriverPrivate *driver);
