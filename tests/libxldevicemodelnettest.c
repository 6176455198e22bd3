/*
 * libxldevicemodelnettest.c: the taps of a secondary's NICs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stands in for the host's interfaces and for the helpers of libvirt that plug
 * them.
 */

#include <config.h>

#include <fcntl.h>
#include <net/if.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "domain_interface.h"
#include "libxl/libxl_devicemodel_net.h"
#include "libxldevicemodeltestutils.h"
#include "viralloc.h"
#include "virfile.h"
#include "virnetdev.h"
#include "virnetdevtap.h"
#include "virnetdevveth.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DEVICES(net) \
    "<emulator>/bin/true</emulator><devicemodel name='main'/>" \
    "<devicemodel name='lan'><interface mac='00:16:3e:00:00:02'/></devicemodel>" \
    net

#define TEST_NET(type, source, target) \
    "<interface type='" type "'><mac address='00:16:3e:00:00:02'/>" source \
    "<target " target "/><model type='e1000'/></interface>"

#define TEST_BRIDGE TEST_NET("bridge", "<source bridge='xenbr0'/>", "dev='lan0'")
#define TEST_ETHERNET TEST_NET("ethernet", "", "dev='lan0'")
#define TEST_JUMBO \
    TEST_NET("bridge", "<source bridge='xenbr0'/><mtu size='9000'/>", "dev='lan0'")
#define TEST_GIANT \
    TEST_NET("bridge", "<source bridge='xenbr0'/><mtu size='9001'/>", "dev='lan0'")
#define TEST_UNMANAGED TEST_NET("ethernet", "", "dev='lan0' managed='no'")

/* the number of the interface that is made, and of one that was there */
#define TEST_TAP 12
#define TEST_STRANGER 5

static libxlDriverPrivate *driver;

/* One interface of the host, called lan0, and what was done to it. */
static struct {
    unsigned int ifindex; /* 0: there is none */
    bool fails; /* to be deleted */
    bool open; /* somebody has it open */
    bool stranger; /* it is no tap */
    unsigned int mtu; /* 0: nobody has set it */
    size_t nstopped;
} testHost;


unsigned int
if_nametoindex(const char *name)
{
    return STREQ(name, "lan0") ? testHost.ifindex : 0;
}


char *
if_indextoname(unsigned int ifindex,
               char name[IF_NAMESIZE])
{
    if (ifindex == 0 || ifindex != testHost.ifindex)
        return NULL;

    g_strlcpy(name, "lan0", IF_NAMESIZE);
    return name;
}


/* The kernel says of a tap what it can do, and of no other interface. */
bool
virFileExists(const char *path)
{
    const char *name = STRSKIP(path, "/sys/class/net/");

    if (!name)
        return access(path, F_OK) == 0;

    return STREQ(name, "lan0/tun_flags") && testHost.ifindex != 0 && !testHost.stranger;
}


static int
testDeleteLink(const char *ifname,
               bool refused)
{
    if (refused || testHost.fails || STRNEQ(ifname, "lan0") || testHost.ifindex == 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "no such interface");
        return -1;
    }

    testHost.ifindex = 0;
    return 0;
}


/* Opens the tap, which nobody can while somebody else has it open. */
int
virNetDevTapDelete(const char *ifname,
                   const char *tunpath G_GNUC_UNUSED)
{
    return testDeleteLink(ifname, testHost.open || testHost.stranger);
}


/* Deletes any interface. */
int
virNetDevVethDelete(const char *veth)
{
    return testDeleteLink(veth, false);
}


/* An interface that somebody else may have made is left as it is. */
int
virNetDevSetMTU(const char *ifname,
                int mtu)
{
    if (STRNEQ(ifname, "lan0") || testHost.ifindex != TEST_TAP || mtu > 9000) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "the MTU cannot be set");
        return -1;
    }

    testHost.mtu = mtu;
    return 0;
}


static int
testPlug(virDomainNetDef *net,
         int *tapfd)
{
    bool managed = net->managed_tap != VIR_TRISTATE_BOOL_NO;

    if (managed && testHost.ifindex != 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", "the interface already exists");
        return -1;
    }

    if (managed)
        testHost.ifindex = TEST_TAP;
    *tapfd = open("/dev/null", O_RDWR);
    return 0;
}


int
virDomainInterfaceBridgeConnect(virDomainDef *def G_GNUC_UNUSED,
                                virDomainNetDef *net,
                                int *tapfd,
                                size_t *tapfdSize G_GNUC_UNUSED,
                                bool privileged G_GNUC_UNUSED,
                                ebtablesContext *ebtables G_GNUC_UNUSED,
                                bool macFilter G_GNUC_UNUSED,
                                const char *bridgeHelperName G_GNUC_UNUSED)
{
    return testPlug(net, tapfd);
}


int
virDomainInterfaceEthernetConnect(virDomainDef *def G_GNUC_UNUSED,
                                  virDomainNetDef *net,
                                  ebtablesContext *ebtables G_GNUC_UNUSED,
                                  bool macFilter G_GNUC_UNUSED,
                                  bool privileged G_GNUC_UNUSED,
                                  int *tapfd,
                                  size_t tapfdSize G_GNUC_UNUSED)
{
    return testPlug(net, tapfd);
}


int
virDomainInterfaceStartDevice(virDomainNetDef *net G_GNUC_UNUSED)
{
    return 0;
}


int
virDomainInterfaceStopDevice(virDomainNetDef *net G_GNUC_UNUSED)
{
    testHost.nstopped++;
    return 0;
}


int
virDomainInterfaceClearQoS(virDomainDef *def G_GNUC_UNUSED,
                           virDomainNetDef *net G_GNUC_UNUSED)
{
    return 0;
}


struct testNetData {
    const char *net;
    unsigned int before; /* number of an interface that is there */
    const char *error; /* why the NIC cannot be plugged */
    unsigned int mtu; /* that it gets */
    bool persists; /* the interface is there when the secondary has ended */
    unsigned int after; /* number of one that was made meanwhile */
    size_t nstopped;
    unsigned int left;
};


static int
testConnect(virDomainDef *def,
            libxlDeviceModel *dm,
            const char *error)
{
    libxlDeviceModelNIC nic = { 0 };
    libxlDeviceModelConfig config = { .name = dm->name, .nnics = 1, .nics = &nic };
    VIR_AUTOCLOSE tap = -1;
    int rc = libxlDeviceModelNetConnect(def, dm, &config, &tap);

    if (libxlDeviceModelTestOutcome(rc, NULL, error) < 0)
        return -1;

    if (error || (fcntl(tap, F_GETFD) & FD_CLOEXEC))
        return 0;

    VIR_TEST_VERBOSE("whatever is executed next has the tap");
    return -1;
}


/* A NIC is plugged, if it can be, and unplugged when the secondary has ended. */
static int
testNet(const void *opaque)
{
    const struct testNetData *data = opaque;
    g_autoptr(libxlDeviceModel) dm = libxlDeviceModelNew("/nonexistent", 7, 1, "lan");
    g_autofree char *devices = g_strdup_printf(TEST_DEVICES("%s"), data->net);
    g_autoptr(virDomainDef) def = libxlDeviceModelTestParse(driver->xmlopt, NULL, devices);

    memset(&testHost, 0, sizeof(testHost));
    testHost.ifindex = data->before;
    if (!def || def->ndevicemodels != 2)
        return -1;

    def->id = 7;
    def->devicemodels[1]->id = 1;
    if (testConnect(def, dm, data->error) < 0)
        return -1;

    if (testHost.mtu != data->mtu) {
        VIR_TEST_VERBOSE("the MTU is %u, expected %u", testHost.mtu, data->mtu);
        return -1;
    }

    if (!data->before && !data->persists)
        testHost.ifindex = data->after;

    libxlDeviceModelNetDisconnect(def, dm);
    if (!libxlDeviceModelNetDelete(dm))
        return -1;

    if (testHost.nstopped == data->nstopped && testHost.ifindex == data->left)
        return 0;

    VIR_TEST_VERBOSE("stopped %zu interfaces, left %u; expected %zu and %u",
                     testHost.nstopped, testHost.ifindex, data->nstopped, data->left);
    return -1;
}


static libxlDeviceModel *
testDeviceModelNew(void)
{
    libxlDeviceModel *dm = libxlDeviceModelNew("/nonexistent", 7, 1, "lan");
    unsigned int ifindex = TEST_TAP;

    memset(&testHost, 0, sizeof(testHost));
    testHost.ifindex = TEST_TAP;
    VIR_APPEND_ELEMENT(dm->taps, dm->ntaps, ifindex);
    return dm;
}


/* A secondary can hand its tap on, and whoever has it keeps nobody from deleting it. */
static int
testHandedOn(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModel) dm = testDeviceModelNew();

    testHost.open = true;
    return libxlDeviceModelNetDelete(dm) && testHost.ifindex == 0 ? 0 : -1;
}


/* An interface that is no tap was made by somebody else, whatever its number is: it stays,
 * and that is said. */
static int
testStranger(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModel) dm = testDeviceModelNew();

    testHost.stranger = true;
    return !libxlDeviceModelNetDelete(dm) && testHost.ifindex == TEST_TAP ? 0 : -1;
}


/* What cannot be deleted is said, and deleted by the next attempt. */
static int
testDelete(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModel) dm = testDeviceModelNew();
    size_t i;

    testHost.fails = true;
    if (libxlDeviceModelNetDelete(dm) || testHost.ifindex != TEST_TAP)
        return -1;

    testHost.fails = false;
    /* the second time there is none any more */
    for (i = 0; i < 2; i++) {
        if (!libxlDeviceModelNetDelete(dm) || testHost.ifindex != 0)
            return -1;
    }

    return 0;
}


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testXLInitDriver()))
        return EXIT_FAILURE;

#define DO_TEST(title, ...) \
    do { \
        static const struct testNetData data = { __VA_ARGS__ }; \
        if (virTestRun(title, testNet, &data) < 0) \
            ret = -1; \
    } while (0)

#define ERROR "device model 'lan': operation failed: "

    DO_TEST("goes with the secondary", .net = TEST_BRIDGE, .nstopped = 1);
    DO_TEST("has an MTU", .net = TEST_JUMBO, .mtu = 9000, .nstopped = 1);
    DO_TEST("cannot have that MTU", .net = TEST_GIANT, .error = ERROR "the MTU cannot be set",
            .nstopped = 1);
    DO_TEST("outlives the secondary", .net = TEST_BRIDGE, .persists = true, .nstopped = 1);
    DO_TEST("ethernet outlives the secondary", .net = TEST_ETHERNET, .persists = true,
            .nstopped = 1);
    DO_TEST("the name is another's by then", .net = TEST_BRIDGE, .after = TEST_STRANGER,
            .left = TEST_STRANGER);
    DO_TEST("the name was another's", .net = TEST_BRIDGE, .before = TEST_STRANGER,
            .error = ERROR "the interface already exists", .left = TEST_STRANGER);
    DO_TEST("unmanaged", .net = TEST_UNMANAGED, .before = TEST_STRANGER,
            .nstopped = 1, .left = TEST_STRANGER);

#undef ERROR
#undef DO_TEST

    if (virTestRun("cannot be deleted", testDelete, NULL) < 0)
        ret = -1;
    if (virTestRun("handed on by the secondary", testHandedOn, NULL) < 0)
        ret = -1;
    if (virTestRun("no tap", testStranger, NULL) < 0)
        ret = -1;

    unlink("libxl-driver.log");
    testXLFreeDriver(driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
