# SPDX-License-Identifier: GPL-3.0-or-later
"""What the world misses of a floating IP that moves between instances on different computes. On a lab of four hosts."""

from __future__ import annotations

import contextlib
import json
import statistics
import tempfile
import time

from tests.lab import Lab
from tests.moving import Watch

NAME = "bench-moves"
INVENTORIES = ["molecule/moves/inventory", "inventories/over_ssh"]
THERE_AND_BACK = ("three", "one")


@contextlib.contextmanager
def cloud():
    """A Lab with its cloud, which lives as long as this context."""
    with tempfile.TemporaryDirectory() as records:
        lab = Lab(NAME, INVENTORIES, records)
        try:
            lab.play("lab_up.yml")
            lab.play("site.yml")
            yield lab
        finally:
            lab.play("lab_down.yml")


def floating_ip_moves(repetitions):
    """There and back, that many times.

    {"moves" (how many), "lost" (of a hundred packets a second, the most), "longest" (seconds without an answer, the
    most), "play" (seconds, median)}.
    """
    with cloud() as lab:
        found = [_move(lab, port) for _ in range(repetitions) for port in THERE_AND_BACK]
    return {
        "moves": len(found),
        "lost": max(interruption.lost for interruption, _seconds in found),
        "longest": max(interruption.longest for interruption, _seconds in found),
        "play": statistics.median(seconds for _interruption, seconds in found),
    }


def _move(lab, port):
    """(Interruption, seconds of the play)"""
    floating_ips = lab.site()["dataplane_floating_ips"]
    floating_ips[0]["port"] = port
    watch, started = Watch(lab, floating_ips[0]["floating_ip_address"]), time.monotonic()
    lab.play("site.yml", "--extra-vars", json.dumps({"dataplane_floating_ips": floating_ips}))
    seconds = time.monotonic() - started
    return watch.stop(), seconds
