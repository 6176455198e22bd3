#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stand between two hosts while a domain is migrated, and spoil the state of its secondaries.

usage: meddle alter|cut PORT ADDRESS

Passes one connection on to the same port of an address. Where what is sent has come to the state
of the secondaries, one of its bytes is altered, or the connection ends."""

import socket
import sys
import threading

# What is before the state of the secondaries, and how far behind it something is done: bytes.
HEAD = b"libvirt-xen-dms\n"
BEHIND = 2000


def pass_back(source, target):
    """Pass on what the destination says, until it says no more."""
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def pass_on(source, target, alters):
    """Pass on what the source says; return when it says no more, or where it is cut."""
    # what is not passed on yet: it may have the beginning of the head, or of what is behind
    kept = b""
    while data := source.recv(65536):
        kept += data
        place = kept.find(HEAD)
        if place < 0:
            target.sendall(kept[:-len(HEAD)])
            kept = kept[-len(HEAD):]
        elif len(kept) > place + BEHIND:
            place += BEHIND
            target.sendall(kept[:place])
            if not alters:
                return
            target.sendall(bytes([kept[place] ^ 1]) + kept[place + 1:])
            break
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def main():
    """Wait for the connection, and pass it on."""
    way, port, address = sys.argv[1:]
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", int(port)))
        listener.listen()
        source, _ = listener.accept()
    with source, socket.create_connection((address, int(port))) as target:
        back = threading.Thread(target=pass_back, args=(target, source), daemon=True)
        back.start()
        pass_on(source, target, way == "alter")
        if way == "alter":
            back.join()


if __name__ == "__main__":
    main()
