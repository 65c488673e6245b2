# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what every task of a playbook run did, so that a test can compare runs.

Writes NN-PLAYBOOK[-check].json into the directory that DATAPLANE_RECORD names:
{"tasks": [{host, task, action, changed, failed, changes, commands}]}, in the
order of completion, tasks that were skipped left out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record
type: notification
short_description: Record what every task did, for tests
description: [Writes one JSON file per run into the directory named by the environment variable DATAPLANE_RECORD.]
"""


class CallbackModule(CallbackBase):
    """One file per ansible-playbook run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._tasks = []
        self._playbook = "playbook"

    def v2_playbook_on_start(self, playbook):
        self._playbook = Path(playbook._file_name).stem

    def v2_runner_on_ok(self, result):
        self._note(result, failed=False)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._note(result, failed=True)

    def v2_playbook_on_stats(self, stats):
        home = Path(os.environ["DATAPLANE_RECORD"])
        home.mkdir(parents=True, exist_ok=True)
        number = len(list(home.glob("*.json"))) + 1
        check = "-check" if context.CLIARGS.get("check") else ""
        path = home / f"{number:02d}-{self._playbook}{check}.json"
        path.write_text(json.dumps({"tasks": self._tasks}, indent=1))

    def _note(self, result, failed):
        outcome = result._result
        self._tasks.append(
            {
                "host": result._host.get_name(),
                "task": result._task.get_name(),
                "action": result._task.action,
                "changed": bool(outcome.get("changed")),
                "failed": failed,
                "msg": str(outcome.get("msg", "")) if failed else "",
                "changes": json.loads(json.dumps(outcome.get("changes", []), default=str)),
                "commands": _commands(outcome),
            }
        )


def _commands(outcome):
    """What a task of the stock collection ran, over all items of its loop."""
    return [str(line) for item in (outcome, *outcome.get("results", [])) for line in item.get("commands", [])]
