# SPDX-License-Identifier: GPL-3.0-or-later
"""A site together with its allocations: nothing is open any more. PRIVATE to the collection."""

from __future__ import annotations

from functools import cached_property
from ipaddress import ip_address, ip_network

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.eui64 import eui64


class Allocated:
    """Answers what the site pins and otherwise the lock says. site and lock are read, never changed."""

    def __init__(self, site, lock):
        self.site, self.lock = site, lock
        self._addresses = {}  # every host that shares a network with a port asks for the port's

    def address(self, fixed_ip):
        """The ipaddress object of a fixed IP."""
        if fixed_ip not in self._addresses:
            self._addresses[fixed_ip] = self._address(fixed_ip)
        return self._addresses[fixed_ip]

    def _address(self, fixed_ip):
        if fixed_ip.follows_mac:
            return eui64(fixed_ip.subnet.cidr, self.mac(fixed_ip.port))
        return fixed_ip.address or ip_address(self.lock["addresses"][fixed_ip.subnet.name][fixed_ip.key])

    def floating_address(self, floating_ip):
        """The external address of a floating IP, an ipaddress object."""
        if floating_ip.address:
            return floating_ip.address
        by_subnet = (self.lock["addresses"].get(subnet.name, {}) for subnet in floating_ip.network.subnets)
        return ip_address(next(keys[floating_ip.key] for keys in by_subnet if floating_ip.key in keys))

    def mac(self, port):
        """The MAC address of a port, lower case."""
        return port.mac_address or self.lock["mac_addresses"][port.key]

    def segmentation_id(self, network):
        """The VLAN of a network on its physical network, or its tunnel id; None for flat and local ones."""
        if network.segmentation_id is not None:
            return network.segmentation_id
        return self.lock["segmentation_ids"].get(network.name)

    def local_vlan(self, host, network):
        """The tag of a network in br-int of a host."""
        return self.lock["local_vlans"][host.name][network.name]

    def conntrack_zone(self, host, port):
        """The conntrack zone of an instance's port that the host filters."""
        return self.lock["conntrack_zones"][host.name][port.key]

    def dvr_mac(self, host):
        """The MAC that frames of distributed routers come from when they leave a host."""
        return host.dvr_mac_address or self.lock["dvr_mac_addresses"][host.name]

    def link_locals(self, host, router):
        """(the router's, the external network's) end of the pair between their namespaces on a host, with length."""
        pair = ip_network(self.lock["link_locals"][host.name][router.name])
        return tuple(f"{address}/{pair.prefixlen}" for address in (pair[0], pair[1]))

    def rule_priority(self, floating_ip):
        """The priority of the rule that leads what the fixed IP of a distributed floating IP sends."""
        return self.lock["floating_ip_priorities"][floating_ip.port.host.name][floating_ip.key]

    @cached_property
    def gateway_routers(self):
        """{subnet: the router that has its gateway_ip}"""
        return {fixed.subnet: router for router in self.site.routers for port in router.interfaces
                for fixed in port.fixed_ips if self.address(fixed) == fixed.subnet.gateway_ip}

    @cached_property
    def floating_ip_of(self):
        """{fixed IP: the floating IP that leads to it}"""
        return {item.fixed_ip: item for item in self.site.floating_ips if item.router}

    def host_of(self, router):
        """The Host that carries a router, or the gateway of a distributed one."""
        return router.binding_host or self.site.hosts[self.lock["router_hosts"][router.name]]

    def dhcp_host(self, port):
        """The Host of a DHCP server's port."""
        return port.host or self.site.hosts[self.lock["dhcp_hosts"][port.key]]
