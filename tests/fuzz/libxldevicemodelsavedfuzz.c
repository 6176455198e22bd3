/*
 * libxldevicemodelsavedfuzz.c: a save image, whatever it is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An input is a whole image: libvirt's header, a definition, something in the place of
 * libxl's state, and a trailer with the state of device models.  It is opened as the driver
 * opens one, as it is, and once more with the lengths and checksums in it made right, as
 * nobody finds a checksum by chance.  What follows the last "libvirt-xen-dms" is parsed
 * alone, too: what is taken must be written as the same bytes again.
 */

#include <config.h>

#include <sys/mman.h>
#include <unistd.h>

#include "fuzzutils.h"

#include "libxl/libxl_devicemodel_saved.h"
#include "libxl/libxl_domain.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define FUZZ_MAGIC "libvirt-xen-dms\n"
#define FUZZ_HEAD_LEN 56
#define FUZZ_LENGTHS_LEN 32
#define FUZZ_DIGEST_LEN 32
#define FUZZ_END_LEN 24


static void
fuzzOpen(const uint8_t *data,
         size_t size)
{
    g_autofree char *path = NULL;
    g_autoptr(virDomainDef) def = NULL;
    libxlSavefileHeader header;
    VIR_AUTOCLOSE image = -1;
    VIR_AUTOCLOSE fd = memfd_create("image", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0 && safewrite(fd, data, size) == (ssize_t)size, "cannot write an image");
    path = g_strdup_printf("/proc/self/fd/%d", fd);

    if ((image = libxlDomainSaveImageOpen(fuzzDriver(), path, &def, &header)) < 0) {
        fuzzCheckMessage();
        return;
    }

    FUZZ_CHECK((def->ndevicemodels > 1) == (header.version == LIBXL_DEVICE_MODEL_SAVE_VERSION),
               "version %u was taken of %zu device models", header.version, def->ndevicemodels);
}


static void
fuzzParse(const uint8_t *data,
          size_t size)
{
    g_autoptr(libxlDeviceModelsSaved) saved = libxlDeviceModelsSavedParse(data, size);
    g_autoptr(GByteArray) again = NULL;

    if (!saved) {
        fuzzCheckMessage();
        return;
    }

    again = libxlDeviceModelsSavedFormat(saved);
    FUZZ_CHECK(again->len == size && memcmp(again->data, data, size) == 0,
               "%zu bytes became %u others", size, again->len);
}


/* The checksum of each record that is a whole one. */
static void
fuzzSealRecords(uint8_t *data,
                size_t size)
{
    while (size >= FUZZ_LENGTHS_LEN + FUZZ_DIGEST_LEN) {
        g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
        gsize len = FUZZ_DIGEST_LEN;
        uint32_t lengths[8];
        uint64_t content;

        memcpy(lengths, data, sizeof(lengths));
        content = (uint64_t)GUINT32_FROM_LE(lengths[0]) + GUINT32_FROM_LE(lengths[1]) +
            GUINT32_FROM_LE(lengths[5]) + GUINT32_FROM_LE(lengths[6]);
        if (lengths[7] != 0 || content > size - FUZZ_LENGTHS_LEN - FUZZ_DIGEST_LEN)
            return;

        g_checksum_update(checksum, data, FUZZ_LENGTHS_LEN);
        g_checksum_update(checksum, data + FUZZ_LENGTHS_LEN + FUZZ_DIGEST_LEN, content);
        g_checksum_get_digest(checksum, data + FUZZ_LENGTHS_LEN, &len);

        content += FUZZ_LENGTHS_LEN + FUZZ_DIGEST_LEN;
        data += content;
        size -= content;
    }
}


/* Where it begins, and how long it is, are said in it. */
static void
fuzzSeal(uint8_t *data,
         size_t size,
         size_t offset)
{
    uint64_t begin = GUINT64_TO_LE(offset);
    uint64_t length = GUINT64_TO_LE(size);

    if (size < FUZZ_HEAD_LEN + FUZZ_END_LEN)
        return;

    memcpy(data + 24, &length, sizeof(length));
    memcpy(data + 32, &begin, sizeof(begin));
    memcpy(data + size - sizeof(length), &length, sizeof(length));
    fuzzSealRecords(data + FUZZ_HEAD_LEN, size - FUZZ_HEAD_LEN);
}


/* Returns where the trailer begins, or the end. */
static size_t
fuzzFindTrailer(const uint8_t *data,
                size_t size)
{
    size_t len = strlen(FUZZ_MAGIC);
    size_t i;

    for (i = size; i >= len; i--) {
        if (memcmp(data + i - len, FUZZ_MAGIC, len) == 0)
            return i - len;
    }

    return size;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    g_autofree uint8_t *sealed = g_new0(uint8_t, size + 1);
    size_t begin = fuzzFindTrailer(data, size);

    if (size > 0)
        memcpy(sealed, data, size);
    fuzzSeal(sealed + begin, size - begin, begin);

    fuzzOpen(data, size);
    fuzzOpen(sealed, size);
    fuzzParse(data + begin, size - begin);
    fuzzParse(sealed + begin, size - begin);
    return 0;
}
