/*
 * libxl_devicemodel_alias.c: what a secondary's QEMU calls its devices
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_alias.h"

#include "virstring.h"


/**
 * libxlDeviceModelAliasNIC:
 * @slot: the PCI slot of a NIC
 *
 * Returns the id of the device that the guest sees.
 */
char *
libxlDeviceModelAliasNIC(unsigned int slot)
{
    return g_strdup_printf("net-%02x", slot);
}


/**
 * libxlDeviceModelAliasTap:
 * @slot: the PCI slot of a NIC
 *
 * Returns the id of the NIC's backend, which has the tap.
 */
char *
libxlDeviceModelAliasTap(unsigned int slot)
{
    return g_strdup_printf("hostnet-%02x", slot);
}


/**
 * libxlDeviceModelAliasDrive:
 * @disk: an IDE disk
 *
 * Returns the id of the device that the guest sees, with or without a medium.
 */
char *
libxlDeviceModelAliasDrive(const libxlDeviceModelDisk *disk)
{
    return g_strdup_printf("ide0-%u-%u", disk->bus, disk->unit);
}


/**
 * libxlDeviceModelAliasImage:
 * @disk: an IDE disk
 *
 * Returns the name of the block node that the drive starts with.
 */
char *
libxlDeviceModelAliasImage(const libxlDeviceModelDisk *disk)
{
    return g_strdup_printf("disk-%u-%u", disk->bus, disk->unit);
}


/**
 * libxlDeviceModelAliasMedium:
 * @disk: an IDE disk
 * @fdset: QEMU's set of file descriptors that the medium is in
 *
 * A set is there for as long as something uses it, so that its number makes a
 * name that no other medium has.
 *
 * Returns the name of the block node of a medium that is put in later.
 */
char *
libxlDeviceModelAliasMedium(const libxlDeviceModelDisk *disk,
                            unsigned int fdset)
{
    g_autofree char *image = libxlDeviceModelAliasImage(disk);

    return g_strdup_printf("%s-%u", image, fdset);
}


/**
 * libxlDeviceModelAliasIsImage:
 * @alias: name of a block node, or NULL; nothing to rely on
 * @disk: an IDE disk
 *
 * Returns whether @alias is what libxlDeviceModelAliasImage or
 * libxlDeviceModelAliasMedium made for the disk.
 */
bool
libxlDeviceModelAliasIsImage(const char *alias,
                             const libxlDeviceModelDisk *disk)
{
    g_autofree char *image = libxlDeviceModelAliasImage(disk);
    const char *number = alias ? STRSKIP(alias, image) : NULL;

    return number &&
           (!*number ||
            (*number == '-' && strspn(number + 1, "0123456789") == strlen(number + 1)));
}


/**
 * libxlDeviceModelAliasSerial:
 * @idx: index of a serial port in the serials of the domain
 *
 * Returns the id of the port that the guest sees.
 */
char *
libxlDeviceModelAliasSerial(size_t idx)
{
    return g_strdup_printf("serial%zu", idx);
}


/**
 * libxlDeviceModelAliasTerminal:
 * @idx: index of a serial port in the serials of the domain
 *
 * Returns the id of the character device behind the port.
 */
char *
libxlDeviceModelAliasTerminal(size_t idx)
{
    return g_strdup_printf("charserial%zu", idx);
}
