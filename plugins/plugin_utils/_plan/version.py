# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version of the collection this is. PRIVATE to the collection."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import yaml

_COLLECTION = Path(__file__).resolve().parents[3]


@functools.cache
def collection_version():
    """From the manifest of an installed collection, or from galaxy.yml of a checkout."""
    manifest = _COLLECTION / "MANIFEST.json"
    if manifest.exists():
        return json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
    return yaml.safe_load((_COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"]
