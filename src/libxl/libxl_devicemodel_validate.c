/*
 * libxl_devicemodel_validate.c: the rules that Xen sets for device models
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rules that any hypervisor would share, on names, references and
 * capabilities, are in conf/domain_devicemodel.c.  Here are those that follow
 * from Xen, libxl and QEMU: what the domain alone decides is checked when it is
 * defined, what the host decides when it starts.
 */

#include <config.h>

#include <net/if.h>

#include "libxl_devicemodel_validate.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_conf.h"
#include "libxl_devicemodel_replay.h"
#include "libxl_devicemodel_uart.h"
#include "virerror.h"
#include "virfile.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

/* What a tap can have (tun_net_initialize in Linux drivers/net/tun.c). */
#define LIBXL_DEVICE_MODEL_MTU_MIN 68
#define LIBXL_DEVICE_MODEL_MTU_MAX 65521


static bool
libxlDeviceModelNetIsEthernet(const virDomainNetDef *net)
{
    return virDomainNetGetActualType(net) == VIR_DOMAIN_NET_TYPE_ETHERNET;
}


/* Whether <driver> says more than which driver it is.  None of its members needs padding. */
static bool
libxlDeviceModelNetHasDriver(const virDomainNetDef *net)
{
    const virDomainNetDef none = { .driver.virtio.name = net->driver.virtio.name };
    const virDomainVirtioOptions noOptions = { 0 };

    return net->driver.virtio.name == VIR_DOMAIN_NET_DRIVER_TYPE_VHOST ||
        memcmp(&net->driver, &none.driver, sizeof(none.driver)) != 0 ||
        (net->virtio && memcmp(net->virtio, &noOptions, sizeof(noOptions)) != 0);
}


/* Returns what of the interface would be dropped, or NULL.  The last two are honoured
 * in a bridge (virDomainInterfaceBridgeConnect in hypervisor/domain_interface.c). */
static const char *
libxlDeviceModelNetOption(const virDomainNetDef *net)
{
    if (net->downscript)
        return "downscript";
    if (net->guestIP.nips > 0)
        return "ip";
    if (net->guestIP.nroutes > 0)
        return "route";
    if (net->teaming)
        return "teaming";
    if (net->tune.sndbuf_specified)
        return "sndbuf";
    if (net->trustGuestRxFilters == VIR_TRISTATE_BOOL_YES)
        return "trustGuestRxFilters";
    if (net->backend.vhost)
        return "vhost";
    if (net->ifname_guest)
        return "guest";
    if (net->info.acpiIndex > 0)
        return "acpi";
    if (libxlDeviceModelNetHasDriver(net))
        return "driver";
    if (libxlDeviceModelNetIsEthernet(net) && net->vlan.nTags > 0)
        return "vlan";
    if (libxlDeviceModelNetIsEthernet(net) && net->coalesce)
        return "coalesce";

    return NULL;
}


/* Returns the name of the script in Xen's folder that @path stands for, or NULL.  libxl
 * looks there for one that is no absolute path (libxl__abs_path in Xen
 * tools/libs/light/libxl_internal.c). */
static const char *
libxlDeviceModelNetXenScript(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (!g_path_is_absolute(path))
        return path;

    return g_str_has_suffix(folder, "/xen/scripts") ? strrchr(path, '/') + 1 : NULL;
}


/* Whether a tap is plugged without the hotplug script as it would be with it. */
static bool
libxlDeviceModelNetReplacesScript(const virDomainNetDef *net)
{
    const virNetDevVPortProfile *port = virDomainNetGetActualVirtPortProfile(net);
    const char *name = libxlDeviceModelNetXenScript(net->script);

    if (STREQ_NULLABLE(name, "vif-openvswitch"))
        return port && port->virtPortType == VIR_NETDEV_VPORT_PROFILE_OPENVSWITCH;

    return STREQ_NULLABLE(name, "vif-bridge");
}


/* Hotplug scripts of Xen's are told more than the name of a tap, which is all that libvirt
 * tells one of an interface without a bridge (virNetDevRunEthernetScript). */
static int
libxlDeviceModelValidateNetScript(const virDomainDeviceModelDef *dmdef,
                                  const virDomainNetDef *net)
{
    char macstr[VIR_MAC_STRING_BUFLEN];

    if (!net->script)
        return 0;

    if (libxlDeviceModelNetIsEthernet(net)) {
        if (!libxlDeviceModelNetXenScript(net->script))
            return 0;

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' has the script '%3$s', expected the absolute path of one that is none of Xen's and takes the name of the tap, or the interface in the primary"),
                       dmdef->name, virMacAddrFormat(&net->mac, macstr), net->script);
        return -1;
    }

    if (libxlDeviceModelNetReplacesScript(net))
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("device model '%1$s': interface '%2$s' has the script '%3$s', expected 'vif-bridge', or 'vif-openvswitch' with a <virtualport type='openvswitch'/>, or the interface in the primary"),
                   dmdef->name, virMacAddrFormat(&net->mac, macstr), net->script);
    return -1;
}


/* Whether the kernel gives a tap this very name (dev_valid_name in Linux net/core/dev.c).
 * In one with a '%' it, or virNetDevGenerateName before it, looks for a place for a
 * number: and if that finds none, it uses up the numbers of all domains' taps. */
static bool
libxlDeviceModelNetIsName(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < IFNAMSIZ && !strpbrk(name, "%/: \t\n\v\f\r") &&
        STRNEQ(name, ".") && STRNEQ(name, "..");
}


/* A tap that nobody finds, since its name is generated, and no script is told of, is
 * connected to nothing. */
static int
libxlDeviceModelValidateNetTarget(const virDomainDeviceModelDef *dmdef,
                                  const virDomainNetDef *net)
{
    char macstr[VIR_MAC_STRING_BUFLEN];

    if (net->ifname && !libxlDeviceModelNetIsName(net->ifname)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' has the target device '%3$s', expected a name of 1 to %4$d bytes without '%%', '/', ':' and blanks, other than '.' and '..'"),
                       dmdef->name, virMacAddrFormat(&net->mac, macstr), net->ifname,
                       IFNAMSIZ - 1);
        return -1;
    }

    if (libxlDeviceModelNetIsEthernet(net) && !net->ifname &&
        (!net->script || net->managed_tap == VIR_TRISTATE_BOOL_NO)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' is of type 'ethernet' and has no target device, expected one with a name of its own, or type 'bridge'"),
                       dmdef->name, virMacAddrFormat(&net->mac, macstr));
        return -1;
    }

    return 0;
}


/* What a tap was given before it was handed over stays with it. */
static int
libxlDeviceModelValidateNetMTU(const virDomainDeviceModelDef *dmdef,
                               const virDomainNetDef *net)
{
    char macstr[VIR_MAC_STRING_BUFLEN];

    if (net->mtu == 0)
        return 0;

    if (net->mtu < LIBXL_DEVICE_MODEL_MTU_MIN || net->mtu > LIBXL_DEVICE_MODEL_MTU_MAX) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' has the MTU '%3$u', expected '%4$d' to '%5$d' in a secondary"),
                       dmdef->name, virMacAddrFormat(&net->mac, macstr), net->mtu,
                       LIBXL_DEVICE_MODEL_MTU_MIN, LIBXL_DEVICE_MODEL_MTU_MAX);
        return -1;
    }

    if (net->managed_tap == VIR_TRISTATE_BOOL_NO) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' has the MTU '%3$u' and a target device with managed='no', expected one of them"),
                       dmdef->name, virMacAddrFormat(&net->mac, macstr), net->mtu);
        return -1;
    }

    return 0;
}


/* A secondary's NICs have no ROMs (libxlDeviceModelCommandAddNIC), and libxl knows no order of
 * single devices. */
static int
libxlDeviceModelValidateNetBoot(const virDomainDeviceModelDef *dmdef,
                                const virDomainNetDef *net)
{
    const virDomainDeviceInfo *info = &net->info;
    char macstr[VIR_MAC_STRING_BUFLEN];

    if (info->bootIndex > 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' has the boot order '%3$u', expected none in a secondary, where it has no boot ROM"),
                       dmdef->name, virMacAddrFormat(&net->mac, macstr), info->bootIndex);
        return -1;
    }

    if (info->romfile || info->rombar == VIR_TRISTATE_SWITCH_ON ||
        info->romenabled == VIR_TRISTATE_BOOL_YES) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' has a <rom>, expected none in a secondary, or one with enabled='no' or bar='off' and no file"),
                       dmdef->name, virMacAddrFormat(&net->mac, macstr));
        return -1;
    }

    return 0;
}


/* What a hotplug script of Xen's or libxl would set up is honoured, or refused by name. */
static int
libxlDeviceModelValidateNetSettings(const virDomainDeviceModelDef *dmdef,
                                    const virDomainNetDef *net)
{
    const char *option = libxlDeviceModelNetOption(net);
    char macstr[VIR_MAC_STRING_BUFLEN];

    if (option) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' has '%3$s', expected an interface without it in a secondary"),
                       dmdef->name, virMacAddrFormat(&net->mac, macstr), option);
        return -1;
    }

    if (libxlDeviceModelValidateNetScript(dmdef, net) < 0 ||
        libxlDeviceModelValidateNetTarget(dmdef, net) < 0 ||
        libxlDeviceModelValidateNetBoot(dmdef, net) < 0)
        return -1;

    return libxlDeviceModelValidateNetMTU(dmdef, net);
}


/**
 * libxlDeviceModelValidateNet:
 * @dmdef: a secondary
 * @net: interface that it is to emulate
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED that names the device model,
 * the interface and the value.
 */
int
libxlDeviceModelValidateNet(const virDomainDeviceModelDef *dmdef,
                            const virDomainNetDef *net)
{
    char macstr[VIR_MAC_STRING_BUFLEN];
    const char *model = virDomainNetGetModelString(net);

    /* A network may turn out to be one of any kind when the domain starts. */
    switch (virDomainNetGetActualType(net)) {
    case VIR_DOMAIN_NET_TYPE_BRIDGE:
    case VIR_DOMAIN_NET_TYPE_NETWORK:
    case VIR_DOMAIN_NET_TYPE_ETHERNET:
        break;

    case VIR_DOMAIN_NET_TYPE_USER:
    case VIR_DOMAIN_NET_TYPE_VHOSTUSER:
    case VIR_DOMAIN_NET_TYPE_SERVER:
    case VIR_DOMAIN_NET_TYPE_CLIENT:
    case VIR_DOMAIN_NET_TYPE_MCAST:
    case VIR_DOMAIN_NET_TYPE_INTERNAL:
    case VIR_DOMAIN_NET_TYPE_DIRECT:
    case VIR_DOMAIN_NET_TYPE_HOSTDEV:
    case VIR_DOMAIN_NET_TYPE_UDP:
    case VIR_DOMAIN_NET_TYPE_VDPA:
    case VIR_DOMAIN_NET_TYPE_NULL:
    case VIR_DOMAIN_NET_TYPE_VDS:
    case VIR_DOMAIN_NET_TYPE_LAST:
    default:
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' is of type '%3$s', expected one of 'bridge', 'network', 'ethernet'"),
                       dmdef->name, virMacAddrFormat(&net->mac, macstr),
                       virDomainNetTypeToString(virDomainNetGetActualType(net)));
        return -1;
    }

    if (!libxlDeviceModelNICDriver(model)) {
        g_autofree char *accepted = libxlDeviceModelNICModels();

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': model '%2$s' of interface '%3$s' cannot be emulated by a secondary, expected one of %4$s"),
                       dmdef->name, model, virMacAddrFormat(&net->mac, macstr), accepted);
        return -1;
    }

    if (net->domain_name) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' has the backend domain '%3$s', expected none in a secondary"),
                       dmdef->name, virMacAddrFormat(&net->mac, macstr), net->domain_name);
        return -1;
    }

    return libxlDeviceModelValidateNetSettings(dmdef, net);
}


/* A target is what libxl takes a disk's place from, so an address must not say
 * anything else.  That there is a target is checked only after the driver's rules
 * (virDomainDiskDefValidate in conf/domain_validate.c). */
static int
libxlDeviceModelValidateDiskPlace(const virDomainDeviceModelDef *dmdef,
                                  const virDomainDiskDef *disk)
{
    static const char *const names[] = { "hda", "hdb", "hdc", "hdd", NULL };
    const virDomainDeviceDriveAddress *addr = &disk->info.addr.drive;
    unsigned int place = 0;

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == LIBXL_DEVICE_MODEL_IDE_MAX + 1);

    while (names[place] && STRNEQ_NULLABLE(disk->dst, names[place]))
        place++;

    if (!names[place]) {
        g_autofree char *accepted = g_strjoinv("', '", (char **)names);

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': disk '%2$s' is on bus 'ide', expected one of '%3$s' there"),
                       dmdef->name, NULLSTR_EMPTY(disk->dst), accepted);
        return -1;
    }

    if (disk->info.type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_DRIVE &&
        (addr->controller != 0 || addr->target != 0 ||
         addr->bus != place / 2 || addr->unit != place % 2)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': disk '%2$s' has the drive address '%3$u:%4$u:%5$u:%6$u', expected controller, bus, target and unit '0:%7$u:0:%8$u' or no address"),
                       dmdef->name, disk->dst, addr->controller, addr->bus,
                       addr->target, addr->unit, place / 2, place % 2);
        return -1;
    }

    return 0;
}


static int
libxlDeviceModelValidateDiskDevice(const virDomainDeviceModelDef *dmdef,
                                   const virDomainDiskDef *disk)
{
    if (disk->device != VIR_DOMAIN_DISK_DEVICE_DISK &&
        disk->device != VIR_DOMAIN_DISK_DEVICE_CDROM) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': disk '%2$s' is of device type '%3$s', expected 'disk' or 'cdrom'"),
                       dmdef->name, disk->dst,
                       virDomainDiskDeviceTypeToString(disk->device));
        return -1;
    }

    /* as for libxl: QEMU has no IDE disk that cannot be written to
     * (ide_dev_initfn in QEMU hw/ide/qdev.c) */
    if (disk->device == VIR_DOMAIN_DISK_DEVICE_DISK && disk->src->readonly) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': disk '%2$s' is read-only, expected a writable disk or device type 'cdrom'"),
                       dmdef->name, disk->dst);
        return -1;
    }

    return 0;
}


/* libxlMakeDisk in libxl_conf.c sees all disks before those of secondaries are
 * taken out, so that these are the formats that both sides know.  What it calls
 * 'vhd' is QEMU's 'vpc'.  The first is for a disk that names no driver. */
static const struct {
    const char *driver;
    const char *const formats[5];
} libxlDeviceModelDiskDrivers[] = {
    { NULL, { "raw", "qcow2", "vhd", "vpc" } },
    { "qemu", { "raw", "qcow2", "vhd" } },
    { "tap", { "raw", "qcow2", "vhd" } },
    { "tap2", { "raw", "qcow2", "vhd" } },
    { "file", { "raw" } },
    { "phy", { "raw" } },
};


/* For error messages, to be freed by the caller. */
static char *
libxlDeviceModelDiskDriverNames(void)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    for (i = 1; i < G_N_ELEMENTS(libxlDeviceModelDiskDrivers); i++)
        virBufferAsprintf(&buf, "'%s', ", libxlDeviceModelDiskDrivers[i].driver);
    virBufferTrim(&buf, ", ");

    return virBufferContentAndReset(&buf);
}


static int
libxlDeviceModelValidateDiskFormat(const virDomainDeviceModelDef *dmdef,
                                   const virDomainDiskDef *disk)
{
    const char *driver = virDomainDiskGetDriver(disk);
    const char *format = virStorageFileFormatTypeToString(disk->src->format);
    const char *const *formats = NULL;
    g_autofree char *accepted = NULL;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(libxlDeviceModelDiskDrivers); i++) {
        if (STREQ_NULLABLE(driver, libxlDeviceModelDiskDrivers[i].driver))
            formats = libxlDeviceModelDiskDrivers[i].formats;
    }

    if (!formats) {
        accepted = libxlDeviceModelDiskDriverNames();
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': disk '%2$s' has the driver '%3$s', expected none or one of %4$s"),
                       dmdef->name, disk->dst, driver, accepted);
        return -1;
    }

    if (g_strv_contains(formats, format))
        return 0;

    accepted = g_strjoinv("', '", (char **)formats);
    if (driver) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': disk '%2$s' has the format '%3$s' with the driver '%4$s', expected one of '%5$s'"),
                       dmdef->name, disk->dst, format, driver, accepted);
    } else {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': disk '%2$s' has the format '%3$s', expected one of '%4$s'"),
                       dmdef->name, disk->dst, format, accepted);
    }
    return -1;
}


/* Returns what of the disk would cost data, secrets or protection if it were
 * ignored, as libxl does it, or NULL. */
static const char *
libxlDeviceModelDiskOption(const virDomainDiskDef *disk)
{
    const virStorageSource *src;

    for (src = disk->src; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (src->encryption)
            return "encryption";
        if (src->sliceStorage)
            return "slices";
        if (src->fdgroup)
            return "fdgroup";
        if (src->dataFileStore)
            return "dataStore";
    }

    if (virDomainBlockIoTuneInfoHasAny(&disk->blkdeviotune))
        return "iotune";
    if (disk->nthrottlefilters > 0)
        return "throttlefilters";
    if (disk->copy_on_read == VIR_TRISTATE_SWITCH_ON)
        return "copy_on_read";
    if (disk->transient)
        return "transient";

    return NULL;
}


/* What the disk's own image is based on has no driver that says more of its
 * format. */
static int
libxlDeviceModelValidateBacking(const virDomainDeviceModelDef *dmdef,
                                const virDomainDiskDef *disk,
                                const virStorageSource *src)
{
    const char *const *formats = libxlDeviceModelDiskDrivers[0].formats;
    const char *format = virStorageFileFormatTypeToString(src->backingStore->format);

    if (src->format != VIR_STORAGE_FILE_QCOW2) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': image '%2$s' of disk '%3$s' has a <backingStore> and the format '%4$s', expected the format 'qcow2' or no <backingStore>"),
                       dmdef->name, NULLSTR_EMPTY(src->path), disk->dst,
                       virStorageFileFormatTypeToString(src->format));
        return -1;
    }

    if (!g_strv_contains(formats, format)) {
        g_autofree char *accepted = g_strjoinv("', '", (char **)formats);

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': disk '%2$s' has a <backingStore> of the format '%3$s', expected one of '%4$s'"),
                       dmdef->name, disk->dst, format, accepted);
        return -1;
    }

    return 0;
}


static int
libxlDeviceModelValidateDiskSource(const virDomainDeviceModelDef *dmdef,
                                   const virDomainDiskDef *disk)
{
    const virStorageSource *src;
    const char *option = libxlDeviceModelDiskOption(disk);

    for (src = disk->src; virStorageSourceIsBacking(src); src = src->backingStore) {
        virStorageType type = virStorageSourceGetActualType(src);

        if (type != VIR_STORAGE_TYPE_FILE && type != VIR_STORAGE_TYPE_BLOCK) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("device model '%1$s': disk '%2$s' has a source of type '%3$s', expected 'file' or 'block'"),
                           dmdef->name, disk->dst, virStorageTypeToString(type));
            return -1;
        }

        if (virStorageSourceIsBacking(src->backingStore) &&
            libxlDeviceModelValidateBacking(dmdef, disk, src) < 0)
            return -1;
    }

    if (option) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': disk '%2$s' has '%3$s', expected a disk without it in a secondary"),
                       dmdef->name, disk->dst, option);
        return -1;
    }

    if (disk->domain_name) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': disk '%2$s' has the backend domain '%3$s', expected none in a secondary"),
                       dmdef->name, disk->dst, disk->domain_name);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelValidateDisk:
 * @dmdef: a secondary
 * @disk: IDE disk that it is to emulate
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED that names the device model,
 * the disk and the value.
 */
int
libxlDeviceModelValidateDisk(const virDomainDeviceModelDef *dmdef,
                             const virDomainDiskDef *disk)
{
    if (libxlDeviceModelValidateDiskPlace(dmdef, disk) < 0 ||
        libxlDeviceModelValidateDiskDevice(dmdef, disk) < 0 ||
        libxlDeviceModelValidateDiskSource(dmdef, disk) < 0 ||
        libxlDeviceModelValidateDiskFormat(dmdef, disk) < 0)
        return -1;

    return 0;
}


/* Not a rule for the medium of a drive, since the live definition of a domain that was
 * started before there was this rule may break it. */
static int
libxlDeviceModelValidateDiskBoot(const virDomainDeviceModelDef *dmdef,
                                 const virDomainDiskDef *disk)
{
    if (disk->info.bootIndex == 0)
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("device model '%1$s': disk '%2$s' has the boot order '%3$u', expected none in a secondary, and <boot dev='%4$s'/> in <os>"),
                   dmdef->name, disk->dst, disk->info.bootIndex,
                   disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM ? "cdrom" : "hd");
    return -1;
}


static int
libxlDeviceModelValidateDisks(const virDomainDeviceModelDef *dmdef,
                              const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i]->bus != VIR_DOMAIN_DISK_BUS_IDE)
            continue;

        if (libxlDeviceModelValidateDisk(dmdef, def->disks[i]) < 0 ||
            libxlDeviceModelValidateDiskBoot(dmdef, def->disks[i]) < 0)
            return -1;
    }

    return 0;
}


/* Returns what a secondary cannot do for a serial port, or NULL. */
static const char *
libxlDeviceModelSerialOption(const virDomainChrSourceDef *source)
{
    if (source->logfile)
        return "log";

    if (source->type == VIR_DOMAIN_CHR_TYPE_UNIX &&
        source->data.nix.reconnect.enabled == VIR_TRISTATE_BOOL_YES)
        return "reconnect";

    if (source->type == VIR_DOMAIN_CHR_TYPE_TCP) {
        if (source->data.tcp.reconnect.enabled == VIR_TRISTATE_BOOL_YES)
            return "reconnect";
        if (source->data.tcp.haveTLS == VIR_TRISTATE_BOOL_YES)
            return "tls";
    }

    return NULL;
}


static int
libxlDeviceModelValidateSerialSource(const virDomainDeviceModelDef *dmdef,
                                     const virDomainChrDef *serial)
{
    const virDomainChrSourceDef *source = serial->source;
    const char *option = libxlDeviceModelSerialOption(source);

    switch ((virDomainChrType)source->type) {
    case VIR_DOMAIN_CHR_TYPE_PTY:
    case VIR_DOMAIN_CHR_TYPE_FILE:
    case VIR_DOMAIN_CHR_TYPE_UNIX:
    case VIR_DOMAIN_CHR_TYPE_TCP:
    case VIR_DOMAIN_CHR_TYPE_NULL:
        break;

    case VIR_DOMAIN_CHR_TYPE_VC:
    case VIR_DOMAIN_CHR_TYPE_DEV:
    case VIR_DOMAIN_CHR_TYPE_PIPE:
    case VIR_DOMAIN_CHR_TYPE_STDIO:
    case VIR_DOMAIN_CHR_TYPE_UDP:
    case VIR_DOMAIN_CHR_TYPE_SPICEVMC:
    case VIR_DOMAIN_CHR_TYPE_SPICEPORT:
    case VIR_DOMAIN_CHR_TYPE_NMDM:
    case VIR_DOMAIN_CHR_TYPE_QEMU_VDAGENT:
    case VIR_DOMAIN_CHR_TYPE_DBUS:
    case VIR_DOMAIN_CHR_TYPE_LAST:
    default:
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': serial port '%2$d' is of type '%3$s', expected one of 'pty', 'file', 'unix', 'tcp', 'null'"),
                       dmdef->name, serial->target.port,
                       virDomainChrTypeToString(source->type));
        return -1;
    }

    if (source->type == VIR_DOMAIN_CHR_TYPE_TCP &&
        source->data.tcp.protocol != VIR_DOMAIN_CHR_TCP_PROTOCOL_RAW &&
        source->data.tcp.protocol != VIR_DOMAIN_CHR_TCP_PROTOCOL_TELNET) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': serial port '%2$d' has the protocol '%3$s', expected 'raw' or 'telnet'"),
                       dmdef->name, serial->target.port,
                       virDomainChrTcpProtocolTypeToString(source->data.tcp.protocol));
        return -1;
    }

    if (option) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': serial port '%2$d' has '%3$s', expected a port without it in a secondary"),
                       dmdef->name, serial->target.port, option);
        return -1;
    }

    return 0;
}


static int
libxlDeviceModelValidateSerials(const virDomainDeviceModelDef *dmdef,
                                const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nserials; i++) {
        const virDomainChrDef *serial = def->serials[i];

        if (serial->targetType != VIR_DOMAIN_CHR_SERIAL_TARGET_TYPE_NONE &&
            serial->targetType != VIR_DOMAIN_CHR_SERIAL_TARGET_TYPE_ISA) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("device model '%1$s': serial port '%2$d' has the target type '%3$s', expected 'isa-serial'"),
                           dmdef->name, serial->target.port,
                           virDomainChrSerialTargetTypeToString(serial->targetType));
            return -1;
        }

        if (libxlDeviceModelValidateSerialSource(dmdef, serial) < 0)
            return -1;
    }

    return 0;
}


/* Where the sound goes is libxl's to decide in the primary. */
static int
libxlDeviceModelValidateAudio(const virDomainDeviceModelDef *dmdef,
                              const virDomainAudioDef *audio)
{
    if (audio->type != VIR_DOMAIN_AUDIO_TYPE_NONE &&
        audio->type != VIR_DOMAIN_AUDIO_TYPE_FILE) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': audio backend '%2$u' is of type '%3$s', expected 'none' or 'file'"),
                       dmdef->name, audio->id, virDomainAudioTypeTypeToString(audio->type));
        return -1;
    }

    if (audio->type == VIR_DOMAIN_AUDIO_TYPE_FILE &&
        (!audio->backend.file.path || !g_path_is_absolute(audio->backend.file.path))) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': audio backend '%2$u' has the path '%3$s', expected an absolute path"),
                       dmdef->name, audio->id, NULLSTR_EMPTY(audio->backend.file.path));
        return -1;
    }

    return 0;
}


static int
libxlDeviceModelValidateSound(const virDomainDeviceModelDef *dmdef,
                              const virDomainDef *def)
{
    const virDomainSoundDef *sound = def->sounds[0];
    const virDomainAudioDef *audio = virDomainDefFindAudioByID(def, sound->audioId);

    if (def->nsounds > 1) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': the domain has %2$zu sound devices, expected one at most in a secondary"),
                       dmdef->name, def->nsounds);
        return -1;
    }

    if (!libxlDeviceModelSoundDriver(sound->model)) {
        g_autofree char *accepted = libxlDeviceModelSoundModels();

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': sound model '%2$s' cannot be emulated by a secondary, expected one of %3$s"),
                       dmdef->name, virDomainSoundModelTypeToString(sound->model), accepted);
        return -1;
    }

    if (sound->ncodecs > 1) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': the sound device has %2$zu codecs, expected one at most in a secondary"),
                       dmdef->name, sound->ncodecs);
        return -1;
    }

    return audio ? libxlDeviceModelValidateAudio(dmdef, audio) : 0;
}


static int
libxlDeviceModelValidateCapability(const virDomainDeviceModelDef *dmdef,
                                   const virDomainDef *def,
                                   virDomainDeviceModelCapability cap)
{
    switch (cap) {
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE:
        return libxlDeviceModelValidateDisks(dmdef, def);

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL:
        return libxlDeviceModelValidateSerials(dmdef, def);

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO:
        return libxlDeviceModelValidateSound(dmdef, def);

    /* never a secondary's */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST:
        break;
    }

    return 0;
}


static int
libxlDeviceModelValidateCapabilities(const virDomainDeviceModelDef *dmdef,
                                     const virDomainDef *def)
{
    virDomainDeviceModelCapability cap;
    bool idle = dmdef->ninterfaces == 0;

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        if (!libxlDeviceModelEmulates(def, dmdef, cap))
            continue;

        idle = false;
        if (libxlDeviceModelValidateCapability(dmdef, def, cap) < 0)
            return -1;
    }

    if (idle) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' has nothing to emulate: expected an interface, or a device of the domain for one of its capabilities"),
                       dmdef->name);
        return -1;
    }

    return 0;
}


static int
libxlDeviceModelValidateSecondary(const virDomainDeviceModelDef *dmdef,
                                  const virDomainDef *def)
{
    const char *emulator = libxlDeviceModelSecondaryEmulator(def, dmdef);
    size_t i;

    /* one of its own is conf's to check, and where there is none libxl takes one */
    if (emulator && !dmdef->emulator && !g_path_is_absolute(emulator)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' has the emulator '%2$s', expected an absolute path"),
                       dmdef->name, emulator);
        return -1;
    }

    for (i = 0; i < dmdef->ninterfaces; i++) {
        virDomainNetDef *net = virDomainDeviceModelFindNet(def, &dmdef->interfaces[i]);

        /* virDomainDeviceModelDefsValidate has refused a reference to none */
        if (net && libxlDeviceModelValidateNet(dmdef, net) < 0)
            return -1;
    }

    return libxlDeviceModelValidateCapabilities(dmdef, def);
}


static bool
libxlDeviceModelsBootFromNetwork(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->os.nBootDevs; i++) {
        if (def->os.bootDevs[i] == VIR_DOMAIN_BOOT_NET)
            return true;
    }

    return false;
}


/* Whether the primary may have a device to boot from the network with: a NIC that it
 * emulates, or a device of the host, which may be a NIC with a ROM of its own. */
static bool
libxlDeviceModelPrimaryHasBootROM(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nnets; i++) {
        if (def->nets[i]->model != VIR_DOMAIN_NET_MODEL_NETFRONT &&
            !libxlDeviceModelOwnsNet(def, def->nets[i]))
            return true;
    }

    for (i = 0; i < def->nhostdevs; i++) {
        const virDomainHostdevDef *hostdev = def->hostdevs[i];

        if (hostdev->mode == VIR_DOMAIN_HOSTDEV_MODE_SUBSYS &&
            hostdev->source.subsys.type == VIR_DOMAIN_HOSTDEV_SUBSYS_TYPE_PCI)
            return true;
    }

    return false;
}


/* UEFI has drivers of its own, and a kernel comes before all devices.  The last to boot from is
 * refused like the first: it would be tried if the others failed. */
static int
libxlDeviceModelsValidateBoot(const virDomainDef *def)
{
    size_t i;

    if (!libxlDeviceModelsBootFromNetwork(def) || def->os.kernel ||
        def->os.firmware == VIR_DOMAIN_OS_DEF_FIRMWARE_EFI || virDomainDefHasOldStyleUEFI(def) ||
        libxlDeviceModelPrimaryHasBootROM(def))
        return 0;

    for (i = 0; i < def->nnets; i++) {
        const virDomainNetDef *net = def->nets[i];
        char macstr[VIR_MAC_STRING_BUFLEN];

        if (!libxlDeviceModelOwnsNet(def, net))
            continue;

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' has the interface '%2$s', which has no boot ROM, and the domain boots from 'network': expected an emulated interface in the primary, or no <boot dev='network'/> (in xl.cfg: no 'n' in boot=)"),
                       virDomainDeviceModelFindByNet(def, net)->name,
                       virMacAddrFormat(&net->mac, macstr));
        return -1;
    }

    return 0;
}


/* Where nothing is said of it, one that cannot be restarted is ignored when it fails. */
static int
libxlDeviceModelValidateRestart(const virDomainDef *def,
                                const libxlDeviceModelPlaced *placed)
{
    const virDomainDeviceModelDef *dmdef = def->devicemodels[placed->idx];
    libxlDeviceModelMachine machine = { 0 };
    g_autoptr(libxlDeviceModelConfig) config = NULL;
    const char *refusal;

    if (dmdef->failure.action != VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART)
        return 0;

    config = libxlDeviceModelConfigNew(def, placed, &machine, 0);
    if (!(refusal = libxlDeviceModelReplayRefusal(config)))
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("device model '%1$s' has the failure action '%2$s', expected another: %3$s"),
                   dmdef->name,
                   virDomainDeviceModelFailureActionTypeToString(dmdef->failure.action),
                   refusal);
    return -1;
}


/**
 * libxlDeviceModelsValidate:
 * @def: domain definition
 *
 * Check the rules for device models that the definition alone decides, those of
 * conf first: the driver is asked before conf when a domain is defined
 * (virDomainDefValidate in conf/domain_validate.c).  A definition without device
 * models passes.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED that names the device model
 * and the value.
 */
int
libxlDeviceModelsValidate(const virDomainDef *def)
{
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    size_t i;

    if (!primary)
        return 0;

    if (virDomainDeviceModelDefsValidate(def) < 0)
        return -1;

    if (def->os.type != VIR_DOMAIN_OSTYPE_HVM) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' in a domain of type '%2$s', expected type 'hvm'"),
                       primary->name, virDomainOSTypeToString(def->os.type));
        return -1;
    }

    if (primary->emulator && def->emulator &&
        STRNEQ(primary->emulator, def->emulator)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' is the primary: its emulator '%2$s' must be that of the domain, '%3$s'"),
                       primary->name, primary->emulator, def->emulator);
        return -1;
    }

    for (i = 0; i < def->ndevicemodels; i++) {
        if (def->devicemodels[i] != primary &&
            libxlDeviceModelValidateSecondary(def->devicemodels[i], def) < 0)
            return -1;
    }

    if (libxlDeviceModelsValidateBoot(def) < 0 ||
        libxlDeviceModelUARTsValidate(def) < 0)
        return -1;

    /* the definition also decides whether the PCI slots suffice */
    if (!(placement = libxlDeviceModelPlacementNew(def)))
        return -1;

    for (i = 0; i < placement->nsecondaries; i++) {
        if (libxlDeviceModelValidateRestart(def, &placement->secondaries[i]) < 0)
            return -1;
    }

    return 0;
}


static int
libxlDeviceModelValidateEmulator(const virDomainDeviceModelDef *dmdef,
                                 const char *emulator)
{
    if (!virFileExists(emulator)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': emulator '%2$s' does not exist, expected the path of an executable file"),
                       dmdef->name, emulator);
        return -1;
    }

    if (!virFileIsExecutable(emulator)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': emulator '%2$s' is not an executable file, expected the path of one"),
                       dmdef->name, emulator);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelsValidateHost:
 * @def: domain definition that is about to start
 *
 * Check what this host decides: that the emulator of every secondary is there,
 * where it is known yet (libxlDeviceModelSecondaryEmulator).  That of the primary
 * is libxl's to check.  Reads the file system only.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED that names the device model
 * and the emulator.
 */
int
libxlDeviceModelsValidateHost(const virDomainDef *def)
{
    virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++) {
        virDomainDeviceModelDef *dmdef = def->devicemodels[i];
        const char *emulator = libxlDeviceModelSecondaryEmulator(def, dmdef);

        if (dmdef != primary && emulator &&
            libxlDeviceModelValidateEmulator(dmdef, emulator) < 0)
            return -1;
    }

    return 0;
}
