# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a secondary may not do: read from /proc, and tried from inside.

The trials are made by host/intruder.c, which takes the secondary over."""

import contextlib
import os
import pathlib
import re
import tempfile

from xenhostlib import Domain, leftovers
from xenhostlib.common import PROGRAMS, SOURCE_DIR, call, require
from xenhostlib.domain import BRIDGE, devicemodel, disk, domain_xml, nic

from .common import (FIRST, MAIN, configure, expect, expect_words, running, scenario, secondaries,
                     wait_for)

UID_BASE = 0x70000000
UID_KEY = "device_model_uid_base"
ROOT = "/run/libvirt/libxl/devicemodel/root"
NONE = "0" * 16

# A block device that no other scenario has.
LOOP = "/dev/loop5"

# A secondary with a file of every kind that one can be handed, and another one.
# The one that is taken over answers nobody any more, and is not to be killed for that.
EVERYTHING = (MAIN + devicemodel("lan", [2], capabilities=["ide", "serial", "audio"], limit=0) +
              devicemodel("wan", [3]) + nic(2) + nic(3) + disk("hda", "/root/poor.img") +
              disk("hdb", LOOP, block=True) + """
    <sound model='es1370'/>
    <audio id='1' type='file' path='/root/poor.wav'/>""")
SERIALS = """
    <serial type='pty'/>
    <serial type='unix'><source mode='bind' path='/root/poor.sock'/></serial>
    <serial type='unix'><source mode='connect' path='/root/poor.service'/></serial>
    <serial type='tcp'>
      <source mode='bind' host='127.0.0.1' service='4556'/><protocol type='raw'/>
    </serial>"""

# The requests of ioctl(2) that have no size in their number and succeed, by what a file
# is: those that every file takes (FIONCLEX, FIOCLEX, FIOASYNC), and what tells of the file
# or concerns nobody but those who have it open. A terminal is one that libvirt made.
REQUESTS_ALL = {0x5450, 0x5451, 0x5452}
REQUESTS = (
    # FIONREAD, FIOQSIZE, EXT4_IOC_PRECACHE_EXTENTS
    (r"/root/|/run/", {0x541b, 0x5460, 0x6612}),
    # FIONREAD, of sockets TIOCOUTQ, too
    (r"pipe:", {0x541b}),
    (r"socket:", {0x5411, 0x541b}),
    # the size and the blocks of the device, BLKDISCARD
    (LOOP, {0x125e, 0x1260, 0x1263, 0x1265, 0x1267, 0x1268, *range(0x1277, 0x127d), 0x127e}),
    # not TIOCCONS, TIOCSTI, TIOCSETD, TIOCVHANGUP, TIOCSLCKTRMIOS
    (r"/dev/ptmx", {*range(0x5401, 0x540a), 0x540c, 0x540d, 0x540f, 0x5411, 0x5413, 0x5414,
                    0x5419, 0x541a, 0x541b, 0x5420, 0x5424, 0x5425, 0x5427, 0x5428, 0x5441,
                    0x5456}))


def status(host, pid):
    """Return the fields of /proc/PID/status, and of the threads' that differ."""
    lines = host.run(f"cat /proc/{pid}/task/*/status").stdout.splitlines()
    found = {}
    for line in lines:
        name, _, value = line.partition(":")
        found.setdefault(name, set()).add(" ".join(value.split()))
    return found


def expect_status(host, pid, uid):
    """Fail unless the process and all its threads have neither privilege nor friends."""
    found = status(host, pid)
    ids = " ".join([str(uid)] * 4)
    for field, value in {"Uid": ids, "Gid": ids, "Groups": str(uid), "NoNewPrivs": "1",
                         "Seccomp": "2", "Seccomp_filters": "2",
                         "CapInh": NONE, "CapPrm": NONE, "CapEff": NONE, "CapAmb": NONE}.items():
        expect(found[field] == {value}, f"{field} {value} in process {pid}: {found[field]}")
    # what QEMU needs to become this: set user, set group, change root
    for value in found["CapBnd"]:
        expect(int(value, 16) & ~0x400c0 == 0, f"an empty bounding set, nearly: {value}")


def expect_confined(host, pid, vcpus=1):
    """Fail unless the process has an empty root, namespaces of its own, and limits."""
    for name in ("root", "cwd"):
        target = host.run(f"readlink /proc/{pid}/{name}").stdout.strip()
        expect(target == ROOT, f"{ROOT} as {name} of process {pid}: {target}")
    found = host.run(f"stat -c '%a %U %G' {ROOT}; ls -A {ROOT}").stdout.strip()
    expect(found == "555 root root", f"an empty root that nobody can write to: {found}")
    for name in ("net", "ipc"):
        links = host.run(f"readlink /proc/1/ns/{name} /proc/{pid}/ns/{name}").stdout.split()
        expect(len(set(links)) == 2, f"a {name} namespace of its own: {links}")
    limits = host.run(f"cat /proc/{pid}/limits").stdout
    for name, value in (("Max open files", 2048), ("Max processes", 128 + vcpus),
                        ("Max core file size", 0)):
        [line] = [line for line in limits.splitlines() if line.startswith(name)]
        expect(line[len(name):].split()[:2] == [str(value)] * 2, f"{name} {value}: {line}")


def expect_handles(host, pid):
    """Fail if the process has files open that nobody handed to it, but for Xen's."""
    listing = host.run(f"ls -l /proc/{pid}/fd").stdout.splitlines()[1:]
    links = [line.rpartition(" -> ")[2] for line in listing]
    allowed = ("/dev/null", "/dev/net/tun", "/dev/xen/privcmd", "/dev/xen/evtchn",
               "/run/libvirt/libxl/devicemodel/",
               "socket:", "pipe:", "anon_inode:", "/memfd:", "/dev/zero",
               "/dev/ptmx", "/root/poor.img", "/root/poor.wav", LOOP)
    for link in links:
        expect(link.startswith(allowed), f"a file that process {pid} may have: {link}")
    # its log is virtlogd's
    said = host.run(f"readlink /proc/{pid}/fd/1 /proc/{pid}/fd/2").stdout.split()
    expect(all(link.startswith("pipe:") for link in said), f"pipes for what it says: {said}")
    writable = host.run(f"cd /proc/{pid}/fd && for fd in *; do case $(readlink $fd) in /run/*) "
                        f"grep flags: ../fdinfo/$fd;; esac; done").stdout.split()[1::2]
    expect(writable and all(int(flags, 8) & 3 == 0 for flags in writable),
           f"nothing of /run open for writing: {writable}")
    count = int(host.run(f"ls /proc/{pid}/task | wc -l").stdout)
    # far from the limits, which are for what it is made to do
    expect(len(links) < 64 and count < 16, f"{len(links)} files and {count} threads")


def expect_connections(host):
    """Fail if a secondary is connected to xenstored, or a client of anything else."""
    lines = host.run("ss -Hxp 2>/dev/null | grep xen-qemu | grep xenstored", check=False).stdout
    pids = secondaries(host)
    expect(not any(f"pid={pid}," in line for pid in pids for line in lines.splitlines()),
           f"no secondary connected to xenstored: {lines}")


@contextlib.contextmanager
def program(host):
    """The path of the intruder's program on the host."""
    require("cc", "gcc")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "intruder"
        call(["cc", "-static", "-O1", "-o", str(path),
              *(str(SOURCE_DIR / "host" / name)
                for name in ("intruder.c", "holder.c", "takeover.c"))])
        os.chmod(path, 0o755)
        host.copy_to(path, "/root/intruder")
    try:
        yield "/root/intruder"
    finally:
        host.run("rm -f /root/intruder")


def surprise(line):
    """Return what is wrong with what the intruder says of a trial, or None."""
    found = re.fullmatch(r"requests of \d+=(.*):((?: 0x[0-9a-f]+)*)", line)
    if found:
        numbers = {int(word, 16) for word in found[2].split()}
        more = [known for target, known in REQUESTS if re.match(target, found[1])]
        unknown = numbers - REQUESTS_ALL.union(*more)
        missing = REQUESTS_ALL - numbers
        return f"{line}; unknown {sorted(unknown)}, missing {sorted(missing)}" \
            if unknown or missing else None
    name, _, outcome = line.rpartition(": ")
    wanted = name.removeprefix("handed on: ").startswith("control")
    return line if (outcome == "done") != wanted else None


def expect_trials_fail(text):
    """Fail if a trial of the intruder succeeded, or one of its controls failed."""
    lines = text.splitlines()
    expect(lines and lines[-1] == "end", f"all trials made: {text}")
    wrong = [line for line in map(surprise, lines[:-1]) if line]
    expect(not wrong, "trials to fail, and controls to succeed: " + "\n".join(wrong))
    for word in ("=/dev/net/tun", "=/dev/ptmx", "connection of", "another name for",
                 f"trace \\d+={LOOP}", r"^requests of \d+=/dev/xen/evtchn",
                 r"^requests of \d+=socket:", r"write by a map to \d+=/run/",
                 r"read \d+=pipe:", r"watch \d+=/root/poor.img",
                 "64 MiB in", r"^handed on: control privcmd"):
        expect(any(re.search(word, line) for line in lines), f"a trial with '{word}': {text}")


@contextlib.contextmanager
def everything(host):
    """The domain 'poor', with the files that it needs."""
    try:
        host.run("truncate -s 1M /root/poor.img /root/poor.blk && chmod 600 /root/poor.img && "
                 f"losetup {LOOP} /root/poor.blk")
        host.run(f"systemd-run --quiet --collect --unit=poor {PROGRAMS}/serve.py /root/poor.service")
        wait_for(lambda: host.run("ls /root/poor.service", check=False).stdout, "the service", 30)
        with running(host, "poor", domain_xml("poor", EVERYTHING, serial=SERIALS)) as domain:
            yield domain
    finally:
        host.run(f"systemctl stop poor; losetup -d {LOOP}; rm -f /root/poor.*", check=False)


def intrude(host, intruder, domid, pids):
    """Let the secondary 'lan' be taken over; return what came of the trials."""
    ioservid = host.run(f"xenstore-read /local/domain/0/dms/{domid}/1/ioservid").stdout.strip()
    others = [pids["wan"], host.run("pgrep -x libvirtd").stdout.strip(),
              host.run("pgrep -f 'xen-domid [1-9].*qmp-libxl'").stdout.split()[0], "1"]
    paths = ["/etc/shadow", "/dev/xen/privcmd", "/run/xenstored/socket",
             "/var/run/xenstored/socket", "/run/libvirt/libvirt-sock",
             f"/run/libvirt/libxl/devicemodel/{domid}-2.qmp",
             f"/run/libvirt/libxl/devicemodel/{domid}-2.pid",
             f"/run/libvirt/libxl/devicemodel/{domid}-2.regs",
             f"/run/xen/qmp-libxl-{domid}", "/proc/1/environ", "/bin/sh"]
    return host.run([intruder, pids["lan"], domid, ioservid, *others, "--", *paths]).stdout


@scenario(seconds=120, turn=FIRST)
def privilege_promises(host):
    """What a secondary lost, from /proc, and that it is lost, from inside; its end is complete."""
    with program(host) as intruder, everything(host) as domain:
        domid = domain.virsh("domid poor").stdout.strip()
        pids = {}
        for name, number in (("lan", 1), ("wan", 2)):
            folder = f"/local/domain/0/dms/{domid}/{number}"
            pids[name] = host.run(f"xenstore-read {folder}/pid").stdout.strip()
            state = host.run(f"xenstore-read {folder}/state {folder}/name").stdout.split()
            expect(state == ["running", name], f"state and name in xenstore: {state}")
            expect_status(host, pids[name], UID_BASE + int(domid) * 16 + number)
            expect_confined(host, pids[name])
            expect_handles(host, pids[name])
        expect_connections(host)
        links = f"cat /sys/class/net/{BRIDGE}/address; ip -o link | wc -l"
        before = host.run(links).stdout
        expect_trials_fail(intrude(host, intruder, domid, pids))
        expect(host.run(links).stdout == before, f"the bridge's MAC, and no more links: {before}")
        uid = UID_BASE + int(domid) * 16 + 1
        # the intruder itself is a zombie, as the secondary waits for no child
        left = host.run(f"pgrep -r D,R,S -u {uid}").stdout.split()
        expect(len(left) == 2, f"the secondary and what the intruder left: {left}")
        domain.destroy()
        left = host.run(f"pgrep -u {uid}", check=False).stdout
        expect(not left, f"nothing that the intruder left: {left}")
        expect(not leftovers(host), f"nothing left: {leftovers(host)}")


def expect_start_refused(host, domain, *words):
    """Fail unless the start is refused with @words in the error, and leaves nothing."""
    done = domain.start(check=False)
    expect(done.returncode != 0, f"a refusal with {words}, it was started")
    expect_words(done.stderr, *words)
    left = [line for line in leftovers(host) if "sleep" not in line and ROOT not in line]
    expect(not left, f"nothing left after '{done.stderr.strip()}': {left}")


@scenario(seconds=60, turn=FIRST)
def privilege_kept_refused(host):
    """A secondary that has kept a privilege, or cannot lose it, is not started."""
    xml = domain_xml("rich", MAIN + devicemodel("lan", [2], emulator="/root/rich") + nic(2))
    domain = Domain(host, "rich")
    try:
        host.run(f"cp {PROGRAMS}/disobey.sh /root/rich")
        domain.define(xml)
        for options, words in (("-runas|-run-with", ("'Uid'", "'0 0 0 0'")),
                               ("-chroot|-run-with", ("'root'", f"'{ROOT}'"))):
            host.run(f"echo '{options}' > /root/rich.options")
            expect_start_refused(host, domain, "'lan'", "was not deprivileged", *words)
        # an option without a value; the driver's own filter is there
        host.run("echo '-xen-domid-restrict bare' > /root/rich.options")
        expect_start_refused(host, domain, "'lan'", "was not deprivileged",
                             "'Seccomp_filters' is '1'", "expected '2'")
        host.run(f"rmdir {ROOT} && touch {ROOT}")
        expect_start_refused(host, domain, "'lan'", ROOT, "expected a folder")
        host.run(f"rm {ROOT} && mkdir {ROOT} && touch {ROOT}/file && chmod 555 {ROOT}")
        expect_start_refused(host, domain, "'lan'", ROOT, "'file'", "expected an empty folder")
    finally:
        domain.remove()
        host.run(f"rm -rf {ROOT} /root/rich /root/rich.options")


@scenario(seconds=70)
def privilege_range(host):
    """The user ids come from libxl.conf; one that somebody has is left alone."""
    base = 3000000000
    domain = Domain(host, "range")
    try:
        configure(host, UID_KEY, base)
        domain.define(domain_xml("range", MAIN + devicemodel("lan", [2]) + nic(2)))
        domain.start()
        domid = int(domain.virsh("domid range").stdout)
        [pid] = secondaries(host)
        expect_status(host, pid, base + domid * 16 + 1)
        # the uid is known from the status file, whatever the configuration is by then
        configure(host, UID_KEY, None)
        domain.destroy()
        expect(not leftovers(host), f"nothing left: {leftovers(host)}")
        for number in range(1, 4):
            host.run(f"setpriv --reuid {UID_BASE + (domid + number) * 16 + 1} --regid 1 "
                     "--clear-groups sleep 600 >/dev/null 2>&1 </dev/null &")
        expect_start_refused(host, domain, "'lan'", "a process runs under user id",
                             "'device_model_uid_base'")
        expect(len(host.run("pgrep -x sleep").stdout.split()) >= 3, "what had the uid, alive")
        configure(host, UID_KEY, 1000, check=False)
        log = wait_for(lambda: [line for line in host.run(
            "journalctl -b -u libvirtd --no-pager; cat /var/log/libvirt/libvirtd.log",
            check=False).stdout.splitlines() if "device_model_uid_base = 1000" in line],
                       "a word about a range of users in the daemon's log", 60)
        expect_words(log[0], "65536")
        done = domain.virsh("domstate range", check=False)
        expect(done.returncode != 0, f"no connection with a range of users: {done.stdout}")
    finally:
        configure(host, UID_KEY, None)
        host.run("pkill -x sleep", check=False)
        domain.remove()
