# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes in the rules of one family. Pure, but for asking iptables how it prints. PRIVATE to the collection."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import lost, names, report, tables
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security.render import Chains, Renderer
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import canonical, strangers
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import plan as xtables
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.restore import TOOLS


class Wish(NamedTuple):
    """What the caller wants. groups: {id: Group}; ports: {key: Port}, with absent the keys alone."""

    groups: dict
    ports: dict
    owner: str
    purge: bool
    adopt: bool
    absent: bool


class RulesPlan(NamedTuple):
    """before, after: {key: Chains} of every port; changes: [ChainChange] that lead from one to the other."""

    before: dict
    after: dict
    changes: list

    def report(self, family):
        """[Change], port by port."""
        return report.of_rules(family, self.changes, self.before, self.after) if self.changes else []

    def sets_named(self):
        """The names of the sets that rules match after the change."""
        for port in self.after.values():
            for rules in port.own.values():
                yield from lost.sets_named(rules)

    def back(self, now, have):
        """[ChainChange] that undo: from {table: {chain: rules}} as it is now to what the host had."""
        return xtables.back(now, have, [(change.table, change.chain) for change in self.changes])


def plan(family, wish, have, protocol_names):
    """The RulesPlan from have, {table: {chain: rules}} of the host. Raises ForeignObject."""
    before = tables.found(have)
    after = {} if wish.purge else {key: port for key, port in before.items() if key not in wish.ports}
    if not wish.absent:
        renderer = Renderer(family, wish.groups, protocol_names)
        after.update((key, renderer.chains(port)) for key, port in wish.ports.items())
    comparison = _comparison(family, wish, before, after)
    forms = _forms(family, comparison, have)
    if forms:
        after = {key: _printed(port, forms) for key, port in after.items()}
        comparison = _comparison(family, wish, before, after)
    try:
        return RulesPlan(before, after, comparison.changes(have))
    except xtables.InTheWay as foreign:
        raise _foreign(family, foreign, strangers.owner_of(have.get(foreign.table, {}))) from foreign


def _comparison(family, wish, before, after):
    """Everything of our prefixes is compared: what other calls made, and shall stay, is in after.

    With the last port that shall be absent all of it goes, or is foreign. Nothing that is not marked is purged.
    """
    everything = wish.absent and not after and any(key in before for key in wish.ports)
    ruleset = xtables.RuleSet(None, family, names.PREFIXES, None if everything else tables.wanted(after), False)
    return xtables.Comparison(ruleset, wish.owner, everything, purge=True, adopt=wish.adopt)


def _forms(family, comparison, have):
    """{(table, rule): printed form} of the wanted rules that this host's iptables prints otherwise."""
    asked = {}
    for table, chains in (comparison.ruleset.tables or {}).items():
        doubtful = comparison.doubtful(table, chains, have.get(table, {}))
        if doubtful:
            asked[table] = [*chains, *have[table]], list(dict.fromkeys(doubtful))
    forms = canonical.forms(family, asked) if asked else {}
    return {key: form for key, form in forms.items() if form != key[1]}


def _printed(port, forms):
    return Chains(
        {place: [forms.get((place[0], rule), rule) for rule in rules] for place, rules in port.shared.items()},
        {chain: [forms.get(("filter", rule), rule) for rule in rules] for chain, rules in port.own.items()},
    )


def _foreign(family, foreign, owner):
    tool = f"{TOOLS[family]} -t {foreign.table}"
    return ForeignObject(
        f"Chain {', '.join(foreign.chains)} of table {foreign.table} ({family})",
        "; ".join(f"{tool} -F {chain}; {tool} -X {chain}" for chain in foreign.chains),
        owner,
    )
