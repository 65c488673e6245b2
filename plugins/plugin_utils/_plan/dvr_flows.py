# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFlow of distributed routing on br-int, br-tun and physical bridges (reference 4.4). PRIVATE to the collection.

A distributed router's interface has one MAC on all hosts. So what it sends to another host leaves with the MAC of the
sending host, and gets the interface's back before it is handed to its destination; what is sent to it never leaves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.instances import instance_device
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    TUNNEL_PATCH,
    TUNNEL_PATCH_PEER,
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

#: Tables of br-int for frames from other hosts' parts, and for answers to this host's: by tunnel, by physical network.
_FROM_PARTS, _TO_PARTS = {False: 1, True: 2}, {False: 3, True: 4}

_DEVICES = {
    INTERFACE_OWNER: interface_device,
    DISTRIBUTED_INTERFACE_OWNER: interface_device,
    GATEWAY_OWNER: gateway_device,
    SNAT_OWNER: snat_device,
    AGENT_GATEWAY_OWNER: agent_gateway_device,
}


class Interface(NamedTuple):
    """An interface of a distributed router on this host. vlan: its network's tag in br-int. addresses: IPv4."""

    port: Any
    mac: str
    vlan: int
    addresses: list


def is_part(port):
    """Whether a port is on all hosts that need it: no host is where it is."""
    return port.device_owner == DISTRIBUTED_INTERFACE_OWNER


def interfaces(view):
    """The Interfaces on this host."""
    return [
        Interface(port, view.allocated.mac(port), view.local_vlan(port.network), view.ipv4_addresses(port))
        for router in view.parts for port in router.interfaces
    ]


# br-int

def integration_flows(view):
    """The flows that br-int has besides the others."""
    if not view.is_distributed:
        return []
    own, here = view.allocated.dvr_mac(view.host), interfaces(view)
    found = [f"table={table},priority=1 actions=drop" for table in _FROM_PARTS.values()]
    for patch, priority, is_physical in _patches(view):
        found.append(f"table=0,priority=5,in_port={patch},dl_dst={own} actions=resubmit(,{_TO_PARTS[is_physical]})")
        found += [f"table=0,priority={priority},in_port={patch},dl_src={mac} "
                  f"actions=resubmit(,{_FROM_PARTS[is_physical]})" for mac in view.other_dvr_macs]
    found += [f"table=0,priority=99,arp,dl_dst={own},arp_op=2,arp_tha={each.mac} "
              f"actions=mod_dl_dst:{each.mac},resubmit(,58)" for each in here if each.addresses]
    for network, first in _first_of_network(here).items():
        found.append(_to_part(view, network, own, first))
    for (network, mac), (port, gateway_mac) in _served(view, here).items():
        found += _from_parts(view, network, mac, port, gateway_mac)
    return found


def _patches(view):
    """(port of br-int, priority, whether frames carry a physical network's VLAN) of the ways from other hosts."""
    found = [(integration_patch(bridge), 4, True) for bridge in view.host.bridge_mappings.values()]
    return found + ([(TUNNEL_PATCH, 2, False)] if view.tunnel_networks else [])


def _first_of_network(here):
    """{network: Interface}: an answer to the host's MAC that is no ARP cannot be told apart any further."""
    found = {}
    for each in here:
        found.setdefault(each.port.network, each)
    return found


def _to_part(view, network, own, each):
    table, vlan, strip = _wire(view, network, _TO_PARTS)
    return (f"table={table},priority=5,{vlan},dl_dst={own} "
            f"actions=mod_dl_dst:{each.mac},{strip}output:{device_of(view, each.port)}")


def _served(view, here):
    """{(network, MAC): (port of this host that may have it, MAC of the interface on its subnet)}

    A MAC of allowed address pairs is that of the first port that has it, and of none if it is another port's own.
    """
    gateways, found, ports = _interface_macs(view, here), {}, {}
    for port in view.presence.by_host[view.host.name]:
        macs = [gateways[fixed.subnet] for fixed in port.fixed_ips if fixed.subnet in gateways]
        if macs and not is_part(port):
            ports[port] = macs[0]
    for port, gateway_mac in ports.items():
        found[port.network, view.allocated.mac(port)] = port, gateway_mac
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


def _from_parts(view, network, mac, port, gateway_mac):
    """Frames for a port come from its own host's part as far as it can see."""
    table, vlan, strip = _wire(view, network, _FROM_PARTS)
    return [
        f"table={table},priority=20,{vlan},dl_dst={mac} actions=mod_dl_src:{gateway_mac},resubmit(,58)",
        f"table=60,priority=20,{vlan},dl_dst={mac} actions={strip}output:{device_of(view, port)}",
    ]


def _wire(view, network, tables):
    """(table, match of the VLAN, action that takes it off) for a network's frames as they come from other hosts."""
    if network.network_type not in PHYSICAL_TYPES:
        return tables[False], f"dl_vlan={view.local_vlan(network)}", "strip_vlan,"
    segment = view.allocated.segmentation_id(network)
    if segment is None:
        return tables[True], "vlan_tci=0x0000/0x1fff", ""
    return tables[True], f"dl_vlan={segment}", "strip_vlan,"


def device_of(view, port):
    """The port of br-int behind a port of this host."""
    if port.device_owner == INSTANCE_OWNER:
        return instance_device(port)
    if view.host.interface_plug == "veth" or port.device_owner not in _DEVICES:
        return tap_device(port)
    return _DEVICES[port.device_owner](port)


# br-tun

def tunnel_flows_of_parts(view):
    """The flows that br-tun has besides the others."""
    if not view.is_distributed:
        return []
    own = view.allocated.dvr_mac(view.host)
    found = ["table=1,priority=0 actions=resubmit(,2)", "table=9,priority=0 actions=resubmit(,10)"]
    found += [f"table=9,priority=1,dl_src={mac} actions=output:{TUNNEL_PATCH_PEER}" for mac in view.other_dvr_macs]
    here = [each for each in interfaces(view) if each.port.network.is_tunnel]
    for each in here:
        found += _outward(each, own)
        found += [f"table=22,priority=3,arp,dl_vlan={each.vlan},arp_tpa={address} actions=drop"
                  for address in each.addresses]
    # Table 1 has given router advertisements the host's MAC by now
    return found + [f"table=22,priority=3,icmp6,dl_vlan={vlan},icmp_type=134,dl_src={own} actions=drop"
                    for vlan in dict.fromkeys(each.vlan for each in here if _advertises(each))]


def _outward(each, own):
    return [
        f"table=1,priority=2,dl_vlan={each.vlan},dl_dst={each.mac} actions=drop",
        f"table=1,priority=1,dl_vlan={each.vlan},dl_src={each.mac} actions=mod_dl_src:{own},resubmit(,2)",
    ]


def _advertises(each):
    return any(fixed.subnet.version == 6 for fixed in each.port.fixed_ips)


# Physical bridges

def physical_flows_of_parts(view, patch, networks):
    """The flows that a physical bridge has besides the translation of VLANs, which is in table 2 then.

    networks: those that are on it.
    """
    own = view.allocated.dvr_mac(view.host)
    found = [
        "table=0,priority=1 actions=resubmit(,3)",
        f"table=0,priority=2,in_port={patch} actions=resubmit(,1)",
        "table=1,priority=0 actions=resubmit(,2)",
        "table=3,priority=1 actions=NORMAL",
    ]
    found += [f"table=3,priority=2,dl_src={mac} actions=output:{patch}" for mac in view.other_dvr_macs]
    for each in interfaces(view):
        if each.port.network in networks:
            found += _outward(each, own)
            found += [f"table=1,priority=3,arp,dl_vlan={each.vlan},arp_tpa={address} actions=drop"
                      for address in each.addresses]
            if _advertises(each):
                about = f"icmp6,dl_vlan={each.vlan},icmp_type=134,dl_src={each.mac}"
                found.append(f"table=1,priority=3,{about} actions=drop")
    return found
