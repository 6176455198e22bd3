/*
 * libxldevicemodelconftest.c: what libxl makes of <devicemodel> elements
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every golden domain of libxlxml2domconfigdata/, whose README.rst says which
 * files belong to one and what each proves, is converted and compared.
 * VIR_TEST_REGENERATE_OUTPUT=1 rewrites what is compared.  What is refused is in
 * tables here, each definition beside its error.
 */

#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "conf/domain_devicemodel.h"
#include "datatypes.h"
#include "driver.h"
#include "libxl/libxl_devicemodel.h"
#include "libxl/libxl_devicemodel_command.h"
#include "libxl/libxl_devicemodel_conf.h"
#include "libxl/libxl_devicemodel_validate.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestutils.h"
#include "viralloc.h"
#include "virfile.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_DOMID 7
#define TEST_SCOPE_LIBRARY "/usr/lib/libvirt/libvirt-devicemodel-scope.so"

/* The command lines name these. */
#define TEST_FD_MONITOR 100
#define TEST_FD_SCOPE 101
#define TEST_FD_DEVICES 110

static libxlDriverPrivate *driver;
static virXMLValidator *validator;


/* A domain, as far as it comes without a host. */
typedef struct _testDomain testDomain;
struct _testDomain {
    virDomainDef *def;
    virPortAllocatorRange *ports;
    libxl_domain_config d_config;
    libxlDeviceModelPlacement *placement;
};


static void
testDomainFree(testDomain *domain)
{
    size_t i;

    if (!domain)
        return;

    for (i = 0; domain->def && i < domain->def->ngraphics; i++) {
        virDomainGraphicsDef *graphics = domain->def->graphics[i];

        if (graphics->type == VIR_DOMAIN_GRAPHICS_TYPE_VNC)
            virPortAllocatorRelease(graphics->data.vnc.port);
        else if (graphics->type == VIR_DOMAIN_GRAPHICS_TYPE_SPICE)
            virPortAllocatorRelease(graphics->data.spice.port);
    }

    libxlDeviceModelPlacementFree(domain->placement);
    libxl_domain_config_dispose(&domain->d_config);
    virPortAllocatorRangeFree(domain->ports);
    virDomainDefFree(domain->def);
    g_free(domain);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(testDomain, testDomainFree);


static char *
testFilePath(const char *name,
             const char *suffix)
{
    return g_strdup_printf("%s/libxlxml2domconfigdata/%s%s",
                           ABS_DEVICEMODEL_SRCDIR, name, suffix);
}


static testDomain *
testDomainNew(const char *name)
{
    g_autofree char *path = testFilePath(name, ".xml");
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    g_autoptr(testDomain) domain = g_new0(testDomain, 1);

    libxl_domain_config_init(&domain->d_config);

    if (!(domain->ports = virPortAllocatorRangeNew("vnc", 5900, 6000)) ||
        !(domain->def = virDomainDefParseFile(path, driver->xmlopt, NULL,
                                              VIR_DOMAIN_DEF_PARSE_INACTIVE)) ||
        libxlBuildDomainConfig(domain->ports, domain->def, cfg, &domain->d_config) < 0 ||
        !(domain->placement = libxlDeviceModelPlacementNew(domain->def)))
        return NULL;

    return g_steal_pointer(&domain);
}


/* What libxl completes when it creates the domain
 * (libxl__domain_build_info_setdefault in Xen
 * tools/libs/light/libxl_create.c) and a secondary depends on. */
static void
testDomainComplete(testDomain *domain)
{
    libxl_domain_build_info *b_info = &domain->d_config.b_info;

    if (b_info->u.hvm.vga.kind == LIBXL_VGA_INTERFACE_TYPE_NONE &&
        b_info->video_memkb == LIBXL_MEMKB_DEFAULT)
        b_info->video_memkb = 0;
}


static libxlDeviceModelConfig *
testDomainConfig(testDomain *domain,
                 size_t secondary)
{
    return libxlDeviceModelConfigNew(domain->def,
                                     &domain->placement->secondaries[secondary],
                                     &domain->d_config, TEST_DOMID);
}


/* Versions of libxl differ in the members that they know: what this one reads
 * from the file is what it must have been given. */
static int
testPrimary(const void *opaque)
{
    g_autofree char *path = testFilePath(opaque, ".json");
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    g_autoptr(testDomain) domain = testDomainNew(opaque);
    g_autofree char *actual = NULL;
    g_autofree char *stored = NULL;
    g_autofree char *expected = NULL;
    libxl_domain_config d_config;
    int rc;

    if (!domain ||
        !(actual = libxl_domain_config_to_json(cfg->ctx, &domain->d_config)))
        return -1;

    if (virTestGetRegenerate())
        return virTestCompareToFile(actual, path);

    if (virTestLoadFile(path, &stored) < 0)
        return -1;

    libxl_domain_config_init(&d_config);
    rc = libxl_domain_config_from_json(cfg->ctx, &d_config, stored);
    if (rc == 0)
        expected = libxl_domain_config_to_json(cfg->ctx, &d_config);
    libxl_domain_config_dispose(&d_config);

    if (!expected) {
        VIR_TEST_VERBOSE("libxl cannot read '%s'", path);
        return -1;
    }

    return virTestCompareToString(expected, actual);
}


static int
testSecondaries(const void *opaque)
{
    g_autofree char *path = testFilePath(opaque, ".secondaries.json");
    g_autoptr(testDomain) domain = testDomainNew(opaque);
    g_autoptr(virJSONValue) configs = virJSONValueNewArray();
    g_autofree char *actual = NULL;
    size_t i;

    if (!domain)
        return -1;

    testDomainComplete(domain);

    for (i = 0; i < domain->placement->nsecondaries; i++) {
        g_autoptr(libxlDeviceModelConfig) config = testDomainConfig(domain, i);
        g_autoptr(virJSONValue) json = NULL;

        if (!config ||
            !(json = libxlDeviceModelConfigToJSON(config)) ||
            virJSONValueArrayAppend(configs, &json) < 0)
            return -1;
    }

    if (!(actual = virJSONValueToString(configs, true)))
        return -1;

    return virTestCompareToFile(actual, path);
}


/* Numbers that do not depend on what else is open. */
static int
testOpenFD(int null,
           int *fd,
           int *next)
{
    if ((*fd = dup2(null, *next)) < 0)
        return -1;

    (*next)++;
    return 0;
}


static int
testOpenImages(int null,
               const virStorageSource *src,
               libxlDeviceModelImages *images,
               int *next)
{
    while (virStorageSourceIsBacking(src) && !virStorageSourceIsEmpty((virStorageSource *)src)) {
        libxlDeviceModelImage image = {
            .format = src->format,
            .block = src->type == VIR_STORAGE_TYPE_BLOCK,
        };

        if (testOpenFD(null, &image.fd, next) < 0)
            return -1;

        VIR_APPEND_ELEMENT(images->images, images->nimages, image);
        src = src->backingStore;
    }

    return 0;
}


static int
testOpenFDs(const virDomainDef *def,
            const libxlDeviceModelConfig *config,
            libxlDeviceModelFDs *fds,
            int *next)
{
    VIR_AUTOCLOSE null = open("/dev/null", O_RDWR | O_CLOEXEC);
    size_t i;

    if (null < 0 ||
        (fds->monitor = dup2(null, TEST_FD_MONITOR)) < 0 ||
        (fds->scope = dup2(null, TEST_FD_SCOPE)) < 0)
        return -1;

    for (i = 0; i < fds->ntaps; i++) {
        if (testOpenFD(null, &fds->taps[i], next) < 0)
            return -1;
    }

    for (i = 0; i < fds->ndisks; i++) {
        if (testOpenImages(null, def->disks[config->disks[i].idx]->src,
                           &fds->disks[i], next) < 0)
            return -1;
    }

    for (i = 0; i < fds->nserials; i++) {
        if (config->serials[i].type != VIR_DOMAIN_CHR_TYPE_PTY &&
            config->serials[i].type != VIR_DOMAIN_CHR_TYPE_NULL &&
            testOpenFD(null, &fds->serials[i], next) < 0)
            return -1;
    }

    if (config->sound && config->sound->file)
        return testOpenFD(null, &fds->sound, next);

    return 0;
}


/* Returns whether the command has taken all that was open. */
static bool
testFDsAreTaken(const libxlDeviceModelFDs *fds)
{
    bool taken = fds->monitor == -1 && fds->scope == -1 && fds->sound == -1;
    size_t i;
    size_t j;

    for (i = 0; i < fds->ntaps; i++)
        taken &= fds->taps[i] == -1;

    for (i = 0; i < fds->ndisks; i++) {
        for (j = 0; j < fds->disks[i].nimages; j++)
            taken &= fds->disks[i].images[j].fd == -1;
    }

    for (i = 0; i < fds->nserials; i++)
        taken &= fds->serials[i] == -1;

    if (!taken)
        VIR_TEST_VERBOSE("the command did not take all file descriptors");
    return taken;
}


/* Whatever the command took, it closes. */
static char *
testCommandString(const virDomainDef *def,
                  const libxlDeviceModelConfig *config,
                  bool debug)
{
    g_autoptr(libxlDeviceModelFDs) fds = libxlDeviceModelFDsNew(config);
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    g_autoptr(virCommand) cmd = NULL;
    char *ret = NULL;
    int next = TEST_FD_DEVICES;

    if (testOpenFDs(def, config, fds, &next) < 0)
        return NULL;

    cmd = libxlDeviceModelCommandNew(config, fds, TEST_SCOPE_LIBRARY, debug);
    if (cmd && testFDsAreTaken(fds))
        ret = virCommandToString(cmd, true);
    g_clear_pointer(&cmd, virCommandFree);

    if (libxlDeviceModelTestCheckOpenFiles(files) < 0)
        g_clear_pointer(&ret, g_free);

    return ret;
}


static int
testCommands(const void *opaque)
{
    g_autofree char *path = testFilePath(opaque, ".args");
    g_autoptr(testDomain) domain = testDomainNew(opaque);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    if (!domain)
        return -1;

    testDomainComplete(domain);

    for (i = 0; i < domain->placement->nsecondaries; i++) {
        g_autoptr(libxlDeviceModelConfig) config = testDomainConfig(domain, i);
        g_autofree char *cmdline = NULL;

        if (!config || !(cmdline = testCommandString(domain->def, config, false)))
            return -1;

        virBufferAsprintf(&buf, "%s\n", cmdline);
    }

    return virTestCompareToFileFull(NULLSTR_EMPTY(virBufferCurrentContent(&buf)),
                                    path, false);
}


static int
testSchema(const char *text)
{
    g_autoptr(xmlDoc) xml = virXMLParseStringCtxt(text, "domain", NULL);

    return xml ? virXMLValidatorValidate(validator, xml) : -1;
}


static int
testLive(const void *opaque)
{
    g_autofree char *xmlpath = testFilePath(opaque, ".xml");
    g_autofree char *path = testFilePath(opaque, ".live.xml");
    g_autoptr(testDomain) domain = testDomainNew(opaque);
    g_autoptr(libxlDeviceModelPlacement) again = NULL;
    g_autofree char *xml = NULL;
    g_autofree char *actual = NULL;
    size_t i;

    if (!domain || virTestLoadFile(xmlpath, &xml) < 0 || testSchema(xml) < 0)
        return -1;

    domain->def->id = TEST_DOMID;
    libxlDeviceModelPlacementApply(domain->placement, domain->def);

    if (!(actual = virDomainDefFormat(domain->def, driver->xmlopt,
                                      VIR_DOMAIN_DEF_FORMAT_SECURE)) ||
        testSchema(actual) < 0 ||
        virTestCompareToFile(actual, path) < 0)
        return -1;

    /* what is live keeps its place */
    if (!(again = libxlDeviceModelPlacementNew(domain->def)))
        return -1;

    for (i = 0; i < again->nsecondaries; i++) {
        const libxlDeviceModelPlaced *a = &again->secondaries[i];
        const libxlDeviceModelPlaced *b = &domain->placement->secondaries[i];
        size_t j;

        for (j = 0; j < a->nnets; j++) {
            if (a->nets[j].slot != b->nets[j].slot)
                return -1;
        }
        if (a->audioSlot != b->audioSlot)
            return -1;
    }

    return 0;
}


/* A library that was preloaded already is kept, after ours. */
static int
testCommandPreload(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(testDomain) domain = testDomainNew("nic-e1000");
    g_autoptr(libxlDeviceModelConfig) config = NULL;
    g_autofree char *preloaded = NULL;
    g_autofree char *empty = NULL;

    if (!domain)
        return -1;

    testDomainComplete(domain);
    if (!(config = testDomainConfig(domain, 0)))
        return -1;

    g_setenv("LD_PRELOAD", "/lib/first.so:/lib/second.so", TRUE);
    preloaded = testCommandString(domain->def, config, true);
    g_setenv("LD_PRELOAD", "", TRUE);
    empty = testCommandString(domain->def, config, true);
    g_unsetenv("LD_PRELOAD");

    if (!preloaded || !empty)
        return -1;

    if (!strstr(preloaded, "LD_PRELOAD=" TEST_SCOPE_LIBRARY
                           ":/lib/first.so:/lib/second.so ") ||
        !strstr(empty, "LD_PRELOAD=" TEST_SCOPE_LIBRARY " ") ||
        !strstr(empty, "fd=101;debug=1'")) {
        VIR_TEST_VERBOSE("got '%s' and '%s'", preloaded, empty);
        return -1;
    }

    return 0;
}


#define UNSUPPORTED TEST_UNSUPPORTED


static virDomainDef *
testParse(const char *type,
          const char *devices)
{
    return libxlDeviceModelTestParse(driver->xmlopt, type, devices);
}


static int
testOutcome(int rc,
            const char *expected)
{
    return libxlDeviceModelTestOutcome(rc, NULL, expected);
}


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
    g_autoptr(virDomainDef) def = testParse(data->type, data->devices);

    return testOutcome(def ? 0 : -1, data->error);
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

    return testOutcome(libxlDeviceModelDefValidate(def), data->error);
}


static int
testHost(const void *opaque)
{
    const struct testRefusalData *data = opaque;
    g_autoptr(virDomainDef) def = testParse(data->type, data->devices);

    if (!def)
        return -1;

    return testOutcome(libxlDeviceModelDefValidateHost(def), data->error);
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

    return testOutcome(libxlDeviceModelsPrepare(def), data->error);
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
#define NIC_MODELS "'rtl8139', 'e1000', 'e1000e', 'pcnet', 'ne2k_pci', 'virtio'"
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

    DO_TEST("no emulator", NULL, TEST_MAIN("") TEST_LAN(TEST_REF(1)) TEST_NIC(1),
            UNSUPPORTED "device model 'lan' has no emulator: "
            "expected <emulator> in it or in <devices>");
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
            ERROR "the domain has 5 serial ports, expected 4 at most in a secondary");
    DO_TEST("five serial ports in the primary", NULL,
            TEST_EMULATOR TEST_MAIN("") PTY PTY PTY PTY PTY, NULL);

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
            OPTION_ERROR("backenddomain"));
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
testPlacementAddresses(void)
{
    int ret = 0;

#define DO_TEST(name, address, error) \
    DO_TEST_REFUSAL(testValidate, "Place " name, NULL, \
                    TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1)) \
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
    DO_TEST_REFUSAL(testValidate, "Place " name, NULL, TEST_EMULATOR devices, error)

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
                                 "<mac address='00:16:3e:00:01:%02zx'/></interface>", i);
    }
    devices = g_strdup_printf(TEST_EMULATOR TEST_MAIN("") TEST_LAN("%s") "%s",
                              virBufferCurrentContent(&refs),
                              virBufferCurrentContent(&nics));

    if (!(def = testParse(NULL, devices)))
        return testOutcome(-1,
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


struct testAttachData {
    const char *devices; /* of the running domain */
    const char *attached;
    const char *error;
};

static int
testAttach(const void *opaque)
{
    const struct testAttachData *data = opaque;
    g_autoptr(virDomainDef) def = testParse(NULL, data->devices);
    virDomainDeviceDef *dev = NULL;
    int ret;

    if (!def ||
        !(dev = virDomainDeviceDefParse(data->attached, def, driver->xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    ret = testOutcome(libxlDeviceModelPlacementCheckAttach(def, dev), data->error);
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
            "'rtl8139', 'e1000', 'e1000e', 'pcnet', 'ne2k_pci', 'virtio'");
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
testTraditional(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainDef) def = testParse(NULL, TEST_EMULATOR TEST_MAIN(""));
    libxl_domain_config d_config;
    int ret = -1;

    if (!def)
        return -1;

    libxl_domain_config_init(&d_config);
    d_config.b_info.device_model_version = LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL;

    ret = testOutcome(libxlDeviceModelConfigPrimary(def, &d_config),
                      UNSUPPORTED "device model 'main': emulator '/bin/true' is "
                      "qemu-xen-traditional, expected a QEMU of Xen's upstream kind");

    libxl_domain_config_dispose(&d_config);
    return ret;
}


/* What libxl has not completed must not be taken for a size. */
static int
testMemoryUnknown(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(testDomain) domain = testDomainNew("nic-e1000");
    g_autoptr(libxlDeviceModelConfig) config = NULL;
    static const char *const error =
        "internal error: device model 'lan': the memory size of domain 'guest' is not known";

    if (!domain || domain->d_config.b_info.video_memkb != LIBXL_MEMKB_DEFAULT)
        return -1;

    config = testDomainConfig(domain, 0);
    if (testOutcome(config ? 0 : -1, error) < 0)
        return -1;

    domain->d_config.b_info.video_memkb = domain->d_config.b_info.max_memkb + 1;
    config = testDomainConfig(domain, 0);
    if (testOutcome(config ? 0 : -1, error) < 0)
        return -1;

    domain->d_config.b_info.video_memkb = 0;
    domain->d_config.b_info.max_memkb = LIBXL_MEMKB_DEFAULT;
    config = testDomainConfig(domain, 0);
    return testOutcome(config ? 0 : -1, error);
}


struct testDetachData {
    const char *mac;
    const char *error;
};

static int
testDetach(const void *opaque)
{
    const struct testDetachData *data = opaque;
    g_autoptr(virDomainDef) def = testParse(NULL,
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

    return testOutcome(libxlDeviceModelPlacementCheckDetach(def, &dev), data->error);
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
testSave(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainDef) none = testParse(NULL, TEST_EMULATOR);
    g_autoptr(virDomainDef) one = testParse(NULL, TEST_EMULATOR TEST_MAIN(""));
    g_autoptr(virDomainDef) two = testParse(NULL,
                                            TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1))
                                            TEST_NIC(1));

    if (!none || !one || !two ||
        testOutcome(libxlDeviceModelsCheckSave(none), NULL) < 0 ||
        testOutcome(libxlDeviceModelsCheckSave(one), NULL) < 0)
        return -1;

    return testOutcome(libxlDeviceModelsCheckSave(two),
                       "Operation not supported: domain 'guest' has 2 device models: "
                       "only a domain with one can be saved or migrated");
}


#define TEST_STATUS_LAN \
    "  <devicemodel domid='7' id='1' uid='64001' name='lan' ioservid='3' " \
    "pidfile='/run/a&amp;b/7-1.pid' socket='/run/a&amp;b/7-1.qmp'/>\n"
#define TEST_STATUS_WAN \
    "  <devicemodel domid='7' id='2' uid='64002' name='wan' ioservid='0' " \
    "pidfile='/run/a&amp;b/7-2.pid' socket='/run/a&amp;b/7-2.qmp'/>\n"

struct testStatusData {
    const char *status;
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
    if (testOutcome(rc, data->error) < 0)
        return -1;
    if (rc < 0)
        return 0;

    if (priv->ndevicemodels != data->ndms)
        return -1;

    /* a process is looked for when the daemon connects to the domain */
    if (data->ndms > 0 &&
        (priv->devicemodels[0]->process.pid != -1 || priv->devicemodels[0]->process.pidfd != -1))
        return -1;

    libxlDeviceModelsFormatStatus(&buf, vm);

    return virTestCompareToString(data->status,
                                  NULLSTR_EMPTY(virBufferCurrentContent(&buf)));
}


static int
testStatus(const void *opaque)
{
    virDomainObj *vm = virDomainObjNew(driver->xmlopt);
    int ret = testStatusOf(vm, opaque);

    virDomainObjEndAPI(&vm);
    return ret;
}


static int
testStatuses(void)
{
    int ret = 0;

#define DO_TEST(name, _status, _ndms, _error) \
    do { \
        static const struct testStatusData data = { \
            .status = _status, .ndms = _ndms, .error = _error, \
        }; \
        if (virTestRun("Status " name, testStatus, &data) < 0) \
            ret = -1; \
    } while (0)
#define MISSING(attr) \
    "XML error: Missing required attribute '" attr "' in element 'devicemodel'"

    DO_TEST("without secondaries", "", 0, NULL);
    DO_TEST("with secondaries",
            "<devicemodels>\n" TEST_STATUS_LAN TEST_STATUS_WAN "</devicemodels>\n", 2, NULL);
    DO_TEST("with complete secondaries",
            "<devicemodels complete='yes'>\n" TEST_STATUS_LAN TEST_STATUS_WAN "</devicemodels>\n", 2, NULL);
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
#undef DO_TEST

    return ret;
}


static int
testConversion(const char *name)
{
    g_autofree char *primary = g_strdup_printf("Primary %s", name);
    g_autofree char *secondaries = g_strdup_printf("Secondaries %s", name);
    g_autofree char *commands = g_strdup_printf("Commands %s", name);
    g_autofree char *live = g_strdup_printf("Live %s", name);
    int ret = 0;

    if (virTestRun(primary, testPrimary, name) < 0)
        ret = -1;
    if (virTestRun(secondaries, testSecondaries, name) < 0)
        ret = -1;
    if (virTestRun(commands, testCommands, name) < 0)
        ret = -1;
    if (virTestRun(live, testLive, name) < 0)
        ret = -1;

    return ret;
}


static int
testCompareNames(const void *a,
                 const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}


/* Returns the names of all golden domains, which the caller frees, in the order
 * of the alphabet, or NULL. */
static GStrv
testGoldenDomains(void)
{
    g_autofree char *folder = testFilePath("", "");
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;
    int rc;

    if (virDirOpen(&dir, folder) < 0)
        return NULL;

    while ((rc = virDirRead(dir, &entry, folder)) > 0) {
        g_autofree char *name = g_strdup(entry->d_name);

        if (virStringStripSuffix(name, ".xml") && !virStringHasSuffix(name, ".live"))
            g_ptr_array_add(names, g_steal_pointer(&name));
    }

    if (rc < 0 || names->len == 0)
        return NULL;

    g_ptr_array_sort(names, testCompareNames);
    g_ptr_array_add(names, NULL);

    return (GStrv) g_ptr_array_free(g_steal_pointer(&names), FALSE);
}


static int
testConversions(void)
{
    g_auto(GStrv) names = testGoldenDomains();
    int ret = 0;
    size_t i;

    if (!names) {
        VIR_TEST_VERBOSE("there is no golden domain");
        return -1;
    }

    for (i = 0; names[i]; i++) {
        if (testConversion(names[i]) < 0)
            ret = -1;
    }

    return ret;
}


static int
testRefusals(void)
{
    static const size_t full = 27;
    static const size_t overfull = 28;
    int ret = 0;

    if (testValidateTypes() < 0 ||
        testValidateDevices() < 0 ||
        testValidateCapabilities() < 0)
        ret = -1;

    if (testValidateSounds() < 0 ||
        testValidateSerials() < 0 ||
        testValidateDiskPlaces() < 0 ||
        testValidateDiskFormats() < 0 ||
        testValidateDiskSources() < 0 ||
        testValidateDiskOptions() < 0 ||
        testValidateNetworks() < 0)
        ret = -1;

    if (testPlacementAddresses() < 0 ||
        virTestRun("Place as many NICs as can be", testPlacementFull, &full) < 0 ||
        virTestRun("Place one NIC too many", testPlacementFull, &overfull) < 0)
        ret = -1;

    if (testAttachments() < 0 ||
        testDetachments() < 0)
        ret = -1;

    if (testHosts() < 0 ||
        testPrepares() < 0)
        ret = -1;

    if (virTestRun("qemu-xen-traditional", testTraditional, NULL) < 0 ||
        virTestRun("Memory size that is not known", testMemoryUnknown, NULL) < 0 ||
        virTestRun("Save", testSave, NULL) < 0)
        ret = -1;

    return ret;
}


/* What a command takes over from the environment of the daemon. */
static void
testSetEnvironment(void)
{
    g_setenv("PATH", "/bin", TRUE);
    g_setenv("HOME", "/root", TRUE);
    g_setenv("USER", "root", TRUE);
    g_setenv("LOGNAME", "root", TRUE);
    g_unsetenv("TMPDIR");
    g_unsetenv("LD_PRELOAD");
    g_unsetenv("LD_LIBRARY_PATH");
}


static int
mymain(void)
{
    g_autofree char *schema = g_strdup_printf("%s/src/conf/schemas/domain.rng",
                                              abs_top_srcdir);
    g_autoptr(virConnect) conn = NULL;
    int ret = 0;

    testSetEnvironment();

    /* libxl asks for the bridge of a network; that of the test driver has one */
    if (!(conn = virConnectOpen("test:///default")) ||
        virSetConnectNetwork(conn) < 0 ||
        !(validator = virXMLValidatorInit(schema)) ||
        !(driver = testXLInitDriver()))
        return EXIT_FAILURE;

    if (testConversions() < 0)
        ret = -1;
    if (virTestRun("Preloaded libraries", testCommandPreload, NULL) < 0)
        ret = -1;
    if (testRefusals() < 0)
        ret = -1;
    if (testStatuses() < 0)
        ret = -1;

    unlink("libxl-driver.log");
    virSetConnectNetwork(NULL);
    testXLFreeDriver(driver);
    virXMLValidatorFree(validator);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
