# SPDX-License-Identifier: GPL-3.0-or-later
"""Something moves: where it was nothing is left of it, where it came it is there, and the others notice nothing."""

from __future__ import annotations

import pytest

from tests.moving import mentioning

FLOATING = "203.0.113.110"
ROUTER = "635660ae-a254-4feb-8993-295aa9ec6418"
QROUTER, SNAT = f"qrouter-{ROUTER}", f"snat-{ROUTER}"
ONE, TWO, THREE = "192.168.1.11", "192.168.1.12", "192.168.1.13"
A_SECOND = 100


@pytest.fixture(scope="module", autouse=True)
def home(cloud):
    """In the end everything is where it began, and every host has what it had when nothing had moved yet."""
    before = cloud.states()
    yield
    for host, after in cloud.states().items():
        assert sorted(after ^ before[host]) == []


def led_to(lines, fixed):
    """Whether a host leads the floating IP to a fixed address, as the part of a distributed router does."""
    found = mentioning(lines, FLOATING)
    rules = mentioning(lines, f"from {fixed} lookup 16")
    assert len(found) == 3, found  # the route, DNAT and SNAT
    assert len(mentioning(found, fixed)) == 2, found
    return len(rules) == 1 and rules[0].startswith(QROUTER)


def policies(lines):
    """The rules that lead somebody to the moving router's way outside."""
    return [line for line in mentioning(lines, "lookup 16") if line.startswith(QROUTER)]


def test_an_association_moves_to_another_port_of_the_same_compute(cloud):
    cloud.associate("two")
    assert cloud.move("association", cut=("compute1", "one")).lost <= A_SECOND
    here = cloud.states()["compute1"]
    assert led_to(here, TWO)
    assert len(policies(here)) == 1
    assert cloud.tracking(ONE) == []


def test_a_floating_ip_moves_to_an_instance_on_another_compute(cloud):
    cloud.associate("three")
    assert cloud.move("floating IP", cut=("compute1", "two")).lost <= A_SECOND
    found = cloud.states()
    assert mentioning(found["compute1"], FLOATING) == policies(found["compute1"]) == []
    assert led_to(found["compute2"], THREE)
    assert (cloud.tracking(TWO), cloud.tracking(THREE)) == ([], ["compute2"])


def test_an_instance_moves_to_another_compute_and_its_floating_ip_with_it(cloud):
    port = cloud.named("ports", "three")
    port["binding_host_id"] = "compute1"
    cloud.move("instance")
    found = cloud.states()
    assert mentioning(found["compute2"], FLOATING, "vm-three") == []
    assert led_to(found["compute1"], THREE)
    assert cloud.tracking(THREE) == ["compute1"]
    assert not any(line.startswith(QROUTER) for line in found["compute2"]), "nobody there needs the router"


def test_a_router_is_centralised_and_distributed_again(cloud):
    router = cloud.named("routers", "moving")
    distributed = dict(router)
    router.update(distributed=False, interfaces=[{"subnet": "moving-subnet"}])
    cloud.move("router, centralised")
    found = cloud.states()
    assert not any(ROUTER[:11] in line for line in found["compute1"])
    assert mentioning(found["compute1"], FLOATING) == []
    assert all(line.startswith(QROUTER) for line in mentioning(found["network1"], FLOATING))
    assert not any(line.startswith(SNAT) for line in found["network1"])

    router.update(distributed)
    cloud.move("router, distributed")
    found = cloud.states()
    assert mentioning(found["network1"], FLOATING) == []
    assert led_to(found["compute1"], THREE)
    assert cloud.tracking(THREE) == ["compute1"]


def test_a_floating_ip_moves_from_the_gateway_to_the_instance_that_gets_a_way_outside(cloud):
    cloud.named("ports", "three")["binding_host_id"] = "compute2"
    cloud.variables["compute2_agent_mode"] = "dvr_no_external"
    cloud.move("floating IP, centralised")
    found = cloud.states()
    assert mentioning(found["compute1"], FLOATING) == mentioning(found["compute2"], FLOATING) == []
    assert all(line.startswith(SNAT) for line in mentioning(found["network1"], FLOATING))
    assert not any(line.startswith("fip-") for line in found["compute2"])

    cloud.variables["compute2_agent_mode"] = "dvr"
    assert cloud.move("floating IP, with its instance").lost <= A_SECOND
    found = cloud.states()
    assert mentioning(found["network1"], FLOATING) == []
    assert led_to(found["compute2"], THREE)
    assert cloud.tracking(THREE) == ["compute2"]


def test_a_floating_ip_moves_back(cloud):
    cloud.associate("one")
    assert cloud.move("floating IP, back", cut=("compute2", "three")).lost <= A_SECOND
    assert (cloud.tracking(THREE), cloud.tracking(ONE)) == ([], ["compute1"])
