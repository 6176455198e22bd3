# SPDX-License-Identifier: LGPL-2.1-or-later
"""A domain with one device model goes on where its save fails, and is kept where its restore does."""

from xenhostlib import leftovers
from xenhostlib.domain import disk, domain_xml, nic

from .common import expect, expect_all_gone, expect_words, running, scenario, wait_for

FOLDER = "/root/full"
PIPE = "/root/pipe"
IMAGE = "/root/resumes.img"
MANAGED = "/var/lib/libvirt/libxl/save/resumes.save"


def definition():
    """Return the XML of the domain, whose guest takes commands."""
    return domain_xml("resumes", nic(1), serial="<serial type='pty'/>")


def first_nic(domain):
    """Wait for the guest; return what it calls its NIC."""
    domain.listen()
    return domain.report()["NIC"][0]["name"]


def expect_goes_on(domain, name):
    """Fail unless the guest runs, and its end is noticed."""
    domain.wait_for_state("running")
    domain.wait_for_pings([name])
    domain.tell("poweroff")
    domain.wait_for_state("shut off")


@scenario(seconds=90)
def save_fails(host):
    """A file system is full before a domain is saved: the guest goes on, no image is left,
    and it is noticed when the guest powers off."""
    host.run(f"mkdir -p {FOLDER} && mount -t tmpfs -o size=16m tmpfs {FOLDER}")
    try:
        with running(host, "resumes", definition()) as domain:
            name = first_nic(domain)
            for _ in range(2):
                done = domain.virsh(f"save resumes {FOLDER}/image", check=False)
                expect(done.returncode != 0, "a save that fails")
                expect_words(done.stderr, "Failed to save domain")
                expect_words(domain.virsh("domstate resumes --reason").stdout, "running (save canceled)")
                expect(not host.run(f"ls {FOLDER}").stdout.strip(), "no image")
                domain.wait_for_pings([name])
            expect_goes_on(domain, name)
    finally:
        host.run(f"umount {FOLDER} && rmdir {FOLDER}")
    expect_all_gone(host)


@scenario(seconds=90)
def save_killed(host):
    """The daemon is killed while it saves a domain: the guest goes on when there is one again."""
    # nobody reads, so the save does not end
    host.run(f"mkfifo {PIPE} && systemd-run --quiet --collect --unit=reader sh -c 'sleep 600 < {PIPE}'")
    try:
        with running(host, "resumes", definition()) as domain:
            name = first_nic(domain)
            host.run(f"systemd-run --quiet --collect virsh save resumes {PIPE}")
            wait_for(lambda: "---s" in host.run("xl list resumes").stdout, "a domain that is suspended")
            expect_words(domain.virsh("domstate resumes --reason").stdout, "paused (saving)")
            host.run("systemctl kill --kill-who=main -s KILL libvirtd; sleep 1; systemctl start libvirtd")
            expect_words(domain.virsh("domstate resumes --reason").stdout, "running (save canceled)")
            host.run("systemctl stop reader")
            expect_goes_on(domain, name)
    finally:
        host.run(f"systemctl stop reader; rm -f {PIPE}", check=False)
    expect_all_gone(host)


def expect_only_image(host):
    """Wait until the managed save image is all that there is of the domain."""
    wait_for(lambda: leftovers(host) == [f"file {MANAGED}"], "nothing left of the domain but its image", 180)


@scenario(seconds=120)
def restore_fails(host):
    """A managed save image stays where it cannot be restored, and is restored later."""
    host.run(f"truncate -s 1M {IMAGE}")
    xml = domain_xml("resumes", nic(1) + disk("hda", IMAGE))
    try:
        with running(host, "resumes", xml) as domain:
            name = domain.report()["NIC"][0]["name"]
            domain.virsh("managedsave resumes")
            expect_only_image(host)
            host.run(f"mv {IMAGE} {IMAGE}.away")
            done = domain.start(check=False)
            expect(done.returncode != 0, "a start that fails")
            expect_words(done.stderr, "cannot restore domain 'resumes' from its managed save image, "
                         "which is kept until it is restored or removed (managedsave-remove)")
            expect_words(domain.virsh("domstate resumes").stdout, "shut off")
            expect_only_image(host)
            host.run(f"test -e {MANAGED} && mv {IMAGE}.away {IMAGE}")
            domain.start()
            host.run(f"test ! -e {MANAGED}")
            domain.wait_for_pings([name])
            expect("GUEST-UP" not in domain.console(), "a guest that has not booted again")
            domain.destroy()
            expect_all_gone(host)
    finally:
        host.run(f"rm -f {IMAGE} {IMAGE}.away {MANAGED}")
