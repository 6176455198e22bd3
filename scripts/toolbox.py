# toolbox.py: what several of our programs need
#
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An error for the user, progress lines, the folder of what is slow to make, and commands
that are run."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import subprocess
import sys
import time


class ToolError(Exception):
    """Something that the user has to know, in one sentence."""


class Progress:
    """Lines on stderr, each with the seconds since the first and a word on who tells it."""

    def __init__(self, who=""):
        self.who = who
        self.begin = time.monotonic()

    def __call__(self, text):
        seconds = time.monotonic() - self.begin
        print(f"[{seconds:4.0f} s] {self.who}{text}", file=sys.stderr, flush=True)


def cache_folder():
    """Return the folder for what is slow to get or to make, which may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "libvirt-devicemodel"


def digest(*inputs):
    """Return a short hash of strings, and of the content of paths."""
    total = hashlib.sha256()
    for item in inputs:
        data = item.read_bytes() if isinstance(item, pathlib.Path) else item.encode()
        total.update(b"%d:" % len(data) + data)
    return total.hexdigest()[:16]


@contextlib.contextmanager
def lock(path, message, progress):
    """Hold an exclusive lock on the file @path; say @message while waiting.

    The kernel drops the lock when its holder dies, so none is ever stale."""
    with open(path, "w", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(message)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _log(command, log, told, options):
    """Run @command with its output in the file @log, each line of which is told() too;
    return its status."""
    with open(log, "ab") as output, \
         subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, **options) as process:
        try:
            for line in process.stdout:
                output.write(line)
                told(line.decode(errors="replace").rstrip())
        except BaseException:
            process.kill()
            raise
    return process.returncode


def call(command, log=None, told=lambda line: None, **options):
    """Run @command; raise an error with its output if it fails.

    Its output goes to the file @log if there is one, and told() gets each line of it.
    Returns its stdout otherwise."""
    options.setdefault("env", {**os.environ, "LC_ALL": "C.UTF-8",
                               "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"})
    stdout = None
    if log:
        status = _log(command, log, told, options)
        text = pathlib.Path(log).read_text(encoding="utf-8", errors="replace")
    else:
        done = subprocess.run(command, capture_output=True, check=False, text=True,
                              stdin=subprocess.DEVNULL, **options)
        status, stdout, text = done.returncode, done.stdout, done.stderr
    if status:
        tail = "\n".join(text.splitlines()[-15:])
        raise ToolError(f"'{command[0]}' failed with status {status}:\n{tail}")
    return stdout
