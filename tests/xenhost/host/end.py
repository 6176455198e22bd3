#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tell Xen that the domain with the id that is given has ended, and how, as its guest would."""

import glob
import sys

sys.path += glob.glob("/usr/lib/xen-*/lib/python")
from xen.lowlevel import xc  # noqa: E402  # pylint: disable=wrong-import-position

# SHUTDOWN_* in xen/include/public/sched.h
REASONS = {"poweroff": 0, "reboot": 1, "crash": 3}

xc.xc().domain_shutdown(int(sys.argv[1]), REASONS[sys.argv[2]])
