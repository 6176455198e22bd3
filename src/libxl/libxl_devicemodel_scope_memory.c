/*
 * libxl_devicemodel_scope_memory.c: remembers what the guest writes into registers
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A part of the scope library.  Each access of the guest to the emulator's devices is
 * a request in a page that the emulator shares with Xen, one for each vCPU.  QEMU 7.2
 * to 10.0 (hw/i386/xen/xen-hvm.c, hw/xen/xen-hvm-common.c)
 *
 *  - maps the page together with that for buffered requests, of which its devices
 *    have none (xenforeignmemory_map_resource);
 *  - binds a port for each vCPU (xenevtchn_bind_interdomain);
 *  - finds by an event which vCPU waits (xenevtchn_pending; -1 where none does), unmasks the
 *    port, looks whether the request is READY, and serves it;
 *  - sets its state to what the vCPU waits for, and only then sends an event
 *    (xenevtchn_notify).
 *
 * A request is complete when it is READY, and stays as it is until it was served.  So it
 * is looked at when QEMU asks for the event, and QEMU is not told of one whose request is not
 * READY then: it would look a moment later, when the request may be there, and serve what
 * nobody has seen.  Such an event comes of binding a port, and where a vCPU that has not begun
 * to sleep sees what was served, and sends its next request, before the event of the last
 * one.  Its port is unmasked, so that the next event is not lost, and that of a request that
 * has come in between is one.
 *
 * All of this happens in the thread of QEMU's main loop, or before that runs, so that
 * nothing is locked.  It costs a request the comparison of a few numbers in memory,
 * beside two system calls and two changes to the hypervisor.
 *
 * A request that must not be served as it is (libxlDeviceModelRegistersFilter,
 * libxlDeviceModelDMAFilter) is changed at that look.
 *
 * The page stays mapped until the process has left its main loop.  An emulator that
 * maps its requests in another way, which is done on Xen before 4.11 only, is not
 * remembered.
 */

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>

#include "libxl_devicemodel_dma.h"
#include "libxl_devicemodel_registers.h"
#include "libxl_devicemodel_scope.h"
#include "libxl_devicemodel_scope_memory.h"

#define LIBXL_DEVICE_MODEL_SCOPE_PAGE 4096
/* QEMU uses the first page, and a vCPU beyond it has no request there. */
#define LIBXL_DEVICE_MODEL_SCOPE_VCPUS (LIBXL_DEVICE_MODEL_SCOPE_PAGE / sizeof(ioreq_t))

static struct {
    libxlDeviceModelRegisters *registers; /* NULL where nothing is remembered */
    volatile ioreq_t *requests; /* one of each vCPU */
    unsigned int nports; /* those that follow are of no vCPU */
    evtchn_port_t ports[LIBXL_DEVICE_MODEL_SCOPE_VCPUS]; /* of this end, by vCPU */
} libxlDeviceModelScopeMemory;


/**
 * libxlDeviceModelScopeMemoryMap:
 * @fd: the file that the driver has made; closed
 *
 * Remember in this file from now on.  It is a mapping of fixed size and nothing else
 * that is left: the file cannot be made longer by it.
 *
 * Returns 0, or -1 with errno set: EINVAL where it is no file of this version.
 */
int
libxlDeviceModelScopeMemoryMap(int fd)
{
    libxlDeviceModelRegisters *registers = MAP_FAILED;
    struct stat sb;
    int saved;

    if (fstat(fd, &sb) < 0)
        return -1;

    errno = EINVAL;
    if (S_ISREG(sb.st_mode) && sb.st_size == sizeof(*registers))
        registers = mmap(NULL, sizeof(*registers), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    saved = errno;
    close(fd);
    errno = saved;

    if (registers == MAP_FAILED)
        return -1;

    if (registers->version != LIBXL_DEVICE_MODEL_REGISTERS_VERSION) {
        munmap(registers, sizeof(*registers));
        errno = EINVAL;
        return -1;
    }

    libxlDeviceModelScopeMemory.registers = registers;
    return 0;
}


static void
libxlDeviceModelScopeMemoryNote(unsigned int vcpu)
{
    const libxlDeviceModelScopeClaims *claims = libxlDeviceModelScopeGetClaims();
    ioreq_t request;
    libxlDeviceModelWrite write;
    uint32_t filtered;

    /* what is in it is not older than its state */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    request = libxlDeviceModelScopeMemory.requests[vcpu];

    if (libxlDeviceModelDMAFilter(libxlDeviceModelScopeMemory.registers, &request)) {
        libxlDeviceModelScopeMemory.requests[vcpu].type = request.type;
        libxlDeviceModelScopeMemory.requests[vcpu].count = request.count;
        libxlDeviceModelScopeMemory.requests[vcpu].data = request.data;
    }

    if (!libxlDeviceModelWriteInit(&write, &request) ||
        (write.config && !libxlDeviceModelScopeDecidePCI(claims, 0, 0, write.slot, write.function)))
        return;

    filtered = libxlDeviceModelRegistersFilter(libxlDeviceModelScopeMemory.registers, &write);
    if (filtered != write.data)
        libxlDeviceModelScopeMemory.requests[vcpu].data = write.data = filtered;

    libxlDeviceModelRegistersNote(libxlDeviceModelScopeMemory.registers, &write);
    libxlDeviceModelRegistersBegin(libxlDeviceModelScopeMemory.registers, vcpu, &write);
}


/* Whose request the port is for; false for that of buffered requests. */
static bool
libxlDeviceModelScopeMemoryFind(evtchn_port_t port,
                                unsigned int *vcpu)
{
    for (*vcpu = 0; *vcpu < libxlDeviceModelScopeMemory.nports; (*vcpu)++) {
        if (libxlDeviceModelScopeMemory.ports[*vcpu] == port)
            return true;
    }

    return false;
}


static void
libxlDeviceModelScopeMemoryBind(evtchn_port_t remote,
                                evtchn_port_t port)
{
    unsigned int vcpu;

    if (!libxlDeviceModelScopeMemory.requests)
        return;

    for (vcpu = 0; vcpu < LIBXL_DEVICE_MODEL_SCOPE_VCPUS; vcpu++) {
        if (libxlDeviceModelScopeMemory.requests[vcpu].vp_eport == remote) {
            libxlDeviceModelScopeMemory.ports[vcpu] = port;
            if (vcpu >= libxlDeviceModelScopeMemory.nports)
                libxlDeviceModelScopeMemory.nports = vcpu + 1;
            return;
        }
    }
}


/* The first page of requests is frame 1 of the server. */
LIBXL_DEVICE_MODEL_SCOPE_EXPORT xenforeignmemory_resource_handle *
xenforeignmemory_map_resource(xenforeignmemory_handle *fmem,
                              domid_t domid,
                              unsigned int type,
                              unsigned int id,
                              unsigned long frame,
                              unsigned long nr_frames,
                              void **paddr,
                              int prot,
                              int flags)
{
    __typeof__(&xenforeignmemory_map_resource) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xenforeignmemory_map_resource);
    const unsigned long wanted = XENMEM_resource_ioreq_server_frame_ioreq(0);
    xenforeignmemory_resource_handle *mapping;

    if (!next)
        return NULL;

    mapping = next(fmem, domid, type, id, frame, nr_frames, paddr, prot, flags);

    if (mapping && libxlDeviceModelScopeMemory.registers &&
        domid == libxlDeviceModelScopeGetClaims()->domid &&
        type == XENMEM_resource_ioreq_server && frame <= wanted && wanted - frame < nr_frames)
        libxlDeviceModelScopeMemory.requests =
            (void *)((char *)*paddr + (wanted - frame) * LIBXL_DEVICE_MODEL_SCOPE_PAGE);

    return mapping;
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT xenevtchn_port_or_error_t
xenevtchn_bind_interdomain(xenevtchn_handle *xce,
                           uint32_t domid,
                           evtchn_port_t remote_port)
{
    __typeof__(&xenevtchn_bind_interdomain) next =
        LIBXL_DEVICE_MODEL_SCOPE_NEXT(xenevtchn_bind_interdomain);
    xenevtchn_port_or_error_t port;

    if (!next)
        return -1;

    if ((port = next(xce, domid, remote_port)) >= 0)
        libxlDeviceModelScopeMemoryBind(remote_port, port);

    return port;
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT xenevtchn_port_or_error_t
xenevtchn_pending(xenevtchn_handle *xce)
{
    __typeof__(&xenevtchn_pending) next = LIBXL_DEVICE_MODEL_SCOPE_NEXT(xenevtchn_pending);
    __typeof__(&xenevtchn_unmask) unmask = LIBXL_DEVICE_MODEL_SCOPE_NEXT(xenevtchn_unmask);
    xenevtchn_port_or_error_t port;
    unsigned int vcpu;

    if (!next || !unmask)
        return -1;

    if ((port = next(xce)) < 0 || !libxlDeviceModelScopeMemoryFind(port, &vcpu))
        return port;

    if (libxlDeviceModelScopeMemory.requests[vcpu].state == STATE_IOREQ_READY) {
        libxlDeviceModelScopeMemoryNote(vcpu);
        return port;
    }

    if (unmask(xce, port) == 0)
        errno = EAGAIN;
    return -1;
}


LIBXL_DEVICE_MODEL_SCOPE_EXPORT int
xenevtchn_notify(xenevtchn_handle *xce,
                 evtchn_port_t port)
{
    __typeof__(&xenevtchn_notify) next = LIBXL_DEVICE_MODEL_SCOPE_NEXT(xenevtchn_notify);
    unsigned int vcpu;

    if (!next)
        return -1;

    if (libxlDeviceModelScopeMemoryFind(port, &vcpu))
        libxlDeviceModelRegistersEnd(libxlDeviceModelScopeMemory.registers, vcpu);

    return next(xce, port);
}
