#!/bin/sh
# stuck: whether the emulation of a guest's processor goes no further
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: stuck [DOMAIN]
#
# Says "stuck" if the only processor of the domain works all the time, and stands at
# one instruction.  In the emulation of AMD's virtualization that happens to one guest
# in a hundred, at a time at which no device model has anything to do: who waits for
# one does not work.  It also says so, without a domain too, where Xen has ended a guest
# by a triple fault since it was asked last: none of our guests makes one, and some of
# these had their processor in Xen's own code.

set -u
name=${1-}

if xl dmesg -c | grep -q 'Triple fault'; then
    echo "stuck"
    exit 0
fi
[ -n "$name" ] || exit 0

id=$(xl domid "$name" 2>/dev/null) || exit 0

where() {
    for xenctx in /usr/lib/xen*/bin/xenctx; do
        "$xenctx" "$id" 0 2>/dev/null | head -n 1
        break
    done
}

# How long the processor has worked, in tenths of a second; 0 if there are several.
tenths() {
    xl vcpu-list "$name" | awk 'NR > 1 { sum += $6 } END { print NR == 2 ? int(sum * 10) : 0 }'
}

first=$(where)
begin=$(tenths)
for _ in 1 2 3 4 5; do
    sleep 1
    [ "$(where)" = "$first" ] || exit 0
done
[ $(($(tenths) - begin)) -lt 40 ] || echo "stuck"
