# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenario's tests share: the host, its modules, and the services as they were converged."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path

import pytest
import yaml

from tests.remote import Remote
from tests.sandbox import eventually

WANTED = yaml.safe_load((Path(__file__).parents[1] / "vars/services.yml").read_text())

class Site:
    """network1 and what runs there. wanted: the items of netns_service, to be changed at will."""

    #: The names of the services that were converged.
    converged = tuple(service["name"] for service in WANTED["services"])

    def __init__(self, remote):
        self.remote, self.sh = remote, remote.sh
        self.wanted = copy.deepcopy(WANTED["services"])

    def item(self, name):
        """The item of one service."""
        return next(item for item in self.wanted if item["name"] == name)

    def run(self, check=False, config=None, **options):
        """Run netns_service over what is wanted."""
        wanted = self.wanted if config is None else config
        return self.remote.run("netns_service", check=check, **{"owner": "demo", "config": wanted, **options})

    def converge(self, **options):
        """Predict, run, and run again: the first two agree, the last does nothing. The changes of the real one."""
        predicted, real, again = self.run(check=True, **options), self.run(**options), self.run(**options)
        assert predicted["changes"] == real["changes"]
        assert again["changes"] == []
        return real["changes"]

    def pids(self, names=converged):
        """{service: pid}"""
        found = self.remote.run("netns_service_info", name=list(names))["services"]
        assert [service["state"] for service in found] == ["running"] * len(names), found
        return {service["name"]: service["pid"] for service in found}

    def runs_again(self, name, pid):
        """Wait until another process than pid runs for a service; the seconds that it took."""
        started = time.monotonic()
        eventually(lambda: self.sh(f"systemctl show -P MainPID cloudnet-{name}") not in (str(pid), "0"), seconds=10)
        return time.monotonic() - started

    def plug(self):
        """Make the namespaces as they were converged, and one wire between them."""
        self.remote.run("netns", owner="demo", config=WANTED["namespaces"])
        self.sh("{ ip link show wire || ip link add wire type bridge; } && ip link set wire up"
                " && for port in tapouter qrouter vmouter; do ip link set $port master wire; done")  # fmt: skip

    def page(self):
        """What haproxy answers in the router."""
        return self.sh("ip netns exec qrouter-a curl -sS --max-time 5 http://10.0.0.1:9697/")

    def lease(self):
        """The address that dnsmasq gives to the instance. It is set there, too."""
        self.sh("ip -n vm-a -4 addr flush dev eth0")
        self.sh("rm -f /tmp/leases; ip netns exec vm-a timeout 20 dhclient -1 -sf /tmp/set-address -lf /tmp/leases"
                " -pf /tmp/dhclient.pid eth0; ip netns exec vm-a dhclient -x -pf /tmp/dhclient.pid")  # fmt: skip
        return [a["local"] for a in json.loads(self.sh("ip -n vm-a -j -4 addr show eth0"))[0]["addr_info"]]


@pytest.fixture(scope="session")
def remote(lab):
    made = Remote(f"{lab.name}-network1")
    Site(made).plug()
    script = '#!/bin/sh\n[ -z "$new_ip_address" ] || ip addr replace $new_ip_address/24 dev $interface\n'
    made.sh(f"printf '%s' '{script}' >/tmp/set-address; chmod +x /tmp/set-address")
    return made


@pytest.fixture
def site(remote):
    """The host with what was converged, before and after the test."""
    Site(remote).run(purge=True)
    yield Site(remote)
    Site(remote).run(purge=True, adopt=True)
