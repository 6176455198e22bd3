# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much slower than this machine an emulated host is."""

import subprocess
import sys

# Prints the microseconds of processor time that it takes to read a file of a process.
YARDSTICK = r"""
import os, time
COUNT = 5000
begin = time.process_time()
for _ in range(COUNT):
    file = os.open("/proc/self/stat", os.O_RDONLY)
    os.read(file, 4096)
    os.close(file)
print((time.process_time() - begin) * 1e6 / COUNT)
"""


def slower(host):
    """Return how many times as long as this machine @host takes for a system call."""
    there = float(host.run(["python3", "-c", YARDSTICK]).stdout)
    here = subprocess.run([sys.executable, "-c", YARDSTICK], capture_output=True, text=True, check=True)
    return there / float(here.stdout)
