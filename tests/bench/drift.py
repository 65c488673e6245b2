# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift of a host with many routers, as drift.yml asks for it: one host_dataplane in check mode."""

from __future__ import annotations

import statistics

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from tests.bench import host, ours
from tests.bench.routers import cloud
from tests.sandbox import run

#: Damage in one router: what is told of it tells that the whole host was read.
_DAMAGE = ("iptables", "-t", "nat", "-F")


def measure(routers, repetitions):
    """Routers with Neutron's full rules, two networks and a floating IP each: built once, then asked for drift."""
    host.empty()
    plan = ours.plan(cloud(routers, 1, "veth"), "veth")
    packed = pack(plan)
    create = ours.run("host_dataplane", packed)
    ask = {"check": True, "unknown": True}
    clean = [ours.run("host_dataplane", packed, **ask) for _ in range(repetitions)]
    assert not any(one.changed for one in clean), "there is drift where nothing was touched"
    run("ip", "netns", "exec", plan["namespaces"][-1]["name"], *_DAMAGE)
    damaged = ours.run("host_dataplane", packed, **ask)
    assert damaged.changed, "the damage was not found"
    return {"routers": routers, "create": _row([create]), "clean": _row(clean), "damaged": _row([damaged])}


def _row(runs):
    """Medians of the repetitions."""
    return {what: statistics.median(getattr(one, what) for one in runs) for what in ("engine", "process", "memory")}
