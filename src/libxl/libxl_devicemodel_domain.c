/*
 * libxl_devicemodel_domain.c: what is known of a domain with device models
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <stdint.h>
#include <xen/sched.h>
#include <xendevicemodel.h>

#include "libxl_devicemodel_domain.h"

#include "libxl_domain.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL


/**
 * libxlDeviceModelsDomainIsSame:
 * @def: definition of a domain
 * @info: what libxl says of a domain
 *
 * Returns whether it is the same domain.
 */
bool
libxlDeviceModelsDomainIsSame(const virDomainDef *def,
                              const libxl_dominfo *info)
{
    return memcmp(libxl_uuid_bytearray_const(&info->uuid), def->uuid,
                  VIR_UUID_BUFLEN) == 0;
}


/**
 * libxlDeviceModelsDomainLives:
 * @cfg: configuration of the driver
 * @def: live definition of a domain
 *
 * Returns whether the domain is there, and neither ended nor in a soft reset.
 */
bool
libxlDeviceModelsDomainLives(libxlDriverConfig *cfg,
                             const virDomainDef *def)
{
    libxl_dominfo info;
    bool lives;

    libxl_dominfo_init(&info);
    lives = libxl_domain_info(cfg->ctx, &info, def->id) == 0 &&
        libxlDeviceModelsDomainIsSame(def, &info) &&
        !info.shutdown && !info.dying;
    libxl_dominfo_dispose(&info);

    return lives;
}


/**
 * libxlDeviceModelsDomainReportEnded:
 * @def: definition of a domain that is not there any more
 *
 * Report that to who has waited for its device models to start.
 */
void
libxlDeviceModelsDomainReportEnded(const virDomainDef *def)
{
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("domain '%1$s' ended while its device models started"),
                   def->name);
}


/**
 * libxlDeviceModelsDomainCrash:
 * @def: live definition of a domain that lives
 *
 * Have Xen shut the domain down as a guest that crashed: the driver gets the event that
 * it gets of such a guest.  Xen waits for no vCPU then, not even for one that waits for
 * a device model (domain_shutdown in Xen's common/domain.c).
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelsDomainCrash(const virDomainDef *def)
{
    xendevicemodel_handle *handle = xendevicemodel_open(NULL, 0);
    int rc = handle ? xendevicemodel_shutdown(handle, def->id, SHUTDOWN_crash) : -1;

    if (rc < 0)
        virReportSystemError(errno, _("cannot end domain '%1$s'"), def->name);

    if (handle)
        xendevicemodel_close(handle);
    return rc;
}


/**
 * libxlDeviceModelIsFailed:
 * @vm: a domain, locked
 * @dm: a device model
 *
 * Returns whether it is one of the domain's still, and has failed: what ends a domain
 * takes them out of its list, or has set another state.
 */
bool
libxlDeviceModelIsFailed(virDomainObj *vm,
                         libxlDeviceModel *dm)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    VIR_WITH_OBJECT_LOCK_GUARD(dm) {
        if (vm->def->id != dm->domid || dm->state != LIBXL_DEVICE_MODEL_STATE_FAILED)
            return false;
    }

    for (i = 0; i < priv->ndevicemodels; i++) {
        if (priv->devicemodels[i] == dm)
            return true;
    }

    return priv->devicemodelsPrimary == dm;
}


/**
 * libxlDeviceModelGetDef:
 * @def: live definition of a domain, which is locked
 * @dm: one of its device models
 *
 * Returns the definition of the device model, which stays @def's, or NULL.
 */
virDomainDeviceModelDef *
libxlDeviceModelGetDef(const virDomainDef *def,
                       const libxlDeviceModel *dm)
{
    size_t i;

    for (i = 0; i < def->ndevicemodels; i++) {
        if (def->devicemodels[i]->id == dm->id)
            return def->devicemodels[i];
    }

    return NULL;
}
