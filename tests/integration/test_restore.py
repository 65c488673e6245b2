# SPDX-License-Identifier: GPL-3.0-or-later
"""A host comes back to the plan that it keeps, though Open vSwitch or the plan is another one meanwhile."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.converge import converge_plan
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import paths, run, stamp, store
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.document import Document, encode
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.main import main

from .conftest import run as sh
from .conftest import start_daemon
from .test_cloud import OVERLAP, plans_of


@pytest.fixture
def document(clean_host, tmp_path, monkeypatch):
    """The applied plan, kept. Without services, which take a systemd."""
    monkeypatch.setattr(paths, "PLANS", str(tmp_path / "plans"))
    monkeypatch.setattr(paths, "STAMPS", str(tmp_path / "stamps"))
    monkeypatch.setattr(run, "PAUSE", 0)
    plan = {**plans_of("internal", "iptables_hybrid", *OVERLAP)["compute1"], "services": []}
    document = Document(plan, purge=True, interval=60, textfile_directory=str(tmp_path / "metrics"))
    keep(document)
    return document


def keep(document):
    home = paths.home(document.owner)
    os.makedirs(home, mode=0o700, exist_ok=True)
    store.save(home, encode(document))
    note = Path(home, paths.TEXTFILE_DIRECTORY)
    note.write_text(document.textfile_directory)
    note.chmod(0o600)


def missing(document):
    """What the host does not have as the document says."""
    outcomes = converge_plan(document.plan, document.settings(), check_mode=True)
    return [change.object for _section, outcome in outcomes for change in outcome.changes]


def restart_vswitchd():
    """Kill it, as a crash would, and start another."""
    pidfile = Path("/run/openvswitch/ovs-vswitchd.pid")
    os.kill(int(pidfile.read_text()), signal.SIGKILL)
    start_daemon("ovs-vswitchd", "unix:/run/openvswitch/db.sock")


def test_from_nothing_and_from_an_open_vswitch_that_has_started_anew(document):
    assert missing(document)
    assert main(["restore"]) == 0
    assert missing(document) == []
    restart_vswitchd()
    assert missing(document)
    assert main(["restore"]) == 0
    assert missing(document) == []
    assert main(["restore"]) == 0


def test_what_changes_while_it_runs_is_followed(document, monkeypatch):
    """Open vSwitch is another one after the first attempt, and the plan after the second."""
    newer = replace(document, plan={**document.plan, "sysctls": {"net.ipv4.ip_forward": "1"}})
    meanwhile, plans = [restart_vswitchd, lambda: keep(newer), lambda: None], []

    def interrupted(plan, *arguments):
        outcomes = converge_plan(plan, *arguments)
        plans.append(plan)
        meanwhile.pop(0)()
        return outcomes

    monkeypatch.setattr(run, "converge_plan", interrupted)
    assert main(["restore"]) == 0
    assert plans == [document.plan, document.plan, newer.plan]
    assert missing(newer) == []


def test_a_correction_that_would_disturb_more_than_allowed_is_not_made(document, tmp_path, capfd, monkeypatch):
    main(["restore"])
    keep(replace(document, max_disruption="none"))
    port = next(each["name"] for each in document.plan["ports"] if each.get("type") == "internal")
    sh("ovs-vsctl", "set", "port", port, "tag=4000")
    monkeypatch.setattr(stamp, "QUIET", 0)
    assert main(["reconcile"]) == 1
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("<3>")]
    assert port in errors[0]
    assert sh("ovs-vsctl", "get", "port", port, "tag").strip() == "4000"
    (metrics,) = (tmp_path / "metrics").glob("*-reconcile.prom")
    assert "cloudnet_dataplane_success" in metrics.read_text()
    assert main(["restore"]) == 0
    assert missing(document) == []


def test_what_is_in_the_way_is_named_and_not_tried_again(document, capfd, monkeypatch):
    name = document.plan["namespaces"][0]["name"]
    sh("ip", "netns", "add", name)
    attempts = []
    monkeypatch.setattr(run, "converge_plan", lambda *each: attempts.append(1) or converge_plan(*each))
    assert main(["restore"]) == 1
    assert attempts == [1]
    assert f"network namespace {name} exists" in capfd.readouterr().err
