# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the flows of a host's bridges to what is wanted, one bundle for each bridge. PRIVATE to the collection."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark, ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend, Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows import (
    bridges,
    canonical,
    flow,
    names,
    ofctl,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows.parse import parse

#: Where numbers for ports that do not exist yet start, downwards, when a check run must write flows that name them.
IMAGINED = 0xFEFF


@dataclass(frozen=True)
class State:
    """flows: {bridge: [Flow]}; wanted: the same, of the listed bridges. names: {bridge: {OpenFlow number: port}}."""

    flows: dict
    wanted: dict
    names: dict


class OvsFlow(Backend):
    """The flows of one host."""

    def __init__(self, config, params, check_mode):
        self.absent, self.check_mode = params["state"] == "absent", check_mode
        self.purge, self.adopt, self.owner = params["purge"], params["adopt"], params["owner"]
        self.cookie, self.database = mark.cookie(self.owner), params["database"]
        self.listed = parse(config)

    def observe(self):
        ports = self._ports()
        there = [bridge for bridge in ports if bridge in self.listed or self.purge]
        lines = [] if self.absent else self._lines(ports)
        with ThreadPoolExecutor() as pool:
            wanted = pool.submit(self._wanted, lines)
            flows = dict(zip(there, pool.map(self._dump, there)))
            return State(flows, wanted.result(), {bridge: bridges.port_names(ports[bridge]) for bridge in ports})

    def _ports(self):
        """{bridge: {port: OpenFlow number}}"""
        try:
            ports = bridges.read(self.database)
        except (ovsdb.Unreachable, MissingTool):
            if not self.check_mode:
                raise
            ports = {}
        missing = [bridge for bridge in self.listed if bridge not in ports]
        if missing and not (self.check_mode or self.absent):
            raise EngineError(
                f"bridge {', '.join(missing)} does not exist: "
                "the module openvswitch.openvswitch.openvswitch_bridge makes it"
            )
        return ports

    def _dump(self, bridge):
        only = None if bridge in self.listed else self.cookie
        return ofctl.dump(bridges.socket_of(self.database, bridge), only)

    def _lines(self, ports):
        """[(bridge, place, text as given, text with port numbers)] of all wanted flows."""
        result, unknown = [], []
        for bridge, (index, texts) in self.listed.items():
            numbers = ports.setdefault(bridge, {}) if self.check_mode else ports[bridge]
            numbers.setdefault(bridge, bridges.LOCAL)
            numbered, strangers = names.to_numbers("\n".join(texts), numbers)
            if strangers and self.check_mode:
                _imagine(numbers, strangers)
                numbered, _none = names.to_numbers("\n".join(texts), numbers)
            unknown += [f"config[{index}].flows[{line}] names port {name}" for line, name in strangers]
            places = (f"config[{index}].flows[{line}]" for line in range(len(texts)))
            result += zip([bridge] * len(texts), places, texts, numbered.split("\n"))
        if unknown and not self.check_mode:
            raise EngineError(
                f"{'; '.join(unknown[:20])}: the bridge has no such port that works; the module ovs_port makes it"
            )
        return result

    def _wanted(self, lines):
        """{bridge: [Flow]} under our cookie."""
        found = self._canonical(lines)
        places, result = {}, {bridge: [] for bridge in self.listed}
        for (bridge, place, _original, _text), one in zip(lines, found):
            places.setdefault(bridge, []).append(place)
            result[bridge].append(one)
        for bridge, flows in result.items():
            canonical.refuse_duplicates(flows, places.get(bridge, ()))
        return result

    def _canonical(self, lines):
        texts = [text for *_others, text in lines]
        try:
            places, originals = [line[1] for line in lines], [line[2] for line in lines]
            return canonical.canonical(texts, self.cookie, places, originals)
        except MissingTool:
            if not self.check_mode:
                raise
            return [canonical.unread(text, self.cookie) for text in texts]

    def diff(self, have):
        return [_change(edit, have.names.get(edit.bridge, {})) for edit in self._edits(have)]

    def _edits(self, have):
        return [
            edit
            for bridge in {**have.wanted, **have.flows}
            for edit in flow.edits(
                bridge, have.flows.get(bridge, ()), have.wanted.get(bridge, ()), self.cookie, self.adopt
            )
        ]

    def unknown(self, have):
        """What traffic has made (learn) is nobody's; and what a bridge of somebody else does is not our business."""
        owners = bridges.owners(self.database) if have.flows else {}
        result = []
        for bridge in (bridge for bridge in self.listed if owners.get(bridge) == self.owner):
            planned = {one.key for one in have.wanted[bridge]}
            strangers = (one for one in have.flows.get(bridge, ()) if one.cookie != self.cookie and not one.expires)
            result += [_label(bridge, one, have.names[bridge]) for one in strangers if one.key not in planned]
        return [(label, None) for label in result]

    def apply(self, changes, have):
        for bridge, edits in self._by_bridge(have):
            self._write(bridge, [line for edit in edits for line in flow.lines(edit.have, edit.want)])

    def undo(self, changes, have):
        for bridge, edits in self._by_bridge(have):
            now = {one.key: one for one in self._dump(bridge)}
            befores = [(now.get((edit.have or edit.want).key), edit.have) for edit in edits]
            self._write(bridge, [line for pair in befores for line in flow.lines(*pair)])

    def _by_bridge(self, have):
        return groupby(self._edits(have), key=lambda edit: edit.bridge)

    def _write(self, bridge, lines):
        if lines:
            ofctl.write(bridges.socket_of(self.database, bridge), lines)


def _imagine(numbers, strangers):
    """Give numbers to ports that an earlier task would have made."""
    taken = set(numbers.values())
    free = (number for number in range(IMAGINED, 0, -1) if number not in taken)
    for _line, name in strangers:
        if name not in numbers:
            numbers[name] = next(free)


def _change(edit, port_names):
    """The Change that is reported, with port names."""
    one = edit.want or edit.have
    action = "create" if edit.have is None else "delete" if edit.want is None else "update"
    before, after = (_document(one, edit, port_names) for one in (edit.have, edit.want))
    label = _label(edit.bridge, one, port_names)
    return Change(action, label, before, after, "none" if edit.have is None else "flow")


def _label(bridge, flow, port_names):
    return f"flow {bridge} {names.to_names(flow.selector(), port_names)}"


def _document(one, edit, port_names):
    if one is None:
        return None
    document = {"actions": names.to_names(one.actions, port_names)}
    if edit.have and edit.want and edit.have.cookie != edit.want.cookie:
        document["cookie"] = f"{one.cookie:#x}"
    return document
