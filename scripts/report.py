# report.py: tables of measurements
#
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tables of measurements, and the part of a document that holds them."""

import pathlib
import platform
import re

from toolbox import ToolError


def table(header, rows):
    """Return lines of a Markdown table that reads well as plain text, too.

    The first column is aligned to the left, the others to the right."""
    lines = [[str(cell) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = [[line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
            for line in lines]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return ["| " + " | ".join(line) + " |" for line in (text[0], rule, *text[1:])]


def rst_table(header, rows):
    """Return lines of a reStructuredText table that reads well as plain text, too."""
    lines = [[str(cell) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    rule = "  ".join("=" * width for width in widths)
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return [rule, text[0], rule, *text[1:], rule]


def machine():
    """Return in a few words what this machine is."""
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    models = re.findall(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    release = re.findall(r'^PRETTY_NAME="?(.*?)"?$',
                         pathlib.Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
    name = re.sub(r"\s+", " ", models[0]) if models else platform.machine()
    return f"{len(models) or '?'} × {name}, {release[0] if release else 'Linux'}"


def replace_part(path, name, lines):
    """Put @lines in the place of the part @name of the document @path.

    A part is between the comments 'begin NAME' and 'end NAME', which stay; a comment is
    what the document's format has for one: '<!-- -->', or '..' in reStructuredText."""
    mark = ".. {} {}\n" if path.suffix == ".rst" else "<!-- {} {} -->\n"
    text = path.read_text(encoding="utf-8")
    begin, end = mark.format("begin", name), mark.format("end", name)
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ToolError(f"'{path}' has no part between '{begin.strip()}' and '{end.strip()}'")
    before, rest = text.split(begin)
    path.write_text(before + begin + "\n" + "\n".join(lines) + "\n\n" + end + rest.split(end)[1],
                    encoding="utf-8")
