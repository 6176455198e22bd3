/*
 * libxl_devicemodel_xenstore.c: the xenstore entries of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * /local/domain/0/dms/DOMID/ID tells an administrator, and tools beside
 * libvirt, which secondaries a domain has:
 *
 *   name      of the device model
 *   pid       of its process
 *   ioservid  the ioreq server that Xen gave it
 *   state     "running": QEMU's own word for it, which it could write itself
 *             only if its handle of xenstore were not taken from it; "failed"; or
 *             "restarting" (libxl_devicemodel_restart.c)
 *
 * libvirt writes these and never reads them.  Of the primary it reads what libxl
 * writes, which the guest can read and not write.
 *
 * Each function waits for xenstored, which answers at once where it answers at all, and
 * takes no lock: the caller may have the domain locked.  Each has a connection of its
 * own, so that any thread may call it.
 */

#include <config.h>

#include <xenstore.h>

#include "libxl_devicemodel_xenstore.h"

#include "virerror.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define LIBXL_DEVICE_MODEL_XENSTORE "/local/domain/0/dms"

/* Who starts or ends another domain comes in between once or twice.  Where somebody does each
 * time, a domain must not stay locked: what is left goes with the next attempt. */
#define LIBXL_DEVICE_MODEL_XENSTORE_TRIES 64

typedef struct xs_handle libxlDeviceModelXenstore;

static void
libxlDeviceModelXenstoreClose(libxlDeviceModelXenstore *xs)
{
    xs_close(xs);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelXenstore, libxlDeviceModelXenstoreClose);


static libxlDeviceModelXenstore *
libxlDeviceModelXenstoreOpen(void)
{
    libxlDeviceModelXenstore *xs = xs_open(0);

    if (!xs)
        virReportSystemError(errno, "%s", _("cannot connect to xenstore"));

    return xs;
}


static int
libxlDeviceModelXenstoreWrite(libxlDeviceModelXenstore *xs,
                              const libxlDeviceModel *dm,
                              const char *key,
                              const char *value)
{
    g_autofree char *path = g_strdup_printf(LIBXL_DEVICE_MODEL_XENSTORE "/%u/%u/%s",
                                            dm->domid, dm->id, key);

    if (!xs_write(xs, XBT_NULL, path, value, strlen(value))) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot write xenstore key '%2$s'"),
                             dm->name, path);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelXenstoreSetState:
 * @dm: device model that has its entries
 * @state: the word for its state
 *
 * Returns 0, or -1 with an error that names the device model and the key.
 */
int
libxlDeviceModelXenstoreSetState(const libxlDeviceModel *dm,
                                 const char *state)
{
    g_autoptr(libxlDeviceModelXenstore) xs = libxlDeviceModelXenstoreOpen();

    return xs ? libxlDeviceModelXenstoreWrite(xs, dm, "state", state) : -1;
}


/**
 * libxlDeviceModelXenstoreGetPrimary:
 * @domid: id of a domain
 * @pid: set to the pid of its primary, as libxl has written it
 *
 * A toolstack that ends a domain removes the folder of the primary before it ends its
 * process (libxl__destroy_device_model in Xen's tools/libs/light/libxl_dm.c).
 *
 * Returns 1 where there is a primary that nobody is about to end, 0 where there is none,
 * -1 with an error where that is not known.
 */
int
libxlDeviceModelXenstoreGetPrimary(unsigned int domid,
                                   pid_t *pid)
{
    g_autoptr(libxlDeviceModelXenstore) xs = libxlDeviceModelXenstoreOpen();
    g_autofree char *pidPath = g_strdup_printf("/local/domain/%u/image/device-model-pid", domid);
    g_autofree char *statePath = g_strdup_printf("/local/domain/0/device-model/%u/state", domid);
    g_autofree char *value = NULL;
    g_autofree char *state = NULL;
    int number;

    if (!xs)
        return -1;

    if (!(state = xs_read(xs, XBT_NULL, statePath, NULL)) ||
        !(value = xs_read(xs, XBT_NULL, pidPath, NULL))) {
        if (errno == ENOENT)
            return 0;

        virReportSystemError(errno, _("cannot read of the primary of domain %1$u in xenstore"),
                             domid);
        return -1;
    }

    if (virStrToLong_i(value, NULL, 10, &number) < 0 || number <= 1)
        return 0;

    *pid = number;
    return 1;
}


/**
 * libxlDeviceModelXenstoreAdd:
 * @dm: running device model
 *
 * Returns 0, or -1 with an error that names the device model and the key; what
 * was written is then left for libxlDeviceModelXenstoreRemove.
 */
int
libxlDeviceModelXenstoreAdd(const libxlDeviceModel *dm)
{
    g_autoptr(libxlDeviceModelXenstore) xs = libxlDeviceModelXenstoreOpen();
    g_autofree char *pid = g_strdup_printf("%lld", (long long)dm->process.pid);
    g_autofree char *ioservid = g_strdup_printf("%u", dm->ioservid);

    if (!xs ||
        libxlDeviceModelXenstoreWrite(xs, dm, "name", dm->name) < 0 ||
        libxlDeviceModelXenstoreWrite(xs, dm, "pid", pid) < 0 ||
        libxlDeviceModelXenstoreWrite(xs, dm, "ioservid", ioservid) < 0 ||
        libxlDeviceModelXenstoreWrite(xs, dm, "state", "running") < 0)
        return -1;

    return 0;
}


static void
libxlDeviceModelXenstoreRemoveEmpty(libxlDeviceModelXenstore *xs,
                                    xs_transaction_t t,
                                    const char *path)
{
    unsigned int count = 0;
    char **entries = xs_directory(xs, t, path, &count);

    if (entries && count == 0)
        xs_rm(xs, t, path);
    free(entries);
}


/* Returns 0, or -1 with errno, which is EAGAIN when xenstore asks to try again. */
static int
libxlDeviceModelXenstoreTryRemove(libxlDeviceModelXenstore *xs,
                                  const char *path,
                                  const char *parent)
{
    xs_transaction_t t = xs_transaction_start(xs);

    if (t == XBT_NULL)
        return -1;

    if (!xs_rm(xs, t, path) && errno != ENOENT) {
        int saved = errno;

        xs_transaction_end(xs, t, true);
        errno = saved;
        return -1;
    }

    /* a folder goes with the last one in it */
    libxlDeviceModelXenstoreRemoveEmpty(xs, t, parent);
    libxlDeviceModelXenstoreRemoveEmpty(xs, t, LIBXL_DEVICE_MODEL_XENSTORE);

    return xs_transaction_end(xs, t, false) ? 0 : -1;
}


/**
 * libxlDeviceModelXenstoreRemove:
 * @dm: device model
 *
 * Remove its entries.  That there are none is no error.
 *
 * Returns 0, or -1 with an error, too where others have changed what is next to them each
 * time that it was tried.
 */
int
libxlDeviceModelXenstoreRemove(const libxlDeviceModel *dm)
{
    g_autoptr(libxlDeviceModelXenstore) xs = libxlDeviceModelXenstoreOpen();
    g_autofree char *parent = g_strdup_printf(LIBXL_DEVICE_MODEL_XENSTORE "/%u",
                                              dm->domid);
    g_autofree char *path = g_strdup_printf("%s/%u", parent, dm->id);
    unsigned int tries = 0;
    int rc;

    if (!xs)
        return -1;

    do {
        rc = libxlDeviceModelXenstoreTryRemove(xs, path, parent);
    } while (rc < 0 && errno == EAGAIN && ++tries < LIBXL_DEVICE_MODEL_XENSTORE_TRIES);

    if (rc < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot remove xenstore folder '%2$s'"),
                             dm->name, path);
        return -1;
    }

    return 0;
}
