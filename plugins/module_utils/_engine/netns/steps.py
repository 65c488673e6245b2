# SPDX-License-Identifier: GPL-3.0-or-later
"""From one state of a namespace to another, and how each step reads in a report. PRIVATE to the collection. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import sysctl
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns import view
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.netns.target import (
    EMPTY,
    lost_devices,
    replaced,
    without_devices,
)

_INSIDE = ("addresses", "routes", "rules", "neighbours")


class Step(NamedTuple):
    """One object of one namespace (None: the root one) that changes. before or after None: it comes or goes.

    kind: "namespace" or one of the keys of a namespace. key: its key there.
    """

    namespace: Any
    kind: str
    key: Any
    before: Any
    after: Any


def compare(name, have, want):
    """The steps from have to want, each a namespace or None, in an order in which they can be read."""
    if want is None:
        return [Step(name, "namespace", name, have, None)] if have else []
    steps = []
    have = have or EMPTY
    if have["namespace"] != want["namespace"]:
        steps.append(Step(name, "namespace", name, have["namespace"], want["namespace"]))
    lost = lost_devices(have["links"], want["links"])
    have = without_devices(have, lost)
    settings = _sysctls(name, have, want, lost)
    steps += [step for step in settings if not sysctl.device_of(step.key)]
    steps += _compare(name, "links", have["links"], want["links"])
    steps += [step for step in settings if sysctl.device_of(step.key)]
    for kind in _INSIDE:
        if have[kind] != want[kind]:
            steps += _compare(name, kind, have[kind], want[kind])
    return steps


def _sysctls(name, have, want, lost):
    """A setting of a device that is made anew starts from the kernel's default, which nobody knows yet."""
    steps = []
    for key, value in want["sysctls"].items():
        before = have["sysctls"].get(key) if sysctl.device_of(key) not in lost else None
        if before != value and value is not None:
            steps.append(Step(name, "sysctls", key, before, value))
    return steps


def _compare(name, kind, have, want):
    gone = [Step(name, kind, key, value, None) for key, value in have.items() if key not in want]
    changed = [Step(name, kind, k, have.get(k), v) for k, v in want.items() if k not in have or have[k] != v]
    return gone + changed


def undoes(steps):
    """A test: does a step back undo something that these steps of one namespace did?

    They did more than they say: what hung on a device that went, went with it.
    """
    touched = {(step.kind, step.key) for step in steps}
    whole = any(step.kind == "namespace" and step.after is None for step in steps)
    links = [step for step in steps if step.kind == "links" and step.before]
    lost = {step.key for step in links if step.after is None or replaced(step.before, step.after)}

    def test(step):
        return whole or (step.kind, step.key) in touched or not lost.isdisjoint(_devices(step))

    return test


def _devices(step):
    """The devices that an object hangs on."""
    if step.kind in ("addresses", "neighbours"):
        return [step.key[0]]
    if step.kind == "routes":
        return [hop["device"] for hop in (step.after or step.before)["nexthops"]]
    return [sysctl.device_of(step.key)] if step.kind == "sysctls" else []


def change_of(step):
    """The step as a report shows it."""
    action = "create" if step.before is None else "delete" if step.after is None else "update"
    before = None if step.before is None else view.of(step.kind, step.key, step.before)
    after = None if step.after is None else view.of(step.kind, step.key, step.after)
    return Change(action, describe(step), before, after, _disruption(step))


def describe(step):
    """The object of a step, unique within a run."""
    where = f" in {step.namespace}" if step.namespace else ""
    if step.kind == "namespace":
        return f"network namespace {step.key}"
    if step.kind in ("addresses", "neighbours"):
        return f"{'address' if step.kind == 'addresses' else 'neighbour'} {step.key[1]} on {step.key[0]}{where}"
    if step.kind == "routes":
        family, table, destination, metric = step.key
        natural = 0 if family == "ipv4" else 1024
        return f"route {destination} table {table}{'' if metric == natural else f' metric {metric}'}{where}"
    if step.kind == "rules":
        return f"rule {view.rule_text(step.key)}{where}"
    return f"{step.kind[:-1]} {step.key}{where}"


def _disruption(step):
    if step.before is None or step.kind == "sysctls":
        return "none"
    if step.kind == "links":
        return "port" if step.after is None or replaced(step.before, step.after) else "none"
    if step.after is None and (step.kind == "namespace" or (step.kind == "addresses" and ":" not in step.key[1])):
        return "conntrack"
    return "none" if step.kind == "namespace" else "flow"
