# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a recorded case: the system's own tools' output as comparable data."""

from __future__ import annotations

import json
import os
import re
from ipaddress import ip_address
from pathlib import Path

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.anti_spoofing import link_local

CASES = Path(os.environ.get("DATAPLANE_GOLDEN") or Path(__file__).parent / "cases")


def cases(agent_mode=None):
    """Directories of the cases, all or those that were recorded in this agent_mode."""
    found = sorted(path.parent for path in CASES.glob("*/input.json"))
    return [case for case in found if agent_mode in (None, recorded_input(case)["agent_mode"])]


def recorded_input(case):
    """What the agent was given."""
    return json.loads((case / "input.json").read_text())


class Recording:
    """What was recorded in one kind of namespace (qrouter, snat, fip), with our values for what is chosen by chance.

    That is of distributed routers: the pair's link-local addresses, MACs and table, the priorities of floating IPs.
    plan: ours of the same host.
    """

    def __init__(self, case, kind, plan):
        self.directory = case / kind
        self._chosen = {old: new for old, new in _chosen(case, plan) if old != new}

    def text(self, name):
        """A file's text."""
        text = (self.directory / name).read_text()
        if not self._chosen:
            return text
        alternatives = "|".join(map(re.escape, self._chosen))
        return re.sub(rf"(?<![\w.])({alternatives})(?![\w.])", lambda found: self._chosen[found[0]], text)

    def json(self, name):
        """A file's contents."""
        return json.loads(self.text(name))

    @property
    def namespace(self):
        """The namespace's name."""
        names = (self.directory.parent / "netns.txt").read_text().split()
        return next(name for name in names if name.startswith(self.directory.name + "-"))


def kinds(case):
    """The kinds of namespaces that a case has."""
    return [kind for kind in ("qrouter", "snat", "fip") if (case / kind).is_dir()]


def _chosen(case, plan):
    """(recorded, ours), as text."""
    ours = {link["name"]: link for item in plan["namespaces"] for link in item["links"]}
    for kind, prefix in (("qrouter", "rfp-"), ("fip", "fpr-")):
        file = case / kind / "ip-addr.json"
        for link in json.loads(file.read_text()) if file.exists() else []:
            if not link["ifname"].startswith(prefix):
                continue
            own = ours[link["ifname"]]
            (old,) = (each["local"] for each in link["addr_info"] if each["family"] == "inet")
            new = own["addresses"][0].partition("/")[0]
            yield old, new
            yield str(int(ip_address(old))), str(int(ip_address(new)))
            yield link["address"], own["mac_address"]
            yield tuple(str(ip_address(link_local(mac))) for mac in (link["address"], own["mac_address"]))
    priorities = case / "agent-state" / "fip-priorities"
    own = {item["floating_ip_address"]: item.get("distributed") for item in plan["floating_ips"]}
    for line in priorities.read_text().split() if priorities.exists() else []:
        floating_ip, _comma, priority = line.partition(",")
        if own.get(floating_ip):
            yield priority, str(own[floating_ip]["rule_priority"])


def rules(text):
    """{table: {chain: [rules in order]}} of iptables-save output; policies and counters left out.

    The agent writes the marks of floating IPs that cross address scopes in a set's order.
    """
    tables, chains = {}, {}
    for line in text.splitlines():
        if line.startswith("*"):
            chains = tables.setdefault(line[1:], {})
        elif line.startswith(":"):
            chains[line[1:].split()[0]] = []
        elif line.startswith("-A "):
            _append, chain, rule = line.split(" ", 2)
            chains[chain].append(rule)
    crossing = tables.get("mangle", {}).get("neutron-l3-agent-float-snat", [])
    crossing.sort(key=crossing_order)
    return tables


def crossing_order(rule):
    """Sort key that puts those marks into an order."""
    return rule if rule.startswith("-o ") else ""


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
    """The routes of `ip -j route show table all` but for table local, comparable; link-local and multicast left out.

    One without a protocol (boot) counts as static: the agent writes either.
    """
    return {_route(entry) for entry in entries
            if entry.get("table") != "local" and not entry["dst"].startswith(("fe80:", "ff00:"))}


def _route(entry):
    hops = frozenset((hop.get("gateway"), hop.get("dev")) for hop in entry.get("nexthops", []))
    return (entry["dst"], entry.get("gateway"), entry.get("dev"), entry.get("protocol", "static"), entry.get("scope"),
            entry.get("prefsrc"), entry.get("metric"), entry.get("table"), hops)


def neighbours(text):
    """{(device, address, MAC)} of the permanent ones in `ip neigh`."""
    rows = [line.split() for line in text.splitlines() if "PERMANENT" in line]
    return {(row[2], row[0], row[4]) for row in rows}


def policy_rules(entries):
    """The rules of `ip -j rule`, comparable."""
    return {json.dumps(entry, sort_keys=True) for entry in entries}


def sysctls(text):
    """{key: value} of sysctl.txt."""
    pairs = (line.split(" = ", 1) for line in text.splitlines() if " = " in line)
    return {key.strip(): value.strip() for key, value in pairs}
