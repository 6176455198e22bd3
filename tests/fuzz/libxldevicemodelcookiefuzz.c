/*
 * libxldevicemodelcookiefuzz.c: a migration cookie, whatever it is
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An input is a cookie, as it comes from another host.  What it says of device models is
 * taken as the driver takes it.  What is taken must be written as something that says the same,
 * and can be compared with a definition.
 */

#include <config.h>

#include "fuzzutils.h"

#include "libxl/libxl_devicemodel_migrate.h"
#include "virerror.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define FUZZ_XML \
    "<domain type='xen'>" \
    "  <name>guest</name>" \
    "  <memory unit='MiB'>8</memory>" \
    "  <os><type>hvm</type></os>" \
    "  <devices>" \
    "    <emulator>/bin/true</emulator>" \
    "    <devicemodel name='main'/>" \
    "    <devicemodel name='disk'><capability name='ide'/></devicemodel>" \
    "    <devicemodel name='com'><capability name='serial'/></devicemodel>" \
    "  </devices>" \
    "</domain>"


/* Returns what a cookie says, which the caller frees, or NULL where it is refused or says
 * nothing. */
static libxlDeviceModelsSaved *
fuzzParse(const char *cookie)
{
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    libxlDeviceModelsSaved *saved = NULL;
    unsigned int version = 0;

    if (!(doc = virXMLParseStringCtxt(cookie, "cookie", &ctxt)) ||
        virXPathUInt("string(./migration-stream-version[1])", ctxt, &version) < 0 ||
        libxlDeviceModelsParseCookie(ctxt, version, &saved) < 0) {
        virResetLastError();
        FUZZ_CHECK(!saved, "something was taken of what was refused");
        return NULL;
    }

    FUZZ_CHECK(!saved == (version != LIBXL_DEVICE_MODEL_SAVE_VERSION),
               "version %u was taken %s device models", version, saved ? "with" : "without");
    return saved;
}


static void
fuzzAgain(const libxlDeviceModelsSaved *saved)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autoptr(libxlDeviceModelsSaved) again = NULL;
    g_autofree char *cookie = NULL;
    size_t i;

    virBufferAsprintf(&buf, "<libxl-migration><migration-stream-version>%u</migration-stream-version>",
                      LIBXL_DEVICE_MODEL_SAVE_VERSION);
    libxlDeviceModelsFormatCookie(&buf, saved);
    virBufferAddLit(&buf, "</libxl-migration>");
    cookie = virBufferContentAndReset(&buf);
    again = fuzzParse(cookie);

    FUZZ_CHECK(again && again->ndms == saved->ndms, "another number became of '%s'", cookie);
    for (i = 0; i < saved->ndms; i++) {
        const libxlDeviceModelSaved *one = &saved->dms[i];
        const libxlDeviceModelSaved *other = &again->dms[i];

        FUZZ_CHECK(STREQ(one->name, other->name) && STREQ(one->machine, other->machine) &&
                   memcmp(one->version, other->version, sizeof(one->version)) == 0,
                   "something else became of '%s'", cookie);
    }
}


static void
fuzzCompare(const libxlDeviceModelsSaved *saved)
{
    g_autoptr(virDomainDef) def = virDomainDefParseString(FUZZ_XML, fuzzDriver()->xmlopt, NULL,
                                                          VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE);
    bool same = saved && saved->ndms == 2 &&
        STREQ(saved->dms[0].name, "disk") && STREQ(saved->dms[1].name, "com");
    int rc;

    FUZZ_CHECK(def, "the definition cannot be parsed");
    rc = libxlDeviceModelsCheckCookie(def, saved);
    FUZZ_CHECK((rc == 0) == same, "compared with %d", rc);
    if (rc < 0)
        fuzzCheckMessage();
}


int
LLVMFuzzerTestOneInput(const uint8_t *data,
                       size_t size)
{
    g_autofree char *cookie = g_strndup((const char *)data, size);
    g_autoptr(libxlDeviceModelsSaved) saved = fuzzParse(cookie);

    if (saved)
        fuzzAgain(saved);

    fuzzCompare(saved);
    return 0;
}
