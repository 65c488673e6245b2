# SPDX-License-Identifier: GPL-3.0-or-later
"""Which flows change, and what the bundle makes of a bridge's tables."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows.flow import Flow, edits, lines

OURS, THEIRS = 0x636E6470_00000001, 0x7


@pytest.mark.parametrize(
    ("have", "want", "expected"),
    [
        (None, Flow(0, "priority=1", "drop", OURS), ["add cookie=0x636e647000000001,table=0,priority=1 actions=drop"]),
        (Flow(5, "", "drop", OURS), None, ["delete_strict cookie=0x636e647000000001/-1,table=5"]),
        (
            Flow(5, "arp", "drop", OURS),
            Flow(5, "arp", "NORMAL", OURS),
            ["modify_strict cookie=0x636e647000000001/-1,table=5,arp actions=NORMAL"],
        ),
        (
            Flow(5, "arp", "drop", THEIRS),
            Flow(5, "arp", "NORMAL", OURS),
            ["add cookie=0x636e647000000001,table=5,arp actions=NORMAL"],
        ),
        (Flow(5, "arp", "drop", OURS), Flow(5, "arp", "drop", OURS), []),
        (None, None, []),
    ],
)
def test_lines_of_a_bundle(have, want, expected):
    assert lines(have, want) == expected


def test_a_foreign_flow_is_satisfying_or_in_the_way_or_passing_by():
    want = [Flow(0, "priority=1", "drop", OURS)]
    assert edits("br", [Flow(0, "priority=1", "drop", THEIRS)], want, OURS, adopt=False) == []
    foreign = Flow(0, "priority=1", "NORMAL", THEIRS)
    with pytest.raises(ForeignObject, match="flow table=0,priority=1 actions=NORMAL of bridge br, with cookie 0x7,"):
        edits("br", [foreign], want, OURS, adopt=False)
    more = Flow(1, "arp", "NORMAL", THEIRS)
    with pytest.raises(ForeignObject, match=r'"table=0,priority=1"; flow table=1,arp '):
        edits("br", [foreign, more], [*want, more._replace(actions="drop", cookie=OURS)], OURS, adopt=False)
    assert edits("br", [foreign], want, OURS, adopt=True) == [("br", foreign, want[0])]
    learned = foreign._replace(expires=True)
    assert edits("br", [learned], want, OURS, adopt=False) == [("br", None, want[0])]


flows = st.builds(
    Flow,
    table=st.integers(0, 2),
    match=st.sampled_from(["", "arp", "priority=1"]),
    actions=st.sampled_from(["drop", "NORMAL"]),
    cookie=st.sampled_from([OURS, THEIRS]),
    expires=st.just(False),
)
tables = st.lists(flows, unique_by=lambda flow: flow.key)


@given(have=tables, want=tables)
def test_after_the_bundle_there_is_exactly_what_is_wanted_and_undoing_restores(have, want):
    want = [flow._replace(cookie=OURS) for flow in want]
    bridge = FakeBridge(have)
    changes = edits("br", have, want, OURS, adopt=True)
    for edit in changes:
        bridge.run(lines(edit.have, edit.want))
    assert edits("br", bridge.flows(), want, OURS, adopt=False) == []
    assert {flow.key for flow in bridge.flows() if flow.cookie == OURS} <= {flow.key for flow in want}
    untouched = {flow for flow in have if flow.cookie == THEIRS and flow.key not in {f.key for f in want}}
    assert untouched <= set(bridge.flows())
    for edit in changes:
        bridge.run(lines(edit.want, edit.have))
    assert set(bridge.flows()) == set(have)


class FakeBridge:
    """Does what OpenFlow says that the lines do."""

    LINE = re.compile(r"(\w+) cookie=(0x\w+)(?:/-1)?,table=(\d+)(?:,(\S+))?(?: actions=(.*))?\Z")

    def __init__(self, have):
        self.table = {flow.key: flow for flow in have}

    def flows(self):
        return list(self.table.values())

    def run(self, commands):
        for line in commands:
            command, cookie, table, match, actions = self.LINE.match(line).groups()
            key, cookie = (int(table), match or ""), int(cookie, 16)
            if command == "add":
                self.table[key] = Flow(*key, actions, cookie)
            elif key in self.table and self.table[key].cookie == cookie:
                if command == "delete_strict":
                    del self.table[key]
                else:
                    self.table[key] = self.table[key]._replace(actions=actions)
