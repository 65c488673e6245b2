# SPDX-License-Identifier: GPL-3.0-or-later
"""Changed rules as an operator reads them: port by port. Pure. PRIVATE to the collection.

Chains that all ports share have thousands of rules; what changes for one port are two
of them.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import names, tables
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.restore import TOOLS
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.save import BUILTIN


def of_rules(family, changed, before, after):
    """[Change] for [ChainChange] of a family. before, after: {key: Chains}."""
    of_ports = {chain for one in (before, after) for port in one.values() for chain in port.own}
    result = _of_shared(family, changed, of_ports)
    for key in sorted({*before, *after}):
        was, shall = _chains(before.get(key)), _chains(after.get(key))
        if was != shall:
            result.append(_of_port(family, key, was, shall))
    return result


def _chains(port):
    """{"table chain": rules} of a port's Chains."""
    if port is None:
        return {}
    shared = {f"{table} {names.wrapped(name)}": rules for (table, name), rules in port.shared.items()}
    return {**shared, **{f"filter {chain}": rules for chain, rules in port.own.items()}}


def _of_port(family, key, was, shall):
    before = {chain: rules for chain, rules in was.items() if shall.get(chain) != rules}
    after = {chain: rules for chain, rules in shall.items() if was.get(chain) != rules}
    label = f"{TOOLS[family]} rules of {names.tap(key)}"
    if not was:
        return Change("create", label, None, after)
    ends = any(rule not in after.get(chain, ()) for chain, rules in before.items() for rule in rules)
    disruption = "conntrack" if ends else "none"
    return Change("update", label, before, after, disruption) if shall else (
        Change("delete", label, before, None, disruption))


def _of_shared(family, changed, of_ports):
    """What is no port's: the frame of chains and jumps, and the order of ports in it."""
    before, after = {}, {}
    for change in changed:
        if change.chain in of_ports:
            continue
        was, shall = _without_ports(change.before), _without_ports(change.after)
        if was == shall and sorted(change.before) == sorted(change.after):
            was, shall = change.before, change.after
        if was != shall:
            empty = ([], None) if change.chain in BUILTIN[change.table] else (None,)  # a builtin chain is always there
            name = f"{change.table} {change.chain}"
            before.update({name: was} if was not in empty else {})
            after.update({name: shall} if shall not in empty else {})
    if not before and not after:
        return []
    action = "create" if not before else "delete" if not after else "update"
    label = f"{TOOLS[family]} chains that ports share"
    return [Change(action, label, before or None, after or None, "none" if action == "create" else "flow")]


def _without_ports(rules):
    return None if rules is None else [rule for rule in rules if not tables.key_of(rule)]


def of_sets(changed):
    """[Change] for [SetChange]."""
    return [_of_set(*change) for change in changed]


def _of_set(name, before, after):
    action = "create" if before is None else "delete" if after is None else "update"
    ends = before and after and before.members - after.members
    return Change(action, f"ipset {name}", _set(before), _set(after), "conntrack" if ends else "none")


def _set(found):
    return None if found is None else {"owner": found.owner, "members": sorted(found.members)}
