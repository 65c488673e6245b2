# SPDX-License-Identifier: GPL-3.0-or-later
"""What hands and accidents do to the hosts of inventories/public_network, and which objects that changes."""

from __future__ import annotations

from typing import NamedTuple

FIP = "180.180.180.3"
ROUTER_ID = "fce64ebe-47f0-4846-b3af-9cf764f1ff11"
ROUTER = f"qrouter-{ROUTER_ID}"
QG, QR = "qg-c08b8179-3b", "qr-15ea2dd1-65"
VM = "92aa49d5-10"
API = "/etc/cloudnet/metadata-api-public-network"
INSIDE = f"ip netns exec {ROUTER}"


class Damage(NamedTuple):
    """named: every object that changes has one of these in its name, and each of these is in one."""

    host: str
    command: str
    named: tuple


#: Damages that have no object in common are done, found and healed together.
DAMAGES = {
    "small things here and there": {
        "one rule deleted": Damage(
            "network1", f"{INSIDE} iptables -t nat -D neutron-l3-agent-snat 2", ("nat chain neutron-l3-agent-snat",)
        ),
        "one rule added": Damage(
            "network1", f"{INSIDE} iptables -A neutron-l3-agent-INPUT -j DROP", ("chain neutron-l3-agent-INPUT",)
        ),
        "mtu changed": Damage("network1", f"ip -n {ROUTER} link set {QG} mtu 1400", (f"link {QG}",)),
        "forwarding off": Damage("network1", f"{INSIDE} sysctl -qw net.ipv4.ip_forward=0", ("ip_forward in",)),
        "default route removed": Damage("network1", f"ip -n {ROUTER} route del default", ("route 0.0.0.0/0",)),
        "port retagged": Damage("network1", f"ovs-vsctl set port {QR} tag=99", (f"port br-int/{QR}",)),
        "a flow deleted": Damage(
            "network1", "ovs-ofctl --strict del-flows br-int table=60,priority=1", ("flow br-int table=60",)
        ),
        "a node's sysctl changed": Damage(
            "network1", "sysctl -qw net.ipv4.ip_forward=0", ("sysctl net.ipv4.ip_forward",)
        ),
        "a daemon stopped": Damage("control1", "systemctl stop cloudnet-metadata-api-public-network", ("service",)),
    },
    "whole tables": {
        "nat flushed": Damage("network1", f"{INSIDE} iptables -t nat -F", ("iptables nat chain", f"floating IP {FIP}")),
        "all flows deleted": Damage("network1", "ovs-ofctl del-flows br-int", ("flow br-int",)),
        "security groups flushed": Damage(
            "compute1", "iptables -F neutron-openvswi-FORWARD", ("iptables rules of tap",)
        ),
        "an instance unplugged": Damage("compute1", f"ip link set qvb{VM} nomaster", (f"link qvb{VM}",)),
        "a file with secrets written": Damage(
            "control1", f"echo hunter2 >> {API}/signatures.map", ("signatures.map", "service cloudnet-metadata-api")
        ),
    },
    "addresses and interfaces": {
        "floating address removed": Damage("network1", f"ip -n {ROUTER} addr del {FIP}/32 dev {QG}", (FIP,)),
        "gateway address removed": Damage(
            "network1", f"ip -n {ROUTER} addr del 180.180.180.2/24 dev {QG}", ("180.180.180.2", "route 0.0.0.0/0")
        ),
        "router interface down": Damage("network1", f"ip -n {ROUTER} link set {QR} down", (f"link {QR}",)),
        "an instance's bridge deleted": Damage("compute1", f"ip link del qbr{VM}", (f"link qbr{VM}", VM)),
    },
    "a port": {
        "port deleted": Damage("network1", f"ovs-vsctl del-port {QG}", (QG, "180.180.180", "route 0.0.0.0/0")),
        "an instance's port deleted": Damage(
            "compute1", f"ovs-vsctl del-port qvo{VM}", (f"port br-int/qvo{VM}", "flow br-int")
        ),
    },
    "a namespace": {
        "namespace deleted": Damage(
            "network1", f"ip netns del {ROUTER}", (ROUTER, QG, QR, "qr-dc290da0-0a", f"metadata-proxy-{ROUTER_ID}")
        ),
    },
}
