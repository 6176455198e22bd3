#!/bin/sh
# hook: a hook script that writes down what it hears
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One line for each call: domain, operation, step, device model that it is about, and how
# many of them the domain's XML has.

echo "$1 $2 $3 $4 $(grep -c '<devicemodel')" >> /root/hooks
