# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ends of veths between two namespaces belong together. PRIVATE to the collection.

In each namespace the kernel tells of a veth its index, its peer's index, and a number
that only this namespace has for the peer's namespace. Two ends whose indexes cross are
a pair if the number proves to be that of the other end's namespace.
"""

from __future__ import annotations

import os

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import link
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import Netlink


def resolve(namespaces):
    """Fill in peer and peer_namespace of the links that are pairs, and take the key "far" away.

    namespaces: {name: namespace} with "far": {device: (index, peer's index, number of the peer's namespace)}.
    """
    far = {name: found.pop("far") for name, found in namespaces.items()}
    asked = _candidates(far)
    answers = namespace.map_inside(lambda name: _are_there(asked[name]), asked, workers=1)
    for name, proven in answers.items():
        for device, other, twin in proven:
            namespaces[name]["links"][device].update(peer=twin, peer_namespace=other)
            namespaces[other]["links"][twin].update(peer=device, peer_namespace=name)


def _candidates(far):
    """{namespace: [(device, number, other namespace, device there)]}, each pair from one side. Pure."""
    ends = {}
    for name, devices in far.items():
        for device, (index, peer, _number) in devices.items():
            ends.setdefault((index, peer), []).append((name, device))
    asked = {}
    for name, devices in far.items():
        for device, (index, peer, number) in devices.items():
            for other, twin in ends.get((peer, index), ()):
                if name < other:
                    asked.setdefault(name, []).append((device, number, other, twin))
    return asked


def _are_there(questions):
    """The (device, other namespace, device there) for which the current namespace has that number for the other."""
    numbers, proven = {}, []
    with Netlink() as netlink:
        for device, number, other, twin in questions:
            if other not in numbers:
                numbers[other] = _number_of(netlink, other)
            if numbers[other] == number:
                proven.append((device, other, twin))
    return proven


def _number_of(netlink, name):
    descriptor = namespace.descriptor_of(name)
    try:
        return link.nsid(netlink, descriptor)
    finally:
        os.close(descriptor)
