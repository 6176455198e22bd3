#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tell Xen that the domain with the id that is given has crashed, as its guest would."""

import glob
import sys

sys.path += glob.glob("/usr/lib/xen-*/lib/python")
from xen.lowlevel import xc  # noqa: E402  # pylint: disable=wrong-import-position

# SHUTDOWN_crash in xen/include/public/sched.h
CRASH = 3

xc.xc().domain_shutdown(int(sys.argv[1]), CRASH)
