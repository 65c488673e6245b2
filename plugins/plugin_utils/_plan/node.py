# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel settings of a host's root namespace (reference 9). PRIVATE to the collection."""

from __future__ import annotations

#: The return path of a packet may differ from where it came from. A new namespace copies these from the root one.
NO_RP_FILTER = {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0}


def node_sysctls(host):
    """{key: value} for sysctl."""
    if not host.has_datapath:
        return {}
    forwarding = {"net.ipv4.ip_forward": 1} if "network" in host.groups else {}
    return {**forwarding, **NO_RP_FILTER}
