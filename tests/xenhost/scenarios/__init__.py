# SPDX-License-Identifier: LGPL-2.1-or-later
"""What has to happen on an emulated Xen host, as named functions."""

from . import clients, life, nics, refusals
from .common import ALL, Failure

__all__ = ["ALL", "Failure", "clients", "life", "nics", "refusals"]
