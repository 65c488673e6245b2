# SPDX-License-Identifier: GPL-3.0-or-later
"""Floating IPs: their address, and the router that carries them. PRIVATE to the collection."""

from __future__ import annotations

from collections import defaultdict

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_addresses import check_inside
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.check_unique import Once


def check(site, problems):
    """Every floating IP; sets its `router`."""
    by_subnet = _routers_by_subnet(site)
    once = Once(problems, "has a floating IP already, {first}: a fixed IP has one")
    for floating_ip in site.floating_ips:
        if not floating_ip.network.router_external:
            problems.add(f"{floating_ip.path}.floating_network", floating_ip.network.name,
                         "must be a network with router_external: true")
            continue
        _address(floating_ip, problems)
        if not floating_ip.fixed_ip:
            continue
        fixed = floating_ip.fixed_ip
        once.meet(fixed, f"{floating_ip.path}.port", floating_ip.port.name)
        floating_ip.router = _router(floating_ip, by_subnet[fixed.subnet])
        if not floating_ip.router:
            problems.add(f"{floating_ip.path}.port", floating_ip.port.name,
                         f"must be on a subnet that a router joins to {floating_ip.network.name}, "
                         f"and {fixed.subnet.name} is not")


def _address(floating_ip, problems):
    address, path = floating_ip.address, f"{floating_ip.path}.floating_ip_address"
    subnets = [floating_ip.subnet] if floating_ip.subnet else floating_ip.network.subnets
    if floating_ip.subnet and floating_ip.subnet.network is not floating_ip.network:
        problems.add(f"{floating_ip.path}.subnet", floating_ip.subnet.name,
                     f"must be a subnet of network {floating_ip.network.name}")
        return
    ipv4 = [subnet for subnet in subnets if subnet.version == 4]
    if not ipv4:
        problems.add(f"{floating_ip.path}.floating_network", floating_ip.network.name, "must have an IPv4 subnet")
    elif address is None:
        if not floating_ip.port:
            problems.add(path, "(missing)", "is required of a floating IP without a port")
    else:
        _pinned(address, ipv4, path, problems)


def _pinned(address, subnets, path, problems):
    for subnet in subnets:
        if address in subnet.cidr:
            check_inside(subnet, address, path, problems)
            if address == subnet.gateway_ip:
                problems.add(path, address, f"must not be the gateway_ip of subnet {subnet.name}")
            return
    problems.add(path, address, f"must be inside {' or '.join(str(subnet.cidr) for subnet in subnets)}")


def _routers_by_subnet(site):
    """{subnet: [(router, address of its interface there)]}"""
    found = defaultdict(list)
    for router in site.routers:
        for port in router.interfaces:
            for fixed in port.fixed_ips:
                found[fixed.subnet].append((router, fixed.address))
    return found


def _router(floating_ip, candidates):
    """As Neutron: a router with a gateway in the floating network, best the one that is the subnet's gateway."""
    subnet = floating_ip.fixed_ip.subnet
    able = [(router, address) for router, address in candidates
            if router.gateway and router.gateway.network is floating_ip.network]
    for router, address in able:
        if address == subnet.gateway_ip:
            return router
    return able[0][0] if able else None
