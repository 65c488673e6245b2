# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet as flows, rules and people see it. PRIVATE to the collection."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.reachability import (
    ECHO_REQUEST,
    ICMP,
    Packet,
)

#: Whom the model does not know has a MAC of the documentation's range (RFC 7042): flows do not look at it.
UNKNOWN_MAC = "00:00:5e:00:53:01"
#: A client's port.
_FROM = 40000
_NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58}


class Headers(NamedTuple):
    """The first packet of a conversation. protocol: icmp, tcp or udp. port: of the far end, None with icmp."""

    protocol: str
    port: int | None = None

    @property
    def words(self):
        """For people."""
        return self.protocol + (f" {self.port}" if self.port else "")

    def packet(self, direction, version, remote):
        """The Packet that security groups judge."""
        if self.protocol == "icmp":
            return Packet(direction, version, ICMP[version], ECHO_REQUEST[version], remote)
        return Packet(direction, version, self.protocol, self.port, remote)

    def match(self, source, destination, macs, vlan=None, tunnel_id=None):
        """As ofproto/trace takes it, without in_port. macs: (source, destination)."""
        version = destination.version
        kind = self._kind(version)
        addresses = "nw_src={},nw_dst={},nw_ttl=64" if version == 4 else "ipv6_src={},ipv6_dst={},nw_ttl=64"
        parts = [kind, f"dl_src={macs[0]},dl_dst={macs[1]}", addresses.format(source, destination)]
        if self.protocol == "icmp":
            name = "icmp" if version == 4 else "icmpv6"
            parts.append(f"{name}_type={ECHO_REQUEST[version]},{name}_code=0")
        else:
            parts.append(f"{self.protocol}_src={_FROM},{self.protocol}_dst={self.port}")
        if vlan is not None:
            parts.append(f"dl_vlan={vlan},dl_vlan_pcp=0")
        if tunnel_id is not None:
            parts.append(f"tun_id={tunnel_id:#x}")
        return ",".join(parts)

    def _kind(self, version):
        if self.protocol == "icmp":
            return "icmp" if version == 4 else "icmp6"
        return self.protocol if version == 4 else f"{self.protocol}6"

    def connection(self, source, destination):
        """As the rules of iptables see its first packet: keys of trace_check's `guard`."""
        number = _NUMBERS[ICMP[destination.version] if self.protocol == "icmp" else self.protocol]
        found = {"protocol": number, "source": str(source), "destination": str(destination)}
        if self.protocol == "icmp":
            return {**found, "icmp_type": ECHO_REQUEST[destination.version]}
        return {**found, "source_port": _FROM, "destination_port": self.port}
