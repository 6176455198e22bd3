/*
 * virnetdevopenvswitchruntest.c: what is said where Open vSwitch cannot be told something
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stands in for where ovs-vsctl is found, and for ovs-vsctl by scripts.
 */

#include <config.h>

#include <sys/stat.h>

#include "testutils.h"
#include "virfile.h"
#include "virmacaddr.h"
#include "virnetdevopenvswitch.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define TEST_SPEAKS "#!/bin/sh\necho no such bridge >&2\nexit 1\n"
#define TEST_SILENT "#!/bin/sh\nexit 3\n"
#define TEST_KILLED "#!/bin/sh\nkill -KILL $$\n"

static char *testDir;
static char *testProgram; /* ovs-vsctl, or NULL where there is none */


char *
virFindFileInPath(const char *file G_GNUC_UNUSED)
{
    return g_strdup(testProgram);
}


static int
testAddPort(void)
{
    const virMacAddr mac = { .addr = { 0, 0x16, 0x3e } };
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    const virNetDevVPortProfile profile = { 0 };

    return virNetDevOpenvswitchAddPort("lan", "lan0", &mac, uuid, &profile, NULL);
}


static int
testRemovePort(void)
{
    return virNetDevOpenvswitchRemovePort("lan0");
}


static int
testGetMaster(void)
{
    g_autofree char *master = NULL;

    return virNetDevOpenvswitchInterfaceGetMaster("lan0", &master);
}


struct testRunData {
    int (*call)(void);
    const char *script; /* ovs-vsctl */
    const char *said; /* how the error begins */
    const char *why; /* and ends */
};


static int
testRun(const void *opaque)
{
    const struct testRunData *data = opaque;
    g_autofree char *path = g_strdup_printf("%s/ovs-vsctl", testDir);
    g_autofree char *error = NULL;
    int rc;

    if (data->script) {
        if (!g_file_set_contents(path, data->script, -1, NULL) || chmod(path, 0700) < 0)
            return -1;
        testProgram = path;
    }

    rc = data->call();
    testProgram = NULL;
    error = g_strdup(virGetLastErrorMessage());
    virResetLastError();
    g_strchomp(error);
    if (rc < 0 && g_str_has_prefix(error, data->said) && g_str_has_suffix(error, data->why))
        return 0;

    VIR_TEST_VERBOSE("returned %d with '%s', expected '%s...%s'", rc, error, data->said, data->why);
    return -1;
}


static int
mymain(void)
{
    int ret = 0;

    testDir = g_dir_make_tmp("virnetdevopenvswitchruntest-XXXXXX", NULL);
    if (!testDir)
        return EXIT_FAILURE;

#define DO_TEST(title, ...) \
    do { \
        static const struct testRunData data = { __VA_ARGS__ }; \
        if (virTestRun(title, testRun, &data) < 0) \
            ret = -1; \
    } while (0)
#define ADD "internal error: Unable to add port lan0 to OVS bridge lan: "
#define REMOVE "internal error: Unable to delete port lan0 from OVS: "
#define MASTER "internal error: Unable to run command to get OVS master for interface lan0: "
#define MISSING "Cannot find '" OVS_VSCTL "' in path: No such file or directory"

    DO_TEST("add, no program", testAddPort, NULL, ADD, MISSING);
    DO_TEST("add, a program that says why", testAddPort, TEST_SPEAKS,
            ADD "no such bridge", "");
    DO_TEST("add, a program that says nothing", testAddPort, TEST_SILENT, ADD,
            "unexpected exit status 3");
    DO_TEST("remove, no program", testRemovePort, NULL, REMOVE, MISSING);
    DO_TEST("find the bridge, no program", testGetMaster, NULL, MASTER, MISSING);
    DO_TEST("find the bridge, a program that is killed", testGetMaster, TEST_KILLED, MASTER,
            "fatal signal 9");

#undef MISSING
#undef MASTER
#undef REMOVE
#undef ADD
#undef DO_TEST

    virFileDeleteTree(testDir);
    g_free(testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
