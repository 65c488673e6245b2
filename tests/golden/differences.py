# SPDX-License-Identifier: GPL-3.0-or-later
"""Where we differ from the recorded agent on purpose: docs/differences.md has the same list, with reasons."""

from __future__ import annotations

#: Last parts of sysctl keys that are not compared.
SYSCTLS = {
    "rp_filter": "set to 0 in every namespace, where Neutron relies on the setting of the root namespace",
    "accept_dad": "set to 0 for the interfaces of distributed routers, whose addresses every host has",
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


def without_central(entries, recorded):
    """Policy rules but for those of floating IPs that are with the gateway: their table is empty here."""
    central = _central(recorded)
    return [entry for entry in entries if not (entry["table"] == "16" and entry["src"] in central)]


def without_marks_of_central(tables, recorded):
    """Rules but for the marks that lead such floating IPs from scope to scope: here they are where those are, too."""
    if not _central(recorded):
        return tables
    left_out = [f"neutron-l3-agent-{chain}" for chain in ("FORWARD", "float-snat", "floatingip")]
    return {**tables, "mangle": {chain: rules for chain, rules in tables["mangle"].items() if chain not in left_out}}


def without_way_to_floating_ips(tables, recorded):
    """Rules but for those that lead to floating IPs', where the agent had not heard of any. recorded: its rules."""
    if recorded["nat"].get("neutron-l3-agent-snat") != []:
        return tables
    left_out = [f"neutron-l3-agent-{chain}" for chain in ("POSTROUTING", "snat")]
    return {**tables, "nat": {**tables["nat"], **{chain: [] for chain in left_out}}}


def _central(recorded):
    floating_ips = recorded["router"].get("_floatingips", [])
    return {each["fixed_ip_address"] for each in floating_ips if each.get("dvr_snat_bound")}


def known_neighbours(neighbours, made_up):
    """Neighbours but for instances that the recording does not know. made_up: their addresses."""
    return {entry for entry in neighbours if entry[1] not in made_up}
