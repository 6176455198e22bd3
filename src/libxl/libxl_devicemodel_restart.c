/*
 * libxl_devicemodel_restart.c: another process takes the place of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <signal.h>

#include "libxl_devicemodel_restart.h"

#include "domain_devicemodel.h"
#include "libxl_devicemodel_domain.h"
#include "libxl_devicemodel_net.h"
#include "libxl_devicemodel_privilege.h"
#include "libxl_devicemodel_qmp.h"
#include "libxl_devicemodel_registers_file.h"
#include "libxl_devicemodel_release.h"
#include "libxl_devicemodel_replay.h"
#include "libxl_devicemodel_spawn.h"
#include "libxl_devicemodel_status.h"
#include "libxl_devicemodel_xenstore.h"
#include "libxl_domain.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_restart");

/* For one try, from what ends before it on.  Who wants the job of the domain meanwhile waits
 * for it for 30 s (VIR_JOB_WAIT_TIME in conf/virdomainjob.c). */
#define LIBXL_DEVICE_MODEL_RESTART_MS (20 * 1000)

/* For how long a process is told what the guest has written, until it serves its devices, where
 * the guest is not held: it may wait all the same. */
#define LIBXL_DEVICE_MODEL_RESTART_BEGIN_MS (5 * 1000)

/* How often a process is told at most of registers that the guest writes meanwhile. */
#define LIBXL_DEVICE_MODEL_RESTART_TELL_MAX 4

/* How often it is looked whether the guest has closed the latch of a serial port, and after
 * what time each; and for how long the process is told then. */
#define LIBXL_DEVICE_MODEL_RESTART_LATCH_MAX 100
#define LIBXL_DEVICE_MODEL_RESTART_LATCH_US (10 * 1000)
#define LIBXL_DEVICE_MODEL_RESTART_LATCH_MS (3 * 1000)

/* For how long the guest waits for the end of a new process that was killed. */
#define LIBXL_DEVICE_MODEL_RESTART_KILL_MS 1000


/* Sets @refusal to why it is not restarted, which belongs to nobody, or to NULL.  A file of
 * registers that is not there, or is none, stays so; what else there is of failures may be over
 * at the next try.  Returns 0, or -1 with an error where that has to be tried. */
static int
libxlDeviceModelRestartDecide(const libxlDeviceModel *dm,
                              libxlDeviceModelStarting *starting,
                              const char **refusal)
{
    if ((*refusal = libxlDeviceModelReplayRefusal(starting->config)))
        return 0;

    *refusal = _("what the guest has written into its registers is not known");
    starting->before = g_new0(libxlDeviceModelRegisters, 1);
    if (!dm->registers)
        return 0;

    if (libxlDeviceModelRegistersRead(dm->registers, starting->before) < 0)
        return virLastErrorIsSystemErrno(0) && !virLastErrorIsSystemErrno(ENOENT) ? -1 : 0;

    if (!(starting->replay = libxlDeviceModelReplayPlan(starting->config, starting->before)))
        return 0;

    *refusal = NULL;
    return 0;
}


/* The placement of a definition is always the same. */
static libxlDeviceModelStarting *
libxlDeviceModelRestartPrepare(libxlDriverConfig *cfg,
                               virDomainObj *vm,
                               const libxlDeviceModel *dm)
{
    g_autoptr(libxlDeviceModelPlacement) placement = libxlDeviceModelPlacementNew(vm->def);
    size_t i;

    for (i = 0; placement && i < placement->nsecondaries; i++) {
        if (placement->secondaries[i].id == dm->id)
            return libxlDeviceModelPrepareStart(cfg, vm, &placement->secondaries[i]);
    }

    return NULL;
}


/* Another secondary that has ended may have had the number of the new process's server before,
 * and given it back.  As long as it is taken for running, it is found as its owner; afterwards
 * the server may have been destroyed in its name. */
static int
libxlDeviceModelRestartCheckServer(virDomainObj *vm,
                                   const libxlDeviceModel *started)
{
    if (libxlDeviceModelCheckOwner(vm, started) < 0)
        return -1;

    if (!libxlDeviceModelCheckServer(started)) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s' reports ioreq server %2$u, which Xen does not have"),
                       started->name, started->ioservid);
        return -1;
    }

    return 0;
}


/* What may have changed while the domain was unlocked. */
static int
libxlDeviceModelRestartCheck(libxlDriverConfig *cfg,
                             virDomainObj *vm,
                             libxlDeviceModel *dm,
                             const libxlDeviceModel *started)
{
    if (libxlDeviceModelRestartCheckServer(vm, started) < 0)
        return -1;

    if (!libxlDeviceModelIsFailed(vm, dm) || !libxlDeviceModelsDomainLives(cfg, vm->def)) {
        libxlDeviceModelsDomainReportEnded(vm->def);
        return -1;
    }

    return 0;
}


static int
libxlDeviceModelRestartUnplug(virDomainObj *vm,
                              libxlDeviceModel *dm)
{
    libxlDeviceModelNetDisconnect(vm->def, dm);

    if (!libxlDeviceModelNetDelete(dm)) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("device model '%1$s': its interfaces on the host cannot be deleted"),
                       dm->name);
        return -1;
    }

    dm->ntaps = 0;
    return 0;
}


/* Free the guest of one that it is held for, if it is. */
static int
libxlDeviceModelRestartRelease(libxlDeviceModel *predecessor)
{
    if (libxlDeviceModelReleaseHeld(predecessor))
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s': the guest cannot be freed of the process that has ended"),
                   predecessor->name);
    return -1;
}


/* The guest may have been freed since the file was read, and what it takes for written is in it
 * then (libxlDeviceModelLimitHold).  With the lock, that is so before the file is read again, or
 * comes to the new one. */
static int
libxlDeviceModelRestartRemember(libxlDeviceModelStarting *starting,
                                libxlDeviceModel *predecessor)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(predecessor);

    if (libxlDeviceModelRegistersRead(predecessor->registers, starting->before) < 0)
        return -1;

    libxlDeviceModelReplayGuard(starting->config, starting->before);
    return libxlDeviceModelRegistersCreate(starting->dm->registers, starting->before);
}


/* A guest that is not held, or not any more, may have lost what it has written meanwhile.
 * What it was freed of since is in the file of the new process.  A daemon that leaves has freed
 * the guest, or kills a process that swaps, and may end before another was told all. */
static int
libxlDeviceModelRestartBegin(libxlDeviceModelStarting *starting,
                             libxlDeviceModel *predecessor,
                             gint64 *deadline)
{
    gint64 last = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_RESTART_BEGIN_MS * 1000;

    starting->swaps = libxlDeviceModelBeginSwap(predecessor, deadline);
    if (libxlDeviceModelsAreLeaving()) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("the daemon ends"));
        return -1;
    }

    if (starting->swaps)
        return 0;

    *deadline = MIN(*deadline, last);

    /* its server must not be enabled any more when the other's is */
    if (libxlDeviceModelRestartRelease(predecessor) < 0)
        return -1;

    if (libxlDeviceModelRegistersRead(starting->dm->registers, starting->before) < 0)
        return -1;

    libxlDeviceModelReplayRefuse(starting->config, starting->before);
    libxlDeviceModelReplayAssume(starting->config, starting->before);
    g_strfreev(starting->replay);
    if (!(starting->replay = libxlDeviceModelReplayPlan(starting->config, starting->before)))
        return -1;

    return libxlDeviceModelRegistersWriteBack(starting->dm->registers, starting->before);
}


/* Tell the new process what the old one has not looked at. */
static int
libxlDeviceModelRestartReplayLate(const libxlDeviceModelStarting *starting,
                                  libxlDeviceModelMonitor *mon,
                                  const ioreq_t *ready,
                                  unsigned int nready,
                                  unsigned int *commanded,
                                  gint64 deadline)
{
    unsigned int i;

    for (i = 0; i < nready; i++) {
        g_auto(GStrv) commands = NULL;
        libxlDeviceModelWrite write;

        if (!libxlDeviceModelWriteInit(&write, &ready[i]) ||
            libxlDeviceModelRegistersHaveNoted(starting->before, ready[i].vp_eport, &write))
            continue;

        write.data = libxlDeviceModelRegistersFilter(starting->before, &write);
        *commanded |= libxlDeviceModelWriteGetCommanded(&write);

        if (!(commands = libxlDeviceModelReplayLate(starting->config, starting->before, &write)) ||
            libxlDeviceModelQMPHumanCommands(mon, commands, deadline) < 0 ||
            (commands[0] &&
             libxlDeviceModelRegistersAmend(starting->dm->registers, ready[i].vp_eport, &write) < 0))
            return -1;
    }

    return 0;
}


/* Tell the process what the guest has changed since @told, which becomes what it knows then.
 * Sets @more to whether there was something. */
static int
libxlDeviceModelRestartTellAgain(const libxlDeviceModelStarting *starting,
                                 libxlDeviceModelMonitor *mon,
                                 libxlDeviceModelRegisters *told,
                                 bool *more,
                                 gint64 deadline)
{
    g_autofree libxlDeviceModelRegisters *now = g_new0(libxlDeviceModelRegisters, 1);
    g_auto(GStrv) commands = NULL;

    if (libxlDeviceModelRegistersRead(starting->dm->registers, now) < 0)
        return -1;

    commands = libxlDeviceModelReplayAgain(starting->config, told, now);
    *told = *now;
    *more = commands[0];
    return libxlDeviceModelQMPHumanCommands(mon, commands, deadline);
}


/* What is told may be overtaken by a guest that writes just then.  One that does so each time
 * writes again soon. */
static int
libxlDeviceModelRestartTellInterrupts(const libxlDeviceModelStarting *starting,
                                      libxlDeviceModelMonitor *mon,
                                      unsigned int commanded,
                                      libxlDeviceModelRegisters *told,
                                      gint64 deadline)
{
    g_auto(GStrv) commands = NULL;
    bool more;
    size_t i;

    if (libxlDeviceModelRegistersRead(starting->dm->registers, told) < 0)
        return -1;

    commands = libxlDeviceModelReplayInterrupts(starting->config, starting->before, told,
                                                commanded);
    more = commands[0];
    if (libxlDeviceModelQMPHumanCommands(mon, commands, deadline) < 0)
        return -1;

    for (i = 1; more && i < LIBXL_DEVICE_MODEL_RESTART_TELL_MAX; i++) {
        if (libxlDeviceModelRestartTellAgain(starting, mon, told, &more, deadline) < 0)
            return -1;
    }

    return 0;
}


/* A guest that was in the midst of a serial port's set-up goes on with it, as it was freed. */
static int
libxlDeviceModelRestartTellLatched(const libxlDeviceModelStarting *starting,
                                   libxlDeviceModelMonitor *mon,
                                   libxlDeviceModelRegisters *told)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_RESTART_LATCH_MS * 1000LL;
    bool more = false;
    size_t i;

    for (i = 0; i < LIBXL_DEVICE_MODEL_RESTART_LATCH_MAX &&
         (more || libxlDeviceModelReplayIsLatched(starting->config, told)); i++) {
        g_usleep(LIBXL_DEVICE_MODEL_RESTART_LATCH_US);
        if (libxlDeviceModelRestartTellAgain(starting, mon, told, &more, deadline) < 0)
            return -1;
    }

    return 0;
}


/* The domain is not locked.  The guest goes on when the process was told all. */
static int
libxlDeviceModelRestartSwap(const libxlDeviceModelStarting *starting,
                            libxlDeviceModel *predecessor,
                            libxlDeviceModelMonitor *mon,
                            libxlDeviceModelRegisters *told,
                            gint64 deadline)
{
    g_autofree ioreq_t *ready = g_new0(ioreq_t, LIBXL_DEVICE_MODEL_READY_MAX);
    unsigned int nready = 0;
    unsigned int commanded = 0;

    if (libxlDeviceModelCopyHeld(predecessor, ready, LIBXL_DEVICE_MODEL_READY_MAX, &nready) < 0 ||
        libxlDeviceModelRestartReplayLate(starting, mon, ready, nready, &commanded, deadline) < 0 ||
        libxlDeviceModelRestartTellInterrupts(starting, mon, commanded, told, deadline) < 0)
        return -1;

    return libxlDeviceModelRestartRelease(predecessor);
}


static int
libxlDeviceModelRestartEnd(const libxlDeviceModelStarting *starting,
                           libxlDeviceModel *predecessor,
                           libxlDeviceModelMonitor *mon,
                           gint64 deadline)
{
    g_autofree libxlDeviceModelRegisters *told = g_new0(libxlDeviceModelRegisters, 1);
    int rc;

    rc = starting->swaps ? libxlDeviceModelRestartSwap(starting, predecessor, mon, told, deadline)
                         : libxlDeviceModelRestartTellInterrupts(starting, mon, 0, told, deadline);

    return rc < 0 ? -1 : libxlDeviceModelRestartTellLatched(starting, mon, told);
}


static const libxlDeviceModelSuccession libxlDeviceModelRestartSuccession = {
    .remember = libxlDeviceModelRestartRemember,
    .begin = libxlDeviceModelRestartBegin,
    .end = libxlDeviceModelRestartEnd,
};


static int
libxlDeviceModelRestartSpawn(libxlDriverConfig *cfg,
                             virDomainObj *vm,
                             libxlDeviceModel *dm,
                             libxlDeviceModelStarting *starting,
                             gint64 deadline)
{
    int rc;

    virObjectUnlock(vm);
    rc = libxlDeviceModelPrivilegePrepare(starting->privilege, starting->config->emulator);
    virObjectLock(vm);

    if (rc < 0)
        return -1;

    starting->dm->uid = starting->privilege->uid;
    starting->succession = &libxlDeviceModelRestartSuccession;
    starting->predecessor = dm;
    if (libxlDeviceModelSpawnOne(cfg, vm, starting, deadline) < 0)
        return -1;

    virObjectUnlock(vm);
    rc = libxlDeviceModelAwait(starting, deadline);
    virObjectLock(vm);

    if (rc < 0 || libxlDeviceModelRestartCheck(cfg, vm, dm, starting->dm) < 0)
        return -1;

    return libxlDeviceModelXenstoreAdd(starting->dm);
}


/* What was killed runs none of its code any more, and may wait for the host all the same, for
 * a disk or a file system, as may what it has left.  The guest waits neither for that nor for
 * the old one then. */
static void
libxlDeviceModelRestartForsake(virDomainObj *vm,
                               libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);

    dm->restarting = false;
    libxlDeviceModelReleaseStarted(vm, dm);
    libxlDeviceModelAbandonSwap(dm);
    ignore_value(libxlDeviceModelReleaseHeld(dm));
}


/* The domain is not locked.  The new process is killed, so that it does not give back an ioreq
 * server that a vCPU waits for.  What does not run under its uid yet serves nobody. */
static void
libxlDeviceModelRestartKill(virDomainObj *vm,
                            libxlDeviceModel *dm,
                            const libxlDeviceModelStarting *starting)
{
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_RESTART_KILL_MS * 1000;
    libxlDeviceModel *started = starting->dm;
    bool forsakes = starting->swaps;

    if (starting->swaps)
        deadline = MIN(deadline, dm->heldUntil);

    if (started->uid != 0 && libxlDeviceModelPrivilegeSignal(started->uid, SIGKILL) > 0 &&
        !libxlDeviceModelProcessWait(&started->process, deadline))
        forsakes = true;

    if (forsakes)
        libxlDeviceModelRestartForsake(vm, dm);

    libxlDeviceModelEndAll(&started, 1);
}


/* A tap that is left is deleted with the old one. */
static void
libxlDeviceModelRestartUndo(virDomainObj *vm,
                            libxlDeviceModel *dm,
                            const libxlDeviceModelStarting *starting)
{
    libxlDeviceModel *started = starting->dm;
    virErrorPtr save_err;

    virErrorPreserveLast(&save_err);

    virObjectUnlock(vm);
    libxlDeviceModelRestartKill(vm, dm, starting);
    virObjectLock(vm);

    libxlDeviceModelNetDisconnect(vm->def, started);
    if (!libxlDeviceModelNetDelete(started)) {
        g_free(dm->taps);
        dm->taps = g_steal_pointer(&started->taps);
        dm->ntaps = started->ntaps;
        started->ntaps = 0;
    }

    virErrorRestore(&save_err);
}


/* What waited for the end of the old one is gone with its process, or goes with the next look
 * (libxl_devicemodel_hang.h). */
static void
libxlDeviceModelRestartReplace(virDomainObj *vm,
                               libxlDeviceModel *dm,
                               libxlDeviceModelStarting *starting)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i = 0;

    while (priv->devicemodels[i] != dm)
        i++;

    starting->dm->throttle = dm->throttle;
    libxlDeviceModelSetState(starting->dm, LIBXL_DEVICE_MODEL_STATE_RUNNING);
    starting->dmdef->state = VIR_DOMAIN_DEVICE_MODEL_STATE_RUNNING;
    libxlDeviceModelShowTTYs(vm->def, starting);

    /* the number of its ioreq server may be another's soon */
    libxlDeviceModelSetState(dm, LIBXL_DEVICE_MODEL_STATE_ENDED);
    virObjectUnref(priv->devicemodels[i]);
    priv->devicemodels[i] = virObjectRef(starting->dm);
    starting->dm->successor = true;
}


static void
libxlDeviceModelRestartRecord(libxlDriverPrivate *driver,
                              virDomainObj *vm,
                              const libxlDeviceModel *dm,
                              const char *state)
{
    if ((state && libxlDeviceModelXenstoreSetState(dm, state) < 0) ||
        libxlDeviceModelsRecord(driver, vm) < 0) {
        VIR_WARN("cannot record that device model '%s' of domain '%s' is restarted: %s",
                 dm->name, vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}


/* Whether a process was not told all when a guest that is held could not wait any longer, and
 * nothing else is against it.  The guest is free when the next one starts. */
static bool
libxlDeviceModelRestartRanOut(libxlDeviceModel *dm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(dm);

    return dm->held == LIBXL_DEVICE_MODEL_HELD_SWAPPED &&
           virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT;
}


/* Returns whether the new process serves the devices. */
static bool
libxlDeviceModelRestartOnce(libxlDriverPrivate *driver,
                            virDomainObj *vm,
                            libxlDeviceModel *dm,
                            libxlDeviceModelStarting *starting,
                            gint64 deadline)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    bool started;

    starting->dmdef->state = VIR_DOMAIN_DEVICE_MODEL_STATE_RESTARTING;
    libxlDeviceModelRestartRecord(driver, vm, dm, "restarting");

    dm->restarting = true;
    dm->throttle.restarted = g_get_monotonic_time();
    started = libxlDeviceModelRestartUnplug(vm, dm) == 0 &&
              libxlDeviceModelRestartSpawn(cfg, vm, dm, starting, deadline) == 0;

    if (started) {
        libxlDeviceModelRestartReplace(vm, dm, starting);
    } else {
        starting->dmdef->state = VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED;
        if (!libxlDeviceModelRestartRanOut(dm))
            libxlDeviceModelThrottleNoteEnd(&dm->throttle, g_get_monotonic_time());
        /* it must not serve a guest that was not told all */
        libxlDeviceModelRestartUndo(vm, dm, starting);
        ignore_value(libxlDeviceModelReleaseHeld(dm));
    }

    dm->restarting = false;
    return started;
}


static void
libxlDeviceModelRestartRefuse(libxlDriverPrivate *driver,
                              virDomainObj *vm,
                              libxlDeviceModel *dm,
                              const char *refusal)
{
    virDomainDeviceModelDef *dmdef = libxlDeviceModelGetDef(vm->def, dm);
    g_autofree char *reason = g_strdup_printf(_("not restarted: %1$s"), refusal);

    VIR_ERROR(_("device model '%1$s' of domain '%2$s' is not restarted: %3$s"),
              dm->name, vm->def->name, refusal);
    virResetLastError();

    ignore_value(libxlDeviceModelReleaseHeld(dm));
    dm->pending = false;
    dmdef->state = VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED;
    virDomainDeviceModelDefAddReason(dmdef, reason);
    libxlDeviceModelRestartRecord(driver, vm, dm, "failed");
}


/* Where only the guest can finish it, the live definition says so.  Its devices are away since
 * the failure, however often a start has failed since; and nobody knows how long before one that
 * no daemon has seen. */
static void
libxlDeviceModelRestartHint(const libxlDeviceModel *dm,
                            const libxlDeviceModelStarting *starting)
{
    long long away = g_get_real_time() - starting->dmdef->failure.last * G_USEC_PER_SEC;
    const char *hint;

    if (dm->process.end == LIBXL_DEVICE_MODEL_END_NONE)
        away = G_MAXINT64;

    hint = libxlDeviceModelReplayHint(starting->config, away);
    if (hint)
        virDomainDeviceModelDefAddReason(starting->dmdef, hint);
}


/* Nothing may run under the uid when another process gets it.  Returns whether that is so, or
 * else an error is set. */
static bool
libxlDeviceModelRestartClear(virDomainObj *vm,
                             libxlDeviceModel *dm)
{
    bool killed;

    virResetLastError();
    virObjectUnlock(vm);
    killed = libxlDeviceModelKillRest(dm);
    virObjectLock(vm);

    if (killed) {
        libxlDeviceModelReleaseOthers(vm, dm);
        libxlDeviceModelLowerInterrupts(dm);
    } else if (virGetLastErrorCode() == VIR_ERR_OK) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s",
                       _("what runs under its user id does not end"));
    }

    return killed;
}


/* Returns 0 where it was restarted or is not to be, or -1 with an error where that has to be
 * tried again. */
static int
libxlDeviceModelRestartTry(libxlDriverPrivate *driver,
                           virDomainObj *vm,
                           libxlDeviceModel *dm)
{
    g_autoptr(libxlDriverConfig) cfg = libxlDriverConfigGet(driver);
    g_autoptr(libxlDeviceModelStarting) starting = NULL;
    gint64 deadline = g_get_monotonic_time() + LIBXL_DEVICE_MODEL_RESTART_MS * 1000LL;
    bool cleared = libxlDeviceModelRestartClear(vm, dm);
    const char *refusal = NULL;

    if (libxlDeviceModelThrottleGetNext(&dm->throttle) < 0) {
        libxlDeviceModelRestartRefuse(driver, vm, dm,
                                      cleared ? _("its process ended too often")
                                              : _("what runs under its user id does not end"));
        return 0;
    }

    if (!cleared || !(starting = libxlDeviceModelRestartPrepare(cfg, vm, dm)) ||
        libxlDeviceModelRestartDecide(dm, starting, &refusal) < 0) {
        dm->throttle.restarted = g_get_monotonic_time();
        libxlDeviceModelThrottleNoteEnd(&dm->throttle, g_get_monotonic_time());
        return -1;
    }

    if (refusal) {
        libxlDeviceModelRestartRefuse(driver, vm, dm, refusal);
        return 0;
    }

    if (!libxlDeviceModelRestartOnce(driver, vm, dm, starting, deadline)) {
        libxlDeviceModelReleaseStarted(vm, dm);
        return -1;
    }

    VIR_WARN("device model '%s' of domain '%s' was restarted", dm->name, vm->def->name);
    libxlDeviceModelRestartHint(dm, starting);
    libxlDeviceModelRestartRecord(driver, vm, starting->dm, NULL);
    libxlDeviceModelReleaseOthers(vm, starting->dm);
    return 0;
}


/**
 * libxlDeviceModelRestart:
 * @driver: the driver
 * @vm: domain that lives, in a job of type modify
 * @dm: one of its secondaries, which has failed; it is late enough for the throttle
 *
 * Start another process in its place, or say in the live definition why not, as the header
 * says.  Unlocks @vm while it waits; the caller has the new process watched
 * (libxlDeviceModelWatchSuccessors) before it does.
 *
 * Returns whether it has to be tried again: the process has failed to start, or the host
 * lacked what it takes to decide that.
 */
bool
libxlDeviceModelRestart(libxlDriverPrivate *driver,
                        virDomainObj *vm,
                        libxlDeviceModel *dm)
{
    if (libxlDeviceModelRestartTry(driver, vm, dm) == 0)
        return false;

    VIR_ERROR(_("device model '%1$s' of domain '%2$s' failed to restart: %3$s"),
              dm->name, vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    return true;
}


/* The one that has failed, whose reference stays the list's, or NULL. */
static libxlDeviceModel *
libxlDeviceModelRestartFind(virDomainObj *vm,
                            const virDomainDeviceModelDef *dmdef)
{
    libxlDomainObjPrivate *priv = vm->privateData;
    size_t i;

    for (i = 0; i < priv->ndevicemodels; i++) {
        if (priv->devicemodels[i]->id == dmdef->id &&
            libxlDeviceModelIsFailed(vm, priv->devicemodels[i]))
            return priv->devicemodels[i];
    }

    return NULL;
}


/**
 * libxlDeviceModelRestartByHand:
 * @driver: the driver
 * @vm: running domain, in a job of type modify
 * @dmdef: definition of one of its secondaries
 *
 * Restart it once if it has failed, however often it did before, and however its definition
 * wants it.  Unlocks @vm while it waits; the caller has the new process watched as after
 * libxlDeviceModelRestart.
 *
 * Returns 0, or -1 with an error that names the device model.
 */
int
libxlDeviceModelRestartByHand(libxlDriverPrivate *driver,
                              virDomainObj *vm,
                              const virDomainDeviceModelDef *dmdef)
{
    g_autoptr(libxlDeviceModel) dm = virObjectRef(libxlDeviceModelRestartFind(vm, dmdef));

    if (dm) {
        dm->pending = true;
        memset(&dm->throttle, 0, sizeof(dm->throttle));
        if (libxlDeviceModelRestart(driver, vm, dm))
            libxlDeviceModelRestartRefuse(driver, vm, dm, _("its process failed to start"));
    }

    if (dmdef->state == VIR_DOMAIN_DEVICE_MODEL_STATE_RUNNING)
        return 0;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s' of domain '%2$s' is not restarted: %3$s"),
                   dmdef->name, vm->def->name, NULLSTR(dmdef->failure.reason));
    return -1;
}
