# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ThreadSanitizer found in a host's daemon, if that was built with it.

The daemon reports all data races of libvirt; those count in which the Xen driver, of
which device models are a part, has a hand."""

from . import tree

DRIVER = "libvirt_driver_libxl.so"
END = "=================="


def reports(host):
    """Return those reports of @host's daemons, past ones included, that count."""
    text = host.run(f"cat {tree.RACES}.* 2>/dev/null", check=False).stdout
    return [part.strip() for part in text.split(END) if "WARNING:" in part and DRIVER in part]
