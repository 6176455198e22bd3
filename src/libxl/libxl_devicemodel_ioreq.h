/*
 * libxl_devicemodel_ioreq.h: the ioreq server of a secondary that has ended, or may hang
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An access of the guest to an emulated device is a request: Xen writes it into the
 * memory of the ioreq server that claims the device, notifies the event channel that
 * the server has for this vCPU, and has the vCPU wait for an event on the same channel.
 * When a process ends otherwise than by its own will, its ioreq server stays.  Nobody
 * answers what is pending there, so that vCPU waits for ever, and so does each that
 * comes to one of the devices later, or changes the map of the guest's memory.  When
 * the process ends well, its QEMU has the server destroyed, but that wakes nobody: a
 * vCPU that waits at that moment waits for ever, too.
 *
 * What is done here makes a guest run on without the devices of such a process:
 *
 *  disable   no vCPU has a new request from here on.  What is pending stays so
 *  map       the requests, as nobody else has them mapped now
 *  ports     the server is enabled and disabled once more, so that Xen writes into each
 *            request which channel its vCPU has: the process may have written another's
 *  answer    what is pending, with all ones, as of a device that is not there, but for a
 *            read of a serial port (see below); notify the channel of every vCPU, whatever
 *            its request looks like
 *  await     that the vCPUs have taken their answers, but not for long
 *  destroy   the server.  The claims go with it: the primary serves what it has itself
 *            of that, and Xen answers the rest with all ones
 *  lower     the interrupts that the process may have left raised: a level that nobody
 *            lowers would come again and again, until the guest's kernel turns it off
 *            for all devices that share it
 *  unmap     at once: the mapped page is the domain's, which would stay as a zombie
 *  wake      only where a vCPU was not notified or has not taken its answer: through
 *            the channels of a new server, which has no claims and is destroyed again.
 *            Such an access reads what Xen itself has of the request, not ones
 *
 * Two of these functions must not run for one domain at the same time: the new server of
 * the one could be taken for a dead one's by the other, and be destroyed.  The caller has
 * a mutex of the domain for that.
 *
 * The process must have ended, and whatever else had its event channels: a channel that
 * another has bound cannot be notified by us.  Between the end of the process and the
 * return from here, no other server may be created for the domain, or it could get the
 * number of the dead one's, if that was destroyed, and be destroyed in its place.
 *
 * It is all safe to repeat: a daemon that is killed at any step leaves what the next one
 * calls this for again.  The new server of the last step is found by
 * libxlDeviceModelIoreqReleaseOthers then.
 *
 * Why a server is enabled again
 *
 * Xen tells the channels nowhere but in the requests.  It writes them there when it enables
 * a server that was disabled and has its page (ioreq_server_enable in common/ioreq.c, the
 * same from 4.17 to 4.20), and pauses the domain for that.  Two calls are all that this
 * takes.  To wake through a new server each time instead would take one of the 8 servers,
 * and those that wait would read what Xen has of their requests, not ones.
 *
 * In the moment in which the server is enabled, vCPUs may come to its devices.  What they
 * ask for is pending once it is disabled, and is answered as the rest.  Where the process
 * has written a state for a vCPU that waits for nothing, and this vCPU comes just then, Xen
 * may end the domain, as it may have done at any time before the first step.
 *
 * What the process may have left
 *
 * The requests are in memory that it could write to, and that other secondaries of the
 * guest may map: no byte of it is believed, and each is read once.
 *
 *  state     whatever it says, the vCPU is notified.  What is not a state of Xen's is
 *            answered as well: Xen would end the domain
 *  vp_eport  as Xen has written it.  Another process that has the page mapped could
 *            overwrite that, as it could have the guest wait for itself: when it ends, all
 *            vCPUs are notified again.  It is a port of this guest and no other, as Xen is
 *            asked to bind it to one of ours, which it does where the guest's port waits
 *            for this host.  At worst it is one of the guest's own that is not bound yet,
 *            which gets an event without a cause, and waits for this host again
 *  others    what is read, and where: whether that is a serial port, and which register of
 *            it.  Another is the guest's, which gets a wrong answer
 *
 * Requests that change while they are looked at take no more than the limit of time.
 *
 * The number of the server is what the process itself reported when it started.  By a
 * wrong one it would have another server of this guest destroyed, as it could itself, and
 * its own would stay, as would a second one that it has made: both are found by
 * libxlDeviceModelIoreqReleaseOthers.  Xen numbers the servers of a domain from 0 to 7, and
 * gives the lowest that is free, so 0 is the primary's, which is there first.  To destroy a
 * number that is not there does nothing (ENOENT).
 *
 * What a serial port answers
 *
 * All ones are no absence to a driver that has found the port: Linux takes a line status of
 * ones for a break, of which it thinks when the next character comes, so that this is lost
 * and the one after it is a SysRq key (lsr_saved_flags in drivers/tty/serial/8250, and
 * uart_handle_break()); and drivers write back what they have read.  So a read is answered as by
 * a port that has nothing to say and may have its interrupts.  A server has no such ports but
 * where its device model has claimed them, so that nobody has to say which are.
 *
 * What is told
 *
 * What the functions return says whether the guest is free, and nothing else does.  With
 * -1, the result has the first step that failed, and its errno.  With 0 it may have one,
 * too: a step that another made up for, or an unmap, for which no guest waits.
 *
 * A guest that waits for the process that takes the place of another
 *
 * With a disk, a vCPU that reads ones has an I/O error.  So it may be left waiting, while
 * the server is there and enabled, until another process serves the devices.  Then the server
 * is disabled for good, with its ports in the requests, so that no access comes here any
 * more, the requests are copied that the dead has not looked at
 * (libxlDeviceModelIoreqCopyReady), so that the other can be told what the guest takes for
 * written, and the rest is as above, without enabling it again: of two servers that claim
 * the same Xen asks the one with the higher number (ioreq_server_select in common/ioreq.c),
 * which may be this one.  The interrupts are lowered before the other starts, and not again
 * (libxlDeviceModelIoreqHold).
 *
 * Of a secondary that runs, only a look is taken at its requests, to see whether one of
 * the guest's is pending still.  They are mapped for reading, by the same call, for no
 * longer than it takes to copy one.  Nothing of the copy means anything but that a later
 * one is the same: whoever can write to the memory can show a request that nobody has,
 * or hide one, and that is what libxl_devicemodel_hang.h expects of a look.  A vCPU that
 * asks the same thing again and again cannot be told from one that waits.
 *
 * The files use libc and Xen's libraries only, for processes that are no daemon, and
 * report no errors: what has failed is in the result.
 */

#pragma once

#include <stdbool.h>

#include <xen/hvm/ioreq.h>

/* As many requests as vCPUs, of which Xen gives an HVM domain no more (HVM_MAX_VCPUS in
 * xen/hvm/hvm_info_table.h). */
#define LIBXL_DEVICE_MODEL_READY_MAX 128

/* Xen's MAX_NR_IOREQ_SERVERS, which is in no public header. */
#define LIBXL_DEVICE_MODEL_IOREQ_SERVERS 8

/* Which server, and what its device model claims. */
typedef struct _libxlDeviceModelIoreq libxlDeviceModelIoreq;
struct _libxlDeviceModelIoreq {
    unsigned int domid;
    unsigned int ioservid;
    unsigned int slots; /* of PCI: bit N is set for slot N of bus 0 */
    unsigned int irqs; /* of the ISA: bit N is set for interrupt N, 0 to 15 */
    bool copied; /* libxlDeviceModelIoreqCopyReady was called for it, and has not failed */
};

typedef struct _libxlDeviceModelIoreqResult libxlDeviceModelIoreqResult;
struct _libxlDeviceModelIoreqResult {
    bool gone; /* the domain: nothing was left to do */
    unsigned int answered; /* requests that were pending */
    unsigned int untaken; /* requests that were still there in the end, of all servers */
    bool woken; /* the vCPUs, through a new server */
    long long us; /* how long it took */
    const char *failed; /* the first step that failed, in words, or NULL */
    int err; /* and the errno of that */
};

/* What one look finds of the requests of the guest. */
typedef enum {
    LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE = 0, /* none is pending */
    LIBXL_DEVICE_MODEL_IOREQ_LOOK_OTHER, /* one is, and not that of the look before */
    LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME,
} libxlDeviceModelIoreqLookResult;

/* What is remembered of a look for the next. */
typedef struct _libxlDeviceModelIoreqPending libxlDeviceModelIoreqPending;
struct _libxlDeviceModelIoreqPending {
    bool pending;
    unsigned int vcpu; /* whose request it is */
    unsigned char request[32]; /* as it was */
};

/* A connection to Xen that can look, for as many domains and as long as one likes. */
typedef struct _libxlDeviceModelIoreqViewer libxlDeviceModelIoreqViewer;

libxlDeviceModelIoreqViewer *
libxlDeviceModelIoreqViewerNew(void);

void
libxlDeviceModelIoreqViewerFree(libxlDeviceModelIoreqViewer *viewer);

libxlDeviceModelIoreqLookResult
libxlDeviceModelIoreqLook(const libxlDeviceModelIoreqViewer *viewer,
                          const libxlDeviceModelIoreq *ioreq,
                          unsigned int vcpus,
                          libxlDeviceModelIoreqPending *pending);

int
libxlDeviceModelIoreqRelease(const libxlDeviceModelIoreq *ioreq,
                             libxlDeviceModelIoreqResult *result);

int
libxlDeviceModelIoreqLowerInterrupts(const libxlDeviceModelIoreq *ioreq,
                                     libxlDeviceModelIoreqResult *result);

int
libxlDeviceModelIoreqCheckServer(const libxlDeviceModelIoreq *ioreq,
                                 libxlDeviceModelIoreqResult *result);

int
libxlDeviceModelIoreqCopyReady(const libxlDeviceModelIoreq *ioreq,
                               ioreq_t *ready,
                               unsigned int max,
                               unsigned int *nready,
                               libxlDeviceModelIoreqResult *result);

int
libxlDeviceModelIoreqHold(const libxlDeviceModelIoreq *ioreq,
                          libxlDeviceModelIoreqResult *result);

int
libxlDeviceModelIoreqReleaseOthers(unsigned int domid,
                                   unsigned int keep,
                                   libxlDeviceModelIoreqResult *result);

int
libxlDeviceModelIoreqWake(unsigned int domid,
                          libxlDeviceModelIoreqResult *result);
