# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded router, converged by our modules, is what the real Neutron agent built."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from tests.golden import convert, differences, recording
from tests.golden.converge import converge

from .conftest import run


@pytest.fixture(params=recording.cases(), ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture
def recorded(case):
    return recording.recorded_input(case)


@pytest.fixture(params=["veth", "internal"])
def plan(request, recorded):
    site = load(convert.site_variables(recorded), convert.hosts(recorded, request.param))
    return compile_site(site, allocate(site, empty()))[convert.own_host(recorded)]


def test_the_router_is_the_recorded_one(clean_host, module, case, recorded, plan):
    converge(module, plan)
    there = {line.split()[0] for line in run("ip", "netns").splitlines()}
    assert there >= set((case / "netns.txt").read_text().split())
    for kind in recording.kinds(case):
        its = recording.Recording(case, kind, plan)
        _assert_rules(its, recorded)
        _assert_links(its)
        _assert_routing(its, recorded)
        _assert_sysctls(its)


def test_check_mode_predicts_the_first_run_and_a_second_one_changes_nothing(clean_host, module, plan):
    predicted, first, again = (_changes(converge(module, plan, check=check)) for check in (True, False, False))
    assert predicted == first
    assert again == {}


def _changes(results):
    return {name: result["changes"] for name, result in results.items() if result["changed"]}


def _assert_rules(its, recorded):
    for tool in ("iptables-save", "ip6tables-save"):
        have, want = (differences.without_marks_of_central(recording.rules(text), recorded)
                      for text in (_inside(its.namespace, tool), its.text(f"{tool}.txt")))
        assert differences.without_way_to_floating_ips(have, want) == want


def _assert_links(its):
    links, recorded = _ip(its.namespace, "address"), its.json("ip-addr.json")
    assert recording.addresses(links) == recording.addresses(recorded)
    assert recording.macs_and_mtus(links) == recording.macs_and_mtus(recorded)
    assert all("UP" in link["flags"] for link in links)


def _assert_routing(its, recorded):
    have = _ip(its.namespace, "route", "show", "table", "all")
    assert recording.routes(have) == recording.routes(its.json("ip-route4.json"))
    have, want = (differences.without_ipv6_outside(entries, recorded) for entries in (
        _ip(its.namespace, "route", "show", "table", "all", version="6"), its.json("ip-route6.json")))
    assert recording.routes(have) == recording.routes(want)
    assert recording.policy_rules(_ip(its.namespace, "rule")) \
        == recording.policy_rules(differences.without_central(its.json("ip-rule4.json"), recorded))
    have = recording.neighbours(run("ip", "-n", its.namespace, "neigh", "show", "nud", "permanent"))
    assert differences.known_neighbours(have, convert.made_up(recorded)) \
        == recording.neighbours(its.text("ip-neigh.txt"))


def _assert_sysctls(its):
    have = recording.sysctls(_inside(its.namespace, "sysctl", "--all"))
    want = recording.sysctls(its.text("sysctl.txt"))
    assert {key: have.get(key) for key in want if differences.is_compared(key)} \
        == {key: value for key, value in want.items() if differences.is_compared(key)}


def _inside(namespace, *argv):
    return run("ip", "netns", "exec", namespace, *argv)


def _ip(namespace, *argv, version="4"):
    options = () if argv[0] == "address" else (f"-{version}",)
    return json.loads(run("ip", *options, "-j", "-n", namespace, *argv))
