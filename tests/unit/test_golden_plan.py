# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a recorded router says what the real Neutron agent built."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from tests.golden import convert, differences, recording

#: (case, kind of namespace), all that were recorded.
RECORDED = [(case, kind) for case in recording.cases() for kind in recording.kinds(case)]
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


@pytest.fixture(params=RECORDED, ids=lambda found: f"{found[0].name}-{found[1]}")
def found(request):
    return request.param


@pytest.fixture
def recorded(found):
    return recording.recorded_input(found[0])


@pytest.fixture
def plan(recorded):
    site = load(convert.site_variables(recorded), convert.hosts(recorded, "internal"))
    return compile_site(site, allocate(site, empty()))[convert.own_host(recorded)]


@pytest.fixture
def its(found, plan):
    return recording.Recording(*found, plan)


@pytest.fixture
def namespace(plan, its):
    return next(item for item in plan["namespaces"] if item["name"] == its.namespace)


@pytest.mark.parametrize(("family", "dump"), [("ipv4", "iptables-save.txt"), ("ipv6", "ip6tables-save.txt")])
def test_rules_are_those_of_the_agent_in_its_order(recorded, plan, its, family, dump):
    planned = next(item["tables"] for item in plan["nat_rules"]
                   if (item["namespace"], item["family"]) == (its.namespace, family))
    if family == "ipv4":
        _associate([item for item in plan["floating_ips"] if item["namespace"] == its.namespace], planned["nat"])
    have = {table: {chain: rules for chain, rules in chains.items() if rules or "-" in chain}
            for table, chains in recording.rules(its.text(dump)).items()}
    planned["mangle"].get("neutron-l3-agent-float-snat", []).sort(key=recording.crossing_order)
    planned = differences.without_way_to_floating_ips(planned, have)
    assert differences.without_marks_of_central(planned, recorded) \
        == differences.without_marks_of_central(have, recorded)


def _associate(floating_ips, nat):
    """What the module floating_ip appends."""
    for item in floating_ips:
        address, fixed = item["floating_ip_address"], item["fixed_ip_address"]
        chains, where = ("OUTPUT", "PREROUTING"), ""
        if "distributed" in item:
            chains, where = ("PREROUTING",), f" -i {item['device']}"
        for chain in chains:
            nat[f"neutron-l3-agent-{chain}"].append(f"-d {address}/32{where} -j DNAT --to-destination {fixed}")
        nat["neutron-l3-agent-float-snat"].append(f"-s {fixed}/32 -j SNAT --to-source {address} --random-fully")


def test_devices_have_the_recorded_names_addresses_macs_and_mtus(plan, its, namespace):
    links = its.json("ip-addr.json")
    planned = {link["name"]: set(link["addresses"]) for link in namespace["links"]}
    for item in plan["floating_ips"]:
        if item["namespace"] == its.namespace and "distributed" not in item:
            planned[item["device"]].add(f"{item['floating_ip_address']}/32")
    assert planned == {name: {cidr for cidr, _broadcast in found}
                       for name, found in recording.addresses(links).items()}
    assert {link["name"]: (link["mac_address"], link["mtu"]) for link in namespace["links"]} \
        == recording.macs_and_mtus(links)


def test_routes_are_those_of_the_agent(plan, recorded, its, namespace):
    have = set()
    for version in (4, 6):
        entries = its.json(f"ip-route{version}.json")
        for entry in differences.without_ipv6_outside(entries, recorded) if version == 6 else entries:
            if entry.get("protocol", "static") == "static":
                hops = frozenset(hop["gateway"] for hop in entry.get("nexthops", []))
                destination = EVERYWHERE[version] if entry["dst"] == "default" else str(ip_network(entry["dst"]))
                have.add((destination, entry.get("gateway"), entry.get("table", "254"), hops))
    planned = {(route["destination"], route.get("gateway"), str(route.get("table", 254)),
                frozenset(hop["gateway"] for hop in route.get("nexthops", [])))
               for route in namespace["routes"]}
    assert planned | set(_to_floating_ips(plan, its)) == have


def _to_floating_ips(plan, its):
    """What the module floating_ip adds."""
    for item in plan["floating_ips"]:
        far = item.get("distributed")
        if far and far["fip_namespace"] == its.namespace:
            yield f"{item['floating_ip_address']}/32", far["router_address"], "254", frozenset()


def test_policy_rules_are_those_of_the_agent(recorded, plan, its, namespace):
    entries = differences.without_central(its.json("ip-rule4.json"), recorded)
    have = {(entry["priority"], _source(entry), entry.get("iif"), entry["table"])
            for entry in entries if entry["table"] not in ("local", "main", "default")}
    planned = {(rule["priority"], rule.get("from"), rule.get("iif"), str(rule["table"])) for rule in namespace["rules"]
               if ":" not in rule.get("from", "")} if "rules" in namespace else set()
    floating = {(item["distributed"]["rule_priority"], item["fixed_ip_address"], None, "16")
                for item in plan["floating_ips"] if item["namespace"] == its.namespace and "distributed" in item}
    assert planned | floating == have


def _source(entry):
    if entry["src"] == "all":
        return None
    return f"{entry['src']}/{entry['srclen']}" if "srclen" in entry else entry["src"]


def test_permanent_neighbours_are_those_of_the_agent(recorded, its, namespace):
    planned = {(each["device"], each["address"], each["mac_address"]) for each in namespace.get("neighbours", [])}
    planned = differences.known_neighbours(planned, convert.made_up(recorded))
    assert planned == recording.neighbours(its.text("ip-neigh.txt"))


def test_sysctls_are_those_of_the_agent(its, namespace):
    """Every value that the agent changed is set or follows in the kernel, and nothing contradicts the recording."""
    recorded = recording.sysctls(its.text("sysctl.txt"))
    planned = {key: str(value) for key, value in namespace["sysctls"].items()}
    compared = {key for key in planned if key in recorded and differences.is_compared(key)}
    assert {key: recorded[key] for key in compared} == {key: planned[key] for key in compared}
    changed = {line.split(" = ")[0] for line in its.text("sysctl.diff.txt").splitlines()}
    # The kernel copies ip_forward and all.forwarding to every device, a router accepts no redirects, and a device's
    # MTU is IPv6's, too
    follows = {key for key in changed if key.endswith((".forwarding", ".accept_redirects", ".mtu"))}
    assert changed - follows <= set(planned)
