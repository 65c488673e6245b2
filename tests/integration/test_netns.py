# SPDX-License-Identifier: GPL-3.0-or-later
"""netns against the real kernel: what is made, changed, removed and told."""

from __future__ import annotations

import copy
import json
import subprocess

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.mark import alias
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack

from .conftest import eventually, run
from .router import ROUTER, edited, ip, objects, snapshot

pytestmark = pytest.mark.usefixtures("clean_host", "clean_links")


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
