# SPDX-License-Identifier: GPL-3.0-or-later
"""The rtnetlink codec against iproute2: what one writes, both must read alike, and the other way round."""

from __future__ import annotations

import errno
import ipaddress
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import namespace
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink import (
    address,
    bridge,
    inet,
    link,
    neighbour,
    route,
    rule,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.rtnetlink.wire import KernelRefused, Netlink

from .conftest import run

NS = "codec"
EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module", autouse=True)
def devices():
    """Two veths, up, with addresses that lead to 10.0.0.0/8 and 2001:db8::/32; {name: index}."""
    namespace.create(NS, "test")
    for name in ("v0", "v1"):
        run("ip", "-n", NS, "link", "add", name, "type", "veth", "peer", "name", f"{name}p")
        for end in (name, f"{name}p"):
            run("ip", "-n", NS, "link", "set", end, "up")
    # The address of the connected network, for gateways; nodad, as a tentative one is no source yet.
    run("ip", "-n", NS, "addr", "add", "10.255.255.254/8", "dev", "v0")
    run("ip", "-n", NS, "addr", "add", "11.255.255.254/8", "dev", "v1")
    run("ip", "-n", NS, "addr", "add", "2001:db8::ffff/32", "dev", "v0", "nodad")
    run("ip", "-n", NS, "addr", "add", "2001:db9::ffff/32", "dev", "v1", "nodad")
    yield {name: found["index"] for name, found in kernel(link.dump).items()}
    namespace.delete(NS)


def kernel(function, *args):
    """function(netlink, *args) inside the namespace."""

    def call():
        with Netlink() as netlink:
            return function(netlink, *args)

    return namespace.inside(NS, call)


def write(*requests):
    kernel(lambda netlink: netlink.write(requests))


def oracle(*argv):
    """What ip -json says, without the empty objects that it puts for what it does not show."""
    return [found for found in json.loads(run("ip", "-n", NS, "-json", "-details", *argv) or "[]") if found]


# None of these is an address that the fixture has put on a device.
v4 = st.integers(1, 2**24 - 999).map(lambda n: str(ipaddress.IPv4Address((10 << 24) + n)))
v6 = st.integers(0x10000, 2**64 - 1).map(lambda n: str(ipaddress.IPv6Address((0x20010DB8 << 96) + n)))
macs = st.binary(min_size=5, max_size=5).map(lambda b: "02:" + b.hex(":"))
tables = st.one_of(st.just(254), st.integers(1, 252), st.integers(256, 2**32 - 1))


def prefixes(addresses, low):
    return st.tuples(addresses, st.integers(low, 128)).map(
        lambda pair: f"{pair[0]}/{min(pair[1], 32 if '.' in pair[0] else 128)}"
    )


def network(prefix):
    return str(ipaddress.ip_network(prefix, strict=False))


@EXAMPLES
@given(v4, v6, st.integers(0, 128))
def test_prefix_arithmetic_is_that_of_ipaddress(four, six, length):
    for text, bits in ((four, min(length, 32)), (six, length)):
        data = inet.pack(text)[1]
        wanted = ipaddress.ip_network(f"{text}/{bits}", strict=False)
        assert inet.unpack(inet.network(data, bits)) == str(wanted.network_address)
        assert inet.unpack(data) == text
    assert inet.unpack(inet.broadcast(inet.pack(four)[1], min(length, 32))) == str(
        ipaddress.ip_network(f"{four}/{min(length, 32)}", strict=False).broadcast_address
    )


@pytest.mark.parametrize("wrong", ["", "10.0.0", "10.0.0.256", "10.0.0.1/24/1", "10.0.0.1/33", "::/129", "::1/-1", "a"])
def test_what_is_no_prefix_is_refused(wrong):
    with pytest.raises(ValueError):
        inet.pack_prefix(wrong)


def test_links_are_read_as_iproute2_reads_them():
    ours = kernel(link.dump)
    theirs = {found["ifname"]: found for found in oracle("link")}
    assert set(ours) == set(theirs)
    for name, found in ours.items():
        assert (found["index"], found["mtu"]) == (theirs[name]["ifindex"], theirs[name]["mtu"])
        assert found["mac_address"] == theirs[name]["address"]
        assert found["alias"] == theirs[name].get("ifalias", "")
        assert found["kind"] == theirs[name].get("linkinfo", {}).get("info_kind", "")
        assert found["up"] == ("UP" in theirs[name]["flags"])
        assert found["promisc"] == ("PROMISC" in theirs[name]["flags"])
        assert found["carrier"] == ("LOWER_UP" in theirs[name]["flags"])


def test_a_veth_is_made_into_another_namespace_by_one_message_and_deleted_by_one():
    descriptor = namespace.descriptor_of(NS)
    try:
        with Netlink() as netlink:
            netlink.write([link.create_veth("qr-test", descriptor, "tap-test", 1400, "fa:16:3e:00:00:01")])
            outside = link.dump(netlink)["tap-test"]
            within, own_number = kernel(lambda inner: (link.dump(inner)["qr-test"], _nsid_of_process(inner)))
            assert (within["mac_address"], within["mtu"], outside["mtu"]) == ("fa:16:3e:00:00:01", 1400, 1400)
            assert (within["link"], within["link_nsid"]) == (outside["index"], own_number)
            netlink.write([link.change("tap-test", up=True, mtu=1300, alias="text"), link.delete("no-such-link")])
            changed = link.dump(netlink)["tap-test"]
            assert (changed["up"], changed["mtu"], changed["alias"]) == (True, 1300, "text")
            netlink.write([link.delete("tap-test")])
    finally:
        os.close(descriptor)
    assert "qr-test" not in kernel(link.dump)


SETTINGS = {"stp_state": 0, "forward_delay": 0, "ageing_time": 0, "mcast_snooping": 0}


def test_a_bridge_gets_settings_and_ports_and_is_read_as_iproute2_reads_it():
    write(bridge.create("qbr-test"))
    try:
        write(*bridge.configure("qbr-test", {"stp_state": 1, "forward_delay": 700}))
        assert bridge_settings() == {**bridge_settings_of_iproute2(), "stp_state": 1, "forward_delay": 700}
        write(*bridge.configure("qbr-test", SETTINGS))
        assert bridge_settings() == bridge_settings_of_iproute2() == SETTINGS
        index = kernel(link.dump)["qbr-test"]["index"]
        write(link.change("v1p", master=index, promisc=True))
        found = kernel(link.dump)["v1p"]
        assert (found["master"], found["promisc"]) == (index, True)
        write(link.change("v1p", master=0, promisc=False))
        found = kernel(link.dump)["v1p"]
        assert (found["master"], found["promisc"], found["up"]) == (None, False, True)
    finally:
        write(*link.delete_all(["qbr-test", "no-such-link"]))
    assert "qbr-test" not in kernel(link.dump)
    write(*link.delete_all(["qbr-test"]))


def bridge_settings():
    return bridge.settings(kernel(link.dump)["qbr-test"])


def bridge_settings_of_iproute2():
    (found,) = [found for found in oracle("link") if found["ifname"] == "qbr-test"]
    return {key: found["linkinfo"]["info_data"][key] for key in SETTINGS}


def _nsid_of_process(netlink):
    descriptor = namespace.descriptor_of(None)
    try:
        return link.nsid(netlink, descriptor)
    finally:
        os.close(descriptor)


@EXAMPLES
@given(st.lists(st.one_of(prefixes(v4, 9), prefixes(v6, 33)), unique_by=lambda p: p.partition("/")[0], max_size=20))
def test_addresses(devices, wanted):
    index = devices["v1"]
    before = kernel(address.dump)

    def broadcast(prefix):
        return str(ipaddress.ip_interface(prefix).network.broadcast_address) if ":" not in prefix else None

    write(*[address.create(index, prefix, broadcast(prefix)) for prefix in wanted])
    ours = [(a["address"], a["broadcast"]) for a in kernel(address.dump) if a["index"] == index]
    theirs = [
        (f"{a['local']}/{a['prefixlen']}", a.get("broadcast"))
        for found in oracle("addr", "show", "dev", "v1") for a in found["addr_info"]
    ]  # fmt: skip
    assert sorted(ours, key=str) == sorted(theirs, key=str)
    assert {(prefix, broadcast(prefix)) for prefix in wanted} <= set(ours)
    # The last first: deleting the first of a subnet would take the others along.
    write(*[address.delete(index, prefix) for prefix in [*reversed(wanted), "192.0.2.1/32"]])
    assert [a["address"] for a in kernel(address.dump)] == [a["address"] for a in before]


@st.composite
def routes(draw):
    six = draw(st.booleans())
    addresses = v6 if six else v4
    other = {"v0": ("10.", "2001:db8:"), "v1": ("11.", "2001:db9:")}

    def hop(device):
        gateway = draw(addresses).replace(other["v0"][six], other[device][six], 1)
        return {"gateway": gateway, "device": device, "onlink": draw(st.booleans()), "weight": 1}

    if draw(st.booleans()):
        hops = [{**hop(device), "weight": draw(st.integers(1, 100))} for device in ("v0", "v1")]
    else:
        hops = [hop("v1")]
        if draw(st.booleans()):
            hops[0].update(gateway=None, onlink=False)
    far = draw(st.integers(1, 2**16 - 1))
    destination = f"2001:dba:{far:x}::/48" if six else f"{20 + far % 50}.{far % 256}.0.0/{draw(st.integers(16, 32))}"
    scope = route.LINK if not six and hops[0]["gateway"] is None else route.GLOBAL
    return {
        "family": "ipv6" if six else "ipv4",
        "destination": draw(st.sampled_from([destination, "::/0" if six else "0.0.0.0/0"])),
        "table": draw(tables),
        "protocol": route.STATIC,
        "scope": scope,
        "type": route.UNICAST,
        "metric": draw(st.integers(1, 2**32 - 1)) if six else draw(st.integers(0, 2**32 - 1)),
        "source": draw(st.sampled_from([None, "2001:db9::ffff" if six else "11.255.255.254"])),
        "nexthops": hops,
    }


def static_routes(devices):
    names = {index: name for name, index in devices.items()}
    found = kernel(route.dump, (route.KERNEL, route.RA))
    return [{**r, "nexthops": [{**hop, "device": names[hop["device"]]} for hop in r["nexthops"]]} for r in found]


def with_indexes(wanted, devices):
    return {**wanted, "nexthops": [{**hop, "device": devices[hop["device"]]} for hop in wanted["nexthops"]]}


def routes_of_iproute2(family):
    found = oracle(f"-{family}", "route", "show", "table", "all", "proto", "static")
    return [
        {
            "destination": {"default": "0.0.0.0/0" if family == 4 else "::/0"}.get(
                r["dst"], r["dst"] if "/" in r["dst"] else f"{r['dst']}/{32 if family == 4 else 128}"
            ),
            "table": int({"main": 254}.get(r.get("table", "main"), r.get("table"))),
            "metric": r.get("metric", 0),
            "source": r.get("prefsrc"),
            "nexthops": [
                (h.get("gateway"), h["dev"], "onlink" in h["flags"], h.get("weight", 1))
                for h in r.get("nexthops", [r])
            ],
        }
        for r in found
    ]


@EXAMPLES
@given(st.lists(routes(), max_size=12, unique_by=lambda r: (r["family"], r["table"], r["destination"], r["metric"])),
       st.data())  # fmt: skip
def test_routes(devices, wanted, data):
    def key(found):
        return found["table"], found["destination"], found["metric"]

    def hops(found):
        return [(hop["gateway"], hop["device"], hop["onlink"], hop["weight"]) for hop in found["nexthops"]]

    def agreed(expected):
        ours = static_routes(devices)
        assert sorted(ours, key=key) == sorted(expected, key=key)
        theirs = routes_of_iproute2(4) + routes_of_iproute2(6)
        shown = [{"nexthops": hops(r), **{k: r[k] for k in ("destination", "table", "metric", "source")}} for r in ours]
        assert sorted(shown, key=key) == sorted(theirs, key=key)

    for family in ("-4", "-6"):  # what a failed example left
        run("ip", "-n", NS, family, "route", "flush", "table", "all", "proto", "static")
    write(*[route.create(with_indexes(r, devices)) for r in wanted])
    agreed(wanted)
    if wanted:
        changed = data.draw(st.integers(0, len(wanted) - 1))
        fresh = data.draw(routes().filter(lambda r: r["family"] == wanted[changed]["family"]))
        wanted[changed] = {**fresh, **{k: wanted[changed][k] for k in ("destination", "table", "metric")}}
        write(route.replace(with_indexes(wanted[changed], devices)))
        agreed(wanted)
    write(*[route.delete(with_indexes(r, devices)) for r in wanted])
    agreed([])
    write(*[route.delete(with_indexes(r, devices)) for r in wanted[:1]])  # gone already: fine


@st.composite
def rules(draw):
    family = draw(st.sampled_from(["ipv4", "ipv6"]))
    selector = st.one_of(st.none(), prefixes(v4 if family == "ipv4" else v6, 1))
    name = st.one_of(st.none(), st.sampled_from(["v0", "v1", "not-there"]))
    mark = draw(st.one_of(st.none(), st.integers(1, 2**32 - 1)))
    return {
        "family": family,
        "priority": draw(st.integers(1, 2**32 - 1).filter(lambda n: n not in (32766, 32767))),
        "from": draw(selector),
        "to": draw(selector),
        "iif": draw(name),
        "oif": draw(name),
        "fwmark": mark,
        "fwmask": mark and draw(st.sampled_from([0xFFFFFFFF, 0xFFFF0000, 1])),
        "table": draw(tables),
        "protocol": rule.STATIC,
        "plain": True,
    }


@EXAMPLES
@given(st.lists(rules(), max_size=12, unique_by=lambda r: (r["family"], r["priority"])))
def test_rules(wanted):
    def key(found):
        return found["family"], found["priority"]

    def shown(found):
        length = 32 if found["family"] == "ipv4" else 128
        return (
            found["priority"], found["from"], found["to"], found["iif"], found["oif"],
            found["fwmark"], found["fwmask"] if length and found["fwmark"] else None, found["table"],
        )  # fmt: skip

    def of_iproute2(family):
        def prefix(found, name):
            if found.get(name, "all") == "all":
                return None
            return f"{found[name]}/{found.get(name + 'len', 32 if family == 4 else 128)}"

        def number(text):
            return None if text is None else int(text, 0)

        return [
            (
                r["priority"], prefix(r, "src"), prefix(r, "dst"), r.get("iif"), r.get("oif"), number(r.get("fwmark")),
                number(r.get("fwmask", "0xffffffff")) if "fwmark" in r else None,
                int({"main": 254}.get(r["table"], r["table"])),
            )
            for r in oracle(f"-{family}", "rule") if r.get("protocol") == "static"
        ]  # fmt: skip

    write(*[rule.create(r) for r in wanted])
    ours = [r for r in kernel(rule.dump) if r["protocol"] == rule.STATIC]
    assert sorted(ours, key=key) == sorted(wanted, key=key)
    theirs = of_iproute2(4) + of_iproute2(6)
    assert sorted(map(shown, ours), key=str) == sorted(theirs, key=str)
    write(*[rule.delete(r) for r in wanted + wanted[:1]])
    assert [r for r in kernel(rule.dump) if r["protocol"] == rule.STATIC] == []


def test_a_rule_that_has_more_to_it_than_we_know_is_not_plain():
    more = ("not from 10.0.0.1 lookup 7", "tos 0x10 lookup 7", "ipproto tcp lookup 7")
    for words in (*more, "lookup 7 suppress_prefixlength 0", "from 10.0.0.1 blackhole"):
        run("ip", "-n", NS, "rule", "add", "priority", "99", *words.split())
        assert [found["plain"] for found in kernel(rule.dump) if found["priority"] == 99] == [False]
        run("ip", "-n", NS, "rule", "delete", "priority", "99")


@EXAMPLES
@given(st.dictionaries(st.one_of(v4, v6), macs, max_size=20))
def test_neighbours(devices, wanted):
    index = devices["v1"]
    write(*[neighbour.replace(index, ip, mac) for ip, mac in wanted.items()])
    ours = {n["address"]: n["mac_address"] for n in kernel(neighbour.dump) if n["index"] == index}
    theirs = {n["dst"]: n["lladdr"] for n in oracle("neigh", "show", "dev", "v1") if "PERMANENT" in n["state"]}
    assert ours == theirs == wanted
    write(*[neighbour.delete(index, ip) for ip in [*wanted, "10.1.2.3"]])
    assert kernel(neighbour.dump) == []


def test_every_refusal_names_its_request_and_the_kernels_reason(devices):
    good = address.create(devices["v1"], "10.9.9.9/32")
    bad = route.create({
        "family": "ipv4", "destination": "8.8.8.0/24", "table": 254, "protocol": 4, "scope": 0, "type": 1,
        "metric": 0, "source": None,
        "nexthops": [{"gateway": "192.0.2.1", "device": None, "onlink": False, "weight": 1}],
    })  # fmt: skip
    with pytest.raises(KernelRefused) as refused:
        write(good, good, bad)
    (what, code, _text), (other, _code, reason) = refused.value.failures
    assert (what, code) == ("create address 10.9.9.9/32", errno.EEXIST)
    assert other == "create route 8.8.8.0/24 via 192.0.2.1"
    assert reason == "Nexthop has invalid gateway"  # the kernel's own words, not only "Network is unreachable"
    write(address.delete(devices["v1"], "10.9.9.9/32"))


def test_thousands_are_written_and_read_whole(devices):
    wanted = [f"10.7.{n // 250}.{n % 250 + 1}/32" for n in range(5000)]
    write(*[address.create(devices["v1"], prefix) for prefix in wanted])
    assert set(wanted) <= {found["address"] for found in kernel(address.dump)}
    write(*[address.delete(devices["v1"], prefix) for prefix in wanted])
    assert not set(wanted) & {found["address"] for found in kernel(address.dump)}


def test_after_a_system_call_full_of_refusals_no_more_is_sent(devices):
    request, never = address.create(devices["v1"], "10.7.7.7/32"), address.create(devices["v1"], "10.7.7.8/32")
    with pytest.raises(KernelRefused, match="and 489 more") as refused:
        write(*[request] * 4001, never)
    assert len(refused.value.failures) == 499  # the first of the 500 succeeded
    assert "10.7.7.8/32" not in {found["address"] for found in kernel(address.dump)}
    write(address.delete(devices["v1"], "10.7.7.7/32"))


def test_an_interrupted_dump_is_repeated():
    class Interrupted(Netlink):
        dumps = 0

        def _dump(self, kind, payload):
            self.dumps += 1
            return None if self.dumps < 3 else super()._dump(kind, payload)

    def read():
        with Interrupted() as netlink:
            return link.dump(netlink), netlink.dumps

    found, dumps = namespace.inside(NS, read)
    assert "v0" in found
    assert dumps == 3
