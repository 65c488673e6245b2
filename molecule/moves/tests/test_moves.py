# SPDX-License-Identifier: GPL-3.0-or-later
"""Things move: where they were nothing is left of them, where they came they are there, and the others notice nothing.

One run moves several: a floating IP of the router moving, the instance of the router walking, the router turning.
"""

from __future__ import annotations

import pytest

from tests.moving import mentioning

MOVING, WALKING, TURNING = "203.0.113.110", "203.0.113.112", "203.0.113.113"  # their floating IPs
ROUTER = {
    MOVING: "635660ae-a254-4feb-8993-295aa9ec6418",
    WALKING: "7e8a1c52-6d0f-4b1e-9d57-0b5b2e1f4a11",
    TURNING: "c2b7f0d4-38a9-4f6c-8e21-5f0c9a7d3b22",
}
ONE, TWO, THREE, WALKER, TURNED = "192.168.1.11", "192.168.1.12", "192.168.1.13", "192.168.2.21", "192.168.3.31"
A_SECOND = 100


@pytest.fixture(scope="module", autouse=True)
def home(cloud):
    """In the end everything is where it began, and every host has what it had when nothing had moved yet."""
    before = cloud.states()
    yield
    for host, after in cloud.states().items():
        assert sorted(after ^ before[host]) == []


def leads(lines, floating, fixed):
    """Whether a host leads a floating IP to a fixed address, and no other, as its part of a distributed router does."""
    found = mentioning(lines, floating)
    assert len(found) == 3, found  # the route, DNAT and SNAT
    assert len(mentioning(found, fixed)) == 2, found
    (policy,) = policies(lines, floating)
    return f"from {fixed} lookup 16" in policy


def policies(lines, floating):
    """The rules that lead somebody to the way outside of the router of a floating IP."""
    return [line for line in mentioning(lines, "lookup 16") if line.startswith(f"qrouter-{ROUTER[floating]}")]


def has_part(lines, floating):
    """Whether a host has anything of the router of a floating IP."""
    return any(ROUTER[floating][:10] in line for line in lines)


def holds(lines, floating, kind):
    """Whether a host has a floating IP, and only in its router's namespace of that kind."""
    found = mentioning(lines, floating)
    return bool(found) and all(line.startswith(f"{kind}-{ROUTER[floating]}") for line in found)


def test_an_association_moves_to_another_port_of_its_host_and_an_instance_to_another_host(cloud):
    cloud.associate("two")
    cloud.named("ports", "walker")["binding_host_id"] = "compute1"
    with cloud.losing("compute1", "one", MOVING):
        missed = cloud.move(association=MOVING, instance=WALKING)
    found = cloud.states()

    assert missed["association"].lost <= A_SECOND
    assert leads(found["compute1"], MOVING, TWO)
    assert cloud.tracking(MOVING, ONE) == []

    assert mentioning(found["compute2"], WALKING, WALKER, "vm-walker") == []
    assert not has_part(found["compute2"], WALKING), "nobody there needs the router"
    assert leads(found["compute1"], WALKING, WALKER)
    assert cloud.tracking(WALKING, WALKER) == ["compute1"]


def test_a_floating_ip_moves_to_another_host_and_a_router_becomes_centralised(cloud):
    cloud.associate("three")
    cloud.named("ports", "walker")["binding_host_id"] = "compute2"
    cloud.named("routers", "turning").update(distributed=False, interfaces=[{"subnet": "turning-subnet"}])
    with cloud.losing("compute1", "two", MOVING):
        missed = cloud.move(floating_ip=MOVING, instance_back=WALKING, router_centralised=TURNING)
    found = cloud.states()

    assert missed["floating_ip"].lost <= A_SECOND
    assert mentioning(found["compute1"], MOVING) == policies(found["compute1"], MOVING) == []
    assert leads(found["compute2"], MOVING, THREE)
    assert (cloud.tracking(MOVING, TWO), cloud.tracking(MOVING, THREE)) == ([], ["compute2"])

    assert not has_part(found["compute1"], WALKING)
    assert leads(found["compute2"], WALKING, WALKER)

    assert not has_part(found["compute1"], TURNING)
    assert mentioning(found["compute1"], TURNING) == []
    assert holds(found["network1"], TURNING, "qrouter")
    assert not any(line.startswith(f"snat-{ROUTER[TURNING]}") for line in found["network1"])
    assert cloud.tracking(TURNING, TURNED) == ["network1"]
    assert cloud.stays()


def test_floating_ips_are_with_the_gateway_when_their_host_loses_its_way_outside(cloud):
    cloud.variables["compute2_agent_mode"] = "dvr_no_external"
    cloud.move(floating_ip_to_the_gateway=MOVING, another=WALKING)
    found = cloud.states()
    for floating, fixed in ((MOVING, THREE), (WALKING, WALKER)):
        assert mentioning(found["compute2"], floating) == policies(found["compute2"], floating) == []
        assert holds(found["network1"], floating, "snat")
        assert cloud.tracking(floating, fixed) == ["network1"]
    assert not any(line.startswith("fip-") for line in found["compute2"])


def test_floating_ips_leave_the_gateway_for_their_instances_and_the_router_is_distributed_again(cloud, lab):
    cloud.variables["compute2_agent_mode"] = "dvr"
    cloud.associate("one")
    cloud.named("routers", "turning").update(next(
        router for router in lab.site()["dataplane_routers"] if router["name"] == "turning"))
    with cloud.losing("compute2", "three", MOVING):
        missed = cloud.move(floating_ip_from_the_gateway=MOVING, another=WALKING, router_distributed=TURNING)
    found = cloud.states()

    assert missed["floating_ip_from_the_gateway"].lost <= A_SECOND
    assert missed["another"].lost <= A_SECOND
    for host, floating, fixed in (("compute1", MOVING, ONE), ("compute2", WALKING, WALKER),
                                  ("compute1", TURNING, TURNED)):
        assert mentioning(found["network1"], floating) == []
        assert leads(found[host], floating, fixed)
        assert cloud.tracking(floating, fixed) == [host]
    assert cloud.tracking(MOVING, THREE) == []
    assert cloud.stays()
