# SPDX-License-Identifier: GPL-3.0-or-later
"""What nat_rules_info returns. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import restore
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.save import BUILTIN, target


def read(names, prefix):
    """Items in the vocabulary of nat_rules. names: namespaces, None for all and the host's own network."""
    owners = namespace.owners()
    wanted = [None, *owners] if names is None else [name for name in names if name in owners]
    found = namespace.map_in_processes(lambda _name: {family: restore.read(family) for family in restore.TOOLS}, wanted)
    result = []
    for name in wanted:
        for family, tables in found[name].items():
            chosen = {table: _chosen(table, chains, prefix) for table, chains in tables.items()}
            chosen = {table: chains for table, chains in chosen.items() if chains}
            if chosen:
                result.append({
                    "namespace": name, "owner": owners.get(name), "family": family, "prefix": prefix, "tables": chosen
                })
    return result


def _chosen(table, chains, prefix):
    """The chains that start with prefix, and of the builtin ones the jumps to them."""
    result = {}
    for chain, rules in chains.items():
        if chain in BUILTIN[table]:
            jumps = [rule for rule in rules if not prefix or (target(rule) or "").startswith(prefix)]
            if jumps or not prefix:
                result[chain] = jumps
        elif chain.startswith(prefix):
            result[chain] = rules
    return result
