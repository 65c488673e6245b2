# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cloud that the tests of the site model vary."""

from __future__ import annotations

import copy
import re

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

#: One flat external network, two tenant VLANs behind one router, an instance in each, a floating IP, ping and SSH open.
#: No DHCP: addresses are static.
SITE = {
    "dataplane_site": "test",
    "dataplane_lab": True,
    "dataplane_nova_metadata_host": "10.0.0.11",
    "dataplane_networks": [
        {
            "name": "ext", "router_external": True, "network_type": "flat", "physical_network": "external",
            "subnets": [{
                "name": "ext4", "cidr": "203.0.113.0/24", "gateway_ip": "203.0.113.1", "enable_dhcp": False,
                "allocation_pools": [{"start": "203.0.113.101", "end": "203.0.113.110"}],
            }],
        },
        {
            "name": "blue", "network_type": "vlan", "physical_network": "vlan", "segmentation_id": 100,
            "subnets": [{"name": "blue4", "cidr": "10.0.0.0/24", "enable_dhcp": False}],
        },
        {
            "name": "red", "network_type": "vlan", "physical_network": "vlan", "segmentation_id": 101,
            "subnets": [{"name": "red4", "cidr": "10.0.1.0/24", "enable_dhcp": False}],
        },
    ],
    "dataplane_routers": [{
        "name": "r1",
        "external_gateway_info": {"network": "ext"},
        "interfaces": [{"subnet": "blue4"}, {"subnet": "red4"}],
    }],
    "dataplane_security_groups": [{
        "name": "default",
        "rules": [
            {"direction": "ingress", "protocol": "icmp", "remote_ip_prefix": "0.0.0.0/0"},
            {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22},
        ],
    }],
    "dataplane_ports": [
        {"name": "web", "network": "blue", "binding_host_id": "compute1"},
        {"name": "db", "network": "red", "binding_host_id": "compute1",
         "fixed_ips": [{"subnet": "red4", "ip_address": "10.0.1.9"}]},
    ],
    "dataplane_floating_ips": [{"floating_network": "ext", "floating_ip_address": "203.0.113.105", "port": "web"}],
}

_HOST = {
    "dataplane_datapath_type": "netdev",
    "dataplane_bridge_mappings": {"external": "br-ex", "vlan": "br-vlan"},
    "dataplane_bridge_interfaces": {"br-ex": ["eth3"], "br-vlan": ["eth2"]},
}
HOSTS = {
    "network1": {**_HOST, "groups": ["network"], "dataplane_local_ip": "10.0.1.21"},
    "compute1": {**_HOST, "groups": ["compute"], "dataplane_local_ip": "10.0.1.31"},
    "outside": {"groups": ["outside_world"]},
}

REMOVE = object()


def changed(data, *changes):
    """A copy of data with changes [(path, value)], a path as in messages: "dataplane_ports[0].name".

    value: REMOVE takes the key away; the index one past a list's end appends.
    """
    data = copy.deepcopy(data)
    for path, value in changes:
        *parents, last = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path)]
        parent = data
        for part in parents:
            parent = parent.setdefault(part, {}) if isinstance(parent, dict) else parent[part]
        if value is REMOVE:
            del parent[last]
        elif isinstance(parent, list) and last == len(parent):
            parent.append(copy.deepcopy(value))
        else:
            parent[last] = copy.deepcopy(value)
    return data


def planned(*changes, hosts=None, lock=None):
    """{host: plan} of the small cloud with changes."""
    site = load(changed(SITE, *changes), hosts or HOSTS)
    return compile_site(site, allocate(site, lock or empty()))
