# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of an applied plan. Pure. PRIVATE to the collection.

A line with the checksum of all that follows, then JSON: `tail -n +2 plan | python3 -m json.tool` shows it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, fields
from typing import Any

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.host.sections import Settings

_HEAD = re.compile(rb"cloudnet\.dataplane plan, sha256 ([0-9a-f]{64})\n")


class Refused(EngineError):
    """A kept plan cannot be trusted."""


@dataclass(frozen=True)
class Document:
    """A plan, and how it was applied.

    interval: seconds between two corrections, 0 for none. max_disruption: what these may cost.
    textfile_directory: where Prometheus's node exporter looks, or "".
    """

    plan: Any
    purge: bool = False
    adopt: bool = False
    max_disruption: str = "service"
    interval: int = 0
    textfile_directory: str = ""

    @property
    def owner(self):
        return self.plan["owner"]

    @property
    def has_datapath(self):
        """Whether there is an Open vSwitch to wait for."""
        return bool(self.plan["bridges"])

    def settings(self, max_disruption="service"):
        """As the engine takes them."""
        return Settings(self.owner, self.purge, self.adopt, max_disruption)


def encode(document):
    """The bytes of a Document."""
    content = {field.name: getattr(document, field.name) for field in fields(document)}
    # Keys stay in the plan's order: what is made of them, files and all, is then the same as without the detour
    body = json.dumps(content, separators=(",", ":")).encode() + b"\n"
    return f"cloudnet.dataplane plan, sha256 {digest(body)}\n".encode() + body


def decode(content):
    """The Document in these bytes. Raises Refused."""
    head = _HEAD.match(content)
    if not head:
        raise Refused("does not begin with a checksum")
    body = content[head.end():]
    if digest(body) != head.group(1).decode():
        raise Refused("does not have the checksum that it begins with: torn, or changed by hand")
    try:
        return Document(**json.loads(body))
    except (ValueError, TypeError) as error:
        raise Refused(f"is of another version: {error}") from error


def digest(content):
    """What tells contents apart."""
    return hashlib.sha256(content).hexdigest()
