# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a site concerns one host. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.presence import Presence
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.metadata_instances import instances
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.site_routing import SiteRouting
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.site_security import SiteSecurity
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import AGENT_GATEWAY_OWNER, DHCP_OWNER


@dataclass(eq=False)
class HostView:
    """One host's share of an allocated site; every file of this package takes one.

    presence: where the ports of the whole site are. security: its SiteSecurity. routing: its SiteRouting.
    guests: {device id: the Instance behind it} of the whole site, for its metadata service.
    routers: the centralised ones here. parts: the distributed ones that have a part here.
    gateways: the distributed ones whose gateway is here.
    agent_gateways: {external network: the port that this host has there for floating IPs of distributed routers}.
    networks: those with a port here, in the order declared.
    floating_ips: the associated ones that are here.
    dhcp_ports: those of the DHCP servers here.
    """

    host: Any
    allocated: Any
    presence: Any
    security: Any
    routing: Any
    guests: dict
    routers: list = field(default_factory=list)
    parts: list = field(default_factory=list)
    gateways: list = field(default_factory=list)
    agent_gateways: dict = field(default_factory=dict)
    instances: list = field(default_factory=list)
    networks: list = field(default_factory=list)
    floating_ips: list = field(default_factory=list)
    dhcp_ports: list = field(default_factory=list)

    @property
    def site(self):
        """The whole site."""
        return self.allocated.site

    @cached_property
    def tunnel_networks(self):
        """Those of `networks` whose frames travel in tunnels."""
        return [network for network in self.networks if network.is_tunnel]

    @property
    def is_distributed(self):
        """Whether this host's bridges know of distributed routing."""
        return bool(self.site.distributed_routers) and self.host.routes_distributed

    @cached_property
    def other_dvr_macs(self):
        """What frames from parts of distributed routers on other hosts come from, if they have any."""
        hosts = [host for host in self.site.hosts.values() if host.routes_distributed and host is not self.host]
        return [self.allocated.dvr_mac(host) for host in hosts]

    @cached_property
    def _floating_ips_of(self):
        found = {}
        for floating_ip in self.floating_ips:
            found.setdefault(floating_ip.router, []).append(floating_ip)
        return found

    def floating_ips_of(self, router):
        """Those of `floating_ips` that a router carries."""
        return self._floating_ips_of.get(router, [])

    def routers_behind(self, port):
        """The distributed routers whose floating IPs are in the network of one of `agent_gateways`."""
        return [router for router in self.parts if router.gateway and router.gateway.network is port.network]

    def peers(self, network):
        """Names of the other hosts with a port in a network, sorted."""
        return sorted(self.presence.by_network[network].keys() - {self.host.name})

    def dhcp_servers(self, network):
        """The ports of a network's DHCP servers, wherever they are, the first first."""
        found = [port for ports in self.presence.by_network[network].values() for port in ports]
        return sorted((port for port in found if port.device_owner == DHCP_OWNER), key=lambda port: port.key)

    def local_vlan(self, network):
        """Tag of a network in this host's br-int."""
        return self.allocated.local_vlan(self.host, network)

    def ipv4_addresses(self, port):
        """The IPv4 addresses of a port."""
        return [self.allocated.address(fixed) for fixed in port.fixed_ips if fixed.subnet.version == 4]

    def cidrs(self, fixed_ips):
        """The addresses of FixedIps with prefix length, as text."""
        return [f"{self.allocated.address(fixed)}/{fixed.subnet.cidr.prefixlen}" for fixed in fixed_ips]


def views(allocated):
    """{host name: HostView} of every host."""
    site = allocated.site
    presence, security = Presence(allocated), SiteSecurity(allocated)
    routing = SiteRouting(allocated, presence)
    networks = presence.networks_by_host()
    guests = instances(site) if site.metadata else {}
    found = {name: HostView(host, allocated, presence, security, routing, guests, networks=networks[name])
             for name, host in site.hosts.items()}
    for router in site.routers:
        if router.is_scheduled:
            here = found[allocated.host_of(router).name]
            (here.gateways if router.distributed else here.routers).append(router)
    for name, view in found.items():
        view.parts = presence.distributed[name]
        outside = [port for port in presence.by_host[name] if port.device_owner == AGENT_GATEWAY_OWNER]
        view.agent_gateways = {port.network: port for port in outside}
    for port in site.ports:
        found[port.host.name].instances.append(port)
    for port in site.dhcp_ports:
        found[allocated.dhcp_host(port).name].dhcp_ports.append(port)
    for floating_ip in site.floating_ips:
        if floating_ip.router:
            host = floating_ip.port.host if floating_ip.is_distributed else allocated.host_of(floating_ip.router)
            found[host.name].floating_ips.append(floating_ip)
    return found
