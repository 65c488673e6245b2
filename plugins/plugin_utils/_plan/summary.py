# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan in a few lines, for a reader. PRIVATE to the collection."""

from __future__ import annotations

_COUNTED = ("bridges", "ports", "namespaces", "floating_ips", "services")


def summary(site, plans):
    """Lines: the site's objects, then one line per host."""
    counts = {
        "networks": len(site.networks),
        "subnets": len(site.subnets),
        "routers": len(site.routers),
        "ports": len(site.ports),
        "floating IPs": len(site.floating_ips),
    }
    lines = [f"site {site.name}: " + ", ".join(f"{count} {name}" for name, count in counts.items())]
    return lines + [f"{name}: {_host(plan)}" for name, plan in sorted(plans.items())]


def _host(plan):
    counts = {name: len(plan[name]) for name in _COUNTED}
    counts["flows"] = sum(len(bridge["flows"]) for bridge in plan["flows"])
    counts["rules"] = sum(len(rules) for item in plan["nat_rules"]
                          for chains in item["tables"].values() for rules in chains.values())
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count) or "nothing"
