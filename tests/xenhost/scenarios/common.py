# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the scenarios share: the list of them, and how they state expectations."""

import contextlib
import time

from xenhostlib import Domain, leftovers
from xenhostlib.domain import devicemodel, nic

ALL = {}

# The devices of a domain with a NIC in the primary and one in a secondary.
TWO_NICS = devicemodel("main", capabilities=["ui"]) + devicemodel("lan", [2]) + nic(1) + nic(2)


class Failure(Exception):
    """The host did something else than expected."""


def scenario(function):
    """Make @function a scenario, named after it."""
    ALL[function.__name__.replace("_", "-")] = function
    return function


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


def secondaries(host):
    """Return the command lines of all secondaries, by pid."""
    lines = host.run("pgrep -a xen-qemu | grep -- '-name guest='", check=False).stdout.splitlines()
    return {line.split()[0]: line for line in lines}


def secondaries_of(host, name):
    """Return the command lines of the secondaries of the domain @name, by pid."""
    return {pid: line for pid, line in secondaries(host).items() if f"-name guest={name}/" in line}
