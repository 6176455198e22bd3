/*
 * domain_devicemodel.c: the <devicemodel> elements of a domain definition
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "domain_devicemodel.h"
#include "device_conf.h"
#include "domain_conf.h"
#include "viralloc.h"
#include "virerror.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN

#define VIR_DOMAIN_DEVICE_MODEL_NAME_CHARS \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

#define VIR_DOMAIN_DEVICE_MODEL_ALL_CAPABILITIES \
    ((1U << VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST) - 1)

VIR_ENUM_IMPL(virDomainDeviceModelCapability,
              VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST,
              "ui",
              "ide",
              "serial",
              "audio",
);

VIR_ENUM_IMPL(virDomainDeviceModelState,
              VIR_DOMAIN_DEVICE_MODEL_STATE_LAST,
              "none",
              "starting",
              "running",
              "failed",
              "restarting",
);

VIR_ENUM_IMPL(virDomainDeviceModelFailureAction,
              VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_LAST,
              "default",
              "restart",
              "ignore",
              "pause",
              "destroy",
);


/**
 * virDomainDeviceModelDefNew:
 *
 * Returns an empty device model that isn't live.  The caller frees it with
 * virDomainDeviceModelDefFree().
 */
virDomainDeviceModelDef *
virDomainDeviceModelDefNew(void)
{
    virDomainDeviceModelDef *dm = g_new0(virDomainDeviceModelDef, 1);

    dm->id = -1;
    dm->failure.limit = -1;

    return dm;
}


/**
 * virDomainDeviceModelDefFree:
 * @dm: device model, or NULL
 *
 * Frees @dm and all that it owns.
 */
void
virDomainDeviceModelDefFree(virDomainDeviceModelDef *dm)
{
    size_t i;

    if (!dm)
        return;

    for (i = 0; i < dm->ninterfaces; i++)
        g_free(dm->interfaces[i].alias);
    g_free(dm->interfaces);
    g_free(dm->failure.reason);
    g_free(dm->emulator);
    g_free(dm->name);
    g_free(dm);
}


/**
 * virDomainDeviceModelDefsFree:
 * @def: domain definition
 *
 * Frees the device models of @def, which is left without any.
 */
void
virDomainDeviceModelDefsFree(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++)
        virDomainDeviceModelDefFree(def->devicemodels[i]);

    g_clear_pointer(&def->devicemodels, g_free);
    def->ndevicemodels = 0;
}


/* Returns the names of @values, bits 1 << a value of an enum with @nnames names, in the
 * order of the enum, as a list for an error message.  The caller frees it. */
static char *
virDomainDeviceModelNamesToString(unsigned int values,
                                  size_t nnames,
                                  const char *(*toString)(int value))
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    for (i = 0; i < nnames; i++) {
        if (values & (1U << i))
            virBufferAsprintf(&buf, "%s, ", toString(i));
    }
    virBufferTrim(&buf, ", ");

    return g_strdup(virBufferCurrentContent(&buf));
}


static char *
virDomainDeviceModelCapabilitiesToString(unsigned int capabilities)
{
    return virDomainDeviceModelNamesToString(capabilities,
                                             VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST,
                                             virDomainDeviceModelCapabilityTypeToString);
}


/**
 * virDomainDeviceModelFailureActionsToString:
 *
 * Returns the names of the actions in the order of the enum, as a list for an error
 * message.  The caller frees it.
 */
char *
virDomainDeviceModelFailureActionsToString(void)
{
    return virDomainDeviceModelNamesToString(~(1U << VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DEFAULT),
                                             VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_LAST,
                                             virDomainDeviceModelFailureActionTypeToString);
}


/* Returns @ref as it is spelled in XML.  The caller frees it. */
static char *
virDomainDeviceModelInterfaceToString(const virDomainDeviceModelInterface *ref)
{
    char mac[VIR_MAC_STRING_BUFLEN];

    if (ref->alias)
        return g_strdup_printf("alias='%s'", ref->alias);

    return g_strdup_printf("mac='%s'", virMacAddrFormat(&ref->mac, mac));
}


/**
 * virDomainDeviceModelNameIsValid:
 * @name: name of a device model
 *
 * Returns true if @name has 1 to VIR_DOMAIN_DEVICE_MODEL_NAME_MAX of the
 * accepted characters and may be part of a file name and of a xenstore path.
 */
bool
virDomainDeviceModelNameIsValid(const char *name)
{
    size_t len = strlen(name);

    return len > 0 &&
        len <= VIR_DOMAIN_DEVICE_MODEL_NAME_MAX &&
        strspn(name, VIR_DOMAIN_DEVICE_MODEL_NAME_CHARS) == len &&
        STRNEQ(name, ".") &&
        STRNEQ(name, "..");
}


/**
 * virDomainDeviceModelDefGetFailureAction:
 * @dm: secondary
 *
 * Returns what is done when it fails, which is never the default that it may have.
 */
virDomainDeviceModelFailureAction
virDomainDeviceModelDefGetFailureAction(const virDomainDeviceModelDef *dm)
{
    if (dm->failure.action == VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DEFAULT)
        return VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART;

    return dm->failure.action;
}


/**
 * virDomainDeviceModelFailureLimitFromString:
 * @text: a failure limit as it is written
 *
 * Returns its seconds, or -1 where it is none.
 */
int
virDomainDeviceModelFailureLimitFromString(const char *text)
{
    unsigned int limit;

    /* what reads numbers takes blanks and signs before them */
    if (!g_ascii_isdigit(*text) ||
        virStrToLong_uip(text, NULL, 10, &limit) < 0 ||
        limit > VIR_DOMAIN_DEVICE_MODEL_FAILURE_LIMIT_MAX)
        return -1;

    return limit > 0 && limit < VIR_DOMAIN_DEVICE_MODEL_FAILURE_LIMIT_MIN ? -1 : (int)limit;
}


/**
 * virDomainDeviceModelDefGetFailureLimit:
 * @dm: secondary
 *
 * Returns after how many seconds it counts as hung, 0 for never.
 */
unsigned int
virDomainDeviceModelDefGetFailureLimit(const virDomainDeviceModelDef *dm)
{
    if (dm->failure.limit < 0)
        return VIR_DOMAIN_DEVICE_MODEL_FAILURE_LIMIT_DEFAULT;

    return dm->failure.limit;
}


/**
 * virDomainDeviceModelDefSetFailed:
 * @dm: device model of a live definition
 * @when: seconds since the epoch
 * @reason: why, in words of the driver, of whatever encoding; not empty
 *
 * Show in the live XML that the process of @dm has ended by itself, once more.
 * Expects that the domain is locked.
 */
void
virDomainDeviceModelDefSetFailed(virDomainDeviceModelDef *dm,
                                 long long when,
                                 const char *reason)
{
    virDomainDeviceModelFailure *failure = &dm->failure;

    dm->state = VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED;
    failure->count++;
    failure->last = when;
    g_free(failure->reason);
    failure->reason = g_utf8_make_valid(reason, -1);
}


/**
 * virDomainDeviceModelDefAddReason:
 * @dm: device model of a live definition that has failed
 * @reason: what more there is to say of that, in words of the driver; not empty
 *
 * Show it in the live XML behind why it failed, if it is not the last that was said.
 * Expects that the domain is locked.
 */
void
virDomainDeviceModelDefAddReason(virDomainDeviceModelDef *dm,
                                 const char *reason)
{
    virDomainDeviceModelFailure *failure = &dm->failure;
    g_autofree char *valid = g_utf8_make_valid(reason, -1);
    g_autofree char *before = NULL;

    if (failure->reason && g_str_has_suffix(failure->reason, valid))
        return;

    before = g_steal_pointer(&failure->reason);
    failure->reason = before ? g_strdup_printf("%s; %s", before, valid)
                             : g_steal_pointer(&valid);
}


/* The name is checked here and not with the rules that concern several device
 * models: status files, saved images and incoming migrations are parsed without
 * validation, and the name becomes part of paths that a privileged daemon
 * creates and removes. */
static int
virDomainDeviceModelDefParseName(virDomainDeviceModelDef *dm,
                                 xmlNodePtr node,
                                 size_t position)
{
    dm->name = virXMLPropString(node, "name");

    if (!dm->name || *dm->name == '\0') {
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model %1$zu has no name, expected 1 to %2$d of the characters 'A-Z a-z 0-9 . _ -'"),
                       position, VIR_DOMAIN_DEVICE_MODEL_NAME_MAX);
        return -1;
    }

    if (!virDomainDeviceModelNameIsValid(dm->name)) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("invalid name of device model '%1$s', expected 1 to %2$d of the characters 'A-Z a-z 0-9 . _ -', other than '.' and '..'"),
                       dm->name, VIR_DOMAIN_DEVICE_MODEL_NAME_MAX);
        return -1;
    }

    return 0;
}


static int
virDomainDeviceModelDefParseEmulator(virDomainDeviceModelDef *dm,
                                     xmlNodePtr node)
{
    g_autoptr(GPtrArray) nodes = virXMLNodeGetSubelementList(node, "emulator");

    if (nodes->len == 0)
        return 0;

    if (nodes->len > 1) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model '%1$s' has %2$d emulators, expected one at most"),
                       dm->name, (int)nodes->len);
        return -1;
    }

    if (!(dm->emulator = virXMLNodeContentString(g_ptr_array_index(nodes, 0))))
        return -1;

    if (*dm->emulator == '\0') {
        virReportError(VIR_ERR_XML_ERROR,
                       _("emulator of device model '%1$s' is empty, expected an absolute path, or no emulator element for that of the domain"),
                       dm->name);
        return -1;
    }

    /* XML reads a carriage return that is written as such as a newline, and the
     * schema has neither. */
    if (strpbrk(dm->emulator, "\r\n")) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("emulator of device model '%1$s' has a line break, expected an absolute path in one line"),
                       dm->name);
        return -1;
    }

    return 0;
}


static int
virDomainDeviceModelDefParseCapability(virDomainDeviceModelDef *dm,
                                       xmlNodePtr node)
{
    g_autofree char *name = virXMLPropString(node, "name");
    g_autofree char *accepted = NULL;
    int cap;

    accepted = virDomainDeviceModelCapabilitiesToString(VIR_DOMAIN_DEVICE_MODEL_ALL_CAPABILITIES);

    if (!name) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model '%1$s' has a capability without a name, expected one of '%2$s'"),
                       dm->name, accepted);
        return -1;
    }

    if ((cap = virDomainDeviceModelCapabilityTypeFromString(name)) < 0) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model '%1$s' has the unknown capability '%2$s', expected one of '%3$s'"),
                       dm->name, name, accepted);
        return -1;
    }

    if (virDomainDeviceModelDefHasCapability(dm, cap)) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model '%1$s' has the capability '%2$s' more than once, expected it once at most"),
                       dm->name, name);
        return -1;
    }

    dm->capabilities |= 1U << cap;
    return 0;
}


static int
virDomainDeviceModelInterfaceParse(virDomainDeviceModelInterface *ref,
                                   const char *dmname,
                                   xmlNodePtr node)
{
    g_autofree char *mac = virXMLPropString(node, "mac");

    ref->alias = virXMLPropString(node, "alias");

    if (mac && ref->alias) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model '%1$s' has an interface with both mac '%2$s' and alias '%3$s', expected one of the two"),
                       dmname, mac, ref->alias);
        return -1;
    }

    if (!mac && !ref->alias) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model '%1$s' has an interface with neither mac nor alias, expected one of the two"),
                       dmname);
        return -1;
    }

    if (mac && virMacAddrParse(mac, &ref->mac) < 0) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model '%1$s' has an interface with the malformed mac '%2$s', expected one like '00:16:3e:12:34:56'"),
                       dmname, mac);
        return -1;
    }

    return 0;
}


/* Parses what a running domain adds.  A live definition may be fed back to
 * define a domain, so an inactive one ignores it. */
static int
virDomainDeviceModelDefParseLive(virDomainDeviceModelDef *dm,
                                 xmlNodePtr node,
                                 unsigned int flags)
{
    if (flags & VIR_DOMAIN_DEF_PARSE_INACTIVE)
        return 0;

    if (virXMLPropInt(node, "id", 10, VIR_XML_PROP_NONNEGATIVE, &dm->id, -1) < 0 ||
        virXMLPropEnum(node, "state", virDomainDeviceModelStateTypeFromString,
                       VIR_XML_PROP_NONZERO, &dm->state) < 0) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), dm->name);
        return -1;
    }

    return 0;
}


/* Returns @when as clients read it, or NULL where it has no such form.  The caller
 * frees it. */
static char *
virDomainDeviceModelTimeToString(long long when)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(when);

    return time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
}


static int
virDomainDeviceModelFailureParseTime(virDomainDeviceModelFailure *failure,
                                     xmlNodePtr node)
{
    g_autofree char *text = virXMLPropStringRequired(node, "last");
    g_autoptr(GDateTime) time = NULL;
    g_autofree char *again = NULL;

    if (!text)
        return -1;

    if ((time = g_date_time_new_from_iso8601(text, NULL))) {
        failure->last = g_date_time_to_unix(time);
        again = virDomainDeviceModelTimeToString(failure->last);
    }

    /* the standard has more forms than this one */
    if (STRNEQ_NULLABLE(again, text)) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("Invalid value for attribute '%1$s' in element '%2$s': '%3$s'."),
                       "last", node->name, text);
        return -1;
    }

    return 0;
}


/* One that is live may have none, and is fed back. */
static int
virDomainDeviceModelFailureParseAction(virDomainDeviceModelFailure *failure,
                                       const char *dmname,
                                       xmlNodePtr node)
{
    g_autofree char *name = virXMLPropString(node, "action");
    g_autofree char *accepted = NULL;
    int action;

    if (!name)
        return 0;

    action = virDomainDeviceModelFailureActionTypeFromString(name);
    if (action <= VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DEFAULT) {
        accepted = virDomainDeviceModelFailureActionsToString();
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model '%1$s' has the unknown failure action '%2$s', expected one of '%3$s'"),
                       dmname, name, accepted);
        return -1;
    }

    failure->action = action;
    return 0;
}


static int
virDomainDeviceModelFailureParseLimit(virDomainDeviceModelFailure *failure,
                                      const char *dmname,
                                      xmlNodePtr node)
{
    g_autofree char *text = virXMLPropString(node, "limit");

    if (!text)
        return 0;

    if ((failure->limit = virDomainDeviceModelFailureLimitFromString(text)) < 0) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model '%1$s' has the failure limit '%2$s', expected 0 for none, or %3$d to %4$d seconds"),
                       dmname, text, VIR_DOMAIN_DEVICE_MODEL_FAILURE_LIMIT_MIN,
                       VIR_DOMAIN_DEVICE_MODEL_FAILURE_LIMIT_MAX);
        return -1;
    }

    return 0;
}


static int
virDomainDeviceModelFailureParseLive(virDomainDeviceModelFailure *failure,
                                     xmlNodePtr node)
{
    int rc = virXMLPropUInt(node, "count", 10, VIR_XML_PROP_NONZERO, &failure->count);

    if (rc <= 0)
        return rc;

    if (virDomainDeviceModelFailureParseTime(failure, node) < 0 ||
        !(failure->reason = virXMLPropStringRequired(node, "reason")))
        return -1;

    return 0;
}


static int
virDomainDeviceModelDefParseFailure(virDomainDeviceModelDef *dm,
                                    xmlNodePtr node,
                                    unsigned int flags)
{
    g_autoptr(GPtrArray) nodes = virXMLNodeGetSubelementList(node, "failure");

    if (nodes->len == 0)
        return 0;

    if (nodes->len > 1) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("device model '%1$s' has %2$d failure elements, expected one at most"),
                       dm->name, (int)nodes->len);
        return -1;
    }

    if (virDomainDeviceModelFailureParseAction(&dm->failure, dm->name,
                                               g_ptr_array_index(nodes, 0)) < 0 ||
        virDomainDeviceModelFailureParseLimit(&dm->failure, dm->name,
                                              g_ptr_array_index(nodes, 0)) < 0)
        return -1;

    if (!(flags & VIR_DOMAIN_DEF_PARSE_INACTIVE) &&
        virDomainDeviceModelFailureParseLive(&dm->failure, g_ptr_array_index(nodes, 0)) < 0) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), dm->name);
        return -1;
    }

    return 0;
}


/* An XPath expression costs more than all the rest of a device model: its
 * children are looked for one by one. */
static virDomainDeviceModelDef *
virDomainDeviceModelDefParseXML(xmlNodePtr node,
                                size_t position,
                                unsigned int flags)
{
    g_autoptr(virDomainDeviceModelDef) dm = virDomainDeviceModelDefNew();
    g_autoptr(GPtrArray) caps = virXMLNodeGetSubelementList(node, "capability");
    g_autoptr(GPtrArray) ifaces = virXMLNodeGetSubelementList(node, "interface");
    size_t i;

    if (virDomainDeviceModelDefParseName(dm, node, position) < 0 ||
        virDomainDeviceModelDefParseLive(dm, node, flags) < 0 ||
        virDomainDeviceModelDefParseEmulator(dm, node) < 0 ||
        virDomainDeviceModelDefParseFailure(dm, node, flags) < 0)
        return NULL;

    for (i = 0; i < caps->len; i++) {
        if (virDomainDeviceModelDefParseCapability(dm, g_ptr_array_index(caps, i)) < 0)
            return NULL;
    }

    dm->interfaces = g_new0(virDomainDeviceModelInterface, ifaces->len);
    dm->ninterfaces = ifaces->len;

    for (i = 0; i < ifaces->len; i++) {
        if (virDomainDeviceModelInterfaceParse(&dm->interfaces[i], dm->name,
                                               g_ptr_array_index(ifaces, i)) < 0)
            return NULL;
    }

    return g_steal_pointer(&dm);
}


/**
 * virDomainDeviceModelDefsParse:
 * @def: domain definition that gets the device models
 * @ctxt: XPath context whose node is the <domain> element
 * @flags: bitwise-OR of virDomainDefParseFlags
 *
 * Parses all <devicemodel> elements.  Each device model is checked as far as it
 * can be on its own; how they fit together and to the rest of the domain is
 * left to virDomainDeviceModelDefsValidate().
 *
 * Returns 0 on success, -1 with VIR_ERR_XML_ERROR reported on error.
 */
int
virDomainDeviceModelDefsParse(virDomainDef *def,
                              xmlXPathContextPtr ctxt,
                              unsigned int flags)
{
    g_autofree xmlNodePtr *nodes = NULL;
    int n;
    size_t i;

    if ((n = virXPathNodeSet("./devices/devicemodel", ctxt, &nodes)) < 0)
        return -1;

    if (n > 0)
        def->devicemodels = g_new0(virDomainDeviceModelDef *, n);

    for (i = 0; i < n; i++) {
        virDomainDeviceModelDef *dm;

        if (!(dm = virDomainDeviceModelDefParseXML(nodes[i], i + 1, flags)))
            return -1;

        def->devicemodels[def->ndevicemodels++] = dm;
    }

    return 0;
}


static void
virDomainDeviceModelFailureFormat(virBuffer *buf,
                                  const virDomainDeviceModelFailure *failure,
                                  unsigned int flags)
{
    g_auto(virBuffer) attrBuf = VIR_BUFFER_INITIALIZER;

    if (failure->action != VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DEFAULT) {
        virBufferAsprintf(&attrBuf, " action='%s'",
                          virDomainDeviceModelFailureActionTypeToString(failure->action));
    }

    if (failure->limit >= 0)
        virBufferAsprintf(&attrBuf, " limit='%d'", failure->limit);

    if (!(flags & VIR_DOMAIN_DEF_FORMAT_INACTIVE) && failure->count > 0) {
        g_autofree char *last = virDomainDeviceModelTimeToString(failure->last);

        virBufferAsprintf(&attrBuf, " count='%u'", failure->count);
        virBufferEscapeString(&attrBuf, " last='%s'", last);
        virBufferEscapeString(&attrBuf, " reason='%s'", failure->reason);
    }

    virXMLFormatElement(buf, "failure", &attrBuf, NULL);
}


static void
virDomainDeviceModelDefFormat(virBuffer *buf,
                              const virDomainDeviceModelDef *dm,
                              unsigned int flags)
{
    g_auto(virBuffer) attrBuf = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) childBuf = VIR_BUFFER_INIT_CHILD(buf);
    char mac[VIR_MAC_STRING_BUFLEN];
    size_t i;

    virBufferEscapeString(&attrBuf, " name='%s'", dm->name);

    if (!(flags & VIR_DOMAIN_DEF_FORMAT_INACTIVE)) {
        if (dm->id >= 0)
            virBufferAsprintf(&attrBuf, " id='%d'", dm->id);
        if (dm->state != VIR_DOMAIN_DEVICE_MODEL_STATE_NONE) {
            virBufferAsprintf(&attrBuf, " state='%s'",
                              virDomainDeviceModelStateTypeToString(dm->state));
        }
    }

    virBufferEscapeString(&childBuf, "<emulator>%s</emulator>\n", dm->emulator);

    for (i = 0; i < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; i++) {
        if (virDomainDeviceModelDefHasCapability(dm, i)) {
            virBufferAsprintf(&childBuf, "<capability name='%s'/>\n",
                              virDomainDeviceModelCapabilityTypeToString(i));
        }
    }

    for (i = 0; i < dm->ninterfaces; i++) {
        const virDomainDeviceModelInterface *ref = &dm->interfaces[i];

        if (ref->alias) {
            virBufferEscapeString(&childBuf, "<interface alias='%s'/>\n", ref->alias);
        } else {
            virBufferAsprintf(&childBuf, "<interface mac='%s'/>\n",
                              virMacAddrFormat(&ref->mac, mac));
        }
    }

    virDomainDeviceModelFailureFormat(&childBuf, &dm->failure, flags);
    virXMLFormatElement(buf, "devicemodel", &attrBuf, &childBuf);
}


/**
 * virDomainDeviceModelDefsFormat:
 * @buf: buffer that gets the XML
 * @def: domain definition
 * @flags: bitwise-OR of virDomainDefFormatFlags
 *
 * Formats the device models of @def in the order of the definition; within each
 * the emulator comes first, then the capabilities in the order of the enum, then
 * the interfaces in the order of the definition, then the failures.
 */
void
virDomainDeviceModelDefsFormat(virBuffer *buf,
                               const virDomainDef *def,
                               unsigned int flags)
{
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++)
        virDomainDeviceModelDefFormat(buf, def->devicemodels[i], flags);
}


/**
 * virDomainDeviceModelDefHasCapability:
 * @dm: device model
 * @cap: capability
 *
 * Returns true if the definition of @dm lists @cap.  The primary also emulates
 * what no device model lists: virDomainDeviceModelFindByCapability() knows.
 */
bool
virDomainDeviceModelDefHasCapability(const virDomainDeviceModelDef *dm,
                                     virDomainDeviceModelCapability cap)
{
    return dm->capabilities & (1U << cap);
}


/**
 * virDomainDeviceModelGetPrimary:
 * @def: domain definition
 *
 * Returns the device model with the 'ui' capability, else the first one, or
 * NULL if @def has none.  @def keeps owning it.
 */
virDomainDeviceModelDef *
virDomainDeviceModelGetPrimary(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++) {
        if (virDomainDeviceModelDefHasCapability(def->devicemodels[i],
                                                 VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI))
            return def->devicemodels[i];
    }

    return def->ndevicemodels > 0 ? def->devicemodels[0] : NULL;
}


/**
 * virDomainDeviceModelFindByCapability:
 * @def: domain definition
 * @cap: capability
 *
 * Returns the device model that emulates @cap: the one that lists it, else the
 * primary, or NULL if @def has no device model.  @def keeps owning it.
 */
virDomainDeviceModelDef *
virDomainDeviceModelFindByCapability(const virDomainDef *def,
                                     virDomainDeviceModelCapability cap)
{
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++) {
        if (virDomainDeviceModelDefHasCapability(def->devicemodels[i], cap))
            return def->devicemodels[i];
    }

    return virDomainDeviceModelGetPrimary(def);
}


static bool
virDomainDeviceModelInterfaceMatches(const virDomainDeviceModelInterface *ref,
                                     const virDomainNetDef *net)
{
    if (ref->alias)
        return STREQ_NULLABLE(ref->alias, net->info.alias);

    return virMacAddrCmp(&ref->mac, &net->mac) == 0;
}


/* Returns the index of the interface of @def that @ref refers to, -1 if there
 * is none. */
static ssize_t
virDomainDeviceModelFindNetIndex(const virDomainDef *def,
                                 const virDomainDeviceModelInterface *ref)
{
    size_t i;

    for (i = 0; i < def->nnets; i++) {
        if (virDomainDeviceModelInterfaceMatches(ref, def->nets[i]))
            return i;
    }

    return -1;
}


/**
 * virDomainDeviceModelFindNet:
 * @def: domain definition
 * @ref: reference of a device model to an interface
 *
 * Returns the interface of @def that @ref refers to, the first of several with
 * the same MAC address (which validation refuses), or NULL if there is none.
 * @def keeps owning it.
 */
virDomainNetDef *
virDomainDeviceModelFindNet(const virDomainDef *def,
                            const virDomainDeviceModelInterface *ref)
{
    ssize_t idx = virDomainDeviceModelFindNetIndex(def, ref);

    return idx < 0 ? NULL : def->nets[idx];
}


/**
 * virDomainDeviceModelFindByNet:
 * @def: domain definition
 * @net: interface, which need not be part of @def
 *
 * Returns the device model that emulates @net: the one that refers to its MAC
 * address or alias, else the primary, or NULL if @def has no device model.
 * @def keeps owning it.
 */
virDomainDeviceModelDef *
virDomainDeviceModelFindByNet(const virDomainDef *def,
                              const virDomainNetDef *net)
{
    size_t i;
    size_t j;

    for (i = 0; i < def->ndevicemodels; i++) {
        virDomainDeviceModelDef *dm = def->devicemodels[i];

        for (j = 0; j < dm->ninterfaces; j++) {
            if (virDomainDeviceModelInterfaceMatches(&dm->interfaces[j], net))
                return dm;
        }
    }

    return virDomainDeviceModelGetPrimary(def);
}


static bool
virDomainDeviceModelDefCheckInterfacesABIStability(const virDomainDef *src,
                                                   const virDomainDeviceModelDef *srcdm,
                                                   const virDomainDef *dst,
                                                   const virDomainDeviceModelDef *dstdm)
{
    size_t i;

    if (srcdm->ninterfaces != dstdm->ninterfaces) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("Target device model '%1$s' interface count %2$zu does not match source %3$zu"),
                       dstdm->name, dstdm->ninterfaces, srcdm->ninterfaces);
        return false;
    }

    for (i = 0; i < srcdm->ninterfaces; i++) {
        ssize_t srcidx = virDomainDeviceModelFindNetIndex(src, &srcdm->interfaces[i]);
        ssize_t dstidx = virDomainDeviceModelFindNetIndex(dst, &dstdm->interfaces[i]);

        /* The interfaces of both domains have been compared one by one, so the
         * same index is the same interface, whether the reference is by mac or
         * by alias. */
        if (srcidx < 0 || srcidx != dstidx) {
            g_autofree char *srcref = virDomainDeviceModelInterfaceToString(&srcdm->interfaces[i]);
            g_autofree char *dstref = virDomainDeviceModelInterfaceToString(&dstdm->interfaces[i]);

            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("Target device model '%1$s' interface %2$s does not match source %3$s"),
                           dstdm->name, dstref, srcref);
            return false;
        }
    }

    return true;
}


/* Compares what decides where the guest finds its devices.  The emulator may
 * differ, as that of the domain may, and so may when it counts as failed and what is
 * done then: the guest loses the same devices, and the rest is the host's affair, as
 * on_crash is. */
static bool
virDomainDeviceModelDefCheckABIStability(const virDomainDef *src,
                                         const virDomainDeviceModelDef *srcdm,
                                         const virDomainDef *dst,
                                         const virDomainDeviceModelDef *dstdm)
{
    if (STRNEQ(srcdm->name, dstdm->name)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("Target domain device model '%1$s' does not match source '%2$s'"),
                       dstdm->name, srcdm->name);
        return false;
    }

    if (srcdm->capabilities != dstdm->capabilities) {
        g_autofree char *srccaps = virDomainDeviceModelCapabilitiesToString(srcdm->capabilities);
        g_autofree char *dstcaps = virDomainDeviceModelCapabilitiesToString(dstdm->capabilities);

        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("Target device model '%1$s' capabilities '%2$s' do not match source '%3$s'"),
                       dstdm->name, dstcaps, srccaps);
        return false;
    }

    return virDomainDeviceModelDefCheckInterfacesABIStability(src, srcdm, dst, dstdm);
}


/**
 * virDomainDeviceModelDefsCheckABIStability:
 * @src: domain definition that the guest knows
 * @dst: domain definition that is to replace it
 *
 * Checks that both definitions have the same device models, in the same order,
 * with the same capabilities and interfaces.  Expects that the interfaces of
 * the domain itself have been compared.
 *
 * Returns true if so, false with VIR_ERR_CONFIG_UNSUPPORTED reported if not.
 */
bool
virDomainDeviceModelDefsCheckABIStability(const virDomainDef *src,
                                          const virDomainDef *dst)
{
    size_t i;

    if (src->ndevicemodels != dst->ndevicemodels) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("Target domain device model count %1$zu does not match source %2$zu"),
                       dst->ndevicemodels, src->ndevicemodels);
        return false;
    }

    for (i = 0; i < src->ndevicemodels; i++) {
        if (!virDomainDeviceModelDefCheckABIStability(src, src->devicemodels[i],
                                                      dst, dst->devicemodels[i]))
            return false;
    }

    return true;
}


/**
 * virDomainDeviceModelDefsCheckUnsupported:
 * @def: domain definition
 *
 * For the drivers without VIR_DOMAIN_DEF_FEATURE_DEVICE_MODEL: a device model
 * is refused and never ignored, as a domain that runs with fewer processes than
 * its definition asks for is less contained than it seems.
 *
 * Returns 0 if @def has no device model, -1 with VIR_ERR_CONFIG_UNSUPPORTED
 * reported if it has.
 */
int
virDomainDeviceModelDefsCheckUnsupported(const virDomainDef *def)
{
    if (def->ndevicemodels == 0)
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("device model '%1$s' is not supported by this hypervisor driver, expected no devicemodel element"),
                   def->devicemodels[0]->name);
    return -1;
}


static int
virDomainDeviceModelDefsValidateNames(const virDomainDef *def)
{
    size_t i;
    size_t j;

    if (def->ndevicemodels > VIR_DOMAIN_DEVICE_MODEL_MAX) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' is one too many, the domain has %2$zu device models and may have %3$d at most"),
                       def->devicemodels[VIR_DOMAIN_DEVICE_MODEL_MAX]->name,
                       def->ndevicemodels, VIR_DOMAIN_DEVICE_MODEL_MAX);
        return -1;
    }

    for (i = 0; i < def->ndevicemodels; i++) {
        const char *name = def->devicemodels[i]->name;

        for (j = 0; j < i; j++) {
            const char *other = def->devicemodels[j]->name;

            /* A file name that differs from another in case only is one too
             * many for whoever reads a log folder. */
            if (g_ascii_strcasecmp(name, other) == 0) {
                virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                               _("device model '%1$s' has the name of device model '%2$s', expected names that differ in more than upper and lower case"),
                               name, other);
                return -1;
            }
        }
    }

    return 0;
}


static int
virDomainDeviceModelDefsValidateCapabilities(const virDomainDef *def)
{
    const virDomainDeviceModelDef *owners[VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST] = { 0 };
    size_t i;
    size_t cap;

    for (i = 0; i < def->ndevicemodels; i++) {
        const virDomainDeviceModelDef *dm = def->devicemodels[i];

        for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
            if (!virDomainDeviceModelDefHasCapability(dm, cap))
                continue;

            if (owners[cap]) {
                virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                               _("device model '%1$s' has the capability '%2$s' of device model '%3$s', expected it in one device model at most"),
                               dm->name, virDomainDeviceModelCapabilityTypeToString(cap),
                               owners[cap]->name);
                return -1;
            }

            owners[cap] = dm;
        }
    }

    return 0;
}


static void
virDomainDeviceModelReportUnresolved(const virDomainDeviceModelDef *dm,
                                     const virDomainDeviceModelInterface *ref,
                                     size_t nmatches)
{
    g_autofree char *refstr = virDomainDeviceModelInterfaceToString(ref);

    if (nmatches == 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' refers to the interface %2$s, expected the mac or alias of an interface of the domain"),
                       dm->name, refstr);
    } else {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' refers to the interface %2$s, which %3$zu interfaces of the domain have, expected a reference by alias"),
                       dm->name, refstr, nmatches);
    }
}


/* Returns the one interface of @def that @ref of @dm refers to, NULL with
 * VIR_ERR_CONFIG_UNSUPPORTED reported if there is none or more than one. */
static virDomainNetDef *
virDomainDeviceModelResolveNet(const virDomainDef *def,
                               const virDomainDeviceModelDef *dm,
                               const virDomainDeviceModelInterface *ref)
{
    virDomainNetDef *net = NULL;
    size_t nmatches = 0;
    size_t i;

    /* Other aliases are generated when a domain starts and dropped from
     * definitions. */
    if (ref->alias && !virDomainDeviceAliasIsUserAlias(ref->alias)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' refers to the interface alias '%2$s', expected an alias that begins with 'ua-'"),
                       dm->name, ref->alias);
        return NULL;
    }

    for (i = 0; i < def->nnets; i++) {
        if (virDomainDeviceModelInterfaceMatches(ref, def->nets[i])) {
            net = def->nets[i];
            nmatches++;
        }
    }

    if (nmatches != 1) {
        virDomainDeviceModelReportUnresolved(dm, ref, nmatches);
        return NULL;
    }

    return net;
}


static int
virDomainDeviceModelDefsValidateInterfaces(const virDomainDef *def)
{
    g_autoptr(GHashTable) owners = g_hash_table_new(NULL, NULL);
    size_t i;
    size_t j;

    for (i = 0; i < def->ndevicemodels; i++) {
        virDomainDeviceModelDef *dm = def->devicemodels[i];

        for (j = 0; j < dm->ninterfaces; j++) {
            const virDomainDeviceModelInterface *ref = &dm->interfaces[j];
            const virDomainDeviceModelDef *owner;
            virDomainNetDef *net;

            if (!(net = virDomainDeviceModelResolveNet(def, dm, ref)))
                return -1;

            if ((owner = g_hash_table_lookup(owners, net))) {
                g_autofree char *refstr = virDomainDeviceModelInterfaceToString(ref);

                virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                               _("device model '%1$s' refers to the interface %2$s, which device model '%3$s' has already, expected it in one device model and once"),
                               dm->name, refstr, owner->name);
                return -1;
            }

            g_hash_table_insert(owners, net, dm);
        }
    }

    return 0;
}


/* It has neither action nor limit. */
static int
virDomainDeviceModelDefValidatePrimary(const virDomainDeviceModelDef *dm)
{
    if (dm->failure.action != VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DEFAULT) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' is the primary and has the failure action '%2$s', expected one in a secondary: the domain ends with its primary, as its on_crash says"),
                       dm->name,
                       virDomainDeviceModelFailureActionTypeToString(dm->failure.action));
        return -1;
    }

    if (dm->failure.limit >= 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' is the primary and has the failure limit '%2$d', expected one in a secondary: the primary is not looked at"),
                       dm->name, dm->failure.limit);
        return -1;
    }

    return 0;
}


static int
virDomainDeviceModelDefValidate(const virDomainDeviceModelDef *dm,
                                const virDomainDeviceModelDef *primary)
{
    if (dm->emulator && !g_path_is_absolute(dm->emulator)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' has the emulator '%2$s', expected an absolute path"),
                       dm->name, dm->emulator);
        return -1;
    }

    if (dm == primary)
        return virDomainDeviceModelDefValidatePrimary(dm);

    if (dm->capabilities == 0 && dm->ninterfaces == 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' has nothing to emulate, expected a capability or an interface in all device models but the primary '%2$s'"),
                       dm->name, primary->name);
        return -1;
    }

    return 0;
}


/**
 * virDomainDeviceModelDefsValidate:
 * @def: domain definition
 *
 * Checks the rules that hold for device models whatever the driver: their
 * number, that no two share a name, a capability or an interface, that each
 * interface exists, that each has something to emulate, and that the primary has
 * neither a failure action nor a failure limit.
 *
 * Returns 0 on success, -1 with VIR_ERR_CONFIG_UNSUPPORTED reported on error.
 */
int
virDomainDeviceModelDefsValidate(const virDomainDef *def)
{
    const virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    size_t i;

    if (virDomainDeviceModelDefsValidateNames(def) < 0 ||
        virDomainDeviceModelDefsValidateCapabilities(def) < 0 ||
        virDomainDeviceModelDefsValidateInterfaces(def) < 0)
        return -1;

    for (i = 0; i < def->ndevicemodels; i++) {
        if (virDomainDeviceModelDefValidate(def->devicemodels[i], primary) < 0)
            return -1;
    }

    return 0;
}
