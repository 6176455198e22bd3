/*
 * fuzzutils.c: what the fuzzers have in common
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <stdlib.h>

#include "fuzzutils.h"

#include "conf/domain_devicemodel.h"
#include "virerror.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define FUZZ_EMULATOR "/usr/lib/xen/bin/qemu-system-i386"

static libxlDriverPrivate driver;


void
fuzzFail(const char *condition,
         const char *fmt,
         ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);

    fprintf(stderr, "FAILED: %s\n%s\nlast error: %s\n",
            condition, text, virGetLastErrorMessage());
    abort();
}


static void
fuzzCapsAddGuest(virCaps *caps,
                 virDomainOSType ostype,
                 const char *machine)
{
    const char *const names[] = { machine, NULL };
    virCapsGuestMachine **machines;
    virCapsGuest *guest;
    int nmachines;

    machines = virCapabilitiesAllocMachines(names, &nmachines);
    guest = virCapabilitiesAddGuest(caps, ostype, VIR_ARCH_X86_64, FUZZ_EMULATOR,
                                    "/usr/lib/xen/boot/hvmloader",
                                    nmachines, machines);
    virCapabilitiesAddGuestDomain(guest, VIR_DOMAIN_VIRT_XEN, NULL, NULL, 0, NULL);
}


static void
fuzzQuiet(void *opaque G_GNUC_UNUSED,
          virErrorPtr err G_GNUC_UNUSED)
{
}


/* Makes as much of a libxl driver as a conversion needs.  It has no context of
 * libxl, which would want a hypervisor. */
int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED,
                     char ***argv G_GNUC_UNUSED)
{
    FUZZ_CHECK(virErrorInitialize() == 0, "no errors");
    virSetErrorFunc(NULL, fuzzQuiet);
    virLogSetDefaultPriority(VIR_LOG_ERROR);

    FUZZ_CHECK(virMutexInit(&driver.lock) == 0, "no mutex");
    driver.config = libxlDriverConfigNew();
    FUZZ_CHECK(driver.config, "no driver configuration");

    driver.config->caps = virCapabilitiesNew(VIR_ARCH_X86_64, false, false);
    fuzzCapsAddGuest(driver.config->caps, VIR_DOMAIN_OSTYPE_HVM, "xenfv");
    fuzzCapsAddGuest(driver.config->caps, VIR_DOMAIN_OSTYPE_XEN, "xenpv");
    driver.xmlopt = libxlCreateXMLConf(&driver);

    return 0;
}


libxlDriverPrivate *
fuzzDriver(void)
{
    return &driver;
}


virCaps *
fuzzCaps(void)
{
    return driver.config->caps;
}


virDomainXMLOption *
fuzzXMLOption(void)
{
    return driver.xmlopt;
}


/* Returns the input as a string that the caller frees, NULL if it isn't one. */
char *
fuzzInputToString(const uint8_t *data,
                  size_t size)
{
    if (size > 0 && memchr(data, '\0', size))
        return NULL;

    return g_strndup((const char *)data, size);
}


/* Drops the error of a refusal, which a client can be sent. */
void
fuzzCheckMessage(void)
{
    const char *message = virGetLastErrorMessage();

    FUZZ_CHECK(virGetLastErrorCode() != VIR_ERR_OK, "refused without an error");
    FUZZ_CHECK(g_utf8_validate(message, -1, NULL), "the message is not UTF-8");
    virResetLastError();
}


/**
 * fuzzCheckRefusal:
 * @syntax: whether what was refused is a file of xl, not XML
 *
 * Check that the last error is one that this project promises, and drop it: it
 * is about a device model, and text that a client can be sent.
 */
void
fuzzCheckRefusal(bool syntax)
{
    int code = virGetLastErrorCode();
    const char *message = virGetLastErrorMessage();

    FUZZ_CHECK(code == VIR_ERR_CONFIG_UNSUPPORTED ||
               code == (syntax ? VIR_ERR_CONF_SYNTAX : VIR_ERR_XML_ERROR),
               "refused with code %d", code);
    FUZZ_CHECK(strstr(message, "device model") || strstr(message, "device_model"),
               "refused for something else");
    fuzzCheckMessage();
}


static void
fuzzCheckSameDeviceModel(const virDomainDef *a,
                         const virDomainDef *b,
                         size_t idx)
{
    const virDomainDeviceModelDef *dma = a->devicemodels[idx];
    const virDomainDeviceModelDef *dmb = b->devicemodels[idx];
    size_t i;

    FUZZ_CHECK(STREQ(dma->name, dmb->name), "'%s' and '%s'", dma->name, dmb->name);
    FUZZ_CHECK(STREQ_NULLABLE(dma->emulator, dmb->emulator), "device model '%s': '%s' and '%s'",
               dma->name, NULLSTR(dma->emulator), NULLSTR(dmb->emulator));
    FUZZ_CHECK(dma->capabilities == dmb->capabilities, "device model '%s'", dma->name);
    FUZZ_CHECK(dma->ninterfaces == dmb->ninterfaces, "device model '%s'", dma->name);

    for (i = 0; i < dma->ninterfaces; i++) {
        virDomainNetDef *neta = virDomainDeviceModelFindNet(a, &dma->interfaces[i]);
        virDomainNetDef *netb = virDomainDeviceModelFindNet(b, &dmb->interfaces[i]);

        FUZZ_CHECK(neta && netb &&
                   virMacAddrCmp(&neta->mac, &netb->mac) == 0 &&
                   STREQ_NULLABLE(neta->info.alias, netb->info.alias),
                   "device model '%s', interface %zu", dma->name, i);
    }
}


/**
 * fuzzCheckSame:
 * @a: domain definition
 * @b: one that was made from it
 *
 * Check that both have the same device models, with the same interfaces; a
 * reference may be by MAC address in one and by alias in the other.
 */
void
fuzzCheckSame(const virDomainDef *a,
              const virDomainDef *b)
{
    size_t i;

    FUZZ_CHECK(a->ndevicemodels == b->ndevicemodels, "%zu and %zu device models",
               a->ndevicemodels, b->ndevicemodels);

    for (i = 0; i < a->ndevicemodels; i++)
        fuzzCheckSameDeviceModel(a, b, i);
}


/**
 * fuzzCheckXML:
 * @def: valid domain definition
 * @live: whether its live parts count
 *
 * Check that @def is written such that it is read as the same again.
 */
void
fuzzCheckXML(virDomainDef *def,
             bool live)
{
    unsigned int format = VIR_DOMAIN_DEF_FORMAT_SECURE;
    unsigned int parse = 0;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autoptr(virDomainDef) again = NULL;
    size_t i;

    if (!live) {
        format |= VIR_DOMAIN_DEF_FORMAT_INACTIVE;
        parse |= VIR_DOMAIN_DEF_PARSE_INACTIVE;
    }

    first = virDomainDefFormat(def, driver.xmlopt, format);
    FUZZ_CHECK(first, "cannot be formatted");

    again = virDomainDefParseString(first, driver.xmlopt, NULL, parse);
    FUZZ_CHECK(again, "cannot be read again:\n%s", first);

    second = virDomainDefFormat(again, driver.xmlopt, format);
    FUZZ_CHECK(STREQ_NULLABLE(first, second), "%s\nbecame\n%s", first, second);

    fuzzCheckSame(def, again);

    for (i = 0; live && i < def->ndevicemodels; i++) {
        FUZZ_CHECK(def->devicemodels[i]->id == again->devicemodels[i]->id &&
                   def->devicemodels[i]->state == again->devicemodels[i]->state,
                   "device model '%s'", def->devicemodels[i]->name);
    }
}
