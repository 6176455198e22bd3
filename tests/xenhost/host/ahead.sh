#!/bin/sh
# ahead: hear a guest that is still to come, from its first word on this host on
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: ahead DOMAIN FILE
#
# Waits for the secondary "lines" of the domain, and adds to the file what comes from
# its terminal until that is gone.  The kernel tells the number of a terminal to who
# looks at the process that has made it.

set -u
name=$1
file=$2

number() {
    for pid in $(pgrep -f -- "-name guest=$name/lines"); do
        sed -n 's/^tty-index:[[:blank:]]*//p' /proc/"$pid"/fdinfo/* 2>/dev/null | head -n 1
    done
}

until found=$(number) && [ -n "$found" ]; do
    sleep 0.1
done
stty -F "/dev/pts/$found" raw -echo
exec cat "/dev/pts/$found" >> "$file"
