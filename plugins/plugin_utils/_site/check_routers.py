# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers: where they are, what they join, where their routes lead. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.placement import can_carry, fits


def check(site, problems):
    """Every router by itself."""
    for router in site.routers:
        if router.binding_host:
            _bound(router, problems)
        elif router.is_scheduled and not any(can_carry(host, router) for host in site.hosts.values()):
            problems.add(f"{router.path}.binding_host_id", "(missing)", _nobody(router))
        _gateway(router, problems)
        _subnets(router, problems)
        for route in router.routes:
            _route(route, router, problems)


def _physical_networks(router):
    return {network.physical_network for network in router.networks if network.physical_network}


def _tunnels(router):
    return any(network.is_tunnel for network in router.networks)


def _nobody(router):
    needed = ", ".join(sorted(_physical_networks(router)))
    wanted = [f"{needed} in its dataplane_bridge_mappings"] if needed else []
    wanted += ["dataplane_local_ip"] if _tunnels(router) else []
    return f"there must be {_kind_of_host(router)}" + (f" with {' and '.join(wanted)}" if wanted else "")


def _kind_of_host(router):
    return "a host with dataplane_agent_mode dvr_snat" if router.distributed else "a host of group network"


def _bound(router, problems):
    host, path = router.binding_host, f"{router.path}.binding_host_id"
    if not router.is_scheduled:
        problems.add(path, host.name, "is where the gateway of a distributed router is, and this one has none")
    elif not fits(host, router):
        problems.add(path, host.name, f"must be {_kind_of_host(router)}")
    for network in router.networks:
        check_reaches(host, network, path, problems)


def check_reaches(host, network, path, problems):
    """A network that lives on a physical network must be mapped to a bridge of the host."""
    if network.physical_network and network.physical_network not in host.bridge_mappings:
        problems.add(path, host.name,
                     f"must have physical network {network.physical_network} in its dataplane_bridge_mappings, "
                     f"because network {network.name} is on it")


def _gateway(router, problems):
    gateway = router.gateway
    if not gateway:
        return
    if not gateway.network.router_external:
        problems.add(f"{gateway.path}.network", gateway.network.name, "must be a network with router_external: true")
    if not gateway.fixed_ips:
        problems.add(f"{gateway.path}.network", gateway.network.name, "must have a subnet")


def _subnets(router, problems):
    """One router routes between its subnets, so no two may overlap."""
    met = []
    for port in [*router.interfaces, *filter(None, [router.gateway])]:
        for fixed in port.fixed_ips:
            for other in met:
                if other.subnet is fixed.subnet and port is not router.gateway:
                    problems.add(fixed.path, fixed.subnet.name, f"is on this router already, at {other.path}")
                elif other.subnet.version == fixed.subnet.version and _clash(other.subnet, fixed.subnet):
                    problems.add(fixed.path, fixed.subnet.cidr,
                                 f"must not overlap {other.subnet.cidr} ({other.subnet.name}) on the same router")
            met.append(fixed)


def _clash(one, other):
    return one is not other and one.cidr.overlaps(other.cidr)


def _route(route, router, problems):
    fixed_ips = [fixed for port in router.ports for fixed in port.fixed_ips]
    for nexthop in route.nexthops:
        if nexthop.version != route.destination.version:
            problems.add(route.path, nexthop, f"must be an IPv{route.destination.version} address like the destination")
        elif not any(nexthop in fixed.subnet.cidr for fixed in fixed_ips):
            problems.add(route.path, nexthop, "must be on a subnet that the router is connected to")
        elif any(nexthop == fixed.address for fixed in fixed_ips):
            problems.add(route.path, nexthop, "must not be an address of the router itself")
    if len(set(route.nexthops)) < len(route.nexthops):
        problems.add(route.path, route.destination, "must not have the same next hop twice")
