#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make secondaries of a domain fail, measure how soon that is noticed, the guest is free and
the device model runs again, and talk with the guest through its first serial port, a terminal.

Reads commands, one a line, until there are no more, and answers each with a line of JSON,
{"problem": WHY} where it cannot be carried out:

  fail NAME=WAY...
    make them fail, all at once: {"seen": {NAME: {...}}, "others": NUMBER}. In "seen" are
    "noticed", "freed" and "returned" in milliseconds from the moment at which it was made to
    fail, null for what did not happen in time; "state", which is the last in xenstore; and
    "by_hand", whether it came back when it was asked for, as it stayed away. "others" is how
    often secondaries failed meanwhile that were not to
  ask SECONDS COMMAND
    give the guest a command: {"answer": TEXT}
  sums PATH...
    what the first 64 KiB of files are: {"sums": [SHA256...]}

Ways:
  kill, segv        a signal ends it
  stop              SIGSTOP: it is there, and does nothing
  oom               its control group has no memory for it
  qmp-silent, qmp-closed, qmp-garbage, qmp-endless
                    it serves nobody any more, and who connects to its QMP socket hears
                    nothing, an end, no JSON, or JSON without end"""

import argparse
import contextlib
import ctypes
import errno
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty
import xml.etree.ElementTree as ElementTree

SIGNALS = {"kill": signal.SIGKILL, "segv": signal.SIGSEGV, "stop": signal.SIGSTOP}
WAYS = (*SIGNALS, "oom", "qmp-silent", "qmp-closed", "qmp-garbage", "qmp-endless")
STATE = pathlib.Path("/run/libvirt/libxl")
# How often it is looked, until the guest is free and after that: seconds. To look takes a
# millisecond on an emulated host, whose processors the restart wants, too.
FINE = 0.02
COARSE = 0.1
# For how long it is looked: seconds. Those that fail together are restarted one by one.
PATIENCE = 120
# How often it is looked whether one that has failed is to be restarted: milliseconds. Others of
# the domain may come first.
PENDING = 2000
# How often it is looked whether there is another terminal: seconds.
REOPEN = 0.2
# How much is kept of what the guest says: bytes.
KEPT = 65536


class Problem(Exception):
    """Why a command cannot be carried out."""


class Xen:
    """What Xen and xenstore say of a domain's device models."""

    def __init__(self):
        self.devicemodel = ctypes.CDLL("libxendevicemodel.so.1", use_errno=True)
        self.devicemodel.xendevicemodel_open.restype = ctypes.c_void_p
        self.handle = ctypes.c_void_p(self.devicemodel.xendevicemodel_open(None, 0))
        self.store = ctypes.CDLL("libxenstore.so.4", use_errno=True)
        self.store.xs_open.restype = ctypes.c_void_p
        self.store.xs_read.restype = ctypes.c_void_p
        self.connection = ctypes.c_void_p(self.store.xs_open(0))
        self.free = ctypes.CDLL(None).free
        if not self.handle or not self.connection:
            sys.exit("fail: neither Xen nor xenstore may be asked")

    def has_server(self, domid, server):
        """Return whether the ioreq server is there."""
        port = ctypes.c_uint32()
        rc = self.devicemodel.xendevicemodel_get_ioreq_server_info(
            self.handle, ctypes.c_uint16(domid), ctypes.c_uint16(server), None, None, ctypes.byref(port))
        return rc == 0 or ctypes.get_errno() not in (errno.ENOENT, errno.ESRCH)

    def read(self, path):
        """Return the value of a key, or None."""
        length = ctypes.c_uint()
        value = self.store.xs_read(self.connection, 0, path.encode(), ctypes.byref(length))
        if not value:
            return None
        text = ctypes.string_at(value, length.value).decode()
        self.free(ctypes.c_void_p(value))
        return text


def status(domain):
    """Return the status file of the domain, parsed."""
    return ElementTree.parse(STATE / f"{domain}.xml").getroot()


def secondaries(root):
    """Return what a status file says of the processes of secondaries, by name."""
    return {node.get("name"): node for node in root.iter("devicemodel") if node.get("ioservid")}


def counts(root):
    """Return how often each device model of a status file has failed, by name."""
    return {node.get("name"): int(node.find("failure").get("count", "0"))
            for node in root.iter("devicemodel") if node.find("failure") is not None}


def group_of(pid):
    """Return the folder of the control group of a process."""
    group = pathlib.Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii").strip()
    return pathlib.Path(group.replace("0::", "/sys/fs/cgroup", 1))


class Speaker(threading.Thread):
    """Answers in the place of a secondary's QMP server."""

    def __init__(self, path, words):
        super().__init__(daemon=True)
        self.words = words
        self.path = pathlib.Path(path)
        self.away = self.path.with_suffix(".away")
        self.listener = socket.socket(socket.AF_UNIX)
        self.path.rename(self.away)
        self.listener.bind(path)
        self.listener.listen()
        self.inode = self.path.stat().st_ino

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.speak, args=(client,), daemon=True).start()

    def speak(self, client):
        """Say to a client what is to be said."""
        with contextlib.suppress(OSError), client:
            if self.words == "garbage":
                client.sendall(b"HTTP/1.0 400 Bad Request\r\n")
            while self.words == "endless":
                client.sendall(b'{"event": "RESET"}\r\n' * 64)
            while self.words != "closed" and client.recv(4096):
                pass

    def close(self):
        """Give the socket back, unless another process has made its own meanwhile."""
        # a thread that waits for a client is not woken by close()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_ino == self.inode:
                self.away.rename(self.path)
                return
        self.away.unlink(missing_ok=True)


@contextlib.contextmanager
def failing(way, pid, path):
    """Make a process fail from now on; yields the moment."""
    with contextlib.ExitStack() as stack:
        if way in SIGNALS:
            begin = time.monotonic()
            os.kill(pid, SIGNALS[way])
        elif way == "oom":
            begin = time.monotonic()
            (group_of(pid) / "memory.max").write_text("0", encoding="ascii")
        else:
            speaker = Speaker(path, way.removeprefix("qmp-"))
            stack.callback(speaker.close)
            speaker.start()
            begin = time.monotonic()
            (group_of(pid) / "cgroup.freeze").write_text("1", encoding="ascii")
        yield begin


class Target:
    """A secondary that fails."""

    def __init__(self, xen, domain, node, way):
        self.xen = xen
        self.domain = domain
        self.name = node.get("name")
        self.socket = node.get("socket")
        self.domid = int(node.get("domid"))
        self.folder = f"/local/domain/0/dms/{self.domid}/{node.get('id')}"
        # the status file is written when the new process serves already
        self.pid = int(xen.read(f"{self.folder}/pid") or 0)
        self.server = int(xen.read(f"{self.folder}/ioservid") or 0)
        self.way = way
        self.begin = self.failed = None
        self.due = 0
        self.seen = {"noticed": None, "freed": None, "returned": None, "by_hand": False}
        self._check()

    def _check(self):
        """Fail unless the process is the secondary's."""
        try:
            words = pathlib.Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            words = []
        if f"guest={self.domain}/{self.name}".encode() not in words:
            raise Problem(f"'{self.domain}' has no process '{self.name}': {self.pid} is none")

    def look(self):
        """See what has become of it; return whether there is more to see."""
        now = time.monotonic()
        if now < self.due:
            return True
        seen = self.seen
        since = round((now - self.begin) * 1000)
        state = seen["state"] = self.xen.read(f"{self.folder}/state")
        if seen["noticed"] is None and state != "running":
            seen["noticed"] = since
        if seen["freed"] is None and not self.xen.has_server(self.domid, self.server):
            seen["freed"] = since
        if None in (seen["noticed"], seen["freed"]):
            self.due = now + FINE
            return True
        self.due = now + COARSE
        return self._look_for_return(state, since)

    def _look_for_return(self, state, since):
        if state == "running":
            self.seen["returned"] = since
            return False
        if state == "restarting":
            self.failed = None
        elif self.failed is None:
            self.failed = since
        elif since > self.failed + PENDING:
            if secondaries(status(self.domain))[self.name].get("pending") != "yes":
                return False
            self.failed = since
        return True

    def stays_away(self):
        """Return whether it has failed, and is not restarted."""
        return self.seen["returned"] is None and self.seen["state"] == "failed" and self.failed is not None


def device_of(root, name):
    """Return a device of the secondary @name, from the XML of its domain."""
    [devicemodel] = [node for node in root.iter("devicemodel") if node.get("name") == name]
    macs = [node.get("mac") for node in devicemodel.findall("interface")]
    for node in root.find("devices"):
        if node.tag == "interface" and node.find("mac").get("address") in macs:
            return node
    words = [node.get("name") for node in devicemodel.findall("capability")]
    if "ide" in words:
        return root.find(".//disk/target[@bus='ide']/..")
    if "serial" in words:
        return root.find(".//serial")
    raise Problem(f"'{name}' has no device that could be updated")


def come_back(domain, names):
    """Have secondaries that stay away come back, as their administrator would, who updates
    one of their devices; return what virsh says about it."""
    xml = subprocess.run(["virsh", "dumpxml", domain], capture_output=True, text=True, check=True).stdout
    root = ElementTree.fromstring(xml)
    with tempfile.TemporaryDirectory() as folder:
        commands = []
        for name in names:
            path = pathlib.Path(folder) / f"{name}.xml"
            path.write_bytes(ElementTree.tostring(device_of(root, name)))
            commands.append(f"update-device {domain} {path} --live")
        # one virsh, which takes a second to start
        return subprocess.run(["virsh", "; ".join(commands)], capture_output=True, text=True,
                              check=False).stderr


def watch(targets):
    """Make them fail, and look for as long as there is something to see."""
    with contextlib.ExitStack() as stack:
        for target in targets:
            target.begin = stack.enter_context(failing(target.way, target.pid, target.socket))
        left = list(targets)
        deadline = time.monotonic() + PATIENCE
        while left and time.monotonic() < deadline:
            left = [target for target in left if target.look()]
            time.sleep(FINE)


def fail(xen, domain, words):
    """Make secondaries fail, as the command says; return its answer."""
    for word in words:
        if not re.fullmatch(rf"[^=]+=({'|'.join(WAYS)})", word):
            raise Problem(f"'{word}', expected NAME=WAY")
    root = status(domain)
    nodes = secondaries(root)
    targets = [Target(xen, domain, nodes[name], way) for name, way in (word.split("=") for word in words)]
    watch(targets)
    away = [target for target in targets if target.stays_away()]
    if away:
        said = come_back(domain, [target.name for target in away])
        for target in away:
            target.seen["state"] = xen.read(f"{target.folder}/state")
            if target.seen["state"] != "running":
                raise Problem(f"'{target.name}' stays away: {said.strip()}")
            target.seen["by_hand"] = True
    before, after = counts(root), counts(status(domain))
    failures = sum(after.values()) - sum(before.values())
    return {"seen": {target.name: target.seen for target in targets}, "others": failures - len(targets)}


class Console(threading.Thread):
    """What comes to a domain's first serial port, a terminal, which is another one after each
    restart of its device model. It is appended to a file, too."""

    def __init__(self, terminal, log):
        """@terminal() returns the path of the terminal of now."""
        super().__init__(daemon=True)
        self.terminal = terminal
        self.log = log
        self.changed = threading.Condition()
        self.descriptor = None
        self.said = b""

    def run(self):
        while True:
            try:
                descriptor = os.open(self.terminal(), os.O_RDWR | os.O_NOCTTY)
            except (OSError, TypeError, AttributeError, ElementTree.ParseError):
                # the device model is gone, or nobody has said yet where it has its terminal
                time.sleep(REOPEN)
                continue
            try:
                self._hear(descriptor)
            except (OSError, termios.error):
                pass  # it ends with whoever has its other end
            finally:
                with self.changed:
                    self.descriptor = None
                os.close(descriptor)
            time.sleep(REOPEN)

    def _hear(self, descriptor):
        # keeps what has come already
        tty.setraw(descriptor, termios.TCSANOW)
        with self.changed:
            self.descriptor = descriptor
            self.changed.notify_all()
        while data := os.read(descriptor, 4096):
            self.log.write(data)
            with self.changed:
                self.said = (self.said + data)[-KEPT:]
                self.changed.notify_all()

    def ask(self, command, seconds):
        """Give the guest a command; return its answer."""
        answer = re.compile(rb"^ANSWER %s (.*)\r?\n" % re.escape(command.split()[0].encode()), re.MULTILINE)
        deadline = time.monotonic() + seconds
        with self.changed:
            if not self.changed.wait_for(lambda: self.descriptor is not None, seconds):
                raise Problem("the guest's serial port has no terminal")
            self.said = b""
            # where its device model was away, the guest may take the first character for the end
            # of a break, and the second for a SysRq key
            os.write(self.descriptor, b"\n\n" + command.encode() + b"\n")
            if not self.changed.wait_for(lambda: answer.search(self.said), deadline - time.monotonic()):
                raise Problem(f"no answer to '{command}' in {seconds:g} s; the guest's last words: "
                              f"{self.said[-500:].decode(errors='replace')!r}")
            return answer.search(self.said)[1].decode(errors="replace").strip()


def sums(paths):
    """Return the sums of the first 64 KiB of files."""
    found = []
    for path in paths:
        with open(path, "rb") as file:
            found.append(hashlib.sha256(file.read(65536)).hexdigest())
    return found


def obey(xen, console, domain, line):
    """Carry a command out; return its answer."""
    verb, _, rest = line.partition(" ")
    try:
        if verb == "fail":
            return fail(xen, domain, rest.split())
        if verb == "ask":
            seconds, _, command = rest.partition(" ")
            return {"answer": console.ask(command, float(seconds))}
        if verb == "sums":
            return {"sums": sums(rest.split())}
        raise Problem(f"'{verb}', expected fail, ask or sums")
    except (Problem, OSError, KeyError, ValueError, subprocess.SubprocessError,
            ElementTree.ParseError) as error:
        return {"problem": f"{type(error).__name__}: {error}"}


def main():
    """Do what is asked for until nothing is any more."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("domain")
    parser.add_argument("log", help="what the guest says is appended to this file")
    args = parser.parse_args()
    xen = Xen()
    with open(args.log, "ab", buffering=0) as log:
        console = Console(lambda: status(args.domain).find(".//serial/source").get("path"), log)
        console.start()
        for line in sys.stdin:
            print(json.dumps(obey(xen, console, args.domain, line.rstrip("\n"))), flush=True)


if __name__ == "__main__":
    main()
