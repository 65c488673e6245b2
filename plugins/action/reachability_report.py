# SPDX-License-Identifier: GPL-3.0-or-later
"""Action cloudnet.dataplane.reachability_report: see plugins/modules/reachability_report.py for its documentation."""

from __future__ import annotations

import os

from ansible.plugins.action import ActionBase

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import unpack
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach import report


class ActionModule(ActionBase):
    """Judge what was answered, and write it down."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Result keys as documented in plugins/modules/reachability_report.py."""
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(argument_spec={
            "site": {"type": "str", "required": True},
            "answers": {"type": "list", "elements": "str", "required": True},
            "report_dir": {"type": "path"},
        })
        site, results = arguments["site"], [each for packed in arguments["answers"] for each in unpack(packed)]
        texts = {"reachability.json": report.as_json(site, results), "reachability.xml": report.junit(site, results)}
        directory = arguments["report_dir"]
        changed = self._write(directory, texts) if directory else []
        return {
            "changed": bool(changed),
            "files": [os.path.join(directory, name) for name in texts] if directory else [],
            "count": len(results),
            "summary": report.summary(results),
            "text": report.text(results),
            "disagreements": report.disagreements(results),
        }

    def _write(self, directory, texts):
        """Names of the files that are not yet as they have to be; they are written, but in check mode."""
        changed = [name for name, text in texts.items() if _read(os.path.join(directory, name)) != text]
        if not self._task.check_mode:
            os.makedirs(directory, exist_ok=True)
            for name in changed:
                with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                    file.write(texts[name])
        return changed


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
