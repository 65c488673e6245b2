# SPDX-License-Identifier: GPL-3.0-or-later
"""The flows of distributed routing: on the bridges that the networks of a router are on (reference 4.4)."""

from __future__ import annotations

import pytest

from .cloud import changed
from .distributed import HOSTS, SITE, flows, planned, port, table

BLUE, RED = "dataplane_networks[1]", "dataplane_networks[2]"
OWN, OTHERS = "fa:16:3f:00:00:31", ["fa:16:3f:00:00:21", "fa:16:3f:00:00:32", "fa:16:3f:00:00:33"]
TG1, TG2, ONE, TWO, THREE = (f"fa:16:3e:00:{last}" for last in ("01:01", "02:01", "01:0b", "02:0c", "02:0d"))
VLAN = [(BLUE, {**SITE["dataplane_networks"][1], "network_type": "vlan", "physical_network": "vlan"}),
        (RED, {**SITE["dataplane_networks"][2], "network_type": "vlan", "physical_network": "vlan"})]
TAP_ONE, TAP_TWO, QR1, QR2 = "tap0000000b-00", "tap0000000c-00", "tapb1a894fd-00", "tapb2a894fd-00"


@pytest.fixture(scope="module")
def compute1():
    return planned()["compute1"]  # local VLANs: ext 1, blue 2, red 3


@pytest.fixture(scope="module")
def on_vlans():
    return planned(*VLAN)["compute1"]


def test_a_site_without_distributed_routers_has_none_of_it():
    plan = planned(("dataplane_routers[0].distributed", False))["compute1"]
    assert not any("fa:16:3f" in flow for bridge in plan["flows"] for flow in bridge["flows"])
    assert table(plan, "br-int", 1) == table(plan, "br-ex", 2) == []


def test_a_legacy_host_has_none_of_it_and_knows_no_part_as_remote():
    hosts = changed(HOSTS, ("compute3.dataplane_agent_mode", "legacy"))
    outsider = {**port("four", "blue", "compute3", 14), "network": "grey", "fixed_ips": []}
    grey = {"name": "grey", "network_type": "vxlan", "segmentation_id": 7}
    plan = planned(("dataplane_networks[3]", grey), ("dataplane_ports[3]", outsider), hosts=hosts)["compute3"]
    assert not any("fa:16:3f" in flow for bridge in plan["flows"] for flow in bridge["flows"])


def test_from_tunnels_a_frame_comes_as_from_the_local_interface(compute1):
    assert table(compute1, "br-int", 1) == [
        "priority=1 actions=drop",
        f"priority=20,dl_vlan=2,dl_dst={ONE} actions=mod_dl_src:{TG1},resubmit(,58)",
        f"priority=20,dl_vlan=3,dl_dst={TWO} actions=mod_dl_src:{TG2},resubmit(,58)",
    ]
    assert table(compute1, "br-int", 60) == [
        "priority=1 actions=NORMAL",
        f"priority=20,in_port=patch-tun,dl_vlan=2,dl_dst={ONE} actions=strip_vlan,output:{TAP_ONE}",
        f"priority=20,in_port=patch-tun,dl_vlan=3,dl_dst={TWO} actions=strip_vlan,output:{TAP_TWO}",
    ]


def test_frames_are_sorted_by_who_sent_them(compute1):
    found = table(compute1, "br-int", 0)
    for mac in OTHERS:
        assert f"priority=2,in_port=patch-tun,dl_src={mac} actions=resubmit(,1)" in found
        assert f"priority=4,in_port=int-br-ex,dl_src={mac} actions=resubmit(,2)" in found
    assert f"priority=5,in_port=patch-tun,dl_dst={OWN} actions=resubmit(,3)" in found
    assert f"priority=5,in_port=int-br-vlan,dl_dst={OWN} actions=resubmit(,4)" in found
    assert not any(f"dl_src={OWN}" in flow for flow in found)


def test_answers_to_the_hosts_mac_reach_the_interface(compute1, on_vlans):
    assert f"priority=99,arp,dl_dst={OWN},arp_op=2,arp_tha={TG1} actions=mod_dl_dst:{TG1},resubmit(,58)" \
        in table(compute1, "br-int", 0)
    assert table(compute1, "br-int", 3) == [
        f"priority=5,dl_vlan=2,dl_dst={OWN} actions=mod_dl_dst:{TG1},strip_vlan,output:{QR1}",
        f"priority=5,dl_vlan=3,dl_dst={OWN} actions=mod_dl_dst:{TG2},strip_vlan,output:{QR2}",
    ]
    wire = "in_port=int-br-vlan,dl_vlan=100"  # before the VLAN is translated
    assert f"priority=99,arp,{wire},dl_dst={OWN},arp_op=2,arp_tha={TG1} " \
        f"actions=mod_dl_dst:{TG1},mod_vlan_vid:2,resubmit(,58)" in table(on_vlans, "br-int", 0)
    assert f"priority=5,{wire},dl_dst={OWN} actions=mod_dl_dst:{TG1},strip_vlan,output:{QR1}" \
        in table(on_vlans, "br-int", 4)


def test_what_leaves_a_host_in_a_tunnel_has_its_mac_and_nothing_leaves_for_an_interface(compute1):
    assert table(compute1, "br-tun", 1) == [
        "priority=0 actions=resubmit(,2)",
        f"priority=2,dl_vlan=2,dl_dst={TG1} actions=drop",
        f"priority=1,dl_vlan=2,dl_src={TG1} actions=mod_dl_src:{OWN},resubmit(,2)",
        f"priority=2,dl_vlan=3,dl_dst={TG2} actions=drop",
        f"priority=1,dl_vlan=3,dl_src={TG2} actions=mod_dl_src:{OWN},resubmit(,2)",
    ]
    assert "priority=1,in_port=patch-int actions=resubmit(,1)" in table(compute1, "br-tun", 0)
    asked = [f"priority=3,arp,dl_vlan={vlan},arp_tpa=192.168.{vlan - 1}.1 actions=drop" for vlan in (2, 3)]
    assert [flow for flow in table(compute1, "br-tun", 22) if "arp" in flow] == asked


def test_frames_from_other_parts_are_not_learnt(compute1):
    assert table(compute1, "br-tun", 9) == ["priority=0 actions=resubmit(,10)"] + [
        f"priority=1,dl_src={mac} actions=output:patch-int" for mac in OTHERS]
    assert [flow for flow in table(compute1, "br-tun", 4) if "tun_id" in flow] == [
        "priority=1,tun_id=0x64 actions=mod_vlan_vid:2,resubmit(,9)",
        "priority=1,tun_id=0x65 actions=mod_vlan_vid:3,resubmit(,9)",
    ]


def test_an_interface_is_nowhere_else_and_what_is_beside_it_is_on_the_gateways_host(compute1):
    everything = table(compute1, "br-tun", 20) + table(compute1, "br-tun", 21)
    assert not any(mac in flow for flow in everything for mac in (TG1, TG2))
    assert not any("arp_tpa=192.168.1.1 " in flow or "arp_tpa=192.168.1.1," in flow for flow in everything)
    sg = next(link["mac_address"] for item in planned()["network1"]["namespaces"] for link in item["links"]
              if link["addresses"] == ["192.168.1.2/24"])
    assert any(f"dl_dst={sg}" in flow and flow.endswith("output:vxlan-0a000115") for flow in everything)
    assert any(f"dl_dst={THREE}" in flow and flow.endswith("output:vxlan-0a000120") for flow in everything)


def test_the_gateways_host_rewrites_for_what_is_beside_interfaces():
    plan = planned()["network1"]
    macs = {link["addresses"][0]: link["mac_address"] for item in plan["namespaces"] for link in item["links"]}
    assert f"priority=20,dl_vlan=2,dl_dst={macs['192.168.1.2/24']} actions=mod_dl_src:{TG1},resubmit(,58)" \
        in table(plan, "br-int", 1)


@pytest.mark.parametrize(("kind", "into"), [("gre", 3), ("vxlan", 4), ("geneve", 6)])
def test_every_tunnel_type(kind, into):
    plan = planned((f"{BLUE}.network_type", kind))["compute1"]
    assert "priority=1,tun_id=0x64 actions=mod_vlan_vid:2,resubmit(,9)" in table(plan, "br-tun", into)
    assert f"priority=1,dl_vlan=2,dl_src={TG1} actions=mod_dl_src:{OWN},resubmit(,2)" in table(plan, "br-tun", 1)


def test_a_vlan_is_translated_after_a_look_at_who_sent_the_frame(on_vlans):
    assert flows(on_vlans, "br-vlan") == [
        "table=0,priority=0 actions=NORMAL",
        "table=2,priority=2,in_port=phy-br-vlan actions=drop",
        "table=0,priority=1 actions=resubmit(,3)",
        "table=0,priority=2,in_port=phy-br-vlan actions=resubmit(,1)",
        "table=1,priority=0 actions=resubmit(,2)",
        "table=3,priority=1 actions=NORMAL",
        *(f"table=3,priority=2,dl_src={mac} actions=output:phy-br-vlan" for mac in OTHERS),
        f"table=1,priority=2,dl_vlan=2,dl_dst={TG1} actions=drop",
        f"table=1,priority=1,dl_vlan=2,dl_src={TG1} actions=mod_dl_src:{OWN},resubmit(,2)",
        "table=1,priority=3,arp,dl_vlan=2,arp_tpa=192.168.1.1 actions=drop",
        f"table=1,priority=2,dl_vlan=3,dl_dst={TG2} actions=drop",
        f"table=1,priority=1,dl_vlan=3,dl_src={TG2} actions=mod_dl_src:{OWN},resubmit(,2)",
        "table=1,priority=3,arp,dl_vlan=3,arp_tpa=192.168.2.1 actions=drop",
        "table=2,priority=4,in_port=phy-br-vlan,dl_vlan=2 actions=mod_vlan_vid:100,NORMAL",
        "table=2,priority=4,in_port=phy-br-vlan,dl_vlan=3 actions=mod_vlan_vid:101,NORMAL",
    ]
    wire = "in_port=int-br-vlan,dl_vlan"
    assert table(on_vlans, "br-int", 2) == [
        "priority=1 actions=drop",
        f"priority=20,{wire}=100,dl_dst={ONE} actions=mod_dl_src:{TG1},resubmit(,58)",
        f"priority=20,{wire}=101,dl_dst={TWO} actions=mod_dl_src:{TG2},resubmit(,58)",
    ]
    assert f"priority=20,{wire}=100,dl_dst={ONE} actions=strip_vlan,output:{TAP_ONE}" in table(on_vlans, "br-int", 60)


def test_a_flat_network_has_no_vlan_to_look_at():
    flat = {**SITE["dataplane_networks"][1], "network_type": "flat", "physical_network": "vlan"}
    plan = planned((BLUE, {key: value for key, value in flat.items() if key != "segmentation_id"}))["compute1"]
    untagged = "in_port=int-br-vlan,vlan_tci=0x0000/0x1fff"
    assert f"priority=20,{untagged},dl_dst={ONE} actions=mod_dl_src:{TG1},resubmit(,58)" in table(plan, "br-int", 2)
    assert f"priority=20,{untagged},dl_dst={ONE} actions=output:{TAP_ONE}" in table(plan, "br-int", 60)
    assert f"priority=5,{untagged},dl_dst={OWN} actions=mod_dl_dst:{TG1},output:{QR1}" in table(plan, "br-int", 4)


def test_an_external_network_may_have_a_vlan():
    external = {**SITE["dataplane_networks"][0], "network_type": "vlan", "segmentation_id": 1002}
    plan = planned(("dataplane_networks[0]", external))["compute1"]
    assert table(plan, "br-ex", 2) == ["priority=2,in_port=phy-br-ex actions=drop",
                                       "priority=4,in_port=phy-br-ex,dl_vlan=1 actions=mod_vlan_vid:1002,NORMAL"]
    assert "priority=3,in_port=int-br-ex,dl_vlan=1002 actions=mod_vlan_vid:1,resubmit(,58)" in table(plan, "br-int", 0)


def test_router_advertisements_stay_on_their_host():
    v6 = (f"{BLUE}.subnets[1]", {"name": "blue6", "cidr": "fd00:1::/64", "ipv6_ra_mode": "slaac"})
    more = (v6, ("dataplane_routers[0].interfaces[2]", {"subnet": "blue6", "mac_address": "fa:16:3e:00:01:06"}))
    tunnelled = planned(*more)["compute1"]
    assert f"priority=3,icmp6,dl_vlan=2,icmp_type=134,dl_src={OWN} actions=drop" in table(tunnelled, "br-tun", 22)
    physical = planned(*VLAN, *more)["compute1"]
    assert "priority=3,icmp6,dl_vlan=2,icmp_type=134,dl_src=fa:16:3e:00:01:06 actions=drop" \
        in table(physical, "br-vlan", 1)


def test_every_mac_that_an_instance_may_have_is_served():
    pairs = [{"ip_address": "192.168.1.77", "mac_address": "FA:16:3E:00:00:0A"}, {"ip_address": "192.168.1.78"}]
    plan = planned(("dataplane_ports[0].allowed_address_pairs", pairs))["compute1"]
    served = [flow.partition("dl_dst=")[2].split()[0] for flow in table(plan, "br-int", 1) if "dl_vlan=2" in flow]
    assert served == [ONE, "fa:16:3e:00:00:0a"]


def test_a_mac_that_several_may_have_is_the_first_ones_but_an_own_mac_is_its_owners():
    pairs = [{"ip_address": "192.168.1.77", "mac_address": mac} for mac in ("fa:16:3e:00:00:0a", "fa:16:3e:00:01:0e")]
    four = port("four", "blue", "compute1", 14, allowed_address_pairs=pairs)
    plan = planned(("dataplane_ports[0].allowed_address_pairs", pairs), ("dataplane_ports[3]", four))["compute1"]
    outputs = {flow.partition("dl_dst=")[2].split()[0]: flow.partition("output:")[2]
               for flow in table(plan, "br-int", 60) if "dl_vlan=2" in flow}
    assert outputs == {ONE: TAP_ONE, "fa:16:3e:00:01:0e": "tap0000000e-00", "fa:16:3e:00:00:0a": TAP_ONE}


def test_no_flow_is_planned_twice(compute1, on_vlans):
    second = {"name": "r2", "distributed": True, "interfaces": [
        {"subnet": "blue4", "ip_address": "192.168.1.250"}, {"subnet": "red4", "ip_address": "192.168.2.250"}]}
    for plan in (compute1, on_vlans, planned(("dataplane_routers[1]", second))["compute1"]):
        for bridge in plan["flows"]:
            matches = [flow.partition(" actions=")[0] for flow in bridge["flows"]]
            assert len(set(matches)) == len(matches), bridge["bridge"]
