/*
 * libxldevicemodeltestutils.c: what several tests of device models need
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <sys/socket.h>
#include <unistd.h>

#include "libxldevicemodeltestutils.h"

#include "testutils.h"
#include "virfile.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_NONE


/**
 * libxlDeviceModelTestDomainXML:
 * @type: element that says what kind of domain it is, or NULL for HVM
 * @devices: content of <devices>
 *
 * Returns the definition of a domain, to be freed.
 */
char *
libxlDeviceModelTestDomainXML(const char *type,
                              const char *devices)
{
    return g_strdup_printf("<domain type='xen'>\n"
                           "  <name>guest</name>\n"
                           "  <uuid>6ec25b1e-21c2-4d0b-a4f0-9a7c0a3f7a01</uuid>\n"
                           "  <memory unit='KiB'>262144</memory>\n"
                           "  <vcpu>1</vcpu>\n"
                           "  <os>%s</os>\n"
                           "  <devices>%s</devices>\n"
                           "</domain>\n",
                           type ? type : "<type arch='x86_64' machine='xenfv'>hvm</type>",
                           devices);
}


/**
 * libxlDeviceModelTestParse:
 * @xmlopt: XML options of the driver
 * @type: element that says what kind of domain it is, or NULL for HVM
 * @devices: content of <devices>
 *
 * Returns the domain, to be freed, or NULL with an error set.
 */
virDomainDef *
libxlDeviceModelTestParse(virDomainXMLOption *xmlopt,
                          const char *type,
                          const char *devices)
{
    g_autofree char *xml = libxlDeviceModelTestDomainXML(type, devices);

    return virDomainDefParseString(xml, xmlopt, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE);
}


/**
 * libxlDeviceModelTestParseGolden:
 * @xmlopt: XML options of the driver
 * @name: of one of the domains in libxlxml2domconfigdata
 *
 * Returns the domain, to be freed; a test without it is none.
 */
virDomainDef *
libxlDeviceModelTestParseGolden(virDomainXMLOption *xmlopt,
                                const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/libxlxml2domconfigdata/%s.xml",
                                            ABS_DEVICEMODEL_SRCDIR, name);
    virDomainDef *def = virDomainDefParseFile(path, xmlopt, NULL,
                                              VIR_DOMAIN_DEF_PARSE_INACTIVE);

    if (!def)
        abort();

    return def;
}


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


/* Takes the last error, which may be of any bytes, and replaces in it what is
 * different each time. */
static char *
libxlDeviceModelTestTakeError(const char *dir)
{
    g_autoptr(GRegex) ms = g_regex_new("[0-9]+ ms", G_REGEX_RAW, 0, NULL);
    g_autofree char *error = g_strdup(virGetLastErrorMessage());
    g_autofree char *text = dir ? virStringReplace(error, dir, "DIR")
                                : g_steal_pointer(&error);

    virResetLastError();

    return g_regex_replace_literal(ms, text, -1, 0, "N ms", 0, NULL);
}


/**
 * libxlDeviceModelTestCompareError:
 * @dir: folder of a test's own, which is DIR in what is expected, or NULL
 * @expected: message of the last error, with "N ms" for any time
 *
 * Drops the last error.  Its text begins with what stands for its code.
 *
 * Returns 0 where it had that message, -1 otherwise.
 */
int
libxlDeviceModelTestCompareError(const char *dir,
                                 const char *expected)
{
    g_autofree char *actual = libxlDeviceModelTestTakeError(dir);

    return virTestCompareToString(expected, actual);
}


/**
 * libxlDeviceModelTestOutcome:
 * @rc: what a function returned
 * @dir: folder of a test's own, which is DIR in what is expected, or NULL
 * @expected: error that the function must have set, with "N ms" for any time;
 *            NULL for success
 *
 * Drops the last error.
 *
 * Returns 0 where it came as expected, -1 otherwise.
 */
int
libxlDeviceModelTestOutcome(int rc,
                            const char *dir,
                            const char *expected)
{
    g_autofree char *actual = libxlDeviceModelTestTakeError(dir);

    if ((rc < 0) != !!expected) {
        VIR_TEST_VERBOSE("returned %d with '%s', expected '%s'",
                         rc, actual, NULLSTR(expected));
        return -1;
    }

    return expected ? virTestCompareToString(expected, actual) : 0;
}


/**
 * libxlDeviceModelTestRefusal:
 * @xmlopt: XML options of the driver
 * @type: element that says what kind of domain it is, or NULL for HVM
 * @devices: content of <devices>
 * @expected: error with which the domain must be refused, NULL for none
 *
 * Returns 0 where it came as expected, -1 otherwise.
 */
int
libxlDeviceModelTestRefusal(virDomainXMLOption *xmlopt,
                            const char *type,
                            const char *devices,
                            const char *expected)
{
    g_autoptr(virDomainDef) def = libxlDeviceModelTestParse(xmlopt, type, devices);

    return libxlDeviceModelTestOutcome(def ? 0 : -1, NULL, expected);
}


/**
 * libxlDeviceModelTestOpenFiles:
 *
 * Returns the file descriptors that this process has, each with what it leads
 * to; to be freed.
 */
GHashTable *
libxlDeviceModelTestOpenFiles(void)
{
    g_autoptr(GHashTable) files = g_hash_table_new_full(g_str_hash, g_str_equal,
                                                        g_free, g_free);
    g_autofree char *self = g_strdup_printf("/proc/%lld/fd", (long long)getpid());
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;

    if (virDirOpen(&dir, self) < 0)
        abort();

    while (virDirRead(dir, &entry, self) > 0) {
        g_autofree char *path = g_strdup_printf("%s/%s", self, entry->d_name);
        g_autofree char *target = g_file_read_link(path, NULL);

        /* but for the one that the list is read from */
        if (STRNEQ_NULLABLE(target, self))
            g_hash_table_insert(files, g_strdup(entry->d_name), g_steal_pointer(&target));
    }

    return g_steal_pointer(&files);
}


/* Checks that what is in @files is in @others, too. */
static int
libxlDeviceModelTestCompareFiles(GHashTable *files,
                                 GHashTable *others,
                                 const char *what)
{
    GHashTableIter iter;
    gpointer fd;
    gpointer target;
    int ret = 0;

    g_hash_table_iter_init(&iter, files);
    while (g_hash_table_iter_next(&iter, &fd, &target)) {
        if (STRNEQ_NULLABLE(g_hash_table_lookup(others, fd), target)) {
            VIR_TEST_VERBOSE("file descriptor %s to '%s' was %s",
                             (char *)fd, (char *)target, what);
            ret = -1;
        }
    }

    return ret;
}


/**
 * libxlDeviceModelTestCheckOpenFiles:
 * @before: what libxlDeviceModelTestOpenFiles() returned earlier
 *
 * Returns 0 where the same files are open, -1 otherwise.
 */
int
libxlDeviceModelTestCheckOpenFiles(GHashTable *before)
{
    g_autoptr(GHashTable) after = libxlDeviceModelTestOpenFiles();
    int left = libxlDeviceModelTestCompareFiles(after, before, "left open");
    int lost = libxlDeviceModelTestCompareFiles(before, after, "closed");

    return left < 0 || lost < 0 ? -1 : 0;
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
