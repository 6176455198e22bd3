# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secondaries that fail in every way, again and again, while their guest is looked at.

A guest has a NIC of its primary's and a secondary for each kind of device that is restarted.
They fail in each way, alone and all together, while the guest is idle and while it uses
all its devices; after each failure the guest has to go on and the devices have to work
as before. Another guest writes to a disk, the secondary of which is killed all the time:
what it was told to be on the disk has to be there."""

import contextlib
import json
import re
import time
import typing

from .agent import Agent
from .common import Stuck, XenHostError
from .domain import MAIN, Domain, console_path, devicemodel, disk, domain_xml, mac, nic

NAME = "matrix"
IMAGE = f"/root/{NAME}.img"
MEDIUM = f"/root/{NAME}.iso"

# With the primary these are seven device models: an eighth would leave none of Xen's ioreq
# servers for the process that takes the place of one for which the guest is held.
MODELS = {2: "rtl8139", 3: "e1000", 4: "ne2k_pci", 5: "e1000e"}
KINDS = (*MODELS.values(), "disk", "lines")

WAYS = ("kill", "segv", "stop", "oom", "qmp-silent", "qmp-closed", "qmp-garbage", "qmp-endless")
# Who serves nobody any more is found because the guest waits for it: it pings all the time,
# but uses the others under load only.
NEED_USE = tuple(way for way in WAYS if way.startswith("qmp-"))
HANGS = ("stop", *NEED_USE)

# After how long a secondary hangs: seconds. None is the default, with which a hang is a way of
# its own in the results.
LIMIT = 3
DEFAULT_LIMIT = "10 s"

# How long a device may take to work again, once its device model runs: seconds.
BACK = 180
# How long a NIC may take before its guest opens it again.
PATIENCE = 45
# An e1000 that was away for longer may have been found missing by its driver, which then has to
# be told to open it: milliseconds.
AWAY = 5000


class Broken(XenHostError):
    """A guest does not go on, or has lost a device."""


class Round(typing.NamedTuple):
    """How secondaries fail in a round: all at the same time or one by one, under load or not,
    and after how long they hang."""
    together: bool
    loaded: bool
    limit: typing.Optional[int]


def plan(turn):
    """Return how the round with this number is: of eight, one by one in the last. In one of 24
    what hangs is found after the default limit."""
    return Round(together=turn % 8 != 7, loaded=(turn + turn // 8) % 2 == 0,
                 limit=None if turn % 24 == 0 else LIMIT)


def definition(limit):
    """Return the XML of the domain."""
    devices = MAIN + nic(1)
    for number, model in MODELS.items():
        devices += devicemodel(model, [number], limit=limit) + nic(number, model)
    devices += devicemodel("disk", capabilities=["ide"], limit=limit)
    devices += disk("hda", IMAGE) + disk("hdc", MEDIUM, device="cdrom")
    devices += devicemodel("lines", capabilities=["serial"], limit=limit)
    return domain_xml(NAME, devices, serial="<serial type='pty'/>")


class KillMatrix:
    """The domain on a host; what is measured goes to @results."""

    def __init__(self, host, results):
        self.host = host
        self.results = results
        self.domain = Domain(host, NAME)
        self.agent = None
        self.address = None
        self.limit = LIMIT
        # what was made to fail
        self.last = "the start"

    @contextlib.contextmanager
    def guest(self, limit):
        """The guest, while it is needed."""
        self.last = "the start"
        self.limit = limit
        self.host.run(f"printf DMTEST-RW | dd of={IMAGE} bs=1M conv=sync status=none && "
                      f"printf 'a medium' | dd of={MEDIUM} bs=1M conv=sync status=none")
        try:
            self.domain.define(definition(limit))
            self.domain.start()
            with Agent(self.host, NAME) as self.agent:
                [self.address] = [entry["address"] for entry in self.domain.report()["NIC"]
                                  if entry["mac"] == mac(1)]
                yield
        finally:
            self.domain.remove()
            self.host.run(["rm", "-f", IMAGE, MEDIUM, console_path(NAME)])

    def round(self, ways, together, loaded):
        """Each secondary fails once in each way that fits."""
        try:
            self.agent.ask(f"load {'on' if loaded else 'off'}")
            for way in ways:
                kinds = [kind for kind in KINDS
                         if loaded or way not in NEED_USE or kind in MODELS.values()]
                for some in [kinds] if together else [[kind] for kind in kinds]:
                    self.fail(some, way, loaded)
                    self.results.save()
        except Stuck:
            raise
        except XenHostError as problem:
            raise self._judged(problem) from problem

    def _judged(self, problem):
        """Note what has become of the guest; return the error that says so."""
        lives = self.host.run(f"ping -c 3 -w 60 {self.address}", check=False).returncode == 0
        text = f"{self.last}: {problem}"
        part = self.results.part
        part["gone" if lives else "lost"].append(text)
        # the guest's words go with it
        logs = self.host.collect_logs(self.host.logs_folder() / f"broken-{len(part['gone']) + len(part['lost'])}")
        return Broken(f"the guest {'goes on without a device' if lives else 'is lost'}, after {text}\n"
                      f"the logs are in {logs}")

    def fail(self, kinds, way, loaded):
        """Have secondaries fail once, at the same time, and see that all goes on."""
        begin = time.monotonic()
        self.last = f"{way} of {', '.join(kinds)}, {'load' if loaded else 'idle'}"
        said = self.agent.fail(dict.fromkeys(kinds, way))
        title = f"{way}, {DEFAULT_LIMIT}" if way in HANGS and self.limit is None else way
        cells = {kind: self.results.cell(kind, title, loaded) for kind in kinds}
        for kind, cell in cells.items():
            self._note(kind, cell, said["seen"][kind])
        self.results.part["others"] += said["others"]
        returned = time.monotonic()
        self._prove(cells, said["seen"])
        now = time.monotonic()
        self.host.progress(f"{self.last}: {now - begin:.0f} s, {now - returned:.0f} of them for the guest, "
                           f"{json.dumps(said)}")

    @staticmethod
    def _note(kind, cell, seen):
        """Add what was seen of a failure to its cell."""
        cell["failures"] += 1
        for name in ("noticed", "freed", "returned"):
            if seen[name] is not None:
                cell[name].append(seen[name])
        cell["by_hand"] += seen["by_hand"]
        if seen["noticed"] is None or seen["freed"] is None:
            raise XenHostError(f"'{kind}' has failed, and that was not seen: {seen}")
        if seen["returned"] is None and not seen["by_hand"]:
            raise XenHostError(f"'{kind}' has not returned: {seen}")

    def _prove(self, cells, seen):
        """Wait until the guest has pinged once more through each of its NICs, has read from both
        its disks what is there, and has written to one, and has said so over its serial port:
        all of it after the last of its device models had returned."""
        left = {mac(1): ""}
        for number, model in MODELS.items():
            left[mac(number)] = self._help(model, seen.get(model))
        deadline = time.monotonic() + BACK
        while True:
            expected = self.agent.sums(IMAGE, MEDIUM)
            words = " ".join(f"{word}{address}" for address, word in left.items())
            answer = self.agent.ask(f"prove {PATIENCE} {words}", PATIENCE + BACK)
            found = dict(re.findall(r"(\S+?)=(\S+)", answer))
            if not {"sda", "sr0", *left} <= set(found):
                raise XenHostError(f"the guest's answer was '{answer}'")
            disks = self._disks_work(found, expected, cells)
            left = self._nics_left(left, found, cells)
            if not left and disks:
                return
            if time.monotonic() > deadline:
                raise XenHostError(f"a device does not work, {BACK} s after its device model had returned: {answer}")
            # a command needs one
            left = left or {mac(1): ""}

    @staticmethod
    def _help(model, seen):
        """Return what the guest has to do for a NIC, in the words of its command."""
        if seen and model == "e1000e":
            return "now="
        if seen and model == "e1000" and (seen["returned"] or AWAY) >= AWAY:
            return "down="
        return ""

    @staticmethod
    def _nics_left(asked, found, cells):
        """Return what the guest has to do next for those NICs that have not worked yet."""
        kinds = {mac(number): model for number, model in MODELS.items()}
        left = {}
        for address, word in asked.items():
            cell = cells.get(kinds.get(address))
            if found[address] == "reopened":
                cell["helped"] += 1
            elif found[address] != "ok":
                left[address] = "now=" if cell else word
        return left

    @staticmethod
    def _disks_work(found, expected, cells):
        """Return whether both disks have what is expected. They may have to be tried again, but
        may never have something else."""
        texts = (found["sda"], found["sr0"])
        if texts == (f"{expected[0]}:ok", f"{expected[1]}:-"):
            return True
        if "disk" not in cells or not any("failed" in text for text in texts):
            raise XenHostError(f"a disk is another: {texts}, expected {expected}")
        cells["disk"]["errors"] += 1
        return False


class DiskTruth:
    """A guest that writes blocks to a secondary's disk, one behind the other, while that is
    killed."""

    # Where the blocks begin, in the disk and in guest/init: sectors.
    FIRST = 1024

    def __init__(self, host, results):
        self.host = host
        self.results = results
        self.domain = Domain(host, NAME)
        self.agent = None

    def run(self, kills):
        """Kill the secondary so often; note how many blocks the guest was told to be on the
        disk, how many writes failed, and how many of the blocks are missing, by name. An
        interruption makes it less often."""
        devices = (MAIN + devicemodel("disk", capabilities=["ide"]) +
                   disk("hda", IMAGE) + nic(1))
        self.host.run(f"printf DMTEST-RW | dd of={IMAGE} bs=64M conv=sync status=none")
        try:
            self.domain.define(domain_xml(NAME, devices, serial="<serial type='pty'/>"))
            self.domain.start()
            with Agent(self.host, NAME) as self.agent:
                self.domain.report()
                self.agent.ask("blocks on")
                self._kill_often(kills)
        finally:
            self.domain.remove()
            self.host.run(["rm", "-f", IMAGE, console_path(NAME)])

    def _kill_often(self, kills):
        done = 0
        try:
            while done < kills:
                self.kill(done + 1)
                done += 1
        finally:
            # what the guest was told counts, whether or not it can be told to end
            with contextlib.suppress(XenHostError):
                self.agent.ask("blocks off")
            self.results.add_truth(kills=done, **self.compare())

    def kill(self, number):
        """Kill it once, and wait until the guest has written further blocks."""
        before = self.written()
        seen = self.agent.fail({"disk": "kill"})["seen"]["disk"]
        if seen["returned"] is None and not seen["by_hand"]:
            raise XenHostError(f"the disk's secondary has not returned: {seen}")
        # the first of them may have been written before
        self.domain.wait(lambda: len(self.written()) > len(before) + 1, "further blocks", BACK)
        self.host.progress(f"kill {number}: {seen}, {len(self.written())} blocks")

    def written(self):
        """Return the numbers of the blocks that the guest was told to be on the disk."""
        found = re.findall(r"^BLOCK (\d+)\r?$", self.domain.console(), re.MULTILINE)
        return {int(number) for number in found}

    def compare(self):
        """Return what is noted, but how often it was killed."""
        written = self.written()
        failed = len(re.findall(r"^BLOCK-FAILED ", self.domain.console(), re.MULTILINE))
        text = self.host.run(f"tail -c +{self.FIRST * 512 + 1} {IMAGE} | tr -d '\\0' | "
                             "grep -ao 'BLOCK [0-9]*' || true").stdout
        there = {int(line.split()[1]) for line in text.splitlines()}
        return {"acknowledged": len(written), "failed": failed, "missing": len(written - there)}
