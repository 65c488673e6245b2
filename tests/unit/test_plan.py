# SPDX-License-Identifier: GPL-3.0-or-later
"""From the site to what is built: bridges, ports, flows, namespaces, rules."""

from __future__ import annotations

import ipaddress

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan import names
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.anti_spoofing import link_local

from .cloud import HOSTS, REMOVE, changed, planned

NET, ROUTER, PORT = "dataplane_networks[1]", "dataplane_routers[0]", "dataplane_ports[0]"
GATEWAY, INTERFACE = f"{ROUTER}.external_gateway_info", f"{ROUTER}.interfaces[0]"
QG_ID, QR_ID = "c08b8179-3bd1-4c3e-8f5a-000000000001", "15ea2dd1-65d1-4c3e-8f5a-000000000002"
QG, QR, TAP = "qg-c08b8179-3b", "qr-15ea2dd1-65", "tap15ea2dd1-65"
PINNED = [(f"{GATEWAY}.id", QG_ID), (f"{INTERFACE}.id", QR_ID), (f"{INTERFACE}.mac_address", "fa:16:3e:00:00:01"),
          (f"{ROUTER}.interfaces[1]", REMOVE)]
V6_EXTERNAL = ("dataplane_networks[0].subnets[1]", {"name": "ext6", "cidr": "2001:db8::/64"})
V6_BLUE = (f"{NET}.subnets[1]", {"name": "blue6", "cidr": "fd00::/64"})


def router_of(plans, host="network1"):
    return plans[host]["namespaces"][0]


def links_of(namespace):
    return {link["name"]: link for link in namespace["links"]}


def rules_of(plans, family="ipv4"):
    return next(item["tables"] for item in plans["network1"]["nat_rules"] if item["family"] == family)


# Bridges and ports

def test_every_host_has_br_int_and_a_bridge_per_physical_network_joined_by_patches():
    plan = planned()["compute1"]
    assert [(bridge["name"], bridge["fail_mode"]) for bridge in plan["bridges"]] == [
        ("br-int", "secure"), ("br-ex", "secure"), ("br-vlan", "secure")]
    ports = {port["name"]: port for port in plan["ports"]}
    assert ports["eth2"] == {"name": "eth2", "bridge": "br-vlan", "type": "system"}
    assert (ports["int-br-ex"]["bridge"], ports["int-br-ex"]["options"]) == ("br-int", {"peer": "phy-br-ex"})
    assert (ports["phy-br-ex"]["bridge"], ports["phy-br-ex"]["options"]) == ("br-ex", {"peer": "int-br-ex"})


@pytest.mark.parametrize(("bridge", "patch"), [("br-ex", "int-br-ex"), ("br-provider", "int-br-provider"),
                                               ("br-provider1", "int-br-prcebb81")])
def test_a_long_bridge_name_is_cut_and_hashed_as_neutron_does(bridge, patch):
    assert names.integration_patch(bridge) == patch
    assert names.physical_patch(bridge) == "phy-" + patch[4:]


def test_a_veth_is_inside_as_qr_and_in_the_bridge_as_tap():
    plan = planned(*PINNED)["network1"]  # veth is the default on netdev
    link = links_of(plan["namespaces"][0])[QR]
    assert (link["plug"], link["peer"], link["tx_checksumming"]) == ("veth", TAP, False)
    port = next(port for port in plan["ports"] if port["name"] == TAP)
    assert port["type"] == "system"
    assert "namespace" not in port


def test_an_internal_port_is_moved_from_the_bridge_into_the_router():
    hosts = changed(HOSTS, ("network1.dataplane_datapath_type", "system"))  # internal is the default there
    plan = planned(*PINNED, hosts=hosts)["network1"]
    link = links_of(plan["namespaces"][0])[QR]
    assert link["plug"] == plan["plug"] == "internal"
    assert not {"peer", "tx_checksumming"} & set(link)
    port = next(port for port in plan["ports"] if port["name"] == QR)
    assert (port["type"], port["namespace"]) == ("internal", plan["namespaces"][0]["name"])


def test_a_port_carries_what_neutrons_agents_write_on_it():
    plan = planned(*PINNED)["network1"]
    port = next(port for port in plan["ports"] if port["name"] == TAP)
    assert port["external_ids"] == {"iface-id": QR_ID, "iface-status": "active", "attached-mac": "fa:16:3e:00:00:01"}
    assert {key: value for key, value in port["other_config"].items() if key != "net_uuid"} == {
        "network_type": "vlan", "physical_network": "vlan", "segmentation_id": "100", "tag": str(port["tag"])}


# Flows

def test_a_vlan_network_is_translated_at_both_ends_of_the_patch():
    flows = {item["bridge"]: item["flows"] for item in planned()["compute1"]["flows"]}
    assert "table=0,priority=3,in_port=int-br-vlan,dl_vlan=101 actions=mod_vlan_vid:2,resubmit(,58)" in flows["br-int"]
    assert flows["br-vlan"] == [
        "table=0,priority=0 actions=NORMAL",
        "table=0,priority=2,in_port=phy-br-vlan actions=drop",
        "table=0,priority=4,in_port=phy-br-vlan,dl_vlan=1 actions=mod_vlan_vid:100,NORMAL",
        "table=0,priority=4,in_port=phy-br-vlan,dl_vlan=2 actions=mod_vlan_vid:101,NORMAL",
    ]


def test_a_flat_network_is_untagged_outside():
    flows = {item["bridge"]: item["flows"] for item in planned()["network1"]["flows"]}
    assert ("table=0,priority=3,in_port=int-br-ex,vlan_tci=0x0000/0x1fff actions=mod_vlan_vid:1,resubmit(,58)"
            in flows["br-int"])
    assert "table=0,priority=4,in_port=phy-br-ex,dl_vlan=1 actions=strip_vlan,NORMAL" in flows["br-ex"]


def test_a_network_without_a_port_on_the_host_has_no_flow_there():
    flows = {item["bridge"]: item["flows"] for item in planned()["compute1"]["flows"]}
    assert len(flows["br-ex"]) == 2


def _of_instance(plan):
    device = next(port["name"] for port in plan["ports"] if port["name"].startswith(("tap", "qvo")))
    found = next(item["flows"] for item in plan["flows"] if item["bridge"] == "br-int")
    return [flow.replace(device, "PORT") for flow in found if device in flow]


def test_an_instance_speaks_for_its_own_addresses_only():
    mac = "fa:16:3e:aa:bb:cc"
    assert _of_instance(planned((f"{PORT}.mac_address", mac))["compute1"]) == [
        "table=0,priority=9,in_port=PORT actions=resubmit(,25)",
        f"table=25,priority=2,in_port=PORT,dl_src={mac} actions=resubmit(,30)",
        "table=0,priority=10,arp,in_port=PORT actions=resubmit(,24)",
        "table=24,priority=2,arp,in_port=PORT,arp_spa=10.0.0.2 actions=resubmit(,25)",
        "table=0,priority=10,icmp6,in_port=PORT,icmp_type=136 actions=resubmit(,24)",
        "table=24,priority=2,icmp6,in_port=PORT,icmp_type=136,nd_target=fe80::f816:3eff:feaa:bbcc "
        "actions=resubmit(,58)",
    ]


def test_allowed_address_pairs_widen_it_and_a_zero_prefix_opens_it():
    pairs = [{"ip_address": "10.0.0.128/25", "mac_address": "FA:16:3E:00:00:0A"}, {"ip_address": "fd00::7"}]
    found = _of_instance(planned((f"{PORT}.allowed_address_pairs", pairs))["compute1"])
    assert "table=24,priority=2,arp,in_port=PORT,arp_spa=10.0.0.128/25 actions=resubmit(,25)" in found
    assert "table=25,priority=2,in_port=PORT,dl_src=fa:16:3e:00:00:0a actions=resubmit(,30)" in found
    assert any("nd_target=fd00::7" in flow for flow in found)
    found = _of_instance(planned((f"{PORT}.allowed_address_pairs", [{"ip_address": "0.0.0.0/0"}]))["compute1"])
    assert not any("arp" in flow for flow in found)


def test_without_port_security_an_instance_may_say_anything():
    assert _of_instance(planned((f"{PORT}.port_security_enabled", False))["compute1"]) == []


def test_link_local_addresses_are_eui64():
    assert ipaddress.ip_address(link_local("fa:16:3e:00:00:00")) == ipaddress.ip_address("fe80::f816:3eff:fe00:0")


# Routers

def test_a_router_without_gateway_routes_between_its_subnets_only():
    plans = planned((GATEWAY, REMOVE), ("dataplane_floating_ips", []))
    router = router_of(plans)
    assert [link["name"][:3] for link in router["links"]] == ["qr-", "qr-"]
    assert router["routes"] == []
    nat = rules_of(plans)["nat"]
    assert nat["neutron-l3-agent-snat"] == ["-j neutron-l3-agent-float-snat"]
    assert nat["neutron-l3-agent-POSTROUTING"] == []
    assert rules_of(plans)["mangle"]["neutron-l3-agent-mark"] == []


def test_without_metadata_proxy_requests_are_marked_but_go_nowhere():
    plans = planned(("dataplane_enable_metadata_proxy", False))
    for family in ("ipv4", "ipv6"):
        tables = rules_of(plans, family)
        assert tables["nat"]["neutron-l3-agent-PREROUTING"] == []
        assert tables["filter"]["neutron-l3-agent-INPUT"] == []
        assert any("--set-xmark 0x1/0xffff" in rule for rule in tables["mangle"]["neutron-l3-agent-PREROUTING"])


def test_router_advertisements_from_outside_count_only_where_no_ipv6_gateway_is_named():
    key = f"net.ipv6.conf.{QG}.accept_ra"
    assert router_of(planned(*PINNED))["sysctls"][key] == 2
    assert router_of(planned(*PINNED, V6_EXTERNAL))["sysctls"][key] == 0


def test_a_dual_stack_gateway_has_both_addresses_and_both_default_routes():
    router = router_of(planned(*PINNED, V6_EXTERNAL))
    assert links_of(router)[QG]["addresses"] == ["203.0.113.101/24", "2001:db8::2/64"]
    assert [(route["destination"], route["gateway"]) for route in router["routes"]] == [
        ("0.0.0.0/0", "203.0.113.1"), ("::/0", "2001:db8::1")]


def test_ipv6_subnets_of_one_network_share_a_router_port():
    plans = planned(
        V6_BLUE, (f"{NET}.subnets[2]", {"name": "blue6b", "cidr": "fd01::/64"}),
        (f"{ROUTER}.interfaces", [{"subnet": "blue4"}, {"subnet": "blue6"}, {"subnet": "blue6b"}]),
    )
    assert [link["addresses"] for link in router_of(plans)["links"]] == [
        ["10.0.0.1/24"], ["fd00::1/64", "fd01::1/64"], ["203.0.113.101/24"]]


def test_a_port_may_have_several_fixed_ips_as_added_by_port():
    fixed_ips = [{"subnet": "blue4", "ip_address": "10.0.0.254"}, {"subnet": "blue6"}]
    plans = planned(V6_BLUE, *PINNED, (INTERFACE, {"id": QR_ID, "fixed_ips": fixed_ips}))
    assert links_of(router_of(plans))[QR]["addresses"] == ["10.0.0.254/24", "fd00::1/64"]
    assert rules_of(plans, "ipv6")["filter"]["neutron-l3-agent-scope"] == [
        f"-o {QR} -m mark ! --mark 0x4000000/0xffff0000 -j DROP"]


def test_extra_routes_with_one_destination_are_one_route_with_several_next_hops():
    routes = [{"destination": f"10.{net}.0.0/24", "nexthop": f"10.0.0.{hop}"} for net, hop in [(9, 7), (8, 7), (9, 8)]]
    assert router_of(planned((f"{ROUTER}.routes", routes)))["routes"][1:] == [
        {"destination": "10.9.0.0/24", "protocol": "static",
         "nexthops": [{"gateway": "10.0.0.7"}, {"gateway": "10.0.0.8"}]},
        {"destination": "10.8.0.0/24", "protocol": "static", "gateway": "10.0.0.7"},
    ]


def test_other_subnets_of_the_external_network_are_on_link():
    extra = ("dataplane_networks[0].subnets[1]", {"name": "ext4b", "cidr": "198.51.100.0/24"})
    assert router_of(planned(*PINNED, extra))["routes"][0] == {
        "destination": "198.51.100.0/24", "device": QG, "protocol": "static", "scope": "link"}


def test_a_gateway_outside_its_subnet_is_reached_on_link_when_it_is_meant():
    outside = [("dataplane_networks[0].subnets[0].gateway_ip", "192.0.2.1"),
               ("dataplane_networks[0].subnets[0].gateway_onlink", True)]
    assert [route["destination"] for route in router_of(planned(*outside))["routes"]] == ["192.0.2.1/32", "0.0.0.0/0"]


def test_a_floating_ip_is_where_its_router_is():
    plans = planned(*PINNED)
    assert plans["network1"]["floating_ips"] == [{
        "namespace": plans["network1"]["namespaces"][0]["name"], "floating_ip_address": "203.0.113.105",
        "fixed_ip_address": "10.0.0.2", "device": QG}]
    assert plans["compute1"]["floating_ips"] == []


def test_a_floating_ip_uses_the_router_that_is_the_subnets_gateway():
    other = {"name": "r0", "external_gateway_info": {"network": "ext"},
             "interfaces": [{"subnet": "blue4", "ip_address": "10.0.0.200"}]}
    plans = planned(("dataplane_routers", [other, {"name": "r1", "external_gateway_info": {"network": "ext"},
                                                   "interfaces": [{"subnet": "blue4"}]}]))
    second = plans["network1"]["namespaces"][1]
    assert links_of(second)
    assert plans["network1"]["floating_ips"][0]["namespace"] == second["name"]


def test_a_floating_ip_without_port_is_reserved_and_built_nowhere():
    assert planned(("dataplane_floating_ips[0].port", REMOVE))["network1"]["floating_ips"] == []


# Instances and hosts

def test_an_instance_is_a_namespace_with_eth0_and_the_subnets_gateway():
    web, db = planned()["compute1"]["namespaces"]
    assert (web["name"], db["name"]) == ("vm-web", "vm-db")
    assert links_of(web)["eth0"]["addresses"] == ["10.0.0.2/24"]
    assert web["routes"] == [
        {"destination": "0.0.0.0/0", "gateway": "10.0.0.1", "device": "eth0", "protocol": "static"}]


def test_a_dual_stack_instance_gets_one_address_of_each_family():
    web = planned(V6_BLUE)["compute1"]["namespaces"][0]
    assert links_of(web)["eth0"]["addresses"] == ["10.0.0.2/24", "fd00::2/64"]
    assert len(web["routes"]) == 2


def test_mtu_is_the_networks_or_that_of_the_physical_networks():
    plans = planned((f"{NET}.mtu", 1400))
    assert [link["mtu"] for link in router_of(plans)["links"]] == [1400, 1500, 1500]


def test_a_host_without_datapath_has_an_empty_plan():
    plan = planned()["outside"]
    assert not any(plan[section] for section in ("sysctls", "bridges", "ports", "flows", "namespaces", "nat_rules"))


def test_network_hosts_forward_and_none_filters_by_return_path():
    plans = planned()
    assert plans["network1"]["sysctls"]["net.ipv4.ip_forward"] == 1
    assert "net.ipv4.ip_forward" not in plans["compute1"]["sysctls"]
    assert plans["compute1"]["sysctls"]["net.ipv4.conf.all.rp_filter"] == 0
