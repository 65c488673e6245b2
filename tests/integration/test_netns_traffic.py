# SPDX-License-Identifier: GPL-3.0-or-later
"""netns: traffic lives on, and internal ports of Open vSwitch come and go."""

from __future__ import annotations

import copy
import socket
import threading

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace

from .conftest import run
from .router import ROUTER, ip, objects

pytestmark = pytest.mark.usefixtures("clean_host", "clean_links")


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
