/*
 * libxldevicemodelexamplestest.c: the examples of the documentation, as the
 * driver reads them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every NAME.xml of docs/examples/ is a definition that the driver accepts and
 * can place, every NAME-live.xml what it makes of NAME.xml when it starts.  The
 * files for xl are converted both ways.  VIR_TEST_REGENERATE_OUTPUT=1 rewrites
 * what they are converted to.
 */

#include <config.h>

#include <unistd.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "conf/domain_devicemodel.h"
#include "libxl/libxl_conf.h"
#include "libxl/libxl_devicemodel_placement.h"
#include "libxldevicemodeltestxl.h"
#include "viralloc.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define TEST_EXAMPLES ABS_DEVICEMODEL_SRCDIR "/../docs/examples"
#define TEST_LIVE "-live.xml"

static libxlDriverPrivate *driver;


static virDomainDef *
testParseFile(const char *file,
              unsigned int flags)
{
    g_autofree char *path = g_strdup_printf(TEST_EXAMPLES "/%s", file);

    return virDomainDefParseFile(path, driver->xmlopt, NULL, flags);
}


/* Returns the definition of an example with its placement in it. */
static virDomainDef *
testPlaceFile(const char *file)
{
    g_autoptr(virDomainDef) def = testParseFile(file, VIR_DOMAIN_DEF_PARSE_INACTIVE);
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;

    if (!def || !(placement = libxlDeviceModelPlacementNew(def)))
        return NULL;

    libxlDeviceModelPlacementApply(placement, def);
    return g_steal_pointer(&def);
}


static int
testDefinition(const void *opaque)
{
    g_autoptr(virDomainDef) def = testPlaceFile(opaque);

    return def ? 0 : -1;
}


/* Returns what an example shows of the placement: the id of each device model,
 * the PCI address of each interface and sound device. */
static char *
testPlacementToString(const virDomainDef *def)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++)
        virBufferAsprintf(&buf, "device model %s: id %d\n",
                          def->devicemodels[i]->name, def->devicemodels[i]->id);

    for (i = 0; i < def->nnets + def->nsounds; i++) {
        const virDomainDeviceInfo *info = i < def->nnets ? &def->nets[i]->info :
            &def->sounds[i - def->nnets]->info;
        g_autofree char *addr = NULL;

        if (info->type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_PCI)
            addr = virPCIDeviceAddressAsString(&info->addr.pci);
        virBufferAsprintf(&buf, "device %zu: %s\n", i, addr ? addr : "no address");
    }

    return virBufferContentAndReset(&buf);
}


/* What an example shows of a running domain is what the definition leads to, and
 * leads to the same again when it is defined. */
static int
testLive(const void *opaque)
{
    const char *file = opaque;
    g_autofree char *name = g_strndup(file, strlen(file) - strlen(TEST_LIVE));
    g_autofree char *inactive = g_strdup_printf("%s.xml", name);
    g_autoptr(virDomainDef) live = testParseFile(file, 0);
    g_autoptr(virDomainDef) placed = testPlaceFile(inactive);
    g_autoptr(virDomainDef) again = testPlaceFile(file);
    g_autofree char *expected = NULL;
    g_autofree char *actual = NULL;
    g_autofree char *repeated = NULL;

    if (!live || !placed || !again)
        return -1;

    expected = testPlacementToString(live);
    actual = testPlacementToString(placed);
    repeated = testPlacementToString(again);

    if (virTestCompareToString(expected, actual) < 0)
        return -1;

    return virTestCompareToString(expected, repeated);
}


static int
testExamples(void)
{
    g_autoptr(GDir) dir = g_dir_open(TEST_EXAMPLES, 0, NULL);
    const char *file;
    size_t count = 0;
    int ret = 0;

    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *title = g_strdup_printf("Example %s", file);
        bool live = g_str_has_suffix(file, TEST_LIVE);

        if (!g_str_has_suffix(file, ".xml"))
            continue;

        count++;
        if (virTestRun(title, live ? testLive : testDefinition, file) < 0)
            ret = -1;
    }

    if (count == 0) {
        VIR_TEST_VERBOSE("no example in '%s'", TEST_EXAMPLES);
        return -1;
    }

    return ret;
}


static int
testFromXL(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *cfg = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autofree char *actual = NULL;

    if (virTestLoadFile(TEST_EXAMPLES "/router.cfg", &cfg) < 0 ||
        !(def = libxlDeviceModelTestParseXL(driver, cfg)) ||
        !(actual = virDomainDefFormat(def, driver->xmlopt, VIR_DOMAIN_DEF_FORMAT_INACTIVE)))
        return -1;

    return virTestCompareToFile(actual, TEST_EXAMPLES "/router.xml");
}


static int
testToXL(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainDef) def = testParseFile("router.xml", VIR_DOMAIN_DEF_PARSE_INACTIVE);
    g_autofree char *actual = NULL;

    if (!def ||
        !(actual = libxlDeviceModelTestFormatXL(def)))
        return -1;

    return virTestCompareToFile(actual, TEST_EXAMPLES "/router-from-xml.cfg");
}


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testXLInitDriver()))
        return EXIT_FAILURE;

    if (virTestRun("Example from xl.cfg", testFromXL, NULL) < 0)
        ret = -1;
    if (virTestRun("Example to xl.cfg", testToXL, NULL) < 0)
        ret = -1;
    if (testExamples() < 0)
        ret = -1;

    unlink("libxl-driver.log");
    testXLFreeDriver(driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
