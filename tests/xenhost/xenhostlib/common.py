# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every part of the emulated Xen host needs: where its files are, and a cache whose
entries are made once; with the error, the progress lines and the calls that the programs
in scripts/ have, too."""

import os
import pathlib
import shutil
import sys
import tempfile
import time

SOURCE_DIR = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(SOURCE_DIR.parent.parent / "scripts"))

# pylint: disable=wrong-import-position,unused-import
from toolbox import Progress, ToolError, cache_folder, call, digest, lock  # noqa: E402

XenHostError = ToolError

# Where the programs of the folder host/ are on the host.
PROGRAMS = "/usr/local/lib/xenhost"

# An entry that nothing used for so long belongs to a state of the sources
# that is gone.
CACHE_LIFETIME = 14 * 24 * 3600


class Stuck(XenHostError):
    """The emulation of a guest's processor, or of a whole host, goes no further."""


def temporary_dir():
    """Return the folder for what lives no longer than a host does."""
    return pathlib.Path(tempfile.gettempdir())


def cached(name, build, progress):
    """Return the cache's folder @name, made by build(folder) if it isn't there.

    build() works in a folder with another name, which gets its own when it is
    complete: what has the right name is whole, whatever was interrupted."""
    final = cache_folder() / name
    if final.is_dir():
        # who makes something else holds the lock for minutes
        os.utime(final)
        return final
    cache_folder().mkdir(parents=True, exist_ok=True)
    with lock(cache_folder() / "lock", "waiting for another build of the same cache", progress):
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
    for entry in [path for kind in ("host", "initrd", "stock") for path in cache_folder().glob(f"{kind}-*")]:
        if time.time() - entry.stat().st_mtime > CACHE_LIFETIME:
            shutil.rmtree(entry, ignore_errors=True)


def require(program, package):
    """Raise an error that names @package unless @program can be run."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    if not shutil.which(program, path=path):
        raise XenHostError(f"'{program}' is missing: install Debian's package '{package}'")
