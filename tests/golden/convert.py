# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded router (input.json) -> the site variables that describe the same router.

The recording holds what Neutron's server tells its L3 agent; ids, MACs and
addresses are pinned, so that names and rules come out equal. What the recording
does not say (segments, instances behind floating IPs, other hosts) is made up.
"""

from __future__ import annotations

import ipaddress
from itertools import count

#: Who recorded: the host of centralised routers, or the one that has a part of a distributed router.
NETWORK_HOST, AGENT_HOST = "network1", "agent1"
#: Made up: a compute host, and one without floating IPs.
COMPUTE_HOST, NO_EXTERNAL_HOST = "compute1", "compute2"
_PHYSICAL_NETWORK = "physnet"


def site_variables(recorded):
    """The site variables of a router. recorded: the contents of input.json."""
    router = recorded["router"]
    networks = _networks(recorded)
    subnets = {fixed["subnet_id"]: fixed for port in _ports(router) for fixed in port["fixed_ips"]}
    return {
        "dataplane_site": "golden",
        "dataplane_lab": True,
        "dataplane_nova_metadata_host": "192.0.2.1",
        "dataplane_enable_metadata_proxy": recorded["enable_metadata_proxy"],
        "dataplane_global_physnet_mtu": 9000,
        "dataplane_networks": list(networks.values()),
        "dataplane_routers": [_router(recorded)],
        "dataplane_fip_agent_gateway_ports": [
            {"binding_host_id": AGENT_HOST, "network": port["network_id"], **_pins(port)}
            for port in router.get("_floatingip_agent_interfaces", [])
        ],
        "dataplane_ports": _instances(recorded, networks),
        "dataplane_dhcp_ports": [
            {"binding_host_id": _gateway_host(recorded), "network": _network_of(port, networks), **_pins(port)}
            for port in _on(subnets, recorded) if port["device_owner"] == "network:dhcp"
        ],
        "dataplane_floating_ips": [_floating_ip(floating_ip) for floating_ip in router.get("_floatingips", [])],
    }


def own_host(recorded):
    """The host whose agent was recorded."""
    return NETWORK_HOST if recorded["agent_mode"] == "legacy" else AGENT_HOST


def hosts(recorded, plug):
    """The recorded host, and those that others of the router's things are on, on the userspace datapath."""
    host = {
        "dataplane_datapath_type": "netdev",
        "dataplane_interface_plug": plug,
        "dataplane_bridge_mappings": {_PHYSICAL_NETWORK: "br-ex"},
    }
    mode = recorded["agent_mode"]
    found = {NETWORK_HOST: {**host, "groups": ["network"]}, COMPUTE_HOST: {**host, "groups": ["compute"]}}
    if mode != "legacy":
        group = "network" if mode == "dvr_snat" else "compute"
        found[NO_EXTERNAL_HOST] = {**host, "groups": ["compute"], "dataplane_agent_mode": "dvr_no_external"}
        found[AGENT_HOST] = {**host, "groups": [group], "dataplane_agent_mode": mode}
    return found


def made_up(recorded):
    """The addresses of instances that the recording does not know."""
    known = {fixed["ip_address"] for port in recorded["ports_by_subnet_rpc"] for fixed in port["fixed_ips"]}
    return {each["fixed_ip_address"] for each in recorded["router"].get("_floatingips", [])} - known


def _gateway_host(recorded):
    has_it = recorded["agent_mode"] == "dvr_snat" and recorded["router"].get("gw_port_host") == AGENT_HOST
    return AGENT_HOST if has_it else NETWORK_HOST


def _ports(router):
    return [port for port in router.get("_interfaces", []) if port.get("admin_state_up", True)]


def _networks(recorded):
    """{network id: network}, in the order of the ports; each is a VLAN."""
    router = recorded["router"]
    networks, vlans = {}, count(100)
    gateway = router.get("gw_port")
    served = {fixed["subnet_id"] for port in recorded["ports_by_subnet_rpc"] if port["device_owner"] == "network:dhcp"
              for fixed in port["fixed_ips"]}
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
        known = {subnet["cidr"] for subnet in network["subnets"]}
        for subnet in port.get("subnets", []) + port.get("extra_subnets", []):
            if subnet["cidr"] not in known:
                network["subnets"].append(_subnet(subnet, port, subnet.get("id") in served))
    return networks


def _subnet(subnet, port, served):
    gateway, cidr = subnet.get("gateway_ip"), ipaddress.ip_network(subnet["cidr"])
    outside = gateway is not None and ipaddress.ip_address(gateway) not in cidr
    scope = port.get("address_scopes", {}).get(str(cidr.version))
    modes = {key: subnet[key] for key in ("ipv6_ra_mode", "ipv6_address_mode") if subnet.get(key)}
    return {
        "name": subnet.get("id", subnet["cidr"]),
        **({"id": subnet["id"]} if "id" in subnet else {}),
        "cidr": subnet["cidr"],
        "gateway_ip": gateway,
        "gateway_onlink": outside,
        "enable_dhcp": served or bool(modes),
        **modes,
        **({"address_scope": scope} if scope else {}),
    }


def _fixed_ips(port):
    return [{"subnet": fixed["subnet_id"], "ip_address": fixed["ip_address"]} for fixed in port["fixed_ips"]]


def _pins(port):
    return {"id": port["id"], "mac_address": port["mac_address"], "fixed_ips": _fixed_ips(port)}


def _router(recorded):
    router = recorded["router"]
    gateway = router.get("gw_port")
    item = {
        "name": "recorded",
        "id": router["id"],
        "distributed": router.get("distributed", False),
        "interfaces": [{**_pins(port), **_beside(port, router)} for port in _ports(router)],
        "routes": _reachable(router),
    }
    if gateway or not item["distributed"]:
        item["binding_host_id"] = _gateway_host(recorded)
    if gateway:
        pins = _pins(gateway)
        item["external_gateway_info"] = {
            "network": gateway["network_id"],
            "enable_snat": router.get("enable_snat", True),
            "external_fixed_ips": pins.pop("fixed_ips"),
            **pins,
        }
    return item


def _beside(interface, router):
    """The port beside an interface of a distributed router."""
    subnets = {fixed["subnet_id"] for fixed in interface["fixed_ips"]}
    for port in router.get("_snat_router_interfaces", []):
        if any(fixed["subnet_id"] in subnets for fixed in port["fixed_ips"]):
            return {"centralized_snat": _pins(port)}
    return {}


def _reachable(router):
    """The extra routes that the kernel takes; the agent says nothing about the others."""
    gateway = router.get("gw_port")
    cidrs = [ipaddress.ip_network(subnet["cidr"]) for port in _ports(router) + ([gateway] if gateway else [])
             for subnet in port["subnets"]]
    return [route for route in router.get("routes", [])
            if any(ipaddress.ip_address(route["nexthop"]) in cidr for cidr in cidrs)]


def _instances(recorded, networks):
    """Instances that the recording knows, and one for every other fixed IP that a floating IP leads to."""
    router = recorded["router"]
    floating_ips = {each["fixed_ip_address"]: each for each in router.get("_floatingips", [])}
    subnets = {fixed["subnet_id"] for port in _ports(router) for fixed in port["fixed_ips"]}
    instances, known = [], set()
    for port in _on(subnets, recorded):
        if port["device_owner"].startswith("compute:"):
            addresses = [fixed["ip_address"] for fixed in port["fixed_ips"]]
            floating = [floating_ips[address] for address in addresses if address in floating_ips]
            known.update(addresses)
            instances.append({
                "name": floating[0]["port_id"] if floating else port["id"],
                "network": _network_of(port, networks),
                "binding_host_id": _host_of(floating, recorded),
                "mac_address": port["mac_address"],
                "fixed_ips": _fixed_ips(port),
                "allowed_address_pairs": port.get("allowed_address_pairs", []),
            })
    return instances + [
        {"name": each["port_id"], "binding_host_id": _host_of([each], recorded), **_place(address, networks, router)}
        for address, each in floating_ips.items() if address not in known
    ]


def _on(subnets, recorded):
    """The recorded ports on some subnets, each once."""
    ports = {port["id"]: port for port in recorded["ports_by_subnet_rpc"]}
    return [port for port in ports.values() if any(fixed["subnet_id"] in subnets for fixed in port["fixed_ips"])]


def _host_of(floating_ips, recorded):
    if recorded["agent_mode"] == "legacy":
        return COMPUTE_HOST
    return NO_EXTERNAL_HOST if any(each.get("dvr_snat_bound") for each in floating_ips) else AGENT_HOST


def _network_of(port, networks):
    subnet = port["fixed_ips"][0]["subnet_id"]
    return next(name for name, network in networks.items()
                if any(each["name"] == subnet for each in network["subnets"]))


def _place(address, networks, router):
    joined = [fixed["subnet_id"] for port in _ports(router) for fixed in port["fixed_ips"]]
    for network in networks.values():
        for subnet in network["subnets"]:
            if subnet["name"] in joined and ipaddress.ip_address(address) in ipaddress.ip_network(subnet["cidr"]):
                return {"network": network["name"], "fixed_ips": [{"subnet": subnet["name"], "ip_address": address}]}
    raise ValueError(f"no interface of the recorded router is in a subnet of {address}")


def _floating_ip(floating_ip):
    return {
        "id": floating_ip["id"],
        "floating_network": floating_ip["floating_network_id"],
        "floating_ip_address": floating_ip["floating_ip_address"],
        "port": floating_ip["port_id"],
    }
