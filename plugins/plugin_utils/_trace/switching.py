# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame from port to port of one network: br-int, tunnels, VLANs (reference 4.3, 4.4). PRIVATE to the collection."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    INTEGRATION_BRIDGE,
    TUNNEL_BRIDGE,
    TUNNEL_PATCH,
    TUNNEL_PATCH_PEER,
    integration_patch,
    physical_patch,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.tunnel_flows import FROM_TUNNEL
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.tunnels import tunnels
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.headers import UNKNOWN_MAC
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.hop import Hop, flow


class End(NamedTuple):
    """Where a frame enters or leaves a network. view: the HostView, None outside. device: port of br-int.

    part: the port is a distributed router's interface, whose MAC is the same on all hosts.
    """

    view: Any = None
    device: str | None = None
    mac: str = UNKNOWN_MAC
    part: bool = False


OUTSIDE = End()


class Frame(NamedTuple):
    """packet: (source, destination). headers: its Headers."""

    network: Any
    sender: End
    receiver: End
    packet: tuple
    headers: Any

    def match(self, source_mac, vlan=None, tunnel_id=None):
        """As ofproto/trace takes it."""
        return self.headers.match(*self.packet, (source_mac, self.receiver.mac), vlan, tunnel_id)


def carry(frame):
    """The Hops of a frame."""
    sender, receiver = frame.sender, frame.receiver
    if sender.view is receiver.view:
        return [_within(frame)]
    if frame.network.is_tunnel:
        return _into_tunnel(frame) + _out_of_tunnel(frame)
    return (_onto_wire(frame) if sender.view else []) + (_off_wire(frame) if receiver.view else [])


def _tag(view, network):
    return view.local_vlan(network)


def _within(frame):
    view, device = frame.sender.view, frame.receiver.device
    does = f"{frame.sender.device}, tag {_tag(view, frame.network)} ({frame.network.name}): to {device}"
    check = flow(INTEGRATION_BRIDGE, frame.sender.device, frame.match(frame.sender.mac), to_ports=[device])
    return Hop(view.host.name, INTEGRATION_BRIDGE, does, [check])


def _host_mac(frame):
    """The MAC that a frame of a distributed router's part travels with; None: its own."""
    sender = frame.sender
    return sender.view.allocated.dvr_mac(sender.view.host) if sender.part else None


def _into_tunnel(frame):
    view, network, sender = frame.sender.view, frame.network, frame.sender
    peer = frame.receiver.view.host
    tag, segment = _tag(view, network), view.allocated.segmentation_id(network)
    tunnel, own = tunnels(view)[network.network_type, peer.name], _host_mac(frame)
    rewritten = f"table 1: source MAC {sender.mac} becomes this host's {own}; " if own else ""
    return [
        Hop(view.host.name, INTEGRATION_BRIDGE, f"{sender.device}, tag {tag} ({network.name}): to {TUNNEL_PATCH}",
            [flow(INTEGRATION_BRIDGE, sender.device, frame.match(sender.mac), to_bridge=TUNNEL_BRIDGE)]),
        Hop(view.host.name, TUNNEL_BRIDGE,
            f"{TUNNEL_PATCH_PEER}: {rewritten}table 20: {frame.receiver.mac} is on {peer.name}: to {tunnel}, "
            f"{network.network_type} to {peer.local_ip}, tunnel id {segment}",
            [flow(TUNNEL_BRIDGE, TUNNEL_PATCH_PEER, frame.match(sender.mac, tag), to_ports=[tunnel],
                  rewrites=[own] if own else [])]),
    ]


def _out_of_tunnel(frame):
    view, network, receiver = frame.receiver.view, frame.network, frame.receiver
    origin, own = frame.sender.view.host, _host_mac(frame)
    tag, segment = _tag(view, network), view.allocated.segmentation_id(network)
    tunnel, source = tunnels(view)[network.network_type, origin.name], own or frame.sender.mac
    learnt = "table 9: the MAC of another host's part is not learnt; " if own else ""
    return [
        Hop(view.host.name, TUNNEL_BRIDGE,
            f"{tunnel}: table {FROM_TUNNEL[network.network_type]}: tunnel id {segment} is tag {tag} ({network.name}); "
            f"{learnt}to {TUNNEL_PATCH_PEER}",
            [flow(TUNNEL_BRIDGE, tunnel, frame.match(source, tunnel_id=segment), to_bridge=INTEGRATION_BRIDGE)]),
        Hop(view.host.name, INTEGRATION_BRIDGE, f"{TUNNEL_PATCH}: {_restored(frame, 1)}to {receiver.device}",
            [flow(INTEGRATION_BRIDGE, TUNNEL_PATCH, frame.match(source, tag), to_ports=[receiver.device],
                  rewrites=[frame.sender.mac] if own else [])]),
    ]


def _restored(frame, table):
    if not frame.sender.part:
        return ""
    return f"table {table}: source MAC {_host_mac(frame)} becomes {frame.sender.mac} again; "


def _onto_wire(frame):
    view, network, sender = frame.sender.view, frame.network, frame.sender
    bridge, nics = _physical(view, network)
    inner, outer, tag = integration_patch(bridge), physical_patch(bridge), _tag(view, network)
    own = _host_mac(frame)
    rewritten = f"table 1: source MAC {sender.mac} becomes this host's {own}; " if own else ""
    return [
        Hop(view.host.name, INTEGRATION_BRIDGE, f"{sender.device}, tag {tag} ({network.name}): to {inner}",
            [flow(INTEGRATION_BRIDGE, sender.device, frame.match(sender.mac), to_bridge=bridge)]),
        Hop(view.host.name, bridge,
            f"{outer}: {rewritten}tag {tag} {_on_wire(view, network)}: to {' or '.join(nics) or 'the wire'}",
            [flow(bridge, outer, frame.match(sender.mac, tag), to_ports=nics, rewrites=[own] if own else [])]),
    ]


def _on_wire(view, network):
    segment = view.allocated.segmentation_id(network)
    return "is taken off" if segment is None else f"becomes VLAN {segment}"


def _off_wire(frame):
    view, network, receiver = frame.receiver.view, frame.network, frame.receiver
    bridge, nics = _physical(view, network)
    inner, outer, tag = integration_patch(bridge), physical_patch(bridge), _tag(view, network)
    segment = view.allocated.segmentation_id(network)
    source = (_host_mac(frame) if frame.sender.view else None) or frame.sender.mac
    match = frame.match(source, segment)
    arrives = "untagged" if segment is None else f"VLAN {segment}"
    does = _restored(frame, 2) or f"{arrives} is tag {tag} ({network.name}); "
    return [
        Hop(view.host.name, bridge, f"{nics[0] if nics else 'the wire'}: {arrives}: to {outer}",
            [flow(bridge, nics[0], match, to_bridge=INTEGRATION_BRIDGE)] if nics else []),
        Hop(view.host.name, INTEGRATION_BRIDGE, f"{inner}: {does}to {receiver.device}",
            [flow(INTEGRATION_BRIDGE, inner, match, to_ports=[receiver.device],
                  rewrites=[frame.sender.mac] if frame.sender.part else [])]),
    ]


def _physical(view, network):
    """(bridge, [NIC]) of a network's physical network."""
    bridge = view.host.bridge_mappings[network.physical_network]
    return bridge, view.host.bridge_interfaces.get(bridge, [])
