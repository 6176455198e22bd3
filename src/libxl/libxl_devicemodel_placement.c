/*
 * libxl_devicemodel_placement.c: which device goes to which device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The guest sees one PCI bus, but every device model has a bus of its own and
 * knows nothing of the others'.  The primary fills its bus from below: QEMU
 * gives a device without an address the lowest free slot (pci_bus_find_devfn
 * in QEMU hw/pci/pci.c), at start and on hot-plug alike.  So secondaries are
 * given slots from above, and the primary keeps all slots below the lowest of
 * them; the two meet only where a domain has more devices than slots, which is
 * an error.
 */

#include <config.h>

#include "libxl_devicemodel_placement.h"

#include "domain_devicemodel.h"
#include "viralloc.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define LIBXL_DEVICE_MODEL_SLOT_MAX 31

/* libxl puts USB 2 controllers at this fixed slot of the primary
 * (libxl__build_device_model_args_new in Xen tools/libs/light/libxl_dm.c). */
#define LIBXL_DEVICE_MODEL_SLOT_EHCI 0x1d

/* Host bridge, PIIX3, Xen platform device and display (QEMU
 * hw/i386/pc_piix.c, machine xenfv). */
#define LIBXL_DEVICE_MODEL_SLOTS_BOARD 4


void
libxlDeviceModelPlacementFree(libxlDeviceModelPlacement *placement)
{
    size_t i;

    if (!placement)
        return;

    for (i = 0; i < placement->nsecondaries; i++)
        g_free(placement->secondaries[i].nets);
    g_free(placement->secondaries);
    g_free(placement);
}


/**
 * libxlDeviceModelOwnsCapability:
 * @def: domain definition
 * @cap: a capability
 *
 * Returns whether a secondary, and not the primary, has the capability.
 */
bool
libxlDeviceModelOwnsCapability(const virDomainDef *def,
                               virDomainDeviceModelCapability cap)
{
    return virDomainDeviceModelFindByCapability(def, cap) !=
           virDomainDeviceModelGetPrimary(def);
}


/**
 * libxlDeviceModelOwnsNet:
 * @def: domain definition
 * @net: one of its interfaces
 *
 * Returns whether a secondary emulates @net, so that libxl never hears of it.
 */
bool
libxlDeviceModelOwnsNet(const virDomainDef *def,
                        const virDomainNetDef *net)
{
    return virDomainDeviceModelFindByNet(def, net) !=
           virDomainDeviceModelGetPrimary(def);
}


/**
 * libxlDeviceModelOwnsDisk:
 * @def: domain definition
 * @disk: one of its disks
 *
 * Returns whether a secondary emulates @disk, so that libxl never hears of it.
 */
bool
libxlDeviceModelOwnsDisk(const virDomainDef *def,
                         const virDomainDiskDef *disk)
{
    return disk->bus == VIR_DOMAIN_DISK_BUS_IDE &&
           libxlDeviceModelOwnsCapability(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE);
}


/**
 * libxlDeviceModelOwnsSerial:
 * @def: domain definition
 * @chr: one of its character devices
 *
 * Returns whether a secondary emulates @chr as a serial port, so that libxl never
 * hears of it.
 */
bool
libxlDeviceModelOwnsSerial(const virDomainDef *def,
                           const virDomainChrDef *chr)
{
    return chr->deviceType == VIR_DOMAIN_CHR_DEVICE_TYPE_SERIAL &&
           libxlDeviceModelOwnsCapability(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL);
}


static size_t
libxlDeviceModelCountHostdevs(const virDomainDef *def)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < def->nhostdevs; i++) {
        const virDomainHostdevDef *hostdev = def->hostdevs[i];

        if (hostdev->mode == VIR_DOMAIN_HOSTDEV_MODE_SUBSYS &&
            hostdev->source.subsys.type == VIR_DOMAIN_HOSTDEV_SUBSYS_TYPE_PCI)
            count++;
    }

    return count;
}


static size_t
libxlDeviceModelCountControllers(const virDomainDef *def)
{
    size_t count = 0;
    size_t i;
    bool scsi = false;

    for (i = 0; i < def->ncontrollers; i++) {
        if (def->controllers[i]->type == VIR_DOMAIN_CONTROLLER_TYPE_USB)
            count++;
    }

    for (i = 0; i < def->ndisks; i++) {
        /* one without a target has yet to be refused */
        if (def->disks[i]->dst && STRPREFIX(def->disks[i]->dst, "sd"))
            scsi = true;
    }

    return scsi ? count + 1 : count;
}


/* Returns whether the device behind the capability takes a PCI slot, and fills
 * @dev with it. */
static bool
libxlDeviceModelGetSlotDevice(const virDomainDef *def,
                              virDomainDeviceModelCapability cap,
                              virDomainDeviceDef *dev)
{
    switch (cap) {
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO:
        if (def->nsounds == 0)
            return false;

        dev->type = VIR_DOMAIN_DEVICE_SOUND;
        dev->data.sound = def->sounds[0];
        return true;

    /* the display and IDE have slots of the board, serial ports are not PCI */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST:
        break;
    }

    return false;
}


/**
 * libxlDeviceModelPrimarySlots:
 * @def: domain definition
 *
 * Returns how many PCI slots the primary takes at most, counted from slot 0.
 */
unsigned int
libxlDeviceModelPrimarySlots(const virDomainDef *def)
{
    unsigned int slots = LIBXL_DEVICE_MODEL_SLOTS_BOARD;
    virDomainDeviceModelCapability cap;
    size_t i;

    /* a NIC that is PV only has no slot */
    for (i = 0; i < def->nnets; i++) {
        if (def->nets[i]->model != VIR_DOMAIN_NET_MODEL_NETFRONT &&
            !libxlDeviceModelOwnsNet(def, def->nets[i]))
            slots++;
    }

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        virDomainDeviceDef dev;

        if (libxlDeviceModelGetSlotDevice(def, cap, &dev) &&
            !libxlDeviceModelOwnsCapability(def, cap))
            slots++;
    }

    /* the agent of a SPICE display comes with a virtio-serial controller */
    for (i = 0; i < def->ngraphics; i++) {
        if (def->graphics[i]->type == VIR_DOMAIN_GRAPHICS_TYPE_SPICE)
            slots++;
    }

    return slots + libxlDeviceModelCountHostdevs(def) +
           libxlDeviceModelCountControllers(def);
}


/* The slots that are taken while a placement is computed. */
typedef struct _libxlDeviceModelSlots libxlDeviceModelSlots;
struct _libxlDeviceModelSlots {
    unsigned int first; /* the lowest slot that a secondary may have */
    bool used[LIBXL_DEVICE_MODEL_SLOT_MAX + 1];
};


static bool
libxlDeviceModelSlotIsFree(const libxlDeviceModelSlots *slots,
                           unsigned int slot)
{
    return slot >= slots->first &&
           slot <= LIBXL_DEVICE_MODEL_SLOT_MAX &&
           slot != LIBXL_DEVICE_MODEL_SLOT_EHCI &&
           !slots->used[slot];
}


/* Returns what error messages call the device. */
static char *
libxlDeviceModelDeviceName(const virDomainDeviceDef *dev)
{
    char macstr[VIR_MAC_STRING_BUFLEN];

    if (dev->type == VIR_DOMAIN_DEVICE_SOUND)
        return g_strdup(virDomainSoundModelTypeToString(dev->data.sound->model));

    return g_strdup(virMacAddrFormat(&dev->data.net->mac, macstr));
}


static int
libxlDeviceModelSlotsReserve(libxlDeviceModelSlots *slots,
                             const virDomainDeviceModelDef *dmdef,
                             const virDomainDeviceDef *dev,
                             unsigned int *slot)
{
    const virDomainDeviceInfo *info = virDomainDeviceGetInfo(dev);
    const virPCIDeviceAddress *addr = &info->addr.pci;
    g_autofree char *device = libxlDeviceModelDeviceName(dev);
    g_autofree char *addrstr = NULL;

    if (info->type != VIR_DOMAIN_DEVICE_ADDRESS_TYPE_PCI) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': address type '%2$s' of device '%3$s', expected 'pci'"),
                       dmdef->name, virDomainDeviceAddressTypeToString(info->type),
                       device);
        return -1;
    }

    addrstr = virPCIDeviceAddressAsString(addr);
    if (addr->domain != 0 || addr->bus != 0 || addr->function != 0 ||
        !libxlDeviceModelSlotIsFree(slots, addr->slot)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': PCI address '%2$s' of device '%3$s', expected domain 0, bus 0, function 0 and a free slot from 0x%4$02x to 0x%5$02x other than 0x%6$02x"),
                       dmdef->name, addrstr, device, slots->first,
                       LIBXL_DEVICE_MODEL_SLOT_MAX, LIBXL_DEVICE_MODEL_SLOT_EHCI);
        return -1;
    }

    slots->used[addr->slot] = true;
    *slot = addr->slot;
    return 0;
}


static int
libxlDeviceModelSlotsAllocate(libxlDeviceModelSlots *slots,
                              const virDomainDeviceModelDef *dmdef,
                              const virDomainDeviceDef *dev,
                              unsigned int *slot)
{
    g_autofree char *device = NULL;
    unsigned int i;

    for (i = LIBXL_DEVICE_MODEL_SLOT_MAX; i >= slots->first; i--) {
        if (libxlDeviceModelSlotIsFree(slots, i)) {
            slots->used[i] = true;
            *slot = i;
            return 0;
        }
    }

    device = libxlDeviceModelDeviceName(dev);
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("device model '%1$s': no PCI slot is left for device '%2$s', the primary may need slots 0x00 to 0x%3$02x"),
                   dmdef->name, device, slots->first - 1);
    return -1;
}


/* Devices with an address of their own come first, so that the order of the
 * devices never makes one lose the slot that the user gave it. */
static int
libxlDeviceModelPlaceDevice(libxlDeviceModelSlots *slots,
                            const virDomainDeviceModelDef *dmdef,
                            const virDomainDeviceDef *dev,
                            bool reserving,
                            unsigned int *slot)
{
    const virDomainDeviceInfo *info = virDomainDeviceGetInfo(dev);

    if (reserving != (info->type != VIR_DOMAIN_DEVICE_ADDRESS_TYPE_NONE))
        return 0;

    if (reserving)
        return libxlDeviceModelSlotsReserve(slots, dmdef, dev, slot);

    return libxlDeviceModelSlotsAllocate(slots, dmdef, dev, slot);
}


static int
libxlDeviceModelPlaceSlots(libxlDeviceModelPlaced *placed,
                           const virDomainDef *def,
                           libxlDeviceModelSlots *slots,
                           bool reserving)
{
    const virDomainDeviceModelDef *dmdef = def->devicemodels[placed->idx];
    virDomainDeviceModelCapability cap;
    size_t i;

    for (i = 0; i < placed->nnets; i++) {
        virDomainDeviceDef dev = {
            .type = VIR_DOMAIN_DEVICE_NET,
            .data.net = def->nets[placed->nets[i].idx],
        };

        if (libxlDeviceModelPlaceDevice(slots, dmdef, &dev, reserving,
                                        &placed->nets[i].slot) < 0)
            return -1;
    }

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        virDomainDeviceDef dev;

        if ((placed->capabilities & (1U << cap)) &&
            libxlDeviceModelGetSlotDevice(def, cap, &dev) &&
            libxlDeviceModelPlaceDevice(slots, dmdef, &dev, reserving,
                                        &placed->slots[cap]) < 0)
            return -1;
    }

    return 0;
}


static int
libxlDeviceModelPlaceAllSlots(libxlDeviceModelPlacement *placement,
                              const virDomainDef *def,
                              libxlDeviceModelSlots *slots,
                              bool reserving)
{
    size_t i;

    for (i = 0; i < placement->nsecondaries; i++) {
        if (libxlDeviceModelPlaceSlots(&placement->secondaries[i], def, slots,
                                       reserving) < 0)
            return -1;
    }

    return 0;
}


static bool
libxlDeviceModelHasIDEDisk(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i]->bus == VIR_DOMAIN_DISK_BUS_IDE)
            return true;
    }

    return false;
}


/**
 * libxlDeviceModelEmulates:
 * @def: domain definition
 * @dmdef: one of its secondaries
 * @cap: capability
 *
 * Returns whether @dmdef has the capability and the domain a device for it.  A
 * secondary that has the capability only is not given anything.
 */
bool
libxlDeviceModelEmulates(const virDomainDef *def,
                         const virDomainDeviceModelDef *dmdef,
                         virDomainDeviceModelCapability cap)
{
    if (!virDomainDeviceModelDefHasCapability(dmdef, cap))
        return false;

    switch (cap) {
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE:
        return libxlDeviceModelHasIDEDisk(def);

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL:
        return def->nserials > 0;

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO:
        return def->nsounds > 0;

    /* makes a device model the primary */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST:
        break;
    }

    return false;
}


/* Each interface is looked up once, whatever the number of secondaries. */
static void
libxlDeviceModelPlaceNets(libxlDeviceModelPlacement *placement,
                          const virDomainDef *def)
{
    size_t i;
    size_t j;

    for (i = 0; i < def->nnets; i++) {
        const virDomainDeviceModelDef *dmdef = virDomainDeviceModelFindByNet(def, def->nets[i]);

        for (j = 0; j < placement->nsecondaries; j++) {
            libxlDeviceModelPlaced *placed = &placement->secondaries[j];
            libxlDeviceModelPlacedNet net = { .idx = i };

            if (def->devicemodels[placed->idx] == dmdef)
                VIR_APPEND_ELEMENT(placed->nets, placed->nnets, net);
        }
    }
}


static void
libxlDeviceModelPlaceDevices(libxlDeviceModelPlaced *placed,
                             const virDomainDef *def)
{
    const virDomainDeviceModelDef *dmdef = def->devicemodels[placed->idx];
    virDomainDeviceModelCapability cap;

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        if (libxlDeviceModelEmulates(def, dmdef, cap))
            placed->capabilities |= 1U << cap;
    }
}


/**
 * libxlDeviceModelPlacementNew:
 * @def: valid domain definition
 *
 * Decide what each secondary of the domain emulates, and in which PCI slots.
 * A slot that the definition gives is kept.
 *
 * Returns the placement, which has no secondary where the domain has none, or
 * NULL with VIR_ERR_CONFIG_UNSUPPORTED where an address cannot be had or the
 * slots do not suffice.
 */
libxlDeviceModelPlacement *
libxlDeviceModelPlacementNew(const virDomainDef *def)
{
    g_autoptr(libxlDeviceModelPlacement) placement = g_new0(libxlDeviceModelPlacement, 1);
    virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    libxlDeviceModelSlots slots = { .first = libxlDeviceModelPrimarySlots(def) };
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++) {
        libxlDeviceModelPlaced placed = { .idx = i };

        if (def->devicemodels[i] == primary)
            continue;

        placed.id = placement->nsecondaries + 1;
        libxlDeviceModelPlaceDevices(&placed, def);
        VIR_APPEND_ELEMENT(placement->secondaries, placement->nsecondaries, placed);
    }
    libxlDeviceModelPlaceNets(placement, def);

    if (libxlDeviceModelPlaceAllSlots(placement, def, &slots, true) < 0 ||
        libxlDeviceModelPlaceAllSlots(placement, def, &slots, false) < 0)
        return NULL;

    return g_steal_pointer(&placement);
}


static unsigned int
libxlDeviceModelLowestSlot(const libxlDeviceModelPlacement *placement)
{
    unsigned int lowest = LIBXL_DEVICE_MODEL_SLOT_MAX + 1;
    virDomainDeviceModelCapability cap;
    size_t i;
    size_t j;

    for (i = 0; i < placement->nsecondaries; i++) {
        const libxlDeviceModelPlaced *placed = &placement->secondaries[i];

        for (j = 0; j < placed->nnets; j++)
            lowest = MIN(lowest, placed->nets[j].slot);

        for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
            if (placed->slots[cap] > 0)
                lowest = MIN(lowest, placed->slots[cap]);
        }
    }

    return lowest;
}


static bool
libxlDeviceModelTakesSlot(const virDomainDeviceDef *dev)
{
    if (dev->type == VIR_DOMAIN_DEVICE_HOSTDEV)
        return dev->data.hostdev->source.subsys.type == VIR_DOMAIN_HOSTDEV_SUBSYS_TYPE_PCI;

    if (dev->type == VIR_DOMAIN_DEVICE_CONTROLLER)
        return dev->data.controller->type == VIR_DOMAIN_CONTROLLER_TYPE_USB;

    /* a network may turn out to be a pool of host devices */
    if (dev->type == VIR_DOMAIN_DEVICE_NET)
        return dev->data.net->type == VIR_DOMAIN_NET_TYPE_HOSTDEV ||
               dev->data.net->type == VIR_DOMAIN_NET_TYPE_NETWORK;

    return false;
}


/**
 * libxlDeviceModelPlacementCheckAttach:
 * @def: definition of the running domain
 * @dev: device that is about to be attached to it
 *
 * The primary's QEMU does not know the slots of the secondaries: make sure that
 * it finds a free one below them.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED.
 */
int
libxlDeviceModelPlacementCheckAttach(const virDomainDef *def,
                                     const virDomainDeviceDef *dev)
{
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    unsigned int lowest;

    if (def->ndevicemodels == 0 || !libxlDeviceModelTakesSlot(dev))
        return 0;

    if (!(placement = libxlDeviceModelPlacementNew(def)))
        return -1;

    lowest = libxlDeviceModelLowestSlot(placement);
    if (libxlDeviceModelPrimarySlots(def) >= lowest) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("no PCI slot is left for a %1$s: slot 0x%2$02x and those above it belong to other device models than '%3$s'"),
                       virDomainDeviceTypeToString(dev->type), lowest,
                       virDomainDeviceModelGetPrimary(def)->name);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelPlacementCheckDetach:
 * @def: definition, running or not
 * @dev: device that is about to be detached from it
 *
 * A guest hears of a removed device from the primary's chipset only, and a
 * device model must not be left with a reference to nothing.
 *
 * Returns 0, or -1 with VIR_ERR_OPERATION_UNSUPPORTED that names the device
 * model and the interface.
 */
int
libxlDeviceModelPlacementCheckDetach(const virDomainDef *def,
                                     const virDomainDeviceDef *dev)
{
    size_t i;
    size_t j;

    if (dev->type != VIR_DOMAIN_DEVICE_NET)
        return 0;

    for (i = 0; i < def->ndevicemodels; i++) {
        const virDomainDeviceModelDef *dmdef = def->devicemodels[i];

        for (j = 0; j < dmdef->ninterfaces; j++) {
            virDomainNetDef *net = virDomainDeviceModelFindNet(def, &dmdef->interfaces[j]);
            char macstr[VIR_MAC_STRING_BUFLEN];

            if (!net || virMacAddrCmp(&net->mac, &dev->data.net->mac) != 0)
                continue;

            virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                           _("interface '%1$s' is assigned to device model '%2$s' and cannot be detached"),
                           virMacAddrFormat(&net->mac, macstr), dmdef->name);
            return -1;
        }
    }

    return 0;
}


static void
libxlDeviceModelSetAddress(virDomainDeviceInfo *info,
                           unsigned int slot)
{
    info->type = VIR_DOMAIN_DEVICE_ADDRESS_TYPE_PCI;
    info->addr.pci = (virPCIDeviceAddress) { .slot = slot };
}


/* A transient domain keeps its live definition when it starts again.  What is done when a
 * device model fails stays. */
static void
libxlDeviceModelForgetFailures(virDomainDeviceModelDef *dmdef)
{
    dmdef->failure.count = 0;
    dmdef->failure.last = 0;
    g_clear_pointer(&dmdef->failure.reason, g_free);
}


static void
libxlDeviceModelPlacedApply(const libxlDeviceModelPlaced *placed,
                            virDomainDef *def)
{
    virDomainDeviceModelDef *dmdef = def->devicemodels[placed->idx];
    virDomainDeviceModelCapability cap;
    size_t i;

    dmdef->id = placed->id;
    dmdef->state = VIR_DOMAIN_DEVICE_MODEL_STATE_STARTING;
    libxlDeviceModelForgetFailures(dmdef);

    for (i = 0; i < placed->nnets; i++)
        libxlDeviceModelSetAddress(&def->nets[placed->nets[i].idx]->info,
                                   placed->nets[i].slot);

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        virDomainDeviceDef dev;

        if (placed->slots[cap] > 0 &&
            libxlDeviceModelGetSlotDevice(def, cap, &dev))
            libxlDeviceModelSetAddress(virDomainDeviceGetInfo(&dev),
                                       placed->slots[cap]);
    }
}


/**
 * libxlDeviceModelPlacementApply:
 * @placement: placement of @def
 * @def: definition of the running domain, changed
 *
 * Make the placement visible in the live definition: the ids of the device
 * models and the PCI address of every placed device.  None of them has failed yet.
 */
void
libxlDeviceModelPlacementApply(const libxlDeviceModelPlacement *placement,
                               virDomainDef *def)
{
    virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    size_t i;

    if (!primary)
        return;

    primary->id = 0;
    primary->state = VIR_DOMAIN_DEVICE_MODEL_STATE_RUNNING;
    libxlDeviceModelForgetFailures(primary);

    for (i = 0; i < placement->nsecondaries; i++)
        libxlDeviceModelPlacedApply(&placement->secondaries[i], def);
}
