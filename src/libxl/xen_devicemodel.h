/*
 * xen_devicemodel.h: the device models of a domain in Xen's configuration files
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * xl.cfg(5) has no word for several device models.  The 2012 series for Xen
 * that first proposed them had, and so has this driver:
 *
 *   device_models = [ "name=lan,path=/opt/lan/qemu,vifs=lan0;lan1,serial" ]
 *
 * Nothing here takes a lock: the caller owns the definition.
 */

#pragma once

#include "domain_conf.h"
#include "virconf.h"

int
xenParseXLDeviceModels(virConf *conf,
                       virDomainDef *def,
                       virDomainXMLOption *xmlopt);

int
xenFormatXLDeviceModels(virConf *conf,
                        const virDomainDef *def);

int
xenParseXMDeviceModels(virConf *conf);

int
xenFormatXMDeviceModels(const virDomainDef *def);
