# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured. Every function returns plain data, seconds and megabytes, for the report and for JSON."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time

from tests.bench import host, ours, planning, playbook, raw, security_groups, stock
from tests.bench.routers import cloud


def routers(count, floating_ips, plug, repetitions):
    """That many routers, each from nothing: by hand (a), by our modules, and by our modules once more.

    same: whether both ways built the same. Medians of the repetitions.
    """
    wanted = cloud(count, floating_ips, plug)
    rounds = [_round(wanted, plug) for _ in range(repetitions)]
    return {
        "routers": count,
        "floating_ips": floating_ips,
        "plug": plug,
        "same": all(one["same"] for one in rounds),
        "raw": statistics.median(one["raw"] for one in rounds),
        "create": _median([one["create"] for one in rounds]),
        "again": _median([one["again"] for one in rounds]),
    }


def _round(wanted, plug):
    host.empty()
    seconds = _by_hand(wanted)
    built = host.state()
    host.empty()
    create = ours.converge(wanted, plug)
    same = host.state() == built
    again = ours.converge(wanted, plug)
    assert not any(run.changed for run in again), f"second run changed: {again}"
    return {"raw": seconds, "create": create, "again": again, "same": same}


def _by_hand(wanted):
    with tempfile.TemporaryDirectory() as home:
        script = raw.write(wanted, home)
        started = time.monotonic()
        subprocess.run(["sh", "-e", script], check=True, timeout=300)
        return time.monotonic() - started


def _median(rounds):
    """{"engine", "process", "modules": {module: engine}, "memory": {module: MB}} of lists of ours.Run."""
    modules = {
        runs[0].module: statistics.median(run.engine for run in runs) for runs in zip(*rounds)
    }
    return {
        "engine": statistics.median(sum(run.engine for run in runs) for runs in rounds),
        "process": statistics.median(sum(run.process for run in runs) for runs in rounds),
        "modules": modules,
        "memory": {runs[0].module: max(run.memory for run in runs) for runs in zip(*rounds)},
    }


def whole_play(floating_ips, plug, repetitions):
    """One router as whole plays: what the stock way builds, the same once more, and all tasks of the roles."""
    wanted = cloud(1, floating_ips, plug)
    seconds = {"create": [], "again": [], "one": [], "one_again": [], "roles": []}
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as home:
            host.empty()
            seconds["create"].append(playbook.run(ours.tasks(wanted, plug), home))
            seconds["again"].append(playbook.run(ours.tasks(wanted, plug), home))
            host.empty()
            seconds["one"].append(playbook.run(ours.one_task(wanted, plug), home))
            seconds["one_again"].append(playbook.run(ours.one_task(wanted, plug), home))
            if not playbook.missing(playbook.BRIDGES):
                host.empty()
                seconds["roles"].append(playbook.run(ours.role_tasks(wanted, plug, home), home))
    medians = {what: statistics.median(runs) for what, runs in seconds.items() if runs}
    return {"floating_ips": floating_ips, "plug": plug, **medians}


def stock_play(sizes):
    """One router the stock way, (b): {number of floating IPs: seconds}, or the reason why not."""
    lacking = playbook.missing(playbook.BRIDGES)
    if lacking:
        return {"skipped": f"collection {', '.join(lacking)} is not installed"}
    seconds = {}
    for size in sizes:
        host.empty()
        with tempfile.TemporaryDirectory() as home:
            seconds[size] = playbook.run(stock.tasks(cloud(1, size, "internal"), home), home)
    return {"seconds": seconds}


def many_namespaces(count, repetitions):
    """Namespaces of two links, a floating IP and few rules each: built once, then runs that change nothing."""
    host.empty()
    wanted = cloud(count, 1, "veth", networks=1, few_rules=True)
    create = ours.converge(wanted, "veth")
    again = _median([ours.converge(wanted, "veth") for _ in range(repetitions)])
    return {"namespaces": count, "create": _median([create]), "again": again}


def plan(hosts, networks, ports, repetitions):
    """A site of that size validated, allocated, compiled and written; the fastest round: neighbours only slow down."""
    rounds = [planning.measure(hosts, networks, ports) for _ in range(repetitions)]
    return min(rounds, key=lambda one: sum(one["first"].values()))


def filters(ports, plug, repetitions):
    """A host with that many instances in security groups."""
    host.empty()
    return security_groups.measure(ports, plug, repetitions)
