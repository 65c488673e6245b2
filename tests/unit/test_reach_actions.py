# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions reachability, reachability_report and trace, run by Ansible itself."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack, unpack

from .test_plan_action import Cloud

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - %s
      run_once: true
      register: result
    - ansible.builtin.copy:
        content: "{{ result | to_json }}"
        dest: "{{ inventory_dir }}/results/result"
      delegate_to: localhost
      run_once: true
      check_mode: false
"""
WRONG = {"name": "web to db (ping)", "origin": "web", "target": "db", "kind": "ping", "address": "10.0.1.9",
         "expect": "reached", "reached": False, "ok": False, "detail": "no answer"}


@pytest.fixture
def play(tmp_path):
    """play(action, {option: value}): its result."""
    cloud = Cloud(tmp_path)()

    def played(action, options, *arguments):
        task = f"cloudnet.dataplane.{action}: {json.dumps(options)}"
        return cloud.play(*arguments, playbook=PLAYBOOK % task)["result"]

    played.allocations = cloud.allocations
    return played


def test_every_host_has_its_questions_and_its_namespaces(play):
    result = play("reachability", {})
    assert (result["site"], result["changed"]) == ("test", False)
    share = result["hosts"]["compute1"]
    probes = unpack(share["probes"])
    assert share["count"] == len(probes)
    assert [probe["namespace"] for probe in probes if probe["kind"] == "namespace"] == ["vm-web", "vm-db"]
    assert {"namespace": "vm-web", "port": 22, "name": "web"} in share["listeners"]
    assert not play.allocations.exists(), "nothing is written"


def test_the_number_of_pairs_has_a_limit(play):
    few, all_of_them = (play("reachability", {"pairs": pairs})["hosts"]["compute1"]["count"] for pairs in (1, 1000))
    assert few < all_of_them


def test_the_report_is_told_and_written(play, tmp_path):
    options = {"site": "test", "answers": [pack([WRONG]), pack([])], "report_dir": str(tmp_path / "reports")}
    assert play("reachability_report", options, "--check")["changed"]
    assert not (tmp_path / "reports").exists()
    result = play("reachability_report", options)
    assert (result["changed"], result["count"]) == (True, 1)
    assert result["disagreements"] == ["web to db (ping), 10.0.1.9: expected an answer, seen: no answer"]
    assert json.loads((tmp_path / "reports" / "reachability.json").read_text())["disagreements"] == 1
    assert ElementTree.parse(tmp_path / "reports" / "reachability.xml").getroot().get("failures") == "1"
    assert not play("reachability_report", options)["changed"]


def test_a_path_is_told_and_what_confirms_it_is_asked(play):
    options = {"source": "outside", "destination": "203.0.113.105", "protocol": "tcp", "port": 22}
    result = play("trace", options)
    assert result["text"].startswith("outside to 203.0.113.105, tcp 22: web gets it, from 203.0.113.1, ttl 63; ")
    assert result["answered"] is True
    checks = unpack(result["hosts"]["network1"]["checks"])
    (probe,) = unpack(result["hosts"]["outside"]["probes"])
    assert (probe["kind"], probe["port"], probe["expect"]) == ("tcp", 22, "reached")
    assert unpack(result["hosts"]["compute1"]["probes"]) == []

    said = [{"hop": check["hop"], "ok": check["kind"] != "rule", "seen": "so", "note": False} for check in checks]
    compared = play("trace", {**options, "answers": [pack(said)], "sent": [pack([])]})
    assert "nat neutron-l3-agent-PREROUTING" in compared["disagreement"]
    assert compared["disagreement"].endswith("; but so")


def test_what_cannot_be_drawn_is_refused(play):
    with pytest.raises(AssertionError, match="did you mean web"):
        play("trace", {"source": "wbe", "destination": "db"})
    with pytest.raises(AssertionError, match="port"):
        play("trace", {"source": "web", "destination": "db", "protocol": "tcp"})
