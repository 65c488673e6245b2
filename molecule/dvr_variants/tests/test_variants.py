# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributed routing over every other type of network to a VLAN outside; IPv6, address scopes, a compute host without
external link.
"""

from __future__ import annotations

import json

import pytest

from tests.instances import Echoing, instances_of
from tests.model import Model
from tests.wire import Capture, echoes

INVENTORY = "molecule/dvr_variants/inventory"
WORLD, INTERNET, WORLD6 = "203.0.113.1", "198.51.100.10", "2001:db8::1"
GATEWAY, OWN_FLOATING, CENTRAL_FLOATING, FG = "203.0.113.101", "203.0.113.151", "203.0.113.152", "203.0.113.103"
ENDPOINT = {"network1": "10.0.1.21", "compute1": "10.0.1.31", "compute2": "10.0.1.32"}
ADDRESS = {"grey1": "10.1.1.11", "grey2": "10.1.1.12", "green1": "10.1.2.11", "green2": "10.1.2.12",
           "gold2": "10.1.3.12", "open1": "10.1.4.11"}  # fmt: skip
ECHO = 7001
OUTSIDE_VLAN = 110
ROUTER_ADVERTISEMENT = b"\x86"


@pytest.fixture(scope="module")
def instances(lab):
    return instances_of(lab)


@pytest.fixture(scope="module")
def cloud():
    return Model(INVENTORY)


def host_mac(cloud, host):
    return cloud.allocated.dvr_mac(cloud.allocated.site.hosts[host])


def asked_outside(capture):
    """{(source, destination)} of what asked on the external wire, all of it in the VLAN."""
    seen = echoes(capture.stop())
    assert {each.vlan for each in seen} == {OUTSIDE_VLAN}
    assert any(each.is_reply for each in seen)
    return {each.addresses for each in seen if not each.is_reply}


def namespaces(lab, host):
    return {line.split()[0].partition("-")[0] for line in lab.sh(host, "ip netns").splitlines()}


def test_the_first_run_did_what_check_mode_on_virgin_hosts_predicted_and_the_second_nothing(lab):
    lab.assert_predicted_then_idempotent("site")


def test_every_probe_of_the_model_is_answered(lab):
    assert "all answered as the model says" in lab.play("verify.yml").output


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("network1", {"qrouter", "snat", "fip", "qdhcp"}),
        ("compute1", {"qrouter", "fip", "vm"}),
        ("compute2", {"qrouter", "vm"}),
    ],
)
def test_every_host_has_its_namespaces(lab, host, expected):
    assert namespaces(lab, host) == expected


@pytest.mark.parametrize(
    ("source", "target", "mtu"),
    [("grey1", "green2", 1458), ("green2", "grey1", 1458), ("green1", "gold2", 1450), ("grey2", "grey1", 1500)],
)
def test_instances_reach_each_other_over_every_type(instances, source, target, mtu):
    instances[source].ping(ADDRESS[target])
    instances[source].ping(ADDRESS[target], size=mtu - 28)
    with Echoing([instances[target]], [ECHO]):
        instances[source].carries(ADDRESS[target], ECHO)


def test_address_scopes_are_kept_apart(instances):
    assert instances["gold2"].ask([["icmp", ADDRESS["open1"], 0]]) == [None]
    assert instances["open1"].ask([["icmp", ADDRESS["gold2"], 0]]) == [None]


def test_on_a_vlan_the_hosts_mac_is_the_source(lab, instances, cloud):
    capture = Capture(lab, "vlan")
    instances["green1"].ping(ADDRESS["grey2"])
    seen = echoes(capture.stop())
    addresses = (ADDRESS["green1"], ADDRESS["grey2"])
    assert {(each.macs, each.vlan) for each in seen if each.addresses == addresses} \
        == {((host_mac(cloud, "compute1"), cloud.mac("grey2")), 101)}
    assert not [each for each in seen if each.addresses == addresses[::-1]], "the answer leaves over the other network"


@pytest.mark.parametrize(("source", "target", "kind"), [("grey1", "green2", "gre"), ("green1", "gold2", "geneve")])
def test_in_a_tunnel_the_hosts_mac_is_the_source(lab, instances, cloud, source, target, kind):
    capture = Capture(lab, "tunnel")
    instances[source].ping(ADDRESS[target])
    seen = [(each.kind, each.source, each.destination, echo.macs) for each in capture.tunnelled()
            for echo in echoes([each.frame]) if echo.addresses == (ADDRESS[source], ADDRESS[target])]
    assert set(seen) == {(kind, ENDPOINT["compute1"], ENDPOINT["compute2"],
                          (host_mac(cloud, "compute1"), cloud.mac(target)))}


def test_nobody_asks_for_a_gateway_on_a_wire(lab, instances):
    captures = [Capture(lab, wire) for wire in ("vlan", "tunnel")]
    for name in ("grey1", "green1"):
        gateway = ADDRESS[name].rpartition(".")[0] + ".1"
        instances[name].sh("ip neigh flush dev eth0")
        instances[name].ping(gateway)
    frames = captures[0].stop() + [each.frame for each in captures[1].tunnelled()]
    asked = [frame for frame in frames if b"\x08\x06" in frame[12:18] and frame[:6] == b"\xff" * 6]
    gateways = [bytes([10, 1, third, 1]) for third in (1, 2)]
    assert not [frame for frame in asked if any(gateway in frame for gateway in gateways)]


def test_a_floating_ip_of_a_compute_without_external_link_is_with_the_gateway(lab, instances):
    lab.sh("outside", f"ping -n -i 0.2 -W 2 -c 3 {CENTRAL_FLOATING}")
    capture = Capture(lab, "external")
    instances["grey2"].ping(INTERNET)
    assert asked_outside(capture) == {(CENTRAL_FLOATING, INTERNET)}
    snat = next(line.split()[0] for line in lab.sh("network1", "ip netns").splitlines() if line.startswith("snat-"))
    devices = json.loads(lab.sh("network1", f"ip -j -n {snat} address"))
    held = [each["local"] for device in devices for each in device["addr_info"] if device["ifname"].startswith("qg-")]
    assert CENTRAL_FLOATING in held


def test_a_floating_ip_of_a_compute_with_external_link_is_there(lab, instances):
    tunnel, external = Capture(lab, "tunnel"), Capture(lab, "external")
    lab.sh("outside", f"ping -n -i 0.2 -W 2 -c 3 {OWN_FLOATING}")
    instances["grey1"].ping(INTERNET)
    assert asked_outside(external) == {(WORLD, OWN_FLOATING), (OWN_FLOATING, INTERNET)}
    assert not [each for each in tunnel.tunnelled() if echoes([each.frame])]


def test_without_a_floating_ip_it_is_the_gateways_address(lab, instances):
    capture = Capture(lab, "external")
    for name in ("green1", "gold2"):
        instances[name].ping(INTERNET)
    assert asked_outside(capture) == {(GATEWAY, INTERNET)}


def test_addresses_of_the_worlds_own_scope_leave_the_compute_as_they_are(lab, instances):
    lab.sh("outside", f"ip route replace 10.1.4.0/24 via {FG}")
    tunnel, external = Capture(lab, "tunnel"), Capture(lab, "external")
    instances["open1"].ping(WORLD)
    lab.sh("outside", f"ping -n -i 0.2 -W 2 -c 3 {ADDRESS['open1']}")
    assert asked_outside(external) == {(ADDRESS["open1"], WORLD), (WORLD, ADDRESS["open1"])}
    assert not [each for each in tunnel.tunnelled() if echoes([each.frame])]
    with pytest.raises(AssertionError):  # the other scopes are closed to who knows a way
        lab.sh("outside", f"ip route replace 10.1.2.0/24 via {FG}; ping -n -c 1 -W 1 {ADDRESS['green1']}")
    lab.sh("outside", "ip route delete 10.1.2.0/24; ip route delete 10.1.4.0/24")


def test_ipv6_goes_by_the_gateways_host(lab, instances):
    lab.sh("outside", "ip -6 route replace fd00:2::/64 via 2001:db8::101")
    for name in ("green1", "green2"):
        instances[name].ping(WORLD6)
    inner = instances["green1"].device()[6]
    address = next(each for each in inner if each.startswith("fd00:2:"))
    lab.sh("outside", f"ping -n -i 0.2 -W 2 -c 3 {address}")
    instances["green2"].ping(address)
    lab.sh("outside", "ip -6 route delete fd00:2::/64")


def test_router_advertisements_stay_on_their_host(lab, instances):
    capture = Capture(lab, "tunnel")
    solicit = "timeout 5 sh -c 'rdisc6 -1 eth0' || ping -c 2 -W 1 ff02::2%eth0 || true"
    instances["green1"].sh(f"sh -c \"{solicit}\"")
    icmpv6 = [each.frame for each in capture.tunnelled() if each.frame[12:14] == b"\x86\xdd" and each.frame[20] == 58]
    assert not [frame for frame in icmpv6 if frame[54:55] == ROUTER_ADVERTISEMENT]
    routes = instances["green1"].sh("ip -6 route show default")
    assert routes.count("default") == 1


def test_instances_are_told_their_metadata(instances):
    for name, instance in instances.items():
        told = instance.sh("curl -s -m 5 http://169.254.169.254/openstack/latest/meta_data.json")
        assert f'"name": "{name}"' in told
