# SPDX-License-Identifier: LGPL-2.1-or-later
"""What this machine's own apt knows: its release, its mirrors, how it reaches
them, and which names the packages have in that release."""

import pathlib
import re

from .common import XenHostError, call

# Settings of apt that decide how a mirror is reached and whether it is
# accepted, as opposed to what is done with the packages.
TRANSPORT = re.compile(r"Acquire::(https?::|Check-|Max-|Retries|Force|AllowInsecure|AllowWeak)")

SETTINGS_FILES = {"Dir::Etc::netrc": "/etc/apt/auth.conf",
                  "Dir::Etc::netrcparts": "/etc/apt/auth.conf.d"}


def release():
    """Return the code name of this machine's Debian release."""
    text = pathlib.Path("/etc/os-release").read_text(encoding="utf-8")
    values = dict(re.findall(r'^(\w+)="?(.*?)"?$', text, re.MULTILINE))
    if values.get("ID") != "debian" or not values.get("VERSION_CODENAME"):
        raise XenHostError("the host image is built from Debian's packages and this machine runs "
                           f"'{values.get('PRETTY_NAME', 'an unknown system')}': use Debian 12 or later")
    return values["VERSION_CODENAME"]


def sources(codename):
    """Return one-line apt sources: this machine's own, for @codename.

    apt itself lists them, whatever form its configuration has. Sources of
    other vendors are left out: nothing in the host image comes from them."""
    listing = call(["apt-get", "indextargets", "--format",
                    "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)", "Created-By: Packages"])
    suites = (codename, codename + "-updates", codename + "-security")
    found = []
    for line in listing.splitlines():
        uri, suite, component, origin = line.split("|")
        # apt knows the origin only of what it has fetched; else it leaves "$(ORIGIN)".
        from_debian = origin == "Debian" or origin.startswith("$")
        entry = f"deb {uri} {suite} main"
        if suite in suites and component == "main" and from_debian and entry not in found:
            found.append(entry)
    if not found:
        raise XenHostError(f"apt has no source of Debian '{codename}' main: "
                           "add one to /etc/apt/sources.list and run 'apt-get update'")
    return found


def transport_options():
    """Return this machine's apt settings about proxies, checks and logins."""
    options = []
    for line in call(["apt-config", "dump"]).splitlines():
        if TRANSPORT.match(line) and not line.endswith(' "";'):
            options.append(line.rstrip(";"))
    for name, path in SETTINGS_FILES.items():
        if pathlib.Path(path).exists():
            options.append(f'{name} "{path}"')
    return options


def depends(package, pattern):
    """Return the packages that @package depends on and @pattern matches."""
    listing = call(["apt-cache", "depends", "--important", package])
    names = re.findall(r"^[ |]*(?:Pre)?Depends: ([^<\s]+)$", listing, re.MULTILINE)
    if not names:
        raise XenHostError(f"apt does not know the package '{package}': run 'apt-get update'")
    return [name for name in names if re.match(pattern, name)]
