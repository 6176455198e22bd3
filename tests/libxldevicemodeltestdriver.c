/*
 * libxldevicemodeltestdriver.c: a driver with a folder, and domains with secondaries
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <unistd.h>

#include "libxldevicemodeltestdriver.h"

#include "testutilsxen.h"
#include "access/viraccessmanager.h"
#include "libxl/libxl_devicemodel_xenstore.h"
#include "libxl/libxl_domain.h"
#include "viralloc.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_NONE


/**
 * testDriverNew:
 * @dir: set to the driver's folder, a new one, where it has what is for running domains
 *
 * Returns a driver that has no domains yet, or NULL.
 */
libxlDriverPrivate *
testDriverNew(char **dir)
{
    libxlDriverPrivate *driver;

    /* It has done its work.  A program that a test has executed, or a sanitizer, cannot load
     * a libvirt that was built for fuzzing. */
    g_unsetenv("LD_PRELOAD");

    if (!(driver = testXLInitDriver()) ||
        !(*dir = g_dir_make_tmp("devicemodel-XXXXXX", NULL)))
        return NULL;

    g_free(driver->config->stateDir);
    driver->config->stateDir = g_strdup(*dir);

    if (!(driver->domains = virDomainObjListNew()) ||
        !(driver->domainEventState = virObjectEventStateNew()))
        return NULL;

    return driver;
}


/**
 * testDriverServe:
 * @driver: from testDriverNew()
 * @dir: its folder
 * @action: as of virInhibitorNew()
 *
 * Give it what calls of clients need: names of folders for all that it keeps, and what
 * allows, locks and inhibits nothing.  Returns 0, or -1.
 */
int
testDriverServe(libxlDriverPrivate *driver,
                const char *dir,
                virInhibitorAction action)
{
    libxlDriverConfig *cfg = driver->config;

    g_free(cfg->stateDir);
    g_free(cfg->configDir);
    g_free(cfg->autostartDir);
    g_free(cfg->saveDir);
    cfg->stateDir = g_strdup_printf("%s/state", dir);
    cfg->configDir = g_strdup_printf("%s/config", dir);
    cfg->autostartDir = g_strdup_printf("%s/autostart", dir);
    cfg->saveDir = g_strdup_printf("%s/save", dir);
    cfg->autoballoon = 0;

    if (!(driver->lockManager = virLockManagerPluginNew("nop", "libxl", dir, 0)) ||
        !(driver->hostdevMgr = virHostdevManagerGetDefault()) ||
        !(driver->inhibitor = virInhibitorNew(VIR_INHIBITOR_WHAT_NONE, "test", "test",
                                              VIR_INHIBITOR_MODE_DELAY, action, NULL)))
        return -1;

    virAccessManagerSetDefault(virAccessManagerNew("none"));
    return 0;
}


/**
 * testDriverFree:
 * @driver: from testDriverNew()
 * @dir: its folder, which is removed
 */
void
testDriverFree(libxlDriverPrivate *driver,
               char *dir)
{
    virObjectUnref(driver->domains);
    virObjectUnref(driver->domainEventState);
    virInhibitorFree(driver->inhibitor);
    unlink("libxl-driver.log");
    testXLFreeDriver(driver);
    virFileDeleteTree(dir);
    g_free(dir);
}


/**
 * testDeviceModelAdd:
 * @vm: a domain that runs
 * @dir: the driver's folder
 * @id: of the device model, which the ioreq server has, too
 * @name: its name
 * @pid: its process, 0 for none
 *
 * Returns a secondary that runs, which is the domain's.
 */
libxlDeviceModel *
testDeviceModelAdd(virDomainObj *vm,
                   const char *dir,
                   unsigned int id,
                   const char *name,
                   pid_t pid)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    libxlDeviceModel *dm = libxlDeviceModelNew(dir, vm->def->id, id, name);

    if (!dm || (pid > 0 && libxlDeviceModelOpen(dm, pid) < 0) ||
        libxlDeviceModelXenstoreAdd(dm) < 0)
        abort();

    dm->ioservid = id;
    dm->holdTime = 3;
    libxlDeviceModelSetState(dm, LIBXL_DEVICE_MODEL_STATE_RUNNING);
    vm->def->devicemodels[id]->id = id;
    vm->def->devicemodels[id]->state = VIR_DOMAIN_DEVICE_MODEL_STATE_RUNNING;
    VIR_APPEND_ELEMENT_COPY(priv->devicemodels, priv->ndevicemodels, dm);
    return dm;
}
