# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a network's packets may hold (reference 10). PRIVATE to the collection."""

from __future__ import annotations

#: IP header of the underlay, by its version.
_IP_HEADER = {4: 20, 6: 40}

#: What a tunnel adds behind the IP header: VXLAN: UDP 8, VXLAN 8, inner Ethernet 14. GRE: GRE 4, key 4, Ethernet 14.
_TUNNEL_HEADER = {"vxlan": 30, "gre": 22}


def largest_mtu(site, network):
    """Bytes that the underlay leaves to a network."""
    if not network.is_tunnel:
        return site.global_physnet_mtu
    return min(site.global_physnet_mtu, site.path_mtu) - overhead(site, network)


def overhead(site, network):
    """Bytes that the tunnels of a network's type add to a packet."""
    header = _TUNNEL_HEADER.get(network.network_type, site.geneve_max_header_size)
    return _IP_HEADER[site.underlay_version] + header
