# SPDX-License-Identifier: GPL-3.0-or-later
"""dnsmasq, haproxy and radvd in namespaces: they serve, they come back, and a change costs no more than it must."""

from __future__ import annotations

import json
import re

import pytest

from tests.sandbox import ModuleFailed, eventually

HOST = "/var/lib/neutron/dhcp/a/host"
CONF = "/var/lib/neutron/proxy/a.conf"


def objects(changes):
    return [(change["action"], change["object"]) for change in changes]


def test_the_first_run_did_what_check_mode_on_a_virgin_host_predicted_and_the_second_nothing(lab):
    lab.assert_predicted_then_idempotent("converge")


def test_each_runs_in_its_namespace_and_serves(site):
    for service in site.remote.run("netns_service_info", name=list(site.converged))["services"]:
        assert service["command"] == site.item(service["name"])["command"]
        inside = site.sh(f"readlink /proc/{service['pid']}/ns/net")
        assert site.sh(f"ip netns exec {service['namespace']} readlink /proc/self/ns/net") == inside
    assert site.lease() == ["10.0.0.3"]
    assert site.page() == "hunter2"
    eventually(lambda: "fd00::f816:3eff:fe00:11" in site.sh("ip -n vm-a -6 addr show eth0"), seconds=15)


def test_units_are_not_enabled_and_log_to_the_journal_under_their_own_name(site):
    assert site.sh("systemctl show -P UnitFileState cloudnet-dnsmasq-a") == "static"
    site.lease()
    assert "DHCPACK(tapa) 10.0.0.3" in site.sh("journalctl --unit cloudnet-dnsmasq-a --output cat")
    assert site.sh("journalctl --identifier radvd-a --output cat")


def test_one_that_is_killed_is_back_in_seconds_however_often(site):
    for _time in range(3):
        for name, pid in site.pids().items():
            site.sh(f"kill -9 {pid}")
            assert site.runs_again(name, pid) < 5
    assert site.run()["changes"] == []
    assert site.page() == "hunter2"


def test_a_changed_host_file_is_read_by_the_same_process_and_leases_survive(site):
    site.lease()
    leases, pids = site.sh("cat /var/lib/neutron/dhcp/a/leases"), site.pids()
    site.item("dnsmasq-a")["files"][0]["content"] = "fa:16:3e:00:00:11,host-10-0-0-9,10.0.0.9\n"
    changes = site.converge()
    assert objects(changes) == [("update", f"file {HOST}"), ("update", "service cloudnet-dnsmasq-a")]
    assert changes[1]["after"] == {"state": "running", "by": "reload"}
    assert {change["disruption"] for change in changes} == {"none"}
    assert site.pids() == pids
    assert "10.0.0.3" in leases
    assert leases == site.sh("cat /var/lib/neutron/dhcp/a/leases")
    eventually(lambda: site.lease() == ["10.0.0.9"], seconds=20)  # dnsmasq reads when it gets round to its signal


def test_a_changed_configuration_is_read_by_the_same_master(site):
    pids, item = site.pids(), site.item("haproxy-a")
    item["files"][0]["content"] = item["files"][0]["content"].replace("hunter2", "hunter3")
    assert objects(site.converge()) == [("update", f"file {CONF}"), ("update", "service cloudnet-haproxy-a")]
    assert site.pids() == pids
    eventually(lambda: site.page() == "hunter3")


def test_what_is_read_only_at_the_start_makes_one_process_start_anew(site):
    pids, item = site.pids(), site.item("radvd-a")
    item["files"][0]["content"] = item["files"][0]["content"].replace("MaxRtrAdvInterval 4", "MaxRtrAdvInterval 5")
    changes = site.converge()
    assert objects(changes) == [("update", "file /var/lib/neutron/ra/a.conf"), ("update", "service cloudnet-radvd-a")]
    assert changes[1]["after"] == {"state": "running", "by": "restart"}
    assert changes[1]["disruption"] == "service"
    changed = {name for name, pid in site.pids().items() if pid != pids[name]}
    assert changed == {"radvd-a"}


def test_files_have_their_modes_and_owners_and_are_replaced_whole(site):
    assert site.sh(f"stat -c '%a %U %G' {CONF}") == "640 root haproxy"
    assert site.sh("stat -c '%a %U %G' /var/lib/neutron/proxy /var/lib/neutron/dhcp/a").splitlines() == [
        "755 root root", "755 root root",
    ]  # fmt: skip
    before = site.sh(f"stat -c %i {HOST}; exec 3<{HOST}; echo; cat <&3").split()
    site.item("dnsmasq-a")["files"][0]["content"] = ""
    reader = f"exec 3<{HOST}; sleep 3; cat <&3"
    site.sh(f"({reader}) >/tmp/read 2>&1 &")
    site.run()
    assert site.sh(f"stat -c %i {HOST}") != before[0]
    assert site.sh("sleep 3; cat /tmp/read").split() == before[1:]
    assert site.sh(f"ls -A {HOST.rpartition('/')[0]}").split() == ["host", "leases", "pid"]


def test_arguments_arrive_as_they_are(site):
    words = ["a b", "$HOME ${HOME} $$", "100%n", "'\"\\", ";", "", "&& | >", "ä\t\n", "-"]
    program = "import time; time.sleep(1000)"
    site.wanted.append({"name": "words", "command": ["/usr/bin/python3", "-c", program, *words]})
    site.converge()
    (pid,) = site.pids(["words"]).values()
    assert site.sh(f"base64 -w0 /proc/{pid}/cmdline") == site.sh(
        "printf '%s\\0' " + " ".join("$'" + "".join(f"\\x{b:02x}" for b in w.encode()) + "'"
                                     for w in ["/usr/bin/python3", "-c", program, *words]) + " | base64 -w0"
    )  # fmt: skip
    (service,) = site.remote.run("netns_service_info", name=["words"])["services"]
    assert service["command"][3:] == words
    assert site.sh(f"readlink /proc/{pid}/ns/net") == site.sh("readlink /proc/1/ns/net")


def test_a_service_can_run_as_somebody_else(site):
    site.wanted.append({"name": "modest", "user": "nobody", "command": ["/bin/sleep", "1000"]})
    site.converge()
    (pid,) = site.pids(["modest"]).values()
    assert site.sh(f"stat -c %U /proc/{pid}") == "nobody"


def test_a_secret_is_nowhere_but_in_its_file(site, lab):
    item = site.item("haproxy-a")
    item["files"][0]["content"] = item["files"][0]["content"].replace("hunter2", "swordfish")
    results = [site.run(check=True), site.run(), site.remote.run("netns_service_info")]
    item["files"][0]["mode"] = "0644"
    with pytest.raises(ModuleFailed) as refused:
        site.run()
    item["files"][0].update(mode="0640", change="now and then")
    with pytest.raises(ModuleFailed) as misspelt:
        site.run()
    assert "swordfish" not in json.dumps([*results, refused.value.result, misspelt.value.result])
    shown = lab.play("../molecule/services/converge.yml", "--diff", "-vvv").output
    assert "(another secret)" in shown
    assert not re.search("swordfish|hunter2", shown)
    assert site.sh("journalctl --output cat | grep -cE 'swordfish|hunter2' || :") == "0"
    assert site.sh("grep -lrE 'swordfish|hunter2' /etc /run/systemd /var/lib/neutron") == CONF


def test_purge_removes_what_is_not_listed_and_all_that_goes_with_it(site):
    site.sh("echo >/etc/systemd/system/cloudnet-foreign.service")
    site.run(config=[{"name": "other", "command": ["/bin/sleep", "1000"]}], owner="another")
    site.wanted = [site.item("haproxy-a")]
    pids = site.pids()
    changes = site.converge(purge=True)
    assert ("delete", "service cloudnet-dnsmasq-a") in objects(changes)
    assert ("delete", "directory /var/lib/neutron/dhcp/a") in objects(changes)
    assert not any("haproxy" in each or "other" in each or "foreign" in each for _action, each in objects(changes))
    assert site.sh("cd /var/lib/neutron; ls dhcp proxy ra").split() == [
        "dhcp:", "proxy:", "a.conf", "ra:",
    ]  # fmt: skip
    assert site.sh("cd /etc/systemd/system; ls -d cloudnet-*").split() == [
        "cloudnet-foreign.service", "cloudnet-haproxy-a.service", "cloudnet-other.service",
    ]  # fmt: skip
    assert site.sh("systemctl list-units --all --plain --no-legend 'cloudnet-*' | cut -d' ' -f1").split() == [
        "cloudnet-haproxy-a.service", "cloudnet-other.service",
    ]  # fmt: skip
    assert site.pids(["haproxy-a"])["haproxy-a"] == pids["haproxy-a"]
    site.run(config=[{"name": "other"}], owner="another", state="absent")
    site.sh("rm /etc/systemd/system/cloudnet-foreign.service")


def test_services_of_a_namespace_that_is_gone_are_purged(site):
    site.remote.run("netns", owner="demo", config=[{"name": "brief"}])
    brief = {"name": "brief", "namespace": "brief", "command": ["/bin/sleep", "1000"]}
    site.run(config=[*site.wanted, brief])
    site.sh("ip netns del brief")
    assert objects(site.converge(purge=True)) == [
        ("delete", "service cloudnet-brief"), ("delete", "unit cloudnet-brief.service"),
    ]  # fmt: skip


def test_state_absent_removes_those_that_are_named(site):
    gone = site.run(config=[{"name": "radvd-a"}, {"name": "never-there"}], state="absent")
    assert objects(gone["changes"]) == [
        ("delete", "service cloudnet-radvd-a"), ("delete", "file /var/lib/neutron/ra/a.conf"),
        ("delete", "unit cloudnet-radvd-a.service"),
    ]  # fmt: skip
    assert site.run(config=[{"name": "radvd-a"}], state="absent")["changes"] == []


def test_foreign_units_and_files_are_refused_unless_adopted(site):
    path = "/etc/systemd/system/cloudnet-theirs.service"
    theirs = "[Service]\nExecStart=/bin/sleep 2000\n"
    site.sh(f"printf '{theirs}' >{path}; echo theirs >/etc/theirs; systemctl daemon-reload; "
            "systemctl start cloudnet-theirs")  # fmt: skip
    site.wanted.append({"name": "theirs", "command": ["/bin/sleep", "1000"]})
    for check in (True, False):
        with pytest.raises(ModuleFailed, match=r"unit cloudnet-theirs\.service exists and does not carry our mark"):
            site.run(check=check)
    site.wanted[-1].update(name="ours", files=[{"path": "/etc/theirs", "content": "ours\n"}])
    with pytest.raises(ModuleFailed, match="file /etc/theirs exists and does not carry our mark"):
        site.run()
    assert site.sh(f"cat {path} /etc/theirs") == theirs + "theirs"
    assert site.sh("systemctl is-active cloudnet-theirs") == "active"
    site.wanted[-1]["name"] = "theirs"
    real = site.run(adopt=True)
    assert ("update", "unit cloudnet-theirs.service") in objects(real["changes"])
    assert ("update", "file /etc/theirs") in objects(real["changes"])
    assert site.run()["changes"] == []
    (pid,) = site.pids(["theirs"]).values()
    assert site.sh(f"tr '\\0' ' ' </proc/{pid}/cmdline") == "/bin/sleep 1000 "


def test_what_the_host_lacks_is_named_and_check_mode_does_not_ask_for_it(site):
    def refused(match, **keys):
        site.wanted[-1] = {"name": "lacking", "command": ["/bin/sleep", "1000"], **keys}
        assert len(site.run(check=True)["changes"]) >= 2
        with pytest.raises(ModuleFailed, match=match):
            site.run()
        assert site.sh("ls /etc/systemd/system").count("lacking") == 0

    site.wanted.append({})
    refused("network namespace nowhere of service lacking does not exist: netns makes it", namespace="nowhere")
    refused("/usr/sbin/nsd is not installed on this host: install the Debian package nsd", command=["/usr/sbin/nsd"])
    refused("user nobodyatall does not exist", user="nobodyatall")
    refused("group nobodyatall does not exist", files=[{"path": "/tmp/x", "content": "", "group": "nobodyatall"}])


def inventory(site):
    """Everything of ours on disk, and when what is in files was written."""
    return site.sh(
        "cat /etc/systemd/system/cloudnet-*; find /var/lib/neutron -printf '%p %y %m %u %g\n' | sort;"
        "find /var/lib/neutron /etc/systemd/system/cloudnet-* -type f -printf '%p %T@\n' | sort"
    ).splitlines()


def test_one_that_does_not_start_says_why_and_everything_is_as_it_was(site):
    before, pids = inventory(site), site.pids()
    site.item("radvd-a")["files"][0]["content"] += "nonsense\n"
    site.item("dnsmasq-a")["files"][0]["content"] += "fa:16:3e:00:00:12,other,10.0.0.4\n"
    site.item("haproxy-a")["description"] = "another"
    site.wanted.append({"name": "new", "command": ["/bin/false"], "directories": [{"path": "/var/lib/neutron/new/a"}]})
    # When the other one is given up, this one has just been started again and has not spoken yet
    site.wanted.append({"name": "slow", "command": ["/bin/sh", "-c", "sleep 0.45; echo cannot go on; exit 1"]})
    with pytest.raises(ModuleFailed, match="service cloudnet-new does not start") as failed:
        site.run()
    assert failed.value.result["rolled_back"]
    for name, why in {"radvd-a": "syntax error", "new": "status=1", "slow": "cannot go on"}.items():
        assert re.search(rf"service cloudnet-{name} does not start: [^;]*{why}", failed.value.result["msg"]), name
    assert inventory(site) == before
    now = site.pids()
    assert {name for name in pids if pids[name] != now[name]} == {"radvd-a"}
    site.wanted = type(site)(site.remote).wanted
    assert site.run()["changes"] == []
    assert site.lease() == ["10.0.0.3"]


def test_a_process_that_overwrites_its_environment_is_not_started_anew_all_the_time(site):
    home = "/var/lib/neutron/nginx/a"
    conf = {"path": f"{home}/nginx.conf", "change": "reload", "content":
            f"pid {home}/pid; error_log stderr; events {{}} http {{ access_log off; server {{ listen 8080; }} }}\n"}
    command = ["/usr/sbin/nginx", "-c", conf["path"], "-g", "daemon off;"]
    nginx = {"name": "nginx", "namespace": "qrouter-a", "command": command, "reload_signal": "HUP",
             "directories": [{"path": home}], "files": [conf]}  # fmt: skip
    site.wanted.append(nginx)
    site.converge()
    (pid,) = site.pids(["nginx"]).values()
    assert "CLOUDNET" not in site.sh(f"tr '\\0' ' ' </proc/{pid}/environ")
    nginx["description"] = "another"
    assert site.converge()[-1]["before"]["has_not_read"] == ["unit"]
    (pid,) = site.pids(["nginx"]).values()
    conf["content"] = conf["content"].replace("8080", "8081")
    assert site.converge()[-1]["after"]["by"] == "reload"
    assert site.pids(["nginx"]) == {"nginx": pid}
    eventually(lambda: "404" in site.sh("ip netns exec qrouter-a curl -sS http://10.0.0.1:8081/x"))
