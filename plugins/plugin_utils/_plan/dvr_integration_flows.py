# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFlow of distributed routing on br-int (reference 4.4): frames to and from other hosts' parts. PRIVATE."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_flows import interfaces, is_part
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.instances import instance_device
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    TUNNEL_PATCH,
    agent_gateway_device,
    gateway_device,
    integration_patch,
    interface_device,
    snat_device,
    tap_device,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import (
    AGENT_GATEWAY_OWNER,
    DISTRIBUTED_INTERFACE_OWNER,
    GATEWAY_OWNER,
    INSTANCE_OWNER,
    INTERFACE_OWNER,
    PHYSICAL_TYPES,
    SNAT_OWNER,
)

_DEVICES = {
    INTERFACE_OWNER: interface_device,
    DISTRIBUTED_INTERFACE_OWNER: interface_device,
    GATEWAY_OWNER: gateway_device,
    SNAT_OWNER: snat_device,
    AGENT_GATEWAY_OWNER: agent_gateway_device,
}


class _Tables(NamedTuple):
    """Where frames go that came in by tunnel, or by physical network. priority: of looking at who sent them."""

    from_parts: int
    to_parts: int
    priority: int


_TUNNEL, _PHYSICAL = _Tables(1, 3, 2), _Tables(2, 4, 4)


class _Wire(NamedTuple):
    """How a network's frames come from other hosts.

    patch: the port of br-int. vlan: a match; of a physical network with that port, as two may have the same VLANs.
    strip, retag: actions that take the VLAN off, and make it that of br-int.
    """

    tables: _Tables
    patch: str
    vlan: str
    strip: str
    retag: str


def integration_flows(view):
    """The flows that br-int has besides the others."""
    if not view.is_distributed:
        return []
    own, here = view.allocated.dvr_mac(view.host), interfaces(view)
    found = [f"table={tables.from_parts},priority=1 actions=drop" for tables in (_TUNNEL, _PHYSICAL)]
    for patch, tables in _patches(view):
        found.append(f"table=0,priority=5,in_port={patch},dl_dst={own} actions=resubmit(,{tables.to_parts})")
        found += [f"table=0,priority={tables.priority},in_port={patch},dl_src={mac} "
                  f"actions=resubmit(,{tables.from_parts})" for mac in view.other_dvr_macs]
    wires = {each.port.network: _wire(view, each.port.network) for each in here}
    found += [_arp_answer(wires[each.port.network], own, each) for each in here if each.addresses]
    found += [_answer(view, wires[network], own, first) for network, first in _first_of_network(here).items()]
    for (network, mac), (port, gateway_mac) in _served(view, here).items():
        found += _from_parts(wires[network], mac, device_of(view, port), gateway_mac)
    return found


def _patches(view):
    """(port of br-int, its _Tables) of the ways from other hosts."""
    found = [(integration_patch(bridge), _PHYSICAL) for bridge in view.host.bridge_mappings.values()]
    return found + ([(TUNNEL_PATCH, _TUNNEL)] if view.tunnel_networks else [])


def _wire(view, network):
    if network.network_type not in PHYSICAL_TYPES:
        return _Wire(_TUNNEL, TUNNEL_PATCH, f"dl_vlan={view.local_vlan(network)}", "strip_vlan,", "")
    patch = integration_patch(view.host.bridge_mappings[network.physical_network])
    segment, retag = view.allocated.segmentation_id(network), f"mod_vlan_vid:{view.local_vlan(network)},"
    if segment is None:
        return _Wire(_PHYSICAL, patch, f"in_port={patch},vlan_tci=0x0000/0x1fff", "", retag)
    return _Wire(_PHYSICAL, patch, f"in_port={patch},dl_vlan={segment}", "strip_vlan,", retag)


def _arp_answer(wire, own, each):
    """Who answers an ARP request that left with the host's MAC means the interface that asked."""
    where = f"{wire.vlan}," if wire.retag else ""  # of a physical network, it is not translated yet
    return (f"table=0,priority=99,arp,{where}dl_dst={own},arp_op=2,arp_tha={each.mac} "
            f"actions=mod_dl_dst:{each.mac},{wire.retag}resubmit(,58)")


def _first_of_network(here):
    """{network: Interface}: other answers to the host's MAC cannot be told apart any further."""
    found = {}
    for each in here:
        found.setdefault(each.port.network, each)
    return found


def _answer(view, wire, own, each):
    return (f"table={wire.tables.to_parts},priority=5,{wire.vlan},dl_dst={own} "
            f"actions=mod_dl_dst:{each.mac},{wire.strip}output:{device_of(view, each.port)}")


def _served(view, here):
    """{(network, MAC): (port of this host that may have it, MAC of the interface on its subnet)}

    A MAC of allowed address pairs is that of the first port that has it, and of none if it is another port's own.
    """
    gateways, ports = _interface_macs(view, here), {}
    for port in view.presence.by_host[view.host.name]:
        macs = [gateways[fixed.subnet] for fixed in port.fixed_ips if fixed.subnet in gateways]
        if macs and not is_part(port):
            ports[port] = macs[0]
    found = {(port.network, view.allocated.mac(port)): (port, mac) for port, mac in ports.items()}
    for port, gateway_mac in ports.items():
        for pair in port.allowed_address_pairs if port.port_security_enabled else []:
            if "mac_address" in pair:
                found.setdefault((port.network, pair["mac_address"].lower()), (port, gateway_mac))
    return found


def _interface_macs(view, here):
    """{subnet: MAC of the interface there}, best the one that is the subnet's gateway."""
    found = {}
    for each in here:
        for fixed in each.port.fixed_ips:
            is_gateway = view.allocated.address(fixed) == fixed.subnet.gateway_ip
            if is_gateway or fixed.subnet not in found:
                found[fixed.subnet] = each.mac
    return found


def _from_parts(wire, mac, device, gateway_mac):
    """Frames for a port come from its own host's part as far as it can see.

    They go to it past NORMAL, which would learn where that part is not. Only from other hosts: an instance that tags
    frames itself would reach other networks so.
    """
    inward = wire.vlan if wire.retag else f"in_port={wire.patch},{wire.vlan}"
    return [
        f"table={wire.tables.from_parts},priority=20,{wire.vlan},dl_dst={mac} "
        f"actions=mod_dl_src:{gateway_mac},resubmit(,58)",
        f"table=60,priority=20,{inward},dl_dst={mac} actions={wire.strip}output:{device}",
    ]


def device_of(view, port):
    """The port of br-int behind a port of this host."""
    if port.device_owner == INSTANCE_OWNER:
        return instance_device(port)
    if view.host.interface_plug == "veth" or port.device_owner not in _DEVICES:
        return tap_device(port)
    return _DEVICES[port.device_owner](port)
