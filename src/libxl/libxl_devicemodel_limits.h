/*
 * libxl_devicemodel_limits.h: what a secondary takes of the host is limited
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each secondary has a cgroup of its own, in which it is before the emulator is executed
 * and which it cannot leave.  It bounds its memory, its share of the processors and of
 * the disks, and, where systemd has made it, its processes, which are limited without,
 * too (libxl_devicemodel_privilege.h).  Whatever is in it ends with the secondary.
 *
 * The cgroup is made as those of libvirt's other drivers (virCgroupNewMachine).
 * systemd-machined, where there is one, makes a scope in machine.slice: what systemd
 * manages only systemd may divide, or it takes controllers away again.  Elsewhere it is a
 * folder in /machine, which systemd leaves alone.  There is one for each secondary and
 * none for the domain: a Xen guest has no process, so that the domain has nothing to be
 * in one by, and its primary is libxl's.  It would bound all secondaries together, where
 * one must not take what its siblings need.
 *
 * Its name has the ids of the domain and of the device model, so that any daemon finds it
 * (libxlDeviceModelCgroupEnd).
 *
 * A host without cgroups, or without one of their controllers, is told so once in the
 * log, and its secondaries have no limit.  What the host has must work.
 *
 * Nothing here knows a domain object.  libxlDeviceModelLimitsApply may wait for
 * systemd and must not be called with a domain locked; the others wait for nothing.
 */

#pragma once

#include <sys/types.h>

#include "internal.h"
#include "virconf.h"

/* As the driver's configuration file has them; 0 is libvirt's choice. */
typedef struct _libxlDeviceModelLimitsConf libxlDeviceModelLimitsConf;
struct _libxlDeviceModelLimitsConf {
    unsigned int memory; /* MiB, or LIBXL_DEVICE_MODEL_UNLIMITED */
    unsigned int cpuLimit; /* hundredths of a processor, or likewise */
    unsigned int cpuWeight;
    unsigned int ioWeight;
};

#define LIBXL_DEVICE_MODEL_UNLIMITED UINT_MAX

/* What one secondary may take; 0 is no limit, or the host's own weight. */
typedef struct _libxlDeviceModelLimits libxlDeviceModelLimits;
struct _libxlDeviceModelLimits {
    unsigned long long memory; /* KiB */
    long long cpuQuota; /* microseconds of each 100 ms */
    unsigned int cpuWeight;
    unsigned int ioWeight;
    unsigned int processes; /* threads included */
};

int
libxlDeviceModelLimitsLoadConf(virConf *conf,
                               libxlDeviceModelLimitsConf *limits);

void
libxlDeviceModelLimitsInit(libxlDeviceModelLimits *limits,
                           const libxlDeviceModelLimitsConf *conf,
                           size_t ndisks,
                           unsigned int processes);

int
libxlDeviceModelLimitsApply(const libxlDeviceModelLimits *limits,
                            const char *cgroup,
                            pid_t pid);

char *
libxlDeviceModelCgroupName(unsigned int domid,
                           unsigned int id,
                           const char *name);

bool
libxlDeviceModelCgroupRanOut(const char *name);

int
libxlDeviceModelCgroupEnd(const char *name);
