# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cloud with a distributed router, that the tests of distributed routing vary."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

from .cloud import changed

_HOST = {
    "dataplane_datapath_type": "netdev",
    "dataplane_firewall_driver": "noop",
    "dataplane_bridge_mappings": {"external": "br-ex", "vlan": "br-vlan"},
}


def host(group, last, **variables):
    """A host with a tunnel endpoint 10.0.1.LAST and the DVR host MAC fa:16:3f:00:00:LAST."""
    return {**_HOST, "groups": [group], "dataplane_local_ip": f"10.0.1.{last}",
            "dataplane_dvr_mac_address": f"fa:16:3f:00:00:{last}", **variables}  # fmt: skip


HOSTS = {name: host(name[:-1], last) for name, last in (
    ("network1", 21), ("compute1", 31), ("compute2", 32), ("compute3", 33))}


def network(name, segment, cidr, **keys):
    return {
        "name": name, "network_type": "vxlan", "segmentation_id": segment,
        "subnets": [{"name": f"{name}4", "cidr": cidr, "enable_dhcp": False}], **keys,
    }  # fmt: skip


def port(name, network, host, last, **keys):
    """An instance with an address and a MAC that end in LAST."""
    third = {"blue": 1, "red": 2}[network]
    return {
        "name": name, "network": network, "binding_host_id": host,
        "id": f"{last:08x}-0000-4000-8000-000000000000", "mac_address": f"fa:16:3e:00:0{third}:{last:02x}",
        "fixed_ips": [{"subnet": f"{network}4", "ip_address": f"192.168.{third}.{last}"}], **keys,
    }  # fmt: skip


#: Blue and red behind a distributed router; one (with a floating IP) and two are on compute1, three is on compute2.
SITE = {
    "dataplane_site": "test",
    "dataplane_enable_metadata_proxy": False,
    "dataplane_networks": [
        {
            "name": "ext", "router_external": True, "network_type": "flat", "physical_network": "external",
            "subnets": [{
                "name": "ext4", "cidr": "203.0.113.0/24", "gateway_ip": "203.0.113.1", "enable_dhcp": False,
                "allocation_pools": [{"start": "203.0.113.101", "end": "203.0.113.200"}],
            }],
        },
        network("blue", 100, "192.168.1.0/24"),
        network("red", 101, "192.168.2.0/24"),
    ],
    "dataplane_routers": [{
        "name": "r1",
        "id": "635660ae-0000-4000-8000-000000000000",
        "distributed": True,
        "external_gateway_info": {"network": "ext"},
        "interfaces": [
            {"subnet": "blue4", "mac_address": "fa:16:3e:00:01:01", "id": "b1a894fd-0000-4000-8000-000000000000"},
            {"subnet": "red4", "mac_address": "fa:16:3e:00:02:01", "id": "b2a894fd-0000-4000-8000-000000000000"},
        ],
    }],
    "dataplane_ports": [
        port("one", "blue", "compute1", 11), port("two", "red", "compute1", 12), port("three", "red", "compute2", 13),
    ],
    "dataplane_floating_ips": [{"floating_network": "ext", "floating_ip_address": "203.0.113.150", "port": "one"}],
}  # fmt: skip


def planned(*changes, hosts=None, lock=None):
    """{host: plan} of the small cloud with changes (see cloud.changed)."""
    site = load(changed(SITE, *changes), hosts or HOSTS)
    return compile_site(site, allocate(site, lock or empty()))


def locked(*changes, hosts=None, lock=None):
    """The allocations of the small cloud with changes."""
    return allocate(load(changed(SITE, *changes), hosts or HOSTS), lock or empty())


def namespace(plan, prefix):
    """The one namespace of a plan whose name starts so, or None."""
    found = [item for item in plan["namespaces"] if item["name"].startswith(prefix)]
    assert len(found) <= 1
    return found[0] if found else None


def flows(plan, bridge):
    return next((item["flows"] for item in plan["flows"] if item["bridge"] == bridge), [])


def table(plan, bridge, number):
    """The flows of a table, without its number."""
    return [flow.partition(",")[2] for flow in flows(plan, bridge) if flow.startswith(f"table={number},")]
