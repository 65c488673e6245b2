# SPDX-License-Identifier: GPL-3.0-or-later
"""Edit one chain with as few commands as possible. Pure. PRIVATE to the collection.

A rule that is deleted and added again starts counting at zero, and packets between
the two miss it. So every rule that can stay stays: the longest run of rules that
both sides have in the same order.
"""

from __future__ import annotations

from bisect import bisect_left

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.save import BUILTIN

_BUILTINS = {chain for chains in BUILTIN.values() for chain in chains}


def edit(chain, have, want, ours):
    """The lines for iptables-restore that make our rules of a chain exactly want.

    have: all rules of the chain. ours: positions (from 0, ascending) in have of the rules
    that are ours; all others stay where they are. A new rule goes behind the rule before
    it in want, and to the top when it is the first.
    """
    kept = _kept(have, want, ours)
    staying = set(kept.values())
    doomed = [position for position in ours if position not in staying]
    return [_delete(chain, have, position) for position in reversed(doomed)] + _inserts(chain, have, want, kept, doomed)


def _delete(chain, have, position):
    """By number, or in a builtin chain by text: there, other programs may have moved it since we looked."""
    if chain in _BUILTINS and have.count(have[position]) == 1:
        return f"-D {chain} {have[position]}"
    return f"-D {chain} {position + 1}"


def _inserts(chain, have, want, kept, doomed):
    gone = set(doomed)
    left = [position for position in range(len(have)) if position not in gone]
    place = {position: number for number, position in enumerate(left, 1)}
    lines, inserted, after = [], 0, 0  # after: number of the old rule that the next new one goes behind
    for index, rule in enumerate(want):
        if index in kept:
            after = place[kept[index]]
            continue
        number = after + inserted + 1
        lines.append(f"-A {chain} {rule}" if after == len(left) else f"-I {chain} {number} {rule}")
        inserted += 1
    return lines


def _kept(have, want, ours):
    """{index in want: position in have} of the rules that stay: a longest increasing subsequence."""
    places = {}
    for position in reversed(ours):
        places.setdefault(have[position], []).append(position)
    pairs = [(index, places[rule].pop()) for index, rule in enumerate(want) if places.get(rule)]
    ends, chains = [], []  # for each length: the lowest last position, and that pair with the one before it
    for index, position in pairs:
        length = bisect_left(ends, position)
        before = chains[length - 1] if length else ()
        ends[length:length + 1] = [position]
        chains[length:length + 1] = [(index, position, before)]
    kept, last = {}, chains[-1] if chains else ()
    while last:
        index, position, last = last
        kept[index] = position
    return kept
