# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces as converge() sees them. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import announce, conntrack, mark, namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import (
    EngineError,
    ForeignObject,
    refuse_foreign,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns import view
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.apply import apply
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.observe import observe
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.parse import parse, parse_names
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.steps import (
    Step,
    change_of,
    compare,
    describe,
    undoes,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.target import (
    EMPTY,
    lost_devices,
    replaced,
    target,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import route


class NetnsBackend(Backend):
    """wanted: what parse returns, or {name: None} for namespaces that must be absent."""

    def __init__(self, wanted, owner, purge=False, adopt=False, check_mode=False):
        self._wanted, self._owner, self._purge, self._adopt = wanted, owner, purge, adopt
        self._check_mode = check_mode

    def observe(self):
        return observe(self._wanted, self._owner if self._purge else None)

    def diff(self, have):
        return [change_of(step) for step in self._steps(have)]

    def _targets(self, have):
        return target(self._wanted, have["namespaces"], self._owner, self._purge)

    def _steps(self, have):
        targets = self._targets(have)
        self._refuse_foreign(have)
        steps = [
            Step(None, "links", peer, {"peer_of": "another link"}, None) for peer in self._stale_peers(have, targets)
        ]
        for name, want in targets.items():
            steps += compare(name, have["namespaces"].get(name), want)
        if not self._check_mode:
            _refuse_missing_ports(have, targets)
        return steps

    def _refuse_foreign(self, have):
        if self._adopt:
            return
        there = {name: found for name in self._wanted if (found := have["namespaces"].get(name))}
        refuse_foreign(
            ForeignObject(f"network namespace {name}", f"ip netns delete {name}", found["namespace"]["owner"])
            for name, found in there.items() if found["namespace"]["owner"] != self._owner
        )  # fmt: skip

    def _stale_peers(self, have, targets):
        """Devices of the root namespace that have the name of a wanted peer but lead elsewhere."""
        stale, foreign = [], []
        for name, want in targets.items():
            inside = (have["namespaces"].get(name) or {"links": {}})["links"]
            for device, link in (want or {"links": {}})["links"].items():
                peer = link["peer"]
                if link["peer_namespace"] or peer not in have["root"] or _leads_to(inside.get(device), peer):
                    continue
                owner = mark.owner_of_alias(have["root"][peer]["alias"])
                if owner != self._owner and not self._adopt:
                    foreign.append(ForeignObject(f"link {peer} in the root namespace", f"ip link delete {peer}", owner))
                stale.append(peer)
        refuse_foreign(foreign)
        return stale

    def unknown(self, have):
        """Namespaces that are not ours, and in ours what a purge keeps: others' links, and others' routes."""
        owners = namespace.owners()
        others = [name for name, owner in owners.items() if owner != self._owner]
        result = [(f"network namespace {name}", owners[name]) for name in others if name not in self._wanted]
        for name, want in self._wanted.items():
            found = EMPTY if name in others else have["namespaces"].get(name) or EMPTY
            links = {key: link for key, link in found["links"].items() if key not in want["links"]}
            mine = want["keep_addresses"]  # whoever lives there configures it: routes are its own business, too
            routes = (key for key, value in found["routes"].items() if value["protocol"] != route.STATIC and not mine)
            kept = [("links", key, link["owner"]) for key, link in links.items() if link["owner"] != self._owner]
            kept += [("routes", key, None) for key in routes if key not in want["routes"]]
            result += [(describe(Step(name, kind, key, None, None)), owner) for kind, key, owner in kept]
        return result

    def apply(self, changes, have):
        steps = self._steps(have)
        if _gone(steps, have):
            conntrack.require()
        self._apply(steps, self._targets(have), have["root"], self._confirm)

    def _apply(self, steps, targets, root, confirm):
        apply(steps, targets, root, self._owner, confirm)

    def _confirm(self):
        """All but the deletion of namespaces must have taken before these go for good."""
        left = [change for change in self.diff(self.observe()) if not change.object.startswith("network namespace")]
        if left:
            raise EngineError("did not take: " + ", ".join(f"{c.action} {c.object}" for c in left[:20]))

    def undo(self, changes, have):
        """What the steps have changed goes back to what it was; what others did meanwhile stays."""
        steps = self._steps(have)
        names = {step.namespace for step in steps if step.namespace}
        before = {name: have["namespaces"].get(name) for name in names}
        now = observe(before, self._owner if self._purge else None)
        back = []
        for name, state in before.items():
            undone = undoes([step for step in steps if step.namespace == name])
            back += filter(undone, compare(name, now["namespaces"].get(name), state))
        self._apply(back, before, now["root"], lambda: None)

    def settled(self, changes, have):
        steps = self._steps(have)
        fresh = _addresses(step for step in steps if step.after)
        found = [
            announce.Place(name, device, prefix.partition("/")[0])
            for name, keys in fresh.items() for device, prefix in keys
        ]
        announce.announce_places(found)
        gone = _gone(steps, have)
        namespace.map_in_processes(lambda name: _forget(gone[name]), gone)
        return announce.result(found)


def _leads_to(link, peer):
    """Whether the other end of a link, or of None, is this device of the root namespace."""
    return link is not None and link["peer"] == peer and not link["peer_namespace"]


def _refuse_missing_ports(have, targets):
    """Every OVS internal port that must be moved in is in the root namespace, or will be moved out to it."""
    leaving = set()
    for name, found in have["namespaces"].items():
        if found and name in targets:
            lost = lost_devices(found["links"], (targets[name] or {"links": {}})["links"])
            leaving |= {device for device in lost if found["links"][device]["plug"] == "internal"}
    for name, want in targets.items():
        inside = (have["namespaces"].get(name) or {"links": {}})["links"]
        for device, link in (want or {"links": {}})["links"].items():
            new = device not in inside or replaced(inside[device], link)
            if link["plug"] == "internal" and new and device not in have["root"] and device not in leaving:
                raise EngineError(f"OVS internal port {device} does not exist: ovs_port makes it")


def _addresses(steps):
    """{namespace: [(device, prefix)]} of the steps about IPv4 addresses."""
    found = {}
    for step in steps:
        if step.kind == "addresses" and ":" not in step.key[1]:
            found.setdefault(step.namespace, []).append(step.key)
    return found


def _gone(steps, have):
    """The IPv4 addresses that go from namespaces that stay, by themselves or with their link."""
    gone = _addresses(step for step in steps if step.after is None)
    for step in steps:
        if step.kind == "links" and step.namespace and step.after is None:
            with_it = [key for key in have["namespaces"][step.namespace]["addresses"] if key[0] == step.key]
            gone.setdefault(step.namespace, []).extend(key for key in with_it if ":" not in key[1])
    return {name: addresses for name, addresses in gone.items() if addresses}


def _forget(addresses):
    conntrack.forget(*[prefix.partition("/")[0] for _device, prefix in addresses])


def backend_of(config, params, check_mode):
    """The backend for a module call. Raises BadInput."""
    wanted = parse(config) if params["state"] == "present" else dict.fromkeys(parse_names(config))
    return NetnsBackend(wanted, params["owner"], params["purge"], params["adopt"], check_mode)


def read(names):
    """The namespaces of netns_info: the named ones that exist, or all."""
    live = namespace.names()
    wanted = {name: {"sysctls": (), "links": {}} for name in (live if names is None else names) if name in live}
    found = observe(wanted, offloads=True)["namespaces"]
    return [view.namespace(name, state) for name, state in found.items() if state]
