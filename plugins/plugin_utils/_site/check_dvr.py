# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributed routers: the hosts that need a part of them, DVR host MACs, address scopes. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_unique import Once
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import LEGACY
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.placement import part_networks


def check(site, problems):
    """Where parts of distributed routers are, what hosts pin, and scopes."""
    for port in [*site.ports, *site.dhcp_ports]:
        for fixed in port.fixed_ips if port.host else []:
            for router in site.distributed_routers_of(fixed.subnet):
                _part(port.host, router, port, fixed.subnet, problems)
    for router in site.distributed_routers:
        if router.gateway and router.binding_host:
            _reaches(router.binding_host, router, f"{router.path}.binding_host_id", problems)
    _agent_gateways(site, problems)
    _host_macs(site, problems)
    _scopes(site, problems)


def _part(host, router, port, subnet, problems):
    """Who is on a subnet of a distributed router has a part of it on its own host."""
    if host.agent_mode == LEGACY:
        problems.add(f"{port.path}.binding_host_id", host.name,
                     f"must not have dataplane_agent_mode legacy: {router.path}, which is distributed, "
                     f"has an interface in {subnet.name}")
    else:
        _reaches(host, router, port.path, problems)


def _reaches(host, router, path, problems):
    for network in part_networks(host, router):
        if host.reaches(network):
            continue
        why = f"because of {path} it has a part of {router.path}, which joins {network.name}"
        if network.is_tunnel:
            problems.add(f"{host.path}.dataplane_local_ip", "(missing)", f"is required: {why}")
        else:
            instead = " (or set dataplane_agent_mode: dvr_no_external)" if _is_outside_only(router, network) else ""
            problems.add(f"{host.path}.dataplane_bridge_mappings", host.bridge_mappings,
                         f"must have physical network {network.physical_network}: {why}{instead}")


def _is_outside_only(router, network):
    return all(port.network is not network for port in router.interfaces)


def _agent_gateways(site, problems):
    for port in site.fip_agent_gateway_ports:
        if not port.network.router_external:
            problems.add(f"{port.path}.network", port.network.name, "must be a network with router_external: true")
        if not port.host.leads_outside:
            problems.add(f"{port.path}.binding_host_id", port.host.name,
                         "must be a host with dataplane_agent_mode dvr or dvr_snat")


def _host_macs(site, problems):
    """Frames of different hosts are told apart by it."""
    macs = Once(problems, "must be unique, and is also {first}")
    for port in site.possible_ports:
        if port.mac_address:
            macs.meet(port.mac_address, f"{port.path}.mac_address")
    for host in site.hosts.values():
        if host.dvr_mac_address:
            macs.meet(host.dvr_mac_address, f"{host.path}.dataplane_dvr_mac_address")


def _scopes(site, problems):
    """As in Neutron a network has one scope of each address family, and addresses of a scope are unambiguous."""
    by_scope = {}
    for network in site.networks:
        first = {}
        for subnet in network.subnets:
            other = first.setdefault(subnet.version, subnet)
            if other.address_scope != subnet.address_scope:
                problems.add(f"{subnet.path}.address_scope", subnet.address_scope,
                             f"must be that of {other.path}: a network has one scope of an address family")
            if subnet.address_scope:
                by_scope.setdefault((subnet.address_scope, subnet.version), []).append(subnet)
    for subnets in by_scope.values():
        _disjoint(subnets, problems)


def _disjoint(subnets, problems):
    reaches = None  # the subnet that reaches furthest so far
    for subnet in sorted(subnets, key=lambda each: (int(each.cidr.network_address), each.cidr.prefixlen)):
        if reaches is not None and subnet.cidr.overlaps(reaches.cidr):
            problems.add(f"{subnet.path}.cidr", subnet.cidr,
                         f"must not overlap {reaches.cidr} of {reaches.path}, which has the same address_scope")
        else:
            reaches = subnet
