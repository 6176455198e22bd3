/*
 * fuzzutils.h: what the fuzzers have in common
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A fuzzer is a function that is given one input and returns, or ends the
 * process where the code under test broke a promise.  libFuzzer calls it with
 * inputs that it makes up, fuzzreplay.c with those of a corpus.
 */

#pragma once

#include "domain_conf.h"
#include "libxl/libxl_conf.h"

/* The names are libFuzzer's. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, with the text and libvirt's last error, unless @condition
 * holds. */
#define FUZZ_CHECK(condition, ...) \
    do { \
        if (!(condition)) \
            fuzzFail(#condition, __VA_ARGS__); \
    } while (0)

void fuzzFail(const char *condition, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3) G_NORETURN;

libxlDriverPrivate *fuzzDriver(void);
virCaps *fuzzCaps(void);
virDomainXMLOption *fuzzXMLOption(void);

char *fuzzInputToString(const uint8_t *data, size_t size);

void fuzzCheckMessage(void);
void fuzzCheckRefusal(bool syntax);
void fuzzCheckSame(const virDomainDef *a, const virDomainDef *b);
void fuzzCheckXML(virDomainDef *def, bool live);
