# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a service does not start: which entries of the journal tell it."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import journal

STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
SUCCESS, FAILURE = "7ad2d189f7e94e70a38c781354912448", "d9b373ed55a64feb8242e02dbe79a49c"


def said(start, message, kind=None, priority=6):
    """An entry of systemd."""
    who = {"UNIT": "a.service", "_PID": "1", "INVOCATION_ID": start}
    return {**who, "MESSAGE": message, "MESSAGE_ID": kind, "PRIORITY": str(priority)}


def wrote(pid, message):
    """An entry of the service's process."""
    return {"_SYSTEMD_UNIT": "a.service", "_PID": pid, "MESSAGE": message, "PRIORITY": "6"}


def starting(start):
    return said(start, f"Starting {start}", STARTING)


def failed(start, pid, message):
    return [starting(start), wrote(pid, message), said(start, f"{start} failed", FAILURE, 4), said(start, "Restarting")]


def told(*entries, living=()):
    return [entry["MESSAGE"] for entry in journal.last_end(list(entries), living.__contains__)]


def test_the_last_start_that_failed_is_told_and_not_every_one():
    assert told(*failed("one", "11", "no"), *failed("two", "12", "no!")) == ["no!", "two failed"]


def test_a_start_that_is_under_way_has_nothing_to_say_yet():
    assert told(*failed("one", "11", "no"), starting("two")) == ["no", "one failed"]
    begun = [*failed("one", "11", "no"), starting("two"), wrote("12", "version 2")]
    assert told(*begun, living=["12"]) == ["no", "one failed"]


def test_what_a_process_wrote_may_come_late_or_early():
    start, line, *rest = failed("one", "11", "no")
    assert told(start, *rest, starting("two"), line) == ["no", "one failed"]
    zero = failed("zero", "10", "no, too")
    assert told(*zero, line, start, *rest) == ["no", "one failed"]


def test_of_one_that_writes_much_the_end_is_told():
    lines = [wrote("11", f"line {number}") for number in range(100)]
    end = [f"line {number}" for number in range(92, 100)]
    assert told(starting("one"), *lines, said("one", "it failed", FAILURE, 4)) == [*end, "it failed"]


def test_one_that_ends_without_a_failure_is_told_as_well():
    end = said("one", "Deactivated", SUCCESS)
    assert told(starting("one"), wrote("11", "bye"), end, starting("two")) == ["bye", "Deactivated"]


def test_the_end_of_the_process_from_before_is_not_that_of_a_start():
    before = [wrote("10", "got SIGTERM"), said("zero", "Deactivated", SUCCESS)]
    now = [starting("one"), wrote("11", "working on it")]
    assert told(*before, *now, living=["11"]) == ["working on it", "Starting one"]


def test_when_nothing_was_started_everything_is_told():
    refused = {"UNIT": "a.service", "_PID": "1", "MESSAGE": "Failed to load configuration", "PRIORITY": "3"}
    assert told(refused) == [refused["MESSAGE"]]
    assert told() == []
