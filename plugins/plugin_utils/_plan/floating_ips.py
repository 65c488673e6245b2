# SPDX-License-Identifier: GPL-3.0-or-later
"""Floating IPs of centralised routers (reference 2.3, 2.5). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import gateway_device, router_namespace


def floating_ip_item(view, floating_ip):
    """The item of floating_ip's `config`."""
    return {
        "namespace": router_namespace(floating_ip.router),
        "floating_ip_address": str(view.allocated.floating_address(floating_ip)),
        "fixed_ip_address": str(view.allocated.address(floating_ip.fixed_ip)),
        "device": gateway_device(floating_ip.router.gateway),
    }
