# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox itself: not the machine, and alive."""

from __future__ import annotations

import os

from .conftest import MACHINE, run


def test_the_tests_do_not_run_in_the_machines_network_namespace():
    assert os.stat("/proc/self/ns/net").st_ino != MACHINE


def test_open_vswitch_answers(bridge):
    bridge("br-int")
    assert run("ovs-vsctl", "list-br").split() == ["br-int"]
