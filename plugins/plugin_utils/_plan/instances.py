# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for instances: a namespace with one device behind each port. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import INSTANCE_DEVICE, instance_namespace
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.node import NO_RP_FILTER
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.plug import link, ovs_port
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.router_namespace import default_routes

#: Always a veth, as a hypervisor's tap is: its root end is there whatever Open vSwitch does.
_PLUG = "veth"


def instance_port(view, port):
    """The instance's port in br-int."""
    return ovs_port(view, port, INSTANCE_DEVICE, _PLUG, instance_namespace(port), {"vm-uuid": port.device_id})


def instance_item(view, port):
    """The instance's item of netns' `config`."""
    return {
        "name": instance_namespace(port),
        "sysctls": dict(NO_RP_FILTER),
        "links": [link(view, port, INSTANCE_DEVICE, _PLUG)],
        "routes": default_routes(first_of_version(port), INSTANCE_DEVICE),
    }


def first_of_version(port):
    """The first subnet with a gateway of each address family: where the instance's default route leads."""
    found = {}
    for fixed in port.fixed_ips:
        if fixed.subnet.gateway_ip is not None:
            found.setdefault(fixed.subnet.version, fixed.subnet)
    return list(found.values())
