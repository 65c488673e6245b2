# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance speaks for itself only: frames that it makes up itself, and which of them arrive at others."""

from __future__ import annotations

import pytest

from tests import frames
from tests.instances import Hearing

FOREIGN_MAC = "fa:16:3e:bb:bb:bb"
FOREIGN, FOREIGN6 = "10.1.0.66", "fd00:a::66"
PAIR, PAIR6, PAIR_MAC, PAIR_NET = "10.1.0.200", "fd00:a::200", "fa:16:3e:aa:aa:aa", "10.1.1.5"
ROUTER = "fe80::1"  # the gateway of the IPv6 subnet
DHCP_SERVER, DHCP_CLIENT = (67, 68), (68, 67)
DHCP6_SERVER, DHCP6_CLIENT = (547, 546), (546, 547)
DHCP6_MULTICAST = ("33:33:00:01:00:02", "ff02::1:2")


class End:
    """One end of a conversation: its addresses."""

    def __init__(self, model, name):
        self.mac, self.ip, self.ip6 = model.mac(name), model.address(name, 4), model.address(name, 6)
        self.link_local = frames.link_local(self.mac)


def data(cell, me, other, mac=None, ip=None):
    """A datagram, from another MAC or IP address than one's own if stated."""
    version6 = ":" in (ip or "")
    addresses = (ip or me.ip, other.ip6 if version6 else other.ip)
    return frames.udp((mac or me.mac, other.mac), addresses, (7, 7), cell.encode())


def claim(_cell, me, other, ip=None):
    """An ARP reply: this address is mine."""
    return frames.arp(me.mac, ip or me.ip, other.ip, other.mac, operation=2, destination=other.mac)


def advertisement(_cell, me, other, ip=None):
    """A neighbour advertisement: this address is mine."""
    return frames.neighbour_advertisement((me.mac, other.mac), (me.link_local, other.ip6), ip or me.ip6)


def router(_cell, me, _other, source=None):
    """A router advertisement: send your packets through me."""
    return frames.router_advertisement(me.mac, source or me.link_local)


def dhcp_offer(cell, me, other):
    return frames.udp((me.mac, other.mac), (me.ip, other.ip), DHCP_SERVER, cell.encode())


def dhcp6_advertise(cell, me, other):
    return frames.udp((me.mac, other.mac), (me.link_local, other.link_local), DHCP6_SERVER, cell.encode())


def dhcp_discover(cell, me, _other):
    macs, addresses = (me.mac, frames.BROADCAST), ("0.0.0.0", "255.255.255.255")
    return frames.udp(macs, addresses, DHCP_CLIENT, cell.encode())


def dhcp6_solicit(cell, me, _other):
    macs, addresses = (me.mac, DHCP6_MULTICAST[0]), (me.link_local, DHCP6_MULTICAST[1])
    return frames.udp(macs, addresses, DHCP6_CLIENT, cell.encode())


def foreign_mac(*ends):
    return data(*ends, mac=FOREIGN_MAC)


def foreign_ip(*ends):
    return data(*ends, ip=FOREIGN)


def foreign_ip6(*ends):
    return data(*ends, ip=FOREIGN6)


def own_ip6(cell, me, other):
    return data(cell, me, other, ip=me.ip6)


def foreign_claim(*ends):
    return claim(*ends, ip=FOREIGN)


def foreign_advertisement(*ends):
    return advertisement(*ends, ip=FOREIGN6)


def pair_ip(*ends):
    return data(*ends, ip=PAIR)


def pair_ip6(*ends):
    return data(*ends, ip=PAIR6)


def pair_mac_and_net(*ends):
    return data(*ends, mac=PAIR_MAC, ip=PAIR_NET)


def pair_net_with_own_mac(*ends):
    return data(*ends, ip=PAIR_NET)


def pair_mac_with_own_ip(*ends):
    return data(*ends, mac=PAIR_MAC)


def pair_claim(*ends):
    return claim(*ends, ip=PAIR)


def pair_advertisement(*ends):
    return advertisement(*ends, ip=PAIR6)


def router_of_the_subnet(*ends):
    return router(*ends, source=ROUTER)


HONEST = (data, own_ip6, claim, advertisement, dhcp_discover, dhcp6_solicit)
SPOOFED = (foreign_mac, foreign_ip, foreign_ip6, foreign_claim, foreign_advertisement,
           router, dhcp_offer, dhcp6_advertise)  # fmt: skip
PAIRED = (pair_ip, pair_ip6, pair_mac_and_net, pair_claim, pair_advertisement)

FILTERED = ("client1", "client2", "guest", "paired")

#: (source, target, frame, does it arrive). free1 and free2 are without port security: nothing is filtered there.
CELLS = [
    *((source, "free2", each, True) for source in (*FILTERED, "free1") for each in HONEST),
    *((source, "free2", each, False) for source in FILTERED for each in SPOOFED),
    *(("free1", "free2", each, True) for each in SPOOFED),
    *(("paired", "free2", each, True) for each in PAIRED),
    *(("paired", "free2", each, False) for each in (pair_net_with_own_mac, pair_mac_with_own_ip)),
    *(("client1", "free2", each, False) for each in PAIRED),
    ("free1", "client2", router, False),  # who is not the subnet's router advertises to nobody
    ("free1", "client2", router_of_the_subnet, True),
    ("free1", "client2", foreign_ip, False),  # comes in nowhere that a rule does not let it
    ("free1", "plain2", pair_ip, False),
]  # fmt: skip


def name(cell):
    source, target, make, _arrives = cell
    return f"{source} to {target}: {make.__name__}"


@pytest.fixture(scope="module")
def arrived(model, instances):
    """{cell: whether its frame arrived}"""
    made = {cell: cell[2](name(cell), End(model, cell[0]), End(model, cell[1])) for cell in CELLS}
    targets = {cell[1] for cell in CELLS}
    with Hearing(*(instances[target] for target in targets)) as hearing:
        for source in {cell[0] for cell in CELLS}:
            instances[source].send([frame for cell, frame in made.items() if cell[0] == source])
    return {cell: hearing.heard(instances[cell[1]], frame) > 0 for cell, frame in made.items()}


@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_a_frame_arrives_or_not(arrived, cell):
    assert arrived[cell] == cell[3]


def test_the_host_itself_answers_no_instance(lab, model, instances):
    me, own = End(model, "client1"), lab.sh("compute1", "hostname --all-ip-addresses").split()
    questions = [frames.arp(me.mac, me.ip, address) for address in own if "." in address]
    with Hearing(instances["client1"]) as hearing:
        instances["client1"].send(questions)
    assert hearing.heard(instances["client1"], b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02") == 0, "an ARP reply"
    assert lab.sh("compute1", "ip -oneline address | grep qvo || true") == ""
