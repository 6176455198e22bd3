/*
 * libxl_devicemodel_privilege.c: a secondary runs without privilege
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libxl_devicemodel_privilege.h"

#include "libxl_devicemodel_quote.h"
#include "libxl_devicemodel_scope_protocol.h"
#include "libxl_devicemodel_seccomp.h"
#include "virerror.h"
#include "virfile.h"
#include "virprocess.h"
#include "virqemu.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

#define LIBXL_DEVICE_MODEL_UID_KEY "device_model_uid_base"

/* systemd's list of user ids says that nothing uses 0x70000000 to 0x7fffffff
 * (docs/UIDS-GIDS.md). */
#define LIBXL_DEVICE_MODEL_UID_BASE 0x70000000U

/* A domain has a number for each device model, and after these one for each from
 * which that is signalled: one of its own, as who has it could signal the signaller. */
#define LIBXL_DEVICE_MODEL_REAPER LIBXL_DEVICE_MODEL_IDS
#define LIBXL_DEVICE_MODEL_UIDS (2 * LIBXL_DEVICE_MODEL_IDS)

/* Below are users and groups of the host, above there has to be room for the
 * last device model of the last domain, and (uid_t)-1 is no user. */
#define LIBXL_DEVICE_MODEL_UID_MIN 65536U
#define LIBXL_DEVICE_MODEL_UID_MAX \
    (UINT_MAX - LIBXL_DEVICE_MODEL_DOMIDS * LIBXL_DEVICE_MODEL_UIDS)

/* QEMU has one thread for each vCPU, a few of its own, and up to 64 that serve
 * each of its event loops (util/thread-pool.c). */
#define LIBXL_DEVICE_MODEL_PROCESSES 128

/* QEMU with one NIC has 33 open.  Four disks may be chains of 200 images each
 * (libxl_devicemodel_disk.c), of which it opens every one twice.  libvirt sets a
 * limit one higher than it is told to (virProcessSetMaxFiles). */
#define LIBXL_DEVICE_MODEL_FILES 2047

/* When memory is short, the kernel ends a secondary before the daemon, a primary or
 * a program of the host.  Nobody without CAP_SYS_RESOURCE can lower again what one
 * with it has set (__set_oom_adj in Linux' fs/proc/base.c). */
#define LIBXL_DEVICE_MODEL_OOM_SCORE "500"

/* Of system calls: libxlDeviceModelSeccompConfine, libxlDeviceModelSeccompSeal. */
#define LIBXL_DEVICE_MODEL_FILTERS 2

/* On i386, the call with the plain name takes 16 bits: 0x70000021 would be 33. */
#ifdef SYS_setresuid32
# define LIBXL_DEVICE_MODEL_SETRESUID SYS_setresuid32
#else
# define LIBXL_DEVICE_MODEL_SETRESUID SYS_setresuid
#endif

/* What QEMU needs to give up the rest. */
#define LIBXL_DEVICE_MODEL_CAPS \
    (1ULL << CAP_SETGID | 1ULL << CAP_SETUID | 1ULL << CAP_SYS_CHROOT)


/**
 * libxlDeviceModelPrivilegeLoadConf:
 * @conf: the driver's configuration file
 * @uidBase: set to the first uid for secondaries, left alone if none is given
 *
 * Returns 0, or -1 with VIR_ERR_CONFIG_UNSUPPORTED, or with VIR_ERR_CONF_SYNTAX
 * or VIR_ERR_INTERNAL_ERROR where it is no number.
 */
int
libxlDeviceModelPrivilegeLoadConf(virConf *conf,
                                  unsigned int *uidBase)
{
    unsigned int value = 0;
    int rc = virConfGetValueUInt(conf, LIBXL_DEVICE_MODEL_UID_KEY, &value);

    if (rc <= 0)
        return rc;

    if (value < LIBXL_DEVICE_MODEL_UID_MIN || value > LIBXL_DEVICE_MODEL_UID_MAX) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("%1$s = %2$u, expected a number from %3$u to %4$u, where %5$u user and group ids that nobody has begin"),
                       LIBXL_DEVICE_MODEL_UID_KEY, value,
                       LIBXL_DEVICE_MODEL_UID_MIN, LIBXL_DEVICE_MODEL_UID_MAX,
                       LIBXL_DEVICE_MODEL_DOMIDS * LIBXL_DEVICE_MODEL_UIDS);
        return -1;
    }

    *uidBase = value;
    return 0;
}


/**
 * libxlDeviceModelPrivilegeNew:
 * @stateDir: the driver's
 * @uidBase: the first uid for secondaries, 0 for libvirt's choice
 * @domid: id of the domain
 * @id: id of the device model
 * @name: its name
 * @vcpus: number of the domain's vCPUs
 *
 * Returns what the secondary becomes, to be freed by the caller, or NULL with
 * VIR_ERR_INTERNAL_ERROR where an id is none that Xen gives.
 */
libxlDeviceModelPrivilege *
libxlDeviceModelPrivilegeNew(const char *stateDir,
                             unsigned int uidBase,
                             unsigned int domid,
                             unsigned int id,
                             const char *name,
                             unsigned int vcpus)
{
    libxlDeviceModelPrivilege *privilege = NULL;

    /* id 0 is the primary's, which is none of ours */
    if (domid >= LIBXL_DEVICE_MODEL_DOMIDS ||
        id == 0 || id >= LIBXL_DEVICE_MODEL_IDS) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("no user id for device model %1$u of domain %2$u, expected device models 1 to %3$u of domains up to %4$u"),
                       id, domid, LIBXL_DEVICE_MODEL_IDS - 1,
                       LIBXL_DEVICE_MODEL_DOMIDS - 1);
        return NULL;
    }

    privilege = g_new0(libxlDeviceModelPrivilege, 1);
    privilege->name = g_strdup(name);
    privilege->uid = (uidBase ? uidBase : LIBXL_DEVICE_MODEL_UID_BASE) +
        domid * LIBXL_DEVICE_MODEL_UIDS + id;
    privilege->root = g_strdup_printf("%s/devicemodel/root", stateDir);
    privilege->processes = LIBXL_DEVICE_MODEL_PROCESSES + vcpus;
    return privilege;
}


void
libxlDeviceModelPrivilegeFree(libxlDeviceModelPrivilege *privilege)
{
    if (!privilege)
        return;

    g_free(privilege->name);
    g_free(privilege->root);
    g_free(privilege);
}


/* A folder that somebody else owns or fills would be no safe root. */
static int
libxlDeviceModelPrivilegeCheckRoot(const libxlDeviceModelPrivilege *privilege)
{
    const char *name = privilege->name;
    const char *root = privilege->root;
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry = NULL;
    struct stat sb;
    int rc;

    if (lstat(root, &sb) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot access folder '%2$s'"),
                             name, root);
        return -1;
    }

    if (!S_ISDIR(sb.st_mode) || sb.st_uid != geteuid() || sb.st_mode & 0222) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s': '%2$s' has mode %3$o and owner %4$u, expected a folder of user %5$u that nobody can write to"),
                       name, root, sb.st_mode, sb.st_uid, geteuid());
        return -1;
    }

    if (virDirOpen(&dir, root) < 0 ||
        (rc = virDirRead(dir, &entry, root)) < 0) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), name);
        return -1;
    }

    if (rc > 0) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s': folder '%2$s' has an entry '%3$s', expected an empty folder"),
                       name, root, entry->d_name);
        return -1;
    }

    return 0;
}


/* A folder that is there is taken as it is, since others may run in it. */
static int
libxlDeviceModelPrivilegeMakeRoot(const libxlDeviceModelPrivilege *privilege)
{
    g_autofree char *folder = g_path_get_dirname(privilege->root);

    if (g_mkdir_with_parents(folder, 0700) < 0 ||
        (mkdir(privilege->root, 0555) < 0 && errno != EEXIST)) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot create folder '%2$s'"),
                             privilege->name, privilege->root);
        return -1;
    }

    return libxlDeviceModelPrivilegeCheckRoot(privilege);
}


/* Look for what has the number @id, with room for what is known of it. */
typedef int (*libxlDeviceModelPrivilegeLookup)(unsigned int id,
                                               char *buf,
                                               size_t len,
                                               const char **name);


static int
libxlDeviceModelPrivilegeLookupUser(unsigned int id,
                                    char *buf,
                                    size_t len,
                                    const char **name)
{
    struct passwd pwd;
    struct passwd *found = NULL;
    int rc = getpwuid_r(id, &pwd, buf, len, &found);

    *name = found ? pwd.pw_name : NULL;
    return rc;
}


static int
libxlDeviceModelPrivilegeLookupGroup(unsigned int id,
                                     char *buf,
                                     size_t len,
                                     const char **name)
{
    struct group grp;
    struct group *found = NULL;
    int rc = getgrgid_r(id, &grp, buf, len, &found);

    *name = found ? grp.gr_name : NULL;
    return rc;
}


/* Returns the name of what has the number, or NULL if nothing has it.  A group may
 * have many members, whose names are told, too. */
static char *
libxlDeviceModelPrivilegeFindName(libxlDeviceModelPrivilegeLookup lookup,
                                  unsigned int id)
{
    g_autofree char *buf = NULL;
    const char *name = NULL;
    size_t len = 1024;

    do {
        len *= 2;
        buf = g_realloc(buf, len);
    } while (lookup(id, buf, len, &name) == ERANGE && len < 1024 * 1024);

    return g_strdup(name);
}


/* Returns whether there is a process with the uid.  To ask for its priority takes
 * no privilege. */
static bool
libxlDeviceModelPrivilegeHasProcess(uid_t uid)
{
    errno = 0;
    return getpriority(PRIO_USER, uid) != -1 || errno != ESRCH;
}


/* What has the number could reach the secondary, and would be killed with it, or
 * by the process that signals it. */
static int
libxlDeviceModelPrivilegeCheckNumber(const libxlDeviceModelPrivilege *privilege,
                                     uid_t uid)
{
    g_autofree char *user =
        libxlDeviceModelPrivilegeFindName(libxlDeviceModelPrivilegeLookupUser, uid);
    g_autofree char *group =
        libxlDeviceModelPrivilegeFindName(libxlDeviceModelPrivilegeLookupGroup, uid);

    if (user) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s': user id %2$u is that of user '%3$s', expected one that nobody has: set '%4$s' in libxl.conf"),
                       privilege->name, uid, user, LIBXL_DEVICE_MODEL_UID_KEY);
        return -1;
    }

    if (group) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s': group id %2$u is that of group '%3$s', expected one that nobody has: set '%4$s' in libxl.conf"),
                       privilege->name, uid, group, LIBXL_DEVICE_MODEL_UID_KEY);
        return -1;
    }

    if (libxlDeviceModelPrivilegeHasProcess(uid)) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s': a process runs under user id %2$u, expected one that nobody has: set '%3$s' in libxl.conf"),
                       privilege->name, uid, LIBXL_DEVICE_MODEL_UID_KEY);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelPrivilegePrepare:
 * @privilege: what the device model becomes
 * @path: path of its emulator
 *
 * Make sure that the device model can become that, before it is started.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelPrivilegePrepare(libxlDeviceModelPrivilege *privilege,
                                 const char *path)
{
    if (libxlDeviceModelPrivilegeMakeRoot(privilege) < 0 ||
        libxlDeviceModelPrivilegeCheckNumber(privilege, privilege->uid) < 0 ||
        libxlDeviceModelPrivilegeCheckNumber(privilege,
                                             privilege->uid + LIBXL_DEVICE_MODEL_REAPER) < 0)
        return -1;

    return libxlDeviceModelEmulatorProbe(path, privilege->name, &privilege->emulator);
}


/* Nothing is inherited over an execution, and what a process of root gets from
 * one is what is left in the bounding set (capabilities(7)). */
static int
libxlDeviceModelPrivilegeDropCaps(void)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    size_t i;

    for (i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
        if (!(LIBXL_DEVICE_MODEL_CAPS & 1ULL << i) &&
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) {
            virReportSystemError(errno, _("cannot drop capability %1$zu"), i);
            return -1;
        }
    }

    if (syscall(SYS_capget, &header, data) < 0) {
        virReportSystemError(errno, "%s", _("cannot read capabilities"));
        return -1;
    }

    for (i = 0; i < G_N_ELEMENTS(data); i++)
        data[i].inheritable = 0;

    if (syscall(SYS_capset, &header, data) < 0) {
        virReportSystemError(errno, "%s", _("cannot drop inheritable capabilities"));
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelPrivilegeConfine:
 * @uid: user and group that the emulator becomes
 *
 * Runs in the process that becomes the emulator, before it is executed.  Taps and
 * listening sockets stay in the network of the host whoever holds them; what the
 * process opens itself is in one that leads nowhere.  Abstract sockets go with
 * the network.
 *
 * Returns 0, or -1 with an error.
 */
int
libxlDeviceModelPrivilegeConfine(uid_t uid)
{
    if (setgroups(0, NULL) < 0) {
        virReportSystemError(errno, "%s", _("cannot drop supplementary groups"));
        return -1;
    }

    if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0) {
        virReportSystemError(errno, "%s", _("cannot enter new network and IPC namespaces"));
        return -1;
    }

    if (virFileWriteStr("/proc/self/oom_score_adj", LIBXL_DEVICE_MODEL_OOM_SCORE, 0) < 0) {
        virReportSystemError(errno, "%s", _("cannot raise the OOM score"));
        return -1;
    }

    if (libxlDeviceModelSeccompConfine(uid) < 0) {
        virReportSystemError(errno, "%s", _("cannot filter system calls"));
        return -1;
    }

    return libxlDeviceModelPrivilegeDropCaps();
}


/* QEMU changes root and user once its machine is built, in this order, drops
 * all groups but the given one, and fails if any of it does (os-posix.c,
 * os_setup_post). */
static void
libxlDeviceModelPrivilegeAddRunWith(const libxlDeviceModelPrivilege *privilege,
                                    virCommand *cmd)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (privilege->emulator.runWithChroot) {
        virBufferAddLit(&buf, "chroot=");
        virQEMUBuildBufferEscapeComma(&buf, privilege->root);
        virBufferAddLit(&buf, ",");
    } else {
        virCommandAddArgList(cmd, "-chroot", privilege->root, NULL);
    }

    if (privilege->emulator.runWithUser) {
        virBufferAsprintf(&buf, "user=%u:%u", privilege->uid, privilege->uid);
    } else {
        virCommandAddArg(cmd, "-runas");
        virCommandAddArgFormat(cmd, "%u:%u", privilege->uid, privilege->uid);
    }

    virBufferTrim(&buf, ",");
    if (virBufferUse(&buf) > 0) {
        virCommandAddArg(cmd, "-run-with");
        virCommandAddArgBuffer(cmd, &buf);
    }
}


/**
 * libxlDeviceModelPrivilegeApply:
 * @privilege: what the device model becomes, prepared
 * @cmd: its command, which is completed but for its hook
 *
 * The system calls that change the user cannot be filtered, as QEMU makes them
 * after it has filtered system calls.
 */
void
libxlDeviceModelPrivilegeApply(const libxlDeviceModelPrivilege *privilege,
                               virCommand *cmd)
{
    virCommandSetMaxFiles(cmd, LIBXL_DEVICE_MODEL_FILES);
    virCommandSetMaxProcesses(cmd, privilege->processes);
    virCommandSetMaxCoreSize(cmd, 0);

    virCommandAddArg(cmd, "-xen-domid-restrict");
    libxlDeviceModelPrivilegeAddRunWith(privilege, cmd);

    if (privilege->emulator.sandbox)
        virCommandAddArgList(cmd, "-sandbox",
                             "on,obsolete=deny,elevateprivileges=allow,spawn=deny,resourcecontrol=deny",
                             NULL);
}


static int
libxlDeviceModelPrivilegeRefuse(const libxlDeviceModelPrivilege *privilege,
                                const char *what,
                                const char *value,
                                const char *expected)
{
    g_autofree char *quote = libxlDeviceModelQuote(NULLSTR(value));

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' was not deprivileged: '%2$s' is '%3$s' in its process, expected '%4$s'"),
                   privilege->name, what, quote, expected);
    return -1;
}


/* Returns the value of @field in @status, a file of the form of proc(5), with
 * spaces for tabs, or NULL. */
static char *
libxlDeviceModelPrivilegeStatusField(const char *status,
                                     const char *field)
{
    g_autofree char *begin = g_strdup_printf("\n%s:", field);
    const char *str = strstr(status, begin);
    char *value;

    if (!str)
        return NULL;

    str += strlen(begin);
    value = g_strndup(str, strcspn(str, "\n"));
    return g_strstrip(g_strdelimit(value, "\t", ' '));
}


static int
libxlDeviceModelPrivilegeCheckField(const libxlDeviceModelPrivilege *privilege,
                                    const char *status,
                                    const char *field,
                                    const char *expected)
{
    g_autofree char *value = libxlDeviceModelPrivilegeStatusField(status, field);

    if (STREQ_NULLABLE(value, expected))
        return 0;

    return libxlDeviceModelPrivilegeRefuse(privilege, field, value, expected);
}


static int
libxlDeviceModelPrivilegeCheckBounding(const libxlDeviceModelPrivilege *privilege,
                                       const char *status)
{
    g_autofree char *value = libxlDeviceModelPrivilegeStatusField(status, "CapBnd");
    g_autofree char *expected = g_strdup_printf("%016llx", LIBXL_DEVICE_MODEL_CAPS);
    unsigned long long caps = 0;

    if (value && virStrToLong_ull(value, NULL, 16, &caps) == 0 &&
        (caps & ~LIBXL_DEVICE_MODEL_CAPS) == 0)
        return 0;

    return libxlDeviceModelPrivilegeRefuse(privilege, "CapBnd", value, expected);
}


/* QEMU keeps the group of the process itself, which gives nothing. */
static int
libxlDeviceModelPrivilegeCheckGroups(const libxlDeviceModelPrivilege *privilege,
                                     const char *status,
                                     const char *group)
{
    g_autofree char *value = libxlDeviceModelPrivilegeStatusField(status, "Groups");

    if (STREQ_NULLABLE(value, "") || STREQ_NULLABLE(value, group))
        return 0;

    return libxlDeviceModelPrivilegeRefuse(privilege, "Groups", value, group);
}


/* Returns how many filters of system calls there are according to @status, -1 on
 * a kernel that does not tell (before Linux 5.9). */
static int
libxlDeviceModelPrivilegeCountFilters(const char *status)
{
    g_autofree char *value = libxlDeviceModelPrivilegeStatusField(status, "Seccomp_filters");
    int count = -1;

    if (value)
        ignore_value(virStrToLong_i(value, NULL, 10, &count));

    return count;
}


/* What is in a filter cannot be seen, and those of the daemon are inherited: ours
 * are there if there are as many as those that have to be. */
static int
libxlDeviceModelPrivilegeCheckFilters(const libxlDeviceModelPrivilege *privilege,
                                      const char *status,
                                      unsigned int inherited)
{
    unsigned int expected = inherited + LIBXL_DEVICE_MODEL_FILTERS +
        (privilege->emulator.sandbox ? 1 : 0);
    int count = libxlDeviceModelPrivilegeCountFilters(status);
    g_autofree char *found = g_strdup_printf("%d", count);
    g_autofree char *wanted = g_strdup_printf("%u", expected);

    if (libxlDeviceModelPrivilegeCheckField(privilege, status, "Seccomp", "2") < 0)
        return -1;

    if (count < 0 || count >= expected)
        return 0;

    return libxlDeviceModelPrivilegeRefuse(privilege, "Seccomp_filters", found, wanted);
}


static int
libxlDeviceModelPrivilegeCheckStatus(const libxlDeviceModelPrivilege *privilege,
                                     const char *status,
                                     unsigned int inherited)
{
    static const char none[] = "0000000000000000";
    g_autofree char *group = g_strdup_printf("%u", privilege->uid);
    g_autofree char *ids = g_strdup_printf("%u %u %u %u", privilege->uid, privilege->uid,
                                           privilege->uid, privilege->uid);
    const struct {
        const char *field;
        const char *expected;
    } fields[] = {
        { "Uid", ids },
        { "Gid", ids },
        { "CapInh", none },
        { "CapPrm", none },
        { "CapEff", none },
        { "CapAmb", none },
        { "NoNewPrivs", "1" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (libxlDeviceModelPrivilegeCheckField(privilege, status, fields[i].field,
                                                fields[i].expected) < 0)
            return -1;
    }

    if (libxlDeviceModelPrivilegeCheckGroups(privilege, status, group) < 0 ||
        libxlDeviceModelPrivilegeCheckFilters(privilege, status, inherited) < 0)
        return -1;

    return libxlDeviceModelPrivilegeCheckBounding(privilege, status);
}


/* Returns how many filters of system calls what the daemon starts has, too. */
static unsigned int
libxlDeviceModelPrivilegeInheritedFilters(void)
{
    g_autofree char *status = NULL;

    if (virFileReadAllQuiet("/proc/self/status", 64 * 1024, &status) < 0)
        return 0;

    return MAX(libxlDeviceModelPrivilegeCountFilters(status), 0);
}


/* Credentials and filters belong to threads. */
static int
libxlDeviceModelPrivilegeCheckThreads(const libxlDeviceModelPrivilege *privilege,
                                      const char *proc)
{
    g_autofree char *tasks = g_strdup_printf("%s/task", proc);
    unsigned int inherited = libxlDeviceModelPrivilegeInheritedFilters();
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;
    size_t nthreads = 0;
    int rc;

    if (virDirOpen(&dir, tasks) < 0) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), privilege->name);
        return -1;
    }

    while ((rc = virDirRead(dir, &entry, tasks)) > 0) {
        g_autofree char *path = g_strdup_printf("%s/%s/status", tasks, entry->d_name);
        g_autofree char *status = NULL;

        /* one that ended meanwhile has no credentials */
        if (virFileReadAllQuiet(path, 64 * 1024, &status) < 0)
            continue;

        if (libxlDeviceModelPrivilegeCheckStatus(privilege, status, inherited) < 0)
            return -1;
        nthreads++;
    }

    if (rc < 0 || nthreads == 0) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s': the credentials of its process cannot be read from '%2$s'"),
                       privilege->name, tasks);
        return -1;
    }

    return 0;
}


/* Whether the link @what in @proc leads to the same as @other, or to something
 * else, as is expected. */
static int
libxlDeviceModelPrivilegeCheckLink(const libxlDeviceModelPrivilege *privilege,
                                   const char *proc,
                                   const char *what,
                                   const char *other,
                                   bool same)
{
    g_autofree char *path = g_strdup_printf("%s/%s", proc, what);
    g_autofree char *target = g_file_read_link(path, NULL);
    struct stat sb;
    struct stat other_sb;

    if (stat(path, &sb) < 0 || stat(other, &other_sb) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot compare '%2$s' with '%3$s'"),
                             privilege->name, path, other);
        return -1;
    }

    if (same == (sb.st_dev == other_sb.st_dev && sb.st_ino == other_sb.st_ino))
        return 0;

    return libxlDeviceModelPrivilegeRefuse(privilege, what, target,
                                           same ? other : "one that is not the host's");
}


/**
 * libxlDeviceModelPrivilegeCheck:
 * @privilege: what the device model was to become
 * @proc: folder of its process in /proc
 *
 * Whoever was to take privilege away, that it is gone is seen here.  Comes when
 * the emulator has answered its first command: it has started then.
 *
 * Returns 0, or -1 with VIR_ERR_OPERATION_FAILED, or VIR_ERR_SYSTEM_ERROR where
 * the process is gone, that names the device model.
 */
int
libxlDeviceModelPrivilegeCheck(const libxlDeviceModelPrivilege *privilege,
                               const char *proc)
{
    if (libxlDeviceModelPrivilegeCheckThreads(privilege, proc) < 0 ||
        libxlDeviceModelPrivilegeCheckLink(privilege, proc, "root", privilege->root, true) < 0 ||
        libxlDeviceModelPrivilegeCheckLink(privilege, proc, "cwd", privilege->root, true) < 0 ||
        libxlDeviceModelPrivilegeCheckLink(privilege, proc, "ns/net", "/proc/self/ns/net", false) < 0 ||
        libxlDeviceModelPrivilegeCheckLink(privilege, proc, "ns/ipc", "/proc/self/ns/ipc", false) < 0)
        return -1;

    return 0;
}


typedef struct _libxlDeviceModelPrivilegeSignalData libxlDeviceModelPrivilegeSignalData;
struct _libxlDeviceModelPrivilegeSignalData {
    uid_t uid;
    uid_t reaper;
    int sig;
};


/* A process with two faces: by its effective uid it may signal all processes of
 * the device model, which may not signal it, as that takes its real or saved uid
 * (kill(2)).  libxl ends its own device models so (kill_device_model_uid_child
 * in Xen tools/libs/light/libxl_dm.c).  With the privilege to signal anybody,
 * kill(-1) would end the host: that it is gone is tried on init first. */
static int
libxlDeviceModelPrivilegeSignalChild(pid_t ppid G_GNUC_UNUSED,
                                     void *opaque)
{
    const libxlDeviceModelPrivilegeSignalData *data = opaque;
    uid_t real;
    uid_t effective;
    uid_t saved;

    if (syscall(LIBXL_DEVICE_MODEL_SETRESUID, data->reaper, data->uid, data->reaper) < 0 ||
        getresuid(&real, &effective, &saved) < 0 ||
        real != data->reaper || effective != data->uid || saved != data->reaper)
        return -1;

    if (kill(1, 0) == 0 || errno != EPERM)
        return -1;

    return kill(-1, data->sig) < 0 && errno != ESRCH ? -1 : 0;
}


/**
 * libxlDeviceModelPrivilegeSignal:
 * @uid: uid of a secondary
 * @sig: a signal
 *
 * Send a signal to all processes of a uid, if there are any.  Whatever an intruder
 * made of a secondary, its processes have that uid: they cannot get another.
 *
 * Returns whether there was any process, or -1 with VIR_ERR_OPERATION_FAILED.
 */
int
libxlDeviceModelPrivilegeSignal(uid_t uid,
                                int sig)
{
    libxlDeviceModelPrivilegeSignalData data = { uid, uid + LIBXL_DEVICE_MODEL_REAPER, sig };

    if (uid < LIBXL_DEVICE_MODEL_UID_MIN || uid >= UINT_MAX - LIBXL_DEVICE_MODEL_REAPER) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("user id %1$u is none of a device model"), uid);
        return -1;
    }

    if (!libxlDeviceModelPrivilegeHasProcess(uid))
        return 0;

    if (virProcessRunInFork(libxlDeviceModelPrivilegeSignalChild, &data) < 0) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("cannot signal the processes of user id %1$u"), uid);
        return -1;
    }

    return 1;
}
