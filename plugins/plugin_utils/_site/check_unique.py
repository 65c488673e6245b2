# SPDX-License-Identifier: GPL-3.0-or-later
"""What may exist once: ids, the names that follow from them, MAC addresses. PRIVATE to the collection."""

from __future__ import annotations

#: Device names hold this much of a port's id (reference 1.1).
DEVICE_ID_LENGTH = 11
#: iptables chains hold less (reference 1.6).
CHAIN_ID_LENGTH = 10


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
    """Ids, names of devices and chains, and pinned MAC addresses."""
    ids = {}
    devices = Once(problems, f"must differ from the id of {{first}} in the first {DEVICE_ID_LENGTH} characters, "
                             "of which device names are made")
    chains = Once(problems, f"must differ from the id of {{first}} in the first {CHAIN_ID_LENGTH} characters, "
                            "of which chains of the same host are named")
    macs = Once(problems, "must be unique, and is also {first}")
    ports = site.possible_ports
    items = [*site.networks, *site.subnets, *site.routers, *ports, *site.floating_ips, *site.security_groups]
    for item in items:
        first = ids.setdefault(item.id, item)
        if first is not item and _called(first) != _called(item):  # one name gives one id, and is refused as a name
            problems.add(f"{item.path}.id", item.id, f"must be unique, and is also {first.path}.id")
    for port in ports:
        if ids[port.id] is port:
            devices.meet(port.id[:DEVICE_ID_LENGTH], f"{port.path}.id", port.id)
        if port.host and port.host.filters(port):
            chains.meet((port.host, port.id[:CHAIN_ID_LENGTH]), f"{port.path}.id", port.id)
        if port.mac_address:
            macs.meet(port.mac_address, f"{port.path}.mac_address")


def _called(item):
    return type(item), getattr(item, "key", None) or item.name
