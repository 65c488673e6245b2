# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes steps to the kernel. PRIVATE to the collection.

The order: namespaces come; inside them the settings of the whole namespace, then links
go (their names are free from now on); in the root namespace links come; inside the
namespaces everything that hangs on links; namespaces go last.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import deaf, namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.bring_up import bring_up
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns import inside
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.target import replaced
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import link
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink

#: The kernel takes the devices of a deleted namespace within milliseconds. One that waits longer is held by a process.
_HELD_SECONDS = 1.0


def apply(steps, targets, root, owner, confirm):
    """Write the steps.

    targets: {namespace: what it shall be in the end}. root: links of the root namespace
    before. confirm: called before namespaces are deleted, which nobody can undo wholly.
    """
    groups = defaultdict(list)
    for step in steps:
        groups[step.namespace].append(step)
    deleted = [step for step in steps if step.kind == "namespace" and step.after is None]
    for step in deleted:
        del groups[step.key]
    stale = groups.pop(None, [])

    namespace.create_all([s.key for s in steps if s.kind == "namespace" and s.before is None], owner)
    with contextlib.closing(_Descriptors()) as descriptors:
        own = descriptors[None]
        # One thread each: the kernel changes links, addresses and routes of all namespaces one at a time.
        namespace.map_inside(lambda name: inside.before_links(groups[name], root, own), groups, workers=1)
        _move_out(deleted, root, own)
        _links(stale, groups, descriptors)
        namespace.map_inside(lambda name: inside.after_links(groups[name], targets[name]), groups, workers=1)
    if deleted:
        confirm()
        _delete(deleted)


class _Descriptors(dict):
    """Open descriptors of namespaces by name, opened when asked for."""

    def __missing__(self, name):
        self[name] = namespace.descriptor_of(name)
        return self[name]

    def close(self):
        for descriptor in self.values():
            os.close(descriptor)


def _move_out(deleted, root, own):
    """Save the OVS internal ports of namespaces that will go: they are OVS's, and would die with the namespace."""
    internal = {
        step.key: [name for name, found in step.before["links"].items() if found["plug"] == "internal"]
        for step in deleted
    }

    def move(name):
        with Netlink() as netlink:
            netlink.write([link.delete(d) if d in root else link.move(d, own) for d in internal[name]])

    namespace.map_inside(move, [name for name, devices in internal.items() if devices])


def _links(stale, groups, descriptors):
    """In the root namespace: other ends of dead veths go, veths are made, internal ports move in, veths come up."""
    requests = [link.delete(step.key) for step in stale]
    for name, steps in groups.items():
        for step in steps:
            if step.kind == "links" and step.after:
                requests += _link(step, descriptors, name)
    if requests:
        with Netlink() as netlink:
            netlink.write(requests)
            _peers_up(netlink, [step.after for steps in groups.values() for step in steps if _has_peer(step)])


def _link(step, descriptors, name):
    """What the root namespace has to do with a link. The kernel takes a name for the other end only when made."""
    after, new = step.after, step.before is None or replaced(step.before, step.after)
    if after["plug"] == "internal":
        return [link.move(step.key, descriptors[name])] if new else []
    if after["peer_namespace"]:
        return [_pair(step, descriptors, name)] if new and name < after["peer_namespace"] else []
    requests = []
    if new and not after["peer"]:
        raise EngineError(f"link {step.key} in {name} cannot be made again: its other end was in an unknown namespace")
    if new:
        requests = [link.create_veth(step.key, descriptors[name], after["peer"], after["mtu"], after["mac_address"])]
    if after["peer"]:
        requests.append(link.change(after["peer"], mtu=after["peer_mtu"], alias=inside.alias_of(after)))
    return requests


def _pair(step, descriptors, name):
    """A veth between two namespaces, made once: the step of the other end finds it there."""
    after = step.after
    other = descriptors[after["peer_namespace"]]
    return link.create_veth(step.key, descriptors[name], after["peer"], after["mtu"], after["mac_address"], other)


def _has_peer(step):
    """Whether it is about a link that stays or comes, with its other end in the root namespace."""
    return step.kind == "links" and step.after and step.after["peer"] and not step.after["peer_namespace"]


def _peers_up(netlink, links):
    """The peers in the root namespace are deaf before they are up. Their MTU decides whether there is IPv6."""
    if links:
        before = link.dump(netlink)
        deaf.write({after["peer"]: after["peer_sysctls"] for after in links}, before)
        netlink.write([link.change(after["peer"], up=False) for after in links if not after["peer_up"]])
        bring_up(netlink, [after["peer"] for after in links if after["peer_up"]], before)


def _delete(deleted):
    """Delete namespaces, and wait until the kernel has taken the other ends of their veths.

    Deleting the veths first would be immediate, but costs 25 ms each; with the
    namespaces the kernel takes many at once. A process that still runs inside keeps
    its namespace, nameless, and then the veths are deleted by themselves.
    """
    for step in deleted:
        namespace.delete(step.key)
    links = [found for step in deleted for found in step.before["links"].values()]
    peers = {found["peer"] for found in links if found["peer"] and not found["peer_namespace"]}
    with Netlink() as netlink:
        left, moved = peers.intersection(link.dump(netlink)), time.monotonic()
        while left:
            if time.monotonic() - moved > _HELD_SECONDS:
                netlink.write([link.delete(peer) for peer in left])
                return
            time.sleep(0.01)
            still = left.intersection(link.dump(netlink))
            if still != left:
                left, moved = still, time.monotonic()
