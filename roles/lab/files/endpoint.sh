#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The tunnel endpoint, as this host's administrator would configure it. It belongs to the host, not to the cloud.
# Arguments: DATAPATH CARD ADDRESS    unless.sh comes before it.
set -eu
datapath=$1 card=$2 address=$3

device=$card
if [ "$datapath" = netdev ]; then
    # https://docs.openvswitch.org/en/stable/howto/userspace-tunneling/
    device=br-phy
    unless "ovs-vsctl br-exists $device" \
        ovs-vsctl add-br $device -- set bridge $device datapath_type=netdev fail_mode=standalone \
        other_config:hwaddr="\"$(cat "/sys/class/net/$card/address")\""
    unless "ovs-vsctl port-to-br $card" \
        ovs-vsctl add-port $device "$card"
    await_device $device
    # The kernel sees every frame of the card, too. It must not answer what Open vSwitch answers.
    unless "[ \$(sysctl -n net.ipv4.conf.$card.rp_filter) = 1 ]" \
        sysctl --quiet --write "net.ipv4.conf.$card.rp_filter=1"
    unless "[ \$(sysctl -n net.ipv6.conf.$card.disable_ipv6) = 1 ]" \
        sysctl --quiet --write "net.ipv6.conf.$card.disable_ipv6=1"
    # The userspace datapath does not fill in checksums
    unless "ethtool -k $device | grep -q 'tx-checksumming: off'" \
        ethtool --offload $device tx off
    unless "ip link show dev $device up | grep -q ." \
        ip link set $device up
fi
# The address of an endpoint is there at once, without duplicate address detection
case $address in *:*) ipv6=yes ;; *) ipv6= ;; esac
unless "ip address show dev $device | grep -qF ' $address '" \
    ip address add "$address" dev "$device" ${ipv6:+nodad}
