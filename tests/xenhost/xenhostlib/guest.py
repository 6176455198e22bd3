# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the guest says on its serial port, read: the lines are described at the
beginning of guest/init."""

import re


def parse_report(text):
    """Return the last complete report in @text, or None if there is none yet.

    The result has lists of dicts under "PCI", "NIC", "DISK", "SOUND", "SERIAL"
    and "IRQ", each dict with "name" (the line's second word), "ids" for PCI,
    and the line's key=value words; "REACH" maps a NIC to (ok, lost)."""
    lines = text.replace("\r", "").split("\n")
    if "GUEST-DONE" not in lines:
        return None
    end = len(lines) - 1 - lines[::-1].index("GUEST-DONE")
    begin = max((i for i in range(end) if lines[i] == "GUEST-DONE"), default=-1) + 1
    report = {kind: [] for kind in ("PCI", "NIC", "DISK", "SOUND", "SERIAL", "IRQ")}
    report["REACH"] = {}
    for line in lines[begin:end]:
        kind, *words = line.split(" ")
        if kind == "REACH":
            report["REACH"][words[0]] = (int(words[1]), int(words[2]))
        elif kind in report:
            entry = dict(word.split("=", 1) for word in words if "=" in word)
            entry["name"] = words[0]
            if kind == "PCI":
                entry["ids"] = words[1]
            report[kind].append(entry)
    return report


def pings(text):
    """Return each NIC's last (ok, lost) counts since the first report."""
    found = re.findall(r"^PING (\S+) (\d+) (\d+)\r?$", text, re.MULTILINE)
    return {nic: (int(ok), int(lost)) for nic, ok, lost in found}
