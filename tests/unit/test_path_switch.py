# SPDX-License-Identifier: GPL-3.0-or-later
"""What ofproto/trace prints, read: where a packet goes, where it is dropped."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.path.switch import Trace, ports_of

SHOWN = """netdev@ovs-netdev: hit:115 missed:69
  br-int:
    br-int 65534/1: (tap)
    patch-tun 3/none: (patch: peer=patch-int)
    qr-15ea2dd1-65 7/9: (tap)
    qvo92aa49d5-10 2/5: (system)
  br-tun:
    br-tun 65534/3: (tap)
    patch-int 1/none: (patch: peer=patch-tun)
    vxlan-0a000115 3/10: (vxlan: key=flow, local_ip=10.0.1.31, remote_ip=10.0.1.21)
    vxlan-0a000120 4/10: (vxlan: key=flow, local_ip=10.0.1.31, remote_ip=10.0.1.32)
"""
LEARNT = """Flow: icmp,in_port=2

bridge("br-int")
----------------
 0. in_port=2, priority 9, cookie 0x636e6470d52f4ee3
    resubmit(,25)
60. priority 1, cookie 0x636e6470d52f4ee3
    NORMAL
     -> forwarding to learned port

Final flow: unchanged
Datapath actions: push_vlan(vid=10,pcp=0),9
"""
DROPPED = """Flow: icmp,in_port=4

bridge("br-int")
----------------
 0. in_port=4, priority 9, cookie 0x636e6470d52f4ee3
    resubmit(,25)
25. No match.
    drop

Final flow: unchanged
Datapath actions: drop
"""
#: A flood: every bridge that gets it stands indented.
FLOODED = """Flow: icmp,in_port=7

bridge("br-int")
----------------
60. priority 1, cookie 0x636e647077f1748e
    NORMAL
     -> no learned MAC for destination, flooding

    bridge("br-tun")
    ----------------
         1. dl_vlan=2,dl_src=fa:16:3e:c1:20:55, priority 1, cookie 0x636e647077f1748e
            set_field:fa:16:3f:b8:43:d4->eth_src
            resubmit(,2)
        20. dl_vlan=2,dl_dst=fa:16:3e:8a:4d:68, priority 2, cookie 0x636e647077f1748e
            output:3
             -> output to native tunnel

Final flow: unchanged
Datapath actions: push_vlan(vid=2,pcp=0),clone(tnl_push(tnl_port(10),header(size=50,eth(dst=02:6c:d0:7c:5f:56),\
ipv4(src=10.0.1.31,dst=10.0.1.21),udp(src=0,dst=4789),vxlan(vni=0x1)),out_port(1)),2),5
"""
TUNNELLED = FLOODED[FLOODED.index("    bridge"):].replace("\n    ", "\n").replace("    bridge", "bridge", 1)


def trace(text):
    return Trace(text, ports_of(SHOWN))


def test_ports_are_known_by_bridge():
    found = ports_of(SHOWN)
    assert found["br-int"]["qr-15ea2dd1-65"] == (7, 9)
    assert found["br-int"]["patch-tun"] == (3, None)


@pytest.mark.parametrize(("text", "bridge", "ports", "reached"), [
    (LEARNT, None, ["qr-15ea2dd1-65"], True),
    (LEARNT, None, ["qvo92aa49d5-10"], False),
    (LEARNT, "br-tun", [], False),
    (DROPPED, None, ["qr-15ea2dd1-65"], False),
    (DROPPED, None, [], False),
    (FLOODED, "br-tun", [], True),
    (FLOODED, None, ["qvo92aa49d5-10"], True),
    (FLOODED, None, ["qr-15ea2dd1-65"], False),
    (TUNNELLED, None, ["vxlan-0a000115"], True),
])
def test_where_a_packet_goes(text, bridge, ports, reached):
    assert trace(text).reaches(bridge, ports) is reached


@pytest.mark.parametrize("text", [TUNNELLED, TUNNELLED.replace("clone(tnl_push", "set(tunnel(dst=10.0.1.21)),10,0(")])
def test_two_tunnels_are_one_to_the_datapath_and_two_to_the_bridge(text):
    assert trace(text).reaches(None, ["vxlan-0a000115"]) is True
    assert trace(text).reaches(None, ["vxlan-0a000120"]) is False


def test_where_it_is_dropped_is_said():
    assert trace(DROPPED).words() == "br-int drops it in table 25 (no match)"
    assert trace(LEARNT).words() == "goes to qr-15ea2dd1-65"
