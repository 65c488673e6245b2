# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a distributed router on a host: its namespace qrouter-ID (reference 3.3, 3.6). PRIVATE."""

from __future__ import annotations

import binascii
from ipaddress import ip_interface

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.anti_spoofing import link_local
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_pair import (
    external_address,
    external_neighbour,
    is_paired,
    pair_mac,
    router_end,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    interface_device,
    inward_device,
    outward_device,
    router_namespace,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_iptables import (
    Rules,
    Translation,
    crossing_rules,
    keep_internal,
    wrapped,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_namespace import (
    SYSCTLS,
    extra_route,
    namespace_links,
    namespace_ports,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.scopes import ScopeMarks, exits_fast

FLOATING_TABLE = 16  # FIP_RT_TBL
FAST_EXIT_PRIORITY = 80000  # FAST_PATH_EXIT_PR

_FOLD = 0x3FFFFFFF
_FIRST_INDEX = 32768


def _ways(router):
    return [(port, interface_device(port)) for port in router.interfaces]


def part_ports(view, router):
    """The part's OVS ports."""
    return namespace_ports(view, router_namespace(router), _ways(router))


def part_item(view, router):
    """The part's item of netns' `config`.

    Table main has no IPv4 default route: what it does not know is led outside by the rule of a floating IP (the module
    floating_ip makes it) or by that of the subnet, to the gateway's host.
    """
    fast = fast_exits(view, router)
    redirected = [interface for interface in router.snat_ports if interface not in fast]
    redirects = [redirect for interface in redirected for redirect in _redirects(view, router, interface)]
    quiet = ["all", *map(interface_device, redirected)] if router.gateway else []
    item = {
        "name": router_namespace(router),
        "sysctls": {
            **SYSCTLS,
            **{f"net.ipv4.conf.{device}.send_redirects": 0 for device in quiet},
            # Every host has the same addresses: looking for duplicates, it would find the other hosts, and take none
            **{f"net.ipv6.conf.{device}.accept_dad": 0 for _port, device in _ways(router)},
        },
        "links": namespace_links(view, _ways(router)),
        "routes": [route for route, _rule in redirects] + _extra_routes(router),
        "rules": [rule for _route, rule in redirects] + [
            _fast_rule(fixed.subnet) for interface in fast for fixed in interface.fixed_ips
        ],
        "neighbours": list(view.routing.neighbours(router)),
        "keep_floating_ips": True,
    }
    if is_paired(view, router):
        item["links"].append(router_end(view, router))
        item["routes"] += _outward_routes(view, router)
        item["neighbours"].append(external_neighbour(view, router))
    return item


def fast_exits(view, router):
    """{interface: None} of those whose instances leave this host untranslated: they share the gateway's scope."""
    if not is_paired(view, router):
        return {}
    return dict.fromkeys(interface for interface in router.interfaces if exits_fast(router, interface))


def _fast_rule(subnet):
    return {"priority": FAST_EXIT_PRIORITY, "from": str(subnet.cidr), "table": FLOATING_TABLE}


def _redirects(view, router, interface):
    """(route, rule) that lead what comes from each subnet of an interface to the gateway's host."""
    gateways = {fixed.subnet: view.allocated.address(fixed) for fixed in router.snat_ports[interface].fixed_ips}
    for fixed in interface.fixed_ips:
        cidr = f"{view.allocated.address(fixed)}/{fixed.subnet.cidr.prefixlen}"
        index = redirect_index(cidr)
        route = _default(fixed.subnet.version, gateways[fixed.subnet], interface_device(interface))
        yield {**route, "table": index}, {"priority": index, "from": cidr, "table": index}


def redirect_index(cidr):
    """Number of a table, and priority of the rule that leads there (reference 3.2)."""
    if ip_interface(cidr).version == 4:
        return int(ip_interface(cidr))
    checksum = binascii.crc32(cidr.encode())
    index = (checksum >> 30) ^ (checksum & _FOLD)
    return index if index >= _FIRST_INDEX else index + _FOLD


def _outward_routes(view, router):
    """What has a floating IP leaves through the pair.

    So does IPv6 in Neutron, for the sake of NDP proxies. Nothing leads it further, so where there is any it goes to the
    gateway's host.
    """
    device = outward_device(router)
    routes = [{**_default(4, external_address(view, router), device), "table": FLOATING_TABLE}]
    if all(fixed.subnet.version == 4 for interface in router.interfaces for fixed in interface.fixed_ips):
        routes.append(_default(6, link_local(pair_mac(router, inward_device)), device))
    return routes


def _default(version, gateway, device):
    everywhere = "0.0.0.0/0" if version == 4 else "::/0"
    return {"destination": everywhere, "gateway": str(gateway), "device": device, "protocol": "static"}


def _extra_routes(router):
    """Those over next hops on the router's own subnets; the gateway's host and the external network know the others."""
    return routes_over(router, [subnet.cidr for subnet in router.subnets])


def routes_over(router, cidrs):
    """The router's extra routes as far as their next hops are in some networks."""
    found = {route.destination: [hop for hop in route.nexthops if any(hop in cidr for cidr in cidrs)]
             for route in router.routes}
    return [extra_route(destination, nexthops) for destination, nexthops in found.items() if nexthops]


def part_rules(view, router):
    """The part's items of nat_rules' `config`."""
    ways = _ways(router) + ([(router.gateway, outward_device(router))] if is_paired(view, router) else [])
    marks = ScopeMarks(router, gateway_first=router in view.gateways)
    floating_ips = [each for each in view.floating_ips_of(router) if each.is_distributed]
    rules = Rules(ways, marks, _translation(view, router),
                  crossing_rules(view, floating_ips, ways, marks, outward_device(router)),
                  asked=True, proxied=view.site.enable_metadata_proxy)
    return rules.items(router_namespace(router))


def _translation(view, router):
    """What leaves through the pair has a floating IP: the rules that see to it outlast the last one that is here."""
    if not is_paired(view, router):
        return Translation()
    return Translation(snat=[f"-j {wrapped('float-snat')}"], postrouting=[keep_internal(outward_device(router))])
