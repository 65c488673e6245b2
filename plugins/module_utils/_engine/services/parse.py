# SPDX-License-Identifier: GPL-3.0-or-later
"""The config of the module netns_service, checked and normalised. Pure. PRIVATE to the collection."""

from __future__ import annotations

import re

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import fields
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import BadInput
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.services.service import (
    Directory,
    File,
    Service,
    above,
    is_own_directory,
    is_path,
)

ITEM = ("name", "namespace", "description", "command", "user", "reload_signal", "files", "directories")
FILE = ("path", "content", "mode", "owner", "group", "change", "create_only", "secret")
DIRECTORY = ("path", "mode", "owner", "group")

SIGNALS = ("HUP", "USR1", "USR2")
CHANGES = ("restart", "reload", "none")

#: Stands where the text of a secret would be shown.
HIDDEN = "(secret)"

#: What of a secret file everybody may see.
_SHOWN = tuple(key for key in FILE if key != "content")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}")
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse(config):
    """{name: Service}. Raises BadInput with every problem."""
    problems, wanted, places, names = [], {}, {}, {}
    for index, data in enumerate(config):
        item = fields.Fields(data, f"config[{index}]", problems, ITEM)
        name = item.get("name", _name, required=True)
        service = Service(
            name=name,
            command=_command(item),
            namespace=item.get("namespace", _namespace),
            description=item.get("description", _description, name),
            user=item.get("user", _account),
            reload_signal=item.get("reload_signal", fields.choice(*SIGNALS)),
            paths=_paths(item, places),
        )
        if names.setdefault(name, item.path) != item.path:
            item.problem(".name", name, f"is already given by {names[name]}.name")
        wanted[name] = service
    _refuse_shared_directories(wanted, places, problems)
    if problems:
        raise BadInput(problems)
    return wanted


def parse_names(config):
    """The names alone, for state absent."""
    problems, names = [], []
    for index, data in enumerate(config):
        item = fields.Fields(data, f"config[{index}]", problems, ITEM)
        names.append(item.get("name", _name, required=True))
    if problems:
        raise BadInput(problems)
    return list(dict.fromkeys(names))


def secrets(config):
    """The texts in a config of any shape that nobody may see: what secret files hold, under misspelt keys, too."""
    for item in config if isinstance(config, list) else ():
        files = item.get("files") if isinstance(item, dict) else None
        for file in files if isinstance(files, list) else ():
            if isinstance(file, dict) and file.get("secret"):
                yield from (str(value) for key, value in file.items() if key not in _SHOWN and value)


def _command(item):
    words = []
    for index, (suffix, word) in enumerate(item.items("command")):
        if not isinstance(word, str) or "\0" in word:
            item.problem(suffix, word, "must be text")
        elif index == 0 and not is_path(word):
            item.problem(suffix, word, "is not the path of a program")
        words.append(word)
    if not words:
        item.problem(".command", words, "must be a list of the program's path and its arguments")
    return tuple(words)


def _paths(item, places):
    """{path: File or Directory}. places: {path: (service path in the config, suffix)}, which grows."""
    found = {}
    for suffix, data in item.items("directories"):
        directory = item.below(suffix, data, DIRECTORY)
        path = directory.get("path", _own_directory, required=True)
        _first(places, path, item, f"{suffix}.path")
        found[path] = Directory(path=path, **_rights(directory, "0755"))
    for suffix, data in item.items("files"):
        file = _file(item, suffix, data)
        _first(places, file.path, item, f"{suffix}.path")
        found[file.path] = file
    return found


def _file(item, suffix, data):
    shown = data
    if isinstance(data, dict) and data.get("secret"):  # a problem shows the value that it is about
        shown = {key: value if key in _SHOWN else HIDDEN for key, value in data.items()}
    file = item.below(suffix, shown, FILE)
    create_only = file.get("create_only", fields.boolean, False)
    found = File(
        path=file.get("path", _path, required=True),
        content=file.get("content", lambda _shown: _content(data["content"]), b"", required=True),
        change=file.get("change", fields.choice(*CHANGES), "none" if create_only else "restart"),
        create_only=create_only,
        secret=file.get("secret", fields.boolean, False),
        **_rights(file, "0644"),
    )
    if create_only and found.change != "none":
        file.problem(".change", found.change, "must be none for a file that is only created")
    if found.secret and found.mode[-1] != "0":
        file.problem(".mode", found.mode, "lets everybody read a secret: the last digit must be 0")
    return found


def _rights(below, mode):
    return {
        "mode": below.get("mode", _mode, mode),
        "owner": below.get("owner", _account, "root"),
        "group": below.get("group", _account, "root"),
    }


def _first(places, path, item, suffix):
    """Note who has a path; a problem if somebody has it already."""
    if path is None:
        return
    earlier = places.setdefault(path, (item.path, suffix))
    if earlier != (item.path, suffix):
        item.problem(suffix, path, f"is already given by {''.join(earlier)}")


def _refuse_shared_directories(wanted, places, problems):
    """A directory goes with its service, so nothing of another service may be inside."""
    directories = {each.path for service in wanted.values() for each in service.directories}
    for path, (item, suffix) in places.items():
        for directory in directories.intersection(above(path)):
            other, at = places[directory]
            if other != item:
                problems.append(f"{item}{suffix}: {path}: is inside a directory of another service, {other}{at}")


def _name(value):
    name = fields.string(value)
    if not _NAME.fullmatch(name):
        raise ValueError("is not a name for a unit: letters, digits and _.:-, at most 200 of them")
    return name


def _namespace(value):
    name = fields.string(value)
    if not is_path(f"/{name}") or "/" in name:
        raise ValueError("is not the name of a network namespace: letters, digits and ._@:+=,~-")
    return name


def _description(value):
    text = fields.string(value)
    if _CONTROL.search(text) or text.endswith("\\"):
        raise ValueError("must be one line that does not end in a backslash")
    return text


def _account(value):
    name = fields.string(value)
    if not _ACCOUNT.fullmatch(name):
        raise ValueError("is not the name of an account")
    return name


def _path(value):
    path = fields.string(value)
    if not is_path(path):
        raise ValueError("is not an absolute path of letters, digits and ._@:+=,~-")
    return path


def _content(value):
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value.encode("utf-8", "surrogateescape")


def _own_directory(value):
    path = _path(value)
    if not is_own_directory(path):
        raise ValueError("goes with its service, so it must be at least three levels deep (/var/lib/NAME)")
    return path


def _mode(value):
    if not isinstance(value, str) or not re.fullmatch(r"0[0-7]{3}", value):
        raise ValueError('is not a mode: four octal digits in quotes, as "0644"')
    return value
