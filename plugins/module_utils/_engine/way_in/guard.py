# SPDX-License-Identifier: GPL-3.0-or-later
"""Change what carries the connection so that it cannot be cut for good. PRIVATE to the collection."""

from __future__ import annotations

import time

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import converge, one_run_at_a_time
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.probe.ask import probe
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import route
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.way_in import snapshot, switch
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.way_in.look import Settings

_EVERYTHING = ("0.0.0.0/0", "::/0")


def settle():
    """See to it that no earlier change is open. Raises EngineError while one still waits."""
    state = switch.read()
    if state.get("phase") in switch.OPEN:
        if switch.waits():
            _refuse_open(state)
        undo("nobody confirmed it, and its timer is gone")


def _refuse_open(state):
    if state.get("phase") in switch.OPEN:
        until, whose = _clock(state["until"]), state["asked_by"]
        raise EngineError(f"a change of the way in, made for {whose}, waits until {until} for being confirmed")


def arm(finding, plan, settings, probes, timeout, engine):
    """Have the host make the changes of a Finding and undo them again after `timeout` seconds. The probes that pass."""
    passed = reached([finding.connection.peer, *_gateways(), *_tunnel_peers(plan), *probes])
    state = {
        "asked_by": finding.connection.peer,
        "changes": [f"{change.action} {change.object}" for change in finding.changes],
        "part": finding.part,
        "settings": vars(settings),
        "probes": passed,
    }
    with one_run_at_a_time():
        _refuse_open(switch.read())
        switch.arm({**state, "before": finding.snapshot().document()}, engine, timeout)
    return passed


def reached(addresses):
    """Those of the addresses that answer a ping, each once."""
    asked = [{"kind": "ping", "address": each} for each in dict.fromkeys(addresses)]
    return [answer["address"] for answer in probe(asked) if answer["ok"]]


def _gateways():
    with Netlink() as netlink:
        routes = [each for each in route.dump(netlink) if each["destination"] in _EVERYTHING]
    return [hop["gateway"] for each in routes for hop in each["nexthops"] if hop["gateway"]]


def _tunnel_peers(plan):
    return [port["options"]["remote_ip"] for port in plan["ports"] if "remote_ip" in port.get("options", {})]


def make():
    """Make the change that was armed; undo it at once if that fails. Called by the unit of the change."""
    state = switch.read()
    try:
        for backend in Settings(**state["settings"]).backends(state["part"]):
            converge(backend)
    except EngineError as error:
        return undo(f"it could not be made: {error}")
    with switch.turn():
        state = switch.read()
        if state["phase"] == switch.ARMED:
            switch.write({**state, "phase": switch.APPLIED})
    return [f"made: {change}" for change in state["changes"]]


def undo(why, stop_change=lambda: None):
    """Undo an open change. What was done, as lines; none if there is nothing to undo."""
    with switch.turn():
        state = switch.read()
        if state.get("phase") not in switch.OPEN:
            return []
        stop_change()
        return _undo(state, why)


def _undo(state, why):
    words = snapshot.put_back(snapshot.Snapshot.of(state["before"]), state["settings"]["owner"])
    switch.close(why)
    return [f"The change of the way in was undone: {why}.", *(f"put back: {each}" for each in words)]


def confirm():
    """Keep what was applied if the probes still pass; undo it at once if not. The state after that."""
    with switch.turn():
        state = switch.read()
        if state["phase"] != switch.APPLIED:
            return state
        lost = sorted(set(state["probes"]) - set(reached(state["probes"])))
        if lost:
            _undo(state, f"no answer any more from {', '.join(lost)}")
            return switch.read()
        switch.disarm()
    return {**state, "phase": "confirmed"}


def told():
    """What the next run is told of the last one, a dict; an empty one if that ended well."""
    state = switch.read()
    if state.get("phase") != switch.UNDONE:
        return {}
    return {"at": _clock(state["at"]), "why": state["why"], "changes": state["changes"]}


def _clock(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
