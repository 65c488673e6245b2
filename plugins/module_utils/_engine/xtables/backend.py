# SPDX-License-Identifier: GPL-3.0-or-later
"""nat_rules: the chains and rules of many namespaces and both families. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend, Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import (
    EngineError,
    ForeignObject,
    MissingTool,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import names
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import (
    canonical,
    items,
    plan,
    restore,
    strangers,
)


class NatRules(Backend):
    """State read: {"owners": {namespace: owner}, "rules": {(namespace, family): tables}, "forms": canonical forms}."""

    def __init__(self, config, params, check_mode):
        self.absent, self.check_mode = params["state"] == "absent", check_mode
        self.purge, self.adopt, self.owner = params["purge"], params["adopt"], params["owner"]
        self.rulesets = items.parse(config, self.absent)
        if self.purge:
            self._add_root()
        self.families = {}
        for ruleset in self.rulesets:
            self.families.setdefault(ruleset.namespace, []).append(ruleset.family)

    def _add_root(self):
        """What purge would not see: rules that we once made in the root namespace, if nothing is listed there now."""
        listed = {(ruleset.namespace, ruleset.family) for ruleset in self.rulesets}
        for family in restore.TOOLS:
            if (None, family) not in listed:
                self.rulesets.append(plan.RuleSet(None, family, plan.PREFIX, {}, False, names.PREFIXES))

    def observe(self):
        owners = namespace.owners()
        rules = {}
        for name, families in namespace.map_in_processes(self._read, self._reachable(owners)).items():
            rules.update({(name, family): tables for family, tables in families.items()})
        have = {"owners": owners, "rules": rules, "forms": {}}
        have["forms"] = self._forms(have)
        return have

    def _reachable(self, owners):
        """The listed namespaces that are there."""
        names = dict.fromkeys(ruleset.namespace for ruleset in self.rulesets)
        missing = [name for name in names if name is not None and name not in owners]
        if missing and not (self.absent or self.check_mode):
            raise EngineError(f"network namespace {', '.join(missing)} does not exist: the module netns makes it")
        return [name for name in names if name not in missing]

    def _read(self, name):
        try:
            return {family: restore.read(family) for family in self.families[name]}
        except MissingTool:
            if self.check_mode:
                return {}
            raise

    def _comparison(self, ruleset, have):
        ours = ruleset.namespace is not None and have["owners"].get(ruleset.namespace, self.owner) == self.owner
        return plan.Comparison(ruleset, self.owner, self.absent, self.purge, self.adopt, ours)

    def _forms(self, have):
        """{(family, table, rule): printed form} of the wanted rules that might only be written differently."""
        asked = {}
        for ruleset in [] if self.absent else self.rulesets:
            tables = have["rules"].get((ruleset.namespace, ruleset.family), {})
            for table, chains in ruleset.tables.items():
                doubtful = self._comparison(ruleset, have).doubtful(table, chains, tables.get(table, {}))
                if doubtful:
                    names, rules = asked.setdefault(ruleset.family, {}).setdefault(table, ({}, {}))
                    names.update(dict.fromkeys([*chains, *tables[table]]))
                    rules.update(dict.fromkeys(doubtful))
        return {
            (family, *key): form
            for family, tables in asked.items()
            for key, form in canonical.forms(family, tables).items()
        }

    def _changes(self, have):
        """{(namespace, family): [ChainChange]}, only where something changes."""
        result = {}
        for ruleset in self.rulesets:
            key = (ruleset.namespace, ruleset.family)
            comparison = self._comparison(ruleset.printed(have["forms"]), have)
            try:
                changes = comparison.changes(have["rules"].get(key, {}))
            except plan.InTheWay as foreign:
                owner = strangers.owner_of(have["rules"].get(key, {}).get(foreign.table, {}))
                raise _foreign(ruleset, foreign, owner) from foreign
            if changes:
                result[key] = changes
        return result

    def diff(self, have):
        return [
            _reported(name, family, change, not have["rules"].get((name, family)))
            for (name, family), changes in self._changes(have).items()
            for change in changes
        ]

    def unknown(self, have):
        """In our namespaces whatever is not of our prefix; in the root one what is, under somebody else's mark."""
        result = []
        for (name, family), tables in have["rules"].items():
            if name is None:
                chains = strangers.of_our_prefix(family, tables, self.owner, plan.PREFIX)
                result += [one for one in chains if not one[0].split()[-1].startswith(names.PREFIXES)]
            elif have["owners"].get(name) == self.owner:
                found = strangers.in_our_namespace(family, tables, plan.PREFIX)
                result += [(f"{one} in {items.place(name)}", None) for one in found]
        return result

    def apply(self, changes, have):
        _write(self._changes(have))

    def undo(self, changes, have):
        changed = self._changes(have)
        now = namespace.map_in_processes(self._read, {name: None for name, _family in changed})
        _write({
            (name, family): plan.back(
                now[name][family], have["rules"].get((name, family), {}), [(c.table, c.chain) for c in chains]
            )
            for (name, family), chains in changed.items()
        })


def _write(changed):
    """Write {(namespace, family): [ChainChange]}, the namespaces in parallel."""
    texts = {}
    for (name, family), changes in changed.items():
        if changes:
            texts.setdefault(name, {})[family] = restore.document(changes)

    def write(name):
        for family, text in texts[name].items():
            try:
                restore.write(family, text)
            except EngineError as error:
                raise EngineError(f"In {items.place(name)}, {error}") from error

    namespace.map_in_processes(write, texts)


def _reported(name, family, change, fresh):
    """fresh: the namespace has no tables yet, so it is new, and nothing passes it that could be disturbed."""
    action = "create" if change.before is None else "delete" if change.after is None else "update"
    # NAT decides on a connection's first packet; in the other tables every packet meets the new rules.
    disruption = "none" if change.table == "nat" or action == "create" or fresh else "flow"
    label = f"{restore.TOOLS[family]} {change.table} chain {change.chain} in {items.place(name)}"
    return Change(action, label, change.before, change.after, disruption)


def _foreign(ruleset, foreign, owner):
    tool = f"{restore.TOOLS[ruleset.family]} -t {foreign.table}"
    enter = f"ip netns exec {ruleset.namespace} " if ruleset.namespace is not None else ""
    chains = ", ".join(foreign.chains)
    return ForeignObject(
        f"Chain {chains} of table {foreign.table} in {items.place(ruleset.namespace)} ({ruleset.family})",
        "; ".join(f"{enter}{tool} -F {chain}; {enter}{tool} -X {chain}" for chain in foreign.chains),
        owner,
    )
