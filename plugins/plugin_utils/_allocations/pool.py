# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand out values, each to one owner, keeping what owners have. PRIVATE to the collection."""

from __future__ import annotations


class Pool:
    """Values of one kind within one scope (addresses of a subnet, VLANs of a host).

    Use it in this order: pin() every pinned value, keep() every former
    allocation, then new() for owners that have nothing. So no pin and no new
    owner can take away what another one has.
    """

    def __init__(self, problems):
        self.problems = problems
        self.taken = {}  # value -> the path of its pin, or None
        self._candidates = None

    def pin(self, value, path):
        """The variable at path claims this value."""
        self.taken[value] = path

    def keep(self, value, owner, shown):
        """Let owner keep its value. A pin that claims it is a fault."""
        path = self.taken.get(value)
        if path:
            self.problems.add(
                path, shown,
                f"is allocated to {owner} in allocations.yml: choose another value, or pin one for {owner}",
            )
        self.taken[value] = None

    def new(self, candidates):
        """The first free value, or None when all are taken. candidates: () -> iterable, the same on every call.

        Within a run nothing becomes free, so the search goes on where it last ended.
        """
        if self._candidates is None:
            self._candidates = iter(candidates())
        return self.new_of(self._candidates)

    def new_of(self, candidates):
        """The first free value of an iterator, or None."""
        for value in candidates:
            if value not in self.taken:
                self.taken[value] = None
                return value
        return None
