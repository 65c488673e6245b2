# SPDX-License-Identifier: GPL-3.0-or-later
"""The structure of the site variables, as JSON Schema (draft 2020-12). PRIVATE to the collection.

Types, known keys, ranges and the syntax of addresses. What relates one object
to another is checked in the check_* files. `rule` is the sentence that a broken
format is reported with (structure.py).
"""

from __future__ import annotations

DRAFT = "https://json-schema.org/draft/2020-12/schema"

TUNNEL_TYPES = ("vxlan", "gre", "geneve")
NETWORK_TYPES = ("flat", "vlan", "local", *TUNNEL_TYPES)
TUNNEL_ID_MAX = 2**24 - 1  # a VNI; GRE's key could be longer, but one range is easier to remember
AGENT_MODES = ("legacy", "dvr", "dvr_snat", "dvr_no_external")
IPV6_MODES = ("slaac", "dhcpv6-stateful", "dhcpv6-stateless")

TEXT = {"type": "string", "minLength": 1}
FILE_NAME = {"type": "string", "format": "file-name"}
SHORT_TEXT = {"type": "string", "format": "short-text"}
HOST_NAME = {"type": "string", "format": "host-name"}
BOOLEAN = {"type": "boolean"}
UUID = {"type": "string", "format": "uuid"}
MAC = {"type": "string", "format": "mac"}
IP = {"type": "string", "format": "ip"}
IPV4 = {"type": "string", "format": "ipv4"}
CIDR = {"type": "string", "format": "cidr"}
ADDRESS_OR_CIDR = {"type": "string", "format": "ip-or-cidr"}
MTU = {"type": "integer", "minimum": 68, "maximum": 65535}
VLAN = {"type": "integer", "minimum": 1, "maximum": 4094}
TUNNEL_ID = {"type": "integer", "minimum": 1, "maximum": TUNNEL_ID_MAX}
TCP_PORT = {"type": "integer", "minimum": 0, "maximum": 65535}


def _object(required, **properties):
    return {
        "type": "object",
        "required": required.split(),
        "additionalProperties": False,
        "properties": {name.rstrip("_"): schema for name, schema in properties.items()},
    }


def _list(items):
    return {"type": "array", "items": items}


def _range(number):
    return {"minItems": 2, "maxItems": 2, **_list(number)}


POOL = _object("start end", start=IP, end=IP)

SUBNET = _object(
    "name cidr",
    name=TEXT,
    id=UUID,
    cidr=CIDR,
    ip_version={"enum": [4, 6]},
    gateway_ip={"type": ["string", "null"], "format": "ip"},
    gateway_onlink=BOOLEAN,
    allocation_pools=_list(POOL),
    enable_dhcp=BOOLEAN,
    dns_nameservers=_list(IP),
    host_routes=_list(_object("destination nexthop", destination=CIDR, nexthop=IP)),
    ipv6_ra_mode={"enum": list(IPV6_MODES)},
    ipv6_address_mode={"enum": list(IPV6_MODES)},
    address_scope=TEXT,
)

NETWORK = _object(
    "name network_type",
    name=TEXT,
    id=UUID,
    router_external=BOOLEAN,
    network_type={"enum": list(NETWORK_TYPES)},
    physical_network=TEXT,
    segmentation_id=TUNNEL_ID,
    mtu=MTU,
    subnets=_list(SUBNET),
)

FIXED_IP = _object("subnet", subnet=TEXT, ip_address=IP)

_ADDRESS_OR_SEVERAL = {"ip_address": IP, "fixed_ips": {"minItems": 1, **_list(FIXED_IP)}}

ROUTER_INTERFACE = _object(
    "",
    subnet=TEXT,
    **_ADDRESS_OR_SEVERAL,
    id=UUID,
    mac_address=MAC,
    centralized_snat=_object("", **_ADDRESS_OR_SEVERAL, id=UUID, mac_address=MAC),
)

GATEWAY = _object(
    "network",
    network=TEXT,
    enable_snat=BOOLEAN,
    external_fixed_ips={"minItems": 1, **_list(FIXED_IP)},
    id=UUID,
    mac_address=MAC,
)

ROUTER = _object(
    "name",
    name=TEXT,
    id=UUID,
    distributed=BOOLEAN,
    ha=BOOLEAN,
    external_gateway_info=GATEWAY,
    interfaces=_list(ROUTER_INTERFACE),
    routes=_list(_object("destination nexthop", destination=CIDR, nexthop=IP)),
    binding_host_id=TEXT,
)

DHCP_OPTION = _object(
    "opt_name opt_value", opt_name=TEXT, opt_value={"type": ["string", "integer"]}, ip_version={"enum": [4, 6]}
)

PORT = _object(
    "name network binding_host_id",
    name=FILE_NAME,
    id=UUID,
    network=TEXT,
    binding_host_id=TEXT,
    fixed_ips=_list(FIXED_IP),
    mac_address=MAC,
    device_id=UUID,
    project_id={"type": "string", "format": "project-id"},
    hostname=HOST_NAME,
    key_name=TEXT,
    metadata={"type": "object", "additionalProperties": {"type": "string", "format": "value"}},
    user_data={"type": "string", "format": "user-data"},
    port_security_enabled=BOOLEAN,
    allowed_address_pairs=_list(_object("ip_address", ip_address=ADDRESS_OR_CIDR, mac_address=MAC)),
    security_groups=_list(TEXT),
    extra_dhcp_opts=_list(DHCP_OPTION),
    vif={"enum": ["namespace", "bridge"]},
)

DHCP_PORT = _object(
    "network", network=TEXT, binding_host_id=TEXT, id=UUID, mac_address=MAC, fixed_ips=_list(FIXED_IP)
)

FIP_AGENT_GATEWAY_PORT = _object(
    "network binding_host_id", network=TEXT, binding_host_id=TEXT, id=UUID, mac_address=MAC, fixed_ips=_list(FIXED_IP)
)

FLOATING_IP = _object(
    "floating_network",
    id=UUID,
    floating_network=TEXT,
    floating_ip_address=IPV4,
    subnet=TEXT,
    port=TEXT,
    fixed_ip_address=IPV4,
    description=TEXT,
)

SECURITY_GROUP_RULE = _object(
    "direction",
    direction={"enum": ["ingress", "egress"]},
    ethertype={"enum": ["IPv4", "IPv6"]},
    protocol={"type": ["string", "integer"]},
    port_range_min=TCP_PORT,
    port_range_max=TCP_PORT,
    remote_ip_prefix=ADDRESS_OR_CIDR,
    remote_group=TEXT,
    description=TEXT,
)

SECURITY_GROUP = _object(
    "name",
    name=TEXT,
    id=UUID,
    description=TEXT,
    stateful=BOOLEAN,
    default_rules=BOOLEAN,
    rules=_list(SECURITY_GROUP_RULE),
)

KEYPAIR = _object("name public_key", name=SHORT_TEXT, public_key={"type": "string", "format": "public-key"})

SITE = {
    "$schema": DRAFT,
    **_object(
        "dataplane_site",
        dataplane_site={"type": "string", "format": "site-name"},
        dataplane_networks=_list(NETWORK),
        dataplane_routers=_list(ROUTER),
        dataplane_ports=_list(PORT),
        dataplane_floating_ips=_list(FLOATING_IP),
        dataplane_security_groups=_list(SECURITY_GROUP),
        dataplane_keypairs=_list(KEYPAIR),
        dataplane_enable_metadata_proxy=BOOLEAN,
        dataplane_metadata_api=BOOLEAN,
        dataplane_metadata_proxy_shared_secret={"type": "string"},
        dataplane_nova_metadata_host={"type": "string", "format": "host"},
        dataplane_nova_metadata_port={"type": "integer", "minimum": 1, "maximum": 65535},
        dataplane_vendor_data={"type": "object"},
        dataplane_lab=BOOLEAN,
        dataplane_dhcp_ports=_list(DHCP_PORT),
        dataplane_fip_agent_gateway_ports=_list(FIP_AGENT_GATEWAY_PORT),
        dataplane_dhcp_agents_per_network={"type": "integer", "minimum": 1, "maximum": 255},
        dataplane_dns_domain={"type": "string", "format": "dns-domain"},
        dataplane_enable_isolated_metadata=BOOLEAN,
        dataplane_force_metadata=BOOLEAN,
        dataplane_global_physnet_mtu=MTU,
        dataplane_path_mtu=MTU,
        dataplane_geneve_max_header_size={"type": "integer", "minimum": 30, "maximum": 30 + 63 * 4},
        dataplane_vlan_ranges={"type": "object", "additionalProperties": _range(VLAN)},
        dataplane_tunnel_id_ranges=_object("", **{kind: _range(TUNNEL_ID) for kind in TUNNEL_TYPES}),
        dataplane_verify_internet=IP,
    ),
}

DEVICE = {"type": "string", "format": "device"}

HOST = {
    "$schema": DRAFT,
    **_object(
        "",
        dataplane_local_ip=IP,
        dataplane_bridge_mappings={"type": "object", "additionalProperties": DEVICE},
        dataplane_bridge_interfaces={"type": "object", "additionalProperties": _list(DEVICE)},
        dataplane_datapath_type={"enum": ["system", "netdev"]},
        dataplane_interface_plug={"enum": ["veth", "internal"]},
        dataplane_firewall_driver={"enum": ["iptables_hybrid", "noop"]},
        dataplane_agent_mode={"enum": list(AGENT_MODES)},
        dataplane_dvr_mac_address=MAC,
    ),
}

SITE_VARIABLES = tuple(SITE["properties"])
HOST_VARIABLES = tuple(HOST["properties"])
