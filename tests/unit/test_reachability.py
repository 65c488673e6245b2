# SPDX-License-Identifier: GPL-3.0-or-later
"""What security groups let pass, cell by cell."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.reachability import (
    Packet,
    converses,
    open_tcp_port,
    passes,
    ping,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.site_security import SiteSecurity
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

from .cloud import HOSTS, SITE, changed

GROUPS, PORT, GATEWAY = "dataplane_security_groups", "dataplane_ports[0]", "fe80::f816:3eff:fe00:a"
V6 = [("dataplane_networks[1].subnets[1]", {"name": "blue6", "cidr": "fd00::/64"}),
      ("dataplane_routers[0].interfaces[2]", {"subnet": "blue6", "mac_address": "fa:16:3e:00:00:0a"})]


def rule(**keys):
    return {"direction": "ingress", **keys}


def tcp(low, high=None, **keys):
    return rule(protocol="tcp", port_range_min=low, port_range_max=high or low, **keys)


def guarded(*rules, hosts=HOSTS, **group):
    """(the site's security, port web) with web alone in a group of these rules."""
    site = load(changed(SITE, *V6, (f"{GROUPS}[1]", {"name": "web", "rules": list(rules), **group}),
                        (f"{PORT}.security_groups", ["web"])), hosts)
    return SiteSecurity(Allocated(site, allocate(site, empty()))), site.ports[0]


def to_port(number, remote=None, version=4):
    return Packet("ingress", version, "tcp", number, remote and ip_address(remote))


CELLS = [
    ("no rule, no way in", [], to_port(22), False),
    ("everything may leave", [], Packet("egress", 4, "udp", 53), True),
    ("in both families", [], Packet("egress", 6, "tcp", 80), True),
    ("the first port", [tcp(80, 90)], to_port(80), True),
    ("the last port", [tcp(80, 90)], to_port(90), True),
    ("the port behind it", [tcp(80, 90)], to_port(91), False),
    ("another protocol", [tcp(80)], Packet("ingress", 4, "udp", 80), False),
    ("another family", [tcp(80)], to_port(80, version=6), False),
    ("all of ICMP", [rule(protocol="icmp")], ping("ingress", 4), True),
    ("any protocol", [rule()], to_port(7), True),
    ("any port of one", [rule(protocol="tcp")], to_port(7), True),
    ("a port that nobody knows before", [tcp(80, 90)], to_port(None), False),
    ("unless all are open", [tcp(1, 65535)], to_port(None), True),
    ("from the prefix", [tcp(22, remote_ip_prefix="10.0.1.0/24")], to_port(22, "10.0.1.9"), True),
    ("from elsewhere", [tcp(22, remote_ip_prefix="10.0.1.0/24")], to_port(22, "10.0.2.9"), False),
    ("from anybody, where only some may", [tcp(22, remote_ip_prefix="10.0.1.0/24")], to_port(22), False),
    ("from anybody, where all may", [tcp(22, remote_ip_prefix="0.0.0.0/0")], to_port(22), True),
    ("from a member", [rule(remote_group="default")], to_port(22, "10.0.1.9"), True),
    ("from a stranger", [rule(remote_group="default")], to_port(22, "10.0.1.8"), False),
    ("from anybody, where only members may", [rule(remote_group="default")], to_port(22), False),
    ("an ICMP type", [rule(protocol="icmp", port_range_min=8)], ping("ingress", 4), True),
    ("another ICMP type", [rule(protocol="icmp", port_range_min=13)], ping("ingress", 4), False),
    ("its code", [rule(protocol="icmp", port_range_min=8, port_range_max=0)], ping("ingress", 4), True),
    ("another code", [rule(protocol="icmp", port_range_min=8, port_range_max=1)], ping("ingress", 4), False),
    ("ping of IPv6 is no exception", [], ping("ingress", 6), False),
    ("unless allowed", [rule(protocol="icmpv6")], ping("ingress", 6), True),
    ("neighbours are found", [], Packet("ingress", 6, "ipv6-icmp", 135), True),
    ("the router advertises", [], Packet("ingress", 6, "ipv6-icmp", 134, ip_address(GATEWAY)), True),
    ("nobody else does", [], Packet("ingress", 6, "ipv6-icmp", 134, ip_address("fe80::1")), False),
    ("an instance never does", [rule(direction="egress", protocol="icmpv6")],
     Packet("egress", 6, "ipv6-icmp", 134), False),
]


@pytest.mark.parametrize(("rules", "packet", "expected"), [cell[1:] for cell in CELLS], ids=[cell[0] for cell in CELLS])
def test_every_cell_is_as_the_rules_say(rules, packet, expected):
    assert passes(*guarded(*rules), packet) is expected


def test_egress_is_what_the_rules_say_where_a_group_has_no_default_rules():
    dns = {"direction": "egress", "protocol": "udp", "port_range_min": 53, "port_range_max": 53}
    guard = guarded(dns, default_rules=False)
    assert passes(*guard, Packet("egress", 4, "udp", 53))
    assert not passes(*guard, Packet("egress", 4, "udp", 54))
    assert passes(*guard, ping("egress", 6)), "as in Neutron, ICMPv6 may always leave"


@pytest.mark.parametrize("hosts", [changed(HOSTS, ("compute1.dataplane_firewall_driver", "noop"))])
def test_where_nothing_is_filtered_everything_passes(hosts):
    assert passes(*guarded(hosts=hosts), to_port(22))


def test_a_stateless_group_has_to_let_the_answer_pass_too():
    assert converses(*guarded(tcp(22)), to_port(22))
    assert converses(*guarded(tcp(22), stateful=False), to_port(22)), "egress is free"
    assert not converses(*guarded(stateful=False), Packet("egress", 4, "tcp", 80))
    assert not converses(*guarded(rule(protocol="icmp", port_range_min=8), stateful=False), ping("egress", 4))
    assert converses(*guarded(rule(protocol="icmp", port_range_min=0), stateful=False), ping("egress", 4))


@pytest.mark.parametrize(("rules", "expected"), [
    ([tcp(80), tcp(20, 25)], 22),
    ([rule()], 22),
    ([tcp(8080), tcp(80, 81)], 80),
    ([tcp(80, remote_ip_prefix="10.0.1.0/24")], None),
    ([rule(protocol="udp")], None),
])
def test_the_port_to_try_is_ssh_or_the_lowest_that_is_open(rules, expected):
    assert open_tcp_port(*guarded(*rules)) == expected


_SECURITY, _WEB = guarded()


@given(st.sampled_from(["ingress", "egress"]), st.sampled_from([4, 6]), st.sampled_from(["tcp", "udp", "icmp"]),
       st.integers(0, 255))
def test_what_anybody_may_everybody_may(direction, version, protocol, number):
    anybody = Packet(direction, version, protocol, number)
    somebody = anybody._replace(remote=ip_address("192.0.2.1" if version == 4 else "2001:db8::1"))
    assert not passes(_SECURITY, _WEB, anybody) or passes(_SECURITY, _WEB, somebody)
