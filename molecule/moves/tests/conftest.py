# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud as it is now: every test starts from where the one before has moved things to."""

from __future__ import annotations

import copy
import itertools
import json

import pytest

from tests.instances import instances_of
from tests.lab import Ping, Stream
from tests.moving import Watch, state, translated

HOSTS = ("network1", "compute1", "compute2")
FLOATING, STILL = "203.0.113.110", "203.0.113.111"

#: Every stream has one of its own: a server outlives its test.
PORTS = itertools.count(5001)

#: Of some thousand packets; molecule/tunnels/tests/test_undisturbed.py says why tunnels lose any.
TUNNELS_LOSE_AT_MOST = 10


class Cloud:
    """The site's variables, which tests change, and the hosts that are converged to them."""

    def __init__(self, lab):
        self.lab = lab
        names = ("dataplane_routers", "dataplane_ports", "dataplane_floating_ips")
        self.variables = {name: copy.deepcopy(lab.site()[name]) for name in names}

    def named(self, kind, name):
        """One declared item."""
        return next(each for each in self.variables[f"dataplane_{kind}"] if each["name"] == name)

    def associate(self, port):
        """The moving floating IP shall be that of a port."""
        self.variables["dataplane_floating_ips"][0]["port"] = port

    def move(self, what, cut=None):
        """Converge under traffic; what the world misses of the floating IP is printed, and returned.

        Once more nothing changes, and everybody reaches whom they must. cut: (host, instance) whose stream through
        the floating IP has to end.
        """
        stream = Stream(self.lab, "outside", cut[0], f"vm-{cut[1]}", FLOATING, next(PORTS)) if cut else None
        watch = Watch(self.lab, FLOATING)
        self._play("site.yml")
        interruption = watch.stop()
        print(f"\n{what}: {interruption}")
        if stream:
            stream.assert_cut()
        assert self._play("site.yml").changes() == {}
        self._play("verify.yml")
        return interruption

    def _play(self, playbook):
        return self.lab.play(playbook, "--extra-vars", json.dumps(self.variables))

    def states(self):
        """{host: its state}"""
        return {host: state(self.lab, host) for host in HOSTS}

    def tracking(self, fixed):
        """The hosts with connections between the floating IP and a fixed address."""
        return [host for host in HOSTS if translated(self.lab, host, FLOATING, fixed)]


@pytest.fixture(scope="session")
def cloud(lab):
    instances_of(lab)  # puts the helpers there
    return Cloud(lab)


@pytest.fixture(autouse=True)
def bystanders(cloud):
    """Traffic of another router, with the world and between computes, that must not notice anything."""
    lab, far = cloud.lab, "192.168.12.12"
    world, ping = Watch(lab, STILL), Ping(lab, "compute1", "vm-still1", far)
    stream = Stream(lab, "compute1", "compute2", "vm-still2", far, next(PORTS), client_namespace="vm-still1")
    yield
    missed = world.stop()
    ping.assert_unbroken(TUNNELS_LOSE_AT_MOST)
    stream.assert_unbroken(TUNNELS_LOSE_AT_MOST)
    assert missed.lost == 0
