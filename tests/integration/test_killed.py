# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed anywhere is finished by the next one, and nothing of it is lost or doubled."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from tests.golden import convert, recording
from tests.golden.converge import converge

from .conftest import run

#: How many runs of a whole plan are killed. Each module of a run is killed at a random moment of its life.
RUNS = 4


@pytest.fixture(params=["veth", "internal"])
def plan(request):
    (case,) = [case for case in recording.cases("legacy") if case.name == "legacy_2subnet_gw_2fip"]
    recorded = recording.recorded_input(case)
    site = load(convert.site_variables(recorded), convert.hosts(recorded, request.param))
    return compile_site(site, allocate(site, empty()))[convert.NETWORK_HOST]


def state(namespace):
    """What the plan builds, as the host's own tools tell it."""
    inside = ("ip", "netns", "exec", namespace)
    links = json.loads(run("ip", "-j", "-n", namespace, "address"))
    return {
        "addresses": recording.addresses(links),
        "macs and mtus": recording.macs_and_mtus(links),
        "routes": sorted(run("ip", "-n", namespace, "route").splitlines()),
        "rules": [recording.rules(run(*inside, tool)) for tool in ("iptables-save", "ip6tables-save")],
        "ports": sorted(run("ovs-vsctl", "--format=csv", "--columns=name,tag,external_ids", "list", "port").split()),
        "flows": sorted(run("ovs-ofctl", "dump-flows", "--no-stats", "--names", "br-int").splitlines()),
    }


def test_killed_runs_are_finished_by_the_next(clean_host, module, plan):
    namespace = plan["namespaces"][0]["name"]
    converge(module, plan)
    whole = state(namespace)
    moments = random.Random(4711)

    def killed(name, **options):
        with contextlib.suppress(subprocess.TimeoutExpired, AssertionError):
            return module(name, killed_after=moments.uniform(0.05, 0.35), **options)
        return {"changed": True, "changes": []}

    nothing = {**plan, **{section: [] for section in ("namespaces", "ports", "flows", "nat_rules", "floating_ips")}}
    for _run in range(RUNS):
        converge(module, nothing)
        converge(killed, plan)
        converge(module, plan)
        assert state(namespace) == whole
        assert not any(result["changed"] for result in converge(module, plan).values())
