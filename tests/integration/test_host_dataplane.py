# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's plan as a whole: what host_dataplane makes is what the modules make, one after the other."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from tests.golden.converge import converge

from .conftest import run
from .test_cloud import OVERLAP, plans_of

KINDS = [("veth", "iptables_hybrid"), ("internal", "iptables_hybrid"), ("veth", "noop")]


@pytest.fixture(params=KINDS, ids="-".join)
def plan(request, clean_host):
    """Without services, which take a systemd."""
    return {**plans_of(*request.param, *OVERLAP)["compute1"], "services": []}


@pytest.fixture
def host(module):
    """host(plan) runs host_dataplane as the roles run their modules."""
    return lambda plan, **options: module("host_dataplane", packed=pack(plan), **{"purge": True, **options})


def _told(result):
    """What changes, without the states before: those of a later section depend on the earlier ones."""
    return [(one["section"], one["action"], one["object"], one["after"]) for one in result["changes"]]


def test_it_makes_what_the_modules_make(plan, host, module):
    predicted = host(plan, check=True)
    made = host(plan)
    assert predicted["changed"] and _told(predicted) == _told(made)
    assert host(plan, check=True)["changes"] == host(plan)["changes"] == []
    again = {**converge(module, plan), "node_sysctl": module("node_sysctl", sysctls=plan["sysctls"])}
    assert {name: result["changes"] for name, result in again.items() if result["changes"]} == {}


def test_it_has_nothing_to_do_after_the_modules(plan, host, module):
    converge(module, plan)
    module("node_sysctl", sysctls=plan["sysctls"])
    for bridge in plan["bridges"]:  # what the role has the collection openvswitch.openvswitch do
        settings = [f"other_config:{key}={value}" for key, value in bridge["other_config"].items()]
        mark = f"external_ids:cloudnet-dataplane={plan['owner']}"
        run("ovs-vsctl", "set", "bridge", bridge["name"], mark, *settings)
    assert host(plan, check=True)["changes"] == host(plan)["changes"] == []
