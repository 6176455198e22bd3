# SPDX-License-Identifier: LGPL-2.1-or-later
"""The emulated Xen host, running: start, run commands, copy, collect logs, stop.

A host has a name and a run folder, which holds all that is known of it:
state.json (written when its process has started), the ssh key, the libvirt
disk and logs/. It is there as long as the host is. The states of a host are

  absent    no run folder
  starting  a run folder without "ready" in its state
  running   "ready" in its state, and its process lives
  dead      a run folder whose process is gone; start() clears it away
"""

import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import image, initrd, tree
from .common import PROGRAMS, Progress, Stuck, XenHostError, call, require, temporary_dir
from .logs import collect

# Seconds. Software emulation on a loaded machine is several times slower than
# on an idle one; a host that is really broken mostly ends or says so at once.
BOOT_TIMEOUT = 600
POWEROFF_TIMEOUT = 60
# What a command may take where nothing else is said.
COMMAND_TIMEOUT = 900
# How often a host is asked whether it is there while a command runs, for how long it is
# waited for its answer, and how many answers in a row may be missing: a host that stands
# still ends no command and no connection.
LOOK = 60
ANSWER = 30
SILENCES = 3

QEMU = "qemu-system-x86_64"

# Xen's HVM support under emulation is AMD's, with nested paging. Of the newer
# features, MONITOR is taken away since Xen would idle in it, which costs the
# emulation dearly. The family is one without a GART: of an older one, the guest's
# Linux looks for a GART on all 256 PCI buses, which takes it ten seconds.
CPU = "qemu64,family=22,model=0,stepping=1,+svm,+npt,-monitor"
# Taken from the machine only as it is used.
MEMORY_MB = 8192
# The disk that a host has in common with its partner.
SHARED_MB = 32

XEN_OPTIONS = ("console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all noreboot "
               "dom0_mem=1536M,max:1536M dom0_max_vcpus=2 max_cstate=1 cpuidle=0 bootscrub=0")
DOM0_OPTIONS = ("console=hvc0 loglevel=4 mitigations=off net.ifnames=0 apparmor=0 audit=0 "
                "systemd.show_status=false")

# What the serial log shows on the way, and how to call it.
MILESTONES = ((b"Xen version", "Xen is up"),
              (b"XENHOST-ROOT", "dom0's kernel is up, libvirt is in place"))


class XenHost:
    """One emulated host. As a context manager, runs from entry to exit."""

    def __init__(self, libvirt=None, name="default", reuse=False, progress=None, partner=None):
        """@libvirt is the DESTDIR to start with; without it, a host that
        already runs can be used. @reuse: see start(). @partner is the host that
        this one is linked to, eth1 to eth1, and shares /dev/vdc with; it runs when
        this one is started, and has no other partner then."""
        if not name or not all(c.isalnum() or c in "._-" for c in name) or name.startswith("."):
            raise XenHostError(f"the host's name is '{name}', expected letters, digits, '.', '_', '-'")
        self.name = name
        self.libvirt = pathlib.Path(libvirt).resolve() if libvirt else None
        self.reuse = reuse
        self.progress = progress or Progress()
        self.partner = partner
        self.folder = temporary_dir() / f"xenhost-{os.getuid()}-{name}"
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # State

    def state(self):
        """Return what is known of the host, or None when it is absent."""
        try:
            if self.folder.stat().st_uid != os.getuid():
                raise XenHostError(f"'{self.folder}' belongs to another user: choose another --name")
            return json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def _save(self, state):
        new = self.folder / "state.json.new"
        new.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
        new.replace(self.folder / "state.json")

    def alive(self):
        """Return whether the host's process lives."""
        state = self.state()
        return bool(state) and start_time(state["pid"]) == state["start_time"]

    def running(self):
        """Return whether commands can be run on the host."""
        return self.alive() and self.state()["ready"]

    # Start

    def start(self):
        """Boot the host and return when its libvirt answers.

        With reuse, one that runs with the same libvirt is taken as it is, and
        one with another libvirt is replaced. Raises XenHostError, naming a
        folder of logs, when it doesn't come up; nothing is left running."""
        if not self.libvirt:
            raise XenHostError("no libvirt to start the host with: give its DESTDIR")
        require(QEMU, "qemu-system-x86")
        require("ssh", "openssh-client")
        tree.check(self.libvirt)
        content = tree.content_hash(self.libvirt)
        if self.alive() and self._take_running(content):
            return
        base = image.ensure(self.progress)
        initrds = (initrd.ensure_host(base, self.progress), initrd.ensure_guest(base, self.progress))
        self._clear()
        self.folder.mkdir(mode=0o700)
        try:
            (self.folder / "logs").mkdir()
            self._make_disk(base, initrds[1])
            self._spawn(base, initrds[0], content)
            self._wait_until_up()
            self.script("leftovers.sh", "fresh")
        except XenHostError as error:
            where = self._logs_of_failure()
            self.stop(clean=False)
            raise XenHostError(f"{error}\nlogs are in {where}" if where else str(error)) from error
        except BaseException:
            self.stop(clean=False)
            raise

    def _take_running(self, content):
        """Return whether the host that runs already can be used."""
        state = self.state()
        same = state["libvirt"] == content
        if not self.reuse:
            what = "with this same libvirt" if same else f"with another libvirt ('{state['destdir']}')"
            raise XenHostError(f"the host '{self.name}' already runs {what}: "
                               "use it (--reuse), stop it, or start another (--name)")
        if same and state["ready"]:
            self.progress(f"using the running host '{self.name}'")
            return True
        self.progress(f"stopping the host '{self.name}', which runs another libvirt")
        self.stop(clean=False)
        return False

    def _make_disk(self, base, guest_initrd):
        key = self.folder / "key"
        call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "xenhost", "-f", str(key)])
        tree.make_disk(self.folder, self.libvirt, base, guest_initrd, key.with_suffix(".pub"))
        if not self.partner:
            with open(self.folder / "shared.img", "wb") as shared:
                shared.truncate(SHARED_MB << 20)
        self.progress("libvirt's disk is made")

    def _command(self, base, host_initrd, port):
        """Return QEMU's command line. It is run in the folder @base: that way
        no path with a comma gets into -initrd, where it would end a module."""
        shutil.copy(host_initrd, self.folder / "initrd.gz")
        dom0 = f"vmlinuz {DOM0_OPTIONS}"
        return [QEMU, "-name", f"xenhost-{self.name}", "-accel", "tcg,thread=multi", "-cpu", CPU,
                "-smp", "2", "-m", str(MEMORY_MB), "-display", "none", "-monitor", "none",
                "-nodefaults", "-no-user-config",
                "-kernel", "xen", "-append", XEN_OPTIONS,
                "-initrd", f"{dom0},{os.path.relpath(self.folder / 'initrd.gz', base)}",
                "-drive", "file=disk.img,if=virtio,format=raw,snapshot=on,cache=unsafe",
                "-drive", f"file={escaped(self.folder / 'libvirt.img')},if=virtio,format=raw,readonly=on",
                "-serial", f"file:{self.folder / 'logs' / 'host-serial.log'}",
                "-nic", f"user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22",
                *self._shared()]

    def _shared(self):
        """Return the options of QEMU for what a host and its partner have in common.

        The one that has none yet sends to a socket that is not there, which loses
        what is sent, as a cable does that ends nowhere."""
        folder = self.partner.folder if self.partner else self.folder
        ends = [escaped(folder / name) for name in ("link", "link-of-partner")]
        number = 1 + bool(self.partner)
        own, other = reversed(ends) if self.partner else ends
        return ["-drive", f"file={escaped(folder / 'shared.img')},if=virtio,format=raw,file.locking=off",
                "-netdev", f"dgram,id=link,local.type=unix,local.path={own},"
                           f"remote.type=unix,remote.path={other}",
                "-device", f"virtio-net-pci,netdev=link,mac=02:00:00:00:01:{number:02x}"]

    def _spawn(self, base, host_initrd, content):
        """Start QEMU. Its changes to the base image go to a nameless file in
        the run folder, which ends with it."""
        port = free_port()
        with open(self.folder / "logs" / "host-qemu.log", "wb") as log:
            self.process = subprocess.Popen(
                self._command(base, host_initrd, port), cwd=base, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "TMPDIR": str(self.folder)})
        self._save({"pid": self.process.pid, "start_time": start_time(self.process.pid),
                    "port": port, "libvirt": content, "destdir": str(self.libvirt),
                    "ready": False})
        self.progress(f"booting the host '{self.name}', ssh will be on 127.0.0.1:{port}")

    def _wait_until_up(self, begin=0):
        """Wait until libvirt answers; the host has said so much on its serial port before."""
        deadline = time.monotonic() + BOOT_TIMEOUT
        awaited = list(MILESTONES)
        ssh_up = False
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise XenHostError(f"the host's QEMU ended with status {self.process.returncode} "
                                   f"before libvirt was up{self._last_words()}")
            serial = self._serial()[begin:]
            if b"XENHOST-FAILED" in serial or b"Kernel panic" in serial:
                raise XenHostError(f"the host's kernel gave up{self._last_words()}")
            if serial.count(MILESTONES[0][0]) > 1:
                raise XenHostError(f"the host boots again and again{self._last_words()}")
            while awaited and awaited[0][0] in serial:
                self.progress(awaited.pop(0)[1])
            if awaited:
                time.sleep(0.3)
            elif not ssh_up:
                ssh_up = self._answers(["true"])
                if ssh_up:
                    self.progress("ssh answers")
            elif self._answers(["virsh", "-q", "-c", "xen:///system", "version"]):
                self.progress("libvirt answers")
                self._save({**self.state(), "ready": True})
                return
        raise XenHostError(f"the host was not up after {BOOT_TIMEOUT} s")

    def _answers(self, command):
        try:
            done = subprocess.run(self._ssh(command), stdin=subprocess.DEVNULL, check=False,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=ANSWER)
        except subprocess.TimeoutExpired:
            return False
        if done.returncode:
            time.sleep(0.5)
        return done.returncode == 0

    def _serial(self):
        path = self.folder / "logs" / "host-serial.log"
        return path.read_bytes() if path.exists() else b""

    def _last_words(self):
        qemu = (self.folder / "logs" / "host-qemu.log").read_text(encoding="utf-8", errors="replace")
        serial = self._serial().decode("utf-8", errors="replace")
        lines = (qemu.splitlines() or serial.splitlines())[-5:]
        return "".join("\n  " + line for line in lines)

    def _logs_of_failure(self):
        try:
            return self.collect_logs()
        except (XenHostError, OSError) as error:
            self.progress(f"the logs can't be collected: {error}")
            return None

    def reboot(self):
        """Have dom0 end and boot again, with its disk as it is; return when its libvirt answers.

        Raises XenHostError when it does not come up."""
        self._require_running()
        begin = len(self._serial())
        self.progress(f"rebooting the host '{self.name}'")
        self.run("systemctl --no-block reboot")
        self._save({**self.state(), "ready": False})
        self._disconnect()
        self._wait_until_up(begin)

    # Use

    def _options(self):
        return ["-i", str(self.folder / "key"), "-o", f"Port={self.state()['port']}",
                "-o", "User=root", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20", "-o", "SendEnv=-*",
                "-o", "ControlMaster=auto", "-o", f"ControlPath={self.folder}/ssh",
                "-o", "ControlPersist=yes"]

    def ssh_options(self):
        """Return the beginning of ssh's command line: all that is before the destination."""
        return ["ssh", "-F", "none", *self._options()]

    def _ssh(self, command, *options):
        """Return the command line that runs @command, a list or a shell line."""
        line = command if isinstance(command, str) else shlex.join(map(str, command))
        return [*self.ssh_options(), *options, "127.0.0.1", line]

    def _require_running(self):
        if not self.running():
            raise XenHostError(f"the host '{self.name}' does not run: start it first")

    def run(self, command, check=True, timeout=COMMAND_TIMEOUT, input=None):
        """Run @command, a list of words or one line for the shell, as root.

        Returns a subprocess.CompletedProcess with its output as text. Raises
        XenHostError when it fails and @check is true, Stuck when the host stands
        still meanwhile, and subprocess.TimeoutExpired."""
        self._require_running()
        done = self._complete(self._ssh(command), timeout, input)
        if check and done.returncode:
            line = command if isinstance(command, str) else shlex.join(map(str, command))
            raise XenHostError(f"on the host, '{line}' ended with status {done.returncode}:\n"
                               + (done.stderr or done.stdout).rstrip())
        return done

    def _complete(self, words, timeout, input=None):
        """Run what speaks with the host to its end, as run() does."""
        deadline = time.monotonic() + timeout
        silences = 0
        # communicate() forgets the rest of an input when its time is over
        with tempfile.TemporaryFile("w+") as stdin:
            stdin.write(input or "")
            stdin.seek(0)
            process = subprocess.Popen(words, stdin=stdin, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, errors="replace")
        with process:
            try:
                while True:
                    left = max(deadline - time.monotonic(), 0)
                    try:
                        output = process.communicate(timeout=min(LOOK, left))
                        return subprocess.CompletedProcess(words, process.returncode, *output)
                    except subprocess.TimeoutExpired as expired:
                        if left <= LOOK:
                            raise subprocess.TimeoutExpired(words, timeout) from expired
                    silences = 0 if self._answers(["true"]) else silences + 1
                    if silences == SILENCES:
                        raise Stuck(f"the host '{self.name}' stands still")
            except BaseException:
                process.kill()
                raise

    def answers(self):
        """Return whether commands can be run on the host, and it does not stand still."""
        return self.running() and any(self._answers(["true"]) for _ in range(SILENCES))

    def script(self, name, *words, **options):
        """Run the program @name of the folder host/ on the host, with @words.

        Returns and raises what run() does, with the same options."""
        return self.run([f"{PROGRAMS}/{name}", *words], **options)

    def begin(self, command):
        """Start @command, as run() does, and return it as a subprocess.Popen with pipes for
        its input and for all that it says. Nothing that a terminal sends ends it."""
        self._require_running()
        return subprocess.Popen(self._ssh(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, start_new_session=True)

    def run_attached(self, command):
        """Run @command with this process's stdin, stdout and stderr; return its status."""
        self._require_running()
        return subprocess.run(self._ssh(command), check=False).returncode

    def shell(self):
        """Give the user a shell on the host; return its status."""
        self._require_running()
        return subprocess.run(self._ssh("exec bash -l", "-t"), check=False).returncode

    def copy_to(self, source, target):
        """Copy the local file or folder @source to the host's path @target."""
        self._copy(str(source), f"127.0.0.1:{target}")

    def copy_from(self, source, target):
        """Copy the host's file or folder @source to the local path @target."""
        self._copy(f"127.0.0.1:{source}", str(target))

    def _copy(self, source, target):
        self._require_running()
        done = self._complete(["scp", "-F", "none", "-q", "-r", *self._options(), source, target],
                              COMMAND_TIMEOUT)
        if done.returncode:
            raise XenHostError(f"'{source}' was not copied to '{target}':\n{done.stderr.rstrip()}")

    def logs_folder(self):
        """Return the folder for logs that are kept when the host ends."""
        return temporary_dir() / f"xenhost-logs-{os.getuid()}-{self.name}"

    def collect_logs(self, target=None):
        """Put all logs into the folder @target and return it.

        It is made anew. Works on a host that is starting or dead too, with
        what there is."""
        target = target or self.logs_folder()
        if not self.folder.is_dir():
            raise XenHostError(f"the host '{self.name}' does not run and has no logs")
        return collect(self.folder / "logs", pathlib.Path(target),
                       self._ssh if self.alive() else None)

    # Stop

    def stop(self, clean=True):
        """End the host, whatever its state, and remove its run folder.

        With @clean, dom0 shuts down; otherwise, and when it doesn't in time,
        its process is killed: nothing on its disks outlives it anyway."""
        try:
            if clean and self.running():
                self._power_off()
        finally:
            self._kill()
            self._clear()

    def _kill(self):
        """End what is left of the host's process."""
        state = self.state()
        if state and self.alive():
            os.kill(state["pid"], signal.SIGTERM)
            self._wait_for_end(5) or os.kill(state["pid"], signal.SIGKILL)
            self._wait_for_end(5)
        elif self.process and self.process.poll() is None:
            # interrupted before its state was written
            self.process.kill()
            self.process.wait()

    def _power_off(self):
        try:
            subprocess.run(self._ssh("systemctl --no-block poweroff"), timeout=30, check=False,
                           stdin=subprocess.DEVNULL, capture_output=True)
        except subprocess.TimeoutExpired:
            return
        self._wait_for_end(POWEROFF_TIMEOUT)

    def _wait_for_end(self, seconds):
        """Return whether the host's process has ended in @seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process:
                self.process.poll()
            if not self.alive():
                return True
            time.sleep(0.1)
        return False

    def _disconnect(self):
        """End the ssh connection, if there is one."""
        if (self.folder / "ssh").exists():
            subprocess.run(["ssh", "-F", "none", "-O", "exit", "-o", f"ControlPath={self.folder}/ssh",
                            "127.0.0.1"], check=False, capture_output=True)

    def _clear(self):
        """Remove the run folder and end the ssh connection that is in it."""
        self._disconnect()
        if self.folder.exists():
            shutil.rmtree(self.folder)


def start_time(pid):
    """Return when the process @pid started, in clock ticks since boot; None
    when there is none. With the pid, it is one process and no later one."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def free_port():
    """Return a TCP port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def escaped(path):
    """Return @path as the value of a QEMU option."""
    return str(path).replace(",", ",,")
