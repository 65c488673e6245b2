# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans on the controller's disk: one JSON file per host. PRIVATE to the collection.

What is secret in a plan can be encrypted, with a vault (_vault.py): then it stands in one string, `secrets`, and the
rest can be read and compared as ever.
"""

from __future__ import annotations

import copy
import json
import os
import stat
import tempfile

from ansible_collections.cloudnet.dataplane.plugins.plugin_utils._plan.version import collection_version

_SUFFIX = ".json"
#: How a file begins that has something encrypted: by us, or all of it by ansible-vault.
_ENCRYPTED = ('{\n "secrets": ', "$ANSIBLE_VAULT;")

_encode = json.JSONEncoder().encode
#: Sections, items, their keys, and the elements of those (a flow, a link, a rule) have lines of their own.
_DEPTH = 4


class PlanError(Exception):
    """A plan that cannot be used, and why."""


def write_plans(directory, plans, vault=None, encrypt=False):
    """Write every plan into the directory and remove those of hosts that have none any more.

    encrypt: what is secret; where a file of the directory has something encrypted, always.

    Returns the names of the hosts whose file is new, changed or gone. Readable by the owner only.
    """
    os.makedirs(directory, mode=0o700, exist_ok=True)
    names = {name for name in os.listdir(directory) if name.endswith(_SUFFIX)}
    encrypt = encrypt or any(_is_encrypted(os.path.join(directory, name)) for name in names)
    changed = []
    for host, plan in plans.items():
        path = _path(directory, host)
        document = {**plan, "collection_version": collection_version()}
        text = _text(_sealed(document, path, vault) if encrypt else document, _DEPTH) + "\n"
        if _read(path) != text:
            changed.append(host)
            _write(path, text)
    for name in names - {host + _SUFFIX for host in plans}:
        if _is_plan(_decrypted(os.path.join(directory, name), vault)):
            changed.append(name[: -len(_SUFFIX)])
            os.unlink(os.path.join(directory, name))
    return sorted(changed)


def read_plan(plan_dir, host, site=None, vault=None):
    """The plan of a host. Raises PlanError where there is none, or one that is not the host's, the site's or ours."""
    path = _path(plan_dir, host)
    text = _decrypted(path, vault)
    if text is None:
        raise PlanError(
            f"{plan_dir} holds no plan for {host}: is it in one of the groups controller, network, compute, "
            "outside_world? playbooks/plan.yml makes plans"
        )
    try:
        plan = json.loads(text)
    except ValueError as error:
        raise PlanError(f"{path}: is not a plan: {error}") from error
    faults = _misfits(plan, host, site)
    if _others_may_read(path) and not _is_encrypted(path) and _secret_files(plan):
        faults.append("has secrets that others can read: plan with dataplane_plan_vault, or chmod 600")
    if faults:
        raise PlanError("\n".join(f"{path}: {fault}" for fault in faults))
    return _opened(plan, vault, path)


def _sealed(plan, path, vault):
    """The plan with its secrets encrypted; while they are the same, in the same string: each encryption is another."""
    plan = {**plan, "services": copy.deepcopy(plan["services"])}
    secret_files = _secret_files(plan)
    if not secret_files:
        return plan
    secrets = json.dumps([file["content"] for file in secret_files])
    for file in secret_files:
        file["content"] = None
    sealed = _former(path, vault).get("secrets")
    if not sealed or vault.decrypted(sealed, path) != secrets:
        sealed = vault.encrypted(secrets)
    return {"secrets": sealed, **plan}


def _former(path, vault):
    """What a file holds before it is written anew; nothing where git has left the marks of a conflict in it."""
    try:
        return json.loads(_decrypted(path, vault) or "{}")
    except ValueError:
        return {}


def _opened(plan, vault, path):
    """The plan with its secrets where they belong."""
    sealed = plan.pop("secrets", None)
    if sealed:
        for file, content in zip(_secret_files(plan), json.loads(vault.decrypted(sealed, path))):
            file["content"] = content
    return plan


def _misfits(plan, host, site):
    """What a plan must say, and does not."""
    wanted = {"host": host, "site": site or plan.get("site"), "collection_version": collection_version()}
    return [
        f"{key} is {plan.get(key)}, must be {value}: make it anew with playbooks/plan.yml"
        for key, value in wanted.items()
        if plan.get(key) != value
    ]


def _secret_files(plan):
    return [file for service in plan["services"] for file in service.get("files", ()) if file.get("secret")]


def _others_may_read(path):
    return bool(os.stat(path).st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _is_encrypted(path):
    return _read(path, max(map(len, _ENCRYPTED))).startswith(_ENCRYPTED)


def _decrypted(path, vault):
    """The text of a file, None if there is none."""
    text = _read(path)
    return vault.decrypted(text, path) if vault and text else text


def _text(value, depth, line="\n"):
    """JSON, indented to a depth. json's own indent has none, and no C: it takes twice as long."""
    if not depth or not value or not isinstance(value, (dict, list)):
        return _encode(value)
    inner = line + " "
    if isinstance(value, dict):
        items = [f"{_encode(key)}: {_text(item, depth - 1, inner)}" for key, item in value.items()]
        return f"{{{inner}{(',' + inner).join(items)}{line}}}"
    return f"[{inner}{(',' + inner).join([_text(item, depth - 1, inner) for item in value])}{line}]"


def _path(directory, host):
    return os.path.join(directory, host + _SUFFIX)


def _read(path, length=-1):
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return file.read(length)


def _is_plan(text):
    try:
        content = json.loads(text)
    except ValueError:
        return False
    return isinstance(content, dict) and {"host", "owner", "namespaces"} <= set(content)


def _write(path, text):
    """Replace the file in one step, with one that nobody else may read."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".plan-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
