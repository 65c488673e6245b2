# SPDX-License-Identifier: GPL-3.0-or-later
"""What an interruption is: requests without an answer, but for those that ping was stopped too early to hear of."""

from __future__ import annotations

import pytest

from tests.moving import Interruption, interruption

NUMBERS = range(1, 101)


def output(answered, sent):
    lines = [f"[{each / 100:.6f}] 64 bytes from 192.0.2.1: icmp_seq={each} ttl=62 time=0.4 ms" for each in answered]
    return "\n".join([*lines, "", f"{sent} packets transmitted, {len(lines)} received, 0% packet loss, time 1 ms"])


@pytest.mark.parametrize(("sent", "lost"), [(100, 0), (101, 0), (149, 0), (150, 50), (400, 300)])
def test_what_was_asked_a_moment_before_the_end_is_not_lost(sent, lost):
    assert interruption(output(NUMBERS, sent)) == Interruption(100, lost, pytest.approx(0))


def test_what_was_not_answered_while_others_were_is_lost():
    answered = [number for number in NUMBERS if not 40 < number <= 60]
    found = interruption(output(answered, 100))
    assert (found.answered, found.lost) == (80, 20)
    assert found.longest == pytest.approx(0.2)


def test_an_answer_that_comes_twice_counts_once():
    assert interruption(output([*NUMBERS, 100], 100)).answered == 100
