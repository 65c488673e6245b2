# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts are otherwise than planned, as drift.json, drift.md, drift.xml and text."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import DISRUPTIONS
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.sections import SECTIONS
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift import answer
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.document import as_json, document, summary
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.junit import junit
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.markdown import markdown
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.text import text

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "drift.schema.json").read_text())

MTU = {"section": "namespaces", "object": "link qg-1 in qrouter-1", "action": "update",
       "before": {"mtu": 1400, "up": True}, "after": {"mtu": 1500, "up": True}, "owner": "demo", "disruption": "port"}
FLOW = {"section": "flows", "object": "flow br-int table=60,priority=1", "action": "create", "before": None,
        "after": "actions=NORMAL", "owner": "demo", "disruption": "flow"}
ROUTE = {"section": "namespaces", "object": "address 10.0.0.9/24 on qg-1 in qrouter-1", "action": "delete",
         "before": {"scope": "global"}, "after": None, "owner": "demo", "disruption": "none"}
MINE = {"section": "namespaces", "object": "namespace mine", "owner": None}


def dataplane(*changes, **keys):
    return {"dataplane": {"changed": bool(changes), "changes": list(changes), "unknown": [], **keys}}


CLEAN = dataplane()
DRIFTED = dataplane(FLOW, MTU, ROUTE, unknown=[MINE])
UNREACHABLE = {"dataplane": {
    "unreachable": True, "msg": "Task failed: Failed to connect to the host via ssh: no route to host"}}
FAILED = {"dataplane": {"failed": True, "msg": "ovs_port: ovsdb-server gave no answer\nwithin 10 seconds"}}
BLOCKED = dataplane(MTU, failed_sections=[
    {"section": "ports", "msg": "Port qg-1 exists and does not carry our mark.", "conflict": True, "owner": None}])
VIRGIN = {**CLEAN, "packages": ["ipset", "conntrack"],
          "modules": [{"item": "bridge", "stat": {"exists": False}}, {"item": "x", "stat": {"exists": True}},
                      {"item": "y", "skipped": True}],
          "daemon": {"changed": True, "name": "openvswitch-switch",
                     "status": {"ActiveState": "inactive", "UnitFileState": "enabled"}}}
ANSWERS = {"network1": DRIFTED, "compute1": CLEAN, "compute2": UNREACHABLE, "compute3": FAILED, "compute4": VIRGIN}
SITE = document("demo", ANSWERS, ["compute6", "compute5"])


def test_sections_and_disruptions_are_the_engines():
    assert answer.SECTIONS[1:-1] == tuple(section.name for section in SECTIONS)
    assert answer.DISRUPTIONS == DISRUPTIONS


def test_every_host_has_a_status():
    assert {name: host["status"] for name, host in SITE["hosts"].items()} == {
        "network1": "drift", "compute1": "clean", "compute2": "unreachable", "compute3": "error", "compute4": "drift"}
    assert SITE["hosts"]["compute2"]["message"] == "Failed to connect to the host via ssh: no route to host"
    assert SITE["not_asked"] == ["compute5", "compute6"]


def test_every_object_tells_what_it_was_and_is_to_be_whose_it_is_and_what_it_disturbs():
    assert SITE["hosts"]["network1"]["changes"] == [ROUTE, MTU, FLOW]
    assert SITE["hosts"]["network1"]["disruption"] == "port"


def test_the_unknown_is_told_apart_and_is_no_drift():
    assert SITE["hosts"]["network1"]["unknown"] == [MINE]
    (only,) = document("demo", {"a": dataplane(unknown=[MINE])}, [])["hosts"].values()
    assert (only["status"], only["unknown"]) == ("clean", [MINE])


def test_what_the_host_itself_lacks_is_drift_too():
    changes = SITE["hosts"]["compute4"]["changes"]
    assert [(each["section"], each["object"], each["owner"]) for each in changes] == [
        ("host", "kernel module of /proc/sys/net/bridge", "demo"),
        ("host", "package conntrack", "demo"),
        ("host", "package ipset", "demo"),
        ("host", "unit openvswitch-switch", "demo"),
    ]
    assert changes[3]["before"] == {"state": "inactive", "boot": "enabled"}
    assert changes[3]["after"] == {"state": "active", "boot": "enabled"}


@pytest.mark.parametrize(("answers", "status"), [
    ({"a": CLEAN}, "clean"), ({"a": CLEAN, "b": DRIFTED}, "drift"), ({"a": CLEAN, "b": VIRGIN}, "drift"),
    ({"a": DRIFTED, "b": FAILED}, "error"), ({"a": CLEAN, "b": UNREACHABLE}, "error"),
    ({"a": {**CLEAN, "restore": {"failed": True, "msg": "no systemd"}}}, "error"),
    ({"a": {**CLEAN, "restore": {"changes": [{**FLOW, "section": "restore"}]}}}, "drift"),
])  # fmt: skip
def test_an_error_outweighs_drift(answers, status):
    assert document("demo", answers, [])["status"] == status


def test_a_section_that_could_not_be_read_is_an_error_and_the_others_are_told():
    found = document("demo", {"a": BLOCKED}, [])
    host = found["hosts"]["a"]
    assert (host["status"], host["changes"]) == ("error", [MTU])
    assert host["message"] == "ports: Port qg-1 exists and does not carry our mark."
    for shown in (text(found), markdown(found)):
        assert host["message"] in shown
        assert MTU["object"] in shown
    suite = ElementTree.fromstring(junit(found)).find("testsuite")
    assert suite.find("testcase[@name='ports']/error").get("message") == "Port qg-1 exists and does not carry our mark."
    assert suite.find("testcase[@name='namespaces']/failure") is not None


@pytest.mark.parametrize(("task", "section"), [("daemon", "host"), ("restore", "restore")])
@pytest.mark.parametrize("ended", ["failed", "unreachable"])
def test_a_host_that_is_lost_later_is_an_error_and_what_it_has_said_is_told(task, section, ended):
    (host,) = document("demo", {"a": {**dataplane(MTU), task: {ended: True, "msg": "lost"}}}, [])["hosts"].values()
    assert (host["status"], host["changes"]) == ("error", [MTU])
    assert host["failed_sections"] == [{"section": section, "msg": "lost", "conflict": False, "owner": None}]


def test_the_totals_count_everything():
    assert SITE["totals"] == {
        "hosts": {"clean": 1, "drift": 2, "unreachable": 1, "error": 1, "not_asked": 2},
        "changes": 7,
        "disruption": "port",
        "changes_by_disruption": {"none": 5, "flow": 1, "port": 1, "conntrack": 0, "service": 0},
        "unknown": 1,
    }
    assert summary(SITE) == (
        "Hosts: 1 clean, 2 drift (compute4, network1), 1 unreachable (compute2), 1 error (compute3), 2 not asked. "
        "7 objects drifted (correcting them disturbs: port), 1 unknown.")


def test_the_order_in_which_hosts_and_objects_were_found_does_not_count():
    for changes in itertools.permutations((FLOW, MTU, ROUTE)):
        turned = {name: ANSWERS[name] for name in reversed(ANSWERS)}
        turned["network1"] = dataplane(*changes, unknown=[MINE])
        assert as_json(document("demo", turned, ["compute5", "compute6"])) == as_json(SITE)


@pytest.mark.parametrize("answers", [{}, {"a": CLEAN}, {"a": BLOCKED}, ANSWERS])
def test_the_document_is_as_its_schema_says(answers):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(as_json(document("demo", answers, ["b"]))), SCHEMA)


def test_the_schema_refuses_what_is_not_documented():
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**SITE, "time": "12:00"}, SCHEMA)


def test_people_read_what_is_and_what_is_to_be():
    lines = markdown(SITE).splitlines()
    assert lines[0] == "# Drift of demo: error"
    assert "| network1 | drift | 3 | port | 1 |" in lines
    assert "| namespaces | link qg-1 in qrouter-1 | mtu 1400 -> 1500 | port | demo |" in lines
    assert "| flows | flow br-int table=60,priority=1 | missing, is to be actions=NORMAL | flow | demo |" in lines
    assert "| namespaces | namespace mine | nobody known |" in lines
    assert "Not asked: compute5, compute6" in lines
    assert "ovs_port: ovsdb-server gave no answer" in lines
    assert "## compute1: clean" not in lines


def test_what_is_in_a_table_does_not_break_it():
    odd = {**FLOW, "object": "flow a|b\n<br>"}
    (row,) = [line for line in markdown(document("demo", {"a": dataplane(odd)}, [])).splitlines() if "flow a" in line]
    assert row.startswith("| flows | flow a\\|b &lt;br> | ")


def test_a_terminal_shows_only_what_is_not_clean():
    shown = text(SITE)
    assert "compute1" not in shown
    assert "link qg-1 in qrouter-1: mtu 1400 -> 1500 (disturbs: port)" in shown
    assert shown.endswith(summary(SITE))
    assert text(document("demo", {"a": CLEAN}, [])) == "Hosts: 1 clean. 0 objects drifted, 0 unknown."


def test_nobody_reads_thousands_of_lines():
    found = document("demo", {"a": dataplane(*({**FLOW, "object": f"flow {number:04}"} for number in range(1000)))}, [])
    for shown in (text(found), markdown(found)):
        assert len(shown.splitlines()) < 70
        assert "... and 950 more: see drift.json" in shown
    assert len(json.loads(as_json(found))["hosts"]["a"]["changes"]) == 1000


def test_junit_has_a_suite_per_host_and_a_case_per_section():
    root = ElementTree.fromstring(junit(SITE))
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": str(3 * len(answer.SECTIONS) + 4), "failures": "3", "errors": "2", "skipped": "2"}
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["compute1", "compute2", "compute3", "compute4", "network1", "compute5", "compute6"]
    assert [case.get("name") for case in suites["compute1"]] == list(answer.SECTIONS)
    failure = suites["network1"].find("testcase[@name='namespaces']/failure")
    assert failure.get("message") == "2 objects drifted"
    assert "link qg-1 in qrouter-1: mtu 1400 -> 1500" in failure.text
    assert "namespace mine" in suites["network1"].find("testcase[@name='namespaces']/system-out").text
    assert suites["compute2"].find("testcase/error").get("type") == "unreachable"


def test_junit_holds_what_xml_cannot():
    broken = {"dataplane": {"failed": True, "msg": "a \x1b[31mred\x00 word"}}
    root = ElementTree.fromstring(junit(document("demo", {"a": broken}, [])))
    assert root.find("testsuite/testcase/error").get("message") == "a ?[31mred? word"
