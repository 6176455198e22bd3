# SPDX-License-Identifier: LGPL-2.1-or-later
"""Further ends of a domain, on trial: not every one has been seen to pass."""

from xenhostlib import Domain, leftovers
from xenhostlib.domain import console_path, devicemodel, domain_xml, mac, nic

from .common import expect, expect_words, running, scenario, secondaries, wait_for

TWO_NICS = devicemodel("main", capabilities=["ui"]) + devicemodel("lan", [2]) + nic(1) + nic(2)


def expect_all_gone(host):
    """Wait until the host has nothing of a domain any more."""
    wait_for(lambda: not leftovers(host), "nothing left of the domain", 180)


def secondary_reached(report):
    """Return whether the guest's pings through the secondary's NIC came back."""
    [entry] = [entry for entry in report["NIC"] if entry["mac"] == mac(2)]
    return report["REACH"][entry["name"]][0] > 0


def boot_again(host, domain, first):
    """Wait for other secondaries than @first, and for the guest that they serve."""
    wait_for(lambda: secondaries(host) and not set(secondaries(host)) & set(first),
             "new secondaries", 240)
    wait_for(lambda: domain.virsh(f"domstate {domain.name}", check=False).stdout.strip() == "running",
             "a domain that runs again")
    host.run(["rm", "-f", console_path(domain.name)])
    domain.listen()
    expect(secondary_reached(domain.report()), "pings through the secondary of the new domain")
    expect(domain.xml().find(".//devicemodel[@name='lan']").get("state") == "running",
           "the state of the new secondary in the live XML")
    expect(len(secondaries(host)) == 1, f"one secondary: {secondaries(host)}")


# The service's script wants a library of shell functions for translations.
GETTEXT = "gettext() { printf %s \"$1\"; }; eval_gettext() { eval \"printf %s \\\"$1\\\"\"; }\n"


@scenario
def guest_power(host):
    """A guest reboots, is rebooted, and is shut down by libvirt-guests as the host would."""
    xml = domain_xml("power", TWO_NICS, cmdline="quiet", serial="<serial type='pty'/>")
    host.run("test -e /usr/bin/gettext.sh || cat > /usr/bin/gettext.sh", input=GETTEXT)
    host.run("mkdir -p /etc/default /etc/sysconfig; for file in /etc/default /etc/sysconfig; do "
             "echo 'ON_SHUTDOWN=shutdown' > $file/libvirt-guests; done")
    try:
        with running(host, "power", xml) as domain:
            domain.listen()
            expect(secondary_reached(domain.report()), "pings through the secondary")
            first = secondaries(host)
            expect(domain.ask("reboot") == "ok", "a guest that reboots")
            boot_again(host, domain, first)
            second = secondaries(host)
            domain.virsh("reboot power")
            boot_again(host, domain, second)
            host.run("systemctl start libvirt-guests")
            host.run("systemctl stop libvirt-guests", timeout=400)
            expect_words(domain.virsh("domstate power").stdout, "shut off")
            expect_all_gone(host)
    finally:
        host.run("rm -f /etc/default/libvirt-guests /etc/sysconfig/libvirt-guests "
                 "/var/lib/libvirt/libvirt-guests; systemctl reset-failed libvirt-guests; true")


# Linux may be crashed from outside, and tells Xen of it at once.
CRASHES = "quiet sysrq_always_enabled xen_legacy_crash"


@scenario
def guest_crash(host):
    """Three guests crash at once: one is started again, one dumped, one left for a look."""
    actions = {"restart": 2, "coredump-destroy": 3, "preserve": 4}
    domains = {action: Domain(host, f"on-{action}") for action in actions}
    try:
        for action, number in actions.items():
            devices = devicemodel("main", capabilities=["ui"]) + devicemodel("lan", [number]) + nic(number)
            xml = domain_xml(f"on-{action}", devices, memory=192, cmdline=CRASHES)
            domains[action].define(xml.replace("<devices>", f"<on_crash>{action}</on_crash><devices>"))
            domains[action].start()
        for domain in domains.values():
            domain.report()
        first = secondaries(host)
        for domain in domains.values():
            host.run(["xl", "sysrq", domain.name, "c"])
        check_crashes(host, domains, first)
    finally:
        for domain in domains.values():
            domain.remove()
        host.run("rm -rf /var/lib/libvirt/libxl/dump/on-*")


def check_crashes(host, domains, first):
    """Check what becomes of the domains that crash, by action."""
    def named(action):
        return {pid for pid, line in secondaries(host).items() if f"guest=on-{action}/" in line}
    wait_for(lambda: named("restart") - set(first), "a new secondary after the crash", 240)
    wait_for(lambda: "shut off" in domains["coredump-destroy"].virsh("domstate on-coredump-destroy").stdout,
             "a domain that is shut off after the dump", 240)
    expect(not named("coredump-destroy"), "no secondary of the domain that was dumped")
    expect(host.run("ls /var/lib/libvirt/libxl/dump/").stdout.startswith("on-coredump-destroy-"),
           "a dump of the domain")
    wait_for(lambda: "crashed" in domains["preserve"].virsh("domstate on-preserve").stdout,
             "a domain that has crashed")
    expect(named("preserve") <= set(first) and named("preserve"), "the secondary as it was")
    domains["preserve"].destroy()
    expect_words(domains["restart"].virsh("domstate on-restart").stdout, "running")
    domains["restart"].destroy()
    expect_all_gone(host)


@scenario
def destroyed_twice(host):
    """Two clients destroy a domain at once: one of them does, and nothing is left."""
    with running(host, "twice", domain_xml("twice", TWO_NICS)):
        said = host.run("for client in 1 2; do (virsh -q destroy twice 2>&1; echo status $?) & done; wait").stdout
        expect(sorted(line for line in said.splitlines() if line.startswith("status")) ==
               ["status 0", "status 1"], f"one success: {said}")
        expect_words(said, "domain is not running")
        expect_all_gone(host)


HOOK = """#!/bin/sh
echo "$1 $2 $3 $(grep -c '<devicemodel')" >> /root/hooks
"""


@scenario
def hooks_called(host):
    """The hook script hears the same of a domain with device models as of one without."""
    hook = "/etc/libvirt/hooks/libxl"
    plain = domain_xml("hook", nic(1))
    split = domain_xml("hook", TWO_NICS)
    broken = split.replace("bridge='xenbr0'", "bridge='nobr0'").replace("bridge='nobr0'", "bridge='xenbr0'", 1)
    heard = []
    try:
        host.run(f"mkdir -p /etc/libvirt/hooks; cat > {hook}; chmod +x {hook}", input=HOOK)
        host.run("systemctl restart libvirtd")
        for xml in (plain, split, broken):
            domain = Domain(host, "hook")
            try:
                domain.define(xml)
                if domain.start(check=xml is not broken).returncode == 0:
                    domain.destroy()
            finally:
                domain.remove()
            heard.append(host.run("cat /root/hooks; rm /root/hooks").stdout.splitlines())
    finally:
        host.run(f"rm -f {hook} /root/hooks; systemctl restart libvirtd")
    words = ["prepare begin", "start begin", "started begin", "stopped end", "release end"]
    expect(heard[0] == [f"hook {word} 0" for word in words], f"{words}: {heard[0]}")
    expect(heard[1] == [f"hook {word} 2" for word in words], f"{words} with device models: {heard[1]}")
    words.remove("started begin")
    expect(heard[2] == [f"hook {word} 2" for word in words], f"{words} of a failed start: {heard[2]}")
