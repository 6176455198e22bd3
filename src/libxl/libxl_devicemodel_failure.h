/*
 * libxl_devicemodel_failure.h: what follows from the end of a device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * That a device model has ended by itself, of which the guest is free already, is told
 * to everybody who can know of it, in this order:
 *
 *  the live definition  its state is "failed", and how often, when and why stays
 *  the status file      so that a later daemon knows it, too
 *  xenstore             the state of a secondary
 *  the log of the daemon
 *  clients              an I/O error event, as for a disk, without and with a reason,
 *                       which is "message": virDomainGetMessages has the text
 *  the hook script      with the name of the device model
 *
 * Then is done what the definition wants: <failure action=''> of a secondary, which is
 * restarted where nothing else is said (libxl_devicemodel_restart.h); the end of a primary
 * is a crash of the domain.  The status file says whether it is still to be done: it waits
 * for a job, and the daemon may end meanwhile.
 */

#pragma once

#include "libxl_conf.h"
#include "libxl_devicemodel_process.h"

bool
libxlDeviceModelWasTold(const virDomainDef *def,
                        const libxlDeviceModel *dm);

void
libxlDeviceModelFail(libxlDriverPrivate *driver,
                     virDomainObj *vm,
                     libxlDeviceModel *dm,
                     const char *reason);

void
libxlDeviceModelFinish(libxlDriverPrivate *driver,
                       virDomainObj *vm,
                       libxlDeviceModel *dm);

void
libxlDeviceModelsGetMessages(const virDomainDef *def,
                             GPtrArray *messages,
                             unsigned int flags);
