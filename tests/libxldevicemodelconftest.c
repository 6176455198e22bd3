/*
 * libxldevicemodelconftest.c: what libxl makes of <devicemodel> elements
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every golden domain of libxlxml2domconfigdata/, whose README.rst says which
 * files belong to one and what each proves, is converted and compared.
 * VIR_TEST_REGENERATE_OUTPUT=1 rewrites what is compared.
 */

#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "conf/domain_devicemodel.h"
#include "datatypes.h"
#include "driver.h"
#include "libxl/libxl_devicemodel_claims.h"
#include "libxl/libxl_devicemodel_command.h"
#include "libxl/libxl_devicemodel_conf.h"
#include "libxl/libxl_domain.h"
#include "libxldevicemodeltestbuild.h"
#include "libxldevicemodeltestconfig.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestutils.h"
#include "viralloc.h"
#include "virfile.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define TEST_SCOPE_LIBRARY "/usr/lib/libvirt/libvirt-devicemodel-scope.so"

/* The command lines name these. */
#define TEST_FD_MONITOR 100
#define TEST_FD_SCOPE 101
#define TEST_FD_DEVICES 110

static libxlDriverPrivate *driver;
static virXMLValidator *validator;


/* A golden domain, as far as it comes without a host. */
typedef struct _testDomain testDomain;
struct _testDomain {
    virDomainDef *def;
    libxlDeviceModelTestBuild *build;
};


static void
testDomainFree(testDomain *domain)
{
    if (!domain)
        return;

    libxlDeviceModelTestBuildFree(domain->build);
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
    g_autoptr(testDomain) domain = g_new0(testDomain, 1);

    if (!(domain->def = virDomainDefParseFile(path, driver->xmlopt, NULL,
                                              VIR_DOMAIN_DEF_PARSE_INACTIVE)) ||
        !(domain->build = libxlDeviceModelTestBuildNew(driver, domain->def)))
        return NULL;

    return g_steal_pointer(&domain);
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
        !(actual = libxl_domain_config_to_json(cfg->ctx, &domain->build->d_config)))
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

    libxlDeviceModelTestBuildComplete(domain->build);

    for (i = 0; i < domain->build->placement->nsecondaries; i++) {
        g_autoptr(libxlDeviceModelConfig) config = libxlDeviceModelTestBuildConfig(domain->build, i);
        g_autoptr(virJSONValue) json = NULL;

        if (!config ||
            !(json = libxlDeviceModelTestConfigToJSON(config)) ||
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

    libxlDeviceModelTestBuildComplete(domain->build);

    for (i = 0; i < domain->build->placement->nsecondaries; i++) {
        g_autoptr(libxlDeviceModelConfig) config = libxlDeviceModelTestBuildConfig(domain->build, i);
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

    domain->def->id = TEST_BUILD_DOMID;
    libxlDeviceModelPlacementApply(domain->build->placement, domain->def);

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
        const libxlDeviceModelPlaced *b = &domain->build->placement->secondaries[i];
        size_t j;

        for (j = 0; j < a->nnets; j++) {
            if (a->nets[j].slot != b->nets[j].slot)
                return -1;
        }
        if (memcmp(a->slots, b->slots, sizeof(a->slots)) != 0)
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

    libxlDeviceModelTestBuildComplete(domain->build);
    if (!(config = libxlDeviceModelTestBuildConfig(domain->build, 0)))
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


/* The schema has no comma in a serial number, but nothing that a daemon reads is
 * held against it. */
static int
testCommandSerialNumber(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(testDomain) domain = testDomainNew("ide-drives");
    g_autoptr(libxlDeviceModelConfig) config = NULL;
    g_autofree char *cmdline = NULL;

    if (!domain)
        return -1;

    libxlDeviceModelTestBuildComplete(domain->build);
    g_free(domain->def->disks[0]->serial);
    domain->def->disks[0]->serial = g_strdup("01,drive=other");

    if (!(config = libxlDeviceModelTestBuildConfig(domain->build, 0)) ||
        !(cmdline = testCommandString(domain->def, config, false)))
        return -1;

    if (!strstr(cmdline, "serial=01,,drive=other")) {
        VIR_TEST_VERBOSE("got '%s'", cmdline);
        return -1;
    }

    return 0;
}


#define UNSUPPORTED TEST_UNSUPPORTED


static int
testTraditional(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainDef) def = libxlDeviceModelTestParse(driver->xmlopt, NULL,
                                                            TEST_EMULATOR TEST_MAIN(""));
    libxl_domain_config d_config;
    int ret = -1;

    if (!def)
        return -1;

    libxl_domain_config_init(&d_config);
    d_config.b_info.device_model_version = LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL;

    ret = libxlDeviceModelTestOutcome(libxlDeviceModelConfigPrimary(def, &d_config), NULL,
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
    libxlDeviceModelMachine machine = { 0 };
    static const char *const error =
        "internal error: the memory size of domain 'guest' is not known";
    libxl_domain_build_info *b_info;

    if (!domain || domain->build->d_config.b_info.video_memkb != LIBXL_MEMKB_DEFAULT)
        return -1;

    b_info = &domain->build->d_config.b_info;
    if (libxlDeviceModelTestOutcome(libxlDeviceModelMachineInit(&machine, domain->def,
                                                                &domain->build->d_config),
                                    NULL, error) < 0)
        return -1;

    b_info->video_memkb = b_info->max_memkb + 1;
    if (libxlDeviceModelTestOutcome(libxlDeviceModelMachineInit(&machine, domain->def,
                                                                &domain->build->d_config),
                                    NULL, error) < 0)
        return -1;

    b_info->video_memkb = 0;
    b_info->max_memkb = LIBXL_MEMKB_DEFAULT;
    return libxlDeviceModelTestOutcome(libxlDeviceModelMachineInit(&machine, domain->def,
                                                                   &domain->build->d_config),
                                       NULL, error);
}


/* The guest has all of the memory that it was given. */
static int
testMemoryRounded(const void *opaque G_GNUC_UNUSED)
{
    static const struct {
        uint64_t kib;
        unsigned long long mib;
    } cases[] = { { 2048, 2 }, { 2049, 3 }, { 3071, 3 } };
    g_autoptr(testDomain) domain = testDomainNew("nic-e1000");
    libxl_domain_build_info *b_info;
    size_t i;

    if (!domain)
        return -1;

    b_info = &domain->build->d_config.b_info;
    b_info->video_memkb = 1024;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        libxlDeviceModelMachine machine = { 0 };

        b_info->max_memkb = b_info->video_memkb + cases[i].kib;
        if (libxlDeviceModelMachineInit(&machine, domain->def, &domain->build->d_config) < 0)
            return -1;

        if (machine.memory != cases[i].mib) {
            VIR_TEST_VERBOSE("%llu KiB are %llu MiB", (unsigned long long)cases[i].kib,
                             (unsigned long long)machine.memory);
            return -1;
        }
    }

    return 0;
}


struct testInterruptsData {
    const char *name; /* of a golden domain, whose first secondary is asked for */
    unsigned int slots;
    unsigned int irqs;
};

/* What is taken down for the guest when a secondary has ended is all that it may
 * have raised, and nothing of the primary's. */
static int
testInterrupts(const void *opaque)
{
    const struct testInterruptsData *data = opaque;
    g_autoptr(testDomain) domain = testDomainNew(data->name);
    g_autoptr(libxlDeviceModelConfig) config = NULL;
    unsigned int slots = 1;
    unsigned int irqs = 1;

    if (!domain)
        return -1;

    libxlDeviceModelTestBuildComplete(domain->build);
    if (!(config = libxlDeviceModelTestBuildConfig(domain->build, 0)))
        return -1;

    libxlDeviceModelClaimsGetInterrupts(config, &slots, &irqs);
    if (slots == data->slots && irqs == data->irqs)
        return 0;

    VIR_TEST_VERBOSE("slots 0x%x and interrupts 0x%x, expected 0x%x and 0x%x",
                     slots, irqs, data->slots, data->irqs);
    return -1;
}


static int
testAllInterrupts(void)
{
    int ret = 0;

#define DO_TEST(_name, _slots, _irqs) \
    do { \
        static const struct testInterruptsData data = { \
            .name = _name, .slots = _slots, .irqs = _irqs, \
        }; \
        if (virTestRun("Interrupts " _name, testInterrupts, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("nic-e1000", 1U << 31, 0);
    DO_TEST("audio-secondary", 1U << 31, 0);
    /* the slot is shared with the primary, and its pins are the primary's */
    DO_TEST("ide-secondary", 0, 1U << 14 | 1U << 15);
    DO_TEST("serial-one", 1U << 31, 1U << 4);
    DO_TEST("serial-several", 1U << 31, 1U << 3 | 1U << 4);
    DO_TEST("serial-sources", 0, 1U << 3 | 1U << 4);

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

    return (GStrv)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}


/* Where there are none, the order of serial ports is nobody's to change. */
static int
testOrder(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(virDomainDef) def =
        libxlDeviceModelTestParse(driver->xmlopt, NULL,
                                  "<serial type='pty'><target port='1'/></serial>"
                                  "<serial type='pty'><target port='0'/></serial>"
                                  "<serial type='pty'/>");

    return def && def->serials[0]->target.port == 1 && def->serials[1]->target.port == 0 &&
        def->serials[2]->target.port == 2 ? 0 : -1;
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
    if (virTestRun("Preloaded libraries", testCommandPreload, NULL) < 0 ||
        virTestRun("Serial number with a comma", testCommandSerialNumber, NULL) < 0)
        ret = -1;
    if (testAllInterrupts() < 0)
        ret = -1;
    if (virTestRun("qemu-xen-traditional", testTraditional, NULL) < 0 ||
        virTestRun("Serial ports without device models", testOrder, NULL) < 0 ||
        virTestRun("Memory size that is not known", testMemoryUnknown, NULL) < 0 ||
        virTestRun("Memory size that is no multiple", testMemoryRounded, NULL) < 0)
        ret = -1;

    unlink("libxl-driver.log");
    virSetConnectNetwork(NULL);
    testXLFreeDriver(driver);
    virXMLValidatorFree(validator);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
