#!/bin/sh
# gettext.sh: translates nothing, for scripts that want the library of this name
#
# SPDX-License-Identifier: LGPL-2.1-or-later

gettext() {
    printf %s "$1"
}

eval_gettext() {
    eval "printf %s \"$1\""
}
