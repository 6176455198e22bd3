#!/usr/bin/env python3
# terminals.py: has 64 terminals, as somebody who logs in has one, until it is ended
#
# SPDX-License-Identifier: LGPL-2.1-or-later

import os
import signal

terminals = [os.openpty() for _ in range(64)]
signal.pause()
