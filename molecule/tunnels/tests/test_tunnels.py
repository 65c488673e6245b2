# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances on different hosts reach each other over every type of network, and nobody else."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tests import frames
from tests.instances import Echoing, Hearing, Serving, ask_all, booted, instances_of
from tests.wire import Capture

HOSTS = ("compute1", "compute2", "compute3")
ENDPOINT = {"compute1": "10.0.1.31", "compute2": "10.0.1.32", "compute3": "10.0.1.33"}
MTU = {"blue": 1450, "red": 1450, "green": 1458, "gold": 1450, "grey": 1500}
NAMED, ECHO = 7000, 7001  # ports that answer an instance's name, and what they are sent

#: Who reaches whom across hosts: network type, from, to, address.
WAYS = [
    ("vxlan", "blue1", "blue2", "10.0.0.2"),
    ("vxlan, IPv6", "blue3", "blue1", "fd00:b::1"),
    ("gre", "green1", "green2", "10.0.3.2"),
    ("geneve", "gold2", "gold3", "10.0.4.3"),
    ("vlan", "grey1", "grey3", "10.0.5.3"),
    ("the same host", "blue1", "blue4", "10.0.0.4"),
]


@pytest.fixture(scope="module")
def instances(lab):
    """{name: Instance}, all of them answering."""
    found = instances_of(lab)
    booted(found.values())
    with Serving(found.values(), [NAMED]), Echoing(found.values(), [ECHO]):
        yield found


def who_has(tunnelled, address):
    """(kind, VNI, from, to) of every tunnelled question for the owner of an address."""
    asked = [each for each in tunnelled if each.frame[:6] == b"\xff" * 6 and each.frame[12:14] == b"\x08\x06"]
    target = ip_address(address).packed
    return [(each.kind, each.key, each.source, each.destination) for each in asked if each.frame[38:42] == target]


def endpoints(tunnelled, content):
    """(from, to) of every tunnelled frame with the content in it."""
    return sorted((each.source, each.destination) for each in tunnelled if content in each.frame)


def test_the_first_run_did_what_check_mode_on_virgin_hosts_predicted_and_the_second_nothing(lab):
    lab.assert_predicted_then_idempotent("site")


@pytest.mark.parametrize(
    ("host", "tunnels"),
    [
        ("compute1", {"vxlan-0a000120", "vxlan-0a000121", "gre-0a000120"}),
        ("compute2", {"vxlan-0a00011f", "vxlan-0a000121", "gre-0a00011f", "geneve-0a000121"}),
        ("compute3", {"vxlan-0a00011f", "vxlan-0a000120", "geneve-0a000120"}),
    ],
)
def test_there_are_tunnels_only_between_hosts_that_share_a_network(lab, host, tunnels):
    assert set(lab.sh(host, "ovs-vsctl list-ports br-tun").split()) == {"patch-int", *tunnels}


def test_every_instance_has_the_mtu_that_its_tunnels_leave(instances):
    for name, instance in instances.items():
        assert instance.device()["mtu"] == MTU[name.rstrip("1234")]


@pytest.mark.parametrize(("kind", "source", "target", "address"), WAYS, ids=[way[0] for way in WAYS])
def test_instances_reach_each_other_up_to_full_size(instances, kind, source, target, address):
    headers = 48 if ":" in address else 28
    instances[source].ping(address)
    instances[source].ping(address, size=MTU[target.rstrip("1234")] - headers)
    assert instances[source].ask([["tcp", address, NAMED], ["udp", address, NAMED]]) == [target, target]
    instances[source].carries(address, ECHO)


def test_tenants_with_the_same_addresses_do_not_see_each_other(instances):
    same, missing = ("10.0.0.2", "fd00:b::2"), ("10.0.0.3", "10.0.0.4", "fd00:b::3", "fd00:b::4")
    questions = [[kind, address, NAMED] for address in (*same, *missing) for kind in ("tcp", "udp", "icmp")]
    answers = ask_all({instances["blue1"]: questions, instances["red1"]: questions})
    assert answers[instances["red1"]] == ["red2", "red2", "reply"] * 2 + [None] * 12
    assert answers[instances["blue1"]] == [
        *["blue2", "blue2", "reply"] * 2,
        *(answer for name in ("blue3", "blue4") * 2 for answer in (name, name, "reply")),
    ]


#: Which hosts a broadcast through tunnels goes to, and which instances hear it.
AUDIENCE = {
    "blue1": (("compute2", "compute3"), {"blue2", "blue3", "blue4"}),
    "red2": (("compute1",), {"red1"}),
    "green1": (("compute2",), {"green2"}),
    "gold3": (("compute2",), {"gold2"}),
    "grey1": ((), {"grey3"}),  # along the VLAN
}


def marker(source):
    return f"broadcast of {source}".encode()


@pytest.fixture(scope="module")
def broadcasts(lab, instances):
    """(what was on the tunnel wire, what the instances heard) after each source has sent a broadcast."""
    capture = Capture(lab, "tunnel")
    with Hearing(*instances.values()) as hearing:
        for source in AUDIENCE:
            device = instances[source].device()
            macs, addresses = (device["mac"], frames.BROADCAST), (device[4][0], "255.255.255.255")
            instances[source].send([frames.udp(macs, addresses, (NAMED, NAMED), marker(source))])
    return capture.tunnelled(), hearing


@pytest.mark.parametrize("source", AUDIENCE)
def test_a_broadcast_leaves_only_to_hosts_of_its_network(instances, broadcasts, source):
    tunnelled, hearing = broadcasts
    hosts, hears = AUDIENCE[source]
    own = ENDPOINT[instances[source].host]
    assert endpoints(tunnelled, marker(source)) == sorted((own, ENDPOINT[host]) for host in hosts)
    assert {name for name in instances if hearing.heard(instances[name], marker(source))} == hears


def test_a_packet_to_a_known_address_goes_to_its_host_alone(lab, instances):
    capture, content = Capture(lab, "tunnel"), b"to a known address"
    macs = (instances["blue1"].device()["mac"], instances["blue3"].device()["mac"])
    instances["blue1"].send([frames.udp(macs, ("10.0.0.1", "10.0.0.3"), (NAMED, NAMED), content)])
    tunnelled = [each for each in capture.tunnelled() if content in each.frame]
    assert [(each.kind, each.key) for each in tunnelled] == [("vxlan", 100)]
    assert endpoints(tunnelled, content) == [(ENDPOINT["compute1"], ENDPOINT["compute3"])]


@pytest.mark.parametrize(("address", "owner"), [("10.0.0.2", "blue2"), ("10.0.0.4", "blue4")])
def test_arp_for_a_known_address_is_answered_locally_and_nothing_leaves(lab, instances, address, owner):
    asker, wanted = instances["blue1"].device()["mac"], instances[owner].device()["mac"]
    capture = Capture(lab, "tunnel")
    with Hearing(instances["blue1"]) as hearing:
        instances["blue1"].send([frames.arp(asker, "10.0.0.1", address)])
    assert hearing.heard(instances["blue1"], frames.arp(wanted, address, "10.0.0.1", asker, 2, asker)[:42]) >= 1
    assert who_has(capture.tunnelled(), address) == []


def test_arp_for_an_unknown_address_asks_the_hosts_of_its_network(lab, instances):
    asker, capture = instances["red1"].device()["mac"], Capture(lab, "tunnel")
    instances["red1"].send([frames.arp(asker, "10.0.0.1", "10.0.0.99")])
    assert who_has(capture.tunnelled(), "10.0.0.99") == [("vxlan", 200, ENDPOINT["compute1"], ENDPOINT["compute2"])]
