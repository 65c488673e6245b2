# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are started at the same time take turns: the first one does it all, the others find nothing to do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack

from .test_cloud import OVERLAP, plans_of


@pytest.fixture
def plan(clean_host):
    """Without services, which take a systemd."""
    return {**plans_of("veth", "iptables_hybrid", *OVERLAP)["compute1"], "services": []}


def test_the_same_plan_from_two_places_is_made_once(plan, module):
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(module, "host_dataplane", packed=pack(plan), purge=True) for _run in range(3)]
        made = [run.result()["changes"] for run in runs]
    assert sorted(map(len, made))[:2] == [0, 0]
    assert max(map(len, made)) > 300
    assert module("host_dataplane", packed=pack(plan), purge=True, check=True)["changes"] == []


def test_of_two_plans_the_later_one_is_made_whole(plan, module):
    plans = [plan, {**plan, "nat_rules": [], "floating_ips": [], "flows": []}]
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(module, "host_dataplane", packed=pack(each), purge=True) for each in plans]
        assert all(run.result()["changed"] for run in runs)
    left = [module("host_dataplane", packed=pack(each), purge=True, check=True)["changes"] for each in plans]
    assert [] in left
    assert left != [[], []]
