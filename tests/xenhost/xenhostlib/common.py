# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every part of the emulated Xen host needs: its error, its progress
lines, where its files are, and a cache whose entries are made once."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE_DIR = pathlib.Path(__file__).resolve().parent.parent

# Where the programs of the folder host/ are on the host.
PROGRAMS = "/usr/local/lib/xenhost"

# An entry that nothing used for so long belongs to a state of the sources
# that is gone.
CACHE_LIFETIME = 14 * 24 * 3600


class XenHostError(Exception):
    """Something that the user has to know, in one sentence."""


class Stuck(XenHostError):
    """The emulation of a guest's processor goes no further."""


class Progress:
    """Lines on stderr, each with the seconds since the first and a word on who tells it."""

    def __init__(self, who=""):
        self.who = who
        self.begin = time.monotonic()

    def __call__(self, text):
        seconds = time.monotonic() - self.begin
        print(f"[{seconds:4.0f} s] {self.who}{text}", file=sys.stderr, flush=True)


def temporary_dir():
    """Return the folder for what lives no longer than a host does."""
    return pathlib.Path(tempfile.gettempdir())


def cache_dir():
    """Return the folder for what is slow to make; make it when needed."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    path = pathlib.Path(base) / "libvirt-devicemodel"
    path.mkdir(parents=True, exist_ok=True)
    return path


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


def cached(name, build, progress):
    """Return the cache's folder @name, made by build(folder) if it isn't there.

    build() works in a folder with another name, which gets its own when it is
    complete: what has the right name is whole, whatever was interrupted."""
    final = cache_dir() / name
    if final.is_dir():
        # who makes something else holds the lock for minutes
        os.utime(final)
        return final
    with lock(cache_dir() / "lock", "waiting for another build of the same cache", progress):
        if not final.is_dir():
            partial = final.with_name(name + ".partial")
            # A build that was killed has left it.
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            try:
                build(partial)
                partial.rename(final)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        os.utime(final)
        _prune()
    return final


def _prune():
    for entry in [path for kind in ("host", "initrd", "stock") for path in cache_dir().glob(f"{kind}-*")]:
        if time.time() - entry.stat().st_mtime > CACHE_LIFETIME:
            shutil.rmtree(entry, ignore_errors=True)


def require(program, package):
    """Raise an error that names @package unless @program can be run."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    if not shutil.which(program, path=path):
        raise XenHostError(f"'{program}' is missing: install Debian's package '{package}'")


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
        raise XenHostError(f"'{command[0]}' failed with status {status}:\n{tail}")
    return stdout
