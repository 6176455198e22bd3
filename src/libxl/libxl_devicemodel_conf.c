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
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

/* xl and QEMU know the last one by two other names (qdev_alias_table in QEMU
 * softmmu/qdev-monitor.c), which files of xl have and the Xen driver passes on. */
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
    { "virtio-net", "virtio-net-pci" },
    { "virtio-net-pci", "virtio-net-pci" },
};

/* sb16 needs the ISA DMA controller, which the primary has. */
static const struct {
    virDomainSoundModel model;
    const char *driver;
} libxlDeviceModelSoundDrivers[] = {
    { VIR_DOMAIN_SOUND_MODEL_ICH6, "intel-hda" },
    { VIR_DOMAIN_SOUND_MODEL_AC97, "AC97" },
    { VIR_DOMAIN_SOUND_MODEL_ES1370, "ES1370" },
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
 * Returns the models that libxlDeviceModelNICDriver knows, for error messages,
 * to be freed by the caller.
 */
char *
libxlDeviceModelNICModels(void)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(libxlDeviceModelNICDrivers); i++)
        virBufferAsprintf(&buf, "'%s', ", libxlDeviceModelNICDrivers[i].model);
    virBufferTrim(&buf, ", ");

    return virBufferContentAndReset(&buf);
}


/**
 * libxlDeviceModelSoundDriver:
 * @model: model of a sound device
 *
 * Returns the name that QEMU has for the device, or NULL where a secondary
 * cannot emulate the model.
 */
const char *
libxlDeviceModelSoundDriver(virDomainSoundModel model)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(libxlDeviceModelSoundDrivers); i++) {
        if (model == libxlDeviceModelSoundDrivers[i].model)
            return libxlDeviceModelSoundDrivers[i].driver;
    }

    return NULL;
}


/**
 * libxlDeviceModelSoundModels:
 *
 * Returns the models that libxlDeviceModelSoundDriver knows, for error messages,
 * to be freed by the caller.
 */
char *
libxlDeviceModelSoundModels(void)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(libxlDeviceModelSoundDrivers); i++)
        virBufferAsprintf(&buf, "'%s', ",
                          virDomainSoundModelTypeToString(libxlDeviceModelSoundDrivers[i].model));
    virBufferTrim(&buf, ", ");

    return virBufferContentAndReset(&buf);
}


/**
 * libxlDeviceModelImageDriver:
 * @format: format of an image, one that libxlDeviceModelValidateDisk accepts
 *
 * Returns the name that QEMU has for the format.
 */
const char *
libxlDeviceModelImageDriver(virStorageFileFormat format)
{
    /* libvirt has two names for it */
    if (format == VIR_STORAGE_FILE_VHD)
        format = VIR_STORAGE_FILE_VPC;

    return virStorageFileFormatTypeToString(format);
}


/**
 * libxlDeviceModelSecondaryEmulator:
 * @def: domain definition
 * @dmdef: one of its secondaries
 *
 * Where it has none of its own, that is the domain's, which a definition can name in
 * the primary, too.  One that names none nowhere has it once it has started
 * (libxlDeviceModelsFindEmulator).
 *
 * Returns the path of its emulator, or NULL.
 */
const char *
libxlDeviceModelSecondaryEmulator(const virDomainDef *def,
                                  const virDomainDeviceModelDef *dmdef)
{
    if (dmdef->emulator)
        return dmdef->emulator;

    return def->emulator ? def->emulator : virDomainDeviceModelGetPrimary(def)->emulator;
}


void
libxlDeviceModelConfigFree(libxlDeviceModelConfig *config)
{
    size_t i;

    if (!config)
        return;

    for (i = 0; i < config->ndisks; i++)
        libxlDeviceModelDiskClear(&config->disks[i]);

    g_free(config->nics);
    g_free(config->disks);
    g_free(config->serials);
    g_free(config->sound);
    g_free(config->domname);
    g_free(config->name);
    g_free(config->emulator);
    g_free(config);
}


/**
 * libxlDeviceModelMachineInit:
 * @machine: filled
 * @def: definition of the domain
 * @d_config: configuration of the primary, as libxl has completed it
 *
 * QEMU lays the guest's memory out from its size, so every device model of a
 * domain must be given the same: libxl__build_device_model_args_new in Xen
 * tools/libs/light/libxl_dm.c gives the primary this one.
 *
 * Returns 0, or -1 with VIR_ERR_INTERNAL_ERROR where libxl did not complete it.
 */
int
libxlDeviceModelMachineInit(libxlDeviceModelMachine *machine,
                            const virDomainDef *def,
                            const libxl_domain_config *d_config)
{
    const libxl_domain_build_info *b_info = &d_config->b_info;

    if (b_info->video_memkb == LIBXL_MEMKB_DEFAULT ||
        b_info->max_memkb == LIBXL_MEMKB_DEFAULT ||
        b_info->video_memkb > b_info->max_memkb) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("the memory size of domain '%1$s' is not known"),
                       def->name);
        return -1;
    }

    machine->memory = VIR_DIV_UP(b_info->max_memkb - b_info->video_memkb, 1024);
    machine->vcpus = b_info->max_vcpus;
    return 0;
}


static void
libxlDeviceModelDiskSetCache(libxlDeviceModelDisk *disk,
                             virDomainDiskCache cache)
{
    switch (cache) {
    case VIR_DOMAIN_DISK_CACHE_DISABLE:
        disk->direct = true;
        break;

    case VIR_DOMAIN_DISK_CACHE_WRITETHRU:
        disk->writethrough = true;
        break;

    case VIR_DOMAIN_DISK_CACHE_DIRECTSYNC:
        disk->direct = true;
        disk->writethrough = true;
        break;

    case VIR_DOMAIN_DISK_CACHE_UNSAFE:
        disk->noflush = true;
        break;

    /* what libxl gives the primary (libxl__build_device_model_args_new in Xen
     * tools/libs/light/libxl_dm.c) */
    case VIR_DOMAIN_DISK_CACHE_DEFAULT:
    case VIR_DOMAIN_DISK_CACHE_WRITEBACK:
    case VIR_DOMAIN_DISK_CACHE_LAST:
    default:
        break;
    }
}


/**
 * libxlDeviceModelDiskInit:
 * @disk: filled
 * @def: definition of an IDE disk with a valid target
 * @idx: its index in the disks of the domain
 *
 * As for libxl, the target says where the disk is on the two IDE channels.
 * The caller gives the result to libxlDeviceModelDiskClear.
 */
void
libxlDeviceModelDiskInit(libxlDeviceModelDisk *disk,
                         const virDomainDiskDef *def,
                         size_t idx)
{
    int number = virDiskNameToIndex(def->dst);

    memset(disk, 0, sizeof(*disk));
    disk->idx = idx;
    disk->bus = number / 2;
    disk->unit = number % 2;
    disk->cdrom = def->device == VIR_DOMAIN_DISK_DEVICE_CDROM;
    disk->readonly = disk->cdrom || def->src->readonly;
    disk->shared = def->src->shared;
    disk->unmap = def->discard == VIR_DOMAIN_DISK_DISCARD_UNMAP;
    /* the table of a 'vhd' is written with each change (block/vpc.c in QEMU) */
    disk->tables = def->src->format == VIR_STORAGE_FILE_QCOW2;
    disk->serial = g_strdup(def->serial);

    libxlDeviceModelDiskSetCache(disk, def->cachemode);
}


void
libxlDeviceModelDiskClear(libxlDeviceModelDisk *disk)
{
    g_clear_pointer(&disk->serial, g_free);
}


static void
libxlDeviceModelConfigAddDisks(libxlDeviceModelConfig *config,
                               const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        libxlDeviceModelDisk disk;

        if (def->disks[i]->bus != VIR_DOMAIN_DISK_BUS_IDE)
            continue;

        libxlDeviceModelDiskInit(&disk, def->disks[i], i);
        VIR_APPEND_ELEMENT(config->disks, config->ndisks, disk);
    }
}


static void
libxlDeviceModelConfigAddSerials(libxlDeviceModelConfig *config,
                                 const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nserials; i++) {
        const virDomainChrSourceDef *source = def->serials[i]->source;
        libxlDeviceModelSerial serial = {
            .idx = i,
            .port = def->serials[i]->target.port,
            .type = source->type,
        };

        if (source->type == VIR_DOMAIN_CHR_TYPE_UNIX)
            serial.listen = source->data.nix.listen;

        if (source->type == VIR_DOMAIN_CHR_TYPE_TCP) {
            serial.listen = source->data.tcp.listen;
            serial.telnet = source->data.tcp.protocol == VIR_DOMAIN_CHR_TCP_PROTOCOL_TELNET;
        }

        VIR_APPEND_ELEMENT(config->serials, config->nserials, serial);
    }
}


static const char *
libxlDeviceModelSoundCodec(const virDomainSoundDef *def)
{
    if (def->ncodecs == 0)
        return "hda-duplex";

    switch (def->codecs[0]->type) {
    case VIR_DOMAIN_SOUND_CODEC_TYPE_MICRO:
        return "hda-micro";

    case VIR_DOMAIN_SOUND_CODEC_TYPE_OUTPUT:
        return "hda-output";

    case VIR_DOMAIN_SOUND_CODEC_TYPE_DUPLEX:
    case VIR_DOMAIN_SOUND_CODEC_TYPE_LAST:
    default:
        return "hda-duplex";
    }
}


static void
libxlDeviceModelConfigAddSound(libxlDeviceModelConfig *config,
                               const virDomainDef *def,
                               unsigned int slot)
{
    const virDomainSoundDef *sound = def->sounds[0];
    const virDomainAudioDef *audio = virDomainDefFindAudioByID(def, sound->audioId);

    config->sound = g_new0(libxlDeviceModelSound, 1);
    config->sound->slot = slot;
    config->sound->driver = libxlDeviceModelSoundDriver(sound->model);

    if (sound->model == VIR_DOMAIN_SOUND_MODEL_ICH6)
        config->sound->codec = libxlDeviceModelSoundCodec(sound);

    if (!audio)
        return;

    config->sound->file = audio->type == VIR_DOMAIN_AUDIO_TYPE_FILE;
    config->sound->timerPeriod = audio->timerPeriod;
    config->sound->input = audio->input;
    config->sound->output = audio->output;
}


static void
libxlDeviceModelConfigAddCapability(libxlDeviceModelConfig *config,
                                    const virDomainDef *def,
                                    const libxlDeviceModelPlaced *placed,
                                    virDomainDeviceModelCapability cap)
{
    switch (cap) {
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE:
        libxlDeviceModelConfigAddDisks(config, def);
        break;

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL:
        libxlDeviceModelConfigAddSerials(config, def);
        break;

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO:
        libxlDeviceModelConfigAddSound(config, def, placed->slots[cap]);
        break;

    /* never a secondary's */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST:
        break;
    }
}


/**
 * libxlDeviceModelConfigNew:
 * @def: definition of the domain
 * @placed: what is placed in the secondary
 * @machine: what all device models of the domain are told
 * @domid: id of the domain
 *
 * Returns the configuration of the secondary, never NULL, to be freed by the
 * caller.
 */
libxlDeviceModelConfig *
libxlDeviceModelConfigNew(const virDomainDef *def,
                          const libxlDeviceModelPlaced *placed,
                          const libxlDeviceModelMachine *machine,
                          unsigned int domid)
{
    libxlDeviceModelConfig *config = g_new0(libxlDeviceModelConfig, 1);
    const virDomainDeviceModelDef *dmdef = def->devicemodels[placed->idx];
    virDomainDeviceModelCapability cap;
    size_t i;

    config->domid = domid;
    config->id = placed->id;
    config->domname = g_strdup(def->name);
    config->name = g_strdup(dmdef->name);
    config->emulator = g_strdup(libxlDeviceModelSecondaryEmulator(def, dmdef));
    config->machine = *machine;
    config->capabilities = placed->capabilities;

    for (i = 0; i < placed->nnets; i++) {
        const virDomainNetDef *net = def->nets[placed->nets[i].idx];
        libxlDeviceModelNIC nic = {
            .idx = placed->nets[i].idx,
            .driver = libxlDeviceModelNICDriver(virDomainNetGetModelString(net)),
            .slot = placed->nets[i].slot,
            .mtu = net->mtu,
            .down = net->linkstate == VIR_DOMAIN_NET_INTERFACE_LINK_STATE_DOWN,
        };

        virMacAddrSet(&nic.mac, &net->mac);
        VIR_APPEND_ELEMENT(config->nics, config->nnics, nic);
    }

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        if (config->capabilities & (1U << cap))
            libxlDeviceModelConfigAddCapability(config, def, placed, cap);
    }

    return config;
}


/* The NICs of the configuration are those of the definition in their order,
 * less the passed through ones (libxlMakeNicList in libxl_conf.c).  Those that
 * stay keep their devid. */
static void
libxlDeviceModelRemoveNICs(const virDomainDef *def,
                           libxl_domain_config *d_config)
{
    int kept = 0;
    int next = 0;
    size_t i;

    for (i = 0; i < def->nnets; i++) {
        if (virDomainNetGetActualType(def->nets[i]) == VIR_DOMAIN_NET_TYPE_HOSTDEV)
            continue;

        if (libxlDeviceModelOwnsNet(def, def->nets[i]))
            libxl_device_nic_dispose(&d_config->nics[next]);
        else
            d_config->nics[kept++] = d_config->nics[next];
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


static void
libxlDeviceModelRemoveCapability(const virDomainDef *def,
                                 virDomainDeviceModelCapability cap,
                                 libxl_domain_config *d_config)
{
    libxl_domain_build_info *b_info = &d_config->b_info;

    switch (cap) {
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE:
        libxlDeviceModelRemoveIDEDisks(def, d_config);
        break;

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL:
        g_clear_pointer(&b_info->u.hvm.serial, g_free);
        libxl_string_list_dispose(&b_info->u.hvm.serial_list);
        break;

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO:
        g_clear_pointer(&b_info->u.hvm.soundhw, g_free);
        break;

    /* never a secondary's */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST:
        break;
    }
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
    virDomainDeviceModelCapability cap;

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

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        if (libxlDeviceModelOwnsCapability(def, cap))
            libxlDeviceModelRemoveCapability(def, cap, d_config);
    }

    return 0;
}
