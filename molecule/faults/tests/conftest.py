# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests share: the hosts as they were built, and the table of faults."""

from __future__ import annotations

import pytest

from tests import faults


@pytest.fixture(scope="session")
def built(lab):
    """{name: faults.Host} from before the first fault."""
    return {name: faults.Host(lab, name) for name in (faults.NETWORK, faults.COMPUTE)}


@pytest.fixture(scope="session")
def table():
    """The faults.Table, printed in the end."""
    whole = faults.Table()
    yield whole
    print(f"\n\n{whole}")
