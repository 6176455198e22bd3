/*
 * libxl_devicemodel_update.c: changes to the devices of running secondaries, and
 * questions about them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What can change is the medium in a cdrom drive and the link state of a NIC.
 * No monitor is kept open: one is opened for each change, so that it does not
 * matter which daemon started the domain.  Whoever looks for device models that hang
 * is told of each change, as QMP has one client at a time, and of each answer.
 */

#include <config.h>

#include "libxl_devicemodel_update.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_alias.h"
#include "libxl_devicemodel_disk.h"
#include "libxl_devicemodel_media.h"
#include "libxl_devicemodel_placement.h"
#include "libxl_devicemodel_qmp.h"
#include "libxl_devicemodel_restart.h"
#include "libxl_devicemodel_validate.h"
#include "libxl_devicemodel_watch.h"
#include "libxl_domain.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL


static void
libxlDeviceModelsReportDead(const virDomainDef *def,
                            const virDomainDeviceModelDef *dmdef)
{
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' of domain '%2$s' does not run any more"),
                   dmdef->name, def->name);
}


/* Returns a reference to the running secondary, or NULL with an error. */
static libxlDeviceModel *
libxlDeviceModelsFind(virDomainObj *vm,
                      const virDomainDeviceModelDef *dmdef)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModel *dm =
        libxlDeviceModelListFindRunning(priv->devicemodels, priv->ndevicemodels,
                                        vm->def->id, dmdef->id);

    if (dm && libxlDeviceModelIsAlive(dm))
        return virObjectRef(dm);

    libxlDeviceModelsReportDead(vm->def, dmdef);
    return NULL;
}


static gint64
libxlDeviceModelsUpdateDeadline(void)
{
    return g_get_monotonic_time() + LIBXL_DEVICE_MODEL_UPDATE_MS * 1000LL;
}


static libxlDeviceModelMonitor *
libxlDeviceModelConnect(libxlDeviceModel *dm,
                        gint64 deadline)
{
    g_autoptr(libxlDeviceModelMonitor) mon = NULL;

    if (!(mon = libxlDeviceModelMonitorConnect(dm->name, dm->socket)) ||
        libxlDeviceModelMonitorHandshake(mon, deadline) < 0)
        return NULL;

    g_atomic_int_inc(&dm->answers);
    return g_steal_pointer(&mon);
}


static int
libxlDeviceModelChangeMedia(libxlDeviceModel *dm,
                            const virDomainDiskDef *def,
                            const libxlDeviceModelDisk *disk)
{
    g_auto(libxlDeviceModelImages) images = { 0 };
    g_autoptr(libxlDeviceModelMonitor) mon = NULL;
    gint64 deadline;
    int rc = -1;

    if (libxlDeviceModelDiskOpen(dm->name, def, &images) < 0)
        return -1;

    deadline = libxlDeviceModelsUpdateDeadline();
    g_atomic_int_inc(&dm->changes);
    if ((mon = libxlDeviceModelConnect(dm, deadline)))
        rc = libxlDeviceModelMediaChange(mon, disk, &images, deadline);
    g_atomic_int_add(&dm->changes, -1);

    return rc;
}


/* Whoever waited for the job may have found a secondary's device before then, and
 * the domain may have ended and been started again with another definition. */
static void
libxlDeviceModelsReportNotOwned(const virDomainDef *def,
                                const char *device)
{
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("no secondary of domain '%1$s' emulates '%2$s' any more"),
                   def->name, device);
}


static int
libxlDeviceModelsExchangeMedia(virDomainObj *vm,
                               virDomainDiskDef *disk)
{
    const virDomainDeviceModelDef *dmdef =
        virDomainDeviceModelFindByCapability(vm->def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE);
    int idx = virDomainDiskIndexByName(vm->def, disk->dst, false);
    g_autoptr(libxlDeviceModel) dm = NULL;
    libxlDeviceModelDisk drive;
    int rc;

    if (idx < 0 || !libxlDeviceModelOwnsDisk(vm->def, vm->def->disks[idx])) {
        libxlDeviceModelsReportNotOwned(vm->def, disk->dst);
        return -1;
    }

    if (!(dm = libxlDeviceModelsFind(vm, dmdef)) ||
        libxlDeviceModelValidateDisk(dmdef, disk) < 0)
        return -1;

    libxlDeviceModelDiskInit(&drive, disk, idx);

    virObjectUnlock(vm);
    rc = libxlDeviceModelChangeMedia(dm, disk, &drive);
    virObjectLock(vm);

    libxlDeviceModelDiskClear(&drive);

    if (rc == 0) {
        virStorageSource *previous = g_steal_pointer(&vm->def->disks[idx]->src);

        vm->def->disks[idx]->src = g_steal_pointer(&disk->src);
        disk->src = previous;
    }

    return rc;
}


/**
 * libxlDeviceModelsChangeMedia:
 * @vm: running domain, in a job of type modify
 * @disk: cdrom drive that a secondary emulates, with its new source or with
 *        none; freed on success
 *
 * Replace what is in a drive, and its source in the live definition.  Unlocks
 * @vm while it waits.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelsChangeMedia(virDomainObj *vm,
                             virDomainDiskDef *disk)
{
    if (libxlDeviceModelsExchangeMedia(vm, disk) < 0)
        return -1;

    virDomainDiskDefFree(disk);
    return 0;
}


static const virDomainDeviceModelDef *
libxlDeviceModelsFindOwnerOfNet(const virDomainDef *def,
                                virDomainNetDef *net)
{
    int idx = virDomainNetFindIdx((virDomainDef *)def, net);

    if (idx < 0 || !libxlDeviceModelOwnsNet(def, def->nets[idx]))
        return NULL;

    return virDomainDeviceModelFindByNet(def, def->nets[idx]);
}


static const virDomainDeviceModelDef *
libxlDeviceModelsFindOwnerOfDisk(const virDomainDef *def,
                                 const virDomainDiskDef *disk)
{
    const virDomainDiskDef *known = virDomainDiskByTarget((virDomainDef *)def, disk->dst);

    if (!known || !libxlDeviceModelOwnsDisk(def, known))
        return NULL;

    return virDomainDeviceModelFindByCapability(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE);
}


static const virDomainDeviceModelDef *
libxlDeviceModelsFindOwnerOfPort(const virDomainDef *def,
                                 const virDomainChrDef *chr)
{
    if (chr->deviceType != VIR_DOMAIN_CHR_DEVICE_TYPE_SERIAL ||
        !libxlDeviceModelOwnsCapability(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL))
        return NULL;

    return virDomainDeviceModelFindByCapability(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL);
}


/* The definition of the secondary that emulates the device of the domain that @dev is an
 * update of, or NULL. */
static const virDomainDeviceModelDef *
libxlDeviceModelsFindOwner(const virDomainDef *def,
                           const virDomainDeviceDef *dev)
{
    if (dev->type == VIR_DOMAIN_DEVICE_NET)
        return libxlDeviceModelsFindOwnerOfNet(def, dev->data.net);

    if (dev->type == VIR_DOMAIN_DEVICE_DISK)
        return libxlDeviceModelsFindOwnerOfDisk(def, dev->data.disk);

    if (dev->type == VIR_DOMAIN_DEVICE_CHR)
        return libxlDeviceModelsFindOwnerOfPort(def, dev->data.chr);

    return NULL;
}


/**
 * libxlDeviceModelsOwnDevice:
 * @def: definition of a running domain
 * @dev: device that is about to be updated
 *
 * Returns whether libxlDeviceModelsUpdateDevice can update it: it is an interface that a
 * secondary emulates, or what one emulated that has failed.
 */
bool
libxlDeviceModelsOwnDevice(const virDomainDef *def,
                           const virDomainDeviceDef *dev)
{
    const virDomainDeviceModelDef *dmdef = libxlDeviceModelsFindOwner(def, dev);

    return dmdef && (dev->type == VIR_DOMAIN_DEVICE_NET ||
                     dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED);
}


static int
libxlDeviceModelSetLink(libxlDeviceModel *dm,
                        unsigned int slot,
                        bool up)
{
    g_autofree char *id = libxlDeviceModelAliasNIC(slot);
    gint64 deadline = libxlDeviceModelsUpdateDeadline();
    g_autoptr(libxlDeviceModelMonitor) mon = NULL;
    int rc = -1;

    g_atomic_int_inc(&dm->changes);
    if ((mon = libxlDeviceModelConnect(dm, deadline)))
        rc = libxlDeviceModelQMPSetLink(mon, id, up, deadline);
    g_atomic_int_add(&dm->changes, -1);

    return rc;
}


/* All but the link state must be as it is.  The copy has what the user did not
 * have to write down. */
static int
libxlDeviceModelCheckNetUpdate(const virDomainDeviceModelDef *dmdef,
                               const virDomainNetDef *net,
                               const virDomainNetDef *next)
{
    char macstr[VIR_MAC_STRING_BUFLEN];

    virMacAddrFormat(&net->mac, macstr);

    if (next->type != net->type ||
        STRNEQ_NULLABLE(virDomainNetGetModelString(next), virDomainNetGetModelString(net)) ||
        STRNEQ_NULLABLE(virDomainNetGetActualBridgeName(next), virDomainNetGetActualBridgeName(net))) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("device model '%1$s': of interface '%2$s' only the link state can be changed while it runs"),
                       dmdef->name, macstr);
        return -1;
    }

    return 0;
}


/* Plug the cable of a NIC in or out, for the guest and in the live definition. */
static int
libxlDeviceModelsUpdateNet(virDomainObj *vm,
                           const virDomainNetDef *net)
{
    int idx = virDomainNetFindIdx(vm->def, (virDomainNetDef *)net);
    bool up = net->linkstate != VIR_DOMAIN_NET_INTERFACE_LINK_STATE_DOWN;
    const virDomainDeviceModelDef *dmdef;
    char macstr[VIR_MAC_STRING_BUFLEN];
    g_autoptr(libxlDeviceModel) dm = NULL;
    unsigned int slot;
    int rc;

    if (idx < 0)
        return -1;

    if (!libxlDeviceModelOwnsNet(vm->def, vm->def->nets[idx])) {
        libxlDeviceModelsReportNotOwned(vm->def, virMacAddrFormat(&net->mac, macstr));
        return -1;
    }

    dmdef = virDomainDeviceModelFindByNet(vm->def, vm->def->nets[idx]);
    if (libxlDeviceModelCheckNetUpdate(dmdef, vm->def->nets[idx], net) < 0 ||
        !(dm = libxlDeviceModelsFind(vm, dmdef)))
        return -1;

    /* libxlDeviceModelPlacementApply has put it there */
    slot = vm->def->nets[idx]->info.addr.pci.slot;

    virObjectUnlock(vm);
    rc = libxlDeviceModelSetLink(dm, slot, up);
    virObjectLock(vm);

    if (rc == 0)
        vm->def->nets[idx]->linkstate = net->linkstate;

    return rc;
}


static bool
libxlDeviceModelIsSameNet(const virDomainDef *def,
                          virDomainNetDef *net)
{
    int idx = virDomainNetFindIdx((virDomainDef *)def, net);
    const virDomainDeviceModelDef *dmdef = virDomainDeviceModelFindByNet(def, def->nets[idx]);
    bool down = net->linkstate == VIR_DOMAIN_NET_INTERFACE_LINK_STATE_DOWN;

    return libxlDeviceModelCheckNetUpdate(dmdef, def->nets[idx], net) == 0 &&
           down == (def->nets[idx]->linkstate == VIR_DOMAIN_NET_INTERFACE_LINK_STATE_DOWN);
}


static bool
libxlDeviceModelIsSameDisk(const virDomainDef *def,
                           const virDomainDiskDef *disk)
{
    const virDomainDiskDef *known = virDomainDiskByTarget((virDomainDef *)def, disk->dst);

    return known->device == disk->device && known->src->readonly == disk->src->readonly &&
           known->src->format == disk->src->format &&
           virStorageSourceIsSameLocation(known->src, disk->src);
}


static bool
libxlDeviceModelIsSamePort(const virDomainDef *def,
                           virDomainChrDef *chr)
{
    size_t i;

    for (i = 0; i < def->nserials; i++) {
        if (virDomainChrEquals(def->serials[i], chr))
            return true;
    }

    return false;
}


/* Returns whether the update of a device changes nothing. */
static bool
libxlDeviceModelIsSameDevice(const virDomainDef *def,
                             const virDomainDeviceDef *dev)
{
    bool same;

    if (dev->type == VIR_DOMAIN_DEVICE_NET)
        same = libxlDeviceModelIsSameNet(def, dev->data.net);
    else if (dev->type == VIR_DOMAIN_DEVICE_DISK)
        same = libxlDeviceModelIsSameDisk(def, dev->data.disk);
    else
        same = libxlDeviceModelIsSamePort(def, dev->data.chr);

    virResetLastError();
    return same;
}


/* Whoever wants a change is told that the device is gone. */
static int
libxlDeviceModelsUpdateFailed(libxlDriverPrivate *driver,
                              virDomainObj *vm,
                              const virDomainDeviceModelDef *dmdef,
                              const virDomainDeviceDef *dev)
{
    if (libxlDeviceModelIsSameDevice(vm->def, dev)) {
        int rc = libxlDeviceModelRestartByHand(driver, vm, dmdef);

        libxlDeviceModelWatchSuccessors(driver, vm);
        return rc;
    }

    libxlDeviceModelsReportDead(vm->def, dmdef);
    return -1;
}


/**
 * libxlDeviceModelsUpdateDevice:
 * @driver: the driver
 * @vm: running domain, in a job of type modify
 * @dev: device of which libxlDeviceModelsOwnDevice says that it can be updated
 *
 * Plug the cable of an interface in or out; nothing else of a device is changed here.  If
 * the secondary that emulates it has failed, restart that, by an update that changes nothing.
 * Unlocks @vm while it waits.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelsUpdateDevice(libxlDriverPrivate *driver,
                              virDomainObj *vm,
                              const virDomainDeviceDef *dev)
{
    const virDomainDeviceModelDef *dmdef = libxlDeviceModelsFindOwner(vm->def, dev);

    if (dmdef && dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED)
        return libxlDeviceModelsUpdateFailed(driver, vm, dmdef, dev);

    return dev->type == VIR_DOMAIN_DEVICE_NET ? libxlDeviceModelsUpdateNet(vm, dev->data.net) : 0;
}


/* Of a domain that does not run, a later start will have it. */
static bool
libxlDeviceModelsDiskHasFailed(virDomainObj *vm)
{
    const virDomainDeviceModelDef *dmdef =
        virDomainDeviceModelFindByCapability(vm->def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE);

    if (!virDomainObjIsActive(vm) || dmdef->state != VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED)
        return false;

    libxlDeviceModelsReportDead(vm->def, dmdef);
    return true;
}


/**
 * libxlDeviceModelsGetBlockInfo:
 * @vm: domain, running or not
 * @path: target or source of one of its disks
 * @info: filled with the sizes of its image
 *
 * Anybody who may see the domain may ask, and a file system that hangs must not
 * hold others up: so this takes no job, and unlocks @vm while it waits.
 *
 * Returns 0, or -1 with VIR_ERR_NO_SUPPORT for a disk of the primary, of which
 * libxl cannot tell, and another error for one that is not there or is empty, or whose
 * device model has failed: the guest has no such disk any more.
 */
int
libxlDeviceModelsGetBlockInfo(virDomainObj *vm,
                              const char *path,
                              virDomainBlockInfoPtr info)
{
    virDomainDiskDef *disk = virDomainDiskByName(vm->def, path, false);
    g_autoptr(virStorageSource) src = NULL;
    g_autofree char *dst = NULL;
    int rc;

    if (disk && !libxlDeviceModelOwnsDisk(vm->def, disk)) {
        virReportUnsupportedError();
        return -1;
    }

    if (!disk || virStorageSourceIsEmpty(disk->src)) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("domain '%1$s' has no disk '%2$s' with an image, expected the target or the source of one"),
                       vm->def->name, path);
        return -1;
    }

    if (libxlDeviceModelsDiskHasFailed(vm))
        return -1;

    /* the definition may be replaced meanwhile */
    if (!(src = virStorageSourceCopy(disk->src, false)))
        return -1;

    dst = g_strdup(disk->dst);

    virObjectUnlock(vm);
    rc = libxlDeviceModelDiskGetInfo(src, dst, info);
    virObjectLock(vm);

    return rc;
}
