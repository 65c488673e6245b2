# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays made of a list of tasks, run on a local connection in the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

BRIDGES = "openvswitch.openvswitch"


def task(module, loop=None, variables=None, **options):
    """One task; loop: its items, variables: its vars."""
    extra = {"loop": loop, "vars": variables}
    return {module: options, **{key: value for key, value in extra.items() if value is not None}}


def run(tasks, home):
    """Run the tasks as one play, its files in the directory home.

    Seconds from the start of ansible-playbook to its end. Raises RuntimeError with what it printed.
    """
    playbook = Path(home, "play.json")  # JSON is YAML
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = [Path(sys.executable).with_name("ansible-playbook"), "--connection", "local", playbook]
    started = time.monotonic()
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, timeout=600, check=False)
    seconds = time.monotonic() - started
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return seconds


def environment(home):
    """In which ansible-playbook minds nobody's own settings, and keeps its files in the directory home."""
    settings = Path(home, "ansible.cfg")
    settings.touch()
    return {
        **os.environ,
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_COLLECTIONS_PATH": ":".join(map(str, _collections())),
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "ANSIBLE_LOCAL_TEMP": f"{home}/local",
        "ANSIBLE_REMOTE_TEMP": f"{home}/remote",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }


def missing(*names):
    """Those of the collections that are nowhere."""
    return [
        name
        for name in names
        if not any((path / "ansible_collections" / name.replace(".", "/")).exists() for path in _collections())
    ]


def _collections():
    """Where collections lie: those of the checkout, and where the environment says."""
    told = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(":")
    return [Path(place).resolve() for place in (".cache/collections", *told) if place]
