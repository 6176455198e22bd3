/*
 * libxldevicemodelbench.c: what the conversion of a domain definition costs
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   libxldevicemodelbench REPETITIONS FILE
 *
 * converts the domain definition in FILE so many times, and prints the median
 * time of each phase in nanoseconds:
 *
 *   parse         XML to definition, checked by conf and by the driver
 *   config        definition to libxl_domain_config
 *   placement     placement of the secondaries and their configurations
 *   command       their command lines
 *
 * and then the time of a run of the domain's emulator, which is part of
 * 'config', but left out of it: it takes longer than all else, and leaves the
 * processor's caches empty.
 *
 * The last two phases are 0 where the tree has no device models.  Nothing is timed
 * that frees memory or opens files.
 */

#include <config.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "libxl/libxl_capabilities.h"
#include "viralloc.h"
#include "virfile.h"
#include "virstring.h"

#ifdef WITH_DEVICE_MODELS
# include "libxl/libxl_devicemodel_command.h"
#endif

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define BENCH_FILE_MAX (1024 * 1024)
#define BENCH_REPETITIONS_MAX 100000
#define BENCH_EMULATOR_RUNS 5

typedef enum {
    BENCH_PHASE_PARSE,
    BENCH_PHASE_CONFIG,
    BENCH_PHASE_PLACEMENT,
    BENCH_PHASE_COMMAND,

    BENCH_PHASE_LAST
} benchPhase;

static libxlDriverPrivate *driver;
static int (*benchEmulatorType)(const virDomainDef *def);


/* For tests, a function that runs nothing takes the place of the real one
 * (tests/libxlmock.c): find that in the library that has it. */
static int
benchFindEmulatorType(void)
{
    void *library = dlopen("libtest_xen_driver.so", RTLD_LAZY | RTLD_NOLOAD);

    if (!library ||
        !(benchEmulatorType = dlsym(library, "libxlDomainGetEmulatorType"))) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", dlerror());
        return -1;
    }

    return 0;
}


static unsigned long long
benchNow(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}


#ifdef WITH_DEVICE_MODELS

# define BENCH_DOMID 7
# define BENCH_SCOPE_LIBRARY "/usr/lib/libvirt/libvirt-devicemodel-scope.so"


static int
benchOpen(void)
{
    return open("/dev/null", O_RDWR | O_CLOEXEC);
}


static int
benchCommand(const libxlDeviceModelConfig *config,
             unsigned long long *spent)
{
    g_autofree int *taps = g_new0(int, config->nnics + 1);
    libxlDeviceModelFDs fds = {
        .monitor = benchOpen(),
        .scope = benchOpen(),
        .ntaps = config->nnics,
        .taps = taps,
    };
    g_autoptr(virCommand) cmd = NULL;
    g_autofree char *cmdline = NULL;
    unsigned long long begin;
    size_t i;

    for (i = 0; i < fds.ntaps; i++)
        taps[i] = benchOpen();

    begin = benchNow();
    cmd = libxlDeviceModelCommandNew(config, &fds, BENCH_SCOPE_LIBRARY, false);
    *spent += benchNow() - begin;

    return (cmdline = virCommandToString(cmd, false)) ? 0 : -1;
}


static int
benchSecondaries(const virDomainDef *def,
                 const libxl_domain_config *d_config,
                 unsigned long long *spent)
{
    g_autoptr(libxlDeviceModelPlacement) placement = NULL;
    libxlDeviceModelMachine machine;
    unsigned long long begin = benchNow();
    size_t i;

    placement = libxlDeviceModelPlacementNew(def);
    spent[BENCH_PHASE_PLACEMENT] = benchNow() - begin;
    if (!placement || libxlDeviceModelMachineInit(&machine, def, d_config) < 0)
        return -1;

    spent[BENCH_PHASE_COMMAND] = 0;
    for (i = 0; i < placement->nsecondaries; i++) {
        g_autoptr(libxlDeviceModelConfig) config = NULL;

        begin = benchNow();
        config = libxlDeviceModelConfigNew(def, &placement->secondaries[i],
                                           &machine, BENCH_DOMID);
        spent[BENCH_PHASE_PLACEMENT] += benchNow() - begin;

        if (benchCommand(config, &spent[BENCH_PHASE_COMMAND]) < 0)
            return -1;
    }

    return 0;
}

#else /* ! WITH_DEVICE_MODELS */

static int
benchSecondaries(const virDomainDef *def G_GNUC_UNUSED,
                 const libxl_domain_config *d_config G_GNUC_UNUSED,
                 unsigned long long *spent G_GNUC_UNUSED)
{
    return 0;
}

#endif /* ! WITH_DEVICE_MODELS */


static int
benchConvert(const char *xml,
             libxl_domain_config *d_config,
             unsigned long long *spent)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    g_autoptr(virDomainDef) def = NULL;
    unsigned long long begin = benchNow();
    int rc;

    def = virDomainDefParseString(xml, driver->xmlopt, NULL,
                                  VIR_DOMAIN_DEF_PARSE_INACTIVE);
    spent[BENCH_PHASE_PARSE] = benchNow() - begin;
    if (!def)
        return -1;

    begin = benchNow();
    rc = libxlBuildDomainConfig(NULL, def, cfg, d_config);
    spent[BENCH_PHASE_CONFIG] = benchNow() - begin;
    if (rc < 0)
        return -1;

    /* libxl completes it when it creates the domain */
    d_config->b_info.video_memkb = 8 * 1024;

    return benchSecondaries(def, d_config, spent);
}


static int
benchRepetition(const char *xml,
                unsigned long long *spent)
{
    libxl_domain_config d_config;
    int rc;

    libxl_domain_config_init(&d_config);
    rc = benchConvert(xml, &d_config, spent);
    libxl_domain_config_dispose(&d_config);

    return rc;
}


static int
benchCompare(const void *a,
             const void *b)
{
    unsigned long long first = *(const unsigned long long *)a;
    unsigned long long second = *(const unsigned long long *)b;

    return (first > second) - (first < second);
}


static unsigned long long
benchMedian(unsigned long long *times,
            size_t ntimes)
{
    qsort(times, ntimes, sizeof(*times), benchCompare);

    return times[ntimes / 2];
}


static int
benchEmulator(const char *xml,
              unsigned long long *median)
{
    unsigned long long times[BENCH_EMULATOR_RUNS];
    g_autoptr(virDomainDef) def = NULL;
    size_t i;

    if (!(def = virDomainDefParseString(xml, driver->xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;

    for (i = 0; i < BENCH_EMULATOR_RUNS; i++) {
        unsigned long long begin = benchNow();

        if (benchEmulatorType(def) != LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN)
            return -1;
        times[i] = benchNow() - begin;
    }

    *median = benchMedian(times, BENCH_EMULATOR_RUNS);
    return 0;
}


static int
benchRun(const char *path,
         size_t repetitions)
{
    g_autofree unsigned long long *times = g_new0(unsigned long long,
                                                  BENCH_PHASE_LAST * repetitions);
    g_autofree char *xml = NULL;
    unsigned long long emulator;
    size_t i;
    size_t j;

    if (virFileReadAll(path, BENCH_FILE_MAX, &xml) < 0)
        return -1;

    for (i = 0; i < repetitions; i++) {
        unsigned long long spent[BENCH_PHASE_LAST] = { 0 };

        if (benchRepetition(xml, spent) < 0)
            return -1;

        for (j = 0; j < BENCH_PHASE_LAST; j++)
            times[j * repetitions + i] = spent[j];
    }

    if (benchEmulator(xml, &emulator) < 0)
        return -1;

    for (j = 0; j < BENCH_PHASE_LAST; j++)
        printf("%llu\n", benchMedian(times + j * repetitions, repetitions));
    printf("%llu\n", emulator);

    return 0;
}


int
main(int argc,
     char **argv)
{
    unsigned int repetitions = 0;
    int ret = EXIT_SUCCESS;

    VIR_TEST_PRELOAD(VIR_TEST_MOCK("xl"));

    if (argc != 3 ||
        virStrToLong_uip(argv[1], NULL, 10, &repetitions) < 0 ||
        repetitions < 1 || repetitions > BENCH_REPETITIONS_MAX) {
        fprintf(stderr, "usage: %s REPETITIONS FILE, with 1 to %d repetitions\n",
                argv[0], BENCH_REPETITIONS_MAX);
        return EXIT_FAILURE;
    }

    virFileActivateDirOverrideForProg(argv[0]);
    if (virInitialize() < 0 ||
        !(driver = testXLInitDriver()) ||
        benchFindEmulatorType() < 0 ||
        benchRun(argv[2], repetitions) < 0) {
        fprintf(stderr, "cannot convert '%s': %s\n", argv[2], virGetLastErrorMessage());
        ret = EXIT_FAILURE;
    }

    if (driver)
        testXLFreeDriver(driver);
    unlink(abs_builddir "/libxl-driver.log");

    return ret;
}
