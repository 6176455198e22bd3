/*
 * libxl_devicemodel_placement.h: which device goes to which device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A placement is computed from a domain definition alone and changes nothing:
 * the same definition always gives the same placement.
 */

#pragma once

#include "domain_conf.h"
#include "domain_devicemodel.h"

typedef struct _libxlDeviceModelPlacedNet libxlDeviceModelPlacedNet;
struct _libxlDeviceModelPlacedNet {
    size_t idx; /* in the nets of the domain */
    unsigned int slot; /* PCI, on bus 0 */
};

/* What is placed in one secondary. */
typedef struct _libxlDeviceModelPlaced libxlDeviceModelPlaced;
struct _libxlDeviceModelPlaced {
    size_t idx; /* in the devicemodels of the domain */
    unsigned int id; /* 1 and up, in the order of the definition */

    size_t nnets;
    libxlDeviceModelPlacedNet *nets;

    unsigned int capabilities; /* bits 1 << virDomainDeviceModelCapability */
    /* PCI, on bus 0; 0 for a capability whose device takes none */
    unsigned int slots[VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST];
};

typedef struct _libxlDeviceModelPlacement libxlDeviceModelPlacement;
struct _libxlDeviceModelPlacement {
    size_t nsecondaries;
    libxlDeviceModelPlaced *secondaries;
};

libxlDeviceModelPlacement *
libxlDeviceModelPlacementNew(const virDomainDef *def);

void
libxlDeviceModelPlacementFree(libxlDeviceModelPlacement *placement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelPlacement, libxlDeviceModelPlacementFree);

bool
libxlDeviceModelOwnsCapability(const virDomainDef *def,
                               virDomainDeviceModelCapability cap);

bool
libxlDeviceModelOwnsNet(const virDomainDef *def,
                        const virDomainNetDef *net);

bool
libxlDeviceModelOwnsSerial(const virDomainDef *def,
                           const virDomainChrDef *chr);

bool
libxlDeviceModelOwnsDisk(const virDomainDef *def,
                         const virDomainDiskDef *disk);

bool
libxlDeviceModelEmulates(const virDomainDef *def,
                         const virDomainDeviceModelDef *dmdef,
                         virDomainDeviceModelCapability cap);

unsigned int
libxlDeviceModelPrimarySlots(const virDomainDef *def);

int
libxlDeviceModelPlacementCheckAttach(const virDomainDef *def,
                                     const virDomainDeviceDef *dev);

int
libxlDeviceModelPlacementCheckDetach(const virDomainDef *def,
                                     const virDomainDeviceDef *dev);

void
libxlDeviceModelPlacementApply(const libxlDeviceModelPlacement *placement,
                               virDomainDef *def);
