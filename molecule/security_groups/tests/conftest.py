# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances of the scenario, among them one behind a tap that a hypervisor would plug."""

from __future__ import annotations

import pytest

from tests.instances import Guest, instances_of
from tests.model import Model

INVENTORY = "molecule/security_groups/inventory"


@pytest.fixture(scope="session")
def model():
    return Model(INVENTORY)


@pytest.fixture(scope="module")
def instances(lab, model):
    """{name: Instance}"""
    addresses = (f"{model.address('guest', 4)}/24", f"{model.address('guest', 6)}/64")
    port = model.ports["guest"]
    with Guest(lab, port.host.name, port.name, port.id, model.mac("guest"), addresses) as guest:
        yield {**instances_of(lab), "guest": guest}
