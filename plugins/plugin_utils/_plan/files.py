# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans on the controller's disk: one JSON file per host. PRIVATE to the collection."""

from __future__ import annotations

import json
import os

_SUFFIX = ".json"

_encode = json.JSONEncoder().encode
#: Sections, items, their keys, and the elements of those (a flow, a link, a rule) have lines of their own.
_DEPTH = 4


def write_plans(directory, plans):
    """Write every plan into the directory and remove those of hosts that have none any more.

    Returns the names of the hosts whose file is new, changed or gone. Readable by the owner only.
    """
    os.makedirs(directory, mode=0o700, exist_ok=True)
    changed = []
    for host, plan in plans.items():
        text = _text(plan, _DEPTH) + "\n"
        if _read(_path(directory, host)) != text:
            changed.append(host)
            _write(_path(directory, host), text)
    for name in os.listdir(directory):
        host = name[: -len(_SUFFIX)]
        if name.endswith(_SUFFIX) and host not in plans and _is_plan(os.path.join(directory, name)):
            changed.append(host)
            os.unlink(os.path.join(directory, name))
    return sorted(changed)


def read_plan(directory, host):
    """The plan of a host. Raises FileNotFoundError for a host without one."""
    with open(_path(directory, host), encoding="utf-8") as file:
        return json.load(file)


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


def _read(path):
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return file.read()


def _is_plan(path):
    try:
        content = json.loads(_read(path))
    except ValueError:
        return False
    return isinstance(content, dict) and {"host", "owner", "namespaces"} <= set(content)


def _write(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
