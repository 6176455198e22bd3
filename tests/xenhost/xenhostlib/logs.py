# SPDX-License-Identifier: LGPL-2.1-or-later
"""All logs of an emulated Xen host, in one folder."""

import io
import shutil
import subprocess
import tarfile

from .common import PROGRAMS


def collect(local, target, ssh):
    """Put the local log files in @local, and those of the host, into @target.

    @ssh turns the words of a command into the command that runs it on the host; it is
    None when the host can't be asked. Returns @target."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    shutil.copytree(local, target)
    if ssh:
        try:
            done = subprocess.run(ssh([f"{PROGRAMS}/gather-logs.sh"]), stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=240, check=False)
            error = done.stderr
            if done.stdout:
                with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
                    archive.extractall(target)
        except (subprocess.TimeoutExpired, tarfile.TarError) as failure:
            error = str(failure).encode()
        if error:
            (target / "collect-errors.log").write_bytes(error)
    return target
