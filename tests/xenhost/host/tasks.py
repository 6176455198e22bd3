#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Have as many tasks as secondaries can have that somebody took over, and sleep.

usage: tasks.py UNIT LIMIT UID...

Each user id gets a process in the unit's control group, which has threads up to the
limit of processes that a secondary has.  Says how many tasks there are in the end,
and how many threads each has started."""

import os
import resource
import signal
import sys
import threading
import time


def fill(uid, limit):
    """Become the user, start threads until there can be no more, and return their number."""
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    threading.stack_size(65536)
    count = 0
    try:
        while True:
            threading.Thread(target=time.sleep, args=(900,), daemon=True).start()
            count += 1
    except RuntimeError:
        return count


def main():
    """Start the processes, one after the other."""
    unit, limit, *uids = sys.argv[1:]
    # of a process that is killed nothing stays
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    group = f"/sys/fs/cgroup/system.slice/{unit}"
    with open(f"{group}/cgroup.procs", "w", encoding="ascii") as procs:
        procs.write(str(os.getpid()))
    threads = []
    for uid in uids:
        ready, told = os.pipe()
        try:
            child = os.fork()
        except BlockingIOError:
            break  # the unit may have no more
        if child == 0:
            os.write(told, str(fill(int(uid), int(limit))).encode())
            time.sleep(900)
            os._exit(0)
        os.close(told)
        threads.append(os.read(ready, 16).decode() or "died")
        os.close(ready)
    with open(f"{group}/pids.current", encoding="ascii") as count:
        print(f"tasks: {count.read().strip()}, threads of each:", *threads, flush=True)
    time.sleep(900)


main()
