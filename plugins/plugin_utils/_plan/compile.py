# SPDX-License-Identifier: GPL-3.0-or-later
"""A site and its allocations -> one plan document per host. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.bridges import bridge_ports, bridges
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dhcp import dhcp_item, dhcp_port, dhcp_rules
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr import dvr_namespaces, dvr_ports, dvr_rules
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.floating_ips import floating_ip_item
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.flows import flows
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.instances import (
    instance_item,
    instance_port,
    stand_ins,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.node import node_sysctls
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_iptables import router_rules
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_namespace import router_item, router_ports
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.security_groups import security_groups
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.services import packages, services
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.tunnels import tunnel_ports
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.view import views


def compile_site(site, lock):
    """{host name: plan} of every host of the site. lock: what allocate() made of this site.

    A plan is plain data. Its lists are the `config` of the modules: ports (ovs_port),
    flows (ovs_flow), namespaces (netns), nat_rules, floating_ips (floating_ip), services (netns_service);
    security_groups holds two of the module of that name; beside them bridges, sysctls, plug and the Debian
    packages that the services need.
    """
    return {name: _plan(view) for name, view in views(Allocated(site, lock)).items()}


def _plan(view):
    running = services(view)
    return {
        "host": view.host.name,
        "groups": list(view.host.groups),
        "site": view.site.name,
        "owner": view.site.name,
        "plug": view.host.interface_plug,
        "sysctls": node_sysctls(view),
        "bridges": bridges(view),
        "ports": bridge_ports(view)
        + tunnel_ports(view)
        + [port for router in view.routers for port in router_ports(view, router)]
        + dvr_ports(view)
        + [dhcp_port(view, port) for port in view.dhcp_ports]
        + [instance_port(view, port) for port in view.instances],
        "flows": flows(view),
        "namespaces": [router_item(view, router) for router in view.routers]
        + dvr_namespaces(view)
        + [dhcp_item(view, port) for port in view.dhcp_ports]
        + [instance_item(view, port) for port in stand_ins(view)],
        "security_groups": security_groups(view),
        "nat_rules": [item for router in view.routers for item in router_rules(view, router)]
        + dvr_rules(view)
        + [item for port in view.dhcp_ports for item in dhcp_rules(port)],
        "floating_ips": [floating_ip_item(view, floating_ip) for floating_ip in view.floating_ips],
        "services": running,
        "packages": packages(running),
    }
