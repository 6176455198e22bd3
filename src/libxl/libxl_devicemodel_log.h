/*
 * libxl_devicemodel_log.h: what a secondary writes by way of virtlogd
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The process gets a pipe to virtlogd and not the file: with a file it could do more than
 * write to its end, whatever the flags with which it was opened.  virtlogd limits how long
 * the file becomes, too.
 *
 * virtlogd refuses a file as busy until it has read the end of the pipe of an earlier
 * process, which a guest that reboots, or a restart, may not have left it the time to do.
 * Both functions wait for that: no domain may be locked.
 */

#pragma once

#include "domain_logcontext.h"
#include "libxl_conf.h"

domainLogContext *
libxlDeviceModelLogNew(libxlDriverConfig *cfg,
                       virDomainObj *vm,
                       const char *name,
                       gint64 deadline);

int
libxlDeviceModelLogOpen(const virDomainDef *def,
                        const char *path,
                        gint64 deadline);
