# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP stream that notices every hiccup. Copied to lab hosts and run there.

traffic.py serve PORT SECONDS           echo, in the namespace it was started in
traffic.py bulk ADDRESS PORT            two million bytes there and back: prints "unharmed", or fails
traffic.py stream ADDRESS PORT REPORT   100 lines a second until SIGTERM (at most 300 s), then REPORT is written:
                                        {"echoed" (lines), "lost" (segments), "longest_gap" (seconds),
                                        "alive" (the last line came back within two seconds)}
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
BULK = 2_000_000
PATIENCE = 2.0
TCPI_TOTAL_RETRANS, TCPI_DSACK_DUPS = 100, 216  # offsets in struct tcp_info, include/uapi/linux/tcp.h


class Echo(socketserver.StreamRequestHandler):
    """Sends every line back."""

    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)


class Server(socketserver.ThreadingTCPServer):
    """IPv6, and with it IPv4."""

    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True


def serve(port, seconds):
    with Server(("", port), Echo) as server:
        threading.Timer(seconds, server.shutdown).start()
        print("serving", flush=True)
        server.serve_forever()


def bulk(address, port):
    sent = b"".join(b"%015d\n" % number for number in range(BULK // 16))
    with socket.create_connection((address, port), timeout=5) as connection:
        threading.Thread(target=connection.sendall, args=(sent,)).start()
        with connection.makefile("rb") as echo:
            print("unharmed" if echo.read(len(sent)) == sent else "harmed")


def stream(address, port, report):
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    sent, longest_gap, alive = 0, 0.0, True
    deadline = time.monotonic() + LONGEST
    with socket.create_connection((address, port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        echo = connection.makefile("rb")
        connection.settimeout(PATIENCE)
        while not stopped.is_set() and time.monotonic() < deadline:
            asked = time.monotonic()
            alive = answered(connection, echo, b"%d\n" % sent)
            if not alive:
                break
            sent += 1
            longest_gap = max(longest_gap, time.monotonic() - asked)
            time.sleep(INTERVAL)
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    # What the far end has received twice was late, not lost: a busy machine is slower than TCP's patience
    lost = struct.unpack_from("I", info, TCPI_TOTAL_RETRANS)[0] - struct.unpack_from("I", info, TCPI_DSACK_DUPS)[0]
    with open(report, "w") as out:
        json.dump({"echoed": sent, "lost": lost, "longest_gap": round(longest_gap, 3), "alive": alive}, out)


def answered(connection, echo, line):
    """Whether the line comes back."""
    try:
        connection.sendall(line)
        return echo.readline() == line
    except OSError:
        return False


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), float(sys.argv[3]))
    elif sys.argv[1] == "bulk":
        bulk(sys.argv[2], int(sys.argv[3]))
    else:
        stream(sys.argv[2], int(sys.argv[3]), sys.argv[4])
