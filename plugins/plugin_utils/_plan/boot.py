# SPDX-License-Identifier: GPL-3.0-or-later
"""How a stand-in for an instance gets its addresses: like an instance, where the network tells it. PRIVATE.

DHCP gives it IPv4 addresses, routes and the MTU; a router's advertisements tell whether to make
an IPv6 address or to ask DHCPv6 for one. Nothing tells it the addresses of subnets without
DHCP, nor of IPv6 subnets without a mode: those it has from the start.

The client is ISC's dhclient, run by `ip netns exec`, which puts the files in /etc/netns/vm-NAME
in the place of those in /etc. So it reads a configuration of its own (where Debian's AppArmor
profile looks for one) and writes a resolv.conf of its own.
"""

from __future__ import annotations

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.names import INSTANCE_DEVICE, instance_namespace

PROGRAM = "/usr/sbin/dhclient"

_CONFIG = """\
# What the stand-in of an instance asks for: dhclient.conf(5).
script "/etc/dhcp/dhclient-script";
option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
request subnet-mask, broadcast-address, routers, rfc3442-classless-static-routes, interface-mtu,
    domain-name, domain-search, domain-name-servers, dhcp6.domain-search, dhcp6.name-servers;
initial-interval 1;
backoff-cutoff 5;
reboot 3;
retry 5;
"""

_SCRIPT = """\
#!/bin/sh
# What the stand-in of an instance does with what it is told: dhclient-script(8). Unlike the host's own script it
# leaves the host's name, resolv.conf and hooks alone.

resolv() { # $1: which name servers were told by the other protocol
    old=$(grep -E "^nameserver $1$" RESOLV_CONF)
    search=${new_domain_search:-$new_domain_name}$new_dhcp6_domain_search
    search=${search:+search $search}
    new=$(printf 'nameserver %s\\n' $new_domain_name_servers $new_dhcp6_name_servers | grep ' .')
    printf '%s\\n' "${search:-$(grep ^search RESOLV_CONF)}" "$new" "$old" | grep . >RESOLV_CONF.new
    cat RESOLV_CONF.new >RESOLV_CONF
    rm RESOLV_CONF.new
}

route() { # $1: destination, $2: gateway, 0.0.0.0 for none
    via="via $2"
    [ "$2" != 0.0.0.0 ] || via="scope link"
    ip -4 route replace "$1" $via dev "$interface" proto dhcp
}

classless_routes() { # option 121: length of the prefix, its octets that are not 0, the gateway's four; and so on
    while [ $# -gt 4 ]; do
        length=$1 prefix=
        shift
        for octet in 1 9 17 25; do
            [ "$length" -lt $octet ] && prefix=$prefix.0 || { prefix=$prefix.$1 && shift; }
        done
        route "${prefix#.}/$length" "$1.$2.$3.$4"
        shift 4
    done
}

case $reason in
PREINIT | PREINIT6)
    ip link set "$interface" up
    tries=100 # of 0.1 s: an address is of no use before it is known to be no duplicate
    while [ "$reason" = PREINIT6 ] && [ $((tries -= 1)) -gt 0 ]; do
        ip -6 address show dev "$interface" scope link -tentative | grep -q inet6 && break
        sleep 0.1
    done
    ;;
BOUND | RENEW | REBIND | REBOOT)
    [ -z "$new_interface_mtu" ] || ip link set "$interface" mtu "$new_interface_mtu"
    [ "$old_ip_address" = "$new_ip_address" ] || ip -4 address flush dev "$interface" dynamic
    ip -4 address replace "$new_ip_address/$new_subnet_mask" broadcast "$new_broadcast_address" dev "$interface" \\
        valid_lft "$new_dhcp_lease_time" preferred_lft "$new_dhcp_lease_time"
    if [ "$new_rfc3442_classless_static_routes" != "$old_rfc3442_classless_static_routes" ]; then
        ip -4 route flush dev "$interface" proto dhcp
    fi
    if [ -n "$new_rfc3442_classless_static_routes" ]; then
        classless_routes $new_rfc3442_classless_static_routes
    elif [ -n "$new_routers" ]; then
        route default "${new_routers%% *}"
    fi
    resolv '.*:.*'
    ;;
EXPIRE | FAIL | RELEASE | STOP)
    ip -4 address flush dev "$interface" dynamic
    ;;
BOUND6 | RENEW6 | REBIND6)
    if [ -n "$new_ip6_address" ]; then
        ip -6 address replace "$new_ip6_address/128" dev "$interface" \\
            valid_lft "$new_max_life" preferred_lft "$new_preferred_life"
    fi
    resolv '[0-9.]*'
    ;;
EXPIRE6 | RELEASE6 | STOP6)
    [ -z "$old_ip6_address" ] || ip -6 address delete "$old_ip6_address/128" dev "$interface"
    ;;
TIMEOUT)
    exit 1 # no server answers: an old lease is not believed
    ;;
esac
"""

_DUID = ("-D", "LL")  # the client's name follows from its MAC, not from when it first asked

#: Who asks for nothing but information has nothing to renew and ends; a day is RFC 8415's IRT_DEFAULT.
_ASK_EVERY_DAY = ("/bin/sh", "-c", 'while :; do "$@" && sleep 86400; sleep 1; done', "dhclient")

#: Sysctls of one who goes by router advertisements.
HEAR_ROUTERS = {
    f"net.ipv6.conf.{INSTANCE_DEVICE}.accept_ra": 1,
    f"net.ipv6.conf.{INSTANCE_DEVICE}.accept_ra_rt_info_max_plen": 128,  # the way to the metadata's own address
}


def told(port):
    """The FixedIps of a port that the network tells it.

    By DHCP an instance gets one address of a family: of several, dnsmasq gives the last.
    """
    advertised, served = [], {}
    for fixed in port.fixed_ips:
        subnet = fixed.subnet
        if subnet.auto_address:
            advertised.append(fixed)
        elif subnet.enable_dhcp and (subnet.version == 4 or _mode(subnet)):
            served[subnet.version] = fixed
    return advertised + list(served.values())


def told_mtu(port):
    """Whether the network tells a port its MTU: DHCPv4 does, and the MTU of router advertisements is IPv6's alone."""
    return any(fixed.subnet.version == 4 for fixed in told(port))


def _mode(subnet):
    return subnet.ipv6_ra_mode or subnet.ipv6_address_mode


def boot_services(port):
    """The DHCP clients of a stand-in, items of netns_service's `config`."""
    clients = [_client(port, "4")] if told_mtu(port) else []
    modes = {_mode(fixed.subnet) for fixed in told(port)}
    if "dhcpv6-stateful" in modes:
        clients.append(_client(port, "6", _DUID))
    elif "dhcpv6-stateless" in modes:
        clients.append(_client(port, "6", (*_DUID, "-S"), _ASK_EVERY_DAY))
    if clients:  # the first one's directory serves both
        directory = f"/etc/netns/{instance_namespace(port)}"
        clients[0]["directories"] = [{"path": directory}]
        clients[0]["files"] += [
            {"path": f"{directory}/dhcp/dhclient.conf", "content": _CONFIG},
            {"path": f"{directory}/dhcp/dhclient-script", "mode": "0755", "change": "none",
             "content": _SCRIPT.replace("RESOLV_CONF", f"{directory}/resolv.conf")},
            {"path": f"{directory}/resolv.conf", "content": "", "create_only": True},
        ]
    return clients


def _client(port, version, options=(), runner=()):
    """A client of DHCPv4 or DHCPv6. Its leases are where AppArmor lets it write them."""
    leases, namespace = f"/var/lib/dhcp/dhclient{version}-{port.id}.leases", instance_namespace(port)
    return {
        "name": f"dhclient{version}-{port.id}",
        "namespace": namespace,
        "description": f"DHCPv{version} client of {namespace}",
        "command": ["/usr/sbin/ip", "netns", "exec", namespace, *runner, PROGRAM, f"-{version}", *options,
                    "-d", "--no-pid", "-lf", leases, INSTANCE_DEVICE],
        "files": [{"path": leases, "content": "", "create_only": True}],
    }
