#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Have as many tasks as secondaries can have that somebody took over, and sleep.

usage: tasks.py UNIT LIMIT UID...

Each user id gets a process in the unit's control group, which has threads up to the
limit of processes that a secondary has.  Says how many tasks there are in the end."""

import os
import resource
import signal
import sys
import threading
import time


def fill(uid, limit):
    """Become the user, and start threads until there can be no more."""
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    threading.stack_size(65536)
    try:
        while True:
            threading.Thread(target=time.sleep, args=(900,), daemon=True).start()
    except RuntimeError:
        pass


def main():
    """Start the processes, one after the other."""
    unit, limit, *uids = sys.argv[1:]
    # of a process that is killed nothing stays
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    group = f"/sys/fs/cgroup/system.slice/{unit}"
    with open(f"{group}/cgroup.procs", "w", encoding="ascii") as procs:
        procs.write(str(os.getpid()))
    for uid in uids:
        ready, told = os.pipe()
        try:
            child = os.fork()
        except BlockingIOError:
            break  # the unit may have no more
        if child == 0:
            fill(int(uid), int(limit))
            os.write(told, b"1")
            time.sleep(900)
            os._exit(0)
        os.close(told)
        os.read(ready, 1)
        os.close(ready)
    with open(f"{group}/pids.current", encoding="ascii") as count:
        print(f"tasks: {count.read().strip()}", flush=True)
    time.sleep(900)


main()
