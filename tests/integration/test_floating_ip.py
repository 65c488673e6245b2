# SPDX-License-Identifier: GPL-3.0-or-later
"""floating_ip against the real kernel and iptables."""

from __future__ import annotations

import re
import socket
import time

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._packed import pack

from .conftest import ModuleFailed, eventually, run

ROUTER, QG = "qrouter-1", "qg-1"
L3 = "neutron-l3-agent"
NAT = {"nat": {
    "PREROUTING": [f"-j {L3}-PREROUTING"],
    "OUTPUT": [f"-j {L3}-OUTPUT"],
    "POSTROUTING": [f"-j {L3}-snat"],
    f"{L3}-PREROUTING": ["-d 169.254.169.254/32 -i qr-+ -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 9697"],
    f"{L3}-OUTPUT": [],
    f"{L3}-float-snat": [],
    f"{L3}-snat": [f"-j {L3}-float-snat", "-o qg-1 -j SNAT --to-source 203.0.113.10"],
}}
CHAINS = [{"namespace": ROUTER, "tables": NAT, "keep_floating_ips": True}]


def floating(number, **more):
    return {
        "namespace": ROUTER, "floating_ip_address": f"203.0.113.{100 + number}",
        "fixed_ip_address": f"10.0.0.{number}", "device": QG, **more,
    }


def many(count):
    return [
        {"namespace": ROUTER, "floating_ip_address": f"198.18.{n // 250}.{n % 250 + 1}",
         "fixed_ip_address": f"10.0.{n // 250}.{n % 250 + 1}", "device": QG}
        for n in range(count)
    ]


def inside(*argv, **kwargs):
    return run("ip", "netns", "exec", ROUTER, *argv, **kwargs)


def rules(chain):
    lines = inside("iptables", "-t", "nat", "-S", f"{L3}-{chain}").splitlines()
    return [line.split(" ", 2)[2] for line in lines if line.startswith("-A")]


def addresses(device=QG):
    return re.findall(r"inet (\S+(?: brd \S+)?) scope", run("ip", "-n", ROUTER, "-4", "address", "show", "dev", device))


def namespace_with_wires(name, owner="default"):
    """A namespace with qg-1 to the outside and qr-1 to an instance; their far ends are namespaces too."""
    namespace.create(name, owner)
    for device, far, address in ((QG, "outside", "203.0.113.10/24"), ("qr-1", "vm", "10.0.0.1/24")):
        run("ip", "netns", "add", f"{far}-{name}")
        peer = ("type", "veth", "peer", "name", "eth0", "netns", f"{far}-{name}")
        run("ip", "link", "add", device, "netns", name, *peer)
        run("ip", "-n", name, "address", "add", address, "brd", "+", "dev", device)
        run("ip", "-n", name, "link", "set", device, "up")
        run("ip", "-n", f"{far}-{name}", "link", "set", "eth0", "up")


@pytest.fixture
def router(clean_host, module):
    namespace_with_wires(ROUTER)
    run("ip", "netns", "exec", ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    module("nat_rules", config=CHAINS)
    return ROUTER


def test_a_floating_ip_is_an_address_and_three_rules(module, router):
    config = [floating(5), floating(6)]
    predicted = module("floating_ip", check=True, config=config)
    assert addresses() == ["203.0.113.10/24 brd 203.0.113.255"]
    made = module("floating_ip", config=config)
    assert made["changes"] == predicted["changes"]
    assert made["diff"] == predicted["diff"]
    assert made["disruption"] == "none"
    assert addresses()[1:] == ["203.0.113.105/32 brd 203.0.113.105", "203.0.113.106/32 brd 203.0.113.106"]
    assert rules("OUTPUT") == [
        "-d 203.0.113.105/32 -j DNAT --to-destination 10.0.0.5",
        "-d 203.0.113.106/32 -j DNAT --to-destination 10.0.0.6",
    ]
    assert rules("PREROUTING") == [*NAT["nat"][f"{L3}-PREROUTING"], *rules("OUTPUT")]
    assert rules("float-snat") == [
        "-s 10.0.0.5/32 -j SNAT --to-source 203.0.113.105 --random-fully",
        "-s 10.0.0.6/32 -j SNAT --to-source 203.0.113.106 --random-fully",
    ]
    again = module("floating_ip", config=config)
    assert not again["changed"]
    assert not module("nat_rules", purge=True, config=CHAINS)["changed"]


def test_a_thousand_in_one_call(module, router):
    config = pack(many(1000))
    made = module("floating_ip", packed=config)
    assert len(made["changes"]) == 1000
    again = module("floating_ip", packed=config, purge=True)
    assert not again["changed"]
    assert len(module("floating_ip", purge=True, config=[])["changes"]) == 1000
    assert addresses() == ["203.0.113.10/24 brd 203.0.113.255"]
    assert rules("OUTPUT") == []


def test_check_mode_on_a_host_with_nothing(module, clean_host):
    config = [floating(5), floating(6, prefix_length=24, random_fully=False)]
    predicted = module("floating_ip", check=True, purge=True, config=config)
    with pytest.raises(ModuleFailed, match="network namespace qrouter-1 does not exist: the module netns makes it"):
        module("floating_ip", config=config)
    namespace.create(ROUTER, "default")
    with pytest.raises(ModuleFailed) as failed:
        module("floating_ip", config=config)
    for sentence in (
        "chain neutron-l3-agent-float-snat of table nat does not exist in namespace qrouter-1: the module nat_rules",
        "device qg-1 does not exist in namespace qrouter-1: the module netns makes it",
    ):
        assert failed.value.result["msg"].count(sentence) == 1
    run("ip", "netns", "del", ROUTER)
    namespace_with_wires(ROUTER)
    module("nat_rules", config=CHAINS)
    assert module("floating_ip", purge=True, config=config)["changes"] == predicted["changes"]


def test_drift_is_healed_and_only_drift_is_reported(module, router):
    config = [floating(number) for number in range(2, 8)]
    module("floating_ip", config=config)
    inside("iptables", "-t", "nat", "-D", f"{L3}-OUTPUT", "2")
    inside("iptables", "-t", "nat", "-A", f"{L3}-float-snat", *rules("float-snat")[5].split())
    run("ip", "-n", ROUTER, "address", "del", "203.0.113.105/32", "dev", QG)
    run("ip", "-n", ROUTER, "address", "del", "203.0.113.106/32", "dev", QG)
    run("ip", "-n", ROUTER, "address", "add", "203.0.113.106/32", "brd", "203.0.113.106", "dev", "qr-1")
    predicted = module("floating_ip", check=True, config=config)
    healed = module("floating_ip", config=config)
    assert healed["changes"] == predicted["changes"]
    assert [change["object"].split()[2] for change in healed["changes"]] == [
        "203.0.113.103", "203.0.113.105", "203.0.113.106", "203.0.113.107"]
    assert {change["action"] for change in healed["changes"]} == {"update"}
    assert not module("floating_ip", config=config)["changed"]
    assert len(addresses("qr-1")) == 1


def test_a_flushed_nat_table_comes_back(module, router):
    module("floating_ip", config=[floating(5), floating(6)])
    inside("iptables", "-t", "nat", "-F")
    module("nat_rules", config=CHAINS)
    healed = module("floating_ip", config=[floating(5), floating(6)])
    assert len(healed["changes"]) == 2
    assert [line.split()[-1] for line in rules("OUTPUT")] == ["10.0.0.5", "10.0.0.6"]


def test_association_changes_are_exact(module, router):
    module("floating_ip", config=[floating(5), floating(6)])
    swapped = [floating(5, fixed_ip_address="10.0.0.6"), floating(6, fixed_ip_address="10.0.0.5", random_fully=False)]
    changed = module("floating_ip", config=swapped)
    assert changed["disruption"] == "conntrack"
    assert rules("float-snat") == [
        "-s 10.0.0.6/32 -j SNAT --to-source 203.0.113.105 --random-fully",
        "-s 10.0.0.5/32 -j SNAT --to-source 203.0.113.106",
    ]
    assert not module("floating_ip", config=swapped)["changed"]
    with pytest.raises(ModuleFailed, match="10.0.0.5 in namespace qrouter-1 has the floating IP 203.0.113.106"):
        module("floating_ip", config=[floating(9, fixed_ip_address="10.0.0.5")])
    module("floating_ip", purge=True, config=[floating(9, fixed_ip_address="10.0.0.5")])
    assert addresses()[1:] == ["203.0.113.109/32 brd 203.0.113.109"]


def test_absent_and_purge_remove_floating_ips_and_nothing_else(module, router):
    other = "qrouter-2"
    namespace_with_wires(other, owner="somebody")
    theirs = {"namespace": other, "owner": "somebody"}
    module("nat_rules", owner="somebody", config=[{**CHAINS[0], "namespace": other}])
    module("floating_ip", owner="somebody", config=[{**floating(7), "namespace": other}])
    module("floating_ip", config=[floating(5), floating(6)])
    run("ip", "-n", ROUTER, "address", "add", "169.254.169.254/32", "brd", "169.254.169.254", "dev", "qr-1")
    forwarding = "-d 203.0.113.110/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.5:8080"
    inside("iptables", "-t", "nat", "-A", f"{L3}-PREROUTING", *forwarding.split())
    gone = module("floating_ip", state="absent", config=[
        {"namespace": ROUTER, "floating_ip_address": "203.0.113.105"},
        {"namespace": "nowhere", "floating_ip_address": "203.0.113.105"},
        {"namespace": ROUTER, "floating_ip_address": "203.0.113.10"},  # the router's own address
    ])
    assert [change["action"] for change in gone["changes"]] == ["delete"]
    predicted = module("floating_ip", purge=True, check=True, config=[])
    purged = module("floating_ip", purge=True, config=[])
    assert purged["changes"] == predicted["changes"]
    assert [change["object"] for change in purged["changes"]] == ["floating IP 203.0.113.106 in namespace qrouter-1"]
    assert addresses() == ["203.0.113.10/24 brd 203.0.113.255"]
    assert addresses("qr-1")[1:] == ["169.254.169.254/32 brd 169.254.169.254"]
    assert rules("PREROUTING")[1:] == [forwarding]
    assert module("floating_ip_info", namespace=[theirs["namespace"]])["floating_ips"][0]["complete"]
    assert not module("floating_ip", purge=True, config=[])["changed"]


def test_the_form_of_seed_004(module, router):
    config = [floating(4, prefix_length=24, random_fully=False)]
    module("floating_ip", config=config)
    assert "inet 203.0.113.104/24 brd 203.0.113.255 scope global secondary qg-1" in run("ip", "-n", ROUTER, "addr")
    assert rules("float-snat") == ["-s 10.0.0.4/32 -j SNAT --to-source 203.0.113.104"]
    assert not module("floating_ip", config=config)["changed"]
    module("floating_ip", config=[floating(4)])
    assert addresses()[1:] == ["203.0.113.104/32 brd 203.0.113.104"]
    module("floating_ip", state="absent", config=config)
    assert addresses() == ["203.0.113.10/24 brd 203.0.113.255"]


def test_foreign_objects_are_refused_and_adopted(module, router):
    with pytest.raises(ModuleFailed, match=r"Address 203.0.113.10/24 .* dev qg-1 in namespace qrouter-1 exists"):
        module("floating_ip", config=[floating(1, floating_ip_address="203.0.113.10")])
    with pytest.raises(ModuleFailed, match="Floating IP 203.0.113.105 in namespace qrouter-1 exists .* adopt"):
        module("floating_ip", config=[floating(5)])
        module("floating_ip", owner="somebody", config=[floating(5, fixed_ip_address="10.0.0.9")])
    assert not module("floating_ip", owner="somebody", config=[floating(5)])["changed"]
    assert not module("floating_ip", owner="somebody", purge=True, config=[])["changed"]
    module("floating_ip", owner="somebody", adopt=True, config=[floating(5, fixed_ip_address="10.0.0.9")])
    assert rules("float-snat") == ["-s 10.0.0.9/32 -j SNAT --to-source 203.0.113.105 --random-fully"]


def test_what_fails_midway_is_undone(module, router):
    module("floating_ip", config=[floating(5), floating(6), floating(7)])
    before = (inside("iptables-save", "-t", "nat").splitlines()[2:-1], addresses())
    run("ip", "-n", ROUTER, "link", "add", "name", "tiny", "type", "ifb")
    run("ip", "-n", ROUTER, "link", "set", "tiny", "mtu", "60")  # below 68 the kernel takes no IPv4 address
    config = [floating(8), floating(6, fixed_ip_address="10.0.0.66"), floating(9, device="tiny")]
    with pytest.raises(ModuleFailed, match="In namespace qrouter-1, the kernel refused to create address") as failed:
        module("floating_ip", purge=True, config=config)
    assert failed.value.result["rolled_back"]
    after = (inside("iptables-save", "-t", "nat").splitlines()[2:-1], addresses())
    assert [line for line in after[0] if line[0] == "-"] == [line for line in before[0] if line[0] == "-"]
    assert sorted(after[1]) == sorted(before[1])
    assert not module("floating_ip", purge=True, config=[floating(5), floating(6), floating(7)])["changed"]


def test_bad_input_names_the_item(module, clean_host):
    bad = [
        floating(5, floating_ip_address="203.0.113.300"), floating(6), floating(6, prefix_length=0),
        {"namespace": ROUTER, "adress": "x"}, 7,
    ]
    with pytest.raises(ModuleFailed) as failed:
        module("floating_ip", packed=pack(bad))
    assert failed.value.result["problems"] == [
        "config[0].floating_ip_address: '203.0.113.300': must be an IPv4 address",
        "config[2].prefix_length: 0: must be a number from 1 to 32",
        "config[2].floating_ip_address: '203.0.113.106': config[1] has it too, in the same namespace",
        "config[2].fixed_ip_address: '10.0.0.6': config[1] has it too, in the same namespace",
        "config[3].adress: unknown key, known are namespace, floating_ip_address, fixed_ip_address, device, "
        "prefix_length, random_fully, chain_prefix, distributed",
        "config[3].floating_ip_address: is required",
        "config[3].fixed_ip_address: is required",
        "config[3].device: is required",
        "config[4]: 7: must be a dictionary",
    ]


@pytest.fixture
def wired(router):
    """The instance is 10.0.0.5 and 10.0.0.6, the outside 203.0.113.1; UDP passes between them."""
    for number in (5, 6):
        run("ip", "-n", f"vm-{ROUTER}", "address", "add", f"10.0.0.{number}/24", "dev", "eth0")
    run("ip", "-n", f"vm-{ROUTER}", "route", "add", "default", "via", "10.0.0.1")
    run("ip", "-n", f"outside-{ROUTER}", "address", "add", "203.0.113.1/24", "dev", "eth0")
    for each in (f"vm-{ROUTER}", f"outside-{ROUTER}"):  # an IP stack behind a veth computes its own checksums
        run("ip", "netns", "exec", each, "ethtool", "-K", "eth0", "tx", "off")
    return router


def flow(number):
    """A flow from the outside through a floating IP, alive in both directions. Sockets: (client, server)."""
    def listen():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((f"10.0.0.{number}", 5000))
        server.settimeout(3)
        return server

    server = namespace.inside(f"vm-{ROUTER}", listen)
    client = namespace.inside(f"outside-{ROUTER}", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client.settimeout(3)
    client.connect((f"203.0.113.{100 + number}", 5000))
    assert echo(client, server)
    return client, server


def echo(client, server):
    client.send(b"ping")
    message, source = server.recvfrom(10)
    server.sendto(message, source)
    return client.recv(10) == b"ping"


def entries(address):
    return [line for line in inside("conntrack", "-L", "-f", "ipv4").splitlines() if f"dst={address} " in line]


def test_connections_end_with_their_floating_ip_and_only_those(module, wired):
    module("floating_ip", config=[floating(5), floating(6)])
    run("ip", "netns", "exec", f"vm-{ROUTER}", "ip", "neigh", "flush", "all")
    stays, goes = flow(5), flow(6)
    assert entries("203.0.113.105") and entries("203.0.113.106")
    module("floating_ip", config=[floating(5), floating(6), floating(7)])
    assert echo(*stays) and echo(*goes)
    kept = len(entries("203.0.113.105"))
    for end in goes:
        end.close()
    removed = module("floating_ip", purge=True, config=[floating(5), floating(7)])
    assert removed["disruption"] == "conntrack"
    assert entries("203.0.113.106") == []
    assert len(entries("203.0.113.105")) == kept
    assert echo(*stays)
    module("floating_ip", config=[floating(5, fixed_ip_address="10.0.0.6"), floating(7)])
    assert entries("203.0.113.105") == []
    for end in stays:
        end.close()


def test_many_removed_at_once_forget_only_their_connections(module, wired):
    module("floating_ip", config=[floating(5), floating(6), *(floating(number) for number in range(20, 60))])
    stays, goes = flow(5), flow(6)
    module("floating_ip", purge=True, config=[floating(5)])
    assert entries("203.0.113.106") == []
    assert echo(*stays)
    for end in (*stays, *goes):
        end.close()


def test_new_addresses_are_announced_and_once_more_when_somebody_asks(module, wired):
    def listen():
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        wire.bind(("eth0", 0x0806))
        wire.setblocking(False)
        return wire

    wire = namespace.inside(f"outside-{ROUTER}", listen)
    time.sleep(0.1)
    made = module("floating_ip", config=[floating(5)])
    heard = []

    def announced(times):
        try:
            while True:
                heard.append(wire.recv(64))
        except BlockingIOError:
            pass
        own = socket.inet_aton("203.0.113.105")
        return sum(frame[28:32] == own == frame[38:42] for frame in heard) >= 2 * times

    eventually(lambda: announced(times=1))
    assert not module("announce", addresses=made["announced"], check=True)["changed"]
    assert not announced(times=2)
    gone = [{**each, key: "nowhere"} for each in made["announced"] for key in ("namespace", "device")]
    assert not module("announce", addresses=[*gone, *made["announced"]])["changed"]
    eventually(lambda: announced(times=2))
    wire.close()


def test_info_reads_in_the_modules_own_words(module, router):
    config = [floating(5), floating(6, prefix_length=24, random_fully=False)]
    module("floating_ip", config=config)
    found = module("floating_ip_info")["floating_ips"]
    assert [entry["complete"] for entry in found] == [True, True]
    assert not module("floating_ip", purge=True, config=[
        {key: value for key, value in entry.items() if key not in ("owner", "complete")} for entry in found
    ])["changed"]
    inside("iptables", "-t", "nat", "-D", f"{L3}-OUTPUT", "1")
    found = module("floating_ip_info", namespace=[ROUTER])["floating_ips"]
    damaged = [entry for entry in found if not entry["complete"]]
    assert [entry["floating_ip_address"] for entry in damaged] == ["203.0.113.105"]
