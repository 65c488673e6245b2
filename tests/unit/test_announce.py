# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames that tell neighbours where an address lives."""

from __future__ import annotations

import socket
import struct

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.announce import frames

MAC = bytes.fromhex("fa163e010203")


def test_ipv4_gets_a_gratuitous_request_and_reply():
    own = socket.inet_aton("203.0.113.5")
    request, reply = frames("203.0.113.5", MAC)
    head = b"\xff" * 6 + MAC + bytes.fromhex("0806 0001 0800 06 04")
    assert request == head + b"\0\1" + MAC + own + b"\xff" * 6 + own
    assert reply == head + b"\0\2" + MAC + own + MAC + own


def test_ipv6_gets_an_unsolicited_advertisement_with_a_right_checksum():
    own = socket.inet_pton(socket.AF_INET6, "fd00::1")
    (frame,) = frames("fd00::1", MAC)
    assert frame[:14] == bytes.fromhex("333300000001") + MAC + b"\x86\xdd"
    header, message = frame[14:54], frame[54:]
    assert (header[6], header[7]) == (58, 255)  # ICMPv6; the hop limit proves that no router forwarded it
    assert header[8:24] == own
    assert message[:2] == b"\x88\0"
    assert message[4:8] == b"\x20\0\0\0"  # override, not solicited
    assert message[8:24] == own
    assert message[24:] == b"\2\1" + MAC
    total = sum(struct.unpack("!16H", header[8:40])) + len(message) + 58 + sum(struct.unpack("!16H", message))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
