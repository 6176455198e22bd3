/*
 * libxl_devicemodel_status.h: the secondaries in the status file of a domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A status file is what a daemon knows of the domains that an earlier one started.
 * Of the secondaries it has what does not follow from the definition: which
 * processes they are, what was made for them and has to be removed, and what libxl
 * has decided that their configurations depend on.
 *
 *  <devicemodels uarts='numbered' complete='yes'>
 *    <machine memory='256' vcpus='1'/>
 *    <devicemodel domid='7' id='1' uid='1879048305' state='running' name='lan'
 *                 ioservid='3' slots='0x80000000' irqs='0x0' pidfile='...'
 *                 socket='...' registers='...'>
 *      <end at='81203456789'/>
 *      <tap ifindex='12'/>
 *    </devicemodel>
 *  </devicemodels>
 *
 * A secondary that has failed is pending='yes' until what its definition wants then is
 * done, and held='yes' while its ioreq server is there; one that holds='yes' has disks or
 * serial ports that another process goes on with.  When its processes have ended, and when it
 * was restarted, is there in microseconds since the host was started.
 *
 * A domain is saving='yes' while it is saved, as long as its secondaries may be stopped
 * (libxl_devicemodel_save.h).
 *
 * Where the uarts are numbered, the serial ports of the definition are the guest's by their
 * numbers.  A daemon that did not write that went by their order.
 *
 * Only root can write it.  What is malformed is refused all the same: with a wrong
 * number, the processes or the taps of somebody else would be removed.
 *
 * All functions are called with the domain locked, or before anybody else has it.  What
 * parses and formats touches neither files nor processes.
 */

#pragma once

#include "libxl_conf.h"
#include "virxml.h"

int
libxlDeviceModelsParseStatus(xmlXPathContextPtr ctxt,
                             virDomainObj *vm);

void
libxlDeviceModelsFormatStatus(virBuffer *buf,
                              virDomainObj *vm);

int
libxlDeviceModelsWriteStatus(libxlDriverPrivate *driver,
                             virDomainObj *vm);

int
libxlDeviceModelsRecord(libxlDriverPrivate *driver,
                        virDomainObj *vm);
