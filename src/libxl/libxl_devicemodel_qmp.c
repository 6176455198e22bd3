/*
 * libxl_devicemodel_qmp.c: the QMP commands that secondaries are given
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_qmp.h"

#include "libxl_devicemodel_quote.h"
#include "virerror.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL


/* Carry out a command with arguments, which follow as for virJSONValueObjectAdd. */
static int G_GNUC_NULL_TERMINATED
libxlDeviceModelQMPCommand(libxlDeviceModelMonitor *mon,
                           const char *command,
                           virJSONValue **reply,
                           gint64 deadline,
                           ...)
{
    g_autoptr(virJSONValue) args = NULL;
    va_list ap;
    int rc;

    va_start(ap, deadline);
    rc = virJSONValueObjectAddVArgs(&args, ap);
    va_end(ap);

    if (rc < 0)
        return -1;

    return libxlDeviceModelMonitorCommand(mon, command, &args, reply, deadline);
}


/**
 * libxlDeviceModelQMPAddFD:
 * @mon: the monitor
 * @fd: an open file; stays with the caller
 * @fdset: filled with the number of QEMU's set of file descriptors that has a
 *         copy of it, /dev/fdset/N for other commands
 * @deadline: for the reply
 *
 * QEMU closes its copy when nothing uses the set and no monitor is connected
 * (QEMU docs/interop/qmp-spec, add-fd in qapi/misc.json).
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPAddFD(libxlDeviceModelMonitor *mon,
                         int fd,
                         unsigned int *fdset,
                         gint64 deadline)
{
    g_autoptr(virJSONValue) reply = NULL;
    int number;

    if (libxlDeviceModelMonitorCommandFD(mon, "add-fd", NULL, fd, &reply, deadline) < 0)
        return -1;

    if (virJSONValueObjectGetNumberInt(reply, "fdset-id", &number) < 0 || number < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s': monitor command 'add-fd': sent a reply without 'fdset-id'"),
                       libxlDeviceModelMonitorGetName(mon));
        return -1;
    }

    *fdset = number;
    return 0;
}


static const char *
libxlDeviceModelQMPFindChardev(virJSONValue *chardevs,
                               const char *label)
{
    size_t i;

    if (!virJSONValueIsArray(chardevs))
        return NULL;

    for (i = 0; i < virJSONValueArraySize(chardevs); i++) {
        virJSONValue *chardev = virJSONValueArrayGet(chardevs, i);

        if (STREQ_NULLABLE(virJSONValueObjectGetString(chardev, "label"), label))
            return virJSONValueObjectGetString(chardev, "filename");
    }

    return NULL;
}


/**
 * libxlDeviceModelQMPQueryPTY:
 * @mon: the monitor
 * @label: id of a character device that is a pseudo terminal
 * @path: filled with the path of the terminal; the caller owns it
 * @deadline: for the reply
 *
 * What a device model says is not trusted: only a path that can be that of a
 * pseudo terminal is taken.
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPQueryPTY(libxlDeviceModelMonitor *mon,
                            const char *label,
                            char **path,
                            gint64 deadline)
{
    g_autoptr(virJSONValue) reply = NULL;
    const char *filename;
    const char *number;
    unsigned int pts;

    if (libxlDeviceModelMonitorCommand(mon, "query-chardev", NULL, &reply, deadline) < 0)
        return -1;

    filename = libxlDeviceModelQMPFindChardev(reply, label);

    if (!filename ||
        !(number = STRSKIP(filename, "pty:/dev/pts/")) ||
        !g_ascii_isdigit(*number) ||
        virStrToLong_uip(number, NULL, 10, &pts) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s': monitor command 'query-chardev': sent no path of a terminal for '%2$s'"),
                       libxlDeviceModelMonitorGetName(mon), label);
        return -1;
    }

    *path = g_strdup_printf("/dev/pts/%u", pts);
    return 0;
}


/**
 * libxlDeviceModelQMPSetLink:
 * @mon: the monitor
 * @name: id of a NIC
 * @up: whether its cable is plugged in
 * @deadline: for the reply
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPSetLink(libxlDeviceModelMonitor *mon,
                           const char *name,
                           bool up,
                           gint64 deadline)
{
    return libxlDeviceModelQMPCommand(mon, "set_link", NULL, deadline,
                                      "s:name", name,
                                      "b:up", up,
                                      NULL);
}


/**
 * libxlDeviceModelQMPQueryStatus:
 * @mon: the monitor
 * @running: filled with whether the device model emulates, or NULL
 * @status: filled with QEMU's run state, or NULL; the caller frees it
 * @deadline: for the reply
 *
 * Returns 0, or -1 with an error reported as libxlDeviceModelMonitorCommand
 * does.
 */
int
libxlDeviceModelQMPQueryStatus(libxlDeviceModelMonitor *mon,
                               bool *running,
                               char **status,
                               gint64 deadline)
{
    g_autoptr(virJSONValue) reply = NULL;
    const char *state = NULL;
    bool runs = false;

    if (libxlDeviceModelMonitorCommand(mon, "query-status", NULL, &reply, deadline) < 0)
        return -1;

    if (virJSONValueObjectGetBoolean(reply, "running", &runs) < 0 ||
        !(state = virJSONValueObjectGetString(reply, "status"))) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s': monitor command 'query-status': sent a reply without 'running' or 'status'"),
                       libxlDeviceModelMonitorGetName(mon));
        return -1;
    }

    if (running)
        *running = runs;
    if (status)
        *status = g_strdup(state);

    return 0;
}


/**
 * libxlDeviceModelQMPCont:
 * @mon: the monitor
 * @deadline: for the reply
 *
 * Let a stopped device model emulate.
 *
 * Returns 0, or -1 with an error reported as libxlDeviceModelMonitorCommand
 * does.
 */
int
libxlDeviceModelQMPCont(libxlDeviceModelMonitor *mon,
                        gint64 deadline)
{
    return libxlDeviceModelMonitorCommand(mon, "cont", NULL, NULL, deadline);
}


/**
 * libxlDeviceModelQMPRemoveFD:
 * @mon: the monitor
 * @fdset: number of a set of file descriptors
 * @deadline: for the reply
 *
 * What uses a file of the set has a copy of it by then.  Newer QEMUs keep the set
 * open until they are told (monitor_fdset_cleanup in QEMU monitor/fds.c).
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPRemoveFD(libxlDeviceModelMonitor *mon,
                            unsigned int fdset,
                            gint64 deadline)
{
    return libxlDeviceModelQMPCommand(mon, "remove-fd", NULL, deadline,
                                      "u:fdset-id", fdset,
                                      NULL);
}


/**
 * libxlDeviceModelQMPQueryMedium:
 * @mon: the monitor
 * @drive: id of a drive
 * @node: filled with the name of the block node in it, or NULL; the caller owns it
 * @deadline: for the reply
 *
 * The name is what the device model says, and nothing to rely on.
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPQueryMedium(libxlDeviceModelMonitor *mon,
                               const char *drive,
                               char **node,
                               gint64 deadline)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", drive);
    g_autoptr(virJSONValue) reply = NULL;

    if (libxlDeviceModelQMPCommand(mon, "qom-get", &reply, deadline,
                                   "s:path", path,
                                   "s:property", "drive",
                                   NULL) < 0)
        return -1;

    *node = g_strdup(virJSONValueGetString(reply));
    return 0;
}


/**
 * libxlDeviceModelQMPAddNode:
 * @mon: the monitor
 * @node: a block node, as libxlDeviceModelDiskBlockdev makes it; taken over
 * @deadline: for the reply
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPAddNode(libxlDeviceModelMonitor *mon,
                           virJSONValue **node,
                           gint64 deadline)
{
    return libxlDeviceModelMonitorCommand(mon, "blockdev-add", node, NULL, deadline);
}


/**
 * libxlDeviceModelQMPDeleteNode:
 * @mon: the monitor
 * @node: name of a block node that is in no drive
 * @deadline: for the reply
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPDeleteNode(libxlDeviceModelMonitor *mon,
                              const char *node,
                              gint64 deadline)
{
    return libxlDeviceModelQMPCommand(mon, "blockdev-del", NULL, deadline,
                                      "s:node-name", node,
                                      NULL);
}


/**
 * libxlDeviceModelQMPOpenTray:
 * @mon: the monitor
 * @drive: id of a drive
 * @force: whether a guest that has locked it is not asked
 * @deadline: for the reply
 *
 * Returns 0, also where the guest is asked and has yet to unlock it, or -1 with an
 * error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPOpenTray(libxlDeviceModelMonitor *mon,
                            const char *drive,
                            bool force,
                            gint64 deadline)
{
    return libxlDeviceModelQMPCommand(mon, "blockdev-open-tray", NULL, deadline,
                                      "s:id", drive,
                                      "b:force", force,
                                      NULL);
}


/**
 * libxlDeviceModelQMPCloseTray:
 * @mon: the monitor
 * @drive: id of a drive
 * @deadline: for the reply
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPCloseTray(libxlDeviceModelMonitor *mon,
                             const char *drive,
                             gint64 deadline)
{
    return libxlDeviceModelQMPCommand(mon, "blockdev-close-tray", NULL, deadline,
                                      "s:id", drive,
                                      NULL);
}


/**
 * libxlDeviceModelQMPInsertMedium:
 * @mon: the monitor
 * @drive: id of a drive that is open and empty
 * @node: name of a block node
 * @deadline: for the reply
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPInsertMedium(libxlDeviceModelMonitor *mon,
                                const char *drive,
                                const char *node,
                                gint64 deadline)
{
    return libxlDeviceModelQMPCommand(mon, "blockdev-insert-medium", NULL, deadline,
                                      "s:id", drive,
                                      "s:node-name", node,
                                      NULL);
}


/**
 * libxlDeviceModelQMPRemoveMedium:
 * @mon: the monitor
 * @drive: id of a drive that is open
 * @deadline: for the reply
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPRemoveMedium(libxlDeviceModelMonitor *mon,
                                const char *drive,
                                gint64 deadline)
{
    return libxlDeviceModelQMPCommand(mon, "blockdev-remove-medium", NULL, deadline,
                                      "s:id", drive,
                                      NULL);
}


/* What goes wrong is text in the reply, as is what goes well. */
static int
libxlDeviceModelQMPCheckHuman(libxlDeviceModelMonitor *mon,
                              const char *command,
                              virJSONValue *reply)
{
    const char *text = virJSONValueGetString(reply);
    g_autofree char *quote = NULL;

    if (STREQ_NULLABLE(text, ""))
        return 0;

    quote = libxlDeviceModelQuote(text ? text : "");
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s': monitor command '%2$s': said '%3$s', expected nothing"),
                   libxlDeviceModelMonitorGetName(mon), command, quote);
    return -1;
}


/**
 * libxlDeviceModelQMPHumanCommands:
 * @mon: the monitor
 * @commands: lines for the monitor that people use, of commands that print nothing
 * @deadline: for the last reply
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommands.
 */
int
libxlDeviceModelQMPHumanCommands(libxlDeviceModelMonitor *mon,
                                 char **commands,
                                 gint64 deadline)
{
    size_t n = g_strv_length(commands);
    g_autofree virJSONValue **arguments = g_new0(virJSONValue *, n);
    g_autofree virJSONValue **replies = g_new0(virJSONValue *, n);
    int ret = -1;
    size_t i;

    if (n == 0)
        return 0;

    for (i = 0; i < n; i++) {
        arguments[i] = virJSONValueNewObject();
        ignore_value(virJSONValueObjectAppendString(arguments[i], "command-line", commands[i]));
    }

    if (libxlDeviceModelMonitorCommands(mon, "human-monitor-command", arguments, replies, n,
                                        deadline) < 0)
        goto cleanup;

    for (i = 0; i < n; i++) {
        if (libxlDeviceModelQMPCheckHuman(mon, commands[i], replies[i]) < 0)
            goto cleanup;
    }

    ret = 0;

 cleanup:
    for (i = 0; i < n; i++)
        virJSONValueFree(replies[i]);
    return ret;
}


/**
 * libxlDeviceModelQMPQueryVersion:
 * @mon: the monitor
 * @version: filled with QEMU's version: major, minor, micro
 * @deadline: for the reply
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPQueryVersion(libxlDeviceModelMonitor *mon,
                                unsigned int version[3],
                                gint64 deadline)
{
    static const char *const parts[] = { "major", "minor", "micro" };
    g_autoptr(virJSONValue) reply = NULL;
    virJSONValue *qemu;
    int number = -1;
    size_t i;

    if (libxlDeviceModelMonitorCommand(mon, "query-version", NULL, &reply, deadline) < 0)
        return -1;

    qemu = virJSONValueObjectGetObject(reply, "qemu");
    for (i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (!qemu || virJSONValueObjectGetNumberInt(qemu, parts[i], &number) < 0 || number < 0) {
            virReportError(VIR_ERR_INTERNAL_ERROR,
                           _("device model '%1$s': monitor command 'query-version': sent a reply without a version"),
                           libxlDeviceModelMonitorGetName(mon));
            return -1;
        }

        version[i] = number;
    }

    return 0;
}


/**
 * libxlDeviceModelQMPQueryMachine:
 * @mon: the monitor
 * @machine: filled with what QEMU calls its machine, which is not the alias that it was
 *           started with; the caller frees it
 * @deadline: for the reply
 *
 * It is what the device model says, and nothing to rely on.
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPQueryMachine(libxlDeviceModelMonitor *mon,
                                char **machine,
                                gint64 deadline)
{
    g_autoptr(virJSONValue) reply = NULL;

    if (libxlDeviceModelQMPCommand(mon, "qom-get", &reply, deadline,
                                   "s:path", "/machine",
                                   "s:property", "type",
                                   NULL) < 0)
        return -1;

    if (!(*machine = g_strdup(virJSONValueGetString(reply)))) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s': monitor command 'qom-get': sent no machine"),
                       libxlDeviceModelMonitorGetName(mon));
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelQMPCheckBlockers:
 * @mon: the monitor
 * @deadline: for the reply
 *
 * A device whose state cannot be saved is one reason, and there are others for as long as
 * something lasts (fill_source_migration_info in QEMU migration/migration.c).
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand, which is
 * VIR_ERR_OPERATION_FAILED where there is a reason.
 */
int
libxlDeviceModelQMPCheckBlockers(libxlDeviceModelMonitor *mon,
                                 gint64 deadline)
{
    g_autoptr(virJSONValue) reply = NULL;
    g_autofree char *quote = NULL;
    virJSONValue *reasons;
    const char *reason = NULL;

    if (libxlDeviceModelMonitorCommand(mon, "query-migrate", NULL, &reply, deadline) < 0)
        return -1;

    if (!(reasons = virJSONValueObjectGetArray(reply, "blocked-reasons")))
        return 0;

    if (virJSONValueArraySize(reasons) > 0)
        reason = virJSONValueGetString(virJSONValueArrayGet(reasons, 0));

    quote = libxlDeviceModelQuote(reason ? reason : "");
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' cannot be saved: '%2$s'"),
                   libxlDeviceModelMonitorGetName(mon), quote);
    return -1;
}


/**
 * libxlDeviceModelQMPSetDirtyLog:
 * @mon: the monitor
 * @enable: whether Xen is to be told of each page of the guest that it dirties
 * @deadline: for the reply
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPSetDirtyLog(libxlDeviceModelMonitor *mon,
                               bool enable,
                               gint64 deadline)
{
    return libxlDeviceModelQMPCommand(mon, "xen-set-global-dirty-log", NULL, deadline,
                                      "b:enable", enable,
                                      NULL);
}


/**
 * libxlDeviceModelQMPStop:
 * @mon: the monitor
 * @deadline: for the reply
 *
 * When it has answered, nothing of it changes any more, nor does the guest's memory by it: its
 * disks are drained, its NICs receive nothing (do_vm_stop in QEMU softmmu/cpus.c).
 *
 * Returns 0, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPStop(libxlDeviceModelMonitor *mon,
                        gint64 deadline)
{
    return libxlDeviceModelMonitorCommand(mon, "stop", NULL, NULL, deadline);
}


/**
 * libxlDeviceModelQMPSaveState:
 * @mon: monitor of a stopped device model
 * @fdset: number of a set with a file that can be written and not be read
 * @live: whether the images of its disks are another's from then on, until it goes on
 * @deadline: for the reply
 *
 * QEMU opens the file as one that it truncates, which the scope library allows for a pipe
 * (libxl_devicemodel_scope_file.c).
 *
 * Returns 0 when all was written, or -1 with an error as of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelQMPSaveState(libxlDeviceModelMonitor *mon,
                             unsigned int fdset,
                             bool live,
                             gint64 deadline)
{
    g_autofree char *path = g_strdup_printf("/dev/fdset/%u", fdset);

    return libxlDeviceModelQMPCommand(mon, "xen-save-devices-state", NULL, deadline,
                                      "s:filename", path,
                                      "b:live", live,
                                      NULL);
}


/**
 * libxlDeviceModelQMPIncoming:
 * @mon: monitor of a device model that was started with -incoming defer
 * @fd: a pipe that its state comes from; stays with the caller
 * @deadline: for both replies
 *
 * Returns 0 when it has begun to load, or -1 with an error as of
 * libxlDeviceModelMonitorCommand.  One that fails to load ends
 * (process_incoming_migration_co in QEMU migration/migration.c).
 */
int
libxlDeviceModelQMPIncoming(libxlDeviceModelMonitor *mon,
                            int fd,
                            gint64 deadline)
{
    g_autoptr(virJSONValue) name = NULL;

    if (virJSONValueObjectAdd(&name, "s:fdname", "state", NULL) < 0 ||
        libxlDeviceModelMonitorCommandFD(mon, "getfd", &name, fd, NULL, deadline) < 0)
        return -1;

    return libxlDeviceModelQMPCommand(mon, "migrate-incoming", NULL, deadline,
                                      "s:uri", "fd:state",
                                      NULL);
}
