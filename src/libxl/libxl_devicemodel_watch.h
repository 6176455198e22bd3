/*
 * libxl_devicemodel_watch.h: notices that a device model has ended by itself
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A device model is watched from when it serves the domain until the domain is
 * about to end.  The event loop of the daemon waits for its process, and hands a
 * death over to a thread, which
 *
 *  frees    the guest of what a secondary has left in Xen: at once, with no job and
 *           with no domain locked, since the guest stands still until then.  Where that
 *           fails, it is tried again for some seconds
 *  kills    what else runs under the uid of a secondary, and waits for its end
 *  reports  the death: libxl_devicemodel_failure.h
 *
 * One that hangs does not end by itself: libxl_devicemodel_hang.h finds it, and ends it.
 *
 * A secondary whose disks or serial ports another process goes on with is not freed of at
 * once: who waits for it then waits for the other one, for three seconds at most.  A second
 * thread frees the guest when that is over, whatever the first is waiting for.
 *
 * What is freed belongs to a domain that is there: the state of a secondary is looked at
 * with its lock held, and whoever ends the domain has set it to ending before, with the
 * same lock.  The primary is only forgotten then, and not found any more.
 *
 * A daemon that ends frees the guests that are held before, and leaves the rest to the next.
 *
 * Guests are freed one after the other, since it takes an ioreq server for a moment: the
 * lock for that is taken before that of a device model.
 */

#pragma once

#include "libxl_conf.h"
#include "libxl_devicemodel_ioreq.h"
#include "libxl_devicemodel_process.h"

/* As many requests as vCPUs, of which Xen gives an HVM domain no more (HVM_MAX_VCPUS in
 * xen/hvm/hvm_info_table.h). */
#define LIBXL_DEVICE_MODEL_READY_MAX 128

int libxlDeviceModelWatch(libxlDriverPrivate *driver,
                          const virDomainDef *def,
                          libxlDeviceModel *dm);

void libxlDeviceModelFreeGuest(libxlDeviceModel *dm);

bool libxlDeviceModelBeginSwap(libxlDeviceModel *dm);

int libxlDeviceModelCopyHeld(libxlDeviceModel *dm,
                             ioreq_t *ready,
                             unsigned int max,
                             unsigned int *nready);

void libxlDeviceModelAbandonSwap(libxlDeviceModel *dm);

bool libxlDeviceModelReleaseHeld(libxlDeviceModel *dm);

void libxlDeviceModelReleaseOthers(virDomainObj *vm,
                                   const libxlDeviceModel *dm);

void libxlDeviceModelLowerInterrupts(const libxlDeviceModel *dm);

bool libxlDeviceModelCheckServer(const libxlDeviceModel *dm);

void libxlDeviceModelReleaseStarted(virDomainObj *vm,
                                    const libxlDeviceModel *dm);

void libxlDeviceModelWatchPrimary(libxlDriverPrivate *driver,
                                  virDomainObj *vm);

bool libxlDeviceModelsAreLeaving(void);

int libxlDeviceModelsLeave(libxlDriverPrivate *driver);
