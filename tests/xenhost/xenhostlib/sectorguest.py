# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest that fits into a boot sector, for domains that live often and briefly.

It has three device models: it reads the disk of one secondary, and from the
registers of the NIC of the other, and says so on the serial port of the latter."""

import tempfile

from .assembler import assembled
from .common import SOURCE_DIR
from .domain import MAIN, console_path, devicemodel, disk, domain_xml, mac, nic

BOOT_SECTOR = SOURCE_DIR / "guest" / "bootsector.S"
# Where the BIOS loads it.
ADDRESS = 0x7c00
# What it reads of its disk, in characters.
NAME_MAX = 16


def image_path(name):
    """Return where on the host the disk of the domain @name is."""
    return f"/root/{name}.img"


def make_disks(host, names):
    """Put the disks of the domains @names on the host."""
    sector = assembled(BOOT_SECTOR, 16, ADDRESS)
    for name in names:
        if len(name) > NAME_MAX:
            raise ValueError(f"the guest says {NAME_MAX} characters, '{name}' has more")
        with tempfile.NamedTemporaryFile() as image:
            image.write((sector + name.encode()).ljust(1024 * 1024, b"\0"))
            image.flush()
            host.copy_to(image.name, image_path(name))


def remove(host, names):
    """Remove all that is left of the domains @names, running or not."""
    for name in names:
        host.run(f"virsh destroy {name}; virsh undefine {name}; "
                 f"rm -f /root/{name}.xml {image_path(name)} {console_path(name)}", check=False)


def definition(name, number):
    """Return the XML of the domain @name, whose NIC has @number."""
    devices = (MAIN + devicemodel("disk", capabilities=["ide"]) +
               devicemodel("lan", [number], ["serial"]) + disk("hda", image_path(name)) + nic(number))
    return domain_xml(name, devices, memory=64, boot="<boot dev='hd'/>")


def words(name, number):
    """Return what the guest of that domain says."""
    return f"GUEST-USED disk={name} mac={mac(number)}"
