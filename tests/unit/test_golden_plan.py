# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a recorded router says what the real Neutron agent built."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from tests.golden import convert, recording

LEGACY = recording.cases("legacy")


@pytest.fixture(params=LEGACY, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture
def plan(case):
    site = load(convert.site_variables(recording.recorded_input(case)), convert.hosts("internal"))
    return compile_site(site, allocate(site, empty()))[convert.NETWORK_HOST]


@pytest.mark.parametrize(("family", "dump"), [("ipv4", "iptables-save.txt"), ("ipv6", "ip6tables-save.txt")])
def test_rules_are_those_of_the_agent_in_its_order(case, plan, family, dump):
    planned = next(item["tables"] for item in plan["nat_rules"] if item["family"] == family)
    if family == "ipv4":
        _associate(plan["floating_ips"], planned["nat"])
    recorded = recording.rules((case / "qrouter" / dump).read_text())
    assert {table: {chain: rules for chain, rules in chains.items() if rules or "-" in chain}
            for table, chains in recorded.items()} == planned


def _associate(floating_ips, nat):
    """What the module floating_ip appends."""
    for item in floating_ips:
        address, fixed = item["floating_ip_address"], item["fixed_ip_address"]
        for chain in ("OUTPUT", "PREROUTING"):
            nat[f"neutron-l3-agent-{chain}"].append(f"-d {address}/32 -j DNAT --to-destination {fixed}")
        nat["neutron-l3-agent-float-snat"].append(f"-s {fixed}/32 -j SNAT --to-source {address} --random-fully")


def test_devices_have_the_recorded_names_addresses_macs_and_mtus(case, plan):
    links = json.loads((case / "qrouter" / "ip-addr.json").read_text())
    namespace = plan["namespaces"][0]
    planned = {link["name"]: set(link["addresses"]) for link in namespace["links"]}
    for item in plan["floating_ips"]:
        planned[item["device"]].add(f"{item['floating_ip_address']}/32")
    assert planned == {name: {cidr for cidr, _broadcast in found}
                       for name, found in recording.addresses(links).items()}
    assert {link["name"]: (link["mac_address"], link["mtu"]) for link in namespace["links"]} \
        == recording.macs_and_mtus(links)
    assert namespace["name"] in (case / "netns.txt").read_text().split()


def test_routes_are_those_of_the_agent(case, plan):
    recorded = set()
    for version in (4, 6):
        everywhere = "0.0.0.0/0" if version == 4 else "::/0"
        for entry in json.loads((case / "qrouter" / f"ip-route{version}.json").read_text()):
            if entry.get("protocol") == "static":
                hops = frozenset(hop["gateway"] for hop in entry.get("nexthops", []))
                destination = everywhere if entry["dst"] == "default" else _network(entry["dst"])
                recorded.add((destination, entry.get("gateway"), hops))
    planned = {(route["destination"], route.get("gateway"),
                frozenset(hop["gateway"] for hop in route.get("nexthops", [])))
               for route in plan["namespaces"][0]["routes"]}
    assert planned == recorded


def _network(destination):
    if "/" in destination:
        return destination
    return destination + ("/128" if ":" in destination else "/32")


def test_sysctls_are_those_of_the_agent(case, plan):
    """Every value that the agent changed is set or follows in the kernel, and nothing contradicts the recording."""
    recorded = recording.sysctls((case / "qrouter" / "sysctl.txt").read_text())
    planned = {key: str(value) for key, value in plan["namespaces"][0]["sysctls"].items()}
    assert {key: recorded[key] for key in planned if key in recorded} \
        == {key: value for key, value in planned.items() if key in recorded}
    changed = {line.split(" = ")[0] for line in (case / "qrouter" / "sysctl.diff.txt").read_text().splitlines()}
    # The kernel copies ip_forward and all.forwarding to every device, and a router accepts no redirects
    follows = {key for key in changed if key.endswith((".forwarding", ".accept_redirects"))}
    assert changed - follows <= set(planned)
