# SPDX-License-Identifier: GPL-3.0-or-later
"""Where we differ from the recorded agent on purpose: docs/differences.md has the same list, with reasons."""

from __future__ import annotations

#: Last parts of sysctl keys that are not compared.
SYSCTLS = {
    "rp_filter": "set to 0 in every namespace, where Neutron relies on the setting of the root namespace",
}


def is_compared(key):
    """Whether a sysctl is to be as recorded."""
    return key.rsplit(".", 1)[1] not in SYSCTLS


def without_ipv6_outside(entries, recorded):
    """IPv6 routes but for the defaults that lead distributed routers' IPv6 to where it gets no further."""
    has_ipv6 = any(":" in fixed["ip_address"] for port in recorded["router"].get("_interfaces", [])
                   for fixed in port["fixed_ips"])
    left_out = ("rfp-", "fg-") if has_ipv6 else ("fg-",)
    return [entry for entry in entries if not (entry["dst"] == "default" and entry["dev"].startswith(left_out))]


def known_neighbours(neighbours, made_up):
    """Neighbours but for instances that the recording does not know. made_up: their addresses."""
    return {entry for entry in neighbours if entry[1] not in made_up}
