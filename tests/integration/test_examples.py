# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented examples of every module, task by task: predicted, done, and done again without change.

What reads is run on a host that has something to read.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

COLLECTION = "cloudnet.dataplane."
MODULES = "ansible_collections.cloudnet.dataplane.plugins.modules"
#: Actions; tests/unit/test_plan_action.py, test_reach_actions.py, test_drift_action.py run them.
ON_THE_CONTROLLER = {"plan", "host_plan", "reachability", "reachability_report", "trace", "drift_report"}
NEED_SYSTEMD = {"netns_service", "netns_service_info", "host_restore"}  # molecule/services and molecule/reboot run them
ALL = {path.stem for path in Path(__file__).parents[2].glob("plugins/modules/*.py")}
TAKE_A_PLAN = {"host_dataplane"}  # its own test runs it
NAMES = sorted(ALL - ON_THE_CONTROLLER - NEED_SYSTEMD - TAKE_A_PLAN)


@pytest.mark.parametrize("name", NAMES)
def test_examples(name, module, bridge):
    for each in ("br-int", "br-ex"):
        bridge(each)
    documented = {"changed", "diff", "invocation", *yaml.safe_load(_of(name).RETURN)}
    registered = {}
    for task in [*_something_to_read(name), *_tasks(name)]:
        (action,) = (key for key in task if "." in key)
        templar = Templar(DataLoader(), variables=registered)
        if action.startswith(COLLECTION):
            result = _three_times(module, action.removeprefix(COLLECTION), templar.template(task[action] or {}))
            registered[task.get("register")] = result
            assert action != COLLECTION + name or result.keys() <= documented
        elif action == "ansible.builtin.assert":
            assert templar.evaluate_conditional(task[action]["that"])
        else:
            assert action == "ansible.builtin.debug"
            assert templar.template(task[action]["msg"]) != task[action]["msg"]


def _of(name):
    return importlib.import_module(f"{MODULES}.{name}")


def _tasks(name):
    return DataLoader().load(trust_as_template(_of(name).EXAMPLES))


def _something_to_read(name):
    """For X_info: the examples of X up to the first of X itself."""
    if not name.endswith("_info"):
        return []
    twin = name.removesuffix("_info")
    tasks = _tasks(twin)
    return tasks[: 1 + next(index for index, task in enumerate(tasks) if COLLECTION + twin in task)]


def _three_times(module, name, options):
    """The result of the run that is real and not a repetition."""
    predicted = module(name, check=True, **options)
    result = module(name, **options)
    assert predicted.get("changes") == result.get("changes")
    assert module(name, **options)["changed"] is False
    return result
