# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks, run on the throw-away host itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_play(playbook, home, *options):
    """Run a playbook, its files in the directory home; what each task changed, {name: (changes, commands)}."""
    hosts = home / "hosts"
    hosts.write_text(f"[network]\nhere ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    settings = {
        "ANSIBLE_CONFIG": ROOT / "ansible.cfg", "ANSIBLE_LOCAL_TEMP": home, "ANSIBLE_REMOTE_TEMP": home,
        "ANSIBLE_CALLBACK_PLUGINS": ROOT / "tests" / "callback", "ANSIBLE_CALLBACKS_ENABLED": "record",
        "DATAPLANE_RECORD": home / "record",
    }  # fmt: skip
    argv = [Path(sys.executable).with_name("ansible-playbook"), "-i", hosts, playbook, *options]
    done = subprocess.run(
        [*argv, "-e", '{"ansible_become": false}'],
        env={**os.environ, **{name: str(value) for name, value in settings.items()}},
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    record = max((home / "record").glob("*.json"))
    tasks = json.loads(record.read_text())["tasks"]
    return {task["task"]: (task["changes"], task["commands"]) for task in tasks if task["changed"]}
