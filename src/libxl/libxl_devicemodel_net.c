/*
 * libxl_devicemodel_net.c: the taps of a secondary's NICs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libxl plugs the primary's NICs with its hotplug scripts.  Those of a
 * secondary are plugged here, by the helpers that libvirt's other drivers use,
 * and the secondary gets the open tap.
 *
 * A tap goes away with the last process that has it open, unless one of them made
 * it persistent, for which its descriptor is enough.  So each is deleted, once the
 * secondary has ended.  It is known by the number that the kernel gave it and
 * gives no other interface: its name may be somebody else's by then.
 */

#include <config.h>

#include <net/if.h>

#include "libxl_devicemodel_net.h"

#include "domain_interface.h"
#include "viralloc.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virnetdev.h"
#include "virnetdevbandwidth.h"
#include "virnetdevopenvswitch.h"
#include "virnetdevtap.h"
#include "virnetdevveth.h"
#include "virutil.h"

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


/* A tap that is not managed was there before, and stays. */
static bool
libxlDeviceModelNetIsManaged(virDomainNetDef *net)
{
    return virDomainNetGetActualType(net) != VIR_DOMAIN_NET_TYPE_ETHERNET ||
           net->managed_tap != VIR_TRISTATE_BOOL_NO;
}


static bool
libxlDeviceModelNetHasTap(const libxlDeviceModel *dm,
                          unsigned int ifindex)
{
    size_t i;

    for (i = 0; i < dm->ntaps; i++) {
        if (dm->taps[i] == ifindex)
            return true;
    }

    return false;
}


/* libxl closes nothing before it executes a hotplug script, or the primary of
 * another domain (libxl__exec in Xen tools/libs/light/libxl_exec.c). */
static int
libxlDeviceModelNetKeep(int tap)
{
    if (virSetCloseExec(tap) == 0)
        return 0;

    virReportSystemError(errno, "%s", _("cannot set close-on-exec flag"));
    return -1;
}


static int
libxlDeviceModelNetRecord(libxlDeviceModel *dm,
                          virDomainNetDef *net)
{
    unsigned int ifindex;

    if (!libxlDeviceModelNetIsManaged(net))
        return 0;

    if ((ifindex = if_nametoindex(net->ifname)) == 0) {
        virReportSystemError(errno, _("cannot find interface '%1$s'"), net->ifname);
        return -1;
    }

    VIR_APPEND_ELEMENT(dm->taps, dm->ntaps, ifindex);
    return 0;
}


/* Without an MTU of its own, a tap in a bridge has the bridge's by now. */
static int
libxlDeviceModelNetSetMTU(const virDomainNetDef *net)
{
    return net->mtu > 0 ? virNetDevSetMTU(net->ifname, net->mtu) : 0;
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
 * libxlDeviceModelNetCheck:
 * @def: definition of a domain that comes to this host
 *
 * Which bridge a network has is known only when the domain starts.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED that names the device model and the bridge of
 * one of its NICs that is not there.
 */
int
libxlDeviceModelNetCheck(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nnets; i++) {
        const virDomainNetDef *net = def->nets[i];

        if (net->type != VIR_DOMAIN_NET_TYPE_BRIDGE || !libxlDeviceModelOwnsNet(def, net) ||
            if_nametoindex(net->data.bridge.brname) > 0)
            continue;

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': bridge '%2$s' does not exist on this host"),
                       virDomainDeviceModelFindByNet(def, net)->name, net->data.bridge.brname);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelNetConnect:
 * @def: definition of the domain; its NICs get the names of their taps
 * @dm: the secondary, which gets the numbers of its taps
 * @config: its configuration
 * @taps: filled with the open tap of each NIC of @config
 *
 * Plug the NICs of a secondary into their bridges.  The domain is locked.
 *
 * Returns 0, or -1 with an error that names the device model; taps that were
 * opened are then left to the caller to close.
 */
int
libxlDeviceModelNetConnect(virDomainDef *def,
                           libxlDeviceModel *dm,
                           const libxlDeviceModelConfig *config,
                           int *taps)
{
    size_t i;

    for (i = 0; i < config->nnics; i++) {
        virDomainNetDef *net = def->nets[config->nics[i].idx];

        if (libxlDeviceModelNetPlug(def, net, &taps[i]) < 0 ||
            libxlDeviceModelNetKeep(taps[i]) < 0 ||
            libxlDeviceModelNetRecord(dm, net) < 0 ||
            libxlDeviceModelNetSetMTU(net) < 0 ||
            virDomainInterfaceStartDevice(net) < 0 ||
            libxlDeviceModelNetSetBandwidth(def, net) < 0) {
            virLastErrorPrefixMessage(_("device model '%1$s'"), config->name);
            return -1;
        }
    }

    return 0;
}


/* Where the tap could not be made because of an interface with that name, the
 * interface is somebody else's.  An interface that is gone has settings elsewhere. */
static bool
libxlDeviceModelNetIsPlugged(const libxlDeviceModel *dm,
                             virDomainNetDef *net)
{
    unsigned int ifindex;

    if (!net->ifname)
        return false;

    if (!libxlDeviceModelNetIsManaged(net))
        return true;

    ifindex = if_nametoindex(net->ifname);
    return ifindex == 0 || libxlDeviceModelNetHasTap(dm, ifindex);
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

        if (!libxlDeviceModelOwnsNet(def, net) ||
            virDomainDeviceModelFindByNet(def, net)->id != dm->id ||
            !libxlDeviceModelNetIsPlugged(dm, net))
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


/* A secondary with a UNIX serial port can send its tap to whoever is connected, and
 * virNetDevTapDelete cannot open one that somebody else has open.  virNetDevVethDelete deletes
 * a link of any kind, open or not, and nothing but a tap is to be deleted. */
static int
libxlDeviceModelNetDeleteTap(const char *name)
{
    g_autofree char *flags = g_strdup_printf(SYSFS_NET_DIR "%s/tun_flags", name);

    if (virFileExists(flags))
        return virNetDevVethDelete(name);

    return virNetDevTapDelete(name, NULL);
}


/**
 * libxlDeviceModelNetDelete:
 * @dm: secondary that has ended
 *
 * Delete its taps that are still there.  What fails is logged.  May be called
 * again.
 *
 * Returns whether none is left.
 */
bool
libxlDeviceModelNetDelete(const libxlDeviceModel *dm)
{
    bool gone = true;
    size_t i;

    for (i = 0; i < dm->ntaps; i++) {
        char name[IF_NAMESIZE];

        if (!if_indextoname(dm->taps[i], name) || libxlDeviceModelNetDeleteTap(name) == 0 ||
            !if_indextoname(dm->taps[i], name))
            continue;

        VIR_ERROR(_("cannot delete interface '%1$s' of device model '%2$s': %3$s"),
                  name, dm->name, virGetLastErrorMessage());
        gone = false;
    }

    return gone;
}
