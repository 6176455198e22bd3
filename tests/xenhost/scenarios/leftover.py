# SPDX-License-Identifier: LGPL-2.1-or-later
"""That the search for what domains have left, which follows each scenario, finds it."""

import re

from xenhostlib import leftovers
from xenhostlib.common import PROGRAMS
from xenhostlib.domain import domain_xml

from .common import FIRST, TWO_NICS, expect, running, scenario

# The numbers of a domain that there is not, and of a user of its secondary.
DOMID = 999
USER = 0x70000000 + DOMID * 16 + 1

# Its secondary's control group.
GROUP = f"/sys/fs/cgroup/machine/xen-{DOMID}-1-lan.libvirt-xen"

# What is planted, how, how it goes again, and the lines of the search.
PLANTS = (
    ("a process that the daemon has started",
     "echo $BASHPID > /sys/fs/cgroup/system.slice/libvirtd.service/cgroup.procs; exec -a planted sleep 901",
     "pkill -f '^planted 901'", [r"process \d+ of user 0: planted 901"]),
    ("an emulator", "exec -a 'planted -xen-domid 999' sleep 902",
     "pkill -f '^planted -xen-domid 999 902'", [r"process \d+ of user 0: planted -xen-domid 999 902"]),
    ("a process of a secondary's user",
     f"exec setpriv --reuid {USER} --regid {USER} --clear-groups sleep 903",
     f"pkill -u {USER}", [rf"process \d+ of user {USER}: sleep 903"]),
    ("sockets", f"exec -a planted-listener python3 {PROGRAMS}/listen.py", "pkill -f ^planted-listener",
     ["socket @planted", "socket tcp 04D2"]),
    ("a tap", "ip tuntap add lan0 mode tap", "ip link del lan0", ["interface lan0"]),
    ("another address of the bridge",
     "cat /sys/class/net/xenbr0/address > /tmp/address && ip link set xenbr0 address 02:00:00:00:00:99",
     "ip link set xenbr0 address $(cat /tmp/address) && rm /tmp/address",
     ["bridge xenbr0 02:00:00:00:00:99"]),
    ("a mount", "mkdir /root/planted && mount -t tmpfs planted /root/planted",
     "umount /root/planted && rmdir /root/planted", ["mount /root/planted"]),
    ("a control group", "mkdir /sys/fs/cgroup/planted", "rmdir /sys/fs/cgroup/planted",
     ["cgroup /sys/fs/cgroup/planted"]),
    ("a secondary's control group", f"mkdir -p {GROUP}", f"rmdir {GROUP}", [f"cgroup {GROUP}"]),
    *((f"the file {path}", f"install -D /dev/null {path}", f"rm {path}", [f"file {path}"])
      for path in (f"/run/libvirt/libxl/devicemodel/{DOMID}-1.pid",
                   f"/run/libvirt/libxl/devicemodel/{DOMID}-1.qmp",
                   f"/run/libvirt/libxl/devicemodel/{DOMID}-1.regs",
                   "/run/libvirt/libxl/devicemodel/root/planted", "/run/libvirt/libxl/planted.xml",
                   f"/run/xen/qmp-libxl-{DOMID}", f"/var/lib/xen/userdata-d.{DOMID}.planted")),
    *((f"the key {path}", f"xenstore-write {path} planted", f"xenstore-rm -t {path}", [f"xenstore {path}"])
      for path in (f"/local/domain/0/dms/{DOMID}", f"/local/domain/0/device-model/{DOMID}",
                   f"/local/domain/0/backend/vif/{DOMID}", f"/local/domain/{DOMID}",
                   "/vm/planted", f"/libxl/{DOMID}")),
)


def of_running(domid):
    """Return the lines of what a running domain with a NIC in a secondary has."""
    devicemodel = "file /run/libvirt/libxl/devicemodel"
    return [f"domain alive {domid}", f"ioreq server 0 of domain {domid}",
            f"ioreq server 1 of domain {domid}",
            rf"process \d+ of user 0: .* -xen-domid {domid} .*",
            rf"process \d+ of user {0x70000000 + domid * 16 + 1}: .* -xen-domid {domid} .*",
            rf"cgroup /sys/fs/cgroup/machine/xen-{domid}-1-lan\.libvirt-xen",
            rf"interface vif{domid}\.0", r"interface (vnet|tap).*", rf"{devicemodel}/{domid}-1\.pid",
            rf"{devicemodel}/{domid}-1\.qmp", rf"{devicemodel}/{domid}-1\.regs",
            r"file /run/libvirt/libxl/alive\.xml",
            f"file /run/xen/qmp-libxl-{domid}", f"xenstore /local/domain/0/dms/{domid}/1/pid",
            f"xenstore /local/domain/0/device-model/{domid}", f"xenstore /local/domain/{domid}",
            f"xenstore /local/domain/0/backend/vif/{domid}", f"xenstore /libxl/{domid}"]


def expect_lines(found, what, patterns):
    """Fail unless a line of @found is like each of @patterns."""
    for pattern in patterns:
        expect(any(re.fullmatch(pattern, line) for line in found),
               f"'{pattern}' of {what} in: " + "; ".join(found))


@scenario(turn=FIRST)
def leftovers_seen(host):
    """Each thing that a domain may leave is found: the search for leftovers can fail."""
    expect(not leftovers(host), f"nothing before: {leftovers(host)}")
    # It leaves the folder that its secondary had as root, as the daemon wants it.
    xml = domain_xml("alive", TWO_NICS, memory=64, boot="<boot dev='hd'/>")
    with running(host, "alive", xml) as domain:
        domid = int(domain.virsh("domid alive").stdout)
        expect_lines(leftovers(host), "a domain that runs", of_running(domid))
    try:
        # some of them are processes that have to start
        host.run(["bash", "-c", "\n".join(f"({plant}) > /dev/null 2>&1 < /dev/null &"
                                          for _, plant, _, _ in PLANTS) + "\nsleep 5"])
        found = leftovers(host)
        for what, _, _, lines in PLANTS:
            expect_lines(found, what, lines)
    finally:
        host.run("; ".join(remove for _, _, remove, _ in PLANTS), check=False)
    left = leftovers(host)
    expect(not left, f"nothing after: {left}")
