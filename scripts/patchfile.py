# patchfile.py: where a patch lands
#
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Read patches, and apply them to the one place that they can mean.

patch(1) and git apply take the place that is nearest to the line number of a
hunk.  Where the lines around a change are found several times in a file, as
those at the end of a function often are, that is another function as soon as
the file differs from the one that the patch was made for, without a word.  So
the lines of a hunk must be found once in their file, and in the function that
the hunk names behind its line numbers.

Nothing here touches a file.
"""

import re

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@ ?(.*)")
# What diff -p and git diff put behind the line numbers of a hunk: the last line
# before it that looks like this, and no more of that than so many characters.
FUNCTION = re.compile(r"[A-Za-z_$]")
FUNCTION_LENGTH = 80


class PatchError(Exception):
    """A patch that is malformed, or does not fit one place only."""


class Hunk:
    """Lines of a file, and by what they are replaced."""

    def __init__(self, number, function):
        self.number = number
        self.function = function
        self.old = []
        self.new = []

    def add(self, line):
        """Take a line of the patch."""
        if line[:1] not in (" ", "-", "+"):
            raise PatchError(f"'{line}' is no line of a hunk")
        if line[0] != "+":
            self.old.append(line[1:])
        if line[0] != "-":
            self.new.append(line[1:])


def parse(text):
    """Returns the (file, hunks) pairs of a patch.

    The number of lines in each hunk is that in its header, so that what follows
    the last one, and what stands before the first, is not taken for a part.
    """
    files = []
    hunk = None
    old = new = 0
    for line in text.splitlines():
        if old > 0 or new > 0:
            hunk.add(line)
            old -= line[0] != "+"
            new -= line[0] != "-"
        elif line.startswith("+++ b/"):
            files.append((line[len("+++ b/"):].split("\t")[0], []))
        elif files and (found := HUNK.fullmatch(line)):
            hunk = Hunk(int(found[1]), found[4])
            old, new = (int(count or 1) for count in found.group(2, 3))
            files[-1][1].append(hunk)
    if old != 0 or new != 0:
        raise PatchError("the last hunk is shorter or longer than its header says")
    if not files or not all(hunks for _, hunks in files):
        raise PatchError("no hunks")
    return files


def function_before(lines, index):
    """Returns the name of the function that a hunk at this index is in."""
    for line in reversed(lines[:index]):
        if FUNCTION.match(line):
            return line[:FUNCTION_LENGTH].rstrip()
    return ""


def find(lines, hunk):
    """Returns the index of the only place where a hunk fits.

    Raises PatchError where there is none or another, or where that is not in
    the function that the hunk names.
    """
    count = len(hunk.old)
    places = [index for index in range(len(lines) - count + 1)
              if lines[index:index + count] == hunk.old]
    if not places:
        raise PatchError("its old lines are not there")
    if len(places) > 1:
        where = ", ".join(str(place + 1) for place in places)
        raise PatchError(f"its old lines are there {len(places)} times "
                         f"(lines {where}), expected once")
    function = function_before(lines, places[0])
    if function != hunk.function:
        raise PatchError(f"it lands in '{function}' (line {places[0] + 1}), "
                         f"but names '{hunk.function}'")
    return places[0]


def apply(text, hunks):
    """Returns the text of a file with all hunks applied.

    Each hunk is looked for in the file as it was, since two changes that touch
    each other are one hunk.  Raises PatchError.
    """
    lines = text.split("\n")
    result = []
    done = 0
    for hunk in hunks:
        try:
            place = find(lines, hunk)
        except PatchError as error:
            raise PatchError(f"hunk at line {hunk.number}: {error}") from error
        if place < done:
            raise PatchError(f"hunk at line {hunk.number}: it lands before the end "
                             f"of the one above it")
        result += lines[done:place] + hunk.new
        done = place + len(hunk.old)
    return "\n".join(result + lines[done:])
