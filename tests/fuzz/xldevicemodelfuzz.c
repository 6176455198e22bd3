/*
 * xldevicemodelfuzz.c: device_models of an xl.cfg file, whatever they are
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An input is what follows "device_models = " in the file of a domain that has
 * NICs of every kind.  It may be anything but a setting of another name, which
 * would be libvirt's to understand.
 */

#include <config.h>

#include "fuzzutils.h"

#include "libxl/xen_xl.h"
#include "virconf.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define FUZZ_KEY "device_models"

/* Eight items as long as they may be, and the rest of a file. */
#define FUZZ_FILE_MAX (256 * 1024)

static const char fuzzDomain[] =
    "name = \"guest\"\n"
    "uuid = \"6ec25b1e-21c2-4d0b-a4f0-9a7c0a3f7a01\"\n"
    "type = \"hvm\"\n"
    "maxmem = 256\n"
    "memory = 256\n"
    "vcpus = 1\n"
    "device_model_override = \"/usr/lib/xen/bin/qemu-system-i386\"\n"
    "serial = \"pty\"\n"
    "soundhw = \"ac97\"\n"
    "disk = [ \"format=raw,vdev=hda,access=rw,target=/hda.img\" ]\n"
    "vif = [ \"mac=00:16:3e:00:00:01,bridge=br0,model=e1000,vifname=lan0\",\n"
    "        \"mac=00:16:3e:00:00:02,bridge=br0,model=e1000,vifname=lan1\",\n"
    "        \"mac=00:16:3e:00:00:03,bridge=br0,model=e1000\",\n"
    "        \"mac=00:16:3e:00:00:04,bridge=br0,model=e1000,vifname=twin0\",\n"
    "        \"mac=00:16:3e:00:00:04,bridge=br0,model=e1000,vifname=twin1\",\n"
    "        \"mac=00:16:3e:00:00:05,bridge=br0,model=e1000,vifname=same\",\n"
    "        \"mac=00:16:3e:00:00:06,bridge=br0,model=e1000,vifname=same\",\n"
    "        \"mac=00:16:3e:00:00:07,bridge=br0,type=vif,vifname=pv0\",\n"
    "        \"mac=00:16:3e:00:00:08,bridge=br0,model=rtl8139,vifname=far0,backend=dom7\",\n"
    "        \"mac=00:16:3e:00:00:09,bridge=br0,model=e1000,vifname=00:16:3e:00:00:0a\",\n"
    "        \"mac=00:16:3e:00:00:0a,bridge=br0,model=e1000\",\n"
    "        \"bridge=br0,model=e1000,vifname=any0\",\n"
    "        \"bridge=br0,model=e1000,vifname=any1\" ]\n";


static int
fuzzIsOtherSetting(const char *name,
                   virConfValue *value G_GNUC_UNUSED,
                   void *opaque G_GNUC_UNUSED)
{
    return name && STRNEQ(name, FUZZ_KEY) ? -1 : 0;
}


/* Returns the file that @input is a part of, NULL if it isn't one. */
static char *
fuzzFile(const char *input)
{
    g_autofree char *setting = g_strdup_printf(FUZZ_KEY " = %s\n", input);
    g_autoptr(virConf) conf = virConfReadString(setting, 0);

    if (!conf ||
        !virConfGetValue(conf, FUZZ_KEY) ||
        virConfWalk(conf, fuzzIsOtherSetting, NULL) < 0) {
        virResetLastError();
        return NULL;
    }

    return g_strdup_printf("%s%s", fuzzDomain, setting);
}


static virDomainDef *
fuzzParse(const char *file)
{
    g_autoptr(virConf) conf = virConfReadString(file, 0);

    FUZZ_CHECK(conf, "cannot be read:\n%s", file);

    return xenParseXL(conf, fuzzCaps(), fuzzXMLOption());
}


static char *
fuzzFormat(virDomainDef *def)
{
    g_autofree char *file = g_new0(char, FUZZ_FILE_MAX);
    g_autoptr(virConf) conf = xenFormatXL(def);
    int len = FUZZ_FILE_MAX;

    FUZZ_CHECK(conf && virConfWriteMem(file, &len, conf) >= 0, "cannot be formatted");

    return g_steal_pointer(&file);
}


/* XML has no NIC without an address. */
static void
fuzzCompleteNICs(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nnets; i++) {
        if (virMacAddrIsAllClear(&def->nets[i]->mac))
            virDomainNetGenerateMAC(fuzzXMLOption(), &def->nets[i]->mac);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    g_autofree char *input = fuzzInputToString(data, size);
    g_autofree char *file = NULL;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virDomainDef) again = NULL;

    if (!input || !(file = fuzzFile(input)))
        return 0;

    if (!(def = fuzzParse(file))) {
        fuzzCheckRefusal(true);
        return 0;
    }

    first = fuzzFormat(def);
    again = fuzzParse(first);
    FUZZ_CHECK(again, "cannot be read again:\n%s", first);
    second = fuzzFormat(again);
    FUZZ_CHECK(STREQ(first, second), "%s\nbecame\n%s", first, second);

    fuzzCheckSame(def, again);
    fuzzCompleteNICs(def);
    fuzzCheckXML(def, false);
    return 0;
}
