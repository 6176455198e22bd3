/*
 * libxldevicemodelstatustest.c: what the status file says of secondaries
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <unistd.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "conf/domain_devicemodel.h"
#include "libxl/libxl_devicemodel.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestutils.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

static libxlDriverPrivate *driver;

#define TEST_STATUS_LAN \
    "  <devicemodel domid='7' id='1' uid='64001' state='running' name='lan' ioservid='3' " \
    "slots='0x80000000' irqs='0x0' pidfile='/run/a&amp;b/7-1.pid' socket='/run/a&amp;b/7-1.qmp' " \
    "registers='/run/a&amp;b/7-1.regs'/>\n"
#define TEST_STATUS_WAN \
    "  <devicemodel domid='7' id='2' uid='64002' state='starting' name='wan' ioservid='0' " \
    "slots='0x0' irqs='0xc018' pidfile='/run/a&amp;b/7-2.pid' socket='/run/a&amp;b/7-2.qmp'>\n" \
    "    <tap ifindex='12'/>\n" \
    "    <tap ifindex='13'/>\n" \
    "  </devicemodel>\n"

#define TEST_STATUS_MACHINE(machine) \
    "<devicemodels>\n  <machine " machine "/>\n" TEST_STATUS_LAN "</devicemodels>\n"
#define TEST_STATUS_FULL(uid, state, interrupts) \
    "  <devicemodel domid='7' id='1' uid='" #uid "'" state " name='lan' ioservid='3'" \
    interrupts " pidfile='/p' socket='/s'/>\n"
#define TEST_STATUS_STATE(uid, state) \
    TEST_STATUS_FULL(uid, state, " slots='0x0' irqs='0x0'")
#define TEST_STATUS_INTERRUPTS(interrupts) \
    "<devicemodels>\n" TEST_STATUS_FULL(64001, " state='running'", interrupts) "</devicemodels>\n"

#define TEST_STATUS_THROTTLE(restarted, ends) \
    "<devicemodels>\n  <devicemodel domid='7' id='1' uid='64001' state='failed' pending='yes' " \
    "name='lan' ioservid='3' slots='0x0' irqs='0x0' pidfile='/p' socket='/s' restarted='" \
    restarted "'>\n" ends "    <tap ifindex='12'/>\n  </devicemodel>\n</devicemodels>\n"

struct testStatusData {
    const char *status;
    const char *again; /* as it is written, where that differs */
    size_t ndms;
    const char *error;
};

static int
testStatusOf(virDomainObj *vm,
             const struct testStatusData *data)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    g_autofree char *xml = g_strdup_printf("<domstatus>%s</domstatus>", data->status);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    int rc;

    if (!(doc = virXMLParseStringCtxt(xml, "status", &ctxt)))
        return -1;

    rc = libxlDeviceModelsParseStatus(ctxt, vm);
    if (libxlDeviceModelTestOutcome(rc, NULL, data->error) < 0)
        return -1;
    if (rc < 0)
        return 0;

    if (priv->ndevicemodels != data->ndms)
        return -1;

    /* a process is looked for when the daemon connects to the domain */
    if (data->ndms > 0 &&
        (priv->devicemodels[0]->process.pid != -1 || priv->devicemodels[0]->process.pidfd != -1))
        return -1;

    /* the cgroup has no other name than for the daemon that made it */
    if (data->ndms > 0 &&
        virTestCompareToString("xen-7-1-lan", priv->devicemodels[0]->cgroup) < 0)
        return -1;

    libxlDeviceModelsFormatStatus(&buf, vm);

    return virTestCompareToString(data->again ? data->again : data->status,
                                  NULLSTR_EMPTY(virBufferCurrentContent(&buf)));
}


static int
testStatus(const void *opaque)
{
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    int ret;

    vm->def = virDomainDefNew(driver->xmlopt);
    ret = testStatusOf(vm, opaque);

    virDomainObjEndAPI(&vm);
    return ret;
}


static int
testStatuses(void)
{
    int ret = 0;

#define DO_TEST_FULL(name, _status, _again, _ndms, _error) \
    do { \
        static const struct testStatusData data = { \
            .status = _status, .again = _again, .ndms = _ndms, .error = _error, \
        }; \
        if (virTestRun("Status " name, testStatus, &data) < 0) \
            ret = -1; \
    } while (0)
#define DO_TEST(name, _status, _ndms, _error) DO_TEST_FULL(name, _status, NULL, _ndms, _error)
#define DO_TEST_STATE(name, complete, uid, state) \
    DO_TEST_FULL("from before states: " name, \
                 "<devicemodels" complete ">\n" TEST_STATUS_FULL(uid, "", "") "</devicemodels>\n", \
                 "<devicemodels" complete ">\n" TEST_STATUS_STATE(uid, " state='" state "'") "</devicemodels>\n", \
                 1, NULL)
#define INVALID(attr, value) \
    "XML error: Invalid value for attribute '" attr "' in element 'devicemodel': '" value "'."
#define NONNEGATIVE " Expected non-negative integer value"
#define MISSING(attr) \
    "XML error: Missing required attribute '" attr "' in element 'devicemodel'"

    DO_TEST("without secondaries", "", 0, NULL);
    DO_TEST("with secondaries",
            "<devicemodels>\n" TEST_STATUS_LAN TEST_STATUS_WAN "</devicemodels>\n", 2, NULL);
    DO_TEST("while it is saved",
            "<devicemodels complete='yes' saving='yes'>\n" TEST_STATUS_LAN TEST_STATUS_WAN "</devicemodels>\n", 2, NULL);
    DO_TEST("with complete secondaries",
            "<devicemodels complete='yes'>\n" TEST_STATUS_LAN TEST_STATUS_WAN "</devicemodels>\n", 2, NULL);
    DO_TEST("with one that ends",
            "<devicemodels>\n" TEST_STATUS_STATE(64001, " state='ending'") "</devicemodels>\n", 1, NULL);
    DO_TEST("with one that has failed",
            "<devicemodels>\n" TEST_STATUS_STATE(64001, " state='failed'") "</devicemodels>\n", 1, NULL);
    DO_TEST("with one that has ended",
            "<devicemodels>\n" TEST_STATUS_STATE(0, " state='ended'") "</devicemodels>\n", 1, NULL);
    DO_TEST("with one whose guest is held",
            "<devicemodels>\n" TEST_STATUS_STATE(64001, " state='failed' pending='yes' holds='yes' held='yes'")
            "</devicemodels>\n", 1, NULL);
    DO_TEST("with one that can be saved",
            "<devicemodels>\n" TEST_STATUS_STATE(64001, " state='running' saves='yes'")
            "</devicemodels>\n", 1, NULL);
    DO_TEST("with one that can perhaps be saved",
            "<devicemodels>\n" TEST_STATUS_STATE(64001, " state='running' saves='perhaps'")
            "</devicemodels>\n", 0, INVALID("saves", "perhaps"));
    DO_TEST("with one whose guest may be held",
            "<devicemodels>\n" TEST_STATUS_STATE(64001, " state='running' held='perhaps'")
            "</devicemodels>\n", 0, INVALID("held", "perhaps"));
    DO_TEST("with one that is restarted",
            TEST_STATUS_THROTTLE("81203456999", "    <end at='81203456789'/>\n    <end at='5'/>\n"),
            1, NULL);
    DO_TEST("with one that was restarted before the host was started",
            TEST_STATUS_THROTTLE("-1", ""), 0,
            INVALID("restarted", "-1") " Expected non-negative value");
    DO_TEST("with one that has ended, nobody knows when",
            TEST_STATUS_THROTTLE("5", "    <end/>\n"), 0,
            "XML error: Missing required attribute 'at' in element 'end'");
    DO_TEST_FULL("with one that has ended more often than counts",
                 TEST_STATUS_THROTTLE("9", "<end at='6'/><end at='5'/><end at='4'/><end at='3'/>"
                                           "<end at='2'/><end at='1'/>"),
                 TEST_STATUS_THROTTLE("9", "    <end at='6'/>\n    <end at='5'/>\n    <end at='4'/>\n"
                                           "    <end at='3'/>\n    <end at='2'/>\n"), 1, NULL);
    DO_TEST_STATE("running", " complete='yes'", 64001, "running");
    DO_TEST_STATE("incomplete", "", 64001, "ending");
    DO_TEST_STATE("left over", " complete='yes'", 0, "ended");
    DO_TEST("with an unknown state",
            "<devicemodels>" TEST_STATUS_STATE(64001, " state='lost'") "</devicemodels>",
            0, "XML error: Invalid value for attribute 'state' in element 'devicemodel': 'lost'.");
    DO_TEST_FULL("from before interrupts", TEST_STATUS_INTERRUPTS(""),
                 TEST_STATUS_INTERRUPTS(" slots='0x0' irqs='0x0'"), 1, NULL);
    DO_TEST("with all interrupts",
            TEST_STATUS_INTERRUPTS(" slots='0xffffffff' irqs='0xffff'"), 1, NULL);
    DO_TEST("with a slot too many",
            TEST_STATUS_INTERRUPTS(" slots='0x100000000' irqs='0x0'"), 0,
            INVALID("slots", "0x100000000") NONNEGATIVE);
    DO_TEST("with an interrupt too many",
            TEST_STATUS_INTERRUPTS(" slots='0x0' irqs='0x10000'"), 0,
            INVALID("irqs", "65536") " Expected at most 65535");
    DO_TEST("with negative slots",
            TEST_STATUS_INTERRUPTS(" slots='-1' irqs='0x0'"), 0, INVALID("slots", "-1") NONNEGATIVE);
    DO_TEST("with slots that are no number",
            TEST_STATUS_INTERRUPTS(" slots='lan' irqs='0x0'"), 0, INVALID("slots", "lan") NONNEGATIVE);
    DO_TEST("with a machine", TEST_STATUS_MACHINE("memory='256' vcpus='4'"), 1, NULL);
    DO_TEST("with the largest machine",
            TEST_STATUS_MACHINE("memory='4294967296' vcpus='8192'"), 1, NULL);
    DO_TEST("with too much memory", TEST_STATUS_MACHINE("memory='4294967297' vcpus='4'"), 0,
            "XML error: Invalid value for attribute 'memory' in element 'machine': '4294967297'. "
            "Expected at most 4294967296");
    DO_TEST("with too many vCPUs", TEST_STATUS_MACHINE("memory='256' vcpus='8193'"), 0,
            "XML error: Invalid value for attribute 'vcpus' in element 'machine': '8193'. "
            "Expected at most 8192");
    DO_TEST("with no memory", TEST_STATUS_MACHINE("memory='0' vcpus='4'"), 0,
            "XML error: Invalid value for attribute 'memory' in element 'machine': Zero is not permitted");
    DO_TEST("with no vCPUs", TEST_STATUS_MACHINE("memory='256' vcpus='0'"), 0,
            "XML error: Invalid value for attribute 'vcpus' in element 'machine': Zero is not permitted");
    DO_TEST("with a negative number of vCPUs", TEST_STATUS_MACHINE("memory='256' vcpus='-1'"), 0,
            "XML error: Invalid value for attribute 'vcpus' in element 'machine': '-1'. "
            "Expected non-negative integer value");
    DO_TEST("without memory", TEST_STATUS_MACHINE("vcpus='4'"), 0,
            "XML error: Missing required attribute 'memory' in element 'machine'");
    DO_TEST("tap without number",
            "<devicemodels><devicemodel domid='7' id='1' uid='64001' ioservid='3' name='lan' pidfile='/p' socket='/s'>"
            "<tap/></devicemodel></devicemodels>",
            0, "XML error: Missing required attribute 'ifindex' in element 'tap'");
    DO_TEST("without id",
            "<devicemodels><devicemodel domid='7' uid='64001' ioservid='3' name='lan' pidfile='/p' socket='/s'/></devicemodels>",
            0, MISSING("id"));
    DO_TEST("without uid",
            "<devicemodels><devicemodel domid='7' id='1' ioservid='3' name='lan' pidfile='/p' socket='/s'/></devicemodels>",
            0, MISSING("uid"));
    DO_TEST("without name",
            "<devicemodels><devicemodel domid='7' id='1' uid='64001' ioservid='3' pidfile='/p' socket='/s'/></devicemodels>",
            0, MISSING("name"));
    DO_TEST("without pidfile",
            "<devicemodels><devicemodel domid='7' id='1' uid='64001' ioservid='3' name='lan' socket='/s'/></devicemodels>",
            0, MISSING("pidfile"));
    DO_TEST("without socket",
            "<devicemodels><devicemodel domid='7' id='1' uid='64001' ioservid='3' name='lan' pidfile='/p'/></devicemodels>",
            0, MISSING("socket"));
    DO_TEST("with a malformed id",
            "<devicemodels><devicemodel domid='7' id='x' uid='64001' ioservid='3' name='lan' pidfile='/p' socket='/s'/></devicemodels>",
            0, "XML error: Invalid value for attribute 'id' in element 'devicemodel': 'x'. "
            "Expected non-negative integer value");

#undef MISSING
#undef NONNEGATIVE
#undef INVALID
#undef DO_TEST_STATE
#undef DO_TEST
#undef DO_TEST_FULL

    return ret;
}


/* What is in a status file, and which serial ports the guest has. */
struct testPortsData {
    const char *devicemodels;
    const char *status; /* as it is parsed, NULL for none */
    const char *again;
    int ports[3];
    bool stopped; /* the domain does not run: an earlier one has left the file */
};

static int
testPortsOf(virDomainObj *vm,
            const struct testPortsData *data)
{
    g_autofree char *xml = g_strdup_printf("<domstatus>%s</domstatus>", NULLSTR_EMPTY(data->status));
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    size_t i;

    if (!(doc = virXMLParseStringCtxt(xml, "status", &ctxt)) ||
        libxlDeviceModelsParseStatus(ctxt, vm) < 0)
        return -1;

    for (i = 0; i < G_N_ELEMENTS(data->ports); i++) {
        if (vm->def->serials[i]->target.port != data->ports[i]) {
            VIR_TEST_VERBOSE("port %zu is %d", i, vm->def->serials[i]->target.port);
            return -1;
        }
    }

    libxlDeviceModelsFormatStatus(&buf, vm);
    return virTestCompareToString(data->again, NULLSTR_EMPTY(virBufferCurrentContent(&buf)));
}


static int
testPorts(const void *opaque)
{
    const struct testPortsData *data = opaque;
    g_autofree char *devices =
        g_strconcat(data->devicemodels,
                    "<serial type='file'><source path='/a'/><target port='3'/></serial>"
                    "<serial type='pty'><target port='1'/></serial>"
                    "<serial type='null'><target port='0'/></serial>", NULL);
    g_autofree char *xml = libxlDeviceModelTestDomainXML(NULL, devices);
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    int ret = -1;

    /* as a definition that a status file has */
    if ((vm->def = virDomainDefParseString(xml, driver->xmlopt, NULL,
                                           VIR_DOMAIN_DEF_PARSE_STATUS |
                                           VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE))) {
        vm->def->id = data->stopped ? -1 : 7;
        ret = testPortsOf(vm, data);
    }

    virDomainObjEndAPI(&vm);
    return ret;
}


static int
testAllPorts(void)
{
    int ret = 0;

#define DO_TEST(name, ...) \
    do { \
        static const struct testPortsData data = { __VA_ARGS__ }; \
        if (virTestRun("Serial ports " name, testPorts, &data) < 0) \
            ret = -1; \
    } while (0)
#define TWO "<devicemodel name='main'/><devicemodel name='com'><capability name='serial'/></devicemodel>"

    DO_TEST("by number", TWO, "<devicemodels uarts='numbered'/>",
            "<devicemodels uarts='numbered'/>\n", { 3, 1, 0 }, false);
    DO_TEST("from before their numbers counted", TWO, "<devicemodels complete='yes'/>",
            "<devicemodels uarts='numbered' complete='yes'/>\n", { 0, 1, 2 }, false);
    DO_TEST("of a start after one from before", TWO, "<devicemodels/>",
            "<devicemodels uarts='numbered'/>\n", { 3, 1, 0 }, true);
    DO_TEST("of the primary, from before their numbers counted",
            "<devicemodel name='main'/>", NULL, "<devicemodels uarts='numbered'/>\n", { 0, 1, 2 }, false);
    DO_TEST("without device models", "", NULL, "", { 3, 1, 0 }, false);

#undef TWO
#undef DO_TEST

    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testXLInitDriver()))
        return EXIT_FAILURE;

    if (testStatuses() < 0 ||
        testAllPorts() < 0)
        ret = -1;

    unlink("libxl-driver.log");
    testXLFreeDriver(driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
