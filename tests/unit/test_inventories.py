# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories build the clouds that they are modelled on, name by name."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.topology import Topology
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._reach.way import find_way, instance

from .inventory import INVENTORIES, allocated, plans


@pytest.mark.parametrize(("inventory", "namespace", "ports", "devices"), [
    (
        "public_network",
        "qrouter-fce64ebe-47f0-4846-b3af-9cf764f1ff11",
        ["qr-15ea2dd1-65", "qr-dc290da0-0a", "qg-c08b8179-3b"],
        {
            "qr-15ea2dd1-65": ["10.10.10.1/24"],
            "qr-dc290da0-0a": ["20.20.20.1/24"],
            "qg-c08b8179-3b": ["180.180.180.2/24"],
        },
    ),
    (
        "instance_external",
        None,
        ["tapd568ba1a-74", "tape17162c5-00", "tapb8b32a88-03"],
        {
            "qr-d568ba1a-74": ["172.16.100.1/24"],
            "qr-e17162c5-00": ["172.16.101.1/24"],
            "qg-b8b32a88-03": ["10.10.10.2/24"],
        },
    ),
])
def test_the_router_has_the_known_devices(inventory, namespace, ports, devices):
    plan = plans(inventory)["network1"]
    router = plan["namespaces"][0]
    assert {link["name"]: link["addresses"] for link in router["links"]} == devices
    assert [port["name"] for port in plan["ports"] if "tag" in port][: len(ports)] == ports
    assert namespace in (None, router["name"])


def _seen(name):
    """{instance: as whom the world outside sees it}"""
    cloud = allocated(name)
    topology, internet = Topology(cloud), cloud.site.verify_internet
    ways = {port.name: find_way(topology, instance(port), internet) for port in cloud.site.ports}
    return {name: str(way.seen[0]) for name, way in ways.items()}


def test_public_network_translates_as_its_model():
    floating = plans("public_network")["network1"]["floating_ips"]
    assert [(item["floating_ip_address"], item["fixed_ip_address"]) for item in floating] == [
        ("180.180.180.3", "20.20.20.2")]
    assert _seen("public_network") == {"vm10": "180.180.180.2", "vm20": "180.180.180.3"}


def test_instance_external_hides_its_instances_behind_the_router():
    assert _seen("instance_external") == {"cirros-vm2": "10.10.10.2", "cirros-vm3": "10.10.10.2"}


@pytest.mark.parametrize(("inventory", "vlan"), [("public_network", 1002), ("instance_external", None)])
def test_the_labs_world_outside_is_the_external_gateway(inventory, vlan):
    directory = INVENTORIES / inventory / "group_vars"
    outside = yaml.safe_load((directory / "outside_world.yml").read_text())["lab_outside"]
    site = yaml.safe_load((directory / "all" / "site.yml").read_text())
    (external,) = [network for network in site["dataplane_networks"] if network.get("router_external")]
    (subnet,) = external["subnets"]
    prefix_length = subnet["cidr"].split("/")[1]
    assert outside["addresses"] == [f"{subnet['gateway_ip']}/{prefix_length}"]
    assert outside["vlan"] == external.get("segmentation_id") == vlan
    assert outside["internet"] == site["dataplane_verify_internet"]
