# buildfolder.py: what a build folder builds, and with which options
#
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ask meson about a build folder, for those who build libvirt in another way."""

import json
import os
import subprocess

from release import Release

# What decides where meson works and not what it builds, and what it prints as
# a number that it does not read.
LEFT_OUT = ("backend", "build.", "errorlogs", "install_umask", "keycodemapdb:", "stdsplit")


def introspect(build, what):
    """Returns what meson tells of a configured build folder."""
    return json.loads(subprocess.run(["meson", "introspect", str(build), f"--{what}"],
                                     stdout=subprocess.PIPE, check=True).stdout)


def release_of(build):
    """Returns the release of libvirt that a build folder of ours has."""
    return Release(*(option["value"] for option in introspect(build, "buildoptions")
                     if option["name"] == "libvirt"))


def options(build, release):
    """Returns meson's arguments that give another build the options of a build of ours."""
    words = []
    for option in introspect(build, "buildoptions"):
        name, value = option["name"], option["value"]
        if option["section"] == "user" and not name.startswith(f"{release.name}:"):
            continue  # one of our project itself
        if value not in ("", []) and not name.startswith(LEFT_OUT):
            if isinstance(value, bool):
                value = str(value).lower()
            words.append(f"-D{name}={value}")
    return sorted(words)


def installed(build, *others):
    """Returns the files that are installed, and those of targets with other names."""
    return [os.path.relpath(name, build) for target in introspect(build, "targets")
            for name in target["filename"] if target["installed"] or target["name"] in others]
