# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secondaries that end while something else is done with their domain, or by its guest: both
come to an end, and to one that is defined."""

from xenhostlib.common import PROGRAMS
from xenhostlib.domain import MAIN, devicemodel, disk, domain_xml, mac

from .common import (TWO_NICS, Failure, expect, expect_all_gone, expect_words, running, scenario,
                     secondaries_of, wait_for)
from .deaths import kill, pid_of, state_of
from .devices import image
from .failures import beside, defined, pair
from .restarts import BACK, expect_restarted

MEDIA = ("/root/first.iso", "/root/second.iso")
# Whether somebody talks with the secondary over QMP, or has begun to.
TALKS = "ss -Hx state established | grep -q '/devicemodel/.*[.]qmp'"
# The memory of the guest that balloons: KiB, and what Xen may count beyond that: MiB.
SMALL, LARGE = 160 * 1024, 256 * 1024
SPARE = 12


def expect_medium(domain, checksum):
    """Wait until the guest reads a medium, or "failed" for none, and nothing else before that. A
    drive may refuse a command when its device model has just returned."""
    def reads():
        said = domain.ask("disk sr0").split()[-2]
        if said not in (f"sha256={checksum}", "sha256=failed"):
            raise Failure(f"expected {checksum} in the drive: {said}")
        return said == f"sha256={checksum}"
    wait_for(reads, f"{checksum} in the drive", BACK)


@scenario(seconds=150)
def cdrom_restarts(host):
    """The secondary of a cdrom drive is killed, before, after and while its medium is changed: the
    guest reads the medium that the live XML has."""
    sums = {path: image(host, path, path) for path in MEDIA}
    first, second = MEDIA
    # it is stopped for longer here than one that hangs is by default
    devices = (MAIN + devicemodel("disk", capabilities=["ide"], limit=60) +
               devicemodel("lines", capabilities=["serial"]) + disk("hdc", first, device="cdrom"))
    try:
        with running(host, "media", domain_xml("media", devices, serial="<serial type='pty'/>")) as domain:
            domain.listen()
            domain.report()
            expect_medium(domain, sums[first])
            kill(host, domain, "disk", "KILL")
            expect_restarted(domain, "disk", 1)
            expect_medium(domain, sums[first])

            domain.virsh(f"change-media media hdc {second} --update --live")
            kill(host, domain, "disk", "SEGV")
            expect_restarted(domain, "disk", 2, "")
            expect_medium(domain, sums[second])

            expect_change_fails(host, domain, first)
            expect_restarted(domain, "disk", 3)
            expect_words(domain.virsh("domblklist media").stdout, second)
            expect_medium(domain, sums[second])

            expect_change_ends(host, domain, first)
            expect_restarted(domain, "disk", 4)
            [now] = [path for path in MEDIA if path in domain.virsh("domblklist media").stdout]
            expect_medium(domain, sums[now])
            domain.destroy()
        expect_all_gone(host)
    finally:
        host.run(["rm", "-f", *MEDIA])


def expect_change_fails(host, domain, medium):
    """Fail unless a change of the medium fails whose secondary ends before it answers."""
    pid = pid_of(host, domain, "disk")
    host.run(["kill", "-STOP", pid])
    # who is stopped accepts nobody, and what waits for that is not in the list of connections
    said = beside(host, f"virsh change-media media hdc {medium} --update --live", "sleep 3", f"kill -KILL {pid}")
    expect("too late" not in said, f"a change that waits for the secondary: {said}")
    expect_words(said, "status 1", "'disk'")


def expect_change_ends(host, domain, medium):
    """Fail unless a change of the medium ends, one way or the other, whose secondary ends when it
    has begun to talk with it."""
    pid = pid_of(host, domain, "disk")
    said = beside(host, f"virsh change-media media hdc {medium} --update --live", TALKS, f"kill -KILL {pid}")
    print(f"a change of the medium in which the secondary was killed: {said.split()}")
    expect("status 0" in said or "'disk'" in said, f"the change done, or an error about 'disk': {said}")


@scenario(seconds=130)
def death_in_ballooning(host):
    """A secondary is killed while its guest, which has PV drivers, gives memory back, and while
    it takes it again: both are done, and the NIC comes back."""
    xml = domain_xml("balloon", TWO_NICS, cmdline="quiet", serial="<serial type='pty'/>")
    with running(host, "balloon", xml) as domain:
        domain.listen()
        [name] = [entry["name"] for entry in domain.report()["NIC"] if entry["mac"] == mac(2)]
        domain.wait_for_pings([name])
        for count, size in enumerate((SMALL, LARGE), 1):
            pid = pid_of(host, domain, "lan")
            said = host.run(f"(virsh setmem balloon {size} --live 2>&1; echo status $?) & sleep 1; "
                            f"kill -KILL {pid}; wait", timeout=200).stdout
            expect_words(said, "status 0")
            expect_restarted(domain, "lan", count)
            wait_for(lambda wanted=size // 1024: abs(memory_of(host, "balloon") - wanted) <= SPARE,
                     f"a guest of {size // 1024} MiB", BACK)
            domain.wait_for_pings([name], BACK)
        domain.destroy()
    expect_all_gone(host)


def memory_of(host, name):
    """Return how much memory Xen says that a domain has: MiB."""
    return int(host.run(["xl", "list", name]).stdout.splitlines()[1].split()[2])


@scenario(seconds=130)
def deaths_in_ends(host):
    """Secondaries are killed while their guest shuts down, and while it reboots, at each moment of
    that: the domain is off, or runs with all its device models."""
    with defined(host, pair()) as domain:
        domain.start()
        host.run(f"pkill -KILL -f 'guest=fails/[lw]an' & {end('poweroff')}; wait")
        wait_for(lambda: "shut off" in domain.virsh("domstate fails").stdout, "a domain that is shut off")
        expect_all_gone(host)

        for action in ("pkill -KILL -f 'guest=fails/[lw]an'",
                       "sleep 1; pkill -KILL -f 'guest=fails/[l]an'; true",
                       new_one_killed("lan"), new_one_killed("wan")):
            if "running" not in domain.virsh("domstate fails").stdout:
                domain.start()
            old = " ".join(secondaries_of(host, "fails"))
            before = domain.virsh("domid fails").stdout, reboots_that_failed(host)
            host.run(f"old='{old}'; {end('reboot')} & {action} || exit 1; wait", timeout=200)
            how = wait_for(lambda before=before: outcome(host, domain, *before), "an end of the reboot", 180)
            print(f"a reboot beside '{action}': the domain is {how}")
        domain.remove()
    expect_all_gone(host)


def end(how):
    """Return a command by which the guest of 'fails' ends."""
    return f"{PROGRAMS}/end.py $(xl domid fails) {how}"


def new_one_killed(name):
    """Return a command that kills the secondary @name of a domain that reboots when it is none of
    the pids $old any more."""
    pattern = f"'guest=fails/[{name[0]}]{name[1:]}'"
    return (f"for try in $(seq 600); do for pid in $(pgrep -f {pattern}); do case \" $old \" in *\" $pid \"*) ;; "
            "*) kill -KILL $pid && break 2 ;; esac; done; sleep 0.1; done; [ $try -lt 600 ]")


def reboots_that_failed(host):
    """Return what the daemon has said of domains that it could not start again.

    What a device model said may follow, in lines of its own."""
    words = "Failed to restart VM"
    said = host.run(f"journalctl -q -u libvirtd -g '{words}'", check=False).stdout
    return [line for line in said.splitlines() if words in line]


def outcome(host, domain, domid, failed):
    """Return what has become of a domain that reboots, had this id, and of which that had been said
    before: it runs with all its device models, or is off. None is for one that still reboots."""
    state = domain.virsh("domstate fails").stdout.strip()
    if state == "running" and domain.virsh("domid fails", check=False).stdout != domid:
        if all(state_of(domain, name)[0] == "running" for name in ("lan", "wan")):
            expect(len(secondaries_of(host, "fails")) == 2, "both its secondaries")
            return state
    now = reboots_that_failed(host)
    if state == "shut off" and len(now) > len(failed):
        expect(any(f"'{name}'" in now[-1] for name in ("lan", "wan")), f"the reason in the log: {now[-1]}")
        expect_all_gone(host)
        return state
    return None
