# SPDX-License-Identifier: GPL-3.0-or-later
"""probe: who reaches whom, and a listener that leaves nothing behind."""

from __future__ import annotations

import pytest

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
