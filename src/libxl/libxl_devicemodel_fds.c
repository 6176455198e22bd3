/*
 * libxl_devicemodel_fds.c: what a secondary finds open when it starts
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_fds.h"

#include "virfile.h"


/**
 * libxlDeviceModelFDsNew:
 * @config: configuration of a secondary
 *
 * Returns room for what the devices of the configuration need opened, with
 * nothing open yet.  The caller frees it, which closes what was not taken.
 */
libxlDeviceModelFDs *
libxlDeviceModelFDsNew(const libxlDeviceModelConfig *config)
{
    libxlDeviceModelFDs *fds = g_new0(libxlDeviceModelFDs, 1);
    size_t i;

    fds->monitor = fds->scope = fds->registers = fds->sound = -1;

    fds->ntaps = config->nnics;
    fds->taps = g_new0(int, fds->ntaps);
    for (i = 0; i < fds->ntaps; i++)
        fds->taps[i] = -1;

    fds->ndisks = config->ndisks;
    fds->disks = g_new0(libxlDeviceModelImages, fds->ndisks);

    fds->nserials = config->nserials;
    fds->serials = g_new0(int, fds->nserials);
    for (i = 0; i < fds->nserials; i++)
        fds->serials[i] = -1;

    return fds;
}


void
libxlDeviceModelImagesClear(libxlDeviceModelImages *images)
{
    size_t i;

    for (i = 0; i < images->nimages; i++)
        VIR_FORCE_CLOSE(images->images[i].fd);

    images->nimages = 0;
    g_clear_pointer(&images->images, g_free);
}


void
libxlDeviceModelFDsFree(libxlDeviceModelFDs *fds)
{
    size_t i;

    if (!fds)
        return;

    VIR_FORCE_CLOSE(fds->monitor);
    VIR_FORCE_CLOSE(fds->scope);
    VIR_FORCE_CLOSE(fds->registers);
    VIR_FORCE_CLOSE(fds->sound);

    for (i = 0; i < fds->ntaps; i++)
        VIR_FORCE_CLOSE(fds->taps[i]);
    for (i = 0; i < fds->ndisks; i++)
        libxlDeviceModelImagesClear(&fds->disks[i]);
    for (i = 0; i < fds->nserials; i++)
        VIR_FORCE_CLOSE(fds->serials[i]);

    g_free(fds->taps);
    g_free(fds->disks);
    g_free(fds->serials);
    g_free(fds);
}
