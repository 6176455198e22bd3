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

#include "libxl_devicemodel_validate.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_conf.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_validate");


static int
libxlDeviceModelValidateNet(const virDomainDeviceModelDef *dm,
                            const virDomainNetDef *net)
{
    char macstr[VIR_MAC_STRING_BUFLEN];
    const char *model = virDomainNetGetModelString(net);

    virMacAddrFormat(&net->mac, macstr);

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
                       dm->name, macstr,
                       virDomainNetTypeToString(virDomainNetGetActualType(net)));
        return -1;
    }

    if (!libxlDeviceModelNICDriver(model)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': model '%2$s' of interface '%3$s' cannot be emulated by a secondary, expected one of %4$s"),
                       dm->name, model, macstr, libxlDeviceModelNICModels());
        return -1;
    }

    if (net->domain_name) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' has the backend domain '%3$s', expected none in a secondary"),
                       dm->name, macstr, net->domain_name);
        return -1;
    }

    return 0;
}


/* sb16 needs the ISA DMA controller, which the primary has. */
static int
libxlDeviceModelValidateSound(const virDomainDeviceModelDef *dm,
                              const virDomainDef *def)
{
    if (def->nsounds == 0)
        return 0;

    switch (def->sounds[0]->model) {
    case VIR_DOMAIN_SOUND_MODEL_ICH6:
    case VIR_DOMAIN_SOUND_MODEL_AC97:
    case VIR_DOMAIN_SOUND_MODEL_ES1370:
        return 0;

    case VIR_DOMAIN_SOUND_MODEL_SB16:
    case VIR_DOMAIN_SOUND_MODEL_PCSPK:
    case VIR_DOMAIN_SOUND_MODEL_ICH7:
    case VIR_DOMAIN_SOUND_MODEL_USB:
    case VIR_DOMAIN_SOUND_MODEL_ICH9:
    case VIR_DOMAIN_SOUND_MODEL_VIRTIO:
    case VIR_DOMAIN_SOUND_MODEL_LAST:
    default:
        break;
    }

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("device model '%1$s': sound model '%2$s' cannot be emulated by a secondary, expected one of 'ich6', 'ac97', 'es1370'"),
                   dm->name,
                   virDomainSoundModelTypeToString(def->sounds[0]->model));
    return -1;
}


static bool
libxlDeviceModelHasDevice(const virDomainDeviceModelDef *dm,
                          const virDomainDef *def)
{
    size_t i;

    if (dm->ninterfaces > 0)
        return true;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i]->bus == VIR_DOMAIN_DISK_BUS_IDE &&
            virDomainDeviceModelDefHasCapability(dm, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE))
            return true;
    }

    return (def->nserials > 0 &&
            virDomainDeviceModelDefHasCapability(dm, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL)) ||
           (def->nsounds > 0 &&
            virDomainDeviceModelDefHasCapability(dm, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO));
}


static int
libxlDeviceModelValidateSecondary(const virDomainDeviceModelDef *dm,
                                  const virDomainDef *def)
{
    size_t i;

    if (!dm->emulator && !def->emulator) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' has no emulator: expected <emulator> in it or in <devices>"),
                       dm->name);
        return -1;
    }

    if (!libxlDeviceModelHasDevice(dm, def)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' has nothing to emulate: expected an interface, or a device of the domain for one of its capabilities"),
                       dm->name);
        return -1;
    }

    for (i = 0; i < dm->ninterfaces; i++) {
        virDomainNetDef *net = virDomainDeviceModelFindNet(def, &dm->interfaces[i]);

        if (!net || libxlDeviceModelValidateNet(dm, net) < 0)
            return -1;
    }

    if (virDomainDeviceModelDefHasCapability(dm, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO) &&
        libxlDeviceModelValidateSound(dm, def) < 0)
        return -1;

    return 0;
}


/**
 * libxlDeviceModelDefValidate:
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
libxlDeviceModelDefValidate(const virDomainDef *def)
{
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

    return 0;
}


static int
libxlDeviceModelValidateEmulator(const virDomainDeviceModelDef *dm,
                                 const char *emulator)
{
    if (!virFileExists(emulator)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': emulator '%2$s' does not exist"),
                       dm->name, emulator);
        return -1;
    }

    if (!virFileIsExecutable(emulator)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': emulator '%2$s' is not an executable file"),
                       dm->name, emulator);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelDefValidateHost:
 * @def: domain definition that is about to start
 *
 * Check what this host decides: that the emulator of every secondary is there.
 * That of the primary is libxl's to check.  Reads the file system only.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED that names the device model
 * and the emulator.
 */
int
libxlDeviceModelDefValidateHost(const virDomainDef *def)
{
    virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++) {
        virDomainDeviceModelDef *dm = def->devicemodels[i];

        if (dm != primary &&
            libxlDeviceModelValidateEmulator(dm, dm->emulator ? dm->emulator
                                                              : def->emulator) < 0)
            return -1;
    }

    return 0;
}
