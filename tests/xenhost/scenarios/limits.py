# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of the host when secondaries want more than they may have, or it has."""

import shlex
import time

from xenhostlib import Domain
from xenhostlib.common import PROGRAMS
from xenhostlib.domain import devicemodel, domain_xml, nic

from .common import (FIRST, MAIN, TWO_NICS, expect, expect_all_gone, expect_words, running,
                     scenario, secondaries, secondaries_of, wait_for)
from .deaths import expect_failed, pid_of

UID_BASE = 0x70000000
# How many processes a secondary of a domain with one vCPU may have.
PROCESSES = 129
# Two domains with all the device models that Xen allows.
SECONDARIES = 14

MONOLITHIC = "libvirtd libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket"
MODULAR = "virtxend virtxend.socket virtxend-ro.socket virtxend-admin.socket"


def small(name, devices):
    """Return the XML of a domain that has nothing to boot and starts soon."""
    return domain_xml(name, devices, memory=64, boot="<boot dev='hd'/>")


@scenario
def tasks_used_up(host):
    """Fourteen secondaries have all the tasks that they may: a domain can be destroyed."""
    domain = Domain(host, "busy")
    host.run(f"systemctl stop {MONOLITHIC}; systemctl start virtxend.socket")
    try:
        domain.define(small("busy", MAIN + devicemodel("lan", [2]) + devicemodel("wan", [3]) +
                            nic(2) + nic(3)))
        domain.start()
        first = UID_BASE + int(domain.virsh("domid busy").stdout) * 16 + 1
        uids = [str(uid) for uid in range(first, first + SECONDARIES)]
        host.run(f"systemd-run --quiet --collect --unit tasks sh -c '{PROGRAMS}/tasks.py "
                 f"virtxend.service {PROCESSES} {' '.join(uids)} > /root/tasks'")
        said = wait_for(lambda: host.run("cat /root/tasks", check=False).stdout, "all tasks", 400)
        domain.destroy()
        expect(int(said.split()[1].rstrip(",")) >= SECONDARIES * PROCESSES,
               f"{SECONDARIES * PROCESSES} tasks in the daemon's control group: {said}")
        expect(not host.run(f"pgrep -u {uids[0]},{uids[1]}", check=False).stdout,
               "nothing left of the two secondaries")
    finally:
        # KillMode=process: the daemon's end is not theirs
        host.run("pkill -9 -f [/]tasks.py; rm -f /root/tasks; true")
        domain.remove()
        host.run(f"systemctl stop {MODULAR}; systemctl start {MONOLITHIC}")
    expect_all_gone(host)


@scenario
def memory_used_up(host):
    """The kernel ends a secondary that wants too much memory: the daemon goes on."""
    with running(host, "hungry", small("hungry", TWO_NICS)) as domain:
        [pid] = secondaries(host)
        score = host.run(f"cat /proc/{pid}/oom_score_adj").stdout.strip()
        expect(score == "500", f"the secondary before others: {score}")
        uid = UID_BASE + int(domain.virsh("domid hungry").stdout) * 16 + 1
        before = host.run("systemctl show -P MainPID libvirtd").stdout
        group = "/sys/fs/cgroup/system.slice/libvirtd.service"
        host.run(f"echo $(($(cat {group}/memory.current) + 67108864)) > {group}/memory.max")
        try:
            done = host.script("hog.sh", pid, str(uid), check=False, timeout=120)
        finally:
            host.run(f"echo max > {group}/memory.max")
        expect(done.returncode == 137, f"a process that the kernel has killed: {done.returncode}")
        events = host.run(f"cat {group}/memory.events", check=False).stdout
        expect_words(events, "oom_kill ")
        host.run("sleep 5")
        after = host.run("systemctl show -P MainPID libvirtd").stdout
        expect(before == after, f"the daemon as before, {before.strip()}: {after.strip()}")
        expect_words(domain.virsh("domstate hungry").stdout, "running")
        expect(list(secondaries(host)) == [pid], "the secondary as before")


TWO_SECONDARIES = (MAIN + devicemodel("lan", [2], failure="ignore") + devicemodel("wan", [3]) +
                   nic(2) + nic(3))

# As many processes as there can be, which then go on.
FORK = "while :; do sleep 60 & done"
SPIN = "for i in 1 2 3 4 5 6 7 8; do while :; do :; done & done; wait"


class Secondary:
    """One of the domain 'greedy', and somebody who has taken it over."""

    def __init__(self, host, domain, name, number):
        self.pid = pid_of(host, domain, name)
        self.host = host
        self.uid = UID_BASE + int(host.run("virsh domid greedy").stdout) * 16 + number
        [group] = host.run(f"cat /proc/{self.pid}/cgroup").stdout.splitlines()
        self.group = group.replace("0::", "/sys/fs/cgroup", 1)

    def read(self, name, field=""):
        """Return what a file of its control group says, of @field if that is given."""
        text = self.host.run(f"cat {self.group}/{name}").stdout.strip()
        return text if not field else int(dict(line.split() for line in text.splitlines())[field])

    def _words(self, command):
        return [self.pid, self.group, str(PROCESSES), str(self.uid), command]

    def intrude(self, command):
        """Let the intruder run @command; return its status."""
        return self.host.script("intrude.sh", *self._words(command), check=False,
                                timeout=120).returncode

    def begin(self, command):
        """Let the intruder begin with @command, which goes on."""
        self.host.run(f"{PROGRAMS}/intrude.sh {shlex.join(self._words(command))} "
                      "> /dev/null 2>&1 < /dev/null &")

    def end(self):
        """End all that the intruder does."""
        self.host.run(f"pgrep -u {self.uid} | grep -vx {self.pid} | xargs -r kill -9", check=False)


def expect_limits(secondary):
    """Fail unless a secondary is in a control group of its own, with libvirt's limits."""
    found = secondary.host.run(f"cat {secondary.group}/cgroup.procs").stdout.split()
    expect(found == [secondary.pid], f"{secondary.pid} alone in {secondary.group}: {found}")
    for name, value in (("memory.max", str(256 * 1024 * 1024)), ("memory.swap.max", "0"),
                        ("cpu.max", "200000 100000"), ("cpu.weight", "100")):
        expect(secondary.read(name) == value, f"'{value}' in {name}: {secondary.read(name)}")


def expect_memory_held(lan):
    """Take memory: the kernel ends what took it, within the limit, and nothing else."""
    status = lan.intrude("exec tail /dev/zero")
    expect(status == 137, f"a process that the kernel has killed: {status}")
    expect(lan.read("memory.events", "oom_kill") == 1, f"one killed: {lan.read('memory.events')}")
    peak, limit = int(lan.read("memory.peak")), int(lan.read("memory.max"))
    expect(limit // 2 < peak <= limit, f"{limit} bytes at most, and more than half of that: {peak}")


def expect_forks_held(lan):
    """Fork: there are as many processes as the user may have, and the host starts others."""
    lan.begin(FORK)
    count = f"ps -L --no-headers -u {lan.uid} | wc -l"
    wait_for(lambda: int(lan.host.run(count).stdout) > PROCESSES - 10, "many processes", 30)
    found = int(lan.host.run(count).stdout)
    expect(found <= PROCESSES, f"{PROCESSES} processes and threads at most: {found}")
    lan.host.run("virsh -q list")
    lan.end()


def expect_processors_held(lan, wan):
    """Spin, eight at once, beside one of a sibling's: that gets its share."""
    lan.begin(SPIN)
    wan.begin("while :; do :; done")
    try:
        before = [secondary.read("cpu.stat", "usage_usec") for secondary in (lan, wan)]
        begin = time.monotonic()
        lan.host.run("sleep 8; virsh -q list; virsh -q domstate greedy", timeout=60)
        after = [secondary.read("cpu.stat", "usage_usec") for secondary in (lan, wan)]
        seconds = time.monotonic() - begin
    finally:
        lan.end()
        wan.end()
    eight, one = (now - then for then, now in zip(before, after))
    # of nine equals, eight would have eight times as much
    expect(4 * one > eight, f"a fair share for the sibling: {one} us, and {eight} us for eight")
    expect(eight < 2.2 * seconds * 1e6, f"two processors at most: {eight} us in {seconds} s")


def expect_log_held(lan):
    """Write to the log without end: it is cut off, as are the older ones."""
    log = "/var/log/libvirt/libxl/greedy-dm-lan.log"
    lan.begin("yes all work and no play makes Jack a dull boy >&2")
    try:
        wait_for(lambda: lan.host.run(["ls", f"{log}.0"], check=False).returncode == 0,
                 "an older log", 60)
        lan.host.run("virsh -q domstate greedy", timeout=60)
    finally:
        lan.end()
    sizes = lan.host.run(f"stat -c %s {log}*").stdout.split()
    # virtlogd's defaults: one, and three older ones, of 2 MiB each
    expect(len(sizes) <= 4 and all(int(size) <= 2 * 1024 * 1024 for size in sizes),
           f"four logs of 2 MiB at most: {sizes}")
    lan.host.run(f"rm -f {log}.*")


@scenario(seconds=110, turn=FIRST)
def limits_hold(host):
    """A secondary wants all memory, all processors, all processes and the disk of its log:
    it gets what it may have, and its sibling, the domain and the daemon go on."""
    with running(host, "greedy", small("greedy", TWO_SECONDARIES)) as domain:
        # a guest that has nothing to boot starts again after a minute
        domain.virsh("suspend greedy")
        lan, wan = Secondary(host, domain, "lan", 1), Secondary(host, domain, "wan", 2)
        daemon = host.run("systemctl show -P MainPID libvirtd").stdout
        expect_limits(lan)
        expect_limits(wan)
        expect_memory_held(lan)
        expect_forks_held(lan)
        expect_processors_held(lan, wan)
        expect_log_held(lan)
        expect(set(secondaries_of(host, "greedy")) == {lan.pid, wan.pid},
               f"both secondaries as before, {lan.pid} and {wan.pid}: {secondaries(host)}")
        # the emulator itself, which has more than this
        host.run(f"echo 1M > {lan.group}/memory.max")
        expect_failed(domain, "lan", "killed by the host for want of memory")
        expect(list(secondaries_of(host, "greedy")) == [wan.pid],
               f"the sibling as before, {wan.pid}: {secondaries(host)}")
        expect(not host.run(f"ls -d {lan.group}", check=False).stdout, f"no {lan.group}")
        expect_words(domain.virsh("domstate greedy").stdout, "paused")
        after = host.run("systemctl show -P MainPID libvirtd").stdout
        expect(daemon == after, f"the daemon as before, {daemon.strip()}: {after.strip()}")
    expect_all_gone(host)
