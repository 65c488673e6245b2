# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is on a network, and who routes what: a site's layer 3. PRIVATE to the collection."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from ipaddress import ip_network
from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.instances import first_of_version
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import DHCP_OWNER, INSTANCE_OWNER

INSTANCE, ROUTER, DHCP, WORLD = "instance", "router", "dhcp", "world"

_EVERYWHERE = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}


class Station(NamedTuple):
    """Somebody on a network. port: its Port, None for the world outside. router: whose port it is, or None."""

    kind: str
    port: Any = None
    router: Any = None

    @property
    def name(self):
        """The name of the instance or the router, for people."""
        return self.router.name if self.router else self.port.name if self.port else "outside"


class Route(NamedTuple):
    """Where a destination is reached. nexthop: an address object, None: on-link. port: the way out (a Port)."""

    destination: Any
    nexthop: Any
    port: Any


class Topology:
    """An allocated site's stations and routes, each made when first asked for."""

    def __init__(self, allocated):
        self.allocated, self.site = allocated, allocated.site
        self._instance_routes, self._router_routes = {}, {}

    @cached_property
    def stations(self):
        """{network: {address: Station}} of everybody that the model knows; floating IPs are their router's."""
        found = {network: {} for network in self.site.networks}
        for network in self.site.networks:
            if network.router_external:
                gateways = (subnet.gateway_ip for subnet in network.subnets)
                found[network].update({gateway: Station(WORLD) for gateway in gateways if gateway is not None})
        for port in self.site.all_ports:
            for fixed in port.fixed_ips:
                found[port.network][self.allocated.address(fixed)] = self._station(port)
        for floating_ip in self.site.floating_ips:
            if floating_ip.router:
                address = self.allocated.floating_address(floating_ip)
                gateway = floating_ip.router.gateway
                found[floating_ip.network][address] = Station(ROUTER, gateway, floating_ip.router)
        return found

    def _station(self, port):
        if port.device_owner == INSTANCE_OWNER:
            return Station(INSTANCE, port)
        if port.device_owner == DHCP_OWNER:
            return Station(DHCP, port)
        return Station(ROUTER, port, self._router_of[port])

    @cached_property
    def _router_of(self):
        return {port: router for router in self.site.routers for port in router.ports}

    def floating_ip(self, router, address):
        """The FloatingIp of a router that has this address, or None."""
        return self._floating_ips.get((router, address))

    def floating_ip_of(self, router, address):
        """The FloatingIp of a router that leads to this fixed address, or None."""
        return self._by_fixed_ip.get((router, address))

    @cached_property
    def _floating_ips(self):
        return {(item.router, self.allocated.floating_address(item)): item for item in self.site.floating_ips
                if item.router}

    @cached_property
    def _by_fixed_ip(self):
        return {(item.router, self.allocated.address(item.fixed_ip)): item for item in self._floating_ips.values()}

    def source_nat(self, router):
        """The address as which a router's networks go outside, or None: its gateway's first IPv4 address."""
        fixed_ips = router.gateway.fixed_ips if router.gateway else []
        return next((self.allocated.address(fixed) for fixed in fixed_ips if fixed.subnet.version == 4), None)

    def addresses(self, port):
        """The addresses of a port's fixed IPs, in their order."""
        return [self.allocated.address(fixed) for fixed in port.fixed_ips]

    @cached_property
    def holders(self):
        """{address: [ports]} of all fixed IPs: those of different networks may be equal."""
        found = defaultdict(list)
        for port in self.site.all_ports:
            for address in self.addresses(port):
                found[address].append(port)
        return found

    def owns(self, router, address):
        """Whether an address is one of the router's own, floating IPs aside."""
        return any(address in self.addresses(port) for port in router.ports)

    def instance_routes(self, port):
        """The Routes of an instance: its subnets, what DHCP tells it besides, its default routes."""
        if port not in self._instance_routes:
            self._instance_routes[port] = list(self._routes_of_instance(port))
        return self._instance_routes[port]

    @staticmethod
    def _routes_of_instance(port):
        for fixed in port.fixed_ips:
            yield Route(fixed.subnet.cidr, None, port)
        for subnet in {fixed.subnet: None for fixed in port.fixed_ips if fixed.subnet.version == 4}:
            if subnet.enable_dhcp:
                others = (other for other in port.network.subnets if other.version == 4 and other is not subnet)
                yield from (Route(other.cidr, None, port) for other in others)
                yield from (Route(route.destination, route.nexthop, port) for route in subnet.host_routes)
        for subnet in first_of_version(port):
            yield Route(_EVERYWHERE[subnet.version], subnet.gateway_ip, port)

    def router_routes(self, router):
        """The Routes of a router: its subnets, all of its external network's, its extra routes, its default routes."""
        if router not in self._router_routes:
            self._router_routes[router] = list(self._routes_of_router(router))
        return self._router_routes[router]

    @staticmethod
    def _routes_of_router(router):
        connected = [Route(fixed.subnet.cidr, None, port) for port in router.ports for fixed in port.fixed_ips]
        yield from connected
        for extra in router.routes:
            nexthop = extra.nexthops[0]
            yield from (Route(extra.destination, nexthop, route.port) for route in connected
                        if nexthop in route.destination)
        if router.gateway:
            own = list(dict.fromkeys(fixed.subnet for fixed in router.gateway.fixed_ips))
            yield from (Route(subnet.cidr, None, router.gateway)
                        for subnet in router.gateway.network.subnets if subnet not in own)
            gateways = {subnet.version: subnet.gateway_ip for subnet in own if subnet.gateway_ip is not None}
            yield from (Route(_EVERYWHERE[version], gateway, router.gateway) for version, gateway in gateways.items())

    def on_external_network(self, address):
        """The external network on which somebody has an address, or None."""
        return next((network for network, stations in self.stations.items()
                     if network.router_external and address in stations), None)

    def world_address(self, version):
        """An address from which the world outside may be thought to speak, or None: it is an external gateway."""
        gateways = (subnet.gateway_ip for network in self.site.networks if network.router_external
                    for subnet in network.subnets if subnet.version == version)
        return next((gateway for gateway in gateways if gateway is not None), None)

    def host_of(self, station):
        """The Host that a station is on; None: outside, or where it is needed."""
        if station.router:
            return None if station.router.distributed else self.allocated.host_of(station.router)
        if station.kind == DHCP:
            return self.allocated.dhcp_host(station.port)
        return station.port and station.port.host


def lookup(routes, address):
    """The Route with the longest prefix that holds an address, of equal ones the first; None without one."""
    matching = [route for route in routes if address.version == route.destination.version
                and address in route.destination]
    return max(matching, key=lambda route: route.destination.prefixlen, default=None)
