/*
 * libxl_devicemodel_emulator.c: what an emulator's file is, and its build offers
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * QEMU says so itself: it is run with -help.  The answers are kept as long as
 * the file stays the same.
 */

#include <config.h>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libxl_devicemodel_emulator.h"

#include "libxl_devicemodel_process.h"
#include "vircommand.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virstring.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_emulator");

/* A run takes a fraction of a second, and a few on a host that is overloaded.  Two are made at
 * most, in less time than a restart may take (LIBXL_DEVICE_MODEL_RESTART_MS). */
#define LIBXL_DEVICE_MODEL_EMULATOR_TIMEOUT 15 /* seconds */

/* Answers, by path. */
typedef struct _libxlDeviceModelEmulatorKnown libxlDeviceModelEmulatorKnown;
struct _libxlDeviceModelEmulatorKnown {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
    libxlDeviceModelEmulator emulator;
};

static virMutex libxlDeviceModelEmulatorLock = VIR_MUTEX_INITIALIZER;
static GHashTable *libxlDeviceModelEmulators;


static bool
libxlDeviceModelEmulatorLookup(const char *path,
                               const struct stat *sb,
                               libxlDeviceModelEmulator *emulator)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&libxlDeviceModelEmulatorLock);
    const libxlDeviceModelEmulatorKnown *known = NULL;

    if (libxlDeviceModelEmulators)
        known = g_hash_table_lookup(libxlDeviceModelEmulators, path);

    if (!known || known->dev != sb->st_dev || known->ino != sb->st_ino ||
        known->size != sb->st_size ||
        known->mtime.tv_sec != sb->st_mtim.tv_sec ||
        known->mtime.tv_nsec != sb->st_mtim.tv_nsec)
        return false;

    *emulator = known->emulator;
    return true;
}


static void
libxlDeviceModelEmulatorRemember(const char *path,
                                 const struct stat *sb,
                                 const libxlDeviceModelEmulator *emulator)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&libxlDeviceModelEmulatorLock);
    libxlDeviceModelEmulatorKnown *known = g_new0(libxlDeviceModelEmulatorKnown, 1);

    known->dev = sb->st_dev;
    known->ino = sb->st_ino;
    known->size = sb->st_size;
    known->mtime = sb->st_mtim;
    known->emulator = *emulator;

    if (!libxlDeviceModelEmulators)
        libxlDeviceModelEmulators = g_hash_table_new_full(g_str_hash, g_str_equal,
                                                          g_free, g_free);

    g_hash_table_insert(libxlDeviceModelEmulators, g_strdup(path), known);
}


/* The alarm outlives the execution of the emulator, which then ends by it. */
static int
libxlDeviceModelEmulatorLimit(void *opaque)
{
    const gint64 *deadline = opaque;

    /* at least 1 s: none would be no alarm */
    alarm(libxlDeviceModelTimeLeft(*deadline) / 1000 + 1);
    return 0;
}


/**
 * libxlDeviceModelEmulatorBlameScript:
 * @path: path of an emulator
 *
 * Add to the error that is set what a script around an emulator must do, if that is what
 * the file is: to be called only where one that does not do so is the likely cause.  What
 * is a wrapper in another form is not recognized.  Without an error it does nothing.
 */
void
libxlDeviceModelEmulatorBlameScript(const char *path)
{
    g_autofree char *begin = NULL;
    g_autofree char *message = NULL;
    virErrorPtr err;

    if (virFileReadHeaderQuiet(path, 2, &begin) < 0 || STRNEQ(begin, "#!"))
        return;

    virErrorPreserveLast(&err);
    if (!err)
        return;

    message = g_strdup_printf(_("%1$s: '%2$s' is a script, expected one that passes on the environment, the open files and all arguments, and executes the emulator in its own place (exec)"),
                              err->message, path);
    g_free(err->message);
    err->message = g_steal_pointer(&message);
    virErrorRestore(&err);
}


/* Returns the emulator's exit status, or -1 with an error where it has none. */
static int
libxlDeviceModelEmulatorRun(virCommand *cmd,
                            const char *path,
                            const char *name,
                            gint64 deadline,
                            char **output)
{
    int status = 0;

    virCommandAddEnvPassCommon(cmd);
    virCommandSetOutputBuffer(cmd, output);
    virCommandClearCaps(cmd);
    virCommandSetPreExecHook(cmd, libxlDeviceModelEmulatorLimit, &deadline);
    virCommandRawStatus(cmd);

    if (virCommandRun(cmd, &status) < 0) {
        virLastErrorPrefixMessage(_("device model '%1$s'"), name);
        return -1;
    }

    if (WIFEXITED(status))
        return WEXITSTATUS(status);

    if (WTERMSIG(status) == SIGALRM) {
        virReportError(VIR_ERR_OPERATION_TIMEOUT,
                       _("device model '%1$s': emulator '%2$s' was asked for its options and gave no answer within %3$d s"),
                       name, path, LIBXL_DEVICE_MODEL_EMULATOR_TIMEOUT);
        libxlDeviceModelEmulatorBlameScript(path);
    } else {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s': emulator '%2$s' was asked for its options and was ended by signal %3$d"),
                       name, path, WTERMSIG(status));
    }
    return -1;
}


static void
libxlDeviceModelEmulatorParseVersion(const char *help,
                                     unsigned int *version)
{
    static const char before[] = "QEMU emulator version ";
    const char *begin = strstr(help, before);
    unsigned int parsed[2];
    char *end;

    if (begin &&
        virStrToLong_ui(begin + strlen(before), &end, 10, &parsed[0]) == 0 && *end == '.' &&
        virStrToLong_ui(end + 1, &end, 10, &parsed[1]) == 0)
        memcpy(version, parsed, sizeof(parsed));
}


/**
 * libxlDeviceModelEmulatorParseHelp:
 * @help: what QEMU prints with -help
 * @emulator: gets its version, and what is told there of -run-with
 *
 * The option came with QEMU 8.1 without these two, which follow its name up to
 * the next option (qemu-options.hx).
 */
void
libxlDeviceModelEmulatorParseHelp(const char *help,
                                  libxlDeviceModelEmulator *emulator)
{
    const char *begin = strstr(help, "\n-run-with ");
    const char *end;
    g_autofree char *text = NULL;

    libxlDeviceModelEmulatorParseVersion(help, emulator->version);

    if (!begin)
        return;

    end = strstr(begin + 1, "\n-");
    text = end ? g_strndup(begin, end - begin) : g_strdup(begin);

    emulator->runWithChroot = !!strstr(text, "chroot=");
    emulator->runWithUser = !!strstr(text, "user=");
}


/**
 * libxlDeviceModelEmulatorProbe:
 * @path: path of an emulator
 * @name: name of the device model that is about to use it
 * @emulator: filled in
 *
 * Find out what the emulator offers, by running it unless that is known.  One
 * that is no QEMU offers nothing; what it is will show when it is started.
 * Without seccomp QEMU exits when it meets -sandbox (qemu_init in softmmu/vl.c).
 * Takes a while: no domain may be locked.
 *
 * Returns 0, or -1 with an error that names the device model and the emulator:
 * VIR_ERR_OPERATION_TIMEOUT where it hangs, VIR_ERR_OPERATION_FAILED where it
 * crashes.
 */
int
libxlDeviceModelEmulatorProbe(const char *path,
                              const char *name,
                              libxlDeviceModelEmulator *emulator)
{
    g_autoptr(virCommand) with = virCommandNewArgList(path, "-sandbox", "on", "-help", NULL);
    g_autoptr(virCommand) without = virCommandNewArgList(path, "-help", NULL);
    g_autofree char *help = NULL;
    struct stat sb;
    gint64 deadline = g_get_monotonic_time() +
        LIBXL_DEVICE_MODEL_EMULATOR_TIMEOUT * (gint64)G_USEC_PER_SEC;
    int status;

    memset(emulator, 0, sizeof(*emulator));

    if (stat(path, &sb) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot access emulator '%2$s'"),
                             name, path);
        return -1;
    }

    if (libxlDeviceModelEmulatorLookup(path, &sb, emulator))
        return 0;

    if ((status = libxlDeviceModelEmulatorRun(with, path, name, deadline, &help)) < 0)
        return -1;

    emulator->sandbox = status == 0;
    if (status != 0) {
        g_clear_pointer(&help, g_free);
        if ((status = libxlDeviceModelEmulatorRun(without, path, name, deadline, &help)) < 0)
            return -1;
    }

    if (status != 0) {
        VIR_INFO("emulator '%s' exited with status %d when asked for its options",
                 path, status);
        return 0;
    }

    libxlDeviceModelEmulatorParseHelp(help, emulator);
    libxlDeviceModelEmulatorRemember(path, &sb, emulator);
    VIR_DEBUG("emulator '%s': sandbox %d, -run-with chroot= %d, user= %d", path,
              emulator->sandbox, emulator->runWithChroot, emulator->runWithUser);
    return 0;
}
