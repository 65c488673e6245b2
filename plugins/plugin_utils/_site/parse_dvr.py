# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that distributed routers have beside their interfaces and gateways (reference 3.4, 3.5). PRIVATE."""

from __future__ import annotations

from ipaddress import ip_address

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import (
    AGENT_GATEWAY_OWNER,
    SNAT_OWNER,
    FixedIp,
    Port,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_ports import fixed_ips


class SnatPorts:
    """The ports beside the interfaces of one router through which what has no floating IP reaches its gateway."""

    def __init__(self, parser, router):
        self.parser, self.router = parser, router
        self.pinned = {}  # interface -> (what is declared, path)
        self.addresses = {}  # (interface, subnet) -> FixedIp

    def declare(self, interface, item, own, path):
        """Note the centralized_snat of an item of `interfaces`. own: the FixedIps that the item gave the interface."""
        if "centralized_snat" not in item:
            return
        declared, path, problems = item["centralized_snat"], f"{path}.centralized_snat", self.parser.problems
        first, first_path = self.pinned.setdefault(interface, (declared, path))
        for key in ("id", "mac_address"):
            if first is not declared and key in declared:
                problems.add(f"{path}.{key}", declared[key], f"must stand at {first_path}, whose port is shared")
        subnets = list(dict.fromkeys(fixed.subnet for fixed in own))
        if "ip_address" in declared and ("fixed_ips" in declared or len(subnets) > 1):
            problems.add(f"{path}.ip_address", declared["ip_address"], "belongs into an item of fixed_ips")
        elif "ip_address" in declared and subnets:
            address = FixedIp(subnets[0], ip_address(declared["ip_address"]), "", path)
            self.addresses[interface, subnets[0]] = address
        for fixed in fixed_ips(self.parser, declared.get("fixed_ips", []), interface.network, "", path):
            if fixed.subnet not in subnets:
                problems.add(f"{fixed.path}.subnet", fixed.subnet.name, "must be a subnet of this interface")
            self.addresses[interface, fixed.subnet] = fixed

    def ports(self):
        """{interface: its Port}"""
        return {interface: self._port(interface) for interface in self.router.interfaces}

    def _port(self, interface):
        name = interface.key[len(f"router {self.router.name} interface "):]
        key = f"router {self.router.name} snat {name}"
        declared, path = self.pinned.get(interface, ({}, interface.path))
        subnets = dict.fromkeys(fixed.subnet for fixed in interface.fixed_ips)
        found = [self.addresses.get((interface, subnet)) or FixedIp(subnet, None, key, path) for subnet in subnets]
        for fixed in found:
            fixed.key = key
        return Port(
            key=key,
            name=key,
            id=self.parser.id_of(declared, "router_centralized_snat", f"{self.router.name}/{name}"),
            network=interface.network,
            mac_address=declared.get("mac_address", "").lower() or None,
            fixed_ips=found,
            device_owner=SNAT_OWNER,
            device_id=self.router.id,
            path=path,
        )


def agent_gateway_ports(parser, site):
    """The port in each external network that each host with floating IPs of distributed routers may need.

    Whether it does is known when routers and DHCP servers are scheduled (_allocations/presence.py).
    """
    declared = _declared(parser)
    networks = dict.fromkeys(router.gateway.network for router in site.distributed_routers if router.gateway)
    wanted = [(host, network) for network in networks for host in site.hosts.values() if host.leads_outside]
    return [_agent_gateway_port(parser, host, network, *declared.get((host, network), ({}, network.path)))
            for host, network in dict.fromkeys([*declared, *wanted])]


def _declared(parser):
    """{(host, network): (item, path)} of dataplane_fip_agent_gateway_ports."""
    declared = {}
    for index, item in enumerate(parser.clean.get("dataplane_fip_agent_gateway_ports", [])):
        path = f"dataplane_fip_agent_gateway_ports[{index}]"
        network = item and parser.networks.find(item["network"], f"{path}.network")
        host = item and parser.known_hosts.find(item["binding_host_id"], f"{path}.binding_host_id")
        if not (network and host):
            continue
        _item, first = declared.setdefault((host, network), (item, path))
        if first != path:
            parser.problems.add(path, f"{network.name} on {host.name}", f"must be unique, and is also {first}")
    return declared


def _agent_gateway_port(parser, host, network, item, path):
    key = f"agent gateway {network.name} {host.name}"
    return Port(
        key=key,
        name=key,
        id=parser.id_of(item, "fip_agent_gateway", f"{network.name}/{host.name}"),
        network=network,
        mac_address=item.get("mac_address", "").lower() or None,
        fixed_ips=fixed_ips(parser, item.get("fixed_ips"), network, key, path, default_all=True),
        device_owner=AGENT_GATEWAY_OWNER,
        device_id=host.name,
        path=path,
        host=host,
    )
