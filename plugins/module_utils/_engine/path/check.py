# SPDX-License-Identifier: GPL-3.0-or-later
"""One answer for every question about a packet's path. PRIVATE to the collection."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.path import filters, inside, switch


class Seen(NamedTuple):
    """What the host says. note: worth telling also where it is as expected."""

    ok: bool
    seen: str
    note: bool = False


KINDS = {
    "device": inside.device,
    "neighbour": inside.neighbour,
    "route": inside.route,
    "policy": inside.policy,
    "sysctl": inside.setting,
    "rule": inside.rule,
    "guard": filters.guard,
    "bridge": inside.bridge,
    "flow": switch.flow,
}


def check(wanted):
    """[{hop, ok, seen, note}] for a list of checks, in order. What cannot be asked is not as expected."""
    return [{"hop": one["hop"], **_answer(one)._asdict()} for one in wanted]


def _answer(wanted):
    try:
        return Seen(*namespace.inside(wanted.get("namespace"), KINDS[wanted["kind"]], wanted))
    except (EngineError, OSError) as error:
        return Seen(False, str(error))
