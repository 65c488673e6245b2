# SPDX-License-Identifier: GPL-3.0-or-later
"""netns: veths between two namespaces, as the rfp and fpr of a distributed router."""

from __future__ import annotations

import copy
import json
import subprocess

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import ApplyFailed, converge
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.backend import NetnsBackend
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.parse import parse

from .conftest import ModuleFailed, eventually, run


def router(number, address="169.254.64.{}", **keys):
    low = address.format(2 * number)
    link = {"name": f"rfp-{number}", "plug": "veth", "peer": f"fpr-{number}", "peer_namespace": "fip-1"}
    link.update(mac_address=f"fa:16:3e:04:00:{number:02x}", addresses=[f"{low}/31"])
    return {"name": f"qrouter-{number}", "links": [{**link, **keys}]}


def fip(*numbers, **keys):
    links = [
        {"name": f"fpr-{n}", "plug": "veth", "peer": f"rfp-{n}", "peer_namespace": f"qrouter-{n}", **keys,
         "addresses": [f"169.254.64.{2 * n + 1}/31"]} for n in numbers
    ]  # fmt: skip
    return {"name": "fip-1", "links": links}


TWO = (router(1), fip(1, 2), router(2))
pytestmark = pytest.mark.usefixtures("clean_host")


@pytest.fixture
def netns(module):
    """netns(*config, **options): the module, as owner demo."""

    def call(*config, **options):
        return module("netns", **{"config": list(config), "owner": "demo", **options})

    return call


def objects(result):
    return [f"{change['action']} {change['object']}" for change in result["changes"]]


def link(ns, name):
    (found,) = json.loads(run("ip", "-n", ns, "-json", "-details", "link", "show", name))
    return found


def root_link(name):
    (found,) = json.loads(run("ip", "-json", "link", "show", name))
    return found


def reaches(ns, address):
    argv = ["ip", "netns", "exec", ns, "ping", "-c", "1", "-w", "2", address]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def test_both_ends_are_made_at_once_as_check_mode_says_and_a_second_run_changes_nothing(netns):
    predicted = netns(*TWO, check=True)
    assert namespace.names() == []
    real = netns(*TWO)
    assert real["changes"] == predicted["changes"]
    assert objects(netns(*TWO, purge=True)) == []
    assert link("qrouter-1", "rfp-1")["address"] == "fa:16:3e:04:00:01"
    assert {"UP", "LOWER_UP"} <= set(link("fip-1", "fpr-2")["flags"])
    eventually(lambda: reaches("qrouter-1", "169.254.64.3") and reaches("fip-1", "169.254.64.4"))
    assert [found["ifname"] for found in json.loads(run("ip", "-json", "link"))] == ["lo"]


def test_the_info_module_tells_the_pair_in_the_words_of_the_config(netns, module):
    netns(*TWO)
    told = {found["name"]: found for found in module("netns_info")["namespaces"]}
    (end,) = told["qrouter-2"]["links"]
    assert {key: end[key] for key in ("peer", "peer_namespace")} == {"peer": "fpr-2", "peer_namespace": "fip-1"}
    twins = {found["name"]: (found["peer"], found["peer_namespace"]) for found in told["fip-1"]["links"]}
    assert twins == {"fpr-1": ("rfp-1", "qrouter-1"), "fpr-2": ("rfp-2", "qrouter-2")}


@pytest.mark.parametrize(("drift", "expected"), [
    (["-n", "fip-1", "link", "set", "fpr-1", "mtu", "1400"], ["update link fpr-1 in fip-1"]),
    (["-n", "qrouter-1", "link", "set", "rfp-1", "alias", "x"], ["update link rfp-1 in qrouter-1"]),
    (["-n", "fip-1", "link", "delete", "fpr-1"],
     ["create link rfp-1 in qrouter-1", "create address 169.254.64.2/31 on rfp-1 in qrouter-1",
      "create link fpr-1 in fip-1", "create address 169.254.64.3/31 on fpr-1 in fip-1"]),
    (["netns", "delete", "qrouter-1"],
     ["create network namespace qrouter-1",
      "create link rfp-1 in qrouter-1", "create address 169.254.64.2/31 on rfp-1 in qrouter-1",
      "create link fpr-1 in fip-1", "create address 169.254.64.3/31 on fpr-1 in fip-1"]),
    (["-n", "fip-1", "link", "set", "fpr-1", "netns", "qrouter-2"],
     ["update link rfp-1 in qrouter-1", "create address 169.254.64.2/31 on rfp-1 in qrouter-1",
      "create link fpr-1 in fip-1", "create address 169.254.64.3/31 on fpr-1 in fip-1",
      "delete link fpr-1 in qrouter-2"]),
])  # fmt: skip
def test_drift_is_put_right_and_only_drift_is_reported(netns, drift, expected):
    netns(*TWO)
    run("ip", *drift)
    eventually(lambda: drift[1] != "delete" or "fpr-1" not in run("ip", "-n", "fip-1", "link"))
    predicted = netns(*TWO, purge=True, check=True)
    result = netns(*TWO, purge=True)
    assert objects(result) == expected
    assert result["changes"] == predicted["changes"]
    assert not netns(*TWO, purge=True)["changed"]
    eventually(lambda: reaches("qrouter-1", "169.254.64.3") and reaches("fip-1", "169.254.64.4"))


def test_two_pairs_change_places(netns):
    netns(*TWO)
    crossed = copy.deepcopy(TWO)
    crossed[0]["links"][0]["peer"], crossed[2]["links"][0]["peer"] = "fpr-2", "fpr-1"
    first, second = crossed[1]["links"]
    first.update(peer="rfp-2", peer_namespace="qrouter-2")
    second.update(peer="rfp-1", peer_namespace="qrouter-1")
    predicted = netns(*crossed, check=True)
    assert netns(*crossed)["changes"] == predicted["changes"]
    assert not netns(*crossed, purge=True)["changed"]


def test_a_pair_replaces_a_veth_to_the_host_and_the_other_way_round(netns):
    before = ({"name": "qrouter-1", "links": [{"name": "rfp-1", "plug": "veth", "peer": "tap-1"}]}, {"name": "fip-1"})
    netns(*before)
    netns(router(1), fip(1), purge=True)
    assert not netns(router(1), fip(1), purge=True)["changed"]
    assert "tap-1" not in run("ip", "link")
    netns(*before, purge=True)
    assert not netns(*before, purge=True)["changed"]
    assert "tap-1" in run("ip", "link")


def test_purge_takes_the_pair_of_a_router_that_is_listed_no_more_and_others_run_on(netns):
    netns(*TWO)
    predicted = netns(router(1), fip(1), purge=True, check=True)
    kept = link("fip-1", "fpr-1")["ifindex"]
    result = netns(router(1), fip(1), purge=True)
    assert result["changes"] == predicted["changes"]
    assert objects(result) == ["delete link fpr-2 in fip-1", "delete network namespace qrouter-2"]
    assert link("fip-1", "fpr-1")["ifindex"] == kept
    assert not netns(router(1), fip(1), purge=True)["changed"]


def test_all_of_it_goes(netns):
    netns(*TWO)
    assert objects(netns(purge=True)) == [f"delete network namespace {name}" for name in namespace_names()]
    assert namespace.names() == []


def namespace_names():
    return ["fip-1", "qrouter-1", "qrouter-2"]


def test_an_absent_router_takes_its_pair_along(netns):
    netns(*TWO)
    netns({"name": "qrouter-2"}, state="absent")
    eventually(lambda: "fpr-2" not in run("ip", "-n", "fip-1", "link"))
    assert not netns(router(1), fip(1), purge=True)["changed"]


def shape():
    """What is where, whatever its numbers."""
    return {
        ns: sorted(
            (found["ifname"], found.get("address") if found["ifname"].startswith("rfp") else None, found["mtu"],
             sorted(address["local"] for address in found["addr_info"] if address["scope"] == "global"))
            for found in json.loads(run("ip", "-n", ns, "-json", "address"))
        )
        for ns in namespace.names()
    }  # fmt: skip


class Failing(NetnsBackend):
    """All is written, and then something else fails."""

    def apply(self, changes, have):
        super().apply(changes, have)
        raise EngineError("no more")


@pytest.mark.parametrize(("config", "purge"), [
    (TWO, False), ((router(1), fip(1)), True), ((), True), ((router(1, mtu=1400), fip(1, mtu=1400)), True),
], ids=["nothing new", "one router less", "nothing left", "another MTU"])  # fmt: skip
def test_a_failure_is_undone(netns, config, purge):
    netns(*TWO)
    before = shape()
    changed = [*config, router(3)] if config == TWO else list(config)
    if config == TWO:
        changed[1] = fip(1, 2, 3)
    with pytest.raises(ApplyFailed, match="no more") as failure:
        converge(Failing(parse(changed), "demo", purge))
    assert failure.value.rolled_back, str(failure.value)
    assert shape() == before
    assert not netns(*TWO, purge=True)["changed"]


def test_an_end_without_its_twin_is_refused_before_anything_is_made(netns):
    with pytest.raises(ModuleFailed) as failure:
        netns(router(1), {"name": "fip-1"})
    assert failure.value.result["problems"] == [
        "config[0].links[0].peer: fpr-1: must be a link of fip-1 with peer rfp-1 and peer_namespace qrouter-1"
    ]
    assert namespace.names() == []


def test_the_mtu_of_a_dhcp_client_stays(netns):
    card = {"name": "eth0", "plug": "veth", "peer": "tap-1", "mtu": 1500, "peer_mtu": 1450, "keep_mtu": True}
    item = {"name": "vm-1", "links": [card]}
    predicted = netns(item, check=True)
    assert netns(item)["changes"] == predicted["changes"]
    assert (link("vm-1", "eth0")["mtu"], root_link("tap-1")["mtu"]) == (1500, 1450)
    run("ip", "-n", "vm-1", "link", "set", "eth0", "mtu", "1450")
    run("ip", "link", "set", "tap-1", "mtu", "1400")  # drift, as the host's end is nobody else's
    (change,) = netns(item, purge=True)["changes"]
    assert {key for key in change["after"] if change["after"][key] != change["before"][key]} == {"peer_mtu"}
    assert (link("vm-1", "eth0")["mtu"], root_link("tap-1")["mtu"]) == (1450, 1450)
    card["keep_mtu"] = False
    assert objects(netns(item, check=True)) == ["update link eth0 in vm-1"]


def test_addresses_of_a_dhcp_client_stay(netns):
    item = {"name": "vm-1", "keep_addresses": True, "links": [{"name": "eth0", "plug": "veth", "peer": "tap-1"}]}
    netns(item)
    run("ip", "-n", "vm-1", "address", "add", "192.0.2.5/24", "brd", "192.0.2.255", "dev", "eth0")
    run("ip", "-n", "vm-1", "route", "add", "default", "via", "192.0.2.1")
    assert not netns(item, purge=True)["changed"]
    assert objects(netns({**item, "keep_addresses": False}, purge=True)) == [
        "delete address 192.0.2.5/24 on eth0 in vm-1"
    ]
