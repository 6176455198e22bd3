# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kill matrix has measured, of all its parts, in a file and as text."""

import json
import statistics

from report import machine, rst_table

TIMES = ("noticed", "freed", "returned")
HEADER = ("device", "way", "guest", "failures", *TIMES, "by hand", "helped")


class KillResults:
    """The results of all parts.

    A cell is of a kind of device, a way to fail and a guest with or without load: the times
    of each failure, how many restarts somebody had to ask for ("by hand"), and how often the
    guest had to open its interface again for the device to work ("helped")."""

    def __init__(self, path):
        self.path = path
        self.cells = {}
        self.rounds = self.stuck = 0
        self.lost = []
        self.truth = {}
        self.hosts = []
        if path and path.exists():
            self._load(json.loads(path.read_text(encoding="utf-8")))

    def _load(self, saved):
        self.cells = {tuple(cell.pop("key")): cell for cell in saved.pop("cells")}
        for name, value in saved.items():
            setattr(self, name, value)

    def save(self):
        """Write the file, if there is one."""
        if not self.path:
            return
        saved = {name: getattr(self, name) for name in ("rounds", "stuck", "lost", "truth", "hosts")}
        saved["cells"] = [{"key": key, **cell} for key, cell in self.cells.items()]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")

    def cell(self, kind, way, loaded):
        """Return the cell, which may be a new one."""
        return self.cells.setdefault((kind, way, "load" if loaded else "idle"),
                                     {"seen": [], "by_hand": 0, "helped": 0})

    def count(self):
        """Return how many failures there were."""
        return sum(len(cell["seen"]) for cell in self.cells.values())

    def add_truth(self, **numbers):
        """Add what was found of a disk."""
        for name, value in numbers.items():
            self.truth[name] = self.truth.get(name, 0) + value

    def rows(self):
        """Return the rows of the table: median and maximum of each time, in milliseconds."""
        return [[*key, len(cell["seen"]),
                 *(_times([seen[name] for seen in cell["seen"]]) for name in TIMES),
                 cell["by_hand"], cell["helped"]] for key, cell in sorted(self.cells.items())]

    def lines(self):
        """Return the lines of the report."""
        lines = [f"Measured on {machine()}, in a Xen host of 2 processors in QEMU's software "
                 "emulation, which is some 40 times as slow.", "",
                 f"{self.count()} failures; guests lost: {len(self.lost)}."]
        lines += [f"Lost: {reason}" for reason in self.lost]
        if self.stuck:
            lines += ["", "Guests that got stuck in the emulated processor, in whose place others "
                      f"went on: {self.stuck}."]
        if self.truth:
            lines += ["", "A disk's secondary was killed {kills} times while its guest wrote: of "
                      "{acknowledged} blocks that the guest was told to be on the disk, {missing} are "
                      "missing; {failed} writes failed.".format(**self.truth)]
        if self.cells:
            lines += ["", *rst_table(HEADER, self.rows())]
        if self.hosts:
            fields = list(self.hosts[0]["before"])
            lines += ["", *rst_table(("the host", *fields), [
                [f"part {number}, {when}", *(host[when][field] for field in fields)]
                for number, host in enumerate(self.hosts, 1) for when in ("before", "after")])]
        return lines


def _times(values):
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.0f} / {max(known):.0f}" if known else "-"
