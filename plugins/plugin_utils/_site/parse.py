# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of sound structure -> typed objects with resolved references. PRIVATE to the collection."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.ids import derived_id
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.model import (
    DVR,
    DVR_SNAT,
    INSTANCE_OWNER,
    FloatingIp,
    Host,
    Network,
    Port,
    Site,
    Subnet,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_dhcp import (
    DhcpParser,
    extra_dhcp_opts,
    subnet_dhcp,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_dvr import agent_gateway_ports
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_metadata import MetadataParser
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_ports import fixed_ips
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_routers import RouterParser
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.parse_security_groups import (
    DEFAULT,
    SecurityGroupParser,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.registry import Registry, names_in
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.schema import TUNNEL_ID_MAX, TUNNEL_TYPES

NOT_YET = "is not supported yet by this version"


class Parser:
    """Builds the site in the order of its references: hosts, networks, routers, ports, floating IPs."""

    def __init__(self, raw, clean, hosts, problems):
        self.clean, self.hosts, self.problems = clean, hosts, problems
        nets = raw.get("dataplane_networks")
        subnets = [name for net in (nets if isinstance(nets, list) else []) if isinstance(net, dict)
                   for name in names_in(net.get("subnets"))]
        self.networks = Registry("network", names_in(nets), problems)
        self.subnets = Registry("subnet", subnets, problems)
        self.routers = Registry("router", names_in(raw.get("dataplane_routers")), problems)
        self.ports = Registry("port", names_in(raw.get("dataplane_ports")), problems)
        self.keypairs = Registry("keypair", names_in(raw.get("dataplane_keypairs")), problems)
        self.metadata_parser = MetadataParser(self, raw)
        self.known_hosts = Registry("host", hosts, problems)
        groups = [DEFAULT, *names_in(raw.get("dataplane_security_groups"))]
        self.security_groups = Registry("security group", groups, problems)
        self.group_parser = SecurityGroupParser(self)

    def site(self):
        """The Site; faults are noted on the way, and what is at fault is left out."""
        clean = self.clean
        self.site_name = clean.get("dataplane_site", "")
        global_mtu = clean.get("dataplane_global_physnet_mtu", 1500)
        tunnel_ids = {**dict.fromkeys(TUNNEL_TYPES, (1, TUNNEL_ID_MAX)), **clean.get("dataplane_tunnel_id_ranges", {})}
        site = Site(
            name=self.site_name,
            enable_metadata_proxy=clean.get("dataplane_enable_metadata_proxy", True),
            global_physnet_mtu=global_mtu,
            path_mtu=clean.get("dataplane_path_mtu", global_mtu),
            geneve_max_header_size=clean.get("dataplane_geneve_max_header_size", 30),
            vlan_ranges={name: tuple(ends) for name, ends in clean.get("dataplane_vlan_ranges", {}).items()},
            tunnel_id_ranges={kind: tuple(ends) for kind, ends in tunnel_ids.items()},
            verify_internet=_address(clean.get("dataplane_verify_internet")),
            lab=clean.get("dataplane_lab", False),
        )
        site.hosts = self._hosts()
        site.networks = list(self._each("dataplane_networks", self._network))
        site.security_groups = self.group_parser.groups()
        site.routers = list(self._each("dataplane_routers", RouterParser(self).router))
        self.metadata_parser.keypairs()
        site.ports = list(self._each("dataplane_ports", self._port))
        site.metadata = self.metadata_parser.service(site)
        site.floating_ips = list(self._each("dataplane_floating_ips", self._floating_ip))
        DhcpParser(self).fill(site)
        site.fip_agent_gateway_ports = agent_gateway_ports(self, site)
        return site

    def _each(self, variable, parse):
        for index, item in enumerate(self.clean.get(variable, [])):
            parsed = item and parse(item, f"{variable}[{index}]")
            if parsed:
                yield parsed

    def id_of(self, item, kind, name):
        """The pinned id of an item, or the derived one."""
        return item.get("id") or derived_id(self.site_name, kind, name)

    def refuse_later(self, item, path, key, later):
        """Note a value that a later version will build."""
        if item.get(key) in later:
            self.problems.add(f"{path}.{key}", item[key], NOT_YET)

    def _hosts(self):
        for name, host in self.hosts.items():
            if host is None:
                continue
            datapath = host.get("dataplane_datapath_type", "system")
            # A veth outlives ovs-vswitchd in userspace mode, and is 20 times cheaper to move there
            plug = host.get("dataplane_interface_plug") or ("veth" if datapath == "netdev" else "internal")
            agent_mode = host.get("dataplane_agent_mode") or (DVR_SNAT if "network" in host["groups"] else DVR)
            parsed = Host(
                name=name,
                groups=host["groups"],
                local_ip=_address(host.get("dataplane_local_ip")),
                bridge_mappings=host.get("dataplane_bridge_mappings", {}),
                bridge_interfaces=host.get("dataplane_bridge_interfaces", {}),
                datapath_type=datapath,
                interface_plug=plug,
                firewall_driver=host.get("dataplane_firewall_driver", "iptables_hybrid"),
                agent_mode=agent_mode,
                dvr_mac_address=host.get("dataplane_dvr_mac_address", "").lower() or None,
                path=f"hostvars.{name}",
            )
            self.known_hosts.add(parsed, parsed.path)
        return self.known_hosts.objects

    def _network(self, item, path):
        network = Network(
            name=item["name"],
            id=self.id_of(item, "network", item["name"]),
            router_external=item.get("router_external", False),
            network_type=item["network_type"],
            physical_network=item.get("physical_network"),
            segmentation_id=item.get("segmentation_id"),
            mtu=item.get("mtu"),
            path=path,
        )
        self.networks.add(network, f"{path}.name")
        for index, subnet in enumerate(item.get("subnets", [])):
            network.subnets.append(self._subnet(network, subnet, f"{path}.subnets[{index}]"))
        return network

    def _subnet(self, network, item, path):
        cidr = ip_network(item["cidr"])
        if item.get("ip_version", cidr.version) != cidr.version:
            self.problems.add(f"{path}.ip_version", item["ip_version"], f"must be {cidr.version}, as {cidr} is")
        subnet = Subnet(
            name=item["name"],
            id=self.id_of(item, "subnet", item["name"]),
            network=network,
            cidr=cidr,
            # As in the API: absent is the first address, null is none
            gateway_ip=_address(item["gateway_ip"]) if "gateway_ip" in item else cidr[cidr.num_addresses > 1],
            gateway_onlink=item.get("gateway_onlink", False),
            pools=[(ip_address(pool["start"]), ip_address(pool["end"])) for pool in item.get("allocation_pools", [])],
            path=path,
            address_scope=item.get("address_scope"),
            **subnet_dhcp(item),
        )
        self.subnets.add(subnet, f"{path}.name")
        return subnet

    def _port(self, item, path):
        network = self.networks.find(item["network"], f"{path}.network")
        host = self.known_hosts.find(item["binding_host_id"], f"{path}.binding_host_id")
        groups = self.group_parser.of_port(item, path)
        guest = self.metadata_parser.guest(item, path)
        if not network:
            return None
        key = f"port {item['name']}"
        port_id = self.id_of(item, "port", item["name"])
        port = Port(
            key=key,
            name=item["name"],
            id=port_id,
            network=network,
            mac_address=item.get("mac_address", "").lower() or None,
            fixed_ips=fixed_ips(self, item.get("fixed_ips"), network, key, path, default_all=True),
            device_owner=INSTANCE_OWNER,
            device_id=item.get("device_id") or derived_id(self.site_name, "instance", item["name"]),
            path=path,
            host=host,
            vif=item.get("vif", "namespace"),
            port_security_enabled=item.get("port_security_enabled", True),
            allowed_address_pairs=item.get("allowed_address_pairs", []),
            extra_dhcp_opts=extra_dhcp_opts(item, path),
            security_groups=groups,
            guest=guest,
        )
        self.ports.add(port, f"{path}.name")
        return port

    def _floating_ip(self, item, path):
        network = self.networks.find(item["floating_network"], f"{path}.floating_network")
        port = self.ports.find(item["port"], f"{path}.port") if "port" in item else None
        subnet = self.subnets.find(item["subnet"], f"{path}.subnet") if "subnet" in item else None
        if not network or ("port" in item and not port) or ("subnet" in item and not subnet):
            return None
        wanted = item.get("fixed_ip_address")
        key = f"floating_ip {item.get('port') or item.get('floating_ip_address')}" + (f" {wanted}" if wanted else "")
        return FloatingIp(
            key=key,
            id=self.id_of(item, "floating_ip", key),
            network=network,
            subnet=subnet,
            address=_address(item.get("floating_ip_address")),
            port=port,
            fixed_ip=self._fixed_ip_of(port, wanted, path) if port else None,
            path=path,
        )

    def _fixed_ip_of(self, port, wanted, path):
        """The fixed IP that a floating IP leads to: the one wanted, else the port's first IPv4 address."""
        if wanted:
            for fixed in port.fixed_ips:
                if fixed.address and str(fixed.address) == wanted:
                    return fixed
            self.problems.add(f"{path}.fixed_ip_address", wanted, f"must be a fixed IP that {port.path} declares")
            return None
        for fixed in port.fixed_ips:
            if fixed.subnet.version == 4:
                return fixed
        self.problems.add(f"{path}.port", port.name, "must have an IPv4 address")
        return None


def _address(text):
    return ip_address(text) if text else None
