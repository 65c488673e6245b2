# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until who is to ask knows a way to whom. PRIVATE to the collection."""

from __future__ import annotations

import socket
import time
from collections import defaultdict

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError

_AGAIN = 0.2  # seconds
_DISCARD = 9  # a port, which nothing is sent to


def await_routes(wanted, seconds):
    """Wait at most that many seconds until every namespace has a route to whom it has to reach.

    wanted: probes, as ask.probe takes them. What has just been started may still be asking for its address. Nothing
    is sent, and a namespace that does not exist is not waited for.
    """
    deadline = time.monotonic() + seconds
    missing = _asked(wanted)
    while True:
        missing = {name: left for name, addresses in missing.items() if (left := _without_route(name, addresses))}
        if not missing or time.monotonic() > deadline:
            return
        time.sleep(_AGAIN)


def _asked(wanted):
    """{namespace: addresses that it has to reach}"""
    asked = defaultdict(set)
    for one in wanted:
        if one.get("namespace") and one["kind"] != "namespace" and one.get("expect") != "unreached":
            asked[one["namespace"]].add(one["address"])
    return asked


def _without_route(name, addresses):
    """Those of the addresses that a namespace has no route to, or no address to send from. None if there is none."""
    try:
        return namespace.inside(name, lambda: {address for address in addresses if not _has_route(address)})
    except EngineError:
        return None


def _has_route(address):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        try:
            sender.connect((address, _DISCARD))
        except OSError:
            return False
    return True
