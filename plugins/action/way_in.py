# SPDX-License-Identifier: GPL-3.0-or-later
"""Action cloudnet.dataplane.way_in: see plugins/modules/way_in.py for its documentation."""

from __future__ import annotations

import contextlib
import time

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

_MODULE = "cloudnet.dataplane.way_in"

#: Seconds between two tries to reach the host, and how long after the undo it is still tried.
_PAUSE, _GRACE = 2, 60

display = Display()


class ActionModule(ActionBase):
    """Have the host arm its switch; where it does, connect anew, and confirm."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Result keys as documented in plugins/modules/way_in.py."""
        super().run(tmp, task_vars)
        armed = self._execute_module(module_name=_MODULE, module_args=self._task.args, task_vars=task_vars)
        if armed.get("phase") != "armed":
            return armed
        timeout = int(self._task.args.get("timeout", 60))
        name = task_vars["inventory_hostname"]
        display.display(f"{name}: the way in changes, and changes back in {timeout} seconds unless that is confirmed")
        answer = self._decided(timeout + _GRACE, task_vars)
        return {**armed, **_judged(answer, [f"{each['action']} {each['object']}" for each in armed["changes"]])}

    def _decided(self, seconds, task_vars):
        """How it ended, as the host says, or None if it is not reached for so many seconds."""
        wanted, until = "awaited", time.monotonic() + seconds
        while time.monotonic() < until:
            if wanted == "awaited":
                time.sleep(_PAUSE)
            answer = self._over_a_new_connection(wanted, task_vars)
            if answer.get("phase") == "applied":
                wanted = "confirmed"
            elif answer and answer.get("phase") != "armed":
                return answer
        return None

    def _over_a_new_connection(self, state, task_vars):
        """The module's answer; an empty one if the host is not reached."""
        with contextlib.suppress(AnsibleConnectionFailure):
            self._connection.reset()
            answer = self._execute_module(module_name=_MODULE, module_args={"state": state}, task_vars=task_vars)
            return answer if "phase" in answer else {}
        return {}


def _judged(answer, changes):
    """The result's keys of an end."""
    if answer is None:
        return {
            "unreachable": True,
            "changed": False,
            "msg": f"The way in changed ({'; '.join(changes)}), and the host was not reached since, "
            "nor after it should have undone that by itself.",
        }
    if answer["phase"] == "confirmed":
        return {"phase": "confirmed"}
    return {
        "failed": True,
        "changed": False,
        "phase": answer["phase"],
        "msg": f"The host has undone the change of the way in ({'; '.join(changes)}): {answer.get('why')}. "
        "What was to follow on this host was not begun.",
    }
