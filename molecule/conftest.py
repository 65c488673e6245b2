# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios' tests share: the hosts of the scenario's lab, and a run on each of them at once."""

from __future__ import annotations

import os

import pytest
import testinfra


@pytest.fixture(scope="session")
def lab():
    """lab(name): the testinfra host of that inventory hostname."""
    name = f"molecule-{os.environ['MOLECULE_SCENARIO_NAME']}"
    return lambda host: testinfra.get_host(f"podman://{name}-{host}")
