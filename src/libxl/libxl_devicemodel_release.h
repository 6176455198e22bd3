/*
 * libxl_devicemodel_release.h: frees the guest of device models that have ended
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a secondary has left in Xen (libxl_devicemodel_ioreq.h) is taken away with no job and
 * with no domain locked, where its functions don't take one, since the guest stands still
 * until then.
 *
 * A secondary whose disks or serial ports another process goes on with is not freed of at
 * once: who waits for it then waits for the other one, for as long as the driver's configuration
 * says at most.
 *
 * A daemon that starts frees the guests that an earlier one held, and ends what that has started
 * for them before: it does not know what that was told.
 *
 * What is freed belongs to a domain that is there: the state of a secondary is looked at
 * with its lock held, and whoever ends the domain has set it to ending before, with the
 * same lock.
 *
 * A guest is freed of one after the other, since it takes an ioreq server for a moment: the
 * lock for that, of which there is one for each guest, is taken before that of a device model.
 */

#pragma once

#include "libxl_conf.h"
#include "libxl_devicemodel_ioreq.h"
#include "libxl_devicemodel_process.h"
#include "virconf.h"

/* For how long it is tried often to free a guest, where that fails, and before anything else, in
 * milliseconds. */
#define LIBXL_DEVICE_MODEL_RELEASE_MS (10 * 1000)

/* In the driver's configuration, for a guest that is never held; 0 is libvirt's choice. */
#define LIBXL_DEVICE_MODEL_HOLD_NEVER UINT_MAX

int
libxlDeviceModelHoldLoadConf(virConf *conf,
                             unsigned int *seconds);

unsigned int
libxlDeviceModelHoldChoose(unsigned int seconds);

void
libxlDeviceModelsSetLeaving(bool leaving);

bool
libxlDeviceModelsAreLeaving(void);

bool
libxlDeviceModelHold(libxlDeviceModel *dm,
                     bool (*limit)(void *opaque),
                     void *opaque);

bool
libxlDeviceModelBeginSwap(libxlDeviceModel *dm,
                          gint64 *deadline);

int
libxlDeviceModelCopyHeld(libxlDeviceModel *dm,
                         ioreq_t *ready,
                         unsigned int max,
                         unsigned int *nready);

void
libxlDeviceModelAbandonSwap(libxlDeviceModel *dm);

bool
libxlDeviceModelReleaseHeld(libxlDeviceModel *dm);

bool
libxlDeviceModelIsHeld(libxlDeviceModel *dm);

bool
libxlDeviceModelComesFirst(virDomainObj *vm,
                           libxlDeviceModel *dm);

bool
libxlDeviceModelMayComeSecond(virDomainObj *vm,
                              libxlDeviceModel *dm);

void
libxlDeviceModelLimitHold(libxlDeviceModel *dm);

bool
libxlDeviceModelRelease(libxlDeviceModel *dm,
                        bool last,
                        bool *freed);

void
libxlDeviceModelFreeGuest(libxlDeviceModel *dm);

void
libxlDeviceModelReleaseOthers(virDomainObj *vm,
                              const libxlDeviceModel *dm);

void
libxlDeviceModelLowerInterrupts(const libxlDeviceModel *dm);

bool
libxlDeviceModelCheckServer(const libxlDeviceModel *dm);

void
libxlDeviceModelReleaseStarted(virDomainObj *vm,
                               const libxlDeviceModel *dm);

void
libxlDeviceModelFreeHeld(virDomainObj *vm,
                         libxlDeviceModel *dm,
                         bool restarting);

int
libxlDeviceModelsLetGo(virDomainObj *vm,
                       void *opaque);
