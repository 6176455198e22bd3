/*
 * domaindevicemodelfuzz.c: <devicemodel> elements, whatever is in them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An input is a piece of <devices>: words, each of which changes the rest of
 * the domain, and then <devicemodel> elements.  Other elements would be
 * libvirt's to understand.  What is accepted goes wherever the driver would
 * take it short of a host: XML, a copy, a placement, the configurations of the
 * secondaries, xl.cfg.
 */

#include <config.h>

#include "fuzzutils.h"
#include "../libxldevicemodeltestconfig.h"

#include "conf/domain_devicemodel.h"
#include "libxl/libxl_devicemodel_placement.h"
#include "libxl/libxl_devicemodel_validate.h"
#include "libxl/xen_devicemodel.h"
#include "virconf.h"
#include "virerror.h"
#include "virjson.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define FUZZ_FILE_MAX (256 * 1024)
#define FUZZ_SLOT_MAX 31
#define FUZZ_CROWD 24

#define NIC(type, mac, content) \
    "<interface type='" type "'><mac address='00:16:3e:00:00:" mac "'/>" content "</interface>\n"
#define BRIDGE(mac, content) NIC("bridge", mac, "<source bridge='br0'/>" content)

static const char fuzzNICs[] =
    BRIDGE("01", "<target dev='lan0'/><model type='e1000'/>")
    BRIDGE("02", "<model type='e1000'/><alias name='ua-lan'/>"
                 "<address type='pci' domain='0' bus='0' slot='0x1e' function='0'/>")
    BRIDGE("03", "<model type='rtl8139'/><alias name='ua-twin0'/>")
    BRIDGE("03", "<model type='rtl8139'/><alias name='ua-twin1'/>")
    BRIDGE("05", "<model type='netfront'/>")
    BRIDGE("06", "<backenddomain name='far'/><model type='e1000'/>")
    BRIDGE("07", "<model type='e1000'/>"
                 "<address type='pci' domain='0' bus='0' slot='0x1f' function='1'/>")
    BRIDGE("08", "<target dev='00:16:3e:00:00:01'/><model type='pcnet'/>")
    BRIDGE("09", "<target dev='a,b'/><model type='ne2k_pci'/>")
    BRIDGE("0a", "")
    NIC("ethernet", "0b", "<target dev='lan1'/><model type='virtio'/>")
    NIC("network", "0c", "<source network='default'/><model type='e1000e'/>")
    NIC("user", "0d", "<model type='e1000'/>");

#define DISK(device, target, content) \
    "<disk type='file' device='" device "'><driver name='qemu' type='raw'/>" content \
    "<target dev='" target "' bus='ide'/></disk>\n"

static const char fuzzDisks[] =
    DISK("disk", "hda", "<source file='/a'/>")
    DISK("cdrom", "hdc", "");

static const char fuzzHostdev[] =
    "<hostdev mode='subsystem' type='pci'>"
    "<source><address domain='0' bus='1' slot='0' function='0'/></source></hostdev>\n";


/* Returns whether the input begins with words among which @word is. */
static bool
fuzzSays(const char *input,
         const char *word)
{
    const char *found = strstr(input, word);
    const char *element = strchr(input, '<');

    return found && (!element || found < element);
}


static void
fuzzAddNICs(virBuffer *buf,
            const char *input)
{
    size_t i;

    virBufferAdd(buf, fuzzNICs, -1);

    if (!fuzzSays(input, "crowd"))
        return;

    for (i = 0; i < FUZZ_CROWD; i++) {
        virBufferAsprintf(buf,
                          "<interface type='bridge'><mac address='00:16:3e:00:01:%02zx'/>"
                          "<source bridge='br0'/><model type='e1000'/></interface>\n", i);
    }
}


/* Returns the domain that @input is a part of.  The caller frees it. */
static char *
fuzzDomainXML(const char *input)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    virBufferAsprintf(&buf,
                      "<domain type='xen' id='7'><name>guest</name>"
                      "<uuid>6ec25b1e-21c2-4d0b-a4f0-9a7c0a3f7a01</uuid>"
                      "<memory unit='KiB'>262144</memory><vcpu>1</vcpu><os>%s</os>\n<devices>\n",
                      fuzzSays(input, "pv") ?
                      "<type arch='x86_64' machine='xenpv'>xen</type><kernel>/k</kernel>" :
                      "<type arch='x86_64' machine='xenfv'>hvm</type>");

    if (!fuzzSays(input, "noemulator"))
        virBufferAddLit(&buf, "<emulator>/qemu</emulator>\n");
    if (!fuzzSays(input, "nodisk"))
        virBufferAdd(&buf, fuzzDisks, -1);
    if (!fuzzSays(input, "noserial"))
        virBufferAddLit(&buf, "<serial type='pty'/>\n");
    if (!fuzzSays(input, "nosound")) {
        virBufferAsprintf(&buf, "<sound model='%s'/>\n",
                          fuzzSays(input, "sb16") ? "sb16" : "ich6");
    }
    if (fuzzSays(input, "hostdev"))
        virBufferAdd(&buf, fuzzHostdev, -1);

    fuzzAddNICs(&buf, input);
    virBufferAsprintf(&buf, "%s\n</devices></domain>\n", input);

    return virBufferContentAndReset(&buf);
}


/* Returns whether @input can be put into a domain and has nothing in it that is
 * not ours. */
static bool
fuzzIsOurs(const char *input)
{
    g_autofree char *text = g_strdup_printf("<devices>%s</devices>", input);
    g_autoptr(xmlDoc) doc = NULL;
    xmlNodePtr node;

    doc = xmlReadMemory(text, strlen(text), NULL, NULL,
                        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!doc)
        return false;

    for (node = xmlDocGetRootElement(doc)->children; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE &&
            STRNEQ((const char *)node->name, "devicemodel"))
            return false;
    }

    return true;
}


static virDomainDef *
fuzzCopy(virDomainDef *def)
{
    virDomainDef *copy = virDomainDefCopy(def, fuzzXMLOption(), NULL, false);

    FUZZ_CHECK(copy, "cannot be copied");
    return copy;
}


static void
fuzzCheckCopy(virDomainDef *def)
{
    g_autoptr(virDomainDef) copy = fuzzCopy(def);

    fuzzCheckSame(def, copy);
    FUZZ_CHECK(virDomainDefCheckABIStability(def, copy, fuzzXMLOption()), "not stable");
}


static void
fuzzCheckOwners(const virDomainDef *def)
{
    const virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    size_t i;

    FUZZ_CHECK(!primary == (def->ndevicemodels == 0), "wrong primary");

    for (i = 0; i < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; i++) {
        FUZZ_CHECK(!virDomainDeviceModelFindByCapability(def, i) == !primary,
                   "capability %zu", i);
    }

    for (i = 0; i < def->nnets; i++) {
        FUZZ_CHECK(!virDomainDeviceModelFindByNet(def, def->nets[i]) == !primary,
                   "interface %zu", i);
    }
}


static void
fuzzCheckSlot(const virDomainDef *def,
              unsigned int slot,
              bool *used)
{
    FUZZ_CHECK(slot >= libxlDeviceModelPrimarySlots(def) && slot <= FUZZ_SLOT_MAX,
               "slot %u", slot);
    FUZZ_CHECK(!used[slot], "slot %u is used twice", slot);
    used[slot] = true;
}


static void
fuzzCheckConfig(const virDomainDef *def,
                const libxlDeviceModelPlaced *placed)
{
    const libxlDeviceModelMachine machine = { .memory = 256, .vcpus = 1 };
    g_autoptr(libxlDeviceModelConfig) config =
        libxlDeviceModelConfigNew(def, placed, &machine, 1);
    g_autoptr(virJSONValue) json = libxlDeviceModelTestConfigToJSON(config);

    FUZZ_CHECK(json, "secondary %u", placed->id);
    FUZZ_CHECK(config->nnics == placed->nnets, "secondary %u", placed->id);
}


/* Check what is placed where, and that a live definition that tells it is
 * written and read again. */
static void
fuzzCheckPlacement(virDomainDef *def)
{
    g_autoptr(libxlDeviceModelPlacement) placement = libxlDeviceModelPlacementNew(def);
    bool used[FUZZ_SLOT_MAX + 1] = { 0 };
    size_t i;
    size_t j;

    if (!placement) {
        fuzzCheckRefusal(false);
        return;
    }

    FUZZ_CHECK(placement->nsecondaries == (def->ndevicemodels ? def->ndevicemodels - 1 : 0),
               "%zu secondaries", placement->nsecondaries);

    for (i = 0; i < placement->nsecondaries; i++) {
        const libxlDeviceModelPlaced *placed = &placement->secondaries[i];

        for (j = 0; j < placed->nnets; j++)
            fuzzCheckSlot(def, placed->nets[j].slot, used);
        if (placed->capabilities & (1U << VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO)) {
            fuzzCheckSlot(def, placed->slots[VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO],
                          used);
        }

        fuzzCheckConfig(def, placed);
    }

    def->id = 7;
    libxlDeviceModelPlacementApply(placement, def);
    fuzzCheckXML(def, true);
}


/* Check that the device models of @def are either refused as items of xl.cfg, or
 * read from them as the same again. */
static void
fuzzCheckXL(virDomainDef *def)
{
    g_autofree char *file = g_new0(char, FUZZ_FILE_MAX);
    g_autoptr(virDomainDef) again = NULL;
    g_autoptr(virConf) out = virConfNew();
    g_autoptr(virConf) in = NULL;
    int len = FUZZ_FILE_MAX;

    if (def->ndevicemodels == 0)
        return;

    if (xenFormatXLDeviceModels(out, def) < 0) {
        fuzzCheckRefusal(false);
        return;
    }

    FUZZ_CHECK(virConfWriteMem(file, &len, out) >= 0, "cannot be written");
    FUZZ_CHECK((in = virConfReadString(file, 0)), "cannot be read:\n%s", file);

    again = fuzzCopy(def);
    while (again->ndevicemodels > 0)
        virDomainDeviceModelDefFree(again->devicemodels[--again->ndevicemodels]);
    g_clear_pointer(&again->devicemodels, g_free);

    FUZZ_CHECK(xenParseXLDeviceModels(in, again, fuzzXMLOption()) == 0,
               "cannot be read again:\n%s", file);
    fuzzCheckSame(def, again);
}


/* Returns the domain that @xml defines, NULL if it is refused. */
static virDomainDef *
fuzzParse(const char *xml,
          unsigned int flags)
{
    virDomainDef *def = virDomainDefParseString(xml, fuzzXMLOption(), NULL, flags);

    if (!def)
        fuzzCheckRefusal(false);

    return def;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    g_autofree char *input = fuzzInputToString(data, size);
    g_autofree char *xml = NULL;
    g_autoptr(virDomainDef) live = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virDomainDef) unchecked = NULL;

    if (!input || !fuzzIsOurs(input))
        return 0;

    xml = fuzzDomainXML(input);

    /* as status files and saved images are read */
    if ((unchecked = fuzzParse(xml, VIR_DOMAIN_DEF_PARSE_INACTIVE |
                                    VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE)))
        fuzzCheckOwners(unchecked);

    if ((live = fuzzParse(xml, 0)))
        fuzzCheckXML(live, true);

    if (!(def = fuzzParse(xml, VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return 0;

    FUZZ_CHECK(virDomainDeviceModelDefsValidate(def) == 0 &&
               libxlDeviceModelsValidate(def) == 0, "accepted and not valid");
    fuzzCheckXML(def, false);
    fuzzCheckCopy(def);
    fuzzCheckXL(def);
    fuzzCheckPlacement(def);
    return 0;
}
