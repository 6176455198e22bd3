# SPDX-License-Identifier: LGPL-2.1-or-later
"""Domains with secondaries that are saved and restored, and saves that fail."""

import contextlib
import re

from xenhostlib.domain import ahead
from xenhostlib.guest import pings

from .common import FIRST, bring_gettext, expect, expect_all_gone, expect_words, scenario, secondaries, wait_for
from .deaths import IMAGE, guest_with_all

SAVED = "/root/dies.save"
# What the unit libvirt-guests runs, and what that keeps.
GUESTS = "/usr/libexec/libvirt-guests.sh"
GUESTS_FILES = "/var/lib/libvirt/libvirt-guests /var/lock/libvirt-guests"
# Hears a guest that is started by the host when that boots.
AHEAD_UNIT = "/etc/systemd/system/ahead.service"
AHEAD = """
[Unit]
After=libvirtd.socket
[Service]
ExecStart={command}
[Install]
WantedBy=multi-user.target
"""
# Where the first of the guest's blocks is on its disk, in blocks, and how much room they have: MiB.
BLOCKS = 1153
ROOM = 32
FULL = "/root/full"
SOCKET = "/var/run/xen/qmp-libxl-"


def blocks(domain):
    """Return the numbers of the blocks that the guest says are on its disk.

    Its kernel may break in, as it says of a guest that was away for long that it stood still."""
    return [int(number) for number in re.findall(r"^BLOCK (\d+)(?:\r?$|\[)", domain.console(), re.MULTILINE)]


@contextlib.contextmanager
def working(host, **options):
    """A guest with three secondaries, which uses all of them; yields it and its NICs' names."""
    with guest_with_all(host, size=ROOM, **options) as domain:
        names = [entry["name"] for entry in domain.report()["NIC"]]
        domain.ask("load on")
        domain.ask("blocks on")
        domain.wait_for_pings(names)
        yield domain, names


def expect_going_on(domain, names, before, missed=1):
    """Wait until the guest uses all its devices again, and has missed nothing but what was on its
    way on the network: as many pings as @missed through each NIC."""
    done, lost = before
    domain.wait_for_pings(names)
    wait_for(lambda: len(blocks(domain)) > done + 5, "further blocks on the disk")
    numbers = blocks(domain)
    expect(numbers == list(range(1, len(numbers) + 1)), f"each block once, in order: {numbers}")
    expect("BLOCK-FAILED" not in domain.console(), "no block that could not be written")
    now = pings(domain.console())
    expect(all(now[name][1] <= lost[name][1] + missed for name in names), f"no ping lost: {lost}, {now}")


def progress(domain):
    """Return how many blocks are on the disk, and the pings so far."""
    return len(blocks(domain)), pings(domain.console())


def expect_disk(domain, image):
    """Have the guest work no more; fail unless its disk, an @image, has each block that it has
    written, whichever host and device model did it, and can be read and written."""
    domain.ask("load off")
    domain.ask("blocks off")
    count = len(blocks(domain))
    text = domain.host.run(f"dd if={image} bs=512 skip={BLOCKS} count={count} status=none").stdout
    found = [int(number) for number in re.findall(r"BLOCK (\d+) ", text)]
    expect(found == list(range(1, count + 1)), f"{count} blocks on the disk: {found}")
    expect_words(domain.ask("disk sda"), "rw=ok")


def expect_put_back(host):
    """Fail unless each primary has its socket, and nothing is left beside it."""
    expect(not host.run(f"ls {SOCKET}*.libvirt", check=False).stdout, "no socket beside the primary's")


def resume(domain):
    """Let a guest that was restored paused go on, when its new terminal is listened to."""
    domain.listen()
    domain.virsh(f"resume {domain.name}")


def by_libvirt_guests(domain):
    """Have libvirt-guests save and start it, with its default settings."""
    bring_gettext(domain.host)
    try:
        domain.host.run([GUESTS, "stop"])
        expect_words(domain.virsh(f"domstate {domain.name}").stdout, "shut off")
        domain.hear_ahead()
        domain.host.run([GUESTS, "start"])
        expect_words(domain.virsh(f"domstate {domain.name}").stdout, "running")
    finally:
        domain.host.run(f"rm -f {GUESTS_FILES}")


def by_reboot(domain):
    """The same while the host reboots."""
    host = domain.host
    bring_gettext(host)
    host.run(f"cat > {AHEAD_UNIT}", input=AHEAD.format(command=" ".join(ahead(domain.name))))
    host.run("systemctl daemon-reload && systemctl enable ahead libvirt-guests && "
             "systemctl start libvirt-guests")
    try:
        host.reboot()
        domain.wait_for_state("running")
    finally:
        # to stop it would save the guest
        host.run(f"systemctl disable ahead libvirt-guests; rm -f {AHEAD_UNIT}", check=False)


@scenario(seconds=150, turn=FIRST)
def save_and_restore(host):
    """A guest that uses three secondaries is saved, and goes on where it was when it is restored."""
    with working(host) as (domain, names):
        try:
            domain.virsh(f"save {domain.name} {SAVED}")
            before = progress(domain)
            expect_all_gone(host)
            expect_put_back(host)
            domain.virsh(f"restore --paused {SAVED}")
            expect(len(secondaries(host)) == 3, f"three secondaries: {secondaries(host)}")
            expect_words(domain.virsh(f"domstate {domain.name}").stdout, "paused")
            resume(domain)
            expect_going_on(domain, names, before)
            domain.ask("blocks off")
            expect_words(domain.ask("disk sda"), "rw=ok")
            domain.destroy()
        finally:
            host.run(["rm", "-f", SAVED])
    expect_all_gone(host)


@scenario(seconds=180)
def managed_save(host):
    """The same by managed save, over a restart of the daemon; then the guest's secondary is
    killed, and restarted with what was written into its registers before it was saved."""
    with working(host) as (domain, names):
        domain.virsh(f"managedsave {domain.name}")
        before = progress(domain)
        host.run("systemctl restart libvirtd")
        domain.virsh(f"start --paused {domain.name}")
        resume(domain)
        expect_going_on(domain, names, before)
        host.run(f"pkill -KILL -f 'guest={domain.name}/disk'")
        numbers = blocks(domain)
        wait_for(lambda: len(blocks(domain)) > len(numbers) + 5, "further blocks after the restart")
        domain.destroy()
    expect_all_gone(host)


@scenario(seconds=150)
def secondary_save_fails(host):
    """The image has no place on the disk, and a secondary does not answer: the guest goes on."""
    with working(host, limit=0) as (domain, names):
        host.run(f"mkdir -p {FULL} && mount -t tmpfs -o size=16M full {FULL}")
        try:
            before = progress(domain)
            done = domain.virsh(f"save {domain.name} {FULL}/image", check=False)
            expect(done.returncode != 0, "a save that fails")
            expect_put_back(host)
            expect_going_on(domain, names, before)
        finally:
            host.run(f"umount {FULL}; rmdir {FULL}")
        before = progress(domain)
        host.run(f"pkill -STOP -f 'guest={domain.name}/disk'")
        done = domain.virsh(f"save {domain.name} {SAVED}", check=False)
        host.run(f"pkill -CONT -f 'guest={domain.name}/disk'")
        expect(done.returncode != 0, "a save that fails")
        expect_words(done.stderr, "'disk'", "no answer")
        expect(not host.run(f"ls {SAVED}", check=False).stdout, "no image")
        expect_going_on(domain, names, before)
        domain.destroy()
    expect_all_gone(host)


def expect_image_refused(host, domain, *words):
    """Fail unless the image is refused, with nothing done."""
    done = domain.virsh(f"restore {SAVED}", check=False)
    expect(done.returncode != 0, "an image that is refused")
    expect_words(done.stderr, *words)
    expect_all_gone(host)


@scenario(seconds=150)
def image_refused(host):
    """An image that was altered or cut short is refused before anything is done; it works as soon
    as it is as it was."""
    with working(host) as (domain, names):
        try:
            domain.virsh(f"save {domain.name} {SAVED}")
            before = progress(domain)
            size = int(host.run(["stat", "-c", "%s", SAVED]).stdout)
            byte = int(host.run(f"tail -c 100 {SAVED} | head -c 1 | od -An -tu1").stdout)
            write = "printf '\\{:03o}' | dd of={} bs=1 seek={} conv=notrunc status=none"
            host.run(write.format(byte ^ 1, SAVED, size - 100))
            expect_image_refused(host, domain, "checksum", "'lines'")
            host.run(write.format(byte, SAVED, size - 100))
            host.run(f"tail -c 1 {SAVED} > {SAVED}.end && truncate -s -1 {SAVED}")
            expect_image_refused(host, domain, "it is incomplete")
            host.run(f"cat {SAVED}.end >> {SAVED}")
            domain.virsh(f"restore --paused {SAVED}")
            resume(domain)
            expect_going_on(domain, names, before)
            domain.destroy()
        finally:
            host.run(f"rm -f {SAVED} {SAVED}.end")
    expect_all_gone(host)


def expect_kept(host, way):
    """Fail unless a guest that uses three secondaries goes on where it was when it is saved and
    started again, by way(domain), and has lost nothing."""
    with working(host) as (domain, names):
        before = progress(domain)
        way(domain)
        expect_going_on(domain, names, before)
        expect_disk(domain, IMAGE)
        domain.destroy()


@scenario(seconds=200)
def libvirt_guests_saves(host):
    """libvirt-guests saves a guest that uses three secondaries, and starts it again."""
    expect_kept(host, by_libvirt_guests)
    expect_all_gone(host)


@scenario(seconds=300)
def host_reboots(host):
    """So it does when the host reboots."""
    expect_kept(host, by_reboot)
    host.run("systemctl stop libvirt-guests")
    host.run(f"rm -f {GUESTS_FILES}")
    expect_all_gone(host)
