/*
 * libxl_devicemodel_migrate.h: what two hosts say of secondaries before a migration
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A migration is a save into a connection, and a restore from it (libxl_devicemodel_save.h):
 * the trailer follows what libxl sends.  What is here comes before that, so that a migration
 * that cannot succeed fails before the guest is touched:
 *
 *  begin    on the source: each secondary is asked whether it can be saved, and who it is
 *  cookie   carries that to the destination; and a version of the stream that a libvirt without
 *           device models refuses
 *  prepare  on the destination: what is there is compared with that, and with the definition
 *
 * The cookie has, beside what libvirt puts there
 *
 *    <devicemodels>
 *      <devicemodel name='disk' qemu='7.2.0' machine='xenfv-3.1-machine'/>
 *    </devicemodels>
 *
 * It comes from the network.  What the destination finds only when it has the state, such as
 * another machine, fails the migration then: the guest has not run there.
 */

#pragma once

#include "libxl_conf.h"
#include "libxl_devicemodel_saved.h"

int
libxlDeviceModelsBeginMigration(virDomainObj *vm,
                                uint32_t *version,
                                libxlDeviceModelsSaved **saved);

void
libxlDeviceModelsFormatCookie(virBuffer *buf,
                              const libxlDeviceModelsSaved *saved);

int
libxlDeviceModelsParseCookie(xmlXPathContextPtr ctxt,
                             uint32_t version,
                             libxlDeviceModelsSaved **saved);

int
libxlDeviceModelsCheckCookie(const virDomainDef *def,
                             const libxlDeviceModelsSaved *saved);

int
libxlDeviceModelsPrepareMigration(virDomainObj *vm,
                                  const libxlDeviceModelsSaved *saved);
