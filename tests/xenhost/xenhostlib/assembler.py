# SPDX-License-Identifier: LGPL-2.1-or-later
"""What guests run without an operating system: programs in assembly, which stand at a
fixed address and need no loader."""

import pathlib
import tempfile

from .common import call, require


def assembled(source, bits, address, **constants):
    """Return the bytes of the program in the file @source, for a processor in the mode
    with 16 or 32 @bits, at @address. @constants are numbers that the source uses."""
    require("gcc", "gcc")
    defines = [f"-D{name}={value}" for name, value in constants.items()]
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder) / "program"
        call(["gcc", f"-m{bits}", "-nostdlib", "-static", f"-Wl,-Ttext={address:#x}",
              "-Wl,--oformat=binary", "-Wl,--build-id=none", *defines, "-o", str(target), str(source)])
        return target.read_bytes()
