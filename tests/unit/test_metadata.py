# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata: what instances are told, who asks for whom, what is refused, and that secrets stay where they belong."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.metadata_instances import (
    default_hostname,
    signature,
)
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.errors import SiteError
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load

from .cloud import HOSTS, REMOVE, SITE, changed, planned

CONTROLLED = {**HOSTS, "control1": {"groups": ["controller"]}}
PORT, BLUE = "dataplane_ports[0]", "dataplane_networks[1].subnets[0]"
WEB, DB = "f0f0f0f0-0000-4000-8000-000000000001", "f0f0f0f0-0000-4000-8000-000000000002"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5uYW1l somebody"
SECRET = "an unguessable secret"
PINNED = [
    (f"{PORT}.device_id", WEB), ("dataplane_ports[1].device_id", DB), (f"{PORT}.mac_address", "fa:16:3e:9c:bf:3d"),
    (f"{PORT}.id", "cd9f6d46-4a3a-43ab-a466-994af9db96fc"),
    ("dataplane_networks[1].id", "99e88329-f20d-4741-9593-25bf07847b16"), (f"{BLUE}.enable_dhcp", True),
    ("dataplane_routers[0].id", "635660ae-0000-4000-8000-000000000000"),
    ("dataplane_metadata_proxy_shared_secret", SECRET),
]  # fmt: skip


def service(plan, name):
    return next(item for item in plan["services"] if item["name"] == name)


def documents(*changes):
    """{path below the instance's directory: text} of web."""
    (api,) = planned(*PINNED, *changes, hosts=CONTROLLED)["control1"]["services"]
    return {file["path"].split(f"/{WEB}/")[1]: file["content"] for file in api["files"] if f"/{WEB}/" in file["path"]}


def document(name, *changes):
    return json.loads(documents(*changes)[f"openstack/{name}"])


# Documents

def test_meta_data_has_the_published_layout():
    told = document("meta_data.json", ("dataplane_keypairs", [{"name": "mykey", "public_key": KEY}]),
                    (f"{PORT}.key_name", "mykey"), (f"{PORT}.hostname", "test"),
                    (f"{PORT}.metadata", {"priority": "low", "role": "webserver"}),
                    (f"{PORT}.project_id", "f7ac731cc11f40efbc03a9f9e1d1d21f"))
    assert told == {
        "uuid": WEB,
        "availability_zone": "nova",
        "keys": [{"data": KEY, "type": "ssh", "name": "mykey"}],
        "hostname": "test",
        "launch_index": 0,
        "meta": {"priority": "low", "role": "webserver"},
        "devices": [],
        "dedicated_cpus": [],
        "project_id": "f7ac731cc11f40efbc03a9f9e1d1d21f",
        "public_keys": {"mykey": KEY},
        "name": "web",
    }


def test_network_data_has_the_published_layout():
    told = document("network_data.json", (f"{BLUE}.dns_nameservers", ["8.8.8.8"]))
    assert told == {
        "links": [{
            "ethernet_mac_address": "fa:16:3e:9c:bf:3d", "id": "tapcd9f6d46-4a", "mtu": 1500, "type": "ovs",
            "vif_id": "cd9f6d46-4a3a-43ab-a466-994af9db96fc",
        }],
        "networks": [{
            "id": "network0", "link": "tapcd9f6d46-4a", "network_id": "99e88329-f20d-4741-9593-25bf07847b16",
            "type": "ipv4_dhcp",
        }],
        "services": [{"address": "8.8.8.8", "type": "dns"}],
    }


def test_without_dhcp_the_instance_is_told_its_address_and_routes():
    (told,) = document("network_data.json", (f"{BLUE}.enable_dhcp", False), (f"{BLUE}.dns_nameservers", ["8.8.8.8"]),
                       (f"{BLUE}.host_routes", [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.7"}]))["networks"]
    assert told == {
        "id": "network0", "link": "tapcd9f6d46-4a", "network_id": "99e88329-f20d-4741-9593-25bf07847b16",
        "type": "ipv4", "ip_address": "10.0.0.2", "netmask": "255.255.255.0",
        "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"},
                   {"network": "10.9.0.0", "netmask": "255.255.0.0", "gateway": "10.0.0.7"}],
        "services": [{"type": "dns", "address": "8.8.8.8"}],
    }


@pytest.mark.parametrize("mode", ["slaac", "dhcpv6-stateless", "dhcpv6-stateful"])
def test_an_ipv6_network_tells_how_addresses_are_had(mode):
    subnet = {"name": "blue6", "cidr": "fd00:b::/64", "ipv6_ra_mode": mode, "ipv6_address_mode": mode}
    networks = document("network_data.json", ("dataplane_networks[1].subnets[1]", subnet))["networks"]
    assert [each["type"] for each in networks] == ["ipv4_dhcp", f"ipv6_{mode}"]
    assert networks[1]["netmask"] == "ffff:ffff:ffff:ffff::"
    assert networks[1]["routes"] == [{"network": "::", "netmask": "::", "gateway": "fd00:b::1"}]


def test_ports_with_one_device_id_are_one_instance():
    both = (("dataplane_ports[1].device_id", WEB), ("dataplane_ports[1].user_data", "#!/bin/sh"))
    told = documents(*both)
    assert len(json.loads(told["openstack/network_data.json"])["links"]) == 2
    assert told["openstack/user_data"] == "#!/bin/sh"
    assert json.loads(told["openstack/meta_data.json"])["name"] == "web"


def test_the_ec2_layout_tells_addresses_names_and_groups():
    told = documents((f"{PORT}.hostname", "test"))
    ec2 = {path.rpartition("/")[2]: text for path, text in told.items() if path.startswith("ec2/")}
    assert (ec2["instance-id"], ec2["hostname"], ec2["security-groups"]) == ("i-f0f0f0f0", "test", "default")
    assert (ec2["local-ipv4"], ec2["public-ipv4"]) == ("10.0.0.2", "203.0.113.105")


@pytest.mark.parametrize(("name", "hostname"), [
    ("web", "web"), ("Web_1.example", "web-1-example"), ("-x-", "x"), ("#!", f"server-{WEB}"),
    ("a" * 70, "a" * 63)])
def test_a_host_name_is_made_of_the_ports_name(name, hostname):
    assert default_hostname(name, WEB) == hostname


# Proxies

def sources(plan):
    """{(router or network, address): (instance, project, signature)}"""
    (text,) = [file["content"] for file in service(plan, "metadata-agent")["files"] if file["path"].endswith(".map")]
    found = [line.split(" ") for line in text.splitlines()]
    return {tuple(key.split("/")): tuple(value.split("/")) for key, value in found}


def test_the_agent_knows_who_asks_through_which_router():
    plan = planned(*PINNED, (f"{PORT}.project_id", "mine"))["network1"]
    router = "635660ae-0000-4000-8000-000000000000"
    token = hmac.new(SECRET.encode(), WEB.encode(), hashlib.sha256).hexdigest()
    found = sources(plan)
    assert found[router, "10.0.0.2"] == found[router, "fe80::f816:3eff:fe9c:bf3d"] == (WEB, "mine", token)
    assert found[router, "10.0.1.9"][0] == DB
    assert len(found) == 4


def test_overlapping_addresses_are_told_apart_by_their_router():
    plan = planned(
        ("dataplane_networks[2].subnets[0].cidr", "10.0.0.0/24"), ("dataplane_ports[1].fixed_ips", REMOVE),
        ("dataplane_routers[0].interfaces[1]", REMOVE),
        ("dataplane_routers[1]", {"name": "r2", "interfaces": [{"subnet": "red4"}]}))["network1"]
    same = {place: told[0] for (place, address), told in sources(plan).items() if address == "10.0.0.2"}
    assert len(same) == len(set(same.values())) == 2


def test_a_host_without_routers_needs_no_proxies():
    plan = planned(hosts=CONTROLLED)["compute1"]
    assert not [item for item in plan["services"] if item["name"].startswith("metadata")]


@pytest.mark.parametrize("without", [("dataplane_enable_metadata_proxy", False), ("dataplane_ports", [])])
def test_nobody_serves_where_nobody_asks(without):
    changes = [without, *([("dataplane_floating_ips", [])] if without[0] == "dataplane_ports" else [])]
    plans = planned(*changes, hosts=CONTROLLED)
    assert not [item for plan in plans.values() for item in plan["services"] if item["name"].startswith("metadata")]


def test_novas_own_api_takes_the_place_of_the_controllers():
    plans = planned(("dataplane_metadata_api", False), ("dataplane_nova_metadata_host", "fd00::5"), hosts=CONTROLLED)
    assert plans["control1"]["services"] == plans["control1"]["packages"] == []
    (config,) = [file["content"] for file in service(plans["network1"], "metadata-agent")["files"]
                 if file["path"].endswith(".cfg")]
    assert "server nova [fd00::5]:8775" in config


def test_packages_are_those_of_the_services():
    plans = planned(hosts=CONTROLLED)
    assert plans["control1"]["packages"] == ["nginx-light"]
    assert "haproxy" in plans["network1"]["packages"]
    assert not {"haproxy", "nginx-light"} & set(plans["compute1"]["packages"])


# Secrets

def test_the_secret_is_in_no_plan_and_what_it_signs_in_private_files_only():
    plans = planned(*PINNED, (f"{PORT}.user_data", "password: hunter2"),
                    ("dataplane_vendor_data", {"token": "hunter2"}), hosts=CONTROLLED)
    assert SECRET not in json.dumps(plans)
    for plan in plans.values():
        for item in plan["services"]:
            assert not any(signature(SECRET, WEB) in word for word in item["command"])
            for file in item["files"]:
                if signature(SECRET, WEB) in file["content"] or "hunter2" in file["content"]:
                    assert file["secret"]
                    assert file["mode"] in ("0600", "0640")
                    assert file.get("owner", "root") == "root"


def problems(*changes):
    with pytest.raises(SiteError) as caught:
        load(changed(SITE, *changes), HOSTS)
    return caught.value.problems


REAL = [("dataplane_lab", REMOVE), ("dataplane_metadata_proxy_shared_secret", SECRET)]


@pytest.mark.parametrize(("changes", "fault"), [
    ([("dataplane_lab", REMOVE)],
     "dataplane_metadata_proxy_shared_secret: (missing): is required outside a lab "
     "(or set dataplane_enable_metadata_proxy: false)"),
    ([("dataplane_lab", REMOVE), ("dataplane_metadata_proxy_shared_secret", "")],
     "dataplane_metadata_proxy_shared_secret: (missing): is required outside a lab "
     "(or set dataplane_enable_metadata_proxy: false)"),
    ([("dataplane_lab", REMOVE), ("dataplane_metadata_proxy_shared_secret", "METADATA_SECRET")],
     "dataplane_metadata_proxy_shared_secret: (hidden): must not be the example's value outside a lab "
     "(dataplane_lab: true)"),
    ([("dataplane_nova_metadata_host", REMOVE)],
     "dataplane_nova_metadata_host: (missing): is required: where hosts reach the controller, or Nova "
     "(or set dataplane_enable_metadata_proxy: false)"),
    ([("dataplane_nova_metadata_host", "http://nova:8775/")],
     "dataplane_nova_metadata_host: http://nova:8775/: must be a host name or an IP address"),
    ([("dataplane_metadata_proxy_shared_secret", 4711)],
     "dataplane_metadata_proxy_shared_secret: (hidden): must be a string"),
    ([("dataplane_metadata_proxy_shared_secrt", SECRET)],
     "dataplane_metadata_proxy_shared_secrt: (hidden): is not a known key: "
     "did you mean dataplane_metadata_proxy_shared_secret?"),
    ([(f"{PORT}.user_data", "x" * 49150)],
     "dataplane_ports[0].user_data: (hidden): must be at most 65535 bytes in base64, as in the Compute API: "
     "49149 bytes of text"),
    ([(f"{PORT}.user_data", {"packages": ["hunter2"]})], "dataplane_ports[0].user_data: (hidden): must be a string"),
    ([("dataplane_floating_ips", []), ("dataplane_ports", {"user_data": "hunter2"})],
     'dataplane_ports: {"user_data": "(hidden)"}: must be a list'),
    ([(f"{PORT}.hostname", "web.example.org")],
     "dataplane_ports[0].hostname: web.example.org: must be a host name of at most 63 letters, digits and '-', "
     "without a domain"),
    ([(f"{PORT}.key_name", "mykex"), ("dataplane_keypairs", [{"name": "mykey", "public_key": KEY}])],
     "dataplane_ports[0].key_name: mykex: is not a known keypair: did you mean mykey?"),
    ([("dataplane_keypairs", [{"name": "mykey", "public_key": "/home/me/.ssh/id_ed25519.pub"}])],
     "dataplane_keypairs[0].public_key: /home/me/.ssh/id_ed25519.pub: must be an OpenSSH public key in one line, "
     "as ssh-ed25519 AAAAC3Nza... somebody"),
    ([(f"{PORT}.metadata", {"replicas": 3})], "dataplane_ports[0].metadata.replicas: 3: must be a string"),
    ([(f"{PORT}.device_id", "web")],
     "dataplane_ports[0].device_id: web: must be a UUID in lower case, as 5eb99ac3-905b-4f0e-9c0f-708ce1fd2303"),
    ([(f"{PORT}.device_id", WEB), ("dataplane_ports[1].device_id", WEB), (f"{PORT}.hostname", "one"),
      ("dataplane_ports[1].hostname", "two")],
     "dataplane_ports[1].hostname: two: must be as in dataplane_ports[0], which is of the same instance (device_id)"),
])  # fmt: skip
def test_each_fault_is_named_and_no_secret_shown(changes, fault):
    assert problems(*changes) == [fault]


def test_user_data_may_be_as_long_as_in_the_compute_api():
    load(changed(SITE, *REAL, (f"{PORT}.user_data", "x" * 49149)), HOSTS)


def test_without_metadata_no_secret_is_needed():
    load(changed(SITE, ("dataplane_lab", REMOVE), ("dataplane_nova_metadata_host", REMOVE),
                 ("dataplane_enable_metadata_proxy", False)), HOSTS)
