# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write the rules of one family in the current namespace. PRIVATE to the collection."""

from __future__ import annotations

import re

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.command import run
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import CommandFailed, EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables import save

PACKAGE = "iptables"
TOOLS = {"ipv4": "iptables", "ipv6": "ip6tables"}

_LINE = re.compile(r"line:? (\d+)")


def read(family):
    """{table: {chain: [rule]}} of the tables in use. Without -t, because naming a table brings it into being."""
    return save.parse(run([f"{TOOLS[family]}-save"], package=PACKAGE))


def document(changes):
    """The input of iptables-restore --noflush for [ChainChange], every table in one go.

    Chains first, as rules may jump to them; last the chains that go, all emptied before
    the first is deleted, as they may jump to each other.
    """
    lines = []
    for table in dict.fromkeys(change.table for change in changes):
        here = [change for change in changes if change.table == table]
        gone = [change.chain for change in here if change.after is None]
        lines.append(f"*{table}")
        lines += [f":{change.chain} - [0:0]" for change in here if change.before is None]
        lines += [line for change in here for line in change.edits]
        lines += [f"-F {chain}" for chain in gone] + [f"-X {chain}" for chain in gone]
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def write(family, text):
    """Feed iptables-restore. Each table takes effect at once and wholly, or not at all. Raises EngineError."""
    try:
        # -w: wait for another program that holds the lock (legacy backend) instead of failing
        run([f"{TOOLS[family]}-restore", "--noflush", "-w"], stdin=text, package=PACKAGE)
    except CommandFailed as error:
        raise EngineError(_explained(error, text)) from error


def _explained(error, text):
    """What was refused: iptables-restore only gives the number of a line that nobody else sees."""
    number = _LINE.search(error.stderr)
    lines = text.split("\n")
    line = lines[int(number.group(1)) - 1] if number and int(number.group(1)) <= len(lines) else None
    reason = " ".join(error.stderr.split())
    if line in (None, "COMMIT"):  # the kernel refused the table as a whole
        return f"{error.argv[0]} refused the rules: {reason}"
    return f"{error.argv[0]} refused {line!r}: {reason}"
