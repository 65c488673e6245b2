# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for instances: a namespace with one device behind each port. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.boot import HEAR_ROUTERS, told, told_mtu
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import (
    INSTANCE_DEVICE,
    instance_namespace,
    outer_device,
    tap_device,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.node import NO_RP_FILTER
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.plug import link, ovs_port
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_namespace import default_routes

#: Always a veth, as a hypervisor's tap is: its root end is there whatever Open vSwitch does.
_PLUG = "veth"

#: What an instance's card has until its DHCP client is told the network's MTU.
_CARD_MTU = 1500


def stand_ins(view):
    """The ports of this host's instances that are namespaces; a hypervisor has the others."""
    return [port for port in view.instances if port.vif == "namespace"]


def instance_device(port):
    """The instance's port in br-int: its tap, or what leads to the bridge where its tap is filtered."""
    return outer_device(port) if port.host.hybrid_plug else tap_device(port)


def instance_port(view, port):
    """The instance's OVS port."""
    return ovs_port(view, port, instance_device(port), external_ids={"vm-uuid": port.device_id})


def instance_item(view, port):
    """The instance's item of netns' `config`. What the network tells it, it is not given."""
    learnt = told(port)
    versions = {fixed.subnet.version for fixed in learnt}
    given = [fixed for fixed in port.fixed_ips if fixed not in learnt]
    gateways = [subnet for subnet in first_of_version(port) if subnet.version not in versions]
    item = {
        "name": instance_namespace(port),
        "sysctls": {**NO_RP_FILTER, **(HEAR_ROUTERS if 6 in versions else {})},
        "links": [{**_card(view, port), "addresses": view.cidrs(given)}],
        "routes": default_routes(gateways, INSTANCE_DEVICE),
    }
    return {**item, "keep_addresses": True} if learnt else item


def _card(view, port):
    """The instance's device. The tap at its other end has the network's MTU from the start, as a hypervisor's."""
    card = link(view, port, INSTANCE_DEVICE, _PLUG)
    return {**card, "mtu": _CARD_MTU, "peer_mtu": card["mtu"], "keep_mtu": True} if told_mtu(port) else card


def first_of_version(port):
    """The first subnet with a gateway of each address family: where the instance's default route leads."""
    found = {}
    for fixed in port.fixed_ips:
        if fixed.subnet.gateway_ip is not None:
            found.setdefault(fixed.subnet.version, fixed.subnet)
    return list(found.values())
