# SPDX-License-Identifier: GPL-3.0-or-later
"""The action drift_report and the status that ansible-playbook ends with, run by Ansible itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import COLLECTIONS

FLOW = {"section": "flows", "object": "flow br-int table=60", "action": "create", "before": None, "after": "NORMAL",
        "owner": "demo", "disruption": "flow"}
CLEAN = {"host": "a", "dataplane": {"changes": [], "unknown": []}}
DRIFTED = {"host": "b", "dataplane": {"changes": [FLOW], "unknown": []}}
UNREACHABLE = {"host": "c", "dataplane": {"unreachable": True, "msg": "no route to host"}}


@pytest.fixture
def report(tmp_path):
    """report([answer, ...], *arguments): the status of a play that reports and ends as the report says, its output."""

    def played(answers, *arguments):
        tasks = [
            {"cloudnet.dataplane.drift_report": {
                "site": "demo", "answers": answers, "not_asked": ["z"], "report_dir": str(tmp_path / "reports")},
             "register": "report"},
            {"cloudnet.dataplane.drift_report": {"verdict": "{{ report.status }}", "msg": "{{ report.summary }}"}},
        ]
        (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        done = subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), "--inventory", "one,", "play.yml", *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_LOCAL_TEMP": f"{tmp_path}/tmp"},
        )
        return done.returncode, done.stdout + done.stderr

    played.files = tmp_path / "reports"
    return played


@pytest.mark.parametrize(("answers", "status"), [
    ([CLEAN], 0), ([CLEAN, DRIFTED], 2), ([CLEAN, UNREACHABLE], 4), ([DRIFTED, UNREACHABLE], 4)])
def test_the_exit_status_tells_clean_drift_and_error_apart(report, answers, status):
    ended, output = report(answers, "-v")
    assert ended == status, output
    assert "1 not asked" in output


def test_two_equal_runs_write_equal_files_and_the_second_changes_nothing(report):
    _status, first = report([CLEAN, DRIFTED])
    before = {path.name: path.read_bytes() for path in report.files.iterdir()}
    assert set(before) == {"drift.json", "drift.md", "drift.xml"}
    assert "changed=1" in first
    _status, second = report([DRIFTED, CLEAN])
    assert "changed=0" in second
    assert {path.name: path.read_bytes() for path in report.files.iterdir()} == before


def test_check_mode_writes_nothing(report):
    status, _output = report([DRIFTED], "--check")
    assert status == 2
    assert not report.files.exists()
