# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed anywhere is finished by the next one: the host is as if it had been built in one go.

DATAPLANE_KILLS=100 kills a hundred runs of each kind instead of a few, elsewhere each time, and tells where.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from tests.sandbox import OWN_DIRS
from tests.unit.cloud import REMOVE

from .conftest import clean, run
from .test_cloud import OVERLAP, plans_of

KILLS = os.environ.get("DATAPLANE_KILLS")
MODULE = "ansible_collections.cloudnet.dataplane.plugins.modules.host_dataplane"
SNAPSHOT = str(Path(__file__).parents[1] / "snapshot.sh")
SETTINGS = Path("/etc/sysctl.d/60-cloudnet-dataplane.conf")

#: From one cloud to another: a floating IP, a rule, an instance and a router.
CHANGES = [
    ("dataplane_floating_ips[0]", {"floating_network": "ext", "floating_ip_address": "203.0.113.106", "port": "db"}),
    ("dataplane_security_groups[0].rules[1].port_range_max", 25),
    ("dataplane_ports[3]", REMOVE),
    ("dataplane_routers[1]", REMOVE),
]


@pytest.fixture(params=["veth", "internal"])
def plans(request, clean_host):
    """{stage: plan} of what a host goes through, over and over. Without services, which take a systemd."""
    full = plans_of(request.param, "iptables_hybrid", *OVERLAP)["compute1"]
    changed = plans_of(request.param, "iptables_hybrid", *OVERLAP, *CHANGES)["compute1"]
    lists = dict.fromkeys(("ports", "flows", "namespaces", "nat_rules", "floating_ips"), [])
    groups = {key: [] for key in full["security_groups"]}
    nothing = {**full, **lists, "security_groups": groups, "sysctls": {}}
    plans = {"full": full, "changed": changed, "nothing": nothing}
    return {stage: {**plan, "services": []} for stage, plan in plans.items()}


def start(plan, how, when):
    """host_dataplane, started by tests.killing: its exit status."""
    options = {"packed": pack(plan), "purge": True}
    return subprocess.run(
        [sys.executable, "-m", "tests.killing", how, str(when), MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": options}),
        text=True, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).returncode  # fmt: skip


def measured(plan, report):
    """Apply a plan in one go: how long that is, in calls that leave Python and in seconds."""
    assert start(plan, "never", report) == 0
    return json.loads(report.read_text())


def state():
    """The host, as its own tools tell it."""
    return run("sh", SNAPSHOT).splitlines()


def settled_state():
    """The host when the kernel has looked for duplicates of all addresses, at which it adds their routes."""
    everywhere = "for name in $(ls /run/netns); do ip -6 -o -n $name address; done"
    while "tentative" in run("sh", "-c", everywhere):
        time.sleep(0.1)
    return state()


def settings():
    """The text of the one file that is written."""
    return SETTINGS.read_text() if SETTINGS.exists() else None


def half_written():
    return run("find", *OWN_DIRS, "-name", ".*.cloudnet").split()


def test_killed_runs_are_finished_by_the_next(module, plans, tmp_path):
    def finish(stage):
        return module("host_dataplane", packed=pack(plans[stage]), purge=True)

    whole, texts, sizes = _in_one_go(plans, finish, tmp_path / "size")
    chosen, killed = random.Random(None if KILLS else 4711), 0
    points = zip(itertools.cycle(plans), itertools.cycle(["boundary", "moment"]))
    while killed < int(KILLS or 6):  # a run may be quicker than the one that was measured, and over by then
        stage, how = next(points)
        when = chosen.uniform(0, sizes[stage][how])
        killed += start(plans[stage], how, when) == -signal.SIGKILL
        assert settings() in texts, "a file is the old or the new one"
        made = len(finish(stage)["changes"])
        print(f"{stage}: killed at {how} {when:.2f} of {sizes[stage][how]:.2f}, {made} changes were left")
        assert settled_state() == whole[stage]
        assert half_written() == []
        assert not finish(stage)["changed"]
    print(f"{killed} runs were killed")


def _in_one_go(plans, finish, report):
    """({stage: state of a fresh host}, the texts of the file, {stage: how long coming there from the last one is})"""
    finish("changed")
    whole = {"changed": settled_state()}
    finish("nothing")
    clean()
    finish("nothing")
    whole["nothing"], texts, sizes = settled_state(), {settings()}, {}
    for stage, plan in plans.items():
        sizes[stage] = measured(plan, report)
        texts.add(settings())
        assert settled_state() == whole.setdefault(stage, settled_state())
    assert len(texts) == 2, "the file comes and goes"
    return whole, texts, sizes
