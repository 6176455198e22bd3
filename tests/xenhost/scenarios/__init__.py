# SPDX-License-Identifier: LGPL-2.1-or-later
"""What has to happen on an emulated Xen host, as named functions."""

from . import (badtimes, boot, clients, deaths, devices, ends, failures, killing, leftover, life, limits, migrations,
               nics, privilege, races, refusals, remote, restarts, resumes, saves, soak)
from .common import ALL, FIRST, Failure, in_order

__all__ = ["ALL", "FIRST", "Failure", "badtimes", "boot", "clients", "deaths", "devices", "ends", "failures", "in_order",
           "killing", "leftover", "life", "limits", "migrations", "nics", "privilege", "races", "refusals", "remote",
           "restarts", "resumes", "saves", "soak"]
