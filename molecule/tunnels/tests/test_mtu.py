# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's card starts with 1500 bytes, DHCP says how much its tunnels leave, and TCP makes use of all of it."""

from __future__ import annotations

import pytest

from tests.instances import Echoing, booted, instances_of
from tests.sandbox import eventually
from tests.wire import Capture, decapsulate, is_fragment

MTU = {"blue": 1450, "red": 1450, "green": 1458, "gold": 1450}
ECHO, BULK = 7001, 2_000_000  # tests/traffic.py sends so many bytes
UNDERLAY, ETHERNET = 1500, 14
TCP_IP = 20 + 32  # headers, with timestamps
COOKIE, MTU_OPTION = b"\x63\x82\x53\x63", 26  # of DHCP: RFC 2131, RFC 2132

#: Network type, from, to, address; the DHCP server is on the first one's host.
WAYS = [
    ("vxlan", "blue1", "blue2", "10.0.0.2"),
    ("gre", "green1", "green2", "10.0.3.2"),
    ("geneve", "gold2", "gold3", "10.0.4.3"),
]


@pytest.fixture(scope="module")
def instances(lab):
    """{name: Instance} of the networks with DHCP, all of them echoing."""
    found = {name: each for name, each in instances_of(lab).items() if name.rstrip("1234") in MTU}
    booted(found.values())
    with Echoing(found.values(), [ECHO]):
        yield found


def wanted(instances):
    return {name: MTU[name.rstrip("1234")] for name in instances}


def found(instances):
    return {name: each.device()["mtu"] for name, each in instances.items()}


def test_cards_started_with_1500_bytes_and_have_what_their_tunnels_leave(lab, instances):
    changes = [change for task in lab.recorded("site")[0].tasks for change in task["changes"]]
    started = {change["object"]: change["after"]["mtu"] for change in changes if "link eth0 in vm-" in change["object"]}
    assert {name: started[f"link eth0 in vm-{name}"] for name in instances} == dict.fromkeys(instances, 1500)
    assert found(instances) == wanted(instances)


def test_a_client_that_starts_again_is_told_the_mtu_through_every_type_of_tunnel(lab, instances):
    capture = Capture(lab, "tunnel")
    for each in instances.values():
        lab.sh(each.host, f"ip -n {each.namespace} link set eth0 mtu 1500")
    for host in {each.host for each in instances.values()}:
        lab.sh(host, "systemctl restart 'cloudnet-dhclient4-*'")
    eventually(lambda: found(instances) == wanted(instances), 30)
    told = {(each.kind, mtu) for each in capture.tunnelled() if (mtu := mtu_told(each.frame))}
    assert told == {("vxlan", 1450), ("gre", 1458), ("geneve", 1450)}


def mtu_told(frame):
    """Option 26 of a server's DHCP message; None for other frames."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 17 or frame[34:38] != b"\x00\x43\x00\x44":
        return None
    options = frame.partition(COOKIE)[2]
    while options and options[0] != 255:
        code, length = options[0], options[1]
        if code == MTU_OPTION:
            return int.from_bytes(options[2:2 + length], "big")
        options = options[2 + length:]
    return None


@pytest.mark.parametrize(("kind", "source", "target", "address"), WAYS, ids=[way[0] for way in WAYS])
def test_tcp_fills_the_mtu_and_nothing_is_fragmented(lab, instances, kind, source, target, address):
    mtu, capture = wanted(instances)[target], Capture(lab, "tunnel")
    instances[source].carries(address, ECHO)
    frames = capture.stop()
    assert not any(map(is_fragment, frames))
    assert max(map(len, frames)) == ETHERNET + UNDERLAY, "and the underlay, too"
    inner = [each.frame for each in map(decapsulate, frames) if each and each.kind == kind]
    assert not any(map(is_fragment, inner))
    card = instances[source].device()
    there = [length(each) for each in inner if each[6:12].hex(":") == card["mac"]]
    back = [length(each) for each in inner if each[:6].hex(":") == card["mac"]]
    assert max(there) == max(back) == mtu
    # Not all: TCP also sends what just fits the window
    assert there.count(mtu) * (mtu - TCP_IP) > 0.5 * BULK, "most of it went in segments of full size"


def length(frame):
    """Of the IPv4 packet in a frame."""
    return int.from_bytes(frame[16:18], "big")
