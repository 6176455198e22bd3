/*
 * libxl_devicemodel_hang.h: finds secondaries that hang, and ends them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A secondary hangs when nothing says for longer than its limit (<failure limit=''/>)
 * that it is well.  At each look, once a second, it is well if
 *
 *  none of the guest's requests is pending, or another than at the look before, and the
 *  process is not stopped (state T), or has used the processor since the look before that
 *  found it stopped, too.  That costs the guest nothing, and the daemon one file and one
 *  mapping; an idle secondary is never asked anything.
 *
 * Where the same request is pending in two looks or more, for a third of the limit, it is
 * asked over QMP, once, and well if
 *
 *  it has answered                        QEMU answers both from the same thread
 *  a thread of its process waits for the  libxl_devicemodel_activity.h: QEMU's main loop
 *  host's storage or memory               stands still while it drains a disk, and serves
 *                                         neither QMP nor the guest, however long the
 *                                         disk takes.  To kill it would turn a slow disk
 *                                         into one that is lost
 *  it has no processor                    others have it: it has work to do, and got less
 *                                         than a tenth of the time
 *  a debugger has it                      somebody wants it to stand still
 *  the look itself came late              then so may have its answer
 *
 * Its time starts anew then.  So a process that spins, waits for itself, or for somebody
 * other than the host's storage, is found; one that waits for a disk never is, and the
 * guest waits for the disk as it would on any machine.
 *
 * QMP has one client at a time.  While a change talks with a secondary over QMP
 * (libxl_devicemodel_update.h) no question is put: the change begins with one, whose
 * answer counts.  One that does not answer is killed only once it has been silent for as
 * long as a change may take, beyond its limit.  A question is not put again before it is
 * answered or refused, because QEMU keeps few that wait.  It is over when QEMU's end of the
 * connection is closed, when much comes over it that is no answer, or when the process ends.
 *
 * One that hangs is killed, by its pidfd.  Whoever watches it (libxl_devicemodel_watch.h)
 * does the rest, as for any death, with the reason that libxlDeviceModelKillHung leaves.
 *
 * What the secondary could say that is not so
 *
 *  that it is well   it answers QMP, or has a thread that waits or runs, and does not
 *                    serve the guest; the guest hangs, as with any device that is not
 *                    well-meant, and only this guest
 *  that it hangs     its own end, which it has by kill(2), too
 *  a great deal      what its threads do is read where it decides, of some hundreds of
 *                    them at most; what it says over QMP, as libxl_devicemodel_monitor.h
 *                    has it
 *  of another        secondaries of the same guest may map each other's requests: one
 *                    could show a request that is pending, but the other answers QMP
 *
 * A look is taken in the event loop, which waits for nothing there.  One that cannot be
 * taken, as the daemon has no file left, is one that comes late.  The list of those
 * that are looked at has a mutex, which is taken after the lock of the domain where both
 * are; of other locks only the one of libxlDeviceModelKillHung is taken inside.
 */

#pragma once

#include "libxl_devicemodel_activity.h"
#include "libxl_devicemodel_ioreq.h"
#include "libxl_devicemodel_process.h"

/* What a look has seen.  All times are in microseconds, monotonic. */
typedef struct _libxlDeviceModelHangLook libxlDeviceModelHangLook;
struct _libxlDeviceModelHangLook {
    gint64 when;
    libxlDeviceModelIoreqLookResult request;
    libxlDeviceModelActivity activity;
    bool changes; /* a change talks with it */
    bool answered; /* over QMP, since the last look */
    bool unasked; /* the question could not be put, for a reason that is ours */
};

/* What is remembered between looks. */
typedef struct _libxlDeviceModelHang libxlDeviceModelHang;
struct _libxlDeviceModelHang {
    gint64 limit; /* it hangs after that long */
    gint64 well; /* when it last was */
    gint64 last; /* when it was last looked at */
    gint64 asked; /* when it was, since it was well; 0 for not yet */
    unsigned long long used; /* processor time at the last look */
    bool stopped; /* likewise */
};

typedef enum {
    LIBXL_DEVICE_MODEL_HANG_NO = 0,
    LIBXL_DEVICE_MODEL_HANG_ASK, /* it may hang, and is to be asked */
    LIBXL_DEVICE_MODEL_HANG_YES,
} libxlDeviceModelHangVerdict;

libxlDeviceModelHangVerdict
libxlDeviceModelHangJudge(libxlDeviceModelHang *hang,
                          const libxlDeviceModelHangLook *look);

void
libxlDeviceModelHangWatch(libxlDeviceModel *dm,
                          unsigned int vcpus,
                          unsigned int limit);

bool
libxlDeviceModelHangIsWatched(const libxlDeviceModel *dm);

void
libxlDeviceModelHangUnwatch(const libxlDeviceModel *dm);
