/*
 * libxldevicemodeltestxl.c: an xl.cfg from and to a definition
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxldevicemodeltestxl.h"

#include "libxl/xen_xl.h"

/* Longer than any file of a test. */
#define TEST_FILE_MAX (64 * 1024)


/* As a client of domxml-from-native.  Returns NULL with an error where @cfg is refused. */
virDomainDef *
libxlDeviceModelTestParseXL(libxlDriverPrivate *driver,
                            const char *cfg)
{
    g_autoptr(libxlDriverConfig) config = libxlDriverConfigGet(driver);
    g_autoptr(virConf) conf = NULL;

    if (!(conf = virConfReadString(cfg, 0)))
        return NULL;

    return xenParseXL(conf, config->caps, driver->xmlopt);
}


/* As a client of domxml-to-native.  Returns NULL with an error where @def is refused. */
char *
libxlDeviceModelTestFormatXL(virDomainDef *def)
{
    g_autoptr(virConf) conf = NULL;
    int len = TEST_FILE_MAX;
    g_autofree char *cfg = g_new0(char, len);

    if (!(conf = xenFormatXL(def)) ||
        virConfWriteMem(cfg, &len, conf) < 0)
        return NULL;

    return g_steal_pointer(&cfg);
}
