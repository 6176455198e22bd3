# SPDX-License-Identifier: LGPL-2.1-or-later
"""Device models that end while their guest runs, or hang: what it costs, and who hears of
it."""

import contextlib
import pathlib
import tempfile
import time

from xenhostlib.common import call
from xenhostlib.domain import devicemodel, disk, domain_xml, mac, nic

from .common import (FIRST, MAIN, expect, expect_all_gone, expect_words, no_daemon, running,
                     scenario, secondaries_of, wait_for)
from .failures import NICS, defined, pair

IMAGE = "/root/dies.img"
EVENTS = "/root/events"
# A guest that was suspended for long takes itself for stuck, and would say so in the middle of a line.
CMDLINE = "xen_nopv quiet nosoftlockup"
# A file system of its own for an image, how long nothing can be written there, and after
# how long the guest gives a write up: seconds.
SLOW = "/root/slow"
SLOW_SECONDS = 20
PATIENCE = 5
# How long the guest may leave a NIC alone: seconds.
PINGS = 6
# Ways to make a process hang: one can be seen in its state, the other cannot.
FREEZER = "/sys/fs/cgroup/hang"
STOPPED = "kill -STOP {pid}"
FROZEN = f"mkdir -p {FREEZER} && echo {{pid}} > {FREEZER}/cgroup.procs && echo 1 > {FREEZER}/cgroup.freeze"
# The limit that a device model has by default, how late a look may come, and what killing,
# freeing and telling take beyond that, on an emulated host: seconds.
LIMIT = 10
LATE = 3
TELLING = 8
# How the daemon says that of a child.
KILLED = "killed by signal 9"


def state_of(domain, name):
    """Return the state of a device model, and why it failed."""
    [element] = domain.xml().findall(f".//devicemodel[@name='{name}']")
    failure = element.find("failure")
    return element.get("state"), failure.get("reason") if failure is not None else None


def expect_failed(domain, name, reason):
    """Wait until the driver says that a device model failed, and why."""
    wait_for(lambda: state_of(domain, name)[0] == "failed", f"'{name}' failed: {state_of(domain, name)}", 60)
    expect_words(state_of(domain, name)[1], reason)
    expect_words(domain.virsh(f"dominfo {domain.name}").stdout, f"device model '{name}' failed: ", reason)


def expect_state(domain, state):
    """Wait until the domain is in @state, in virsh's words with the reason."""
    wait_for(lambda: domain.virsh(f"domstate --reason {domain.name}").stdout.strip() == state,
             f"a domain that is {state}", 60)


@contextlib.contextmanager
def events_heard(host, domain):
    """A client that hears of I/O errors; yields what returns its words."""
    host.run(["systemd-run", "--quiet", "--collect", "--unit=events", "sh", "-c",
              f"virsh event {domain.name} io-error-reason --loop > {EVENTS} 2>&1"])
    try:
        yield lambda: host.run(["cat", EVENTS], check=False).stdout
    finally:
        host.run(f"systemctl stop events; rm -f {EVENTS}")


@contextlib.contextmanager
def guest_with_all(host, image=IMAGE, size=1, limit=None, failure=None, model="rtl8139"):
    """A guest with a NIC of its primary's, and with three secondaries: a NIC of a @model, disk
    and serial port. Its disk, the file @image of @size MiB, or a block device, has a device model that
    hangs after @limit seconds; @failure is what is done when one of them fails."""
    block = image.startswith("/dev/")
    devices = (MAIN + devicemodel("lan", [2], failure=failure) +
               devicemodel("disk", capabilities=["ide"], failure=failure, limit=limit) +
               devicemodel("lines", capabilities=["serial"], failure=failure) +
               disk("hda", image, block=block) + nic(1) + nic(2, model))
    host.run(f"printf DMTEST-RW | dd of={image} bs=1M conv=sync status=none")
    if not block:
        host.run(["truncate", "-s", f"{size}M", image])
    try:
        xml = domain_xml("dies", devices, cmdline=CMDLINE, serial="<serial type='pty'/>")
        with running(host, "dies", xml) as domain:
            domain.listen()
            domain.report()
            yield domain
    finally:
        if not block:
            host.run(["rm", "-f", image])


@contextlib.contextmanager
def slow_disk(host):
    """A file system that can be frozen; yields its folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "slow.ext4"
        call(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", str(path), "16M"])
        host.copy_to(path, "/root/slow.ext4")
    host.run(f"mkdir -p {SLOW} && mount -o loop /root/slow.ext4 {SLOW}")
    try:
        yield SLOW
    finally:
        host.run(f"umount {SLOW} && rm -r {SLOW} /root/slow.ext4")


@contextlib.contextmanager
def frozen(host, folder):
    """Have whoever writes to the file system of a folder wait, uninterruptibly."""
    host.run(["fsfreeze", "-f", folder])
    try:
        yield
    finally:
        host.run(["fsfreeze", "-u", folder])


def expect_refused(domain, command, *words):
    """Fail unless a virsh command about a device that is gone fails at once."""
    begin = time.monotonic()
    done = domain.virsh(command, check=False)
    expect(done.returncode != 0 and time.monotonic() < begin + 20, f"a refusal of '{command}' at once")
    expect_words(done.stderr, *words)


def expect_silence(host, address, seconds):
    """Wait until nothing has answered at an address for so long."""
    begin = answered = time.monotonic()
    while time.monotonic() < answered + seconds:
        expect(time.monotonic() < begin + 120, f"{seconds} s without an answer from {address}")
        if host.run(f"ping -q -w 2 {address}", check=False).returncode == 0:
            answered = time.monotonic()


def pid_of(host, domain, name):
    """Return the pid of the secondary @name."""
    [pid] = [pid for pid, line in secondaries_of(host, domain.name).items() if f"/{name} " in line]
    return pid


def kill(host, domain, name, signal):
    """Let a signal end the secondary @name, or stop it."""
    host.run(["kill", f"-{signal}", pid_of(host, domain, name)])


@scenario(seconds=150, turn=FIRST)
def secondaries_die(host):
    """Each secondary of a guest dies in turn: the guest and the other devices go on,
    and everybody is told."""
    with guest_with_all(host, failure="ignore") as domain, events_heard(host, domain) as heard:
        nics = {entry["mac"]: entry for entry in domain.report()["NIC"]}
        first = nics[mac(1)]
        domain.wait_for_pings([entry["name"] for entry in nics.values()])

        kill(host, domain, "lan", "KILL")
        expect_failed(domain, "lan", KILLED)
        wait_for(lambda: "(lan)" in heard(), f"an event for 'lan': {heard()}", 60)
        domain.wait_for_pings([first["name"]])
        expect_refused(domain, f"domif-setlink {domain.name} {mac(2)} down", "'lan'")

        tty = domain.tty()
        with no_daemon(host):
            kill(host, domain, "disk", "SEGV")
            # the guest waits for its disk from now on
            host.run(f"echo disk sda > {tty}")
        expect_failed(domain, "disk", "ended while no daemon was running")
        domain.wait(lambda: "ANSWER disk sda" in domain.console(), "an answer about its disk", 240)
        expect_words(domain.console(), "sha256=failed")
        expect_refused(domain, f"domblkinfo {domain.name} hda", "'disk'")

        # QEMU gives its ioreq server back then, and leaves who waits for it alone; it is no
        # child of the second daemon's
        kill(host, domain, "lines", "TERM")
        expect_failed(domain, "lines", "ended, nobody knows why")
        host.run(f"ping -c 3 -w 60 {first['address']}")
        console = host.run(f"timeout 20 script -qec 'virsh console {domain.name} --force' /dev/null", check=False)
        expect_words(console.stdout, "'lines'")
        domain.destroy()
    expect_all_gone(host)


@scenario(turn=FIRST)
def primary_dies(host):
    """The primary dies: the domain ends as one that crashed, and on_crash is obeyed."""
    with defined(host, pair()) as domain:
        domain.start()
        host.run("kill -KILL $(xenstore-read /local/domain/$(xl domid fails)/image/device-model-pid)")
        expect_state(domain, "shut off (crashed)")
        expect_all_gone(host)
        expect_words(host.run("journalctl -q -u libvirtd -g 'failed: ' | tail -n 1").stdout, "'main'", "'fails'")

        # whoever else ends the domain ends its primary first
        domain.start()
        host.run("xl destroy fails")
        expect_state(domain, "shut off (destroyed)")
        expect_all_gone(host)


@scenario(seconds=60, turn=FIRST)
def failure_actions(host):
    """<failure action=''> pauses or destroys the domain."""
    for action, state in (("pause", "paused (I/O error)"), ("destroy", "shut off (failed)")):
        devices = MAIN + "".join(devicemodel(name, [number], failure=action)
                                 for name, number in (("lan", 2), ("wan", 3))) + NICS
        with defined(host, devices) as domain:
            domain.start()
            kill(host, domain, "lan", "KILL")
            expect_state(domain, state)
            if action == "pause":
                expect_failed(domain, "lan", KILLED)
                domain.virsh("resume fails")
                domain.destroy()
            expect_all_gone(host)


@scenario(seconds=60, turn=FIRST)
def deaths_at_bad_times(host):
    """Secondaries die together, in a paused domain, and while it ends."""
    with defined(host, pair(failure="ignore")) as domain:
        domain.start()
        domain.virsh("suspend fails")
        host.run("pkill -KILL -f 'guest=fails/[lw]an'")
        for name in ("lan", "wan"):
            expect_failed(domain, name, KILLED)
        domain.virsh("resume fails")
        expect_refused(domain, "save fails /root/fails.save", "'fails'", "'lan'")
        domain.destroy()
        expect_all_gone(host)

        domain.start()
        host.run("pkill -KILL -f 'guest=fails/[lw]an' & virsh destroy fails; wait")
        expect_all_gone(host)

        # the next daemon hears of all of it at once
        domain.start()
        with no_daemon(host):
            host.run("pkill -KILL -f 'guest=fails/[lw]an'")
        for name in ("lan", "wan"):
            expect_failed(domain, name, "ended while no daemon was running")
        domain.destroy()
        expect_all_gone(host)


def hang(host, domain, name, way, unused=0):
    """Make a secondary hang, which the guest may not use for so many seconds; fail unless
    that is found and told in time."""
    begin = int(host.run(f"{way.format(pid=pid_of(host, domain, name))} && date +%s").stdout)
    expect_failed(domain, name, "hung for ")
    failure = domain.xml().find(f".//devicemodel[@name='{name}']/failure")
    silence = int(failure.get("reason").split()[2])
    took = int(host.run(["date", "-d", failure.get("last"), "+%s"]).stdout) - begin
    expect(LIMIT <= silence <= LIMIT + LATE and LIMIT - LATE <= took <= unused + LIMIT + TELLING,
           f"'{name}' to be found after {LIMIT} s, not after {silence} s, {took} s from the begin")


@scenario(seconds=120, turn=FIRST)
def secondaries_hang(host):
    """Secondaries hang, whether the guest uses them or not: they are found, and killed,
    and the guest goes on. One without a limit is left alone."""
    with guest_with_all(host, limit=0, failure="ignore") as domain, events_heard(host, domain) as heard:
        nics = {entry["mac"]: entry for entry in domain.report()["NIC"]}
        first = nics[mac(1)]
        domain.wait_for_pings([entry["name"] for entry in nics.values()])
        kill(host, domain, "disk", "STOP")

        # the guest pings through it, and stands still then until it is freed
        hang(host, domain, "lan", FROZEN, unused=PINGS)
        host.run(["rmdir", FREEZER])
        wait_for(lambda: "(lan)" in heard(), f"an event for 'lan': {heard()}", 60)
        domain.wait_for_pings([first["name"]])
        expect_refused(domain, f"domif-setlink {domain.name} {mac(2)} down", "'lan'")

        hang(host, domain, "lines", STOPPED)
        host.run(f"ping -c 3 -w 60 {first['address']}")

        # that asks the host, and not the device model
        domain.virsh(f"domblkinfo {domain.name} hda", timeout=20)
        kill(host, domain, "disk", "CONT")
        expect(state_of(domain, "disk") == ("running", None),
               f"'disk' to be left alone: {state_of(domain, 'disk')}")
        domain.destroy()
    expect_all_gone(host)


@scenario(seconds=130, turn=FIRST)
def slow_disk_waits(host):
    """A secondary that drains a slow disk serves neither guest nor QMP, and is left
    alone: the guest has its disk again when the host has."""
    with slow_disk(host) as folder, guest_with_all(host, image=f"{folder}/dies.img") as domain:
        address = domain.report()["NIC"][0]["address"]
        pid = pid_of(host, domain, "disk")
        domain.ask(f"patience {PATIENCE}")
        with frozen(host, folder):
            domain.tell("disk sda")
            # the guest gives the write up and stops the controller, which waits for it: the
            # only vCPU stands still then
            expect_silence(host, address, SLOW_SECONDS)
            host.run(f"ps -L -o state= -p {pid} | grep -q D")

        domain.wait(lambda: "ANSWER disk sda" in domain.console(), "an answer about its disk", 240)
        expect_words(domain.console().split("ANSWER disk sda")[1], "rw=ok")
        expect(pid_of(host, domain, "disk") == pid, "the same process")
        expect(state_of(domain, "disk") == ("running", None), f"'disk' to go on: {state_of(domain, 'disk')}")
        domain.destroy()
    expect_all_gone(host)
