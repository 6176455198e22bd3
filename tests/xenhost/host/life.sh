#!/bin/sh
# life: one life of a domain, from its definition to its end
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: life DOMAIN WORDS
#
# The definition is /root/DOMAIN.xml, and the guest has to say WORDS.  If it does not,
# the domain ends all the same; that is a failure unless the guest is stuck, which is
# said then.  Before its end one of its secondaries, 'disk', is killed, and the driver has
# to restart it.

set -eu
name=$1
words=$2
console=/var/log/guest-$name.log

rm -f "$console"
virsh -q define --validate "/root/$name.xml"
virsh -q start "$name"
tries=120
result=said
until grep -qx "$words" "$console" 2>/dev/null; do
    tries=$((tries - 1))
    if [ $tries -eq 0 ]; then
        echo "the guest of $name said '$(tail -n 3 "$console")', expected '$words'" >&2
        result=$("${0%/*}/stuck.sh" "$name")
        break
    fi
    sleep 0.5
done
pkill -KILL -f -- "-name guest=$name/disk "
tries=120
until virsh -q dumpxml "$name" --xpath "//devicemodel[@name='disk' and @state='running']/failure/@count" |
      grep -q 1; do
    tries=$((tries - 1))
    if [ $tries -eq 0 ]; then
        echo "$name has a secondary that was killed, and the driver does not restart it" >&2
        result=missing
        break
    fi
    sleep 0.5
done
virsh -q destroy "$name"
virsh -q undefine "$name"
case $result in
said) ;;
stuck) echo stuck ;;
*) exit 1 ;;
esac
