# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented examples, task by task: predicted, done, and done again without change; then those that read."""

from __future__ import annotations

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.cloudnet.dataplane.plugins.modules import netns_service, netns_service_info

COLLECTION = "cloudnet.dataplane."
NAME = "dnsmasq-8a7a0b6e-3d3c-4e0f-9a3e-1f5b8f6c2d10"


def tasks(module):
    return DataLoader().load(trust_as_template(module.EXAMPLES))


def run(remote, task):
    """The module of a task: its result when it is run in earnest for the first time."""
    (action,) = (key for key in task if key.startswith(COLLECTION))
    name = action.removeprefix(COLLECTION)
    options = task[action] or {}
    predicted, real, again = (remote.run(name, check=check, **options) for check in (True, False, False))
    assert predicted.get("changes") == real.get("changes")
    assert again["changed"] is False
    return real


def test_examples(remote):
    documented = {"changed", "diff", "invocation", *yaml.safe_load(netns_service.RETURN)}
    make, serve, *remove = tasks(netns_service)
    run(remote, make)
    result = run(remote, serve)
    assert result["changed"]
    assert result.keys() <= documented

    read, show = tasks(netns_service_info)
    found = run(remote, read)
    assert found.keys() <= {"changed", "invocation", *yaml.safe_load(netns_service_info.RETURN)}
    (service,) = (each for each in found["services"] if each["name"] == NAME)
    assert service.keys() == yaml.safe_load(netns_service_info.RETURN)["services"]["contains"].keys()
    message = Templar(DataLoader(), variables={"found": found}).template(show["ansible.builtin.debug"]["msg"])
    assert message == []

    stop, _purge = [run(remote, task) for task in remove]
    assert ("delete", f"service cloudnet-{NAME}") in [(each["action"], each["object"]) for each in stop["changes"]]
    (space,) = make["cloudnet.dataplane.netns"]["config"]
    remote.run("netns", owner="demo", state="absent", config=[{"name": space["name"]}])
