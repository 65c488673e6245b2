# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances ask the controller who they are: through their router, or the DHCP server of a network without one."""

from __future__ import annotations

import json

import pytest

from tests.lab import ROOT
from tests.sandbox import eventually

HOST_NAMES = {"alice": "alice", "bob": "bobs-host", "carol": "carol"}
HOSTS = ("control1", "network1", "compute1", "compute2")
HOME = {"alice": "compute1", "bob": "compute2", "carol": "compute1"}
WRITES = {"alice": ["/tmp/hello-alice"], "bob": ["/tmp/hello-bob"], "carol": []}
IPV4, IPV6 = "http://169.254.169.254", "http://[fe80::a9fe:a9fe%25eth0]"


def get(lab, name, path, base=IPV4):
    """What an instance is answered, status last."""
    answer = lab.sh(HOME[name], f"ip netns exec vm-{name} curl -gsm5 -w '\n%{{http_code}}' '{base}{path}' || true")
    return answer.rsplit("\n", 1)


def is_answered(lab, name, base=IPV4):
    return get(lab, name, "/openstack", base)[-1] == "200"


def others(lab, **changes):
    """Extra vars: the site's ports with changes, {name: {key: value} or None: without it}."""
    ports = [{**port, **(changes.get(port["name"], {}) or {})} for port in lab.site()["dataplane_ports"]
             if changes.get(port["name"], {}) is not None]
    return "--extra-vars", json.dumps({"dataplane_ports": ports})


def test_check_mode_predicted_and_the_second_run_changed_nothing(lab):
    lab.assert_predicted_then_idempotent("site")


@pytest.mark.parametrize("name", HOST_NAMES)
def test_cloud_init_finds_its_own_metadata(lab, name):
    eventually(lambda: is_answered(lab, name), 30)
    lab.copy(ROOT / "tests" / "cloud_init.sh", HOME[name])
    lab.sh(HOME[name], "rm -f /tmp/hello-*")
    found = json.loads(lab.sh(HOME[name], f"ip netns exec vm-{name} sh /tmp/cloud_init.sh"))
    assert found["v1"]["cloud_name"] == "openstack"
    assert found["v1"]["local_hostname"] == HOST_NAMES[name]
    assert lab.sh(HOME[name], "ls /tmp/hello-* || true").split() == WRITES[name]
    assert bool(found["v1"]["public_ssh_keys"]) == (name == "alice")


def test_over_ipv6_where_a_router_or_nobody_advertises_the_way(lab):
    eventually(lambda: is_answered(lab, "alice", IPV6), 30)
    assert get(lab, "alice", "/latest/meta-data/hostname", IPV6) == ["alice", "200"]


@pytest.mark.parametrize("host", HOSTS)
def test_the_secret_is_on_no_host_and_user_data_in_no_journal(lab, host):
    secret = lab.site()["dataplane_metadata_proxy_shared_secret"]
    assert lab.sh(host, f"grep -rslF {secret} /etc /var /tmp /run /root /home || true") == ""
    assert lab.sh(host, f"journalctl --no-pager | grep -cE '{secret}|hunter2' || true") == "0"
    readable = "find /etc /var/lib -xdev -type f -perm -004 -exec grep -lsE '[0-9a-f]{64}|hunter2' {} +"
    assert "metadata" not in lab.sh(host, f"{readable} || true")


@pytest.mark.parametrize(("host", "process"), [("network1", "haproxy"), ("control1", "nginx")])
def test_whoever_is_killed_comes_back_in_seconds(lab, host, process):
    lab.sh(host, f"for pid in $(pidof {process}); do kill -9 $pid; done")
    for name in HOST_NAMES:
        eventually(lambda name=name: is_answered(lab, name), 10)
    assert lab.play("site.yml").changes() == {}


def test_debians_own_daemons_do_not_run_and_one_that_did_is_left_alone(lab):
    assert lab.sh("network1", "systemctl is-active haproxy || true") == "inactive"
    lab.sh("control1", "systemctl start nginx")
    assert lab.play("site.yml", *others(lab, bob={"hostname": "bobs-other-host"})).objects() != []
    assert "Welcome to nginx" in lab.sh("control1", "curl -s http://127.0.0.1")
    assert get(lab, "bob", "/latest/meta-data/hostname") == ["bobs-other-host", "200"]
    lab.play("site.yml")
    lab.sh("control1", "systemctl stop nginx")


def test_changed_user_data_are_one_file_and_nobody_is_disturbed(lab):
    changes = others(lab, alice={"user_data": "#!/bin/sh\n# changed\n"})
    predicted, run = lab.play("site.yml", "--check", *changes), lab.play("site.yml", "--diff", *changes)
    assert predicted.objects() == run.objects()
    (changed,) = run.objects()
    assert changed.endswith("/openstack/user_data")
    assert "hunter2" not in run.output + predicted.output
    assert "# changed" not in run.output
    assert get(lab, "alice", "/openstack/latest/user_data")[0].startswith("#!/bin/sh")
    lab.play("site.yml")


def test_an_instance_that_goes_takes_its_documents_along(lab):
    documents = "grep -rl carol /var/lib/cloudnet /etc/cloudnet | wc -l"
    assert int(lab.sh("control1", documents)) > 0
    lab.play("site.yml", *others(lab, carol=None))
    assert int(lab.sh("control1", documents)) == 0
    assert is_answered(lab, "alice")
    lab.play("site.yml")
    eventually(lambda: is_answered(lab, "carol"), 30)


def test_a_run_for_the_controller_alone(lab):
    lab.sh("control1", "systemctl stop cloudnet-metadata-api-metadata")
    run = lab.play("site.yml", "--limit", "control1", "--tags", "services")
    assert run.objects() == ["service cloudnet-metadata-api-metadata"]
    assert is_answered(lab, "bob")


def test_teardown_leaves_nothing_behind(lab):
    lab.play("teardown.yml")
    for host in HOSTS:
        assert lab.sh(host, "systemctl list-units --all --no-legend 'cloudnet-*'") == ""
        assert lab.sh(host, "find /etc/cloudnet /var/lib/cloudnet /var/lib/neutron -type f -o -type s || true") == ""
