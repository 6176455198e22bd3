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
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestutils.h"
#include "libxldevicemodeltestxl.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define SYNTAX "configuration file syntax error: "
#define UNSUPPORTED "unsupported configuration: "

static libxlDriverPrivate *driver;


static virDomainDef *
testParseXL(const char *type,
            const char *lines)
{
    g_autofree char *cfg = g_strdup_printf("name = \"guest\"\n"
                                           "uuid = \"6ec25b1e-21c2-4d0b-a4f0-9a7c0a3f7a01\"\n"
                                           "type = \"%s\"\n"
                                           "memory = 256\n"
                                           "vcpus = 4\n"
                                           "%s\n", type, lines);

    return libxlDeviceModelTestParseXL(driver, cfg);
}


static virDomainDef *
testParseXML(const char *xml)
{
    return virDomainDefParseString(xml, driver->xmlopt, NULL,
                                   VIR_DOMAIN_DEF_PARSE_INACTIVE);
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


struct testToData {
    const char *devices;
    const char *cfg; /* a part */
    const char *error; /* instead */
};

/* What is written is read again, and then written as the same. */
static int
testTo(const void *opaque)
{
    const struct testToData *data = opaque;
    g_autofree char *xml = libxlDeviceModelTestDomainXML(NULL, data->devices);
    g_autofree char *cfg = NULL;
    g_autofree char *again = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virDomainDef) read = NULL;

    if (!(def = testParseXML(xml)))
        return -1;

    cfg = libxlDeviceModelTestFormatXL(def);

    if (testCompare(cfg, data->cfg, data->error) < 0)
        return -1;

    if (!cfg)
        return 0;

    if (!(read = libxlDeviceModelTestParseXL(driver, cfg)) ||
        !(again = libxlDeviceModelTestFormatXL(read)))
        return -1;

    return virTestCompareToString(cfg, again);
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
    DO_TEST_CHANNEL("connection=pty", "'name=' in it");
    DO_TEST_CHANNEL("connection=pty,agent", "'KEY=VALUE' instead of 'agent'");
    DO_TEST("channel = [ \"connection=pty,name=agent,\" ]",
            "<target type='xen' name='agent'/>");

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
                  "'hostbus=' and 'hostaddr=' with numbers in it")
#define DO_TEST_CONTROLLER(controller) \
    DO_TEST_ERROR("usbctrl = [ \"" controller "\" ]", \
                  UNSUPPORTED "USB controller '" controller "' is not supported, expected " \
                  "'type=qusb', 'version=' and 'ports=' with numbers")

    DO_TEST_USB("hostbus=1");
    DO_TEST_USB("hostaddr=3");
    DO_TEST_USB("type=hostdev");
    DO_TEST_USB("hostbus=1,hostaddr=x");
    DO_TEST_USB("hostbus=x,hostaddr=3");
    DO_TEST_USB("hostbus=1,hostaddr=3,port");
    DO_TEST("usbdev = [ \"hostbus=1,hostaddr=10\" ]", "<address bus='1' device='10'/>");
    DO_TEST("usbdev = [ \"hostbus=0x10,hostaddr=3,\" ]", "<address bus='16' device='3'/>");

    DO_TEST_CONTROLLER("type=devicemodel");
    DO_TEST_CONTROLLER("type=qusb,version");
    DO_TEST_CONTROLLER("type=qusb,version=x");
    DO_TEST_CONTROLLER("type=qusb,ports=x");
    DO_TEST("usbctrl = [ \"type=qusb,version=2,ports=12,\" ]", "model='qusb2' ports='12'");
    DO_TEST("usbctrl = [ \"type=auto,version=1\" ]", "model='qusb1' ports='8'");

#undef DO_TEST_CONTROLLER
#undef DO_TEST_USB

    return ret;
}


static int
testFromVif(void)
{
    int ret = 0;

#define VIF(words) "vif = [ \"mac=00:16:3e:00:00:01," words "\" ]"
#define DO_TEST_BRIDGE(bridge) \
    DO_TEST_ERROR(VIF("bridge=" bridge), \
                  SYNTAX "malformed bridge '" bridge "', expected 'NAME', 'NAME.VLAN' or 'NAME:TRUNK:TRUNK'")

    DO_TEST(VIF("bridge=br0,backend=netdom"), "<backenddomain name='netdom'/>");
    DO_TEST(VIF("bridge=br0,mtu=9000"), "<mtu size='9000'/>");
    DO_TEST(VIF("bridge=br0,model=virtio-net"), "<model type='virtio'/>");
    DO_TEST(VIF("bridge=br0,model=virtio-net-pci"), "<model type='virtio-net-pci'/>");
    DO_TEST(VIF("bridge=br0,"), "<source bridge='br0'/>");
    DO_TEST(VIF("bridge=br0, ,model=e1000"), "<model type='e1000'/>");
    DO_TEST_ERROR(VIF("bridge=br0,mtu=large"),
                  SYNTAX "malformed vif 'mac=00:16:3e:00:00:01,bridge=br0,mtu=large', "
                  "expected a number behind 'mtu='");
    DO_TEST_ERROR(VIF("br0"),
                  SYNTAX "malformed vif 'mac=00:16:3e:00:00:01,br0', "
                  "expected 'KEY=VALUE' instead of 'br0'");
    DO_TEST_BRIDGE("br0.x");
    DO_TEST_BRIDGE("br0:1:x");

#undef DO_TEST_BRIDGE
#undef VIF

    return ret;
}


static int
testFromDisk(void)
{
    int ret = 0;

    DO_TEST("disk = [ \"format=qcow2,vdev=hdc,devtype=cdrom,target=/b.qcow2\" ]",
            "<driver name='qemu' type='qcow2'/>");
    DO_TEST("disk = [ \"format=vhd,vdev=hdc,devtype=cdrom,target=/b.vhd\" ]",
            "<driver name='qemu' type='vhd'/>");
    DO_TEST("disk = [ \"vdev=hdc,devtype=cdrom,target=/b.iso\" ]",
            "<driver name='qemu' type='raw'/>");
    DO_TEST("disk = [ \"vdev=hdc,devtype=cdrom\" ]", "<disk type='file' device='cdrom'>\n"
            "      <driver name='qemu' type='raw'/>\n"
            "      <target dev='hdc' bus='ide'/>\n");
    DO_TEST("disk = [ \"format=vhd,vdev=hda,target=/b.vhd\" ]",
            "<driver name='qemu' type='vhd'/>");
    DO_TEST("disk = [ \"vdev=hda,backend=diskdom,target=/dev/a\" ]",
            "<backenddomain name='diskdom'/>");
    DO_TEST("disk = [ \"format=raw,vdev=hdc,devtype=cdrom,backendtype=phy,target=/dev/sr0\" ]",
            "<disk type='block' device='cdrom'>\n"
            "      <driver name='phy' type='raw'/>\n");
    DO_TEST_ERROR("disk = [ \"vdev=xvda,script=block-iscsi,target=iqn=x\" ]",
                  UNSUPPORTED "disk 'xvda' has the script 'block-iscsi', expected none");
    DO_TEST_ERROR("disk = [ \"format=vdi,vdev=hda,target=/a\" ]",
                  SYNTAX "malformed disk 'format=vdi,vdev=hda,target=/a', "
                  "expected what xl-disk-configuration(5) describes");

    return ret;
}


static int
testFromSound(void)
{
    int ret = 0;

#define DO_TEST_SOUND(word, model) \
    DO_TEST("soundhw = \"" word "\"", "<sound model='" model "'/>")

    DO_TEST_SOUND("hda", "ich6");
    DO_TEST_SOUND("ich6", "ich6");
    DO_TEST_SOUND("ac97", "ac97");
    DO_TEST_SOUND("sb16,hda", "ich6");
    DO_TEST_ERROR("soundhw = \"gus\"",
                  UNSUPPORTED "sound device 'gus' is not supported, expected one of "
                  "'ac97', 'es1370', 'hda', 'pcspk', 'sb16'");

#undef DO_TEST_SOUND

    return ret;
}


static int
testFromVideo(void)
{
    int ret = 0;

#define DO_TEST_VIDEO(lines, model) \
    DO_TEST("vnc = 1\n" lines, "<model type='" model "' heads='1' primary='yes'/>")

    DO_TEST_VIDEO("", "cirrus' vram='8192");
    DO_TEST_VIDEO("vga = \"stdvga\"", "vga' vram='16384");
    DO_TEST_VIDEO("stdvga = 1", "vga' vram='16384");
    DO_TEST_VIDEO("stdvga = 0", "cirrus' vram='8192");
    DO_TEST_VIDEO("vga = \"cirrus\"\nstdvga = 1", "cirrus' vram='8192");
    DO_TEST_VIDEO("vga = \"qxl\"", "qxl' ram='65536' vram='131072");
    DO_TEST_VIDEO("vga = \"stdvga\"\nvideoram = 32", "vga' vram='32768");
    DO_TEST_VIDEO("videoram = \"16\"", "cirrus' vram='16384");
    DO_TEST("stdvga = 1", "<model type='vga' vram='16384'");
    DO_TEST("vga = \"none\"", "    <input type='keyboard' bus='ps2'/>\n"
            "    <memballoon model='xen'/>\n");
    DO_TEST_ERROR("vnc = 1\nvga = \"none\"",
                  UNSUPPORTED "vga 'none' is not supported, expected 'stdvga', 'cirrus', 'qxl', "
                  "or 'none' without a display");
    DO_TEST_ERROR("vga = \"virtio\"",
                  UNSUPPORTED "vga 'virtio' is not supported, expected 'stdvga', 'cirrus', 'qxl', "
                  "or 'none' without a display");
    DO_TEST_FULL("pv", "vga = \"stdvga\"", "    <memballoon model='xen'/>\n", NULL);

#undef DO_TEST_VIDEO

    return ret;
}


static int
testFromOthers(void)
{
    int ret = 0;

#define ARGS(...) "  <xen:commandline>\n" __VA_ARGS__ "  </xen:commandline>\n"
#define ARG(value) "    <xen:arg value='" value "'/>\n"

    DO_TEST("device_model_args = [ \"-a\" ]\ndevice_model_args_hvm = [ \"-b\", \"c\" ]\n"
            "device_model_args_pv = [ \"-d\" ]",
            ARGS(ARG("-a") ARG("-b") ARG("c")));
    DO_TEST("device_model_args_hvm = [ \"-b\" ]", ARGS(ARG("-b")));
    DO_TEST_FULL("pv", "device_model_args_hvm = [ \"-b\" ]\ndevice_model_args_pv = [ \"-d\" ]",
                 ARGS(ARG("-d")), NULL);

#undef ARG
#undef ARGS

    DO_TEST("kernel = \"/usr/lib/xen-4.0/boot/hvmloader\"", "  <os>\n"
            "    <type arch='x86_64' machine='xenfv'>hvm</type>\n"
            "    <loader type='rom' format='raw'>/usr/lib/xen/boot/hvmloader</loader>\n"
            "    <boot dev='hd'/>\n");
    DO_TEST("kernel = \"hvmloader\"", "hvmloader</loader>\n    <boot dev='hd'/>\n");
    DO_TEST("kernel = \"/boot/no-hvmloader\"", "<kernel>/boot/no-hvmloader</kernel>");

    DO_TEST_FULL("pv", "vfb = []",
                 "    <input type='keyboard' bus='xen'/>\n"
                 "    <memballoon model='xen'/>\n", NULL);
    DO_TEST_ERROR("vnuma = [ [ \"pnode=0\", \"size=much\", \"vcpus=0-3\" ] ]",
                  SYNTAX "malformed 'size=much' of vnode 0, expected a number of MiB");
    DO_TEST_ERROR("vnuma = [ [ \"pnode=0\", \"size=256\", \"vcpus=0-3\", \"vdistances=near\" ] ]",
                  SYNTAX "malformed 'vdistances=near' of vnode 0, expected numbers");

    return ret;
}

#undef DO_TEST_ERROR
#undef DO_TEST
#undef DO_TEST_FULL


#define DO_TEST_FULL(title, text, _cfg, _error) \
    do { \
        static const struct testToData data = { \
            .devices = "<emulator>/bin/true</emulator>" text, .cfg = _cfg, .error = _error, \
        }; \
        if (virTestRun("To xl.cfg: " title, testTo, &data) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST(title, text, cfg) DO_TEST_FULL(title, text, cfg, NULL)
#define DO_TEST_ERROR(title, text, error) DO_TEST_FULL(title, text, NULL, error)

static int
testToDisk(void)
{
    int ret = 0;

#define DISK(device, driver, more) \
    "<disk type='file' device='" device "'>" driver "<source file='/a'/>" \
    "<target dev='hda' bus='ide'/>" more "</disk>"
#define DRIVER(name, type) "<driver name='" name "' type='" type "'/>"

    DO_TEST("qcow2 cdrom", DISK("cdrom", DRIVER("qemu", "qcow2"), ""),
            "\"format=qcow2,vdev=hda,access=ro,backendtype=qdisk,devtype=cdrom,target=/a\"");
    DO_TEST("vhd", DISK("disk", DRIVER("qemu", "vhd"), ""),
            "\"format=vhd,vdev=hda,access=rw,backendtype=qdisk,target=/a\"");
    DO_TEST("vpc", DISK("disk", DRIVER("qemu", "vpc"), ""),
            "\"format=vhd,vdev=hda,access=rw,backendtype=qdisk,target=/a\"");
    DO_TEST("tap2", DISK("disk", DRIVER("tap2", "raw"), ""),
            "\"format=raw,vdev=hda,access=rw,backendtype=tap,target=/a\"");
    DO_TEST("backend domain of a disk", DISK("disk", DRIVER("qemu", "raw"), "<backenddomain name='diskdom'/>"),
            "\"format=raw,vdev=hda,access=rw,backendtype=qdisk,backend=diskdom,target=/a\"");
    DO_TEST("cdrom with the driver phy",
            "<disk type='block' device='cdrom'><driver name='phy' type='raw'/><source dev='/dev/sr0'/>"
            "<target dev='hdc' bus='ide'/></disk>",
            "\"format=raw,vdev=hdc,access=ro,backendtype=phy,devtype=cdrom,target=/dev/sr0\"");
    DO_TEST_ERROR("shareable disk", DISK("disk", DRIVER("qemu", "raw"), "<shareable/>"),
                  UNSUPPORTED "disk 'hda' is shareable, which cannot be expressed in the xen-xl format");
    DO_TEST_ERROR("unknown format", DISK("disk", DRIVER("qemu", "vdi"), ""),
                  UNSUPPORTED "format 'vdi' of disk 'hda' cannot be expressed in the xen-xl format, "
                  "expected 'raw', 'vhd', 'qcow', 'qcow2' or 'qed'");
    DO_TEST_ERROR("unknown driver", DISK("disk", DRIVER("loop", "raw"), ""),
                  UNSUPPORTED "driver 'loop' of disk 'hda' cannot be expressed in the xen-xl format, "
                  "expected 'qemu', 'file', 'tap', 'tap2' or 'phy'");

#undef DRIVER
#undef DISK

    return ret;
}


static int
testToVif(void)
{
    int ret = 0;

#define VIF(more) \
    "<interface type='bridge'><mac address='00:16:3e:00:00:01'/><source bridge='br0'/>" \
    more "</interface>"
#define WORDS "mac=00:16:3e:00:00:01,bridge=br0,script=vif-bridge"

    DO_TEST("backend domain of an interface", VIF("<backenddomain name='netdom'/>"),
            "vif = [ \"" WORDS ",backend=netdom\" ]");
    DO_TEST("MTU", VIF("<mtu size='9000'/>"),
            "vif = [ \"" WORDS ",mtu=9000\" ]");
    DO_TEST("virtio", VIF("<model type='virtio'/>"),
            "vif = [ \"" WORDS ",model=virtio-net\" ]");

#undef WORDS
#undef VIF

    return ret;
}


static int
testToOthers(void)
{
    int ret = 0;

    DO_TEST("ich6", "<sound model='ich6'/>", "soundhw = \"hda\"");
    DO_TEST("sound devices", "<sound model='sb16'/><sound model='ich6'/>",
            "soundhw = \"sb16,hda\"");
    DO_TEST("VNC without a port", "<graphics type='vnc' autoport='no'/>", "vncunused = 1");
    DO_TEST("VNC with port -1", "<graphics type='vnc' port='-1' autoport='no'/>", "vncunused = 1");
    DO_TEST("VNC with a port", "<graphics type='vnc' port='5900' autoport='no'/>", "vncdisplay = 0");
    DO_TEST_ERROR("VNC with the port of no display", "<graphics type='vnc' port='5899' autoport='no'/>",
                  UNSUPPORTED "VNC port '5899' is not supported, expected 5900 at least");
#define VIDEO(model) "<graphics type='vnc'/><video><model type='" model "'/></video>"

    DO_TEST("standard adapter", VIDEO("vga"), "vga = \"stdvga\"\n");
    DO_TEST("standard adapter with more memory", VIDEO("vga' vram='32768"), "videoram = 32\n");
    DO_TEST("QXL", VIDEO("qxl"), "vga = \"qxl\"\n");
    DO_TEST("Cirrus with more memory", VIDEO("cirrus' vram='16384"), "videoram = 16\n");

#undef VIDEO

    DO_TEST("USB controller without a model", "<controller type='usb' index='0' ports='4'/>",
            "usbctrl = [ \"type=qusb,version=2,ports=4\" ]");
    DO_TEST("USB controller with ten ports", "<controller type='usb' index='0' model='qusb1' ports='10'/>",
            "usbctrl = [ \"type=qusb,version=1,ports=10\" ]");
    DO_TEST_ERROR("USB controller of QEMU", "<controller type='usb' index='0' model='piix3-uhci'/>",
                  UNSUPPORTED "USB controller model 'piix3-uhci' is not supported, "
                  "expected 'qusb1' or 'qusb2'");
    DO_TEST("USB device",
            "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='10'/></source></hostdev>",
            "usbdev = [ \"hostbus=1,hostaddr=10\" ]");
    DO_TEST_ERROR("channel of a file",
                  "<channel type='file'><source path='/a'/><target type='xen' name='agent'/></channel>",
                  UNSUPPORTED "channel of type 'file' is not supported, expected 'pty' or 'unix'");
    DO_TEST_ERROR("channel without a name",
                  "<channel type='pty'><target type='xen'/></channel>",
                  UNSUPPORTED "channel without a name is not supported");

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
    DO_TEST("channel = [ \"connection=socket,path=/a,name=agent\" ]");
    DO_TEST("usbdev = [ \"type=hostdev,hostbus=1,hostaddr=3\" ]");
    DO_TEST("usbctrl = [ \"type=qusb,version=2,ports=8\" ]");
    DO_TEST("vif = [ \"mac=00:16:3e:00:00:01,bridge=br0.1,ip=10.0.0.1,rate=1MB/s,mtu=1500,model=e1000\" ]");
    DO_TEST("disk = [ \"format=qcow2,vdev=hda,access=rw,backendtype=qdisk,target=/a\" ]");
    DO_TEST("vnuma = [ [ \"pnode=0\", \"size=256\", \"vcpus=0-3\", \"vdistances=10\" ] ]");
    DO_TEST("serial = [ \"pty\", \"tcp:a:1,server\", \"udp:a:1@b:2\", \"unix:/a\" ]");
    DO_TEST("soundhw = \"ac97,hda\"");

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
    if (testFromVif() < 0)
        ret = -1;
    if (testFromDisk() < 0)
        ret = -1;
    if (testFromSound() < 0)
        ret = -1;
    if (testFromVideo() < 0)
        ret = -1;
    if (testFromOthers() < 0)
        ret = -1;
    if (testToDisk() < 0)
        ret = -1;
    if (testToVif() < 0)
        ret = -1;
    if (testToOthers() < 0)
        ret = -1;
    if (testAllMutations() < 0)
        ret = -1;

    testXLFreeDriver(driver);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
