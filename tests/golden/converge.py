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
    for name, options in (
        ("netns", {"config": plan["namespaces"]}),
        ("security_group", plan["security_groups"]),
        ("ovs_port", {"config": plan["ports"]}),
        ("ovs_flow", {"config": plan["flows"]}),
        ("nat_rules", {"config": plan["nat_rules"]}),
        ("floating_ip", {"config": plan["floating_ips"]}),
    ):
        results[name] = module(name, **options, purge=True, **common)
    return results
