# SPDX-License-Identifier: GPL-3.0-or-later
"""What distributed routing has allocated is kept, whatever comes and goes beside it."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocated import Allocated
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.presence import Presence
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

from .cloud import REMOVE, changed
from .distributed import HOSTS, SITE, host, locked, network, port

UNPINNED = {name: {key: value for key, value in each.items() if key != "dataplane_dvr_mac_address"}
            for name, each in HOSTS.items()}


def test_what_is_allocated():
    lock = locked(hosts=UNPINNED)
    assert lock["addresses"] == {
        "blue4": {"router r1 snat blue4": "192.168.1.2"},
        "red4": {"router r1 snat red4": "192.168.2.2"},
        "ext4": {"router r1 gateway": "203.0.113.101", "agent gateway ext network1": "203.0.113.102",
                 "agent gateway ext compute1": "203.0.113.103", "agent gateway ext compute2": "203.0.113.104"},
    }
    assert lock["link_locals"] == {name: {"r1": "169.254.64.0/31"} for name in ("network1", "compute1", "compute2")}
    assert lock["floating_ip_priorities"] == {"compute1": {"floating_ip one": 32768}}
    assert lock["dvr_mac_addresses"].keys() == UNPINNED.keys(), "also of a host that has no part yet"
    assert len(set(lock["dvr_mac_addresses"].values())) == 4
    assert all(mac.startswith("fa:16:3f:") for mac in lock["dvr_mac_addresses"].values())


def test_a_site_without_distributed_routers_allocates_nothing_of_it():
    lock = locked(("dataplane_routers[0].distributed", False), hosts=UNPINNED)
    assert not {"link_locals", "floating_ip_priorities", "dvr_mac_addresses"} & set(lock)
    assert "agent gateway" not in json.dumps(lock) and " snat " not in json.dumps(lock)


def test_pinned_and_legacy_hosts_need_no_mac():
    hosts = changed(UNPINNED, ("compute3.dataplane_agent_mode", "legacy"),
                    ("compute2.dataplane_dvr_mac_address", "fa:16:3f:00:00:32"))
    assert locked(hosts=hosts)["dvr_mac_addresses"].keys() == {"network1", "compute1"}


def test_a_pin_does_not_take_what_another_host_has():
    lock = locked(hosts=UNPINNED)
    taken = lock["dvr_mac_addresses"]["compute1"]
    with pytest.raises(SiteError) as caught:
        locked(hosts=changed(UNPINNED, ("compute3.dataplane_dvr_mac_address", taken)), lock=lock)
    assert caught.value.problems == [
        f"hostvars.compute3.dataplane_dvr_mac_address: {taken}: is allocated to host compute1 in allocations.yml: "
        "choose another value, or pin one for host compute1"]


@pytest.mark.parametrize(("path", "value"), [
    ("link_locals.compute1.r1", "169.254.64.0/30"), ("link_locals.compute1.r1", 7),
    ("floating_ip_priorities.compute1", {"floating_ip one": "32768"}), ("dvr_mac_addresses", {"compute1": 1}),
    ("link_locals.compute1", {"r1": "169.254.64.0/31", "r2": "169.254.64.0/31"}),
])
def test_a_lock_that_was_edited_badly_is_refused(path, value):
    with pytest.raises(SiteError, match=path.partition(".")[0]):
        locked(hosts=UNPINNED, lock=changed(locked(hosts=UNPINNED), (path, value)))


def test_what_is_no_pair_or_priority_of_ours_is_chosen_anew():
    lock = changed(locked(), ("link_locals.compute1.r1", "169.254.30.0/31"),
                   ("floating_ip_priorities.compute1", {"floating_ip one": 7}))
    assert locked(lock=lock) == locked()


# A cloud as hypothesis draws it: where instances are, which of them have floating IPs, which routers there are.
NAMES = [f"p{n}" for n in range(6)]
PLACES = st.dictionaries(st.sampled_from(NAMES), st.tuples(
    st.sampled_from(["compute1", "compute2", "compute3"]), st.sampled_from(["blue", "red"]), st.booleans()))
CLOUDS = st.lists(st.tuples(PLACES, st.sets(st.sampled_from(["r1", "r2", "r3"]), min_size=1)), min_size=1, max_size=4)


def cloud(places, routers):
    """r1 joins blue and red, r2 red alone, r3 only networks of its own; all have their gateway in ext."""
    joined = {"r1": ["blue4", "red4"], "r2": ["red4"], "r3": ["grey4"]}
    ports = [
        {key: value for key, value in port(name, where[1], where[0], 20 + NAMES.index(name)).items()
         if key not in ("fixed_ips", "mac_address")} for name, where in places.items()
    ]  # fmt: skip
    reached = ({"blue"} if "r1" in routers else set()) | ({"red"} if routers & {"r1", "r2"} else set())
    return load(changed(
        SITE,
        ("dataplane_networks[3]", network("grey", 102, "192.168.3.0/24")),
        ("dataplane_routers", [
            {"name": name, "distributed": True, "external_gateway_info": {"network": "ext"}, "interfaces": [
                {"subnet": subnet, **({"ip_address": "192.168.2.254"} if name == "r2" else {})}
                for subnet in joined[name]]} for name in sorted(routers)]),
        ("dataplane_ports", ports),
        ("dataplane_floating_ips", [{"floating_network": "ext", "port": name} for name, where in places.items()
                                    if where[2] and where[1] in reached]),
    ), UNPINNED)  # fmt: skip


def leaves(value, path=()):
    if not isinstance(value, dict):
        yield path, value
        return
    for key, child in value.items():
        yield from leaves(child, (*path, key))


@settings(max_examples=100, deadline=None)
@given(CLOUDS)
def test_nothing_is_ever_renumbered_or_given_twice(clouds):
    lock = empty()
    for drawn in clouds:
        site, before = cloud(*drawn), copy.deepcopy(lock)
        lock = allocate(site, lock)
        assert allocate(site, lock) == lock, "allocating is idempotent"
        old, new = dict(leaves(before)), dict(leaves(lock))
        assert {path: new[path] for path in old if path in new} == {path: old[path] for path in old if path in new}
        for section in ("link_locals", "floating_ip_priorities", "addresses"):
            for values in lock.get(section, {}).values():
                assert len(set(values.values())) == len(values)
        assert len(set(lock["mac_addresses"].values())) == len(lock["mac_addresses"])
        compile_site(site, lock)


@settings(max_examples=100, deadline=None)
@given(PLACES, st.sets(st.sampled_from(["r1", "r2", "r3"]), min_size=1))
def test_a_part_is_where_somebody_needs_it_with_all_that_belongs_to_it(places, routers):
    site = cloud(places, routers)
    allocated = Allocated(site, allocate(site, empty()))
    presence = Presence(allocated)
    for router in site.routers:
        needed = {each.host.name for each in site.ports for fixed in each.fixed_ips if fixed.subnet in router.subnets}
        needed |= {allocated.host_of(router).name}
        for name in site.hosts:
            here = presence.by_host[name]
            assert (router in presence.distributed[name]) == (name in needed)
            assert all((interface in here) == (name in needed) for interface in router.interfaces)
            assert (router.gateway in here) == (name == allocated.host_of(router).name)
            assert all((beside in here) == (router.gateway in here) for beside in router.snat_ports.values())
    for outside in site.fip_agent_gateway_ports:
        with_part = bool(presence.distributed[outside.host.name])
        assert presence.exists(outside) == (outside in presence.by_host[outside.host.name]) == with_part


def test_pairs_and_priorities_have_room_and_say_when_they_have_not():
    many = [{"name": f"r{n}", "distributed": True, "external_gateway_info": {"network": "ext"},
             "interfaces": [{"subnet": f"n{n}"}]} for n in range(3)]
    networks = [*SITE["dataplane_networks"], *({
        "name": f"n{n}", "network_type": "vxlan",
        "subnets": [{"name": f"n{n}", "cidr": f"10.{n}.0.0/24", "enable_dhcp": False}]} for n in range(3))]
    lock = locked(("dataplane_routers", many), ("dataplane_networks", networks), ("dataplane_floating_ips", []))
    assert lock["link_locals"] == {"network1": {f"r{n}": f"169.254.64.{2 * n}/31" for n in range(3)}}
    one_less = locked(("dataplane_routers", many[1:]), ("dataplane_networks", networks), ("dataplane_floating_ips", []),
                      lock=lock)
    assert one_less["link_locals"] == {"network1": {f"r{n}": f"169.254.64.{2 * n}/31" for n in (1, 2)}}


def test_an_exhausted_external_network_is_said_to_be_for_the_host():
    pool = [{"start": "203.0.113.101", "end": "203.0.113.102"}]
    with pytest.raises(SiteError) as caught:
        locked(("dataplane_networks[0].subnets[0].allocation_pools", pool),
               ("dataplane_networks[0].subnets[0].gateway_ip", "203.0.113.1"),
               ("dataplane_ports[2]", REMOVE), hosts={**HOSTS, "compute4": host("compute", 34)})
    assert caught.value.problems == [
        "dataplane_networks[0]: agent gateway ext compute1: cannot have an address: the pools of ext4 are exhausted"]
