# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a host's plan in the sandbox, in the order of the roles."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.by_device import by_device
from tests.sandbox import make_bridge


def converge(module, plan, check=False):
    """Run every module once with its section of the plan; {module, or internal_ports: its result}."""
    for bridge in plan["bridges"]:
        make_bridge(bridge["name"])
    common = {"owner": plan["owner"], "check": check}
    results, ports = {}, by_device(plan["ports"])
    if plan["plug"] == "internal":
        results["internal_ports"] = module("ovs_port", config=ports["internal_ports"], **common)
    for name, options in (
        ("netns", {"config": plan["namespaces"]}),
        ("security_group", plan["security_groups"]),
        ("ovs_port", {"config": ports["ports"]}),
        ("ovs_flow", {"config": plan["flows"]}),
        ("nat_rules", {"config": plan["nat_rules"]}),
        ("floating_ip", {"config": plan["floating_ips"]}),
    ):
        results[name] = module(name, **options, purge=True, **common)
    return results
