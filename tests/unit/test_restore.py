# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host keeps for its own recovery: believed only when whole and root's; the program without Ansible."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.converge import Change
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import (
    archive,
    kept,
    main,
    paths,
    report,
    stamp,
    store,
    units,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.document import (
    Document,
    Refused,
    decode,
    digest,
    encode,
)
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.run import Run

PLAN = {"owner": "demo", "bridges": [], "sysctls": {"b.b": "1", "a.a": "2"}, "services": [{"secret": "pässwörd"}]}
FIRST, SECOND = Document(PLAN), Document({**PLAN, "bridges": [{"name": "br-int"}]}, purge=True, interval=60)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An owner's directory, as on a host."""
    for name in ("PLANS", "STAMPS", "UNITS"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setattr(paths, name, str(tmp_path / name))
    monkeypatch.setattr(paths, "ENGINE", str(tmp_path / "lib" / "engine.pyz"))
    monkeypatch.setattr(stamp, "LOCK_FILE", str(tmp_path / "lock"))
    home = tmp_path / "PLANS" / "demo"
    home.mkdir(mode=0o700)
    return home


def test_a_document_is_read_as_it_was_written_in_the_plans_own_order():
    assert decode(encode(SECOND)) == SECOND
    assert list(decode(encode(FIRST)).plan["sysctls"]) == ["b.b", "a.a"]


@pytest.mark.parametrize("at", [0, 40, 120, -3])
def test_no_byte_of_a_document_can_change_unnoticed(at):
    content = bytearray(encode(FIRST))
    content[at] ^= 1
    with pytest.raises(Refused, match="checksum"):
        decode(bytes(content))


@pytest.mark.parametrize("length", [0, 10, 90, 200])
def test_a_torn_document_is_refused(length):
    with pytest.raises(Refused):
        decode(encode(FIRST)[:length])


def test_a_document_of_another_version_is_refused_and_says_so():
    with pytest.raises(Refused, match="version.*colour"):
        decode(_signed(b'{"plan": {}, "colour": "red"}\n'))


def _signed(body):
    head, _newline, old = encode(FIRST).partition(b"\n")
    return head.replace(digest(old).encode(), digest(body).encode()) + b"\n" + body


def test_the_plan_is_nobody_elses_and_the_one_before_stays(home):
    store.save(str(home), encode(FIRST))
    store.save(str(home), encode(SECOND))
    assert store.load(str(home)).document == SECOND
    assert decode((home / "plan.former").read_bytes()) == FIRST
    assert sorted(os.listdir(home)) == ["plan", "plan.former"]
    assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o600}


def _truncate(plan):
    plan.write_bytes(plan.read_bytes()[:-20])


def _tamper(plan):
    plan.write_bytes(plan.read_bytes().replace(b"br-int", b"br-inn"))


def _link(plan):
    (plan.parent / "elsewhere").write_bytes(plan.read_bytes())
    plan.unlink()
    plan.symlink_to("elsewhere")


DAMAGE = {
    "torn": (_truncate, "checksum"),
    "one byte changed": (_tamper, "checksum"),
    "readable by others": (lambda plan: plan.chmod(0o640), "0640"),
    "somebody else's": (lambda plan: os.chown(plan, 1, 1), "user 1"),
    "a link": (_link, "cannot be opened"),
    "gone": (os.unlink, "No such file"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_plan_that_cannot_be_trusted_is_refused_and_the_one_before_is_used(home, damage):
    store.save(str(home), encode(FIRST))
    store.save(str(home), encode(SECOND))
    hurt, reason = DAMAGE[damage]
    hurt(home / "plan")
    loaded = store.load(str(home))
    assert loaded.document == FIRST
    assert reason in loaded.refused
    os.unlink(home / "plan.former")
    with pytest.raises(Refused, match="There is no other"):
        store.load(str(home))


def test_a_plan_in_a_directory_that_others_may_write_into_is_refused(home):
    store.save(str(home), encode(FIRST))
    home.chmod(0o770)
    with pytest.raises(Refused, match="others than root may change"):
        store.load(str(home))


def test_a_plan_that_cannot_be_trusted_never_becomes_the_one_before(home):
    store.save(str(home), encode(FIRST))
    store.save(str(home), encode(SECOND))
    _truncate(home / "plan")
    store.save(str(home), encode(replace(SECOND, interval=5)))
    assert decode((home / "plan.former").read_bytes()) == FIRST


def test_a_disk_that_is_full_leaves_the_plan_that_was_there(home, monkeypatch):
    store.save(str(home), encode(FIRST))

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(store.EngineError, match="No space left"):
        store.save(str(home), encode(SECOND))
    assert store.load(str(home)).document == FIRST


def test_the_program_runs_without_ansible_and_its_bytes_are_always_the_same(tmp_path):
    engine = tmp_path / "engine.pyz"
    engine.write_bytes(archive.build())
    assert archive.build() == engine.read_bytes()
    names = zipfile.ZipFile(engine).namelist()
    assert not [name for name in names if name.startswith("ansible/") or name.endswith(("module.py", "_packed.py"))]
    # -S: without site-packages, where Ansible is
    wrong = subprocess.run([sys.executable, "-I", "-S", engine, "dance"], capture_output=True, text=True, check=False)
    assert "usage" in wrong.stderr


def test_a_correcting_timer_is_there_only_when_wanted_and_the_shortest_interval_counts():
    assert set(units.render([]).values()) == {None}
    assert units.render([0])[units.TIMER] is None
    assert "OnUnitInactiveSec=60\n" in units.render([0, 600, 60])[units.TIMER]


def test_units_start_before_what_starts_instances_and_never_give_up_following():
    text = units.render([0])[units.RESTORE]
    for each in ("libvirtd", "virtqemud", "nova-compute"):
        assert f"{each}.service" in next(line for line in text.splitlines() if line.startswith("Before="))
    assert "StartLimitIntervalSec=0" in text


def test_with_the_last_plan_everything_goes_and_with_another_owners_only_what_is_his(home):
    show = dict.fromkeys
    store.save(str(home), encode(FIRST))
    have = kept.observe("demo", show)
    want = kept.wanted("demo", None, b"engine", have)
    assert {*want.directories.values(), *want.files.values(), *want.units.values()} == {None}
    other = home.parent / "other"
    other.mkdir(mode=0o700)
    have = kept.observe("demo", show)
    want = kept.wanted("demo", None, b"engine", have)
    assert want.directories[str(home)] is None
    assert want.directories[str(home.parent)] == 0o700
    assert want.files[paths.ENGINE]


def test_a_unit_file_of_somebody_else_is_not_overwritten(home):
    path = f"{paths.UNITS}/{units.RESTORE}"
    with open(path, "w") as file:
        file.write("[Unit]\nDescription=mine\n")
    with pytest.raises(kept.ForeignObject, match=path):
        kept.observe("demo", dict.fromkeys)


def test_the_program_tells_its_own_runs_from_those_of_others(home):
    assert stamp.others("demo") == 0
    lock = home.parent.parent / "lock"
    lock.touch()
    others = stamp.others("demo")
    assert stamp.is_recent(others)
    os.utime(lock, (5, 5))  # the program itself has it
    stamp.write("demo", "digest", others)
    assert stamp.others("demo") == others
    os.utime(lock, (6, 6))  # and then somebody else, long ago
    assert stamp.others("demo") == 6 * 10**9
    assert not stamp.is_recent(6 * 10**9)


def _finished(**others):
    change = Change("create", "flow", None, {"secret": "hidden"})
    return Run("demo", "restore", store.Loaded(FIRST, "digest"), [("flows", change)] * 25, **others)


def test_the_journal_tells_what_was_done_and_not_too_much_of_it():
    lines = report.journal(_finished(seconds=1.5))
    assert len(lines) < 25
    assert lines[-1] == "<5>demo: restore, 1.5 s: flows 25"


def test_every_line_of_a_failure_is_an_error():
    lines = report.journal(_finished(error="it failed\nfor a reason"))
    assert [line for line in lines if line.startswith("<3>")] == [
        "<3>demo: restore failed: it failed",
        "<3>demo: restore failed: for a reason",
    ]


def test_metrics_tell_failure_and_refusal_and_no_secrets(tmp_path):
    run = _finished(error="bad")
    run.loaded = replace(run.loaded, refused="torn")
    report.write_metrics(run, str(tmp_path / "made"))
    (path,) = (tmp_path / "made").iterdir()
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644
    assert 'cloudnet_dataplane_success{run="restore",site="demo"} 0\n' in text
    assert 'cloudnet_dataplane_plan_refused{run="restore",site="demo"} 1\n' in text
    assert 'cloudnet_dataplane_changes{run="restore",site="demo"} 25\n' in text
    assert "hidden" not in text and "pässwörd" not in text


def test_a_run_without_any_plan_that_can_be_trusted_is_told_to_prometheus(home, tmp_path):
    metrics = tmp_path / "metrics"
    document = replace(FIRST, textfile_directory=str(metrics))
    wanted = kept.wanted("demo", document, b"", kept.observe("demo", dict.fromkeys))
    note = wanted.files[str(home / "textfile_directory")]
    (home / "textfile_directory").write_bytes(note.content)
    (home / "textfile_directory").chmod(note.mode)
    store.save(str(home), encode(FIRST))
    _truncate(home / "plan")
    assert main.main(["restore"]) == 1
    text = (metrics / "cloudnet-dataplane-demo-restore.prom").read_text()
    assert 'cloudnet_dataplane_success{run="restore",site="demo"} 0\n' in text
    assert 'cloudnet_dataplane_plan_refused{run="restore",site="demo"} 1\n' in text


def test_nobody_else_says_where_metrics_go(home):
    note = home / "textfile_directory"
    note.write_text("/root\n")
    note.chmod(0o644)
    assert store.textfile_directory(str(home)) is None
