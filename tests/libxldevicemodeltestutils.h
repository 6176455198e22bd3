/*
 * libxldevicemodeltestutils.h: what several tests of device models need
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

#include "conf/domain_conf.h"

char *
libxlDeviceModelTestDomainXML(const char *type,
                              const char *devices);

virDomainDef *
libxlDeviceModelTestParse(virDomainXMLOption *xmlopt,
                          const char *type,
                          const char *devices);

virDomainDef *
libxlDeviceModelTestParseGolden(virDomainXMLOption *xmlopt,
                                const char *name);

int
libxlDeviceModelTestRefusal(virDomainXMLOption *xmlopt,
                            const char *type,
                            const char *devices,
                            const char *expected);

char *
libxlDeviceModelTestPath(const char *dir,
                         const char *name);

int
libxlDeviceModelTestCompareError(const char *dir,
                                 const char *expected);

int
libxlDeviceModelTestOutcome(int rc,
                            const char *dir,
                            const char *expected);

GHashTable *
libxlDeviceModelTestOpenFiles(void);

int
libxlDeviceModelTestCheckOpenFiles(GHashTable *before);

bool
libxlDeviceModelTestReceive(int fd,
                            GString *in,
                            int *passed);
