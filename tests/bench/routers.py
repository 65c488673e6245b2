# SPDX-License-Identifier: GPL-3.0-or-later
"""The clouds that are measured: centralised routers as Neutron's L3 agent builds them, as items of our modules.

A cloud is a dict of section -> items: ports, namespaces, nat_rules, floating_ips.
The rules are Neutron's full set for a router with two internal networks, a
gateway with SNAT, metadata and floating IPs.
"""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import dataclass

OWNER = "bench"
BRIDGE = "br-int"
EXTERNAL = ipaddress.ip_network("172.16.0.0/12")
AGENT = "neutron-l3-agent"


@dataclass(frozen=True)
class Router:
    """One router: number of its internal networks and of its floating IPs. index: its place in the cloud."""

    index: int
    networks: int
    floating_ips: int

    @property
    def namespace(self):
        return f"qrouter-{self.id('router')}"

    def id(self, what):
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{OWNER} {self.index} {what}"))

    def device(self, what):
        """A device's name: the prefix and as much of the port's id as the kernel takes, as in Neutron."""
        return f"{'qg' if what == 'gateway' else 'qr'}-{self.id(what)}"[:14]

    @property
    def internal(self):
        return [self.device(f"net{n}") for n in range(self.networks)]

    @property
    def gateway(self):
        return self.device("gateway")

    @property
    def gateway_ip(self):
        return str(EXTERNAL[2 + self.index])

    def addresses(self):
        """(floating, fixed) pairs. Floating ones are distinct across the cloud, fixed ones only within the router."""
        first = int(EXTERNAL[0x10000]) + self.index * self.floating_ips
        fixed = ipaddress.ip_address("10.0.1.0")
        return [(str(ipaddress.ip_address(first + n)), str(fixed + n)) for n in range(self.floating_ips)]


def cloud(routers, floating_ips, plug, networks=2, few_rules=False):
    """All sections for that many equal routers. plug: veth or internal. few_rules: only what NAT needs."""
    every = [Router(index, networks, floating_ips) for index in range(routers)]
    rules = nat_only if few_rules else all_rules
    return {
        "ports": [item for router in every for item in ports(router, plug)],
        "namespaces": [namespace(router, plug) for router in every],
        "nat_rules": [item for router in every for item in rules(router)],
        "floating_ips": [item for router in every for item in floating(router)],
    }


def ports(router, plug):
    """The router's OVS ports: the devices themselves, or the outer ends of their veths."""
    return [
        {
            "name": link["name"] if plug == "internal" else link["peer"],
            "bridge": BRIDGE,
            "tag": tag,
            "external_ids": {
                "iface-id": router.id(what),
                "iface-status": "active",
                "attached-mac": link["mac_address"],
            },
            **({"type": "internal", "namespace": router.namespace} if plug == "internal" else {"type": "system"}),
        }
        for tag, (what, link) in enumerate(links(router, plug).items(), start=1)
    ]


def links(router, plug):
    """{port: link} of the router: its internal networks, then its gateway."""
    subnets = {f"net{n}": f"10.{n}.0.1/16" for n in range(router.networks)}
    wanted = {**subnets, "gateway": f"{router.gateway_ip}/{EXTERNAL.prefixlen}"}
    return {
        what: {
            "name": router.device(what),
            "plug": plug,
            **({"peer": f"tap{router.id(what)}"[:14]} if plug == "veth" else {}),
            "mac_address": f"fa:16:3e:{n:02x}:{router.index >> 8:02x}:{router.index & 255:02x}",
            "mtu": 1500,
            "addresses": [address],
        }
        for n, (what, address) in enumerate(wanted.items())
    }


def namespace(router, plug):
    """The router's namespace and what is inside, but for its floating IPs."""
    return {
        "name": router.namespace,
        "sysctls": {
            "net.ipv4.ip_forward": 1,
            "net.ipv4.conf.all.arp_ignore": 1,
            "net.ipv4.conf.all.arp_announce": 2,
            "net.ipv4.conf.all.promote_secondaries": 1,
            "net.ipv6.conf.all.forwarding": 1,
            "net.netfilter.nf_conntrack_tcp_be_liberal": 1,
            f"net.ipv6.conf.{router.gateway}.accept_ra": 2,
        },
        "links": list(links(router, plug).values()),
        "routes": [{"destination": "0.0.0.0/0", "gateway": str(EXTERNAL[1]), "device": router.gateway}],
        "keep_floating_ips": True,
    }


def floating(router):
    """The router's floating IPs."""
    return [
        {
            "namespace": router.namespace,
            "floating_ip_address": address,
            "fixed_ip_address": fixed,
            "device": router.gateway,
        }
        for address, fixed in router.addresses()
    ]


def all_rules(router):
    """What Neutron's agent writes, both families."""
    return [ipv4_rules(router), ipv6_rules(router)]


def nat_only(router):
    """The nat table of IPv4 alone."""
    rules = ipv4_rules(router)
    return [{**rules, "tables": {"nat": rules["tables"]["nat"]}}]


def ipv4_rules(router):
    """Neutron's iptables of a router with a gateway that does SNAT, in the order and form of iptables-save."""
    gateway, snat = router.gateway, f"SNAT --to-source {router.gateway_ip} --random-fully"
    metadata = "-d 169.254.169.254/32 -i qr-+ -p tcp -m tcp --dport 80"
    save_mark = "-m connmark --mark 0x0/0xffff0000 -j CONNMARK --save-mark --nfmask 0xffff0000 --ctmask 0xffff0000"
    devices = [*router.internal, gateway]
    return {
        "namespace": router.namespace,
        "family": "ipv4",
        "keep_floating_ips": True,
        "tables": {
            "raw": _wrapped("PREROUTING", "OUTPUT"),
            "mangle": {
                **_wrapped("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
                f"{AGENT}-POSTROUTING": [f"-o {gateway} {save_mark}"],
                f"{AGENT}-PREROUTING": [
                    f"-j {AGENT}-mark",
                    f"-j {AGENT}-scope",
                    "-m connmark ! --mark 0x0/0xffff0000 -j CONNMARK --restore-mark"
                    " --nfmask 0xffff0000 --ctmask 0xffff0000",
                    f"-j {AGENT}-floatingip",
                    f"{metadata} -j MARK --set-xmark 0x1/0xffff",
                ],
                f"{AGENT}-float-snat": [save_mark],
                f"{AGENT}-floatingip": [],
                f"{AGENT}-mark": [f"-i {gateway} -j MARK --set-xmark 0x2/0xffff"],
                f"{AGENT}-scope": [f"-i {device} -j MARK --set-xmark 0x4000000/0xffff0000" for device in devices],
            },
            "filter": {
                **_filter(),
                f"{AGENT}-scope": [
                    f"-o {device} -m mark ! --mark 0x4000000/0xffff0000 -j DROP" for device in router.internal
                ],
            },
            "nat": {
                **_wrapped("PREROUTING", "OUTPUT"),
                "POSTROUTING": [f"-j {AGENT}-POSTROUTING", "-j neutron-postrouting-bottom"],
                f"{AGENT}-POSTROUTING": [f"! -o {gateway} -m conntrack ! --ctstate DNAT -j ACCEPT"],
                f"{AGENT}-PREROUTING": [f"{metadata} -j REDIRECT --to-ports 9697"],
                f"{AGENT}-float-snat": [],
                f"{AGENT}-snat": [
                    f"-j {AGENT}-float-snat",
                    f"-o {gateway} -j {snat}",
                    f"-m mark ! --mark 0x2/0xffff -m conntrack --ctstate DNAT -j {snat}",
                ],
                "neutron-postrouting-bottom": [
                    f'-m comment --comment "Perform source NAT on outgoing traffic." -j {AGENT}-snat'
                ],
            },
        },
    }


def ipv6_rules(router):
    """Neutron's ip6tables of the same router."""
    metadata = "-d fe80::a9fe:a9fe/128 -i qr-+ -p tcp -m tcp --dport 80"
    return {
        "namespace": router.namespace,
        "family": "ipv6",
        "tables": {
            "raw": _wrapped("PREROUTING", "OUTPUT"),
            "mangle": {
                **_wrapped("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
                f"{AGENT}-PREROUTING": [
                    f"-j {AGENT}-scope",
                    "-m connmark ! --mark 0x0/0xffff0000 -j CONNMARK --restore-mark"
                    " --nfmask 0xffff0000 --ctmask 0xffff0000",
                    f"{metadata} -j MARK --set-xmark 0x1/0xffff",
                ],
                f"{AGENT}-scope": [],
            },
            "filter": {**_filter(), f"{AGENT}-scope": []},
            "nat": {
                "PREROUTING": [f"-j {AGENT}-PREROUTING"],
                f"{AGENT}-PREROUTING": [f"{metadata} -j REDIRECT --to-ports 9697"],
            },
        },
    }


def _wrapped(*builtin):
    """Neutron's wrap: each built-in chain jumps to a chain of the agent's."""
    jumps = {chain: [f"-j {AGENT}-{chain}"] for chain in builtin}
    return {**jumps, **{f"{AGENT}-{chain}": [] for chain in builtin}}


def _filter():
    """The filter table of either family, without its scope rules."""
    return {
        **_wrapped("INPUT", "FORWARD", "OUTPUT"),
        "FORWARD": ["-j neutron-filter-top", f"-j {AGENT}-FORWARD"],
        "OUTPUT": ["-j neutron-filter-top", f"-j {AGENT}-OUTPUT"],
        "neutron-filter-top": [f"-j {AGENT}-local"],
        f"{AGENT}-FORWARD": [f"-j {AGENT}-scope"],
        f"{AGENT}-INPUT": ["-m mark --mark 0x1/0xffff -j ACCEPT", "-p tcp -m tcp --dport 9697 -j DROP"],
        f"{AGENT}-local": [],
    }
