# SPDX-License-Identifier: GPL-3.0-or-later
"""Which port is on which host: the one place that says so. PRIVATE to the collection."""

from __future__ import annotations


class Presence:
    """Where the ports of a site are.

    by_host: {host name: [ports]} of every host. by_network: {network: {host name: [ports]}} of every network.
    allocated: Allocated, of which only the hosts of routers and DHCP servers need be known.
    """

    def __init__(self, allocated):
        site = allocated.site
        self.by_host = {name: [] for name in site.hosts}
        self.by_network = {network: {} for network in site.networks}
        for router in site.routers:
            self._put(allocated.host_of(router), router.ports)
        for port in site.ports:
            self._put(port.host, [port])
        for port in site.dhcp_ports:
            self._put(allocated.dhcp_host(port), [port])

    def _put(self, host, ports):
        self.by_host[host.name] += ports
        for port in ports:
            self.by_network[port.network].setdefault(host.name, []).append(port)

    def networks_by_host(self):
        """{host name: [networks with a port there, in the order declared]} of every host."""
        found = {name: [] for name in self.by_host}
        for network, hosts in self.by_network.items():
            for name in hosts:
                found[name].append(network)
        return found
