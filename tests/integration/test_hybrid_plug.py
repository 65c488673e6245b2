# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of hybrid plugs against the real kernel."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import ApplyFailed, converge
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug import names
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug.backend import HybridPlug
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink

from .conftest import run

PORT = {"port_id": "7c7ae61e-05aa-4e1b-9d1c-0a1b2c3d4e5f", "mtu": 1450}
OTHER = {"port_id": "8d8bf72f-16bb-4e1b-9d1c-0a1b2c3d4e5f", "mtu": 1450}
QBR, QVB, QVO, TAP = names.of(PORT["port_id"])
pytestmark = pytest.mark.usefixtures("clean_host", "clean_links")


@pytest.fixture
def clean_links():
    """No links of the tests stay in the root namespace."""
    yield
    for name in links():
        if name.startswith(("tap", *names.PREFIXES)):
            subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)


def links():
    """{name: what iproute2 says} of the root namespace."""
    return {found["ifname"]: found for found in json.loads(run("ip", "-json", "-details", "link"))}


def plug(*ports, check=False, owner="demo", **options):
    """Converge; the changes as text."""
    outcome = converge(HybridPlug(list(ports), owner, check_mode=check, **options), check)
    return [f"{change.action} {change.object}" for change in outcome.changes]


def changes(*ports, check=False, **options):
    """Converge; the changes with all that they say."""
    return converge(HybridPlug(list(ports), "demo", check_mode=check, **options), check).changes


def sysctl(key):
    return Path("/proc/sys", key.replace(".", "/")).read_text().strip()


def make_tap(name=TAP):
    run("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name[:13]}p")
    return name


def snapshot():
    """What somebody has configured about links, as iproute2 tells it. A link that is made anew has another index."""
    keys = ("flags", "mtu", "master", "ifalias", "link")
    shown = {name: {key: found.get(key) for key in keys} for name, found in links().items()}
    for name, found in shown.items():
        found["flags"] = sorted(set(found["flags"]) - {"NO-CARRIER", "LOWER_UP"})
        if name.startswith("qbr"):
            del found["mtu"]  # follows its ports
    return shown


# ---- create, again, check mode


def test_a_plug_is_made_as_check_mode_says_and_a_second_run_changes_nothing():
    predicted = changes(PORT, check=True)
    assert QBR not in links()
    assert changes(PORT) == predicted
    before = snapshot()
    assert plug(PORT, purge=True) == []
    assert snapshot() == before


def test_the_kernel_has_what_os_vif_would_make():
    plug(PORT)
    found = links()
    assert (QBR, QVB, QVO, TAP) == ("qbr7c7ae61e-05", "qvb7c7ae61e-05", "qvo7c7ae61e-05", "tap7c7ae61e-05")
    bridge = found[QBR]["linkinfo"]["info_data"]
    assert {bridge[key] for key in ("stp_state", "forward_delay", "ageing_time", "mcast_snooping")} == {0}
    assert (found[QVB]["link"], found[QVO]["link"], found[QVB]["master"]) == (QVO, QVB, QBR)
    for name in (QVB, QVO):
        assert found[name]["mtu"] == 1450
        assert {"UP", "PROMISC"} <= set(found[name]["flags"])
    assert "UP" in found[QBR]["flags"]
    assert {found[name]["ifalias"] for name in (QBR, QVB, QVO)} == {mark.alias("demo")}
    assert sysctl(f"net.ipv6.conf.{QBR}.disable_ipv6") == "1"
    assert sysctl(f"net.ipv4.conf.{QBR}.arp_ignore") == "1"
    assert sysctl(f"net.ipv4.conf.{QBR}.arp_announce") == "2"


def test_the_host_is_deaf_where_open_vswitch_takes_over():
    """Its userspace datapath leaves the kernel a copy of every frame; an instance would reach the host itself."""
    plug(PORT)
    assert sysctl(f"net.ipv6.conf.{QVO}.disable_ipv6") == "1"
    assert sysctl(f"net.ipv4.conf.{QVO}.arp_ignore") == "8"
    assert sysctl(f"net.ipv4.conf.{QVO}.rp_filter") == "1"


def test_a_port_that_is_not_plugged_here_has_no_links():
    assert plug({**PORT, "plug": False}) == []


def test_a_tap_that_is_there_is_plugged_in_and_nothing_else_about_it_changes():
    make_tap()
    before = links()[TAP]
    predicted = changes(PORT, check=True)
    assert changes(PORT) == predicted
    assert predicted[-1].object == f"link {TAP}"
    after = links()[TAP]
    assert after["master"] == QBR
    assert [after[key] for key in ("mtu", "flags")] == [before[key] for key in ("mtu", "flags")]


def test_check_mode_predicts_the_tap_that_an_earlier_task_makes():
    predicted = changes({**PORT, "tap": True}, check=True)
    make_tap()
    assert changes({**PORT, "tap": True}) == predicted
    assert links()[TAP]["master"] == QBR


def test_a_tap_that_must_be_there_and_is_not_is_named_before_anything_is_made():
    with pytest.raises(ApplyFailed, match=f"{TAP} does not exist: the module netns makes it") as failure:
        plug({**PORT, "tap": True})
    assert failure.value.rolled_back
    assert QBR not in links()


# ---- drift


DRIFT = {
    f"ip link set {QBR} down": QBR,
    f"ip link set {QBR} type bridge stp_state 1": QBR,
    f"ip link set {QBR} type bridge ageing_time 30000 mcast_snooping 1": QBR,
    f"sysctl -w net.ipv6.conf.{QBR}.disable_ipv6=0": QBR,
    f"ip link set {QVB} nomaster": QVB,
    f"ip link set {QVB} promisc off": QVB,
    f"ip link set {QVO} mtu 1400": QVO,
    f"ip link set {QVO} down": QVO,
    f"sysctl -w net.ipv6.conf.{QVO}.disable_ipv6=0": QVO,
    f"ip link set {TAP} nomaster": TAP,
}


@pytest.mark.parametrize("command", DRIFT)
def test_drift_is_healed_in_place_and_only_drift_is_reported(command):
    make_tap()
    plug(PORT, OTHER)
    before, indexes = snapshot(), {name: found["ifindex"] for name, found in links().items()}
    run(*command.split())
    assert plug(PORT, OTHER, check=True) == [f"update link {DRIFT[command]}"]
    assert plug(PORT, OTHER) == [f"update link {DRIFT[command]}"]
    assert snapshot() == before
    assert {name: found["ifindex"] for name, found in links().items()} == indexes


def test_what_was_deleted_by_hand_is_made_again():
    make_tap()
    plug(PORT)
    before = snapshot()
    run("ip", "link", "delete", QVO)
    run("ip", "link", "delete", QBR)
    assert plug(PORT) == [*(f"create link {name}" for name in (QBR, QVB, QVO)), f"update link {TAP}"]
    assert snapshot() == before


def test_a_pair_whose_outer_end_was_lost_elsewhere_is_made_anew():
    plug(PORT)
    before = snapshot()
    run("ip", "netns", "add", "elsewhere")
    run("ip", "link", "set", QVO, "netns", "elsewhere")
    predicted = plug(PORT, check=True)
    assert plug(PORT) == predicted == [f"update link {QVB}", f"create link {QVO}"]
    assert snapshot() == before


def test_another_mtu_makes_nothing_anew():
    plug(PORT)
    index = links()[QVO]["ifindex"]
    assert plug({**PORT, "mtu": 1400}) == [f"update link {QVB}", f"update link {QVO}"]
    found = links()
    assert (found[QVO]["mtu"], found[QVB]["mtu"], found[QVO]["ifindex"]) == (1400, 1400, index)


# ---- absent, purge, foreign links


@pytest.mark.parametrize("options", [{"absent": True}, {"purge": True}])
def test_removal_leaves_the_tap_and_others_links_alone(options):
    make_tap()
    plug(PORT)
    plug(OTHER, owner="somebody")
    listed = [PORT] if options.get("absent") else []
    predicted = changes(*listed, check=True, **options)
    assert changes(*listed, **options) == predicted
    assert sorted(change.object for change in predicted) == [f"link {name}" for name in (QBR, QVB, QVO)]
    found = links()
    assert "master" not in found[TAP]
    assert not {QBR, QVB, QVO} & set(found)
    assert set(names.of(OTHER["port_id"])[:3]) <= set(found)
    assert plug(*listed, **options) == []


def test_the_peer_of_a_namespace_that_carries_the_same_mark_is_not_purged():
    make_tap()
    run("ip", "link", "set", TAP, "alias", mark.alias("demo"))
    assert plug(purge=True) == []
    assert TAP in links()


@pytest.mark.parametrize("options", [{}, {"absent": True}])
def test_a_foreign_bridge_is_refused_until_it_is_adopted(options):
    run("ip", "link", "add", QBR, "type", "bridge")
    before = snapshot()
    with pytest.raises(ForeignObject, match=f"link {QBR} exists.*ip link delete {QBR}"):
        plug(PORT, **options)
    assert snapshot() == before
    index = links()[QBR]["ifindex"]
    plug(PORT, adopt=True, **options)
    assert [QBR in links() and links()[QBR]["ifindex"]] == [False if options else index]
    assert plug(PORT, **options) == []


def test_a_link_of_another_kind_is_never_taken_over():
    run("ip", "link", "add", QBR, "type", "veth", "peer", "name", "tapforeign")
    with pytest.raises(EngineError, match=f"link {QBR} is no part of a hybrid plug but of kind veth"):
        plug(PORT, adopt=True)
    assert QBR in links()


# ---- failure


def test_a_failure_midway_is_undone():
    make_tap()
    plug(PORT)
    before = snapshot()
    with pytest.raises(ApplyFailed, match="refused") as failure:
        plug({**OTHER, "mtu": 100000}, {**PORT, "mtu": 1400})
    assert failure.value.rolled_back
    assert snapshot() == before


def test_a_failed_removal_brings_everything_back():
    make_tap()
    plug(PORT)
    before = snapshot()

    class Failing(HybridPlug):
        def apply(self, changes, have):
            super().apply(changes, have)
            raise EngineError("no more")

    with pytest.raises(ApplyFailed, match="no more") as failure:
        converge(Failing([], "demo", purge=True))
    assert failure.value.rolled_back
    assert snapshot() == before
    assert plug(PORT) == []


# ---- traffic


def instance(number, port, bridge):
    """An instance in a namespace of its own, plugged through its hybrid plug into the OVS bridge."""
    name, (_qbr, _qvb, qvo, tap) = f"vm-{number}", names.of(port["port_id"])
    run("ip", "netns", "add", name)
    run("ip", "link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", tap)
    run("ip", "link", "set", tap, "up")
    for argv in (["link", "set", "eth0", "up"], ["addr", "add", f"192.0.2.{number}/24", "dev", "eth0"]):
        run("ip", "-n", name, *argv)
    plug(PORT, OTHER)
    run("ovs-vsctl", "add-port", bridge, qvo)


def test_traffic_passes_the_plug_and_runs_on_while_other_plugs_come_and_go(bridge):
    bridge("br-int")
    run("ovs-ofctl", "add-flow", "br-int", "actions=NORMAL")
    instance(1, PORT, "br-int")
    instance(2, OTHER, "br-int")
    run("ip", "netns", "exec", "vm-1", "ping", "-c", "1", "-w", "5", "192.0.2.2")
    ping = ["ip", "netns", "exec", "vm-1", "ping", "-q", "-i", "0.01", "-c", "100", "192.0.2.2"]
    with subprocess.Popen(ping, stdout=subprocess.PIPE, text=True) as running:
        third = {"port_id": "9e9c", "mtu": 1500}
        plug(PORT, OTHER, third)
        plug(PORT, OTHER, purge=True)
        plug(PORT, OTHER)
        told = running.stdout.read()
    assert re.search(r"100 packets transmitted, 100 received", told)


def test_hundreds_of_ports_are_a_few_system_calls(monkeypatch):
    sent, write = [], Netlink._write
    monkeypatch.setattr(Netlink, "_write", lambda self, batch: (sent.append(len(batch)), write(self, batch)))
    many = [{"port_id": f"{number:08x}-aa00", "mtu": 1450} for number in range(300)]
    assert len(plug(*many)) == 900
    assert len(sent) < 30
    sent.clear()
    assert plug(*many, purge=True) == []
    assert sent == []
    plug(*many, absent=True)
    assert len(sent) < 30
