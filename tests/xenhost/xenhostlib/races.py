# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ThreadSanitizer found in a host's daemon, if that was built with it.

The daemon reports all data races of libvirt; those count in which the Xen driver, of
which device models are a part, has a hand."""

from . import tree

DRIVER = "libvirt_driver_libxl.so"
END = "=================="


def reports(host):
    """Return all reports of daemons on @host, those that count and the others."""
    text = host.run(f"cat {tree.RACES}.* 2>/dev/null", check=False).stdout
    found = [part.strip() for part in text.split(END) if "WARNING:" in part]
    return ([part for part in found if DRIVER in part],
            [part for part in found if DRIVER not in part])
