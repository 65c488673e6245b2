# SPDX-License-Identifier: GPL-3.0-or-later
"""probe: who reaches whom, and a listener that leaves nothing behind."""

from __future__ import annotations

import subprocess
import time

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack, unpack

from .conftest import run


@pytest.fixture
def pair(clean_host):
    """Two namespaces with one cable between them."""
    run("ip", "netns", "add", "a")
    run("ip", "netns", "add", "b")
    run("ip", "link", "add", "c0", "netns", "a", "type", "veth", "peer", "name", "c0", "netns", "b")
    for name, address in (("a", "192.0.2.1/24"), ("b", "192.0.2.2/24")):
        run("ip", "-n", name, "address", "add", address, "dev", "c0")
        run("ip", "-n", name, "link", "set", "c0", "up")


def ask(module, **probe):
    (result,) = module("probe", probes=[{"name": "it", "namespace": "a", **probe}])["results"]
    return result


def test_the_far_end_tells_which_source_address_it_saw(pair, module):
    module("probe", listen=[{"namespace": "b"}], seconds=20)
    seen = ask(module, kind="tcp", address="192.0.2.2", expect_source="192.0.2.1")
    assert (seen["ok"], seen["source"]) == (True, "192.0.2.1")
    other = ask(module, kind="tcp", address="192.0.2.2", expect_source="192.0.2.9")
    assert (other["ok"], other["detail"]) == (False, "the far end saw 192.0.2.1, expected 192.0.2.9")
    module("probe", listen=[])


def test_a_listener_ends_when_told_and_its_successor_takes_its_place(pair, module):
    module("probe", listen=[{"namespace": "a"}, {"namespace": "b"}], seconds=20)
    module("probe", listen=[{"namespace": "b"}], seconds=20)
    assert ask(module, kind="tcp", address="192.0.2.2")["ok"]
    assert run("ip", "netns", "exec", "a", "ss", "-Hltn") == ""
    module("probe", listen=[])
    assert not ask(module, kind="tcp", address="192.0.2.2")["ok"]
    assert run("ip", "netns", "exec", "b", "ss", "-Hltn") == ""


def test_each_namespace_answers_on_the_port_asked_for(pair, module):
    module("probe", listen=[{"namespace": "a", "port": 22}, {"namespace": "b", "port": 80}], seconds=20)
    assert ask(module, kind="tcp", address="192.0.2.2", port=80)["ok"]
    assert not ask(module, kind="tcp", address="192.0.2.2", port=22)["ok"]
    module("probe", listen=[])


def test_no_answer_is_a_result_and_not_a_failure(pair, module):
    assert ask(module, address="192.0.2.2")["ok"]
    assert not ask(module, address="198.51.100.1")["ok"]
    assert not ask(module, namespace="nowhere", address="192.0.2.2")["ok"]


def asked(module, *probes):
    return module("probe", probes=[{"name": "it", "namespace": "a", **each} for each in probes])["results"]


def test_who_answers_is_told_by_name(pair, module):
    module("probe", listen=[{"namespace": "b", "name": "bob"}], seconds=20)
    seen, wrong = asked(module, *({"kind": "tcp", "address": "192.0.2.2", "expect_answered_by": name}
                                  for name in ("bob", "eve")))  # fmt: skip
    assert (seen["ok"], seen["answered_by"]) == (True, "bob")
    assert (wrong["ok"], wrong["detail"]) == (False, "bob answers, expected eve")
    module("probe", listen=[])


def test_what_must_not_be_reached_is_a_fault_when_it_answers_or_refuses(pair, module):
    module("probe", listen=[{"namespace": "b", "port": 22}], seconds=20)
    questions = [("ping", "192.0.2.2", 0), ("tcp", "192.0.2.2", 22), ("tcp", "192.0.2.2", 23), ("tcp", "192.0.2.9", 22)]
    results = asked(module, *({"kind": kind, "address": address, "port": port, "expect": "unreached"}
                              for kind, address, port in questions))  # fmt: skip
    assert [each["ok"] for each in results] == [False, False, False, True]
    assert results[2]["detail"] == "refused: nobody listens"
    module("probe", listen=[])


def test_a_thousand_questions_take_the_time_of_one(pair, module):
    module("probe", listen=[{"namespace": "b", "port": port} for port in range(1000, 1100)], seconds=20)
    started = time.monotonic()
    positive = [{"kind": "tcp", "address": "192.0.2.2", "port": 1000 + number % 100} for number in range(900)]
    negative = [{"address": f"192.0.2.{last}", "expect": "unreached"} for last in range(9, 99)]
    results = asked(module, *positive, *negative)
    assert all(each["ok"] for each in results)
    assert time.monotonic() - started < 45  # one by one those without an answer alone take minutes
    module("probe", listen=[])


def test_both_families_and_namespaces_are_asked(pair, module):
    for name, address in (("a", "fd00::1/64"), ("b", "fd00::2/64")):
        run("ip", "-n", name, "address", "add", address, "dev", "c0", "nodad")
    results = asked(module, {"address": "fd00:0::2"}, {"address": "fd00::9", "expect": "unreached"},
                    {"kind": "namespace"}, {"kind": "namespace", "namespace": "c", "expect": "unreached"})  # fmt: skip
    assert [each["ok"] for each in results] == [True] * 4
    assert results[0]["detail"].startswith("ttl=64 time=")


def test_packed_questions_have_packed_answers(pair, module):
    packed = pack([{"name": "it", "namespace": "a", "kind": "ping", "address": "192.0.2.2"}])
    (result,) = unpack(module("probe", packed=packed)["packed_results"])
    assert result["ok"]


def test_nobody_answers_in_a_namespace_that_is_not_there(pair, module):
    module("probe", listen=[{"namespace": "nowhere"}, {"namespace": "b"}], seconds=20)
    assert ask(module, kind="tcp", address="192.0.2.2")["ok"]
    module("probe", listen=[])


LATE = "sleep 2; ip -n a address add 198.51.100.2/24 dev c0; sleep 1; ip -n a route add default via 198.51.100.1"


def test_an_instance_that_gets_its_address_and_its_routes_late_is_waited_for(pair, module):
    probes = [{"name": "it", "namespace": "a", "address": address} for address in ("192.0.2.2", "203.0.113.9")]
    started = time.monotonic()
    with subprocess.Popen(["sh", "-c", LATE]):
        module("probe", probes=probes, wait=60)
    assert time.monotonic() - started < 45
    assert run("ip", "-n", "a", "route", "show", "default") != ""


@pytest.mark.parametrize("probe", [
    {"namespace": "nowhere", "address": "192.0.2.2"},
    {"namespace": "a", "address": "203.0.113.9", "expect": "unreached"},
    {"namespace": "a", "kind": "namespace"},
    {"address": "192.0.2.2"},
])  # fmt: skip
def test_nothing_else_is_waited_for(pair, module, probe):
    started = time.monotonic()
    module("probe", probes=[{"name": "it", **probe}], wait=60)
    assert time.monotonic() - started < 45


def test_whom_nobody_tells_its_address_is_not_waited_for_for_ever(pair, module):
    started = time.monotonic()
    module("probe", packed=pack([{"name": "it", "namespace": "a", "kind": "ping", "address": "203.0.113.9"}]), wait=2)
    assert time.monotonic() - started > 2
    assert not ask(module, address="203.0.113.9")["ok"]
