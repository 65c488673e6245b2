# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded router, converged by our modules, is what the real Neutron agent built."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from tests.golden import convert, recording
from tests.golden.converge import converge

from .conftest import run

#: Sysctls in which we differ on purpose: {last part of the key: reason}. docs/differences.md has the same list.
DELIBERATE_SYSCTLS = {
    "rp_filter": "set to 0 in every namespace, where Neutron relies on the setting of the root namespace",
}


@pytest.fixture(params=recording.cases("legacy"), ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture(params=["veth", "internal"])
def plan(request, case):
    site = load(convert.site_variables(recording.recorded_input(case)), convert.hosts(request.param))
    return compile_site(site, allocate(site, empty()))[convert.NETWORK_HOST]


def test_the_router_is_the_recorded_one(clean_host, module, case, plan):
    recorded, namespace = case / "qrouter", plan["namespaces"][0]["name"]
    converge(module, plan)

    for tool in ("iptables-save", "ip6tables-save"):
        assert recording.rules(_inside(namespace, tool)) == recording.rules((recorded / f"{tool}.txt").read_text())

    links, recorded_links = _ip(namespace, "address"), json.loads((recorded / "ip-addr.json").read_text())
    assert recording.addresses(links) == recording.addresses(recorded_links)
    assert recording.macs_and_mtus(links) == recording.macs_and_mtus(recorded_links)
    assert all("UP" in link["flags"] for link in links)

    for version in ("4", "6"):
        have = _ip(namespace, "route", "show", "table", "all", version=version)
        want = json.loads((recorded / f"ip-route{version}.json").read_text())
        assert recording.routes(have) == recording.routes(want)
    assert recording.policy_rules(_ip(namespace, "rule")) \
        == recording.policy_rules(json.loads((recorded / "ip-rule4.json").read_text()))

    have = recording.sysctls(_inside(namespace, "sysctl", "--all"))
    want = recording.sysctls((recorded / "sysctl.txt").read_text())
    assert {key: have.get(key) for key in want if not _deliberate(key)} \
        == {key: value for key, value in want.items() if not _deliberate(key)}

    assert run("ip", "netns").split()[0] in (case / "netns.txt").read_text().split()


def test_a_second_run_changes_nothing(clean_host, module, plan):
    converge(module, plan)
    again = converge(module, plan)
    assert {name: result["changes"] for name, result in again.items() if result["changed"]} == {}


def _deliberate(key):
    return key.rsplit(".", 1)[1] in DELIBERATE_SYSCTLS


def _inside(namespace, *argv):
    return run("ip", "netns", "exec", namespace, *argv)


def _ip(namespace, *argv, version="4"):
    options = () if argv[0] == "address" else (f"-{version}",)
    return json.loads(run("ip", *options, "-j", "-n", namespace, *argv))
