# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many lives of domains, one after the other, and what becomes of the host's resources.

Two domains at a time, each with three device models, are defined, started,
used, destroyed and undefined.  Their guest is a boot sector: it reads the disk of
one secondary, and from the registers of the NIC of the other, and says so on the
serial port of the latter."""

import pathlib
import tempfile
import time

from .common import SOURCE_DIR, XenHostError, call, require
from .domain import console_path, devicemodel, disk, domain_xml, leftovers, mac, nic

NAMES = ("soak-a", "soak-b")
BOOT_SECTOR = SOURCE_DIR / "guest-bootsector.S"

# One life of the domain $1, whose guest has to say $2.
LIFE = r"""
set -e
console=/var/log/guest-$1.log
rm -f "$console"
virsh -q define --validate "/root/$1.xml"
virsh -q start "$1"
tries=240
until grep -qx "$2" "$console" 2>/dev/null; do
    tries=$((tries - 1))
    if [ $tries -eq 0 ]; then
        echo "the guest of $1 said '$(tail -n 3 "$console")', expected '$2'" >&2
        break
    fi
    sleep 0.5
done
virsh -q destroy "$1"
virsh -q undefine "$1"
[ $tries -gt 0 ]
"""

# Prints the numbers that must not grow, in the order of FIELDS.
NUMBERS = r"""
pid=$(systemctl show -p MainPID --value libvirtd)
echo $(ls "/proc/$pid/fd" | wc -l) \
    $(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status") \
    $(ls "/proc/$pid/task" | wc -l) \
    $(xl info free_memory) $(xenstore-ls -f / | wc -l) \
    $(find /run/libvirt /run/xen | wc -l) $(pgrep -c qemu)
"""
FIELDS = ("fds", "rss", "threads", "xen", "keys", "files", "qemus")
TITLES = ("daemon's fds", "its memory, KiB", "its threads", "Xen's free memory, MiB",
          "xenstore keys", "files in /run", "QEMU processes")

# What may be there more at the end than after the warm-up, or less of Xen's
# memory.  The C library gives memory back as it likes: what leaks in every cycle
# shows all the same.
SLACK = {"fds": 0, "rss": 1024, "threads": 0, "xen": 0, "keys": 0, "files": 0, "qemus": 0}


def boot_sector():
    """Return the guest's boot sector."""
    require("gcc", "gcc")
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder) / "bootsector"
        call(["gcc", "-m16", "-nostdlib", "-static", "-Wl,-Ttext=0x7c00", "-Wl,--oformat=binary",
              "-Wl,--build-id=none", "-o", str(target), str(BOOT_SECTOR)])
        return target.read_bytes()


class Soak:
    """The two domains on a host."""

    def __init__(self, host):
        self.host = host

    def prepare(self):
        """Make the disks and the definitions."""
        sector = boot_sector()
        with tempfile.TemporaryDirectory() as folder:
            for number, name in enumerate(NAMES, 2):
                image = pathlib.Path(folder) / f"{name}.img"
                image.write_bytes((sector + name.encode()).ljust(1024 * 1024, b"\0"))
                self.host.copy_to(image, f"/root/{name}.img")
                self.host.run(f"cat > /root/{name}.xml", input=_definition(name, number))

    def clear(self):
        """Remove what prepare() and an interrupted cycle have left."""
        for name in NAMES:
            self.host.run(f"virsh destroy {name}; virsh undefine {name}; "
                          f"rm -f /root/{name}.* {console_path(name)}", check=False)

    def cycle(self):
        """Let both domains live once, at the same time."""
        lives = " ".join(f"life {name} '{_words(name, number)}' & pids=\"$pids $!\";"
                         for number, name in enumerate(NAMES, 2))
        self.host.run(f"life() ( {LIFE} )\n{lives}\nstatus=0\n"
                      "for pid in $pids; do wait $pid || status=1; done; exit $status", timeout=900)
        left = leftovers(self.host)
        if left:
            raise XenHostError("left behind: " + "; ".join(left))

    def numbers(self):
        """Return the numbers that must not grow, by field."""
        return dict(zip(FIELDS, map(int, self.host.run(NUMBERS).stdout.split())))

    def settled(self, base, timeout=60):
        """Wait until the numbers are within the slack of @base; return them and what is not."""
        deadline = time.monotonic() + timeout
        while True:
            now = self.numbers()
            grown = [f"{title}: {base[field]}, then {now[field]}"
                     for field, title in zip(FIELDS, TITLES)
                     if (base[field] - now[field] if field == "xen" else now[field] - base[field])
                     > SLACK[field]]
            if not grown or time.monotonic() > deadline:
                return now, grown
            time.sleep(5)


def _words(name, number):
    return f"GUEST-USED disk={name} mac={mac(number)}"


def _definition(name, number):
    devices = (devicemodel("main", capabilities=["ui"]) + devicemodel("disk", capabilities=["ide"]) +
               devicemodel("lan", [number], ["serial"]) + disk("hda", f"/root/{name}.img") +
               nic(number))
    return domain_xml(name, devices, memory=64, boot="<boot dev='hd'/>")
