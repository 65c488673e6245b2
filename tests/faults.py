# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fault does to a host of a lab and to those whom it does not concern, and the table of many faults."""

from __future__ import annotations

import time
from typing import NamedTuple

from tests.lab import Ping, Stream

NETWORK, COMPUTE = "network1", "compute1"
DB, INTERNET = "192.168.1.3", "198.51.100.10"
#: The kernel looks for duplicates of an address for a second or two before it adds its route.
_SETTLED = 20


class Row(NamedTuple):
    """One line of the table. detected, healed: seconds, or None. lost: packets of those who were not concerned."""

    fault: str
    detected: float | None
    healed_by: str
    healed: float
    lost: int
    of: int


class Others:
    """Traffic that a fault of the blue router does not concern, while a `with` statement lasts.

    Between two instances of a host, and through another router of the same host as the blue one, unless the fault
    concerns the whole host. Afterwards it has counted the packets sent and lost.
    """

    def __init__(self, lab, whole_host=False):
        self._lab, self._whole_host, self.sent, self.lost = lab, whole_host, 0, 0

    def __enter__(self):
        self._stream = Stream(self._lab, COMPUTE, COMPUTE, "vm-db", DB, client_namespace="vm-web")
        self._pings = [Ping(self._lab, COMPUTE, "vm-web", DB)]
        if not self._whole_host:
            self._pings.append(Ping(self._lab, COMPUTE, "vm-mail", INTERNET))
        return self

    def __exit__(self, kind, _exception, _traceback):
        report, counts = self._stream.stop(), [ping.stop() for ping in self._pings]
        self.sent = report["echoed"] + sum(answered + lost for answered, lost in counts)
        self.lost = report["lost"] + sum(lost for _answered, lost in counts)
        if kind is None:
            assert report["alive"], report
            assert all(answered > 50 for answered, _lost in counts), counts


class Host:
    """A host as it was built, and what becomes of it."""

    def __init__(self, lab, name):
        self._lab, self._name = lab, name
        self._built = lab.snapshot(name)

    def is_as_built(self):
        return self._lab.snapshot(self._name) == self._built

    def assert_as_built(self):
        deadline = time.monotonic() + _SETTLED
        while (now := self._lab.snapshot(self._name)) != self._built and time.monotonic() < deadline:
            time.sleep(0.5)
        assert now == self._built, sorted(set(now) ^ set(self._built))


class Table:
    """Rows, and nobody in them who was not concerned has lost anything."""

    def __init__(self):
        self._rows = []

    def add(self, fault, others, seconds, detected=None, healed_by="site.yml"):
        self._rows.append(Row(fault, detected, healed_by, seconds, others.lost, others.sent))
        assert others.lost == 0

    def __str__(self):
        lines = [f"{'fault':34} {'found in':>9} {'healed by':>13} {'in':>8}  packets that others lost"]
        for row in self._rows:
            found = f"{row.detected:.1f} s" if row.detected else "-"
            lines.append(f"{row.fault:34} {found:>9} {row.healed_by:>13} {row.healed:6.1f} s  {row.lost} of {row.of}")
        return "\n".join(lines)
