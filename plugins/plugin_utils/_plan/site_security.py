# SPDX-License-Identifier: GPL-3.0-or-later
"""What security groups need to know of the whole site. PRIVATE to the collection."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from ipaddress import ip_network

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.anti_spoofing import link_local


class SiteSecurity:
    """Members of groups, and who may advertise routes. One for all hosts, whose plans share what it answers."""

    def __init__(self, allocated):
        self._allocated = allocated
        self._addresses, self._rules, self._ra_sources, self._networks = {}, {}, {}, {}

    def addresses(self, group):
        """What the members of a group may send from, site-wide: fixed IPs and allowed address pairs, as text."""
        if group not in self._addresses:
            found = [address for port in self._members[group] for address in self._of_port(port)]
            self._addresses[group] = list(dict.fromkeys(found))
        return self._addresses[group]

    def is_member(self, group, address):
        """Whether a group's members may send from an address, an object of the module ipaddress."""
        hosts, wide = self._members_of(group)
        return address in hosts or any(address in network for network in wide)

    def has_wide_member(self, group):
        """Whether a member of a group may send from whole networks, which may be anybody's."""
        return bool(self._members_of(group)[1])

    def _members_of(self, group):
        """(addresses, networks wider than one) of the module ipaddress."""
        if group not in self._networks:
            networks = [ip_network(each) for each in self.addresses(group)]
            hosts = {each.network_address for each in networks if each.prefixlen == each.max_prefixlen}
            self._networks[group] = hosts, [each for each in networks if each.prefixlen < each.max_prefixlen]
        return self._networks[group]

    def rules(self, group):
        """The rules of a group, as module security_group takes them."""
        if group not in self._rules:
            self._rules[group] = [_rule_item(rule) for rule in group.rules]
        return self._rules[group]

    def ra_sources(self, network):
        """The link-local addresses that router advertisements on a network may come from, as text.

        Of the routers there that have an IPv6 subnet, and a gateway that is outside of this site.
        """
        if network not in self._ra_sources:
            found = [link_local(self._allocated.mac(port)) for port in self._interfaces[network]]
            gateways = [subnet.gateway_ip for subnet in network.subnets if subnet.version == 6]
            found += [str(gateway) for gateway in gateways if gateway is not None and gateway.is_link_local]
            self._ra_sources[network] = list(dict.fromkeys(found))
        return self._ra_sources[network]

    @cached_property
    def _members(self):
        members = defaultdict(list)
        for port in self._allocated.site.ports:
            for group in port.security_groups:
                members[group].append(port)
        return members

    def _of_port(self, port):
        pairs = [pair["ip_address"] for pair in port.allowed_address_pairs]
        return [str(self._allocated.address(fixed)) for fixed in port.fixed_ips] + pairs

    @cached_property
    def _interfaces(self):
        """{network: [router interfaces with an IPv6 subnet there]}"""
        found = defaultdict(list)
        for router in self._allocated.site.routers:
            for port in router.interfaces:
                if any(fixed.subnet.version == 6 for fixed in port.fixed_ips):
                    found[port.network].append(port)
        return found


def _rule_item(rule):
    item = {
        "direction": rule.direction,
        "ethertype": rule.ethertype,
        "protocol": rule.protocol,
        "port_range_min": rule.port_range_min,
        "port_range_max": rule.port_range_max,
        "remote_ip_prefix": rule.remote_ip_prefix and str(rule.remote_ip_prefix),
        "remote_group_id": rule.remote_group and rule.remote_group.id,
    }
    return {key: value for key, value in item.items() if value is not None}
