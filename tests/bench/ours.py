# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's modules over one cloud: each in a process of its own, or as tasks of a play."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack
from tests.bench.measured import PEAK_FILE
from tests.bench.playbook import BRIDGES, task
from tests.bench.routers import BRIDGE, OWNER
from tests.sandbox import run_module

SECTIONS = {"ovs_port": "ports", "netns": "namespaces", "nat_rules": "nat_rules", "floating_ip": "floating_ips"}

#: An internal port exists only once OVS has made it, a veth once its namespace has it.
ORDER = {
    "internal": ("ovs_port", "netns", "nat_rules", "floating_ip"),
    "veth": ("netns", "ovs_port", "nat_rules", "floating_ip"),
}


@dataclass(frozen=True)
class Run:
    """One module over one cloud: seconds of its engine, seconds of its process, its peak memory in MB."""

    module: str
    changed: bool
    engine: float
    process: float
    memory: float


def converge(cloud, plug):
    """Run every module once, in the order of the roles; [Run]."""
    return [run(module, pack(cloud[SECTIONS[module]])) for module in ORDER[plug]]


def run(module, packed, **options):
    """Run one module in a process of its own; the Run. options: beside those that every module gets."""
    given = {"purge": True, **({} if module == "host_dataplane" else {"owner": OWNER}), **options}
    with tempfile.NamedTemporaryFile() as peak:
        os.environ[PEAK_FILE] = peak.name
        started = time.monotonic()
        result = run_module(module, launcher=("tests.bench.measured",), packed=packed, **given)
        process = time.monotonic() - started
        memory = int(Path(peak.name).read_text()) / 1024
    return Run(module, result["changed"], result["engine_seconds"], process, memory)


def tasks(cloud, plug):
    """The tasks that build the cloud, and nothing else: what the stock way builds, too."""
    return [_task(module, cloud[SECTIONS[module]]) for module in ORDER[plug]]


def plan(cloud, plug):
    """The cloud as the plan of a host, for host_dataplane."""
    bridge = {"name": BRIDGE, "fail_mode": "secure", "datapath_type": "netdev", "other_config": {}}
    return {
        "owner": OWNER, "plug": plug, "sysctls": {}, "bridges": [bridge], "flows": [], "services": [],
        "security_groups": {}, **cloud,
    }  # fmt: skip


def one_task(cloud, plug):
    """The same objects by a single task."""
    return [task("cloudnet.dataplane.host_dataplane", packed=pack(plan(cloud, plug)), purge=True)]


def role_tasks(cloud, plug, home):
    """All that the roles run on a network host: sysctls, bridge, ports, namespaces, flows, rules, floating IPs."""
    mark = f"external_ids:cloudnet-dataplane={OWNER}"
    steps = tasks(cloud, plug)
    ports = [_task("ovs_port", cloud["ports"])] if plug == "internal" else []
    flows = _task("ovs_flow", [{"bridge": BRIDGE, "flows": ["table=0,priority=0 actions=NORMAL"]}])
    return [
        task("cloudnet.dataplane.node_sysctl", sysctls={"net.ipv4.ip_forward": 1}, path=f"{home}/sysctl.conf"),
        task("cloudnet.dataplane.ovs_port_info"),
        task(
            f"{BRIDGES}.openvswitch_bridge",
            bridge=BRIDGE,
            fail_mode="secure",
            set=f"bridge {BRIDGE} datapath_type=netdev fail_mode=secure {mark}",
        ),
        *steps[:2],
        *ports,
        flows,
        *steps[2:],
    ]


def _task(module, items):
    return task(f"cloudnet.dataplane.{module}", packed=pack(items), owner=OWNER, purge=True)
