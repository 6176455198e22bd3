/*
 * libxldevicemodeltestutils.c: what several tests of device models need
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <sys/socket.h>

#include "libxldevicemodeltestutils.h"

#include "testutils.h"
#include "virfile.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_NONE


/**
 * libxlDeviceModelTestPath:
 * @dir: folder of a test's own
 * @name: of a file in it
 *
 * Returns the path of the file, to be freed.
 */
char *
libxlDeviceModelTestPath(const char *dir,
                         const char *name)
{
    return g_strdup_printf("%s/%s", dir, name);
}


/**
 * libxlDeviceModelTestCompareError:
 * @dir: folder of a test's own, which is DIR in what is expected
 * @expected: message of the last error
 *
 * Returns 0 where the last error has that message, -1 otherwise.
 */
int
libxlDeviceModelTestCompareError(const char *dir,
                                 const char *expected)
{
    g_autofree char *actual = virStringReplace(virGetLastErrorMessage(), dir, "DIR");

    return virTestCompareToString(expected, actual);
}


/**
 * libxlDeviceModelTestCountFDs:
 *
 * Returns how many file descriptors this process has, or -1.
 */
ssize_t
libxlDeviceModelTestCountFDs(void)
{
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;
    ssize_t n = 0;

    if (virDirOpen(&dir, "/proc/self/fd") < 0)
        return -1;

    while (virDirRead(dir, &entry, NULL) > 0)
        n++;

    return n;
}


/**
 * libxlDeviceModelTestReceive:
 * @fd: device model's end of a monitor
 * @in: gets what came
 * @passed: replaced by the file descriptor that came along, if one did; the
 *          caller closes it
 *
 * Returns false at the end of the connection.
 */
bool
libxlDeviceModelTestReceive(int fd,
                            GString *in,
                            int *passed)
{
    char data[4096];
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    ssize_t got = recvmsg(fd, &msg, 0);
    struct cmsghdr *header;

    if (got <= 0)
        return false;

    if ((header = CMSG_FIRSTHDR(&msg)) && header->cmsg_type == SCM_RIGHTS) {
        VIR_FORCE_CLOSE(*passed);
        memcpy(passed, CMSG_DATA(header), sizeof(int));
    }

    g_string_append_len(in, data, got);
    return true;
}
