# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts can have what: routers, their parts, DHCP servers. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import DVR_SNAT, LEGACY


def can_carry(host, router):
    """Whether a router may be scheduled to a host; of a distributed one its gateway."""
    return fits(host, router) and all(host.reaches(network) for network in router.networks)


def fits(host, router):
    """Whether a host is of the kind that routers, or the gateways of distributed ones, are scheduled to."""
    if router.distributed:
        return host.has_datapath and host.agent_mode == DVR_SNAT
    return "network" in host.groups and host.agent_mode in (LEGACY, DVR_SNAT)


def has_part(host, router):
    """Whether a host can have its part of a distributed router."""
    return host.routes_distributed and all(host.reaches(network) for network in part_networks(host, router))


def part_networks(host, router):
    """The networks in which a host with a part of a distributed router has a port of it."""
    own = [port.network for port in router.interfaces]
    return list(dict.fromkeys(own + ([router.gateway.network] if router.gateway and host.leads_outside else [])))


def dhcp_hosts(site, network):
    """The hosts that can have a DHCP server of a network, which brings parts of distributed routers along."""
    routers = {router for subnet in network.dhcp_subnets for router in site.distributed_routers_of(subnet)}
    return [host for host in site.hosts.values()
            if "network" in host.groups and host.reaches(network) and all(has_part(host, router) for router in routers)]
