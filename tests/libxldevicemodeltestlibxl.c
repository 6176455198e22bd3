/*
 * libxldevicemodeltestlibxl.c: stands in for what libxl stores of a domain, which is nothing
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <libxl.h>

#include "internal.h"


int
libxl_userdata_store(libxl_ctx *ctx G_GNUC_UNUSED,
                     uint32_t domid G_GNUC_UNUSED,
                     const char *userdata_userid G_GNUC_UNUSED,
                     const uint8_t *data G_GNUC_UNUSED,
                     int datalen G_GNUC_UNUSED)
{
    return 0;
}


libxl_device_disk *
libxl_device_disk_list(libxl_ctx *ctx G_GNUC_UNUSED,
                       uint32_t domid G_GNUC_UNUSED,
                       int *num)
{
    *num = 0;
    return NULL;
}
