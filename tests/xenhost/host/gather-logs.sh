#!/bin/sh
# gather-logs: write all logs of this host to standard output, as a tar archive
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Each part may fail: what is broken is what the logs are for.

set -u
work=$(mktemp -d) && cd "$work" || exit 1

save() {
    name=$1
    shift
    timeout 20 "$@" > "$name" 2>&1
}

save xen-dmesg.log xl dmesg
save xl-list.txt xl list -l
save dom0-journal.log journalctl --no-pager -o short-monotonic -b
save dom0-dmesg.log dmesg
save processes.txt ps axfww -o pid,ppid,user,stat,time,args
save xenstore.txt xenstore-ls -f
save network.txt sh -c 'ip -s addr; ip route; bridge link'
save sockets.txt sh -c 'ls -laR /run/libvirt /var/lib/libvirt/libxl /run/xen'
save virsh-list.txt virsh -q -c xen:///system list --all
cp -a /var/log/xen xen
cp -a /var/log/libvirt libvirt
mkdir guests && cp -a /var/log/guest*.log guests/
tar -c .
rm -rf "$work"
