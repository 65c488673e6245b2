# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the ports of a host to what is wanted, in one OVSDB transaction. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import time

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark, ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Backend
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, MissingTool
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports import diff, write
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.diff import label
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.observe import NOTHING, observe
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.parse import parse
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.port import GONE

#: Seconds that a network device may appear later than its port; ovs-vswitchd then picks it up by itself.
LATE_DEVICE = 2.0

#: Seconds that undoing waits for ovs-vswitchd.
UNDO_PATIENCE = 2.0

#: Seconds that ovs-vswitchd may take for one port: deleting one costs it 20 ms.
SECONDS_PER_PORT = 0.1


class OvsPort(Backend):
    """The ports of one host."""

    def __init__(self, config, params, check_mode):
        self.absent, self.check_mode = params["state"] == "absent", check_mode
        self.purge, self.adopt, self.owner = params["purge"], params["adopt"], params["owner"]
        self.database = params["database"]
        self.ports, self.hints, self.ignored = parse(config, self.absent, self.owner)

    def observe(self):
        try:
            return observe(self.database, self.hints)
        except (ovsdb.Unreachable, MissingTool):
            if self.check_mode:
                return NOTHING
            raise

    def diff(self, have):
        return [step.change() for step in self._steps(have)]

    def _steps(self, have):
        listed = {} if self.absent else self.ports
        if not self.check_mode:
            _need_bridges({port.bridge for port in listed.values()} - set(have.bridges))
        unwanted = self.ports if self.absent else {}
        steps = diff.unwanted_steps(have.ports, unwanted, self.owner, self.adopt)
        if self.purge:
            steps += diff.purge_steps(have.ports, {*listed, *self.ignored, *(step.name for step in steps)}, self.owner)
        return steps + diff.wanted_steps(have.ports, listed, self.adopt)

    def unknown(self, have):
        """Ports of others in our bridges. The port that bears its bridge's name comes with the bridge."""
        ours = {name for name, row in have.bridges.items() if row["external_ids"].get(mark.EXTERNAL_ID) == self.owner}
        ports = (seen.port for seen in have.ports.values() if seen.port.bridge in ours - {seen.port.name})
        known = {*self.ports, *self.ignored}
        return [(label(port), port.owner) for port in ports if port.owner != self.owner and port.name not in known]

    def apply(self, changes, have):
        steps = self._steps(have)
        _need_devices(steps)
        operations = []
        for number, step in enumerate(steps):
            if step.want is None:
                operations += write.delete(step.have)
            elif step.have is None:
                operations += write.create(step.want, number)
            else:
                operations += write.change(step.have, step.have.port, step.want)
        with ovsdb.Database(self.database) as database:
            patience = ovsdb.PATIENCE + SECONDS_PER_PORT * len(steps)
            database.commit(operations, patience)
            _reopen(database, [step.have for step in steps if step.reopens], have, patience)
        self._wait_until_they_work({step.name for step in steps if step.want})

    def _wait_until_they_work(self, names):
        """ovs-vswitchd reports success for a port that cannot work: the interface tells why it does not."""
        deadline = time.monotonic() + LATE_DEVICE
        while True:
            ports = self.observe().ports
            faulty = [seen for name, seen in ports.items() if name in names and seen.fault]
            if not faulty:
                return
            if time.monotonic() > deadline:
                raise EngineError("; ".join(f"port {s.port.bridge}/{s.port.name}: {s.fault}" for s in faulty[:20]))
            time.sleep(0.1)

    def undo(self, changes, have):
        """In the database; ovs-vswitchd, which may be what failed, follows when it can."""
        ports = observe(self.database).ports
        operations = []
        for number, step in enumerate(self._steps(have)):
            seen = ports.get(step.name)
            if seen is None:
                operations += write.create(step.have.port, number, step.have.ofport) if step.want is None else []
            elif step.have is None:
                operations += write.delete(seen)
            elif step.want is not None:
                operations += write.change(seen, step.want, step.have.port)
                operations.append(write.request_ofport(step.name, step.have.ofport_request))
        with ovsdb.Database(self.database) as database, contextlib.suppress(ovsdb.NotFollowed):
            database.commit(operations, UNDO_PATIENCE)


def _need_bridges(missing):
    if missing:
        raise EngineError(
            f"bridge {', '.join(sorted(missing))} does not exist: "
            "the module openvswitch.openvswitch.openvswitch_bridge makes it"
        )


def _need_devices(steps):
    """A port that lost its veth is healed when the veth is there again, not before."""
    gone = [step.name for step in steps if step.reopens and step.have.fault == GONE and step.want.type == "system"]
    if gone:
        raise EngineError(f"network device {', '.join(gone)} does not exist: the module netns makes veth pairs")


def _reopen(database, deaf, have, patience):
    """Make ovs-vswitchd close the network devices of ports and open them anew.

    A port that is deleted and added within one reading of ovs-vswitchd keeps its open
    device, so there must be a moment between, and flows should still fit afterwards:
    asking for another OpenFlow number, and then for the old one, does both.
    """
    if not deaf:
        return
    spare = write.spare_ofports({seen.ofport for seen in have.ports.values()}, len(deaf))
    names = [seen.port.name for seen in deaf]
    for numbers in (spare, [seen.ofport for seen in deaf], [seen.ofport_request for seen in deaf]):
        database.commit([write.request_ofport(*pair) for pair in zip(names, numbers)], patience)
