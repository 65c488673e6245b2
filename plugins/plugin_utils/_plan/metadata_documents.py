# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance is told: the documents of Nova's metadata API, in their published layout. PRIVATE to the collection.

Every version is answered as the newest, which has the keys of all. What the
model does not know (flavour, image, volumes) is left out.
"""

from __future__ import annotations

import json

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.mtu import network_mtu
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import tap_device

OPENSTACK_VERSIONS = (
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27",
    "2020-10-14", "2025-04-04", "latest",
)
EC2_VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
    "2009-04-04", "latest",
)
AVAILABILITY_ZONE = "nova"

#: The name of the file that a directory's path is answered with.
LISTING = "listing"

_OPENSTACK = ("meta_data.json", "vendor_data.json", "network_data.json", "vendor_data2.json")
_EC2 = (
    "ami-id", "ami-launch-index", "ami-manifest-path", "hostname", "instance-action", "instance-id", "local-hostname",
    "local-ipv4", "placement/", "public-hostname", "public-ipv4", "reservation-id", "security-groups",
)


def common(site):
    """{path: text} of what all instances are told."""
    vendor_data = site.metadata.vendor_data
    return {
        f"openstack/{LISTING}": "\n".join(_OPENSTACK),
        "openstack/vendor_data.json": json.dumps(vendor_data),
        "openstack/vendor_data2.json": json.dumps({"static": vendor_data}),
        f"ec2/{LISTING}": "meta-data/",
        f"ec2/meta-data/{LISTING}": "\n".join(_EC2),
        "ec2/meta-data/ami-id": "ami-00000000",
        "ec2/meta-data/ami-launch-index": "0",
        "ec2/meta-data/ami-manifest-path": "FIXME",  # Nova's own answer
        "ec2/meta-data/instance-action": "none",
        f"ec2/meta-data/placement/{LISTING}": "availability-zone",
        "ec2/meta-data/placement/availability-zone": AVAILABILITY_ZONE,
        "ec2/meta-data/public-ipv4": "",
        "versions/openstack": "\n".join(OPENSTACK_VERSIONS),
        "versions/ec2": "\n".join(EC2_VERSIONS),
    }


def documents(allocated, instance, floating):
    """{path: text} of what one instance is told. floating: {FixedIp: its floating IP}."""
    found = {
        "openstack/meta_data.json": json.dumps(meta_data(instance)),
        "openstack/network_data.json": json.dumps(network_data(allocated, instance.ports)),
        **_ec2(allocated, instance, floating),
    }
    if instance.user_data is not None:
        found["openstack/user_data"] = instance.user_data
        found[f"openstack/{LISTING}"] = "\n".join([_OPENSTACK[0], "user_data", *_OPENSTACK[1:]])
        found[f"ec2/{LISTING}"] = "meta-data/\nuser-data"
    if instance.keypair:
        found.update(_public_keys(instance.keypair))
    return found


def meta_data(instance):
    """meta_data.json."""
    found = {"uuid": instance.id}
    if instance.metadata:
        found["meta"] = instance.metadata
    if instance.keypair:
        name, data = instance.keypair.name, instance.keypair.public_key
        found["public_keys"] = {name: data}
        found["keys"] = [{"name": name, "type": "ssh", "data": data}]
    return {
        **found,
        "hostname": instance.hostname,
        "name": instance.name,
        "launch_index": 0,
        "availability_zone": AVAILABILITY_ZONE,
        "project_id": instance.project_id,
        "devices": [],
        "dedicated_cpus": [],
    }


def network_data(allocated, ports):
    """network_data.json: links, the first IPv4 and IPv6 network of each, name servers."""
    links, networks, services = [], [], []
    for port in ports:
        device = tap_device(port)
        links.append({
            "id": device,
            "vif_id": port.id,
            "type": "ovs",
            "mtu": network_mtu(allocated.site, port.network),
            "ethernet_mac_address": allocated.mac(port),
        })
        for fixed in _first_of_version(port):
            networks.append({"id": f"network{len(networks)}", "link": device, **_network(allocated, fixed)})
            services += [server for server in _dns(fixed.subnet) if server not in services]
    return {"links": links, "networks": networks, "services": services}


def _first_of_version(port):
    found = {}
    for fixed in port.fixed_ips:
        found.setdefault(fixed.subnet.version, fixed)
    return [found[version] for version in sorted(found)]


def _network(allocated, fixed):
    subnet = fixed.subnet
    kind, mode = f"ipv{subnet.version}", subnet.ipv6_address_mode
    if subnet.enable_dhcp and not mode:
        return {"type": f"{kind}_dhcp", "network_id": subnet.network.id}
    routes = [_route(route.destination, route.nexthop) for route in subnet.host_routes]
    if subnet.gateway_ip is not None:
        everywhere = "0.0.0.0" if subnet.version == 4 else "::"
        routes.insert(0, {"network": everywhere, "netmask": everywhere, "gateway": str(subnet.gateway_ip)})
    return {
        "type": f"{kind}_{mode}" if mode else kind,
        "ip_address": str(allocated.address(fixed)),
        "netmask": str(subnet.cidr.netmask),
        "routes": routes,
        "network_id": subnet.network.id,
        "services": _dns(subnet),
    }


def _route(destination, nexthop):
    return {
        "network": str(destination.network_address), "netmask": str(destination.netmask), "gateway": str(nexthop),
    }


def _dns(subnet):
    return [{"type": "dns", "address": str(server)} for server in subnet.dns_nameservers]


def _ec2(allocated, instance, floating):
    fixed_ips = [fixed for port in instance.ports for fixed in port.fixed_ips if fixed.subnet.version == 4]
    found = {
        "ec2/meta-data/instance-id": f"i-{instance.id[:8]}",
        "ec2/meta-data/reservation-id": f"r-{instance.id[:8]}",
        "ec2/meta-data/hostname": instance.hostname,
        "ec2/meta-data/local-ipv4": str(allocated.address(fixed_ips[0])) if fixed_ips else "",
        "ec2/meta-data/security-groups": "\n".join(_security_groups(instance)),
    }
    public = next((floating[fixed] for fixed in fixed_ips if fixed in floating), None)
    if public:
        found["ec2/meta-data/public-ipv4"] = str(allocated.floating_address(public))
    return found


def _security_groups(instance):
    return dict.fromkeys(group.name for port in instance.ports for group in port.security_groups)


def _public_keys(keypair):
    names = sorted([*_EC2, "public-keys/"])
    return {
        f"ec2/meta-data/{LISTING}": "\n".join(names),
        f"ec2/meta-data/public-keys/{LISTING}": f"0={keypair.name}",
        f"ec2/meta-data/public-keys/0/{LISTING}": "openssh-key",
        "ec2/meta-data/public-keys/0/openssh-key": keypair.public_key,
    }
