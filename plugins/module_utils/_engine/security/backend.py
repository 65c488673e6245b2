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
    names,
    parse,
    protocols,
    report,
    rules,
    sets,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.threads import map_in_threads
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import restore, strangers

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
    """What changes. rules: {family: RulesPlan}; sets: [SetChange]; sysctls, links: [Change].

    before, after: Filter, None where nothing changes. ending: {zone: key of its port, or None}
    of zones in which connections may have to end.
    """

    rules: dict
    sets: list
    sysctls: list
    links: list
    before: lost.Filter | None
    after: lost.Filter | None
    ending: dict


class SecurityGroups(Backend):
    """State read: a State."""

    def __init__(self, config, params, check_mode):
        self._absent, self._check_mode = params["state"] == "absent", check_mode
        self._purge, self._adopt, self._owner = params["purge"], params["adopt"], params["owner"]
        read = parse.parse_ids if self._absent else parse.parse
        self._groups, self._ports, plugs = read(config or [], params["ports"] or [])
        self._plug = HybridPlug(plugs, self._owner, self._purge, self._adopt, check_mode, self._absent)
        self._noted = False

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
            if self._check_mode or self._absent or not self._ports:
                return {}
            raise

    def _plan(self, have):
        if have.plan is None:
            found = {family: self._rules_plan(family, have) for family in restore.TOOLS}
            named = {name for one in found.values() for name in one.sets_named()}
            wanted = sets.wanted(self._groups, named, self._owner)
            changed = sets.changes(have.sets, wanted, named, self._owner, self._adopt)
            noted = sets.noted_zones(have.sets)
            before = after = None
            ending = {}
            if noted or changed or any(one.changes for one in found.values()):
                before, after = self._filters(have, found, changed)
                ending = {**lost.holders(noted, after), **lost.zones(before, after)}
            links = self._plug.diff(have.links)
            have.plan = Plan(found, changed, self._sysctls(have), links, before, after, ending)
        return have.plan

    @staticmethod
    def _filters(have, found, changed):
        """What the host lets pass before the change, and after it."""
        before = {name: one.members for name, one in have.sets.items()}
        after = {**before, **{change.name: change.after.members for change in changed if change.after}}
        return tuple(
            lost.Filter({family: getattr(one, when) for family, one in found.items()}, members, have.protocol_names)
            for when, members in (("before", before), ("after", after))
        )

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
            *self._left_over(have),
        ]

    def unknown(self, have):
        """Chains, sets and links named like ours that are not."""
        chains = [
            chain
            for family, tables in have.rules.items()
            for chain in strangers.of_our_prefix(family, tables, self._owner, names.PREFIXES)
        ]
        found = [(f"ipset {name}", owner) for name, owner in sets.unknown(have.sets, self._owner)]
        return [*chains, *found, *self._plug.unknown(have.links)]

    def _left_over(self, have):
        """What a run that was killed had not come to. What this one has noted it will come to."""
        zones = sorted(sets.noted_zones(have.sets))
        if not zones or self._noted:
            return []
        return [Change("delete", "connections that are allowed no more", {"zones": zones}, None, "conntrack")]

    def apply(self, changes, have):
        plan = self._plan(have)
        if plan.ending:
            self._noted = True
            sets.note_zones(plan.ending)
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
        if self._noted and not sets.noted_zones(have.sets):
            sets.forget_zones()

    def settled(self, changes, have):
        plan = self._plan(have)
        if plan.ending:
            found = connections.read(plan.ending)
            unknown = sets.noted_zones(have.sets)
            connections.delete(lost.entries(found, plan.ending, plan.before, plan.after, unknown))
            sets.forget_zones()


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
