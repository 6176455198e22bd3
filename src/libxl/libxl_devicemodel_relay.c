/*
 * libxl_devicemodel_relay.c: between libxl and the primary while a domain is saved
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From the bottom up: decisions, sockets by name, what is kept for one of both ends, one
 * connection, the thread.
 */

#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libxl_devicemodel_relay.h"

#include "virerror.h"
#include "virfile.h"
#include "virjson.h"
#include "virlog.h"
#include "virstring.h"
#include "virthread.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_relay");

/* More than a command of QMP takes. */
#define LIBXL_DEVICE_MODEL_RELAY_FDS 16

/* In Xen's folder for what runs (XEN_RUN_DIR in config/Paths.mk). */
#define LIBXL_DEVICE_MODEL_RELAY_SOCKET "/var/run/xen/qmp-libxl-%u"

#ifndef RENAME_EXCHANGE
# define RENAME_EXCHANGE (1 << 1)
#endif

/* What one end is still to be sent. */
typedef struct _libxlDeviceModelRelayQueue libxlDeviceModelRelayQueue;
struct _libxlDeviceModelRelayQueue {
    GByteArray *data;
    size_t nfds;
    int fds[LIBXL_DEVICE_MODEL_RELAY_FDS]; /* that go with the first byte */
};

struct _libxlDeviceModelRelay {
    char *path;
    char *aside;
    libxlDeviceModelRelayHandler handler;
    void *opaque;
    virThread thread;

    /* the thread's */
    int listener;
    int wake[2]; /* readable once the thread is to end */
    int client; /* libxl, or -1 */
    int primary; /* likewise */
    GByteArray *in; /* what libxl has sent and no line has ended yet */
    libxlDeviceModelRelayQueue toClient;
    libxlDeviceModelRelayQueue toPrimary;

    /* read once the thread has ended */
    bool stopped; /* the primary was told to stop */
    virErrorPtr error; /* why it was not, or why libxl was not heard */
};


/**
 * libxlDeviceModelRelayGetPath:
 * @domid: id of a domain
 *
 * Returns the path of the QMP socket of its primary, as libxl names it
 * (libxl__qemu_qmp_path in Xen's tools/libs/light/libxl_internal.h); the caller frees it.
 */
char *
libxlDeviceModelRelayGetPath(unsigned int domid)
{
    return g_strdup_printf(LIBXL_DEVICE_MODEL_RELAY_SOCKET, domid);
}


static libxlDeviceModelRelayStep
libxlDeviceModelRelayDecideCommand(const char *command,
                                   virJSONValue *arguments)
{
    bool enable;

    if (STREQ_NULLABLE(command, "stop"))
        return LIBXL_DEVICE_MODEL_RELAY_STOP;

    if (STRNEQ_NULLABLE(command, "xen-set-global-dirty-log") || !arguments ||
        virJSONValueObjectGetBoolean(arguments, "enable", &enable) < 0)
        return LIBXL_DEVICE_MODEL_RELAY_PASS;

    return enable ? LIBXL_DEVICE_MODEL_RELAY_LOG : LIBXL_DEVICE_MODEL_RELAY_UNLOG;
}


/**
 * libxlDeviceModelRelayDecide:
 * @line: what libxl sends to the primary
 *
 * Returns what it means for the secondaries.  What is not understood is for the primary to
 * refuse.
 */
libxlDeviceModelRelayStep
libxlDeviceModelRelayDecide(const char *line)
{
    g_autoptr(virJSONValue) message = virJSONValueFromString(line);

    virResetLastError();
    if (!message || !virJSONValueIsObject(message))
        return LIBXL_DEVICE_MODEL_RELAY_PASS;

    return libxlDeviceModelRelayDecideCommand(virJSONValueObjectGetString(message, "execute"),
                                              virJSONValueObjectGetObject(message, "arguments"));
}


/**
 * libxlDeviceModelRelayRefusal:
 * @line: what libxl has sent, as JSON
 * @reason: why the primary is not told
 *
 * Returns the answer, a line, to be freed by the caller; or NULL with an error, where @reason
 * is no text.
 */
char *
libxlDeviceModelRelayRefusal(const char *line,
                             const char *reason)
{
    g_autoptr(virJSONValue) message = virJSONValueFromString(line);
    g_autoptr(virJSONValue) id = NULL;
    g_autoptr(virJSONValue) error = NULL;
    g_autoptr(virJSONValue) answer = NULL;
    g_autofree char *text = NULL;

    if (message && virJSONValueIsObject(message))
        virJSONValueObjectRemoveKey(message, "id", &id);

    if (virJSONValueObjectAdd(&error,
                              "s:class", "GenericError",
                              "s:desc", reason,
                              NULL) < 0 ||
        virJSONValueObjectAdd(&answer,
                              "a:error", &error,
                              "A:id", &id,
                              NULL) < 0 ||
        !(text = virJSONValueToString(answer, false)))
        return NULL;

    return g_strconcat(text, "\r\n", NULL);
}


static int
libxlDeviceModelRelayBind(int fd,
                          const char *path,
                          const struct sockaddr_un *addr)
{
    if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ||
        chmod(path, 0600) < 0 ||
        listen(fd, 1) < 0)
        return -1;

    return 0;
}


/* A socket that listens on @path, or is connected to who does.  Nobody waits: a server that
 * accepts nothing for a while has a queue.  Returns the socket, or -1 with an error. */
static int
libxlDeviceModelRelaySocket(const char *path,
                            bool listens)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    VIR_AUTOCLOSE fd = -1;
    int rc = -1;
    int ret;

    if (virStrcpyStatic(addr.sun_path, path) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR,
                       _("path '%1$s' of a socket is longer than %2$zu bytes"),
                       path, sizeof(addr.sun_path) - 1);
        return -1;
    }

    if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) >= 0)
        rc = listens ? libxlDeviceModelRelayBind(fd, path, &addr)
                     : connect(fd, (struct sockaddr *)&addr, sizeof(addr));

    if (rc < 0) {
        virReportSystemError(errno,
                             listens ? _("cannot listen on socket '%1$s'")
                                     : _("cannot connect to socket '%1$s'"),
                             path);
        return -1;
    }

    ret = fd;
    fd = -1;
    return ret;
}


static char *
libxlDeviceModelRelayAside(const char *path)
{
    return g_strconcat(path, LIBXL_DEVICE_MODEL_RELAY_ASIDE, NULL);
}


/* Whether somebody listens on a socket that is there. */
static bool
libxlDeviceModelRelayIsServed(const char *path)
{
    VIR_AUTOCLOSE fd = libxlDeviceModelRelaySocket(path, false);
    bool served = fd >= 0 || !virLastErrorIsSystemErrno(ECONNREFUSED);

    virResetLastError();
    return served;
}


/* The primary's socket takes the relay's place.  Where nothing has that any more and nobody
 * listens, the domain has been destroyed, with its primary. */
static int
libxlDeviceModelRelayReplace(const char *aside,
                             const char *path)
{
    bool wanted = virFileExists(path) || libxlDeviceModelRelayIsServed(aside);
    int rc = wanted ? rename(aside, path) : unlink(aside);

    if (rc < 0) {
        virReportSystemError(errno,
                             _("cannot put socket '%1$s' back to '%2$s'"), aside, path);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelRelayPutBack:
 * @path: of the primary's QMP socket
 *
 * Undo what a daemon that was killed has left of a relay.  It may have ended before it had
 * exchanged the sockets: nobody listens on its own.
 *
 * Returns 0, also where there is nothing to undo, or -1 with an error.
 */
int
libxlDeviceModelRelayPutBack(const char *path)
{
    g_autofree char *aside = libxlDeviceModelRelayAside(path);

    if (!virFileExists(aside))
        return 0;

    if (libxlDeviceModelRelayIsServed(aside))
        return libxlDeviceModelRelayReplace(aside, path);

    if (unlink(aside) < 0) {
        virReportSystemError(errno, _("cannot remove socket '%1$s'"), aside);
        return -1;
    }

    return 0;
}


static void
libxlDeviceModelRelayQueueDropFDs(libxlDeviceModelRelayQueue *queue)
{
    size_t i;

    for (i = 0; i < queue->nfds; i++)
        VIR_FORCE_CLOSE(queue->fds[i]);
    queue->nfds = 0;
}


static void
libxlDeviceModelRelayQueueClear(libxlDeviceModelRelayQueue *queue)
{
    libxlDeviceModelRelayQueueDropFDs(queue);
    g_byte_array_set_size(queue->data, 0);
}


/* Send what @fd takes.  Returns false where nobody is there any more. */
static bool
libxlDeviceModelRelayQueueSend(libxlDeviceModelRelayQueue *queue,
                               int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(queue->fds))];
    } control = { 0 };
    struct iovec iov = { .iov_base = queue->data->data, .iov_len = queue->data->len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    size_t len = queue->nfds * sizeof(int);
    ssize_t sent;

    if (queue->data->len == 0)
        return true;

    if (queue->nfds > 0) {
        control.header.cmsg_len = CMSG_LEN(len);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.header), queue->fds, len);
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(len);
    }

    if ((sent = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL)) < 0)
        return errno == EAGAIN || errno == EINTR;

    libxlDeviceModelRelayQueueDropFDs(queue);
    g_byte_array_remove_range(queue->data, 0, sent);
    return true;
}


/* Returns whether all files that came have a place in the queue. */
static bool
libxlDeviceModelRelayTakeFDs(struct msghdr *msg,
                             libxlDeviceModelRelayQueue *queue)
{
    bool taken = !(msg->msg_flags & MSG_CTRUNC);
    struct cmsghdr *header;

    for (header = CMSG_FIRSTHDR(msg); header; header = CMSG_NXTHDR(msg, header)) {
        size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        size_t i;

        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;

        for (i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (queue->nfds < LIBXL_DEVICE_MODEL_RELAY_FDS) {
                queue->fds[queue->nfds++] = fd;
            } else {
                VIR_FORCE_CLOSE(fd);
                taken = false;
            }
        }
    }

    return taken;
}


/* Add what has come to @in, and open files to @queue.  Returns false where nothing comes any
 * more, or more than may be. */
static bool
libxlDeviceModelRelayReceive(int fd,
                             GByteArray *in,
                             libxlDeviceModelRelayQueue *queue)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(LIBXL_DEVICE_MODEL_RELAY_FDS * sizeof(int))];
    } control;
    size_t have = in->len;
    struct iovec iov = { .iov_len = LIBXL_DEVICE_MODEL_RELAY_MAX };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof(control.space),
    };
    ssize_t got;

    g_byte_array_set_size(in, have + LIBXL_DEVICE_MODEL_RELAY_MAX);
    iov.iov_base = in->data + have;
    got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    g_byte_array_set_size(in, have + MAX(got, 0));

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;

    return libxlDeviceModelRelayTakeFDs(&msg, queue) && got > 0;
}


static void
libxlDeviceModelRelayHangUp(libxlDeviceModelRelay *relay)
{
    VIR_FORCE_CLOSE(relay->client);
    VIR_FORCE_CLOSE(relay->primary);
    g_byte_array_set_size(relay->in, 0);
    libxlDeviceModelRelayQueueClear(&relay->toClient);
    libxlDeviceModelRelayQueueClear(&relay->toPrimary);
}


/* The operation fails with the error that is set. */
static void
libxlDeviceModelRelayFail(libxlDeviceModelRelay *relay)
{
    virFreeError(relay->error);
    virErrorPreserveLast(&relay->error);
}


/* libxl waits for ever for a connection that is not taken, and poll reports it again at once: it
 * is closed with the listener where it cannot be. */
static void
libxlDeviceModelRelayRefuseAll(libxlDeviceModelRelay *relay)
{
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return;

    virReportSystemError(errno, _("cannot take a connection to socket '%1$s'"), relay->path);
    libxlDeviceModelRelayFail(relay);
    VIR_FORCE_CLOSE(relay->listener);
}


/* libxl finds a connection that was closed where there is no primary. */
static void
libxlDeviceModelRelayAccept(libxlDeviceModelRelay *relay)
{
    if ((relay->client = accept4(relay->listener, NULL, NULL,
                                 SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0) {
        libxlDeviceModelRelayRefuseAll(relay);
        return;
    }

    if ((relay->primary = libxlDeviceModelRelaySocket(relay->aside, false)) < 0) {
        VIR_WARN("%s", virGetLastErrorMessage());
        virResetLastError();
        libxlDeviceModelRelayHangUp(relay);
    }
}


/* The error that is set is libxl's answer, and that of the operation. */
static void
libxlDeviceModelRelayRefuse(libxlDeviceModelRelay *relay,
                            const char *line)
{
    g_autofree char *answer = libxlDeviceModelRelayRefusal(line, virGetLastErrorMessage());

    libxlDeviceModelRelayFail(relay);
    libxlDeviceModelRelayQueueDropFDs(&relay->toPrimary);

    if (answer)
        g_byte_array_append(relay->toClient.data, (uint8_t *)answer, strlen(answer));
    else
        libxlDeviceModelRelayHangUp(relay);
}


static void
libxlDeviceModelRelayHandle(libxlDeviceModelRelay *relay,
                            const char *line)
{
    libxlDeviceModelRelayStep step = libxlDeviceModelRelayDecide(line);

    if (step != LIBXL_DEVICE_MODEL_RELAY_PASS && relay->handler(step, relay->opaque) < 0) {
        libxlDeviceModelRelayRefuse(relay, line);
        return;
    }

    if (step == LIBXL_DEVICE_MODEL_RELAY_STOP)
        relay->stopped = true;

    g_byte_array_append(relay->toPrimary.data, (const uint8_t *)line, strlen(line));
    g_byte_array_append(relay->toPrimary.data, (const uint8_t *)"\n", 1);
}


/* Returns whether libxl may go on. */
static bool
libxlDeviceModelRelayHandleLines(libxlDeviceModelRelay *relay)
{
    uint8_t *end;

    while (relay->in->len > 0 && (end = memchr(relay->in->data, '\n', relay->in->len))) {
        size_t len = end - relay->in->data;
        g_autofree char *line = g_strndup((char *)relay->in->data, len);

        g_byte_array_remove_range(relay->in, 0, len + 1);
        libxlDeviceModelRelayHandle(relay, line);
        if (relay->client < 0)
            return false;
    }

    return relay->in->len <= LIBXL_DEVICE_MODEL_RELAY_MAX;
}


/* What is left for one end is sent before the other's is closed. */
static void
libxlDeviceModelRelayServe(libxlDeviceModelRelay *relay,
                           short client,
                           short primary)
{
    bool open = true;

    if (client & (POLLIN | POLLHUP | POLLERR))
        open = libxlDeviceModelRelayReceive(relay->client, relay->in, &relay->toPrimary) &&
               libxlDeviceModelRelayHandleLines(relay);

    if (relay->client < 0)
        return;

    if (primary & (POLLIN | POLLHUP | POLLERR))
        open = libxlDeviceModelRelayReceive(relay->primary, relay->toClient.data,
                                            &relay->toClient) && open;

    if (!libxlDeviceModelRelayQueueSend(&relay->toPrimary, relay->primary) ||
        !libxlDeviceModelRelayQueueSend(&relay->toClient, relay->client) ||
        !open)
        libxlDeviceModelRelayHangUp(relay);
}


/* Nothing is read for who does not read itself. */
static short
libxlDeviceModelRelayEvents(const libxlDeviceModelRelayQueue *out,
                            const libxlDeviceModelRelayQueue *in)
{
    return (in->data->len == 0 ? POLLIN : 0) | (out->data->len > 0 ? POLLOUT : 0);
}


static void
libxlDeviceModelRelayRun(void *opaque)
{
    libxlDeviceModelRelay *relay = opaque;

    while (true) {
        bool connected = relay->client >= 0;
        struct pollfd fds[] = {
            { .fd = relay->wake[0], .events = POLLIN },
            { .fd = connected ? -1 : relay->listener, .events = POLLIN },
            { .fd = relay->client,
              .events = libxlDeviceModelRelayEvents(&relay->toClient, &relay->toPrimary) },
            { .fd = relay->primary,
              .events = libxlDeviceModelRelayEvents(&relay->toPrimary, &relay->toClient) },
        };

        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0) {
            if (errno == EINTR)
                continue;
            break;
        }

        if (fds[0].revents)
            break;

        if (connected)
            libxlDeviceModelRelayServe(relay, fds[2].revents, fds[3].revents);
        else if (fds[1].revents)
            libxlDeviceModelRelayAccept(relay);
    }

    libxlDeviceModelRelayHangUp(relay);
    VIR_FORCE_CLOSE(relay->listener);
}


static void
libxlDeviceModelRelayFree(libxlDeviceModelRelay *relay)
{
    if (!relay)
        return;

    VIR_FORCE_CLOSE(relay->listener);
    VIR_FORCE_CLOSE(relay->wake[0]);
    VIR_FORCE_CLOSE(relay->wake[1]);
    g_byte_array_unref(relay->in);
    g_byte_array_unref(relay->toClient.data);
    g_byte_array_unref(relay->toPrimary.data);
    virFreeError(relay->error);
    g_free(relay->aside);
    g_free(relay->path);
    g_free(relay);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModelRelay, libxlDeviceModelRelayFree);


/* The relay's socket gets the primary's path and the primary's the other one, at once. */
static int
libxlDeviceModelRelayExchange(libxlDeviceModelRelay *relay)
{
    if ((relay->listener = libxlDeviceModelRelaySocket(relay->aside, true)) < 0)
        return -1;

    if (renameat2(AT_FDCWD, relay->aside, AT_FDCWD, relay->path, RENAME_EXCHANGE) < 0) {
        virReportSystemError(errno,
                             _("cannot take the place of socket '%1$s'"), relay->path);
        unlink(relay->aside);
        return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelRelayNew:
 * @path: of the primary's QMP socket
 * @handler: called in the relay's thread
 * @opaque: for @handler
 *
 * Returns a relay that is in place, to be ended by the caller whatever happens; or NULL with an
 * error, and nothing has changed.
 */
libxlDeviceModelRelay *
libxlDeviceModelRelayNew(const char *path,
                         libxlDeviceModelRelayHandler handler,
                         void *opaque)
{
    g_autoptr(libxlDeviceModelRelay) relay = g_new0(libxlDeviceModelRelay, 1);

    relay->path = g_strdup(path);
    relay->aside = libxlDeviceModelRelayAside(path);
    relay->handler = handler;
    relay->opaque = opaque;
    relay->listener = relay->wake[0] = relay->wake[1] = relay->client = relay->primary = -1;
    relay->in = g_byte_array_new();
    relay->toClient.data = g_byte_array_new();
    relay->toPrimary.data = g_byte_array_new();

    if (virPipe(relay->wake) < 0 ||
        libxlDeviceModelRelayPutBack(path) < 0 ||
        libxlDeviceModelRelayExchange(relay) < 0)
        return NULL;

    if (virThreadCreateFull(&relay->thread, true, libxlDeviceModelRelayRun, "dm-relay", false,
                            relay) < 0) {
        int errnum = errno;

        ignore_value(libxlDeviceModelRelayReplace(relay->aside, relay->path));
        virReportSystemError(errnum, "%s", _("cannot create a thread"));
        return NULL;
    }

    return g_steal_pointer(&relay);
}


/**
 * libxlDeviceModelRelayEnd:
 * @relay: relay that is in place; freed
 * @stopped: set to whether the primary was told to stop, once the handler had done its part
 *
 * Put the primary's socket back when libxl has done what it was to do, or has failed to.  What
 * fails of that is logged.
 *
 * Returns 0, or -1 with the error of the handler, or that libxl could not be heard: the operation
 * has failed, whatever libxl made of it.
 */
int
libxlDeviceModelRelayEnd(libxlDeviceModelRelay *relay,
                         bool *stopped)
{
    g_autoptr(libxlDeviceModelRelay) ended = relay;

    VIR_FORCE_CLOSE(ended->wake[1]);
    virThreadJoin(&ended->thread);

    if (libxlDeviceModelRelayReplace(ended->aside, ended->path) < 0) {
        VIR_ERROR("%s", virGetLastErrorMessage());
        virResetLastError();
    }

    *stopped = ended->stopped;
    if (!ended->error)
        return 0;

    virErrorRestore(&ended->error);
    return -1;
}
