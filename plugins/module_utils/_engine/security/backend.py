# SPDX-License-Identifier: GPL-3.0-or-later
"""security_group: sets, rules and links of a host's ports, and their connections. PRIVATE to the collection.

The order is the point: an instance is never reachable unfiltered for an instant. Links
that go, go first; then come sets, rules, and last the links that are new.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend, Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug.backend import HybridPlug
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import (
    connections,
    lost,
    parse,
    protocols,
    report,
    rules,
    sets,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.threads import map_in_threads
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import restore

#: Without these, what a Linux bridge forwards meets no iptables (reference 7.1).
SYSCTLS = tuple(f"net.bridge.bridge-nf-call-{tables}" for tables in ("arptables", "iptables", "ip6tables"))


@dataclass
class State:
    """What the host has. plan: what follows from it, once somebody asked."""

    rules: dict
    sets: dict
    links: Any
    sysctls: dict
    protocol_names: dict
    plan: Plan | None = None


class Plan(NamedTuple):
    """What changes. rules: {family: RulesPlan}; sets: [SetChange]; sysctls, links: [Change]."""

    rules: dict
    sets: list
    sysctls: list
    links: list


class SecurityGroups(Backend):
    """State read: a State."""

    def __init__(self, config, params, check_mode):
        self._absent, self._check_mode = params["state"] == "absent", check_mode
        self._purge, self._adopt, self._owner = params["purge"], params["adopt"], params["owner"]
        read = parse.parse_ids if self._absent else parse.parse
        self._groups, self._ports, plugs = read(config or [], params["ports"] or [])
        self._plug = HybridPlug(plugs, self._owner, self._purge, self._adopt, check_mode, self._absent)

    def observe(self):
        sources = {family: partial(self._read_rules, family) for family in restore.TOOLS}
        sources.update(sets=self._read_sets, links=self._plug.observe)
        found = map_in_threads(lambda name: sources[name](), sources)
        return State(
            {family: found[family] for family in restore.TOOLS},
            found["sets"],
            found["links"],
            sysctl.read_all(SYSCTLS),
            protocols.printed(),
        )

    def _read_rules(self, family):
        try:
            return restore.read(family)
        except MissingTool:
            if self._check_mode or self._absent or not self._ports:
                return {}
            raise

    def _read_sets(self):
        try:
            return sets.read()
        except MissingTool:
            if self._check_mode or not any(rule.group for group in self._groups.values() for rule in group.rules):
                return {}
            raise

    def _plan(self, have):
        if have.plan is None:
            found = {family: self._rules_plan(family, have) for family in restore.TOOLS}
            named = {name for one in found.values() for name in one.sets_named()}
            wanted = sets.wanted(self._groups, named, self._owner)
            have.plan = Plan(
                found,
                sets.changes(have.sets, wanted, named, self._owner, self._adopt),
                self._sysctls(have),
                self._plug.diff(have.links),
            )
        return have.plan

    def _rules_plan(self, family, have):
        wish = rules.Wish(self._groups, self._ports, self._owner, self._purge, self._adopt, self._absent)
        return rules.plan(family, wish, have.rules[family], have.protocol_names)

    def _sysctls(self, have):
        if self._absent or not any(port.secured for port in self._ports.values()):
            return []
        missing = [key for key, value in have.sysctls.items() if value is None]
        if missing and not self._check_mode:
            raise EngineError(sysctl.missing(missing[0]))
        wrong = {key: value for key, value in have.sysctls.items() if value not in (None, "1")}
        return [Change("update", f"sysctl {key}", value, "1", "flow") for key, value in wrong.items()]

    def diff(self, have):
        plan = self._plan(have)
        filled = [change for change in plan.sets if change.after]
        dropped = [change for change in plan.sets if not change.after]
        return [
            *_removals(plan.links),
            *plan.sysctls,
            *report.of_sets(filled),
            *(change for family, one in plan.rules.items() for change in one.report(family)),
            *report.of_sets(dropped),
            *_additions(plan.links),
        ]

    def apply(self, changes, have):
        plan = self._plan(have)
        self._plug.apply(_removals(plan.links), have.links)
        sysctl.write_all({_key(change): change.after for change in plan.sysctls})
        sets.fill(plan.sets, have.sets)
        _write({family: one.changes for family, one in plan.rules.items()})
        sets.drop(plan.sets, have.sets)
        self._plug.apply(_additions(plan.links), have.links)

    def undo(self, changes, have):
        plan = self._plan(have)
        now, filled = sets.read() if plan.sets else {}, have.sets
        back = [
            sets.SetChange(name, now.get(name), filled.get(name))
            for name, _before, _after in plan.sets
            if now.get(name) != filled.get(name)
        ]
        self._plug.undo(_additions(plan.links), have.links)
        sets.fill(back, now)
        _write({family: one.back(restore.read(family), have.rules[family]) for family, one in plan.rules.items()})
        sets.drop(back, now)
        sysctl.write_all({_key(change): change.before for change in plan.sysctls})
        self._plug.undo(_removals(plan.links), have.links)

    def settled(self, changes, have):
        plan = self._plan(have)
        after_sets = {change.name: change.after.members for change in plan.sets if change.after}
        before_sets = {name: found.members for name, found in have.sets.items()}
        before = lost.Filter({f: one.before for f, one in plan.rules.items()}, before_sets, have.protocol_names)
        after_sets = {**before_sets, **after_sets}
        after = lost.Filter({f: one.after for f, one in plan.rules.items()}, after_sets, have.protocol_names)
        held = lost.zones(before, after)
        if held:
            connections.delete(lost.entries(connections.read(held), held, before, after))


def _removals(links):
    return [change for change in links if change.after is None]


def _additions(links):
    return [change for change in links if change.after is not None]


def _key(change):
    return change.object.partition(" ")[2]


def _write(changed):
    """Write {family: [ChainChange]}, both families at once."""
    texts = {family: restore.document(changes) for family, changes in changed.items() if changes}
    map_in_threads(lambda family: restore.write(family, texts[family]), texts)
