# SPDX-License-Identifier: GPL-3.0-or-later
"""Teardown leaves the hosts as they were."""

from __future__ import annotations

HOSTS = ("compute1", "compute2")


def test_teardown_leaves_nothing(lab):
    predicted = lab.play("teardown.yml", "--check")
    assert lab.play("teardown.yml").changes() == predicted.changes()
    for host in HOSTS:
        assert lab.snapshot(host) == lab.sh(host, "cat /root/before.txt").splitlines()
