# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kill matrix has measured, in files and as text.

A run measures a part. The parts of runs on this machine are in one file, which is written
after each failure; those that have been published are in another, in the repository. A part
is known by when it was begun and by the commit that was measured, so that the files can be
put together as often as one likes.

Both files are JSON, a list of parts with these keys:
  begun, commit, machine   when, what and where
  slower       how many times as long as that machine the emulated host takes for something
  rounds       how many rounds of the matrix were begun
  lost, gone   what was made to fail, and what happened then, of each guest that did not go
               on, and of each device that did not come back to a guest that did
  stuck        the same of guests that the emulation did not carry on
  others       how often secondaries failed that had not been made to, null where nobody counted
  truth        of a disk: how often its secondary was killed ("kills"), how many blocks the
               guest was told to be there ("acknowledged"), how many writes failed ("failed"),
               and how many of the blocks are not there ("missing")
  host         the numbers that must not grow ("before", "after"), where the part was done
               to its end
  cells        one for each kind of device, way to fail and guest with or without load
               ("key"): how many failures, the times of each in milliseconds ("noticed",
               "freed", "returned"), how many restarts somebody had to ask for ("by_hand"), how
               often the guest had to open its interface again for the device to work
               ("helped"), and how often it had to try its disks again ("errors")"""

import json
import statistics
import time

from report import rst_table

from .common import XenHostError

TIMES = ("noticed", "freed", "returned")
NUMBERS = ("failures", "by_hand", "helped", "errors")
HEADER = ("device", "way", "guest", "failures", *TIMES, "by hand", "helped", "errors")

# A guest is held for these when they fail. The others must leave it free so soon, on a host that
# is as fast as the machine: milliseconds.
HELD = ("disk", "lines")
FREE_LIMIT = 100
# Ways in which a process ends at once.
DEATHS = ("kill", "segv")


def new_part(**about):
    """Return a part in which nothing has been measured."""
    return {"begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": "", "machine": "",
            "slower": None, "rounds": 0, "lost": [], "gone": [], "stuck": [], "others": 0, "truth": {},
            "host": None, **about, "cells": {}}


def cell_of(part, kind, way, guest):
    """Return a cell of a part, which may be a new one."""
    return part["cells"].setdefault((kind, way, guest), {
        **dict.fromkeys(NUMBERS, 0), **{name: [] for name in TIMES}})


def text_of(parts):
    """Return the text of a file: a line for each cell and for all else of a part."""
    texts = []
    for part in parts:
        about = ",\n ".join(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
                            for name, value in part.items() if name != "cells")
        cells = ",\n  ".join(json.dumps({"key": key, **cell}) for key, cell in sorted(part["cells"].items()))
        texts.append(f'{{{about},\n "cells": [\n  {cells}]}}')
    return "[\n" + ",\n".join(texts) + "]\n"


def read(path):
    """Return the parts of a file, none if it is not there."""
    if not path or not path.exists():
        return []
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))
        for part in parts:
            part["cells"] = {tuple(cell.pop("key")): cell for cell in part["cells"]}
    except (ValueError, TypeError, KeyError) as error:
        raise XenHostError(f"'{path}' is not what this kill-matrix writes: move it away") from error
    return parts


def together(*lists):
    """Return all parts of the lists, in the order in which they were begun. Of one that is in
    several of them, that of the last counts."""
    found = {(part["begun"], part["commit"]): part for parts in lists for part in parts}
    return [found[key] for key in sorted(found)]


def count(parts):
    """Return how many failures there were."""
    return sum(cell["failures"] for part in parts for cell in part["cells"].values())


def _sum_of_cells(parts):
    total = new_part()
    for part in parts:
        for key, cell in part["cells"].items():
            into = cell_of(total, *key)
            for name in (*NUMBERS, *TIMES):
                into[name] += cell[name]
    return total["cells"]


def _sum_of_truth(parts):
    total = {}
    for part in parts:
        for name, value in part["truth"].items():
            total[name] = total.get(name, 0) + value
    return total


class KillResults:
    """The parts that there are, and the one that is measured now."""

    def __init__(self, path=None, published=None):
        """@path is the file of this machine's runs, @published that of the repository."""
        self.path = path
        self.earlier = read(path)
        self.published = read(published)
        self.part = new_part()

    def begin(self, **about):
        """Begin the part that is measured."""
        self.part = new_part(**about)

    def _own(self):
        """Return the parts of this machine's runs. One in which nothing was measured is none."""
        part = self.part
        measured = count([part]) or part["truth"] or part["lost"] or part["gone"] or part["stuck"]
        return together(self.earlier, [part] if measured else [])

    def parts(self):
        """Return all parts."""
        return together(self.published, self._own())

    def save(self):
        """Write the file of this machine's runs, if there is one."""
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = self.path.with_name(self.path.name + ".new")
            new.write_text(text_of(self._own()), encoding="utf-8")
            new.replace(self.path)

    def publish(self, path):
        """Write all parts to the file of the repository."""
        path.write_text(text_of(self.parts()), encoding="utf-8")

    def count(self):
        """Return how many failures there were in all parts."""
        return count(self.parts())

    def rounds(self):
        """Return how many rounds were begun in all parts."""
        return sum(part["rounds"] for part in together(self.parts(), [self.part]))

    def cell(self, kind, way, loaded):
        """Return the cell of the part that is measured, which may be a new one."""
        return cell_of(self.part, kind, way, "load" if loaded else "idle")

    def add_truth(self, **numbers):
        """Add what was found of a disk."""
        truth = self.part["truth"]
        for name, value in numbers.items():
            truth[name] = truth.get(name, 0) + value

    def lines(self):
        """Return the lines of the report."""
        return report(self.parts())


def report(parts):
    """Return the lines of the report on the parts."""
    cells = _sum_of_cells(parts)
    truth = _sum_of_truth(parts)
    machines = sorted({part["machine"] for part in parts})
    lines = [f"Measured on {' and on '.join(machines)}, in a Xen host of 2 processors in QEMU's software "
             "emulation.", "", *_outcome(parts)]
    if truth:
        lines += ["", "A disk's secondary was killed {kills} times while its guest wrote: of "
                  "{acknowledged} blocks that the guest was told to be on the disk, {missing} are "
                  "missing; {failed} writes failed.".format(**truth)]
    lines += _freed(parts)
    if cells:
        lines += ["", *rst_table(HEADER, [_row(key, cell) for key, cell in sorted(cells.items())])]
    lines += ["", *rst_table(("part", "begun", "commit", "failures", "kills of a disk"), [
        [number, part["begun"], part["commit"], count([part]), part["truth"].get("kills", 0)]
        for number, part in enumerate(parts, 1)])]
    hosts = [(number, part["host"]) for number, part in enumerate(parts, 1) if part["host"]]
    if hosts:
        fields = list(hosts[0][1]["before"])
        lines += ["", *rst_table(("the host", *fields), [
            [f"part {number}, {when}", *(host[when][field] for field in fields)]
            for number, host in hosts for when in ("before", "after")])]
    return lines


def _outcome(parts):
    """Return the lines that say what the failures have cost."""
    lost, gone, stuck = ([reason for part in parts for reason in part[name]] for name in ("lost", "gone", "stuck"))
    others = [part["others"] for part in parts if part["others"] is not None]
    lines = [f"{count(parts)} failures; guests lost: {len(lost)}; devices that did not come back to their guest: "
             f"{len(gone)}" + (f"; failures of secondaries that had not been made to: {sum(others)}." if others
                               else ".")]
    for title, reasons in (("Lost", lost), ("Did not come back", gone)):
        for reason in reasons:
            lines += ["", f"{title}, after {_plain(reason)}"]
    if stuck:
        lines += ["", f"Guests that got stuck in the emulated processor, in whose place others went on: {len(stuck)}, "
                  f"after {'; after '.join(map(_plain, stuck))}."]
    return lines


def _plain(reason):
    """Return words as reStructuredText that says just them."""
    return "".join("\\" + letter if letter in r"\*`_|" else letter for letter in " ".join(reason.split()))


def _freed(parts):
    """Return the lines about how soon a guest was free that is not held, as on a host that is
    as fast as the machine."""
    times = [value / part["slower"] for part in parts if part["slower"]
             for (kind, way, _), cell in part["cells"].items() if kind not in HELD and way in DEATHS
             for value in cell["freed"]]
    if not times:
        return []
    slower = sorted({round(part["slower"]) for part in parts if part["slower"]})
    within = "within" if max(times) < FREE_LIMIT else "**above**"
    return ["", f"The emulated host is {' or '.join(map(str, slower))} times as slow as that machine, by the time "
            "for reading a file. On one as fast as it, a guest that is not held would have been free "
            f"{statistics.median(times):.1f} ms after the death of a secondary, {max(times):.1f} ms at most: "
            f"{within} the limit of {FREE_LIMIT} ms."]


def _row(key, cell):
    """Return the row of a cell: median and maximum of each time, in milliseconds."""
    return [*key, cell["failures"], *(_times(cell[name]) for name in TIMES),
            cell["by_hand"], cell["helped"], cell["errors"]]


def _times(values):
    return f"{statistics.median(values):.0f} / {max(values):.0f}" if values else "-"
