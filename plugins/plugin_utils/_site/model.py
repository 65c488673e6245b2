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

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.schema import AGENT_MODES, TUNNEL_TYPES

IpNetwork = Union[IPv4Network, IPv6Network]

PHYSICAL_TYPES = ("flat", "vlan")

INTERFACE_OWNER = "network:router_interface"
DISTRIBUTED_INTERFACE_OWNER = "network:router_interface_distributed"
GATEWAY_OWNER = "network:router_gateway"
SNAT_OWNER = "network:router_centralized_snat"
AGENT_GATEWAY_OWNER = "network:floatingip_agent_gateway"
INSTANCE_OWNER = "compute:nova"
DHCP_OWNER = "network:dhcp"

#: Owners of ports that routers have in the networks between which they route. Their addresses do not follow from MACs.
ROUTER_OWNERS = (INTERFACE_OWNER, DISTRIBUTED_INTERFACE_OWNER, SNAT_OWNER)

#: What a host's L3 agent does (reference 3.1).
LEGACY, DVR, DVR_SNAT, DVR_NO_EXTERNAL = AGENT_MODES

#: Modes in which instances make their address themselves, of prefix and MAC.
_AUTO_ADDRESS_MODES = ("slaac", "dhcpv6-stateless")


@dataclass(eq=False)
class Host:
    """One machine.

    groups: those of controller, network, compute, outside_world that it is in.
    local_ip: its tunnel endpoint, an ipaddress object, or None.
    dvr_mac_address: what frames that its part of a distributed router sends to other hosts come from; None: allocated.
    """

    name: str
    groups: tuple
    local_ip: Any
    bridge_mappings: dict  # physical network -> bridge
    bridge_interfaces: dict  # bridge -> [NIC]
    datapath_type: str
    interface_plug: str
    firewall_driver: str
    agent_mode: str
    dvr_mac_address: str | None
    path: str

    @property
    def has_datapath(self):
        """Whether anything is built there."""
        return "network" in self.groups or "compute" in self.groups

    @property
    def routes_distributed(self):
        """Whether it may have its part of distributed routers."""
        return self.has_datapath and self.agent_mode != LEGACY

    @property
    def leads_outside(self):
        """Whether floating IPs of distributed routers are on the host of their instance here."""
        return self.has_datapath and self.agent_mode in (DVR, DVR_SNAT)

    def reaches(self, network):
        """Whether it can have a port in a network."""
        mapped = network.physical_network is None or network.physical_network in self.bridge_mappings
        return mapped and (not network.is_tunnel or bool(self.local_ip))

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
    address_scope: str | None = None
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
        """Whether the address is made of the subnet's prefix and the port's MAC. A router has its own there."""
        return self.address is None and self.subnet.auto_address and self.port.device_owner not in ROUTER_OWNERS


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
    """A place in a network: of an instance, a router, a DHCP server, or a host that has floating IPs.

    key: its stable name in the allocations ("port web", "router r1 gateway", "dhcp blue").
    host: of an instance, of a DHCP server that is pinned there, or of an agent's gateway (AGENT_GATEWAY_OWNER);
    a router's ports are where the router is.
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
    """A router. gateway: the port in the external network, or None.

    binding_host: where it is; of a distributed one where its gateway is.
    snat_ports: of a distributed one with a gateway, {interface: the port beside it through which what has no
    floating IP reaches the gateway}.
    """

    name: str
    id: str
    distributed: bool
    enable_snat: bool
    binding_host: Host | None
    path: str
    interfaces: list = field(default_factory=list)
    gateway: Port | None = None
    routes: list = field(default_factory=list)
    snat_ports: dict = field(default_factory=dict)

    @property
    def ports(self):
        """Interfaces, those beside them, then the gateway."""
        return [*self.interfaces, *self.snat_ports.values()] + ([self.gateway] if self.gateway else [])

    @property
    def is_scheduled(self):
        """Whether one host is chosen for it, of a distributed one for its gateway."""
        return not self.distributed or self.gateway is not None

    @property
    def networks(self):
        """The networks that it joins, each once."""
        return list(dict.fromkeys(port.network for port in self.ports))

    @property
    def subnets(self):
        """The subnets between which it routes."""
        return {fixed.subnet for port in self.interfaces for fixed in port.fixed_ips}


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

    @property
    def is_distributed(self):
        """Whether it is on the host of its instance; otherwise it is where its router or the router's gateway is."""
        return bool(self.router and self.router.distributed and self.port.host.leads_outside)


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
    fip_agent_gateway_ports: list = field(default_factory=list)
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
    def possible_ports(self):
        """Those, and what hosts with floating IPs of distributed routers may need (Presence.exists)."""
        return self.all_ports + self.fip_agent_gateway_ports

    @property
    def distributed_routers(self):
        """Those of the routers that are on many hosts."""
        return [router for router in self.routers if router.distributed]

    def distributed_routers_of(self, subnet):
        """Those that have an interface in a subnet."""
        return self._distributed_routers_of.get(subnet, [])

    @cached_property
    def _distributed_routers_of(self):
        found = {}
        for router in self.distributed_routers:
            for each in router.subnets:
                found.setdefault(each, []).append(router)
        return found

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
