/*
 * libxl_devicemodel_scope.c: keeps a secondary device model within its claims
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A stock QEMU on Xen builds a whole PC and registers all of it with Xen.  This
 * library is preloaded into the QEMU of a secondary, stands before
 * libxendevicemodel and libxenstore, and lets through what the driver assigned
 * to that device model.  It links to libc only.
 *
 * It keeps correct emulators out of each other's way.  That is NO security
 * boundary: the process it lives in can undo it.  The boundary is the
 * deprivileged process, to which the library adds what nothing can undo once it
 * is done: no_new_privs, and a filter of system calls
 * (libxl_devicemodel_seccomp.h).  The driver looks in /proc whether both are
 * there.
 *
 * States
 *
 *  loaded     The claims in LIBVIRT_DEVICEMODEL_SCOPE were read (malformed ones
 *             end the process).  This may still be a wrapper around the
 *             emulator, so the environment is left alone for what it executes.
 *             Without claims the process can't open libxendevicemodel.  An
 *             emulator, by the library that it brings along, can write no files
 *             any more (libxl_devicemodel_scope_landlock.c).
 *  announced  The process opened libxendevicemodel, so it is the emulator.  The
 *             driver was told "scope 1 ..."; the environment is cleared,
 *             the socket is closed on exec, for the emulator's own children, and
 *             the file for registers is mapped and closed.
 *  sealed     The board is complete; see libxlDeviceModelScopeSeal().
 *
 * What happens to the calls that QEMU 7.2 to 10.0 makes
 *
 *  map/unmap_io_range      claims and, once sealed, BARs; see
 *                          libxlDeviceModelScopeDecideRange()
 *  map/unmap_pcidev        claimed functions
 *  set_pci_intx_level      slots with a claimed function
 *  set_isa_irq_level       claimed lines
 *  set_pci_link_route      dropped: the routing is the primary's PIIX3's
 *  set_mem_type            dropped: every board's Xen platform device unlocks
 *                          the BIOS area when it is reset or loaded
 *                          (xen_platform.c, platform_fixed_ioport_writeb());
 *                          that lock is the primary's
 *  shutdown                dropped: QEMU asks for it when it is told to quit
 *                          while it serves a request (xen-hvm-common.c,
 *                          cpu_handle_ioreq()); a secondary's end is not the
 *                          guest's
 *  create_ioreq_server     for the own domain only; the result is reported
 *  set_ioreq_server_state  passed on, may seal; until the emulator runs the server is
 *                          disabled, see libxlDeviceModelScopeDisable()
 *  get_ioreq_server_info, destroy_ioreq_server
 *                          untouched: QEMU names the server it created
 *  inject_msi, modified_memory
 *                          untouched: bound to no device, needed by all
 *  track_dirty_vram, relocate_memory, pin_memory_cacheattr
 *                          untouched: made for a framebuffer, and the one of
 *                          the guest is the primary's
 *  set_irq_level           untouched: made by the machine xenpvh only
 *  xs_read, xs_directory, xs_write, xs_mkdir, xs_rm, xs_set_permissions,
 *  xs_watch, xs_unwatch    by path; see libxlDeviceModelScopeDecidePath()
 *  fopen, fopen64, ftruncate, ftruncate64
 *                          in libxl_devicemodel_scope_file.c
 *  xenforeignmemory_map_resource, xenevtchn_bind_interdomain, xenevtchn_notify
 *                          passed on, and looked at, in
 *                          libxl_devicemodel_scope_memory.c
 *  xenevtchn_pending       likewise; an event without a request is none
 *  xentoolcore_restrict_all
 *                          passed on, then system calls are filtered
 *
 * What event channels, foreign memory, grants and libxenctrl do is out of the scope:
 * they name the emulator's own ioreq server, the guest's memory, or backends
 * that are never found.
 *
 * A dropped call succeeds: QEMU has no use for a board that half fails.
 *
 * Once the machine is built QEMU restricts its handles to its domain, which
 * leaves that of xenstore at /dev/null (xentoolcore__restrict_by_dup2_null() in
 * Xen tools/libs/toolcore/handlereg.c): calls that are passed on fail from then
 * on, and the driver writes the state of the device model.  The socket to the
 * driver is no handle of Xen's and stays.
 */

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xendevicemodel.h>
#include <xenstore.h>
#include <xentoolcore.h>

#include "libxl_devicemodel_scope.h"
#include "libxl_devicemodel_scope_landlock.h"
#include "libxl_devicemodel_scope_memory.h"
#include "libxl_devicemodel_seccomp.h"

static struct {
    /* Written while the process has one thread, constant afterwards. */
    libxlDeviceModelScopeClaims claims;
    bool configured;

    /* The lock covers the rest, and the calls to Xen that go with it.  It is
     * never held while waiting for anything but Xen. */
    pthread_mutex_t lock;
    bool announced;
    bool deaf; /* the driver has closed its end */
    char line[16]; /* of what the driver says, up to the next newline */
    size_t linelen;
    bool unserved; /* the ioreq server is enabled, and QEMU does not run yet */
    libxlDeviceModelScopeBoard board;
    libxlDeviceModelScopeRanges passed[LIBXL_DEVICE_MODEL_SCOPE_SPACE_LAST];
} libxlDeviceModelScope = {
    .claims = { .fd = -1, .registers = -1 },
    .lock = PTHREAD_MUTEX_INITIALIZER,
};


/* Write a line to stderr, which the driver collects in a log file. */
static void __attribute__((format(printf, 1, 2)))
libxlDeviceModelScopeLog(const char *fmt, ...)
{
    char msg[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(msg, sizeof(msg), fmt, ap);
    va_end(ap);

    dprintf(STDERR_FILENO, "devicemodel-scope: %s\n", msg);
}


/* One line for each decision, when the driver asked for it. */
#define libxlDeviceModelScopeDebug(...) \
    do { \
        if (libxlDeviceModelScope.claims.debug) \
            libxlDeviceModelScopeLog(__VA_ARGS__); \
    } while (0)


/* Write a line to the driver.  It may be gone, or not be listening: the guest's
 * devices matter more than that, so nothing waits and nothing fails here. */
static void __attribute__((format(printf, 1, 2)))
libxlDeviceModelScopeReport(const char *fmt, ...)
{
    char msg[512];
    char *c;
    va_list ap;
    ssize_t len;

    va_start(ap, fmt);
    vsnprintf(msg, sizeof(msg) - 1, fmt, ap);
    va_end(ap);

    /* A value that is quoted in an error may hold anything. */
    for (c = msg; *c; c++) {
        if (*c == '\n')
            *c = ' ';
    }

    *c++ = '\n';
    len = c - msg;
    if (send(libxlDeviceModelScope.claims.fd, msg, len,
             MSG_DONTWAIT | MSG_NOSIGNAL) != len)
        libxlDeviceModelScopeDebug("report not sent: %.*s", (int)len - 1, msg);
}


/**
 * libxlDeviceModelScopeNext:
 * @cache: where the answer is kept
 * @name: name of a function
 *
 * Returns the function of this name that the process would call without this
 * library, or NULL with errno set.
 */
void *
libxlDeviceModelScopeNext(void **cache,
                          const char *name)
{
    void *next = __atomic_load_n(cache, __ATOMIC_ACQUIRE);

    if (next)
        return next;

    if (!(next = dlsym(RTLD_NEXT, name))) {
        libxlDeviceModelScopeLog("no library provides %s", name);
        errno = ENOSYS;
        return NULL;
    }

    __atomic_store_n(cache, next, __ATOMIC_RELEASE);
    return next;
}


/**
 * libxlDeviceModelScopeGetClaims:
 *
 * Returns the claims of this process, or NULL where it has none.
 */
const libxlDeviceModelScopeClaims *
libxlDeviceModelScopeGetClaims(void)
{
    return libxlDeviceModelScope.configured ? &libxlDeviceModelScope.claims : NULL;
}


/* From here on nothing that is executed brings privilege along.  The driver could
 * say so before it executes the emulator, but AppArmor and SELinux would then
 * not let the emulator leave the daemon's own confinement.  There is one thread
 * yet, from which all others inherit it.  The driver looks at the result. */
static void
libxlDeviceModelScopeForbidPrivilege(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        libxlDeviceModelScopeLog("no_new_privs cannot be set: %s", strerror(errno));
}


/* A wrapper may have to write files, and brings no libxendevicemodel along.  Where
 * the kernel cannot do this, the emulator starts all the same. */
static void
libxlDeviceModelScopeConfineEmulator(void)
{
    if (dlsym(RTLD_NEXT, "xendevicemodel_open") &&
        libxlDeviceModelScopeForbidWriting() < 0)
        libxlDeviceModelScopeLog("the emulator can write files while it starts: %s",
                                 strerror(errno));
}


static void __attribute__((constructor))
libxlDeviceModelScopeLoad(void)
{
    const char *str = getenv(LIBXL_DEVICE_MODEL_SCOPE_ENV);
    char error[384];

    if (!str)
        return;

    if (!libxlDeviceModelScopeClaimsParse(str, &libxlDeviceModelScope.claims,
                                          error, sizeof(error))) {
        libxlDeviceModelScopeLog("%s: %s", LIBXL_DEVICE_MODEL_SCOPE_ENV, error);
        libxlDeviceModelScopeReport(LIBXL_DEVICE_MODEL_SCOPE_ERROR "scope %s", error);
        _exit(EXIT_FAILURE);
    }

    libxlDeviceModelScope.configured = true;
    libxlDeviceModelScopeForbidPrivilege();
    libxlDeviceModelScopeConfineEmulator();
}


/* Called when the process proves to be the emulator.  Returns false, with errno
 * set, when it must not get at Xen. */
static bool
libxlDeviceModelScopeAnnounce(void)
{
    const libxlDeviceModelScopeClaims *claims = &libxlDeviceModelScope.claims;
    int type = -1;
    socklen_t typelen = sizeof(type);
    int saved;

    if (libxlDeviceModelScope.announced)
        return true;

    if (!libxlDeviceModelScope.configured) {
        libxlDeviceModelScopeLog("%s is not set, no access to Xen",
                                   LIBXL_DEVICE_MODEL_SCOPE_ENV);
        errno = EPERM;
        return false;
    }

    if (getsockopt(claims->fd, SOL_SOCKET, SO_TYPE, &type, &typelen) < 0 ||
        type != SOCK_STREAM || fcntl(claims->fd, F_SETFD, FD_CLOEXEC) < 0) {
        libxlDeviceModelScopeLog("file descriptor %d is no stream socket, no access to Xen",
                                   claims->fd);
        errno = EBADF;
        return false;
    }

    if (claims->registers >= 0 &&
        libxlDeviceModelScopeMemoryMap(claims->registers) < 0) {
        saved = errno;
        libxlDeviceModelScopeLog("file descriptor %d is no file for registers, no access to Xen",
                                 claims->registers);
        errno = saved;
        return false;
    }

    unsetenv("LD_PRELOAD");
    unsetenv(LIBXL_DEVICE_MODEL_SCOPE_ENV);

    libxlDeviceModelScope.announced = true;
    libxlDeviceModelScopeReport(LIBXL_DEVICE_MODEL_SCOPE_HELLO "domid=%u id=%u claims=%zu",
                                claims->domid, claims->id, claims->nclaims);
    return true;
}


/* From now on the board is known in full, and other ranges are BARs.
 *
 * The driver says "seal" when the emulator's board is complete and neither the
 * guest nor an incoming state has placed a BAR yet.  QEMU has built its board
 * when it answers the first QMP command; its greeting, sent from the monitor's
 * own thread, comes before that.
 *
 * Without that word, the guest's first run seals: QEMU enables its ioreq server
 * then.  It does so before building the board, too (xen-hvm-common.c,
 * xen_do_ioreq_register(); xen-hvm.c, xen_hvm_init_pc() in QEMU 7.2), which must
 * not seal. */
static void
libxlDeviceModelScopeSeal(const char *why)
{
    if (libxlDeviceModelScope.board.sealed)
        return;

    libxlDeviceModelScope.board.sealed = true;
    libxlDeviceModelScopeDebug("sealed (%s)", why);
}


static void
libxlDeviceModelScopeListenLine(void)
{
    if (strcmp(libxlDeviceModelScope.line, LIBXL_DEVICE_MODEL_SCOPE_SEAL) == 0)
        libxlDeviceModelScopeSeal("driver");
    else
        libxlDeviceModelScopeLog("'%s' from the driver is unknown, accepted: "
                                 LIBXL_DEVICE_MODEL_SCOPE_SEAL,
                                 libxlDeviceModelScope.line);
}


/* Take in what the driver has said so far, without waiting for more. */
static void
libxlDeviceModelScopeListen(void)
{
    char buf[64];
    ssize_t len;
    ssize_t i;

    while (libxlDeviceModelScope.announced && !libxlDeviceModelScope.deaf) {
        len = recv(libxlDeviceModelScope.claims.fd, buf, sizeof(buf), MSG_DONTWAIT);

        if (len < 0 && errno == EAGAIN)
            return;
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            libxlDeviceModelScope.deaf = true;

        for (i = 0; i < len; i++) {
            if (buf[i] == '\n') {
                libxlDeviceModelScope.line[libxlDeviceModelScope.linelen] = '\0';
                libxlDeviceModelScope.linelen = 0;
                libxlDeviceModelScopeListenLine();
            } else if (libxlDeviceModelScope.linelen < sizeof(libxlDeviceModelScope.line) - 1) {
                libxlDeviceModelScope.line[libxlDeviceModelScope.linelen++] = buf[i];
            }
        }
    }
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT xendevicemodel_handle *
xendevicemodel_open(struct xentoollog_logger *logger,
                    unsigned int open_flags)
{
    __typeof__(&xendevicemodel_open) next = LIBXL_DEVICE_MODEL_SCOPE_NEXT(xendevicemodel_open);
    bool announced;

    pthread_mutex_lock(&libxlDeviceModelScope.lock);
    announced = libxlDeviceModelScopeAnnounce();
    pthread_mutex_unlock(&libxlDeviceModelScope.lock);

    if (!next || !announced)
        return NULL;

    return next(logger, open_flags);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_create_ioreq_server(xendevicemodel_handle *dmod,
                                   domid_t domid,
                                   int handle_bufioreq,
                                   ioservid_t *id)
{
    __typeof__(&xendevicemodel_create_ioreq_server) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xendevicemodel_create_ioreq_server);
    int rc = -1;
    int saved;

    if (next) {
        if (domid == libxlDeviceModelScope.claims.domid) {
            rc = next(dmod, domid, handle_bufioreq, id);
        } else {
            libxlDeviceModelScopeLog("domain %u is not served, only domain %u is",
                                       domid, libxlDeviceModelScope.claims.domid);
            errno = EPERM;
        }
    }

    saved = errno;
    if (rc == 0)
        libxlDeviceModelScopeReport(LIBXL_DEVICE_MODEL_SCOPE_IOREQ_SERVER "%u", *id);
    else
        libxlDeviceModelScopeReport(LIBXL_DEVICE_MODEL_SCOPE_ERROR
                                    LIBXL_DEVICE_MODEL_SCOPE_IOREQ_SERVER "%d %s",
                                    saved, strerror(saved));
    errno = saved;

    return rc;
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_set_ioreq_server_state(xendevicemodel_handle *dmod,
                                      domid_t domid,
                                      ioservid_t id,
                                      int enabled)
{
    __typeof__(&xendevicemodel_set_ioreq_server_state) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xendevicemodel_set_ioreq_server_state);
    bool built;
    int rc;

    if (!next)
        return -1;

    pthread_mutex_lock(&libxlDeviceModelScope.lock);
    built = !libxlDeviceModelScopeBoardIsEmpty(&libxlDeviceModelScope.board);
    rc = next(dmod, domid, id, enabled);
    if (rc == 0) {
        libxlDeviceModelScope.unserved = enabled && !built;
        if (enabled && built)
            libxlDeviceModelScopeSeal("run");
    }
    pthread_mutex_unlock(&libxlDeviceModelScope.lock);

    return rc;
}


/* QEMU enables its ioreq server to be given its ports, and again when it begins to run,
 * until which it serves nobody.  A guest that runs meanwhile, as the process takes the
 * place of another, would wait for that with each vCPU that uses the devices.  Xen passes
 * by a server that is disabled.  Called before anything is mapped for the devices. */
static void
libxlDeviceModelScopeDisable(xendevicemodel_handle *dmod,
                             ioservid_t id)
{
    __typeof__(&xendevicemodel_set_ioreq_server_state) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xendevicemodel_set_ioreq_server_state);

    if (!libxlDeviceModelScope.unserved)
        return;

    if (!next || next(dmod, libxlDeviceModelScope.claims.domid, id, 0) < 0)
        libxlDeviceModelScopeLog("the guest may wait until the emulator runs: %s",
                                 strerror(errno));
    libxlDeviceModelScope.unserved = false;
}


/* The verdict on a registration, which is also recorded for the board. */
static bool
libxlDeviceModelScopeMayMap(libxlDeviceModelScopeSpace space,
                            uint64_t first,
                            uint64_t last)
{
    static const char *const verdicts[] = {
        [LIBXL_DEVICE_MODEL_SCOPE_CLAIMED] = "claimed",
        [LIBXL_DEVICE_MODEL_SCOPE_BAR] = "BAR",
        [LIBXL_DEVICE_MODEL_SCOPE_BOARD] = "dropped (board)",
        [LIBXL_DEVICE_MODEL_SCOPE_UNCLAIMED] = "dropped (unclaimed)",
    };
    libxlDeviceModelScopeVerdict verdict;

    libxlDeviceModelScopeListen();

    if (!libxlDeviceModelScope.board.sealed)
        libxlDeviceModelScopeBoardAdd(&libxlDeviceModelScope.board, space, first, last);

    verdict = libxlDeviceModelScopeDecideRange(&libxlDeviceModelScope.claims,
                                               &libxlDeviceModelScope.board,
                                               space, first, last);
    libxlDeviceModelScopeDebug("map %s 0x%" PRIx64 "-0x%" PRIx64 ": %s",
                               space ? "mmio" : "pio", first, last,
                               verdicts[verdict]);

    return verdict == LIBXL_DEVICE_MODEL_SCOPE_CLAIMED ||
           verdict == LIBXL_DEVICE_MODEL_SCOPE_BAR;
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_map_io_range_to_ioreq_server(xendevicemodel_handle *dmod,
                                            domid_t domid,
                                            ioservid_t id,
                                            int is_mmio,
                                            uint64_t start,
                                            uint64_t end)
{
    __typeof__(&xendevicemodel_map_io_range_to_ioreq_server) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xendevicemodel_map_io_range_to_ioreq_server);
    libxlDeviceModelScopeRanges *passed = &libxlDeviceModelScope.passed[!!is_mmio];
    int rc = 0;

    if (!next)
        return -1;

    pthread_mutex_lock(&libxlDeviceModelScope.lock);
    libxlDeviceModelScopeDisable(dmod, id);
    if (libxlDeviceModelScopeMayMap(!!is_mmio, start, end)) {
        if (!libxlDeviceModelScopeRangesReserve(passed)) {
            errno = ENOMEM;
            rc = -1;
        } else if ((rc = next(dmod, domid, id, is_mmio, start, end)) == 0) {
            libxlDeviceModelScopeRangesAdd(passed, start, end);
        }
    }
    pthread_mutex_unlock(&libxlDeviceModelScope.lock);

    return rc;
}


/* Only what was passed on is taken back: Xen would fail the rest. */
LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_unmap_io_range_from_ioreq_server(xendevicemodel_handle *dmod,
                                                domid_t domid,
                                                ioservid_t id,
                                                int is_mmio,
                                                uint64_t start,
                                                uint64_t end)
{
    __typeof__(&xendevicemodel_unmap_io_range_from_ioreq_server) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xendevicemodel_unmap_io_range_from_ioreq_server);
    libxlDeviceModelScopeRanges *passed = &libxlDeviceModelScope.passed[!!is_mmio];
    bool known;
    int rc = 0;

    if (!next)
        return -1;

    pthread_mutex_lock(&libxlDeviceModelScope.lock);
    known = libxlDeviceModelScopeRangesFind(passed, start, end);
    libxlDeviceModelScopeDebug("unmap %s 0x%" PRIx64 "-0x%" PRIx64 ": %s",
                               is_mmio ? "mmio" : "pio", start, end,
                               known ? "passed on" : "dropped (never mapped)");
    if (known && (rc = next(dmod, domid, id, is_mmio, start, end)) == 0)
        libxlDeviceModelScopeRangesRemove(passed, start, end);
    pthread_mutex_unlock(&libxlDeviceModelScope.lock);

    return rc;
}


static bool
libxlDeviceModelScopeMayUsePCI(const char *what,
                               uint16_t segment,
                               uint8_t bus,
                               uint8_t device,
                               uint8_t function)
{
    bool claimed = libxlDeviceModelScopeDecidePCI(&libxlDeviceModelScope.claims,
                                                  segment, bus, device, function);

    libxlDeviceModelScopeDebug("%s pci %04x:%02x:%02x.%x: %s",
                               what, segment, bus, device, function,
                               claimed ? "claimed" : "dropped (board)");
    return claimed;
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_map_pcidev_to_ioreq_server(xendevicemodel_handle *dmod,
                                          domid_t domid,
                                          ioservid_t id,
                                          uint16_t segment,
                                          uint8_t bus,
                                          uint8_t device,
                                          uint8_t function)
{
    __typeof__(&xendevicemodel_map_pcidev_to_ioreq_server) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xendevicemodel_map_pcidev_to_ioreq_server);

    if (!next)
        return -1;

    if (!libxlDeviceModelScopeMayUsePCI("map", segment, bus, device, function))
        return 0;

    pthread_mutex_lock(&libxlDeviceModelScope.lock);
    libxlDeviceModelScopeDisable(dmod, id);
    pthread_mutex_unlock(&libxlDeviceModelScope.lock);

    return next(dmod, domid, id, segment, bus, device, function);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_unmap_pcidev_from_ioreq_server(xendevicemodel_handle *dmod,
                                              domid_t domid,
                                              ioservid_t id,
                                              uint16_t segment,
                                              uint8_t bus,
                                              uint8_t device,
                                              uint8_t function)
{
    __typeof__(&xendevicemodel_unmap_pcidev_from_ioreq_server) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xendevicemodel_unmap_pcidev_from_ioreq_server);

    if (!next)
        return -1;

    if (!libxlDeviceModelScopeMayUsePCI("unmap", segment, bus, device, function))
        return 0;

    return next(dmod, domid, id, segment, bus, device, function);
}


/* Interrupts come by the thousand: only what is dropped is logged. */
LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_set_pci_intx_level(xendevicemodel_handle *dmod,
                                  domid_t domid,
                                  uint16_t segment,
                                  uint8_t bus,
                                  uint8_t device,
                                  uint8_t intx,
                                  unsigned int level)
{
    __typeof__(&xendevicemodel_set_pci_intx_level) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xendevicemodel_set_pci_intx_level);

    if (!next)
        return -1;

    if (!libxlDeviceModelScopeDecideINTx(&libxlDeviceModelScope.claims,
                                         segment, bus, device)) {
        libxlDeviceModelScopeDebug("intx %04x:%02x:%02x pin %u level %u: dropped (board)",
                                   segment, bus, device, intx, level);
        return 0;
    }

    return next(dmod, domid, segment, bus, device, intx, level);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_set_isa_irq_level(xendevicemodel_handle *dmod,
                                 domid_t domid,
                                 uint8_t irq,
                                 unsigned int level)
{
    __typeof__(&xendevicemodel_set_isa_irq_level) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xendevicemodel_set_isa_irq_level);

    if (!next)
        return -1;

    if (!libxlDeviceModelScopeDecideIRQ(&libxlDeviceModelScope.claims, irq)) {
        libxlDeviceModelScopeDebug("irq %u level %u: dropped (board)", irq, level);
        return 0;
    }

    return next(dmod, domid, irq, level);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_set_pci_link_route(xendevicemodel_handle *dmod __attribute__((unused)),
                                  domid_t domid __attribute__((unused)),
                                  uint8_t link,
                                  uint8_t irq)
{
    libxlDeviceModelScopeDebug("route pci link %u to irq %u: dropped (board)", link, irq);
    return 0;
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_set_mem_type(xendevicemodel_handle *dmod __attribute__((unused)),
                            domid_t domid __attribute__((unused)),
                            hvmmem_type_t mem_type,
                            uint64_t first_pfn,
                            uint32_t nr)
{
    libxlDeviceModelScopeDebug("memory type %u for %u pages from 0x%" PRIx64 ": dropped (board)",
                               (unsigned int)mem_type, nr, first_pfn);
    return 0;
}


/* Success, or QEMU would try libxenctrl next. */
LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xendevicemodel_shutdown(xendevicemodel_handle *dmod __attribute__((unused)),
                        domid_t domid,
                        unsigned int reason)
{
    libxlDeviceModelScopeLog("shutdown of domain %u for reason %u: dropped",
                               domid, reason);
    return 0;
}


/* QEMU calls this when its machine is built, before it changes root and user
 * (xen_setup_post() in QEMU accel/xen/xen-all.c), and ends when it fails. */
LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xentoolcore_restrict_all(domid_t domid)
{
    __typeof__(&xentoolcore_restrict_all) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xentoolcore_restrict_all);
    int saved;

    if (!next || next(domid) < 0)
        return -1;

    if (libxlDeviceModelScope.configured &&
        libxlDeviceModelSeccompSeal() < 0) {
        saved = errno;
        libxlDeviceModelScopeLog("system calls cannot be filtered: %s", strerror(saved));
        errno = saved;
        return -1;
    }

    return 0;
}


/* Decide about @path, or pass everything in a process without claims: it can't
 * become a device model. */
static libxlDeviceModelScopePath
libxlDeviceModelScopeCheckPath(const char *what,
                               const char *path,
                               bool modify,
                               char **redirected)
{
    static const char *const verdicts[] = {
        [LIBXL_DEVICE_MODEL_SCOPE_PATH_PASS] = "passed on",
        [LIBXL_DEVICE_MODEL_SCOPE_PATH_REDIRECT] = "redirected to ",
        [LIBXL_DEVICE_MODEL_SCOPE_PATH_HIDDEN] = "hidden (backend)",
        [LIBXL_DEVICE_MODEL_SCOPE_PATH_REFUSED] = "refused",
    };
    libxlDeviceModelScopePath verdict;

    *redirected = NULL;

    if (!libxlDeviceModelScope.configured)
        return LIBXL_DEVICE_MODEL_SCOPE_PATH_PASS;

    verdict = libxlDeviceModelScopeDecidePath(&libxlDeviceModelScope.claims,
                                              path, modify, redirected);
    libxlDeviceModelScopeDebug("%s '%s': %s%s", what, path ? path : "",
                               verdicts[verdict], *redirected ? *redirected : "");

    return verdict;
}


static void
libxlDeviceModelScopeFree(char **str)
{
    int saved = errno;

    free(*str);
    errno = saved;
}


/* What a call on @path_ may do, and the path to use: leaves the function with
 * @fail_ and errno when there is nothing to pass on, and with @hidden_ when
 * backends are concerned. */
#define LIBXL_DEVICE_MODEL_SCOPE_PATH(func_, path_, modify_, hidden_, hiddenErrno_, fail_) \
    __typeof__(&func_) next = LIBXL_DEVICE_MODEL_SCOPE_NEXT(func_); \
    char *redirected_ __attribute__((cleanup(libxlDeviceModelScopeFree))) = NULL; \
    do { \
        if (!next) \
            return fail_; \
        switch (libxlDeviceModelScopeCheckPath(#func_, path_, modify_, &redirected_)) { \
        case LIBXL_DEVICE_MODEL_SCOPE_PATH_HIDDEN: \
            errno = hiddenErrno_; \
            return hidden_; \
        case LIBXL_DEVICE_MODEL_SCOPE_PATH_REFUSED: \
            errno = EACCES; \
            return fail_; \
        case LIBXL_DEVICE_MODEL_SCOPE_PATH_REDIRECT: \
            path_ = redirected_; \
            break; \
        case LIBXL_DEVICE_MODEL_SCOPE_PATH_PASS: \
            break; \
        } \
    } while (0)


LIBXL_DEVICE_MODEL_SCOPE_EXPORT char **
xs_directory(struct xs_handle *h,
             xs_transaction_t t,
             const char *path,
             unsigned int *num)
{
    LIBXL_DEVICE_MODEL_SCOPE_PATH(xs_directory, path, false, NULL, ENOENT, NULL);
    return next(h, t, path, num);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT void *
xs_read(struct xs_handle *h,
        xs_transaction_t t,
        const char *path,
        unsigned int *len)
{
    LIBXL_DEVICE_MODEL_SCOPE_PATH(xs_read, path, false, NULL, ENOENT, NULL);
    return next(h, t, path, len);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT bool
xs_write(struct xs_handle *h,
         xs_transaction_t t,
         const char *path,
         const void *data,
         unsigned int len)
{
    LIBXL_DEVICE_MODEL_SCOPE_PATH(xs_write, path, true, false, EACCES, false);
    return next(h, t, path, data, len);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT bool
xs_mkdir(struct xs_handle *h,
         xs_transaction_t t,
         const char *path)
{
    LIBXL_DEVICE_MODEL_SCOPE_PATH(xs_mkdir, path, true, false, EACCES, false);
    return next(h, t, path);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT bool
xs_rm(struct xs_handle *h,
      xs_transaction_t t,
      const char *path)
{
    LIBXL_DEVICE_MODEL_SCOPE_PATH(xs_rm, path, true, false, EACCES, false);
    return next(h, t, path);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT bool
xs_set_permissions(struct xs_handle *h,
                   xs_transaction_t t,
                   const char *path,
                   struct xs_permissions *perms,
                   unsigned int num_perms)
{
    LIBXL_DEVICE_MODEL_SCOPE_PATH(xs_set_permissions, path, true, false, EACCES, false);
    return next(h, t, path, perms, num_perms);
}


/* A watch on a backend succeeds and never fires: QEMU reports an error for each
 * one that fails, though nothing depends on it (xen-bus.c, xen_bus_realize();
 * xen-legacy-backend.c, xenstore_scan()). */
LIBXL_DEVICE_MODEL_SCOPE_EXPORT bool
xs_watch(struct xs_handle *h,
         const char *path,
         const char *token)
{
    LIBXL_DEVICE_MODEL_SCOPE_PATH(xs_watch, path, false, true, 0, false);
    return next(h, path, token);
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT bool
xs_unwatch(struct xs_handle *h,
           const char *path,
           const char *token)
{
    LIBXL_DEVICE_MODEL_SCOPE_PATH(xs_unwatch, path, false, true, 0, false);
    return next(h, path, token);
}
