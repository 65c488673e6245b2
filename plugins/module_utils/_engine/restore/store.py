# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans that a host keeps. PRIVATE to the collection.

They hold secrets and are obeyed as root, so one that anybody else could have written or read is not
believed. There is a whole one at every moment of writing.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass

from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine import files
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.errors import EngineError
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore import paths
from ansible_collections.cloudnet.dataplane.plugins.module_utils._engine.restore.document import (
    Document,
    Refused,
    decode,
    digest,
)

_OTHERS, _OTHERS_WRITE = 0o077, 0o022


@dataclass(frozen=True)
class Loaded:
    """A kept plan. refused: why it is the former one, or None."""

    document: Document
    digest: str
    refused: str | None = None


def owners():
    """Whose plans there are, sorted."""
    try:
        return sorted(name for name in os.listdir(paths.PLANS) if os.path.isdir(paths.home(name)))
    except FileNotFoundError:
        return []


def load(home):
    """The plan that was applied last, or if it cannot be trusted the one before. Raises Refused for both."""
    try:
        return _loaded(home, paths.PLAN)
    except Refused as error:
        refused = str(error)
    try:
        return _loaded(home, paths.FORMER, refused)
    except Refused as error:
        raise Refused(f"{refused}. There is no other: {error}") from None


def _loaded(home, name, refused=None):
    content = read(f"{home}/{name}")
    try:
        return Loaded(decode(content), digest(content), refused)
    except Refused as error:
        raise Refused(f"{home}/{name} {error}") from None


def textfile_directory(home):
    """Where metrics go, whatever has become of the plans; None for nowhere."""
    try:
        return read(f"{home}/{paths.TEXTFILE_DIRECTORY}").decode().strip()
    except Refused:
        return None


def read(path):
    """The bytes of a file that only root can have written, or read. Raises Refused."""
    _refuse_directory(os.path.dirname(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"{path} cannot be opened: {os.strerror(error.errno)}") from error
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Refused(f"{path} is not a file")
        if found.st_uid != os.geteuid():
            raise Refused(f"{path} belongs to the user {found.st_uid}, not to root")
        if found.st_mode & _OTHERS:
            raise Refused(f"{path} has the mode {stat.S_IMODE(found.st_mode):04o}: others than root may use it")
        return file.read()


def _refuse_directory(path):
    try:
        found = os.stat(path)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {os.strerror(error.errno)}") from error
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
        raise Refused(f"{path}: others than root may change what is in it")


def save(home, content):
    """Keep these bytes as the plan that was applied last. The one before stays, if it can be trusted."""
    plan, former = f"{home}/{paths.PLAN}", f"{home}/{paths.FORMER}"
    with contextlib.suppress(Refused):
        _loaded(home, paths.PLAN)
        link = f"{former}.new"
        files.remove(link)
        os.link(plan, link)
        os.replace(link, former)
    try:
        files.replace(plan, content, 0o600, durable=True)
    except OSError as error:
        raise EngineError(f"{plan} cannot be written: {os.strerror(error.errno)}") from error
