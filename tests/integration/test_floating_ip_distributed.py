# SPDX-License-Identifier: GPL-3.0-or-later
"""floating_ip on a distributed router: two namespaces, a policy rule, a route and proxy ARP."""

from __future__ import annotations

import json
import socket
import subprocess

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import ApplyFailed, converge
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.floating.backend import FloatingIps
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack

from .conftest import ModuleFailed, eventually, run

L3 = "neutron-l3-agent"
FIP, FG = "fip-1", "fg-1"
OUTSIDE = "203.0.113.1"
FORWARDS = {"net.ipv4.ip_forward": 1}
pytestmark = pytest.mark.usefixtures("clean_host")


def pair(name, addresses, other, peer):
    return {"name": name, "plug": "veth", "peer": peer, "peer_namespace": other, "addresses": addresses}


def router(number):
    """Router and its one instance network 10.NUMBER.0.0/24."""
    low, high = f"169.254.64.{2 * number}", f"169.254.64.{2 * number + 1}"
    return {
        "name": f"qrouter-{number}",
        "sysctls": FORWARDS,
        "keep_floating_ips": True,
        "links": [
            pair(f"rfp-{number}", [f"{low}/31"], FIP, f"fpr-{number}"),
            pair(f"qr-{number}", [f"10.{number}.0.1/24"], f"vm-{number}", "eth0"),
        ],
        "routes": [{"destination": "0.0.0.0/0", "gateway": high, "device": f"rfp-{number}", "table": 16}],
    }


def instance(number):
    """It answers for 10.NUMBER.0.5 and 10.NUMBER.0.6."""
    addresses = [f"10.{number}.0.{host}/24" for host in (5, 6)]
    gateway = {"destination": "0.0.0.0/0", "gateway": f"10.{number}.0.1"}
    return {"name": f"vm-{number}", "links": [pair("eth0", addresses, f"qrouter-{number}", f"qr-{number}")],
            "routes": [gateway]}  # fmt: skip


def far_end(number):
    return pair(f"fpr-{number}", [f"169.254.64.{2 * number + 1}/31"], f"qrouter-{number}", f"rfp-{number}")


NAMESPACES = [
    router(1), instance(1), router(2), instance(2),
    {"name": FIP, "sysctls": FORWARDS, "keep_floating_ips": True, "links": [
        far_end(1), far_end(2), pair(FG, ["203.0.113.103/24"], "outside", "eth0")]},
    {"name": "outside", "links": [pair("eth0", [f"{OUTSIDE}/24"], FIP, FG)]},
]  # fmt: skip


def chains(number):
    rfp = f"rfp-{number}"
    nat = {
        "PREROUTING": [f"-j {L3}-PREROUTING"],
        "POSTROUTING": [f"-j {L3}-POSTROUTING", f"-j {L3}-float-snat"],
        f"{L3}-PREROUTING": [],
        f"{L3}-POSTROUTING": [f"! -o {rfp} -m conntrack ! --ctstate DNAT -j ACCEPT"],
        f"{L3}-float-snat": [],
    }
    return {"namespace": f"qrouter-{number}", "keep_floating_ips": True, "tables": {"nat": nat}}


def floating(host, number=1, **more):
    """203.0.113.(100 * NUMBER + HOST) of 10.NUMBER.0.HOST."""
    return {
        "namespace": f"qrouter-{number}",
        "floating_ip_address": f"203.0.113.{100 * number + host}",
        "fixed_ip_address": f"10.{number}.0.{host}",
        "device": f"rfp-{number}",
        "distributed": {
            "fip_namespace": FIP, "fip_device": f"fpr-{number}", "gateway_device": FG,
            "router_address": f"169.254.64.{2 * number}", "rule_priority": 40000 + host,
        },
        **more,
    }  # fmt: skip


@pytest.fixture
def cloud(module):
    """Two routers, each with an instance, and the outside."""
    module("netns", config=NAMESPACES)
    module("nat_rules", config=[chains(1), chains(2)])


def reaches(ns, address):
    argv = ["ip", "netns", "exec", ns, "ping", "-c", "1", "-W", "1", address]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def state():
    """All that floating IPs are made of."""
    found = [run("ip", "-n", FIP, "route", "show", "proto", "static"), *(
        text for ns in ("qrouter-1", "qrouter-2") for text in (
            run("ip", "-n", ns, "rule"), run("ip", "netns", "exec", ns, "iptables", "-t", "nat", "-S"))
    )]  # fmt: skip
    return [sorted(line.strip() for line in text.splitlines()) for text in found]


def test_it_is_what_neutron_makes_and_check_mode_says_so(module, cloud):
    predicted = module("floating_ip", check=True, config=[floating(5)])
    made = module("floating_ip", config=[floating(5)])
    assert made["changes"] == predicted["changes"]
    (change,) = made["changes"]
    assert (change["action"], change["before"]) == ("create", None)
    assert change["after"] == [
        "40005: from 10.1.0.5 lookup 16",
        "203.0.113.105 via 169.254.64.2 dev fpr-1 in namespace fip-1",
        "proxy_arp on fg-1 in namespace fip-1",
        f"-A {L3}-PREROUTING -d 203.0.113.105/32 -i rfp-1 -j DNAT --to-destination 10.1.0.5",
        f"-A {L3}-float-snat -s 10.1.0.5/32 -j SNAT --to-source 203.0.113.105 --random-fully",
    ]
    assert "203.0.113.105 via 169.254.64.2 dev fpr-1 proto static \n" in run("ip", "-n", FIP, "route")
    assert "40005:\tfrom 10.1.0.5 lookup 16\n" in run("ip", "-n", "qrouter-1", "rule")
    assert not module("floating_ip", config=[floating(5)], purge=True)["changed"]


def test_a_device_that_answers_already_has_no_floating_ip_yet(module, cloud):
    predicted = module("floating_ip", check=True, config=[floating(5)])
    run("ip", "netns", "exec", FIP, "sysctl", "-w", f"net.ipv4.conf.{FG}.proxy_arp=1")
    assert module("floating_ip", config=[floating(5)])["changes"] == predicted["changes"]


def test_it_is_reached_from_outside_and_seen_as_itself_there(module, cloud):
    module("floating_ip", config=[floating(5), floating(6, 2)])
    assert reaches("outside", "203.0.113.105") and reaches("outside", "203.0.113.206")
    assert reaches("vm-1", OUTSIDE)
    assert reaches("vm-1", "203.0.113.206")  # through both routers
    known = json.loads(run("ip", "-n", "outside", "-json", "neigh"))
    (fg,) = json.loads(run("ip", "-n", FIP, "-json", "link", "show", FG))
    assert {entry["lladdr"] for entry in known if entry["dst"] == "203.0.113.105"} == {fg["address"]}


def test_the_other_modules_leave_it_alone(module, cloud):
    module("floating_ip", config=[floating(5)])
    before = state()
    assert not module("netns", config=NAMESPACES, purge=True)["changed"]
    assert not module("nat_rules", config=[chains(1), chains(2)], purge=True)["changed"]
    assert state() == before
    bare = [{**item, "keep_floating_ips": False} for item in NAMESPACES]
    assert [change["object"] for change in module("netns", config=bare, purge=True)["changes"]] == [
        "rule 40005: from 10.1.0.5/32 lookup 16 (ipv4) in qrouter-1", "route 203.0.113.105/32 table 254 in fip-1"]


DRIFT = {
    "rule": ["ip", "-n", "qrouter-1", "rule", "delete", "priority", "40005"],
    "second rule": ["ip", "-n", "qrouter-1", "rule", "add", "priority", "50000", "from", "10.1.0.5", "lookup", "16"],
    "route": ["ip", "-n", FIP, "route", "delete", "203.0.113.105"],
    "route elsewhere": ["ip", "-n", FIP, "route", "replace", "203.0.113.105", "via", "169.254.64.4", "proto", "static"],
    "proxy": ["ip", "netns", "exec", FIP, "sysctl", "-w", f"net.ipv4.conf.{FG}.proxy_arp=0"],
    "dnat": ["ip", "netns", "exec", "qrouter-1", "iptables", "-t", "nat", "-F", f"{L3}-PREROUTING"],
    "address": ["ip", "-n", "qrouter-1", "address", "add", "203.0.113.105/32", "dev", "rfp-1"],
}


@pytest.mark.parametrize("drift", DRIFT)
def test_drift_is_healed_and_only_drift_is_reported(module, cloud, drift):
    config = [floating(5), floating(5, 2)]
    module("floating_ip", config=config)
    before = state()
    run(*DRIFT[drift])
    predicted = module("floating_ip", config=config, check=True)
    healed = module("floating_ip", config=config)
    assert healed["changes"] == predicted["changes"]
    expected = ["203.0.113.105", "203.0.113.205"] if drift == "proxy" else ["203.0.113.105"]
    assert [change["object"].split()[2] for change in healed["changes"]] == expected
    assert {change["action"] for change in healed["changes"]} == {"update"}
    assert state() == before
    assert not module("floating_ip", config=config)["changed"]
    assert reaches("outside", "203.0.113.105")


def test_two_floating_ips_change_places(module, cloud):
    module("floating_ip", config=[floating(5), floating(6)])
    swapped = [floating(5, fixed_ip_address="10.1.0.6"), floating(6, fixed_ip_address="10.1.0.5")]
    predicted = module("floating_ip", config=swapped, check=True)
    changed = module("floating_ip", config=swapped)
    assert changed["changes"] == predicted["changes"]
    assert changed["disruption"] == "conntrack"
    assert "40005:\tfrom 10.1.0.6 lookup 16" in run("ip", "-n", "qrouter-1", "rule")
    assert not module("floating_ip", config=swapped, purge=True)["changed"]


def test_a_floating_ip_moves_to_another_router_of_the_host(module, cloud):
    module("floating_ip", config=[floating(5)])
    moved = [floating(6, 2, floating_ip_address="203.0.113.105")]
    predicted = module("floating_ip", config=moved, purge=True, check=True)
    assert module("floating_ip", config=moved, purge=True)["changes"] == predicted["changes"]
    assert not module("floating_ip", config=moved, purge=True)["changed"]
    assert reaches("outside", "203.0.113.105")


def test_purge_and_absent_remove_it_with_its_routing_and_nothing_else(module, cloud):
    empty = state()
    module("floating_ip", config=[floating(5)])
    one = state()
    module("floating_ip", config=[floating(5), floating(6, 2)])
    predicted = module("floating_ip", config=[floating(5)], purge=True, check=True)
    purged = module("floating_ip", config=[floating(5)], purge=True)
    assert purged["changes"] == predicted["changes"]
    assert [change["object"] for change in purged["changes"]] == ["floating IP 203.0.113.206 in namespace qrouter-2"]
    assert state() == one
    named = {key: floating(5)[key] for key in ("namespace", "floating_ip_address")}
    gone = module("floating_ip", state="absent", config=[{**named, "distributed": {"fip_namespace": FIP}}])
    assert [change["disruption"] for change in gone["changes"]] == ["conntrack"]
    assert state() == empty
    assert not module("floating_ip", config=[], purge=True)["changed"]


def test_purge_finds_what_lost_its_rules_in_table_nat(module, cloud):
    empty = state()
    module("floating_ip", config=[floating(5)])
    run("ip", "netns", "exec", "qrouter-1", "iptables", "-t", "nat", "-F", f"{L3}-PREROUTING")
    run("ip", "netns", "exec", "qrouter-1", "iptables", "-t", "nat", "-F", f"{L3}-float-snat")
    purged = module("floating_ip", config=[], purge=True)
    assert [change["object"] for change in purged["changes"]] == [
        "floating IP 203.0.113.105 in namespace qrouter-1",
        "rule 40005: from 10.1.0.5 lookup 16 in namespace qrouter-1",
    ]
    assert state() == empty


def test_a_router_that_has_lost_its_way_outside_loses_its_policies_too(module, cloud):
    empty = state()
    module("floating_ip", config=[floating(5)])
    run("ip", "-n", "qrouter-1", "link", "delete", "rfp-1")
    predicted = module("floating_ip", config=[], purge=True, check=True)
    assert module("floating_ip", config=[], purge=True)["changes"] == predicted["changes"]
    assert state() == empty


def test_a_centralised_floating_ip_becomes_distributed_and_back(module, cloud):
    nat = chains(1)["tables"]["nat"]
    nat.update({"OUTPUT": [f"-j {L3}-OUTPUT"], f"{L3}-OUTPUT": []})
    module("nat_rules", config=[{**chains(1), "tables": {"nat": nat}}])
    central = {key: value for key, value in floating(5).items() if key != "distributed"}
    for config in (central, floating(5), central):
        predicted = module("floating_ip", config=[config], purge=True, check=True)
        assert module("floating_ip", config=[config], purge=True)["changes"] == predicted["changes"] != []
        assert not module("floating_ip", config=[config], purge=True)["changed"]
    assert run("ip", "-n", FIP, "route", "show", "proto", "static") == ""


class Failing(FloatingIps):
    """All is written, and then something else fails."""

    def apply(self, changes, have):
        super().apply(changes, have)
        raise EngineError("no more")


@pytest.mark.parametrize("config", [
    [], [floating(5), floating(6)], [floating(5, fixed_ip_address="10.1.0.6")],
    [floating(6, 2, floating_ip_address="203.0.113.105")],
], ids=["removed", "added", "associated anew", "moved"])  # fmt: skip
def test_a_failure_is_undone(module, cloud, config):
    module("floating_ip", config=[floating(5)])
    before = state()
    params = {"state": "present", "purge": True, "adopt": False, "owner": "default"}
    with pytest.raises(ApplyFailed, match="no more") as failure:
        converge(Failing(config, params, check_mode=False))
    assert failure.value.rolled_back, str(failure.value)
    assert state() == before
    assert reaches("outside", "203.0.113.105")


def test_check_mode_on_a_host_with_nothing(module):
    predicted = module("floating_ip", config=[floating(5)], check=True)
    with pytest.raises(ModuleFailed, match="network namespace qrouter-1, fip-1 does not exist: the module netns makes"):
        module("floating_ip", config=[floating(5)])
    module("netns", config=[{**item, "links": []} for item in ({"name": "qrouter-1"}, {"name": FIP})])
    with pytest.raises(ModuleFailed, match="device fpr-1 does not exist in namespace fip-1: the module netns makes it"):
        module("floating_ip", config=[floating(5)])
    module("netns", config=NAMESPACES)
    module("nat_rules", config=[chains(1)])
    assert module("floating_ip", config=[floating(5)])["changes"] == predicted["changes"]


def test_the_outside_hears_of_a_new_one(module, cloud):
    def listen():
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        wire.bind(("eth0", 0x0806))
        wire.settimeout(3)
        return wire

    with namespace.inside("outside", listen) as wire:
        module("floating_ip", config=[floating(5)])
        own = socket.inet_aton("203.0.113.105")
        eventually(lambda: (frame := wire.recv(64))[28:32] == own == frame[38:42])


def test_info_reads_in_the_modules_own_words(module, cloud):
    config = [floating(5), floating(6, 2)]
    module("floating_ip", config=config)
    found = module("floating_ip_info")["floating_ips"]
    assert [entry["complete"] for entry in found] == [True, True]
    told = ("owner", "complete", "prefix_length")
    again = [{key: value for key, value in entry.items() if key not in told} for entry in found]
    assert not module("floating_ip", purge=True, config=again)["changed"]
    run("ip", "-n", FIP, "route", "delete", "203.0.113.105")
    damaged = [entry for entry in module("floating_ip_info")["floating_ips"] if not entry["complete"]]
    assert [entry["floating_ip_address"] for entry in damaged] == ["203.0.113.105"]
    assert damaged[0]["distributed"]["fip_device"] is None


def test_bad_input_names_the_item(module):
    with pytest.raises(ModuleFailed) as failed:
        module("floating_ip", packed=pack([
            floating(5), floating(6, distributed={"fip_namespace": FIP, "gateway": "fg-1", "rule_priority": 100}),
            floating(7, distributed=[]),
            floating(8, distributed=floating(5)["distributed"]), floating(5, 2, floating_ip_address="203.0.113.105"),
        ]))
    assert failed.value.result["problems"] == [
        "config[1].distributed.gateway: unknown key, known are fip_namespace, fip_device, gateway_device, "
        "router_address, rule_priority",
        "config[1].distributed.fip_device: is required",
        "config[1].distributed.gateway_device: is required",
        "config[1].distributed.router_address: is required",
        "config[1].distributed.rule_priority: 100: must be a number from 32768 to 72767",
        "config[2].distributed: []: must be a dictionary",
        "config[3].distributed.rule_priority: 40005: config[0] has it too",
        "config[4].distributed.fip_namespace: 'fip-1': config[0] has it too",
    ]


def test_hundreds_in_one_call(module, cloud):
    def nth(number):
        host = f"{number // 250}.{number % 250 + 1}"
        item = floating(5, floating_ip_address=f"198.18.{host}", fixed_ip_address=f"10.9.{host}")
        return {**item, "distributed": {**item["distributed"], "rule_priority": 32768 + number}}

    config = pack([nth(number) for number in range(500)])
    assert len(module("floating_ip", packed=config)["changes"]) == 500
    again = module("floating_ip", packed=config, purge=True)
    assert not again["changed"]
