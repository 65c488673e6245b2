# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator leaves open is chosen once, and kept."""

from __future__ import annotations

import copy
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations import lockfile
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.ids import derived_mac
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

from .cloud import HOSTS, REMOVE, SITE, changed

PORT = {"network": "blue", "binding_host_id": "compute1"}


def allocations(*changes, lock=None, hosts=None):
    return allocate(load(changed(SITE, *changes), hosts or HOSTS), lock or empty())


def test_the_lowest_free_addresses_are_chosen():
    lock = allocations()
    # .1 is the gateway of blue; .101 the first of ext4's pool; web's floating IP is pinned
    assert lock["addresses"] == {"blue4": {"port web": "10.0.0.2"}, "ext4": {"router r1 gateway": "203.0.113.101"}}
    assert lock["local_vlans"] == {"network1": {"ext": 1, "blue": 2, "red": 3}, "compute1": {"blue": 1, "red": 2}}
    assert lock["router_hosts"] == {"r1": "network1"}


def test_a_new_object_gets_what_is_free_and_leaves_the_others_alone():
    before = allocations()
    after = allocations(("dataplane_ports", [{"name": "first", **PORT}, *SITE["dataplane_ports"]]), lock=before)
    assert after["addresses"]["blue4"] == {"port web": "10.0.0.2", "port first": "10.0.0.3"}
    assert {**after["mac_addresses"], **before["mac_addresses"]} == after["mac_addresses"]


def test_what_a_removed_object_had_is_free_again():
    two = allocations(("dataplane_ports[2]", {"name": "api", **PORT}))
    assert two["addresses"]["blue4"]["port api"] == "10.0.0.3"
    one = allocations(("dataplane_ports[2]", {"name": "new", **PORT}), lock=allocations(lock=two))
    assert one["addresses"]["blue4"] == {"port web": "10.0.0.2", "port new": "10.0.0.3"}


def test_a_pin_does_not_take_what_another_has():
    with pytest.raises(SiteError) as caught:
        allocations(
            ("dataplane_ports[2]", {"name": "api", **PORT}),
            ("dataplane_ports[2].fixed_ips", [{"subnet": "blue4", "ip_address": "10.0.0.2"}]),
            lock=allocations(),
        )
    assert caught.value.problems == [
        "dataplane_ports[2].fixed_ips[0].ip_address: 10.0.0.2: is allocated to port web in allocations.yml: "
        "choose another value, or pin one for port web"
    ]


def test_pinning_an_object_to_what_it_has_changes_nothing_but_the_lock():
    lock = allocations(
        ("dataplane_ports[0].fixed_ips", [{"subnet": "blue4", "ip_address": "10.0.0.2"}]), lock=allocations()
    )
    assert "blue4" not in lock["addresses"]


def test_an_exhausted_pool_is_said_to_be():
    with pytest.raises(SiteError) as caught:
        allocations(
            ("dataplane_networks[1].subnets[0].cidr", "10.0.0.0/30"),
            ("dataplane_ports[2]", {"name": "api", **PORT}),
        )
    assert caught.value.problems == [
        "dataplane_ports[2]: port api: cannot have an address: the pools of blue4 are exhausted"
    ]


def test_floating_ips_come_from_the_pool_around_pins():
    lock = allocations(
        ("dataplane_floating_ips[0].floating_ip_address", "203.0.113.102"),
        ("dataplane_floating_ips[1]", {"floating_network": "ext", "port": "db"}),
    )
    assert lock["addresses"]["ext4"] == {"router r1 gateway": "203.0.113.101", "floating_ip db": "203.0.113.103"}


def test_segments_come_from_the_range_of_the_physical_network():
    changes = [
        ("dataplane_vlan_ranges", {"vlan": [100, 102]}),
        ("dataplane_networks[1].segmentation_id", REMOVE),  # red has 101
    ]
    assert allocations(*changes)["segmentation_ids"] == {"blue": 100}
    with pytest.raises(SiteError, match="dataplane_vlan_ranges.vlan, 101 to 101, is exhausted"):
        allocations(("dataplane_vlan_ranges", {"vlan": [101, 101]}), changes[1])


def test_tunnel_ids_come_from_the_range_of_their_type():
    networks = [{"name": f"{kind}-{n}", "network_type": kind} for n in range(2) for kind in ("vxlan", "gre")]
    networks.append({"name": "pinned", "network_type": "vxlan", "segmentation_id": 50})
    changes = [("dataplane_networks", [*SITE["dataplane_networks"], *networks])]
    ranges = ("dataplane_tunnel_id_ranges", {"vxlan": [50, 51]})
    assert allocations(*changes)["segmentation_ids"] == {"vxlan-0": 1, "gre-0": 1, "vxlan-1": 2, "gre-1": 2}
    with pytest.raises(SiteError, match="dataplane_tunnel_id_ranges.vxlan, 50 to 51, is exhausted") as caught:
        allocations(*changes, ranges)
    assert len(caught.value.problems) == 1
    kept = allocations(*changes, ranges, lock=allocations(*changes))
    assert kept["segmentation_ids"] == allocations(*changes)["segmentation_ids"], "what is held stays"


def test_a_host_with_more_networks_than_vlans_is_refused():
    networks = [{"name": f"n{n}", "network_type": "vxlan"} for n in range(4095)]
    ports = [{"name": f"p{n}", "network": f"n{n}", "binding_host_id": "compute1"} for n in range(4095)]
    changes = [("dataplane_networks", networks), ("dataplane_routers", []), ("dataplane_floating_ips", [])]
    assert len(allocations(*changes, ("dataplane_ports", ports[:-1]))["local_vlans"]["compute1"]) == 4094
    with pytest.raises(SiteError) as caught:
        allocations(*changes, ("dataplane_ports", ports))
    assert caught.value.problems == [
        "hostvars.compute1: 4095 networks: has ports in more than 4094 networks, and there are no more local VLANs"
    ]
    spread = [{**port, "binding_host_id": ("compute1", "network1")[n % 2]} for n, port in enumerate(ports)]
    assert allocations(*changes, ("dataplane_ports", spread)), "a site may have more"


def test_filtered_ports_have_a_conntrack_zone_of_their_host():
    lock = allocations(("dataplane_ports[2]", {"name": "open", "port_security_enabled": False, **PORT}))
    assert lock["conntrack_zones"] == {"compute1": {"port web": 4097, "port db": 4098}}
    fewer = allocations(("dataplane_ports[0].port_security_enabled", False), lock=lock)
    assert fewer["conntrack_zones"] == {"compute1": {"port db": 4098}}
    assert not allocations(hosts=changed(HOSTS, ("compute1.dataplane_firewall_driver", "noop")))["conntrack_zones"]


def test_colliding_macs_are_told_apart():
    port_id = load(SITE, HOSTS).ports[0].id
    lock = allocations(("dataplane_ports[1].mac_address", derived_mac(port_id)))
    assert lock["mac_addresses"]["port web"] == derived_mac(port_id, 1)


def test_a_router_stays_on_its_host_when_hosts_come_and_leaves_when_it_goes():
    lock = allocations()
    more = {**HOSTS, **{f"network{n}": {**HOSTS["network1"], "dataplane_local_ip": f"10.0.1.{100 + n}"}
                        for n in range(2, 9)}}
    assert allocations(lock=lock, hosts=more)["router_hosts"] == {"r1": "network1"}
    others = {name: host for name, host in more.items() if name != "network1"}
    moved = allocations(lock=lock, hosts=others)["router_hosts"]["r1"]
    assert moved == allocations(hosts=others)["router_hosts"]["r1"] != "network1"


def test_an_address_outside_a_changed_subnet_is_chosen_anew():
    lock = allocations(("dataplane_networks[1].subnets[0].cidr", "10.7.0.0/24"), lock=allocations())
    assert lock["addresses"]["blue4"] == {"port web": "10.7.0.2"}


@pytest.mark.parametrize(("path", "value", "expected"), [
    ("version", 2, "must be allocations of version 1"),
    ("addresses.blue4", {"port web": "x"}, "dataplane_allocations.addresses.blue4.port web: x: must be a sound value"),
    ("addresses.blue4", {"port web": "10.0.0.2", "port b": "10.0.0.2"}, "is port web's, too: remove one line"),
    ("mac_addresses", [], "dataplane_allocations.mac_addresses: []: must be a mapping"),
    ("local_vlans.compute1.blue", "1", "local_vlans.compute1.blue: 1: must be a sound value"),
])
def test_a_lock_that_was_edited_badly_is_refused(path, value, expected):
    with pytest.raises(SiteError) as caught:
        allocations(lock=changed(allocations(), (path, value)))
    assert expected in str(caught.value)


def test_the_file_is_an_inventory_source_and_reads_back(tmp_path):
    path, lock = str(tmp_path / "allocations.yml"), allocations()
    assert lockfile.read(path) == empty()
    lockfile.write(path, lock)
    assert lockfile.read(path) == lock
    assert yaml.safe_load((tmp_path / "allocations.yml").read_text())["all"]["vars"]["dataplane_allocations"] == lock
    assert [entry.name for entry in tmp_path.iterdir()] == ["allocations.yml"]


# An object as hypothesis draws it: its name, and the last octet it is pinned to, if it is.
NAMES = st.sampled_from([f"p{n}" for n in range(12)])
PINS = st.one_of(st.none(), st.integers(min_value=150, max_value=161))
ONE_EACH = (lambda drawn: drawn[0], lambda drawn: drawn[1] or drawn[0])
CLOUDS = st.lists(st.tuples(NAMES, PINS), max_size=12, unique_by=ONE_EACH)


def _cloud(drawn):
    ports = []
    for name, pin in drawn:
        fixed = {"subnet": "blue4", **({"ip_address": f"10.0.0.{pin}"} if pin else {})}
        ports.append({"name": name, **PORT, "fixed_ips": [fixed]})
    floating = [{"floating_network": "ext", "port": name} for name, _pin in drawn[:5]]
    return load(changed(SITE, ("dataplane_ports", ports), ("dataplane_floating_ips", floating)), HOSTS)


def _flat(lock):
    return {json.dumps(path): value for path, value in _leaves(lock, ())}


def _leaves(value, path):
    if not isinstance(value, dict):
        yield path, value
        return
    for key, child in value.items():
        yield from _leaves(child, (*path, key))


@settings(max_examples=150, deadline=None)
@given(st.lists(CLOUDS, min_size=1, max_size=4))
def test_nothing_is_ever_renumbered_or_given_twice(clouds):
    lock = empty()
    for drawn in clouds:
        site, before = _cloud(drawn), copy.deepcopy(lock)
        lock = allocate(site, lock)
        assert allocate(site, lock) == lock, "allocating is idempotent"
        old, new = _flat(before), _flat(lock)
        assert {key: new[key] for key in old if key in new} == {key: old[key] for key in old if key in new}
        for addresses in lock["addresses"].values():
            assert len(set(addresses.values())) == len(addresses)
        pinned = {f"10.0.0.{pin}" for _name, pin in drawn if pin}
        assert not pinned & set(lock["addresses"].get("blue4", {}).values())
        assert len(set(lock["mac_addresses"].values())) == len(lock["mac_addresses"])


@settings(max_examples=50, deadline=None)
@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_declaration_does_not_matter_to_what_is_allocated_already(order):
    def site(names):
        return load(changed(SITE, ("dataplane_ports", [{"name": name, **PORT} for name in names]),
                            ("dataplane_floating_ips", [])), HOSTS)

    lock = allocate(site(["a", "b", "c", "d"]), empty())
    assert allocate(site(order), lock) == lock
