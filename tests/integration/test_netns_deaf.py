# SPDX-License-Identifier: GPL-3.0-or-later
"""netns: the host does not hear what comes in at its ends of veths, which Open vSwitch takes over."""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import ApplyFailed, converge
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.backend import NetnsBackend
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.parse import parse

from .conftest import eventually, run

HOST, INSTANCE = "192.0.2.1", "192.0.2.7"
DEAF = {
    "net.ipv4.conf.tap-1.arp_ignore": "8",
    "net.ipv4.conf.tap-1.rp_filter": "1",
    "net.ipv6.conf.tap-1.disable_ipv6": "1",
}
HEARING = dict.fromkeys(DEAF, "0")
pytestmark = pytest.mark.usefixtures("clean_host")


@pytest.fixture
def netns(module):
    """netns(*config, **options): the module, as owner demo."""
    return lambda *config, **options: module("netns", **{"config": list(config), "owner": "demo", **options})


@pytest.fixture
def host_address():
    """An address of the host, on a device that no instance is connected to."""
    run("ip", "link", "add", "host-0", "up", "type", "veth", "peer", "name", "wire-0")
    run("ip", "address", "add", f"{HOST}/24", "dev", "host-0")
    run("ip", "link", "set", "wire-0", "up")
    yield
    run("ip", "link", "delete", "host-0")


def instance(mtu=1500, **keys):
    link = {"name": "eth0", "plug": "veth", "peer": "tap-1", "mtu": mtu, "addresses": [f"{INSTANCE}/24"]}
    return {"name": "vm-1", "links": [{**link, **keys}]}


def settings():
    return {key: run("sysctl", "-n", key).strip() for key in DEAF}


def set_all(values):
    for key, value in values.items():
        run("sysctl", "-w", f"{key}={value}")


def inside(*argv):
    return subprocess.run(("ip", "netns", "exec", "vm-1", *argv), capture_output=True, text=True, check=False)


def pings(address):
    return inside("ping", "-c1", "-W1", address).returncode == 0


def hears_arp():
    """Whether the host answers the instance's ARP requests for its address."""
    inside("ip", "neighbour", "flush", "dev", "eth0")
    pings(HOST)
    return "lladdr" in inside("ip", "neighbour", "show", HOST).stdout


def link_local():
    """The address that IPv6 gives the tap, from its MAC address."""
    (link,) = json.loads(run("ip", "-json", "link", "show", "tap-1"))
    octets = bytes.fromhex(link["address"].replace(":", ""))
    octets = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return f"fe80::{octets[:4].hex(':', 2)}:{octets[4:].hex(':', 2)}%eth0"


def test_an_instance_does_not_reach_the_host(netns, bridge, host_address):
    netns(instance())
    run("ovs-vsctl", "add-port", bridge("br-int"), "tap-1")
    run("ovs-ofctl", "add-flow", "br-int", "actions=drop")
    assert settings() == DEAF
    set_all(HEARING)  # what keeps the instance away is the settings, and nothing else
    eventually(hears_arp)
    eventually(lambda: pings(link_local()))
    netns(instance())
    assert not hears_arp()
    assert not pings(link_local())
    (tap,) = json.loads(run("ip", "-json", "link", "show", "tap-1"))
    inside("ip", "neighbour", "replace", HOST, "lladdr", tap["address"], "dev", "eth0")
    assert not pings(HOST)


def test_check_mode_predicts_it_and_a_second_run_changes_nothing(netns):
    predicted = netns(instance(), check=True)
    real = netns(instance())
    assert (predicted["changes"], predicted["diff"]) == (real["changes"], real["diff"])
    (made,) = [change for change in real["changes"] if change["object"] == "link eth0 in vm-1"]
    assert made["after"]["peer_sysctls"] == DEAF
    assert not netns(instance(), purge=True)["changed"]


@pytest.mark.parametrize("key", DEAF)
def test_drift_is_healed_and_reported_alone(netns, key):
    netns(instance())
    set_all({key: "0"})
    predicted = netns(instance(), check=True)
    healed = netns(instance())
    assert healed["changes"] == predicted["changes"]
    assert [(change["action"], change["object"]) for change in healed["changes"]] == [("update", "link eth0 in vm-1")]
    assert healed["changes"][0]["before"]["peer_sysctls"] == {**DEAF, key: "0"}
    assert settings() == DEAF


def test_a_link_too_small_for_ipv6_has_none_and_gets_none_when_it_grows(netns):
    netns(instance(mtu=1000))
    assert not netns(instance(mtu=1000))["changed"]
    netns(instance())
    assert settings() == DEAF
    netns(instance(mtu=1000))
    assert not netns(instance(mtu=1000))["changed"]


def test_a_thousand_open_files_are_enough_for_many_links():
    many = [{"name": f"eth{n}", "plug": "veth", "peer": f"tap-{n}"} for n in range(600)]
    wanted = parse([{"name": "vm-1", "links": many}])
    with _open_files(1024):
        converge(NetnsBackend(wanted, "demo"))
        assert converge(NetnsBackend(wanted, "demo")).changes == []


@contextlib.contextmanager
def _open_files(limit):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Failing(NetnsBackend):
    """All is written, and then something else fails."""

    def apply(self, changes, have):
        super().apply(changes, have)
        raise EngineError("no more")


def test_a_failure_is_undone(netns):
    netns(instance())
    set_all(HEARING)
    with pytest.raises(ApplyFailed, match="no more") as failure:
        converge(Failing(parse([instance()]), "demo"))
    assert failure.value.rolled_back, str(failure.value)
    assert settings() == HEARING


def test_a_tap_in_a_bridge_is_only_a_wire(netns):
    """The tap of an instance that is filtered: its bridge carries ARP and IPv6 as ever."""
    netns(instance())
    run("ip", "link", "add", "qbr-1", "type", "bridge")
    run("ip", "link", "set", "tap-1", "master", "qbr-1")
    run("ip", "address", "add", f"{HOST}/24", "dev", "qbr-1")
    run("ip", "link", "set", "qbr-1", "address", "fa:16:3e:00:00:01", "up")
    try:
        assert not netns(instance(), purge=True)["changed"]
        eventually(lambda: pings(HOST))
        eventually(lambda: pings("fe80::f816:3eff:fe00:1%eth0"))
    finally:
        run("ip", "link", "delete", "qbr-1")
