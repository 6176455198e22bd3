# SPDX-License-Identifier: LGPL-2.1-or-later
"""Domains that come and go, many at once and one after the other."""

from xenhostlib import Domain, leftovers
from xenhostlib.domain import devicemodel, domain_xml, nic
from xenhostlib.soak import Soak

from .common import LAST, MAIN, expect, scenario

NAMES = ("four-a", "four-b", "four-c", "four-d")


# libxl gives a hotplug script 40 seconds, and here run eight at once.
@scenario(seconds=120, alone=True, turn=LAST)
def crowd(host):
    """Four domains start and end at the same time while four clients use them."""
    domains = [Domain(host, name) for name in NAMES]
    try:
        for number, domain in enumerate(domains, 2):
            devices = MAIN + devicemodel("lan", [number]) + nic(number)
            domain.define(domain_xml(domain.name, devices, memory=64, boot="<boot dev='hd'/>"))
        said = host.script("crowd.sh", "2", *NAMES, timeout=1800).stdout
        expect(not said, f"no failure:\n{said}")
        left = leftovers(host)
        expect(not left, f"nothing left: {left}")
    finally:
        for domain in domains:
            domain.remove()


@scenario(seconds=80, turn=LAST)
def short_soak(host):
    """Two domains with three device models each live twice and leave nothing."""
    soak = Soak(host)
    try:
        soak.prepare()
        soak.cycle()
        base = soak.numbers()
        soak.cycle()
        # these settle in more cycles
        _, grown = soak.settled(base, apart=("rss", "threads"))
        expect(not grown, f"no more than before: {grown}")
    finally:
        soak.clear()
