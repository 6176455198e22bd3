#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Listen for a quarter of an hour where no file shows it: by an abstract name, and on a port."""

import socket
import time

with socket.socket(socket.AF_UNIX) as named, socket.socket() as port:
    named.bind("\0planted")
    port.bind(("127.0.0.1", 0x4d2))
    named.listen()
    port.listen()
    time.sleep(900)
