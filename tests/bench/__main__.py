# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast are we, against a hand-written script and against stock modules? As root: python -m tests.bench.

Runs in a throw-away host of its own, touches nothing of the machine, ends by
itself. Services take a systemd: --services measures them, on a host of a lab. So does
what moves from host to host: --moves. A host with a thousand routers takes minutes to build: --drift. So do
many hosts: --drift-hosts.
Figures of one run on one machine may be compared with each other only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from pathlib import Path

import tests.conftest  # noqa: F401  (makes the checkout importable as a collection)
from tests import sandbox
from tests.bench import cases, drift, many_hosts, moves, report, services

PLUGS = ("internal", "veth")

#: (routers, floating IPs of each)
CLOUDS = ((1, 10), (1, 100), (1, 1000), (10, 2), (50, 2))
QUICK_CLOUDS = ((1, 10), (1, 100), (10, 2))

#: (hosts, networks, ports)
SITES = ((25, 250, 2500), (50, 500, 5000), (100, 1000, 10000))
QUICK_SITES = SITES[:2]

#: (instances of a host, whether their links are made, too)
FILTERS = ((500, False), (500, True))
QUICK_FILTERS = ((100, False),)


def main():
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwind, so that temporary files go
    started = time.monotonic()
    special = {"services": _measure_services, "moves": _measure_moves, "drift": _measure_drift,
               "drift_hosts": _measure_drift_hosts}
    measure = next((special[name] for name in special if getattr(options, name)), _measure)
    results = {**measure(options, lambda what: _say(started, what)), "machine": _machine()}
    results["aims"] = [{**vars(aim), "met": aim.met} for aim in report.aims(results)]
    results["seconds"] = round(time.monotonic() - started, 1)
    report.show(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


def _measure(options, say):
    """Every case that runs in a sandbox, in turn; the results by kind of case."""
    sandbox.enter()
    results = {"planning": [], "routers": [], "filters": [], "play": {}, "stock": {}}
    for hosts, networks, ports in QUICK_SITES if options.quick else SITES:
        say(f"planning {hosts} hosts, {networks} networks, {ports} ports")
        results["planning"].append(cases.plan(hosts, networks, ports, options.repetitions))
    for count, addresses in QUICK_CLOUDS if options.quick else CLOUDS:
        for plug in PLUGS:
            say(f"{count} router(s), {addresses} floating IPs each, {plug}")
            results["routers"].append(cases.routers(count, addresses, plug, options.repetitions))
    for ports, plug in QUICK_FILTERS if options.quick else FILTERS:
        say(f"security groups of {ports} ports{' with their links' * plug}")
        results["filters"].append(cases.filters(ports, plug, options.repetitions))
    if not options.quick:
        say("our plays")
        results["play"] = cases.whole_play(100, "internal", options.repetitions)
        say("stock play")
        results["stock"] = cases.stock_play([1, 10] + [100] * options.stock_100)
    count = 100 if options.quick else 1000
    say(f"{count} namespaces")  # last: taking that many down would be half a minute
    results["namespaces"] = cases.many_namespaces(count, options.repetitions)
    return results


def _measure_services(options, say):
    """What takes a systemd."""
    count = 20 if options.quick else 200
    say(f"a lab, and {count} services there")
    return {"services": services.many_services(count, options.repetitions)}


def _measure_moves(options, say):
    """What takes several hosts."""
    say("a lab of four hosts, and a floating IP that moves there")
    return {"moves": moves.floating_ip_moves(1 if options.quick else options.repetitions)}


def _measure_drift(options, say):
    """What takes a big host."""
    sandbox.enter()
    count = 50 if options.quick else 1000
    say(f"the drift of {count} routers")
    return {"drift": drift.measure(count, options.repetitions)}


def _measure_drift_hosts(options, say):
    """What takes several throw-away hosts, and the whole play."""
    rows = many_hosts.of_hosts(options.drift_hosts, say)
    return {"drift_hosts": rows + many_hosts.of_routers(100 if options.quick else 1000, say)}


def _options():
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="small sizes, no plays: about a minute")
    add("--repetitions", type=int, default=3, help="of each measurement; the median counts (%(default)s)")
    add("--stock-100", action="store_true", help="measure the stock play with 100 floating IPs: minutes")
    add("--services", action="store_true", help="measure services in namespaces instead, on a host of a lab")
    add("--moves", action="store_true", help="measure what a floating IP's move costs instead, on hosts of a lab")
    add("--drift", action="store_true", help="measure what one look at a host of 1000 routers costs instead")
    add("--drift-hosts", type=int, metavar="N", help="measure drift.yml on N throw-away hosts instead: minutes for 50")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser.parse_args()


def _machine():
    """What the figures depend on, in one line."""
    tools = [sandbox.run(*argv).splitlines()[0] for argv in (("iptables", "--version"), ("ovs-vsctl", "--version"))]
    return f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}, {', '.join(tools)}"


def _say(started, what):
    print(f"[{time.monotonic() - started:4.0f} s] {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
