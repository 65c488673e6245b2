# SPDX-License-Identifier: GPL-3.0-or-later
"""Hybrid plugs as converge() sees them. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug import diff, names
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug.observe import observe
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug.write import write

_OPENVSWITCH = "ovs-system"  # the device that its kernel datapath makes the master of its ports


class HybridPlug(Backend):
    """The links of ports, in the root namespace. What observe returns is {name: link}.

    ports: mappings with "port_id", "mtu" (bytes; not needed when absent), "plug" (default
    true: make the links) and "tap" (default false: whether the device tap<P11> must be
    there; without it, it is plugged in if it is there). Other keys do not matter here.
    """

    def __init__(self, ports, owner, purge=False, adopt=False, check_mode=False, absent=False):
        self._owner, self._purge, self._adopt = owner, purge, adopt
        self._check_mode, self._absent = check_mode, absent
        self._ports = {names.of(port["port_id"]): port for port in ports if port.get("plug", True)}

    def observe(self):
        return observe({plug.tap for plug in self._ports})

    def diff(self, have):
        return [step.change() for step in self._steps(have)]

    def _steps(self, have):
        links = self._links()
        gone = list(links) if self._absent else []
        want = {} if self._absent else {**links, **self._taps(have)}
        if self._purge:
            gone += diff.unlisted(have, links, self._owner)
        if self._check_mode:  # an earlier task makes the taps that are not there yet
            have = {**dict.fromkeys(want.keys() - links.keys(), diff.UNPLUGGED), **have}
        return diff.steps(have, want, gone, self._owner, self._adopt)

    def _steps_of(self, changes, have):
        """The steps of these changes alone: links that go and links that come may be written at different moments."""
        objects = {change.object for change in changes}
        return [step for step in self._steps(have) if step.change().object in objects]

    def _links(self):
        plugs = {plug: port.get("mtu") for plug, port in self._ports.items()}
        return diff.wanted(plugs, self._owner)

    def unknown(self, have):
        """Links named like ours that are not, and what somebody has plugged into a bridge of ours."""
        links = self._links()
        taps = {plug.tap for plug in self._ports}
        bridges = {name for name, link in have.items() if link.get("owner") == self._owner}
        result = []
        for name, link in have.items():
            plugged = link["kind"] == "other" and link["bridge"] in bridges and name not in taps
            if plugged or (name.startswith(names.PREFIXES) and name not in links and link.get("owner") != self._owner):
                result.append((f"link {name}", link.get("owner")))
        return result

    def _taps(self, have):
        """The taps that are there, or must be."""
        taps = {}
        for plug, port in self._ports.items():
            if plug.tap in have or port.get("tap"):
                taps[plug.tap] = {**diff.UNPLUGGED, "bridge": plug.qbr}
        return taps

    def apply(self, changes, have):
        steps = self._steps_of(changes, have)
        missing = [step.name for step in steps if step.after and step.after["kind"] == "other" and not step.before]
        if missing:
            raise EngineError(f"network device {', '.join(missing)} does not exist: the module netns makes it")
        held = [step.name for step in steps if step.before and step.before.get("bridge") == _OPENVSWITCH]
        if held:
            raise EngineError(
                f"network device {', '.join(held)} is still a port of Open vSwitch: the module ovs_port removes it"
            )
        write(steps)

    def undo(self, changes, have):
        """Links are again as they were. Half a pair that was replaced is not made again: there is no such thing."""
        ours = {step.name for step in self._steps_of(changes, have) if step.before or step.after["kind"] != "other"}
        unplugged = {name for name, link in have.items() if link.get("bridge") in ours}
        before = {name: have.get(name) for name in ours | unplugged}
        back = diff.compare(observe(before), before)
        write([step for step in back if not diff.is_half_a_pair(step.after)])
