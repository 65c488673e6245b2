# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pairs of a site to ask about: all of a small site, of a big one some of every kind. PRIVATE to the collection.

The choice depends on nothing but the site, so that two runs ask the same.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice, zip_longest


def pairs(sources, targets, limit, kinds):
    """At most `limit` pairs of a source and another target: all, if there are no more.

    kinds: functions item -> key (its network, its routers, its groups). Every pair of keys is to have a pair of
    items, each kind in turn, as far as the limit goes; what is left of it goes to other pairs.
    """
    if len(sources) * len(targets) <= limit:
        return [(source, target) for source in sources for target in targets if source is not target]
    turns = (_pairs_of_keys(sources, targets, kind) for kind in kinds)
    by_kind = (pair for turn in zip_longest(*turns) for pair in turn if pair is not None)
    others = ((sources[i], targets[j]) for i, j in _diagonals(len(sources), len(targets)) if sources[i] != targets[j])
    chosen = {}
    for candidates in (by_kind, others):
        for pair in candidates:
            if len(chosen) == limit:
                break
            chosen[pair] = None
    return list(chosen)


def _pairs_of_keys(sources, targets, kind):
    """A pair of items for every pair of keys that has one; the items of a key take turns."""
    senders, receivers = _by_key(sources, kind), _by_key(targets, kind)
    for turn, (i, j) in enumerate(_diagonals(len(senders), len(receivers))):
        source = senders[i][turn % len(senders[i])]
        others = islice(receivers[j] * 2, turn % len(receivers[j]), None)
        target = next((item for item in others if item != source), None)
        if target is not None:
            yield source, target


def _by_key(items, kind):
    found = defaultdict(list)
    for item in items:
        found[kind(item)].append(item)
    return list(found.values())


def _diagonals(rows, columns):
    """All pairs (i, j) of rows and columns, such that everyone has a turn early: (i, i + 1), (i, i + 2), …, (i, i)."""
    for distance in (*range(1, columns), 0):
        for i in range(rows):
            yield i, (i + distance) % columns
