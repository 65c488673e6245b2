# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings of a host's root namespace (reference 9). PRIVATE to the collection."""

from __future__ import annotations

#: The return path of a packet may differ from where it came from. A new namespace copies these from the root one.
NO_RP_FILTER = {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0}


#: Packets between the ports of a Linux bridge pass iptables, which is where security groups are (reference 7.1).
_FILTER_BRIDGES = {f"net.bridge.bridge-nf-call-{tables}": 1 for tables in ("arptables", "iptables", "ip6tables")}

#: A connection that is forgotten with its rule stays forgotten. Otherwise the next retransmission of the instance's
#: end would be taken for a connection that it begins, which may leave, and whose answers may come in.
_NO_PICKUP = {"net.netfilter.nf_conntrack_tcp_loose": 0}


def node_sysctls(view):
    """{key: value} for sysctl."""
    if not view.host.has_datapath:
        return {}
    forwarding = {"net.ipv4.ip_forward": 1} if "network" in view.host.groups else {}
    filtering = {**_FILTER_BRIDGES, **_NO_PICKUP} if view.host.hybrid_plug and view.instances else {}
    return {**forwarding, **NO_RP_FILTER, **filtering}
