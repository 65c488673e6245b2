# SPDX-License-Identifier: GPL-3.0-or-later
"""netns says all that a recorded distributed router has in its namespaces (tests/golden/cases)."""

from __future__ import annotations

import json

import pytest

from tests.golden import recording

from .conftest import run

KINDS = ("qrouter", "snat", "fip")
CASES = [*recording.cases("dvr"), *recording.cases("dvr_snat")]
TABLES = {"main": 254, "local": 255}

#: What the kernel sets by itself when a namespace forwards.
FOLLOWS = ("forwarding", "accept_redirects")


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture
def config(case):
    """The recorded namespaces as items of netns; every device that OVS had is a veth here."""
    names = {name.partition("-")[0]: name for name in (case / "netns.txt").read_text().split()}
    return [item(case / kind, names) for kind in KINDS if (case / kind).is_dir()]


def item(directory, names):
    return {
        "name": names[directory.name],
        "sysctls": sysctls(directory),
        "links": [link(found, names) for found in read(directory, "ip-addr.json") if found["ifname"] != "lo"],
        "routes": [
            route(found, default)
            for version, default in (("4", "0.0.0.0/0"), ("6", "::/0"))
            for found in read(directory, f"ip-route{version}.json") if found.get("protocol") == "static"
        ],
        "rules": [rule(found) for found in read(directory, "ip-rule4.json") if found["table"].isdigit()],
        "neighbours": neighbours((directory / "ip-neigh.txt").read_text()),
    }  # fmt: skip


def read(directory, name):
    return json.loads((directory / name).read_text())


def link(found, names):
    name = found["ifname"]
    ends = {"rfp": ("fpr", "fip"), "fpr": ("rfp", "qrouter")}.get(name[:3])
    far = {"peer": ends[0] + name[3:], "peer_namespace": names[ends[1]]} if ends else {"peer": f"tap{name[3:]}"}
    addresses = [f"{a['local']}/{a['prefixlen']}" for a in found["addr_info"] if a["scope"] == "global"]
    return {"name": name, "plug": "veth", **far, "mac_address": found["address"], "mtu": found["mtu"],
            "addresses": addresses}  # fmt: skip


def route(found, default):
    destination = default if found["dst"] == "default" else found["dst"]
    host = destination if "/" in destination else f"{destination}/32"
    table = found.get("table", "main")
    hops = [{"gateway": hop["gateway"], "device": hop["dev"]} for hop in found.get("nexthops", [])]
    keys = {"gateway": found.get("gateway"), "device": found.get("dev"), "metric": found.get("metric")}
    keys["nexthops"] = hops
    return {"destination": host, "table": TABLES.get(table) or int(table), **{k: v for k, v in keys.items() if v}}


def rule(found):
    source = f"{found['src']}/{found['srclen']}" if "srclen" in found else found["src"]
    keys = {"from": None if source == "all" else source, "iif": found.get("iif")}
    return {"priority": found["priority"], "table": int(found["table"]), **{k: v for k, v in keys.items() if v}}


def neighbours(text):
    rows = [line.split() for line in text.splitlines() if "PERMANENT" in line]
    return [{"address": row[0], "device": row[2], "mac_address": row[4]} for row in rows]


def sysctls(directory):
    """What the agent has set. That a device forwards follows from ip_forward."""
    found = {}
    for line in (directory / "sysctl.diff.txt").read_text().splitlines():
        key, _equals, value = line.partition("#")[0].partition(" = ")
        wide = key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
        if wide or not key.endswith(FOLLOWS):
            found[key] = value.strip()
    return found


def test_netns_makes_what_the_agent_made(clean_host, module, case, config):
    predicted = module("netns", config=config, owner="demo", check=True)
    real = module("netns", config=config, owner="demo")
    assert real["changes"] == predicted["changes"]
    assert not module("netns", config=config, owner="demo", purge=True)["changed"]
    for each in config:
        recorded = case / each["name"].partition("-")[0]
        links = ip(each["name"], "address")
        assert recording.addresses(links) == recording.addresses(read(recorded, "ip-addr.json"))
        assert recording.macs_and_mtus(links) == recording.macs_and_mtus(read(recorded, "ip-addr.json"))
        for version in ("4", "6"):
            have = ip(each["name"], "route", "show", "table", "all", version=version)
            assert static(have) == static(read(recorded, f"ip-route{version}.json"))
        rules = recording.policy_rules(ip(each["name"], "rule"))
        assert rules == recording.policy_rules(read(recorded, "ip-rule4.json"))
        permanent = run("ip", "-n", each["name"], "neigh", "show", "nud", "permanent")
        assert neighbours_of(permanent) == neighbours_of((recorded / "ip-neigh.txt").read_text())
        have = recording.sysctls(run("ip", "netns", "exec", each["name"], "sysctl", "--all"))
        want = recording.sysctls((recorded / "sysctl.txt").read_text())
        assert {key: have.get(key) for key in want} == want


def ip(namespace, *argv, version="4"):
    options = () if argv[0] == "address" else (f"-{version}",)
    return json.loads(run("ip", *options, "-j", "-n", namespace, *argv))


def static(entries):
    return {
        json.dumps({**entry, "flags": None, "nexthops": sorted(map(str, entry.get("nexthops", [])))}, sort_keys=True)
        for entry in entries if entry.get("protocol") == "static"
    }


def neighbours_of(text):
    return {tuple(found.values()) for found in neighbours(text)}
