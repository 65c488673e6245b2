# SPDX-License-Identifier: GPL-3.0-or-later
"""What Open vSwitch would do with a packet: ovs-appctl ofproto/trace (ovs-vswitchd(8)). PRIVATE to the collection."""

from __future__ import annotations

import re
from collections import defaultdict

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.command import run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import CommandFailed

#: Indented where a packet goes to several bridges.
_BRIDGE = re.compile(r'^ *bridge\("([^"]+)"\)\n *-+\n', re.MULTILINE)
_RULE = re.compile(r"^ *(\d+)\. (.*)", re.MULTILINE)
_OUTPUT = re.compile(r"^ +output:(\d+)", re.MULTILINE)
_DATAPATH = re.compile(r"^Datapath actions: (.*)", re.MULTILINE)
_ACTION = re.compile(r"(?<!clone)\b\w+\([^()]*\)")
_PORT = re.compile(r"^ {4}(\S+) (\d+)/(\d+|none):", re.MULTILINE)
_HEADING = re.compile(r"^  (\S+):$", re.MULTILINE)


def flow(wanted):
    """(whether a bridge hands a packet on as expected, what it does)."""
    bridge, ports = wanted["bridge"], ports_of(_appctl("dpif/show"))
    if bridge not in ports:
        return False, f"there is no bridge {bridge}"
    if wanted["in_port"] not in ports[bridge]:
        return False, f"{bridge} has no port {wanted['in_port']}"
    number = ports[bridge][wanted["in_port"]][0]
    try:
        text = _appctl("ofproto/trace", bridge, f"in_port={number},{wanted['match']}")
    except CommandFailed as error:
        return False, f"ofproto/trace: {error.stderr}"
    trace = Trace(text, ports)
    missing = [each for each in wanted.get("rewrites", ()) if each not in text]
    if not trace.reaches(wanted.get("to_bridge"), wanted.get("to_ports")):
        return False, trace.words()
    if missing:
        return False, f"{bridge} hands it on, but no action has {', '.join(missing)}"
    return True, trace.words()


def _appctl(*arguments):
    return run(["ovs-appctl", *arguments], package=ovsdb.PACKAGE)


def ports_of(shown):
    """{bridge: {port: (OpenFlow number, number in the datapath or None)}} of what dpif/show prints."""
    found = {}
    parts = _HEADING.split(shown)
    for bridge, text in zip(parts[1::2], parts[2::2]):
        found[bridge] = {name: (int(number), None if datapath == "none" else int(datapath))
                         for name, number, datapath in _PORT.findall(text)}
    return found


class Trace:
    """The output of ofproto/trace. ports: what ports_of() returns."""

    def __init__(self, text, ports):
        parts = _BRIDGE.split(text)
        self._bridges = list(zip(parts[1::2], parts[2::2]))
        actions = _DATAPATH.search(text)
        self._outputs = self._named(actions.group(1) if actions else "", ports)

    def _named(self, actions, ports):
        """Names of the ports that the packet leaves by. Tunnels are one port to the datapath, but not to the bridge."""
        while _ACTION.search(actions):
            actions = _ACTION.sub("", actions)
        by_number = defaultdict(list)
        for own in ports.values():
            for name, (_number, datapath) in own.items():
                by_number[datapath].append(name)
        left = [by_number[int(part)] for part in re.findall(r"\d+", actions)]
        found = {names[0] for names in left if len(names) == 1}
        bridge, text = self._bridges[0] if self._bridges else (None, "")
        explicit = {int(number) for number in _OUTPUT.findall(text)}
        return found | {name for name, (number, _datapath) in ports.get(bridge, {}).items() if number in explicit}

    def reaches(self, bridge, ports):
        """Whether the packet gets to a bridge, or to one of some ports; with neither, whether it gets anywhere."""
        if bridge:
            return any(name == bridge for name, _text in self._bridges[1:])
        return bool(self._outputs & set(ports)) if ports else bool(self._outputs or self._bridges[1:])

    def words(self):
        """Where the packet goes, for people."""
        onward = [name for name, _text in self._bridges[1:]]
        if self._outputs or not self._bridges:
            return f"goes to {', '.join(sorted(self._outputs)) or 'nobody'}" + (
                f" by way of {', '.join(dict.fromkeys(onward))}" if onward else "")
        bridge, text = self._bridges[-1]
        table, rule = _RULE.findall(text)[-1]
        return f"{bridge} drops it in table {table} ({rule.partition(', cookie')[0].strip(' .').lower()})"
