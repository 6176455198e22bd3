#!/bin/sh
# intrude: does what somebody would who had taken a secondary over
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: intrude PID GROUP PROCESSES UID COMMAND
#
# Runs the command, a line for the shell, in the control group of the secondary PID, under
# its user id, with so many processes as it may have, and with its log.

(
    echo 0 > "$2/cgroup.procs"
    read -r score < "/proc/$1/oom_score_adj"
    echo "$score" > /proc/self/oom_score_adj
    exec 2> "/proc/$1/fd/2"
    exec prlimit --nproc="$3" setpriv --reuid "$4" --regid "$4" --clear-groups sh -c "$5"
)
exit $?
