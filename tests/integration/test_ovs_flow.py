# SPDX-License-Identifier: GPL-3.0-or-later
"""ovs_flow against a real Open vSwitch: what the bridges hold, and whether packets pass."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from tests.sandbox import hidden

from .conftest import ModuleFailed, eventually, run, start_daemon
from .ovs import lost, ofport, traffic, wire

COOKIE = f"{mark.cookie('demo'):#x}"

PORTS = [
    {"name": "int-br-ex", "bridge": "br-int", "type": "patch", "options": {"peer": "phy-br-ex"}},
    {"name": "phy-br-ex", "bridge": "br-ex", "type": "patch", "options": {"peer": "int-br-ex"}},
    {"name": "qr-00998b02-8f", "bridge": "br-int", "type": "internal"},
]
INTEGRATION = [
    "table=0,priority=65535,dl_vlan=4095 actions=drop",
    "table=0,priority=3,in_port=int-br-ex,vlan_tci=0x0000/0x1fff actions=mod_vlan_vid:1,resubmit(,58)",
    'table=0, priority=2, in_port="int-br-ex", actions=drop',
    "table=0,priority=5,dl_vlan=101,in_port=br-int actions=mod_vlan_vid:1,resubmit(qr-00998b02-8f,58)",
    "table=24,priority=2,icmp6,icmp_type=136,nd_target=fe80::1,in_port=qr-00998b02-8f actions=resubmit(,58)",
    "table=58 actions=NORMAL",
    "table=3,priority=5,dl_vlan=2,dl_dst=fa:16:3f:00:00:01 "
    'actions=mod_dl_dst:fa:16:3e:00:00:01,strip_vlan,"qr-00998b02-8f"',
    "table=10,priority=1 actions=learn(table=20,hard_timeout=300,priority=1,NXM_OF_VLAN_TCI[0..11],"
    "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],"
    "output:OXM_OF_IN_PORT[]),output:int-br-ex",
    "table=21,priority=1,arp,dl_vlan=1,arp_tpa=10.0.0.3 actions=load:0x2->NXM_OF_ARP_OP[],"
    "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],load:0xfa163e000003->NXM_NX_ARP_SHA[],mod_dl_src:fa:16:3e:00:00:03,IN_PORT",
    "table=22,priority=1,dl_vlan=1 actions=strip_vlan,load:0x64->NXM_NX_TUN_ID[],output:int-br-ex,output:LOCAL",
    "table=2,priority=0,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=resubmit(,22)",
    "table=81,ct_state=+new-est,tcp,tp_dst=0x1f40/0xfff8 actions=ct(commit,zone=NXM_NX_REG6[0..15],"
    "exec(load:0x1->NXM_NX_CT_MARK[]))",
]
EXTERNAL = ["priority=4,in_port=phy-br-ex,dl_vlan=1 actions=strip_vlan,NORMAL"]
CONFIG = [{"bridge": "br-int", "flows": INTEGRATION}, {"bridge": "br-ex", "flows": EXTERNAL}]


@pytest.fixture
def bridges(bridge, module):
    names = bridge("br-int"), bridge("br-ex")
    module("ovs_port", config=PORTS)
    return names


def dump(bridge, *options):
    """Everything a run could have written, as Open vSwitch's own tool shows it."""
    return run("ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "--names", "--no-stats", bridge, *options).splitlines()


def add(bridge, flow):
    run("ovs-ofctl", "-O", "OpenFlow14", "add-flow", bridge, flow)


def objects(result):
    return [(change["action"], change["object"]) for change in result["changes"]]


def test_check_predicts_the_first_run_and_the_second_changes_nothing(module, bridges):
    predicted = module("ovs_flow", check=True, config=CONFIG, owner="demo")
    assert dump("br-int") == []
    done = module("ovs_flow", config=CONFIG, owner="demo")
    assert done["changes"] == predicted["changes"] and done["diff"] == predicted["diff"]
    assert len(done["changes"]) == 13 and done["disruption"] == "none"
    assert ("create", "flow br-int table=0,priority=2,in_port=int-br-ex") in objects(done)
    written = dump("br-int")
    assert len(written) == len(INTEGRATION) and all(f"cookie={COOKIE}" in line for line in written)

    assert module("ovs_flow", config=CONFIG, owner="demo", purge=True)["changed"] is False
    assert module("ovs_flow", packed=pack(CONFIG), owner="demo")["changed"] is False
    assert dump("br-int") == written


def test_check_mode_needs_neither_ports_nor_bridges_nor_open_vswitch(module, bridge, tmp_path):
    virgin = module("ovs_flow", check=True, config=CONFIG, owner="demo", purge=True)
    unreachable = module("ovs_flow", check=True, config=CONFIG, database="unix:/nowhere/db.sock")
    with hidden("/usr/bin/ovs-ofctl", tmp_path):
        without_tools = module("ovs_flow", check=True, config=CONFIG, database="unix:/nowhere/db.sock")
    bridge("br-int"), bridge("br-ex")
    module("ovs_port", config=PORTS)
    done = module("ovs_flow", config=CONFIG, owner="demo")
    assert done["changes"] == virgin["changes"] == unreachable["changes"]
    assert len(without_tools["changes"]) == len(done["changes"])
    with hidden("/usr/bin/ovs-ofctl", tmp_path), pytest.raises(ModuleFailed, match="Debian package openvswitch-switch"):
        module("ovs_flow", config=CONFIG)


def test_what_is_missing_is_named(module, bridge):
    with pytest.raises(ModuleFailed, match="bridge br-int, br-ex does not exist: .*openvswitch_bridge makes it"):
        module("ovs_flow", config=CONFIG)
    bridge("br-int"), bridge("br-ex")
    with pytest.raises(ModuleFailed, match=r"config\[0\].flows\[1\] names port int-br-ex; .*module ovs_port makes it"):
        module("ovs_flow", config=CONFIG)
    run("ovs-vsctl", "set", "bridge", "br-ex", "protocols=OpenFlow13")
    with pytest.raises(ModuleFailed, match="does not speak OpenFlow 1.4: add OpenFlow14 to its protocols"):
        module("ovs_flow", config=[{"bridge": "br-ex", "flows": []}])


def test_drift_is_healed_and_only_drift_is_reported(module, bridges):
    module("ovs_flow", config=CONFIG, owner="demo")
    healthy = sorted(dump("br-int"))
    run("ovs-ofctl", "--strict", "del-flows", "br-int", "table=58,priority=32768")
    drifted = f"cookie={COOKIE}/-1,priority=2,in_port=int-br-ex actions=NORMAL"
    run("ovs-ofctl", "--strict", "mod-flows", "br-int", drifted)
    add("br-int", f"cookie={COOKIE},table=99,priority=1 actions=drop")
    predicted = module("ovs_flow", check=True, config=CONFIG, owner="demo")
    done = module("ovs_flow", config=CONFIG, owner="demo")
    assert done["changes"] == predicted["changes"]
    assert sorted(objects(done)) == [
        ("create", "flow br-int table=58"),
        ("delete", "flow br-int table=99,priority=1"),
        ("update", "flow br-int table=0,priority=2,in_port=int-br-ex"),
    ]
    assert done["disruption"] == "flow"
    assert sorted(dump("br-int")) == healthy


def test_flows_of_others_stay(module, bridges):
    add("br-int", "cookie=0x7,table=40,priority=1 actions=drop")
    add("br-int", "table=58 actions=NORMAL")  # what we want, made by someone else
    module("ovs_flow", config=[{"bridge": "br-int", "flows": ["table=41 actions=drop"]}], owner="other")
    done = module("ovs_flow", config=CONFIG, owner="demo", purge=True)
    assert ("create", "flow br-int table=58") not in objects(done)
    module("ovs_flow", config=[{"bridge": "br-int"}], owner="demo", state="absent")
    assert len(dump("br-int")) == 3


def test_a_foreign_flow_in_the_way_is_refused_unless_adopted(module, bridges):
    add("br-int", "cookie=0x7,table=58 actions=drop")
    before = dump("br-int")
    for options in ({}, {"check": True}):
        with pytest.raises(ModuleFailed, match="flow table=58 actions=drop of bridge br-int, with cookie 0x7, exists"):
            module("ovs_flow", config=CONFIG, owner="demo", **options)
    assert dump("br-int") == before
    done = module("ovs_flow", config=CONFIG, owner="demo", adopt=True)
    (change,) = [change for change in done["changes"] if change["action"] == "update"]
    assert change["before"] == {"actions": "drop", "cookie": "0x7"}
    assert change["after"] == {"actions": "NORMAL", "cookie": COOKIE}
    assert module("ovs_flow", config=CONFIG, owner="demo")["changed"] is False


def test_a_learned_flow_is_not_in_the_way(module, bridges):
    add("br-int", "table=58,hard_timeout=300 actions=drop")
    module("ovs_flow", config=CONFIG, owner="demo")
    assert module("ovs_flow", config=CONFIG, owner="demo")["changed"] is False


def test_purge_and_absent_remove_only_what_is_ours(module, bridges):
    add("br-ex", "cookie=0x7,table=40 actions=drop")
    module("ovs_flow", config=CONFIG, owner="demo")
    listed = [CONFIG[0]]
    assert module("ovs_flow", config=listed, owner="demo")["changed"] is False
    done = module("ovs_flow", config=listed, owner="demo", purge=True)
    assert objects(done) == [("delete", "flow br-ex table=0,priority=4,in_port=phy-br-ex,dl_vlan=1")]
    assert dump("br-ex") == [" cookie=0x7, table=40, actions=drop"]

    gone = [{"bridge": "br-int"}, {"bridge": "br-not-there"}]
    predicted = module("ovs_flow", check=True, config=gone, owner="demo", state="absent")
    done = module("ovs_flow", config=gone, owner="demo", state="absent")
    assert done["changes"] == predicted["changes"] and len(done["changes"]) == len(INTEGRATION)
    assert module("ovs_flow", config=gone, owner="demo", state="absent")["changed"] is False


def test_a_flow_that_only_the_bridge_refuses_fails_and_everything_is_undone(module, bridges):
    add("br-int", "cookie=0x7,table=44 actions=drop")
    module("ovs_flow", config=CONFIG, owner="demo")
    before = {bridge: sorted(dump(bridge)) for bridge in bridges}
    changed = [flow.replace("actions=drop", "actions=NORMAL") for flow in INTEGRATION[1:]]
    broken = [
        {"bridge": "br-int", "flows": [*changed, "table=43 actions=drop", "table=44 actions=NORMAL"]},
        {"bridge": "br-ex", "flows": ["table=50 actions=NORMAL", "table=0 actions=group:99"]},
    ]
    with pytest.raises(ModuleFailed, match="OFPBAC_BAD_OUT_GROUP") as failed:
        module("ovs_flow", config=broken, owner="demo", adopt=True)
    assert failed.value.result["rolled_back"] is True
    assert {bridge: sorted(dump(bridge)) for bridge in bridges} == before


def test_bad_flows_are_refused_with_every_fault_in_ovs_ofctls_words(module, bridges):
    flows = [
        "priority=1 actions=drop", "priority=2,colour=red actions=drop", "priority=3", "priority=4 actions=fly",
        "priority=1,actions=NORMAL", "cookie=5,priority=9 actions=drop", "idle_timeout=5,priority=8,ip,actions=drop",
        "priority=7,send_flow_rem,actions=drop",
    ]
    with pytest.raises(ModuleFailed) as failed:
        module("ovs_flow", config=[{"bridge": "br-ex", "flows": []}, {"bridge": "br-int", "flows": flows}])
    assert failed.value.result["problems"] == [
        "config[1].flows[1]: priority=2,colour=red actions=drop: unknown keyword colour",
        "config[1].flows[2]: priority=3: must specify an action",
        "config[1].flows[3]: priority=4 actions=fly: unknown action fly",
        "config[1].flows[5]: cookie=5,priority=9 actions=drop: a declared flow cannot have cookie",
        "config[1].flows[6]: idle_timeout=5,priority=8,ip,actions=drop: a declared flow cannot have idle",
        "config[1].flows[7]: priority=7,send_flow_rem,actions=drop: a declared flow cannot have send_flow_rem",
    ]
    with pytest.raises(ModuleFailed) as failed:
        module("ovs_flow", config=[{"bridge": "br-int", "flows": [flows[0], "priority=2 actions=drop", flows[4]]}])
    assert failed.value.result["problems"] == [
        "config[0].flows[2]: table=0,priority=1: has the table, priority and match of config[0].flows[0]"
    ]
    items = [{"bridge": "br-int", "flows": ["a\nb", ""]}, {"bridge": "br-int", "colour": 1}, {"flows": "x"}, 5]
    with pytest.raises(ModuleFailed) as failed:
        module("ovs_flow", packed=pack(items))
    assert failed.value.result["problems"] == [
        "config[0].flows[0]: a\nb: must be one line of text without #",
        "config[0].flows[1]: : must be one line of text without #",
        "config[1].colour: is not an option; options are bridge, flows",
        "config[1].bridge: br-int: is listed already in config[0]",
        "config[2].bridge: must be the name of a bridge",
        "config[2].flows: must be a list",
        "config[3]: must be a dictionary",
    ]


def test_flows_come_back_after_a_restart_of_vswitchd(module, bridges):
    module("ovs_flow", config=CONFIG, owner="demo")
    written = sorted(dump("br-int"))
    pidfile = Path("/run/openvswitch/ovs-vswitchd.pid")
    os.kill(int(pidfile.read_text()), signal.SIGTERM)
    eventually(lambda: not pidfile.exists())
    with pytest.raises(ModuleFailed, match="ovs-vswitchd does not answer: start the service openvswitch-switch"):
        module("ovs_flow", config=CONFIG, owner="demo")
    start_daemon("ovs-vswitchd", "unix:/run/openvswitch/db.sock")
    assert len(module("ovs_flow", config=CONFIG, owner="demo")["changes"]) == 13
    assert sorted(dump("br-int")) == written


def test_flows_follow_a_port_to_its_new_number(module, bridges):
    module("ovs_flow", config=CONFIG, owner="demo")
    run("ovs-vsctl", "set", "interface", "int-br-ex", f"ofport_request={ofport('int-br-ex') + 40}")
    done = module("ovs_flow", config=CONFIG, owner="demo")
    assert {object for action, object in objects(done) if action == "create"} == {
        "flow br-int table=0,priority=3,in_port=int-br-ex,vlan_tci=0x0000/0x1fff",
        "flow br-int table=0,priority=2,in_port=int-br-ex",
    }
    assert module("ovs_flow", config=CONFIG, owner="demo")["changed"] is False


def test_traffic_and_counters_survive_runs_that_concern_other_flows(module, bridges):
    wire("vm1", 1)
    wire("vm2", 2)
    module("ovs_port", config=[{"name": "tap-vm1", "bridge": "br-int"}, {"name": "tap-vm2", "bridge": "br-int"}])
    forwarding = ["priority=7,in_port=tap-vm1 actions=output:tap-vm2", "priority=7,in_port=tap-vm2 actions=tap-vm1"]
    forwarding[1] = forwarding[1].replace("actions=", "actions=output:")
    own = [{"bridge": "br-int", "flows": forwarding}]
    module("ovs_flow", config=own, owner="demo")
    assert lost(("vm1", 1), ("vm2", 2)) == 0
    with traffic(("vm1", 1), ("vm2", 2)) as result:
        assert module("ovs_flow", config=own, owner="demo", purge=True)["changed"] is False
        others = ["table=60 actions=drop", "priority=9,in_port=int-br-ex actions=drop"]
        module("ovs_flow", config=[{"bridge": "br-int", "flows": [*forwarding, *others]}], owner="demo")
        changed = [forwarding[0] + ",LOCAL", forwarding[1]]
        done = module("ovs_flow", config=[{"bridge": "br-int", "flows": changed}], owner="demo")
        assert ("update", "flow br-int table=0,priority=7,in_port=tap-vm1") in objects(done)
    assert result == [0]
    eventually(lambda: packets(module, "priority=7,in_port=tap-vm1") >= 45)


def packets(module, match):
    (bridge,) = module("ovs_flow_info", bridge=["br-int"], owner="demo")["bridges"]
    (flow,) = [flow for flow in bridge["flows"] if flow["match"] == match]
    assert flow["ours"] is True
    return flow["n_packets"]


def test_a_hung_vswitchd_is_waited_for_a_bounded_time(module, bridges):
    pid = int(Path("/run/openvswitch/ovs-vswitchd.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(ModuleFailed, match="ovs-vswitchd gave no answer in 10 seconds: it is stopped, or hangs"):
            module("ovs_flow", config=CONFIG, owner="demo")
    finally:
        os.kill(pid, signal.SIGCONT)
