# SPDX-License-Identifier: GPL-3.0-or-later
"""How role datapath makes bridges, and what it does about their settings."""

from __future__ import annotations

import json

import pytest

from .conftest import run
from .ovs import rows
from .play import run_play

SETTINGS = {"mac-table-size": "50000", "disable-in-band": "true"}
CREATE, SET = "Bridges | Create ours", "Bridges | Put the settings of ours right"
PREDICT = "Bridges | Predict the settings of ours"


@pytest.fixture
def play(clean_host, tmp_path):
    """play(*options) converges the bridges of a host; the names of the tasks that changed something."""
    bridges = [{"name": name, "fail_mode": "secure", "datapath_type": "netdev", "other_config": SETTINGS}
               for name in ("br-int", "br-tun")]
    task = {
        "ansible.builtin.include_role": {"name": "cloudnet.dataplane.datapath", "tasks_from": "bridges"},
        "vars": {"dataplane_plan": {"owner": "demo", "bridges": bridges}},
    }
    playbook = tmp_path / "play.json"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    return lambda *options: [name.partition(" : ")[2] or name for name in run_play(playbook, tmp_path, *options)]


def settings():
    return {name: dict(row["other_config"][1]) for name, row in rows("Bridge", "other_config").items()}


def test_a_new_bridge_has_its_settings_and_they_are_put_right(play):
    assert play("--check") == [CREATE] and settings() == {}
    assert play() == [CREATE]
    assert settings() == {"br-int": SETTINGS, "br-tun": SETTINGS}
    assert play() == []

    run("ovs-vsctl", "remove", "bridge", "br-tun", "other_config", "mac-table-size", "--",
        "set", "bridge", "br-int", "other_config:disable-in-band=false", "other_config:theirs=1")
    assert play("--check") == [PREDICT]
    assert play() == [SET]
    assert settings() == {"br-int": {**SETTINGS, "theirs": "1"}, "br-tun": SETTINGS}


def test_bridges_of_others_keep_their_settings(play):
    run("ovs-vsctl", "add-br", "br-tun")
    assert play() == [CREATE]
    assert settings() == {"br-int": SETTINGS, "br-tun": {}}
