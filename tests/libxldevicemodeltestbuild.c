/*
 * libxldevicemodeltestbuild.c: a domain, as far as a start comes without a host
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxldevicemodeltestbuild.h"

#include "libxl/libxl_domain.h"


/**
 * libxlDeviceModelTestBuildNew:
 * @driver: a driver
 * @def: definition of the domain, which lives as long as what is returned
 *
 * Returns what libxl is given, and the placement of the devices, or NULL with an error.
 */
libxlDeviceModelTestBuild *
libxlDeviceModelTestBuildNew(libxlDriverPrivate *driver,
                             virDomainDef *def)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    g_autoptr(libxlDeviceModelTestBuild) build = g_new0(libxlDeviceModelTestBuild, 1);

    build->def = def;
    libxl_domain_config_init(&build->d_config);

    if (!(build->ports = virPortAllocatorRangeNew("vnc", 5900, 6000)) ||
        libxlBuildDomainConfig(build->ports, def, cfg, &build->d_config) < 0 ||
        !(build->placement = libxlDeviceModelPlacementNew(def)))
        return NULL;

    return g_steal_pointer(&build);
}


/* What libxl completes when it creates the domain
 * (libxl__domain_build_info_setdefault in Xen
 * tools/libs/light/libxl_create.c) and a secondary depends on. */
void
libxlDeviceModelTestBuildComplete(libxlDeviceModelTestBuild *build)
{
    libxl_domain_build_info *b_info = &build->d_config.b_info;

    if (b_info->u.hvm.vga.kind == LIBXL_VGA_INTERFACE_TYPE_NONE &&
        b_info->video_memkb == LIBXL_MEMKB_DEFAULT)
        b_info->video_memkb = 0;
}


/* Returns the configuration of the secondary of that number, or NULL with an error. */
libxlDeviceModelConfig *
libxlDeviceModelTestBuildConfig(const libxlDeviceModelTestBuild *build,
                                size_t secondary)
{
    libxlDeviceModelMachine machine = { 0 };

    if (libxlDeviceModelMachineInit(&machine, build->def, &build->d_config) < 0)
        return NULL;

    return libxlDeviceModelConfigNew(build->def, &build->placement->secondaries[secondary],
                                     &machine, TEST_BUILD_DOMID);
}


void
libxlDeviceModelTestBuildFree(libxlDeviceModelTestBuild *build)
{
    size_t i;

    if (!build)
        return;

    for (i = 0; i < build->def->ngraphics; i++) {
        const virDomainGraphicsDef *graphics = build->def->graphics[i];

        if (graphics->type == VIR_DOMAIN_GRAPHICS_TYPE_VNC)
            virPortAllocatorRelease(graphics->data.vnc.port);
        else if (graphics->type == VIR_DOMAIN_GRAPHICS_TYPE_SPICE)
            virPortAllocatorRelease(graphics->data.spice.port);
    }

    libxlDeviceModelPlacementFree(build->placement);
    libxl_domain_config_dispose(&build->d_config);
    virPortAllocatorRangeFree(build->ports);
    g_free(build);
}
