/*
 * libxl_devicemodel_conf.c: the configuration of each device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_conf.h"

#include "domain_devicemodel.h"
#include "viralloc.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_conf");

static const struct {
    const char *model;
    const char *driver;
} libxlDeviceModelNICDrivers[] = {
    { "rtl8139", "rtl8139" },
    { "e1000", "e1000" },
    { "e1000e", "e1000e" },
    { "pcnet", "pcnet" },
    { "ne2k_pci", "ne2k_pci" },
    { "virtio", "virtio-net-pci" },
};


/**
 * libxlDeviceModelNICDriver:
 * @model: model of an interface, or NULL for libxl's default, which is rtl8139
 *         (libxl__device_nic_setdefault in Xen tools/libs/light/libxl_nic.c)
 *
 * Returns the name that QEMU has for the device, or NULL where a secondary
 * cannot emulate the model.
 */
const char *
libxlDeviceModelNICDriver(const char *model)
{
    size_t i;

    if (!model)
        return "rtl8139";

    for (i = 0; i < G_N_ELEMENTS(libxlDeviceModelNICDrivers); i++) {
        if (STREQ(model, libxlDeviceModelNICDrivers[i].model))
            return libxlDeviceModelNICDrivers[i].driver;
    }

    return NULL;
}


/**
 * libxlDeviceModelNICModels:
 *
 * Returns the models that libxlDeviceModelNICDriver knows, for error messages.
 */
const char *
libxlDeviceModelNICModels(void)
{
    return "'rtl8139', 'e1000', 'e1000e', 'pcnet', 'ne2k_pci', 'virtio'";
}


void
libxlDeviceModelConfigFree(libxlDeviceModelConfig *config)
{
    if (!config)
        return;

    g_free(config->nics);
    g_free(config->domname);
    g_free(config->name);
    g_free(config->emulator);
    g_free(config);
}


/* QEMU lays the guest's memory out from its size, so every device model of a
 * domain must be given the same: libxl__build_device_model_args_new in Xen
 * tools/libs/light/libxl_dm.c gives the primary this one. */
static int
libxlDeviceModelConfigMemory(libxlDeviceModelConfig *config,
                             const libxl_domain_build_info *b_info)
{
    if (b_info->video_memkb == LIBXL_MEMKB_DEFAULT ||
        b_info->max_memkb == LIBXL_MEMKB_DEFAULT ||
        b_info->video_memkb > b_info->max_memkb) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s': the memory size of domain '%2$s' is not known"),
                       config->name, config->domname);
        return -1;
    }

    config->memory = VIR_DIV_UP(b_info->max_memkb - b_info->video_memkb, 1024);
    return 0;
}


/**
 * libxlDeviceModelConfigNew:
 * @def: definition of the domain
 * @placed: what is placed in the secondary
 * @d_config: configuration of the primary, as libxl has completed it
 * @domid: id of the domain
 *
 * Returns the configuration of the secondary, to be freed by the caller, or
 * NULL with an error.
 */
libxlDeviceModelConfig *
libxlDeviceModelConfigNew(const virDomainDef *def,
                          const libxlDeviceModelPlaced *placed,
                          const libxl_domain_config *d_config,
                          unsigned int domid)
{
    g_autoptr(libxlDeviceModelConfig) config = g_new0(libxlDeviceModelConfig, 1);
    const virDomainDeviceModelDef *dm = def->devicemodels[placed->idx];
    size_t i;

    config->domid = domid;
    config->id = placed->id;
    config->domname = g_strdup(def->name);
    config->name = g_strdup(dm->name);
    config->emulator = g_strdup(dm->emulator ? dm->emulator : def->emulator);
    config->vcpus = d_config->b_info.max_vcpus;

    if (libxlDeviceModelConfigMemory(config, &d_config->b_info) < 0)
        return NULL;

    for (i = 0; i < placed->nnets; i++) {
        const virDomainNetDef *net = def->nets[placed->nets[i].idx];
        libxlDeviceModelNIC nic = {
            .idx = placed->nets[i].idx,
            .driver = libxlDeviceModelNICDriver(virDomainNetGetModelString(net)),
            .slot = placed->nets[i].slot,
        };

        virMacAddrSet(&nic.mac, &net->mac);
        VIR_APPEND_ELEMENT(config->nics, config->nnics, nic);
    }

    return g_steal_pointer(&config);
}


/**
 * libxlDeviceModelConfigScope:
 * @config: configuration of a secondary
 *
 * Returns the claims of the secondary in the words of the scope library
 * (libxl_devicemodel_scope.c).
 */
char *
libxlDeviceModelConfigScope(const libxlDeviceModelConfig *config)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    virBufferAsprintf(&buf, "domid=%u;id=%u", config->domid, config->id);

    if (config->nnics > 0) {
        virBufferAddLit(&buf, ";pci=");
        for (i = 0; i < config->nnics; i++)
            virBufferAsprintf(&buf, "0x%02x,", config->nics[i].slot << 3);
        virBufferTrim(&buf, ",");
    }

    return virBufferContentAndReset(&buf);
}


static virJSONValue *
libxlDeviceModelNICToJSON(const libxlDeviceModelNIC *nic)
{
    g_autoptr(virJSONValue) json = NULL;
    char macstr[VIR_MAC_STRING_BUFLEN];

    if (virJSONValueObjectAdd(&json,
                              "u:net", (unsigned int)nic->idx,
                              "s:driver", nic->driver,
                              "s:mac", virMacAddrFormat(&nic->mac, macstr),
                              "u:slot", nic->slot,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&json);
}


/**
 * libxlDeviceModelConfigToJSON:
 * @config: configuration of a secondary
 *
 * Returns @config as JSON, for logs and tests, or NULL with an error.
 */
virJSONValue *
libxlDeviceModelConfigToJSON(const libxlDeviceModelConfig *config)
{
    g_autoptr(virJSONValue) json = NULL;
    g_autoptr(virJSONValue) nics = virJSONValueNewArray();
    g_autofree char *scope = libxlDeviceModelConfigScope(config);
    size_t i;

    for (i = 0; i < config->nnics; i++) {
        g_autoptr(virJSONValue) nic = libxlDeviceModelNICToJSON(&config->nics[i]);

        if (!nic || virJSONValueArrayAppend(nics, &nic) < 0)
            return NULL;
    }

    if (virJSONValueObjectAdd(&json,
                              "u:id", config->id,
                              "s:name", config->name,
                              "s:emulator", config->emulator,
                              "U:memory", config->memory,
                              "u:vcpus", config->vcpus,
                              "s:scope", scope,
                              "a:nics", &nics,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&json);
}


/* The NICs of the configuration are those of the definition in their order,
 * less the passed through ones (libxlMakeNicList in libxl_conf.c).  Those that
 * stay keep their devid. */
static void
libxlDeviceModelRemoveNICs(const virDomainDef *def,
                           libxl_domain_config *d_config)
{
    virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    int kept = 0;
    int next = 0;
    size_t i;

    for (i = 0; i < def->nnets; i++) {
        if (virDomainNetGetActualType(def->nets[i]) == VIR_DOMAIN_NET_TYPE_HOSTDEV)
            continue;

        if (virDomainDeviceModelFindByNet(def, def->nets[i]) == primary)
            d_config->nics[kept++] = d_config->nics[next];
        else
            libxl_device_nic_dispose(&d_config->nics[next]);
        next++;
    }

    d_config->num_nics = kept;
}


static void
libxlDeviceModelRemoveIDEDisks(const virDomainDef *def,
                               libxl_domain_config *d_config)
{
    int kept = 0;
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i]->bus != VIR_DOMAIN_DISK_BUS_IDE)
            d_config->disks[kept++] = d_config->disks[i];
        else
            libxl_device_disk_dispose(&d_config->disks[i]);
    }

    d_config->num_disks = kept;
}


static bool
libxlDeviceModelPrimaryHas(const virDomainDef *def,
                           virDomainDeviceModelCapability cap)
{
    return virDomainDeviceModelFindByCapability(def, cap) ==
           virDomainDeviceModelGetPrimary(def);
}


/**
 * libxlDeviceModelConfigPrimary:
 * @def: valid domain definition
 * @d_config: configuration that has every device of @def, changed
 *
 * Take out of the configuration what is placed in secondaries, so that libxl
 * and the primary never hear of it.  Without device models nothing changes.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED where libxl cannot run the
 * domain with several device models.
 */
int
libxlDeviceModelConfigPrimary(const virDomainDef *def,
                              libxl_domain_config *d_config)
{
    virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    libxl_domain_build_info *b_info = &d_config->b_info;

    if (!primary)
        return 0;

    if (b_info->device_model_version == LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': emulator '%2$s' is qemu-xen-traditional, expected a QEMU of Xen's upstream kind"),
                       primary->name, NULLSTR(def->emulator));
        return -1;
    }

    if (primary->emulator) {
        g_free(b_info->device_model);
        b_info->device_model = g_strdup(primary->emulator);
    }

    libxlDeviceModelRemoveNICs(def, d_config);

    if (!libxlDeviceModelPrimaryHas(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE))
        libxlDeviceModelRemoveIDEDisks(def, d_config);

    if (!libxlDeviceModelPrimaryHas(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL)) {
        g_clear_pointer(&b_info->u.hvm.serial, g_free);
        libxl_string_list_dispose(&b_info->u.hvm.serial_list);
    }

    if (!libxlDeviceModelPrimaryHas(def, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO))
        g_clear_pointer(&b_info->u.hvm.soundhw, g_free);

    return 0;
}
