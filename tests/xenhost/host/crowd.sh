#!/bin/sh
# crowd: start and destroy domains together, while four clients use them
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: crowd ROUNDS DOMAIN...
#
# Prints each command that fails or does not end.

set -u
rounds=$1
shift
work=$(mktemp -d)

try() {
    said=$(timeout 300 "$@" 2>&1) || echo "status $?: $*: $said"
}

client() {
    # a domain may be in any state when it is asked for
    while [ ! -e "$work/end" ]; do
        for name in "$@"; do
            for command in dumpxml domstate dominfo domiflist suspend resume; do
                timeout 300 virsh -q $command "$name" > /dev/null 2>&1
                [ $? -ne 124 ] || echo "virsh $command $name does not end"
            done
        done
        try virsh -q list --all
    done
}

clients=
for _ in 1 2 3 4; do
    client "$@" &
    clients="$clients $!"
done
while [ "$rounds" -gt 0 ]; do
    for command in start destroy; do
        pids=
        for name in "$@"; do
            try virsh -q $command "$name" &
            pids="$pids $!"
        done
        # shellcheck disable=SC2086 # one word for each process
        wait $pids
    done
    rounds=$((rounds - 1))
done
touch "$work/end"
# shellcheck disable=SC2086 # one word for each process
wait $clients
rm -r "$work"
