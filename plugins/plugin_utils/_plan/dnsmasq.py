# SPDX-License-Identifier: GPL-3.0-or-later
"""The dnsmasq of a network: its command line, and what its files are for (reference 5.2). PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan import dnsmasq_files
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.dhcp import device_of
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.mtu import network_mtu
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import dhcp_namespace

PROGRAM = "/usr/sbin/dnsmasq"
_LEASE = "86400s"
_LEASE_MAX = 2**24
_SERVED_MODES = ("dhcpv6-stateful", "dhcpv6-stateless")

# After a SIGHUP, as when it starts, dnsmasq tells its script of every lease. Without this, an address that went from
# one port to another would be refused to the other as long as the first one's lease lasts.
_RELEASE = """\
#!/bin/sh
# Releases the leases that the host file does not give any more.
[ "$1" = old ] || exit 0
client=$2 address=$3 hosts={directory}/host
case $address in
    *:*)
        grep -F "[$address]" "$hosts" | grep -qi "^$DNSMASQ_MAC" && exit 0
        exec timeout 3 dhcp_release6 --iface {device} --ip "$address" --client-id "$client" \\
            --server-id "$DNSMASQ_SERVER_DUID" --iaid "$DNSMASQ_IAID"
        ;;
    *)
        grep -E ",$address(,|\\$)" "$hosts" | grep -qi "^$client," && exit 0
        exec dhcp_release {device} "$address" "$client" $DNSMASQ_CLIENT_ID
        ;;
esac
"""


def dnsmasq_service(view, port):
    """The server's item of netns_service's `config`."""
    network = port.network
    directory = f"/var/lib/neutron/dhcp/{network.id}"
    release = _RELEASE.format(directory=directory, device=device_of(view, port))
    files = dnsmasq_files.contents(view, network)
    # dnsmasq 2.86 to 2.90 dies of SIGHUP when it has sent one of its hosts options of its own, so it is restarted
    reload_signal = {} if "set:" in files["host"] else {"reload_signal": "HUP"}
    return {
        "name": f"dnsmasq-{network.id}",
        "namespace": dhcp_namespace(network),
        "description": f"DHCP of network {network.name}",
        "command": _command(view.site, network, directory),
        **reload_signal,
        "directories": [{"path": directory, "mode": "0755"}],
        "files": [
            *({"path": f"{directory}/{name}", "content": text, "change": "reload"} for name, text in files.items()),
            {"path": f"{directory}/leases", "content": dnsmasq_files.leases(view, network), "create_only": True},
            {"path": f"{directory}/release", "content": release, "mode": "0755", "change": "none"},
        ],
    }


def _command(site, network, directory):
    ranged = [subnet for subnet in network.dhcp_subnets if _has_range(subnet)]
    return [
        PROGRAM,
        "--keep-in-foreground",
        "--no-hosts",
        "--no-resolv",
        f"--pid-file={directory}/pid",
        f"--dhcp-hostsfile={directory}/host",
        f"--addn-hosts={directory}/addn_hosts",
        f"--dhcp-optsfile={directory}/opts",
        f"--dhcp-leasefile={directory}/leases",
        f"--dhcp-script={directory}/release",
        "--dhcp-match=set:ipxe,175",
        "--dhcp-userclass=set:ipxe6,iPXE",
        "--local-service",
        "--bind-dynamic",
        *(f"--dhcp-range={_range(subnet)}" for subnet in ranged),
        f"--dhcp-option-force=option:mtu,{network_mtu(site, network)}",
        f"--dhcp-lease-max={min(sum(subnet.cidr.num_addresses for subnet in ranged), _LEASE_MAX)}",
        "--conf-file=/dev/null",
        *([f"--domain={site.dns_domain}"] if site.dns_domain else []),
    ]


def _has_range(subnet):
    """SLAAC needs no server; without any mode, addresses are served as they always were."""
    unset = not subnet.ipv6_address_mode and not subnet.ipv6_ra_mode
    return subnet.version == 4 or unset or subnet.ipv6_address_mode in _SERVED_MODES


def _range(subnet):
    """static: only what the host file gives."""
    mask = subnet.cidr.netmask if subnet.version == 4 else subnet.cidr.prefixlen
    return f"set:subnet-{subnet.id},{subnet.cidr.network_address},static,{mask},{_LEASE}"
