# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of devices and namespaces, exactly as Neutron makes them (reference 1.2 to 1.4). PRIVATE to the collection."""

from __future__ import annotations

import base64
import hashlib

INTEGRATION_BRIDGE = "br-int"
TUNNEL_BRIDGE = "br-tun"
#: The pair of patch ports between them: in br-int, and in br-tun.
TUNNEL_PATCH, TUNNEL_PATCH_PEER = "patch-tun", "patch-int"
#: The device of an instance in its namespace, as a guest would call it.
INSTANCE_DEVICE = "eth0"

_DEVICE_LENGTH = 14  # Neutron's LINUX_DEV_LEN, one less than the kernel allows
_KERNEL_LENGTH = 15
_HASH_LENGTH = 6
_DIGEST_SIZE = 20


def interface_device(port):
    """Device of a router interface in its namespace."""
    return ("qr-" + port.id)[:_DEVICE_LENGTH]


def gateway_device(port):
    """Device of a router gateway in its namespace."""
    return ("qg-" + port.id)[:_DEVICE_LENGTH]


def snat_device(port):
    """Device beside a distributed router's interface, in the namespace of its gateway."""
    return ("sg-" + port.id)[:_DEVICE_LENGTH]


def agent_gateway_device(port):
    """Device in an external network of a host that has floating IPs of distributed routers."""
    return ("fg-" + port.id)[:_DEVICE_LENGTH]


def outward_device(router):
    """A distributed router's end of the pair that leads to the namespace of the external network."""
    return ("rfp-" + router.id)[:_DEVICE_LENGTH]


def inward_device(router):
    """The end of that pair in the namespace of the external network."""
    return ("fpr-" + router.id)[:_DEVICE_LENGTH]


def tap_device(port):
    """The end of a port that is in the root namespace."""
    return ("tap" + port.id)[:_DEVICE_LENGTH]


def hybrid_bridge(port):
    """The Linux bridge in which an instance's port is filtered."""
    return ("qbr" + port.id)[:_DEVICE_LENGTH]


def hybrid_inner(port):
    """The end of the port's veth that is in its Linux bridge."""
    return ("qvb" + port.id)[:_DEVICE_LENGTH]


def hybrid_outer(port):
    """The end of the port's veth that is in br-int."""
    return ("qvo" + port.id)[:_DEVICE_LENGTH]


def dhcp_device(port):
    """The end in its namespace of the veth pair of a DHCP server."""
    return ("ns-" + port.id)[:_DEVICE_LENGTH]


def outer_device(port):
    """The end in br-int of the veth pair that leads to an instance's own bridge."""
    return ("qvo" + port.id)[:_DEVICE_LENGTH]


def router_namespace(router):
    """Namespace of a router."""
    return f"qrouter-{router.id}"


def snat_namespace(router):
    """Namespace of a distributed router's gateway."""
    return f"snat-{router.id}"


def fip_namespace(network):
    """Namespace of an external network on a host that has floating IPs of distributed routers."""
    return f"fip-{network.id}"


def dhcp_namespace(network):
    """Namespace of a network's DHCP server."""
    return f"qdhcp-{network.id}"


def instance_namespace(port):
    """The namespace that stands in for the instance behind a port."""
    return f"vm-{port.name}"


def integration_patch(bridge):
    """The patch port in br-int that leads to a physical bridge."""
    return _patch("int-", bridge)


def physical_patch(bridge):
    """The patch port in a physical bridge that leads to br-int."""
    return _patch("phy-", bridge)


def tunnel_port(kind, remote_ip):
    """The port of br-tun that leads to a host (reference 1.3). kind: network type; remote_ip: an ipaddress object."""
    if remote_ip.version == 4:
        return f"{kind}-{int(remote_ip):08x}"
    digest = hashlib.blake2b(str(remote_ip).encode(), digest_size=_DIGEST_SIZE).digest()
    return f"{kind}-{base64.b32encode(digest).decode().lower()}"[:_KERNEL_LENGTH]


def _patch(prefix, bridge):
    """prefix + bridge; where that is too long, the bridge's name is cut and hashed."""
    if len(prefix + bridge) <= _KERNEL_LENGTH:
        return prefix + bridge
    kept = bridge[: _KERNEL_LENGTH - len(prefix) - _HASH_LENGTH]
    return prefix + kept + hashlib.sha1(bridge.encode(), usedforsecurity=False).hexdigest()[:_HASH_LENGTH]
