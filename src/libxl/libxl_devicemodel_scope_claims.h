/*
 * libxl_devicemodel_scope_claims.h: what a secondary device model may touch
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The decisions of the scope library (libxl_devicemodel_scope.c) as functions
 * without side effects outside their arguments.  Nothing here is locked: the
 * claims don't change once parsed, and the caller serializes the rest.
 *
 * Only libc is used, because the library is loaded into an emulator that knows
 * nothing of libvirt.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libxl_devicemodel_scope_protocol.h"

/* Inclusive, so that the last byte of the address space can be named. */
typedef struct _libxlDeviceModelScopeRange libxlDeviceModelScopeRange;
struct _libxlDeviceModelScopeRange {
    uint64_t first;
    uint64_t last;
};

typedef struct _libxlDeviceModelScopeRanges libxlDeviceModelScopeRanges;
struct _libxlDeviceModelScopeRanges {
    libxlDeviceModelScopeRange *items;
    size_t nitems;
    size_t nalloc;
};

typedef enum {
    LIBXL_DEVICE_MODEL_SCOPE_SPACE_PIO = 0,
    LIBXL_DEVICE_MODEL_SCOPE_SPACE_MMIO,

    LIBXL_DEVICE_MODEL_SCOPE_SPACE_LAST
} libxlDeviceModelScopeSpace;

typedef struct _libxlDeviceModelScopeClaims libxlDeviceModelScopeClaims;
struct _libxlDeviceModelScopeClaims {
    unsigned int domid;
    unsigned int id; /* of the device model, the primary being 0 */
    int fd; /* the socket to the driver, -1 when none is known */
    int registers; /* the file for what the guest writes into them, or -1 */
    bool debug;
    int files[LIBXL_DEVICE_MODEL_SCOPE_NFILE]; /* that may be opened by name */
    size_t nfiles;

    bool pci[LIBXL_DEVICE_MODEL_SCOPE_NPCI]; /* by slot * 8 + function */
    size_t npci;
    bool irq[LIBXL_DEVICE_MODEL_SCOPE_NIRQ];
    libxlDeviceModelScopeRanges ranges[LIBXL_DEVICE_MODEL_SCOPE_SPACE_LAST];

    size_t nclaims; /* PCI functions, ranges and interrupt lines together */
};

/* What the emulator's board registers for itself, known in full once sealed. */
typedef struct _libxlDeviceModelScopeBoard libxlDeviceModelScopeBoard;
struct _libxlDeviceModelScopeBoard {
    libxlDeviceModelScopeRanges ranges[LIBXL_DEVICE_MODEL_SCOPE_SPACE_LAST];
    bool incomplete; /* a range could not be recorded */
    bool sealed;
};

typedef enum {
    LIBXL_DEVICE_MODEL_SCOPE_CLAIMED = 0, /* passed on: claimed */
    LIBXL_DEVICE_MODEL_SCOPE_BAR, /* passed on: a BAR of a claimed function */
    LIBXL_DEVICE_MODEL_SCOPE_BOARD, /* dropped: the board's */
    LIBXL_DEVICE_MODEL_SCOPE_UNCLAIMED, /* dropped: nothing claimed can own it */
} libxlDeviceModelScopeVerdict;

typedef enum {
    LIBXL_DEVICE_MODEL_SCOPE_PATH_PASS = 0, /* use the path as it is */
    LIBXL_DEVICE_MODEL_SCOPE_PATH_REDIRECT, /* use the path of the same key of this device model */
    LIBXL_DEVICE_MODEL_SCOPE_PATH_HIDDEN, /* behave as if there were no such folder */
    LIBXL_DEVICE_MODEL_SCOPE_PATH_REFUSED, /* fail with EACCES */
} libxlDeviceModelScopePath;

bool
libxlDeviceModelScopeRangesReserve(libxlDeviceModelScopeRanges *ranges);

bool
libxlDeviceModelScopeRangesAdd(libxlDeviceModelScopeRanges *ranges,
                               uint64_t first,
                               uint64_t last);

bool
libxlDeviceModelScopeRangesFind(const libxlDeviceModelScopeRanges *ranges,
                                uint64_t first,
                                uint64_t last);

void
libxlDeviceModelScopeRangesRemove(libxlDeviceModelScopeRanges *ranges,
                                  uint64_t first,
                                  uint64_t last);

void
libxlDeviceModelScopeRangesClear(libxlDeviceModelScopeRanges *ranges);

bool
libxlDeviceModelScopeClaimsParse(const char *str,
                                 libxlDeviceModelScopeClaims *claims,
                                 char *error,
                                 size_t errorlen);

void
libxlDeviceModelScopeClaimsClear(libxlDeviceModelScopeClaims *claims);

void
libxlDeviceModelScopeBoardAdd(libxlDeviceModelScopeBoard *board,
                              libxlDeviceModelScopeSpace space,
                              uint64_t first,
                              uint64_t last);

bool
libxlDeviceModelScopeBoardIsEmpty(const libxlDeviceModelScopeBoard *board);

libxlDeviceModelScopeVerdict
libxlDeviceModelScopeDecideRange(const libxlDeviceModelScopeClaims *claims,
                                 const libxlDeviceModelScopeBoard *board,
                                 libxlDeviceModelScopeSpace space,
                                 uint64_t first,
                                 uint64_t last);

bool
libxlDeviceModelScopeDecidePCI(const libxlDeviceModelScopeClaims *claims,
                               unsigned int segment,
                               unsigned int bus,
                               unsigned int slot,
                               unsigned int function);

bool
libxlDeviceModelScopeDecideINTx(const libxlDeviceModelScopeClaims *claims,
                                unsigned int segment,
                                unsigned int bus,
                                unsigned int slot);

bool
libxlDeviceModelScopeDecideIRQ(const libxlDeviceModelScopeClaims *claims,
                               unsigned int irq);

int
libxlDeviceModelScopeDecideFile(const libxlDeviceModelScopeClaims *claims,
                                const char *path);

libxlDeviceModelScopePath
libxlDeviceModelScopeDecidePath(const libxlDeviceModelScopeClaims *claims,
                                const char *path,
                                bool modify,
                                char **redirected);
