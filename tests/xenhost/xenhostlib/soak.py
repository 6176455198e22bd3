# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many lives of domains, one after the other, and what becomes of the host's resources.

Two domains at a time, each with three device models, are defined, started,
used, destroyed and undefined."""

import time

from . import sectorguest
from .common import XenHostError
from .domain import leftovers

NAMES = ("soak-a", "soak-b")

# The numbers that must not grow, in the order of numbers.sh.
FIELDS = ("fds", "rss", "threads", "xen", "keys", "files", "qemus")
TITLES = ("daemon's fds", "its memory, KiB", "its threads", "Xen's free memory, MiB",
          "xenstore keys", "files in /run", "QEMU processes")

# Without these, the daemon's memory grows for dozens of cycles though it uses no more:
# each of its threads keeps what it frees, a little of each size, for itself.
ENVIRONMENT = "MALLOC_ARENA_MAX=1 GLIBC_TUNABLES=glibc.malloc.tcache_count=0 G_SLICE=always-malloc"

# Cycles after which nothing must grow any more.
WARM_UP = 5

# What may be there more at the end than after the warm-up, or less of Xen's
# memory.  The C library gives memory back as it likes: what leaks in every cycle
# shows all the same.
SLACK = {"fds": 0, "rss": 512, "threads": 0, "xen": 0, "keys": 0, "files": 0, "qemus": 0}


class Soak:
    """The two domains on a host."""

    def __init__(self, host):
        self.host = host

    def prepare(self):
        """Make the disks and the definitions."""
        sectorguest.make_disks(self.host, NAMES)
        for number, name in enumerate(NAMES, 2):
            self.host.run(f"cat > /root/{name}.xml", input=sectorguest.definition(name, number))

    def clear(self):
        """Remove what prepare() and an interrupted cycle have left."""
        sectorguest.remove(self.host, NAMES)

    def cycle(self):
        """Let both domains live once, at the same time; return how many of their guests
        the emulation did not carry on."""
        words = [word for number, name in enumerate(NAMES, 2)
                 for word in (name, sectorguest.words(name, number))]
        said = self.host.script("lives.sh", *words, timeout=900).stdout
        left = leftovers(self.host)
        if left:
            raise XenHostError("left behind: " + "; ".join(left))
        return said.split().count("stuck")

    def numbers(self):
        """Return the numbers that must not grow, by field."""
        return dict(zip(FIELDS, map(int, self.host.script("numbers.sh").stdout.split())))

    def settled(self, base, apart=(), timeout=60):
        """Wait until the numbers are within the slack of @base, those of the fields @apart
        excepted; return all numbers, and what has grown."""
        deadline = time.monotonic() + timeout
        while True:
            now = self.numbers()
            grown = [f"{title}: {base[field]}, then {now[field]}"
                     for field, title in zip(FIELDS, TITLES) if field not in apart
                     and (base[field] - now[field] if field == "xen" else now[field] - base[field])
                     > SLACK[field]]
            if not grown or time.monotonic() > deadline:
                return now, grown
            time.sleep(5)
