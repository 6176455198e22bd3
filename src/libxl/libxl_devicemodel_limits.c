/*
 * libxl_devicemodel_limits.c: what a secondary takes of the host is limited
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>
#include <signal.h>

#include "libxl_devicemodel_limits.h"

#include "domain_driver.h"
#include "vircgroup.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virsystemd.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_limits");

/* The name of the driver, and of the folder for its machines. */
#define LIBXL_DEVICE_MODEL_CGROUP_DRIVER "xen"
#define LIBXL_DEVICE_MODEL_CGROUP_PARTITION "/machine"

/* MiB.  A secondary has 27 MiB, and 64 MiB of page tables for the 32 GiB of its guest's
 * memory that it maps at most (MCACHE_MAX_SIZE in QEMU's hw/xen/xen-mapcache.c); that
 * memory is counted nowhere.  What it has read from disk counts, and is given back.  It has
 * a cache of up to 32 MiB for the tables of each qcow2 image (qcow2_update_options_prepare
 * in its block/qcow2.c), and an image may have others below it. */
#define LIBXL_DEVICE_MODEL_MEMORY 256
#define LIBXL_DEVICE_MODEL_MEMORY_PER_DISK 128
#define LIBXL_DEVICE_MODEL_MEMORY_MIN 64
#define LIBXL_DEVICE_MODEL_MEMORY_MAX (1024 * 1024)

/* Hundredths of a processor.  All devices are served by one thread; others read and write
 * the images. */
#define LIBXL_DEVICE_MODEL_CPU 200
#define LIBXL_DEVICE_MODEL_CPU_MIN 10
#define LIBXL_DEVICE_MODEL_CPU_MAX 100000

/* Of the 100 ms that the kernel has for a period. */
#define LIBXL_DEVICE_MODEL_CPU_PERCENT_US 1000

/* What each kind of scheduler takes for a weight: BFQ up to 1000, CFQ from 10. */
#define LIBXL_DEVICE_MODEL_IO_WEIGHT_MIN 10
#define LIBXL_DEVICE_MODEL_IO_WEIGHT_MAX 1000

/* How long it may take until what was killed has ended, and until systemd has forgotten the
 * machine that it was. */
#define LIBXL_DEVICE_MODEL_CGROUP_MS (2 * 1000)

/* What the host may lack. */
typedef enum {
    LIBXL_DEVICE_MODEL_LACK_CGROUPS = 0,
    LIBXL_DEVICE_MODEL_LACK_MEMORY,
    LIBXL_DEVICE_MODEL_LACK_CPU_LIMIT,
    LIBXL_DEVICE_MODEL_LACK_CPU_WEIGHT,
    LIBXL_DEVICE_MODEL_LACK_IO_WEIGHT,
} libxlDeviceModelLack;

/* Bits 1 << libxlDeviceModelLack: of what the log tells already. */
static unsigned int libxlDeviceModelLacks;


static void
libxlDeviceModelLimitsWarn(libxlDeviceModelLack lack,
                           const char *what)
{
    if (!(g_atomic_int_or(&libxlDeviceModelLacks, 1U << lack) & (1U << lack)))
        VIR_WARN("%s, there is no such limit for device models", what);
}


/* A number from @min to @max, or 0 for no limit where that is possible. */
static int
libxlDeviceModelLimitsLoad(virConf *conf,
                           const char *key,
                           unsigned int min,
                           unsigned int max,
                           bool unlimited,
                           unsigned int *limit)
{
    unsigned int value = 0;
    int rc = virConfGetValueUInt(conf, key, &value);

    if (rc <= 0)
        return rc;

    if (value == 0 && unlimited) {
        *limit = LIBXL_DEVICE_MODEL_UNLIMITED;
        return 0;
    }

    if (value < min || value > max) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       unlimited ?
                       _("%1$s = %2$u, expected a number from %3$u to %4$u, or 0 for no limit") :
                       _("%1$s = %2$u, expected a number from %3$u to %4$u"),
                       key, value, min, max);
        return -1;
    }

    *limit = value;
    return 0;
}


/**
 * libxlDeviceModelLimitsLoadConf:
 * @conf: the driver's configuration file
 * @limits: what is given in it is set, the rest left alone
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED, or VIR_ERR_INTERNAL_ERROR where
 * something is no number.
 */
int
libxlDeviceModelLimitsLoadConf(virConf *conf,
                               libxlDeviceModelLimitsConf *limits)
{
    if (libxlDeviceModelLimitsLoad(conf, "device_model_memory_limit",
                                   LIBXL_DEVICE_MODEL_MEMORY_MIN,
                                   LIBXL_DEVICE_MODEL_MEMORY_MAX,
                                   true, &limits->memory) < 0 ||
        libxlDeviceModelLimitsLoad(conf, "device_model_cpu_limit",
                                   LIBXL_DEVICE_MODEL_CPU_MIN,
                                   LIBXL_DEVICE_MODEL_CPU_MAX,
                                   true, &limits->cpuLimit) < 0 ||
        libxlDeviceModelLimitsLoad(conf, "device_model_cpu_weight",
                                   VIR_CGROUPV2_WEIGHT_MIN,
                                   VIR_CGROUPV2_WEIGHT_MAX,
                                   false, &limits->cpuWeight) < 0 ||
        libxlDeviceModelLimitsLoad(conf, "device_model_io_weight",
                                   LIBXL_DEVICE_MODEL_IO_WEIGHT_MIN,
                                   LIBXL_DEVICE_MODEL_IO_WEIGHT_MAX,
                                   false, &limits->ioWeight) < 0)
        return -1;

    return 0;
}


/* Returns @value, or @choice where the configuration has none, 0 for no limit. */
static unsigned int
libxlDeviceModelLimitsChoose(unsigned int value,
                             unsigned int choice)
{
    if (value == LIBXL_DEVICE_MODEL_UNLIMITED)
        return 0;

    return value ? value : choice;
}


/**
 * libxlDeviceModelLimitsInit:
 * @limits: set to what a secondary may take
 * @conf: what an administrator says of it
 * @ndisks: number of the secondary's disks
 * @processes: number of the processes and threads that it may have
 */
void
libxlDeviceModelLimitsInit(libxlDeviceModelLimits *limits,
                           const libxlDeviceModelLimitsConf *conf,
                           size_t ndisks,
                           unsigned int processes)
{
    unsigned int memory = LIBXL_DEVICE_MODEL_MEMORY +
        ndisks * LIBXL_DEVICE_MODEL_MEMORY_PER_DISK;
    unsigned long long mib = libxlDeviceModelLimitsChoose(conf->memory, memory);
    long long percent = libxlDeviceModelLimitsChoose(conf->cpuLimit, LIBXL_DEVICE_MODEL_CPU);

    limits->memory = mib * 1024;
    limits->cpuQuota = percent * LIBXL_DEVICE_MODEL_CPU_PERCENT_US;
    limits->cpuWeight = conf->cpuWeight;
    limits->ioWeight = conf->ioWeight;
    limits->processes = processes;
}


/* Returns the path of a file of the cgroup, to be freed by the caller, or NULL if there is
 * no such file. */
static char *
libxlDeviceModelCgroupFile(virCgroup *cgroup,
                           int controller,
                           const char *key)
{
    g_autofree char *path = NULL;

    if (!virCgroupHasController(cgroup, controller) ||
        virCgroupPathOfController(cgroup, controller, key, &path) < 0 ||
        !virFileExists(path))
        return NULL;

    return g_steal_pointer(&path);
}


static bool
libxlDeviceModelCgroupHasFile(virCgroup *cgroup,
                              int controller,
                              const char *key)
{
    g_autofree char *path = libxlDeviceModelCgroupFile(cgroup, controller, key);

    return path != NULL;
}


/* What is swapped out is not counted as memory: the limit would be that of the host's
 * swap.  Version 1 limits the sum of both, version 2 each. */
static int
libxlDeviceModelLimitsSetMemory(virCgroup *cgroup,
                                const libxlDeviceModelLimits *limits)
{
    const int controller = VIR_CGROUP_CONTROLLER_MEMORY;

    if (limits->memory == 0)
        return 0;

    if (!virCgroupHasController(cgroup, controller)) {
        libxlDeviceModelLimitsWarn(LIBXL_DEVICE_MODEL_LACK_MEMORY,
                                   "the host cannot limit memory");
        return 0;
    }

    if (virCgroupSetMemoryHardLimit(cgroup, limits->memory) < 0)
        return -1;

    if (libxlDeviceModelCgroupHasFile(cgroup, controller, "memory.swap.max"))
        return virCgroupSetMemSwapHardLimit(cgroup, 0);

    if (libxlDeviceModelCgroupHasFile(cgroup, controller, "memory.memsw.limit_in_bytes"))
        return virCgroupSetMemSwapHardLimit(cgroup, limits->memory);

    return 0;
}


static int
libxlDeviceModelLimitsSetCPULimit(virCgroup *cgroup,
                                  const libxlDeviceModelLimits *limits)
{
    if (limits->cpuQuota == 0)
        return 0;

    if (!virCgroupHasController(cgroup, VIR_CGROUP_CONTROLLER_CPU) ||
        !virCgroupSupportsCpuBW(cgroup)) {
        libxlDeviceModelLimitsWarn(LIBXL_DEVICE_MODEL_LACK_CPU_LIMIT,
                                   "the host cannot limit processor time");
        return 0;
    }

    return virCgroupSetCpuCfsQuota(cgroup, limits->cpuQuota);
}


/* Version 1 has 1024 where version 2 has 100. */
static int
libxlDeviceModelLimitsSetCPUWeight(virCgroup *cgroup,
                                   const libxlDeviceModelLimits *limits)
{
    const int controller = VIR_CGROUP_CONTROLLER_CPU;

    if (limits->cpuWeight == 0)
        return 0;

    if (libxlDeviceModelCgroupHasFile(cgroup, controller, "cpu.weight"))
        return virCgroupSetCpuShares(cgroup, limits->cpuWeight);

    if (libxlDeviceModelCgroupHasFile(cgroup, controller, "cpu.shares"))
        return virCgroupSetCpuShares(cgroup, MAX(limits->cpuWeight * 1024 / 100,
                                                 VIR_CGROUP_CPU_SHARES_MIN));

    libxlDeviceModelLimitsWarn(LIBXL_DEVICE_MODEL_LACK_CPU_WEIGHT,
                               "the host cannot share processors by weight");
    return 0;
}


/* There is one file or another for each scheduler that the kernel has. */
static int
libxlDeviceModelLimitsSetIOWeight(virCgroup *cgroup,
                                  const libxlDeviceModelLimits *limits)
{
    const char *files[] = { "io.bfq.weight", "io.weight", "blkio.bfq.weight", "blkio.weight" };
    size_t i;

    if (limits->ioWeight == 0)
        return 0;

    for (i = 0; i < G_N_ELEMENTS(files); i++) {
        if (libxlDeviceModelCgroupHasFile(cgroup, VIR_CGROUP_CONTROLLER_BLKIO, files[i]))
            return virCgroupSetBlkioWeight(cgroup, limits->ioWeight);
    }

    libxlDeviceModelLimitsWarn(LIBXL_DEVICE_MODEL_LACK_IO_WEIGHT,
                               "the host cannot share disks by weight");
    return 0;
}


/* libvirt takes a host for one without cgroups when the daemon has no file left to look with,
 * of which it needs two: one for the list of mounts, and one for what it finds there.  Returns
 * whether there are cgroups, or -1 with an error. */
static int
libxlDeviceModelCgroupsFind(void)
{
    const char *path = "/proc/mounts";
    VIR_AUTOCLOSE first = -1;
    VIR_AUTOCLOSE second = -1;

    if (virCgroupAvailable())
        return 1;

    if ((first = open(path, O_RDONLY | O_CLOEXEC)) < 0 ||
        (second = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
        virReportSystemError(errno, _("cannot open file '%1$s'"), path);
        return -1;
    }

    return 0;
}


/* Returns as libxlDeviceModelLimitsApply does, with no cgroup where the host has none, or
 * the daemon may make none. */
static int
libxlDeviceModelCgroupNew(const libxlDeviceModelLimits *limits,
                          const char *name,
                          pid_t pid,
                          virCgroup **cgroup)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    int found = libxlDeviceModelCgroupsFind();

    /* a machine has an id that no other has, and the domain has several of these */
    if (found < 0 || virUUIDGenerate(uuid) < 0)
        return -1;

    if (found > 0 &&
        virCgroupNewMachine(name, LIBXL_DEVICE_MODEL_CGROUP_DRIVER, uuid, NULL, pid, false,
                            0, NULL, LIBXL_DEVICE_MODEL_CGROUP_PARTITION, -1,
                            limits->processes, cgroup) < 0 &&
        !virCgroupNewIgnoreError())
        return -1;

    if (!*cgroup)
        libxlDeviceModelLimitsWarn(LIBXL_DEVICE_MODEL_LACK_CGROUPS,
                                   "the host has no cgroups");

    return 0;
}


/* What has ended is forgotten some time after its cgroup is gone, first by systemd, then by
 * machined, which is told of that.  Returns whether one of them has said that it knows the
 * name still. */
static bool
libxlDeviceModelCgroupIsKnown(void)
{
    const virError *err = virGetLastError();

    return err && (STREQ_NULLABLE(err->str1, "org.freedesktop.machine1.MachineExists") ||
                   STREQ_NULLABLE(err->str1, "org.freedesktop.systemd1.UnitExists"));
}


/* Returns as libxlDeviceModelCgroupNew does. */
static int
libxlDeviceModelCgroupNewLate(const libxlDeviceModelLimits *limits,
                              const char *name,
                              pid_t pid,
                              gint64 deadline,
                              virCgroup **cgroup)
{
    int rc;

    while ((rc = libxlDeviceModelCgroupNew(limits, name, pid, cgroup)) < 0 &&
           libxlDeviceModelCgroupIsKnown() && g_get_monotonic_time() < deadline) {
        /* one that nothing is in may be kept for its process, which was never in it */
        ignore_value(virSystemdTerminateMachine(name));
        virResetLastError();
        g_usleep(20 * 1000);
    }

    return rc;
}


/* Returns 0 once there is no such cgroup, or -1 with an error. */
static int
libxlDeviceModelCgroupEndLate(const char *name,
                              gint64 deadline)
{
    int rc;

    while ((rc = libxlDeviceModelCgroupEnd(name)) > 0 && g_get_monotonic_time() < deadline)
        g_usleep(10 * 1000);

    if (rc > 0)
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("what an earlier process has left in cgroup '%1$s' does not end"), name);

    return rc == 0 ? 0 : -1;
}


/**
 * libxlDeviceModelLimitsApply:
 * @limits: what a secondary may take
 * @cgroup: name of its cgroup
 * @pid: its process, which waits to become the emulator
 *
 * Put the process into a cgroup with the limits; what an earlier one with that name has
 * left is ended and removed, which is waited for.  No domain may be locked.
 *
 * Returns 0, also on a host that has no such limits, or -1 with an error, with the
 * process in the cgroup or not.
 */
int
libxlDeviceModelLimitsApply(const libxlDeviceModelLimits *limits,
                            const char *cgroup,
                            pid_t pid)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_CGROUP_MS * 1000;
    g_autoptr(virCgroup) group = NULL;

    if (libxlDeviceModelCgroupEndLate(cgroup, deadline) < 0 ||
        libxlDeviceModelCgroupNewLate(limits, cgroup, pid, deadline, &group) < 0)
        return -1;

    if (!group)
        return 0;

    if (libxlDeviceModelLimitsSetMemory(group, limits) < 0 ||
        libxlDeviceModelLimitsSetCPULimit(group, limits) < 0 ||
        libxlDeviceModelLimitsSetCPUWeight(group, limits) < 0 ||
        libxlDeviceModelLimitsSetIOWeight(group, limits) < 0)
        return -1;

    return 0;
}


/**
 * libxlDeviceModelCgroupName:
 * @domid: id of a domain
 * @id: id of one of its device models
 * @name: the name of that, for an administrator
 *
 * Returns the name of the cgroup, to be freed by the caller: that of a machine, as systemd
 * knows it.
 */
char *
libxlDeviceModelCgroupName(unsigned int domid,
                           unsigned int id,
                           const char *name)
{
    g_autofree char *own = g_strdup_printf("%u-%s", id, name);

    return virDomainDriverGenerateMachineName(LIBXL_DEVICE_MODEL_CGROUP_DRIVER, NULL,
                                              domid, own, true);
}


/* Returns where the cgroup is, if it is there: as systemd would have made it, and as
 * libvirt would. */
static GStrv
libxlDeviceModelCgroupPaths(const char *name)
{
    g_autofree char *slice = virSystemdMakeSliceName(LIBXL_DEVICE_MODEL_CGROUP_PARTITION);
    g_autofree char *scope = virSystemdMakeScopeName(name, LIBXL_DEVICE_MODEL_CGROUP_DRIVER,
                                                     false);
    GStrv paths = g_new0(char *, 3);

    paths[0] = g_strdup_printf("/%s/%s", slice, scope);
    paths[1] = g_strdup_printf("%s/%s.libvirt-%s", LIBXL_DEVICE_MODEL_CGROUP_PARTITION, name,
                               LIBXL_DEVICE_MODEL_CGROUP_DRIVER);
    return paths;
}


/* Returns whether a controller has the cgroup, or -1 with an error. */
static int
libxlDeviceModelCgroupExists(const char *path)
{
    g_autoptr(virCgroup) root = NULL;
    int controller;

    if (virCgroupNew("/", -1, &root) < 0)
        return virCgroupNewIgnoreError() ? 0 : -1;

    for (controller = 0; controller < VIR_CGROUP_CONTROLLER_LAST; controller++) {
        if (libxlDeviceModelCgroupHasFile(root, controller, path + 1))
            return 1;
    }

    return 0;
}


/* systemd removes the cgroup of what has ended, at any time: what cannot be opened is not
 * there, or else that is an error.  Returns as libxlDeviceModelCgroupFind does. */
static int
libxlDeviceModelCgroupOpen(const char *path,
                           virCgroup **cgroup)
{
    int rc = libxlDeviceModelCgroupExists(path);

    if (rc <= 0 || virCgroupNew(path, -1, cgroup) == 0)
        return rc;

    if ((rc = libxlDeviceModelCgroupExists(path)) == 0)
        virResetLastError();
    return rc == 0 ? 0 : -1;
}


/* Sets @cgroup to the first cgroup of that name.  Returns whether there is one, or -1 with an
 * error where that cannot be seen. */
static int
libxlDeviceModelCgroupFind(const char *name,
                           virCgroup **cgroup)
{
    g_auto(GStrv) paths = libxlDeviceModelCgroupPaths(name);
    int rc = libxlDeviceModelCgroupsFind();
    size_t i;

    if (rc <= 0)
        return rc;

    for (i = 0, rc = 0; rc == 0 && paths[i]; i++)
        rc = libxlDeviceModelCgroupOpen(paths[i], cgroup);

    return rc;
}


/**
 * libxlDeviceModelCgroupRanOut:
 * @name: name of a cgroup
 *
 * Whoever asks when the process has ended by SIGKILL learns why, if he asks at once: systemd
 * removes the cgroup of what has ended.
 *
 * Returns whether the kernel has killed what is in the cgroup, for want of memory.
 */
bool
libxlDeviceModelCgroupRanOut(const char *name)
{
    /* what libvirt makes in a scope is not counted there by version 1 */
    const char *files[] = { "memory.events", "memory.oom_control", "libvirt/memory.oom_control" };
    g_autoptr(virCgroup) cgroup = NULL;
    size_t i;

    if (libxlDeviceModelCgroupFind(name, &cgroup) <= 0) {
        virResetLastError();
        return false;
    }

    for (i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path =
            libxlDeviceModelCgroupFile(cgroup, VIR_CGROUP_CONTROLLER_MEMORY, files[i]);
        g_autofree char *text = NULL;
        const char *count;

        if (path && virFileReadAllQuiet(path, 4096, &text) >= 0 &&
            (count = strstr(text, "\noom_kill ")) &&
            !STRPREFIX(count, "\noom_kill 0\n"))
            return true;
    }

    return false;
}


/* A pid that was read may be another's when it is signalled, which the kernel prevents
 * where it kills all that is in the cgroup (since Linux 5.14).  Returns whether there was
 * any process, or -1 with an error. */
static int
libxlDeviceModelCgroupKill(virCgroup *cgroup)
{
    const int controller = VIR_CGROUP_CONTROLLER_CPUACCT;
    g_autofree char *events = libxlDeviceModelCgroupFile(cgroup, controller, "cgroup.events");
    g_autofree char *kill = libxlDeviceModelCgroupFile(cgroup, controller, "cgroup.kill");
    g_autofree char *text = NULL;
    int rc;

    if (!events || !kill)
        return virCgroupKillRecursive(cgroup, SIGKILL);

    /* the kernel has another error for a file that was open as it was removed */
    rc = virFileReadAllQuiet(events, 4096, &text);
    if (rc < 0 && rc != -ENOENT && rc != -ENODEV) {
        virReportSystemError(-rc, _("cannot read file '%1$s'"), events);
        return -1;
    }

    if (rc < 0 || !strstr(text, "populated 1"))
        return 0;

    if (virFileWriteStr(kill, "1", 0) < 0 && errno != ENOENT && errno != ENODEV) {
        virReportSystemError(errno, _("cannot kill what is in cgroup '%1$s'"), kill);
        return -1;
    }

    return 1;
}


/**
 * libxlDeviceModelCgroupEnd:
 * @name: name of a cgroup
 *
 * Kill whatever is in the cgroup, or remove it if there is nothing.
 *
 * Returns whether something may be in it still, to be looked at again, or -1 with an
 * error.
 */
int
libxlDeviceModelCgroupEnd(const char *name)
{
    g_autoptr(virCgroup) cgroup = NULL;
    int rc;

    if ((rc = libxlDeviceModelCgroupFind(name, &cgroup)) <= 0)
        return rc;

    if ((rc = libxlDeviceModelCgroupKill(cgroup)) != 0)
        return rc;

    return virCgroupRemove(cgroup) < 0 ? 1 : 0;
}
