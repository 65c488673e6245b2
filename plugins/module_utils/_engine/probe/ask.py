# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask many questions at the same time, from inside namespaces. PRIVATE to the collection."""

from __future__ import annotations

import selectors
import time
from collections import defaultdict
from ipaddress import ip_address

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.probe.listen import PORT
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.probe.question import Answer, Connection, Echo

#: Seconds to wait for an answer that is to come (a neighbour is asked for once a second, and a connection tried anew
#: after one and three), and for one that is not: it has had a second try by then.
_PATIENCE, _SHORT = 5.0, 2.5
_AGAIN = 0.5  # seconds between two echo requests

#: Connections at one time: each is an open file, of which a process may have 1024.
_AT_ONCE = 400

_NOTHING = Answer(False, "no answer")


def probe(wanted):
    """Results for a list of probes, in order.

    Each probe: {namespace (None: root), kind: ping|tcp|namespace, address, port, expect: reached|unreached,
    expect_source, expect_answered_by}.
    Each result: the probe plus reached and ok (bools), detail (words), source (whom the far end saw, or None) and
    answered_by (the name of the listener, or None).
    """
    answers = {}
    order = sorted(range(len(wanted)), key=lambda index: wanted[index].get("expect") == "unreached")
    for first in range(0, len(order), _AT_ONCE):
        batch = {index: wanted[index] for index in order[first:first + _AT_ONCE]}
        answers.update(_Round(batch).answers())
    return [{**one, **_judged(one, answers[index])} for index, one in enumerate(wanted)]


def _judged(wanted, answer):
    detail, ok = answer.detail, answer.reached and not answer.refused
    if wanted.get("expect") == "unreached":
        ok = not answer.reached
    elif ok:
        for seen, expected, words in (
            (answer.source, wanted.get("expect_source"), "the far end saw {}, expected {}"),
            (answer.answered_by, wanted.get("expect_answered_by"), "{} answers, expected {}"),
        ):
            if expected and seen != expected:
                ok, detail = False, words.format(seen or "nobody known", expected)
    return {"ok": ok, "reached": answer.reached, "detail": detail, "source": answer.source,
            "answered_by": answer.answered_by}


class _Round:
    """Questions that are asked together. questions: {index: probe}."""

    def __init__(self, questions):
        self._questions, self._answers = questions, {}
        self._connections = {}  # index -> Connection
        self._pings = defaultdict(lambda: defaultdict(list))  # Echo -> address -> indexes
        self._ready = selectors.DefaultSelector()
        now = time.monotonic()
        self._deadlines = {index: now + (_SHORT if one.get("expect") == "unreached" else _PATIENCE)
                           for index, one in questions.items()}

    def answers(self):
        """{index: Answer}"""
        try:
            self._ask_all()
            again = time.monotonic() + _AGAIN
            while self._deadlines:
                now = time.monotonic()
                if now >= again:
                    self._ping_again()
                    again = now + _AGAIN
                self._expire(now)
                if self._deadlines:
                    self._listen(min(again, *self._deadlines.values()) - now)
        finally:
            for key in list(self._ready.get_map().values()):
                key.fileobj.close()
            self._ready.close()
        return self._answers

    def _ask_all(self):
        by_namespace = defaultdict(list)
        for index, one in self._questions.items():
            if one["kind"] == "namespace":
                there = namespace.exists(one["namespace"])
                self._end(index, Answer(there, "is there" if there else "is not there"))
            else:
                by_namespace[one.get("namespace")].append(index)
        for name, indexes in by_namespace.items():
            try:
                namespace.inside(name, self._ask_here, indexes)
            except (EngineError, OSError) as error:
                for index in indexes:
                    self._end(index, Answer(False, str(error)))

    def _ask_here(self, indexes):
        """Ask from the calling thread's namespace."""
        echoes = {}
        for index in indexes:
            one = self._questions[index]
            address = ip_address(one["address"])
            if one["kind"] == "tcp":
                self._connect(index, str(address), one.get("port") or PORT)
                continue
            if address.version not in echoes:
                echoes[address.version] = echo = Echo(address.version)
                self._ready.register(echo.socket, selectors.EVENT_READ, echo)
            self._pings[echoes[address.version]][str(address)].append(index)
        for echo in echoes.values():
            self._ping(echo)

    def _connect(self, index, address, port):
        connection = self._connections[index] = Connection(address, port)
        self._ready.register(connection.socket, selectors.EVENT_WRITE, index)
        if connection.failed:
            self._end(index, connection.failed)

    def _ping(self, echo):
        for address, indexes in self._pings[echo].items():
            if any(index in self._deadlines for index in indexes):
                failed = echo.send(address)
                if failed:
                    self._answered(echo, address, failed)

    def _ping_again(self):
        for echo in self._pings:
            self._ping(echo)

    def _answered(self, echo, address, answer):
        for index in self._pings[echo].get(address, ()):
            self._end(index, answer)

    def _end(self, index, answer):
        if self._deadlines.pop(index, None) is not None:
            self._answers[index] = answer
        if index in self._connections:
            connection = self._connections.pop(index)
            self._ready.unregister(connection.socket)
            connection.socket.close()

    def _listen(self, seconds):
        for key, _events in self._ready.select(max(seconds, 0)):
            if isinstance(key.data, Echo):
                for address, answer in key.data.receive():
                    self._answered(key.data, address, answer)
                continue
            connection = self._connections[key.data]
            answer = connection.receive()
            if answer:
                self._end(key.data, answer)
            elif connection.made:
                self._ready.modify(connection.socket, selectors.EVENT_READ, key.data)

    def _expire(self, now):
        for index in [index for index, end in self._deadlines.items() if now >= end]:
            connection = self._connections.get(index)
            self._end(index, (connection and connection.greeted()) or _NOTHING)
