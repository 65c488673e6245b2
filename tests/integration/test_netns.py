# SPDX-License-Identifier: GPL-3.0-or-later
"""netns against the real kernel."""

from __future__ import annotations

import copy
import json
import re
import socket
import subprocess
import threading

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.mark import alias
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack

from .conftest import ModuleFailed, eventually, run

ROUTER = {
    "name": "qrouter-1",
    "sysctls": {
        "net.ipv4.ip_forward": 1,
        "net.ipv4.conf.all.arp_ignore": 1,
        "net.ipv4.conf.all.promote_secondaries": True,
        "net.ipv6.conf.qg-1.accept_ra": 2,
        "net.ipv4.conf.qg-1.forwarding": "0",
    },
    "links": [
        {
            "name": "qr-1",
            "plug": "veth",
            "peer": "tap-1",
            "mac_address": "FA:16:3E:01:00:00",
            "mtu": 1450,
            "tx_checksumming": False,
            "addresses": ["10.0.0.1/24", "fd00:0::1/64"],
        },
        {"name": "qg-1", "plug": "veth", "peer": "tap-2", "addresses": ["203.0.113.5/24"]},
    ],
    "routes": [
        {"destination": "198.51.100.1/32", "device": "qg-1"},
        {"destination": "0.0.0.0/0", "gateway": "198.51.100.1", "device": "qg-1"},
        {"destination": "192.0.2.0/24", "gateway": "10.0.0.7"},
        {"destination": "10.9.0.0/16", "nexthops": [{"gateway": "203.0.113.9"}, {"gateway": "10.0.0.9"}]},
        {"destination": "0.0.0.0/0", "gateway": "10.0.0.2", "device": "qr-1", "table": 3232235777},
        {"destination": "::/0", "gateway": "fd00::2", "device": "qr-1"},
    ],
    "rules": [
        {"priority": 3232235777, "from": "10.0.0.1/24", "table": 3232235777},
        {"priority": 100, "iif": "qr-1", "fwmark": "0x4000000/0xffff0000", "table": 16},
        {"priority": 100, "family": "ipv6", "to": "fd01::1", "table": 16},
    ],
    "neighbours": [{"device": "qr-1", "address": "10.0.0.12", "mac_address": "fa:16:3e:01:00:12"}],
}
pytestmark = pytest.mark.usefixtures("clean_host", "clean_links")


@pytest.fixture
def clean_links():
    """No links of the tests stay in the root namespace."""
    yield
    for found in json.loads(run("ip", "-json", "link")):
        if found["ifname"].startswith(("tap-", "qr-", "qg-")):
            run("ip", "link", "delete", found["ifname"])


@pytest.fixture
def netns(module):
    """netns(*config, **options): the module, as owner demo."""

    def call(*config, **options):
        return module("netns", **{"config": list(config), "owner": "demo", **options})

    return call


def ip(*argv, ns="qrouter-1"):
    return run("ip", "-n", ns, *argv)


def objects(result):
    return [f"{change['action']} {change['object']}" for change in result["changes"]]


def snapshot(*names):
    """What somebody has configured in the namespaces, as iproute2 tells it, without what the kernel does by itself."""
    shown = []
    for ns in names:
        for argv in (["addr"], ["-4", "route", "show", "table", "all"], ["-6", "route", "show", "table", "all"],
                     ["rule"], ["-6", "rule"], ["neigh", "show", "nud", "permanent"]):  # fmt: skip
            for line in ip(*argv, ns=ns).splitlines():
                by_itself = "fe80" in line or "proto kernel" in line
                if any(word in line for word in CONFIGURED) and not by_itself:
                    shown.append(re.sub(r"@\w+|<.*>| tentative|qdisc.*|linkdown", "", line).strip())
    return "\n".join(shown)


CONFIGURED = ("mtu", "alias", "inet", "via", "proto static", "lookup", "lladdr")


def edited(**changes):
    """A copy of ROUTER with keys replaced."""
    return {**copy.deepcopy(ROUTER), **changes}


# ---- create, again, check mode


def test_a_router_is_made_as_check_mode_says_and_a_second_run_changes_nothing(netns):
    predicted = netns(ROUTER, check=True)
    assert namespace.names() == []
    real = netns(ROUTER)
    assert predicted["changed"]
    assert real["changes"] == predicted["changes"]
    assert real["diff"] == predicted["diff"]
    before = snapshot("qrouter-1")
    again = netns(ROUTER, purge=True)
    assert objects(again) == []
    assert snapshot("qrouter-1") == before


def test_the_kernel_has_what_was_asked_for(netns):
    netns(ROUTER)
    (link,) = json.loads(ip("-json", "-details", "addr", "show", "dev", "qr-1"))
    assert (link["mtu"], link["address"], link["ifalias"]) == (1450, "fa:16:3e:01:00:00", alias("demo"))
    assert "UP" in link["flags"]
    four, six = link["addr_info"][:2]
    assert (four["local"], four["prefixlen"], four["broadcast"]) == ("10.0.0.1", 24, "10.0.0.255")
    assert (six["local"], six["prefixlen"]) == ("fd00::1", 64)
    (peer,) = json.loads(run("ip", "-json", "-details", "link", "show", "tap-1"))
    assert (peer["mtu"], peer["ifalias"], "UP" in peer["flags"]) == (1450, alias("demo"), True)
    assert "10.9.0.0/16 proto static" in ip("route")
    assert "default via 198.51.100.1 dev qg-1 proto static" in ip("route")
    assert "198.51.100.1 dev qg-1 proto static scope link" in ip("route")
    assert "default via 10.0.0.2 dev qr-1 proto static" in ip("route", "show", "table", "3232235777")
    assert "3232235777:\tfrom 10.0.0.1/24 lookup 3232235777\n" in ip("rule")
    assert "100:\tfrom all fwmark 0x4000000/0xffff0000 iif qr-1 lookup 16" in ip("rule")
    assert "10.0.0.12 dev qr-1 lladdr fa:16:3e:01:00:12 PERMANENT" in ip("neigh")
    assert "tx-checksumming: off" in namespace.inside("qrouter-1", run, "ethtool", "-k", "qr-1")
    for key, value in ROUTER["sysctls"].items():
        assert namespace.inside("qrouter-1", run, "sysctl", "-n", key).strip() == str(int(value))


@pytest.mark.parametrize(("address", "broadcast"), [
    ("10.1.0.5/24", "10.1.0.255"), ("203.0.113.7/32", "203.0.113.7"), ("169.254.88.134/31", None),
    ("35.4.0.4/30", "35.4.0.7"),
])  # fmt: skip
def test_broadcast_addresses_are_neutrons(netns, address, broadcast):
    netns({"name": "a", "links": [{"name": "qr-1", "plug": "veth", "peer": "tap-1", "addresses": [address]}]})
    (link,) = json.loads(ip("-json", "-4", "addr", "show", "dev", "qr-1", ns="a"))
    assert link["addr_info"][0].get("broadcast") == broadcast


def test_packed_config_does_the_same(netns, module):
    netns(ROUTER)
    assert not module("netns", packed=pack([ROUTER]), owner="demo")["changed"]


def test_a_run_that_was_killed_is_finished(netns):
    """Namespace and veth are there, marks at the links and everything else are not."""
    namespace.create("qrouter-1", "demo")
    run("ip", "link", "add", "tap-1", "type", "veth", "peer", "name", "qr-1", "netns", "qrouter-1")
    netns(ROUTER)
    assert not netns(ROUTER)["changed"]


# ---- drift


DRIFT = {
    "link": (["link", "set", "qg-1", "mtu", "1400"], ["update link qg-1 in qrouter-1"]),
    "down": (
        ["link", "set", "qr-1", "down"],
        [
            "update link qr-1 in qrouter-1",
            "create address fd00::1/64 on qr-1 in qrouter-1",
            "create route 192.0.2.0/24 table 254 in qrouter-1",
            "create route 0.0.0.0/0 table 3232235777 in qrouter-1",
            "create route ::/0 table 254 in qrouter-1",
            "create neighbour 10.0.0.12 on qr-1 in qrouter-1",
        ],
    ),
    "gone": (
        ["link", "delete", "qg-1"],
        [
            "create link qg-1 in qrouter-1",
            "create sysctl net.ipv6.conf.qg-1.accept_ra in qrouter-1",
            "create sysctl net.ipv4.conf.qg-1.forwarding in qrouter-1",
            "create address 203.0.113.5/24 on qg-1 in qrouter-1",
            "create route 198.51.100.1/32 table 254 in qrouter-1",
            "create route 0.0.0.0/0 table 254 in qrouter-1",
            "create route 10.9.0.0/16 table 254 in qrouter-1",
        ],
    ),
    "address": (
        ["addr", "add", "10.77.0.1/24", "dev", "qr-1"],
        ["delete address 10.77.0.1/24 on qr-1 in qrouter-1"],
    ),
    "broadcast": (
        ["addr", "add", "203.0.113.9/32", "dev", "qg-1"],
        ["delete address 203.0.113.9/32 on qg-1 in qrouter-1"],
    ),
    "route": (
        ["route", "replace", "192.0.2.0/24", "via", "10.0.0.8", "proto", "static"],
        ["update route 192.0.2.0/24 table 254 in qrouter-1"],
    ),
    "multipath": (
        ["route", "replace", "10.9.0.0/16", "via", "10.0.0.9", "proto", "static"],
        ["update route 10.9.0.0/16 table 254 in qrouter-1"],
    ),
    "ipv6 route": (
        ["route", "replace", "default", "via", "fd00::3", "metric", "1024", "proto", "static"],
        ["update route ::/0 table 254 in qrouter-1"],
    ),
    "connected routes": (
        ["route", "flush", "table", "main"],
        [
            "update address 10.0.0.1/24 on qr-1 in qrouter-1",
            "update address 203.0.113.5/24 on qg-1 in qrouter-1",
            "create route 198.51.100.1/32 table 254 in qrouter-1",
            "create route 0.0.0.0/0 table 254 in qrouter-1",
            "create route 192.0.2.0/24 table 254 in qrouter-1",
            "create route 10.9.0.0/16 table 254 in qrouter-1",
        ],
    ),
    "connected ipv6 route": (
        ["route", "delete", "fd00::/64", "dev", "qr-1"],
        ["update address fd00::1/64 on qr-1 in qrouter-1"],
    ),
    "more routes": (
        ["route", "add", "9.9.9.9/32", "via", "10.0.0.9", "proto", "static", "table", "77"],
        ["delete route 9.9.9.9/32 table 77 in qrouter-1"],
    ),
    "rule": (
        ["rule", "delete", "priority", "3232235777"],
        ["create rule 3232235777: from 10.0.0.1/24 lookup 3232235777 (ipv4) in qrouter-1"],
    ),
    "more rules": (
        ["rule", "add", "priority", "5", "to", "10.1.1.0/24", "lookup", "5"],
        ["delete rule 5: from all to 10.1.1.0/24 lookup 5 (ipv4) in qrouter-1"],
    ),
    "neighbour": (
        ["neigh", "replace", "10.0.0.12", "dev", "qr-1", "lladdr", "02:00:00:00:00:01", "nud", "permanent"],
        ["update neighbour 10.0.0.12 on qr-1 in qrouter-1"],
    ),
    "mac": (  # the kernel forgets even permanent neighbours then
        ["link", "set", "qr-1", "address", "02:00:00:00:00:09"],
        ["update link qr-1 in qrouter-1", "create neighbour 10.0.0.12 on qr-1 in qrouter-1"],
    ),
    "mark": (["link", "set", "lo", "down"], ["update network namespace qrouter-1"]),
}


@pytest.mark.parametrize("drift", DRIFT, ids=str)
def test_drift_is_put_right_and_only_drift_is_reported(netns, drift):
    argv, expected = DRIFT[drift]
    netns(ROUTER)
    wanted = snapshot("qrouter-1")
    ip(*argv)
    predicted = netns(ROUTER, purge=True, check=True)
    result = netns(ROUTER, purge=True)
    assert objects(result) == expected
    assert result["changes"] == predicted["changes"]
    if drift not in ("gone",):  # the new veth has other numbers
        assert snapshot("qrouter-1") == wanted
    assert not netns(ROUTER, purge=True)["changed"]


def test_settings_drift_also_where_a_wide_one_takes_others_along(netns):
    netns(ROUTER)
    namespace.inside("qrouter-1", run, "sysctl", "-w", "net.ipv4.ip_forward=0")
    result = netns(ROUTER)
    assert objects(result) == ["update sysctl net.ipv4.ip_forward in qrouter-1"]
    # Writing ip_forward has set qg-1's forwarding to 1; it must be 0 again.
    assert namespace.inside("qrouter-1", run, "sysctl", "-n", "net.ipv4.conf.qg-1.forwarding") == "0\n"


def test_offload_drift(netns):
    netns(ROUTER)
    namespace.inside("qrouter-1", run, "ethtool", "-K", "qr-1", "tx", "on")
    assert objects(netns(ROUTER)) == ["update link qr-1 in qrouter-1"]


def test_the_other_end_of_a_veth_is_kept_right_too(netns):
    netns(ROUTER)
    run("ip", "link", "set", "tap-1", "down")
    run("ip", "link", "set", "tap-2", "mtu", "1300")
    result = netns(ROUTER)
    assert objects(result) == ["update link qr-1 in qrouter-1", "update link qg-1 in qrouter-1"]
    assert not netns(ROUTER)["changed"]


# ---- changes of what is wanted


def test_the_address_of_a_device_changes_and_its_routes_and_neighbours_live_on(netns):
    netns(ROUTER)
    links = copy.deepcopy(ROUTER["links"])
    links[0]["addresses"] = ["10.0.0.254/24", "fd00::1/64"]
    result = netns(edited(links=links), purge=True)
    assert objects(result) == [
        "delete address 10.0.0.1/24 on qr-1 in qrouter-1",
        "create address 10.0.0.254/24 on qr-1 in qrouter-1",
    ]
    assert result["disruption"] == "conntrack"
    assert "192.0.2.0/24 via 10.0.0.7" in ip("route")
    assert not netns(edited(links=links), purge=True)["changed"]


@pytest.mark.parametrize("promote", [0, 1])
def test_other_addresses_of_a_removed_ones_subnet_stay(netns, promote):
    def config(*addresses):
        return {
            "name": "a",
            "sysctls": {"net.ipv4.conf.all.promote_secondaries": promote},
            "links": [{"name": "qr-1", "plug": "veth", "peer": "tap-1", "addresses": list(addresses)}],
            "routes": [{"destination": "0.0.0.0/0", "gateway": "10.0.0.9", "source": "10.0.0.2"}],
        }

    netns(config("10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24"))
    result = netns(config("10.0.0.2/24", "10.0.0.3/24"), purge=True)
    assert objects(result) == ["delete address 10.0.0.1/24 on qr-1 in a"]
    assert not netns(config("10.0.0.2/24", "10.0.0.3/24"), purge=True)["changed"]


def test_a_prefix_length_changes_in_both_families(netns):
    link = {"name": "qr-1", "plug": "veth", "peer": "tap-1", "addresses": ["10.0.0.1/24", "fd00::1/64"]}
    netns({"name": "a", "links": [link]})
    link["addresses"] = ["10.0.0.1/16", "fd00::1/48"]
    netns({"name": "a", "links": [link]}, purge=True)
    assert not netns({"name": "a", "links": [link]}, purge=True)["changed"]


def test_two_namespaces_swap_their_links(netns):
    def one(name, link):
        return {"name": name, "links": [{"name": f"qr-{link}", "plug": "veth", "peer": f"tap-{link}"}]}

    netns(one("a", 1), one("b", 2))
    predicted = netns(one("a", 2), one("b", 1), purge=True, check=True)
    result = netns(one("a", 2), one("b", 1), purge=True)
    assert result["changes"] == predicted["changes"]
    assert not netns(one("a", 2), one("b", 1), purge=True)["changed"]


def test_unlisted_things_stay_without_purge(netns):
    netns(ROUTER)
    before = snapshot("qrouter-1")
    netns({"name": "qrouter-1"})
    assert snapshot("qrouter-1") == before


# ---- purge


def test_purge_removes_what_is_ours_and_nothing_else(netns):
    namespace.create("foreign", "somebody")
    run("ip", "netns", "add", "unmarked")
    netns(ROUTER, {"name": "other"})
    ip("link", "add", "theirs", "type", "veth", "peer", "name", "theirs-p")
    ip("addr", "add", "10.66.0.1/24", "dev", "theirs")
    ip("link", "set", "theirs", "up")
    ip("route", "add", "10.67.0.0/24", "dev", "theirs")
    result = netns({"name": "qrouter-1", "links": ROUTER["links"][:1]}, purge=True)
    assert "delete network namespace other" in objects(result)
    assert "delete link qg-1 in qrouter-1" in objects(result)
    assert set(namespace.names()) == {"foreign", "unmarked", "qrouter-1"}
    assert "10.66.0.1/24" in ip("addr")
    assert "10.67.0.0/24 dev theirs scope link" in ip("route")
    assert "tap-2" not in run("ip", "link")
    run("ip", "netns", "del", "unmarked")


def test_purge_leaves_floating_ips_to_their_module_when_told(netns):
    netns(ROUTER)
    ip("addr", "add", "203.0.113.77/32", "broadcast", "203.0.113.77", "dev", "qg-1")
    assert not netns(edited(keep_floating_ips=True), purge=True)["changed"]
    assert objects(netns(ROUTER, purge=True)) == ["delete address 203.0.113.77/32 on qg-1 in qrouter-1"]


def test_absent_and_purge_of_all_leave_nothing(netns):
    netns(ROUTER, {"name": "b"}, {"name": "c"})
    assert objects(netns({"name": "b"}, state="absent")) == ["delete network namespace b"]
    assert not netns({"name": "b"}, state="absent")["changed"]
    netns(purge=True)
    assert namespace.names() == []
    assert "tap-" not in run("ip", "link")


def test_a_namespace_that_a_process_still_holds_leaves_no_device_behind(netns):
    netns(ROUTER)
    held = subprocess.Popen(["ip", "netns", "exec", ROUTER["name"], "sleep", "60"])
    try:
        eventually(lambda: run("ip", "netns", "pids", ROUTER["name"]).split() == [str(held.pid)])
        assert objects(netns(purge=True)) == [f"delete network namespace {ROUTER['name']}"]
        assert namespace.names() == []
        assert "tap-" not in run("ip", "link")
        assert netns(ROUTER)["changed"], "and the namespace can be made again at once"
    finally:
        held.kill()
        held.wait()


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


# ---- traffic


def test_traffic_and_neighbours_live_through_a_no_op_and_through_changes_elsewhere(netns):
    config = copy.deepcopy(ROUTER)
    netns(config)
    run("ip", "link", "add", "qbr-1", "up", "type", "bridge")  # the tap itself is deaf
    run("ip", "link", "set", "tap-1", "master", "qbr-1")
    run("ip", "addr", "add", "10.0.0.9/24", "dev", "qbr-1")
    run("ethtool", "-K", "tap-1", "tx", "off")
    stop, lost = threading.Event(), []

    def ping():
        while not stop.is_set():
            try:
                run("ip", "netns", "exec", "qrouter-1", "ping", "-c1", "-W1", "10.0.0.9")
            except Exception as error:
                lost.append(error)

    thread = threading.Thread(target=ping)
    thread.start()
    try:
        for number in range(3):
            netns(config, {"name": f"another-{number}"}, purge=True)
            config["links"][1]["addresses"] = [f"203.0.113.{number + 20}/24"]
            netns(config, purge=True)
    finally:
        stop.set()
        thread.join()
    assert lost == []


def test_new_ipv4_addresses_are_announced(netns):
    config = copy.deepcopy(ROUTER)
    netns(config)
    config["links"][0]["addresses"].append("10.0.0.77/24")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as listener:
        listener.bind(("tap-1", 0x0806))
        listener.settimeout(5)
        netns(config)
        frames = [listener.recv(100) for _ in range(2)]
    own = socket.inet_aton("10.0.0.77")
    assert [frame[21] for frame in frames] == [1, 2]  # request, reply
    for frame in frames:
        assert frame[:12] == b"\xff" * 6 + bytes.fromhex("fa163e010000")
        assert frame[28:32] == frame[38:42] == own


def test_connections_of_a_removed_address_are_forgotten_and_others_live(netns):
    netns(ROUTER)
    for address in ("203.0.113.5", "10.0.0.1"):
        namespace.inside(
            "qrouter-1", run, "conntrack", "-I", "-p", "tcp", "-s", "198.51.100.7", "-d", address, "--sport", "1000",
            "--dport", "22", "--state", "ESTABLISHED", "--timeout", "1000",
        )  # fmt: skip
    config = copy.deepcopy(ROUTER)
    config["links"][1]["addresses"] = ["203.0.113.6/24"]
    assert netns(config, purge=True)["disruption"] == "conntrack"
    left = namespace.inside("qrouter-1", run, "conntrack", "-L")
    assert "dst=10.0.0.1" in left
    assert "203.0.113.5" not in left


# ---- OVS internal ports


def internal_port(bridge, name="qr-1"):
    bridge("br-int")
    run("ovs-vsctl", "add-port", "br-int", name, "--", "set", "interface", name, "type=internal")


INTERNAL = {
    "name": "qrouter-1",
    "links": [{
        "name": "qr-1", "plug": "internal", "mac_address": "fa:16:3e:01:00:00", "mtu": 1400, "tx_checksumming": False,
        "addresses": ["10.0.0.1/24"],
    }],
}  # fmt: skip


def test_an_internal_port_is_moved_in_and_back_out(netns, bridge):
    internal_port(bridge)
    predicted = netns(INTERNAL, check=True)
    assert netns(INTERNAL)["changes"] == predicted["changes"]
    assert "10.0.0.1/24" in ip("addr")
    assert "mtu 1400" in ip("link")
    assert not netns(INTERNAL, purge=True)["changed"]
    netns(purge=True)
    assert "qr-1" in run("ip", "link")  # OVS's, not ours to delete
    assert run("ovs-vsctl", "get", "interface", "qr-1", "error").strip() == "[]"


def test_an_orphan_is_replaced_by_the_device_that_ovs_made_anew(netns, bridge):
    internal_port(bridge)
    netns(INTERNAL)
    run("ip", "tuntap", "add", "qr-1", "mode", "tap")  # what a restarted ovs-vswitchd leaves in the root namespace
    result = netns(INTERNAL)
    assert objects(result) == ["update link qr-1 in qrouter-1", "create address 10.0.0.1/24 on qr-1 in qrouter-1"]
    assert result["disruption"] == "port"
    assert "qr-1" not in run("ip", "link")
    assert not netns(INTERNAL)["changed"]


def test_the_plug_changes_both_ways(netns, bridge):
    internal_port(bridge)
    as_veth = copy.deepcopy(INTERNAL)
    as_veth["links"][0].update(plug="veth", peer="tap-1")
    netns(INTERNAL)
    for config in (as_veth, INTERNAL):
        predicted = netns(config, purge=True, check=True)
        assert netns(config, purge=True)["changes"] == predicted["changes"]
        assert not netns(config, purge=True)["changed"]
    assert "tap-1" not in run("ip", "link")


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


# ---- info


def test_info_speaks_the_vocabulary_of_the_config(netns, module):
    netns(ROUTER)
    run("ip", "netns", "add", "unmarked")
    everything = module("netns_info")["namespaces"]
    assert [(found["name"], found["owner"]) for found in everything] == [("qrouter-1", "demo"), ("unmarked", None)]
    (found,) = module("netns_info", name=["qrouter-1", "not-there"])["namespaces"]
    (qr,) = (link for link in found["links"] if link["name"] == "qr-1")
    assert (qr["peer"], qr["mtu"], qr["tx_checksumming"]) == ("tap-1", 1450, False)
    assert qr["addresses"] == ["10.0.0.1/24", "fd00::1/64"]
    # What was read can be wanted: nothing would change.
    options = {"name", "plug", "peer", "mac_address", "mtu", "peer_mtu", "tx_checksumming", "addresses"}
    links = [{key: value for key, value in link.items() if key in options} for link in found["links"]]
    config = {**{key: found[key] for key in ("name", "routes", "rules", "neighbours")}, "links": links}
    assert not netns(config, purge=True)["changed"]
