# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios' tests share: the running lab of the scenario."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tests.conftest  # noqa: E402, F401  (makes the collection importable)
from tests.lab import Lab  # noqa: E402  (the path above makes it importable)


@pytest.fixture(scope="session")
def lab():
    """The scenario's Lab; lab.host(NAME) is a host as testinfra sees it."""
    scenario = os.environ["MOLECULE_SCENARIO_NAME"]
    inventories = os.environ.get("DATAPLANE_INVENTORIES", f"inventories/{scenario} inventories/over_ssh").split()
    return Lab(f"molecule-{scenario}", inventories, Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "record")
