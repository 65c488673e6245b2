# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP stream that notices every hiccup. Copied to lab hosts and run there.

traffic.py serve PORT SECONDS           echo, in the namespace it was started in
traffic.py stream ADDRESS PORT REPORT   100 lines a second until SIGTERM (at most 300 s), then REPORT is written:
                                        {"echoed" (lines), "retransmits", "longest_gap" (seconds)}
"""

from __future__ import annotations

import json
import signal
import socket
import socketserver
import struct
import sys
import threading
import time

INTERVAL = 0.01
LONGEST = 300.0
TCPI_TOTAL_RETRANS = 100  # offset in struct tcp_info, include/uapi/linux/tcp.h


class Echo(socketserver.StreamRequestHandler):
    """Sends every line back."""

    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


def serve(port, seconds):
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("", port), Echo) as server:
        threading.Timer(seconds, server.shutdown).start()
        server.serve_forever()


def stream(address, port, report):
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    sent, longest_gap = 0, 0.0
    deadline = time.monotonic() + LONGEST
    with socket.create_connection((address, port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        echo = connection.makefile("rb")
        while not stopped.is_set() and time.monotonic() < deadline:
            asked = time.monotonic()
            connection.sendall(b"%d\n" % sent)
            if echo.readline() != b"%d\n" % sent:
                break
            sent += 1
            longest_gap = max(longest_gap, time.monotonic() - asked)
            time.sleep(INTERVAL)
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    retransmits = struct.unpack_from("I", info, TCPI_TOTAL_RETRANS)[0]
    with open(report, "w") as out:
        json.dump({"echoed": sent, "retransmits": retransmits, "longest_gap": round(longest_gap, 3)}, out)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), float(sys.argv[3]))
    else:
        stream(sys.argv[2], int(sys.argv[3]), sys.argv[4])
