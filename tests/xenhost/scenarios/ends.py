# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ends of a domain that its guest, its host or two clients at once choose, and what
hooks hear of them."""

from xenhostlib import Domain, sectorguest
from xenhostlib.common import PROGRAMS
from xenhostlib.domain import console_path, domain_xml, mac, nic

from .common import (TWO_NICS, bring_gettext, expect, expect_all_gone, expect_words, running, scenario,
                     secondaries, secondaries_of, wait_for)
from .deaths import kill


def secondary_reached(report):
    """Return whether the guest's pings through the secondary's NIC came back."""
    [entry] = [entry for entry in report["NIC"] if entry["mac"] == mac(2)]
    return report["REACH"][entry["name"]][0] > 0


def boot_again(host, domain, first):
    """Wait for other secondaries than @first, and for the guest that they serve."""
    domain.wait(lambda: secondaries(host) and not set(secondaries(host)) & set(first),
                "new secondaries", 240)
    domain.wait_for_state("running")
    host.run(["rm", "-f", console_path(domain.name)])
    domain.listen()
    expect(secondary_reached(domain.report()), "pings through the secondary of the new domain")
    expect(domain.xml().find(".//devicemodel[@name='lan']").get("state") == "running",
           "the state of the new secondary in the live XML")
    expect(len(secondaries(host)) == 1, f"one secondary: {secondaries(host)}")


@scenario(seconds=180)
def guest_power(host):
    """A guest reboots, is rebooted, and is shut down by libvirt-guests as the host would."""
    xml = domain_xml("power", TWO_NICS, cmdline="quiet", serial="<serial type='pty'/>")
    bring_gettext(host)
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



@scenario(seconds=60)
def guest_crash(host):
    """Three guests crash at once: one is started again, one destroyed, one left for a look."""
    # To dump a guest takes libxl five minutes here, however small it is: it tries each
    # page below 4 GiB, and lets nobody else in meanwhile.
    actions = {"again": "restart", "ended": "destroy", "kept": "preserve"}
    domains = [Domain(host, name) for name in actions]
    try:
        sectorguest.make_disks(host, actions)
        for number, (domain, action) in enumerate(zip(domains, actions.values()), 2):
            xml = sectorguest.definition(domain.name, number)
            domain.define(xml.replace("<devices>", f"<on_crash>{action}</on_crash><devices>"))
            domain.start()
        for number, domain in enumerate(domains, 2):
            domain.wait_for_line(sectorguest.words(domain.name, number))
        before = {name: set(secondaries_of(host, name)) for name in actions}
        for name in actions:
            host.script("end.py", host.run(["xl", "domid", name]).stdout.strip(), "crash")
        check_crashes(host, domains, before)
    finally:
        sectorguest.remove(host, actions)


def check_crashes(host, domains, before):
    """Check what becomes of the domains that crash."""
    again, ended, kept = domains
    wait_for(lambda: len(set(secondaries_of(host, again.name)) - before[again.name]) == 2,
             "two new secondaries after the crash", 240)
    again.wait_for_line(sectorguest.words(again.name, 2))
    expect_words(again.virsh(f"domstate {again.name}").stdout, "running")
    wait_for(lambda: not secondaries_of(host, ended.name), "no secondary of what was destroyed")
    wait_for(lambda: ended.name not in host.run("xl list").stdout, "the destroyed domain gone")
    expect_words(kept.virsh(f"domstate {kept.name} --reason").stdout, "crashed")
    expect(set(secondaries_of(host, kept.name)) == before[kept.name], "the secondaries as they were")
    for domain in (kept, again):
        domain.destroy()
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


@scenario
def hooks_called(host):
    """The hook script hears the same of a domain with device models as of one without,
    and what befalls them."""
    hook = "/etc/libvirt/hooks/libxl"
    plain = domain_xml("hook", nic(1))
    split = domain_xml("hook", TWO_NICS)
    broken = split.replace("bridge='xenbr0'", "bridge='nobr0'").replace("bridge='nobr0'", "bridge='xenbr0'", 1)
    heard = []
    try:
        host.run(["install", "-D", f"{PROGRAMS}/hook.sh", hook])
        host.run("systemctl restart libvirtd")
        for xml in (plain, split, broken):
            domain = Domain(host, "hook")
            try:
                domain.define(xml)
                if domain.start(check=xml is not broken).returncode == 0:
                    if xml is split:
                        kill(host, domain, "lan", "KILL")
                        wait_for(lambda: "failed" in host.run("cat /root/hooks").stdout,
                                 "a failure that the script heard of")
                    domain.destroy()
            finally:
                domain.remove()
            heard.append(host.run("cat /root/hooks; rm /root/hooks").stdout.splitlines())
    finally:
        host.run(f"rm -f {hook} /root/hooks; systemctl restart libvirtd")
    words = ["prepare begin -", "start begin -", "started begin -", "stopped end -", "release end -"]
    told = words[:3] + ["devicemodel-failed end lan"] + words[3:]
    expect(heard[0] == [f"hook {word} 0" for word in words], f"{words}: {heard[0]}")
    expect(heard[1] == [f"hook {word} 2" for word in told], f"{told} with device models: {heard[1]}")
    words.remove("started begin -")
    expect(heard[2] == [f"hook {word} 2" for word in words], f"{words} of a failed start: {heard[2]}")
