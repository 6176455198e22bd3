# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that a BIOS can boot: a boot sector, and behind it the real mode part of the
guest's Linux with its command line.

A BIOS reads a hundred kilobytes a second from an IDE disk, so the rest of Linux and its
initrd are in the guest's memory already, as with any other test guest."""

from . import image, initrd, preload
from .assembler import assembled
from .common import SOURCE_DIR, XenHostError

LOADER = SOURCE_DIR / "guest" / "diskloader.S"
# Where the BIOS loads it.
ADDRESS = 0x7c00
SECTOR = 512

# Where it loads what is behind it, and what is where in that.
SETUP = 0x10000
HEAP_END = 0xe000
COMMAND_LINE = HEAP_END
SIZE = HEAP_END + SECTOR

# What a boot loader writes into Linux's header, in Documentation/arch/x86/boot.rst: offset
# and size.
TYPE_OF_LOADER = (0x210, 1)
LOADFLAGS = (0x211, 1)
CODE32_START = (0x214, 4)
RAMDISK_IMAGE = (0x218, 4)
RAMDISK_SIZE = (0x21c, 4)
HEAP_END_PTR = (0x224, 2)
CMD_LINE_PTR = (0x228, 4)

UNDEFINED_LOADER = 0xff
LOADED_HIGH = 0x01
CAN_USE_HEAP = 0x80
# The heap's end is given less this.
HEAP_MARGIN = 0x200


def _setup(linux, cmdline):
    """Return what is loaded to SETUP for the preload.Linux @linux."""
    command = cmdline.encode("ascii")
    if len(linux.real_mode) > HEAP_END // 2 or len(command) >= SECTOR:
        raise XenHostError(f"the kernel's real mode part has {len(linux.real_mode)} bytes and its command "
                           f"line {len(command)}, expected {HEAP_END // 2} and {SECTOR - 1} at most")
    setup = bytearray(SIZE)
    setup[:len(linux.real_mode)] = linux.real_mode
    setup[COMMAND_LINE:COMMAND_LINE + len(command)] = command
    for (offset, size), value in ((TYPE_OF_LOADER, UNDEFINED_LOADER),
                                  (LOADFLAGS, LOADED_HIGH | CAN_USE_HEAP),
                                  (CODE32_START, linux.start),
                                  (RAMDISK_IMAGE, linux.behind),
                                  (RAMDISK_SIZE, len(linux.ramdisk)),
                                  (HEAP_END_PTR, HEAP_END - HEAP_MARGIN),
                                  (CMD_LINE_PTR, SETUP + COMMAND_LINE)):
        setup[offset:offset + size] = value.to_bytes(size, "little")
    return setup


def make(target, cmdline, progress):
    """Make the image @target, whose Linux gets @cmdline, for a domain with what
    preload.make() has put on the host."""
    base = image.ensure(progress)
    linux = preload.Linux(base / "vmlinuz", initrd.ensure_guest(base, progress))
    loader = assembled(LOADER, 16, ADDRESS, SETUP=SETUP, STACK=HEAP_END, SECTORS=SIZE // SECTOR)
    target.write_bytes(loader + _setup(linux, f"console=ttyS0 {cmdline}") + bytes(2**20))
