# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is told about its instances' security groups, and how it plugs them."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

from .cloud import HOSTS, REMOVE, SITE, changed, planned

ID, GROUP_ID = "7c7ae61e-05aa-4111-8222-333333333333", "5a9f2c1e-1111-2222-3333-444444444444"
MAC = "fa:16:3e:00:00:01"
GROUPS, PORT, WEB = "dataplane_security_groups", "dataplane_ports[0]", {"name": "web", "id": GROUP_ID}
PINNED = [(f"{PORT}.id", ID), (f"{PORT}.mac_address", MAC)]
V6 = ("dataplane_networks[1].subnets[1]", {"name": "blue6", "cidr": "fd00::/64"})
NOOP = changed(HOSTS, ("compute1.dataplane_firewall_driver", "noop"))
BRIDGE_SYSCTLS = {f"net.bridge.bridge-nf-call-{tables}" for tables in ("arptables", "iptables", "ip6tables")}


def port_item(plan, port_id=ID):
    (found,) = [port for port in plan["security_groups"]["ports"] if port["port_id"] == port_id]
    return found


def ids(plan):
    return [group["id"] for group in plan["security_groups"]["config"]]


# Ports and groups

def test_a_port_comes_with_all_that_its_filter_needs():
    pairs = [{"ip_address": "10.0.0.128/25"}]
    plan = planned(*PINNED, V6, (f"{GROUPS}[1]", WEB), (f"{PORT}.security_groups", ["web"]),
                   (f"{PORT}.allowed_address_pairs", pairs))["compute1"]
    assert port_item(plan) == {
        "port_id": ID, "mac_address": MAC, "fixed_ips": ["10.0.0.2", "fd00::2"], "allowed_address_pairs": pairs,
        "port_security_enabled": True, "stateful": True, "security_groups": [GROUP_ID], "zone": 4097, "mtu": 1500,
        "ra_sources": [], "tap": True,
    }


def test_rules_are_in_the_words_of_the_module():
    rules = [
        {"direction": "ingress", "protocol": 6, "port_range_min": 80, "port_range_max": 90,
         "remote_ip_prefix": "10.0.0.7"},
        {"direction": "ingress", "protocol": "icmpv6", "port_range_min": 128, "port_range_max": 0,
         "description": "ping"},
        {"direction": "egress", "remote_group": "web"},
    ]
    plan = planned((GROUPS, [{**WEB, "default_rules": False, "rules": rules}]),
                   (f"{PORT}.security_groups", ["web"]))["compute1"]
    (web,) = [group for group in plan["security_groups"]["config"] if group["id"] == GROUP_ID]
    assert web["rules"] == [
        {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 80, "port_range_max": 90,
         "remote_ip_prefix": "10.0.0.7/32"},
        {"direction": "ingress", "ethertype": "IPv6", "protocol": "ipv6-icmp", "port_range_min": 128,
         "port_range_max": 0},
        {"direction": "egress", "ethertype": "IPv4", "remote_group_id": GROUP_ID},
    ]


def test_the_members_of_a_remote_group_are_those_of_the_whole_site_with_their_allowed_pairs():
    plan = planned(
        ("dataplane_ports[1].binding_host_id", "network1"), ("dataplane_ports[1].security_groups", ["web"]),
        ("dataplane_ports[1].allowed_address_pairs", [{"ip_address": "10.9.0.0/16"}, {"ip_address": "10.0.1.9"}]),
        (f"{GROUPS}[0].rules[0]", {"direction": "ingress", "remote_group": "web"}), (f"{GROUPS}[1]", WEB),
        (f"{GROUPS}[2]", {"name": "unused"}),
    )["compute1"]
    default, web = plan["security_groups"]["config"]
    assert default["addresses"] == ["10.0.0.2"]
    assert web == {"id": GROUP_ID, "rules": [], "addresses": ["10.0.1.9", "10.9.0.0/16"]}


def test_addresses_are_given_only_where_a_local_rule_asks_for_them():
    plan = planned((f"{GROUPS}[1]", WEB), (f"{PORT}.security_groups", ["web"]),
                   ("dataplane_ports[1].security_groups", []))["compute1"]
    assert ids(plan) == [GROUP_ID]
    assert "addresses" not in plan["security_groups"]["config"][0]


def test_hosts_share_the_lists_that_are_the_same():
    plans = planned(("dataplane_ports[1].binding_host_id", "network1"))
    one, other = (plans[host]["security_groups"]["config"][0] for host in ("network1", "compute1"))
    assert one["addresses"] is other["addresses"]
    assert one["rules"] is other["rules"]


def test_a_stateless_group_makes_its_ports_stateless():
    plan = planned(*PINNED, (f"{GROUPS}[0].stateful", False))["compute1"]
    assert port_item(plan)["stateful"] is False


def test_without_port_security_there_is_no_filter_but_the_plug_is_the_same():
    plan = planned(*PINNED, (f"{PORT}.port_security_enabled", False))["compute1"]
    item = port_item(plan)
    assert (item["port_security_enabled"], item["security_groups"]) == (False, [])
    assert "zone" not in item
    assert "qvo7c7ae61e-05" in [port["name"] for port in plan["ports"]]


def test_router_advertisements_come_from_the_routers_of_the_network_and_from_gateways_outside():
    interface = {"subnet": "blue6", "mac_address": "fa:16:3e:00:00:0a"}
    plan = planned(*PINNED, V6, ("dataplane_routers[0].interfaces[2]", interface))["compute1"]
    assert port_item(plan)["ra_sources"] == ["fe80::f816:3eff:fe00:a"]
    outside = ("dataplane_networks[1].subnets[1].gateway_ip", "fe80::1")
    assert port_item(planned(*PINNED, V6, outside)["compute1"])["ra_sources"] == ["fe80::1"]


def test_zones_are_per_host_and_stay():
    first = load(SITE, HOSTS)
    lock = allocate(first, empty())
    assert lock["conntrack_zones"] == {"compute1": {"port web": 4097, "port db": 4098}}
    less = load(changed(SITE, ("dataplane_ports[0]", REMOVE), ("dataplane_floating_ips", [])), HOSTS)
    assert [port["zone"] for port in compile_site(less, allocate(less, lock))["compute1"]["security_groups"]["ports"]
            ] == [4098]


# The plug

def test_an_instance_is_plugged_through_its_own_bridge():
    plan = planned(*PINNED)["compute1"]
    (port,) = [port for port in plan["ports"] if port["name"] == "qvo7c7ae61e-05"]
    assert (port["type"], port["bridge"], port["external_ids"]["iface-id"]) == ("system", "br-int", ID)
    (web, _db) = plan["namespaces"]
    assert (web["links"][0]["name"], web["links"][0]["peer"]) == ("eth0", "tap7c7ae61e-05")
    flows = next(item["flows"] for item in plan["flows"] if item["bridge"] == "br-int")
    assert any("in_port=qvo7c7ae61e-05" in flow for flow in flows)
    assert not any("tap7c7ae61e-05" in flow for flow in flows)


def test_with_noop_the_tap_is_in_br_int_and_nothing_is_filtered():
    plan = planned(*PINNED, hosts=NOOP)["compute1"]
    assert "tap7c7ae61e-05" in [port["name"] for port in plan["ports"]]
    flows = next(item["flows"] for item in plan["flows"] if item["bridge"] == "br-int")
    assert any("in_port=tap7c7ae61e-05" in flow for flow in flows)
    assert plan["security_groups"] == {"config": [], "ports": []}


def test_a_hypervisors_instance_has_a_bridge_and_no_stand_in():
    plan = planned(*PINNED, (f"{PORT}.vif", "bridge"), ("dataplane_verify_internet", "198.51.100.10"))
    compute = plan["compute1"]
    assert port_item(compute)["tap"] is False
    assert "qvo7c7ae61e-05" in [port["name"] for port in compute["ports"]]
    assert [namespace["name"] for namespace in compute["namespaces"]] == ["vm-db"]


@pytest.mark.parametrize(("host", "hosts", "filters"), [
    ("compute1", HOSTS, True), ("compute1", NOOP, False), ("network1", HOSTS, False)])
def test_bridged_packets_are_filtered_where_there_are_instances(host, hosts, filters):
    sysctls = planned(hosts=hosts)[host]["sysctls"]
    assert {key for key in sysctls if sysctls[key] == 1} & BRIDGE_SYSCTLS == (BRIDGE_SYSCTLS if filters else set())
