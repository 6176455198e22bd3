/*
 * libxldevicemodeltestdomain.h: pieces of domain definitions, for tables of tests
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#define TEST_UNSUPPORTED "unsupported configuration: "

#define TEST_MAC(n) "00:16:3e:00:00:0" #n
#define TEST_NIC_MODEL(n, model) \
    "<interface type='bridge'><mac address='" TEST_MAC(n) "'/>" \
    "<source bridge='xenbr0'/>" model "</interface>"
#define TEST_NIC(n) TEST_NIC_MODEL(n, "<model type='e1000'/>")
#define TEST_NIC_ADDRESS(n, address) \
    TEST_NIC_MODEL(n, "<model type='e1000'/><address " address "/>")
#define TEST_SLOT(slot) "type='pci' domain='0' bus='0' slot='" slot "' function='0'"
#define TEST_MAIN(content) "<devicemodel name='main'>" content "</devicemodel>"
#define TEST_LAN(content) "<devicemodel name='lan'>" content "</devicemodel>"
#define TEST_REF(n) "<interface mac='" TEST_MAC(n) "'/>"
#define TEST_EMULATOR "<emulator>/bin/true</emulator>"
