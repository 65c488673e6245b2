# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames as they are, past the kernel's IP stack. Copied to lab hosts, run inside an instance's namespace.

raw.py send DEVICE HEX...       sends the frames
raw.py hear DEVICE REPORT       writes every frame that arrives, a line of hex each, until it is ended (at most 300 s)
"""

from __future__ import annotations

import signal
import socket
import sys
import time

ALL = 0x0003  # ETH_P_ALL
GAP = 0.005  # seconds between frames: a burst would overrun queues


def send(device, frames):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((device, 0))
        for frame in frames:
            wire.send(bytes.fromhex(frame))
            time.sleep(GAP)


def hear(device, report):
    signal.alarm(300)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL)) as wire, open(report, "w") as out:
        wire.bind((device, ALL))
        print("listening", flush=True)
        while True:
            frame, origin = wire.recvfrom(65535)
            if origin[2] != socket.PACKET_OUTGOING:
                print(frame.hex(), file=out, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], sys.argv[3:])
    else:
        hear(*sys.argv[2:4])
