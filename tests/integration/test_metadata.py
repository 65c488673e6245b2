# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances ask for their metadata, and real haproxy and nginx answer: with their own, and with nobody else's."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

import pytest

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.allocate import allocate
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._allocations.lock import empty
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.anti_spoofing import link_local
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.compile import compile_site
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.metadata_instances import signature
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._site.load import load
from tests.golden.converge import converge
from tests.processes import Processes
from tests.sandbox import run_module

from .conftest import clean, eventually, run

SECRET = "the secret of this test"
CONTROLLER, HOST = "192.0.2.1", "192.0.2.2"
OURS = ("/etc/cloudnet", "/etc/netns", "/var/lib/cloudnet", "/var/lib/dhcp", "/var/lib/neutron")
PROOF = "/run/lock/written-by-cloud-init"
USER_DATA = f"#cloud-config\nwrite_files: [{{path: {PROOF}, content: I am alice}}]\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5uYW1l alice@example"


def tenant(name):
    """A network, behind a router of its own, with the addresses of every other tenant."""
    network = {"name": name, "network_type": "vlan", "physical_network": "vlan",
               "subnets": [{"name": f"{name}4", "cidr": "10.0.0.0/24", "enable_dhcp": False}]}
    return network, {"name": f"router-{name}", "interfaces": [{"subnet": f"{name}4"}]}


def instance(name, network, address, **others):
    return {"name": name, "network": network, "binding_host_id": "host", **others,
            "fixed_ips": [{"subnet": f"{network}4", "ip_address": address}]}


(BLUE, BLUE_ROUTER), (RED, RED_ROUTER) = tenant("blue"), tenant("red")
ISLAND = {"name": "island", "network_type": "vlan", "physical_network": "vlan",
          "subnets": [{"name": "island4", "cidr": "10.0.0.0/24"},
                      {"name": "island6", "cidr": "fd00:1::/64", "enable_dhcp": False}]}
SITE = {
    "dataplane_site": "test",
    "dataplane_metadata_proxy_shared_secret": SECRET,
    "dataplane_nova_metadata_host": CONTROLLER,
    "dataplane_enable_isolated_metadata": True,
    "dataplane_vlan_ranges": {"vlan": [100, 199]},
    "dataplane_keypairs": [{"name": "alices", "public_key": KEY}],
    "dataplane_vendor_data": {"cloud-init": "#cloud-config\n{}"},
    "dataplane_networks": [BLUE, RED, ISLAND],
    "dataplane_routers": [BLUE_ROUTER, RED_ROUTER],
    "dataplane_ports": [
        instance("alice", "blue", "10.0.0.5", user_data=USER_DATA, metadata={"role": "web"}, key_name="alices"),
        instance("bob", "red", "10.0.0.5", hostname="bobs-host"),
        instance("mallory", "blue", "10.0.0.9", port_security_enabled=False),
        instance("carol", "island", "10.0.0.5"),
    ],
}
HOSTS = {
    "host": {"groups": ["network", "compute"], "dataplane_datapath_type": "netdev",
             "dataplane_firewall_driver": "noop", "dataplane_bridge_mappings": {"vlan": "br-vlan"}},
    "controller": {"groups": ["controller"]},
}


@pytest.fixture(scope="module")
def plans():
    site = load(copy.deepcopy(SITE), copy.deepcopy(HOSTS))
    return compile_site(site, allocate(site, empty()))


@pytest.fixture(scope="module")
def cloud(plans):
    """A host with both tenants, and a controller that it reaches."""
    for directory in OURS:
        os.makedirs(directory, exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", directory)
    converge(run_module, plans["host"])
    _controller()
    processes = Processes()
    processes.start([api(plans), *plans["host"]["services"]])
    _settle()
    for name in ("alice", "carol"):
        eventually(lambda name=name: get(name, "/")[0] == 200, 20)
    yield processes
    processes.stop()
    run("ip", "link", "delete", "management")
    clean()
    for directory in OURS:
        run("umount", directory)


def api(plans):
    """The controller's service. Its pid file is not to be the machine's."""
    (item,) = plans["controller"]["services"]
    hidden_run = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh"]
    return {**item, "namespace": "controller", "command": hidden_run + item["command"]}


def _controller():
    run("ip", "netns", "add", "controller")
    run("ip", "link", "add", "management", "type", "veth", "peer", "name", "eth0", "netns", "controller")
    run("ip", "address", "add", f"{HOST}/24", "dev", "management")
    run("ip", "link", "set", "management", "up")
    run("ip", "-n", "controller", "address", "add", f"{CONTROLLER}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        run("ip", "-n", "controller", "link", "set", device, "up")


def _settle():
    names = os.listdir("/run/netns")
    eventually(lambda: not any("tentative" in run("ip", "-n", name, "-6", "address") for name in names))


def ask(*arguments):
    """(HTTP status, body) of one request with curl."""
    done = subprocess.run([*arguments, "--write-out", "\n%{http_code}"], check=False, capture_output=True, text=True)
    body, _newline, status = done.stdout.rpartition("\n")
    return int(status), body


def get(name, path, *options, base="http://169.254.169.254"):
    """What an instance is answered."""
    return ask("ip", "netns", "exec", f"vm-{name}", "curl", "-gsm5", *options, base + path)


def get_json(name, path):
    status, body = get(name, path)
    assert status == 200, body
    return json.loads(body)


def get_api(*headers, path="/openstack/latest/meta_data.json"):
    """What somebody is answered who asks the API itself."""
    return ask("curl", "-gsm5", "--path-as-is", *(f"-H{header}" for header in headers), f"http://{CONTROLLER}:8775{path}")


def instance_id(name):
    return get_json(name, "/openstack/latest/meta_data.json")["uuid"]


def test_tenants_with_the_same_addresses_get_each_their_own(cloud):
    assert get_json("alice", "/openstack/latest/meta_data.json")["hostname"] == "alice"
    assert get_json("bob", "/openstack/latest/meta_data.json")["hostname"] == "bobs-host"
    assert get("alice", "/latest/meta-data/local-ipv4") == get("bob", "/latest/meta-data/local-ipv4") == (
        200, "10.0.0.5")
    assert get("alice", "/openstack/2018-08-27/user_data") == (200, USER_DATA)
    assert get("bob", "/openstack/2018-08-27/user_data")[0] == 404
    macs = [get_json(name, "/openstack/latest/network_data.json")["links"][0]["ethernet_mac_address"]
            for name in ("alice", "bob", "mallory")]
    assert len(set(macs)) == 3


@pytest.mark.parametrize("name", ["{}", "X_Instance_ID"])
def test_what_an_instance_says_about_itself_does_not_count(cloud, name):
    bob, token = instance_id("bob"), signature(SECRET, instance_id("bob"))
    forged = {"X-Instance-ID": bob, "X-Instance-ID-Signature": token, "X-Tenant-ID": "bobs",
              "X-Forwarded-For": "10.0.0.9", "X-Neutron-Network-ID": "00000000-0000-0000-0000-000000000000",
              "X-Neutron-Router-ID": "00000000-0000-0000-0000-000000000000", "X-Metadata-Provider": "mine"}
    headers = [f"-H{key if name == '{}' else key.replace('-', '_')}: {value}" for key, value in forged.items()]
    assert json.loads(get("alice", "/openstack/latest/meta_data.json", *headers)[1])["name"] == "alice"


def test_the_api_hears_the_proxies_headers_and_no_others(cloud, plans):
    """What Nova would hear in the API's place."""
    cloud.end("metadata-api-test")
    listen = ["ip", "netns", "exec", "controller", "timeout", "10", "nc", "-l", "-N", CONTROLLER, "8775"]
    forged = ["-HX-Instance-ID: a", "-HX_Tenant_ID: b", "-HX-Forwarded-For: c", "-HX-Neutron-Router-ID: d",
              "-HX-Metadata-Provider: e", "-HX-Metadata-Provider-Signature: f"]
    with (
        subprocess.Popen(listen, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nova,
        ThreadPoolExecutor() as pool,
    ):
        eventually(lambda: ":8775" in run("ip", "netns", "exec", "controller", "ss", "-Hltn"))
        answer = pool.submit(get, "alice", "/latest/", *forged)
        next(nova.stdout)  # GET
        heard = dict(line.strip().split(": ") for line in takewhile(str.strip, nova.stdout))
        nova.stdin.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        nova.stdin.close()
        assert answer.result() == (200, "")
    cloud.start([api(plans)])
    eventually(lambda: get("alice", "/")[0] == 200)
    alice = instance_id("alice")
    assert {key: value for key, value in heard.items() if key.startswith("x")} == {
        "x-forwarded-for": "10.0.0.5", "x-instance-id": alice, "x-instance-id-signature": signature(SECRET, alice),
        "x-tenant-id": heard["x-tenant-id"]}
    assert len(heard["x-tenant-id"]) == 32


def test_an_address_that_no_instance_has_is_not_found(cloud):
    run("ip", "-n", "vm-mallory", "address", "add", "10.0.0.77/24", "dev", "eth0")
    assert get("mallory", "/openstack", "--interface", "10.0.0.77")[0] == 404
    assert get("mallory", "/openstack")[0] == 200


def test_without_a_valid_signature_the_api_says_nothing(cloud):
    alice, bob = instance_id("alice"), instance_id("bob")
    token = signature(SECRET, alice)
    assert get_api(f"X-Instance-ID: {alice}", f"X-Instance-ID-Signature: {token}")[0] == 200
    for headers in (
        [], [f"X-Instance-ID: {alice}"], [f"X-Instance-ID-Signature: {token}"],
        [f"X-Instance-ID: {bob}", f"X-Instance-ID-Signature: {token}"],
        [f"X-Instance-ID: {alice}", f"X-Instance-ID-Signature: {signature('METADATA_SECRET', alice)}"],
        [f"X-Instance-ID: {alice}/../{bob}", f"X-Instance-ID-Signature: {token}"],
    ):  # fmt: skip
        assert get_api(*headers)[0] == 403, headers


def test_nobody_climbs_out_of_his_own_documents(cloud):
    alice, bob = instance_id("alice"), instance_id("bob")
    token = [f"X-Instance-ID: {alice}", f"X-Instance-ID-Signature: {signature(SECRET, alice)}"]
    for path in (f"/openstack/latest/../../{bob}/openstack/meta_data.json", f"/{bob}/openstack/meta_data.json",
                 f"/openstack/latest/..%2f..%2f{bob}/openstack/meta_data.json",
                 "/openstack/latest/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/common/versions/ec2"):
        assert get_api(*token, path=path)[0] in (400, 404), path


def test_over_ipv6(cloud):
    for name in ("alice", "bob"):
        over_ipv4 = get(name, "/openstack/latest/meta_data.json")
        (router,) = json.loads(run("ip", "-n", f"vm-{name}", "-j", "neighbour", "show", "10.0.0.1"))
        # As the router's advertisement says
        run("ip", "-n", f"vm-{name}", "-6", "route", "add", "fe80::a9fe:a9fe/128", "dev", "eth0",
            "via", link_local(router["lladdr"]))
        over_ipv6 = get(name, "/openstack/latest/meta_data.json", base="http://[fe80::a9fe:a9fe%25eth0]")
        assert over_ipv6 == over_ipv4


def test_in_a_network_without_a_router_the_dhcp_server_leads_to_metadata(cloud):
    over_ipv4 = get("carol", "/openstack/latest/meta_data.json")
    assert json.loads(over_ipv4[1])["name"] == "carol"
    assert get("carol", "/openstack/latest/meta_data.json", base="http://[fe80::a9fe:a9fe%25eth0]") == over_ipv4
    assert get("carol", "/openstack/latest/meta_data.json", base="http://169.254.169.254:9697")[0] == 0


def test_the_openstack_layout(cloud):
    versions = get("alice", "/openstack")[1].split()
    assert {"2012-08-10", "2018-08-27", "latest"} <= set(versions)
    for version in versions:
        assert get("alice", f"/openstack/{version}")[1].split() == [
            "meta_data.json", "user_data", "vendor_data.json", "network_data.json", "vendor_data2.json"]
        for file in get("alice", f"/openstack/{version}/")[1].split():
            assert get("alice", f"/openstack/{version}/{file}")[0] == 200
    assert "user_data" not in get("bob", "/openstack/latest")[1]
    assert get("alice", "/openstack/2011-01-01/meta_data.json")[0] == 404
    assert get("alice", "/openstack/latest/nothing")[0] == 404
    assert get_json("alice", "/openstack/latest/vendor_data.json") == SITE["dataplane_vendor_data"]
    assert get("alice", "/openstack/latest/user_data", "-d", "x")[0] == 405


def crawl(name, path):
    """{path: text} of everything below a path of the EC2 layout, by its listings alone."""
    found = {}
    status, listing = get(name, path)
    assert status == 200, path
    for entry in listing.split("\n"):
        if entry.endswith("/"):
            found.update(crawl(name, path + entry))
        elif "=" in entry:
            found.update(crawl(name, path + entry.split("=")[0] + "/"))
        else:
            status, text = get(name, path + entry)
            assert status == 200, path + entry
            found[path + entry] = text
    return found


def test_the_ec2_layout(cloud):
    assert get("alice", "/")[1].split()[-2:] == ["2009-04-04", "latest"]
    alices, bobs = crawl("alice", "/latest/"), crawl("bob", "/2009-04-04/")
    assert alices["/latest/user-data"] == USER_DATA
    assert alices["/latest/meta-data/public-keys/0/openssh-key"] == KEY
    assert get("alice", "/latest/meta-data/public-keys/") == (200, "0=alices")
    assert {alices[f"/latest/meta-data/{kind}hostname"] for kind in ("", "local-", "public-")} == {"alice"}
    assert bobs["/2009-04-04/meta-data/hostname"] == "bobs-host"
    assert bobs["/2009-04-04/meta-data/public-ipv4"] == ""
    assert alices["/latest/meta-data/instance-id"] != bobs["/2009-04-04/meta-data/instance-id"]
    assert not any("user-data" in path or "public-keys" in path for path in bobs)


def test_cloud_init_boots_with_its_own_metadata(cloud):
    script = Path(__file__).parents[1] / "cloud_init.sh"
    found = {name: json.loads(run("ip", "netns", "exec", f"vm-{name}", str(script))) for name in ("alice", "bob")}
    for name, host in (("alice", "alice"), ("bob", "bobs-host")):
        assert found[name]["v1"]["cloud_name"] == "openstack"
        assert found[name]["v1"]["local_hostname"] == host
        assert found[name]["v1"]["instance_id"] == instance_id(name)
    assert found["alice"]["v1"]["public_ssh_keys"] == [KEY]
    assert found["alice"]["ds"]["meta_data"]["meta"] == {"role": "web"}
    assert Path(PROOF).read_text() == "I am alice"
    assert not found["bob"]["v1"]["public_ssh_keys"]


def test_a_changed_map_is_read_without_losing_a_request(cloud, plans):
    agent = next(item for item in plans["host"]["services"] if item["name"] == "metadata-agent")
    without = copy.deepcopy(agent)
    sources = next(file for file in without["files"] if file["path"].endswith(".map"))
    sources["content"] = "".join(line for line in sources["content"].splitlines(True) if "10.0.0.9" not in line)
    loop = "for i in $(seq 100); do curl -sm5 -o /dev/null -w '%{http_code}\n' 169.254.169.254/; sleep 0.02; done"
    with subprocess.Popen(["ip", "netns", "exec", "vm-alice", "sh", "-c", loop], stdout=subprocess.PIPE,
                          text=True) as asking:
        cloud.reload(without)
        eventually(lambda: get("mallory", "/")[0] == 404)
        cloud.reload(agent)
        eventually(lambda: get("mallory", "/")[0] == 200)
        statuses = asking.stdout.read().split()
    assert statuses == ["200"] * 100
