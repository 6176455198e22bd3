#!/bin/sh
# beside: do something in the middle of another command
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: beside COMMAND CONDITION ACTION
#
# Runs the command in the background, and the action when the condition is true, or
# when the command has ended before.  Each is a line for the shell.  Prints what the
# command said, and its status.

set -u
said=$(mktemp)
eval "$1" > "$said" 2>&1 &
until eval "$2"; do
    kill -0 $! 2>/dev/null || { echo "too late for $3"; break; }
    sleep 0.1
done
eval "$3"
wait $!
echo "status $?"
cat "$said"
rm "$said"
