#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make secondaries of a domain fail, and measure how soon that is noticed, the guest is
free and the device model runs again.

Prints a line of JSON, a list with an object for each: "noticed", "freed" and "returned" in
milliseconds from the moment at which it was made to fail, null for what did not happen in
time, and "state", which is the last in xenstore.

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
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

SIGNALS = {"kill": signal.SIGKILL, "segv": signal.SIGSEGV, "stop": signal.SIGSTOP}
STATE = pathlib.Path("/run/libvirt/libxl")
# How often it is looked: seconds.
INTERVAL = 0.001
# How often it is looked whether one that has failed is to be restarted: milliseconds. Others of
# the domain may come first.
PENDING = 2000


class Xen:
    """What Xen and xenstore say of a device model."""

    def __init__(self, domid, number, server):
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
        self.domid = ctypes.c_uint16(domid)
        self.server = ctypes.c_uint16(server)
        self.path = f"/local/domain/0/dms/{domid}/{number}/state".encode()

    def has_server(self):
        """Return whether the ioreq server is there."""
        port = ctypes.c_uint32()
        rc = self.devicemodel.xendevicemodel_get_ioreq_server_info(
            self.handle, self.domid, self.server, None, None, ctypes.byref(port))
        return rc == 0 or ctypes.get_errno() not in (errno.ENOENT, errno.ESRCH)

    def state(self):
        """Return the state of the device model, or None."""
        length = ctypes.c_uint()
        value = self.store.xs_read(self.connection, 0, self.path, ctypes.byref(length))
        if not value:
            return None
        text = ctypes.string_at(value, length.value).decode()
        self.free(ctypes.c_void_p(value))
        return text


def find(domain, name):
    """Return what the status file says of a secondary."""
    root = ElementTree.parse(STATE / f"{domain}.xml").getroot()
    for node in root.iter("devicemodel"):
        if node.get("name") == name and node.get("ioservid"):
            return node
    sys.exit(f"fail: '{domain}' has no secondary '{name}'")


def pid_of(domain, name):
    """Return the pid of a secondary."""
    found = subprocess.run(["pgrep", "-f", "--", f"-name guest={domain}/{name} "],
                           capture_output=True, text=True, check=False).stdout.split()
    if len(found) != 1:
        sys.exit(f"fail: '{domain}' has {len(found)} processes '{name}'")
    return int(found[0])


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
        self.listener.close()
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_ino == self.inode:
                self.away.rename(self.path)
                return
        self.away.unlink()


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

    def __init__(self, domain, name, way):
        node = find(domain, name)
        self.domain = domain
        self.name = name
        self.path = node.get("socket")
        self.pid = pid_of(domain, name)
        self.way = way
        self.xen = Xen(*(int(node.get(word)) for word in ("domid", "id", "ioservid")))
        self.begin = None
        self.failed = None
        self.seen = {"noticed": None, "freed": None, "returned": None}

    def look(self):
        """See what has become of it; return whether there is more to see."""
        seen = self.seen
        since = round((time.monotonic() - self.begin) * 1000, 1)
        state = seen["state"] = self.xen.state()
        if seen["noticed"] is None and state != "running":
            seen["noticed"] = since
        if seen["freed"] is None and not self.xen.has_server():
            seen["freed"] = since
        if None in (seen["noticed"], seen["freed"]):
            return True
        if state == "running":
            seen["returned"] = since
        elif state == "restarting":
            self.failed = None
        elif self.failed is None:
            self.failed = since
        elif since > self.failed + PENDING:
            if find(self.domain, self.name).get("pending") != "yes":
                return False
            self.failed = since
        return seen["returned"] is None


def fail(targets, seconds):
    """Make them fail, and look for as long as there is something to see."""
    with contextlib.ExitStack() as stack:
        for target in targets:
            target.begin = stack.enter_context(failing(target.way, target.pid, target.path))
        left = list(targets)
        deadline = time.monotonic() + seconds
        while left and time.monotonic() < deadline:
            left = [target for target in left if target.look()]
            time.sleep(INTERVAL)


def main():
    """Make them fail, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("domain")
    parser.add_argument("failures", nargs="+", metavar="NAME=WAY")
    parser.add_argument("--seconds", type=int, default=60, help="for how long it is looked")
    args = parser.parse_args()
    for word in args.failures:
        if not re.fullmatch(r"[^=]+=(kill|segv|stop|oom|qmp-(silent|closed|garbage|endless))", word):
            parser.error(f"'{word}', expected NAME=WAY")
    targets = [Target(args.domain, *word.split("=")) for word in args.failures]
    fail(targets, args.seconds)
    print(json.dumps([target.seen for target in targets]))


if __name__ == "__main__":
    main()
