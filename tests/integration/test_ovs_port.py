# SPDX-License-Identifier: GPL-3.0-or-later
"""ovs_port against a real Open vSwitch: what the database holds, and whether packets pass."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack

from .conftest import ModuleFailed, eventually, run, start_daemon
from .ovs import has_device, lost, ofport, rows, traffic, unwire, wire

ROUTER_PORT = {
    "name": "qr-00998b02-8f", "bridge": "br-int", "type": "internal", "tag": 1,
    "external_ids": {"iface-id": "00998b02", "iface-status": "active", "attached-mac": "00:00:5E:00:53:23"},
    "other_config": {"net_uuid": "7d2f", "segmentation_id": "100", "tag": "1"},
}
PATCHES = [
    {"name": "int-br-ex", "bridge": "br-int", "type": "patch", "options": {"peer": "phy-br-ex"}},
    {"name": "phy-br-ex", "bridge": "br-ex", "type": "patch", "options": {"peer": "int-br-ex"}},
]
TUNNEL = {
    "name": "vxlan-0a00010b", "bridge": "br-int", "type": "vxlan",
    "options": {"remote_ip": "10.0.1.11", "local_ip": "10.0.1.21", "in_key": "flow", "df_default": True},
}
EVERYTHING = [ROUTER_PORT, *PATCHES, TUNNEL]


@pytest.fixture
def bridges(bridge):
    return bridge("br-int"), bridge("br-ex")


def objects(result):
    return [(change["action"], change["object"]) for change in result["changes"]]


def contents():
    """Everything that a run could have written."""
    ports = rows("Port", "tag", "trunks", "vlan_mode", "external_ids", "other_config", "interfaces")
    interfaces = rows("Interface", "type", "options", "external_ids", "ofport", "ofport_request", "error")
    return rows("Bridge", "ports"), ports, interfaces


def test_check_predicts_the_first_run_and_the_second_changes_nothing(module, bridges):
    before = contents()
    predicted = module("ovs_port", check=True, config=EVERYTHING, owner="demo")
    assert contents() == before
    done = module("ovs_port", config=EVERYTHING, owner="demo")
    assert done["changes"] == predicted["changes"] and done["diff"] == predicted["diff"]
    assert [action for action, _object in objects(done)] == ["create"] * 4
    assert done["disruption"] == "none"
    ports, interfaces = contents()[1:]
    assert ports["qr-00998b02-8f"]["tag"] == 1
    assert dict(ports["qr-00998b02-8f"]["other_config"][1])["segmentation_id"] == "100"
    assert dict(interfaces["vxlan-0a00010b"]["options"][1])["df_default"] == "true"
    assert dict(interfaces["qr-00998b02-8f"]["external_ids"][1]) == ROUTER_PORT["external_ids"]

    again = contents()
    assert module("ovs_port", config=EVERYTHING, owner="demo", purge=True)["changed"] is False
    assert module("ovs_port", packed=pack(EVERYTHING), owner="demo")["changed"] is False
    assert contents() == again


def test_check_mode_needs_neither_bridge_nor_open_vswitch(module, clean_host):
    for options in ({}, {"database": "unix:/nowhere/db.sock"}):
        result = module("ovs_port", check=True, config=EVERYTHING, owner="demo", purge=True, **options)
        assert [action for action, _object in objects(result)] == ["create"] * 4


def test_what_is_missing_is_named(module, clean_host):
    with pytest.raises(ModuleFailed, match="bridge br-ex, br-int does not exist: .*openvswitch_bridge makes it"):
        module("ovs_port", config=EVERYTHING)
    with pytest.raises(ModuleFailed, match="does not answer at /nowhere/db.sock .*: start the service openvswitch"):
        module("ovs_port", config=EVERYTHING, database="unix:/nowhere/db.sock")
    with pytest.raises(ModuleFailed, match="database: tcp:1: must be unix:"):
        module("ovs_port", config=EVERYTHING, database="tcp:1")


def test_drift_is_healed_and_only_drift_is_reported(module, bridges):
    module("ovs_port", config=EVERYTHING, owner="demo")
    healthy = contents()
    number = ofport("qr-00998b02-8f")
    run("ovs-vsctl", "set", "port", "qr-00998b02-8f", "tag=7", "vlan_mode=access",
        "--", "remove", "interface", "qr-00998b02-8f", "external_ids", "iface-id",
        "--", "set", "interface", "vxlan-0a00010b", "options:csum=true")
    predicted = module("ovs_port", check=True, config=EVERYTHING, owner="demo")
    done = module("ovs_port", config=EVERYTHING, owner="demo")
    assert done["changes"] == predicted["changes"]
    assert objects(done) == [("update", "port br-int/qr-00998b02-8f"), ("update", "port br-int/vxlan-0a00010b")]
    assert (done["changes"][0]["before"]["tag"], done["changes"][0]["after"]["tag"]) == (7, 1)
    assert done["disruption"] == "port"
    assert contents() == healthy and ofport("qr-00998b02-8f") == number


def test_keys_of_others_stay_and_cost_nothing(module, bridges):
    module("ovs_port", config=[ROUTER_PORT])
    run("ovs-vsctl", "set", "interface", "qr-00998b02-8f", "external_ids:theirs=1", "external_ids:iface-id=drift",
        "--", "set", "port", "qr-00998b02-8f", "other_config:theirs=2", "external_ids:theirs=3")
    done = module("ovs_port", config=[ROUTER_PORT])
    assert objects(done) == [("update", "port br-int/qr-00998b02-8f")] and done["disruption"] == "none"
    ports, interfaces = contents()[1:]
    assert dict(interfaces["qr-00998b02-8f"]["external_ids"][1]) == {**ROUTER_PORT["external_ids"], "theirs": "1"}
    assert dict(ports["qr-00998b02-8f"]["other_config"][1])["theirs"] == "2"
    assert dict(ports["qr-00998b02-8f"]["external_ids"][1]) == {"cloudnet-dataplane": "default", "theirs": "3"}


def test_an_option_left_out_has_its_default(module, bridges):
    wide = {"name": "qr-1", "bridge": "br-int", "type": "internal"}
    module("ovs_port", config=[{**wide, "tag": 1, "trunks": [5, 4], "vlan_mode": "native-tagged"}])
    assert rows("Port", "trunks")["qr-1"] == {"trunks": ["set", [4, 5]]}
    module("ovs_port", config=[wide])
    empty = ["set", []]
    assert rows("Port", "tag", "trunks", "vlan_mode")["qr-1"] == {"tag": empty, "trunks": empty, "vlan_mode": empty}


def test_purge_removes_only_what_is_ours(module, bridges):
    run("ovs-vsctl", "add-port", "br-int", "foreign", "--", "set", "interface", "foreign", "type=internal")
    module("ovs_port", config=PATCHES, owner="other")
    module("ovs_port", config=[ROUTER_PORT, TUNNEL], owner="demo")
    assert module("ovs_port", config=[TUNNEL], owner="demo")["changed"] is False
    done = module("ovs_port", config=[TUNNEL], owner="demo", purge=True)
    assert objects(done) == [("delete", "port br-int/qr-00998b02-8f")] and done["disruption"] == "port"
    assert {"foreign", "int-br-ex", "phy-br-ex", TUNNEL["name"], "br-int", "br-ex"} == set(rows("Port", "tag"))


def test_absent_removes_ours_by_name_and_again_nothing(module, bridges):
    module("ovs_port", config=EVERYTHING)
    names = [{"name": port["name"]} for port in EVERYTHING]
    elsewhere = [{"name": "int-br-ex", "bridge": "br-ex"}]
    assert module("ovs_port", config=elsewhere, state="absent")["changed"] is False
    predicted = module("ovs_port", check=True, config=names, state="absent")
    done = module("ovs_port", config=names, state="absent")
    assert done["changes"] == predicted["changes"] and len(done["changes"]) == 4
    assert module("ovs_port", config=names, state="absent")["changed"] is False


def test_a_foreign_port_is_refused_unless_adopted(module, bridges):
    name = ROUTER_PORT["name"]
    run("ovs-vsctl", "add-port", "br-int", name, "--", "set", "interface", name, "type=internal")
    for options in ({}, {"state": "absent"}, {"check": True}):
        with pytest.raises(ModuleFailed, match=f"port {name} of bridge br-int exists .*ovs-vsctl del-port br-int"):
            module("ovs_port", config=[ROUTER_PORT], **options)
    number = ofport("qr-00998b02-8f")
    done = module("ovs_port", config=[ROUTER_PORT], adopt=True)
    assert objects(done) == [("update", "port br-int/qr-00998b02-8f")]
    assert ofport("qr-00998b02-8f") == number
    assert module("ovs_port", config=[ROUTER_PORT])["changed"] is False
    with pytest.raises(ModuleFailed, match="exists and does not carry our mark"):
        module("ovs_port", config=[ROUTER_PORT], owner="other")


def test_a_bond_is_never_touched(module, bridges):
    run("ip", "link", "add", "eth8", "type", "veth", "peer", "name", "eth9")
    run("ovs-vsctl", "add-bond", "br-int", "bond0", "eth8", "eth9")
    with pytest.raises(ModuleFailed, match="port bond0 of bridge br-int is a bond of several interfaces"):
        module("ovs_port", config=[{"name": "bond0", "bridge": "br-int"}], adopt=True)
    run("ip", "link", "delete", "eth8")


def test_a_port_moves_to_its_bridge(module, bridges):
    module("ovs_port", config=[ROUTER_PORT])
    done = module("ovs_port", config=[{**ROUTER_PORT, "bridge": "br-ex"}])
    assert objects(done) == [("update", "port br-ex/qr-00998b02-8f")] and done["disruption"] == "port"
    assert run("ovs-vsctl", "port-to-br", "qr-00998b02-8f").strip() == "br-ex"
    assert "qr-00998b02-8f" in run("ovs-ofctl", "show", "br-ex")


def test_a_port_changes_its_type(module, bridges):
    module("ovs_port", config=[ROUTER_PORT])
    module("ovs_port", config=[{**TUNNEL, "name": ROUTER_PORT["name"]}])
    assert rows("Interface", "type", "error")[ROUTER_PORT["name"]] == {"type": "vxlan", "error": ["set", []]}
    assert not has_device(ROUTER_PORT["name"])


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"name": "eth77", "bridge": "br-int"}, "port br-int/eth77: could not open network device eth77"),
        ({**PATCHES[0], "options": {"peer": "nowhere"}}, "br-int/int-br-ex: no patch port nowhere has it as its peer"),
        ({**TUNNEL, "options": {"remote_ip": "nonsense"}}, "port br-int/vxlan-0a00010b: .*bad vxlan 'remote_ip'; "),
    ],
)
def test_a_port_that_cannot_work_fails_and_everything_is_undone(module, bridges, broken, why):
    module("ovs_port", config=[ROUTER_PORT, {"name": "old", "bridge": "br-int", "type": "internal"}], owner="demo")
    before = contents()
    changed = {**ROUTER_PORT, "tag": 9, "external_ids": {"new": "1", "iface-id": "2"}, "options": {"x": "y"}}
    created = {"name": "qr-2", "bridge": "br-ex", "type": "internal"}
    with pytest.raises(ModuleFailed, match=why) as failed:
        module("ovs_port", config=[changed, created, broken], owner="demo", purge=True)
    assert failed.value.result["rolled_back"] is True
    bridges_after, ports, interfaces = contents()
    assert set(ports) == set(before[1])
    assert ports[ROUTER_PORT["name"]] == before[1][ROUTER_PORT["name"]]
    assert interfaces[ROUTER_PORT["name"]] == before[2][ROUTER_PORT["name"]]
    eventually(lambda: ofport("old") == before[2]["old"]["ofport"])  # deleted and made again, under its number
    assert module("ovs_port", check=True, config=[ROUTER_PORT], owner="demo")["changed"] is False


def test_a_device_that_comes_late_is_waited_for(module, bridges):
    pid = os.fork()
    if not pid:
        time.sleep(1)
        run("ip", "link", "add", "late0", "type", "veth", "peer", "name", "late1")
        os._exit(0)
    module("ovs_port", config=[{"name": "late0", "bridge": "br-int"}])
    os.waitpid(pid, 0)
    assert ofport("late0") > 0
    run("ip", "link", "delete", "late0")


def test_an_existing_port_that_does_not_work_is_an_error_not_ok(module, bridges):
    run("ip", "link", "add", "eth8", "type", "veth", "peer", "name", "eth9")
    wanted = [{"name": "eth8", "bridge": "br-int"}]
    module("ovs_port", config=wanted)
    run("ip", "link", "delete", "eth8")
    with pytest.raises(ModuleFailed, match="network device eth8 does not exist") as failed:
        module("ovs_port", config=wanted)
    assert failed.value.result["rolled_back"] is True
    (change,) = module("ovs_port", check=True, config=wanted)["changes"]
    assert change["before"]["fault"] == "its network device is gone" and "fault" not in change["after"]
    (port,) = [port for port in module("ovs_port_info")["ports"] if port["name"] == "eth8"]
    assert port["error"] == "its network device is gone"


def test_bad_input_is_refused_with_every_fault(module, bridges):
    items = [
        {"name": "a" * 16, "bridge": "br-int", "tag": 4096, "trunks": ["x"], "vlan_mode": "sideways"},
        {"name": "p", "type": "patch", "external_ids": {"cloudnet-dataplane": "me"}, "colour": "red"},
        {"name": "t", "bridge": "br-int", "type": "vxlan", "options": {"key": [1]}, "namespace": "n"},
        {"name": "t", "bridge": "br-int"},
        "port",
        {"bridge": "br-int", "name": "a b"},
    ]
    with pytest.raises(ModuleFailed) as failed:
        module("ovs_port", packed=pack(items))
    assert failed.value.result["problems"] == [
        "config[0].tag: 4096: must be a number from 0 to 4095",
        "config[0].trunks: ['x']: must be a list of numbers from 0 to 4095",
        "config[0].vlan_mode: sideways: must be one of access, trunk, native-tagged, native-untagged",
        f"config[0].name: {'a' * 16}: is longer than 15 characters",
        "config[1].colour: red: is not an option; options are name, bridge, type, tag, trunks, vlan_mode, options, "
        "external_ids, other_config, namespace, ignore",
        "config[1].bridge: is required",
        "config[1].external_ids.cloudnet-dataplane: is the mark of this collection",
        "config[1].options.peer: is required for type patch",
        "config[2].options.key: [1]: must be a string, a number or a boolean",
        "config[2].options.remote_ip: is required for type vxlan",
        "config[2].namespace: n: is only for type internal",
        "config[3].name: t: is listed already in config[2]",
        "config[4]: must be a dictionary",
        "config[5].name: a b: must be a name without spaces, slashes and quotes",
    ]


def test_an_internal_port_survives_in_its_namespace_and_rises_when_that_is_deleted(module, bridges):
    port = {**ROUTER_PORT, "namespace": "qrouter-1"}
    module("ovs_port", config=[port])
    number = ofport(port["name"])
    run("ip", "netns", "add", "qrouter-1")
    run("ip", "link", "set", port["name"], "netns", "qrouter-1")
    assert module("ovs_port", config=[port])["changed"] is False

    run("ip", "netns", "delete", "qrouter-1")
    eventually(lambda: module("ovs_port", check=True, config=[port])["changed"])
    done = module("ovs_port", config=[port])
    assert objects(done) == [("update", f"port br-int/{port['name']}")]
    assert done["changes"][0]["before"]["fault"] == "its network device is gone"
    assert has_device(port["name"])
    assert ofport(port["name"]) == number
    assert module("ovs_port", config=[port])["changed"] is False


def test_a_veth_that_was_replaced_is_heard_again_under_its_old_number(module, bridges):
    wire("vm1", 1)
    wire("vm2", 2)
    ports = [{"name": "tap-vm1", "bridge": "br-int", "tag": 3}, {"name": "tap-vm2", "bridge": "br-int", "tag": 3}]
    run("ovs-ofctl", "add-flow", "br-int", "actions=normal")
    module("ovs_port", config=ports)
    assert lost(("vm1", 1), ("vm2", 2)) == 0

    number = ofport("tap-vm2")
    unwire("vm2")
    wire("vm2", 2)
    time.sleep(1)
    assert ofport("tap-vm2") == number and lost(("vm2", 2), ("vm1", 1)) == 5  # ovs-vswitchd shows it well, and is deaf
    predicted = module("ovs_port", check=True, config=ports)
    done = module("ovs_port", config=ports)
    assert done["changes"] == predicted["changes"]
    assert objects(done) == [("update", "port br-int/tap-vm2")]
    assert "does not hear" in done["changes"][0]["before"]["fault"]
    assert lost(("vm1", 1), ("vm2", 2)) == 0 and lost(("vm2", 2), ("vm1", 1)) == 0
    assert ofport("tap-vm2") == number
    assert rows("Interface", "ofport_request")["tap-vm2"] == {"ofport_request": ["set", []]}
    assert module("ovs_port", config=ports)["changed"] is False


def test_runs_that_concern_others_lose_no_packet(module, bridges):
    wire("vm1", 1)
    wire("vm2", 2)
    ports = [{"name": "tap-vm1", "bridge": "br-int"}, {"name": "tap-vm2", "bridge": "br-int"}]
    run("ovs-ofctl", "add-flow", "br-int", "actions=normal")
    module("ovs_port", config=ports)
    with traffic(("vm1", 1), ("vm2", 2)) as result:
        assert module("ovs_port", config=ports)["changed"] is False
        module("ovs_port", config=[*ports, *EVERYTHING])
        module("ovs_port", config=ports, purge=True)
    assert result == [0]


@pytest.fixture
def hung_vswitchd():
    pid = int(Path("/run/openvswitch/ovs-vswitchd.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


def test_a_hung_vswitchd_is_waited_for_a_bounded_time_and_the_database_undone(module, bridges, hung_vswitchd):
    before = rows("Port", "tag"), rows("Bridge", "ports")
    started = time.monotonic()
    with pytest.raises(ModuleFailed, match="ovs-vswitchd did not act on the change within 10 seconds") as failed:
        module("ovs_port", config=[ROUTER_PORT])
    assert 9 < time.monotonic() - started < 30
    assert failed.value.result["rolled_back"] is True
    assert (rows("Port", "tag"), rows("Bridge", "ports")) == before


def test_ports_survive_a_restart_of_vswitchd(module, bridges):
    wire("vm1", 1)
    wire("vm2", 2)
    ports = [{"name": "tap-vm1", "bridge": "br-int"}, {"name": "tap-vm2", "bridge": "br-int"}]
    module("ovs_port", config=ports)
    numbers = ofport("tap-vm1"), ofport("tap-vm2")
    pidfile = Path("/run/openvswitch/ovs-vswitchd.pid")
    os.kill(int(pidfile.read_text()), signal.SIGTERM)
    eventually(lambda: not pidfile.exists())
    start_daemon("ovs-vswitchd", "unix:/run/openvswitch/db.sock")
    assert module("ovs_port", config=ports)["changed"] is False
    assert (ofport("tap-vm1"), ofport("tap-vm2")) == numbers
    run("ovs-ofctl", "add-flow", "br-int", "actions=normal")
    assert lost(("vm1", 1), ("vm2", 2)) == 0


def test_an_ignored_port_is_neither_changed_nor_purged(module, bridges):
    module("ovs_port", config=[ROUTER_PORT])
    before = rows("Port", "tag")
    patches = [
        {"name": "int-br-ex", "bridge": "br-int", "type": "patch", "options": {"peer": "phy-br-ex"}},
        {"name": "phy-br-ex", "bridge": "br-ex", "type": "patch", "options": {"peer": "int-br-ex"}},
        {"name": ROUTER_PORT["name"], "ignore": True},
    ]
    assert len(module("ovs_port", config=patches, purge=True)["changes"]) == 2
    assert rows("Port", "tag")[ROUTER_PORT["name"]] == before[ROUTER_PORT["name"]]
