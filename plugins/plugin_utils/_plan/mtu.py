# SPDX-License-Identifier: GPL-3.0-or-later
"""MTU of networks (reference 10). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.mtu import largest_mtu


def network_mtu(site, network):
    """Bytes: what the underlay leaves, unless the network declares less."""
    return network.mtu or largest_mtu(site, network)
