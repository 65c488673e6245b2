# SPDX-License-Identifier: GPL-3.0-or-later
"""The Open vSwitch that a plan is built on, which may be starting. PRIVATE to the collection."""

from __future__ import annotations

import time

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, MissingTool

#: Seconds that it may take to start.
PATIENCE = 60.0


def wait(patience=PATIENCE):
    """Wait until ovs-vswitchd has made what its database says. Raises EngineError."""
    deadline = time.monotonic() + patience
    while True:
        try:
            with ovsdb.Database() as database:
                return database.commit([], max(1.0, deadline - time.monotonic()))
        except MissingTool:
            raise
        except EngineError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def process():
    """What tells this ovs-vswitchd from the next one, or None."""
    try:
        with open(f"{ovsdb.directory(ovsdb.DEFAULT)}/ovs-vswitchd.pid") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/stat") as file:
            return pid, file.read().rpartition(")")[2].split()[19]  # proc(5): its start
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
