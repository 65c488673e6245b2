# SPDX-License-Identifier: GPL-3.0-or-later
"""How steps read in a report. Pure. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.diff import RESTART, STOP
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import (
    RUNNING,
    STOPPED,
)

#: Stand where a secret would be shown, and where another one would.
SECRET, OTHER_SECRET = "(secret)", "(another secret)"


def change_of(step, is_new=False):
    """The Change of a step. is_new: the service has no unit yet."""
    if step.kind == "process":
        return _process(step, is_new)
    if step.kind == "unit":
        before, after, name = *_units(step), f"unit {unit.file_name(step.key)}"
    else:
        before, after, name = *_contents(step), f"{step.kind} {step.key}"
    action = "create" if before is None else "delete" if after is None else "update"
    return Change(action, name, before, after)


def _process(step, is_new):
    name, state = f"service {unit.PREFIX}{step.key}", step.before.state
    if step.after == STOP:
        return Change("delete", name, {"state": state}, None, "service" if state == RUNNING else "none")
    if is_new and state == STOPPED:
        return Change("create", name, None, {"state": RUNNING})
    before = {"state": state, **({"has_not_read": list(step.reasons)} if step.reasons else {})}
    after = {"state": RUNNING, "by": step.after}
    return Change("update", name, before, after, "service" if step.after == RESTART else "none")


def _units(step):
    if step.before is step.after:
        return {"loaded": False}, {"loaded": True}
    return _unit(step.before), _unit(step.after)


def _unit(found):
    if found is None or (found.text is None and not found.masked):
        return None
    return {"masked": True} if found.masked else {"mode": found.mode, "text": _lines(found.text)}


def _contents(step):
    """(before, after) of a file or directory."""
    before, after = (each and {key: getattr(each, key) for key in ("mode", "owner", "group")} for each in
                     (step.before, step.after))  # fmt: skip
    if before and step.before.kind == "symlink":
        before = {"symlink": _text(step.before.content)}
    elif before and step.kind == "file":
        before["content"] = SECRET if step.secret else _lines(_text(step.before.content))
    if after and step.kind == "file":
        same = before and step.before.content == step.after.content
        shown = SECRET if same or not before else OTHER_SECRET
        after["content"] = shown if step.secret else _lines(_text(step.after.content))
    return before, after


def _text(content):
    return content.decode("utf-8", "backslashreplace")


def _lines(text):
    """As lines, which show that the last one has no end, and differ where the text does."""
    return text.encode("utf-8", "backslashreplace").decode().split("\n")
