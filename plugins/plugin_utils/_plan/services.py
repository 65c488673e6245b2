# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that run on a host, and the Debian packages that they come from. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan import boot, dnsmasq, haproxy, nginx, radvd
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dhcp import metadata_networks
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.instances import stand_ins
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.metadata import metadata_services
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.metadata_api import api_services

_PACKAGES = {
    boot.PROGRAM: ("isc-dhcp-client",),
    dnsmasq.PROGRAM: ("dnsmasq-base", "dnsmasq-utils"),
    haproxy.PROGRAM: ("haproxy",),
    nginx.PROGRAM: ("nginx-light",),
    radvd.PROGRAM: ("radvd",),
}


def services(view):
    """Items of netns_service's `config`."""
    return [
        *(dnsmasq.dnsmasq_service(view, port) for port in view.dhcp_ports),
        *(service for router in [*view.routers, *view.parts] for service in radvd.radvd_services(view, router)),
        *api_services(view),
        *metadata_services(view, metadata_networks(view)),
        *(service for port in stand_ins(view) for service in boot.boot_services(port)),
    ]


def packages(items):
    """Debian packages of the programs that services run."""
    return sorted({package for item in items for word in item["command"] for package in _PACKAGES.get(word, ())})
