# SPDX-License-Identifier: GPL-3.0-or-later
"""How long planning a site takes, and how much memory: python -m tests.bench.planning HOSTS NETWORKS PORTS.

Prints one JSON object: seconds of processor time of each phase, of a first run
and of one that changes nothing, and the peak memory of the process in MB.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
import time
from pathlib import Path

import tests.conftest  # noqa: F401  (makes the checkout importable as a collection)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations import lockfile
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.files import write_plans
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from tests.sandbox import run

#: So many networks are a tenant: they share a router and a security group.
TENANT = 10


def measure(hosts, networks, ports):
    """Plan a site of that size in a process of its own; what main() prints, as data."""
    return json.loads(run(sys.executable, "-m", __spec__.name, str(hosts), str(networks), str(ports)))


def main(hosts, networks, ports):
    described = site(networks, ports, hosts), hosts_of(hosts)
    with tempfile.TemporaryDirectory() as home:
        first, again = _plan(*described, home), _plan(*described, home)
    print(json.dumps({
        "hosts": hosts,
        "networks": networks,
        "ports": ports,
        "pairs": pairs(described[0]),
        "first": first,
        "again": again,
        "memory": int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024,
    }))


def _plan(variables, hosts, home):
    """{phase: processor seconds} of what the action plugin `plan` does with a site, its files in the directory home."""
    seconds, started = {}, time.process_time()

    def done(phase):
        seconds[phase] = time.process_time() - started - sum(seconds.values())

    old = lockfile.read(f"{home}/allocations.yml")
    done("read")
    loaded = load(variables, hosts)
    done("validate")
    lock = allocate(loaded, old)
    done("allocate")
    plans = compile_site(loaded, lock)
    done("compile")
    if lock != old:
        lockfile.write(f"{home}/allocations.yml", lock)
    write_plans(f"{home}/plans", plans)
    done("write")
    return seconds


def site(networks, ports, hosts):
    """The variables of tenants with VXLAN networks behind routers, their instances anywhere."""
    anywhere = random.Random(0)
    return {
        "dataplane_site": "bench",
        "dataplane_enable_metadata_proxy": False,
        "dataplane_networks": [_external(), *(_network(n) for n in range(networks))],
        "dataplane_routers": [_router(n, networks) for n in range(0, networks, TENANT)],
        "dataplane_security_groups": [_group(n) for n in range(0, networks, TENANT)],
        "dataplane_ports": [
            {
                "name": f"port{n}",
                "network": f"net{n % networks}",
                "binding_host_id": f"host{anywhere.randrange(hosts)}",
                "security_groups": [f"tenant{n % networks // TENANT}"],
            }
            for n in range(ports)
        ],
    }


def hosts_of(count):
    """The hosts: all computes, every tenth a network host, too."""
    return {
        f"host{n}": {
            "groups": ["compute"] if n % 10 else ["network", "compute"],
            "dataplane_local_ip": f"10.255.{n >> 8}.{n & 255}",
            "dataplane_bridge_mappings": {"external": "br-ex"},
        }
        for n in range(count)
    }


def pairs(variables):
    """How many (port, other host in its network) there are: what l2 population has to tell."""
    present, count = {}, 0
    for port in variables["dataplane_ports"]:
        present.setdefault(port["network"], []).append(port["binding_host_id"])
    for hosts in present.values():
        count += len(hosts) * (len(set(hosts)) - 1)
    return count


def _external():
    subnet = {"name": "ext-subnet", "cidr": "172.16.0.0/12", "enable_dhcp": False}
    return {"name": "ext", "network_type": "flat", "physical_network": "external", "router_external": True,
            "subnets": [subnet]}


def _network(n):
    cidr = f"10.{n % TENANT}.0.0/16"  # tenants overlap
    return {"name": f"net{n}", "network_type": "vxlan", "subnets": [{"name": f"subnet{n}", "cidr": cidr}]}


def _router(first, networks):
    members = range(first, min(first + TENANT, networks))
    return {"name": f"router{first}", "external_gateway_info": {"network": "ext"},
            "interfaces": [{"subnet": f"subnet{n}"} for n in members]}


def _group(first):
    ssh = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    name = f"tenant{first // TENANT}"
    return {"name": name, "rules": [ssh, {"direction": "ingress", "remote_group": name}]}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
