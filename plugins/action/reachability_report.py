# SPDX-License-Identifier: GPL-3.0-or-later
"""Action cloudnet.dataplane.reachability_report: see plugins/modules/reachability_report.py for its documentation."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import unpack
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._action import ReportAction
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach import report


class ActionModule(ReportAction):
    """Judge what was answered, and write it down."""

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
        return {
            **self.write_reports(arguments["report_dir"], texts),
            "count": len(results),
            "summary": report.summary(results),
            "text": report.text(results),
            "disagreements": report.disagreements(results),
        }
