# SPDX-License-Identifier: LGPL-2.1-or-later
"""This machine as a client of the host's libvirt: the distribution's own virsh,
Python binding and virt-install, of another version than the host's daemon.

They reach it as any client does, through libvirt's remote protocol over ssh."""

import os
import pty
import select
import shlex
import subprocess
import time
import urllib.parse

from .common import XenHostError, require

# The clients, and the packages that have them.
PROGRAMS = {"virsh": "libvirt-clients", "virt-xml": "virtinst", "virt-install": "virtinst"}

# The binding and virt-install are there for the distribution's Python only.
PYTHON = "/usr/bin/python3"


class Client:
    """Runs clients on this machine, with nothing of the user's own settings.

    What it needs, and what they leave, is in the host's run folder and goes
    with it."""

    def __init__(self, host):
        for program, package in PROGRAMS.items():
            require(program, package)
        self.folder = host.folder / "client"
        self.folder.mkdir(exist_ok=True)
        # libvirt's own words for ssh have none for the file of known hosts.
        ssh = self.folder / "ssh"
        ssh.write_text(f"#!/bin/sh\nexec {shlex.join(host.ssh_options())} \"$@\"\n",
                       encoding="utf-8")
        ssh.chmod(0o700)
        self.uri = f"xen+ssh://127.0.0.1/system?command={urllib.parse.quote(str(ssh))}"
        self.environment = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
                            "LIBVIRT_DEFAULT_URI": self.uri, "VIRSH_DEFAULT_CONNECT_URI": self.uri}

    def run(self, command, check=True, timeout=400, **options):
        """Run @command, a list of words, in the client's folder, @options being
        those of subprocess.run(), except that env is added to the environment.

        Returns a subprocess.CompletedProcess with its output as text. Raises
        XenHostError when it fails and @check is true, and
        subprocess.TimeoutExpired."""
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        environment = {**self.environment, **options.pop("env", {})}
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                              cwd=self.folder, env=environment, timeout=timeout, **options)
        if check and done.returncode:
            raise XenHostError(f"on this machine, '{shlex.join(map(str, command))}' ended with "
                               f"status {done.returncode}:\n" + (done.stderr or done.stdout).rstrip())
        return done

    def run_on_terminal(self, command, prompt="", answers=(), timeout=400):
        """Run @command on a terminal, and type one of @answers at each @prompt.

        Returns a subprocess.CompletedProcess whose output is all that was on the
        terminal. Raises XenHostError when it doesn't end in time."""
        terminal, end = pty.openpty()
        # a session of its own: it must not find the terminal of the user
        with subprocess.Popen(command, stdin=end, stdout=end, stderr=end, cwd=self.folder,
                              env=self.environment, start_new_session=True) as process:
            os.close(end)
            try:
                text = _converse(terminal, prompt, list(answers), time.monotonic() + timeout)
            except XenHostError:
                process.kill()
                raise
            finally:
                os.close(terminal)
        return subprocess.CompletedProcess(command, process.returncode, text, "")

    def virsh(self, *words, **options):
        """Run a command of virsh."""
        return self.run(["virsh", *words], **options)

    def python(self, program, *words, **options):
        """Run a Python program, which gets @words as its arguments."""
        return self.run([PYTHON, program, *words], **options)

    def write(self, name, text, executable=False):
        """Write @text to the file @name in the client's folder; return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o700 if executable else 0o600)
        return path


def _converse(terminal, prompt, answers, deadline):
    """Answer each @prompt on the file @terminal until its other end is closed.

    Returns what was said."""
    text = unanswered = ""
    while True:
        if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            raise XenHostError(f"no end and no question '{prompt}' in time; the terminal has:\n{text}")
        try:
            said = os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # Linux says that nobody has the other end open
            return text
        text += said
        unanswered += said
        if answers and prompt in unanswered:
            # what is typed before the question is lost
            os.write(terminal, answers.pop(0).encode())
            unanswered = ""
