# SPDX-License-Identifier: GPL-3.0-or-later
"""What a flow is, and how the flows of a bridge become what is wanted. Pure. PRIVATE to the collection."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import ForeignObject, refuse_foreign


class Flow(NamedTuple):
    """A flow in the words of `ovs-ofctl -O OpenFlow14 dump-flows --no-names`.

    match: with the priority, if that is not 32768. actions: what follows "actions=".
    cookie: 64 bits. expires: it has a timeout, so traffic made it (learn) and takes it away.
    """

    table: int
    match: str
    actions: str
    cookie: int
    expires: bool = False

    @property
    def key(self):
        """What a bridge can hold only one of."""
        return self.table, self.match

    def text(self):
        """As ovs-ofctl reads it, but for the cookie."""
        return f"{self.selector()} actions={self.actions}"

    def selector(self):
        """The part that finds the flow."""
        return f"table={self.table}" + (f",{self.match}" if self.match else "")


class Edit(NamedTuple):
    """One flow of one bridge that changes. have: before, or None. want: after, or None."""

    bridge: str
    have: Flow | None
    want: Flow | None


def lines(before, after):
    """What ovs-ofctl must be told, in a bundle, to lead from one state of a flow to another. None: not there."""
    if before == after:
        return []
    if after is None:
        return [f"delete_strict cookie={before.cookie:#x}/-1,{before.selector()}"]
    if before is None or before.cookie != after.cookie:  # "add" takes the place of a flow with another cookie
        return [f"add cookie={after.cookie:#x},{after.text()}"]
    # Unlike "add", "modify_strict" leaves the counters alone.
    return [f"modify_strict cookie={after.cookie:#x}/-1,{after.text()}"]


def edits(bridge, have, wanted, cookie, adopt):
    """Edits that leave exactly `wanted` under cookie; deletions first. have and wanted: iterables of Flow."""
    have, wanted = {flow.key: flow for flow in have}, {flow.key: flow for flow in wanted}
    result = [Edit(bridge, flow, None) for key, flow in have.items() if flow.cookie == cookie and key not in wanted]
    foreign = []
    for key, want in wanted.items():
        there = have.get(key)
        if there is not None and there.expires and there.cookie != cookie:
            there = None
        if there is None:
            result.append(Edit(bridge, None, want))
        elif there.actions != want.actions:
            if there.cookie != cookie and not adopt:
                foreign.append(ForeignObject(
                    f"flow {there.text()} of bridge {bridge}, with cookie {there.cookie:#x},",
                    f'ovs-ofctl --strict del-flows {bridge} "{there.selector()}"',
                ))  # fmt: skip
            result.append(Edit(bridge, there, want))
    refuse_foreign(foreign)
    return result
