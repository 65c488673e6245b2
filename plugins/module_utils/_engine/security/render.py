# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of one port, exactly as iptables-save prints Neutron's (reference 7.2). Pure. PRIVATE to the collection."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import inet
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.security import names, protocols
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.xtables.save import comment

#: What both families do with connections: (known ones, packets that belong to none, everything that is left).
_TO_CHAIN = comment("Direct traffic from the VM interface to the security group chain.")
_FROM_INSTANCE = comment("Direct incoming traffic from VM to the security group chain.")
_TO_PORT = comment("Jump to the VM specific chain.")
_KNOWN = (
    "-m state --state RELATED,ESTABLISHED "
    + comment("Direct packets associated with a known session to the RETURN chain.")
    + " -j RETURN"
)
_INVALID = (
    "-m state --state INVALID "
    + comment(
        "Drop packets that appear related to an existing connection (e.g. TCP ACK/FIN) "
        "but do not have an entry in conntrack."
    )
    + " -j DROP"
)
_REST = f"{comment('Send unmatched traffic to the fallback chain.')} -j {names.wrapped('sg-fallback')}"
_DHCP = comment("Allow DHCP client traffic.")
_DHCP_SERVER = comment("Prevent DHCP Spoofing by VM.")
_PAIR = comment("Allow traffic from defined IP/MAC pairs.")
_NO_PAIR = comment("Drop traffic without an IP/MAC allow rule.") + " -j DROP"
_NO_RA = "-p ipv6-icmp -m icmp6 --icmpv6-type 134 " + comment("Drop IPv6 Router Advts from VM Instance.") + " -j DROP"
_ICMPV6 = comment("Allow IPv6 ICMP traffic.")
_TRUSTED = comment("Accept all packets when port is trusted.")
_UNSECURED = comment("Accept all packets when port security is disabled.")

#: The last rule of sg-fallback.
FALLBACK = comment("Default drop rule for unmatched traffic.") + " -j DROP"

_MLD_QUERY, _NEIGHBOUR_SOLICITATION, _NEIGHBOUR_ADVERTISEMENT = 130, 135, 136
_MLD_REPORT, _MLD2_REPORT = 131, 143
#: iptables' match module of each protocol for which a port or type is given.
_MATCHES = {
    protocols.ICMP: "icmp", protocols.ICMPV6: "icmp6", protocols.TCP: "tcp", protocols.UDP: "udp",
    protocols.DCCP: "dccp", protocols.SCTP: "sctp",
}  # fmt: skip


class Chains(NamedTuple):
    """The rules of one port in one family. shared: {(table, wrapped name): rules}; own: {chain: rules}."""

    shared: dict
    own: dict


class Renderer:
    """Renders ports of one family. What depends on groups alone is made once.

    groups: {id: Group}. protocol_names: {number: name} as iptables prints them.
    """

    def __init__(self, family, groups, protocol_names):
        self._family, self._ethertype = family, names.ETHERTYPES[family]
        self._groups, self._protocols = groups, protocol_names
        self._rules = {}

    def chains(self, port):
        """The Chains of a Port."""
        tap, qvb, key = names.tap(port.key), names.qvb(port.key), port.key
        out, into = f"-m physdev --physdev-out {tap}", f"-m physdev --physdev-in {tap}"
        shared = {("nat", "PREROUTING"): [f"{out} {_TRUSTED} -j ACCEPT", f"{into} {_TRUSTED} -j ACCEPT"]}
        out, into = f"{out} --physdev-is-bridged", f"{into} --physdev-is-bridged"
        if not port.secured:
            accept = f"{into} {_UNSECURED} -j ACCEPT"
            shared["filter", "FORWARD"] = [f"{out} {_UNSECURED} -j ACCEPT", accept]
            shared["filter", "INPUT"] = [accept]
            return Chains(shared, {})
        ingress, egress, spoofing = names.port_chains(key)
        chain = names.wrapped("sg-chain")
        shared["raw", "PREROUTING"] = _tracking(port, tap, qvb)
        shared["filter", "FORWARD"] = [f"{out} {_TO_CHAIN} -j {chain}", f"{into} {_TO_CHAIN} -j {chain}"]
        shared["filter", "INPUT"] = [f"{into} {_FROM_INSTANCE} -j {egress}"]
        shared["filter", "sg-chain"] = [f"{out} {_TO_PORT} -j {ingress}", f"{into} {_TO_PORT} -j {egress}"]
        before, after = self._addressing(spoofing)
        own = {
            ingress: [*self._arriving(), _KNOWN, *self._allowed(port, "ingress"), _INVALID, _REST],
            egress: [*before, *after, _KNOWN, *self._allowed(port, "egress"), _INVALID, _REST],
            spoofing: self._sources(port),
        }
        return Chains(shared, own)

    def _arriving(self):
        """What reaches an instance whatever its groups say: neighbour discovery."""
        if self._family == "ipv4":
            return []
        types = (_MLD_QUERY, _NEIGHBOUR_SOLICITATION, _NEIGHBOUR_ADVERTISEMENT)
        return [f"-p ipv6-icmp -m icmp6 --icmpv6-type {number} -j RETURN" for number in types]

    def _addressing(self, spoofing):
        """Rules of an instance's way out, before its sources are checked and after."""
        if self._family == "ipv4":
            ask, answer = "-p udp -m udp --sport 68 --dport 67", "-p udp -m udp --sport 67 --dport 68"
            before = [f"-s 0.0.0.0/32 -d 255.255.255.255/32 {ask} {_DHCP} -j RETURN"]
            after = []
        else:
            ask, answer = "-p udp -m udp --sport 546 --dport 547", "-p udp -m udp --sport 547 --dport 546"
            types = (_MLD_REPORT, _NEIGHBOUR_SOLICITATION, _MLD2_REPORT)  # without an address: is it taken?
            start = "-s ::/128 -d ff02::/16 -p ipv6-icmp -m icmp6 --icmpv6-type"
            before = [f"{start} {number} {_ICMPV6} -j RETURN" for number in types]
            after = [_NO_RA, f"-p ipv6-icmp {_ICMPV6} -j RETURN"]
        after += [f"{ask} {_DHCP} -j RETURN", f"{answer} {_DHCP_SERVER} -j DROP"]
        return [*before, f"-j {spoofing}"], after

    def _sources(self, port):
        """Who an instance may say it is; of IPv6, its link-local addresses too."""
        pairs = list(port.pairs) + [(f"{address}/{_bits(address)}", port.mac_address) for address in port.fixed_ips]
        wanted = [(prefix, mac) for prefix, mac in pairs if self._is_ours(prefix)]
        if self._family == "ipv6":
            macs = dict.fromkeys([*(mac for _prefix, mac in wanted), port.mac_address])
            wanted += [(f"{link_local(mac)}/128", mac) for mac in macs]
        if not port.fixed_ips:
            wanted.append((None, port.mac_address))
        sources = (f"{_prefix('-s', prefix)}-m mac --mac-source {mac} {_PAIR} -j RETURN" for prefix, mac in wanted)
        return [*dict.fromkeys(sources), _NO_PAIR]

    def _allowed(self, port, direction):
        """The rules of the port's groups, each once, after what the network itself may send."""
        rules = self._from_network(port) if direction == "ingress" else []
        return list(dict.fromkeys(
            rules + [rule for group in port.groups for rule in self._of_group(group, direction)]
        ))

    def _from_network(self, port):
        """Router advertisements of the routers, and answers of DHCP servers."""
        addresses = [address for address in port.fixed_ips if self._is_ours(address)]
        targets = [f"{address}/{_bits(address)}" for address in addresses]
        if self._family == "ipv4":
            targets.append("255.255.255.255/32")
            return [f"-d {target} -p udp -m udp --sport 67 --dport 68 -j RETURN" for target in targets]
        targets.append("fe80::/64")
        start = "-p ipv6-icmp -m icmp6 --icmpv6-type 134"
        advertisements = [f"-s {router}/128 {start} -j RETURN" for router in port.ra_sources]
        return advertisements + [f"-d {target} -p udp -m udp --sport 547 --dport 546 -j RETURN" for target in targets]

    def _of_group(self, group_id, direction):
        key = (group_id, direction)
        if key not in self._rules:
            rules = self._groups[group_id].rules
            wanted = (rule for rule in rules if (rule.direction, rule.ethertype) == (direction, self._ethertype))
            self._rules[key] = [self._rule(rule) for rule in wanted]
        return self._rules[key]

    def _rule(self, rule):
        flag, side = ("-s", "src") if rule.direction == "ingress" else ("-d", "dst")
        parts = _prefix(flag, rule.remote) + self._protocol(rule)
        if rule.group:
            parts += f"-m set --match-set {names.ipset(rule.group, rule.ethertype)} {side} "
        return parts + "-j RETURN"

    def _protocol(self, rule):
        if not rule.protocol:
            return ""
        text = f"-p {self._protocols.get(rule.protocol, rule.protocol)} "
        if rule.low is None:
            return text
        if rule.protocol in _MATCHES:
            text += f"-m {_MATCHES[rule.protocol]} "
        if rule.protocol in (protocols.ICMP, protocols.ICMPV6):
            code = f"/{rule.high}" if rule.high is not None else ""
            return text + f"--{'icmp' if rule.protocol == protocols.ICMP else 'icmpv6'}-type {rule.low}{code} "
        if rule.low == rule.high and rule.protocol in _MATCHES:
            return text + f"--dport {rule.low} "
        ports = rule.low if rule.low == rule.high else f"{rule.low}:{rule.high}"
        return text + f"-m multiport --dports {ports} "

    def _is_ours(self, prefix):
        return (":" in prefix) == (self._family == "ipv6")


def _tracking(port, tap, qvb):
    """Each port's connections have a zone of their own: addresses of two networks may be equal."""
    text = f"Set zone for {port.id}" if port.stateful else f"Make {port.id} stateless"
    end = f"{comment(text)} -j CT " + (f"--zone {port.zone}" if port.stateful else "--notrack")
    return [f"-m physdev --physdev-in {qvb} {end}", f"-i {qvb} {end}", f"-m physdev --physdev-in {tap} {end}"]


def _prefix(flag, prefix):
    """The match of a prefix; none for everybody."""
    return f"{flag} {prefix} " if prefix and not prefix.endswith("/0") else ""


def _bits(address):
    return 128 if ":" in address else 32


def link_local(mac):
    """The IPv6 link-local address that a kernel derives from a MAC (EUI-64)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    eui = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return inet.unpack(b"\xfe\x80" + bytes(6) + eui)
