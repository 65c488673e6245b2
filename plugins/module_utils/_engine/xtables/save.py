# SPDX-License-Identifier: GPL-3.0-or-later
"""What iptables-save prints, and what a rule in it says. Pure. PRIVATE to the collection."""

from __future__ import annotations

import shlex

#: The builtin chains of each table; every other chain is somebody's own.
BUILTIN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}

_JUMPS = ("-j", "-g", "--jump", "--goto")


def parse(text):
    """{table: {chain: [rule]}} of the output of iptables-save, chains and rules in its order."""
    tables, chains = {}, {}
    for line in text.split("\n"):  # not splitlines: a comment may hold other characters that it splits at
        if line.startswith("-A "):
            chain, dummy, rule = line[3:].partition(" ")
            chains[chain].append(rule)
        elif line.startswith(":"):
            chains[line[1:].partition(" ")[0]] = []
        elif line.startswith("*"):
            chains = tables[line[1:]] = {}
    return tables


def words(rule):
    """The words of a rule. Raises ValueError for a quote that is not closed."""
    return shlex.split(rule) if '"' in rule else rule.split()


def target(rule):
    """The chain or target that a rule jumps or goes to, or None."""
    try:
        split = words(rule)
    except ValueError:  # somebody's rule; it cannot be one of ours
        return None
    return next((word for flag, word in zip(split, split[1:]) if flag in _JUMPS), None)


def comment(text):
    """The match that carries a comment, as iptables-save prints it for a text with a space in it."""
    escaped = "".join("\\" + char if char in "\"\\'" else char for char in text)
    return f'-m comment --comment "{escaped}"'
