# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan changes of what carries Ansible's connection, and how that was before, on a real Open vSwitch.

The switch itself needs a systemd and a connection to lose: molecule/way_in.
"""

from __future__ import annotations

import json

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.way_in import snapshot
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.way_in.look import Settings, look

from .conftest import eventually, run
from .ovs import has_device, ofport, rows

BRIDGE = {"fail_mode": "secure", "datapath_type": "netdev", "other_config": {"disable-in-band": "true"}}
PATCHES = [
    {"name": "int-br-ex", "bridge": "br-int", "type": "patch", "options": {"peer": "phy-br-ex"}},
    {"name": "phy-br-ex", "bridge": "br-ex", "type": "patch", "options": {"peer": "int-br-ex"}},
]
FLOWS = [{"bridge": "br-ex", "flows": ["priority=0 actions=NORMAL", "priority=2,in_port=phy-br-ex actions=drop"]}]
PLAN = {"bridges": [{"name": "br-int", **BRIDGE}, {"name": "br-ex", **BRIDGE}], "ports": PATCHES, "flows": FLOWS}

#: The card is planned into br-ex, and taken from the bridge with the address.
SWALLOWED = {**PLAN, "ports": [*PATCHES, {"name": "card", "bridge": "br-ex"}]}

#: The bridge with the address becomes a physical network's.
MAPPED = json.loads(json.dumps(PLAN).replace("br-ex", "br-mgmt"))

TAKE_OVER = Settings("demo", purge=True, adopt=True)


@pytest.fixture
def way_in(bridge, monkeypatch):
    """A host with one card, its address on an administrator's bridge that has a flow, reached by 10.9.0.1."""
    run("ip", "link", "add", "card", "type", "veth", "peer", "name", "wire")
    run("ip", "link", "set", "card", "up")
    run("ovs-vsctl", "add-br", "br-mgmt", "--", "set", "bridge", "br-mgmt", "datapath_type=netdev",
        "--", "add-port", "br-mgmt", "other", "--", "set", "interface", "other", "type=internal",
        "--", "add-port", "br-mgmt", "card")
    run("ip", "link", "set", "br-mgmt", "up")
    run("ip", "address", "add", "10.9.0.2/24", "dev", "br-mgmt")
    run("ovs-ofctl", "add-flow", "br-mgmt", "cookie=5,priority=7,arp,actions=NORMAL")
    monkeypatch.setenv("SSH_CONNECTION", "10.9.0.1 40000 10.9.0.2 22")
    yield
    run("ip", "link", "delete", "wire")
    eventually(lambda: not has_device("card"))


def host():
    """All that Open vSwitch has, but for what it counts."""
    found = [rows("Bridge", "fail_mode", "other_config", "external_ids"),
             rows("Port", "tag", "external_ids", "other_config"),
             rows("Interface", "type", "options", "ofport", "ofport_request", "external_ids")]
    places = {bridge: sorted(run("ovs-vsctl", "list-ports", bridge).split()) for bridge in found[0]}
    flows = {bridge: run("ovs-ofctl", "--no-stats", "dump-flows", bridge) for bridge in found[0]}
    return [*found, places, flows]


def made(plan, settings=TAKE_OVER):
    """Make what a plan has of the way in. The Snapshot from before, by way of the disk, and what changed."""
    found = look(plan, settings)
    before = json.dumps(found.snapshot().document())
    changes = [change for backend in settings.backends(found.part) for change in converge(backend).changes]
    assert [change.action for change in changes] == [change.action for change in found.changes]
    return snapshot.Snapshot.of(json.loads(before)), [change.object for change in changes]


def test_the_carriers_are_found(way_in, module):
    result = module("way_in", check=True, owner="demo", **PLAN)
    assert result["carried_by"] == {"devices": ["br-mgmt", "card", "wire"], "bridges": ["br-mgmt"]}


def test_a_plan_elsewhere_touches_nothing(way_in, module):
    before = host()
    result = module("way_in", owner="demo", purge=True, **PLAN)
    assert result["changes"] == [] and "phase" not in result
    assert host() == before


def test_nothing_is_looked_for_without_a_connection(way_in, module, monkeypatch):
    monkeypatch.delenv("SSH_CONNECTION")
    result = module("way_in", owner="demo", adopt=True, **SWALLOWED)
    assert result["carried_by"] == {"devices": [], "bridges": []} and not result["changed"]


def test_check_mode_names_what_would_change_and_writes_nothing(way_in, module):
    before = host()
    result = module("way_in", check=True, owner="demo", adopt=True, **SWALLOWED)
    assert "port br-ex/card" in [change["object"] for change in result["changes"]]
    assert result["disruption"] == "port"
    assert host() == before


def test_a_foreign_card_is_refused_before_anything_is_armed(way_in, module):
    with pytest.raises(AssertionError, match="card of bridge br-mgmt exists and does not carry our mark"):
        module("way_in", owner="demo", **SWALLOWED)


@pytest.mark.parametrize(("options", "words"), [
    ({"timeout": 5}, "timeout: 5: must be at least 10 seconds"),
    ({"probes": ["10.9.0.1", "gateway"]}, r"probes\[1\]: gateway: is not an IP address"),
    ({"packed": "x"}, "packed: "),
])  # fmt: skip
def test_bad_input_is_refused(module, options, words):
    with pytest.raises(AssertionError, match=words):
        module("way_in", **options)


@pytest.mark.parametrize("plan", [SWALLOWED, MAPPED])
def test_what_was_made_is_put_back(way_in, plan):
    before = host()
    memory, _changes = made(plan)
    assert host() != before
    assert snapshot.put_back(memory, "demo")
    assert host() == before
    assert snapshot.put_back(memory, "demo") == []


def test_a_card_gets_the_number_back_that_flows_of_others_know_it_by(way_in):
    number = ofport("card")
    run("ovs-ofctl", "add-flow", "br-mgmt", f"priority=9,in_port={number},actions=NORMAL")
    memory, _changes = made(SWALLOWED)
    run("ovs-vsctl", "add-port", "br-mgmt", "late", "--", "set", "interface", "late", "type=internal")
    snapshot.put_back(memory, "demo")
    assert ofport("card") == number
    assert run("ovs-vsctl", "get", "interface", "card", "ofport_request").strip() == "[]"


def test_what_others_do_meanwhile_stays(way_in):
    memory, _changes = made(MAPPED)
    run("ovs-vsctl", "add-port", "br-mgmt", "theirs", "--", "set", "interface", "theirs", "type=internal")
    run("ovs-ofctl", "add-flow", "br-mgmt", "cookie=9,priority=8,arp,actions=drop")
    snapshot.put_back(memory, "demo")
    assert "theirs" in run("ovs-vsctl", "list-ports", "br-mgmt").split()
    assert "cookie=0x9" in run("ovs-ofctl", "dump-flows", "br-mgmt")


def test_a_bridge_that_is_planned_no_more_gets_its_ports_and_flows_back(way_in):
    made(MAPPED)
    before = host()
    memory, changes = made({**PLAN, "ports": [], "flows": []})
    assert "port br-mgmt/phy-br-mgmt" in changes and "port br-int/int-br-mgmt" in changes
    snapshot.put_back(memory, "demo")
    assert host() == before


def test_after_a_change_that_was_killed_midway(way_in):
    before = host()
    found = look(SWALLOWED, TAKE_OVER)
    memory = found.snapshot()
    for backend in TAKE_OVER.backends(found.part)[:2]:  # bridges and ports; the flows never came
        converge(backend)
    snapshot.put_back(memory, "demo")
    assert host() == before
