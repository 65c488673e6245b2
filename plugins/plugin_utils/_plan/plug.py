# SPDX-License-Identifier: GPL-3.0-or-later
"""How a port is plugged: its link in a namespace and its OVS port (reference 2.2, 4.1). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.mtu import network_mtu
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import INTEGRATION_BRIDGE, tap_device


def link(view, port, device, plug):
    """The link of a port in its namespace, an item of netns' `links`."""
    item = {
        "name": device,
        "plug": plug,
        "mac_address": view.allocated.mac(port),
        "mtu": network_mtu(view.site, port.network),
        "addresses": view.cidrs(port.fixed_ips),
    }
    if plug == "veth":
        item["peer"] = tap_device(port)
    if view.host.datapath_type == "netdev":
        # The userspace datapath does not complete partial checksums: pings would pass and TCP would hang
        item["tx_checksumming"] = False
    return item


def ovs_port(view, port, name, namespace=None, external_ids=None):
    """The port in br-int, an item of ovs_port's `config`.

    namespace: where an internal port is moved to; None for a device of the host.
    """
    item = {
        "name": name,
        "bridge": INTEGRATION_BRIDGE,
        "type": "internal" if namespace else "system",
        "tag": view.local_vlan(port.network),
        "external_ids": {
            "iface-id": port.id,
            "iface-status": "active",
            "attached-mac": view.allocated.mac(port),
            **(external_ids or {}),
        },
        "other_config": _network_keys(view, port.network),
    }
    if namespace:
        item["namespace"] = namespace
    return item


def _network_keys(view, network):
    """How Neutron's agent notes the network of a port; values are strings."""
    keys = {
        "net_uuid": network.id,
        "network_type": network.network_type,
        "physical_network": str(network.physical_network),
        "tag": str(view.local_vlan(network)),
    }
    segment = view.allocated.segmentation_id(network)
    if segment is not None:
        keys["segmentation_id"] = str(segment)
    return keys
