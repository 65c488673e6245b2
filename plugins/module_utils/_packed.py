# SPDX-License-Identifier: GPL-3.0-or-later
"""How a long list of items, or several options, travel to a module: JSON, zlib, base64. PRIVATE to the collection.

A plan of a thousand floating IPs is a megabyte of arguments that Ansible would
template, tag and copy item by item; packed it is one short string.
"""

from __future__ import annotations

import base64
import json
import zlib


def pack(config):
    """The packed string of a list of items, or of a mapping of options."""
    return base64.b64encode(zlib.compress(json.dumps(config, separators=(",", ":")).encode(), 6)).decode()


def unpack(text):
    """What is in a packed string, a list or a mapping. Raises ValueError with the reason for anything else."""
    try:
        config = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
    except zlib.error as error:
        raise ValueError(f"not base64 of zlib of JSON: {error}") from error
    if not isinstance(config, (list, dict)):
        raise ValueError("must hold a list of items, or a mapping of options")
    return config
