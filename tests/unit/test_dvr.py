# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributed routers from the model: who has what where. test_golden_plan compares what is inside with recordings."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dvr_router import redirect_index
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError

from .cloud import REMOVE, changed
from .distributed import HOSTS, host, locked, namespace, planned, port

ROUTER, BLUE, EXT = "dataplane_routers[0]", "dataplane_networks[1]", "dataplane_networks[0]"
LEGACY = changed(HOSTS, ("compute1.dataplane_agent_mode", "legacy"))
NO_EXTERNAL = changed(HOSTS, ("compute1.dataplane_agent_mode", "dvr_no_external"))
SCOPED = [(f"{EXT}.subnets[0].address_scope", "public"), (f"{BLUE}.subnets[0].address_scope", "public")]
V6_BLUE = (f"{BLUE}.subnets[1]", {"name": "blue6", "cidr": "fd00:1::/64", "enable_dhcp": False})
DHCP = ("dataplane_networks[2].subnets[0].enable_dhcp", True)


def prefixes(plan):
    return {item["name"].partition("-")[0] for item in plan["namespaces"]}


def links(item):
    return {link["name"][:2]: link for link in item["links"]}


def addresses_beside(plans):
    """The addresses of each sg device."""
    return [link["addresses"] for link in namespace(plans["network1"], "snat-")["links"]
            if link["name"].startswith("sg-")]


# Who has what

def test_each_host_with_an_instance_has_a_part_and_the_gateway_is_on_one():
    plans = planned()
    assert {name: prefixes(plan) for name, plan in plans.items()} == {
        "network1": {"qrouter", "snat", "fip"}, "compute1": {"qrouter", "fip", "vm"},
        "compute2": {"qrouter", "fip", "vm"}, "compute3": set(),
    }


def test_a_dhcp_server_brings_a_part_along():
    hosts = {**HOSTS, "network2": host("network", 22)}
    plans = planned(DHCP, (f"{ROUTER}.binding_host_id", "network2"),
                    ("dataplane_dhcp_ports", [{"network": "red", "binding_host_id": "network1"}]), hosts=hosts)
    assert prefixes(plans["network1"]) == {"qrouter", "qdhcp", "fip"}
    assert prefixes(plans["network2"]) == {"qrouter", "snat", "fip"}


def test_parts_are_equal_but_for_the_pair():
    one, two = (namespace(plan, "qrouter-") for plan in (planned()["compute1"], planned()["compute2"]))
    assert one == two
    assert [link["addresses"] for link in one["links"]] == [["192.168.1.1/24"], ["192.168.2.1/24"], ["169.254.64.0/31"]]


def test_all_networks_of_a_router_are_on_every_host_that_has_a_part():
    assert locked()["local_vlans"]["compute2"].keys() == {"ext", "blue", "red"}, "no instance of blue is there"


def test_without_a_gateway_there_is_no_way_outside():
    plans = planned((f"{ROUTER}.external_gateway_info", REMOVE), ("dataplane_floating_ips", []))
    assert prefixes(plans["network1"]) == set()
    part = namespace(plans["compute1"], "qrouter-")
    assert part["rules"] == part["routes"] == []
    assert set(links(part)) == {"qr"}
    assert {each["address"] for each in part["neighbours"]} == {"192.168.1.11", "192.168.2.12", "192.168.2.13"}
    nothing = locked((f"{ROUTER}.external_gateway_info", REMOVE), ("dataplane_floating_ips", []))
    assert "link_locals" not in nothing and "router_hosts" in nothing and nothing["router_hosts"] == {}


def test_a_host_without_external_link_sends_all_to_the_gateway_and_its_floating_ips_are_there():
    plans = planned(hosts=NO_EXTERNAL)
    assert prefixes(plans["compute1"]) == {"qrouter", "vm"}
    part = namespace(plans["compute1"], "qrouter-")
    assert {rule["priority"] for rule in part["rules"]} == {redirect_index("192.168.1.1/24"),
                                                            redirect_index("192.168.2.1/24")}
    assert plans["compute1"]["floating_ips"] == []
    (item,) = plans["network1"]["floating_ips"]
    assert item["namespace"].startswith("snat-") and item["device"].startswith("qg-") and "distributed" not in item
    assert "compute1" not in locked(hosts=NO_EXTERNAL).get("floating_ip_priorities", {})


def test_a_floating_ip_is_with_its_instance():
    plans = planned()
    assert plans["network1"]["floating_ips"] == plans["compute2"]["floating_ips"] == []
    (item,) = plans["compute1"]["floating_ips"]
    assert item["distributed"] == {
        "fip_namespace": namespace(plans["compute1"], "fip-")["name"], "fip_device": "fpr-635660ae-0",
        "gateway_device": next(link["name"] for link in namespace(plans["compute1"], "fip-")["links"]
                               if link["name"].startswith("fg-")),
        "router_address": "169.254.64.0", "rule_priority": 32768,
    }
    assert (item["namespace"], item["device"]) == (namespace(plans["compute1"], "qrouter-")["name"], "rfp-635660ae-0")


def test_the_rules_that_lead_to_its_translation_are_there_before_it_and_after_it():
    """nat_rules runs before floating_ip: a rule that went first would leave an instance its inner address outside."""
    plans = planned(), planned(("dataplane_floating_ips", []))
    before, after = (each["compute1"]["nat_rules"] for each in plans)
    assert before == after
    router = next(item["tables"]["nat"] for item in after if item["namespace"].startswith("qrouter-"))
    assert router["neutron-l3-agent-snat"] == ["-j neutron-l3-agent-float-snat"]


def test_two_routers_share_an_external_network_but_no_pair_and_no_table():
    second = {"name": "r2", "distributed": True, "external_gateway_info": {"network": "ext"},
              "interfaces": [{"subnet": "red4"}]}
    plans = planned((f"{ROUTER}.interfaces[1]", REMOVE), ("dataplane_routers[1]", second))
    fip = namespace(plans["compute1"], "fip-")
    assert [link["addresses"] for link in fip["links"]][1:] == [["169.254.64.1/31"], ["169.254.64.3/31"]]
    assert len({rule["table"] for rule in fip["rules"]}) == len({rule["iif"] for rule in fip["rules"]}) == 2
    assert {route["table"] for route in fip["routes"]} == {rule["table"] for rule in fip["rules"]}


def test_both_ends_of_the_pair_know_each_other():
    plan = planned()["compute1"]
    part, fip = namespace(plan, "qrouter-"), namespace(plan, "fip-")
    (rfp,) = (link for link in part["links"] if link["name"] == "rfp-635660ae-0")
    (fpr,) = (link for link in fip["links"] if link["name"] == "fpr-635660ae-0")
    assert (rfp["peer"], rfp["peer_namespace"]) == (fpr["name"], fip["name"])
    assert (fpr["peer"], fpr["peer_namespace"]) == (rfp["name"], part["name"])
    assert {"device": rfp["name"], "address": "169.254.64.1", "mac_address": fpr["mac_address"]} in part["neighbours"]
    assert fip["neighbours"] == [
        {"device": fpr["name"], "address": "169.254.64.0", "mac_address": rfp["mac_address"]}]


# What instances' addresses bring

def test_everybody_on_the_subnets_is_a_permanent_neighbour_wherever_he_is():
    pairs = [{"ip_address": "192.168.2.77"}, {"ip_address": "192.168.2.78", "mac_address": "FA:16:3E:00:00:0A"},
             {"ip_address": "192.168.2.128/25"}, {"ip_address": "10.9.9.9"}]
    plans = planned(("dataplane_ports[2].allowed_address_pairs", pairs))
    known = {each["address"]: each["mac_address"] for each in namespace(plans["compute1"], "qrouter-")["neighbours"]}
    assert known.keys() == {"192.168.1.11", "192.168.1.2", "192.168.2.12", "192.168.2.13", "192.168.2.2",
                            "192.168.2.77", "192.168.2.78", "169.254.64.1"}
    assert (known["192.168.2.77"], known["192.168.2.78"]) == ("fa:16:3e:00:02:0d", "fa:16:3e:00:00:0a")


def test_of_two_that_may_use_an_address_the_first_is_its_neighbour_and_a_fixed_ip_comes_before():
    pair = [{"ip_address": "192.168.2.77"}, {"ip_address": "192.168.2.12"}]
    plans = planned(*((f"dataplane_ports[{number}].allowed_address_pairs", pair) for number in (1, 2)))
    known = [each for each in namespace(plans["compute1"], "qrouter-")["neighbours"]
             if each["address"] in ("192.168.2.77", "192.168.2.12")]
    assert {(each["address"], each["mac_address"]) for each in known} == {
        ("192.168.2.12", "fa:16:3e:00:02:0c"), ("192.168.2.77", "fa:16:3e:00:02:0c")}
    assert len(known) == 2


# Scopes, IPv6, routes

@pytest.mark.parametrize(("cidr", "index"), [
    ("192.168.1.1/24", 3232235777), ("10.0.0.1/24", 167772161), ("169.254.88.135/31", 2852018311),
    ("fd00::1/64", 235685361),
])
def test_tables_are_numbered_as_in_neutron(cidr, index):
    assert redirect_index(cidr) == index


def test_an_interface_in_the_gateways_scope_leaves_at_home():
    plans = planned(*SCOPED)
    part, fip = namespace(plans["compute1"], "qrouter-"), namespace(plans["compute1"], "fip-")
    assert {"priority": 80000, "from": "192.168.1.0/24", "table": 16} in part["rules"]
    assert redirect_index("192.168.1.1/24") not in {rule["priority"] for rule in part["rules"]}
    assert {"destination": "192.168.1.0/24", "gateway": "169.254.64.0", "device": "fpr-635660ae-0",
            "protocol": "static"} in fip["routes"]
    without = namespace(planned(*SCOPED, hosts=NO_EXTERNAL)["compute1"], "qrouter-")
    assert redirect_index("192.168.1.1/24") in {rule["priority"] for rule in without["rules"]}


def test_ipv6_goes_to_the_gateways_host():
    plans = planned(V6_BLUE, (f"{ROUTER}.interfaces[2]", {"subnet": "blue6"}))
    part = namespace(plans["compute1"], "qrouter-")
    index = redirect_index("fd00:1::1/64")
    assert {"priority": index, "from": "fd00:1::1/64", "table": index} in part["rules"]
    assert [route["table"] for route in part["routes"] if route["destination"] == "::/0"] == [index]
    assert ["fd00:1::2/64"] in addresses_beside(plans)


def test_ipv6_prefixes_of_one_network_share_a_port_beside_them_too():
    more = {"name": "blue6b", "cidr": "fd00:2::/64", "enable_dhcp": False}
    plans = planned(V6_BLUE, (f"{BLUE}.subnets[2]", more), (f"{ROUTER}.interfaces[2]", {"subnet": "blue6"}),
                    (f"{ROUTER}.interfaces[3]", {"subnet": "blue6b", "centralized_snat": {"ip_address": "fd00:2::99"}}))
    assert ["fd00:1::2/64", "fd00:2::99/64"] in addresses_beside(plans)


def test_an_extra_route_is_where_its_next_hop_is():
    routes = [{"destination": "10.99.0.0/24", "nexthop": "192.168.1.200"},
              {"destination": "10.98.0.0/24", "nexthop": "203.0.113.9"}]
    plans = planned((f"{ROUTER}.routes", routes))

    def there(host, prefix):
        found = namespace(plans[host], prefix)["routes"]
        return {route["destination"]: route.get("table") for route in found if route["destination"].startswith("10.9")}

    assert there("compute1", "qrouter-") == {"10.99.0.0/24": None}
    assert there("compute1", "fip-") == {"10.98.0.0/24": redirect_index("169.254.64.1/31")}
    assert there("network1", "snat-") == {"10.99.0.0/24": None, "10.98.0.0/24": None}


# Pins

def test_what_is_pinned_is_what_is_built():
    plans = planned(
        (f"{ROUTER}.interfaces[0].centralized_snat", {
            "id": "0f0f0f0e-3700-4000-8000-000000000000", "mac_address": "FA:16:3E:00:00:05",
            "ip_address": "192.168.1.200"}),
        ("dataplane_fip_agent_gateway_ports", [{
            "network": "ext", "binding_host_id": "compute1", "id": "0f0f0f0f-3700-4000-8000-000000000000",
            "mac_address": "fa:16:3e:00:00:06", "fixed_ips": [{"subnet": "ext4", "ip_address": "203.0.113.199"}]}]),
    )
    (sg,) = (link for link in namespace(plans["network1"], "snat-")["links"] if link["name"] == "sg-0f0f0f0e-37")
    assert (sg["mac_address"], sg["addresses"]) == ("fa:16:3e:00:00:05", ["192.168.1.200/24"])
    (fg,) = (link for link in namespace(plans["compute1"], "fip-")["links"] if link["name"] == "fg-0f0f0f0f-37")
    assert (fg["mac_address"], fg["addresses"]) == ("fa:16:3e:00:00:06", ["203.0.113.199/24"])


# What is refused

REFUSED = [
    ([], LEGACY, ["dataplane_ports[0].binding_host_id: compute1: must not have dataplane_agent_mode legacy: "
                  "dataplane_routers[0], which is distributed, has an interface in blue4",
                  "dataplane_ports[1].binding_host_id: compute1: must not have dataplane_agent_mode legacy: "
                  "dataplane_routers[0], which is distributed, has an interface in red4"]),
    ([], changed(HOSTS, ("compute2.dataplane_bridge_mappings", {"vlan": "br-vlan"})), [
        'hostvars.compute2.dataplane_bridge_mappings: {"vlan": "br-vlan"}: must have physical network external: '
        "because of dataplane_ports[2] it has a part of dataplane_routers[0], which joins ext "
        "(or set dataplane_agent_mode: dvr_no_external)"]),
    ([], changed(HOSTS, ("network1.dataplane_agent_mode", "dvr")), [
        "dataplane_routers[0].binding_host_id: (missing): there must be a host with dataplane_agent_mode dvr_snat "
        "with external in its dataplane_bridge_mappings and dataplane_local_ip"]),
    ([(f"{ROUTER}.binding_host_id", "compute1")], HOSTS, [
        "dataplane_routers[0].binding_host_id: compute1: must be a host with dataplane_agent_mode dvr_snat"]),
    ([(f"{ROUTER}.distributed", False)], changed(HOSTS, ("network1.dataplane_agent_mode", "dvr")), [
        "dataplane_routers[0].binding_host_id: (missing): there must be a host of group network "
        "with external in its dataplane_bridge_mappings and dataplane_local_ip"]),
    ([(f"{ROUTER}.external_gateway_info", REMOVE), ("dataplane_floating_ips", []),
      (f"{ROUTER}.binding_host_id", "network1")], HOSTS, [
        "dataplane_routers[0].binding_host_id: network1: is where the gateway of a distributed router is, "
        "and this one has none"]),
    ([], changed(HOSTS, ("compute2.dataplane_dvr_mac_address", "fa:16:3f:00:00:31")), [
        "hostvars.compute2.dataplane_dvr_mac_address: fa:16:3f:00:00:31: must be unique, "
        "and is also hostvars.compute1.dataplane_dvr_mac_address"]),
    ([(f"{ROUTER}.interfaces[0].centralized_snat", {"ip_address": "192.168.2.9"})], HOSTS, [
        "dataplane_routers[0].interfaces[0].centralized_snat.ip_address: 192.168.2.9: must be inside 192.168.1.0/24, "
        "the cidr of subnet blue4"]),
    ([("dataplane_fip_agent_gateway_ports", [{"network": "blue", "binding_host_id": "compute1"}])], HOSTS, [
        "dataplane_fip_agent_gateway_ports[0].network: blue: must be a network with router_external: true"]),
    ([("dataplane_fip_agent_gateway_ports", [{"network": "ext", "binding_host_id": "compute1"}] * 2)], HOSTS, [
        "dataplane_fip_agent_gateway_ports[1]: ext on compute1: must be unique, "
        "and is also dataplane_fip_agent_gateway_ports[0]"]),
    ([("dataplane_fip_agent_gateway_ports", [{"network": "ext", "binding_host_id": "compute1"}])], NO_EXTERNAL, [
        "dataplane_fip_agent_gateway_ports[0].binding_host_id: compute1: must be a host with dataplane_agent_mode dvr "
        "or dvr_snat"]),
    ([V6_BLUE, (f"{BLUE}.subnets[2]", {"name": "b", "cidr": "fd00:2::/64", "address_scope": "x"})], HOSTS, [
        "dataplane_networks[1].subnets[2].address_scope: x: must be that of dataplane_networks[1].subnets[1]: "
        "a network has one scope of an address family"]),
    ([*SCOPED, ("dataplane_networks[3]", {
        "name": "n", "network_type": "vxlan", "subnets": [
            {"name": "n4", "cidr": "192.168.1.128/25", "address_scope": "public", "enable_dhcp": False}]})], HOSTS, [
        "dataplane_networks[3].subnets[0].cidr: 192.168.1.128/25: must not overlap 192.168.1.0/24 of "
        "dataplane_networks[1].subnets[0], which has the same address_scope"]),
    ([(f"{ROUTER}.ha", True)], HOSTS, ["dataplane_routers[0].ha: true: is not supported yet by this version"]),
]


@pytest.mark.parametrize(("changes", "hosts", "expected"), REFUSED)
def test_what_cannot_be_is_refused(changes, hosts, expected):
    with pytest.raises(SiteError) as caught:
        planned(*changes, hosts=hosts)
    assert caught.value.problems == expected


def test_dhcp_is_scheduled_to_hosts_that_can_have_a_part():
    hosts = {**changed(HOSTS, ("network1.dataplane_agent_mode", "legacy")), "network2": host("network", 22)}
    assert locked(DHCP, hosts=hosts)["dhcp_hosts"] == {"dhcp red": "network2"}


def test_a_host_may_be_both():
    hosts = {"all1": {**host("network", 21), "groups": ["network", "compute"]}}
    one = [port("one", "blue", "all1", 11)]
    plan = planned(("dataplane_ports", one), hosts=hosts)["all1"]
    assert prefixes(plan) == {"qrouter", "snat", "fip", "vm"}
    assert "distributed" in plan["floating_ips"][0]
