#!/bin/sh
# leftovers: what domains have left on this host
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: leftovers [fresh]
#
# Prints a line for each thing that was not there when the host was fresh, and the
# line END when all was looked at.  The word 'fresh' says that the host is fresh now,
# and prints nothing.  What running domains have is printed, too.

set -eu

# Where it is there after a reboot, too.
FRESH=/var/lib/xenhost/fresh

# Whatever a daemon has started and whoever started an emulator: these are a domain's,
# and so is a process under an id that no user of the host has.
processes() {
    ps -ww -eo pid=,ppid=,uid=,cgroup:80=,args= | awk '
        $3 >= 65536 || /-xen-domid [1-9]/ ||
        ($4 ~ /\/(libvirtd|virtxend)\.service/ &&
         !($2 == 1 && $5 ~ /\/(libvirtd|virtxend)$/)) {
            line = "process " $1 " of user " $3 ":"
            for (i = 5; i <= NF; i++) line = line " " $i
            print line
        }'
}

# The address of a bridge may be that of the port with the lowest one.
interfaces() {
    for path in /sys/class/net/*; do
        echo "interface ${path##*/}"
        test ! -d "$path/bridge" || echo "bridge ${path##*/} $(cat "$path/address")"
    done
}

# The folder of the secondaries' files, their root and libxl's list of the latest
# domain ids are there from the first domain on.
files() {
    find /run/libvirt /run/xen /run/xen-hotplug /run/netns /var/lib/libvirt/libxl \
         /var/lib/xen /dev/shm -mindepth 1 2>/dev/null |
        grep -vxE '/run/libvirt/libxl/devicemodel(/root)?|/run/xen/domid-history' |
        sed 's/^/file /'
}

# What listens: UNIX sockets wherever their name is, and TCP ports in hexadecimal.
sockets() {
    awk '$4 == "00010000" && NF > 7 { print "socket " $8 }' /proc/net/unix
    awk '$4 == "0A" { sub(/.*:/, "", $2); print "socket tcp " $2 }' /proc/net/tcp /proc/net/tcp6
}

# libxl leaves the folder of a kind of keys, empty, when the last domain has ended, and
# notes dom0's size when it first looks for memory for a domain.
keys() {
    xenstore-ls -f / | sed 's/ = .*//' |
        grep -vxE '/(libxl|vm)|/local/domain/0/memory(/static-max|/target)?' |
        sed 's/^/xenstore /'
}

# What is no unit of systemd, or within one, and what a secondary has.  libvirt's folder
# for these is there from the first of them on.
cgroups() {
    find /sys/fs/cgroup -mindepth 1 -type d |
        grep -E '\.service/|/machine(\.slice)?/|/[^./]*$' |
        grep -vx /sys/fs/cgroup/machine | sed 's/^/cgroup /'
}

# Where a list cannot be had, nothing is printed: the shell looks at the last command
# of a pipeline only.
state() {
    xenstore-exists /local/domain/0
    list=$(xl list)
    processes
    interfaces
    files
    sockets
    keys
    cgroups
    awk '{ print "mount " $5 }' /proc/self/mountinfo
    echo "$list" | awk 'NR > 1 && $1 != "Domain-0" { print "domain " $1 " " $2 }'
}

# virtlogd has a socket more from when the first domain writes a log.
if [ "${1-}" = fresh ]; then
    systemctl start virtlogd.socket virtlogd-admin.socket virtlogd
fi

now=$(state)
if [ "${1-}" = fresh ]; then
    echo "$now" | LC_ALL=C sort > "$FRESH"
else
    echo "$now" | LC_ALL=C sort | LC_ALL=C comm -13 "$FRESH" -
    echo END
fi
