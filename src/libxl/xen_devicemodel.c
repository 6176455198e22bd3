/*
 * xen_devicemodel.c: the device models of a domain in Xen's configuration files
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each string of the list device_models describes one device model:
 *
 *   item = word *( "," word )
 *   word = "name=" NAME / "path=" EMULATOR / "vifs=" vif *( ";" vif )
 *        / "ui" / "ide" / "serial" / "audio"
 *        / "failure=" ACTION / "limit=" SECONDS
 *   vif  = VIFNAME / MAC
 *
 * Blanks around a word, a key or a value don't count.  There is no escape
 * character: what an item can't express is refused in both directions and never
 * written in a way that would be read differently.
 *
 * A file is text of a user, so whatever is wrong in it is reported with the
 * item, the character and what would be accepted there.  What the items say
 * together is left to the rules that XML has to follow, too.
 */

#include <config.h>

#include "xen_devicemodel.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_validate.h"
#include "viralloc.h"
#include "virbuffer.h"
#include "virerror.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_XENXL

#define XEN_DEVICE_MODELS_KEY "device_models"

/* More than the longest path and all NICs that Xen gives a domain need. */
#define XEN_DEVICE_MODEL_ITEM_MAX 8192

/* Characters of a value that an error repeats: messages have a limit, and what
 * would be accepted comes last. */
#define XEN_DEVICE_MODEL_EXCERPT_MAX 40

/* xl reads the first two as the ends of a string and gives the last a meaning
 * (Xen tools/libs/util/libxlu_cfg_l.l); libvirt's own reader of such files
 * takes it literally. */
#define XEN_DEVICE_MODEL_FORBIDDEN "\"'\\"

/* What xl does to contain a domain and its device model, and the disk controller that it
 * gives that (xl.cfg(5)), and the only value that says the same of a domain of libvirt's;
 * NULL where none does. */
static const struct {
    const char *key;
    const char *accepted;
} xenDeviceModelSettings[] = {
    { "device_model_version", "qemu-xen" },
    { "device_model_stubdomain_override", "0" },
    { "dm_restrict", "0" },
    { "device_model_user", NULL },
    { "seclabel", NULL },
    { "init_seclabel", NULL },
    { "hdtype", "ide" },
};

/* What libvirt reads of a vif: xenParseVif() drops other words. */
static const char *const xenDeviceModelVifKeys[] = {
    "mac", "bridge", "script", "model", "type", "vifname", "ip", "rate", "backend", "mtu", NULL
};

typedef struct _xenDeviceModelParser xenDeviceModelParser;
struct _xenDeviceModelParser {
    const virConfValue *vifs; /* the list vif */
    virDomainDef *def;
    virDomainXMLOption *xmlopt;

    size_t item; /* counted from 1 */
    const char *text; /* the item */
    char *copy; /* the item, cut into words in place */

    virDomainDeviceModelDef *dmdef;
};


/* Reports what is wrong at @at, a place in the copy of the item.  Expects that
 * the text before it is UTF-8.  Returns -1. */
static int G_GNUC_PRINTF(3, 4)
xenDeviceModelParserError(const xenDeviceModelParser *parser,
                          const char *at,
                          const char *fmt,
                          ...)
{
    size_t character = g_utf8_strlen(parser->text, at - parser->copy) + 1;
    g_autofree char *detail = NULL;
    va_list ap;

    va_start(ap, fmt);
    detail = g_strdup_vprintf(fmt, ap);
    va_end(ap);

    if (parser->dmdef->name) {
        virReportError(VIR_ERR_CONF_SYNTAX,
                       _("device model '%1$s', item %2$zu of device_models, character %3$zu: %4$s"),
                       parser->dmdef->name, parser->item, character, detail);
    } else {
        virReportError(VIR_ERR_CONF_SYNTAX,
                       _("item %1$zu of device_models, character %2$zu: %3$s"),
                       parser->item, character, detail);
    }

    return -1;
}


/* Returns @value, or the beginning of a long one, for an error.  The caller
 * frees it. */
static char *
xenDeviceModelExcerpt(const char *value)
{
    g_autofree char *head = NULL;

    if (g_utf8_strlen(value, -1) <= XEN_DEVICE_MODEL_EXCERPT_MAX)
        return g_strdup(value);

    head = g_utf8_substring(value, 0, XEN_DEVICE_MODEL_EXCERPT_MAX);

    return g_strdup_printf("%s...", head);
}


/* Returns the words that an item may have, for an error.  The caller frees
 * it. */
static char *
xenDeviceModelAccepted(void)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    virBufferAddLit(&buf, "'name=', 'path=', 'vifs=', 'failure=', 'limit='");
    for (i = 0; i < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; i++)
        virBufferAsprintf(&buf, ", '%s'", virDomainDeviceModelCapabilityTypeToString(i));

    return virBufferContentAndReset(&buf);
}


/* Returns the first character of @text, which is UTF-8, that is not printable or
 * one of the ASCII characters @forbidden, NULL if there is none. */
static const char *
xenDeviceModelFindForbidden(const char *text,
                            const char *forbidden)
{
    const char *cur;

    for (cur = text; *cur; cur = g_utf8_next_char(cur)) {
        if (strchr(forbidden, *cur) || !g_unichar_isprint(g_utf8_get_char(cur)))
            return cur;
    }

    return NULL;
}


/* Checks all characters of the item, so that what follows deals with UTF-8 that
 * can be repeated in an error. */
static int
xenDeviceModelParserCheckText(const xenDeviceModelParser *parser)
{
    const char *bad;

    if (!g_utf8_validate(parser->copy, -1, &bad)) {
        return xenDeviceModelParserError(parser, bad,
                                         _("byte 0x%1$02x is not UTF-8, expected printable characters"),
                                         (unsigned char)*bad);
    }

    if ((bad = xenDeviceModelFindForbidden(parser->copy, ""))) {
        return xenDeviceModelParserError(parser, bad,
                                         _("U+%1$04X is not printable, expected printable characters"),
                                         g_utf8_get_char(bad));
    }

    if ((bad = xenDeviceModelFindForbidden(parser->copy, XEN_DEVICE_MODEL_FORBIDDEN))) {
        return xenDeviceModelParserError(parser, bad,
                                         _("character %1$c is not supported, expected neither quotes nor backslashes"),
                                         *bad);
    }

    if (strlen(parser->copy) > XEN_DEVICE_MODEL_ITEM_MAX) {
        return xenDeviceModelParserError(parser, parser->copy + XEN_DEVICE_MODEL_ITEM_MAX,
                                         _("the item is %1$zu bytes long, expected %2$d at most"),
                                         strlen(parser->copy), XEN_DEVICE_MODEL_ITEM_MAX);
    }

    return 0;
}


/* Cuts the part before @separator, without the blanks around it, off the front
 * of @rest, which becomes what is behind @separator, or NULL without one. */
static char *
xenDeviceModelCut(char **rest,
                  char separator)
{
    char *part = *rest;
    char *end = strchr(part, separator);

    *rest = NULL;
    if (end) {
        *end = '\0';
        *rest = end + 1;
    }

    while (*part == ' ')
        part++;
    virTrimSpaces(part, NULL);

    return part;
}


static size_t
xenDeviceModelCountMac(const virDomainDef *def,
                       const virMacAddr *mac)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < def->nnets; i++) {
        if (virMacAddrCmp(mac, &def->nets[i]->mac) == 0)
            n++;
    }

    return n;
}


/* Returns the last NIC of @def that @vif names, by its vifname or, where that is
 * no vifname, by its MAC address; NULL if there is none.  Sets @count to the
 * number of NICs that it names: a MAC address in another spelling is also that of
 * a NIC whose vifname it is. */
static virDomainNetDef *
xenDeviceModelFindVif(const virDomainDef *def,
                      const char *vif,
                      size_t *count)
{
    virDomainNetDef *found = NULL;
    char macstr[VIR_MAC_STRING_BUFLEN];
    virMacAddr mac;
    size_t i;

    *count = 0;

    for (i = 0; i < def->nnets; i++) {
        if (STREQ_NULLABLE(def->nets[i]->ifname, vif)) {
            found = def->nets[i];
            (*count)++;
        }
    }

    /* virMacAddrParse() tolerates what follows the address. */
    if (found ||
        strspn(vif, "0123456789abcdefABCDEF:") != strlen(vif) ||
        virMacAddrParse(vif, &mac) < 0)
        return found;

    virMacAddrFormat(&mac, macstr);

    for (i = 0; i < def->nnets; i++) {
        if (virMacAddrCmp(&mac, &def->nets[i]->mac) == 0 ||
            STREQ_NULLABLE(def->nets[i]->ifname, macstr)) {
            found = def->nets[i];
            (*count)++;
        }
    }

    return found;
}


static int
xenDeviceModelParserParseName(xenDeviceModelParser *parser,
                              char *value)
{
    if (!virDomainDeviceModelNameIsValid(value)) {
        g_autofree char *excerpt = xenDeviceModelExcerpt(value);

        return xenDeviceModelParserError(parser, value,
                                         _("invalid name '%1$s', expected 1 to %2$d of the characters 'A-Z a-z 0-9 . _ -', other than '.' and '..'"),
                                         excerpt, VIR_DOMAIN_DEVICE_MODEL_NAME_MAX);
    }

    parser->dmdef->name = g_strdup(value);
    return 0;
}


static int
xenDeviceModelParserParsePath(xenDeviceModelParser *parser,
                              char *value)
{
    const char *bad;

    if ((bad = strchr(value, ';'))) {
        return xenDeviceModelParserError(parser, bad, "%s",
                                         _("character ; is not supported in 'path=', expected the absolute path of an emulator"));
    }

    parser->dmdef->emulator = g_strdup(value);
    return 0;
}


/* Returns the text from which xenParseVifList() made @net. */
static const char *
xenDeviceModelParserGetVifText(const xenDeviceModelParser *parser,
                               const virDomainNetDef *net)
{
    const virConfValue *value;
    size_t i = 0;

    for (value = parser->vifs; value; value = value->next) {
        if (value->type != VIR_CONF_STRING || !value->str)
            continue;

        if (parser->def->nets[i++] == net)
            return value->str;
    }

    return NULL;
}


/* Checks that nothing that a vif says is dropped, where its NIC is in a device
 * model other than xl's.  @at is where the item names it. */
static int
xenDeviceModelParserCheckVifWords(const xenDeviceModelParser *parser,
                                  const char *at,
                                  const virDomainNetDef *net)
{
    const char *text = xenDeviceModelParserGetVifText(parser, net);
    g_auto(GStrv) words = g_strsplit(NULLSTR_EMPTY(text), ",", 0);
    size_t i;

    for (i = 0; words[i]; i++) {
        const char *word = words[i];
        g_autofree char *key = NULL;
        g_autofree char *valid = NULL;
        g_autofree char *excerpt = NULL;
        g_autofree char *vif = NULL;
        g_autofree char *accepted = NULL;

        virSkipSpaces(&word);
        if (*word == '\0')
            continue;

        key = g_strndup(word, strcspn(word, "="));

        if (g_strv_contains(xenDeviceModelVifKeys, key))
            continue;

        valid = g_utf8_make_valid(key, -1);
        excerpt = xenDeviceModelExcerpt(valid);
        vif = xenDeviceModelExcerpt(at);
        accepted = g_strjoinv("', '", (char **)xenDeviceModelVifKeys);
        return xenDeviceModelParserError(parser, at,
                                         _("vif '%1$s' has '%2$s', which is not converted, expected nothing but '%3$s' in it"),
                                         vif, excerpt, accepted);
    }

    return 0;
}


static int
xenDeviceModelParserParseVif(xenDeviceModelParser *parser,
                             const char *vif)
{
    virDomainDeviceModelInterface ref = { 0 };
    g_autofree char *excerpt = xenDeviceModelExcerpt(vif);
    char mac[VIR_MAC_STRING_BUFLEN];
    virDomainNetDef *net;
    size_t count;

    if (*vif == '\0') {
        return xenDeviceModelParserError(parser, vif, "%s",
                                         _("empty name of a vif, expected the vifname or MAC address of a vif of the domain"));
    }

    if (!(net = xenDeviceModelFindVif(parser->def, vif, &count))) {
        return xenDeviceModelParserError(parser, vif,
                                         _("unknown vif '%1$s', expected the vifname or MAC address of a vif of the domain, one without 'vifname=' and 'mac=' has no name"),
                                         excerpt);
    }

    if (count > 1) {
        return xenDeviceModelParserError(parser, vif,
                                         _("%1$zu vifs are named '%2$s', expected a vifname or MAC address that only one has"),
                                         count, excerpt);
    }

    if (xenDeviceModelParserCheckVifWords(parser, vif, net) < 0)
        return -1;

    /* A vif without an address has an all-zero one by now, like every other such
     * vif of the domain, and a reference needs one of its own. */
    if (virMacAddrIsAllClear(&net->mac))
        virDomainNetGenerateMAC(parser->xmlopt, &net->mac);

    if (xenDeviceModelCountMac(parser->def, &net->mac) > 1) {
        return xenDeviceModelParserError(parser, vif,
                                         _("vif '%1$s' shares the MAC address '%2$s' with another, expected one of its own"),
                                         excerpt, virMacAddrFormat(&net->mac, mac));
    }

    ref.mac = net->mac;
    VIR_APPEND_ELEMENT(parser->dmdef->interfaces, parser->dmdef->ninterfaces, ref);
    return 0;
}


static int
xenDeviceModelParserParseVifs(xenDeviceModelParser *parser,
                              char *value)
{
    char *rest = value;

    while (rest) {
        if (xenDeviceModelParserParseVif(parser, xenDeviceModelCut(&rest, ';')) < 0)
            return -1;
    }

    return 0;
}


static int
xenDeviceModelParserParseFailure(xenDeviceModelParser *parser,
                                 char *value)
{
    int action = virDomainDeviceModelFailureActionTypeFromString(value);

    if (action <= VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DEFAULT) {
        g_autofree char *accepted = virDomainDeviceModelFailureActionsToString();
        g_autofree char *excerpt = xenDeviceModelExcerpt(value);

        return xenDeviceModelParserError(parser, value,
                                         _("unknown action '%1$s', expected one of '%2$s'"),
                                         excerpt, accepted);
    }

    parser->dmdef->failure.action = action;
    return 0;
}


static int
xenDeviceModelParserParseLimit(xenDeviceModelParser *parser,
                               char *value)
{
    int limit = virDomainDeviceModelFailureLimitFromString(value);

    if (limit < 0) {
        g_autofree char *excerpt = xenDeviceModelExcerpt(value);

        return xenDeviceModelParserError(parser, value,
                                         _("invalid limit '%1$s', expected 0 for none, or %2$d to %3$d seconds"),
                                         excerpt, VIR_DOMAIN_DEVICE_MODEL_FAILURE_LIMIT_MIN,
                                         VIR_DOMAIN_DEVICE_MODEL_FAILURE_LIMIT_MAX);
    }

    parser->dmdef->failure.limit = limit;
    return 0;
}


static int
xenDeviceModelParserParseCapability(xenDeviceModelParser *parser,
                                    const char *word)
{
    int cap = virDomainDeviceModelCapabilityTypeFromString(word);

    if (cap < 0) {
        g_autofree char *accepted = xenDeviceModelAccepted();
        g_autofree char *excerpt = xenDeviceModelExcerpt(word);

        return xenDeviceModelParserError(parser, word,
                                         _("unknown word '%1$s', expected one of %2$s"),
                                         excerpt, accepted);
    }

    if (virDomainDeviceModelDefHasCapability(parser->dmdef, cap)) {
        return xenDeviceModelParserError(parser, word,
                                         _("'%1$s' is given again, expected it once at most"),
                                         word);
    }

    parser->dmdef->capabilities |= 1U << cap;
    return 0;
}


static int
xenDeviceModelParserParseKey(xenDeviceModelParser *parser,
                             const char *key,
                             char *value)
{
    int (*parse)(xenDeviceModelParser *parser, char *value);
    bool given;

    if (STREQ(key, "name")) {
        parse = xenDeviceModelParserParseName;
        given = parser->dmdef->name;
    } else if (STREQ(key, "path")) {
        parse = xenDeviceModelParserParsePath;
        given = parser->dmdef->emulator;
    } else if (STREQ(key, "vifs")) {
        parse = xenDeviceModelParserParseVifs;
        given = parser->dmdef->ninterfaces > 0;
    } else if (STREQ(key, "failure")) {
        parse = xenDeviceModelParserParseFailure;
        given = parser->dmdef->failure.action != VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DEFAULT;
    } else if (STREQ(key, "limit")) {
        parse = xenDeviceModelParserParseLimit;
        given = parser->dmdef->failure.limit >= 0;
    } else {
        g_autofree char *accepted = xenDeviceModelAccepted();
        g_autofree char *excerpt = xenDeviceModelExcerpt(key);

        return xenDeviceModelParserError(parser, key,
                                         _("unknown key '%1$s=', expected one of %2$s"),
                                         excerpt, accepted);
    }

    if (given) {
        return xenDeviceModelParserError(parser, key,
                                         _("'%1$s=' is given again, expected it once at most"),
                                         key);
    }

    if (*value == '\0') {
        return xenDeviceModelParserError(parser, value,
                                         _("'%1$s=' is empty, expected a value"),
                                         key);
    }

    return parse(parser, value);
}


static int
xenDeviceModelParserParseWord(xenDeviceModelParser *parser,
                              char *word)
{
    char *value = word;
    char *key;

    if (*word == '\0') {
        g_autofree char *accepted = xenDeviceModelAccepted();

        return xenDeviceModelParserError(parser, word,
                                         _("empty word, expected one of %1$s"),
                                         accepted);
    }

    key = xenDeviceModelCut(&value, '=');

    if (!value)
        return xenDeviceModelParserParseCapability(parser, key);

    while (*value == ' ')
        value++;

    return xenDeviceModelParserParseKey(parser, key, value);
}


static int
xenDeviceModelParserParse(xenDeviceModelParser *parser)
{
    char *rest = parser->copy;

    if (xenDeviceModelParserCheckText(parser) < 0)
        return -1;

    while (rest) {
        if (xenDeviceModelParserParseWord(parser, xenDeviceModelCut(&rest, ',')) < 0)
            return -1;
    }

    if (!parser->dmdef->name) {
        return xenDeviceModelParserError(parser, parser->copy, "%s",
                                         _("the device model has no name, expected 'name='"));
    }

    return 0;
}


/* Returns the device model that item number @item, @text, describes, NULL with an
 * error reported if it is malformed. */
static virDomainDeviceModelDef *
xenDeviceModelParseItem(const virConfValue *vifs,
                        virDomainDef *def,
                        virDomainXMLOption *xmlopt,
                        size_t item,
                        const char *text)
{
    g_autoptr(virDomainDeviceModelDef) dmdef = virDomainDeviceModelDefNew();
    g_autofree char *copy = g_strdup(text);
    xenDeviceModelParser parser = {
        .vifs = vifs,
        .def = def,
        .xmlopt = xmlopt,
        .item = item,
        .text = text,
        .copy = copy,
        .dmdef = dmdef,
    };

    if (xenDeviceModelParserParse(&parser) < 0)
        return NULL;

    return g_steal_pointer(&dmdef);
}


/* How a file names the NIC; one that is named by its address may have a name that is no
 * text. */
static char *
xenDeviceModelNameVif(const virDomainNetDef *net)
{
    char mac[VIR_MAC_STRING_BUFLEN];
    g_autofree char *vif = g_utf8_make_valid(net->ifname && *net->ifname ? net->ifname :
                                             virMacAddrFormat(&net->mac, mac), -1);

    return xenDeviceModelExcerpt(vif);
}


/* With the script for Open vSwitch a bridge is one of its, which libvirt's definitions
 * say in another place. */
static void
xenDeviceModelSetPort(virDomainNetDef *net)
{
    if (net->virtPortProfile || !net->script ||
        !g_str_has_suffix(net->script, "vif-openvswitch"))
        return;

    net->virtPortProfile = g_new0(virNetDevVPortProfile, 1);
    net->virtPortProfile->virtPortType = VIR_NETDEV_VPORT_PROFILE_OPENVSWITCH;
}


/* libxl takes "xenbr0" where a file names no bridge, or has its script find one
 * (libxl__device_nic_setdefault in Xen tools/libs/light/libxl_nic.c). */
static int
xenDeviceModelCheckVif(size_t item,
                       const virDomainDeviceModelDef *dmdef,
                       virDomainNetDef *net)
{
    g_autofree char *vif = xenDeviceModelNameVif(net);

    if (net->type == VIR_DOMAIN_NET_TYPE_ETHERNET ||
        (net->type == VIR_DOMAIN_NET_TYPE_BRIDGE && !net->data.bridge.brname)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s', item %2$zu of device_models: vif '%3$s' has no bridge, expected 'bridge=' in it"),
                       dmdef->name, item, vif);
        return -1;
    }

    xenDeviceModelSetPort(net);

    if (libxlDeviceModelValidateNet(dmdef, net) < 0) {
        virLastErrorPrefixMessage(_("item %1$zu of device_models, vif '%2$s'"), item, vif);
        return -1;
    }

    return 0;
}


/* The rules that a NIC may break by itself come first, since a file does not name NICs as
 * the errors about them do.  Which is the primary is known only when all items are. */
static int
xenDeviceModelsCheckVifs(virDomainDef *def)
{
    const virDomainDeviceModelDef *primary = virDomainDeviceModelGetPrimary(def);
    size_t i;
    size_t j;

    for (i = 0; i < def->ndevicemodels; i++) {
        const virDomainDeviceModelDef *dmdef = def->devicemodels[i];

        for (j = 0; dmdef != primary && j < dmdef->ninterfaces; j++) {
            virDomainNetDef *net = virDomainDeviceModelFindNet(def, &dmdef->interfaces[j]);

            if (net && xenDeviceModelCheckVif(i + 1, dmdef, net) < 0)
                return -1;
        }
    }

    return 0;
}


/* Returns @value as it is in the file, its type where that has no spelling of
 * its own.  The caller frees it. */
static char *
xenDeviceModelValueToString(const virConfValue *value)
{
    switch (value->type) {
    case VIR_CONF_STRING:
        return g_strdup(value->str);
    case VIR_CONF_ULLONG:
    case VIR_CONF_LLONG:
        return g_strdup_printf("%lld", value->l);
    case VIR_CONF_LIST:
    case VIR_CONF_NONE:
    case VIR_CONF_LAST:
        break;
    }

    return g_strdup(virConfTypeToString(value->type));
}


/* Checks that the domain would not be less contained than @conf says, nor have its disks
 * elsewhere: libxl starts the primary as it does by default, and a secondary has IDE. */
static int
xenDeviceModelsCheckSettings(virConf *conf)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(xenDeviceModelSettings); i++) {
        const char *key = xenDeviceModelSettings[i].key;
        const char *accepted = xenDeviceModelSettings[i].accepted;
        const virConfValue *value = virConfGetValue(conf, key);
        g_autofree char *text = NULL;

        if (!value)
            continue;

        text = xenDeviceModelValueToString(value);
        if (STREQ_NULLABLE(text, accepted))
            continue;

        if (accepted) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("%1$s is '%2$s', which is not possible beside device_models, expected '%3$s' or a file without it"),
                           key, NULLSTR_EMPTY(text), accepted);
        } else {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("%1$s is not possible beside device_models, expected a file without it"),
                           key);
        }
        return -1;
    }

    return 0;
}


/**
 * xenParseXLDeviceModels:
 * @conf: content of an xl.cfg file
 * @def: domain definition with all that @conf says of the domain otherwise
 * @xmlopt: options of the driver, for generated MAC addresses
 *
 * Add the device models of @conf to @def, and check them as those of a domain
 * that is defined by XML.  A device model refers to its NICs by MAC address; a
 * NIC that has none gets one.
 *
 * Returns 0, or -1 with VIR_ERR_CONF_SYNTAX that says where @conf is malformed, or
 * with VIR_ERR_CONFIG_UNSUPPORTED of the rule that the device models break, or of
 * what @conf says about how the domain is contained, or about its disk controller, which
 * would be lost.
 */
int
xenParseXLDeviceModels(virConf *conf,
                       virDomainDef *def,
                       virDomainXMLOption *xmlopt)
{
    virConfValue *value = virConfGetValue(conf, XEN_DEVICE_MODELS_KEY);
    const virConfValue *vifs = virConfGetValue(conf, "vif");
    size_t item = 1;

    if (!value)
        return 0;

    if (value->type != VIR_CONF_LIST) {
        virReportError(VIR_ERR_CONF_SYNTAX,
                       _("device_models has the type '%1$s', expected a list of strings"),
                       virConfTypeToString(value->type));
        return -1;
    }

    if (value->list && xenDeviceModelsCheckSettings(conf) < 0)
        return -1;

    for (value = value->list; value; value = value->next, item++) {
        virDomainDeviceModelDef *dmdef;

        if (value->type != VIR_CONF_STRING) {
            virReportError(VIR_ERR_CONF_SYNTAX,
                           _("item %1$zu of device_models has the type '%2$s', expected a string"),
                           item, virConfTypeToString(value->type));
            return -1;
        }

        if (!(dmdef = xenDeviceModelParseItem(vifs ? vifs->list : NULL,
                                              def, xmlopt, item, value->str)))
            return -1;

        VIR_APPEND_ELEMENT(def->devicemodels, def->ndevicemodels, dmdef);
    }

    if (xenDeviceModelsCheckVifs(def) < 0)
        return -1;

    return libxlDeviceModelsValidate(def);
}


/* Whether @text, which is not empty, would be read back as the same value. */
static bool
xenDeviceModelIsRepresentable(const char *text)
{
    return *text != ' ' &&
        !g_str_has_suffix(text, " ") &&
        g_utf8_validate(text, -1, NULL) &&
        !xenDeviceModelFindForbidden(text, ",;" XEN_DEVICE_MODEL_FORBIDDEN);
}


static int
xenDeviceModelFormatPath(virBuffer *buf,
                         const virDomainDeviceModelDef *dmdef)
{
    if (!dmdef->emulator)
        return 0;

    if (!xenDeviceModelIsRepresentable(dmdef->emulator)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': emulator '%2$s' cannot be expressed in the xen-xl format, expected a path without ',', ';', quotes, backslashes, unprintable characters, and blanks at its ends"),
                       dmdef->name, dmdef->emulator);
        return -1;
    }

    virBufferAsprintf(buf, ",path=%s", dmdef->emulator);
    return 0;
}


/* Whether @vif names @net and no other NIC of @def. */
static bool
xenDeviceModelVifIsOnly(const virDomainDef *def,
                        const char *vif,
                        const virDomainNetDef *net)
{
    size_t count;

    return xenDeviceModelFindVif(def, vif, &count) == net && count == 1;
}


static int
xenDeviceModelFormatVif(virBuffer *buf,
                        const virDomainDef *def,
                        const virDomainDeviceModelDef *dmdef,
                        const virDomainDeviceModelInterface *ref)
{
    const virDomainNetDef *net = virDomainDeviceModelFindNet(def, ref);
    char mac[VIR_MAC_STRING_BUFLEN];
    const char *vif;

    if (!net) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s' refers to an interface that the domain does not have"),
                       dmdef->name);
        return -1;
    }

    virMacAddrFormat(&net->mac, mac);

    /* xl would plug it into a bridge that nobody has named */
    if (net->type == VIR_DOMAIN_NET_TYPE_ETHERNET &&
        dmdef != virDomainDeviceModelGetPrimary(def)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' of type 'ethernet' cannot be expressed in the xen-xl format, expected one of type 'bridge' or 'network' in a secondary"),
                       dmdef->name, mac);
        return -1;
    }

    vif = net->ifname && *net->ifname ? net->ifname : mac;

    /* a file can give several NICs one vifname, and name them by address */
    if (xenDeviceModelIsRepresentable(vif) && !xenDeviceModelVifIsOnly(def, vif, net))
        vif = mac;

    if (!xenDeviceModelIsRepresentable(vif) ||
        !xenDeviceModelVifIsOnly(def, vif, net)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' cannot be expressed in the xen-xl format by '%3$s', expected a target device without ',', ';', quotes, backslashes, blanks at its ends, that only one interface has"),
                       dmdef->name, mac, vif);
        return -1;
    }

    if (xenDeviceModelCountMac(def, &net->mac) > 1) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s': interface '%2$s' cannot be expressed in the xen-xl format, expected a MAC address that only one interface has"),
                       dmdef->name, mac);
        return -1;
    }

    virBufferAdd(buf, vif, -1);
    return 0;
}


/* Returns the item that describes @dmdef, NULL with an error reported if none
 * could.  The caller frees it. */
static char *
xenDeviceModelFormatItem(const virDomainDef *def,
                         const virDomainDeviceModelDef *dmdef)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    size_t i;

    virBufferAsprintf(&buf, "name=%s", dmdef->name);

    if (xenDeviceModelFormatPath(&buf, dmdef) < 0)
        return NULL;

    for (i = 0; i < dmdef->ninterfaces; i++) {
        virBufferAdd(&buf, i == 0 ? ",vifs=" : ";", -1);

        if (xenDeviceModelFormatVif(&buf, def, dmdef, &dmdef->interfaces[i]) < 0)
            return NULL;
    }

    for (i = 0; i < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; i++) {
        if (virDomainDeviceModelDefHasCapability(dmdef, i))
            virBufferAsprintf(&buf, ",%s", virDomainDeviceModelCapabilityTypeToString(i));
    }

    if (dmdef->failure.action != VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DEFAULT) {
        virBufferAsprintf(&buf, ",failure=%s",
                          virDomainDeviceModelFailureActionTypeToString(dmdef->failure.action));
    }

    if (dmdef->failure.limit >= 0)
        virBufferAsprintf(&buf, ",limit=%d", dmdef->failure.limit);

    if (virBufferUse(&buf) > XEN_DEVICE_MODEL_ITEM_MAX) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("device model '%1$s' needs %2$zu bytes in the xen-xl format, expected %3$d at most"),
                       dmdef->name, virBufferUse(&buf), XEN_DEVICE_MODEL_ITEM_MAX);
        return NULL;
    }

    return virBufferContentAndReset(&buf);
}


/**
 * xenFormatXLDeviceModels:
 * @conf: content of an xl.cfg file
 * @def: domain definition that has been validated
 *
 * Add the device models of @def to @conf, so that xenParseXLDeviceModels() would
 * yield the same ones.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED that names the device model and
 * the value that the format can't express.
 */
int
xenFormatXLDeviceModels(virConf *conf,
                        const virDomainDef *def)
{
    g_autoptr(virConfValue) list = NULL;
    virConfValue **next;
    size_t i;

    if (def->ndevicemodels == 0)
        return 0;

    list = g_new0(virConfValue, 1);
    list->type = VIR_CONF_LIST;
    next = &list->list;

    for (i = 0; i < def->ndevicemodels; i++) {
        char *item;

        if (!(item = xenDeviceModelFormatItem(def, def->devicemodels[i])))
            return -1;

        *next = g_new0(virConfValue, 1);
        (*next)->type = VIR_CONF_STRING;
        (*next)->str = item;
        next = &(*next)->next;
    }

    return virConfSetValue(conf, XEN_DEVICE_MODELS_KEY, &list);
}


/**
 * xenParseXMDeviceModels:
 * @conf: content of a file in the older xm format
 *
 * Check that @conf has no device models.  xm never had them, and a domain with
 * fewer of them than its file asks for would be less contained than it seems.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED.
 */
int
xenParseXMDeviceModels(virConf *conf)
{
    if (!virConfGetValue(conf, XEN_DEVICE_MODELS_KEY))
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                   _("device_models is not supported in the xen-xm format, expected the xen-xl format"));
    return -1;
}


/**
 * xenFormatXMDeviceModels:
 * @def: domain definition
 *
 * Check that @def can be written in the xm format, which has no word for device
 * models.
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED that names a device model.
 */
int
xenFormatXMDeviceModels(const virDomainDef *def)
{
    if (def->ndevicemodels == 0)
        return 0;

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("device model '%1$s' cannot be expressed in the xen-xm format, expected the xen-xl format"),
                   def->devicemodels[0]->name);
    return -1;
}
