# SPDX-License-Identifier: GPL-3.0-or-later
"""What probes found, as a table, as JSON and as JUnit's XML."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach import report


def result(origin, target, how, reached, ok=True, **keys):
    expect = "reached" if reached is ok else "unreached"
    kind = {"kind": "ping"} if how == "ping" else {"kind": "tcp", "port": how}
    return {"name": f"{origin} to {target} ({how})", "origin": origin, "target": target, "address": "10.0.0.2",
            "expect": expect, "reached": reached, "ok": ok, "detail": "ttl=64" if reached else "no answer",
            **kind, **keys}


NAMESPACE = {"name": "network1 has qrouter-1", "origin": "network1", "target": "qrouter-1", "kind": "namespace",
             "namespace": "qrouter-1", "expect": "reached", "reached": True, "ok": True, "detail": "is there"}
RESULTS = [
    NAMESPACE,
    result("web", "db", "ping", True),
    result("web", "db", 22, True, expect_answered_by="db"),
    result("web", "db", 80, False),
    result("db", "web", "ping", False, ok=False),
    result("db", "web", 22, True, ok=False, address="fd00::2"),
]


def test_the_matrix_has_a_line_for_everyone_who_asks():
    assert report.text(RESULTS).split("\n\n")[0].splitlines() == [
        "from  to web           to db",
        "----  ---------------  --------------",
        "web                    ping 22 not 80",
        "db    22/6! not ping!",
    ]


def test_a_wide_matrix_has_one_character_for_each():
    names = [f"vm{number}" for number in range(1, 12)]
    many = [result(origin, target, "ping", target != "vm3") for origin in names for target in names if origin != target]
    many += [result("vm1", "vm2", 80, False), result("vm2", "vm1", 22, True, ok=False)]
    many += [result("vm1", "its gateway", "ping", True)]
    lines = report.text(many).splitlines()
    assert lines[0].split() == ["from", *map(str, range(1, 13))]
    assert lines[2].split() == ["1", "vm1", "p", "-", *"xxxxxxxxx"]
    assert lines[3].split()[:4] == ["2", "vm2", "!", "-"]
    assert lines[14:16] == ["12 its gateway", "x answered, - silent, p in part; ! not as expected"]


def test_what_no_screen_holds_is_not_shown():
    many = [result(f"vm{number}", "db", "ping", True) for number in range(61)] * 2
    assert report.text(many) == report.summary(many)


def test_the_table_says_what_was_expected_and_seen():
    rows = report.text(RESULTS).split("\n\n")[1].splitlines()
    assert rows[0].split() == ["probe", "address", "expected", "seen", "as", "expected"]
    assert rows[2].split("  ")[0] == "network1 has qrouter-1"
    assert "an answer by db" in rows[4]
    assert [row.endswith("NO") for row in rows[2:]] == [False, False, False, False, True, True]


def test_of_very_many_only_the_wrong_ones_are_shown():
    many = [result(f"vm{number}", "db", "ping", True) for number in range(200)]
    assert "db to web (22)" in report.text(many + RESULTS)
    assert "web to db (22)" not in report.text(many + RESULTS)


def test_every_disagreement_is_a_sentence():
    assert report.disagreements(RESULTS) == [
        "db to web (ping), 10.0.0.2: expected an answer, seen: no answer",
        "db to web (22), fd00::2: expected no answer, seen: ttl=64",
    ]
    assert report.summary(RESULTS) == (
        "6 probes: 3 answered and 1 unanswered, as they have to be; 2 not")


def test_json_holds_everything():
    found = json.loads(report.as_json("demo", RESULTS))
    assert (found["site"], found["probes"], found["disagreements"]) == ("demo", 6, 2)
    assert found["results"] == RESULTS


def test_junit_has_a_suite_for_everyone_who_asks():
    root = ElementTree.fromstring(report.junit("demo", RESULTS))
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "6", "2")
    counts = {suite.get("name"): (suite.get("tests"), suite.get("failures")) for suite in root}
    assert counts == {"network1": ("1", "0"), "web": ("3", "0"), "db": ("2", "2")}
    failure = root.find("testsuite[@name='db']/testcase/failure")
    assert failure.get("message") == "expected an answer, seen: no answer"
    assert root.find("testsuite[@name='web']/testcase").get("name") == "web to db (ping): 10.0.0.2"
