# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains and rules that somebody else has made where only ours should be. Pure. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.restore import TOOLS
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.save import (
    BUILTIN,
    target,
    words,
)


def owner_of(chains):
    """Whose mark a table's marker chain carries, or None."""
    for rule in chains.get(mark.CHAIN, ()):
        return mark.owner_of_alias(words(rule)[-1])
    return None


def in_our_namespace(family, tables, prefix):
    """What a namespace of ours has beside chains of our prefix: other chains, and rules that lead to none of ours."""
    for table, chains in tables.items():
        for chain, rules in chains.items():
            if chain in BUILTIN.get(table, ()):
                strangers = (rule for rule in rules if not (target(rule) or "").startswith(prefix))
                yield from (f"{TOOLS[family]} {table} rule -A {chain} {rule}" for rule in strangers)
            elif not chain.startswith((prefix, mark.CHAIN)):
                yield _named(family, table, chain)


def of_our_prefix(family, tables, owner, prefixes):
    """(chain, whose mark its table carries) of chains named like ours in a table that does not carry our mark."""
    for table, chains in tables.items():
        found = owner_of(chains)
        if found != owner:
            yield from ((_named(family, table, chain), found) for chain in chains if chain.startswith(prefixes))


def _named(family, table, chain):
    return f"{TOOLS[family]} {table} chain {chain}"
