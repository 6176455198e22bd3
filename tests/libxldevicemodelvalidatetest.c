/*
 * libxldevicemodelvalidatetest.c: which definitions are refused
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tables: each definition beside its error, for a domain that is defined, for one
 * that starts on a host, and for what a running one cannot do.
 */

#include <config.h>

#include <unistd.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "conf/domain_devicemodel.h"
#include "libxl/libxl_devicemodel.h"
#include "libxl/libxl_devicemodel_validate.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestutils.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

static libxlDriverPrivate *driver;

#define UNSUPPORTED TEST_UNSUPPORTED


/* A definition, and what is said of it; NULL: nothing. */
struct testRefusalData {
    const char *type;
    const char *devices;
    const char *error;
};

static int
testValidate(const void *opaque)
{
    const struct testRefusalData *data = opaque;

    return libxlDeviceModelTestRefusal(driver->xmlopt, data->type, data->devices,
                                       data->error);
}


/* What a network is, is known only when the domain starts. */
static int
testNetwork(const void *opaque)
{
    const struct testRefusalData *data = opaque;
    g_autofree char *xml = libxlDeviceModelTestDomainXML(data->type, data->devices);
    g_autoptr(virDomainDef) def = NULL;

    if (!(def = virDomainDefParseString(xml, driver->xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_STATUS |
                                        VIR_DOMAIN_DEF_PARSE_ACTUAL_NET |
                                        VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE)))
        return -1;

    return libxlDeviceModelTestOutcome(libxlDeviceModelsValidate(def), NULL, data->error);
}


static int
testHost(const void *opaque)
{
    const struct testRefusalData *data = opaque;
    g_autoptr(virDomainDef) def = libxlDeviceModelTestParse(driver->xmlopt, data->type,
                                                            data->devices);

    if (!def)
        return -1;

    return libxlDeviceModelTestOutcome(libxlDeviceModelsValidateHost(def), NULL, data->error);
}


static int
testPrepare(const void *opaque)
{
    const struct testRefusalData *data = opaque;
    g_autofree char *xml = libxlDeviceModelTestDomainXML(data->type, data->devices);
    g_autoptr(virDomainDef) def = NULL;

    /* as a definition that the daemon reads from its disk */
    if (!(def = virDomainDefParseString(xml, driver->xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE |
                                        VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE)))
        return -1;

    return libxlDeviceModelTestOutcome(libxlDeviceModelsPrepare(def), NULL, data->error);
}


#define DO_TEST_REFUSAL(func, title, _type, _devices, _error) \
    do { \
        static const struct testRefusalData data = { \
            .type = _type, .devices = _devices, .error = _error, \
        }; \
        if (virTestRun(title, func, &data) < 0) \
            ret = -1; \
    } while (0)


static int
testValidateTypes(void)
{
    int ret = 0;

#define DO_TEST(name, type, devices, error) \
    DO_TEST_REFUSAL(testValidate, "Validate " name, type, devices, error)
#define LAN_NIC(nic) TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) nic
#define ERROR UNSUPPORTED "device model 'lan': "

    DO_TEST("domain of type xen", "<type arch='x86_64' machine='xenpv'>xen</type>",
            TEST_MAIN(""),
            UNSUPPORTED "device model 'main' in a domain of type 'xen', expected type 'hvm'");
    DO_TEST("domain of type xenpvh", "<type arch='x86_64' machine='xenpvh'>xenpvh</type>",
            TEST_MAIN(""),
            UNSUPPORTED "device model 'main' in a domain of type 'xenpvh', expected type 'hvm'");
    DO_TEST("domain of type hvm", NULL, TEST_MAIN(""), NULL);

    DO_TEST("NIC of type user", NULL,
            LAN_NIC("<interface type='user'><mac address='" TEST_MAC(1) "'/></interface>"),
            ERROR "interface '" TEST_MAC(1) "' is of type 'user', "
            "expected one of 'bridge', 'network', 'ethernet'");
    DO_TEST("NIC of type direct", NULL,
            LAN_NIC("<interface type='direct'><mac address='" TEST_MAC(1) "'/>"
                    "<source dev='eth0'/></interface>"),
            ERROR "interface '" TEST_MAC(1) "' is of type 'direct', "
            "expected one of 'bridge', 'network', 'ethernet'");
    DO_TEST("NIC of type hostdev", NULL,
            LAN_NIC("<interface type='hostdev' managed='yes'><mac address='" TEST_MAC(1) "'/>"
                    "<source><address type='pci' domain='0' bus='10' slot='16' function='0'/>"
                    "</source></interface>"),
            ERROR "interface '" TEST_MAC(1) "' is of type 'hostdev', "
            "expected one of 'bridge', 'network', 'ethernet'");
    DO_TEST("NIC of type internal", NULL,
            LAN_NIC("<interface type='internal'><mac address='" TEST_MAC(1) "'/>"
                    "<source name='lan'/></interface>"),
            ERROR "interface '" TEST_MAC(1) "' is of type 'internal', "
            "expected one of 'bridge', 'network', 'ethernet'");
    DO_TEST("NIC of type user in the primary", NULL,
            TEST_EMULATOR TEST_MAIN(TEST_REF(1)) TEST_LAN(TEST_REF(2)) TEST_NIC(2)
            "<interface type='user'><mac address='" TEST_MAC(1) "'/></interface>",
            NULL);

#undef LAN_NIC
#undef ERROR

    return ret;
}


static int
testValidateDevices(void)
{
    int ret = 0;

#define ERROR UNSUPPORTED "device model 'lan': "
#define NIC_MODELS "'rtl8139', 'e1000', 'e1000e', 'pcnet', 'ne2k_pci', 'virtio', 'virtio-net', 'virtio-net-pci'"
#define LAN_MODEL(model) \
    TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) TEST_NIC_MODEL(1, model)

    DO_TEST("netfront", NULL, LAN_MODEL("<model type='netfront'/>"),
            ERROR "model 'netfront' of interface '" TEST_MAC(1) "' cannot be emulated by a "
            "secondary, expected one of " NIC_MODELS);
    DO_TEST("unknown NIC model", NULL, LAN_MODEL("<model type='tulip'/>"),
            ERROR "model 'tulip' of interface '" TEST_MAC(1) "' cannot be emulated by a "
            "secondary, expected one of " NIC_MODELS);
    DO_TEST("netfront in the primary", NULL,
            TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(2)) TEST_NIC(2)
            TEST_NIC_MODEL(1, "<model type='netfront'/>"), NULL);
    DO_TEST("backend domain", NULL, LAN_MODEL("<backenddomain name='netvm'/>"),
            ERROR "interface '" TEST_MAC(1) "' has the backend domain 'netvm', "
            "expected none in a secondary");

#undef LAN_MODEL

    DO_TEST("no emulator", NULL, TEST_MAIN("") TEST_LAN(TEST_REF(1)) TEST_NIC(1), NULL);
    DO_TEST("no emulator but the primary's", NULL,
            TEST_MAIN(TEST_EMULATOR) TEST_LAN(TEST_REF(1)) TEST_NIC(1), NULL);
    DO_TEST("no emulator but the secondary's", NULL,
            TEST_MAIN("") TEST_LAN(TEST_EMULATOR TEST_REF(1)) TEST_NIC(1), NULL);
    DO_TEST("relative emulator of the domain", NULL,
            "<emulator>qemu</emulator>" TEST_MAIN("") TEST_LAN(TEST_REF(1)) TEST_NIC(1),
            UNSUPPORTED "device model 'lan' has the emulator 'qemu', expected an absolute path");
    DO_TEST("relative emulator of the domain that no secondary uses", NULL,
            "<emulator>qemu</emulator>" TEST_MAIN("") TEST_LAN(TEST_EMULATOR TEST_REF(1))
            TEST_NIC(1), NULL);
    DO_TEST("other emulator of the primary", NULL,
            TEST_EMULATOR TEST_MAIN("<emulator>/bin/false</emulator>"),
            UNSUPPORTED "device model 'main' is the primary: its emulator '/bin/false' "
            "must be that of the domain, '/bin/true'");
    DO_TEST("same emulator of the primary", NULL,
            TEST_EMULATOR TEST_MAIN("<emulator>/bin/true</emulator>"), NULL);

#undef NIC_MODELS

    return ret;
}


/* A capability is for the devices that a domain has; it may be there without. */
static int
testValidateCapabilities(void)
{
    int ret = 0;

#define NOTHING \
    UNSUPPORTED "device model 'lan' has nothing to emulate: expected an interface, " \
    "or a device of the domain for one of its capabilities"
#define LAN_CAP(cap) TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='" cap "'/>")
#define LAN_NIC_CAP(cap) \
    TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='" cap "'/>" TEST_REF(1)) TEST_NIC(1)

    DO_TEST("ide without a disk", NULL, LAN_CAP("ide"), NOTHING);
    DO_TEST("ide without an IDE disk", NULL,
            LAN_CAP("ide") "<disk type='block'><source dev='/dev/null'/>"
            "<target dev='hda' bus='xen'/></disk>", NOTHING);
    DO_TEST("serial without a serial port", NULL, LAN_CAP("serial"), NOTHING);
    DO_TEST("audio without a sound device", NULL, LAN_CAP("audio"), NOTHING);
    DO_TEST("ide without a disk beside a NIC", NULL, LAN_NIC_CAP("ide"), NULL);
    DO_TEST("serial without a serial port beside a NIC", NULL, LAN_NIC_CAP("serial"), NULL);
    DO_TEST("audio without a sound device beside a NIC", NULL, LAN_NIC_CAP("audio"), NULL);

#undef LAN_NIC_CAP
#undef LAN_CAP
#undef NOTHING

    return ret;
}


/* What is asked for by name is done, or refused. */
static int
testValidateRestarts(void)
{
    int ret = 0;

#define DO_TEST_RESTART(name, devices, error) \
    DO_TEST_REFUSAL(testValidate, "Validate restart of " name, NULL, devices, error)
#define LAN(content) TEST_EMULATOR TEST_MAIN("") TEST_LAN(content)
#define RESTART "<failure action='restart'/>"
#define LAN_MODEL(model, action) \
    LAN(TEST_REF(1) action) TEST_NIC_MODEL(1, "<model type='" model "'/>")
#define LAN_SOUND(action) LAN("<capability name='audio'/>" action) "<sound model='ac97'/>"
#define LAN_DISK(cache, action) \
    LAN("<capability name='ide'/>" action) \
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'" cache "/>" \
    "<source file='/a'/><backingStore/><target dev='hda' bus='ide'/></disk>"
#define RESTART_ERROR(why) \
    UNSUPPORTED "device model 'lan' has the failure action 'restart', expected another: the driver of a " why

    DO_TEST_RESTART("e1000", LAN_MODEL("e1000", RESTART), NULL);
    DO_TEST_RESTART("rtl8139", LAN_MODEL("rtl8139", RESTART), NULL);
    DO_TEST_RESTART("virtio", LAN_MODEL("virtio", RESTART),
            RESTART_ERROR("'virtio' interface does not tell it again where its rings are"));
    DO_TEST_RESTART("virtio, if possible", LAN_MODEL("virtio", ""), NULL);
    DO_TEST_RESTART("pcnet", LAN_MODEL("pcnet", RESTART),
            RESTART_ERROR("'pcnet' interface does not tell it again where its rings are"));
    DO_TEST_RESTART("sound", LAN_SOUND(RESTART),
            RESTART_ERROR("sound device does not tell it again where its buffers are"));
    DO_TEST_RESTART("sound, if possible", LAN_SOUND(""), NULL);
    DO_TEST_RESTART("serial ports", LAN("<capability name='serial'/>" RESTART) "<serial type='pty'/>", NULL);

    DO_TEST_RESTART("a disk with tables", LAN_DISK("", RESTART),
            UNSUPPORTED "device model 'lan' has the failure action 'restart', expected another: "
            "what the guest has written to a 'qcow2' image and not flushed yet is lost, "
            "unless its cache is 'writethrough' or 'directsync'");
    DO_TEST_RESTART("a disk with tables, if possible", LAN_DISK("", ""), NULL);
    DO_TEST_RESTART("a disk with tables, without a cache", LAN_DISK(" cache='directsync'", RESTART), NULL);
    DO_TEST_RESTART("a disk with tables that is not written to",
            LAN("<capability name='ide'/>" RESTART)
            "<disk type='file' device='cdrom'><driver name='qemu' type='qcow2'/><source file='/a'/>"
            "<backingStore/><target dev='hda' bus='ide'/></disk>", NULL);

#undef RESTART_ERROR
#undef LAN_DISK
#undef LAN_SOUND
#undef LAN_MODEL
#undef RESTART
#undef LAN
#undef DO_TEST_RESTART

    return ret;
}


static int
testValidateSounds(void)
{
    int ret = 0;

#define LAN_SOUND(sound) \
    TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='audio'/>") "<sound model=" sound
#define LAN_AUDIO(audio) LAN_SOUND("'ac97'/>") "<audio id='1' " audio "/>"

    DO_TEST("sb16 in a secondary", NULL, LAN_SOUND("'sb16'/>"),
            ERROR "sound model 'sb16' cannot be emulated by a secondary, "
            "expected one of 'ich6', 'ac97', 'es1370'");
    DO_TEST("sb16 in the primary", NULL,
            TEST_EMULATOR TEST_MAIN("<capability name='audio'/>") TEST_LAN(TEST_REF(1))
            TEST_NIC(1) "<sound model='sb16'/>", NULL);
    DO_TEST("ich6 in a secondary", NULL, LAN_SOUND("'ich6'/>"), NULL);
    DO_TEST("ac97 in a secondary", NULL, LAN_SOUND("'ac97'/>"), NULL);
    DO_TEST("es1370 in a secondary", NULL, LAN_SOUND("'es1370'/>"), NULL);
    DO_TEST("two sound devices in a secondary", NULL,
            LAN_SOUND("'ac97'/>") "<sound model='ich6'/>",
            ERROR "the domain has 2 sound devices, expected one at most in a secondary");
    DO_TEST("two sound devices in the primary", NULL,
            TEST_EMULATOR TEST_MAIN("") "<sound model='ac97'/><sound model='ich6'/>", NULL);

    DO_TEST("sound device with a codec", NULL,
            LAN_SOUND("'ich6'><codec type='micro'/></sound>"), NULL);
    DO_TEST("sound device with two codecs", NULL,
            LAN_SOUND("'ich6'><codec type='micro'/><codec type='output'/></sound>"),
            ERROR "the sound device has 2 codecs, expected one at most in a secondary");

    DO_TEST("no audio backend", NULL, LAN_AUDIO("type='none'"), NULL);
    DO_TEST("audio file", NULL, LAN_AUDIO("type='file' path='/var/tmp/guest.wav'"), NULL);
    DO_TEST("audio file without a path", NULL, LAN_AUDIO("type='file'"),
            ERROR "audio backend '1' has the path '', expected an absolute path");
    DO_TEST("audio file with a relative path", NULL, LAN_AUDIO("type='file' path='guest.wav'"),
            ERROR "audio backend '1' has the path 'guest.wav', expected an absolute path");
    DO_TEST("ALSA", NULL, LAN_AUDIO("type='alsa'"),
            ERROR "audio backend '1' is of type 'alsa', expected 'none' or 'file'");
    DO_TEST("audio backend that the sound device does not use", NULL,
            LAN_SOUND("'ac97'><audio id='2'/></sound>")
            "<audio id='1' type='alsa'/><audio id='2' type='none'/>", NULL);
    DO_TEST("second audio backend", NULL,
            LAN_SOUND("'ac97'><audio id='2'/></sound>")
            "<audio id='1' type='none'/><audio id='2' type='spice'/>",
            ERROR "audio backend '2' is of type 'spice', expected 'none' or 'file'");

#undef LAN_AUDIO
#undef LAN_SOUND

    return ret;
}


/* What of an interface would be dropped is refused by name, and an interface of the primary
 * may have it. */
static int
testValidateNetOptions(void)
{
    int ret = 0;

#define BRIDGE(content) \
    "<interface type='bridge'><mac address='" TEST_MAC(1) "'/><source bridge='xenbr0'/>" \
    content "</interface>"
#define ETHERNET(content) \
    "<interface type='ethernet'><mac address='" TEST_MAC(1) "'/>" content "</interface>"
#define IN_LAN(nic) TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) nic
#define IN_MAIN(nic) TEST_EMULATOR TEST_MAIN(TEST_REF(1)) TEST_LAN(TEST_REF(2)) TEST_NIC(2) nic
#define LAN0 "<target dev='lan0'/>"
#define DO_TEST_OPTION(option, nic) \
    do { \
        DO_TEST("interface with " option, NULL, IN_LAN(nic), \
                ERROR "interface '" TEST_MAC(1) "' has '" option "', " \
                "expected an interface without it in a secondary"); \
        DO_TEST("interface of the primary with " option, NULL, IN_MAIN(nic), NULL); \
    } while (0)
#define VIRTIO "<model type='virtio'/>"

    DO_TEST_OPTION("downscript", ETHERNET(LAN0 "<downscript path='/opt/down'/>"));
    DO_TEST_OPTION("ip", BRIDGE("<ip address='10.77.0.50' family='ipv4'/>"));
    DO_TEST_OPTION("route", BRIDGE("<route family='ipv4' address='0.0.0.0' gateway='10.77.0.1'/>"));
    DO_TEST_OPTION("teaming", BRIDGE("<teaming type='persistent'/>"));
    DO_TEST_OPTION("sndbuf", BRIDGE("<tune><sndbuf>1600</sndbuf></tune>"));
    DO_TEST_OPTION("vhost", BRIDGE(VIRTIO "<backend vhost='/dev/vhost-net'/>"));
    DO_TEST_OPTION("guest", BRIDGE("<guest dev='eth9'/>"));
    DO_TEST_OPTION("acpi", BRIDGE("<acpi index='3'/>"));
    DO_TEST_OPTION("driver", BRIDGE(VIRTIO "<driver queues='4'/>"));
    DO_TEST("virtio options", NULL, IN_LAN(BRIDGE(VIRTIO "<driver iommu='on'/>")),
            ERROR "interface '" TEST_MAC(1) "' has 'driver', "
            "expected an interface without it in a secondary");
    DO_TEST("vhost driver", NULL, IN_LAN(BRIDGE(VIRTIO "<driver name='vhost'/>")),
            ERROR "interface '" TEST_MAC(1) "' has 'driver', "
            "expected an interface without it in a secondary");
    DO_TEST("the driver that a secondary has", NULL,
            IN_LAN(BRIDGE(VIRTIO "<driver name='qemu'/>")), NULL);
    DO_TEST("trusted filters", NULL,
            IN_LAN("<interface type='bridge' trustGuestRxFilters='yes'><mac address='" TEST_MAC(1)
                   "'/><source bridge='xenbr0'/></interface>"),
            ERROR "interface '" TEST_MAC(1) "' has 'trustGuestRxFilters', "
            "expected an interface without it in a secondary");
    DO_TEST("filters that are not trusted", NULL,
            IN_LAN("<interface type='bridge' trustGuestRxFilters='no'><mac address='" TEST_MAC(1)
                   "'/><source bridge='xenbr0'/></interface>"), NULL);

    DO_TEST_OPTION("vlan", ETHERNET(LAN0 "<vlan><tag id='42'/></vlan>"));
    DO_TEST_OPTION("coalesce",
                   ETHERNET(LAN0 "<coalesce><rx><frames max='7'/></rx></coalesce>"));
    DO_TEST("bridge with what is honoured there", NULL,
            IN_LAN(BRIDGE("<vlan><tag id='42'/></vlan><port isolated='yes'/><link state='down'/>"
                          "<bandwidth><inbound average='1000'/></bandwidth>"
                          "<coalesce><rx><frames max='7'/></rx></coalesce>"
                          "<backend tap='/dev/net/tun'/>")), NULL);
    DO_TEST("ethernet with what is honoured there", NULL,
            IN_LAN(ETHERNET("<source><ip address='10.77.0.1' family='ipv4' prefix='24'/></source>"
                            LAN0 "<link state='down'/>"
                            "<bandwidth><inbound average='1000'/></bandwidth>")), NULL);

#undef VIRTIO
#undef DO_TEST_OPTION

    return ret;
}


static int
testValidateNetScripts(void)
{
    int ret = 0;

#define SCRIPT(path) "<script path='" path "'/>"
#define OVS "<virtualport type='openvswitch'/>"
#define BRIDGE_ERROR(script) \
    ERROR "interface '" TEST_MAC(1) "' has the script '" script "', expected 'vif-bridge', " \
    "or 'vif-openvswitch' with a <virtualport type='openvswitch'/>, or the interface in the primary"
#define ETHERNET_ERROR(script) \
    ERROR "interface '" TEST_MAC(1) "' has the script '" script "', expected the absolute path of " \
    "one that is none of Xen's and takes the name of the tap, or the interface in the primary"

    DO_TEST("vif-bridge", NULL, IN_LAN(BRIDGE(SCRIPT("vif-bridge"))), NULL);
    DO_TEST("vif-bridge by its path", NULL,
            IN_LAN(BRIDGE(SCRIPT("/etc/xen/scripts/vif-bridge"))), NULL);
    DO_TEST("another vif-bridge", NULL, IN_LAN(BRIDGE(SCRIPT("/opt/scripts/vif-bridge"))),
            BRIDGE_ERROR("/opt/scripts/vif-bridge"));
    DO_TEST("vif-route", NULL, IN_LAN(BRIDGE(SCRIPT("vif-route"))), BRIDGE_ERROR("vif-route"));
    DO_TEST("vif-route in the primary", NULL, IN_MAIN(BRIDGE(SCRIPT("vif-route"))), NULL);
    DO_TEST("vif-openvswitch", NULL, IN_LAN(BRIDGE(OVS SCRIPT("vif-openvswitch"))), NULL);
    DO_TEST("vif-openvswitch by its path", NULL,
            IN_LAN(BRIDGE(OVS SCRIPT("/etc/xen/scripts/vif-openvswitch"))), NULL);
    DO_TEST("vif-openvswitch without a virtual port", NULL,
            IN_LAN(BRIDGE(SCRIPT("/etc/xen/scripts/vif-openvswitch"))),
            BRIDGE_ERROR("/etc/xen/scripts/vif-openvswitch"));
    DO_TEST("vif-openvswitch with another virtual port", NULL,
            IN_LAN(BRIDGE("<virtualport type='midonet'><parameters "
                          "interfaceid='6ec25b1e-21c2-4d0b-a4f0-9a7c0a3f7a02'/></virtualport>"
                          SCRIPT("vif-openvswitch"))),
            BRIDGE_ERROR("vif-openvswitch"));
    DO_TEST("vif-bridge of a network", NULL,
            IN_LAN("<interface type='network'><mac address='" TEST_MAC(1) "'/>"
                   "<source network='default'/>" SCRIPT("vif-bridge") "</interface>"), NULL);
    DO_TEST("script of a network", NULL,
            IN_LAN("<interface type='network'><mac address='" TEST_MAC(1) "'/>"
                   "<source network='default'/>" SCRIPT("/opt/up") "</interface>"),
            BRIDGE_ERROR("/opt/up"));

    DO_TEST("script of ethernet", NULL, IN_LAN(ETHERNET(SCRIPT("/opt/up"))), NULL);
    DO_TEST("script of ethernet, one of Xen's", NULL, IN_LAN(ETHERNET(SCRIPT("vif-route"))),
            ETHERNET_ERROR("vif-route"));
    DO_TEST("script of ethernet, one of Xen's by its path", NULL,
            IN_LAN(ETHERNET(SCRIPT("/etc/xen/scripts/vif-route"))),
            ETHERNET_ERROR("/etc/xen/scripts/vif-route"));
    DO_TEST("script of ethernet, somewhere below a folder", NULL,
            IN_LAN(ETHERNET(SCRIPT("own/up"))), ETHERNET_ERROR("own/up"));
    DO_TEST("vif-route of ethernet in the primary", NULL,
            IN_MAIN(ETHERNET(SCRIPT("vif-route"))), NULL);

#undef ETHERNET_ERROR
#undef BRIDGE_ERROR
#undef OVS

    return ret;
}


/* A name with a place for a number would be filled in from a counter that all domains share. */
static int
testValidateNetTargets(void)
{
    int ret = 0;

#define TARGET(dev) "<target dev='" dev "'/>"
#define DO_TEST_NAME(title, dev) \
    DO_TEST("target device " title, NULL, IN_LAN(BRIDGE(TARGET(dev))), \
            ERROR "interface '" TEST_MAC(1) "' has the target device '" dev "', expected a name of " \
            "1 to 15 bytes without '%', '/', ':' and blanks, other than '.' and '..'")
#define ETHERNET_ERROR \
    ERROR "interface '" TEST_MAC(1) "' is of type 'ethernet' and has no target device, " \
    "expected one with a name of its own, or type 'bridge'"

    DO_TEST_NAME("as a template", "a%db");
    DO_TEST_NAME("with a word to fill in", "customer{%domid}.0");
    DO_TEST_NAME("with a percent sign", "50%");
    DO_TEST_NAME("that is too long", "0123456789abcdef");
    DO_TEST_NAME("that is empty", "");
    DO_TEST_NAME("that is a folder", ".");
    DO_TEST_NAME("that is the folder above", "..");
    DO_TEST_NAME("with a slash", "a/b");
    DO_TEST_NAME("with a colon", "a:b");
    DO_TEST_NAME("with a blank", "a b");
    DO_TEST("target device that is as long as can be", NULL,
            IN_LAN(BRIDGE(TARGET("0123456789abcde"))), NULL);
    DO_TEST("target device in the primary", NULL, IN_MAIN(BRIDGE(TARGET("a%db"))), NULL);
    DO_TEST("target device of an unmanaged tap", NULL,
            IN_LAN(ETHERNET("<target dev='a%db' managed='no'/>")),
            ERROR "interface '" TEST_MAC(1) "' has the target device 'a%db', expected a name of "
            "1 to 15 bytes without '%', '/', ':' and blanks, other than '.' and '..'");

    DO_TEST("ethernet with a tap to be found", NULL, IN_LAN(ETHERNET(LAN0)), NULL);
    DO_TEST("ethernet with a tap that nobody plugs", NULL, IN_LAN(ETHERNET("")), ETHERNET_ERROR);
    DO_TEST("ethernet with a name that looks generated", NULL,
            IN_LAN(ETHERNET(TARGET("vnet7"))), ETHERNET_ERROR);
    DO_TEST("ethernet without a tap that is there", NULL,
            IN_LAN(ETHERNET("<target managed='no'/>" SCRIPT("/opt/up"))), ETHERNET_ERROR);
    DO_TEST("ethernet without a tap in the primary", NULL, IN_MAIN(ETHERNET("")), NULL);

#undef ETHERNET_ERROR
#undef DO_TEST_NAME
#undef TARGET
#undef SCRIPT

    return ret;
}


static int
testValidateMTUs(void)
{
    int ret = 0;

#define MTU(size) "<mtu size='" size "'/>"
#define MTU_ERROR(size) \
    ERROR "interface '" TEST_MAC(1) "' has the MTU '" size "', expected '68' to '65521' in a secondary"

    DO_TEST("lowest MTU", NULL, IN_LAN(BRIDGE(MTU("68"))), NULL);
    DO_TEST("MTU below", NULL, IN_LAN(BRIDGE(MTU("67"))), MTU_ERROR("67"));
    DO_TEST("highest MTU", NULL, IN_LAN(BRIDGE(MTU("65521"))), NULL);
    DO_TEST("MTU above", NULL, IN_LAN(BRIDGE(MTU("65522"))), MTU_ERROR("65522"));
    DO_TEST("MTU in the primary", NULL, IN_MAIN(BRIDGE(MTU("65522"))), NULL);
    DO_TEST("MTU of ethernet", NULL, IN_LAN(ETHERNET(LAN0 MTU("1400"))), NULL);
    DO_TEST("MTU of a tap that is there", NULL,
            IN_LAN(ETHERNET("<target dev='lan0' managed='no'/>" MTU("1400"))),
            ERROR "interface '" TEST_MAC(1) "' has the MTU '1400' and a target device with "
            "managed='no', expected one of them");

#undef MTU_ERROR
#undef MTU

    return ret;
}


/* Which file it is, libvirt chooses when the domain starts. */
static int
testBootEFI(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *xml =
        libxlDeviceModelTestDomainXML("<type arch='x86_64' machine='xenfv'>hvm</type>"
                                      "<boot dev='network'/>",
                                      TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) TEST_NIC(1));
    g_autoptr(virDomainDef) def = NULL;

    if (!(def = virDomainDefParseString(xml, driver->xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE |
                                        VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE)))
        return -1;

    def->os.firmware = VIR_DOMAIN_OS_DEF_FIRMWARE_EFI;
    return libxlDeviceModelTestOutcome(libxlDeviceModelsValidate(def), NULL, NULL);
}


/* What libxl starts looks at the order of the kinds of devices only, and a NIC of a
 * secondary has no ROM. */
static int
testValidateBoot(void)
{
    int ret = 0;

#define OS(content) "<type arch='x86_64' machine='xenfv'>hvm</type>" content
#define NET OS("<boot dev='network'/>")
#define LAST OS("<boot dev='hd'/><boot dev='cdrom'/><boot dev='network'/>")
#define TWO(refs, nics) TEST_EMULATOR TEST_MAIN("") TEST_LAN(refs) TEST_NIC(2) nics
#define BOOT_ERROR(n) \
    UNSUPPORTED "device model 'lan' has the interface '" TEST_MAC(n) "', which has no boot ROM, " \
    "and the domain boots from 'network': expected an emulated interface in the primary, " \
    "or no <boot dev='network'/> (in xl.cfg: no 'n' in boot=)"
#define NETFRONT(n) TEST_NIC_MODEL(n, "<model type='netfront'/>")
#define HOSTDEV(source) \
    "<hostdev mode='subsystem' " source "</source></hostdev>"
#define PCI HOSTDEV("type='pci'><source><address domain='0' bus='1' slot='0' function='0'/>")
#define USB HOSTDEV("type='usb'><source><vendor id='0x1234'/><product id='0x5678'/>")
#define IDE(device, boot) \
    TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='ide'/>") \
    "<disk type='file' device='" device "'><source file='/a'/><target dev='hda' bus='ide'/>" \
    boot "</disk>"

    DO_TEST("boot from a NIC", NET, IN_LAN(BRIDGE("")), BOOT_ERROR(1));
    DO_TEST("boot from a NIC if nothing else is there", LAST, IN_LAN(BRIDGE("")), BOOT_ERROR(1));
    DO_TEST("boot from one of two NICs", NET, TWO(TEST_REF(2) TEST_REF(1), TEST_NIC(1)),
            BOOT_ERROR(2));
    DO_TEST("boot from a NIC of the primary", NET, TWO(TEST_REF(2), TEST_NIC(1)), NULL);
    DO_TEST("boot from a NIC beside one with no emulation", NET, TWO(TEST_REF(2), NETFRONT(1)),
            BOOT_ERROR(2));
    DO_TEST("boot from what may be a NIC of the host", NET, TWO(TEST_REF(2), PCI), NULL);
    DO_TEST("boot from a NIC beside a USB device of the host", NET, TWO(TEST_REF(2), USB),
            BOOT_ERROR(2));
    DO_TEST("boot from a network without a NIC", NET,
            IDE("disk", ""), NULL);
    DO_TEST("boot from a disk", OS("<boot dev='hd'/>"), IN_LAN(BRIDGE("")), NULL);
    DO_TEST("boot of a kernel", OS("<kernel>/vmlinuz</kernel><boot dev='network'/>"),
            IN_LAN(BRIDGE("")), NULL);
    DO_TEST("boot from a NIC by UEFI",
            OS("<loader readonly='yes' type='pflash'>/ovmf.bin</loader><boot dev='network'/>"),
            IN_LAN(BRIDGE("")), NULL);

    if (virTestRun("Validate boot from a NIC by UEFI that libvirt chooses", testBootEFI, NULL) < 0)
        ret = -1;

    DO_TEST("boot order of a NIC", NULL, IN_LAN(BRIDGE("<boot order='2'/>")),
            ERROR "interface '" TEST_MAC(1) "' has the boot order '2', "
            "expected none in a secondary, where it has no boot ROM");
    DO_TEST("boot order of a NIC in the primary", NULL, IN_MAIN(BRIDGE("<boot order='2'/>")), NULL);
    DO_TEST("boot order of a disk", NULL, IDE("disk", "<boot order='1'/>"),
            ERROR "disk 'hda' has the boot order '1', "
            "expected none in a secondary, and <boot dev='hd'/> in <os>");
    DO_TEST("boot order of a cdrom", NULL, IDE("cdrom", "<boot order='1'/>"),
            ERROR "disk 'hda' has the boot order '1', "
            "expected none in a secondary, and <boot dev='cdrom'/> in <os>");
    DO_TEST("boot order of a disk in the primary", NULL,
            IN_LAN(BRIDGE("")) "<disk type='file' device='disk'><source file='/a'/>"
            "<target dev='hda' bus='ide'/><boot order='1'/></disk>", NULL);

#define ROM_ERROR \
    ERROR "interface '" TEST_MAC(1) "' has a <rom>, expected none in a secondary, " \
    "or one with enabled='no' or bar='off' and no file"
    DO_TEST("ROM from a file", NULL, IN_LAN(BRIDGE("<rom file='/rom'/>")), ROM_ERROR);
    DO_TEST("ROM from a file that nobody sees", NULL,
            IN_LAN(BRIDGE("<rom bar='off' file='/rom'/>")), ROM_ERROR);
    DO_TEST("ROM that is seen", NULL, IN_LAN(BRIDGE("<rom bar='on'/>")), ROM_ERROR);
    DO_TEST("ROM that is enabled", NULL, IN_LAN(BRIDGE("<rom enabled='yes'/>")), ROM_ERROR);
    DO_TEST("ROM that nobody sees", NULL, IN_LAN(BRIDGE("<rom bar='off'/>")), NULL);
    DO_TEST("no ROM", NULL, IN_LAN(BRIDGE("<rom enabled='no'/>")), NULL);
    DO_TEST("ROM in the primary", NULL, IN_MAIN(BRIDGE("<rom file='/rom'/>")), NULL);

#undef ROM_ERROR
#undef IDE
#undef USB
#undef PCI
#undef HOSTDEV
#undef NETFRONT
#undef BOOT_ERROR
#undef TWO
#undef LAST
#undef NET
#undef OS
#undef LAN0
#undef IN_MAIN
#undef IN_LAN
#undef ETHERNET
#undef BRIDGE

    return ret;
}


static int
testValidateSerials(void)
{
    int ret = 0;

#define LAN_SERIALS TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='serial'/>")
#define LAN_SERIAL(serial) LAN_SERIALS "<serial type=" serial "</serial>"
#define TCP(host) "'tcp'><source mode='connect' host='127.0.0.1' service='4000' " host
#define UNIX(mode) "'unix'><source mode='" mode "' path='/run/guest.sock'"
#define PTY "<serial type='pty'/>"
#define TYPES "expected one of 'pty', 'file', 'unix', 'tcp', 'null'"

    DO_TEST("four serial ports", NULL, LAN_SERIALS PTY PTY PTY PTY, NULL);
    DO_TEST("five serial ports", NULL, LAN_SERIALS PTY PTY PTY PTY PTY,
            ERROR "serial port '4' is none of a PC's, expected one from '0' to '3'");

    DO_TEST("serial port to nothing", NULL, LAN_SERIAL("'null'>"), NULL);
    DO_TEST("serial port to a file", NULL,
            LAN_SERIAL("'file'><source path='/var/tmp/guest.log'/>"), NULL);
    DO_TEST("serial port that connects to a UNIX socket", NULL,
            LAN_SERIAL(UNIX("connect") "/>"), NULL);
    DO_TEST("serial port that listens on a UNIX socket", NULL, LAN_SERIAL(UNIX("bind") "/>"),
            NULL);
    DO_TEST("serial port to TCP", NULL, LAN_SERIAL(TCP("/>")), NULL);
    DO_TEST("serial port to Telnet", NULL,
            LAN_SERIAL(TCP("/><protocol type='telnet'/>")), NULL);

    DO_TEST("serial port to a device", NULL,
            LAN_SERIAL("'dev'><source path='/dev/ttyS0'/>"),
            ERROR "serial port '0' is of type 'dev', " TYPES);
    DO_TEST("serial port to a pipe", NULL,
            LAN_SERIAL("'pipe'><source path='/run/guest.fifo'/>"),
            ERROR "serial port '0' is of type 'pipe', " TYPES);
    DO_TEST("serial port to the terminal", NULL, LAN_SERIAL("'stdio'>"),
            ERROR "serial port '0' is of type 'stdio', " TYPES);
    DO_TEST("serial port to the display", NULL, LAN_SERIAL("'vc'>"),
            ERROR "serial port '0' is of type 'vc', " TYPES);
    DO_TEST("second serial port to UDP", NULL,
            LAN_SERIALS PTY "<serial type='udp'>"
            "<source mode='connect' host='127.0.0.1' service='4000'/></serial>",
            ERROR "serial port '1' is of type 'udp', " TYPES);
    DO_TEST("serial port to a device in the primary", NULL,
            TEST_EMULATOR TEST_MAIN("")
            "<serial type='dev'><source path='/dev/ttyS0'/></serial>", NULL);

    DO_TEST("serial port to Telnet with TLS", NULL,
            LAN_SERIAL(TCP("/><protocol type='telnets'/>")),
            ERROR "serial port '0' has the protocol 'telnets', expected 'raw' or 'telnet'");
    DO_TEST("serial port with TLS", NULL, LAN_SERIAL(TCP("tls='yes'/>")),
            ERROR "serial port '0' has 'tls', expected a port without it in a secondary");
    DO_TEST("serial port without TLS", NULL, LAN_SERIAL(TCP("tls='no'/>")), NULL);
    DO_TEST("serial port that connects to TCP again", NULL,
            LAN_SERIAL(TCP("><reconnect enabled='yes' timeout='5'/></source>")),
            ERROR "serial port '0' has 'reconnect', expected a port without it in a secondary");
    DO_TEST("serial port that connects to a UNIX socket again", NULL,
            LAN_SERIAL(UNIX("connect") "><reconnect enabled='yes' timeout='5'/></source>"),
            ERROR "serial port '0' has 'reconnect', expected a port without it in a secondary");
    DO_TEST("serial port with a log", NULL,
            LAN_SERIAL("'pty'><log file='/var/tmp/guest.log'/>"),
            ERROR "serial port '0' has 'log', expected a port without it in a secondary");

    DO_TEST("ISA serial port", NULL, LAN_SERIAL("'pty'><target type='isa-serial' port='0'/>"),
            NULL);
    DO_TEST("USB serial port", NULL, LAN_SERIAL("'pty'><target type='usb-serial' port='0'/>"),
            ERROR "serial port '0' has the target type 'usb-serial', expected 'isa-serial'");
    DO_TEST("USB serial port in the primary", NULL,
            TEST_EMULATOR TEST_MAIN("")
            "<serial type='pty'><target type='usb-serial' port='0'/></serial>", NULL);

#undef TYPES
#undef PTY
#undef UNIX
#undef TCP
#undef LAN_SERIAL
#undef LAN_SERIALS

    return ret;
}


static int
testValidateUARTs(void)
{
    int ret = 0;

#define LAN_PORTS TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='serial'/>")
#define MAIN_PORTS TEST_EMULATOR TEST_MAIN("")
#define MAIN_ERROR UNSUPPORTED "device model 'main': "
#define PORT_FULL(port, more) "<serial type='pty'><target port='" port "'/>" more "</serial>"
#define PORT(port) PORT_FULL(port, "")
#define ADDRESS(port, addr) PORT_FULL(port, "<address type='isa' " addr "/>")
#define NONE(port) "serial port '" port "' is none of a PC's, expected one from '0' to '3'"
#define TWICE(port) "serial port '" port "' is there twice, expected another port for one of them"
#define GAP(port, gap) \
    "serial port '" port "' without a serial port '" gap "', expected no gap in the primary"
#define WRONG(port, addr, expected) \
    "serial port '" port "' has an address with " addr ", expected " expected " or no address"

    DO_TEST("last serial port", NULL, LAN_PORTS PORT("3"), NULL);
    DO_TEST("serial port behind the last", NULL, LAN_PORTS PORT("4"), ERROR NONE("4"));
    DO_TEST("negative serial port", NULL, LAN_PORTS PORT("-2"), ERROR NONE("-2"));
    DO_TEST("serial port whose number is too large", NULL, LAN_PORTS PORT("2147483648"),
            ERROR NONE("-2147483648"));
    DO_TEST("negative ISA serial port", NULL,
            LAN_PORTS "<serial type='pty'><target type='isa-serial' port='-1000000000'/></serial>",
            "internal error: Maximum supported number of ISA serial ports is '4'");
    DO_TEST("five serial ports in the primary", NULL,
            MAIN_PORTS PORT("0") PORT("1") PORT("2") PORT("3") PORT("4"), MAIN_ERROR NONE("4"));

    DO_TEST("second serial port and no first", NULL, LAN_PORTS PORT("1"), NULL);
    DO_TEST("serial ports in another order", NULL, LAN_PORTS PORT("2") PORT("0"), NULL);
    DO_TEST("serial ports in another order in the primary", NULL,
            MAIN_PORTS PORT("1") PORT("0"), NULL);
    DO_TEST("second serial port and no first in the primary", NULL, MAIN_PORTS PORT("1"),
            MAIN_ERROR GAP("1", "0"));
    DO_TEST("third serial port and no second in the primary", NULL,
            MAIN_PORTS PORT("2") PORT("0"), MAIN_ERROR GAP("2", "1"));
    DO_TEST("serial port that fills a gap in the primary", NULL,
            MAIN_PORTS PORT("1") "<serial type='pty'/>", NULL);

    DO_TEST("serial port that is there twice", NULL, LAN_PORTS PORT("1") PORT("0") PORT("1"),
            ERROR TWICE("1"));
    DO_TEST("serial port that is there twice in the primary", NULL,
            MAIN_PORTS PORT("0") PORT("0"), MAIN_ERROR TWICE("0"));

    DO_TEST("addresses of serial ports", NULL,
            LAN_PORTS ADDRESS("0", "iobase='0x3f8' irq='0x4'")
            ADDRESS("1", "iobase='0x2f8' irq='0x3'") ADDRESS("2", "iobase='0x3e8' irq='0x4'")
            ADDRESS("3", "iobase='0x2e8' irq='0x3'"), NULL);
    DO_TEST("serial port with a part of its address", NULL,
            LAN_PORTS ADDRESS("0", "iobase='0x3f8'") ADDRESS("1", "irq='0x3'"), NULL);
    DO_TEST("serial port at the place of another", NULL, LAN_PORTS ADDRESS("0", "iobase='0x2f8'"),
            ERROR WRONG("0", "iobase '0x2f8' and irq '0x0'", "'0x3f8' and '0x4'"));
    DO_TEST("serial port with the interrupt of another", NULL,
            LAN_PORTS PORT("0") ADDRESS("1", "iobase='0x2f8' irq='0x4'"),
            ERROR WRONG("1", "iobase '0x2f8' and irq '0x4'", "'0x2f8' and '0x3'"));
    DO_TEST("serial port at the place of another in the primary", NULL,
            MAIN_PORTS ADDRESS("0", "iobase='0x2f8'"),
            MAIN_ERROR WRONG("0", "iobase '0x2f8' and irq '0x0'", "'0x3f8' and '0x4'"));
    DO_TEST("serial port with a USB address", NULL,
            LAN_PORTS PORT_FULL("0", "<address type='usb' bus='0' port='1'/>"),
            ERROR "serial port '0' has an address of type 'usb', expected one of type 'isa' or none");

    DO_TEST("serial port behind the last without device models", NULL, PORT("4") PORT("4"), NULL);
    DO_TEST("second serial port and no first without device models", NULL, PORT("1"), NULL);

#undef WRONG
#undef GAP
#undef TWICE
#undef NONE
#undef ADDRESS
#undef PORT
#undef PORT_FULL
#undef MAIN_ERROR
#undef MAIN_PORTS
#undef LAN_PORTS

    return ret;
}


#define DISK(type, driver, target, more) \
    "<disk type='" type "' device='disk'>" driver "<source file='/a'/>" \
    "<target dev='" target "' bus='ide'/>" more "</disk>"
#define LAN_DISK(type, driver, target, more) \
    TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='ide'/>") \
    DISK(type, driver, target, more)
#define ADDRESS(controller, bus, target, unit) \
    "<address type='drive' controller='" controller "' bus='" bus "' " \
    "target='" target "' unit='" unit "'/>"

static int
testValidateDiskPlaces(void)
{
    int ret = 0;

#define PLACE(target, address) LAN_DISK("file", "", target, address)
#define NAMES "expected one of 'hda', 'hdb', 'hdc', 'hdd' there"
#define ADDRESS_ERROR(target, actual, expected) \
    ERROR "disk '" target "' has the drive address '" actual "', " \
    "expected controller, bus, target and unit '" expected "' or no address"

    DO_TEST("four IDE disks", NULL,
            PLACE("hda", "") DISK("file", "", "hdb", "") DISK("file", "", "hdc", "")
            DISK("file", "", "hdd", ""), NULL);
    DO_TEST("disk that is not on IDE", NULL,
            PLACE("hda", "") "<disk type='file' device='disk'><source file='/b'/>"
            "<target dev='xvda' bus='xen'/></disk>", NULL);
    DO_TEST("fifth IDE disk", NULL, PLACE("hde", ""),
            ERROR "disk 'hde' is on bus 'ide', " NAMES);
    DO_TEST("IDE disk with the name of a SCSI disk", NULL, PLACE("sda", ""),
            ERROR "disk 'sda' is on bus 'ide', " NAMES);
    DO_TEST("IDE disk with the name of a partition", NULL, PLACE("hda1", ""),
            ERROR "disk 'hda1' is on bus 'ide', " NAMES);
    DO_TEST("disk without a target", NULL,
            TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='ide'/>")
            "<disk type='file' device='disk'><source file='/a'/></disk>",
            ERROR "disk '' is on bus 'ide', " NAMES);
    DO_TEST("disk without a target in the primary", NULL,
            TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) TEST_NIC(1)
            "<disk type='file' device='disk'><source file='/a'/></disk>",
            "missing target information for device /a");
    DO_TEST("fifth IDE disk in the primary", NULL,
            TEST_EMULATOR TEST_MAIN("") DISK("file", "", "hde", ""), NULL);

    DO_TEST("IDE disk with its address", NULL, PLACE("hdd", ADDRESS("0", "1", "0", "1")), NULL);
    DO_TEST("IDE disk on another bus", NULL, PLACE("hda", ADDRESS("0", "1", "0", "0")),
            ADDRESS_ERROR("hda", "0:1:0:0", "0:0:0:0"));
    DO_TEST("IDE disk at another unit", NULL, PLACE("hdd", ADDRESS("0", "1", "0", "0")),
            ADDRESS_ERROR("hdd", "0:1:0:0", "0:1:0:1"));
    DO_TEST("IDE disk at another controller", NULL, PLACE("hdc", ADDRESS("1", "1", "0", "0")),
            ADDRESS_ERROR("hdc", "1:1:0:0", "0:1:0:0"));
    DO_TEST("IDE disk at another target", NULL, PLACE("hdb", ADDRESS("0", "0", "1", "1")),
            ADDRESS_ERROR("hdb", "0:0:1:1", "0:0:0:1"));

#undef ADDRESS_ERROR
#undef NAMES
#undef PLACE

    return ret;
}


static int
testValidateDiskFormats(void)
{
    int ret = 0;

#define FORMAT(driver) LAN_DISK("file", "<driver " driver "/>", "hda", "")
#define FORMAT_ERROR(format, accepted) \
    ERROR "disk 'hda' has the format '" format "', expected one of " accepted
#define DRIVER_ERROR(format, driver, accepted) \
    ERROR "disk 'hda' has the format '" format "' with the driver '" driver "', " \
    "expected one of " accepted

    DO_TEST("raw disk", NULL, FORMAT("type='raw'"), NULL);
    DO_TEST("qcow2 disk", NULL, FORMAT("type='qcow2'"), NULL);
    DO_TEST("vhd disk", NULL, FORMAT("type='vhd'"), NULL);
    DO_TEST("vpc disk", NULL, FORMAT("type='vpc'"), NULL);
    DO_TEST("qcow2 disk of qemu", NULL, FORMAT("name='qemu' type='qcow2'"), NULL);
    DO_TEST("vhd disk of tap", NULL, FORMAT("name='tap' type='vhd'"), NULL);
    DO_TEST("raw disk of tap2", NULL, FORMAT("name='tap2' type='raw'"), NULL);
    DO_TEST("raw disk of file", NULL, FORMAT("name='file' type='raw'"), NULL);
    DO_TEST("raw disk of phy", NULL, FORMAT("name='phy' type='raw'"), NULL);

    DO_TEST("vdi disk", NULL, FORMAT("type='vdi'"),
            FORMAT_ERROR("vdi", "'raw', 'qcow2', 'vhd', 'vpc'"));
    DO_TEST("vpc disk of qemu", NULL, FORMAT("name='qemu' type='vpc'"),
            DRIVER_ERROR("vpc", "qemu", "'raw', 'qcow2', 'vhd'"));
    DO_TEST("qed disk of qemu", NULL, FORMAT("name='qemu' type='qed'"),
            DRIVER_ERROR("qed", "qemu", "'raw', 'qcow2', 'vhd'"));
    DO_TEST("qcow2 disk of file", NULL, FORMAT("name='file' type='qcow2'"),
            DRIVER_ERROR("qcow2", "file", "'raw'"));
    DO_TEST("disk of an unknown driver", NULL, FORMAT("name='vbd3' type='raw'"),
            ERROR "disk 'hda' has the driver 'vbd3', expected none or one of "
            "'qemu', 'tap', 'tap2', 'file', 'phy'");
    DO_TEST("vdi disk in the primary", NULL,
            TEST_EMULATOR TEST_MAIN("") DISK("file", "<driver type='vdi'/>", "hda", ""), NULL);

#undef DRIVER_ERROR
#undef FORMAT_ERROR
#undef FORMAT

    return ret;
}


static int
testValidateDiskSources(void)
{
    int ret = 0;

#define CAP TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='ide'/>")
#define SOURCE(type, device, source) \
    CAP "<disk type='" type "' device='" device "'>" source \
    "<target dev='hda' bus='ide'/></disk>"
#define CHAIN(type, source, format) \
    LAN_DISK("file", "<driver type='qcow2'/>", "hda", \
             "<backingStore type='" type "'><format type='" format "'/>" source "</backingStore>")
#define TYPE_ERROR(type) \
    ERROR "disk 'hda' has a source of type '" type "', expected 'file' or 'block'"

    DO_TEST("disk on a block device", NULL,
            SOURCE("block", "disk", "<source dev='/dev/vg/a'/>"), NULL);
    DO_TEST("cdrom", NULL, SOURCE("file", "cdrom", "<source file='/a'/>"), NULL);
    DO_TEST("cdrom without a medium", NULL, SOURCE("file", "cdrom", ""), NULL);
    DO_TEST("backing chain", NULL, CHAIN("file", "<source file='/b'/><backingStore/>", "raw"),
            NULL);

    DO_TEST("network disk", NULL,
            SOURCE("network", "disk", "<source protocol='nbd' name='a'>"
                   "<host name='127.0.0.1' port='10809'/></source>"), TYPE_ERROR("network"));
    DO_TEST("volume", NULL, SOURCE("volume", "disk", "<source pool='a' volume='b'/>"),
            TYPE_ERROR("volume"));
    DO_TEST("NVMe disk", NULL,
            SOURCE("nvme", "disk", "<source type='pci' namespace='1'>"
                   "<address domain='0' bus='1' slot='0' function='0'/></source>"),
            TYPE_ERROR("nvme"));
    DO_TEST("folder", NULL, SOURCE("dir", "cdrom", "<source dir='/a'/>"), TYPE_ERROR("dir"));
    DO_TEST("backing chain to a network", NULL,
            CHAIN("network", "<source protocol='nbd' name='a'>"
                  "<host name='127.0.0.1' port='10809'/></source>", "raw"), TYPE_ERROR("network"));
    DO_TEST("backing chain of a vdi image", NULL,
            CHAIN("file", "<source file='/b'/>", "vdi"),
            ERROR "disk 'hda' has a <backingStore> of the format 'vdi', "
            "expected one of 'raw', 'qcow2', 'vhd', 'vpc'");
    DO_TEST("backing chain of a raw disk", NULL,
            LAN_DISK("file", "<driver type='raw'/>", "hda",
                     "<backingStore type='file'><format type='raw'/><source file='/b'/>"
                     "</backingStore>"),
            ERROR "image '/a' of disk 'hda' has a <backingStore> and the format 'raw', "
            "expected the format 'qcow2' or no <backingStore>");
    DO_TEST("backing chain that goes on from a raw image", NULL,
            CHAIN("file", "<source file='/b'/><backingStore type='file'><format type='raw'/>"
                  "<source file='/c'/></backingStore>", "raw"),
            ERROR "image '/b' of disk 'hda' has a <backingStore> and the format 'raw', "
            "expected the format 'qcow2' or no <backingStore>");
    DO_TEST("network disk in the primary", NULL,
            TEST_EMULATOR TEST_MAIN("")
            "<disk type='network' device='disk'><source protocol='nbd' name='a'>"
            "<host name='127.0.0.1' port='10809'/></source>"
            "<target dev='hda' bus='ide'/></disk>", NULL);

    DO_TEST("LUN", NULL, SOURCE("block", "lun", "<source dev='/dev/sdb'/>"),
            ERROR "disk 'hda' is of device type 'lun', expected 'disk' or 'cdrom'");
    DO_TEST("read-only disk", NULL,
            SOURCE("file", "disk", "<source file='/a'/><readonly/>"),
            ERROR "disk 'hda' is read-only, expected a writable disk or device type 'cdrom'");
    DO_TEST("shareable disk", NULL,
            SOURCE("file", "disk", "<source file='/a'/><shareable/>"), NULL);

#undef TYPE_ERROR
#undef CHAIN
#undef SOURCE
#undef CAP

    return ret;
}


static int
testValidateDiskOptions(void)
{
    int ret = 0;

#define OPTION(driver, more) LAN_DISK("file", "<driver type='qcow2' " driver "/>", "hda", more)
#define OPTION_ERROR(option) \
    ERROR "disk 'hda' has '" option "', expected a disk without it in a secondary"
#define ENCRYPTION \
    "<encryption format='luks'>" \
    "<secret type='passphrase' uuid='6ec25b1e-21c2-4d0b-a4f0-9a7c0a3f7a02'/></encryption>"
#define SOURCE(content) \
    TEST_EMULATOR TEST_MAIN("") TEST_LAN("<capability name='ide'/>") \
    "<disk type='file' device='disk'><driver type='qcow2'/>" \
    "<source file='/a'>" content "</source><target dev='hda' bus='ide'/></disk>"

    DO_TEST("encrypted disk", NULL, OPTION("", ENCRYPTION), OPTION_ERROR("encryption"));
    DO_TEST("encrypted backing chain", NULL,
            OPTION("", "<backingStore type='file'><format type='qcow2'/>"
                   "<source file='/b'>" ENCRYPTION "</source></backingStore>"),
            OPTION_ERROR("encryption"));
    DO_TEST("slice of a disk", NULL,
            SOURCE("<slices><slice type='storage' offset='0' size='1024'/></slices>"),
            OPTION_ERROR("slices"));
    DO_TEST("backing chain of an fd group", NULL,
            OPTION("", "<backingStore type='file'><format type='qcow2'/>"
                   "<source file='/b' fdgroup='a'/></backingStore>"), OPTION_ERROR("fdgroup"));
    DO_TEST("data file", NULL,
            SOURCE("<dataStore type='file'><format type='raw'/><source file='/b'/>"
                   "</dataStore>"), OPTION_ERROR("dataStore"));
    DO_TEST("limited disk", NULL,
            OPTION("", "<iotune><total_bytes_sec>1048576</total_bytes_sec></iotune>"),
            OPTION_ERROR("iotune"));
    DO_TEST("throttled disk", NULL,
            OPTION("", "<throttlefilters><throttlefilter group='a'/></throttlefilters>")
            "</devices><throttlegroups><throttlegroup><group_name>a</group_name>"
            "<total_bytes_sec>1048576</total_bytes_sec></throttlegroup></throttlegroups><devices>",
            OPTION_ERROR("throttlefilters"));
    DO_TEST("copy on read", NULL, OPTION("copy_on_read='on'", ""), OPTION_ERROR("copy_on_read"));
    DO_TEST("no copy on read", NULL, OPTION("copy_on_read='off'", ""), NULL);
    DO_TEST("transient disk", NULL, OPTION("", "<transient/>"), OPTION_ERROR("transient"));
    DO_TEST("disk of a backend domain", NULL, OPTION("", "<backenddomain name='stubdom'/>"),
            ERROR "disk 'hda' has the backend domain 'stubdom', expected none in a secondary");
    DO_TEST("disk with what the Xen driver has always ignored", NULL,
            OPTION("io='native' error_policy='stop'", "<wwn>5000c50015ea71aa</wwn>"), NULL);

#undef SOURCE
#undef ENCRYPTION
#undef OPTION_ERROR
#undef OPTION

    return ret;
}

#undef ADDRESS
#undef LAN_DISK
#undef DISK


static int
testValidateNetworks(void)
{
    int ret = 0;

#define NETWORK(actual) \
    TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) \
    "<interface type='network'><mac address='" TEST_MAC(1) "'/>" \
    "<source network='default'/><actual type=" actual "</actual></interface>"
#define TYPE_ERROR(type) \
    ERROR "interface '" TEST_MAC(1) "' is of type '" type "', " \
    "expected one of 'bridge', 'network', 'ethernet'"
#undef DO_TEST
#define DO_TEST(name, devices, error) \
    DO_TEST_REFUSAL(testNetwork, "Network that " name, NULL, devices, error)

    DO_TEST("is a bridge", NETWORK("'bridge'><source bridge='virbr0'/>"), NULL);
    DO_TEST("is a device of the host", NETWORK("'direct'><source dev='eth0' mode='bridge'/>"),
            TYPE_ERROR("direct"));
    DO_TEST("is a pool of PCI devices",
            NETWORK("'hostdev' managed='yes'><source>"
                    "<address type='pci' domain='0' bus='10' slot='16' function='0'/></source>"),
            TYPE_ERROR("hostdev"));

#undef TYPE_ERROR
#undef NETWORK
#undef ERROR
#undef DO_TEST

    return ret;
}


static int
testHosts(void)
{
    int ret = 0;

#define DO_TEST(name, emulator, error) \
    DO_TEST_REFUSAL(testHost, "Host: " name, NULL, \
                    TEST_EMULATOR TEST_MAIN("") \
                    TEST_LAN("<emulator>" emulator "</emulator>" TEST_REF(1)) TEST_NIC(1), \
                    error)
#define ERROR UNSUPPORTED "device model 'lan': emulator "
#define MISSING "does not exist, expected the path of an executable file"
#define NOT_EXECUTABLE "is not an executable file, expected the path of one"

    DO_TEST("emulator is there", "/bin/true", NULL);
    DO_TEST("emulator is missing", "/nonexistent/qemu",
            ERROR "'/nonexistent/qemu' " MISSING);
    DO_TEST("emulator is a folder", "/etc", ERROR "'/etc' " NOT_EXECUTABLE);
    DO_TEST("emulator is not executable", "/etc/passwd", ERROR "'/etc/passwd' " NOT_EXECUTABLE);
    DO_TEST("emulator is a device", "/dev/null", ERROR "'/dev/null' " NOT_EXECUTABLE);

    DO_TEST_REFUSAL(testHost, "Host: emulator of the domain is missing", NULL,
                    "<emulator>/nonexistent/qemu</emulator>" TEST_MAIN("")
                    TEST_LAN(TEST_REF(1)) TEST_NIC(1),
                    ERROR "'/nonexistent/qemu' " MISSING);
    DO_TEST_REFUSAL(testHost, "Host: emulator of the primary is missing for its secondaries", NULL,
                    TEST_MAIN("<emulator>/nonexistent/qemu</emulator>")
                    TEST_LAN(TEST_REF(1)) TEST_NIC(1),
                    ERROR "'/nonexistent/qemu' " MISSING);
    DO_TEST_REFUSAL(testHost, "Host: emulator that libxl takes is not known yet", NULL,
                    TEST_MAIN("") TEST_LAN(TEST_REF(1)) TEST_NIC(1), NULL);
    DO_TEST_REFUSAL(testHost, "Host: that of the primary is libxl's to check", NULL,
                    TEST_MAIN("<emulator>/nonexistent/qemu</emulator>")
                    TEST_LAN(TEST_EMULATOR TEST_REF(1)) TEST_NIC(1), NULL);
    DO_TEST_REFUSAL(testHost, "Host: no secondary", NULL,
                    "<emulator>/nonexistent/qemu</emulator>" TEST_MAIN(""), NULL);

#undef NOT_EXECUTABLE
#undef MISSING
#undef ERROR
#undef DO_TEST

    return ret;
}


#define IDE_DISK \
    "<disk type='block' device='disk'><source dev='/dev/null'/>" \
    "<target dev='hda' bus='ide'/></disk>"
#define XEN_DISK \
    "<disk type='block' device='disk'><source dev='/dev/null'/>" \
    "<target dev='xvda' bus='xen'/></disk>"

static int
testPrepares(void)
{
    int ret = 0;

#define DO_TEST(name, devices, error) \
    DO_TEST_REFUSAL(testPrepare, "Prepare " name, NULL, devices, error)
#define LAN(content) TEST_EMULATOR TEST_MAIN("") TEST_LAN(content)
#define CAP(cap) "<capability name='" cap "'/>"
#define SERIAL "<serial type='pty'><target port='0'/></serial>"
#define SOUND "<sound model='ac97'/>"

    DO_TEST("no device model", TEST_EMULATOR TEST_NIC(1), NULL);
    DO_TEST("NIC", LAN(TEST_REF(1)) TEST_NIC(1), NULL);
    DO_TEST("IDE disk", LAN(CAP("ide")) IDE_DISK, NULL);
    DO_TEST("serial port", LAN(CAP("serial")) SERIAL, NULL);
    DO_TEST("sound card", LAN(CAP("audio")) SOUND, NULL);
    DO_TEST("NIC and sound card", LAN(CAP("audio") TEST_REF(1)) TEST_NIC(1) SOUND, NULL);
    DO_TEST("NIC and capabilities without devices",
            LAN(CAP("ide") CAP("serial") CAP("audio") TEST_REF(1)) TEST_NIC(1) XEN_DISK, NULL);
    DO_TEST("capabilities without devices",
            LAN(CAP("ide") CAP("serial") CAP("audio")) XEN_DISK,
            UNSUPPORTED "device model 'lan' has nothing to emulate: expected an interface, "
            "or a device of the domain for one of its capabilities");
    DO_TEST("devices of the primary",
            LAN(TEST_REF(1)) TEST_NIC(1) IDE_DISK SERIAL SOUND, NULL);

    /* all rules, also those that are checked when a domain is defined */
    DO_TEST("no such NIC", LAN(TEST_REF(1)),
            UNSUPPORTED "device model 'lan' refers to the interface mac='" TEST_MAC(1) "', "
            "expected the mac or alias of an interface of the domain");
    DO_TEST("netfront", LAN(TEST_REF(1)) TEST_NIC_MODEL(1, "<model type='netfront'/>"),
            UNSUPPORTED "device model 'lan': model 'netfront' of interface '" TEST_MAC(1) "' "
            "cannot be emulated by a secondary, expected one of "
            "'rtl8139', 'e1000', 'e1000e', 'pcnet', 'ne2k_pci', 'virtio', "
            "'virtio-net', 'virtio-net-pci'");
    DO_TEST("missing emulator",
            LAN("<emulator>/nonexistent/qemu</emulator>" TEST_REF(1)) TEST_NIC(1),
            UNSUPPORTED "device model 'lan': emulator '/nonexistent/qemu' does not exist, "
            "expected the path of an executable file");
    DO_TEST("impossible slot", LAN(TEST_REF(1)) TEST_NIC_ADDRESS(1, TEST_SLOT("0x02")),
            UNSUPPORTED "device model 'lan': PCI address '0000:00:02.0' of device '" TEST_MAC(1)
            "', expected domain 0, bus 0, function 0 and a free slot from 0x04 to 0x1f "
            "other than 0x1d");

#undef SOUND
#undef SERIAL
#undef CAP
#undef LAN
#undef DO_TEST

    return ret;
}

#undef XEN_DISK
#undef IDE_DISK


static int
mymain(void)
{
    int ret = 0;

    if (!(driver = testXLInitDriver()))
        return EXIT_FAILURE;

    if (testValidateTypes() < 0 ||
        testValidateDevices() < 0 ||
        testValidateCapabilities() < 0)
        ret = -1;

    if (testValidateRestarts() < 0)
        ret = -1;
    if (testValidateNetOptions() < 0 ||
        testValidateNetScripts() < 0 ||
        testValidateNetTargets() < 0 ||
        testValidateMTUs() < 0 ||
        testValidateBoot() < 0)
        ret = -1;
    if (testValidateSounds() < 0 ||
        testValidateSerials() < 0 ||
        testValidateUARTs() < 0 ||
        testValidateDiskPlaces() < 0 ||
        testValidateDiskFormats() < 0 ||
        testValidateDiskSources() < 0 ||
        testValidateDiskOptions() < 0 ||
        testValidateNetworks() < 0)
        ret = -1;

    if (testHosts() < 0 ||
        testPrepares() < 0)
        ret = -1;

    unlink("libxl-driver.log");
    testXLFreeDriver(driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
