/*
 * libxl_devicemodel_process.h: the process of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * States of a libxlDeviceModel
 *
 *  starting  it has an identity; there may be a process that registers its devices
 *            with Xen, but none that serves them
 *  running   its process was found to be in its scope and to serve its devices
 *  failed    it was running, and its process has ended by itself; the guest was freed
 *            of it, or is held for some seconds (libxlDeviceModelHeld).  How often, when
 *            and why is in the definition of the device model
 *            (virDomainDeviceModelFailure), which is in the status file, too
 *  ending    it is not to serve them any more; its process, or what else runs under
 *            its uid or in its cgroup, may not have ended yet
 *  ended     nothing runs for it; files, taps and entries in xenstore may be left
 *
 * The state is what the driver has brought about and goes by.  Whether a process
 * that was running still lives is for libxlDeviceModelIsAlive to say.
 *
 * The primary of a domain is one of them, too, with the id 0: it is libxl's, which
 * starts and ends it, so that it is running or failed, and has a process and nothing
 * else that is said here.
 *
 * New ones are starting.  What leads to running is in libxl_devicemodel_start.h,
 * and libxlDeviceModelEndAll leads from any state to ended, or to ending where that
 * does not succeed.  Of one that has ended, libxlDeviceModelRemoveFiles removes the
 * files.  The state is in the status file: a later daemon finds the process of one
 * that was running with libxlDeviceModelReopen, where it still lives.
 *
 * A process is a child of the daemon that started it, so that it can be read how it
 * ended, and is in a session of its own, so that it outlives that daemon.  Then it is
 * init's, and how it ended is init's to know.  Whatever sees that it has ended reaps
 * it: a zombie would have its uid, and be taken for something that still runs.
 *
 * A later daemon knows a process by the lock that it holds on its pid file.  It takes the
 * lock before the emulator is executed in it, with a descriptor that it cannot
 * write to, since the file is on a file system that the host must not be without.
 * A daemon that cannot look, for want of a file, say, takes it for one that lives, and
 * looks again (libxlDeviceModelWatch).
 * An emulator that was taken over can give the lock up, and its process is then
 * taken for one that has ended: what it holds and may do is no more for that, and
 * it ends with its domain all the same, by its uid and in its cgroup.
 *
 * A libxlDeviceModel is an object with references.  One is that of the list in the
 * domain's private data, which gives it up when nothing is left of the device
 * model; another belongs to whoever works on it with the domain unlocked, and keeps
 * the memory, nothing more.  The process is closed with the last one, and lives on:
 * who wants it to end calls libxlDeviceModelEndAll.
 *
 * It has a mutex, which orders what frees the guest of a process that has ended, for
 * which nobody waits for the job of the domain, against the end of the domain.
 * It is taken after the lock of the domain where both are, for a short time: while the
 * guest is freed, or a process is made that signals what runs under the uid, which is
 * some tens of milliseconds, and 200 at most where Xen does.  The state is read and
 * changed with it; the functions here that take it say so, the others need it not.
 *
 * Nothing here knows a domain object.  libxlDeviceModelEndAll waits and must not
 * be called with a domain locked; that no two threads use one device model is
 * ensured by the domain's job, which a reference does not stand in for.  One that
 * is running, and in the domain's list, can be looked at with the domain locked and
 * no job: it changes only once it was taken out of there.
 */

#pragma once

#include <sys/types.h>

#include "internal.h"
#include "libxl_devicemodel_throttle.h"
#include "virenum.h"
#include "virobject.h"

/* How long a device model is talked with for one change.  One that runs answers
 * at once; whoever else wants the job, to end the domain, waits for it for 30 s
 * (VIR_JOB_WAIT_TIME in conf/virdomainjob.c). */
#define LIBXL_DEVICE_MODEL_UPDATE_MS (20 * 1000)

/* The states are explained above. */
typedef enum {
    LIBXL_DEVICE_MODEL_STATE_STARTING = 0,
    LIBXL_DEVICE_MODEL_STATE_RUNNING,
    LIBXL_DEVICE_MODEL_STATE_FAILED,
    LIBXL_DEVICE_MODEL_STATE_ENDING,
    LIBXL_DEVICE_MODEL_STATE_ENDED,

    LIBXL_DEVICE_MODEL_STATE_LAST
} libxlDeviceModelState;

VIR_ENUM_DECL(libxlDeviceModelState);

/* How a process ended. */
typedef enum {
    LIBXL_DEVICE_MODEL_END_NONE = 0, /* it runs, or this daemon never knew it */
    LIBXL_DEVICE_MODEL_END_UNKNOWN, /* it was no child of this daemon */
    LIBXL_DEVICE_MODEL_END_EXITED,
    LIBXL_DEVICE_MODEL_END_KILLED,
} libxlDeviceModelEnd;

/* A process, whoever has its pid by now. */
typedef struct _libxlDeviceModelProcess libxlDeviceModelProcess;
struct _libxlDeviceModelProcess {
    pid_t pid; /* -1 for none */
    int pidfd; /* likewise */
    libxlDeviceModelEnd end; /* of the last one */
    int status; /* with which it exited, or signal that killed it */
    bool ranOut; /* it was killed for want of memory */
};

/* What is left in Xen of one that has failed. */
typedef enum {
    LIBXL_DEVICE_MODEL_HELD_NO = 0, /* nothing: the guest was freed */
    LIBXL_DEVICE_MODEL_HELD_YES, /* its ioreq server, so that who waits for it goes on with the
                                    process that takes its place */
    LIBXL_DEVICE_MODEL_HELD_SWAPPED, /* it is being replaced, and the guest about to be freed */
    LIBXL_DEVICE_MODEL_HELD_CUT, /* who waits for it, while others may have lost what they asked
                                    for: its server was disabled, or is gone */
    LIBXL_DEVICE_MODEL_HELD_RAISED, /* likewise, and its interrupts: it was never held, and cannot
                                       be freed yet */
} libxlDeviceModelHeld;

typedef struct _libxlDeviceModel libxlDeviceModel;
struct _libxlDeviceModel {
    virObjectLockable parent;

    unsigned int domid;
    unsigned int id;
    uid_t uid; /* of whatever runs for it; 0 for nothing */
    libxlDeviceModelState state;
    char *name;
    char *pidfile;
    char *socket; /* of its QMP server */
    char *registers; /* what the guest has written into them, or NULL for one that does
                        not remember it */
    char *cgroup; /* its name: libxl_devicemodel_limits.h */

    libxlDeviceModelProcess process;
    bool unknown; /* whether it has a process: that could not be looked for */
    int watch; /* of the event loop, on the process; -1 for none */
    int changes; /* how many talk with it over QMP to change something; atomic */
    int answers; /* how often it was found to answer over QMP; atomic */
    unsigned int hung; /* for how many seconds, when it was killed for that */
    bool pending; /* it has failed, and what its definition wants then is still to be done */
    bool left; /* and nobody does that, as the guest was suspended */
    bool saves; /* its scope library lets it send its state, unlike that of an earlier libvirt */
    bool holds; /* the guest is left waiting when it fails, until another process serves it */
    unsigned int holdTime; /* for so many seconds at most; 0 for not at all */
    libxlDeviceModelHeld held; /* changes with the mutex, as the state does */
    gint64 heldUntil; /* at the latest; in terms of g_get_monotonic_time */
    bool restarting; /* another process is being started in its place */
    bool successor; /* it took the place of another, and is to be watched */
    libxlDeviceModelThrottle throttle;
    unsigned int ioservid; /* of its ioreq server, once it runs */
    unsigned int slots; /* bits 1 << PCI slot: whose interrupts are its own */
    unsigned int irqs; /* bits 1 << ISA interrupt: likewise */
    size_t ntaps;
    unsigned int *taps; /* numbers of the host's interfaces that were made for it */
};

unsigned long long
libxlDeviceModelTimeLeft(gint64 deadline);

bool
libxlDeviceModelProcessWait(const libxlDeviceModelProcess *process,
                            gint64 deadline);

libxlDeviceModel *
libxlDeviceModelNewEmpty(void);

libxlDeviceModel *
libxlDeviceModelNew(const char *stateDir,
                    unsigned int domid,
                    unsigned int id,
                    const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(libxlDeviceModel, virObjectUnref);

libxlDeviceModel *
libxlDeviceModelNewPrimary(const char *stateDir,
                           unsigned int domid,
                           const char *name,
                           pid_t pid);

int
libxlDeviceModelProcessGetEmulator(pid_t pid,
                                   unsigned int domid,
                                   char **emulator);

void
libxlDeviceModelSetState(libxlDeviceModel *dm,
                         libxlDeviceModelState state);

libxlDeviceModelState
libxlDeviceModelGetState(libxlDeviceModel *dm);

bool
libxlDeviceModelHasServer(libxlDeviceModel *dm);

libxlDeviceModel *
libxlDeviceModelListFindRunning(libxlDeviceModel **dms,
                                size_t ndms,
                                unsigned int domid,
                                unsigned int id);

int
libxlDeviceModelIdentify(const libxlDeviceModel *dm);

int
libxlDeviceModelOpen(libxlDeviceModel *dm,
                     pid_t pid);

int
libxlDeviceModelReopen(libxlDeviceModel *dm);

bool
libxlDeviceModelIsAlive(const libxlDeviceModel *dm);

bool
libxlDeviceModelKillHung(libxlDeviceModel *dm,
                         unsigned int seconds);

char *
libxlDeviceModelDescribeEnd(libxlDeviceModel *dm);

void
libxlDeviceModelEndAll(libxlDeviceModel **dms,
                       size_t ndms);

bool
libxlDeviceModelKillAll(libxlDeviceModel *dm,
                        gint64 deadline);

bool
libxlDeviceModelKillRest(libxlDeviceModel *dm);

bool
libxlDeviceModelHasEnded(libxlDeviceModel *dm);

bool
libxlDeviceModelRemoveFiles(const libxlDeviceModel *dm);
