/*
 * libxldevicemodelrealtest.c: definitions that nobody wrote for device models
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each HVM definition of libvirt's own tests of its Xen driver, and each of
 * libxldevicemodelrealdata/, gets device models by one rule and is otherwise left as
 * it is: one with the display, one for each interface, and one each for IDE, serial
 * ports and sound, where it has such devices.  An xl.cfg gets them in its own words, as
 * its owner would write them.  What becomes of a definition is a line in
 * libxldevicemodelrealdata/outcomes.txt, whose README.rst says how to read it.
 * VIR_TEST_REGENERATE_OUTPUT=1 rewrites the lines.
 */

#include <config.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "conf/domain_devicemodel.h"
#include "datatypes.h"
#include "driver.h"
#include "libxldevicemodeltestbuild.h"
#include "libxldevicemodeltestxl.h"
#include "virfile.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DATA ABS_DEVICEMODEL_SRCDIR "/libxldevicemodelrealdata"

/* Longer than any file of a test. */
#define TEST_FILE_MAX (256 * 1024)

static libxlDriverPrivate *driver;

/* "failed", which never is an outcome that is accepted, was seen. */
static bool testFailed;


/* How the device models are written: as XML, or as items of an xl.cfg. */
typedef struct _testSyntax testSyntax;
struct _testSyntax {
    const char *begin; /* with its name */
    const char *capability;
    const char *interface;
    const char *end;
};

static const testSyntax testXML = {
    .begin = "<devicemodel name='%s'>",
    .capability = "<capability name='%s'/>",
    .interface = "<interface mac='%s'/>",
    .end = "</devicemodel>\n",
};

static const testSyntax testXL = {
    .begin = "\"name=%s",
    .capability = ",%s",
    .interface = ",vifs=%s",
    .end = "\",\n",
};


static void
testAddText(virBuffer *buf,
            const char *pattern,
            const char *value)
{
    g_autofree char *text = virStringReplace(pattern, "%s", value);

    virBufferAdd(buf, text, -1);
}


static void
testAddCapability(virBuffer *buf,
                  const testSyntax *syntax,
                  const char *name,
                  const char *capability)
{
    testAddText(buf, syntax->begin, name);
    testAddText(buf, syntax->capability, capability);
    virBufferAdd(buf, syntax->end, -1);
}


/* Returns what a device model calls @net, or NULL where an xl.cfg has no name for it. */
static char *
testNameNet(const virDomainNetDef *net,
            const testSyntax *syntax)
{
    char mac[VIR_MAC_STRING_BUFLEN];

    if (syntax == &testXL) {
        if (net->ifname)
            return g_strdup(net->ifname);
        if (virMacAddrIsAllClear(&net->mac))
            return NULL;
    }

    return g_strdup(virMacAddrFormat(&net->mac, mac));
}


/* Adds a secondary for each interface that has a name, @max at most: all beyond are in the
 * last. */
static void
testAddInterfaces(virBuffer *buf,
                  const testSyntax *syntax,
                  const virDomainDef *def,
                  size_t max)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < def->nnets; i++) {
        g_autofree char *net = testNameNet(def->nets[i], syntax);
        g_autofree char *name = g_strdup_printf("net%zu", i);

        if (!net)
            continue;

        if (n < max) {
            if (n > 0)
                virBufferAdd(buf, syntax->end, -1);
            testAddText(buf, syntax->begin, name);
            testAddText(buf, syntax->interface, net);
        } else if (syntax == &testXL) {
            virBufferAsprintf(buf, ";%s", net);
        } else {
            testAddText(buf, syntax->interface, net);
        }
        n++;
    }

    if (n > 0)
        virBufferAdd(buf, syntax->end, -1);
}


/* What is added to @def. */
static char *
testDeviceModels(const virDomainDef *def,
                 const testSyntax *syntax)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    bool ide = false;
    size_t max = VIR_DOMAIN_DEVICE_MODEL_MAX - 1;
    size_t i;

    for (i = 0; i < def->ndisks; i++)
        ide |= def->disks[i]->bus == VIR_DOMAIN_DISK_BUS_IDE;

    testAddCapability(&buf, syntax, "main", "ui");
    if (ide)
        testAddCapability(&buf, syntax, "ide", "ide");
    if (def->nserials > 0)
        testAddCapability(&buf, syntax, "serial", "serial");
    if (def->nsounds > 0)
        testAddCapability(&buf, syntax, "audio", "audio");

    max -= ide + (def->nserials > 0) + (def->nsounds > 0);
    testAddInterfaces(&buf, syntax, def, max);

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


/* In the text of @plain, as MACs that libvirt makes differ each time. */
static virDomainDef *
testAddXML(const virDomainDef *plain,
           const char *xml)
{
    g_autofree char *devicemodels = testDeviceModels(plain, &testXML);
    const char *end = strstr(xml, "</devices>");
    g_autofree char *added = NULL;

    if (!end)
        return NULL;

    added = g_strdup_printf("%.*s%s%s", (int)(end - xml), xml, devicemodels, end);
    return testParse(added);
}


/* The XML that comes out is read again, as it is when the domain is defined: it gets
 * MACs then, and its disks an order. */
static virDomainDef *
testAddXL(const virDomainDef *plain,
          const char *cfg)
{
    g_autofree char *devicemodels = testDeviceModels(plain, &testXL);
    g_autofree char *added = g_strdup_printf("%s\ndevice_models = [\n%s]\n", cfg, devicemodels);
    g_autoptr(virDomainDef) def = libxlDeviceModelTestParseXL(driver, added);
    g_autofree char *xml = def ? testFormat(def) : NULL;

    return xml ? testParse(xml) : NULL;
}


/* As far as a start comes without a host. */
static int
testStart(virDomainDef *def)
{
    g_autoptr(libxlDeviceModelTestBuild) build = libxlDeviceModelTestBuildNew(driver, def);
    size_t i;

    if (!build)
        return -1;

    libxlDeviceModelTestBuildComplete(build);

    for (i = 0; i < build->placement->nsecondaries; i++) {
        g_autoptr(libxlDeviceModelConfig) config = libxlDeviceModelTestBuildConfig(build, i);

        if (!config)
            return -1;
    }

    return 0;
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


/* Returns what differs where the text of the definition is read, NULL where nothing does. */
static char *
testXMLDifference(virDomainDef *def)
{
    g_autofree char *xml = testFormat(def);
    g_autoptr(virDomainDef) again = xml ? testParse(xml) : NULL;
    g_autofree char *other = again ? testFormat(again) : NULL;

    return other ? testDifference(xml, other) : g_strdup(virGetLastErrorMessage());
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


/* How far @def comes, in words. */
static char *
testTry(virDomainDef *def)
{
    g_autofree char *difference = NULL;
    char *emulator;
    int rc;

    if ((difference = testXMLDifference(def)))
        return testFail(difference);

    /* what is not installed here is no matter of the definition */
    emulator = g_steal_pointer(&def->emulator);
    rc = testStart(def);
    def->emulator = g_steal_pointer(&emulator);
    if (rc < 0)
        return testError("not started");

    if (testConvert(def, &difference) < 0)
        return testError("works, no xl.cfg");

    return difference ? g_strdup_printf("works, in an xl.cfg %s", difference) : g_strdup("works");
}


/* The words of a file that are not in the one that libvirt writes. */
typedef struct _testWords testWords;
struct _testWords {
    virConf *written;
    virBuffer missing;
};


static int
testAddMissing(const char *word,
               virConfValue *value G_GNUC_UNUSED,
               void *opaque)
{
    /* other words are written for some, and defaults are left out of others */
    static const char *const others[] = {
        "type", "extra", "root", "stdvga", "device_model_args_hvm",
        "hap", "maxvcpus", "device_model_version", NULL
    };
    testWords *words = opaque;

    if (!virConfGetValue(words->written, word) && !g_strv_contains(others, word))
        virBufferAsprintf(&words->missing, " '%s'", word);

    return 0;
}


/* Appends to @outcome what the owner of the file @cfg would miss: interfaces that could not
 * be placed, and words. */
static char *
testAddLosses(char *outcome,
              const char *cfg,
              const virDomainDef *plain,
              virDomainDef *def)
{
    g_autofree char *before = outcome;
    g_autofree char *again = libxlDeviceModelTestFormatXL(def);
    g_autoptr(virConf) conf = virConfReadString(cfg, 0);
    g_autoptr(virConf) written = virConfReadString(again ? again : cfg, 0);
    testWords words = { .written = written, .missing = VIR_BUFFER_INITIALIZER };
    g_autofree char *missing = NULL;
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    virBufferAdd(&buf, before, -1);
    for (i = 0; i < plain->nnets; i++) {
        g_autofree char *name = testNameNet(plain->nets[i], &testXL);

        if (!name)
            virBufferAsprintf(&buf, ", vif %zu has no name", i + 1);
    }

    virConfWalk(conf, testAddMissing, &words);
    if ((missing = virBufferContentAndReset(&words.missing)))
        virBufferAsprintf(&buf, ", not converted:%s", missing);

    return virBufferContentAndReset(&buf);
}


/* Returns NULL for a domain that this is not about. */
static char *
testOutcome(const char *path)
{
    bool xl = g_str_has_suffix(path, ".cfg");
    g_autofree char *text = NULL;
    g_autofree char *xml = NULL;
    g_autoptr(virDomainDef) plain = NULL;
    g_autoptr(virDomainDef) def = NULL;
    char *outcome;

    virResetLastError();
    if (virFileReadAll(path, TEST_FILE_MAX, &text) < 0)
        return testFail(virGetLastErrorMessage());

    plain = xl ? libxlDeviceModelTestParseXL(driver, text) : testParse(text);
    if (!plain)
        return testError("refused without device models");

    if (plain->os.type != VIR_DOMAIN_OSTYPE_HVM || plain->ndevicemodels > 0)
        return NULL;

    if (!(xml = testFormat(plain)))
        return testFail(virGetLastErrorMessage());

    if (!(def = xl ? testAddXL(plain, text) : testAddXML(plain, xml)))
        return testError("refused");

    outcome = testTry(def);
    return xl ? testAddLosses(outcome, text, plain, def) : outcome;
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
