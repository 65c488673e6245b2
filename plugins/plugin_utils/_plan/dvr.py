# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a host has of distributed routers: their parts, gateways, external networks (reference 3). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_fip import fip_item, fip_ports, fip_rules
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_router import (
    part_item,
    part_ports,
    part_rules,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_snat import (
    gateway_item,
    gateway_ports,
    gateway_rules,
)


def dvr_ports(view):
    """Items of ovs_port's `config`."""
    found = [part_ports(view, router) for router in view.parts]
    found += [gateway_ports(view, router) for router in view.gateways]
    found += [fip_ports(view, port) for port in view.agent_gateways.values()]
    return [port for ports in found for port in ports]


def dvr_namespaces(view):
    """Items of netns' `config`."""
    found = [part_item(view, router) for router in view.parts]
    found += [gateway_item(view, router) for router in view.gateways]
    return found + [fip_item(view, port) for port in view.agent_gateways.values()]


def dvr_rules(view):
    """Items of nat_rules' `config`."""
    found = [part_rules(view, router) for router in view.parts]
    found += [gateway_rules(view, router) for router in view.gateways]
    found += [fip_rules(port) for port in view.agent_gateways.values()]
    return [item for items in found for item in items]
