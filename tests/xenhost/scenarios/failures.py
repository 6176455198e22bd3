# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts and ends that fail or are interrupted, and what is left then: nothing."""

import contextlib

from xenhostlib import Domain, leftovers
from xenhostlib.common import PROGRAMS
from xenhostlib.domain import EMULATOR, devicemodel, domain_xml, mac, nic

from .common import (FIRST, LAST, MAIN, Failure, expect, expect_start_fails, expect_words,
                     no_daemon, scenario, secondaries, wait_for)

NICS = nic(2) + nic(3)
# With the emulators of bad-emulator.
BAD = "/root/bad"
STATUS = "/run/libvirt/libxl/fails.xml"
NO_RESTART = "/run/systemd/system/libvirtd.service.d"

# What fails, in which secondary, and what the user reads beside its name. 'lan'
# is the first and 'wan' the second; the other one is a QEMU that does not fail.
# 'emulators-refused' has those that are none, and one that hangs.
EMULATORS = (
    ("exits", "wan", "exited while it started", "no such board"),
    ("greeting", "lan", "exited while it started", "no more words"),
    ("garbage", "wan", "monitor greeting: sent a line that is not JSON: 'HTTP/1.0 400 Bad Request'"),
    # it is killed in the middle of what it writes to its log
    ("on-qmp_capabilities", "lan", "exited while it started"),
    ("on-cont", "lan", "exited while it started", "killed"),
    ("on-query-status", "wan", "exited while it started", "killed"),
    ("at-cont", "wan", "monitor command 'cont': GenericError: no such board"),
)


def small(name, devices, emulator=None):
    """Return the XML of a domain that has nothing to boot and starts soon."""
    xml = domain_xml(name, devices, memory=64, boot="<boot dev='hd'/>")
    return xml.replace(f"<emulator>{EMULATOR}</emulator>", f"<emulator>{emulator}</emulator>", 1) \
        if emulator else xml


def pair(lan=EMULATOR, wan=EMULATOR, nics=NICS, failure=None, limit=None):
    """Return the devices of a domain with two secondaries, by their emulators."""
    return (MAIN + devicemodel("lan", [2], emulator=lan, failure=failure, limit=limit) +
            devicemodel("wan", [3], emulator=wan, failure=failure, limit=limit) + nics)


@contextlib.contextmanager
def bad_emulators(host):
    """The folder BAD, while it is needed."""
    names = {mode for mode, *_ in EMULATORS} | {"hangs"}
    host.run(["mkdir", "-p", BAD])
    try:
        host.run(f"cd {BAD} && for name in {' '.join(sorted(names))}; do "
                 f"ln -sf {PROGRAMS}/bad-emulator bad-$name; done")
        yield
    finally:
        host.run(["rm", "-rf", BAD])


@contextlib.contextmanager
def defined(host, devices, emulator=None):
    """The domain 'fails', while it is needed."""
    domain = Domain(host, "fails")
    try:
        domain.define(small("fails", devices, emulator))
        yield domain
    finally:
        domain.remove()


def expect_failure(host, devices, *words, emulator=None):
    """Fail unless the start fails with @words, and leaves nothing."""
    with defined(host, devices, emulator) as domain:
        expect_start_fails(host, domain, *words)


def all_failures(cases):
    """Run functions; raise one error with all that failed."""
    problems = []
    for title, function in cases:
        try:
            function()
        except Failure as problem:
            problems.append(f"{title}: {problem}")
    expect(not problems, "no failure in the table:\n" + "\n".join(problems))


@scenario(seconds=120, turn=FIRST)
def emulators_fail(host):
    """An emulator fails at each step of a start, first or second: an error, nothing left."""
    def case(mode, name, *words):
        return lambda: expect_failure(host, pair(**{name: f"{BAD}/bad-{mode}"}), f"'{name}'", *words)
    with bad_emulators(host):
        all_failures((f"{row[0]} in {row[1]}", case(*row)) for row in EMULATORS)


@contextlib.contextmanager
def in_the_way(host, path, folder=True):
    """Something of the wrong kind at @path, in the place of what was there."""
    away = "/root/away"
    host.run(f"test ! -e {path} || mv {path} {away}; "
             + (f"mkdir -p {path}" if folder else f"touch {path}"))
    try:
        yield
    finally:
        host.run(f"rm -r {path}; test ! -e {away} || mv {away} {path}")


@scenario(seconds=60)
def host_fails(host):
    """The host lacks what a secondary needs, or libxl fails: an error, nothing left."""
    unmanaged = f"""
    <interface type='ethernet'>
      <mac address='{mac(3)}'/><target dev='nosuchtap' managed='no'/><model type='e1000'/>
    </interface>"""
    log = "/var/log/libvirt/libxl/fails-dm-wan.log"
    folder = "/run/libvirt/libxl/devicemodel"

    def with_log():
        with in_the_way(host, log):
            expect_failure(host, pair(), "'wan'", log)

    def with_folder():
        with in_the_way(host, folder, folder=False):
            expect_failure(host, pair(), "'lan'", "cannot create folder", folder)

    with bad_emulators(host):
        all_failures((
            ("log", with_log),
            ("folder", with_folder),
            ("bridge", lambda: expect_failure(host, pair(nics=nic(2) + nic(3, bridge="nobr0")),
                                                  "'wan'", "nobr0")),
            ("tap", lambda: expect_failure(host, pair(nics=nic(2) + unmanaged), "'wan'", "doesn't exist")),
            ("libxl", lambda: expect_failure(host, pair(), "libxenlight", "'fails'",
                                                 emulator=f"{BAD}/bad-exits")),
        ))


def beside(host, command, condition, action):
    """Run @command, and @action as soon as @condition is true; return what the command says."""
    return host.script("beside.sh", command, condition, action, timeout=400).stdout


@contextlib.contextmanager
def killed_daemon(host, command, condition):
    """No daemon: the last one was killed in the middle of a client's @command, as
    soon as @condition was true. At the end the next one is there."""
    # it must not start again by itself
    host.run(f"mkdir -p {NO_RESTART}; printf '[Service]\\nRestart=no\\n' > {NO_RESTART}/test.conf; "
             "systemctl daemon-reload")
    try:
        said = beside(host, command, condition, "kill -KILL $(systemctl show -P MainPID libvirtd)")
        expect_words(said, "status 1")
        expect("too late" not in said, f"a daemon that was killed in time: {said}")
        host.run("while systemctl is-active --quiet libvirtd; do sleep 0.2; done")
        yield
    finally:
        host.run(f"rm -rf {NO_RESTART}; systemctl daemon-reload; systemctl reset-failed libvirtd; "
                 "systemctl start libvirtd && virsh -q version")


# Whether the emulator that hangs has been started.
HANGS = f"pgrep -f '{BAD}/bad-hang[s].*-xen-domid' > /dev/null"


def expect_cleaned_up(host, domain):
    """Wait until the next daemon has left nothing of the domain."""
    wait_for(lambda: not leftovers(host), f"nothing left: {leftovers(host)}", 60)
    expect_words(domain.virsh("domstate fails").stdout, "shut off")


@scenario(seconds=90)
def daemon_killed_in_start(host):
    """The daemon is killed while it starts a domain: the next one removes it."""
    with bad_emulators(host):
        for title, devices, emulator in (("secondary", pair(wan=f"{BAD}/bad-hangs"), None),
                                         ("primary", pair(), f"{BAD}/bad-hangs")):
            with defined(host, devices, emulator) as domain:
                with killed_daemon(host, "virsh start fails", HANGS):
                    expect(host.run(HANGS, check=False).returncode == 0,
                           f"a {title} that the daemon has left")
                expect_cleaned_up(host, domain)
                expect_words(host.run("journalctl -q -u libvirtd -g 'was being started' | tail -n 1").stdout,
                             "'fails'")


@scenario
def daemon_restarted_in_start(host):
    """The daemon is restarted while it starts a domain: what the client hears is true."""
    with bad_emulators(host), defined(host, pair(wan=f"{BAD}/bad-hangs")) as domain:
        said = beside(host, "virsh start fails", HANGS, "systemctl restart libvirtd && virsh -q version")
        expect_words(said, "status 1")
        expect_cleaned_up(host, domain)


@scenario
def daemon_killed_in_destroy(host):
    """The daemon is killed while it ends the secondaries: the next one finishes that."""
    # a slow host must not take those that are stopped for hung before the daemon is killed
    with defined(host, pair(limit=0)) as domain:
        domain.start()
        frozen = list(secondaries(host))
        host.run(["kill", "-STOP", *frozen])
        with killed_daemon(host, "virsh destroy fails", f"! grep -q \"complete='yes'\" {STATUS}"):
            expect(list(secondaries(host)) == frozen, "secondaries that the daemon has left")
            expect("fails" in host.run("xl list").stdout, "a domain that the daemon has left")
        expect_cleaned_up(host, domain)


@scenario(seconds=60, turn=LAST)
def removal_retried(host):
    """What could not be removed is removed by the next start, and by the next daemon."""
    def restart():
        host.run("systemctl restart libvirtd && virsh -q version")

    with defined(host, pair()) as domain:
        # the last is what a daemon starts that did not leave it
        for between, again in ((None, domain.start), (None, restart), (restart, domain.start)):
            domain.start()
            socket = host.run("ls /run/libvirt/libxl/devicemodel/*-2.qmp").stdout.strip()
            host.run(f"mount --bind /dev/null {socket}")
            try:
                domain.destroy()
                if between:
                    between()
                expect_words(domain.virsh("domstate fails").stdout, "shut off")
                left = leftovers(host)
                expect(sorted(left) == sorted([f"file {socket}", f"file {STATUS}", f"mount {socket}"]),
                       f"the socket and its record left: {left}")
            finally:
                host.run(f"umount {socket}")
            again()
            expect(f"file {socket}" not in leftovers(host), "the socket gone")
            domain.virsh("destroy fails", check=False)
            expect_cleaned_up(host, domain)


@scenario
def secondary_killed(host):
    """A stranger gets the pid of a secondary that is killed: it is left alone."""
    with defined(host, pair(failure="ignore")) as domain:
        domain.start()
        with no_daemon(host):
            host.run("kill -KILL $(pgrep -f 'guest=fails/[w]an')")
            # as far as the pid file is concerned
            host.run("sleep 1000 > /dev/null 2>&1 & "
                     "echo $! > /run/libvirt/libxl/devicemodel/$(xl domid fails)-2.pid; "
                     "echo $! > /root/stranger")
        states = {dm.get("name"): dm.get("state") for dm in domain.xml().iter("devicemodel")}
        expect(states["lan"] == "running" and states["wan"] == "failed", f"the state of the dead: {states}")
        domain.destroy()
        host.run("kill $(cat /root/stranger); rm /root/stranger")
        expect_cleaned_up(host, domain)


@scenario(turn=LAST)
def two_daemons(host):
    """A second daemon with the same driver is refused, and touches nothing."""
    with defined(host, pair()) as domain:
        domain.start()
        before = secondaries(host)
        said = host.run("LIBVIRT_LOG_OUTPUTS=3:stderr timeout 60 virtxend 2>&1", check=False).stdout
        expect_words(said, "/run/libvirt/libxl/driver.pid")
        expect(secondaries(host) == before, f"the same secondaries: {before}, {secondaries(host)}")
        expect_words(domain.virsh("domstate fails").stdout, "running")
        domain.destroy()
        expect_cleaned_up(host, domain)
