# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels to the hosts that share a network: the ports of br-tun (reference 4.1). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    INTEGRATION_BRIDGE,
    TUNNEL_BRIDGE,
    TUNNEL_PATCH,
    TUNNEL_PATCH_PEER,
    tunnel_port,
)


def tunnel_ports(view):
    """The patch to br-int and a port for every tunnel, items of ovs_port's `config`; none without a tunnel network."""
    if not view.tunnel_networks:
        return []
    patches = ((TUNNEL_PATCH, INTEGRATION_BRIDGE, TUNNEL_PATCH_PEER), (TUNNEL_PATCH_PEER, TUNNEL_BRIDGE, TUNNEL_PATCH))
    return [
        {"name": name, "bridge": bridge, "type": "patch", "options": {"peer": peer}} for name, bridge, peer in patches
    ] + [_port(view.host, kind, view.site.hosts[peer], name) for (kind, peer), name in tunnels(view).items()]


def tunnels(view):
    """{(network type, host name): port of br-tun} of the hosts that share a network of the type with this one."""
    ends = {(network.network_type, peer) for network in view.tunnel_networks for peer in view.peers(network)}
    return {(kind, peer): tunnel_port(kind, view.site.hosts[peer].local_ip) for kind, peer in sorted(ends)}


def _port(host, kind, peer, name):
    options = {
        "local_ip": str(host.local_ip),
        "remote_ip": str(peer.local_ip),
        "in_key": "flow",
        "out_key": "flow",
        "df_default": "true",
        "egress_pkt_mark": "0",
    }
    if kind == "gre" and peer.local_ip.version == 6:
        kind = "ip6gre"
        options["packet_type"] = "legacy_l2"  # Open vSwitch knows layer-3 GRE over IPv4 only
    return {"name": name, "bridge": TUNNEL_BRIDGE, "type": kind, "options": options}
