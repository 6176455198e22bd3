#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Move the pointer of a VNC display, as a viewer does (RFC 6143).

point.py PORT X Y...    at each point for a tenth of a second, on 127.0.0.1"""

import socket
import struct
import sys
import time

NO_PASSWORD = 1
POINTER_EVENT = 5


def connect(port):
    """Return a connection to the display at @port, with which events may begin."""
    display = socket.create_connection(("127.0.0.1", port), timeout=60)
    stream = display.makefile("rwb")
    stream.write(stream.read(12))
    stream.flush()
    kinds = stream.read(stream.read(1)[0])
    if NO_PASSWORD not in kinds:
        sys.exit(f"point.py: the display asks for a password: {list(kinds)}")
    stream.write(bytes([NO_PASSWORD]))
    stream.flush()
    if stream.read(4) != bytes(4):
        sys.exit("point.py: the display refuses a viewer")
    stream.write(b"\1")        # others may look, too
    stream.flush()
    name = struct.unpack(">HH16xI", stream.read(24))[2]
    stream.read(name)
    return stream


def main():
    port, *numbers = map(int, sys.argv[1:])
    stream = connect(port)
    for x, y in zip(numbers[::2], numbers[1::2]):
        stream.write(struct.pack(">BBHH", POINTER_EVENT, 0, x, y))
        stream.flush()
        time.sleep(0.1)


main()
