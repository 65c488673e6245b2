# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes on a lab's wire: record it, and read tunnelled frames out of it."""

from __future__ import annotations

import struct
import subprocess
import tempfile
import time
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

VXLAN_PORT, GENEVE_PORT = 4789, 6081
GRE, UDP, ICMP = 47, 17, 1
ECHO_REPLY, ECHO_REQUEST = 0, 8
GRE_HEADER = 8  # with key
VXLAN_HEADER = 8


class Tunnelled(NamedTuple):
    """A frame inside a tunnel: kind (vxlan, gre, geneve), endpoints, VNI or key, and the frame itself."""

    kind: str
    source: str
    destination: str
    key: int
    frame: bytes


class Echo(NamedTuple):
    """An IPv4 echo request or reply on a wire. macs, addresses: (source, destination), as text. vlan: None untagged."""

    macs: tuple
    addresses: tuple
    ttl: int
    is_reply: bool
    vlan: int | None = None


class Capture:
    """Records a lab's wire (mgmt, tunnel, vlan, external) or one cable of it (HOST-eth1)."""

    def __init__(self, lab, wire):
        self._directory = tempfile.TemporaryDirectory(prefix="capture-")
        self._file = Path(self._directory.name) / "frames.pcap"
        command = ["tcpdump", "-Z", "root", "--immediate-mode", "-B", "8192", "-i", wire, "-U", "-w", str(self._file)]
        # Its output is not that of the tests: one that is left behind would keep open what others wait for the end of
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", f"{lab.name}-wires", *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert "listening on" in self._process.stderr.readline()

    def stop(self):
        """Every frame since the start, as bytes."""
        time.sleep(0.3)  # what was sent last is on its way
        self._process.terminate()
        self._process.communicate(timeout=10)
        with self._directory:
            return list(_frames(self._file.read_bytes()))

    def tunnelled(self):
        """Stop; every frame that was inside a tunnel."""
        return [found for frame in self.stop() if (found := decapsulate(frame))]


class Overhearing:
    """While entered, tcpdump listens on a device of a host, or of a namespace there; then `text` has its lines.

    expression: what for. count: how many packets it waits for, at most twenty seconds.
    """

    def __init__(self, lab, host, expression, device="any", namespace=None, count=1):
        self._lab, self._host = lab, host
        self._heard = f"/tmp/heard-{namespace}-{device}"
        inside = f"ip netns exec {namespace} " if namespace else ""
        self._command = f"{inside}timeout 20 tcpdump -e -n -l -c {count} -i {device} '{expression}'"

    def __enter__(self):
        log = f"{self._heard}.log"
        listening = f"timeout 20 sh -c 'until grep -q listening {log}; do sleep 0.05; done'"
        start = f"rm -f {self._heard} {log}; {self._command} >{self._heard} 2>{log} & echo $!; {listening}"
        self._pid = int(self._lab.sh(self._host, start))
        return self

    def __exit__(self, *failure):
        ended = f"timeout 30 sh -c 'while kill -0 {self._pid} 2>/dev/null; do sleep 0.05; done'"
        self.text = self._lab.sh(self._host, f"{ended}; cat {self._heard}")


def echoes(frames):
    """The Echoes among frames."""
    return [found for frame in frames if (found := _echo(frame))]


def _echo(frame):
    vlan, packet = None, frame[14:]
    if frame[12:14] == b"\x81\x00":
        vlan, packet, frame = int.from_bytes(frame[14:16], "big") & 0xFFF, frame[18:], frame[:12] + frame[16:]
    if frame[12:14] != b"\x08\x00" or packet[9] != ICMP:
        return None
    kind = packet[(packet[0] & 15) * 4]
    if kind not in (ECHO_REPLY, ECHO_REQUEST):
        return None
    macs = tuple(part.hex(":") for part in (frame[6:12], frame[:6]))
    addresses = tuple(str(ip_address(part)) for part in (packet[12:16], packet[16:20]))
    return Echo(macs, addresses, packet[8], kind == ECHO_REPLY, vlan)


def is_fragment(frame):
    """Whether an Ethernet frame holds but a part of an IPv4 packet."""
    return frame[12:14] == b"\x08\x00" and int.from_bytes(frame[20:22], "big") & 0x3FFF > 0


def _frames(pcap):
    """The records of a pcap file (man 5 pcap-savefile); tcpdump writes this machine's byte order."""
    position = 24
    while position + 16 <= len(pcap):
        length = struct.unpack_from("=I", pcap, position + 8)[0]
        yield pcap[position + 16:position + 16 + length]
        position += 16 + length


def decapsulate(frame):
    """The Tunnelled of an Ethernet frame; None when it is no tunnel's."""
    ethertype, packet = frame[12:14], frame[14:]
    if ethertype == b"\x08\x00":
        protocol, addresses, payload = packet[9], packet[12:20], packet[(packet[0] & 15) * 4:]
    elif ethertype == b"\x86\xdd":
        protocol, addresses, payload = packet[6], packet[8:40], packet[40:]
    else:
        return None
    kind, key, inner = _inner(protocol, payload)
    if kind is None:
        return None
    half = len(addresses) // 2
    return Tunnelled(kind, str(ip_address(addresses[:half])), str(ip_address(addresses[half:])), key, inner)


def _inner(protocol, payload):
    """(kind, key, inner frame) of an IP payload; reference 10 for the headers."""
    if protocol == GRE:
        return "gre", int.from_bytes(payload[4:8], "big"), payload[GRE_HEADER:]
    port = int.from_bytes(payload[2:4], "big") if protocol == UDP else None
    if port == VXLAN_PORT:
        return "vxlan", int.from_bytes(payload[12:15], "big"), payload[8 + VXLAN_HEADER:]
    if port == GENEVE_PORT:
        options = (payload[8] & 63) * 4
        return "geneve", int.from_bytes(payload[12:15], "big"), payload[16 + options:]
    return None, None, None
