/*
 * libxl_devicemodel_scope_claims.c: what a secondary device model may touch
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Parses the claims that the driver hands to the scope library and decides,
 * for each call of the emulator, whether it falls within them.
 */

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libxl_devicemodel_scope_claims.h"

#define LIBXL_DEVICE_MODEL_SCOPE_FD_MIN 3

#define LIBXL_DEVICE_MODEL_SCOPE_LITERAL(number) #number
#define LIBXL_DEVICE_MODEL_SCOPE_STRING(constant) LIBXL_DEVICE_MODEL_SCOPE_LITERAL(constant)


/**
 * libxlDeviceModelScopeRangesReserve:
 *
 * Make room for one more range, so that the next
 * libxlDeviceModelScopeRangesAdd() can't fail.
 *
 * Returns false when there is no memory.
 */
bool
libxlDeviceModelScopeRangesReserve(libxlDeviceModelScopeRanges *ranges)
{
    libxlDeviceModelScopeRange *items;
    size_t nalloc = ranges->nalloc ? ranges->nalloc * 2 : 16;

    if (ranges->nitems < ranges->nalloc)
        return true;

    if (!(items = realloc(ranges->items, nalloc * sizeof(*items))))
        return false;

    ranges->items = items;
    ranges->nalloc = nalloc;
    return true;
}


/**
 * libxlDeviceModelScopeRangesAdd:
 *
 * Append @first to @last, inclusive.  Returns false when there is no memory.
 */
bool
libxlDeviceModelScopeRangesAdd(libxlDeviceModelScopeRanges *ranges,
                               uint64_t first,
                               uint64_t last)
{
    if (!libxlDeviceModelScopeRangesReserve(ranges))
        return false;

    ranges->items[ranges->nitems].first = first;
    ranges->items[ranges->nitems].last = last;
    ranges->nitems++;
    return true;
}


/**
 * libxlDeviceModelScopeRangesFind:
 *
 * Returns whether exactly this range is in @ranges.
 */
bool
libxlDeviceModelScopeRangesFind(const libxlDeviceModelScopeRanges *ranges,
                                uint64_t first,
                                uint64_t last)
{
    size_t i;

    for (i = 0; i < ranges->nitems; i++) {
        if (ranges->items[i].first == first && ranges->items[i].last == last)
            return true;
    }

    return false;
}


/**
 * libxlDeviceModelScopeRangesRemove:
 *
 * Take out the first range that is exactly this one, if there is any.
 */
void
libxlDeviceModelScopeRangesRemove(libxlDeviceModelScopeRanges *ranges,
                                  uint64_t first,
                                  uint64_t last)
{
    size_t i;

    for (i = 0; i < ranges->nitems; i++) {
        if (ranges->items[i].first == first && ranges->items[i].last == last) {
            ranges->items[i] = ranges->items[--ranges->nitems];
            return;
        }
    }
}


/**
 * libxlDeviceModelScopeRangesClear:
 *
 * Release what @ranges holds and leave it empty.
 */
void
libxlDeviceModelScopeRangesClear(libxlDeviceModelScopeRanges *ranges)
{
    free(ranges->items);
    memset(ranges, 0, sizeof(*ranges));
}


static bool
libxlDeviceModelScopeRangesContain(const libxlDeviceModelScopeRanges *ranges,
                                   uint64_t first,
                                   uint64_t last)
{
    size_t i;

    for (i = 0; i < ranges->nitems; i++) {
        if (first >= ranges->items[i].first && last <= ranges->items[i].last)
            return true;
    }

    return false;
}


static bool
libxlDeviceModelScopeRangesOverlap(const libxlDeviceModelScopeRanges *ranges,
                                   uint64_t first,
                                   uint64_t last)
{
    size_t i;

    for (i = 0; i < ranges->nitems; i++) {
        if (first <= ranges->items[i].last && last >= ranges->items[i].first)
            return true;
    }

    return false;
}


static int
libxlDeviceModelScopeParseDigit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}


/* Decimal, or hexadecimal after "0x".  Not strtoull(): it takes blanks, signs
 * and octal numbers, and a claim that can be read in two ways is no claim. */
static bool
libxlDeviceModelScopeParseNumber(const char *str,
                                 const char *end,
                                 uint64_t max,
                                 uint64_t *value)
{
    uint64_t base = 10;

    if (end - str > 2 && str[0] == '0' && str[1] == 'x') {
        base = 16;
        str += 2;
    } else if (end - str > 1 && str[0] == '0') {
        return false;
    }

    if (str == end)
        return false;

    for (*value = 0; str < end; str++) {
        int digit = libxlDeviceModelScopeParseDigit(*str);

        if (digit < 0 || (uint64_t)digit >= base || (uint64_t)digit > max ||
            *value > (max - digit) / base)
            return false;

        *value = *value * base + digit;
    }

    return true;
}


typedef enum {
    LIBXL_DEVICE_MODEL_SCOPE_KEY_DOMID = 0,
    LIBXL_DEVICE_MODEL_SCOPE_KEY_ID,
    LIBXL_DEVICE_MODEL_SCOPE_KEY_FD,
    LIBXL_DEVICE_MODEL_SCOPE_KEY_PCI,
    LIBXL_DEVICE_MODEL_SCOPE_KEY_PIO,
    LIBXL_DEVICE_MODEL_SCOPE_KEY_MMIO,
    LIBXL_DEVICE_MODEL_SCOPE_KEY_IRQ,
    LIBXL_DEVICE_MODEL_SCOPE_KEY_DEBUG,
    LIBXL_DEVICE_MODEL_SCOPE_KEY_FILE,
    LIBXL_DEVICE_MODEL_SCOPE_KEY_REGISTERS,

    LIBXL_DEVICE_MODEL_SCOPE_KEY_LAST
} libxlDeviceModelScopeKey;

typedef enum {
    LIBXL_DEVICE_MODEL_SCOPE_VALUE_NUMBER = 0, /* one number, required */
    LIBXL_DEVICE_MODEL_SCOPE_VALUE_OPTION, /* one number */
    LIBXL_DEVICE_MODEL_SCOPE_VALUE_OPTIONS, /* numbers */
    LIBXL_DEVICE_MODEL_SCOPE_VALUE_NUMBERS, /* claims by number */
    LIBXL_DEVICE_MODEL_SCOPE_VALUE_RANGES, /* claims by FIRST-LAST */
} libxlDeviceModelScopeValue;

static const struct {
    const char *name;
    libxlDeviceModelScopeValue type;
    uint64_t min;
    uint64_t max;
    const char *what;
} libxlDeviceModelScopeKeys[] = {
    [LIBXL_DEVICE_MODEL_SCOPE_KEY_DOMID] =
        { LIBXL_DEVICE_MODEL_SCOPE_DOMID, LIBXL_DEVICE_MODEL_SCOPE_VALUE_NUMBER,
          1, LIBXL_DEVICE_MODEL_DOMIDS - 1,
          "a domain id" },
    [LIBXL_DEVICE_MODEL_SCOPE_KEY_ID] =
        { LIBXL_DEVICE_MODEL_SCOPE_ID, LIBXL_DEVICE_MODEL_SCOPE_VALUE_NUMBER,
          1, LIBXL_DEVICE_MODEL_IDS - 1,
          "a secondary's id" },
    [LIBXL_DEVICE_MODEL_SCOPE_KEY_FD] =
        { LIBXL_DEVICE_MODEL_SCOPE_FD, LIBXL_DEVICE_MODEL_SCOPE_VALUE_NUMBER,
          LIBXL_DEVICE_MODEL_SCOPE_FD_MIN, INT_MAX,
          "a file descriptor" },
    [LIBXL_DEVICE_MODEL_SCOPE_KEY_PCI] =
        { LIBXL_DEVICE_MODEL_SCOPE_PCI, LIBXL_DEVICE_MODEL_SCOPE_VALUE_NUMBERS,
          0, LIBXL_DEVICE_MODEL_SCOPE_NPCI - 1,
          "PCI functions as slot * 8 + function" },
    [LIBXL_DEVICE_MODEL_SCOPE_KEY_PIO] =
        { LIBXL_DEVICE_MODEL_SCOPE_PIO, LIBXL_DEVICE_MODEL_SCOPE_VALUE_RANGES,
          0, UINT16_MAX,
          "port ranges FIRST-LAST" },
    [LIBXL_DEVICE_MODEL_SCOPE_KEY_MMIO] =
        { LIBXL_DEVICE_MODEL_SCOPE_MMIO, LIBXL_DEVICE_MODEL_SCOPE_VALUE_RANGES,
          0, UINT64_MAX,
          "memory ranges FIRST-LAST" },
    [LIBXL_DEVICE_MODEL_SCOPE_KEY_IRQ] =
        { LIBXL_DEVICE_MODEL_SCOPE_IRQ, LIBXL_DEVICE_MODEL_SCOPE_VALUE_NUMBERS,
          0, LIBXL_DEVICE_MODEL_SCOPE_NIRQ - 1,
          "ISA interrupt lines" },
    [LIBXL_DEVICE_MODEL_SCOPE_KEY_DEBUG] =
        { LIBXL_DEVICE_MODEL_SCOPE_DEBUG, LIBXL_DEVICE_MODEL_SCOPE_VALUE_OPTION,
          0, 1,
          "a switch" },
    [LIBXL_DEVICE_MODEL_SCOPE_KEY_FILE] =
        { LIBXL_DEVICE_MODEL_SCOPE_FILE, LIBXL_DEVICE_MODEL_SCOPE_VALUE_OPTIONS,
          LIBXL_DEVICE_MODEL_SCOPE_FD_MIN, INT_MAX,
          "up to " LIBXL_DEVICE_MODEL_SCOPE_STRING(LIBXL_DEVICE_MODEL_SCOPE_NFILE) " file descriptors" },
    [LIBXL_DEVICE_MODEL_SCOPE_KEY_REGISTERS] =
        { LIBXL_DEVICE_MODEL_SCOPE_REGISTERS, LIBXL_DEVICE_MODEL_SCOPE_VALUE_OPTION,
          LIBXL_DEVICE_MODEL_SCOPE_FD_MIN, INT_MAX,
          "a file descriptor" },
};


static bool
libxlDeviceModelScopeStore(libxlDeviceModelScopeClaims *claims,
                           libxlDeviceModelScopeKey key,
                           uint64_t first,
                           uint64_t last)
{
    switch (key) {
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_DOMID:
        claims->domid = first;
        break;
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_ID:
        claims->id = first;
        break;
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_FD:
        claims->fd = first;
        break;
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_DEBUG:
        claims->debug = first;
        break;
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_REGISTERS:
        claims->registers = first;
        break;
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_PCI:
        claims->pci[first] = true;
        claims->npci++;
        break;
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_IRQ:
        claims->irq[first] = true;
        break;
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_FILE:
        if (claims->nfiles == LIBXL_DEVICE_MODEL_SCOPE_NFILE)
            return false;
        claims->files[claims->nfiles++] = first;
        break;
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_PIO:
        return libxlDeviceModelScopeRangesAdd(&claims->ranges[LIBXL_DEVICE_MODEL_SCOPE_SPACE_PIO],
                                              first, last);
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_MMIO:
        return libxlDeviceModelScopeRangesAdd(&claims->ranges[LIBXL_DEVICE_MODEL_SCOPE_SPACE_MMIO],
                                              first, last);
    case LIBXL_DEVICE_MODEL_SCOPE_KEY_LAST:
        return false;
    }

    return true;
}


/* Write into @accepted what a value of @key can be. */
static void
libxlDeviceModelScopeFormatAccepted(libxlDeviceModelScopeKey key,
                                    char *accepted,
                                    size_t acceptedlen)
{
    libxlDeviceModelScopeValue type = libxlDeviceModelScopeKeys[key].type;
    const char *what = libxlDeviceModelScopeKeys[key].what;
    const char *list = type < LIBXL_DEVICE_MODEL_SCOPE_VALUE_OPTIONS ? "" : ", comma-separated";
    unsigned long long min = libxlDeviceModelScopeKeys[key].min;
    unsigned long long max = libxlDeviceModelScopeKeys[key].max;

    if (type == LIBXL_DEVICE_MODEL_SCOPE_VALUE_RANGES)
        snprintf(accepted, acceptedlen, "%s up to 0x%llx%s", what, max, list);
    else if (max == INT_MAX)
        snprintf(accepted, acceptedlen, "%s, at least %llu%s", what, min, list);
    else
        snprintf(accepted, acceptedlen, "%s, %llu to %llu%s", what, min, max, list);
}


/* Parse one number or range of the value of @key, and keep it. */
static bool
libxlDeviceModelScopeParseItem(libxlDeviceModelScopeClaims *claims,
                               libxlDeviceModelScopeKey key,
                               const char *str,
                               const char *end)
{
    uint64_t min = libxlDeviceModelScopeKeys[key].min;
    uint64_t max = libxlDeviceModelScopeKeys[key].max;
    uint64_t first;
    uint64_t last;

    if (libxlDeviceModelScopeKeys[key].type == LIBXL_DEVICE_MODEL_SCOPE_VALUE_RANGES) {
        const char *dash = memchr(str, '-', end - str);

        if (!dash ||
            !libxlDeviceModelScopeParseNumber(str, dash, max, &first) ||
            !libxlDeviceModelScopeParseNumber(dash + 1, end, max, &last) ||
            first > last)
            return false;
    } else {
        if (!libxlDeviceModelScopeParseNumber(str, end, max, &first) ||
            first < min)
            return false;

        last = first;
    }

    return libxlDeviceModelScopeStore(claims, key, first, last);
}


static bool
libxlDeviceModelScopeParseValue(libxlDeviceModelScopeClaims *claims,
                                libxlDeviceModelScopeKey key,
                                const char *str,
                                const char *end)
{
    libxlDeviceModelScopeValue type = libxlDeviceModelScopeKeys[key].type;

    if (type < LIBXL_DEVICE_MODEL_SCOPE_VALUE_OPTIONS)
        return libxlDeviceModelScopeParseItem(claims, key, str, end);

    for (;;) {
        const char *comma = memchr(str, ',', end - str);

        if (!libxlDeviceModelScopeParseItem(claims, key, str, comma ? comma : end))
            return false;

        if (type >= LIBXL_DEVICE_MODEL_SCOPE_VALUE_NUMBERS)
            claims->nclaims++;

        if (!comma)
            return true;

        str = comma + 1;
    }
}


/* Parse one "key=value" from @str up to @end, noting the key in @seen. */
static bool
libxlDeviceModelScopeParseKey(libxlDeviceModelScopeClaims *claims,
                              const char *str,
                              const char *end,
                              unsigned int *seen,
                              char *error,
                              size_t errorlen)
{
    const char *equal = memchr(str, '=', end - str);
    char accepted[128];
    size_t i;

    for (i = 0; equal && i < LIBXL_DEVICE_MODEL_SCOPE_KEY_LAST; i++) {
        const char *name = libxlDeviceModelScopeKeys[i].name;

        if (strlen(name) != (size_t)(equal - str) ||
            memcmp(name, str, equal - str) != 0)
            continue;

        if (*seen & (1U << i)) {
            snprintf(error, errorlen, "'%s' is given twice, once is accepted",
                     name);
            return false;
        }

        *seen |= 1U << i;

        if (!libxlDeviceModelScopeParseValue(claims, i, equal + 1, end)) {
            libxlDeviceModelScopeFormatAccepted(i, accepted, sizeof(accepted));
            snprintf(error, errorlen, "'%.*s' is malformed, accepted: %s",
                     (int)(end - str), str, accepted);
            return false;
        }

        return true;
    }

    snprintf(error, errorlen,
             "'%.*s' is unknown, accepted: domid=, id=, fd=, pci=, pio=, mmio=, irq=, debug=, file=, registers=",
             (int)(end - str), str);
    return false;
}


static bool
libxlDeviceModelScopeClaimsCheck(const libxlDeviceModelScopeClaims *claims,
                                 unsigned int seen,
                                 char *error,
                                 size_t errorlen)
{
    char accepted[128];
    size_t i;

    for (i = 0; i < LIBXL_DEVICE_MODEL_SCOPE_KEY_LAST; i++) {
        if (libxlDeviceModelScopeKeys[i].type == LIBXL_DEVICE_MODEL_SCOPE_VALUE_NUMBER &&
            !(seen & (1U << i))) {
            libxlDeviceModelScopeFormatAccepted(i, accepted, sizeof(accepted));
            snprintf(error, errorlen, "'%s' is missing, accepted: %s",
                     libxlDeviceModelScopeKeys[i].name, accepted);
            return false;
        }
    }

    if (claims->nclaims == 0) {
        snprintf(error, errorlen,
                 "nothing is claimed, at least one of pci, pio, mmio and irq is needed");
        return false;
    }

    return true;
}


/**
 * libxlDeviceModelScopeClaimsParse:
 * @str: the claims as the driver hands them over
 * @claims: filled in; the caller clears it in any case
 * @error: on failure what is wrong, and what would be accepted
 * @errorlen: size of @error
 *
 * Parse semicolon-separated "key=value" pairs, each key once, in any order:
 * domid, id and fd, at least one of pci, pio, mmio and irq, and what else there
 * is to say (debug, file, registers).  Parsing goes on
 * past the first error so that @claims->fd is known if at all possible: the
 * driver is then told about the error.
 *
 * Returns true on success.
 */
bool
libxlDeviceModelScopeClaimsParse(const char *str,
                                 libxlDeviceModelScopeClaims *claims,
                                 char *error,
                                 size_t errorlen)
{
    char ignored[1];
    unsigned int seen = 0;
    bool ok = true;

    memset(claims, 0, sizeof(*claims));
    claims->fd = -1;
    claims->registers = -1;

    for (;;) {
        size_t len = strcspn(str, ";");

        if (!libxlDeviceModelScopeParseKey(claims, str, str + len, &seen,
                                           ok ? error : ignored,
                                           ok ? errorlen : sizeof(ignored)))
            ok = false;

        if (!str[len])
            break;

        str += len + 1;
    }

    return ok && libxlDeviceModelScopeClaimsCheck(claims, seen, error, errorlen);
}


/**
 * libxlDeviceModelScopeClaimsClear:
 *
 * Release what @claims holds and leave it without any claim.
 */
void
libxlDeviceModelScopeClaimsClear(libxlDeviceModelScopeClaims *claims)
{
    size_t i;

    for (i = 0; i < LIBXL_DEVICE_MODEL_SCOPE_SPACE_LAST; i++)
        libxlDeviceModelScopeRangesClear(&claims->ranges[i]);

    memset(claims, 0, sizeof(*claims));
    claims->fd = -1;
    claims->registers = -1;
}


/**
 * libxlDeviceModelScopeBoardAdd:
 *
 * Record that the board registered this range.  Without memory to do so the
 * board is marked incomplete, and from then on nothing is taken for a BAR.
 */
void
libxlDeviceModelScopeBoardAdd(libxlDeviceModelScopeBoard *board,
                              libxlDeviceModelScopeSpace space,
                              uint64_t first,
                              uint64_t last)
{
    libxlDeviceModelScopeRanges *ranges = &board->ranges[space];

    if (!libxlDeviceModelScopeRangesFind(ranges, first, last) &&
        !libxlDeviceModelScopeRangesAdd(ranges, first, last))
        board->incomplete = true;
}


/**
 * libxlDeviceModelScopeBoardIsEmpty:
 *
 * Returns whether the board has not registered anything yet.
 */
bool
libxlDeviceModelScopeBoardIsEmpty(const libxlDeviceModelScopeBoard *board)
{
    return !board->incomplete &&
           !board->ranges[LIBXL_DEVICE_MODEL_SCOPE_SPACE_PIO].nitems &&
           !board->ranges[LIBXL_DEVICE_MODEL_SCOPE_SPACE_MMIO].nitems;
}


/**
 * libxlDeviceModelScopeDecideRange:
 * @claims: the claims
 * @board: what the board has registered so far
 * @space: ports or memory
 * @first: the first address
 * @last: the last one, inclusive
 *
 * Decide about the registration of a range.  A claimed range, or a part of one, is
 * passed on at any time.  Anything else is the board's as long as the board is not
 * sealed, and so is what overlaps the board's ranges afterwards.  What remains is a
 * BAR: Xen sends PCI configuration writes for the claimed functions only
 * (xen/common/ioreq.c, ioreq_server_select()), so no BAR of another function is ever
 * placed.
 *
 * Returns whether the registration is passed on to Xen or dropped, and why.
 */
libxlDeviceModelScopeVerdict
libxlDeviceModelScopeDecideRange(const libxlDeviceModelScopeClaims *claims,
                                 const libxlDeviceModelScopeBoard *board,
                                 libxlDeviceModelScopeSpace space,
                                 uint64_t first,
                                 uint64_t last)
{
    if (first > last)
        return LIBXL_DEVICE_MODEL_SCOPE_UNCLAIMED;

    if (libxlDeviceModelScopeRangesContain(&claims->ranges[space], first, last))
        return LIBXL_DEVICE_MODEL_SCOPE_CLAIMED;

    if (!board->sealed || board->incomplete ||
        libxlDeviceModelScopeRangesOverlap(&board->ranges[space], first, last))
        return LIBXL_DEVICE_MODEL_SCOPE_BOARD;

    if (claims->npci == 0)
        return LIBXL_DEVICE_MODEL_SCOPE_UNCLAIMED;

    return LIBXL_DEVICE_MODEL_SCOPE_BAR;
}


/**
 * libxlDeviceModelScopeDecidePCI:
 *
 * Returns whether the PCI function is claimed.  Only bus 0 has any.
 */
bool
libxlDeviceModelScopeDecidePCI(const libxlDeviceModelScopeClaims *claims,
                               unsigned int segment,
                               unsigned int bus,
                               unsigned int slot,
                               unsigned int function)
{
    return segment == 0 && bus == 0 && slot < 32 && function < 8 &&
           claims->pci[slot * 8 + function];
}


/**
 * libxlDeviceModelScopeDecideINTx:
 *
 * Returns whether any function in the slot is claimed: a pin is known to Xen by
 * its slot alone.
 */
bool
libxlDeviceModelScopeDecideINTx(const libxlDeviceModelScopeClaims *claims,
                                unsigned int segment,
                                unsigned int bus,
                                unsigned int slot)
{
    unsigned int function;

    for (function = 0; function < 8; function++) {
        if (libxlDeviceModelScopeDecidePCI(claims, segment, bus, slot, function))
            return true;
    }

    return false;
}


/**
 * libxlDeviceModelScopeDecideIRQ:
 *
 * Returns whether the ISA interrupt line is claimed.
 */
bool
libxlDeviceModelScopeDecideIRQ(const libxlDeviceModelScopeClaims *claims,
                               unsigned int irq)
{
    return irq < LIBXL_DEVICE_MODEL_SCOPE_NIRQ && claims->irq[irq];
}


/**
 * libxlDeviceModelScopeDecideFile:
 *
 * Returns the file descriptor that @path, of the form /dev/fd/N, stands for, or
 * -1 where the driver has not handed over such a file.
 */
int
libxlDeviceModelScopeDecideFile(const libxlDeviceModelScopeClaims *claims,
                                const char *path)
{
    static const char folder[] = "/dev/fd/";
    uint64_t fd;
    size_t i;

    if (strncmp(path, folder, strlen(folder)) != 0)
        return -1;

    path += strlen(folder);
    if (!libxlDeviceModelScopeParseNumber(path, path + strlen(path), INT_MAX, &fd))
        return -1;

    for (i = 0; i < claims->nfiles; i++) {
        if ((uint64_t)claims->files[i] == fd)
            return claims->files[i];
    }

    return -1;
}


/* Returns what follows @prefix in @path when @path is it or lies below it. */
static const char *
libxlDeviceModelScopePathBelow(const char *path,
                               const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncmp(path, prefix, len) != 0 || (path[len] && path[len] != '/'))
        return NULL;

    return path + len;
}


/* The absolute form of @path, without doubled or trailing slashes.  A relative
 * path is relative to the caller's domain, and a device model runs in dom0. */
static char *
libxlDeviceModelScopePathAbsolute(const char *path)
{
    const char *home = path[0] == '/' ? "" : "/local/domain/0/";
    char *absolute = NULL;
    char *in;
    char *out;

    if (asprintf(&absolute, "%s%s", home, path) < 0)
        return NULL;

    for (in = out = absolute; *in; in++) {
        if (*in != '/' || (in[1] && in[1] != '/'))
            *out++ = *in;
    }
    *out = '\0';

    return absolute;
}


/* Decide about @absolute; for a redirection, @rest is set to what follows the
 * folder of the domain's device model. */
static libxlDeviceModelScopePath
libxlDeviceModelScopePathClassify(const libxlDeviceModelScopeClaims *claims,
                                  const char *absolute,
                                  bool modify,
                                  const char **rest)
{
    char folder[80];
    const char *below;

    snprintf(folder, sizeof(folder), "/local/domain/0/device-model/%u",
             claims->domid);
    if ((*rest = libxlDeviceModelScopePathBelow(absolute, folder)))
        return LIBXL_DEVICE_MODEL_SCOPE_PATH_REDIRECT;

    snprintf(folder, sizeof(folder), "/local/domain/0/dms/%u/%u",
             claims->domid, claims->id);
    if (libxlDeviceModelScopePathBelow(absolute, folder))
        return LIBXL_DEVICE_MODEL_SCOPE_PATH_PASS;

    if ((below = libxlDeviceModelScopePathBelow(absolute, "/local/domain")) &&
        *below) {
        below += 1 + strcspn(below + 1, "/");

        if (libxlDeviceModelScopePathBelow(below, "/backend"))
            return LIBXL_DEVICE_MODEL_SCOPE_PATH_HIDDEN;
        if (libxlDeviceModelScopePathBelow(below, "/device-model"))
            return LIBXL_DEVICE_MODEL_SCOPE_PATH_REFUSED;
    }

    return modify ? LIBXL_DEVICE_MODEL_SCOPE_PATH_REFUSED :
                    LIBXL_DEVICE_MODEL_SCOPE_PATH_PASS;
}


/**
 * libxlDeviceModelScopeDecidePath:
 * @claims: the claims
 * @path: a xenstore path, absolute or relative to dom0's folder
 * @modify: whether the call would change the store
 * @redirected: for a redirection the path to use instead, owned by the caller;
 *              NULL otherwise
 *
 * Backend folders of any domain are hidden: a secondary serves none.  The folder
 * of the domain's device model becomes that of this one; those of other domains
 * are refused.  Nothing else may be changed.
 *
 * Returns what is done with the call, which is refused, too, where there is no memory to
 * decide.
 */
libxlDeviceModelScopePath
libxlDeviceModelScopeDecidePath(const libxlDeviceModelScopeClaims *claims,
                                const char *path,
                                bool modify,
                                char **redirected)
{
    libxlDeviceModelScopePath verdict;
    const char *rest = NULL;
    char *absolute;

    *redirected = NULL;

    if (!path || !(absolute = libxlDeviceModelScopePathAbsolute(path)))
        return LIBXL_DEVICE_MODEL_SCOPE_PATH_REFUSED;

    verdict = libxlDeviceModelScopePathClassify(claims, absolute, modify, &rest);

    if (verdict == LIBXL_DEVICE_MODEL_SCOPE_PATH_REDIRECT &&
        asprintf(redirected, "/local/domain/0/dms/%u/%u%s",
                 claims->domid, claims->id, rest) < 0) {
        *redirected = NULL;
        verdict = LIBXL_DEVICE_MODEL_SCOPE_PATH_REFUSED;
    }

    free(absolute);
    return verdict;
}
