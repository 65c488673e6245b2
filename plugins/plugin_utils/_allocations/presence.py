# SPDX-License-Identifier: GPL-3.0-or-later
"""Which port is on which host: the one place that says so. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import AGENT_GATEWAY_OWNER


class Presence:
    """Where the ports of a site are.

    by_host: {host name: [ports]} of every host. by_network: {network: {host name: [ports]}} of every network.
    distributed: {host name: [distributed routers of which it has a part]} of every host.
    An interface of a distributed router is on every host that has a part of it: each with an instance or a DHCP
    server on one of its subnets, and that of its gateway (reference 1.4).
    allocated: Allocated, of which only the hosts of routers and DHCP servers need be known.
    """

    def __init__(self, allocated):
        self.allocated, site = allocated, allocated.site
        self.by_host = {name: [] for name in site.hosts}
        self.by_network = {network: {} for network in site.networks}
        self.distributed = {name: [] for name in site.hosts}
        for router in site.routers:
            if not router.distributed:
                self._put(allocated.host_of(router), router.ports)
        for port in site.ports:
            self._put(port.host, [port])
        for port in site.dhcp_ports:
            self._put(allocated.dhcp_host(port), [port])
        self._put_parts(site)

    def exists(self, port):
        """Whether a port is needed at all: not every host needs an address in every external network."""
        return port.device_owner != AGENT_GATEWAY_OWNER or port in self.by_host[port.host.name]

    def networks_by_host(self):
        """{host name: [networks with a port there, in the order declared]} of every host."""
        found = {name: [] for name in self.by_host}
        for network, hosts in self.by_network.items():
            for name in hosts:
                found[name].append(network)
        return found

    def _put(self, host, ports):
        self.by_host[host.name] += ports
        for port in ports:
            self.by_network[port.network].setdefault(host.name, []).append(port)

    def _put_parts(self, site):
        outside = {(port.host, port.network): port for port in site.fip_agent_gateway_ports}
        hosts_of = self._hosts_of_parts(site)
        for host in site.hosts.values():
            external = {}
            for router in site.distributed_routers:
                if host not in hosts_of[router]:
                    continue
                self.distributed[host.name].append(router)
                self._put(host, router.interfaces)
                if router.gateway and host is self.allocated.host_of(router):
                    self._put(host, [*router.snat_ports.values(), router.gateway])
                if router.gateway and host.leads_outside:
                    external[router.gateway.network] = outside[host, router.gateway.network]
            self._put(host, list(external.values()))

    def _hosts_of_parts(self, site):
        """{distributed router: hosts}"""
        found = {router: set() for router in site.distributed_routers}
        for router, hosts in found.items():
            if router.gateway:
                hosts.add(self.allocated.host_of(router))
        for port in [*site.ports, *site.dhcp_ports]:
            for fixed in port.fixed_ips:
                for router in site.distributed_routers_of(fixed.subnet):
                    found[router].add(port.host or self.allocated.dhcp_host(port))
        return found
