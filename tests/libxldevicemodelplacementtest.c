/*
 * libxldevicemodelplacementtest.c: which PCI slots devices get, or may not have, and what
 * the live definition is told
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


/* A definition, and what is said of it; NULL: nothing. */
struct testPlaceData {
    const char *devices;
    const char *error;
};

static int
testPlace(const void *opaque)
{
    const struct testPlaceData *data = opaque;

    return libxlDeviceModelTestRefusal(driver->xmlopt, NULL, data->devices, data->error);
}


#define DO_TEST_PLACE(title, _devices, _error) \
    do { \
        static const struct testPlaceData data = { .devices = _devices, .error = _error }; \
        if (virTestRun("Place " title, testPlace, &data) < 0) \
            ret = -1; \
    } while (0)


static int
testPlacementAddresses(void)
{
    int ret = 0;

#define DO_TEST(name, address, error) \
    DO_TEST_PLACE(name, TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) \
                  TEST_NIC_ADDRESS(1, address) TEST_NIC(2), error)
#define ERROR(addr, first) \
    UNSUPPORTED "device model 'lan': PCI address '" addr "' of device '" TEST_MAC(1) "', " \
    "expected domain 0, bus 0, function 0 and a free slot from " first " to 0x1f " \
    "other than 0x1d"

    /* the board and NIC 2 take five slots */
    DO_TEST("lowest slot", TEST_SLOT("0x05"), NULL);
    DO_TEST("highest slot", TEST_SLOT("0x1f"), NULL);
    DO_TEST("slot of the primary", TEST_SLOT("0x04"), ERROR("0000:00:04.0", "0x05"));
    DO_TEST("slot of USB", TEST_SLOT("0x1d"), ERROR("0000:00:1d.0", "0x05"));
    DO_TEST("function", "type='pci' domain='0' bus='0' slot='0x10' function='1'",
            ERROR("0000:00:10.1", "0x05"));
    DO_TEST("bus", "type='pci' domain='0' bus='1' slot='0x10' function='0'",
            ERROR("0000:01:10.0", "0x05"));
    DO_TEST("domain", "type='pci' domain='1' bus='0' slot='0x10' function='0'",
            ERROR("0001:00:10.0", "0x05"));
    DO_TEST("address that is not PCI", "type='virtio-mmio'",
            UNSUPPORTED "device model 'lan': address type 'virtio-mmio' of device '" TEST_MAC(1)
            "', expected 'pci'");

#undef DO_TEST
#define DO_TEST(name, devices, error) \
    DO_TEST_PLACE(name, TEST_EMULATOR devices, error)

    DO_TEST("two NICs of two secondaries in one slot",
            TEST_MAIN("") "<devicemodel name='wan'>" TEST_REF(2) "</devicemodel>"
            TEST_LAN(TEST_REF(1))
            TEST_NIC_ADDRESS(1, TEST_SLOT("0x10")) TEST_NIC_ADDRESS(2, TEST_SLOT("0x10")),
            ERROR("0000:00:10.0", "0x04"));
    DO_TEST("NIC and sound card in one slot",
            TEST_MAIN("") TEST_LAN("<capability name='audio'/>" TEST_REF(1))
            TEST_NIC_ADDRESS(1, TEST_SLOT("0x10"))
            "<sound model='ac97'><address " TEST_SLOT("0x10") "/></sound>",
            UNSUPPORTED "device model 'lan': PCI address '0000:00:10.0' of device 'ac97', "
            "expected domain 0, bus 0, function 0 and a free slot from 0x04 to 0x1f "
            "other than 0x1d");
    DO_TEST("slot of a PCI device of the host",
            TEST_MAIN("") TEST_LAN(TEST_REF(1)) TEST_NIC_ADDRESS(1, TEST_SLOT("0x04"))
            "<hostdev mode='subsystem' type='pci' managed='yes'><source>"
            "<address domain='0' bus='10' slot='8' function='0'/></source></hostdev>",
            ERROR("0000:00:04.0", "0x05"));
    DO_TEST("NIC in the slot that another would be given",
            TEST_MAIN("") TEST_LAN(TEST_REF(1) TEST_REF(2))
            TEST_NIC(1) TEST_NIC_ADDRESS(2, TEST_SLOT("0x1f")), NULL);

#undef ERROR
#undef DO_TEST

    return ret;
}


/* The number of NICs, in a secondary that has nothing else. */
static int
testPlacementFull(const void *opaque)
{
    const size_t *nnics = opaque;
    g_auto(virBuffer) refs = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) nics = VIR_BUFFER_INITIALIZER;
    g_autofree char *devices = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    bool used[32] = { false };
    size_t i;

    for (i = 0; i < *nnics; i++) {
        virBufferAsprintf(&refs, "<interface mac='00:16:3e:00:01:%02zx'/>", i);
        virBufferAsprintf(&nics, "<interface type='ethernet'>"
                                 "<mac address='00:16:3e:00:01:%02zx'/>"
                                 "<target dev='tap%zu'/></interface>", i, i);
    }
    devices = g_strdup_printf(TEST_EMULATOR TEST_MAIN("") TEST_LAN("%s") "%s",
                              virBufferCurrentContent(&refs),
                              virBufferCurrentContent(&nics));

    if (!(def = libxlDeviceModelTestParse(driver->xmlopt, NULL, devices)))
        return libxlDeviceModelTestOutcome(-1, NULL,
                                           UNSUPPORTED "device model 'lan': no PCI slot is left for device "
                                           "'00:16:3e:00:01:1b', the primary may need slots 0x00 to 0x03");

    if (!(placement = libxlDeviceModelPlacementNew(def)))
        return -1;

    /* 32, less four of the board and the one for USB */
    if (*nnics > 27) {
        VIR_TEST_VERBOSE("%zu NICs were placed", *nnics);
        return -1;
    }

    for (i = 0; i < *nnics; i++) {
        unsigned int slot = placement->secondaries[0].nets[i].slot;

        if (slot < 4 || slot > 31 || slot == 0x1d || used[slot])
            return -1;
        used[slot] = true;
    }

    return 0;
}


/* A domain that starts again has no device model that has failed, but does the same when
 * one does. */
static int
testPlacementFailures(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainDef) def =
        libxlDeviceModelTestParse(driver->xmlopt, NULL,
                                  TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) TEST_NIC(1));
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    size_t i;

    if (!def || !(placement = libxlDeviceModelPlacementNew(def)))
        return -1;

    for (i = 0; i < def->ndevicemodels; i++) {
        virDomainDeviceModelDefSetFailed(def->devicemodels[i], 1234, "killed");
        def->devicemodels[i]->failure.action = VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE;
    }

    libxlDeviceModelPlacementApply(placement, def);

    for (i = 0; i < def->ndevicemodels; i++) {
        const virDomainDeviceModelDef *dmdef = def->devicemodels[i];

        if (dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED || dmdef->failure.count != 0 ||
            dmdef->failure.last != 0 || dmdef->failure.reason ||
            dmdef->failure.action != VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE) {
            VIR_TEST_VERBOSE("'%s' is in state %d, failed %u times, at %lld: %s; action %d",
                             dmdef->name, dmdef->state, dmdef->failure.count, dmdef->failure.last,
                             NULLSTR(dmdef->failure.reason), dmdef->failure.action);
            return -1;
        }
    }

    return 0;
}


static int
mymain(void)
{
    static const size_t full = 27;
    static const size_t overfull = 28;
    int ret = 0;

    if (!(driver = testXLInitDriver()))
        return EXIT_FAILURE;

    if (testPlacementAddresses() < 0 ||
        virTestRun("Place as many NICs as can be", testPlacementFull, &full) < 0 ||
        virTestRun("Place one NIC too many", testPlacementFull, &overfull) < 0 ||
        virTestRun("Start again after failures", testPlacementFailures, NULL) < 0)
        ret = -1;

    unlink("libxl-driver.log");
    testXLFreeDriver(driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
