/*
 * libxldevicemodelcapstest.c: device models in domain capabilities
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The files of libxldevicemodelcapsdata/ are what virsh domcapabilities prints
 * for each machine type.  VIR_TEST_REGENERATE_OUTPUT=1 rewrites them.
 */

#include <config.h>

#include "testutils.h"
#include "conf/domain_capabilities.h"
#include "conf/domain_devicemodel.h"
#include "libxl/libxl_capabilities.h"
#include "libxl/libxl_devicemodel_caps.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_NONE


struct testCapsData {
    const char *name;
    const char *machine;
    virArch arch;
};

/* Returns the capabilities of an installation with one firmware. */
static virDomainCaps *
testMakeCaps(const struct testCapsData *data)
{
    g_autoptr(virDomainCaps) caps = NULL;
    virFirmware firmware = { .name = (char *)"/usr/lib/xen/boot/hvmloader" };
    virFirmware *firmwares[] = { &firmware };

    if (!(caps = virDomainCapsNew("/usr/libexec/xen-qemu-system-i386", data->machine,
                                  data->arch, VIR_DOMAIN_VIRT_XEN)) ||
        libxlMakeDomainCapabilities(caps, firmwares, G_N_ELEMENTS(firmwares)) < 0)
        return NULL;

    return g_steal_pointer(&caps);
}


static int
testFill(const void *opaque)
{
    const struct testCapsData *data = opaque;
    g_autofree char *path = g_strdup_printf("%s/libxldevicemodelcapsdata/%s.xml",
                                            ABS_DEVICEMODEL_SRCDIR, data->name);
    g_autofree char *schema = g_strdup_printf("%s/src/conf/schemas/domaincaps.rng",
                                              abs_top_srcdir);
    g_autofree char *actual = NULL;
    g_autoptr(virDomainCaps) caps = NULL;
    g_autoptr(xmlDoc) doc = NULL;

    if (!(caps = testMakeCaps(data)))
        return -1;

    libxlDeviceModelFillDomainCaps(caps);

    if (!(actual = virDomainCapsFormat(caps)) ||
        virTestCompareToFile(actual, path) < 0)
        return -1;

    if (!(doc = virXMLParseStringCtxt(actual, "domainCapabilities", NULL)))
        return -1;

    return virXMLValidateAgainstSchema(schema, doc);
}


/* Without that call nothing changes, as for all other drivers. */
static int
testAbsent(const void *opaque)
{
    g_autofree char *actual = NULL;
    g_autoptr(virDomainCaps) caps = NULL;

    if (!(caps = testMakeCaps(opaque)) ||
        !(actual = virDomainCapsFormat(caps)))
        return -1;

    if (strstr(actual, "devicemodel")) {
        VIR_TEST_DEBUG("device models are mentioned:\n%s", actual);
        return -1;
    }

    return 0;
}


/* The schema accepts no other form. */
static int
testSchema(const void *opaque)
{
    g_autofree char *schema = g_strdup_printf("%s/src/conf/schemas/domaincaps.rng",
                                              abs_top_srcdir);
    g_autofree char *xml = g_strdup_printf("<domainCapabilities><domain>xen</domain>"
                                           "<arch>x86_64</arch><devices>%s</devices>"
                                           "</domainCapabilities>", (const char *)opaque);
    g_autoptr(xmlDoc) doc = NULL;

    if (!(doc = virXMLParseStringCtxt(xml, "domainCapabilities", NULL)))
        return -1;

    if (virXMLValidateAgainstSchema(schema, doc) == 0) {
        VIR_TEST_DEBUG("the schema accepts %s", xml);
        return -1;
    }

    virResetLastError();
    return 0;
}


static int
mymain(void)
{
    int ret = 0;

#define DO_TEST(_name, _machine, _arch) \
    do { \
        static const struct testCapsData data = { \
            .name = _name, .machine = _machine, .arch = _arch, \
        }; \
        if (virTestRun("Device models of " _name, testFill, &data) < 0) \
            ret = -1; \
        if (virTestRun("No device models of " _name, testAbsent, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("xenfv", "xenfv", VIR_ARCH_X86_64);
    DO_TEST("xenfv-i686", "xenfv", VIR_ARCH_I686);
    DO_TEST("xenfv-aarch64", "xenfv", VIR_ARCH_AARCH64);
    DO_TEST("xenpv", "xenpv", VIR_ARCH_X86_64);
    DO_TEST("xenpvh", "xenpvh", VIR_ARCH_X86_64);

#undef DO_TEST

#define DO_TEST(xml) \
    do { \
        if (virTestRun("Schema refuses " xml, testSchema, xml) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("<devicemodel/>");
    DO_TEST("<devicemodel supported='maybe'/>");
    DO_TEST("<devicemodel supported='yes'/>");
    DO_TEST("<devicemodel supported='yes' max='-1'/>");
    DO_TEST("<devicemodel supported='no' max='8'/>");

#undef DO_TEST

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
