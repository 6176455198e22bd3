# SPDX-License-Identifier: LGPL-2.1-or-later
"""What else a client asks for while libxl creates a domain."""

import contextlib

from xenhostlib import Domain
from xenhostlib.domain import EMULATOR, devicemodel, disk, nic, openers

from .common import LAST, MAIN, expect, expect_all_gone, expect_words, scenario, secondaries
from .devices import image, pid_of
from .failures import beside, small

SLOW = "/root/slow-emulator"
OTHER = "/root/other.xml"
IMAGE = "/root/other.img"

# What is emulated, and what the domain is started as.
DEVICES = nic(2) + nic(3) + disk("hda", IMAGE)
FIRST = MAIN + devicemodel("lan", [2], ["ide"]) + devicemodel("wan", [3]) + DEVICES

# Another definition of the domain, that it does not run as.
OTHERS = {
    "without device models": DEVICES,
    "with its NICs in another device model": MAIN + devicemodel("net", [2, 3]) + DEVICES,
    "with a NIC in the primary": devicemodel("main", [2], ["ui"]) + devicemodel("wan", [3]) + DEVICES,
    "with its disk in the primary": MAIN + devicemodel("lan", [2]) + devicemodel("wan", [3]) + DEVICES,
}


@contextlib.contextmanager
def slow_domain(host):
    """The domain 'fails', whose primary starts slowly, so that libxl needs its time."""
    domain = Domain(host, "fails")
    host.run(f"cat > {SLOW} && chmod 755 {SLOW}",
             input=f"#!/bin/sh\ncase $* in *-xen-domid*) sleep 6;; esac\nexec {EMULATOR} \"$@\"\n")
    try:
        image(host, IMAGE, "nothing to boot")
        domain.define(small("fails", FIRST, SLOW))
        yield domain
    finally:
        domain.remove()
        host.run(["rm", "-f", SLOW, OTHER, IMAGE])


def start_beside(host, action):
    """Start the domain, and do @action while libxl creates it."""
    said = beside(host, "virsh start fails", "pgrep -f '[s]low-emulator.*-xen-domid' >/dev/null",
                  f"{action} && echo \"id $(virsh domid fails)\"")
    expect_words(said, "status 0", "id -")


def expect_first(domain, host):
    """Fail unless the domain runs as it was when it was started."""
    expect_words(domain.virsh("domstate fails").stdout, "running")
    names = [dm.get("name") for dm in domain.xml().findall(".//devicemodel")]
    expect(names == ["main", "lan", "wan"], f"the device models that were started: {names}")
    expect(len(secondaries(host)) == 2, f"two secondaries: {secondaries(host)}")
    expect(openers(host, IMAGE) == [pid_of(host, "lan")],
           f"the disk open in its secondary only: {openers(host, IMAGE)}")


@scenario(seconds=60, turn=LAST)
def redefined_in_start(host):
    """A domain that is defined anew while libxl creates it is that from its next start on."""
    for title, devices in OTHERS.items():
        with slow_domain(host) as domain:
            uuid = domain.virsh("domuuid fails").stdout.strip()
            host.run(f"cat > {OTHER}", input=small("fails", devices).replace(
                "</name>", f"</name><uuid>{uuid}</uuid>", 1))
            start_beside(host, f"virsh define {OTHER}")
            expect_first(domain, host)
            count = domain.virsh("dumpxml --inactive fails").stdout.count("<devicemodel ")
            expect(count == devices.count("<devicemodel "), f"the definition {title}: {count}")
            domain.destroy()
            expect_all_gone(host)


@scenario(turn=LAST)
def undefined_in_start(host):
    """A domain that is undefined while libxl creates it is transient, and not lost."""
    with slow_domain(host) as domain:
        start_beside(host, "virsh undefine fails")
        expect_first(domain, host)
        expect_words(domain.virsh("dominfo fails").stdout.replace(" ", ""), "Persistent:no")
        domain.destroy()
        expect_all_gone(host)
        expect("fails" not in domain.virsh("list --all").stdout, "no domain left")
