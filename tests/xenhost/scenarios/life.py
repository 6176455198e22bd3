# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ends of a domain, and of the daemon, that libvirt did not choose."""

from xenhostlib import Domain
from xenhostlib.domain import REPORT_TIMEOUT, domain_xml

from .common import (FIRST, LAST, TWO_NICS, expect, expect_all_gone, no_daemon, running, scenario,
                     secondaries)


@scenario(seconds=70, turn=FIRST)
def daemon_restart(host):
    """The daemon is restarted, then killed: the guest runs on, its end is clean."""
    with running(host, "long", domain_xml("long", TWO_NICS)) as domain:
        names = [entry["name"] for entry in domain.report()["NIC"]]
        before = secondaries(host)
        host.run("systemctl restart libvirtd")
        domain.wait_for_state("running")
        host.run("systemctl kill --kill-who=main -s KILL libvirtd; sleep 1; systemctl start libvirtd")
        domain.wait_for_state("running")
        expect(secondaries(host) == before, f"the same secondaries: {before}, {secondaries(host)}")
        domain.wait_for_pings(names)
        expect(domain.xml().find(".//devicemodel[@name='lan']").get("state") == "running",
               "the state of the secondary in the live XML")
        domain.destroy()
        expect_all_gone(host)


@scenario
def end_without_daemon(host):
    """The domain ends while no daemon runs: the next one cleans up."""
    with running(host, "orphan", domain_xml("orphan", TWO_NICS)) as domain:
        with no_daemon(host):
            host.run("xl destroy orphan")
            expect(secondaries(host), "a secondary that outlived its domain")
        expect_all_gone(host)
        expect("shut off" in domain.virsh("domstate orphan").stdout, "a domain that is shut off")


@scenario(seconds=60)
def guest_poweroff(host):
    """The guest powers itself off: all device models end."""
    xml = domain_xml("off", TWO_NICS, cmdline="xen_nopv quiet dmtest.after=poweroff")
    with running(host, "off", xml) as domain:
        domain.wait_for_state("shut off", REPORT_TIMEOUT)
        expect_all_gone(host)


@scenario(turn=LAST)
def destroyed_by_xl(host):
    """The domain is destroyed behind libvirt's back: all device models end."""
    with running(host, "gone", domain_xml("gone", TWO_NICS)):
        host.run("xl destroy gone")
        expect_all_gone(host)


@scenario
def transient_and_undefined(host):
    """A transient domain, and one undefined while it runs, leave nothing."""
    domain = Domain(host, "passing")
    host.run("cat > /root/passing.xml", input=domain_xml("passing", TWO_NICS))
    try:
        domain.virsh("create /root/passing.xml")
        expect(len(secondaries(host)) == 1, "a secondary")
        domain.destroy()
        expect_all_gone(host)
        domain.define(domain_xml("passing", TWO_NICS))
        domain.start()
        domain.virsh("undefine passing")
        expect(len(secondaries(host)) == 1, "a secondary after undefine")
        domain.destroy()
        expect_all_gone(host)
    finally:
        domain.remove()
        host.run("rm -f /root/passing.xml")
