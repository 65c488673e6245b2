# SPDX-License-Identifier: GPL-3.0-or-later
"""Floating IPs of distributed routers: with the instance, or with the gateway (reference 3.5, 3.7). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_pair import router_address
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    agent_gateway_device,
    fip_namespace,
    gateway_device,
    inward_device,
    outward_device,
    router_namespace,
    snat_namespace,
)


def dvr_floating_ip(view, floating_ip):
    """What of the item of floating_ip's `config` says where it is."""
    router = floating_ip.router
    if not floating_ip.is_distributed:
        return {"namespace": snat_namespace(router), "device": gateway_device(router.gateway)}
    network = router.gateway.network
    return {
        "namespace": router_namespace(router),
        "device": outward_device(router),
        "distributed": {
            "fip_namespace": fip_namespace(network),
            "fip_device": inward_device(router),
            "gateway_device": agent_gateway_device(view.agent_gateways[network]),
            "router_address": router_address(view, router),
            "rule_priority": view.allocated.rule_priority(floating_ip),
        },
    }
