/*
 * libxldevicemodelrealtest.c: definitions that nobody wrote for device models
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each HVM definition of libvirt's own tests of its Xen driver, and each of
 * libxldevicemodelrealdata/, gets device models by one rule and is otherwise left as
 * it is: one with the display, one for each interface, and one each for IDE, serial
 * ports and sound, where it has such devices.  What becomes of it is a line in
 * libxldevicemodelrealdata/outcomes.txt, whose README.rst says how to read it.
 * VIR_TEST_REGENERATE_OUTPUT=1 rewrites the lines.
 */

#include <config.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "conf/domain_devicemodel.h"
#include "datatypes.h"
#include "driver.h"
#include "libxl/libxl_devicemodel_conf.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestxl.h"
#include "virfile.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DATA ABS_DEVICEMODEL_SRCDIR "/libxldevicemodelrealdata"
#define TEST_DOMID 7

/* Longer than any file of a test. */
#define TEST_FILE_MAX (256 * 1024)

static libxlDriverPrivate *driver;

/* "failed", which never is an outcome that is accepted, was seen. */
static bool testFailed;


static void
testAddCapability(virBuffer *buf,
                  const char *capability,
                  bool has)
{
    if (has)
        virBufferAsprintf(buf, "<devicemodel name='%s'><capability name='%s'/></devicemodel>\n",
                          capability, capability);
}


/* What is added to @def.  All interfaces beyond the last that Xen has a server for are in
 * one secondary. */
static char *
testDeviceModels(const virDomainDef *def)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    bool ide = false;
    size_t max = VIR_DOMAIN_DEVICE_MODEL_MAX - 1;
    size_t i;

    for (i = 0; i < def->ndisks; i++)
        ide |= def->disks[i]->bus == VIR_DOMAIN_DISK_BUS_IDE;

    virBufferAddLit(&buf, "<devicemodel name='main'><capability name='ui'/></devicemodel>\n");
    testAddCapability(&buf, "ide", ide);
    testAddCapability(&buf, "serial", def->nserials > 0);
    testAddCapability(&buf, "audio", def->nsounds > 0);
    max -= ide + (def->nserials > 0) + (def->nsounds > 0);

    for (i = 0; i < def->nnets; i++) {
        char mac[VIR_MAC_STRING_BUFLEN];

        if (i < max)
            virBufferAsprintf(&buf, "%s<devicemodel name='net%zu'>",
                              i > 0 ? "</devicemodel>\n" : "", i);
        virBufferAsprintf(&buf, "<interface mac='%s'/>", virMacAddrFormat(&def->nets[i]->mac, mac));
    }
    if (i > 0)
        virBufferAddLit(&buf, "</devicemodel>\n");

    return virBufferContentAndReset(&buf);
}


static virDomainDef *
testParse(const char *xml)
{
    return virDomainDefParseString(xml, driver->xmlopt, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE);
}


static char *
testFormat(virDomainDef *def)
{
    return virDomainDefFormat(def, driver->xmlopt,
                              VIR_DOMAIN_DEF_FORMAT_INACTIVE | VIR_DOMAIN_DEF_FORMAT_SECURE);
}


/* The definition of a file, of either kind. */
static virDomainDef *
testRead(const char *path)
{
    g_autofree char *text = NULL;

    if (virFileReadAll(path, TEST_FILE_MAX, &text) < 0)
        return NULL;

    return g_str_has_suffix(path, ".cfg") ? libxlDeviceModelTestParseXL(driver, text)
                                          : testParse(text);
}


/* MACs that libvirt has made differ each time. */
static virDomainDef *
testAdd(virDomainDef *plain)
{
    g_autofree char *devicemodels = testDeviceModels(plain);
    g_autofree char *xml = testFormat(plain);
    char *end = xml ? strstr(xml, "</devices>") : NULL;
    g_autofree char *added = NULL;

    if (!end)
        return NULL;

    *end = '\0';
    added = g_strdup_printf("%s%s</devices>%s", xml, devicemodels, end + strlen("</devices>"));
    return testParse(added);
}


static void
testReleasePorts(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ngraphics; i++) {
        virDomainGraphicsDef *graphics = def->graphics[i];

        if (graphics->type == VIR_DOMAIN_GRAPHICS_TYPE_VNC)
            virPortAllocatorRelease(graphics->data.vnc.port);
        else if (graphics->type == VIR_DOMAIN_GRAPHICS_TYPE_SPICE)
            virPortAllocatorRelease(graphics->data.spice.port);
    }
}


static int
testMakeConfigs(const virDomainDef *def,
                const libxlDeviceModelPlacement *placement,
                libxl_domain_config *d_config)
{
    libxlDeviceModelMachine machine = { 0 };
    size_t i;

    if (libxlDeviceModelMachineInit(&machine, def, d_config) < 0)
        return -1;

    for (i = 0; i < placement->nsecondaries; i++) {
        g_autoptr(libxlDeviceModelConfig) config = NULL;

        if (!(config = libxlDeviceModelConfigNew(def, &placement->secondaries[i], &machine,
                                                 TEST_DOMID)))
            return -1;
    }

    return 0;
}


/* As far as a start comes without a host. */
static int
testStart(virDomainDef *def)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    virPortAllocatorRange *ports = virPortAllocatorRangeNew("vnc", 5900, 6000);
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    libxl_domain_config d_config;
    int ret = -1;

    libxl_domain_config_init(&d_config);
    if (libxlBuildDomainConfig(ports, def, cfg, &d_config) == 0) {
        /* what libxl completes when it creates the domain */
        if (d_config.b_info.video_memkb == LIBXL_MEMKB_DEFAULT)
            d_config.b_info.video_memkb = 0;

        if ((placement = libxlDeviceModelPlacementNew(def)))
            ret = testMakeConfigs(def, placement, &d_config);
    }

    testReleasePorts(def);
    libxl_domain_config_dispose(&d_config);
    virPortAllocatorRangeFree(ports);
    return ret;
}


/* Returns whether the text of the definition is read as the same definition. */
static bool
testXMLIsStable(virDomainDef *def)
{
    g_autofree char *xml = testFormat(def);
    g_autoptr(virDomainDef) again = xml ? testParse(xml) : NULL;
    g_autofree char *other = again ? testFormat(again) : NULL;

    return STREQ_NULLABLE(xml, other);
}


/* Returns what differs first of two files with as many lines, or NULL where nothing does. */
static char *
testDifference(const char *cfg,
               const char *again)
{
    g_auto(GStrv) lines = g_strsplit(cfg, "\n", 0);
    g_auto(GStrv) others = g_strsplit(again, "\n", 0);
    size_t i;

    for (i = 0; lines[i] && others[i]; i++) {
        if (STRNEQ(lines[i], others[i]))
            return g_strdup_printf("'%s' becomes '%s'", lines[i], others[i]);
    }

    return lines[i] || others[i] ? g_strdup("it has another number of lines") : NULL;
}


/* Returns 0 with what differs, or NULL, where the file that is written can be read, or -1 with
 * an error. */
static int
testConvert(virDomainDef *def,
            char **difference)
{
    g_autofree char *cfg = libxlDeviceModelTestFormatXL(def);
    g_autoptr(virDomainDef) read = cfg ? libxlDeviceModelTestParseXL(driver, cfg) : NULL;
    g_autofree char *again = read ? libxlDeviceModelTestFormatXL(read) : NULL;

    if (!again)
        return -1;

    *difference = testDifference(cfg, again);
    return 0;
}


/* The error that was reported, with what it is about; one that says nothing is a failure. */
static char *
testError(const char *what)
{
    const char *message = virGetLastErrorMessage();
    g_autofree char *text = virStringReplace(message, abs_top_srcdir, "");

    if (virGetLastErrorCode() == VIR_ERR_OK || strstr(message, "cause is unknown") ||
        virGetLastErrorCode() == VIR_ERR_NO_MEMORY) {
        testFailed = true;
        return g_strdup_printf("failed: %s: %s", what, text);
    }

    return g_strdup_printf("%s: %s", what, text);
}


static char *
testFail(const char *why)
{
    testFailed = true;
    return g_strdup_printf("failed: %s", why);
}


/* Returns NULL for a domain that this is not about. */
static char *
testOutcome(const char *path)
{
    g_autoptr(virDomainDef) plain = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autofree char *difference = NULL;

    virResetLastError();
    if (!(plain = testRead(path)))
        return testError("refused without device models");

    if (plain->os.type != VIR_DOMAIN_OSTYPE_HVM || plain->ndevicemodels > 0)
        return NULL;

    if (!(def = testAdd(plain)))
        return testError("refused");

    if (!testXMLIsStable(def))
        return testFail("its XML is read as another definition");

    /* what is not installed here is no matter of the definition */
    g_clear_pointer(&def->emulator, g_free);
    if (testStart(def) < 0)
        return testError("not started");

    if (testConvert(def, &difference) < 0)
        return testError("works, no xl.cfg");

    return difference ? g_strdup_printf("works, in an xl.cfg %s", difference) : g_strdup("works");
}


static int
testCompareNames(const void *a,
                 const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}


/* Adds a line for each definition in @dir to @buf. */
static int
testFolder(virBuffer *buf,
           const char *dir,
           const char *suffix)
{
    g_autoptr(DIR) folder = NULL;
    g_auto(GStrv) names = g_new0(char *, 1);
    g_autofree char *label = g_path_get_basename(dir);
    struct dirent *entry;
    size_t n = 0;
    size_t i;
    int rc;

    if (virDirOpen(&folder, dir) < 0)
        return -1;

    while ((rc = virDirRead(folder, &entry, dir)) > 0) {
        if (virStringHasSuffix(entry->d_name, suffix)) {
            names = g_renew(char *, names, n + 2);
            names[n++] = g_strdup(entry->d_name);
            names[n] = NULL;
        }
    }
    if (rc < 0)
        return -1;

    qsort(names, n, sizeof(*names), testCompareNames);

    for (i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("%s/%s", dir, names[i]);
        g_autofree char *outcome = testOutcome(path);

        if (outcome)
            virBufferAsprintf(buf, "%s/%s: %s\n", label, names[i], outcome);
    }

    return 0;
}


static int
testOutcomes(const void *opaque G_GNUC_UNUSED)
{
    static const char *const folders[] = { "xlconfigdata", "xmconfigdata", "libxlxml2domconfigdata" };
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *lines = NULL;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *dir = g_strdup_printf("%s/tests/%s", abs_top_srcdir, folders[i]);

        if (testFolder(&buf, dir, ".xml") < 0)
            return -1;
    }

    if (testFolder(&buf, TEST_DATA, ".xml") < 0 ||
        testFolder(&buf, TEST_DATA, ".cfg") < 0)
        return -1;

    lines = virBufferContentAndReset(&buf);
    if (virTestCompareToFile(lines, TEST_DATA "/outcomes.txt") < 0)
        return -1;

    return testFailed ? -1 : 0;
}


static int
mymain(void)
{
    g_autoptr(virConnect) conn = NULL;
    int ret = 0;

    /* libxl asks for the bridge of a network; that of the test driver has one */
    if (!(conn = virConnectOpen("test:///default")) ||
        virSetConnectNetwork(conn) < 0 ||
        !(driver = testXLInitDriver()))
        return EXIT_FAILURE;

    if (virTestRun("Definitions of others", testOutcomes, NULL) < 0)
        ret = -1;

    unlink("libxl-driver.log");
    virSetConnectNetwork(NULL);
    testXLFreeDriver(driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
