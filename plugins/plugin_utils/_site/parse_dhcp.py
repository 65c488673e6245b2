# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site says about DHCP: subnets, options of ports, the servers' own ports. PRIVATE to the collection."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import (
    DHCP_OWNER,
    DhcpOption,
    FixedIp,
    HostRoute,
    Port,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_ports import fixed_ips
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.placement import dhcp_hosts


def subnet_dhcp(item):
    """The attributes of a Subnet that DHCP and router advertisements go by."""
    routes = item.get("host_routes", [])
    return {
        "enable_dhcp": item.get("enable_dhcp", True),
        "dns_nameservers": [ip_address(server) for server in item.get("dns_nameservers", [])],
        "host_routes": [HostRoute(ip_network(each["destination"]), ip_address(each["nexthop"])) for each in routes],
        "ipv6_ra_mode": item.get("ipv6_ra_mode"),
        "ipv6_address_mode": item.get("ipv6_address_mode"),
    }


def extra_dhcp_opts(item, path):
    """The DhcpOptions of a port."""
    return [
        DhcpOption(option["opt_name"], str(option["opt_value"]), option.get("ip_version", 4),
                   f"{path}.extra_dhcp_opts[{index}]")
        for index, option in enumerate(item.get("extra_dhcp_opts", []))
    ]


class DhcpParser:
    """Parses, for a Parser, what the site says of its DHCP servers. Hosts and networks are known by then."""

    def __init__(self, parser):
        self.parser, self.problems, self.clean = parser, parser.problems, parser.clean

    def fill(self, site):
        """Set the site's attributes about DHCP, and its DHCP ports."""
        clean = self.clean
        site.dns_domain = clean.get("dataplane_dns_domain", "openstacklocal")
        site.enable_isolated_metadata = clean.get("dataplane_enable_isolated_metadata", False)
        site.force_metadata = clean.get("dataplane_force_metadata", False)
        declared, servers = self._declared(), clean.get("dataplane_dhcp_agents_per_network", 1)
        for network in site.networks:
            if network.dhcp_subnets:
                site.dhcp_ports += self._ports(site, network, declared.get(network, []), servers)

    def _declared(self):
        """{network: [(item, path)]} of dataplane_dhcp_ports."""
        declared = {}
        for index, item in enumerate(self.clean.get("dataplane_dhcp_ports", [])):
            path = f"dataplane_dhcp_ports[{index}]"
            network = item and self.parser.networks.find(item["network"], f"{path}.network")
            if network and not network.dhcp_subnets:
                self.problems.add(f"{path}.network", network.name, "must have a subnet with enable_dhcp: true")
            elif network:
                declared.setdefault(network, []).append((item, path))
        return declared

    def _ports(self, site, network, declared, servers):
        """A network's declared ports, and as many more as there shall be servers and hosts allow."""
        able = len(dhcp_hosts(site, network))
        missing = min(servers, able) - len(declared)
        items = declared + [({}, network.path)] * missing
        return [self._port(network, number, *item) for number, item in enumerate(items, start=1)]

    def _port(self, network, number, item, path):
        name = network.name if number == 1 else f"{network.name} ({number})"
        key, host = f"dhcp {name}", item.get("binding_host_id")
        return Port(
            key=key,
            name=key,
            id=self.parser.id_of(item, "dhcp_port", name),
            network=network,
            mac_address=item.get("mac_address", "").lower() or None,
            fixed_ips=self._fixed_ips(network, item.get("fixed_ips", []), key, path),
            device_owner=DHCP_OWNER,
            device_id=network.id,
            path=path,
            host=self.parser.known_hosts.find(host, f"{path}.binding_host_id") if host else None,
        )

    def _fixed_ips(self, network, items, key, path):
        """As in Neutron: one address in every subnet that is served."""
        found = fixed_ips(self.parser, items, network, key, path)
        for fixed in found:
            if not fixed.subnet.enable_dhcp:
                self.problems.add(fixed.path, fixed.subnet.name, "must be a subnet with enable_dhcp: true")
        named = {fixed.subnet for fixed in found}
        return found + [FixedIp(subnet, None, key, path) for subnet in network.dhcp_subnets if subnet not in named]
