# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage by hand is found by drift.yml, exactly that is healed by site.yml, and looking changes nothing."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from xml.etree import ElementTree

import pytest
from damages import DAMAGES, INSIDE, ROUTER

HOSTS = ("network1", "compute1", "control1")
CLEAN, DRIFT, ERROR = 0, 2, 4


class Drift:
    """One run of drift.yml, with what it wrote."""

    def __init__(self, lab, directory, *arguments, status):
        run = lab.play("drift.yml", "--extra-vars", f"drift_report_dir={directory}", *arguments, succeeds=status == 0)
        assert run.status == status, run.output
        self.json, self.markdown, self.junit = (
            (directory / f"drift.{kind}").read_text() for kind in ("json", "md", "xml"))
        self.texts = (run.output, self.json, self.markdown, self.junit)
        self.found = json.loads(self.json)

    def changes(self):
        """What site.yml is to do, in the form of repairs()."""
        hosts = self.found["hosts"].items()
        return sorted(_essence(name, change) for name, host in hosts for change in host["changes"])

    def objects(self, host):
        return [change["object"] for change in self.found["hosts"][host]["changes"]]


def repairs(run):
    """What a run of site.yml did. AssertionError if it did something that has no name."""
    changed = [task for task in run.tasks if task["changed"]]
    assert all(task["changes"] for task in changed), [task["task"] for task in changed if not task["changes"]]
    return sorted(_essence(task["host"], change) for task in changed for change in task["changes"])


def _essence(host, change):
    told = [host, *(change[key] for key in ("object", "action", "before", "after", "disruption"))]
    return json.dumps(told, sort_keys=True)


@pytest.fixture
def look(lab, tmp_path):
    """look(*arguments, status): a Drift."""

    def looked(*arguments, status):
        return Drift(lab, tmp_path, *arguments, status=status)

    return looked


def snapshots(lab):
    """Everything of all hosts that the collection could change."""
    return {host: lab.snapshot(host) for host in HOSTS}


def test_a_site_that_was_just_built_is_clean(lab, look):
    before = snapshots(lab)
    found = look(status=CLEAN).found
    assert found["totals"]["hosts"] == {"clean": 3, "drift": 0, "unreachable": 0, "error": 0, "not_asked": 0}
    assert look(status=CLEAN).found == found, "two equal runs write the same"
    assert snapshots(lab) == before


@pytest.mark.parametrize("title", DAMAGES)
def test_damage_is_found_and_exactly_that_is_healed(lab, look, title):
    damages = DAMAGES[title]
    for damage in damages.values():
        lab.sh(damage.host, damage.command)
    before = snapshots(lab)

    drift = look(status=DRIFT)
    predicted = lab.play("site.yml", "--check")
    assert snapshots(lab) == before, "looking changed nothing"
    healed = lab.play("site.yml")

    for name, damage in damages.items():
        assert all(any(word in each for each in drift.objects(damage.host)) for word in damage.named), name
    for host in HOSTS:
        words = [word for damage in damages.values() if damage.host == host for word in damage.named]
        assert [each for each in drift.objects(host) if not any(word in each for word in words)] == []
    assert drift.changes() == repairs(healed)
    assert repairs(predicted) == repairs(healed)
    assert not any("hunter2" in text for text in drift.texts), "what is in a file with secrets is not shown"


def test_what_nobody_planned_is_told_and_is_no_drift(lab, look):
    lab.sh("compute1", "ip netns add mine; ovs-vsctl add-port br-int mine0 -- set interface mine0 type=internal")
    unknown = look("--limit", "compute1", status=CLEAN)
    lab.sh("compute1", "ip netns del mine; ovs-vsctl del-port mine0")
    found = unknown.found["hosts"]["compute1"]["unknown"]
    assert any("mine" in each["object"] and each["section"] == "namespaces" for each in found)
    assert any("mine0" in each["object"] and each["section"] == "ports" for each in found)
    assert unknown.found["not_asked"] == ["control1", "network1"]


def test_a_host_that_does_not_answer_is_reported_and_the_others_are_asked(lab, look):
    lab.sh("network1", f"{INSIDE} iptables -t nat -F")
    with frozen(lab, "compute1"):
        drift = look("--extra-vars", "ansible_ssh_timeout=3", status=ERROR)
    assert {name: host["status"] for name, host in drift.found["hosts"].items()} == {
        "compute1": "unreachable", "control1": "clean", "network1": "drift"}
    assert "| compute1 | unreachable |" in drift.markdown
    (error,) = ElementTree.fromstring(drift.junit).iter("error")
    assert error.get("type") == "unreachable"


def test_one_host_that_cannot_be_repaired_does_not_keep_others_from_it(lab, look):
    """Somebody else's namespace is where the router's has to be."""
    lab.sh("network1", f"systemctl stop 'cloudnet-metadata-proxy-*'; ip netns del {ROUTER}; ip netns add {ROUTER}")
    lab.sh("compute1", "iptables -F neutron-openvswi-FORWARD")
    drift = look(status=ERROR)
    (failed,) = [each for each in drift.found["hosts"]["network1"]["failed_sections"] if each["conflict"]]
    assert failed["section"] == "namespaces"
    assert drift.found["hosts"]["compute1"]["status"] == "drift"

    stopped = lab.play("rolling.yml", "--extra-vars", '{"dataplane_keep_going": false}', succeeds=False)
    assert stopped.objects("compute1") == [], "who wants to stop at the first failure, stops"

    rolled = lab.play("rolling.yml", succeeds=False)
    assert rolled.objects("compute1") == drift.objects("compute1")
    assert ROUTER in rolled.failures()[-1], "the run ends with who failed, and why"

    lab.sh("network1", f"ip netns del {ROUTER}")
    lab.play("rolling.yml")


def test_after_all_that_the_cloud_works_and_nothing_is_left_to_do(lab, look):
    look(status=CLEAN)
    assert lab.play("site.yml").changes() == {}
    assert "all answered as the model says" in lab.play("verify.yml").output


@contextmanager
def frozen(lab, host):
    """A host that answers nothing, for as long as this lasts."""
    subprocess.run(["podman", "pause", f"{lab.name}-{host}"], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["podman", "unpause", f"{lab.name}-{host}"], check=True, capture_output=True)
