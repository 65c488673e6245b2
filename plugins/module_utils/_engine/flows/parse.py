# SPDX-License-Identifier: GPL-3.0-or-later
"""The flows that the caller wants, checked as far as that needs no Open vSwitch. Pure. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput

KEYS = ("bridge", "flows")


def parse(config):
    """{bridge: (item index, [flow text])} of the items. Raises BadInput with every problem."""
    problems, result, first = [], {}, {}
    for index, item in enumerate(config):
        where = f"config[{index}]"
        if not isinstance(item, dict):
            problems.append(f"{where}: must be a dictionary")
            continue
        unknown = [key for key in item if key not in KEYS]
        problems += [f"{where}.{key}: is not an option; options are {', '.join(KEYS)}" for key in unknown]
        bridge, flows = item.get("bridge"), item.get("flows")
        if not isinstance(bridge, str) or not bridge:
            problems.append(f"{where}.bridge: must be the name of a bridge")
        elif bridge in first:
            problems.append(f"{where}.bridge: {bridge}: is listed already in config[{first[bridge]}]")
        else:
            first[bridge] = index
            result[bridge] = (index, [] if flows is None else flows)
        problems += _flow_problems(where, flows)
    if problems:
        raise BadInput(problems)
    return result


def _flow_problems(where, flows):
    if flows is None:
        return []
    if not isinstance(flows, (list, tuple)):
        return [f"{where}.flows: must be a list"]
    return [
        f"{where}.flows[{index}]: {flow}: must be one line of text without #"
        for index, flow in enumerate(flows)
        if not isinstance(flow, str) or not flow.strip() or "\n" in flow or "#" in flow
    ]
