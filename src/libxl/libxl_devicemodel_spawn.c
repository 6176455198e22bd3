/*
 * libxl_devicemodel_spawn.c: a secondary is started, as far as its domain is needed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_spawn.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_claims.h"
#include "libxl_devicemodel_log.h"
#include "libxl_devicemodel_net.h"
#include "libxl_devicemodel_release.h"
#include "libxl_devicemodel_replay.h"
#include "libxl_domain.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

/**
 * libxlDeviceModelPrepareStart:
 * @cfg: configuration of the driver
 * @vm: domain whose definition has the addresses of the placed devices
 * @placed: what is placed in a secondary
 *
 * Returns the start of a new device model, which is on no list and has nothing open, to be
 * freed by the caller, or NULL with an error.
 */
libxlDeviceModelStarting *
libxlDeviceModelPrepareStart(libxlDriverConfig *cfg,
                             virDomainObj *vm,
                             const libxlDeviceModelPlaced *placed)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    g_autoptr(libxlDeviceModelConfig) config = NULL;
    g_autoptr(libxlDeviceModelPrivilege) privilege = NULL;
    g_autoptr(libxlDeviceModel) dm = NULL;

    config = libxlDeviceModelConfigNew(vm->def, placed, &priv->devicemodelsMachine,
                                       vm->def->id);

    if (!(privilege = libxlDeviceModelPrivilegeNew(cfg->stateDir,
                                                   cfg->deviceModelUIDBase,
                                                   vm->def->id, placed->id,
                                                   config->name, config->machine.vcpus)))
        return NULL;

    if (!(dm = libxlDeviceModelNew(cfg->stateDir, vm->def->id, placed->id, config->name)))
        return NULL;

    libxlDeviceModelClaimsGetInterrupts(config, &dm->slots, &dm->irqs);
    dm->saves = true;
    dm->holds = libxlDeviceModelReplayHolds(vm->def, vm->def->devicemodels[placed->idx],
                                            config);
    dm->holdTime = libxlDeviceModelHoldChoose(cfg->deviceModelHoldTime);
    return libxlDeviceModelStartingNew(dm, vm->def->devicemodels[placed->idx],
                                       g_steal_pointer(&config),
                                       g_steal_pointer(&privilege),
                                       &cfg->deviceModelLimits);
}


/**
 * libxlDeviceModelSpawnOne:
 * @cfg: configuration of the driver
 * @vm: the domain, in a job of type modify
 * @starting: a start that has nothing open, of a device model with its uid
 * @deadline: for virtlogd and other hosts
 *
 * Make the taps, open log and files, and start the process.  Unlocks @vm while it waits.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelSpawnOne(libxlDriverConfig *cfg,
                         virDomainObj *vm,
                         libxlDeviceModelStarting *starting,
                         gint64 deadline)
{
    int rc = -1;

    if (libxlDeviceModelNetConnect(vm->def, starting->dm, starting->config,
                                   starting->fds->taps) < 0)
        return -1;

    /* the job keeps the definition from changing */
    virObjectUnlock(vm);
    if ((starting->log = libxlDeviceModelLogNew(cfg, vm, starting->dm->name, deadline)) &&
        libxlDeviceModelOpenFiles(starting, vm->def, deadline) == 0)
        rc = libxlDeviceModelSpawn(starting);
    virObjectLock(vm);

    return rc;
}


/* The name of whoever else has the ioreq server that a secondary reports, or NULL.  Xen gives
 * the first number that is free, so that the primary, which libxl starts before, has 0
 * (ioreq_server_create in Xen's common/ioreq.c). */
static const char *
libxlDeviceModelFindServer(virDomainObj *vm,
                           const libxlDeviceModel *dm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    if (dm->ioservid == 0)
        return virDomainDeviceModelGetPrimary(vm->def)->name;

    for (i = 0; i < priv->ndevicemodels && priv->devicemodels[i] != dm; i++) {
        libxlDeviceModel *other = priv->devicemodels[i];

        if (other->domid == dm->domid && other->ioservid == dm->ioservid &&
            (libxlDeviceModelHasServer(other) ||
             libxlDeviceModelGetState(other) == LIBXL_DEVICE_MODEL_STATE_STARTING))
            return other->name;
    }

    return NULL;
}


/**
 * libxlDeviceModelCheckOwner:
 * @vm: the domain
 * @dm: one of its secondaries, which has reported its ioreq server; those before it on the
 *      list of the domain have, too, or all where it takes the place of one
 *
 * Make sure that the server is nobody else's.  That of a device model that ends is destroyed:
 * a process that was taken over must not have that of another destroyed, by saying that it is
 * its own.
 *
 * Returns 0, or -1 with an error that names both.
 */
int
libxlDeviceModelCheckOwner(virDomainObj *vm,
                           const libxlDeviceModel *dm)
{
    const char *owner = libxlDeviceModelFindServer(vm, dm);

    if (!owner)
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' reports ioreq server %2$u, which device model '%3$s' has"),
                   dm->name, dm->ioservid, owner);
    return -1;
}


/**
 * libxlDeviceModelShowTTYs:
 * @def: live definition of a domain
 * @starting: start of a device model that serves its devices; its ttys are taken
 *
 * Clients find their console in the live definition.
 */
void
libxlDeviceModelShowTTYs(virDomainDef *def,
                         libxlDeviceModelStarting *starting)
{
    size_t i;

    for (i = 0; i < def->nserials && i < G_N_ELEMENTS(starting->ttys); i++) {
        virDomainChrDef *serial = def->serials[i];

        if (!starting->ttys[i])
            continue;

        g_free(serial->source->data.file.path);
        serial->source->data.file.path = g_steal_pointer(&starting->ttys[i]);
        if (!serial->info.alias)
            serial->info.alias = g_strdup_printf("serial%zu", i);
    }
}
