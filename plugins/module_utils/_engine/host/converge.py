# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a host to its plan, or see what is between them. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field, replace

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import announce, namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import (
    DISRUPTIONS,
    Outcome,
    converge_alone,
    one_run_at_a_time,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.sections import backends


class SectionFailed(EngineError):
    """A section could not be made, and was undone. done: [(section name, Outcome)] of those before it, which stay."""

    def __init__(self, section, error, done):
        self.section, self.error, self.done = section, error, done
        super().__init__(f"{section}: {error}")

    def told(self):
        return {"section": self.section, "rolled_back": getattr(self.error, "rolled_back", True)}


class TooDisruptive(EngineError):
    """Changes would disturb traffic more than is allowed; none was made. refused: [(section name, Change)]."""

    def __init__(self, refused, limit):
        self.refused = refused
        shown = [f"{change.action} {change.object} ({change.disruption})" for _section, change in refused[:20]]
        more = f" and {len(refused) - len(shown)} more" if len(refused) > len(shown) else ""
        super().__init__(
            f"Nothing was changed, as more than a disruption of '{limit}' is not allowed: {'; '.join(shown)}{more}"
        )

    def told(self):
        keys = ("action", "object", "disruption")
        refused = [{"section": name, **{key: getattr(change, key) for key in keys}} for name, change in self.refused]
        return {"refused": refused}


@dataclass
class Survey:
    """outcomes: [(section name, Outcome)]; failed: [(section name, EngineError)] of those that could not be read.

    unknown: [(section name, object, owner or None)] of what is neither planned nor ours.
    """

    outcomes: list = field(default_factory=list)
    failed: list = field(default_factory=list)
    unknown: list = field(default_factory=list)


def converge_plan(plan, settings, check_mode=False, sections=None, warn=None):
    """Bring the host to its plan. [(section name, Outcome)] in order.

    No other run of ours changes the host meanwhile. sections: names to limit to. Raises BadInput and
    TooDisruptive before anything changes, SectionFailed later.
    """
    made = backends(plan, settings, check_mode, sections, warn)
    with contextlib.nullcontext() if check_mode else one_run_at_a_time():
        if check_mode or settings.max_disruption != DISRUPTIONS[-1]:
            predicting = made if check_mode else backends(plan, settings, True, sections)
            predicted = _without_repetitions(_converged(predicting, check_mode=True))
            refuse_disruption(predicted, settings.max_disruption)
        if check_mode:
            return predicted
        outcomes = _converged(made, check_mode=False)
        _announce_once_more(outcomes)
    return outcomes


def survey(plan, settings, warn=None):
    """What is between the host and its plan, of all sections that can be read. Writes nothing."""
    found = Survey()
    for name, backend in backends(plan, settings, True, None, warn):
        started = time.monotonic()
        try:
            have = backend.observe()
            found.unknown += [(name, *each) for each in backend.unknown(have)]
            found.outcomes.append((name, Outcome(backend.diff(have), time.monotonic() - started)))
        except EngineError as error:
            found.failed.append((name, error))
    found.outcomes = _without_repetitions(found.outcomes)
    return found


def refuse_disruption(outcomes, limit):
    """Raise TooDisruptive if changes would disturb traffic more than limit, one of DISRUPTIONS."""
    allowed = DISRUPTIONS[: DISRUPTIONS.index(limit) + 1]
    changes = ((name, change) for name, outcome in outcomes for change in outcome.changes)
    refused = [(name, change) for name, change in changes if change.disruption not in allowed]
    if refused:
        raise TooDisruptive(refused, limit)


def _converged(made, check_mode):
    outcomes = []
    for name, backend in made:
        try:
            outcomes.append((name, converge_alone(backend, check_mode)))
        except EngineError as error:
            raise SectionFailed(name, error, outcomes) from error
    return outcomes


def _without_repetitions(outcomes):
    """What an earlier section would have done by then, a later one does not do again."""
    seen, result = {}, []
    for name, outcome in outcomes:
        fresh = [change for change in outcome.changes if seen.get(change.object) != (change.action, change.after)]
        seen.update((change.object, (change.action, change.after)) for change in fresh)
        result.append((name, replace(outcome, changes=fresh)))
    return result


def _announce_once_more(outcomes):
    """All ports are plugged by now, and whoever had an address before may have answered for it until just now."""
    places = [announce.Place(**place) for _name, outcome in outcomes for place in outcome.settled.get("announced", ())]
    if places:
        there = set(namespace.names())
        announce.announce_places([place for place in places if place.namespace in there])
