# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as ansible_collections.cloudnet.dataplane."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
COLLECTIONS = ROOT / ".cache" / "collections"


def _link_checkout():
    link = COLLECTIONS / "ansible_collections" / "cloudnet" / "dataplane"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT)
    sys.path.insert(0, str(COLLECTIONS))


_link_checkout()

#: Long searches for a counterexample, by hand or at night: pytest --hypothesis-profile=explore
settings.register_profile("explore", max_examples=3000, deadline=None)
