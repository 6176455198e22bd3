/*
 * libxl_devicemodel_scope_landlock.c: an emulator that starts writes no files
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An emulator is root until its machine is built, and parses images before that,
 * whose headers an intruder of an earlier run may have written.  Without
 * capabilities it is still the owner of root's files.  So it loses, by
 * landlock(7), the opening of files to be written, and the making and removing
 * of them, everywhere but where an emulator that starts has to: the devices of
 * Xen and the terminals.  What was handed over open stays as it is.
 *
 * This is a help, not a boundary: Landlock may be missing or turned off, and has
 * nothing against sockets that are connected to by name, nor against a change of
 * the mode of a file.
 *
 * Only libc and the kernel's headers are used.
 */

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libxl_devicemodel_scope_landlock.h"

/* Since Linux 6.2, whose headers may be newer than what this is built with. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
# define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define LIBXL_DEVICE_MODEL_SCOPE_LANDLOCK_TRUNCATE 3 /* the version that has it */

#define LIBXL_DEVICE_MODEL_SCOPE_LANDLOCK_MAKE \
    (LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
     LANDLOCK_ACCESS_FS_MAKE_SYM)

/* What an emulator opens to be written while it starts: seen in QEMU 7.2 with
 * every kind of device of a secondary.  A pseudo terminal is made from the
 * second and the third. */
static const char *const libxlDeviceModelScopeWritten[] = {
    "/dev/xen",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/null",
};


/* A path that does not exist needs no rule. */
static int
libxlDeviceModelScopeLandlockAllow(int ruleset,
                                   const char *path,
                                   uint64_t access)
{
    struct landlock_path_beneath_attr rule = { .allowed_access = access };
    long rc;

    if ((rule.parent_fd = open(path, O_PATH | O_CLOEXEC)) < 0)
        return 0;

    rc = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
    return rc;
}


static int
libxlDeviceModelScopeLandlockRules(int ruleset,
                                   uint64_t access)
{
    size_t i;

    for (i = 0; i < sizeof(libxlDeviceModelScopeWritten) / sizeof(char *); i++) {
        if (libxlDeviceModelScopeLandlockAllow(ruleset, libxlDeviceModelScopeWritten[i],
                                               access) < 0)
            return -1;
    }

    return syscall(SYS_landlock_restrict_self, ruleset, 0);
}


/**
 * libxlDeviceModelScopeForbidWriting:
 *
 * For the calling thread and what it starts; no_new_privs is set.
 *
 * Returns 0, or -1 with errno set, on a kernel that cannot do it among others.
 */
int
libxlDeviceModelScopeForbidWriting(void)
{
    struct landlock_ruleset_attr attr = { 0 };
    uint64_t write = LANDLOCK_ACCESS_FS_WRITE_FILE;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
                           LANDLOCK_CREATE_RULESET_VERSION);
    int ruleset;
    int saved;
    int rc;

    if (version < 0)
        return -1;

    if (version >= LIBXL_DEVICE_MODEL_SCOPE_LANDLOCK_TRUNCATE)
        write |= LANDLOCK_ACCESS_FS_TRUNCATE;

    attr.handled_access_fs = write | LIBXL_DEVICE_MODEL_SCOPE_LANDLOCK_MAKE;
    if ((ruleset = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0)) < 0)
        return -1;

    rc = libxlDeviceModelScopeLandlockRules(ruleset, write);
    saved = errno;
    close(ruleset);
    errno = saved;
    return rc;
}
