/*
 * libxldevicemodelprivilegetest.c: what a secondary may not do
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The processes that are looked at are folders made like those of /proc; the
 * emulators are scripts.  What takes root is tried if the test is root, and on
 * an emulated Xen host (xenhost/scenarios/privilege.py) in any case.
 */

#include <config.h>

#include <dlfcn.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_privilege.h"
#include "libxldevicemodeltestutils.h"
#include "virfile.h"
#include "virprocess.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define TEST_BASE 1879048192U

/* that of device model 7 of the last domain, so no process has it */
#define TEST_UID (TEST_BASE + 32751 * 16 + 7)

static char *testDir;

/* a user and a group of the test's own, and a user that is none there */
static uid_t testUserUID;
static gid_t testGroupGID;
static uid_t testNobodyUID = -1;


int
getpwuid_r(uid_t uid,
           struct passwd *pwd,
           char *buf,
           size_t buflen,
           struct passwd **result)
{
    static int (*next)(uid_t, struct passwd *, char *, size_t, struct passwd **);

    if (uid == testUserUID && uid > 0) {
        memset(pwd, 0, sizeof(*pwd));
        pwd->pw_name = (char *)"alice";
        *result = pwd;
        return 0;
    }

    if (uid == testNobodyUID) {
        *result = NULL;
        return 0;
    }

    if (!next)
        next = dlsym(RTLD_NEXT, "getpwuid_r");
    return next(uid, pwd, buf, buflen, result);
}


int
getgrgid_r(gid_t gid,
           struct group *grp,
           char *buf,
           size_t buflen,
           struct group **result)
{
    static int (*next)(gid_t, struct group *, char *, size_t, struct group **);

    if (gid == testGroupGID && gid > 0) {
        memset(grp, 0, sizeof(*grp));
        grp->gr_name = (char *)"staff";
        *result = grp;
        return 0;
    }

    if (gid == testNobodyUID) {
        *result = NULL;
        return 0;
    }

    if (!next)
        next = dlsym(RTLD_NEXT, "getgrgid_r");
    return next(gid, grp, buf, buflen, result);
}


/* What libxl.conf says. */
struct testConfData {
    const char *conf;
    unsigned int base;
    const char *error;
};


static int
testConf(const void *opaque)
{
    const struct testConfData *data = opaque;
    g_autoptr(virConf) conf = virConfReadString(data->conf, 0);
    unsigned int base = 0;

    if (!conf ||
        libxlDeviceModelTestOutcome(libxlDeviceModelPrivilegeLoadConf(conf, &base),
                                    testDir, data->error) < 0)
        return -1;

    if (base != data->base) {
        VIR_TEST_VERBOSE("base is %u, expected %u", base, data->base);
        return -1;
    }

    return 0;
}


static int
testConfs(void)
{
    int ret = 0;

#define RANGE "expected a number from 65536 to 4294443263, where 524032 user and group ids that nobody has begin"
#define DO_TEST(conf, base, error) \
    do { \
        static const struct testConfData data = { conf, base, error }; \
        if (virTestRun("libxl.conf: " conf, testConf, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("", 0, NULL);
    DO_TEST("device_model_uid_base = 65536\n", 65536, NULL);
    DO_TEST("device_model_uid_base = 4294443263\n", 4294443263U, NULL);
    DO_TEST("device_model_uid_base = 0\n", 0,
            "unsupported configuration: device_model_uid_base = 0, " RANGE);
    DO_TEST("device_model_uid_base = 65535\n", 0,
            "unsupported configuration: device_model_uid_base = 65535, " RANGE);
    DO_TEST("device_model_uid_base = 4294443264\n", 0,
            "unsupported configuration: device_model_uid_base = 4294443264, " RANGE);
    DO_TEST("device_model_uid_base = 4294967296\n", 0,
            "internal error: memory conf: value for 'device_model_uid_base' parameter must be in range 0:4294967295");
    DO_TEST("device_model_uid_base = -1\n", 0,
            "internal error: memory conf: expected an unsigned integer for 'device_model_uid_base' parameter");
    DO_TEST("device_model_uid_base = \"qemu\"\n", 0,
            "internal error: memory conf: expected an unsigned integer for 'device_model_uid_base' parameter");

#undef DO_TEST
#undef RANGE

    return ret;
}


struct testNewData {
    unsigned int base;
    unsigned int domid;
    unsigned int id;
    uid_t uid;
    const char *error;
};


static int
testNew(const void *opaque)
{
    const struct testNewData *data = opaque;
    g_autoptr(libxlDeviceModelPrivilege) privilege = NULL;

    privilege = libxlDeviceModelPrivilegeNew("/run", data->base, data->domid, data->id, "lan", 2);
    if (libxlDeviceModelTestOutcome(privilege ? 0 : -1, testDir, data->error) < 0)
        return -1;
    if (!privilege)
        return 0;

    if (privilege->uid != data->uid || STRNEQ(privilege->name, "lan") ||
        privilege->processes != 130 || STRNEQ(privilege->root, "/run/devicemodel/root")) {
        VIR_TEST_VERBOSE("uid %u, name '%s', %u processes, root '%s'", privilege->uid,
                         privilege->name, privilege->processes, privilege->root);
        return -1;
    }

    return 0;
}


static int
testNews(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testNewData data = { __VA_ARGS__ }; \
        if (virTestRun("uid: " title, testNew, &data) < 0) \
            ret = -1; \
    } while (0)
#define ERROR(id, domid) \
    "internal error: no user id for device model " id " of domain " domid ", " \
    "expected device models 1 to 7 of domains up to 32751"

    DO_TEST("of the default range", 0, 1, 1, TEST_BASE + 17, NULL);
    DO_TEST("of a range of the user's", 100003, 5, 7, 100003 + 87, NULL);
    DO_TEST("the last", 4294443263U, 32751, 7, 4294967286U, NULL);
    DO_TEST("of the primary", 0, 1, 0, 0, ERROR("0", "1"));
    DO_TEST("of one too many", 0, 1, 8, 0, ERROR("8", "1"));
    DO_TEST("of no domain", 0, 32752, 1, 0, ERROR("1", "32752"));

#undef ERROR
#undef DO_TEST

    return ret;
}


/* What an emulator offers, and what it is told. */
struct testArgsData {
    libxlDeviceModelEmulator emulator;
    const char *args;
};


static int
testArgs(const void *opaque)
{
    const struct testArgsData *data = opaque;
    g_autoptr(libxlDeviceModelPrivilege) privilege = NULL;
    g_autoptr(virCommand) cmd = virCommandNew("/qemu");
    g_autofree char *expected = g_strdup_printf("/qemu -xen-domid-restrict %s", data->args);
    g_autofree char *actual = NULL;

    if (!(privilege = libxlDeviceModelPrivilegeNew("/a,b", 0, 1, 1, "lan", 1)))
        return -1;

    privilege->emulator = data->emulator;
    libxlDeviceModelPrivilegeApply(privilege, cmd);

    if (!(actual = virCommandToString(cmd, false)))
        return -1;

    return virTestCompareToString(expected, actual);
}


static int
testAllArgs(void)
{
    int ret = 0;

#define DO_TEST(title, sandbox, chroot, user, args) \
    do { \
        static const struct testArgsData data = { { sandbox, chroot, user, { 0 } }, args }; \
        if (virTestRun("arguments: " title, testArgs, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("QEMU 7.2", false, false, false,
            "-chroot /a,b/devicemodel/root -runas 1879048209:1879048209");
    DO_TEST("QEMU 9.0", false, true, false,
            "-runas 1879048209:1879048209 -run-with chroot=/a,,b/devicemodel/root");
    DO_TEST("QEMU 10.0", false, true, true,
            "-run-with chroot=/a,,b/devicemodel/root,user=1879048209:1879048209");
    DO_TEST("sandbox", true, false, false,
            "-chroot /a,b/devicemodel/root -runas 1879048209:1879048209 "
            "-sandbox on,obsolete=deny,elevateprivileges=allow,spawn=deny,resourcecontrol=deny");

#undef DO_TEST

    return ret;
}


/* The help of some QEMU around its -run-with. */
struct testHelpData {
    const char *help;
    bool chroot;
    bool user;
    unsigned int version[2];
};


static int
testHelp(const void *opaque)
{
    const struct testHelpData *data = opaque;
    libxlDeviceModelEmulator emulator = { 0 };

    libxlDeviceModelEmulatorParseHelp(data->help, &emulator);

    return emulator.runWithChroot == data->chroot &&
           emulator.runWithUser == data->user &&
           memcmp(emulator.version, data->version, sizeof(data->version)) == 0 ? 0 : -1;
}


static int
testHelps(void)
{
    int ret = 0;

#define BEGIN "usage: qemu\n-runas user     change to user id user\n" \
              "-chroot dir     chroot to dir\n"
#define END "-tpmdev x,user=y,chroot=z\n"
#define DO_TEST(title, ...) \
    do { \
        static const struct testHelpData data = { __VA_ARGS__ }; \
        if (virTestRun("help: " title, testHelp, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("QEMU 7.2", BEGIN END, false, false, { 0 });
    DO_TEST("QEMU 8.1", BEGIN "-run-with async-teardown[=on|off]\n    misc\n" END, false, false, { 0 });
    DO_TEST("QEMU 9.0", BEGIN "-run-with [async-teardown=on|off][,chroot=dir]\n"
            "    chroot=dir chroot to dir just before starting the VM\n" END, true, false, { 0 });
    DO_TEST("QEMU 10.0", BEGIN "-run-with [async-teardown=on|off][,chroot=dir][user=username|uid:gid]\n"
            "    user=uid:gid ditto\n" END, true, true, { 0 });
    DO_TEST("at the end", "\n-run-with [chroot=dir]\n\n-run-with [user=uid]", true, false, { 0 });
    DO_TEST("its version", "QEMU emulator version 7.2.11 (Debian 1:7.2+dfsg-7)\n" BEGIN, false, false,
            { 7, 2 });
    DO_TEST("a version after what a script says", "hello\nQEMU emulator version 10.0.0\n", false, false,
            { 10, 0 });
    DO_TEST("no version", "QEMU emulator version 7-2\n", false, false, { 0 });
    DO_TEST("no number", "QEMU emulator version x.y\n", false, false, { 0 });

#undef DO_TEST
#undef END
#undef BEGIN

    return ret;
}


static char *
testScript(const char *name,
           const char *text)
{
    char *path = g_strdup_printf("%s/%s", testDir, name);
    g_autofree char *script = g_strdup_printf("#!/bin/sh\n%s\n", text);

    if (virFileWriteStr(path, script, 0700) < 0)
        abort();

    return path;
}


static bool testHangs; /* the emulator does: nobody waits for long */


unsigned int
alarm(unsigned int seconds)
{
    struct itimerval timer = { .it_value = { .tv_sec = seconds } };

    if (testHangs && seconds > 0)
        timer.it_value = (struct timeval){ .tv_usec = 200 * 1000 };

    return setitimer(ITIMER_REAL, &timer, NULL);
}


/* An emulator, and what it says of itself. */
struct testProbeData {
    const char *script;
    libxlDeviceModelEmulator emulator;
    const char *error;
};


static int
testProbe(const void *opaque)
{
    const struct testProbeData *data = opaque;
    g_autofree char *path = testScript("emulator", data->script);
    libxlDeviceModelEmulator emulator = { true, true, true, { 0 } };
    int rc = libxlDeviceModelEmulatorProbe(path, "lan", &emulator);

    if (libxlDeviceModelTestOutcome(rc, testDir, data->error) < 0)
        return -1;

    if (rc == 0 && memcmp(&emulator, &data->emulator, sizeof(emulator)) != 0) {
        VIR_TEST_VERBOSE("sandbox %d, chroot %d, user %d", emulator.sandbox,
                         emulator.runWithChroot, emulator.runWithUser);
        return -1;
    }

    return 0;
}


/* One that stays the same is not asked again. */
static int
testProbeAgain(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *text = g_strdup_printf("echo . >>%s/count", testDir);
    g_autofree char *path = testScript("again", text);
    g_autofree char *countPath = g_strdup_printf("%s/count", testDir);
    g_autofree char *count = NULL;
    libxlDeviceModelEmulator emulator;
    size_t i;

    for (i = 0; i < 3; i++) {
        if (libxlDeviceModelEmulatorProbe(path, "lan", &emulator) < 0)
            return -1;
    }

    g_free(path);
    g_free(text);
    text = g_strdup_printf("echo . >>%s/count; exit 0", testDir);
    path = testScript("again", text);
    if (libxlDeviceModelEmulatorProbe(path, "lan", &emulator) < 0 ||
        virTestLoadFile(countPath, &count) < 0)
        return -1;

    return virTestCompareToString(".\n.\n", count);
}


static int
testProbeMissing(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelEmulator emulator;

    return libxlDeviceModelTestOutcome(libxlDeviceModelEmulatorProbe("/nonexistent", "lan",
                                                                     &emulator), testDir,
                                       "device model 'lan': cannot access emulator '/nonexistent': "
                                       "No such file or directory");
}


static int
testProbes(void)
{
    int ret = 0;

#define ASKED "device model 'lan': emulator 'DIR/emulator' was asked for its options and "
#define DO_TEST(title, ...) \
    do { \
        static const struct testProbeData data = { __VA_ARGS__ }; \
        if (virTestRun("emulator: " title, testProbe, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("with a sandbox",
            "echo; echo '-run-with [chroot=dir][user=uid]'", { true, true, true, { 0 } }, NULL);
    DO_TEST("without a sandbox",
            "[ $1 = -sandbox ] && exit 1; echo; echo '-run-with [chroot=dir]'",
            { false, true, false, { 0 } }, NULL);
    DO_TEST("that is no QEMU", "exit 3", { false, false, false, { 0 } }, NULL);
    DO_TEST("that crashes", "kill -SEGV $$", { 0 },
            "operation failed: " ASKED "was ended by signal 11");

    testHangs = true;
    DO_TEST("that hangs", "exec sleep 10", { 0 },
            "Timed out during operation: " ASKED "gave no answer within 15 s: "
            "'DIR/emulator' is a script, expected one that passes on the environment, the "
            "open files and all arguments, and executes the emulator in its own place (exec)");
    testHangs = false;

    if (virTestRun("emulator: asked once", testProbeAgain, NULL) < 0)
        ret = -1;
    if (virTestRun("emulator: missing", testProbeMissing, NULL) < 0)
        ret = -1;

#undef DO_TEST
#undef ASKED

    return ret;
}


/* What is in the place of the empty root. */
struct testRootData {
    const char *script; /* makes it */
    const char *error;
};


static int
testRootOne(const struct testRootData *data,
            const char *stateDir,
            libxlDeviceModelPrivilege *privilege)
{
    g_autofree char *emulator = testScript("qemu", "exit 0");
    g_autofree char *script = testScript("make", data->script);
    g_autoptr(virCommand) cmd = virCommandNewArgList("/bin/sh", "-e", script, NULL);
    struct stat sb;
    int rc;

    virCommandSetWorkingDirectory(cmd, stateDir);
    if (virCommandRun(cmd, NULL) < 0)
        return -1;

    rc = libxlDeviceModelPrivilegePrepare(privilege, emulator);
    if (libxlDeviceModelTestOutcome(rc, testDir, data->error) < 0)
        return -1;

    if (rc == 0 && (stat(privilege->root, &sb) < 0 || sb.st_mode != (S_IFDIR | 0555))) {
        VIR_TEST_VERBOSE("the root has mode %o", sb.st_mode);
        return -1;
    }

    return rc < 0 || privilege->emulator.sandbox ? 0 : -1;
}


static int
testRoot(const void *opaque)
{
    g_autofree char *stateDir = g_strdup_printf("%s/state", testDir);
    g_autofree char *folder = g_strdup_printf("%s/devicemodel", stateDir);
    g_autoptr(libxlDeviceModelPrivilege) privilege = NULL;
    int ret;

    if (g_mkdir_with_parents(folder, 0700) < 0 ||
        !(privilege = libxlDeviceModelPrivilegeNew(stateDir, 0, 32751, 7, "lan", 1)))
        return -1;

    ret = testRootOne(opaque, stateDir, privilege);
    ignore_value(chmod(privilege->root, 0700));
    virFileDeleteTree(stateDir);
    return ret;
}


/* Somebody has a number of the device model's. */
static int
testNumber(const void *opaque)
{
    const char *expected = opaque;
    g_autofree char *emulator = testScript("qemu", "exit 0");
    g_autoptr(libxlDeviceModelPrivilege) privilege = NULL;
    g_autofree char *error = NULL;
    int rc;

    if (!(privilege = libxlDeviceModelPrivilegeNew(testDir, 0, 32751, 7, "lan", 1)))
        return -1;

    if (testNobodyUID == getuid())
        privilege->uid = testNobodyUID;

    rc = libxlDeviceModelPrivilegePrepare(privilege, emulator);
    error = g_strdup_printf(expected, testUserUID ? testUserUID :
                            testGroupGID ? testGroupGID : privilege->uid);
    return libxlDeviceModelTestOutcome(rc, testDir, error);
}


static int
testNumbers(void)
{
    static const char user[] =
        "operation failed: device model 'lan': user id %1$u is that of user 'alice', "
        "expected one that nobody has: set 'device_model_uid_base' in libxl.conf";
    static const char group[] =
        "operation failed: device model 'lan': group id %1$u is that of group 'staff', "
        "expected one that nobody has: set 'device_model_uid_base' in libxl.conf";
    int ret = 0;

    testUserUID = TEST_UID;
    if (virTestRun("uid of a user", testNumber, user) < 0)
        ret = -1;
    testUserUID = TEST_UID + 8;
    if (virTestRun("uid of a user, to signal from", testNumber, user) < 0)
        ret = -1;
    testUserUID = 0;

    testGroupGID = TEST_UID;
    if (virTestRun("gid of a group", testNumber, group) < 0)
        ret = -1;
    testGroupGID = TEST_UID + 8;
    if (virTestRun("gid of a group, to signal from", testNumber, group) < 0)
        ret = -1;
    testGroupGID = 0;

    /* who that is differs with who runs the test */
    testNobodyUID = getuid();
    if (virTestRun("uid of a process", testNumber,
                   "operation failed: device model 'lan': a process runs under user id %1$u, "
                   "expected one that nobody has: set 'device_model_uid_base' in libxl.conf") < 0)
        ret = -1;
    testNobodyUID = -1;

    return ret;
}


static int
testRoots(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testRootData data = { __VA_ARGS__ }; \
        if (virTestRun("root: " title, testRoot, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("none yet", "true", NULL);
    DO_TEST("there already", "mkdir -m 555 devicemodel/root", NULL);
    DO_TEST("no folder for it", "rmdir devicemodel; touch devicemodel",
            "device model 'lan': cannot create folder 'DIR/state/devicemodel/root': "
            "Not a directory");
    DO_TEST("not empty", "mkdir devicemodel/root; touch devicemodel/root/a; chmod 555 devicemodel/root",
            "operation failed: device model 'lan': folder 'DIR/state/devicemodel/root' "
            "has an entry 'a', expected an empty folder");

#undef DO_TEST

    return ret;
}


/* What is in the way of the empty root and is no folder that is safe. */
static int
testRootWrong(const void *opaque)
{
    const char *script = opaque;
    g_autofree char *stateDir = g_strdup_printf("%s/state", testDir);
    g_autofree char *root = g_strdup_printf("%s/devicemodel/root", stateDir);
    g_autofree char *error = NULL;
    struct testRootData data = { "true", NULL };
    g_autoptr(libxlDeviceModelPrivilege) privilege = NULL;
    g_autoptr(virCommand) cmd = virCommandNewArgList("/bin/sh", "-ec", script, NULL);
    struct stat sb;
    int ret = -1;

    virCommandSetWorkingDirectory(cmd, testDir);
    if (virCommandRun(cmd, NULL) == 0 && lstat(root, &sb) == 0 &&
        (privilege = libxlDeviceModelPrivilegeNew(stateDir, 0, 32751, 7, "lan", 1))) {
        error = g_strdup_printf("operation failed: device model 'lan': 'DIR/state/devicemodel/root' "
                                "has mode %o and owner %u, expected a folder of user %u that "
                                "nobody can write to", sb.st_mode, getuid(), getuid());
        data.error = error;
        ret = testRootOne(&data, stateDir, privilege);
    }

    virFileDeleteTree(stateDir);
    return ret;
}


static int
testRootsWrong(void)
{
    int ret = 0;

    if (virTestRun("root: a file", testRootWrong,
                   "mkdir -p state/devicemodel; touch state/devicemodel/root") < 0)
        ret = -1;
    if (virTestRun("root: a link", testRootWrong,
                   "mkdir -p state/devicemodel state/x; chmod 555 state/x; "
                   "ln -s ../x state/devicemodel/root") < 0)
        ret = -1;
    if (virTestRun("root: anybody's", testRootWrong,
                   "mkdir -p state/devicemodel/root; chmod 777 state/devicemodel/root") < 0)
        ret = -1;
    if (virTestRun("root: its owner's", testRootWrong,
                   "mkdir -p state/devicemodel/root; chmod 755 state/devicemodel/root") < 0)
        ret = -1;

    return ret;
}


/* A change of a process that is as it should be, and what is said of it. */
struct testCheckData {
    const char *from;
    const char *to;
    bool both; /* in both threads */
    bool sandbox;
    const char *script; /* in the folder of the process */
    const char *error;
};

static const char testStatus[] =
    "Name:\tqemu\n"
    "Uid:\t@\t@\t@\t@\n"
    "Gid:\t@\t@\t@\t@\n"
    "Groups:\t@ \n"
    "CapInh:\t0000000000000000\n"
    "CapPrm:\t0000000000000000\n"
    "CapEff:\t0000000000000000\n"
    "CapBnd:\t00000000000400c0\n"
    "CapAmb:\t0000000000000000\n"
    "NoNewPrivs:\t1\n"
    "Seccomp:\t2\n"
    "Seccomp_filters:\tENOUGH\n";


/* How many filters an emulator without a sandbox has, by what this process has. */
static int
testFilters(void)
{
    g_autofree char *status = NULL;
    const char *filters = NULL;

    if (virFileReadAll("/proc/self/status", 64 * 1024, &status) >= 0)
        filters = strstr(status, "\nSeccomp_filters:");

    return 2 + (filters ? atoi(filters + strlen("\nSeccomp_filters:")) : 0);
}


/* Put the numbers in the place of what stands for them. */
static char *
testFill(const char *text)
{
    g_autoptr(GString) str = g_string_new(text);
    int filters = testFilters();
    g_autofree char *less = g_strdup_printf("%d", filters - 1);
    g_autofree char *enough = g_strdup_printf("%d", filters);
    g_autofree char *more = g_strdup_printf("%d", filters + 1);
    g_autofree char *uid = g_strdup_printf("%u", TEST_UID);

    g_string_replace(str, "LESS", less, 0);
    g_string_replace(str, "ENOUGH", enough, 0);
    g_string_replace(str, "MORE", more, 0);
    g_string_replace(str, "@", uid, 0);
    return g_strdup(str->str);
}


/* The second of two threads is changed, or both are. */
static int
testCheckMake(const struct testCheckData *data,
              const char *proc,
              const char *root)
{
    g_autofree char *changed = data->from ? virStringReplace(testStatus, data->from, data->to)
                                          : g_strdup(testStatus);
    g_autofree char *first = testFill(data->both ? changed : testStatus);
    g_autofree char *second = testFill(changed);
    g_autofree char *script = NULL;
    g_autoptr(virCommand) cmd = NULL;

    if (data->from && STREQ(changed, testStatus))
        return -1;

    script = g_strdup_printf("rm -rf %1$s; mkdir -p %1$s/ns %1$s/task/10 %1$s/task/11 %2$s; cd %1$s\n"
                             "ln -s %2$s root; ln -s %2$s cwd; touch ns/net ns/ipc\n"
                             "printf '%%s' \"$1\" >task/10/status\n"
                             "printf '%%s' \"$2\" >task/11/status\n"
                             "%3$s\n", proc, root, NULLSTR_EMPTY(data->script));
    cmd = virCommandNewArgList("/bin/sh", "-ec", script, "sh", first, second, NULL);
    return virCommandRun(cmd, NULL);
}


static int
testCheck(const void *opaque)
{
    const struct testCheckData *data = opaque;
    g_autofree char *proc = g_strdup_printf("%s/proc", testDir);
    g_autofree char *root = g_strdup_printf("%s/root", testDir);
    libxlDeviceModelPrivilege privilege = { .name = (char *)"lan", .uid = TEST_UID, .root = root };
    g_autofree char *error = data->error ? testFill(data->error) : NULL;

    privilege.emulator.sandbox = data->sandbox;
    if (testCheckMake(data, proc, root) < 0)
        return -1;

    return libxlDeviceModelTestOutcome(libxlDeviceModelPrivilegeCheck(&privilege, proc),
                                       testDir, error);
}


#define KEPT(what, value, expected) \
    "operation failed: device model 'lan' was not deprivileged: '" what "' is '" value \
    "' in its process, expected '" expected "'"

#define DO_TEST(title, ...) \
    do { \
        static const struct testCheckData data = { __VA_ARGS__ }; \
        if (virTestRun("check: " title, testCheck, &data) < 0) \
            ret = -1; \
    } while (0)

#define DO_TEST_CAP(set) \
    DO_TEST(set, .from = set ":\t0000000000000000", .to = set ":\t0000000000000080", \
            .error = KEPT(set, "0000000000000080", "0000000000000000"))

static int
testChecksStatus(void)
{
    int ret = 0;

    DO_TEST("as it should be", 0);
    DO_TEST("root", .from = "Uid:\t@\t@\t@\t@", .to = "Uid:\t0\t0\t0\t0",
            .error = KEPT("Uid", "0 0 0 0", "@ @ @ @"));
    DO_TEST("saved uid", .from = "Uid:\t@\t@\t@\t@", .to = "Uid:\t@\t@\t0\t@",
            .error = KEPT("Uid", "@ @ 0 @", "@ @ @ @"));
    DO_TEST("gid", .from = "Gid:\t@\t@\t@\t@", .to = "Gid:\t@\t0\t@\t@",
            .error = KEPT("Gid", "@ 0 @ @", "@ @ @ @"));
    DO_TEST("no groups", .from = "Groups:\t@ ", .to = "Groups:\t ");
    DO_TEST("groups", .from = "Groups:\t@ ", .to = "Groups:\t@ 6 ",
            .error = KEPT("Groups", "@ 6", "@"));
    DO_TEST_CAP("CapInh");
    DO_TEST_CAP("CapPrm");
    DO_TEST_CAP("CapEff");
    DO_TEST_CAP("CapAmb");
    DO_TEST("empty bounding set", .from = "00000000000400c0", .to = "0000000000000000");
    DO_TEST("bounding set", .from = "00000000000400c0", .to = "00000000000400c1",
            .error = KEPT("CapBnd", "00000000000400c1", "00000000000400c0"));
    DO_TEST("new privileges", .from = "NoNewPrivs:\t1", .to = "NoNewPrivs:\t0",
            .error = KEPT("NoNewPrivs", "0", "1"));
    DO_TEST("a kernel that does not say", .from = "NoNewPrivs:\t1\n", .to = "",
            .error = KEPT("NoNewPrivs", "<null>", "1"));
    DO_TEST("no filter", .from = "Seccomp:\t2", .to = "Seccomp:\t0",
            .error = KEPT("Seccomp", "0", "2"));
    DO_TEST("the driver's filter only", .from = "ENOUGH", .to = "LESS",
            .error = KEPT("Seccomp_filters", "LESS", "ENOUGH"));
    DO_TEST("a filter of the emulator's own", .from = "ENOUGH", .to = "MORE");
    DO_TEST("a kernel that does not count filters", .from = "Seccomp_filters:\tENOUGH\n", .to = "");
    DO_TEST("sandbox", .from = "ENOUGH", .to = "MORE", .both = true, .sandbox = true);
    DO_TEST("a sandbox that is missing", .from = "ENOUGH", .to = "MORE", .sandbox = true,
            .error = KEPT("Seccomp_filters", "ENOUGH", "MORE"));

    return ret;
}


static int
testChecksProcess(void)
{
    int ret = 0;

    DO_TEST("another root", .script = "ln -sfn / root",
            .error = KEPT("root", "/", "DIR/root"));
    DO_TEST("another folder", .script = "ln -sfn /etc cwd",
            .error = KEPT("cwd", "/etc", "DIR/root"));
    DO_TEST("a folder whose name is no text",
            .script = "odd=$(printf '\\033[2J\\377'); mkdir \"$odd\"; ln -sfn \"$odd\" cwd",
            .error = KEPT("cwd", "\\033[2J\\377", "DIR/root"));
    DO_TEST("network of the host", .script = "ln -sf /proc/self/ns/net ns/net",
            .error = KEPT("ns/net", "/proc/self/ns/net", "one that is not the host's"));
    DO_TEST("IPC of the host", .script = "ln -sf /proc/self/ns/ipc ns/ipc",
            .error = KEPT("ns/ipc", "/proc/self/ns/ipc", "one that is not the host's"));
    DO_TEST("a thread that ends", .script = "mkdir task/12");
    DO_TEST("nothing to be seen", .script = "rm -r task/*",
            .error = "operation failed: device model 'lan': the credentials of its process "
                     "cannot be read from 'DIR/proc/task'");
    DO_TEST("gone", .script = "rm root",
            .error = "device model 'lan': cannot compare 'DIR/proc/root' with 'DIR/root': "
                     "No such file or directory");

    return ret;
}

#undef DO_TEST_CAP
#undef DO_TEST
#undef KEPT


/* A process that waits to be ended, or for the end of the test. */
static pid_t
testVictim(uid_t uid)
{
    pid_t pid = fork();

    if (pid == 0 && uid && setuid(uid) < 0)
        _exit(1);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }

    return pid;
}


/* Signals reach the processes of the uid, and no others. */
static int
testSignal(const void *opaque G_GNUC_UNUSED)
{
    pid_t victim;
    pid_t bystander;
    bool ended = false;
    int status = 0;
    int ret = -1;
    int rc;

    if (geteuid() != 0)
        return EXIT_AM_SKIP;

    bystander = testVictim(TEST_UID - 1);
    victim = testVictim(TEST_UID);

    /* the child is root until it is scheduled */
    while ((rc = libxlDeviceModelPrivilegeSignal(TEST_UID, SIGKILL)) == 0)
        g_usleep(1000);

    if (rc == 1)
        ended = waitpid(victim, &status, 0) == victim;

    if (ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
        libxlDeviceModelPrivilegeSignal(TEST_UID, SIGKILL) == 0 &&
        waitpid(bystander, &status, WNOHANG) == 0)
        ret = 0;

    kill(bystander, SIGKILL);
    waitpid(bystander, &status, 0);
    if (!ended) {
        kill(victim, SIGKILL);
        waitpid(victim, &status, 0);
    }

    return ret;
}


/* What the kernel does for the process that signals, all of it made up. */
struct testKernel {
    uid_t mask; /* bits of a uid that are set; 0: it refuses to set any */
    uid_t odd[3]; /* bits that differ in the real, effective and saved uid */
    bool unknown; /* it does not tell the uids */
    int init; /* errno of a signal to init; 0: that may be signalled */
    int all; /* errno of one to everybody */
    bool fails;
};

static const struct testKernel *testKernel; /* NULL: the real one */
static uid_t testKernelUIDs[3];


int
getpriority(__priority_which_t which,
            id_t who)
{
    static int (*next)(__priority_which_t, id_t);

    if (testKernel && which == PRIO_USER && who == TEST_UID)
        return 0;

    if (!next)
        next = dlsym(RTLD_NEXT, "getpriority");
    return next(which, who);
}


/* Where there are two calls, the one with the plain name takes 16 bits. */
static int
testKernelSetUIDs(const uid_t *uids,
                  bool plain)
{
    uid_t mask = testKernel->mask;
    size_t i;

#ifdef SYS_setresuid32
    if (plain)
        mask &= 0xffff;
#else
    (void)plain;
#endif

    if (mask == 0) {
        errno = EPERM;
        return -1;
    }

    for (i = 0; i < 3; i++)
        testKernelUIDs[i] = (uids[i] & mask) ^ testKernel->odd[i];
    return 0;
}


long
syscall(long number,
        ...)
{
    static long (*next)(long, ...);
    long args[6];
    va_list list;
    size_t i;

    va_start(list, number);
    for (i = 0; i < G_N_ELEMENTS(args); i++)
        args[i] = va_arg(list, long);
    va_end(list);

    if (testKernel) {
        uid_t uids[] = { args[0], args[1], args[2] };

        if (number == SYS_setresuid)
            return testKernelSetUIDs(uids, true);
#ifdef SYS_setresuid32
        if (number == SYS_setresuid32)
            return testKernelSetUIDs(uids, false);
#endif
    }

    if (!next)
        next = dlsym(RTLD_NEXT, "syscall");
    return next(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}


int
getresuid(uid_t *real,
          uid_t *effective,
          uid_t *saved)
{
    static int (*next)(uid_t *, uid_t *, uid_t *);

    if (!testKernel) {
        if (!next)
            next = dlsym(RTLD_NEXT, "getresuid");
        return next(real, effective, saved);
    }

    if (testKernel->unknown)
        return -1;

    *real = testKernelUIDs[0];
    *effective = testKernelUIDs[1];
    *saved = testKernelUIDs[2];
    return 0;
}


int
kill(pid_t pid,
     int sig)
{
    static int (*next)(pid_t, int);

    if (testKernel) {
        errno = pid == 1 ? testKernel->init : testKernel->all;
        return errno == 0 ? 0 : -1;
    }

    if (!next)
        next = dlsym(RTLD_NEXT, "kill");
    return next(pid, sig);
}


/* Whatever goes wrong, nobody is signalled under another uid than that of the secondary, nor
 * with the privilege to signal anybody. */
static int
testSignalKernel(const void *opaque)
{
    const struct testKernel *kernel = opaque;
    g_autofree char *error = g_strdup_printf("operation failed: cannot signal the processes of user id %u",
                                             TEST_UID);
    int rc;

    testKernel = kernel;
    rc = libxlDeviceModelPrivilegeSignal(TEST_UID, SIGKILL);
    testKernel = NULL;

    if (kernel->fails)
        return libxlDeviceModelTestOutcome(rc, testDir, error);

    return rc == 1 ? 0 : -1;
}


static int
testSignalKernels(void)
{
    int ret = 0;

#define DO_TEST(title, ...) \
    do { \
        static const struct testKernel kernel = { __VA_ARGS__ }; \
        if (virTestRun("signal: " title, testSignalKernel, &kernel) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("somebody", .mask = -1, .init = EPERM);
    DO_TEST("nobody any more", .mask = -1, .init = EPERM, .all = ESRCH);
    DO_TEST("not allowed", .mask = -1, .init = EPERM, .all = EPERM, .fails = true);
    DO_TEST("uids cannot be set", .init = EPERM, .fails = true);
    DO_TEST("uids are cut", .mask = 0xffff, .init = EPERM, .fails = true);
    DO_TEST("another real uid", .mask = -1, .odd = { 1, 0, 0 }, .init = EPERM, .fails = true);
    DO_TEST("another effective uid", .mask = -1, .odd = { 0, 1, 0 }, .init = EPERM, .fails = true);
    DO_TEST("another saved uid", .mask = -1, .odd = { 0, 0, 1 }, .init = EPERM, .fails = true);
    DO_TEST("uids are not known", .mask = -1, .unknown = true, .init = EPERM, .fails = true);
    DO_TEST("anybody can be signalled", .mask = -1, .fails = true);
    DO_TEST("init is not there", .mask = -1, .init = ESRCH, .fails = true);

#undef DO_TEST

    return ret;
}


/* What is none of the uids is not signalled. */
static int
testSignalRefused(const void *opaque G_GNUC_UNUSED)
{
    static const uid_t uids[] = { 0, 1000, 65535, -1, -2, -9 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(uids); i++) {
        g_autofree char *error = g_strdup_printf("operation failed: user id %u is none of a device model",
                                                 uids[i]);

        if (libxlDeviceModelTestOutcome(libxlDeviceModelPrivilegeSignal(uids[i], SIGTERM),
                                        testDir, error) < 0)
            return -1;
    }

    return 0;
}


/* Gives this process a group and an inheritable capability more than it needs. */
static int
testBecomeRicher(void)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    gid_t group = 1;

    if (setgroups(1, &group) < 0 || syscall(SYS_capget, &header, data) < 0)
        return -1;

    data[0].inheritable |= 1U << CAP_NET_BIND_SERVICE;
    return syscall(SYS_capset, &header, data);
}


static int
testMayUnshare(pid_t ppid G_GNUC_UNUSED,
               void *opaque G_GNUC_UNUSED)
{
    return unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0;
}


static int
testConfineHook(void *opaque G_GNUC_UNUSED)
{
    return libxlDeviceModelPrivilegeConfine(TEST_UID);
}


/* What a process has lost before it is executed. */
static int
testConfine(const void *opaque G_GNUC_UNUSED)
{
    static const char *const expected[] = {
        "\nGroups:\t \n", "\nCapInh:\t0000000000000000\n", "\nCapPrm:\t00000000000400c0\n",
        "\nCapEff:\t00000000000400c0\n", "\nCapBnd:\t00000000000400c0\n",
        "\nSeccomp:\t2\n", "\nfiles 2048 core 0 processes 130\n", "\noom 500\n",
    };
    g_autoptr(libxlDeviceModelPrivilege) privilege = NULL;
    g_autoptr(virCommand) cmd = NULL;
    g_autofree char *net = g_file_read_link("/proc/self/ns/net", NULL);
    g_autofree char *ipc = g_file_read_link("/proc/self/ns/ipc", NULL);
    g_autofree char *output = NULL;
    size_t i;

    if (geteuid() != 0 || virProcessRunInFork(testMayUnshare, NULL) != 0)
        return EXIT_AM_SKIP;

    cmd = virCommandNewArgList("/bin/bash", "-c",
                               "echo; cat /proc/self/status; readlink /proc/self/ns/net /proc/self/ns/ipc; "
                               "echo files $(ulimit -n) core $(ulimit -c) processes $(ulimit -u); "
                               "echo oom $(cat /proc/self/oom_score_adj)",
                               NULL);
    virCommandSetOutputBuffer(cmd, &output);
    if (testBecomeRicher() < 0 ||
        !(privilege = libxlDeviceModelPrivilegeNew(testDir, 0, 1, 1, "lan", 2)))
        return -1;

    libxlDeviceModelPrivilegeApply(privilege, cmd);
    virCommandSetPreExecHook(cmd, testConfineHook, NULL);
    if (virCommandRun(cmd, NULL) < 0)
        return -1;

    for (i = 0; i < G_N_ELEMENTS(expected); i++) {
        if (!strstr(output, expected[i])) {
            VIR_TEST_VERBOSE("expected '%s' in '%s'", expected[i], output);
            return -1;
        }
    }

    return strstr(output, net) || strstr(output, ipc) || !strstr(output, "net:[") ? -1 : 0;
}


static int
mymain(void)
{
    int ret = 0;

    if (!(testDir = g_dir_make_tmp("devicemodel-XXXXXX", NULL)))
        return EXIT_FAILURE;

    if (testConfs() < 0)
        ret = -1;
    if (testNews() < 0)
        ret = -1;
    if (testAllArgs() < 0)
        ret = -1;
    if (testHelps() < 0)
        ret = -1;
    if (testProbes() < 0)
        ret = -1;
    if (testRoots() < 0)
        ret = -1;
    if (testRootsWrong() < 0)
        ret = -1;
    if (testNumbers() < 0)
        ret = -1;
    if (testChecksStatus() < 0)
        ret = -1;
    if (testChecksProcess() < 0)
        ret = -1;
    if (virTestRun("signal", testSignal, NULL) < 0)
        ret = -1;
    if (testSignalKernels() < 0)
        ret = -1;
    if (virTestRun("signal: refused", testSignalRefused, NULL) < 0)
        ret = -1;
    if (virTestRun("confine", testConfine, NULL) < 0)
        ret = -1;

    virFileDeleteTree(testDir);
    g_free(testDir);

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
