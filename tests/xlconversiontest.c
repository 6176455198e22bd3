/*
 * xlconversiontest.c: what converting xl.cfg must not lose, for any Xen domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libvirt's own xlconfigtest has files that are converted without a loss.  Here
 * are texts that were refused without an error, that lost something, or that the
 * other direction could not read, each beside what becomes of it.
 */

#include <config.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "libxl/libxl_conf.h"
#include "libxl/xen_xl.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestutils.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define SYNTAX "configuration file syntax error: "

static libxlDriverPrivate *driver;


static virDomainDef *
testParseXL(const char *type,
            const char *lines)
{
    g_autoptr(libxlDriverConfig) config = libxlDriverConfigGet(driver);
    g_autofree char *cfg = g_strdup_printf("name = \"guest\"\n"
                                           "uuid = \"6ec25b1e-21c2-4d0b-a4f0-9a7c0a3f7a01\"\n"
                                           "type = \"%s\"\n"
                                           "memory = 256\n"
                                           "vcpus = 4\n"
                                           "%s\n", type, lines);
    g_autoptr(virConf) conf = NULL;

    if (!(conf = virConfReadString(cfg, 0)))
        return NULL;

    return xenParseXL(conf, config->caps, driver->xmlopt);
}


/* Checks that @actual, or the error where that is NULL, is what was expected:
 * @expected, a part of it, or else @error. */
static int
testCompare(const char *actual,
            const char *expected,
            const char *error)
{
    if (error) {
        if (!actual)
            return libxlDeviceModelTestCompareError(NULL, error);

        VIR_TEST_DEBUG("expected '%s', got\n%s", error, actual);
        return -1;
    }

    if (!actual || !strstr(actual, expected)) {
        VIR_TEST_DEBUG("expected '%s', got\n%s", expected, NULLSTR(actual));
        return -1;
    }

    return 0;
}


struct testFromData {
    const char *type;
    const char *lines;
    const char *xml; /* a part */
    const char *error; /* instead */
};

static int
testFrom(const void *opaque)
{
    const struct testFromData *data = opaque;
    g_autoptr(virDomainDef) def = testParseXL(data->type, data->lines);
    g_autofree char *xml = NULL;

    if (def)
        xml = virDomainDefFormat(def, driver->xmlopt, VIR_DOMAIN_DEF_FORMAT_INACTIVE);

    return testCompare(xml, data->xml, data->error);
}


#define DO_TEST_FULL(_type, text, _xml, _error) \
    do { \
        static const struct testFromData data = { \
            .type = _type, .lines = text, .xml = _xml, .error = _error, \
        }; \
        if (virTestRun("From xl.cfg: " text, testFrom, &data) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST(text, xml) DO_TEST_FULL("hvm", text, xml, NULL)
#define DO_TEST_ERROR(text, error) DO_TEST_FULL("hvm", text, NULL, error)

static int
testFromPCI(void)
{
    int ret = 0;

#define DO_TEST_PCI(device) \
    DO_TEST_ERROR("pci = [ \"" device "\" ]", \
                  SYNTAX "malformed PCI device '" device "', expected " \
                  "'[DOMAIN:]BUS:SLOT.FUNCTION[,OPTION=VALUE]'")

    DO_TEST_PCI("1b");
    DO_TEST_PCI("");
    DO_TEST_PCI("zz:1b.0");
    DO_TEST_PCI("zz:00:1b.0");
    DO_TEST_PCI("00:1b");
    DO_TEST_PCI("00:zz.0");
    DO_TEST_PCI("00:1b.z");
    DO_TEST_PCI("00:1b.0@5");
    DO_TEST_PCI("00:1b.0,permissive");
    DO_TEST_PCI("00:1b.0,permissive=yes");
    DO_TEST("pci = [ \"00:1b.0,permissive=1\" ]",
            "<address domain='0x0000' bus='0x00' slot='0x1b' function='0x0'/>");

#undef DO_TEST_PCI

    return ret;
}


static int
testFromChannel(void)
{
    int ret = 0;

#define DO_TEST_CHANNEL(channel, expected) \
    DO_TEST_ERROR("channel = [ \"" channel "\" ]", \
                  SYNTAX "malformed channel '" channel "', expected " expected)

    DO_TEST_CHANNEL("name=agent", "'connection=pty' or 'connection=socket' in it");
    DO_TEST_CHANNEL("name=agent,connection=tty", "'connection=pty' or 'connection=socket' in it");

#undef DO_TEST_CHANNEL

    return ret;
}


static int
testFromUSB(void)
{
    int ret = 0;

#define DO_TEST_USB(device) \
    DO_TEST_ERROR("usbdev = [ \"" device "\" ]", \
                  SYNTAX "malformed USB device '" device "', expected " \
                  "'hostbus=' and 'hostaddr=' in it")

    DO_TEST_USB("hostbus=1");
    DO_TEST_USB("hostaddr=3");
    DO_TEST_USB("type=hostdev");

#undef DO_TEST_USB

    return ret;
}


static int
testFromOthers(void)
{
    int ret = 0;

    DO_TEST_FULL("pv", "vfb = []",
                 "    <input type='keyboard' bus='xen'/>\n"
                 "    <memballoon model='xen'/>\n", NULL);

    return ret;
}

#undef DO_TEST_ERROR
#undef DO_TEST
#undef DO_TEST_FULL


/* Whatever is wrong in a file, there is an error that says so: every file that
 * has another character at one place, or none from there on. */
static int
testMutations(const void *opaque)
{
    const char *line = opaque;
    const char others[] = " ,;=:.-'\"[]x9";
    size_t len = strlen(line);
    size_t i;
    size_t j;

    for (i = 0; i < len; i++) {
        for (j = 0; j < sizeof(others); j++) {
            g_autofree char *mutant = g_strdup(line);
            g_autoptr(virDomainDef) def = NULL;

            mutant[i] = others[j];

            /* the last one is the end of the string */
            if (mutant[i] == '\0') {
                g_autofree char *head = g_steal_pointer(&mutant);

                mutant = g_strconcat(head, "\" ]", NULL);
            }

            if (!(def = testParseXL("hvm", mutant)) && virGetLastErrorCode() == VIR_ERR_OK) {
                VIR_TEST_DEBUG("'%s' is refused without an error", mutant);
                return -1;
            }

            virResetLastError();
        }
    }

    return 0;
}


static int
testAllMutations(void)
{
    int ret = 0;

#define DO_TEST(line) \
    do { \
        if (virTestRun("Mutations of " line, testMutations, line) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("pci = [ \"0000:00:1b.0,permissive=1\" ]");

#undef DO_TEST

    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testXLInitDriver()))
        return EXIT_FAILURE;

    if (testFromPCI() < 0)
        ret = -1;
    if (testFromChannel() < 0)
        ret = -1;
    if (testFromUSB() < 0)
        ret = -1;
    if (testFromOthers() < 0)
        ret = -1;
    if (testAllMutations() < 0)
        ret = -1;

    testXLFreeDriver(driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
