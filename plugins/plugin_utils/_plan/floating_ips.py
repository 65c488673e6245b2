# SPDX-License-Identifier: GPL-3.0-or-later
"""Floating IPs (reference 2.3, 2.5, 3.5, 3.7). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_floating_ips import dvr_floating_ip
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import gateway_device, router_namespace


def floating_ip_item(view, floating_ip):
    """The item of floating_ip's `config`."""
    where = dvr_floating_ip if floating_ip.router.distributed else _centralised
    return {
        "floating_ip_address": str(view.allocated.floating_address(floating_ip)),
        "fixed_ip_address": str(view.allocated.address(floating_ip.fixed_ip)),
        **where(view, floating_ip),
    }


def _centralised(_view, floating_ip):
    router = floating_ip.router
    return {"namespace": router_namespace(router), "device": gateway_device(router.gateway)}
