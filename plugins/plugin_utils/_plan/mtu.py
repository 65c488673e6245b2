# SPDX-License-Identifier: GPL-3.0-or-later
"""MTU of networks (reference 10). PRIVATE to the collection."""

from __future__ import annotations


def network_mtu(site, network):
    """Bytes. Flat, VLAN and local networks have what the physical network has, unless they declare less."""
    return network.mtu or site.global_physnet_mtu
