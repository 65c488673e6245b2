# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFlow of the bridges (reference 4.3). PRIVATE to the collection.

Ports are written by name; the module resolves them.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.anti_spoofing import anti_spoofing_flows
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_flows import physical_flows_of_parts
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_integration_flows import integration_flows
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    INTEGRATION_BRIDGE,
    integration_patch,
    physical_patch,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.tunnel_flows import tunnel_flows

#: What the agent installs on br-int whatever the networks: the way of a packet from table to table.
_SKELETON = (
    "table=0,priority=65535,dl_vlan=4095 actions=drop",  # dead VLAN: a port that is not wired yet
    "table=0,priority=0 actions=resubmit(,58)",
    "table=23,priority=0 actions=drop",  # canary: gone means that Open vSwitch was restarted
    "table=24,priority=0 actions=drop",  # ARP and ND spoofing
    "table=30,priority=0 actions=resubmit(,58)",  # local egress
    "table=31,priority=0 actions=resubmit(,58)",  # local IP
    "table=58,priority=0 actions=resubmit(,59)",  # packet rate limit
    "table=59,priority=0 actions=resubmit(,60)",  # bandwidth limit
    "table=60,priority=1 actions=NORMAL",  # transient: the end of the way
    "table=62,priority=3 actions=NORMAL",  # transient egress
)


def flows(view):
    """The flows of every bridge of the host, an item of ovs_flow's `config` per bridge."""
    if not view.host.has_datapath:
        return []
    found = [{"bridge": INTEGRATION_BRIDGE, "flows": _integration(view)}]
    for physical_network, bridge in view.host.bridge_mappings.items():
        networks = [network for network in view.networks if network.physical_network == physical_network]
        found.append({"bridge": bridge, "flows": _physical(view, physical_patch(bridge), networks)})
    return found + tunnel_flows(view)


def _integration(view):
    found = list(_SKELETON)
    for physical_network, bridge in view.host.bridge_mappings.items():
        patch = integration_patch(bridge)
        # What no network claims must not wander on to another physical network
        found.append(f"table=0,priority=2,in_port={patch} actions=drop")
        for network in view.networks:
            if network.physical_network == physical_network:
                segment = view.allocated.segmentation_id(network)
                match = "vlan_tci=0x0000/0x1fff" if segment is None else f"dl_vlan={segment}"
                found.append(f"table=0,priority=3,in_port={patch},{match} "
                             f"actions=mod_vlan_vid:{view.local_vlan(network)},resubmit(,58)")
    for port in view.instances:
        found += anti_spoofing_flows(view, port)
    return found + integration_flows(view)


def _physical(view, patch, networks):
    """With distributed routing, frames from br-int are looked at before their VLAN is translated."""
    table = 2 if view.is_distributed else 0
    found = ["table=0,priority=0 actions=NORMAL", f"table={table},priority=2,in_port={patch} actions=drop"]
    found += physical_flows_of_parts(view, patch, networks) if view.is_distributed else []
    for network in networks:
        segment = view.allocated.segmentation_id(network)
        rewrite = "strip_vlan" if segment is None else f"mod_vlan_vid:{segment}"
        found.append(f"table={table},priority=4,in_port={patch},dl_vlan={view.local_vlan(network)} "
                     f"actions={rewrite},NORMAL")
    return found
