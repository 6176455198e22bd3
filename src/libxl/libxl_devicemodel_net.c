/*
 * libxl_devicemodel_net.c: the taps of a secondary's NICs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libxl plugs the primary's NICs with its hotplug scripts.  Those of a
 * secondary are plugged here, by the helpers that libvirt's other drivers use,
 * and the secondary gets the open tap.  The tap goes away with the last process
 * that has it open.
 */

#include <config.h>

#include "libxl_devicemodel_net.h"

#include "domain_interface.h"
#include "viralloc.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virnetdevbandwidth.h"
#include "virnetdevopenvswitch.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_net");


static int
libxlDeviceModelNetPlug(virDomainDef *def,
                        virDomainNetDef *net,
                        int *tap)
{
    size_t ntaps = 1;

    if (virDomainNetGetActualType(net) == VIR_DOMAIN_NET_TYPE_ETHERNET)
        return virDomainInterfaceEthernetConnect(def, net, NULL, false, true,
                                                 tap, ntaps);

    return virDomainInterfaceBridgeConnect(def, net, tap, &ntaps, true, NULL,
                                           false, NULL);
}


/* What the guest receives is what the tap sends. */
static int
libxlDeviceModelNetSetBandwidth(const virDomainDef *def,
                                virDomainNetDef *net)
{
    const virNetDevBandwidth *bandwidth = virDomainNetGetActualBandwidth(net);
    bool swapped = !virDomainNetTypeSharesHostView(net);
    unsigned int flags = VIR_NETDEV_BANDWIDTH_SET_CLEAR_ALL;

    if (!bandwidth)
        return 0;

    if (virDomainNetDefIsOvsport(net))
        return virNetDevOpenvswitchInterfaceSetQos(net->ifname, bandwidth,
                                                   def->uuid, swapped);

    if (swapped)
        flags |= VIR_NETDEV_BANDWIDTH_SET_DIR_SWAPPED;

    return virNetDevBandwidthSet(net->ifname, bandwidth, flags);
}


/**
 * libxlDeviceModelNetConnect:
 * @def: definition of the domain; its NICs get the names of their taps
 * @config: configuration of the secondary
 * @taps: filled with the open tap of each NIC of @config
 *
 * Plug the NICs of a secondary into their bridges.  The domain is locked.
 *
 * Returns 0, or -1 with an error that names the device model; taps that were
 * opened are then left to the caller to close.
 */
int
libxlDeviceModelNetConnect(virDomainDef *def,
                           const libxlDeviceModelConfig *config,
                           int *taps)
{
    size_t i;

    for (i = 0; i < config->nnics; i++) {
        virDomainNetDef *net = def->nets[config->nics[i].idx];

        if (libxlDeviceModelNetPlug(def, net, &taps[i]) < 0 ||
            virDomainInterfaceStartDevice(net) < 0 ||
            libxlDeviceModelNetSetBandwidth(def, net) < 0) {
            virLastErrorPrefixMessage(_("device model '%1$s'"), config->name);
            return -1;
        }
    }

    return 0;
}


/**
 * libxlDeviceModelNetDisconnect:
 * @def: definition of the domain
 * @dm: one of its secondaries
 *
 * Undo libxlDeviceModelNetConnect, as far as it went, once the process has ended.
 * What fails is logged.  The domain is locked.
 */
void
libxlDeviceModelNetDisconnect(virDomainDef *def,
                              const libxlDeviceModel *dm)
{
    size_t i;

    for (i = 0; i < def->nnets; i++) {
        virDomainNetDef *net = def->nets[i];

        if (!net->ifname || !libxlDeviceModelOwnsNet(def, net) ||
            virDomainDeviceModelFindByNet(def, net)->id != dm->id)
            continue;

        if (virDomainInterfaceStopDevice(net) < 0)
            VIR_WARN("cannot stop interface '%s': %s", net->ifname,
                     virGetLastErrorMessage());
        if (virDomainInterfaceClearQoS(def, net) < 0)
            VIR_WARN("cannot remove the bandwidth limits of interface '%s': %s",
                     net->ifname, virGetLastErrorMessage());
        virDomainInterfaceVportRemove(net);

        /* a generated name is free for others from now on */
        if (STRPREFIX(net->ifname, VIR_NET_GENERATED_VNET_PREFIX))
            VIR_FREE(net->ifname);
    }
}
