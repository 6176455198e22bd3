/*
 * libxl_devicemodel_registers_file.c: the file in which a secondary remembers registers
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libxl_devicemodel_registers_file.h"

#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

/* What an earlier daemon's processes have: that was the same, but for what is guarded. */
#define LIBXL_DEVICE_MODEL_REGISTERS_EARLIER 3U
#define LIBXL_DEVICE_MODEL_REGISTERS_EARLIER_SIZE offsetof(libxlDeviceModelRegisters, dma)


/* Everything is written, zeros too: a page that has no place yet would be found by a
 * full file system when the emulator writes to it, which kills it. */
static int
libxlDeviceModelRegistersWrite(int fd,
                               const char *path,
                               const void *opaque)
{
    if (safewrite(fd, opaque, sizeof(libxlDeviceModelRegisters)) < 0) {
        virReportSystemError(errno, _("cannot write data to file '%1$s'"), path);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelRegistersCreate:
 * @path: of the file; one that is there is replaced at once
 * @before: what the guest has written so far, into the registers of a process whose
 *          place is taken, or NULL
 *
 * Returns the open file, to be closed by the caller, or -1 with an error.
 */
int
libxlDeviceModelRegistersCreate(const char *path,
                                const libxlDeviceModelRegisters *before)
{
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    int fd;

    if (before)
        *registers = *before;
    memset(registers->noted, 0, sizeof(registers->noted));
    registers->version = LIBXL_DEVICE_MODEL_REGISTERS_VERSION;

    if (virFileRewrite(path, 0600, -1, -1, libxlDeviceModelRegistersWrite, registers) < 0)
        return -1;

    if ((fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)) < 0) {
        virReportSystemError(errno, _("cannot open file '%1$s'"), path);
        return -1;
    }

    return fd;
}


/* Returns the version that has so many bytes, or 0. */
static uint64_t
libxlDeviceModelRegistersGetVersion(off_t size)
{
    if (size == sizeof(libxlDeviceModelRegisters))
        return LIBXL_DEVICE_MODEL_REGISTERS_VERSION;

    return size == LIBXL_DEVICE_MODEL_REGISTERS_EARLIER_SIZE ? LIBXL_DEVICE_MODEL_REGISTERS_EARLIER : 0;
}


/* Make of @size bytes that were read what registers are now.  Returns whether they were any. */
static bool
libxlDeviceModelRegistersUpgrade(libxlDeviceModelRegisters *registers,
                                 off_t size)
{
    uint64_t version = libxlDeviceModelRegistersGetVersion(size);

    if (version == 0 || registers->version != version)
        return false;

    registers->version = LIBXL_DEVICE_MODEL_REGISTERS_VERSION;
    return true;
}


/**
 * libxlDeviceModelRegistersParse:
 * @data: registers that were saved, whoever did
 * @len: their length
 *
 * Returns a copy, which the caller frees, or NULL where they are of another version, or none.
 */
libxlDeviceModelRegisters *
libxlDeviceModelRegistersParse(const uint8_t *data,
                               size_t len)
{
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);

    memcpy(registers, data, MIN(len, sizeof(*registers)));
    if (!libxlDeviceModelRegistersUpgrade(registers, len))
        return NULL;

    return g_steal_pointer(&registers);
}


/* The registers are all zero yet. */
static int
libxlDeviceModelRegistersReadFD(int fd,
                                const char *path,
                                libxlDeviceModelRegisters *registers)
{
    struct stat sb;
    int rc = fstat(fd, &sb);

    if (rc == 0 && S_ISREG(sb.st_mode) && libxlDeviceModelRegistersGetVersion(sb.st_size))
        rc = saferead(fd, registers, sb.st_size);

    if (rc < 0) {
        virReportSystemError(errno, _("cannot read file '%1$s'"), path);
        return -1;
    }

    if (!S_ISREG(sb.st_mode) || !libxlDeviceModelRegistersUpgrade(registers, sb.st_size)) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("file '%1$s' does not have the registers of a device model"), path);
        return -1;
    }

    return 0;
}


/* Returns the open file, whose registers are filled in, or -1 with an error.  The file is not
 * mapped: who has it could make it shorter. */
static int
libxlDeviceModelRegistersOpen(const char *path,
                              int access,
                              libxlDeviceModelRegisters *registers)
{
    VIR_AUTOCLOSE fd = open(path, access | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int ret;

    memset(registers, 0, sizeof(*registers));

    if (fd < 0) {
        virReportSystemError(errno, _("cannot open file '%1$s'"), path);
        return -1;
    }

    if (libxlDeviceModelRegistersReadFD(fd, path, registers) < 0)
        return -1;

    ret = fd;
    fd = -1;
    return ret;
}


/**
 * libxlDeviceModelRegistersRead:
 * @path: of the file, into which nobody writes any more
 * @registers: filled in
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelRegistersRead(const char *path,
                              libxlDeviceModelRegisters *registers)
{
    VIR_AUTOCLOSE fd = libxlDeviceModelRegistersOpen(path, O_RDONLY, registers);

    return fd < 0 ? -1 : 0;
}


/* Only what has changed: the process writes the rest. */
static int
libxlDeviceModelRegistersUpdate(int fd,
                                const char *path,
                                const libxlDeviceModelRegisters *before,
                                const libxlDeviceModelRegisters *after)
{
    const char *from = (const char *)before;
    const char *to = (const char *)after;
    size_t i;

    for (i = 0; i < sizeof(*before); i += sizeof(before->version)) {
        if (memcmp(from + i, to + i, sizeof(before->version)) != 0 &&
            pwrite(fd, to + i, sizeof(before->version), i) != sizeof(before->version)) {
            virReportSystemError(errno, _("cannot write data to file '%1$s'"), path);
            return -1;
        }
    }

    return 0;
}


/**
 * libxlDeviceModelRegistersWriteBack:
 * @path: of the file, which a process may have mapped that does not serve the guest yet
 * @registers: what is to be in it
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelRegistersWriteBack(const char *path,
                                   const libxlDeviceModelRegisters *registers)
{
    g_autofree libxlDeviceModelRegisters *before = g_new0(libxlDeviceModelRegisters, 1);
    VIR_AUTOCLOSE fd = libxlDeviceModelRegistersOpen(path, O_RDWR, before);

    if (fd < 0)
        return -1;

    return libxlDeviceModelRegistersUpdate(fd, path, before, registers);
}


/**
 * libxlDeviceModelRegistersAmend:
 * @path: of the file, which a process may have mapped
 * @vcpu: who waits
 * @write: what the guest has written, and no process has served
 *
 * Note it as the scope library would have, if that did not.
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelRegistersAmend(const char *path,
                               unsigned int vcpu,
                               const libxlDeviceModelWrite *write)
{
    g_autofree libxlDeviceModelRegisters *before = g_new0(libxlDeviceModelRegisters, 1);
    g_autofree libxlDeviceModelRegisters *after = NULL;
    VIR_AUTOCLOSE fd = libxlDeviceModelRegistersOpen(path, O_RDWR, before);

    if (fd < 0)
        return -1;

    if (libxlDeviceModelRegistersHaveNoted(before, vcpu, write))
        return 0;

    after = g_new0(libxlDeviceModelRegisters, 1);
    *after = *before;
    libxlDeviceModelRegistersNote(after, write);
    return libxlDeviceModelRegistersUpdate(fd, path, before, after);
}
