# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers with their interfaces and gateways. PRIVATE to the collection."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import (
    DISTRIBUTED_INTERFACE_OWNER,
    GATEWAY_OWNER,
    INTERFACE_OWNER,
    Port,
    Route,
    Router,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_dvr import SnatPorts
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_ports import fixed_ips


class RouterParser:
    """Parses routers for a Parser."""

    def __init__(self, parser):
        self.parser, self.problems = parser, parser.problems

    def router(self, item, path):
        """The Router of one item of dataplane_routers."""
        parser = self.parser
        parser.refuse_later(item, path, "ha", [True])
        gateway = item.get("external_gateway_info", {})
        host = item.get("binding_host_id")
        router = Router(
            name=item["name"],
            id=parser.id_of(item, "router", item["name"]),
            distributed=item.get("distributed", False),
            enable_snat=gateway.get("enable_snat", True),
            binding_host=parser.known_hosts.find(host, f"{path}.binding_host_id") if host else None,
            path=path,
            routes=_routes(item.get("routes", []), path),
        )
        parser.routers.add(router, f"{path}.name")
        self.snat_ports = SnatPorts(parser, router)
        for index, interface in enumerate(item.get("interfaces", [])):
            self._interface(router, interface, f"{path}.interfaces[{index}]")
        if gateway:
            router.gateway = self._gateway(router, gateway, f"{path}.external_gateway_info")
        if router.distributed and router.gateway:
            router.snat_ports = self.snat_ports.ports()
        return router

    def _interface(self, router, item, path):
        if ("subnet" in item) == ("fixed_ips" in item):
            self.problems.add(path, item, "must have either subnet or fixed_ips")
            return
        if "fixed_ips" in item:
            if "ip_address" in item:
                self.problems.add(f"{path}.ip_address", item["ip_address"], "belongs into an item of fixed_ips")
            self._interface_by_port(router, item, path)
        else:
            self._interface_by_subnet(router, item, path)

    def _interface_by_subnet(self, router, item, path):
        subnet = self.parser.subnets.find(item["subnet"], f"{path}.subnet")
        if not subnet:
            return
        wanted = [{key: item[key] for key in ("subnet", "ip_address") if key in item}]
        shared = subnet.version == 6 and _ipv6_port(router, subnet.network)
        if shared:
            # Neutron's add by subnet: IPv6 prefixes of one network share one router port, so that it sends one RA
            for key in ("id", "mac_address"):
                if key in item:
                    self.problems.add(f"{path}.{key}", item[key], f"must stand at {shared.path}, whose port is shared")
            own = self._addresses(wanted, subnet.network, shared.key, path, None)
            shared.fixed_ips += own
            self.snat_ports.declare(shared, item, own, path)
            return
        name = f"{subnet.network.name} (IPv6)" if subnet.version == 6 else subnet.name
        self._add(router, item, subnet.network, name, path, wanted, None)

    def _interface_by_port(self, router, item, path):
        subnet = self.parser.subnets.find(item["fixed_ips"][0]["subnet"], f"{path}.fixed_ips[0].subnet")
        if subnet:
            self._add(router, item, subnet.network, subnet.name, path, item["fixed_ips"], "fixed_ips")

    def _add(self, router, item, network, name, path, wanted, list_key):
        key = f"router {router.name} interface {name}"
        port = Port(
            key=key,
            name=key,
            id=self.parser.id_of(item, "router_interface", f"{router.name}/{name}"),
            network=network,
            mac_address=item.get("mac_address", "").lower() or None,
            fixed_ips=self._addresses(wanted, network, key, path, list_key),
            device_owner=DISTRIBUTED_INTERFACE_OWNER if router.distributed else INTERFACE_OWNER,
            device_id=router.id,
            path=path,
        )
        router.interfaces.append(port)
        self.snat_ports.declare(port, item, port.fixed_ips, path)

    def _addresses(self, wanted, network, key, path, list_key):
        """The fixed IPs of an interface; without ip_address the gateway of the subnet."""
        found = fixed_ips(self.parser, wanted, network, key, path, list_key or "")
        for fixed in found:
            if list_key is None:
                fixed.path = path
            if fixed.address is None:
                fixed.address = fixed.subnet.gateway_ip
            if fixed.address is None:
                self.problems.add(f"{fixed.path}.ip_address", "(missing)",
                                  f"is required, because subnet {fixed.subnet.name} has no gateway_ip")
        return [fixed for fixed in found if fixed.address is not None]

    def _gateway(self, router, item, path):
        network = self.parser.networks.find(item["network"], f"{path}.network")
        if not network:
            return None
        key = f"router {router.name} gateway"
        return Port(
            key=key,
            name=key,
            id=self.parser.id_of(item, "router_gateway", router.name),
            network=network,
            mac_address=item.get("mac_address", "").lower() or None,
            fixed_ips=fixed_ips(self.parser, item.get("external_fixed_ips"), network, key, path,
                                "external_fixed_ips", default_all=True),
            device_owner=GATEWAY_OWNER,
            device_id=router.id,
            path=path,
        )


def _ipv6_port(router, network):
    for port in router.interfaces:
        if port.network is network and any(fixed.subnet.version == 6 for fixed in port.fixed_ips):
            return port
    return None


def _routes(items, path):
    """Extra routes by destination: equal destinations are one route with several next hops."""
    routes = {}
    for index, item in enumerate(items):
        destination = ip_network(item["destination"])
        route = routes.setdefault(destination, Route(destination, [], f"{path}.routes[{index}]"))
        route.nexthops.append(ip_address(item["nexthop"]))
    return list(routes.values())
