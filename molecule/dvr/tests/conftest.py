# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud of the scenario: its instances, and the addresses that the model has for its devices."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from tests.instances import instances_of
from tests.model import Model

INVENTORY = "inventories/dvr"


@pytest.fixture(scope="session")
def instances(lab):
    return instances_of(lab)


@pytest.fixture(scope="session")
def macs():
    """MACs by what has them: instances, qr, sg and fg by network or host, qg, and what hosts send with."""
    cloud = Model(INVENTORY).allocated
    (router,) = cloud.site.routers
    mac = cloud.mac
    return SimpleNamespace(
        instance={port.name: mac(port) for port in cloud.site.ports},
        qr={port.network.name: mac(port) for port in router.interfaces},
        sg={port.network.name: mac(port) for port in router.snat_ports.values()},
        fg={port.host.name: mac(port) for port in cloud.site.fip_agent_gateway_ports},
        qg=mac(router.gateway),
        host={name: cloud.dvr_mac(host) for name, host in cloud.site.hosts.items() if host.routes_distributed},
    )


@pytest.fixture
def without_network1(lab):
    """network1 has lost all its cables but the one that manages it."""
    _cables(lab, "down")
    yield
    _cables(lab, "up")


def _cables(lab, state):
    for card in ("eth1", "eth2", "eth3"):
        wires = ["ip", "-n", f"{lab.name}-wires", "link", "set", f"network1-{card}", state]
        subprocess.run(wires, check=True)
