# SPDX-License-Identifier: GPL-3.0-or-later
"""What may exist once: ids, the device names that follow from them, MAC addresses. PRIVATE to the collection."""

from __future__ import annotations

#: Device names hold this much of a port's id (reference 1.1).
DEVICE_ID_LENGTH = 11


class Once:
    """Values that were met, and where."""

    def __init__(self, problems, rule):
        self.problems, self.rule, self.met = problems, rule, {}

    def meet(self, value, path, shown=None):
        """Note a value; a second time is a fault that names the first path."""
        first = self.met.setdefault(value, path)
        if first != path:
            self.problems.add(path, value if shown is None else shown, self.rule.format(first=first))


def check(site, problems):
    """Ids, device names and pinned MAC addresses."""
    ids = Once(problems, "must be unique, and is also the id of {first}")
    devices = Once(problems, f"must differ from the id of {{first}} in the first {DEVICE_ID_LENGTH} characters, "
                             "of which device names are made")
    macs = Once(problems, "must be unique, and is also the mac_address of {first}")
    for item in [*site.networks, *site.subnets, *site.routers, *site.all_ports, *site.floating_ips]:
        ids.meet(item.id, f"{item.path}.id")
    for port in site.all_ports:
        if ids.met[port.id] == f"{port.path}.id":
            devices.meet(port.id[:DEVICE_ID_LENGTH], f"{port.path}.id", port.id)
        if port.mac_address:
            macs.meet(port.mac_address, f"{port.path}.mac_address")
