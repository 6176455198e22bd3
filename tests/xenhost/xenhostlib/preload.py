# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Linux that QEMU puts into a guest's memory before the guest runs.

With libvirt's <kernel> and <initrd> the firmware reads both byte by byte from a port,
and a guest inside an emulated machine spends half a minute on that. So its <kernel>
here is only Linux's real mode part and a jump; the rest, and the initrd, come from
QEMU's generic loader."""

from .assembler import assembled
from .common import SOURCE_DIR

JUMP = SOURCE_DIR / "guest" / "preloaded.S"

# QEMU writes each file through one mapping of the guest's memory, and a mapping has a
# mebibyte (MCACHE_BUCKET_SHIFT in its xen-mapcache.c): none may have more, or cross one.
PIECE = 1024 * 1024

# Where boot loaders load what stands behind the real mode part (code32_start).
JUMP_ADDRESS = 0x100000
SECTOR = 512
PARAGRAPH = 16

# The header's fields, in Documentation/arch/x86/boot.rst: offset and size.
SETUP_SECTS = (0x1f1, 1)
SYSSIZE = (0x1f4, 4)
PREF_ADDRESS = (0x258, 8)
INIT_SIZE = (0x260, 4)

# An entry of the file for QEMU's -readconfig.
ENTRY = """\
[device]
  driver = "loader"
  file = "{file}"
  addr = "{address:#x}"
  force-raw = "on"
"""


def _field(kernel, field):
    offset, size = field
    return int.from_bytes(kernel[offset:offset + size], "little")


def _jump(real_mode, **constants):
    """Return a kernel of @real_mode and the jump."""
    code = assembled(JUMP, 32, JUMP_ADDRESS, **constants)
    code += b"\0" * (-len(code) % SECTOR)
    kernel = bytearray(real_mode + code)
    offset, size = SYSSIZE
    kernel[offset:offset + size] = (len(code) // PARAGRAPH).to_bytes(size, "little")
    return kernel


class Linux:
    """The files @kernel and @initrd of a Linux, and where in the guest's memory they lie.

    Linux stays where it would like to be, and unpacks itself there; an initrd behind
    that is in nobody's way."""

    def __init__(self, kernel, initrd):
        linux = kernel.read_bytes()
        # a header with 0 means 4, says boot.rst
        end = ((_field(linux, SETUP_SECTS) or 4) + 1) * SECTOR
        self.real_mode = linux[:end]
        self.rest = linux[end:]
        self.ramdisk = initrd.read_bytes()
        self.start = _field(linux, PREF_ADDRESS)
        self.behind = -(-(self.start + _field(linux, INIT_SIZE)) // PIECE) * PIECE


def make(kernel, initrd, folder, target):
    """Put what boots the files @kernel and @initrd into the new @folder, which will be
    @target on the host: the guest's "kernel", and "qemu.cfg" for its QEMU."""
    linux = Linux(kernel, initrd)
    folder.mkdir()
    (folder / "kernel").write_bytes(_jump(linux.real_mode, KERNEL=linux.start, INITRD=linux.behind,
                                          INITRD_SIZE=len(linux.ramdisk)))
    config = ""
    for address, data in ((linux.start, linux.rest), (linux.behind, linux.ramdisk)):
        for offset in range(0, len(data), PIECE):
            piece = f"{address + offset:x}"
            (folder / piece).write_bytes(data[offset:offset + PIECE])
            config += ENTRY.format(file=f"{target}/{piece}", address=address + offset)
    (folder / "qemu.cfg").write_text(config, encoding="ascii")
