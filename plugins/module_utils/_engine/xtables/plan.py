# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the chains of one family in one namespace with what is wanted. Pure. PRIVATE to the collection."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating import rules as floating
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.chain import edit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.save import BUILTIN, comment, target

#: How the names of our chains begin, unless a user wishes otherwise.
PREFIX = "neutron-"


@dataclass(frozen=True)
class RuleSet:
    """What is wanted in one namespace (None: that of the process) and family.

    tables: {table: {chain: [rule]}}, or None with `absent`: every chain of the prefix.
    prefix: how the names of its chains begin, several such in a tuple; spared: how those of
    them begin that somebody else of ours looks after.
    """

    namespace: str | None
    family: str
    prefix: str | tuple
    tables: dict | None
    keep_floating_ips: bool
    spared: tuple = ()

    def printed(self, forms):
        """The same with its rules as iptables-save prints them. forms: {(family, table, rule): printed form}."""
        if not forms or self.tables is None:
            return self

        def form(table, rule):
            return forms.get((self.family, table, rule), rule)

        return replace(self, tables={
            table: {chain: [form(table, rule) for rule in rules] for chain, rules in chains.items()}
            for table, chains in self.tables.items()
        })


@dataclass(frozen=True)
class ChainChange:
    """One chain that changes. before, after: our rules in it, None for no chain. edits: lines for iptables-restore."""

    table: str
    chain: str
    before: list | None
    after: list | None
    edits: tuple = ()


class InTheWay(Exception):
    """Chains of our names that are not ours."""

    def __init__(self, table, chains):
        self.table, self.chains = table, sorted(chains)
        super().__init__(table)


def _flushed(have, ours):
    """Whether somebody has flushed the table: the marker chain has lost the owner's name, and all of ours their rules.

    Nothing is lost by taking chains that hold nothing, and an `iptables -F` need not be mended by hand.
    """
    return have.get(mark.CHAIN) == [] and not any(have[chain] for chain in ours)


def marker(owner):
    """The one rule of the marker chain. Nothing ever jumps to that chain; the rule only says whose it is."""
    return comment(mark.alias(owner))


@dataclass
class Comparison:
    """The rules under which one RuleSet is compared with a host. in_our_namespace: the namespace carries our mark."""

    ruleset: RuleSet
    owner: str
    absent: bool = False
    purge: bool = False
    adopt: bool = False
    in_our_namespace: bool = False

    def changes(self, have):
        """[ChainChange] from have, {table: {chain: [rule]}}. Raises InTheWay."""
        listed = self.ruleset.tables
        tables = list(BUILTIN) if self.purge or listed is None else [table for table in BUILTIN if table in listed]
        return [change for table in tables for change in self._table(table, have.get(table, {}))]

    def doubtful(self, table, wanted, have):
        """The wanted rules that may be there already, only written otherwise than iptables-save prints them.

        They are in doubt only where the chain has a rule of ours that nobody wants: it may be that one.
        """
        result = []
        for chain, rules in wanted.items():
            there = have.get(chain)
            if not there or there == rules:
                continue
            printed, listed = set(there), set(rules)
            new = [rule for rule in rules if rule not in printed]
            if new and any(there[at] not in listed for at in self.own_rules(table, chain, there)):
                result += new
        return result

    def own_rules(self, table, chain, have):
        """Positions of the rules of a chain that are ours to change."""
        if chain in BUILTIN[table]:
            return [at for at, rule in enumerate(have) if self._is_ours(target(rule))]
        if self.ruleset.keep_floating_ips and table == "nat" and chain.endswith(floating.CHAINS):
            return [at for at, rule in enumerate(have) if not floating.read(rule)]
        return range(len(have))

    def _is_ours(self, chain):
        if chain is None or chain == mark.CHAIN or chain.startswith(self.ruleset.spared):
            return False
        return chain.startswith(self.ruleset.prefix)

    def _table(self, table, have):
        listed = (self.ruleset.tables or {}).get(table, {})
        wanted = {} if self.absent else listed
        ours = {chain for chain in have if self._is_ours(chain)}
        marked = self.in_our_namespace or have.get(mark.CHAIN) == [marker(self.owner)] or _flushed(have, ours)
        doomed = self._doomed(ours, listed, marked or (self.adopt and wanted))
        if not marked and not self.adopt:
            self._refuse_foreign(table, have, ours if wanted else doomed, wanted)
        changes = [
            *self._marker_changes(table, have, doomed, wanted),
            *self._wanted_changes(table, have, wanted),
            *self._unlisted_changes(table, have, listed, doomed, marked or self.adopt),
        ]
        return changes + [ChainChange(table, chain, have[chain], None) for chain in have if chain in doomed]

    def _refuse_foreign(self, table, have, chains, wanted):
        """Chains of our prefix that we did not make, or somebody else's mark where ours must go."""
        if wanted and mark.CHAIN in have:
            chains = chains | {mark.CHAIN}
        if chains:
            raise InTheWay(table, chains)

    def _doomed(self, ours, listed, marked):
        """The chains to delete."""
        if self.absent:
            everything = self.ruleset.tables is None or (self.purge and marked)
            return ours if everything else ours & set(listed)
        return ours - set(listed) if self.purge and marked else set()

    def _marker_changes(self, table, have, doomed, wanted):
        """The marker chain comes with the first chain of a table that is ours, and goes with the last of anybody's."""
        there, mine = have.get(mark.CHAIN), [marker(self.owner)]
        if self.in_our_namespace:
            return []
        if there != mine and any(chain not in BUILTIN[table] for chain in wanted):
            edits = edit(mark.CHAIN, there or [], mine, range(len(there or [])))
            return [ChainChange(table, mark.CHAIN, there, mine, tuple(edits))]
        staying = any(chain.startswith(PREFIX) or self._is_ours(chain) for chain in have.keys() - doomed)
        if there == mine and not staying and not wanted and (self.absent or self.purge):
            return [ChainChange(table, mark.CHAIN, there, None)]
        return []

    def _wanted_changes(self, table, have, wanted):
        for chain, rules in wanted.items():
            there = have.get(chain)
            if there is None and chain in BUILTIN[table]:
                there = []  # a table that nobody used yet is not printed
            if there == rules:
                continue
            positions = [] if there is None else self.own_rules(table, chain, there)
            before = None if there is None else [there[position] for position in positions]
            if before != rules:
                yield ChainChange(table, chain, before, rules, tuple(edit(chain, there or [], rules, positions)))

    def _unlisted_changes(self, table, have, listed, doomed, ours):
        """Take out the jumps that no listed chain accounts for: those to chains that go, and stray ones of ours."""
        for chain, there in have.items():
            if chain in doomed or chain == mark.CHAIN or (chain in listed and not self.absent):
                continue
            everything = self.purge or (self.absent and (chain in listed or self.ruleset.tables is None))
            stray = everything and ours and chain in BUILTIN[table]
            if not (doomed or stray):
                continue
            jumps = [at for at, rule in enumerate(there) if self._goes(target(rule), doomed, stray)]
            if jumps:
                before = [there[at] for at in jumps]
                yield ChainChange(table, chain, before, [], tuple(edit(chain, there, [], jumps)))

    def _goes(self, jump, doomed, stray):
        return jump in doomed or (stray and self._is_ours(jump))


def back(now, before, changed):
    """[ChainChange] that bring the chains named by changed, [(table, chain)], from now back to what before says."""
    changes = []
    for table, chain in changed:
        is_now, was = now.get(table, {}).get(chain), before.get(table, {}).get(chain)
        if chain in BUILTIN[table]:  # always there, though not printed before its first rule
            is_now, was = is_now or [], was or []
        if is_now != was:
            edits = edit(chain, is_now or [], was or [], range(len(is_now or []))) if was is not None else ()
            changes.append(ChainChange(table, chain, is_now, was, tuple(edits)))
    return changes
