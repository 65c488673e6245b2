# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a recorded case: the system's own tools' output as comparable data."""

from __future__ import annotations

import json
import os
from pathlib import Path

CASES = Path(os.environ.get("DATAPLANE_GOLDEN") or Path(__file__).parent / "cases")


def cases(agent_mode):
    """Directories of the cases that were recorded in this agent_mode."""
    found = sorted(path.parent for path in CASES.glob("*/input.json"))
    return [case for case in found if recorded_input(case)["agent_mode"] == agent_mode]


def recorded_input(case):
    """What the agent was given."""
    return json.loads((case / "input.json").read_text())


def rules(text):
    """{table: {chain: [rules in order]}} of iptables-save output; policies and counters left out."""
    tables, chains = {}, {}
    for line in text.splitlines():
        if line.startswith("*"):
            chains = tables.setdefault(line[1:], {})
        elif line.startswith(":"):
            chains[line[1:].split()[0]] = []
        elif line.startswith("-A "):
            _append, chain, rule = line.split(" ", 2)
            chains[chain].append(rule)
    return tables


def addresses(links):
    """{device: {(address, broadcast)}} of `ip -j address`; link-local and lo left out."""
    return {
        link["ifname"]: {
            (f"{each['local']}/{each['prefixlen']}", each.get("broadcast"))
            for each in link["addr_info"] if each["scope"] == "global"
        }
        for link in links if link["ifname"] != "lo"
    }


def macs_and_mtus(links):
    """{device: (MAC, MTU)} of `ip -j address`."""
    return {link["ifname"]: (link["address"], link["mtu"]) for link in links if link["ifname"] != "lo"}


def routes(entries):
    """The main table's routes of `ip -j route show table all`, comparable; link-local and multicast left out."""
    return {_route(entry) for entry in entries
            if entry.get("table", "main") == "main" and not entry["dst"].startswith(("fe80:", "ff00:"))}


def _route(entry):
    hops = frozenset((hop.get("gateway"), hop.get("dev")) for hop in entry.get("nexthops", []))
    return (entry["dst"], entry.get("gateway"), entry.get("dev"), entry.get("protocol"), entry.get("scope"),
            entry.get("prefsrc"), entry.get("metric"), hops)


def policy_rules(entries):
    """The rules of `ip -j rule`, comparable."""
    return {json.dumps(entry, sort_keys=True) for entry in entries}


def sysctls(text):
    """{key: value} of sysctl.txt."""
    pairs = (line.split(" = ", 1) for line in text.splitlines() if " = " in line)
    return {key.strip(): value.strip() for key, value in pairs}
