/*
 * libxl_devicemodel.h: the device models of a domain, as the driver sees them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The calls of the driver into what this folder does for domains with several
 * device models, in the order in which they come in a domain's life.  For a
 * domain without <devicemodel> each of them does nothing.
 *
 * The device models of a domain are complete from when all of them serve it until
 * it is about to end.  A status file is written before libxl creates the domain,
 * before the first process is started, when they are complete, and before the
 * first process is ended.  A daemon that takes over destroys a domain whose
 * device models are not complete, so that it can be killed at any time.
 *
 * How it is saved and restored is in libxl_devicemodel_save.h, what comes before a migration in
 * libxl_devicemodel_migrate.h.
 *
 * Those that take a virDomainObj are called with it locked.
 * libxlDeviceModelsCheckImages, libxlDeviceModelsStart and libxlDeviceModelsStop
 * unlock it while they wait; the job of type modify that they are called in keeps
 * others from the list of device models meanwhile.  A daemon that starts ends what an
 * earlier one left without a job: nobody else has the domain yet.
 */

#pragma once

#include "libxl_conf.h"
#include "libxl_devicemodel_migrate.h"
#include "libxl_devicemodel_save.h"
#include "libxl_devicemodel_status.h"
#include "libxl_devicemodel_uart.h"
#include "libxl_devicemodel_validate.h"
#include "libxl_devicemodel_watch.h"

void
libxlDeviceModelsRemember(libxlDriverPrivate *driver,
                          virDomainObj *vm);

int
libxlDeviceModelsPrepare(const virDomainDef *def);

int
libxlDeviceModelsCheckImages(virDomainObj *vm);

int
libxlDeviceModelsStart(libxlDriverPrivate *driver,
                       virDomainObj *vm,
                       const libxl_domain_config *d_config,
                       int restoreFD,
                       uint32_t restoreVersion);

void
libxlDeviceModelsStop(libxlDriverPrivate *driver,
                      virDomainObj *vm);

bool
libxlDeviceModelsEndIncomplete(libxlDriverPrivate *driver,
                               virDomainObj *vm);

int
libxlDeviceModelsFreeGuest(virDomainObj *vm,
                           void *opaque);

bool
libxlDeviceModelsReconnect(libxlDriverPrivate *driver,
                           virDomainObj *vm,
                           bool dying);

int
libxlDeviceModelsCheckConsole(virDomainObj *vm,
                              const virDomainChrDef *chr,
                              int *fd);
