/*
 * libxl_devicemodel_conf.h: the configuration of each device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pure conversion, from a domain definition and its placement to what the
 * primary (a libxl_domain_config) and each secondary (a
 * libxlDeviceModelConfig) are told.  Nothing here touches the host.
 *
 * Of what libxl decides when it creates a domain, a secondary depends on the
 * libxlDeviceModelMachine only.  The domain keeps it in its private data and in its
 * status file, so that definition, placement and it make the same configuration
 * again, whichever daemon asks.
 */

#pragma once

#include <libxl.h>

#include "libxl_devicemodel_placement.h"

/* A PC has so many serial ports, and IDE disks. */
#define LIBXL_DEVICE_MODEL_SERIAL_MAX 4
#define LIBXL_DEVICE_MODEL_IDE_MAX 4

/* An emulated NIC of a secondary. */
typedef struct _libxlDeviceModelNIC libxlDeviceModelNIC;
struct _libxlDeviceModelNIC {
    size_t idx; /* in the nets of the domain */
    const char *driver; /* QEMU's name of the device */
    virMacAddr mac;
    unsigned int slot;
    unsigned int mtu; /* 0: nothing is said of it */
    bool down; /* its cable is not plugged in */
};

/* An IDE disk or cdrom drive of a secondary. */
typedef struct _libxlDeviceModelDisk libxlDeviceModelDisk;
struct _libxlDeviceModelDisk {
    size_t idx; /* in the disks of the domain */
    unsigned int bus;
    unsigned int unit;
    bool cdrom;
    bool readonly;
    bool shared;
    bool direct; /* past the host's page cache */
    bool noflush; /* what the guest flushes is not waited for */
    bool writethrough; /* the guest is told of no write cache */
    bool unmap; /* what the guest discards is */
    bool tables; /* QEMU keeps tables of its image to itself until the guest flushes */
    char *serial;
};

/* A serial port of a secondary. */
typedef struct _libxlDeviceModelSerial libxlDeviceModelSerial;
struct _libxlDeviceModelSerial {
    size_t idx; /* in the serials of the domain */
    unsigned int port; /* 0 is COM1 */
    virDomainChrType type;
    bool listen; /* of a socket */
    bool telnet;
};

/* The sound device of a secondary. */
typedef struct _libxlDeviceModelSound libxlDeviceModelSound;
struct _libxlDeviceModelSound {
    const char *driver; /* QEMU's name of the device */
    const char *codec; /* of its codec, NULL for a device without */
    unsigned int slot;
    bool file; /* what the guest plays goes to a file */
    unsigned int timerPeriod;
    virDomainAudioIOCommon input;
    virDomainAudioIOCommon output;
};

/* What all device models of a domain have to be told alike. */
typedef struct _libxlDeviceModelMachine libxlDeviceModelMachine;
struct _libxlDeviceModelMachine {
    unsigned long long memory; /* MiB, as libxl gives the primary; 0: not known */
    unsigned int vcpus;
};

/* What one secondary is told when it starts. */
typedef struct _libxlDeviceModelConfig libxlDeviceModelConfig;
struct _libxlDeviceModelConfig {
    unsigned int domid;
    unsigned int id;
    char *domname;
    char *name;
    char *emulator;
    libxlDeviceModelMachine machine;
    unsigned int capabilities; /* bits 1 << virDomainDeviceModelCapability */

    size_t nnics;
    libxlDeviceModelNIC *nics;

    size_t ndisks;
    libxlDeviceModelDisk *disks;

    size_t nserials;
    libxlDeviceModelSerial *serials;

    libxlDeviceModelSound *sound; /* NULL for none */

    bool incoming; /* it goes on with a state that was saved */
};

int
libxlDeviceModelMachineInit(libxlDeviceModelMachine *machine,
                            const virDomainDef *def,
                            const libxl_domain_config *d_config);

libxlDeviceModelConfig *
libxlDeviceModelConfigNew(const virDomainDef *def,
                          const libxlDeviceModelPlaced *placed,
                          const libxlDeviceModelMachine *machine,
                          unsigned int domid);

void
libxlDeviceModelConfigFree(libxlDeviceModelConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelConfig, libxlDeviceModelConfigFree);

void
libxlDeviceModelDiskInit(libxlDeviceModelDisk *disk,
                         const virDomainDiskDef *def,
                         size_t idx);

void
libxlDeviceModelDiskClear(libxlDeviceModelDisk *disk);

int
libxlDeviceModelConfigPrimary(const virDomainDef *def,
                              libxl_domain_config *d_config);

const char *
libxlDeviceModelNICDriver(const char *model);

char *
libxlDeviceModelNICModels(void);

const char *
libxlDeviceModelSoundDriver(virDomainSoundModel model);

char *
libxlDeviceModelSoundModels(void);

const char *
libxlDeviceModelImageDriver(virStorageFileFormat format);

const char *
libxlDeviceModelSecondaryEmulator(const virDomainDef *def,
                                  const virDomainDeviceModelDef *dmdef);
