# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCP and router advertisements: modes, routes, options, and who serves. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_routers import check_reaches
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_unique import Once
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.dhcp_options import name_fault, value_fault
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.eui64 import eui64
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import ROUTER_OWNERS
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.placement import dhcp_hosts

_MODES = ("ipv6_ra_mode", "ipv6_address_mode")
_PREFIX_LENGTH = 64  # what SLAAC needs (RFC 4862), and the shortest that dnsmasq serves


def check(site, problems):
    """Every subnet, every port's options, every server."""
    for subnet in site.subnets:
        _modes(subnet, problems)
        _servers_and_routes(subnet, problems)
    for port in site.all_ports:
        _auto_addresses(port, problems)
        _options(port, problems)
    _hosts(site, problems)


def _modes(subnet, problems):
    set_modes = {key: getattr(subnet, key) for key in _MODES if getattr(subnet, key)}
    for key, mode in set_modes.items():
        path = f"{subnet.path}.{key}"
        if subnet.version == 4:
            problems.add(path, mode, f"is for IPv6 subnets only, and {subnet.cidr} is IPv4")
        elif not subnet.enable_dhcp:
            problems.add(path, mode, "needs enable_dhcp: true")
    if len(set(set_modes.values())) > 1:
        problems.add(f"{subnet.path}.ipv6_address_mode", subnet.ipv6_address_mode,
                     f"must be {subnet.ipv6_ra_mode}, as ipv6_ra_mode is: two modes must be the same")
    length, path = subnet.cidr.prefixlen, f"{subnet.path}.cidr"
    if subnet.version == 6 and subnet.auto_address and length != _PREFIX_LENGTH:
        problems.add(path, subnet.cidr, f"must be a /{_PREFIX_LENGTH}: addresses are made of prefix and MAC")
    elif subnet.version == 6 and subnet.enable_dhcp and length < _PREFIX_LENGTH:
        problems.add(path, subnet.cidr, f"must be a /{_PREFIX_LENGTH} or longer for DHCPv6 (or set enable_dhcp: false)")


def _servers_and_routes(subnet, problems):
    rule = f"must be IPv{subnet.version}, as {subnet.cidr} is"
    for index, server in enumerate(subnet.dns_nameservers):
        if server.version != subnet.version:
            problems.add(f"{subnet.path}.dns_nameservers[{index}]", server, rule)
    for index, route in enumerate(subnet.host_routes):
        for key, value in (("destination", route.destination), ("nexthop", route.nexthop)):
            if value.version != subnet.version:
                problems.add(f"{subnet.path}.host_routes[{index}].{key}", value, rule)


def _auto_addresses(port, problems):
    """Where addresses follow from MACs there is nothing to choose."""
    if port.device_owner in ROUTER_OWNERS:
        return
    once = Once(problems, "has an address there already, at {first}: it follows from the MAC")
    for fixed in port.fixed_ips:
        if not fixed.subnet.auto_address or fixed.subnet.cidr.prefixlen != _PREFIX_LENGTH:
            continue
        once.meet(fixed.subnet, fixed.path, fixed.subnet.name)
        expected = eui64(fixed.subnet.cidr, port.mac_address) if port.mac_address else None
        if fixed.address is not None and fixed.address != expected:
            must = f"must be {expected}, which follows from mac_address" if expected else "needs mac_address"
            problems.add(f"{fixed.path}.ip_address", fixed.address,
                         f"{must}: addresses of subnet {fixed.subnet.name} are made of prefix and MAC")


def _options(port, problems):
    once = Once(problems, "is given already, at {first}")
    versions = {fixed.subnet.version for fixed in port.fixed_ips}
    for option in port.extra_dhcp_opts:
        once.meet((option.name, option.version), f"{option.path}.opt_name", option.name)
        if option.version not in versions:
            problems.add(f"{option.path}.ip_version", option.version,
                         f"must be that of one of the port's addresses: {port.name} has no IPv{option.version} address")
        fault = name_fault(option.name, option.version)
        if fault:
            problems.add(f"{option.path}.opt_name", option.name, fault)
            continue
        fault = value_fault(option.name, option.value, option.version)
        if fault:
            problems.add(f"{option.path}.opt_value", option.value, fault)


def _hosts(site, problems):
    """Each network with DHCP has a server; no host serves a network twice."""
    served = {port.network for port in site.dhcp_ports}
    for network in site.networks:
        for subnet in network.dhcp_subnets:
            if network not in served:
                problems.add(f"{subnet.path}.enable_dhcp", True,
                             f"there must be a host of group network that reaches {network.name} (or set it to false)")
    once = Once(problems, "serves this network already, at {first}")
    for port in site.dhcp_ports:
        if port.host:
            path = f"{port.path}.binding_host_id"
            once.meet((port.network, port.host), path, port.host.name)
            if "network" not in port.host.groups:
                problems.add(path, port.host.name, "must be a host of group network")
            check_reaches(port.host, port.network, path, problems)
    for network in served:
        declared = [port for port in site.dhcp_ports if port.network is network]
        able = len(dhcp_hosts(site, network))
        if len(declared) > able:
            problems.add(declared[-1].path, network.name,
                         f"is served by {len(declared)} ports, and only {able} hosts of group network reach it")
