/*
 * libxldevicemodeltestvirtlogd.c: a stand-in for the connection to virtlogd
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>

#include "libxldevicemodeltestvirtlogd.h"

#include "logging/log_manager.h"
#include "virerror.h"
#include "virfile.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_NONE

testLogState testLog = { .pipe = { -1, -1 } };


/**
 * testLogInit:
 *
 * Returns 0, or -1 with an error.
 */
int
testLogInit(void)
{
    return virPipe(testLog.pipe);
}


void
testLogFree(void)
{
    VIR_FORCE_CLOSE(testLog.pipe[0]);
    VIR_FORCE_CLOSE(testLog.pipe[1]);
    g_clear_pointer(&testLog.asked, g_free);
}


virLogManager *
virLogManagerNew(bool privileged G_GNUC_UNUSED)
{
    return g_malloc0(1);
}


void
virLogManagerFree(virLogManager *mgr)
{
    g_free(mgr);
}


int
virLogManagerDomainOpenLogFile(virLogManager *mgr G_GNUC_UNUSED,
                               const char *driver,
                               const unsigned char *domuuid,
                               const char *domname,
                               const char *path,
                               unsigned int flags,
                               ino_t *inode,
                               off_t *offset)
{
    testLog.nasked++;
    g_free(testLog.asked);
    testLog.asked = g_strdup_printf("%s %u %s %s %u", driver, domuuid[0], domname, path, flags);

    if (testLog.nbusy > 0) {
        testLog.nbusy--;
        virReportSystemError(EBUSY, "%s", "no log");
        return -1;
    }

    if (testLog.refused) {
        virReportSystemError(testLog.refused, "%s", "no log");
        return -1;
    }

    *inode = *offset = 0;
    return fcntl(testLog.pipe[1], F_DUPFD_CLOEXEC, 0);
}
