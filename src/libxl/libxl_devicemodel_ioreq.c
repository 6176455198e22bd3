/*
 * libxl_devicemodel_ioreq.c: the ioreq server of a secondary that has ended, or may hang
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* Some of what libxendevicemodel takes is in Xen's headers for tools only. */
#define __XEN_TOOLS__ 1
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>

#include "libxl_devicemodel_ioreq.h"
#include "libxl_devicemodel_registers.h"

/* In a frame of requests, whatever the size of a page is here. */
#define LIBXL_DEVICE_MODEL_IOREQ_FRAME (4096 / sizeof(ioreq_t))

/* How long vCPUs have for taking their answers, and how often we look.  A vCPU that
 * may run takes its answer at once; those of a paused domain never do. */
#define LIBXL_DEVICE_MODEL_IOREQ_LIMIT_US (100 * 1000)
#define LIBXL_DEVICE_MODEL_IOREQ_LOOK_US 200

#define LIBXL_DEVICE_MODEL_IOREQ_SLOTS 32
#define LIBXL_DEVICE_MODEL_IOREQ_PINS 4
#define LIBXL_DEVICE_MODEL_IOREQ_IRQS 16

/* The connections to Xen, for one call. */
typedef struct _libxlDeviceModelIoreqXen libxlDeviceModelIoreqXen;
struct _libxlDeviceModelIoreqXen {
    domid_t domid;
    xendevicemodel_handle *devicemodel;
    xenforeignmemory_handle *memory;
    xenevtchn_handle *channels;
    libxlDeviceModelIoreqResult *result;
};

typedef struct _libxlDeviceModelIoreqServer libxlDeviceModelIoreqServer;
struct _libxlDeviceModelIoreqServer {
    ioservid_t id;
    xenforeignmemory_resource_handle *mapping; /* or NULL */
    volatile ioreq_t *requests; /* one of each vCPU */
    unsigned int vcpus;
};

struct _libxlDeviceModelIoreqViewer {
    xenforeignmemory_handle *memory;
};

_Static_assert(sizeof(ioreq_t) == sizeof(((libxlDeviceModelIoreqPending *)NULL)->request),
               "the copy of a request is as long as a request");


static long long
libxlDeviceModelIoreqNow(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}


/* Takes errno.  Any step may be the one that finds the domain gone. */
static void
libxlDeviceModelIoreqFail(libxlDeviceModelIoreqResult *result,
                          const char *step)
{
    if (errno == ESRCH) {
        result->gone = true;
    } else if (!result->failed) {
        result->failed = step;
        result->err = errno;
    }
}


static bool
libxlDeviceModelIoreqSetState(const libxlDeviceModelIoreqXen *xen,
                              const libxlDeviceModelIoreqServer *server,
                              bool enabled)
{
    if (xendevicemodel_set_ioreq_server_state(xen->devicemodel, xen->domid,
                                              server->id, enabled) == 0)
        return true;

    libxlDeviceModelIoreqFail(xen->result, enabled ? "enable" : "disable");
    return false;
}


/* That the process has given the server back is no failure. */
static bool
libxlDeviceModelIoreqDisable(const libxlDeviceModelIoreqXen *xen,
                             const libxlDeviceModelIoreqServer *server)
{
    if (xendevicemodel_set_ioreq_server_state(xen->devicemodel, xen->domid,
                                              server->id, false) == 0)
        return true;

    if (errno != ENOENT)
        libxlDeviceModelIoreqFail(xen->result, "disable");
    return false;
}


/* Has Xen write the ports into the requests, which have to be mapped, as it does where a
 * disabled server is enabled.  What vCPUs ask for meanwhile is pending then. */
static bool
libxlDeviceModelIoreqRestorePorts(const libxlDeviceModelIoreqXen *xen,
                                  const libxlDeviceModelIoreqServer *server)
{
    return libxlDeviceModelIoreqSetState(xen, server, true) &&
           libxlDeviceModelIoreqSetState(xen, server, false);
}


/* Xen has as many requests in a server as the domain has vCPUs at most.  Sets errno. */
static bool
libxlDeviceModelIoreqMapFrames(xenforeignmemory_handle *memory,
                               domid_t domid,
                               libxlDeviceModelIoreqServer *server,
                               int prot)
{
    unsigned long frames = (server->vcpus + LIBXL_DEVICE_MODEL_IOREQ_FRAME - 1) /
                           LIBXL_DEVICE_MODEL_IOREQ_FRAME;
    void *page = NULL;

    server->mapping = xenforeignmemory_map_resource(memory, domid,
                                                    XENMEM_resource_ioreq_server, server->id,
                                                    XENMEM_resource_ioreq_server_frame_ioreq(0),
                                                    frames, &page, prot, 0);
    server->requests = page;
    return server->mapping;
}


static bool
libxlDeviceModelIoreqMap(const libxlDeviceModelIoreqXen *xen,
                         libxlDeviceModelIoreqServer *server)
{
    if (xendevicemodel_nr_vcpus(xen->devicemodel, xen->domid, &server->vcpus) < 0) {
        libxlDeviceModelIoreqFail(xen->result, "count vCPUs");
        return false;
    }

    if (!libxlDeviceModelIoreqMapFrames(xen->memory, xen->domid, server,
                                        PROT_READ | PROT_WRITE)) {
        libxlDeviceModelIoreqFail(xen->result, "map");
        return false;
    }

    return true;
}


static void
libxlDeviceModelIoreqUnmap(const libxlDeviceModelIoreqXen *xen,
                           libxlDeviceModelIoreqServer *server)
{
    if (server->mapping &&
        xenforeignmemory_unmap_resource(xen->memory, server->mapping) < 0)
        libxlDeviceModelIoreqFail(xen->result, "unmap");

    server->mapping = NULL;
    server->requests = NULL;
}


/* Wakes whoever waits for an event on this port of the domain. */
static bool
libxlDeviceModelIoreqNotify(const libxlDeviceModelIoreqXen *xen,
                            evtchn_port_t port)
{
    int local = xenevtchn_bind_interdomain(xen->channels, xen->domid, port);
    bool notified;

    if (local < 0) {
        libxlDeviceModelIoreqFail(xen->result, "bind");
        return false;
    }

    notified = xenevtchn_notify(xen->channels, local) == 0;
    if (!notified)
        libxlDeviceModelIoreqFail(xen->result, "notify");

    xenevtchn_unbind(xen->channels, local);
    return notified;
}


/* Whoever else has the page may change a request at any time: each byte is read once. */
static void
libxlDeviceModelIoreqCopy(const volatile ioreq_t *request,
                          ioreq_t *copy)
{
    const volatile unsigned char *from = (const volatile unsigned char *)request;
    unsigned char *to = (unsigned char *)copy;
    size_t i;

    for (i = 0; i < sizeof(*copy); i++)
        to[i] = from[i];
}


/* Of a port that is there, or all ones. */
static uint8_t
libxlDeviceModelIoreqReadPort(uint64_t port)
{
    static const unsigned int uarts[] = LIBXL_DEVICE_MODEL_REGISTERS_UART_PORTS;
    static const uint8_t idle[LIBXL_DEVICE_MODEL_REGISTERS_PORTS] = {
        [1] = 0x0f, /* IER: written back by who has read it, so that none gets lost */
        [2] = 0x01, /* IIR: no interrupt */
        [3] = 0x03, /* LCR: 8 bits, and the latch is closed */
        [4] = 0x0b, /* MCR: open */
        [5] = 0x60, /* LSR: all is sent */
        [6] = 0xb0, /* MSR: connected */
    };
    size_t i;

    for (i = 0; i < sizeof(uarts) / sizeof(uarts[0]); i++) {
        if (port - uarts[i] < sizeof(idle))
            return idle[port - uarts[i]];
    }

    return UINT8_MAX;
}


/* What the vCPU gets that waits. */
static uint64_t
libxlDeviceModelIoreqMakeAnswer(const ioreq_t *request)
{
    uint64_t answer = ~0ULL;
    unsigned int i;

    if (request->type != IOREQ_TYPE_PIO || request->dir != IOREQ_READ || request->data_is_ptr ||
        request->size > sizeof(uint32_t))
        return answer;

    for (i = 0; i < request->size; i++) {
        answer &= ~(0xffULL << 8 * i);
        answer |= (uint64_t)libxlDeviceModelIoreqReadPort(request->addr + i) << 8 * i;
    }

    return answer;
}


/* A request without a state is taken already, or was overwritten while its vCPU waits.
 * One that has its answer may belong to a vCPU that the process was not given the time
 * to notify. */
static bool
libxlDeviceModelIoreqAnswer(const libxlDeviceModelIoreqXen *xen,
                            volatile ioreq_t *request)
{
    ioreq_t copy;

    libxlDeviceModelIoreqCopy(request, &copy);
    if (copy.state != STATE_IOREQ_NONE && copy.state != STATE_IORESP_READY) {
        request->data = libxlDeviceModelIoreqMakeAnswer(&copy);
        /* Xen reads the answer as soon as it sees the state */
        __atomic_thread_fence(__ATOMIC_RELEASE);
        request->state = STATE_IORESP_READY;
        xen->result->answered++;
    }

    return libxlDeviceModelIoreqNotify(xen, copy.vp_eport);
}


static unsigned int
libxlDeviceModelIoreqCount(const libxlDeviceModelIoreqServer *server)
{
    unsigned int count = 0;
    unsigned int i;

    for (i = 0; i < server->vcpus; i++) {
        if (server->requests[i].state != STATE_IOREQ_NONE)
            count++;
    }

    return count;
}


/* Returns whether every vCPU was notified, and no request is left. */
static bool
libxlDeviceModelIoreqAnswerAll(const libxlDeviceModelIoreqXen *xen,
                               const libxlDeviceModelIoreqServer *server)
{
    const struct timespec look = { .tv_nsec = LIBXL_DEVICE_MODEL_IOREQ_LOOK_US * 1000 };
    bool notified = true;
    unsigned int untaken;
    long long end;
    unsigned int i;

    for (i = 0; i < server->vcpus; i++) {
        if (!libxlDeviceModelIoreqAnswer(xen, &server->requests[i]))
            notified = false;
    }

    end = libxlDeviceModelIoreqNow() + LIBXL_DEVICE_MODEL_IOREQ_LIMIT_US;
    while ((untaken = libxlDeviceModelIoreqCount(server)) > 0 &&
           libxlDeviceModelIoreqNow() < end)
        nanosleep(&look, NULL);

    xen->result->untaken += untaken;
    return notified && untaken == 0;
}


static bool
libxlDeviceModelIoreqDestroy(const libxlDeviceModelIoreqXen *xen,
                             const libxlDeviceModelIoreqServer *server)
{
    if (xendevicemodel_destroy_ioreq_server(xen->devicemodel, xen->domid, server->id) == 0 ||
        errno == ENOENT)
        return true;

    libxlDeviceModelIoreqFail(xen->result, "destroy");
    return false;
}


static bool
libxlDeviceModelIoreqLower(const libxlDeviceModelIoreqXen *xen,
                           const libxlDeviceModelIoreq *ioreq)
{
    bool lowered = true;
    unsigned int i;
    unsigned int pin;

    for (i = 0; i < LIBXL_DEVICE_MODEL_IOREQ_SLOTS; i++) {
        for (pin = 0; (ioreq->slots & (1U << i)) && pin < LIBXL_DEVICE_MODEL_IOREQ_PINS; pin++) {
            if (xendevicemodel_set_pci_intx_level(xen->devicemodel, xen->domid,
                                                  0, 0, i, pin, 0) < 0) {
                libxlDeviceModelIoreqFail(xen->result, "lower INTx");
                lowered = false;
            }
        }
    }

    for (i = 0; i < LIBXL_DEVICE_MODEL_IOREQ_IRQS; i++) {
        if ((ioreq->irqs & (1U << i)) &&
            xendevicemodel_set_isa_irq_level(xen->devicemodel, xen->domid, i, 0) < 0) {
            libxlDeviceModelIoreqFail(xen->result, "lower IRQ");
            lowered = false;
        }
    }

    return lowered;
}


/* A request that is not taken here is a failure, as nothing else makes up for it. */
static bool
libxlDeviceModelIoreqWakeAll(const libxlDeviceModelIoreqXen *xen)
{
    libxlDeviceModelIoreqServer server = { 0 };

    if (xendevicemodel_create_ioreq_server(xen->devicemodel, xen->domid,
                                           HVM_IOREQSRV_BUFIOREQ_OFF, &server.id) < 0) {
        /* Xen gives no event channels to a domain that is being destroyed */
        if (errno == EINVAL)
            errno = ESRCH;
        libxlDeviceModelIoreqFail(xen->result, "create");
        return false;
    }

    xen->result->untaken = 0;
    xen->result->woken = libxlDeviceModelIoreqMap(xen, &server) &&
                         libxlDeviceModelIoreqRestorePorts(xen, &server) &&
                         libxlDeviceModelIoreqAnswerAll(xen, &server);

    if (xen->result->untaken > 0) {
        errno = ETIMEDOUT;
        libxlDeviceModelIoreqFail(xen->result, "await");
    }

    if (!libxlDeviceModelIoreqDestroy(xen, &server))
        xen->result->woken = false;
    libxlDeviceModelIoreqUnmap(xen, &server);

    return xen->result->woken;
}


/* Sets @wake where the server is gone, but a vCPU may wait for it all the same. */
static bool
libxlDeviceModelIoreqReleaseServer(const libxlDeviceModelIoreqXen *xen,
                                   const libxlDeviceModelIoreq *ioreq,
                                   bool *wake)
{
    libxlDeviceModelIoreqServer server = { .id = ioreq->ioservid };
    bool answered;
    bool destroyed;
    bool lowered;

    answered = libxlDeviceModelIoreqDisable(xen, &server) &&
               libxlDeviceModelIoreqMap(xen, &server) &&
               (ioreq->copied || libxlDeviceModelIoreqRestorePorts(xen, &server)) &&
               libxlDeviceModelIoreqAnswerAll(xen, &server);

    destroyed = libxlDeviceModelIoreqDestroy(xen, &server);
    lowered = libxlDeviceModelIoreqLower(xen, ioreq);
    libxlDeviceModelIoreqUnmap(xen, &server);

    if (destroyed && !answered)
        *wake = true;

    return destroyed && lowered;
}


static bool
libxlDeviceModelIoreqReleaseOne(const libxlDeviceModelIoreqXen *xen,
                                const libxlDeviceModelIoreq *ioreq)
{
    bool wake = false;
    bool released = libxlDeviceModelIoreqReleaseServer(xen, ioreq, &wake);

    if (wake && !libxlDeviceModelIoreqWakeAll(xen))
        released = false;

    return released;
}


/* Returns whether nothing failed, and in @exists whether the server is there. */
static bool
libxlDeviceModelIoreqFind(const libxlDeviceModelIoreqXen *xen,
                          ioservid_t id,
                          bool *exists)
{
    *exists = xendevicemodel_get_ioreq_server_info(xen->devicemodel, xen->domid, id,
                                                   NULL, NULL, NULL) == 0;
    if (*exists || errno == ENOENT)
        return true;

    libxlDeviceModelIoreqFail(xen->result, "find");
    return false;
}


/* The vCPUs are woken once for all servers, as every one of them is. */
static bool
libxlDeviceModelIoreqReleaseRest(const libxlDeviceModelIoreqXen *xen,
                                 unsigned int keep)
{
    libxlDeviceModelIoreq ioreq = { .domid = xen->domid };
    bool released = true;
    bool wake = false;
    bool exists;

    for (ioreq.ioservid = 1;
         ioreq.ioservid < LIBXL_DEVICE_MODEL_IOREQ_SERVERS && !xen->result->gone;
         ioreq.ioservid++) {
        if (keep & (1U << ioreq.ioservid))
            continue;

        if (!libxlDeviceModelIoreqFind(xen, ioreq.ioservid, &exists) ||
            (exists && !libxlDeviceModelIoreqReleaseServer(xen, &ioreq, &wake)))
            released = false;
    }

    if (wake && !xen->result->gone && !libxlDeviceModelIoreqWakeAll(xen))
        released = false;

    return released;
}


static void
libxlDeviceModelIoreqClose(libxlDeviceModelIoreqXen *xen)
{
    if (xen->channels)
        xenevtchn_close(xen->channels);
    if (xen->memory)
        xenforeignmemory_close(xen->memory);
    if (xen->devicemodel)
        xendevicemodel_close(xen->devicemodel);
}


static bool
libxlDeviceModelIoreqOpen(libxlDeviceModelIoreqXen *xen)
{
    if ((xen->devicemodel = xendevicemodel_open(NULL, 0)) &&
        (xen->memory = xenforeignmemory_open(NULL, 0)) &&
        (xen->channels = xenevtchn_open(NULL, 0)))
        return true;

    libxlDeviceModelIoreqFail(xen->result, "open");
    return false;
}


/* What does not fit Xen's types would be another domain, or another server. */
static bool
libxlDeviceModelIoreqFits(unsigned int domid,
                          unsigned int ioservid)
{
    return domid > 0 && domid < DOMID_FIRST_RESERVED && ioservid <= UINT16_MAX;
}


static bool
libxlDeviceModelIoreqCheck(unsigned int domid,
                           unsigned int ioservid,
                           libxlDeviceModelIoreqResult *result)
{
    memset(result, 0, sizeof(*result));

    if (libxlDeviceModelIoreqFits(domid, ioservid))
        return true;

    errno = EINVAL;
    libxlDeviceModelIoreqFail(result, "check");
    return false;
}


/**
 * libxlDeviceModelIoreqRelease:
 * @ioreq: the ioreq server of a secondary, and what this claims
 * @result: filled with what was done
 *
 * Frees the guest of a secondary whose process has ended, as the header says.  The caller
 * has the mutex that the header tells of.  It takes about a tenth of a second at most, or
 * two where the vCPUs have to be woken.
 *
 * That the server is not there any more is no failure: the process has given it back,
 * and the vCPUs are woken.  That the domain is not there is none either.
 *
 * Returns 0 where the guest is free: the server is gone, no vCPU waits for it and none of
 * its interrupts is raised.  -1 where it may not be, with the first step that failed in
 * @result.
 */
int
libxlDeviceModelIoreqRelease(const libxlDeviceModelIoreq *ioreq,
                             libxlDeviceModelIoreqResult *result)
{
    libxlDeviceModelIoreqXen xen = { .domid = ioreq->domid, .result = result };
    long long begin = libxlDeviceModelIoreqNow();
    bool released;

    if (!libxlDeviceModelIoreqCheck(ioreq->domid, ioreq->ioservid, result))
        return -1;

    released = libxlDeviceModelIoreqOpen(&xen) &&
               libxlDeviceModelIoreqReleaseOne(&xen, ioreq);
    libxlDeviceModelIoreqClose(&xen);

    result->us = libxlDeviceModelIoreqNow() - begin;
    return released || result->gone ? 0 : -1;
}


/**
 * libxlDeviceModelIoreqCopyReady:
 * @ioreq: the ioreq server of a secondary whose process has ended
 * @ready: filled with copies of the requests that it has not begun with; not trusted, but
 *         for vp_eport, which is the number of the vCPU
 * @max: how many there is room for
 * @nready: set to their number
 * @result: filled with what was done
 *
 * Disables the server, so that what is copied is the last that it gets.  Leaves who waits
 * waiting: libxlDeviceModelIoreqRelease has to follow, with @ioreq->copied set.  A vCPU that
 * is not notified then, as another process has written into the requests meanwhile, is woken
 * through a new server.  The caller has the mutex that the header tells of.
 *
 * Returns 0, or -1 with the step that failed in @result, and then there are none.
 */
int
libxlDeviceModelIoreqCopyReady(const libxlDeviceModelIoreq *ioreq,
                               ioreq_t *ready,
                               unsigned int max,
                               unsigned int *nready,
                               libxlDeviceModelIoreqResult *result)
{
    libxlDeviceModelIoreqXen xen = { .domid = ioreq->domid, .result = result };
    libxlDeviceModelIoreqServer server = { .id = ioreq->ioservid };
    bool copied;
    unsigned int i;

    *nready = 0;
    if (!libxlDeviceModelIoreqCheck(ioreq->domid, ioreq->ioservid, result))
        return -1;

    copied = libxlDeviceModelIoreqOpen(&xen) &&
             libxlDeviceModelIoreqDisable(&xen, &server) &&
             libxlDeviceModelIoreqMap(&xen, &server) &&
             libxlDeviceModelIoreqRestorePorts(&xen, &server);

    for (i = 0; copied && i < server.vcpus && *nready < max; i++) {
        libxlDeviceModelIoreqCopy(&server.requests[i], &ready[*nready]);
        ready[*nready].vp_eport = i;
        if (ready[*nready].state == STATE_IOREQ_READY)
            (*nready)++;
    }

    libxlDeviceModelIoreqUnmap(&xen, &server);
    libxlDeviceModelIoreqClose(&xen);
    return copied ? 0 : -1;
}


/**
 * libxlDeviceModelIoreqHold:
 * @ioreq: the ioreq server of a secondary whose process has ended, and what this claims
 * @result: filled with what was done
 *
 * Lowers the interrupts, and enables the server, if it is not: one that was stopped while its
 * domain was saved has disabled it, and the guest would go on without it instead of waiting.
 *
 * Returns 0, or -1 with the step that failed in @result, or without one where the process
 * has given the server back: nobody waits for it then who can go on by himself.
 */
int
libxlDeviceModelIoreqHold(const libxlDeviceModelIoreq *ioreq,
                          libxlDeviceModelIoreqResult *result)
{
    libxlDeviceModelIoreqXen xen = { .domid = ioreq->domid, .result = result };
    libxlDeviceModelIoreqServer server = { .id = ioreq->ioservid };
    bool exists = false;
    bool held;

    if (!libxlDeviceModelIoreqCheck(ioreq->domid, ioreq->ioservid, result))
        return -1;

    held = libxlDeviceModelIoreqOpen(&xen) &&
           libxlDeviceModelIoreqFind(&xen, ioreq->ioservid, &exists) &&
           exists && libxlDeviceModelIoreqLower(&xen, ioreq) &&
           libxlDeviceModelIoreqSetState(&xen, &server, true);
    libxlDeviceModelIoreqClose(&xen);
    return held ? 0 : -1;
}


/**
 * libxlDeviceModelIoreqLowerInterrupts:
 * @ioreq: what a secondary claims, no process of which is left
 * @result: filled with what was done
 *
 * Lower what a process has raised that never was the secondary's, as its start failed: a line
 * that stays raised is no edge for the next one, and disturbs whoever shares it.
 *
 * Returns 0, also where the domain is not there, or -1 with the step that failed in @result.
 */
int
libxlDeviceModelIoreqLowerInterrupts(const libxlDeviceModelIoreq *ioreq,
                                     libxlDeviceModelIoreqResult *result)
{
    libxlDeviceModelIoreqXen xen = { .domid = ioreq->domid, .result = result };
    bool lowered;

    if (!libxlDeviceModelIoreqCheck(ioreq->domid, ioreq->ioservid, result))
        return -1;

    lowered = libxlDeviceModelIoreqOpen(&xen) && libxlDeviceModelIoreqLower(&xen, ioreq);
    libxlDeviceModelIoreqClose(&xen);
    return lowered || result->gone ? 0 : -1;
}


/**
 * libxlDeviceModelIoreqCheckServer:
 * @ioreq: the ioreq server of a secondary that has started
 * @result: filled with what was done
 *
 * See whether the server is there: where another secondary gave back one of the same
 * number, and ended, who freed the guest of that one may have met this one.  Changes
 * nothing.
 *
 * Returns 1 where it is there, 0 where it is not, and -1 with the step that failed in
 * @result.
 */
int
libxlDeviceModelIoreqCheckServer(const libxlDeviceModelIoreq *ioreq,
                                 libxlDeviceModelIoreqResult *result)
{
    libxlDeviceModelIoreqXen xen = { .domid = ioreq->domid, .result = result };
    bool exists = false;
    bool found;

    if (!libxlDeviceModelIoreqCheck(ioreq->domid, ioreq->ioservid, result))
        return -1;

    found = libxlDeviceModelIoreqOpen(&xen) &&
            libxlDeviceModelIoreqFind(&xen, ioreq->ioservid, &exists);
    libxlDeviceModelIoreqClose(&xen);
    return found ? exists : -1;
}


/**
 * libxlDeviceModelIoreqReleaseOthers:
 * @domid: the domain
 * @keep: the servers of all device models that live: bit N is set for number N
 * @result: filled with what was done for all servers together
 *
 * Frees the guest of what else a process has left: every server with a number from 1 on
 * that is not in @keep, whoever made it.  Number 0 is the primary's and stays.  The
 * interrupts stay as they are, as nobody knows them: libxlDeviceModelIoreqRelease lowers
 * those that the process claimed.  The caller has the mutex that the header tells of, and
 * no device model of the domain is being started, as the number of its server is in no
 * @keep before it has reported that.
 *
 * A number without a server is asked for, and nothing else.  Each server takes about a
 * tenth of a second at most, and so does waking the vCPUs of all.
 *
 * Returns 0 where the guest is free of all these servers, or the domain is not there, and
 * -1 otherwise, with the first step that failed in @result.
 */
int
libxlDeviceModelIoreqReleaseOthers(unsigned int domid,
                                   unsigned int keep,
                                   libxlDeviceModelIoreqResult *result)
{
    libxlDeviceModelIoreqXen xen = { .domid = domid, .result = result };
    long long begin = libxlDeviceModelIoreqNow();
    bool freed;

    if (!libxlDeviceModelIoreqCheck(domid, 0, result))
        return -1;

    freed = libxlDeviceModelIoreqOpen(&xen) && libxlDeviceModelIoreqReleaseRest(&xen, keep);
    libxlDeviceModelIoreqClose(&xen);

    result->us = libxlDeviceModelIoreqNow() - begin;
    return freed || result->gone ? 0 : -1;
}


/**
 * libxlDeviceModelIoreqWake:
 * @domid: the domain
 * @result: filled with what was done
 *
 * Wakes the vCPUs that wait for an ioreq server which is not there any more.  It does
 * nothing to the others: one that waits for a server that is there goes on to wait.
 * One server of those that Xen has for the domain must be free.  The caller has the mutex
 * that the header tells of.
 *
 * Returns 0 where all were woken, or the domain is not there, and -1 otherwise, with the
 * first step that failed in @result.
 */
int
libxlDeviceModelIoreqWake(unsigned int domid,
                          libxlDeviceModelIoreqResult *result)
{
    libxlDeviceModelIoreqXen xen = { .domid = domid, .result = result };
    long long begin = libxlDeviceModelIoreqNow();
    bool woken;

    if (!libxlDeviceModelIoreqCheck(domid, 0, result))
        return -1;

    woken = libxlDeviceModelIoreqOpen(&xen) && libxlDeviceModelIoreqWakeAll(&xen);
    libxlDeviceModelIoreqClose(&xen);

    result->us = libxlDeviceModelIoreqNow() - begin;
    return woken || result->gone ? 0 : -1;
}


/**
 * libxlDeviceModelIoreqViewerNew:
 *
 * Returns a connection for libxlDeviceModelIoreqLook, which the caller owns, or NULL with
 * errno.
 */
libxlDeviceModelIoreqViewer *
libxlDeviceModelIoreqViewerNew(void)
{
    libxlDeviceModelIoreqViewer *viewer = calloc(1, sizeof(*viewer));

    if (viewer && (viewer->memory = xenforeignmemory_open(NULL, 0)))
        return viewer;

    free(viewer);
    return NULL;
}


/**
 * libxlDeviceModelIoreqViewerFree:
 * @viewer: a connection, or NULL
 *
 * Closes it.
 */
void
libxlDeviceModelIoreqViewerFree(libxlDeviceModelIoreqViewer *viewer)
{
    if (viewer)
        xenforeignmemory_close(viewer->memory);
    free(viewer);
}


/* Whether the request of a vCPU is pending, with a copy of it. */
static bool
libxlDeviceModelIoreqCopyPending(const libxlDeviceModelIoreqServer *server,
                                 unsigned int vcpu,
                                 libxlDeviceModelIoreqPending *pending)
{
    ioreq_t request;

    libxlDeviceModelIoreqCopy(&server->requests[vcpu], &request);
    memcpy(pending->request, &request, sizeof(request));

    pending->vcpu = vcpu;
    pending->pending = request.state == STATE_IOREQ_READY ||
                       request.state == STATE_IOREQ_INPROCESS;
    return pending->pending;
}


static libxlDeviceModelIoreqLookResult
libxlDeviceModelIoreqCompare(const libxlDeviceModelIoreqServer *server,
                             libxlDeviceModelIoreqPending *pending)
{
    const libxlDeviceModelIoreqPending before = *pending;
    unsigned int i;

    if (before.pending && before.vcpu < server->vcpus &&
        libxlDeviceModelIoreqCopyPending(server, before.vcpu, pending) &&
        memcmp(pending->request, before.request, sizeof(before.request)) == 0)
        return LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME;

    for (i = 0; i < server->vcpus; i++) {
        if (libxlDeviceModelIoreqCopyPending(server, i, pending))
            return LIBXL_DEVICE_MODEL_IOREQ_LOOK_OTHER;
    }

    pending->pending = false;
    return LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE;
}


/**
 * libxlDeviceModelIoreqLook:
 * @viewer: a connection
 * @ioreq: the ioreq server of a secondary
 * @vcpus: how many the domain has at most
 * @pending: of the look before, all zero at first; becomes that of this one
 *
 * See whether the guest waits for an answer, as far as the memory of the server tells.
 * A request that the secondary has begun with is another than before it had.  Does not
 * wait, and changes nothing.
 *
 * Returns what is seen; that nothing is pending where nothing can be seen.
 */
libxlDeviceModelIoreqLookResult
libxlDeviceModelIoreqLook(const libxlDeviceModelIoreqViewer *viewer,
                          const libxlDeviceModelIoreq *ioreq,
                          unsigned int vcpus,
                          libxlDeviceModelIoreqPending *pending)
{
    libxlDeviceModelIoreqServer server = { .id = ioreq->ioservid, .vcpus = vcpus };
    libxlDeviceModelIoreqLookResult result = LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE;

    if (!libxlDeviceModelIoreqFits(ioreq->domid, ioreq->ioservid) ||
        !libxlDeviceModelIoreqMapFrames(viewer->memory, ioreq->domid, &server, PROT_READ)) {
        pending->pending = false;
        return result;
    }

    result = libxlDeviceModelIoreqCompare(&server, pending);
    xenforeignmemory_unmap_resource(viewer->memory, server.mapping);

    return result;
}
