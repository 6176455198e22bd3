/*
 * libxldevicemodelhotplugtest.c: which devices a running domain takes and gives
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <unistd.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "conf/domain_devicemodel.h"
#include "libxl/libxl_devicemodel_placement.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestutils.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

static libxlDriverPrivate *driver;

#define UNSUPPORTED TEST_UNSUPPORTED


struct testAttachData {
    const char *devices; /* of the running domain */
    const char *attached;
    const char *error;
};

static int
testAttach(const void *opaque)
{
    const struct testAttachData *data = opaque;
    g_autoptr(virDomainDef) def = libxlDeviceModelTestParse(driver->xmlopt, NULL,
                                                            data->devices);
    virDomainDeviceDef *dev = NULL;
    int ret;

    if (!def ||
        !(dev = virDomainDeviceDefParse(data->attached, def, driver->xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    ret = libxlDeviceModelTestOutcome(libxlDeviceModelPlacementCheckAttach(def, dev),
                                      NULL, data->error);
    virDomainDeviceDefFree(dev);
    return ret;
}


#define HOSTDEV \
    "<hostdev mode='subsystem' type='pci' managed='yes'><source>" \
    "<address domain='0' bus='10' slot='8' function='0'/></source></hostdev>"
#define NET_HOSTDEV \
    "<interface type='hostdev' managed='yes'><mac address='" TEST_MAC(3) "'/><source>" \
    "<address type='pci' domain='0' bus='10' slot='16' function='0'/></source></interface>"
#define NET_NETWORK \
    "<interface type='network'><mac address='" TEST_MAC(3) "'/>" \
    "<source network='default'/></interface>"
#define CONTROLLER "<controller type='usb' index='1' model='qusb2'/>"

static int
testAttachments(void)
{
    int ret = 0;

#define DO_TEST(name, _devices, _attached, _error) \
    do { \
        static const struct testAttachData data = { \
            .devices = _devices, .attached = _attached, .error = _error, \
        }; \
        if (virTestRun("Attach " name, testAttach, &data) < 0) \
            ret = -1; \
    } while (0)

#define ERROR(type) \
    UNSUPPORTED "no PCI slot is left for a " type ": slot 0x05 and those above it belong to " \
    "other device models than 'main'"

/* the board takes four slots, NIC 2 the next one */
#define FULL \
    TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) \
    TEST_NIC_ADDRESS(1, TEST_SLOT("0x05")) TEST_NIC(2)
#define ONE_LEFT \
    TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) \
    TEST_NIC_ADDRESS(1, TEST_SLOT("0x05"))

    DO_TEST("PCI device", FULL, HOSTDEV, ERROR("hostdev"));
    DO_TEST("PCI device, one slot left", ONE_LEFT, HOSTDEV, NULL);
    DO_TEST("PCI device, no slot left below a sound card",
            TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='audio'/>")
            "<sound model='ac97'><address " TEST_SLOT("0x05") "/></sound>" TEST_NIC(2),
            HOSTDEV, ERROR("hostdev"));
    DO_TEST("NIC of type hostdev", FULL, NET_HOSTDEV, ERROR("interface"));
    DO_TEST("NIC of type network", FULL, NET_NETWORK, ERROR("interface"));
    DO_TEST("NIC of type network, one slot left", ONE_LEFT, NET_NETWORK, NULL);
    DO_TEST("PV NIC", FULL, TEST_NIC(3), NULL);
    DO_TEST("USB controller", FULL, CONTROLLER, ERROR("controller"));
    DO_TEST("USB controller, one slot left", ONE_LEFT, CONTROLLER, NULL);
    DO_TEST("USB device", FULL,
            "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/>"
            "<product id='0x5678'/></source></hostdev>", NULL);
    DO_TEST("disk", FULL,
            "<disk type='block' device='disk'><source dev='/dev/null'/>"
            "<target dev='xvdb' bus='xen'/></disk>", NULL);
    DO_TEST("PCI device without device models", TEST_EMULATOR TEST_NIC(1), HOSTDEV, NULL);
    DO_TEST("PCI device without secondaries", TEST_EMULATOR TEST_MAIN("") TEST_NIC(1),
            HOSTDEV, NULL);

#undef FULL
#undef ONE_LEFT
#undef ERROR
#undef DO_TEST

    return ret;
}

#undef CONTROLLER
#undef NET_NETWORK
#undef NET_HOSTDEV
#undef HOSTDEV


struct testDetachData {
    const char *mac;
    const char *error;
};

static int
testDetach(const void *opaque)
{
    const struct testDetachData *data = opaque;
    g_autoptr(virDomainDef) def =
        libxlDeviceModelTestParse(driver->xmlopt, NULL,
                                  TEST_EMULATOR TEST_MAIN(TEST_REF(1))
                                  TEST_LAN(TEST_REF(2))
                                  TEST_NIC(1) TEST_NIC(2) TEST_NIC(3));
    virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_NET };
    virMacAddr mac;
    size_t i;

    if (!def || virMacAddrParse(data->mac, &mac) < 0)
        return -1;

    for (i = 0; i < def->nnets; i++) {
        if (virMacAddrCmp(&def->nets[i]->mac, &mac) == 0)
            dev.data.net = def->nets[i];
    }

    if (libxlDeviceModelOwnsNet(def, dev.data.net) != STREQ(data->mac, TEST_MAC(2)))
        return -1;

    return libxlDeviceModelTestOutcome(libxlDeviceModelPlacementCheckDetach(def, &dev),
                                       NULL, data->error);
}


static int
testDetachments(void)
{
    int ret = 0;

#define DO_TEST(name, _mac, _error) \
    do { \
        static const struct testDetachData data = { .mac = _mac, .error = _error }; \
        if (virTestRun("Detach NIC " name, testDetach, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("assigned to the primary", TEST_MAC(1),
            "Operation not supported: interface '" TEST_MAC(1) "' is assigned to device model "
            "'main' and cannot be detached");
    DO_TEST("assigned to a secondary", TEST_MAC(2),
            "Operation not supported: interface '" TEST_MAC(2) "' is assigned to device model "
            "'lan' and cannot be detached");
    DO_TEST("assigned to none", TEST_MAC(3), NULL);

#undef DO_TEST

    return ret;
}


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testXLInitDriver()))
        return EXIT_FAILURE;

    if (testAttachments() < 0 ||
        testDetachments() < 0)
        ret = -1;

    unlink("libxl-driver.log");
    testXLFreeDriver(driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
