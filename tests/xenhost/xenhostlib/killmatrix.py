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

from .common import Stuck, XenHostError
from .domain import MAIN, Domain, console_path, devicemodel, disk, domain_xml, mac, nic

NAME = "matrix"
IMAGE = f"/root/{NAME}.img"

# What needs nobody to come back.
MODELS = {2: "rtl8139", 3: "e1000", 4: "ne2k_pci"}
KINDS = (*MODELS.values(), "disk", "lines")

WAYS = ("kill", "segv", "stop", "oom", "qmp-silent", "qmp-closed", "qmp-garbage", "qmp-endless")
# Who serves nobody any more is found because the guest waits for it: it pings all the time,
# but uses the others under load only.
NEED_USE = tuple(way for way in WAYS if way.startswith("qmp-"))

# How long a device may take to work again, once its device model runs: seconds.
BACK = 180
# How long a NIC may take before its guest opens it again: one that was away for long is
# found missing by its driver.
PATIENCE = 45


def definition():
    """Return the XML of the domain."""
    devices = MAIN + nic(1)
    for number, model in MODELS.items():
        devices += devicemodel(model, [number]) + nic(number, model)
    devices += devicemodel("disk", capabilities=["ide"]) + disk("hda", IMAGE)
    devices += devicemodel("lines", capabilities=["serial"])
    return domain_xml(NAME, devices, serial="<serial type='pty'/>")


def come_back(host, device):
    """Have a secondary that stays away come back, as its administrator would, who updates one
    of its devices: @device says where that is in the XML."""
    path = f"/root/{NAME}-device.xml"
    host.run(f"virsh dumpxml {NAME} --xpath \"{device}\" > {path} && "
             f"virsh update-device {NAME} {path} --live && rm {path}")


class KillMatrix:
    """The domain on a host; what is measured goes to @results."""

    def __init__(self, host, results):
        self.host = host
        self.results = results
        self.domain = Domain(host, NAME)
        self.names = {}

    @contextlib.contextmanager
    def guest(self):
        """The guest, while it is needed."""
        self.host.run(f"printf DMTEST-RW | dd of={IMAGE} bs=1M conv=sync status=none")
        try:
            self.domain.define(definition())
            self.domain.start()
            self.domain.listen()
            report = self.domain.report()
            self.names = {entry["mac"]: entry["name"] for entry in report["NIC"]}
            yield
        finally:
            self.domain.remove()
            self.host.run(["rm", "-f", IMAGE, console_path(NAME)])

    def expect_pings(self, kind, cell):
        """Wait until the guest pings through a NIC again, which it may have to open."""
        [number] = [number for number, model in MODELS.items() if model == kind]
        try:
            self.domain.wait_for_pings([self.names[mac(number)]], PATIENCE)
        except Stuck:
            raise
        except XenHostError:
            cell["helped"] += 1
            self.domain.ask(f"reopen {mac(number)}")
            self.domain.wait_for_pings([self.names[mac(number)]], BACK)

    def expect_working(self, kind, cell):
        """Wait until the device works, and the primary's NIC and the disk."""
        if kind in MODELS.values():
            self.expect_pings(kind, cell)
        self.domain.wait_for_pings([self.names[mac(1)]], BACK)
        before = self.host.run(f"head -c 65536 {IMAGE} | sha256sum").stdout.split()[0]
        answer = self.domain.ask("disk sda", BACK)
        if f"sha256={before}" not in answer or "rw=ok" not in answer:
            raise XenHostError(f"after '{kind}' failed, the disk is another: {answer}, expected {before}")

    @staticmethod
    def device_of(kind):
        """Return where in the XML a device of the secondary is."""
        for number, model in MODELS.items():
            if model == kind:
                return f"//interface[mac/@address='{mac(number)}']"
        return "//disk[target/@dev='hda']" if kind == "disk" else "//serial"

    def fail(self, kinds, way, loaded):
        """Have secondaries fail once, at the same time, and see that all goes on."""
        begin = time.monotonic()
        cells = {kind: self.results.cell(kind, way, loaded) for kind in kinds}
        said = self.host.script("fail.py", NAME, *(f"{kind}={way}" for kind in kinds), timeout=200).stdout
        for kind, seen in zip(kinds, json.loads(said)):
            cells[kind]["seen"].append(seen)
            if seen["noticed"] is None or seen["freed"] is None:
                raise XenHostError(f"'{kind}' failed by '{way}', and that was not seen: {seen}")
            if seen["returned"] is None:
                come_back(self.host, self.device_of(kind))
                cells[kind]["by_hand"] += 1
        if "lines" in kinds:
            # what the guest says of the others comes over a new terminal
            self.domain.listen()
        for kind in kinds:
            self.expect_working(kind, cells[kind])
        self.host.progress(f"{way} of {', '.join(kinds)}, {'load' if loaded else 'idle'}: "
                           f"{time.monotonic() - begin:.0f} s, {said.strip()}")

    def round(self, ways, together, loaded):
        """Each secondary fails once in each way that fits."""
        self.domain.ask(f"load {'on' if loaded else 'off'}")
        for way in ways:
            kinds = [kind for kind in KINDS
                     if loaded or way not in NEED_USE or kind in MODELS.values()]
            for some in [kinds] if together else [[kind] for kind in kinds]:
                try:
                    self.fail(some, way, loaded)
                except XenHostError as error:
                    if not isinstance(error, Stuck):
                        self.results.lost.append(str(error))
                    raise
                finally:
                    self.results.save()


class DiskTruth:
    """A guest that writes blocks to a secondary's disk, one behind the other, while that is
    killed."""

    # Where the blocks begin, in the disk and in guest/init: sectors.
    FIRST = 1024

    def __init__(self, host):
        self.host = host
        self.domain = Domain(host, NAME)

    def run(self, kills):
        """Kill the secondary so often; return how many blocks the guest was told to be on
        the disk, how many writes failed, and how many of the blocks are missing, by name."""
        devices = (MAIN + devicemodel("disk", capabilities=["ide"]) +
                   disk("hda", IMAGE) + nic(1))
        self.host.run(f"printf DMTEST-RW | dd of={IMAGE} bs=64M conv=sync status=none")
        try:
            self.domain.define(domain_xml(NAME, devices, serial="<serial type='pty'/>"))
            self.domain.start()
            self.domain.listen()
            self.domain.report()
            self.domain.ask("blocks on")
            for number in range(1, kills + 1):
                self.kill(number)
            self.domain.ask("blocks off")
            return self.compare()
        finally:
            self.domain.remove()
            self.host.run(["rm", "-f", IMAGE, console_path(NAME)])

    def kill(self, number):
        """Kill it once, and wait until the guest has written further blocks."""
        before = self.written()
        [seen] = json.loads(self.host.script("fail.py", NAME, "disk=kill", timeout=200).stdout)
        if seen["returned"] is None:
            come_back(self.host, "//disk[target/@dev='hda']")
        # the first of them may have been written before
        self.domain.wait(lambda: len(self.written()) > len(before) + 1, "further blocks", BACK)
        self.host.progress(f"kill {number}: {seen}, {len(self.written())} blocks")

    def written(self):
        """Return the numbers of the blocks that the guest was told to be on the disk."""
        found = re.findall(r"^BLOCK (\d+)\r?$", self.domain.console(), re.MULTILINE)
        return {int(number) for number in found}

    def compare(self):
        """Return what run() does."""
        written = self.written()
        failed = len(re.findall(r"^BLOCK-FAILED ", self.domain.console(), re.MULTILINE))
        text = self.host.run(f"tail -c +{self.FIRST * 512 + 1} {IMAGE} | tr -d '\\0' | "
                             "grep -ao 'BLOCK [0-9]*' || true").stdout
        there = {int(line.split()[1]) for line in text.splitlines()}
        return {"acknowledged": len(written), "failed": failed, "missing": len(written - there)}
