/*
 * libxl_devicemodel_saved.h: the state of secondaries behind that of their domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libxl writes the state of a domain, and reads it again, to the byte (END record in Xen's
 * docs/specs/libxl-migration-stream.pandoc), so that what follows is ours.  It is called the
 * trailer, and is the same behind an image in a file and on a connection: it is written and
 * read in one go, forwards.  All numbers are little endian.
 *
 *  head    "libvirt-xen-dms\n"
 *          u32 version of what follows: 1
 *          u32 number of secondaries
 *          u64 length of the trailer in bytes, head and end included
 *          u64 where in its file it begins, 0 where it was not written to one
 *          uuid of the domain
 *  each    u32 length of its name
 *          u32 length of its machine
 *          u32 major, u32 minor, u32 micro version of its QEMU
 *          u32 length of its registers, 0 where they are not known
 *          u64 length of its state
 *          SHA-256 of all that is above in this record, and of all that follows
 *          name, machine, registers (libxl_devicemodel_registers.h), state
 *  end     "libvirt-xen-end\n"
 *          u64 length of the trailer, as in its head
 *
 * The end is written last, so that what has none is incomplete; in a file, it is where the
 * trailer is found before anything of the image is used.  That a part in the middle of the
 * image is missing is seen by where the trailer begins, unless it was not written to a file.
 *
 * An image may come from anybody.  What is parsed here has the limits that are below, and the
 * checksum says that nothing was altered by accident, not by whom it was made.  What is in a
 * state and in registers is not looked at: the former is loaded by a process without privilege
 * that may serve this one domain, the latter are never trusted (libxl_devicemodel_replay.h).
 */

#pragma once

#include "domain_conf.h"

/* Of each; an e1000 has 200 KiB, others some KiB. */
#define LIBXL_DEVICE_MODEL_SAVED_STATE_MAX (16 * 1024 * 1024)
#define LIBXL_DEVICE_MODEL_SAVED_REGISTERS_MAX (64 * 1024)
#define LIBXL_DEVICE_MODEL_SAVED_MACHINE_MAX 64

/* What is in a save image of libvirt's with a trailer.  One without has LIBXL_SAVE_VERSION,
 * which is the version of libxl's stream, too, and that is the same in both. */
#define LIBXL_DEVICE_MODEL_SAVE_VERSION 3

typedef struct _libxlDeviceModelSaved libxlDeviceModelSaved;
struct _libxlDeviceModelSaved {
    char *name;
    char *machine; /* what QEMU calls it, as in xenfv-3.1-machine */
    unsigned int version[3]; /* of QEMU: major, minor, micro */
    size_t nregisters;
    uint8_t *registers; /* of whatever version */
    size_t nstate;
    uint8_t *state;
};

typedef struct _libxlDeviceModelsSaved libxlDeviceModelsSaved;
struct _libxlDeviceModelsSaved {
    unsigned char uuid[VIR_UUID_BUFLEN];
    unsigned long long offset; /* in its file, or 0 */
    size_t ndms;
    libxlDeviceModelSaved *dms; /* in the order of the definition */
};

bool
libxlDeviceModelSavedMachineIsValid(const char *machine);

int
libxlDeviceModelSavedCheckVersion(const libxlDeviceModelSaved *saved,
                                  const unsigned int *version);

libxlDeviceModelsSaved *
libxlDeviceModelsSavedNew(const unsigned char *uuid,
                          size_t ndms);

void
libxlDeviceModelsSavedFree(libxlDeviceModelsSaved *saved);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelsSaved, libxlDeviceModelsSavedFree);

GByteArray *
libxlDeviceModelsSavedFormat(const libxlDeviceModelsSaved *saved);

libxlDeviceModelsSaved *
libxlDeviceModelsSavedParse(const uint8_t *data,
                            size_t len);

int
libxlDeviceModelsSavedCheck(const libxlDeviceModelsSaved *saved,
                            const virDomainDef *def);

int
libxlDeviceModelsSavedWrite(libxlDeviceModelsSaved *saved,
                            int fd);

libxlDeviceModelsSaved *
libxlDeviceModelsSavedRead(int fd);

libxlDeviceModelsSaved *
libxlDeviceModelsSavedFind(int fd,
                           off_t size);
