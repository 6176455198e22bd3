#!/bin/sh
# disobey: an emulator that does not do what it is told
#
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Leaves out the options that the file "$0.options" has in its first line, with "|" between
# them, and the value that each of them has, unless the word "bare" follows.

read -r options bare < "$0.options"
left=$#
while [ "$left" -gt 0 ]; do
    case "|$options|" in
    *"|$1|"*)
        if [ "$bare" != bare ]; then
            shift
            left=$((left - 1))
        fi ;;
    *)
        set -- "$@" "$1" ;;
    esac
    shift
    left=$((left - 1))
done
exec /usr/libexec/xen-qemu-system-i386 "$@"
