# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux bridges over rtnetlink. PRIVATE to the collection."""

from __future__ import annotations

import struct

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import link
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import attribute, attributes

KIND = "bridge"

#: {setting: (attribute, layout)}; stp_state and mcast_snooping are 0 or 1, times are in hundredths of a second.
SETTINGS = {
    "stp_state": (5, "=I"),
    "forward_delay": (1, "=I"),
    "ageing_time": (4, "=I"),
    "mcast_snooping": (23, "=B"),
}


def create(name):
    """A bridge with the kernel's own settings. It is down."""
    return link.create(name, KIND)


def settings(found):
    """{setting: number} of a bridge as link.dump returns it. What the kernel was built without is off: 0."""
    data = attributes(found["data"])
    read = {}
    for name, (kind, layout) in SETTINGS.items():
        read[name] = struct.unpack(layout, data[kind])[0] if kind in data else 0
    return read


def configure(name, wanted):
    """Requests that give a bridge {setting: number}; others stay. STP goes first: it forbids short forward delays."""
    return [link.configure(name, KIND, _attribute(key, wanted[key])) for key in SETTINGS if key in wanted]


def _attribute(key, value):
    kind, layout = SETTINGS[key]
    return attribute(kind, struct.pack(layout, value))
