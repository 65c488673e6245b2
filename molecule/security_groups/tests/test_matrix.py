# SPDX-License-Identifier: GPL-3.0-or-later
"""Every instance asks every other one: who answers is what the model says, both families, TCP, UDP and ICMP."""

from __future__ import annotations

import pytest

from tests.instances import Serving, ask_all

PORTS = (22, 53, 54, 80, 8050, 8101)
ASKED = [
    *((version, "tcp", port) for version in (4, 6) for port in (22, 80, 8050, 8101)),
    *((version, "udp", port) for version in (4, 6) for port in (53, 54)),
    *((version, "icmp", 0) for version in (4, 6)),
    (4, "icmp-timestamp", 0),
]

#: Some cells by hand, so that the model's own judgement is judged, too: source, target, question, reached.
BY_HAND = [
    ("client1", "web1", (4, "tcp", 80), True),  # anybody may
    ("client1", "web2", (6, "tcp", 80), True),
    ("client1", "web2", (4, "tcp", 22), False),  # no rule
    ("client1", "web1", (4, "tcp", 8050), True),  # the last of the range, the prefix 10.1.0.0/28
    ("locked", "web1", (4, "tcp", 8050), False),  # leaves not
    ("free1", "web2", (4, "tcp", 8050), False),  # outside of the prefix
    ("client2", "web1", (4, "tcp", 8101), False),  # past the range
    ("client2", "web1", (4, "udp", 53), True),  # the remote group, across hosts
    ("client2", "web1", (6, "udp", 53), True),
    ("plain1", "web1", (4, "udp", 53), False),  # not a member
    ("client2", "web1", (4, "udp", 54), False),
    ("client1", "web1", (4, "icmp", 0), True),
    ("client1", "web1", (4, "icmp-timestamp", 0), False),  # another ICMP type
    ("plain1", "plain2", (4, "tcp", 8101), True),  # members of default
    ("plain2", "web2", (6, "udp", 54), True),
    ("plain1", "web1", (4, "tcp", 22), False),
    ("client1", "plain1", (4, "icmp", 0), False),  # not a member of default
    ("web2", "plain1", (6, "icmp", 0), True),
    ("free1", "locked", (4, "tcp", 22), True),  # answers although nothing may leave
    ("free1", "locked", (6, "tcp", 22), True),
    ("free1", "locked", (4, "icmp", 0), False),
    ("locked", "free1", (4, "tcp", 22), False),
    ("locked", "free1", (4, "icmp", 0), False),
    ("locked", "free1", (6, "icmp", 0), True),  # ICMPv6 may always leave, as in Neutron
    ("narrow", "web1", (4, "tcp", 80), True),
    ("narrow", "guest", (6, "tcp", 80), True),
    ("narrow", "free1", (4, "tcp", 80), False),  # not a web server
    ("narrow", "web1", (4, "icmp", 0), True),  # within 10.1.0.0/29
    ("narrow", "free1", (4, "icmp", 0), False),
    ("client1", "narrow", (4, "udp", 54), True),
    ("client1", "nostate", (4, "tcp", 80), True),
    ("nostate", "web1", (4, "tcp", 80), False),  # its answer is not let in
    ("nostate", "web1", (4, "icmp", 0), True),  # its answer is let in by a rule
    ("free1", "none", (4, "tcp", 80), False),  # no group, nothing passes
    ("none", "free1", (4, "tcp", 80), False),
    ("free1", "free2", (4, "tcp", 22), True),
    ("client1", "guest", (4, "tcp", 80), True),  # behind a tap plugged by hand
    ("client1", "guest", (4, "tcp", 22), False),
    ("guest", "web1", (6, "tcp", 80), True),
    ("guest", "web1", (4, "tcp", 22), False),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers(model, instances):
    """{(source, target, question): what came back}"""
    cells = {source: [(target, each) for target in instances if target != source for each in ASKED]
             for source in instances}  # fmt: skip
    with Serving(instances.values(), PORTS):
        found = ask_all({
            instances[source]: [[protocol, model.address(target, version), port]
                                for target, (version, protocol, port) in asked]
            for source, asked in cells.items()
        })  # fmt: skip
    return {
        (source, target, each): answer
        for source, asked in cells.items()
        for (target, each), answer in zip(asked, found[instances[source]])
    }


def test_the_first_run_did_what_check_mode_on_virgin_hosts_predicted_and_the_second_nothing(lab):
    lab.assert_predicted_then_idempotent("site")


def test_verify_asks_all_of_it_and_agrees(lab):
    assert "all answered as the model says" in lab.play("verify.yml").output


@pytest.mark.parametrize("question", ASKED, ids=lambda each: "-".join(map(str, each)))
def test_who_reaches_whom_is_what_the_model_says(model, answers, question):
    cells = {(source, target): answer for (source, target, each), answer in answers.items() if each == question}
    for (_source, target), answer in cells.items():
        assert answer in (None, "reply", target), "somebody else answered"
    reached = sorted(cell for cell, answer in cells.items() if answer is not None)
    assert reached == sorted(cell for cell in cells if model.reaches(*cell, *question))
    assert 0 < len(reached) < len(cells)


@pytest.mark.parametrize(("source", "target", "question", "reached"), BY_HAND)
def test_a_cell_by_hand(model, answers, source, target, question, reached):
    assert model.reaches(source, target, *question) == reached
    assert (answers[source, target, question] is not None) == reached
