/*
 * libxl_devicemodel_save.h: a domain with secondaries is saved and restored
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libxl saves and restores a domain with its primary.  What is done for the secondaries, and in
 * which order:
 *
 *  ask      each secondary whether it can be saved: libxlDeviceModelsCheckSave, before the file
 *           is made
 *  record   in the status file that the domain is being saved
 *  relay    between libxl and the primary (libxl_devicemodel_relay.h), for as long as libxl
 *           saves
 *  save     the secondaries, when the guest is suspended and before its memory is read for the
 *           last time: they are stopped, and stay so
 *  write    what they have sent behind what libxl has written (libxl_devicemodel_saved.h)
 *
 * All this is libxlDeviceModelsSuspend, whose caller then destroys the domain.  If a step fails,
 * the primary's socket is back, the secondaries go on, and there is an error: the guest may be
 * suspended still.  Who resumes it calls libxlDeviceModelsResume before, so that no request of
 * the guest meets a secondary that is stopped; that does nothing where it was done.  Where one
 * cannot go on yet, as it waits for a disk, the guest stays suspended, and it is attempted again
 * when somebody resumes it, or a daemon starts.
 *
 * The job of the domain is held meanwhile, so that no secondary is restarted.  One that dies
 * before its state is saved fails the operation; one that dies after that is not missed any
 * more, unless the operation fails for another reason: it is restarted then, as at any time.
 *
 * A daemon that is killed meanwhile leaves an image that is incomplete, the primary's socket
 * under another name and secondaries that are stopped.  The next one puts the socket back, and has
 * the secondaries go on (libxlDeviceModelsRecoverSave), unless the guest is suspended: that is for
 * whoever resumes it.  Of a domain that has ended meanwhile the socket is removed with the rest.
 *
 * An image is used once it was found complete, and to be of this domain: libxlDeviceModelsCheckImage.
 * That is not possible where it comes over a connection, when the domain is migrated; there it is
 * found when libxl has restored the domain, which is then destroyed, never having run.  What two
 * hosts say to each other before that is in libxl_devicemodel_migrate.h.
 */

#pragma once

#include "libxl_conf.h"
#include "libxl_devicemodel_saved.h"

uint32_t
libxlDeviceModelsGetSaveVersion(const virDomainDef *def);

typedef struct _libxlDeviceModelsSaving libxlDeviceModelsSaving;

void
libxlDeviceModelsSavingFree(libxlDeviceModelsSaving *saving);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelsSaving, libxlDeviceModelsSavingFree);

int
libxlDeviceModelsCheckSave(virDomainObj *vm,
                           libxlDeviceModelsSaving **saving);

int
libxlDeviceModelsAsk(virDomainObj *vm,
                     libxlDeviceModelsSaved **saved);

int
libxlDeviceModelsSuspend(libxlDriverPrivate *driver,
                         virDomainObj *vm,
                         libxlDeviceModelsSaving *saving,
                         int fd,
                         int flags);

int
libxlDeviceModelsCheckResume(virDomainObj *vm);

int
libxlDeviceModelsResume(libxlDriverPrivate *driver,
                        virDomainObj *vm);

void
libxlDeviceModelsPutSocketBack(const virDomainDef *def);

void
libxlDeviceModelsRecoverSave(libxlDriverPrivate *driver,
                             virDomainObj *vm);

int
libxlDeviceModelsCheckImage(const virDomainDef *def,
                            uint32_t version,
                            int fd);

int
libxlDeviceModelsReadState(virDomainObj *vm,
                           int fd,
                           uint32_t version,
                           libxlDeviceModelsSaved **saved);
