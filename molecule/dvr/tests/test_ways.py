# SPDX-License-Identifier: GPL-3.0-or-later
"""The three ways of a packet, seen on the wires (reference 11.3): with a floating IP, without one, and east to west."""

from __future__ import annotations

import pytest

from tests.instances import Echoing
from tests.wire import Capture, Overhearing, echoes

INTERNET, WORLD, FLOATING, GATEWAY = "198.51.100.10", "203.0.113.1", "203.0.113.102", "203.0.113.101"
ENDPOINT = {"network1": "10.0.1.21", "compute1": "10.0.1.31", "compute2": "10.0.1.32"}
SNAT = "snat-635660ae-a254-4feb-8993-295aa9ec6418"
ONE, TWO, THREE = "192.168.1.3", "192.168.1.11", "192.168.2.11"
ASKED = "icmp[icmptype]=icmp-echo and src {}"
FULL = 1450 - 28
ECHO = 7001


class Wires:
    """While entered, the tunnel wire and the external wire are recorded; then who sent what is known."""

    def __init__(self, lab):
        self.lab = lab

    def __enter__(self):
        self._tunnel, self._external = Capture(self.lab, "tunnel"), Capture(self.lab, "external")
        return self

    def __exit__(self, *failure):
        self.tunnelled = [
            (each.source, each.destination, each.kind, each.key, echo)
            for each in self._tunnel.tunnelled() for echo in echoes([each.frame])
        ]  # fmt: skip
        self.external = echoes(self._external.stop())

    def one(self, found, addresses, is_reply):
        """What is the same of all frames of one direction, but their TTL: there must be some, and of one kind."""
        kinds = {each[:-1] + (each[-1].macs,) for each in found
                 if (each[-1].addresses, each[-1].is_reply) == (addresses, is_reply)}
        assert len(kinds) == 1, (addresses, is_reply, kinds)
        return kinds.pop()

    def tunnel(self, *addresses, is_reply=False):
        """(from, to, kind, VNI, MACs) of what went from one address to another through tunnels."""
        return self.one(self.tunnelled, addresses, is_reply)

    def outside(self, *addresses, is_reply=False):
        """MACs of what went from one address to another outside."""
        return self.one([(each,) for each in self.external], addresses, is_reply)[0]


def ttl(instance, address):
    """What is left of 64 in an answer."""
    answer = instance.sh(f"ping -n -c 1 -W 2 {address}")
    return int(answer.partition("ttl=")[2].split()[0])


def outside_pings(lab, address, count=3):
    return lab.sh("outside", f"ping -n -i 0.2 -W 2 -c {count} {address}")


def test_every_question_of_the_model_is_answered_as_it_says(lab):
    lab.play("verify.yml")


def test_case_1_without_a_floating_ip_the_network_host_translates(lab, instances, macs):
    with Wires(lab) as wires:
        instances["demo-instance2"].ping(INTERNET)
    assert wires.tunnel(TWO, INTERNET) == (
        ENDPOINT["compute1"], ENDPOINT["network1"], "vxlan", 1, (macs.host["compute1"], macs.sg["demo-net"]))
    assert wires.outside(GATEWAY, INTERNET)[0] == macs.qg
    assert wires.outside(INTERNET, GATEWAY, is_reply=True)[1] == macs.qg
    # Back, it goes from the gateway's namespace straight to the instance
    assert wires.tunnel(INTERNET, TWO, is_reply=True) == (
        ENDPOINT["network1"], ENDPOINT["compute1"], "vxlan", 1, (macs.sg["demo-net"], macs.instance["demo-instance2"]))
    assert not any(TWO in each.addresses for each in wires.external)


def test_case_1_the_gateway_sees_the_routers_mac_again(lab, instances, macs):
    with Overhearing(lab, "network1", ASKED.format(TWO), namespace=SNAT) as overhearing:
        instances["demo-instance2"].ping(INTERNET)
    assert macs.qr["demo-net"] in overhearing.text


def test_case_2_a_floating_ip_comes_and_goes_on_the_compute_alone(lab, instances, macs):
    with Wires(lab) as wires:
        assert "ttl=62" in outside_pings(lab, FLOATING)
        instances["demo-instance1"].ping(INTERNET)
    assert wires.outside(WORLD, FLOATING)[1] == macs.fg["compute1"]
    assert wires.outside(FLOATING, WORLD, is_reply=True)[0] == macs.fg["compute1"]
    assert wires.outside(FLOATING, INTERNET)[0] == macs.fg["compute1"]
    assert wires.tunnelled == []


def test_case_3_east_to_west_goes_from_compute_to_compute(lab, instances, macs):
    with Wires(lab) as wires:
        instances["demo-instance1"].ping(THREE)
    east, west = ENDPOINT["compute1"], ENDPOINT["compute2"]
    assert wires.tunnel(ONE, THREE) == (
        east, west, "vxlan", 2, (macs.host["compute1"], macs.instance["demo-instance3"]))
    assert wires.tunnel(THREE, ONE, is_reply=True) == (
        west, east, "vxlan", 1, (macs.host["compute2"], macs.instance["demo-instance1"]))
    assert wires.external == []
    assert ttl(instances["demo-instance1"], THREE) == 63


def test_case_3_the_instance_sees_its_own_gateway(lab, instances, macs):
    with Overhearing(lab, "compute2", ASKED.format(ONE), namespace="vm-demo-instance3") as overhearing:
        instances["demo-instance1"].ping(THREE)
    assert macs.qr["demo-net2"] in overhearing.text


def test_instances_reach_their_gateway_on_their_own_host(lab, instances):
    with Wires(lab) as wires:
        for name, gateway in (("demo-instance1", "192.168.1.1"), ("demo-instance3", "192.168.2.1")):
            instances[name].ping(gateway)
            assert ttl(instances[name], gateway) == 64
    assert wires.tunnelled == wires.external == []


def test_the_gateway_answers_the_world(lab):
    assert "ttl=64" in outside_pings(lab, GATEWAY)


@pytest.mark.parametrize(
    ("source", "target", "address"),
    [("demo-instance1", "demo-instance3", THREE), ("demo-instance3", "demo-instance2", TWO)],
)
def test_full_size_packets_and_streams_pass_between_computes(instances, source, target, address):
    instances[source].ping(address, size=FULL)
    with Echoing([instances[target]], [ECHO]):
        instances[source].carries(address, ECHO)


def test_instances_are_told_their_metadata_on_their_own_host(lab, instances):
    for name in ("demo-instance1", "demo-instance2", "demo-instance3"):
        told = instances[name].sh("curl -s -m 5 http://169.254.169.254/openstack/latest/meta_data.json")
        assert f'"name": "{name}"' in told


def test_without_the_network_host_floating_ips_and_east_west_go_on(lab, instances, without_network1):
    outside_pings(lab, FLOATING)
    instances["demo-instance1"].ping(INTERNET)
    instances["demo-instance1"].ping(THREE)
    with pytest.raises(AssertionError):
        instances["demo-instance2"].ping(INTERNET, count=1)


def test_with_it_all_is_as_before(lab, instances):
    instances["demo-instance2"].ping(INTERNET)
    assert lab.play("site.yml").changes() == {}
