# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests with secondaries that move to another host while they run, and those that stay where
they are as that fails."""

import contextlib
import re
import threading

from xenhostlib.common import PROGRAMS
from xenhostlib.domain import EMULATOR
from xenhostlib.partner import NAMES, SHARED, Traveller, partner_of

from .common import FIRST, expect, expect_all_gone, expect_words, scenario, secondaries, wait_for
from .deaths import guest_with_all, state_of
from .saves import expect_disk, expect_going_on, expect_put_back, progress

# The first of the ports that a daemon waits for a domain on.
MIGRATION_PORT = "49152"
# How much has been sent when something happens on the way: bytes.
UNDER_WAY = 32 << 20
# How many pings may be lost by a move: those that are on their way, or go to where the guest was, as
# the network has not heard yet that it moved; and those that are answered after two seconds, of which
# there are some under emulation: while the memory is sent, and where whoever pings gets no processor,
# as to the guest it has worked for as long as it was suspended (see clock()).
MOVED = 10


@contextlib.contextmanager
def travelling(host, other, **options):
    """A guest with three secondaries that uses all of them, and may move to the @other host;
    yields it and its NICs' names."""
    with guest_with_all(host, image=SHARED, **options) as domain:
        traveller = Traveller(domain, other)
        try:
            names = [entry["name"] for entry in traveller.report()["NIC"]]
            traveller.ask("load on")
            traveller.ask("blocks on")
            traveller.wait_for_pings(names)
            yield traveller, names
        finally:
            traveller.remove()


def clock(domain):
    """Return for how long the guest says that it has run, and what it takes for the time.

    Xen counts the time that it is suspended for on the other host: half a minute under
    emulation, by which its scheduler takes whoever was at work to be ahead of all others."""
    return [int(value) for value in re.findall(r"=(\d+)", domain.ask("clock"))]


def move(domain, names, options):
    """Migrate the domain; fail unless it is only there then, and has lost nothing."""
    here, there = domain.host, domain.places[domain.elsewhere()]
    before, time = progress(domain), clock(domain)
    domain.migrate(options)
    expect_all_gone(here)
    expect_words(domain.virsh(f"domstate {domain.name}").stdout, "running")
    expect(len(secondaries(there)) == 3, f"three secondaries: {secondaries(there)}")
    expect_going_on(domain, names, before, MOVED)
    now = clock(domain)
    expect(now[0] >= time[0] and now[1] >= time[1], f"a clock that goes on: {time}, {now}")


def expect_ways(host, *ways):
    """Fail unless a guest that uses three secondaries can be migrated in each of these ways, to
    another host and back, and loses nothing."""
    with partner_of(host) as other:
        with travelling(host, other) as (domain, names):
            for options in ways:
                move(domain, names, options)
            expect_disk(domain, SHARED)
            domain.destroy()
    expect_all_gone(host)


@scenario(seconds=300, turn=FIRST)
def migration(host):
    """A guest that uses three secondaries goes to another host while it runs, and loses nothing."""
    expect_ways(host, "--live")


@scenario(seconds=500)
def migration_and_back(host):
    """The same from daemon to daemon, and back through a tunnel; the source forgets it."""
    expect_ways(host, "--live --p2p --persistent --undefinesource", "--live --p2p --tunnelled")


def sent(host):
    """Return how many bytes a host has sent to its partner."""
    return int(host.run(["cat", "/sys/class/net/eth1/statistics/tx_bytes"]).stdout)


@contextlib.contextmanager
def under_way(host, action):
    """Have something done as soon as a part of a guest's memory has been sent from @host."""
    begin = sent(host)

    def wait():
        wait_for(lambda: sent(host) > begin + UNDER_WAY, "a guest's memory on its way")
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@contextlib.contextmanager
def as_soon_as(host, condition, action):
    """Have a @host do something, a line for its shell, as soon as a condition, another one, is true."""
    host.run(["systemd-run", "--quiet", "--collect", "--unit=as-soon-as", "sh", "-c",
              f"until {condition}; do sleep 0.05; done; {action}"])
    try:
        yield
        expect(host.run("systemctl is-active as-soon-as", check=False).returncode != 0, condition)
    finally:
        host.run("systemctl stop as-soon-as", check=False)


def wait_for_state(domain, state):
    """Wait until a domain is in a state; its daemon may be away meanwhile, and its guest stand still."""
    wait_for(lambda: domain.virsh(f"domstate {domain.name}", check=False).stdout.strip() == state,
             f"a domain that is {state}")


def expect_stays(domain, names, *words, meanwhile=contextlib.nullcontext(), resume=False, **options):
    """Fail unless a migration fails with @words, by what is done by then or in the context
    @meanwhile; and unless the guest goes on where it is, at once or
    when it is told to @resume, and nothing of it is on the other host."""
    here, other = domain.host, domain.places[domain.elsewhere()]
    before = progress(domain)
    with meanwhile:
        done = domain.migrate("--live", check=False, **options)
    expect(done.returncode != 0, f"a migration that fails with {words}")
    expect_words(done.stderr, *words)
    if resume:
        wait_for_state(domain, "paused")
        expect_all_gone(other)
        domain.virsh(f"resume {domain.name}")
    wait_for_state(domain, "running")
    expect_put_back(here)
    expect_going_on(domain, names, before)
    wait_for(lambda: other.run("virsh list", check=False).returncode == 0, "a daemon that answers")
    expect_all_gone(other)


@scenario(seconds=240)
def migration_refused(host):
    """What is missing on the other host, and a device model that does not answer, are found
    before anything is sent."""
    with partner_of(host) as other:
        with travelling(host, other, limit=0) as (domain, names):
            begin = sent(host)
            other.run(f"mv {SHARED} /dev/elsewhere")
            expect_stays(domain, names, SHARED, "'disk'")
            other.run(f"mv /dev/elsewhere {SHARED} && mv {EMULATOR} /root/elsewhere")
            expect_stays(domain, names, EMULATOR)
            other.run(f"mv /root/elsewhere {EMULATOR}")
            host.run(f"pkill -STOP -f 'guest={domain.name}/disk'")
            done = domain.migrate("--live", check=False)
            host.run(f"pkill -CONT -f 'guest={domain.name}/disk'")
            expect(done.returncode != 0, "a migration that fails")
            expect_words(done.stderr, "'disk'", "no answer")
            expect(sent(host) < begin + UNDER_WAY, "nothing of the guest's memory to be sent")
            expect_going_on(domain, names, progress(domain))
            domain.destroy()
    expect_all_gone(host)


@scenario(seconds=400)
def migration_fails(host):
    """A daemon that ends on the way, there or here, or a device model that does, leaves the guest
    where it is; the device model is started again."""
    with partner_of(host) as other:
        with travelling(host, other) as (domain, names):
            expect_stays(domain, names, meanwhile=under_way(host, lambda: other.run("pkill -KILL -x libvirtd")))
            expect_stays(domain, names, meanwhile=under_way(host, lambda: host.run("pkill -KILL -x libvirtd")))
            expect_stays(domain, names, "'disk'",
                         meanwhile=under_way(host, lambda: host.run(f"pkill -KILL -f 'guest={domain.name}/disk'")))
            wait_for(lambda: state_of(domain, "disk")[0] == "running", "a disk that is back")
            domain.destroy()
    expect_all_gone(host)


@scenario(seconds=500)
def migration_fails_late(host):
    """The guest stands still, and the other host starts its secondaries, when one of them ends or
    hangs; or when the daemon there or here ends, so that nobody can tell whether the guest runs
    there, and somebody has to say so."""
    with partner_of(host) as other:
        with travelling(host, other) as (domain, names):
            for action, resume in (("pkill -KILL -f '[g]uest=dies/disk'", False),
                                   ("pkill -STOP -f '[g]uest=dies/disk'", False),
                                   ("pkill -KILL -x libvirtd", True)):
                expect_stays(domain, names, resume=resume,
                             meanwhile=as_soon_as(other, "pgrep -f '[g]uest=dies/disk'", action))
            sent_all = f"grep -q '<migrationSent' /run/libvirt/libxl/{domain.name}.xml"
            expect_stays(domain, names, resume=True,
                         meanwhile=as_soon_as(host, sent_all, "pkill -KILL -x libvirtd"))
            domain.destroy()
    expect_all_gone(host)


@scenario(seconds=400)
def migration_hangs(host):
    """A secondary that hangs on the way is found when the guest is suspended, and started again."""
    with partner_of(host) as other:
        with travelling(host, other) as (domain, names):
            expect_stays(domain, names, "'disk'",
                         meanwhile=under_way(host, lambda: host.run(f"pkill -STOP -f 'guest={domain.name}/disk'")))
            wait_for(lambda: state_of(domain, "disk")[0] == "running", "a disk that is back")
            domain.destroy()
    expect_all_gone(host)


@contextlib.contextmanager
def meddled_with(host, way):
    """Have the state of secondaries spoilt that is sent to the host "partner"."""
    host.run(f"sed -i 's/^{NAMES['partner']} .*/{NAMES['xenhost']} partner/' /etc/hosts")
    host.run(["systemd-run", "--quiet", "--collect", "--unit=meddle",
              f"{PROGRAMS}/meddle.py", way, MIGRATION_PORT, NAMES["partner"]])
    try:
        yield
    finally:
        host.run(f"systemctl stop meddle; sed -i 's/.* partner$/{NAMES['partner']} partner/' /etc/hosts", check=False)


@scenario(seconds=300)
def migration_spoilt(host):
    """What is received of the secondaries was altered, or is incomplete: the guest goes on here."""
    with partner_of(host) as other:
        with travelling(host, other) as (domain, names):
            for way, words in (("alter", ["checksum"]), ("cut", [])):
                expect_stays(domain, names, *words, meanwhile=meddled_with(host, way), address=NAMES["partner"])
            domain.destroy()
    expect_all_gone(host)


@contextlib.contextmanager
def cable_cut(host):
    """Cut the cable between the hosts as soon as a part of a guest's memory has been sent."""
    try:
        with under_way(host, lambda: host.run("ip link set eth1 down")):
            yield
    finally:
        host.run("ip link set eth1 up")


@scenario(seconds=700)
def migration_cut(host):
    """Nothing comes through to the other host any more: the guest goes on here, after minutes."""
    with partner_of(host) as other:
        with travelling(host, other) as (domain, names):
            expect_stays(domain, names, meanwhile=cable_cut(host))
            domain.destroy()
    expect_all_gone(host)
