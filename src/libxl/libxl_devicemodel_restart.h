/*
 * libxl_devicemodel_restart.h: another process takes the place of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A secondary that has failed is restarted in these steps:
 *
 *  decide   whether that is safe for its devices (libxl_devicemodel_replay.h), known of
 *           what the guest has written, and not too often (libxl_devicemodel_throttle.h)
 *  end      what runs under its uid, which may be a process that an earlier daemon has
 *           started in its place; and whatever ioreq server that had
 *  unplug   its taps
 *  start    a new libxlDeviceModel, as when the domain starts: the same configuration,
 *           made from the live definition, which has the media and link states of now;
 *           files and taps opened anew, its privilege proved.  Before it serves its
 *           devices it is told what the guest has written
 *  swap     where the guest is held still, as nobody frees it from just before the new
 *           process serves its devices: it comes to the new process from then on, which
 *           is told what it takes for written, and who waits for the old one goes on.  If
 *           that fails, or takes longer than the guest is held, the new process is killed
 *           before the guest goes on
 *  replace  the old one in the list of the domain by it; the caller has it watched
 *           (libxlDeviceModelWatchSuccessors)
 *
 * One that stays away is restarted when an administrator says so, whatever its definition
 * says: libxlDeviceModelRestartByHand.
 *
 * Until the last step the list has the old one, failed and pending, and so has the status
 * file: a daemon that takes over restarts it again from the first step, and a domain that
 * ends ends what runs under the uid.  The new one has the files, the uid and the folder in
 * xenstore of the old one.
 *
 * The guest of a NIC is free at once: its driver finds out by itself, and a packet may get
 * lost.  That of a disk is held (libxl_devicemodel_release.h): it would have an error for
 * each access otherwise.  So is that of a serial port, for which nobody sends again what
 * was lost.  A start that takes longer than the guest is held is none the less a start.
 *
 * A start that fails counts as an end of the process: it is tried again, as often as the
 * throttle allows.  So does one that cannot begin, for want of something that the host may
 * have in a second.  One that fails for nothing but that the guest, which was held, could not
 * wait any longer does not count: there is one of these at most, as the guest is free then.
 * Otherwise the secondary stays failed, and the live definition says why.
 */

#pragma once

#include "libxl_conf.h"
#include "libxl_devicemodel_conf.h"
#include "libxl_devicemodel_process.h"

int
libxlDeviceModelRestartByHand(libxlDriverPrivate *driver,
                              virDomainObj *vm,
                              const virDomainDeviceModelDef *dmdef);

bool
libxlDeviceModelRestart(libxlDriverPrivate *driver,
                        virDomainObj *vm,
                        libxlDeviceModel *dm);
