#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything of a host that this collection could change, in a form that two moments can be compared in.
set -eu
echo "== namespaces"; ls /run/netns 2>/dev/null || true
echo "== links"; ip -o link | sed -E 's/^[0-9]+: //; s/@if[0-9]+//; s/ qdisc .*//; s/ state .*//' | sort
echo "== addresses"; ip -o addr | sed -E 's/^[0-9]+: //; s/ valid_lft.*//' | grep -v 'inet6 fe80' | sort
echo "== routes"; ip route show table all | grep -v fe80 | sort
echo "== policy rules"; ip rule; ip -6 rule
echo "== ipsets"; ipset save 2>/dev/null | sort || true
# A table that has neither a rule nor a chain of its own is as good as none
for tool in iptables-save ip6tables-save; do
    echo "== $tool"
    $tool | sed -E '/^#/d; s/ \[[0-9:]+\]$//' |
        awk '/^\*/ {table = ""} {table = table $0 "\n"} /^-A/ || /^:.* (-|DROP)$/ {used = 1}
             /^COMMIT/ {if (used) printf "%s", table; used = 0}'
done
echo "== open vswitch"
ovs-vsctl --format=csv --columns=name,fail_mode,external_ids,other_config list bridge | sort
ovs-vsctl --format=csv --columns=name,tag,external_ids,other_config list port | sort
ovs-vsctl --format=csv --columns=name,type,options,external_ids list interface | sort
for bridge in $(ovs-vsctl list-br | sort); do echo "== flows of $bridge"; ovs-ofctl dump-flows --no-stats "$bridge" | sort; done
echo "== sysctls"; sysctl -a 2>/dev/null |
    grep -E '^net\.(ipv4\.(ip_forward|conf\.(all|default))|ipv6\.conf\.(all|default)|bridge|netfilter\.nf_conntrack_tcp_loose)' | sort
echo "== files"; find /etc -type f ! -path '/etc/openvswitch/*' -exec sha256sum {} + | sort -k2
