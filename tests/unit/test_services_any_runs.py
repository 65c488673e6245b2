# SPDX-License-Identifier: GPL-3.0-or-later
"""netns_service: whatever runs want of a service, and wherever they are killed, the next one finishes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.service_host import HOME, Host, changes, goal, host, told

#: What a random service of the name a may be like; a file whose content is None is none of its.
CHOICES = {
    "namespace": ["a", "b"],
    "command": [["/bin/d", "a"], ["/bin/d", "b"]],
    "description": ["a", "b"],
    "reload_signal": ["HUP", None],
    "directories": [[{"path": HOME}], []],
    f"{HOME}/one": ["one\n", "two\n", None],
    "/etc/two": ["one\n", "two\n", None],
    "change of one": ["reload", "restart", "none"],
    "change of two": ["reload", "restart", "none"],
}
choices = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in CHOICES.items()})


def chosen(choice):
    """The item of such a service."""
    paths = {path: choice[f"change of {path.rpartition('/')[2]}"] for path in choice if path.startswith("/")}
    files = [{"path": path, "content": choice[path], "change": change} for path, change in paths.items()
             if choice[path] is not None]  # fmt: skip
    keys = ("namespace", "command", "description", "reload_signal", "directories")
    return {"name": "a", "files": files, **{key: choice[key] for key in keys}}


services = choices.map(chosen)


@st.composite
def runs(draw):
    """Runs that each want a little else: (what, after how many writes it is killed, when the process dies meanwhile).

    None: it is not killed, nothing dies. The last one is not, and often wants what the one before wanted.
    """
    moments = st.none() | st.integers(0, 8)
    wanted, found = draw(choices), []
    for _run in range(draw(st.integers(1, 4))):
        found.append((wanted, draw(moments), draw(moments)))
        keys = draw(st.sets(st.sampled_from(sorted(CHOICES)), max_size=2))
        wanted = {**wanted, **{key: draw(st.sampled_from(CHOICES[key])) for key in keys}}
    found.append((draw(st.sampled_from([found[-1][0], wanted])), None, None))
    return [(chosen(choice), *moments) for choice, *moments in found]


def finish(found, runs):
    """Make the runs, and insist that the last one leaves nothing to do, nothing unread and no file too many."""
    for wanted, writes, crash in runs:
        last = goal(wanted, adopt=True, purge=True)
        found.converge(last, killed_after=writes, crash_at=crash)
    assert told(found, last) == []
    found.assert_knows(last.wanted["a"])
    ours = {path for path, seen in found.paths.items() if seen.kind == "file"}
    assert ours == {file.path for file in last.wanted["a"].files}


@given(runs())
def test_killed_runs_are_finished_by_the_next(runs):
    finish(Host(), runs)


@pytest.mark.parametrize("changes", [("reload", "restart"), ("restart", "none"), ("none", "reload")])
@pytest.mark.parametrize("signal", CHOICES["reload_signal"])
@pytest.mark.parametrize("key", CHOICES)
def test_a_run_that_changes_one_thing_and_is_killed_anywhere_is_finished_by_the_next(changes, signal, key):
    first = {key: values[0] for key, values in CHOICES.items()}
    first.update({"reload_signal": signal, "change of one": changes[0], "change of two": changes[1]})
    before = chosen(first)
    for value in CHOICES[key]:
        after = chosen({**first, key: value})
        for writes in range(7):
            for crash in (None, *range(writes)):
                finish(Host(), [(before, None, None), (after, writes, crash), (after, None, None)])


@given(services, services)
def test_every_change_names_another_object_and_says_what_it_was(first, second):
    found, wanted = host(first), goal(second)
    made = changes(found, wanted)
    assert len({change.object for change in made}) == len(made)
    for change in made:
        assert change.before != change.after
        assert (change.before is None, change.after is None) == (change.action == "create", change.action == "delete")
