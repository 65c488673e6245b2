# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans on disk: whose they are, who may read them, and what of them is written anew."""

from __future__ import annotations

import json
import stat

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultSecret

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.files import PlanError, read_plan, write_plans
from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._vault import Vault

LOCKED, OPEN = Vault([]), Vault([("default", VaultSecret(b"correct horse"))])


def plan(host, secret=None):
    files = [{"path": "/etc/shadow", "content": secret, "secret": True}] if secret else []
    services = [{"name": "x", "files": files}]
    return {"host": host, "site": "demo", "owner": "demo", "namespaces": [], "services": services}


def plans(**secrets):
    return {host: plan(host, secret) for host, secret in secrets.items()}


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_only_files_that_say_something_else_are_written(tmp_path):
    assert write_plans(tmp_path, plans(one="a", two="b", three="c")) == ["one", "three", "two"]
    (tmp_path / "notes.json").write_text("[]")
    assert write_plans(tmp_path, plans(one="a", two="x")) == ["three", "two"]
    assert {path.name for path in tmp_path.iterdir()} == {"one.json", "two.json", "notes.json"}
    assert read_plan(tmp_path, "two", "demo")["services"] == plan("two", "x")["services"]


def test_what_is_secret_stays_encrypted_and_keeps_its_bytes_while_it_is_the_same(tmp_path):
    write_plans(tmp_path, plans(one="hunter2", two="hunter2", open=None), OPEN)
    assert b"hunter2" in contents(tmp_path)["one.json"]

    assert write_plans(tmp_path, plans(one="hunter2", two="hunter2", open=None), OPEN, encrypt=True) == ["one", "two"]
    sealed = contents(tmp_path)
    assert "/etc/shadow" in sealed["one.json"].decode(), "what is not secret can be read"

    changed = {**plans(one="hunter2", two="hunter3", three="hunter4", open=None)}
    changed["one"]["namespaces"] = [{"name": "blue"}]
    assert write_plans(tmp_path, changed, OPEN) == ["one", "three", "two"]
    after = contents(tmp_path)
    assert not any(b"hunter" in text for text in after.values()), "a new one is encrypted, too"
    assert json.loads(after["one.json"])["secrets"] == json.loads(sealed["one.json"])["secrets"]
    assert {host: read_plan(tmp_path, host, "demo", OPEN)["services"] for host in changed} == {
        host: plan["services"] for host, plan in changed.items()
    }
    assert write_plans(tmp_path, changed, OPEN) == []

    (tmp_path / "two.json").write_text("<<<<<<< ours")
    assert write_plans(tmp_path, changed, OPEN) == ["two"]
    assert b"hunter" not in contents(tmp_path)["two.json"]


def test_a_file_that_ansible_vault_encrypted_is_read_and_goes_on_without_plain_secrets(tmp_path):
    write_plans(tmp_path, plans(one="hunter2", two="hunter2"))
    path = tmp_path / "one.json"
    path.write_text(OPEN.encrypted(path.read_text()))
    assert read_plan(tmp_path, "one", "demo", OPEN)["services"] == plan("one", "hunter2")["services"]
    write_plans(tmp_path, plans(one="hunter2", two="hunter2"), OPEN)
    assert not any(b"hunter" in text for text in contents(tmp_path).values())
    assert read_plan(tmp_path, "one", "demo", OPEN)["services"] == plan("one", "hunter2")["services"]


def test_without_the_secret_nothing_is_read_and_nothing_written(tmp_path):
    write_plans(tmp_path, plans(one="hunter2"), OPEN, encrypt=True)
    before = contents(tmp_path)
    with pytest.raises(AnsibleError, match=r"one\.json: .*no vault secrets"):
        read_plan(tmp_path, "one", "demo", LOCKED)
    with pytest.raises(AnsibleError, match=r"one\.json: .*no vault secrets"):
        write_plans(tmp_path, plans(one="hunter3"), LOCKED)
    with pytest.raises(AnsibleError):
        write_plans(tmp_path / "new", plans(one="hunter3"), LOCKED, encrypt=True)
    assert contents(tmp_path / "new") == {}
    (tmp_path / "new").rmdir()
    assert contents(tmp_path) == before


def test_what_does_not_fit_is_refused_with_every_reason(tmp_path):
    write_plans(tmp_path, plans(one=None))
    (tmp_path / "two.json").write_text(json.dumps({**plan("one", "hunter2"), "collection_version": "0.0.1"}))
    with pytest.raises(PlanError) as caught:
        read_plan(tmp_path, "two", "other")
    for fault in (
        "two.json: host is one, must be two",
        "two.json: site is demo, must be other",
        "two.json: collection_version is 0.0.1, must be ",
        "two.json: has secrets that others can read",
    ):
        assert fault in str(caught.value)
    with pytest.raises(PlanError, match="holds no plan for three"):
        read_plan(tmp_path, "three", "demo")
    (tmp_path / "four.json").write_text("{")
    with pytest.raises(PlanError, match=r"four\.json: is not a plan"):
        read_plan(tmp_path, "four", "demo")


def test_others_may_read_what_has_no_secrets_or_is_encrypted(tmp_path):
    write_plans(tmp_path / "plain", plans(one=None))
    write_plans(tmp_path / "sealed", plans(one="hunter2"), OPEN, encrypt=True)
    for directory in (tmp_path / "plain", tmp_path / "sealed"):
        (directory / "one.json").chmod(0o644)
        assert read_plan(directory, "one", "demo", OPEN)["host"] == "one"

    write_plans(tmp_path / "sealed", plans(one="hunter3"), OPEN)
    assert stat.S_IMODE((tmp_path / "sealed" / "one.json").stat().st_mode) == 0o600, "what is written is private again"
