# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud as it is now: every test starts from where the one before has moved things to."""

from __future__ import annotations

import contextlib
import copy
import json

import pytest

from tests.instances import in_parallel, instances_of
from tests.lab import Ping, Stream
from tests.moving import Callers, Watch, state, translated
from tests.wire import Capture, echoes

HOSTS = ("network1", "compute1", "compute2")
STILL = "203.0.113.111"

#: Of some thousand packets; molecule/tunnels/tests/test_undisturbed.py says why tunnels lose any.
TUNNELS_LOSE_AT_MOST = 10


@contextlib.contextmanager
def bystanders(lab):
    """While entered, there is traffic of another router, with the world and between computes; it must not notice."""
    far = "192.168.12.12"
    world, ping = Watch(lab, STILL), Ping(lab, "compute1", "vm-still1", far)
    stream = Stream(lab, "compute1", "compute2", "vm-still2", far, client_namespace="vm-still1")
    yield
    missed = world.stop()
    ping.assert_unbroken(TUNNELS_LOSE_AT_MOST)
    stream.assert_unbroken(TUNNELS_LOSE_AT_MOST)
    assert missed.lost == 0


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

    @contextlib.contextmanager
    def losing(self, host, instance, floating):
        """While entered, an instance loses its floating IP: a stream through it ends; and nobody outside ever sees the
        instance's own address, however often it begins to speak.
        """
        stream = Stream(self.lab, "outside", host, f"vm-{instance}", floating)
        wire, callers = Capture(self.lab, "external"), Callers(self.lab, host, f"vm-{instance}")
        yield
        assert callers.stop() > 10
        stream.assert_cut()
        own = self.named("ports", instance)["fixed_ips"][0]["ip_address"]
        bare = [each for each in echoes(wire.stop()) if each.addresses[0] == own]
        print(f"\n{len(bare)} answers of {instance} left with its own address")
        assert [each for each in bare if not each.is_reply] == []

    def move(self, **moving):
        """Converge under traffic, then everybody reaches whom they must. moving: what moves, and its floating IP.

        What the world misses of these is printed, and returned: {what moves: Interruption}.
        """
        with bystanders(self.lab):
            watches = {what: Watch(self.lab, floating) for what, floating in moving.items()}
            self._play("site.yml")
            interruptions = {what: watch.stop() for what, watch in watches.items()}
        for what, interruption in interruptions.items():
            print(f"\n{what}: {interruption}")
        self._play("verify.yml")
        return interruptions

    def stays(self):
        """Whether another run changes nothing."""
        return self._play("site.yml").changes() == {}

    def _play(self, playbook):
        return self.lab.play(playbook, "--extra-vars", json.dumps(self.variables))

    def states(self):
        """{host: its state}"""
        return dict(zip(HOSTS, in_parallel(lambda host: state(self.lab, host), HOSTS)))

    def tracking(self, floating, fixed):
        """The hosts with connections between a floating IP and a fixed address."""
        return [host for host in HOSTS if translated(self.lab, host, floating, fixed)]


@pytest.fixture(scope="session")
def cloud(lab):
    instances_of(lab)  # puts the helpers there
    return Cloud(lab)
