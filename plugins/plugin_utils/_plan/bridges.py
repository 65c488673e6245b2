# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges, their NICs and the patches between them (reference 4.1). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    INTEGRATION_BRIDGE,
    TUNNEL_BRIDGE,
    integration_patch,
    physical_patch,
)

#: Room for the MACs of a big cloud; and no hidden flows for a controller that is not there.
_OTHER_CONFIG = {"mac-table-size": "50000", "disable-in-band": "true"}


def bridges(view):
    """The integration bridge, one for every physical network, and one for tunnels where there is a tunnel network.

    secure: without flows nothing passes, so a bridge never learns and floods before it is programmed.
    """
    host = view.host
    if not host.has_datapath:
        return []
    names = [INTEGRATION_BRIDGE, *host.bridge_mappings.values()] + [TUNNEL_BRIDGE] * bool(view.tunnel_networks)
    return [
        {"name": name, "fail_mode": "secure", "datapath_type": host.datapath_type, "other_config": dict(_OTHER_CONFIG)}
        for name in names
    ]


def bridge_ports(view):
    """The NICs in the bridges, and a pair of patch ports between br-int and every physical bridge."""
    host = view.host
    if not host.has_datapath:
        return []
    ports = [{"name": nic, "bridge": bridge, "type": "system"}
             for bridge, nics in host.bridge_interfaces.items() for nic in nics]
    for bridge in host.bridge_mappings.values():
        inner, outer = integration_patch(bridge), physical_patch(bridge)
        ports.append({"name": inner, "bridge": INTEGRATION_BRIDGE, "type": "patch", "options": {"peer": outer}})
        ports.append({"name": outer, "bridge": bridge, "type": "patch", "options": {"peer": inner}})
    return ports
