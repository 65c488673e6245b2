# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports change, and what the operations make of the database's rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports import diff, write
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.port import (
    DEAF,
    GONE,
    TYPES,
    VLAN_MODES,
    Port,
    Seen,
)

MINE = Port("qr-1", "br-int", type="internal", tag=1, external_ids={"iface-id": "a"}, owner="demo")


def seen(port, **state):
    return Seen(port, uuid=f"uuid of {port.name}", ofport=1, **state)


def changes(have, *wanted, adopt=False):
    steps = diff.wanted_steps({port.port.name: port for port in have}, {port.name: port for port in wanted}, adopt)
    return [(step.change().action, step.change().disruption) for step in steps]


@pytest.mark.parametrize(
    ("have", "expected"),
    [
        ([], [("create", "none")]),
        ([seen(MINE)], []),
        ([seen(replace(MINE, external_ids={"iface-id": "a", "theirs": "b"}))], []),
        ([seen(replace(MINE, other_config={"theirs": "b"}))], []),
        ([seen(replace(MINE, external_ids={"iface-id": "b"}))], [("update", "none")]),
        ([seen(replace(MINE, tag=2))], [("update", "port")]),
        ([seen(replace(MINE, vlan_mode="trunk"))], [("update", "port")]),
        ([seen(replace(MINE, options={"left": "over"}))], [("update", "port")]),
        ([seen(replace(MINE, bridge="br-ex"))], [("update", "port")]),
        ([seen(MINE, fault=GONE)], [("update", "port")]),
    ],
)
def test_what_changes_and_what_it_costs(have, expected):
    assert changes(have, MINE) == expected


def test_foreign_ports_are_refused_unless_adopted_and_bonds_always():
    foreign = seen(replace(MINE, owner=None))
    with pytest.raises(ForeignObject, match="port qr-1 of bridge br-int"):
        changes([foreign], MINE)
    with pytest.raises(ForeignObject):
        changes([seen(replace(MINE, owner="other"))], MINE)
    assert changes([foreign], MINE, adopt=True) == [("update", "none")]
    with pytest.raises(EngineError, match="is a bond"):
        changes([replace(foreign, bond=True)], MINE, adopt=True)


def test_all_foreign_ports_are_named_and_of_many_the_first():
    wanted = [replace(MINE, name=f"qr-{number}") for number in range(22)]
    with pytest.raises(ForeignObject) as refused:
        changes([seen(replace(port, owner="other")) for port in wanted], *wanted)
    assert refused.value.owner == "other"
    assert str(refused.value).count("exists and does not carry our mark") == 20
    assert "ovs-vsctl del-port br-int qr-19; and 2 more" in str(refused.value)
    have, unwanted = {port.name: seen(port) for port in wanted}, {port.name: port for port in wanted[:2]}
    with pytest.raises(ForeignObject, match="port qr-0 of .*; port qr-1 of "):
        diff.unwanted_steps(have, unwanted, "somebody", adopt=False)


def test_purge_knows_its_owner():
    have = {name: seen(Port(name, "br-int", owner=owner)) for name, owner in (("a", "demo"), ("b", None), ("c", "x"))}
    assert [step.name for step in diff.purge_steps(have, set(), "demo")] == ["a"]
    assert diff.purge_steps(have, {"a"}, "demo") == []


@pytest.mark.parametrize(
    ("have", "want", "reopens"),
    [
        (seen(MINE, fault=GONE), MINE, True),
        (seen(MINE, fault=DEAF), MINE, True),
        (seen(MINE, fault="could not open network device"), MINE, False),  # ovs-vswitchd tries again by itself
        (seen(MINE, fault=GONE), replace(MINE, type="system"), False),  # opened anew anyway
        (seen(MINE, fault=GONE), None, False),
        (None, MINE, False),
    ],
)
def test_which_ports_are_opened_anew(have, want, reopens):
    assert diff.Step(have, want).reopens is reopens


texts = st.text("abc", max_size=2)
maps = st.dictionaries(texts, texts, max_size=3)
ports = st.builds(
    Port,
    name=st.just("qr-1"),
    bridge=st.sampled_from(["br-int", "br-ex"]),
    type=st.sampled_from(sorted(TYPES)),
    tag=st.none() | st.integers(0, 4095),
    trunks=st.lists(st.integers(0, 4095), max_size=2, unique=True).map(sorted).map(tuple),
    vlan_mode=st.none() | st.sampled_from(VLAN_MODES),
    options=maps,
    external_ids=maps,
    other_config=maps,
    owner=st.sampled_from(["demo", "other", None]),
)


@given(have=ports, want=ports)
def test_operations_lead_from_one_port_to_the_other_and_back(have, want):
    database = FakeDatabase()
    database.run(write.create(have, 0))
    assert database.port() == have
    there = Seen(have, uuid="port0")
    database.run(write.change(there, have, want))
    assert database.port() == want
    database.run(write.change(there, want, have))
    assert database.port() == have
    database.run(write.delete(there))
    assert database.bridges == {"br-int": set(), "br-ex": set()}
    assert write.change(there, have, have) == []


@given(have=ports, want=ports)
def test_after_the_change_there_is_nothing_left_to_do(have, want):
    wanted = replace(want, owner="demo")
    (step,) = diff.wanted_steps({"qr-1": seen(have)}, {"qr-1": wanted}, adopt=True) or [None]
    after = step.want if step else have
    assert changes([seen(after)], wanted) == []
    assert {**after.external_ids, **wanted.external_ids} == after.external_ids
    assert set(have.other_config) <= set(after.other_config)


class FakeDatabase:
    """One port in OVSDB, which does what RFC 7047 says that the operations do."""

    def __init__(self):
        self.bridges = {"br-int": set(), "br-ex": set()}
        self.rows = {}

    def run(self, operations):
        for operation in operations:
            getattr(self, "_" + operation["op"])(**{key: value for key, value in operation.items() if key != "op"})

    def _insert(self, table, row, **_name):
        self.rows[table] = dict(row)

    def _update(self, table, where, row):
        assert where == [["name", "==", "qr-1"]]
        self.rows[table].update(row)

    def _mutate(self, table, where, mutations):
        for column, mutator, value in mutations:
            if table == "Bridge":
                getattr(self.bridges[where[0][2]], "add" if mutator == "insert" else "discard")(value[1][0][1])
            elif mutator == "delete":
                self._change(table, column, lambda old, gone=value[1]: {k: old[k] for k in old if k not in gone})
            else:
                self._change(table, column, lambda old, new=value[1]: {**dict(new), **old})

    def _change(self, table, column, change):
        old = dict(self.rows[table][column][1])
        self.rows[table][column] = ["map", [list(pair) for pair in change(old).items()]]

    def port(self):
        port, interface = self.rows["Port"], self.rows["Interface"]
        (bridge,) = [name for name, members in self.bridges.items() if members == {"port0"}]
        return Port(
            name=port["name"],
            bridge=bridge,
            type=interface["type"] or "system",
            tag=next(iter(port["tag"][1]), None),
            trunks=tuple(port["trunks"][1]),
            vlan_mode=next(iter(port["vlan_mode"][1]), None),
            options=dict(interface["options"][1]),
            external_ids=dict(interface["external_ids"][1]),
            other_config=dict(port["other_config"][1]),
            owner=dict(port["external_ids"][1]).get(mark.EXTERNAL_ID),
        )
