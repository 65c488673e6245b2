# SPDX-License-Identifier: GPL-3.0-or-later
"""An external network on a host with floating IPs: the namespace fip-ID (reference 3.5, 3.6). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_pair import (
    external_address,
    external_end,
    router_address,
    router_neighbour,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_router import (
    fast_exits,
    redirect_index,
    routes_over,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    agent_gateway_device,
    fip_namespace,
    inward_device,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_iptables import (
    filter_skeleton,
    nat_skeleton,
    wrapped,
    wrapped_builtins,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_namespace import (
    SYSCTLS,
    default_routes,
    namespace_links,
    namespace_ports,
    onlink_route,
)


def fip_ports(view, port):
    """The OVS port of the host's address in an external network. port: that of the host's agent."""
    return namespace_ports(view, fip_namespace(port.network), _ways(port))


def _ways(port):
    return [(port, agent_gateway_device(port))]


def fip_item(view, port):
    """The item of netns' `config`. The module floating_ip makes the route to every floating IP."""
    routers = view.routers_behind(port)
    return {
        "name": fip_namespace(port.network),
        "sysctls": _sysctls(agent_gateway_device(port)),
        "links": namespace_links(view, _ways(port)) + [external_end(view, router) for router in routers],
        "routes": _routes(port) + [route for router in routers for route in _routes_of(view, port, router)],
        "rules": [_rule(view, router) for router in routers],
        "neighbours": [router_neighbour(view, router) for router in routers],
        "keep_floating_ips": True,
    }


def _sysctls(device):
    """No device has a floating IP: the host answers for what it has a route to, at once (HZ makes 0 of Neutron's 1)."""
    return {
        **SYSCTLS,
        "net.ipv4.ip_nonlocal_bind": 1,
        f"net.ipv4.conf.{device}.proxy_arp": 1,
        f"net.ipv4.neigh.{device}.proxy_delay": 0,
    }


def _own(port):
    return list(dict.fromkeys(fixed.subnet for fixed in port.fixed_ips if fixed.subnet.version == 4))


def _routes(port):
    """What of the external network is reached on-link without an address of its own, and gateways that are."""
    device, own = agent_gateway_device(port), _own(port)
    others = [subnet for subnet in port.network.subnets if subnet.version == 4 and subnet not in own]
    routes = [onlink_route(subnet.cidr, device) for subnet in others]
    return routes + [route for route in default_routes(own, device) if "gateway" not in route]


def _routes_of(view, port, router):
    """Those of one router: outward in its own table, inward to the subnets that leave untranslated."""
    device, table = agent_gateway_device(port), _table(view, router)
    outward = [route for route in default_routes(_own(port), device) if "gateway" in route]
    outward += routes_over(router, [subnet.cidr for subnet in _own(port)])
    inward = [fixed.subnet.cidr for interface in fast_exits(view, router) for fixed in interface.fixed_ips]
    return [{**route, "table": table} for route in outward] + [
        {"destination": str(cidr), "gateway": router_address(view, router), "device": inward_device(router),
         "protocol": "static"} for cidr in inward
    ]


def _table(view, router):
    return redirect_index(f"{external_address(view, router)}/31")


def _rule(view, router):
    table = _table(view, router)
    return {"priority": table, "iif": inward_device(router), "table": table}


def fip_rules(port):
    """Items of nat_rules' `config`: nothing is tracked or translated here."""
    namespace = fip_namespace(port.network)
    untracked = {wrapped("PREROUTING"): ["-j CT --notrack"]}
    marking = {wrapped("PREROUTING"): [f"-j {wrapped('mark')}"], wrapped("mark"): []}
    return [
        {"namespace": namespace, "family": "ipv4", "tables": {
            "mangle": {**wrapped_builtins("mangle"), **marking},
            "raw": {**wrapped_builtins("raw"), **untracked},
            "filter": filter_skeleton(),
            "nat": nat_skeleton(),
        }},
        {"namespace": namespace, "family": "ipv6", "tables": {
            "mangle": wrapped_builtins("mangle"),
            "raw": wrapped_builtins("raw"),
            "filter": filter_skeleton(),
            "nat": {"PREROUTING": [f"-j {wrapped('PREROUTING')}"], wrapped("PREROUTING"): []},
        }},
    ]
