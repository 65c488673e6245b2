# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to the data plane, of each kind. PRIVATE to the collection.

Sockets belong to the namespace in which they were made, and never block.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from typing import NamedTuple

_ECHO_REQUEST, _ECHO_REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
_IDENTIFIER = os.getpid() & 0xFFFF
_HEADER = struct.Struct("!BBHHH")
_IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 51, 52  # linux/in6.h; the module socket has them not everywhere


class Answer(NamedTuple):
    """What came back. reached: whether anything did, be it a refusal. source: whom the far end saw."""

    reached: bool
    detail: str
    refused: bool = False
    source: str | None = None
    answered_by: str | None = None


class Echo:
    """The ICMP of one namespace and family: one raw socket for all its pings."""

    def __init__(self, version):
        family, protocol = ((socket.AF_INET, socket.IPPROTO_ICMP) if version == 4
                            else (socket.AF_INET6, socket.IPPROTO_ICMPV6))
        self._version, self._waiting = version, {}
        self.socket = socket.socket(family, socket.SOCK_RAW, protocol)
        self.socket.setblocking(False)
        if version == 6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)

    def send(self, address):
        """Ask once more; None, or the Answer that the own host gives."""
        number, asked = self._waiting.get(address) or (len(self._waiting) & 0xFFFF, {})
        self._waiting[address] = number, asked
        try:
            self.socket.sendto(self._request(number), (address, 0))
        except BlockingIOError:
            return None
        except OSError as error:
            return Answer(False, error.strerror or str(error))
        asked.setdefault("at", time.monotonic())
        return None

    def _request(self, number):
        header = _HEADER.pack(_ECHO_REQUEST[self._version], 0, 0, _IDENTIFIER, number)
        total = sum(struct.unpack("!4H", header))  # of ICMPv6 the kernel fills in the checksum
        return _HEADER.pack(_ECHO_REQUEST[self._version], 0, ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF,
                            _IDENTIFIER, number)

    def receive(self):
        """[(address, Answer)] of the replies that are there."""
        found = []
        while True:
            try:
                data, ancillary, _flags, peer = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return found
            except OSError:
                continue  # an error that belongs to an earlier request
            if self._version == 4:
                ttl, data = data[8], data[(data[0] & 15) * 4:]
            else:
                ttl = next((int.from_bytes(value, "little") for _level, kind, value in ancillary
                            if kind == _IPV6_HOPLIMIT), None)
            if len(data) >= _HEADER.size and self._is_reply(data, peer[0]):
                waited = time.monotonic() - self._waiting[peer[0]][1].get("at", time.monotonic())
                found.append((peer[0], Answer(True, f"ttl={ttl} time={waited * 1000:.1f} ms")))

    def _is_reply(self, data, address):
        kind, _code, _checksum, identifier, number = _HEADER.unpack_from(data)
        expected = self._waiting.get(address)
        return expected and (kind, identifier, number) == (_ECHO_REPLY[self._version], _IDENTIFIER, expected[0])


class Connection:
    """A TCP connection that is being made."""

    def __init__(self, address, port):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self._made, self._greeting = False, b""
        code = self.socket.connect_ex((address, port))
        self.failed = None if code in (0, errno.EINPROGRESS) else _refusal(code)

    @property
    def made(self):
        """Whether the connection stands; only then is there something to read."""
        return self._made

    def receive(self):
        """The Answer, or None while there is more to come. To be called when the socket is ready."""
        if not self._made:
            code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                return _refusal(code)
            self._made = True
        try:
            data = self.socket.recv(256)
        except BlockingIOError:
            return None
        except OSError as error:
            return Answer(True, f"connected, then: {error.strerror}")
        self._greeting += data
        return None if data and b"\n" not in data else self.greeted()

    def greeted(self):
        """The Answer of a connection that was made, with what was said until now; None of one that was not."""
        if not self._made:
            return None
        source, _space, name = self._greeting.decode(errors="replace").strip().partition(" ")
        if not source:
            return Answer(True, "connected, and nobody spoke")
        return Answer(True, f"the far end saw {source}" + (f" ({name} answers)" if name else ""), False, source,
                      name or None)


def _refusal(code):
    refused = code == errno.ECONNREFUSED
    return Answer(refused, "refused: nobody listens" if refused else os.strerror(code), refused)
