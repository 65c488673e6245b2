# SPDX-License-Identifier: GPL-3.0-or-later
"""Open vSwitch's database, in its own protocol. PRIVATE to the collection.

OVSDB (RFC 7047) is JSON-RPC over a unix socket; one `transact` holds any number of
reads and writes and happens wholly or not at all. ovs-vswitchd follows the database
on its own time: whoever needs the effect of a change raises `next_cfg` in the same
transaction and waits until ovs-vswitchd has raised `cur_cfg` as far (ovs-vswitchd.conf.db(5)).
"""

from __future__ import annotations

import json
import os
import socket
import time

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import command
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput, EngineError

DEFAULT = "unix:/run/openvswitch/db.sock"
PACKAGE = "openvswitch-switch"
SCHEMA = "Open_vSwitch"

#: Seconds that ovsdb-server has for an answer, and ovs-vswitchd for a small change.
PATIENCE = 10.0


class Unreachable(EngineError):
    """No ovsdb-server behind the socket."""


class NotFollowed(EngineError):
    """The database holds the change, but ovs-vswitchd did not act on it."""


class Database:
    """A connection; use it in a `with` statement. path: "unix:" and the path of the socket."""

    def __init__(self, path=DEFAULT):
        self._socket = _connect(_socket_path(path))
        self._decoder = json.JSONDecoder()
        self._received = b""
        self._requests = 0

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._socket.close()

    def transact(self, operations, patience=PATIENCE):
        """Run operations (RFC 7047, 5.2) as one transaction; their results. EngineError means: nothing written."""
        results = self._call("transact", [SCHEMA, *operations], patience)
        for result in results:
            if result and "error" in result:
                raise EngineError(f"Open vSwitch's database refused: {result.get('details') or result['error']}")
        return results

    def select(self, *queries):
        """Rows of several tables as they are at one moment. queries: (table, columns); for each a list of rows.

        A row is a dict of plain values: sets are lists, maps dicts of strings, references uuid strings.
        """
        results = self.transact(
            [{"op": "select", "table": table, "where": [], "columns": list(columns)} for table, columns in queries]
        )
        return [[_plain_row(row) for row in result["rows"]] for result in results]

    def commit(self, operations, patience=PATIENCE):
        """Write operations and wait until ovs-vswitchd has acted on them.

        Raises NotFollowed when it has not within `patience` seconds: undoing them is the
        caller's. Any other EngineError means that nothing was written.
        """
        raised = [
            {"op": "mutate", "table": SCHEMA, "where": [], "mutations": [["next_cfg", "+=", 1]]},
            {"op": "select", "table": SCHEMA, "where": [], "columns": ["next_cfg"]},
        ]
        *_written, (row,) = (result.get("rows") for result in self.transact([*operations, *raised]))
        self._wait_for_vswitchd(row["next_cfg"], patience)

    def _wait_for_vswitchd(self, wanted, patience):
        deadline = time.monotonic() + patience
        while True:
            ((row,),) = self.select((SCHEMA, ["cur_cfg"]))
            left = deadline - time.monotonic()
            if row["cur_cfg"] >= wanted:
                return
            if left <= 0:
                raise NotFollowed(
                    f"ovs-vswitchd did not act on the change within {patience:.0f} seconds: "
                    f"it is stopped, or hangs (service {PACKAGE})"
                )
            self._wait_for_change_of(row, left)

    def _wait_for_change_of(self, row, seconds):
        """Let ovsdb-server tell when the Open_vSwitch row is no longer `row`; at most so many seconds."""
        operation = {
            "op": "wait", "table": SCHEMA, "where": [], "columns": list(row),
            "until": "!=", "rows": [row], "timeout": int(seconds * 1000) + 1,
        }
        self._call("transact", [SCHEMA, operation], seconds + PATIENCE)

    def _call(self, method, params, patience):
        self._requests += 1
        self._socket.settimeout(patience)
        try:
            self._send({"method": method, "params": params, "id": self._requests})
            while True:
                message = self._receive()
                if message.get("method") == "echo":  # ovsdb-server asks whether we are alive
                    self._send({"id": message["id"], "result": message["params"], "error": None})
                elif message.get("id") == self._requests:
                    break
        except socket.timeout as error:
            raise EngineError(f"ovsdb-server gave no answer within {patience:.0f} seconds") from error
        except OSError as error:
            raise EngineError(f"the connection to ovsdb-server broke: {error}") from error
        if message.get("error"):
            raise EngineError(f"ovsdb-server refused: {message['error']}")
        return message["result"]

    def _send(self, message):
        self._socket.sendall(json.dumps(message, separators=(",", ":")).encode())

    def _receive(self):
        """The next message. They follow each other without a delimiter, so one ends where it parses."""
        received, self._received = self._received, b""
        while True:
            if received.endswith(b"}"):
                text = received.decode().lstrip()
                try:
                    message, end = self._decoder.raw_decode(text)
                except ValueError:
                    pass  # a brace within the message
                else:
                    self._received = text[end:].encode()
                    return message
            chunk = self._socket.recv(1 << 20)
            if not chunk:
                raise ConnectionResetError("closed by ovsdb-server")
            received += chunk


def _socket_path(path):
    scheme, _colon, file = path.partition(":")
    if scheme != "unix" or not file:
        raise BadInput([f"database: {path}: must be unix: and the path of ovsdb-server's socket"])
    return file


def _connect(file):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(file)
    except OSError as error:
        connection.close()
        command.find("ovsdb-server", PACKAGE)
        raise Unreachable(
            f"Open vSwitch's database does not answer at {file} ({error.strerror}): start the service {PACKAGE}"
        ) from error
    return connection


def directory(path):
    """Where the daemons of the database at path keep their sockets and pid files."""
    return os.path.dirname(_socket_path(path))


def as_set(values):
    """A column of several values, or of none or one."""
    return ["set", list(values)]


def as_map(mapping):
    """A column of keys and values."""
    return ["map", [[key, value] for key, value in mapping.items()]]


def optional(values):
    """The value of a plain column that holds none or one, or None."""
    return (as_list(values) or [None])[0]


def as_list(values):
    """The values of a plain column: ovsdb-server writes a set of one as its value."""
    return values if isinstance(values, list) else [values]


def _plain_row(row):
    return {column: _plain(value) if isinstance(value, list) else value for column, value in row.items()}


def _plain(value):
    kind, content = value
    if kind == "map":
        return dict(content)
    if kind == "set":
        return [_plain(item) if isinstance(item, list) else item for item in content]
    return content  # ["uuid", ...]
