# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that a BIOS can boot: a boot sector and a boot loader, GRUB's, and
behind them the guest's kernel and its initrd, which the loader finds by their
sectors."""

import pathlib
import tempfile

from . import image, initrd
from .common import XenHostError, call, require

SECTOR = 512
# Where the kernel begins; before it is the boot loader.
KERNEL = 2048
BOOT_SECTOR = pathlib.Path("/usr/lib/grub/i386-pc/boot.img")

CONFIG = """linux (hd0){kernel} console=ttyS0 {cmdline}
initrd (hd0){initrd}
boot
"""


def _sectors(path):
    return -(-path.stat().st_size // SECTOR)


def _loader(config, folder):
    """Return the boot sector and the boot loader that obeys @config."""
    script = folder / "config"
    script.write_text(config, encoding="ascii")
    core = folder / "core.img"
    call(["grub-mkimage", "-O", "i386-pc", "-p", "/", "-c", str(script), "-o", str(core),
          "biosdisk", "linux"])
    return BOOT_SECTOR.read_bytes() + core.read_bytes()


def make(target, cmdline, progress):
    """Make the image @target, whose Linux gets @cmdline."""
    require("grub-mkimage", "grub-common")
    if not BOOT_SECTOR.exists():
        raise XenHostError(f"'{BOOT_SECTOR}' is missing: install Debian's package 'grub-pc-bin'")
    base = image.ensure(progress)
    kernel = base / "vmlinuz"
    # The BIOS reads a hundred kilobytes a second from what a secondary serves.
    ramdisk = initrd.ensure_guest(base, progress, initrd.BASIC_MODULES)
    first = KERNEL + _sectors(kernel)
    with tempfile.TemporaryDirectory() as folder:
        loader = _loader(CONFIG.format(kernel=f"{KERNEL}+{_sectors(kernel)}", cmdline=cmdline,
                                       initrd=f"{first}+{_sectors(ramdisk)}"), pathlib.Path(folder))
    if len(loader) > KERNEL * SECTOR:
        raise XenHostError(f"the boot loader has {len(loader)} bytes, expected {KERNEL * SECTOR} at most")
    with open(target, "wb") as disk:
        disk.write(loader)
        for sector, path in ((KERNEL, kernel), (first, ramdisk)):
            disk.seek(sector * SECTOR)
            disk.write(path.read_bytes())
        disk.truncate((first + _sectors(ramdisk)) * SECTOR)
