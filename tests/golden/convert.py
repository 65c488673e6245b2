# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded router (input.json) -> the site variables that describe the same router.

The recording holds what Neutron's server tells its L3 agent; ids, MACs and
addresses are pinned, so that names and rules come out equal. What the recording
does not say (segments, instances behind floating IPs) is made up.
"""

from __future__ import annotations

import ipaddress
from itertools import count

NETWORK_HOST, COMPUTE_HOST = "network1", "compute1"
_PHYSICAL_NETWORK = "physnet"


def site_variables(recorded):
    """The site variables of a legacy router. recorded: the contents of input.json."""
    router = recorded["router"]
    networks = _networks(router)
    return {
        "dataplane_site": "golden",
        "dataplane_lab": True,
        "dataplane_nova_metadata_host": "192.0.2.1",
        "dataplane_enable_metadata_proxy": recorded["enable_metadata_proxy"],
        "dataplane_global_physnet_mtu": 9000,
        "dataplane_networks": list(networks.values()),
        "dataplane_routers": [_router(router)],
        "dataplane_ports": _instances(router, networks),
        "dataplane_floating_ips": [_floating_ip(floating_ip) for floating_ip in router.get("_floatingips", [])],
    }


def hosts(plug):
    """One network and one compute host on the userspace datapath, with that interface plug."""
    host = {
        "dataplane_datapath_type": "netdev",
        "dataplane_interface_plug": plug,
        "dataplane_bridge_mappings": {_PHYSICAL_NETWORK: "br-ex"},
    }
    return {NETWORK_HOST: {**host, "groups": ["network"]}, COMPUTE_HOST: {**host, "groups": ["compute"]}}


def _ports(router):
    return [port for port in router.get("_interfaces", []) if port.get("admin_state_up", True)]


def _networks(router):
    """{network id: network}, in the order of the ports; each is a VLAN."""
    networks, vlans = {}, count(100)
    gateway = router.get("gw_port")
    for port in _ports(router) + ([gateway] if gateway else []):
        network = networks.setdefault(port["network_id"], {
            "name": port["network_id"],
            "id": port["network_id"],
            "router_external": port is gateway,
            "network_type": "vlan",
            "physical_network": _PHYSICAL_NETWORK,
            "segmentation_id": next(vlans),
            "mtu": port["mtu"],
            "subnets": [],
        })
        known = {subnet["id"] for subnet in network["subnets"]}
        for subnet in port.get("subnets", []) + port.get("extra_subnets", []):
            if subnet["id"] not in known:
                network["subnets"].append(_subnet(subnet))
    return networks


def _subnet(subnet):
    gateway, cidr = subnet.get("gateway_ip"), ipaddress.ip_network(subnet["cidr"])
    outside = gateway is not None and ipaddress.ip_address(gateway) not in cidr
    return {
        "name": subnet["id"],
        "id": subnet["id"],
        "cidr": subnet["cidr"],
        "gateway_ip": gateway,
        "gateway_onlink": outside,
        "enable_dhcp": False,
    }


def _fixed_ips(port):
    return [{"subnet": fixed["subnet_id"], "ip_address": fixed["ip_address"]} for fixed in port["fixed_ips"]]


def _router(router):
    item = {
        "name": "recorded",
        "id": router["id"],
        "binding_host_id": NETWORK_HOST,
        "interfaces": [
            {"id": port["id"], "mac_address": port["mac_address"], "fixed_ips": _fixed_ips(port)}
            for port in _ports(router)
        ],
        "routes": router.get("routes", []),
    }
    gateway = router.get("gw_port")
    if gateway:
        item["external_gateway_info"] = {
            "network": gateway["network_id"],
            "id": gateway["id"],
            "mac_address": gateway["mac_address"],
            "enable_snat": router.get("enable_snat", True),
            "external_fixed_ips": _fixed_ips(gateway),
        }
    return item


def _instances(router, networks):
    """An instance for every fixed IP that a floating IP leads to."""
    return [
        {
            "name": floating_ip["port_id"],
            "id": floating_ip["port_id"],
            "binding_host_id": COMPUTE_HOST,
            **_place(floating_ip["fixed_ip_address"], networks, router),
        }
        for floating_ip in router.get("_floatingips", [])
    ]


def _place(address, networks, router):
    joined = [fixed["subnet_id"] for port in _ports(router) for fixed in port["fixed_ips"]]
    for network in networks.values():
        for subnet in network["subnets"]:
            if subnet["id"] in joined and ipaddress.ip_address(address) in ipaddress.ip_network(subnet["cidr"]):
                return {"network": network["name"], "fixed_ips": [{"subnet": subnet["name"], "ip_address": address}]}
    raise ValueError(f"no interface of the recorded router is in a subnet of {address}")


def _floating_ip(floating_ip):
    return {
        "id": floating_ip["id"],
        "floating_network": floating_ip["floating_network_id"],
        "floating_ip_address": floating_ip["floating_ip_address"],
        "port": floating_ip["port_id"],
    }
