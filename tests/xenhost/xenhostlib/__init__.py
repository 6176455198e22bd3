# SPDX-License-Identifier: LGPL-2.1-or-later
"""The emulated Xen host, as a library: see machine.XenHost and guest."""

from .common import Progress, XenHostError
from .guest import parse_report, pings
from .machine import XenHost

__all__ = ["Progress", "XenHost", "XenHostError", "parse_report", "pings"]
