/*
 * libxl_devicemodel_log.c: what a secondary writes by way of virtlogd
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_log.h"

#include "libxl_devicemodel_process.h"
#include "logging/log_manager.h"
#include "virerror.h"

/* How long virtlogd is given to be done with the file of an earlier process. */
#define LIBXL_DEVICE_MODEL_LOG_MS (5 * 1000)


static gint64
libxlDeviceModelLogLimit(gint64 deadline)
{
    return MIN(deadline, g_get_monotonic_time() + LIBXL_DEVICE_MODEL_LOG_MS * 1000);
}


/* Whether what was just refused may be asked for again. */
static bool
libxlDeviceModelLogAwait(gint64 limit)
{
    if (!virLastErrorIsSystemErrno(EBUSY) || libxlDeviceModelTimeLeft(limit) == 0)
        return false;

    g_usleep(50 * 1000);
    virResetLastError();
    return true;
}


/**
 * libxlDeviceModelLogNew:
 * @cfg: configuration of the driver
 * @vm: the domain, which is not locked, in a job
 * @name: of one of its device models
 * @deadline: for virtlogd
 *
 * Open the log of a device model.
 *
 * Returns it, or NULL with an error that names the device model.
 */
domainLogContext *
libxlDeviceModelLogNew(libxlDriverConfig *cfg,
                       virDomainObj *vm,
                       const char *name,
                       gint64 deadline)
{
    g_autofree char *basename = g_strdup_printf("%s-dm-%s", vm->def->name, name);
    gint64 limit = libxlDeviceModelLogLimit(deadline);
    domainLogContext *log;

    do {
        log = domainLogContextNew(true, cfg->logDir, "libxl", vm, true, basename);
    } while (!log && libxlDeviceModelLogAwait(limit));

    if (!log)
        virLastErrorPrefixMessage(_("device model '%1$s'"), name);

    return log;
}


/**
 * libxlDeviceModelLogOpen:
 * @def: definition of a domain
 * @path: a file
 * @deadline: for virtlogd
 *
 * Open a file that is appended to.
 *
 * Returns a pipe, closed on execution, or -1 with an error.
 */
int
libxlDeviceModelLogOpen(const virDomainDef *def,
                        const char *path,
                        gint64 deadline)
{
    g_autoptr(virLogManager) manager = virLogManagerNew(true);
    gint64 limit = libxlDeviceModelLogLimit(deadline);
    ino_t inode;
    off_t offset;
    int fd;

    if (!manager)
        return -1;

    do {
        fd = virLogManagerDomainOpenLogFile(manager, "libxl", def->uuid, def->name, path, 0,
                                            &inode, &offset);
    } while (fd < 0 && libxlDeviceModelLogAwait(limit));

    return fd;
}
