# SPDX-License-Identifier: LGPL-2.1-or-later
"""What has to happen on an emulated Xen host, as named functions."""

from . import clients, devices, life, nics, privilege, refusals, remote
from .common import ALL, Failure

__all__ = ["ALL", "Failure", "clients", "devices", "life", "nics", "on_trial", "privilege", "refusals", "remote"]


def on_trial():
    """Add the scenarios that have not all been seen to pass yet."""
    # pylint: disable=import-outside-toplevel,unused-import
    from . import boot, ends, failures, soak
