# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that a BIOS can boot: a FAT file system with a boot sector, a boot
loader, the guest's kernel and its initrd."""

import pathlib
import tempfile

from . import image, initrd
from .common import call, require

SIZE_KIB = 24 * 1024

CONFIG = """DEFAULT linux
LABEL linux
KERNEL vmlinuz
INITRD initrd.gz
APPEND console=ttyS0 {cmdline}
"""


def make(target, cmdline, progress):
    """Make the image @target, whose Linux gets @cmdline."""
    for program, package in (("syslinux", "syslinux"), ("mcopy", "mtools"),
                             ("mkfs.vfat", "dosfstools")):
        require(program, package)
    base = image.ensure(progress)
    with tempfile.TemporaryDirectory() as work:
        config = pathlib.Path(work) / "syslinux.cfg"
        config.write_text(CONFIG.format(cmdline=cmdline), encoding="ascii")
        call(["mkfs.vfat", "-C", str(target), str(SIZE_KIB)])
        call(["mcopy", "-i", str(target), str(base / "vmlinuz"),
              str(initrd.ensure_guest(base, progress)), str(config), "::"])
    call(["syslinux", "--install", str(target)])
