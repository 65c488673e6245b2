# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the data plane whether packets pass: ping and TCP from inside namespaces. PRIVATE to the collection.

A listener answers every TCP connection with the address it came from. So one
connection proves reachability and which source address the far end sees: the
proof of a source NAT.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, MissingTool

#: IANA leaves it unassigned, and no seed scenario uses it.
PORT = 7777

#: An abstract socket of the host's own network namespace: it goes with the process that holds it.
_CONTROL = "\0cloudnet-dataplane-probe"

_TIMEOUT = 3.0


def probe(wanted):
    """Results for a list of probes, in order, all run at the same time.

    Each probe: {namespace (None: root), kind: ping|tcp, address, port, expect_source}.
    Each result: the probe plus ok (bool), detail (words) and source (what the far end saw, or None).
    """
    with ThreadPoolExecutor(max_workers=16) as pool:
        return list(pool.map(_one, wanted))


def _one(wanted):
    ask = _ping if wanted["kind"] == "ping" else _connect
    try:
        ok, detail, source = namespace.inside(wanted.get("namespace"), ask, wanted)
    except (OSError, EngineError) as error:
        ok, detail, source = False, str(error), None
    return {**wanted, "ok": ok, "detail": detail, "source": source}


def _ping(wanted):
    # Ends with the first answer. Five seconds, because a neighbour that is not found is asked for once a second.
    argv = ["ping", "-n", "-c", "1", "-i", "0.5", "-w", "5", wanted["address"]]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise MissingTool("ping", "iputils-ping") from error
    lines = [line for line in done.stdout.splitlines() if "bytes from" in line]
    if lines:
        return True, lines[-1].partition("bytes from ")[2], None
    return False, (done.stderr.strip() or "no answer"), None


def _connect(wanted):
    try:
        with socket.create_connection((wanted["address"], wanted.get("port") or PORT), timeout=_TIMEOUT) as connection:
            source = connection.makefile().readline().strip()
    except OSError as error:
        return False, str(error), None
    expected = wanted.get("expect_source")
    if expected and source != expected:
        return False, f"the far end saw {source}, expected {expected}", source
    return True, f"the far end saw {source}", source


def listen(wanted, seconds):
    """Answer TCP connections for that many seconds, in a process of its own.

    wanted: [{namespace (None: root), port}]. The listener of an earlier call on this host ends first;
    without anything wanted that is all. It would keep its namespaces alive, whoever deletes them.
    """
    control = _take_over()
    if not wanted:
        control.close()
        return
    sockets = [namespace.inside(each.get("namespace"), _listening, each.get("port") or PORT) for each in wanted]
    if os.fork() == 0:
        _serve(sockets, control, time.monotonic() + seconds)
    for each in (control, *sockets):
        each.close()


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
    listener.listen(64)
    return listener


def _serve(sockets, control, deadline):
    """The listener's life: detached from the module, ended by the clock or by the next listener."""
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        with selectors.DefaultSelector() as ready:
            for each in (control, *sockets):
                ready.register(each, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                for key, _event in ready.select(left):
                    if key.fileobj is control:
                        return
                    _answer(key.fileobj)
    finally:
        os._exit(0)


def _answer(listener):
    try:
        connection, peer = listener.accept()
        with connection:
            connection.sendall(peer[0].replace("::ffff:", "").encode() + b"\n")
    except OSError:
        pass  # that client has gone; the next one is served
