# SPDX-License-Identifier: LGPL-2.1-or-later
"""What has to happen on an emulated Xen host, as named functions."""

from . import (boot, clients, deaths, devices, ends, failures, leftover, life, limits, nics, privilege,
               races, refusals, remote, restarts, soak)
from .common import ALL, Failure

__all__ = ["ALL", "Failure", "boot", "clients", "deaths", "devices", "ends", "failures", "leftover", "life",
           "limits", "nics", "privilege", "races", "refusals", "remote", "restarts", "soak"]
