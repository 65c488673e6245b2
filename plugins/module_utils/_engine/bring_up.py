# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing up devices that Open vSwitch may be opening at this moment. PRIVATE to the collection.

A killed run or a reboot leaves ports in the database whose devices are not there.
ovs-vswitchd opens such a device as soon as it appears: it reads the device's flags, and
writes them back with one added. A device that came up in between is down again.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import link

#: Seconds that ovs-vswitchd has. One that is stopped opens nothing.
_PATIENCE = 2.0


def bring_up(netlink, devices, links):
    """Bring devices of the root namespace up for good. links: of link.dump, as they were before."""
    down = [device for device in devices if device not in links or not links[device]["up"]]
    netlink.write([link.change(device, up=True) for device in down])
    if down and _opened_by_vswitchd(down):
        now = link.dump(netlink)
        netlink.write([link.change(device, up=True) for device in down if not now[device]["up"]])


def _opened_by_vswitchd(devices):
    """Whether Open vSwitch has ports of these names. Flags that it had read before are written by now."""
    try:
        with ovsdb.Database() as database:
            (rows,) = database.select(("Interface", ["name"]))
            known = not {row["name"] for row in rows}.isdisjoint(devices)
            if known:
                database.commit([], _PATIENCE)
    except (ovsdb.Unreachable, ovsdb.NotFollowed, MissingTool):
        return False
    return known
