/*
 * domaindevicemodeltest.c: the <devicemodel> elements of a domain definition
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Round trips and the files of domaindevicemodeldata/ cover what is accepted;
 * what is refused is in tables here, each definition beside its error.
 * VIR_TEST_REGENERATE_OUTPUT=1 rewrites the expected files.
 */

#include <config.h>

#include "testutils.h"
#include "conf/domain_conf.h"
#include "conf/domain_devicemodel.h"
#include "libxldevicemodeltestutils.h"
#include "virfile.h"
#include "virstring.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define TEST_NIC1_MAC "00:16:3e:00:00:01"
#define TEST_NIC2_MAC "00:16:3e:00:00:02"
#define TEST_TWIN_MAC "00:16:3e:00:00:03"

/* The 33 characters that are one too many, and the 32 that are not. */
#define TEST_NAME_LONGEST "abcdefghijklmnopqrstuvwxyz0123._"
#define TEST_NAME_TOO_LONG TEST_NAME_LONGEST "-"

#define TEST_FAILURE(count, last) \
    "<failure count='" count "' last='" last "' reason='exited with status 1'/>"

static virDomainDefParserConfig testParserConfig = {
    .features = VIR_DOMAIN_DEF_FEATURE_USER_ALIAS |
                VIR_DOMAIN_DEF_FEATURE_DEVICE_MODEL,
};

/* As every driver other than libxl has it. */
static virDomainDefParserConfig testParserConfigUnsupported = {
    .features = VIR_DOMAIN_DEF_FEATURE_USER_ALIAS,
};

static virDomainXMLOption *xmlopt;
static virDomainXMLOption *xmloptUnsupported;
static virXMLValidator *validator;


static char *
testFilePath(const char *name)
{
    return g_strdup_printf("%s/domaindevicemodeldata/%s.xml",
                           ABS_DEVICEMODEL_SRCDIR, name);
}


/* Returns a domain with four interfaces, of which the last two share a MAC
 * address, and with @devices. */
static char *
testDomainXML(const char *devices)
{
    g_autofree char *all =
        g_strconcat("<interface type='ethernet'><mac address='" TEST_NIC1_MAC "'/></interface>"
                    "<interface type='ethernet'><mac address='" TEST_NIC2_MAC "'/>"
                    "<alias name='ua-lan'/></interface>"
                    "<interface type='ethernet'><mac address='" TEST_TWIN_MAC "'/>"
                    "<alias name='ua-twin0'/></interface>"
                    "<interface type='ethernet'><mac address='" TEST_TWIN_MAC "'/>"
                    "<alias name='ua-twin1'/></interface>",
                    devices, NULL);

    return libxlDeviceModelTestDomainXML(NULL, all);
}


struct testRoundTripData {
    const char *name;
    const char *outname;
    bool live;
};

static int
testRoundTrip(const void *opaque)
{
    const struct testRoundTripData *data = opaque;
    g_autofree char *in = testFilePath(data->name);
    g_autofree char *out = testFilePath(data->outname);

    return testCompareDomXML2XMLFiles(NULL, xmlopt, in, out, data->live, 0,
                                      TEST_COMPARE_DOM_XML2XML_RESULT_SUCCESS);
}


/* A copy is inactive whatever it was made from. */
static int
testCopy(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *in = testFilePath("devicemodels-live");
    g_autofree char *out = testFilePath("devicemodels");
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virDomainDef) copy = NULL;

    if (!(def = virDomainDefParseFile(in, xmlopt, NULL, 0)) ||
        !(copy = virDomainDefCopy(def, xmlopt, NULL, false)) ||
        !(actual = virDomainDefFormat(copy, xmlopt, VIR_DOMAIN_DEF_FORMAT_SECURE)))
        return -1;

    if (copy->devicemodels[1]->id != -1 ||
        copy->devicemodels[1]->state != VIR_DOMAIN_DEVICE_MODEL_STATE_NONE) {
        VIR_TEST_DEBUG("copy has id %d and state %d",
                       copy->devicemodels[1]->id, copy->devicemodels[1]->state);
        return -1;
    }

    return virTestCompareToFile(actual, out);
}


static int
testLive(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *in = testFilePath("devicemodels-live");
    g_autofree char *inactive = testFilePath("devicemodels");
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) def = NULL;

    if (!(def = virDomainDefParseFile(in, xmlopt, NULL, 0)))
        return -1;

    if (def->devicemodels[0]->id != 0 ||
        def->devicemodels[0]->state != VIR_DOMAIN_DEVICE_MODEL_STATE_STARTING ||
        def->devicemodels[1]->id != 1 ||
        def->devicemodels[1]->state != VIR_DOMAIN_DEVICE_MODEL_STATE_RUNNING ||
        def->devicemodels[2]->id != 2 ||
        def->devicemodels[2]->state != VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED ||
        def->devicemodels[2]->failure.count != 2 ||
        def->devicemodels[2]->failure.last != 1795692000) {
        VIR_TEST_DEBUG("what a running domain adds was parsed wrong");
        return -1;
    }

    if (!(actual = virDomainDefFormat(def, xmlopt,
                                      VIR_DOMAIN_DEF_FORMAT_SECURE |
                                      VIR_DOMAIN_DEF_FORMAT_INACTIVE)))
        return -1;

    return virTestCompareToFile(actual, inactive);
}


/* How often one failed is counted, and the last time is shown, readable whatever the
 * language of the host. */
static int
testSetFailed(const void *opaque G_GNUC_UNUSED)
{
    static const char *const expected =
        "<devicemodel name='main' state='failed'>\n"
        "      <failure count='2' last='2038-01-19T03:14:08Z' reason='arr\ufffdt \303\251 &lt;1&gt;; not \ufffd again'/>\n"
        "    </devicemodel>\n";
    g_autofree char *xml = testDomainXML("<devicemodel name='main'/>");
    g_autofree char *actual = NULL;
    g_autoptr(virDomainDef) def = NULL;

    if (!(def = virDomainDefParseString(xml, xmlopt, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    def->id = 7;
    virDomainDeviceModelDefSetFailed(def->devicemodels[0], 1, "first");
    virDomainDeviceModelDefSetFailed(def->devicemodels[0], 1LL << 31,
                                     "arr\352t \303\251 <1>");
    virDomainDeviceModelDefAddReason(def->devicemodels[0], "not \352 again");
    virDomainDeviceModelDefAddReason(def->devicemodels[0], "not \352 again");

    if (!(actual = virDomainDefFormat(def, xmlopt, 0)))
        return -1;

    if (strstr(actual, expected))
        return 0;

    VIR_TEST_VERBOSE("'%s' is not in '%s'", expected, actual);
    return -1;
}


/* What is done and when is known, whether the definition says it or not. */
static int
testGetFailure(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *in = testFilePath("devicemodels");
    g_autofree char *without = testFilePath("eight");
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virDomainDef) eight = NULL;

    if (!(def = virDomainDefParseFile(in, xmlopt, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE)) ||
        !(eight = virDomainDefParseFile(without, xmlopt, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    if (virDomainDeviceModelDefGetFailureAction(def->devicemodels[1]) ==
        VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE &&
        virDomainDeviceModelDefGetFailureAction(def->devicemodels[2]) ==
        VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DESTROY &&
        virDomainDeviceModelDefGetFailureAction(eight->devicemodels[1]) ==
        VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART &&
        virDomainDeviceModelDefGetFailureLimit(def->devicemodels[1]) == 120 &&
        virDomainDeviceModelDefGetFailureLimit(def->devicemodels[2]) == 0 &&
        virDomainDeviceModelDefGetFailureLimit(eight->devicemodels[1]) == 10)
        return 0;

    VIR_TEST_VERBOSE("an action is another than the definition's or restart, or a limit than 10");
    return -1;
}


static int
testSchemaFile(const void *opaque)
{
    g_autofree char *path = testFilePath(opaque);
    g_autoptr(xmlDoc) xml = NULL;

    if (!(xml = virXMLParseFileCtxt(path, NULL)) ||
        virXMLValidatorValidate(validator, xml) < 0)
        return -1;

    return 0;
}


/* The grammar is part of every grammar that contains a domain. */
static int
testSchemaIncluded(const void *opaque)
{
    const char *schema = opaque;
    g_autofree char *path = g_strdup_printf("%s/src/conf/schemas/%s",
                                            abs_top_srcdir, schema);
    g_autoptr(virXMLValidator) included = virXMLValidatorInit(path);

    return included ? 0 : -1;
}


static int
testSchemaSnapshot(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = testFilePath("devicemodels");
    g_autofree char *schema = g_strdup_printf("%s/src/conf/schemas/domainsnapshot.rng",
                                              abs_top_srcdir);
    g_autofree char *domain = NULL;
    g_autofree char *snapshot = NULL;
    g_autoptr(xmlDoc) xml = NULL;

    if (virTestLoadFile(path, &domain) < 0)
        return -1;

    snapshot = g_strdup_printf("<domainsnapshot>\n"
                               "<name>before</name>\n"
                               "<state>running</state>\n"
                               "<creationTime>1</creationTime>\n"
                               "%s</domainsnapshot>\n", domain);

    if (!(xml = virXMLParseStringCtxt(snapshot, "snapshot", NULL)))
        return -1;

    return virXMLValidateAgainstSchema(schema, xml);
}


struct testRefusalData {
    const char *devices;
    bool valid; /* the schema can't tell that it is wrong */
    const char *error; /* NULL: it is accepted */
};

static int
testRefusal(const void *opaque)
{
    const struct testRefusalData *data = opaque;
    g_autofree char *xml = testDomainXML(data->devices);
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(xmlDoc) doc = NULL;

    if (!(doc = virXMLParseStringCtxt(xml, "domain", NULL)))
        return -1;

    if ((virXMLValidatorValidate(validator, doc) == 0) != data->valid) {
        VIR_TEST_DEBUG("the schema %s the definition",
                       data->valid ? "refuses" : "accepts");
        return -1;
    }
    virResetLastError();

    def = virDomainDefParseString(xml, xmlopt, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE);

    if (!data->error)
        return def ? 0 : -1;

    if (def) {
        VIR_TEST_DEBUG("accepted, expected '%s'", data->error);
        return -1;
    }

    return libxlDeviceModelTestCompareError(NULL, data->error);
}


/* Live attributes are ours, and still must not be misread. */
static int
testRefusalLive(const void *opaque)
{
    const struct testRefusalData *data = opaque;
    g_autofree char *xml = testDomainXML(data->devices);
    g_autoptr(virDomainDef) inactive = NULL;
    g_autoptr(virDomainDef) live = NULL;

    if (!(inactive = virDomainDefParseString(xml, xmlopt, NULL,
                                             VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    if ((live = virDomainDefParseString(xml, xmlopt, NULL, 0)))
        return -1;

    return libxlDeviceModelTestCompareError(NULL, data->error);
}


/* What becomes part of a path is refused where validation is skipped, too;
 * what only breaks a rule isn't. */
static int
testSkipValidate(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *slash = testDomainXML("<devicemodel name='../lan'/>");
    g_autofree char *twice = testDomainXML("<devicemodel name='lan'/><devicemodel name='lan'/>");
    unsigned int flags = VIR_DOMAIN_DEF_PARSE_INACTIVE |
                         VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE;
    g_autoptr(virDomainDef) refused = NULL;
    g_autoptr(virDomainDef) accepted = NULL;

    if ((refused = virDomainDefParseString(slash, xmlopt, NULL, flags)))
        return -1;
    virResetLastError();

    if (!(accepted = virDomainDefParseString(twice, xmlopt, NULL, flags)))
        return -1;

    if (virDomainDeviceModelDefsValidate(accepted) == 0)
        return -1;

    return libxlDeviceModelTestCompareError(NULL,
                                            "unsupported configuration: "
                                            "device model 'lan' has the name of device model 'lan', "
                                            "expected names that differ in more than upper and lower case");
}


static int
testUnsupported(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *with = testFilePath("devicemodels");
    g_autofree char *without = testFilePath("none");
    g_autoptr(virDomainDef) refused = NULL;
    g_autoptr(virDomainDef) accepted = NULL;

    if (!(accepted = virDomainDefParseFile(without, xmloptUnsupported, NULL,
                                           VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    if ((refused = virDomainDefParseFile(with, xmloptUnsupported, NULL,
                                         VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    return libxlDeviceModelTestCompareError(NULL,
                                            "unsupported configuration: "
                                            "device model 'main' is not supported by this hypervisor driver, "
                                            "expected no devicemodel element");
}


struct testABIData {
    const char *src;
    const char *dst;
    const char *error; /* NULL: compatible */
};

/* The XML of a migration is parsed without validation. */
static int
testABI(const void *opaque)
{
    const struct testABIData *data = opaque;
    g_autofree char *srcxml = testDomainXML(data->src);
    g_autofree char *dstxml = testDomainXML(data->dst);
    g_autoptr(virDomainDef) src = NULL;
    g_autoptr(virDomainDef) dst = NULL;
    unsigned int flags = VIR_DOMAIN_DEF_PARSE_INACTIVE |
                         VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE;

    if (!(src = virDomainDefParseString(srcxml, xmlopt, NULL, flags)) ||
        !(dst = virDomainDefParseString(dstxml, xmlopt, NULL, flags)))
        return -1;

    if (virDomainDefCheckABIStability(src, dst, xmlopt))
        return data->error ? -1 : 0;

    return data->error ? libxlDeviceModelTestCompareError(NULL, data->error) : -1;
}


/* What a running domain adds is no part of what the guest knows. */
static int
testABILive(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *live = testFilePath("devicemodels-live");
    g_autofree char *inactive = testFilePath("devicemodels");
    g_autoptr(virDomainDef) src = NULL;
    g_autoptr(virDomainDef) dst = NULL;

    if (!(src = virDomainDefParseFile(live, xmlopt, NULL, 0)) ||
        !(dst = virDomainDefParseFile(inactive, xmlopt, NULL,
                                      VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    return virDomainDefCheckABIStability(src, dst, xmlopt) ? 0 : -1;
}


/* Two interfaces with one MAC address that exchange their aliases look alike,
 * but for the device models that refer to them. */
static int
testABIAliases(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *srcxml = testDomainXML("<devicemodel name='main'/>"
                                            "<devicemodel name='lan'>"
                                            "<interface alias='ua-twin0'/>"
                                            "</devicemodel>");
    g_autofree char *without0 = virStringReplace(srcxml, "name='ua-twin0'", "name='ua-twin'");
    g_autofree char *without1 = virStringReplace(without0, "name='ua-twin1'", "name='ua-twin0'");
    g_autofree char *dstxml = virStringReplace(without1, "name='ua-twin'", "name='ua-twin1'");
    g_autoptr(virDomainDef) src = NULL;
    g_autoptr(virDomainDef) dst = NULL;

    if (!(src = virDomainDefParseString(srcxml, xmlopt, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE)) ||
        !(dst = virDomainDefParseString(dstxml, xmlopt, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    if (virDomainDefCheckABIStability(src, dst, xmlopt))
        return -1;

    return libxlDeviceModelTestCompareError(NULL,
                                            "unsupported configuration: Target device model 'lan' interface "
                                            "alias='ua-twin0' does not match source alias='ua-twin0'");
}


/* The names of the device models that emulate the parts of a domain. */
struct testPlacementData {
    const char *devices;
    const char *primary;
    const char *caps[VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST];
    const char *nets[4];
};

static int
testPlacementName(const char *what,
                  size_t i,
                  const virDomainDeviceModelDef *dm,
                  const char *expected)
{
    const char *actual = dm ? dm->name : NULL;

    if (STREQ_NULLABLE(actual, expected))
        return 0;

    VIR_TEST_DEBUG("%s %zu is with '%s', expected '%s'",
                   what, i, NULLSTR(actual), NULLSTR(expected));
    return -1;
}


static int
testPlacement(const void *opaque)
{
    const struct testPlacementData *data = opaque;
    g_autofree char *xml = testDomainXML(data->devices);
    g_autoptr(virDomainDef) def = NULL;
    size_t i;

    if (!(def = virDomainDefParseString(xml, xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    if (testPlacementName("primary", 0, virDomainDeviceModelGetPrimary(def),
                          data->primary) < 0)
        return -1;

    for (i = 0; i < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; i++) {
        if (testPlacementName("capability", i,
                              virDomainDeviceModelFindByCapability(def, i),
                              data->caps[i]) < 0)
            return -1;
    }

    for (i = 0; i < def->nnets; i++) {
        if (testPlacementName("interface", i,
                              virDomainDeviceModelFindByNet(def, def->nets[i]),
                              data->nets[i]) < 0)
            return -1;
    }

    return 0;
}


static int
testFindNet(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *xml = testDomainXML("");
    g_autoptr(virDomainDef) def = NULL;
    virDomainDeviceModelInterface mac = { 0 };
    virDomainDeviceModelInterface alias = { .alias = (char *)"ua-twin1" };
    virDomainDeviceModelInterface unknown = { .alias = (char *)"ua-wan" };

    if (!(def = virDomainDefParseString(xml, xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE)) ||
        virMacAddrParse(TEST_NIC2_MAC, &mac.mac) < 0)
        return -1;

    if (virDomainDeviceModelFindNet(def, &mac) != def->nets[1] ||
        virDomainDeviceModelFindNet(def, &alias) != def->nets[3] ||
        virDomainDeviceModelFindNet(def, &unknown))
        return -1;

    return 0;
}


static int
testRoundTrips(void)
{
    int ret = 0;

#define DO_TEST_FULL(title, _name, _outname, _live) \
    do { \
        static const struct testRoundTripData data = { \
            .name = _name, .outname = _outname, .live = _live, \
        }; \
        if (virTestRun("Round trip " title, testRoundTrip, &data) < 0) \
            ret = -1; \
        if (virTestRun("Schema " title, testSchemaFile, _name) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST(name) DO_TEST_FULL(name, name, name, false)

    DO_TEST("none");
    DO_TEST("single");
    DO_TEST("eight");
    DO_TEST("devicemodels");
    DO_TEST_FULL("other spelling", "devicemodels-spelling", "devicemodels", false);
    DO_TEST_FULL("live", "devicemodels-live", "devicemodels-live", true);
    DO_TEST_FULL("live to inactive", "devicemodels-live", "devicemodels", false);

#undef DO_TEST
#undef DO_TEST_FULL

    return ret;
}


/* @_valid: the schema accepts it, as only the parser can tell */
#define DO_TEST(_name, _devices, _valid, _error) \
    do { \
        static const struct testRefusalData data = { \
            .devices = _devices, .valid = _valid, .error = _error, \
        }; \
        if (virTestRun(_name, testRefusal, &data) < 0) \
            ret = -1; \
    } while (0)

static int
testMalformedNames(void)
{
    int ret = 0;

#define EXPECTED "expected 1 to 32 of the characters 'A-Z a-z 0-9 . _ -'"

    DO_TEST("Name missing",
            "<devicemodel name='main'/><devicemodel><capability name='ide'/></devicemodel>", false,
            "XML error: device model 2 has no name, " EXPECTED);
    DO_TEST("Name empty", "<devicemodel name=''/>", false,
            "XML error: device model 1 has no name, " EXPECTED);
    DO_TEST("Name with a slash", "<devicemodel name='a/b'/>", false,
            "XML error: invalid name of device model 'a/b', " EXPECTED ", other than '.' and '..'");
    DO_TEST("Name with a space", "<devicemodel name='a b'/>", false,
            "XML error: invalid name of device model 'a b', " EXPECTED ", other than '.' and '..'");
    DO_TEST("Name with a letter of another script", "<devicemodel name='l\u00e0n'/>", false,
            "XML error: invalid name of device model 'l\u00e0n', " EXPECTED ", other than '.' and '..'");
    DO_TEST("Name with a line break", "<devicemodel name='a&#10;b'/>", false,
            "XML error: invalid name of device model 'a\nb', " EXPECTED ", other than '.' and '..'");
    DO_TEST("Name .", "<devicemodel name='.'/>", false,
            "XML error: invalid name of device model '.', " EXPECTED ", other than '.' and '..'");
    DO_TEST("Name ..", "<devicemodel name='..'/>", false,
            "XML error: invalid name of device model '..', " EXPECTED ", other than '.' and '..'");
    DO_TEST("Name too long", "<devicemodel name='" TEST_NAME_TOO_LONG "'/>", false,
            "XML error: invalid name of device model '" TEST_NAME_TOO_LONG "', " EXPECTED ", other than '.' and '..'");
    DO_TEST("Name as long as can be", "<devicemodel name='" TEST_NAME_LONGEST "'/>", true, NULL);
    DO_TEST("Name ...", "<devicemodel name='...'/>", true, NULL);

#undef EXPECTED

    return ret;
}


static int
testMalformedContent(void)
{
    int ret = 0;

#define MAIN(content) "<devicemodel name='main'>" content "</devicemodel>"

    DO_TEST("Emulator twice",
            MAIN("<emulator>/bin/a</emulator><emulator>/bin/b</emulator>"), false,
            "XML error: device model 'main' has 2 emulators, expected one at most");
    DO_TEST("Emulator empty",
            MAIN("<emulator/>"), false,
            "XML error: emulator of device model 'main' is empty, "
            "expected an absolute path, or no emulator element for that of the domain");
    DO_TEST("Emulator with a carriage return",
            MAIN("<emulator>/bin/a&#13;b</emulator>"), false,
            "XML error: emulator of device model 'main' has a line break, "
            "expected an absolute path in one line");
    DO_TEST("Emulator on a line of its own",
            MAIN("<emulator>\n/bin/a\n</emulator>"), false,
            "XML error: emulator of device model 'main' has a line break, "
            "expected an absolute path in one line");
    DO_TEST("Capability without name",
            MAIN("<capability/>"), false,
            "XML error: device model 'main' has a capability without a name, "
            "expected one of 'ui, ide, serial, audio'");
    DO_TEST("Capability unknown",
            MAIN("<capability name='usb'/>"), false,
            "XML error: device model 'main' has the unknown capability 'usb', "
            "expected one of 'ui, ide, serial, audio'");
    DO_TEST("Capability empty",
            MAIN("<capability name=''/>"), false,
            "XML error: device model 'main' has the unknown capability '', "
            "expected one of 'ui, ide, serial, audio'");
    DO_TEST("Capability in capitals",
            MAIN("<capability name='UI'/>"), false,
            "XML error: device model 'main' has the unknown capability 'UI', "
            "expected one of 'ui, ide, serial, audio'");
    DO_TEST("Capability twice in one device model",
            MAIN("<capability name='ide'/><capability name='ide'/>"), true,
            "XML error: device model 'main' has the capability 'ide' more than once, "
            "expected it once at most");
    DO_TEST("Interface with mac and alias",
            MAIN("<interface mac='" TEST_NIC2_MAC "' alias='ua-lan'/>"), false,
            "XML error: device model 'main' has an interface with both mac '" TEST_NIC2_MAC "' "
            "and alias 'ua-lan', expected one of the two");
    DO_TEST("Interface with neither mac nor alias",
            MAIN("<interface/>"), false,
            "XML error: device model 'main' has an interface with neither mac nor alias, "
            "expected one of the two");
    DO_TEST("Live attributes in an inactive definition",
            "<devicemodel name='main' id='-7' state='lost'/>", false, NULL);
    DO_TEST("Failure action unknown",
            MAIN("<failure action='reboot'/>"), false,
            "XML error: device model 'main' has the unknown failure action 'reboot', "
            "expected one of 'restart, ignore, pause, destroy'");
    DO_TEST("Failure action of none that is given",
            MAIN("<failure action='default'/>"), false,
            "XML error: device model 'main' has the unknown failure action 'default', "
            "expected one of 'restart, ignore, pause, destroy'");
    DO_TEST("Failure action empty",
            MAIN("<failure action=''/>"), false,
            "XML error: device model 'main' has the unknown failure action '', "
            "expected one of 'restart, ignore, pause, destroy'");
#define LIMIT(limit) \
    "XML error: device model 'main' has the failure limit '" limit "', expected 0 for none, " \
    "or 3 to 3600 seconds"
#define DO_TEST_LIMIT(name, limit) \
    DO_TEST("Failure limit " name, MAIN("<failure limit='" limit "'/>"), false, LIMIT(limit))

    DO_TEST_LIMIT("empty", "");
    DO_TEST_LIMIT("of one second", "1");
    DO_TEST_LIMIT("of two seconds", "2");
    DO_TEST_LIMIT("of more than an hour", "3601");
    DO_TEST_LIMIT("that would be another in 32 bits", "4294967306");
    DO_TEST_LIMIT("below zero", "-1");
    DO_TEST_LIMIT("with a sign", "+10");
    DO_TEST_LIMIT("with a unit", "10s");
    DO_TEST_LIMIT("with a fraction", "10.5");
    DO_TEST_LIMIT("in words", "never");

#undef DO_TEST_LIMIT
#undef LIMIT

    DO_TEST("Failure twice", MAIN("<failure/><failure/>"), false,
            "XML error: device model 'main' has 2 failure elements, expected one at most");
    DO_TEST("Failure of a live definition", MAIN(TEST_FAILURE("1", "2026-11-26T11:20:00Z")), true, NULL);
    DO_TEST("Failure that never was", MAIN(TEST_FAILURE("0", "2026-11-26T11:20:00Z")), false, NULL);
    DO_TEST("Failure at a local time", MAIN(TEST_FAILURE("1", "2026-11-26T11:20:00+01:00")), false, NULL);
    DO_TEST("Failure without a reason",
            MAIN("<failure count='1' last='2026-11-26T11:20:00Z'/>"), false, NULL);

    return ret;
}


/* What libvirt takes for a MAC address in an interface, it takes here. */
static int
testMACs(void)
{
    int ret = 0;

#define MAC(mac) MAIN("<interface mac='" mac "'/>")
#define MALFORMED(mac) \
    "XML error: device model 'main' has an interface with the malformed mac '" mac "', " \
    "expected one like '00:16:3e:12:34:56'"

    DO_TEST("MAC in capitals", MAC("00:16:3E:00:00:02"), true, NULL);
    DO_TEST("MAC without leading zeros", MAC("0:16:3e:0:0:2"), false, NULL);
    DO_TEST("MAC with dashes", MAC("00-16-3e-00-00-02"), false, MALFORMED("00-16-3e-00-00-02"));
    DO_TEST("MAC without colons", MAC("00163e000002"), false, MALFORMED("00163e000002"));
    DO_TEST("MAC of five bytes", MAC("00:16:3e:00:00"), false, MALFORMED("00:16:3e:00:00"));
    DO_TEST("MAC of seven bytes", MAC("00:16:3e:00:00:02:03"), false,
            MALFORMED("00:16:3e:00:00:02:03"));
    DO_TEST("MAC with three digits", MAC("00:16:3e:00:00:002"), false,
            MALFORMED("00:16:3e:00:00:002"));
    DO_TEST("MAC with a byte left out", MAC("00:16:3e::00:02"), false,
            MALFORMED("00:16:3e::00:02"));
    DO_TEST("MAC with a letter too high", MAC("00:16:3g:00:00:02"), false,
            MALFORMED("00:16:3g:00:00:02"));
    DO_TEST("MAC after a space", MAC(" 00:16:3e:00:00:02"), false,
            MALFORMED(" 00:16:3e:00:00:02"));
    DO_TEST("MAC empty", MAC(""), false, MALFORMED(""));

#undef MALFORMED
#undef MAC

    return ret;
}


static int
testRules(void)
{
    int ret = 0;

#define DM(name) "<devicemodel name='" name "'><capability name='ui'/></devicemodel>"

    DO_TEST("Nine device models",
            DM("1") DM("2") DM("3") DM("4") DM("5") DM("6") DM("7") DM("8") DM("nine"), true,
            "unsupported configuration: device model 'nine' is one too many, "
            "the domain has 9 device models and may have 8 at most");
    DO_TEST("ui in one that is not the first",
            "<devicemodel name='lan'><interface mac='" TEST_NIC1_MAC "'/></devicemodel>"
            DM("main"), true, NULL);
    DO_TEST("Primary without anything of its own",
            MAIN("") "<devicemodel name='disk'><capability name='ide'/></devicemodel>", true, NULL);
    DO_TEST("Name twice",
            "<devicemodel name='lan'/><devicemodel name='lan'/>", true,
            "unsupported configuration: device model 'lan' has the name of device model 'lan', "
            "expected names that differ in more than upper and lower case");
    DO_TEST("Name in upper and lower case",
            "<devicemodel name='lan'/><devicemodel name='LAN'/>", true,
            "unsupported configuration: device model 'LAN' has the name of device model 'lan', "
            "expected names that differ in more than upper and lower case");
    DO_TEST("Capability in two device models",
            MAIN("<capability name='ide'/><capability name='audio'/>")
            "<devicemodel name='disk'><capability name='audio'/></devicemodel>", true,
            "unsupported configuration: device model 'disk' has the capability 'audio' of "
            "device model 'main', expected it in one device model at most");
    DO_TEST("ui in two device models", MAIN("<capability name='ui'/>") DM("other"), true,
            "unsupported configuration: device model 'other' has the capability 'ui' of "
            "device model 'main', expected it in one device model at most");
    DO_TEST("Emulator relative", MAIN("<emulator>qemu</emulator>"), false,
            "unsupported configuration: device model 'main' has the emulator 'qemu', "
            "expected an absolute path");
    DO_TEST("Secondary with nothing to emulate",
            MAIN("") "<devicemodel name='idle'><emulator>/bin/a</emulator></devicemodel>", true,
            "unsupported configuration: device model 'idle' has nothing to emulate, expected a "
            "capability or an interface in all device models but the primary 'main'");
    DO_TEST("First of two with nothing to emulate",
            "<devicemodel name='idle'/>" MAIN("<capability name='ui'/>"), true,
            "unsupported configuration: device model 'idle' has nothing to emulate, expected a "
            "capability or an interface in all device models but the primary 'main'");

#define BOTH(main, lan) \
    MAIN(main) "<devicemodel name='lan'><interface alias='ua-lan'/>" lan "</devicemodel>"
#define PRIMARY_ACTION(action) \
    "unsupported configuration: device model 'main' is the primary and has the failure " \
    "action '" action "', expected one in a secondary: the domain ends with its primary, " \
    "as its on_crash says"

    DO_TEST("Failure action of a secondary", BOTH("", "<failure action='ignore'/>"), true, NULL);
    DO_TEST("Restart of a secondary", BOTH("", "<failure action='restart'/>"), true, NULL);
    DO_TEST("Restart of the primary", BOTH("<failure action='restart'/>", ""), true,
            PRIMARY_ACTION("restart"));
    DO_TEST("Failure action of the primary", BOTH("<failure action='pause'/>", ""), true,
            PRIMARY_ACTION("pause"));
    DO_TEST("Failure action of the only device model", MAIN("<failure action='ignore'/>"), true,
            PRIMARY_ACTION("ignore"));

    DO_TEST("Failure limit of the primary", BOTH("<failure limit='0'/>", ""), true,
            "unsupported configuration: device model 'main' is the primary and has the failure "
            "limit '0', expected one in a secondary: the primary is not looked at");
    DO_TEST("Failure limit of none", BOTH("", "<failure limit='0'/>"), true, NULL);
    DO_TEST("Failure limit at least", BOTH("", "<failure limit='3'/>"), true, NULL);
    DO_TEST("Failure limit at most", BOTH("", "<failure limit='3600'/>"), true, NULL);
    DO_TEST("Failure limit with leading zeros", BOTH("", "<failure limit='0010'/>"), true, NULL);

#undef PRIMARY_ACTION
#undef BOTH
#undef DM

    return ret;
}


static int
testInterfaceRules(void)
{
    int ret = 0;

#define LAN(content) MAIN("") "<devicemodel name='lan'>" content "</devicemodel>"
#define ERROR "unsupported configuration: device model 'lan' refers to the interface "

    DO_TEST("Interface that no mac fits",
            LAN("<interface mac='00:16:3e:00:00:09'/>"), true,
            ERROR "mac='00:16:3e:00:00:09', expected the mac or alias of an interface of the domain");
    DO_TEST("Interface that no alias fits",
            LAN("<interface alias='ua-wan'/>"), true,
            ERROR "alias='ua-wan', expected the mac or alias of an interface of the domain");
    DO_TEST("Interface alias in another case",
            LAN("<interface alias='ua-LAN'/>"), true,
            ERROR "alias='ua-LAN', expected the mac or alias of an interface of the domain");
    DO_TEST("Interface alias of the driver",
            LAN("<interface alias='net0'/>"), false,
            ERROR "alias 'net0', expected an alias that begins with 'ua-'");
    DO_TEST("Interface alias empty",
            LAN("<interface alias=''/>"), false,
            ERROR "alias '', expected an alias that begins with 'ua-'");
    DO_TEST("Interface by a mac in capitals in one device model, in small letters in another",
            MAIN("<interface mac='00:16:3E:00:00:01'/>")
            "<devicemodel name='lan'><interface mac='00:16:3e:00:00:01'/></devicemodel>", true,
            ERROR "mac='" TEST_NIC1_MAC "', which device model 'main' has already, "
            "expected it in one device model and once");
    DO_TEST("Interface twice in one device model",
            LAN("<interface mac='" TEST_NIC1_MAC "'/><interface mac='" TEST_NIC1_MAC "'/>"), true,
            ERROR "mac='" TEST_NIC1_MAC "', which device model 'lan' has already, "
            "expected it in one device model and once");
    DO_TEST("Interface in two device models",
            MAIN("<interface mac='" TEST_NIC1_MAC "'/>")
            "<devicemodel name='lan'><interface mac='" TEST_NIC1_MAC "'/></devicemodel>", true,
            ERROR "mac='" TEST_NIC1_MAC "', which device model 'main' has already, "
            "expected it in one device model and once");
    DO_TEST("Interface by mac in one device model, by alias in another",
            MAIN("<interface mac='" TEST_NIC2_MAC "'/>")
            "<devicemodel name='lan'><interface alias='ua-lan'/></devicemodel>", true,
            ERROR "alias='ua-lan', which device model 'main' has already, "
            "expected it in one device model and once");
    DO_TEST("Interface by a mac that two have",
            LAN("<interface mac='" TEST_TWIN_MAC "'/>"), true,
            ERROR "mac='" TEST_TWIN_MAC "', which 2 interfaces of the domain have, "
            "expected a reference by alias");
    DO_TEST("Interfaces with one mac by alias",
            LAN("<interface alias='ua-twin0'/><interface alias='ua-twin1'/>"), true, NULL);

#undef ERROR

    return ret;
}

#undef DO_TEST


static int
testLiveRefusals(void)
{
    int ret = 0;

#define DO_TEST_FULL(_name, _devices, _error) \
    do { \
        static const struct testRefusalData data = { .devices = _devices, .error = _error }; \
        if (virTestRun(_name, testRefusalLive, &data) < 0) \
            ret = -1; \
    } while (0)
#define DO_TEST(name, attrs, error) \
    DO_TEST_FULL(name, "<devicemodel name='lan' " attrs "/>", error)
#define DO_TEST_FAILURE(name, failure, error) \
    DO_TEST_FULL("Live failure " name, "<devicemodel name='lan'>" failure "</devicemodel>", \
                 "device model 'lan': XML error: " error)
#define INVALID(attr, value) \
    "Invalid value for attribute '" attr "' in element 'failure': '" value "'."
#define DO_TEST_TIME(name, time) \
    DO_TEST_FAILURE(name, TEST_FAILURE("1", time), INVALID("last", time))

    DO_TEST("Live id negative", "id='-1'",
            "device model 'lan': XML error: Invalid value for attribute 'id' in element "
            "'devicemodel': '-1'. Expected non-negative value");
    DO_TEST("Live state unknown", "state='lost'",
            "device model 'lan': XML error: Invalid value for attribute 'state' in element "
            "'devicemodel': 'lost'.");
    DO_TEST("Live state none", "state='none'",
            "device model 'lan': XML error: Invalid value for attribute 'state' in element "
            "'devicemodel': 'none'.");

    DO_TEST_FAILURE("that never was", TEST_FAILURE("0", "2026-11-26T11:20:00Z"),
                    "Invalid value for attribute 'count' in element 'failure': Zero is not permitted");
    DO_TEST_FAILURE("less than never", TEST_FAILURE("-1", "2026-11-26T11:20:00Z"),
                    INVALID("count", "-1") " Expected non-negative integer value");
    DO_TEST_FAILURE("too often", TEST_FAILURE("4294967296", "2026-11-26T11:20:00Z"),
                    INVALID("count", "4294967296") " Expected non-negative integer value");
    DO_TEST_FAILURE("without a time", "<failure count='1' reason='r'/>",
                    "Missing required attribute 'last' in element 'failure'");
    DO_TEST_FAILURE("without a reason", "<failure count='1' last='2026-11-26T11:20:00Z'/>",
                    "Missing required attribute 'reason' in element 'failure'");
    DO_TEST_TIME("at no time", "now");
    DO_TEST_TIME("in the 13th month", "2026-13-26T11:20:00Z");
    DO_TEST_TIME("at a local time", "2026-11-26T11:20:00+01:00");
    DO_TEST_TIME("at a time of nowhere", "2026-11-26T11:20:00");
    DO_TEST_TIME("at a time in fractions", "2026-11-26T11:20:00.5Z");
    DO_TEST_TIME("on a day of a week", "2026-W48-4T11:20:00Z");

#undef DO_TEST_TIME
#undef INVALID
#undef DO_TEST_FAILURE
#undef DO_TEST
#undef DO_TEST_FULL

    return ret;
}


static int
testABIStability(void)
{
    int ret = 0;

#define DO_TEST(_name, _src, _dst, _error) \
    do { \
        static const struct testABIData data = { \
            .src = _src, .dst = _dst, .error = _error, \
        }; \
        if (virTestRun("ABI stability: " _name, testABI, &data) < 0) \
            ret = -1; \
    } while (0)

#define DM_LAN_NIC2 \
    "<devicemodel name='lan'><interface mac='" TEST_NIC2_MAC "'/></devicemodel>"
#define LAN_NIC2 MAIN("") DM_LAN_NIC2
#define WAN_NIC1 \
    "<devicemodel name='wan'><interface mac='" TEST_NIC1_MAC "'/></devicemodel>"

    DO_TEST("same", LAN_NIC2, LAN_NIC2, NULL);
    DO_TEST("other emulator", LAN_NIC2,
            LAN("<emulator>/bin/a</emulator><interface mac='" TEST_NIC2_MAC "'/>"), NULL);
    DO_TEST("other failure action", LAN_NIC2,
            LAN("<interface mac='" TEST_NIC2_MAC "'/><failure action='destroy'/>"), NULL);
    DO_TEST("other failure limit", LAN_NIC2,
            LAN("<interface mac='" TEST_NIC2_MAC "'/><failure limit='0'/>"), NULL);
    DO_TEST("same interface by alias", LAN_NIC2, LAN("<interface alias='ua-lan'/>"), NULL);
    DO_TEST("device model removed", LAN_NIC2, MAIN(""),
            "unsupported configuration: Target domain device model count 1 does not match source 2");
    DO_TEST("device model added to none", "", MAIN(""),
            "unsupported configuration: Target domain device model count 1 does not match source 0");
    DO_TEST("device models in another order", LAN_NIC2 WAN_NIC1, MAIN("") WAN_NIC1 DM_LAN_NIC2,
            "unsupported configuration: Target domain device model 'wan' does not match source 'lan'");
    DO_TEST("device model renamed", MAIN(""), "<devicemodel name='first'/>",
            "unsupported configuration: Target domain device model 'first' does not match source 'main'");
    DO_TEST("capability moved", MAIN("<capability name='ui'/>"),
            MAIN("<capability name='serial'/><capability name='ui'/>"),
            "unsupported configuration: Target device model 'main' capabilities 'ui, serial' "
            "do not match source 'ui'");
    DO_TEST("interface added", LAN_NIC2,
            LAN("<interface mac='" TEST_NIC2_MAC "'/><interface mac='" TEST_NIC1_MAC "'/>"),
            "unsupported configuration: Target device model 'lan' interface count 2 "
            "does not match source 1");
    DO_TEST("interface changed", LAN_NIC2, LAN("<interface mac='" TEST_NIC1_MAC "'/>"),
            "unsupported configuration: Target device model 'lan' interface mac='" TEST_NIC1_MAC "' "
            "does not match source mac='" TEST_NIC2_MAC "'");
    DO_TEST("interface that the target does not have", LAN_NIC2,
            LAN("<interface mac='00:16:3e:00:00:09'/>"),
            "unsupported configuration: Target device model 'lan' interface mac='00:16:3e:00:00:09' "
            "does not match source mac='" TEST_NIC2_MAC "'");
    DO_TEST("interfaces in another order",
            LAN("<interface mac='" TEST_NIC1_MAC "'/><interface alias='ua-lan'/>"),
            LAN("<interface alias='ua-lan'/><interface mac='" TEST_NIC1_MAC "'/>"),
            "unsupported configuration: Target device model 'lan' interface alias='ua-lan' "
            "does not match source mac='" TEST_NIC1_MAC "'");
    DO_TEST("interface changed to one with the same mac",
            LAN("<interface alias='ua-twin0'/>"), LAN("<interface alias='ua-twin1'/>"),
            "unsupported configuration: Target device model 'lan' interface alias='ua-twin1' "
            "does not match source alias='ua-twin0'");

#undef WAN_NIC1
#undef LAN_NIC2
#undef DM_LAN_NIC2
#undef DO_TEST

    if (virTestRun("ABI stability: live attributes", testABILive, NULL) < 0)
        ret = -1;
    if (virTestRun("ABI stability: aliases exchanged", testABIAliases, NULL) < 0)
        ret = -1;

    return ret;
}


static int
testPlacements(void)
{
    int ret = 0;

#define DO_TEST(_name, ...) \
    do { \
        static const struct testPlacementData data = { __VA_ARGS__ }; \
        if (virTestRun("Placement: " _name, testPlacement, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("no device model", .devices = "");
    DO_TEST("the first is the primary",
            .devices = LAN("<capability name='serial'/><interface alias='ua-lan'/>"),
            .primary = "main",
            .caps = { "main", "main", "lan", "main" },
            .nets = { "main", "lan", "main", "main" });
    DO_TEST("the one with ui is the primary",
            .devices = "<devicemodel name='lan'>"
                       "<interface mac='" TEST_NIC1_MAC "'/><interface alias='ua-twin1'/>"
                       "</devicemodel>" MAIN("<capability name='ui'/>"),
            .primary = "main",
            .caps = { "main", "main", "main", "main" },
            .nets = { "lan", "main", "main", "lan" });

#undef DO_TEST

    return ret;
}

#undef MAIN
#undef LAN


static int
testSchemas(void)
{
    int ret = 0;

#define DO_TEST(schema) \
    do { \
        if (virTestRun("Schema " schema, testSchemaIncluded, schema) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("domainbackup.rng");
    DO_TEST("domaincheckpoint.rng");
    DO_TEST("domainsnapshot.rng");
    DO_TEST("inactiveDomain.rng");

#undef DO_TEST

    if (virTestRun("Schema of a snapshot", testSchemaSnapshot, NULL) < 0)
        ret = -1;

    return ret;
}


static int
mymain(void)
{
    g_autofree char *schema = g_strdup_printf("%s/src/conf/schemas/domain.rng",
                                              abs_top_srcdir);
    int ret = 0;

    if (!(validator = virXMLValidatorInit(schema)))
        return EXIT_FAILURE;

    xmlopt = virDomainXMLOptionNew(&testParserConfig, NULL, NULL, NULL, NULL, NULL);
    xmloptUnsupported = virDomainXMLOptionNew(&testParserConfigUnsupported,
                                              NULL, NULL, NULL, NULL, NULL);

    if (testRoundTrips() < 0 ||
        virTestRun("Live attributes", testLive, NULL) < 0 ||
        virTestRun("Copy", testCopy, NULL) < 0 ||
        virTestRun("Failures", testSetFailed, NULL) < 0 ||
        virTestRun("Failure actions and limits", testGetFailure, NULL) < 0)
        ret = -1;

    if (testSchemas() < 0)
        ret = -1;

    if (testMalformedNames() < 0)
        ret = -1;
    if (testMalformedContent() < 0)
        ret = -1;
    if (testMACs() < 0)
        ret = -1;
    if (testRules() < 0)
        ret = -1;
    if (testInterfaceRules() < 0)
        ret = -1;
    if (testLiveRefusals() < 0)
        ret = -1;
    if (virTestRun("Without validation", testSkipValidate, NULL) < 0)
        ret = -1;
    if (virTestRun("Without driver support", testUnsupported, NULL) < 0)
        ret = -1;

    if (testABIStability() < 0)
        ret = -1;
    if (testPlacements() < 0)
        ret = -1;
    if (virTestRun("Find an interface", testFindNet, NULL) < 0)
        ret = -1;

    virXMLValidatorFree(validator);
    virObjectUnref(xmloptUnsupported);
    virObjectUnref(xmlopt);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
