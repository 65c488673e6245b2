# SPDX-License-Identifier: GPL-3.0-or-later
"""The pair between a distributed router and the external network on a host (reference 3.2, 3.3). PRIVATE."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.mtu import network_mtu
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    fip_namespace,
    inward_device,
    outward_device,
    router_namespace,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.ids import derived_mac


def is_paired(view, router):
    """Whether the router's part on this host has a way outside of its own."""
    return bool(router.gateway) and view.host.leads_outside


def router_end(view, router):
    """The link in the router's namespace."""
    return _end(view, router, outward_device(router), inward_device(router), fip_namespace(router.gateway.network), 0)


def external_end(view, router):
    """The link in the external network's namespace."""
    return _end(view, router, inward_device(router), outward_device(router), router_namespace(router), 1)


def router_address(view, router):
    """The router's address, as text."""
    return _address(view, router, 0)


def external_address(view, router):
    """The external network's address, as text."""
    return _address(view, router, 1)


def router_neighbour(view, router):
    """What the external network's namespace knows of the router, an item of netns' `neighbours`."""
    return {"device": inward_device(router), "address": router_address(view, router),
            "mac_address": pair_mac(router, outward_device)}


def external_neighbour(view, router):
    """What the router knows of the external network's namespace."""
    return {"device": outward_device(router), "address": external_address(view, router),
            "mac_address": pair_mac(router, inward_device)}


def pair_mac(router, device_of):
    """The MAC of an end. Both ends know it beforehand, so it follows from the router's id."""
    return derived_mac(device_of(router)[:4] + router.id)


def _end(view, router, name, peer, peer_namespace, which):
    return {
        "name": name,
        "plug": "veth",
        "peer": peer,
        "peer_namespace": peer_namespace,
        "mac_address": pair_mac(router, (outward_device, inward_device)[which]),
        "mtu": network_mtu(view.site, router.gateway.network),
        "addresses": [view.allocated.link_locals(view.host, router)[which]],
    }


def _address(view, router, which):
    return view.allocated.link_locals(view.host, router)[which].partition("/")[0]
