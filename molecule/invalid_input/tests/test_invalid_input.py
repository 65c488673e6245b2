# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong site is refused with every error at once, each naming path, value and rule."""

from __future__ import annotations

import json

import pytest

#: (variable path, value) of every mistake in the inventory; the rule is the sentence that follows them.
MISTAKES = [
    ("dataplane_networks[0].subnets[0].gateway_ip", "203.0.114.1"),
    ("dataplane_networks[1].segmentation_id", "5000"),
    ("dataplane_networks[3].name", "green"),
    ("dataplane_networks[3].segmentation_id", "20"),
    ("dataplane_routers[0].interfaces[1]", "10.0.0.128/25"),
    ("dataplane_routers[0].interfaces[2].subnet", "red-subnet"),
    ("dataplane_ports[0].binding_host_id", "compute9"),
    ("dataplane_ports[1].mac_address", "fa:16:3e:00:00:01"),
    ("dataplane_ports[2].user_data", "(hidden)"),
    ("dataplane_floating_ips[0].floating_ip_address", "198.51.100.7"),
    ("dataplane_metadata_proxy_shared_secret", "(hidden)"),
]


@pytest.fixture(scope="module")
def refusal(lab):
    run = lab.play("site.yml", succeeds=False)
    assert all(task["action"] == "cloudnet.dataplane.plan" for task in run.tasks if task["failed"])
    return run.failures()[0].splitlines()


@pytest.mark.parametrize(("path", "value"), MISTAKES, ids=[path for path, _ in MISTAKES])
def test_the_mistake_is_named_with_path_value_and_rule(refusal, path, value):
    (line,) = [each for each in refusal if each.lstrip("- ").startswith(path) and value in each]
    assert len(line.split(value)[-1]) > 10, "a rule follows the value"


def test_a_physical_network_that_no_host_maps_is_named(refusal):
    assert any("bridge_mappings" in line and "external" in line for line in refusal)


def test_a_lab_with_one_address_outside_for_several_hosts_is_refused(lab):
    everywhere = json.dumps({"lab_outside": {"addresses": ["203.0.113.1/24"]}})
    run = lab.play("lab_up.yml", "--extra-vars", everywhere, succeeds=False)
    assert ["must be of one host each" in message for message in run.failures()] == [True]
    assert run.changes() == {}
