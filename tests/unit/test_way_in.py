# SPDX-License-Identifier: GPL-3.0-or-later
"""What carries a connection, and what of a plan touches it."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.observe import State
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.ports.port import Port, Seen
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.way_in import connection, touching
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.way_in.carriers import Carriers, below

PATCHES = {
    "int-br-ex": Port("int-br-ex", "br-int", "patch", options={"peer": "phy-br-ex"}, owner="demo"),
    "phy-br-ex": Port("phy-br-ex", "br-ex", "patch", options={"peer": "int-br-ex"}, owner="demo"),
}
INSTANCE = Port("qvo1", "br-int", external_ids={"iface-id": "1"}, owner="demo")


def state(*ports, bridges=("br-int", "br-ex", "br-mgmt")):
    own = [Port(name, name, "internal") for name in bridges]
    return State(dict.fromkeys(bridges, {}), {port.name: Seen(port, port.name) for port in [*own, *ports]})


def links(**masters_or_lowers):
    """eth0=None; bond0_eth0: eth0 is a port of bond0; eth0_5="eth0": a VLAN on it."""
    found = {}
    for index, (name, below_it) in enumerate(masters_or_lowers.items(), 1):
        found[name] = {"index": index, "master": None, "link": None, "link_nsid": None, "below": below_it}
    for one in found.values():
        kind, other = one.pop("below") or (None, None)
        if kind:
            one[kind] = found[other]["index"]
    return found


@pytest.mark.parametrize(("top", "there", "switch", "expected"), [
    ("eth0", links(eth0=None, eth1=None), state(), (["eth0"], [])),
    ("vlan5", links(eth0=None, vlan5=("link", "eth0")), state(), (["vlan5", "eth0"], [])),
    ("bond0", links(bond0=None, eth0=("master", "bond0"), eth1=("master", "bond0"), eth2=None), state(),
     (["bond0", "eth0", "eth1"], [])),
    # The address is on a bridge that holds the card
    ("br-ex", links(eth0=None), state(Port("eth0", "br-ex")), (["br-ex", "eth0"], ["br-ex"])),
    # What lies behind the card's bridge carries nothing
    ("br-ex", links(eth0=None), state(Port("eth0", "br-ex"), *PATCHES.values(), INSTANCE),
     (["br-ex", "eth0"], ["br-ex"])),
    # The address is on a bridge that reaches the card through another one; instances are no cards
    ("br-int", links(eth0=None), state(Port("eth0", "br-ex"), *PATCHES.values(), INSTANCE),
     (["br-int", "eth0"], ["br-int", "br-ex"])),
    # A veth into Open vSwitch
    ("veth0", links(veth1=None, veth0=("link", "veth1"), eth0=None),
     state(Port("veth1", "br-mgmt"), Port("eth0", "br-mgmt")), (["veth0", "veth1", "eth0"], ["br-mgmt"])),
])  # fmt: skip
def test_carriers(top, there, switch, expected):
    found = below([top], there, switch)
    assert (list(found.devices), list(found.bridges)) == expected


def test_a_linux_bridge_with_a_veth_into_open_vswitch():
    there = links(virbr0=None, veth1=None, veth0=("master", "virbr0"), eth0=None)
    there["veth0"]["link"] = there["veth1"]["index"]
    switch = state(Port("veth1", "br-mgmt"), Port("eth0", "br-mgmt"))
    assert below(["virbr0"], there, switch) == (("virbr0", "veth0", "veth1", "eth0"), ("br-mgmt",))


def test_the_other_end_of_a_veth_in_another_namespace_is_not_a_device_of_that_number_here():
    there = links(eth1=None, eth0=("link", "eth1"))
    there["eth0"]["link_nsid"] = 0
    assert below(["eth0"], there, state()).devices == ("eth0",)


PLAN = {
    "bridges": [{"name": name} for name in ("br-int", "br-ex", "br-vlan")],
    "ports": [
        {"name": "eth3", "bridge": "br-ex"},
        {"name": "phy-br-ex", "bridge": "br-ex", "type": "patch", "options": {"peer": "int-br-ex"}},
        {"name": "int-br-ex", "bridge": "br-int", "type": "patch", "options": {"peer": "phy-br-ex"}},
        {"name": "eth2", "bridge": "br-vlan"},
        {"name": "qr-1", "bridge": "br-int", "type": "internal", "namespace": "qrouter-1"},
    ],
    "flows": [
        {"bridge": "br-int", "flows": ["in_port=int-br-ex actions=drop", "in_port=qr-1 actions=drop"]},
        {"bridge": "br-ex", "flows": ["in_port=phy-br-ex actions=drop"]},
        {"bridge": "br-vlan", "flows": ["actions=NORMAL"]},
    ],
}
CARDS = {"eth0", "eth2", "eth3"}


def part(devices, bridges, switch, purge=True):
    found = touching.part(PLAN, Carriers(devices, bridges), switch, "demo", purge, CARDS)
    return (
        [bridge["name"] for bridge in found["bridges"]],
        [port["name"] for port in found["ports"] if not port.get("ignore")],
        {item["bridge"]: len(item["flows"]) for item in found["flows"]},
    )


def test_a_plan_that_has_nothing_of_the_way_in_touches_nothing():
    assert part(("eth0",), (), state(Port("eth3", "br-ex"))) == ([], [], {})


def test_a_card_that_is_planned_into_a_bridge_comes_with_that_bridge():
    assert part(("eth3",), (), state()) == (["br-int", "br-ex"], ["eth3", "int-br-ex", "phy-br-ex"], {"br-ex": 1})


def test_a_card_that_leaves_the_bridge_with_the_address():
    switch = state(Port("eth3", "br-mgmt"))
    found = part(("br-mgmt", "eth3"), ("br-mgmt",), switch)
    assert found == (["br-int", "br-ex"], ["eth3", "int-br-ex", "phy-br-ex"], {"br-mgmt": 0, "br-ex": 1})


def test_without_purge_nothing_is_taken_from_a_bridge_that_is_not_planned():
    switch = state(Port("eth3", "br-mgmt"), Port("phy-br-mgmt", "br-mgmt", owner="demo"))
    assert part(("br-mgmt", "eth3"), ("br-mgmt",), switch, purge=False)[2] == {"br-ex": 1}


def test_all_other_ports_are_safe_from_being_purged():
    gone = [Port("phy-br-mgmt", "br-mgmt", "patch", options={"peer": "int-br-mgmt"}, owner="demo"),
            Port("int-br-mgmt", "br-int", "patch", options={"peer": "phy-br-mgmt"}, owner="demo")]
    switch = state(Port("eth0", "br-mgmt"), *gone, INSTANCE, Port("qvo2", "br-int", owner="demo"))
    found = touching.part(PLAN, Carriers(("br-mgmt", "eth0"), ("br-mgmt",)), switch, "demo", True, CARDS)
    kept = {port["name"] for port in found["ports"] if port.get("ignore")}
    assert set(switch.ports) - kept == {"phy-br-mgmt", "int-br-mgmt"}


def test_what_comes_with_a_namespace_is_left_to_its_section_and_so_are_flows_that_name_it():
    switch = state(Port("eth3", "br-ex"), *PATCHES.values())
    assert part(("br-int", "eth3"), ("br-int", "br-ex"), switch) == (
        ["br-int", "br-ex"], ["eth3", "int-br-ex", "phy-br-ex"], {"br-int": 1, "br-ex": 1})


@pytest.mark.parametrize(("text", "expected"), [
    ("10.0.0.254 51234 10.0.0.11 22", ("10.0.0.254", "10.0.0.11")),
    ("fe80::1%eth0 51234 fe80::2%eth0 22", ("fe80::1", "fe80::2")),
    ("", None),
    (None, None),
    ("10.0.0.254", None),
])  # fmt: skip
def test_connection(text, expected):
    assert connection.parsed(text) == expected
