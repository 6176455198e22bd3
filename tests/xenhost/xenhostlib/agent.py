# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who makes the secondaries of a domain fail, and talks with its guest: host/fail.py, which
stays on the host for as long as the domain runs, as it takes seconds to start there."""

import contextlib
import json
import os
import select
import subprocess
import time

from .common import PROGRAMS, Stuck, XenHostError
from .domain import SILENCE, console_path

# How long it may take to end: seconds.
END = 30
# What a command may take beyond what the guest, or the restarts, may: seconds.
SPARE = 60
# For how long secondaries fail at most: the restarts, and those that are asked for.
FAIL = 400


class Agent:
    """The program, for the domain @name on @host. As a context manager, it ends at the exit."""

    def __init__(self, host, name):
        self.host = host
        self.name = name
        self.said = b""
        # how many answers are to come, those for which nobody waits any more among them
        self.owed = 0
        self.process = host.begin([f"{PROGRAMS}/fail.py", name, console_path(name)])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # what it had not taken when it ended
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def fail(self, failures):
        """Make secondaries fail, each in its way; return what fail.py says of it."""
        words = " ".join(f"{name}={way}" for name, way in failures.items())
        return self._command(f"fail {words}", FAIL)

    def ask(self, command, seconds=240):
        """Give the guest a command; return its answer."""
        return self._command(f"ask {seconds} {command}", seconds + SPARE)["answer"]

    def sums(self, *paths):
        """Return the sums of the first 64 KiB of files on the host."""
        return self._command(f"sums {' '.join(paths)}", SPARE)["sums"]

    def _command(self, line, timeout):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its last words say why
        self.owed += 1
        while self.owed:
            text = self._line(line, timeout)
            self.owed -= 1
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise XenHostError(f"on the host, fail.py said to '{line}': {text}") from error
        if "problem" in answer:
            self._expect_not_stuck()
            raise XenHostError(f"on the host, '{line}': {answer['problem']}")
        return answer

    def _line(self, command, timeout):
        """Return the next line that it says.

        Raises Stuck where the emulation of the guest is why there is none."""
        deadline = time.monotonic() + timeout
        looked = time.monotonic()
        while b"\n" not in self.said:
            if not select.select([self.process.stdout], [], [], 1)[0]:
                if time.monotonic() > deadline:
                    raise XenHostError(f"on the host, no answer to '{command}' in {timeout} s")
                if time.monotonic() > looked + SILENCE:
                    looked = time.monotonic()
                    self._expect_not_stuck()
                continue
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise XenHostError(f"on the host, fail.py ended at '{command}': "
                                   f"{self.said.decode(errors='replace').strip()}")
            self.said += data
        line, _, self.said = self.said.partition(b"\n")
        return line.decode(errors="replace")

    def _expect_not_stuck(self):
        if self.host.script("stuck.sh", self.name).stdout:
            raise Stuck(f"the processor of '{self.name}' is not emulated any further")
