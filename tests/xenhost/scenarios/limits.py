# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of the daemon when secondaries want more than the host has."""

from xenhostlib import Domain
from xenhostlib.common import PROGRAMS
from xenhostlib.domain import devicemodel, domain_xml, nic

from .common import (MAIN, TWO_NICS, expect, expect_all_gone, expect_words, running, scenario,
                     secondaries, wait_for)

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


# Takes memory until the kernel ends it, as the user and with the score of a secondary.
HOG = """
echo $$ > /sys/fs/cgroup/system.slice/libvirtd.service/cgroup.procs
read -r score < /proc/{pid}/oom_score_adj
echo "$score" > /proc/self/oom_score_adj
setpriv --reuid {uid} --regid {uid} --clear-groups tail /dev/zero
exit $?
"""


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
            done = host.run(["sh", "-c", HOG.format(pid=pid, uid=uid)], check=False, timeout=120)
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
