# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host should keep so that its data plane comes back, and what it has. PRIVATE to the collection."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import command
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError, ForeignObject
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import paths, store, units
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.document import Refused, encode
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.run import RECONCILE, RESTORE


@dataclass(frozen=True)
class File:
    """A regular file. root: it is root's."""

    content: bytes
    mode: int
    root: bool = True


@dataclass(frozen=True)
class Unit:
    """What systemd does with a unit. outdated: it has yet to read the file."""

    enabled: bool = False
    active: bool = False
    outdated: bool = False


@dataclass(frozen=True)
class Kept:
    """directories: {path: mode or None}. files: {path: File or None}. units: {name: Unit or None}.

    documents: {owner: Document, or None for one that cannot be trusted}.
    """

    directories: dict
    files: dict
    units: dict
    documents: dict


def wanted(owner, document, engine, have):
    """A Kept: what there should be, with a Document for owner or, for None, without any."""
    others = {name: each for name, each in have.documents.items() if name != owner}
    documents = {**others, owner: document} if document else others
    texts = units.render([each.interval if each else 0 for each in documents.values()])
    return Kept(
        directories={
            paths.PLANS: 0o700 if documents else None,
            paths.home(owner): 0o700 if document else None,
            os.path.dirname(paths.ENGINE): 0o755 if documents else None,
        },
        files={**_files(owner, document, engine, documents, have), **{
            f"{paths.UNITS}/{name}": text and File(text.encode(), 0o644) for name, text in texts.items()
        }},
        units={name: text and _runs(name) for name, text in texts.items()},
        documents=documents,
    )  # fmt: skip


def _files(owner, document, engine, documents, have):
    """The files beside the units. The former plan is whatever it is, as long as there is a plan."""
    files = {
        paths.ENGINE: File(engine, 0o644) if documents else None,
        f"{paths.home(owner)}/{paths.PLAN}": File(encode(document), 0o600) if document else None,
        f"{paths.home(owner)}/{paths.TEXTFILE_DIRECTORY}": _textfile_directory(document),
    }
    before = have.documents.get(owner)
    if before and (not document or before.textfile_directory != document.textfile_directory):
        files.update(dict.fromkeys(_textfiles(before)))
    if not document:
        files.update(dict.fromkeys([f"{paths.home(owner)}/{paths.FORMER}", paths.stamp(owner)]))
    return files


def _textfile_directory(document):
    directory = document.textfile_directory if document else None
    return File(f"{directory}\n".encode(), 0o600) if directory else None


def _textfiles(document):
    directory = document.textfile_directory
    return [paths.textfile(directory, document.owner, verb) for verb in (RESTORE, RECONCILE)] if directory else []


def _runs(name):
    """The Unit as it should be. What is triggered by another one is not enabled, but for what also runs at boot."""
    return Unit(enabled=name != units.RECONCILE, active=name in units.WAITING)


def observe(owner, show):
    """A Kept: what there is. show: as show() below."""
    documents = {name: _document(name) for name in store.owners()}
    home = paths.home(owner)
    concerned = [f"{home}/{name}" for name in (paths.PLAN, paths.FORMER, paths.TEXTFILE_DIRECTORY)]
    concerned += [paths.ENGINE, paths.stamp(owner)]
    concerned += _textfiles(documents[owner]) if documents.get(owner) else []
    concerned += [f"{paths.UNITS}/{name}" for name in units.ALL]
    directories = [paths.PLANS, home, os.path.dirname(paths.ENGINE)]
    return Kept(
        directories={path: _mode_of_directory(path) for path in directories},
        files={path: _file(path) for path in concerned},
        units=show(units.ALL),
        documents=documents,
    )


def _document(owner):
    try:
        return store.load(paths.home(owner)).document
    except Refused:
        return None


def _mode_of_directory(path):
    """The mode, -1 of one that is not root's, None if there is none."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(found.st_mode):
        raise EngineError(f"{path} exists and is no directory: remove it")
    return stat.S_IMODE(found.st_mode) if found.st_uid == os.geteuid() else -1


def _file(path):
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise EngineError(f"{path} exists and is no file: remove it")
    with open(path, "rb") as file:
        content = file.read()
    if path.startswith(paths.UNITS) and not content.startswith(units.HEAD.encode()):
        raise ForeignObject(f"unit file {path}", f"rm {path}")
    return File(content, stat.S_IMODE(found.st_mode), found.st_uid == os.geteuid())


def show(names):
    """{unit: Unit, or None if systemd has no such}"""
    properties = "--property=Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload"
    blocks = command.run(["systemctl", "show", properties, "--", *names], package="systemd").strip().split("\n\n")
    told = [dict(line.split("=", 1) for line in block.splitlines()) for block in blocks]
    return {block["Id"]: _unit(block) for block in told}


def _unit(block):
    if block["LoadState"] == "not-found":
        return None
    # What runs only for a moment may do so right now
    active = block["Id"] in units.WAITING and block["ActiveState"] == "active"
    return Unit(block["UnitFileState"] == "enabled", active, block["NeedDaemonReload"] == "yes")
