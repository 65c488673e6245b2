# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink messages on the wire: framing, attributes, dumps, batched writes. PRIVATE to the collection."""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLM_F_DUMP_INTR, NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x10, 0x100, 0x200
NEW, REPLACE = NLM_F_CREATE | NLM_F_EXCL, NLM_F_CREATE | NLM_F_REPLACE

_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT_CHECK = 270, 10, 11, 12
_NLMSGERR_ATTR_MSG = 1
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF  # the upper bits say "nested" and "big endian"

_RECEIVE_BYTES = 1 << 20
_SEND_BYTES = 1 << 16  # per system call; well under the default SO_SNDBUF of 212992
_SEND_REQUESTS = 500  # per system call: if all are refused, their answers (1 KB each) must fit the receive buffer
_RECEIVE_BUFFER = 1 << 20
_SO_RCVBUFFORCE = 33
_DUMP_TRIES = 20
_FAILURES_SHOWN = 10


class KernelRefused(EngineError):
    """The kernel refused requests. `failures` lists (what, errno, text)."""

    def __init__(self, failures):
        self.failures = list(failures)
        shown = [f"the kernel refused to {what}: {text}" for what, _errno, text in self.failures[:_FAILURES_SHOWN]]
        if len(self.failures) > _FAILURES_SHOWN:
            shown.append(f"and {len(self.failures) - _FAILURES_SHOWN} more")
        super().__init__("; ".join(shown))


@dataclass(frozen=True)
class Request:
    """One message that changes something. what: "create address ..." for errors; tolerate: errnos that are fine."""

    kind: int
    flags: int
    payload: bytes
    what: str
    tolerate: tuple = ()


def attribute(kind, payload):
    """One attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def u32(kind, value):
    """An attribute that holds a 32-bit number."""
    return struct.pack("=HHI", 8, kind, value)


def text(kind, value):
    """An attribute that holds a zero-terminated string."""
    return attribute(kind, value.encode() + b"\0")


def attributes(data, offset=0):
    """{type: bytes} of the attributes of data from offset on. Of a repeated type the last one counts."""
    found, end, unpack = {}, len(data), _ATTRIBUTE.unpack_from
    while offset + 4 <= end:
        length, kind = unpack(data, offset)
        if length < 4:
            break
        found[kind & _TYPE_MASK] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


class Netlink:
    """A netlink socket of the network namespace of the thread that opens it. Use it in a with statement."""

    def __init__(self, protocol=socket.NETLINK_ROUTE):
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        self._sequence = 0
        for option in (_CAP_ACK, _EXT_ACK, _STRICT_CHECK):
            try:
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
            except OSError as error:  # strict checking came with Linux 4.20; without it dumps hold more, never less
                if error.errno != errno.ENOPROTOOPT:
                    raise

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._socket.close()

    def dump(self, kind, payload):
        """Payloads of all objects that the kernel has for this request, as bytes."""
        for _try in range(_DUMP_TRIES):
            objects = self._dump(kind, payload)
            if objects is not None:
                return objects
        raise EngineError("the kernel's tables change faster than they can be read")

    def _dump(self, kind, payload):
        """One dump; None if something changed meanwhile, so that objects may be missing or double."""
        self._send(kind, NLM_F_DUMP, payload)
        objects, interrupted = [], False
        while True:
            for answer, flags, _sequence, body in self._receive():
                if flags & NLM_F_DUMP_INTR:
                    interrupted = True
                if answer == _NLMSG_DONE:
                    status = struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
                    if status < 0:
                        raise EngineError(f"reading from the kernel failed: {os.strerror(-status)}")
                    return None if interrupted else objects
                if answer == _NLMSG_ERROR:
                    code, reason = _error(flags, body)
                    raise EngineError(f"reading from the kernel failed: {reason or os.strerror(code)}")
                objects.append(body)

    def ask(self, kind, payload):
        """The payload of the one answer to a question, or None if there is no such object."""
        self._send(kind, 0, payload)
        ((answer, flags, _sequence, body),) = self._receive()
        if answer != _NLMSG_ERROR:
            return body
        code, reason = _error(flags, body)
        if code in (errno.ENODEV, errno.ENOENT, errno.ENETUNREACH):
            return None
        raise EngineError(f"reading from the kernel failed: {reason or os.strerror(code)}")

    def write(self, requests):
        """Send requests in order, many per system call. Raises KernelRefused naming each that failed.

        The kernel goes on after a refused message, so the requests of the same system
        call have all been tried then; later ones are not sent.
        """
        batch, size = [], 0
        for request in requests:
            batch.append(request)
            size += len(request.payload) + _HEADER.size
            if size >= _SEND_BYTES or len(batch) == _SEND_REQUESTS:
                self._write(batch)
                batch, size = [], 0
        if batch:
            self._write(batch)

    def _write(self, batch):
        """One system call. Failures are always answered; only the last request asks for an answer in any case."""
        first, message = self._sequence + 1, bytearray()
        for request in batch:
            self._sequence += 1
            flags = NLM_F_REQUEST | request.flags | (NLM_F_ACK if request is batch[-1] else 0)
            message += _HEADER.pack(_HEADER.size + len(request.payload), request.kind, flags, self._sequence, 0)
            message += request.payload
        self._socket.send(message)
        failures = []
        for sequence, code, reason in self._answers(self._sequence):
            request = batch[sequence - first]
            if code and code not in request.tolerate:
                failures.append((request.what, code, reason or os.strerror(code)))
        if failures:
            raise KernelRefused(failures)

    def _answers(self, last):
        """(sequence, errno, extack text) of each answer up to that for the request `last`."""
        while True:
            for answer, flags, sequence, body in self._receive():
                if answer == _NLMSG_ERROR:
                    yield (sequence, *_error(flags, body))
                if sequence == last:
                    return

    def _send(self, kind, flags, payload):
        self._sequence += 1
        length = _HEADER.size + len(payload)
        self._socket.send(_HEADER.pack(length, kind, NLM_F_REQUEST | flags, self._sequence, 0) + payload)

    def _receive(self):
        """Messages of one datagram: (type, flags, sequence, body)."""
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            raise EngineError("the kernel's answers did not fit the socket's buffer") from error
        offset, end, messages = 0, len(data), []
        while offset + 16 <= end:
            length, kind, flags, sequence, _port = _HEADER.unpack_from(data, offset)
            messages.append((kind, flags, sequence, data[offset + 16 : offset + length]))
            offset += (length + 3) & ~3
        return messages


def _error(flags, body):
    """errno (0 for success) and the kernel's own words about it, from an error message."""
    code = -struct.unpack_from("=i", body)[0]
    if not flags & NLM_F_ACK_TLVS:
        return code, ""
    # The request's header follows the code; its payload too, unless the message says that it was cut off.
    (length,) = struct.unpack_from("=I", body, 4)
    offset = 4 + (_HEADER.size if flags & NLM_F_CAPPED else (length + 3) & ~3)
    return code, attributes(body, offset).get(_NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode(errors="replace")
