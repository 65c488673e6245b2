# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a plan that touches what carries a connection. Pure. PRIVATE to the collection.

It can be made by itself, before everything else: bridges, cards and patch ports need nothing that a later section
makes. What does, a port whose device comes with a namespace, carries nothing yet and is left to its own section.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows import names


def part(plan, carriers, state, owner, purge, devices):
    """{"bridges", "ports", "flows"}, each the config of its backend; nothing of it may purge but `ports`.

    state: what ports.observe saw. devices: names of the network devices that there are.
    """
    wanted = {port["name"]: port for port in plan["ports"]}
    near = {*carriers.bridges, *(wanted[name]["bridge"] for name in carriers.devices if name in wanted)}
    chosen = _chosen(wanted, near, carriers, state, devices)
    listed = [wanted[name] for name in sorted(chosen)]
    unwanted = _unwanted(wanted, near, state, owner) if purge else set()
    others = sorted(set(state.ports) - chosen - unwanted)
    bridges = near | {port["bridge"] for port in listed}
    return {
        "bridges": [bridge for bridge in plan["bridges"] if bridge["name"] in bridges],
        "ports": listed + [{"name": name, "ignore": True} for name in others],
        "flows": _flows(plan, near, listed, state, purge),
    }


def _chosen(wanted, near, carriers, state, devices):
    """Names of the ports to make: on a bridge of the way, there now, or a carrier themselves; patches in pairs."""
    now = {name: seen.port.bridge for name, seen in state.ports.items()}
    found = {
        name
        for name, port in wanted.items()
        if (port["bridge"] in near or now.get(name) in near or name in carriers.devices)
        and (port.get("type") == "patch" or name in devices and not port.get("namespace"))
    }
    return found | ({_peer(wanted[name]) for name in found} & set(wanted))


def _unwanted(wanted, near, state, owner):
    """Names of ports of ours that are planned no more: on a bridge of the way, and the other ends of their patches."""
    ours = {name: seen.port for name, seen in state.ports.items() if seen.port.owner == owner and name not in wanted}
    found = {name for name, port in ours.items() if port.bridge in near}
    return found | ({ours[name].options.get("peer") for name in found} & set(ours))


def _peer(port):
    return port.get("options", {}).get("peer")


def _flows(plan, near, listed, state, purge):
    found = {item["bridge"]: item["flows"] for item in plan["flows"] if item["bridge"] in near}
    if purge:
        found = {**{bridge: [] for bridge in sorted(near & set(state.bridges))}, **found}
    known = {bridge: {bridge: 1} for bridge in found}
    for name, bridge in _places(listed, state):
        known.get(bridge, {})[name] = 1
    return [
        {"bridge": bridge, "flows": [flow for flow in flows if not names.to_numbers(flow, known[bridge])[1]]}
        for bridge, flows in found.items()
    ]


def _places(listed, state):
    """(port, bridge) of all ports as they will be then."""
    places = {name: seen.port.bridge for name, seen in state.ports.items()}
    return {**places, **{port["name"]: port["bridge"] for port in listed}}.items()
