# SPDX-License-Identifier: GPL-3.0-or-later
"""Ethernet frames, made byte by byte: what an instance may and may not send. Addresses are text, frames are bytes."""

from __future__ import annotations

import struct
from ipaddress import ip_address

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_NODES = ("33:33:00:00:00:01", "ff02::1")
ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
UDP, ICMPV6 = 17, 58
ROUTER_ADVERTISEMENT, NEIGHBOUR_ADVERTISEMENT = 134, 136


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def link_local(mac_address):
    """The IPv6 address that a kernel derives from a MAC (EUI-64)."""
    octets = mac(mac_address)
    return str(ip_address(b"\xfe\x80" + bytes(6) + bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]))


def ethernet(destination, source, ethertype, payload):
    return mac(destination) + mac(source) + struct.pack("!H", ethertype) + payload


def arp(source_mac, source, target, target_mac="00:00:00:00:00:00", operation=1, destination=BROADCAST):
    """A request; with operation 2 a reply."""
    body = struct.pack("!HHBBH", 1, IPV4, 6, 4, operation)
    body += mac(source_mac) + ip_address(source).packed + mac(target_mac) + ip_address(target).packed
    return ethernet(destination, source_mac, ARP, body.ljust(46, b"\0"))


def udp(macs, addresses, ports, payload):
    """macs, addresses, ports: (source, destination). IPv4 or IPv6, as the addresses are."""
    datagram = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    return _packet(macs, addresses, UDP, datagram, checksum_at=6)


def router_advertisement(source_mac, source):
    """To all nodes: a default router for half an hour."""
    body = struct.pack("!BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, 64, 0, 1800, 0, 0)
    return _packet((source_mac, ALL_NODES[0]), (source, ALL_NODES[1]), ICMPV6, body, checksum_at=2)


def neighbour_advertisement(macs, addresses, target):
    """macs[0] claims to be target, towards (macs[1], addresses[1])."""
    body = struct.pack("!BBHI", NEIGHBOUR_ADVERTISEMENT, 0, 0, 0x20000000) + ip_address(target).packed
    body += b"\x02\x01" + mac(macs[0])
    return _packet(macs, addresses, ICMPV6, body, checksum_at=2)


def _packet(macs, addresses, protocol, payload, checksum_at):
    source, destination = (ip_address(each) for each in addresses)
    pseudo = source.packed + destination.packed + struct.pack("!IHBB", len(payload), 0, 0, protocol)
    checksum = struct.pack("!H", internet_checksum(pseudo + payload) or 0xFFFF)
    payload = payload[:checksum_at] + checksum + payload[checksum_at + 2:]
    if source.version == 6:
        header = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 255) + source.packed + destination.packed
        return ethernet(macs[1], macs[0], IPV6, header + payload)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    header += source.packed + destination.packed
    header = header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:]
    return ethernet(macs[1], macs[0], IPV4, header + payload)


def internet_checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
