/*
 * libxl_devicemodel_serial.c: the back-ends of a secondary's serial ports
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files and sockets are opened here and handed over; a file that is appended to is opened
 * by virtlogd.  A pseudo terminal is made by the secondary itself while it starts, which
 * tells its path.
 */

#include <config.h>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libxl_devicemodel_serial.h"

#include "libxl_devicemodel_log.h"
#include "libxl_devicemodel_process.h"
#include "rpc/virnetsocket.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_serial");

/* How long a host may take to answer, with all of its addresses: a domain's job is held
 * meanwhile, for which others wait no longer than 30 s. */
#define LIBXL_DEVICE_MODEL_CONNECT_MS (5 * 1000)


/* Whether there is something in a file, or will be, that the secondary must not change. */
static bool
libxlDeviceModelSerialIsAppendedTo(const virDomainChrSourceDef *source)
{
    struct stat sb;

    return source->data.file.append == VIR_TRISTATE_SWITCH_ON &&
           (stat(source->data.file.path, &sb) < 0 || S_ISREG(sb.st_mode));
}


/* Nobody may read from a FIFO yet, and is not waited for. */
static int
libxlDeviceModelSerialOpenFile(const virDomainDef *def,
                               const virDomainChrSourceDef *source,
                               bool again,
                               gint64 deadline)
{
    const char *path = source->data.file.path;
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    int fd;

    if (libxlDeviceModelSerialIsAppendedTo(source))
        return libxlDeviceModelLogOpen(def, path, deadline);

    if (!again && source->data.file.append != VIR_TRISTATE_SWITCH_ON)
        flags |= O_TRUNC;

    if ((fd = open(path, flags, 0600)) < 0)
        virReportSystemError(errno, _("cannot open file '%1$s'"), path);

    return fd;
}


/* Remove a socket that nobody listens on any more.  A file of another kind stays.
 * Returns 0, or -1 with errno. */
static int
libxlDeviceModelSerialUnlink(const char *path)
{
    struct stat sb;

    if (lstat(path, &sb) == 0 && S_ISSOCK(sb.st_mode) &&
        unlink(path) < 0 && errno != ENOENT)
        return -1;

    return 0;
}


/* Nobody can connect before the mode is set.  Returns 0, or -1 with errno. */
static int
libxlDeviceModelSerialBindUNIX(int fd,
                               const struct sockaddr_un *addr)
{
    if (libxlDeviceModelSerialUnlink(addr->sun_path) < 0 ||
        bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ||
        chmod(addr->sun_path, 0600) < 0)
        return -1;

    return listen(fd, 1);
}


/* No virNetSocket: one that listens removes its path when it is freed, and one
 * that connects to a socket whose owner is too busy to accept waits for ever. */
static int
libxlDeviceModelSerialOpenUNIX(const virDomainChrSourceDef *source)
{
    const char *path = source->data.nix.path;
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    VIR_AUTOCLOSE fd = -1;
    int ret;

    if (virStrcpyStatic(addr.sun_path, path) < 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("path '%1$s' of a socket is longer than %2$zu bytes"),
                       path, sizeof(addr.sun_path) - 1);
        return -1;
    }

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (source->data.nix.listen) {
        if (fd < 0 || libxlDeviceModelSerialBindUNIX(fd, &addr) < 0) {
            virReportSystemError(errno, _("cannot listen on socket '%1$s'"), path);
            return -1;
        }
    } else if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        virReportSystemError(errno, _("cannot connect to socket '%1$s'"), path);
        return -1;
    }

    ret = fd;
    fd = -1;
    return ret;
}


/* QEMU takes one listening socket: of several addresses the first is used. */
static int
libxlDeviceModelSerialListenTCP(const char *host,
                                const char *service)
{
    virNetSocket **socks = NULL;
    size_t nsocks = 0;
    size_t i;
    int fd = -1;

    if (virNetSocketNewListenTCP(host, service, AF_UNSPEC, &socks, &nsocks) < 0)
        return -1;

    if (virNetSocketListen(socks[0], 1) == 0)
        fd = virNetSocketDupFD(socks[0], true);

    for (i = 0; i < nsocks; i++)
        virObjectUnref(socks[i]);
    g_free(socks);
    return fd;
}


/* Returns 0 when the socket is connected, or -1 with errno. */
static int
libxlDeviceModelSerialAwait(int fd,
                            int timeout)
{
    struct pollfd pfd = { .fd = fd, .events = POLLOUT };
    int err = 0;
    socklen_t len = sizeof(err);
    int rc;

    do {
        rc = poll(&pfd, 1, timeout);
    } while (rc < 0 && errno == EINTR);

    if (rc < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        return -1;

    errno = rc == 0 ? ETIMEDOUT : err;
    return errno == 0 ? 0 : -1;
}


/* Returns a socket, or -1 with errno. */
static int
libxlDeviceModelSerialConnect(const struct addrinfo *addr,
                              int timeout)
{
    VIR_AUTOCLOSE fd = socket(addr->ai_family, addr->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                              addr->ai_protocol);
    int nodelay = 1;
    int ret;

    if (fd < 0)
        return -1;

    /* as virNetSocket does; without it a console is slow, at worst */
    ignore_value(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof(nodelay)));

    if (connect(fd, addr->ai_addr, addr->ai_addrlen) < 0 &&
        (errno != EINPROGRESS || libxlDeviceModelSerialAwait(fd, timeout) < 0))
        return -1;

    ret = fd;
    fd = -1;
    return ret;
}


/* No virNetSocket, which waits for a host that is silent for as long as the kernel does.
 * An address has half of the time that is left, the last one all of it. */
static int
libxlDeviceModelSerialConnectTCP(const char *host,
                                 const char *service,
                                 gint64 deadline)
{
    gint64 last = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_CONNECT_MS * 1000LL;
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *addrs = NULL;
    struct addrinfo *addr;
    int rc = getaddrinfo(host, service, &hints, &addrs);
    int fd = -1;

    if (rc != 0) {
        virReportError(VIR_ERR_SYSTEM_ERROR,
                       _("Unable to resolve address '%1$s' service '%2$s': %3$s"),
                       host, service, gai_strerror(rc));
        return -1;
    }

    for (addr = addrs; addr && fd < 0; addr = addr->ai_next) {
        int left = libxlDeviceModelTimeLeft(MIN(deadline, last));

        fd = libxlDeviceModelSerialConnect(addr, addr->ai_next ? left / 2 : left);
    }

    if (fd < 0)
        virReportSystemError(errno, _("unable to connect to server at '%1$s:%2$s'"), host, service);

    freeaddrinfo(addrs);
    return fd;
}


static int
libxlDeviceModelSerialOpenTCP(const virDomainChrSourceDef *source,
                              gint64 deadline)
{
    const char *host = source->data.tcp.host;
    const char *service = source->data.tcp.service;

    if (source->data.tcp.listen)
        return libxlDeviceModelSerialListenTCP(host, service);

    return libxlDeviceModelSerialConnectTCP(host, service, deadline);
}


/**
 * libxlDeviceModelSerialOpen:
 * @def: definition of the domain
 * @name: of the device model
 * @chr: one of its serial ports, of a valid type
 * @again: the domain runs: what the port has written to a file stays
 * @deadline: for virtlogd, and a host that is connected to
 * @fd: filled with the open file, pipe or socket, or -1 where none is needed
 *
 * Connecting to a host may take five seconds, as may virtlogd, and to look the host's name up
 * longer: no domain may be locked.
 *
 * Returns 0, or -1 with an error that names the device model and the port.
 */
int
libxlDeviceModelSerialOpen(const virDomainDef *def,
                           const char *name,
                           virDomainChrDef *chr,
                           bool again,
                           gint64 deadline,
                           int *fd)
{
    switch (chr->source->type) {
    case VIR_DOMAIN_CHR_TYPE_FILE:
        *fd = libxlDeviceModelSerialOpenFile(def, chr->source, again, deadline);
        break;

    case VIR_DOMAIN_CHR_TYPE_UNIX:
        *fd = libxlDeviceModelSerialOpenUNIX(chr->source);
        break;

    case VIR_DOMAIN_CHR_TYPE_TCP:
        *fd = libxlDeviceModelSerialOpenTCP(chr->source, deadline);
        break;

    default:
        *fd = -1;
        return 0;
    }

    if (*fd < 0) {
        virLastErrorPrefixMessage(_("device model '%1$s': serial port '%2$d'"),
                                  name, chr->target.port);
        return -1;
    }

    return 0;
}


/* Whether @info, a file of the form of /proc/PID/fdinfo/FD, is that of the master
 * of terminal @pts.  The kernel says so of a master only (pty_show_fdinfo in Linux
 * drivers/tty/pty.c). */
static bool
libxlDeviceModelSerialIsMaster(const char *info,
                               unsigned int pts)
{
    const char *field = strstr(info, "\ntty-index:");
    unsigned int value;

    return field &&
           virStrToLong_ui(field + strlen("\ntty-index:"), (char **)&field, 10, &value) == 0 &&
           *field == '\n' && value == pts;
}


/**
 * libxlDeviceModelSerialHasTerminal:
 * @proc: folder of a process in /proc
 * @path: path of a pseudo terminal
 *
 * Returns whether the process has the other end of the terminal.  The number of
 * one whose master was closed is given to the next who asks for a terminal.
 */
bool
libxlDeviceModelSerialHasTerminal(const char *proc,
                                  const char *path)
{
    g_autofree char *folder = g_strdup_printf("%s/fdinfo", proc);
    const char *number = STRSKIP(path, "/dev/pts/");
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;
    unsigned int pts;

    if (!number || virStrToLong_uip(number, NULL, 10, &pts) < 0 ||
        virDirOpenQuiet(&dir, folder) < 0)
        return false;

    while (virDirRead(dir, &entry, NULL) > 0) {
        g_autofree char *file = g_strdup_printf("%s/%s", folder, entry->d_name);
        g_autofree char *info = NULL;

        if (virFileReadAllQuiet(file, 16 * 1024, &info) >= 0 &&
            libxlDeviceModelSerialIsMaster(info, pts))
            return true;
    }

    return false;
}


/**
 * libxlDeviceModelSerialForget:
 * @def: a serial port of a secondary that has ended
 *
 * Its terminal is somebody else's as soon as somebody asks for one.
 */
void
libxlDeviceModelSerialForget(virDomainChrDef *def)
{
    if (def->source->type == VIR_DOMAIN_CHR_TYPE_PTY)
        g_clear_pointer(&def->source->data.file.path, g_free);
}


/**
 * libxlDeviceModelSerialRemove:
 * @def: a serial port of a secondary that has ended
 *
 * Remove the socket that libxlDeviceModelSerialOpen made, and forget its terminal.
 * What fails is logged.
 */
void
libxlDeviceModelSerialRemove(virDomainChrDef *def)
{
    const virDomainChrSourceDef *source = def->source;

    libxlDeviceModelSerialForget(def);

    if (source->type == VIR_DOMAIN_CHR_TYPE_UNIX &&
        source->data.nix.listen &&
        libxlDeviceModelSerialUnlink(source->data.nix.path) < 0)
        VIR_WARN("cannot remove socket '%s': %s", source->data.nix.path,
                 g_strerror(errno));
}
