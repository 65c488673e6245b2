# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of a site is found, and named by path, value and rule."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.mtu import largest_mtu

from .cloud import HOSTS, REMOVE, SITE, changed

ID = "5eb99ac3-905b-4f0e-9c0f-708ce1fd2303"
NET, EXT = "dataplane_networks[1]", "dataplane_networks[0]"
SUBNET, POOLS = f"{NET}.subnets[0]", f"{NET}.subnets[0].allocation_pools"
ROUTER, PORT, FIP = "dataplane_routers[0]", "dataplane_ports[0]", "dataplane_floating_ips[0]"
V6 = {"name": "blue6", "cidr": "fd00::/64"}


def problems(*changes, hosts=()):
    with pytest.raises(SiteError) as caught:
        load(changed(SITE, *changes), changed(HOSTS, *hosts))
    return caught.value.problems


def test_the_small_cloud_is_sound():
    site = load(SITE, HOSTS)
    assert [router.name for router in site.routers] == ["r1"]
    assert site.floating_ips[0].router.name == "r1"


STRUCTURE = [
    (("dataplane_site", REMOVE), "dataplane_site: (missing): is required"),
    (("dataplane_site", "no spaces"), "dataplane_site: no spaces: must be at most 63 letters"),
    (("dataplane_network", []), "dataplane_network: []: is not a known key: did you mean dataplane_networks?"),
    ((f"{NET}.subnetz", []), f"{NET}.subnetz: []: is not a known key: did you mean subnets?"),
    ((f"{NET}.colour", "blue"), f"{NET}.colour: blue: is not a known key: name, id, router_external"),
    ((f"{NET}.name", ""), f'{NET}.name: "": must not be empty'),
    ((f"{NET}.name", REMOVE), f"{NET}.name: (missing): is required"),
    ((f"{NET}.name", 7), f"{NET}.name: 7: must be a string"),
    ((f"{NET}.network_type", "vlam"), f"{NET}.network_type: vlam: must be flat or vlan or local or vxlan"),
    ((f"{NET}.router_external", "yes"), f"{NET}.router_external: yes: must be true or false"),
    ((f"{NET}.subnets", {}), f"{NET}.subnets: {{}}: must be a list"),
    ((f"{NET}.mtu", 10), f"{NET}.mtu: 10: must be from 68 to 65535"),
    ((f"{NET}.id", "5eb99ac3"), f"{NET}.id: 5eb99ac3: must be a UUID"),
    ((f"{SUBNET}.cidr", "10.0.0.7/24"), f"{SUBNET}.cidr: 10.0.0.7/24: must be a network in CIDR notation without host"),
    ((f"{SUBNET}.gateway_ip", "10.0.0"), f"{SUBNET}.gateway_ip: 10.0.0: must be an IP address"),
    ((f"{SUBNET}.dns_nameservers", ["x"]), f"{SUBNET}.dns_nameservers[0]: x: must be an IP address"),
    ((f"{PORT}.mac_address", "01:00:5e:00:00:01"), f"{PORT}.mac_address: 01:00:5e:00:00:01: must be a unicast MAC"),
    ((f"{PORT}.name", "a/b"), f"{PORT}.name: a/b: must be 1 to 200 letters, digits and characters"),
    ((f"{ROUTER}.interfaces[0].fixed_ips", []), f"{ROUTER}.interfaces[0].fixed_ips: []: has too few items"),
    ((f"{FIP}.floating_ip_address", "fd00::5"), f"{FIP}.floating_ip_address: fd00::5: must be an IPv4 address"),
    (("dataplane_vlan_ranges", {"vlan": [1, 5000]}), "dataplane_vlan_ranges.vlan[1]: 5000: must be from 1 to 4094"),
    (("dataplane_security_groups", [{"name": "g", "rules": [{"direction": "up"}]}]),
     "dataplane_security_groups[0].rules[0].direction: up: must be ingress or egress"),
]

NOT_YET = [
    ((f"{ROUTER}.ha", True), f"{ROUTER}.ha: true: is not supported yet by this version"),
]

REFERENCES = [
    ((f"{PORT}.network", "blu"), f"{PORT}.network: blu: is not a known network: did you mean blue?"),
    ((f"{PORT}.binding_host_id", "compute2"),
     f"{PORT}.binding_host_id: compute2: is not a known host: did you mean compute1?"),
    ((f"{PORT}.fixed_ips", [{"subnet": "red4"}]),
     f"{PORT}.fixed_ips[0].subnet: red4: must be a subnet of network blue"),
    ((f"{PORT}.security_groups", ["default", "webs"]),
     f"{PORT}.security_groups[1]: webs: is not a known security group"),
    ((f"{ROUTER}.interfaces[1].subnet", "redd"), f"{ROUTER}.interfaces[1].subnet: redd: is not a known subnet"),
    ((f"{ROUTER}.external_gateway_info.network", "zzz"),
     f"{ROUTER}.external_gateway_info.network: zzz: is not a known network"),
    ((f"{FIP}.port", "wob"), f"{FIP}.port: wob: is not a known port: did you mean web?"),
    ((f"{ROUTER}.binding_host_id", "compute1"),
     f"{ROUTER}.binding_host_id: compute1: must be a host of group network"),
    ((f"{PORT}.binding_host_id", "outside"),
     f"{PORT}.binding_host_id: outside: must be a host of group compute or network"),
]

DUPLICATES = [
    (("dataplane_networks[2].name", "blue"),
     "dataplane_networks[2].name: blue: must be unique, and is also the name of dataplane_networks[1]"),
    (("dataplane_ports[1].name", "web"),
     "dataplane_ports[1].name: web: must be unique, and is also the name of dataplane_ports[0]"),
    (("dataplane_networks[2].segmentation_id", 100),
     "dataplane_networks[2].segmentation_id: 100: is taken on this physical network by dataplane_networks[1]."),
    (("dataplane_networks[3]", {"name": "ext-b", "network_type": "flat", "physical_network": "external"}),
     "dataplane_networks[3].physical_network: external: is taken on this physical network by dataplane_networks[0]."),
    (("dataplane_ports[2]", {"name": "x", "network": "red", "binding_host_id": "compute1",
                             "fixed_ips": [{"subnet": "red4", "ip_address": "10.0.1.9"}]}),
     "dataplane_ports[2].fixed_ips[0].ip_address: 10.0.1.9: must be unique, and is also "
     "dataplane_ports[1].fixed_ips[0].ip_address"),
    ((f"{PORT}.fixed_ips", [{"subnet": "blue4", "ip_address": "10.0.0.1"}]),
     f"{PORT}.fixed_ips[0].ip_address: 10.0.0.1: must be unique, and is also {ROUTER}.interfaces[0]"),
    (("dataplane_floating_ips[1]", {"floating_network": "ext", "floating_ip_address": "203.0.113.106", "port": "web"}),
     "dataplane_floating_ips[1].port: web: has a floating IP already, dataplane_floating_ips[0].port"),
    (("dataplane_floating_ips[1]", {"floating_network": "ext", "floating_ip_address": "203.0.113.105", "port": "db"}),
     "dataplane_floating_ips[1].floating_ip_address: 203.0.113.105: must be unique"),
]

ADDRESSES = [
    ((f"{SUBNET}.gateway_ip", "10.0.9.1"), f"{SUBNET}.gateway_ip: 10.0.9.1: must be inside 10.0.0.0/24"),
    ((f"{SUBNET}.gateway_ip", "10.0.0.255"), f"{SUBNET}.gateway_ip: 10.0.0.255: must not be the network or broadcast"),
    ((f"{SUBNET}.gateway_ip", "fd00::1"), f"{SUBNET}.gateway_ip: fd00::1: must be an IPv4 address"),
    ((f"{SUBNET}.ip_version", 6), f"{SUBNET}.ip_version: 6: must be 4, as 10.0.0.0/24 is"),
    ((POOLS, [{"start": "10.0.0.9", "end": "10.0.1.9"}]), f"{POOLS}[0]: 10.0.0.9-10.0.1.9: must be inside 10.0.0.0/24"),
    ((POOLS, [{"start": "10.0.0.9", "end": "10.0.0.5"}]), f"{POOLS}[0]: 10.0.0.9-10.0.0.5: must not end before"),
    ((POOLS, [{"start": "10.0.0.1", "end": "10.0.0.5"}]),
     f"{POOLS}[0]: 10.0.0.1-10.0.0.5: must not contain the gateway_ip 10.0.0.1"),
    ((POOLS, [{"start": "10.0.0.5", "end": "10.0.0.9"}, {"start": "10.0.0.9", "end": "10.0.0.12"}]),
     f"{POOLS}[1]: 10.0.0.9-10.0.0.12: must not overlap {POOLS}[0]"),
    ((f"{NET}.subnets[1]", {"name": "blue-b", "cidr": "10.0.0.128/25"}),
     f"{NET}.subnets[1].cidr: 10.0.0.128/25: must not overlap 10.0.0.0/24 of {SUBNET}"),
    ((f"{PORT}.fixed_ips", [{"subnet": "blue4", "ip_address": "10.0.1.7"}]),
     f"{PORT}.fixed_ips[0].ip_address: 10.0.1.7: must be inside 10.0.0.0/24, the cidr of subnet blue4"),
    ((f"{FIP}.floating_ip_address", "198.51.100.9"),
     f"{FIP}.floating_ip_address: 198.51.100.9: must be inside 203.0.113.0/24"),
    ((f"{FIP}.floating_ip_address", "203.0.113.1"),
     f"{FIP}.floating_ip_address: 203.0.113.1: must not be the gateway_ip of subnet ext4"),
    ((f"{FIP}.fixed_ip_address", "10.0.0.77"),
     f"{FIP}.fixed_ip_address: 10.0.0.77: must be a fixed IP that {PORT} declares"),
    ((f"{FIP}", {"floating_network": "ext"}),
     f"{FIP}.floating_ip_address: (missing): is required of a floating IP without a port"),
]

ROUTERS = [
    (("dataplane_networks[2].subnets[0].cidr", "10.0.0.128/25"),
     f"{ROUTER}.interfaces[1]: 10.0.0.128/25: must not overlap 10.0.0.0/24 (blue4) on the same router"),
    ((f"{ROUTER}.interfaces[2]", {"subnet": "blue4", "ip_address": "10.0.0.2"}),
     f"{ROUTER}.interfaces[2]: blue4: is on this router already, at {ROUTER}.interfaces[0]"),
    ((f"{ROUTER}.interfaces[0]", {"ip_address": "10.0.0.2"}),
     f'{ROUTER}.interfaces[0]: {{"ip_address": "10.0.0.2"}}: must have either subnet or fixed_ips'),
    ((f"{SUBNET}.gateway_ip", None),
     f"{ROUTER}.interfaces[0].ip_address: (missing): is required, because subnet blue4 has no gateway_ip"),
    ((f"{ROUTER}.external_gateway_info.network", "red"),
     f"{ROUTER}.external_gateway_info.network: red: must be a network with router_external: true"),
    ((f"{EXT}.router_external", False), f"{FIP}.floating_network: ext: must be a network with router_external: true"),
    ((f"{ROUTER}.routes", [{"destination": "10.9.0.0/24", "nexthop": "10.0.7.7"}]),
     f"{ROUTER}.routes[0]: 10.0.7.7: must be on a subnet that the router is connected to"),
    ((f"{ROUTER}.routes", [{"destination": "10.9.0.0/24", "nexthop": "10.0.0.1"}]),
     f"{ROUTER}.routes[0]: 10.0.0.1: must not be an address of the router itself"),
    ((f"{ROUTER}.routes", [{"destination": "10.9.0.0/24", "nexthop": "fd00::1"}]),
     f"{ROUTER}.routes[0]: fd00::1: must be an IPv4 address like the destination"),
    ((f"{ROUTER}.interfaces", [{"subnet": "red4"}]),
     f"{FIP}.port: web: must be on a subnet that a router joins to ext, and blue4 is not"),
]

SEGMENTS = [
    ((f"{NET}.segmentation_id", 4095), f"{NET}.segmentation_id: 4095: must be from 1 to 4094"),
    ((f"{NET}.segmentation_id", REMOVE),
     f"{NET}.segmentation_id: (missing): is required, because dataplane_vlan_ranges has no range for vlan"),
    ((f"{NET}.physical_network", REMOVE), f"{NET}.physical_network: (missing): is required by network_type vlan"),
    ((f"{EXT}.segmentation_id", 9), f"{EXT}.segmentation_id: 9: is unknown to network_type flat"),
    ((f"{NET}.network_type", "local"), f"{NET}.physical_network: vlan: is unknown to network_type local"),
    (("dataplane_vlan_ranges", {"vlan": [200, 100]}), "dataplane_vlan_ranges.vlan: [200, 100]: must be [first, last]"),
    ((f"{NET}.mtu", 9000), f"{NET}.mtu: 9000: must be at most dataplane_global_physnet_mtu, 1500"),
    ((NET, {**SITE["dataplane_networks"][1], "mtu": 1000, "subnets": [V6]}),
     f"{NET}.mtu: 1000: must be at least 1280"),
    ((f"{NET}.physical_network", "vlam"),
     f"{PORT}.binding_host_id: compute1: must have physical network vlam in its dataplane_bridge_mappings, "
     "because network blue is on it"),
]

TUNNEL = {"name": "blue", "network_type": "vxlan", "segmentation_id": 100,
          "subnets": [{"name": "blue4", "cidr": "10.0.0.0/24", "enable_dhcp": False}]}
TUNNELS = [
    ((f"{NET}.network_type", "vxlan"), f"{NET}.physical_network: vlan: is unknown to network_type vxlan"),
    ((NET, {**TUNNEL, "segmentation_id": 2**24}), f"{NET}.segmentation_id: 16777216: must be from 1 to 16777215"),
    ((NET, {**TUNNEL, "mtu": 1451}),
     f"{NET}.mtu: 1451: must be at most 1450: vxlan takes 50 of the underlay's 1500 bytes"),
    ((NET, {**TUNNEL, "network_type": "gre", "mtu": 1459}),
     f"{NET}.mtu: 1459: must be at most 1458: gre takes 42 of the underlay's 1500 bytes"),
    (("dataplane_tunnel_id_ranges", {"gre": [9, 3]}), "dataplane_tunnel_id_ranges.gre: [9, 3]: must be [first, last]"),
    (("dataplane_tunnel_id_ranges", {"vxlan": [0, 3]}),
     "dataplane_tunnel_id_ranges.vxlan[0]: 0: must be from 1 to 16777215"),
    (("dataplane_tunnel_id_ranges", {"vxlan": [1]}), "dataplane_tunnel_id_ranges.vxlan: [1]: has too few items"),
    (("dataplane_tunnel_id_ranges", {"vxlam": [1, 2]}),
     'dataplane_tunnel_id_ranges.vxlam: [1, 2]: is not a known key: did you mean vxlan?'),
    (("dataplane_path_mtu", 10), "dataplane_path_mtu: 10: must be from 68 to 65535"),
    (("dataplane_geneve_max_header_size", 8), "dataplane_geneve_max_header_size: 8: must be from 30 to 282"),
]


@pytest.mark.parametrize(
    ("change", "expected"),
    STRUCTURE + NOT_YET + REFERENCES + DUPLICATES + ADDRESSES + ROUTERS + SEGMENTS + TUNNELS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault_is_named(change, expected):
    assert any(line.startswith(expected) for line in problems(change)), problems(change)


@pytest.mark.parametrize(("change", "expected"), [
    (("compute1.dataplane_local_ip", "10.0.1.21"),
     "hostvars.compute1.dataplane_local_ip: 10.0.1.21: must be unique, and is also hostvars.network1."),
    (("compute1.dataplane_local_ip", "here"), "hostvars.compute1.dataplane_local_ip: here: must be an IP address"),
    (("compute1.dataplane_datapath_type", "dpdk"),
     "hostvars.compute1.dataplane_datapath_type: dpdk: must be system or netdev"),
    (("compute1.dataplane_bridge_mappings.vlan", "bridge-of-the-vlans"),
     "hostvars.compute1.dataplane_bridge_mappings.vlan: bridge-of-the-vlans: must be at most 15 characters"),
    (("compute1.dataplane_bridge_mappings.vlan", "br-ex"),
     "hostvars.compute1.dataplane_bridge_mappings.vlan: br-ex: must be unique"),
    (("compute1.dataplane_bridge_mappings.vlan", "br-int"),
     "hostvars.compute1.dataplane_bridge_mappings.vlan: br-int: must not be one of the bridges"),
    (("compute1.dataplane_bridge_interfaces.br-vlan", ["eth3"]),
     "hostvars.compute1.dataplane_bridge_interfaces.br-vlan[0]: eth3: must be in one bridge only"),
    (("compute1.dataplane_bridge_interfaces.br-v", ["eth4"]),
     'hostvars.compute1.dataplane_bridge_interfaces.br-v: ["eth4"]: must be a bridge of'),
    (("compute1.dataplane_bridge_mapings", {}),
     "hostvars.compute1.dataplane_bridge_mapings: {}: is not a known key: did you mean dataplane_bridge_mappings?"),
])
def test_faults_of_hosts_are_named(change, expected):
    found = problems(hosts=[change])
    assert any(line.startswith(expected) for line in found), found


@pytest.mark.parametrize(("changes", "hosts", "expected"), [
    ([("dataplane_networks[3]", {"name": "green", "network_type": "vxlan", "segmentation_id": 100})], [],
     ["dataplane_networks[3].segmentation_id: 100: is taken among the networks of this type by "
      f"{NET}.segmentation_id"]),
    ([("dataplane_networks[3]", {"name": "green", "network_type": "gre", "segmentation_id": 100})], [], []),
    ([], [("compute1.dataplane_local_ip", REMOVE)],
     ["hostvars.compute1.dataplane_local_ip: (missing): is required of a host with a port in a tunnel network"]),
    ([(f"{ROUTER}.binding_host_id", "network1")], [("network1.dataplane_local_ip", REMOVE)],
     ["hostvars.network1.dataplane_local_ip: (missing): is required of a host with a port in a tunnel network"]),
    ([], [("network1.dataplane_local_ip", REMOVE)],
     [f"{ROUTER}.binding_host_id: (missing): there must be a host of group network with external, vlan in its "
      "dataplane_bridge_mappings and dataplane_local_ip"]),
    ([], [("compute1.dataplane_local_ip", "fd00::31")],
     ["hostvars.compute1.dataplane_local_ip: fd00::31: must be an IPv4 address, as "
      "hostvars.network1.dataplane_local_ip is"]),
    ([], [("compute1.dataplane_local_ip", "fd00::31"), ("network1.dataplane_local_ip", "fd00::21")], []),
    ([], [("compute1.dataplane_local_ip", "224.0.0.1")],
     ["hostvars.compute1.dataplane_local_ip: 224.0.0.1: must be a unicast address that the other hosts can reach"]),
    ([("dataplane_path_mtu", 100)], [],
     ["dataplane_path_mtu: 100: must be at least 118, as dataplane_networks[1] is of type vxlan"]),
    ([(f"{PORT}.vif", "bridge")], [], []),
    ([(f"{PORT}.vif", "bridge")], [("compute1.dataplane_firewall_driver", "noop")],
     [f"{PORT}.vif: bridge: needs dataplane_firewall_driver iptables_hybrid on compute1: "
      "only that makes a bridge for the port"]),
    ([], [("compute1.dataplane_firewall_driver", "openvswitch")],
     ["hostvars.compute1.dataplane_firewall_driver: openvswitch: must be iptables_hybrid or noop"]),
])
def test_faults_of_tunnels_between_hosts_are_named(changes, hosts, expected):
    changes = [(NET, TUNNEL), *changes]
    if expected:
        assert problems(*changes, hosts=hosts) == expected
    else:
        load(changed(SITE, *changes), changed(HOSTS, *hosts))


@pytest.mark.parametrize(("kind", "version", "header", "expected"), [
    ("vxlan", 4, 30, 1450), ("vxlan", 6, 30, 1430), ("gre", 4, 30, 1458), ("gre", 6, 30, 1438),
    ("geneve", 4, 30, 1450), ("geneve", 6, 30, 1430), ("geneve", 4, 38, 1442), ("geneve", 6, 38, 1422),
])
def test_a_tunnel_leaves_its_networks_what_the_reference_says(kind, version, header, expected):
    site = load(
        changed(SITE, (NET, {**TUNNEL, "network_type": kind}), ("dataplane_geneve_max_header_size", header)),
        changed(HOSTS, *((f"{name}.dataplane_local_ip", address) for name, address in
                         (("network1", "fd00::21"), ("compute1", "fd00::31"))) if version == 6 else ()),
    )
    assert largest_mtu(site, site.networks[1]) == expected
    site.path_mtu = 9000
    assert largest_mtu(site, site.networks[1]) == expected
    site.global_physnet_mtu = 9000
    assert largest_mtu(site, site.networks[1]) == expected + 7500


def test_a_router_that_no_host_can_carry_is_refused():
    assert problems(hosts=[
        ("network1.dataplane_bridge_mappings.external", REMOVE),
        ("network1.dataplane_bridge_interfaces.br-ex", REMOVE),
    ]) == [
        f"{ROUTER}.binding_host_id: (missing): there must be a host of group network with external, vlan "
        "in its dataplane_bridge_mappings"
    ]


def test_all_faults_come_together():
    found = problems(
        (f"{NET}.segmentation_id", 5000),
        (f"{SUBNET}.gateway_ip", "10.0.9.1"),
        (f"{PORT}.binding_host_id", "nowhere"),
        ("dataplane_networks[2].subnetz", []),
        hosts=[("compute1.dataplane_local_ip", "10.0.1.21")],
    )
    assert len(found) == 5, found


def test_an_item_at_fault_causes_no_further_faults():
    """The bad network is refused once; what refers to it is not."""
    assert len(problems((f"{NET}.subnetz", []))) == 1


def test_ids_that_give_one_device_name_are_refused():
    clash = [
        (f"{ROUTER}.interfaces[0].id", ID),
        (f"{ROUTER}.interfaces[1].id", ID[:11] + "c3" + ID[13:]),
    ]
    assert any("in the first 11 characters" in line for line in problems(*clash))


def test_pinned_ids_and_macs_are_unique_across_kinds():
    found = problems(
        (f"{PORT}.id", ID), (f"{EXT}.id", ID),
        (f"{PORT}.mac_address", "fa:16:3e:00:00:01"), (f"{ROUTER}.interfaces[0].mac_address", "FA:16:3E:00:00:01"),
    )
    assert len(found) == 2, found


def test_a_shared_ipv6_port_is_pinned_once():
    found = problems(
        (f"{NET}.subnets[1]", V6), (f"{NET}.subnets[2]", {"name": "blue6b", "cidr": "fd01::/64"}),
        (f"{ROUTER}.interfaces[2]", {"subnet": "blue6"}), (f"{ROUTER}.interfaces[3]", {"subnet": "blue6b", "id": ID}),
    )
    assert found == [f"{ROUTER}.interfaces[3].id: {ID}: must stand at {ROUTER}.interfaces[2], whose port is shared"]


def _paths(value, path=""):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from _paths(child, f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".lstrip("."))


NONSENSE = [None, True, 0, -1, 4095, 1.5, "", "x", "10.0.0.1", "fd00::1", "10.0.0.0/24", "fd00::/127", [], [None], [[]],
            ["x"], {}, {"x": {}}, {None: 1}]


@pytest.mark.parametrize("path", [path for path in _paths(SITE) if path])
def test_nonsense_anywhere_is_refused_or_sound_but_never_a_crash(path):
    for value in [*NONSENSE, REMOVE]:
        try:
            site = load(changed(SITE, (path, value)), HOSTS)
            allocate(site, empty())
        except SiteError as error:
            assert error.problems
