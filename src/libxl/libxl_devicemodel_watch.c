/*
 * libxl_devicemodel_watch.c: notices that a device model has ended by itself
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_watch.h"

#include "libxl_devicemodel_failure.h"
#include "libxl_devicemodel_ioreq.h"
#include "libxl_devicemodel_xenstore.h"
#include "libxl_domain.h"
#include "virerror.h"
#include "virevent.h"
#include "virlog.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_watch");

/* A device model that is watched, or has ended.  There is no reference to the domain
 * object, which has the device model in its turn: a domain that is gone is not found. */
typedef struct _libxlDeviceModelWatched libxlDeviceModelWatched;
struct _libxlDeviceModelWatched {
    libxlDriverPrivate *driver;
    unsigned char uuid[VIR_UUID_BUFLEN]; /* of the domain */
    libxlDeviceModel *dm; /* a reference */
    char *reason; /* how it ended, once the guest is free of it */
};


static libxlDeviceModelWatched *
libxlDeviceModelWatchedNew(libxlDriverPrivate *driver,
                           const unsigned char *uuid,
                           libxlDeviceModel *dm)
{
    libxlDeviceModelWatched *watched = g_new0(libxlDeviceModelWatched, 1);

    watched->driver = driver;
    memcpy(watched->uuid, uuid, VIR_UUID_BUFLEN);
    watched->dm = virObjectRef(dm);

    return watched;
}


static void
libxlDeviceModelWatchedFree(libxlDeviceModelWatched *watched)
{
    g_free(watched->reason);
    virObjectUnref(watched->dm);
    g_free(watched);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelWatched, libxlDeviceModelWatchedFree);


static void
libxlDeviceModelLogRelease(const libxlDeviceModel *dm,
                           const libxlDeviceModelIoreqResult *result)
{
    if (result->failed) {
        VIR_ERROR(_("device model '%1$s' of domain %2$u has ended, and the guest may wait for it: %3$s: %4$s"),
                  dm->name, dm->domid, result->failed, g_strerror(result->err));
        return;
    }

    VIR_INFO("device model '%s' of domain %u has ended, the guest was freed of it after %lld us: answered=%u untaken=%u woken=%d gone=%d",
             dm->name, dm->domid, result->us, result->answered, result->untaken,
             result->woken, result->gone);
}


/* The primary's ioreq server stays as it is: its domain ends.
 *
 * Returns whether the device model has ended by itself.  Where somebody ends it, nothing
 * is done. */
static bool
libxlDeviceModelRelease(libxlDeviceModelWatched *watched)
{
    libxlDeviceModel *dm = watched->dm;
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);
    libxlDeviceModelIoreqResult result = { 0 };
    libxlDeviceModelIoreq ioreq = {
        .domid = dm->domid,
        .ioservid = dm->ioservid,
        .slots = dm->slots,
        .irqs = dm->irqs,
    };

    if (dm->state != LIBXL_DEVICE_MODEL_STATE_RUNNING)
        return false;

    if (dm->id != 0) {
        ignore_value(libxlDeviceModelIoreqRelease(&ioreq, &result));
        libxlDeviceModelLogRelease(dm, &result);
    }

    watched->reason = libxlDeviceModelDescribeEnd(dm);
    dm->state = LIBXL_DEVICE_MODEL_STATE_FAILED;
    return true;
}


/* What is left to do once the guest is free.  Waits. */
static void
libxlDeviceModelReport(libxlDeviceModelWatched *watched)
{
    virDomainObj *vm;

    if (!libxlDeviceModelKillRest(watched->dm))
        VIR_ERROR(_("device model '%1$s' of domain %2$u has ended, but not all that runs under its user id"),
                  watched->dm->name, watched->dm->domid);

    if ((vm = virDomainObjListFindByUUID(watched->driver->domains, watched->uuid)))
        libxlDeviceModelFail(watched->driver, vm, watched->dm, watched->reason);

    virDomainObjEndAPI(&vm);
}


/* The guest may be free already. */
static void
libxlDeviceModelHandleEnd(void *opaque)
{
    g_autoptr(libxlDeviceModelWatched) watched = opaque;

    if (watched->reason || libxlDeviceModelRelease(watched))
        libxlDeviceModelReport(watched);
}


/* An earlier daemon has told of the failure. */
static void
libxlDeviceModelHandlePending(void *opaque)
{
    g_autoptr(libxlDeviceModelWatched) watched = opaque;
    virDomainObj *vm = virDomainObjListFindByUUID(watched->driver->domains, watched->uuid);

    if (vm)
        libxlDeviceModelFinish(watched->driver, vm, watched->dm);

    virDomainObjEndAPI(&vm);
}


/* Returns 0, or -1 with an error, which is in the log then, too. */
static int
libxlDeviceModelHandOver(libxlDeviceModelWatched **watched,
                         virThreadFunc func)
{
    const libxlDeviceModel *dm = (*watched)->dm;
    g_autofree char *name = g_strdup_printf("dm-end-%u-%u", dm->domid, dm->id);
    virThread thread;

    if (virThreadCreateFull(&thread, false, func, name, false,
                            *watched) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s' of domain %2$u has ended, and no thread can be created to report that"),
                             dm->name, dm->domid);
        return -1;
    }

    *watched = NULL;
    return 0;
}


/* Called by the event loop, which must not wait, except where there is no other way to
 * have the guest go on: nothing but the log tells of the death then, until the next
 * daemon finds that the process has ended. */
static void
libxlDeviceModelWatchEvent(int watch,
                           int fd G_GNUC_UNUSED,
                           int events G_GNUC_UNUSED,
                           void *opaque)
{
    const libxlDeviceModelWatched *known = opaque;
    g_autoptr(libxlDeviceModelWatched) watched =
        libxlDeviceModelWatchedNew(known->driver, known->uuid, known->dm);

    virEventRemoveHandle(watch);

    if (libxlDeviceModelHandOver(&watched, libxlDeviceModelHandleEnd) < 0)
        ignore_value(libxlDeviceModelRelease(watched));
}


/**
 * libxlDeviceModelWatch:
 * @driver: the driver
 * @def: live definition of a domain, which is locked
 * @dm: one of its device models, which is running, or has failed
 *
 * Have the event loop wait for the end of its process, until libxlDeviceModelUnwatch.
 * If it has ended already, the guest is freed of it at once.  Of one that an earlier
 * daemon found failed, what that daemon did not come to is done.
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelWatch(libxlDriverPrivate *driver,
                      const virDomainDef *def,
                      libxlDeviceModel *dm)
{
    g_autoptr(libxlDeviceModelWatched) watched =
        libxlDeviceModelWatchedNew(driver, def->uuid, dm);

    if (dm->pending)
        return libxlDeviceModelHandOver(&watched, libxlDeviceModelHandlePending);

    if (!libxlDeviceModelIsAlive(dm)) {
        if (libxlDeviceModelRelease(watched))
            return libxlDeviceModelHandOver(&watched, libxlDeviceModelHandleEnd);
        return 0;
    }

    dm->watch = virEventAddHandle(dm->process.pidfd, VIR_EVENT_HANDLE_READABLE,
                                  libxlDeviceModelWatchEvent, watched,
                                  (virFreeCallback)libxlDeviceModelWatchedFree);
    if (dm->watch < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s': cannot be told of its end"),
                       dm->name);
        return -1;
    }

    watched = NULL;
    return 0;
}


/**
 * libxlDeviceModelWatchPrimary:
 * @driver: the driver
 * @vm: domain with device models, which runs and is locked
 *
 * Find the process of the primary, and watch it.  A domain whose primary is not found is
 * left alone, with a warning.
 */
void
libxlDeviceModelWatchPrimary(libxlDriverPrivate *driver,
                             virDomainObj *vm)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    const virDomainDeviceModelDef *dmdef = virDomainDeviceModelGetPrimary(vm->def);
    libxlDomainObjPrivate *priv = vm->privateData;
    pid_t pid;

    libxlDeviceModelForget(&priv->devicemodelsPrimary);

    if (!libxlDeviceModelXenstoreGetPrimary(vm->def->id, &pid)) {
        VIR_WARN("domain '%s' has no primary that can be watched", vm->def->name);
        return;
    }

    priv->devicemodelsPrimary = libxlDeviceModelNewPrimary(cfg->stateDir, vm->def->id,
                                                           dmdef->name, pid);

    if (!priv->devicemodelsPrimary ||
        libxlDeviceModelWatch(driver, vm->def, priv->devicemodelsPrimary) < 0) {
        VIR_WARN("the primary of domain '%s' is not watched: %s",
                 vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}
