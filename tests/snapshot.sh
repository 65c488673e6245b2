#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything of a host that this collection could change, in a form that two moments can be compared in.
set -eu

# stack PREFIX WHERE RANDOM SETTINGS: the network stack that commands with this prefix see.
# RANDOM: devices whose MAC address the kernel chooses. SETTINGS: below /proc/sys/net.
stack() {
    echo "== links$2"
    $1 ip -o link | sed -E 's/^[0-9]+: //; s/@[^:]+//; s/ qdisc .*( mode| group)/\1/; s/ qlen [0-9]+//; s/ link-netnsid [0-9]+//' |
        sed -E "/^($3)/s/link\/[^\\]*//" | sort
    echo "== addresses$2"
    $1 ip -o addr | sed -E 's/^[0-9]+: //; s/ valid_lft.*//; s/ tentative//' | grep -v 'inet6 fe80' | sort || true
    echo "== routes$2"
    $1 ip route show table all | grep -v -e fe80 -e ff00 | sed -E 's/ expires [0-9]+sec//' | sort || true
    echo "== policy rules$2"; $1 ip rule; $1 ip -6 rule
    echo "== permanent neighbours$2"; $1 ip neighbour show nud permanent | sort
    # A table that has neither a rule nor a chain of its own is as good as none
    for tool in iptables-save ip6tables-save; do
        echo "== $tool$2"
        $1 $tool | sed -E '/^#/d; s/ \[[0-9:]+\]$//' |
            awk '/^\*/ {table = ""} {table = table $0 "\n"} /^-A/ || /^:.* (-|DROP)$/ {used = 1}
                 /^COMMIT/ {if (used) printf "%s", table; used = 0}'
    done
    echo "== sysctls$2"; (cd /proc/sys/net; $1 grep -rs "" $4 | grep -v stable_secret | sort)
}

echo "== namespaces"; ls /run/netns 2>/dev/null || true
own='ipv4/ip_forward netfilter/nf_conntrack_tcp_loose bridge'
for device in all default tap* qvo* qvb* qbr*; do own="$own ipv4/conf/$device ipv6/conf/$device"; done
stack "" "" '.' "$own"
for namespace in $(ls /run/netns 2>/dev/null); do
    stack "ip netns exec $namespace" " in $namespace" 'rfp-|fpr-' \
        'ipv4/ip_forward ipv4/ip_nonlocal_bind ipv4/conf ipv6/conf netfilter/nf_conntrack_tcp_loose'
done
echo "== ipsets"; ipset save 2>/dev/null | sed 's/ initval .*//' | sort || true
echo "== open vswitch"
ovs-vsctl --format=csv --columns=name,fail_mode,external_ids,other_config list bridge | sort
ovs-vsctl --format=csv --columns=name,tag,external_ids,other_config list port | sort
ovs-vsctl --format=csv --columns=name,type,options,external_ids list interface | sort
# Flows that end by themselves have been learnt from packets
for bridge in $(ovs-vsctl list-br | sort); do echo "== flows of $bridge"; ovs-ofctl --names --no-stats dump-flows "$bridge" | grep -v ' hard_timeout=' | sort; done
echo "== services"
systemctl list-units --all --plain --no-legend 'cloudnet-*' 2>/dev/null | grep -v '^cloudnet-dataplane' | cut -d' ' -f1 |
    while read -r unit; do
        pid=$(systemctl show -P MainPID "$unit")
        echo "$unit $(systemctl is-active "$unit") $(systemctl is-enabled "$unit") $(ip netns identify "$pid")"
    done || true
echo "== files"
find /etc /var/lib/neutron -type f ! -path '/etc/openvswitch/*' ! -name leases ! -name '*pid' -exec sha256sum {} + \
    2>/dev/null | sort -k2 || true
find /etc /var/lib/neutron -name '.*.cloudnet' 2>/dev/null || true
