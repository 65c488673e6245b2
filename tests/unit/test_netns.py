# SPDX-License-Identifier: GPL-3.0-or-later
"""netns: parsing, the target and the steps to it, without a kernel."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.parse import parse
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.steps import (
    change_of,
    compare,
    describe,
    undoes,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.target import target

OWNER = "demo"


def wanted(**keys):
    return parse([{"name": "a", **keys}])


def veth(name, **keys):
    return {"name": name, "plug": "veth", "peer": f"tap{name}", **keys}


def reached(config, have=None, purge=False):
    """(steps, state) of the namespace a after a run; the kernel gives random MAC addresses."""
    goal = target(config, {"a": have} if have else {}, OWNER, purge)["a"]
    steps = compare("a", have, goal)
    state = copy.deepcopy(goal)
    for link in (state or {"links": {}})["links"].values():
        link["mac_address"] = link["mac_address"] or "02:00:00:00:00:01"
    return steps, state


def test_the_config_is_normalised():
    found = wanted(
        sysctls={"net.ipv4.ip_forward": True, "net.ipv4.tcp_rmem": "1  2\t3"},
        links=[veth("q", mac_address="FA:16:3E:00:00:01", addresses=["10.0.0.1/24", "FD00:0::1/64", "1.2.3.4/32"])],
        routes=[
            {"destination": "::/0", "gateway": "fd00::2"},
            {"destination": "1.1.1.0/24", "device": "q", "table": "7"},
        ],
        rules=[{"priority": 5, "from": "10.0.0.1", "to": "0.0.0.0/0", "fwmark": 1, "table": 9}],
        neighbours=[{"device": "q", "address": "fd00:0::2", "mac_address": "FA:16:3E:00:00:02"}],
    )["a"]
    assert found["sysctls"] == {"net.ipv4.ip_forward": "1", "net.ipv4.tcp_rmem": "1 2 3"}
    assert found["links"]["q"]["mac_address"] == "fa:16:3e:00:00:01"
    assert {key[1]: value["broadcast"] for key, value in found["addresses"].items()} == {
        "10.0.0.1/24": "10.0.0.255", "fd00::1/64": None, "1.2.3.4/32": "1.2.3.4",
    }  # fmt: skip
    assert list(found["routes"]) == [("ipv6", 254, "::/0", 1024), ("ipv4", 7, "1.1.1.0/24", 0)]
    assert [value["scope"] for value in found["routes"].values()] == [0, 253]
    assert list(found["rules"]) == [("ipv4", 5, "10.0.0.1/32", None, None, None, 1, 0xFFFFFFFF, 9)]
    assert list(found["neighbours"]) == [("q", "fd00::2")]


@pytest.mark.parametrize(("config", "problems"), [
    ([{"name": ".."}], ["config[0].name: ..: is not a name for a file in /run/netns"]),
    ([7], ["config[0]: 7: must be a mapping", "config[0].name: is required"]),
    ([{"name": "a", "links": {}}], ["config[0].links: {}: must be a list"]),
    ([{"name": "a", "sysctls": []}], ["config[0].sysctls: []: must be a mapping"]),
    ([{"name": "a", "keep_floating_ips": "yes"}], ["config[0].keep_floating_ips: yes: must be true or false"]),
    ([{"name": "a", "links": [veth("a.b", peer="b")]}],
     ["config[0].links[0].name: a.b: is not a device name: at most 15 characters, without dots, colons, slashes and "
      "spaces"]),
    ([{"name": "a", "links": [veth("lo")]}],
     ["config[0].links[0].name: lo: is a name that the kernel keeps for itself"]),
    ([{"name": "a", "links": [veth("x", plug="internal")]}],
     ["config[0].links[0].peer: tapx: only a link with plug veth has a peer"]),
    ([{"name": "a", "links": [veth("x")]}, {"name": "b", "links": [veth("x")]}],
     ["config[1].links[0].peer: tapx: is already given by config[0].links[0].peer"]),
    ([{"name": "a", "links": [veth("x", plug="internal", peer=None, peer_namespace="b")]}],
     ["config[0].links[0].peer_namespace: b: only a link with plug veth has a peer",
      "config[0].links[0].peer_namespace: b: is not an item of this call, as both namespaces of a veth must be"]),
    ([{"name": "a", "links": [veth("x", peer_namespace="a")]}],
     ["config[0].links[0].peer_namespace: a: is the namespace itself"]),
    ([{"name": "a", "links": [veth("x", peer_namespace="b")]}, {"name": "b"}],
     ["config[0].links[0].peer: tapx: must be a link of b with peer x and peer_namespace a"]),
    ([{"name": "a", "links": [veth("x", peer="y", peer_namespace="b")]},
      {"name": "b", "links": [veth("y", peer="x", peer_namespace="c"), veth("z", peer="x", peer_namespace="a")]}],
     ["config[0].links[0].peer: y: must be a link of b with peer x and peer_namespace a",
      "config[1].links[0].peer_namespace: c: is not an item of this call, as both namespaces of a veth must be",
      "config[1].links[1].peer: x: must be a link of a with peer z and peer_namespace b"]),
    ([{"name": "a", "links": [veth("x", addresses=["10.0.0.1/24", "10.0.0.1/16"])]}],
     ["config[0].links[0].addresses[1]: 10.0.0.1/16: is already given by config[0].links[0].addresses[0]"]),
    ([{"name": "a", "links": [veth("x", addresses=["10.0.0.1"])]}],
     ["config[0].links[0].addresses[0]: 10.0.0.1: is not an IP address with a prefix length"]),
    ([{"name": "a", "routes": [{"destination": "1.0.0.0/8", "device": d} for d in "xy"]}],
     ["config[0].routes[1]: ipv4 254 1.0.0.0/8 0: is already given by config[0].routes[0]"]),
    ([{"name": "a", "routes": [{"destination": "1.0.0.0/8", "device": "x", "nexthops": [{"gateway": "2.2.2.2"}]}]}],
     ["config[0].routes[0].device: x: excludes nexthops"]),
    ([{"name": "a", "routes": [{"destination": "1.0.0.0/8", "device": "x", "protocol": "kernel", "table": 0}]}],
     ["config[0].routes[0].protocol: kernel: must be one of static",
      "config[0].routes[0].table: 0: must be from 1 to 4294967295"]),
    ([{"name": "a", "rules": [{"priority": 1, "table": 1, "from": "::1", "family": "ipv4"}]}],
     ["config[0].rules[0].family: ipv4: does not fit ::1/128"]),
    ([{"name": "a", "rules": [{"priority": 1, "table": 1, "fwmark": "0x1/"}]}],
     ["config[0].rules[0].fwmark: 0x1/: is not a mark: a number, or a number, a slash and a mask"]),
    ([{"name": "a", "sysctls": {"net.ipv4/../kernel": 1}}],
     ["config[0].sysctls.net.ipv4/../kernel: 1: is not a sysctl of a network namespace (net.part.part)"]),
])  # fmt: skip
def test_every_problem_names_index_key_value_and_rule(config, problems):
    with pytest.raises(BadInput) as refused:
        parse(config)
    assert refused.value.problems == problems


def test_a_new_namespace_is_made_in_an_order_in_which_it_can_be_read():
    steps, _state = reached(wanted(
        sysctls={"net.ipv4.conf.q.rp_filter": 0, "net.ipv4.ip_forward": 1},
        links=[veth("q", addresses=["10.0.0.1/24"])],
        routes=[{"destination": "0.0.0.0/0", "gateway": "10.0.0.2"}],
    ))  # fmt: skip
    assert [describe(step) for step in steps] == [
        "network namespace a", "sysctl net.ipv4.ip_forward in a", "link q in a",
        "sysctl net.ipv4.conf.q.rp_filter in a", "address 10.0.0.1/24 on q in a", "route 0.0.0.0/0 table 254 in a",
    ]  # fmt: skip


def test_a_link_made_anew_takes_what_hangs_on_it_along():
    config = {
        "links": [veth("q", addresses=["10.0.0.1/24"]), veth("r", addresses=["10.1.0.1/24"])],
        "routes": [{"destination": "0.0.0.0/0", "gateway": "10.0.0.2", "device": "q"}],
        "neighbours": [{"device": "r", "address": "10.1.0.2", "mac_address": "02:00:00:00:00:02"}],
    }
    _steps, have = reached(wanted(**config))
    config["links"][0]["peer"] = "another"
    steps, _state = reached(wanted(**config), have)
    assert [(change_of(step).action, describe(step)) for step in steps] == [
        ("update", "link q in a"),
        ("create", "address 10.0.0.1/24 on q in a"),
        ("create", "route 0.0.0.0/0 table 254 in a"),
    ]
    assert change_of(steps[0]).disruption == "port"


def test_unlisted_addresses_stay_where_a_client_makes_them_and_static_routes_go():
    config = wanted(links=[veth("q")], keep_addresses=True)
    _steps, have = reached(config)
    have["addresses"]["q", "192.0.2.5/24"] = {"broadcast": "192.0.2.255", "kernel": False, "connected": True}
    hop = {"gateway": "192.0.2.1", "device": "q", "onlink": False, "weight": 1}
    route = {"scope": 0, "type": 1, "source": None, "nexthops": [hop]}
    have["routes"] = {("ipv4", 254, "0.0.0.0/0", 0): {**route, "protocol": 3},
                      ("ipv4", 254, "1.0.0.0/8", 0): {**route, "protocol": 4}}  # fmt: skip
    steps, _state = reached(config, have, purge=True)
    assert [describe(step) for step in steps] == ["route 1.0.0.0/8 table 254 in a"]


@pytest.mark.parametrize(("keep", "expected"), [(True, []), (False, ["link q in a"])])
def test_the_mtu_that_a_client_has_set_stays(keep, expected):
    config = wanted(links=[veth("q", mtu=1500, peer_mtu=1450, keep_mtu=keep)])
    _steps, have = reached(config)
    assert [have["links"]["q"][key] for key in ("mtu", "peer_mtu")] == [1500, 1450], "what a new link starts with"
    have["links"]["q"]["mtu"] = 1450
    assert [describe(step) for step in reached(config, have)[0]] == expected


def test_a_link_that_is_made_anew_starts_anew():
    _steps, have = reached(wanted(links=[veth("q", keep_mtu=True)]))
    have["links"]["q"]["mtu"] = 1450
    ((step,), _state) = reached(wanted(links=[veth("q", keep_mtu=True, peer="another")]), have)
    assert step.after["mtu"] == 1500


@pytest.mark.parametrize("keep", [True, False])
def test_what_leads_distributed_floating_ips_stays_if_asked(keep):
    config = wanted(links=[veth("fpr-1")], keep_floating_ips=keep)
    _steps, have = reached(config)
    rules = [("ipv4", priority, source, None, None, None, None, None, table)
             for priority, source, table in ((40000, "10.0.0.3/32", 16), (40000, "10.0.0.3/32", 17),
                                             (80000, "10.0.0.3/32", 16), (40001, "10.0.0.0/24", 16))]  # fmt: skip
    have["rules"] = dict.fromkeys(rules, True)
    hop = {"gateway": "169.254.64.2", "device": "fpr-1", "onlink": False, "weight": 1}
    route = {"scope": 0, "type": 1, "source": None, "protocol": 4, "nexthops": [hop]}
    have["routes"] = {
        ("ipv4", 254, "203.0.113.5/32", 0): route,
        ("ipv4", 254, "203.0.113.6/32", 0): {**route, "nexthops": [{**hop, "device": "fg-1"}]},
        ("ipv4", 254, "10.0.0.0/24", 0): route,
    }
    steps, _state = reached(config, have, purge=True)
    stays = {rules[0], ("ipv4", 254, "203.0.113.5/32", 0)} if keep else set()
    assert {step.key for step in steps} == {*rules, *have["routes"]} - stays


def test_only_statically_configured_things_are_purged():
    config = wanted(links=[veth("q", addresses=["10.0.0.1/24"])], keep_floating_ips=True)
    _steps, have = reached(config)
    have["addresses"].update({
        ("q", "fe80::1/64"): {"broadcast": None, "kernel": True, "connected": True},
        ("q", "203.0.113.9/32"): {"broadcast": "203.0.113.9", "kernel": False, "connected": True},
        ("q", "203.0.113.8/32"): {"broadcast": None, "kernel": False, "connected": True},
        ("theirs", "10.9.0.1/24"): {"broadcast": None, "kernel": False, "connected": True},
    })  # fmt: skip
    have["links"]["theirs"] = {**have["links"]["q"], "owner": None}
    have["links"]["old"] = have["links"]["q"]
    hop = {"gateway": None, "device": "q", "onlink": False, "weight": 1}
    route = {"scope": 253, "type": 1, "source": None, "nexthops": [hop]}
    have["routes"] = {("ipv4", 254, "1.0.0.0/8", 0): {**route, "protocol": 4},
                      ("ipv4", 254, "2.0.0.0/8", 0): {**route, "protocol": 3}}  # fmt: skip
    have["rules"] = {("ipv4", 9, None, None, None, None, None, None, 7): True}
    have["neighbours"] = {("q", "10.0.0.2"): "02:00:00:00:00:02", ("theirs", "10.9.0.2"): "02:00:00:00:00:02"}
    assert reached(config, have)[0] == []
    assert [describe(step) for step in reached(config, have, purge=True)[0]] == [
        "link old in a", "address 203.0.113.8/32 on q in a", "route 1.0.0.0/8 table 254 in a",
        "rule 9: from all lookup 7 (ipv4) in a", "neighbour 10.0.0.2 on q in a",
    ]  # fmt: skip


def test_purge_of_namespaces_and_absence():
    _steps, have = reached(wanted())
    assert target(wanted(), {"a": have, "b": have}, OWNER, False).keys() == {"a"}
    assert target(wanted(), {"a": have, "b": have}, OWNER, True)["b"] is None
    assert target({"a": None}, {"a": have}, OWNER, False) == {"a": None}
    assert compare("a", None, None) == []
    (step,) = compare("a", have, None)
    assert (change_of(step).action, change_of(step).disruption) == ("delete", "conntrack")


devices = st.sampled_from(["p", "q", "r"])
hosts = st.integers(1, 254)


@st.composite
def configs(draw):
    """A random item, valid by construction."""
    names = draw(st.lists(devices, unique=True))
    links = [
        veth(name, peer=f"{name}{draw(st.integers(0, 1))}", mtu=draw(st.sampled_from([1400, 1500])),
             addresses=[f"10.{draw(st.integers(0, 1))}.0.{n}/{draw(st.sampled_from([24, 32]))}"
                        for n in draw(st.lists(hosts, unique=True, max_size=3))])
        for name in names
    ]  # fmt: skip
    for index, link in enumerate(links):  # one address stands once on a device
        link["addresses"] = list({a.partition("/")[0]: a for a in link["addresses"]}.values())
        link["peer"] += str(index)
    return {
        "links": links,
        "sysctls": {f"net.ipv4.conf.{name}.rp_filter": draw(st.integers(0, 2)) for name in names},
        "routes": [{"destination": f"10.9.{n}.0/24", "device": draw(st.sampled_from(names)) if names else "gone"}
                   for n in draw(st.lists(st.integers(0, 3), unique=True))],
        "rules": [{"priority": n, "table": draw(st.integers(1, 3))}
                  for n in draw(st.lists(hosts, unique=True, max_size=3))],
        "neighbours": [{"device": name, "address": f"10.0.0.{draw(hosts)}", "mac_address": "02:00:00:00:00:02"}
                       for name in names],
    }  # fmt: skip


@given(configs())
def test_what_is_reached_needs_no_further_step(config):
    _steps, have = reached(wanted(**config))
    for purge in (False, True):
        assert reached(wanted(**config), have, purge)[0] == []


@given(configs(), configs())
def test_with_purge_any_state_leads_to_the_same(first, second):
    _steps, have = reached(wanted(**first))
    _steps, state = reached(wanted(**second), have, purge=True)
    _steps, fresh = reached(wanted(**second))
    for kind in ("addresses", "routes", "rules", "neighbours", "sysctls"):
        assert state[kind] == fresh[kind]
    assert state["links"].keys() == fresh["links"].keys()


@given(configs(), configs(), st.booleans())
def test_undo_leads_back(first, second, purge):
    _steps, have = reached(wanted(**first))
    have["sysctls"] = {**wanted(**second)["a"]["sysctls"], **have["sysctls"]}  # observed, so known
    steps, now = reached(wanted(**second), have, purge)
    back = compare("a", now, have)
    assert [step for step in back if not undoes(steps)(step) and step.kind != "sysctls"] == []


@given(configs(), configs())
def test_every_change_names_another_object_and_says_what_it_was(first, second):
    _steps, have = reached(wanted(**first))
    changes = [change_of(step) for step in reached(wanted(**second), have, purge=True)[0]]
    assert len({change.object for change in changes}) == len(changes)
    for change in changes:
        assert change.before != change.after
        assert (change.before is None, change.after is None) == (change.action == "create", change.action == "delete")
