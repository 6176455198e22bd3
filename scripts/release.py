# release.py: the releases of libvirt that this project builds with
#
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One release of libvirt, and where all that belongs to it is.

A release is a folder of patches, patches/VERSION, and a wrap,
subprojects/libvirt-VERSION.wrap, which says where its tarball is and what that
one's digest is.  Nothing else lists the releases that there are.

Nothing is read before a release is asked for, and nothing here writes.
"""

import configparser
import pathlib

from toolbox import cache_folder

TOP = pathlib.Path(__file__).resolve().parent.parent

# Where the files of a folder of ours are in libvirt's tree.
SOURCES = ("src", "src", (".c", ".h"))
SCHEMAS = ("docs/schemas", "src/conf/schemas", (".rng",))


class ReleaseError(Exception):
    """A release that there is not, or that lacks something."""


def versions():
    """Returns the versions that there are patches for."""
    return sorted(path.parent.name for path in (TOP / "patches").glob("*/series"))


def own_files(own, place, suffixes):
    """Maps places in libvirt's tree to the files of ours that go there."""
    return {str(pathlib.PurePath(place, path.relative_to(TOP / own))): path
            for path in sorted((TOP / own).rglob("*"))
            if path.suffix in suffixes}


def read_wrap(path):
    """Returns the settings of a wrap, none of which is missing."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text("utf-8"))
        settings = parser["wrap-file"]
    except (OSError, configparser.Error, KeyError) as error:
        raise ReleaseError(f"'{path}' does not tell where its libvirt is: {error}") from error
    missing = {"directory", "source_url", "source_filename", "source_hash"} - set(settings)
    if missing:
        raise ReleaseError(f"'{path}' lacks '{min(missing)}'")
    return settings


class Release:
    """One release; its attributes do not change."""

    def __init__(self, version=None):
        """Take what belongs to a version, which may be left out if there is one only.

        Raises ReleaseError, which names what is accepted.
        """
        known = versions()
        accepted = ", ".join(known) or "none, as there is no patches/VERSION/series"
        if version is None and len(known) != 1:
            raise ReleaseError(f"no version of libvirt is named, accepted: {accepted}")
        if version is not None and version not in known:
            raise ReleaseError(f"libvirt '{version}' is unknown, accepted: {accepted}")
        self.version = version or known[0]
        self.name = f"libvirt-{self.version}"  # of the subproject
        self.patches = TOP / "patches" / self.version
        self.wrap = TOP / "subprojects" / f"{self.name}.wrap"
        settings = read_wrap(self.wrap)
        self.tree = TOP / "subprojects" / settings["directory"]
        self.state = self.tree / ".devicemodel"  # what prepare-libvirt keeps for itself
        self.url = settings["source_url"]
        self.sha256 = settings["source_hash"]
        self.tarball = cache_folder() / settings["source_filename"]

        for other in set(known) - {self.version}:
            wrap = self.wrap.with_name(f"libvirt-{other}.wrap")
            if read_wrap(wrap)["directory"] == settings["directory"]:
                raise ReleaseError(f"'{self.wrap}' and '{wrap}' have the same directory "
                                   f"'{settings['directory']}', expected one for each")

    def series(self):
        """Returns the paths of the patches in the order in which they are applied."""
        return [self.patches / name for name in (self.patches / "series").read_text().split()]
