# SPDX-License-Identifier: GPL-3.0-or-later
"""The wanted flows as Open vSwitch would write them. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows import ofctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows.flow import Flow

#: So many bad flows are looked for; each costs a dozen calls of ovs-ofctl.
MOST_PROBLEMS = 20


def canonical(texts, cookie, places, originals):
    """One Flow with cookie for each of texts. BadInput says where (places) what (originals) is wrong."""
    try:
        return ofctl.parse("\n".join(texts) + "\n", cookie) if texts else []
    except ofctl.Refused:
        problems = _problems(texts, list(range(len(texts))), [])
    raise BadInput(f"{places[index]}: {originals[index]}: {words}" for index, words in problems)


def _problems(texts, indexes, found):
    """[(index, words)] of the flows that ovs-ofctl refuses. It stops at the first, so halve until each stands alone."""
    if not indexes or len(found) >= MOST_PROBLEMS:
        return found
    try:
        ofctl.parse("\n".join(texts[index] for index in indexes) + "\n", 0)
    except ofctl.Refused as error:
        if len(indexes) == 1:
            return [*found, (indexes[0], str(error))]
        middle = len(indexes) // 2
        return _problems(texts, indexes[middle:], _problems(texts, indexes[:middle], found))
    return found


def unread(text, cookie):
    """A Flow of text that no ovs-ofctl has seen: a guess, for a check run on a host that has none yet."""
    head, _separator, actions = text.partition("actions=")
    fields = [field.strip() for field in head.replace(" ", ",").split(",") if field.strip()]
    tables = [field[len("table="):] for field in fields if field.startswith("table=")]
    match = ",".join(field for field in fields if not field.startswith("table="))
    return Flow(int(tables[0]) if tables and tables[0].isdigit() else 0, match, actions, cookie)


def refuse_duplicates(flows, places):
    """BadInput for flows of one bridge that cannot be there both."""
    first, problems = {}, []
    for flow, place in zip(flows, places):
        if flow.key in first:
            problems.append(f"{place}: {flow.selector()}: has the table, priority and match of {first[flow.key]}")
        first.setdefault(flow.key, place)
    if problems:
        raise BadInput(problems)
