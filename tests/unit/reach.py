# SPDX-License-Identifier: GPL-3.0-or-later
"""The small cloud of cloud.py as who reaches whom sees it."""

from __future__ import annotations

from ipaddress import ip_address

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.site_security import SiteSecurity
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.questions import questions
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.topology import Topology
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.way import OUTSIDE, find_way, instance
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

from .cloud import HOSTS, SITE, changed

INTERNET = "198.51.100.10"
PORT, NETWORK, ROUTER = "dataplane_ports", "dataplane_networks", "dataplane_routers"
#: A second tenant with a router of its own: network green, the same addresses as blue, instance eve.
TENANT = [
    (f"{NETWORK}[3]", {"name": "green", "network_type": "vxlan",
                       "subnets": [{"name": "green4", "cidr": "10.0.0.0/24", "enable_dhcp": False}]}),
    (f"{ROUTER}[1]", {"name": "r2", "external_gateway_info": {"network": "ext"},
                      "interfaces": [{"subnet": "green4"}]}),
    (f"{PORT}[2]", {"name": "eve", "network": "green", "binding_host_id": "compute1",
                    "fixed_ips": [{"subnet": "green4", "ip_address": "10.0.0.9"}]}),
]
#: Both families in the networks of both instances; the router is in both.
V6 = [
    (f"{NETWORK}[1].subnets[1]", {"name": "blue6", "cidr": "fd00:b::/64", "enable_dhcp": False}),
    (f"{NETWORK}[2].subnets[1]", {"name": "red6", "cidr": "fd00:c::/64", "enable_dhcp": False}),
    (f"{PORT}[1].fixed_ips[1]", {"subnet": "red6"}),
    (f"{ROUTER}[0].interfaces[2]", {"subnet": "blue6"}),
    (f"{ROUTER}[0].interfaces[3]", {"subnet": "red6"}),
]


def allocated(*changes, hosts=HOSTS):
    """The Allocated site with changes."""
    site = load(changed(SITE, *changes), hosts)
    return Allocated(site, allocate(site, empty()))


def way(origin, destination, *changes, hosts=HOSTS):
    """The Way from an instance's name, or from outside (None), to an address or an instance's first one."""
    cloud = allocated(*changes, hosts=hosts)
    ports = {port.name: port for port in cloud.site.ports}
    target = ports.get(destination)
    address = cloud.address(target.fixed_ips[0]) if target else ip_address(destination)
    return find_way(Topology(cloud), instance(ports[origin]) if origin else OUTSIDE, address)


def questions_of(*changes, hosts=HOSTS, limit=1000):
    """{host: {"probes", "listeners"}}"""
    cloud = allocated(*changes, hosts=hosts)
    return questions(cloud, SiteSecurity(cloud), limit)


def asked(*changes, hosts=HOSTS, limit=1000):
    """{(origin, target, "ping" or TCP port, address): probe} of all hosts."""
    by_host = questions_of(*changes, hosts=hosts, limit=limit)
    return {(probe["origin"], probe["target"], probe.get("port", "ping"), probe["address"]): probe
            for share in by_host.values() for probe in share["probes"]}
