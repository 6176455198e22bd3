/*
 * libxl_devicemodel_monitor.c: QMP client of a secondary device model
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From the bottom up: errors, lines, messages, bytes, one exchange, one command.
 */

#include <config.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "libxl_devicemodel_monitor.h"
#include "libxl_devicemodel_quote.h"
#include "viralloc.h"
#include "virbuffer.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_monitor");

#define LIBXL_DEVICE_MODEL_MONITOR_CHUNK (64 * 1024)

/* The header explains the states. */
typedef enum {
    LIBXL_DEVICE_MODEL_MONITOR_NEW,
    LIBXL_DEVICE_MODEL_MONITOR_READY,
    LIBXL_DEVICE_MODEL_MONITOR_GONE,
    LIBXL_DEVICE_MODEL_MONITOR_FAILED,
} libxlDeviceModelMonitorState;

struct _libxlDeviceModelMonitor {
    char *name;
    int fd;
    libxlDeviceModelMonitorState state;
    char *failure; /* why the state is FAILED */

    GByteArray *in; /* read and not yet handled */
    size_t scanned; /* this many bytes of @in hold no end of line */

    unsigned long long lastSentID;
    unsigned long long lastReplyID;

    /* the call under way */
    const char *command; /* whose reply is awaited, or NULL */
    unsigned long long firstID; /* of the commands that are sent at once */
    unsigned long long awaitedID; /* of the one whose reply comes next */
    const size_t *ends; /* where each of them ends in what is sent */
    size_t sent; /* that many bytes were written to the socket */
    bool refused; /* it takes no more */
    int passed; /* file descriptor that goes with the command, or -1 */
    size_t received; /* bytes, since it began */
    unsigned long long timeout; /* ms, that were left when it began */
    gint64 deadline; /* us, monotonic */
};


static void
libxlDeviceModelMonitorReportDetail(libxlDeviceModelMonitor *mon,
                                    int code,
                                    const char *detail)
{
    if (mon->command) {
        virReportError(code,
                       _("device model '%1$s': monitor command '%2$s': %3$s"),
                       mon->name, mon->command, detail);
    } else if (mon->state == LIBXL_DEVICE_MODEL_MONITOR_NEW) {
        virReportError(code,
                       _("device model '%1$s': monitor greeting: %2$s"),
                       mon->name, detail);
    } else {
        virReportError(code,
                       _("device model '%1$s': monitor: %2$s"),
                       mon->name, detail);
    }
}


static void G_GNUC_PRINTF(3, 4)
libxlDeviceModelMonitorReport(libxlDeviceModelMonitor *mon,
                              int code,
                              const char *fmt,
                              ...)
{
    g_autofree char *detail = NULL;
    va_list ap;

    va_start(ap, fmt);
    detail = g_strdup_vprintf(fmt, ap);
    va_end(ap);

    libxlDeviceModelMonitorReportDetail(mon, code, detail);
}


/* Reports the error and makes the monitor unusable.  Returns -1. */
static int G_GNUC_PRINTF(2, 3)
libxlDeviceModelMonitorFail(libxlDeviceModelMonitor *mon,
                            const char *fmt,
                            ...)
{
    va_list ap;

    g_free(mon->failure);
    va_start(ap, fmt);
    mon->failure = g_strdup_vprintf(fmt, ap);
    va_end(ap);

    libxlDeviceModelMonitorReportDetail(mon, VIR_ERR_INTERNAL_ERROR, mon->failure);
    mon->state = LIBXL_DEVICE_MODEL_MONITOR_FAILED;
    return -1;
}


static int
libxlDeviceModelMonitorReportGone(libxlDeviceModelMonitor *mon)
{
    libxlDeviceModelMonitorReport(mon, VIR_ERR_INTERNAL_ERROR, "%s",
                                  _("closed its monitor connection"));
    mon->state = LIBXL_DEVICE_MODEL_MONITOR_GONE;
    return -1;
}


static int
libxlDeviceModelMonitorReportTimeout(libxlDeviceModelMonitor *mon)
{
    libxlDeviceModelMonitorReport(mon, VIR_ERR_OPERATION_TIMEOUT,
                                  _("no answer within %1$llu ms"),
                                  mon->timeout);
    return -1;
}


static int
libxlDeviceModelMonitorCheckState(libxlDeviceModelMonitor *mon)
{
    switch (mon->state) {
    case LIBXL_DEVICE_MODEL_MONITOR_READY:
        return 0;

    case LIBXL_DEVICE_MODEL_MONITOR_NEW:
        libxlDeviceModelMonitorReport(mon, VIR_ERR_INTERNAL_ERROR, "%s",
                                      _("the handshake has not been done"));
        return -1;

    case LIBXL_DEVICE_MODEL_MONITOR_GONE:
        return libxlDeviceModelMonitorReportGone(mon);

    case LIBXL_DEVICE_MODEL_MONITOR_FAILED:
        break;
    }

    libxlDeviceModelMonitorReport(mon, VIR_ERR_INTERNAL_ERROR,
                                  _("unusable after an earlier error: %1$s"),
                                  mon->failure);
    return -1;
}


/**
 * libxlDeviceModelMonitorNextLine:
 * @mon: the monitor
 * @line: filled with the next line, without its end
 *
 * Take one line from what has been read.  QEMU ends lines with CR LF; LF alone
 * will do.
 *
 * Returns 1 with a line, 0 when none is complete, -1 with an error reported
 * and the monitor FAILED.
 */
static int
libxlDeviceModelMonitorNextLine(libxlDeviceModelMonitor *mon,
                                char **line)
{
    const char *start = (const char *)mon->in->data;
    const char *fresh;
    const char *end = NULL;
    size_t len = mon->in->len;

    if (mon->scanned == len)
        return 0;

    fresh = start + mon->scanned;

    if ((end = memchr(fresh, '\n', len - mon->scanned)))
        len = end - start;

    if (memchr(fresh, '\0', len - mon->scanned))
        return libxlDeviceModelMonitorFail(mon, "%s", _("sent a NUL byte"));

    if (len > LIBXL_DEVICE_MODEL_MONITOR_LINE_MAX) {
        return libxlDeviceModelMonitorFail(mon,
                                           _("sent a line longer than %1$d bytes"),
                                           LIBXL_DEVICE_MODEL_MONITOR_LINE_MAX);
    }

    if (!end) {
        mon->scanned = len;
        return 0;
    }

    *line = g_strndup(start, len);
    if (len > 0 && (*line)[len - 1] == '\r')
        (*line)[len - 1] = '\0';

    g_byte_array_remove_range(mon->in, 0, len + 1);
    mon->scanned = 0;
    return 1;
}


static int
libxlDeviceModelMonitorHandleGreeting(libxlDeviceModelMonitor *mon,
                                      const char *line,
                                      virJSONValue **message,
                                      virJSONValue **awaited)
{
    g_autofree char *quote = NULL;

    if (virJSONValueObjectGetObject(*message, "QMP")) {
        *awaited = g_steal_pointer(message);
        return 0;
    }

    quote = libxlDeviceModelQuote(line);
    return libxlDeviceModelMonitorFail(mon, _("sent a greeting without 'QMP': '%1$s'"),
                                       quote);
}


/* QEMU answers commands in the order in which it got them.  So a reply whose id
 * lies between that of the last reply and the awaited one belongs to a command
 * that nobody waits for any more, as it timed out, or another of those that were
 * sent with it had failed; every other id than the awaited one is wrong.  So is
 * the awaited one, if it comes before the device model can have read the command. */
static int
libxlDeviceModelMonitorHandleReply(libxlDeviceModelMonitor *mon,
                                   const char *line,
                                   virJSONValue **message,
                                   virJSONValue **awaited)
{
    g_autofree char *quote = NULL;
    unsigned long long id = 0;

    if (virJSONValueObjectGetNumberUlong(*message, "id", &id) < 0 ||
        id <= mon->lastReplyID || id > mon->awaitedID) {
        quote = libxlDeviceModelQuote(line);
        return libxlDeviceModelMonitorFail(mon,
                                           _("sent a reply with a wrong id, %1$llu was expected: '%2$s'"),
                                           mon->awaitedID, quote);
    }

    mon->lastReplyID = id;

    if (id < mon->awaitedID) {
        VIR_DEBUG("device model '%s': late reply %llu skipped", mon->name, id);
        return 0;
    }

    if (mon->sent < mon->ends[id - mon->firstID]) {
        quote = libxlDeviceModelQuote(line);
        return libxlDeviceModelMonitorFail(mon,
                                           _("sent a reply to a command that it had not got: '%1$s'"),
                                           quote);
    }

    *awaited = g_steal_pointer(message);
    return 0;
}


static int
libxlDeviceModelMonitorHandleLine(libxlDeviceModelMonitor *mon,
                                  const char *line,
                                  virJSONValue **awaited)
{
    g_autoptr(virJSONValue) message = virJSONValueFromString(line);
    g_autofree char *quote = NULL;
    const char *event;

    if (message && virJSONValueIsObject(message)) {
        if (mon->state == LIBXL_DEVICE_MODEL_MONITOR_NEW)
            return libxlDeviceModelMonitorHandleGreeting(mon, line, &message, awaited);

        if ((event = virJSONValueObjectGetString(message, "event"))) {
            quote = libxlDeviceModelQuote(event);
            VIR_DEBUG("device model '%s': event '%s'", mon->name, quote);
            return 0;
        }

        if (virJSONValueObjectHasKey(message, "return") !=
            virJSONValueObjectHasKey(message, "error"))
            return libxlDeviceModelMonitorHandleReply(mon, line, &message, awaited);
    }

    quote = libxlDeviceModelQuote(line);
    if (!message)
        return libxlDeviceModelMonitorFail(mon, _("sent a line that is not JSON: '%1$s'"), quote);

    if (!virJSONValueIsObject(message)) {
        return libxlDeviceModelMonitorFail(mon, _("sent JSON that is not an object: '%1$s'"),
                                           quote);
    }

    return libxlDeviceModelMonitorFail(mon,
                                       _("sent neither an event nor a reply: '%1$s'"),
                                       quote);
}


/**
 * libxlDeviceModelMonitorHandleLines:
 * @mon: the monitor
 * @awaited: filled with the awaited greeting or reply, if it is there
 *
 * Handle the complete lines read so far, up to and including the awaited one.
 *
 * Returns 0, or -1 with an error reported and the monitor FAILED.
 */
static int
libxlDeviceModelMonitorHandleLines(libxlDeviceModelMonitor *mon,
                                   virJSONValue **awaited)
{
    while (!*awaited) {
        g_autofree char *line = NULL;
        int rc = libxlDeviceModelMonitorNextLine(mon, &line);

        if (rc <= 0)
            return rc;

        if (libxlDeviceModelMonitorHandleLine(mon, line, awaited) < 0)
            return -1;
    }

    return 0;
}


/* Wait until the socket is readable, or writable if @write, or the deadline.
 * Returns what poll(2) says of the socket, 0 for nothing, -1 with an error. */
static int
libxlDeviceModelMonitorPoll(libxlDeviceModelMonitor *mon,
                            bool write)
{
    gint64 left = MAX(mon->deadline - g_get_monotonic_time(), 0);
    struct pollfd pfd = { .fd = mon->fd, .events = POLLIN };
    int rc;

    if (write)
        pfd.events |= POLLOUT;

    rc = poll(&pfd, 1, MIN((left + 999) / 1000, G_MAXINT));

    if (rc < 0 && errno != EINTR) {
        return libxlDeviceModelMonitorFail(mon, _("cannot wait for the monitor: %1$s"),
                                           g_strerror(errno));
    }

    return rc > 0 ? pfd.revents : 0;
}


/* Send what the socket takes of @data, with the file descriptor of the call under
 * way if there is one.  Returns as sendmsg(2) does. */
static ssize_t
libxlDeviceModelMonitorSendMessage(libxlDeviceModelMonitor *mon,
                                   const char *data,
                                   size_t len,
                                   bool first)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    /* QEMU keeps it for the command whose first byte it comes with */
    if (mon->passed >= 0 && first) {
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.header), &mon->passed, sizeof(int));
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control.space);
    }

    return sendmsg(mon->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}


/* Send what the socket takes of @out.  Returns 0, or -1 with an error reported. */
static int
libxlDeviceModelMonitorSend(libxlDeviceModelMonitor *mon,
                            virBuffer *out)
{
    const char *rest = virBufferCurrentContent(out) + mon->sent;
    size_t len = virBufferUse(out) - mon->sent;
    ssize_t got = libxlDeviceModelMonitorSendMessage(mon, rest, len, mon->sent == 0);

    if (got >= 0) {
        mon->sent += got;
        return 0;
    }

    if (errno == EAGAIN || errno == EINTR)
        return 0;

    if (errno == EPIPE || errno == ECONNRESET) {
        /* What the device model sent before it closed the connection can still
         * be read; reading also reports the end. */
        mon->refused = true;
        return 0;
    }

    return libxlDeviceModelMonitorFail(mon, _("cannot write to the monitor: %1$s"),
                                       g_strerror(errno));
}


static int
libxlDeviceModelMonitorCount(libxlDeviceModelMonitor *mon,
                             size_t got)
{
    mon->received += got;
    if (mon->received <= LIBXL_DEVICE_MODEL_MONITOR_CALL_MAX)
        return 0;

    return libxlDeviceModelMonitorFail(mon, _("sent more than %1$d bytes and no answer"),
                                       LIBXL_DEVICE_MODEL_MONITOR_CALL_MAX);
}


/* Read what is there, one chunk at most: a device model that never stops
 * sending must not keep us past the deadline, nor busy until then.
 * Returns 0, also when there is nothing, or -1 with an error reported. */
static int
libxlDeviceModelMonitorReceive(libxlDeviceModelMonitor *mon)
{
    size_t have = mon->in->len;
    ssize_t got;

    g_byte_array_set_size(mon->in, have + LIBXL_DEVICE_MODEL_MONITOR_CHUNK);
    got = recv(mon->fd, mon->in->data + have, LIBXL_DEVICE_MODEL_MONITOR_CHUNK,
               MSG_DONTWAIT);
    g_byte_array_set_size(mon->in, have + MAX(got, 0));

    if (got > 0)
        return libxlDeviceModelMonitorCount(mon, got);

    /* A UNIX socket is reset when its peer is closed with data unread. */
    if (got == 0 || errno == ECONNRESET)
        return libxlDeviceModelMonitorReportGone(mon);

    if (errno == EAGAIN || errno == EINTR)
        return 0;

    return libxlDeviceModelMonitorFail(mon, _("cannot read from the monitor: %1$s"),
                                       g_strerror(errno));
}


/**
 * libxlDeviceModelMonitorExchange:
 * @mon: the monitor
 * @out: what to send, of which a part may have been sent; empty for nothing
 * @awaited: filled with the greeting or the reply that comes next
 *
 * Send and receive at the same time: a device model that doesn't read before
 * we have read what it wrote must not lead to a deadlock.
 *
 * Returns 0, or -1 with an error reported.
 */
static int
libxlDeviceModelMonitorExchange(libxlDeviceModelMonitor *mon,
                                virBuffer *out,
                                virJSONValue **awaited)
{
    bool expired = false;

    while (true) {
        int revents;

        if (libxlDeviceModelMonitorHandleLines(mon, awaited) < 0)
            return -1;

        if (*awaited)
            return 0;

        if (expired)
            return libxlDeviceModelMonitorReportTimeout(mon);

        /* Set before the poll: what has arrived by the deadline counts, even
         * if this thread was not scheduled in time to see it arrive. */
        expired = g_get_monotonic_time() >= mon->deadline;

        if ((revents = libxlDeviceModelMonitorPoll(mon, !mon->refused &&
                                                   mon->sent < virBufferUse(out))) < 0)
            return -1;

        if ((revents & POLLOUT) &&
            libxlDeviceModelMonitorSend(mon, out) < 0)
            return -1;

        if ((revents & ~POLLOUT) &&
            libxlDeviceModelMonitorReceive(mon) < 0)
            return -1;
    }
}


static void
libxlDeviceModelMonitorStartClock(libxlDeviceModelMonitor *mon,
                                  gint64 deadline)
{
    gint64 left = MAX(deadline - g_get_monotonic_time(), 0);

    mon->received = 0;
    mon->sent = 0;
    mon->refused = false;
    mon->timeout = (left + 999) / 1000;
    mon->deadline = deadline;
}


/* Take the 'return' member out of @message, or report its 'error' member. */
static int
libxlDeviceModelMonitorTakeReturn(libxlDeviceModelMonitor *mon,
                                  virJSONValue *message,
                                  virJSONValue **reply)
{
    virJSONValue *error = virJSONValueObjectGet(message, "error");
    g_autofree char *class = NULL;
    g_autofree char *desc = NULL;

    if (!error) {
        virJSONValueObjectRemoveKey(message, "return", reply);
        return 0;
    }

    if (!virJSONValueObjectGetString(error, "class") ||
        !virJSONValueObjectGetString(error, "desc")) {
        return libxlDeviceModelMonitorFail(mon, "%s",
                                           _("sent an error reply without 'class' or 'desc'"));
    }

    class = libxlDeviceModelQuote(virJSONValueObjectGetString(error, "class"));
    desc = libxlDeviceModelQuote(virJSONValueObjectGetString(error, "desc"));
    libxlDeviceModelMonitorReport(mon, VIR_ERR_OPERATION_FAILED,
                                  "%s: %s", class, desc);
    return -1;
}


/* The requests of a command, one for each of the @n @arguments, which are taken over, and where
 * in @out each ends. */
static int
libxlDeviceModelMonitorFormat(libxlDeviceModelMonitor *mon,
                              const char *command,
                              virJSONValue **arguments,
                              size_t n,
                              virBuffer *out,
                              size_t *ends)
{
    size_t i;

    mon->firstID = mon->lastSentID + 1;

    for (i = 0; i < n; i++) {
        g_autoptr(virJSONValue) request = NULL;

        if (virJSONValueObjectAdd(&request,
                                  "s:execute", command,
                                  "A:arguments", &arguments[i],
                                  "U:id", mon->firstID + i,
                                  NULL) < 0 ||
            virJSONValueToBuffer(request, out, false) < 0)
            return -1;

        virBufferAddLit(out, "\n");
        ends[i] = virBufferUse(out);
    }

    mon->lastSentID += n;
    VIR_DEBUG("device model '%s': command '%s', ids %llu to %llu",
              mon->name, command, mon->firstID, mon->lastSentID);
    return 0;
}


/* The next command would be taken for the rest of one that was sent in part. */
static void
libxlDeviceModelMonitorCheckSent(libxlDeviceModelMonitor *mon,
                                 const virBuffer *out)
{
    if (mon->sent == 0 || mon->sent == virBufferUse(out) ||
        mon->state != LIBXL_DEVICE_MODEL_MONITOR_READY)
        return;

    mon->failure = g_strdup_printf(_("monitor command '%1$s' was sent in part only"),
                                   mon->command);
    mon->state = LIBXL_DEVICE_MODEL_MONITOR_FAILED;
}


/* libxlDeviceModelMonitorCommands with the clock running. */
static int
libxlDeviceModelMonitorRun(libxlDeviceModelMonitor *mon,
                           const char *command,
                           virJSONValue **arguments,
                           virJSONValue **replies,
                           size_t n)
{
    g_auto(virBuffer) out = VIR_BUFFER_INITIALIZER;
    g_autofree size_t *ends = g_new0(size_t, n);
    int ret = -1;
    size_t i;

    mon->command = command;
    mon->ends = ends;

    if (libxlDeviceModelMonitorCheckState(mon) < 0 ||
        libxlDeviceModelMonitorFormat(mon, command, arguments, n, &out, ends) < 0)
        goto cleanup;

    for (i = 0; i < n; i++) {
        g_autoptr(virJSONValue) message = NULL;

        mon->awaitedID = mon->firstID + i;
        if (libxlDeviceModelMonitorExchange(mon, &out, &message) < 0 ||
            libxlDeviceModelMonitorTakeReturn(mon, message, &replies[i]) < 0)
            goto cleanup;
    }

    ret = 0;

 cleanup:
    libxlDeviceModelMonitorCheckSent(mon, &out);
    for (i = 0; i < n; i++)
        g_clear_pointer(&arguments[i], virJSONValueFree);
    mon->command = NULL;
    mon->ends = NULL;
    return ret;
}


/* The same for one, whose reply may be of no interest. */
static int
libxlDeviceModelMonitorRunOne(libxlDeviceModelMonitor *mon,
                              const char *command,
                              virJSONValue **arguments,
                              virJSONValue **reply)
{
    virJSONValue *args = arguments ? g_steal_pointer(arguments) : NULL;
    g_autoptr(virJSONValue) got = NULL;

    if (libxlDeviceModelMonitorRun(mon, command, &args, &got, 1) < 0)
        return -1;

    if (reply)
        *reply = g_steal_pointer(&got);
    return 0;
}


/**
 * libxlDeviceModelMonitorNew:
 * @name: name of the device model, for errors
 * @fd: a connected UNIX stream socket; taken over and set to -1
 *
 * Make a monitor in state NEW.
 *
 * Returns the monitor, never NULL; the caller owns it.
 */
libxlDeviceModelMonitor *
libxlDeviceModelMonitorNew(const char *name,
                           int *fd)
{
    libxlDeviceModelMonitor *mon = g_new0(libxlDeviceModelMonitor, 1);

    mon->name = g_strdup(name);
    mon->fd = *fd;
    mon->passed = -1;
    mon->state = LIBXL_DEVICE_MODEL_MONITOR_NEW;
    mon->in = g_byte_array_new();
    *fd = -1;

    return mon;
}


/**
 * libxlDeviceModelMonitorConnect:
 * @name: name of the device model, for errors
 * @path: its QMP socket
 *
 * Connect without waiting, and make a monitor in state NEW.  A device model
 * that serves another client accepts the connection, but sends no greeting.
 *
 * Returns the monitor, which the caller owns, or NULL with an error reported:
 * VIR_ERR_SYSTEM_ERROR when nobody listens, VIR_ERR_INTERNAL_ERROR when @path
 * is too long for a socket address.
 */
libxlDeviceModelMonitor *
libxlDeviceModelMonitorConnect(const char *name,
                               const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    VIR_AUTOCLOSE fd = -1;

    if (virStrcpyStatic(addr.sun_path, path) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("device model '%1$s': monitor socket path '%2$s' is longer than %3$zu bytes"),
                       name, path, sizeof(addr.sun_path) - 1);
        return NULL;
    }

    if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0 ||
        connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        virReportSystemError(errno,
                             _("device model '%1$s': cannot connect to monitor socket '%2$s'"),
                             name, path);
        return NULL;
    }

    return libxlDeviceModelMonitorNew(name, &fd);
}


static int
libxlDeviceModelMonitorGreet(libxlDeviceModelMonitor *mon)
{
    g_autoptr(virJSONValue) greeting = NULL;
    g_auto(virBuffer) nothing = VIR_BUFFER_INITIALIZER;

    if (libxlDeviceModelMonitorExchange(mon, &nothing, &greeting) < 0)
        return -1;

    mon->state = LIBXL_DEVICE_MODEL_MONITOR_READY;
    return libxlDeviceModelMonitorRunOne(mon, "qmp_capabilities", NULL, NULL);
}


/**
 * libxlDeviceModelMonitorHandshake:
 * @mon: a monitor in state NEW
 * @deadline: for both steps together
 *
 * Read the greeting and leave QMP's negotiation mode.  To be called without
 * the domain's lock: it waits.
 *
 * Returns 0 with the monitor READY, or -1 with an error reported and the
 * monitor GONE or FAILED.  The errors are those of libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelMonitorHandshake(libxlDeviceModelMonitor *mon,
                                 gint64 deadline)
{
    if (mon->state == LIBXL_DEVICE_MODEL_MONITOR_READY) {
        libxlDeviceModelMonitorReport(mon, VIR_ERR_INTERNAL_ERROR, "%s",
                                      _("the handshake has been done already"));
        return -1;
    }

    if (mon->state != LIBXL_DEVICE_MODEL_MONITOR_NEW)
        return libxlDeviceModelMonitorCheckState(mon);

    libxlDeviceModelMonitorStartClock(mon, deadline);

    if (libxlDeviceModelMonitorGreet(mon) == 0)
        return 0;

    /* QEMU negotiates once per connection: a second try could not tell its
     * refusal from that of a late first one. */
    if (mon->state == LIBXL_DEVICE_MODEL_MONITOR_NEW ||
        mon->state == LIBXL_DEVICE_MODEL_MONITOR_READY) {
        mon->failure = g_strdup(_("the handshake did not succeed"));
        mon->state = LIBXL_DEVICE_MODEL_MONITOR_FAILED;
    }
    return -1;
}


/**
 * libxlDeviceModelMonitorCommand:
 * @mon: the monitor
 * @command: QMP command
 * @arguments: its arguments, or NULL; taken over in every case
 * @reply: filled with the 'return' member of the reply, or NULL
 * @deadline: for the reply
 *
 * Carry out one command.  Events that come before the reply are skipped.  To
 * be called without the domain's lock: it waits.
 *
 * Returns 0 with @reply owned by the caller, or -1 with an error reported:
 * VIR_ERR_OPERATION_FAILED when the device model answered with an error;
 * VIR_ERR_OPERATION_TIMEOUT when it did not answer in time, although it may
 * still carry out the command;
 * VIR_ERR_INTERNAL_ERROR when the monitor is, or has become, GONE or FAILED.
 */
int
libxlDeviceModelMonitorCommand(libxlDeviceModelMonitor *mon,
                               const char *command,
                               virJSONValue **arguments,
                               virJSONValue **reply,
                               gint64 deadline)
{
    libxlDeviceModelMonitorStartClock(mon, deadline);
    return libxlDeviceModelMonitorRunOne(mon, command, arguments, reply);
}


/**
 * libxlDeviceModelMonitorCommands:
 * @mon: the monitor
 * @command: QMP command
 * @arguments: of each time that it is to be carried out; taken over in every case
 * @replies: filled with the 'return' members of the replies, as far as there are
 * @n: how many there are of both
 * @deadline: for the last reply
 *
 * As libxlDeviceModelMonitorCommand, for a command that is sent several times before the
 * first reply is awaited: QEMU reads its monitor byte by byte, and has the next one by the
 * time it has answered.  Where one fails, those after it may be carried out all the same.
 */
int
libxlDeviceModelMonitorCommands(libxlDeviceModelMonitor *mon,
                                const char *command,
                                virJSONValue **arguments,
                                virJSONValue **replies,
                                size_t n,
                                gint64 deadline)
{
    libxlDeviceModelMonitorStartClock(mon, deadline);
    return libxlDeviceModelMonitorRun(mon, command, arguments, replies, n);
}


/**
 * libxlDeviceModelMonitorCommandFD:
 * @mon: the monitor
 * @command: QMP command that takes an open file
 * @arguments: its arguments, or NULL; taken over in every case
 * @fd: the file; stays with the caller
 * @reply: filled with the 'return' member of the reply, or NULL
 * @deadline: for the reply
 *
 * As libxlDeviceModelMonitorCommand.
 */
int
libxlDeviceModelMonitorCommandFD(libxlDeviceModelMonitor *mon,
                                 const char *command,
                                 virJSONValue **arguments,
                                 int fd,
                                 virJSONValue **reply,
                                 gint64 deadline)
{
    int rc;

    libxlDeviceModelMonitorStartClock(mon, deadline);
    mon->passed = fd;
    rc = libxlDeviceModelMonitorRunOne(mon, command, arguments, reply);
    mon->passed = -1;

    return rc;
}


/**
 * libxlDeviceModelMonitorGetName:
 * @mon: the monitor
 *
 * Returns the name of the device model, which lives as long as the monitor.
 */
const char *
libxlDeviceModelMonitorGetName(const libxlDeviceModelMonitor *mon)
{
    return mon->name;
}


/**
 * libxlDeviceModelMonitorFree:
 * @mon: the monitor, or NULL
 *
 * Close the connection, too; QEMU then serves the next one.
 */
void
libxlDeviceModelMonitorFree(libxlDeviceModelMonitor *mon)
{
    if (!mon)
        return;

    VIR_FORCE_CLOSE(mon->fd);
    g_byte_array_unref(mon->in);
    g_free(mon->failure);
    g_free(mon->name);
    g_free(mon);
}
