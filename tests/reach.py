# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom. Copied to lab hosts, run inside an instance's namespace.

reach.py serve NAME PORT...     answers NAME on these ports, TCP and UDP, IPv4 and IPv6, until ended (at most 300 s)
reach.py ask                    standard input: JSON list of [protocol, address, port]; all are asked at the same time.
                                Standard output: JSON list of what each answered, null where nothing came.

protocol: tcp, udp, icmp (echo request of the address's family), icmp-timestamp (IPv4)
"""

from __future__ import annotations

import contextlib
import json
import selectors
import signal
import socket
import struct
import sys
import time

PATIENCE = 2.5  # long enough for a second SYN
AGAIN = 1.0  # UDP and ICMP are asked twice: the first may wait for a neighbour's address
ECHO, ECHO6, TIMESTAMP = 8, 128, 13
QUESTION = b"who"  # of UDP


def serve(name, ports):
    signal.alarm(300)
    waiting = selectors.DefaultSelector()
    for port in ports:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            listener = socket.socket(socket.AF_INET6, kind)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("::", port))
            if kind == socket.SOCK_STREAM:
                listener.listen(100)
            waiting.register(listener, selectors.EVENT_READ)
    print("serving", flush=True)
    while True:
        for key, _events in waiting.select():
            if key.fileobj.type == socket.SOCK_STREAM:
                with key.fileobj.accept()[0] as connection:
                    connection.sendall(name.encode())
            else:
                question, asker = key.fileobj.recvfrom(100)
                if question == QUESTION:  # answers to answers would never end
                    key.fileobj.sendto(name.encode(), asker)


class Probe:
    """One question and the socket it is asked with."""

    def __init__(self, number, protocol, address, port):
        self.protocol, self.target, self.answer = protocol, (address, port), None
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.ident = number + 1
        kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
        icmp = socket.IPPROTO_ICMPV6 if self.family == socket.AF_INET6 else socket.IPPROTO_ICMP
        self.socket = socket.socket(
            self.family, kinds.get(protocol, socket.SOCK_RAW), 0 if protocol in kinds else icmp
        )
        self.socket.setblocking(False)

    def ask(self):
        """Send the question. Connecting takes a moment; where the own host refuses, no answer comes."""
        with contextlib.suppress(OSError):
            if self.protocol == "tcp":
                self.socket.connect(self.target)
            elif self.protocol == "udp":
                self.socket.sendto(QUESTION, self.target)
            else:
                self.socket.sendto(self._icmp(), (self.target[0], 0))

    def hear(self):
        """Take what came; True when it is the answer."""
        try:
            data, source = self.socket.recvfrom(2000)
        except OSError:
            return self.protocol == "tcp"  # refused: it is over, without an answer
        if self.protocol in ("tcp", "udp"):
            self.answer = data.decode()
        elif source[0] == self.target[0]:
            data = data[20:] if self.family == socket.AF_INET else data
            if data[0] in (0, 129, 14) and struct.unpack_from("!H", data, 4)[0] == self.ident:
                self.answer = "reply"
        return self.answer is not None

    def _icmp(self):
        kind = ECHO6 if self.family == socket.AF_INET6 else TIMESTAMP if self.protocol == "icmp-timestamp" else ECHO
        message = struct.pack("!BBHHH", kind, 0, 0, self.ident, 1) + bytes(12)
        total = sum(struct.unpack("!10H", message))
        total = (total & 0xFFFF) + (total >> 16)
        return message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:]  # of ICMPv6, the kernel fills it in


def ask(questions):
    probes = [Probe(number, *question) for number, question in enumerate(questions)]
    waiting = selectors.DefaultSelector()
    for probe in probes:
        probe.ask()
        waiting.register(probe.socket, selectors.EVENT_READ, probe)
    end, again = time.monotonic() + PATIENCE, time.monotonic() + AGAIN
    while waiting.get_map() and time.monotonic() < end:
        for key, _events in waiting.select(0.05):
            if key.data.hear():
                waiting.unregister(key.fileobj)
        if time.monotonic() > again:
            again = end
            for probe in probes:
                if probe.answer is None and probe.protocol != "tcp":
                    probe.ask()
    return [probe.answer for probe in probes]


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], [int(port) for port in sys.argv[3:]])
    else:
        json.dump(ask(json.load(sys.stdin)), sys.stdout)
