/*
 * xldevicemodeltest.c: the device models of a domain in xl.cfg
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The files of xldevicemodeldata/ are converted into each other, as a client of
 * domxml-from-native and domxml-to-native would.  What is malformed is in tables
 * here, each text beside its error.  VIR_TEST_REGENERATE_OUTPUT=1 rewrites the
 * expected files.
 */

#include <config.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "conf/domain_devicemodel.h"
#include "libxl/libxl_conf.h"
#include "libxl/xen_xm.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestxl.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define TEST_EMULATOR_PATH "/usr/lib/xen/bin/qemu-system-i386"

/* The 33 characters that are one too many for a name, and the 32 that are not. */
#define TEST_NAME_LONGEST "abcdefghijklmnopqrstuvwxyz0123._"
#define TEST_NAME_TOO_LONG TEST_NAME_LONGEST "-"

static libxlDriverPrivate *driver;


static char *
testFilePath(const char *name,
             const char *suffix)
{
    return g_strdup_printf("%s/xldevicemodeldata/%s.%s",
                           ABS_DEVICEMODEL_SRCDIR, name, suffix);
}


static virDomainDef *
testParseXL(const char *cfg)
{
    return libxlDeviceModelTestParseXL(driver, cfg);
}


static virDomainDef *
testParseXML(const char *xml)
{
    return virDomainDefParseString(xml, driver->xmlopt, NULL,
                                   VIR_DOMAIN_DEF_PARSE_INACTIVE);
}


static char *
testFormatXML(virDomainDef *def)
{
    return virDomainDefFormat(def, driver->xmlopt, VIR_DOMAIN_DEF_FORMAT_INACTIVE);
}


/* Returns a file with NICs of every kind that can be named, or fail to be. */
static char *
testConfig(const char *device_models)
{
    return g_strdup_printf("name = \"guest\"\n"
                           "uuid = \"6ec25b1e-21c2-4d0b-a4f0-9a7c0a3f7a01\"\n"
                           "type = \"hvm\"\n"
                           "maxmem = 256\n"
                           "memory = 256\n"
                           "vcpus = 1\n"
                           "device_model_override = \"" TEST_EMULATOR_PATH "\"\n"
                           "vif = [ \"mac=00:16:3e:00:00:01,bridge=br0,model=e1000,vifname=lan0\",\n"
                           "        \"mac=00:16:3e:00:00:02,bridge=br0,model=e1000,vifname=lan1\",\n"
                           "        \"mac=00:16:3e:00:00:03,bridge=br0,model=e1000\",\n"
                           "        \"mac=00:16:3e:00:00:04,bridge=br0,model=e1000,vifname=twin0\",\n"
                           "        \"mac=00:16:3e:00:00:04,bridge=br0,model=e1000,vifname=twin1\",\n"
                           "        \"mac=00:16:3e:00:00:05,bridge=br0,model=e1000,vifname=same\",\n"
                           "        \"mac=00:16:3e:00:00:06,bridge=br0,model=e1000,vifname=same\",\n"
                           "        \"mac=00:16:3e:00:00:07,bridge=br0,type=vif,vifname=pv0\",\n"
                           "        \"bridge=br0,model=e1000,vifname=any0\",\n"
                           "        \"bridge=br0,model=e1000,vifname=any1\","
                           " \"mac=00:16:3e:00:00:0a,bridge=br0,model=e1000,vifname=00:16:3e:00:00:0b\","
                           " \"mac=00:16:3e:00:00:0b,bridge=br0,model=e1000\","
                           " \"mac=00:16:3e:00:00:0c,bridge=br0,gatewaydev=eth0,vifname=odd0\","
                           " \"mac=00:16:3e:00:00:0d, bridge=br0, trusted=0, vifname=odd1\","
                           " \"mac=00:16:3e:00:00:0e,bridge=br0,Model=e1000,vifname=odd2\","
                           " \"mac=00:16:3e:00:00:0f,bridge=br0,\xff=1,vifname=odd3\","
                           " \"mac=00:16:3e:00:00:13,bridge=br0,model =e1000,vifname=odd4\","
                           " \"mac=00:16:3e:00:00:10,bridge=br0,type=ioemu,rate=1MB/s,mtu=9000,vifname=all0,\","
                           " \"mac=00:16:3e:00:00:14,bridge=br0,backend=netdom,vifname=driver0\","
                           " \"mac=00:16:3e:00:00:11,bridge=br0,model=virtio-net,vifname=virtio0\","
                           " \"mac=00:16:3e:00:00:12,bridge=br0,model=virtio-net-pci,vifname=virtio1\" ]\n"
                           "%s\n", device_models);
}


static char *
testDomainXML(const char *devices)
{
    g_autofree char *all = g_strconcat("<emulator>" TEST_EMULATOR_PATH "</emulator>",
                                       devices, NULL);

    return libxlDeviceModelTestDomainXML(NULL, all);
}


struct testConversionData {
    const char *cfg;
    const char *xml;
};

static int
testXLToXML(const void *opaque)
{
    const struct testConversionData *data = opaque;
    g_autofree char *cfgPath = testFilePath(data->cfg, "cfg");
    g_autofree char *xmlPath = testFilePath(data->xml, "xml");
    g_autofree char *cfg = NULL;
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) def = NULL;

    if (virTestLoadFile(cfgPath, &cfg) < 0 ||
        !(def = testParseXL(cfg)) ||
        !(actual = testFormatXML(def)))
        return -1;

    return virTestCompareToFile(actual, xmlPath);
}


static int
testXMLToXL(const void *opaque)
{
    const struct testConversionData *data = opaque;
    g_autofree char *cfgPath = testFilePath(data->cfg, "cfg");
    g_autofree char *xmlPath = testFilePath(data->xml, "xml");
    g_autofree char *xml = NULL;
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) def = NULL;

    if (virTestLoadFile(xmlPath, &xml) < 0 ||
        !(def = testParseXML(xml)) ||
        !(actual = libxlDeviceModelTestFormatXL(def)))
        return -1;

    return virTestCompareToFile(actual, cfgPath);
}


/* A file that is converted and converted back is the same file. */
static int
testRoundTripXL(const void *opaque)
{
    const struct testConversionData *data = opaque;
    g_autofree char *cfgPath = testFilePath(data->cfg, "cfg");
    g_autofree char *cfg = NULL;
    g_autofree char *xml = NULL;
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) parsed = NULL;
    g_autoptr(virDomainDef) reparsed = NULL;

    if (virTestLoadFile(cfgPath, &cfg) < 0 ||
        !(parsed = testParseXL(cfg)) ||
        !(xml = testFormatXML(parsed)) ||
        !(reparsed = testParseXML(xml)) ||
        !(actual = libxlDeviceModelTestFormatXL(reparsed)))
        return -1;

    return virTestCompareToString(cfg, actual);
}


static int
testRoundTripXML(const void *opaque)
{
    const struct testConversionData *data = opaque;
    g_autofree char *xmlPath = testFilePath(data->xml, "xml");
    g_autofree char *xml = NULL;
    g_autofree char *cfg = NULL;
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) parsed = NULL;
    g_autoptr(virDomainDef) reparsed = NULL;

    if (virTestLoadFile(xmlPath, &xml) < 0 ||
        !(parsed = testParseXML(xml)) ||
        !(cfg = libxlDeviceModelTestFormatXL(parsed)) ||
        !(reparsed = testParseXL(cfg)) ||
        !(actual = testFormatXML(reparsed)))
        return -1;

    return virTestCompareToString(xml, actual);
}


struct testParseData {
    const char *device_models;
    const char *error; /* NULL: it is accepted */
};

static int
testParse(const void *opaque)
{
    const struct testParseData *data = opaque;
    g_autofree char *cfg = testConfig(data->device_models);
    g_autoptr(virDomainDef) def = testParseXL(cfg);

    if (!data->error)
        return def ? 0 : -1;

    if (def) {
        VIR_TEST_DEBUG("accepted, expected '%s'", data->error);
        return -1;
    }

    return libxlDeviceModelTestCompareError(NULL, data->error);
}


struct testVifData {
    const char *vif; /* the first of the domain's */
    const char *name; /* by which the secondary has it */
    const char *boot; /* from what the domain boots */
    const char *error; /* NULL: it is accepted */
};

/* A vif in a secondary, which in the primary nobody would look at. */
static int
testVif(const void *opaque)
{
    const struct testVifData *data = opaque;
    size_t inPrimary;

    for (inPrimary = 0; inPrimary < 2; inPrimary++) {
        g_autofree char *cfg =
            g_strdup_printf("name = \"guest\"\n"
                            "uuid = \"6ec25b1e-21c2-4d0b-a4f0-9a7c0a3f7a01\"\n"
                            "type = \"hvm\"\n"
                            "memory = 256\n%s"
                            "device_model_override = \"" TEST_EMULATOR_PATH "\"\n"
                            "vif = [ \"%s\", \"mac=00:16:3e:00:00:02,bridge=br0,vifname=lan9\" ]\n"
                            "device_models = [ \"name=main,ui%s%s\", \"name=lan,vifs=lan9%s%s\" ]\n",
                            data->boot ? data->boot : "", data->vif,
                            inPrimary ? ",vifs=" : "", inPrimary ? data->name : "",
                            inPrimary ? "" : ";", inPrimary ? "" : data->name);
        g_autoptr(virDomainDef) def = testParseXL(cfg);

        if (libxlDeviceModelTestOutcome(def ? 0 : -1, NULL, inPrimary ? NULL : data->error) < 0)
            return -1;
    }

    return 0;
}


struct testFormatData {
    const char *devices;
    bool invalid; /* the rules forbid it, and nobody checked */
    const char *error;
};

static int
testFormat(const void *opaque)
{
    const struct testFormatData *data = opaque;
    g_autofree char *xml = testDomainXML(data->devices);
    g_autofree char *cfg = NULL;
    g_autoptr(virDomainDef) def = NULL;

    if (!(def = virDomainDefParseString(xml, driver->xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE |
                                        (data->invalid ? VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE : 0))))
        return -1;

    if ((cfg = libxlDeviceModelTestFormatXL(def))) {
        VIR_TEST_DEBUG("expected '%s', got\n%s", data->error, cfg);
        return -1;
    }

    return libxlDeviceModelTestCompareError(NULL, data->error);
}


/* What is accepted is written such that it is read as the same again; what isn't
 * is refused by an error of ours and by no other. */
static int
testReadAgain(const char *item,
              bool *accepted)
{
    g_autofree char *device_models = g_strdup_printf("device_models = [ \"%s\", \"name=main,ui\" ]",
                                                     item);
    g_autofree char *cfg = testConfig(device_models);
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virDomainDef) again = NULL;

    *accepted = false;

    if (!(def = testParseXL(cfg))) {
        int code = virGetLastErrorCode();

        virResetLastError();

        if (code == VIR_ERR_CONF_SYNTAX || code == VIR_ERR_CONFIG_UNSUPPORTED)
            return 0;

        VIR_TEST_DEBUG("'%s' is refused with code %d", item, code);
        return -1;
    }

    if (!(first = libxlDeviceModelTestFormatXL(def)) ||
        !(again = testParseXL(first)) ||
        !(second = libxlDeviceModelTestFormatXL(again))) {
        VIR_TEST_DEBUG("'%s' was accepted", item);
        return -1;
    }

    *accepted = true;
    return virTestCompareToString(first, second);
}


/* Every beginning of an item, and every item that has another character at one
 * place. */
static int
testMutations(const void *opaque)
{
    const char *item = opaque;
    const char others[] = " ,;=:.'\\/\t\x01\x7f\x80\xc3\xff" "0aNz";
    size_t len = strlen(item);
    bool accepted = false;
    size_t i;
    size_t j;

    for (i = 0; i <= len; i++) {
        g_autofree char *head = g_strndup(item, i);

        if (testReadAgain(head, &accepted) < 0)
            return -1;
    }

    /* The last of them was the whole item. */
    if (!accepted) {
        VIR_TEST_DEBUG("'%s' is refused", item);
        return -1;
    }

    for (i = 0; i < len; i++) {
        for (j = 0; j < sizeof(others) - 1; j++) {
            g_autofree char *mutant = g_strdup(item);

            mutant[i] = others[j];
            if (testReadAgain(mutant, &accepted) < 0)
                return -1;
        }
    }

    return 0;
}


/* Two NICs that share a vifname go by their MAC addresses. */
static int
testSharedVifname(const void *opaque G_GNUC_UNUSED)
{
    bool accepted = false;

    if (testReadAgain("name=lan,vifs=00:16:3e:00:00:05;00:16:3e:00:00:06", &accepted) < 0)
        return -1;

    return accepted ? 0 : -1;
}


static int
testPV(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *hvm = testConfig("device_models = [ \"name=lan\" ]");
    g_autofree char *pv = virStringReplace(hvm, "type = \"hvm\"", "type = \"pv\"");
    g_autoptr(virDomainDef) def = testParseXL(pv);

    if (def)
        return -1;

    return libxlDeviceModelTestCompareError(NULL,
                                            "unsupported configuration: device model 'lan' in a domain of type "
                                            "'xen', expected type 'hvm'");
}


/* XML is UTF-8, what was read from a file and isn't converted to XML need not be. */
static int
testFormatBytes(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *plain = testConfig("device_models = [ \"name=lan,vifs=00:16:3e:00:00:01\" ]");
    g_autofree char *cfg = virStringReplace(plain, "vifname=lan0", "vifname=\xc0\xaf");
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) def = NULL;

    if (!(def = testParseXL(cfg)) ||
        (actual = libxlDeviceModelTestFormatXL(def)))
        return -1;

    return libxlDeviceModelTestCompareError(NULL,
                                            "unsupported configuration: device model 'lan': interface "
                                            "'00:16:3e:00:00:01' cannot be expressed in the xen-xl format by '\xc0\xaf', "
                                            "expected a target device without ',', ';', quotes, backslashes, "
                         "blanks at its ends, that only one interface has");
}


/* An interface without the name of a target device goes by its MAC address. */
static int
testFormatNoName(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *plain = testConfig("device_models = [ \"name=lan,vifs=00:16:3e:00:00:01\" ]");
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) def = NULL;

    if (!(def = testParseXL(plain)))
        return -1;

    g_free(def->nets[0]->ifname);
    def->nets[0]->ifname = g_strdup("");

    if (!(actual = libxlDeviceModelTestFormatXL(def)))
        return -1;

    if (!strstr(actual, "\ndevice_models = [ \"name=lan,vifs=00:16:3e:00:00:01\" ]\n")) {
        VIR_TEST_DEBUG("the MAC address is missing in\n%s", actual);
        return -1;
    }

    return 0;
}


/* A NIC without an address gets one when a device model needs it, and is not
 * touched otherwise. */
static int
testGeneratedMac(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *cfg = testConfig("device_models = [ \"name=main\", \"name=lan,vifs=any0\" ]");
    g_autoptr(virDomainDef) def = testParseXL(cfg);

    if (!def)
        return -1;

    if (virMacAddrIsAllClear(&def->nets[8]->mac) ||
        !virMacAddrIsAllClear(&def->nets[9]->mac) ||
        virDomainDeviceModelFindByNet(def, def->nets[8]) != def->devicemodels[1] ||
        virDomainDeviceModelFindByNet(def, def->nets[9]) != def->devicemodels[0]) {
        VIR_TEST_DEBUG("the NIC without an address is with another device model");
        return -1;
    }

    return 0;
}


/* An item of @len bytes, whose path takes what the other words leave. */
static char *
testLongItem(size_t len)
{
    g_autofree char *path = g_strnfill(len - strlen("name=lan,path=/,vifs=lan0"), 'x');

    return g_strdup_printf("device_models = [ \"name=main\", \"name=lan,path=/%s,vifs=lan0\" ]",
                           path);
}


static int
testLength(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *longest = testLongItem(8192);
    g_autofree char *tooLong = testLongItem(8193);
    g_autofree char *huge = testLongItem(1024 * 1024);
    const struct testParseData data[] = {
        { longest, NULL },
        { tooLong, "configuration file syntax error: item 2 of device_models, character 8193: "
                   "the item is 8193 bytes long, expected 8192 at most" },
        { huge, "configuration file syntax error: item 2 of device_models, character 8193: "
                "the item is 1048576 bytes long, expected 8192 at most" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(data); i++) {
        if (testParse(&data[i]) < 0)
            return -1;
    }

    return 0;
}


static int
testFormatInvalid(const void *opaque G_GNUC_UNUSED)
{
    struct testFormatData data = {
        .devices = "<devicemodel name='lan'><interface mac='00:16:3e:00:00:09'/></devicemodel>",
        .invalid = true,
        .error = "internal error: device model 'lan' refers to an interface that the domain does not have",
    };

    return testFormat(&data);
}


static int
testFormatLength(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = g_strnfill(8192, 'x');
    g_autofree char *devices = g_strdup_printf("<devicemodel name='main'>"
                                               "<capability name='ui'/></devicemodel>"
                                               "<devicemodel name='lan'>"
                                               "<emulator>/%s</emulator>"
                                               "<interface mac='00:16:3e:00:00:01'/>"
                                               "</devicemodel>" TEST_NIC(1),
                                               path);
    struct testFormatData data = {
        .devices = devices,
        .error = "unsupported configuration: device model 'lan' needs 8230 bytes in the xen-xl "
                 "format, expected 8192 at most",
    };

    return testFormat(&data);
}


/* An error about a long value ends with what would be accepted. */
static int
testExcerpt(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *word = g_strnfill(4000, 'x');
    g_autofree char *device_models = g_strdup_printf("device_models = [ \"%s\" ]", word);
    struct testParseData data = {
        .device_models = device_models,
        .error = "configuration file syntax error: item 1 of device_models, character 1: "
                 "unknown word 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...', "
                 "expected one of 'name=', 'path=', 'vifs=', 'failure=', 'limit=', 'ui', 'ide', 'serial', 'audio'",
    };

    return testParse(&data);
}


static int
testXM(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *cfg = testConfig("kernel = \"/boot/loader\"\ndevice_models = [ \"name=lan\" ]");
    g_autofree char *without = testConfig("kernel = \"/boot/loader\"");
    g_autofree char *xml = testDomainXML("<devicemodel name='lan'/>");
    g_autofree char *withoutXML = testDomainXML("");
    g_autoptr(libxlDriverConfig) config = libxlDriverConfigGet(driver);
    g_autoptr(virConf) conf = virConfReadString(cfg, 0);
    g_autoptr(virConf) withoutConf = virConfReadString(without, 0);
    g_autoptr(virDomainDef) def = testParseXML(xml);
    g_autoptr(virDomainDef) withoutDef = testParseXML(withoutXML);
    g_autoptr(virDomainDef) parsed = NULL;
    g_autoptr(virDomainDef) refused = NULL;
    g_autoptr(virConf) formatted = NULL;
    g_autoptr(virConf) refusedConf = NULL;

    if (!conf || !withoutConf || !def || !withoutDef ||
        !(parsed = xenParseXM(withoutConf, config->caps, driver->xmlopt)) ||
        !(formatted = xenFormatXM(withoutDef)))
        return -1;

    if ((refused = xenParseXM(conf, config->caps, driver->xmlopt)) ||
        libxlDeviceModelTestCompareError(NULL,
                                         "unsupported configuration: device_models is not supported in the "
                                         "xen-xm format, expected the xen-xl format") < 0)
        return -1;

    if ((refusedConf = xenFormatXM(def)))
        return -1;

    return libxlDeviceModelTestCompareError(NULL,
                                            "unsupported configuration: device model 'lan' cannot be expressed in "
                                            "the xen-xm format, expected the xen-xl format");
}


/* A domain without device models is converted as before. */
static int
testNone(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *cfg = testConfig("");
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) def = NULL;

    if (!(def = testParseXL(cfg)) ||
        !(actual = libxlDeviceModelTestFormatXL(def)))
        return -1;

    if (def->ndevicemodels != 0 || strstr(actual, "device_models")) {
        VIR_TEST_DEBUG("got device models from nowhere:\n%s", actual);
        return -1;
    }

    return 0;
}


/* Returns the literal block of @text that begins with @first, its lines indented
 * by @indent instead, or joined where @indent is NULL. */
static char *
testLiteralBlock(const char *text,
                 const char *first,
                 const char *indent)
{
    const char *start = strstr(text, first);
    const char *end = start ? strstr(start, "\n\n") : NULL;
    g_autofree char *block = NULL;
    g_autofree char *separator = g_strdup_printf("\n%s", NULLSTR_EMPTY(indent));

    if (!end)
        return NULL;

    block = g_strndup(start, end - start);

    return virStringReplace(block, "\n  ", indent ? separator : " ");
}


/* The example of the documentation is what it says that it is. */
static int
testDocumentation(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = g_strdup_printf("%s/../docs/xl-cfg.rst", ABS_DEVICEMODEL_SRCDIR);
    g_autofree char *text = NULL;
    g_autofree char *example = NULL;
    g_autofree char *expected = NULL;
    g_autofree char *error = NULL;
    g_autofree char *cfg = NULL;
    g_autofree char *wrong = NULL;
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virDomainDef) refused = NULL;

    if (virTestLoadFile(path, &text) < 0)
        return -1;

    example = testLiteralBlock(text, "type = ", "");
    expected = testLiteralBlock(text, "<emulator>/usr/libexec", "    ");
    error = testLiteralBlock(text, "configuration file syntax error: ", NULL);
    if (!example || !expected || !error)
        return -1;

    cfg = g_strdup_printf("name = \"guest\"\nmaxmem = 256\nmemory = 256\n%s\n", example);
    wrong = virStringReplace(cfg, "vifs=lan0", "vifs=lan9");

    if (!(def = testParseXL(cfg)) ||
        !(actual = testFormatXML(def)))
        return -1;

    if (!strstr(actual, expected)) {
        VIR_TEST_DEBUG("the documentation has\n%s\nexpected\n%s", expected, actual);
        return -1;
    }

    if ((refused = testParseXL(wrong)))
        return -1;

    return libxlDeviceModelTestCompareError(NULL, error);
}


static int
testConversions(void)
{
    int ret = 0;

#define DO_TEST_FULL(title, func, _cfg, _xml) \
    do { \
        static const struct testConversionData data = { .cfg = _cfg, .xml = _xml }; \
        if (virTestRun(title " " _cfg " " _xml, func, &data) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST_FROM_XL(cfg, xml) DO_TEST_FULL("From xl.cfg", testXLToXML, cfg, xml)
#define DO_TEST_TO_XL(cfg, xml) DO_TEST_FULL("To xl.cfg", testXMLToXL, cfg, xml)

#define DO_TEST(name) \
    do { \
        DO_TEST_FROM_XL(name, name); \
        DO_TEST_TO_XL(name, name); \
        DO_TEST_FULL("Round trip of xl.cfg", testRoundTripXL, name, name); \
        DO_TEST_FULL("Round trip of XML", testRoundTripXML, name, name); \
    } while (0)

    DO_TEST("single");
    DO_TEST("vifname");
    DO_TEST("mac");
    DO_TEST("capabilities");
    DO_TEST("eight");
    DO_TEST("unicode");
    DO_TEST("serial-ports");

    /* libxl takes an emulator that the file does not name */
    DO_TEST("no-override");
    /* a port of Open vSwitch gets an id when the XML is read */
    DO_TEST_FROM_XL("openvswitch", "openvswitch");
    DO_TEST_FULL("Round trip of xl.cfg", testRoundTripXL, "openvswitch", "openvswitch");

    /* other spellings of the same */
    DO_TEST_FROM_XL("vifname-spelling", "vifname");
    DO_TEST_TO_XL("vifname", "vifname-alias");

    /* names that libvirt takes for generated ones don't survive in XML */
    DO_TEST_FROM_XL("vifname-generated", "mac");

#undef DO_TEST
#undef DO_TEST_TO_XL
#undef DO_TEST_FROM_XL
#undef DO_TEST_FULL

    return ret;
}


#define DO_TEST(title, text, _error) \
    do { \
        static const struct testParseData data = { \
            .device_models = "device_models = " text, .error = _error, \
        }; \
        if (virTestRun("Text: " title, testParse, &data) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST_ITEM(item, error) DO_TEST(item, "[ \"" item "\" ]", error)

#define SYNTAX "configuration file syntax error: "
#define ITEM(n) SYNTAX "item 1 of device_models, character " n ": "
#define LAN(n) SYNTAX "device model 'lan', item 1 of device_models, character " n ": "
#define WORDS "expected one of 'name=', 'path=', 'vifs=', 'failure=', 'limit=', 'ui', 'ide', 'serial', 'audio'"
#define VIF "expected the vifname or MAC address of a vif of the domain"
#define NO_VIF VIF ", one without 'vifname=' and 'mac=' has no name"
#define NAME "expected 1 to 32 of the characters 'A-Z a-z 0-9 . _ -', other than '.' and '..'"

static int
testAccepted(void)
{
    int ret = 0;

    DO_TEST("empty list", "[]", NULL);
    DO_TEST("empty list with a blank", "[ ]", NULL);
    DO_TEST("single quotes", "[ 'name=lan' ]", NULL);
    DO_TEST("triple quotes", "[ \"\"\"name=lan\"\"\" ]", NULL);
    DO_TEST("comma at the end of the list", "[ \"name=lan\", ]", NULL);
    DO_TEST_ITEM("name=lan", NULL);
    DO_TEST_ITEM("ui,name=lan", NULL);
    DO_TEST_ITEM("  name  =  lan  ,  ui  ", NULL);
    DO_TEST_ITEM("name=lan,vifs= lan0 ; lan1 ", NULL);
    DO_TEST_ITEM("name=lan,vifs=0:16:3E:0:0:1", NULL);
    DO_TEST("path with an equals sign", "[ \"name=main\", \"name=lan,path=/opt/a=b,vifs=lan0\" ]", NULL);
    DO_TEST("path with a blank", "[ \"name=main\", \"name=lan,path=/opt/a b,vifs=lan0\" ]", NULL);
    DO_TEST_ITEM("name=...", NULL);
    DO_TEST("all words of a vif", "[ \"name=main\", \"name=lan,vifs=all0\" ]", NULL);
    DO_TEST("virtio-net", "[ \"name=main\", \"name=lan,vifs=virtio0;virtio1\" ]", NULL);
    DO_TEST("vif of the primary that is not known as a whole",
            "[ \"name=main\", \"name=lan,vifs=lan0\" ]", NULL);
    DO_TEST_ITEM("name=" TEST_NAME_LONGEST, NULL);
    DO_TEST("second serial port of two", "[ \"name=main\" ]\nserial = [ \"pty\", \"pty\" ]", NULL);

    return ret;
}


static int
testMalformedList(void)
{
    int ret = 0;

    DO_TEST("string", "\"name=lan\"",
            SYNTAX "device_models has the type 'string', expected a list of strings");
    DO_TEST("empty string", "\"\"",
            SYNTAX "device_models has the type 'string', expected a list of strings");
    DO_TEST("number", "1",
            SYNTAX "device_models has the type 'unsigned long', expected a list of strings");
    DO_TEST("negative number", "-1",
            SYNTAX "device_models has the type 'long', expected a list of strings");
    DO_TEST("list of a number", "[ \"name=main\", 2 ]",
            SYNTAX "item 2 of device_models has the type 'unsigned long', expected a string");
    DO_TEST("list of a list", "[ [ \"name=lan\" ] ]",
            SYNTAX "item 1 of device_models has the type 'list', expected a string");
    DO_TEST("list of an empty list", "[ [] ]",
            SYNTAX "item 1 of device_models has the type 'list', expected a string");
    DO_TEST("second item", "[ \"name=main\", \"name=lan,usb\" ]",
            SYNTAX "device model 'lan', item 2 of device_models, character 10: "
            "unknown word 'usb', " WORDS);
    DO_TEST("no value", "",
            SYNTAX "memory conf:18: expecting a value");
    DO_TEST("bare word", "[ name=lan ]",
            SYNTAX "memory conf:18: expecting a value");
    DO_TEST("quote not closed", "[ \"name=lan ]",
            SYNTAX "memory conf:18: unterminated string");
    DO_TEST("single quote not closed", "[ 'name=lan\" ]",
            SYNTAX "memory conf:18: unterminated string");
    DO_TEST("triple quotes not closed", "[ \"\"\"name=lan\" ]",
            SYNTAX "memory conf:18: unterminated string");
    DO_TEST("list not closed", "[ \"name=lan\"",
            SYNTAX "memory conf:19: list is not closed with ]");
    DO_TEST("two strings", "[ \"name=main\" \"name=lan\" ]",
            SYNTAX "memory conf:18: expecting a separator in list");

    return ret;
}


static int
testMalformedWords(void)
{
    int ret = 0;

    DO_TEST_ITEM("", ITEM("1") "empty word, " WORDS);
    DO_TEST_ITEM(" ", ITEM("2") "empty word, " WORDS);
    DO_TEST_ITEM(",", ITEM("1") "empty word, " WORDS);
    DO_TEST_ITEM(",name=lan", ITEM("1") "empty word, " WORDS);
    DO_TEST_ITEM("name=lan,", LAN("10") "empty word, " WORDS);
    DO_TEST_ITEM("name=lan, ", LAN("11") "empty word, " WORDS);
    DO_TEST_ITEM("name=lan,,ui", LAN("10") "empty word, " WORDS);
    DO_TEST_ITEM("name=lan,  ,ui", LAN("12") "empty word, " WORDS);
    DO_TEST_ITEM("ui", ITEM("1") "the device model has no name, expected 'name='");
    DO_TEST_ITEM("vifs=lan0,serial", ITEM("1") "the device model has no name, expected 'name='");
    DO_TEST_ITEM("usb", ITEM("1") "unknown word 'usb', " WORDS);
    DO_TEST_ITEM("name=lan,usb", LAN("10") "unknown word 'usb', " WORDS);
    DO_TEST_ITEM("usb,name=lan", ITEM("1") "unknown word 'usb', " WORDS);
    DO_TEST_ITEM("name=lan,UI", LAN("10") "unknown word 'UI', " WORDS);
    DO_TEST_ITEM("name=lan,ui ide", LAN("10") "unknown word 'ui ide', " WORDS);
    DO_TEST_ITEM("name=lan,ui;ide", LAN("10") "unknown word 'ui;ide', " WORDS);
    DO_TEST_ITEM("name", ITEM("1") "unknown word 'name', " WORDS);
    DO_TEST_ITEM("name=lan,vifs", LAN("10") "unknown word 'vifs', " WORDS);
    DO_TEST_ITEM("lan", ITEM("1") "unknown word 'lan', " WORDS);
    DO_TEST_ITEM("name=lan,ui,serial,ui", LAN("20") "'ui' is given again, expected it once at most");
    DO_TEST_ITEM("name=lan,;", LAN("10") "unknown word ';', " WORDS);
    DO_TEST_ITEM("name:lan", ITEM("1") "unknown word 'name:lan', " WORDS);

    return ret;
}


static int
testMalformedKeys(void)
{
    int ret = 0;

    DO_TEST_ITEM("=", ITEM("1") "unknown key '=', " WORDS);
    DO_TEST_ITEM("=lan", ITEM("1") "unknown key '=', " WORDS);
    DO_TEST_ITEM("name=lan,mac=00:16:3e:00:00:01", LAN("10") "unknown key 'mac=', " WORDS);
    DO_TEST_ITEM("name=lan,ui=1", LAN("10") "unknown key 'ui=', " WORDS);
    DO_TEST_ITEM("name=lan,Path=/bin/a", LAN("10") "unknown key 'Path=', " WORDS);
    DO_TEST_ITEM("name=lan,vif=lan0", LAN("10") "unknown key 'vif=', " WORDS);
    DO_TEST_ITEM("na me=lan", ITEM("1") "unknown key 'na me=', " WORDS);
    DO_TEST_ITEM("name=lan,name=lan", LAN("10") "'name=' is given again, expected it once at most");
    DO_TEST_ITEM("name=lan,name=wan", LAN("10") "'name=' is given again, expected it once at most");
    DO_TEST_ITEM("name=lan,path=/a,path=/b", LAN("18") "'path=' is given again, expected it once at most");
    DO_TEST_ITEM("name=lan,vifs=lan0,vifs=lan1", LAN("20") "'vifs=' is given again, expected it once at most");
    DO_TEST_ITEM("name=", ITEM("6") "'name=' is empty, expected a value");
    DO_TEST_ITEM("name=,ui", ITEM("6") "'name=' is empty, expected a value");
    DO_TEST_ITEM("name=  ,ui", ITEM("6") "'name=' is empty, expected a value");
    DO_TEST_ITEM("name=lan,failure=pause,failure=pause",
                 LAN("24") "'failure=' is given again, expected it once at most");
    DO_TEST_ITEM("name=lan,failure=", LAN("18") "'failure=' is empty, expected a value");
    DO_TEST_ITEM("name=lan,limit=0,limit=10",
                 LAN("18") "'limit=' is given again, expected it once at most");
    DO_TEST_ITEM("name=lan,limit=", LAN("16") "'limit=' is empty, expected a value");
    DO_TEST_ITEM("name=lan,path=", LAN("15") "'path=' is empty, expected a value");
    DO_TEST_ITEM("name=lan,vifs=", LAN("15") "'vifs=' is empty, expected a value");

    return ret;
}


static int
testMalformedValues(void)
{
    int ret = 0;

    DO_TEST_ITEM("name=a/b", ITEM("6") "invalid name 'a/b', " NAME);
    DO_TEST_ITEM("name=../a", ITEM("6") "invalid name '../a', " NAME);
    DO_TEST_ITEM("name=.", ITEM("6") "invalid name '.', " NAME);
    DO_TEST_ITEM("name=..", ITEM("6") "invalid name '..', " NAME);
    DO_TEST_ITEM("name=a b", ITEM("6") "invalid name 'a b', " NAME);
    DO_TEST_ITEM("name=a=b", ITEM("6") "invalid name 'a=b', " NAME);
    DO_TEST_ITEM("name=l\xc3\xa4n", ITEM("6") "invalid name 'l\xc3\xa4n', " NAME);
    DO_TEST_ITEM("name=%s%n", ITEM("6") "invalid name '%s%n', " NAME);
    DO_TEST_ITEM("ui, name=" TEST_NAME_TOO_LONG,
                 ITEM("10") "invalid name '" TEST_NAME_TOO_LONG "', " NAME);
    DO_TEST_ITEM("name=lan,path=/a;/b",
                 LAN("17") "character ; is not supported in 'path=', expected the absolute path of an emulator");
    DO_TEST_ITEM("name=lan,failure=reboot",
                 LAN("18") "unknown action 'reboot', expected one of 'restart, ignore, pause, destroy'");
    DO_TEST_ITEM("name=lan,failure=default",
                 LAN("18") "unknown action 'default', expected one of 'restart, ignore, pause, destroy'");
    DO_TEST_ITEM("name=lan,failure=pause ignore",
                 LAN("18") "unknown action 'pause ignore', expected one of 'restart, ignore, pause, destroy'");
#define LIMIT "expected 0 for none, or 3 to 3600 seconds"
    DO_TEST_ITEM("name=lan,limit=2", LAN("16") "invalid limit '2', " LIMIT);
    DO_TEST_ITEM("name=lan,limit=3601", LAN("16") "invalid limit '3601', " LIMIT);
    DO_TEST_ITEM("name=lan,limit=ten", LAN("16") "invalid limit 'ten', " LIMIT);
    DO_TEST_ITEM("name=lan,limit=10 s", LAN("16") "invalid limit '10 s', " LIMIT);
#undef LIMIT
    DO_TEST_ITEM("name=lan,path=/opt/a,b", LAN("22") "unknown word 'b', " WORDS);
    DO_TEST_ITEM("name=lan,path=/\xc3\xa4/\xc3\xb6,x", LAN("20") "unknown word 'x', " WORDS);
    DO_TEST_ITEM("name=lan,path=qemu",
                 "unsupported configuration: device model 'lan' has the emulator 'qemu', "
                 "expected an absolute path");

    return ret;
}


static int
testMalformedCharacters(void)
{
    int ret = 0;

#define PRINTABLE "expected printable characters"

    DO_TEST("double quote", "[ 'name=lan,path=/\"a\"' ]",
            ITEM("16") "character \" is not supported, expected neither quotes nor backslashes");
    DO_TEST("single quote", "[ \"name=lan,path='/a'\" ]",
            ITEM("15") "character ' is not supported, expected neither quotes nor backslashes");
    DO_TEST("backslash", "[ \"name=lan,path=/a\\\\,b\" ]",
            ITEM("17") "character \\ is not supported, expected neither quotes nor backslashes");
    DO_TEST("triple quotes around quotes", "[ \"\"\"name=\"lan\" \"\"\" ]",
            ITEM("6") "character \" is not supported, expected neither quotes nor backslashes");
    DO_TEST("newline", "[ \"\"\"name=lan,\nui\"\"\" ]",
            ITEM("10") "U+000A is not printable, " PRINTABLE);
    DO_TEST_ITEM("name=lan,\tui", ITEM("10") "U+0009 is not printable, " PRINTABLE);
    DO_TEST_ITEM("\x01", ITEM("1") "U+0001 is not printable, " PRINTABLE);
    DO_TEST_ITEM("name=lan\x1b[31m", ITEM("9") "U+001B is not printable, " PRINTABLE);
    DO_TEST_ITEM("name=lan\x7f", ITEM("9") "U+007F is not printable, " PRINTABLE);
    DO_TEST_ITEM("name=lan,path=/\xc2\x85", ITEM("16") "U+0085 is not printable, " PRINTABLE);
    DO_TEST_ITEM("name=lan,path=/\xe2\x80\xae", ITEM("16") "U+202E is not printable, " PRINTABLE);
    DO_TEST_ITEM("name=lan,path=/\xef\xbf\xbe", ITEM("16") "U+FFFE is not printable, " PRINTABLE);
    DO_TEST_ITEM("name=\xff", ITEM("6") "byte 0xff is not UTF-8, " PRINTABLE);
    DO_TEST_ITEM("name=\xc3", ITEM("6") "byte 0xc3 is not UTF-8, " PRINTABLE);
    DO_TEST_ITEM("name=\xc3\xa4\xc0\xaf", ITEM("7") "byte 0xc0 is not UTF-8, " PRINTABLE);
    DO_TEST_ITEM("name=\xed\xa0\x80", ITEM("6") "byte 0xed is not UTF-8, " PRINTABLE);

#undef PRINTABLE

    return ret;
}


static int
testMalformedVifs(void)
{
    int ret = 0;

    DO_TEST_ITEM("name=lan,vifs=;", LAN("15") "empty name of a vif, " VIF);
    DO_TEST_ITEM("name=lan,vifs=lan0;", LAN("20") "empty name of a vif, " VIF);
    DO_TEST_ITEM("name=lan,vifs=;lan0", LAN("15") "empty name of a vif, " VIF);
    DO_TEST_ITEM("name=lan,vifs=lan0;;lan1", LAN("20") "empty name of a vif, " VIF);
    DO_TEST_ITEM("name=lan,vifs=lan0; ;lan1", LAN("21") "empty name of a vif, " VIF);
    DO_TEST_ITEM("name=lan,vifs=wan0", LAN("15") "unknown vif 'wan0', " NO_VIF);
    DO_TEST_ITEM("name=lan,vifs=lan0;wan0", LAN("20") "unknown vif 'wan0', " NO_VIF);
    DO_TEST_ITEM("name=lan,vifs=LAN0", LAN("15") "unknown vif 'LAN0', " NO_VIF);
    DO_TEST_ITEM("name=lan,vifs=lan0 lan1", LAN("15") "unknown vif 'lan0 lan1', " NO_VIF);
    DO_TEST_ITEM("vifs=wan0,name=lan", ITEM("6") "unknown vif 'wan0', " NO_VIF);
    DO_TEST_ITEM("name=lan,vifs=lan0,lan1", LAN("20") "unknown word 'lan1', " WORDS);
    DO_TEST_ITEM("name=lan,vifs=00:16:3e:00:00:09", LAN("15") "unknown vif '00:16:3e:00:00:09', " NO_VIF);
    DO_TEST_ITEM("name=lan,vifs=00:16:3e:00:00", LAN("15") "unknown vif '00:16:3e:00:00', " NO_VIF);
    DO_TEST_ITEM("name=lan,vifs=00:16:3e:00:00:01:02", LAN("15") "unknown vif '00:16:3e:00:00:01:02', " NO_VIF);
    DO_TEST_ITEM("name=lan,vifs=00:16:3e:00:00:01 x", LAN("15") "unknown vif '00:16:3e:00:00:01 x', " NO_VIF);
    DO_TEST_ITEM("name=lan,vifs=same",
                 LAN("15") "2 vifs are named 'same', expected a vifname or MAC address that only one has");
    DO_TEST_ITEM("name=lan,vifs=00:16:3e:00:00:04",
                 LAN("15") "2 vifs are named '00:16:3e:00:00:04', expected a vifname or MAC address that only one has");
    DO_TEST_ITEM("name=lan,vifs=00:00:00:00:00:00",
                 LAN("15") "2 vifs are named '00:00:00:00:00:00', expected a vifname or MAC address that only one has");
    DO_TEST_ITEM("name=lan,vifs=0:16:3E:0:0:B",
                 LAN("15") "2 vifs are named '0:16:3E:0:0:B', expected a vifname or MAC address that only one has");
    DO_TEST_ITEM("name=lan,vifs=twin0",
                 LAN("15") "vif 'twin0' shares the MAC address '00:16:3e:00:00:04' with another, expected one of its own");

    DO_TEST("serial port behind one that is not there in the primary",
            "[ \"name=main\" ]\nserial = [ \"none\", \"pty\" ]",
            "unsupported configuration: device model 'main': serial port '1' without a serial "
            "port '0', expected no gap in the primary");

    return ret;
}


/* What a vif says that would be lost. */
static int
testVifWords(void)
{
    int ret = 0;

#define DO_TEST_WORD(vif, word) \
    DO_TEST_ITEM("name=lan,vifs=" vif, \
                 LAN("15") "vif '" vif "' has '" word "', which is not converted, expected nothing but " \
                 "'mac', 'bridge', 'script', 'model', 'type', 'vifname', 'ip', 'rate', 'backend', 'mtu' in it")

    DO_TEST_WORD("odd0", "gatewaydev");
    DO_TEST_WORD("odd1", "trusted");
    DO_TEST_WORD("odd2", "Model");
    DO_TEST_WORD("odd3", "\xef\xbf\xbd");
    DO_TEST_WORD("odd4", "model ");
    DO_TEST_WORD("00:16:3e:00:00:0c", "gatewaydev");

#undef DO_TEST_WORD

    return ret;
}


/* A domain that would be less contained than its file says. */
static int
testContainment(void)
{
    int ret = 0;

#define BESIDE "which is not possible beside device_models, expected "
#define DO_TEST_BESIDE(word, error) \
    DO_TEST(word, "[ \"name=lan\" ]\n" word, error)
#define DO_TEST_NEVER(key) \
    DO_TEST_BESIDE(key " = \"any\"", \
                   "unsupported configuration: " key " is not possible beside device_models, " \
                   "expected a file without it")

#define DO_TEST_REFUSED(key, value, shown, accepted) \
    DO_TEST_BESIDE(key " = " value, \
                   "unsupported configuration: " key " is '" shown "', " BESIDE \
                   "'" accepted "' or a file without it")

    DO_TEST_REFUSED("device_model_stubdomain_override", "1", "1", "0");
    DO_TEST_REFUSED("device_model_stubdomain_override", "\"1\"", "1", "0");
    DO_TEST_REFUSED("device_model_stubdomain_override", "-1", "-1", "0");
    DO_TEST_REFUSED("dm_restrict", "1", "1", "0");
    DO_TEST_REFUSED("dm_restrict", "[ \"1\" ]", "list", "0");
    DO_TEST_REFUSED("device_model_version", "\"qemu-xen-traditional\"", "qemu-xen-traditional", "qemu-xen");
    DO_TEST_REFUSED("device_model_version", "1", "1", "qemu-xen");
    DO_TEST_REFUSED("hdtype", "\"ahci\"", "ahci", "ide");
    DO_TEST_NEVER("device_model_user");
    DO_TEST_NEVER("seclabel");
    DO_TEST_NEVER("init_seclabel");

    DO_TEST_BESIDE("device_model_stubdomain_override = 0", NULL);
    DO_TEST_BESIDE("dm_restrict = \"0\"", NULL);
    DO_TEST_BESIDE("device_model_version = \"qemu-xen\"", NULL);
    DO_TEST_BESIDE("hdtype = \"ide\"", NULL);
    DO_TEST("dm_restrict without device models", "[]\ndm_restrict = 1", NULL);

#undef DO_TEST_NEVER
#undef DO_TEST_REFUSED
#undef DO_TEST_BESIDE
#undef BESIDE

    return ret;
}


/* The rules that XML has to follow, too. */
static int
testRules(void)
{
    int ret = 0;

#define RULE "unsupported configuration: device model "

    DO_TEST("name twice", "[ \"name=lan,ui\", \"name=lan,ide\" ]",
            RULE "'lan' has the name of device model 'lan', "
            "expected names that differ in more than upper and lower case");
    DO_TEST("nine device models",
            "[ \"name=1\", \"name=2,vifs=lan0\", \"name=3,vifs=lan1\", \"name=4,ui\", \"name=5\","
            "  \"name=6\", \"name=7\", \"name=8\", \"name=nine\" ]",
            RULE "'nine' is one too many, the domain has 9 device models and may have 8 at most");
    DO_TEST("capability in two", "[ \"name=main,ide\", \"name=lan,ide\" ]",
            RULE "'lan' has the capability 'ide' of device model 'main', "
            "expected it in one device model at most");
    DO_TEST("vif twice", "[ \"name=main\", \"name=lan,vifs=lan0;lan0\" ]",
            RULE "'lan' refers to the interface mac='00:16:3e:00:00:01', which device model "
            "'lan' has already, expected it in one device model and once");
    DO_TEST("vif by vifname and by MAC", "[ \"name=main,vifs=lan0\", \"name=lan,vifs=00:16:3e:00:00:01\" ]",
            RULE "'lan' refers to the interface mac='00:16:3e:00:00:01', which device model "
            "'main' has already, expected it in one device model and once");
    DO_TEST("nothing to emulate", "[ \"name=main\", \"name=lan,path=/opt/lan/qemu\" ]",
            RULE "'lan' has nothing to emulate, expected a capability or an interface in all "
            "device models but the primary 'main'");
    DO_TEST("failure of the primary", "[ \"name=main,failure=pause\", \"name=lan,vifs=lan0\" ]",
            RULE "'main' is the primary and has the failure action 'pause', expected one in a "
            "secondary: the domain ends with its primary, as its on_crash says");
    DO_TEST("limit of the primary", "[ \"name=main,limit=20\", \"name=lan,vifs=lan0\" ]",
            RULE "'main' is the primary and has the failure limit '20', expected one in a "
            "secondary: the primary is not looked at");
    DO_TEST("vif with a backend domain", "[ \"name=main\", \"name=lan,vifs=driver0\" ]",
            "item 2 of device_models, vif 'driver0': "
            RULE "'lan': interface '00:16:3e:00:00:14' has the backend domain 'netdom', expected none "
            "in a secondary");
    DO_TEST("vif without emulation", "[ \"name=main\", \"name=lan,vifs=pv0\" ]",
            "item 2 of device_models, vif 'pv0': "
            RULE "'lan': model 'netfront' of interface '00:16:3e:00:00:07' cannot be emulated by "
            "a secondary, expected one of 'rtl8139', 'e1000', 'e1000e', 'pcnet', 'ne2k_pci', 'virtio', "
            "'virtio-net', 'virtio-net-pci'");

#undef RULE

    return ret;
}

#undef NO_VIF
#undef VIF
#undef NAME
#undef WORDS
#undef LAN
#undef ITEM
#undef SYNTAX
#undef DO_TEST_ITEM
#undef DO_TEST


/* The rules for interfaces, in the words of xl.cfg. */
static int
testVifs(void)
{
    int ret = 0;

#define DO_TEST(title, _vif, _name, _error) \
    do { \
        static const struct testVifData data = { .vif = _vif, .name = _name, .error = _error }; \
        if (virTestRun("Vif " title, testVif, &data) < 0) \
            ret = -1; \
    } while (0)
#define MAC "mac=00:16:3e:00:00:01,"
#define RULE(vif) \
    "item 2 of device_models, vif '" vif "': " TEST_UNSUPPORTED \
    "device model 'lan': interface '00:16:3e:00:00:01' has "
#define DO_TEST_BOOT(title, _boot) \
    do { \
        static const struct testVifData data = { \
            .vif = MAC "bridge=br0,vifname=lan0", .name = "lan0", .boot = "boot = \"" _boot "\"\n", \
            .error = TEST_UNSUPPORTED "device model 'lan' has the interface '00:16:3e:00:00:01', " \
                     "which has no boot ROM, and the domain boots from 'network': expected an " \
                     "emulated interface in the primary, or no <boot dev='network'/> " \
                     "(in xl.cfg: no 'n' in boot=)", \
        }; \
        if (virTestRun("Vif " title, testVif, &data) < 0) \
            ret = -1; \
    } while (0)
#define NO_BRIDGE(vif) \
    TEST_UNSUPPORTED "device model 'lan', item 2 of device_models: " \
    "vif '" vif "' has no bridge, expected 'bridge=' in it"

    DO_TEST("as most have it", MAC "bridge=br0,script=vif-bridge,vifname=lan0", "lan0", NULL);
    DO_TEST("of Open vSwitch", MAC "bridge=br0,script=vif-openvswitch,vifname=lan0", "lan0", NULL);
    DO_TEST("of Open vSwitch with a VLAN",
            MAC "bridge=br0.42,script=/etc/xen/scripts/vif-openvswitch,vifname=lan0", "lan0", NULL);
    DO_TEST("with a script", MAC "bridge=br0,script=vif-route,vifname=lan0", "lan0",
            RULE("lan0") "the script 'vif-route', expected 'vif-bridge', or 'vif-openvswitch' with a "
            "<virtualport type='openvswitch'/>, or the interface in the primary");
    DO_TEST("with an address of the guest", MAC "bridge=br0,ip=10.77.0.50", "00:16:3e:00:00:01",
            RULE("00:16:3e:00:00:01") "'ip', expected an interface without it in a secondary");
    DO_TEST("with a vifname to fill in", MAC "bridge=br0,vifname=customer{%domid}.0",
            "customer{%domid}.0",
            RULE("customer{%domid}.0") "the target device 'customer{%domid}.0', expected a name of "
            "1 to 15 bytes without '%', '/', ':' and blanks, other than '.' and '..'");
    DO_TEST("with a vifname that is no text", MAC "bridge=br0,ip=10.77.0.50,vifname=\374",
            "00:16:3e:00:00:01",
            RULE("\357\277\275") "'ip', expected an interface without it in a secondary");
    DO_TEST("without a bridge", MAC "vifname=lan0", "lan0", NO_BRIDGE("lan0"));
    DO_TEST("without a bridge or a vifname", MAC "model=e1000", "00:16:3e:00:00:01",
            NO_BRIDGE("00:16:3e:00:00:01"));
    DO_TEST("without a bridge, but a script for it", MAC "script=vif-bridge,vifname=lan0", "lan0",
            NO_BRIDGE("lan0"));
    DO_TEST_BOOT("to boot from", "n");
    DO_TEST_BOOT("to boot from at last", "cdn");
    DO_TEST("with a script of its own", MAC "script=/opt/up,vifname=lan0", "lan0",
            NO_BRIDGE("lan0"));

#undef NO_BRIDGE
#undef DO_TEST_BOOT
#undef RULE
#undef MAC
#undef DO_TEST

    return ret;
}


#define DO_TEST(title, _devices, _error) \
    do { \
        static const struct testFormatData data = { \
            .devices = _devices, .error = "unsupported configuration: device model 'lan'" _error, \
        }; \
        if (virTestRun("Unrepresentable: " title, testFormat, &data) < 0) \
            ret = -1; \
    } while (0)

static int
testUnrepresentableEmulators(void)
{
    int ret = 0;

#define DO_TEST_EMULATOR(title, path, shown) \
    DO_TEST("emulator with " title, \
            "<devicemodel name='main'/><devicemodel name='lan'>" \
            "<emulator>" path "</emulator><interface mac='00:16:3e:00:00:01'/>" \
            "</devicemodel>" TEST_NIC(1), \
            ": emulator '" shown "' cannot be expressed in the xen-xl format, expected a path " \
            "without ',', ';', quotes, backslashes, unprintable characters, and blanks at its ends")

    DO_TEST_EMULATOR("comma", "/opt/a,b", "/opt/a,b");
    DO_TEST_EMULATOR("semicolon", "/opt/a;b", "/opt/a;b");
    DO_TEST_EMULATOR("double quote", "/opt/a&quot;b", "/opt/a\"b");
    DO_TEST_EMULATOR("single quote", "/opt/a'b", "/opt/a'b");
    DO_TEST_EMULATOR("backslash", "/opt/a\\b", "/opt/a\\b");
    DO_TEST_EMULATOR("blank at the end", "/opt/a ", "/opt/a ");
    DO_TEST_EMULATOR("tab", "/opt/a&#9;b", "/opt/a\tb");

#undef DO_TEST_EMULATOR

    return ret;
}


static int
testUnrepresentableInterfaces(void)
{
    int ret = 0;

#define VIF_ERROR(shown) \
    ": interface '00:16:3e:00:00:01' cannot be expressed in the xen-xl format by '" shown "', " \
    "expected a target device without ',', ';', quotes, backslashes, blanks at its ends, " \
    "that only one interface has"

#define DO_TEST_VIF(title, dev, shown) \
    DO_TEST("interface with " title, \
            "<devicemodel name='main'><capability name='ui'/></devicemodel>" \
            "<devicemodel name='lan'><interface mac='00:16:3e:00:00:01'/></devicemodel>" \
            "<interface type='bridge'><mac address='00:16:3e:00:00:01'/><source bridge='br0'/>" \
            "<target dev='" dev "'/><model type='e1000'/></interface>" \
            "<interface type='bridge'><mac address='00:16:3e:00:00:02'/><source bridge='br0'/>" \
            "<target dev='taken'/><model type='e1000'/></interface>", \
            VIF_ERROR(shown))

    DO_TEST_VIF("comma", "a,b", "a,b");
    DO_TEST_VIF("semicolon", "a;b", "a;b");
    DO_TEST_VIF("single quote", "a&apos;b", "a'b");

    /* the rules for a secondary's have refused it before */
    DO_TEST("interface of the primary with blank at the beginning",
            "<devicemodel name='lan'><interface mac='00:16:3e:00:00:01'/></devicemodel>"
            "<interface type='bridge'><mac address='00:16:3e:00:00:01'/><source bridge='br0'/>"
            "<target dev=' a'/><model type='e1000'/></interface>",
            VIF_ERROR(" a"));

    DO_TEST("interface without a bridge",
            "<devicemodel name='main'><capability name='ui'/></devicemodel>"
            "<devicemodel name='lan'><interface mac='00:16:3e:00:00:01'/></devicemodel>"
            "<interface type='ethernet'><mac address='00:16:3e:00:00:01'/>"
            "<target dev='lan0'/></interface>",
            ": interface '00:16:3e:00:00:01' of type 'ethernet' cannot be expressed in the xen-xl "
            "format, expected one of type 'bridge' or 'network' in a secondary");

    DO_TEST("interface whose MAC address is the target device of another",
            "<devicemodel name='main'><capability name='ui'/></devicemodel>"
            "<devicemodel name='lan'><interface mac='00:16:3e:00:00:01'/></devicemodel>"
            TEST_NIC(1)
            "<interface type='bridge'><mac address='00:16:3e:00:00:02'/><source bridge='br0'/>"
            "<target dev='00:16:3e:00:00:01'/><model type='e1000'/></interface>",
            VIF_ERROR("00:16:3e:00:00:01"));

    DO_TEST("interface with target device of one and MAC address as target device of another",
            "<devicemodel name='main'><capability name='ui'/></devicemodel>"
            "<devicemodel name='lan'><interface mac='00:16:3e:00:00:01'/></devicemodel>"
            "<interface type='bridge'><mac address='00:16:3e:00:00:01'/><source bridge='br0'/>"
            "<target dev='taken'/><model type='e1000'/></interface>"
            "<interface type='bridge'><mac address='00:16:3e:00:00:02'/><source bridge='br0'/>"
            "<target dev='taken'/><model type='e1000'/></interface>"
            "<interface type='bridge'><mac address='00:16:3e:00:00:03'/><source bridge='br0'/>"
            "<target dev='00:16:3e:00:00:01'/><model type='e1000'/></interface>",
            VIF_ERROR("00:16:3e:00:00:01"));

    DO_TEST("interface with target device and MAC address of another",
            "<devicemodel name='main'><capability name='ui'/></devicemodel>"
            "<devicemodel name='lan'><interface alias='ua-lan'/></devicemodel>"
            "<interface type='bridge'><mac address='00:16:3e:00:00:01'/><source bridge='br0'/>"
            "<target dev='lan0'/><model type='e1000'/><alias name='ua-lan'/></interface>"
            "<interface type='bridge'><mac address='00:16:3e:00:00:01'/><source bridge='br0'/>"
            "<target dev='lan1'/><model type='e1000'/></interface>",
            ": interface '00:16:3e:00:00:01' cannot be expressed in the xen-xl format, "
            "expected a MAC address that only one interface has");

#undef DO_TEST_VIF
#undef VIF_ERROR

    return ret;
}

#undef DO_TEST


static int
testProperties(void)
{
    int ret = 0;

#define DO_TEST(title, func, data) \
    do { \
        if (virTestRun(title, func, data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("No device model", testNone, NULL);
    DO_TEST("PV domain", testPV, NULL);
    DO_TEST("Generated MAC address", testGeneratedMac, NULL);
    DO_TEST("Long items", testLength, NULL);
    DO_TEST("Interface that does not exist", testFormatInvalid, NULL);
    DO_TEST("Long item from XML", testFormatLength, NULL);
    DO_TEST("Target device that is not UTF-8", testFormatBytes, NULL);
    DO_TEST("Target device without a name", testFormatNoName, NULL);
    DO_TEST("Long word", testExcerpt, NULL);
    DO_TEST("xm", testXM, NULL);
    DO_TEST("Documentation", testDocumentation, NULL);
    DO_TEST("NICs with one vifname", testSharedVifname, NULL);
    DO_TEST("Mutations of all words", testMutations,
            "name=lan,path=/opt/q,vifs=lan0;lan1,ide,serial,audio,failure=pause,limit=20");
    DO_TEST("Mutations of a MAC address", testMutations,
            "name=lan,vifs=00:16:3e:00:00:03");

#undef DO_TEST

    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testXLInitDriver()))
        return EXIT_FAILURE;

    if (testConversions() < 0)
        ret = -1;
    if (testAccepted() < 0)
        ret = -1;
    if (testMalformedList() < 0)
        ret = -1;
    if (testMalformedWords() < 0)
        ret = -1;
    if (testMalformedKeys() < 0)
        ret = -1;
    if (testMalformedValues() < 0)
        ret = -1;
    if (testMalformedCharacters() < 0)
        ret = -1;
    if (testMalformedVifs() < 0)
        ret = -1;
    if (testVifs() < 0)
        ret = -1;
    if (testVifWords() < 0)
        ret = -1;
    if (testContainment() < 0)
        ret = -1;
    if (testRules() < 0)
        ret = -1;
    if (testUnrepresentableEmulators() < 0)
        ret = -1;
    if (testUnrepresentableInterfaces() < 0)
        ret = -1;
    if (testProperties() < 0)
        ret = -1;

    testXLFreeDriver(driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
