/*
 * libxl_devicemodel_saved.c: the state of secondaries behind that of their domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "libxl_devicemodel_saved.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_scope_protocol.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define LIBXL_DEVICE_MODEL_SAVED_VERSION 1

#define LIBXL_DEVICE_MODEL_SAVED_MAGIC "libvirt-xen-dms\n"
#define LIBXL_DEVICE_MODEL_SAVED_END "libvirt-xen-end\n"
#define LIBXL_DEVICE_MODEL_SAVED_MAGIC_LEN 16

#define LIBXL_DEVICE_MODEL_SAVED_HEAD_LEN (16 + 4 + 4 + 8 + 8 + VIR_UUID_BUFLEN)
#define LIBXL_DEVICE_MODEL_SAVED_DIGEST_LEN 32
#define LIBXL_DEVICE_MODEL_SAVED_LENGTHS_LEN (6 * 4 + 8) /* of a record, before the digest */
#define LIBXL_DEVICE_MODEL_SAVED_END_LEN (16 + 8)

/* All ids but that of the primary. */
#define LIBXL_DEVICE_MODEL_SAVED_MAX (LIBXL_DEVICE_MODEL_IDS - 1)

#define LIBXL_DEVICE_MODEL_SAVED_LEN_MAX \
    (LIBXL_DEVICE_MODEL_SAVED_HEAD_LEN + LIBXL_DEVICE_MODEL_SAVED_END_LEN + \
     LIBXL_DEVICE_MODEL_SAVED_MAX * \
     (LIBXL_DEVICE_MODEL_SAVED_LENGTHS_LEN + LIBXL_DEVICE_MODEL_SAVED_DIGEST_LEN + \
      VIR_DOMAIN_DEVICE_MODEL_NAME_MAX + LIBXL_DEVICE_MODEL_SAVED_MACHINE_MAX + \
      LIBXL_DEVICE_MODEL_SAVED_REGISTERS_MAX + LIBXL_DEVICE_MODEL_SAVED_STATE_MAX))

/* No more is allocated than what has come, and this. */
#define LIBXL_DEVICE_MODEL_SAVED_CHUNK (1024 * 1024)

#define LIBXL_DEVICE_MODEL_SAVED_MACHINE_CHARS \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

/* What is left to be parsed. */
typedef struct _libxlDeviceModelSavedInput libxlDeviceModelSavedInput;
struct _libxlDeviceModelSavedInput {
    const uint8_t *data;
    size_t len;
};


/* Returns -1. */
static int G_GNUC_PRINTF(1, 2)
libxlDeviceModelsSavedRefuse(const char *fmt,
                             ...)
{
    g_autofree char *reason = NULL;
    va_list ap;

    va_start(ap, fmt);
    reason = g_strdup_vprintf(fmt, ap);
    va_end(ap);

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("the state of the device models in the image cannot be used: %1$s"),
                   reason);
    return -1;
}


static int
libxlDeviceModelsSavedRefuseIncomplete(void)
{
    return libxlDeviceModelsSavedRefuse("%s", _("it is incomplete"));
}


/**
 * libxlDeviceModelSavedMachineIsValid:
 * @machine: what a QEMU calls its machine, or is said to
 *
 * Returns whether it can be one, and a part of errors and files.
 */
bool
libxlDeviceModelSavedMachineIsValid(const char *machine)
{
    size_t len = strspn(machine, LIBXL_DEVICE_MODEL_SAVED_MACHINE_CHARS);

    return len > 0 && len <= LIBXL_DEVICE_MODEL_SAVED_MACHINE_MAX && machine[len] == '\0';
}


/**
 * libxlDeviceModelSavedCheckVersion:
 * @saved: what is known of a secondary
 * @version: of the QEMU that is to have its state: major, minor, micro
 *
 * QEMU loads the states of earlier versions.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED that names the device model.
 */
int
libxlDeviceModelSavedCheckVersion(const libxlDeviceModelSaved *saved,
                                  const unsigned int *version)
{
    if (version[0] > saved->version[0] ||
        (version[0] == saved->version[0] && version[1] >= saved->version[1]))
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("the emulator of device model '%1$s' is QEMU %2$u.%3$u, and its state is of %4$u.%5$u: expected that or a later one"),
                   saved->name, version[0], version[1],
                   saved->version[0], saved->version[1]);
    return -1;
}


/**
 * libxlDeviceModelsSavedNew:
 * @uuid: of the domain
 * @ndms: number of its secondaries
 *
 * Returns something to be filled in, and freed by the caller.
 */
libxlDeviceModelsSaved *
libxlDeviceModelsSavedNew(const unsigned char *uuid,
                          size_t ndms)
{
    libxlDeviceModelsSaved *saved = g_new0(libxlDeviceModelsSaved, 1);

    memcpy(saved->uuid, uuid, VIR_UUID_BUFLEN);
    saved->ndms = ndms;
    saved->dms = g_new0(libxlDeviceModelSaved, ndms);

    return saved;
}


void
libxlDeviceModelsSavedFree(libxlDeviceModelsSaved *saved)
{
    size_t i;

    if (!saved)
        return;

    for (i = 0; i < saved->ndms; i++) {
        g_free(saved->dms[i].name);
        g_free(saved->dms[i].machine);
        g_free(saved->dms[i].registers);
        g_free(saved->dms[i].state);
    }

    g_free(saved->dms);
    g_free(saved);
}


static void
libxlDeviceModelSavedAppend32(GByteArray *out,
                              uint32_t value)
{
    uint32_t le = GUINT32_TO_LE(value);

    g_byte_array_append(out, (const uint8_t *)&le, sizeof(le));
}


static void
libxlDeviceModelSavedAppend64(GByteArray *out,
                              uint64_t value)
{
    uint64_t le = GUINT64_TO_LE(value);

    g_byte_array_append(out, (const uint8_t *)&le, sizeof(le));
}


/* Fills in @digest of a record, whose parts that are not to be altered are these two. */
static void
libxlDeviceModelSavedDigest(const uint8_t *lengths,
                            const uint8_t *content,
                            size_t len,
                            uint8_t *digest)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize digestlen = LIBXL_DEVICE_MODEL_SAVED_DIGEST_LEN;

    g_checksum_update(checksum, lengths, LIBXL_DEVICE_MODEL_SAVED_LENGTHS_LEN);
    g_checksum_update(checksum, content, len);
    g_checksum_get_digest(checksum, digest, &digestlen);
}


static void
libxlDeviceModelSavedFormat(GByteArray *out,
                            const libxlDeviceModelSaved *dm)
{
    size_t begin = out->len;
    size_t content = begin + LIBXL_DEVICE_MODEL_SAVED_LENGTHS_LEN +
        LIBXL_DEVICE_MODEL_SAVED_DIGEST_LEN;
    size_t i;

    libxlDeviceModelSavedAppend32(out, strlen(dm->name));
    libxlDeviceModelSavedAppend32(out, strlen(dm->machine));
    for (i = 0; i < G_N_ELEMENTS(dm->version); i++)
        libxlDeviceModelSavedAppend32(out, dm->version[i]);
    libxlDeviceModelSavedAppend32(out, dm->nregisters);
    libxlDeviceModelSavedAppend64(out, dm->nstate);

    g_byte_array_set_size(out, content);
    g_byte_array_append(out, (const uint8_t *)dm->name, strlen(dm->name));
    g_byte_array_append(out, (const uint8_t *)dm->machine, strlen(dm->machine));
    if (dm->nregisters > 0)
        g_byte_array_append(out, dm->registers, dm->nregisters);
    g_byte_array_append(out, dm->state, dm->nstate);

    libxlDeviceModelSavedDigest(out->data + begin, out->data + content, out->len - content,
                                out->data + content - LIBXL_DEVICE_MODEL_SAVED_DIGEST_LEN);
}


/**
 * libxlDeviceModelsSavedFormat:
 * @saved: complete
 *
 * Returns the trailer, to be freed by the caller.
 */
GByteArray *
libxlDeviceModelsSavedFormat(const libxlDeviceModelsSaved *saved)
{
    GByteArray *out = g_byte_array_new();
    uint64_t length;
    size_t i;

    g_byte_array_append(out, (const uint8_t *)LIBXL_DEVICE_MODEL_SAVED_MAGIC,
                        LIBXL_DEVICE_MODEL_SAVED_MAGIC_LEN);
    libxlDeviceModelSavedAppend32(out, LIBXL_DEVICE_MODEL_SAVED_VERSION);
    libxlDeviceModelSavedAppend32(out, saved->ndms);
    libxlDeviceModelSavedAppend64(out, 0);
    libxlDeviceModelSavedAppend64(out, saved->offset);
    g_byte_array_append(out, saved->uuid, VIR_UUID_BUFLEN);

    for (i = 0; i < saved->ndms; i++)
        libxlDeviceModelSavedFormat(out, &saved->dms[i]);

    g_byte_array_append(out, (const uint8_t *)LIBXL_DEVICE_MODEL_SAVED_END,
                        LIBXL_DEVICE_MODEL_SAVED_MAGIC_LEN);
    libxlDeviceModelSavedAppend64(out, out->len + sizeof(length));

    length = GUINT64_TO_LE(out->len);
    memcpy(out->data + LIBXL_DEVICE_MODEL_SAVED_MAGIC_LEN + 8, &length, sizeof(length));
    return out;
}


/* Returns what is taken, or NULL where so much is not there. */
static const uint8_t *
libxlDeviceModelSavedTake(libxlDeviceModelSavedInput *in,
                          size_t len)
{
    const uint8_t *data = in->data;

    if (len > in->len)
        return NULL;

    in->data += len;
    in->len -= len;
    return data;
}


static uint32_t
libxlDeviceModelSavedGet32(const uint8_t *data)
{
    uint32_t le;

    memcpy(&le, data, sizeof(le));
    return GUINT32_FROM_LE(le);
}


static uint64_t
libxlDeviceModelSavedGet64(const uint8_t *data)
{
    uint64_t le;

    memcpy(&le, data, sizeof(le));
    return GUINT64_FROM_LE(le);
}


/* The lengths are limited; the name is not known yet. */
static int
libxlDeviceModelSavedCheckLengths(size_t idx,
                                  uint32_t nname,
                                  uint32_t nmachine,
                                  uint32_t nregisters,
                                  uint64_t nstate)
{
    if (nname > VIR_DOMAIN_DEVICE_MODEL_NAME_MAX)
        return libxlDeviceModelsSavedRefuse(_("device model %1$zu has a name of %2$u bytes, expected at most %3$d"),
                                            idx + 1, nname, VIR_DOMAIN_DEVICE_MODEL_NAME_MAX);

    if (nmachine > LIBXL_DEVICE_MODEL_SAVED_MACHINE_MAX)
        return libxlDeviceModelsSavedRefuse(_("device model %1$zu has the name of a machine of %2$u bytes, expected at most %3$d"),
                                            idx + 1, nmachine,
                                            LIBXL_DEVICE_MODEL_SAVED_MACHINE_MAX);

    if (nregisters > LIBXL_DEVICE_MODEL_SAVED_REGISTERS_MAX)
        return libxlDeviceModelsSavedRefuse(_("device model %1$zu has registers of %2$u bytes, expected at most %3$d"),
                                            idx + 1, nregisters,
                                            LIBXL_DEVICE_MODEL_SAVED_REGISTERS_MAX);

    if (nstate == 0 || nstate > LIBXL_DEVICE_MODEL_SAVED_STATE_MAX)
        return libxlDeviceModelsSavedRefuse(_("device model %1$zu has a state of %2$llu bytes, expected 1 to %3$d"),
                                            idx + 1, (unsigned long long)nstate,
                                            LIBXL_DEVICE_MODEL_SAVED_STATE_MAX);

    return 0;
}


/* Both become a part of errors, and of what is compared. */
static int
libxlDeviceModelSavedCheckNames(size_t idx,
                                const libxlDeviceModelSaved *dm,
                                size_t nname,
                                size_t nmachine)
{
    if (strlen(dm->name) != nname || !virDomainDeviceModelNameIsValid(dm->name))
        return libxlDeviceModelsSavedRefuse(_("device model %1$zu has a name that none can have"),
                                            idx + 1);

    if (strlen(dm->machine) != nmachine || !libxlDeviceModelSavedMachineIsValid(dm->machine))
        return libxlDeviceModelsSavedRefuse(_("device model '%1$s' has a machine that none can have"),
                                            dm->name);

    return 0;
}


static uint8_t *
libxlDeviceModelSavedCopy(const uint8_t *data,
                          size_t len)
{
    uint8_t *copy = g_malloc(len);

    if (len > 0)
        memcpy(copy, data, len);

    return copy;
}


static int
libxlDeviceModelSavedParse(libxlDeviceModelSavedInput *in,
                           size_t idx,
                           libxlDeviceModelSaved *dm)
{
    uint8_t digest[LIBXL_DEVICE_MODEL_SAVED_DIGEST_LEN];
    const uint8_t *lengths = libxlDeviceModelSavedTake(in, LIBXL_DEVICE_MODEL_SAVED_LENGTHS_LEN);
    const uint8_t *expected = libxlDeviceModelSavedTake(in, LIBXL_DEVICE_MODEL_SAVED_DIGEST_LEN);
    const uint8_t *content;
    uint32_t nname;
    uint32_t nmachine;
    uint64_t len;
    size_t i;

    if (!lengths || !expected)
        return libxlDeviceModelsSavedRefuseIncomplete();

    nname = libxlDeviceModelSavedGet32(lengths);
    nmachine = libxlDeviceModelSavedGet32(lengths + 4);
    for (i = 0; i < G_N_ELEMENTS(dm->version); i++)
        dm->version[i] = libxlDeviceModelSavedGet32(lengths + 8 + 4 * i);
    dm->nregisters = libxlDeviceModelSavedGet32(lengths + 20);
    dm->nstate = libxlDeviceModelSavedGet64(lengths + 24);

    if (libxlDeviceModelSavedCheckLengths(idx, nname, nmachine, dm->nregisters, dm->nstate) < 0)
        return -1;

    len = nname + nmachine + dm->nregisters + dm->nstate;
    if (!(content = libxlDeviceModelSavedTake(in, len)))
        return libxlDeviceModelsSavedRefuseIncomplete();

    dm->name = g_strndup((const char *)content, nname);
    dm->machine = g_strndup((const char *)content + nname, nmachine);
    if (libxlDeviceModelSavedCheckNames(idx, dm, nname, nmachine) < 0)
        return -1;

    libxlDeviceModelSavedDigest(lengths, content, len, digest);
    if (memcmp(digest, expected, sizeof(digest)) != 0)
        return libxlDeviceModelsSavedRefuse(_("the checksum of device model '%1$s' is wrong"),
                                            dm->name);

    content += nname + nmachine;
    dm->registers = libxlDeviceModelSavedCopy(content, dm->nregisters);
    dm->state = libxlDeviceModelSavedCopy(content + dm->nregisters, dm->nstate);
    return 0;
}


/* Sets @length to what the whole trailer is said to have, which is limited. */
static int
libxlDeviceModelsSavedParseHead(const uint8_t *head,
                                uint32_t *count,
                                uint64_t *length)
{
    uint32_t version = libxlDeviceModelSavedGet32(head + 16);

    if (memcmp(head, LIBXL_DEVICE_MODEL_SAVED_MAGIC, LIBXL_DEVICE_MODEL_SAVED_MAGIC_LEN) != 0)
        return libxlDeviceModelsSavedRefuse("%s", _("something else is where it is expected to begin"));

    if (version != LIBXL_DEVICE_MODEL_SAVED_VERSION)
        return libxlDeviceModelsSavedRefuse(_("it is of version %1$u, expected %2$d"),
                                            version, LIBXL_DEVICE_MODEL_SAVED_VERSION);

    *count = libxlDeviceModelSavedGet32(head + 20);
    if (*count == 0 || *count > LIBXL_DEVICE_MODEL_SAVED_MAX)
        return libxlDeviceModelsSavedRefuse(_("it is of %1$u device models, expected 1 to %2$u"),
                                            *count, LIBXL_DEVICE_MODEL_SAVED_MAX);

    *length = libxlDeviceModelSavedGet64(head + 24);
    if (*length < LIBXL_DEVICE_MODEL_SAVED_HEAD_LEN + LIBXL_DEVICE_MODEL_SAVED_END_LEN ||
        *length > LIBXL_DEVICE_MODEL_SAVED_LEN_MAX)
        return libxlDeviceModelsSavedRefuse(_("it has %1$llu bytes, expected at most %2$llu"),
                                            (unsigned long long)*length,
                                            (unsigned long long)LIBXL_DEVICE_MODEL_SAVED_LEN_MAX);

    return 0;
}


static int
libxlDeviceModelsSavedParseEnd(const uint8_t *end,
                               uint64_t *length)
{
    if (memcmp(end, LIBXL_DEVICE_MODEL_SAVED_END, LIBXL_DEVICE_MODEL_SAVED_MAGIC_LEN) != 0)
        return libxlDeviceModelsSavedRefuseIncomplete();

    *length = libxlDeviceModelSavedGet64(end + LIBXL_DEVICE_MODEL_SAVED_MAGIC_LEN);
    return 0;
}


/* Each byte is a part of something. */
static int
libxlDeviceModelsSavedParseRest(libxlDeviceModelsSaved *saved,
                                libxlDeviceModelSavedInput *in,
                                size_t len)
{
    const uint8_t *end;
    uint64_t length = 0;
    size_t i;

    for (i = 0; i < saved->ndms; i++) {
        if (libxlDeviceModelSavedParse(in, i, &saved->dms[i]) < 0)
            return -1;
    }

    if (!(end = libxlDeviceModelSavedTake(in, LIBXL_DEVICE_MODEL_SAVED_END_LEN)))
        return libxlDeviceModelsSavedRefuseIncomplete();

    if (libxlDeviceModelsSavedParseEnd(end, &length) < 0)
        return -1;

    if (length != len || in->len != 0)
        return libxlDeviceModelsSavedRefuse(_("it says that it has %1$llu bytes, expected %2$llu"),
                                            (unsigned long long)length,
                                            (unsigned long long)(len - in->len));

    return 0;
}


/**
 * libxlDeviceModelsSavedParse:
 * @data: a trailer, whoever made it
 * @len: its length
 *
 * Returns what is in it, which the caller frees, or NULL with VIR_ERR_OPERATION_FAILED.
 */
libxlDeviceModelsSaved *
libxlDeviceModelsSavedParse(const uint8_t *data,
                            size_t len)
{
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    libxlDeviceModelSavedInput in = { .data = data, .len = len };
    const uint8_t *head = libxlDeviceModelSavedTake(&in, LIBXL_DEVICE_MODEL_SAVED_HEAD_LEN);
    uint32_t count = 0;
    uint64_t length = 0;

    if (!head) {
        libxlDeviceModelsSavedRefuseIncomplete();
        return NULL;
    }

    if (libxlDeviceModelsSavedParseHead(head, &count, &length) < 0)
        return NULL;

    if (length != len) {
        libxlDeviceModelsSavedRefuse(_("it says that it has %1$llu bytes, expected %2$llu"),
                                     (unsigned long long)length, (unsigned long long)len);
        return NULL;
    }

    saved = libxlDeviceModelsSavedNew(head + 40, count);
    saved->offset = libxlDeviceModelSavedGet64(head + 32);
    if (libxlDeviceModelsSavedParseRest(saved, &in, len) < 0)
        return NULL;

    return g_steal_pointer(&saved);
}


/**
 * libxlDeviceModelsSavedCheck:
 * @saved: what was in an image
 * @def: the definition that was in it
 *
 * Refuse the state of other device models than those of the domain.
 *
 * Returns 0, or -1 with VIR_ERR_OPERATION_FAILED.
 */
int
libxlDeviceModelsSavedCheck(const libxlDeviceModelsSaved *saved,
                            const virDomainDef *def)
{
    const virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    size_t n = 0;
    size_t i;

    if (memcmp(saved->uuid, def->uuid, VIR_UUID_BUFLEN) != 0)
        return libxlDeviceModelsSavedRefuse("%s", _("it is that of another domain"));

    for (i = 0; i < def->ndevicemodels; i++) {
        const virDomainDeviceModelDef *dmdef = def->devicemodels[i];

        if (dmdef == primary)
            continue;

        if (n == saved->ndms || STRNEQ(saved->dms[n].name, dmdef->name))
            return libxlDeviceModelsSavedRefuse(_("that of device model '%1$s' is missing"),
                                                dmdef->name);
        n++;
    }

    if (n < saved->ndms)
        return libxlDeviceModelsSavedRefuse(_("it has that of device model '%1$s', which the domain does not have"),
                                            saved->dms[n].name);

    return 0;
}


/* Returns where in its file @fd is, or 0 where it is not one that has such a place. */
static unsigned long long
libxlDeviceModelsSavedGetOffset(int fd)
{
    struct stat sb;
    off_t offset;

    if (fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode) ||
        (offset = lseek(fd, 0, SEEK_CUR)) < 0)
        return 0;

    return offset;
}


/**
 * libxlDeviceModelsSavedWrite:
 * @saved: complete, but for its offset, which is set
 * @fd: where libxl has written the state of the domain to
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelsSavedWrite(libxlDeviceModelsSaved *saved,
                            int fd)
{
    g_autoptr(GByteArray) trailer = NULL;

    saved->offset = libxlDeviceModelsSavedGetOffset(fd);
    trailer = libxlDeviceModelsSavedFormat(saved);

    if (safewrite(fd, trailer->data, trailer->len) != trailer->len) {
        virReportSystemError(errno, "%s",
                             _("cannot write the state of the device models"));
        return -1;
    }

    return 0;
}


/* Returns 0 where all of @len more bytes have come. */
static int
libxlDeviceModelsSavedReceive(int fd,
                              GByteArray *in,
                              uint64_t len)
{
    while (len > 0) {
        size_t have = in->len;
        size_t part = MIN(len, LIBXL_DEVICE_MODEL_SAVED_CHUNK);
        ssize_t got;

        g_byte_array_set_size(in, have + part);
        if ((got = saferead(fd, in->data + have, part)) < 0) {
            virReportSystemError(errno, "%s",
                                 _("cannot read the state of the device models"));
            return -1;
        }

        if (got < part)
            return libxlDeviceModelsSavedRefuseIncomplete();

        len -= part;
    }

    return 0;
}


/* What was written to no file may have got into one since, at whatever place. */
static int
libxlDeviceModelsSavedCheckOffset(const libxlDeviceModelsSaved *saved,
                                  unsigned long long offset)
{
    if (saved->offset == 0 || offset == saved->offset)
        return 0;

    return libxlDeviceModelsSavedRefuse(_("it begins at byte %1$llu of the file, expected %2$llu"),
                                        offset, saved->offset);
}


/**
 * libxlDeviceModelsSavedRead:
 * @fd: a file or a connection, of which libxl has read the state of the domain
 *
 * Waits until all has come.
 *
 * Returns what follows, which the caller frees, or NULL with an error.
 */
libxlDeviceModelsSaved *
libxlDeviceModelsSavedRead(int fd)
{
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    g_autoptr(GByteArray) in = g_byte_array_new();
    unsigned long long offset = libxlDeviceModelsSavedGetOffset(fd);
    uint32_t count = 0;
    uint64_t length = 0;

    if (libxlDeviceModelsSavedReceive(fd, in, LIBXL_DEVICE_MODEL_SAVED_HEAD_LEN) < 0 ||
        libxlDeviceModelsSavedParseHead(in->data, &count, &length) < 0 ||
        libxlDeviceModelsSavedReceive(fd, in, length - in->len) < 0)
        return NULL;

    if (!(saved = libxlDeviceModelsSavedParse(in->data, in->len)) ||
        (offset > 0 && libxlDeviceModelsSavedCheckOffset(saved, offset) < 0))
        return NULL;

    return g_steal_pointer(&saved);
}


static int
libxlDeviceModelsSavedReadAt(int fd,
                             void *data,
                             size_t len,
                             off_t offset)
{
    ssize_t got = pread(fd, data, len, offset);

    if (got < 0) {
        virReportSystemError(errno, "%s",
                             _("cannot read the state of the device models"));
        return -1;
    }

    return got == len ? 0 : libxlDeviceModelsSavedRefuseIncomplete();
}


/**
 * libxlDeviceModelsSavedFind:
 * @fd: an image in a file, of which nothing has been used yet
 * @size: of the file
 *
 * Find the trailer by its end, and where in the file it begins, whether that is in it or not.  Where
 * @fd is in the file stays as it is.
 *
 * Returns what is in it, which the caller frees, or NULL with an error.
 */
libxlDeviceModelsSaved *
libxlDeviceModelsSavedFind(int fd,
                           off_t size)
{
    g_autoptr(libxlDeviceModelsSaved) saved = NULL;
    g_autofree uint8_t *data = NULL;
    uint8_t end[LIBXL_DEVICE_MODEL_SAVED_END_LEN];
    uint64_t length = 0;

    if (size < sizeof(end)) {
        libxlDeviceModelsSavedRefuseIncomplete();
        return NULL;
    }

    if (libxlDeviceModelsSavedReadAt(fd, end, sizeof(end), size - sizeof(end)) < 0 ||
        libxlDeviceModelsSavedParseEnd(end, &length) < 0)
        return NULL;

    if (length > size || length > LIBXL_DEVICE_MODEL_SAVED_LEN_MAX) {
        libxlDeviceModelsSavedRefuse(_("it has %1$llu bytes, expected at most %2$llu"),
                                     (unsigned long long)length,
                                     (unsigned long long)MIN(size, LIBXL_DEVICE_MODEL_SAVED_LEN_MAX));
        return NULL;
    }

    data = g_malloc(length);
    if (libxlDeviceModelsSavedReadAt(fd, data, length, size - length) < 0 ||
        !(saved = libxlDeviceModelsSavedParse(data, length)) ||
        libxlDeviceModelsSavedCheckOffset(saved, size - length) < 0)
        return NULL;

    saved->offset = size - length;
    return g_steal_pointer(&saved);
}
