# SPDX-License-Identifier: GPL-3.0-or-later
"""What the site model of an inventory says, asked of the planner itself."""

from __future__ import annotations

import json
import subprocess
from ipaddress import ip_address

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations import lockfile
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.reachability import ICMP, Packet, converses
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.site_security import SiteSecurity
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.variables import (
    host_groups,
    host_variables,
    site_variables,
)
from tests.lab import ROOT

ECHO_REQUEST, TIMESTAMP = {4: 8, 6: 128}, 13


class Model:
    """The allocated site of an inventory (a path in the checkout)."""

    def __init__(self, inventory):
        listed = subprocess.run(
            ["ansible-inventory", "--inventory", str(ROOT / inventory), "--list"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        groups = json.loads(listed.stdout)
        variables = groups.pop("_meta")["hostvars"]
        members = {name: group.get("hosts", []) for name, group in groups.items()}
        hosts = {
            name: {**host_variables(variables[name], variables[name].__getitem__), "groups": own}
            for name, own in host_groups(members).items()
        }
        shared = next(iter(variables.values()))
        site = load(site_variables(shared, shared.__getitem__), hosts)
        self.allocated = Allocated(site, allocate(site, lockfile.read(ROOT / inventory / lockfile.FILE)))
        self.ports = {port.name: port for port in site.ports}
        self.security = SiteSecurity(self.allocated)

    def address(self, name, version):
        """A port's address."""
        (found,) = (fixed for fixed in self.ports[name].fixed_ips if fixed.subnet.version == version)
        return str(self.allocated.address(found))

    def mac(self, name):
        """A port's MAC address."""
        return self.allocated.mac(self.ports[name])

    def reaches(self, source, target, version, protocol, number):
        """Whether the security groups of both ends let source ask target, and target answer.

        protocol and number: tcp or udp and a port; icmp or icmp-timestamp.
        """
        if protocol.startswith("icmp"):
            number = TIMESTAMP if protocol == "icmp-timestamp" else ECHO_REQUEST[version]
            protocol = ICMP[version]
        ends = ((source, target, "egress"), (target, source, "ingress"))
        return all(
            converses(
                self.security,
                self.ports[own],
                Packet(direction, version, protocol, number, ip_address(self.address(other, version))),
            )
            for own, other, direction in ends
        )
