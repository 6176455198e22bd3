# SPDX-License-Identifier: LGPL-2.1-or-later
"""The emulated Xen host, as a library: see machine.XenHost, domain.Domain, client.Client
and guest."""

from .client import Client
from .common import Progress, Stuck, XenHostError
from .domain import Domain, fell, leftovers
from .guest import parse_report, pings
from .machine import XenHost

__all__ = ["Client", "Domain", "Progress", "Stuck", "XenHost", "XenHostError", "fell", "leftovers",
           "parse_report", "pings"]
