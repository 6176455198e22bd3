/*
 * libxl_devicemodel_scope_file.c: opens what was handed over to a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * QEMU takes most files as open descriptors, or by a name that it resolves
 * itself (/dev/fdset/N).  Its WAV driver has neither: it calls fopen() whenever
 * the guest begins to play (audio/wavaudio.c, wav_init_out()), which is when the
 * process is in its empty root and nothing can be opened by name any more.  So
 * /dev/fd/N, for an N that the driver handed over for this, is opened here.
 *
 * As with any file that is opened to be written, what was in it goes, so only
 * the last sound remains if the guest begins several times.
 *
 * The state of a secondary is saved into a pipe, so that the driver keeps no more of
 * it than it wants to read.  QEMU has that by a name that it resolves itself, but
 * truncates what it opens to be written (qemu_dup_flags in util/osdep.c), which a
 * pipe cannot be, and need not.
 */

/* fopen() and fopen64() are both defined here: neither may stand for the other.  Nor
 * may ftruncate() and ftruncate64(). */
#undef _FILE_OFFSET_BITS
#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libxl_devicemodel_scope.h"


/* Returns the file descriptor that is meant, -1 where libc has to be asked. */
static int
libxlDeviceModelScopeFileFind(const char *path,
                              const char *mode)
{
    const libxlDeviceModelScopeClaims *claims = libxlDeviceModelScopeGetClaims();

    if (!claims || !path || !mode || mode[0] != 'w')
        return -1;

    return libxlDeviceModelScopeDecideFile(claims, path);
}


/* A duplicate, since the stream will be closed and may be opened again. */
static FILE *
libxlDeviceModelScopeFileOpen(int handed,
                              const char *mode)
{
    FILE *stream = NULL;
    int saved;
    int fd = fcntl(handed, F_DUPFD_CLOEXEC, 3);

    if (fd < 0)
        return NULL;

    if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
        !(stream = fdopen(fd, mode))) {
        saved = errno;
        close(fd);
        errno = saved;
    }

    return stream;
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT FILE *
fopen(const char *path,
      const char *mode)
{
    __typeof__(&fopen) next = LIBXL_DEVICE_MODEL_SCOPE_NEXT(fopen);
    int handed = libxlDeviceModelScopeFileFind(path, mode);

    if (handed >= 0)
        return libxlDeviceModelScopeFileOpen(handed, mode);

    return next ? next(path, mode) : NULL;
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT FILE *
fopen64(const char *path,
        const char *mode)
{
    __typeof__(&fopen64) next = LIBXL_DEVICE_MODEL_SCOPE_NEXT(fopen64);
    int handed = libxlDeviceModelScopeFileFind(path, mode);

    if (handed >= 0)
        return libxlDeviceModelScopeFileOpen(handed, mode);

    return next ? next(path, mode) : NULL;
}


/* There is nothing in it that could go. */
static bool
libxlDeviceModelScopeFileIsEmptied(int fd,
                                   off64_t length)
{
    struct stat sb;

    return length == 0 && libxlDeviceModelScopeGetClaims() &&
        fstat(fd, &sb) == 0 && S_ISFIFO(sb.st_mode);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
ftruncate(int fd,
          off_t length)
{
    __typeof__(&ftruncate) next = LIBXL_DEVICE_MODEL_SCOPE_NEXT(ftruncate);

    if (libxlDeviceModelScopeFileIsEmptied(fd, length))
        return 0;

    return next ? next(fd, length) : -1;
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
ftruncate64(int fd,
            off64_t length)
{
    __typeof__(&ftruncate64) next = LIBXL_DEVICE_MODEL_SCOPE_NEXT(ftruncate64);

    if (libxlDeviceModelScopeFileIsEmptied(fd, length))
        return 0;

    return next ? next(fd, length) : -1;
}
