#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything of a host as its own tools print it, but for what traffic and time change by themselves: whoever writes
# anything, even what was there already, shows. Arguments: directories whose files count, too. Open vSwitch's database is
# one of those files, and what ovs-vswitchd measures is not in it.
set -eu

network() {
    echo "== network of $*"
    for what in link address "route show table all" "-6 route show table all" rule "-6 rule" "neighbour show nud permanent"
    do
        # shellcheck disable=SC2086 # words
        "$@" ip -details -json $what
    done | sed -E 's/"([a-z_]*timer|[a-z]*_life_time|expires|age)":[0-9.]+,?//g; s/\},\{/},\n{/g'
    for tool in iptables-save ip6tables-save; do "$@" $tool | sed -E '/^#/d; s/ \[[0-9:]+\]$//'; done
    "$@" sysctl --all --pattern '^net' 2>/dev/null | grep -v nf_conntrack_count
}

network env
for name in $(ls /run/netns); do network ip netns exec "$name"; done
echo "== ipsets"; ipset save
for bridge in $(ovs-vsctl list-br); do
    echo "== flows of $bridge"; ovs-ofctl -O OpenFlow14 dump-flows --no-stats "$bridge" | grep -v hard_timeout | sort
done
if [ -d /run/systemd/system ]; then
    echo "== units"
    systemctl list-unit-files --no-legend --plain
    systemctl show 'cloudnet-*' 'openvswitch*' 'ovs*' --property=Id,ActiveState,MainPID,NRestarts,NeedDaemonReload
fi
for directory in "$@"; do
    echo "== $directory"
    find "$directory" -path /var/lib/systemd -prune -o -printf '%p %M %u %g %l %T@ ' \( -type f -exec sha256sum {} \; -o -print \) |
        sort
done
