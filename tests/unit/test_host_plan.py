# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's plan as a whole: what is refused, what is predicted once, and whose things are whose."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Change, Outcome
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.by_device import by_device
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.converge import (
    TooDisruptive,
    refuse_disruption,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.sections import (
    SECTIONS,
    Settings,
    backends,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import strangers
from tests.unit.cloud import planned


def _names(plan):
    return [name for name, _backend in backends(plan, Settings("test"))]


def test_a_host_has_all_sections_and_internal_ports_only_where_routers_have_them():
    plan = planned()["compute1"]
    every = [section.name for section in SECTIONS]
    assert _names({**plan, "plug": "internal"}) == every
    assert _names({**plan, "plug": "veth"}) == [name for name in every if name != "internal_ports"]


def test_a_controller_has_nothing_but_services():
    assert _names({**planned()["compute1"], "bridges": []}) == ["services"]


def test_every_fault_of_every_section_is_told_at_once():
    plan = {**planned()["compute1"], "flows": [{"bridge": 5}], "nat_rules": [{}], "sysctls": {"x": []}}
    with pytest.raises(BadInput) as refusal:
        backends(plan, Settings("test"))
    assert {problem.split(":")[0] for problem in refusal.value.problems} == {"flows", "nat_rules", "sysctls"}


def test_a_port_is_made_by_one_section_and_ignored_by_the_other():
    parts = by_device([{"name": "qr-1", "type": "internal"}, {"name": "tap1", "type": "system"}])
    assert parts["internal_ports"] == [{"name": "qr-1", "type": "internal"}]
    assert parts["ports"] == [{"name": "tap1", "type": "system"}, {"name": "qr-1", "ignore": True}]


@pytest.mark.parametrize(("limit", "refused"), [
    ("none", ["a", "b", "c"]), ("flow", ["b", "c"]), ("port", ["c"]), ("conntrack", ["c"]), ("service", []),
])  # fmt: skip
def test_what_costs_more_than_is_allowed_is_refused_by_name(limit, refused):
    costs = {"free": "none", "a": "flow", "b": "port", "c": "service"}
    outcomes = [("ports", Outcome([Change("update", name, 1, 2, cost) for name, cost in costs.items()]))]
    if not refused:
        assert refuse_disruption(outcomes, limit) is None
        return
    with pytest.raises(TooDisruptive) as refusal:
        refuse_disruption(outcomes, limit)
    assert [change.object for _section, change in refusal.value.refused] == refused


OURS, THEIRS = "neutron-l3-agent-INPUT", "their-chain"
TABLES = {
    "filter": {"INPUT": [f"-j {OURS}", "-p tcp -j DROP"], "FORWARD": [f"-j {THEIRS}"], OURS: [], THEIRS: []},
    "nat": {"cloudnet-dataplane": ['-m comment --comment "cloudnet.dataplane owner=b"'], "neutron-x": []},
}


def test_in_our_namespace_only_our_chains_and_what_leads_there_are_ours():
    assert list(strangers.in_our_namespace("ipv4", TABLES, "neutron-")) == [
        "iptables filter rule -A INPUT -p tcp -j DROP",
        "iptables filter rule -A FORWARD -j their-chain",
        "iptables filter chain their-chain",
    ]


def test_elsewhere_a_chain_of_our_name_is_whose_mark_its_table_carries():
    assert list(strangers.of_our_prefix("ipv6", TABLES, "a", "neutron-")) == [
        (f"ip6tables filter chain {OURS}", None), ("ip6tables nat chain neutron-x", "b"),
    ]  # fmt: skip
    assert [owner for _chain, owner in strangers.of_our_prefix("ipv6", TABLES, "b", "neutron-")] == [None]
