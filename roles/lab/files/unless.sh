#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What comes before the scripts that run inside a host: they print what they had to do, and nothing the second time.
set -eu

# unless TEST COMMAND...: run the command, and say so, unless the test holds
unless() {
    test=$1
    shift
    sh -c "$test" > /dev/null 2>&1 || { "$@" && echo "$*"; }
}

# await_device NAME: ovs-vswitchd, just started, makes it in a moment
await_device() {
    timeout 30 sh -c "until [ -e /sys/class/net/$1 ]; do sleep 0.1; done"
}
