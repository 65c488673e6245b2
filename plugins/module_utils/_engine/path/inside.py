# SPDX-License-Identifier: GPL-3.0-or-later
"""What a namespace has, asked of iproute2 and iptables as an operator would. PRIVATE to the collection.

Every function runs inside the namespace, takes a check (options of module trace_check) and returns
(whether it is as expected, what is seen) and perhaps whether that is worth telling.
"""

from __future__ import annotations

import json
import re
from ipaddress import ip_interface

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.command import run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import CommandFailed

_COUNTED = re.compile(r"\[(\d+):\d+\] -A (\S+) (.*)")


def _ip(*arguments):
    """What iproute2 says, parsed; [] for nothing."""
    return json.loads(run(["ip", "-json", *arguments], package="iproute2") or "[]")


def device(wanted):
    """A device is up, with its MAC and address."""
    name, mac, address = wanted["device"], wanted.get("mac_address"), wanted.get("address")
    try:
        (link,) = [each for each in _ip("address", "show", "dev", name) if each]
    except CommandFailed:
        return False, f"there is no device {name}"
    addresses = [each["local"] for each in link.get("addr_info", []) if "local" in each]
    if "UP" not in link["flags"]:
        return False, f"{name} is down"
    if mac and link["address"] != mac:
        return False, f"{name} has the MAC {link['address']}, not {mac}"
    if address and address not in addresses:
        return False, f"{name} has {', '.join(addresses) or 'no address'}, not {address}"
    return True, f"{name} is up"


def route(wanted):
    """The kernel routes a packet out of a device, through a next hop or on-link."""
    argv = ["route", "get", wanted["destination"]]
    if wanted.get("entered"):
        argv += ["from", wanted["source"], "iif", wanted["entered"]]
    try:
        found = _ip(*argv)[0]
    except CommandFailed as error:
        return False, f"the kernel does not route it: {error.stderr.replace('RTNETLINK answers: ', '')}"
    via, leaves = found.get("gateway") or found.get("via", {}).get("host"), found.get("dev")
    words = f"the kernel routes it {'through ' + via if via else 'on-link'}, on {leaves}"
    return (via, leaves) == (wanted.get("via"), wanted["leaves"]), words


def policy(wanted):
    """A policy rule leads to a table."""
    source, priority = wanted.get("source"), wanted["priority"]
    family = ["-6"] if source and ":" in source else []
    rules = [each for each in _ip(*family, "rule", "show") if each.get("priority") == priority]
    if not rules:
        return False, f"there is no policy rule {priority}"
    for each in rules:
        found = f"{each['src']}/{each['srclen']}" if "srclen" in each else each.get("src")
        same = source is None or (found != "all" and _network(found) == _network(source))
        if same and each.get("iif") == wanted.get("entered") and str(each.get("table")) == str(wanted["table"]):
            return True, f"policy rule {priority} is there"
    return False, f"policy rule {priority} is {json.dumps(rules)}"


def _network(text):
    return ip_interface(text).network


def neighbour(wanted):
    """A neighbour's MAC, as far as the kernel knows it."""
    found = _ip("neighbour", "show", "to", wanted["address"], "dev", wanted["device"])
    entry = found[0] if found else {}
    known, states = entry.get("lladdr"), entry.get("state", [])
    if wanted.get("permanent") and "PERMANENT" not in states:
        return False, f"{wanted['address']} is no permanent neighbour on {wanted['device']}"
    if known is None:
        return "FAILED" not in states, f"{wanted['address']} is not known yet" if not states else (
            f"nobody answers for {wanted['address']} on {wanted['device']}")
    return known == wanted["mac_address"], f"{wanted['address']} has the MAC {known}"


def rule(wanted):
    """A rule of iptables is in a chain; how many packets it met."""
    text = run(["iptables-save", "--counters", "--table", wanted["table"]], package="iptables")
    for line in text.splitlines():
        found = _COUNTED.fullmatch(line)
        if found and found.group(2) == wanted["chain"] and all(
                f" {part} " in f" {found.group(3)} " for part in wanted["parts"]):
            return True, f"{found.group(1)} packets met this rule", True
    return False, f"chain {wanted['chain']} of table {wanted['table']} has no rule with {' '.join(wanted['parts'])}"


def setting(wanted):
    """A kernel setting."""
    value = sysctl.read(wanted["setting"])
    return value == wanted["value"], f"{wanted['setting']} is {value}"


def bridge(wanted):
    """A Linux bridge has its ports."""
    try:
        ports = {each["ifname"] for each in _ip("link", "show", "master", wanted["bridge"]) if each}
    except CommandFailed:
        return False, f"there is no bridge {wanted['bridge']}"
    missing = [name for name in wanted["ports"] if name not in ports]
    return not missing, f"{', '.join(missing)} is not in {wanted['bridge']}" if missing else "both are in it"
