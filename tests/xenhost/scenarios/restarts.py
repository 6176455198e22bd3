# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secondaries that end and are restarted: their devices come back."""

import contextlib
import re
import time

from xenhostlib.domain import EMULATOR, devicemodel, disk, domain_xml, mac, nic
from xenhostlib.tree import HOLD_KEY, HOLD_TIME

from .common import (FIRST, LAST, MAIN, configure, expect, expect_all_gone, expect_words,
                     no_daemon, running, scenario, wait_for)
from .deaths import IMAGE, KILLED, guest_with_all, kill, state_of
from .failures import defined, pair

# Until the driver of a NIC has noticed that nothing is sent, and has reset it.
BACK = 120
# An emulator of which only the first process ever serves, and what comes in its place; it still
# says what it offers. And when the guest answered pings.
FIRST_ONLY = "/root/xen-qemu-first"
NEVER = f"""#!/bin/sh
case "$*" in *-xen-domid*) exec sleep 600 ;; esac
exec {EMULATOR} "$@"
"""
PINGS = "/root/pings"


def count_of(domain, name):
    """Return how often a device model has failed."""
    [element] = domain.xml().findall(f".//devicemodel[@name='{name}']")
    failure = element.find("failure")
    return int(failure.get("count", "0")) if failure is not None else 0


def expect_restarted(domain, name, count, reason=KILLED):
    """Wait until a device model runs that has failed @count times, the last time for @reason."""
    wait_for(lambda: (state_of(domain, name)[0], count_of(domain, name)) == ("running", count),
             f"'{name}' running after {count} failures: {state_of(domain, name)}, {count_of(domain, name)}", 90)
    expect_words(state_of(domain, name)[1], reason)


def nic_comes_back(host, model, hint=""):
    """The secondary of a NIC is killed again and again, and the guest pings through it again
    each time: with no help, or when it has closed and opened its interface, as the @hint says
    that it has to."""
    with guest_with_all(host, model=model) as domain:
        names = {entry["mac"]: entry["name"] for entry in domain.report()["NIC"]}
        for count, signal in enumerate(("KILL", "SEGV", "TERM"), 1):
            domain.wait_for_pings(names.values())
            kill(host, domain, "lan", signal)
            begin = time.monotonic()
            expect_restarted(domain, "lan", count, hint)
            running = time.monotonic() - begin
            if hint:
                domain.ask(f"reopen {mac(2)}")
            domain.wait_for_pings([names[mac(2)]], BACK)
            print(f"the '{model}' ran again {running:.1f} s after SIG{signal}, and the guest pinged "
                  f"{time.monotonic() - begin:.1f} s after it")
        if hint:
            # the driver resets a card that has its rings already
            domain.ask(f"reopen {mac(2)}")
            domain.wait_for_pings([names[mac(2)]], BACK)
        expect_words(host.run("xenstore-ls /local/domain/0/dms").stdout, 'state = "running"')
        domain.virsh(f"domif-setlink {domain.name} {mac(2)} down")
        kill(host, domain, "lan", "KILL")
        expect_restarted(domain, "lan", 4)
        expect_words(domain.virsh(f"domif-getlink {domain.name} {mac(2)}").stdout, "down")
        # so it is for the new process, too
        expect_words(domain.ask(f"ping {mac(2)}"), "ok=0")
        domain.virsh(f"domif-setlink {domain.name} {mac(2)} up")
        domain.wait_for_pings([names[mac(1)]])
        domain.destroy()
    expect_all_gone(host)


@scenario(seconds=150, turn=LAST)
def rtl8139_restarts(host):
    """An rtl8139 comes back."""
    nic_comes_back(host, "rtl8139")


@scenario(seconds=180, turn=LAST)
def e1000_restarts(host):
    """An e1000 comes back."""
    nic_comes_back(host, "e1000")


def guarded(host, domain):
    """Return what the new process of 'lan' was told of its e1000, and what of it is on: bits, by
    libxl_devicemodel_dma.c."""
    domid = domain.virsh(f"domid {domain.name}").stdout.strip()
    said = host.run(f"tail -c 1792 /run/libvirt/libxl/devicemodel/{domid}-1.regs | "
                    "head -c 32 | od -A n -t u8 -w32").stdout
    kind, _slot, told, on = map(int, said.split())
    expect(kind == 1, f"an e1000 that is guarded: kind {kind}")
    return told, on


@scenario(seconds=160, turn=LAST)
def e1000_has_no_ring(host):
    """The driver of an e1000 switches its transmitter on when a link comes back, though the card
    is another one, which was not told of a ring: it stays off until it was."""
    with guest_with_all(host, model="e1000") as domain:
        names = {entry["mac"]: entry["name"] for entry in domain.report()["NIC"]}
        domain.wait_for_pings(names.values())
        domain.virsh(f"domif-setlink {domain.name} {mac(2)} down")
        # what is to be sent has been, and the driver knows
        time.sleep(10)
        kill(host, domain, "lan", "KILL")
        expect_restarted(domain, "lan", 1)
        expect(guarded(host, domain) == (0, 0), f"a card that was told nothing: {guarded(host, domain)}")
        domain.virsh(f"domif-setlink {domain.name} {mac(2)} up")
        # the first bit is TCTL, where the driver writes when it sees the link, last to switch on
        wait_for(lambda: guarded(host, domain) == (1, 0),
                 f"a transmitter that was switched on and stays off: {guarded(host, domain)}", 60)
        domain.wait_for_pings([names[mac(2)]], BACK)
        expect(guarded(host, domain) == (0xff, 3), f"a card that has its rings: {guarded(host, domain)}")
        domain.destroy()
    expect_all_gone(host)


@scenario(seconds=250, turn=LAST)
def e1000e_restarts(host):
    """An e1000e comes back when its guest closes and opens the interface, and its state says so."""
    nic_comes_back(host, "e1000e", "an interface is back when the guest closes and opens it")


@scenario(seconds=90, turn=FIRST)
def restarts_end(host):
    """A secondary that ends too often stays away, until its domain is started again."""
    with defined(host, pair()) as domain:
        domain.start()
        # a BIOS that finds nothing to boot begins anew after a minute, with a new domain
        domain.virsh("suspend fails")
        for count in range(1, 5):
            kill(host, domain, "lan", "KILL")
            expect_restarted(domain, "lan", count)
        kill(host, domain, "lan", "KILL")
        wait_for(lambda: state_of(domain, "lan")[0] == "failed", "'lan' failed for good", 60)
        expect_words(state_of(domain, "lan")[1], KILLED, "not restarted", "too often")
        expect(state_of(domain, "wan")[0] == "running", "'wan' running")
        domain.destroy()
        expect_all_gone(host)

        domain.start()
        kill(host, domain, "lan", "KILL")
        expect_restarted(domain, "lan", 1)
        domain.destroy()
        expect_all_gone(host)


@scenario(seconds=120, turn=FIRST)
def restarts_at_bad_times(host):
    """Secondaries are restarted that died together, in a paused domain, while no daemon ran,
    while the daemon that restarted them was killed, and while the domain ends."""
    with defined(host, pair()) as domain:
        domain.start()
        domain.virsh("suspend fails")
        host.run("pkill -KILL -f 'guest=fails/[lw]an'")
        for name in ("lan", "wan"):
            expect_restarted(domain, name, 1)
        domain.virsh("resume fails")

        with no_daemon(host):
            host.run("pkill -KILL -f 'guest=fails/[lw]an'")
        for name in ("lan", "wan"):
            expect_restarted(domain, name, 2, "ended while no daemon was running")

        kill(host, domain, "lan", "KILL")
        host.run("sleep 0.7; systemctl kill --kill-who=main -s KILL libvirtd; sleep 1; "
                 "systemctl start libvirtd && virsh -q version")
        expect_restarted(domain, "lan", 3, "")
        expect(state_of(domain, "wan")[0] == "running", "'wan' running")

        kill(host, domain, "wan", "KILL")
        domain.destroy()
        expect_all_gone(host)

        domain.start()
        host.run("pkill -KILL -f 'guest=fails/[lw]an' & virsh destroy fails; wait")
        expect_all_gone(host)


@scenario(seconds=60)
def restarts_by_hand(host):
    """What stays away comes back when somebody says so."""
    with defined(host, pair(failure="ignore")) as domain:
        domain.start()
        kill(host, domain, "lan", "KILL")
        wait_for(lambda: state_of(domain, "lan")[0] == "failed", "'lan' failed", 60)
        domain.virsh(f"domif-setlink fails {mac(2)} up")
        expect_restarted(domain, "lan", 1)
        domain.destroy()
    expect_all_gone(host)


@scenario(turn=FIRST)
def restarts_not(host):
    """What cannot be restarted is not, and says why."""
    with defined(host, pair(nics=nic(2, "virtio") + nic(3))) as domain:
        domain.start()
        host.run("pkill -KILL -f 'guest=fails/[lw]an'")
        expect_restarted(domain, "wan", 1)
        wait_for(lambda: state_of(domain, "lan")[0] == "failed", "'lan' failed", 60)
        expect_words(state_of(domain, "lan")[1], KILLED, "not restarted", "'virtio'")
        domain.destroy()
        expect_all_gone(host)


def answers(domain, word):
    """Return the guest's answers to the commands @word so far."""
    return [line.split(" ", 2)[2] for line in domain.console().replace("\r", "").split("\n")
            if line.startswith(f"ANSWER {word} ")]


def expect_same_disk(host, domain):
    """Fail unless the guest reads from its disk what the image has, and can write to it."""
    image = host.run(f"head -c 65536 {IMAGE} | sha256sum").stdout.split()[0]
    expect_words(domain.ask("disk sda"), f"sha256={image} rw=ok")


@scenario(seconds=150, turn=FIRST)
def disk_restarts(host):
    """The secondary of a disk is killed while the guest reads and writes it."""
    with guest_with_all(host) as domain:
        expect_same_disk(host, domain)
        for count, signal in enumerate(("KILL", "SEGV", "TERM"), 1):
            before = len(answers(domain, "disk"))
            domain.tell("disk sda")
            kill(host, domain, "disk", signal)
            expect_restarted(domain, "disk", count, "")
            domain.wait(lambda seen=before: len(answers(domain, "disk")) > seen, "an answer about its disk", 240)
            print(f"while the secondary got SIG{signal}, the guest read: {answers(domain, 'disk')[-1]}")
            # QEMU gives its ioreq server back when it is asked to end: the guest is not held
            # then, and its driver may have given the disk up
            if signal != "TERM":
                expect_same_disk(host, domain)
        domain.destroy()
    expect_all_gone(host)


@scenario(seconds=150, turn=LAST)
def serial_restarts(host):
    """The secondary of the serial port over which the guest is talked with is killed."""
    with guest_with_all(host) as domain:
        names = {entry["mac"]: entry["name"] for entry in domain.report()["NIC"]}
        for count, signal in enumerate(("KILL", "SEGV"), 1):
            kill(host, domain, "lines", signal)
            expect_restarted(domain, "lines", count, "")
            domain.listen()
            expect_words(domain.ask(f"ping {names[mac(1)]}"), "lost=0")
        domain.destroy()
    expect_all_gone(host)


@contextlib.contextmanager
def guest_of_first_only(host):
    """A guest with a NIC of its primary's, and a secondary with its disk, in whose place no other
    process comes."""
    devices = (MAIN + devicemodel("disk", capabilities=["ide"], emulator=FIRST_ONLY) +
               disk("hda", IMAGE) + nic(1))
    host.run(f"printf DMTEST-RW | dd of={IMAGE} bs=1M conv=sync status=none; "
             f"ln -sf {EMULATOR} {FIRST_ONLY}")
    try:
        with running(host, "waits", domain_xml("waits", devices, serial="<serial type='pty'/>")) as domain:
            domain.listen()
            yield domain
    finally:
        host.run(["rm", "-f", IMAGE, FIRST_ONLY, PINGS])


def stands_still(host, domain, seconds):
    """Kill the secondary of the disk, and have the guest read that; return for how long its only
    vCPU answered nobody in so many seconds from then on: seconds."""
    address = domain.report()["NIC"][0]["address"]
    host.run(f"rm {FIRST_ONLY} && cat > {FIRST_ONLY} && chmod 755 {FIRST_ONLY}", input=NEVER)
    host.run(f"ping -c 1 -w 60 {address}; "
             f"ping -D -n -i 0.5 -w {seconds} {address} > {PINGS} 2>&1 < /dev/null &")
    kill(host, domain, "disk", "KILL")
    domain.tell("disk sda")
    host.run("while pgrep -x ping > /dev/null; do sleep 1; done", timeout=seconds + 60)
    times = [float(word) for word in re.findall(r"^\[([0-9.]+)\] .* bytes from", host.run(["cat", PINGS]).stdout,
                                                re.MULTILINE)]
    expect(len(times) > 1, f"answers to pings: {times}")
    return max(later - earlier for earlier, later in zip(times, times[1:]))


@scenario(seconds=200)
def hold_times(host):
    """For how long a guest waits for a process that does not come is in libxl.conf."""
    try:
        for seconds, least, most in ((0, 0, 6), (18, 11, 23)):
            configure(host, HOLD_KEY, seconds)
            with guest_of_first_only(host) as domain:
                silence = stands_still(host, domain, seconds + 25)
                expect(least <= silence <= most, f"a guest that waits for {seconds} s, not for {silence:.1f} s")
                domain.destroy()
            expect_all_gone(host)
    finally:
        configure(host, HOLD_KEY, HOLD_TIME)
