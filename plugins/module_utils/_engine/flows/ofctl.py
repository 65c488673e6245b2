# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows through ovs-ofctl, in OpenFlow 1.4, the oldest version with bundles. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import command, ovsdb
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import CommandFailed, EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.flows.flow import Flow

#: Seconds that ovs-vswitchd has for an answer.
PATIENCE = 10

_KILLED_BY_ALARM = -14  # what ovs-ofctl's --timeout does
_FLAGS = frozenset(("send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts"))
_COUNTERS = ("n_packets", "n_bytes")


class Refused(EngineError):
    """ovs-ofctl does not accept a flow; the message is its own words."""


def parse(text, cookie):
    """Flows as Open vSwitch writes them, one for each line of text. Raises Refused."""
    try:
        output = _ofctl("parse-flows", "-", stdin=text)
    except CommandFailed as error:
        words = error.stderr.split("\n")[0].replace("ovs-ofctl: ", "", 1)
        raise Refused(words.partition("-:1: ")[2] or words) from error
    # OFPT_FLOW_MOD (OF1.4) (xid=0x2): ADD table:24 priority=2,arp cookie:0x5 actions=drop
    return [_parsed(line.partition(": ADD ")[2], cookie) for line in output.splitlines() if ": ADD " in line]


def _parsed(text, cookie):
    head, _separator, actions = text.partition("actions=")
    words = head.split()
    table = int(words.pop(0)[len("table:"):]) if words and words[0].startswith("table:") else 0
    match = words.pop(0) if words and words[0] not in _FLAGS and ":" not in words[0].partition("=")[0] else ""
    if words:
        raise Refused(f"a declared flow cannot have {words[0].partition(':')[0]}")
    return Flow(table, match, actions, cookie)


def dump(bridge, only_cookie=None):
    """The flows of a bridge, ports as numbers. bridge: its socket. only_cookie: those with this cookie."""
    selection = () if only_cookie is None else (f"cookie={only_cookie:#x}/-1",)
    output = _talk("dump-flows", "--no-names", "--no-stats", bridge, *selection)
    return [_dumped(line)[0] for line in output.splitlines() if line.startswith(" ")]


def dump_counters(bridge):
    """[(Flow, {"n_packets": int, "n_bytes": int})] of a bridge, ports as numbers."""
    output = _talk("dump-flows", "--no-names", bridge)
    flows = [_dumped(line) for line in output.splitlines() if line.startswith(" ")]
    return [(flow, {name: int(values[name]) for name in _COUNTERS}) for flow, values in flows]


def _dumped(line):
    """(Flow, other values) of ` cookie=0x5, table=24, idle_timeout=9, send_flow_rem priority=2,arp actions=drop`."""
    head, _separator, actions = line.partition("actions=")
    *values, match = head[1:].split(", ")
    match = " ".join(word for word in match.split() if word not in _FLAGS)
    values = dict(value.split("=", 1) for value in values if "=" in value)
    expires = "idle_timeout" in values or "hard_timeout" in values
    return Flow(int(values.get("table", 0)), match, actions, int(values.get("cookie", "0"), 16), expires), values


def write(bridge, lines):
    """Do what lines say (add, modify_strict, delete_strict and a flow each), all at once or not at all."""
    _talk("--bundle", "add-flows", bridge, "-", stdin="\n".join(lines) + "\n")


def _talk(*argv, stdin=None):
    """Let ovs-ofctl speak to ovs-vswitchd."""
    try:
        return _ofctl(*argv, stdin=stdin)
    except CommandFailed as error:
        raise EngineError(_reason(error)) from error


def _reason(error):
    if error.status == _KILLED_BY_ALARM:
        return f"ovs-vswitchd gave no answer in {PATIENCE} seconds: it is stopped, or hangs (service {ovsdb.PACKAGE})"
    if "version negotiation failed" in error.stderr:
        return f"the bridge does not speak OpenFlow 1.4: add OpenFlow14 to its protocols ({error})"
    if "No such file or directory" in error.stderr or "Connection refused" in error.stderr:
        return f"ovs-vswitchd does not answer: start the service {ovsdb.PACKAGE} ({error})"
    return str(error)


def _ofctl(*argv, stdin=None):
    options = ("-O", "OpenFlow14", f"--timeout={PATIENCE}")
    return command.run(["ovs-ofctl", *options, *argv], stdin=stdin, package=ovsdb.PACKAGE)
