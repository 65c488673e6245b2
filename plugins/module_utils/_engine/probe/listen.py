# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer TCP connections inside namespaces, for a bounded time, in a process of its own. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import selectors
import socket
import time
from collections import defaultdict

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError

#: IANA leaves it unassigned.
PORT = 7777

#: An abstract socket of the host's own network namespace: it goes with the process that holds it.
_CONTROL = "\0cloudnet-dataplane-probe"

#: What the process says when all of them listen.
_READY = "ready"

#: Seconds that an earlier listener has to end.
_TIMEOUT = 3.0


def listen(wanted, seconds):
    """Answer TCP connections for that many seconds, in a process of its own.

    wanted: [{namespace (None: root), port, name}]. Nobody answers in a namespace that does not exist. The listener
    of an earlier call on this host ends first; without anything wanted that is all. It would keep its namespaces
    alive, whoever deletes them.
    """
    control = _take_over()
    reader, writer = os.pipe()
    if wanted and os.fork() == 0:
        os.close(reader)
        _live(wanted, control, writer, seconds)
    control.close()
    os.close(writer)
    with os.fdopen(reader) as report:  # ends when all of them listen, or the process has
        said = report.read()
    if wanted and said != _READY:
        raise EngineError(said or "the process that is to listen has ended at once")


def _take_over():
    """The host's one control socket; who holds it ends when spoken to."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    deadline = time.monotonic() + _TIMEOUT
    while True:
        try:
            control.bind(_CONTROL)
            return control
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise EngineError(f"an earlier listener does not end: {error}") from error
        with contextlib.suppress(OSError):  # it may end by itself just now
            control.sendto(b"end", _CONTROL)
        time.sleep(0.02)


def _listening(port):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", port))
    listener.listen(socket.SOMAXCONN)
    return listener


def _live(wanted, control, writer, seconds):
    """The life of the process: it opens its sockets, says so, and is ended by the clock or by its successor."""
    try:
        try:
            _more_descriptors()
            names = _open(wanted)
        except Exception as error:  # whatever it is, it must be told
            os.write(writer, (str(error) or repr(error)).encode())
        else:
            os.setsid()
            os.write(writer, _READY.encode())
            _detach(writer)
            _serve(names, control, time.monotonic() + seconds)
    finally:
        os._exit(0)


def _more_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _open(wanted):
    """{listening socket: name of who answers}"""
    by_namespace = defaultdict(list)
    for each in wanted:
        if each.get("namespace") is None or namespace.exists(each["namespace"]):
            by_namespace[each.get("namespace")].append((each.get("port") or PORT, each.get("name") or ""))
    found = namespace.map_inside(lambda key: {_listening(port): name for port, name in by_namespace[key]}, by_namespace)
    return {listener: name for listeners in found.values() for listener, name in listeners.items()}


def _detach(writer):
    null = os.open(os.devnull, os.O_RDWR)
    for each in (0, 1, 2, writer):
        os.dup2(null, each)


def _serve(names, control, deadline):
    with selectors.DefaultSelector() as ready:
        for each in (control, *names):
            ready.register(each, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            for key, _event in ready.select(left):
                if key.fileobj is control:
                    return
                _answer(key.fileobj, names[key.fileobj])


def _answer(listener, name):
    try:
        connection, peer = listener.accept()
        with connection:
            connection.sendall(f"{peer[0].replace('::ffff:', '')} {name}\n".encode())
    except OSError:
        pass  # that client has gone; the next one is served
