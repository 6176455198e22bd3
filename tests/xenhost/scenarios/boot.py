# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that the BIOS boots from what secondaries serve."""

import hashlib
import pathlib
import tempfile

from xenhostlib import bootdisk
from xenhostlib.domain import devicemodel, disk, domain_xml, nic

from .common import DISPLAY, MAIN, expect, running, scenario


@scenario(seconds=60)
def boot_from_disk(host):
    """The BIOS boots a Linux from the IDE disk of a secondary."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "boot.img"
        bootdisk.make(path, "xen_nopv quiet", host.progress)
        checksum = hashlib.sha256(path.read_bytes()[:65536]).hexdigest()
        host.copy_to(path, "/root/boot.img")
    devices = (MAIN + devicemodel("disk", capabilities=["ide"]) + devicemodel("lan", [1]) +
               disk("hda", "/root/boot.img") + nic(1) + DISPLAY)
    try:
        xml = domain_xml("boot", devices, boot="<boot dev='hd'/>", preloaded=True)
        with running(host, "boot", xml) as domain:
            report = domain.report()
            expect([entry["sha256"] for entry in report["DISK"]] == [checksum],
                   f"the boot disk with {checksum}: {report['DISK']}")
            [entry] = report["NIC"]
            expect(report["REACH"][entry["name"]][0] > 0, f"pings: {report['REACH']}")
    finally:
        host.run("rm -f /root/boot.img")
