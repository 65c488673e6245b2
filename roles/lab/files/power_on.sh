#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The host's first process: a machine has its network cards from the start, this one when they have been plugged in.
# Arguments: CARD...
set -eu
for card in "$@"; do
    until [ $(($(cat "/sys/class/net/$card/flags" 2> /dev/null || echo 0) & 1)) = 1 ]; do # 1: it is up
        sleep 0.1
    done
done
exec /sbin/init
