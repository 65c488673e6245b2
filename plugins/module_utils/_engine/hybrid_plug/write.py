# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes steps to the kernel. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark, sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.bring_up import bring_up
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.hybrid_plug.names import INNER, OUTER
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import bridge, link
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink

#: New links are marked within the system call that makes them, so that no killed run leaves one without its mark.
_MADE_AT_ONCE = 50

#: Each bridge that goes holds the kernel's lock for some 17 ms (rcu_barrier): others get their turn in between.
_BRIDGES_AT_ONCE = 20


def write(steps):
    """Write Steps. Links go first, then others come and get all that is theirs; taps are plugged in last."""
    with Netlink() as netlink:
        _delete(netlink, [step for step in steps if step.before and (step.after is None or _is_remade(step))])
        for some in _slices([step for step in steps if step.after and _is_made(step)], _MADE_AT_ONCE):
            netlink.write(request for step in some for request in _make(step))
        present = [step for step in steps if step.after]
        sysctl.write_all({key: value for step in present for key, value in _sysctls(step).items()})
        links = link.dump(netlink)
        indexes = {name: found["index"] for name, found in links.items()}
        inner = [step for step in present if step.after["kind"] != "other"]
        netlink.write(request for step in inner for request in _configure(step, indexes))
        bring_up(netlink, [step.name for step in inner if step.name.startswith(OUTER) and step.after["up"]], links)
        taps = [step for step in present if step.after["kind"] == "other" and step.name in indexes]
        netlink.write(link.change(tap.name, master=_master(tap, indexes)) for tap in taps)


def _delete(netlink, steps):
    """Links that go, and the ends of pairs that are made anew: a veth's other end cannot be changed."""
    bridges = [step.name for step in steps if step.before["kind"] == "bridge"]
    netlink.write(link.delete_all([step.name for step in steps if step.before["kind"] != "bridge"]))
    for some in _slices(bridges, _BRIDGES_AT_ONCE):
        netlink.write(link.delete_all(some))


def _slices(items, size):
    return [items[first : first + size] for first in range(0, len(items), size)]


def _is_remade(step):
    return step.after.get("peer") != step.before.get("peer")


def _is_made(step):
    return step.after["kind"] != "other" and (step.before is None or _is_remade(step))


def _make(step):
    """Requests that make a bridge, or a pair with its inner end, and mark it."""
    if step.after["kind"] == "bridge":
        return [bridge.create(step.name), _mark(step.name, step.after)]
    if not step.name.startswith(INNER):
        return []
    peer = step.after["peer"]
    pair = link.create_veth(step.name, None, peer, step.after["mtu"])
    return [pair, _mark(step.name, step.after), _mark(peer, step.after)]


def _mark(name, after):
    return link.change(name, alias=mark.alias(after["owner"]) if after["owner"] else "")


def _sysctls(step):
    values = step.after.get("sysctls", {})
    return {key: value for key, value in values.items() if value is not None}


def _configure(step, indexes):
    """Requests for everything but the kind of a link of ours. A bridge is what it shall be before it is up."""
    after = step.after
    if after["kind"] == "bridge":
        settings = {key: value for key, value in after.items() if key in bridge.SETTINGS}
        return [*bridge.configure(step.name, settings), _mark(step.name, after), link.change(step.name, up=after["up"])]
    master = {"master": _master(step, indexes)} if "bridge" in after else {}
    attributes = link.change(step.name, up=after["up"], mtu=after["mtu"], promisc=after["promisc"], **master)
    return [_mark(step.name, after), attributes]


def _master(step, indexes):
    return indexes[step.after["bridge"]] if step.after["bridge"] else 0
