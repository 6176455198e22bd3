#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Listen at the path of a UNIX socket that is given, and print what the first client says."""

import socket
import sys

with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen(1)
    client, _ = listener.accept()
    with client, client.makefile(errors="replace") as lines:
        for line in lines:
            print(line, end="", flush=True)
