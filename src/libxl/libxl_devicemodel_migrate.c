/*
 * libxl_devicemodel_migrate.c: what two hosts say of secondaries before a migration
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_migrate.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel.h"
#include "libxl_devicemodel_conf.h"
#include "libxl_devicemodel_emulator.h"
#include "libxl_devicemodel_net.h"
#include "libxl_devicemodel_scope_protocol.h"
#include "virerror.h"
#include "virhook.h"
#include "virstring.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

/* All ids but that of the primary. */
#define LIBXL_DEVICE_MODEL_COOKIE_MAX (LIBXL_DEVICE_MODEL_IDS - 1)


/**
 * libxlDeviceModelsBeginMigration:
 * @vm: running domain, in a job of type modify
 * @version: set to the version of the stream that is sent
 * @saved: set to what is known of its secondaries, which the caller frees, or to NULL for none
 *
 * Unlocks @vm while it asks them.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelsBeginMigration(virDomainObj *vm,
                                uint32_t *version,
                                libxlDeviceModelsSaved **saved)
{
    *version = libxlDeviceModelsGetSaveVersion(vm->def);
    return libxlDeviceModelsAsk(vm, saved);
}


/**
 * libxlDeviceModelsFormatCookie:
 * @buf: gets what belongs into the cookie
 * @saved: what is known of the secondaries, or NULL
 */
void
libxlDeviceModelsFormatCookie(virBuffer *buf,
                              const libxlDeviceModelsSaved *saved)
{
    size_t i;

    if (!saved)
        return;

    virBufferAddLit(buf, "<devicemodels>\n");
    virBufferAdjustIndent(buf, 2);

    for (i = 0; i < saved->ndms; i++) {
        const libxlDeviceModelSaved *dm = &saved->dms[i];

        virBufferEscapeString(buf, "<devicemodel name='%s'", dm->name);
        virBufferAsprintf(buf, " qemu='%u.%u.%u'",
                          dm->version[0], dm->version[1], dm->version[2]);
        virBufferEscapeString(buf, " machine='%s'/>\n", dm->machine);
    }

    virBufferAdjustIndent(buf, -2);
    virBufferAddLit(buf, "</devicemodels>\n");
}


/* Returns -1. */
static int
libxlDeviceModelsRefuseCookie(const char *what)
{
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("the migration cookie cannot be used: %1$s"), what);
    return -1;
}


/* Three numbers. */
static int
libxlDeviceModelParseVersion(const char *text,
                             unsigned int *version)
{
    size_t i;

    for (i = 0; i < 3; i++) {
        char *end;

        if (!g_ascii_isdigit(*text) ||
            virStrToLong_ui(text, &end, 10, &version[i]) < 0 ||
            *end != (i < 2 ? '.' : '\0'))
            return -1;

        text = end + 1;
    }

    return 0;
}


/* What is taken over becomes a part of errors. */
static int
libxlDeviceModelParseCookie(xmlNodePtr node,
                            libxlDeviceModelSaved *dm)
{
    g_autofree char *qemu = virXMLPropString(node, "qemu");

    dm->name = virXMLPropString(node, "name");
    dm->machine = virXMLPropString(node, "machine");

    if (!dm->name || !virDomainDeviceModelNameIsValid(dm->name))
        return libxlDeviceModelsRefuseCookie(_("a device model has a name that none can have"));

    if (!dm->machine || !libxlDeviceModelSavedMachineIsValid(dm->machine))
        return libxlDeviceModelsRefuseCookie(_("a device model has a machine that none can have"));

    if (!qemu || libxlDeviceModelParseVersion(qemu, dm->version) < 0)
        return libxlDeviceModelsRefuseCookie(_("a device model has a version that no QEMU can have"));

    return 0;
}


/**
 * libxlDeviceModelsParseCookie:
 * @ctxt: a cookie, whoever made it
 * @version: of the stream, as it says
 * @saved: set to what it says of secondaries, which the caller frees, or to NULL for none
 *
 * Returns 0, or -1 with VIR_ERR_OPERATION_FAILED.
 */
int
libxlDeviceModelsParseCookie(xmlXPathContextPtr ctxt,
                             uint32_t version,
                             libxlDeviceModelsSaved **saved)
{
    static const unsigned char unknown[VIR_UUID_BUFLEN];
    g_autoptr(libxlDeviceModelsSaved) parsed = NULL;
    g_autofree xmlNodePtr *nodes = NULL;
    int n = virXPathNodeSet("./devicemodels/devicemodel", ctxt, &nodes);
    size_t i;

    *saved = NULL;
    if (n < 0)
        return -1;

    if ((version == LIBXL_DEVICE_MODEL_SAVE_VERSION) != (n > 0))
        return libxlDeviceModelsRefuseCookie(_("the version of the stream is not that of what it says of device models"));

    if (n == 0)
        return 0;

    if (n > LIBXL_DEVICE_MODEL_COOKIE_MAX)
        return libxlDeviceModelsRefuseCookie(_("it has more device models than a domain can have"));

    parsed = libxlDeviceModelsSavedNew(unknown, n);
    for (i = 0; i < n; i++) {
        if (libxlDeviceModelParseCookie(nodes[i], &parsed->dms[i]) < 0)
            return -1;
    }

    *saved = g_steal_pointer(&parsed);
    return 0;
}


/**
 * libxlDeviceModelsCheckCookie:
 * @def: the definition that has come with a cookie
 * @saved: what the cookie says of its secondaries, or NULL
 *
 * A source that knows no device models sends a definition without, and one of another version
 * could send one whose state it does not have.
 *
 * Returns 0, or -1 with an error that says which is missing.
 */
int
libxlDeviceModelsCheckCookie(const virDomainDef *def,
                             const libxlDeviceModelsSaved *saved)
{
    const virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    size_t nsaved = saved ? saved->ndms : 0;
    size_t n = 0;
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++) {
        const virDomainDeviceModelDef *dmdef = def->devicemodels[i];

        if (dmdef == primary)
            continue;

        if (n == nsaved || STRNEQ(saved->dms[n].name, dmdef->name)) {
            virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                           _("domain '%1$s' cannot be migrated to this host: the source does not send the state of its device model '%2$s'"),
                           def->name, dmdef->name);
            return -1;
        }
        n++;
    }

    if (n < nsaved) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("domain '%1$s' cannot be migrated to this host: the source sends the state of device model '%2$s', which its definition does not have"),
                       def->name, saved->dms[n].name);
        return -1;
    }

    return 0;
}


/* An emulator that does not tell its version is asked again when it has been started. */
static int
libxlDeviceModelCheckOrigin(const virDomainDef *def,
                            const virDomainDeviceModelDef *dmdef,
                            const libxlDeviceModelSaved *dm)
{
    const char *path = libxlDeviceModelSecondaryEmulator(def, dmdef);
    libxlDeviceModelEmulator emulator;

    if (!path)
        return 0;

    if (libxlDeviceModelEmulatorProbe(path, dm->name, &emulator) < 0)
        return -1;

    if (emulator.version[0] == 0)
        return 0;

    return libxlDeviceModelSavedCheckVersion(dm, emulator.version);
}


/* They are those of the definition, in its order.  The domain is not locked. */
static int
libxlDeviceModelsCheckOrigins(const virDomainDef *def,
                              const libxlDeviceModelsSaved *saved)
{
    const virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    size_t n = 0;
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++) {
        if (def->devicemodels[i] != primary &&
            libxlDeviceModelCheckOrigin(def, def->devicemodels[i], &saved->dms[n++]) < 0)
            return -1;
    }

    return 0;
}


/* A hook script may bring an image or a bridge when the domain starts ("prepare", "start"). */
static int
libxlDeviceModelsCheckHost(virDomainObj *vm)
{
    if (virHookPresent(VIR_HOOK_DRIVER_LIBXL))
        return 0;

    if (libxlDeviceModelsCheckImages(vm) < 0 ||
        libxlDeviceModelNetCheck(vm->def) < 0)
        return -1;

    return 0;
}


/**
 * libxlDeviceModelsPrepareMigration:
 * @vm: domain that comes to this host, "starting", in a job of type modify
 * @saved: what its cookie says of its secondaries, or NULL
 *
 * Find what is missing on this host, as far as it is known before the domain comes: images and
 * bridges only where there is no hook script.  Unlocks @vm while it waits; the domain keeps its
 * definition.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelsPrepareMigration(virDomainObj *vm,
                                  const libxlDeviceModelsSaved *saved)
{
    const virDomainDef *def = vm->def;
    int rc;

    if (libxlDeviceModelsCheckCookie(def, saved) < 0 ||
        libxlDeviceModelsPrepare(def) < 0 ||
        libxlDeviceModelsCheckHost(vm) < 0)
        return -1;

    if (!saved)
        return 0;

    virObjectUnlock(vm);
    rc = libxlDeviceModelsCheckOrigins(def, saved);
    virObjectLock(vm);

    return rc;
}
