# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the scenarios share: the list of them, and how they state expectations."""

import contextlib
import time

from xenhostlib import Domain, leftovers
from xenhostlib.common import PROGRAMS
from xenhostlib.domain import MAIN, devicemodel, nic

ALL = {}

# When a scenario runs where there may be no time for all of them: one that proves what the
# project promises comes first, and one whose statement others make as well, but for a variation,
# comes last.
FIRST, USUAL, LAST = range(3)

# Without a display the BIOS makes the first serial port its own, and looks at it
# at each tick of its clock.
DISPLAY = "<graphics type='vnc'/><video><model type='vga'/></video>"

# The devices of a domain with a NIC in the primary and one in a secondary.
TWO_NICS = MAIN + devicemodel("lan", [2]) + nic(1) + nic(2)


CONFIG = "/etc/libvirt/libxl.conf"


class Failure(Exception):
    """The host did something else than expected."""


def scenario(function=None, *, seconds=40, alone=False, turn=USUAL):
    """Make @function a scenario, named after it.

    @seconds is about how long it takes; see in_order(). One that is @alone must not share the
    machine with another host, and runs when no other is left."""
    if function is None:
        return lambda function: scenario(function, seconds=seconds, alone=alone, turn=turn)
    function.seconds = seconds
    function.alone = alone
    function.turn = turn
    ALL[function.__name__.replace("_", "-")] = function
    return function


def in_order(names, hosts):
    """Return the names of scenarios as they are to run: by their turn, and the longest first, as
    several hosts end together then. One host gets as far as it can with what need not be run."""
    def key(name):
        one = ALL[name]
        return one.turn, one.seconds if hosts == 1 and one.turn != FIRST else -one.seconds
    return sorted(names, key=key)


def expect(condition, text):
    """Fail with @text unless @condition is true."""
    if not condition:
        raise Failure(f"expected {text}")


def expect_words(text, *words):
    """Fail unless each of @words is in @text."""
    for word in words:
        expect(word in text, f"'{word}' in: {text.strip()}")


def wait_for(condition, text, timeout=120):
    """Wait until condition() is true; return its value."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(1)
    raise Failure(f"expected within {timeout} s {text}")


def expect_all_gone(host):
    """Wait until the host has nothing of a domain any more."""
    wait_for(lambda: not leftovers(host), "nothing left of the domain", 180)


def expect_start_fails(host, domain, *words, before=()):
    """Fail unless the start of @domain fails with @words, and leaves nothing that was not
    among the leftovers @before."""
    done = domain.start(check=False)
    expect(done.returncode != 0, f"a failure with {words}, it was started")
    expect_words(done.stderr, *words)
    left = set(leftovers(host)) - set(before)
    expect(not left, f"nothing left after '{done.stderr.strip()}': {sorted(left)}")
    expect_words(domain.virsh(f"domstate {domain.name}").stdout, "shut off")


@contextlib.contextmanager
def running(host, name, xml):
    """A domain that was defined and started, and is removed at the end."""
    domain = Domain(host, name)
    try:
        domain.define(xml)
        domain.start()
        yield domain
    finally:
        domain.remove()


@contextlib.contextmanager
def no_daemon(host):
    """The host without its daemon; at the end it is there again."""
    host.run("systemctl stop libvirtd 'libvirtd*.socket'")
    try:
        yield
    finally:
        host.run("systemctl start libvirtd && virsh -q version")


def configure(host, key, value, check=True):
    """Have libxl.conf say one thing in another way, or nothing of it where @value is None, and
    start the daemon anew.

    One that cannot start is tried again by systemd, which then gives up."""
    host.run(f"sed -i '/^{key}/d' {CONFIG}")
    if value is not None:
        host.run(f"echo '{key} = {value}' >> {CONFIG}")
    host.run("systemctl stop libvirtd 'libvirtd*.socket'; systemctl reset-failed 'libvirtd*'",
             check=False)
    host.run("systemctl start libvirtd", check=check)
    if check:
        wait_for(lambda: host.run("virsh list", check=False).returncode == 0,
                 "a daemon that answers")


def bring_gettext(host):
    """Let libvirt-guests run, whose script wants a library of shell functions for translations."""
    host.run(f"test -e /usr/bin/gettext.sh || cp {PROGRAMS}/gettext.sh /usr/bin")


def secondaries(host):
    """Return the command lines of all secondaries, by pid."""
    lines = host.run("pgrep -a xen-qemu | grep -- '-name guest='", check=False).stdout.splitlines()
    return {line.split()[0]: line for line in lines}


def secondaries_of(host, name):
    """Return the command lines of the secondaries of the domain @name, by pid."""
    return {pid: line for pid, line in secondaries(host).items() if f"-name guest={name}/" in line}
