# SPDX-License-Identifier: GPL-3.0-or-later
"""trace_check: a host confirms the path that the model draws, and says where it does otherwise."""

from __future__ import annotations

from collections import defaultdict

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace import report
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._trace.headers import Headers
from tests.golden.converge import converge
from tests.unit.cloud import HOSTS, SITE, changed
from tests.unit.reach import V6
from tests.unit.test_trace import path

from .conftest import run

#: Both instances, the router and its gateway on one host, which is all of the cloud that a sandbox has.
ALL_IN_ONE = changed(HOSTS["network1"], ("groups", ["network", "compute"]), ("dataplane_bridge_interfaces", {}))
WAYS = [("web", "db"), ("db", "web"), ("web", "10.0.0.1"), ("web", "198.51.100.10"), ("db", "198.51.100.10"),
        ("outside", "203.0.113.105"), ("db", "203.0.113.105"), ("outside", "203.0.113.101"),
        ("web", "fd00:c::9"), ("db", "fd00:c::1")]


@pytest.fixture(params=[False, True], ids=["centralised", "distributed"])
def cloud(request, clean_host, module):
    """The Allocated site, built."""
    changes = [*V6, ("dataplane_ports[1].fixed_ips[1].ip_address", "fd00:c::9")]
    changes += [("dataplane_routers[0].distributed", True)] if request.param else []
    site = load(changed(SITE, *changes), {"compute1": ALL_IN_ONE})
    cloud = Allocated(site, allocate(site, empty()))
    converge(module, compile_site(site, cloud.lock)["compute1"])
    return cloud


def wrong(module, found):
    """{number of a hop: what the host says} of the hops that it denies."""
    asked = report.checks(found)["compute1"]
    said = defaultdict(list)
    for each in module("trace_check", checks=asked)["results"]:
        said[each["hop"]].append(each)
    return {number: [each["seen"] for each in answers if not each["ok"]]
            for number, answers in said.items() if not all(each["ok"] for each in answers)}


@pytest.mark.parametrize(("protocol", "port"), [("icmp", None), ("tcp", 22), ("tcp", 80), ("udp", 53)])
def test_every_hop_of_every_way_is_confirmed(cloud, module, protocol, port):
    for source, destination in WAYS:
        assert wrong(module, path(cloud, source, destination, Headers(protocol, port))) == {}, (source, destination)


def hop_of(found, *words):
    """Number of the first hop that has these words."""
    return next(number for number, hop in enumerate(found.hops, 1)
                if all(word in f"{hop.place}: {hop.does}" for word in words))


def test_the_broken_hop_is_the_first_that_is_denied(cloud, module):
    found = path(cloud, "web", "198.51.100.10", Headers("icmp"))
    namespace = next(hop.place for hop in found.hops if hop.place.startswith("qrouter-"))
    port = next(port for port in cloud.site.ports if port.name == "web")
    chain, tap = f"neutron-openvswi-o{port.id[:10]}", f"tap{port.id[:11]}"
    damages = [
        (("eth0 in vm-web",), ["ip", "-n", "vm-web", "route", "delete", "default"], "does not route it"),
        ((tap,), ["ip", "link", "set", tap, "nomaster"], f"{tap} is not in qbr"),
        ((tap,), ["iptables", "--delete", chain, "-j", "RETURN"], f"the rules of {chain} drop it"),
        (("br-int",), ["ovs-ofctl", "del-flows", "br-int", "table=25"], "br-int drops it in table 25"),
        (("float-snat",), ["ip", "netns", "exec", namespace, "iptables", "--table", "nat", "--flush",
                           "neutron-l3-agent-float-snat"], "has no rule with -s"),
        (("br-ex: phy",), ["ovs-ofctl", "del-flows", "br-ex"], "br-ex drops it in table 0"),
    ]
    plan = compile_site(cloud.site, cloud.lock)["compute1"]
    for place, damage, words in damages:
        run(*damage)
        denied = wrong(module, found)
        assert min(denied) == hop_of(found, *place), (place, denied)
        assert words in " ".join(denied[min(denied)])
        converge(module, plan)
        assert wrong(module, found) == {}, f"{place} is healed"


def test_what_is_gone_altogether_is_said(cloud, module):
    found = path(cloud, "web", "db", Headers("icmp"))
    run("ip", "netns", "delete", "vm-web")
    assert wrong(module, found)[1] == ["network namespace vm-web does not exist"] * 3
