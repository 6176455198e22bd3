/*
 * libxl_devicemodel_quote.c: what a secondary says, fit for people's eyes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Errors and logs quote secondaries, whose words may be those of an intruder, or
 * of who made an image.  They are read on terminals, which obey control
 * characters, and by clients that take every message for UTF-8.
 */

#include <config.h>

#include "libxl_devicemodel_quote.h"

/* The longest quote, in bytes before they are escaped. */
#define LIBXL_DEVICE_MODEL_QUOTE_MAX 200


/**
 * libxlDeviceModelQuote:
 * @text: what a secondary said
 *
 * Returns the begin of @text on one line, with all that is not printable ASCII
 * escaped.  The caller frees it.
 */
char *
libxlDeviceModelQuote(const char *text)
{
    g_autofree char *head = g_strndup(text, LIBXL_DEVICE_MODEL_QUOTE_MAX);
    g_autofree char *escaped = g_strescape(head, "\"");
    bool cut = strlen(text) > LIBXL_DEVICE_MODEL_QUOTE_MAX;

    return g_strconcat(escaped, cut ? "..." : NULL, NULL);
}


/**
 * libxlDeviceModelQuoteLines:
 * @text: lines that a secondary said
 *
 * Returns @text with all escaped that is neither printable ASCII nor the end of a
 * line.  The caller frees it.
 */
char *
libxlDeviceModelQuoteLines(const char *text)
{
    return g_strescape(text, "\"\n");
}
