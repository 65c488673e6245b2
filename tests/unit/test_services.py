# SPDX-License-Identifier: GPL-3.0-or-later
"""netns_service: parsing, unit files, and the steps from one state to another, without systemd."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import mark
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import (
    BadInput,
    EngineError,
    ForeignObject,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services import systemd, unit
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.goal import Goal
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.parse import (
    parse,
    parse_names,
    secrets,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import (
    FAILED,
    STOPPED,
    Process,
    Unit,
)
from tests.unit.service_host import HOME, Host, changes, goal, host, steps, told

COMMAND = ["/usr/sbin/dnsmasq", "-k"]


def item(**keys):
    return {
        "name": "a",
        "namespace": "qdhcp-a",
        "command": COMMAND,
        "reload_signal": "HUP",
        "directories": [{"path": HOME}],
        "files": [
            {"path": f"{HOME}/host", "content": "one\n", "change": "reload"},
            {"path": f"{HOME}/conf", "content": "x\n"},
            {"path": f"{HOME}/leases", "content": "", "create_only": True},
        ],
        **keys,
    }


@pytest.mark.parametrize(("config", "problems"), [
    ([7], ["config[0]: 7: must be a mapping", "config[0].name: is required",
           "config[0].command: []: must be a list of the program's path and its arguments"]),
    ([item(name="../a")],
     ["config[0].name: ../a: is not a name for a unit: letters, digits and _.:-, at most 200 of them"]),
    ([item(), item(files=[], directories=[])], ["config[1].name: a: is already given by config[0].name"]),
    ([item(namespace="a/b")],
     ["config[0].namespace: a/b: is not the name of a network namespace: letters, digits and ._@:+=,~-"]),
    ([item(command=["dnsmasq", 5, "a\0"])],
     ["config[0].command[0]: dnsmasq: is not the path of a program", "config[0].command[1]: 5: must be text",
      "config[0].command[2]: a\0: must be text"]),
    ([item(description="a\nb")], ["config[0].description: a\nb: must be one line that does not end in a backslash"]),
    ([item(reload_signal="TERM")], ["config[0].reload_signal: TERM: must be one of HUP, USR1, USR2"]),
    ([item(user="a b")], ["config[0].user: a b: is not the name of an account"]),
    ([item(files=[{"path": "/a/../b", "content": ""}])],
     ["config[0].files[0].path: /a/../b: is not an absolute path of letters, digits and ._@:+=,~-"]),
    ([item(files=[{"path": "/etc/a"}])], ["config[0].files[0].content: is required"]),
    ([item(files=[{"path": "/etc/a", "content": "", "mode": 420}])],
     ['config[0].files[0].mode: 420: is not a mode: four octal digits in quotes, as "0644"']),
    ([item(files=[{"path": "/etc/a", "content": "", "create_only": True, "change": "reload"}])],
     ["config[0].files[0].change: reload: must be none for a file that is only created"]),
    ([item(files=[{"path": "/etc/a", "content": "", "change": "often"}])],
     ["config[0].files[0].change: often: must be one of restart, reload, none"]),
    ([item(files=[{"path": "/etc/a", "content": "x", "secret": True}])],
     ["config[0].files[0].mode: 0644: lets everybody read a secret: the last digit must be 0"]),
    ([item(directories=[{"path": "/var/lib"}])],
     ["config[0].directories[0].path: /var/lib: goes with its service, so it must be at least three levels deep "
      "(/var/lib/NAME)"]),
    ([item(), item(name="b", directories=[], files=[{"path": f"{HOME}/host", "content": ""}])],
     [f"config[1].files[0].path: {HOME}/host: is already given by config[0].files[0].path"]),
    ([item(), item(name="b", directories=[], files=[{"path": f"{HOME}/more", "content": ""}])],
     [f"config[1].files[0].path: {HOME}/more: is inside a directory of another service, "
      "config[0].directories[0].path"]),
])  # fmt: skip
def test_every_problem_names_index_key_value_and_rule(config, problems):
    with pytest.raises(BadInput) as refused:
        parse(config)
    assert refused.value.problems == problems


def test_names_alone_are_enough_for_what_must_go():
    assert parse_names([{"name": "a"}, {"name": "b"}, {"name": "a"}]) == ["a", "b"]


def test_a_problem_never_shows_a_secret():
    secret = {"path": "/etc/a", "mode": "0640", "secret": True}
    for wrong in ({"content": ["hunter2"]}, {"contents": "hunter2"}, {"content": "hunter2", "mode": "0644"}):
        with pytest.raises(BadInput) as refused:
            parse([item(files=[{**secret, **wrong}])])
        assert "hunter2" not in str(refused.value)
    config = [item(files=[{**secret, "content": "hunter2", "contents": "hunter3"}, {"path": "/b", "content": "c"}])]
    assert set(secrets(config)) == {"hunter2", "hunter3"}
    for shape in (None, 7, [7], [{"files": 7}], [{"files": [7]}]):
        assert not list(secrets(shape))


def test_the_unit_file():
    (service,) = parse([item(description="50% of all", command=[*COMMAND, "--x=$a b%"], user="nobody")]).values()
    assert unit.render(service, "demo") == (
        "# Kept by the Ansible module cloudnet.dataplane.netns_service: do not edit.\n"
        "[Unit]\n"
        "Description=50%% of all\n"
        "StartLimitIntervalSec=0\n"
        "[Service]\n"
        "Type=exec\n"
        "NetworkNamespacePath=/run/netns/qdhcp-a\n"
        "User=nobody\n"
        f"Environment=CLOUDNET_DATAPLANE_UNIT={unit.digest(service)}\n"
        'ExecStart=/usr/sbin/dnsmasq -k "--x=$$a b%%"\n'
        'ExecReload=/bin/sh -c "kill -HUP $MAINPID"\n'
        "Restart=always\n"
        "RestartSec=1\n"
        "TimeoutStopSec=10\n"
        "SyslogIdentifier=a\n"
        "[X-Cloudnet-Dataplane]\n"
        "Owner=demo\n"
        "ReadsAgain=651134b9a9fa6cbf\n"
        "Directory=/var/lib/dhcp/a\n"
        "File=/var/lib/dhcp/a/host\n"
        "File=/var/lib/dhcp/a/conf\n"
        "File=/var/lib/dhcp/a/leases\n"
    )


def test_what_a_unit_records_is_read_back_but_nothing_that_would_be_dangerous_to_remove():
    (service,) = parse([item(files=[{"path": "/etc/key", "content": "x", "mode": "0600", "secret": True}])]).values()
    text = unit.render(service, "demo")
    record = unit.read(text + "Directory=/var/lib\nDirectory=/a/b/../c\nFile=relative\n")
    assert (record.owner, record.files, record.secrets) == ("demo", frozenset(), {"/etc/key"})
    assert record.directories == {HOME}
    assert unit.unquote(record.entries["ExecStart"]) == COMMAND
    for foreign in (None, "", "[Unit]\nOwner=demo\n", text.replace(mark.UNIT_SECTION, "X-Other")):
        assert unit.read(foreign) is None


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))))
def test_a_command_line_holds_its_words(words):
    line = " ".join(map(unit.quote, words))
    assert "\n" not in line
    assert unit.unquote(line) == words


def test_a_time_of_systemd():
    assert systemd.nanoseconds("Thu 1970-01-01 00:00:01.000002 UTC") == 1_000_002_000
    assert systemd.nanoseconds("") == 0


def test_a_new_service_is_made_in_an_order_in_which_it_can_be_read():
    assert told(Host(), goal(item())) == [
        ("create", "unit cloudnet-a.service"), ("create", "directory ~"), ("create", "file ~/host"),
        ("create", "file ~/conf"), ("create", "file ~/leases"), ("create", "service cloudnet-a", None, None),
    ]  # fmt: skip


def test_a_second_run_does_nothing():
    assert told(host(item()), goal(item())) == []
    assert told(host(item()), goal(item(), purge=True)) == []


def file_changed(content, of=0):
    files = [dict(each) for each in item()["files"]]
    files[of]["content"] = content
    return files


@pytest.mark.parametrize(("changed", "expected"), [
    ({"files": file_changed("two\n")},
     [("update", "file ~/host"), ("update", "service cloudnet-a", "reload", [f"{HOME}/host"])]),
    ({"files": file_changed("two\n", 1)},
     [("update", "file ~/conf"), ("update", "service cloudnet-a", "restart", [f"{HOME}/conf"])]),
    ({"files": file_changed("two\n", 2)}, []),
    ({"command": ["/usr/sbin/dnsmasq"]},
     [("update", "unit cloudnet-a.service"), ("update", "service cloudnet-a", "restart", ["unit"])]),
    ({"namespace": "other"},
     [("update", "unit cloudnet-a.service"), ("update", "service cloudnet-a", "restart", ["namespace", "unit"])]),
    ({"description": "another"},
     [("update", "unit cloudnet-a.service"), ("update", "service cloudnet-a", "reload", ["unit"])]),
    ({"reload_signal": None},
     [("update", "unit cloudnet-a.service"), ("update", "service cloudnet-a", "restart", ["unit"])]),
    ({"files": item()["files"][1:]},
     [("delete", "file ~/host"), ("update", "unit cloudnet-a.service"),
      ("update", "service cloudnet-a", "reload", ["unit"])]),
    ({"directories": [{"path": HOME, "mode": "0700"}]}, [("update", "directory ~")]),
])  # fmt: skip
def test_what_changes_and_what_the_process_must_do(changed, expected):
    found, wanted = host(item()), goal(item(**changed))
    assert told(found, wanted) == expected
    costs = {c.disruption for c in changes(found, wanted)}
    assert ("service" in costs) == any(each[2:3] == ("restart",) for each in expected)
    found.converge(wanted)
    assert told(found, wanted) == []


def stopped(found):
    found.processes["a"] = Process(STOPPED)


def failed(found):
    found.processes["a"] = Process(FAILED)


def in_a_deleted_namespace(found):
    found.namespaces["qdhcp-a"] = (1, 4711)


def edited(found):
    found.write(f"{HOME}/host", b"by hand")


def mode_changed(found):
    found.paths[f"{HOME}/conf"] = replace(found.paths[f"{HOME}/conf"], mode="0666")


def unit_edited(found):
    found.write_unit("a", Unit(found.units["a"].text.replace("RestartSec=1", "RestartSec=9")))


def unit_masked(found):
    found.units["a"] = Unit(masked=True)


def unit_removed(found):
    del found.units["a"]


def file_removed(found):
    del found.paths[f"{HOME}/host"]


def link_in_place_of_a_file(found):
    path = f"{HOME}/host"
    found.paths[path] = replace(found.paths[path], kind="symlink", content=b"/etc/passwd")


@pytest.mark.parametrize(("damage", "expected"), [
    (stopped, [("update", "service cloudnet-a", "start", None)]),
    (failed, [("update", "service cloudnet-a", "start", None)]),
    (in_a_deleted_namespace, [("update", "service cloudnet-a", "restart", ["namespace"])]),
    (edited, [("update", "file ~/host"), ("update", "service cloudnet-a", "reload", [f"{HOME}/host"])]),
    (file_removed, [("create", "file ~/host"), ("update", "service cloudnet-a", "reload", [f"{HOME}/host"])]),
    (mode_changed, [("update", "file ~/conf"), ("update", "service cloudnet-a", "restart", [f"{HOME}/conf"])]),
    (unit_edited, [("update", "unit cloudnet-a.service"), ("update", "service cloudnet-a", "reload", ["unit"])]),
    (unit_masked, [("update", "unit cloudnet-a.service"), ("update", "service cloudnet-a", "reload", ["unit"])]),
    (unit_removed, [("create", "unit cloudnet-a.service"), ("update", "service cloudnet-a", "reload", ["unit"])]),
    (link_in_place_of_a_file,
     [("update", "file ~/host"), ("update", "service cloudnet-a", "reload", [f"{HOME}/host"])]),
])  # fmt: skip
def test_damage_is_found_and_only_the_damage(damage, expected):
    both = item(), item(name="b", namespace="qdhcp-b", directories=[], files=[])
    found = host(*both)
    damage(found)
    wanted = goal(*both)
    assert told(found, wanted) == expected
    found.converge(wanted)
    assert told(found, wanted) == []


def test_a_process_that_has_overwritten_its_environment_is_judged_by_time():
    found = host(item())
    found.processes["a"] = replace(found.processes["a"], digest=None)
    assert told(found, goal(item())) == []
    found.write_unit("a", found.units["a"])
    assert told(found, goal(item()))[-1] == ("update", "service cloudnet-a", "restart", ["unit"])


def test_a_file_from_the_future_is_not_newer_for_ever():
    found = host(item())
    path = f"{HOME}/conf"
    found.paths[path] = replace(found.paths[path], mtime=found.now + 10**6)
    assert told(found, goal(item())) == []


def test_a_version_that_systemd_has_not_read_is_loaded():
    found = host(item())
    found.loaded["a"] = "older"
    (change,) = changes(found, goal(item()))
    assert (change.object, change.before, change.after) == (
        "unit cloudnet-a.service", {"loaded": False}, {"loaded": True},
    )  # fmt: skip


def test_purge_and_absence_remove_only_ours():
    found = host(item())
    found.write_unit("theirs", Unit(unit.render(parse([item(name="theirs")])["theirs"], "another")))
    found.write_unit("foreign", Unit("[Service]\n"))
    gone = [
        ("delete", "service cloudnet-a", None, None), ("delete", "file ~/conf"), ("delete", "file ~/host"),
        ("delete", "file ~/leases"), ("delete", "directory ~"), ("delete", "unit cloudnet-a.service"),
    ]  # fmt: skip
    assert told(found, goal(purge=True)) == gone
    assert told(found, Goal({}, ("a", "b"), "demo")) == gone
    for name in ("theirs", "foreign"):
        with pytest.raises(ForeignObject, match=f"cloudnet-{name}.service"):
            steps(found, Goal({}, (name,), "demo"))
        assert told(found, Goal({}, (name,), "demo", adopt=True))[-1] == ("delete", f"unit cloudnet-{name}.service")
    with pytest.raises(ForeignObject, match=r"-theirs\.service exists .*; unit cloudnet-foreign\.service exists"):
        steps(found, Goal({}, ("theirs", "foreign"), "demo"))


def test_a_process_whose_unit_file_is_gone_is_stopped_when_named():
    found = host(item())
    unit_removed(found)
    assert told(found, Goal({}, ("a",), "demo")) == [("delete", "service cloudnet-a", None, None)]


def test_what_is_not_ours_is_in_the_way_unless_adopted():
    for path in (HOME, "/etc/conf"):
        found = Host()
        found.write(path, b"theirs", kind="directory" if path == HOME else "file")
        wanted = item(files=[{"path": "/etc/conf", "content": "ours"}])
        with pytest.raises(ForeignObject, match=f"{path} exists"):
            steps(found, goal(wanted))
        adopted = goal(wanted, adopt=True)
        found.converge(adopted)
        assert told(found, goal(wanted)) == []
    found = Host()
    found.write_unit("a", Unit("[Service]\n"))
    with pytest.raises(ForeignObject, match=r"unit cloudnet-a\.service"):
        steps(found, goal(item()))
    assert told(found, goal(item(), adopt=True))[0] == ("update", "unit cloudnet-a.service")


def test_what_a_process_has_made_in_its_own_directory_is_ours():
    found = host(item())
    found.write(f"{HOME}/pid", b"4711")
    files = [*item()["files"], {"path": f"{HOME}/pid", "content": "", "create_only": True}]
    assert told(found, goal(item(files=files)))[0] == ("update", "unit cloudnet-a.service")


def test_something_of_another_kind_is_never_replaced():
    found = Host()
    found.write("/etc/conf", b"", kind="directory")
    with pytest.raises(EngineError, match="/etc/conf should be a file, but is a directory"):
        steps(found, goal(item(files=[{"path": "/etc/conf", "content": ""}]), adopt=True))


def test_a_path_of_another_service_of_ours_is_refused_unless_that_goes_or_gives_it_up():
    shared = {"path": f"{HOME}/host", "content": "one\n", "change": "reload"}
    renamed = item(name="b", files=[shared])
    found = host(item())
    with pytest.raises(EngineError, match=f"{HOME} of service b belongs to service a"):
        steps(found, goal(renamed))
    assert told(found, goal(renamed, purge=True)) == [
        ("delete", "service cloudnet-a", None, None), ("create", "unit cloudnet-b.service"),
        ("create", "service cloudnet-b", None, None),
        ("delete", "file ~/conf"), ("delete", "file ~/leases"), ("delete", "unit cloudnet-a.service"),
    ]  # fmt: skip


def test_a_secret_is_in_no_change():
    def with_secret(text, **keys):
        file = {"path": f"{HOME}/key", "content": text, "mode": "0600", "secret": True, **keys}
        return goal(item(files=[file]))

    found, seen = Host(), []
    for wanted in (with_secret("hunter2"), with_secret("hunter3"), with_secret("hunter3", mode="0640")):
        seen += changes(found, wanted)
        found.converge(wanted)
    seen += changes(found, goal(item(files=[{"path": f"{HOME}/key", "content": "hunter3", "change": "none"}])))
    seen += changes(found, goal(item(files=[])))
    seen += changes(found, goal(purge=True))
    assert "hunter" not in json.dumps([vars(change) for change in seen])
    shown = [
        (change.before or {}).get("content", "") + (change.after or {}).get("content", "")
        for change in seen
        if "key" in change.object
    ]
    assert shown == [
        "(secret)", "(secret)(another secret)", "(secret)(secret)", "(secret)(secret)", "(secret)", "(secret)",
    ]  # fmt: skip
