# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service is, wanted and seen. Pure. PRIVATE to the collection."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: RESTARTING: it has ended and systemd will start it again. CHANGING: it is being started or stopped right now.
RUNNING, STOPPED, FAILED, RESTARTING, CHANGING = "running", "stopped", "failed", "restarting", "changing"

_PATH = re.compile(r"(/[A-Za-z0-9._@:+=,~-]+)+")


def is_path(text):
    """Whether text is an absolute, normalised path that can stand in a unit file as it is."""
    return bool(_PATH.fullmatch(text)) and not {".", ".."}.intersection(text.split("/"))


def is_own_directory(text):
    """Whether text can be a directory that goes with its service: nothing as high as /var/lib ever does."""
    return is_path(text) and text.count("/") >= 3


def above(path):
    """The directories that a path is in, nearest first, without the root."""
    found = []
    while path.count("/") > 1:
        path = path.rpartition("/")[0]
        found.append(path)
    return found


@dataclass(frozen=True)
class File:
    """A wanted file. change: what a change of it asks of the process, "restart", "reload" or "none"."""

    path: str
    content: bytes = b""
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"
    change: str = "restart"
    create_only: bool = False
    secret: bool = False
    kind = "file"


@dataclass(frozen=True)
class Directory:
    """A wanted directory, of this service alone."""

    path: str
    mode: str = "0755"
    owner: str = "root"
    group: str = "root"
    kind = "directory"


@dataclass(frozen=True)
class Service:
    """A wanted service. namespace: None for the host's own. paths: {path: File or Directory}."""

    name: str
    command: tuple
    namespace: str | None = None
    description: str = ""
    user: str | None = None
    reload_signal: str | None = None
    paths: dict = field(default_factory=dict)

    @property
    def files(self):
        """The wanted files."""
        return [each for each in self.paths.values() if each.kind == "file"]

    @property
    def directories(self):
        """The wanted directories."""
        return [each for each in self.paths.values() if each.kind == "directory"]

    def read_at_start(self):
        """Paths of the files that the process reads only when it starts."""
        kinds = ("restart",) if self.reload_signal else ("restart", "reload")
        return sorted(each.path for each in self.files if each.change in kinds)

    def read_again(self):
        """Paths of the files that the process reads when it gets its signal."""
        return sorted(each.path for each in self.files if self.reload_signal and each.change == "reload")


@dataclass(frozen=True)
class Seen:
    """What is at a path. kind: file, directory, symlink or other. content: bytes, or the symlink's target."""

    kind: str
    mode: str
    owner: str
    group: str
    uid: int
    gid: int
    mtime: int
    content: bytes = b""


@dataclass(frozen=True)
class Unit:
    """A unit file. text: None if there is none. mtime: ns since the epoch. masked: it is a link to /dev/null."""

    text: str | None = None
    mode: str = "0644"
    mtime: int = 0
    masked: bool = False


@dataclass(frozen=True)
class Process:
    """The main process of a unit, as systemd and the kernel tell it.

    started: when, and heard: when it was last told to read its files again or else started, ns
    since the epoch. digest: of the unit that it started from; None if it cannot be told. namespace: the
    network namespace that it is in. outdated: systemd has an older version of the unit file.
    """

    state: str = STOPPED
    pid: int = 0
    restarts: int = 0
    started: int = 0
    heard: int = 0
    digest: str | None = None
    namespace: tuple | None = None
    outdated: bool = False


@dataclass(frozen=True)
class Have:
    """One reading of the host.

    units: {name: Unit} of every unit of our prefix and every name asked for. processes:
    {name: Process}. paths: {path: Seen or None}. namespaces: {name: identity or None} of the wanted ones; under
    None that of the host. missing: directories that do not exist above wanted paths. now: ns
    since the epoch.
    """

    units: dict
    processes: dict
    paths: dict
    namespaces: dict
    missing: frozenset = frozenset()
    now: int = 0
