/*
 * libxl_devicemodel_quote.h: what a secondary says, fit for people's eyes
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "internal.h"

char *
libxlDeviceModelQuote(const char *text);

char *
libxlDeviceModelQuoteLines(const char *text);
