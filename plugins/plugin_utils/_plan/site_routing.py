# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of distributed routers need to know of the whole site. PRIVATE to the collection."""

from __future__ import annotations

from ipaddress import ip_network

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import interface_device
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import (
    DISTRIBUTED_INTERFACE_OWNER,
    INTERFACE_OWNER,
)

_INTERFACES = (INTERFACE_OWNER, DISTRIBUTED_INTERFACE_OWNER)


class SiteRouting:
    """Who is where, asked once for all hosts, whose plans share the answers."""

    def __init__(self, allocated, presence):
        self._allocated, self._presence = allocated, presence
        self._neighbours, self._floating_ips = {}, {}
        for floating_ip in allocated.site.floating_ips:
            self._floating_ips.setdefault(floating_ip.router, []).append(floating_ip)

    def floating_ips(self, router):
        """The floating IPs of a router, wherever they are."""
        return self._floating_ips.get(router, [])

    def neighbours(self, router):
        """A distributed router's permanent neighbours, items of netns' `neighbours`: the same on every host.

        All ports on its subnets but routers' interfaces, with what their allowed address pairs bring. An address
        that several ports may use is where the first one is: nobody on another host hears this router ask.
        """
        if router not in self._neighbours:
            self._neighbours[router] = [
                {"device": interface_device(interface), "address": address, "mac_address": mac}
                for interface in router.interfaces for address, mac in self._on(interface).items()
            ]
        return self._neighbours[router]

    def _on(self, interface):
        """{address: MAC} of the ports on the subnets of an interface."""
        subnets = {fixed.subnet for fixed in interface.fixed_ips}
        ports = [port for found in self._presence.by_network[interface.network].values() for port in found
                 if port.device_owner not in _INTERFACES and any(fixed.subnet in subnets for fixed in port.fixed_ips)]
        known = {str(self._allocated.address(fixed)): self._allocated.mac(port)
                 for port in ports for fixed in port.fixed_ips if fixed.subnet in subnets}
        for port in ports:
            for address, mac in self._pairs(port, subnets):
                known.setdefault(address, mac)
        return known

    def _pairs(self, port, subnets):
        for pair in port.allowed_address_pairs if port.port_security_enabled else []:
            address = ip_network(pair["ip_address"])
            if address.prefixlen == address.max_prefixlen and any(_is_in(address, each.cidr) for each in subnets):
                yield str(address.network_address), pair.get("mac_address", "").lower() or self._allocated.mac(port)


def _is_in(address, cidr):
    return address.version == cidr.version and address.subnet_of(cidr)
