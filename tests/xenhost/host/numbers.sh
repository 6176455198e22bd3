#!/bin/sh
# numbers: what of the host's resources must not grow while domains come and go
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Prints, in one line, the daemon's descriptors, its memory in KiB and its threads,
# Xen's free memory in MiB, the keys in xenstore, the files in /run and the QEMU
# processes.

set -eu
pid=$(systemctl show -p MainPID --value libvirtd)

count() {
    set -- "$1"/*
    echo $#
}

echo "$(count "/proc/$pid/fd")" \
     "$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status")" \
     "$(count "/proc/$pid/task")" \
     "$(xl info free_memory)" \
     "$(xenstore-ls -f / | wc -l)" \
     "$(find /run/libvirt /run/xen | wc -l)" \
     "$(pgrep -c qemu)"
