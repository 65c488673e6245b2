# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a host's plan in the sandbox, in the order of the roles."""

from __future__ import annotations

from tests.sandbox import make_bridge


def converge(module, plan, check=False):
    """Run every module once with its section of the plan; {module: its result} of the last run of each."""
    for bridge in plan["bridges"]:
        make_bridge(bridge["name"])
    common = {"owner": plan["owner"], "check": check}
    results = {}
    if plan["plug"] == "internal":
        internal = [port for port in plan["ports"] if port["type"] == "internal"]
        module("ovs_port", config=internal, **common)  # an internal port is there before it is moved
    for name, section in (
        ("netns", "namespaces"),
        ("ovs_port", "ports"),
        ("ovs_flow", "flows"),
        ("nat_rules", "nat_rules"),
        ("floating_ip", "floating_ips"),
    ):
        results[name] = module(name, config=plan[section], purge=True, **common)
    return results
