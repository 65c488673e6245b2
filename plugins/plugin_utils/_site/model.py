# SPDX-License-Identifier: GPL-3.0-or-later
"""The typed site. PRIVATE to the collection.

Words and meanings are the OpenStack Networking API's. References are resolved:
a port holds its network, a fixed IP its subnet. What the operator left open is
None here and filled in by the allocations. `path` is where an object was
declared, for messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Union

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.schema import TUNNEL_TYPES

IpNetwork = Union[IPv4Network, IPv6Network]

PHYSICAL_TYPES = ("flat", "vlan")

INTERFACE_OWNER = "network:router_interface"
GATEWAY_OWNER = "network:router_gateway"
INSTANCE_OWNER = "compute:nova"
DHCP_OWNER = "network:dhcp"

#: Modes in which instances make their address themselves, of prefix and MAC.
_AUTO_ADDRESS_MODES = ("slaac", "dhcpv6-stateless")


@dataclass(eq=False)
class Host:
    """One machine.

    groups: those of controller, network, compute, outside_world that it is in.
    local_ip: its tunnel endpoint, an ipaddress object, or None.
    """

    name: str
    groups: tuple
    local_ip: Any
    bridge_mappings: dict  # physical network -> bridge
    bridge_interfaces: dict  # bridge -> [NIC]
    datapath_type: str
    interface_plug: str
    firewall_driver: str
    path: str

    @property
    def has_datapath(self):
        """Whether anything is built there."""
        return "network" in self.groups or "compute" in self.groups

    def serves_dhcp(self, network):
        """Whether a DHCP server of a network may be here."""
        mapped = network.physical_network is None or network.physical_network in self.bridge_mappings
        return "network" in self.groups and mapped and (not network.is_tunnel or bool(self.local_ip))

    @property
    def hybrid_plug(self):
        """Whether each instance has a Linux bridge of its own, where iptables can filter."""
        return self.firewall_driver == "iptables_hybrid"

    def filters(self, port):
        """Whether security groups guard a port here."""
        return self.hybrid_plug and port.device_owner == INSTANCE_OWNER and port.port_security_enabled


@dataclass(eq=False)
class Network:
    """A layer-2 segment. segmentation_id and mtu are None where derived."""

    name: str
    id: str
    router_external: bool
    network_type: str
    physical_network: str | None
    segmentation_id: int | None
    mtu: int | None
    path: str
    subnets: list = field(default_factory=list)

    @property
    def is_tunnel(self):
        """Whether its frames travel between hosts in tunnels."""
        return self.network_type in TUNNEL_TYPES

    @property
    def dhcp_subnets(self):
        """Those of its subnets that DHCP serves."""
        return [subnet for subnet in self.subnets if subnet.enable_dhcp]


@dataclass(frozen=True)
class HostRoute:
    """A route that DHCP tells instances."""

    destination: IpNetwork
    nexthop: Any  # an ipaddress object


@dataclass(eq=False)
class Subnet:
    """An address range of a network. pools: [(first, last)] as integers, in the order declared."""

    name: str
    id: str
    network: Network
    cidr: IpNetwork
    gateway_ip: Any  # an ipaddress object, or None: no gateway
    gateway_onlink: bool
    pools: list
    path: str
    enable_dhcp: bool = True
    dns_nameservers: list = field(default_factory=list)  # ipaddress objects
    host_routes: list = field(default_factory=list)
    ipv6_ra_mode: str | None = None
    ipv6_address_mode: str | None = None

    def __post_init__(self):
        self.version = self.cidr.version
        #: First and last integer that a port may have (no network or broadcast address).
        self.first, self.last = usable(self.cidr)

    def has(self, address):
        """Whether a port may have this address."""
        return address.version == self.version and self.first <= int(address) <= self.last

    @property
    def auto_address(self):
        """Whether ports other than routers' interfaces have the address that follows from their MAC (EUI-64)."""
        return self.ipv6_address_mode in _AUTO_ADDRESS_MODES or self.ipv6_ra_mode in _AUTO_ADDRESS_MODES


@dataclass(eq=False)
class FixedIp:
    """One address of a port. address: an ipaddress object, or None: to be allocated under `key`, unless it follows."""

    subnet: Subnet
    address: Any
    key: str
    path: str
    port: Port | None = None

    @property
    def follows_mac(self):
        """Whether the address is made of the subnet's prefix and the port's MAC. A router's interface has its own."""
        return self.address is None and self.subnet.auto_address


@dataclass(frozen=True)
class DhcpOption:
    """An item of a port's extra_dhcp_opts. name: as dnsmasq writes it."""

    name: str
    value: str
    version: int
    path: str


@dataclass(eq=False)
class SecurityGroupRule:
    """What may pass. protocol: as protocols.canonical gives it. The ports are ICMP's type and code, too."""

    direction: str
    ethertype: str
    protocol: str | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: IpNetwork | None = None
    remote_group: SecurityGroup | None = None
    path: str = ""


@dataclass(eq=False)
class SecurityGroup:
    """Rules that ports share. What no rule lets pass is dropped."""

    name: str
    id: str
    stateful: bool
    path: str
    rules: list = field(default_factory=list)


@dataclass(eq=False)
class Keypair:
    """An SSH key that instances let in."""

    name: str
    public_key: str
    path: str


@dataclass(eq=False)
class Guest:
    """What a port says about the instance behind it; None where it says nothing."""

    hostname: str | None = None
    project_id: str | None = None
    keypair: Keypair | None = None
    metadata: dict | None = None
    user_data: str | None = field(default=None, repr=False)


@dataclass(eq=False)
class MetadataService:
    """Where the metadata of instances come from: Nova, or our controllers in its place (`served`).

    secret: signs the ids of instances, and is never part of a plan.
    """

    host: str
    port: int
    served: bool
    secret: str = field(repr=False)
    vendor_data: dict = field(repr=False)


@dataclass(eq=False)
class Port:
    """A place in a network: of an instance, a router interface, a router gateway or a DHCP server.

    key: its stable name in the allocations ("port web", "router r1 gateway", "dhcp blue").
    host: of an instance, or of a DHCP server that is pinned there; a router's ports are where the router is scheduled.
    vif: how an instance is plugged, "namespace" or "bridge".
    """

    key: str
    name: str
    id: str
    network: Network
    mac_address: str | None
    fixed_ips: list
    device_owner: str
    device_id: str
    path: str
    host: Host | None = None
    vif: str = "namespace"
    port_security_enabled: bool = True
    allowed_address_pairs: list = field(default_factory=list)
    extra_dhcp_opts: list = field(default_factory=list)

    def __post_init__(self):
        for fixed in self.fixed_ips:
            fixed.port = self
    security_groups: list = field(default_factory=list)
    guest: Guest = field(default_factory=Guest)


@dataclass(eq=False)
class Route:
    """An extra route: one destination, one or more next hops (ECMP)."""

    destination: IpNetwork
    nexthops: list
    path: str


@dataclass(eq=False)
class Router:
    """A centralised router. gateway: the port in the external network, or None."""

    name: str
    id: str
    enable_snat: bool
    binding_host: Host | None
    path: str
    interfaces: list = field(default_factory=list)
    gateway: Port | None = None
    routes: list = field(default_factory=list)

    @property
    def ports(self):
        """Interfaces, then the gateway."""
        return self.interfaces + ([self.gateway] if self.gateway else [])


@dataclass(eq=False)
class FloatingIp:
    """An external address for a port. address: None where allocated. router: None while it is not associated."""

    key: str
    id: str
    network: Network
    subnet: Subnet | None
    address: Any
    port: Port | None
    fixed_ip: FixedIp | None
    path: str
    router: Router | None = None


@dataclass(eq=False)
class Site:
    """Everything that an inventory declares.

    lab: whether everybody may know its secrets. metadata: None where nobody asks for them or none are to be had.
    path_mtu: bytes that an IP packet between two tunnel endpoints may have.
    vlan_ranges: {physical network: (first, last)}. tunnel_id_ranges: {tunnel type: (first, last)}.
    """

    name: str
    enable_metadata_proxy: bool
    global_physnet_mtu: int
    path_mtu: int
    geneve_max_header_size: int
    vlan_ranges: dict
    tunnel_id_ranges: dict
    verify_internet: Any
    lab: bool = False
    hosts: dict = field(default_factory=dict)
    networks: list = field(default_factory=list)
    security_groups: list = field(default_factory=list)
    routers: list = field(default_factory=list)
    ports: list = field(default_factory=list)
    floating_ips: list = field(default_factory=list)
    dhcp_ports: list = field(default_factory=list)
    dns_domain: str = ""
    enable_isolated_metadata: bool = False
    force_metadata: bool = False
    metadata: MetadataService | None = None

    @property
    def subnets(self):
        """All subnets, in the order declared."""
        return [subnet for network in self.networks for subnet in network.subnets]

    @property
    def all_ports(self):
        """Routers' ports, then instances' ports, then those of DHCP servers."""
        return [port for router in self.routers for port in router.ports] + self.ports + self.dhcp_ports

    @property
    def tunnel_hosts(self):
        """Hosts that may be an end of a tunnel."""
        return [host for host in self.hosts.values() if host.has_datapath and host.local_ip]

    @cached_property
    def underlay_version(self):
        """Address family of the tunnels: that of all endpoints."""
        return next((host.local_ip.version for host in self.tunnel_hosts), 4)


def usable(cidr):
    """First and last address of a subnet that a port may have, as integers.

    The network address is nobody's (IPv6: the subnet-router anycast address),
    nor is IPv4's broadcast; /31, /32, /127 and /128 have neither.
    """
    first, last = int(cidr.network_address), int(cidr.broadcast_address)
    if cidr.max_prefixlen - cidr.prefixlen <= 1:
        return first, last
    return first + 1, last - (cidr.version == 4)


def network_of(text):
    """The network that a CIDR names, whether or not host bits are set."""
    return ip_network(text, strict=False)
