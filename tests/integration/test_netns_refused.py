# SPDX-License-Identifier: GPL-3.0-or-later
"""netns: what is not ours, failures midway, bad input."""

from __future__ import annotations

import re

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.mark import alias
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack

from .conftest import ModuleFailed, eventually, run
from .router import ROUTER, edited, ip, objects, snapshot

pytestmark = pytest.mark.usefixtures("clean_host", "clean_links")


# ---- what is not ours


def test_a_foreign_namespace_is_refused_named_and_left_alone_and_adopted_when_asked(netns):
    run("ip", "netns", "add", "qrouter-1")
    with pytest.raises(ModuleFailed, match="network namespace qrouter-1 exists and does not carry our mark"):
        netns(ROUTER)
    with pytest.raises(ModuleFailed, match="does not carry our mark"):
        netns({"name": "qrouter-1"}, state="absent")
    assert "qr-1" not in ip("link")
    predicted = netns(ROUTER, adopt=True, check=True)
    result = netns(ROUTER, adopt=True)
    assert result["changes"] == predicted["changes"]
    assert objects(result)[0] == "update network namespace qrouter-1"
    assert not netns(ROUTER)["changed"]


def test_all_that_is_in_the_way_is_named_at_once(netns):
    for name in ("qrouter-1", "qrouter-2"):
        run("ip", "netns", "add", name)
    with pytest.raises(ModuleFailed, match="namespace qrouter-1 exists .*; network namespace qrouter-2 exists "):
        netns({"name": "qrouter-1"}, {"name": "qrouter-2"}, {"name": "qrouter-3"})
    assert namespace.names() == ["qrouter-1", "qrouter-2"]


def test_a_failed_adoption_leaves_a_foreign_namespace_foreign(netns):
    run("ip", "netns", "add", "qrouter-1")
    ip("link", "set", "lo", "up")
    before = snapshot("qrouter-1")
    with pytest.raises(ModuleFailed) as failed:
        netns(edited(neighbours=[{**ROUTER["neighbours"][0], "device": "qr-9"}]), adopt=True)
    assert failed.value.result["rolled_back"]
    assert namespace.owner("qrouter-1") is None
    assert snapshot("qrouter-1") == before


def test_a_foreign_device_with_the_name_of_a_peer_is_refused_and_replaced_when_adopted(netns):
    run("ip", "link", "add", "tap-1", "type", "veth", "peer", "name", "tap-x")
    with pytest.raises(ModuleFailed, match="link tap-1 in the root namespace exists and does not carry our mark"):
        netns(ROUTER)
    assert namespace.names() == []
    netns(ROUTER, adopt=True)
    assert "tap-x" not in run("ip", "link")
    assert not netns(ROUTER)["changed"]


def test_a_dead_veth_of_ours_in_the_root_namespace_is_made_anew(netns):
    run("ip", "link", "add", "tap-1", "type", "veth", "peer", "name", "tap-x")
    run("ip", "link", "set", "tap-1", "alias", alias("demo"))
    assert objects(netns(ROUTER))[0] == "delete link tap-1"
    assert not netns(ROUTER)["changed"]


# ---- failure


@pytest.mark.parametrize(("bad", "message"), [
    ({"routes": [{"destination": "9.9.9.0/24", "gateway": "172.31.0.1"}]},
     "refused to create route 9.9.9.0/24 via 172.31.0.1: Nexthop has invalid gateway"),
    ({"routes": [{"destination": "9.9.9.0/24", "device": "qr-9"}]}, "route 9.9.9.0/24 needs the device qr-9"),
    ({"sysctls": {"net.ipv4.conf.qr-9.forwarding": 1}}, "the kernel has no sysctl net.ipv4.conf.qr-9.forwarding"),
    ({"sysctls": {"net.bridge.no-such-key": 1}}, "load the kernel module br_netfilter"),
    ({"links": [{"name": "qr-9", "plug": "internal"}]}, "OVS internal port qr-9 does not exist: ovs_port makes it"),
])  # fmt: skip
def test_a_failure_midway_is_undone(netns, bad, message):
    other = {"name": "kept", "links": [{"name": "qr-5", "plug": "veth", "peer": "tap-5", "addresses": ["10.5.0.1/24"]}]}
    netns(other)
    before = snapshot("kept")
    other["links"][0].update(mtu=1300, addresses=["10.5.0.2/24"])
    with pytest.raises(ModuleFailed) as failed:
        netns(ROUTER, other, {"name": "bad", **bad}, purge=True)
    assert message in failed.value.result["msg"]
    if "rolled_back" in failed.value.result:
        assert failed.value.result["rolled_back"]
    assert namespace.names() == ["kept"]
    assert snapshot("kept") == before
    eventually(lambda: "tap-1" not in run("ip", "link"))


def test_a_failed_run_brings_back_what_it_had_removed(netns):
    netns(ROUTER)
    before = snapshot("qrouter-1")
    broken = {
        "name": "qrouter-1",
        "links": ROUTER["links"][1:],
        "routes": [{"destination": "9.9.9.0/24", "gateway": "172.31.0.1"}],
    }
    with pytest.raises(ModuleFailed) as failed:
        netns(broken, purge=True)
    assert failed.value.result["rolled_back"]
    def order(text):
        return sorted(re.sub(r"^\d+: ", "", line) for line in text.splitlines())  # a new veth has another number

    assert order(snapshot("qrouter-1")) == order(before)


def test_a_failed_run_has_not_deleted_namespaces(netns):
    netns(ROUTER)
    with pytest.raises(ModuleFailed):
        netns({"name": "bad", "routes": [{"destination": "9.9.9.0/24", "gateway": "172.31.0.1"}]}, purge=True)
    assert not netns(ROUTER, purge=True)["changed"]


def test_check_mode_forgives_what_is_missing_and_writes_nothing(netns):
    before = run("ip", "link")
    config = edited(links=[{"name": "qr-1", "plug": "internal"}], routes=[], neighbours=[])
    config["sysctls"]["net.bridge.no-such-key"] = 1
    assert netns(config, check=True)["changed"]
    assert namespace.names() == []
    assert run("ip", "link") == before


# ---- bad input


BAD = {
    "config[0].links[0].addresses[0]: 10.0.0.300/24: is not an IP address with a prefix length": (
        {"links": [{"name": "a", "plug": "veth", "peer": "b", "addresses": ["10.0.0.300/24"]}]}
    ),
    "config[0].links[0].peer: is required": {"links": [{"name": "a", "plug": "veth"}]},
    "config[0].links[0].mtu: 10: must be from 68 to 65535": (
        {"links": [{"name": "a", "plug": "internal", "mtu": 10}]}
    ),
    "config[0].links[0].peer_mtu: 1450: only a link with plug veth has a peer": (
        {"links": [{"name": "a", "plug": "internal", "peer_mtu": 1450}]}
    ),
    "config[0].links[0].peer_mtu: 1450: the peer is a link of b, which has its own mtu": (
        {"links": [{"name": "a", "plug": "veth", "peer": "b", "peer_namespace": "b", "peer_mtu": 1450}]}
    ),
    "config[0].links[0].colour: red: is not an option": (
        {"links": [{"name": "a", "plug": "internal", "colour": "red"}]}
    ),
    "config[0].links[1].name: a: is already given by config[0].links[0].name": (
        {"links": [{"name": "a", "plug": "internal"}, {"name": "a", "plug": "veth", "peer": "b"}]}
    ),
    "config[0].links[0].mac_address: 01:00:00:00:00:00: is not the MAC address of one device": (
        {"links": [{"name": "a", "plug": "internal", "mac_address": "01:00:00:00:00:00"}]}
    ),
    "config[0].routes[0].destination: 10.0.0.1/24: has host bits set: the network is 10.0.0.0/24": (
        {"routes": [{"destination": "10.0.0.1/24", "device": "a"}]}
    ),
    "config[0].routes[0]: 10.0.0.0/24: needs a gateway, a device or both": (
        {"routes": [{"destination": "10.0.0.0/24"}]}
    ),
    "config[0].routes[0].gateway: fd00::1: is not of the family of 10.0.0.0/24": (
        {"routes": [{"destination": "10.0.0.0/24", "gateway": "fd00::1"}]}
    ),
    "config[0].rules[0].priority: 0: is the priority of one of the kernel's own rules": (
        {"rules": [{"priority": 0, "table": 5}]}
    ),
    "config[0].sysctls.kernel.panic: 1: is not a sysctl of a network namespace": {"sysctls": {"kernel.panic": 1}},
    "config[0].sysctls.net.ipv4.ip_forward: [1]: must be a number or text": {"sysctls": {"net.ipv4.ip_forward": [1]}},
}


def test_every_problem_of_a_config_is_named_before_anything_is_touched(module):
    for message, item in BAD.items():
        with pytest.raises(ModuleFailed) as failed:
            module("netns", packed=pack([{"name": "a", **item}]))
        assert any(problem.startswith(message) for problem in failed.value.result["problems"]), failed.value
    assert namespace.names() == []


def test_all_problems_come_at_once_and_duplicates_name_both_places(netns):
    with pytest.raises(ModuleFailed) as failed:
        netns({"name": "a/b"}, {"name": "c"}, {"name": "c", "neighbours": [
            {"device": "x", "address": "1.2.3", "mac_address": "nonsense"}]})  # fmt: skip
    assert failed.value.result["problems"] == [
        "config[0].name: a/b: is not a name for a file in /run/netns",
        "config[2].neighbours[0].address: 1.2.3: is not an IP address",
        "config[2].neighbours[0].mac_address: nonsense: is not the MAC address of one device",
        "config[2].name: c: is already given by config[1].name",
    ]
