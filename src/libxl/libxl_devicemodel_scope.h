/*
 * libxl_devicemodel_scope.h: what the parts of the scope library share
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "libxl_devicemodel_scope_claims.h"

#define LIBXL_DEVICE_MODEL_SCOPE_EXPORT __attribute__((visibility("default")))

/* The function that @func stands before, or NULL with errno set. */
#define LIBXL_DEVICE_MODEL_SCOPE_NEXT(func) \
    ({ \
        static void *next_; \
        (__typeof__(&func)) libxlDeviceModelScopeNext(&next_, #func); \
    })

void *
libxlDeviceModelScopeNext(void **cache,
                          const char *name);

const libxlDeviceModelScopeClaims *
libxlDeviceModelScopeGetClaims(void);
