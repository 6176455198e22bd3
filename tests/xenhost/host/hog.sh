#!/bin/sh
# hog: takes memory until the kernel ends it
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: hog PID UID
#
# Under the user id UID, in the daemon's control group, and with the score of the
# secondary PID.

echo $$ > /sys/fs/cgroup/system.slice/libvirtd.service/cgroup.procs
read -r score < "/proc/$1/oom_score_adj"
echo "$score" > /proc/self/oom_score_adj
setpriv --reuid "$2" --regid "$2" --clear-groups tail /dev/zero
exit $?
