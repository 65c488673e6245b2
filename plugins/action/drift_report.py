# SPDX-License-Identifier: GPL-3.0-or-later
"""Action cloudnet.dataplane.drift_report: see plugins/modules/drift_report.py for its documentation."""

from __future__ import annotations

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._action import ReportAction
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.document import as_json, document, summary
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.junit import junit
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.markdown import markdown
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._drift.text import text

_SPEC = {
    "site": {"type": "str"},
    "answers": {"type": "list", "elements": "dict"},
    "not_asked": {"type": "list", "elements": "str", "default": []},
    "report_dir": {"type": "path"},
    "verdict": {"type": "str", "choices": ["clean", "drift", "error"]},
    "msg": {"type": "str", "default": ""},
}


class ActionModule(ReportAction):
    """Write down what was found; or end the play as an earlier report says."""

    def run(self, tmp=None, task_vars=None):
        """Result keys as documented in plugins/modules/drift_report.py."""
        super().run(tmp, task_vars)
        _result, arguments = self.validate_argument_spec(
            argument_spec=_SPEC, mutually_exclusive=[("answers", "verdict")],
            required_one_of=[("answers", "verdict")], required_by={"answers": ["site"]})
        if arguments["verdict"]:
            return _end(arguments["verdict"], arguments["msg"])
        answers = {each["host"]: each for each in arguments["answers"]}
        found = document(arguments["site"], answers, arguments["not_asked"])
        return {
            **self.write_reports(arguments["report_dir"], {
                "drift.json": as_json(found), "drift.md": markdown(found), "drift.xml": junit(found)}),
            "status": found["status"], "totals": found["totals"], "summary": summary(found), "text": text(found),
        }


def _end(verdict, message):
    if verdict == "error":
        # ansible-playbook's status says 4 for hosts that could not be reached, 2 for tasks that failed
        raise AnsibleConnectionFailure(message)
    return {"changed": False, "failed": verdict == "drift", "msg": message}
