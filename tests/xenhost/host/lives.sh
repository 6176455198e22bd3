#!/bin/sh
# lives: lives of several domains at the same time
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: lives DOMAIN WORDS [DOMAIN WORDS...]
#
# Fails if one of them does; see life.sh.

set -u
pids=
while [ $# -gt 0 ]; do
    "${0%/*}/life.sh" "$1" "$2" &
    pids="$pids $!"
    shift 2
done
status=0
for pid in $pids; do
    wait "$pid" || status=1
done
exit $status
