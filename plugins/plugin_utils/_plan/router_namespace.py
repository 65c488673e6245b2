# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespace of a router: devices, addresses, routes, sysctls (reference 2.1 to 2.4). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    gateway_device,
    interface_device,
    router_namespace,
    tap_device,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.node import NO_RP_FILTER
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.plug import link, ovs_port

SYSCTLS = {
    "net.ipv4.conf.all.promote_secondaries": 1,
    "net.netfilter.nf_conntrack_tcp_be_liberal": 1,
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.arp_ignore": 1,
    "net.ipv4.conf.all.arp_announce": 2,
    "net.ipv6.conf.all.forwarding": 1,
    **NO_RP_FILTER,
}


def devices(router):
    """[(port, device)] of a router's namespace: interfaces, then the gateway."""
    found = [(port, interface_device(port)) for port in router.interfaces]
    return found + ([(router.gateway, gateway_device(router.gateway))] if router.gateway else [])


def router_ports(view, router):
    """The router's OVS ports."""
    return namespace_ports(view, router_namespace(router), devices(router))


def namespace_ports(view, namespace, ways):
    """The OVS ports behind the devices of a namespace. ways: [(port, device)]"""
    if view.host.interface_plug == "internal":
        return [ovs_port(view, port, device, namespace) for port, device in ways]
    return [ovs_port(view, port, tap_device(port)) for port, _device in ways]


def router_item(view, router):
    """The router's item of netns' `config`."""
    return {
        "name": router_namespace(router),
        "sysctls": {**SYSCTLS, **gateway_sysctls(router)},
        "links": namespace_links(view, devices(router)),
        "routes": gateway_routes(router) + [extra_route(route.destination, route.nexthops) for route in router.routes],
        "keep_floating_ips": True,
    }


def namespace_links(view, ways):
    """Their links, items of netns' `links`."""
    return [link(view, port, device, view.host.interface_plug) for port, device in ways]


def gateway_sysctls(router):
    """Where no external subnet names an IPv6 gateway, router advertisements from outside may."""
    if not router.gateway:
        return {}
    device = gateway_device(router.gateway)
    gateways = [fixed.subnet.gateway_ip for fixed in router.gateway.fixed_ips]
    has_ipv6 = any(gateway is not None and gateway.version == 6 for gateway in gateways)
    return {
        f"net.ipv6.conf.{device}.accept_ra": 0 if has_ipv6 else 2,
        f"net.ipv6.conf.{device}.forwarding": 1,
    }


def gateway_routes(router):
    """Default routes, and what of the external network is reached on-link without an address of its own."""
    if not router.gateway:
        return []
    device = gateway_device(router.gateway)
    own = list(dict.fromkeys(fixed.subnet for fixed in router.gateway.fixed_ips))
    routes = [onlink_route(subnet.cidr, device) for subnet in router.gateway.network.subnets if subnet not in own]
    return routes + default_routes(own, device)


def default_routes(subnets, device):
    """The default route of each address family: its last subnet's gateway, as Neutron replaces one by the other."""
    gateways = {subnet.version: subnet for subnet in subnets if subnet.gateway_ip is not None}
    routes = []
    for version, subnet in sorted(gateways.items()):
        gateway = subnet.gateway_ip
        if gateway not in subnet.cidr and not gateway.is_link_local:
            routes.append(onlink_route(f"{gateway}/{gateway.max_prefixlen}", device))
        everywhere = "0.0.0.0/0" if version == 4 else "::/0"
        routes.append({"destination": everywhere, "gateway": str(gateway), "device": device, "protocol": "static"})
    return routes


def onlink_route(destination, device):
    """A route without a gateway. IPv6 routes have no scope."""
    route = {"destination": str(destination), "device": device, "protocol": "static"}
    return route if ":" in route["destination"] else {**route, "scope": "link"}


def extra_route(destination, nexthops):
    """A route over one or more next hops, ipaddress objects."""
    common = {"destination": str(destination), "protocol": "static"}
    if len(nexthops) == 1:
        return {**common, "gateway": str(nexthops[0])}
    return {**common, "nexthops": [{"gateway": str(nexthop)} for nexthop in nexthops]}
