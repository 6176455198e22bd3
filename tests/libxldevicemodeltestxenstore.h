/*
 * libxldevicemodeltestxenstore.h: a stand-in for xenstore
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What links it has no other libxenstore.  Each test begins with
 * testStoreReset(), tells the store what fails, and ends with
 * testStoreCheck().
 */

#pragma once

#include "internal.h"

typedef struct _testStoreState testStoreState;
struct _testStoreState {
    GHashTable *entries; /* paths to values */
    GHashTable *before; /* what they were when the transaction began, or NULL */
    const char *fails; /* the call that fails, or NULL */
    const char *path; /* the only one it fails for, or NULL */
    unsigned int conflicts; /* of this many transactions to come */
    unsigned int nopen; /* connections */
    unsigned int ntransactions;
};

extern testStoreState testStore;

void
testStoreReset(void);

int
testStoreCheck(const char *expected);
