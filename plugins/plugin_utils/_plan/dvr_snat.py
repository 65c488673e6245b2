# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway of a distributed router on its host: the namespace snat-ID (reference 3.4, 3.7). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    gateway_device,
    snat_device,
    snat_namespace,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_iptables import (
    Rules,
    crossing_rules,
    gateway_translation,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_namespace import (
    SYSCTLS,
    extra_route,
    gateway_routes,
    gateway_sysctls,
    namespace_links,
    namespace_ports,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.scopes import ScopeMarks

_SYSCTLS = {
    **SYSCTLS,
    "net.ipv4.ip_nonlocal_bind": 1,
    "net.netfilter.nf_conntrack_tcp_loose": 0,  # the middle of a conversation that left by another way is not ours
}


def _ways(router):
    found = [(port, snat_device(port)) for port in router.snat_ports.values()]
    return [*found, (router.gateway, gateway_device(router.gateway))]


def gateway_ports(view, router):
    """The gateway's OVS ports."""
    return namespace_ports(view, snat_namespace(router), _ways(router))


def gateway_item(view, router):
    """The gateway's item of netns' `config`."""
    return {
        "name": snat_namespace(router),
        "sysctls": {**_SYSCTLS, **gateway_sysctls(router)},
        "links": namespace_links(view, _ways(router)),
        "routes": gateway_routes(router) + [extra_route(route.destination, route.nexthops) for route in router.routes],
        "keep_floating_ips": True,
    }


def gateway_rules(view, router):
    """The gateway's items of nat_rules' `config`: those of a centralised router, without metadata."""
    marks = ScopeMarks(router, gateway_first=True)
    central = [each for each in view.floating_ips_of(router) if not each.is_distributed]
    crossing = crossing_rules(view, central, _ways(router), marks)
    return Rules(_ways(router), marks, gateway_translation(view, router, marks), crossing).items(snat_namespace(router))
