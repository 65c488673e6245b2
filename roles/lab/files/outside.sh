#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The world outside the cloud: the external network's gateway and an address behind it.
# Arguments: VLAN|- INTERNET ADDRESS...    unless.sh comes before it.
#
# There is no route back to the cloud's own networks: only packets with a public source get an answer.
set -eu
vlan=$1 internet=$2
shift 2

device=eth3
if [ "$vlan" != - ]; then
    # Open vSwitch tags frames where the kernel has no 8021q
    device=gateway
    unless "ovs-vsctl br-exists outside" \
        ovs-vsctl add-br outside -- set bridge outside datapath_type=netdev
    unless "ovs-vsctl port-to-br eth3" \
        ovs-vsctl add-port outside eth3
    unless "[ \$(ovs-vsctl get port $device tag) = $vlan ]" \
        ovs-vsctl --may-exist add-port outside $device tag="$vlan" -- set interface $device type=internal
    await_device $device
    # The userspace datapath does not fill in checksums
    unless "ethtool -k $device | grep -q 'tx-checksumming: off'" \
        ethtool --offload $device tx off
    unless "ip link show dev $device up | grep -q ." \
        ip link set $device up
fi
for address in "$@"; do
    unless "ip address show dev $device | grep -qF ' $address '" \
        ip address add "$address" dev $device
done
unless "ip address show dev lo | grep -qF ' $internet/32 '" \
    ip address add "$internet/32" dev lo
unless "[ \$(sysctl -n net.ipv4.ip_forward) = 1 ]" \
    sysctl --quiet --write net.ipv4.ip_forward=1
