#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Print a line for each ioreq server of the domains that are named by their ids."""

import ctypes
import sys

# MAX_NR_IOREQ_SERVERS in xen/include/asm-x86/hvm/domain.h
SERVERS = 8

library = ctypes.CDLL("libxendevicemodel.so.1", use_errno=True)
library.xendevicemodel_open.restype = ctypes.c_void_p
handle = ctypes.c_void_p(library.xendevicemodel_open(None, 0))
if not handle:
    sys.exit("ioreqservers: Xen cannot be asked")
for domid in sys.argv[1:]:
    for number in range(SERVERS):
        # pages that nobody asks for are not mapped
        port = ctypes.c_uint32()
        if library.xendevicemodel_get_ioreq_server_info(
                handle, ctypes.c_uint16(int(domid)), ctypes.c_uint16(number), None, None,
                ctypes.byref(port)) == 0:
            print(f"ioreq server {number} of domain {domid}")
