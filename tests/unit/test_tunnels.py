# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that span hosts: br-tun, its tunnels, and l2 population from the model."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import tunnel_port
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

HOSTS = {
    "network1": {"groups": ["network"], "dataplane_local_ip": "10.0.1.21"},
    "compute1": {"groups": ["compute"], "dataplane_local_ip": "10.0.1.31"},
    "compute2": {"groups": ["compute"], "dataplane_local_ip": "10.0.1.32"},
    "compute3": {"groups": ["compute"], "dataplane_local_ip": "10.0.1.33"},
}
V6 = {name: {**host, "dataplane_local_ip": f"fd00::{host['dataplane_local_ip'][-2:]}"} for name, host in HOSTS.items()}


def network(name, kind="vxlan", segment=100, cidr="192.168.1.0/24", **keys):
    return {"name": name, "network_type": kind, "segmentation_id": segment,
            "subnets": [{"name": f"{name}-subnet", "cidr": cidr, "enable_dhcp": False}], **keys}


def port(name, network, host, address=None, **keys):
    pinned = [{"subnet": f"{network}-subnet", "ip_address": address}] if address else None
    return {"name": name, "network": network, "binding_host_id": host,
            **({"fixed_ips": pinned, "mac_address": f"fa:16:3e:00:00:{int(address.split('.')[-1]):02x}"}
               if address else {}), **keys}


BLUE = {
    "dataplane_site": "test",
    "dataplane_enable_metadata_proxy": False,
    "dataplane_networks": [network("blue")],
    "dataplane_routers": [{
        "name": "r1", "interfaces": [{"subnet": "blue-subnet", "mac_address": "fa:16:3e:00:00:01"}],
    }],
    "dataplane_ports": [
        port("one", "blue", "compute1", "192.168.1.11"), port("two", "blue", "compute2", "192.168.1.12"),
    ],
}


def plan(site, hosts=None, lock=None):
    site = load(site, hosts or HOSTS)
    return compile_site(site, allocate(site, lock or empty()))


def tunnel_ports(plan):
    return {item["name"]: item for item in plan["ports"] if item["bridge"] == "br-tun" and item["type"] != "patch"}


def flows(plan, bridge="br-tun"):
    return next((item["flows"] for item in plan["flows"] if item["bridge"] == bridge), [])


def table(plan, number, text=""):
    return [flow.partition(",")[2] for flow in flows(plan) if flow.startswith(f"table={number},") and text in flow]


def test_tunnels_lead_to_the_hosts_that_share_a_network():
    plans = plan(BLUE)
    assert tunnel_ports(plans["compute1"]) == {
        name: {"name": name, "bridge": "br-tun", "type": "vxlan", "options": {
            "local_ip": "10.0.1.31", "remote_ip": remote, "in_key": "flow", "out_key": "flow", "df_default": "true",
            "egress_pkt_mark": "0",
        }} for name, remote in (("vxlan-0a000120", "10.0.1.32"), ("vxlan-0a000115", "10.0.1.21"))
    }
    assert [(item["name"], item["bridge"], item["options"]["peer"]) for item in plans["compute1"]["ports"]
            if item["name"].startswith("patch-")] == [("patch-tun", "br-int", "patch-int"),
                                                      ("patch-int", "br-tun", "patch-tun")]
    assert [bridge["name"] for bridge in plans["compute1"]["bridges"]] == ["br-int", "br-tun"]
    settings = {"mac-table-size": "50000", "disable-in-band": "true"}
    assert all(bridge["other_config"] == settings for bridge in plans["compute1"]["bridges"])


def test_a_host_without_a_tunnel_network_has_no_tunnel_bridge():
    idle = plan(BLUE)["compute3"]
    assert [bridge["name"] for bridge in idle["bridges"]] == ["br-int"]
    assert flows(idle) == [] and not any("tun" in item["name"] for item in idle["ports"])


@pytest.mark.parametrize(("kind", "hosts", "prefix", "device"), [
    ("gre", HOSTS, "gre-0a000120", "gre"), ("geneve", HOSTS, "geneve-0a000120", "geneve"),
    ("vxlan", V6, "vxlan-", "vxlan"), ("gre", V6, "gre-", "ip6gre"), ("geneve", V6, "geneve-", "geneve"),
])
def test_each_type_over_either_underlay(kind, hosts, prefix, device):
    plans = plan({**BLUE, "dataplane_networks": [network("blue", kind)]}, hosts)
    (name,) = [name for name, item in tunnel_ports(plans["compute1"]).items()
               if item["options"]["remote_ip"] == hosts["compute2"]["dataplane_local_ip"]]
    assert name.startswith(prefix) and len(name) <= 15
    item = tunnel_ports(plans["compute1"])[name]
    assert item["type"] == device
    assert item["options"].get("packet_type") == ("legacy_l2" if device == "ip6gre" else None)
    into = {"gre": 3, "vxlan": 4, "geneve": 6}
    assert table(plans["compute1"], 0, name) == [f"priority=1,in_port={name} actions=resubmit(,{into[kind]})"]
    assert table(plans["compute1"], into[kind]) == [
        "priority=0 actions=drop", "priority=1,tun_id=0x64 actions=mod_vlan_vid:1,resubmit(,10)",
    ]
    assert all(table(plans["compute1"], other) == ["priority=0 actions=drop"]
               for each, other in into.items() if each != kind)


def test_names_of_tunnel_ports_are_neutrons():
    assert tunnel_port("vxlan", ip_address("10.0.1.11")) == "vxlan-0a00010b"
    assert tunnel_port("vxlan", ip_address("fd00::1")) == "vxlan-ajky6puzs"  # what get_tunnel_name makes of it


def test_a_known_destination_is_reached_without_a_flood():
    one = plan(BLUE)["compute1"]
    assert table(one, 20) == [
        "priority=0 actions=resubmit(,22)",
        "priority=2,dl_vlan=1,dl_dst=fa:16:3e:00:00:0c "
        "actions=strip_vlan,load:0x64->NXM_NX_TUN_ID[],output:vxlan-0a000120",
        "priority=2,dl_vlan=1,dl_dst=fa:16:3e:00:00:01 "
        "actions=strip_vlan,load:0x64->NXM_NX_TUN_ID[],output:vxlan-0a000115",
        "priority=2,dl_vlan=1,dl_dst=fa:16:3e:00:00:0b actions=drop",
    ]
    assert table(one, 22) == [
        "priority=0 actions=drop",
        "priority=1,dl_vlan=1 actions=strip_vlan,load:0x64->NXM_NX_TUN_ID[],"
        "output:vxlan-0a000120,output:vxlan-0a000115",
    ]


def test_arp_for_a_known_address_is_answered_at_home():
    one = plan(BLUE)["compute1"]
    assert table(one, 21, "arp_tpa=192.168.1.12") == [
        "priority=1,arp,dl_vlan=1,arp_tpa=192.168.1.12 actions=load:0x2->NXM_OF_ARP_OP[],"
        "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],"
        "load:0xfa163e00000c->NXM_NX_ARP_SHA[],load:0xc0a8010c->NXM_OF_ARP_SPA[],"
        "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],mod_dl_src:fa:16:3e:00:00:0c,IN_PORT",
    ]
    assert table(one, 21, "arp_tpa=192.168.1.11") == [
        "priority=1,arp,dl_vlan=1,arp_tpa=192.168.1.11,arp_op=1 actions=drop",
        "priority=2,arp,dl_vlan=1,arp_tpa=192.168.1.11,arp_spa=192.168.1.11 actions=resubmit(,22)",
        "priority=2,arp,dl_vlan=1,arp_tpa=192.168.1.11,arp_spa=0.0.0.0,dl_src=fa:16:3e:00:00:0b actions=resubmit(,22)",
    ]


def test_pairs_with_a_mac_of_their_own_are_left_to_learning():
    pair = {"ip_address": "192.168.1.100", "mac_address": "00:00:5e:00:01:01"}
    shared = {**BLUE["dataplane_ports"][1], "allowed_address_pairs": [pair]}
    one = plan({**BLUE, "dataplane_ports": [BLUE["dataplane_ports"][0], shared]})["compute1"]
    assert one["flows"] == plan(BLUE)["compute1"]["flows"]
    assert len(table(one, 10)) == len(table(one, 10, "learn(table=20,hard_timeout=300,priority=1,")) == 4


def test_vlan_and_flat_networks_reach_computes_through_their_bridges():
    mapped = {"dataplane_bridge_mappings": {"physnet": "br-vlan", "external": "br-ex"}}
    hosts = {name: {**host, **mapped} for name, host in HOSTS.items()}
    site = {**BLUE, "dataplane_networks": [
        network("blue"), network("red", "vlan", 201, physical_network="physnet"),
        {**network("ext", "flat", cidr="203.0.113.0/24", physical_network="external"), "segmentation_id": None},
    ], "dataplane_ports": [*BLUE["dataplane_ports"], port("r", "red", "compute1"), port("e", "ext", "compute1")]}
    one = plan(site, hosts)["compute1"]
    assert "table=0,priority=4,in_port=phy-br-vlan,dl_vlan=2 actions=mod_vlan_vid:201,NORMAL" in flows(one, "br-vlan")
    assert "table=0,priority=4,in_port=phy-br-ex,dl_vlan=3 actions=strip_vlan,NORMAL" in flows(one, "br-ex")
    back = "table=0,priority=3,in_port=int-br-vlan,dl_vlan=201 actions=mod_vlan_vid:2,resubmit(,58)"
    assert back in flows(one, "br-int")
    assert not any("dl_vlan=2" in flow or "dl_vlan=3" in flow for flow in flows(one))


def test_devices_have_the_mtu_of_their_network():
    plans = plan({**BLUE, "dataplane_networks": [network("blue", "gre")]}, V6)
    assert {link["mtu"] for each in plans.values() for item in each["namespaces"] for link in item["links"]} == {1438}


KINDS = st.sampled_from(["vxlan", "gre", "geneve", "local"])
COMPUTES = st.sampled_from(["compute1", "compute2", "compute3"])


@st.composite
def sites(draw):
    """Sites of a few networks with overlapping ranges, ports anywhere, some networks routed."""
    kinds = draw(st.lists(KINDS, min_size=1, max_size=4))
    networks = [network(f"n{n}", kind, None, "10.0.0.0/24") for n, kind in enumerate(kinds)]
    places = draw(st.lists(st.tuples(st.integers(0, len(kinds) - 1), COMPUTES), max_size=12))
    return {
        "dataplane_site": "any",
        "dataplane_enable_metadata_proxy": False,
        "dataplane_networks": networks,
        "dataplane_routers": [{"name": f"r{n}", "interfaces": [{"subnet": f"n{n}-subnet"}]}
                              for n in sorted(draw(st.sets(st.integers(0, len(kinds) - 1))))],
        "dataplane_ports": [port(f"p{n}", f"n{net}", host) for n, (net, host) in enumerate(places)],
    }


def where(site, lock):
    """{network name: {host: [(MAC, addresses)]}} of its tunnel networks, told from the lock alone."""
    kinds = {item["name"]: item["network_type"] for item in site["dataplane_networks"]}
    found = defaultdict(lambda: defaultdict(list))
    for item in site["dataplane_ports"]:
        key = f"port {item['name']}"
        address = lock["addresses"][f"{item['network']}-subnet"][key]
        found[item["network"]][item["binding_host_id"]].append((lock["mac_addresses"][key], address))
    for item in site["dataplane_routers"]:
        name = f"n{item['name'][1:]}"
        mac = lock["mac_addresses"][f"router {item['name']} interface {name}-subnet"]
        found[name]["network1"].append((mac, "10.0.0.1"))
    return {name: hosts for name, hosts in found.items() if kinds[name] != "local"}


@settings(deadline=None)
@given(sites())
def test_every_pair_of_hosts_that_shares_a_network_has_one_tunnel_each_way(site):
    loaded = load(site, HOSTS)
    lock = allocate(loaded, empty())
    plans = compile_site(loaded, lock)
    kinds = {item["name"]: item["network_type"] for item in site["dataplane_networks"]}
    shared = {(kinds[name], one, other) for name, hosts in where(site, lock).items()
              for one in hosts for other in hosts if one != other}
    by_address = {host["dataplane_local_ip"]: name for name, host in HOSTS.items()}
    assert Counter(
        (item["type"], host, by_address[item["options"]["remote_ip"]])
        for host in plans for item in tunnel_ports(plans[host]).values()
    ) == Counter(shared)


@settings(deadline=None)
@given(sites())
def test_every_host_knows_exactly_the_ports_of_its_networks(site):
    loaded = load(site, HOSTS)
    lock = allocate(loaded, empty())
    plans = compile_site(loaded, lock)
    for host, each in plans.items():
        vlans, segments = lock["local_vlans"].get(host, {}), lock["segmentation_ids"]
        unicast, answers, floods = {}, set(), {}
        for name, hosts in where(site, lock).items():
            if host not in hosts:
                continue
            peers = {other: tunnel_port(loaded_kind(loaded, name), ip_address(HOSTS[other]["dataplane_local_ip"]))
                     for other in hosts if other != host}
            load_id = f"strip_vlan,load:{segments[name]:#x}->NXM_NX_TUN_ID[],"
            for other, ports in hosts.items():
                for mac, address in ports:
                    unicast[vlans[name], mac] = f"{load_id}output:{peers[other]}" if other != host else "drop"
                    if other != host:
                        answers.add((vlans[name], address, mac))
            if peers:
                floods[vlans[name]] = load_id, {f"output:{peer}" for peer in peers.values()}
        assert parsed(UNICAST, table(each, 20, "priority=2")) == Counter(
            (str(vlan), mac, actions) for (vlan, mac), actions in unicast.items())
        assert parsed(ANSWER, table(each, 21, "IN_PORT")) == Counter(
            (str(vlan), address, mac) for vlan, address, mac in answers)
        for flow in table(each, 22, "dl_vlan"):
            vlan, actions = re.fullmatch(r"priority=1,dl_vlan=(\d+) actions=(.*)", flow).groups()
            head, outputs = floods.pop(int(vlan))
            assert actions.startswith(head) and Counter(actions[len(head):].split(",")) == Counter(outputs)
        assert not floods
        mine = {str(vlans[name]) for name, hosts in where(site, lock).items() if host in hosts}
        assert {vlan for flow in flows(each) for vlan in re.findall(r"dl_vlan=(\d+)", flow)} <= mine


def loaded_kind(site, name):
    return next(network.network_type for network in site.networks if network.name == name)


UNICAST = r"priority=2,dl_vlan=(\d+),dl_dst=(\S+) actions=(.*)"
ANSWER = r"priority=1,arp,dl_vlan=(\d+),arp_tpa=(\S+) .*mod_dl_src:(\S+),IN_PORT"


def parsed(pattern, flows):
    return Counter(re.fullmatch(pattern, flow).groups() for flow in flows)


@settings(deadline=None)
@given(sites(), KINDS, st.lists(COMPUTES, max_size=5), st.booleans())
def test_a_new_network_changes_only_flows_of_its_own(site, kind, hosts, routed):
    """Nothing that is there is changed or removed; what is added speaks of the new network or the tunnels it needs."""
    loaded = load(site, HOSTS)
    lock = allocate(loaded, empty())
    before = compile_site(loaded, lock)
    more = {
        **site,
        "dataplane_networks": [network("new", kind, None, "10.0.0.0/24"), *site["dataplane_networks"]],
        "dataplane_routers": [*([{"name": "new", "interfaces": [{"subnet": "new-subnet"}]}] if routed else []),
                              *site["dataplane_routers"]],
        "dataplane_ports": [*(port(f"new{n}", "new", host) for n, host in enumerate(hosts)), *site["dataplane_ports"]],
    }
    loaded = load(more, HOSTS)
    lock = allocate(loaded, lock)
    after = compile_site(loaded, lock)
    for host, each in after.items():
        added = Counter(flows(each)) - Counter(flows(before[host]))
        assert not Counter(flows(before[host])) - Counter(flows(each))
        if not flows(before[host]):
            continue  # the first tunnel network brings the bridge itself
        vlan, segment = lock["local_vlans"].get(host, {}).get("new"), lock["segmentation_ids"].get("new", 0)
        news = {item["name"] for item in each["ports"]} - {item["name"] for item in before[host]["ports"]}
        for flow in added:
            new_tunnel = re.search(r"in_port=(\S+) ", flow)
            assert (f"dl_vlan={vlan}" in re.split("[, ]", flow) or f",tun_id={segment:#x} " in flow
                    or (new_tunnel and new_tunnel[1] in news)), flow
