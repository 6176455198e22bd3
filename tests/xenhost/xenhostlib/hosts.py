# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several emulated hosts at once, which work off one list of tasks.

Each host belongs to a process of its own, which boots it, gets one task after the
other through a pipe, and shuts it down when there is none left, or when its pipe
ends because this process has died. Only this process gets the signals of a terminal;
it ends the others, and waits until they have cleaned up."""

import math
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time

from .common import Progress, XenHostError
from .machine import XenHost

# What the process of a host tells: it wants a task, it has something to say about its
# task, its task has an outcome, it cannot go on.
READY, NOTE, DONE, BROKEN = range(4)


def end_on_signal():
    """End this process, with all its clean-up, on the first signal that asks for it."""
    def end(number, _):
        for other in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)
        sys.exit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def _serve(pipe, others, host, work):
    """Work off the tasks that come through @pipe on @host: the process of one host.

    @others are the ends of pipes that it has inherited.  A pipe ends when nobody has
    its other end any more."""
    for other in others:
        other.close()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_on_signal()
    try:
        with host:
            pipe.send((READY, None))
            for task in iter(pipe.recv, None):
                pipe.send((DONE, work(host, task, lambda text: pipe.send((NOTE, text)))))
    except XenHostError as error:
        pipe.send((BROKEN, str(error)))
    except (EOFError, BrokenPipeError):
        pass  # nobody is left to tell


class _Worker:
    """This process's side of one host's process.

    It boots first, then it is idle, or has a task, until it is told to end."""

    def __init__(self, host, work, workers):
        """@workers are those that there are already."""
        self.name = host.name
        self.idle = False
        self.task = None
        self.ending = False
        self.pipe, far_end = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(
            target=_serve,
            args=(far_end, [self.pipe] + [worker.pipe for worker in workers], host, work))
        self.process.start()
        far_end.close()

    def give(self, task):
        """Give a task, or None: there is none left."""
        self.idle = False
        self.task = task
        self.ending = task is None
        try:
            self.pipe.send(task)
        except BrokenPipeError:
            pass  # which receive() will say

    def receive(self):
        """Return what the process tells, the last thing being that it is BROKEN, with
        the reason, or None if it was told to end."""
        try:
            kind, value = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            kind, value = BROKEN, None
        if kind == BROKEN:
            self.process.join()
            if not value and (not self.ending or self.process.exitcode):
                value = f"the process of the host '{self.name}' ended with status {self.process.exitcode}"
        self.idle = kind in (READY, DONE)
        return kind, value


def named(libvirt, name, count):
    """Return @count hosts with the @libvirt, the first of which has the name."""
    names = [name] + [f"{name}-{number}" for number in range(2, count + 1)]
    return [XenHost(libvirt, name, progress=Progress(f"{name}: " if count > 1 else ""))
            for name in names]


class Hosts:
    """Works off tasks on several hosts.

    @work(host, task, say) does a task, may say() something meanwhile, and returns its
    outcome; it is called in the process of its host. @report has the functions
    begun(task, host), said(task, host, text), done(task, host, outcome) and
    lost(task, host, reason), in which a host is a name; the task of a host that is lost
    is None if it had none.  What has not begun by the monotonic time @until is late."""

    def __init__(self, hosts, work, report, until=math.inf):
        self.hosts = hosts
        self.work = work
        self.report = report
        self.until = until
        self.late = []
        self.workers = []

    def run(self, tasks, alone):
        """Do @tasks, in their order, and then those of @alone, each while no other is done.

        Returns the tasks that no host was left for."""
        tasks, alone = list(tasks), list(alone)
        # more hosts than tasks would boot for nothing
        hosts = self.hosts[:max(1, len(tasks))]
        try:
            for host in hosts:
                self.workers.append(_Worker(host, self.work, self.workers))
            while self.workers:
                ready = multiprocessing.connection.wait([worker.pipe for worker in self.workers])
                for worker in [worker for worker in self.workers if worker.pipe in ready]:
                    self._hear(worker)
                for worker in [worker for worker in self.workers if worker.idle]:
                    self._give(worker, tasks, alone)
        finally:
            self._end()
        return tasks + alone

    def _hear(self, worker):
        """Report what @worker tells."""
        kind, value = worker.receive()
        if kind == NOTE:
            self.report.said(worker.task, worker.name, value)
        elif kind == DONE:
            self.report.done(worker.task, worker.name, value)
        elif kind == BROKEN:
            self.workers.remove(worker)
            if value:
                self.report.lost(worker.task, worker.name, value)

    def _give(self, worker, tasks, alone):
        """Give @worker, which is idle, a task, let it wait until it is alone, or end it."""
        if time.monotonic() > self.until:
            self.late += tasks + alone
            tasks.clear()
            alone.clear()
        others = [other for other in self.workers if other is not worker]
        if tasks or (alone and not others):
            task = (tasks or alone).pop(0)
            self.report.begun(task, worker.name)
            worker.give(task)
        elif not alone or not all(other.ending for other in others):
            worker.give(None)

    def _end(self):
        """End what is left of the processes, and wait until they have cleaned up."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join()
        signal.signal(signal.SIGINT, before)
